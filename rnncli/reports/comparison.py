"""Networks side by side, each with its difference from the first, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from rnncli.errors import ArgumentError
from rnncli.layers import Layer
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.summary import TOTALS, LayerSummary, Summary


class Change(NamedTuple):
    """How a number of a network differs from the first network's; None where one of them is not known.

    Attributes:
        difference: the number minus the first network's.
        ratio: the number divided by the first network's; None where that is zero, too.
    """

    difference: int | None
    ratio: float | None


SideBySide = tuple[LayerSummary | None, ...]
"""Layers of the same role, one of each network; None where a network has none for it."""


@dataclass(frozen=True)
class Comparison:
    """Networks side by side.

    Attributes:
        summaries: the summary of each network, in order.
        rows: the layers of the networks, lined up.
    """

    summaries: tuple[Summary, ...]
    rows: tuple[SideBySide, ...]

    def change(self, index: int, figure: str) -> Change:
        """Return how a figure of a network differs from that of the first."""
        return change(getattr(self.summaries[0], figure), getattr(self.summaries[index], figure))

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the comparison as plain data: for each network the object that `--format json` prints."""
        objects = []
        for index, summary in enumerate(self.summaries):
            changes = {figure: self.change(index, figure) for figure in TOTALS}
            objects.append(
                summary.as_dict()
                | {"difference": {figure: each.difference for figure, each in changes.items()}}
                | {"ratio": {figure: each.ratio for figure, each in changes.items()}}
                | {"layers": [_layer_dict(row[0], row[index]) for row in self.rows]}
            )
        return objects


def change(first: int | None, other: int | None) -> Change:
    """Return how a number differs from the first network's."""
    if first is None or other is None:
        return Change(None, None)
    return Change(other - first, other / first if first else None)


def compare(
    *networks: Network | str,
    frameworks: Sequence[Framework] = ("keras",),
    batch: int | None = None,
    timesteps: int | None = None,
    dtype: str = "float32",
) -> Comparison:
    """Return networks side by side.

    Args:
        networks: the networks, or their specs.
        frameworks: whose weights to count. With several, each network is compared once for each framework.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        dtype: of weights and outputs, for sizes in bytes.

    Raises:
        ArgumentError: there is only one network and one framework, or an argument is not allowed.
        SpecError: a framework cannot express a network, or `timesteps` contradicts a spec.
    """
    candidates = [(Network.of(network), framework) for network in networks for framework in frameworks]
    if len(candidates) < 2:
        raise ArgumentError(
            "a comparison needs two networks", "give another SPEC, or --framework keras --framework torch for one"
        )
    summaries = tuple(network.summary(batch, timesteps, framework, dtype) for network, framework in candidates)
    rows: list[_Row] = []
    for index, ((network, _), summary) in enumerate(zip(candidates, summaries, strict=True)):
        rows = _with_network(rows, index, [_role(layer) for layer in network.body], summary.layers)
    return Comparison(summaries, tuple(row.layers for row in rows))


class _Row(NamedTuple):
    """The layers of a row, and the role that all of them have."""

    role: str
    layers: SideBySide


def _with_network(rows: list[_Row], networks: int, roles: list[str], layers: Sequence[LayerSummary]) -> list[_Row]:
    """Return the rows of the first `networks` networks with the layers of one more in them.

    A layer that lines up with none of the rows gets a new one, just above the row of the next layer that does.
    """
    layer_of_row = dict(_line_up(rows, roles))
    new_rows = [_Row(role, (*[None] * networks, layer)) for role, layer in zip(roles, layers, strict=True)]
    result: list[_Row] = []
    placed = 0
    for at, (role, row) in enumerate(rows):
        if at not in layer_of_row:
            result.append(_Row(role, (*row, None)))
            continue
        layer = layer_of_row[at]
        result += new_rows[placed:layer]
        result.append(_Row(role, (*row, layers[layer])))
        placed = layer + 1
    return result + new_rows[placed:]


def _line_up(rows: list[_Row], roles: list[str]) -> list[tuple[int, int]]:
    """Return which rows and layers line up, as pairs of positions, both ascending.

    Layers line up with those of the first network where that is possible, and between these with those of the others.
    """
    of_first = [at for at, row in enumerate(rows) if row.layers[0] is not None]
    anchors = [(of_first[row], layer) for row, layer in _equal_roles([rows[at].role for at in of_first], roles)]
    between = []
    starts = [(0, 0), *((row + 1, layer + 1) for row, layer in anchors)]
    ends = [*anchors, (len(rows), len(roles))]
    for (row_start, layer_start), (row_end, layer_end) in zip(starts, ends, strict=True):
        row_roles = [row.role for row in rows[row_start:row_end]]
        matches = _equal_roles(row_roles, roles[layer_start:layer_end])
        between += [(row_start + row, layer_start + layer) for row, layer in matches]
    return sorted(anchors + between)


def _equal_roles(first: list[str], second: list[str]) -> list[tuple[int, int]]:
    """Return pairs of positions where two lists have the same role, both ascending."""
    # The matcher takes quadratic time, so it is spared what deep stacks have in common.
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1
    matches = [(at, at) for at in range(same)]
    for one, other, size in SequenceMatcher(None, first[same:], second[same:], autojunk=False).get_matching_blocks():
        matches += [(same + one + step, same + other + step) for step in range(size)]
    return matches


def _role(layer: Layer) -> str:
    """Return what a layer is for. Layers of the same role line up, so an LSTM lines up with a GRU."""
    return "recurrent" if layer.states else layer.kind


def _layer_dict(first: LayerSummary | None, layer: LayerSummary | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    difference, ratio = change(None if first is None else first.params, layer.params)
    return layer.as_dict() | {"difference": difference, "ratio": ratio}
