"""`solve`: the largest network of a template within a budget, or by how much none fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from rnncli.errors import ArgumentError, RnncliError, SpecError, listed, one_line, shorten
from rnncli.language.rules import frameworks_of
from rnncli.language.source import Token
from rnncli.layers.sizes import BLANK_TEXT, Blank
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.network import checked_rate
from rnncli.network_summary import Setting, Summary, number_bytes
from rnncli.quantities import Rate, figure_text, memory, plural
from rnncli.results import Result
from rnncli.search.budget import FIGURES, Budget, Cost, Figure, check_trained, fit
from rnncli.search.problem import BestPoints, Problem, Scan, Watch
from rnncli.search.template import Filling, Template, opened
from rnncli.vocabulary import title

_MAX_SIMILAR = 10**5
"""The most points to try for a similar template."""


@dataclass(frozen=True, repr=False)
class Solution(Result):
    """A template with numbers in its blanks.

    Attributes:
        numbers: the number for each blank, by name: `a` for `_a`; `_` if it has none.
        spec: the template with the numbers.
        summary: the summary of the network.
        budget: the limits of its costs.
        larger: for each blank, the next number that makes the network larger, and the costs with it; no costs if a spec
            cannot have this number.
        ties: the number of other fillings with as many parameters, if there are several blanks.
        others: the template with these fillings, if they are few.
        notes: notes on how the template was read.
    """

    numbers: dict[str, int]
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
            "blanks": [{"name": name, "number": number} for name, number in self.numbers.items()],
            "ties": self.ties,
            "exact": self.exact,
            "limited_by": ", ".join(figure.name for figure in self.limited_by) or None,
            **{total: getattr(summary, total) for total in summary.totals},
            **self.budget.as_dict(),
        }

    def in_words(self, of: str = "") -> str:
        """Return the costs in one line, after `of`, which defaults to the numbers."""
        of = of or ", ".join(f"{name} = {number}" for name, number in self.numbers.items())
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

    A setting without a framework means Keras, or PyTorch if only that has the network; `watch` shows the progress of
    long searches. The other arguments and the errors are as for `rnncli.solve`.
    """
    if not budget:
        names = listed([figure.name for figure in FIGURES], "or")
        raise ArgumentError("no budget is given", f"limit {names}")
    check_trained(budget.keys, setting.dtype)
    parsed = Template.parse(template, setting.framework, setting.timesteps)
    framework = setting.framework or frameworks_of([each.layer for each in parsed.written])[0]
    rate = checked_rate(rate)
    problem = Problem(parsed, budget, exactly, multiple_of, setting._replace(framework=framework), rate)
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
    named = {blank.name: number for blank, number in numbers.items()}
    return Solution(named, spec, summary, problem.budget, larger, found.count - 1, tuple(others))


def _larger(problem: Problem, numbers: Filling, blank: Blank) -> dict[Blank, int]:
    """Return the next numbers, by one blank, that make the network larger; for a stride, the next smaller."""
    step = -problem.multiple_of if problem.template.thins(blank) else problem.multiple_of
    return {**numbers, blank: numbers[blank] + step}


def _found(problem: Problem, watch: Watch | None = None) -> BestPoints:
    found = None
    if len(problem.template.blanks) > 1:
        from rnncli.search.trials import searched

        found = searched(problem, watch)
    return found or Scan(problem).run()


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
    """Yield similar templates that may have a solution: without biases, with another blank, with blanks that differ."""
    text, written = template.text, template.written
    plain = [
        f"{token.text}:nobias" if getattr(each.layer, "use_bias", False) else token.text
        for token, each in zip(Token(text, 0).split(","), written, strict=True)
    ]
    blank = f"{BLANK_TEXT}{'b' if Blank('a') in template.blanks else 'a'}"
    named = text
    for name in "abc":
        named = re.sub(rf"(?<!\d){BLANK_TEXT}(?!\w)", f"{BLANK_TEXT}{name}", named, count=1)
    more = [named, *opened(text, written, blank)] if len(template.blanks) == 1 else []
    for similar in (",".join(plain), *more):
        with suppress(SpecError):  # for example, if the number is part of a blank's name
            yield Template.parse(similar)


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
    side = {True: "under", False: "over"}
    return listed([each.of_limit() if each.exact else f"{each}, {each.distance} {side[each.fits]}" for each in costs])
