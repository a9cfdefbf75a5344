"""The networks of a Python source as graphs: each call of a layer or a function on a tensor is a step."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rnncli.formats.frameworks import (
    CLASSES,
    DIFFERS,
    ArgumentFaultError,
    Made,
    WrongArgumentError,
    bound,
    built,
    class_of,
)
from rnncli.formats.keras.config import CONVOLUTIONS, KEEP_FEATURES, OTHER_CLASSES
from rnncli.formats.nodes import Note, Pass, Returned, Word, loops, names, returned, takes_vectors
from rnncli.formats.python.objects import (
    MISSING,
    Call,
    Function,
    Given,
    Instance,
    Named,
    Open,
    Scope,
    Unknown,
    Value,
    left_open,
    open_in,
    put,
)
from rnncli.formats.python.program import MAX_LOOP, Program
from rnncli.formats.python.program import Returned as End
from rnncli.layers import Layer, Pool, Repeat
from rnncli.layers.weights import Framework

_SAME_MODULE = names("to cuda cpu float double half eval train apply requires_grad_")
_PASSES = names(
    "contiguous permute transpose squeeze unsqueeze view reshape to cuda cpu t float long int double half type detach "
    "clone requires_grad_ dropout data pack_padded_sequence pad_packed_sequence Variable autograd unbind movedim "
    "swapaxes expand_dims convert_to_tensor cast pad_sequence pack_sequence flatten_parameters identity"
)
"""Functions and methods that hand a tensor on as it is: as far as the language can say, and in inference."""

_ENDS = names("input output inputs outputs")
_SIZES = names("size dim numel item len range int max min shape ndimension")
_LIKE = names("new_zeros new zeros_like ones_like randn_like new_full")
_DATA = _LIKE | names(
    "zeros ones rand randn randint tensor empty full arange LongTensor FloatTensor Tensor from_numpy as_tensor"
)
"""Functions of PyTorch that make a tensor of numbers; those that make one like another."""

_ACTIVATIONS: Mapping[str, str] = {
    name.lower(): name for name in names("ReLU Tanh Sigmoid Hardsigmoid Softmax SiLU ELU SELU GELU Softplus Softsign")
}
"""PyTorch's modules of activations, by the names of the functions and methods that do the same."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(names("mean reduce_mean avg_pool1d adaptive_avg_pool1d"), "avg"),
    **dict.fromkeys(names("max amax reduce_max max_pool1d adaptive_max_pool1d"), "max"),
}
FEEDBACK = Note(
    "reads at a timestep what follows from its output at the one before; here it reads its input", "differs"
)
_STEP = 5
"""How many expressions take as long to follow as a layer."""

_MAX_TIMES = 2
"""How deep in loops over timesteps a second round is followed, to see what it reads of the first."""

LOG_SOFTMAX = Note("log_softmax is not computed: the row ends with the scores that it is given", "differs")
BOTH_LAST = Note(
    "takes the outputs of both directions at the last timestep; here the one that reads backwards returns its last",
    "differs",
)


@dataclass(eq=False)
class Module(Call):
    """A layer, a module or a model of a framework.

    Attributes:
        framework: whose it is.
        function: the function that makes it.
        variables: what it is bound to.
        items: the layers of a container; None of others.
        inputs: what a functional model reads.
        outputs: what a functional model returns.
        notes: what is to be said of it.
        inner: whether it stands in another.
    """

    framework: Framework = "keras"
    function: str = ""
    variables: list[str] = field(default_factory=list)
    items: dict[Value, Value] | None = None
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    notes: tuple[Note, ...] = ()
    inner: bool = False


@dataclass(eq=False)
class Step:
    """What a call on tensors computes.

    Attributes:
        kind: the class or the function.
        line: where the call is written.
        reads: the steps that it reads and which output of them, its data first; None where nothing says so.
        word: what it is in the language.
        module: what is called, if it is a module.
        maybe: the modules of which one is called, where it is not known which.
        level: which layer of a stack it is: ` (layer 1)`; may be empty.
        made: what its class makes.
        out: how many features it returns, where that is known.
        names: what leaves it open.
        lacks: what leaves the features of an input open.
        notes: what is to be said of it.
        time: how many loops over time it stands in.
        function: the function at hand.
    """

    kind: str
    line: int
    reads: list[tuple[Step, Returned | None]] | None
    word: Word | None = None
    module: Module | None = None
    maybe: tuple[Value, ...] = ()
    level: str = ""
    made: Made | None = None
    out: int | None = None
    names: tuple[Open, ...] = ()
    lacks: tuple[Open, ...] = ()
    notes: tuple[Note, ...] = ()
    time: int = 0
    function: str = ""

    @property
    def loops(self) -> bool:
        """Whether it loops over time."""
        return loops(self.word)


@dataclass(frozen=True)
class Tensor:
    """An output of a step.

    Attributes:
        step: the step.
        returns: whether it is a sequence or a vector, where that is known.
        part: which of the outputs of a recurrent layer.
        levels: the layers of a stack.
    """

    step: Step
    returns: Returned | None = None
    part: Literal["out", "both", "states", "h", "c", "forward", "backward"] = "out"
    levels: tuple[Step, ...] = ()


class Round(int):
    """The number of a round of a loop."""


class Size(Unknown):
    """A number that follows from the data: how many samples, or how many timesteps."""


_SIZE = Size("it follows from the data")


@dataclass(frozen=True, eq=False)
class OneOf(Unknown):
    """One of several modules."""

    values: tuple[Value, ...] = ()


class UnknownModuleError(Exception):
    """A module cannot be understood; `names` are what leaves it open."""

    def __init__(self, text: str, names: tuple[Open, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


def tensors_in(value: Value, depth: int = 0) -> Iterator[Tensor]:
    """Yield the tensors in a value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple) and depth < 10:
        for each in value:
            yield from tensors_in(each, depth + 1)
    elif isinstance(value, dict) and depth < 10:
        yield from tensors_in(list(value.values()), depth + 1)


class Graphs(Program):
    """Follows a file, and records what its calls on tensors compute.

    Attributes:
        modules: what is made of the frameworks' classes.
        steps: what is computed.
    """

    def __init__(self, settings: Mapping[str, int | float | str]) -> None:
        super().__init__(settings)
        self.modules: list[Module] = []
        self.steps: list[Step] = []
        self._time = 0
        self._sites: dict[tuple[int, int], dict[tuple[Tensor, ...], Tensor]] = {}
        self._repeats = False

    def recorded(self, action: Callable[[], Value]) -> tuple[list[Step], Value]:
        """Return the steps that something takes, and what it returns."""
        outer, self.steps = self.steps, []
        try:
            value = action()
            return self.steps, value
        finally:
            self.steps = outer

    def data(self) -> Tensor:
        """Return data that is given to a model."""
        return Tensor(self._step(Step("input", 0, [])))

    def framework(self, path: tuple[str, ...]) -> Framework | None:
        """Return the framework that a name is from, by its path."""
        if len(path) == 1:
            starred = [self.framework((*star, path[0])) for star in self.stars]
            found = [each for each in starred if each is not None]
            if found:
                return found[-1]
            return "keras" if path[0] in CLASSES["keras"] or path[0] in OTHER_CLASSES else None
        if path[0] == "nn" or path[:2] == ("torch", "nn"):
            return "torch"
        if {"keras", "tf_keras"} & set(path[:-1]) or path[0] in ("layers", "models"):
            return "keras"
        return None

    # What the frameworks' names make

    def named(self, called: Named, given: Given) -> Value:
        """Return what a call makes: a module, a container, data, or the output of a function of tensors."""
        framework, name = self.framework(called.path), called.name
        first = given.get("layers", 0) if framework == "keras" else given.get("modules", 0)
        match framework, name:
            case "torch", "ModuleList":
                return list(self.items(first) or [open_in(first) or left_open(given.node)]) if given.all else []
            case "torch", "ModuleDict":
                return dict(first) if isinstance(first, dict) else {}
            case _, "Sequential" if framework:
                return self._container(called, given, framework)
            case "keras", "Model" | "Functional" if not [*tensors_in(given.get("outputs", 1))]:
                return left_open(given.node)
            case "keras", "Input":
                return self.apply(Module(called.path, given, None, "keras", self.function), None, given)
        if framework and ((name[:1].isupper() and not name.endswith("Loss")) or name == "from_pretrained"):
            module = Module(called.path, given, None, framework, self.function)
            if name in ("Model", "Functional"):
                module.inputs = [*tensors_in(given.get("inputs", 0))]
                module.outputs = [*tensors_in(given.get("outputs", 1))]
            self.modules.append(module)
            return module
        tensors = [*tensors_in(given.all)]
        if name in _DATA and called.path[0] in ("torch", "F") and not tensors:
            return self.data()
        if tensors:
            return self._function(name, tensors, given)
        if any(isinstance(each, Size) for each in given.all):
            return _SIZE
        return Call(called.path, given)

    def _container(self, called: Named, given: Given, framework: Framework) -> Module:
        module = Module(called.path, given, None, framework, self.function, items={})
        self.modules.append(module)
        values: list[Value] = given.positional
        first = given.get("layers", 0)
        if framework == "keras" or (len(values) == 1 and isinstance(first, list | dict)):
            values = [] if first is None else first if isinstance(first, list) else [first]
        if given.unknown is not None:
            values = [*values, given.unknown]
        for number, each in enumerate(values):
            for name, value in each.items() if isinstance(each, dict) else [(str(number), each)]:
                self._add(module, name, value)
        return module

    def _add(self, module: Module, name: str, value: Value) -> None:
        assert module.items is not None
        if isinstance(value, Module):
            value.inner = True
        if isinstance(value, Tensor):  # Input((50, 8)) in a list
            value = value.step.module
        self.change(module.items, name if name not in module.items else f"{name}_{len(module.items)}", value)

    def items(self, value: Value) -> list[Value] | None:
        """Return what a loop over a value takes: of a container, its modules."""
        held = isinstance(value, Module) and value.items is not None
        return [*value.items.values()] if held else super().items(value)

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a module, of a tensor, or of an object of a framework's class."""
        match owner:
            case Instance() if name == "training":
                return False
            case Module(outputs=[*outputs], inputs=[*inputs]) if outputs and name in _ENDS:
                tensors = outputs if name.startswith("output") else inputs
                return list(tensors) if name.endswith("s") or len(tensors) != 1 else tensors[0]
            case Module(items=dict(items)) if name == "layers":
                return list(items.values())
            case Module(name=kind, framework=framework, given=given):
                cls = class_of(framework, kind)
                places = cls.takes if cls is not None else ()
                value = given.get(name, places.index(name) if name in places else -1, MISSING)
                return Call((name,), given, owner) if value is MISSING else value
            case Tensor():
                return _SIZE if name in ("shape", "device", "dtype") else owner
        return super().attribute(owner, name, node)

    def method(self, owner: Value, name: str, given: Given) -> Value:
        """Return what a method of a module or of a tensor returns."""
        match owner:
            case Module() | Instance() if name in _SAME_MODULE:
                return owner
            case Module(items=dict(items), framework=framework):
                if name in ("add", "append", "add_module"):
                    key = given.get("name", 0) if name == "add_module" else None
                    value = given.get("module", 1) if name == "add_module" else given.get("layer", 0)
                    self._add(owner, key if isinstance(key, str) else str(len(items)), value)
                elif name == "pop" and items:
                    self.change(items, [*items][-1], MISSING)
                elif name == "build" and framework == "keras":
                    self._build(owner, given)
                else:
                    return left_open(given.node)
                return owner if framework == "torch" else None
            case Tensor():
                given = Given([owner, *given.positional], given.named, given.node)
                return self._function(name, [*tensors_in(given.all)], given)
        return super().method(owner, name, given)

    def _build(self, model: Module, given: Given) -> None:
        """Put the shape that a model of Keras is built for in front of its layers, if none of them says it."""
        rest = dict(model.items or {})
        first = next(iter(rest.values()), None)
        if isinstance(first, Module) and first.name != "Embedding" and self._input_of(first) is None:
            shape = Given([], {"batch_shape": given.get("input_shape", 0)}, given.node)
            for key in rest:
                self.change(model.items, key, MISSING)
            for key, value in {"input": Module(("Input",), shape, None, "keras"), **rest}.items():
                self.change(model.items, key, value)

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.AST) -> Value:
        """Return an item of a container, or of a tensor."""
        if isinstance(owner, Module) and owner.items is not None:
            key, values = self.value(index, scope), list(owner.items.values())
            return values[key] if type(key) is int and -len(values) <= key < len(values) else left_open(node)
        if not isinstance(owner, Tensor):
            return super().item(owner, index, scope, node)
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        whole = [isinstance(each, ast.Slice) and each.lower is each.upper is each.step is None for each in parts]
        keys = [None if isinstance(each, ast.Slice) else self.value(each, scope) for each in parts]
        line = getattr(node, "lineno", 0)
        places = [place for place, key in enumerate(keys) if not whole[place] and key not in (None, ...)]
        if owner.step.kind == "input" or not places:
            sliced = any(isinstance(each, ast.Slice) and not every for each, every in zip(parts, whole, strict=True))
            return self._operation("slice", [owner], line) if sliced else owner
        key = keys[places[0]]
        if owner.part in ("c", "forward", "backward"):
            return owner
        if owner.part in ("both", "states", "h") and type(key) is int and places == [0]:
            return self._part(owner, key, line)
        if isinstance(key, Size | Round) or (self._time and isinstance(key, Unknown)):
            return owner  # a timestep
        if places[0] in (0, 1) and len(places) == 1 and key == -1:
            word = owner.step.word
            if loops(word) and word.merge_mode is not None and BOTH_LAST not in owner.step.notes:
                owner.step.notes += (BOTH_LAST,)
            keras = owner.step.module is not None and owner.step.module.framework == "keras"
            return self._operation("slice", [owner], line) if keras else Tensor(owner.step, "vector")
        return self._operation("slice", [owner], line)

    def _part(self, tensor: Tensor, key: int, line: int) -> Value:
        """Return one of the outputs of a recurrent layer."""
        step, levels = tensor.step, tensor.levels
        keras = step.module is not None and step.module.framework == "keras"
        if tensor.part == "both" and keras:
            return Tensor(step, None, "out" if key == 0 else "h" if key == 1 else "c", levels)
        if tensor.part == "both":
            return Tensor(step, "sequence", "out", levels) if key == 0 else Tensor(step, None, "states", levels)
        lstm = isinstance(step.word, Layer) and step.word.torch == "LSTM"
        if tensor.part == "states" and lstm:
            return Tensor(step, None, "h" if key in (0, -2) else "c", levels)
        directions = 1 if getattr(step.word, "merge_mode", None) is None else 2
        place = key % (directions * len(levels)) if -directions * len(levels) <= key < directions * len(levels) else -1
        if place < 0:
            return self._operation("h_n", [Tensor(step)], line)
        level = levels[place // directions]
        if directions == 1:
            return Tensor(level, "vector")
        return Tensor(level, None, "backward" if place % 2 else "forward", levels)

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return what an assignment to several targets gives each of them."""
        if isinstance(value, Size):
            return [value] * len(targets)
        if isinstance(value, Tensor) and value.part in ("both", "states"):
            lstm = isinstance(value.step.word, Layer) and value.step.word.torch == "LSTM"
            if value.part == "both" or lstm:
                return [self._part(value, key, value.step.line) for key in range(len(targets))]
        if isinstance(value, Tensor):
            return [value, *[_SIZE] * (len(targets) - 1)]
        return super().unpacked(value, targets)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target a value; note what a module is called, whose weights it has, what is put into a tensor."""
        match target:
            case ast.Name(id=name) | ast.Attribute(attr=name) if isinstance(value, Module | OneOf):
                for each in value.values if isinstance(value, OneOf) else (value,):
                    if isinstance(each, Module):
                        each.variables.append(name)
            case ast.Attribute(value=owner, attr="weight") if isinstance(value, Call) and isinstance(value.of, Module):
                held = self.value(owner, scope)
                if isinstance(held, Module):
                    said = value.of.variables[0] if value.of.variables else value.of.name
                    held.notes += (Note(f"has the weights of {said}, which are counted twice", "counted twice"),)
                return
            case ast.Subscript(value=ast.Name() | ast.Attribute() as owner):
                held = self.value(owner, scope)
                if isinstance(held, Tensor):
                    put = [*tensors_in(value)]
                    timed = self._time or isinstance(self.value(target.slice, scope), Round)
                    into = Tensor(put[0].step, "sequence") if put and timed and held.step.kind == "input" else None
                    value = into or self._operation("assignment", [held, *put], target.lineno)
                    super().assign(owner, value, scope)
                    return
        super().assign(target, value, scope)

    def derived(self, owner: Unknown, node: ast.AST) -> Value:
        """Return what an attribute, an item or a method is of what is not known; a method may change a model."""
        for each in owner.values if isinstance(owner, OneOf) and isinstance(node, ast.Call) else ():
            if isinstance(each, Module) and each.items is not None:
                self.change(each.items, str(len(each.items)), owner)
        return owner if isinstance(owner, Size) else super().derived(owner, node)

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return what an operator makes of tensors, or of what is not known."""
        tensors = [*tensors_in(values)]
        if tensors and isinstance(node, ast.BinOp | ast.AugAssign):
            return self._operation(type(node.op).__name__.lower(), tensors, node.lineno)
        if tensors or any(isinstance(each, Size) for each in values):
            return _SIZE
        return super().combined(values, node)

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return what a value is that is one of several: what reads all of them, if they are tensors."""
        one = super().one_of(values, why)
        if one is not why:
            return one
        tensors = [*dict.fromkeys(tensors_in(list(values)))]
        if tensors:
            if len(tensors) == 1 and all(isinstance(each, Tensor) for each in values):
                return tensors[0]
            made = self._operation("if", tensors, why.line)
            if made.step.kind != "input":
                made.step.notes, made.step.lacks = (Note(why.why, "left out"),), why.names
            return made
        modules: list[Value] = []
        for each in values:
            modules += [each] if isinstance(each, Module) else each.values if isinstance(each, OneOf) else ()
        return OneOf(why.why, why.names, why.rest, why.line, tuple(dict.fromkeys(modules))) if modules else why

    def rounds(self, node: ast.For | ast.AsyncFor, taken: Value) -> list[Value] | None:
        """Return what a loop takes; one over the timesteps twice, as every timestep is like the first."""
        if isinstance(taken, Size | Tensor):
            return [taken] * (2 if self._time < _MAX_TIMES else 1)
        return super().rounds(node, taken)

    def rounds_of(self, node: ast.For | ast.AsyncFor, taken: Value, items: list[Value], scope: Scope) -> End | None:
        """Follow the rounds of a loop one by one; of one over the timesteps the first, and what the second reads."""
        begin, spent = len(self.steps), self._steps
        over_data = isinstance(taken, Size | Tensor)
        sites, self._sites = self._sites, {}
        self._time += over_data
        returned: End | None = None
        for number, item in enumerate(items):
            if number == 1 and (self._steps - spent) * len(items) > MAX_LOOP:  # training, as a rule
                returned = self.any_rounds(node, items, scope)
                break
            self.assign(node.target, Round(item) if type(item) is int else item, scope)
            self._repeats, end = False, len(self.steps)
            self._changed.append({})
            returned = self.run(node.body, scope)
            changed = self._changed.pop()
            if number and (self._repeats or over_data):
                for held, name, old in reversed(changed.values()):
                    put(held, name, old)
                for step in self.steps[begin:end]:
                    step.time += not over_data
                again = {step.module for step in self.steps[end:] if step.loops}
                for step in self.steps[begin:end]:
                    if step.loops and step.module in again and FEEDBACK not in step.notes:
                        step.notes += (FEEDBACK,)
                del self.steps[end:]
                break
            for key, each in changed.items() if self._changed else ():
                self._changed[-1].setdefault(key, each)
            if returned is not None:
                break
        self._time -= over_data
        self._sites = sites
        return returned

    # Calls on tensors

    def applied(self, called: Value, given: Given) -> Value:
        """Return what a call of a module or of an object returns."""
        tensors = [*tensors_in(given.all)]
        if isinstance(called, Instance):
            own = called.cls.get("forward")
            own = called.cls.get("call") if own is MISSING else own
            if isinstance(own, Function):
                return self.invoke(own.bound_to(called), given)
            return self._operation(_own_kind(called), tensors, given.line) if tensors else left_open(given.node)
        if isinstance(called, Module):
            if not tensors and called.framework == "torch":
                return left_open(given.node)
            return self.apply(called, given.get("inputs", 0), given)
        if tensors:
            kind = called.name if isinstance(called, Call) and called.name else "unknown"
            made = self._operation(kind, tensors, given.line)
            made.step.names += self._names_of(called)
            made.step.maybe = called.values if isinstance(called, OneOf) else ()
            return made
        return super().applied(called, given)

    def call(self, called: Value, given: Given) -> Value:
        """Return what a call of a value makes; of one that is not known, what reads its tensors."""
        if isinstance(called, Unknown) and [*tensors_in(given.all)]:
            return self.applied(called, given)
        return super().call(called, given)

    def apply(self, module: Value, data: Value, given: Given, site: int = 0) -> Value:
        """Return what a module returns.

        Args:
            module: the module.
            data: what it reads; None where that is not known.
            given: the call; its other tensors are states.
            site: what tells this call from another, where the module stands in a container.
        """
        self.step()
        tensors = [*tensors_in(data)]
        if not isinstance(module, Module):
            if isinstance(module, Instance) and tensors:
                return self.applied(module, Given([data], {}, given.node))
            kind = _own_kind(module) if isinstance(module, Instance) else getattr(module, "name", "") or "unknown"
            step = Step(kind, given.line, [self._read(each) for each in tensors])
            why = open_in(module)
            step.names, step.maybe = self._names_of(module), module.values if isinstance(module, OneOf) else ()
            step.notes = (Note(f"a layer is not known (line {given.line}): {why.why}", "left out"),) if why else ()
            return Tensor(self._step(step))
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is made
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.apply(each, data, Given([], {}, node), site or id(given.node))
            return data
        place = (id(module), site or id(given.node))
        before = self._sites.setdefault(place, {})
        if module.framework == "torch" and before and next(iter(before.values())).levels:
            # A stack of one module reads its own output; what is called step by step reads something else.
            self._repeats |= module.name.endswith("Cell") or all(each.step.module is not module for each in tensors)
        if tensors and (made := before.get(tuple(tensors))) is not None:
            return made
        states = list(tensors_in([*given.positional[1:], given.get("initial_state"), given.get("hx")]))
        made = before[tuple(tensors)] = self._applied(module, tensors, states, given.line)
        return made

    def _applied(self, module: Module, tensors: list[Tensor], states: list[Tensor], line: int) -> Tensor:
        reads = [self._read(each) for each in tensors]
        if class_of(module.framework, module.name) is not None and len(tensors) > 1:
            states, reads = [*tensors[1:], *states], reads[:1]
        name = module.name
        kind = "input" if name in ("Input", "InputLayer") else name
        notes = module.notes
        widths = [step.out for step, _ in reads]
        features = sum(filter(None, widths)) if name == "Concatenate" and all(widths) else next(iter(widths), None)
        first = tensors[0] if tensors else None
        if name in ("LogSoftmax", "Flatten") and first is not None and (name != "Flatten" or first.returns == "vector"):
            notes = (LOG_SOFTMAX,) if name == "LogSoftmax" else ()
            step = Step(kind, line, reads, Pass(), module, out=features, notes=notes)
            return Tensor(self._step(step), first.returns)
        try:
            made = self.made_of(module)
        except UnknownModuleError as fault:
            text = (Note(str(fault), "left out"),) if str(fault) else ()
            out = self._out_of(module, features)
            return Tensor(self._step(Step(kind, line, reads, None, module, out=out, names=fault.names, notes=text)))
        lacks = self._lacking(module)
        given: list[tuple[Step, Returned | None]] = [
            (each.step, "vector" if each.part in ("h", "c", "states") else None)
            for each in states
            if each.step.kind != "input"
        ]
        steps: list[Step] = []
        for number, each in enumerate(made):
            if not number and each.input is not None and not reads:
                reads = [(self._step(Step("input", line, [], each.input, out=each.input.features)), None)]
            level = f" (layer {len([one for one in steps if one.loops])})" if len(made) > 1 else ""
            level = level if not level or loops(each.word) else f" (dropout {len(steps)})"
            recurrent = loops(each.word)
            step = Step(
                kind if recurrent or len(made) == 1 else "Dropout",
                line,
                [*reads, *given] if recurrent else reads,
                each.word,
                module,
                (),
                level,
                each,
                out=returned(each.word, features or each.features) if isinstance(each.word, Layer) else features,
                notes=(*(note for note in each.notes if note.text != DIFFERS["return_state"]), *notes),
                lacks=lacks,
            )
            step.reads = step.reads or (None if module.framework == "torch" else [])
            steps.append(self._step(step))
            features, reads = step.out, [(step, None)]
        last = steps[-1]
        levels = tuple(step for step in steps if step.loops)
        if module.framework == "torch" and levels:
            if name.endswith("Cell"):
                return Tensor(last, None, "states" if name == "LSTMCell" else "out", levels)
            return Tensor(last, None, "both", levels)
        if levels and self._arguments_of(module).get("return_state"):
            return Tensor(last, None, "both", levels)
        same = first is not None and isinstance(last.word, Layer | Pass) and not levels
        return Tensor(last, first.returns if same and first is not None else None)

    def _names_of(self, value: Value) -> tuple[Open, ...]:
        """Return what leaves it open which module a value is, and what leaves each of these open."""
        names = list(value.names) if isinstance(value, Unknown) else []
        for each in value.values if isinstance(value, OneOf) else ():
            try:
                self.made_of(each)
            except UnknownModuleError as fault:
                names += fault.names
        return tuple(dict.fromkeys(names))

    def _read(self, tensor: Tensor) -> tuple[Step, Returned | None]:
        """Return the edge by which a step reads a tensor."""
        step = tensor.step
        directions = 1 if getattr(step.word, "merge_mode", None) is None else 2
        keras = step.module is not None and step.module.framework == "keras"
        if tensor.part in ("h", "states") and step.module is not None and step.module.name == "LSTMCell":
            return step, "vector" if step.time > self._time else None
        vector = isinstance(step.word, Layer) and step.word.returns == "vector"
        if tensor.part in ("h", "states") and len(tensor.levels) * directions == 1 and (vector or not keras):
            return step, "vector"
        if tensor.part in ("h", "states", "c", "forward", "backward"):
            kind = "c_n" if tensor.part == "c" else "h_n"
            return self._operation(kind, [Tensor(step, "vector")], step.line).step, None
        if tensor.part == "both" and not keras:
            return step, "sequence"
        return step, tensor.returns or ("vector" if step.time > self._time else None)

    def _step(self, step: Step) -> Step:
        self.step(_STEP + len(step.reads or ()))
        step.time, step.function = self._time, self.function
        self.steps.append(step)
        return step

    def _operation(self, kind: str, tensors: Sequence[Tensor], line: int) -> Tensor:
        """Return what a function of tensors returns that the language has no word for; of data alone, data."""
        data = [each for each in tensors if each.step.kind == "input" and each.step.module is None]
        if len(data) == len(tensors) and data:
            return data[0]
        keeps = kind in ("add", "sub", "mult", "div") and tensors[0].step.out
        out = tensors[0].step.out if keeps else None
        if kind in ("concatenate", "concat") and all(each.step.out for each in tensors):
            out = sum(each.step.out or 0 for each in tensors)
        edges = dict.fromkeys(self._read(each) for each in dict.fromkeys(tensors))
        return Tensor(self._step(Step(kind, line, [*edges], out=out)))

    def _behind(
        self, first: Tensor, word: Word | None, kind: str, line: int, returns: Returned | None, **more: Any
    ) -> Tensor:
        """Return what a word makes of a tensor that has as many features."""
        return Tensor(self._step(Step(kind, line, [self._read(first)], word, out=first.step.out, **more)), returns)

    def _function(self, name: str, tensors: list[Tensor], given: Given) -> Value:
        """Return what a function of tensors returns."""
        first, line = tensors[0], given.line
        several = len({(each.step, each.part) for each in tensors}) > 1
        if name in _SIZES and (name not in _POOLS or first.step.kind == "input"):
            return _SIZE
        if name in _LIKE:
            return self.data()
        if name in ("stack", "cat", "concat", "concatenate"):
            apart = [*dict.fromkeys(tensors)]
            if len(apart) == 1 and first.step.time > self._time:
                return Tensor(first.step, "sequence")
            if [each.part for each in apart] == ["forward", "backward"] and apart[0].step is apart[1].step:
                return Tensor(first.step, "vector")
            return self._operation(name, tensors, line)
        if name in ("flatten", "Flatten") and first.returns == "vector":
            return first
        if several:
            return first if name in _PASSES else self._operation(name, tensors, line)
        if name == "pad_packed_sequence":
            return [first, _SIZE]
        if name in ("view", "reshape", "squeeze", "permute", "transpose") and first.part in ("h", "states"):
            step, returns = self._read(first)
            return Tensor(step, returns)
        if name in _PASSES:
            return first
        if name in ("repeat", "expand") and first.returns == "vector":
            counts = [each for each in given.positional[1:] if type(each) is int and each > 1]
            if len(counts) == 1:
                return self._behind(first, Repeat(counts[0]), name, line, "sequence")
            known = name == "expand" and not any(map(open_in, given.positional[1:]))
            return first if known else self._operation(name, tensors, line)
        axis = given.get("dim", 1, given.get("axis"))
        over_time = first.returns == "sequence" and (axis in (0, 1, -2) or "pool" in name)
        if name in _POOLS and over_time and not (name == "max_pool1d" and type(axis) is int):
            return self._behind(first, Pool(_POOLS[name]), name, line, "vector")
        if name == "log_softmax":
            return self._behind(first, Pass(), name, line, first.returns, notes=(LOG_SOFTMAX,))
        if name in _ACTIVATIONS:
            dim = {"dim": axis} if name == "softmax" and type(axis) is int else {}
            try:
                made = built("torch", _ACTIVATIONS[name], [], dim)[0]
            except ArgumentFaultError as fault:
                return self._operation(f"{name}: {fault}", tensors, line)
            return self._behind(first, made.word, name, line, first.returns, made=made)
        return self._operation(name, tensors, line)

    def _replayed(self, model: Module, tensors: list[Tensor]) -> Tensor:
        """Return what a functional model returns of other data than that with which it was made."""
        made = {each.step: self._read(tensor) for each, tensor in zip(model.inputs, tensors, strict=False)}
        for step in reached(model.outputs):
            if step not in made:
                reads = [(made[each][0] if each in made else each, returns) for each, returns in step.reads or ()]
                copy = Step(**{**vars(step), "reads": reads})
                made[step] = (self._step(copy), None)
        return Tensor(made[model.outputs[0].step][0])

    # What modules are

    def _arguments_of(self, module: Module) -> dict[str, Value]:
        cls = class_of(module.framework, module.name)
        return {} if cls is None else bound(cls, module.name, module.given.positional, module.given.named)

    def made_of(self, module: Module) -> list[Made]:
        """Return what a module is in the language.

        Raises:
            UnknownModuleError: it is nothing, an argument is wrong, or is not known.
        """
        cls = class_of(module.framework, module.name)
        if cls is None:
            raise UnknownModuleError("")
        what = f"{module.name} (line {module.line})"
        try:
            given = self._arguments_of(module)
        except WrongArgumentError as fault:
            raise UnknownModuleError(f"{what}: {fault}") from None
        unknown = module.given.unknown
        if unknown is not None:
            raise UnknownModuleError(f"the arguments of {what} are not known: {unknown.why}", unknown.names)
        values: dict[str, Value] = {}
        causes: list[tuple[str, Unknown]] = []
        for name, value in given.items():
            if name in cls.inert:
                continue
            values[name] = self._argument(name, value)
            cause = open_in(values[name])
            if cause is not None and name == "padding_idx":
                values[name] = 1
            elif cause is not None:
                causes.append((name, cause))
        if causes:
            names = tuple(dict.fromkeys(each for _, cause in causes for each in cause.names))
            raise UnknownModuleError(f"{causes[0][0]} of {what} is not known: {causes[0][1].why}", names)
        try:
            return built(module.framework, module.name, [], values)
        except ArgumentFaultError as fault:
            written = _written(module, fault.argument) if values.get(fault.argument, 0) is None else ()
            raise UnknownModuleError(f"{what}: {fault}", written) from None

    def _argument(self, name: str, value: Value) -> Value:
        """Return an argument as the table of classes takes it."""
        if name.endswith("shape") and isinstance(value, list | tuple):
            return [None if open_in(each) is not None else each for each in value]
        if name == "input_length":
            return value if type(value) is int else None
        if isinstance(value, Module) and name in ("layer", "backward_layer", "cell", "cells"):
            return self.made_of(value)
        if name in ("cell", "cells") and isinstance(value, list):
            cells = [self.made_of(each) if isinstance(each, Module) else each for each in value]
            flat = name == "cell" and all(isinstance(each, list) for each in cells)
            return [made for cell in cells for made in cell] if flat else cells
        if name in ("activation", "recurrent_activation", "nonlinearity"):
            path = value.path if isinstance(value, Named | Call) else ()
            known = isinstance(value, Call) or len(path) > 1 or (path and path[0] in _ACTIVATIONS)
            return path[-1] if path and known else value
        return value

    def _lacking(self, module: Module) -> tuple[Open, ...]:
        """Return what leaves the features open that a layer of Keras is said to read."""
        names: list[Open] = []
        for name, value in self._arguments_of(module).items():
            if name.endswith("shape") and isinstance(value, list | tuple) and value:
                cause = open_in(value[-1])
                names += cause.names if cause is not None else ()
        return tuple(names)

    def _input_of(self, module: Value) -> Value:
        try:
            made = self.made_of(module) if isinstance(module, Module) else []
        except UnknownModuleError:
            return None
        return next((each.input or each.word for each in made if each.input or takes_vectors(each.word)), None)

    def _out_of(self, module: Module, features: int | None) -> int | None:
        """Return how many features a layer returns that the language has no word for."""
        if module.name in KEEP_FEATURES or module.name == "Concatenate":
            return features
        filters = module.given.get("filters", 0)
        return filters if module.name in CONVOLUTIONS and type(filters) is int else None


def reached(ends: Sequence[Tensor]) -> list[Step]:
    """Return the steps that lead to some tensors, each behind those that it reads."""
    order: list[Step] = []
    seen: set[Step] = set()
    waiting = [(each.step, False) for each in reversed(ends)]
    while waiting:
        step, read = waiting.pop()
        if read:
            order.append(step)
        elif step not in seen:
            seen.add(step)
            waiting.append((step, True))
            waiting += [(each, False) for each, _ in reversed(step.reads or []) if each not in seen]
    return order


def _own_kind(instance: Instance) -> str:
    """Return the class of an object of the file, told apart from a framework's."""
    name = instance.cls.name
    return f"{name} of the file" if name in CLASSES["keras"] else name


def _written(module: Module, argument: str) -> tuple[Open, ...]:
    """Return what is written for an argument, if it is a name: its value of None may stand for one that comes later."""
    call, cls = module.given.node, class_of(module.framework, module.name)
    if not isinstance(call, ast.Call) or cls is None:
        return ()
    nodes = dict(zip(cls.takes, call.args, strict=False)) | {each.arg: each.value for each in call.keywords if each.arg}
    node = nodes.get(argument)
    return left_open(node).names if isinstance(node, ast.Name | ast.Attribute) else ()
