"""A layer of Keras in the words of the language, and what an activation is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rnncli.errors import shorten
from rnncli.formats.keras.config import Json, Step, config_of, is_custom
from rnncli.layers import Layer
from rnncli.layers.activations import ACTIVATIONS


class InexpressibleError(Exception):
    """A layer that the language nearly has; the reason says what is missing."""


class Word(NamedTuple):
    """A layer as the language has it.

    Attributes:
        layer: the layer; None if it passes on what it reads, or is an activation of the layer before.
        routes: the way to its weights in a file of Keras 3, from its own group, for each direction.
        activation: what is applied to the output of the layer before.
        axis: the axis that it works on, if that is written as a number from 0.
        cudnn: whether its weights have cuDNN's layout.
        assumed: what it does otherwise here.
        differs: why it is not run here.
        zeros: whether it returns zeros for padding where it otherwise would return its output before.
    """

    layer: Layer | None = None
    routes: tuple[tuple[Step, ...], ...] = ((),)
    activation: str | None = None
    axis: int | None = None
    cudnn: bool = False
    assumed: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    zeros: bool = False


Words = tuple[Word, ...]

OLD_HARD_SIGMOID = (
    "the hard_sigmoid of Keras 1 and 2, clip(0.2·x + 0.5, 0, 1), is not run: rnncli's is that of Keras 3, "
    "clip(x/6 + 0.5, 0, 1)"
)


def not_run(reason: str, names: Sequence[str]) -> str:
    """Return in a sentence why layers of some names are not run."""
    return f"{shorten(', '.join(names), 100)}: {reason}"


def old_hard_sigmoid(modern: bool, *activations: str) -> tuple[str, ...]:
    """Return why a layer with some activations is not run: Keras 3 has another hard_sigmoid."""
    return (OLD_HARD_SIGMOID,) if "hard_sigmoid" in activations and not modern else ()


def activation_of(value: Any) -> str:
    """Return an activation of the language, from a name or an object.

    Raises:
        InexpressibleError: the language has no such activation, or it is code.
    """
    match value:
        case None:
            return "linear"
        case {"class_name": "__lambda__" | "Lambda"}:
            raise InexpressibleError("its activation is a lambda, which is code and is not run")
        case {"class_name": "ReLU" | "Softmax" | "ELU"} if not is_custom(value):
            return activation_of_layer(value)
        case {"class_name": "function", "config": str(name), "module": str(module)} if "keras" in module:
            pass
        case {"class_name": "function", "config": str(name)}:
            raise InexpressibleError(f"its activation {shorten(name)} is a function whose code is not in the file")
        case str(name):
            pass
        case {"class_name": str(name)}:
            raise InexpressibleError(f"its activation {shorten(name)} is a layer that rnncli has not")
        case _:
            raise InexpressibleError(f"its activation is {shorten(repr(value))}")
    name = {"swish": "silu"}.get(name, name)
    if name not in ACTIVATIONS:
        raise InexpressibleError(f"its activation {shorten(name)} is none that rnncli has")
    return name


def activation_of_layer(entry: Json) -> str:
    """Return the activation that a layer of Keras is which does nothing else.

    Raises:
        InexpressibleError: the language has no such activation.
    """
    config = config_of(entry)
    match entry["class_name"]:
        case "Activation":
            return activation_of(config["activation"])
        case "ReLU" if config.get("max_value") is None and not (
            config.get("negative_slope") or config.get("threshold")
        ):
            return "relu"
        case "ELU" if config.get("alpha", 1.0) == 1.0:
            return "elu"
        case "Softmax" if config.get("axis", -1) == -1:
            return "softmax"
        case kind:
            raise InexpressibleError(f"rnncli has no {kind} with such arguments")
