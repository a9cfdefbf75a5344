"""Random networks, random spellings of them, and random numbers to run them on, for `make golden` and `make judge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

import drawing
import numpy as np
from kinds import HEADS, kind_of
from kinds.base import Dice

from rnncli.language.rules import least_steps
from rnncli.layers import GRU, LSTM, Dense, Dropout, Input, Layer, SimpleRNN

T = TypeVar("T")

Size = Callable[[Random], int]


def small_size(random: Random) -> int:
    """Return a size that is quick to run."""
    return random.randint(1, 8)


def any_size(random: Random) -> int:
    """Return a size of any magnitude up to the largest that a spec allows."""
    largest = random.choices((300, 100_000, 2**31 - 1), (80, 15, 5))[0]
    return random.choice((random.randint(1, largest), 1 + int(largest ** random.random())))


class RandomDice(Dice):
    """Draws with Python's random numbers. Half of the networks rarely have an unusual setting."""

    def __init__(self, random: Random, size: Size = any_size) -> None:
        self._random = random
        self._size = size
        self._unusual = random.choice((0.02, 0.6))

    def choice(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def size(self) -> int:
        return self._size(self._random)

    def steps(self) -> int:
        return self._random.randint(1, 7)

    def window(self) -> int:
        return self._random.randint(1, 4)

    def share(self) -> float:
        return self._random.random()

    def unusual(self) -> bool:
        return self._random.random() < self._unusual


def random_layers(random: Random, size: Size = any_size, most: int = 6, plausible: bool = True) -> tuple[Layer, ...]:
    """Return a head and up to `most` other layers; without `plausible` they may not form a valid network."""
    dice = RandomDice(random, size)
    layers = (dice.choice(HEADS).draw(dice), *drawing.draw_body(dice, most, plausible))
    return drawing.long_enough(layers) if plausible else layers


def random_stack(random: Random) -> tuple[Layer, ...]:
    """Return recurrent layers that PyTorch has, mostly equal, occasionally with a layer between two of them."""
    cell, units = random.choice((SimpleRNN, LSTM, GRU)), random.randint(1, 8)
    layer = cell(units, merge_mode=random.choice((None, "concat")))
    if isinstance(layer, LSTM) and units > 1 and random.random() < 0.5:
        layer = replace(layer, proj_size=random.randrange(1, units))
    layers: list[Layer] = [Input(random.randint(1, 8))]
    for _ in range(random.randint(2, 6)):
        if random.random() < 0.2:
            change = random.choice(("units", "merge_mode", "use_bias", "go_backwards", "activation"))
            others = {"units": layer.units + 1, "merge_mode": None if layer.merge_mode else "concat"}
            others |= {"use_bias": not layer.use_bias, "go_backwards": True}
            others |= {"activation": "relu" if isinstance(layer, SimpleRNN) else "tanh"}
            layer = replace(layer, **{change: others[change]})
        backwards = layer.go_backwards and layer.merge_mode is None
        layers.append(replace(layer, return_sequences=True, go_backwards=backwards))
        layer = replace(layer, go_backwards=False)
        between = random.choice(((), (), (0.2,), (0.2,), (0.2,), (0.3,), (0.2, 0.2), "dense"))
        layers += [Dense(4)] if between == "dense" else [Dropout(share) for share in between]
    return tuple(layers)


def typed(random: Random, layers: Sequence[Layer]) -> str:
    """Return one way to type the layers."""
    return drawing.typed(RandomDice(random), layers)


def random_input(numbers: np.random.Generator, layers: Sequence[Layer], batch: int, timesteps: int) -> np.ndarray:
    """Return a random input for a network, with the given timesteps or as many as it needs."""
    return kind_of(layers[0]).random_input(layers[0], numbers, batch, max(timesteps, least_steps(layers)))


def random_weights(numbers: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return random weights, including biases, with these names and shapes.

    They are multiples of 1/64, which float32 represents exactly and a file stores compactly. Kernels
    are small enough to keep unbounded activations from diverging at once.
    """
    weights = {}
    for name, shape in shapes.items():
        largest = 64
        if name.endswith("recurrent_kernel"):
            largest = max(8, round(48 / shape[0]))
        elif name.endswith("kernel"):
            largest = max(16, round(128 / shape[0]))
        least = 1 if name.endswith("variance") else -largest
        weights[name] = numbers.integers(least, largest + 1, shape) / 64
    return weights
