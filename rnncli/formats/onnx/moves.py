"""The operations of a graph that move numbers and compute none: what they make of arrays, lengths and flows.

Each takes the node and what is known of its inputs, and returns what is known of its outputs, None for nothing. Of a
flow, what can be picked is one of its two directions, its last step, or one of several final states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from rnncli.formats.onnx import arrays
from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.messages import TYPES
from rnncli.formats.onnx.values import (
    MAX_PARTS,
    Atom,
    Axis,
    Dims,
    Fill,
    Flow,
    Inputs,
    Joined,
    Value,
    Values,
    arranged,
    dims_of,
    is_zero,
    lengths_of,
    reshaped,
    sized,
    wholes_of,
)


def _identity(inputs: Inputs) -> Values:
    return [inputs.at(0)]


def _cast(inputs: Inputs) -> Values:
    """Floats are floats; whole numbers stay whole."""
    value = inputs.at(0)
    if not isinstance(value, Constant) or value.wholes is not None:
        return [value]
    code = inputs.node.whole("to", 0)
    dtype = TYPES[code].replace("bfloat16", "float32") if 0 <= code < len(TYPES) else ""
    if dtype not in ("float16", "float32", "float64"):
        return [None]
    return [value.moved(value.tensor.shape, lambda array: array.astype(dtype), dtype)]


def _shape(inputs: Inputs) -> Values:
    """The lengths of axes, of which some are not known."""
    match inputs.at(0):
        case Constant(tensor=tensor):
            items: tuple[int | Axis, ...] = tensor.shape
        case Flow(axes=axes) if axes is not None:
            items = tuple(axis or 1 for axis in axes)
        case _:
            return [None]
    start, end = inputs.node.whole("start", 0), inputs.node.whole("end", len(items))
    return [Dims(items[start:end])]


def _constant_of_shape(inputs: Inputs) -> Values:
    """Zeros, unless it is told another number; ones if that is a whole one."""
    told = inputs.at(1)
    if told is None or is_zero(told):
        return [Fill(0)]
    return [Fill(1) if isinstance(told, Constant) and told.wholes == (1,) else None]


def _transpose(inputs: Inputs) -> Values:
    value = inputs.at(0)
    lengths = lengths_of(value)
    if lengths is None:
        # Nothing is known of the order of these axes before, nor of any behind it.
        return [value if isinstance(value, Flow) and value.features is None else None]
    order = [*inputs.node.told("perm").ints] or [*range(len(lengths))][::-1]
    return [arranged(value, order) if sorted(order) == [*range(len(lengths))] else None]


def _unsqueeze(inputs: Inputs) -> Values:
    """New axes of length 1."""
    axes, value = inputs.wholes("axes", 1), inputs.at(0)
    dims, lengths = dims_of(value), lengths_of(value)
    if dims is not None:
        return [Dims(dims.items) if dims.scalar else None]
    if axes is None or lengths is None:
        return [None]
    total = len(lengths) + len(axes)
    places = {axis + total if axis < 0 else axis for axis in axes}
    if len(places) != len(axes) or not places <= {*range(total)}:
        return [None]
    old = iter(range(len(lengths)))
    return [arranged(value, [None if axis in places else next(old) for axis in range(total)])]


def _squeeze(inputs: Inputs) -> Values:
    """Axes of length 1 go."""
    axes, value = inputs.wholes("axes", 1), inputs.at(0)
    dims, lengths = dims_of(value), lengths_of(value)
    if dims is not None:
        return [Dims(dims.items, scalar=True) if len(dims.items) == 1 else None]
    if lengths is None or (axes is None and None in lengths):
        return [None]
    if axes is None:
        axes = tuple(place for place, length in enumerate(lengths) if length == 1)
    gone = {axis + len(lengths) if axis < 0 else axis for axis in axes}
    if not gone <= {*range(len(lengths))} or any(lengths[place] != 1 for place in gone):
        return [None]
    return [arranged(value, [place for place in range(len(lengths)) if place not in gone])]


def _reshape(inputs: Inputs) -> Values:
    value, target = inputs.at(0), dims_of(inputs.at(1))
    dims, wholes = dims_of(value), wholes_of(inputs.at(1))
    if dims is not None:
        return [Dims(dims.items, scalar=wholes == ()) if wholes is not None and len(wholes) <= 1 else None]
    copies = not inputs.node.whole("allowzero", 0)
    if isinstance(value, Flow) and value.axes is not None and target is not None:
        axes = reshaped(value.axes, target.items, zero_copies=copies)
        return [None if axes is None else value.with_axes(axes)]
    if not isinstance(value, Constant) or wholes is None:
        return [None]
    sizes = value.tensor.shape
    filled = [sizes[axis] if copies and size == 0 and axis < len(sizes) else size for axis, size in enumerate(wholes)]
    if filled.count(-1) == 1:
        known = prod(size for size in filled if size != -1)
        filled[filled.index(-1)] = prod(sizes) // known if known > 0 else 0
    return [value.reshaped(filled) if prod(filled) == prod(sizes) and min(filled, default=1) >= 0 else None]


def _concat(inputs: Inputs) -> Values:
    """Of arrays, of lengths, of final states, and of the two directions of one layer."""
    values, axis = inputs.values, inputs.node.whole("axis", 0)
    lengths = [each for value in values if (each := dims_of(value)) is not None]
    if lengths and len(lengths) == len(values):
        return [Dims(tuple(item for each in lengths for item in each.items))]
    constants = [value for value in values if isinstance(value, Constant)]
    if constants and len(constants) == len(values):
        return [arrays.joined(constants, axis)]
    flows = [value for value in values if isinstance(value, Flow)]
    places = {flow.place_of(axis) for flow in flows}
    place = places.pop() if places else None
    if place is None or places or len(flows) != len(values):
        return [None]
    if len(flows) == 1:
        return flows
    along = [flow.axes[place] for flow in flows if flow.axes is not None]
    both = both_halves(flows)
    if both is not None and both.axes is not None and both.features is not None and along[0] == flows[0].features:
        return [both.with_axes((*both.axes[:place], both.features, *both.axes[place + 1 :]))]
    states = {flow.returns for flow in flows}
    if states in ({"vector"}, {"state"}) and len({flow.axes and len(flow.axes) for flow in flows}) == 1:
        return [Joined(tuple(flows), place) if all(sized(axis) in (1, 2) for axis in along) else None]
    return [None]


def both_halves(flows: Sequence[Flow]) -> Flow | None:
    """Return the flow whose two directions two flows are, in order; its axes are still those of the first."""
    if len(flows) != 2 or [flow.half for flow in flows] != [0, 1]:
        return None
    one, other = (flow._replace(half=None, shared=False) for flow in flows)
    return one._replace(features=(Atom(2), *one.features)) if one == other and one.features is not None else None


def _gather(inputs: Inputs) -> Values:
    """One place: a length, a direction, a layer's final state, the last step."""
    value, places, axis = inputs.at(0), dims_of(inputs.at(1)), inputs.node.whole("axis", 0)
    wholes = wholes_of(places)
    if wholes is None or places is None or len(wholes) != 1:
        return [None]
    taken = _taken(value, axis, slice(wholes[0], wholes[0] + 1 or None, 1))
    if isinstance(taken, Dims):
        return [Dims(taken.items, places.scalar) if taken.items else None]
    if not places.scalar or not isinstance(taken, Flow) or taken.axes is None:
        return [taken if isinstance(taken, Flow) else None]
    gone = taken.place_of(axis)
    return [arranged(taken, [place for place in range(len(taken.axes)) if place != gone])]


def _slice(inputs: Inputs) -> Values:
    """A part of an array or of lengths, one step, one direction, or time turned around."""
    value = inputs.at(0)
    starts, ends = inputs.wholes("starts", 1), inputs.wholes("ends", 2)
    if starts is None or ends is None:
        return [None]
    axes = inputs.wholes("axes", 3) or tuple(range(len(starts)))
    steps = wholes_of(inputs.at(4)) or (1,) * len(starts)
    if not len(axes) == len(starts) == len(ends) == len(steps) or 0 in steps:
        return [None]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        value = _taken(value, axis, slice(start, end, step))
    return [value]


def _split(inputs: Inputs) -> Values:
    """Arrays, and a layer's two directions."""
    node, value = inputs.node, inputs.at(0)
    axis, count, lengths = node.whole("axis", 0), len(node.output), lengths_of(value) or []
    size = lengths[axis] if -len(lengths) <= axis < len(lengths) else None
    if size is None or not 0 < count <= MAX_PARTS:
        return [None] * count
    each = -(-size // count)
    sizes = inputs.wholes("split", 1) or (each,) * (count - 1) + (size - each * (count - 1),)
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 0:
        return [None] * count
    starts = [sum(sizes[:index]) for index in range(count)]
    return [_taken(value, axis, slice(start, start + length, 1)) for start, length in zip(starts, sizes, strict=True)]


def _taken(value: Value | None, axis: int, part: slice) -> Value | None:
    """Return some places of an axis, which stays, whatever its length is then."""
    match value:
        case Dims(items=items):
            return Dims(items[part])
        case Constant(wholes=wholes) if wholes is not None:
            return Dims(wholes[part])
        case Constant(tensor=tensor) if -len(tensor.shape) <= axis < len(tensor.shape):
            index = (*[slice(None)] * (axis % len(tensor.shape)), part)
            sizes = [*tensor.shape]
            sizes[axis] = len(range(sizes[axis])[part])
            return value.moved(sizes, lambda array: array[index])
        case Joined(flows=flows) if flows[0].place_of(axis) == value.axis:
            lengths = zip(flows, value.lengths, strict=True)
            owners = [(flow, place) for flow, length in lengths for place in range(length)][part]
            kept = tuple(flow for flow, place in owners if place == 0)
            if len(owners) == 1:
                return _of_flow(owners[0][0], axis, slice(owners[0][1], owners[0][1] + 1, 1))
            if not kept or len(owners) != sum(Joined(kept, value.axis).lengths):
                return None
            return kept[0] if len(kept) == 1 else Joined(kept, value.axis)
        case Flow():
            return _of_flow(value, axis, part)
    return None


def _of_flow(flow: Flow, axis: int, part: slice) -> Flow | None:
    """Return all places of an axis in some order, one of two directions, or the last step."""
    index = flow.place_of(axis)
    if flow.axes is None or index is None:
        return None
    whole = flow.axes[index]
    size = sized(whole)
    start, end, step = part.start, part.stop, part.step
    far = 2**31 - 1 if size is None else size
    to_the_end = end is None or end >= far
    if step == -1 and start in (-1, far - 1) and end is not None and (end < -far or end <= -(2**31)):
        return flow._replace(flips=flow.flips ^ {whole}) if flow.time in (None, whole) else None
    if step != 1 or (start in (0, -far) and to_the_end):
        return flow if step == 1 else None
    if end != start + 1 and not (start == -1 and to_the_end):
        return None
    one = flow.with_axes((*flow.axes[:index], (), *flow.axes[index + 1 :]))
    if flow.features is not None and len(flow.features) == 2 and whole == flow.features[:1]:
        return one._replace(features=flow.features[1:], half=start % 2) if -2 <= start < 2 else None
    if flow.time is None or whole != flow.time or flow.returns != "sequence":
        return None
    last = start in (-1, None if size is None else size - 1) and not flow.flipped
    first = (start == 0 or (size is not None and start == -size)) and flow.flipped
    return one._replace(returns="vector", flips=frozenset()) if (last or first) and flow.ends else None


def _product(inputs: Inputs) -> Values:
    """Mul of lengths: the length of two axes that are joined."""
    one, other = dims_of(inputs.at(0)), dims_of(inputs.at(1))
    if one is None or other is None or len(one.items) != 1 or len(other.items) != 1:
        return [None]
    a, b = one.items[0], other.items[0]
    scalar = one.scalar and other.scalar
    if isinstance(a, int) and isinstance(b, int):
        return [Dims((a * b,), scalar)]
    if isinstance(a, int) or isinstance(b, int):
        rest = b if isinstance(a, int) else a
        return [Dims((rest,), scalar) if 1 in (a, b) else None]
    return [Dims((a + b,), scalar)]


def _constant(inputs: Inputs) -> Values:
    """What is told in attributes; an array stands among the inputs."""
    if inputs.at(0) is not None:
        return [inputs.at(0)]
    ints, whole = inputs.node.told("value_ints"), inputs.node.told("value_int").i
    if ints.name is not None:
        return [Dims(tuple(ints.ints))]
    return [Dims((whole,), scalar=True) if whole is not None else None]


_MOVES: Mapping[str, Callable[[Inputs], Values]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Gather": _gather,
    "Identity": _identity,
    "Mul": _product,
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""What is known of the outputs of each operation that moves numbers."""

REARRANGING = frozenset(_MOVES) - {"Constant", "ConstantOfShape", "Shape"} | {"Expand"}
"""The operations that hand on numbers, whether or not it is known where to."""


def moved(inputs: Inputs) -> Values:
    """Return what is known of the outputs of a node. Zeros that are moved stay zeros, and ones stay ones."""
    node, first = inputs.node, inputs.at(0)
    fills = any(isinstance(value, Fill) for value in inputs.values)
    if node.operation == "Expand" or (node.operation == "Concat" and fills):
        return [_zeros(inputs.values if node.operation == "Concat" else [first])]
    if node.operation not in _MOVES:
        return []
    if isinstance(first, Fill) and node.operation not in ("ConstantOfShape", "Mul", "Shape"):
        return [first] * len(node.output)
    return _MOVES[node.operation](inputs)


def _zeros(values: Values) -> Fill | None:
    """Return zeros if some values are nothing else."""
    known = [value for value in values if isinstance(value, Constant | Fill) and is_zero(value)]
    names = frozenset(name for value in known for name in value.sources)
    return Fill(0, names) if len(known) == len(values) else None
