"""What there is to write of a network: its layers where they stand, as every target writes them.

A target goes through the steps of the plan, and has a table `LAYERS` of what writes each kind of layer. What a step
says is worked out here, and nowhere again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from rnncli.immutable import NamedTuple
from rnncli.layers.torch_modules import Module, modules_of, stacks_of
from rnncli.layers.weights import Weight
from rnncli.network import Network
from rnncli.quantities import Shape

if TYPE_CHECKING:
    from rnncli.export import Arrays


class Step(NamedTuple):
    """A layer where it stands.

    Attributes:
        name: Keras's name for it: `lstm_1`.
        number: its place in the network's `body`, from 1: what its weights are drawn with.
        layer: the layer; targets know it by its `kind`.
        reads: the shape of what it reads.
        returns: the shape of what it returns.
        masked: whether timesteps of what it reads may be padding. There a layer keeps its states, and a mean leaves
            them out; others take them like any timestep. Where a vector is returned, padding ends.
    """

    name: str
    number: int
    layer: Any
    reads: Shape
    returns: Shape
    masked: bool

    @property
    def weights(self) -> tuple[Weight, ...]:
        """What it owns, named, shaped and ordered as Keras does it."""
        weights: tuple[Weight, ...] = self.layer.weights(self.reads)
        return weights

    def own(self, arrays: Arrays) -> Arrays:
        """Return its weights by Keras's names (`forward/kernel`), given all by their keys (`lstm/forward/kernel`)."""
        return {weight.name: arrays[f"{self.name}/{weight.name}"] for weight in self.weights}


class Part(NamedTuple):
    """A layer as PyTorch has it, or equal recurrent layers that are one module there.

    Attributes:
        levels: the layers that own its weights; they are alike, but for what the last of them returns.
        module: the module that does the work; None if methods of a tensor do.
        attribute: the name of the module: `lstm`, `dense2`; empty without one.
    """

    levels: tuple[Step, ...]
    module: Module | None
    attribute: str

    @property
    def layer(self) -> Any:
        """The last layer."""
        return self.levels[-1].layer


@dataclass(frozen=True)
class Plan:
    """What there is to write of a network.

    Attributes:
        network: the network.
        steps: the layers of its `body`, in order.
        packed: whether each sequence comes with its length, behind which it is padding.
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
        """What the input is called in source: `ids` or `x`."""
        return "x" if self.network.head.vocabulary is None else "ids"

    @property
    def mask(self) -> str:
        """Which timesteps of the input are no padding, in NumPy and PyTorch."""
        return "(x != 0).any(axis=-1)" if self.network.head.vocabulary is None else "ids != 0"

    @cached_property
    def heeds_padding(self) -> bool:
        """Whether a layer does something else where the input is padding."""
        return any(step.masked and (step.layer.states or step.layer.joins == "avg") for step in self.steps)

    @cached_property
    def masks_cells(self) -> bool:
        """Whether a cell keeps its states where the input is padding."""
        return any(step.masked and step.layer.states for step in self.steps)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The network as PyTorch has it; it must be one that PyTorch can express."""
        body = self.network.body
        built = {module.levels: module for module in modules_of(body, [step.reads for step in self.steps])}
        parts, numbers = list[Part](), defaultdict[str, dict[object, int]](dict)
        for stack in stacks_of(body):
            steps, module = tuple(self.steps[place] for place in stack.levels), built.get(stack.levels)
            attribute = ""
            if module is not None:
                key: object = stack if steps[-1].weights else module.made  # equal modules without weights are one
                attribute = f"{module.name}{numbers[module.name].setdefault(key, len(numbers[module.name]) + 1)}"
            parts.append(Part(steps, module, attribute))
        alone = {f"{name}1": name for name, numbered in numbers.items() if len(numbered) == 1}
        return tuple(part._replace(attribute=alone.get(part.attribute, part.attribute)) for part in parts)


def plan_of(network: Network, packed: bool = False) -> Plan:
    """Return what there is to write of a network, and of each sequence's length if it comes with that."""
    padded = network.meeting_padding(padded=True) if packed else network.masked
    layers = zip(network.names, count(1), network.body, network.shapes(), padded, strict=False)
    steps = tuple(Step(name, number, layer, *shapes, masked) for name, number, layer, shapes, masked in layers)
    return Plan(network, steps, packed)


def named_axes(shape: Shape) -> list[int | str]:
    """Return the sizes of a shape, with words for those that are not known: batch, timesteps, 32."""
    return [word if size is None else size for size, word in zip(shape, ("batch", "timesteps", ""), strict=False)]
