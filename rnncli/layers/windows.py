"""Windows that move over a sequence: their width, their positions, and the padding around the sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnncli.immutable import NamedTuple
from rnncli.layers.cost import Number
from rnncli.layers.options import Choice, Whole
from rnncli.quantities import plural

PADDINGS = ("valid", "same", "causal")
"""Keras's names: no padding; enough on both sides to keep the length; all of it before the sequence."""


def stride_option(unset: bool = False) -> Whole:
    """Return the option for the distance between windows; `unset` if it defaults to the window's size."""
    return Whole("stride", "strides", "timesteps from one window to the next", unset=unset)


def padding_option(*paddings: str) -> Choice:
    """Return the option for the padding: `same`, or written out, `pad=same`."""
    values, means = {name: name for name in paddings}, "padding around the sequence"
    in_torch = "causal as F.pad(x, (0, 0, K - 1, 0))" if "causal" in paddings else ""
    return Choice("pad", "padding", values, means, name_alone=True, in_torch=in_torch)


class Window(NamedTuple):
    """A window that moves over a sequence.

    Its numbers may be symbols, which support only addition and multiplication.

    Attributes:
        width: the number of timesteps in it.
        stride: the timesteps from one window to the next.
        dilation: the timesteps between neighbours in a window.
        padding: the padding around the sequence, one of `PADDINGS`.
    """

    width: Number
    stride: Number = 1
    dilation: Number = 1
    padding: str = "valid"

    @property
    def span(self) -> Number:
        """The number of timesteps from its first to its last."""
        return self.width if self.dilation == 1 else (self.width + -1) * self.dilation + 1

    @property
    def least_steps(self) -> Number:
        """The length of the shortest sequence that has such a window."""
        return self.span if self.padding == "valid" else 1

    @property
    def goes_by_length(self) -> bool:
        """Whether the padding before the sequence depends on the sequence's length."""
        return self.padding == "same" and self.stride != 1 and self.span != 1

    @property
    def looks_ahead(self) -> bool:
        """Whether it must read timesteps later than the one that its output belongs to."""
        return self.padding == "same"

    def carried(self, features: Number) -> Mapping[str, Number]:
        """Return the state of a layer with this window: its timesteps, and how many of the next one were read."""
        return {"window": self.span * features, "count": 1}

    def around(self, steps: int | None) -> tuple[int, int]:
        """Return the timesteps of padding before and after a sequence.

        Args:
            steps: the length of the sequence, which may be None unless the window `goes_by_length`.
        """
        if self.padding == "valid":
            return 0, 0
        if self.padding == "causal":
            return self.span - 1, 0
        more = self.span - 1
        if steps is not None:
            more = max(0, (-(-steps // self.stride) - 1) * self.stride + self.span - steps)
        return more // 2, more - more // 2

    def read_by(self, output: int, steps: int | None) -> range:
        """Return the timesteps in the window of an output; those outside the sequence are padding. Both count from 1.

        Args:
            output: the output's index.
            steps: the length of the sequence, which may be None unless the window `goes_by_length`.
        """
        first = (output - 1) * self.stride + 1 - self.around(steps)[0]
        return range(first, first + self.span, self.dilation)

    def terms(self, first: int, term: Callable[[str, int], str]) -> list[str]:
        """Return the terms of a formula over the window of output t: the first few and the last, with … in between.

        Args:
            first: the number of terms before the ….
            term: returns a term, given its timestep, `t`, `{2t-1}` or `{t-2}`, and its place in the window, from 1.
        """
        places = [*range(1, min(first, self.width) + 1), *[self.width] * (self.width > first)]
        terms = [term(self._time(place), place) for place in places]
        return [*terms[:-1], "…", terms[-1]] if self.width > first + 1 else terms

    def _time(self, place: int) -> str:
        """Return the timestep at a place in the window of output t, as written in an equation."""
        start = 0 if self.goes_by_length else -self.around(None)[0]
        offset = start + 1 - self.stride + (place - 1) * self.dilation
        lead = "t" if self.stride == 1 else f"{self.stride:,}t"
        time = f"{lead}{f'{offset:+,}' if offset else ''}{'-p' if self.goes_by_length else ''}"
        return time if time == "t" else f"{{{time}}}"

    def length_text(self, steps: int | None) -> str:
        """Return the formula for the number of windows and, if the length is known, its numbers."""
        shorter = self.padding == "valid" and self.span > 1

        def formula(length: str) -> str:
            places = f"{length} - {self.span:,}" if shorter else length
            if self.stride == 1:
                return f"{places} + 1" if shorter else places
            return f"({places}) / {self.stride:,} + 1" if shorter else f"{places} / {self.stride:,}"

        rounded = "" if self.stride == 1 else ", rounded down" if shorter else ", rounded up"
        if steps is None:
            return f"{formula('T')}{rounded}"
        windows = (steps - self.least_steps) // self.stride + 1
        numbers = formula(f"{steps:,}")
        return f"{formula('T')}{rounded} = {numbers}{f' = {windows:,}' if numbers != f'{windows:,}' else ''}"

    def padding_text(self, steps: int | None, what: str) -> str:
        """Return a description of the padding around a sequence; empty if there is none.

        Args:
            steps: the length of the sequence, or None for unknown.
            what: a timestep of the padding: zero.
        """
        if self.padding == "valid":
            return ""
        if self.goes_by_length and steps is None:
            return f"{what}s on both sides of the sequence, as many as its length needs, the odd one after it"
        before, after = self.around(steps)
        if self.padding == "causal":
            return f"{plural(before, what)} before the sequence, so that no output sees a later timestep"
        return f"{plural(before, what)} before the sequence and {after:,} after it"
