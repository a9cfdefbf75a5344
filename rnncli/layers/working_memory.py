"""What a network takes in memory beside its parameters: to run a step at a time, and to be trained.

The counts are the sums of what the layers declare, in numbers; how large a number is depends on the dtype.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rnncli.layers.base import Layer
from rnncli.layers.step import Step
from rnncli.quantities import Shape, features_of


class Passage(NamedTuple):
    """What passes through a layer.

    Attributes:
        layer: the layer.
        reads: the shape of its input.
        returns: the shape of its output.
        steps: how many vectors or ids of a sample it reads; None where that is not known.
    """

    layer: Layer
    reads: Shape
    returns: Shape
    steps: int | None


class Streaming(NamedTuple):
    """The numbers that a network holds while it makes a step at a time.

    Attributes:
        carried: what all layers carry from step to step.
        step: what the layer that holds most to make a step holds for it.
        largest: the place of that layer among those that a summary shows; None where there is none.
    """

    carried: int
    step: Step
    largest: int | None

    @property
    def numbers(self) -> int:
        """All of them."""
        return self.carried + self.step.numbers


def streaming(passages: Sequence[Passage]) -> Streaming | None:
    """Return what a network holds to make a step at a time; None where a layer needs the whole sequence."""
    if any(passage.layer.needs_whole for passage in passages):
        return None
    carried, steps = held(passages)
    largest = max(range(len(steps)), key=lambda place: steps[place].numbers, default=None)
    return Streaming(carried, Step(0, 0, 0) if largest is None else steps[largest], largest)


def held(passages: Iterable[Passage]) -> tuple[int, list[Step]]:
    """Return the numbers that all layers carry from step to step, and what each holds to make a step.

    Sizes may be symbols, of which it is not known which are larger.
    """
    carried, steps = 0, []
    for layer, reads, _, _ in passages:
        carried += layer.carried(reads)
        steps.append(layer.step(reads))
    return carried, steps


class Kept(NamedTuple):
    """Numbers that training keeps of each of some vectors.

    Attributes:
        steps: how many vectors there are in a sample; None where that is not known.
        numbers: how many numbers it keeps of each.
    """

    steps: int | None
    numbers: int


def kept(passages: Sequence[Passage]) -> tuple[Kept, ...]:
    """Return what backpropagation through time keeps of a sample at least, by the number of vectors it is kept of.

    That is what the layers keep for their own derivatives, and what they read where their derivative needs it; the loss
    reads what the last returns. An array that one layer returns and the next reads is kept once. An id is no number.
    Where no layer has weights there is nothing to train, and nothing is kept.
    """
    if not any(layer.weights(reads) for layer, reads, _, _ in passages):
        return ()
    numbers: dict[int | None, int] = {}
    held = False  # whether what the layer reads is counted already
    for layer, reads, _, steps in passages:
        again = features_of(reads) if layer.needs_input and not held else 0
        numbers[steps] = numbers.get(steps, 0) + layer.kept(reads) + again
        held = layer.keeps_output
    if passages and not held:
        returns = passages[-1].returns
        steps = returns[1] if len(returns) == 3 else 1
        numbers[steps] = numbers.get(steps, 0) + features_of(returns)
    return tuple(Kept(steps, each) for steps, each in numbers.items() if each)
