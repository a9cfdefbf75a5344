"""The export plan of a network: its layers with names, shapes and padding, shared by all targets.

Each target walks through the plan's steps and has a table `LAYERS` with a writer for each kind of layer. Everything a
step states is worked out here and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from rnncli.immutable import NamedTuple
from rnncli.layers.python_call import PythonCall
from rnncli.layers.torch_modules import MODULES, stacks_of
from rnncli.layers.weights import Weight
from rnncli.network import Network
from rnncli.quantities import Shape

if TYPE_CHECKING:
    import numpy as np

Arrays: TypeAlias = "Mapping[str, np.ndarray[Any, Any]]"
"""Arrays by name; the type is a text, because source without weights needs no NumPy."""


class Step(NamedTuple):
    """A layer at its position in the network.

    Attributes:
        name: its name in Keras: `lstm_1`.
        number: its position in the network's `body`, from 1, which seeds its random weights.
        layer: the layer; targets know it by its `kind`.
        reads: the shape of its input.
        returns: the shape of its output.
        masked: whether timesteps of its input may be padding. At padding a recurrent layer keeps its states and a mean
            skips the timestep; other layers treat it like any timestep. A layer that returns a vector ends the mask.
    """

    name: str
    number: int
    layer: Any
    reads: Shape
    returns: Shape
    masked: bool

    @property
    def weights(self) -> tuple[Weight, ...]:
        """The layer's weights with Keras's names, shapes and order."""
        weights: tuple[Weight, ...] = self.layer.weights(self.reads)
        return weights

    def own(self, arrays: Arrays) -> Arrays:
        """Return the layer's arrays by weight name (`forward/kernel`) from all by key (`lstm/forward/kernel`)."""
        return {weight.name: arrays[f"{self.name}/{weight.name}"] for weight in self.weights}


class TorchPart(NamedTuple):
    """A layer as PyTorch implements it, or equal recurrent layers that PyTorch stacks in one module.

    Attributes:
        levels: the layers whose weights it holds; they are equal, except that the last may return only a vector.
        module: the call that builds the module that does the work; None if tensor methods do.
        attribute: the attribute that holds the module: `lstm`, `dense2`; empty without a module.
    """

    levels: tuple[Step, ...]
    module: PythonCall | None
    attribute: str

    @property
    def layer(self) -> Any:
        """The last layer."""
        return self.levels[-1].layer


@dataclass(frozen=True)
class Plan:
    """Everything a target needs to write a network.

    Attributes:
        network: the network.
        steps: the layers of its `body`, in order.
        packed: whether each sequence comes with its length, after which it is padding.
    """

    network: Network
    steps: tuple[Step, ...]
    packed: bool = False

    @property
    def reads(self) -> Shape:
        """The shape of the network's input."""
        return self.network.input_shape()

    @property
    def returns(self) -> Shape:
        """The shape of its output."""
        return self.steps[-1].returns if self.steps else self.reads

    @property
    def argument(self) -> str:
        """The name of the input in the source: `ids` or `x`."""
        return "x" if self.network.head.vocabulary is None else "ids"

    @property
    def mask(self) -> str:
        """The expression, in NumPy and PyTorch, for the input timesteps that are not padding."""
        return "(x != 0).any(axis=-1)" if self.network.head.vocabulary is None else "ids != 0"

    @cached_property
    def heeds_padding(self) -> bool:
        """Whether any layer treats padding differently."""
        return any(step.masked and (step.layer.states or step.layer.joins == "avg") for step in self.steps)

    @cached_property
    def masks_cells(self) -> bool:
        """Whether any cell keeps its states at padding."""
        return any(step.masked and step.layer.states for step in self.steps)

    @cached_property
    def parts(self) -> tuple[TorchPart, ...]:
        """The network as PyTorch modules; PyTorch must be able to express it."""
        parts, numbers = list[TorchPart](), defaultdict[str, dict[object, int]](dict)
        for stack in stacks_of(self.network.body):
            steps = tuple(self.steps[place] for place in stack.levels)
            module, attribute = stack.call(steps[0].reads), ""
            if module is not None:
                name = MODULES[type(stack.layer)][0]
                key: object = stack if steps[-1].weights else module  # equal modules without weights are shared
                attribute = f"{name}{numbers[name].setdefault(key, len(numbers[name]) + 1)}"
            parts.append(TorchPart(steps, module, attribute))
        unnumbered = {f"{name}1": name for name, numbered in numbers.items() if len(numbered) == 1}
        return tuple(part._replace(attribute=unnumbered.get(part.attribute, part.attribute)) for part in parts)


def plan_of(network: Network, packed: bool = False) -> Plan:
    """Return the export plan of a network; if `packed`, its input comes with the length of each sequence."""
    padded = network.meeting_padding(padded=True) if packed else network.masked
    layers = zip(network.names, count(1), network.body, network.shapes(), padded, strict=False)
    steps = tuple(Step(name, number, layer, *shapes, masked) for name, number, layer, shapes, masked in layers)
    return Plan(network, steps, packed)


def named_axes(shape: Shape) -> list[int | str]:
    """Return the sizes of a shape, with a word for each unknown size: batch, timesteps, 32."""
    return [word if size is None else size for size, word in zip(shape, ("batch", "timesteps", ""), strict=False)]
