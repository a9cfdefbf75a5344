"""The outputs of functions, methods and indices of tensors, where specs have words for them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from rnncli.formats.build import ArgumentFaultError
from rnncli.formats.frameworks import built
from rnncli.formats.keras.config import side_by_side
from rnncli.formats.nodes import Note, Pass, loops, names
from rnncli.formats.python.objects import Call, Given, Value, left_open, open_in
from rnncli.formats.python.steps import (
    KEEP_WIDTH,
    NEARBY,
    SIZE,
    TIMES,
    TURN,
    ZEROS,
    OfData,
    Recorder,
    TracedTensor,
    reached,
)
from rnncli.formats.python.trees import source_of
from rnncli.layers import Flatten, Pool, Repeat

LOG_SOFTMAX = Note("log_softmax is not computed: the network returns the scores before it", "differs")

PACKED = "pf"
"""The axes of a packed sequence: the timesteps of all samples, and the features."""

STEP = "1bf"
"""The axes of a single timestep."""

VECTOR = "bf"
"""The axes of a single output of each sample."""

FLAT = "b*"
"""The axes of a sequence after `view(n, -1)`: flattened, if a layer reads more features than it has."""

ROWS = "t*"
"""The axes of such a sequence if it had its timesteps first: a layer must read the features of a single sample."""

SPLIT = "b***"
"""The axes of a sequence whose features are split into groups, or in another shape of four axes."""

OTHERWISE = (FLAT, ROWS, SPLIT)
"""The axes of a sequence in another shape."""

_ACTIVATIONS: Mapping[str, str] = {
    name.lower(): name for name in names("ReLU Tanh Sigmoid Hardsigmoid Softmax SiLU ELU SELU GELU Softplus Softsign")
}
"""PyTorch's activation modules, by the names of the equivalent functions and methods."""

_SHAPES: Mapping[str, Mapping[str, tuple[Value, ...]]] = {
    "relu": {"negative_slope": (0, True), "max_value": (None,), "threshold": (0,), "alpha": (0,)},  # True: in place
    "elu": {"alpha": (1,)},
    "gelu": {"approximate": ("none", False)},
    "softplus": {"beta": (1,), "threshold": (20,)},
}
"""The arguments that change the form of an activation, in order, and their usual values."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(names("mean reduce_mean avg_pool1d adaptive_avg_pool1d"), "avg"),
    **dict.fromkeys(names("max amax reduce_max max_pool1d adaptive_max_pool1d"), "max"),
}

WINDOWS: Mapping[str, str] = {"max_pool1d": "MaxPool1d", "avg_pool1d": "AvgPool1d"}
"""Functions of windows, unless a window is the whole sequence, and the equivalent modules."""

USES = names(
    "print pprint display str repr format tolist array asarray save savez savetxt dump write plot scatter hist imshow "
    "show DataFrame Series backward allclose array_equal assert_allclose assert_close assert_equal cross_entropy "
    "binary_cross_entropy binary_cross_entropy_with_logits add_graph add_scalar add_histogram CrossEntropyLoss MSELoss "
    "L1Loss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss SmoothL1Loss HuberLoss CTCLoss"
)
"""Functions and methods that use what a network returns and are not part of it."""

USES_OF_PARTS = KEEP_WIDTH | names("h_n c_n slice index sum mean argmax max min mod")
"""Operations that are part of a network, unless only those functions read them."""

LIKE = names("new_zeros new zeros_like ones_like randn_like new_full get_initial_state")
"""Functions that create a tensor like another one."""


def computed(record: Recorder, name: str, given: Given, tensors: list[TracedTensor], *, plain: bool = True) -> Value:
    """Return the output of a function with tensors among its arguments, or of a method of the first tensor.

    If the table lacks the function and it is plain, it computes with numbers only.
    """
    first, *more = tensors = list(dict.fromkeys(tensors))
    name = name if name in FUNCTIONS else name.rstrip("_")  # `relu_` works in place
    known = FUNCTIONS.get(name, "")
    one_each = 1 if name == "split" else len(first.states) or SIZE  # timestep, or state
    level = max(first.axes.find("s"), 0)
    if name in ("split", "chunk") and (
        given.all[1:2] != [one_each] or (first.states and given.get("dim", 2, 0) != level)
    ):
        known = ""
    made: Value = None
    sizes = [one for each in given.all[1:] for one in (each[:] if isinstance(each, list) else [each])]
    match known if not more or known in _OF_SEVERAL else "":
        case "hands on" if first.step.is_data or name not in ("int", "long", "short", "byte"):  # which round
            made = first.alone
            if name == "dropout" and given.get("training", 2, True) is True:
                made.step.note(Note("comes with dropout as in training; here nothing is dropped", "differs"))
        case "packs":
            made = replace(first.alone, axes=PACKED)
            said = "has sequences packed by their lengths; here all are equally long, without --lengths or --packed"
            made.step.note(Note(said, "differs"))
        case "reshapes" if name in ("split", "chunk") and first.states:
            made = [replace(each, axes=STEP) for each in first.states]
        case "reshapes" if not first.step.is_keras and first.step.sizes is None:  # Keras's layers read the shape alone
            flat = name in ("view", "reshape") and len(sizes) == 2 and sizes[0] is SIZE and type(sizes[1]) is int
            both = flat and first.axes == "bsf" and [each.part for each in first.states] == ["forward", "backward"]
            one = sizes == [0] if name == "unsqueeze" else len(sizes) == 3 and sizes[0] == 1
            one = one and not first.step.is_data
            rows = first.axes == "" and first.returns == "sequence" and first.step.out not in (1, None)  # view(-1, 8)
            axes = STEP if one else (ROWS if first.axes == "tbf" else FLAT * (first.axes == "btf" or rows)) * flat
            if first.axes == "bft" and sizes[2:] in ([first.step.out], [SIZE]):  # rather than a transposition
                said = "returns features before timesteps, which a reshape regroups; here they are transposed"
                first.step.note(Note(said, "differs"))
            width, last = first.step.out or 0, sizes[-1] if sizes and type(sizes[-1]) is int else -1
            splits = len(sizes) == 4 or (name in ("view", "reshape") and 1 < last < width and width % last == 0)
            axes = SPLIT if splits and not first.step.is_data and not first.states else axes
            kept = name == "squeeze" and (len(first.states) > 1 or first.axes in OTHERWISE)
            made = replace(first.alone, axes=first.axes if kept else axes)
            made = TracedTensor(first.step, "vector") if both else made
            if first.states and len(sizes) == 4 and name in ("view", "reshape"):  # of layers, in one or both directions
                ways = [*zip(first.states[::2], first.states[1::2], strict=False)]
                made = (
                    [[*each] for each in ways]
                    if first.states[0].part
                    else [replace(each, axes=STEP) for each in first.states]
                )
        case "reshapes" if first.rank == 3 and first.step.out and sizes == [-1, first.step.out]:
            made = first  # one axis of the samples and the timesteps
        case "reshapes":
            made = _with_axis(record, name, given, first)
        case "moves":
            made = _moved(name, given, first)
        case "size":
            asks = name in ("size", "dim", "ndimension") and len(given.all) == 1 and not record.in_time
            made = first.shape if asks else SIZE
            made = len(made) if name != "size" and isinstance(made, list) else made
            made = len(first.states) if first.states and name == "size" and given.all[1:] == [0] else made
        case "times":
            made = TIMES
        case "shape":
            made = first.shape
        case "fills" if first.step.is_data:
            made = replace(first.alone, zeros=name in ZEROS or given.get("value", 1) == 0)
        case "like":
            made = record.data(name, given)
        case "counts":
            made = [[TURN, first]] * 2  # two identical rounds
        case "unpacks":
            axes = {True: "btf", False: "tbf"}.get(given.get("batch_first", 1, False), "")
            made = [replace(first, axes=axes), SIZE]
        case "flattens" if first.returns == "vector" or first.step.is_data:
            made = first
        case "flattens" if first.axes == "btf" and given.get("start_dim", 1) == 1 and given.get("end_dim", 2, -1) == -1:
            made = record.after(first, Flatten(), name, given.line, "vector")
        case "picks" if given.get("dim", 1) == 0 and first.has_samples_first:  # other ones, or in a different order
            made = first
        case "gathers" if len(more) == 1 and more[0].step.is_data and first.takes_time(given.get("dim", 1)):
            said = "takes one timestep of each sample, as its data says; here the last one"
            first.step.note(Note(said, "differs"))
            made = TracedTensor(first.step, "vector", axes=VECTOR)
        case "joins":
            made = _joined(record, name, given, tensors)
        case "repeats":
            made = _repeated(record, name, given, first)
        case "pools":
            made = _pooled(record, name, given, first)
        case "scores":
            made = record.after(first, Pass(), name, given.line, first.returns, notes=(LOG_SOFTMAX,))
        case "activates":
            made = _activated(record, name, given, first)
        case "selects" if type(given.get("dim", 1)) is int:
            made = picked(record, first, {given.get("dim", 1): given.get("index", 2)}, {}, given.node)
        case "pads":
            made = _padded(record, name, given, first)
            plain = False  # it changes the input of a convolution, even if that is data
    plain = plain or bool(known and known != "pads")
    return record.operation(name, tensors, given.line, plain=plain) if made is None else made


def picked(
    record: Recorder, owner: TracedTensor, keys: dict[int, Value], slices: dict[int, list[Value]], node: ast.AST
) -> TracedTensor:
    """Return an item of a tensor, given its indices and its slices, each by its axis."""
    line, index = getattr(node, "lineno", 0), getattr(node, "slice", None)
    first, key = next(iter(keys.items()), (None, None))
    selects = isinstance(key, TracedTensor | Call | list) or (isinstance(key, OfData) and len(keys) > 1)
    if keys == {0: 0} and (owner.step.kind == "max" or owner.axes in (PACKED, STEP)):
        return owner  # what comes with indices or the number of samples at each timestep, or the only timestep
    if selects and first == 0 and owner.has_samples_first and not owner.states:
        if len(keys) == 1 and not slices:
            return owner
        if [*keys] == [0, 1] and isinstance(index, ast.Tuple) and source_of(index.elts[1]).endswith(" - 1"):
            keys, key, first = {1: -1}, -1, 1
            said = "takes each sample's output at its own last timestep; here all samples are equally long"
            owner.step.note(Note(said, "differs"))
    if (one := _one_direction(owner, keys, slices)) is not None:
        return one
    if selects and first and owner.step.kind == "input":
        return record.operation("index", [owner], line)
    ends = [end for each in slices.values() for end in each if end is not None]
    alone = owner.step.is_data and ends == [TURN, NEARBY]
    at_time = (key in (TURN, NEARBY) or alone) and record.in_time  # x[:, t], or x[:, t : t + 1]
    if isinstance(key, OfData) and record.in_time and not at_time:  # `-t`, `n - 1 - t`, `t // 2`
        return record.operation("index", [owner], line)
    if at_time or (first == 1 and type(key) is int and owner.step.kind == "input"):
        record.take(key if keys else TURN)
    if not (keys or slices) or owner.part or at_time or (owner.step.kind == "input" and not slices):
        return owner  # one timestep of a sequence
    last = len(keys) == 1 and key == -1 and not slices and owner.takes_time(first)
    source = owner.step
    while not loops(source.word) and source.keeps_axes and source.reads:
        if not source.keeps_timesteps:
            break
        source = source.reads[0].step
    if last and (loops(source.word) or not (source.word or owner.step.is_keras)):
        if getattr(source.word, "merge_mode", None) is not None:
            said = "takes the outputs of both directions at the last timestep; here the backward one returns its own"
            source.note(Note(f"{said} last output", "differs"))
        return TracedTensor(owner.step, "vector", axes=VECTOR)
    axes = "btf" if owner.step.is_keras else owner.axes
    cut = None if keys or owner.step.is_data else _cut(slices, axes)
    if cut is None:
        made = record.operation("slice", [owner], line)
        if owner.step.is_keras and not keys and (rank := owner.rank) is not None:
            ends = slices.get(rank - 1, slices.get(-1, [None]))  # of the features
            known = owner.step.out is not None and all(each is None or type(each) is int for each in ends)
            made.step.out = len(range(owner.step.out or 0)[slice(*ends)]) if known else None
        return made
    return record.around(owner, "slice", line, cut, axes)


def _one_direction(owner: TracedTensor, keys: dict[int, Value], slices: dict[int, list[Value]]) -> TracedTensor | None:
    """Return the last outputs of a direction, `x[:, -1, :units]` or `x[:, 0, units:]`; None if they are not taken."""
    if not len(keys) == len(slices) == 1 or not getattr(owner.step.word, "merge_mode", None) or owner.axes[-1:] != "f":
        return None
    ((place, key),), ((axis, ends),) = keys.items(), slices.items()
    half = (owner.step.out or 0) // 2
    ways = {"forward": [-1, None, half, None], "backward": [0, half, None, None]}
    found = [part for part, way in ways.items() if way == [key, ends[0] or None, *ends[1:]]]
    return TracedTensor(owner.step, part=found[0]) if found and axis in (2, -1) and owner.takes_time(place) else None


def _cut(slices: Mapping[int, list[Value]], axes: str) -> tuple[int, int] | None:
    """Return how many timesteps slices cut off at each end, as negative numbers; None if they do anything else."""
    cuts = [(axis, ends[0] or 0, ends[1] or 0, ends[2]) for axis, ends in slices.items() if any(ends)]
    match cuts:
        case [(axis, int(start), int(stop), None)] if start >= 0 >= stop and -len(axes) <= axis < len(axes):
            return (-start, stop) if axes[axis] in "t?" else None
    return None


def _moved(name: str, given: Given, tensor: TracedTensor) -> Value:
    """Return a tensor with its axes reordered; None if Keras's layers would then read different features of it."""
    order = [one for each in given.all[1:] for one in (each if isinstance(each, list) else [each])]
    axes, rank = [*tensor.axes], len(tensor.axes)
    whole = bool(order) and all(type(each) is int for each in order)
    if tensor.step.is_keras:
        return tensor if whole and order[-1] in (-1, len(order) - 1) else None
    if not whole or not all(-rank <= each < rank for each in order):
        axes = []
    elif name == "permute":
        axes = [axes[each] for each in order]
    elif name == "unbind":
        axes.insert(0, axes.pop(order[0]))
    elif len(order) == 2:
        one, other = order
        axes[one], axes[other] = axes[other], axes[one]
    return replace(tensor.alone, axes="".join(axes))


def _with_axis(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    """Return a Keras tensor in another shape, as far as that is known."""
    shape, axis = first.shape, given.get("axis", 1)
    known = shape[1:] if isinstance(shape, list) else first.step.sizes
    sizes = [None if size is SIZE else size for size in known or ()]
    place = len(sizes) + 1 if axis == -1 else axis
    if name == "reshape" and isinstance(axis, list) and axis:
        sizes = axis[1:]
    elif name == "squeeze" and type(axis) is int and 0 < axis < len(sizes):
        sizes.pop(axis - 1)
    elif name == "expand_dims" and known is not None and type(place) is int and 0 < place <= len(sizes) + 1:
        sizes.insert(place - 1, 1)
    else:
        return None
    if first.step.kind == "input" and len(sizes) == 2 and (seen := record.seen_as(sizes, given.line)) is not None:
        return seen
    made = record.operation(name, [first], given.line)
    made.step.sizes, made.step.out = sizes, sizes[-1] if sizes and type(sizes[-1]) is int else None
    return made


def _joined(record: Recorder, name: str, given: Given, tensors: list[TracedTensor]) -> Value:
    """Return both directions of a layer side by side, or the outputs of all timesteps of a loop."""
    first, usual = tensors[0], -1 if name == "concatenate" else 0
    axis = given.get("dim", 1, given.get("axis", default=usual))
    both = [each.part for each in tensors] == ["forward", "backward"] and first.step is tensors[1].step
    if both and (axis == 1 or (axis in (-1, 2) and name != "stack")):
        return TracedTensor(first.step, "vector")
    if name != "stack" and record.items(given.get("tensors", 0)) == [first]:
        return first
    if len(tensors) == 1 and first.step.timed:
        axes = FLAT if first.axes == VECTOR and axis in (1, -1) else ""  # if each output is a vector
        if name == "stack" or (first.axes == STEP and axis in (0, 1)):
            axes = {0: "tbf", 1: "btf", 2: "bft", -1: "bft"}.get(axis, "")
        return TracedTensor(first.step, "sequence", axes=axes)
    if name == "stack" and axis == 0 and len(tensors) > 1 and _are_levels(tensors):
        last = tensors[-1].step
        if tensors[0].part == "c":
            return TracedTensor(last, part="c")
        levels = tuple(TracedTensor(each.step, "vector", axes=VECTOR) for each in tensors)
        return TracedTensor(last, states=levels, axes="sbf")
    made = record.operation(name, tensors, given.line)
    if name in ("concatenate", "concat"):
        every = record.tensors(given.all)  # one may occur twice
        made.step.out = width_of(every, given.get("axis", 1, -1))
    return made


def _are_levels(tensors: Sequence[TracedTensor]) -> bool:
    """Return whether tensors are the states of cells of which each reads the one before, from the first level on."""
    cells = all(each.step.module is not None and each.step.module.name.endswith("Cell") for each in tensors)
    return cells and all(one.part == other.part and one.step in reached([other]) for one, other in pairwise(tensors))


def width_of(tensors: Sequence[TracedTensor], axis: Value) -> int | None:
    """Return how many features Keras tensors have when joined along an axis, or None if that is not known."""
    rank = next((rank for each in tensors if (rank := each.rank) is not None), None)
    return side_by_side([each.step.out for each in tensors], axis, rank)


def _repeated(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    sizes = given.positional[1:]
    counts = [each for each in sizes if type(each) is int and each > 1]
    if first.returns != "vector":
        return None
    if len(counts) == 1 and (len(sizes) != 2 or sizes[0] in counts):
        made = record.after(first, Repeat(counts[0]), name, given.line, "sequence")
        made = replace(made, axes={0: "tbf", 1: "btf"}.get(sizes.index(counts[0]), "") if len(sizes) == 3 else "")
        if len(sizes) == 2:
            made.step.note(Note(f"{name} (line {given.line}) repeats samples; here it repeats timesteps", "differs"))
        return made
    if name == "repeat" and len(sizes) == 3 and sizes[1] is SIZE:
        made = record.operation(name, [first], given.line)
        for each in left_open(getattr(given.node, "args", [given.node])[-2]).names:
            said = f"repeat (line {each.line}) depends on the data: set {each.name} to how often it repeats"
            made.step.note(Note(said, "left out"))
        return made
    return first if name == "expand" and not any(map(open_in, sizes)) else None


def _pooled(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    """Return the maximum or mean of all timesteps, or of those in a window; None if it is of another axis."""
    axis = given.get("dim", 1, given.get("axis", default=given.get("kernel_size", default=given.get("output_size"))))
    if name in WINDOWS and type(axis) is int:
        if first.axes[1:2] not in ("", "f"):
            return None
        return replace(_as_module(record, WINDOWS[name], given, name), returns="sequence", axes="bft")
    whole = axis in (1, [1]) if "adaptive" in name else name in WINDOWS
    along = whole and (not first.axes or first.takes_time(-1)) if "pool" in name else first.takes_time(axis)
    if along and "pool" not in name and given.get("keepdims", 2, given.get("keepdim", default=given.get("keep_dims"))):
        made = record.operation(name, [first], given.line)
        made.step.out = first.step.out
        return made
    if not along or (first.returns != "sequence" and not first.step.is_keras):
        return None
    return record.after(first, Pool(_POOLS[name]), name, given.line, "vector")


def _padded(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    """Return a tensor with zeros around its timesteps; None for other numbers or other axes."""
    sizes = given.get("pad", 1, given.get("paddings"))
    if not isinstance(sizes, list) or given.get("mode", 2, "constant") not in ("constant", "CONSTANT"):
        return None
    flat = not all(isinstance(each, list) for each in sizes)  # PyTorch's order, starting with the last axis
    pairs = [sizes[at : at + 2] for at in range(0, len(sizes), 2)] if flat else sizes[::-1]
    wide = [place for place, each in enumerate(pairs) if [*each] != [0, 0]]
    numbers = [type(size) is int and size >= 0 for place in wide for size in pairs[place]]
    value = given.get("value", 3, given.get("constant_values", default=0))
    if len(wide) != 1 or numbers != [True, True] or value not in (0, None):
        return first if not wide else None
    axes = "btf" if first.step.is_keras else first.axes or {0: "bft", 1: "btf"}.get(wide[0], "")
    if len(axes) <= wide[0] or axes[-1 - wide[0]] not in ("t", "?"):
        return None
    return record.around(first, name, given.line, tuple(pairs[wide[0]]), axes)


def _activated(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    axis = given.get("dim", 1, given.get("axis"))
    unsaid = axis is None and len(first.axes) == 3 and not first.step.is_keras  # PyTorch takes the first of three axes
    if name == "softmax" and (first.axes in OTHERWISE or unsaid):
        return None
    usual = _SHAPES.get(name, {})
    for argument, value in {**dict(zip(usual, given.positional[1:], strict=False)), **given.named}.items():
        if argument in usual and value not in usual[argument]:
            return record.operation(f"{name}: {argument} is not {usual[argument][0]!r}", [first], given.line)
    dim = {"dim": axis} if name == "softmax" and type(axis) is int else {}
    return _as_module(record, _ACTIVATIONS[name], Given([first], dim, given.node), name)


def _as_module(record: Recorder, module: str, given: Given, name: str) -> TracedTensor:
    """Return the output of a function of a tensor that does what a PyTorch module does, given the same arguments."""
    first, *values = given.positional
    try:
        made = built("torch", module, values, given.named)[0]
    except ArgumentFaultError as fault:
        return record.operation(f"{name}: {fault}", [first], given.line)
    return record.after(first, made.word or Pass(), name, given.line, first.returns, made=made)


_OF_SEVERAL = names("moves packs reshapes size like joins picks gathers") | {"hands on"}
"""Operations that may get several tensors; if the operation passes one on, the others are lengths or states."""

FUNCTIONS: Mapping[str, str] = {
    name: known
    for known, some in {
        "hands on": "contiguous to cuda cpu float long int double half type detach clone requires_grad_ dropout data "
        "Variable autograd convert_to_tensor cast pad_sequence "
        "identity type_as bfloat16 short byte to_dense alpha_dropout tensor as_tensor from_numpy Tensor "
        "FloatTensor LongTensor numpy convert_to_numpy",
        "fills": "fill_ zero_ zeros_",
        "moves": "permute transpose t swapaxes swapdims permute_dimensions unbind",
        "reshapes": "squeeze unsqueeze view view_as reshape expand_dims movedim moveaxis unflatten split chunk",
        "size": "size dim numel item len ndimension",
        "times": "range",
        "shape": "shape int_shape get_shape",
        "packs": "pack_padded_sequence pack_sequence",
        "like": " ".join(LIKE),
        "counts": "enumerate",
        "picks": "index_select",
        "gathers": "gather",
        "unpacks": "pad_packed_sequence",
        "flattens": "flatten Flatten",
        "selects": "select",
        "joins": "stack cat concat concatenate",
        "repeats": "repeat expand",
        "pools": " ".join(_POOLS),
        "scores": "log_softmax",
        "pads": "pad",
        "activates": " ".join(_ACTIVATIONS),
    }.items()
    for name in some.split()
}
"""Operations on tensors by the names of functions and methods, as far as specs can express them, in inference."""
