"""The networks of a Python source as graphs: each call of a layer or a function on a tensor is a step.

A tensor is a value like others; it carries the step that it comes from. What a function or a method does with one, the
tables at the top say.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rnncli.formats.frameworks import (
    CLASSES,
    DIFFERS,
    ArgumentFaultError,
    Made,
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
    Method,
    Named,
    Open,
    Scope,
    Unknown,
    Value,
    left_open,
    open_in,
)
from rnncli.formats.python.program import RECURRENT, Program
from rnncli.formats.python.program import Returned as End
from rnncli.layers import Layer, Pool, Repeat
from rnncli.layers.weights import Framework

_SAME_MODULE = names("to cuda cpu float double half eval train apply requires_grad_")
_PASSES = names(
    "contiguous permute transpose squeeze unsqueeze view reshape to cuda cpu t float long int double half type detach "
    "clone requires_grad_ dropout data pack_padded_sequence Variable autograd unbind split movedim swapaxes expand_dims "
    "convert_to_tensor cast pad_sequence pack_sequence flatten_parameters identity fill_ zero_"
)
"""Functions and methods that hand a tensor on as it is: as far as the language can say, and in inference."""

_SIZES = names("size dim numel item len range int max min shape ndimension")
_LIKE = names("new_zeros new zeros_like ones_like randn_like new_full get_initial_state")
_DATA = names(
    "zeros ones rand randn randint tensor empty full arange LongTensor FloatTensor Tensor from_numpy as_tensor"
)
"""Functions of PyTorch that make a tensor of numbers; `_LIKE` are those that make one like another."""

_JOINS = names("stack cat concat concatenate")
_ACTIVATIONS: Mapping[str, str] = {
    name.lower(): name for name in names("ReLU Tanh Sigmoid Hardsigmoid Softmax SiLU ELU SELU GELU Softplus Softsign")
}
"""PyTorch's modules of activations, by the names of the functions and methods that do the same."""

_POOLS: Mapping[str, str] = {
    **dict.fromkeys(names("mean reduce_mean avg_pool1d adaptive_avg_pool1d"), "avg"),
    **dict.fromkeys(names("max amax reduce_max max_pool1d adaptive_max_pool1d"), "max"),
}
_STEP = 5
"""How many expressions take as long to follow as a layer."""

_FEEDBACK = "reads in a loop what follows from its own output; here it reads its input alone"
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
        born: the innermost condition under which it was made.
    """

    framework: Framework = "keras"
    function: str = ""
    variables: list[str] = field(default_factory=list)
    items: dict[Value, Value] | None = None
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    notes: tuple[Note, ...] = ()
    inner: bool = False
    born: Unknown | None = None


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
        lacks: what leaves it open which step it is, where several paths lead to it.
        notes: what is to be said of it.
        timed: whether it is computed at each timestep of a loop, which has ended.
        function: the function at hand.
        number: how many steps were taken before it.
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
    timed: bool = False
    function: str = ""
    number: int = 0

    @property
    def is_data(self) -> bool:
        """Whether it is data that is given to a model, of which nothing is known."""
        return self.kind == "input" and self.module is None


@dataclass(frozen=True)
class Tensor:
    """An output of a step.

    Attributes:
        step: the step.
        returns: whether it is a sequence or a vector, where that is known.
        part: a state of a recurrent layer that no layer of the language returns: "c", "h", or that of one of two
            directions, "forward" or "backward".
        states: what it consists of, if it is the states of a stack of layers.
    """

    step: Step
    returns: Returned | None = None
    part: str = ""
    states: tuple[Tensor, ...] = ()


@dataclass
class _Loop:
    """A loop that is followed.

    Attributes:
        begin: how many steps were taken before it.
        round: how many before this round.
        last: how many of the steps at hand were taken before this round.
        timed: whether it runs over what the data has.
        alike: whether its next rounds are like this one.
    """

    begin: int
    round: int
    last: int
    timed: bool
    alike: bool = False


class _Call(NamedTuple):
    """A call of a module in a loop: what it was given, what it returned, and the step."""

    tensors: list[Tensor]
    returned: Value
    step: Step


_SIZE = Unknown("it follows from the data")
"""A number that follows from the data: how many samples, or how many timesteps."""


class UnknownModuleError(Exception):
    """A module cannot be understood; `names` are what leaves it open."""

    def __init__(self, text: str, names: tuple[Open, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


def tensors_in(value: Value, depth: int = 0) -> Iterator[Tensor]:
    """Yield the tensors in a value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | dict) and depth < 10:
        for each in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(each, depth + 1)


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
        self._count = 0
        self._loops: list[_Loop] = []
        self._sites: dict[tuple[object, ...], _Call] = {}

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
            known = "keras" if path[0] in CLASSES["keras"] or path[0] in OTHER_CLASSES else None
            return next((each for each in reversed(starred) if each is not None), known)  # type: ignore[return-value]  # "keras"
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
            case Method(name=name) if name in _LIKE:
                return self.data()
            case Method(owner=Module(items=dict()) as owner, name=name):
                return self._container_method(owner, name, given)
            case Method(owner=Tensor() as owner, name=name):
                return self._computed_by(name, Given([owner, *given.positional], given.named, given.node))
            case Method(owner=Unknown(values=values)):  # it may change a model
                for each in values:
                    if isinstance(each, Module) and each.items is not None:
                        each.items[str(len(each.items))] = called.owner
                return _SIZE if called.owner is _SIZE else left_open(given.node)
            case Instance():
                own = self.computing(called)
                if own is not None:
                    return self.invoke(own, given)
        if not tensors:
            return super().apply(called, given)
        made = self._operation(self._kind_of(called), tensors, given.line)
        if isinstance(called, Unknown):
            made.step.names, made.step.maybe = self._names_of(called), called.values
        return made

    def computing(self, instance: Instance) -> Function | None:
        """Return the method of an object that computes what it returns of data, if it has one."""
        found = (instance.cls.get(name) for name in ("forward", "call") if instance.cls is not None)
        return next((replace(each, owner=instance) for each in found if isinstance(each, Function)), None)

    def _named_call(self, called: Named, tensors: list[Tensor], given: Given) -> Value:
        """Return what a call makes: a module, a container, data, or the output of a function of tensors."""
        framework, name = self.framework(called.path), called.name
        first = given.get("layers" if framework == "keras" else "modules", 0)
        born = self.doubts[-1] if self.doubts else None
        if framework == "torch" and name in ("ModuleList", "ModuleDict"):
            if isinstance(first, dict):
                return dict(first)
            return list(self.items(first) or [open_in(first) or left_open(given.node)]) if given.all else []
        if name in ("Model", "Functional") and framework == "keras" and not [*tensors_in(given.get("outputs", 1))]:
            return left_open(given.node)
        module = Module(called.path, given, None, framework or "keras", self.function, born=born)
        if framework == "keras" and name == "Input":
            return self.follow_module(module, None, given)
        if framework and ((name[:1].isupper() and not name.endswith("Loss")) or name == "from_pretrained"):
            self.modules.append(module)
            if name in ("Model", "Functional"):
                module.inputs = [*tensors_in(given.get("inputs", 0))]
                module.outputs = [*tensors_in(given.get("outputs", 1))]
            elif name == "Sequential":
                module.items = {}
                values: list[Value] = given.positional
                if framework == "keras" or (len(values) == 1 and isinstance(first, list | dict)):
                    values = [] if first is None else first if isinstance(first, list) else [first]
                for number, each in enumerate([*values, *([] if given.unknown is None else [given.unknown])]):
                    for key, value in each.items() if isinstance(each, dict) else [(str(number), each)]:
                        self._add(module, key, value)
            return module
        if name in _DATA and called.path[0] in ("torch", "F") and not tensors:
            return self.data()
        if tensors:
            return self._computed_by(name, given)
        return _SIZE if _SIZE in given.all else Call(called.path, given)

    def _add(self, module: Module, name: str, value: Value) -> None:
        """Add a layer to a container."""
        assert module.items is not None
        if isinstance(value, Module):
            value.inner = True
        if isinstance(value, Tensor):  # Input((50, 8)) in a list
            value = value.step.module
        self.put(module, module.items, name if name not in module.items else f"{name}_{len(module.items)}", value)

    def _container_method(self, owner: Module, name: str, given: Given) -> Value:
        """Return what a method of a container returns."""
        items = owner.items or {}
        match name:
            case "add" | "append":
                self._add(owner, str(len(items)), given.get("layer", 0))
            case "add_module":
                self._add(owner, str(given.get("name", 0)), given.get("module", 1))
            case "build" if owner.framework == "keras":
                self._build(owner, items, given)
            case "pop" | "insert" | "extend":
                cause = self.doubts[-1] if self.doubts else left_open(given.node)
                last = list(items)[-1:] if name == "pop" else []
                if last and not self.doubts:
                    del items[last[0]]
                else:
                    items |= dict.fromkeys(last or ["more"], cause)
            case _:
                return left_open(given.node)
        return owner if owner.framework == "torch" else None

    def _build(self, model: Module, items: dict[Value, Value], given: Given) -> None:
        """Put the shape that a model of Keras is built for in front of its layers, if none of them says it."""
        first = next(iter(items.values()), None)
        try:
            made = self.made_of(first) if isinstance(first, Module) else []
        except UnknownModuleError:
            made = []
        if made and not any(each.input or takes_vectors(each.word) or each.word is None for each in made):
            shape = Given([], {"batch_shape": given.get("input_shape", 0)}, given.node)
            if isinstance(first, Module) and first.name != "Embedding":
                model.items = {"input": Module(("Input",), shape, None, "keras"), **items}

    # Attributes, items, targets

    def attribute(self, owner: Value, name: str, node: ast.AST, *, called: bool = False) -> Value:
        """Return an attribute of a module, of a tensor, or of an object of a framework's class."""
        match owner:
            case Instance(values=values) if name == "training" and name not in values:
                return False
            case Unknown() if owner is _SIZE:
                return _SIZE
            case Tensor() if not called:
                return _SIZE if name in ("shape", "device", "dtype") else owner
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
        """Return what a loop over a value takes: of a container its modules, of data two rounds that are alike."""
        if isinstance(value, Module) and value.items is not None:
            return list(value.items.values())
        return [value] * 2 if isinstance(value, Tensor) or value is _SIZE else super().items(value)

    def item(self, owner: Value, index: ast.expr, scope: Scope, node: ast.AST) -> Value:
        """Return an item of a container, or of a tensor."""
        if isinstance(owner, Module) and owner.items is not None:
            key, values = self.value(index, scope), list(owner.items.values())
            return values[key] if type(key) is int and -len(values) <= key < len(values) else left_open(node)
        if not isinstance(owner, Tensor):
            if owner is _SIZE:
                return owner
            return super().item(owner, index, scope, node)
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        whole = [isinstance(each, ast.Slice) and each.lower is each.upper is each.step is None for each in parts]
        keys = [None if isinstance(each, ast.Slice) else self.value(each, scope) for each in parts]
        places = [place for place, key in enumerate(keys) if not whole[place] and key not in (None, ...)]
        sliced = any(isinstance(each, ast.Slice) and not every for each, every in zip(parts, whole, strict=True))
        key = keys[places[0]] if places else None
        if owner.states and places == [0] and type(key) is int and -len(owner.states) <= key < len(owner.states):
            return owner.states[key]
        if (not places and not sliced) or owner.part or key is _SIZE or (owner.step.kind == "input" and not sliced):
            return owner  # of a sequence, a timestep
        if len(places) == 1 and places[0] in (0, 1) and key == -1 and not sliced and _in_torch(owner.step):
            word = owner.step.word
            if loops(word) and word.merge_mode is not None and BOTH_LAST not in owner.step.notes:
                owner.step.notes += (BOTH_LAST,)
            return Tensor(owner.step, "vector")
        return self._operation("slice", [owner], getattr(node, "lineno", 0))

    def unpacked(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        """Return what an assignment to several targets gives each of them."""
        if value is _SIZE or (isinstance(value, Tensor) and (value.step.kind == "input" or value.part)):
            return [value] * len(targets)
        if isinstance(value, Tensor):
            return (
                [*value.states]
                if len(value.states) == len(targets)
                else [self._operation("unpack", [value], value.step.line)] * len(targets)
            )
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
                if isinstance(held, Tensor):
                    put = [*tensors_in(value)]
                    if (
                        put and (held.step.is_data or held.step is put[0].step) and self.value(index, scope) is _SIZE
                    ):  # at each timestep
                        value = Tensor(put[0].step, "sequence")
                    else:
                        value = self._operation("assignment", [held, *put], target.lineno)
                    target = owner
        super().assign(target, value, scope)

    def combined(self, values: list[Value], node: ast.AST) -> Value:
        """Return what an operator makes of tensors, or of what is not known."""
        tensors = [*tensors_in(values)]
        if tensors and isinstance(node, ast.BinOp | ast.AugAssign):
            return self._operation(type(node.op).__name__.lower(), tensors, node.lineno)
        return _SIZE if tensors or _SIZE in values else super().combined(values, node)

    def one_of(self, values: Sequence[Value], why: Unknown) -> Value:
        """Return what a value is that is one of several: what reads all of them, if they are tensors."""
        one = super().one_of(values, why)
        tensors = [*dict.fromkeys(tensors_in(list(values)))]
        if not tensors or not isinstance(one, Unknown):
            return one
        made = self._operation("if", tensors, why.line)
        if not made.step.is_data:
            made.step.notes, made.step.lacks = (Note(why.why, "left out"),), why.names
        return made

    # Loops

    def rounds(self, node: ast.For | ast.AsyncFor, items: list[Value], scope: Scope) -> End | None:
        """Follow a loop round by round: until a round calls the same modules as the one before, at the next timestep."""
        timed = bool(items) and (items[0] is _SIZE or isinstance(items[0], Tensor))
        begin = len(self.steps)
        loop = _Loop(self._count, self._count, begin, timed)
        self._loops.append(loop)
        try:
            return super().rounds(node, items, scope)
        finally:
            self._loops.pop()
            self._sites = self._sites if self._loops else {}
            if loop.alike:
                del self.steps[loop.last :]
            for step in self.steps[begin:] if loop.alike or timed else []:
                step.timed = True

    def repeats(self) -> bool:
        """Whether the next rounds of a loop are like the last."""
        loop = self._loops[-1]
        if not loop.alike:
            loop.round, loop.last = self._count, len(self.steps)
        return loop.alike

    def _repeated(self, before: _Call, tensors: list[Tensor]) -> Value:
        """Return what a module returns that is called again at the same place of a loop: what it returned before."""
        own = before.step
        begun = [loop for loop in self._loops if loop.begin <= own.number < loop.round]
        for loop in begun:
            loop.alike = True
        behind = reached(tensors) if begun and tensors != before.tensors else []
        fed = [step for step in behind if loops(step.word) and step.number >= begun[0].begin]
        for step in fed or [own] * (own in behind):
            note = Note(_FEEDBACK, "differs" if fed else "left out")
            step.notes += (note,) * (note not in step.notes)
        return before.returned

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
            maybe = module.values if isinstance(module, Unknown) else ()
            reads = [self._read(each) for each in tensors]
            step = Step(
                self._kind_of(module), given.line, reads, maybe=maybe, names=self._names_of(module), notes=notes
            )
            return Tensor(self._step(step))
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is made
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.follow_module(each, data, Given([], {}, node), site or id(given.node))
            return data
        place = (id(module), site or id(given.node))
        before = self._sites.get(place) if self._loops else None
        if before is not None and (
            recurs(module) or tensors == before.tensors or any(each.timed for each in self._loops)
        ):
            return self._repeated(before, tensors)
        cls = class_of(module.framework, module.name)
        states = [*tensors_in([*given.positional[1:], given.get("initial_state"), given.get("hx")])]
        if cls is not None and len(tensors) > 1:
            tensors, states = tensors[:1], [*tensors[1:], *states]
        made = self._made(module, tensors, states, given.line)
        self._sites[place] = _Call(tensors, made, self.steps[-1])
        return made

    def _made(self, module: Module, tensors: list[Tensor], states: list[Tensor], line: int) -> Value:
        """Return what a layer returns, and note the step that computes it; those of each level of a stack."""
        name = module.name
        kind = "input" if name in ("Input", "InputLayer") else name
        reads: list[tuple[Step, Returned | None]] | None = [self._read(each) for each in tensors]
        first = tensors[0] if tensors else None
        features = first.step.out if first is not None else None
        if name in ("LogSoftmax", "Flatten") and first is not None and (name != "Flatten" or first.returns == "vector"):
            notes = (LOG_SOFTMAX,) if name == "LogSoftmax" else ()
            return Tensor(self._step(Step(kind, line, reads, Pass(), module, out=features, notes=notes)), first.returns)
        try:
            made = self.made_of(module)
        except UnknownModuleError as fault:
            text = (Note(str(fault), "left out"),) if str(fault) else ()
            out = _out_of(module, tensors)
            return Tensor(self._step(Step(kind, line, reads, None, module, out=out, names=fault.names, notes=text)))
        given = [
            (each.step, "vector" if each.part or each.states else None) for each in states if each.step.kind != "input"
        ]
        levels: list[Step] = []
        for number, each in enumerate(made):
            if not number and each.input is not None and not reads:
                reads = [(self._step(Step("input", line, [], each.input, out=each.input.features)), None)]
            recurrent = loops(each.word)
            level = "" if len(made) == 1 else f" (layer {len(levels)})" if recurrent else f" (dropout {number})"
            step = Step(
                kind if recurrent or len(made) == 1 else "Dropout", line, reads, each.word, module, (), level, each
            )
            step.reads = [*(reads or []), *(given if recurrent else [])] or (None if _in_torch(step) else [])  # type: ignore[list-item]  # edges
            step.out = returned(each.word, features or each.features) if isinstance(each.word, Layer) else features
            said = [note for note in each.notes if note.text != DIFFERS["return_state"]]
            step.notes = (*said, *module.notes)
            self._step(step)
            levels += [step] if recurrent else []
            features, reads = step.out, [(step, None)]
        if levels and (module.framework == "torch" or self._arguments_of(module).get("return_state")):
            return _outputs(levels, cell=name.endswith("Cell"))
        same = first is not None and isinstance(step.word, Layer | Pass) and not levels
        return Tensor(step, first.returns if same and first is not None else None)

    def _replayed(self, model: Module, tensors: list[Tensor]) -> Tensor:
        """Return what a functional model returns of other data than that with which it was made."""
        made = {each.step: self._read(tensor) for each, tensor in zip(model.inputs, tensors, strict=False)}
        for step in reached(model.outputs):
            if step not in made:
                reads = [(made[each][0] if each in made else each, returns) for each, returns in step.reads or ()]
                made[step] = (self._step(replace(step, reads=reads)), None)
        return Tensor(made[model.outputs[0].step][0])

    def _kind_of(self, called: Value) -> str:
        """Return what is called, by its class or its name; a class of the file is told apart from a framework's."""
        name = (
            called.cls.name if isinstance(called, Instance) and called.cls is not None else getattr(called, "name", "")
        )
        return f"{name} of the file" if isinstance(called, Instance) and name in CLASSES["keras"] else name or "unknown"

    def _names_of(self, value: Value) -> tuple[Open, ...]:
        """Return what leaves it open which module a value is, and what leaves each of these open."""
        found = list(value.names) if isinstance(value, Unknown) else []
        for each in value.values if isinstance(value, Unknown) else ():
            try:
                self.made_of(each) if isinstance(each, Module) else []
            except UnknownModuleError as fault:
                found += fault.names
        return tuple(dict.fromkeys(found))

    # Steps

    def _read(self, tensor: Tensor) -> tuple[Step, Returned | None]:
        """Return the edge by which a step reads a tensor."""
        if len(tensor.states) == 1:
            return self._read(tensor.states[0])
        if tensor.states or tensor.part:
            kind = "c_n" if tensor.part == "c" else "h_n"
            return self._operation(kind, [Tensor(tensor.step, "vector")], tensor.step.line).step, None
        return tensor.step, tensor.returns or ("vector" if tensor.step.timed else None)

    def _step(self, step: Step) -> Step:
        self.step(_STEP + len(step.reads or ()))
        step.function, step.number = self.function, self._count
        self._count += 1
        self.steps.append(step)
        return step

    def _operation(self, kind: str, tensors: Sequence[Tensor], line: int) -> Tensor:
        """Return what a function of tensors returns that the language has no word for; of data alone, data."""
        if tensors and all(each.step.is_data for each in tensors):
            return tensors[0]
        place = (kind, line, *tensors)
        if self._loops and place in self._sites:
            return self._sites[place].returned
        out = tensors[0].step.out if kind in ("add", "sub", "mult", "div") else None
        if kind in ("concatenate", "concat") and all(each.step.out for each in tensors):
            out = sum(each.step.out or 0 for each in tensors)
        edges = dict.fromkeys(self._read(each) for each in dict.fromkeys(tensors))
        made = Tensor(self._step(Step(kind, line, [*edges], out=out)))
        self._sites[place] = _Call([*tensors], made, made.step)
        return made

    def _behind(self, first: Tensor, word: Word, kind: str, line: int, returns: Returned | None, **more: Any) -> Tensor:
        """Return what a word makes of a tensor that has as many features."""
        return Tensor(self._step(Step(kind, line, [self._read(first)], word, out=first.step.out, **more)), returns)

    def _computed_by(self, name: str, given: Given) -> Value:
        """Return what a function of tensors returns."""
        tensors, line = [*dict.fromkeys(tensors_in(given.all))], given.line
        first = tensors[0]
        axis = given.get("dim", 1, given.get("axis"))
        vector = first.returns == "vector"
        if name in _LIKE:
            return self.data()
        if name in _SIZES and (name not in _POOLS or first.step.kind == "input"):
            return _SIZE
        if name in _JOINS:
            parts = [each.part for each in tensors]
            if parts == ["forward", "backward"] and first.step is tensors[1].step:
                return Tensor(first.step, "vector")
            one = len(tensors) == 1 and first.step.timed
            return Tensor(first.step, "sequence") if one else self._operation(name, tensors, line)
        if name in _PASSES or (name in ("flatten", "Flatten") and vector):
            return first.states[0] if len(first.states) == 1 else first
        if len(tensors) > 1:
            return self._operation(name, tensors, line)
        if name == "pad_packed_sequence":
            return [first, _SIZE]
        if name in ("repeat", "expand") and vector:
            counts = [each for each in given.positional[1:] if type(each) is int and each > 1]
            if len(counts) == 1:
                return self._behind(first, Repeat(counts[0]), name, line, "sequence")
            known = name == "expand" and not any(map(open_in, given.positional[1:]))
            return first if known else self._operation(name, tensors, line)
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
            return self._behind(first, made.word or Pass(), name, line, first.returns, made=made)
        return self._operation(name, tensors, line)

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
        unknown = module.given.unknown
        if unknown is not None:
            raise UnknownModuleError(f"the arguments of {what} are not known: {unknown.why}", unknown.names)
        values: dict[str, Value] = {}
        try:
            given = self._arguments_of(module)
            values = {name: self._argument(name, value) for name, value in given.items() if name not in cls.inert}
            if open_in(values.get("padding_idx")) is not None:
                values["padding_idx"] = 1
            causes = [(name, cause) for name, each in values.items() if (cause := open_in(each)) is not None]
            if causes:
                opened = tuple(dict.fromkeys(each for _, cause in causes for each in cause.names))
                raise UnknownModuleError(f"{causes[0][0]} of {what} is not known: {causes[0][1].why}", opened)
            return built(module.framework, module.name, [], values)
        except ArgumentFaultError as fault:
            node = module.given.written(fault.argument, cls.takes)
            late = values.get(fault.argument, 0) is None and isinstance(node, ast.Name | ast.Attribute)
            raise UnknownModuleError(f"{what}: {fault}", left_open(node).names if late else ()) from None

    def _argument(self, name: str, value: Value) -> Value:
        """Return an argument as the table of classes takes it."""
        if name.endswith("shape") and isinstance(value, list):
            *before, last = value or [None]
            alone = len(value) < 2 and open_in(last) is not None  # how many ids there are, as a rule
            return [*(None if open_in(each) is not None else each for each in before), None if alone else last]
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


def recurs(module: Value) -> bool:
    """Whether a value is a recurrent module, or one around such."""
    inside = module.given.get("layer", 0) if isinstance(module, Module) else None
    return isinstance(module, Module) and (module.name in RECURRENT - {"Bidirectional"} or recurs(inside))


def _in_torch(step: Step) -> bool:
    return step.module is None or step.module.framework == "torch"


def _outputs(levels: list[Step], *, cell: bool) -> list[Value] | Tensor:
    """Return what a recurrent module returns: its outputs and the states of all its levels, as its framework does."""
    last, word = levels[-1], levels[-1].word
    assert isinstance(word, Layer)
    both, memory = getattr(word, "merge_mode", None) is not None, Tensor(last, part="c")
    lstm = word.torch == "LSTM"
    if cell:
        return [Tensor(last), memory] if lstm else Tensor(last)
    if not _in_torch(last):
        h = Tensor(last, part="h") if both or word.returns == "sequence" else Tensor(last, "vector")
        return [Tensor(last), *([h, memory] if lstm else [h]) * (2 if both else 1)]
    states: list[Tensor] = []
    for level in levels:
        states += [Tensor(level, part=way) for way in ("forward", "backward")] if both else [Tensor(level, "vector")]
    h = Tensor(last, states=tuple(states))
    return [Tensor(last, "sequence"), [h, memory] if lstm else h]


def _out_of(module: Module, tensors: list[Tensor]) -> int | None:
    """Return how many features a layer returns that the language has no word for."""
    widths = [each.step.out for each in tensors]
    if module.name == "Concatenate":
        return sum(each or 0 for each in widths) if all(widths) else None
    if module.name in KEEP_FEATURES:
        return widths[0] if widths else None
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
