"""What the letters and words of a drawing mean: the lines below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnncli.errors import listed
from rnncli.layers import KINDS, Head
from rnncli.layers.words import fields_in_both, in_both
from rnncli.reports.unrolled import Unrolled

REVERSED = "reversed time"
"""What stands beside a sequence that starts with the last step."""


def legend(parts: Sequence[Unrolled], head: Head, last: Sequence[str]) -> Iterator[str]:
    """Yield what the letters and words of a drawing mean.

    Args:
        parts: what is drawn.
        head: the layer that takes the input, which may mark steps as padding.
        last: the names of the last states that are drawn.
    """
    states = tuple(dict.fromkeys(state for part in parts for state in part.states))
    if states:
        noun = "state" if len(states) == 1 else "states"
        yield f"{', '.join(states)}: the {noun} carried from step to step, 0 at the start of every sample"
        if any(part.masked for part in parts):
            yield f"{listed(fields_in_both(head))}: {head.padding} leaves the {noun} as before"
    if last:
        noun = "state" if len(last) == 1 else "states"
        theirs = ", ".join(f"{state}_n" for state in states)
        yield f"{', '.join(last)}: the last {noun} (Keras: return_state=True, PyTorch: {theirs})"
    reversing = next((layer for part in parts for layer in part.layers if layer.reversed_time and layer.states), None)
    if reversing is not None:
        back = in_both(KINDS[reversing.kind], "go_backwards", True)
        yield f"{REVERSED}: the last step comes first, as {back} returns it"
    if any(part.given == "windows" for part in parts):
        yield "w: the vectors of the sequence below it that one step reads"
    if any(part.given == "vector" for part in parts):
        yield "v: one vector, the same at every step of the sequence above it"
