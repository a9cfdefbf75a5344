"""The best numbers for several blanks of a template: the most parameters within the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import product

from rnncli.errors import RnncliError, listed
from rnncli.layers.sizes import Blank
from rnncli.search.blanks.problem import Found, Point, Problem
from rnncli.search.blanks.symbols import Symbols, bounds_of
from rnncli.search.blanks.trials import Trials

Watch = Callable[[int], AbstractContextManager[Callable[[float], object]]]
"""Given how much work there is, returns a block that is called with how much of it has been done."""

MOST = 10**9
"""The most points that are tried: the work of some minutes."""

MOST_EXACT = 10**6
"""The same where a figure may not fit in 64 bits, so that Python's own integers are computed with."""

MOST_REPEATS = 6
"""The most blanks that say how often a layer is repeated: each makes twice as many cases."""

_MOST_FACTORS = 16
"""How many larger multiples are looked at for one that leaves few enough points."""


def assign(problem: Problem, exactly: bool, watch: Watch) -> Found:
    """Return the numbers for all blanks of a template with which the network has the most parameters.

    Args:
        problem: the template and the budget. The smallest numbers must fit.
        exactly: whether the network must cost exactly what is allowed.
        watch: shows how far the work is.

    Raises:
        RnncliError: there are too many numbers to try.
    """
    if len(problem.template.counts) > MOST_REPEATS:
        raise RnncliError(f"at most {MOST_REPEATS} blanks can say how often layers are repeated", "give some a number")
    bounds = bounds_of(problem)
    largest = {blank: bound * problem.multiple_of for blank, bound in bounds.items()}
    found = Found()
    if not exactly and problem.fits(largest):
        found.add(Point(0, 0, tuple(largest.values())), 1)  # whatever there is fits
        return found
    trials = list(_trials(problem, bounds, exactly))
    if not _are_few(trials):
        raise _too_many(problem, sum(each.points for each in trials))
    if len(problem.template.counts) == len(problem.template.blanks):
        _add_smallest(found, problem, exactly)
    with watch(sum(each.points for each in trials)) as done:
        for each in trials:
            each.search(found, done)
    return found


def _trials(problem: Problem, bounds: Mapping[Blank, int], exactly: bool) -> Iterator[Trials]:
    """Yield the trials of all numbers that may fit.

    There is one, but for blanks that say how often a layer is repeated: their smallest number has trials of its own.
    """
    blanks = problem.template.blanks
    counts = [blank for blank in blanks if blank in problem.template.counts]
    for more in product((False, True), repeat=len(counts)):
        repeated = tuple(blank for blank, several in zip(counts, more, strict=True) if several)
        free = tuple(blank for blank in blanks if blank not in counts or blank in repeated)
        symbols = Symbols(problem, free, repeated)
        ends = tuple(bounds[blank] - shift for blank, shift in zip(free, symbols.shifts, strict=True))
        if free and all(ends) and symbols.totals is not None:
            yield Trials(problem, symbols, exactly, ends)


def _add_smallest(found: Found, problem: Problem, exactly: bool) -> None:
    """Take in the smallest numbers where all blanks are repeats: then no trials have them."""
    summary = problem.summary(problem.smallest)
    assert summary is not None  # it fits
    found.below = Point(summary.total_params, 0, tuple(problem.smallest.values()))
    if not exactly or all(cost.exact for cost in problem.budget.costs(summary)):
        found.add(found.below, 1)


def _are_few(trials: list[Trials]) -> bool:
    """Whether all points can be tried in reasonable time."""
    return sum(each.points for each in trials) <= (MOST if all(each.is_small for each in trials) else MOST_EXACT)


def _too_many(problem: Problem, points: int) -> RnncliError:
    """Return the error that says that there are too many numbers to try, and what would leave few enough."""
    names = listed([repr(blank) for blank in problem.template.blanks])
    advice = "give one of them a number"
    for power in range(1, _MOST_FACTORS + 1):
        other = replace(problem, multiple_of=problem.multiple_of << power)
        if not other.fits(other.smallest):
            break
        if _are_few(list(_trials(other, bounds_of(other), False))):
            advice += f", or ask for multiples: --multiple-of {other.multiple_of}"
            break
    return RnncliError(f"there are about {points:.0e} ways to choose {names}; {MOST:.0e} can be tried", advice)
