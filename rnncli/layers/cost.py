"""What one layer costs, and what the layers of a network cost together: the one sum that everything reads.

A size may be a number, or a symbol that is added, subtracted and multiplied (a `Polynomial` of a sweep or a template).
What is not known yet, because the timesteps are not, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rnncli.immutable import NamedTuple
from rnncli.layers.sizes import NoPolynomialError, Unknown
from rnncli.layers.weights import Framework
from rnncli.quantities import Shape, features_of

if TYPE_CHECKING:
    from fractions import Fraction

    from rnncli.layers.base import Layer

Number = Any
"""A whole number, or a symbol that stands for one."""


class Step(NamedTuple):
    """The numbers that a layer makes in one step beside its states, each as long as it is needed.

    Attributes:
        gates: of the gates of a recurrent layer.
        output: of the vector that it makes; 0 where that is a state, a row of a table, or what it reads.
        at_end: of the vector that it makes of its states when the sequence has ended.
        unpacked: of the vector that it makes where weights are int8: a row of a table in float.
        in_place: whether what it makes may take the place of what it reads.
    """

    gates: Number = 0
    output: Number = 0
    at_end: Number = 0
    unpacked: Number = 0
    in_place: bool = False


class Held(NamedTuple):
    """What is held at once beside the states while a layer makes a step.

    Attributes:
        place: the place of the layer among those that a summary shows.
        input: the numbers of the vector that it reads, where the layer before made that.
        gates: those of its gates.
        output: those of the vector that it makes, where that is not the network's output.
    """

    place: int
    input: Number = 0
    gates: Number = 0
    output: Number = 0

    @property
    def numbers(self) -> Number:
        """All of them."""
        return self.input + self.gates + self.output


class Streaming(NamedTuple):
    """What layers need that run a step at a time, their states aside.

    Attributes:
        held: the layer that holds most, without the last; several, where it depends on symbols which that is.
        inside: what the last holds if another layer follows; several at a step and at the end of the sequence.
        last: what it holds if none does: its output is the network's.
        operand: the numbers of the vector that it made; 0 where what it returns is there already.
        uneven: whether a layer stands there a number of times that is a symbol, of which two hold less than three.
    """

    held: tuple[Held, ...] = ()
    inside: tuple[Held, ...] = ()
    last: tuple[Held, ...] = ()
    operand: Number = 0
    uneven: bool = False

    def after(self, step: Step, place: int, int8: bool) -> Streaming:
        """Return what is needed with one more layer."""
        output = step.unpacked if int8 and not step.output else step.output
        held = self.held
        for each in self.inside:
            held = _most(held, each)
        if step.in_place and self.operand != 0:
            only = Held(place, self.operand)
            return self._replace(held=held, inside=(only,), last=(only,))
        last = Held(place, self.operand, step.gates)
        inside = [last._replace(output=output)]
        if step.at_end != 0:
            inside.append(Held(place, output=step.at_end))
        return Streaming(held, tuple(inside), (last,), output + step.at_end, self.uneven)

    @property
    def most(self) -> tuple[Held, ...]:
        """The layer that holds most; several, where it depends on symbols which that is.

        Raises:
            NoPolynomialError: it depends on how often a layer stands there, as no polynomial does.
        """
        if self.uneven:
            raise NoPolynomialError("two layers hold less than three")
        held = self.held
        for each in self.last:
            held = _most(held, each)
        return held


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
        scales: how many numbers weights of int8 have to scale them.
        floats: how many parameters are floats where weights are int8.
        carried: how many numbers it carries from one step to the next.
        step: what it makes in one step; None where it passes on what it reads.
        kept: the numbers of its own that training keeps of each of its steps. What it reads is not among them, nor what
            it returns unless it `keeps_output`.
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
    step: Step | None
    kept: Number


@lru_cache(2**14)
def cost_of(layer: Layer, reads: Shape, framework: Framework) -> LayerCost:
    """Return what a layer costs that reads a shape, remembered for deep stacks and sweeps."""
    return layer.cost(reads, framework)


_NOTHING: dict[Any, Number] = {}


class Totals(NamedTuple):
    """What the layers of a network come to, from its head on, for one sample.

    Attributes:
        shape: the shape of what the last of them returns; at first that of the input.
        timesteps: how many timesteps the input has; None where that is not known.
        framework: whose weights are counted.
        int8: whether weights are int8 and scaled; biases and all else are floats then.
        input: the numbers of a timestep of the input; an id counts as one.
        layers: how many layers there are that a summary shows.
        params: the number of all parameters.
        trained: how many of them training changes.
        scales: how many numbers scale weights of int8.
        floats: how many parameters are floats where weights are int8.
        macs_at: multiply-adds of one step, by how many steps are made for a timestep of the input in a long sequence:
            where a layer skips steps, those behind it make fewer.
        macs: multiply-adds for the sample; None where the number of a layer's steps is not known.
        outputs: the numbers that all layers return.
        carried: the numbers that all layers carry from step to step.
        streaming: what they need beside that to run a step at a time.
        whole: the spec of the first that must read on before it can return what belongs to a step; else empty.
        kept: the numbers that training keeps, what the last layer returns aside unless that keeps its output.
        keeps_output: whether that is among them.
        lengths: lengths, and other numbers, that are symbols and must come to 1 at least.
        pace: how many vectors the last returns for a timestep of the input, in a long sequence.
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
    keeps_output: bool = False
    lengths: tuple[Number, ...] = ()
    pace: Fraction | int = 1

    @classmethod
    def of(cls, shape: Shape, framework: Framework, dtype: str = "float32") -> Totals:
        """Return those of an input of a shape, before any layer."""
        numbers = shape[-1] if len(shape) == 3 else 1
        return cls(shape, shape[1], framework, dtype == "int8", numbers)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two of them have in common that are equal, for tables."""
        return tuple([tuple(each.items()) if type(each) is dict else each for each in self])

    @property
    def streams(self) -> bool:
        """Whether all of them can return what belongs to a step as soon as they have read it."""
        return not self.whole

    @property
    def macs_per_step(self) -> Number:
        """Multiply-adds where each layer makes one step."""
        return sum(self.macs_at.values())

    def after(self, layer: Layer) -> Totals | None:
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
            self.int8,
            self.input,
            self.layers + 1,
            self.params + cost.params,
            self.trained + cost.trained,
            self.scales + cost.scales,
            self.floats + cost.floats,
            _more(self.macs_at, pace if layer.works == "returned" else self.pace, cost.macs_per_step),
            None if self.macs is None or cost.macs is None else self.macs + cost.macs,
            _more(self.outputs, left, features_of(cost.returns)),
            self.carried + cost.carried,
            self.streaming if cost.step is None else self.streaming.after(cost.step, self.layers, self.int8),
            self.whole or (layer.spec() if layer.looks_ahead else ""),
            kept,
            layer.keeps_output,
            (*self.lengths, *(each for each in needed if isinstance(each, Unknown))),
            pace,
        )

    def repeated(self, layer: Layer, times: Number) -> Totals | None:
        """Return the sums with a layer that stands there several times.

        From the third on each adds the same, so long as it returns the shape that it reads. So `times` may be a
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
        totals = twice.after(layer)
        if totals is not None and twice.shape == once.shape and twice.pace == once.pace:
            if isinstance(times, Unknown) and not totals.streaming.uneven:
                held, more = ({each.numbers for each in some.streaming.most} for some in (twice, totals))
                totals = totals._replace(streaming=totals.streaming._replace(uneven=held != more))
            return twice._grown(totals, times + -2)
        if isinstance(times, Unknown):
            raise NoPolynomialError("a layer that changes the length of the sequence stands there a number of times")
        for _ in range(times - 3):
            if totals is None:  # the sequence has too few vectors left
                return None
            totals = totals.after(layer)
        return totals

    def _grown(self, other: Totals, times: Number) -> Totals:
        """Return the sums with what others have more, so many times."""

        def number(before: Number, after: Number) -> Number:
            return before + (after - before) * times

        def numbers(before: Mapping[Any, Number], after: Mapping[Any, Number]) -> dict[Any, Number]:
            return {key: number(before.get(key, 0), value) for key, value in after.items()}

        return other._replace(
            layers=number(self.layers, other.layers),
            params=number(self.params, other.params),
            trained=number(self.trained, other.trained),
            scales=number(self.scales, other.scales),
            floats=number(self.floats, other.floats),
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
