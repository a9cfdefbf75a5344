"""The weights in model files, for a network to run with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.engine.array_files import read_arrays
from rnncli.engine.checks import check_keys, taken_array, weight_shapes
from rnncli.engine.initializers import initial_weights
from rnncli.engine.memory import check_export_fits
from rnncli.engine.request import file_name
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, RnncliError
from rnncli.formats import choice_of, is_known, open_model
from rnncli.formats.conventions import each_weight
from rnncli.formats.fitting import fitted
from rnncli.formats.nodes import Part
from rnncli.network import Network

if TYPE_CHECKING:
    from os import PathLike


def first_weights(network: Network, part: Part | None, path: str | None, seed: int) -> dict[str, Array]:
    """Return the weights that a network starts with: of the part that it is, of the file `path`, or drawn from a seed.

    Raises:
        RnncliError: a file cannot be read, nothing in it fits the network, or the weights do not fit in memory.
    """
    dtype = np.dtype("float32")
    check_export_fits(network, dtype)
    given = part if part is not None and part.has_weights else path
    return initial_weights(network, seed, dtype, "keras") if given is None else given_weights(network, given, dtype)


def given_weights(network: Network, given: Part | str | PathLike[str], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights that a part of a model file or a file has for a network, by key, as `dtype`.

    The file is an .npz with rnncli's own keys (`lstm/kernel`), or any model file with layers whose shapes fit.

    Raises:
        ArgumentError: it is not the name of a file.
        RnncliError: the file cannot be read, or nothing in it fits the network.
        UsageError: several parts fit, or layers that are alike, and nothing says which is which.
    """
    if isinstance(given, Part):
        return weights_of(given, dtype)
    path = file_name("weights", given)
    part = part_in(path, network)
    return read_arrays(path, weight_shapes(network), dtype) if part is None else weights_of(part, dtype)


def weights_of(part: Part, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights of a part of a model file by key, as `dtype`; each is held once.

    Raises:
        RnncliError: an array cannot be read, or is not finite.
    """
    expected = weight_shapes(part.network)
    weights: dict[str, Array] = {}
    for key, array in each_weight(part):
        try:
            weights[key] = taken_array(key, array, expected[key], dtype)
        except ArgumentError as error:  # nothing that was typed is wrong
            raise RnncliError(f"{part.path}: {error.message}", error.advice) from None
    check_keys(weights, expected)
    return {key: weights[key] for key in expected}


def part_in(path: str, network: Network) -> Part | None:
    """Return a network with its arrays in a model file; None where the file is an .npz with rnncli's own keys.

    Raises:
        RnncliError, UsageError: as for `given_weights`.
    """
    choice = choice_of(path)
    if choice is None or not is_known(choice.path):
        return None
    if choice.path.endswith(".npz") and not choice.part and not _has_other_names(choice.path, network):
        return None
    return fitted(open_model(choice.path), choice.part, network)


def _has_other_names(path: str, network: Network) -> bool:
    """Return whether a file has none of the names that rnncli gives to the arrays of a network, but a model."""
    if not os.path.isfile(path):
        return False  # a pipe is read once
    try:
        model = open_model(path)
    except RnncliError:
        return False
    return bool(model.parts) and not {tensor.name for tensor in model.tensors} & {*weight_shapes(network)}
