"""The networks of a Python source as graphs: what its calls of modules, and of functions of tensors, compute."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from rnncli.formats.faults import Settings
from rnncli.formats.frameworks import CLASSES, DIFFERS, ArgumentFaultError, Made, bound, built, class_of
from rnncli.formats.keras.config import CONVOLUTIONS, KEEP_FEATURES, OTHER_CLASSES
from rnncli.formats.nodes import Note, Pass, loops, names, returned
from rnncli.formats.python.arguments import as_taken
from rnncli.formats.python.functions import DATA, LIKE, LOG_SOFTMAX, computed
from rnncli.formats.python.objects import (
    MISSING,
    Call,
    Class,
    Function,
    Given,
    Instance,
    Method,
    Named,
    Open,
    Scope,
    Unknown,
    Value,
    left_open,
    open_in,
)
from rnncli.formats.python.steps import SIZE, Edge, Module, Recorder, Step, Tensor, reached, tensors_in
from rnncli.layers import Layer
from rnncli.layers.weights import Framework

_ENDS = ("inputs", "outputs")
_INPUTS = ("Input", "InputLayer")
_SAME_MODULE = names("to cuda cpu float double half eval train apply requires_grad_")
_COPIES = names("deepcopy clone_model")
_PLAIN = names("torch F tf np numpy keras K")
"""Modules of which a function that is given data alone makes other data."""

_SLIDING = names("Conv1d MaxPool1d AvgPool1d")
"""PyTorch's modules that read and return (samples, features, timesteps)."""

_ADD = names("add append add_module")
_CHANGE = _ADD | names("pop insert extend build")

BOTH_LAST = Note(
    "takes the outputs of both directions at the last timestep; here the one that reads backwards returns its last",
    "differs",
)


class UnknownModuleError(Exception):
    """A module cannot be understood; `names` are what leaves it open."""

    def __init__(self, text: str, names: tuple[Open, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


class Graphs(Recorder):
    """Follows a file, and records what its calls on tensors compute.

    Attributes:
        modules: what is made of the frameworks' classes.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.modules: list[Module] = []

    def framework(self, path: tuple[str, ...]) -> Framework | None:
        """Return the framework that a name is from, by its path."""
        if len(path) == 1:
            starred = [self.framework((*star, path[0])) for star in self.stars]
            known: Framework | None = "keras" if path[0] in CLASSES["keras"] or path[0] in OTHER_CLASSES else None
            return next((each for each in reversed(starred) if each is not None), known)
        if path[0] == "nn" or path[:2] == ("torch", "nn"):
            return "torch"
        return "keras" if {"keras", "tf_keras"} & set(path[:-1]) or path[0] in ("layers", "models") else None

    # Calls

    def call(self, called: Value, given: Given) -> Value:
        """Return what a call of a value makes; of one that is not known, what reads its tensors."""
        if isinstance(called, Unknown) and [*tensors_in(given.all)]:
            return self.apply(called, given)
        return super().call(called, given)

    def apply(self, called: Value, given: Given) -> Value:
        """Return what a call of a name, of a module, or of a method of a module or a tensor makes."""
        tensors = [*tensors_in(given.all)]
        match called:
            case Named():
                return self._named_call(called, tensors, given)
            case Module() if tensors or called.framework == "keras":
                return self.follow_module(called, given.get("inputs", 0), given)
            case Method(owner=Module() | Instance() as owner, name=name) if name in _SAME_MODULE:
                return owner
            case Method(owner=Tensor() as owner, name=name):
                given = Given([owner, *given.positional], given.named, given.node)
                return computed(self, name, given, [*tensors_in(given.all)])
            case Method(owner=Instance() as owner, name="__init__"):
                owner.values["__init__"] = given
                return None
            case Method(name=name) if name in LIKE:
                return self.data()
            case Method(owner=Module(items=dict()) as owner, name=name) if name in _CHANGE:
                return self._change_items(owner, name, given)
            case Method(owner=Unknown(values=values) as owner, name=name):
                for each in values if name in _CHANGE else ():
                    if isinstance(each, Module) and each.items is not None:
                        each.items[str(len(each.items))] = owner
                return SIZE if owner is SIZE else left_open(given.node)
            case Instance() if (own := self.computing(called)) is not None:
                return self.invoke(own, given)
        if not tensors:
            return super().apply(called, given)
        made = self.operation(_kind_of(called), tensors, given.line, plain=False)
        made.step.names = self._names_of(called)
        return made

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return the object of a class; of one that computes what a framework's layer does, that layer."""
        instance = super().instantiate(cls, given)
        start = instance.values.pop("__init__", given)
        own = self.computing(instance) is not None or any(isinstance(each, Module) for each in instance.values.values())
        for base in [each for one in cls.line() for each in one.bases if isinstance(each, Named) and not own]:
            framework = self.framework(base.path)
            if framework is not None and class_of(framework, base.name) is not None:
                self.instances.remove(instance)
                module = self.fresh(Module(base.path, start, None, framework, self.function))
                self.modules.append(module)
                return module
        return instance

    def computing(self, instance: Instance) -> Function | None:
        """Return the method of an object that computes what it returns of data, if it has one."""
        found = (instance.cls.get(name) for name in ("forward", "call") if instance.cls is not None)
        return next((replace(each, owner=instance) for each in found if isinstance(each, Function)), None)

    def _named_call(self, called: Named, tensors: list[Tensor], given: Given) -> Value:
        """Return what a call makes: a module, a container, data, or the output of a function of tensors."""
        framework, name = self.framework(called.path), called.name
        first = given.get("layers" if framework == "keras" else "modules", 0)
        if framework == "torch" and name in ("ModuleList", "ModuleDict"):
            if isinstance(first, dict):
                return self.fresh(dict(first))
            return self.fresh(list(self.items(first) or [open_in(first) or left_open(given.node)]) if given.all else [])
        if name in _COPIES and given.positional:
            return self._copied(given.positional[0])
        functional = name in ("Model", "Functional")
        inputs, outputs = ([*tensors_in(given.get(each, place))] * functional for place, each in enumerate(_ENDS))
        if name in DATA and called.path[0] in ("torch", "F") and not tensors:
            return self.data()
        made = (name[:1].isupper() and not name.endswith("Loss")) or name == "from_pretrained"
        if framework is None or not made or (functional and not outputs):
            if tensors:
                return computed(self, name, given, tensors, plain=called.path[0] in _PLAIN)
            return SIZE if SIZE in given.all else Call(called.path, given)
        module = self.fresh(Module(called.path, given, None, framework, self.function, [], None, inputs, outputs))
        if framework == "keras" and name == "Input":
            return self.follow_module(module, None, given)
        self.modules.append(module)
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
        """Return a copy of modules, with weights of its own."""
        made: Value
        match value:
            case Module():
                items = None if value.items is None else self._copied(value.items)
                made = replace(value, items=items, variables=[], inner=False)
                value.inner |= value.framework == "torch" and not value.variables  # a pattern of others
                self.modules.append(made)
            case Instance():
                made = replace(value, values=self._copied(value.values), variables=[])
                self.instances.append(made)
            case dict():
                made = {key: self._copied(each) for key, each in value.items()}
            case list():
                made = [self._copied(each) for each in value]
            case _:
                return value
        return self.fresh(made)

    def _add(self, module: Module, name: str, value: Value) -> None:
        """Add a layer to a container."""
        assert module.items is not None
        if isinstance(value, Tensor):  # Input((50, 8)) in a list
            value = value.step.module
        if isinstance(value, Module):
            value.inner = True
        self.put(module, module.items, name if name not in module.items else f"{name}_{len(module.items)}", value)

    def _change_items(self, owner: Module, name: str, given: Given) -> Value:
        """Change a container as a method of it does; what is not known of that is a layer that is not known."""
        items = owner.items or {}
        if name == "add_module":
            self._add(owner, str(given.get("name", 0)), given.get("module", 1))
        elif name in _ADD:
            self._add(owner, str(len(items)), given.get("layer", 0))
        elif name == "build":
            shape = given.get("input_shape", 0)
            input_ = Module(("Input",), Given([], {"batch_shape": shape}, given.node))
            owner.items = {"input": input_, **items} if isinstance(shape, list) else items
        else:
            self.put(owner, items, str(len(items)), Unknown(left_open(given.node).why))
        return owner if owner.framework == "torch" else None

    # Attributes, items, targets

    def attribute(self, owner: Value, name: str, node: ast.AST, *, called: bool = False) -> Value:
        """Return an attribute of a module, of a tensor, or of an object of a framework's class."""
        match owner:
            case Instance(values=values) if name == "training" and name not in values:
                return False
            case Unknown() if owner is SIZE:
                return SIZE
            case Tensor() if not called:
                return SIZE if name in ("shape", "device", "dtype") else owner
            case Module(outputs=[_, *_]) if name in ("input", "output", "inputs", "outputs"):
                tensors = owner.outputs if name.startswith("output") else owner.inputs
                return list(tensors) if name.endswith("s") or len(tensors) != 1 else tensors[0]
            case Module(items=dict(items)) if name == "layers":
                return list(items.values())
            case Module(given=given) if not called:
                cls = class_of(owner.framework, owner.name)
                places = cls.takes if cls is not None else ()
                value = given.get(name, places.index(name) if name in places else -1, MISSING)
                return Call((name,), given, owner) if value is MISSING else value
        return super().attribute(owner, name, node, called=called)

    def items(self, value: Value) -> list[Value] | None:
        """Return what a loop over a value takes: of a container its modules."""
        held = isinstance(value, Module) and value.items is not None
        return list(value.items.values()) if held else super().items(value)

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.AST) -> Value:
        """Return an item of a container, or of a tensor."""
        if isinstance(owner, Module) and owner.items is not None:
            key, values = self.value(index, scope), list(owner.items.values())
            return values[key] if type(key) is int and -len(values) <= key < len(values) else left_open(node)
        if not isinstance(owner, Tensor):
            return owner if owner is SIZE else super().item(owner, index, scope, node)
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        whole = [isinstance(each, ast.Slice) and each.lower is each.upper is each.step is None for each in parts]
        keys = [None if isinstance(each, ast.Slice) else self.value(each, scope) for each in parts]
        places = [place for place, key in enumerate(keys) if not whole[place] and key not in (None, ...)]
        sliced = any(isinstance(each, ast.Slice) and not every for each, every in zip(parts, whole, strict=True))
        if ... in keys:  # what stands behind it are the last axes
            places = [place if place < keys.index(...) else place + 3 - len(keys) for place in places]
        key = next((each for each in keys if each not in (None, ...)), None)
        if owner.step.kind == "max" and places == [0] and key == 0:
            return owner  # the values, beside which stand the places
        if owner.states and places == [0] and type(key) is int and -len(owner.states) <= key < len(owner.states):
            return owner.states[key]
        if (not places and not sliced) or owner.part or key is SIZE or (owner.step.kind == "input" and not sliced):
            return owner  # of a sequence, a timestep
        if len(places) == 1 and key == -1 and not sliced and not owner.step.is_keras and owner.is_time(places[0]):
            if getattr(owner.step.word, "merge_mode", None) is not None:
                owner.step.note(BOTH_LAST)
            return Tensor(owner.step, "vector")
        return self.operation("slice", [owner], getattr(node, "lineno", 0))

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return what an assignment to several targets gives each of them."""
        if isinstance(value, Tensor) and len(value.states) == len(targets):
            return [*value.states]
        if value is SIZE or (isinstance(value, Tensor) and (value.step.kind == "input" or value.part)):
            return [value] * len(targets)
        if isinstance(value, Tensor) and value.step.kind == "max" and len(targets) == 2:
            return [value, Unknown("it is a place in the data")]
        if isinstance(value, Tensor):
            return [self.operation("unpack", [value], value.step.line)] * len(targets)
        return super().unpacked(value, targets)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value; note what a module is called, whose weights it has, what is put into a tensor."""
        match target:
            case ast.Name(id=name) | ast.Attribute(attr=name) if isinstance(value, Module | Unknown):
                for each in value.values if isinstance(value, Unknown) else (value,):
                    if isinstance(each, Module):
                        each.variables.append(name)
            case ast.Attribute(value=owner, attr="weight") if isinstance(value, Call) and isinstance(value.of, Module):
                held = self.value(owner, scope)
                if isinstance(held, Module):
                    said = value.of.variables[0] if value.of.variables else value.of.name
                    held.notes += (Note(f"has the weights of {said}, which are counted twice", "counted twice"),)
                return
            case ast.Subscript(value=ast.Name() | ast.Attribute() as owner, slice=index):
                held = self.value(owner, scope)
                if isinstance(held, Module) and held.items is not None:
                    key, keys = self.value(index, scope), [*held.items]
                    known = type(key) is int and -len(keys) <= key < len(keys)
                    self.put(held, held.items, keys[key] if known else str(len(keys)), value)
                    return
                if isinstance(held, Tensor):
                    put = [*tensors_in(value)]
                    into = held.step.is_data or (put and held.step is put[0].step)
                    if put and into and self.value(index, scope) is SIZE:  # at each timestep
                        value = Tensor(put[0].step, "sequence")
                    else:
                        value = self.operation("assignment", [held, *put], target.lineno)
                    target = owner
        super().assign(target, value, scope)

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return what an operator makes of tensors, or of what is not known."""
        tensors = [*tensors_in(values)]
        if tensors and isinstance(node, ast.BinOp | ast.AugAssign):
            return self.operation(type(node.op).__name__.lower(), tensors, node.lineno)
        return SIZE if tensors or SIZE in values else super().combined(values, node)

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return what a value is that is one of several: what reads all of them, if they are tensors."""
        one = super().one_of(values, why)
        tensors = [*dict.fromkeys(tensors_in(list(values)))]
        if not tensors or not isinstance(one, Unknown):
            return one
        made = self.operation("if", tensors, why.line)
        if not made.step.is_data:
            made.step.note(Note(why.why, "left out"))
        return made

    # Calls of modules

    def follow_module(self, module: Value, data: Value, given: Given, site: int = 0) -> Value:
        """Return what a module returns.

        Args:
            module: the module.
            data: what it reads; None where that is not known.
            given: the call; its other tensors are states.
            site: what tells this call from another, where the module stands in a container.
        """
        self.step()
        tensors = [*tensors_in(data)]
        if isinstance(module, Instance) and tensors:
            return self.apply(module, Given([data], {}, given.node))
        if not isinstance(module, Module):
            why = open_in(module)
            notes = (Note(f"a layer is not known (line {given.line}): {why.why}", "left out"),) if why else ()
            reads = [self.read(each) for each in tensors]
            step = Step(_kind_of(module), given.line, reads, names=self._names_of(module), notes=notes)
            return Tensor(self.add(step))
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is made
                if isinstance(each, Module) and each.name in _INPUTS and tensors:
                    continue
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.follow_module(each, data, Given([], {}, node), site or id(given.node))
            return data
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        states = [*tensors_in([*given.positional[1:], given.get("initial_state"), given.get("hx")])]
        if class_of(module.framework, module.name) is not None and len(tensors) > 1:
            tensors, states = tensors[:1], [*tensors[1:], *states]
        return self.once(
            module, site or id(given.node), tensors, lambda: self._made(module, tensors, states, given.line)
        )

    def _made(self, module: Module, tensors: list[Tensor], states: list[Tensor], line: int) -> Value:
        """Return what a layer returns, and record the step that computes it; those of each level of a stack."""
        kind = "input" if module.name in _INPUTS else module.name
        first, reads = next(iter(tensors), None), [self.read(each) for each in tensors]
        step = Step(kind, line, reads or (None if module.framework == "torch" else []), None, module)
        step.out = _out_of(module, tensors)
        try:
            made = self.made_of(module)
            if first is not None and not _finds_features(module, made[0], first.axes):
                raise UnknownModuleError(f"{kind} (line {line}) reads along another axis than that of the features")
        except UnknownModuleError as fault:
            step.names = fault.names
            if kind == "LogSoftmax" or (kind == "Flatten" and first is not None and first.returns == "vector"):
                step.word, step.notes = Pass(), (LOG_SOFTMAX,) * (kind == "LogSoftmax")
            elif str(fault):
                step.notes = (Note(str(fault), "left out"),)
            return Tensor(self.add(step), None if first is None else first.returns)
        features = first.step.out if first is not None else None
        starts = [Edge(each.step, "vector" if each.part or each.states else None) for each in states]
        starts = [edge for edge in starts if edge.step.kind != "input"]
        levels: list[Step] = []
        for number, each in enumerate(made):
            if not number and each.input is not None and not reads:
                reads = [Edge(self.add(Step("input", line, [], each.input, out=each.input.features)))]
            recurrent = loops(each.word)
            level = "" if len(made) == 1 else f" (layer {len(levels)})" if recurrent else f" (dropout {number})"
            edges = [*reads, *(starts if recurrent else [])] or step.reads
            step = Step(kind if recurrent or not level else "Dropout", line, edges, each.word, module, level, each)
            step.out = returned(each.word, features or each.features) if isinstance(each.word, Layer) else features
            step.notes = (*(note for note in each.notes if note.text != DIFFERS["return_state"]), *module.notes)
            step = self.add(step)
            levels += [step] if recurrent else []
            features, reads = step.out, [Edge(step)]
        if levels and (module.framework == "torch" or _arguments_of(module).get("return_state")):
            batch_first = _arguments_of(module).get("batch_first", False)
            axes = "btf" if batch_first is True else "tbf" if batch_first is False and not step.is_keras else ""
            if first is not None and {first.axes[:2], axes[:2]} == {"bt", "tb"}:
                levels[0].note(Note("loops over samples, for it has not the batch_first of what it reads", "differs"))
            return _outputs(levels, axes, cell=module.name.endswith("Cell"))
        if first is None or levels:
            return Tensor(step)
        if module.name in _SLIDING:
            return Tensor(step, "sequence", axes="bft")
        return Tensor(step, first.returns, axes="??f" if module.name == "Embedding" else first.axes)

    def _replayed(self, model: Module, tensors: list[Tensor]) -> Tensor:
        """Return what a functional model returns of other data than that with which it was made."""
        made = {each.step: self.read(tensor) for each, tensor in zip(model.inputs, tensors, strict=False)}
        for step in reached(model.outputs):
            if step not in made:
                reads = [
                    made[edge.step]._replace(returns=edge.returns) for edge in step.reads or () if edge.step in made
                ]
                made[step] = Edge(self.add(replace(step, reads=reads)))
        return Tensor(made[model.outputs[0].step].step)

    def _names_of(self, value: Value) -> tuple[Open, ...]:
        """Return what leaves it open which module a value is, and what leaves each of these open."""
        found = list(value.names) if isinstance(value, Unknown) else []
        for each in value.values if isinstance(value, Unknown) else ():
            try:
                self.made_of(each)
            except UnknownModuleError as fault:
                found += fault.names
        return tuple(dict.fromkeys(found))

    def made_of(self, module: Value) -> Value:
        """Return what a module is in the language, as a list of `Made`; any other value as it is.

        Raises:
            UnknownModuleError: it is nothing, an argument is wrong, or is not known.
        """
        if not isinstance(module, Module):
            return module
        cls = class_of(module.framework, module.name)
        if cls is None:
            raise UnknownModuleError("")
        what = f"{module.name} (line {module.line})"
        unknown = module.given.unknown
        if unknown is not None:
            raise UnknownModuleError(f"the arguments of {what} are not known: {unknown.why}", unknown.names)
        values: dict[str, Value] = {}
        try:
            for name, value in _arguments_of(module).items():
                if name in cls.inert:
                    continue
                taken = as_taken(name, value, self.made_of)
                alone = name.endswith("shape") and isinstance(taken, list) and len(taken) == 1
                if name in ("padding_idx", "input_length") or alone:  # how many ids a sample has, as a rule
                    taken = {"padding_idx": 1, "input_length": None}.get(name, [None]) if open_in(taken) else taken
                values[name] = taken
            causes = [(name, cause) for name, each in values.items() if (cause := open_in(each)) is not None]
            if causes:
                opened = tuple(dict.fromkeys(each for _, cause in causes for each in cause.names))
                raise UnknownModuleError(f"{causes[0][0]} of {what} is not known: {causes[0][1].why}", opened)
            return built(module.framework, module.name, [], values)
        except ArgumentFaultError as fault:
            node = module.given.written(fault.argument, cls.takes)
            late = values.get(fault.argument, 0) is None and isinstance(node, ast.Name | ast.Attribute)
            raise UnknownModuleError(f"{what}: {fault}", left_open(node).names if late else ()) from None


def _finds_features(module: Module, made: Made, axes: str) -> bool:
    """Whether the features are where a module of PyTorch reads them; most read nothing along the last axis."""
    if module.name in _SLIDING | {"BatchNorm1d"}:
        return axes[1:2] in ("", "f")
    return made.features is None or axes[-1:] in ("", "f")


def _arguments_of(module: Module) -> dict[str, Value]:
    cls = class_of(module.framework, module.name)
    return {} if cls is None else bound(cls, module.name, module.given.positional, module.given.named)


def _kind_of(called: Value) -> str:
    """Return what is called, by its class or its name; a class of the file is told apart from a framework's."""
    if not isinstance(called, Instance) or called.cls is None:
        return getattr(called, "name", "") or "unknown"
    return f"{called.cls.name} of the file" if called.cls.name in CLASSES["keras"] else called.cls.name


def _outputs(levels: list[Step], axes: str, *, cell: bool) -> list[Value] | Tensor:
    """Return what a recurrent module returns: its outputs and the states of all its levels, as its framework does."""
    last, word = levels[-1], levels[-1].word
    both, memory = getattr(word, "merge_mode", None) is not None, Tensor(last, part="c")
    lstm = isinstance(word, Layer) and word.torch == "LSTM"
    if cell:
        return [Tensor(last), memory] if lstm else Tensor(last)
    if last.is_keras:
        same = not both and isinstance(word, Layer) and word.returns == "vector"
        h = Tensor(last, "vector") if same else Tensor(last, part="h")
        return [Tensor(last), *([h, memory] if lstm else [h]) * (2 if both else 1)]
    states: list[Tensor] = []
    for level in levels:
        states += [Tensor(level, part=way) for way in ("forward", "backward")] if both else [Tensor(level, "vector")]
    h = Tensor(last, states=tuple(states))
    return [Tensor(last, "sequence", axes=axes), [h, memory] if lstm else h]


def _out_of(module: Module, tensors: list[Tensor]) -> int | None:
    """Return how many features a layer returns that the language has no word for."""
    widths = [each.step.out for each in tensors]
    if module.name == "Concatenate":
        return sum(each or 0 for each in widths) if all(widths) else None
    if module.name in KEEP_FEATURES or module.name in ("LogSoftmax", "Flatten"):
        return next(iter(widths), None)
    filters = module.given.get("filters", 0)
    return filters if module.name in CONVOLUTIONS and type(filters) is int else None
