"""Without UTF-8 nothing becomes a question mark: what rnncli prints has a form in ASCII, in every command."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_lines import MODEL
from conftest import Result

import rnncli
from rnncli.characters import ASCII_FORMS, spell_out
from rnncli.cli import COMMANDS, run
from rnncli.export import TARGETS

Run = Callable[..., Result]

DEEP = "embed:10000x32:mask,lstm:16:seq:bi,lstm:16:seq:bi,lstm:16:seq:bi,norm,gru:4:back,repeat:5,rnn:3:seq,pool:max"
LONG = "input:8," + "lstm:16:seq," * 20

LINES: dict[str, list[list[str]]] = {
    "summary": [
        [DEEP],
        [DEEP, "--wide", "--batch", "4"],
        ["input:8,gru:8:seq,pool:max", "--wide", "--batch", "4", "--timesteps", "9", "--rate", "12.5"],
        ["input:8,gru:8:seq:x8,dense:1", "--wide"],
        ["input:8,gru:8:seq:x8,gru:4,dense:1", "--wide", "--framework", "torch"],
        *([DEEP, "--wide", "-f", name] for name in ("json", "csv", "tsv", "markdown", "html")),
        [f"{LONG}rnn:2,rnn:2"],
        [f"{LONG}rnm:2"],
        ["input:8,rnn:4", "--frmat", "json"],
        ["input:8,rnn:4", "--timesteps", "a" * 60],
        ["input:8,rnn:4", "--svg", "x.png"],
        ["input:9999999999,rnn:4"],
        [],
    ],
    "forward": [
        [DEEP.replace("10000", "10"), "--timesteps", "12", "--plot"],
        ["input:3,norm,rnn:4:seq:x5,gru:2", "--timesteps", "100", "--batch", "2", "--plot", "--gates"],
        ["input:32,rnn:64:seq:x3", "--init", "uniform"],
        ["input:8,rnn:4", "--weights", "nowhere.npz"],
    ],
    "explain": [
        [DEEP],
        [DEEP, "--framework", "torch"],
        ["input:8,gru:4:reset=before,dense:2", "--others"],
        [DEEP, "-f", "json"],
    ],
    "draw": [[DEEP], ["input:8,gru:8:seq:x8,rnn:4:bi,dense:1", "--timesteps", "4"], ["input:8,rnn"]],
    "compare": [
        [DEEP, "input:8,rnn:4", "input:8,lstm:4", "input:8,rnn:4", "input:8,rnn:4", "--timesteps", "9"],
        ["input:8,gru:8:seq:x8", "input:8,lstm:8:seq:x8"],
        ["input:8,lstm:4:bi:seq,gru:8", *("--timesteps", "10", "--timesteps", "500", "--framework", "torch")],
        ["input:5x8,lstm:4", "--timesteps", "10", "--timesteps", "500"],
    ],
    "reach": [
        [DEEP, "--timesteps", "9"],
        ["input:8,rnn:4", "input:8,rnn:4:back", MODEL, "--seeds", "1"],
        *(["input:8,rnn:4", "--seeds", "2", "-f", name] for name in ("json", "csv", "tsv", "markdown", "html")),
        ["input:3,rnn:2:relu:nobias", "--init", "uniform", "--timesteps", "2000"],
        ["input:3,dense:2"],
    ],
    "sweep": [
        ["input:8,{rnn,lstm,gru}:{8..64..8}", "--timesteps", "9"],
        ["input:8,lstm:{8..64..8}", "--pareto", "params,-output"],
        ["input:8,lstm:{8..64..8}", "--max-params", "10"],
        [f"{LONG}{{rnn,rnm}}:{{4,8}}"],
        ["input:8,lstm:{8.."],
    ],
    "solve": [["input:8,lstm:_", "--params", "1M"], ["input:8,lstm:_", "--params", "1"], ["input:8,lstm:_"]],
    "export": [["input:8,norm,lstm:16:seq:x3,dense:1", "--to", name, "-o", "made"] for name in TARGETS]
    + [["input:8,gru:16:seq:bi", "--to", name] for name in ("keras", "torch", "numpy")],
    "inspect": [[MODEL], [MODEL, "-f", "csv"], ["nowhere.npz"]],
    "spec": [[MODEL], [DEEP], ["input:8,rnm:4"]],
    "layers": [[], ["lstm"], ["norm"], ["seq"], ["reset"], ["gelu"], ["return_state"], ["lsmt"]],
    "completion": [["bash"], ["zsh"], ["fish"]],
    "help": [[], *([name] for name in COMMANDS), ["sumary"]],
}
"""Command lines of every command, wrong ones among them."""

TYPED = ["input:8，lstm:4", "input:8→lstm:4", "input:８,lstm:4", "embed:100×8,rnn:3", "input:8,λstm:4"]
"""Specs with characters that rnncli would not print of its own accord."""

ALL = [(name, *line) for name, some in LINES.items() for line in some]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command line where the output has an encoding, as the program does."""

    def call(encoding: str, *arguments: str) -> Result:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with monkeypatch.context() as patched:
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                spell_out(stream)
                patched.setattr(sys, name, stream)
            status = run(arguments)
        return Result(status, *(stream.buffer.getvalue().decode(encoding) for stream in streams))

    return call


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tables(text: str) -> list[list[str]]:
    """The tables of a text in ASCII: from one rule at the start of a line to the next."""
    found = re.findall(r"^\+-+\+\n(?:\|.*\n)+\+-+\+$", text, re.MULTILINE)
    return [table.splitlines() for table in found]


def test_every_command_is_looked_at() -> None:
    assert {*LINES} == {*COMMANDS}


@pytest.mark.parametrize("line", ALL, ids=lambda line: " ".join(line)[:50])
def test_nothing_becomes_a_question_mark_and_tables_line_up(line: tuple[str, ...], printed: Run) -> None:
    whole, plain = printed("utf-8", *line), printed("ascii", *line)
    assert plain.status == whole.status
    assert [text.count("?") for text in plain[1:]] == [text.count("?") for text in whole[1:]]
    for lines in tables(plain.stdout):
        assert len({len(line) for line in lines}) == 1, "\n".join(lines)
    assert len(tables(plain.stdout)) == whole.stdout.count("┏")


def test_other_alphabets_keep_what_they_have(printed: Run) -> None:
    line = ("explain", "input:8,norm,rnn:4")
    latin, plain = printed("latin-1", *line), printed("ascii", *line)
    assert latin.stdout == plain.stdout  # what is laid out is ASCII throughout
    assert "x·W" in printed("latin-1", "layers").stdout


@pytest.mark.parametrize("spec", [*TYPED, f"{LONG}rnm:2", f"{LONG}rnm:2,{LONG[8:]}rnn:3"])
def test_carets_stay_below_the_fault(spec: str, printed: Run) -> None:
    faults = []
    for encoding in ("utf-8", "ascii"):
        text = printed(encoding, "summary", spec).stderr
        shown, carets = re.search(r"^  (.*)\n  ( *\^+)$", text, re.MULTILINE).groups()  # type: ignore[union-attr]
        cells = "".join(each * (2 if each in "，８" else 1) for each in shown)
        faults.append(cells[carets.index("^") : len(carets)])
    forms = ASCII_FORMS | dict.fromkeys("，８λ", "?")
    assert faults[1] == "".join(forms.get(each, each) for each in faults[0])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "line", ["rnncli ", "rnncli summary ", "rnncli summary input:8,", "rnncli summary input:8,gru:3:"]
)
def test_completions_and_what_they_mean_are_in_ascii(
    shell: str, line: str, printed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RNNCLI_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORD", line.rpartition(" ")[2])
    whole, plain = printed("utf-8"), printed("ascii")
    assert whole.stdout != ""
    assert plain.stdout.count("?") == whole.stdout.count("?")
    assert plain.stdout.count("\n") == whole.stdout.count("\n")


@pytest.mark.parametrize(
    "env",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["PYTHONIOENCODING", "LC_ALL"],
)
def test_the_program_hears_what_the_output_can_show(env: dict[str, str], program: Run) -> None:
    result = program("layers", **env)
    assert result.stdout.isascii()
    assert "h = act(x.W + h.U + b)" in result.stdout
    assert "?" not in result.stdout
    assert program("summary", f"{LONG}rnm:2", **env).stderr.splitlines()[1].startswith("  ...")


def test_a_picture_has_all_characters_whatever_the_output_has(printed: Run) -> None:
    assert printed("ascii", "explain", "input:8,lstm:4", "--svg", "p.svg").status == 0
    assert "×" in Path("p.svg").read_text(encoding="utf-8")


def characters_of(module: Path) -> set[str]:
    """The characters of a module's texts that may be printed: all but those of docstrings and of what is read."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in words]
    return {character for text in texts if isinstance(text, str) for character in text if not character.isascii()}


READERS = (
    *("language/habits.py", "commands/completion.py", "commands/specs.py", "formats/torch/pickles.py"),
    "quantities.py",
)
"""Modules that only look for such characters, or show them to programs alone."""


def test_every_character_in_the_source_has_a_form_in_ascii() -> None:
    package = Path(rnncli.__file__).parent
    found = {path.relative_to(package).as_posix(): characters_of(path) for path in package.rglob("*.py")}
    assert {"×", "…"} <= set().union(*found.values())
    without = {
        name: missing for name, all_ in found.items() if name not in READERS and (missing := all_ - {*ASCII_FORMS})
    }
    assert without == {}
    assert all(form.isascii() for form in ASCII_FORMS.values())
