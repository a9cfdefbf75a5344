"""The interface of a kind's file.

A file defines one subclass of `Kind`, or of `Head` for a kind that takes the network's input. It is written by hand
from the frameworks' behaviour, never read from rnncli's declaration of the layer, because that is what it checks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from rnncli.engine.activations import Array
from rnncli.layers import Layer

T = TypeVar("T")


class Framework:
    """A framework that is imported on first use, because the ordinary tests run without it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


keras, torch = Framework("keras"), Framework("torch")


class Dice(ABC):
    """The source of randomness for layers and their spellings: hypothesis or `random.Random`."""

    @abstractmethod
    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""

    @abstractmethod
    def size(self) -> int:
        """Return a size of at least 1; the largest depends on whether the network will run."""

    @abstractmethod
    def steps(self) -> int:
        """Return a number of timesteps, small if a framework will step through them."""

    @abstractmethod
    def window(self) -> int:
        """Return a window length, small enough to fit in most sequences."""

    @abstractmethod
    def share(self) -> float:
        """Return a number from 0 to 1."""

    @abstractmethod
    def unusual(self) -> bool:
        """Return whether to use a setting that PyTorch may not have."""

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in random order."""
        left, drawn = list(items), []
        while left:
            drawn.append(left.pop(self.choice(range(len(left)))))
        return drawn


@dataclass(frozen=True)
class Option:
    """A layer argument that a spec field can set.

    Attributes:
        ways: the spellings of each value. The first value is the default, which may be omitted.
        usual: the values that PyTorch also has; all of them if not given.
        in_keras: whether Keras, which supplies the golden values, has it.
    """

    ways: Mapping[Any, tuple[str, ...]]
    usual: tuple[Any, ...] = ()
    in_keras: bool = True

    @property
    def default(self) -> Any:
        """The value if the spec does not set it."""
        return next(iter(self.ways))

    def draw(self, dice: Dice) -> Any:
        """Return a random value, the default half of the time."""
        values = tuple(self.ways) if dice.unusual() else self.usual or tuple(self.ways)
        return dice.choice((self.default, dice.choice(values)))

    def typed(self, value: Any, dice: Dice) -> list[str]:
        """Return the field that sets a value, in any spelling; nothing for an omitted default."""
        ways = list(self.ways[value])
        if value == self.default and (not ways or dice.choice((True, True, False))):
            return []
        return [dice.choice(ways)]


def flag(word: str, value: bool = True) -> Option:
    """Return an option that a single word sets to `value`."""
    return Option({not value: (), value: (word,)})


class Sample(NamedTuple):
    """One sample on its way through a network.

    Attributes:
        values: (timesteps, features), (features,), or the ids (timesteps,).
        mask: the timesteps that count; None if all do.
    """

    values: Array
    mask: Sequence[bool] | None = None


class Kind:
    """The tests' description of a kind of layer. A kind's file must define the attributes without a value here."""

    layer: ClassVar[type[Layer]]
    """rnncli's class."""
    names: ClassVar[tuple[str, ...]]
    """The names that a spec may use."""
    small: ClassVar[str]
    """A small layer's spec, run by every test that needs one of each kind."""
    numbers: ClassVar[tuple[str, ...]] = ()
    """The arguments that are whole numbers, in the order in which a spec joins them with x."""
    options: ClassVar[Mapping[str, Option]] = {}
    """Its other arguments."""
    keras_name: ClassVar[str]
    """Keras's class in keras.layers."""
    torch_name: ClassVar[str]
    """PyTorch's class in torch.nn, or the equivalent tensor method."""
    onnx_names: ClassVar[tuple[str, ...]]
    """The operations that may implement it in an ONNX file."""

    needs: ClassVar[str] = ""
    """A field, with its colon, that most other fields need in order to have an effect; it follows the size."""

    # Drawing and typing

    def draw(self, dice: Dice, plausible: bool = True) -> Layer:
        """Return a random layer; without `plausible`, its settings may conflict."""
        return self.layer(**self.draw_sizes(dice), **{name: option.draw(dice) for name, option in self.options.items()})

    def draw_sizes(self, dice: Dice) -> dict[str, Any]:
        """Return random values for the size arguments."""
        return {name: dice.size() for name in self.numbers}

    def typed(self, layer: Layer, dice: Dice) -> list[str]:
        """Return the fields of a layer in random order, each in any allowed spelling."""
        size = self.typed_sizes(layer, dice)
        options = [
            self.cased(way, dice)
            for name, option in self.options.items()
            for way in option.typed(getattr(layer, name), dice)
        ]
        return dice.shuffled([*([size] if size else []), *options])

    def typed_sizes(self, layer: Layer, dice: Dice) -> str:
        """Return the field with the layer's size, or an empty text if it has none."""
        numbers = [getattr(layer, name) for name in self.numbers]
        return dice.choice("xxX").join(typed_number(number, dice) for number in numbers if number is not None)

    @staticmethod
    def cased(word: str, dice: Dice) -> str:
        """Return a word in upper or lower case."""
        return dice.choice((word, word, word.upper(), word.title()))

    # Building with the frameworks

    def keras_layer(self, layer: Layer) -> keras.Layer:
        """Return Keras's layer, built with Keras's own arguments."""
        return getattr(keras.layers, self.keras_name)(**self.arguments(layer))

    def arguments(self, layer: Layer) -> dict[str, Any]:
        """Return all arguments of a layer."""
        return {name: getattr(layer, name) for name in (*self.numbers, *self.options)}

    def torch_module(self, layer: Layer, shape: Sequence[int]) -> torch.nn.Module | None:
        """Return PyTorch's module on the meta device for an input shape, or None if a tensor method does the work.

        Raises:
            TypeError, ValueError: PyTorch has no such module, or its module has no such argument.
        """

    def torch_method(self, layer: Layer) -> str:
        """Return the tensor method for a layer without a module."""
        return self.torch_name

    def torch_run(self, layer: Layer, module: torch.nn.Module | None, x: torch.Tensor) -> torch.Tensor:
        """Return the module's output."""
        assert module is not None
        return module(x)

    # Computing

    def textbook(self, layer: Layer, weights: Mapping[str, Array], sample: Sample) -> Sample:
        """Compute one sample by the textbook formula, in float64 and with Keras's weights."""

    # Input for `make golden`, in addition to networks of several kinds

    def golden_networks(self) -> Iterator[str]:
        """Yield networks whose shapes, names and counts are recorded, with each option set and unset."""

    def golden_values(self) -> Iterator[str]:
        """Yield small networks whose values are recorded, with each option set and unset."""


class Head(Kind, ABC):
    """The tests' description of a kind that takes the network's input."""

    def keras_layers_after_input(self, layer: Layer) -> list[keras.Layer]:
        """Return the further layers that Keras needs for it, directly after its input."""
        return []

    @abstractmethod
    def keras_input(self, layer: Layer, batch: int | None, timesteps: int | None) -> keras.KerasTensor:
        """Return Keras's input for it."""

    @abstractmethod
    def torch_input(self, layer: Layer, batch: int, timesteps: int) -> torch.Tensor:
        """Return an input for it on the meta device."""

    @abstractmethod
    def random_input(self, layer: Layer, numbers: np.random.Generator, batch: int, timesteps: int) -> np.ndarray:
        """Return a random input that float32 represents exactly."""


def padding(numbers: np.random.Generator, batch: int, timesteps: int) -> np.ndarray:
    """Choose the padding steps of each sample, (batch, timesteps).

    The first sample is padded at its start, the second at its end, the third in the middle, others at random, and the
    last completely.
    """
    padded = numbers.random((batch, timesteps)) < 0.3
    padded[0] = np.arange(timesteps) < timesteps // 3 + 1
    padded[1 % batch] = np.arange(timesteps)[::-1] < timesteps // 3 + 1
    padded[2 % batch] = np.arange(timesteps) == timesteps // 2
    padded[-1] = True
    return padded


def typed_number(number: int, dice: Dice) -> str:
    """Return a whole number with a suffix, underscores or leading zeros, or plain."""
    ways = [str(number), f"{number:_}", f"00{number}"]
    ways += [
        f"{number // multiple}{suffix}"
        for suffix, multiple in (("k", 10**3), ("M", 10**6), ("G", 10**9))
        if number % multiple == 0
    ]
    return dice.choice(ways)


def per_step(formula: Callable[[Array], Array], sample: Sample) -> Sample:
    """Apply a formula to a vector, or to each vector of a sequence."""
    values = sample.values
    return sample._replace(values=np.array([formula(row) for row in values]) if values.ndim == 2 else formula(values))
