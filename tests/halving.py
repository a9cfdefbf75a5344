"""A kind of layer that only the tests have, and that uses everything a kind may declare.

It returns one vector for every two inputs, keeps two states of different sizes, and exists only in PyTorch. Import this
file before anything but `rnncli.layers` to register the kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

import rnncli.layers
from rnncli.immutable import immutable
from rnncli.layers.affine import Dense
from rnncli.layers.base import Conflict, Equation, Layer, Reads, Remark, Returns
from rnncli.layers.cost import Number, StepNumbers
from rnncli.layers.options import Option, Whole
from rnncli.layers.python_call import PythonCall
from rnncli.layers.sizes import Numbers, Sizes
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of


@immutable
class Halve(Layer):
    """(batch, timesteps, features) -> (batch, half of the timesteps, units): `tanh((x_1 + x_2)·W + h·U + m)`.

    The state m is the mean of all features so far, one number.
    """

    units: int
    every: int = 2

    kind: ClassVar[str] = "halve"
    keras: ClassVar[str] = "Halve"
    torch: ClassVar[str] = "Halve"
    torch_arguments: ClassVar[Mapping[str, str]] = {"units": "hidden_size", "every": "stride"}
    means: ClassVar[str] = "a vector for every two"
    sizes: ClassVar[Sizes] = Numbers(("units",), ("U",), example="4")
    options: ClassVar[tuple[Option, ...]] = (Whole("every", "every", "vectors that become one"),)
    reads: ClassVar[Reads] = "sequence"
    states: ClassVar[tuple[str, ...]] = ("h", "m")
    works = "returned"

    @property
    def returns(self) -> Returns:
        return "sequence"

    def output_features(self, features: Number) -> Number:
        return self.units

    @property
    def least_steps(self) -> int:
        return self.every

    @property
    def stride(self) -> int:
        return self.every

    @property
    def state_sizes(self) -> Mapping[str, int]:
        return {"h": self.units, "m": 1}

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        units, features = (Factor("units", self.units),), (Factor("input", features_of(input_shape)),)
        if framework == "torch":
            weights = (
                Weight("weight_ih_l0", (units, features), "W", "kernel"),
                Weight("weight_hh_l0", (units, units), "U", "recurrent"),
            )
            return tuple(weight._replace(initializer="root_uniform", fan=self.units) for weight in weights)
        return (
            Weight("kernel", (features, units), "W", "kernel", "glorot_uniform"),
            Weight("recurrent_kernel", (units, units), "U", "recurrent", "orthogonal"),
        )

    def step(self, input_shape: Shape) -> StepNumbers:
        return StepNumbers(gates=self.units)

    def kept(self, input_shape: Shape) -> int:
        return self.units + 1

    @property
    def needs_input(self) -> bool:
        return True

    @property
    def keeps_output(self) -> bool:
        return True

    def cell_name(self, framework: Framework = "keras") -> str | None:
        return self.type_name(framework)

    def keras_names(self) -> tuple[str, ...]:
        return ("halve",)

    def conflict(self, framework: Framework) -> Conflict | None:
        return Conflict("Keras has no Halve", Dense(self.units)) if framework == "keras" else None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        return (
            Equation("m_t = m_{t-1} + mean(x_{2t})"),
            Equation("h_t = tanh((x_{2t-1} + x_{2t})·W + h_{t-1}·U + m_t)"),
        )

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        yield Remark("Output", f"a vector for every {self.every:,}")

    def output_range(self) -> tuple[float, float] | None:
        return (-1.0, 1.0)


rnncli.layers.LAYERS += (Halve,)
rnncli.layers.KINDS[Halve.kind] = Halve

# Import the rest after the kind is registered.

import kinds  # noqa: E402
from kinds.base import Kind, Sample  # noqa: E402
from kinds.base import Option as Ways  # noqa: E402

from rnncli.engine import stages  # noqa: E402
from rnncli.engine.chunks import Chunk, Pass, Stage  # noqa: E402
from rnncli.export import numpy as numpy_target  # noqa: E402
from rnncli.formats.conventions import KERAS_BLOCKS  # noqa: E402
from rnncli.layers import torch_modules  # noqa: E402


def halve_stage(name: str, layer: Halve, weights: Any, chunk_steps: Any) -> Stage:
    """Return a stage that steps once per group of vectors; leftover vectors wait for the next chunk."""

    def begin(states: Any, tick: Any) -> Pass:
        left = h = m = output = None
        while chunk := (yield output):
            x = chunk.values.transpose(0, 2, 1)
            if h is None:
                first = states or {}
                batch, dtype = x.shape[1], x.dtype
                h = first.get(f"{name}/h", np.zeros((batch, layer.units), dtype))
                m = first.get(f"{name}/m", np.zeros((batch, 1), dtype))
            x = x if left is None else np.concatenate([left, x])
            whole = len(x) // layer.every * layer.every
            left, outputs = x[whole:].copy(), []
            for start in range(0, whole, layer.every):
                window = x[start : start + layer.every]
                m = m + window[-1].mean(axis=1, keepdims=True)
                h = np.tanh(window.sum(axis=0) @ weights["kernel"] + h @ weights["recurrent_kernel"] + m)
                outputs.append(h.T)
            tick(len(chunk.values))
            output = Chunk(np.array(outputs)) if outputs else None
        if states is not None and h is not None:
            states |= {f"{name}/h": h, f"{name}/m": m}

    return begin


class HalveKind(Kind):
    layer = Halve
    names = ("halve",)
    small = "halve:2"
    numbers = ("units",)
    options = {"every": Ways({2: ("every=2",), 1: ("every=1",)})}
    keras_name = torch_name = "Halve"

    def textbook(self, layer: Any, weights: Any, sample: Sample) -> Sample:
        h, m, outputs = np.zeros(layer.units), 0.0, []
        for window in sample.values[: len(sample.values) // layer.every * layer.every].reshape(
            -1, layer.every, sample.values.shape[1]
        ):
            m += window[-1].mean()
            h = np.tanh(window.sum(axis=0) @ weights["kernel"] + h @ weights["recurrent_kernel"] + m)
            outputs.append(h)
        return Sample(np.array(outputs))


NUMPY = """
h, m, outputs = np.zeros((len(x), {units})), 0, []
for start in range(0, x.shape[1] // {every} * {every}, {every}):
    window = x[:, start : start + {every}]
    m = m + window[:, -1].mean(axis=1, keepdims=True)
    h = np.tanh(window.sum(axis=1) @ weights["{name}/kernel"] + h @ weights["{name}/recurrent_kernel"] + m)
    outputs.append(h)
x = np.stack(outputs, axis=1)
"""

kinds.KINDS[Halve] = HalveKind()
stages.STAGES[Halve] = halve_stage
numpy_target.LAYERS["halve"] = (  # type: ignore[index]
    lambda place: NUMPY.format(name=place.step.name, **vars(place.layer)).strip().splitlines()
)
KERAS_BLOCKS["torch"]["halve"] = (0,)  # type: ignore[index]
torch_modules.MODULES[Halve] = (  # type: ignore[index]
    "halve",
    lambda layer, reads, stack: PythonCall("Halve", (str(features_of(reads)), str(layer.units))),
)
