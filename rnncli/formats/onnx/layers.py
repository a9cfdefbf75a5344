"""The operations of a graph that are layers, or parts of layers: what a stream is behind each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rnncli.errors import ArgumentError
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.cells import numbers_agree
from rnncli.formats.onnx.moves import both_halves
from rnncli.formats.onnx.nodes import Operation
from rnncli.formats.onnx.values import Atom, Inputs, Ones, Stream, Zeros, link_of, wholes_of
from rnncli.layers import Dense, Norm, Pool, Recurrent, Repeat


def dense(inputs: Inputs) -> Stream | None:
    """Gemm and MatMul with an array: a dense layer, whose bias may follow."""
    node, stream, kernel, bias = inputs.node, inputs.at(0), inputs.at(1), inputs.at(2)
    if not isinstance(stream, Stream) or not isinstance(kernel, Constant) or len(kernel.tensor.shape) != 2:
        return None
    if node.operation == "Gemm":
        plain = node.number("alpha", 1.0) == node.number("beta", 1.0) == 1.0 and not node.whole("transA", 0)
        if not plain or len(stream.axes) != 2 or (node.input(2) and not isinstance(bias, Constant)):
            return None
        if node.whole("transB", 0):
            kernel = kernel.moved(kernel.tensor.shape[::-1], lambda array: array.T)
    reads, units = kernel.tensor.shape
    if not stream.reads_features(-1) or not reads:
        return None
    try:
        layer = Dense(units, use_bias=False)
    except ArgumentError:
        return None
    made = (Atom(units),)
    link = link_of(node.name, layer, {"kernel": kernel}, reads)
    behind = replace(stream, axes=(*stream.axes[:-1], made), links=(*stream.links, link), features=made)
    return _with_bias(behind, bias) if isinstance(bias, Constant) else behind


def _with_bias(stream: Stream, bias: Constant) -> Stream | None:
    """Return a stream whose last layer is dense with a bias; None if that is not what the array is."""
    link = stream.links[-1]
    layer = link.layer
    shape = bias.tensor.shape
    if not isinstance(layer, Dense) or layer.use_bias or layer.activation != "linear" or not shape:
        return None
    if shape[-1] != layer.units or any(size != 1 for size in shape[:-1]) or len(shape) > len(stream.axes):
        return None
    flat = bias if len(shape) == 1 else bias.moved(shape[-1:], lambda array: array.reshape(-1))
    piece = replace(link.piece, word=replace(layer, use_bias=True), tensors={**link.piece.tensors, "bias": flat.tensor})
    return stream.with_last(link._replace(piece=piece, sources=link.sources | frozenset(bias.sources)))


def add(inputs: Inputs) -> Stream | None:
    """Add: the bias of a dense layer, or the two directions of a layer."""
    one, other = inputs.at(0), inputs.at(1)
    if isinstance(one, Constant):
        one, other = other, one
    if isinstance(one, Stream) and isinstance(other, Constant):
        return _with_bias(one, other) if one.links and one.reads_features(-1) else None
    return _merged_halves(one, other, "sum")


def multiply(inputs: Inputs) -> Stream | None:
    """Mul: the two directions of a layer, or x and sigmoid(x), which is silu."""
    one, other = inputs.at(0), inputs.at(1)
    merged = _merged_halves(one, other, "mul")
    if merged is not None or not isinstance(one, Stream) or not isinstance(other, Stream):
        return merged
    for plain, gate in ((one, other), (other, one)):
        if plain.links and plain.axes == gate.axes and _activated(plain, "sigmoid") == gate:
            return _activated(plain, "silu")
    return None


def _merged_halves(one: object, other: object, mode: str) -> Stream | None:
    """Return the two directions of a layer merged into one output of as many features as each."""
    if not isinstance(one, Stream) or not isinstance(other, Stream):
        return None
    first, second = sorted((one, other), key=lambda stream: stream.half or 0)
    both = both_halves([first, second])
    if both is None or both.features is None:
        return None
    return _merging(replace(both, features=both.features[1:]), mode)


def _merging(stream: Stream, mode: str) -> Stream | None:
    """Return a stream whose last layer merges its two directions in some way."""
    layer = stream.links[-1].layer
    if not isinstance(layer, Recurrent) or layer.merge_mode != "concat":
        return None
    return stream.with_last(stream.links[-1].with_layer(replace(layer, merge_mode=mode)))


def reduce(inputs: Inputs) -> Stream | None:
    """ReduceMax and ReduceMean over time, a pool; ReduceSum, ReduceProd and ReduceMean over the two directions."""
    stream, axes = inputs.at(0), inputs.wholes("axes", 1)
    if not isinstance(stream, Stream) or axes is None or len(axes) != 1 or stream.half is not None:
        return None
    if not -len(stream.axes) <= axes[0] < len(stream.axes):
        return None
    place = axes[0] % len(stream.axes)
    gone = stream.axes[place]
    kept = [()] if inputs.node.whole("keepdims", 1) else []
    behind = stream.with_axes((*stream.axes[:place], *kept, *stream.axes[place + 1 :]))
    operation = inputs.node.operation
    if stream.features is not None and len(stream.features) == 2 and gone == stream.features[:1]:
        mode = {"ReduceSum": "sum", "ReduceProd": "mul", "ReduceMean": "ave"}.get(operation)
        return None if mode is None else _merging(replace(behind, features=stream.features[1:]), mode)
    pool = {"ReduceMax": "max", "ReduceMean": "avg"}.get(operation)
    if pool is None or gone != stream.time or stream.vector or stream.features not in stream.axes:
        return None
    link = link_of(inputs.node.name, Pool(pool), {})
    return replace(behind, links=(*stream.links, link), vector=True)


def repeat(inputs: Inputs) -> Stream | None:
    """Expand and Tile of a vector along a new axis: a sequence of equal vectors."""
    stream, wanted = inputs.at(0), wholes_of(inputs.at(1))
    if not isinstance(stream, Stream) or wanted is None or len(wanted) != len(stream.axes) or not stream.vector:
        return None
    places = [place for place, axis in enumerate(stream.axes) if axis == () and wanted[place] > 1]
    if not places:  # a sequence of one step
        places = [place for place, axis in enumerate(stream.axes) if axis == () and wanted[place] == 1]
    others = [count for place, count in enumerate(wanted) if place not in places]
    if len(places) != 1 or (inputs.node.operation == "Tile" and set(others) != {1}):
        return None
    if stream.features not in stream.axes:
        return None
    try:
        layer = Repeat(wanted[places[0]])
    except ArgumentError:
        return None
    time = (Atom(layer.n),)
    axes = (*stream.axes[: places[0]], time, *stream.axes[places[0] + 1 :])
    link = link_of(inputs.node.name, layer, {})
    return replace(stream, axes=axes, links=(*stream.links, link), time=time, vector=False, flips=frozenset())


def norm(inputs: Inputs) -> Stream | None:
    """LayerNormalization over the features; ones or zeros that are no array of the file are no scale and no shift."""
    node, stream, scale, shift = inputs.node, inputs.at(0), inputs.at(1), inputs.at(2)
    shifted = bool(node.input(2)) and shift != Zeros()
    if not isinstance(stream, Stream) or not isinstance(scale, Constant | Ones) or not stream.reads_features(-1):
        return None
    if node.whole("axis", -1) not in (-1, len(stream.axes) - 1) or (shifted and not isinstance(shift, Constant)):
        return None
    arrays = {"gamma": scale} if isinstance(scale, Constant) else {}
    arrays |= {"beta": shift} if isinstance(shift, Constant) else {}
    size = scale.tensor.shape if isinstance(scale, Constant) else (scale.size,)
    if len(size) != 1 or any(array.tensor.shape != size for array in arrays.values()):
        return None
    given = node.number("epsilon", 1e-5)
    epsilon, same = Norm.nearest_epsilon(given)
    link = link_of(node.name, Norm(center="beta" in arrays, scale="gamma" in arrays, epsilon=epsilon), arrays, size[0])
    if not same:
        link = link._replace(assumed=(f"{node.name} has an epsilon of {given:g}; here it runs with {epsilon:g}",))
    made = (Atom(size[0]),)
    return replace(stream, axes=(*stream.axes[:-1], made), links=(*stream.links, link), features=made)


def dropout(inputs: Inputs) -> Stream | None:
    """Dropout, which does nothing in a model that is only run."""
    stream = inputs.at(0)
    if not isinstance(stream, Stream) or inputs.node.input(2):
        return None
    return stream


def _activated(stream: Stream, word: str) -> Stream | None:
    """Return a stream whose last layer has an activation; None if it has one already, or cannot have any."""
    if not stream.links or stream.half is not None:
        return None
    layer = stream.links[-1].layer
    if not isinstance(layer, Dense) or layer.activation != "linear":
        return None
    return stream.with_last(stream.links[-1].with_layer(replace(layer, activation=word)))


def activation(inputs: Inputs) -> Stream | None:
    """An activation by itself: that of the dense layer before it."""
    stream = inputs.at(0)
    word = ACTIVATIONS[inputs.node.operation](inputs.node)
    if not isinstance(stream, Stream) or word is None:
        return None
    if word == "softmax":
        axis = inputs.node.whole("axis", -1)
        if axis not in (-1, len(stream.axes) - 1) or not stream.reads_features(-1):
            return None
    return _activated(stream, word)


def _if(word: str, **needed: float) -> Callable[[Operation], str | None]:
    """Return an activation that a node is only if its numbers are those; the others are ONNX's defaults."""

    def named(node: Operation) -> str | None:
        given = {name: node.number(name, _DEFAULTS[node.operation][name]) for name in needed}
        return word if all(numbers_agree(given[name], needed[name]) for name in needed) else None

    return named


_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Elu": {"alpha": 1.0},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "Swish": {"alpha": 1.0},
}

ACTIVATIONS: Mapping[str, Callable[[Operation], str | None]] = {
    "Relu": lambda node: "relu",
    "Tanh": lambda node: "tanh",
    "Sigmoid": lambda node: "sigmoid",
    "Softmax": lambda node: "softmax",
    "Softsign": lambda node: "softsign",
    "Softplus": lambda node: "softplus",
    "HardSigmoid": _if("hard_sigmoid", alpha=1 / 6, beta=0.5),
    "Elu": _if("elu", alpha=1.0),
    "Selu": _if("selu", alpha=1.6732632, gamma=1.050701),
    "Gelu": lambda node: "gelu" if _text(node, "approximate", "none") == "none" else None,
    "Swish": _if("silu", alpha=1.0),
}
"""The language's word for each operation that is an activation; None where its numbers are others."""


def _text(node: Operation, name: str, default: str) -> str:
    return node.attributes[name].text if name in node.attributes else default


LAYERS: Mapping[str, Callable[[Inputs], Stream | None]] = {
    "Add": add,
    "Dropout": dropout,
    "Expand": repeat,
    "Gemm": dense,
    "LayerNormalization": norm,
    "MatMul": dense,
    "Mul": multiply,
    "ReduceMax": reduce,
    "ReduceMean": reduce,
    "ReduceProd": reduce,
    "ReduceSum": reduce,
    "Tile": repeat,
    **dict.fromkeys(ACTIVATIONS, activation),
}
"""What a stream is behind each operation that is a layer."""
