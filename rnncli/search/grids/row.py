"""Networks that differ in one number of their last layers, x: their figures are curves along it."""

from __future__ import annotations

from typing import Any

from rnncli.language.source import MAX_BYTES
from rnncli.quantities import Shape
from rnncli.search.grids.candidate import FIGURES, Candidate, Found, Invalid
from rnncli.search.grids.curve import OPEN, Curve, Terms
from rnncli.search.grids.evaluation import State, one_by_one
from rnncli.search.grids.forms import INVALID, SEQUENCE, Form
from rnncli.summary import Setting

_FIGURES = one_by_one(FIGURES)

_FEW = 4
"""So many networks are evaluated one by one: it takes as long to make the curves."""


class Row:
    """The networks of which the last layers have any x.

    Args:
        before: the layers before the last ones; None at the head.
        form: the last layers.
        y: at the head their second number.
        setting: what the counts are for.
    """

    __slots__ = "_curves", "_evaluated", "_features", "_higher", "_start", "before", "form", "setting", "y"

    def __init__(self, before: State | None, form: Form, y: int, setting: Setting) -> None:
        self.before = before
        self.form = form
        self.y = y
        self.setting = setting
        self._evaluated = 0
        self._curves: list[Terms | None] = []
        self._higher: list[tuple[int, Curve]] = []
        """The figures of which the highest of several polynomials counts, by their places."""

    def found(self, x: int, text: str) -> Found:
        """Return the one with some x, which has a text."""
        if self.form.returns == INVALID or (4 * len(text) > MAX_BYTES and _too_long(text)):
            return Invalid(text)
        if self._curves:
            one, by_x, by_xx = self._features
            shape = (*self._start, one + x * (by_x + by_xx * x))
            figures = [None if terms is None else terms[0] + x * (terms[1] + terms[2] * x) for terms in self._curves]
            for place, curve in self._higher:
                figures[place] = curve.at(x)
            return Candidate._make((text, shape, *figures))
        self._evaluated += 1
        if self._evaluated == _FEW:
            self._make_curves()
        state = self._state(x)
        if state.rank == INVALID:
            return Invalid(text)
        shape = (*_start(state, self.setting), state.features)
        return Candidate._make((text, shape, *_figures(state, self.setting)))

    def _state(self, x: Any) -> State:
        return State(self.before, self.form, x, self.y, True, self.setting.timesteps or 0)

    def _make_curves(self) -> None:
        """Make the curves, if all that x decides are numbers that are only counted."""
        try:
            state = self._state(OPEN)
            figures = _figures(state, self.setting)
        except TypeError:
            return
        if state.rank == INVALID or isinstance(state.length, Curve):
            return
        self._start = _start(state, self.setting)
        (self._features,) = _parts(state.features)
        for place, figure in enumerate(figures):
            parts = [None] if figure is None else _parts(figure)
            self._curves.append(parts[0])
            if len(parts) > 1:
                self._higher.append((place, figure))


def _start(state: State, setting: Setting) -> Shape:
    """Return the shape of an output up to its features."""
    return (setting.batch, state.length or None) if state.rank == SEQUENCE else (setting.batch,)


def _figures(state: State, setting: Setting) -> list[Any]:
    return [number(state, setting) if known is None or known(state, setting) else None for number, known in _FIGURES]


def _parts(number: int | Curve) -> list[Terms]:
    return number.parts if isinstance(number, Curve) else [(number, 0, 0)]


def _too_long(text: str) -> bool:
    return len(text.encode("utf-8", "replace")) > MAX_BYTES
