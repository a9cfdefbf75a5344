"""What is said where no numbers for the blanks of a template are an answer: how far off the nearest are."""

from __future__ import annotations

from collections.abc import Sequence

from rnncli.errors import RnncliError, listed
from rnncli.search.blanks.problem import Numbers, Problem
from rnncli.search.budget import Cost
from rnncli.summary import DTYPE_BYTES


def nothing_fits(problem: Problem, numbers: Numbers | None = None) -> RnncliError:
    """Return the error that says that not even the smallest numbers fit, and how far over they are.

    Args:
        problem: what was asked.
        numbers: the smallest numbers with which there is a network; None for the smallest of all.
    """
    numbers = numbers or problem.smallest
    smallest, costs = problem.template.fill(numbers), problem.costs(numbers)
    if not costs:
        return RnncliError(
            f"nothing fits: the smallest network would be {smallest}, which is not a valid spec",
            "ask for a smaller --multiple-of",
        )
    misses = listed([f"{cost}, {cost.excess()}" for cost in costs if not cost.fits])
    return RnncliError(
        f"nothing fits: {smallest}, the smallest, takes {misses}",
        "allow more, or make the rest of the network smaller",
    )


def none_is_exact(problem: Problem, below: Numbers, above: Numbers | None) -> RnncliError:
    """Return the error that says that no numbers cost exactly what is allowed, and what the two nearest cost.

    Args:
        problem: what was asked.
        below: the numbers of what is largest within the budget.
        above: the numbers of what is smallest beyond it; None where they are not known.
    """
    number = "number takes" if len(problem.template.blanks) == 1 else "numbers take"
    exactly = listed([figure.text(limit) for figure, limit in problem.budget.limits.items()])
    near = [each for each in (below, above) if each is not None and problem.costs(each)]
    parts = [f"{problem.template.fill(each)} takes {_off(problem.costs(each))}" for each in near]
    if above is not None and above not in near:
        parts.append("there is no larger network of this form")
    return RnncliError(f"no {number} exactly {exactly}: {', and '.join(parts)}", _advice(problem))


def _advice(problem: Problem) -> str:
    size = DTYPE_BYTES[problem.dtype]
    for figure, limit in problem.budget.limits.items():
        if figure.in_bytes and limit % size:
            return f"{limit:,} B is no multiple of the {size} B of a {problem.dtype}"
    return "without --exactly the largest within the budget is the answer"


def _off(costs: Sequence[Cost]) -> str:
    """Return what a network costs, and how far off its limits that is: `92,400 parameters, 100 under`."""
    return listed(
        [
            cost.of_limit() if cost.exact else f"{cost}, {cost.distance} {'under' if cost.fits else 'over'}"
            for cost in costs
        ]
    )
