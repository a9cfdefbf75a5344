"""The PyTorch modules of layers: the call that builds each, and which recurrent layers are levels of one module.

PyTorch stacks equal recurrent layers in one module with `num_layers`; its `dropout` drops a share of each level's
output to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnncli.errors import listed
from rnncli.immutable import NamedTuple
from rnncli.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Norm,
    Pool,
    Recurrent,
    SimpleRNN,
)
from rnncli.layers.python_call import PythonCall, literal, number
from rnncli.layers.words import argument
from rnncli.quantities import Shape, features_of, plural


class Stack(NamedTuple):
    """A layer, or equal recurrent layers with the dropout between them, as PyTorch implements it.

    Attributes:
        layer: the first layer.
        levels: the indices of the layers without that dropout, from level 0 on.
        dropout: the share dropped between two of them.
        apart: why the first is not in the module of the recurrent layer whose sequence it reads; empty if there is no
            such layer of its kind.
    """

    layer: Layer
    levels: tuple[int, ...]
    dropout: float = 0.0
    apart: str = ""

    @property
    def holds(self) -> range:
        """The indices of its layers and of the dropout between them."""
        return range(self.levels[0], self.levels[-1] + 1)

    @property
    def activation(self) -> PythonCall | None:
        """The call of the module for its layer's activation; None without one, or if its own module computes it."""
        own = self.layer.activation if isinstance(self.layer, Conv | Dense) else "linear"
        return None if own == "linear" else Stack(Activation(own), ()).call(())

    def call(self, reads: Shape) -> PythonCall | None:
        """Return the call that builds its module for an input shape: `nn.Linear(8, 4)`; None for a tensor method."""
        if self.layer.type_name("torch").startswith("Tensor."):
            return None
        return MODULES[type(self.layer)][1](self.layer, reads, self)


def stacks_of(layers: Sequence[Layer], names: Sequence[str] | None = None) -> list[Stack]:
    """Return a network's layers in the groups that share a PyTorch module, each as large as possible.

    Args:
        layers: its layers, without an Input.
        names: the name of each, for the reasons why layers are apart.
    """
    names = names or [layer.kind for layer in layers]
    stacks: list[Stack] = []
    before: Stack | None = None
    """The stack of the recurrent layer whose sequence is passed on."""
    for place, layer in enumerate(layers):
        stack = Stack(layer, (place,))
        if isinstance(layer, Recurrent):
            if before is not None and type(before.layer) is type(layer):
                stack = _continued(before, layers, place, names)
                if len(stack.levels) > 1:
                    del stacks[stack.levels[-2] - place :]  # the stack so far, and the dropouts after it
            before = stack if layer.returns == "sequence" else None
        elif layer.returns != "same":
            before = None
        stacks.append(stack)
    return stacks


def levels_of(layers: Sequence[Layer]) -> list[int]:
    """Return the level of each layer in its module, counted from 0."""
    levels = {place: level for stack in stacks_of(layers) for level, place in enumerate(stack.levels)}
    return [levels.get(place, 0) for place in range(len(layers))]


def _continued(stack: Stack, layers: Sequence[Layer], place: int, names: Sequence[str]) -> Stack:
    """Return a stack with one more layer of its kind; if a module cannot have both, the layer and the reason.

    The reason is empty where nobody would expect one module.
    """
    last = stack.levels[-1]
    before, layer, first, second = layers[last], layers[place], names[last], names[place]
    assert isinstance(before, Recurrent)
    assert isinstance(layer, Recurrent)
    between = range(last + 1, place)
    shares = [each.rate for each in map(layers.__getitem__, between) if isinstance(each, Dropout)]
    others = [names[index] for index in between if not isinstance(layers[index], Dropout)]
    share = shares[0] if shares else 0.0
    own = {"return_sequences": True, "go_backwards": False}
    """The arguments that each level has for itself."""
    equal = vars(before.trained()) | own == vars(layer.trained()) | own
    if others:
        is_between = f"{listed(others)} {'is' if len(others) == 1 else 'are'} between {first} and {second}"
        apart = is_between if equal and not layer.reverses else ""
    elif layer.reverses:
        # It starts at the end of the sequence, which a level cannot.
        apart = f"{second} reads time backwards, and a module reads all its layers in one order"
    elif not equal:
        apart = f"{', and '.join(_differences(before, layer, first, second))}; num_layers needs equal layers"
    elif len(shares) > 1:
        apart = f"{len(shares)} dropouts are between {first} and {second}, and a module has one"
    elif len(stack.levels) > 1 and share != stack.dropout:
        apart = (
            f"a module has one dropout between all its layers: before {first} it is {stack.dropout:g}, "
            f"before {second} {share:g}"
        )
    else:
        return stack._replace(levels=(*stack.levels, place), dropout=share)
    return Stack(layer, (place,), apart=apart)


def _differences(before: Recurrent, layer: Recurrent, first: str, second: str) -> Iterator[str]:
    """Yield the differences of two layers of one kind that keep them from being levels of one module."""
    if before.units != layer.units:
        yield f"{second} has {plural(layer.units, 'unit')}, {first} {before.units:,}"
    elif before.state_sizes != layer.state_sizes:
        yield f"h has {plural(layer.state_sizes['h'], 'number')} in {second}, {before.state_sizes['h']:,} in {first}"
    if before.merge != layer.merge:
        both, one = (first, second) if before.merge else (second, first)
        yield f"{both} reads both ways, {one} does not"
    if before.use_bias != layer.use_bias:
        with_bias, without = (first, second) if before.use_bias else (second, first)
        yield f"{without} has no bias, {with_bias} has one"
    if before.activation != layer.activation:
        yield f"{second} has {layer.activation}, {first} {before.activation}"


# Calls


def _own(layer: Layer) -> Iterator[str]:
    """Yield a layer's sizes, and its other arguments that PyTorch's class has and that differ from its defaults."""
    names, given = layer.torch_arguments, {option.attribute: value for option, value in layer.given()}
    yield from (number(getattr(layer, each)) for each in layer.sizes.attributes if each in names)
    for attribute, name in names.items():
        if attribute in given and argument(type(layer), attribute, given[attribute], "torch") is not None:
            yield f"{name}={literal(given[attribute])}"


def _dropout(layer: Dropout, reads: Shape, stack: Stack) -> PythonCall:
    return PythonCall("nn.Dropout", (*_own(layer),))


def _affine(layer: Conv | Dense, reads: Shape, stack: Stack) -> PythonCall:
    return PythonCall(f"nn.{layer.torch}", (number(features_of(reads)), *_own(layer)))


def _embedding(layer: Embedding, reads: Shape, stack: Stack) -> PythonCall:
    return PythonCall("nn.Embedding", (*_own(layer), *["padding_idx=0"] * layer.mask_zero))


def _recurrent(layer: Recurrent, reads: Shape, stack: Stack) -> PythonCall:
    units, *own = _own(replace(layer, merge_mode=None))
    arguments = [number(features_of(reads)), units]
    if len(stack.levels) > 1:
        arguments.append(f"num_layers={len(stack.levels)}")
    arguments += [*own, "batch_first=True"]
    if stack.dropout:
        arguments.append(f"dropout={number(stack.dropout)}")
    if layer.merge is not None:
        arguments.append("bidirectional=True")
    return PythonCall(f"nn.{layer.torch}", tuple(arguments))


def _norm(layer: Norm, reads: Shape, stack: Stack) -> PythonCall:
    arguments = [number(features_of(reads))]
    if layer.epsilon != 1e-5:
        arguments.append(f"eps={number(layer.epsilon)}")
    if not layer.scale:
        arguments.append("affine=False" if isinstance(layer, BatchNorm) else "elementwise_affine=False")
    elif not layer.center:
        arguments.append("bias=False")
    return PythonCall(f"nn.{layer.torch}", tuple(arguments))


def _activation(layer: Activation, reads: Shape, stack: Stack) -> PythonCall:
    return PythonCall(f"nn.{layer.type_name('torch')}", ("dim=-1",) if layer.activation == "softmax" else ())


def _pool(layer: Pool, reads: Shape, stack: Stack) -> PythonCall:
    window = layer.window
    assert window is not None  # pooling a whole sequence is a tensor method
    arguments = [number(window.width)]
    if window.stride != window.width:
        arguments.append(f"stride={number(window.stride)}")
    if window.padding == "same" and window.width > 1:
        arguments.append(f"padding={number(window.around(None)[0])}")
        arguments += ["count_include_pad=False"] * (layer.mode == "avg")
    return PythonCall(f"nn.{layer.type_name('torch')}", tuple(arguments))


MODULES: Mapping[type[Layer], tuple[str, Callable[[Any, Shape, Stack], PythonCall]]] = {
    Embedding: ("embedding", _embedding),
    SimpleRNN: ("rnn", _recurrent),
    LSTM: ("lstm", _recurrent),
    GRU: ("gru", _recurrent),
    Conv: ("conv", _affine),
    Dense: ("dense", _affine),
    Dropout: ("dropout", _dropout),
    Norm: ("norm", _norm),
    BatchNorm: ("norm", _norm),
    Activation: ("activation", _activation),
    Pool: ("pool", _pool),
}
"""For each kind with a PyTorch module, the name of its attribute and the function that returns the call building it.

The other kinds are tensor methods.
"""
