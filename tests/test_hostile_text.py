"""Texts that a terminal would obey come out of nowhere, and what never ends is not read for ever."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import test_formats_onnx as onnx
from conftest import PATIENCE, Result, program_line, without_styles
from hostile_models import FORMATS as MAKERS
from hostile_models import SHAPES

from rnncli.cli import COMMANDS, cli
from rnncli.commands.options import FORMATS
from rnncli.errors import RnncliError, printable

Run = Callable[..., Result]

OBEYED = "\x1b[31m\x1b]0;title\x07\x9b2J\x7f\x08\r\n\x85\u2028\u2029\u202e\u2066\x00"
"""Escapes in two alphabets, a bell, line ends of all kinds, what turns the direction of writing."""
TYPED = OBEYED.replace("\x00", "")
"""What can be in an argument."""
SPACE = " \t\r\n\x0b\x0c\x1c\x85\u2028\xa0"
"""What counts as space, which a spec may have between its words."""
ALLOWED = frozenset("\n\t")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def assert_harmless(result: Result) -> None:
    for text in (result.stdout, result.stderr):
        obeyed = {character for character in text if not character.isprintable()} - ALLOWED
        assert not obeyed, (obeyed, text)


def parameters() -> Iterator[tuple[str, str]]:
    """Each option of each command by its long name; the argument is ""."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            yield name, max(parameter.opts, key=len) if isinstance(parameter, click.Option) else ""


@pytest.mark.parametrize(("command", "option"), list(parameters()))
@pytest.mark.parametrize("text", [TYPED, f"input:8,{TYPED}rnn:4", f"input:8,rnn:4{TYPED}", f"--{TYPED}"])
def test_what_is_typed_comes_out_harmless(command: str, option: str, text: str, rnncli: Run) -> None:
    values = [option, text] if option else [text]
    for spec in ([], ["input:8,rnn:4"], ["input:8,rnn:_"]) if option else ([],):
        assert_harmless(rnncli(command, *spec, *values, stdin="input:8\n"))


def choices(command: str, option: str) -> list[str]:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    kinds = [each.type for each in found.params if option in each.opts]
    return [choice for kind in kinds if isinstance(kind, click.Choice) for choice in kind.choices]


WORKING = {
    "summary": (),
    "forward": ("--timesteps", "2"),
    "explain": (),
    "draw": (),
    "spec": (),
    "export": ("--to", "keras"),
    "compare": ("input:8,rnn:5",),
    "reach": ("--timesteps", "2"),
    "sweep": (),
    "solve": ("--params", "100"),
}


@pytest.mark.parametrize("command", WORKING)
def test_a_spec_with_odd_space_is_shown_in_lines_of_its_own(command: str, rnncli: Run) -> None:
    template = "_" if command == "solve" else "4"
    plain = f"input:8,rnn:{template}"
    odd = f"input:{SPACE}8,{SPACE}rnn:{template}{SPACE}"
    for format_ in choices(command, "--format") or [None]:
        options = (*WORKING[command], *(() if format_ is None else ("--format", format_)))
        expected, result = (rnncli(command, spec, *options) for spec in (plain, odd))
        assert (result.status, result.stdout.count("\n")) == (0, expected.stdout.count("\n"))
        assert_harmless(result)


def test_every_command_that_takes_a_spec_is_tried() -> None:
    taking = {name for name in COMMANDS if any(each in ("spec", "pattern", "template") for each in arguments(name))}
    assert taking <= set(WORKING)


def arguments(name: str) -> list[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return [each.name or "" for each in command.params if isinstance(each, click.Argument)]


@pytest.mark.parametrize("option", ["--weights", "--state"])
@pytest.mark.parametrize("write", ["key", "path"])
def test_names_in_and_of_archives_come_out_harmless(option: str, write: str, rnncli: Run) -> None:
    path = f"w{TYPED.replace('/', '')}.npz" if write == "path" else "w.npz"
    with Path(path).open("wb") as file:
        np.savez(file, **{OBEYED.replace("\x00", "") if write == "key" else "a": np.zeros(3)})
    result = rnncli("forward", "input:8,rnn:4", option, path)
    assert result.status == 1
    assert len(result.stderr.splitlines()) == 2
    assert_harmless(result)


def hostile_model(format_: str) -> str:
    """The name of a model file whose arrays have hostile names: of a part, of a cell that is none, and of others."""
    path = f"model.{format_}"
    shapes = {f"{TYPED}{name}": shape for name, shape in SHAPES.items()}
    shapes |= {f"{TYPED}bad.weight_ih_l0": (8, 3), f"{TYPED}bad.weight_hh_l0": (8, 4), TYPED: (3,)}
    if format_ in MAKERS:
        Path(path).write_bytes(MAKERS[format_](shapes))
    else:
        names = [f"{TYPED}{name}" for name in "WRB"]
        arrays = [onnx.array(names[0], 1, 16, 3), onnx.array(names[1], 1, 16, 4), onnx.array(names[2], 1, 32)]
        cell = onnx.node("LSTM", ["x", *names], [f"{TYPED}y"])
        others = [onnx.node(f"{TYPED}Op", [f"{TYPED}y"], ["z"]), onnx.node("GRU", [TYPED, TYPED, TYPED], [f"{TYPED}g"])]
        Path(path).write_bytes(onnx.model([cell, *others], [*arrays, onnx.array(TYPED, 3)]))
    return path


@pytest.mark.parametrize("format_", [*MAKERS, "onnx"])
@pytest.mark.parametrize("command", [*WORKING, "inspect"])
def test_names_in_model_files_come_out_harmless(command: str, format_: str, rnncli: Run) -> None:
    result = rnncli(command, hostile_model(format_), *WORKING.get(command, ()))
    assert result.status == 0 or command in ("sweep", "solve"), result.stderr
    assert_harmless(result)


@pytest.mark.parametrize("format_", [*MAKERS, "onnx"])
@pytest.mark.parametrize("output", FORMATS)
def test_names_in_model_files_are_harmless_in_every_format_and_whole_in_json(
    output: str, format_: str, rnncli: Run
) -> None:
    result = rnncli("inspect", hostile_model(format_), "-f", output)
    assert result.status == 0, result.stderr
    assert_harmless(result)
    if output == "json":
        (part,) = json.loads(result.stdout)["parts"]
        assert any(weight["name"].startswith(TYPED) for layer in part["layers"] for weight in layer["weights"])


@pytest.mark.parametrize("format_", [*MAKERS, "onnx"])
def test_names_in_damaged_model_files_come_out_harmless(format_: str, rnncli: Run) -> None:
    path = Path(hostile_model(format_))
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        assert_harmless(rnncli("inspect", path))
        assert_harmless(rnncli("forward", path, "--timesteps", "2", "-f", "json"))


@pytest.mark.parametrize("option", ["--input", "--weights", "--state"])
def test_what_a_file_begins_with_comes_out_harmless(option: str, rnncli: Run) -> None:
    for start in (OBEYED.encode(), b"\x93NUMPY\x01\x00\x40\x00" + OBEYED.encode() + b" " * 90):
        Path("bad").write_bytes(start)
        assert_harmless(rnncli("forward", "input:8,rnn:4", option, "bad"))


def test_lines_of_standard_input_and_the_environment_come_out_harmless(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNCLI_SPEC", TYPED)
    for command in WORKING:
        assert_harmless(rnncli(command, "-", *WORKING[command], stdin=OBEYED + "\n"))
        assert_harmless(rnncli(command, *WORKING[command]))


def test_on_a_terminal_nothing_but_styles_is_obeyed(terminal: Run) -> None:
    result = terminal("forward", f"input:8,rnn:4{TYPED}", "--weights", "w.npz")
    assert result.status == 2
    assert_harmless(Result(2, without_styles(result.stdout), ""))
    assert "]0;title" in result.stdout


def test_errors_of_the_library_are_harmless_too() -> None:
    error = RnncliError(OBEYED, OBEYED, repair=OBEYED)
    assert_harmless(Result(1, str(error), ""))
    assert len(str(error).splitlines()) == 2


def test_what_is_printable_stays_as_it_is() -> None:
    for text in ("rnn:32", "größe", "漢字", "…", ""):
        assert printable(text) == text


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        *(("forward", option, "٣") for option in ("--seed", "--batch", "--timesteps")),
        *(("solve", option, "٣") for option in ("--params", "--memory", "--macs", "--multiple-of")),
        *(("sweep", option, value) for option in ("--top", "--max-memory") for value in ("３", "²", "1𝟎")),
        ("sweep", "--max-memory", "4Kıb"),
        ("sweep", "--max-memory", "4\u212ab"),
        ("sweep", "--max-params", "4\u212a"),
    ],
)
def test_digits_and_letters_of_other_scripts_are_none_of_an_option(
    command: str, option: str, value: str, rnncli: Run
) -> None:
    result = rnncli(command, "input:8,rnn:_" if command == "solve" else "input:8,rnn:4", option, value)
    assert (result.status, result.stdout) == (2, "")
    assert value in result.stderr


# What never ends.

SPECS = "yes input:1,rnn:1 | "


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "-"), "more than 1,000 networks"),
        (("compare", "-", "-f", "csv"), "more than 1,000 networks"),
        (("forward", "-", "-o", "y.npy"), "2 specs or more"),
        (("forward", "-", "--save-weights", "w.npz"), "2 specs or more"),
        (("draw", "-", "--svg", "s.svg"), "more than 1,000 networks for one picture"),
    ],
)
def test_specs_without_an_end_are_refused_where_all_of_them_are_kept(
    arguments: tuple[str, ...], words: str, program: Run
) -> None:
    # Nobody but rnncli can end this: `yes` is stopped by the pipe that closes.
    result = program(*arguments, shell=f'{SPECS}"$@" >/dev/null; exit ${{PIPESTATUS[1]}}')
    assert result.status == 2
    assert words in result.stderr
    assert not list(Path().iterdir())


def test_the_second_spec_is_enough_to_know_that_there_are_several() -> None:
    line = program_line("forward", "-", "-o", "y.npy")
    with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"input:1\ninput:2\n")
        process.stdin.flush()  # and it stays open
        assert process.wait(PATIENCE) == 2


def test_a_thousand_networks_are_compared(rnncli: Run) -> None:
    lines = "input:1,rnn:1\n" * 1000
    assert rnncli("compare", "-", "-f", "csv", stdin=lines).stdout.count("\n") == 1001
    assert rnncli("compare", "-", "-f", "csv", stdin=lines + "input:1\n").status == 2


def test_a_line_of_200_megabytes_is_said_to_be_that_long_and_the_next_is_read(program: Run) -> None:
    result = program(
        *("summary", "-q", "-"),
        shell="(head -c 200000000 /dev/zero | tr '\\0' a; echo; echo input:8,rnn:4) | (ulimit -v 400000; \"$@\")",
    )
    assert (result.status, result.stdout) == (2, "52\n")
    assert "200,000,001 characters long" in result.stderr


def test_a_line_without_an_end_is_given_up(program: Run) -> None:
    result = program("summary", "-", shell='cat /dev/zero | "$@"; exit ${PIPESTATUS[1]}')
    assert (result.status, result.stdout) == (2, "")
    assert "does not end" in result.stderr


def test_a_long_comment_behind_a_spec_is_no_fault(rnncli: Run) -> None:
    stdin = f"input:8,rnn:4 # {'a' * 1_000_000}\ninput:8,rnn:5\n"
    assert rnncli("summary", "-q", "-", stdin=stdin) == (0, "52\n70\n", "")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{,}", "the empty text alone"),
        ("{,}" * 40, "1,099,511,627,776 empty texts"),
        ("{,a}" + "{,}" * 40, "1,099,511,627,776 empty texts"),
        ("{u=,}{u}" + "{,}" * 40, "empty texts"),
        ("{,}" * 5000, "empty texts"),
    ],
)
def test_a_pattern_of_empty_texts_is_refused_at_once(pattern: str, words: str, program: Run) -> None:
    result = program("sweep", pattern)
    assert (result.status, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr) < 1000


def test_a_pattern_with_some_empty_texts_is_read_on(rnncli: Run) -> None:
    result = rnncli("sweep", "{,}{,input:8}", "-f", "csv")
    assert (result.status, result.stdout.count("input:8")) == (0, 2)
