"""The largest network of a form within a budget: the numbers for the blanks of a template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from rnncli.errors import ArgumentError, RnncliError, listed, one_line, shorten
from rnncli.layers.sizes import Blank, NoPolynomialError
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import check_known, check_sizes
from rnncli.search.blanks.assignment import Watch, assign
from rnncli.search.blanks.misses import none_is_exact, nothing_fits
from rnncli.search.blanks.problem import Found, Problem
from rnncli.search.blanks.scan import Scan
from rnncli.search.blanks.symbols import Symbols, bounds_of
from rnncli.search.blanks.template import Template
from rnncli.search.budget import FIGURES, Budget, Cost, Figure
from rnncli.summary import DTYPE_BYTES, TOTALS, Summary


class Step(NamedTuple):
    """The next larger number for one blank of a template that is filled in.

    Attributes:
        number: the number.
        spec: the template with it.
        costs: what that network costs; empty where a spec cannot have such a number.
    """

    number: int
    spec: str
    costs: tuple[Cost, ...]


class Solution(NamedTuple):
    """A template filled in.

    Attributes:
        numbers: the number for each blank.
        spec: the template with them.
        summary: what that network returns, owns and costs.
        budget: what it may cost.
        steps: the next larger number for each blank.
        ties: how many other numbers for several blanks cost as many parameters.
    """

    numbers: dict[Blank, int]
    spec: str
    summary: Summary
    budget: Budget
    steps: tuple[Step, ...]
    ties: int = 0

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
        over = {cost.figure for step in self.steps for cost in step.costs if not cost.fits}
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
            **{total: getattr(summary, total) for total in TOTALS},
            **self.budget.as_dict(),
        }

    def __str__(self) -> str:
        """Return the numbers and the figures in one line."""
        return self.told(", ".join(f"{blank.name} = {number}" for blank, number in self.numbers.items()))

    def told(self, of: str) -> str:
        """Return the figures in one line; `of` is what they are of."""
        takes = listed([cost.of_limit() for cost in self.costs])
        return "; ".join([f"{of}: {takes}", *self._beyond(), *self._others()])

    def _beyond(self) -> Iterator[str]:
        """Yield what is known of the next larger numbers, and what limits these if that could be several things."""
        limited_by = listed([figure.words for figure in self.limited_by]) if self.limited_by else ""
        if not limited_by:
            yield "there is no larger network of this form"
        elif self.number is None:
            yield from [f"limited by {limited_by}"] if len(self.costs) > 1 else []
        else:
            (step,) = self.steps
            over = listed([cost.distance for cost in step.costs if not cost.fits])
            yield f"{f'limited by {limited_by}: ' if len(self.costs) > 1 else ''}{step.number} would be {over} over"

    def _others(self) -> Iterator[str]:
        """Yield how many others are as good, and why it is not one of them."""
        if self.ties:
            verb = "other has" if self.ties == 1 else "others have"
            yield f"{self.ties:,} {verb} as many parameters, of which this is the most even"


def _unwatched(total: int) -> AbstractContextManager[Callable[[float], object]]:
    del total
    return nullcontext(lambda amount: None)


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
    watch: Watch = _unwatched,
) -> Solution:
    """Return the numbers for the blanks of a template with which the network is largest within a budget.

    For one blank that is the largest number, for several the numbers that make the most parameters. Of these, the
    numbers are taken that are most even, and then those whose first is largest.

    Args:
        template: a spec with `_` or `_a` in place of some numbers; blanks of one name get the same number.
        budget: what the network may cost; at least one thing must be limited.
        exactly: whether it must cost exactly that.
        multiple_of: each number is a multiple of this.
        batch: samples at a time, for what the whole input costs; None is one.
        timesteps: length of the sequence, likewise.
        framework: whose weights to count; None for Keras's, or PyTorch's where only that can express the network.
        dtype: of the weights, for their memory.
        watch: shows how far long work is.

    Raises:
        ArgumentError: nothing is limited, or an argument is not allowed.
        SpecError: the template has no blank, or is not a network with any number.
        UsageError: a figure that is limited is not known: it depends on the timesteps, say.
        RnncliError: not even the smallest numbers fit, none is exact, or there are too many; the message says how far
            off they are.
    """
    if framework is not None:
        check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(multiple_of=multiple_of, batch=batch, timesteps=timesteps)
    if not budget:
        names = listed([figure.name for figure in FIGURES], "or")
        raise ArgumentError("there is no budget to keep within", f"limit {names}")
    budget.check(dtype)
    parsed = Template.parse(template, framework, timesteps)
    problem = Problem(parsed, budget, multiple_of, batch, timesteps, framework or parsed.framework, dtype)
    if not _grows(problem):
        return _scanned(problem, exactly)
    if not problem.fits(problem.smallest):
        raise nothing_fits(problem)
    if len(parsed.blanks) > 1:
        return _best(problem, assign(problem, exactly, watch))
    (blank,) = parsed.blanks
    solution = _solution(problem, {blank: bounds_of(problem)[blank] * multiple_of})
    if exactly and not solution.exact:
        raise none_is_exact(problem, solution.numbers, {blank: solution.steps[0].number})
    return solution


def _solution(problem: Problem, numbers: dict[Blank, int], ties: int = 0) -> Solution:
    """Return what there is to say of some numbers for the blanks."""
    summary = problem.summary(numbers)
    template = problem.template
    if summary is None:
        message = f"{shorten(template.fill(numbers), 72)} is too long for a spec"
        raise RnncliError(message, "repeat a layer with x3 instead of writing it out")
    steps = []
    for blank in template.blanks:
        larger = {**numbers, blank: numbers[blank] + problem.multiple_of}
        steps.append(Step(larger[blank], one_line(template.fill(larger)), problem.costs(larger)))
    return Solution(numbers, one_line(template.fill(numbers)), summary, problem.budget, tuple(steps), ties)


def _grows(problem: Problem) -> bool:
    """Whether all costs are polynomials that only grow with the numbers, each of which is allowed."""
    sizes = tuple(blank for blank in problem.template.blanks if blank not in problem.template.counts)
    repeats = tuple(blank for blank in problem.template.blanks if blank in problem.template.counts)
    try:
        return all(Symbols(problem, sizes + repeated, repeated).grows for repeated in ((), repeats))
    except NoPolynomialError:
        return False


def _scanned(problem: Problem, exactly: bool) -> Solution:
    """Return the best numbers where what the network costs does not simply grow with them."""
    scan = Scan(problem, exactly)
    scan.run()
    if scan.found.below is None:
        raise nothing_fits(problem, scan.first)
    return _best(problem, scan.found)


def _best(problem: Problem, found: Found) -> Solution:
    """Return the best numbers of those that were found."""
    if found.best is None:
        below, above = (
            None if point is None else dict(zip(problem.template.blanks, point.numbers, strict=True))
            for point in (found.below, found.above)
        )
        raise none_is_exact(problem, below or problem.smallest, above)
    return _solution(problem, dict(zip(problem.template.blanks, found.best.numbers, strict=True)), found.count - 1)
