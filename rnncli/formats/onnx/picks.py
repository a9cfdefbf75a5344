"""The operations of a graph that pick some of the numbers that they read: one place, a few, every second array.

Of a stream, what can be picked is one of its two directions, its last step, or one of several final states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnncli.formats.onnx.arrays import Constant
from rnncli.formats.onnx.values import (
    Axis,
    Dims,
    Inputs,
    Joined,
    Stream,
    Value,
    Values,
    dims_of,
    sized,
    wholes_of,
)

MAX_OUTPUTS = 64
"""The most outputs of a node that are followed."""


def gather(inputs: Inputs) -> Values:
    """Gather of one place: a length, a direction, a layer's final state, the last step."""
    value, wholes = inputs.at(0), wholes_of(inputs.at(1))
    places = dims_of(inputs.at(1))
    axis = inputs.node.whole("axis", 0)
    if wholes is None or places is None or len(wholes) != 1:
        return [None]
    dims = dims_of(value)
    if dims is not None:
        if not -len(dims.items) <= wholes[0] < len(dims.items):
            return [None]
        return [Dims((dims.items[wholes[0]],), scalar=places.scalar)]
    taken = _at(value, axis, wholes[0])
    if taken is None or not places.scalar:
        return [taken]
    return [taken.with_axes([each for index, each in enumerate(taken.axes) if index != axis % len(taken.axes)])]


def slice_(inputs: Inputs) -> Values:
    """Slice: a part of an array or of lengths, one step, one direction, or time turned around."""
    value = inputs.at(0)
    starts, ends = inputs.wholes("starts", 1), inputs.wholes("ends", 2)
    if starts is None or ends is None or len(starts) != len(ends):
        return [None]
    axes = inputs.wholes("axes", 3) or tuple(range(len(starts)))
    steps = wholes_of(inputs.at(4)) or (1,) * len(starts)
    if not len(axes) == len(starts) == len(steps) or 0 in steps:
        return [None]
    parts = {axis: slice(start, end, step) for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)}
    dims = dims_of(value)
    if dims is not None:
        return [Dims(dims.items[parts.get(0, parts.get(-1, slice(None)))])]
    if isinstance(value, Constant):
        return [_part(value, parts)]
    for axis, part in parts.items():
        value = _sliced(value, axis, part)
    return [value]


def _sliced(value: Value | None, axis: int, part: slice) -> Value | None:
    """Return a slice of a stream along an axis."""
    if isinstance(value, Joined):
        return _few(value, axis, part)
    if not isinstance(value, Stream) or not -len(value.axes) <= axis < len(value.axes):
        return None
    whole = value.axes[axis]
    size = sized(whole)
    start, end, step = part.start, part.stop, part.step
    far = 2**31 - 1 if size is None else size
    if step == -1 and start in (-1, far - 1) and (end < -far or end <= -(2**31)):
        return replace(value, flips=value.flips ^ {whole})
    if step != 1:
        return None
    if start in (0, -far) and end >= far:
        return value
    if start == -1 and end >= far:
        return _at(value, axis, -1)
    return _at(value, axis, start) if start >= 0 and end == start + 1 else None


def split(inputs: Inputs) -> Values:
    """Split: arrays, and a layer's two directions."""
    node, value = inputs.node, inputs.at(0)
    axis, count = node.whole("axis", 0), len(node.outputs)
    if count > MAX_OUTPUTS:
        return [None]
    if isinstance(value, Stream):
        return [_at(value, axis, index) for index in range(count)]
    if not isinstance(value, Constant) or not -len(value.tensor.shape) <= axis < len(value.tensor.shape):
        return [None] * count
    size = value.tensor.shape[axis]
    sizes = inputs.wholes("split", 1) or (-(-size // count),) * (count - 1) + (size - -(-size // count) * (count - 1),)
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 0:
        return [None] * count
    starts = [sum(sizes[:index]) for index in range(count)]
    return [_part(value, {axis: slice(start, start + length, 1)}) for start, length in zip(starts, sizes, strict=True)]


def _at(value: Value | None, axis: int, place: int) -> Stream | None:
    """Return one place of an axis of a stream, which keeps the axis with a length of 1."""
    if isinstance(value, Joined):
        rest = place
        if axis not in (value.axis, value.axis - len(value.streams[0].axes)):
            return None
        lengths = [sized(stream.axes[value.axis]) or 1 for stream in value.streams]
        rest += sum(lengths) if rest < 0 else 0
        for stream, length in zip(value.streams, lengths, strict=True):
            if 0 <= rest < length:
                return _at(stream, axis, rest)
            rest -= length
        return None
    if not isinstance(value, Stream) or not -len(value.axes) <= axis < len(value.axes):
        return None
    whole = value.axes[axis]
    axes = list(value.axes)
    axes[axis] = ()
    if value.features is not None and len(value.features) == 2 and whole == value.features[:1]:
        if place not in (0, 1, -1, -2):
            return None
        return replace(value, axes=tuple(axes), features=value.features[1:], half=place % 2)
    if value.time is not None and whole == value.time and not value.vector:
        return _last_step(value, axes, place, sized(whole))
    return value if whole == () and place in (0, -1) else None


def _last_step(stream: Stream, axes: Sequence[Axis], place: int, size: int | None) -> Stream | None:
    """Return a stream that returns its last step alone, if the place is that."""
    last = place in (-1, None if size is None else size - 1) and not stream.flipped
    first = (place == 0 or (size is not None and place == -size)) and stream.flipped
    index = next((n for n in reversed(range(len(stream.links))) if stream.links[n].layer.states), None)
    if not (last or first) or index is None:
        return None
    if any(link.layer.returns != "same" for link in stream.links[index + 1 :]):
        return None
    link = stream.links[index]
    alone = link.layer.returning("vector")
    if alone is None or link.layer.merge is not None:
        return None
    links = (*stream.links[:index], link.with_layer(alone), *stream.links[index + 1 :])
    return replace(stream, axes=tuple(axes), links=links, vector=True)


def _few(value: Joined, axis: int, part: slice) -> Value | None:
    """Return the final states of some of several layers, or those of one."""
    if part.step != 1 or axis not in (value.axis, value.axis - len(value.streams[0].axes)):
        return None
    owners = [(stream, place) for stream in value.streams for place in range(sized(stream.axes[value.axis]) or 1)][part]
    if len(owners) == 1:
        return _at(owners[0][0], value.axis, owners[0][1])
    kept = [stream for stream, place in owners if place == 0]
    if len(owners) != sum(sized(stream.axes[value.axis]) or 1 for stream in kept):
        return None
    return kept[0] if len(kept) == 1 else Joined(tuple(kept), value.axis)


def _part(value: Constant, parts: Mapping[int, slice]) -> Constant | None:
    """Return a part of an array."""
    sizes = list(value.tensor.shape)
    index = [slice(None)] * len(sizes)
    for axis, part in parts.items():
        if not -len(sizes) <= axis < len(sizes) or part.step < 0:
            return None
        index[axis] = part
    sizes = [len(range(size)[part]) for size, part in zip(sizes, index, strict=True)]
    return value.moved(sizes, lambda array: array[tuple(index)])
