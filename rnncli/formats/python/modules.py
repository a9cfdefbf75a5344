"""The outputs of Keras and PyTorch modules, functions and methods on tensors, where specs have words for them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnncli.formats.build import ArgumentFaultError, UnknownArgumentError
from rnncli.formats.frameworks import CLASSES, DIFFERS, INPUTS, SHAPES, bound, built, class_of
from rnncli.formats.keras.config import KEEP_FEATURES, side_by_side
from rnncli.formats.nodes import Node, Note, Pass, loops, names, returned
from rnncli.formats.python.objects import (
    FLAGS,
    NAMES_ACTIVATION,
    Given,
    Instance,
    Open,
    Unknown,
    Value,
    as_taken,
    left_open,
    open_in,
    source_of,
)
from rnncli.formats.python.steps import SIZE, Edge, Module, Recorder, TracedStep, TracedTensor, reached
from rnncli.layers import Flatten, Layer, Pool, Repeat

LOG_SOFTMAX = Note("log_softmax is not computed: the network returns the scores before it", "differs")

_FEATURES_FIRST = "1d"
"""The suffix of PyTorch modules that, with few exceptions, read and return (samples, features, timesteps)."""

_WINDOW = re.compile("(?:Separable)?(Conv|MaxPool|MaxPooling|AveragePooling|AvgPool)([123])D")
"""Keras classes that slide over this many axes and return features last."""

_WHOLE = names("AdaptiveAvgPool1d AdaptiveMaxPool1d")
"""Those that return one number per feature."""

_EXAMPLES: Mapping[str, float | str] = {
    **dict.fromkeys(FLAGS, True),
    **dict.fromkeys(names("dropout rate p"), 0.1),
    "num_layers": 2,
    **dict.fromkeys(NAMES_ACTIVATION, "tanh"),
    **{name: f"({'None, ' * batch}None, 8)" for name, batch in SHAPES.items()},
}
"""Example values of arguments that are not sizes."""


_NAMED = (ast.Name, ast.Attribute, ast.Subscript)
"""Expressions that a setting can provide, whatever the reason why they are not known."""

_FLAT = "b*"
"""The axes of a sequence after `view(n, -1)`: flattened, if a layer reads more features than it has."""


class UnknownModuleError(Exception):
    """A module cannot be understood; `names` are the values that would have to be known."""

    def __init__(self, text: str, names: tuple[Open, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


class Modules(Recorder):
    """Follows a file, and records the outputs of modules on tensors."""

    def follow_module(self, module: Value, data: Value, given: Given, site: int = 0) -> Value:
        """Return a module's output for some data, None if unknown; the call's other tensors are states.

        `site` distinguishes calls of one module at several positions in a container.
        """
        self.step()
        tensors = self.tensors(data)
        if isinstance(module, Instance) and tensors:
            return self.apply(module, Given([data], {}, given.node))
        if not isinstance(module, Module):
            return self.called(module, tensors, given.line)
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is created
                if isinstance(each, Module) and each.name in INPUTS and tensors:
                    continue
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.follow_module(each, data, Given([], {}, node), site or id(given.node))
            return data
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        if module.name in _WINDOWS.values() and module.given.get("kernel_size", 0) is SIZE and tensors:  # all of them
            name = next(function for function, each in _WINDOWS.items() if each == module.name)
            own = Given([data, *module.given.positional], module.given.named, given.node)
            return computed(self, name, own, tensors)
        states = self.tensors([*given.positional[1:], given.get("initial_state"), given.get("hx")])
        if class_of(module.framework, module.name) is not None and len(tensors) > 1:
            tensors, states = tensors[:1], [*tensors[1:], *states]
        site = site or id(given.node)
        return self.once(module, site, tensors, states, lambda: self._made(module, tensors, states, given.line))

    def called(self, value: Value, tensors: list[TracedTensor], line: int) -> TracedTensor:
        """Return the output of calling a value that is not a module of a framework, or of which that is not known."""
        made = self.operation(kind_of(value), tensors, line, plain=False)
        if isinstance(value, Unknown):
            found = [*value.names]
            for each in value.values:
                try:
                    self.made_of(each)
                except UnknownModuleError as fault:
                    found += fault.names
            made.step.names = tuple(dict.fromkeys(found))
            where = f" (line {line})" if line else ""
            made.step.note(Note(f"a layer is not known{where}: {value.why}", "left out"))
        return made

    def _made(self, module: Module, tensors: list[TracedTensor], states: list[TracedTensor], line: int) -> Value:
        """Return a layer's output, after recording its step, or one step per level of a stack."""
        kind = "input" if module.name in INPUTS else module.name
        first, reads = next(iter(tensors), None), [self.read(each) for each in tensors]
        step = TracedStep(kind, line, reads or (None if module.framework == "torch" else []), None, module)
        given = module.given.get("input_shape")
        read = first.step.sizes if first is not None else given if isinstance(given, list) else None
        sizes = self._sizes_of(module, read)
        step.sizes, step.out = sizes, _out_of(module, tensors, sizes)
        try:
            made = self.made_of(module)
            rank = first.step.rank if first is not None else len(read or ()) + 1
            if module.name == "TimeDistributed" and made[0].word == Pass() and rank != 3:  # it flattens pictures
                raise UnknownModuleError("")
            if first is not None and first.axes == _FLAT and made[0].features:
                same = made[0].features == first.step.out
                first = replace(first, axes="") if same else self.after(first, Flatten(), "flatten", line, "vector")
                reads = [self.read(first)]
            if first is not None and not _finds_features(module, made[0], first.axes):
                raise UnknownModuleError(f"{kind} (line {line}) reads along an axis other than that of the features")
        except UnknownModuleError as fault:
            step.names = fault.names
            if kind == "LogSoftmax" or (kind == "Flatten" and first is not None and first.returns == "vector"):
                step.word, step.notes = Pass(), (LOG_SOFTMAX,) * (kind == "LogSoftmax")
            elif str(fault):
                step.notes = (Note(str(fault), "left out"),)
            return TracedTensor(self.add(step), None if first is None else first.returns)
        features = first.step.out if first is not None else None
        starts = [Edge(each.step, "vector" if each.part or each.states else None) for each in states]
        starts = [edge for edge in starts if edge.step.kind != "input"]
        levels: list[TracedStep] = []
        for number, each in enumerate(made):
            if not number and each.given is not None and not reads:
                reads = [Edge(self.add(TracedStep("input", line, [], each.given, out=each.given.features)))]
            recurrent = loops(each.word)
            level = "" if len(made) == 1 else f" (layer {len(levels)})" if recurrent else f" (dropout {number})"
            edges = [*reads, *(starts if recurrent else [])] or step.reads
            step = TracedStep(
                kind if recurrent or not level else "Dropout", line, edges, each.word, module, level, each
            )
            step.out = returned(each.word, features or each.features) if isinstance(each.word, Layer) else features
            step.sizes = sizes
            step.notes = (*(note for note in each.notes if note.text != DIFFERS["return_state"]), *module.notes)
            step = self.add(step)
            levels += [step] if recurrent else []
            features, reads = step.out, [Edge(step)]
        if levels and (module.framework == "torch" or _arguments_of(module).get("return_state")):
            batch_first = _arguments_of(module).get("batch_first", False)
            axes = "btf" if batch_first is True else "tbf" if batch_first is False and not step.is_keras else ""
            if first is not None and {first.axes[:2], axes[:2]} == {"bt", "tb"}:
                levels[0].note(Note("loops over samples, because its batch_first differs from its input's", "differs"))
            return _outputs(levels, axes, cell=module.name.endswith("Cell"))
        if first is None or levels:
            return TracedTensor(step)
        if module.name in _WHOLE:
            return TracedTensor(step, "vector")
        if module.name.endswith(_FEATURES_FIRST) and module.name != "BatchNorm1d":  # which can also read vectors
            return TracedTensor(step, "sequence", axes="bft")
        return TracedTensor(step, first.returns, axes="??f" if module.name == "Embedding" else first.axes)

    def _sizes_of(self, module: Value, sizes: Sequence[Value] | None) -> Sequence[Value] | None:
        """Return the output sizes of a Keras layer for a sample with some sizes, None for each unknown one."""
        self.step()
        if not isinstance(module, Module) or module.framework != "keras":
            return None
        given, name = module.given, module.name
        first = given.get({"Reshape": "target_shape", "Permute": "dims", "Dense": "units"}.get(name, "shape"), 0)
        if name in ("Input", "Reshape") and isinstance(first, list):
            known = math.prod(each for each in first if _is_size(each))
            whole = math.prod(sizes or []) if name == "Reshape" and sizes and all(map(_is_size, sizes)) else 0
            alone = sum(not _is_size(each) for each in first) == 1
            return [each if _is_size(each) else whole // known if whole and alone else None for each in first]
        last = (given.get("data_format") or self.data_format) == "channels_last"
        if last and given.get("dilation_rate", default=1) == 1 and (window := _WINDOW.fullmatch(name)) is not None:
            conv, axes = window[1] == "Conv", int(window[2])
            sizes = sizes if sizes and len(sizes) == axes + 1 else [None] * (axes + 1)
            width = given.get("kernel_size", 1) if conv else given.get("pool_size", 0, 2)
            step = given.get("strides", 2, 1) if conv else given.get("strides", 1) or width
            whole = given.get("padding", 3 if conv else 2, "valid") != "valid"
            widths, steps = (each if isinstance(each, list) else [each] * axes for each in (width, step))
            made = [_slid(*each, whole=whole) for each in zip(sizes, widths, steps, strict=False)]
            return [*made, given.get("filters", 0) if conv else sizes[-1]]
        if not sizes:
            return None
        if name == "TimeDistributed":
            held = given.get("layer", 0)
            inner: Sequence[Value] | None = sizes[1:]
            for each in held.items.values() if isinstance(held, Module) and held.items is not None else [held]:
                inner = self._sizes_of(each, inner)
            return None if inner is None else [sizes[0], *inner]
        if name == "Permute" and isinstance(first, list):
            return [sizes[each - 1] if each in range(1, len(sizes) + 1) else None for each in first]
        if name == "Flatten":
            return [math.prod(sizes) if all(map(_is_size, sizes)) else None]
        if name == "Dense":
            return [*sizes[:-1], first]
        if "Dropout" in name or (name in KEEP_FEATURES and not name.endswith("1D")):
            return sizes
        return sizes[-1:] if name.startswith("Global") else None

    def _replayed(self, model: Module, tensors: list[TracedTensor]) -> TracedTensor:
        """Return a functional model's output for other data than it was built with."""
        made = {each.step: self.read(tensor) for each, tensor in zip(model.inputs, tensors, strict=False)}
        for step in reached(model.outputs):
            if step not in made:
                reads = [made[one.step]._replace(returns=one.returns) for one in step.reads or () if one.step in made]
                made[step] = Edge(self.add(replace(step, reads=reads)))
        return TracedTensor(made[model.outputs[0].step].step)

    def made_of(self, module: Value) -> Value:
        """Return a module as a list of spec nodes; any other value unchanged.

        Raises:
            UnknownModuleError: specs cannot express it, or an argument is wrong or not known.
        """
        if isinstance(module, Instance) and module.cls is not None:
            raise UnknownModuleError(f"{module.cls.name} is defined in the file, and specs cannot express it")
        if not isinstance(module, Module | Unknown) and open_in(module) is not None:
            raise UnknownModuleError(f"{kind_of(module)} is of neither Keras nor PyTorch")
        if not isinstance(module, Module):
            return module
        self.step()
        cls = class_of(module.framework, module.name)
        if cls is None:
            raise UnknownModuleError("")
        what = f"{module.name} (line {module.line})"
        unknown = module.given.unknown
        if unknown is not None:
            raise UnknownModuleError(f"the arguments of {what} are not known: {unknown.why}", unknown.names)
        values: dict[str, Value] = {}
        faults: list[UnknownModuleError] = []
        try:
            for name, value in _arguments_of(module).items():
                if name in cls.inert:
                    continue
                try:
                    taken = as_taken(name, value, self.made_of)
                except UnknownModuleError as fault:
                    faults.append(fault)
                    continue
                alone = name.endswith("shape") and isinstance(taken, list) and len(taken) == 1
                if name in ("padding_idx", "input_length") or alone:  # usually how many ids a sample has
                    taken = {"padding_idx": 1, "input_length": None}.get(name, [None]) if open_in(taken) else taken
                values[name] = taken
            for name, each in values.items():
                if (cause := open_in(each)) is not None:
                    written = module.given.written(name, cls.takes)
                    if cause is SIZE:
                        cause = left_open(written, "depends on the data")
                    elif not cause.names and not cause.line and isinstance(written, _NAMED):
                        shape = (
                            (Open(source_of(written), written.lineno),) if name in SHAPES else ()
                        )  # or a part of one
                        cause = replace(cause, names=shape or left_open(written).names)
                    itself = name not in SHAPES or [one.name for one in cause.names] == [source_of(written)]
                    example = _EXAMPLES.get(name) if itself else None
                    opened = [one._replace(example=one.example or example) for one in cause.names]
                    faults.append(UnknownModuleError(f"{name} of {what} is not known: {cause.why}", (*opened,)))
            if faults:
                every = dict.fromkeys(one for fault in faults for one in fault.names)
                raise UnknownModuleError(str(faults[0]), (*every,))
            nodes = built(module.framework, module.name, [], values)
        except ArgumentFaultError as fault:
            node = module.given.written(fault.argument, cls.takes)
            late = not values.get(fault.argument, 1) and isinstance(node, ast.Name | ast.Attribute)  # None or 0 so far
            instead = f"; perhaps {fault.instead}" * (isinstance(fault, UnknownArgumentError) and bool(fault.instead))
            raise UnknownModuleError(f"{what}: {fault}{instead}", left_open(node).names if late else ()) from None
        self.step(len(nodes) - 1)  # cells may share others, and so be many more than what is written
        return nodes


def _finds_features(module: Module, made: Node, axes: str) -> bool:
    """Return whether the features are on the axis where a PyTorch module reads them, if it reads any."""
    if module.name.endswith(_FEATURES_FIRST):
        return axes[1:2] in ("", "f")
    if module.name == "Softmax":
        return axes != _FLAT
    if module.name == "Flatten":
        return module.framework == "keras" or axes[1:] == "tf"
    return made.features is None or axes[-1:] in ("", "f")


def _arguments_of(module: Module) -> dict[str, Value]:
    cls = class_of(module.framework, module.name)
    if cls is None:
        return {}
    old = "recurrent" in module.path[:-1] and "reset_after" in cls.takes  # a module of the first Keras
    usual = {"reset_after": False} if old else {}
    return usual | bound(cls, module.name, module.given.positional, module.given.named)


def kind_of(called: Value) -> str:
    """Return the class or name of what is called; a class of the file is distinguished from a framework's."""
    if not isinstance(called, Instance) or called.cls is None:
        return getattr(called, "name", "") or "unknown"
    return f"{called.cls.name} defined in the file" if called.cls.name in CLASSES["keras"] else called.cls.name


def _outputs(levels: list[TracedStep], axes: str, *, cell: bool) -> list[Value] | TracedTensor:
    """Return a recurrent module's outputs and the states of all its levels, in its framework's form."""
    last, word = levels[-1], levels[-1].word
    both, memory = getattr(word, "merge_mode", None) is not None, TracedTensor(last, part="c")
    lstm = isinstance(word, Layer) and word.torch == "LSTM"
    if cell:
        return [TracedTensor(last), memory] if lstm else TracedTensor(last)
    if last.is_keras:
        same = not both and isinstance(word, Layer) and word.returns == "vector"
        h = TracedTensor(last, "vector") if same else TracedTensor(last, part="h")
        return [TracedTensor(last), *([h, memory] if lstm else [h]) * (2 if both else 1)]
    states: list[TracedTensor] = []
    for level in levels:
        states += (
            [TracedTensor(level, part=way) for way in ("forward", "backward")]
            if both
            else [TracedTensor(level, "vector")]
        )
    h = TracedTensor(last, states=tuple(states))
    return [TracedTensor(last, "sequence", axes=axes), [h, memory] if lstm else h]


def _out_of(module: Module, tensors: list[TracedTensor], sizes: Sequence[Value] | None) -> int | None:
    """Return the number of output features of a layer that specs cannot express, given its output sizes."""
    if module.name == "Concatenate":
        return features_side_by_side(tensors, module.given.get("axis", 0, -1))
    if not sizes and (module.name in KEEP_FEATURES or module.name in ("LogSoftmax", "Flatten")):
        return next((each.step.out for each in tensors), None)
    size = sizes[-1] if sizes else None
    return size if type(size) is int and size > 0 else None


def _is_size(value: Value) -> bool:
    return type(value) is int and value > 0


def _slid(size: Value, width: Value, step: Value, *, whole: bool) -> int | None:
    """Return the number of positions of a window along an axis; `whole` if padding lets it start at the first step."""
    if not all(map(_is_size, (size, width, step))):
        return None
    places: int = (size - (0 if whole else width - 1) + step - 1) // step
    return places


# Functions and methods of tensors: one table row per name

_ACTIVATIONS: Mapping[str, str] = {
    name.lower(): name for name in names("ReLU Tanh Sigmoid Hardsigmoid Softmax SiLU ELU SELU GELU Softplus Softsign")
}
"""PyTorch's activation modules, by the names of the equivalent functions and methods."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(names("mean reduce_mean avg_pool1d adaptive_avg_pool1d"), "avg"),
    **dict.fromkeys(names("max amax reduce_max max_pool1d adaptive_max_pool1d"), "max"),
}

_WINDOWS: Mapping[str, str] = {"max_pool1d": "MaxPool1d", "avg_pool1d": "AvgPool1d"}
"""Functions of windows, unless a window is the whole sequence, and the equivalent modules."""

LIKE = names("new_zeros new zeros_like ones_like randn_like new_full get_initial_state")
"""Functions that create a tensor like another one."""


def computed(record: Recorder, name: str, given: Given, tensors: list[TracedTensor], *, plain: bool = True) -> Value:
    """Return the output of a function with tensors among its arguments, or of a method of the first tensor.

    If the table lacks the function and it is plain, it computes with numbers only.
    """
    first, *more = tensors = list(dict.fromkeys(tensors))
    name = name if name in FUNCTIONS else name.rstrip("_")  # `relu_` works in place
    known = FUNCTIONS.get(name, "")
    made: Value = None
    match known if not more or known in _OF_SEVERAL else "":
        case "hands on":
            made = first.alone
        case "reshapes" if not first.step.is_keras:  # the effect on Keras's layers depends only on the shape
            sizes = [one for each in given.all[1:] for one in (each if isinstance(each, list) else [each])]
            flat = name in ("view", "reshape") and first.axes == "btf" and not first.states
            flat = flat and len(sizes) == 2 and sizes[0] is SIZE and type(sizes[1]) is int
            made = replace(first.alone, axes=_FLAT * flat)
        case "moves":
            made = _moved(name, given, first)
        case "size":
            made = SIZE
        case "like":
            made = record.data()
        case "counts":
            made = [[SIZE, first]] * 2  # two identical rounds
        case "unpacks":
            made = [first, SIZE]
        case "flattens" if first.returns == "vector" or first.step.is_data:
            made = first
        case "flattens" if first.axes == "btf" and given.get("start_dim", 1) == 1 and given.get("end_dim", 2, -1) == -1:
            made = record.after(first, Flatten(), name, given.line, "vector")
        case "picks" if first.step.is_data and given.get("dim", 1) == 0:  # other samples, or a different order
            made = first
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
        case "pads":
            made = _padded(record, name, given, first)
            plain = False  # it changes the input of a convolution, even if that is data
    plain = plain or bool(known and known != "pads")
    return record.operation(name, tensors, given.line, plain=plain) if made is None else made


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
    elif len(order) == 2:
        one, other = order
        axes[one], axes[other] = axes[other], axes[one]
    return replace(tensor.alone, axes="".join(axes))


def _joined(record: Recorder, name: str, given: Given, tensors: list[TracedTensor]) -> Value:
    """Return both directions of a layer side by side, or the outputs of all timesteps of a loop."""
    first = tensors[0]
    if [each.part for each in tensors] == ["forward", "backward"] and first.step is tensors[1].step:
        return TracedTensor(first.step, "vector")
    if len(tensors) == 1 and first.step.timed:
        return TracedTensor(first.step, "sequence")
    made = record.operation(name, tensors, given.line)
    if name in ("concatenate", "concat"):
        every = record.tensors(given.all)  # one may occur twice
        made.step.out = features_side_by_side(every, given.get("axis", 1, -1))
    return made


def features_side_by_side(tensors: Sequence[TracedTensor], axis: Value) -> int | None:
    """Return how many features Keras tensors have when joined along an axis, or None if that is not known."""
    rank = next((rank for each in tensors if (rank := each.step.rank) is not None), None)
    return side_by_side([each.step.out for each in tensors], axis, rank)


def _repeated(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    counts = [each for each in given.positional[1:] if type(each) is int and each > 1]
    if first.returns == "vector" and len(counts) == 1:
        return record.after(first, Repeat(counts[0]), name, given.line, "sequence")
    same = name == "expand" and first.returns == "vector" and not any(map(open_in, given.positional[1:]))
    return first if same else None


def _pooled(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    """Return the maximum or mean of all timesteps, or of those in a window; None if it is of another axis."""
    axis = given.get("dim", 1, given.get("axis", default=given.get("kernel_size", default=given.get("output_size"))))
    if first.step.kind == "input" and name in ("max", "mean") and axis is None:
        return SIZE
    if name in _WINDOWS and type(axis) is int:
        if first.axes[1:2] not in ("", "f"):
            return None
        return replace(_as_module(record, _WINDOWS[name], given, name), returns="sequence", axes="bft")
    whole = axis in (1, [1]) if "adaptive" in name else name in _WINDOWS
    along = whole and (not first.axes or first.takes_time(-1)) if "pool" in name else first.takes_time(axis)
    if first.returns != "sequence" or not along:
        return None
    return record.after(first, Pool(_POOLS[name]), name, given.line, "vector")


def _padded(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    """Return a tensor with zeros around its timesteps; None for other numbers or other axes."""
    sizes = given.get("pad", 1, given.get("paddings"))
    if not isinstance(sizes, list) or given.get("mode", 2, "constant") not in ("constant", "CONSTANT"):
        return None
    flat = not all(isinstance(each, list) for each in sizes)  # PyTorch's order, starting with the last axis
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


def _activated(record: Recorder, name: str, given: Given, first: TracedTensor) -> Value:
    axis = given.get("dim", 1, given.get("axis"))
    if name == "softmax" and first.axes == _FLAT:
        return None
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


_OF_SEVERAL = names("moves reshapes size like joins picks") | {"hands on"}
"""Operations that may get several tensors; if the operation passes one on, the others are lengths or states."""

FUNCTIONS: Mapping[str, str] = {
    name: known
    for known, some in {
        "hands on": "contiguous to cuda cpu float long int double half type detach clone requires_grad_ dropout data "
        "pack_padded_sequence Variable autograd convert_to_tensor cast pad_sequence pack_sequence "
        "identity fill_ zero_ type_as bfloat16 short byte to_dense alpha_dropout tensor as_tensor from_numpy Tensor "
        "FloatTensor LongTensor",
        "moves": "permute transpose t swapaxes swapdims permute_dimensions",
        "reshapes": "squeeze unsqueeze view view_as reshape expand_dims movedim moveaxis unflatten unbind split",
        "size": "size dim numel item len range shape ndimension",
        "like": " ".join(LIKE),
        "counts": "enumerate",
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
"""Operations on tensors by the names of functions and methods, as far as specs can express them, in inference."""
