"""Reviewed screens, and their fit to a terminal of any width: no number is broken or cut.

`screens/command-lines.txt` lists the command for each screen, piped or on a terminal of a given width.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import SCREENS, Run, Screen, Walk, is_thorough, print_as_on_a_terminal, some, without_styles

from rnncli.cli import COMMANDS
from rnncli.network_summary import TOTALS
from rnncli.quantities import duration
from rnncli.vocabulary import title

SMALL = "embed:10x4,lstm:3:seq:bi,dropout:0.5,rnn:3,dense:1:sigmoid"
CLASSIFIER = "input:8,lstm:16:seq:bi,gru:4,dense:1:sigmoid"

HUGE = (
    "embed:2147483647x2147483647:mask,lstm:2147483647:seq:bi=sum:nobias:recact=hard_sigmoid,gru:2147483647:reset=before"
)
NETWORKS = {
    "one layer": "input:8,rnn:4",
    "sixteen layers": "input:8,rnn:8:seq:x6,lstm:8:seq:bi:x5,lstm:12:seq:back,dense:4:x3,dropout:0.5",
    "several networks": "input:8,rnn:1 input:8,gru:16:seq:x4,dense:2 embed:10x4,lstm:3:seq:bi,dense:1:sigmoid",
}
HUGE_NETWORKS = {"huge numbers": f"{HUGE} --batch 2147483647", "huge work": f"{HUGE} --timesteps 2147483647"}
"""Arguments for every command, and further ones for commands that do not run anything."""

VIEWS = """
summary
summary --wide
summary --wide --timesteps 7 --batch 1000 --rate 12.3
summary --framework torch --wide --dtype int8
forward --timesteps 5
forward --timesteps 70 --plot
forward --init uniform
explain
explain --framework torch
explain --others --timesteps 7
draw
draw --timesteps 3
sweep
sweep --timesteps 100 --batch 64 --sort macs
sweep --top 3
sweep --pareto params
compare
compare --timesteps 100 --batch 64 --rate 0.3
compare --timesteps 10 --timesteps 500 --dtype float16 --dtype float32
compare --framework keras --framework torch
compare --framework torch
reach --timesteps 70 --seeds 2
reach --seeds 1 --timesteps 5
reach --init uniform --timesteps 70 --seeds 2
"""
"""The commands that show networks to people, as tables or drawings."""

ELSEWHERE = "solve layers export inspect page spec completion help"
"""Commands that print only a spec, source or script, or that are tested for this elsewhere."""


@pytest.fixture
def seen(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A command's output on a terminal of a given width."""

    def see(columns: int, *arguments: str) -> str:
        with monkeypatch.context() as patched:
            print_as_on_a_terminal(patched)
            patched.setenv("COLUMNS", str(columns))
            patched.setenv("LINES", "24")
            result = rnncli(*arguments)
        assert result.status == 0, result.stderr
        return without_styles(result.stdout)

    return see


def test_a_screen_reads_as_reviewed(rnncli: Run, seen: Callable[..., str], screen: Screen, at: Walk) -> None:
    lines = (SCREENS / "command-lines.txt").read_text(encoding="utf-8").splitlines()
    for name, line in (line.split(": ", 1) for line in lines if line):
        with at(name):
            if columns := re.search(r"-terminal-(\d+)", name):
                text = seen(int(columns[1]), *line.split())
                assert max(map(len, text.splitlines())) <= int(columns[1])
            else:
                status, text, notes = rnncli(*line.split())
                note = "Note: input:8 is an input without layers; with one: input:8,rnn:32\n"
                assert (status, notes) == (0, note if "input:8" in line.split() else "")
            screen(name, text)


def test_the_terminals_width_and_abilities_are_used(terminal: Run, screen: Screen) -> None:
    coloured = terminal("summary", SMALL, columns=40).stdout
    assert "\x1b[1m" in coloured
    assert terminal("summary", SMALL, columns=40, COLUMNS="0").stdout == coloured  # as if it was not set
    screen("summary-terminal-40", without_styles(coloured))
    screen("draw-terminal-60", terminal("draw", CLASSIFIER, columns=60, TERM="dumb").stdout)
    # COLUMNS overrides the width, which does not count if standard output is elsewhere.
    screen("summary-terminal-200", terminal("summary", SMALL, columns=40, COLUMNS="200", TERM="dumb").stdout)
    screen("draw-classifier", terminal("draw", CLASSIFIER, columns=200, stdout_piped=True).stdout)


def test_a_table_outside_a_terminal_is_never_cut(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rnncli("summary", SMALL, "--wide").stdout
    monkeypatch.setenv("COLUMNS", "20")
    assert rnncli("summary", SMALL, "--wide").stdout == whole
    long = ",".join(["input:8", *(f"dense:{units}" for units in range(1, 200))])
    assert rnncli("summary", long).stdout.splitlines()[0] == long


def numbers(text: str) -> set[str]:
    """The numbers in a text, except times, which differ between runs, and rounded magnitudes such as 1.5e+37."""
    text = re.sub(r"[\d.]+ (µs|ms|s)\b|\d\.\d+e\+\d+", "", text)
    found = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text.replace("(", " ").replace(")", " "))
    return {number.strip(",") for number in found}


def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(seen: Callable[..., str], at: Walk) -> None:
    views = [line.split() for line in VIEWS.split("\n") if line]
    assert {*ELSEWHERE.split(), *(command for command, *_ in views)} == {*COMMANDS}
    for (command, *view), (before, *_) in zip(views, [[""], *views], strict=False):
        # A plot over time has as many axis labels as fit.
        numbers_may_differ = "--plot" in view or command == "reach"
        for name, specs in (NETWORKS | HUGE_NETWORKS).items():
            if name in HUGE_NETWORKS and (command in ("forward", "reach") or "torch" in view):
                continue  # it cannot run
            if {*specs.split()} & {*view} & {"--batch", "--timesteps"}:
                continue  # it contradicts itself
            if not is_thorough() and (
                name == "one layer" or (name in ("sixteen layers", "huge numbers") and command == before)
            ):
                continue  # the others show nearly all of it
            if command == "compare":
                specs = f"input:8,gru:2:seq,rnn:3 {specs}"
            line = (command, *specs.split(), *view)
            with at(command, *view, "with", name):
                whole = set() if numbers_may_differ else numbers(seen(10_000, *line))
                for columns in some((40, 60, 100, 80, 120, 200), 3):
                    text = seen(columns, *line)
                    widest = max(text.splitlines(), key=len)
                    assert len(widest) <= columns, widest
                    assert not re.search(" $", text, re.MULTILINE), f"a line ends with spaces at {columns} columns"
                    assert numbers_may_differ or numbers(text) <= whole, f"a number is broken at {columns} columns"


EMBEDDED = "embed:10000x32,rnn:32:seq,rnn:32"


TITLES = ["Output Shape", "Param #", "Time", "Mean", "Std", "Min", "Max", "Sat."]


def test_a_run_is_a_table_from_80_columns_on_that_first_drops_and_names_min_and_max_then_std_then_the_type(
    seen: Callable[..., str], at: Walk
) -> None:
    dropped_at: dict[str, list[int]] = {title: [] for title in (*TITLES, "Layer (type)")}
    for columns in (*range(40, 140, 4), 200):
        with at(columns):
            text = seen(columns, "forward", EMBEDDED)
            headings = re.findall("^┏[^┡]*", text, re.MULTILINE)
            assert len(headings) == 1 or columns < 80
            shown = "".join(headings) or text  # or there are blocks
            for title in dropped_at:
                if f" {title} " not in shown:
                    dropped_at[title].append(columns)
            named = re.findall("^ (.*): shown on a wider terminal or with --wide$", text, re.MULTILINE)
            dropped = [title for title in TITLES if columns in dropped_at[title]]
            assert sorted(filter(None, ", ".join(named).split(", "))) == sorted(dropped)
    assert not dropped_at["Time"] + dropped_at["Mean"]
    widest = {title: max(columns, default=0) for title, columns in dropped_at.items()}
    assert 118 > widest["Max"] == widest["Min"] > widest["Std"] > widest["Layer (type)"] > 50
    for columns in (40, 60, 100):
        wide = seen(columns, "forward", EMBEDDED, "--wide")
        assert "on a wider terminal" not in wide
        assert all(title in wide for title in TITLES)


def test_in_the_narrowest_form_a_layer_is_a_block_of_names_and_values(seen: Callable[..., str]) -> None:
    lines = seen(40, "forward", "embed:10000x32,rnn:32", "--timesteps", "3").splitlines()
    start = lines.index("simple_rnn (SimpleRNN)")
    block = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines[start + 1 : start + 9])
    assert list(block) == TITLES
    assert (block["Output Shape"], block["Param #"]) == ("(1, 32)", "2,080")


def test_wide_is_a_table_from_80_columns_on_with_every_figure(seen: Callable[..., str], at: Walk) -> None:
    spec = "embed:10000x32,lstm:32:seq:bi,rnn:3,dense:1"
    for columns in range(80, 160, 10):
        with at(columns):
            text = seen(columns, "summary", spec, "--wide", "--timesteps", "100", "--batch", "8")
            headings = " ".join(re.findall("^┏[^┡]*", text, re.MULTILINE))
            for heading in ("Layer", "Output Shape", "Param #", "MACs/step", "MACs", "Layer outputs", "Weights"):
                assert f" {heading} " in headings


def test_the_columns_of_a_run_do_not_depend_on_its_duration(
    seen: Callable[..., str], monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    for columns in some(range(60, 120, 2), 3):
        with at(columns):
            headings = set()
            for seconds in (1e-6, 1.23e-3, 12.3):
                monkeypatch.setattr("rnncli.render.summaries.duration", lambda _, seconds=seconds: duration(seconds))
                text = seen(columns, "forward", "input:8,lstm:4:seq,rnn:3", "--timesteps", "5")
                titles = re.findall("^┃.*", text, re.MULTILINE)
                headings.add(tuple(title.replace(" ", "") for title in titles))
            assert len(headings) == 1


def test_a_comparison_shows_every_difference_at_any_width_and_common_values_in_one_line(
    seen: Callable[..., str], at: Walk
) -> None:
    line = ("compare", "input:8,rnn:16", "input:8,lstm:16,dense:1", "--timesteps", "10", "--batch", "2")
    for columns in range(40, 160, 10):
        with at(columns):
            text = seen(columns, *line)
            assert [each for each in (*map(title, TOTALS), "(2, 16)", "(2, 1)") if each not in text] == []
    text = seen(80, "compare", "input:8,rnn:16", "input:8,gru:16")
    assert "The same in all: Layer outputs 64 B, Output shape (None, 16)\n" in text


def test_equal_neighbours_of_a_run_are_shown_as_one(seen: Callable[..., str]) -> None:
    text = seen(200, "forward", "input:8,gru:8:seq:x8")
    assert "× 8" in text
    assert not re.search(r"\bgru_[1-6]\b", text)


PATTERN = "embed:10000x{u=32..96..32},{lstm,gru}:{64..512..64}:seq:bi,gru:64:seq:bi=sum,dense:{u}"


WHOLE = (*map(title, TOTALS), "Output shape")
"""The columns of a sweep."""

TOTAL = f"({'|'.join(WHOLE)})"


def test_a_sweep_fits_the_terminal_and_its_specs_are_indented_when_wrapped(seen: Callable[..., str], at: Walk) -> None:
    line = ("sweep", PATTERN, "--timesteps", "100", "--batch", "1000", "--top", "40")
    whole = [line.split()[-1] for line in seen(10_000, *line).splitlines()[1:]]
    for columns in (*range(40, 130, 3), 150, 200):
        with at(columns):
            heading, *lines = seen(columns, *line).splitlines()
            assert max(map(len, lines)) <= columns
            end = next((number for number, each in enumerate(lines) if re.match(f"{TOTAL}[,:]", each)), len(lines))
            left = " ".join(" ".join(lines[end:]).split()).removesuffix(": shown on a wider terminal")
            lines = lines[:end]
            shown = re.split("  +", heading.strip())
            assert {*shown, *filter(None, left.split(", "))} == {*WHOLE, "Spec"} - {"Streaming"}  # not available here
            start = heading.index("Spec")
            specs: list[str] = []
            for figures, part in ((line[:start], line[start:]) for line in lines):
                if figures.strip():
                    assert re.search(r"[\dB)]  +$", figures)
                    specs.append(part)
                else:
                    assert re.match(r"  \S", part)
                    specs[-1] += part.strip()
            assert specs == whole


def test_the_column_that_a_sweep_is_sorted_or_limited_by_is_dropped_last(seen: Callable[..., str]) -> None:
    for line, name in (("--sort memory", "Memory"), ("--sort macs", "MACs"), ("--outputs 1GB", "Layer outputs")):
        heading = seen(44, "sweep", PATTERN, "--timesteps", "9", *line.split()).splitlines()[0]
        assert heading.strip().split("  ") == [name, "Spec"]
