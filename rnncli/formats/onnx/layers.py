"""The operations of a graph that are layers, or parts of layers: what each makes of the flow that it reads.

Each takes the node and what is known of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from rnncli.errors import ArgumentError
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
    is_zero,
    length,
    numbers_of,
    sized,
    wholes_of,
)
from rnncli.layers import Activation, BatchNorm, Conv, Dense, Embedding, Flatten, Layer, Norm, Pool, Repeat
from rnncli.layers.windows import PADDINGS, Window

_SOFTMAX_OF_ONE_AXIS = 13
"""The version of ONNX's operators from which on Softmax is of its last axis unless it is told another."""


class Made(NamedTuple):
    """What a node makes.

    Attributes:
        flow: what it returns, still as of the node that it reads.
        word: what it is in the language; None if it only says more of the node that it reads.
        arrays: its arrays by their names in Keras.
        features: how many features it reads, where its arrays say so.
        notes: what is not as the source has it.
        grown: what the node that it reads is with it: a dense layer with a bias.
        time: the axis of time that it reads, where it returns no such axis.
        around: how many timesteps of zeros it puts in front of time and behind it; negative where it cuts some off.
    """

    flow: Flow
    word: Word | None = None
    arrays: Mapping[str, Constant] = {}
    features: int | None = None
    notes: tuple[Note, ...] = ()
    grown: Word | None = None
    time: Axis | None = None
    around: tuple[int, int] = (0, 0)


def _embedding(inputs: Inputs) -> Made | None:
    """Gather of the rows of a table."""
    table, ids = inputs.at(0), inputs.at(1)
    if not isinstance(table, Constant) or len(table.tensor.shape) != 2 or inputs.node.whole("axis", 0) not in (0, -2):
        return None
    if not isinstance(ids, Flow) or ids.features is not None:
        return None
    if not table.tensor.dtype.startswith(("float", "bfloat")) or (ids.axes is not None and len(ids.axes) != 2):
        return None
    read = inputs.found.get(ids.node)
    if read is not None and read.word is not None:
        return None
    rows, columns = table.tensor.shape
    made: Axis = (Atom(columns),)
    axes = (*(ids.axes or ((Atom(),), (Atom(),))), made)
    said = f"{inputs.name} reads ids that {ids.node} makes, which is left out"
    notes = () if read is not None and read.kind == "input" else (Note(said, "left out"),)
    flow = ids._replace(axes=axes, features=made, root="")
    return Made(flow, Embedding(rows, columns), {"embeddings": table}, None, notes)


def _dense(inputs: Inputs) -> Made | None:
    """Gemm and MatMul with an array: a dense layer, whose bias may follow."""
    node, flow, kernel, bias = inputs.node, inputs.at(0), inputs.at(1), inputs.at(2)
    if not isinstance(flow, Flow) or not isinstance(kernel, Constant) or len(kernel.tensor.shape) != 2:
        return None
    if node.operation == "Gemm":
        plain = node.number("alpha", 1.0) == node.number("beta", 1.0) == 1.0 and not node.whole("transA", 0)
        if not plain or (node.reads(2) and not isinstance(bias, Constant)):
            return None
        if flow.axes is not None and len(flow.axes) != 2:
            return None
        if node.whole("transB", 0):
            kernel = kernel.moved(kernel.tensor.shape[::-1], lambda array: array.T)
    features, units = kernel.tensor.shape
    if not flow.is_features(-1) or not features:
        return None
    arrays = {"kernel": kernel}
    if isinstance(bias, Constant):
        flat = _bias(bias, units, 2)
        if flat is None:
            return None
        arrays["bias"] = flat
    return Made(flow.with_last((Atom(units),)), Dense(units, use_bias="bias" in arrays), arrays, features)


def _bias(bias: Constant, units: int, rank: int | None) -> Constant | None:
    """Return the bias of a dense layer; None if that is not what an array is."""
    shape = bias.tensor.shape
    if not shape or shape[-1] != units or any(size != 1 for size in shape[:-1]) or len(shape) > (rank or 1):
        return None
    return bias if len(shape) == 1 else bias.reshaped(shape[-1:])


def _add(inputs: Inputs) -> Made | None:
    """The bias of a dense layer, or the two directions of a layer."""
    one, other = inputs.at(0), inputs.at(1)
    if isinstance(one, Constant):
        one, other = other, one
    if not isinstance(one, Flow) or not isinstance(other, Constant):
        return _merged_halves(inputs, "sum")
    node = inputs.found.get(one.node)
    layer = node.word if node is not None else None
    if not takes_activation(layer) or layer.use_bias or one.shared or not one.is_features(-1):
        return None
    bias = _bias(other, layer.output_features(0), None if one.axes is None else len(one.axes))
    return None if bias is None else Made(one, None, {"bias": bias}, grown=replace(layer, use_bias=True))


def _multiply(inputs: Inputs) -> Made | None:
    """The two directions of a layer, or x and sigmoid(x), which is silu."""
    merged = _merged_halves(inputs, "mul")
    one, other = inputs.at(0), inputs.at(1)
    if merged is not None or not isinstance(one, Flow) or not isinstance(other, Flow):
        return merged
    for plain, gate in ((one, other), (other, one)):
        node = inputs.found.get(gate.node)
        sigmoid = node is not None and node.word == Activation("sigmoid") and not gate.shared
        if sigmoid and node is not None and node.reads is not None and node.reads[0].node == plain.node:
            same = gate == plain._replace(node=gate.node, shared=False)
            return Made(gate, grown=Activation("silu")) if same else None
    return None


def _merged_halves(inputs: Inputs, mode: str) -> Made | None:
    """Return the two directions of a layer merged into one output of as many features as each."""
    flows = [value for value in inputs.values if isinstance(value, Flow)]
    both = both_halves(sorted(flows, key=lambda flow: flow.half or 0)) if len(flows) == len(inputs.values) else None
    return None if both is None or both.features is None else _merging(both, both.features[1:], mode)


def _merging(flow: Flow, features: Axis, mode: str) -> Made | None:
    """Return a flow whose node merges its two directions in some way."""
    return Made(flow._replace(features=features, merge=mode)) if flow.node == flow.loop else None


def _reduce(inputs: Inputs) -> Made | None:
    """ReduceMax and ReduceMean over time, a pool; ReduceSum, ReduceProd and ReduceMean over the two directions."""
    flow, axes, operation = inputs.at(0), inputs.wholes("axes", 1), inputs.node.operation
    if not isinstance(flow, Flow) or flow.axes is None or axes is None or len(axes) != 1 or flow.half is not None:
        return None
    place = flow.place_of(axes[0])
    if place is None:
        return None
    gone, kept = flow.axes[place], [()] if inputs.node.whole("keepdims", 1) else []
    behind = flow.with_axes((*flow.axes[:place], *kept, *flow.axes[place + 1 :]))
    if flow.features is not None and len(flow.features) == 2 and gone == flow.features[:1]:
        return _merging(behind, flow.features[1:], _MERGES[operation]) if operation in _MERGES else None
    if operation not in _POOLS or gone != flow.time or flow.returns != "sequence" or flow.features not in flow.axes:
        return None
    return Made(behind._replace(returns="vector", flips=frozenset()), Pool(_POOLS[operation]))


_MERGES: Mapping[str, str] = {"ReduceSum": "sum", "ReduceProd": "mul", "ReduceMean": "ave"}
"""How the two directions of a layer are merged by what reduces their axis; side by side they need nothing of that."""

_POOLS: Mapping[str, str] = {"ReduceMax": "max", "ReduceMean": "avg"}
"""The pool that reduces the axis of time."""


def _repeat(inputs: Inputs) -> Made | None:
    """Expand and Tile of a vector along a new axis: a sequence of equal vectors."""
    flow, wanted = inputs.at(0), wholes_of(inputs.at(1))
    if not isinstance(flow, Flow) or flow.axes is None or flow.returns != "vector" or wanted is None:
        return None
    if len(wanted) != len(flow.axes) or flow.features not in flow.axes or flow.half is not None:
        return None
    places = [place for place, axis in enumerate(flow.axes) if axis == () and wanted[place] > 1]
    if not places:  # a sequence of one step
        places = [place for place, axis in enumerate(flow.axes) if axis == () and wanted[place] == 1]
    others = {count for place, count in enumerate(wanted) if place not in places}
    if len(places) != 1 or (inputs.node.operation == "Tile" and others != {1}):
        return None
    layer, time = Repeat(wanted[places[0]]), (Atom(wanted[places[0]]),)
    axes = (*flow.axes[: places[0]], time, *flow.axes[places[0] + 1 :])
    return Made(flow._replace(axes=axes, time=time, returns="sequence", ends=False), layer)


def _conv(inputs: Inputs) -> Made | None:
    """Conv over time, of (batch, features, timesteps); there may be an axis of one place beside."""
    node, flow, kernel, bias = inputs.node, inputs.at(0), inputs.at(1), inputs.at(2)
    if not isinstance(flow, Flow) or flow.axes is None or not isinstance(kernel, Constant):
        return None
    filters, features, *sizes = (*kernel.tensor.shape, 0, 0)[: max(2, len(kernel.tensor.shape))]
    slides = [place for place, size in enumerate(sizes) if size != 1 or flow.axes[place + 2 : place + 3] != ((),)]
    if len(flow.axes) != len(sizes) + 2 or len(slides) != 1 or node.whole("group", 1) != 1:
        return None
    time = flow.axes[slides[0] + 2]
    found = _window(node, len(sizes), slides[0], sizes[slides[0]], sized(time))
    if not _slides(flow, time) or found is None or (node.reads(2) and not isinstance(bias, Constant)):
        return None
    window, around = found
    shape = (window.width, features, filters)
    arrays = {"kernel": kernel.moved(shape, lambda array: array.reshape(filters, features, -1).transpose(2, 1, 0))}
    arrays |= {"bias": bias} if isinstance(bias, Constant) else {}
    layer = Conv(filters, *window[:3], padding=window.padding, use_bias="bias" in arrays)
    made = _slid(flow, layer, slides[0] + 2, (Atom(filters),), sum(around))
    return Made(made, layer, arrays, features, time=time, around=around)


def _slides(flow: Flow, time: Axis) -> bool:
    """Whether a window can move along an axis of a flow, (batch, features, timesteps)."""
    in_time = flow.returns != "vector" and flow.time in (None, time) and time not in flow.flips
    return in_time and flow.is_features(1)


def _windows(inputs: Inputs) -> Made | None:
    """MaxPool and AveragePool over time, of (batch, features, timesteps)."""
    node, flow, sizes = inputs.node, inputs.at(0), [*inputs.node.told("kernel_shape").ints]
    if not isinstance(flow, Flow) or flow.axes is None or len(flow.axes) != 3 or len(sizes) != 1:
        return None
    window, around = _window(node, 1, 0, sizes[0], sized(flow.axes[2])) or (None, (0, 0))
    if not _slides(flow, flow.axes[2]) or window is None or window.dilation != 1 or window.padding == "causal":
        return None
    if any(around):
        return None
    if node.whole("count_include_pad", 0) and window.padding != "valid":
        return None
    layer = Pool(_WINDOWS[node.operation], window.width, window.stride, window.padding)
    return Made(_slid(flow, layer, 2, flow.axes[1]), layer, time=flow.axes[2])


_WINDOWS: Mapping[str, str] = {"MaxPool": "max", "AveragePool": "avg"}
"""The pool of windows that an operation is."""


def _batch_norm(inputs: Inputs) -> Made | None:
    """BatchNormalization of (batch, features, …), as it is run."""
    roles = {"moving_mean": inputs.at(3), "moving_variance": inputs.at(4)}
    moving = {role: array for role, array in roles.items() if isinstance(array, Constant)}
    if inputs.node.whole("training_mode", 0) or len(moving) < len(roles):
        return None
    return _normalized(inputs, BatchNorm, 1, moving)


def _flatten(inputs: Inputs) -> Made | None:
    """Reshape and Flatten of (batch, timesteps, features) to one vector a sample, where its length is known."""
    flow, node = inputs.at(0), inputs.node
    if not isinstance(flow, Flow) or flow.axes is None:
        return None
    if node.operation == "Flatten" and flow.returns == "vector" and len(flow.axes) == 2 and flow.is_features(1):
        return Made(flow, Flatten())
    if len(flow.axes) != 3 or flow.returns != "sequence":
        return None
    batch, time, features = flow.axes
    if time != flow.time or not flow.is_features(-1) or flow.flipped or sized(time) is None:
        return None
    size, items = sized(time + features), numbers_of(inputs.at(1)) or ()
    if node.operation == "Flatten":
        flattens = node.whole("axis", 1) == 1
    else:
        of_batch = {-1, length(batch), *([] if node.whole("allowzero", 0) else [0])}
        flattens = len(items) == 2 and items[0] in of_batch and items[1] in (size, -1) and {*items} != {-1}
    if not flattens:
        return None
    made = (Atom(size),)
    vector = flow._replace(axes=(batch, made), features=made, returns="vector", flips=frozenset())
    return Made(vector, Flatten(), time=time)


def _slid(flow: Flow, layer: Layer, place: int, features: Axis, zeros: int = 0) -> Flow:
    """Return what a layer makes of a flow that moves a window over its time, the axis in a place, and zeros around."""
    assert flow.axes is not None
    steps = sized(flow.axes[place])
    time = (Atom(None if steps is None else max(1, layer.output_length(steps + zeros))),)
    axes = [features if axis == 1 else time if axis == place else each for axis, each in enumerate(flow.axes)]
    behind = flow._replace(axes=tuple(axes), features=features, time=time, batch=flow.axes[0], returns="sequence")
    return behind._replace(loop="", root="", ends=False)


def _window(
    node: NodeProto, axes: int, axis: int, width: int, steps: int | None
) -> tuple[Window, tuple[int, int]] | None:
    """Return the window that a node moves along one of its axes, and the zeros around that the window does not say.

    It has `width` places there and one on the other axes; `steps` is the axis's length, if it is known. None is
    returned where the language has none such.
    """

    def told(name: str, default: int) -> list[int]:
        return [*node.told(name).ints] or [default] * axes

    stride, dilation = told("strides", 1)[axis], told("dilations", 1)[axis]
    pads = [*node.told("pads").ints] or [0] * 2 * axes
    own, auto = (pads[axis], pads[axis + axes]), node.text("auto_pad", "NOTSET")
    if len(pads) != 2 * axes or sum(pads) != sum(own) or min(stride, dilation) < 1 or node.whole("ceil_mode", 0):
        return None
    if min(own) < 0 or auto not in ("NOTSET", "VALID", "SAME_UPPER"):
        return None
    if auto == "SAME_UPPER":
        return Window(width, stride, dilation, "same"), (0, 0)
    around = own if auto == "NOTSET" else (0, 0)
    for padding in PADDINGS:
        window = Window(width, stride, dilation, padding)
        if (steps is not None or not window.goes_by_length) and window.around(steps) == around:
            return window, (0, 0)
    return Window(width, stride, dilation), around


def _pad(inputs: Inputs) -> Made | None:
    """Pad with zeros around time."""
    node, flow, pads, number = inputs.node, inputs.at(0), inputs.wholes("pads", 1), inputs.at(2)
    if not isinstance(flow, Flow) or pads is None or not any(pads):
        return Made(flow) if isinstance(flow, Flow) and pads is not None else None
    zeros = is_zero(number) if node.reads(2) else not node.number("value", 0.0)
    axes = inputs.wholes("axes", 3) or tuple(range(len(pads) // 2))
    if not zeros or node.text("mode", "constant") != "constant" or len(pads) != 2 * len(axes) or min(pads) < 0:
        return None
    around = [(axis, each) for axis, *each in zip(axes, pads, pads[len(axes) :], strict=False) if any(each)]
    return _padded(flow, around[0][0], *around[0][1]) if len(around) == 1 else None


def _cut(inputs: Inputs) -> Made | None:
    """Slice that cuts steps off the ends of time."""
    flow, starts, ends = inputs.at(0), inputs.wholes("starts", 1), inputs.wholes("ends", 2)
    axes, steps = inputs.wholes("axes", 3) or (0,), wholes_of(inputs.at(4)) or (1,)
    if not isinstance(flow, Flow) or flow.returns != "sequence" or starts is None or ends is None or steps != (1,):
        return None
    if not len(starts) == len(ends) == len(axes) == 1 or not 0 <= starts[0] < FAR or ends[0] >= NO_LENGTH:
        return None
    place, stop = flow.place_of(axes[0]), 0 if ends[0] >= FAR else ends[0]
    size = None if flow.axes is None or place is None else sized(flow.axes[place])
    if stop > 0 and size is None:
        return None
    return _padded(flow, axes[0], -starts[0], min(0, stop - (size or 0)) if stop > 0 else stop)


def _padded(flow: Flow, axis: int, before: int, behind: int) -> Made | None:
    """Return a flow with zeros around its time, or without some steps; None where the axis is another."""
    place = flow.place_of(axis)
    if flow.axes is None or place is None or flow.returns not in (None, "sequence") or flow.half is not None:
        return None
    whole = flow.axes[place]
    if flow.time not in (None, whole) or whole in flow.flips or whole == flow.features:
        return None
    size = sized(whole)
    time = (Atom(None if size is None else max(1, size + before + behind)),)
    made = flow.with_axes((*flow.axes[:place], time, *flow.axes[place + 1 :]))
    made = made._replace(time=time, zeros=flow.zeros + before + behind, ends=False)
    return Made(made, Pass(), around=(before, behind))


def _norm(inputs: Inputs) -> Made | None:
    """LayerNormalization over the features."""
    flow = inputs.at(0)
    last = -1 if not isinstance(flow, Flow) or flow.axes is None else len(flow.axes) - 1
    made = _normalized(inputs, Norm, -1, {}) if inputs.node.whole("axis", -1) in (-1, last) else None
    return None if made is None else made._replace(flow=made.flow.with_last((Atom(made.features),)))


def _normalized(inputs: Inputs, cls: type[Norm], axis: int, moving: Mapping[str, Constant]) -> Made | None:
    """Return a normalization; ones or zeros that are no array of the file are no scale and no shift."""
    flow, scale, shift = inputs.at(0), inputs.at(1), inputs.at(2)
    if not isinstance(flow, Flow) or not flow.is_features(axis):
        return None
    arrays = {role: each for role, each in (("gamma", scale), ("beta", shift)) if isinstance(each, Constant)}
    scaled = "gamma" in arrays or (isinstance(scale, Fill) and scale.number == 1)
    if not scaled or not ("beta" in arrays or is_zero(shift) or not inputs.node.reads(2)):
        return None
    arrays |= moving
    shapes = {array.tensor.shape for array in arrays.values()}
    if not shapes and flow.axes is not None:
        shapes = {(sized(flow.axes[-1]) or 0,)}
    if [*map(len, shapes)] != [1]:
        return None
    ((features,),) = shapes
    epsilon, notes = _epsilon(inputs)
    layer = cls(center="beta" in arrays, scale="gamma" in arrays, epsilon=epsilon)
    return Made(flow, layer, arrays, features or None, notes)


def _epsilon(inputs: Inputs) -> tuple[float, tuple[Note, ...]]:
    """Return the epsilon that is nearest to that of a node, and what is to be said of it."""
    given = inputs.node.number("epsilon", 1e-5)
    epsilon, same = Norm.nearest_epsilon(given)
    said = Note(f"{inputs.name} has an epsilon of {given:g}; here it runs with {epsilon:g}", "differs")
    return epsilon, () if same else (said,)


def _dropout(inputs: Inputs) -> Made | None:
    """Dropout, which does nothing in a model that is only run."""
    flow = inputs.at(0)
    return Made(flow) if isinstance(flow, Flow) and not inputs.node.reads(2) else None


def _activation(inputs: Inputs) -> Made | None:
    """An activation by itself: that of the dense layer before it."""
    flow, node = inputs.at(0), inputs.node
    known = BY_OPERATION[node.operation]
    if not isinstance(flow, Flow) or flow.half is not None or flow.returns == "state":
        return None
    if not all(number.agrees(node.number(each, number.usual)) for each, number in known.numbers.items()):
        return None
    if known.word == "gelu" and node.text("approximate", "none") != "none":
        return None
    if known.word == "softmax":
        last = -1 if flow.axes is None else len(flow.axes) - 1
        usual = -1 if inputs.opset >= _SOFTMAX_OF_ONE_AXIS else 1
        if node.whole("axis", usual) not in (-1, last) or not flow.is_features(-1):
            return None
    return Made(flow, Activation(known.word))


FLATTENING = ("Flatten", "Reshape")
"""The operations that may make one vector of a sequence, or only move its numbers."""

LAYERS: Mapping[str, Callable[[Inputs], Made | None]] = {
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
"""What each operation that is a layer makes; None where it is none of the language's."""


def layer_of(inputs: Inputs) -> Made | None:
    """Return what a node makes as a layer or a part of one; None if it is none."""
    make = LAYERS.get(inputs.node.operation)
    try:
        return make(inputs) if make is not None else None
    except ArgumentError:  # a size that the language does not take
        return None
