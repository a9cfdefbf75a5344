"""The outputs of Keras's and PyTorch's modules on tensors, where specs have words for them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rnncli.errors import RnncliError
from rnncli.formats import frameworks
from rnncli.formats.build import ArgumentFaultError, MissingArgumentError, UnknownArgumentError
from rnncli.formats.frameworks import CLASSES, SHAPES, class_of
from rnncli.formats.keras.config import KEEP_FEATURES
from rnncli.formats.nodes import Node, Note, Pass, loops, names, returned, shape_after
from rnncli.formats.python.functions import (
    FLAT,
    LOG_SOFTMAX,
    OTHERWISE,
    PACKED,
    ROWS,
    STEP,
    USES,
    VECTOR,
    WINDOWS,
    computed,
    width_of,
)
from rnncli.formats.python.library import sizes_of_data
from rnncli.formats.python.objects import (
    FLAGS,
    NAMES_ACTIVATION,
    Call,
    Function,
    Given,
    Instance,
    Open,
    Tuple,
    Unknown,
    Value,
    argument_notes,
    as_taken,
    left_open,
    open_in,
)
from rnncli.formats.python.steps import (
    SIZE,
    ZEROS,
    Edge,
    Module,
    OfData,
    Recorder,
    Tensors,
    TracedStep,
    TracedTensor,
    reached,
)
from rnncli.formats.python.trees import source_of
from rnncli.layers import Flatten, Layer

_WINDOW = re.compile("(?:Separable)?(Conv|MaxPool|MaxPooling|AveragePooling|AvgPool)([123])D")
"""Keras classes that slide over this many axes and return features last."""

_OF_PICTURES: Mapping[str, int] = {
    **dict.fromkeys(names("VGG16 VGG19"), 512),
    **dict.fromkeys(names("MobileNet DenseNet121"), 1024),
    **dict.fromkeys(names("MobileNetV2 EfficientNetB0 EfficientNetV2B0"), 1280),
    **dict.fromkeys(names("ResNet50 ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2"), 2048),
    **dict.fromkeys(names("Xception InceptionV3"), 2048),
}
"""How many features networks of keras.applications return at each position without their top."""

_EXAMPLES: Mapping[str, float | str] = {
    **dict.fromkeys(FLAGS, True),
    **dict.fromkeys(names("dropout rate p"), 0.1),
    "num_layers": 2,
    **dict.fromkeys(NAMES_ACTIVATION, "tanh"),
    **{name: f"({'None, ' * batch}None, 8)" for name, batch in SHAPES.items()},
}
"""Example values of arguments that are not sizes."""


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
        if isinstance(module, Module) and module.framework == "keras" and (sizes := sizes_of_data(data)):
            data = self.seen_as(sizes[1:], given.line) or data
        tensors = self.tensors(data)
        if isinstance(module, Instance) and tensors:
            return self.apply(module, Given([data], {}, given.node))
        if not isinstance(module, Module):
            return self.called(module, tensors, given.line)
        function = module.given.get("function", 0) if module.name == "Lambda" else None
        if isinstance(function, Function):
            if not tensors and (shape := module.given.get("input_shape")) is not None:
                read = self.seen_as(shape, given.line) if isinstance(shape, list) else None
                data = read or TracedTensor(self.add(TracedStep("input", given.line, [], sizes=shape)))
            begun = len(self.steps)
            if self.tensors(made := self.call(function, Given([data], {}, given.node))):
                for step in self.steps[begun:] if module.framework == "keras" else ():
                    if step.has_weights:
                        step.note(Note("is called in a Lambda, so Keras does not count its weights", "counted twice"))
                return made
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is created
                if isinstance(each, Module) and each.name in frameworks.INPUTS and tensors:
                    continue
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.follow_module(each, data, Given([], {}, node), site or id(given.node))
            return data
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        if module.name in WINDOWS.values() and module.given.get("kernel_size", 0) is SIZE and tensors:  # all of them
            name = next(function for function, each in WINDOWS.items() if each == module.name)
            own = Given([data, *module.given.positional], module.given.named, given.node)
            return computed(self, name, own, tensors)
        states = self.tensors([*given.positional[1:], given.get("initial_state"), given.get("hx")])
        if class_of(module.framework, module.name) is not None and len(tensors) > 1:
            tensors, states = tensors[:1], [*tensors[1:], *states]
        site = site or id(given.node)
        starts = [*data[1:]] if isinstance(data, list) else given.positional[1:] if module.framework == "torch" else []
        begins = self.leaves([*starts, given.get("initial_state"), given.get("hx")])
        zero = not tensors or all(map(_is_zero_or_returned, begins))
        made = self.once(
            module, site, tensors, states, lambda: self._made(module, tensors, states, given.line, from_zeros=zero)
        )
        said = ["mask"] * bool(self.tensors(given.get("mask")))
        differs = frameworks.differs_in_training(module.name, module.given.named)
        said += ["training"] * (given.get("training") is True and differs)
        for each in self.tensors(made)[:1]:
            for argument in said:
                each.step.note(Note(frameworks.CALLED_WITH[argument], "differs"))
        return made

    def called(self, value: Value, tensors: Tensors, line: int) -> TracedTensor:
        """Return the output of calling a value that is not a module of a framework, or of which that is not known."""
        made = self.operation(kind_of(value), tensors, line, plain=False)
        made.step.of_object = made.step.kind not in USES
        if isinstance(value, Unknown):
            itself = [each for each in value.names if each.example is None and value.why.startswith(f"{each.name} ")]
            found = [each for each in value.names if each not in itself and not value.is_list]  # numbers are no layers
            for each in value.values:
                try:
                    self.made_of(each)
                except UnknownModuleError as fault:
                    found += fault.names
            made.step.names = tuple(dict.fromkeys(found))
            where = f" (line {line})" if line else ""
            made.step.note(Note(f"a layer is not known{where}: {value.why}", "left out"))
        return made

    def _made(self, module: Module, tensors: Tensors, states: Tensors, line: int, *, from_zeros: bool) -> Value:
        """Return a layer's output, after recording its step, or one step per level of a stack."""
        kind = "input" if module.name in frameworks.INPUTS else module.name
        first, reads = next(iter(tensors), None), [self.read(each) for each in tensors]
        step = TracedStep(kind, line, reads or (None if module.framework == "torch" else []), None, module)
        given = module.given.get("input_shape")
        read = first.step.sizes if first is not None else given if isinstance(given, list) else None
        read = [first.step.out] if first is not None and first.returns == "vector" else read
        sizes = self._sizes_of(module, read)
        step.sizes, step.out = sizes, _out_of(module, tensors, sizes)
        try:
            made = self.made_of(module, is_first=first is None or not (read or first.step.out))
            rank = first.rank if first is not None else len(read or ()) + 1
            if module.name == "TimeDistributed" and made[0].word == Pass() and rank != 3:  # it flattens pictures
                raise UnknownModuleError("")
            if first is not None and first.axes in (FLAT, ROWS) and made[0].features:
                if made[0].features == first.step.out:
                    first = replace(first, axes="")
                elif first.axes == FLAT:
                    first = self.after(first, Flatten(), "flatten", line, "vector")
                reads = [self.read(first)]
            if first is not None and not _finds_features(module, made[0], first.axes):
                raise UnknownModuleError(f"{kind} (line {line}) reads along an axis other than that of the features")
        except UnknownModuleError as fault:
            begins = kind == "Reshape" and (first is None or first.step.kind == "input") and len(read or ()) == 1
            if begins and (seen := self.seen_as(sizes or (), line)) is not None:
                return seen
            step.names = fault.names
            if kind == "LogSoftmax" or (kind == "Flatten" and first is not None and first.returns == "vector"):
                step.word, step.notes = Pass(), (LOG_SOFTMAX,) * (kind == "LogSoftmax")
            elif str(fault):
                step.notes = (Note(str(fault), "left out"),)
            return TracedTensor(self.add(step), None if first is None else first.returns)
        features = first.step.out if first is not None else None
        starts = [Edge(each.step, "vector" if each.part or each.states else each.returns) for each in states]
        starts = [edge for edge in starts if edge.step.kind != "input"]
        levels: list[TracedStep] = []
        cell = module.name.endswith("Cell")
        if cell:  # a loop over the timesteps may use all of its outputs
            made = [replace(each, unsaid=frozenset({"return_sequences"})) for each in made]
        for number, each in enumerate(made):
            if not number and each.given is not None and (first is None or first.step.is_data):
                reads = [Edge(self.add(TracedStep("input", line, [], each.given, out=each.given.features)))]
            recurrent = loops(each.word)
            level = "" if len(made) == 1 else f" (layer {len(levels)})" if recurrent else f" (dropout {number})"
            edges = [*reads, *(starts if recurrent else [])] or step.reads
            own = kind if recurrent or not level else "Dropout"
            step = TracedStep(own, line, edges, each.word, module, level, each)
            step.out = returned(each.word, features or each.features) if isinstance(each.word, Layer) else features
            step.sizes = sizes
            step.notes = tuple(note for note in each.notes if note.text != frameworks.DIFFERS["return_state"])
            if recurrent and (not from_zeros or starts):
                step.note(Note(frameworks.CALLED_WITH["initial_state"], "differs"))
            step = self.add(step)
            levels += [step] if recurrent else []
            features, reads = step.out, [Edge(step)]
        layer = module.given.get("layer", 0) if module.name == "Bidirectional" else module
        if levels and (cell or module.framework == "torch" or _arguments_of(layer).get("return_state")):
            batch_first = _arguments_of(module).get("batch_first", False)
            axes = "btf" if batch_first is True else "tbf" if batch_first is False and not step.is_keras else ""
            if first is not None and (first.axes == PACKED or (first.axes, axes) == (STEP, "tbf")):
                axes = first.axes
            if axes == "tbf" and first is not None and first.axes in ("", "??f") and not (cell or self.in_time):
                said = "reads (timesteps, batch, features) in the file, without batch_first; here the batch is first"
                levels[0].note(Note(said, "differs"))
            if first is not None and not cell and {first.axes[:2], axes[:2]} == {"bt", "tb"}:
                levels[0].note(Note("loops over samples, because its batch_first differs from its input's", "differs"))
            return _outputs(levels, axes, cell=cell)
        if first is None or levels:
            return TracedTensor(step)
        if module.name in ("AdaptiveAvgPool1d", "AdaptiveMaxPool1d"):
            return TracedTensor(step, "vector")
        if module.name.endswith("1d") and module.name != "BatchNorm1d":  # which can also read vectors
            return TracedTensor(step, "sequence", axes="bft")
        return TracedTensor(step, first.returns, axes="??f" if module.name == "Embedding" else first.axes)

    def _sizes_of(self, module: Value, sizes: Sequence[Value] | None) -> Sequence[Value] | None:
        """Return the output sizes of a Keras layer for a sample with some sizes, None for each unknown one."""
        self.step()
        if not isinstance(module, Module) or module.framework != "keras":
            return None
        if module.outputs:
            return module.outputs[0].step.sizes
        given, name = module.given, module.name
        first = given.get({"Reshape": "target_shape", "Permute": "dims", "Dense": "units"}.get(name, "shape"), 0)
        if name in ("Input", "Reshape") and isinstance(first, list):
            known = math.prod(each for each in first if _is_size(each))
            whole = math.prod(sizes or []) if name == "Reshape" and sizes and all(map(_is_size, sizes)) else 0
            alone = sum(not _is_size(each) for each in first) == 1
            return [each if _is_size(each) else whole // known if whole and alone else None for each in first]
        if name in _OF_PICTURES and given.get("include_top") is False:
            exact = [size // 32 if _is_size(size) and not size % 32 else None for size in (sizes or [None] * 2)[:2]]
            places = [] if given.get("pooling") else [None] * 2 if name == "InceptionV3" else exact
            return [*places, _OF_PICTURES[name]]
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
                before, inner = inner or (), self._sizes_of(each, inner)
                if inner is None and 0 < len(before) < 3:  # an embedding, or a layer that loops itself
                    try:
                        word = self.made_of(each)[-1].word
                    except UnknownModuleError:
                        return None
                    inner = shape_after(word, before[-1], None)[1:] if isinstance(word, Layer) else None
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

    def _replayed(self, model: Module, tensors: Tensors) -> TracedTensor:
        """Return a functional model's output for other data than it was built with."""
        made = {each.step: self.read(tensor) for each, tensor in zip(model.inputs, tensors, strict=False)}
        for step in reached(model.outputs):
            if step not in made:
                reads = [made[one.step]._replace(returns=one.returns) for one in step.reads or () if one.step in made]
                made[step] = Edge(self.add(replace(step, reads=reads)))
        return TracedTensor(made[model.outputs[0].step].step)

    def made_of(self, module: Value, *, is_first: bool = True) -> Value:
        """Return a module as a list of spec nodes; any other value unchanged.

        Keras only uses the input shape of the first layer.

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
        node = module.given.node
        starred = any(isinstance(each, ast.Starred) for each in getattr(node, "args", []))
        spread = [each.value for each in getattr(node, "keywords", []) if each.arg is None and not starred]
        spread = [each for each in spread if isinstance(each, ast.Name | ast.Attribute | ast.Subscript)]
        said = [source_of(each) for each in spread]
        unknown = module.given.unknown
        values: dict[str, Value] = {}
        faults: list[UnknownModuleError] = []
        try:
            given = _arguments_of(module)
            needed = _needed(module, given) if said else []
            if needed or (unknown is not None and not any(map(self.items_set, spread))):
                needed = needed or ["num_layers"] * (bool(said) and "num_layers" in {*cls.takes} - given.keys())
                opened = tuple(Open(f"{said[0]}['{each}']", module.line, _EXAMPLES.get(each)) for each in needed)
                fault = f"the arguments of {what} are not known" + (f": {unknown.why}" if unknown is not None else "")
                faults.append(UnknownModuleError(fault, opened or (() if unknown is None else unknown.names)))
            for name, value in given.items():
                if name in cls.inert or (name in SHAPES and not is_first):
                    continue
                try:
                    taken = as_taken(name, value, self.made_of)
                except UnknownModuleError as fault:
                    faults.append(fault)
                    continue
                alone = name.endswith("shape") and isinstance(taken, list) and len(taken) - SHAPES.get(name, 0) == 1
                if name in ("padding_idx", "input_length") or alone:  # usually how many ids a sample has
                    taken = {"padding_idx": 1, "input_length": None}.get(name) if open_in(taken) else taken
                values[name] = taken
            for name, each in values.items():
                if (cause := open_in(each)) is not None:
                    written = module.given.written(name, cls.takes)
                    named = isinstance(written, ast.Name | ast.Attribute | ast.Subscript)
                    if isinstance(cause, OfData):
                        cause = left_open(written, "depends on the data")
                    elif named and not cause.line and cause.is_list:
                        shape = Open(source_of(written), getattr(written, "lineno", 0))  # or a part of one
                        names = (shape,) if name in SHAPES else cause.names or left_open(written).names
                        cause = replace(cause, names=names)
                    itself = name not in SHAPES or [one.name for one in cause.names] == [source_of(written)]
                    cause = cause.such_as(_EXAMPLES.get(name) if itself and not cause.line else None)
                    faults.append(UnknownModuleError(f"{name} of {what} is not known: {cause.why}", cause.names))
            if faults:
                every = dict.fromkeys(one for fault in faults for one in fault.names)
                raise UnknownModuleError(str(faults[0]), (*every,))
            first, *levels = frameworks.built(module.framework, module.name, [], values)
        except ArgumentFaultError as fault:
            node = module.given.written(fault.argument, cls.takes)
            if source_of(node) in self.settings:
                raise RnncliError(f"{what}: {fault}", "set another value") from None
            late = not values.get(fault.argument, 1) and isinstance(node, ast.Name | ast.Attribute)  # None or 0 so far
            instead = f"; perhaps {fault.instead}" * (isinstance(fault, UnknownArgumentError) and bool(fault.instead))
            raise UnknownModuleError(f"{what}: {fault}{instead}", left_open(node).names if late else ()) from None
        self.step(len(levels))  # cells may share others, and so be many more than what is written
        notes = (*first.notes, *argument_notes(given))
        if unknown is not None:
            notes += (Note(f"has its default values for whatever else {said[0]} holds", "assumed size"),)
        return [replace(first, notes=notes), *levels]


def _needed(module: Module, given: Iterable[str]) -> list[str]:
    """Return the arguments without a default value that a module is not given."""
    try:
        frameworks.built(module.framework, module.name, [], dict.fromkeys(given, 8))
    except MissingArgumentError as fault:
        return [fault.argument, *_needed(module, [*given, fault.argument])]
    except ArgumentFaultError:
        pass
    return []


def _finds_features(module: Module, made: Node, axes: str) -> bool:
    """Return whether the features are on the axis where a PyTorch module reads them, if it reads any."""
    if module.name.endswith("1d"):  # these read and return (samples, features, timesteps)
        return axes[1:2] in ("", "f")
    if module.name == "Softmax":  # which takes the first of three axes if it is not given one
        unsaid = module.framework == "torch" and module.given.get("dim", 0) is None
        return axes not in OTHERWISE and not (unsaid and len(axes) == 3)
    if module.name == "Flatten":
        return module.framework == "keras" or axes[1:] == "tf"
    return made.features is None or axes[-1:] in ("", "f")


def _arguments_of(module: Module) -> dict[str, Value]:
    cls = class_of(module.framework, module.name)
    if cls is None:
        return {}
    given = module.given.named
    old = {each for each in given if each not in cls.takes and frameworks.KERAS_1.get(each) in cls.takes}
    first = bool(old) or "recurrent" in module.path[:-1]  # a module of the first Keras
    usual = {"reset_after": False} if first and "reset_after" in cls.takes else {}
    given = {frameworks.KERAS_1[each] if each in old else each: value for each, value in given.items()}
    return usual | frameworks.bound(cls, module.name, module.given.positional, given)


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
    if cell and last.is_keras:
        return [TracedTensor(last), [TracedTensor(last), *[memory] * lstm]]
    if cell:
        return Tuple([TracedTensor(last, axes=VECTOR), memory]) if lstm else TracedTensor(last, axes=VECTOR)
    if last.is_keras:
        h = TracedTensor(last, part="h") if both else TracedTensor(last, "vector")
        return [TracedTensor(last), *([h, memory] if lstm else [h]) * (2 if both else 1)]
    states: Tensors = []
    for level in levels:
        ways = [TracedTensor(level, part=way) for way in ("forward", "backward")]
        states += ways if both else [TracedTensor(level, "vector", axes=VECTOR)]
    h = TracedTensor(last, states=tuple(states), axes="sbf" if len(states) > 1 else "")
    return Tuple([TracedTensor(last, "sequence", axes=axes), Tuple([h, memory]) if lstm else h])


def _out_of(module: Module, tensors: Tensors, sizes: Sequence[Value] | None) -> int | None:
    """Return the number of output features of a layer that specs cannot express, given its output sizes."""
    if module.name == "Concatenate":
        return width_of(tensors, module.given.get("axis", 0, -1))
    if not sizes and (module.name in KEEP_FEATURES or module.name in ("LogSoftmax", "Flatten")):
        return next((each.step.out for each in tensors), None)
    size = sizes[-1] if sizes else None
    return size if type(size) is int and size > 0 else None


def _is_zero_or_returned(state: Value) -> bool:
    """Return whether a state that a layer starts from is missing, made of zeros, or an output of a layer."""
    if isinstance(state, TracedTensor):
        return state.step.kind != "input" or state.zeros
    return state is None or (isinstance(state, Call) and state.name in ZEROS)


def _is_size(value: Value) -> bool:
    return type(value) is int and value > 0


def _slid(size: Value, width: Value, step: Value, *, whole: bool) -> int | None:
    """Return the number of positions of a window along an axis; `whole` if padding lets it start at the first step."""
    if not all(map(_is_size, (size, width, step))):
        return None
    places: int = (size - (0 if whole else width - 1) + step - 1) // step
    return places
