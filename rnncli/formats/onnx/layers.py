"""Operations that are layers, or parts of layers: the effect of each on the flow that it reads.

Each function takes the node and the known inputs, and raises ReasonError if specs have no such layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

from rnncli.formats.nodes import Note, Pass, Word, takes_activation
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.cells import BY_OPERATION
from rnncli.formats.onnx.messages import NodeProto
from rnncli.formats.onnx.moves import FAR, both_halves
from rnncli.formats.onnx.values import (
    NO_LENGTH,
    Atom,
    Axis,
    Fill,
    Flow,
    Inputs,
    ReasonError,
    is_zero,
    length,
    require,
    sized,
)
from rnncli.immutable import NamedTuple
from rnncli.layers import Activation, BatchNorm, Conv, Dense, Embedding, Flatten, Layer, Norm, Pool, Repeat
from rnncli.layers.windows import PADDINGS, Window

_SOFTMAX_OF_ONE_AXIS = 13
"""The version of ONNX's operators since which Softmax has one axis, by default the last."""


class Effect(NamedTuple):
    """The result of a node.

    Attributes:
        flow: its output, still attributed to the node that it reads.
        word: its layer in a spec; None if it only changes the node that it reads.
        arrays: its arrays by their names in Keras.
        features: how many features it reads, if its arrays show it.
        notes: differences from the source.
        grown: the replacement for the node that it reads: a dense layer with a bias.
        time: the time axis that it reads, if its output has no such axis.
        around: how many timesteps of zeros it adds before and after; negative if it cuts some off.
    """

    flow: Flow
    word: Word | None = None
    arrays: Mapping[str, Constant] = {}
    features: int | None = None
    notes: tuple[Note, ...] = ()
    grown: Word | None = None
    time: Axis | None = None
    around: tuple[int, int] = (0, 0)


def _embedding(inputs: Inputs) -> Effect:
    """Gather from the rows of a table."""
    table, ids = inputs.array(0), inputs.flow(1)
    require(len(table.tensor.shape) == 2 and inputs.node.value("axis", 0) in (0, -2))
    require(table.tensor.dtype.startswith(("float", "bfloat")))
    require(ids.features is None and (ids.axes is None or len(ids.axes) == 2))
    read = inputs.found.get(ids.node)
    require(read is None or read.word is None)
    rows, columns = table.tensor.shape
    made: Axis = (Atom(columns),)
    axes = (*(ids.axes or ((Atom(),), (Atom(),))), made)
    said = f"{inputs.name} reads ids from {ids.node}, which is left out"
    notes = () if read is not None and read.kind == "input" else (Note(said, "left out"),)
    flow = ids._replace(axes=axes, features=made, root="")
    return Effect(flow, Embedding(rows, columns), {"embeddings": table}, None, notes)


def _dense(inputs: Inputs) -> Effect:
    """Gemm or MatMul with an array: a dense layer, whose bias may follow."""
    node, flow, kernel, bias = inputs.node, inputs.flow(), inputs.array(1), inputs.optional_array(2)
    require(len(kernel.tensor.shape) == 2)
    if node.operation == "Gemm":
        require(node.value("alpha", 1.0) == node.value("beta", 1.0) == 1.0 and not node.value("transA", 0))
        require(flow.axes is None or len(flow.axes) == 2)
        if node.value("transB", 0):
            kernel = kernel.moved(kernel.tensor.shape[::-1], lambda array: array.T)
    features, units = kernel.tensor.shape
    require(flow.is_features(-1) and features)
    arrays = {"kernel": kernel} | ({"bias": _bias(bias, units, 2)} if bias is not None else {})
    return Effect(flow.with_last((Atom(units),)), Dense(units, use_bias="bias" in arrays), arrays, features)


def _bias(bias: Constant, units: int, rank: int | None) -> Constant:
    """Return the bias of a dense layer, given an array that must have the shape of one."""
    shape = bias.tensor.shape
    require(shape and prod(shape) == shape[-1] == units and len(shape) <= (rank or 1))
    return bias if len(shape) == 1 else bias.reshaped(shape[-1:])


def _add(inputs: Inputs) -> Effect:
    """The bias of a dense layer, or the sum of a layer's two directions."""
    if not any(isinstance(value, Constant) for value in inputs.values):
        return _merged_halves(inputs, "sum")
    one, other = (0, 1) if isinstance(inputs.at(1), Constant) else (1, 0)
    flow, bias = inputs.flow(one), inputs.array(other)
    node = inputs.found.get(flow.node)
    layer = node.word if node is not None else None
    if not takes_activation(layer) or layer.use_bias:
        raise ReasonError
    require(not flow.shared and flow.is_features(-1))
    flat = _bias(bias, layer.output_features(0), None if flow.axes is None else len(flow.axes))
    return Effect(flow, None, {"bias": flat}, grown=replace(layer, use_bias=True))


def _multiply(inputs: Inputs) -> Effect:
    """The product of a layer's two directions, or x · sigmoid(x), which is silu."""
    one, other = inputs.flow(0), inputs.flow(1)
    for plain, gate in ((one, other), (other, one)):
        node = inputs.found.get(gate.node)
        sigmoid = node is not None and node.word == Activation("sigmoid") and not gate.shared
        if sigmoid and node is not None and node.reads is not None and node.reads[0].node == plain.node:
            # Any two parts of an unknown output look the same: a GLU multiplies one half by the other's sigmoid.
            require(gate == plain._replace(node=gate.node, shared=False) and inputs.found[plain.node].word is not None)
            return Effect(gate, grown=Activation("silu"))
    return _merged_halves(inputs, "mul")


def _merged_halves(inputs: Inputs, mode: str) -> Effect:
    """Return a layer's two directions merged into one output with as many features as each has."""
    flows = [inputs.flow(index) for index in range(len(inputs.values))]
    both = both_halves(sorted(flows, key=lambda flow: flow.half or 0))
    if both is None or both.features is None:
        raise ReasonError
    return _merging(both, both.features[1:], mode)


def _merging(flow: Flow, features: Axis, mode: str) -> Effect:
    """Return a flow whose node merges its two directions."""
    require(flow.node == flow.loop)
    return Effect(flow._replace(features=features, merge=mode))


def _reduce(inputs: Inputs) -> Effect:
    """A pool over all timesteps; ReduceSum, ReduceProd or ReduceMean over a layer's two directions."""
    flow, operation = inputs.flow(), inputs.node.operation
    pools = operation.startswith("Global")
    axes = range(2, len(flow.placed)) if pools else inputs.wholes("axes", 1)
    require(len(axes) == 1 and flow.half is None)
    place = flow.place_of(axes[0])
    gone = flow.placed[place]
    after = flow.with_axis(place, *([()] if inputs.node.value("keepdims", 1) else []))
    if flow.features is not None and len(flow.features) == 2 and gone == flow.features[:1]:
        require(operation in _MERGES)
        return _merging(after, flow.features[1:], _MERGES[operation])
    require(operation in _POOLS and gone == flow.time and flow.returns == "sequence" and flow.features in flow.placed)
    return Effect(after._replace(returns="vector", flips=frozenset()), Pool(_POOLS[operation]))


_MERGES: Mapping[str, str] = {"ReduceSum": "sum", "ReduceProd": "mul", "ReduceMean": "ave"}
"""The merge mode of each operation that reduces the axis of directions; concatenation needs no operation."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(("ReduceMax", "GlobalMaxPool"), "max"),
    **dict.fromkeys(("ReduceMean", "GlobalAveragePool"), "avg"),
}
"""The pool that reduces the axis of time."""


def _repeat(inputs: Inputs) -> Effect:
    """Expand or Tile of a vector along a new axis: a sequence of equal vectors."""
    flow, wanted = inputs.flow(), inputs.numbers(1)
    require(flow.returns == "vector" and flow.half is None and flow.features in flow.placed)
    require(len(wanted) == len(flow.placed))
    new = [place for place, axis in enumerate(flow.placed) if axis == ()]
    places = [place for place in new if wanted[place] > 1] or [place for place in new if wanted[place] == 1]
    others = {count for place, count in enumerate(wanted) if place not in places}
    require(len(places) == 1 and (inputs.node.operation == "Expand" or others == {1}))
    layer, time = Repeat(wanted[places[0]]), (Atom(wanted[places[0]]),)
    made = flow.with_axis(places[0], time)._replace(time=time, returns="sequence", ends=False)
    return Effect(made, layer)


def _conv(inputs: Inputs) -> Effect:
    """Conv over time, of (batch, features, timesteps), possibly with an extra axis of length 1."""
    node, flow, kernel, bias = inputs.node, inputs.flow(), inputs.array(1), inputs.optional_array(2)
    filters, features, *sizes = (*kernel.tensor.shape, 0, 0)[: max(2, len(kernel.tensor.shape))]
    slides = [place for place, size in enumerate(sizes) if size != 1 or flow.placed[place + 2 : place + 3] != ((),)]
    require(len(flow.placed) == len(sizes) + 2 and len(slides) == 1 and node.value("group", 1) == 1)
    place = slides[0] + 2
    window, around = _window(node, len(sizes), slides[0], sizes[slides[0]], _slides(flow, place))
    shape = (window.width, features, filters)
    arrays = {"kernel": kernel.moved(shape, lambda array: array.reshape(filters, features, -1).transpose(2, 1, 0))}
    arrays |= {"bias": bias} if bias is not None else {}
    layer = Conv(filters, *window[:3], padding=window.padding, use_bias="bias" in arrays)
    made = _slid(flow, layer, place, (Atom(filters),), sum(around))
    return Effect(made, layer, arrays, features, time=flow.placed[place], around=around)


def _slides(flow: Flow, place: int) -> int | None:
    """Return the length of the axis that a window moves along, in a flow of (batch, features, timesteps)."""
    time = flow.placed[place]
    require(flow.returns != "vector" and flow.time in (None, time) and time not in flow.flips)
    require(flow.is_features(1))
    return sized(time)


def _windows(inputs: Inputs) -> Effect:
    """MaxPool or AveragePool over time, of (batch, features, timesteps)."""
    node, flow, sizes = inputs.node, inputs.flow(), [*inputs.node.named("kernel_shape").ints]
    require(len(flow.placed) == 3 and len(sizes) == 1)
    window, around = _window(node, 1, 0, sizes[0], _slides(flow, 2))
    require(window.dilation == 1 and window.padding != "causal" and not any(around))
    require(window.padding == "valid" or not node.value("count_include_pad", 0))
    layer = Pool(_WINDOWS[node.operation], window.width, window.stride, window.padding)
    return Effect(_slid(flow, layer, 2, flow.placed[1]), layer, time=flow.placed[2])


_WINDOWS: Mapping[str, str] = {"MaxPool": "max", "AveragePool": "avg"}
"""The mode of the pool for each operation."""


def _batch_norm(inputs: Inputs) -> Effect:
    """BatchNormalization of (batch, features, …) in inference; in training it also returns new averages."""
    require(not inputs.node.value("training_mode", 0) and not any(inputs.node.output[1:]))
    return _normalized(inputs, BatchNorm, 1, {"moving_mean": inputs.array(3), "moving_variance": inputs.array(4)})


def _flatten(inputs: Inputs) -> Effect:
    """Reshape or Flatten of (batch, timesteps, features) to one vector per sample, if the length is known."""
    flow, node = inputs.flow(), inputs.node
    flattens, rank = node.operation == "Flatten", len(flow.placed)
    require(not flattens or node.value("axis", 1) in (1, 1 - rank))
    if flattens and flow.returns == "vector" and rank == 2 and flow.is_features(1):
        return Effect(flow, Flatten())
    require(rank == 3 and flow.returns == "sequence")
    batch, time, features = flow.placed
    require(time == flow.time and flow.is_features(-1) and not flow.flipped and sized(time) is not None)
    size = sized(time + features)
    if not flattens:
        items = inputs.wholes("shape", 1)
        of_batch = {-1, length(batch), *([] if node.value("allowzero", 0) else [0])}
        require(len(items) == 2 and items[0] in of_batch and items[1] in (size, -1) and {*items} != {-1})
    made = (Atom(size),)
    vector = flow._replace(axes=(batch, made), features=made, returns="vector", flips=frozenset())
    return Effect(vector, Flatten(), time=time)


def _slid(flow: Flow, layer: Layer, place: int, features: Axis, zeros: int = 0) -> Flow:
    """Return a layer's output when it moves a window along the axis at `place`, which has zeros around it."""
    steps = sized(flow.placed[place])
    time = (Atom(None if steps is None else max(1, layer.output_length(steps + zeros))),)
    after = flow.with_axis(1, features).with_axis(place, time)
    after = after._replace(features=features, time=time, batch=flow.placed[0], returns="sequence")
    return after._replace(loop="", root="", ends=False)


def _window(node: NodeProto, axes: int, axis: int, width: int, steps: int | None) -> tuple[Window, tuple[int, int]]:
    """Return the window that a node moves along one of its axes, and the padding that the window does not cover.

    It has `width` elements on that axis and one on the others; `steps` is the axis's length, if it is known.
    """

    def sizes_of(name: str, default: int) -> list[int]:
        return [*node.named(name).ints] or [default] * axes

    stride, dilation = sizes_of("strides", 1)[axis], sizes_of("dilations", 1)[axis]
    pads = [*node.named("pads").ints] or [0] * 2 * axes
    require(len(pads) == 2 * axes and min(stride, dilation) >= 1 and not node.value("ceil_mode", 0))
    own, auto = (pads[axis], pads[axis + axes]), node.value("auto_pad", "NOTSET")
    require(sum(pads) == sum(own) and min(own) >= 0 and auto in ("NOTSET", "VALID", "SAME_UPPER"))
    if auto == "SAME_UPPER":
        return Window(width, stride, dilation, "same"), (0, 0)
    around = own if auto == "NOTSET" else (0, 0)
    for padding in PADDINGS:
        window = Window(width, stride, dilation, padding)
        if (steps is not None or not window.goes_by_length) and window.around(steps) == around:
            return window, (0, 0)
    return Window(width, stride, dilation), around


def _pad(inputs: Inputs) -> Effect:
    """Pad with zeros around time."""
    node, flow, pads = inputs.node, inputs.flow(), inputs.wholes("pads", 1)
    if not any(pads):
        return Effect(flow)
    require(is_zero(inputs.at(2)) if node.reads(2) else not node.value("value", 0.0))
    axes = inputs.wholes("axes", 3, tuple(range(len(pads) // 2)))
    require(node.value("mode", "constant") == "constant" and len(pads) == 2 * len(axes) and min(pads) >= 0)
    around = [(axis, each) for axis, *each in zip(axes, pads, pads[len(axes) :], strict=False) if any(each)]
    require(len(around) == 1)
    return _padded(flow, around[0][0], *around[0][1])


def _cut(inputs: Inputs) -> Effect:
    """Slice that cuts timesteps off the ends."""
    flow, starts, ends = inputs.flow(), inputs.wholes("starts", 1), inputs.wholes("ends", 2)
    axes, steps = inputs.wholes("axes", 3, (0,)), inputs.wholes("steps", 4, (1,))
    require(flow.returns == "sequence" and steps == (1,) and len(starts) == len(ends) == len(axes) == 1)
    require(0 <= starts[0] < FAR and ends[0] < NO_LENGTH)
    stop = 0 if ends[0] >= FAR else ends[0]
    size = sized(flow.placed[flow.place_of(axes[0])])
    require(stop <= 0 or size is not None)
    return _padded(flow, axes[0], -starts[0], min(0, stop - (size or 0)) if stop > 0 else stop)


def _padded(flow: Flow, axis: int, before: int, after: int) -> Effect:
    """Return a flow with timesteps of zeros added, or with some cut off; the axis must be that of time."""
    place = flow.place_of(axis)
    whole = flow.placed[place]
    require(flow.returns in (None, "sequence") and flow.half is None)
    require(flow.time in (None, whole) and whole not in flow.flips and whole != flow.features)
    size = sized(whole)
    time = (Atom(None if size is None else max(1, size + before + after)),)
    made = flow.with_axis(place, time)._replace(time=time, zeros=flow.zeros + before + after, ends=False)
    return Effect(made, Pass(), around=(before, after))


def _norm(inputs: Inputs) -> Effect:
    """LayerNormalization over the features."""
    flow = inputs.flow()
    require(inputs.node.value("axis", -1) in (-1, -1 if flow.axes is None else len(flow.axes) - 1))
    made = _normalized(inputs, Norm, -1, {})
    return made._replace(flow=flow.with_last((Atom(made.features),)))


def _normalized(inputs: Inputs, cls: type[Norm], axis: int, moving: Mapping[str, Constant]) -> Effect:
    """Return a normalization; constant ones and zeros that are not arrays in the file mean no scale and no shift."""
    flow, scale, shift = inputs.flow().along_features(axis), inputs.at(1), inputs.at(2)
    arrays = {role: each for role, each in (("gamma", scale), ("beta", shift)) if isinstance(each, Constant)}
    require("gamma" in arrays or (isinstance(scale, Fill) and scale.number == 1))
    require("beta" in arrays or is_zero(shift) or not inputs.node.reads(2))
    arrays |= moving
    shapes = {array.tensor.shape for array in arrays.values()}
    if not shapes and flow.axes is not None:
        shapes = {(sized(flow.axes[-1]) or 0,)}
    require([*map(len, shapes)] == [1])
    ((features,),) = shapes
    given = inputs.node.value("epsilon", 1e-5)
    epsilon, same = Norm.nearest_epsilon(given)
    said = Note(f"{inputs.name} has an epsilon of {given:g}; here it runs with {epsilon:g}", "differs")
    layer = cls(center="beta" in arrays, scale="gamma" in arrays, epsilon=epsilon)
    return Effect(flow, layer, arrays, features or None, () if same else (said,))


def _dropout(inputs: Inputs) -> Effect:
    """Dropout, which does nothing in inference."""
    require(not inputs.node.reads(2))
    return Effect(inputs.flow())


def _activation(inputs: Inputs) -> Effect:
    """A separate activation: it becomes the activation of the dense layer before it."""
    flow, node = inputs.flow(), inputs.node
    known = BY_OPERATION[node.operation]
    require(flow.half is None and flow.returns != "state")
    require(all(number.agrees(node.value(each, number.usual)) for each, number in known.numbers.items()))
    require(known.word != "gelu" or node.value("approximate", "none") == "none")
    if known.word == "softmax":
        usual = -1 if inputs.opset >= _SOFTMAX_OF_ONE_AXIS else 1
        require(node.value("axis", usual) in (-1, -1 if flow.axes is None else len(flow.axes) - 1))
        flow = flow.along_features(-1)
    return Effect(flow, Activation(known.word))


FLATTENING = ("Flatten", "Reshape")
"""The operations that may flatten a sequence, or only move its numbers."""

LAYERS: Mapping[str, Callable[[Inputs], Effect]] = {
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Dropout": _dropout,
    "Expand": _repeat,
    **dict.fromkeys(FLATTENING, _flatten),
    "Gather": _embedding,
    "Gemm": _dense,
    "LayerNormalization": _norm,
    "MatMul": _dense,
    "Mul": _multiply,
    "Pad": _pad,
    "Slice": _cut,
    "Tile": _repeat,
    **dict.fromkeys(_WINDOWS, _windows),
    **dict.fromkeys((*_MERGES, *_POOLS), _reduce),
    **dict.fromkeys(BY_OPERATION, _activation),
}
"""The function for each operation that is a layer."""


def layer_of(inputs: Inputs) -> Effect:
    """Return the result of a node as a layer or part of one.

    Raises:
        ReasonError: it is neither.
        ArgumentError: it is a layer with a size that specs do not allow.
    """
    require(inputs.node.operation in LAYERS)
    return LAYERS[inputs.node.operation](inputs)
