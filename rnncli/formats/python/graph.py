"""The networks of a Python source as graphs of its calls of modules and functions of tensors."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from rnncli.formats import Settings
from rnncli.formats.frameworks import DATA, INPUTS, SAME_MODULE, class_of
from rnncli.formats.nodes import Note, names
from rnncli.formats.python.containers import BUILTINS, CHANGE, Containers, children_of, modules_among
from rnncli.formats.python.functions import FUNCTIONS, LIKE, computed, picked
from rnncli.formats.python.library import FRAMEWORK_PACKAGES, sizes_of_data, spoil
from rnncli.formats.python.objects import (
    MISSING,
    Call,
    Class,
    Function,
    Given,
    Instance,
    Method,
    ModuleDict,
    ModuleList,
    Named,
    Scope,
    Unknown,
    Value,
    activation_of,
    argument_notes,
    left_open,
    open_in,
)
from rnncli.formats.python.program import RECURRENT
from rnncli.formats.python.steps import (
    NEARBY,
    SIZE,
    TIMES,
    TURN,
    Module,
    OfData,
    TracedStep,
    TracedTensor,
    held_in,
    modules_in,
    reached,
    recurs,
)
from rnncli.formats.python.trees import source_of
from rnncli.layers.base import snake_case

_ENDS = ("input", "output")
_INSIDE = names("modules children named_modules named_children")
_NO_LAYERS = names("optimizers losses metrics callbacks initializers regularizers constraints optim")
"""Modules of the frameworks that have no layers."""

_LOOKING = names(
    "plot_model model_to_dot print_summary summary print_layer_names layered_view ann_viz count_params "
    "count_parameters get_flops pprint display to_graphviz parameters_to_vector"
)
"""Functions from elsewhere that look at a model and leave it as it is."""

_CHANGING = names(
    "register_forward_hook register_forward_pre_hook enable_lora quantize add_weight add_variable register_module "
    "set_submodule __setattr__ __init__"
)
"""Methods of a module that may change its weights or its output."""

_USUAL = dict.fromkeys(names("padding proj_size dropout bidirectional batch_first"), 0)
_USUAL |= dict.fromkeys(names("stride dilation num_layers"), 1)
"""Default values of other attributes of PyTorch's modules."""


class Graphs(Containers):
    """Follows a file, and records the modules that it creates and what its calls on tensors compute."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.wrapped: set[Value] = set()
        """Modules that other Keras layers are made of: the cell in `RNN(cell)`."""
        self.foreign: dict[str, Named] = {}
        """Calls of classes that are named like a recurrent one but belong to neither framework, by that name."""
        self.built: dict[Instance, Sequence[Value]] = {}
        """The sizes of a sample that objects are built for, or are called with."""

    # Calls

    def call(self, called: Value, given: Given) -> Value:
        """Return the result of calling a value; an unknown one becomes a step that reads its tensors."""
        if isinstance(called, Method) and isinstance(called.owner, ModuleList) and called.name in SAME_MODULE:
            for each in called.owner:
                self.call(Method(each, called.name), given)
            return called.owner
        turns = isinstance(called, Method) and isinstance(called.owner, list)
        turns = turns and (called.name == "reverse" or (called.name, *given.all[:1]) == ("insert", 0))
        turned = [called.owner, *given.all] if turns else given.all if called == Named(("reversed",)) else []
        if tensors := [each for each in self.tensors(turned) if each.step.timed or self.of_a_round(each)]:
            made: Value = [self.operation(called.name, tensors, given.line)]  # the last timestep comes first
            if turns:
                called.owner[:] = made
            return made
        if isinstance(called, Named) and called.path in (("zip",), ("list",), ("tuple",)):
            count = min((len(each) for each in given.positional if isinstance(each, list)), default=2)
            each_has = count if called.name == "zip" else 0  # data has an item for each one of the others
            data = {each: [*each.states] or [each] * each_has or each for each in self.tensors(given.positional)}
            every = [data[each] if isinstance(each, TracedTensor) else each for each in given.positional]
            given = replace(given, positional=every)
        if isinstance(called, Unknown) and self.tensors(given.all):
            return self.apply(called.without(getattr(given.node, "func", given.node)), given)
        return super().call(called, given)

    def made(self, value: Value, node: ast.Call, scope: Scope) -> Value:
        """Return the result of a call; one that changes its tensor in place, `x.mul_(2)`, reassigns the name."""
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        words = {each.arg: each.value for each in node.keywords}
        said = [*node.args[1:], words.get("inplace")] if FUNCTIONS.get(name) == "activates" else []
        changing = name.endswith("_") or "out" in words or any(getattr(each, "value", 0) is True for each in said)
        if isinstance(value, TracedTensor) and changing:
            value.step.changing = True
            owners = [words["out"]] if "out" in words else [getattr(node.func, "value", node.func), *node.args[:1]]
            named = [each for each in owners if isinstance(each, ast.Name | ast.Attribute)]
            for owner in [each for each in named if isinstance(self.value(each, scope), TracedTensor)][:1]:
                self.assign(owner, value, scope)
        return value

    def apply(self, called: Value, given: Given) -> Value:
        """Return the result of calling a name, a module, or a method of a module or a tensor."""
        tensors = self.tensors(given.all)
        match called:
            case Named():
                return self._named_call(called, tensors, given)
            case Module() if tensors or called.framework == "keras":
                return self.follow_module(called, given.get("inputs", 0), given)
            case Method(owner=Module() | Instance() as owner, name=name) if name in SAME_MODULE:
                notes = [note for each in (name, *given.all) for note in argument_notes({"dtype": each})]
                for each in held_in(owner) if notes and not self.doubts else ():
                    if isinstance(each, Module) and recurs(each):
                        each.notes += (*notes,)
                does = given.get("fn", 0) if name == "apply" else None
                for each in self.modules_of(owner) if isinstance(does, Function) else ():
                    self.call(does, Given([each], {}, given.node))
                return owner
            case Method(owner=Module() | Instance() as owner, name=name) if name in _INSIDE:
                every = {way: each for each, way in self.modules_of(owner).items()}
                inside = children_of(owner) if "children" in name else modules_among(every)
                return [[*each] for each in inside.items()] if "named" in name else [*inside.values()]
            case Method(owner=TracedTensor() as owner, name=name):
                given = Given([owner, *given.positional], given.named, given.node)
                return computed(self, name, given, self.tensors(given.all))
            case Method(owner=Module() as owner, name="get_layer"):
                layers = self._layers(owner)
                names = [each.given.named.get("name", snake_case(each.name)) for each in layers]
                asked = given.get("name", 0)
                return layers[names.index(asked)] if asked in names else left_open(given.node)
            case Method(owner=Instance(), name="add_weight"):
                return self.fresh(Module(("Weight",), given, None, "keras", self.function))
            case Method(owner=Instance() as owner, name="build"):
                shape = given.get("input_shape", 0)
                self.built |= {owner: shape[1:]} if isinstance(shape, list) else {}
                return None
            case Method(owner=Instance() as owner, name="__init__"):
                owner.values["__init__"] = given
                return None
            case Method(owner=Instance(values={"": Module()}) | Module() as owner, name="forward" | "call") if tensors:
                base = owner if isinstance(owner, Module) else owner.values[""]
                return self.follow_module(base, given.get("inputs", 0), given)
            case Method(name=name) if name in LIKE:
                return self.data(name, given)
            case Method(owner=Module() | Instance() as owner, name=name) if name in _CHANGING:
                return self.differ(owner, f"is changed by {name} (line {given.line}), which is left out")
            case Method(owner=Instance() as owner, name="__call__") if (own := self.computing(owner)) is not None:
                return self.invoke(own, given)
            case Method(owner=Module() as owner, name="register_parameter"):
                return self.set_attribute(owner, given.get("name", 0), given.get("param", 1), given.node)
            case Method(owner=Module(items=dict()) as owner, name=name) if name in CHANGE:
                return self.change_items(owner, name, given)
            case Method(owner=Unknown() | Call() as owner, name=name) if isinstance(owner, Unknown) or name == "add":
                for each in modules_in(owner) if name in CHANGE else ():
                    if isinstance(each, Module) and each.items is not None:
                        each.items[str(len(each.items))] = self.lent.get(each, owner)
                return SIZE if isinstance(owner, OfData) else left_open(given.node)
            case Instance() if (own := self.computing(called)) is not None:
                sizes = sizes_of_data(given.get("inputs", 0))
                if sample := (tensors[0].step.sizes if tensors else sizes[1:]):
                    self.built.setdefault(called, sample)
                return self.invoke(own, given)
        if not tensors:
            return super().apply(called, given)
        return self.called(called, tensors, given.line)

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return a new object of a class, or the framework's layer that it derives from if it computes nothing else."""
        instance = super().instantiate(cls, given)
        if not isinstance(instance, Instance):
            return instance
        keras = "keras" in [self.framework(base.path) for base in cls.named]
        if keras and (build := instance.method("build")) is not None:
            self.invoke(build, Given([SIZE], {}, given.node))
        start = instance.values.pop("__init__", given)
        instance.values |= (start.as_dict or {}) if instance.is_dict else {}
        own = self.computing(instance) is not None or any(isinstance(each, Module) for each in instance.values.values())
        for base in cls.named:
            framework = self.framework(base.path)
            if framework is not None and start.all and base.name in ("Sequential", "ModuleList", "ModuleDict"):
                made = self._named_call(base, [], start)
                if isinstance(made, Module) and not own:
                    made.function, made.given = cls.name, replace(start, named=start.named | instance.values)
                    return made
                instance.values[""] = made
                break
            if framework is not None and class_of(framework, base.name) is not None:
                module = self.fresh(Module(base.path, start, None, framework, self.function, presumed=self.presuming))
                self.modules.append(module)
                if own:
                    instance.values[""] = module
                    break
                return module
        return instance

    def _named_call(self, called: Named, tensors: list[TracedTensor], given: Given) -> Value:
        """Return the result of calling a name: a module, a container, data, or the output of a tensor function."""
        framework, name = self.framework(called.path), called.name
        first = given.get("layers" if framework == "keras" else "modules", 0)
        if framework == "torch" and name in ("ModuleList", "ModuleDict"):
            if name == "ModuleDict" and isinstance(first, list):
                first = self.call(Named(("dict",)), Given([first], {}, given.node))
            if isinstance(first, dict) or (name == "ModuleDict" and not given.all):
                return self.fresh(ModuleDict(first or {}))
            items = self.items(first) if given.all else []
            return self.fresh(ModuleList([open_in(first) or left_open(given.node)] if items is None else items))
        if name in ("deepcopy", "clone_model") and given.positional:
            return self.copied(given.positional[0])
        if called.path[0] == "transformers" and "Output" in name:  # of a model, by name
            return Instance(None, {**given.named})
        functional = name in ("Model", "Functional")
        ends = [given.get(f"{each}s", place, given.get(each)) for place, each in enumerate(_ENDS)]
        inputs, outputs = (self.tensors(each) * functional for each in ends)
        if name in DATA and called.path[0] in ("torch", "F") and not tensors:
            return self.data(name, given)
        if called.path[:3] == ("torch", "nn", "utils") and isinstance(first := given.get("module", 0), Module):
            first.notes += (Note(f"is changed by {name}, which is left out", "left out"),)
            return first
        loss = name.endswith("Loss") and not name.endswith("SoftmaxWithLoss")  # which has weights
        made = name[:1].isupper() and not loss and not _NO_LAYERS & set(called.path[:-1])
        made = made or name == "from_pretrained"
        begun = any(step.kind == "input" or recurs(step.module) for step in reached(outputs))
        if framework == "keras" and functional and given.all and not begun:
            note = Note("the source does not say what it reads or computes", "left out")
            outputs.append(TracedTensor(self.add(TracedStep("unknown", given.line, [], notes=(note,)))))
        if framework is None and name in RECURRENT:
            self.foreign.setdefault(name, called)
        if framework is None or not made or (functional and not outputs):
            for each in given.all if called.path[0] in self.imported - FRAMEWORK_PACKAGES else ():
                if isinstance(each, list) and any(isinstance(one, Module) for one in each):
                    spoil(self, each, Unknown(left_open(given.node).why))
            if tensors:
                plain = called.path[0] in names("torch F tf np numpy keras K")  # given only data, it returns data
                return computed(self, name, given, tensors, plain=plain)
            if called.name not in BUILTINS | _LOOKING:
                lent = [each for each in given.all if isinstance(each, Module)]
                self.lent |= dict.fromkeys(lent, Unknown(left_open(given.node).why))
            if called.path == ("exec",):
                self.unfollowed.append(f"what exec runs (line {given.line}) is not known")
            timed = any(isinstance(each, OfData) for each in given.all)
            return self.combined(given.all, given.node) if timed else Call(called.path, given)
        module = Module(called.path, given, None, framework, self.function, inputs=inputs, outputs=outputs)
        module = self.fresh(replace(module, presumed=self.presuming))
        if framework == "keras" and name == "Input":
            return self.follow_module(module, None, given)
        self.modules.append(module)
        if framework == "keras" and name != "Sequential":
            every = [one for each in given.all for one in (each if isinstance(each, list) else [each])]
            held = [each for each in every if isinstance(each, Module)]
            self.wrapped |= {*held} if name != "Merge" else set()
            for each in held if name == "Merge" else ():  # models that Keras 1 joined
                self.differ(each, f"is read by Merge (line {given.line}), which is left out")
        if name == "Sequential":
            module.items = {}
            values: list[Value] = given.positional
            if framework == "keras" or (len(values) == 1 and isinstance(first, list | dict)):
                values = [] if first is None else first if isinstance(first, list) else [first]
            for number, each in enumerate([*values, *([] if given.unknown is None else [given.unknown])]):
                for key, value in each.items() if isinstance(each, dict) else [(str(number), each)]:
                    self.add_to(module, key, value)
        return module

    # Attributes, items, targets

    def attribute(self, owner: Value, name: str, node: ast.AST, *, called: bool = False) -> Value:
        """Return an attribute of a module, a tensor, or an object of a framework's class."""
        match owner:
            case Instance(values=values) if name == "training" and name not in values:
                return False
            case Module() | Instance() if name == "_modules":
                return children_of(owner)
            case Instance(values={"": Module() as base} as values, cls=Class() as own) if not called:
                if name not in values and own.get(name) is MISSING:
                    return self.attribute(base, name, node)
            case OfData():
                return SIZE
            case TracedTensor(axes=axes) if name in ("T", "mT", "mH"):
                kind, order = ("permute", reversed(range(len(axes)))) if name == "T" else ("transpose", (-1, -2))
                return computed(self, kind, Given([owner, *order], {}, node), [owner])
            case TracedTensor() if not called:
                if name == "shape":
                    return owner.shape if owner.step.is_keras or not self.in_time else SIZE
                return SIZE if name in ("device", "dtype", "indices") else owner
            case Module(framework="keras") if name.rstrip("s") in _ENDS and (ends := self._ends(owner, name)):
                return ends if name.endswith("s") or len(ends) != 1 else ends[0]
            case Module(framework="keras") if name == "layers":
                return self._layers(owner)
            case Module(items=dict() as items) if name in CHANGE or name in items:
                return items.get(name, Method(owner, name))
            case Module(given=given) if not called:
                flat = re.sub(r"^Conv[23]d$", "Conv1d", owner.name)  # which has the same arguments
                cls = class_of(owner.framework, flat)
                places = cls.takes if cls is not None else ()
                usual = _USUAL if {"in_channels", "input_size"} & {*places} and name in places else {}
                value = given.get(name, places.index(name) if name in places else -1, usual.get(name, MISSING))
                sizes = names("kernel_size stride padding dilation")  # tuples, however they were given
                if "in_channels" in places and name in sizes and type(value) is int:
                    return [value] * int(owner.name[-2])
                return Call((name,), replace(given, node=node), owner) if value is MISSING else value
        return super().attribute(owner, name, node, called=called)

    def _ends(self, module: Module, name: str) -> list[TracedTensor]:
        """Return the inputs or outputs of a Keras model, or the output of a layer that was called once."""
        if module.items is not None and not module.outputs:
            module.outputs = self.tensors(self.follow_module(module, None, module.given))
            module.inputs = [TracedTensor(step) for step in reached(module.outputs) if step.kind == "input"]
        called = [TracedTensor(step) for step in self.steps if step.module is module]
        once = len(called) == 1 and not module.given.named.get("return_state")
        return module.inputs if name.startswith("input") else module.outputs or called * once

    def _layers(self, model: Module) -> list[Module]:
        """Return the layers of a Keras model; those of a Sequential do not include its input."""
        layers = dict.fromkeys(step.module for step in reached(self._ends(model, "output")) if step.module is not None)
        return [each for each in layers if model.items is None or each.name not in INPUTS]

    def items(self, value: Value) -> list[Value] | None:
        """Return the items that a loop over a value visits: for a container, its modules."""
        if isinstance(value, Instance) and isinstance(value.values.get(""), ModuleList | Module):
            value = value.values[""]
        held = isinstance(value, Module) and value.items is not None
        return list(value.items.values()) if held else super().items(value)

    def truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, as layers and classes of a framework do."""
        named = isinstance(value, Named) and bool(value.name[:1].isupper() or activation_of(value))
        if named and (value.path[0] in FRAMEWORK_PACKAGES or self.framework(value.path) is not None):
            return True
        return True if isinstance(value, Module) and value.items is None else super().truth(value)

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.Subscript) -> Value:
        """Return an item of a container, or of a tensor."""
        if isinstance(owner, Module) and owner.items is not None and isinstance(index, ast.Slice):
            taken = self.item(list(owner.items.items()), index, scope, node)
            owner.inner = True
            return replace(owner, items=dict(taken), variables=[]) if isinstance(taken, list) else taken
        if isinstance(owner, Module) and owner.items is not None:
            key, values = self.value(index, scope), list(owner.items.values())
            return values[key] if type(key) is int and -len(values) <= key < len(values) else left_open(node)
        if not isinstance(owner, TracedTensor):
            made = SIZE if isinstance(owner, OfData) else super().item(owner, index, scope, node)
            if isinstance(made, TracedTensor | OfData):
                self.take(TURN)
            alike = isinstance(owner, list) and 1 < len(owner) == owner.count(owner[0])
            if alike and isinstance(owner[0], TracedTensor) and owner[0].step.timed:  # the outputs of a loop
                if isinstance(made, list):
                    return [self.operation("slice", owner, node.lineno)]
                return made if self.value(index, scope) == -1 else self.operation("index", owner, node.lineno)
            return made
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        dots = [isinstance(each, ast.Constant) and each.value is ... for each in parts]
        adds = [place for place, each in enumerate(parts) if source_of(each).rpartition(".")[2] in ("None", "newaxis")]
        keys: dict[int, Value] = {}
        slices: dict[int, list[Value]] = {}
        for place, each in enumerate(parts):
            axis = place - len(parts) if any(dots[:place]) else place
            if isinstance(each, ast.Slice):
                slices[axis] = [end and self.value(end, scope) for end in (each.lower, each.upper, each.step)]
            elif place not in adds and (key := self.value(each, scope)) not in (None, ...):
                last = isinstance(each, ast.BinOp) and source_of(each).endswith(" - 1")  # `x.size(1) - 1`
                keys[axis] = -1 if last and isinstance(key, OfData) and not self.in_time else key
        slices = {axis: ends for axis, ends in slices.items() if ends != [None] * 3}
        if owner.step.is_data and [*keys, *slices] == [0] and type(key := keys.get(0)) is int:
            if (kept := self.kept(owner, key)) is not None:
                return kept
            owner = replace(owner, done=None) if owner.done in self.lists else owner
        level = max(owner.axes.find("s"), 0)
        if owner.states and [*keys, *slices] == [level]:
            taken = self.item([*owner.states], parts[level], scope, node)
            if isinstance(taken, TracedTensor):
                return taken
            if isinstance(taken, list) and taken:
                return replace(owner, step=taken[-1].step, states=tuple(taken))
        made = picked(self, owner, keys, slices, node)
        if adds and (made.step.is_keras or made.step.sizes is not None):  # an axis: `h[:, None]`
            axis = adds[0] - (len(parts) if any(dots[: adds[0]]) else sum(each < adds[0] for each in keys))
            return computed(self, "expand_dims", Given([made, axis], {}, node), [made])
        return replace(made, axes="") if adds else made

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return the value for each target of an assignment to several."""
        if isinstance(value, OfData) or (
            isinstance(value, TracedTensor) and (value.step.kind == "input" or value.part)
        ):
            return [value] * len(targets)
        if isinstance(value, TracedTensor) and len(value.states) != len(targets):
            if value.step.kind == "max" and len(targets) == 2:
                return [value, SIZE]
            return [self.operation("unpack", [value], value.step.line)] * len(targets)
        return super().unpacked(value, targets)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target; record names of modules, tied weights, and what is stored in a tensor."""
        match target:
            case ast.Name(id=name) | ast.Attribute(attr=name) if isinstance(value, Module | Unknown):
                for each in value.values if isinstance(value, Unknown) else (value,):
                    if isinstance(each, Module):
                        each.variables.append(name)
            case ast.Subscript(value=ast.Attribute(attr="__dict__")) if isinstance(value, Module):
                self.differ(value, "is put in __dict__, so PyTorch does not count its weights", "counted twice")
            case ast.Subscript(value=ast.Name() | ast.Attribute() | ast.Subscript() as owner, slice=index):
                held = self.value(owner, scope)
                if isinstance(held, Module) and held.items is not None:
                    key, keys = self.value(index, scope), [*held.items]
                    known = type(key) is int and -len(keys) <= key < len(keys)
                    self.put(held, held.items, keys[key] if known else str(len(keys)), value)
                    return None
                if isinstance(held, TracedTensor) and not isinstance(owner, ast.Subscript):
                    listed = self.put_in(held, self.value(index, scope), value, target.lineno)
                    if listed is not None:
                        return super().assign(owner, listed, scope)
                    put, places = self.tensors(value), index.elts if isinstance(index, ast.Tuple) else [index]
                    into = held.step.is_data or (put and held.step is put[0].step)
                    at = [n for n, each in enumerate(places) if not isinstance(each, ast.Slice)]
                    timed = at in ([0], [1]) and isinstance(places[at[0]], ast.Name)
                    timed = timed and self.value(places[at[0]], scope) is TURN
                    loop = self._loops[-1] if self._loops and put else None  # over all timesteps, or around the step
                    if into and timed and loop and (put[0].step.number >= loop.begin or not loop.shorter):
                        value = TracedTensor(put[0].step, "sequence")
                    else:
                        value = self.operation("assignment", [held, *put], target.lineno)
                    target = owner
        super().assign(target, value, scope)

    def calculated(self, kind: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """Return the result of an operator; `t + 1` is near `t`, and `[y] * 2` is not the outputs of a loop."""
        if isinstance(kind, ast.Add | ast.Sub) and left is TURN and type(right) is int:
            return NEARBY
        made = super().calculated(kind, left, right, node)
        timed = [each for each in self.tensors(made) if each.step.timed] if isinstance(kind, ast.Mult) else []
        return [self.operation("mult", timed, getattr(node, "lineno", 0))] if timed else made

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return the result of an operator on tensors, or on values that are not known."""
        tensors = self.tensors([each for each in values if not isinstance(each, list)])
        match node, values:
            case ast.Compare(ops=[ast.In() | ast.NotIn() as kind]), [str(), TracedTensor() as data] if data.is_data:
                return isinstance(kind, ast.In)  # a dict of data has what it is asked for
        if tensors and isinstance(node, ast.BinOp | ast.AugAssign | ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return self.operation(type(node.op).__name__.lower(), tensors, node.lineno)
        if not tensors and not any(isinstance(each, OfData) for each in values):
            return super().combined(values, node)
        match node, values:
            case ast.Call(func=ast.Name(id="range" | "xrange" | "trange") | ast.Attribute(attr="range" | "arange")), _:
                return SIZE if len(values) > 2 else TIMES
            case ast.Call(func=ast.Name(id="list" | "tuple" | "tqdm")), [first, *_] if first is TIMES:
                return TIMES
            case ast.Call(func=ast.Name(id="enumerate")), [first] if first is TIMES:
                return [[TURN, TURN]] * 2
        return SIZE

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return one value for several possible ones; if they are tensors, a step that reads all of them."""
        one = super().one_of(values, why)
        tensors = [*dict.fromkeys(self.tensors(list(values)))]
        if not tensors or not isinstance(one, Unknown):
            return one
        if all(each.step.is_data for each in tensors):
            one = next((each for each in tensors if each.done is not None), tensors[0])
            return replace(one, zeros=all(each.zeros for each in tensors))
        same = {replace(each.alone, axes="") for each in tensors}
        if len(same) == 1 and all(isinstance(each, TracedTensor) for each in values):  # only the shape differs
            return same.pop()
        made = self.operation("if", tensors, why.line)
        named = re.compile(r"[^(]*(\(f?['\"].*)?").fullmatch  # `hp.Boolean("deep")`, but not `random() < 0.5`
        made.step.names = tuple(each for each in why.names if named(each.name))
        made.step.note(Note(why.why, "left out"))
        return made
