"""The figures of many networks at once: polynomials in the numbers in which these networks differ.

Layers with a `Polynomial` for a size come to what layers always come to, in polynomials: the sizes of the weights that
they declare are added and multiplied, and nothing else. So there is no second formula, and one `Form` gives the figures
for all numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head, Layer
from rnncli.layers.cost import Number, Totals
from rnncli.layers.sizes import NoPolynomialError, Unknown
from rnncli.search.budget import LACKING
from rnncli.summary import Setting, figure

Term = tuple[tuple[int, ...], int]
"""The power of each number, and the coefficient."""


@dataclass(frozen=True, slots=True)
class Polynomial(Unknown):
    """A polynomial in some numbers, with whole coefficients.

    Attributes:
        unknowns: how many numbers there are.
        terms: its terms, in order, those that are zero left out.
    """

    unknowns: int
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, value: int | Polynomial, unknowns: int) -> Polynomial:
        """Return a number as a constant polynomial in so many unknowns, and a polynomial as it is."""
        if isinstance(value, Polynomial):
            return value
        return cls(unknowns, (((0,) * unknowns, value),) if value else ())

    @classmethod
    def unknown(cls, place: int, unknowns: int) -> Polynomial:
        """Return one of so many unknowns."""
        return cls(unknowns, ((tuple(int(each == place) for each in range(unknowns)), 1),))

    def at(self, numbers: Sequence[Any]) -> Any:
        """Return its value, for numbers or for arrays of numbers that broadcast: what depends on few comes first."""
        total: Any = None
        for terms in _grouped(self.terms):
            part: Any = None
            for coefficient, places in terms:
                value: Any = coefficient
                for place in places:
                    value = value * numbers[place]
                part = value if part is None else part + value
            total = part if total is None else total + part
        return 0 if total is None else total

    def size_at(self, numbers: Sequence[int]) -> int:
        """Return what none of the sums that make up its value exceeds."""
        size: int = Polynomial(self.unknowns, tuple((powers, abs(each)) for powers, each in self.terms)).at(numbers)
        return size

    def has(self, place: int) -> bool:
        """Whether it depends on the unknown at a place."""
        return any(powers[place] for powers, _ in self.terms)

    def in_unknown(self, place: int) -> list[Polynomial]:
        """Return it as a polynomial in one of its unknowns: the coefficients of the powers from 0 up."""
        found: list[list[Term]] = [[] for _ in range(1 + max((powers[place] for powers, _ in self.terms), default=0))]
        for powers, coefficient in self.terms:
            rest = (*powers[:place], 0, *powers[place + 1 :])
            found[powers[place]].append((rest, coefficient))
        return [Polynomial(self.unknowns, tuple(terms)) for terms in found]

    def __str__(self) -> str:
        return "_"

    def __bool__(self) -> bool:
        """Whether it is anything but 0 whatever its numbers are."""
        return bool(self.terms)

    @property
    def grows(self) -> bool:
        """Whether it grows with each of its numbers, or stays as it is."""
        return all(coefficient > 0 for _, coefficient in self.terms)

    def _no_polynomial(self, other: object) -> Any:
        del other
        raise NoPolynomialError(f"what is computed of {self.terms} is no polynomial")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __divmod__ = _no_polynomial
    __lt__ = __le__ = __gt__ = __ge__ = _no_polynomial

    def __add__(self, other: int | Polynomial) -> Polynomial:
        if isinstance(other, int) and not other:
            return self
        sums = dict(self.terms)
        for powers, coefficient in Polynomial.of(other, self.unknowns).terms:
            sums[powers] = sums.get(powers, 0) + coefficient
        return self._with(sums)

    __radd__ = __add__

    def __sub__(self, other: int | Polynomial) -> Polynomial:
        return self + -1 * other

    def __rsub__(self, other: int) -> Polynomial:
        return self * -1 + other

    def __mul__(self, other: int | Polynomial) -> Polynomial:
        if isinstance(other, int):
            terms = tuple([(powers, coefficient * other) for powers, coefficient in self.terms]) if other else ()
            return Polynomial(self.unknowns, terms)
        sums: dict[tuple[int, ...], int] = {}
        for powers, coefficient in self.terms:
            for others, factor in other.terms:
                joint = tuple(map(sum, zip(powers, others, strict=True)))
                sums[joint] = sums.get(joint, 0) + coefficient * factor
        return self._with(sums)

    __rmul__ = __mul__

    def _with(self, sums: dict[tuple[int, ...], int]) -> Polynomial:
        return Polynomial(self.unknowns, tuple(sorted([(powers, each) for powers, each in sums.items() if each])))


@lru_cache(2**14)
def _grouped(terms: tuple[Term, ...]) -> list[list[tuple[int, list[int]]]]:
    """Return terms as coefficients and the places of their factors, those of few unknowns first."""
    groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for powers, coefficient in terms:
        places = [place for place, power in enumerate(powers) for _ in range(power)]
        groups.setdefault(tuple(dict.fromkeys(places)), []).append((coefficient, places))
    return [groups[unknowns] for unknowns in sorted(groups, key=lambda unknowns: (len(unknowns), unknowns))]


def value_at(value: int | Polynomial, numbers: Sequence[Any]) -> Any:
    """Return what a number or a polynomial is, for numbers or for arrays that broadcast."""
    return value.at(numbers) if isinstance(value, Polynomial) else value


@dataclass(eq=False, slots=True)
class Form:
    """Layers from the head on, and what they come to.

    Attributes:
        totals: what they come to; None where that is no polynomial in the symbols.
        count: how many layers they are, the head included.
        fixed: the timesteps that the head says, if it does.
        setting: what the counts are for; it says the framework.
    """

    totals: Totals | None
    count: Number
    fixed: Number | None
    setting: Setting
    _known: dict[str, tuple[Number, ...]] = field(default_factory=dict)

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
        if isinstance(count, int) and count > MAX_LAYERS:
            return None
        try:
            totals = None if self.totals is None else self.totals.repeated(layer, times)
        except NoPolynomialError:
            return Form(None, count, self.fixed, self.setting)
        if totals is None and self.totals is not None:
            return None
        return Form(totals, count, self.fixed, self.setting)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two of them have in common that are equal."""
        return (None if self.totals is None else self.totals.key, self.fixed, self.count)

    def parts(self, name: str) -> tuple[Number, ...]:
        """Return the sums of which a figure is the largest; none where it is not known."""
        if name not in self._known:
            assert self.totals is not None
            self._known[name] = figure(name, self.totals, self.setting.batch, self.setting.dtype)
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
        if self.fixed is not None and self.setting.timesteps is not None:
            truth = value_at(self.fixed, numbers) == self.setting.timesteps
        for length in self.totals.lengths:
            truth = truth & (length.at(numbers) >= 1)
        return truth

    def holds(self, names: Iterable[str], numbers: Sequence[int]) -> bool:
        """Return whether 64 bits hold some figures, for numbers up to these."""
        assert self.totals is not None
        parts = [*self.totals.lengths, *(part for name in names for part in self.parts(name))]
        return all(Polynomial.of(part, len(numbers)).size_at(numbers) < LACKING for part in parts)
