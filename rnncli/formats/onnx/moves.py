"""The operations of a graph that move numbers and compute none: what they make of arrays, lengths and streams.

Each takes the node and what is known of its inputs, and returns what is known of its outputs, None for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import shorten
from rnncli.formats.onnx.arrays import Constant, wholes_constant
from rnncli.formats.onnx.cells import is_zero
from rnncli.formats.onnx.picks import gather, slice_, split
from rnncli.formats.onnx.values import (
    Atom,
    Axis,
    Dims,
    Inputs,
    Joined,
    Ones,
    Stream,
    Value,
    Values,
    Zeros,
    dims_of,
    reshaped,
    sized,
    wholes_of,
)
from rnncli.formats.tensors import Tensor

if TYPE_CHECKING:
    import numpy as np


def constant(inputs: Inputs) -> Values:
    """Constant: an array in an attribute."""
    attributes = inputs.node.attributes
    if "value" in attributes and attributes["value"].constant is not None:
        made = attributes["value"].constant
        if not made.tensor.name:
            name = inputs.node.outputs[0] if inputs.node.outputs else ""
            made = made._replace(tensor=made.tensor._replace(name=name), sources={name: made.tensor.params})
        return [made]
    if "value_ints" in attributes:
        return [wholes_constant(attributes["value_ints"].wholes)]
    whole = attributes["value_int"].whole if "value_int" in attributes else None
    return [Dims((whole,), scalar=True)] if whole is not None else [None]


def shape(inputs: Inputs) -> Values:
    """Shape: the lengths of axes, of which some are not known."""
    match inputs.at(0):
        case Constant(tensor=tensor):
            items: tuple[int | Axis, ...] = tensor.shape
        case Stream(axes=axes):
            items = tuple(axis or 1 for axis in axes)
        case _:
            return [None]
    start, end = inputs.node.whole("start", 0), inputs.node.whole("end", len(items))
    return [Dims(items[start:end])]


def constant_of_shape(inputs: Inputs) -> Values:
    """ConstantOfShape: zeros, unless it is told another number; a row of ones if that is a whole one."""
    told, shape = inputs.node.attributes.get("value"), wholes_of(inputs.at(0))
    if told is not None and told.constant is not None and told.constant.wholes == (1,):
        return [Ones(shape[0]) if shape is not None and len(shape) == 1 else None]
    return [Zeros() if told is None or (told.constant is not None and told.constant.is_zero()) else None]


def identity(inputs: Inputs) -> Values:
    """Identity, and Cast from one type of numbers to another, which matters for arrays alone."""
    return [inputs.at(0)]


def cast(inputs: Inputs) -> Values:
    """Cast: floats are floats; whole numbers stay whole."""
    value = inputs.at(0)
    if not isinstance(value, Constant) or value.wholes is not None:
        return [value]
    dtype = {1: "float32", 10: "float16", 11: "float64", 16: "float32"}.get(inputs.node.whole("to", 0))
    return [value.moved(value.tensor.shape, lambda array: array.astype(dtype), dtype) if dtype else None]


def transpose(inputs: Inputs) -> Values:
    """Transpose."""
    value = inputs.at(0)
    rank = _rank(value)
    if rank is None:
        return [None]
    told = inputs.node.attributes.get("perm")
    order = told.wholes if told is not None else list(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        return [None]
    if isinstance(value, Constant):
        sizes = value.tensor.shape
        return [value.moved([sizes[axis] for axis in order], lambda array: array.transpose(order))]
    assert isinstance(value, Stream)
    return [value.with_axes([value.axes[axis] for axis in order])]


def unsqueeze(inputs: Inputs) -> Values:
    """Unsqueeze: new axes of length 1."""
    axes, value = inputs.wholes("axes", 1), inputs.at(0)
    dims = dims_of(value)
    if dims is not None:
        return [Dims(dims.items) if dims.scalar else None]
    rank = _rank(value)
    if axes is None or rank is None:
        return [None]
    total = rank + len(axes)
    places = {axis + total if axis < 0 else axis for axis in axes}
    if len(places) != len(axes) or not places <= set(range(total)):
        return [None]
    if isinstance(value, Constant):
        old = iter(value.tensor.shape)
        return [_reshaped_constant(value, [1 if axis in places else next(old) for axis in range(total)])]
    assert isinstance(value, Stream)
    rest = iter(value.axes)
    return [value.with_axes([() if axis in places else next(rest) for axis in range(total)])]


def squeeze(inputs: Inputs) -> Values:
    """Squeeze: axes of length 1 go."""
    axes, value = inputs.wholes("axes", 1), inputs.at(0)
    dims = dims_of(value)
    if dims is not None:
        return [Dims(dims.items, scalar=True) if len(dims.items) == 1 else None]
    rank = _rank(value)
    if rank is None:
        return [None]
    lengths = value.tensor.shape if isinstance(value, Constant) else [sized(axis) for axis in _axes(value)]
    if axes is None:
        if None in lengths:
            return [None]
        axes = tuple(index for index, length in enumerate(lengths) if length == 1)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if not places <= set(range(rank)) or any(lengths[axis] != 1 for axis in places):
        return [None]
    kept = [axis for axis in range(rank) if axis not in places]
    if isinstance(value, Constant):
        return [_reshaped_constant(value, [value.tensor.shape[axis] for axis in kept])]
    assert isinstance(value, Stream)
    return [value.with_axes([value.axes[axis] for axis in kept])]


def reshape(inputs: Inputs) -> Values:
    """Reshape, also Flatten's simplest form."""
    value, target = inputs.at(0), dims_of(inputs.at(1))
    dims = dims_of(value)
    if dims is not None:
        wanted = wholes_of(inputs.at(1))
        return [Dims(dims.items, scalar=wanted == ()) if wanted is not None and len(wanted) <= 1 else None]
    if target is None:
        return [None]
    copies = not inputs.node.whole("allowzero", 0)
    if isinstance(value, Stream):
        axes = reshaped(value.axes, target.items, zero_copies=copies)
        return [None if axes is None else value.with_axes(axes)]
    wholes = wholes_of(target)
    if not isinstance(value, Constant) or wholes is None:
        return [None]
    sizes = value.tensor.shape
    filled = [sizes[axis] if copies and size == 0 and axis < len(sizes) else size for axis, size in enumerate(wholes)]
    if filled.count(-1) == 1:
        known = prod(size for size in filled if size != -1)
        filled[filled.index(-1)] = prod(sizes) // known if known > 0 else 0
    return [_reshaped_constant(value, filled) if prod(filled) == prod(sizes) and min(filled, default=1) >= 0 else None]


def concat(inputs: Inputs) -> Values:
    """Concat: of arrays, of lengths, of final states, and of the two directions of one layer."""
    values, axis = inputs.values, inputs.node.whole("axis", 0)
    lengths = [dims_of(value) for value in values]
    known = [each for each in lengths if each is not None]
    if known and len(known) == len(values):
        return [Dims(tuple(item for each in known for item in each.items))]
    arrays = [value for value in values if isinstance(value, Constant)]
    if arrays and len(arrays) == len(values):
        return [_joined_constants(arrays, axis)]
    streams = [value for value in values if isinstance(value, Stream)]
    if not streams or len(streams) != len(values) or not -len(streams[0].axes) <= axis < len(streams[0].axes):
        return [None]
    if len(streams) == 1:
        return streams
    axis %= len(streams[0].axes)
    both = both_halves(streams)
    if both is not None and streams[0].axes[axis] == streams[0].features:
        assert both.features is not None
        axes = list(streams[0].axes)
        axes[axis] = both.features
        return [both.with_axes(axes)]
    ranks = {len(stream.axes) for stream in streams}
    if len(ranks) == 1 and all(stream.vector and sized(stream.axes[axis]) in (1, 2) for stream in streams):
        return [Joined(tuple(streams), axis)]
    return [None]


def both_halves(streams: Sequence[Stream]) -> Stream | None:
    """Return the stream whose two directions two streams are, in order; its axes are still those of the first."""
    if len(streams) != 2 or [stream.half for stream in streams] != [0, 1]:
        return None
    one, other = streams
    if one.links != other.links or one.axes != other.axes or one.features != other.features:
        return None
    assert one.features is not None
    return replace(one, half=None, features=(Atom(2), *one.features))


def product(inputs: Inputs) -> Values:
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


def _reshaped_constant(value: Constant, sizes: Sequence[int]) -> Constant:
    return value.moved(sizes, lambda array: array.reshape(tuple(sizes)))


def _joined_constants(arrays: Sequence[Constant], axis: int) -> Constant | None:
    """Return arrays one behind the other."""
    shapes = [array.tensor.shape for array in arrays]
    if not -len(shapes[0]) <= axis < len(shapes[0]):
        return None
    axis %= len(shapes[0])
    rest = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}
    if len(rest) != 1 or len({array.tensor.dtype for array in arrays}) != 1:
        return None
    reads: list[Callable[[], np.ndarray[Any, Any]]] = [array.tensor.read for array in arrays]

    def read() -> np.ndarray[Any, Any]:
        import numpy as np

        return np.concatenate([each() for each in reads], axis)

    sizes = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
    name = shorten(" + ".join(dict.fromkeys(array.tensor.name for array in arrays)), 200)
    return Constant(
        Tensor(name, sizes, arrays[0].tensor.dtype, read),
        {name: count for array in arrays for name, count in array.sources.items()},
        None,
        frozenset().union(*(array.zeros for array in arrays)),
        1 + max(array.depth for array in arrays),
    )


def _rank(value: Value | None) -> int | None:
    if isinstance(value, Constant):
        return len(value.tensor.shape)
    return len(value.axes) if isinstance(value, Stream) else None


def _axes(value: Value | None) -> tuple[Axis, ...]:
    return value.axes if isinstance(value, Stream) else ()


MOVES: Mapping[str, Callable[[Inputs], Values]] = {
    "Cast": cast,
    "Concat": concat,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Gather": gather,
    "Identity": identity,
    "Reshape": reshape,
    "Shape": shape,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
"""What is known of the outputs of each operation that moves numbers."""


def moved(inputs: Inputs) -> Values:
    """Return what is known of the outputs of an operation that moves numbers; zeros stay zeros."""
    first, operation = inputs.at(0), inputs.node.operation
    if operation == "Expand":
        return [Zeros(frozenset(_sources(first))) if is_zero(first) else None]
    if operation == "Concat":
        if any(isinstance(value, Zeros) for value in inputs.values):
            names = frozenset(name for value in inputs.values for name in _sources(value))
            return [Zeros(names) if all(map(is_zero, inputs.values)) else None]
    elif isinstance(first, Zeros) and operation != "Shape":
        return [first] * len(inputs.node.outputs)
    return MOVES[operation](inputs)


def _sources(value: Value | None) -> Iterable[str]:
    """Return the names of the arrays that zeros are made of."""
    return value.sources if isinstance(value, Constant | Zeros) else ()
