"""The largest number for the blanks of a template that keeps within a budget."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from rnncli.errors import RnncliError, SpecError
from rnncli.language.source import without_spaces
from rnncli.language.spec import BLANK
from rnncli.layers.base import Framework
from rnncli.network import Network
from rnncli.search.budget import Budget, Cost
from rnncli.summary import Summary

_BLANKS = re.compile(rf"([:xX]\s*){BLANK}(?=\s*(?:[,:xX]|$))")
"""A blank where a number could stand; the `_` of 10_000 or hard_sigmoid is none."""


EXAMPLE = f"embed:10000x{BLANK},lstm:{BLANK}"
"""A template that works."""


class Solution(NamedTuple):
    """A template filled in.

    Attributes:
        number: the largest that fits.
        spec: the template with it.
        costs: what that costs.
        next_number: the next size up.
        next_costs: what that would cost; empty where the language has no such network.
    """

    number: int
    spec: str
    costs: tuple[Cost, ...]
    next_number: int
    next_costs: tuple[Cost, ...]

    def __str__(self) -> str:
        """Return the figures in one line."""
        takes = " and ".join(cost.of_limit() for cost in self.costs)
        if not self.next_costs:
            return f"{BLANK} = {self.number}: {takes}; there is no larger network of this form"
        more = " and ".join(map(str, self.next_costs))
        return f"{BLANK} = {self.number}: {takes}; {self.next_number} would take {more}"


def solve(
    template: str,
    budget: Budget,
    *,
    multiple_of: int = 1,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework = "keras",
    dtype: str = "float32",
) -> Solution:
    """Return the largest number for all blanks of a template that keeps the network within a budget.

    Whatever a network costs grows with each of its sizes, so the number is found by bisection.

    Args:
        template: a spec with `_` in place of some numbers; all of them get the same.
        budget: what the network may cost; at least one thing must be limited.
        multiple_of: the number is a multiple of this.
        batch: samples at a time, for the multiply-adds; None is one.
        timesteps: length of the sequence, for the multiply-adds.
        framework: whose weights to count.
        dtype: of the weights, for their memory.

    Raises:
        SpecError: the template has no blank, or is no network whatever the number.
        UsageError: the multiply-adds are limited, and the timesteps are not known.
        RnncliError: not even the smallest number fits; the message says how far off it is.
    """

    def summarise(spec: str) -> Summary:
        return Network.parse(spec).summary(batch, timesteps, framework, dtype)

    def costs(number: int) -> tuple[Cost, ...]:
        """Return what the network of a number costs; nothing where the language has no such network."""
        try:
            return tuple(budget.costs(summarise(fill(template, number))))
        except SpecError:
            return ()

    _check(template, summarise)

    def fits(times: int) -> bool:
        found = costs(times * multiple_of)
        return bool(found) and all(cost.fits for cost in found)

    if not fits(1):
        raise _nothing_fits(template, multiple_of, costs(multiple_of))
    fitting, beyond = 1, 2
    while fits(beyond):
        fitting, beyond = beyond, 2 * beyond
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if fits(middle):
            fitting = middle
        else:
            beyond = middle
    number, above = fitting * multiple_of, beyond * multiple_of
    return Solution(number, fill(template, number), costs(number), above, costs(above))


def fill(template: str, number: int) -> str:
    """Return a template with a number in all of its blanks, as it can be pasted into a shell."""
    return without_spaces(_filled(template, number))


def _filled(template: str, number: int) -> str:
    return _BLANKS.sub(rf"\g<1>{number}", template)


def _check(template: str, summarise: Callable[[str], Summary]) -> None:
    """Check that a template has a blank and makes a network; report what is wrong in terms of the template.

    Raises:
        SpecError: it has none, or makes none whatever the number.
    """
    if _BLANKS.search(template) is None:
        blank = re.sub(r"([:x])[0-9][0-9_]*[kMG]?(?=[^:,x]*(?::[^0-9]*)?$)", rf"\g<1>{BLANK}", template)
        raise SpecError(
            f"the template has no blank: {BLANK} in place of a number",
            text=template,
            span=(0, len(template)),
            advice="put one",
            repair=without_spaces(blank) if blank != template else EXAMPLE,
        )
    stand_in = next((str(n) for n in range(97, 9, -1) if str(n) not in template), "97")
    try:
        summarise(_filled(template, int(stand_in)))
    except SpecError as error:
        shrink = len(stand_in) - len(BLANK)
        start, end = (at - shrink * error.text.count(stand_in, 0, at) for at in error.span)
        repair = (error.repair or "").replace(stand_in, BLANK)
        known = _BLANKS.search(repair) and _filled(repair, int(stand_in)) == error.repair
        raise SpecError(
            error.message.replace(stand_in, BLANK),
            text=template,
            span=(start, end),
            advice=f"{error.advice}" if known else "for example",
            repair=repair if known else EXAMPLE,
        ) from None


def _nothing_fits(template: str, number: int, costs: tuple[Cost, ...]) -> RnncliError:
    misses = [f"{cost}, {cost.excess()}" for cost in costs if not cost.fits]
    return RnncliError(
        f"nothing fits: {fill(template, number)}, the smallest, takes {' and '.join(misses)}",
        "allow more, or make the rest of the network smaller",
    )
