"""ONNX's recurrent nodes as layers: directions, activations and arrays, and the reason where there is no such layer.

https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours GRU and RNN describe them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.nodes import Operation
from rnncli.formats.onnx.values import Link, Value, Zeros, link_of
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN


class Kind(NamedTuple):
    """A kind of recurrent node.

    Attributes:
        layer: the layer that it is.
        gates: how many blocks its arrays have.
        activations: those that it has unless it is told others.
    """

    layer: type[Recurrent]
    gates: int
    activations: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "RNN": Kind(SimpleRNN, 1, ("Tanh",)),
    "GRU": Kind(GRU, 3, ("Sigmoid", "Tanh")),
    "LSTM": Kind(LSTM, 4, ("Sigmoid", "Tanh", "Tanh")),
}
"""The recurrent nodes of ONNX."""

DIRECTIONS: Mapping[str, int] = {"forward": 1, "reverse": 1, "bidirectional": 2}
"""How many cells a node has in each direction that it can be told."""

PLAIN: Mapping[str, str] = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "relu",
    "softsign": "softsign",
    "softplus": "softplus",
}
"""Activations that take no numbers, by their names in small letters."""

NUMBERED: Mapping[str, tuple[str, float | None, float | None, float, float]] = {
    "affine": ("linear", 1.0, 0.0, 1.0, 0.0),
    "elu": ("elu", 1.0, None, 1.0, 0.0),
    "hardsigmoid": ("hard_sigmoid", 0.2, 0.5, 1 / 6, 0.5),
    "leakyrelu": ("relu", 0.01, None, 0.0, 0.0),
    "thresholdedrelu": ("relu", 1.0, None, 0.0, 0.0),
    "scaledtanh": ("tanh", 1.0, 1.0, 1.0, 1.0),
}
"""Activations that take alpha, perhaps beta: the language's, their defaults, and the numbers it is them with."""


class ReasonError(Exception):
    """A node is no layer of the language; the message says why."""


def cell_of(node: Operation, value: Callable[[str], Value | None]) -> Link:
    """Return a recurrent node as a layer that returns its sequence and reads time as the node is told.

    Args:
        node: the node.
        value: what is known of a value, by name.

    Raises:
        ReasonError: there is no such layer.
    """
    kind = KINDS[node.operation]
    direction = node.attributes["direction"].text if "direction" in node.attributes else "forward"
    if direction not in DIRECTIONS:
        raise ReasonError(f"its direction is {shorten(direction)}")
    count = DIRECTIONS[direction]
    clip = node.attributes.get("clip")
    if clip is not None and clip.number:
        raise ReasonError(f"it clips what its gates read at {clip.number:g}; neither Keras nor rnncli has such a cell")
    if node.whole("input_forget", 0):
        raise ReasonError("its input_forget couples two gates; neither Keras nor rnncli has such a cell")
    peepholes = value(node.input(7)) if node.input(7) else Zeros()
    if not is_zero(peepholes):
        raise ReasonError("it has peepholes (P); neither Keras nor rnncli has such a cell")
    options: dict[str, object] = _activations(node, kind, count)
    if node.operation == "GRU":
        options["reset_after"] = bool(node.whole("linear_before_reset", 0))
    arrays = {}
    for index, role in enumerate(("W", "R", "B"), start=1):
        name = node.input(index)
        constant = value(name) if name else None
        if isinstance(constant, Constant):
            arrays[role] = constant
        elif name or role != "B":
            raise ReasonError(f"its {role} ({shorten(name)}) is computed, and no array of the file")
    units, reads = _sizes(node, kind, count, {role: constant.tensor.shape for role, constant in arrays.items()})
    try:
        layer = kind.layer(
            units,
            return_sequences=True,
            merge_mode="concat" if count == 2 else None,
            use_bias="B" in arrays,
            go_backwards=direction == "reverse",
            **options,  # type: ignore[arg-type]  # each is what the class takes
        )
    except ArgumentError as error:
        raise ReasonError(error.message) from None
    link = link_of(node.name, layer, arrays, reads, "onnx")
    # Zeros that a node starts from, and peepholes of zeros, belong to the layer: they are no parameters of another.
    zeros = [value(node.input(index)) for index in (5, 6, 7) if node.input(index)]
    sources = {name for zero in zeros if isinstance(zero, Constant | Zeros) and is_zero(zero) for name in zero.sources}
    return link._replace(sources=link.sources | sources, assumed=tuple(_assumed(node, value)))


def is_zero(value: Value | None) -> bool:
    """Whether a value is known to be all zeros."""
    return isinstance(value, Zeros) or (isinstance(value, Constant) and value.is_zero())


def _assumed(node: Operation, value: Callable[[str], Value | None]) -> list[str]:
    """Return what a layer leaves out of what its node reads."""
    said = []
    if node.input(4):
        said.append(f"{node.name} reads every sequence to its end: its sequence_lens ({node.input(4)}) are left out")
    first = [name for name in (node.input(5), node.input(6)) if name and not is_zero(value(name))]
    if first:
        said.append(f"{node.name} starts from zeros: in the file its first state is {' and '.join(first)}")
    return said


def _sizes(node: Operation, kind: Kind, count: int, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Return the units of a node and the features that it reads, from the shapes of its arrays."""
    w, r = shapes["W"], shapes["R"]
    units = r[2] if len(r) == 3 else 0
    rows = kind.gates * units
    hidden = node.whole("hidden_size", units)
    if len(w) != 3 or not w[2] or not units or w[:2] != (count, rows) or r[:2] != (count, rows) or hidden != units:
        raise ReasonError(f"its W {w} and R {r} do not go with {count} × {kind.gates} gates of {hidden} units")
    if "B" in shapes and shapes["B"] != (count, 2 * rows):
        raise ReasonError(f"its B {shapes['B']} is not {(count, 2 * rows)}")
    return units, w[2]


def _activations(node: Operation, kind: Kind, count: int) -> dict[str, object]:
    """Return the activations of a layer by the names of its attributes."""
    told = node.attributes.get("activations")
    names = told.texts if told is not None and told.texts else list(kind.activations) * count
    each = len(kind.activations)
    if len(names) != each * count:
        raise ReasonError(f"it has {len(names)} activations, expected {each * count}")
    alphas, betas = (
        list(node.attributes[name].numbers) if name in node.attributes else []
        for name in ("activation_alpha", "activation_beta")
    )
    words = [_activation(name, alphas, betas) for name in names]
    if words[:each] * count != words:
        raise ReasonError(f"its two directions have other activations: {', '.join(names)}")
    if node.operation == "LSTM" and words[1] != words[2]:
        raise ReasonError(
            f"its candidate has {words[1]} and its output {words[2]}; an LSTM of Keras has one activation for both"
        )
    if each == 1:
        return {"activation": words[0]}
    return {"recurrent_activation": words[0], "activation": words[1]}


def _activation(name: str, alphas: list[float], betas: list[float]) -> str:
    """Return the language's word for an activation; it takes its numbers from the front of the lists."""
    lower = name.lower()
    if lower in PLAIN:
        return PLAIN[lower]
    if lower not in NUMBERED:
        raise ReasonError(f"its activation {shorten(name)} is none that Keras has")
    word, alpha, beta, needs_alpha, needs_beta = NUMBERED[lower]
    if alpha is not None and alphas:
        alpha = alphas.pop(0)
    if beta is not None and betas:
        beta = betas.pop(0)
    if not numbers_agree(alpha, needs_alpha) or not numbers_agree(beta, needs_beta):
        given = f"alpha {alpha:.4g}" + ("" if beta is None else f" and beta {beta:.4g}")
        raise ReasonError(f"its activation {name} with {given} is none that Keras has{HARD.get(lower, '')}")
    return word


HARD: Mapping[str, str] = {"hardsigmoid": "; the hard_sigmoid of Keras 3 has alpha 1/6"}
"""What is said of an activation whose numbers have changed from one version of Keras to the next."""


def numbers_agree(given: float | None, needed: float) -> bool:
    """Whether a number of an activation is the one that is needed, as exactly as four bytes can say."""
    return given is None or abs(given - needed) <= 1e-6


def turned(link: Link, *, flipped: bool) -> Link | None:
    """Return a cell that reads what may be in the other order of time; None if there is none that does.

    One that reads in both directions would have them the other way round.
    """
    layer = link.layer
    assert isinstance(layer, Recurrent)
    if not flipped:
        return link
    if layer.merge_mode is not None:
        return None
    return link.with_layer(replace(layer, go_backwards=not layer.go_backwards))._replace(flipped=True)
