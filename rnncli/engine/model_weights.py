"""The weights in model files, for a network to run with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rnncli.engine.array_archive import read_arrays
from rnncli.engine.checks import check_keys, taken_array, weight_shapes
from rnncli.engine.initializers import initial_weights
from rnncli.engine.memory import check_export_fits
from rnncli.engine.request import Init
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, RnncliError, UsageError, listed, shorten
from rnncli.formats import SEPARATOR, Choice, choice_of, open_model, part_of
from rnncli.formats.conventions import each_weight
from rnncli.formats.fitting import fitted
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Part
from rnncli.network import Network


def first_weights(
    network: Network, part: Part | None, path: str | None, seed: int, dtype: str = "float32", init: Init = "keras"
) -> dict[str, Array]:
    """Return the weights that a network starts with: of the file `path`, of the part that it is, or drawn from a seed.

    Raises:
        RnncliError: a file cannot be read, nothing in it fits the network, or the weights do not fit in memory.
    """
    check_export_fits(network, np.dtype(dtype))
    if path is not None:
        return weights_in(path, network, np.dtype(dtype))
    if part is not None and part.has_weights:
        return weights_of(part, np.dtype(dtype))
    return initial_weights(network, seed, np.dtype(dtype), init)


def weights_of(part: Part, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights of a part of a model file by key, as `dtype`.

    Raises:
        RnncliError: an array cannot be read, or is not finite.
    """
    return _taken(part.path, each_weight(part), weight_shapes(part.network), dtype)


def _taken(
    path: str, found: Iterable[tuple[str, Array]], expected: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return arrays as they come from a file, as `dtype`; each is held once.

    Raises:
        RnncliError: one cannot be used; the message names the file.
    """
    weights: dict[str, Array] = {}
    for key, array in found:
        try:
            weights[key] = taken_array(key, array, expected[key], dtype)
        except ArgumentError as error:  # nothing that was typed is wrong
            raise RnncliError(f"{path}: {error.message}", error.advice) from None
    check_keys(weights, expected)
    return {key: weights[key] for key in expected}


def weights_in(path: str, network: Network, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights that a file has for a network, by key, as `dtype`.

    The file is an .npz with rnncli's own keys (`lstm/kernel`), or any model file with a part whose shapes fit.

    Raises:
        RnncliError: the file cannot be read, or nothing in it fits the network.
    """
    expected = weight_shapes(network)
    choice = choice_of(path)
    if choice is None:
        return read_arrays(path, expected, dtype)
    if choice.path.endswith(".npz") and not choice.part:
        try:
            return read_arrays(path, expected, dtype)
        except RnncliError:
            if not _has_other_names(choice.path, expected):
                raise
    model = open_model(choice.path)
    parts = [part_of(model, choice.part)] if choice.part else list(model.parts)
    fitting = [part for part in parts if _shapes(part.network) == _shapes(network)]
    if not fitting and not choice.part and (part := fitted(model.tensors, network)) is not None:
        fitting = [part]
    if len(fitting) != 1:
        raise _misfit(model, choice, fitting, network, expected)
    if not fitting[0].has_weights:
        raise RnncliError(f"{choice.path} has layers, but no weights", "without --weights they are drawn with --seed")
    renamed = dict(zip(_owners(fitting[0].network), _owners(network), strict=True))
    # What is computed with them, the network says.
    found = ((key.partition("/"), array) for key, array in each_weight(replace(fitting[0], notes=())))
    return _taken(
        choice.path, ((f"{renamed[name]}/{weight}", array) for (name, _, weight), array in found), expected, dtype
    )


def _owners(network: Network) -> list[str]:
    """Return the names of the layers that own weights."""
    return list(dict.fromkeys(key.partition("/")[0] for key in weight_shapes(network)))


def _has_other_names(path: str, expected: Mapping[str, tuple[int, ...]]) -> bool:
    """Return whether a file has none of the names that rnncli gives to arrays, but a model."""
    if not os.path.isfile(path):
        return False  # a pipe is read once
    try:
        model = open_model(path)
    except RnncliError:
        return False
    return bool(model.parts) and not {tensor.name for tensor in model.tensors} & {*expected}


def _shapes(network: Network) -> list[tuple[str, tuple[int, ...]]]:
    """Return the name in its layer and the shape of each weight."""
    return [(key.partition("/")[2], shape) for key, shape in weight_shapes(network).items()]


def _misfit(
    model: ModelFile, choice: Choice, fitting: list[Part], network: Network, expected: Mapping[str, tuple[int, ...]]
) -> RnncliError:
    """Return the error where no part of a file fits a network, or several do."""
    if fitting:
        numbers = [f"{choice.path}{SEPARATOR}{model.parts.index(part) + 1}" for part in fitting]
        return UsageError(f"{len(fitting)} parts of {choice.path} fit {network}", f"say which: {listed(numbers, 'or')}")
    if model.format == "npz" and not choice.part:
        return RnncliError(
            f"{choice.path} has no part with the shapes of {network}: {shorten(str(list(expected.items())[:3]), 120)}",
            f"rnncli inspect {choice.path} says what it holds",
        )
    specs = listed([str(part.network) for part in model.parts]) if model.parts else "nothing recurrent"
    return RnncliError(f"{choice.path} holds {shorten(specs, 120)}, which does not fit {network}")
