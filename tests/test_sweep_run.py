"""`rnncli sweep` in large: blocks, parts, jobs, frontiers, and rows that are written fast."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Result, program_line
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.commands.options import FORMATS
from rnncli.commands.sweep_rows import CANDIDATES, record_maker
from rnncli.errors import RnncliError
from rnncli.render.row_texts import RowTexts
from rnncli.render.scatter import Axis, scatter
from rnncli.render.writers import WRITERS, writer
from rnncli.search.grids import stretches
from rnncli.search.grids.candidate import Candidate
from rnncli.search.grids.stretches import Part, points
from rnncli.search.grids.stretches import stretches as stretches_of
from rnncli.search.patterns.brace_parser import parse_pattern
from rnncli.search.ranking.frontier import Frontier, exact, unbeaten
from rnncli.search.ranking.order import COMPARED, SORT_KEYS, Order
from rnncli.search.sweep import sweep
from rnncli.summary import TOTALS, Setting
from rnncli.system.workers import forked

Run = Callable[..., Result]

GRID = "{input:5x8,embed:100x{u}},{lstm,gru,lsmt}:{8..40..4}{:seq,:bi,},dense:{u=2..9}"
"""Of every sort: a named brace that varies here or there, networks that do not stream, and texts that are none."""

MANY = "embed:{100..300..100}x{u=1..16},{lstm,gru}:{4..60..4}:seq,lstm:{4..60..4},dense:{u}"
"""More than are evaluated one by one."""


@contextmanager
def evaluated(few: int, block: int) -> Iterator[None]:
    """While this lasts, so many candidates are few, and so many are in a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "FEW", few)
        patch.setattr(stretches, "BLOCK", block)
        yield


def rows(rnncli: Run, *arguments: str) -> list[dict[str, Any]]:
    result = rnncli("sweep", "-f", "json", *arguments)
    assert result.status == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


CHOICES = [
    [],
    ["--top", "7"],
    ["--top", "500"],
    ["--sort", "output", "--top", "30"],
    ["--sort=-macs", "--top", "9"],
    ["--sort", "streaming", "--top", "200"],
    ["--sort=-training"],
    ["--sort", "spec", "--top", "5"],
    ["--pareto", "params,-output"],
    ["--pareto", "macs,-output,streaming"],
    ["--pareto=-output", "--top", "4"],
]


@pytest.mark.parametrize("limits", [[], ["--max-params", "3k"], ["--max-macs", "20k", "--max-memory", "9KB"]], ids=str)
@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_blocks_give_the_rows_and_the_notes_that_one_by_one_gives(
    choice: list[str], limits: list[str], rnncli: Run
) -> None:
    arguments = ["sweep", GRID, "--timesteps", "5", "-f", "json", *choice, *limits]
    with evaluated(10**9, 1):
        expected = rnncli(*arguments)
    assert expected.stdout
    for block in (10**6, 37):
        with evaluated(0, block):
            assert rnncli(*arguments) == expected


@pytest.mark.parametrize("block", [10**6, 50])
def test_the_nearest_is_the_same_where_nothing_keeps_within_the_budget(block: int, rnncli: Run) -> None:
    arguments = ["sweep", GRID, "--max-params", "20", "--max-memory", "1KB"]
    expected = rnncli(*arguments)
    assert (expected.status, "the nearest is" in expected.stderr) == (1, True)
    with evaluated(0, block):
        assert rnncli(*arguments) == expected


@pytest.mark.parametrize("option", ["--max-macs=9k", "--sort=macs", "--sort=training", "--pareto=macs,-output"])
@pytest.mark.parametrize("few", [0, 10**9])
def test_a_figure_that_is_not_known_is_an_error_however_it_is_evaluated(option: str, few: int, rnncli: Run) -> None:
    with evaluated(few, 100):
        result = rnncli("sweep", "input:8,lstm:{1..200}", option, "--top", "3")
    assert (result.status, result.stdout) == (2, "")
    assert "--timesteps" in result.stderr


@pytest.mark.parametrize("few", [0, 10**9])
def test_a_limit_of_a_figure_that_is_not_known_is_an_error_where_another_limit_is_exceeded_too(
    few: int, rnncli: Run
) -> None:
    with evaluated(few, 100):
        result = rnncli("sweep", r"{input:5x8\,dense:1,input:8\,dense:9}", "--max-params", "20", "--max-macs", "1M")
    assert result.status == 2
    assert "the MACs of input:8,dense:9 depend on" in result.stderr


# Parts


@given(st.integers(0, 10**30), st.integers(1, 60))
def test_parts_are_all_of_it_in_order_and_equally_large(total: int, of: int) -> None:
    spans = [Part(number, of).span(total) for number in range(1, of + 1)]
    assert [0, *(stop for _, stop in spans)] == [*(start for start, _ in spans), total]
    sizes = [stop - start for start, stop in spans]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "patterns", [[GRID], ["input:8,rnn:{1..3}", GRID, "input:{2,3},{gru:{u},lstm:9},dense:{u=1..3}"]]
)
@pytest.mark.parametrize("of", [1, 3, 16])
@pytest.mark.parametrize("from_stdin", [False, True])
def test_the_rows_of_all_parts_are_the_rows_of_all_candidates(
    patterns: list[str], of: int, from_stdin: bool, rnncli: Run
) -> None:
    whole = rnncli("sweep", "-f", "json", *patterns)
    given = {"stdin": "\n".join(patterns)} if from_stdin else {}
    arguments = ["-"] if from_stdin else patterns
    parts = [rnncli("sweep", "-f", "json", *arguments, "--part", f"{n}/{of}", **given) for n in range(1, of + 1)]
    assert "".join(part.stdout for part in parts) == whole.stdout


def test_a_part_that_is_empty_says_so(rnncli: Run) -> None:
    notes = [rnncli("sweep", "input:8,rnn:{1,2}", "--part", f"{number}/3").stderr for number in (1, 2, 3)]
    assert notes == ["0 candidates: there are fewer of them than parts\n", *["1 candidate, 1 shown\n"] * 2]


def test_the_points_of_a_pattern_are_those_of_its_stretches() -> None:
    for text in (GRID, "{a,}{,b}", "input:8,{lstm:{u},gru:{v}},dense:{u=1..3}:{relu,tanh},dense:{v=4,5}", "input:8"):
        pattern = parse_pattern(text)
        found = list(stretches_of([pattern]))
        assert sum(stretch.stop - stretch.start for stretch in found) == points(pattern)
        texts = [text for stretch in found for text in stretch.pattern.expand()]
        assert texts == list(pattern.expand())


@pytest.mark.parametrize(
    ("text", "help_"), [("0/4", "--part 1/4"), ("5/4", "--part 4/4"), ("3 of 4", "3/4"), ("x", "1/2")]
)
def test_what_is_no_part_is_an_error_with_a_repair(text: str, help_: str, rnncli: Run) -> None:
    result = rnncli("sweep", "input:8,rnn:{1..9}", "--part", text)
    assert (result.status, result.stdout) == (2, "")
    assert help_ in result.stderr


# Jobs


@pytest.mark.parametrize(
    ("format_", "choice"),
    [
        *((each, []) for each in FORMATS),
        *((each, ["--top", "5", "--max-params", "40k"]) for each in ("table", "csv")),
        *((each, ["--pareto", "params,-output"]) for each in ("table", "json")),
    ],
    ids=str,
)
def test_jobs_change_nothing_of_what_is_written(format_: str, choice: list[str], program: Run) -> None:
    arguments = ["sweep", MANY if choice else GRID.replace("8..40..4", "8..95"), "-f", format_, *choice]
    expected = program(*arguments)
    assert expected.status == 0
    assert program(*arguments, "--jobs", "3") == expected


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(of: int) -> list[int]:
    """The children of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


ENDLESS = [
    "sweep",
    "embed:10x{1..9000},lstm:{1..9000}:seq,lstm:{1..9000}:seq,lstm:{1..9000}",
    "--jobs",
    "2",
    "-f",
    "csv",
]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks at the processes of Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
@pytest.mark.parametrize("options", [["--top", "3"], []], ids=str)
def test_no_job_outlives_a_sweep_that_is_ended(number: int, options: list[str]) -> None:
    with running(*ENDLESS, *options) as sweeping:
        jobs = processes(sweeping.pid)
        time.sleep(0.5)
        sweeping.send_signal(number)
        out, error = sweeping.communicate(timeout=PATIENCE)
        until(lambda: not any(map(is_running, jobs)))
    killed = number == signal.SIGKILL
    assert sweeping.returncode == (130 if number == signal.SIGINT else -number if killed else 128 + number)
    assert bool(re.search(r"^Interrupted", error, re.MULTILINE)) == (number == signal.SIGINT), error
    assert "Traceback" not in error
    if options and number == signal.SIGINT:
        assert out.count("\n") in (0, 4)  # the best three so far, if one job was done


@pytest.mark.parametrize("options", [["-f", "csv"], ["-f", "json", "--jobs", "2"]], ids=str)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_last_row_is_whole_whatever_ends_a_sweep(number: int, options: list[str]) -> None:
    line = program_line("sweep", *ENDLESS[1:2], *options)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as sweeping:
        assert sweeping.stdout is not None
        begun = [*islice(sweeping.stdout, 5000)]
        time.sleep(0.2)  # so that it waits for its reader, in the middle of what it writes
        sweeping.send_signal(number)
        read = "".join(begun) + sweeping.stdout.read()
        assert sweeping.wait(timeout=PATIENCE) == 128 + number
    *_, last, end = read.split("\n")
    assert end == ""
    assert last.count(",") == begun[-1].count(",")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks at the processes of Linux")
def test_a_pipe_that_closes_ends_all_jobs_quietly() -> None:
    with running(*ENDLESS) as sweeping:
        assert sweeping.stdout is not None
        assert sweeping.stderr is not None
        assert len(list(islice(sweeping.stdout, 5))) == 5
        jobs = processes(sweeping.pid)
        sweeping.stdout.close()
        assert sweeping.wait(timeout=PATIENCE) == 0
        assert sweeping.stderr.read() == ""
        assert not any(map(is_running, jobs))


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A program with two jobs, which has ended when the block has."""
    line = program_line(*arguments)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: len(processes(process.pid)) == 2)
            yield process
        finally:
            process.kill()


def test_what_fails_in_a_job_is_said_once_and_a_job_that_is_killed_is_told_of(program: Run) -> None:
    result = program("sweep", MANY, "--sort", "macs", "--jobs", "2")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.count("give its --timesteps") == 1

    def killed(task: Any) -> Any:
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return task * 10

    with forked(2, lambda: killed) as workers:
        results = workers.results(range(9))
        assert [*islice(results, 3)] == [0, 10, 20]
        with pytest.raises(RnncliError, match="ended before it was done"):
            next(results)


@pytest.mark.parametrize("started", [0, 1])
def test_jobs_that_cannot_be_started_are_an_error_that_says_so(
    started: int, monkeypatch: pytest.MonkeyPatch, rnncli: Run
) -> None:
    forks = iter([os.fork] * started)

    def fork() -> int:
        if (real := next(forks, None)) is not None:
            return real()
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    result = rnncli("sweep", MANY, "--top", "2", "--jobs", "2")
    assert (result.status, result.stdout) == (1, "")
    assert f"job {started + 1} of 2 cannot be started: {os.strerror(errno.EAGAIN)}" in result.stderr
    assert "give fewer --jobs" in result.stderr


def test_where_processes_cannot_be_forked_one_does_all_the_work(monkeypatch: pytest.MonkeyPatch, rnncli: Run) -> None:
    expected = rnncli("sweep", MANY, "--top", "2")
    monkeypatch.delattr(os, "fork")
    assert rnncli("sweep", MANY, "--top", "2", "--jobs", "2") == expected


def test_results_come_in_the_order_of_the_tasks() -> None:
    def slow(task: int) -> int:
        time.sleep(0.02 * (task % 3))
        return task

    with forked(3, lambda: slow) as workers:
        assert list(workers.results(range(20))) == list(range(20))


# Frontiers


def beats(one: Sequence[int], other: Sequence[int]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


@settings(max_examples=200)
@given(st.data(), st.integers(1, 4), st.sampled_from([5, 2**70]))
def test_what_no_other_row_beats_is_unbeaten(data: st.DataObject, figures: int, largest: int) -> None:
    numbers = st.integers(-largest, largest) | st.integers(0, 3)
    some = data.draw(st.lists(st.lists(numbers, min_size=figures, max_size=figures), min_size=1, max_size=40))
    expected = [place for place, row in enumerate(some) if not any(beats(other, row) for other in some)]
    assert unbeaten(exact(some)).tolist() == expected


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("few", [0, 10**9])
def test_a_figure_that_is_lacked_is_the_same_beside_numbers_of_any_size(sign: str, few: int, rnncli: Run) -> None:
    huge = "input:8,lstm:2147483647:bi"
    with evaluated(few, 100):
        found = rows(rnncli, "input:8,lstm:{1..300}:bi", huge, f"--pareto={sign}streaming,-params")
    assert [row["spec"] for row in found] == [huge]


def test_equals_that_lack_a_figure_are_all_kept_beside_huge_numbers() -> None:
    orders = (Order("streaming", descending=True), Order("params"), Order("output", descending=True))
    frontier = Frontier(orders, orders[0], None)
    frontier.add([each for each in sweep("input:8,lstm:{1,2147483647}:bi") if isinstance(each, Candidate)])
    small = frontier.best()[0]
    again = {"streaming_bytes": 2**63 - 1, "total_params": small.total_params, "output_features": 2}
    assert frontier.pick(np.array([0]), lambda name: np.array([again[name]])).tolist() == [0]


@pytest.mark.parametrize("figures", ["params,-output", "macs,-output", "macs-per-step,-params,training", "-output"])
def test_a_frontier_is_what_no_other_candidate_beats(figures: str, rnncli: Run) -> None:
    names = [(SORT_KEYS[name.strip("-")], -1 if name[0] == "-" else 1) for name in figures.split(",")]
    everything = [
        each for each in sweep(GRID, timesteps=7) if isinstance(each, Candidate) and each.total_params <= 9000
    ]
    keys = [[sign * (getattr(each, name) or 0) for name, sign in names] for each in everything]
    expected = {each.spec for each, key in zip(everything, keys, strict=True) if not any(beats(k, key) for k in keys)}
    found = rows(rnncli, GRID, "--timesteps", "7", f"--pareto={figures}", "--max-params", "9000")
    assert {row["spec"] for row in found} == expected
    assert len(found) == len(expected)


def test_the_frontier_of_the_frontiers_of_parts_is_that_of_all(rnncli: Run) -> None:
    whole = rows(rnncli, MANY, "--pareto", "params,-output")
    parts = [
        row["spec"] for n in range(1, 4) for row in rows(rnncli, MANY, "--pareto", "params,-output", "--part", f"{n}/3")
    ]
    again = rnncli("sweep", "-", "-f", "json", "--pareto", "params,-output", stdin="\n".join(parts))
    assert [json.loads(line) for line in again.stdout.splitlines()] == whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spec", "'spec' is none of params"),
        ("--top", "it takes a list of figures"),
        ("foo", "training, output\n"),
        ("params,-params", "names params twice"),
        ("parms", "--pareto params"),
        ("", "is none of params"),
    ],
)
def test_what_cannot_be_compared_is_an_error(text: str, said: str, rnncli: Run) -> None:
    result = rnncli("sweep", "input:8,rnn:{1..9}", "--pareto", text)
    assert (result.status, result.stdout) == (2, "")
    assert said in result.stderr
    assert all(key in SORT_KEYS for key in COMPARED)


PLANE = "embed:1000x{16..64..16},{lstm,gru}:{16..256..8}:seq,lstm:{16..256..16}"


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]], ids=" ".join)
def test_a_frontier_is_seen_among_all_candidates(options: list[str], rnncli: Run, screen: Callable[..., None]) -> None:
    result = rnncli("sweep", PLANE, "--pareto", "params,-output", *options)
    assert (result.status, result.stderr) == (0, "3,968 candidates, 16 shown\n")
    screen("sweep-frontier", result.stdout)
    with evaluated(0, 500):
        assert rnncli("sweep", PLANE, "--pareto", "params,-output", *options) == result


@pytest.mark.parametrize("width", [60, 30, 14])
def test_the_picture_of_a_frontier_keeps_within_the_terminal(width: int, terminal: Run) -> None:
    shown = terminal("sweep", PLANE, "--pareto", "params,-output", "--top", "3", columns=width).stdout
    assert max(len(line) for line in shown.splitlines() if not line.endswith("3 shown")) <= width
    assert ("┤" in shown) == (width > 20)


@given(st.lists(st.tuples(st.floats(1, 1e18), st.floats(1, 1e18)), min_size=1, max_size=30), st.integers(14, 200))
def test_every_point_that_stands_out_is_in_the_picture(points: list[tuple[float, float]], width: int) -> None:
    lines = scatter(points[1:], points[:1], ("Parameters", "MACs"), width, "")
    assert max(map(len, lines)) <= width
    plane = [line for line in lines if "│" in line or "┤" in line]
    assert "".join(plane).count("●") == bool(plane)
    numbers = [[axis.place(number) for number in axis.ticks()] for axis in (Axis(1, 999, 40), Axis(30, 36, 15))]
    assert all(len(each) >= 3 and each == sorted(each) for each in numbers)


# Rows


_specs = st.sampled_from(
    [
        "input:8,lstm:4",
        "input:8",
        " input : 8 , lstm:4",
        "input:8,\tlstm:4",
        'a"b,c',
        "a|b,`c`",
        "é,1",
        "a<b,&",
        "%s,%d",
    ]
)
_shapes = st.tuples(st.none() | st.integers(1, 9), st.integers(1, 99)) | st.tuples(
    st.none() | st.integers(1, 9), st.none() | st.integers(1, 9), st.integers(1, 99)
)
_figures = st.none() | st.integers(0, 2**70)


@given(
    st.sampled_from(sorted(WRITERS)),
    st.lists(st.tuples(_specs, _shapes, *[_figures] * len(Candidate._fields[2:])), min_size=1, max_size=9),
)
def test_rows_that_are_written_fast_are_those_of_the_writer(format_: str, some: list[Any]) -> None:
    assert Candidate._fields[2 : 2 + len(TOTALS)] == TOTALS
    record = record_maker(Setting(framework="torch"))
    plain = writer(format_, CANDIDATES)
    assert RowTexts(plain, record, len(TOTALS)).rows(some) == plain.rows([record(*each) for each in some])
