"""What the file of a kind provides.

It holds one subclass of `Kind`, or of `Head` for what takes the input of a network. Everything in it is written by
hand and from what the frameworks do, nothing is read from rnncli's declaration of the layer: that is what it checks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from rnncli.engine.types import Array
from rnncli.layers import Layer

T = TypeVar("T")


class Framework:
    """A framework that is imported when it is first asked for something: the ordinary tests run without it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


keras, torch = Framework("keras"), Framework("torch")


class Dice(ABC):
    """What random layers, and random ways to type them, are drawn with: hypothesis, or `random.Random`."""

    @abstractmethod
    def choice(self, options: Sequence[T]) -> T:
        """Return one of some options."""

    @abstractmethod
    def size(self) -> int:
        """Return a number from 1; how large it may be depends on whether the network is to be run."""

    @abstractmethod
    def steps(self) -> int:
        """Return a number of timesteps, small where a framework is to go through them."""

    @abstractmethod
    def window(self) -> int:
        """Return a number of timesteps in a window, so small that most sequences have such windows."""

    @abstractmethod
    def share(self) -> float:
        """Return a number from 0 to 1."""

    @abstractmethod
    def unusual(self) -> bool:
        """Return whether a setting may be one that PyTorch does not know."""

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return some items in any order."""
        left, drawn = list(items), []
        while left:
            drawn.append(left.pop(self.choice(range(len(left)))))
        return drawn


@dataclass(frozen=True)
class Option:
    """An argument of a layer that a field of a spec may set.

    Attributes:
        ways: for each value, how it may be written. The first is the default, which may be left out.
        usual: the values that PyTorch knows too; without it, all of them.
        in_keras: whether Keras, whose values are golden, knows it.
    """

    ways: Mapping[Any, tuple[str, ...]]
    usual: tuple[Any, ...] = ()
    in_keras: bool = True

    @property
    def default(self) -> Any:
        """The value where a spec does not set it."""
        return next(iter(self.ways))

    def draw(self, dice: Dice) -> Any:
        """Return a random value, every other time the default."""
        values = tuple(self.ways) if dice.unusual() else self.usual or tuple(self.ways)
        return dice.choice((self.default, dice.choice(values)))

    def typed(self, value: Any, dice: Dice) -> list[str]:
        """Return the field that sets it to a value, in any way, or nothing for a default."""
        ways = list(self.ways[value])
        if value == self.default and (not ways or dice.choice((True, True, False))):
            return []
        return [dice.choice(ways)]


def flag(word: str, value: bool = True) -> Option:
    """Return the option that one word sets to `value`."""
    return Option({not value: (), value: (word,)})


class Sample(NamedTuple):
    """One sample on its way through a network.

    Attributes:
        values: (timesteps, features), (features,), or the ids (timesteps,).
        mask: which of the steps count; None if all do.
    """

    values: Array
    mask: Sequence[bool] | None = None


class Kind:
    """What the tests know of a kind of layer. What has no value here, a kind's file must say."""

    layer: ClassVar[type[Layer]]
    """rnncli's class."""
    names: ClassVar[tuple[str, ...]]
    """The names that a spec may use."""
    small: ClassVar[str]
    """The spec of a layer that is small enough to be run by every test that wants one of each kind."""
    numbers: ClassVar[tuple[str, ...]] = ()
    """The arguments that are whole numbers, in the order a spec joins them with x."""
    options: ClassVar[Mapping[str, Option]] = {}
    """Its other arguments."""
    keras_name: ClassVar[str]
    """Keras's class in keras.layers."""
    torch_name: ClassVar[str]
    """PyTorch's class in torch.nn, or the method of a tensor that does the same."""
    onnx_names: ClassVar[tuple[str, ...]]
    """The operations that may do its work in an ONNX file."""

    needs: ClassVar[str] = ""
    """A field that must stand behind its size for most of its other fields to mean anything, with its colon."""

    # How it is drawn and typed

    def draw(self, dice: Dice, plausible: bool = True) -> Layer:
        """Return a random layer; if not `plausible`, perhaps with settings that do not go together."""
        del plausible
        return self.layer(**self.draw_sizes(dice), **{name: option.draw(dice) for name, option in self.options.items()})

    def draw_sizes(self, dice: Dice) -> dict[str, Any]:
        """Return random values for the arguments that say its size."""
        return {name: dice.size() for name in self.numbers}

    def typed(self, layer: Layer, dice: Dice) -> list[str]:
        """Return the fields of a layer in any order, each in any way that it may be typed."""
        size = self.typed_sizes(layer, dice)
        options = [
            self.cased(way, dice)
            for name, option in self.options.items()
            for way in option.typed(getattr(layer, name), dice)
        ]
        return dice.shuffled([*([size] if size else []), *options])

    def typed_sizes(self, layer: Layer, dice: Dice) -> str:
        """Return the field that says its size, or an empty text if there is none."""
        numbers = [getattr(layer, name) for name in self.numbers]
        return dice.choice("xxX").join(typed_number(number, dice) for number in numbers if number is not None)

    @staticmethod
    def cased(word: str, dice: Dice) -> str:
        """Return a word in either case."""
        return dice.choice((word, word, word.upper(), word.title()))

    # How the frameworks build it

    def keras_layer(self, layer: Layer) -> keras.Layer:
        """Return Keras's layer. The arguments are Keras's own."""
        return getattr(keras.layers, self.keras_name)(**self.arguments(layer))

    def arguments(self, layer: Layer) -> dict[str, Any]:
        """Return all arguments of a layer."""
        return {name: getattr(layer, name) for name in (*self.numbers, *self.options)}

    def torch_module(self, layer: Layer, shape: Sequence[int]) -> torch.nn.Module | None:
        """Return PyTorch's module on the meta device for an input of a shape, or None if a method does its work.

        Raises:
            TypeError, ValueError: PyTorch has no such module, or it does not take such an argument.
        """

    def torch_method(self, layer: Layer) -> str:
        """Return the method of a tensor that does the work of a layer without a module."""
        del layer
        return self.torch_name

    def torch_run(self, layer: Layer, module: torch.nn.Module | None, x: torch.Tensor) -> torch.Tensor:
        """Return what the module makes of its input."""
        assert module is not None
        return module(x)

    # What it computes

    def textbook(self, layer: Layer, weights: Mapping[str, Array], sample: Sample) -> Sample:
        """Return what it makes of one sample, by the textbook's formula, in float64 and with Keras's weights."""

    # What `make golden` asks the frameworks, beside networks of several kinds

    def golden_networks(self) -> Iterator[str]:
        """Yield networks whose shapes, names and counts are kept, each option set and not set."""

    def golden_values(self) -> Iterator[str]:
        """Yield small networks whose values are kept, each option set and not set."""


class Head(Kind, ABC):
    """What the tests know of a kind that takes the input of a network."""

    def keras_behind(self, layer: Layer) -> list[keras.Layer]:
        """Return the layers that Keras has right behind its input for it, beside its own."""
        del layer
        return []

    @abstractmethod
    def keras_input(self, layer: Layer, batch: int | None, timesteps: int | None) -> keras.KerasTensor:
        """Return Keras's input for it."""

    @abstractmethod
    def torch_input(self, layer: Layer, batch: int, timesteps: int) -> torch.Tensor:
        """Return an input for it on the meta device."""

    @abstractmethod
    def random_input(self, layer: Layer, numbers: np.random.Generator, batch: int, timesteps: int) -> np.ndarray:
        """Return a random input that float32 holds exactly."""


def padding(numbers: np.random.Generator, batch: int, timesteps: int) -> np.ndarray:
    """Return which steps of samples are to be padding, (batch, timesteps).

    They are those at the start of the first sample, the end of the second, in the middle of the third, here and there,
    and all of the last.
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
    """Return what a formula makes of a vector, or of each vector of a sequence."""
    values = sample.values
    return sample._replace(values=np.array([formula(row) for row in values]) if values.ndim == 2 else formula(values))
