"""What a layer holds while it makes one step."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """The numbers that a layer holds at once while it makes one step, its states aside.

    Attributes:
        input: of the vector that it reads; an id counts as one.
        gates: of the gates of a recurrent layer.
        output: of the vector that it returns; 0 where that is an array which is counted already.
    """

    input: int
    gates: int
    output: int

    @property
    def numbers(self) -> int:
        """All of them."""
        return self.input + self.gates + self.output
