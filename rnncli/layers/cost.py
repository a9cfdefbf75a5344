"""The cost of one layer, and the totals of a network, which every reader of costs shares.

A size may be a number, or a symbol that supports addition, subtraction and multiplication (a `Polynomial` of a sweep or
a template). A cost that depends on an unknown number of timesteps is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rnncli.immutable import NamedTuple
from rnncli.layers.sizes import NoPolynomialError, UnknownSize
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of

if TYPE_CHECKING:
    from fractions import Fraction

    from rnncli.layers.base import Layer

Number = Any
"""A whole number, or a symbol for one."""


class StepNumbers(NamedTuple):
    """The numbers that a layer computes in one step besides its states, while they are needed.

    Attributes:
        gates: the numbers of a recurrent layer's gates.
        output: the numbers of its output vector; 0 if that is a state, a row of a table, or its input.
        at_end: the numbers of the vector that it computes from its states at the end of the sequence.
        unpacked: the numbers of its output vector with int8 weights: a row of a table in float.
        in_place: whether its output may overwrite its input.
    """

    gates: Number = 0
    output: Number = 0
    at_end: Number = 0
    unpacked: Number = 0
    in_place: bool = False


class StepMemory(NamedTuple):
    """The numbers in memory at once, besides the states, while a layer computes a step.

    Attributes:
        place: the layer's index among those that a summary shows.
        input: the numbers of its input vector, if the layer before computed one.
        gates: the numbers of its gates.
        output: the numbers of its output vector, unless that is the network's output.
    """

    place: int
    input: Number = 0
    gates: Number = 0
    output: Number = 0

    @property
    def numbers(self) -> Number:
        """The sum of them all."""
        return self.input + self.gates + self.output


class Streaming(NamedTuple):
    """The memory, besides the states, for running layers one step at a time.

    Attributes:
        held: the largest need of a layer before the last; several candidates if that depends on symbols.
        inside: the last layer's need if another layer follows: at a step and, if different, at the end of the sequence.
        last: the last layer's need if none follows, so that its output is the network's.
        operand: the numbers of the vector that the last layer computed; 0 if it returns an existing array.
        uneven: whether a layer is repeated a symbolic number of times and two of it need less than three.
    """

    held: tuple[StepMemory, ...] = ()
    inside: tuple[StepMemory, ...] = ()
    last: tuple[StepMemory, ...] = ()
    operand: Number = 0
    uneven: bool = False

    def after(self, step: StepNumbers, place: int, int8: bool) -> Streaming:
        """Return the memory with one more layer."""
        output = step.unpacked if int8 and not step.output else step.output
        held = self.held
        for each in self.inside:
            held = _largest(held, each)
        if step.in_place and self.operand != 0:
            only = StepMemory(place, self.operand)
            return self._replace(held=held, inside=(only,), last=(only,))
        last = StepMemory(place, self.operand, step.gates)
        inside = [last._replace(output=output)]
        if step.at_end != 0:
            inside.append(StepMemory(place, output=step.at_end))
        return Streaming(held, tuple(inside), (last,), output + step.at_end, self.uneven)

    @property
    def most(self) -> tuple[StepMemory, ...]:
        """The largest need of a layer; several candidates if that depends on symbols.

        Raises:
            NoPolynomialError: it depends on how often a layer is repeated, in a way that is not polynomial.
        """
        if self.uneven:
            raise NoPolynomialError("two layers need less memory than three")
        held = self.held
        for each in self.last:
            held = _largest(held, each)
        return held


OverTime = Mapping[Number | None, Number]
"""The numbers per vector, by how many vectors a sample has; None if unknown."""


class LayerCost(NamedTuple):
    """The cost of a layer for one sample of its input shape.

    Attributes:
        returns: the shape of its output.
        params: the number of its parameters.
        trained: the number of its trainable parameters.
        macs_per_step: the multiply-adds of one of its steps.
        macs: the multiply-adds for the whole sample; None if the number of its steps is unknown.
        steps: the number of its steps; None if unknown.
        scales: the number of scales for int8 weights.
        floats: the number of parameters that stay floats with int8 weights.
        carried: the numbers that it carries from one step to the next.
        step: the numbers that it computes in one step; None if it passes on its input.
        kept: its own numbers that training keeps per step. They exclude its input, and its output unless it
            `keeps_output`.
    """

    returns: Shape
    params: Number
    trained: Number
    macs_per_step: Number
    macs: Number | None
    steps: Number | None
    scales: Number
    floats: Number
    carried: Number
    step: StepNumbers | None
    kept: Number


@lru_cache(2**14)
def cost_of(layer: Layer, reads: Shape, framework: Framework) -> LayerCost:
    """Return the cost of a layer for an input shape, cached for deep stacks and sweeps."""
    return layer.cost(reads, framework)


_NOTHING: dict[Any, Number] = {}


class Totals(NamedTuple):
    """The totals of a network's layers so far, from its head on, for one sample.

    Attributes:
        shape: the output shape of the last layer; at first the input's shape.
        timesteps: the timesteps of the input; None if unknown.
        framework: the framework whose weights are counted.
        int8: whether weights are int8 and scaled; biases and everything else are then floats.
        input: the numbers in a timestep of the input; an id counts as one.
        layers: the number of layers that a summary shows.
        params: the number of all parameters.
        trained: the number of trainable parameters.
        scales: the number of scales for int8 weights.
        floats: the number of parameters that stay floats with int8 weights.
        macs_at: the multiply-adds of one step, by the number of steps per timestep of the input in a long sequence:
            layers after one that skips steps compute fewer.
        macs: the multiply-adds for the sample; None if the number of a layer's steps is unknown.
        outputs: the numbers that all layers return.
        carried: the numbers that all layers carry from step to step.
        streaming: the memory besides that for running a step at a time.
        whole: the spec of the first layer that must read ahead before it can return a step's output; else empty.
        kept: the numbers that training keeps, without the last layer's output unless that layer keeps it.
        unkept: the numbers of that output, if they do not include it. A view has the numbers of its layer's input.
        lengths: symbolic lengths and other numbers that must be at least 1.
        pace: the number of vectors that the last layer returns per timestep of the input, in a long sequence.
    """

    shape: Shape
    timesteps: Number | None = None
    framework: Framework = "keras"
    int8: bool = False
    input: Number = 0
    layers: Number = 0
    params: Number = 0
    trained: Number = 0
    scales: Number = 0
    floats: Number = 0
    macs_at: Mapping[Fraction | int, Number] = _NOTHING
    macs: Number | None = 0
    outputs: OverTime = _NOTHING
    carried: Number = 0
    streaming: Streaming = Streaming()
    whole: str = ""
    kept: OverTime = _NOTHING
    unkept: OverTime = _NOTHING
    lengths: tuple[Number, ...] = ()
    pace: Fraction | int = 1

    @classmethod
    def of(cls, shape: Shape, framework: Framework, dtype: str = "float32") -> Totals:
        """Return the totals for an input of a shape, before any layer."""
        numbers = shape[-1] if len(shape) == 3 else 1
        # Ids do not count as numbers.
        unkept = {shape[1]: numbers} if len(shape) == 3 else _NOTHING
        return cls(shape, shape[1], framework, dtype == "int8", numbers, unkept=unkept)

    @property
    def key(self) -> tuple[Any, ...]:
        """A hashable key that equal totals share."""
        return tuple([tuple(each.items()) if type(each) is dict else each for each in self])

    @property
    def streams(self) -> bool:
        """Whether all layers can return a step's output as soon as they have read that step."""
        return not self.whole

    @property
    def macs_per_step(self) -> Number:
        """The multiply-adds if each layer computes one step."""
        return sum(self.macs_at.values())

    def after(self, layer: Layer, times: Number = 1) -> Totals | None:
        """Return the totals with one more layer; None if it cannot read the last output, or has nothing to return.

        Its numbers are added `times` times, for a layer that is repeated without any other effect.
        """
        in_time = layer.reads == "input" or len(self.shape) == 3
        if layer.reads == ("vector" if in_time else "sequence"):
            return None
        cost = cost_of(layer, self.shape, self.framework)
        left = cost.returns[1] if len(cost.returns) == 3 else 1
        needed = layer.margins if layer.keeps_length else (*layer.margins, *([] if left is None else [left]))
        if any(isinstance(each, int) and each < 1 for each in needed):
            return None
        pace = self.pace
        if layer.stride != 1:
            from fractions import Fraction  # takes milliseconds to import

            pace = Fraction(pace) / layer.stride
        # Of layers that shorten a sequence one after the other, only the last length needs to be checked.
        longer = self.shape[1] if in_time and len(cost.returns) == 3 and not layer.keeps_length else None
        lengths = [each for each in self.lengths if each is not longer]
        returned = {left: features_of(cost.returns)}
        kept = {cost.steps: cost.kept}
        return Totals(
            cost.returns,
            self.timesteps,
            self.framework,
            self.int8,
            self.input,
            self.layers + times,
            self.params + cost.params * times,
            self.trained + cost.trained * times,
            self.scales + cost.scales * times,
            self.floats + cost.floats * times,
            _sum(self.macs_at, {pace if layer.works == "returned" else self.pace: cost.macs_per_step}, times),
            None if self.macs is None or cost.macs is None else self.macs + cost.macs * times,
            _sum(self.outputs, returned, times),
            self.carried + cost.carried * times,
            self.streaming if cost.step is None else self.streaming.after(cost.step, self.layers, self.int8),
            self.whole or (layer.spec() if layer.looks_ahead else ""),
            _sum(self.kept, _sum(kept, self.unkept) if layer.needs_input else kept, times),
            self.unkept if layer.is_view else {} if layer.keeps_output else returned,
            (*lengths, *(each for each in needed if isinstance(each, UnknownSize))),
            pace,
        )

    def repeated(self, layer: Layer, times: Number) -> Totals | None:
        """Return the totals with a layer repeated several times.

        From the third on, each repetition adds the same, provided that its output has its input's shape. `times` may
        therefore be a symbol, which stands for at least 2.

        Raises:
            NoPolynomialError: `times` is a symbol, and the layer's output does not have its input's shape.
        """
        once = self.after(layer)
        if once is None or times == 1:
            return once
        twice = once.after(layer)
        if twice is None or times == 2:
            return twice
        totals = twice.after(layer)
        if totals is not None and twice.shape == once.shape and twice.pace == once.pace:
            streaming = totals.streaming
            if isinstance(times, UnknownSize) and not streaming.uneven:
                held, more = ({each.numbers for each in some.streaming.most} for some in (twice, totals))
                streaming = streaming._replace(uneven=held != more)
            grown = twice.after(layer, times + -2)
            return grown and grown._replace(streaming=streaming)
        if isinstance(times, UnknownSize):
            raise NoPolynomialError("a layer that changes the length of the sequence is repeated a number of times")
        for _ in range(times - 3):
            if totals is None:  # too few vectors are left of the sequence
                return None
            totals = totals.after(layer)
        return totals

    @property
    def trains_on(self) -> OverTime:
        """The least that backpropagation through time keeps of a sample.

        That is what the layers keep for their own derivatives, the inputs that their derivatives need, and the last
        output, which the loss reads. An array that one layer returns and the next reads is kept once. If no layer has
        weights there is nothing to train, and nothing is kept.
        """
        if isinstance(self.params, int) and not self.params:
            return {}
        return {steps: each for steps, each in _sum(self.kept, self.unkept).items() if each}


def total_of(numbers: OverTime) -> Number | None:
    """Return the total over all vectors; None if a number of vectors is unknown."""
    total: Number = 0
    for steps, each in numbers.items():
        if steps is None:
            return None
        total = total + steps * each
    return total


def _sum(numbers: Mapping[Any, Number], more: Mapping[Any, Number], times: Number = 1) -> Mapping[Any, Number]:
    """Return the numbers of a mapping plus `times` those of another."""
    sums = {**numbers}
    for key, each in more.items():
        sums[key] = sums.get(key, 0) + each * times
    return sums


def _largest(held: tuple[StepMemory, ...], new: StepMemory) -> tuple[StepMemory, ...]:
    """Return the candidates for the largest need with one more: the first of the largest numbers, and all symbols."""
    for place, each in enumerate(held):
        if each.numbers == new.numbers:
            return held
        if not isinstance(each.numbers, UnknownSize) and not isinstance(new.numbers, UnknownSize):
            return (*held[:place], new, *held[place + 1 :]) if new.numbers > each.numbers else held
    return (*held, new)
