"""Networks side by side, each with its difference from the first, as plain data.

For a setting that varies (timesteps, batch, framework, dtype): what changes with it, what does not, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, pairwise, product, takewhile
from typing import Any

from rnncli.errors import ArgumentError, listed, shorten
from rnncli.formats.networks import readings_of
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework
from rnncli.network import Network, NetworkLike, check_known, plain
from rnncli.network_summary import LayerSummary, Setting, Summary
from rnncli.quantities import Rate, plural, ratio_text
from rnncli.reports.reasons import Reason, reasons
from rnncli.results import Result


class Change(NamedTuple):
    """How a number differs from the first network's; None where either is unknown.

    Attributes:
        difference: the number minus the first network's.
        ratio: the number divided by the first network's; also None if that is zero.
    """

    difference: float | None
    ratio: float | None


SideBySide = tuple[LayerSummary | None, ...]
"""Layers with the same role, one per column; None where a column has no such layer."""


class Compared(NamedTuple):
    """A network, the setting it was counted for, and its summary."""

    network: Network
    setting: Setting
    summary: Summary


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Networks side by side, each in every setting.

    Attributes:
        columns: the networks in order, each in all its settings.
        layers: their layers, lined up.
    """

    columns: tuple[Compared, ...]
    layers: tuple[SideBySide, ...]

    @property
    def title(self) -> str:
        """The networks' specs."""
        return ", ".join(dict.fromkeys(summary.spec for summary in self.summaries))

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """The summary of each column."""
        return tuple(column.summary for column in self.columns)

    def change(self, index: int, figure: str) -> Change:
        """Return how a figure of a column differs from the first column's.

        Raises:
            ArgumentError: there is no such column or figure.
        """
        check_known("figure", figure, self.columns[0].summary.totals)
        return change(getattr(self.columns[0].summary, figure), getattr(self._column(index).summary, figure))

    def reasons(self, index: int) -> tuple[tuple[Reason, ...], ...]:
        """Return for each row why a column's layer has more or fewer parameters than the first column's.

        A row is empty where the reason is unknown; otherwise its reasons add up to the row's difference.

        Raises:
            ArgumentError: there is no such column.
        """
        self._column(index)
        return tuple(reasons(row[0], row[index]) for row in self.layers)

    def _column(self, index: int) -> Compared:
        if not isinstance(index, int) or not 0 <= index < len(self.columns):
            raise ArgumentError(f"index is {shorten(repr(index))}, expected 0 to {len(self.columns) - 1}")
        return self.columns[index]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the comparison as plain data: one object per column, as `--format json` prints it."""
        objects = []
        for index, summary in enumerate(self.summaries):
            changes = {figure: self.change(index, figure) for figure in summary.totals}
            batch, timesteps = summary.input_shape[:2]
            layers = [
                layer and layer.as_dict() | change(first and first.params, layer.params)._asdict()
                for first, layer in ((row[0], row[index]) for row in self.layers)
            ]
            objects.append(
                summary.as_dict()
                | {"batch": batch, "timesteps": timesteps}
                | {key: {figure: getattr(each, key) for figure, each in changes.items()} for key in Change._fields}
                | {"layers": layers, "reasons": [reason.as_dict() for some in self.reasons(index) for reason in some]}
            )
        return objects


def change(first: float | None, other: float | None) -> Change:
    """Return how a number differs from the first network's, with None for unknown."""
    if first is None or other is None:
        return Change(None, None)
    difference = other - first
    if isinstance(difference, float):
        difference = round(difference, 9)  # 29.7 - 14.4 is 15.299999999999999
    return Change(difference, other / first if first else None)


def compare(
    *networks: NetworkLike,
    batch: int | Sequence[int | None] | None = None,
    timesteps: int | Sequence[int | None] | None = None,
    framework: Framework | Sequence[Framework] | None = None,
    dtype: str | Sequence[str] | None = None,
    rate: Rate | float | str | None = None,
    set: Mapping[str, float | str] | None = None,
) -> Comparison:
    """Compare networks side by side.

    Each setting may be one value or several. With several, every network appears once in each combination of them;
    timesteps vary fastest, then batch, dtype and framework.

    Args:
        networks: the networks, or anything that `rnncli.Network.read` accepts.
        batch: samples per batch, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count; None for the framework of each network's source.
        dtype: of weights and outputs, for sizes in bytes; None for the model's own, or float32.
        rate: timesteps per second, for multiply-adds per second; None to leave those out.
        set: values for the names that Python source leaves undefined.

    Raises:
        ArgumentError: only one network in one setting was given, or an argument is not allowed.
        SpecError: a framework cannot express a network, or `timesteps` contradicts a spec.
    """
    columns: list[Compared] = []
    for reading in readings_of(networks, set):
        dtypes: Sequence[str] = [reading.dtype] if dtype is None else _several(dtype)
        settings = settings_of(_several(batch), _several(timesteps), _several(framework), dtypes)
        columns += columns_of(reading.network, settings, rate)
    return compared(columns)


def compared(columns: Sequence[Compared]) -> Comparison:
    """Return a comparison of networks that are already counted; fewer than two columns raise an ArgumentError."""
    if len(columns) < 2:
        raise ArgumentError(
            "a comparison needs two networks",
            "give another network, or several values: timesteps=[10, 500], framework=['keras', 'torch']",
        )
    rows: list[_Row] = []
    for index, column in enumerate(columns):
        _add_network(rows, index, column.summary.layers)
    return Comparison(tuple(columns), tuple(tuple(map(row.get, range(len(columns)))) for _, row in rows))


def settings_of(
    batch: Sequence[int | None],
    timesteps: Sequence[int | None],
    framework: Sequence[Framework | None],
    dtype: Sequence[str],
) -> tuple[Setting, ...]:
    """Return all combinations of the values: timesteps vary fastest, then batch, dtype and framework.

    Where the framework is None, each network is counted in the framework of its source.
    """
    every = product(framework, dtype, batch, timesteps)
    return tuple(Setting(samples, length, whose, numbers) for whose, numbers, samples, length in every)


def columns_of(network: Network, settings: Sequence[Setting], rate: Rate | float | str | None = None) -> list[Compared]:
    """Return one column per setting for a network, at `rate` timesteps per second.

    Raises:
        SpecError: a framework cannot express the network, or a setting's timesteps contradict its spec.
    """
    network.check_timesteps(*(setting.timesteps for setting in settings))
    each = [one._replace(framework=network.framework) if one.framework is None else one for one in settings]
    return [Compared(network, setting, network.summary(*setting, rate=rate)) for setting in each]


def _several(values: Any) -> Sequence[Any]:
    return [plain(value) for value in values] if isinstance(values, list | tuple) else [plain(values)]


_Row = tuple[str, dict[int, LayerSummary]]
"""A role, and the layers with that role by the index of their network: an LSTM has the role of a GRU."""


def _add_network(rows: list[_Row], index: int, layers: Sequence[LayerSummary]) -> None:
    """Add the layers of one more network to the rows.

    A layer that lines up with no row gets a new one, just above the row of the next layer that does.
    """
    new = [("recurrent" if row.layer.states else row.layer.kind, {index: row}) for row in layers]
    pairs = _line_up(rows, new)
    starts = [0, *(at + 1 for _, at in pairs)]
    rows += new[starts[-1] :]
    for (row, at), start in reversed([*zip(pairs, starts, strict=False)]):
        rows[row][1].update(new[at][1])
        rows[row:row] = new[start:at]


def _line_up(rows: Sequence[_Row], new: Sequence[_Row]) -> list[tuple[int, int]]:
    """Return the places of rows that line up, both ascending.

    New ones line up with the first network's where possible, and in between with the other networks'.
    """
    above, below = ([*enumerate(role for role, _ in some)] for some in (rows, new))
    anchors = _with_equal_roles([above[place] for place, (_, row) in enumerate(rows) if 0 in row], below)
    ends = pairwise([(-1, -1), *anchors, (len(rows), len(new))])
    between = (
        _with_equal_roles(above[start + 1 : end], below[lower_start + 1 : lower_end])
        for (start, lower_start), (end, lower_end) in ends
    )
    return sorted(chain(anchors, *between))


def _with_equal_roles(above: Sequence[tuple[int, str]], below: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """Return the pairs of places with the same role, both ascending."""
    # The matcher takes quadratic time, so skip the common start of deep stacks.
    same = len([*takewhile(lambda pair: pair[0][1] == pair[1][1], zip(above, below, strict=False))])
    one, other = ([role for _, role in some[same:]] for some in (above, below))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    runs = [(0, 0, same), *((same + start, same + lower, size) for start, lower, size in blocks)]
    return [(above[start + step][0], below[lower + step][0]) for start, lower, size in runs for step in range(size)]


_SETTINGS: Mapping[str, tuple[str, Mapping[str, str], tuple[str, ...]]] = {
    "framework": (
        "",
        {"total_params": "both count the same biases", "macs_per_step": "both multiply by the same matrices"},
        (),
    ),
    "dtype": ("", {"total_params": "a dtype only sets how many bytes a number takes"}, ("total_bytes", "output_bytes")),
    "batch": ("sample", {"total_params": "all samples share the weights"}, ("macs", "output_bytes", "training_bytes")),
    "timesteps": (
        "timestep",
        {
            "total_params": "every step uses the same weights",
            "output_bytes": "no layer returns a sequence of that length",
            "streaming_bytes": "a state is as large after many steps as after one",
        },
        ("macs", "output_bytes", "training_bytes"),
    ),
}
"""The settings, in the order in which a network's heading lists them.

For each: the unit of its values (empty for words); why a figure stays the same, for those that may; and the figures
whose change is reported (others follow from these).
"""

_FIGURES: Mapping[str, str] = {
    "total_params": "the parameters",
    "total_bytes": "their memory",
    "macs_per_step": "the MACs",
    "macs": "the MACs",
    "output_bytes": "the layer outputs",
    "streaming_bytes": "the streaming memory",
    "training_bytes": "the training memory",
}
"""The figures' names in a sentence."""


def varied(columns: Sequence[Compared]) -> list[str]:
    """Return the names of the settings that differ between columns."""
    return [name for name in _SETTINGS if len({getattr(column.setting, name) for column in columns}) > 1]


def setting_text(setting: Setting, names: Sequence[str]) -> str:
    """Return some values of a setting in words: `PyTorch, 10 timesteps`."""
    return ", ".join(_in_words(getattr(setting, name), _SETTINGS[name][0]) for name in names)


def effects(comparison: Comparison) -> Iterator[str]:
    """Yield a sentence for each setting that varies: what changes with it, what does not, and why.

    It compares the first and the last value in every network, all else being equal.
    """
    summaries = {(column.network, column.setting): column.summary for column in comparison.columns}
    for name in varied(comparison.columns):
        values = list(dict.fromkeys(getattr(column.setting, name) for column in comparison.columns))
        pairs = [
            (column.summary, there)
            for column in comparison.columns
            if getattr(column.setting, name) == values[0]
            # A source of another framework may be another network.
            and (there := summaries.get((column.network, column.setting._replace(**{name: values[-1]}))))
        ]
        unit, same, changed = _SETTINGS[name]
        changes = {figure: _change(figure, pairs) for figure in _FIGURES}
        kept = [figure for figure in same if changes[figure] == _SAME]
        parts = [f"{_with_verb([_FIGURES[figure]], *_SAME)} because {same[figure]}" for figure in kept]
        reported: dict[tuple[str, str], list[str]] = {}
        for figure in changed:
            if (change := changes[figure]) not in (_SAME, None):
                reported.setdefault(change, []).append(_FIGURES[figure])
        parts += [_with_verb(figures, *change) for change, figures in reported.items()]
        if parts:
            first = f"{values[0]:,}" if isinstance(values[0], int) else _in_words(values[0], unit)
            yield f"From {first} to {_in_words(values[-1], unit)}: {'; '.join(parts)}"


_SAME = ("stay", "the same")


def _with_verb(figures: Sequence[str], verb: str, how: str) -> str:
    """Return figures with their verb: `the MACs grow 50 ×`, `the training memory grows 50 ×`."""
    several = len(figures) > 1 or figures[0].endswith("s")
    return f"{listed(figures)} {verb}{'' if several else 's'} {how}"


def _in_words(value: int | str | None, unit: str) -> str:
    """Return a value in words: `500 timesteps`, `PyTorch`."""
    if isinstance(value, int):
        return plural(value, unit)
    return f"unknown {unit}s" if value is None else FRAMEWORK_NAMES.get(value, value)  # type: ignore[call-overload]  # or a size


def _change(figure: str, pairs: Sequence[tuple[Summary, Summary]]) -> tuple[str, str] | None:
    """Return how a figure changes in all networks, as `grow` and `50 ×`; None if that is unknown."""
    changes = [change(getattr(one, figure), getattr(other, figure)) for one, other in pairs]
    ratios = sorted(each.ratio for each in changes if each.ratio is not None)
    if not ratios or len(ratios) < len(changes):
        return None
    if not any(each.difference for each in changes):
        return _SAME
    least, most = map(ratio_text, (ratios[0], ratios[-1]))
    if ratios[0] < 1 < ratios[-1]:
        return "change", f"by a factor of {least} to {most}"
    if ratios[-1] > 1:
        return "grow", f"{most} ×" if least == most else f"{'up' if least == '1' else least} to {most} ×"
    return "shrink", f"to {most} ×" if least == most else f"to {least} to {most} ×"
