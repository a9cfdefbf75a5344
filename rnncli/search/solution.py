"""`solve`: the largest network of a template within a budget, or by how much none fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rnncli.errors import ArgumentError, RnncliError, SpecError, listed, one_line, shorten
from rnncli.language.source import Token, splice
from rnncli.layers.sizes import BLANK_TEXT, Blank, Numbers
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.network import checked_rate
from rnncli.network_summary import Setting, Summary, number_bytes
from rnncli.quantities import Rate, figure_text, memory, plural
from rnncli.results import Result
from rnncli.search.budget import FIGURES, Budget, Cost, Figure, check_trained, fit
from rnncli.search.problem import BestPoints, Point, Problem, Scan
from rnncli.search.template import Filling, Template
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.search.trials import Trials

Watch = Callable[[int], AbstractContextManager[Callable[[float], object]]]
"""Given the amount of work, returns a context manager whose function is called with the work just done."""

MAX_EXACT = 10**6
"""The most points to try where a figure may exceed 64 bits, and Python integers are used."""

MAX_REPEATS = 6
"""The most blanks that are repeat counts: each doubles the number of cases."""

_MAX_SIMILAR = 10**5
"""The most points to try for a similar template."""

_MAX_FACTORS = 16
"""The number of larger multiples to check for one with few enough points."""


@dataclass(frozen=True, repr=False)
class Solution(Result):
    """A template with numbers in its blanks.

    Attributes:
        numbers: the number for each blank.
        spec: the template with the numbers.
        summary: the summary of the network.
        budget: the limits of its costs.
        larger: for each blank, the next number that makes the network larger, and the costs with it; no costs if a spec
            cannot have this number.
        ties: the number of other fillings with as many parameters, if there are several blanks.
        others: the template with these fillings, if they are few.
        notes: notes on how the template was read.
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
        """The number for the blank, if there is only one blank."""
        return next(iter(self.numbers.values())) if len(self.numbers) == 1 else None

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The costs of the network."""
        return tuple(self.budget.costs(self.summary))

    @property
    def exact(self) -> bool:
        """Whether each cost equals its limit."""
        return all(cost.exact for cost in self.costs)

    @property
    def limited_by(self) -> tuple[Figure, ...]:
        """The figures that would be over their limit with a next larger number."""
        over = {cost.figure for _, costs in self.larger for cost in costs if not cost.fits}
        return tuple(figure for figure in FIGURES if figure in over)

    def as_dict(self) -> dict[str, Any]:
        """Return the solution as plain data, as printed by `--format json`."""
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

    def in_words(self, of: str = "") -> str:
        """Return the costs in one line, after `of`, which defaults to the numbers."""
        of = of or ", ".join(f"{blank.name} = {number}" for blank, number in self.numbers.items())
        takes = listed([cost.of_limit() for cost in self.costs])
        return "; ".join([f"{of}: {takes}", *self._beyond(), *self._others()])

    def needs(self) -> str:
        """Return the requirements for a device in one line: `needs 2,600 parameters, 10.16 KB of memory, …`."""
        summary = self.summary
        speeds = [key for key in ("macs_per_step", "macs_per_second") if getattr(summary, key) is not None]
        whose = "" if summary.framework == "keras" else f" in {FRAMEWORK_NAMES[summary.framework]}"
        figures = [
            f"{plural(summary.total_params, 'parameter')}{whose}",
            f"{memory(summary.total_bytes)} of memory",
            *(f"{figure_text(key, getattr(summary, key))} {title(key)}" for key in speeds),
        ]
        return f"needs {', '.join(figures)}"

    def _beyond(self) -> Iterator[str]:
        """Yield a note on the next larger numbers, naming the figures that limit them if several could."""
        limited_by = listed([figure.words for figure in self.limited_by]) if self.limited_by else ""
        if not limited_by:
            yield "no larger network of this form exists"
        elif self.number is None:
            yield from [f"limited by {limited_by}"] if len(self.costs) > 1 else []
        else:
            ((number, costs),) = self.larger
            over = listed([cost.distance for cost in costs if not cost.fits])
            yield f"{f'limited by {limited_by}: ' if len(self.costs) > 1 else ''}{number} would be {over} over"

    def _others(self) -> Iterator[str]:
        """Yield a note on the other fillings that are as good, and why this one was chosen."""
        if self.ties:
            verb = "other has" if self.ties == 1 else "others have"
            named = f" ({listed(self.others)})" if self.others else ""
            which = "most even" if self.number is None else "largest number"
            yield f"{self.ties:,} {verb} as many parameters{named}; this is the {which}"


def solve(
    template: str,
    budget: Budget,
    setting: Setting,
    *,
    exactly: bool,
    multiple_of: int,
    rate: Rate | float | str | None,
    watch: Watch,
) -> Solution:
    """Return the numbers for a template's blanks that make the network as large as possible within a budget.

    With one blank, the largest number is returned; with several, the numbers with the most parameters. Among equally
    many, the most even numbers are preferred, then those with the largest first number. A stride or a pool's size makes
    the network smaller: it gets the smallest number with which the rest fits.

    Args:
        template: a spec with `_` or `_a` in place of some numbers; blanks of the same name have the same number.
        budget: the limits of the network's costs; at least one.
        setting: the setting of the costs; without a framework, Keras's, or PyTorch's if only that has the network.
        exactly: whether each cost must equal its limit.
        multiple_of: the number that all numbers must be multiples of.
        rate: timesteps per second, for the multiply-adds per second; None to omit these.
        watch: shows the progress of long searches.

    Raises:
        as `rnncli.solve`.
    """
    if not budget:
        names = listed([figure.name for figure in FIGURES], "or")
        raise ArgumentError("no budget is given", f"limit {names}")
    check_trained(budget.keys, setting.dtype)
    parsed = Template.parse(template, setting.framework, setting.timesteps)
    setting = setting._replace(framework=setting.framework or parsed.framework)
    problem = Problem(parsed, budget, exactly, multiple_of, setting, checked_rate(rate))
    problem.costs(problem.smallest)  # raises if a figure is unknown
    found = _found(problem, watch)
    if not found.best:
        raise _no_answer(problem, found)
    return _solution(problem, found)


def _solution(problem: Problem, found: BestPoints) -> Solution:
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
    """Return the next numbers, by one blank, that make the network larger; for a stride, the next smaller."""
    step = -problem.multiple_of if problem.template.thins(blank) else problem.multiple_of
    return {**numbers, blank: numbers[blank] + step}


def _found(problem: Problem, watch: Watch | None = None) -> BestPoints:
    if len(problem.template.blanks) > 1:
        from rnncli.search.trials import all_grow

        if all_grow(problem):
            return _assigned(problem, watch) if fit(problem.costs(problem.smallest)) else BestPoints()
    scan = Scan(problem)
    scan.run()
    return scan.found


def _assigned(problem: Problem, watch: Watch | None) -> BestPoints:
    """Return the best numbers if all costs grow with them and the smallest numbers fit."""
    counts, blanks = problem.template.counts, problem.template.blanks
    if len(counts) > MAX_REPEATS:
        raise RnncliError(f"at most {MAX_REPEATS} blanks can be repeat counts", "give some of them a number")
    largest = {blank: bound * problem.multiple_of for blank, bound in problem.bounds.items()}
    found = BestPoints()
    if not problem.exactly and fit(problem.costs(largest)):
        found.add([Point(0, 0, tuple(largest.values()))], 1)  # all numbers fit
        return found
    from rnncli.search.trials import trials

    every = trials(problem)
    points = sum(each.points for each in every)
    if not _are_few(problem, every):
        raise _too_many(problem, points)
    if len(counts) == len(blanks):  # trials do not include the smallest numbers then
        problem.take(problem.smallest, 0, found)
    with nullcontext(lambda amount: None) if watch is None else watch(points) as done:
        for each in every:
            each.search(found, done)
    return found


def _no_answer(problem: Problem, found: BestPoints) -> RnncliError:
    """Return the error for a problem without a solution: no numbers fit, or none are exact."""
    first = found.first or problem.smallest
    if found.below is None and not fit(problem.costs(first)):
        return _nothing_fits(problem, first)
    below, above = (
        {} if each is None else problem.template.numbered(each.numbers) for each in (found.below, found.above)
    )
    if len(below) == 1 and not above:
        above = _larger(problem, below, *below)
    return _none_is_exact(problem, below or first, above)


def _specs(template: Template, found: BestPoints) -> list[str]:
    """Return the filled template for the best point, and for equally good points if they are few."""
    points = found.best if found.count == len(found.best) else found.best[:1]
    return [one_line(template.fill(template.numbered(point.numbers))) for point in points]


def _similar(problem: Problem) -> Iterator[str]:
    """Yield a suggestion of similar templates with an exact solution, if one is required and found quickly."""
    found = []
    for template in _relaxed(problem.template) if problem.exactly else ():
        with suppress(RnncliError):  # there are too many numbers to try
            best, *others = _specs(template, _found(replace(problem, template=template, patience=_MAX_SIMILAR))) or [""]
            found.append(f"{best} (or {listed(others, 'or')})" if others else best)
    if any(found):
        yield f"{listed([*filter(None, found)], 'or')} gives exactly that"


def _relaxed(template: Template) -> Iterator[Template]:
    """Yield similar templates that may have a solution: one without biases, and ones with an additional blank."""
    text, written = template.text, template.written
    plain = [
        f"{token.text}:nobias" if getattr(each.layer, "use_bias", False) else token.text
        for token, each in zip(Token(text, 0).split(","), written, strict=True)
    ]
    fields = [each.size for each in written if each.size and isinstance(each.layer.sizes, Numbers)]
    numbers = [(field, number) for field in fields for number in re.finditer("[0-9]+", field.text)]
    blank = f"{BLANK_TEXT}{'b' if Blank('a') in template.blanks else 'a'}"
    opened = [splice(text, Token(number[0], field.start + number.start()), blank) for field, number in numbers]
    for similar in (",".join(plain), *(opened if len(template.blanks) == 1 else ())):
        with suppress(SpecError):  # for example, if the number is part of a blank's name
            yield Template.parse(similar)


def _are_few(problem: Problem, trials: list[Trials]) -> bool:
    """Return whether all points can be tried in reasonable time."""
    most = problem.patience if all(each.is_small for each in trials) else min(problem.patience, MAX_EXACT)
    return sum(each.points for each in trials) <= most


def _too_many(problem: Problem, points: int) -> RnncliError:
    """Return the error for too many numbers to try, with a multiple for which they are few enough."""
    from rnncli.search.trials import trials

    names = listed([repr(blank) for blank in problem.template.blanks])
    advice = "give one of them a number"
    for power in range(1, _MAX_FACTORS + 1):
        other = replace(problem, multiple_of=problem.multiple_of << power, exactly=False)
        if not fit(other.costs(other.smallest)):
            break
        if _are_few(other, trials(other)):
            advice += f", or ask for multiples: --multiple-of {other.multiple_of}"
            break
    return RnncliError(
        f"there are about {points:.0e} ways to choose {names}; at most {problem.patience:.0e} can be tried", advice
    )


def _nothing_fits(problem: Problem, numbers: Filling) -> RnncliError:
    """Return the error for smallest numbers that do not fit, with the amounts over the limits."""
    smallest, costs = problem.template.fill(numbers), problem.costs(numbers)
    if not costs:
        return RnncliError(
            f"nothing fits: the smallest network would be {smallest}, which is not a valid spec",
            "ask for a smaller --multiple-of" if problem.multiple_of > 1 else "give the blanks different names: _a, _b",
        )
    misses = listed([f"{cost}, {cost.excess()}" for cost in costs if not cost.fits])
    return RnncliError(
        f"nothing fits: the smallest network, {smallest}, needs {misses}",
        "; ".join([*_similar(problem), "allow more, or make the rest of the network smaller"]),
    )


def _none_is_exact(problem: Problem, below: Filling, above: Filling) -> RnncliError:
    """Return the error for no exact solution, with the costs of the two nearest."""
    number = "number gives" if len(problem.template.blanks) == 1 else "numbers give"
    exactly = listed([figure.text(limit) for figure, limit in problem.budget.limits.items()])
    near = [each for each in (below, above) if each and problem.costs(each)]
    parts = [f"{problem.template.fill(each)} gives {_off(problem.costs(each))}" for each in near]
    if above and above not in near:
        parts.append("no larger network of this form exists")
    return RnncliError(
        f"no {number} exactly {exactly}: {', and '.join(parts)}", "; ".join([*_similar(problem), _advice(problem)])
    )


def _advice(problem: Problem) -> str:
    size = number_bytes(problem.setting.dtype)
    for figure, limit in problem.budget.limits.items():
        if figure.in_bytes and limit % size and not (problem.setting.dtype == "int8" and figure.key == "total_bytes"):
            return f"{limit:,} B is not a multiple of the {size} B of a {problem.setting.dtype}"
    return "leave out --exactly to get the largest within the budget"


def _off(costs: Sequence[Cost]) -> str:
    """Return the costs of a network and how far they are from their limits: `92,400 parameters, 100 under`."""
    return listed(
        [
            cost.of_limit() if cost.exact else f"{cost}, {cost.distance} {'under' if cost.fits else 'over'}"
            for cost in costs
        ]
    )
