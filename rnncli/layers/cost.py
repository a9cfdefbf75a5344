"""What one layer costs, and what the layers of a network cost together: the one sum that everything reads.

A size may be a number, or a symbol that is added, subtracted and multiplied (a `Polynomial` of a sweep or a template).
What is not known yet, because the timesteps are not, is None.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.layers.sizes import NoPolynomialError, Unknown
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of

if TYPE_CHECKING:
    from fractions import Fraction

    from rnncli.layers.base import Layer

Number = Any
"""A whole number, or a symbol that stands for one."""


class Step(NamedTuple):
    """The numbers that a layer holds at once while it makes one step, its states aside.

    Attributes:
        input: of the vector that it reads; an id counts as one.
        gates: of the gates of a recurrent layer.
        output: of the vector that it returns; 0 where that is an array which is counted already.
    """

    input: Number
    gates: Number
    output: Number

    @property
    def numbers(self) -> Number:
        """All of them."""
        return self.input + self.gates + self.output


class Held(NamedTuple):
    """What a layer holds to make a step.

    Attributes:
        numbers: how many numbers that are.
        step: what they are.
        place: the place of the layer among those that a summary shows.
    """

    numbers: Number
    step: Step
    place: int


OverTime = Mapping[Number | None, Number]
"""So many numbers for each of so many vectors of a sample, by the number of vectors: None where that is not known."""


class LayerCost(NamedTuple):
    """What a layer costs for one sample of the shape that it reads.

    Attributes:
        returns: the shape of its output.
        params: the number of its parameters.
        trained: how many of them training changes.
        macs_per_step: multiply-adds of one of its steps.
        macs: multiply-adds for the whole sample; None where the number of its steps is not known.
        steps: how many steps it makes; None where that is not known.
        carried: how many numbers it carries from one step to the next.
        step: what it holds at once to make a step.
        kept: the numbers of its own that training keeps of each of its steps. What it reads is not among them, nor what
            it returns unless it `keeps_output`.
    """

    returns: Shape
    params: Number
    trained: Number
    macs_per_step: Number
    macs: Number | None
    steps: Number | None
    carried: Number
    step: Step
    kept: Number


@lru_cache(2**14)
def cost_of(layer: "Layer", reads: Shape, framework: Framework) -> LayerCost:
    """Return what a layer costs that reads a shape, remembered for deep stacks and sweeps."""
    return layer.cost(reads, framework)


_NOTHING: dict[Any, Number] = {}


class Totals(NamedTuple):
    """What the layers of a network come to, from its head on, for one sample.

    Attributes:
        shape: the shape of what the last of them returns; at first that of the input.
        timesteps: how many timesteps the input has; None where that is not known.
        framework: whose weights are counted.
        layers: how many layers there are that a summary shows.
        params: the number of all parameters.
        trained: how many of them training changes.
        macs_at: multiply-adds of one step, by how many steps are made for a timestep of the input in a long sequence:
            where a layer skips steps, those behind it make fewer.
        macs: multiply-adds for the sample; None where the number of a layer's steps is not known.
        outputs: the numbers that all layers return.
        carried: the numbers that all layers carry from step to step.
        held: the layer that holds most to make a step; several, where it depends on symbols which that is.
        whole: the spec of the first that needs the end of the sequence before it can return anything; else empty.
        kept: the numbers that training keeps, what the last layer returns aside unless that keeps its output.
        keeps_output: whether that is among them.
        lengths: lengths, and other numbers, that are symbols and must come to 1 at least.
        pace: how many vectors the last returns for a timestep of the input, in a long sequence.
    """

    shape: Shape
    timesteps: Number | None = None
    framework: Framework = "keras"
    layers: Number = 0
    params: Number = 0
    trained: Number = 0
    macs_at: "Mapping[Fraction | int, Number]" = _NOTHING
    macs: Number | None = 0
    outputs: OverTime = _NOTHING
    carried: Number = 0
    held: tuple[Held, ...] = ()
    whole: str = ""
    kept: OverTime = _NOTHING
    keeps_output: bool = False
    lengths: tuple[Number, ...] = ()
    pace: "Fraction | int" = 1

    @property
    def key(self) -> tuple[Any, ...]:
        """What two of them have in common that are equal, for tables."""
        return tuple([tuple(each.items()) if type(each) is dict else each for each in self])

    @property
    def streams(self) -> bool:
        """Whether all of them can return something before the end of the sequence."""
        return not self.whole

    @property
    def macs_per_step(self) -> Number:
        """Multiply-adds where each layer makes one step."""
        return sum(self.macs_at.values())

    def after(self, layer: "Layer") -> "Totals | None":
        """Return the sums with one more layer; None where it cannot read what there is, or has nothing to return."""
        in_time = layer.reads == "input" or len(self.shape) == 3
        if layer.reads == ("vector" if in_time else "sequence"):
            return None
        cost = cost_of(layer, self.shape, self.framework)
        left = _vectors(cost.returns)
        needed = layer.margins if layer.keeps_length else (*layer.margins, *([] if left is None else [left]))
        if any(isinstance(each, int) and each < 1 for each in needed):
            return None
        pace = self.pace
        if layer.stride != 1:
            from fractions import Fraction  # takes milliseconds to import

            pace = Fraction(pace) / layer.stride
        kept = _more(self.kept, cost.steps, cost.kept)
        if layer.needs_input and not self.keeps_output:
            kept = _more(kept, _vectors(self.shape), features_of(self.shape))
        return Totals(
            cost.returns,
            self.timesteps,
            self.framework,
            self.layers + 1,
            self.params + cost.params,
            self.trained + cost.trained,
            _more(self.macs_at, pace if layer.works == "returned" else self.pace, cost.macs_per_step),
            None if self.macs is None or cost.macs is None else self.macs + cost.macs,
            _more(self.outputs, left, features_of(cost.returns)),
            self.carried + cost.carried,
            _most(self.held, Held(cost.step.numbers, cost.step, self.layers)),
            self.whole or (layer.spec() if layer.needs_whole else ""),
            kept,
            layer.keeps_output,
            (*self.lengths, *(each for each in needed if isinstance(each, Unknown))),
            pace,
        )

    def repeated(self, layer: "Layer", times: Number) -> "Totals | None":
        """Return the sums with a layer that stands there several times.

        From the second on each adds the same, so long as it returns the shape that it reads. So `times` may be a
        symbol, which stands for 2 at least.

        Raises:
            NoPolynomialError: `times` is a symbol, and it does not return the shape that it reads.
        """
        once = self.after(layer)
        if once is None or times == 1:
            return once
        twice = once.after(layer)
        if twice is None or times == 2:
            return twice
        if twice.shape == once.shape and twice.pace == once.pace:
            return once._grown(twice, times + -1)
        if isinstance(times, Unknown):
            raise NoPolynomialError("a layer that changes the length of the sequence stands there a number of times")
        totals: Totals | None = twice
        for _ in range(times - 2):
            totals = None if totals is None else totals.after(layer)
        return totals

    def _grown(self, other: "Totals", times: Number) -> "Totals":
        """Return the sums with what others have more, so many times."""

        def number(before: Number, after: Number) -> Number:
            return before + (after - before) * times

        def numbers(before: Mapping[Any, Number], after: Mapping[Any, Number]) -> dict[Any, Number]:
            return {key: number(before.get(key, 0), value) for key, value in after.items()}

        return other._replace(
            layers=number(self.layers, other.layers),
            params=number(self.params, other.params),
            trained=number(self.trained, other.trained),
            macs_at=numbers(self.macs_at, other.macs_at),
            macs=None if other.macs is None else number(self.macs, other.macs),
            outputs=numbers(self.outputs, other.outputs),
            carried=number(self.carried, other.carried),
            kept=numbers(self.kept, other.kept),
        )

    @property
    def trains_on(self) -> OverTime:
        """What backpropagation through time keeps of a sample at least.

        That is what the layers keep for their own derivatives, and what they read where their derivative needs it; the
        loss reads what the last returns. An array that one layer returns and the next reads is kept once. An id is no
        number. Where no layer has weights there is nothing to train, and nothing is kept.
        """
        if isinstance(self.params, int) and not self.params:
            return {}
        kept = self.kept
        if not self.keeps_output:
            kept = _more(kept, _vectors(self.shape), features_of(self.shape))
        return {steps: each for steps, each in kept.items() if each}


def total_of(numbers: OverTime) -> Number | None:
    """Return the sum of what there is for each of some vectors; None where it depends on a number that is not known."""
    total: Number = 0
    for steps, each in numbers.items():
        if steps is None:
            return None
        total = total + steps * each
    return total


def _vectors(shape: Shape) -> Number | None:
    """Return how many vectors or ids there are in a sample of a shape; None where that is not known."""
    return shape[1] if len(shape) == 3 else 1


def _more(numbers: Mapping[Any, Number], key: Any, more: Number) -> Mapping[Any, Number]:
    """Return numbers with more for a key."""
    return {**numbers, key: numbers.get(key, 0) + more}


def _most(held: tuple[Held, ...], new: Held) -> tuple[Held, ...]:
    """Return what may be most of all with one more: the first of the largest, and all that are symbols."""
    for place, each in enumerate(held):
        if each.numbers == new.numbers:
            return held
        if not isinstance(each.numbers, Unknown) and not isinstance(new.numbers, Unknown):
            return (*held[:place], new, *held[place + 1 :]) if new.numbers > each.numbers else held
    return (*held, new)
