"""What functions and methods of PyTorch and Keras do with tensors: one row of a table for each name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rnncli.formats.frameworks import ArgumentFaultError, built
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
    tensors = list(dict.fromkeys(tensors))
    function = FUNCTIONS.get(name)
    if function is None or (len(tensors) > 1 and function not in _OF_SEVERAL):
        return record.operation(name, tensors, given.line, plain=plain)
    return function(record, name, given, tensors)


def _hands_on(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    del record, name, given
    return tensors[0].states[0] if len(tensors[0].states) == 1 else tensors[0]


def _moves(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    """Return a tensor with its axes in another order."""
    tensor = tensors[0]
    order = [one for each in given.all[1:] for one in (each if isinstance(each, list) else [each])]
    known = all(type(each) is int and -len(order) <= each for each in order) and order
    if tensor.step.is_keras:
        return tensor if known and order[-1] in (-1, len(order) - 1) else record.operation(name, tensors, given.line)
    axes, rank = [*tensor.axes], len(tensor.axes)
    if not known or not all(-rank <= each < rank for each in order) or name == "movedim":
        return _reshapes(record, name, given, tensors)
    if name == "permute":
        axes = [axes[each] for each in order]
    elif len(order) == 2:
        one, other = order
        axes[one], axes[other] = axes[other], axes[one]
    return replace(tensor, axes="".join(axes))


def _reshapes(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    """Return a tensor in another shape; what Keras's layers make of that depends on the shape alone."""
    if tensors[0].step.is_keras:
        return record.operation(name, tensors, given.line)
    held = _hands_on(record, name, given, tensors)
    return replace(held, axes="")


def _says_size(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    del record, name, given, tensors
    return SIZE


def _is_like(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    del name, given, tensors
    return record.data()


def _unpacks(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    del record, name, given
    return [tensors[0], SIZE]


def _flattens(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    flat = tensors[0].returns == "vector"
    return tensors[0] if flat else record.operation(name, tensors, given.line)


def _joins(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    """Return both directions of a layer side by side, or the outputs of all timesteps of a loop."""
    first = tensors[0]
    if [each.part for each in tensors] == ["forward", "backward"] and first.step is tensors[1].step:
        return Tensor(first.step, "vector")
    if len(tensors) == 1 and first.step.timed:
        return Tensor(first.step, "sequence")
    made = record.operation(name, tensors, given.line)
    if name in ("concatenate", "concat") and all(each.step.out for each in tensors):
        made.step.out = sum(each.step.out or 0 for each in tensors)
    return made


def _repeats(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    counts = [each for each in given.positional[1:] if type(each) is int and each > 1]
    if tensors[0].returns == "vector" and len(counts) == 1:
        return record.behind(tensors[0], Repeat(counts[0]), name, given.line, "sequence")
    same = name == "expand" and tensors[0].returns == "vector" and not any(map(open_in, given.positional[1:]))
    return tensors[0] if same else record.operation(name, tensors, given.line)


def _pools(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    first, axis = tensors[0], given.get("dim", 1, given.get("axis"))
    if first.step.kind == "input" and name in ("max", "mean"):
        return SIZE
    windows = name == "max_pool1d" and type(axis) is int
    along = first.is_time(-1) if "pool" in name and first.axes else "pool" in name or first.is_time(axis)
    if first.returns != "sequence" or windows or not along:
        return record.operation(name, tensors, given.line)
    return record.behind(first, Pool(_POOLS[name]), name, given.line, "vector")


def _scores(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    return record.behind(tensors[0], Pass(), name, given.line, tensors[0].returns, notes=(LOG_SOFTMAX,))


def _activates(record: Recorder, name: str, given: Given, tensors: list[Tensor]) -> Value:
    axis = given.get("dim", 1, given.get("axis"))
    dim = {"dim": axis} if name == "softmax" and type(axis) is int else {}
    try:
        made = built("torch", _ACTIVATIONS[name], [], dim)[0]
    except ArgumentFaultError as fault:
        return record.operation(f"{name}: {fault}", tensors, given.line)
    return record.behind(tensors[0], made.word or Pass(), name, given.line, tensors[0].returns, made=made)


Function = Callable[[Recorder, str, Given, list[Tensor]], Value]

_OF_SEVERAL = (_hands_on, _moves, _reshapes, _says_size, _is_like, _joins)
"""What may be given several tensors: of what hands on one, the others are lengths, or states."""

FUNCTIONS: Mapping[str, Function] = {
    name: function
    for function, some in {
        _hands_on: "contiguous to cuda cpu float long int double half type detach clone requires_grad_ dropout data "
        "pack_padded_sequence Variable autograd unbind split convert_to_tensor cast pad_sequence pack_sequence "
        "identity fill_ zero_",
        _moves: "permute transpose t swapaxes movedim permute_dimensions",
        _reshapes: "squeeze unsqueeze view reshape expand_dims",
        _says_size: "size dim numel item len range shape ndimension",
        _is_like: " ".join(LIKE),
        _unpacks: "pad_packed_sequence",
        _flattens: "flatten Flatten",
        _joins: "stack cat concat concatenate",
        _repeats: "repeat expand",
        _pools: " ".join(_POOLS),
        _scores: "log_softmax",
        _activates: " ".join(_ACTIVATIONS),
    }.items()
    for name in some.split()
}
"""What is done with tensors, by the names of functions and methods: as far as the language can say, in inference."""
