"""The largest number for the blanks of a template that keeps within a budget."""

from __future__ import annotations

from typing import Any, NamedTuple

from rnncli.errors import ArgumentError, RnncliError, one_line
from rnncli.layers.sizes import BLANK_TEXT
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import check_known, check_sizes
from rnncli.search.budget import Budget, Cost
from rnncli.search.template import Template
from rnncli.summary import DTYPE_BYTES, TOTALS, Summary


class Solution(NamedTuple):
    """A template filled in.

    Attributes:
        number: the largest that fits.
        spec: the template with it.
        costs: what that network costs.
        next_number: the next larger number.
        next_costs: what the network with that number would cost; empty where a spec cannot have such a number.
        summary: what the network returns, owns and costs.
        budget: what it may cost.
    """

    number: int
    spec: str
    costs: tuple[Cost, ...]
    next_number: int
    next_costs: tuple[Cost, ...]
    summary: Summary
    budget: Budget

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        summary, budget = self.summary, self.budget
        return {
            "spec": self.spec,
            "framework": summary.framework,
            "dtype": summary.dtype,
            "output_shape": summary.output_shape,
            "number": self.number,
            **{total: getattr(summary, total) for total in TOTALS},
            "max_params": budget.params,
            "max_bytes": budget.memory,
            "max_macs": budget.macs,
        }

    def __str__(self) -> str:
        """Return the figures in one line."""
        takes = " and ".join(cost.of_limit() for cost in self.costs)
        if not self.next_costs:
            return f"{BLANK_TEXT} = {self.number}: {takes}; there is no larger network of this form"
        more = " and ".join(map(str, self.next_costs))
        return f"{BLANK_TEXT} = {self.number}: {takes}; {self.next_number} would take {more}"


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
        ArgumentError: nothing is limited, or an argument is not allowed.
        SpecError: the template has no blank, or is not a network with any number.
        UsageError: the multiply-adds are limited, and the timesteps are not known.
        RnncliError: not even the smallest number fits; the message says how far off it is.
    """
    check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(multiple_of=multiple_of, batch=batch, timesteps=timesteps)
    if all(limit is None for limit in budget):
        raise ArgumentError("there is no budget to keep within", "limit params, memory or macs")
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
    return Solution(
        number, one_line(filled.fill(number)), tuple(budget.costs(found)), above, costs(above), found, budget
    )


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
