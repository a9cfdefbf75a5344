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
from rnncli.summary import LayerSummary, Summary

FIGURES = ("total_params", "total_bytes", "macs_per_step", "macs", "output_bytes")
"""What is compared: attributes of a summary."""


class Change(NamedTuple):
    """How a number differs from that of the first network; None where one of the two is unknown.

    Attributes:
        difference: it, less the first.
        ratio: it, divided by the first; None where that is zero, too.
    """

    difference: int | None
    ratio: float | None


Row = tuple[LayerSummary | None, ...]
"""Layers that line up, one of each network; None where a network has none there."""


@dataclass(frozen=True)
class Comparison:
    """Networks side by side.

    Attributes:
        summaries: of the networks, in order.
        rows: their layers, lined up.
    """

    summaries: tuple[Summary, ...]
    rows: tuple[Row, ...]

    def change(self, index: int, figure: str) -> Change:
        """Return how a figure of a network differs from that of the first."""
        return change(getattr(self.summaries[0], figure), getattr(self.summaries[index], figure))

    def flat(self) -> list[dict[str, Any]]:
        """Return the networks' figures and their changes as rows of a table, without the layers."""
        rows = []
        for network in self.as_dicts():
            row = {name: network[name] for name in ("spec", "framework", "dtype", "output_shape")}
            for figure in FIGURES:
                row |= {figure: network[figure]}
                row |= {f"{figure}_{what}": network[what][figure] for what in ("difference", "ratio")}
            rows.append(row)
        return rows

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return it as plain data, an object for each network: the objects that `--format json` prints."""
        objects = []
        for index, summary in enumerate(self.summaries):
            changes = {figure: self.change(index, figure) for figure in FIGURES}
            objects.append(
                {"spec": summary.spec, "framework": summary.framework, "dtype": summary.dtype}
                | {"output_shape": summary.output_shape}
                | {figure: getattr(summary, figure) for figure in FIGURES}
                | {"difference": {figure: each.difference for figure, each in changes.items()}}
                | {"ratio": {figure: each.ratio for figure, each in changes.items()}}
                | {"layers": [_layer_dict(row[0], row[index]) for row in self.rows]}
            )
        return objects


def change(first: int | None, other: int | None) -> Change:
    """Return how a number differs from another."""
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
        frameworks: whose weights to count; with several, each network is there once for each.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        dtype: of weights and outputs, for sizes in bytes.

    Raises:
        ArgumentError: there are fewer than two to compare, or an argument is not allowed.
        SpecError: a framework cannot express its network, or `timesteps` contradicts a spec.
    """
    candidates = [(Network.of(network), framework) for network in networks for framework in frameworks]
    if len(candidates) < 2:
        raise ArgumentError(
            "a comparison needs two networks", "give another SPEC, or --framework keras --framework torch for one"
        )
    summaries = tuple(network.summary(batch, timesteps, framework, dtype) for network, framework in candidates)
    rows: list[_RoledRow] = []
    for index, ((network, _), summary) in enumerate(zip(candidates, summaries, strict=True)):
        layers = [(_role(layer), row) for layer, row in zip(network.body, summary.layers, strict=True)]
        rows = _lined_up(rows, layers, index)
    return Comparison(summaries, tuple(row for _, row in rows))


_RoledRow = tuple[str, Row]
_RoledLayer = tuple[str, LayerSummary]


def _lined_up(rows: list[_RoledRow], layers: list[_RoledLayer], index: int) -> list[_RoledRow]:
    """Return rows of `index` networks with a further network's layers in them.

    They line up with the layers of the first network where that is possible, and with others between those.
    """
    of_first = [at for at, (_, row) in enumerate(rows) if row[0] is not None]
    pairs = _pairs([rows[at][0] for at in of_first], [role for role, _ in layers])
    anchors = [*((of_first[first], at) for first, at in pairs), (len(rows), len(layers))]
    result: list[_RoledRow] = []
    row_at = layer_at = 0
    for next_row, next_layer in anchors:
        result += _between(rows[row_at:next_row], layers[layer_at:next_layer], index)
        if next_row < len(rows):
            role, row = rows[next_row]
            result.append((role, (*row, layers[next_layer][1])))
        row_at, layer_at = next_row + 1, next_layer + 1
    return result


def _between(rows: list[_RoledRow], layers: list[_RoledLayer], index: int) -> list[_RoledRow]:
    pairs = dict(_pairs([role for role, _ in rows], [role for role, _ in layers]))
    nobody: Row = (None,) * index
    result: list[_RoledRow] = []
    done = 0
    for at, (role, row) in enumerate(rows):
        if at not in pairs:
            result.append((role, (*row, None)))
            continue
        result += [(other, (*nobody, layer)) for other, layer in layers[done : pairs[at]]]
        result.append((role, (*row, layers[pairs[at]][1])))
        done = pairs[at] + 1
    return result + [(role, (*nobody, layer)) for role, layer in layers[done:]]


def _pairs(first: list[str], second: list[str]) -> list[tuple[int, int]]:
    """Return the positions of roles that line up, in order."""
    same = 0
    while same < min(len(first), len(second)) and first[same] == second[same]:
        same += 1  # so that the matcher, which takes quadratic time, never sees what stacks have in common
    pairs = [(at, at) for at in range(same)]
    for one, other, size in SequenceMatcher(None, first[same:], second[same:], autojunk=False).get_matching_blocks():
        pairs += [(same + one + step, same + other + step) for step in range(size)]
    return pairs


def _role(layer: Layer) -> str:
    """Return what a layer is there for; layers of the same role line up."""
    return "recurrent" if layer.states else layer.kind


def _layer_dict(first: LayerSummary | None, layer: LayerSummary | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    difference, ratio = change(None if first is None else first.params, layer.params)
    return {
        "name": layer.name,
        "type": layer.type,
        "spec": layer.spec,
        "output_shape": layer.output_shape,
        "params": layer.params,
        "difference": difference,
        "ratio": ratio,
    }
