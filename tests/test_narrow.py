"""Narrow terminals, in every command: lines break only between words, and carets are below the fault."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import Run, Walk, print_as_on_a_terminal, without_styles

from rnncli.cli import COMMANDS
from rnncli.commands.help import TOPICS

WIDTHS = (40, 50, 60, 79)

LONG = "embed:10000x32,lstm:64:seq:bi,gru:32:seq,dropout:0.5,lstm:16:seq,dense:8:relu,{},dense:1:sigmoid"

FAULTS = {
    "at the start": ("embd:10000x32,lstm:64:seq:bi,gru:32:seq,dropout:0.5,dense:8:relu,dense:1:sigmoid", "embd"),
    "in the middle": (LONG.format("lsmt:8"), "lsmt"),
    "at the end": ("embed:10000x32,lstm:64:seq:bi,gru:32:seq,dropout:0.5,dense:8,dense:1:sigmiod", "sigmiod"),
    "a long one": (f"input:8,{'x' * 60}:3", "xxx"),
}
"""Wrong specs, and the marked part of each."""


@pytest.fixture
def stderr_lines(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The lines on standard error of a terminal with the given width."""

    def call(columns: int, *arguments: str) -> list[str]:
        monkeypatch.setattr("rnncli.commands.output.notes_width", lambda: columns)
        return rnncli(*arguments).stderr.splitlines()

    return call


def test_an_errors_excerpt_is_a_window_around_the_fault_with_its_caret_directly_below(
    stderr_lines: Callable[..., list[str]], at: Walk
) -> None:
    for columns in (*WIDTHS, 100):
        for where, (spec, fault) in FAULTS.items():
            with at(columns, where):
                lines = stderr_lines(columns, "summary", spec)
                place = next(number for number, line in enumerate(lines) if set(line.strip()) == {"^"})
                shown, carets = lines[place - 1 : place + 1]
                assert len(shown) <= columns
                assert len(carets) <= columns
                marked = shown[carets.index("^") : len(carets)]
                assert marked.startswith(fault)
                assert len(marked) == carets.count("^")


def test_a_note_or_error_breaks_between_words_and_a_repair_stays_in_one_piece(
    stderr_lines: Callable[..., list[str]], at: Walk
) -> None:
    for line in (
        "summary input:8,rnn:4 --no-colour",
        "summary input:8,lstm:4,gru:4",
        "sweep input:8,lstm:{8..64..8} --max-params 10",
        "solve input:8,lstm:_ --params 10k",
        "forward input:8,rnn:4 --gates",
        "summary nosuch.onnx",
    ):
        whole = stderr_lines(10_000, *line.split())
        words = " ".join(whole).split()
        repairs = re.findall(r"(?:Help: |: )((?:rnncli|input:)[^:]* \S.*|input:\S+)$", "\n".join(whole), re.MULTILINE)
        for columns in WIDTHS:
            with at(line, columns):
                lines = stderr_lines(columns, *line.split())
                shown = [word for word in " ".join(lines).split() if set(word) != {"^"}]
                assert shown == [word for word in words if set(word) != {"^"}]
                assert all(len(each) <= columns or repairs for each in lines)


def test_the_help_fits_a_narrow_terminal_and_breaks_between_words(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    for command in ("", *COMMANDS, *(f"help {topic}" for topic in TOPICS)):
        line = command.split() if command.startswith("help ") else [*command.split(), "--help"]
        monkeypatch.delenv("COLUMNS", raising=False)
        whole = rnncli(*line).stdout
        with at(command):
            assert whole == whole.rstrip("\n") + "\n"
        monkeypatch.setenv("COLUMNS", "1")
        with at(command, 1):
            assert rnncli(*line).status == 0
        for columns in WIDTHS:
            with at(command, columns):
                monkeypatch.setenv("COLUMNS", str(columns))
                lines = rnncli(*line).stdout.splitlines()
                assert max(map(len, lines)) <= columns
                # A spec may break after a comma or colon, choices after a bar, and hyphenated words at a hyphen.
                assert "".join(" ".join(lines).split()) == "".join(whole.split())
                assert re.findall(r"\w+", " ".join(lines)) == re.findall(r"\w+", whole)
                # Pages of prose, whose paragraphs are filled.
                filled = {"help promises": 1.2, "help files": 1.2, "help spec": 1.3}.get(command, 10)
                assert len(list(filter(None, lines))) * columns < filled * len(whole)


def test_a_number_and_its_unit_stay_on_one_line(rnncli: Run, monkeypatch: pytest.MonkeyPatch, at: Walk) -> None:
    print_as_on_a_terminal(monkeypatch)
    for columns in WIDTHS:
        for line in ("summary embed:9x32,rnn:32:seq,lstm:32 --wide --timesteps 100 --batch 2", "layers memory"):
            with at(columns, line):
                monkeypatch.setenv("COLUMNS", str(columns))
                shown = without_styles(rnncli(*line.split()).stdout)
                assert re.findall(r"[ (][0-9,.]*[0-9]\n *(?:B|KB|timesteps?|parameters?)\b", shown) == []
                assert " B" in shown
