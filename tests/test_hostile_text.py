"""Texts that a terminal would interpret are never printed as they are, and endless input is not read forever."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import test_formats_onnx as onnx
from command_lines import OPTIONS, PARAMETERS
from conftest import PATIENCE, Result, Run, Screen, Walk, is_thorough, patience, program_line, without_styles
from hostile_models import FORMATS as MAKERS
from hostile_models import SHAPES
from sessions import replay

from rnncli.errors import RnncliError, printable
from rnncli.render.terminal import FORMATS

OBEYED = "\x1b[31m\x1b]0;title\x07\x9b2J\x7f\x08\r\n\x85\u2028\u2029\u202e\u2066\x00"
"""Escapes in 7 and 8 bits, a bell, line ends of all kinds, and characters that change the direction of writing."""
TYPED = OBEYED.replace("\x00", "")
"""The characters that an argument can contain."""
SPACE = " \t\r\n\x0b\x0c\x1c\x85\u2028\xa0"
"""Characters that count as space, which a spec may have between its words."""
ALLOWED = frozenset("\n\t")

WORKING: dict[str, tuple[str, ...]] = dict.fromkeys(("summary", "explain", "draw", "spec", "sweep"), ()) | {
    "page": ("--timesteps", "2"),
    "forward": ("--timesteps", "2"),
    "export": ("--to", "keras"),
    "compare": ("input:8,rnn:5",),
    "reach": ("--timesteps", "2"),
    "solve": ("--params", "100"),
}
"""Every command that takes a spec, and its further arguments."""


def assert_harmless(result: Result) -> None:
    for text in (result.stdout, result.stderr):
        obeyed = {character for character in text if not character.isprintable()} - ALLOWED
        assert not obeyed, (obeyed, text)


def test_typed_text_is_printed_harmlessly(at: Walk, rnncli: Run) -> None:
    texts = (TYPED, f"--{TYPED}", f"input:8,{TYPED}rnn:4", f"input:8,rnn:4{TYPED}")
    for command, parameter in PARAMETERS:
        if isinstance(parameter, click.Option):
            option = [max(parameter.opts, key=len)]
            specs = ([], ["input:8,rnn:4"], ["input:8,rnn:_"]) if is_thorough() else (["input:8,rnn:4"],)
        else:
            option, specs = [], ([],)
        for text in texts if is_thorough() or not option else texts[:1]:
            for spec in specs:
                with at(command, *spec, *option, repr(text)):
                    assert_harmless(rnncli(command, *spec, *option, text, stdin="input:8\n"))


def test_a_spec_with_odd_space_is_shown_on_separate_lines(at: Walk, rnncli: Run) -> None:
    taking = {name for name, parameter in PARAMETERS if parameter.name in ("spec", "pattern", "template")}
    assert taking <= set(WORKING)
    for command, options in WORKING.items():
        kinds = [each.type for name, each in OPTIONS if name == command and "--format" in each.opts]
        formats = [["-f", choice] for kind in kinds if isinstance(kind, click.Choice) for choice in kind.choices]
        template = "_" if command == "solve" else "4"
        for format_ in formats or [[]]:
            with at(command, *format_):
                specs = (f"input:8,rnn:{template}", f"input:{SPACE}8,{SPACE}rnn:{template}{SPACE}")
                expected, result = (rnncli(command, spec, *options, *format_) for spec in specs)
                assert (result.status, result.stdout.count("\n")) == (0, expected.stdout.count("\n"))
                assert_harmless(result)


# Text from files and streams


def test_names_and_headers_of_array_files_are_printed_harmlessly(at: Walk, rnncli: Run) -> None:
    odd = f"w{TYPED.replace('/', '')}.npz"
    for path, key in ((odd, "a"), ("w.npz", TYPED)):
        with Path(path).open("wb") as file:
            np.savez(file, **{key: np.zeros(3)})
        for option in ("--weights", "--state"):
            with at(option, repr(path), repr(key)):
                result = rnncli("forward", "input:8,rnn:4", option, path)
                assert (result.status, len(result.stderr.splitlines())) == (1, 2)
                assert_harmless(result)
    for start in (OBEYED.encode(), b"\x93NUMPY\x01\x00\x40\x00" + OBEYED.encode() + b" " * 90):
        Path("bad").write_bytes(start)
        for option in ("--input", "--weights", "--state"):
            with at(option, start):
                assert_harmless(rnncli("forward", "input:8,rnn:4", option, "bad"))


def hostile_models() -> Iterator[str]:
    """The names of model files with hostile array names: of a part, of an unsupported cell, and of others."""
    shapes = {f"{TYPED}{name}": shape for name, shape in SHAPES.items()}
    shapes |= {f"{TYPED}bad.weight_ih_l0": (8, 3), f"{TYPED}bad.weight_hh_l0": (8, 4), TYPED: (3,)}
    for format_, make in MAKERS.items():
        Path(f"model.{format_}").write_bytes(make(shapes))
        yield f"model.{format_}"
    names = [f"{TYPED}{name}" for name in "WRB"]
    arrays = [onnx.array(names[0], 1, 16, 3), onnx.array(names[1], 1, 16, 4), onnx.array(names[2], 1, 32)]
    cell = onnx.node("LSTM", ["x", *names], [f"{TYPED}y"])
    others = [onnx.node(f"{TYPED}Op", [f"{TYPED}y"], ["z"]), onnx.node("GRU", [TYPED, TYPED, TYPED], [f"{TYPED}g"])]
    Path("model.onnx").write_bytes(onnx.model([cell, *others], [*arrays, onnx.array(TYPED, 3)]))
    yield "model.onnx"


def test_names_in_model_files_are_printed_harmlessly_and_in_full_in_json(at: Walk, rnncli: Run) -> None:
    for path in hostile_models():
        for command, options in WORKING.items():
            with at(command, path):
                result = rnncli(command, path, *options)
                assert result.status == (2 if command in ("sweep", "solve") else 0)
                assert_harmless(result)
        for output in FORMATS:
            with at("inspect", path, output):
                result = rnncli("inspect", path, "-f", output)
                assert result.status == 0
                assert_harmless(result)
        with at("the names in JSON", path):
            (part,) = rnncli("inspect", path, "-f", "json").objects[0]["parts"]
            assert any(weight["name"].startswith(TYPED) for layer in part["layers"] for weight in layer["weights"])


def test_names_in_damaged_model_files_are_printed_harmlessly(at: Walk, rnncli: Run) -> None:
    for path in map(Path, hostile_models()):
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // (60 if is_thorough() else 12))):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
            with at(path, place):
                assert_harmless(rnncli("inspect", path))
                assert_harmless(rnncli("forward", path, "--timesteps", "2", "-f", "json"))


def test_lines_of_standard_input_and_the_environment_are_printed_harmlessly(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNCLI_SPEC", TYPED)
    for command in WORKING:
        with at(command):
            assert_harmless(rnncli(command, "-", *WORKING[command], stdin=OBEYED + "\n"))
            assert_harmless(rnncli(command, *WORKING[command]))


def test_a_terminal_receives_no_escapes_but_styles(terminal: Run) -> None:
    result = terminal("forward", f"input:8,rnn:4{TYPED}", "--weights", "w.npz")
    assert result.status == 2
    assert_harmless(Result(2, without_styles(result.stdout), ""))
    assert "]0;title" in result.stdout


def test_errors_of_the_library_are_harmless_too_and_printable_text_is_unchanged() -> None:
    error = RnncliError(OBEYED, OBEYED, repair=OBEYED)
    assert_harmless(Result(1, str(error), ""))
    assert len(str(error).splitlines()) == 2
    for text in ("rnn:32", "größe", "漢字", "…", ""):
        assert printable(text) == text


def test_lookalike_and_empty_words_are_refused(rnncli: Run, screen: Screen) -> None:
    replay("hostile-words", rnncli, screen)


# Endless input


def test_too_many_specs_are_refused_where_all_are_kept_and_no_more_are_read(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_network = "the files named on the command line belong to one network, but several specs are given"
    for arguments, lines, message in (
        ("compare -", "yes input:1,rnn:1 | head -n 1001", "more than 1,000 networks are too many to compare"),
        ("compare - -f csv", "yes input:1,rnn:1 | head -n 1001", "more than 1,000 networks are too many to compare"),
        ("forward - -o y.npy", "yes input:1 | head -n 2", one_network),
        ("forward - --save-weights w.npz", "yes input:1 | head -n 2", one_network),
        ("draw - --svg s.svg", "yes , | head -n 1001", "more than 1,000 networks do not fit in one picture"),
    ):
        line = f"{lines}; yes"  # invalid specs, forever
        with at(arguments), patience(), subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE) as specs:
            assert specs.stdout is not None
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(specs.stdout))
            result = rnncli(*arguments.split())
            assert (result.status, result.stderr.splitlines()[-2]) == (2, f"Error: {message}")
            assert not list(Path().iterdir())
    with at("a thousand"):
        result = rnncli("compare", "-", "-f", "csv", stdin="input:1,rnn:1\n" * 1000)
        assert (result.status, result.stdout.count("\n")) == (0, 1001)


def test_the_second_spec_suffices_to_know_that_there_are_several() -> None:
    line = program_line("forward", "-", "-o", "y.npy")
    with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"input:1\ninput:2\n")
        process.stdin.flush()  # and it stays open
        assert process.wait(PATIENCE) == 2


@pytest.mark.thorough
def test_a_line_of_200_megabytes_is_reported_with_its_length_and_one_of_a_gigabyte_is_given_up(program: Run) -> None:
    result = program(
        *("summary", "-q", "-"),
        shell="(head -c 200000000 /dev/zero | tr '\\0' a; echo; echo input:8,rnn:4) | (ulimit -v 400000; \"$@\")",
    )
    assert (result.status, result.stdout) == (2, "52\n")
    assert "200,000,001 characters long" in result.stderr
    error = program("summary", "-", shell='cat /dev/zero | "$@"; exit ${PIPESTATUS[1]}').refusal()
    assert "does not end within 1,073,741,824 characters" in error


def test_an_endless_line_is_given_up_and_a_finished_one_is_read_without_its_comment(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.commands.specs._LONGEST_LINE", 1_000_000)
    message = "Error: line 1 of standard input does not end within 1,000,000 characters"
    assert rnncli("summary", "-", stdin="a" * 2_000_000).refusal() == f"{message}\nHelp: give one spec per line\n"
    stdin = f"input:8,rnn:4 # {'a' * 900_000}\n{'a' * 999_999}\ninput:8,rnn:5\n"
    result = rnncli("summary", "-q", "-", stdin=stdin)
    assert (result.status, result.stdout) == (2, "52\n70\n")
    assert (
        "line 2 of standard input: the line is 1,000,000 characters long; at most 64 KiB are allowed" in result.stderr
    )


def test_a_pattern_of_empty_texts_is_refused_at_once(at: Walk, rnncli: Run) -> None:
    for pattern, count in {
        "{,}" * 40: "1,099,511,627,776",
        "{,a}" + "{,}" * 40: "1,099,511,627,776",
        "{u=,}{u}" + "{,}" * 40: "2,199,023,255,552",
        "{,}" * 5000: "141,246,703,213,942,603,683,520,966,701…",
    }.items():
        with at(pattern[:10]), patience():
            error = rnncli("sweep", pattern).refusal()
            assert error.splitlines()[0] == f"Error: the pattern stands for {count} empty texts"
            assert len(error) < 1000
