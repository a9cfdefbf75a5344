"""Operations that are layers, or parts of layers, and the table of all operations.

Each function takes the node and the known inputs, adds the layer, and returns the outputs. It raises ReasonError if
specs have no such layer, or ArgumentError if they do not allow its size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

from rnncli.formats.nodes import Note, Pass, takes_activation, takes_ids
from rnncli.formats.onnx import moves
from rnncli.formats.onnx.arrays import Constant, ReasonError, require, whole_numbers
from rnncli.formats.onnx.cells import BY_OPERATION, KINDS, recurrent
from rnncli.formats.onnx.messages import NodeProto
from rnncli.formats.onnx.moves import FAR, both_halves
from rnncli.formats.onnx.values import (
    NO_LENGTH,
    Atom,
    Axis,
    Fill,
    Flow,
    NodeCall,
    Value,
    Values,
    flows_in,
    is_zero,
    length,
    sized,
)
from rnncli.layers import Activation, BatchNorm, Conv, Dense, Embedding, Flatten, Layer, Norm, Pool, Repeat
from rnncli.layers.windows import PADDINGS, Window


def _embedding(call: NodeCall) -> Values:
    """Gather from the rows of a table."""
    table, ids = call.array(0), call.flow(1)
    require(len(table.tensor.shape) == 2 and call.node.value("axis", 0) in (0, -2))
    require(table.tensor.dtype.startswith(("float", "bfloat", "int8", "uint8")))
    require(ids.features is None and (ids.axes is None or len(ids.axes) == 2))
    read = call.found.nodes.get(ids.node)
    require(read is None or read.word is None)
    rows, columns = table.tensor.shape
    made: Axis = (Atom(columns),)
    axes = (*(ids.axes or ((Atom(),), (Atom(),))), made)
    said = f"{call.name} reads ids from {ids.node}, which is left out"
    notes = () if read is not None and read.kind == "input" else (Note(said, "left out"),)
    flow = ids._replace(axes=axes, features=made, root="")
    # The length of a sample, where an input of the graph says it and leaves the number of samples open.
    inputs = [each for each in call.found.axes if each and {*each} == {*(ids.axes or ())} and sized(each[0]) is None]
    word = Embedding(rows, columns, length=sized(inputs[0][-1]) if inputs else None)
    return call.layer(flow, word, {"embeddings": table}, notes=notes)


def _dense(call: NodeCall) -> Values:
    """Gemm or MatMul with an array: a dense layer, whose bias may follow."""
    node, flow, kernel, bias = call.node, call.flow(), call.array(1), call.optional_array(2)
    require(len(kernel.tensor.shape) == 2)
    require(node.value("alpha", 1.0) == node.value("beta", 1.0) == 1.0)
    require(not any(node.value(each, 0) for each in ("transA", "transBatchA", "transBatchB")))
    require("MatMul" in node.operation or flow.axes is None or len(flow.axes) == 2)
    if node.value("transB", 0):
        kernel = kernel.moved(kernel.tensor.shape[::-1], lambda array: array.T)
    features, units = kernel.tensor.shape
    require(flow.is_features(-1) and features)
    arrays = {"kernel": kernel} | ({"bias": _flat(bias, units, 2)} if bias is not None else {})
    layer = Dense(units, use_bias="bias" in arrays, activation=_fused(call))
    return call.layer(flow.with_features((Atom(units),)), layer, arrays, features)


def _fused(call: NodeCall) -> str:
    """Return the activation that ONNX Runtime fused with a layer; linear if it did not."""
    name = call.node.value("activation", "")
    require(name in ("", "Relu", "Sigmoid", "Tanh"))
    return name.lower() or "linear"


def _flat(array: Constant, features: int, rank: int | None, after: int = 0) -> Constant:
    """Return an array with a number for each feature, without its axes of length 1.

    The values have `rank` axes, `after` of them after the features.
    """
    shape = array.tensor.shape
    require(shape[: len(shape) - after][-1:] == (features,) and prod(shape) == features and len(shape) <= (rank or 1))
    return array if len(shape) == 1 else array.reshaped((features,))


def _add(call: NodeCall) -> list[Flow]:
    """The bias of a dense layer, or the sum of a layer's two directions."""
    if not any(isinstance(value, Constant) for value in call.values):
        return _merged_halves(call, "sum")
    one, other = (0, 1) if isinstance(call.at(1), Constant) else (1, 0)
    flow, bias = call.flow(one), call.array(other)
    node = call.found.nodes.get(flow.node)
    layer = node.word if node is not None else None
    if not takes_activation(layer) or layer.use_bias:
        raise ReasonError
    require(not flow.shared)
    return call.found.grow(flow, replace(layer, use_bias=True), bias=_of_features(bias, layer.output_features(0), flow))


def _of_features(array: Constant, features: int, flow: Flow) -> Constant:
    """Return an array with a number for each feature of a layer's output, without its axes of length 1."""
    after = 0 if flow.is_features(-1) else 1
    require(flow.is_features(-1 - after))
    return _flat(array, features, None if flow.axes is None else len(flow.axes), after)


def _scaled(call: NodeCall) -> Values:
    """The product of a layer's output and an array, which goes into the layer's own arrays, as do scale and zero."""
    one, other = (0, 1) if isinstance(call.at(1), Constant) else (1, 0)
    factor, zero = call.array(other), call.optional_array(2)
    if call.at(one) is _ONE:
        return [factor]
    flow = call.flow(one)
    node = call.found.nodes.get(flow.node)
    if node is None or not (takes_activation(node.word) or takes_ids(node.word)):
        raise ReasonError
    whole = all("int" in tensor.dtype for tensor in node.tensors.values())
    # All readers of a table of whole numbers scale them alike.
    require(whole if call.node.operation == "DequantizeLinear" else not flow.shared)
    if factor.tensor.shape not in ((), (1,)):
        factor = _of_features(factor, next(iter(node.tensors.values())).shape[-1], flow)
    arrays = {
        role: Constant(tensor, frozenset(), None).dequantised(factor, zero, len(tensor.shape) - 1)
        for role, tensor in node.tensors.items()
    }
    return call.found.grow(flow, node.word, **arrays)


_ONE = whole_numbers([1], ())
"""The scale of numbers that a run quantises, which here are not rounded."""

_INTEGER: Mapping[str, tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...]]] = {
    "ConvInteger": ("Conv", (0,), ((1, -1, 3),), ()),
    "MatMulInteger": ("MatMul", (1,), ((1, -1, 3),), ()),
    "DynamicQuantizeMatMul": ("FusedMatMul", (1,), ((1, 2, 3),), (4,)),
    "MatMulIntegerToFloat": ("FusedMatMul", (1,), ((1, 3, 5),), (6,)),
    "DynamicQuantizeLSTM": ("LSTM", (0, 2), ((1, 8, 9), (2, 10, 11)), (3, 4, 5, 6, 7)),
}
"""Operations on whole numbers: that on floats, the axes of scales; array, scale and zero of each; its other inputs."""


def _with_integers(call: NodeCall) -> Values:
    """An operation that quantises its input, as the one that it stands for."""
    node, (operation, axes, arrays, others) = call.node, _INTEGER[call.node.operation]
    floats = [
        call.array(array).dequantised(call.array(scale) if scale > 0 else _ONE, call.optional_array(zero), *axes)
        for array, scale, zero in arrays
    ]
    if operation == "LSTM":
        require(all(len(each.tensor.shape) == 3 for each in floats))
        floats = [each.arranged((0, 2, 1)) for each in floats]
    names = [*map(node.reads, (0, *(array for array, *_ in arrays), *others))]
    made = NodeProto(input=names, output=node.output, op_type=operation, attribute=node.attribute)
    values = [_rounded(call), *floats, *map(call.at, others)]
    return OPERATIONS[operation][0](call._replace(node=made, values=values))


def _rounded(call: NodeCall) -> Value | None:
    """Return a value that the file quantises. Networks here do not round."""
    require(flows_in(call.at(0)))
    for flow in flows_in(call.at(0)):
        require(flow.node in call.found.nodes)
        call.found.say(flow.node, "is followed by quantisation in the file; here nothing is rounded or clipped")
    return call.at(0)


def _multiply(call: NodeCall) -> Values:
    """The product of a layer's two directions, or x · sigmoid(x), which is silu."""
    one, other = call.flow(0), call.flow(1)
    for plain, gate in ((one, other), (other, one)):
        node, source = call.found.nodes.get(gate.node), call.found.nodes.get(plain.node)
        if node is None or node.word != Activation("sigmoid") or gate.shared:
            continue
        if node.reads and node.reads[0].node == plain.node:
            # Any two parts of an unknown output look the same: a GLU multiplies one half by the other's sigmoid.
            known = (source is not None and source.word is not None) or plain.root == plain.node
            require(known and gate == plain._replace(node=gate.node, shared=False))
            return call.found.grow(gate, Activation("silu"))
    return _merged_halves(call, "mul")


def _merged_halves(call: NodeCall, mode: str) -> list[Flow]:
    """Return a layer's two directions merged into one output with as many features as each has."""
    both = both_halves(sorted(map(call.flow, range(len(call.values))), key=lambda flow: flow.half or 0))
    if both is None or both.features is None:
        raise ReasonError
    return _merging(both, both.features[1:], mode)


def _merging(flow: Flow, features: Axis, mode: str) -> list[Flow]:
    """Return a flow whose node merges its two directions."""
    require(flow.node == flow.loop)
    return [flow._replace(features=features, merge=mode)]


def _reduce(call: NodeCall) -> Values:
    """A pool over all timesteps; ReduceSum, ReduceProd or ReduceMean over a layer's two directions."""
    flow, operation = call.flow(), call.node.operation
    pools = operation.startswith("Global")
    axes = range(2, len(flow.placed)) if pools else call.wholes("axes", 1)
    require(len(axes) == 1 and flow.half is None)
    place = flow.place_of(axes[0])
    gone = flow.placed[place]
    after = flow.with_axis(place, *([()] if call.node.value("keepdims", 1) else []))
    if flow.features is not None and len(flow.features) == 2 and gone == flow.features[:1]:
        modes = [mode for mode, merge in MERGES.items() if merge == operation]
        require(modes)
        return _merging(after, flow.features[1:], modes[0])
    mode = _POOLED.get(operation.removeprefix("Global"), "")
    require(mode and gone == flow.time and flow.returns == "sequence" and flow.features in flow.placed)
    return call.layer(after._replace(returns="vector", flips=frozenset()), Pool(mode))


MERGES: Mapping[str, str] = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}
"""The operation that merges a layer's two directions, by mode; concatenation needs none."""

POOLS: Mapping[str, str] = {"max": "ReduceMax", "avg": "ReduceMean"}
"""The operation that reduces a sequence to a vector, by mode."""

WINDOWED: Mapping[str, str] = {"max": "MaxPool", "avg": "AveragePool"}
"""The operation that pools windows, by mode; by default both ignore the padding around the sequence."""

_POOLED = {operation: mode for table in (POOLS, WINDOWED) for mode, operation in table.items()}


def _repeat(call: NodeCall) -> Values:
    """Expand or Tile of a vector along a new axis: a sequence of equal vectors."""
    flow, wanted = call.flow(), call.numbers(1)
    require(flow.returns == "vector" and flow.half is None and flow.features in flow.placed)
    require(len(wanted) == len(flow.placed))
    new = [place for place, axis in enumerate(flow.placed) if axis == ()]
    places = [place for place in new if wanted[place] > 1] or [place for place in new if wanted[place] == 1]
    others = {count for place, count in enumerate(wanted) if place not in places}
    require(len(places) == 1 and (call.node.operation == "Expand" or others == {1}))
    layer, time = Repeat(wanted[places[0]]), (Atom(wanted[places[0]]),)
    return call.layer(flow.with_axis(places[0], time)._replace(time=time, returns="sequence", ends=False), layer)


def _conv(call: NodeCall) -> Values:
    flow, kernel, bias = call.flow(), call.array(1), call.optional_array(2)
    place, window, around = _slides(call, kernel.tensor.shape[2:])
    require(call.node.value("group", 1) == 1 and not call.node.reads(3))
    filters, features, *_ = kernel.tensor.shape
    shape = (window.width, features, filters)
    arrays = {"kernel": kernel.moved(shape, lambda array: array.reshape(filters, features, -1).transpose(2, 1, 0))}
    arrays |= {"bias": bias} if bias is not None else {}
    layer = Conv(filters, *window[:3], padding=window.padding, use_bias="bias" in arrays, activation=_fused(call))
    made = _slid(flow, layer, place, (Atom(filters),), sum(around))
    return call.layer(made, layer, arrays, features, time=flow.placed[place], around=around)


def _pool(call: NodeCall) -> Values:
    """MaxPool or AveragePool over time."""
    node, flow = call.node, call.flow()
    place, window, around = _slides(call, node.named("kernel_shape").ints)
    require(window.dilation == 1 and window.padding != "causal" and not any(around))
    require(window.padding == "valid" or not node.value("count_include_pad", 0))
    layer = Pool(_POOLED[node.operation], window.width, window.stride, window.padding)
    return call.layer(_slid(flow, layer, place, flow.placed[1]), layer, time=flow.placed[place])


def _slides(call: NodeCall, sizes: Sequence[int]) -> tuple[int, Window, tuple[int, int]]:
    """Return the axis along which a node moves its window, the window, and the padding that it does not cover.

    The flow is (batch, features, timesteps), possibly with an extra axis of length 1.
    """
    node, flow, count = call.node, call.flow(), len(sizes)
    places = [place for place, size in enumerate(sizes, 2) if size != 1 or flow.placed[place : place + 1] != ((),)]
    require(len(flow.placed) == count + 2 and len(places) == 1)
    place, axis, time = places[0], places[0] - 2, flow.placed[places[0]]
    require(flow.returns != "vector" and flow.time in (None, time) and time not in flow.flips and flow.is_features(1))
    strides, dilations = ([*node.named(name).ints] or [1] * count for name in ("strides", "dilations"))
    pads, auto = [*node.named("pads").ints] or [0] * 2 * count, node.value("auto_pad", "NOTSET")
    require(len(strides) == len(dilations) == count and len(pads) == 2 * count and not node.value("ceil_mode", 0))
    shape, around = (sizes[axis], strides[axis], dilations[axis]), (pads[axis], pads[axis + count])
    require(min(shape) >= 1 and sum(pads) == sum(around) and min(around) >= 0)
    require(auto in ("NOTSET", "VALID", "SAME_UPPER"))
    if auto == "SAME_UPPER":
        return place, Window(*shape, "same"), (0, 0)
    around = around if auto == "NOTSET" else (0, 0)
    for padding in PADDINGS:
        window = Window(*shape, padding)
        if (sized(time) is not None or not window.goes_by_length) and window.around(sized(time)) == around:
            return place, window, (0, 0)
    return place, Window(*shape), around


def _batch_norm(call: NodeCall) -> Values:
    """BatchNormalization of (batch, features, …) in inference; in training it also returns new averages."""
    require(not call.node.value("training_mode", 0) and not any(call.node.output[1:]))
    return _normalized(call, BatchNorm, 1, {"moving_mean": call.array(3), "moving_variance": call.array(4)})


def _flatten(call: NodeCall) -> Values:
    """Reshape or Flatten of (batch, timesteps, features) to one vector per sample, if the length is known."""
    flow, node = call.flow(), call.node
    flattens, rank = node.operation == "Flatten", len(flow.placed)
    require(not flattens or node.value("axis", 1) in (1, 1 - rank))
    if flattens and flow.returns == "vector" and rank == 2 and flow.is_features(1):
        return call.layer(flow, Flatten())
    require(rank == 3 and flow.returns == "sequence")
    batch, time, features = flow.placed
    require(time == flow.time and flow.is_features(-1) and not flow.flipped and sized(time) is not None)
    size = sized(time + features)
    if not flattens:
        items = call.wholes("shape", 1)
        of_batch = {-1, length(batch), *([] if node.value("allowzero", 0) else [0])}
        require(len(items) == 2 and items[0] in of_batch and items[1] in (size, -1) and {*items} != {-1})
    made = (Atom(size),)
    vector = flow._replace(axes=(batch, made), features=made, returns="vector", flips=frozenset())
    return call.layer(vector, Flatten())


def _squeeze(call: NodeCall) -> Values:
    """Squeeze of the only timestep of a sequence: a vector."""
    (made,) = moves.squeeze(call)
    if not isinstance(made, Flow) or made.returns != "sequence" or made.time in (None, *made.placed):
        raise ReasonError
    require(made.features in made.placed)
    vector = made._replace(returns="vector", flips=frozenset())
    return [vector] if vector.ends else call.layer(vector, Flatten())


def _slid(flow: Flow, layer: Layer, place: int, features: Axis, zeros: int = 0) -> Flow:
    """Return a layer's output when it moves a window along the axis at `place`, which has zeros around it."""
    steps = sized(flow.placed[place])
    time = (Atom(None if steps is None else max(1, layer.output_length(steps + zeros))),)
    after = flow.with_features(features, 1).with_axis(place, time)
    return after._replace(time=time, returns="sequence", loop="", root="", ends=False)


def _pad(call: NodeCall) -> Values:
    """Pad with zeros around time."""
    node, flow, pads = call.node, call.flow(), call.wholes("pads", 1)
    if not any(pads):
        return [flow]
    require(is_zero(call.at(2)) if node.reads(2) else not node.value("value", 0.0))
    axes = call.wholes("axes", 3, tuple(range(len(pads) // 2)))
    require(node.value("mode", "constant") == "constant" and len(pads) == 2 * len(axes) and min(pads) >= 0)
    around = [(axis, each) for axis, *each in zip(axes, pads, pads[len(axes) :], strict=False) if any(each)]
    require(len(around) == 1)
    return _padded(call, around[0][0], *around[0][1])


def _cut(call: NodeCall) -> Values:
    """Slice that cuts timesteps off the ends."""
    flow, starts, ends = call.flow(), call.wholes("starts", 1), call.wholes("ends", 2)
    axes, steps = call.wholes("axes", 3, (0,)), call.wholes("steps", 4, (1,))
    require(flow.returns == "sequence" and steps == (1,) and len(starts) == len(ends) == len(axes) == 1)
    require(0 <= starts[0] < FAR and ends[0] < NO_LENGTH)
    stop = 0 if ends[0] >= FAR else ends[0]
    size = sized(flow.placed[flow.place_of(axes[0])])
    require(stop <= 0 or size is not None)
    return _padded(call, axes[0], -starts[0], min(0, stop - (size or 0)) if stop > 0 else stop)


def _padded(call: NodeCall, axis: int, before: int, after: int) -> Values:
    """Add timesteps of zeros to a flow, or cut some off; the axis must be that of time."""
    flow = call.flow()
    place = flow.place_of(axis)
    whole = flow.placed[place]
    require(flow.returns in (None, "sequence") and flow.half is None)
    require(flow.time in (None, whole) and whole not in flow.flips and whole != flow.features)
    size = sized(whole)
    time = (Atom(None if size is None else max(1, size + before + after)),)
    made = flow.with_axis(place, time)._replace(time=time, zeros=flow.zeros + before + after, ends=False)
    return call.layer(made, Pass(), time=whole, around=(before, after))


def _norm(call: NodeCall) -> Values:
    flow = call.flow()
    require(call.node.value("axis", -1) in (-1, -1 if flow.axes is None else len(flow.axes) - 1))
    return _normalized(call, Norm, -1, {})


def _normalized(call: NodeCall, cls: type[Norm], axis: int, moving: Mapping[str, Constant]) -> Values:
    """Return a normalization; constant ones and zeros that are not arrays in the file mean no scale and no shift."""
    flow, scale, shift = call.flow().along_features(axis), call.at(1), call.at(2)
    rank = None if flow.axes is None else len(flow.axes)
    both = {"gamma": scale, "beta": shift}.items()
    arrays = {role: _flat(each, each.tensor.params, rank) for role, each in both if isinstance(each, Constant)}
    require("gamma" in arrays or not call.node.reads(1) or (isinstance(scale, Fill) and scale.number == 1))
    require("beta" in arrays or is_zero(shift) or not call.node.reads(2))
    arrays |= moving
    shapes = {array.tensor.shape for array in arrays.values()}
    if not shapes and flow.axes is not None:
        shapes = {(sized(flow.axes[-1]) or 0,)}
    require([*map(len, shapes)] == [1])
    features = next(iter(shapes))[0] or None
    given = call.node.value("epsilon", 1e-5)
    epsilon, same = Norm.nearest_epsilon(given)
    said = Note(f"{call.name} has an epsilon of {given:g}; here it runs with {epsilon:g}", "differs")
    layer = cls(center="beta" in arrays, scale="gamma" in arrays, epsilon=epsilon)
    return call.layer(flow.with_features((Atom(features),), axis), layer, arrays, features, () if same else (said,))


def _dropout(call: NodeCall) -> Values:
    """Dropout, which does nothing in inference."""
    require(not call.node.reads(2))
    return [call.flow()]


def _activation(call: NodeCall) -> Values:
    """A separate activation: it becomes the activation of the dense layer before it."""
    flow, node = call.flow(), call.node
    known = BY_OPERATION[node.operation]
    require(flow.half is None and flow.returns != "state")
    require(all(number.agrees(node.value(each, number.usual)) for each, number in known.numbers.items()))
    require(known.word != "gelu" or node.value("approximate", "none") == "none")
    if known.word == "softmax":
        usual = -1 if call.opset >= 13 else 1  # since then it has one axis, by default the last
        require(node.value("axis", usual) in (-1, -1 if flow.axes is None else len(flow.axes) - 1))
        flow = flow.along_features(-1)
    return call.layer(flow, Activation(known.word))


def _quantise(call: NodeCall) -> Values:
    """Quantisation, before which quantisers drop a ReLU if the smallest whole number stands for zero.

    DequantizeLinear scales the whole numbers back. Networks here do not round.
    """
    flow, zero = _rounded(call), call.optional_array(2)
    smallest = zero is None or zero.wholes == (_SMALLEST.get(zero.tensor.dtype),)
    if smallest and isinstance(flow, Flow) and takes_activation(call.found.nodes[flow.node].word):
        return call.layer(flow, Activation("relu"))
    return [flow]


_SMALLEST: Mapping[str, int] = {"int8": -128, "uint8": 0}
"""The smallest whole number of each type."""


OPERATIONS: Mapping[str, tuple[Callable[[NodeCall], Values], ...]] = {
    "Add": (moves.computed, _add),
    "BatchNormalization": (_batch_norm,),
    "BiasGelu": (lambda call: call.layer(_add(call)[0], Activation("gelu")),),
    "Cast": (moves.cast,),
    "Concat": (moves.concat,),
    "Constant": (moves.constant,),
    **dict.fromkeys(("ConstantFill", "ConstantOfShape"), (moves.constant_of_shape,)),
    **dict.fromkeys(("Conv", "FusedConv"), (_conv,)),
    **dict.fromkeys(("Div", "Sub"), (moves.computed,)),
    "DequantizeLinear": (_scaled, moves.dequantise),
    "Dropout": (_dropout,),
    "DynamicQuantizeLinear": (lambda call: [_rounded(call), _ONE, None],),
    "Expand": (lambda call: [moves.zeros([call.at(0)])], _repeat),
    "Flatten": (_flatten, moves.flatten),
    "Gather": (moves.gather, _embedding),
    **dict.fromkeys(("FusedGemm", "FusedMatMul", "Gemm", "MatMul"), (_dense,)),
    "Identity": (lambda call: [call.at(0)],),
    "LayerNormalization": (_norm,),
    "Mul": (moves.computed, _scaled, _multiply),
    "Pad": (_pad,),
    "QuantizeLinear": (_quantise,),
    "Reshape": (_flatten, moves.reshape),
    "Shape": (moves.shape,),
    "Slice": (moves.part, _cut),
    "Split": (moves.split,),
    "Squeeze": (_squeeze, moves.squeeze),
    "Tile": (_repeat,),
    "Transpose": (moves.transpose,),
    "Unsqueeze": (moves.unsqueeze,),
    **dict.fromkeys(WINDOWED.values(), (_pool,)),
    **dict.fromkeys((*MERGES.values(), *POOLS.values(), "GlobalMaxPool", "GlobalAveragePool"), (_reduce,)),
    **dict.fromkeys(BY_OPERATION, (_activation,)),
    **dict.fromkeys(KINDS, (recurrent,)),
    **dict.fromkeys(_INTEGER, (_with_integers,)),
}
"""The functions for each operation, in the order in which they are tried."""
