"""The largest number for the blanks of a template that keeps within a budget."""

from __future__ import annotations

from typing import Any, NamedTuple

from rnncli.errors import ArgumentError, RnncliError, listed, one_line
from rnncli.layers.sizes import BLANK_TEXT
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import check_known, check_sizes
from rnncli.search.budget import FIGURES, Budget, Cost
from rnncli.search.template import Template
from rnncli.summary import DTYPE_BYTES, TOTALS, Summary


class Solution(NamedTuple):
    """A template filled in.

    Attributes:
        number: the largest that fits.
        spec: the template with it.
        costs: what that network costs.
        next_number: the next larger number.
        next_spec: the template with that.
        next_costs: what the network with that number would cost; empty where a spec cannot have such a number.
        summary: what the network returns, owns and costs.
        budget: what it may cost.
    """

    number: int
    spec: str
    costs: tuple[Cost, ...]
    next_number: int
    next_spec: str
    next_costs: tuple[Cost, ...]
    summary: Summary
    budget: Budget

    @property
    def exact(self) -> bool:
        """Whether the network costs exactly what is allowed."""
        return all(cost.exact for cost in self.costs)

    @property
    def limited_by(self) -> tuple[Cost, ...]:
        """What the next larger number would cost too much of."""
        return tuple(cost for cost in self.next_costs if not cost.fits)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        summary = self.summary
        return {
            "spec": self.spec,
            "framework": summary.framework,
            "dtype": summary.dtype,
            "output_shape": summary.output_shape,
            "number": self.number,
            "exact": self.exact,
            "limited_by": ", ".join(cost.figure.name for cost in self.limited_by) or None,
            **{total: getattr(summary, total) for total in TOTALS},
            **self.budget.as_dict(),
        }

    def __str__(self) -> str:
        """Return the figures in one line."""
        takes = listed([cost.of_limit() for cost in self.costs])
        return f"{BLANK_TEXT} = {self.number}: {takes}; {self._beyond()}"

    def _beyond(self) -> str:
        """Return what is known of the next larger number, and what limits this one if that could be several things."""
        if not self.next_costs:
            return "there is no larger network of this form"
        over = listed([cost.distance for cost in self.limited_by])
        limited = f"limited by {listed([cost.figure.words for cost in self.limited_by])}: "
        return f"{limited if len(self.costs) > 1 else ''}{self.next_number} would be {over} over"


def solve(
    template: str,
    budget: Budget,
    *,
    exactly: bool = False,
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
        exactly: whether it must cost exactly that.
        multiple_of: the number is a multiple of this.
        batch: samples at a time, for what the whole input costs; None is one.
        timesteps: length of the sequence, likewise.
        framework: whose weights to count.
        dtype: of the weights, for their memory.

    Raises:
        ArgumentError: nothing is limited, or an argument is not allowed.
        SpecError: the template has no blank, or is not a network with any number.
        UsageError: a figure that is limited depends on the timesteps, and they are not known.
        RnncliError: not even the smallest number fits, or none is exact; the message says how far off it is.
    """
    check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(multiple_of=multiple_of, batch=batch, timesteps=timesteps)
    if not budget:
        names = listed([figure.name for figure in FIGURES], "or")
        raise ArgumentError("there is no budget to keep within", f"limit {names}")
    filled = Template.parse(template, framework, timesteps)

    def summary(number: int) -> Summary | None:
        """Return the summary of the network with a number, or None where a spec cannot have such a number."""
        network = filled.network(number)
        return None if network is None else network.summary(batch, timesteps, framework, dtype)

    def costs(number: int) -> tuple[Cost, ...]:
        found = summary(number)
        return () if found is None else tuple(budget.costs(found))

    def fits(times: int) -> bool:
        found = costs(times * multiple_of)
        return bool(found) and all(cost.fits for cost in found)

    if not fits(1):
        raise _nothing_fits(filled.fill(multiple_of), costs(multiple_of))
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
    found = summary(number)
    assert found is not None  # it fits
    solution = Solution(
        number,
        one_line(filled.fill(number)),
        tuple(budget.costs(found)),
        above,
        one_line(filled.fill(above)),
        costs(above),
        found,
        budget,
    )
    if exactly and not solution.exact:
        raise _none_is_exact(solution)
    return solution


def _nothing_fits(smallest: str, costs: tuple[Cost, ...]) -> RnncliError:
    """Return the error that says that not even the smallest number fits."""
    if not costs:
        return RnncliError(
            f"nothing fits: the smallest network would be {smallest}, which is not a valid spec",
            "ask for a smaller --multiple-of",
        )
    misses = [f"{cost}, {cost.excess()}" for cost in costs if not cost.fits]
    return RnncliError(
        f"nothing fits: {smallest}, the smallest, takes {' and '.join(misses)}",
        "allow more, or make the rest of the network smaller",
    )


def _none_is_exact(nearest: Solution) -> RnncliError:
    """Return the error that says that no number costs exactly what is allowed, and what the two nearest cost."""
    exactly = listed([cost.figure.text(cost.limit) for cost in nearest.costs])
    below = f"{nearest.spec} takes {_off(nearest.costs)}"
    if nearest.next_costs:
        above = f"and {nearest.next_spec} takes {_off(nearest.next_costs)}"
    else:
        above = "and there is no larger network of this form"
    size = DTYPE_BYTES[nearest.summary.dtype]
    odd = next((cost for cost in nearest.costs if cost.figure.in_bytes and cost.limit % size), None)
    advice = "without --exactly the largest within the budget is the answer"
    if odd is not None:
        advice = f"{odd.limit:,} B is no multiple of the {size} B of a {nearest.summary.dtype}"
    return RnncliError(f"no number takes exactly {exactly}: {below}, {above}", advice)


def _off(costs: tuple[Cost, ...]) -> str:
    """Return what a network costs, and how far off its limits that is: `92,400 parameters, 100 under`."""
    return " and ".join(
        cost.of_limit() if cost.exact else f"{cost}, {cost.distance} {'under' if cost.fits else 'over'}"
        for cost in costs
    )
