"""What functions and methods of PyTorch and Keras do with tensors: one row of a table for each name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnncli.formats.frameworks import ArgumentFaultError, built, class_of
from rnncli.formats.nodes import Note, Pass, names
from rnncli.formats.python.objects import Given, Value, open_in
from rnncli.formats.python.steps import SIZE, Recorder, Tensor
from rnncli.layers import Pool, Repeat

LOG_SOFTMAX = Note("log_softmax is not computed: the row ends with the scores that it is given", "differs")

_ACTIVATIONS: Mapping[str, str] = {
    name.lower(): name for name in names("ReLU Tanh Sigmoid Hardsigmoid Softmax SiLU ELU SELU GELU Softplus Softsign")
}
"""PyTorch's modules of activations, by the names of the functions and methods that do the same."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(names("mean reduce_mean avg_pool1d adaptive_avg_pool1d"), "avg"),
    **dict.fromkeys(names("max amax reduce_max max_pool1d adaptive_max_pool1d"), "max"),
}

_WINDOWS: Mapping[str, str] = {"max_pool1d": "MaxPool1d", "avg_pool1d": "AvgPool1d"}
"""Functions that are of windows, unless these are as long as the sequence, by the modules that do the same."""

DATA = names(
    "zeros ones rand randn randint tensor empty full arange LongTensor FloatTensor Tensor from_numpy as_tensor"
)
"""Functions of PyTorch that make a tensor of numbers."""

LIKE = names("new_zeros new zeros_like ones_like randn_like new_full get_initial_state")
"""Functions that make one like another."""


def computed(record: Recorder, name: str, given: Given, tensors: list[Tensor], *, plain: bool = True) -> Value:
    """Return what a function returns of some tensors, or a method of the first of them.

    Args:
        record: what records the steps.
        name: the function.
        given: its arguments.
        tensors: the tensors in these.
        plain: whether it is one of numbers alone, if the table does not have it.
    """
    first, *more = tensors = list(dict.fromkeys(tensors))
    known = FUNCTIONS.get(name, "")
    made: Value = None
    match known if not more or known in _OF_SEVERAL else "":
        case "hands on":
            made = first.states[0] if len(first.states) == 1 else first
        case "reshapes" if not first.step.is_keras:  # what Keras's layers make of it depends on the shape alone
            made = replace(first.states[0] if len(first.states) == 1 else first, axes="")
        case "moves":
            made = _moved(name, given, first)
        case "size":
            made = SIZE
        case "like":
            made = record.data()
        case "unpacks":
            made = [first, SIZE]
        case "flattens" if first.returns == "vector" or first.step.is_data:
            made = first
        case "picks" if first.step.is_data and given.get("dim", 1) == 0:  # other samples, or in another order
            made = first
        case "joins":
            made = _joined(record, name, given, tensors)
        case "repeats":
            made = _repeated(record, name, given, first)
        case "pools":
            made = _pooled(record, name, given, first)
        case "scores":
            made = record.behind(first, Pass(), name, given.line, first.returns, notes=(LOG_SOFTMAX,))
        case "activates":
            made = _activated(record, name, given, first)
        case "pads":
            made = _padded(record, name, given, first)
            plain = False  # which changes what a convolution reads, be it data
    plain = plain or bool(known and known != "pads")
    return record.operation(name, tensors, given.line, plain=plain) if made is None else made


def _moved(name: str, given: Given, tensor: Tensor) -> Value:
    """Return a tensor with its axes in another order; None where Keras's layers would read other features of it."""
    order = [one for each in given.all[1:] for one in (each if isinstance(each, list) else [each])]
    axes, rank = [*tensor.axes], len(tensor.axes)
    whole = bool(order) and all(type(each) is int for each in order)
    if tensor.step.is_keras:
        return tensor if whole and order[-1] in (-1, len(order) - 1) else None
    if not whole or not all(-rank <= each < rank for each in order):
        axes = []
    elif name == "permute":
        axes = [axes[each] for each in order]
    elif len(order) == 2:
        one, other = order
        axes[one], axes[other] = axes[other], axes[one]
    return replace(tensor.states[0] if len(tensor.states) == 1 else tensor, axes="".join(axes))


def _joined(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    """Return both directions of a layer side by side, or the outputs of all timesteps of a loop."""
    first = tensors[0]
    if [each.part for each in tensors] == ["forward", "backward"] and first.step is tensors[1].step:
        return Tensor(first.step, "vector")
    if len(tensors) == 1 and first.step.timed:
        return Tensor(first.step, "sequence")
    made = record.operation(name, tensors, given.line)
    if name in ("concatenate", "concat"):
        every = record.tensors(given.all)  # one may be there twice
        made.step.out = features_side_by_side(every, given.get("axis", 1, -1))
    return made


def features_side_by_side(tensors: Sequence[Tensor], axis: Value) -> int | None:
    """Return how many features tensors of Keras have that are joined along an axis, or None if that is not known."""
    widths = [each.step.out for each in tensors]
    rank = next((rank for each in tensors if (rank := each.step.rank) is not None), None)
    if axis in (-1, 2) or (rank is not None and axis == rank - 1):
        return sum(each or 0 for each in widths) if all(widths) else None
    return widths[0] if rank is not None and type(axis) is int else None


def _repeated(record: Recorder, name: str, given: Given, first: Tensor) -> Value:
    counts = [each for each in given.positional[1:] if type(each) is int and each > 1]
    if first.returns == "vector" and len(counts) == 1:
        return record.behind(first, Repeat(counts[0]), name, given.line, "sequence")
    same = name == "expand" and first.returns == "vector" and not any(map(open_in, given.positional[1:]))
    return first if same else None


def _pooled(record: Recorder, name: str, given: Given, first: Tensor) -> Value:
    """Return the maximum or the mean of all timesteps, or of those in a window; None where it is of something else."""
    axis = given.get("dim", 1, given.get("axis", default=given.get("kernel_size", default=given.get("output_size"))))
    if first.step.kind == "input" and name in ("max", "mean") and axis is None:
        return SIZE
    if name in _WINDOWS and type(axis) is int:
        return _windowed(record, name, given, first)
    whole = axis in (1, [1]) if "adaptive" in name else name in _WINDOWS
    along = whole and (not first.axes or first.takes_time(-1)) if "pool" in name else first.takes_time(axis)
    if first.returns != "sequence" or not along:
        return None
    return record.behind(first, Pool(_POOLS[name]), name, given.line, "vector")


def _windowed(record: Recorder, name: str, given: Given, first: Tensor) -> Value:
    """Return what a module of windows would of (samples, features, timesteps)."""
    if class_of("torch", _WINDOWS[name]) is None or first.axes[1:2] not in ("", "f"):
        return None
    try:
        made = built("torch", _WINDOWS[name], given.positional[1:], given.named)[0]
    except ArgumentFaultError:
        return None
    step = record.behind(first, made.word or Pass(), name, given.line, None, made=made).step
    return Tensor(step, "sequence", axes="bft")


def _padded(record: Recorder, name: str, given: Given, first: Tensor) -> Value:
    """Return a tensor with zeros around its timesteps; None where they are others, or around something else."""
    sizes = given.get("pad", 1, given.get("paddings"))
    if not isinstance(sizes, list) or given.get("mode", 2, "constant") not in ("constant", "CONSTANT"):
        return None
    flat = not all(isinstance(each, list) for each in sizes)  # PyTorch's, from the last axis on
    pairs = [sizes[at : at + 2] for at in range(0, len(sizes), 2)] if flat else sizes[::-1]
    wide = [place for place, each in enumerate(pairs) if each != [0, 0]]
    numbers = [type(size) is int and size >= 0 for place in wide for size in pairs[place]]
    value = given.get("value", 3, given.get("constant_values", default=0))
    if len(wide) != 1 or numbers != [True, True] or value not in (0, None):
        return first if not wide else None
    axes = "btf" if first.step.is_keras else first.axes or {0: "bft", 1: "btf"}.get(wide[0], "")
    if len(axes) <= wide[0] or axes[-1 - wide[0]] not in ("t", "?"):
        return None
    return record.around(first, name, given.line, tuple(pairs[wide[0]]), axes)


def _activated(record: Recorder, name: str, given: Given, first: Tensor) -> Value:
    axis = given.get("dim", 1, given.get("axis"))
    dim = {"dim": axis} if name == "softmax" and type(axis) is int else {}
    try:
        made = built("torch", _ACTIVATIONS[name], [], dim)[0]
    except ArgumentFaultError as fault:
        return record.operation(f"{name}: {fault}", [first], given.line)
    return record.behind(first, made.word or Pass(), name, given.line, first.returns, made=made)


_OF_SEVERAL = names("moves reshapes size like joins picks") | {"hands on"}
"""What may be given several tensors: of what hands on one, the others are lengths, or states."""

FUNCTIONS: Mapping[str, str] = {
    name: known
    for known, some in {
        "hands on": "contiguous to cuda cpu float long int double half type detach clone requires_grad_ dropout data "
        "pack_padded_sequence Variable autograd convert_to_tensor cast pad_sequence pack_sequence "
        "identity fill_ zero_ type_as bfloat16 short byte to_dense alpha_dropout tensor as_tensor from_numpy Tensor "
        "FloatTensor LongTensor",
        "moves": "permute transpose transpose_ t swapaxes swapdims permute_dimensions",
        "reshapes": "squeeze squeeze_ unsqueeze unsqueeze_ view view_as reshape expand_dims movedim moveaxis unflatten "
        "unbind split",
        "size": "size dim numel item len range shape ndimension",
        "like": " ".join(LIKE),
        "picks": "index_select",
        "unpacks": "pad_packed_sequence",
        "flattens": "flatten Flatten",
        "joins": "stack cat concat concatenate",
        "repeats": "repeat expand",
        "pools": " ".join(_POOLS),
        "scores": "log_softmax",
        "pads": "pad",
        "activates": " ".join(_ACTIVATIONS),
    }.items()
    for name in some.split()
}
"""What is done with tensors, by the names of functions and methods: as far as the language can say, in inference."""
