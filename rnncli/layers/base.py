"""What a layer declares: everything that is particular to its kind.

A kind of layer is `immutable` data. Its attributes are Keras's arguments; `sizes` and `options` say
how they are written in a spec. The parser, the canonical form, `rnncli layers`, the hints, the summary, `explain`,
`draw`, `compare` and the sweep all read these declarations, so what is said of a kind stands in one file.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, Self

from rnncli.errors import ArgumentError
from rnncli.immutable import Immutable, NamedTuple
from rnncli.layers.cost import LayerCost, Number, Step
from rnncli.layers.options import Option, Whole
from rnncli.layers.sizes import Sizes
from rnncli.layers.weights import Framework, Weight
from rnncli.layers.windows import Window
from rnncli.quantities import Shape, features_of

Reads = Literal["input", "sequence", "vector", "either"]
"""What a layer reads: the network's input, (batch, timesteps, features), (batch, features), or either of these two."""

Returns = Literal["sequence", "vector", "same"]
"""What a layer returns: a sequence, a vector, or whichever of the two it reads."""


class Equation(NamedTuple):
    """A line of what a layer computes, in its own symbols, and what that is."""

    text: str
    means: str = ""


class Note(NamedTuple):
    """What is worth knowing about a layer, and what it is about: State, Output, PyTorch."""

    topic: str
    text: str


class Conflict(NamedTuple):
    """Something that a framework cannot express, and the nearest layer that it can."""

    reason: str
    nearest: Layer


def applied(activation: str, argument: str) -> str:
    """Return an activation of something as an equation writes it; the linear one is not written."""
    return argument if activation == "linear" else f"{activation}({argument})"


@cache
def snake_case(name: str) -> str:
    """Return the name of a class as Keras names its groups: `simple_rnn_cell`, `global_max_pooling1d`."""
    word = "".join(character for character in name if character.isalnum() or character == "_")
    return re.sub("(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", word).lower()


class Layer(Immutable, ABC):
    """One layer of a network: immutable data, equal to another when all its arguments are.

    A kind is a subclass, decorated with `immutable`; it needs no text of its own.

    Raises:
        ArgumentError: an argument is not allowed; the message says which, and what is.
    """

    kind: ClassVar[str]
    """Its name in a canonical spec."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that a spec may use."""
    called: ClassVar[tuple[str, ...]] = ()
    """What else people call it, which is answered with its name."""
    keras: ClassVar[str]
    """Keras's class."""
    torch: ClassVar[str]
    """PyTorch's class in torch.nn, or the method of a tensor that does the same."""
    classes: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Keras's classes where it has several, each with the arguments that it stands for."""
    torch_arguments: ClassVar[Mapping[str, str]] = {}
    """What PyTorch's class calls the arguments that it has, too: `units` is `hidden_size`."""
    torch_defaults: ClassVar[Mapping[str, str]] = {}
    """The arguments for which PyTorch's class has another default."""
    means: ClassVar[str]
    """What it does, for `rnncli layers`."""
    sizes: ClassVar[Sizes]
    """How its sizes are written."""
    options: ClassVar[tuple[Option, ...]] = ()
    """Its other fields."""
    reads: ClassVar[Reads] = "either"
    """What it can read."""
    needs_length: ClassVar[bool] = False
    """Whether it must know how long the sequence is that it reads."""
    shown: ClassVar[bool] = True
    """Whether a summary shows it as a layer."""
    states: ClassVar[tuple[str, ...]] = ()
    """What it keeps from timestep to timestep; a layer with states is a recurrent layer."""
    gates: ClassVar[int] = 1
    """How many numbers it computes at a step for each that it returns, the states aside."""
    gates_text: ClassVar[str] = "no gates"
    """What these are, in words: three gates and a candidate."""
    candidate: ClassVar[int] = 0
    """Which of them could become the state, in Keras's order of gates."""

    def __post_init__(self) -> None:
        values = dict(vars(self))
        try:
            for name, value in self.sizes.check(values).items():
                object.__setattr__(self, name, value)
            for option in self.options:
                option.check(values[option.attribute])
        except ValueError as fault:
            raise ArgumentError(f"{type(self).__name__}: {fault}") from None

    # What it makes of its input

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of its output for an input of `input_shape`: Keras's, (batch, timesteps, features)."""
        batch, *time, features = input_shape
        if self.returns == "vector" or (self.returns == "same" and not time):
            return (batch, self.output_features(features))
        steps = time[0] if time else 1
        return (batch, None if steps is None else self.output_length(steps), self.output_features(features))

    def output_features(self, features: Number) -> Number:
        """Return how many features each vector has that it returns, for how many those have that it reads."""
        return features

    def output_length(self, steps: Number) -> Number:
        """Return how many vectors the sequence has that it returns; less than 1 where it has too few to read."""
        more = steps if self.least_steps == 1 else steps + -1 * self.least_steps + 1
        return more if self.stride == 1 else (more - 1) // self.stride + 1

    @property
    def window(self) -> Window | None:
        """The window that it moves over the sequence; None if it moves none."""
        return None

    @property
    def margins(self) -> tuple[Number, ...]:
        """What must come to 1 at least for its sizes to go together."""
        return ()

    @property
    def least_steps(self) -> Number:
        """How many vectors of a sequence it must read to return one."""
        return 1 if self.window is None else self.window.least_steps

    @property
    def shortening(self) -> tuple[str, ...]:
        """The sizes that make the sequence shorter that it returns, the larger they are."""
        return ()

    @property
    def thinning(self) -> tuple[str, ...]:
        """Those of them that make the network smaller, the larger they are: a stride."""
        return ()

    @property
    def stride(self) -> Number:
        """How many vectors further on it reads for each that it returns."""
        return 1 if self.window is None else self.window.stride

    @property
    def keeps_length(self) -> bool:
        """Whether it returns as many vectors of a sequence as it reads."""
        return bool(self.least_steps == 1 and self.stride == 1)

    def steps_for(self, length: int) -> Number:
        """Return how many vectors of a sequence it must read to return so many."""
        return self.least_steps + (length - 1) * self.stride

    @property
    def works(self) -> Literal["read", "returned"]:
        """Whether it makes a step for each vector that it reads, or for each that it returns: for each window."""
        return "read" if self.window is None else "returned"

    def steps(self, reads: Shape) -> Number | None:
        """Return how many steps it makes for a sample of a shape; None where that is not known."""
        shape = reads if self.works == "read" else self.output_shape(reads)
        return shape[1] if len(shape) == 3 else 1

    @property
    def passes_mask(self) -> bool:
        """Whether what it returns is padding where what it reads is: a vector has none, nor have windows."""
        return self.reads != "vector" and self.returns != "vector" and self.window is None

    @property
    def returns(self) -> Returns:
        """What it returns."""
        return "same"

    @property
    def vocabulary(self) -> int | None:
        """How many ids there are, where it reads integer ids; None where it reads vectors."""
        return None

    @property
    def fixed_timesteps(self) -> int | None:
        """The length of the network's input, where the layer that takes it says it."""
        return None

    def with_timesteps(self, timesteps: int | None) -> Layer:
        """Return the layer for a sequence of that length, or of any, where it is the layer that says it."""
        return self

    @property
    def masks(self) -> bool:
        """Whether it marks steps as padding."""
        return False

    def without_mask(self) -> Layer:
        """Return the layer that marks no steps as padding."""
        return self

    @property
    def activations(self) -> tuple[str, ...]:
        """The activations that it applies: that of what it returns and, where there are gates, theirs."""
        arguments = ("activation", "recurrent_activation")
        return tuple(getattr(self, name) for name in arguments if hasattr(self, name))

    @property
    def activates(self) -> str | None:
        """The activation that it is, where it is nothing else."""
        return None

    @property
    def drops(self) -> float:
        """The share of what it reads that it drops while a network trains."""
        return 0.0

    def with_zeros(self, around: tuple[int, int], steps: int | None) -> Layer | None:
        """Return the layer that puts zeros around a sequence by itself, for this one that reads them.

        It is None where there is none such.

        Args:
            around: how many timesteps of zeros stand in front of the sequence and behind it.
            steps: the length of the sequence without them, or None for unknown.
        """
        return None

    def with_activation(self, activation: str) -> Layer | None:
        """Return the same layer with an activation behind it, or None where it has no place for one."""
        return None

    def trained(self) -> Self:
        """Return the same layer with nothing said of how its weights start, which they have done."""
        return self

    def returning(self, what: Literal["sequence", "vector"]) -> Layer | None:
        """Return the same layer returning a sequence or a vector, or None if it cannot be told to."""
        return None

    @property
    def needs_whole(self) -> bool:
        """Whether it needs the end of the sequence before it can return anything."""
        return self.window is not None and self.window.goes_by_length

    @property
    def looks_ahead(self) -> bool:
        """Whether it must read more of the sequence than a step before it can return what belongs to that."""
        return self.needs_whole or (self.window is not None and self.window.looks_ahead)

    @property
    def reverses(self) -> bool:
        """Whether it reads time from the last step to the first."""
        return False

    @property
    def merge(self) -> str | None:
        """How the outputs of its two directions become one; None if it reads in one direction."""
        return None

    @property
    def joins(self) -> str | None:
        """How it makes one vector of all timesteps; None if it does not."""
        return None

    @property
    def directions(self) -> tuple[str, ...]:
        """What comes before the names of its weights and states, for each direction that it reads in."""
        return ("",)

    # What it owns

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the weights it owns when it reads `input_shape`.

        They are in the framework's own order, named and shaped as the framework does.
        """
        return ()

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """How many numbers each of its `states` has, in one direction."""
        return {}

    def state_shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each of its states by name: `h`, `forward/c`."""
        return {
            direction + state: (batch, size)
            for direction in self.directions
            for state, size in self.state_sizes.items()
        }

    # What it costs, in numbers; sizes may be symbols, which are added, subtracted and multiplied alone

    def cost(self, reads: Shape, framework: Framework = "keras") -> LayerCost:
        """Return what it costs for a sample of a shape: what its weights come to, for each step that it makes."""
        weights = self.weights(reads, framework)
        steps = self.steps(reads)
        macs = sum(weight.params for weight in weights if weight.multiplies)
        return LayerCost(
            returns=self.output_shape(reads),
            params=sum(weight.params for weight in weights),
            trained=sum(weight.params for weight in weights if weight.trained),
            macs_per_step=macs,
            macs=None if steps is None else steps * macs,
            steps=steps,
            scales=sum(weight.scales for weight in self.weights(reads)),
            floats=sum(weight.params for weight in weights if not weight.is_matrix),
            carried=sum(self.carried(reads).values()),
            step=self.step(reads),
            kept=self.kept(reads),
        )

    def step(self, input_shape: Shape) -> Step | None:
        """Return the numbers that it makes in one step beside its states; None where it passes on what it reads."""
        return Step(output=features_of(self.output_shape(input_shape)))

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return how many numbers it carries from one step to the next, by what they are: of its window, or states."""
        if self.window is not None:
            return self.window.carried(features_of(input_shape))
        return {direction + state: size for direction in self.directions for state, size in self.state_sizes.items()}

    def kept(self, input_shape: Shape) -> int:
        """Return how many numbers of its own training keeps for each of its steps, for its derivative.

        What it reads is not among them, nor what it returns unless `keeps_output`.
        """
        return 0

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs the vectors that it reads, so that training keeps them."""
        return False

    @property
    def keeps_output(self) -> bool:
        """Whether what it returns is among the numbers that it keeps, or an array that is there already."""
        return False

    # What the frameworks call it, and what they cannot express

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class for it, as a summary shows it."""
        return self.keras if framework == "keras" else self.torch

    def cell_name(self, framework: Framework = "keras") -> str | None:
        """Return the class that does the work inside a recurrent layer; None for other layers."""
        return (self.keras if framework == "keras" else self.torch) if self.states else None

    def keras_names(self) -> tuple[str, ...]:
        """Return the base names that Keras numbers when it builds this layer; the first is the layer's own."""
        return (snake_case(self.type_name()),)

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what `framework` cannot express of this layer, or None."""
        return None

    # What a learner asks

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return what it computes in one step, in the symbols of its weights."""
        return ()

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Yield what is worth knowing about it when it reads `input_shape`."""
        yield from ()

    def _window_notes(self, steps: int | None, around: str, framework: Framework) -> Iterator[Note]:
        """Yield what is to be known of its window: how many there are, what stands around the sequence, the mask."""
        assert self.window is not None
        yield Note("Length", f"a vector for each window: {self.window.length_text(steps)}")
        if padding := self.window.padding_text(steps, around):
            yield Note("Padding", padding)
        yield Note("Mask", "it ends here, as in Keras: padding is read like any other timestep")
        if framework == "torch":
            yield Note("PyTorch", f"{self.type_name(framework)} reads (batch, features, timesteps): x.transpose(1, 2)")

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds that its outputs saturate at, or None where they have none."""
        return None

    @property
    def gates_are_shares(self) -> bool:
        """Whether it has gates, and all of them are between 0 and 1."""
        return False

    # How it is written

    def spec(self) -> str:
        """Return its canonical spec: the short kind, plain numbers, defaults left out."""
        size = self.sizes.spell({name: getattr(self, name) for name in self.sizes.attributes})
        return ":".join([self.kind, *([size] if size else []), *self._options_spec()])

    def _options_spec(self) -> Iterator[str]:
        for option in self.options:
            value = getattr(self, option.attribute)
            if value != self.default(option.attribute):
                yield option.spelling(value)

    @property
    def numbers(self) -> Mapping[str, Any]:
        """Its arguments that are numbers, which may be symbols: its sizes, and those of its fields."""
        names = [*self.sizes.attributes, *(option.attribute for option in self.options if isinstance(option, Whole))]
        return {name: getattr(self, name) for name in names}

    def with_size(self, old: object, new: int) -> Self:
        """Return the layer with another number in each place where one of its numbers is `old`."""
        changes = {name: new for name, number in self.numbers.items() if number == old}
        return type(self)(**vars(self) | changes) if changes else self

    def __repr__(self) -> str:
        given = (
            f"{field.name}={value!r}" for field in fields(self) if (value := getattr(self, field.name)) != field.default
        )
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def default(cls, attribute: str) -> object:
        """Return the value of an optional attribute when a spec does not set it."""
        return cls.__dataclass_fields__[attribute].default


class Head(Layer):
    """A layer that takes the input of a network. It can only stand first."""

    reads: ClassVar[Reads] = "input"
    returns = "sequence"
    padding: ClassVar[str]
    """Which steps are padding, where it marks them."""
    mask_zero: bool

    @property
    def masks(self) -> bool:
        """Whether such steps are padding."""
        return self.mask_zero

    def without_mask(self) -> Self:
        """Return the layer for which such a step is like any other."""
        return replace(self, mask_zero=False)

    def mask_notes(self) -> Iterator[Note]:
        """Say what a mask does, where it marks steps as padding."""
        if self.masks:
            yield Note(
                "Mask",
                f"{self.padding} is padding: a recurrent layer keeps its state there, and a sequence has the last "
                "output again, zeros before the first; in PyTorch, which packs sequences, it has zeros there",
            )

    def steps(self, reads: Shape) -> Number | None:
        """Return how many vectors or ids a sample has; None where that is not known."""
        return reads[1]

    @abstractmethod
    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return the shape of the network's input: (batch, timesteps, features), or (batch, timesteps) for ids."""

    @abstractmethod
    def of_vectors(self) -> Head:
        """Return the layer that reads the vectors which this one returns."""
