"""The figures of a template's network as polynomials in the numbers for its blanks, and how far each number can go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

from rnncli.errors import SpecError
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers.sizes import Blank
from rnncli.layers.working_memory import held
from rnncli.quantities import MAX_SIZE
from rnncli.search.blanks.polynomial import Polynomial
from rnncli.search.blanks.problem import Problem
from rnncli.search.budget import Figure
from rnncli.summary import Summary


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

    Raises:
        SpecError: there is no such network, when it is asked for.
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
    def _summaries(self) -> dict[tuple[Blank, ...], Summary]:
        """The network with the layers of some blanks repeated twice as often as at least."""
        problem = self.problem
        summaries = {}
        for twice in (each for count in range(len(self.repeated) + 1) for each in combinations(self.repeated, count)):
            times = problem.smallest | dict.fromkeys(twice, 2 * problem.multiple_of)
            network = problem.template.symbolic(self._numbers, times)
            summaries[twice] = network.summary(problem.batch, problem.timesteps, problem.framework, problem.dtype)
        return summaries

    def sum(self, value: Callable[[Summary], Any]) -> Polynomial:
        """Return a figure that is a sum over the layers.

        Args:
            value: returns it of a summary.
        """

        def at(left: Sequence[Blank], twice: tuple[Blank, ...]) -> Polynomial:
            if not left:
                return Polynomial.of(value(self._summaries[twice]), len(self.free))
            blank, *others = left
            once = at(others, twice)
            more = at(others, (*twice, blank)) - once
            return once + Polynomial.unknown(self.free.index(blank), len(self.free)) * more

        return at(self.repeated, ())

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What is limited."""
        return tuple(Limit(self._parts(figure), most) for figure, most in self.problem.budget.limits.items())

    @cached_property
    def bounding(self) -> tuple[Limit, ...]:
        """All limits, that for the number of layers too."""
        return (*self.limits, Limit((self._layers,), MAX_LAYERS))

    def _parts(self, figure: Figure) -> tuple[Polynomial, ...]:
        """Return polynomials of which the largest is a figure."""
        if figure.key != "streaming_bytes":
            return (self.sum(lambda summary: getattr(summary, figure.key)),)
        summary = self._summaries[self.repeated]
        carried = self.sum(lambda each: each.bytes_of(held(each.passages)[0]))
        steps = {step.numbers for step in held(summary.passages)[1]} or {0}
        return tuple(carried + summary.bytes_of(numbers) for numbers in steps)

    @property
    def _layers(self) -> Polynomial:
        """How many layers there are after repeats."""
        written = self.problem.template.written
        times = [self._numbers[each.times] if isinstance(each.times, Blank) else each.times for each in written]
        return Polynomial.of(sum(times), len(self.free))


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
    try:
        return _last(Symbols(problem, (blank,), (blank,)), 0) + 1
    except SpecError:
        return 1  # it returns no sequence, so that it cannot follow itself


def _last(symbols: Symbols, axis: int) -> int:
    """Return the largest symbol that fits, all others being 1."""
    limits = [
        ([part.at([1] * len(symbols.free)) for part in polynomial.in_unknown(axis)], limit.most)
        for limit in symbols.bounding
        for polynomial in limit.polynomials
    ]

    def fits(number: int) -> bool:
        return all(sum(part * number**power for power, part in enumerate(parts)) <= most for parts, most in limits)

    low, high = 0, MAX_SIZE // symbols.problem.multiple_of - symbols.shifts[axis]
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
