"""What the layers of a network come to, one after the other: the same code for one network and for a box of a grid.

Every number here is a Python integer, or an array of them over the axes of a box. Arrays are added and multiplied, and
NumPy sees to it that what depends on two axes is counted once for each pair of their indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rnncli.language.spec import MAX_LAYERS
from rnncli.search.grids.curve import Curve
from rnncli.search.grids.forms import INVALID, SEQUENCE, Form
from rnncli.summary import DTYPE_BYTES, UNTRAINED, Setting, training_numbers

Number = Any
"""An integer or an array of them."""

Truth = Any
"""A bool or an array of them."""


def either(condition: Truth, yes: Number, no: Number) -> Number:
    """Return one number or the other, for each element of a condition."""
    if isinstance(condition, bool):
        return yes if condition else no
    import numpy as np

    return np.where(condition, yes, no)


def larger(a: Number, b: Number) -> Number:
    """Return the larger number, element by element."""
    if type(a) is type(b) is int:
        return a if a > b else b
    if isinstance(a, Curve):
        return a.or_more(b)
    if isinstance(b, Curve):
        return b.or_more(a)
    import numpy as np

    return np.maximum(a, b)


_OVER_TIME = {name: (f"fixed_{name}", f"sequence_{name}") for name in ("macs", "outputs", "kept")}


class Layers:
    """Some layers of a network, from its head on, and the sums of what they count. A sum is made when it is asked for.

    Attributes:
        before: the layers before the last ones; None at the head.
        form: the last layers.
        x: their first number.
        y: how many features they read; at the head their second number.
        reads: how many vectors of a sample they read; 0 where that is unknown.
        again: whether training keeps these, and has not counted them yet.
        timesteps: how many timesteps the input has; 0 where that is unknown.
        length: how many vectors of a sample they return; 0 where that is unknown.
        features: how many features they return.
        held: whether training has counted what they return.
        shown: how many layers a summary shows.
        has_weights: whether one of them has weights.
    """

    __slots__ = (
        "_sums",
        "again",
        "before",
        "features",
        "form",
        "has_weights",
        "held",
        "length",
        "reads",
        "shown",
        "timesteps",
        "x",
        "y",
    )

    before: Any
    form: Form
    x: Number
    y: Number
    reads: Number
    again: Truth
    timesteps: Number
    length: Number
    features: Number
    held: Truth
    shown: Number
    has_weights: Truth
    _sums: dict[str, Number]

    def total(self, name: str) -> Number:
        """Return the sum of what all layers count of something; of what they work with, the most."""
        sums = self._sums
        if name in sums:
            return sums[name]
        before = self.before
        if before is not None and name not in before._sums:
            before._add_up(name)
        sums[name] = total = self._after(0 if before is None else before._sums[name], name)
        return total

    def _add_up(self, name: str) -> None:
        """Make a sum for all layers that have none yet; there may be more of them than Python allows recursions."""
        layers: Layers | None = self
        unknown = []
        while layers is not None and name not in layers._sums:
            unknown.append(layers)
            layers = layers.before
        for layers in reversed(unknown):
            layers._sums[name] = layers._after(0 if layers.before is None else layers.before._sums[name], name)

    def _after(self, total: Number, name: str) -> Number:
        """Return what a sum is with the last layers, that was `total` before them."""
        form, x, y = self.form, self.x, self.y
        if name == "working":
            for each in form.working:
                total = larger(total, each.at(x, y))
            return total
        if name not in _OVER_TIME:
            return total + getattr(form, name).at(x, y)
        fixed, in_time = _OVER_TIME[name]
        total = total + getattr(form, fixed).at(x, y) + self.reads * getattr(form, in_time).at(x, y)
        return total + self.again * self.reads * y if name == "kept" else total


class State(Layers):
    """Layers, and whether they make a network.

    Args:
        before: the layers before the last ones; None at the head.
        form: the last layers.
        x: their first number.
        y: at the head their second number.
        allowed: whether a spec can have these numbers.
        timesteps: the length of the sequence; 0 for unknown.

    Attributes:
        rank: the rank of what they return; INVALID or NOTHING where they make no network.
        layers: how many there are.
        macs_known: whether the multiply-adds are known: each layer that multiplies reads a known number of vectors.
        outputs_known: whether the sizes of all outputs are known.
        streams: whether all layers can return something before the end of the sequence.
    """

    __slots__ = "layers", "macs_known", "outputs_known", "rank", "streams"

    rank: Number
    layers: Number
    macs_known: Truth
    outputs_known: Truth
    streams: Truth

    def __init__(self, before: State | None, form: Form, x: Number, y: Number, allowed: Truth, timesteps: int) -> None:
        self._sums = {}
        self.before, self.form, self.x, self.y = before, form, x, y
        layers, shown, held = form.layers, form.shown, form.keeps_output
        known: tuple[Truth, Truth, Truth] = (True, True, True)
        if before is None:
            self.timesteps = form.timesteps.at(x, y)
            if timesteps:
                allowed = allowed & ((self.timesteps == 0) | (self.timesteps == timesteps))
                self.timesteps = timesteps
            self.reads, self.again = self.timesteps, False
        else:
            self.timesteps, self.reads, self.y = before.timesteps, before.length, before.features
            self.again = form.needs_input & inverse(before.held)
            layers, shown = before.layers + layers, before.shown + shown
            known = before.macs_known, before.outputs_known, before.streams
        timed = self.reads > 0
        self.has_weights = form.has_weights if before is None else form.has_weights | before.has_weights
        self.layers, self.shown, self.held = layers, shown, held
        self.macs_known = known[0] & (timed | inverse(form.reads_time))
        self.outputs_known = known[1] & (timed | inverse(form.returns_time))
        self.streams = known[2] & inverse(form.needs_whole)
        self.rank = either(allowed & (layers <= MAX_LAYERS), form.returns, INVALID)
        self.features = form.features.at(x, self.y)
        made = self.reads if form.makes_time is False else either(form.makes_time, form.steps.at(x, self.y), self.reads)
        self.length = either(form.returns == SEQUENCE, made, 1)


class Most(Layers):
    """An upper limit, as plain integers, for all that is in a box.

    Args:
        before: that of the layers before; None at the head.
        form: the most that the last layers count.
        x: the largest first number.
        y: at the head, the largest second number.
        timesteps: the length of the sequence; 0 for unknown.
    """

    __slots__ = ()

    def __init__(self, before: Layers | None, form: Form, x: int, y: int, timesteps: int) -> None:
        self._sums = {}
        self.before, self.form, self.x = before, form, x
        self.again, self.held, self.shown, self.has_weights = form.needs_input, False, 1, True
        if before is None:
            self.y, self.timesteps = y, max(timesteps, form.timesteps.at(x, y))
            self.reads = self.timesteps
        else:
            self.y, self.timesteps = before.features, before.timesteps
            self.reads = max(before.length, before.timesteps, 1)
        self.features = form.features.at(x, self.y)
        self.length = max(form.steps.at(x, self.y), self.reads, 1)


def inverse(truth: Truth) -> Truth:
    """Return what is true where something is not."""
    return not truth if isinstance(truth, bool) else ~truth


def _training(layers: Layers, setting: Setting) -> Number:
    # The loss reads what the last layer returns; where there are no weights there is nothing to train.
    last = inverse(layers.held) & (layers.shown > 0)
    kept = (layers.total("kept") + last * layers.length * layers.features) * layers.has_weights
    return training_numbers(layers.total("params"), layers.total("trained"), (setting.batch or 1) * kept)


_FIGURES: dict[str, Callable[[Layers, Setting], Number]] = {
    "total_params": lambda layers, setting: layers.total("params"),
    "total_bytes": lambda layers, setting: layers.total("params") * DTYPE_BYTES[setting.dtype],
    "macs_per_step": lambda layers, setting: layers.total("macs_per_step"),
    "macs": lambda layers, setting: layers.total("macs") * (setting.batch or 1),
    "output_bytes": lambda layers, setting: (
        layers.total("outputs") * ((setting.batch or 1) * DTYPE_BYTES[setting.dtype])
    ),
    "streaming_bytes": lambda layers, setting: (
        (layers.total("carried") + layers.total("working")) * DTYPE_BYTES[setting.dtype]
    ),
    "training_bytes": lambda layers, setting: _training(layers, setting) * DTYPE_BYTES[setting.dtype],
    "output_features": lambda layers, setting: layers.features,
}
"""What a whole network owns and costs, by the name of the attribute of a candidate."""

_KNOWN: dict[str, Callable[[State, Setting], Truth]] = {
    "macs": lambda state, setting: state.macs_known,
    "output_bytes": lambda state, setting: state.outputs_known,
    "streaming_bytes": lambda state, setting: state.streams,
    "training_bytes": lambda state, setting: (state.timesteps > 0) & (setting.dtype not in UNTRAINED),
}
"""Where a figure can be unknown, whether it is known."""


def one_by_one(names: Iterable[str]) -> list[tuple[Callable[..., int], Callable[..., bool] | None]]:
    """Return for some figures what returns each of one network, and whether it is known if it can be unknown."""
    return [(_FIGURES[name], _KNOWN.get(name)) for name in names]


def figure(layers: Layers, name: str, setting: Setting) -> Number:
    """Return what a network owns or costs, one of `FIGURES`; it says nothing where the figure is not known."""
    return _FIGURES[name](layers, setting)


def is_known(state: State, name: str, setting: Setting) -> Truth:
    """Return whether a figure is known."""
    known = _KNOWN.get(name)
    return known is None or known(state, setting)
