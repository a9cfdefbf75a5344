"""`rnncli summary`: what people see, what programs read, and where specs come from."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PATIENCE, Result, lines_of, program_line, with_visible_styles, without_styles

from rnncli import Network
from rnncli.language.spec import EXAMPLE

Run = Callable[..., Result]
Screen = Callable[[str, str], None]

SMALL = "embed:10x4,lstm:3:seq:bi,dropout:0.5,rnn:3,dense:1:sigmoid"
DEEP = "embed:10000x32,rnn:32:seq:x38,rnn:32"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("example", [EXAMPLE]),
        ("known-input", ["input:50x8,gru:16:seq,lstm:16:bi,dense:1", "--batch", "32"]),
        ("wide", [SMALL, "--wide", "--batch", "2", "--timesteps", "5", "--dtype", "float16"]),
        ("wide-unknown", [SMALL, "--wide"]),
        ("torch", [SMALL, "--framework", "torch", "--wide"]),
        ("deep", [DEEP]),
        ("huge", ["embed:1Gx4096,lstm:4096"]),
        ("only-input", ["input:8"]),
    ],
)
def test_a_table_reads_as_it_was_reviewed(name: str, arguments: list[str], rnncli: Run, screen: Screen) -> None:
    result = rnncli("summary", *arguments)
    note = "Note: input:8 is an input without layers; with one: input:8,rnn:32\n"
    assert (result.status, result.stderr) == (0, note if name == "only-input" else "")
    screen(f"summary-{name}", result.stdout)


@pytest.mark.parametrize(
    ("columns", "options"), [(40, ()), (80, ()), (80, ("--wide",)), (200, ()), (200, ("--wide",))], ids=str
)
def test_a_table_fits_the_terminal(columns: int, options: tuple[str], terminal: Run, screen: Screen) -> None:
    result = terminal("summary", SMALL, *options, columns=columns)
    assert result.status == 0
    assert "\x1b[" in result.stdout
    text = without_styles(result.stdout)
    assert max(map(len, text.splitlines())) <= columns
    screen(f"summary-{'-'.join(['terminal', str(columns), *(o.strip('-') for o in options)])}", text)


def test_columns_overrules_the_width_of_the_terminal(terminal: Run) -> None:
    wide = terminal("summary", DEEP, "--wide", columns=200).stdout
    assert terminal("summary", DEEP, "--wide", columns=40, COLUMNS="200").stdout == wide


def test_a_table_that_is_not_on_a_terminal_is_never_cut(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rnncli("summary", SMALL, "--wide").stdout
    monkeypatch.setenv("COLUMNS", "20")
    assert rnncli("summary", SMALL, "--wide").stdout == whole
    long = ",".join(["input:8", *(f"dense:{units}" for units in range(1, 200))])
    assert rnncli("summary", long).stdout.splitlines()[0] == long


def test_a_table_that_is_not_on_a_terminal_has_no_colour(rnncli: Run) -> None:
    assert "\x1b" not in rnncli("summary", SMALL, "--wide").stdout


def test_force_color_colours_it_anywhere(rnncli: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = rnncli("summary", "embed:10x4,rnn:3").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = rnncli("summary", "embed:10x4,rnn:3").stdout
    assert without_styles(coloured) == plain
    screen("summary-coloured", with_visible_styles(coloured))


def test_an_empty_force_color_is_none(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "")
    assert "\x1b" not in rnncli("summary", SMALL).stdout


def test_no_color_leaves_no_colour_on_a_terminal(terminal: Run) -> None:
    coloured, plain = terminal("summary", SMALL).stdout, terminal("summary", SMALL, NO_COLOR="1").stdout
    assert "\x1b[1m" in coloured
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", plain)
    assert without_styles(plain) == without_styles(coloured)


def test_a_dumb_terminal_gets_no_escape_sequence(terminal: Run) -> None:
    result = terminal("summary", SMALL, TERM="dumb")
    assert "\x1b" not in result.stdout
    assert result.stdout == without_styles(terminal("summary", SMALL).stdout)


def test_an_output_in_ascii_draws_its_table_in_ascii(program: Run, screen: Screen) -> None:
    result = program("summary", SMALL, PYTHONIOENCODING="ascii")
    assert result.stdout.isascii()
    assert "?" not in result.stdout
    screen("summary-ascii", result.stdout)


def as_json(rnncli: Run, *arguments: str) -> dict[str, Any]:
    return json.loads(rnncli("summary", "-f", "json", *arguments).stdout)


def test_json_holds_exactly_what_the_contract_says(rnncli: Run) -> None:
    assert as_json(rnncli, "embed:10x4,rnn:3") == {
        "spec": "embed:10x4,rnn:3",
        "framework": "keras",
        "dtype": "float32",
        "input": {"shape": [None, None], "dtype": "int32"},
        "layers": [
            {
                "name": "embedding",
                "type": "Embedding",
                "spec": "embed:10x4",
                "output_shape": [None, None, 4],
                "params": 40,
                "weights": [{"name": "embeddings", "shape": [10, 4], "params": 40}],
                "macs_per_step": 0,
                "macs": None,
                "output_bytes": None,
            },
            {
                "name": "simple_rnn",
                "type": "SimpleRNN",
                "cell": "SimpleRNN",
                "spec": "rnn:3",
                "output_shape": [None, 3],
                "params": 24,
                "weights": [
                    {"name": "kernel", "shape": [4, 3], "params": 12},
                    {"name": "recurrent_kernel", "shape": [3, 3], "params": 9},
                    {"name": "bias", "shape": [3], "params": 3},
                ],
                "macs_per_step": 21,
                "macs": None,
                "output_bytes": 12,
            },
        ],
        "output_shape": [None, 3],
        "total_params": 64,
        "total_bytes": 256,
        "macs_per_step": 21,
        "macs": None,
        "output_bytes": None,
        "streaming_bytes": 4 * (3 + 4 + 3 + 3),
        "training_bytes": None,
    }


def test_json_says_the_options_that_its_numbers_are_for(rnncli: Run) -> None:
    options = ("--batch", "2", "--timesteps", "10", "--dtype", "float64", "--framework", "torch")
    network = as_json(rnncli, "input:8,lstm:3:bi", *options)
    assert (network["framework"], network["dtype"]) == ("torch", "float64")
    assert network["input"] == {"shape": [2, 10, 8], "dtype": "float64"}
    assert network["output_shape"] == [2, 6]
    assert network["layers"][0]["type"] == network["layers"][0]["cell"] == "LSTM"
    assert network["macs"] == 2 * 10 * 2 * 4 * (8 * 3 + 3 * 3)
    assert network["total_bytes"] == 8 * network["total_params"] == 8 * 2 * 4 * (8 * 3 + 3 * 3 + 2 * 3)
    assert as_json(rnncli, "input:8,lstm:3:bi")["layers"][0]["cell"] == "LSTM"


def test_quiet_prints_the_number_of_parameters_alone(rnncli: Run) -> None:
    assert rnncli("summary", "-q", "embed:10000x32,rnn:32") == (0, "322080\n", "")
    assert rnncli("summary", "--quiet", "input:32,rnn:32", "--framework", "torch").stdout == "2112\n"
    assert rnncli("summary", "-q", "input:8", "embed:1Gx4096", "input:1,dense:1").stdout == "0\n4096000000000\n2\n"


def test_several_specs_are_several_tables_and_several_lines_of_json(rnncli: Run) -> None:
    one, two = rnncli("summary", "input:8,rnn:3").stdout, rnncli("summary", SMALL).stdout
    assert rnncli("summary", "input:8,rnn:3", SMALL).stdout.replace("\n\n", "\n") == one + two
    lines = rnncli("summary", "-f", "json", "input:8,rnn:3", SMALL).stdout.splitlines()
    assert [json.loads(line)["spec"] for line in lines] == ["input:8,rnn:3", SMALL]


def test_each_line_of_standard_input_is_a_spec_and_a_line_of_json(rnncli: Run) -> None:
    specs = [f"input:{n},rnn:{n}" for n in range(1, 50)]
    result = rnncli("summary", "-f", "json", "-", stdin=lines_of(*specs))
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == specs


@pytest.mark.parametrize(
    "text",
    [
        b"input:8\ninput:8,dense:1\n",
        b"input:8\ninput:8,dense:1",
        b"input:8\r\ninput:8,dense:1\r\n",
        b"\xef\xbb\xbfinput:8\ninput:8,dense:1\n",
        b"\n  \n# mine\ninput:8\n\t# yours\n\ninput:8,dense:1\n\n",
        b"input:8 # mine\n  input:8 , dense:1  \t# yours\n",
    ],
    ids=["plain", "no-final-newline", "crlf", "byte-order-mark", "comments-and-blank-lines", "comments-behind"],
)
def test_lines_of_standard_input_may_be_written_in_many_ways(text: bytes, rnncli: Run) -> None:
    assert rnncli("summary", "-q", "-", stdin=text) == (0, "0\n9\n", "")


def test_good_lines_are_shown_though_others_are_bad_and_each_bad_one_is_reported(rnncli: Run) -> None:
    lines = ["input:8", "lsmt:3", "", "input:8,dense:1", "rnn:3:sq", "\xff", "input:8,dense:2"]
    result = rnncli("summary", "-q", "-", stdin="\n".join(lines).encode("latin-1"))
    assert (result.status, result.stdout) == (2, "0\n9\n18\n")
    assert re.findall(r"line (\d+) of standard input", result.stderr) == ["2", "5", "6"]


def test_a_dash_may_stand_between_specs(rnncli: Run) -> None:
    result = rnncli("summary", "-q", "input:8", "-", "input:8,dense:2", stdin="input:8,dense:1\n")
    assert result.stdout == "0\n9\n18\n"


def test_an_endless_line_is_one_bad_spec_and_the_next_line_is_read(rnncli: Run) -> None:
    result = rnncli("summary", "-q", "-", stdin=b"x" * 400_000 + b"\ninput:8\n")
    assert (result.status, result.stdout) == (2, "0\n")
    assert result.stderr.count("Error: ") == 1
    assert "line 1 of standard input" in result.stderr


@pytest.mark.parametrize("stdin", ["", "# nothing\n\n"])
def test_no_spec_on_standard_input_is_said(stdin: str, rnncli: Run) -> None:
    result = rnncli("summary", "-", stdin=stdin)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: there is no spec on standard input\nHelp: ")


def test_without_a_spec_the_environment_says_it(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNCLI_SPEC", " input:8,dense:1 ")
    assert rnncli("summary", "-q") == (0, "9\n", "")
    assert rnncli("summary", "-q", "input:8").stdout == "0\n"


@pytest.mark.parametrize("variable", [None, "", "  "])
def test_failing_that_it_is_the_example_and_one_line_of_standard_error_says_so(
    variable: str | None, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("RNNCLI_SPEC", variable)
    result = rnncli("summary", "-q")
    assert (result.status, result.stdout) == (0, f"{10_000 * 32 + 2 * 2_080}\n")
    assert EXAMPLE in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert Network.parse(EXAMPLE)


@pytest.mark.parametrize("arguments", [[], ["input:8"], ["-q", "input:8"]])
def test_standard_input_is_never_read_without_a_dash(arguments: list[str]) -> None:
    reading, writing = os.pipe()  # whoever reads this waits for ever
    try:
        done = subprocess.run(program_line("summary", *arguments), stdin=reading, capture_output=True, timeout=PATIENCE)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 0
    assert done.stdout
