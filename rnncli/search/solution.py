"""The largest network of a form within a budget: the numbers for the blanks of a template, or how far off they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rnncli.errors import ArgumentError, RnncliError, listed, one_line, shorten
from rnncli.layers.sizes import Blank
from rnncli.layers.weights import Framework
from rnncli.network import checked_rate
from rnncli.quantities import Rate, figure_text, memory, plural
from rnncli.results import Result
from rnncli.search.budget import FIGURES, Budget, Cost, Figure, check_trained, fit
from rnncli.search.problem import Filling, Found, Point, Problem, Scan, Template
from rnncli.summary import Setting, Summary, number_bytes
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.search.trials import Trials

Watch = Callable[[int], AbstractContextManager[Callable[[float], object]]]
"""Given how much work there is, returns a block that is called with how much of it has been done."""

MOST_EXACT = 10**6
"""So many points are tried at most where a figure may not fit in 64 bits: Python's own integers are computed with."""

MOST_REPEATS = 6
"""The most blanks that say how often a layer is repeated: each makes twice as many cases."""

_MOST_NEARLY = 10**5
"""So many points are tried at most for what is almost of the same form."""

_MOST_FACTORS = 16
"""How many larger multiples are looked at for one that leaves few enough points."""


@dataclass(frozen=True, repr=False)
class Solution(Result):
    """A template filled in.

    Attributes:
        numbers: the number for each blank.
        spec: the template with them.
        summary: what that network returns, owns and costs.
        budget: what it may cost.
        larger: for each blank the next number with which the network is larger, and what that costs; nothing where a
            spec cannot have such a number.
        ties: how many other numbers for several blanks cost as many parameters.
        others: the template with these, if they are few.
        notes: what is to be known of how the template was read.
    """

    numbers: dict[Blank, int]
    spec: str
    summary: Summary
    budget: Budget
    larger: tuple[tuple[int, tuple[Cost, ...]], ...]
    ties: int = 0
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The spec."""
        return self.spec

    @property
    def number(self) -> int | None:
        """The number, where there is one for all blanks."""
        return next(iter(self.numbers.values())) if len(self.numbers) == 1 else None

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What the network costs."""
        return tuple(self.budget.costs(self.summary))

    @property
    def exact(self) -> bool:
        """Whether the network costs exactly what is allowed."""
        return all(cost.exact for cost in self.costs)

    @property
    def limited_by(self) -> tuple[Figure, ...]:
        """What a next larger number would cost too much of."""
        over = {cost.figure for _, costs in self.larger for cost in costs if not cost.fits}
        return tuple(figure for figure in FIGURES if figure in over)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        summary = self.summary
        return {
            "spec": self.spec,
            "framework": summary.framework,
            "dtype": summary.dtype,
            "output_shape": summary.output_shape,
            "number": self.number,
            "blanks": [{"name": blank.name, "number": number} for blank, number in self.numbers.items()],
            "ties": self.ties,
            "exact": self.exact,
            "limited_by": ", ".join(figure.name for figure in self.limited_by) or None,
            **{total: getattr(summary, total) for total in summary.totals},
            **self.budget.as_dict(),
        }

    def told(self, of: str = "") -> str:
        """Return the figures in one line; `of` is what they are of, the numbers unless it is said."""
        of = of or ", ".join(f"{blank.name} = {number}" for blank, number in self.numbers.items())
        takes = listed([cost.of_limit() for cost in self.costs])
        return "; ".join([f"{of}: {takes}", *self._beyond(), *self._others()])

    def needs(self) -> str:
        """Return what a device needs for it, in a line: `needs 2,600 parameters, 10.16 KB of memory, …`."""
        summary = self.summary
        speeds = [key for key in ("macs_per_step", "macs_per_second") if getattr(summary, key) is not None]
        figures = [
            plural(summary.total_params, "parameter"),
            f"{memory(summary.total_bytes)} of memory",
            *(f"{figure_text(key, getattr(summary, key))} {title(key)}" for key in speeds),
        ]
        return f"needs {', '.join(figures)}"

    def _beyond(self) -> Iterator[str]:
        """Yield what is known of the next larger numbers, and what limits these if that could be several things."""
        limited_by = listed([figure.words for figure in self.limited_by]) if self.limited_by else ""
        if not limited_by:
            yield "there is no larger network of this form"
        elif self.number is None:
            yield from [f"limited by {limited_by}"] if len(self.costs) > 1 else []
        else:
            ((number, costs),) = self.larger
            over = listed([cost.distance for cost in costs if not cost.fits])
            yield f"{f'limited by {limited_by}: ' if len(self.costs) > 1 else ''}{number} would be {over} over"

    def _others(self) -> Iterator[str]:
        """Yield how many others are as good, and why it is not one of them."""
        if self.ties:
            verb = "other has" if self.ties == 1 else "others have"
            named = f" ({listed(self.others)})" if self.others else ""
            which = "most even" if self.number is None else "largest number"
            yield f"{self.ties:,} {verb} as many parameters{named}, of which this is the {which}"


def solve(
    template: str,
    budget: Budget,
    *,
    exactly: bool = False,
    multiple_of: int = 1,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    dtype: str = "float32",
    rate: Rate | float | str | None = None,
    watch: Watch | None = None,
) -> Solution:
    """Return the numbers for the blanks of a template with which the network is largest within a budget.

    For one blank that is the largest number, for several the numbers that make the most parameters. Of these, the
    numbers are taken that are most even, and then those whose first is largest. A stride, or the
    size of a pool, makes a network smaller: it is the smallest with which the rest fits.

    Args:
        template: a spec with `_` or `_a` in place of some numbers; blanks of one name get the same number.
        budget: what the network may cost; at least one thing must be limited.
        exactly: whether it must cost exactly that.
        multiple_of: each number is a multiple of this.
        batch: samples at a time, for what the whole input costs; None is one.
        timesteps: length of the sequence, likewise.
        framework: whose weights to count; None for Keras's, or PyTorch's where only that can express the network.
        dtype: of the weights, for their memory.
        rate: timesteps a second, for the multiply-adds a second; None where nobody asks.
        watch: shows how far long work is; None for nothing.

    Raises:
        ArgumentError: nothing is limited, or a rate is no rate.
        SpecError: the template has no blank, or is not a network with any number.
        UsageError: a figure that is limited is not known: it depends on the timesteps, say.
        RnncliError: not even the smallest numbers fit, none is exact, or there are too many; the message says how far
            off they are.
    """
    if not budget:
        names = listed([figure.name for figure in FIGURES], "or")
        raise ArgumentError("no budget is given", f"limit {names}")
    check_trained(budget.keys, dtype)
    parsed = Template.parse(template, framework, timesteps)
    setting = Setting(batch, timesteps, framework or parsed.framework, dtype)
    problem = Problem(parsed, budget, exactly, multiple_of, setting, checked_rate(rate))
    problem.costs(problem.smallest)  # raises where a figure is not known
    found = _found(problem, watch)
    if not found.best:
        raise _no_answer(problem, found)
    return _solution(problem, found)


def _solution(problem: Problem, found: Found) -> Solution:
    template = problem.template
    numbers = template.numbered(found.best[0].numbers)
    summary = problem.summary(numbers)
    if summary is None:
        message = f"{shorten(template.fill(numbers), 72)} is too long for a spec"
        raise RnncliError(message, "repeat a layer with x3 instead of writing it out")
    beyond = [(blank, _larger(problem, numbers, blank)) for blank in template.blanks]
    larger = tuple((filling[blank], problem.costs(filling)) for blank, filling in beyond)
    spec, *others = _specs(template, found)
    return Solution(numbers, spec, summary, problem.budget, larger, found.count - 1, tuple(others))


def _larger(problem: Problem, numbers: Filling, blank: Blank) -> dict[Blank, int]:
    """Return the next numbers that make the network larger by one blank, by which a stride is smaller."""
    step = -problem.multiple_of if problem.template.thins(blank) else problem.multiple_of
    return {**numbers, blank: numbers[blank] + step}


def _found(problem: Problem, watch: Watch | None = None) -> Found:
    if len(problem.template.blanks) > 1:
        from rnncli.search.trials import all_grow

        if all_grow(problem):
            return _assigned(problem, watch) if fit(problem.costs(problem.smallest)) else Found()
    scan = Scan(problem)
    scan.run()
    return scan.found


def _assigned(problem: Problem, watch: Watch | None) -> Found:
    """Return the best numbers where all costs grow with them, and the smallest fit."""
    counts, blanks = problem.template.counts, problem.template.blanks
    if len(counts) > MOST_REPEATS:
        raise RnncliError(f"at most {MOST_REPEATS} blanks can say how often layers are repeated", "give some a number")
    largest = {blank: bound * problem.multiple_of for blank, bound in problem.bounds.items()}
    found = Found()
    if not problem.exactly and fit(problem.costs(largest)):
        found.add([Point(0, 0, tuple(largest.values()))], 1)  # whatever there is fits
        return found
    from rnncli.search.trials import trials

    every = trials(problem)
    points = sum(each.points for each in every)
    if not _are_few(problem, every):
        raise _too_many(problem, points)
    if len(counts) == len(blanks):  # no trials have the smallest numbers then
        problem.take(problem.smallest, 0, found)
    with nullcontext(lambda amount: None) if watch is None else watch(points) as done:
        for each in every:
            each.search(found, done)
    return found


def _no_answer(problem: Problem, found: Found) -> RnncliError:
    """Return the error that says that none of the numbers that were found fit, or are exact."""
    first = found.first or problem.smallest
    if found.below is None and not fit(problem.costs(first)):
        return _nothing_fits(problem, first)
    below, above = (
        {} if each is None else problem.template.numbered(each.numbers) for each in (found.below, found.above)
    )
    if len(below) == 1:
        above = _larger(problem, below, *below)
    return _none_is_exact(problem, below or first, above)


def _specs(template: Template, found: Found) -> list[str]:
    """Return the best of some numbers in a template, and others that are as good if these are few."""
    points = found.best if found.count == len(found.best) else found.best[:1]
    return [one_line(template.fill(template.numbered(point.numbers))) for point in points]


def _nearly(problem: Problem) -> Iterator[str]:
    """Yield what is exact and almost of the same form, in words, where exactness is asked for and it is soon found."""
    found = []
    for template in problem.template.relaxed() if problem.exactly else ():
        with suppress(RnncliError):  # there is too much to try
            best, *others = _specs(template, _found(replace(problem, template=template, patience=_MOST_NEARLY))) or [""]
            found.append(f"{best} (or {listed(others, 'or')})" if others else best)
    if any(found):
        yield f"{listed([*filter(None, found)], 'or')} takes exactly that"


def _are_few(problem: Problem, trials: list[Trials]) -> bool:
    """Whether all points can be tried in reasonable time."""
    most = problem.patience if all(each.is_small for each in trials) else min(problem.patience, MOST_EXACT)
    return sum(each.points for each in trials) <= most


def _too_many(problem: Problem, points: int) -> RnncliError:
    """Return the error that says that there are too many numbers to try, and what would leave few enough."""
    from rnncli.search.trials import trials

    names = listed([repr(blank) for blank in problem.template.blanks])
    advice = "give one of them a number"
    for power in range(1, _MOST_FACTORS + 1):
        other = replace(problem, multiple_of=problem.multiple_of << power, exactly=False)
        if not fit(other.costs(other.smallest)):
            break
        if _are_few(other, trials(other)):
            advice += f", or ask for multiples: --multiple-of {other.multiple_of}"
            break
    return RnncliError(
        f"there are about {points:.0e} ways to choose {names}; {problem.patience:.0e} can be tried", advice
    )


def _nothing_fits(problem: Problem, numbers: Filling) -> RnncliError:
    """Return the error that says that not even the smallest numbers fit, and how far over they are."""
    smallest, costs = problem.template.fill(numbers), problem.costs(numbers)
    if not costs:
        return RnncliError(
            f"nothing fits: the smallest network would be {smallest}, which is not a valid spec",
            "ask for a smaller --multiple-of" if problem.multiple_of > 1 else "a name makes a blank another: _a, _b",
        )
    misses = listed([f"{cost}, {cost.excess()}" for cost in costs if not cost.fits])
    return RnncliError(
        f"nothing fits: {smallest}, the smallest, takes {misses}",
        "; ".join([*_nearly(problem), "allow more, or make the rest of the network smaller"]),
    )


def _none_is_exact(problem: Problem, below: Filling, above: Filling) -> RnncliError:
    """Return the error that says that no numbers cost exactly what is allowed, and what the two nearest cost."""
    number = "number takes" if len(problem.template.blanks) == 1 else "numbers take"
    exactly = listed([figure.text(limit) for figure, limit in problem.budget.limits.items()])
    near = [each for each in (below, above) if each and problem.costs(each)]
    parts = [f"{problem.template.fill(each)} takes {_off(problem.costs(each))}" for each in near]
    if above and above not in near:
        parts.append("there is no larger network of this form")
    return RnncliError(
        f"no {number} exactly {exactly}: {', and '.join(parts)}", "; ".join([*_nearly(problem), _advice(problem)])
    )


def _advice(problem: Problem) -> str:
    size = number_bytes(problem.setting.dtype)
    for figure, limit in problem.budget.limits.items():
        if figure.in_bytes and limit % size and not (problem.setting.dtype == "int8" and figure.key == "total_bytes"):
            return f"{limit:,} B is no multiple of the {size} B of a {problem.setting.dtype}"
    return "without --exactly the largest within the budget is the answer"


def _off(costs: Sequence[Cost]) -> str:
    """Return what a network costs, and how far off its limits that is: `92,400 parameters, 100 under`."""
    return listed(
        [
            cost.of_limit() if cost.exact else f"{cost}, {cost.distance} {'under' if cost.fits else 'over'}"
            for cost in costs
        ]
    )
