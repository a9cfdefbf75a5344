"""What changes with the number of timesteps, the batch, the framework or the dtype, what does not, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rnncli.errors import listed
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import ratio_text
from rnncli.reports.comparison import Column, Comparison
from rnncli.summary import Setting, Summary

Value = int | str | None
"""A value of a setting; None is unknown."""


class _Words(NamedTuple):
    """How a setting is spoken of.

    Attributes:
        units: what its values count, one and several; empty where they are words.
        same: for some figures, why they stay the same where they do.
        changed: the figures whose change is told; what follows from them is not.
    """

    units: tuple[str, str]
    same: Mapping[str, str]
    changed: tuple[str, ...]


_SETTINGS: Mapping[str, _Words] = {
    "framework": _Words(
        ("", ""),
        {
            "total_params": "both count the same biases",
            "macs_per_step": "biases are added and not multiplied",
        },
        (),
    ),
    "dtype": _Words(
        ("", ""),
        {"total_params": "a dtype only says how many bytes a number takes"},
        ("total_bytes", "output_bytes"),
    ),
    "batch": _Words(
        ("sample", "samples"),
        {"total_params": "all samples share the weights"},
        ("macs", "output_bytes", "training_bytes"),
    ),
    "timesteps": _Words(
        ("timestep", "timesteps"),
        {
            "total_params": "every step uses the same weights",
            "output_bytes": "no layer returns a sequence of that length",
            "streaming_bytes": "a state is as large after many steps as after one",
        },
        ("macs", "output_bytes", "training_bytes"),
    ),
}
"""The settings, in the order in which a network's heading tells them."""

_FIGURES: Mapping[str, str] = {
    "total_params": "the parameters",
    "total_bytes": "their memory",
    "macs_per_step": "the MACs",
    "macs": "the MACs",
    "output_bytes": "the layer outputs",
    "streaming_bytes": "the memory of one step",
    "training_bytes": "the memory of training",
}
"""How the figures are spoken of."""


def varied(columns: Sequence[Column]) -> list[str]:
    """Return the names of what is not the same in all settings."""
    return [name for name in _SETTINGS if len({getattr(column.setting, name) for column in columns}) > 1]


def setting_text(setting: Setting, names: Sequence[str]) -> str:
    """Return some of what a network was counted for, in words: `PyTorch, 10 timesteps`."""
    return ", ".join(_in_words(getattr(setting, name), *_SETTINGS[name].units) for name in names)


def effects(comparison: Comparison) -> Iterator[str]:
    """Yield a sentence for each setting that is not the same in all columns: what changes with it, what not, and why.

    The first of its values and the last are compared, all else being equal, in every network.
    """
    for name in varied(comparison.columns):
        values = list(dict.fromkeys(getattr(column.setting, name) for column in comparison.columns))
        pairs = list(_pairs(comparison.columns, name, values[0], values[-1]))
        words = _SETTINGS[name]
        changes = {
            figure: _change([(getattr(one, figure), getattr(other, figure)) for one, other in pairs])
            for figure in _FIGURES
        }
        parts = [
            f"{_with_verb([_FIGURES[figure]], 'stay')} the same, for {why}"
            for figure, why in words.same.items()
            if changes[figure] == _SAME
        ]
        told = {figure: changes[figure] for figure in words.changed if changes[figure] not in (_SAME, None)}
        for change in dict.fromkeys(told.values()):
            figures = [_FIGURES[figure] for figure, each in told.items() if each == change]
            verb, *rest = str(change).split()
            parts.append(" ".join([_with_verb(figures, verb), *rest]))
        if parts:
            first, last = (_in_words(value, *words.units) for value in (values[0], values[-1]))
            first = f"{values[0]:,}" if isinstance(values[0], int) else first  # the last names the unit
            yield f"From {first} to {last}: {'; '.join(parts)}"


def _with_verb(figures: Sequence[str], verb: str) -> str:
    """Return figures and what they do: the MACs grow, the memory of training grows."""
    several = len(figures) > 1 or figures[0].endswith("s")
    return f"{listed(figures)} {verb}{'' if several else 's'}"


def _in_words(value: Value, one: str, several: str) -> str:
    """Return a value in words: 500 timesteps, PyTorch."""
    if isinstance(value, int):
        return f"{value:,} {one if value == 1 else several}"
    return f"unknown {several}" if value is None else FRAMEWORK_NAMES.get(value, value)  # type: ignore[call-overload]


_SAME = ""


def _pairs(columns: Sequence[Column], name: str, first: Value, last: Value) -> Iterator[tuple[Summary, Summary]]:
    """Yield each network with the first value of a setting and with the last, the other settings being equal."""
    summaries = {(column.network, column.setting): column.summary for column in columns}
    for column in columns:
        if getattr(column.setting, name) == first:
            there = column.setting._replace(**{name: last})  # type: ignore[arg-type]
            if (column.network, there) in summaries:  # sources of two frameworks may be two networks
                yield column.summary, summaries[column.network, there]


def _change(numbers: Sequence[tuple[int | None, int | None]]) -> str | None:
    """Return what becomes of a figure in all networks: `grow 50 ×`; None where that is not known."""
    known = [(one, other) for one, other in numbers if one is not None and other is not None and one]
    if not numbers or len(known) < len(numbers):
        return None
    if all(one == other for one, other in known):
        return _SAME
    ratios = sorted(other / one for one, other in known)
    least, most = map(ratio_text, (ratios[0], ratios[-1]))
    if ratios[-1] > 1:
        return f"grow {most} ×" if least == most else f"grow {'up' if least == '1' else least} to {most} ×"
    return f"shrink to {most} ×" if least == most else f"shrink to {least} to {most} ×"
