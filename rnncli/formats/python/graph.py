"""The networks of a Python source as graphs of its calls of modules and functions of tensors."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnncli.formats import Settings
from rnncli.formats.frameworks import CLASSES, DATA, INPUTS, SAME_MODULE, class_of
from rnncli.formats.keras.config import OTHER_CLASSES
from rnncli.formats.nodes import Effect, Note, names
from rnncli.formats.python.functions import LIKE, computed, picked
from rnncli.formats.python.library import FRAMEWORK_PACKAGES, spoil
from rnncli.formats.python.modules import Modules, kind_of
from rnncli.formats.python.objects import (
    MISSING,
    NO_BASES,
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
    left_open,
    open_in,
    precision_of,
)
from rnncli.formats.python.program import RECURRENT
from rnncli.formats.python.steps import SIZE, Module, TracedStep, TracedTensor, held_in, modules_in, reached, recurs
from rnncli.formats.python.trees import source_of
from rnncli.layers.base import snake_case
from rnncli.layers.weights import Framework

_ENDS = ("input", "output")
_COPIES = names("deepcopy clone_model")
_PLAIN = names("torch F tf np numpy keras K")
"""Modules whose functions, given only data, return data."""

_SHORT: Mapping[str, Framework] = {"nn": "torch", "layers": "keras", "models": "keras"}
"""Usual names of modules in a text that shows no imports."""

_WITHOUT_LAYERS = sys.stdlib_module_names | names("numpy scipy pylab matplotlib tensorflow torch")
"""Modules without layers, from which a file may import all names."""

_NO_LAYERS = names("optimizers losses metrics callbacks initializers regularizers constraints optim")
"""Modules of the frameworks that have no layers."""

_BUILTINS = frozenset(dir(builtins))
_LOOKING = names(
    "plot_model model_to_dot print_summary summary print_layer_names layered_view ann_viz count_params "
    "count_parameters get_flops pprint display to_graphviz parameters_to_vector"
)
"""Functions from elsewhere that look at a model and leave it as it is."""

_ADD = names("add append add_module")
_CHANGING = names(
    "register_forward_hook register_forward_pre_hook enable_lora quantize add_weight add_variable register_module "
    "set_submodule __setattr__ __init__"
)
"""Methods of a module that may change its weights or its output."""

_VISITS = names("modules named_modules children named_children")
_WEIGHT = re.compile("(weight|bias|kernel|recurrent_kernel|embeddings|gamma|beta)(_|$)")
"""The attributes of a layer that are its weights."""

_OF_AXES = names("kernel_size stride padding dilation")
"""Attributes of PyTorch's channel modules that are tuples, however they were given."""

_USUAL = {"stride": 1, "padding": 0, "dilation": 1, "num_layers": 1, "bidirectional": False, "batch_first": False}
"""Default values of other attributes of PyTorch's modules."""

_CHANGE = _ADD | names("pop insert extend build")

_SET_LATER = names("return_sequences return_state go_backwards activation recurrent_activation batch_first dropout")
"""Arguments that a source may also set after a layer is made, without an effect on weights that it has already."""


class Graphs(Modules):
    """Follows a file, and records the modules that it creates and what its calls on tensors compute."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.modules: list[Module] = []
        self.wrapped: set[Value] = set()
        """Modules that other Keras layers are made of: the cell in `RNN(cell)`."""
        self.foreign: dict[str, Named] = {}
        """Calls of classes that are named like a recurrent one but belong to neither framework, by that name."""
        self.built: dict[Instance, Sequence[Value]] = {}
        """The sizes of a sample that objects are built for, or are called with."""
        self._lent: dict[Module, Unknown] = {}
        """Modules that functions from elsewhere have been given, each with that call's result."""

    def framework(self, path: tuple[str, ...]) -> Framework | None:
        """Return the framework that a name belongs to, by its path."""
        if len(path) == 1 and path[0] in _BUILTINS:
            return None
        if len(path) == 1:
            brought = [each for star in reversed(self.stars) if (each := self.framework((*star, path[0]))) is not None]
            others = any(star[0] not in _WITHOUT_LAYERS for star in self.stars)
            known = (path[0] in CLASSES["keras"] or path[0] in OTHER_CLASSES) and not others
            return brought[0] if brought else "keras" if known else None
        if {"keras", "tf_keras"} & set(path[:-1]):
            return "keras"
        return "torch" if path[:2] == ("torch", "nn") else None if path[0] in self.imported else _SHORT.get(path[0])

    # Calls

    def call(self, called: Value, given: Given) -> Value:
        """Return the result of calling a value; an unknown one becomes a step that reads its tensors."""
        if isinstance(called, Unknown) and self.tensors(given.all):
            return self.apply(called.without(getattr(given.node, "func", given.node)), given)
        return super().call(called, given)

    def made(self, value: Value, node: ast.Call, scope: Scope) -> Value:
        """Return the result of a call; a call that changes its tensor in place, `x.mul_(2)`, reassigns the name."""
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if isinstance(value, TracedTensor) and name.endswith("_"):
            owners = [getattr(node.func, "value", node.func), *node.args[:1]]
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
                notes = [note for each in (name, *given.all) for note in precision_of({"dtype": each})]
                for each in held_in(owner) if notes and not self.doubts else ():
                    if isinstance(each, Module) and recurs(each):
                        each.notes += (*notes,)
                does = given.get("fn", 0) if name == "apply" else None
                for each in self._modules_of(owner) if isinstance(does, Function) else ():
                    self.call(does, Given([each], {}, given.node))
                return owner
            case Method(owner=Module() | Instance() as owner, name=name) if name in _VISITS:
                every = {way: each for each, way in self._modules_of(owner).items()}
                inside = _children(owner) if "children" in name else _of_modules(every)
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
                return self._differ(owner, f"is changed by {name} (line {given.line}), which is left out")
            case Method(owner=Instance() as owner, name="__call__") if (own := self.computing(owner)) is not None:
                return self.invoke(own, given)
            case Method(owner=Module() as owner, name="register_parameter"):
                return self.set_attribute(owner, given.get("name", 0), given.get("param", 1), given.node)
            case Method(owner=Module(items=dict()) as owner, name=name) if name in _CHANGE:
                return self._change_items(owner, name, given)
            case Method(owner=Unknown() | Call() as owner, name=name) if isinstance(owner, Unknown) or name == "add":
                for each in modules_in(owner) if name in _CHANGE else ():
                    if isinstance(each, Module) and each.items is not None:
                        each.items[str(len(each.items))] = self._lent.get(each, owner)
                return SIZE if owner is SIZE else left_open(given.node)
            case Instance() if (own := self.computing(called)) is not None:
                if tensors and tensors[0].step.kind == "input" and tensors[0].step.sizes:
                    self.built.setdefault(called, tensors[0].step.sizes)
                return self.invoke(own, given)
        if not tensors:
            return super().apply(called, given)
        return self.called(called, tensors, given.line)

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return a new object of a class, or the framework's layer that it derives from if it computes nothing else."""
        instance = super().instantiate(cls, given)
        keras = "keras" in [self.framework(base.path) for base in cls.named]
        if keras and (build := instance.method("build")) is not None:
            self.invoke(build, Given([SIZE], {}, given.node))
        start = instance.values.pop("__init__", given)
        instance.values |= (start.as_dict or {}) if instance.is_dict else {}
        own = self.computing(instance) is not None or any(isinstance(each, Module) for each in instance.values.values())
        for base in cls.named:
            framework = self.framework(base.path)
            if framework is not None and class_of(framework, base.name) is not None:
                module = self.fresh(Module(base.path, start, None, framework, self.function, presumed=self.presuming))
                self.modules.append(module)
                if own:
                    instance.values[""] = module
                    break
                self.instances.remove(instance)
                return module
        return instance

    def computes(self, instance: Instance) -> bool:
        """Return whether an object's class is derived from a framework's module; an unknown base class may be one."""
        bases = () if instance.cls is None else instance.cls.named
        own = any(self.framework(base.path) is not None for base in bases)
        return own or (super().computes(instance) and self.computing(instance) is not None)

    def computing(self, instance: Instance) -> Function | None:
        """Return the method of an object that computes its output from data, if it has one."""
        own = instance.values.get("forward", instance.values.get("call"))  # set on the object itself
        return own if isinstance(own, Function) else instance.method("forward") or instance.method("call")

    def invoke(self, function: Function, given: Given) -> Value:
        """Return a function's result; a module's framework does not count what it calls and has not registered."""
        begun, owner = len(self.steps), function.owner
        value = super().invoke(function, given)
        if isinstance(owner, Instance) and function.name in ("forward", "call") and self.computes(owner):
            said = f"is not registered in {kind_of(owner)}, which so has fewer parameters than are counted here"
            own = self._modules_of(owner)
            for step in self.steps[begun:]:
                if step.has_weights and step.module not in own:
                    step.note(Note(said, "counted twice"))
        return value

    def _modules_of(self, owner: Instance | Module) -> dict[Value, str]:
        """Return a module and those registered in it, each with its path: PyTorch registers none of a plain list."""
        bases = owner.cls.named if isinstance(owner, Instance) and owner.cls is not None else ()
        keras = any(self.framework(base.path) == "keras" for base in bases)

        def enters(value: Value) -> bool:
            if isinstance(value, Instance):
                return value.cls is not None and bool({base.name for base in value.cls.named} - NO_BASES)
            return keras or type(value) not in (list, dict)

        found = held_in(owner, enters)
        ends = [end for each in found if isinstance(each, Module) for end in each.outputs]
        return {step.module: step.kind for step in reached(ends)} | found

    def _differ(self, owner: Instance | Module, text: str, effect: Effect = "left out") -> None:
        """Record a note on all modules of an owner."""
        for each in held_in(owner):
            if isinstance(each, Module):
                each.notes += (Note(text, effect),)

    def _named_call(self, called: Named, tensors: list[TracedTensor], given: Given) -> Value:
        """Return the result of calling a name: a module, a container, data, or the output of a tensor function."""
        framework, name = self.framework(called.path), called.name
        first = given.get("layers" if framework == "keras" else "modules", 0)
        if framework == "torch" and name in ("ModuleList", "ModuleDict"):
            if isinstance(first, dict) or (name == "ModuleDict" and not given.all):
                return self.fresh(ModuleDict(first or {}))
            items = self.items(first) if given.all else []
            return self.fresh(ModuleList([open_in(first) or left_open(given.node)] if items is None else items))
        if name in _COPIES and given.positional:
            return self._copied(given.positional[0])
        functional = name in ("Model", "Functional")
        inputs, outputs = (
            self.tensors(given.get(f"{each}s", place, given.get(each))) * functional for place, each in enumerate(_ENDS)
        )
        if name in DATA and called.path[0] in ("torch", "F") and not tensors:
            return self.data(name, given)
        if called.path[:3] == ("torch", "nn", "utils") and isinstance(first := given.get("module", 0), Module):
            first.notes += (Note(f"is changed by {name}, which is left out", "left out"),)
            return first
        loss = name.endswith("Loss") and not name.endswith("SoftmaxWithLoss")  # which has weights
        made = name[:1].isupper() and not loss and not _NO_LAYERS & set(called.path[:-1])
        made = made or name == "from_pretrained"
        steps = reached(outputs)
        begun = any(step.kind == "input" or recurs(step.module) for step in steps)
        if framework == "keras" and functional and given.all and not begun:
            note = Note("the source does not say what it reads or computes", "left out")
            outputs.append(TracedTensor(self.add(TracedStep("unknown", given.line, [], notes=(note,)))))
        if name == "isinstance" and given.positional and isinstance(of := given.positional[0], Module):
            asked = {each.name for each in given.all[1:] if isinstance(each, Named)}
            return of.name in asked if asked <= CLASSES["torch"].keys() and asked else Call(called.path, given)
        if framework is None and name in RECURRENT:
            self.foreign.setdefault(name, called)
        if framework is None or not made or (functional and not outputs):
            for each in given.all if called.path[0] in self.imported - FRAMEWORK_PACKAGES else ():
                if isinstance(each, list) and any(isinstance(one, Module) for one in each):
                    spoil(self, each, Unknown(left_open(given.node).why))
            if tensors:
                return computed(self, name, given, tensors, plain=called.path[0] in _PLAIN)
            if called.name not in _BUILTINS | _LOOKING:
                lent = [each for each in given.all if isinstance(each, Module)]
                self._lent |= dict.fromkeys(lent, Unknown(left_open(given.node).why))
            if called.path == ("exec",):
                self.unfollowed.append(f"what exec runs (line {given.line}) is not known")
            if called.path == ("tensorflow", "Variable"):
                return self.fresh(Module(("Weight",), given, None, "keras", self.function))
            return SIZE if SIZE in given.all else Call(called.path, given)
        module = Module(called.path, given, None, framework, self.function, inputs=inputs, outputs=outputs)
        module = self.fresh(replace(module, presumed=self.presuming))
        if framework == "keras" and name == "Input":
            return self.follow_module(module, None, given)
        self.modules.append(module)
        if framework == "keras" and name != "Sequential":
            every = [one for each in given.all for one in (each if isinstance(each, list) else [each])]
            self.wrapped |= {each for each in every if isinstance(each, Module)}
        if name == "Sequential":
            module.items = {}
            values: list[Value] = given.positional
            if framework == "keras" or (len(values) == 1 and isinstance(first, list | dict)):
                values = [] if first is None else first if isinstance(first, list) else [first]
            for number, each in enumerate([*values, *([] if given.unknown is None else [given.unknown])]):
                for key, value in each.items() if isinstance(each, dict) else [(str(number), each)]:
                    self._add(module, key, value)
        return module

    def _copied(self, value: Value) -> Value:
        """Return a copy of modules, with separate weights."""
        self.step()
        made: Value
        match value:
            case Module():
                items = None if value.items is None else self._copied(value.items)
                made = replace(value, items=items, variables=[], inner=False)
                template = not value.variables or (value.function and value.items is None)
                value.inner |= value.framework == "torch" and bool(template)  # made only to be copied
                self.modules.append(made)
            case Instance():
                made = replace(value, values=self._copied(value.values), variables=[])
                self.instances.append(made)
            case dict():
                made = type(value)((key, self._copied(each)) for key, each in value.items())
            case list():
                made = type(value)(self._copied(each) for each in value)
            case _:
                return value
        return self.fresh(made)

    def _add(self, module: Module, name: str, value: Value) -> None:
        """Add a layer to a container."""
        assert module.items is not None
        if isinstance(value, TracedTensor):  # Input((50, 8)) in a list
            value = value.step.module
        if isinstance(value, Module):
            value.inner = True
        self.put(module, module.items, name if name not in module.items else f"{name}_{len(module.items)}", value)

    def _change_items(self, owner: Module, name: str, given: Given) -> Value:
        """Change a container as one of its methods does; an unknown change adds an unknown layer."""
        owner.outputs, items, place = [], owner.items or {}, given.get("key", 0, -1)
        if name == "add_module":
            self._add(owner, str(given.get("name", 0)), given.get("module", 1))
        elif name in _ADD:
            if owner in self._lent:  # a function from elsewhere that is given an unfinished model may add layers
                self._add(owner, str(len(items)), self._lent.pop(owner))
            self._add(owner, str(len(items)), given.get("layer", 0))
        elif name == "pop" and type(place) is int and -len(items) <= place < len(items) and not self.doubted(owner):
            return items.pop([*items][place])
        elif name == "build":
            shape = given.get("input_shape", 0)
            input_ = Module(("Input",), Given([], {"batch_shape": shape}, given.node))
            owner.items = {"input": input_, **items} if isinstance(shape, list) else items
        else:
            self.put(owner, items, str(len(items)), Unknown(left_open(given.node).why))
        return owner if owner.framework == "torch" else None

    # Attributes, items, targets

    def attribute(self, owner: Value, name: str, node: ast.AST, *, called: bool = False) -> Value:
        """Return an attribute of a module, a tensor, or an object of a framework's class."""
        match owner:
            case Instance(values=values) if name == "training" and name not in values:
                return False
            case Module() | Instance() if name == "_modules":
                return _children(owner)
            case Instance(values={"": Module() as base} as values, cls=Class() as own) if not called:
                if name not in values and own.get(name) is MISSING:
                    return self.attribute(base, name, node)
            case Unknown() if owner is SIZE:
                return SIZE
            case TracedTensor() if not called:
                return owner.shape if name == "shape" else SIZE if name in ("device", "dtype", "indices") else owner
            case Module(framework="keras") if name.rstrip("s") in _ENDS and (ends := self._ends(owner, name)):
                return ends if name.endswith("s") or len(ends) != 1 else ends[0]
            case Module(framework="keras") if name == "layers":
                return self._layers(owner)
            case Module(given=given) if not called:
                flat = re.sub(r"^Conv[23]d$", "Conv1d", owner.name)  # which has the same arguments
                cls = class_of(owner.framework, flat)
                places = cls.takes if cls is not None else ()
                usual = _USUAL if {"in_channels", "input_size"} & {*places} and name in places else {}
                value = given.get(name, places.index(name) if name in places else -1, usual.get(name, MISSING))
                if "in_channels" in places and name in _OF_AXES and type(value) is int:
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
        held = isinstance(value, Module) and value.items is not None
        return list(value.items.values()) if held else super().items(value)

    def truth(self, value: Value) -> bool | None:
        """Return whether a value counts as true, as layers and classes of a framework do."""
        if isinstance(value, Named) and value.name[:1].isupper() and self.framework(value.path) is not None:
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
            made = owner if owner is SIZE else super().item(owner, index, scope, node)
            alike = isinstance(owner, list) and 1 < len(owner) == owner.count(owner[0])
            if alike and isinstance(owner[0], TracedTensor) and owner[0].step.timed:  # the outputs of a loop
                if isinstance(made, list):
                    return [self.operation("slice", owner, node.lineno)]
                return made if self.value(index, scope) == -1 else self.operation("index", owner, node.lineno)
            return made
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        dots = [isinstance(each, ast.Constant) and each.value is ... for each in parts]
        keys: dict[int, Value] = {}
        slices: dict[int, list[Value]] = {}
        for place, each in enumerate(parts):
            axis = place - len(parts) if any(dots[:place]) else place
            if isinstance(each, ast.Slice):
                slices[axis] = [end and self.value(end, scope) for end in (each.lower, each.upper, each.step)]
            elif (key := self._place(each, scope)) not in (None, ...):
                keys[axis] = key
        slices = {axis: ends for axis, ends in slices.items() if ends != [None] * 3}
        if owner.states and [*keys, *slices] == [0]:
            taken = self.item([*owner.states], parts[0], scope, node)
            if isinstance(taken, TracedTensor):
                return taken
            if isinstance(taken, list) and taken:
                return replace(owner, step=taken[-1].step, states=tuple(taken))
        return picked(self, owner, keys, slices, node)

    def _place(self, index: ast.expr, scope: Scope) -> Value:
        """Return an index; the last timestep written by its number, `x.size(1) - 1`, is -1."""
        place = self.value(index, scope)
        match index:
            case ast.BinOp(op=ast.Sub(), right=ast.Constant(value=1)) if place is SIZE and not self.in_time:
                return -1
        return place

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return the value for each target of an assignment to several."""
        if isinstance(value, TracedTensor) and len(value.states) == len(targets):
            return [*value.states]
        if value is SIZE or (isinstance(value, TracedTensor) and (value.step.kind == "input" or value.part)):
            return [value] * len(targets)
        if isinstance(value, TracedTensor) and value.step.kind == "max" and len(targets) == 2:
            return [value, Unknown("it depends on the data")]
        if isinstance(value, TracedTensor):
            return [self.operation("unpack", [value], value.step.line)] * len(targets)
        return super().unpacked(value, targets)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Assign a value to a target; record names of modules, tied weights, and what is stored in a tensor."""
        match target:
            case ast.Name(id=name) | ast.Attribute(attr=name) if isinstance(value, Module | Unknown):
                for each in value.values if isinstance(value, Unknown) else (value,):
                    if isinstance(each, Module):
                        each.variables.append(name)
            case ast.Subscript(value=ast.Name() | ast.Attribute() as owner, slice=index):
                held = self.value(owner, scope)
                if isinstance(held, Module) and held.items is not None:
                    key, keys = self.value(index, scope), [*held.items]
                    known = type(key) is int and -len(keys) <= key < len(keys)
                    self.put(held, held.items, keys[key] if known else str(len(keys)), value)
                    return
                if isinstance(held, TracedTensor):
                    put = self.tensors(value)
                    into = held.step.is_data or (put and held.step is put[0].step)
                    if put and into and self.value(index, scope) is SIZE:  # at each timestep
                        value = TracedTensor(put[0].step, "sequence")
                    else:
                        value = self.operation("assignment", [held, *put], target.lineno)
                    target = owner
        super().assign(target, value, scope)

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        """Set an attribute: an argument of a layer that is made already, or weights that it shares with another one."""
        where = f"(line {getattr(node, 'lineno', 0)})"
        if isinstance(owner, Named) and self.framework(owner.path) is not None:
            self.unfollowed.append(f"what follows from setting {source_of(node)} {where} is not known")
        if name in ("forward", "call") and isinstance(owner, Instance | Module) and not isinstance(value, Function):
            return self._differ(owner, f"is called otherwise: its {name} is set {where}")
        if name == "data" and isinstance(owner, Call) and isinstance(owner.of, Module):  # of a weight
            own = isinstance(value, Unknown) and source_of(node) in [each.name for each in value.names]
            owner, name = owner.of, "" if own or (isinstance(value, Call) and "init" in value.path) else owner.name
        if not isinstance(owner, Module):
            return super().set_attribute(owner, name, value, node)
        if isinstance(value, Call) and value.of is owner:  # its own weights
            return None
        cls = class_of(owner.framework, owner.name)
        bare = (name, value) == ("bias", None) and not recurs(owner)
        if isinstance(value, Call) and isinstance(value.of, Module):
            said = [*value.of.variables, value.of.name][0]
            self._differ(owner, f"shares the weights of {said}, which are counted twice", "counted twice")
        elif _WEIGHT.match(name) and not bare:
            text = f"has the sizes that it is made with: its {name} is set later {where}"
            self._differ(owner, text, "assumed size" if value is None else "assumed")  # other weights have these sizes
        elif isinstance(value, Module | Instance | Function):
            self._differ(owner, f"has its {name} set {where}, which is left out")
        known = bare or name in _SET_LATER
        if cls is None or name not in {*cls.takes} - cls.inert or not (known or owner.framework == "keras"):
            return None
        named = dict(zip(cls.takes, owner.given.positional, strict=False)) | owner.given.named
        if not known:  # what it does to weights
            value = Unknown(f"it is set after the layer is made {where}")
        self.put(owner, named, name, False if bare else value)
        owner.given = replace(owner.given, positional=[], named=named)
        return None

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return the result of an operator on tensors, or on values that are not known."""
        tensors = self.tensors([each for each in values if not isinstance(each, list)])
        if tensors and isinstance(node, ast.BinOp | ast.AugAssign | ast.UnaryOp) and not isinstance(node.op, ast.Not):
            return self.operation(type(node.op).__name__.lower(), tensors, node.lineno)
        return SIZE if tensors or SIZE in values else super().combined(values, node)

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
        made.step.names = tuple(each for each in why.names if "(" not in each.name)  # not `random() < 0.5`
        made.step.note(Note(why.why, "left out"))
        return made


def _of_modules(held: Mapping[Value, Value]) -> ModuleDict:
    """Return the modules among some values."""
    kinds = Module | Instance | ModuleList | ModuleDict
    return ModuleDict((way, each) for way, each in held.items() if isinstance(each, kinds))


def _children(owner: Instance | Module) -> ModuleDict:
    """Return the modules that are set on a module, or given to it, by name."""
    return _of_modules(owner.values if isinstance(owner, Instance) else owner.items or {})
