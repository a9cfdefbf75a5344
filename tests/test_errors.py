"""What a bad spec or option is answered with, as a person sees it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from conftest import Result

from rnncli import Network, SpecError
from rnncli.errors import underline

BAD = (
    # a network that does not fit together
    ["embed:10000x32,rnn:32,rnn:32"],
    ["embed:10000x32,rnn:32:x3,rnn:32"],
    ["embed:10000x32,rnn:32,dense:8,dropout:0.5,lstm:4,gru:4"],
    ["rnn:32"],
    ["dropout:0.5"],
    ["input:8,embed:10x4"],
    ["embed:10x4:x2,rnn:3"],
    ["input:8,lstm:3:back:bi"],
    # kinds
    ["input:8,lstm=64"],
    ["input=8,lstm:64"],
    ["embed:10000*32,lstm:5"],
    ["embed:10,000x32,lstm:4"],
    ["input:8,{lstm,gru}:"],
    [""],
    ["  "],
    ["lsmt:3"],
    ["embeding:10x4,lsmt:3"],
    ["input:8,conv1d:3"],
    ["input:8,,rnn:3,"],
    ["input:8,:3"],
    # sizes
    ["input:8,rnn"],
    ["embed"],
    ["embed:10000,rnn:32"],
    ["embed:10x4x2"],
    ["input:8,dense:64x10"],
    ["input:8,rnn:0"],
    ["input:8,rnn:-3"],
    ["input:8,rnn:1.5k"],
    ["input:8,rnn:1e3"],
    ["input:8,rnn:10K"],
    ["input:8,rnn:99999999999"],
    ["input:8,rnn:3:4"],
    ["input:8,dropout:50"],
    ["input:8,dropout"],
    # flags, keys and activations
    ["input:8,rnn:3:sq"],
    ["input:8,rnn:units=x"],
    ["input:8,rnn:3:return_sequences=maybe"],
    ["input:8,lstm:3:activation=rellu"],
    ["input:8,lstm:3:return_state=True"],
    ["input:8,lstm:3:stateful"],
    ["input:8,lstm:3:seq:return_sequences=True"],
    ["input:8,lstm:3:bidirectional"],
    ["input:8,rnn:3:rellu"],
    ["input:8,dense:3:swish"],
    ["input:8,rnn:3:act="],
    ["input:8,rnn:3:relu:tanh"],
    ["input:8,lstm:3:bi=add"],
    ["input:8,gru:3:reset=never"],
    ["input:8,lstm:3:reset=before"],
    ["input:8,dense:3:seq"],
    ["input:8,rnn:3::seq"],
    # repeats
    ["input:8,rnn:3:x0"],
    ["input:8,dense:3:x20000"],
    # numbers and separators from elsewhere
    ["embedding:10000,32"],
    ["input:50,8"],
    ["input:(50,8)"],
    ["input:8,lstm:64,32"],
    ["input:8,lstm:256:2"],
    ["input:8 -> lstm:16 -> dense:1"],
    ["input:8;lstm:16"],
    ["input:8 lstm:16"],
    ["rnn 32"],
    ["lstm128"],
    # other characters
    ["input:8，lstm:4"],
    ["input:8,dropout:٠.٥"],
    # words from elsewhere
    ["bilstm:32"],
    ["input:8,lstm:3:bi=average"],
    ["input:8,lstm:3:act=tahn"],
    ["input:8,lstm:3:recact"],
    # calls
    ["input:8, LSTM(32)"],
    ["Sequential([LSTM(8), LSTM(4)])"],
    ["nn.LSTM(40, 256), nn.Linear(100, 2)"],
    ["LSTM(32, return_sequences=True"],
    ["input:8, LSTM(units)"],
    ["input:8, Conv1D(32, 3)"],
    # what a framework cannot express, and options that contradict the spec
    ["input:8,gru:3:reset=before", "--framework", "torch"],
    ["input:8,lstm:3:bi=sum", "--framework", "torch"],
    ["input:8,rnn:3:selu", "--framework", "torch"],
    ["input:50x8,lstm:3", "--timesteps", "20"],
)
each_bad = pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: arguments[0] or "nothing")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _command_line(arguments: list[str]) -> str:
    return shlex.join(["rnncli", "summary", *arguments])


def test_every_error_reads_as_it_was_reviewed(
    rnncli: Callable[..., Result], screen: Callable[[str, str], None]
) -> None:
    shown = [f"$ {_command_line(arguments)}\n{rnncli('summary', *arguments).stderr}" for arguments in BAD]
    screen("errors", "\n".join(shown))


@each_bad
def test_an_error_has_three_parts_on_standard_error_and_status_2(
    arguments: list[str], rnncli: Callable[..., Result]
) -> None:
    result = rnncli("summary", *arguments)
    assert (result.status, result.stdout) == (2, "")
    error, spec, carets, advice = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert spec.strip() in arguments[0]
    assert set(carets.strip()) == {"^"}
    assert advice.startswith("Help: ")


@each_bad
def test_the_spec_in_the_help_line_works_when_pasted(arguments: list[str], rnncli: Callable[..., Result]) -> None:
    _, *options = arguments
    repair = rnncli("summary", *arguments).stderr.splitlines()[-1].split()[-1]
    assert shlex.quote(repair) == repair
    assert rnncli("summary", "-q", repair, *options).status == 0


FAULTS = {
    "embed:10000x32,rnn:32,lstm:8": "rnn:32",
    "embed:10x4, rnn:3 :seq, lsmt:3": "lsmt",
    "input:8,rnn:3:sq:back": "sq",
    "input:8,rnn:3:act=rellu:back": "rellu",
    "input:8,lstm:3:act = tahn": "tahn",
    "input:8,gru:3:reset=middle:seq": "middle",
    "input:8,lstm:3:recact:seq": "recact",
    "input:8;lstm:16": ";",
    "input:8 -> lstm:16": "->",
    "input:8  lstm:16": "  ",
    "input:8，lstm:3": "，",
    "input:8,dropout:٠.٥": "٠",
    "embed:10x4:mas\u212a": "\u212a",
    "embed:10,000x32,rnn:3": "10,000x32",
    "input:8,lstm:256:2": "2",
    "input:8,bilstm:3": "bilstm",
    "embed:10x4, LSTM(32, seq), dense:3": "seq",
    "embed:10x4, GRU(32)": "GRU(32)",
    "input:(50,8),gru:3": "(50,8)",
    "input:8,embed:0x4": "0",
    "input:8,embed:10xfour": "four",
    "input:8,rnn:3:seq:x0": "x0",
    "input:8,gru:3:bi:back,dense:1": "gru:3:bi:back",
    "input:8,dense:3,層:4,dense:5": "層",
    "input:8,層層:3:sq": "層層",
    "input:8,rnn:3:層:sq": "層",
    "input:8,rnn:3:日本語,dense:3": "日本語",
    "input:8,\trnn:3:sq": "sq",
    "input:8,rnn:3\t:\tsq": "sq",
    "input:8,e\u0301rnn:3:sq": "e\u0301rnn",
    "input:8,rnn:3:\x1b[31m": "\x1b[31m",
    "input:8" + ",rnn:8:seq" * 6000 + ",rnn:8:sq": "sq",
    "input:8,rnn:8:sq" + ",rnn:8:seq" * 6000: "sq",
    "input:8" + ",rnn:8:seq" * 3000 + ",層:3" + ",rnn:8:seq" * 3000: "層",
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.items(), ids=lambda text: ascii(text[:40]))
def test_the_span_is_the_characters_at_fault(text: str, fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        Network.parse(text)
    start, end = caught.value.span
    assert text[start:end] == fault


@pytest.mark.parametrize(("text", "fault"), FAULTS.items(), ids=lambda text: ascii(text[:40]))
def test_the_carets_stand_under_the_characters_at_fault(text: str, fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        Network.parse(text)
    _, shown, carets, _ = str(caught.value).splitlines()
    first, last = carets.index("^"), len(carets)
    under = "".join(c for column, c in _cells(shown) if first <= column < last)
    assert under == "".join(c if c.isprintable() else "?" for c in fault)


def _cells(text: str) -> list[tuple[int, str]]:
    """Each character with the column of a terminal that it starts in."""
    cells, column = [], 0
    for c in text:
        # A combining accent stands over the character before it.
        width = 0 if c == "\u0301" else 2 if east_asian_width(c) in "WF" else 1
        cells.append((column if width else column - 1, c))
        column += width
    return cells


def test_a_long_spec_is_cut_around_the_fault_to_what_a_terminal_shows() -> None:
    text = "input:8" + ",rnn:8:seq" * 3000 + ",lsmt:3" + ",rnn:8:seq" * 2900
    with pytest.raises(SpecError) as caught:
        Network.parse(text)
    _, shown, carets, _ = str(caught.value).splitlines()
    assert len(shown) < 80
    assert len(carets) < 80
    assert shown.strip(" …") in text
    assert "lsmt" in shown
    assert shown.strip().startswith("…")
    assert shown.endswith("…")


def test_a_text_that_fits_is_shown_whole() -> None:
    assert underline("input:8,rnn:3:sq", 14, 16) == ("input:8,rnn:3:sq", " " * 14 + "^^")
    assert underline("input:8", 7, 7) == ("input:8", " " * 7 + "^")


def test_an_error_says_which_of_several_specs_is_bad(rnncli: Callable[..., Result]) -> None:
    result = rnncli("summary", "-q", "input:8", "lsmt:3", "input:8,dense:1")
    assert result.stderr.startswith("Error: spec 2: there is no layer kind 'lsmt'\n  lsmt:3\n  ^^^^\n")
    assert (result.status, result.stdout) == (2, "0\n9\n")


def test_an_error_says_which_line_of_standard_input_is_bad(rnncli: Callable[..., Result]) -> None:
    result = rnncli("summary", "-q", "-", stdin="# mine\n\ninput:8\nlsmt:3\ninput:8,dense:1\n")
    assert result.stderr.startswith("Error: line 4 of standard input: there is no layer kind 'lsmt'\n  lsmt:3\n")
    assert (result.status, result.stdout) == (2, "0\n9\n")


@pytest.mark.parametrize("options", [[], ["--output", "out.npy"]])
@pytest.mark.parametrize("command", ["summary", "forward"])
def test_an_error_says_that_the_spec_came_from_the_environment(
    command: str, options: list[str], rnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNCLI_SPEC", "lsmt:3")
    result = rnncli(command, *(options if command == "forward" else []))
    assert result.stderr.startswith("Error: RNNCLI_SPEC: there is no layer kind 'lsmt'\n")
    assert result.status == 2


def test_an_error_says_the_line_also_where_a_file_belongs_to_the_spec(rnncli: Callable[..., Result]) -> None:
    result = rnncli("forward", "-", "--output", "out.npy", stdin="\nlsmt:3\n")
    assert result.stderr.startswith("Error: line 2 of standard input: there is no layer kind 'lsmt'\n")
    assert result.status == 2


def test_options_that_contradict_a_spec_are_reported_for_it_and_the_others_are_shown(
    rnncli: Callable[..., Result],
) -> None:
    result = rnncli("summary", "-q", "--timesteps", "20", "input:50x8,lstm:3", "input:8,dense:1")
    assert "spec 1: input:50x8 fixes 50 timesteps, but 20 are asked for" in result.stderr
    assert (result.status, result.stdout) == (2, "9\n")


def test_a_spec_whose_work_fails_does_not_stop_the_others(rnncli: Callable[..., Result]) -> None:
    result = rnncli("forward", "-f", "json", "--timesteps", "3", "input:8", "embed:1Gx4096", "input:8,rnn:2")
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == ["input:8", "input:8,rnn:2"]
    assert result.stderr.startswith("Error: spec 2: the network would take 14.90 TB")
    assert result.status == 1
    assert rnncli("forward", "embed:1Gx4096", "lsmt:3").status == 2
