"""Wrong command lines: errors in the same style as those of specs, with the whole line repaired.

The typed lines and their errors are in tests/screens/errors-command-line.txt.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shlex
from collections.abc import Callable
from itertools import product
from pathlib import Path

import click
import pytest
from command_lines import COMMAND_LINES, OPTIONS, command_of
from conftest import Result, Run, Screen, Walk, examples, some, without_styles
from hypothesis import example, given
from hypothesis import strategies as st
from sessions import blocks, replay

from rnncli.cli import COMMANDS, cli, run
from rnncli.commands.command_line import REDIRECTIONS
from rnncli.commands.groups import long_name
from rnncli.commands.help import TOPICS
from rnncli.commands.values import FileName
from rnncli.language.spec import EXAMPLE

SPEC = "input:8,rnn:4"

MISTAKES = Path(__file__).parent / "mistakes"


@pytest.fixture(autouse=True)
def _in_a_directory_with_two_files() -> None:
    for name in ("net.txt", "my nets.txt"):
        Path(name).write_text("input:8,lstm:4\n")


def parsed(line: str) -> list[str]:
    """The words of a command line after `rnncli`, if Click accepts it; otherwise the test fails."""
    program, *words = shlex.split(line)
    assert program == "rnncli"
    end = next((place for place, word in enumerate(words) if word in REDIRECTIONS), len(words))
    del words[end:]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.exceptions.Exit):
        if words and words[0] in COMMANDS:
            command_of(words[0]).make_context(words[0], words[1:], parent=click.Context(cli, **cli.context_settings))
        else:
            cli.make_context("rnncli", list(words))
    return words


def repairs_in(text: str) -> list[str]:
    """The command lines in the Help lines of errors."""
    return re.findall(r"(?:^Help: |: )(rnncli .*)$", text, re.MULTILINE)


def words_of_the_repair(result: Result) -> list[str]:
    """The words after `rnncli` of the command line in an error's Help line."""
    _, help_line = result.refusal().splitlines()
    (line,) = repairs_in(help_line)
    return parsed(line)


def test_every_error_reads_as_reviewed_and_its_repair_is_right(at: Walk, rnncli: Run, screen: Screen) -> None:
    def answer(line: str) -> str:
        _, _, *words = shlex.split(line)
        result = rnncli(*words)
        with at(line):
            assert result.status == 2
            assert not result.stdout or words[0] in (
                "compare",
                "explain",
            )  # the right networks
            assert result.stderr.splitlines()[-1].startswith("Help: ")
            for repair in repairs_in(result.stderr):
                parsed(repair)
        return result.stderr

    blocks("errors-command-line", answer, screen)


def meaning(words: list[str]) -> tuple[str, dict[str, object]]:
    """The command that a line runs, and its arguments."""
    context = command_of(words[0]).make_context(words[0], words[1:], parent=click.Context(cli, **cli.context_settings))
    return words[0], context.params


def test_text_as_people_type_it_is_understood(at: Walk, rnncli: Run) -> None:
    """Each line of the file has the words typed after `rnncli`, and its possible meanings; the suggested line works."""
    lines = (MISTAKES / "lines.txt").read_text(encoding="utf-8").splitlines()
    also_run = {*some(lines, 10)}
    for line in lines:
        typed, arrow, meanings = line.partition(" => ")
        if arrow:
            with at(typed):
                before = {*os.listdir()}
                result = rnncli(*shlex.split(typed))
                offered = repairs_in(result.stderr) if result.status else [f"rnncli {typed}"]
                meant = [meaning(shlex.split(each)) for each in meanings.split(" | ")]
                assert [meaning(parsed(each)) in meant for each in offered] == [True]
                assert line not in also_run or rnncli(*parsed(offered[0])).status != 2
                for made in {*os.listdir()} - before:  # which the offer for a later line would not overwrite
                    os.remove(made)


EMPTY = "net.onnx net.pth model.onnx net.c net.py net.svg input:8 empty.txt nets/one.npz output/config.json"
FILES = {
    **dict.fromkeys([*EMPTY.split(), "output/model.safetensors", "output/train.py"], ""),
    "a.txt": "# two\nLSTM(8, 4)\n",
    "b.txt": "hello\n",
    "c.c": "/* input:8 */\n",
    "y.yaml": "services:\n  web: 64\n",
    "table.txt": "┌─────────────┐\n│ lstm (LSTM) │\n",
    "patterns.txt": "\n# candidates\ninput:{1..3},rnn:4\n",
    "sized.py": "class N(nn.Module):\n def __init__(self, size):\n  self.rnn = nn.LSTM(size, 8)\n",
}
"""The files that the lines of errors-files.txt name or misspell."""


def test_a_name_that_is_no_file_of_specs_or_weights_is_answered_as_reviewed(rnncli: Run, screen: Screen) -> None:
    for folder in ("nets", "output", "hollow"):
        os.mkdir(folder)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    rnncli("forward", "input:8,lstm:4", "--save-weights", "weights.npz", "--timesteps", "2")
    for name in ("C:weights.npz", "my weights.npz", "teacher.npz", "numbers.npy", "weights-2.npy"):
        Path(name).write_bytes(Path("weights.npz").read_bytes())
    replay("errors-files", rnncli, screen)


def test_a_module_as_pytorch_prints_it_becomes_a_line_with_its_layers(rnncli: Run) -> None:
    head = "(head): Sequential(\n    (0): ReLU()\n    (1): Linear(in_features=32, out_features=1, bias=True)\n  )"
    error = rnncli("summary", f"Net(\n  (lstm): LSTM(8, 32, batch_first=True)\n  {head}\n)").stderr
    assert error.startswith("Error: this is neither a spec nor a valid line of Keras or PyTorch\n")
    layers = "LSTM(8, 32, batch_first=True), Sequential(ReLU(), Linear(in_features=32, out_features=1, bias=True))"
    assert error.endswith(f"Help: perhaps: '{layers}'\n")


def test_the_file_name_determines_the_export_target_if_only_one_target_has_such_files(rnncli: Run) -> None:
    assert rnncli("export", SPEC, "-o", "model.onnx").status == 0
    assert rnncli("export", SPEC, "--to", "onnx", "-o", "again.onnx").status == 0
    assert Path("model.onnx").read_bytes() == Path("again.onnx").read_bytes()


def arguments_of(command: str) -> list[str]:
    if command == "solve":
        return ["input:8,lstm:_"]
    return [SPEC] if any(each.nargs == -1 for each in command_of(command).params) else []


def test_a_misspelt_option_is_repaired(at: Walk, rnncli: Run) -> None:
    right = {(command, long_name(option)) for command, option in OPTIONS}
    ways: list[Callable[[str], str]] = [
        lambda name: f"{name}z",
        lambda name: name[:-1],
        lambda name: f"--{name[2:].replace('-', '_')}x",
        str.upper,
    ]
    for (command, option), way in some(product(OPTIONS, ways), 5):
        misspelt = way(name := long_name(option))
        if (command, misspelt) in right or name == "--set":
            continue  # --seed is an option too, and the spec has no name to set
        with at(command, misspelt):
            typed = [*arguments_of(command), misspelt, *([] if option.is_flag else ["float32"])]
            assert name in words_of_the_repair(rnncli(command, *typed))


def test_a_missing_or_wrong_value_is_repaired(at: Walk, rnncli: Run) -> None:
    cases: list[tuple[str, str, list[str]]] = []
    for command, option in OPTIONS:
        name, arguments = long_name(option), arguments_of(command)
        if name == "--set" or (isinstance(option.type, FileName) and not option.type.written):
            continue  # the spec has no name to set, and there is no file to suggest
        if option.is_flag:
            wrong = [[*arguments, f"{name}=yes"]]
        elif isinstance(option.type, FileName):
            wrong = [[*arguments, name]]  # any text is a valid value
        else:
            values = [[name], [name, "bogus"], [f"{name}=bogus"], [name, "{{.bogus}}"]]  # the last as docker takes it
            wrong = [*([*arguments, *value] for value in values), [name, *arguments]]
        cases += [(command, name, typed) for typed in wrong]
    for command, name, typed in some(cases, 3):
        with at(command, *typed):
            words = words_of_the_repair(rnncli(command, *typed))
            assert any(word.partition("=")[0] == name for word in words)
            assert {*arguments_of(command)} <= {*words}
            assert words[0] == (command if command != "inspect" else "summary")  # it was given a spec


WORDS = (
    *("summary", "forward", "solve", "sweep", "help", "sumary", "bogus", "-", "--", "-q", "-f", "-fjson", "-qf", "-x"),
    *("--json", "--format", "--format=xml", "--timesteps", "--timesteps=5", "--timesteps=", "--bogus", "--wide=no"),
    *("--help", "--version", "--plot", "-o", "5", "abc", "json", "", " ", "=", "'", "\x1b[31m", "٣", "net.txt"),
    *(SPEC, "input:8,", "lstm:4", "rnn", "32", "input:8,lstm:_", "input:8,{lstm,gru}:4", "LSTM(4)", "->"),
)


@examples(300)
@example(["summary", "--", "--json"])
@example(["--", "summary"])
@example(["help", "--", "--"])
@example(["solve", "summary", "--", "-f", "32"])
@example(["\x1b]0;title\x07"])
@example(["summary", SPEC, "--batch", "\x1b[31m"])
@example(["--timesteps", "summary", "--help", "٣"])
@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_any_wrong_command_line_gets_an_error_in_the_same_style_and_a_right_repair(words: list[str]) -> None:
    errors = io.StringIO()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(errors),
        pytest.MonkeyPatch.context() as debugging,
    ):
        debugging.setenv("RNNCLI_DEBUG", "1")
        debugging.setattr("sys.stdin", io.StringIO())
        status = run(words)
    text = errors.getvalue()
    assert "\nUsage:" not in f"\n{text}"
    assert text.replace("\n", "").isprintable()
    if status == 2:
        assert "Error: " in text
        for line in repairs_in(text):
            if not line.endswith("--help"):
                parsed(line)


def test_help_is_also_a_command_and_the_version_has_a_short_option(at: Walk, rnncli: Run) -> None:
    assert rnncli("help") == rnncli("--help")
    for name in COMMANDS:
        with at(name):
            shown, help_ = rnncli("help", name), rnncli(name, "--help")
            assert shown == help_ or (name in TOPICS and shown.stdout.endswith(help_.stdout))
    assert rnncli("-V") == rnncli("--version")
    assert rnncli("-V").stdout.startswith("rnncli ")


def test_a_spec_call_or_file_without_a_command_is_summarised(at: Walk, rnncli: Run) -> None:
    Path("net.py").write_text("net = nn.LSTM(8, 4)\n")
    for words in ([SPEC], [SPEC, "-q"], [SPEC, SPEC, "-f", "csv"], ["LSTM(64)"], ["net.py"], [SPEC, "-b", "3"]):
        with at(*words):
            assert rnncli(*words) == rnncli("summary", *words)
            assert rnncli(*words).status == 0


def test_the_word_error_is_red_and_carets_and_repair_are_bold_where_styles_are_shown(
    at: Walk, rnncli: Run, terminal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, bold, end = "\x1b[31m\x1b[1mError\x1b[0m: ", "\x1b[1m", "\x1b[0m"
    shown = {
        "summary lsmt:3": f"{error}there is no layer kind 'lsmt'\n  lsmt:3\n  {bold}^^^^{end}\n"
        f"Help: perhaps lstm: {bold}input:32,lstm:3{end}\n",
        "sweep input:8,lstm:{u}": f"{error}no brace gives u its values\n"
        f"  input:8,lstm:{{u}}\n               {bold}^^^{end}\nHelp: list its values in one brace: {{u=16,32}}\n",
        "sweep input:8 --json": f"{error}there is no option --json\nHelp: {bold}rnncli sweep input:8 -f json{end}\n",
    }
    styled = [{"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "TERM": "xterm"}]
    plain = [{}, *({"FORCE_COLOR": "1"} | env for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "unknown"}))]
    for (line, text), env in product(shown.items(), [*styled, *plain]):
        with at(line, env), monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            assert rnncli(*line.split()).stderr == (text if env in styled else without_styles(text))
    assert terminal(*line.split(), stdout_piped=True).stderr == text
    assert terminal(*line.split(), stdout_piped=True, NO_COLOR="1").stderr == without_styles(text)


def test_without_a_spec_the_example_is_shown_unless_standard_input_has_data_for_a_program(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = (
        "Error: no SPEC is given, and standard input is read only with -\nHelp: give one, or - to read standard input"
    )
    note = f"No SPEC given: this is the example {EXAMPLE}"
    ends = [*os.pipe(), *pty.openpty()]
    with contextlib.ExitStack() as stack:
        pipe, _, _, screen = (stack.enter_context(open(end, mode)) for end, mode in zip(ends, "rwwr", strict=True))
        file, nothing = (stack.enter_context(open(name)) for name in ("net.txt", os.devnull))
        with_data = {"file": file, "pipe": pipe}
        without = {"closed": None, "/dev/null": nothing, "terminal": screen}
        lines = ["summary", "draw", "summary -q", "summary -f json", "summary -f csv", "spec", "export --to torch"]
        for (name, stdin), line in product((with_data | without).items(), lines):
            with at(name, line), monkeypatch.context() as patch:
                patch.setattr("sys.stdin", stdin)
                result = rnncli(*line.split())
                if name in with_data and line not in ("summary", "draw"):
                    assert result == (2, "", f"{error}: rnncli {line} -\n")
                else:
                    unread = "; standard input was not read" if name in with_data else ""
                    assert result == (0, rnncli(*line.split(), EXAMPLE).stdout, f"{note}{unread}\n")
        monkeypatch.setattr("sys.stdin", pipe)
        for line in ("spec", "export --to torch"):  # their output is always for a program
            with at(line):
                assert rnncli(*line.split()) == (2, "", f"{error}: rnncli {line} -\n")
        forward = rnncli("forward", "--timesteps", "3")
        assert (forward.status, forward.stderr) == (0, f"{note}; standard input was not read\n")


def test_a_spec_in_the_environment_counts_as_given_unless_it_is_blank(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for blank in ("", "  "):
        monkeypatch.setenv("RNNCLI_SPEC", blank)
        assert rnncli("summary", "-q").stdout == "324160\n"  # the example: 10,000 · 32 + 2 · 2,080
    monkeypatch.setenv("RNNCLI_SPEC", "input:8,dense:1")
    with open("net.txt") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert rnncli("summary", "-q").answer == "9\n"


def test_on_a_terminal_a_dash_announces_that_it_waits_for_specs(terminal: Run) -> None:
    pressed: list[str] = []

    def press(shown: str) -> str:
        if "Ctrl-D" not in shown or pressed:
            return ""
        pressed.append(shown)
        return "input:8,dense:1\n\x04"

    result = terminal("summary", "-q", "-", press=press, stdout_piped=True)
    assert (result.status, result.stdout) == (0, "9\n")
    assert result.stderr.startswith("Waiting for specs, one per line; Ctrl-D ends the input\n")


def test_a_setting_never_turns_another_argument_into_an_output_file(rnncli: Run) -> None:
    source = "from torch import nn\nclass N(nn.Module):\n def __init__(self, v):\n  self.rnn = nn.LSTM(len(v), 8)\n"
    Path("s.py").write_text(f"{source}  super().__init__()\n")
    for line in (("s.py", "--set", "len(v)=20"), ("--set", "len(v)=20", "s.py")):
        assert "nn.LSTM(20, 8" in rnncli("export", *line, "--to", "torch").stdout


# An option that takes one value, given two different ones: no value is dropped silently

VALUES = {
    "--lengths": ("5,3", "7,2"),
    "--seeds": ("1", "2"),
    "--part": ("1/4", "2/4"),
    "--pareto": ("params,-output", "macs,-output"),
    "--sort": ("params", "memory"),
    "--init": ("keras", "uniform"),
    "--name": ("one", "two"),
    "--color": ("auto", "never"),  # always would colour the error
}
"""Two values for options that are not numbers, choices or files, or that allow only some of them here."""


def two_values(option: click.Option) -> tuple[str, str]:
    """Two different values that an option accepts."""
    if isinstance(option.type, click.Choice) and long_name(option) not in VALUES:
        first, second, *_ = map(str, option.type.choices)
        return first, second
    if isinstance(option.type, FileName) and long_name(option) not in VALUES:
        return "one", "two"
    return VALUES.get(long_name(option), ("1000", "2000"))


def options_of(command: str, several: bool) -> dict[str, click.Option]:
    """A command's options with a value that may be given once, or several times."""
    own = [each for name, each in OPTIONS if name == command and not each.is_flag]
    return {long_name(each): each for each in own if each.multiple == several}


def test_two_values_for_a_single_value_option_are_an_error_but_one_twice_is_not(at: Walk, rnncli: Run) -> None:
    for command in COMMANDS:
        for name, option in options_of(command, several=False).items():
            with at(command, name):
                line = list(COMMAND_LINES[command])
                for each in {*option.opts} & {*line}:
                    del line[line.index(each) : line.index(each) + 2]
                line += ["--svg", "picture.svg"] if name == "--theme" else []
                needs_length = command in ("solve", "sweep") and name not in ("--timesteps", "--params")
                line += ["--timesteps", "100"] if needs_length else []
                if command == "export" and name in ("--name", "--dtype", "--input"):
                    line[line.index("--to") + 1] = "c"
                    line += ["--dtype", "int8"] if name == "--input" else []
                one, two = two_values(option)
                names = sorted(option.opts, key=len)
                both = [names[0], one, names[-1], two]
                result = rnncli(*line, *both)
                lead, repair = "with the last value", [*line, name, two]
                if command in ("summary", "explain") and name in options_of("compare", several=True):
                    lead, repair = "compare shows them side by side", ["compare", *line[1:], *both]
                    assert rnncli(*repair).status == 0
                error = f"Error: {command} takes one {name}, but got '{one}' and '{two}'\n"
                assert result == (2, "", f"{error}Help: {lead}: rnncli {shlex.join(repair)}\n")
                context = command_of(command).make_context(command, [*line[1:], name, one, name, one])
                assert context.params.get(str(option.name)) is not None or not option.expose_value
    assert {*os.listdir()} == {"net.txt", "my nets.txt"}


def test_the_same_value_may_be_given_in_two_spellings(rnncli: Run) -> None:
    assert rnncli("summary", SPEC, "--batch", "1k", "--batch", "1000", "--dtype", "half", "--dtype", "fp16").status == 0


def test_completion_continues_after_an_option_given_twice() -> None:
    line = [SPEC, "--batch", "1", "--batch", "2"]
    assert command_of("summary").make_context("summary", line, resilient_parsing=True).params["batch"] == 2
