"""What a wrong command line is answered with: one voice with the errors of specs, and the whole line repaired."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from conftest import PATIENCE, Result, program_line, without_styles
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnncli.cli import COMMANDS, cli, run
from rnncli.commands.groups import long_name
from rnncli.commands.other_names import COMMANDS as OTHER_COMMANDS
from rnncli.commands.other_names import OPTIONS as OTHER_OPTIONS
from rnncli.commands.other_names import TRAINS
from rnncli.language.spec import EXAMPLE

Run = Callable[..., Result]

SPEC = "input:8,rnn:4"


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parsed(line: str) -> list[str]:
    """The words behind `rnncli` of a command line that Click takes; one that it refuses fails the test."""
    program, *words = shlex.split(line)
    assert program == "rnncli"
    if "<" in words:
        del words[words.index("<") :]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.exceptions.Exit):
        if words and words[0] in COMMANDS:
            command = cli.get_command(click.Context(cli), words[0])
            assert command is not None
            command.make_context(words[0], words[1:], parent=click.Context(cli))
        else:
            cli.make_context("rnncli", list(words))
    return words


def repair_of(result: Result) -> str | None:
    """The command line in the help of an error that has two lines; None if it only says something."""
    assert (result.status, result.stdout) == (2, "")
    error, help_line = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert help_line.startswith("Help: ")
    line = re.search(r"(?:^Help: |: )(rnncli .*)$", help_line)
    return None if line is None else line[1]


REPAIRS = {
    # options that are not there
    "summary --==": "summary",
    f"summary {SPEC} --json": f"summary {SPEC} -f json",
    "summary --json": "summary -f json",
    f"summary {SPEC} --csv --wide": f"summary {SPEC} -f csv --wide",
    f"summary {SPEC} --pytorch": f"summary {SPEC} --framework torch",
    f"summary {SPEC} --float16": f"summary {SPEC} --dtype float16",
    f"summary {SPEC} --timestep 4": f"summary {SPEC} --timesteps 4",
    f"summary {SPEC} --batch-size=4": f"summary {SPEC} --batch=4",
    f"forward {SPEC} --steps 4": f"forward {SPEC} --timesteps 4",
    f"forward {SPEC} --quiet": f"forward {SPEC}",
    f"forward -q {SPEC}": f"forward {SPEC}",
    f"draw {SPEC} --format json": f"draw {SPEC}",
    f"draw -f json {SPEC}": f"draw {SPEC}",
    f"summary {SPEC} --bogus": f"summary {SPEC}",
    f"summary {SPEC} --bogus 7": f"summary {SPEC}",
    f"summary {SPEC} --flops": f"summary {SPEC} --wide",
    f"summary {SPEC} --memory": f"summary {SPEC} --wide",
    f"summary {SPEC} --training --batch 4": f"summary {SPEC} --wide --batch 4",
    f"summary {SPEC} --ram 20KB": f"summary {SPEC} --wide",
    f"summary {SPEC} --hidden-size 128": f"summary {SPEC}",
    f"summary {SPEC} --return-sequences": f"summary {SPEC}",
    f"summary {SPEC} --hidden 128 --layers 2": f"summary {SPEC}",
    f"summary {SPEC} --width 60": f"summary {SPEC}",
    f"summary {SPEC} --no-color": f"summary {SPEC}",
    f"summary {SPEC} -o out.json -f json": f"summary {SPEC} -f json",
    f"draw {SPEC} -o out.svg": f"draw {SPEC} --svg out.svg",
    f"export {SPEC} --framework torch": f"export {SPEC} --to torch",
    f"export {SPEC} -f onnx": f"export {SPEC} --to onnx",
    f"explain {SPEC} --torchinfo": f"explain {SPEC} --others",
    f"sweep {SPEC} -n 2": f"sweep {SPEC} --top 2",
    f"sweep {SPEC} --min-params 1000": f"sweep {SPEC}",
    f"forward {SPEC} --epochs 3": f"forward {SPEC}",
    f"summary --bogus {SPEC}": f"summary {SPEC}",
    "summary --version": "--version",
    # values
    f"summary {SPEC} --framework ptorch": f"summary {SPEC} --framework torch",
    f"summary {SPEC} --framework=jax": f"summary {SPEC} --framework=keras",
    f"summary {SPEC} --int8 --pytorch": f"summary {SPEC} --dtype int8 --framework torch",
    f"summary {SPEC} --dtype np.float": f"summary {SPEC} --dtype float64",
    f"summary {SPEC} --dtype fp23": f"summary {SPEC} --dtype float32",
    f"forward {SPEC} --dtype half": f"forward {SPEC} --dtype float32",
    f"forward {SPEC} --dtype INT8": f"forward {SPEC} --dtype float32",
    f"summary {SPEC} --format xml": f"summary {SPEC} --format json",
    f"summary {SPEC} -fmd": f"summary {SPEC} -fmarkdown",
    f"summary {SPEC} -f jsno": f"summary {SPEC} -f json",
    f"summary {SPEC} --timesteps=abc": f"summary {SPEC} --timesteps=100",
    f"summary {SPEC} --timesteps 0": f"summary {SPEC} --timesteps 1",
    f"summary {SPEC} --timesteps 1e3": f"summary {SPEC} --timesteps 1000",
    f"summary {SPEC} --timesteps ١٢": f"summary {SPEC} --timesteps 12",
    f"forward {SPEC} --seed ٣": f"forward {SPEC} --seed 3",
    f"sweep {SPEC} --max-params 92,40": f"sweep {SPEC} --max-params 9240",
    f"sweep {SPEC} --max-params 1,5M": f"sweep {SPEC} --max-params 1500000",
    f"sweep {SPEC} --max-memory 1,5MB": f"sweep {SPEC} --max-memory 1.5MB",
    f"sweep {SPEC} --max-params 92 400": f"sweep {SPEC} --max-params '92 400'",
    f"sweep {SPEC} --max-params 1 234 567 --batch 2": f"sweep {SPEC} --max-params '1 234 567' --batch 2",
    f"sweep --max-memory 4 MB {SPEC}": f"sweep --max-memory '4 MB' {SPEC}",
    "solve input:8,rnn:_ --memory 4M": "solve input:8,rnn:_ --memory 4MB",
    f"sweep {SPEC} --sort -parms": f"sweep {SPEC} --sort -params",
    # no value, or one too many
    f"summary {SPEC} --timesteps": f"summary {SPEC} --timesteps 100",
    f"summary --timesteps {SPEC}": f"summary --timesteps 100 {SPEC}",
    f"summary {SPEC} --batch --wide": f"summary {SPEC} --batch 100 --wide",
    f"summary {SPEC} --wide=yes": f"summary {SPEC} --wide",
    f"summary {SPEC} --wide=no": f"summary {SPEC}",
    # commands
    f"sumary {SPEC}": f"summary {SPEC}",
    f"{SPEC} forward": f"forward {SPEC}",
    f"{SPEC}": f"summary {SPEC}",
    f"--timesteps 5 forward {SPEC}": f"forward {SPEC} --timesteps 5",
    f"--timestep 5 forward {SPEC}": f"forward {SPEC} --timesteps 5",
    f"--plot {SPEC}": f"forward --plot {SPEC}",
    "input:8,lstm:_ --params 1M": "solve input:8,lstm:_ --params 1M",
    "'input:8,lstm:{4..8}'": "sweep 'input:8,lstm:{4..8}'",
    "--verson": "--version",
    f"flops {SPEC} --timesteps 4": f"summary {SPEC} --timesteps 4 --wide",
    f"params {SPEC}": f"summary {SPEC}",
    f"Plot {SPEC}": f"draw {SPEC}",
    f"diff {SPEC} input:8,gru:4": f"compare {SPEC} input:8,gru:4",
    f"run {SPEC} --batch-size 4": f"forward {SPEC} --batch 4",
    f"train {SPEC}": f"export {SPEC} --to keras",
    "convert model.pt --to torch": "export model.pt --to torch",
    "version": "--version",
    "lstm": "layers lstm",
    "return_sequences": "layers return_sequences",
    "help lstm": "layers lstm",
    "help nn.GRU": "layers nn.GRU",
    "help plot": "help draw",
    "help sumary": "help summary",
    # arguments
    "solve": "solve embed:10000x_,lstm:_:seq,lstm:_ --params 1M",
    "solve input:8,lstm:_": "solve input:8,lstm:_ --params 1M",
    "solve input:8,lstm:_ 92,400 --exactly": "solve input:8,lstm:_ --exactly --params 92,400",
    "solve input:8,lstm:_ 4MB": "solve input:8,lstm:_ --memory 4MB",
    "solve input:8,lstm:_ --budget 1M": "solve input:8,lstm:_ --max-params 1M",
    "solve input:8,lstm:_ --ram 4MB": "solve input:8,lstm:_ --max-streaming 4MB",
    "solve input:8,lstm:_ --flash 4MB": "solve input:8,lstm:_ --max-memory 4MB",
    "solve input:8,lstm:_ --vram 4GB": "solve input:8,lstm:_ --max-training 4GB",
    "solve input:8,lstm:_ --flops 3M --timesteps 9": "solve input:8,lstm:_ --macs 1500000 --timesteps 9",
    "sweep input:8,lstm:9 --flops=2,001": "sweep input:8,lstm:9 --macs 1000",
    "solve 32": "solve embed:10000x_,lstm:_ --params 32",
    "solve --params 2M": "solve embed:10000x_,lstm:_:seq,lstm:_ --params 2M",
    "completion": "completion bash",
    "completion basch": "completion bash",
    "help summary forward": "help summary",
    # several mistakes
    f"summary {SPEC} --json --timestep ten --bogus": f"summary {SPEC} -f json --timesteps 100",
    # options that contradict one another
    f"summary {SPEC} -q -f json": f"summary {SPEC} -f json",
    f"summary -q {SPEC} --svg x.svg": f"summary -q {SPEC}",
    f"forward {SPEC} --plot -f csv": f"forward {SPEC} -f csv",
    # specs cut in pieces
    "summary input:8, lstm:4": "summary input:8,lstm:4",
    "summary -f json input:8, lstm:4 --batch 3": "summary -f json input:8,lstm:4 --batch 3",
    "summary input:8 lstm:4": "summary input:8,lstm:4",
    "summary input:8 lstm:4 seq": "summary input:8,lstm:4:seq",
    "summary rnn 32": "summary input:32,rnn:32",
    "summary embed 10000 x 32 rnn 32": "summary embed:10000x32,rnn:32",
    "summary 'LSTM(32,' 'return_sequences=True)'": "summary input:32,lstm:32:seq",
    "compare input:8, lstm:4 input:8, gru:4": "compare input:8,lstm:4 input:8,gru:4",
    "solve input:8, lstm:_ --params 1M": "solve input:8,lstm:_ --params 1M",
    "sweep input:8, 'lstm:{4..6}'": "sweep 'input:8,lstm:{4..6}'",
    # a second value
    "summary --wide yes": "summary --wide",
    "summary -f json csv": "summary -f json",
    "explain help": "help explain",
    # files
    "summary net.txt": "summary - < net.txt",
    "summary @net.txt --wide": "summary - --wide < net.txt",
    "summary 'my nets.txt'": "summary - < 'my nets.txt'",
}

ADVICE = {
    "bogus": "there are summary, forward, explain,",
    "--bogus": "see rnncli --help",
    "help bogus": "there are summary, forward, explain,",
    "sweep input:8, lstm:4 lstm:6": "write it without spaces, or in quotes",
}


@pytest.fixture
def _files() -> None:
    for name in ("net.txt", "my nets.txt"):
        Path(name).write_text("input:8,lstm:4\n")


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(("typed", "meant"), REPAIRS.items())
def test_a_wrong_command_line_is_shown_repaired_and_the_repair_is_right(typed: str, meant: str, rnncli: Run) -> None:
    repair = repair_of(rnncli(*shlex.split(typed)))
    assert repair == f"rnncli {meant}"
    parsed(repair)


@pytest.mark.parametrize(("typed", "advice"), ADVICE.items())
def test_where_no_repair_is_known_the_help_says_where_to_look(typed: str, advice: str, rnncli: Run) -> None:
    result = rnncli(*shlex.split(typed))
    repair_of(result)
    assert f"\nHelp: {advice}" in result.stderr


@pytest.mark.usefixtures("_files")
def test_every_such_error_reads_as_it_was_reviewed(rnncli: Run, screen: Callable[[str, str], None]) -> None:
    lines = [*REPAIRS, *ADVICE]
    shown = [f"$ {f'rnncli {line}'.strip()}\n{rnncli(*shlex.split(line)).stderr}" for line in lines]
    screen("errors-command-line", "\n".join(shown))


def every_option() -> Iterator[tuple[str, click.Option]]:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, parameter


each_option = pytest.mark.parametrize(
    ("command", "option"), list(every_option()), ids=lambda value: value if isinstance(value, str) else long_name(value)
)


def arguments_of(command: str) -> list[str]:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    return (
        ["input:8,lstm:_"] if command == "solve" else [SPEC] if any(each.nargs == -1 for each in found.params) else []
    )


@each_option
def test_a_misspelt_option_is_repaired(command: str, option: click.Option, rnncli: Run) -> None:
    name = long_name(option)
    for misspelt in (name + "z", name[:-1], name.replace("-", "_").replace("__", "--") + "x", name.upper()):
        if (command, misspelt) in [(one, long_name(each)) for one, each in every_option()]:
            continue  # --seed is an option, too
        value = [] if option.is_flag else ["float32"]
        repair = repair_of(rnncli(command, *arguments_of(command), misspelt, *value))
        assert repair is not None
        assert name in parsed(repair)


@each_option
def test_a_value_that_is_missing_or_wrong_is_repaired(command: str, option: click.Option, rnncli: Run) -> None:
    name, arguments = long_name(option), arguments_of(command)
    if option.is_flag:
        wrong = [[*arguments, f"{name}=yes"]]
    elif isinstance(option.type, click.types.StringParamType):
        wrong = [[*arguments, name]]  # any text is a value
    else:
        wrong = [[*arguments, name], [*arguments, name, "bogus"], [*arguments, f"{name}=bogus"], [name, *arguments]]
    for typed in wrong:
        repair = repair_of(rnncli(command, *typed))
        assert repair is not None, typed
        words = parsed(repair)
        assert any(word.partition("=")[0] == name for word in words)
        assert set(arguments) <= set(words)


WORDS = (
    *("summary", "forward", "solve", "sweep", "help", "sumary", "bogus", "-", "--", "-q", "-f", "-fjson", "-qf", "-x"),
    *("--json", "--format", "--format=xml", "--timesteps", "--timesteps=5", "--timesteps=", "--bogus", "--wide=no"),
    *("--help", "--version", "--plot", "-o", "5", "abc", "json", "", " ", "=", "'", "\x1b[31m", "٣", "net.txt"),
    *(SPEC, "input:8,", "lstm:4", "rnn", "32", "input:8,lstm:_", "input:8,{lstm,gru}:4", "LSTM(4)", "->"),
)


@settings(max_examples=300)
@example(["summary", "--", "--json"])
@example(["--", "summary"])
@example(["solve", "summary", "--", "-f", "32"])
@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_any_command_line_is_answered_in_one_voice_and_a_repair_of_it_is_right(words: list[str]) -> None:
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
    assert "\x1b" not in text
    if status == 2:
        assert "Error: " in text
        for line in re.findall(r"(?:^Help: |: )(rnncli .*)$", text, re.MULTILINE):
            if not line.endswith("--help"):
                parsed(line)


def test_help_is_a_command_too(rnncli: Run) -> None:
    assert rnncli("help") == rnncli("--help")
    for name in COMMANDS:
        assert rnncli("help", name) == rnncli(name, "--help")


def test_the_version_has_a_short_option(rnncli: Run) -> None:
    assert rnncli("-V") == rnncli("--version")
    assert rnncli("-V").stdout.startswith("rnncli ")


def colours(text: str) -> dict[str, str]:
    """Each styled stretch of a text with its style."""
    found = re.findall(r"((?:\x1b\[[1-9][0-9]*m)+)(.*?)\x1b\[0m", text)
    return {shown: "".join(re.findall("[0-9]+m", style)) for style, shown in found}


@pytest.mark.parametrize("arguments", [["lsmt:3"], ["input:8", "--json"], ["input:8", "--batch", "-1"]], ids=str)
def test_on_a_terminal_the_word_error_is_red_and_the_carets_and_the_repair_are_bold(
    arguments: list[str], terminal: Run
) -> None:
    shown = terminal("summary", *arguments, stdout_piped=True).stderr
    plain = without_styles(shown)
    repair = plain.splitlines()[-1].removeprefix("Help: ")
    styles = colours(shown)
    assert styles.pop("Error") == "31m1m"
    assert any(repair.endswith(text) for text in styles)
    assert ("^^^^" in styles) == ("^" in plain)
    assert set(styles.values()) == {"1m"}


def test_what_the_environment_says_of_colours_is_heard(terminal: Run, program: Run) -> None:
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}):
        assert "\x1b" not in terminal("summary", "lsmt:3", stdout_piped=True, **plain).stderr
    assert "\x1b" not in program("summary", "lsmt:3").stderr
    assert "\x1b[31m" in program("summary", "lsmt:3", FORCE_COLOR="1").stderr
    assert "\x1b[31m" in program("sweep", "input:8,lstm:{u}", FORCE_COLOR="1").stderr


def test_an_error_has_no_control_characters_in_it(rnncli: Run) -> None:
    for arguments in (["summary", "\x1b[31mred"], ["\x1b]0;title\x07"], ["summary", SPEC, "--batch", "\x1b[31m"]):
        assert "\x1b" not in rnncli(*arguments).stderr
        assert "\x07" not in rnncli(*arguments).stderr


PROGRAMS = (["-q"], ["-f", "json"], ["-f", "csv"])


@pytest.mark.parametrize("options", PROGRAMS, ids=str)
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_no_spec_is_an_error_where_a_program_reads_the_output_and_something_is_on_standard_input(
    kind: str, options: list[str]
) -> None:
    Path("net.txt").write_text("input:8,dense:1\n")
    with Path("net.txt").open() as file:
        stdin = {"stdin": file} if kind == "file" else {"input": file.read()}
        done = subprocess.run(
            program_line("summary", *options), capture_output=True, text=True, timeout=PATIENCE, **stdin
        )
    repair = repair_of(Result(done.returncode, done.stdout, done.stderr))
    assert repair == f"rnncli summary {' '.join(options)} -"


def test_for_people_the_note_says_that_standard_input_was_not_read(program: Run) -> None:
    result = program("summary", stdin=b"input:8,dense:1\n")
    assert (result.status, "embedding" in result.stdout) == (0, True)
    assert result.stderr == f"No SPEC given: this is the example {EXAMPLE}; standard input was not read\n"
    forward = program("forward", "--timesteps", "3", stdin=b"")
    assert (forward.status, forward.stderr) == (0, result.stderr)


@pytest.mark.parametrize("options", [[], *PROGRAMS], ids=str)
def test_without_anything_on_standard_input_the_example_is_shown(options: list[str], program: Run) -> None:
    for stdin in ("</dev/null", "<&-"):
        result = program("summary", *options, shell=f'"$@" {stdin}')
        assert (result.status, result.stdout == "") == (0, False)
        assert result.stderr == f"No SPEC given: this is the example {EXAMPLE}\n"


def test_a_spec_of_the_environment_is_one(program: Run) -> None:
    result = program("summary", "-q", stdin=b"input:8\n", RNNCLI_SPEC="input:8,dense:1")
    assert result == (0, "9\n", "")


def test_on_a_terminal_alone_the_example_is_shown(terminal: Run) -> None:
    result = terminal("summary", "-q")
    assert (result.status, result.stdout.splitlines()[-1]) == (0, "324160")
    assert "standard input" not in result.stdout


def test_on_a_terminal_a_dash_says_that_it_waits_for_specs(terminal: Run) -> None:
    pressed: list[str] = []

    def press(shown: str) -> str:
        if "Ctrl-D" not in shown or pressed:
            return ""
        pressed.append(shown)
        return "input:8,dense:1\n\x04"

    result = terminal("summary", "-q", "-", press=press, stdout_piped=True)
    assert (result.status, result.stdout) == (0, "9\n")
    assert result.stderr.startswith("Waiting for specs, one a line; Ctrl-D ends them\n")


def test_good_specs_are_shown_where_nothing_tells_that_spaces_have_cut_one(rnncli: Run) -> None:
    result = rnncli("summary", "-q", "input:8,dense:1", "lstm:4", "input:8")
    assert (result.status, result.stdout) == (2, "9\n0\n")
    assert result.stderr.startswith("Error: spec 2: a network starts with input or embed")


def test_a_pattern_given_to_another_command_is_swept(rnncli: Run) -> None:
    result = rnncli("summary", "input:8,{lstm,gru}:8", "--wide", "--timesteps", "5")
    assert (result.status, result.stdout) == (2, "")
    _, spec, carets, help_line = result.stderr.splitlines()
    assert spec[carets.index("^") : carets.rindex("^") + 1] == "{"
    assert help_line == "Help: rnncli sweep 'input:8,{lstm,gru}:8' --timesteps 5"
    parsed(help_line.removeprefix("Help: "))


@pytest.mark.usefixtures("_files")
def test_a_file_given_to_a_sweep_is_none_of_its_patterns(rnncli: Run) -> None:
    result = rnncli("sweep", "net.txt", "--top", "3")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.endswith("'net.txt' is the name of a file\nHelp: rnncli sweep - --top 3 < net.txt\n")


def test_a_file_with_the_name_of_a_spec_is_no_file(rnncli: Run) -> None:
    Path("input:8").write_text("")
    assert rnncli("summary", "-q", "input:8") == (0, "0\n", "")


def test_a_directory_is_no_file_of_specs(rnncli: Run) -> None:
    os.mkdir("nets")
    assert "is the name of a file" not in rnncli("summary", "nets").stderr


@pytest.mark.parametrize("name", OTHER_COMMANDS)
def test_another_name_for_a_command_leads_to_it(name: str, rnncli: Run) -> None:
    command, *options = OTHER_COMMANDS[name]
    assert name not in COMMANDS
    assert command in COMMANDS or command == "--version"
    repair = repair_of(rnncli(name, SPEC)) or ""
    assert shlex.split(repair)[1] == command
    assert shlex.split(repair)[-len(options) or len(repair) :] == options


@pytest.mark.parametrize("name", TRAINS)
def test_who_wants_to_train_is_told_where_that_is_done(name: str, rnncli: Run) -> None:
    result = rnncli(name, SPEC)
    assert repair_of(result) == f"rnncli export {SPEC} --to keras"
    assert "nothing is trained here" in result.stderr


@pytest.mark.parametrize("name", OTHER_OPTIONS)
def test_another_name_for_an_option_leads_to_one_that_some_command_has(name: str) -> None:
    names = {long_name(option)[2:] for _, option in every_option()}
    assert {*OTHER_OPTIONS[name]} <= names
