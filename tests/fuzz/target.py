"""The definition of a fuzz target, and the checks that targets share: of printed output, and of a model file."""

from __future__ import annotations

import json
import random
import resource
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rnncli import Network, RnncliError
from rnncli.engine.checks import weight_shapes
from rnncli.formats import open_model
from rnncli.formats.conventions import each_weight

LONGEST = 1.0
"""The processor time limit of a model file, in seconds; all files here are small."""

ROOM = 200 << 20
"""The memory limit of a model file in bytes, in addition to what the process has taken before."""


class Target(NamedTuple):
    """A fuzz target.

    Attributes:
        make: makes a case.
        check: tries the case; any exception is a fault.
    """

    make: Callable[[random.Random], Any]
    check: Callable[[Any], None]


def assert_harmless(text: str, most: int = 20_000) -> None:
    obeyed = {character for character in text if not character.isprintable()} - {"\n", "\t"}
    assert not obeyed, f"{obeyed} was printed"
    assert len(text) < most, f"{len(text):,} characters were printed"


def check_error(error: RnncliError, name: str) -> None:
    """An error is one line that starts with the file's name, or that of a file with an array of an ONNX model."""
    beside = name.endswith(".onnx") and ": array " in error.message
    assert beside or error.message.startswith(name), error.message
    assert "\n" not in error.message
    assert_harmless(str(error), most=1500)


def check_model(name: str, data: bytes) -> None:
    """A file is read as a network that its spec reproduces, with arrays of the reported shapes, or it is rejected."""
    Path(name).write_bytes(data)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        _check_opened(name)
    except RnncliError as error:
        check_error(error, name)
    assert (taken := time.process_time() - began) < LONGEST, f"it took {taken:.1f} s"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < ROOM >> 10, f"it took {grown:,} KB"


def _check_opened(name: str) -> None:
    model = open_model(name)
    found = json.loads(json.dumps(model.as_dict()))
    assert found["total_params"] == (None if model.partial or not model.tensors else model.params)
    for note in (*model.notes, model.writer, *(each for part in model.parts for each in part.assumed)):
        assert len(note) < 30_000
    for part in islice(model.parts, 20):
        if len(str(part.network)) < 60_000:
            assert Network.parse(str(part.network)) == part.network
        counts = [layer.params for layer in part.network.summary().layers]
        cudnn = any(piece.convention == "cudnn" for piece in part.nodes)
        assert part.framework != "keras" or part.layer_params == counts or cudnn
        if not part.has_weights or part.params > 10**6 or not any(piece.tensors for piece in part.nodes):
            continue
        try:
            weights = dict(each_weight(part))
        except RnncliError as error:
            check_error(error, name)
        else:
            assert {key: array.shape for key, array in weights.items()} == weight_shapes(part.network)
    for tensor in islice(model.tensors, 200):
        if tensor.params > 10**6:
            continue
        try:
            array = tensor.read()
        except RnncliError as error:
            check_error(error, name)
        else:
            assert array.shape == tensor.shape
            wide = "float32" if tensor.dtype.startswith(("bfloat", "float8")) else tensor.dtype
            assert array.dtype.name == wide, (tensor.name, tensor.dtype, array.dtype)
