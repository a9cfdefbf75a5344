"""A kind of layer that lives in the tests alone: it asks of the house whatever a kind may.

It returns a vector for every two that it reads, keeps two states of different sizes, and only PyTorch has it. Importing
this file, before anything but `rnncli.layers`, makes it one of the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import rnncli.layers
from rnncli.layers.base import Conflict, Equation, Layer, Note, Reads, Returns
from rnncli.layers.cost import Number, Step
from rnncli.layers.dense import Dense
from rnncli.layers.options import Option, Whole
from rnncli.layers.python_call import Call
from rnncli.layers.size_forms import Numbers
from rnncli.layers.sizes import Sizes
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of


@dataclass(frozen=True, repr=False)
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
        """A sequence."""
        return "sequence"

    def output_features(self, features: Number) -> Number:
        """Return the units."""
        del features
        return self.units

    @property
    def least_steps(self) -> int:
        """As many as become one."""
        return self.every

    @property
    def stride(self) -> int:
        """As many as become one."""
        return self.every

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The units of h, and one number."""
        return {"h": self.units, "m": 1}

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return W and U."""
        units, features = (Factor("units", self.units),), (Factor("input", features_of(input_shape)),)
        names = ("weight_ih_l0", "weight_hh_l0") if framework == "torch" else ("kernel", "recurrent_kernel")
        return (
            Weight(names[0], (features, units), "W", "kernel", "glorot_uniform"),
            Weight(names[1], (units, units), "U", "recurrent", "orthogonal"),
        )

    def step(self, input_shape: Shape) -> Step:
        """Return its input, the sum and the output."""
        return super().step(input_shape)._replace(gates=self.units)

    def kept(self, input_shape: Shape) -> int:
        """Return the states."""
        del input_shape
        return self.units + 1

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs what it reads."""
        return True

    @property
    def keeps_output(self) -> bool:
        """Whether its output is a state."""
        return True

    def cell_name(self, framework: Framework = "keras") -> str | None:
        """Return its class."""
        return self.type_name(framework)

    def keras_names(self) -> tuple[str, ...]:
        """Return a name of the kind that Keras gives."""
        return ("halve",)

    def conflict(self, framework: Framework) -> Conflict | None:
        """Keras has no such layer."""
        return Conflict("Keras has no Halve", Dense(self.units)) if framework == "keras" else None

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the recurrence."""
        del framework
        return (
            Equation("m_t = m_{t-1} + mean(x_{2t})"),
            Equation("h_t = tanh((x_{2t-1} + x_{2t})·W + h_{t-1}·U + m_t)"),
        )

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say how many vectors are left."""
        del input_shape, framework
        yield Note("Output", f"a vector for every {self.every:,}")

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds of tanh."""
        return (-1.0, 1.0)


rnncli.layers.LAYERS += (Halve,)
rnncli.layers.KINDS[Halve.kind] = Halve

from rnncli.layers import torch_modules  # noqa: E402  # with the kind among the others

torch_modules.MODULES[Halve] = (  # type: ignore[index]
    "halve",
    lambda layer, reads, stack: Call("Halve", (str(features_of(reads)), str(layer.units))),
)
