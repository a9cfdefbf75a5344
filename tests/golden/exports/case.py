"""A random network with weights and an input, shared by all judges of exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
from golden.data import difference
from golden.exports.findings import Findings
from golden.generate import random_input, random_layers, random_weights, small_size

from rnncli import Network
from rnncli.engine.array_files import given_weights
from rnncli.engine.checks import weight_shapes
from rnncli.engine.model import Model
from rnncli.errors import RnncliError
from rnncli.export import Job
from rnncli.layers import Layer

DTYPES = ("float32", "float64")

SENSITIVE = 1e-6
"""Outputs are not judged if rnncli's own float32 and float64 outputs differ by more than this."""

Layers = tuple[Layer, ...]


def unchanged(random: Random, layers: Layers) -> Layers:
    """Return the layers unchanged."""
    return layers


class Case:
    """A random network with weights, an input and rnncli's output."""

    def __init__(self, random: Random, changed: Callable[[Random, Layers], Layers] = unchanged) -> None:
        self.changed = changed
        layers = changed(random, random_layers(random, small_size, most=random.choice((2, 4, 7))))
        numbers = np.random.default_rng(random.getrandbits(32))
        self.network = Network(layers)
        self.spec = str(self.network)
        weights = random_weights(numbers, weight_shapes(self.network))
        self.weights = {key: array.astype("float32") for key, array in weights.items()}
        self.x = self.input(numbers, random.randint(1, 5), random.randint(1, 10))
        self.lengths: list[int] | None = None

    def counted(self, findings: Findings) -> Case:
        """Return it after counting it as exported."""
        findings.count("networks")
        if self.network.head.mask_zero:
            findings.count("masked")
        return self

    def input(self, numbers: np.random.Generator, batch: int, timesteps: int) -> np.ndarray:
        """Return a random input: int32 ids, or float32."""
        x = random_input(numbers, self.network.layers, batch, timesteps)
        return x if x.dtype == "int32" else x.astype("float32")

    def job(self, saved: str | None = None) -> Job:
        """Return the job that exports it."""
        origin, packed = "the weights of the judge", self.lengths is not None
        return Job(self.network, lambda: self.weights, 0, saved, origin, drawn=False, packed=packed)

    def output(self, findings: Findings, weights: Mapping[str, np.ndarray] | None = None) -> np.ndarray | None:
        """Return rnncli's output, with its own or the given weights; None if it is too sensitive to rounding."""
        weights = self.weights if weights is None else weights
        single, double = (Model(self.network, dtype=dtype, weights=weights)(self.x, self.lengths) for dtype in DTYPES)
        if difference(single, double) < SENSITIVE:
            return single
        findings.count("sensitive")
        return None

    def judge_weights_file(self, path: str, findings: Findings) -> None:
        """Check that rnncli reads the same weights back from a file that it wrote."""
        if not self.weights:
            return
        try:
            again = given_weights(self.network, path, np.dtype("float32"))
        except RnncliError as error:
            findings.differ(self.spec, f"its weights are not read back: {error}")
            return
        findings.count("weights")
        if list(again) != list(self.weights) or any((again[key] != self.weights[key]).any() for key in again):
            findings.differ(self.spec, f"different weights are read back from {path}")


def run(source: str | bytes) -> dict[str, Any]:
    """Run a source and return its definitions."""
    scope: dict[str, Any] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), scope)
    return scope
