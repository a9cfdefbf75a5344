"""Long work: a bar that leaves no trace, Ctrl-C that keeps the results so far, and the reported duration."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import PATIENCE, Columns, Run, Screen, Walk, some, until, with_visible_styles, without_styles

import rnncli.commands
from rnncli import Network
from rnncli.cli import COMMANDS, run
from rnncli.engine import array_files
from rnncli.engine.chunks import work
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan
from rnncli.quantities import about
from rnncli.render import progress as bars
from rnncli.render.progress import BarLine, Progress
from rnncli.render.terminal import FORMATS
from rnncli.search import sweep as sweeps

LONG = {
    "forward": ["input:8,rnn:8", "--timesteps", "2G"],
    "reach": ["input:64,rnn:64", "--timesteps", "100M", "--seeds", "1"],
    "page": ["input:8,rnn:8", "--timesteps", "20M"],
    "solve": ["embed:_vx_d,lstm:_u", "--params", "400M"],
    "sweep": ["input:8,lstm:{1..2000000000}", "--top", "3", "--sort", "spec"],
}
"""The commands that can take long, each with a line that takes minutes or hours."""

SHORT = {
    "forward": ("input:8,lstm:64:seq,rnn:2 --timesteps 3000", "3,000", "Ctrl-C ends it"),
    "reach": ("input:8,rnn:4 --timesteps 20 --seeds 3", "60", "Ctrl-C ends it"),
    "page": ("input:8,rnn:4 --timesteps 3000", "3,000", "Ctrl-C ends it"),
    "solve": ("embed:_vx_d,lstm:_u --params 1M", "1,485,026", "Ctrl-C ends it"),
    "sweep": ("input:8,lstm:{1..4000} -f csv", "4,000", "Ctrl-C ends it"),
    "sweep --top 3": ("input:8,lstm:{1..4000} -f csv", "4,000", "Ctrl-C shows the best so far"),
    "sweep --sort params": ("input:8,lstm:{1..4000} -f csv", "4,000", "Ctrl-C ends it"),
    "sweep --pareto params,-output": ("input:8,lstm:{1..4000} -f csv", "4,000", "Ctrl-C shows the best so far"),
}
"""The same commands with a quick line, its amount of work, and the effect of Ctrl-C."""

ERASED = "\r \x1b[J\r\x1b[2K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def in_turn(*actions: tuple[str, Any]) -> Callable[[str], Any]:
    """Return actions one after another, each as soon as the terminal has shown its word since the last."""
    left, seen = list(actions), [0]

    def press(shown: str) -> Any:
        if not left or left[0][0] not in shown[seen[0] :]:
            return ""
        seen[0] = len(shown)
        return left.pop(0)[1]

    return press


def drawings(shown: str) -> list[str]:
    """The successive appearances of a bar on a terminal."""
    return [without_styles(text) for text in re.findall(r"([^\n\r]*)\x1b\[J\r(?!\x1b\[2K)", shown)]


def is_clean(shown: str) -> bool:
    """Whether the last action on a bar was to erase it, and the cursor was never hidden."""
    _, erased, after = shown.rpartition(ERASED)
    return bool(erased) and "\x1b[J" not in after and "\x1b[?25" not in shown


# The bar's line


def bar_line(done: float, total: int | None, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bar of a given width after 10 seconds of work at a steady pace."""
    now = 0.0  # Rich's clock
    with monkeypatch.context() as patch:
        patch.setattr("rich.console.monotonic", lambda: now)
        patch.setattr(sys, "stderr", io.StringIO())
        patch.setenv("COLUMNS", str(columns))
        line = BarLine(total)
        for now in (5.0, 10.0):
            text = line.text("forward", done * now / 10)
    return text


def test_a_bar_shows_as_much_as_fits(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    for total in (2_000_000_000, None):
        parts = ""
        for columns in range(5, 110):
            text = without_styles(bar_line(123_456_789, total, columns, monkeypatch))
            assert len(text) < columns
            # Only the widths at which another part of it fits, or at which the bar last grew.
            if (new := re.sub("[━╸╺]{9,39} ", "bar ", text)) != parts:
                parts = new
                shown.append(f"{columns:3} {text}")
    for done, columns in product((0, 999_499, 12_345_678, 1_999_999_999, 2_000_000_000), (40, 70)):
        shown += [f" {columns} {without_styles(bar_line(done, 2_000_000_000, columns, monkeypatch))}"]
    for no_colour in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_colour)
        shown += [with_visible_styles(bar_line(500_000, 10**6, 90, monkeypatch))]
    screen("progress-bar", "".join(f"{line.rstrip()}\n" for line in shown))


# Which work has a bar, and where


def shown_by(work: Callable[[], object], stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch, delay: float = 0) -> str:
    """The display of some work that waits until its bar has been drawn, if there is to be one immediately."""
    count, others, until = Progress.__call__, {*threading.enumerate()}, time.monotonic() + 10

    def counted(progress: Progress, amount: float) -> None:
        count(progress, amount)
        while stderr.isatty() and not delay and "\x1b[J" not in stderr.getvalue() and time.monotonic() < until:
            time.sleep(0.001)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "__call__", counted)
        patch.setattr(bars, "DELAY", delay)
        patch.setattr(sys, "stderr", stderr)
        patch.setenv("COLUMNS", "100")
        work()
        for thread in {*threading.enumerate()} - others:
            thread.join(10)  # it draws no more
    return stderr.getvalue()


def some_work(end: type[BaseException] | None = None) -> None:
    """Work that is half done, and then ends in a given way."""
    with suppress(end or ()), Progress("forward", 10, print) as tick:
        tick(5)
        if end is not None:
            raise end


def test_every_command_that_can_take_long_has_a_bar_and_a_note(at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(rnncli.commands.__file__).parent
    works = re.compile(r"\bProgress\b|run_(forward|reach|page)\b")
    assert {name for name in COMMANDS if works.search((folder / f"{name}.py").read_text(encoding="utf-8"))} == {*LONG}
    monkeypatch.setattr(bars, "JUDGED", 0.0)
    monkeypatch.setattr(bars, "LONG", -1.0)
    monkeypatch.setattr(sweeps, "FRAME", 2_000)
    for command, (line, total, advice) in SHORT.items():
        with at(command):
            shown = shown_by(partial(run, [*command.split(), *line.split()]), Terminal(), monkeypatch)
            name = command.split()[0] + r"(: weights|: over time| input:\S+( seed \d)?)?"
            assert re.match(rf"{name} [━╸╺]+ +[\d,]+/{total} +\d+% [-\d:]+ left", drawings(shown)[0])
            notes = re.findall(r"\x1b\[2K(Note: at this pace .*)\n", shown)
            assert len(notes) == 1 or (notes and command == "page")  # it runs once for its map and once for its reach
            for note in notes:
                assert re.fullmatch(rf"Note: at this pace the run takes about \d+ seconds \({advice}\)", note)
            assert is_clean(shown)


def test_a_bar_appears_late_and_only_on_a_terminal_and_is_erased(at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (bars.DELAY, bars.PERIOD, bars.COUNTABLE) == (0.5, 0.1, 10**15)
    assert shown_by(some_work, Terminal(), monkeypatch, delay=PATIENCE) == ""
    assert shown_by(some_work, io.StringIO(), monkeypatch) == ""
    for end in (None, ValueError, KeyboardInterrupt, SystemExit):
        with at(end):
            shown = shown_by(partial(some_work, end), Terminal(), monkeypatch)
            assert drawings(shown)
            assert shown.startswith("\r")  # over a ^C that the terminal has echoed
            assert is_clean(shown)
            assert not callable(signal.getsignal(signal.SIGTSTP))


def test_a_bar_is_shown_where_no_pager_can_be(at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    reading, pipe = os.pipe()
    here, there = socket.socketpair()
    file, nothing = os.open("rows", os.O_WRONLY | os.O_CREAT), os.open(os.devnull, os.O_WRONLY)
    for kind, descriptor in {"pipe": pipe, "socket": here.detach(), "file": file, "device": nothing}.items():
        with at(kind), open(descriptor, "w") as stdout:
            monkeypatch.setattr(sys, "stdout", stdout)
            assert bars.has_place() is (kind in ("file", "device"))
    os.close(reading)
    there.close()
    monkeypatch.setattr(sys, "stdout", None)  # closed
    assert bars.has_place()
    for dumb in ("dumb", "unknown"):
        monkeypatch.setenv("TERM", dumb)
        assert not bars.has_place()


def test_work_continues_without_a_bar_if_threads_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress("reach", 10, print):
        assert callable(signal.getsignal(signal.SIGTSTP))
    assert not callable(signal.getsignal(signal.SIGTSTP))


def test_rows_in_a_file_are_complete_although_a_bar_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("rows").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        line = ["sweep", "input:8,lstm:{1..100}:seq,lstm:{1..30}", "-f", "json"]
        shown = shown_by(partial(run, line), Terminal(), monkeypatch)
    assert drawings(shown)
    assert is_clean(shown)
    rows = Path("rows").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(row)["spec"] for row in rows}) == 3_000


# A bar on a terminal


def test_a_bar_adapts_when_the_terminal_gets_narrower(terminal: Run) -> None:
    press = in_turn((" left", Columns(30)), (" left", ""), (" left", ""), (" left", "\x03"))
    result = terminal("forward", *LONG["forward"], columns=100, press=press)
    first, *_, last = drawings(result.stdout)
    assert re.fullmatch(r"forward [━╸╺]{40} +[\d,]+/2,000,000,000 +\d+% [-\d:]+ left *", first)
    assert re.fullmatch(r" *[\d.]+[kMG]?/2G +\d+% [-\d:]+ left *", last)
    assert len(last) < 30
    assert result.status == 130
    assert is_clean(result.stdout)
    assert result.stdout.endswith("\r\x1b[KInterrupted\n")


def test_a_bar_is_erased_when_the_program_is_stopped_and_comes_back(terminal: Run) -> None:
    # The system does not stop a program without a shell, because nobody could continue it. A note also removes the bar,
    # but only once.
    stopped = ((" left", "\x1a"), (ERASED, ""))
    result = terminal("solve", *LONG["solve"], press=in_turn(*stopped, *stopped, (" left", "\x1c")))
    assert drawings(result.stdout.partition(ERASED)[2])
    assert is_clean(result.stdout)
    assert result.status == 128 + signal.SIGQUIT


@pytest.mark.thorough
def test_a_note_appears_where_no_bar_does(terminal: Run) -> None:
    piped = terminal("forward", *LONG["forward"], press=in_turn(("Note:", "\x03")), stdout_piped=True)
    dumb = terminal("reach", *LONG["reach"], press=in_turn(("Note:", "\x03")), TERM="dumb")
    for status, shown in ((piped.status, piped.stderr), (dumb.status, dumb.stdout)):
        assert status == 130
        assert not drawings(shown)
        assert re.match(r"Note: at this pace the run takes about \d+ \w+ \(Ctrl-C ends it\)\n", shown)
    assert "\x1b" not in dumb.stdout


# Results kept on Ctrl-C


def interrupt_after(pieces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate Ctrl-C after a sweep has evaluated so many pieces of 2,000 candidates."""
    evaluated = sweeps.evaluated

    def stopped(*arguments: Any) -> Any:
        yield from islice(evaluated(*arguments), pieces)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "FRAME", 2_000)
    monkeypatch.setattr(sweeps, "evaluated", stopped)


def test_ctrl_c_shows_the_best_so_far_and_the_number_of_candidates(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for format_ in FORMATS:
        with at(format_), monkeypatch.context() as patch:
            options = ("--top", "3", "--sort", "-params", "-f", format_)
            expected = rnncli("sweep", "input:8,lstm:{1..4000}", *options).stdout
            interrupt_after(2, patch)
            result = rnncli("sweep", "input:8,lstm:{1..2000000000}", *options)
            assert (result.status, result.stdout) == (130, expected)
            # A note on the total duration may come first, depending on the machine's speed.
            assert result.stderr.endswith("Interrupted: 4,000 of 2,000,000,000 candidates, 3 shown\n")
    interrupt_after(1, monkeypatch)
    many = ",".join(["input:8", *["rnn:{1..1000}:seq"] * 7])
    for line, said in {
        "input:8,lstm:{1..9000} --top 2 --max-params 10": "2,000 of 9,000 candidates, 0 within the budget",
        "input:8,lstm:{1..9000} --sort params": "2,000 of 9,000 candidates, 0 shown",
        f"{many} --top 2": "2,000 of about 10^21 candidates, 2 shown",
        "input:8,lstm:{1..9000},rnn:2 --top 2": "2,000 of 9,000 candidates, 0 shown, 2,000 invalid, the first "
        "input:8,lstm:1,rnn:2: lstm:1 returns only its last output",
    }.items():
        with at(line):
            result = rnncli("sweep", *line.split())
            assert result.status == 130
            assert f"Interrupted: {said}" in result.stderr


def test_ctrl_c_on_a_terminal_shows_the_best_so_far_in_place_of_the_bar(terminal: Run) -> None:
    result = terminal("sweep", *LONG["sweep"], columns=120, press=in_turn((" left", "\x03")))
    lines = without_styles(result.stdout.rpartition(ERASED)[2]).replace("\r", "").splitlines()
    assert result.status == 130
    assert drawings(result.stdout)[0].startswith("sweep ")
    assert is_clean(result.stdout)
    after = [line for line in lines if not line.startswith("Note: ")]  # one may come at this moment
    assert "MACs/step" in after[0]
    assert len(after) == 5
    assert re.fullmatch(r"Interrupted: [\d,]+ of 2,000,000,000 candidates, 3 shown", after[-1])


def test_ctrl_c_shows_as_much_of_a_frontier_as_fits_and_the_number_of_further_rows(at: Walk, terminal: Run) -> None:
    sizes = ((60, 60, "table"), (100, 24, "table"), (30, 24, "table"), (80, 24, "csv"))
    for columns, lines, format_ in some(sizes, 3):
        with at(columns, lines, format_):
            line = ("sweep", "input:8,lstm:{1..2000000000}", "--pareto", "params,-output", "-f", format_)
            press = in_turn(("left", "\x03"))
            result = terminal(*line, columns=columns, press=press, LINES=str(lines))
            assert result.status == 130
            after = without_styles(result.stdout.rpartition(ERASED)[2]).replace("\r", "")
            shown = [each for each in after.splitlines() if not each.startswith("Note: ")]
            taken = sum(max(1, -(-len(each) // columns)) for each in shown)
            assert lines // 2 < taken < lines
            assert ("●" in after) == (lines == 60)
            end = next(place for place, each in enumerate(shown) if each.startswith("Interrupted"))
            said = re.fullmatch(
                r"Interrupted: [\d,]+ of 2,000,000,000 candidates, (\d+) shown, and ([\d,]+) more Pareto-optimal ones",
                " ".join(each.strip() for each in shown[end:]),
            )
            assert said is not None
            assert int(said[1]) == after.count("input:8,lstm:")
            assert int(said[2].replace(",", "")) > 2_000


def test_ctrl_c_writes_a_complete_frontier_to_a_file(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(2, monkeypatch)
    result = rnncli("sweep", "input:8,lstm:{1..2000000000}", "--pareto", "params,-output", "-f", "csv")
    assert (result.status, result.stdout.count("\n")) == (130, 4001)
    assert result.stderr.endswith("Interrupted: 4,000 of 2,000,000,000 candidates, 4,000 shown\n")


# The closing note


def test_rows_come_before_the_closing_note(at: Walk, program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for line, end in {
        "sweep input:8,lstm:{1..5000} -f csv": "5,000 candidates, 5,000 shown",
        "sweep input:8,lstm:{1..5000} --top 3": "5,000 candidates, 3 shown",
        "forward input:8,rnn:4 -o y.npy": r"wrote y.npy \(1, 4\), 144 B",
        "draw input:8,rnn:4 --svg p.svg": r"wrote p.svg, [\d.]+ KB",
    }.items():
        with at(line), open("all", "w") as stdout, open("all", "a", buffering=1) as stderr:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", stdout)
                patch.setattr(sys, "stderr", stderr)
                assert run(line.split()) == 0
            *rows, last = Path("all").read_text(encoding="utf-8").splitlines()
            assert rows
            assert re.fullmatch(end, last)
            assert not any(re.match(r"wrote |5,000", row) for row in rows)
    *rows, last = program(*line.split(), shell='"$@" 2>&1 | cat').stdout.splitlines()
    assert rows
    assert re.fullmatch(end, last)


# Duration


def note_on(total: int, amounts: Sequence[float], seconds: float = 1) -> str:
    """The note on work that proceeds by these amounts, each taking the given seconds."""
    told: list[str] = []
    now = iter(range(100, 10**6))
    work = Progress("work", total, told.append, shown=False, clock=lambda: next(now) * seconds)
    for amount in amounts:
        work(amount)
    return "\n".join(told)


def test_a_run_of_more_than_ten_minutes_says_so_once_at_its_start(at: Walk) -> None:
    for total, amounts, seconds, words in (
        (7200, [0, 1], 1, "about 2 hours"),
        (7200, [0, 1, 1, 1, 1], 1, "about 2 hours"),
        (7200, [5, 0, 0, 3], 1, "about 2 hours"),
        (7200, [0, 1, 1, 1], 0.5, "about 60 minutes"),
        (601, [0, 1, 1], 1, "about 10 minutes"),
        (10**600, [0, 1, 1], 1, "more than a million years"),
    ):
        with at(total, amounts, seconds):
            assert note_on(total, amounts, seconds) == f"Note: at this pace the run takes {words} (Ctrl-C ends it)"
    assert note_on(7200, [0, 1], 0.5) == ""  # the pace is still unknown
    assert note_on(599, [0, *[1] * 599]) == note_on(600, [0, *[1] * 600]) == ""
    assert note_on(0, [0, 1, 1, 10**9], seconds=1000) == ""  # nor is the end known
    assert note_on(10**9, [0, 10**7], seconds=0.01) == ""


def test_the_pace_is_measured_once_the_layers_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[object] = []
    prepare = Model.prepare

    def prepared(model: Model, batch: int, timesteps: int) -> None:
        prepare(model, batch, timesteps)
        happened.append("prepared")

    monkeypatch.setattr(Model, "prepare", prepared)
    RunPlan("input:8,rnn:4:seq:x2,rnn:4", Request(timesteps=9)).run(happened.append)
    assert happened[:2] == ["prepared", 0]


def test_a_long_duration_is_given_as_people_would_say_it() -> None:
    assert ", ".join(map(about, (660, 5400, 7300, 86400, 400_000, 10**8, 1e30))) == (
        "about 11 minutes, about 90 minutes, about 2 hours, about 24 hours, about 5 days, about 3 years, "
        "more than a million years"
    )


def test_a_run_counts_its_work_layer_by_layer_also_within_a_chunk_and_all_of_it(at: Walk) -> None:
    for spec, options in (
        ("input:8,lstm:16:seq:x9,rnn:2", {}),
        ("input:8,lstm:16:seq:bi:x4,gru:16:bi", {}),
        ("input:8,lstm:3,repeat:5000,dense:3", {}),
        ("embed:9x8,dense:16:x9,pool:max", {}),
        ("embed:9x3,pool:max,repeat:4000,gru:2", {"study": True}),
        ("input:8,gru:8:seq:x4,gru:8", {"study": True}),
        ("input:8,rnn:4:seq,lstm:4:bi", {"study": True, "lengths": (30, 300, 30, 7)}),
    ):
        with at(spec):
            run = RunPlan(spec, Request(**options))
            done: list[float] = []
            result = run.run(done.append)
            assert done[0] == 0
            assert ":x" not in spec or (len(done) > 5 and max(done) < run.steps / 4)
            assert sum(done) == pytest.approx(run.steps)
            assert (result.study is not None) == ("study" in options)


def test_a_layers_amount_of_work_is_proportional_to_its_time() -> None:
    small, large = work(Network.parse("input:8,lstm:4:seq,lstm:512"), 1, 100)
    assert 1 / 100 < small / large < 1 / 10


def test_the_bar_of_forward_shows_when_weights_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    begin = Progress.__init__

    def began(progress: Progress, name: str, *arguments: Any, **options: Any) -> None:
        names.append(name)
        begin(progress, name, *arguments, **options)

    monkeypatch.setattr(Progress, "__init__", began)
    monkeypatch.setattr(Progress, "go_on_to", lambda progress, name: names.append(name))
    monkeypatch.setattr(RunPlan, "model", lambda *arguments: names.append("drawn") or Model("input:8,rnn:4"))
    assert run(["forward", "input:8,rnn:4", "--timesteps", "5", "-f", "csv"]) == 0
    assert list(dict.fromkeys(names)) == ["forward: weights", "drawn", "forward"]


def test_the_bar_of_export_shows_while_weights_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, draw = Terminal(), array_files.first_weights

    def slowly(*arguments: Any) -> Any:
        until(lambda: "\x1b[J" in terminal.getvalue())
        return draw(*arguments)

    monkeypatch.setattr(array_files, "first_weights", slowly)
    line = ["export", "input:8,rnn:4", "--to", "c", "-o", "model.c"]
    shown = shown_by(partial(run, line), terminal, monkeypatch)
    assert re.fullmatch("export: weights +[━╸╺]+", drawings(shown)[0].rstrip())
    assert f"{ERASED}Note: on a device it needs" in shown
    assert is_clean(shown)


def test_the_bar_of_reach_shows_the_current_network_and_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr(Progress, "go_on_to", lambda progress, name: names.append(name))
    assert run(["reach", "input:8,rnn:4", "input:8,gru:4", "--timesteps", "20", "--seeds", "2", "--seed", "7"]) == 0
    assert names == [f"reach input:8,{cell}:4, seed {seed}" for cell in ("rnn", "gru") for seed in (7, 8)]
    monkeypatch.undo()
    with Progress("reach", 10, print) as progress:
        progress.go_on_to("reach input:8,gru:4, seed 8")
        assert progress.name == "reach input:8,gru:4, seed 8"


def test_in_a_notebook_the_bar_appears_below_the_cell_and_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str]] = []

    class Display:
        def update(self, data: dict[str, str], raw: bool) -> None:
            assert raw
            shown.append(("update", data["text/plain"]))

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Display:
        assert raw
        assert display_id
        shown.append(("display", data["text/plain"]))
        return Display()

    interactive = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=None), display=SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", interactive)
    monkeypatch.setattr(bars, "DELAY", 0)
    with Progress("forward", 10, print) as tick:
        tick(5)
        until(lambda: shown)
    assert [kind for kind, _ in shown] == ["display", *["update"] * (len(shown) - 1)]
    assert "forward" in shown[0][1]
    assert shown[-1] == ("update", "")
