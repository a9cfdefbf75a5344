"""Random networks, random ways to spell them, and random numbers to run them on.

Spellings are written out here, not read from rnncli's declarations, so that they check those too.
`make golden` and `make judge` use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from itertools import groupby
from random import Random
from typing import Any

import numpy as np

from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Layer, Recurrent, SimpleRNN

ACTIVATIONS = (
    "linear",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softsign",
    "softplus",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softmax",
)
MERGE_MODES = ("concat", "sum", "mul", "ave")

KINDS = {
    Input: ("input", "in"),
    Embedding: ("embed", "embedding"),
    SimpleRNN: ("rnn", "simplernn", "simple_rnn"),
    LSTM: ("lstm",),
    GRU: ("gru",),
    Dense: ("dense", "linear", "fc"),
    Dropout: ("dropout",),
}
FLAGS = {
    ("return_sequences", True): "seq",
    ("go_backwards", True): "back",
    ("use_bias", False): "nobias",
    ("mask_zero", True): "mask",
}
KEYS = {"merge_mode": "bi", "activation": "act", "recurrent_activation": "recact"}

Size = Callable[[Random], int]


def small_size(random: Random) -> int:
    """Return a size that is quick to run."""
    return random.randint(1, 8)


def any_size(random: Random) -> int:
    """Return a size of any magnitude up to the largest that a spec allows."""
    largest = random.choices((300, 100_000, 2**31 - 1), (80, 15, 5))[0]
    return random.choice((random.randint(1, largest), 1 + int(largest ** random.random())))


def random_layers(random: Random, size: Size = any_size, most: int = 6, plausible: bool = True) -> tuple[Layer, ...]:
    """Return a head and up to `most` other layers.

    In half of the networks few layers have a setting that PyTorch does not know. If not `plausible`,
    they may be no network: a layer that needs a sequence may get none, and a Bidirectional may be
    told to go backwards.
    """
    unusual = random.choice((0.02, 0.6))
    if random.random() < 0.5:
        head: Layer = Embedding(size(random), size(random), mask_zero=random.random() < 0.5)
    else:
        head = Input(size(random), timesteps=random.choice((None, None, random.randint(1, 7))))
    body: list[Layer] = []
    while len(body) < most and (not body or random.random() < 0.8):
        layer = random_layer(random, size, unusual)
        body += [layer] * random.choice((1, 1, 1, 1, 2, 3))
    body = body[: random.choices((most, 0), (50, 1))[0]]
    if plausible:
        last = max((i for i, layer in enumerate(body) if isinstance(layer, Recurrent)), default=0)
        body = [
            replace(layer, return_sequences=True) if isinstance(layer, Recurrent) and i < last else layer
            for i, layer in enumerate(body)
        ]
    elif random.random() < 0.5:
        body = [
            replace(layer, go_backwards=True, merge_mode=random.choice(MERGE_MODES))
            if isinstance(layer, Recurrent) and random.random() < 0.2
            else layer
            for layer in body
        ]
    return (head, *body)


def random_layer(random: Random, size: Size, unusual: float) -> Layer:
    """Return a recurrent layer, a Dense or a Dropout; `unusual` is the chance of each rare setting."""
    kind = random.choice((SimpleRNN, SimpleRNN, LSTM, LSTM, GRU, GRU, Dense, Dropout))
    if kind is Dropout:
        return Dropout(random.choice((0.0, 1.0, 0.5, 1e-3, random.random())))
    arguments: dict[str, Any] = {"use_bias": random.random() < 0.8}
    if random.random() < (0.5 if kind is Dense else unusual):
        arguments["activation"] = random.choice(ACTIVATIONS)
    elif kind is SimpleRNN:
        arguments["activation"] = random.choice(("tanh", "tanh", "relu"))
    if kind is Dense:
        return Dense(size(random), **arguments)
    arguments["return_sequences"] = random.random() < 0.5
    direction = random.choice(("forward", "forward", "back", "bi"))
    if direction == "bi":
        modes = MERGE_MODES if random.random() < unusual else ("concat",)
        arguments["merge_mode"] = random.choice(modes)
    arguments["go_backwards"] = direction == "back"
    if kind is not SimpleRNN and random.random() < unusual:
        arguments["recurrent_activation"] = random.choice(ACTIVATIONS)
    if kind is GRU:
        arguments["reset_after"] = random.random() >= unusual
    return kind(size(random), **arguments)


def spell(random: Random, layers: Iterable[Layer]) -> str:
    """Return a spec of these layers, in any case, alias, order and spacing the language allows."""
    parts = []
    for layer, run in groupby(layers):
        count = len(list(run))
        if count > 1 and random.random() < 0.3:
            parts += [_spell_layer(random, layer, 1)] * count
        else:
            parts.append(_spell_layer(random, layer, count))
    return _spaced(random, ",").join(parts)


def spell_number(random: Random, number: int) -> str:
    """Return a whole number with a suffix, underscores or leading zeros, or plain."""
    ways = [str(number), f"{number:_}", f"0{number}"]
    ways += [
        f"{number // multiple}{suffix}"
        for suffix, multiple in (("k", 10**3), ("M", 10**6), ("G", 10**9))
        if number % multiple == 0
    ]
    return random.choice(ways)


def random_input(numbers: np.random.Generator, layers: tuple[Layer, ...], batch: int, timesteps: int) -> np.ndarray:
    """Return ids or features for a network. The features are multiples of 1/64.

    With a mask, ids are zero at the start of the first sample, the end of the second, in the middle
    of the third, here and there, and everywhere in the last.
    """
    head = layers[0]
    if isinstance(head, Input):
        shape = (batch, head.timesteps or timesteps, head.features)
        return numbers.integers(-128, 129, shape) / 64
    ids = numbers.integers(0, head.input_dim, (batch, timesteps))
    if head.mask_zero:
        zeros = numbers.random((batch, timesteps)) < 0.3
        zeros[0] = np.arange(timesteps) < timesteps // 3 + 1
        zeros[1 % batch] = np.arange(timesteps)[::-1] < timesteps // 3 + 1
        zeros[2 % batch] = np.arange(timesteps) == timesteps // 2
        zeros[-1] = True
        ids = np.where(zeros, 0, np.maximum(ids, min(1, head.input_dim - 1)))
    return ids.astype("int32")


def random_weights(numbers: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return numbers for weights of these names and shapes, biases included.

    They are multiples of 1/64, which float32 holds exactly and a file holds in little space. Kernels
    are small enough that an unbounded activation does not run away at once.
    """
    weights = {}
    for name, shape in shapes.items():
        largest = 64
        if name.endswith("recurrent_kernel"):
            largest = max(8, round(48 / shape[0]))
        elif name.endswith("kernel"):
            largest = max(16, round(128 / shape[0]))
        weights[name] = numbers.integers(-largest, largest + 1, shape) / 64
    return weights


def _spell_layer(random: Random, layer: Layer, count: int) -> str:
    kind = random.choice(KINDS[type(layer)])
    options = [
        _spell_option(random, field.name, getattr(layer, field.name), field.default)
        for field in fields(layer)
        if field.name not in ("units", "input_dim", "output_dim", "timesteps", "features", "rate")
    ]
    if count > 1:
        options.append(random.choice("xX") + spell_number(random, count))
    written = [random.choice((word, word, word.upper())) for word in options if word]
    written.append(_spell_sizes(random, layer))
    random.shuffle(written)
    kind = random.choice((kind, kind, kind.upper(), kind.title()))
    return _spaced(random, ":").join([kind, *written])


def _spell_sizes(random: Random, layer: Layer) -> str:
    match layer:
        case Dropout():
            return random.choice((repr(layer.rate), f"{layer.rate:.17e}", f"0{layer.rate!r}"))
        case Embedding():
            sizes = [layer.input_dim, layer.output_dim]
        case Input():
            sizes = [size for size in (layer.timesteps, layer.features) if size is not None]
        case _:
            sizes = [layer.units]
    return random.choice("xX").join(spell_number(random, size) for size in sizes)


def _spell_option(random: Random, attribute: str, value: object, default: object) -> str:
    """Return the field that sets an attribute, or nothing: a default need not be written."""
    if attribute == "reset_after":
        return random.choice(("reset=after", "")) if value else "reset=before"
    if attribute in KEYS:
        if value is None or (value == default and random.random() < 0.8):
            return ""
        if attribute == "merge_mode" and value == "concat" and random.random() < 0.5:
            return "bi"
        if attribute == "activation" and random.random() < 0.5:
            return str(value)
        return f"{KEYS[attribute]}={value}"
    return FLAGS.get((attribute, value), "")


def _spaced(random: Random, separator: str) -> str:
    return random.choice((separator, separator, separator, f" {separator}", f"{separator}  "))
