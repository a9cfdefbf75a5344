"""The figures of a template's network as polynomials in the numbers for its blanks, and how far each number can go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head
from rnncli.layers.cost import Totals
from rnncli.layers.sizes import Blank
from rnncli.quantities import MAX_SIZE
from rnncli.search.blanks.problem import Problem
from rnncli.search.blanks.scan import largest
from rnncli.search.polynomial import Polynomial
from rnncli.summary import figure


class Limit(NamedTuple):
    """A limit for a figure that is the largest of some polynomials."""

    polynomials: tuple[Polynomial, ...]
    most: int


@dataclass(frozen=True)
class Symbols:
    """A network with symbols for some of its blanks: how many times the smallest number each is.

    A blank that says how often a layer is repeated is a symbol only for more than that: of the layers behind the first,
    each costs the same. Its symbol is one less.

    Attributes:
        problem: what is asked.
        free: the blanks with a symbol; all others have the smallest number.
        repeated: those of them that say how often layers are repeated.
    """

    problem: Problem
    free: tuple[Blank, ...]
    repeated: tuple[Blank, ...]

    @property
    def shifts(self) -> list[int]:
        """How much is added to each symbol."""
        return [int(blank in self.repeated) for blank in self.free]

    @cached_property
    def _numbers(self) -> dict[Blank, Any]:
        """A number or a polynomial for each blank."""
        multiple = self.problem.multiple_of
        numbers: dict[Blank, Any] = dict(self.problem.smallest)
        for place, (blank, shift) in enumerate(zip(self.free, self.shifts, strict=True)):
            numbers[blank] = Polynomial.unknown(place, len(self.free), multiple) + shift * multiple
        return numbers

    @cached_property
    def totals(self) -> Totals | None:
        """What the layers come to; None where there is no such network.

        Raises:
            NoPolynomialError: that is no polynomial.
        """
        problem = self.problem
        totals: Totals | None = None
        for each in problem.template.filled(self._numbers):
            layer = each.layer
            if totals is None:
                shape = cast(Head, layer).input_shape(problem.batch, problem.timesteps)
                totals = Totals(shape, shape[1], problem.framework)
                totals = totals.after(layer) if layer.shown else totals
            else:
                totals = totals.repeated(layer, each.times)
            if totals is None:
                return None
        return totals

    def _figure(self, name: str) -> tuple[Polynomial, ...]:
        assert self.totals is not None  # nobody asks where there is no network
        parts = figure(name, self.totals, self.problem.batch, self.problem.dtype)
        return tuple(Polynomial.of(part, len(self.free)) for part in parts)

    @cached_property
    def params(self) -> Polynomial:
        """The parameters."""
        (params,) = self._figure("total_params")
        return params

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What is limited."""
        return tuple(Limit(self._figure(limited.key), most) for limited, most in self.problem.budget.limits.items())

    @cached_property
    def bounding(self) -> tuple[Limit, ...]:
        """All limits, that for the number of layers too."""
        times: list[Any] = [each.times for each in self.problem.template.filled(self._numbers)]
        return (*self.limits, Limit((Polynomial.of(sum(times), len(self.free)),), MAX_LAYERS))

    @property
    def grows(self) -> bool:
        """Whether whatever is limited grows with each number, or stays as it is, and every number is allowed."""
        if self.totals is None or self.totals.lengths:
            return self.totals is None
        return all(each.grows for limit in self.bounding for each in (self.params, *limit.polynomials))


def bounds_of(problem: Problem) -> dict[Blank, int]:
    """Return for each blank how many times the smallest number fits, all others being smallest; they must fit.

    Whatever a network costs grows with each of its numbers, so the largest is found by bisection.
    """
    blanks, counts = problem.template.blanks, problem.template.counts
    sizes = tuple(blank for blank in blanks if blank not in counts)
    symbols = Symbols(problem, sizes, ())
    return {
        blank: _repeats(problem, blank) if blank in counts else _last(symbols, sizes.index(blank)) for blank in blanks
    }


def _repeats(problem: Problem, blank: Blank) -> int:
    """Return the same for a blank that says how often a layer is repeated."""
    symbols = Symbols(problem, (blank,), (blank,))
    # A layer that returns no sequence cannot follow itself.
    return 1 if symbols.totals is None else _last(symbols, 0) + 1


def _last(symbols: Symbols, axis: int) -> int:
    """Return the largest symbol that fits, all others being 1."""
    limits = [
        ([part.at([1] * len(symbols.free)) for part in polynomial.in_unknown(axis)], limit.most)
        for limit in symbols.bounding
        for polynomial in limit.polynomials
    ]

    def fits(number: int) -> bool:
        return all(sum(part * number**power for power, part in enumerate(parts)) <= most for parts, most in limits)

    return largest(fits, MAX_SIZE // symbols.problem.multiple_of - symbols.shifts[axis])
