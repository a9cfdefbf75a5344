"""Large runs of `rnncli sweep`: frames, parts, jobs, frontiers, and fast writing of rows."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from conftest import PATIENCE, Run, Walk, examples, program_line, some, until
from hypothesis import given
from hypothesis import strategies as st
from sessions import replay
from sweeps import candidates, rows

from rnncli.errors import RnncliError
from rnncli.network_summary import TOTALS, Setting
from rnncli.render.candidates import Axis, RowTexts, picture
from rnncli.render.results import CANDIDATES, WRITERS
from rnncli.render.terminal import FORMATS
from rnncli.search import frontier as frontiers
from rnncli.search import sweep as sweeps
from rnncli.search.braces import parse_pattern
from rnncli.search.forms import Candidate
from rnncli.search.frontier import Cloud, Frontier, in_64_bits, ranks, unbeaten
from rnncli.search.grid import Portion, stretches
from rnncli.search.selection import SORT_KEYS, Order
from rnncli.system.processes import forked

GRID = "{input:5x8,embed:100x{u}},{lstm,gru,lsmt}:{8..32..8}{:seq,:bi,},dense:{u=2..4}"
"""All sorts of texts: a named brace that varies in some places, networks that do not stream, and invalid ones."""

MANY = "embed:{100..300..100}x{u=1..16},{lstm,gru}:{4..60..4}:seq,lstm:{4..60..4},dense:{u}"
"""Too many to evaluate one by one."""

PLANE = "embed:1000x{16..64..16},{lstm,gru}:{16..256..8}:seq,lstm:{16..256..16}"

ENDLESS = "embed:10x{1..9000},lstm:{1..9000}:seq,lstm:{1..9000}:seq,lstm:{1..9000}"


@contextmanager
def evaluated(few: int, size: int, task: int | None = None) -> Iterator[None]:
    """Set the limit on few candidates, the size of a frame, and the size of a job's task inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "FEW", few)
        patch.setattr(sweeps, "FRAME", size)
        for name in ("_MIN_TASK", "_MAX_TASK_SHOWN", "_MAX_TASK_FILTERED") if task else ():
            patch.setattr(sweeps, name, task)
        yield


CHOICES = [
    choice.split()
    for choice in (
        *("", "--top 7", "--top 100", "--sort output --top 30", "--sort=-macs --top 9", "--sort streaming --top 50"),
        *("--sort=-training", "--sort spec --top 5", "--pareto params,-output", "--pareto macs,-output,streaming"),
        "--pareto=-output --top 4",
    )
]


def test_frames_give_the_same_rows_and_notes_as_one_by_one(rnncli: Run, at: Walk) -> None:
    limits = ([], ["--max-params", "3k"], ["--max-macs", "20k", "--max-memory", "9KB"])
    for choice, limit in some(product(CHOICES, limits), 4):
        with at(*choice, *limit):
            arguments = ["sweep", GRID, "--timesteps", "5", "-f", "json", *choice, *limit]
            with evaluated(10**9, 1):
                expected = rnncli(*arguments)
            assert expected.stdout
            for size in (37,) if limit else (10**6, 37):
                with evaluated(0, size):
                    assert rnncli(*arguments) == expected


def test_the_nearest_candidate_is_the_same_if_none_is_within_the_budget(rnncli: Run) -> None:
    arguments = ["sweep", GRID, "--max-params", "20", "--max-memory", "1KB"]
    expected = rnncli(*arguments)
    assert (expected.status, "the nearest is" in expected.stderr) == (1, True)
    for size in (10**6, 50):
        with evaluated(0, size):
            assert rnncli(*arguments) == expected


def test_many_candidates_are_evaluated_in_frames_if_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    (stretch,) = stretches([parse_pattern("input:8,lstm:{1..20}")])
    for free, in_frames in ((None, True), (sweeps.ROOM + 1, True), (sweeps.ROOM, False)):
        monkeypatch.setattr(sweeps, "free_bytes", lambda free=free: free)
        for few in (19, 20):
            with evaluated(few, 7):
                found = [isinstance(some, list) for some in sweeps.evaluated(stretch, Setting())]
                assert found == ([False] * 3 if in_frames and few < 20 else [True])


def test_an_unknown_figure_is_an_error_in_either_evaluation(rnncli: Run, at: Walk, screen: Callable[..., None]) -> None:
    for few in (0, 10**9):
        with at(few), evaluated(few, 100):
            replay("sweep-unknown", rnncli, screen)


# Parts


@given(st.integers(0, 10**30), st.integers(1, 60))
def test_parts_are_consecutive_equal_and_complete(total: int, of: int) -> None:
    spans = [Portion(number, of).span(total) for number in range(1, of + 1)]
    assert [0, *(stop for _, stop in spans)] == [*(start for start, _ in spans), total]
    sizes = [stop - start for start, stop in spans]
    assert max(sizes) - min(sizes) <= 1


def test_the_rows_of_all_parts_are_the_rows_of_all_candidates(rnncli: Run, at: Walk) -> None:
    several = [GRID, "input:8,rnn:{1..3}", "{input:8\\,rnn:{1\\,2},}{,}", "input:{2,3},{gru:{u},lstm:9},dense:{u=1..3}"]
    for patterns, of, from_stdin in some(product([[GRID], several], (1, 3, 16), (False, True)), 5):
        with at(len(patterns), "patterns in", of, "from standard input" if from_stdin else ""):
            whole = rnncli("sweep", "-f", "json", *patterns)
            line = ["sweep", "-f", "json", *(["-"] if from_stdin else patterns)]
            lines = "".join(f"  {pattern}\n" for pattern in patterns)
            parts = [rnncli(*line, "--part", f"{n}/{of}", stdin=lines) for n in range(1, of + 1)]
            assert "".join(part.stdout for part in parts) == whole.stdout


# Jobs


def test_jobs_do_not_change_the_output(rnncli: Run, at: Walk) -> None:
    lines = [f"-f {format_}" for format_ in FORMATS]
    lines += [f"-f {format_} --top 5 --max-params 4k" for format_ in ("table", "csv")]
    lines += [f"-f {format_} --pareto params,-output" for format_ in ("table", "json")]
    for line in some([*lines, "--max-params 20"], 2):
        with at(line), evaluated(0, 37, task=50):
            assert rnncli("sweep", GRID, *line.split(), "--jobs", "3") == rnncli("sweep", GRID, *line.split())


@pytest.mark.thorough
def test_jobs_for_many_candidates_do_not_change_the_output(program: Run, at: Walk) -> None:
    for options in (["-f", "csv"], ["--top", "5"], ["--pareto", "params,-output"]):
        with at(*options):
            expected = program("sweep", MANY, *options)
            assert expected.status == 0
            assert program("sweep", MANY, *options, "--jobs", "3") == expected


def running(of: int | None = None) -> dict[int, int]:
    """The processor time of the running processes, or of the children of one process, by process id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if state != "Z" and of in (None, int(parent)):
            found[int(path.parent.name)] = int(fields[9])
    return found


@contextmanager
def sweeping(*options: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """An endless sweep that has ended by the end of the block."""
    line = program_line("sweep", ENDLESS, *options)
    with subprocess.Popen(line, stdout=stdout, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def rarely(*cases: tuple[object, ...]) -> list[Any]:
    """Cases that are tried only with --thorough."""
    return [pytest.param(*case, marks=pytest.mark.thorough) for case in cases]


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL


@needs_proc
@pytest.mark.parametrize(
    ("number", "options"),
    [
        (INT, "--top 3"),
        (KILL, "-f csv"),
        *rarely((INT, "-f csv"), (TERM, "--top 3"), (TERM, "-f csv"), (KILL, "--top 3")),
    ],
)
def test_no_job_outlives_a_terminated_sweep(number: signal.Signals, options: str) -> None:
    with sweeping("--jobs", "2", *options.split(), stdout=subprocess.DEVNULL) as process:
        until(lambda: len(jobs := running(process.pid)) == 2 and min(jobs.values()) > 0)
        jobs = {*running(process.pid)}
        process.send_signal(number)
        _, error = process.communicate(timeout=PATIENCE)
        until(lambda: jobs.isdisjoint(running()))
    if number == INT:
        assert process.returncode == 130
        assert re.fullmatch(r"Interrupted: [\d,]+ of about 10\^15 candidates, [\d,]+ shown\n", error)
    else:
        assert (process.returncode, error) == (-KILL if number == KILL else 128 + number, "")


@pytest.mark.parametrize(
    ("number", "options"),
    [(INT, "-f csv"), (TERM, "-f json --jobs 2"), *rarely((TERM, "-f csv"), (INT, "-f json --jobs 2"))],
)
def test_the_last_row_is_complete_however_a_sweep_ends(number: signal.Signals, options: str) -> None:
    def unread() -> int:
        return struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)))[0]  # type: ignore[arg-type]

    most = 50_000_000
    with sweeping(*options.split()) as process:
        assert process.stdout is not None
        begun = [*islice(process.stdout, 5000)]
        until(lambda: unread() > 30_000)  # now it waits for its reader in the middle of a write
        process.send_signal(number)
        rest = process.stdout.read(most)
        assert len(rest) < most, "it does not stop"
        assert process.wait(timeout=PATIENCE) == 128 + number
    *_, last, end = ("".join(begun) + rest).split("\n")
    assert end == ""
    assert last.count(",") == begun[-1].count(",")


@needs_proc
def test_a_closed_pipe_ends_all_jobs_quietly() -> None:
    with sweeping("--jobs", "2", "-f", "csv") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len([*islice(process.stdout, 5)]) == 5
        jobs = {*running(process.pid)}
        assert len(jobs) == 2
        process.stdout.close()
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr.read() == ""
        assert jobs.isdisjoint(running())


class UnsendableError(Exception):
    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} and {other}")


def test_a_failure_in_a_job_is_reported_once_and_so_is_a_killed_job(program: Run) -> None:
    assert program("sweep", MANY, "--sort", "macs", "--jobs", "2").refusal().count("give its --timesteps") == 1

    def work(task: Any) -> Any:
        if task == 3:
            raise UnsendableError(1, 2)
        if task == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return task * 10

    for tasks, message in (((0, 1, 2, 3), "UnsendableError: 1 and 2"), ((0, 1, 2, 5), "one of the jobs ended before")):
        with forked(2, lambda: work) as results:
            found = results(tasks)
            assert [*islice(found, 3)] == [0, 10, 20]
            with pytest.raises(RnncliError, match=message):
                next(found)


def test_if_jobs_cannot_start_it_says_so_or_one_does_all_the_work(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        if forks:
            return forks.pop()()
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    line = ("sweep", GRID, "--top", "2")
    expected = rnncli(*line)
    with evaluated(0, 37, task=50):
        for started in (0, 1):
            forks = [os.fork] * started
            with monkeypatch.context() as patch:
                patch.setattr(os, "fork", fork)
                result = rnncli(*line, "--jobs", "2")
            message = f"job {started + 1} of 2 cannot be started: {os.strerror(errno.EAGAIN)}"
            assert result == (1, "", f"Error: {message}\nHelp: use fewer --jobs\n")
        monkeypatch.delattr(os, "fork")
        note = "Note: this system cannot fork processes, so only one core is used\n"
        assert rnncli(*line, "--jobs", "2") == expected._replace(stderr=note + expected.stderr)


def test_results_come_in_the_order_of_the_tasks() -> None:
    def slow(task: int) -> int:
        time.sleep(0.02 * (task % 3))
        return task

    with forked(3, lambda: slow) as results:
        assert list(results(range(20))) == list(range(20))


# Frontiers


def beats(one: Sequence[int], other: Sequence[int]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


@examples(200)
@given(st.data(), st.integers(1, 4), st.sampled_from([5, 2**70]))
def test_a_row_that_no_other_dominates_is_on_the_frontier(data: st.DataObject, width: int, largest: int) -> None:
    number = st.integers(-largest, largest) | st.integers(0, 3)
    some = data.draw(st.lists(st.lists(number, min_size=width, max_size=width), min_size=1, max_size=40))
    expected = [place for place, row in enumerate(some) if not any(beats(other, row) for other in some)]
    for numbers, few in product((ranks(some), in_64_bits(some)), (1, 100)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(frontiers, "_MAX_SCANNED", few)
            patch.setattr(frontiers, "_MIN_HALF", few)
            assert numbers is None or unbeaten(numbers).tolist() == expected


def test_unknown_figures_compare_equal_whatever_the_size_of_other_numbers(rnncli: Run, at: Walk) -> None:
    huge = "input:8,lstm:2147483647:bi"
    for sign, few in product(("", "-"), (0, 10**9)):
        with at(sign, few), evaluated(few, 100):
            found = rows(rnncli, "input:8,lstm:{1..300}:bi", huge, f"--pareto={sign}streaming,-params")
            assert [row["spec"] for row in found] == [huge]


def test_equal_candidates_without_a_figure_are_all_kept_next_to_huge_numbers() -> None:
    orders = (Order("streaming", descending=True), Order("params"), Order("output", descending=True))
    frontier = Frontier(orders, orders[0], None)
    frontier.add([each for each in candidates("input:8,lstm:{1,2147483647}:bi") if isinstance(each, Candidate)])
    small = frontier.best()[0]
    again = {"streaming_bytes": 2**63 - 1, "total_params": small.total_params, "output_features": 2}
    assert frontier.pick(np.array([0]), lambda name: np.array([again[name]])).tolist() == [0]


def test_a_frontier_is_the_set_of_candidates_that_no_other_dominates(rnncli: Run, at: Walk) -> None:
    everything = [each for each in candidates(GRID, timesteps=7) if isinstance(each, Candidate)]
    everything = [each for each in everything if each.total_params <= 9000]
    for compared in ("params,-output", "macs,-output", "macs-per-step,-params,training", "-output"):
        with at(compared):
            names = [(SORT_KEYS[name.strip("-")], -1 if name[0] == "-" else 1) for name in compared.split(",")]
            keys = [[sign * (getattr(each, name) or 0) for name, sign in names] for each in everything]
            best = [
                each.spec
                for each, key in zip(everything, keys, strict=True)
                if not any(beats(other, key) for other in keys)
            ]
            found = rows(rnncli, GRID, "--timesteps", "7", f"--pareto={compared}", "--max-params", "9000")
            assert sorted(row["spec"] for row in found) == sorted(best)


def test_the_frontier_of_the_parts_frontiers_is_the_frontier_of_all(rnncli: Run) -> None:
    options = ["--pareto", "params,-output"]
    parts = [row["spec"] for n in range(1, 4) for row in rows(rnncli, GRID, *options, "--part", f"{n}/3")]
    again = rnncli("sweep", "-", "-f", "json", *options, stdin="\n".join(parts))
    assert again.objects == rows(rnncli, GRID, *options)


def test_a_frontier_is_shown_among_all_candidates(rnncli: Run, screen: Callable[..., None]) -> None:
    result = rnncli("sweep", PLANE, "--pareto", "params,-output")
    assert (result.status, result.stderr) == (0, "3,968 candidates, 16 shown\n")
    screen("sweep-frontier", result.stdout)
    with evaluated(0, 500):
        assert rnncli("sweep", PLANE, "--pareto", "params,-output") == result


def test_two_figures_of_a_frontier_are_the_axes_of_its_picture(rnncli: Run, at: Walk) -> None:
    for figures, said in {
        "memory,-output": "Memory in bytes across, Output features up.",
        "macs-per-step,params,-output": "MACs/step across, Parameters up.",
        "-output": "Parameters across, MACs/step up.",
        "streaming,-output": "Streaming in bytes across, Output features up.",
    }.items():
        with at(figures):
            assert said in rnncli("sweep", PLANE, "--pareto", figures).stdout


def test_the_picture_of_a_frontier_fits_the_terminal(rnncli: Run, at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.render.terminal.on_terminal", lambda: True)
    for width in (60, 30, 14):
        with at(width):
            monkeypatch.setenv("COLUMNS", str(width))
            shown = rnncli("sweep", PLANE, "--pareto", "params,-output", "--top", "3").stdout
            assert max(map(len, shown.splitlines())) <= width
            assert ("┤" in shown) == (width > 20)


@given(st.lists(st.tuples(st.floats(1, 1e18), st.floats(1, 1e18)), min_size=1, max_size=30), st.integers(14, 200))
def test_highlighted_points_are_in_the_picture(points: list[tuple[float, float]], width: int) -> None:
    cloud = SimpleNamespace(points=lambda: points[1:], asked=("total_params", "macs"))
    lines = picture(points[:1], cast(Cloud, cloud), width)
    assert max(map(len, lines), default=0) <= width
    plane = [line for line in lines if "│" in line or "┤" in line]
    assert "".join(plane).count("●") == bool(plane)
    assert plane or width < 30 or len({*points}) < 3
    assert len(plane) <= 1 or len({high for _, high in points}) > 1
    assert (Axis(5, 5, 40).place(5), Axis(5, 5, 40).ticks()) == (0, [5])
    assert Axis(1, 3, 15).ticks() == [1, 2, 3]
    numbers = [[axis.place(number) for number in axis.ticks()] for axis in (Axis(1, 999, 40), Axis(30, 36, 15))]
    assert all(len(each) >= 3 and each == sorted(each) for each in numbers)


# Rows


_specs = st.sampled_from(
    [
        *("input:8,lstm:4", "input:8", " input : 8 , lstm:4", "input:8,\tlstm:4"),
        *('a"b,c', "a|b,`c`", "é,1", "a<b,&", "%s,%d"),
    ]
)
_shapes = st.tuples(st.none() | st.integers(1, 9), st.integers(1, 99)) | st.tuples(
    st.none() | st.integers(1, 9), st.none() | st.integers(1, 9), st.integers(1, 99)
)
_figures = st.none() | st.integers(0, 2**70)


@given(
    st.sampled_from(sorted(WRITERS)),
    st.lists(st.builds(Candidate, _specs, _shapes, *[_figures] * len(TOTALS)), min_size=1, max_size=9),
)
def test_rows_written_fast_match_those_of_the_writer(format_: str, some: list[Candidate]) -> None:
    assert Candidate._fields[2:] == TOTALS
    setting, plain = Setting(framework="torch"), WRITERS[format_](CANDIDATES)
    assert RowTexts(plain, setting).rows(some) == plain.rows([each.as_dict(setting) for each in some])
