"""The gates of a recurrent layer over time: the values that its cells compute with, gathered step by step in bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from rnncli.engine.traces import Bins, bin_means, finite
from rnncli.engine.twins import up_to_last_recurrent
from rnncli.engine.types import Array
from rnncli.errors import UsageError
from rnncli.network import Network

OPEN, CLOSED = 0.9, 0.1
"""A gate is open above the first and closed below the second: nearly all passes, or nearly nothing."""


CANDIDATE = "g"
"""What the candidate is called in Keras's equations."""


@dataclass(frozen=True)
class Gate:
    """A gate over time, or the candidate, of which the size is told: it has either sign.

    Attributes:
        direction: the direction of a layer that reads both ways, `forward/` or `backward/`; else nothing.
        symbol: what it is called in the equations.
        means: what it is, in words.
        is_candidate: whether it is the candidate.
        mean: its mean over all units and steps.
        open: the share of its values that are open; None for what is not between 0 and 1.
        closed: the share of them that are closed.
        bins: its mean in each bin of time.
    """

    direction: str
    symbol: str
    means: str
    is_candidate: bool
    mean: float
    open: float | None
    closed: float | None
    bins: Bins

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; numbers that are not finite are None."""
        mean, open_, closed = finite((self.mean, self.open, self.closed))
        name = f"{self.direction}{self.symbol}"
        return {"name": name, "mean": mean, "open": open_, "closed": closed, "bins": finite(self.bins)}


def check_gates(network: Network) -> None:
    """Check that the last recurrent layer of a network has gates.

    Raises:
        UsageError: it has none, or there is no such layer.
    """
    layer = up_to_last_recurrent(network, "--gates").layers[-1]
    if layer.gates == 1:
        raise UsageError(
            f"--gates is of the last recurrent layer, and {layer.spec()} has no gates",
            "lstm and gru have gates; --plot without --gates shows any recurrent layer",
        )


class GateTrace:
    """Gathers the gates of one direction of a layer, step by step.

    Args:
        means: what each gate is in words, by its symbol, in the order of the equations; the candidate is g.
        bounded: whether the gates are between 0 and 1.
        time_bins: the first step of each bin of time.
        timesteps: the number of timesteps.
        direction: the direction.
    """

    def __init__(
        self, means: Mapping[str, str], bounded: bool, time_bins: Array, timesteps: int, direction: str
    ) -> None:
        self._means = means
        self._bounded = bounded
        self._time_bins = time_bins
        self._direction = direction
        # What is told of a layer that reads both ways is in the order of time.
        self._from_end = timesteps - 1 if direction == "backward/" else None
        self._step = 0
        self._steps = np.zeros(len(time_bins))
        self._sums = {symbol: np.zeros(len(time_bins)) for symbol in means}
        self._open = dict.fromkeys(means, 0)
        self._closed = dict.fromkeys(means, 0)
        self._units = 1

    def add(self, values: Mapping[str, Array], counts: bool) -> None:
        """Take the next step into account, in the order in which the cell takes them.

        Args:
            values: the gates by their symbols, (units, batch); the first sample is looked at.
            counts: whether the step is no padding.
        """
        step = self._step if self._from_end is None else self._from_end - self._step
        self._step += 1
        if not counts:
            return
        place = int(np.searchsorted(self._time_bins, step, side="right")) - 1
        self._steps[place] += 1
        for symbol in self._means:
            value = values[symbol][:, 0]
            self._units = len(value)
            self._sums[symbol][place] += np.abs(value).mean() if symbol == CANDIDATE else value.mean()
            self._open[symbol] += int(np.count_nonzero(value > OPEN))
            self._closed[symbol] += int(np.count_nonzero(value < CLOSED))

    def gates(self) -> list[Gate]:
        """Return the gates over all steps so far."""
        steps = float(self._steps.sum())
        found = []
        for symbol, means in self._means.items():
            is_candidate = symbol == CANDIDATE
            values = steps * self._units if self._bounded and not is_candidate else 0
            found.append(
                Gate(
                    self._direction,
                    symbol,
                    means,
                    is_candidate,
                    mean=float(self._sums[symbol].sum()) / steps if steps else nan,
                    open=self._open[symbol] / values if values else None,
                    closed=self._closed[symbol] / values if values else None,
                    bins=bin_means(self._sums[symbol], self._steps),
                )
            )
        return found


def gate_traces(part: Network, time_bins: Array, timesteps: int) -> dict[str, GateTrace]:
    """Return what gathers the gates of the last layer of a network, by direction."""
    layer = part.body[-1]
    means = {each.text.partition("_t = ")[0]: each.means.partition(":")[0] for each in layer.equations()}
    means = {symbol: words for symbol, words in means.items() if symbol not in layer.states}
    return {
        direction: GateTrace(means, layer.gates_are_shares, time_bins, timesteps, direction)
        for direction in layer.directions
    }
