"""Several forms at once: which one counts is a matter of the axes of a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnncli.search.grids.forms import Form
from rnncli.search.grids.quadratic import Quadratic


class Mixture:
    """A form that differs along the axes of a box: its attributes are arrays, polynomials with arrays for coefficients.

    Args:
        forms: the forms.
        index: an array that says for each element which of them it is.
    """

    def __init__(self, forms: Sequence[Form], index: Any) -> None:
        self._forms = forms
        self._index = index

    def __getattr__(self, name: str) -> Any:
        values = _values(self._forms, name)
        if isinstance(values[0], tuple):
            gathered: Any = tuple(map(self._polynomial, zip(*values, strict=True)))
        else:
            gathered = self._polynomial(values) if isinstance(values[0], Quadratic) else self._array(values)
        setattr(self, name, gathered)  # so that it is gathered once
        return gathered

    def _polynomial(self, values: Sequence[Quadratic]) -> Quadratic:
        return Quadratic(tuple(map(self._array, zip(*(each.terms for each in values), strict=True))))

    def _array(self, values: Sequence[int]) -> Any:
        import numpy as np

        return values[0] if len(set(values)) == 1 else np.array(values)[self._index]


class Ceiling:
    """The most that any of several forms counts: its attributes are the largest of theirs, coefficient by coefficient.

    Args:
        forms: the forms.
    """

    def __init__(self, forms: Sequence[Form]) -> None:
        self._forms = forms

    def __getattr__(self, name: str) -> Any:
        values = _values(self._forms, name)
        if isinstance(values[0], tuple):
            largest: Any = tuple(map(_largest, zip(*values, strict=True)))
        else:
            largest = _largest(values) if isinstance(values[0], Quadratic) else max(values)
        setattr(self, name, largest)
        return largest


def _largest(values: Sequence[Quadratic]) -> Quadratic:
    return Quadratic(tuple(map(max, zip(*(each.terms for each in values), strict=True))))


def _values(forms: Sequence[Form], name: str) -> list[Any]:
    """Return an attribute of all forms; rows of polynomials are made equally long."""
    values = [getattr(form, name) for form in forms]
    if not isinstance(values[0], tuple):
        return values
    longest = max(map(len, values))
    return [(*each, *[Quadratic.of(0)] * (longest - len(each))) for each in values]
