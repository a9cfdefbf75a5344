"""The operations of a graph that move numbers and compute none: what they make of arrays, lengths and flows.

Each takes the node and what is known of its inputs, and returns what is known of its outputs, None for nothing. Of a
flow, what can be picked is one of its two directions, its last step, or one of several final states.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from math import prod

from rnncli.formats.onnx import arrays
from rnncli.formats.onnx.arrays import Constant, whole_numbers
from rnncli.formats.onnx.messages import TYPES
from rnncli.formats.onnx.values import (
    MAX_PARTS,
    NO_LENGTH,
    Atom,
    Fill,
    Flow,
    Inputs,
    Joined,
    Value,
    Values,
    arranged,
    is_zero,
    length,
    lengths_of,
    numbers_of,
    reshaped,
    sized,
    wholes_of,
)

FAR = 2**31 - 1
"""The end of an axis as exporters write it, or more than that."""


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
    lengths = lengths_of(inputs.at(0))
    if lengths is None:
        return [None]
    return [whole_numbers(lengths[inputs.node.whole("start", 0) : inputs.node.whole("end", len(lengths))])]


def _constant_of_shape(inputs: Inputs) -> Values:
    """Zeros, unless it is told another number; ones if that is a whole one."""
    shape, told = wholes_of(inputs.at(0)), inputs.at(1)
    few = shape is not None and min(shape, default=1) >= 0 and prod(shape) <= MAX_PARTS
    if shape is not None and few and isinstance(told, Constant) and told.wholes == (0,):
        return [whole_numbers([0] * prod(shape), shape)]
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
    lengths = lengths_of(value)
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
    lengths = lengths_of(value)
    if lengths is None or (axes is None and max(lengths, default=0) >= NO_LENGTH):
        return [None]
    if axes is None:
        axes = tuple(place for place, length in enumerate(lengths) if length == 1)
    gone = {axis + len(lengths) if axis < 0 else axis for axis in axes}
    if not gone <= {*range(len(lengths))} or any(lengths[place] != 1 for place in gone):
        return [None]
    return [arranged(value, [place for place in range(len(lengths)) if place not in gone])]


def _reshape(inputs: Inputs) -> Values:
    value, target = inputs.at(0), numbers_of(inputs.at(1))
    copies = not inputs.node.whole("allowzero", 0)
    if isinstance(value, Flow) and value.axes is not None and target is not None:
        axes = reshaped(value.axes, target, zero_copies=copies)
        return [None if axes is None else value.with_axes(axes)]
    if not isinstance(value, Constant) or target is None:
        return [None]
    sizes = value.tensor.shape
    filled = [sizes[axis] if copies and size == 0 and axis < len(sizes) else size for axis, size in enumerate(target)]
    if filled.count(-1) == 1:
        known = prod(size for size in filled if size != -1)
        filled[filled.index(-1)] = prod(sizes) // known if known > 0 else 0
    return [value.reshaped(filled) if prod(filled) == prod(sizes) and min(filled, default=1) >= 0 else None]


def _concat(inputs: Inputs) -> Values:
    """Of arrays, of lengths, of final states, and of the two directions of one layer."""
    values, axis = inputs.values, inputs.node.whole("axis", 0)
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
    value, places, axis = inputs.at(0), inputs.at(1), inputs.node.whole("axis", 0)
    wholes = wholes_of(places)
    if not isinstance(places, Constant) or wholes is None or len(wholes) != 1:
        return [None]
    taken = _taken(value, axis, slice(wholes[0], wholes[0] + 1 or None, 1))
    lengths = lengths_of(taken)
    if places.tensor.shape or lengths is None:
        return [taken]
    gone = axis % len(lengths)
    return [arranged(taken, [place for place in range(len(lengths)) if place != gone]) if lengths[gone] == 1 else None]


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
    size = lengths[axis] if -len(lengths) <= axis < len(lengths) else NO_LENGTH
    if size >= NO_LENGTH or not 0 < count <= MAX_PARTS:
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
        case Constant(tensor=tensor) if -len(tensor.shape) <= axis < len(tensor.shape):
            return value.taken(axis % len(tensor.shape), part)
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
    far = length(whole)
    stop = None if part.stop is None or FAR <= abs(part.stop) < NO_LENGTH else part.stop
    start, stop, step = slice(part.start, stop, part.step).indices(far)
    if (start, stop, step) == (0, far, 1):
        return flow
    if (start, stop, step) == (far - 1, -1, -1):
        return flow._replace(flips=flow.flips ^ {whole}) if flow.time in (None, whole) else None
    if stop != start + 1 or step != 1:
        return None
    one = flow.with_axes((*flow.axes[:index], (), *flow.axes[index + 1 :]))
    if flow.features is not None and len(flow.features) == 2 and whole == flow.features[:1]:
        return one._replace(features=flow.features[1:], half=start)
    if flow.time is None or whole != flow.time or flow.returns != "sequence":
        return None
    picked = start == 0 if flow.flipped else start == far - 1
    return one._replace(returns="vector", flips=frozenset()) if picked and flow.ends else None


def _computed(inputs: Inputs) -> Values:
    """What is computed of lengths: the length of two axes that are joined, the place of the last step."""
    one, other = inputs.at(0), inputs.at(1)
    first, second = numbers_of(one), numbers_of(other)
    if not first or not second or not isinstance(one, Constant) or not isinstance(other, Constant):
        return [None]
    size, ranks = max(len(first), len(second)), (len(one.tensor.shape), len(other.tensor.shape))
    if not {len(first), len(second)} <= {1, size} or max(ranks) > 1:
        return [None]
    pairs = zip(first * (size // len(first)), second * (size // len(second)), strict=True)
    try:
        numbers = [_ARITHMETIC[inputs.node.operation](a, b) for a, b in pairs]
    except ZeroDivisionError:
        return [None]
    return [whole_numbers(numbers, (size,) if max(ranks) else ())]


def _ratio(one: int, other: int) -> int:
    """Return how often a number is in another: what is left is dropped, as ONNX does."""
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = {
    "Add": operator.add,
    "Div": _ratio,
    "Mul": operator.mul,
    "Sub": operator.sub,
}
"""What is computed of whole numbers."""


def _constant(inputs: Inputs) -> Values:
    """What is told in attributes; an array stands among the inputs."""
    if inputs.at(0) is not None:
        return [inputs.at(0)]
    ints, whole = inputs.node.told("value_ints"), inputs.node.told("value_int").i
    if ints.name is not None:
        return [whole_numbers([*ints.ints])]
    return [whole_numbers([whole], ()) if whole is not None else None]


_MOVES: Mapping[str, Callable[[Inputs], Values]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Gather": _gather,
    "Identity": lambda inputs: [inputs.at(0)],
    "Reshape": _reshape,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    **dict.fromkeys(_ARITHMETIC, _computed),
}
"""What is known of the outputs of each operation that moves numbers."""

REARRANGING = frozenset(_MOVES) - {"Constant", "ConstantOfShape", "Shape", *_ARITHMETIC} | {"Expand", "Pad"}
"""The operations that hand on numbers, whether or not it is known where to."""


def moved(inputs: Inputs) -> Values:
    """Return what is known of the outputs of a node. Zeros that are moved stay zeros, and ones stay ones."""
    node, first = inputs.node, inputs.at(0)
    fills = any(isinstance(value, Fill) for value in inputs.values)
    if node.operation == "Expand" or (node.operation == "Concat" and fills):
        return [_zeros(inputs.values if node.operation == "Concat" else [first])]
    if node.operation not in _MOVES:
        return []
    if isinstance(first, Fill) and node.operation not in ("ConstantOfShape", "Shape", *_ARITHMETIC):
        return [first] * len(node.output)
    return _MOVES[node.operation](inputs)


def _zeros(values: Values) -> Fill | None:
    """Return zeros if some values are nothing else."""
    known = [value for value in values if isinstance(value, Constant | Fill) and is_zero(value)]
    names = frozenset(name for value in known for name in value.sources)
    return Fill(0, names) if len(known) == len(values) else None
