"""Without UTF-8 nothing becomes a question mark: every command's output has an ASCII form."""

from __future__ import annotations

import ast
import io
import re
import sys
from itertools import product
from pathlib import Path

import pytest
from command_lines import MODEL
from conftest import Result, Run, Screen, Walk, some

import rnncli
from rnncli.characters import ASCII_FORMS, spell_out
from rnncli.cli import COMMANDS, run
from rnncli.export import TARGETS

DEEP = "embed:10000x32:mask,lstm:16:seq:bi,lstm:16:seq:bi,lstm:16:seq:bi,norm,gru:4:back,repeat:5,rnn:3:seq,pool:max"
SMALL = "embed:10x4,lstm:3:seq:bi,dropout:0.5,rnn:3,dense:1:sigmoid"
LONG = "input:8," + "lstm:16:seq," * 20

LINES = """
summary DEEP; summary DEEP --wide --batch 4; summary DEEP --wide -f FORMAT
summary input:8,gru:8:seq,pool:max --wide --batch 4 --timesteps 9 --rate 12.5
summary input:8,gru:8:seq:x8,dense:1 --wide; summary input:8,gru:8:seq:x8,gru:4,dense:1 --wide --framework torch
summary; summary LONGrnn:2,rnn:2; summary LONGrnm:2; summary input:9999999999,rnn:4
summary input:8,rnn:4 --frmat json; summary input:8,rnn:4 --svg x.png
summary input:8,rnn:4 --timesteps aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
forward TINY --timesteps 12 --plot; forward input:32,rnn:64:seq:x3 --init uniform
forward input:3,norm,rnn:4:seq:x5,gru:2 --timesteps 100 --batch 2 --plot --gates
forward input:8,rnn:4 --weights nowhere.npz
explain DEEP; explain DEEP -f json; explain DEEP --framework torch; explain input:8,gru:4:reset=before,dense:2 --others
draw DEEP; draw input:8,gru:8:seq:x8,rnn:4:bi,dense:1 --timesteps 4; draw input:8,rnn
compare DEEP input:8,rnn:4 input:8,lstm:4 input:8,rnn:4 input:8,rnn:4 --timesteps 9
compare input:8,gru:8:seq:x8 input:8,lstm:8:seq:x8; compare input:5x8,lstm:4 --timesteps 10 --timesteps 500
compare input:8,lstm:4:bi:seq,gru:8 --timesteps 10 --timesteps 500 --framework torch
reach DEEP --timesteps 9 --seeds 2; reach input:8,rnn:4 input:8,rnn:4:back MODEL --seeds 1
reach input:8,rnn:4 --seeds 2 -f FORMAT; reach input:3,rnn:2:relu:nobias --init uniform --timesteps 2000
reach input:3,dense:2
sweep input:8,{rnn,lstm,gru}:{8..64..8} --timesteps 9; sweep input:8,lstm:{8..64..8} --pareto params,-output
sweep input:8,lstm:{8..64..8} --max-params 10; sweep LONG{rnn,rnm}:{4,8}; sweep input:8,lstm:{8..
solve input:8,lstm:_ --params 1M; solve input:8,lstm:_ --params 1; solve input:8,lstm:_
export input:8,norm,lstm:16:seq:x3,dense:1 --to TARGET -o made; export input:8,gru:16:seq:bi --to SOURCE
inspect MODEL; inspect MODEL -f csv; inspect nowhere.npz; spec MODEL; spec DEEP; spec input:8,rnm:4
page input:8,rnn:4 --timesteps 9; layers; layers ENTRY; completion SHELL; help; help COMMAND; help sumary
"""
"""Command lines of every command, including wrong ones; a word in capitals stands for each of its values in turn."""

WORDS = {
    "DEEP": DEEP,
    "TINY": DEEP.replace("10000", "10"),
    "LONG": LONG,
    "MODEL": MODEL,
    "FORMAT": "json csv tsv markdown html",
    "TARGET": " ".join(TARGETS),
    "SOURCE": "keras torch numpy",
    "ENTRY": "lstm norm seq reset gelu return_state lsmt",
    "SHELL": "bash zsh fish",
    "COMMAND": " ".join(COMMANDS),
}

TYPED = ["input:8，lstm:4", "input:8→lstm:4", "input:８,lstm:4", "embed:100×8,rnn:3", "input:8,λstm:4"]
"""Specs with characters that rnncli itself never prints."""


def expanded(text: str) -> list[str]:
    """The command lines of a text, with each value of the words in capitals."""
    lines = text.strip().replace("\n", "; ").split("; ")
    for name, words in WORDS.items():
        lines = [line.replace(name, word) for line in lines for word in (words.split() if name in line else [""])]
    return lines


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line with a given output encoding, as the program does."""

    def call(encoding: str, *arguments: str) -> Result:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with monkeypatch.context() as patched:
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                spell_out(stream)
                patched.setattr(sys, name, stream)
            status = run(arguments)
        return Result(status, *(stream.buffer.getvalue().decode(encoding) for stream in streams))

    return call


def tables(text: str) -> list[list[str]]:
    """The tables in a text in ASCII, each from one rule at the start of a line to the next."""
    found = re.findall(r"^\+-+\+\n(?:\|.*\n)+\+-+\+$", text, re.MULTILINE)
    return [table.splitlines() for table in found]


def test_nothing_becomes_a_question_mark_and_tables_line_up(printed: Run, at: Walk) -> None:
    lines = [line.split() for line in expanded(LINES)]
    assert {command for command, *_ in lines} == {*COMMANDS}
    for line in some(lines, 3):
        with at(*line):
            whole, plain = printed("utf-8", *line), printed("ascii", *line)
            assert plain.status == whole.status
            assert [text.count("?") for text in plain[1:]] == [text.count("?") for text in whole[1:]]
            assert len(tables(plain.stdout)) == whole.stdout.count("┏")
            assert all(len({*map(len, table)}) == 1 for table in tables(plain.stdout))


def test_a_screen_in_ascii_reads_as_reviewed(printed: Run, screen: Screen) -> None:
    screen("summary-ascii", printed("ascii", "summary", SMALL).stdout)
    screen("draw-ascii", printed("ascii", "draw", "input:8,rnn:4:seq:back,lstm:4:bi=sum,dense:3").stdout)
    run = printed("ascii", "forward", "input:8,gru:16", "--timesteps", "40", "--plot").stdout
    plot = run[run.index("gru over time") :]
    screen("plot-ascii", "\n".join(line.rstrip() for line in plot.splitlines()) + "\n")


def test_other_encodings_keep_the_characters_that_they_have(printed: Run) -> None:
    line = ("explain", "input:8,norm,rnn:4")
    latin, plain = printed("latin-1", *line), printed("ascii", *line)
    assert latin.stdout == plain.stdout  # layout is ASCII throughout
    assert "rate × macs_per_step" in printed("latin-1", "help", "keys").stdout


def test_carets_stay_below_the_fault(printed: Run, at: Walk) -> None:
    for spec in (*TYPED, f"{LONG}rnm:2", f"{LONG}rnm:2,{LONG[8:]}rnn:3"):
        with at(spec):
            faults = []
            for encoding in ("utf-8", "ascii"):
                text = printed(encoding, "summary", spec).stderr
                shown, carets = re.search(r"^  (.*)\n  ( *\^+)$", text, re.MULTILINE).groups()  # type: ignore[union-attr]
                cells = "".join(each * (2 if each in "，８" else 1) for each in shown)
                faults.append(cells[carets.index("^") : len(carets)])
            forms = ASCII_FORMS | dict.fromkeys("，８λ", "?")
            assert faults[1] == "".join(forms.get(each, each) for each in faults[0])


def test_completions_and_their_help_are_in_ascii(printed: Run, at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    for shell, typed in product(
        ("bash", "zsh", "fish"), ("", "summary ", "summary input:8,", "summary input:8,gru:3:")
    ):
        with at(shell, typed):
            monkeypatch.setenv("_RNNCLI_COMPLETE", f"{shell}_complete")
            monkeypatch.setenv("COMP_LINE", f"rnncli {typed}")
            monkeypatch.setenv("COMP_WORD", typed.rpartition(" ")[2])
            whole, plain = printed("utf-8"), printed("ascii")
            assert whole.stdout != ""
            assert [plain.stdout.count(each) for each in "?\n"] == [whole.stdout.count(each) for each in "?\n"]


def test_the_program_detects_what_the_output_can_show(program: Run) -> None:
    listed = program("layers", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").stdout
    assert listed.isascii()
    assert "h = act(x.W + h.U + b)" in listed
    assert "?" not in listed
    refused = program("summary", f"{LONG}rnm:2", PYTHONIOENCODING="ascii").stderr
    assert refused.splitlines()[1].startswith("  ...")


def test_a_picture_has_all_characters_whatever_the_output_encoding(printed: Run) -> None:
    assert printed("ascii", "explain", "input:8,lstm:4", "--svg", "p.svg").status == 0
    assert "×" in Path("p.svg").read_text(encoding="utf-8")


def characters_of(module: Path, all_but: set[str]) -> set[str]:
    """The characters that a module may print: all in its texts except the given ones and those in docstrings."""
    source = module.read_text(encoding="utf-8")
    if source.isascii() or {*source} <= {*map(chr, range(128)), *all_but}:
        return set()
    tree = ast.parse(source)
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in words]
    return {each for text in texts if isinstance(text, str) for each in text if not each.isascii()} - all_but


READERS = [
    *("characters", "commands/completion", "commands/rewrites", "commands/specs", "formats/torch/pickles"),
    *("quantities", "render/svg"),
]
"""Modules that only search for such characters, or show them only to programs."""


def test_every_character_in_the_source_has_an_ascii_form() -> None:
    package = Path(rnncli.__file__).parent
    modules = {path.relative_to(package).with_suffix("").as_posix(): path for path in package.rglob("*.py")}
    assert characters_of(modules["render/comparisons"], {"–", "…"}) == {"×", "−"}
    without = {name: characters_of(path, {*ASCII_FORMS}) for name, path in modules.items() if name not in READERS}
    assert {name: characters for name, characters in without.items() if characters} == {}
    assert all(form.isascii() for form in ASCII_FORMS.values())
