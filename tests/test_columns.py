"""The columns of a table add up to its totals as printed, as a reader with a pencil would check."""

from __future__ import annotations

import re
from itertools import product
from math import prod
from typing import NamedTuple

import pytest
from conftest import Run, Walk
from kinds import KINDS, small_network, timesteps

STACK = "embed:10x4:mask,lstm:3:seq:bi,dropout:0.5,rnn:3:seq:x5,gru:4:seq,dense:2:x3,gru:20,dense:1:sigmoid"
LARGE = "embed:10000x320,lstm:400:seq:bi,rnn:32:seq:x3,dense:7"
SPECS = [STACK, *(small_network(kind) for kind in KINDS.values() if getattr(kind.layer, "shown", True))]


class Printed(NamedTuple):
    """A printed number, and its possible distance from the true one."""

    value: float
    rounding: float


UNITS = {unit: 1024**power for power, unit in enumerate(("B", "KB", "MB", "GB"))} | {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def read(cell: str) -> Printed:
    """Read a cell: 1,680, or 5 × 144 for five rows in one, or 7.81 MB, or 16 µs."""
    parts = re.fullmatch(r"(?:([\d,]+) × )?([\d,]+)(?:\.(\d+))?(?: ([a-zA-Zµ]+))?", cell)
    assert parts, cell
    times, whole, fraction, unit = parts.groups()
    scale = UNITS[unit] if unit else 1
    value = float(f"{whole.replace(',', '')}.{fraction or 0}") * scale * int((times or "1").replace(",", ""))
    exact = unit in (None, "B")
    return Printed(value, 0.0 if exact else 0.5 * 10.0 ** -len(fraction or "") * scale * int(times or 1))


def tables(text: str) -> list[dict[str, list[str]]]:
    """Return the columns of each table by title. A cell of several lines is one text, joined by newlines."""
    found: list[dict[str, list[str]]] = []
    titles: list[str] = []
    for line in text.splitlines():
        if line.startswith("┃"):
            titles = [cell.strip() for cell in line.strip("┃").split("┃")]
            pairs = zip(["", *titles], titles, strict=False)
            titles = [f"{before} ×" if title == "Ratio" else title for before, title in pairs]
            found.append({title: [] for title in titles})
        elif line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            columns = [found[-1][title] for title in titles]
            for column, cell in zip(columns, cells, strict=True):
                if cells[0]:
                    column.append(cell)
                elif cell:
                    column[-1] += f"\n{cell}"
    return found


def adds_up(cells: list[str], total: str) -> bool:
    """Whether cells add up to a total, as far as all of them are exact."""
    *parts, whole = map(read, [*cells, total])
    rounding = sum(part.rounding for part in parts) + whole.rounding
    return abs(sum(part.value for part in parts) - whole.value) <= rounding * (1 + 1e-9)


def below(text: str, label: str) -> str:
    """Return the value of a line below the table."""
    (said,) = re.findall(rf"^ *{label}: (.+?)(?: \(.*\))?$", text, re.MULTILINE)
    return said


def printed(rnncli: Run, *arguments: str) -> str:
    return rnncli(*arguments).answer


def test_a_wrong_sum_is_detected() -> None:
    for cells, right, wrong in (
        (["5 × 144", "1,000"], "1,720", "1,721"),
        (["1.50 KB", "10 B"], "1.51 KB", "1.61 KB"),
        (["16 µs", "1.2 ms"], "1.22 ms", "1.41 ms"),
    ):
        assert adds_up(cells, right)
        assert not adds_up(cells, wrong)


def test_the_columns_of_a_summary_and_the_weights_of_an_explanation_add_up(rnncli: Run, at: Walk) -> None:
    for spec, framework in product([LARGE, *SPECS], ("keras", "torch")):
        with at(spec, framework):
            text = printed(rnncli, "summary", spec, "--framework", framework)
            (table,) = tables(text)
            assert adds_up(table["Param #"], below(text, "Total params"))

            more = ("--framework", framework, "--batch", "3", *timesteps(spec, 17))
            text = printed(rnncli, "summary", spec, "--wide", *more)
            (table,) = tables(text)
            assert adds_up(table["Param #"], below(text, "Total params"))
            assert adds_up(table["MACs"], below(text, "MACs"))
            (outputs,) = re.findall(r"^  Layer outputs +([\d.]+ \w+) = ", text, re.MULTILINE)
            assert adds_up(table["Layer outputs"], outputs)
            none = [""] * len(table["Param #"])  # an empty column is not shown
            for params, weights in zip(table["Param #"], table.get("Weights", none), strict=True):
                shapes = re.findall(r"\(([\d, ]+)\)", weights)
                own = sum(prod(int(size) for size in shape.split(",") if size) for shape in shapes)
                assert read(params.split(" × ")[-1]).value == own

            params, total = explained(printed(rnncli, "explain", spec, "--framework", framework))
            assert sum(params) == total


def test_the_parameters_and_times_of_a_run_add_up(rnncli: Run, at: Walk) -> None:
    for spec in SPECS:
        with at(spec):
            text = printed(rnncli, "forward", spec, *timesteps(spec, 5))
            (table,) = tables(text)
            assert adds_up(table["Param #"], below(text, "Total params"))
            assert adds_up(table["Time"], below(text, "Time"))


def explained(text: str) -> tuple[list[int], int]:
    """Return the parameters of each weight in an explanation, and their total; five equal layers count five times."""
    params: list[int] = []
    *layers, total = text.split("\n\n")[1:]
    for layer in layers:
        heading, *lines = layer.splitlines()
        times = re.search(r" × (\d+) ", heading)
        entries = re.split(r"\n(?=  \S)", "\n".join(lines))
        weights = [entry for entry in entries if re.match(r"  \S+ \S+ \([\d, ]+\) ", entry)]
        own = [_last_number(entry) for entry in weights]
        for entry in entries:
            if entry.startswith("  total "):
                assert sum(own) == _last_number(entry)
        params += own * int(times[1] if times else 1)
    found = re.match(r"Total ([\d,]+) parameter", total)
    assert found, total
    return params, _last_number(found[1])


def _last_number(text: str) -> int:
    return int(re.findall(r"[\d,]+", text)[-1].replace(",", ""))


def test_a_comparisons_layers_add_up_to_each_network_and_its_ratios_follow_from_printed_numbers(rnncli: Run) -> None:
    networks, layers = tables(printed(rnncli, "compare", *SPECS, LARGE, "--batch", "3"))
    assert networks["Network"] == [str(number) for number in range(1, len(SPECS) + 2)]
    first, *others = [read(cell).value for cell in networks["Parameters"]]
    ratios = [float(cell.removeprefix("× ").replace(",", "")) for cell in networks["Parameters ×"][1:]]
    assert ratios == pytest.approx([other / first for other in others], rel=0.005)
    for number, total in zip(networks["Network"], networks["Parameters"], strict=True):
        own = [params for each, params in zip(layers["Network"], layers["Parameters"], strict=True) if each == number]
        assert adds_up(own, total)
