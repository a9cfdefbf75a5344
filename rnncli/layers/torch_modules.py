"""The PyTorch modules of layers: the call that builds each, and which recurrent layers are levels of one module.

PyTorch stacks equal recurrent layers in one module with `num_layers`; its `dropout` drops a share of each level's
output to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from rnncli.layers.python_call import PythonCall, number, string
from rnncli.quantities import Shape, features_of


class TorchModule(NamedTuple):
    """A PyTorch module for one layer, or for several recurrent layers.

    Attributes:
        name: the name of an attribute that holds such a module: `dense`.
        made: the call that builds it: `nn.Linear(8, 4)`.
        holds: the indices of its layers, and of the dropout between them.
        levels: the indices of its layers without that dropout, from its level 0 on.
        drops: whether it drops anything in training.
        reverses: whether its input sequence must be reversed in time.
    """

    name: str
    made: PythonCall
    holds: tuple[int, ...]
    levels: tuple[int, ...]
    drops: bool
    reverses: bool

    def __str__(self) -> str:
        return f"{self.made}  # on x.flip(1)" if self.reverses else str(self.made)


class Stack(NamedTuple):
    """A layer, or a stack of equal recurrent layers, that fits in one module.

    Attributes:
        holds: the indices of the layers, and of the dropout between them.
        levels: the indices of the layers only.
        dropout: the share dropped between two of them.
    """

    holds: tuple[int, ...]
    levels: tuple[int, ...]
    dropout: float = 0.0


def stacks_of(layers: Sequence[Layer]) -> Iterator[Stack]:
    """Yield the groups of a network's layers that share a PyTorch module, each as large as possible."""
    holds: list[int] = []
    levels: list[int] = []
    dropout = 0.0
    between: list[int] = []
    """The indices of the dropout after the levels so far."""
    for place, layer in enumerate(layers):
        if levels and layers[levels[-1]].states and isinstance(layer, Dropout):
            between.append(place)
            continue
        shares = [each.rate for each in map(layers.__getitem__, between) if isinstance(each, Dropout)]
        share = shares[0] if shares else 0.0
        same_dropout = len(shares) < 2 and (len(levels) == 1 or share == dropout)
        if levels and same_dropout and _continues(layers[levels[-1]], layer):
            dropout = share
            holds += between
        else:
            yield from _finished(holds, levels, dropout, between)
            holds, levels, dropout = [], [], 0.0
        holds.append(place)
        levels.append(place)
        between = []
    yield from _finished(holds, levels, dropout, between)


def _finished(holds: list[int], levels: list[int], dropout: float, after: list[int]) -> Iterator[Stack]:
    """Yield a stack, if there is one, and then each dropout after it."""
    if levels:
        yield Stack(tuple(holds), tuple(levels), dropout)
    yield from (Stack((place,), (place,)) for place in after)


def modules_of(layers: Sequence[Layer], reads: Sequence[Shape]) -> Iterator[TorchModule]:
    """Yield the modules of a network that PyTorch can express, without layers that are tensor methods there.

    Args:
        layers: its layers, without an Input.
        reads: the input shape of each layer.
    """
    for stack in stacks_of(layers):
        first = stack.levels[0]
        layer = layers[first]
        if not layer.type_name("torch").startswith("Tensor."):
            name, make = MODULES[type(layer)]
            drops = isinstance(layer, Dropout) or stack.dropout > 0
            yield TorchModule(name, make(layer, reads[first], stack), stack.holds, stack.levels, drops, layer.reverses)


def levels_of(layers: Sequence[Layer]) -> list[int]:
    """Return the level of each layer in its module, counted from 0."""
    levels = [0] * len(layers)
    for stack in stacks_of(layers):
        for level, place in enumerate(stack.levels):
            levels[place] = level
    return levels


# Which layers share a module


def _continues(before: Layer, layer: Layer) -> bool:
    """Whether a layer can be the next level in the stack of the layer before it."""
    if not (isinstance(before, Recurrent) and isinstance(layer, Recurrent)) or before.returns != "sequence":
        return False
    # A layer that reads time backwards starts at the end of the sequence, which a PyTorch level cannot.
    return not layer.reverses and type(before) is type(layer) and _shared(before) == _shared(layer)


def _shared(layer: Recurrent) -> dict[str, object]:
    """Return the arguments that levels of one module share."""
    own = ("return_sequences", "go_backwards")
    return {name: value for name, value in vars(layer.trained()).items() if name not in own}


def _differences(before: Recurrent, layer: Recurrent, names: tuple[str, str]) -> Iterator[str]:
    """Yield the differences of two layers of one kind that keep them from being levels of one module."""
    first, second = names
    if before.units != layer.units:
        yield f"{second} has {layer.units:,} units, {first} {before.units:,}"
    elif before.state_sizes != layer.state_sizes:
        yield f"h has {layer.state_sizes['h']:,} numbers in {second}, {before.state_sizes['h']:,} in {first}"
    if before.merge != layer.merge:
        both, one = (first, second) if before.merge else (second, first)
        yield f"{both} reads both ways, {one} does not"
    if before.use_bias != layer.use_bias:
        with_bias, without = (first, second) if before.use_bias else (second, first)
        yield f"{without} has no bias, {with_bias} has one"
    if before.activation != layer.activation:
        yield f"{second} has {layer.activation}, {first} {before.activation}"


# Why layers are separate modules


def reasons_apart(layers: Sequence[Layer], names: Sequence[str]) -> dict[int, str]:
    """Return why recurrent layers are not in the module of the recurrent layer before them, by their indices.

    Only pairs of one kind where the second reads the first's sequence are explained; for others nobody would ask.
    """
    stacks = {place: stack for stack in stacks_of(layers) for place in stack.holds}
    reasons: dict[int, str] = {}
    before: int | None = None
    """The index of the recurrent layer whose sequence is passed on."""
    for place, layer in enumerate(layers):
        if isinstance(layer, Recurrent):
            if before is not None and stacks[before] is not stacks[place] and type(layers[before]) is type(layer):
                reason = _reason(layers, names, before, place, stacks[before])
                if reason:
                    reasons[place] = reason
            before = place if layer.returns == "sequence" else None
        elif layer.returns != "same":
            before = None
    return reasons


def _reason(layers: Sequence[Layer], names: Sequence[str], before: int, place: int, stack: Stack) -> str:
    """Return why a layer is not in the stack of the one before it; empty if nobody would expect that."""
    first, second = layers[before], layers[place]
    assert isinstance(first, Recurrent)
    assert isinstance(second, Recurrent)
    between = range(before + 1, place)
    others = [index for index in between if not isinstance(layers[index], Dropout)]
    different = list(_differences(first, second, (names[before], names[place])))
    if others:
        if different or second.reverses:
            return ""
        are = "is" if len(others) == 1 else "are"
        return f"{listed([names[index] for index in others])} {are} between {names[before]} and {names[place]}"
    if second.reverses:
        return f"{names[place]} reads time backwards, and a module reads all its layers in one order"
    if different:
        return f"{', and '.join(different)}; num_layers needs equal layers"
    shares = [f"{layer.rate:g}" for layer in map(layers.__getitem__, between) if isinstance(layer, Dropout)]
    if len(shares) > 1:
        return f"{len(shares)} dropouts are between {names[before]} and {names[place]}, and a module has one"
    return (
        f"a module has one dropout between all its layers: before {names[before]} it is {stack.dropout:g}, "
        f"before {names[place]} {shares[0] if shares else 0}"
    )


# Calls


def _embedding(layer: Embedding, reads: Shape, stack: Stack) -> PythonCall:
    padding = ("padding_idx=0",) if layer.mask_zero else ()
    return PythonCall("nn.Embedding", (number(layer.input_dim), number(layer.output_dim), *padding))


def _recurrent(layer: Recurrent, reads: Shape, stack: Stack) -> PythonCall:
    arguments = [number(features_of(reads)), number(layer.units)]
    if len(stack.levels) > 1:
        arguments.append(f"num_layers={len(stack.levels)}")
    if isinstance(layer, SimpleRNN) and layer.activation != "tanh":
        arguments.append(f"nonlinearity={string(layer.activation)}")
    if not layer.use_bias:
        arguments.append("bias=False")
    if isinstance(layer, LSTM) and layer.proj_size is not None:
        arguments.append(f"proj_size={number(layer.proj_size)}")
    arguments.append("batch_first=True")
    if stack.dropout:
        arguments.append(f"dropout={number(stack.dropout)}")
    if layer.merge is not None:
        arguments.append("bidirectional=True")
    return PythonCall(f"nn.{layer.torch}", tuple(arguments))


def _conv(layer: Conv, reads: Shape, stack: Stack) -> PythonCall:
    arguments = [number(features_of(reads)), number(layer.filters), number(layer.kernel_size)]
    if layer.strides != 1:
        arguments.append(f"stride={number(layer.strides)}")
    if layer.padding == "same":
        arguments.append(f"padding={string(layer.padding)}")
    if layer.dilation_rate != 1:
        arguments.append(f"dilation={number(layer.dilation_rate)}")
    if not layer.use_bias:
        arguments.append("bias=False")
    return PythonCall("nn.Conv1d", tuple(arguments))


def _dense(layer: Dense, reads: Shape, stack: Stack) -> PythonCall:
    bias = () if layer.use_bias else ("bias=False",)
    return PythonCall("nn.Linear", (number(features_of(reads)), number(layer.units), *bias))


def _dropout(layer: Dropout, reads: Shape, stack: Stack) -> PythonCall:
    return PythonCall("nn.Dropout", (number(layer.rate),))


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
    Conv: ("conv", _conv),
    Dense: ("dense", _dense),
    Dropout: ("dropout", _dropout),
    Norm: ("norm", _norm),
    BatchNorm: ("norm", _norm),
    Activation: ("activation", _activation),
    Pool: ("pool", _pool),
}
"""For each kind with a PyTorch module, the name of its attribute and the function that returns the call building it.

The other kinds are tensor methods.
"""
