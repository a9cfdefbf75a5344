"""What layers come to with numbers or with symbols for their sizes: the figures of one network, or of many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head, Layer
from rnncli.layers.cost import Number, Totals
from rnncli.layers.sizes import NoPolynomialError
from rnncli.search.polynomial import most_of, value_at
from rnncli.summary import Setting, figure

LIMIT = 2**63
"""What no number of an array may reach."""


class Form:
    """Layers from the head on, and what they come to.

    Args:
        totals: what they come to; None where that is no polynomial in the symbols.
        count: how many layers they are, the head included.
        fixed: the timesteps that the head says, if it does.
        setting: what the counts are for; it says the framework.
    """

    __slots__ = ("_known", "_setting", "count", "fixed", "totals")

    def __init__(self, totals: Totals | None, count: Number, fixed: Number | None, setting: Setting) -> None:
        self.totals, self.count, self.fixed = totals, count, fixed
        self._setting = setting
        self._known: dict[str, tuple[Number, ...]] = {}

    @classmethod
    def of(cls, head: Head, setting: Setting) -> Self | None:
        """Return the form of the layer that takes the input; None where there is no such network."""
        shape = head.input_shape(setting.batch, setting.timesteps)
        if setting.timesteps is not None:
            shape = (shape[0], setting.timesteps, *shape[2:])
        totals: Totals | None = Totals.of(shape, setting.framework or "keras", setting.dtype)
        totals = totals.after(head) if head.shown and totals is not None else totals
        return None if totals is None else cls(totals, 1, head.fixed_timesteps, setting)

    def after(self, layer: Layer, times: Number) -> Form | None:
        """Return the form with a layer that stands there several times; None where there is no such network."""
        count = self.count + times
        try:
            totals = None if self.totals is None else self.totals.repeated(layer, times)
        except NoPolynomialError:
            return Form(None, count, self.fixed, self._setting)
        if (isinstance(count, int) and count > MAX_LAYERS) or (totals is None and self.totals is not None):
            return None
        return Form(totals, count, self.fixed, self._setting)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two of them have in common that are equal."""
        return (None if self.totals is None else self.totals.key, self.fixed, self.count)

    def parts(self, name: str) -> tuple[Number, ...]:
        """Return the sums of which a figure is the largest; none where it is not known."""
        if name not in self._known:
            assert self.totals is not None
            self._known[name] = figure(name, self.totals, self._setting.batch, self._setting.dtype)
        return self._known[name]

    def at(self, name: str, numbers: Sequence[Any] = ()) -> Any:
        """Return a figure for numbers or arrays in place of the symbols, None where it is not known."""
        values = [value_at(part, numbers) for part in self.parts(name)]
        if len(values) < 2:
            return values[0] if values else None
        if all(isinstance(value, int) for value in values):
            return max(values)
        import numpy as np

        return np.maximum.reduce([*np.broadcast_arrays(*values)])

    def shape(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Return the shape of the output for numbers or arrays, with None for a length that is not known."""
        assert self.totals is not None
        sizes: tuple[Any, ...] = self.totals.shape
        return tuple([value_at(size, numbers) for size in sizes])

    def fits(self, numbers: Sequence[Any]) -> Any:
        """Return whether there is such a network, for numbers or arrays: its sequence is as long as it must be."""
        assert self.totals is not None
        truth: Any = True
        if self.fixed is not None and self._setting.timesteps is not None:
            truth = value_at(self.fixed, numbers) == self._setting.timesteps
        for length in self.totals.lengths:
            truth = truth & (length.at(numbers) >= 1)
        return truth

    def holds(self, names: Iterable[str], numbers: Sequence[int]) -> bool:
        """Return whether 64 bits hold some figures, for numbers up to these."""
        assert self.totals is not None
        parts = [*self.totals.lengths, *(part for name in names for part in self.parts(name))]
        return all(most_of(part, numbers) < LIMIT for part in parts)
