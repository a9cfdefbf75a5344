"""What a layer declares: its fields and how each is spelt, its output shape, its weights.

A kind of layer is one frozen dataclass. Its attributes are Keras's arguments; `sizes` and `options` say how
they are spelt in a spec. The parser, the canonical form, `rnncli layers` and the error hints all read these
declarations, so a spelling has one home.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import Field
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, get_args

Shape = tuple[int | None, ...]
"""A shape as Keras writes it: (batch, timesteps, features) or (batch, features); None is unknown."""

Framework = Literal["keras", "torch"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)
FRAMEWORK_NAMES: Mapping[Framework, str] = {"keras": "Keras", "torch": "PyTorch"}


class Factor(NamedTuple):
    """A number and what it is a number of: 32 units, 4 gates."""

    name: str
    number: int


Axis = tuple[Factor, ...]
"""An axis of a weight; its length is the product of its factors."""


def length(axis: Axis) -> int:
    """Return the length of an axis."""
    return prod(factor.number for factor in axis)


class Weight(NamedTuple):
    """One array that a layer owns.

    Attributes:
        name: the framework's name for it: `kernel`, `forward/bias`, `weight_ih_l0`.
        axes: its axes, which say what its shape is made of.
        symbol: what the layer's equations call it.
        initializer: the name of Keras's default initialiser for it (None for PyTorch's weights).
        multiplies: whether a vector is multiplied by it, which costs one multiply-add an element. A bias is added
            and an embedding is looked up; neither multiplies.
    """

    name: str
    axes: tuple[Axis, ...]
    symbol: str
    initializer: str | None = None
    multiplies: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its axes."""
        return tuple(map(length, self.axes))

    @property
    def params(self) -> int:
        """The number of its elements."""
        return prod(map(length, self.axes))


class Sizes(NamedTuple):
    """The numbers that a layer needs, `10000x32`: whole numbers joined by `x`.

    Attributes:
        attributes: the layer's attribute for each number, in the order they are written.
        symbols: the letter that stands for each in `rnncli layers`.
        example: a text to repair a spec with where no better one is known.
        optional: how many of the first may be left out.
    """

    attributes: tuple[str, ...]
    symbols: tuple[str, ...]
    example: str
    optional: int = 0


class Rate(NamedTuple):
    """A share from 0 to 1, `0.5`."""

    attribute: str
    symbol: str
    example: str


class Flag(NamedTuple):
    """A word that sets an attribute to `value`: `seq`."""

    word: str
    attribute: str
    means: str
    value: bool = True


class Choice(NamedTuple):
    """One of several named values, spelt `key=name`.

    Attributes:
        key: the word before `=`.
        attribute: the layer's attribute.
        values: the attribute's value for each name.
        means: what it does, for `rnncli layers`.
        key_alone: the name that the key alone stands for (`bi` is `bi=concat`), if it may stand alone.
        name_alone: whether a name may stand alone (`relu` is `act=relu`).
    """

    key: str
    attribute: str
    values: Mapping[str, Any]
    means: str
    key_alone: str | None = None
    name_alone: bool = False

    def spelling(self, value: object) -> str:
        """Return the shortest field that sets the attribute to `value`."""
        name = next(name for name, each in self.values.items() if each == value)
        if name == self.key_alone:
            return self.key
        return name if self.name_alone else f"{self.key}={name}"


Option = Flag | Choice


class Equation(NamedTuple):
    """A line of what a layer computes, in its own symbols, and what that is."""

    text: str
    means: str = ""


def applied(activation: str, argument: str) -> str:
    """Return an activation of something as an equation writes it; the linear one is not written."""
    return argument if activation == "linear" else f"{activation}({argument})"


class Conflict(NamedTuple):
    """Something that a framework cannot express, and the nearest layer that it can."""

    reason: str
    nearest: "Layer"


class Layer(ABC):
    """One layer of a network: immutable data, hashable, equal when all its arguments are.

    A kind is a subclass and a frozen dataclass.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    kind: ClassVar[str]
    """Its name in a canonical spec."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names that a spec may use."""
    keras: ClassVar[str]
    """Keras's class."""
    torch: ClassVar[str]
    """PyTorch's class, in torch.nn."""
    means: ClassVar[str]
    """What it does, for `rnncli layers`."""
    sizes: ClassVar[Sizes | Rate]
    options: ClassVar[tuple[Option, ...]] = ()
    needs_sequence: ClassVar[bool] = False
    """Whether it can only read (batch, timesteps, features)."""
    only_first: ClassVar[bool] = False
    """Whether it can only stand at the head of a network."""

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of its output for an input of `input_shape`."""

    def weights(self, input_size: int, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the weights it owns when each vector it reads has `input_size` features.

        They are in the framework's own order, named and shaped as the framework does.
        """
        del input_size, framework
        return ()

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the framework's class for it, as a summary shows it."""
        return self.keras if framework == "keras" else self.torch

    def cell_name(self, framework: Framework = "keras") -> str | None:
        """Return the class that does the work inside a recurrent layer; None for other layers."""
        del framework
        return None

    @abstractmethod
    def keras_names(self) -> tuple[str, ...]:
        """Return the base names that Keras numbers when it builds this layer; the first is the layer's own."""

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what `framework` cannot express of this layer, or None."""
        del framework
        return None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return what it computes in one step, in the symbols of its weights."""
        del framework
        return ()

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds that its outputs saturate at, or None where they have none."""
        return None

    def spec(self) -> str:
        """Return its canonical spec: the short kind, plain numbers, defaults left out."""
        return ":".join([self.kind, self._sizes_spec(), *self._options_spec()])

    def _sizes_spec(self) -> str:
        if isinstance(self.sizes, Rate):
            rate: float = getattr(self, self.sizes.attribute)
            return f"{rate:g}" if float(f"{rate:g}") == rate else repr(rate)
        numbers = [getattr(self, attribute) for attribute in self.sizes.attributes]
        return "x".join(str(number) for number in numbers if number is not None)

    def _options_spec(self) -> list[str]:
        fields = []
        for option in self.options:
            value = getattr(self, option.attribute)
            if value != type(self).default(option.attribute):
                fields.append(option.word if isinstance(option, Flag) else option.spelling(value))
        return fields

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.spec()}>"

    @classmethod
    def default(cls, attribute: str) -> object:
        """Return the value of an optional attribute when a spec does not set it."""
        return cls.__dataclass_fields__[attribute].default
