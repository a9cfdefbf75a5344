"""The declarations of a layer: everything that is specific to its kind.

A kind of layer is `immutable` data. Its attributes are Keras's arguments; `sizes` and `options` define
how they are written in a spec. The parser, the canonical form, `rnncli layers`, the hints, the summary, `explain`,
`draw`, `compare` and the sweep all read these declarations, so everything about a kind is in one file.
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
from rnncli.layers.cost import LayerCost, Number, StepNumbers
from rnncli.layers.options import Option, Whole
from rnncli.layers.sizes import Sizes
from rnncli.layers.weights import Framework, Weight
from rnncli.layers.windows import Window
from rnncli.quantities import Shape, features_of

Reads = Literal["input", "sequence", "vector", "either"]
"""A layer's input: the network's input, (batch, timesteps, features), (batch, features), or either of these two."""

Returns = Literal["sequence", "vector", "same"]
"""A layer's output: a sequence, a vector, or the same as its input."""


class Equation(NamedTuple):
    """One equation of a layer, in its own symbols, and what it computes."""

    text: str
    means: str = ""


class Remark(NamedTuple):
    """A remark about a layer, with its topic: State, Output, PyTorch."""

    topic: str
    text: str


class Conflict(NamedTuple):
    """Why a framework cannot express a layer, and the nearest layer that it can."""

    reason: str
    nearest: Layer


Limit = tuple[str, Mapping[str, Any]]
"""Why a framework cannot express a layer, and the arguments that differ in the nearest layer that it can."""


def applied(activation: str, argument: str) -> str:
    """Return an activation applied to an argument, as written in an equation; the linear one is omitted."""
    return argument if activation == "linear" else f"{activation}({argument})"


@cache
def snake_case(name: str) -> str:
    """Return the name of a class in Keras's snake case: `simple_rnn_cell`, `global_max_pooling1d`."""
    word = "".join(character for character in name if character.isalnum() or character == "_")
    return re.sub("(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", word).lower()


class Layer(Immutable, ABC):
    """One layer of a network: immutable data, equal to another when all its arguments are.

    A kind is a subclass, decorated with `immutable`; it needs no `__init__`.

    Raises:
        ArgumentError: an argument is not allowed; the message names it and the allowed values.
    """

    kind: ClassVar[str]
    """Its name in a canonical spec."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that a spec may use."""
    called: ClassVar[tuple[str, ...]] = ()
    """Other words for it, which an error answers with its name."""
    keras: ClassVar[str]
    """Keras's class."""
    torch: ClassVar[str]
    """PyTorch's class in torch.nn, or the equivalent tensor method."""
    classes: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Keras's classes if it has several, each with the arguments that it implies."""
    torch_arguments: ClassVar[Mapping[str, str]] = {}
    """PyTorch's names of the arguments that it also has: `units` is `hidden_size`."""
    torch_values: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The only values that PyTorch's arguments may have, by attribute, if these are fewer than Keras's."""
    torch_defaults: ClassVar[Mapping[str, str]] = {}
    """The arguments with a different default in PyTorch's class, and that default."""
    means: ClassVar[str]
    """Its description in `rnncli layers`."""
    sizes: ClassVar[Sizes]
    """How its sizes are written."""
    options: ClassVar[tuple[Option, ...]] = ()
    """Its other fields."""
    below: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Its pairs of sizes of which the first must be less than the second."""
    thinning: ClassVar[tuple[str, ...]] = ()
    """The sizes that shorten the output sequence and make the network smaller as they grow: a stride."""
    reads: ClassVar[Reads] = "either"
    """The input that it accepts."""
    needs_length: ClassVar[bool] = False
    """Whether it must know the length of its input sequence."""
    in_place: ClassVar[bool] = False
    """Whether its output vector may overwrite its input, unless that is a state."""
    shown: ClassVar[bool] = True
    """Whether a summary shows it as a layer."""
    states: ClassVar[tuple[str, ...]] = ()
    """The states that it carries from timestep to timestep; a layer with states is a recurrent layer."""
    gates: ClassVar[int] = 1
    """The numbers computed per unit in one step, apart from the states: the gates and the candidate."""
    gates_text: ClassVar[str] = "no gates"
    """The gates in words: three gates and a candidate."""
    candidate: ClassVar[int] = 0
    """The candidate's index in Keras's order of gates."""

    def __post_init__(self) -> None:
        values = dict(vars(self))
        try:
            for name in self.sizes.attributes:
                object.__setattr__(self, name, self.sizes.checked(name, values[name]))
            for option in self.options:
                object.__setattr__(self, option.attribute, option.checked(values[option.attribute]))
        except ValueError as fault:
            raise ArgumentError(f"{type(self).__name__}: {fault}") from None

    # Input and output

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of its output for an input of `input_shape`, as in Keras: (batch, timesteps, features)."""
        batch, *time, features = input_shape
        if self.returns == "vector" or (self.returns == "same" and not time):
            return (batch, self.output_features(features))
        steps = time[0] if time else 1
        return (batch, None if steps is None else self.output_length(steps), self.output_features(features))

    def output_features(self, features: Number) -> Number:
        """Return the number of output features for a number of input features."""
        return features

    def output_length(self, steps: Number) -> Number:
        """Return the length of the output for an input of `steps` vectors; less than 1 if the input is too short."""
        more = steps if self.least_steps == 1 else steps + -1 * self.least_steps + 1
        return more if self.stride == 1 else (more - 1) // self.stride + 1

    @property
    def window(self) -> Window | None:
        """The window that it moves over the sequence, if any."""
        return None

    @property
    def margins(self) -> tuple[Number, ...]:
        """By how much each of the sizes in `below` is less than the other; at least 1 if they are valid together."""
        less = ((getattr(self, smaller), getattr(self, larger)) for smaller, larger in self.below)
        return tuple(larger + -1 * smaller for smaller, larger in less if smaller is not None)

    @property
    def least_steps(self) -> Number:
        """The number of input vectors that it needs to return one."""
        return 1 if self.window is None else self.window.least_steps

    @property
    def shortening(self) -> tuple[str, ...]:
        """The sizes that shorten the output sequence as they grow."""
        return self.thinning

    @property
    def stride(self) -> Number:
        """The number of input vectors that it advances for each output vector."""
        return 1 if self.window is None else self.window.stride

    @property
    def keeps_length(self) -> bool:
        """Whether the output sequence is as long as the input."""
        return bool(self.least_steps == 1 and self.stride == 1)

    @property
    def works(self) -> Literal["read", "returned"]:
        """Whether it computes one step per input vector, or one per output vector, that is, per window."""
        return "read" if self.window is None else "returned"

    def steps(self, reads: Shape) -> Number | None:
        """Return the number of steps that it computes for a sample of a shape; None if unknown."""
        shape = reads if self.works == "read" else self.output_shape(reads)
        return shape[1] if len(shape) == 3 else 1

    @property
    def passes_mask(self) -> bool:
        """Whether padding in its input is padding in its output; never for vectors or windows."""
        return self.reads != "vector" and self.returns != "vector" and self.window is None

    @property
    def returns(self) -> Returns:
        """Its output."""
        return "same"

    @property
    def vocabulary(self) -> int | None:
        """The number of ids if it reads integer ids; None if it reads vectors."""
        return None

    @property
    def fixed_timesteps(self) -> int | None:
        """The length of the network's input, if this layer declares it."""
        return getattr(self, "timesteps", None)

    def with_timesteps(self, timesteps: int | None) -> Self:
        """Return the layer for a sequence of that length, or of any length, if the layer declares one."""
        return self

    @property
    def activations(self) -> tuple[str, ...]:
        """The activations that it applies: the output's and, if it has gates, theirs."""
        arguments = ("activation", "recurrent_activation")
        return tuple(getattr(self, name) for name in arguments if hasattr(self, name))

    @property
    def activates(self) -> str | None:
        """The activation, if the layer is nothing but an activation."""
        return self.activations[0] if "activation" in self.sizes.attributes else None

    @property
    def drops(self) -> float:
        """The share of its input that it drops in training."""
        return getattr(self, "rate", 0.0)

    def with_zeros(self, around: tuple[int, int], steps: int | None) -> Layer | None:
        """Return an equivalent layer that adds zeros around a sequence itself, for one that reads them as input.

        Returns None if there is no such layer.

        Args:
            around: the numbers of zero timesteps before and after the sequence.
            steps: the length of the sequence without them, or None for unknown.
        """
        return None

    def with_activation(self, activation: str) -> Layer | None:
        """Return the same layer with an activation on its output, or None if it has no place for one."""
        return None

    def trained(self) -> Self:
        """Return the same layer without settings for its weights' initial values, which no longer matter."""
        return self

    def returning(self, what: Literal["sequence", "vector"]) -> Layer | None:
        """Return the same layer returning a sequence or a vector, or None if it offers no choice."""
        return None

    @property
    def needs_whole(self) -> bool:
        """Whether it needs the end of the sequence before it can return anything."""
        from_the_end = self.reverses or self.merge is not None
        return from_the_end or (self.window is not None and self.window.goes_by_length)

    @property
    def looks_ahead(self) -> bool:
        """Whether it must read later steps of the sequence before it can return the output of a step."""
        return self.needs_whole or (self.window is not None and self.window.looks_ahead)

    @property
    def reverses(self) -> bool:
        """Whether it reads time from the last step to the first."""
        return getattr(self, "go_backwards", False)

    @property
    def merge(self) -> str | None:
        """How it merges the outputs of its two directions; None if it reads in one direction."""
        return getattr(self, "merge_mode", None)

    @property
    def joins(self) -> str | None:
        """How it combines all timesteps into one vector; None if it does not."""
        return None

    @property
    def directions(self) -> tuple[str, ...]:
        """The prefix of its weights' and states' names for each direction that it reads in."""
        return ("",) if self.merge is None else ("forward/", "backward/")

    # Weights and states

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return its weights for an input of `input_shape`.

        Their order, names and shapes are the framework's.
        """
        return ()

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The size of each of its `states` in one direction."""
        return {}

    # Costs; sizes may be symbols, which support only addition, subtraction and multiplication

    def cost(self, reads: Shape, framework: Framework = "keras") -> LayerCost:
        """Return its cost for one sample of a shape, which follows from its weights and its number of steps."""
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

    def step(self, input_shape: Shape) -> StepNumbers | None:
        """Return the numbers that it computes in one step besides its states; None if it passes on its input."""
        return StepNumbers(output=features_of(self.output_shape(input_shape)), in_place=self.in_place)

    def carried(self, input_shape: Shape) -> Mapping[str, Number]:
        """Return the sizes of what it carries from one step to the next, by name: its window, or its states."""
        if self.window is not None:
            return self.window.carried(features_of(input_shape))
        return {direction + state: size for direction in self.directions for state, size in self.state_sizes.items()}

    def kept(self, input_shape: Shape) -> int:
        """Return how many of its own numbers training keeps per step for its derivative.

        They do not include its input, nor its output unless `keeps_output`.
        """
        return features_of(self.output_shape(input_shape)) if self.keeps_output else 0

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs its input vectors, so that training keeps them."""
        return False

    @property
    def keeps_output(self) -> bool:
        """Whether its output is among the numbers that it keeps."""
        return False

    @property
    def is_view(self) -> bool:
        """Whether its output is no array of its own: the numbers of its input, also in training."""
        return False

    # Names in the frameworks, and what they cannot express

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class for it, as shown in a summary."""
        return self.keras if framework == "keras" else self.torch

    def cell_name(self, framework: Framework = "keras") -> str | None:
        """Return the class of a recurrent layer's cell, also inside a Bidirectional; None for other layers."""
        return (self.keras if framework == "keras" else self.torch) if self.states else None

    def keras_names(self) -> tuple[str, ...]:
        """Return the base names that Keras numbers when it builds this layer; the first is the layer's own."""
        return (snake_case(self.type_name()),)

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what the framework cannot express of this layer, or None."""
        reason, nearest = next(self.limits(framework), ("", {}))
        return Conflict(reason, replace(self, **nearest)) if reason else None

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield what the framework cannot express of this layer."""
        yield from ()

    # Explanations for learners

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equations of one step, in the symbols of its weights."""
        return ()

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Yield remarks about it for an input of `input_shape`."""
        yield from ()

    def _window_notes(self, steps: int | None, around: str, framework: Framework) -> Iterator[Remark]:
        """Yield remarks about its window: the number of windows, the padding and the mask."""
        assert self.window is not None
        yield Remark("Length", f"one vector for each window: {self.window.length_text(steps)}")
        if padding := self.window.padding_text(steps, around):
            yield Remark("Padding", padding)
        yield Remark("Mask", "ends here, as in Keras: padding is read like any other timestep")
        if framework == "torch":
            yield Remark(
                "PyTorch", f"{self.type_name(framework)} reads (batch, features, timesteps): x.transpose(1, 2)"
            )

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds at which its outputs saturate, or None if they do not."""
        return None

    @property
    def gates_are_shares(self) -> bool:
        """Whether it has gates and all their values lie between 0 and 1."""
        return False

    # Spelling

    def spec(self) -> str:
        """Return its canonical spec: the short kind, plain numbers, defaults left out."""
        size = filter(None, [self.sizes.spell(vars(self))])
        return ":".join([self.kind, *size, *(option.spelling(value) for option, value in self.given())])

    def given(self) -> Iterator[tuple[Option, Any]]:
        """Yield its options that a spec must set, each with its value."""
        for option in self.options:
            value = getattr(self, option.attribute)
            if value != self.default(option.attribute):
                yield option, value

    @property
    def numbers(self) -> Mapping[str, Any]:
        """Its numeric arguments, which may be symbols: its sizes and its fields with numbers."""
        names = [*self.sizes.attributes, *(option.attribute for option in self.options if isinstance(option, Whole))]
        return {name: getattr(self, name) for name in names}

    def with_size(self, old: object, new: int) -> Self:
        """Return the layer with `new` in place of each of its numbers that is `old`."""
        changes = {name: new for name, number in self.numbers.items() if number == old}
        return type(self)(**vars(self) | changes) if changes else self

    def __repr__(self) -> str:
        given = (
            f"{field.name}={value!r}" for field in fields(self) if (value := getattr(self, field.name)) != field.default
        )
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def default(cls, attribute: str) -> object:
        """Return the value of an optional attribute that a spec does not set."""
        return cls.__dataclass_fields__[attribute].default


class Head(Layer):
    """A layer that reads the input of a network. It can only be the first layer."""

    reads: ClassVar[Reads] = "input"
    returns = "sequence"
    padding: ClassVar[str]
    """Describes the steps that its mask marks as padding."""
    mask_zero: bool
    """Whether it marks them so."""

    def mask_notes(self) -> Iterator[Remark]:
        """Explain the mask, if there is one."""
        if self.mask_zero:
            yield Remark(
                "Mask",
                f"{self.padding} is padding: there a recurrent layer keeps its state, and a returned sequence repeats "
                "the last output, or has zeros before the first; PyTorch, which packs sequences, returns zeros there",
            )

    def steps(self, reads: Shape) -> Number | None:
        """Return the number of vectors or ids in a sample; None if unknown."""
        return reads[1]

    @abstractmethod
    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return the shape of the network's input: (batch, timesteps, features), or (batch, timesteps) for ids."""

    def of_vectors(self) -> Head:
        """Return a head that reads the vectors which this one returns."""
        return self
