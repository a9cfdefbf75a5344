"""Operations that move numbers and compute none: their effect on arrays, lengths and flows.

Each function takes the node and the known inputs, and returns the outputs as far as they are known. Parts of a flow
that can be picked are one of its two directions, its last step, or one of several final states. A function raises
ReasonError if nothing is known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import prod

from rnncli.formats.onnx import arrays
from rnncli.formats.onnx.arrays import Constant, ReasonError, require, whole_numbers
from rnncli.formats.onnx.messages import TYPES
from rnncli.formats.onnx.values import (
    MAX_PARTS,
    NO_LENGTH,
    Atom,
    Fill,
    Flow,
    Joined,
    NodeCall,
    Value,
    Values,
    is_zero,
    length,
    sized,
)

FAR = 2**31 - 1
"""The end of an axis as exporters write it, or more."""


def _lengths_of(value: Value | None) -> list[int]:
    """Return the lengths of an array's or flow's axes, with stand-ins for unknown ones; their number must be known."""
    if isinstance(value, Constant):
        return [*value.tensor.shape]
    if not isinstance(value, Flow):
        raise ReasonError
    return [*map(length, value.placed)]


def _arranged(value: Value | None, places: Sequence[int | None]) -> Constant | Flow:
    """Return an array or flow with its axes rearranged, None for a new one; axes that are dropped have length 1."""
    match value:
        case Constant():
            return value.arranged(places)
        case Flow():
            return value.with_axes([() if place is None else value.placed[place] for place in places])
    raise ReasonError


def cast(call: NodeCall) -> Values:
    """Floats must stay floats: a cast of them to integers is not understood. Ids and lengths may become either."""
    value, code = call.at(0), call.node.value("to", 0)
    layer = isinstance(value, Flow) and value.features is not None
    if not layer and not (isinstance(value, Constant) and value.wholes is None):
        return [value]
    dtype = TYPES[code].replace("bfloat16", "float32") if 0 <= code < len(TYPES) else ""
    require(dtype in ("float16", "float32", "float64"))
    if not isinstance(value, Constant):
        return [value]
    return [value.moved(value.tensor.shape, lambda array: array.astype(dtype), dtype)]


def dequantise(call: NodeCall) -> Values:
    """Scale an array of whole numbers, or a flow that was rounded."""
    if isinstance(call.at(0), Flow | Joined):
        return [call.at(0)]
    array, axis = call.array(0), call.node.value("axis", 1)
    axes = len(array.tensor.shape)
    require(not call.node.value("block_size", 0))
    along = [axis % axes] if -axes <= axis < axes else []
    return [array.dequantised(call.array(1), call.optional_array(2), *along)]


def shape(call: NodeCall) -> Values:
    """The lengths of axes, some of which may be unknown."""
    lengths = _lengths_of(call.at(0))
    return [whole_numbers(lengths[call.node.value("start", 0) : call.node.value("end", len(lengths))])]


def constant_of_shape(call: NodeCall) -> Values:
    """Zeros by default; ones if the given number is the integer 1. Before 2019 it was called ConstantFill."""
    require(not call.node.value("value", 0.0))
    shape, value = call.at(0), call.at(1)
    number = value.wholes if isinstance(value, Constant) else None
    if number == (0,) and isinstance(shape, Constant) and shape.wholes is not None:
        lengths = shape.wholes
        if min(lengths, default=1) >= 0 and prod(lengths) <= MAX_PARTS:
            return [whole_numbers([0] * prod(lengths), lengths)]
    require(value is None or is_zero(value) or number == (1,))
    return [Fill(int(number == (1,)))]


def transpose(call: NodeCall) -> Values:
    """Reorder axes; by default reverse their order."""
    value = call.at(0)
    if isinstance(value, Flow) and value.axes is None and value.features is None:
        return [value]  # nothing is known of the axes, neither before nor after
    count = len(_lengths_of(value))
    order = [*call.node.named("perm").ints] or [*range(count)][::-1]
    require(sorted(order) == [*range(count)])
    return [_arranged(value, order)]


def unsqueeze(call: NodeCall) -> Values:
    """Insert axes of length 1."""
    axes, value = call.wholes("axes", 1), call.at(0)
    total = len(_lengths_of(value)) + len(axes)
    places = {axis + total if axis < 0 else axis for axis in axes}
    require(len(places) == len(axes) and places <= {*range(total)})
    old = iter(range(total))
    return [_arranged(value, [None if axis in places else next(old) for axis in range(total)])]


def squeeze(call: NodeCall) -> Values:
    """Drop axes of length 1: the given ones, or all of them if all lengths are known."""
    value = call.at(0)
    lengths = _lengths_of(value)
    ones = tuple(place for place, length in enumerate(lengths) if length == 1)
    axes = call.wholes("axes", 1, ones if max(lengths, default=0) < NO_LENGTH else None)
    gone = {axis + len(lengths) if axis < 0 else axis for axis in axes}
    require(gone <= {*ones})
    return [_arranged(value, [place for place in range(len(lengths)) if place not in gone])]


def reshape(call: NodeCall) -> Values:
    """Split and join axes; those of a flow only between their atoms."""
    value, target = call.at(0), [*call.wholes("shape", 1)]
    lengths = _lengths_of(value)
    if not call.node.value("allowzero", 0):
        target = [lengths[axis] if size == 0 and axis < len(lengths) else size for axis, size in enumerate(target)]
    hole = target.index(-1) if target.count(-1) == 1 else None
    if hole is not None:
        known = prod(size for size in target if size != -1)
        target[hole] = prod(lengths) // known if known > 0 else 0
    require(prod(target) == prod(lengths) and min(target, default=1) >= 0)
    return [value.reshaped(target) if isinstance(value, Constant) else _reshaped(call.flow(), target, hole)]


def flatten(call: NodeCall) -> Values:
    """The axes before one joined, and those from it on, which must leave the features an axis."""
    flow, axis = call.flow(), call.node.value("axis", 1)
    made = flow.with_axes([tuple(chain(*axes)) for axes in (flow.placed[:axis], flow.placed[axis:])])
    require(flow.features in made.placed)
    return [made]


def _reshaped(flow: Flow, sizes: Sequence[int], hole: int | None) -> Flow:
    """Return a flow with axes of other lengths; further axes of length 1 go into the one at the index `hole`."""
    atoms, made = [*chain(*flow.placed)], []
    for place, size in enumerate(sizes):
        most = len(atoms) if place == hole and sizes[place + 1 : place + 2] != [1] else size == 1
        count, total = 0, 1
        while count < len(atoms) and (total < size or (count < most and atoms[count].size == 1)):
            total *= atoms[count].length
            count += 1
        require(total == size)
        made.append(tuple(atoms[:count]))
        atoms = atoms[count:]
    require(not atoms)
    return flow.with_axes(made)


def concat(call: NodeCall) -> Values:
    """Concatenate arrays, lengths, zeros, final states, or the two directions of one layer."""
    values, axis = call.values, call.node.value("axis", 0)
    if any(isinstance(value, Fill) for value in values):
        return [zeros(values)]
    constants = [value for value in values if isinstance(value, Constant)]
    if constants and len(constants) == len(values):
        return [arrays.joined(constants, axis)]
    flows = [call.flow(index) for index in range(len(values))]
    places = {flow.place_of(axis) for flow in flows}
    require(len(places) == 1)
    (place,) = places
    along = [flow.placed[place] for flow in flows]
    both = both_halves(flows)
    if both is not None and both.axes is not None and both.features is not None and along[0] == flows[0].features:
        return [both.with_axis(place, both.features)]
    require(len({*flows}) == len(flows) and {flow.returns for flow in flows} in ({"vector"}, {"state"}))
    require(len({len(flow.placed) for flow in flows}) == 1 and all(sized(axis) in (1, 2) for axis in along))
    return [Joined(tuple(flows), place)]


def both_halves(flows: Sequence[Flow]) -> Flow | None:
    """Return the flow whose two directions these are, in order; its axes are still those of the first."""
    if len(flows) != 2 or [flow.half for flow in flows] != [0, 1]:
        return None
    one, other = (flow._replace(half=None, shared=False) for flow in flows)
    return one._replace(features=(Atom(2), *one.features)) if one == other and one.features is not None else None


def gather(call: NodeCall) -> Values:
    """Pick one element: a length, a direction, a layer's final state, the last step."""
    places, axis = call.numbers(1), call.node.value("axis", 0)
    require(len(places) == 1)
    taken = _taken(call.at(0), axis, slice(places[0], places[0] + 1 or None, 1))
    if call.array(1).tensor.shape:
        return [taken]
    lengths = _lengths_of(taken)
    gone = axis % len(lengths)
    require(lengths[gone] == 1)
    return [_arranged(taken, [place for place in range(len(lengths)) if place != gone])]


def part(call: NodeCall) -> Values:
    """Pick a part of an array or of lengths, one step or one direction, or reverse time."""
    value = call.at(0)
    starts, ends = call.wholes("starts", 1), call.wholes("ends", 2)
    axes = call.wholes("axes", 3, tuple(range(len(starts))))
    steps = call.wholes("steps", 4, (1,) * len(starts))
    require(len(axes) == len(starts) == len(ends) == len(steps) and 0 not in steps)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        value = _taken(value, axis, slice(start, end, step))
    return [value]


def split(call: NodeCall) -> Values:
    """Split an array, or a layer's two directions."""
    node, value = call.node, call.at(0)
    axis, count, lengths = node.value("axis", 0), len(node.output), _lengths_of(value)
    require(-len(lengths) <= axis < len(lengths) and lengths[axis] < NO_LENGTH and 0 < count <= MAX_PARTS)
    size = lengths[axis]
    each = -(-size // count)
    sizes = call.wholes("split", 1, (each,) * (count - 1) + (size - each * (count - 1),))
    require(len(sizes) == count and sum(sizes) == size and min(sizes) >= 0)
    starts = [sum(sizes[:index]) for index in range(count)]
    return [_taken(value, axis, slice(start, start + length, 1)) for start, length in zip(starts, sizes, strict=True)]


def _taken(value: Value | None, axis: int, part: slice) -> Constant | Flow | Joined:
    """Return a part of a value along one axis, which is kept, whatever its new length is."""
    match value:
        case Constant(tensor=tensor) if -len(tensor.shape) <= axis < len(tensor.shape):
            return value.taken(axis % len(tensor.shape), part)
        case Joined(flows=flows) if flows[0].place_of(axis) == value.axis:
            lengths = zip(flows, value.lengths, strict=True)
            owners = [(flow, place) for flow, length in lengths for place in range(length)][part]
            kept = tuple(flow for flow, place in owners if place == 0)
            if len(owners) == 1:
                return _of_flow(owners[0][0], axis, slice(owners[0][1], owners[0][1] + 1, 1))
            require(kept and len(owners) == sum(Joined(kept, value.axis).lengths))
            return kept[0] if len(kept) == 1 else Joined(kept, value.axis)
        case Flow():
            return _of_flow(value, axis, part)
    raise ReasonError


def _of_flow(flow: Flow, axis: int, part: slice) -> Flow:
    """Return a flow with an axis reversed or unchanged, one of two directions, or the last step."""
    index = flow.place_of(axis)
    whole = flow.placed[index]
    far = length(whole)
    stop = None if part.stop is None or FAR <= part.stop * part.step < NO_LENGTH else part.stop
    start, stop, step = slice(part.start, stop, part.step).indices(far)
    if (start, stop, step) == (0, far, 1):
        return flow
    if (start, stop, step) == (far - 1, -1, -1):
        require(flow.time in (None, whole))
        return flow._replace(flips=flow.flips ^ {whole})
    require(stop == start + 1 and step == 1)
    one = flow.with_axis(index, ())
    if flow.features is not None and len(flow.features) == 2 and whole == flow.features[:1]:
        return one._replace(features=flow.features[1:], half=start)
    require(whole == flow.time and flow.returns == "sequence" and flow.ends)
    require(start == (0 if flow.flipped else far - 1))
    return one._replace(returns="vector", flips=frozenset())


def computed(call: NodeCall) -> Values:
    """Arithmetic on lengths: the length of two joined axes, the index of the last step."""
    first, second, operation = call.numbers(0), call.numbers(1), call.node.operation
    size, rank = max(len(first), len(second)), max(len(call.array(index).tensor.shape) for index in (0, 1))
    require(first and second and {len(first), len(second)} <= {1, size} and rank <= 1)
    # ONNX truncates quotients, Python rounds them down: lengths are never negative.
    require(operation != "Div" or (min(first) >= 0 and min(second) > 0))
    pairs = zip(first * (size // len(first)), second * (size // len(second)), strict=True)
    return [whole_numbers([_ARITHMETIC[operation](a, b) for a, b in pairs], (size,) if rank else ())]


_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = {
    "Add": operator.add,
    "Div": operator.floordiv,
    "Mul": operator.mul,
    "Sub": operator.sub,
}
"""Arithmetic operations on whole numbers."""


def constant(call: NodeCall) -> Values:
    """The values of attributes; an array is passed as an input."""
    if call.at(0) is not None:
        return [call.at(0)]
    ints, whole = call.node.named("value_ints"), call.node.named("value_int").i
    if ints.name is not None:
        return [whole_numbers([*ints.ints])]
    require(whole is not None)
    return [whole_numbers([whole], ())]


def zeros(values: Values) -> Fill:
    """Return zeros, in any shape, if all given values are zeros."""
    known = [value for value in values if isinstance(value, Constant | Fill) and is_zero(value)]
    require(len(known) == len(values))
    return Fill(0, frozenset(source for value in known for source in value.sources))
