"""Long work: a bar that leaves nothing behind, Ctrl-C that keeps what was found, and what is said of time and files."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_lines import MODEL, WRITTEN
from conftest import PATIENCE, Columns, Result, without_styles

import rnncli.commands
from rnncli.cli import COMMANDS, run
from rnncli.commands.options import FORMATS
from rnncli.engine import Request, plan
from rnncli.quantities import about, memory
from rnncli.render import progress as bars
from rnncli.render.progress import Progress
from rnncli.search.grids import stretches
from rnncli.search.ranking import sifting

Run = Callable[..., Result]

LONG = {
    "forward": ["input:64,rnn:64", "--timesteps", "2G"],
    "reach": ["input:64,rnn:64", "--timesteps", "2G", "--seeds", "1"],
    "solve": ["embed:_vx_d,lstm:_u", "--params", "400M"],
    "sweep": ["input:8,lstm:{1..2000000000}", "--top", "3", "--sort", "spec"],
}
"""The commands that can take long, each with a line that takes minutes or hours."""

NOTED = {*LONG} - {"solve"}
"""Those that tell at their start how long they will take; solve refuses what would take so long."""

WRITES: dict[tuple[str, str], tuple[list[str], str]] = {
    ("forward", "--output"): (["input:8,rnn:16", "--batch", "4"], " (4, 16)"),
    ("forward", "--save-weights"): (["input:8,lstm:16"], " (3 arrays)"),
    ("forward", "--save-state"): (["input:8,rnn:16"], " (1 array)"),
    **{(name, "--svg"): (["input:8,rnn:4"], "") for name in ("summary", "forward", "explain", "draw")},
    ("compare", "--svg"): (["input:8,rnn:4", "input:8,gru:4"], ""),
    ("reach", "--svg"): (["input:8,rnn:4"], ""),
    ("sweep", "--svg"): (["input:8,lstm:{4,8}"], ""),
    ("inspect", "--svg"): ([MODEL], ""),
    ("export", "--output"): (["input:8,rnn:4", "--to", "keras"], ""),
    ("export", "--save-weights"): (["input:8,lstm:16", "--to", "torch"], " (4 arrays)"),
}
"""Each option that writes a file, a line for it, and what is said to be in the file."""

ERASED = "\r \x1b[J\r\x1b[2K"


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def once(word: str, action: Any) -> Callable[[str], Any]:
    """Do something at the terminal as soon as it has shown a word."""
    return in_turn((word, action))


def in_turn(*actions: tuple[str, Any]) -> Callable[[str], Any]:
    """Do one thing after another, each as soon as the terminal has shown its word since the last."""
    left, seen = list(actions), [0]

    def press(shown: str) -> Any:
        if not left or left[0][0] not in shown[seen[0] :]:
            return ""
        seen[0] = len(shown)
        return left.pop(0)[1]

    return press


def drawings(shown: str) -> list[str]:
    """The lines of a bar that a terminal has shown, in order, as they look."""
    return [without_styles(text) for text in re.findall(r"([^\n\r]*)\x1b\[J\r(?!\x1b\[2K)", shown)]


def is_clean(shown: str) -> bool:
    """Whether the last that was done with a bar was to erase it, and the cursor was never hidden."""
    _, erased, after = shown.rpartition(ERASED)
    return bool(erased) and "\x1b[J" not in after and "\x1b[?25" not in shown


def test_every_command_with_a_progress_bar_is_looked_at() -> None:
    folder = Path(rnncli.commands.__file__).parent
    assert {name for name in COMMANDS if "Progress(" in (folder / f"{name}.py").read_text(encoding="utf-8")} == {*LONG}


@pytest.mark.parametrize("columns", [12, 40, 80, 200])
@pytest.mark.parametrize("command", LONG)
def test_a_bar_says_how_far_it_is_and_how_much_time_is_left_at_any_width(
    command: str, columns: int, terminal: Run
) -> None:
    result = terminal(
        command, *LONG[command], columns=columns, press=in_turn(*[("\x1b[J", "")] * 5, ("\x1b[J", "\x03"))
    )
    lines = drawings(result.stdout)
    assert result.status == 130
    assert lines
    assert max(map(len, lines)) < columns
    last = lines[-1].removeprefix("^C")  # which the terminal echoes, and the bar may be drawn once more behind it
    if columns >= 80:
        assert re.fullmatch(rf"{command} [^ ]+ +[\d,]+/[\d,]{{9,}} +\d+% \d+:\d\d:\d\d left *", last)
    if columns == 40:
        assert re.fullmatch(r".*[\d.,]+[kMG]?/(2G|[\d,]{9,}) +(\d+% )?\d+:\d\d:\d\d left *", last)
    assert re.search(r"\d:\d\d left|%|/[\d.]+[MG]", last)
    assert is_clean(result.stdout)


ENDS: dict[str, tuple[Any, int]] = {
    "Ctrl-C": ("\x03", 130),
    "Ctrl-backslash": ("\x1c", 128 + signal.SIGQUIT),
    "kill": (signal.SIGTERM, 128 + signal.SIGTERM),
    "kill -HUP": (signal.SIGHUP, 128 + signal.SIGHUP),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("command", LONG)
def test_whatever_ends_it_a_bar_is_erased(command: str, end: str, terminal: Run) -> None:
    action, status = ENDS[end]
    result = terminal(command, *LONG[command], press=once(" left", action))
    assert result.status == status
    assert drawings(result.stdout)
    assert is_clean(result.stdout)
    assert "Traceback" not in result.stdout


def test_a_bar_follows_the_terminal_when_that_gets_narrower(terminal: Run) -> None:
    press = in_turn((" left", Columns(30)), (" left", ""), (" left", ""), (" left", "\x03"))
    lines = drawings(terminal("forward", *LONG["forward"], columns=100, press=press).stdout)
    assert len(lines[0]) > 60
    assert len(lines[-1]) < 30


def test_a_bar_makes_room_when_the_program_is_stopped_and_comes_back(terminal: Run) -> None:
    # Nobody could continue a program that has no shell, so the system does not stop it.
    result = terminal("forward", *LONG["forward"], press=in_turn((" left", "\x1a"), (ERASED, ""), (" left", "\x03")))
    assert drawings(result.stdout.partition(ERASED)[2])
    assert is_clean(result.stdout)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_bar_appears_only_after_its_delay_and_only_on_a_terminal(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bars.DELAY == 0.5
    for delay, seen in ((0.0, stream is Terminal), (PATIENCE, False)):
        assert ("forward" in shown_of_a_bar(stream(), delay, seen, monkeypatch)) == seen


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit, None])
def test_a_bar_is_erased_whether_the_work_is_done_or_fails(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = shown_of_a_bar(Terminal(), 0.0, True, monkeypatch, end)
    assert drawings(shown)
    assert is_clean(shown)


def shown_of_a_bar(
    stream: io.StringIO, delay: float, seen: bool, monkeypatch: pytest.MonkeyPatch, end: Any = None
) -> str:
    """What a stream shows of some work with a bar, which is waited for if it is to be seen."""

    def work() -> None:
        with Progress("forward", 10, print) as tick:
            tick(5)
            until = time.monotonic() + PATIENCE
            while seen and "forward" not in stream.getvalue() and time.monotonic() < until:
                time.sleep(0.001)
            if end is not None:
                raise end

    with monkeypatch.context() as changed:
        changed.setattr(sys, "stdout", None)
        changed.setattr(bars, "DELAY", delay)
        changed.setattr(sys, "stderr", stream)
        if end is None:
            work()
        else:
            with pytest.raises(end):
                work()
    return stream.getvalue()


def test_a_quick_run_shows_no_bar_on_a_terminal(terminal: Run) -> None:
    result = terminal("forward", "input:8,rnn:3", "-f", "csv")
    assert result.status == 0
    assert "\x1b" not in result.stdout
    assert result.stdout.startswith("spec,")


def test_a_bar_has_its_place_where_no_pager_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    reading, writing = os.pipe()
    here, there = socket.socketpair()
    with (
        open(writing, "w") as pipe,
        here.makefile("w") as connection,
        open("rows.txt", "w") as file,
        open(os.devnull, "w") as nothing,
    ):
        places = {"pipe": pipe, "socket": connection, "file": file, "nothing": nothing, "closed": None}
        found = {}
        for name, stdout in places.items():
            monkeypatch.setattr(sys, "stdout", stdout)
            found[name] = bars.has_place()
    os.close(reading)
    here.close()
    there.close()
    assert found == {"pipe": False, "socket": False, "file": True, "nothing": True, "closed": True}
    for dumb in ("dumb", "unknown"):
        monkeypatch.setenv("TERM", dumb)
        assert not bars.has_place()


@pytest.mark.parametrize("command", LONG)
def test_neither_a_pipe_nor_a_dumb_terminal_gets_a_bar(command: str, terminal: Run) -> None:
    line = LONG[command] if command in NOTED else [LONG[command][0], "--params", "10M"]  # which soon ends by itself
    piped = terminal(command, *line, press=once("Note:", "\x03"), stdout_piped=True).stderr
    dumb = terminal(command, *line, press=once("Note:", "\x03"), TERM="dumb").stdout
    assert not drawings(piped)
    assert "\x1b" not in dumb
    assert " left" not in piped + dumb


def test_a_bar_without_colour_has_none(terminal: Run) -> None:
    shown = terminal("forward", *LONG["forward"], press=once(" left", "\x03"), NO_COLOR="1").stdout
    assert drawings(shown)
    assert not re.search(r"\x1b\[[\d;]*m", shown)


def interrupt_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C be pressed when a sweep has evaluated so many pieces of 2,000 candidates."""
    evaluated = sifting.evaluated

    def stopped(*arguments: Any) -> Any:
        for number, piece in enumerate(evaluated(*arguments)):
            if number == pieces:
                raise KeyboardInterrupt
            yield piece

    monkeypatch.setattr(stretches, "BLOCK", 2_000)
    monkeypatch.setattr(sifting, "evaluated", stopped)


@pytest.mark.parametrize("format_", FORMATS)
def test_ctrl_c_shows_the_best_so_far_whole_in_every_format(
    format_: str, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--top", "3", "--sort", "-params", "-f", format_)
    expected = rnncli("sweep", "input:8,lstm:{1..4000}", *options).stdout
    interrupt_after(2, monkeypatch)
    result = rnncli("sweep", "input:8,lstm:{1..2000000000}", *options)
    assert (result.status, result.stdout) == (130, expected)
    # Before it may stand how long all of them would take, if that is much: it depends on the machine.
    assert result.stderr.endswith("Interrupted: 4,000 of 2,000,000,000 candidates, 3 shown\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["input:8,lstm:{1..9000}", "--top", "2", "--max-params", "10"],
            "2,000 of 9,000 candidates, 0 within the budget",
        ),
        (["input:8,lstm:{1..9000}", "--sort", "params"], "0 shown"),
        ([",".join(["input:8", *["rnn:{1..1000}:seq"] * 7]), "--top", "2"], "of about 10^21 candidates, 2 shown"),
    ],
)
def test_ctrl_c_says_how_many_were_looked_at(
    arguments: list[str], said: str, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(1, monkeypatch)
    result = rnncli("sweep", *arguments)
    assert result.status == 130
    assert said in result.stderr


def test_ctrl_c_on_a_terminal_shows_the_best_so_far_in_place_of_the_bar(terminal: Run) -> None:
    result = terminal("sweep", *LONG["sweep"], columns=120, press=once(" left", "\x03"))
    after = without_styles(result.stdout.rpartition(ERASED)[2]).replace("\r", "").splitlines()
    assert result.status == 130
    after = [line for line in after if not line.startswith("Note: ")]  # which may come just then
    assert "MACs/step" in after[0]
    assert len(after) == 5
    assert re.fullmatch(r"Interrupted: [\d,]+ of 2,000,000,000 candidates, 3 shown", after[-1])


@pytest.mark.parametrize(
    "line",
    [
        ["sweep", "input:8,lstm:{1..5000}", "-f", "csv"],
        ["sweep", "input:8,lstm:{1..5000}", "--top", "3"],
        ["forward", "input:8,rnn:4", "-o", "y.npy"],
        ["draw", "input:8,rnn:4", "--svg", "p.svg"],
    ],
    ids=lambda line: " ".join(line[::2]),
)
def test_rows_come_before_the_closing_note_where_both_go_to_one_place(line: list[str], program: Run) -> None:
    for shell in ('"$@" > all 2>&1; cat all', '"$@" 2>&1 | cat'):
        *rows, last = program(*line, shell=shell).stdout.splitlines()
        assert rows
        assert re.match(r"wrote |\d[\d,]* candidates", last)
        assert not any(re.match(r"wrote |\d[\d,]* candidates", row) for row in rows)


def test_every_option_that_writes_a_file_is_looked_at() -> None:
    assert {*WRITTEN} == {*WRITES}


@pytest.mark.parametrize(("command", "option"), WRITES)
def test_what_was_written_is_said_when_it_is_there(command: str, option: str, rnncli: Run) -> None:
    line, content = WRITES[command, option]
    name = "made.svg" if option == "--svg" else "made"
    plain = rnncli(command, *line)
    result = rnncli(command, *line, option, name)
    said = f"wrote {name}{content}, {memory(Path(name).stat().st_size)}"
    assert result.status == 0
    assert sorted(result.stderr.splitlines()) == sorted([*plain.stderr.splitlines(), said])
    if command != "export":  # whose source goes to the file, or says where its weights are
        assert result.stdout.count("\n") == plain.stdout.count("\n")
    failed = rnncli(command, *line, option, f"nowhere/{name}")
    assert failed.status == 1
    assert "wrote" not in failed.stderr


def test_all_files_of_a_run_are_said(rnncli: Run) -> None:
    options = ("-o", "y.npy", "--save-weights", "w.npz", "--save-state", "s.npz", "--svg", "p.svg")
    told = rnncli("forward", "input:8,lstm:16", "--batch", "4", *options).stderr.splitlines()
    assert [line.split(",")[0].rpartition(" (")[0] or line.split(",")[0] for line in told] == [
        "wrote y.npy",
        "wrote w.npz",
        "wrote s.npz",
        "wrote p.svg",
    ]
    assert told[0] == "wrote y.npy (4, 16), 384 B"
    assert np.load("y.npy").shape == (4, 16)


def told_of(total: int, amounts: Sequence[float], seconds: float) -> list[str]:
    """What is told of work that goes on by these amounts, each taking so many seconds."""
    told: list[str] = []
    now = iter(range(10**6))
    work = Progress("work", total, told.append, shown=False, clock=lambda: next(now) * seconds)
    for amount in amounts:
        work(amount)
    return told


def test_a_run_that_takes_long_says_so_once_at_its_start() -> None:
    assert told_of(7200, [0, 1, 1, 1, 1], seconds=1) == [
        "Note: at this pace the run takes about 2 hours (Ctrl-C ends it)"
    ]
    assert told_of(7200, [5, 0, 0, 3], seconds=1) == ["Note: at this pace the run takes about 2 hours (Ctrl-C ends it)"]
    assert told_of(10**600, [0, 1, 1], seconds=1) == [
        "Note: at this pace the run takes more than a million years (Ctrl-C ends it)"
    ]


def test_a_run_of_less_than_ten_minutes_says_nothing_of_it_nor_one_whose_end_is_unknown() -> None:
    assert told_of(599, [0, *[1] * 599], seconds=1) == []
    assert told_of(601, [0, 1, 1], seconds=1) != []
    assert told_of(0, [0, 1, 1, 10**9], seconds=1000) == []
    assert told_of(10**9, [0, 10**7], seconds=0.01) == []


def test_a_long_time_is_said_as_people_say_it() -> None:
    assert [about(seconds) for seconds in (660, 5400, 7300, 86400, 400_000, 10**8, 1e30)] == [
        "about 11 minutes",
        "about 90 minutes",
        "about 2 hours",
        "about 24 hours",
        "about 5 days",
        "about 3 years",
        "more than a million years",
    ]


def test_the_pace_of_a_run_is_that_of_all_its_layers() -> None:
    planned = plan("input:8,lstm:64:seq,rnn:2", Request(timesteps=100_000))
    done: list[int] = []
    planned.run(done.append)
    assert done[0] == 0
    assert len(done) > 10
    assert len({*done[1:-2]}) == 1
    assert done[1] % 2 == 0
    assert sum(done) == planned.work == 2 * planned.longest


def test_the_note_comes_from_each_long_command_and_goes_to_standard_error(terminal: Run) -> None:
    for command in NOTED:
        shown = terminal(command, *LONG[command], press=once("Note:", "\x03"), stdout_piped=True).stderr
        assert len(re.findall(r"^Note: at this pace the run takes about \d+ \w+ \(Ctrl-C .*\)$", shown, re.M)) == 1


def test_rows_in_a_file_are_whole_though_a_bar_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(bars, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", shown)
    with Path("rows").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert run(["sweep", "input:8,lstm:{1..100}:seq,lstm:{1..200}", "-f", "json"]) == 0
    assert drawings(shown.getvalue())
    assert is_clean(shown.getvalue())
    rows = Path("rows").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(row)["spec"] for row in rows}) == 20_000
