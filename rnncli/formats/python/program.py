"""Follows the functions and classes of a Python source: how they are defined and called. Nothing in it is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

from rnncli.formats import Settings
from rnncli.formats.nodes import names
from rnncli.formats.python.evaluator import MAX_STEPS
from rnncli.formats.python.library import FRAMEWORK_PACKAGES
from rnncli.formats.python.objects import (
    MISSING,
    NO_BASES,
    PLAIN,
    PLAIN_BASES,
    Call,
    Class,
    Factory,
    Function,
    Given,
    Instance,
    Method,
    Named,
    Open,
    Partial,
    Scope,
    Stream,
    Tuple,
    Unknown,
    Value,
    left_open,
)
from rnncli.formats.python.statements import Following, Statements, end_of
from rnncli.formats.python.trees import source_of, words_in

MAX_DEPTH = 15
"""How deeply calls of functions are followed."""

RECURRENT = names(
    "SimpleRNN LSTM GRU RNN Bidirectional CuDNNLSTM CuDNNGRU SimpleRNNCell LSTMCell GRUCell RNNCell StackedRNNCells"
    " BasicRNNCell BasicLSTMCell MultiRNNCell ConvLSTM1D ConvLSTM2D ConvLSTM3D"
)
"""The names of the recurrent classes of Keras, PyTorch and TensorFlow 1."""

_COMPUTING = names("__init__ __call__ forward call")
"""The methods of a module that make it and compute its output."""

HARMLESS = (
    sys.stdlib_module_names
    | FRAMEWORK_PACKAGES
    | names("attr attrs typing_extensions six numpy scipy pandas sklearn gym gymnasium torchmetrics tokenizers tqdm")
)
"""Modules that have no layers but those of the frameworks, and no decorator that changes the layers of a class."""


class Program(Statements):
    """Follows a file.

    Attributes:
        instances: the objects of the file's classes, in order of creation.
        recurrent: the names at the top of the file that can lead to something recurrent.
        presuming: what functions that are followed were not given, and the file may give them, in words.
        unfollowed: what the file does that may change any of its models, in words.
        functions, classes: those that the file defines, in order.
        followed: the definitions that have been called.
    """

    own: ClassVar = names("function presuming _depth _early _certain _exact _times _trying")
    """The attributes of which each call of a function has its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.instances: list[Instance] = []
        self.recurrent: frozenset[str] = frozenset()
        self.presuming: tuple[str, ...] = ()
        self.unfollowed: list[str] = []
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.followed: set[ast.AST] = set()
        self._changed: dict[ast.AST, str] = {}
        """The definitions that a decorator from elsewhere may change or give arguments, and which one, in words."""
        self._remembered: dict[tuple[Value, ...], Value] = {}
        """What functions with `lru_cache` have returned, by their arguments."""

    # Calls

    def call(self, called: Value, given: Given) -> Value:
        """Return the result of calling a value, such as a function, a class or an object of the text."""
        match called:
            case Function() if called.decorators & {"lru_cache", "cache"} and {*map(type, given.all)} <= {*PLAIN}:
                key = (called.node, called.owner, *given.positional, *given.named.items())
                if key not in self._remembered and not self.doubts:
                    self._remembered[key] = self.invoke(called, given)
                return self._remembered.get(key, left_open(given.node))
            case Function():
                return self.invoke(called, given)
            case Class() if given.positional and any(base.name.endswith("Enum") for base in called.named):
                return given.positional[0]  # a member is its value
            case Class():
                return self.instantiate(called, given)
            case Method(owner=Class(), name="__new__") | Named(path=("object", "__new__")):
                of = given.get("", 0)
                return self.fresh(Instance(of)) if isinstance(of, Class) else left_open(given.node)
            case Instance() if (own := called.method("__call__")) is not None:
                return self.invoke(own, given)
        return super().call(called, given)

    def invoke(self, function: Function, given: Given) -> Value:
        """Return a function's result; a generator's body is followed up to an item whenever one is taken."""
        body = self._body(function, given)
        if function.yields:
            return Stream(self._produced(body))
        with self._apart({}):
            return end_of(body)

    def _produced(self, body: Following[Value]) -> Iterator[Value]:
        """Yield the items of a generator, as far as it is known that they are taken and that there are any."""
        state, doubts = {name: copy(vars(self)[name]) for name in self.own}, len(self.doubts)
        while len(self.doubts) == doubts:
            with self._apart(state):
                item = next(body, MISSING)
                if isinstance(item, Unknown) and item.rest:  # whether it goes on from here is not known
                    self.doubts.append(item)
                    _ = [*body]
            if item is MISSING:
                return
            yield item
        yield Unknown("whether an iterator is asked for this item is not known", rest=True)

    @contextmanager
    def _apart(self, state: dict[str, Any]) -> Iterator[None]:
        """Follow something with a state of its own: begin with what `state` has, and keep there what it comes to."""
        outer, doubts = {name: vars(self)[name] for name in self.own}, len(self.doubts)
        vars(self).update(state)
        try:
            yield
        finally:
            state |= {name: vars(self)[name] for name in self.own}
            vars(self).update(outer)
            del self.doubts[doubts:]

    def _body(self, function: Function, given: Given) -> Following[Value]:
        """Follow a function; return its result, which is one of several if it may return early."""
        node = function.node
        self.followed.add(node)
        why = ""
        if self._depth >= MAX_DEPTH or self._steps > MAX_STEPS // 2:
            why = f"calls of {function.name} are nested too deeply, or are too many"
        elif not {*function.yields} <= {getattr(each, "value", None) for each in ast.walk(node)}:
            why = f"{function.name} yields in the middle of an expression"
        if why:
            if function.yields:
                yield Unknown(why, rest=True)
            return Unknown(why)
        scope = Scope({}, function.scope)
        of = getattr(function.owner, "cls", None) or function.cls
        around = () if of is None else [each.node for each in of.line]
        self.presuming += tuple(self._changed[each] for each in (node, *around) if each in self._changed)
        self._bind_parameters(function, given, scope)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        self.function, self._early = function.cls.name if function.cls is not None else function.name, []
        self._depth, self._certain = self._depth + 1, len(self.doubts)
        end = yield from self.follow(node.body, scope)
        value = None if end is None else end.value
        if function.yields and isinstance(value, Unknown) and len(self.doubts) > self._certain:  # it may not end here
            yield replace(self.doubts[-1], rest=True)
        return self.one_of([*self._early, value], self.doubts[-1]) if self._early else value

    def instantiate(self, cls: Class, given: Given) -> Value:
        """Return the object that a call of a class creates."""
        self.followed.add(cls.node)
        own, bare = cls.get("__new__"), Instance(cls)
        instance = self.invoke(replace(own, owner=cls), given) if isinstance(own, Function) else self.fresh(bare)
        if not isinstance(instance, Instance) or instance.cls is not cls:
            return instance
        self.instances += [instance] * (instance not in self.instances)
        if (start := instance.method("__init__")) is not None:
            self.invoke(start, given)
        else:  # a dataclass
            self.presuming += tuple(self._changed[each.node] for each in cls.line if each.node in self._changed)
            instance.values |= dict(zip(cls.fields, given.positional, strict=False)) | given.named
            for name in cls.fields:
                if name not in instance.values and (usual := cls.get(name)) is not MISSING:
                    usual = self.call(usual, Given([], {}, given.node)) if isinstance(usual, Factory) else usual
                    instance.values[name] = self.setting(name, given.unknown or usual)
            if (after := instance.method("__post_init__")) is not None:
                self.invoke(after, Given([], {}, given.node))
        return instance

    def _bind_parameters(self, function: Function, given: Given, scope: Scope) -> None:
        """Bind a function's parameters: to the call's argument, else a setting, else the default."""
        arguments = function.node.args
        every, positional = [*arguments.posonlyargs, *arguments.args], given.positional
        if (function.cls or function.owner) is not None and "staticmethod" not in function.decorators:
            if function.owner is not None or not positional:
                positional = [function.owner or function.cls, *positional]  # else Base.__init__(self, ...)
            scope.values |= {"__class__": function.cls, "__self__": positional[0]}
        values = dict(zip([each.arg for each in every], positional, strict=False)) | given.named
        of = function.cls.name if function.cls is not None and function.name == "__init__" else function.name
        parameters = [*every, *arguments.kwonlyargs]
        for parameter in parameters:
            name = parameter.arg
            known = name in values and not isinstance(values[name], Unknown | Named)
            usual = function.defaults.get(name, MISSING)
            opened = Open(name, parameter.lineno, usual if isinstance(usual, int | float | str) else None)
            why = Unknown(f"{name} is a parameter of {of} without a default value", (opened,))
            unsaid = given.unknown is None and name not in {**values, **function.defaults}
            cls = self._class_of(parameter, function.scope) if unsaid else None
            if cls is not None:
                values[name] = self.instantiate(cls, Given([], {}, parameter))
                self.presuming += (f"{name} is {cls.name}() with its default values",)
            unwritten = given.unknown and replace(why, why=given.unknown.why)
            value = values.pop(name, unwritten or (why if usual is MISSING else usual))
            scope.values[name] = value if known else self.setting(name, value)
        if isinstance(function.owner, Instance) and function.name == "__init__":
            function.owner.given.update((each.arg, scope.values[each.arg]) for each in parameters[1:])
        more = [given.unknown] if given.unknown is not None and given.unknown.rest else []
        if arguments.vararg is not None:
            scope.values[arguments.vararg.arg] = Tuple([*positional[len(every) :], *more])
        if arguments.kwarg is not None:
            scope.values[arguments.kwarg.arg] = values if more else given.unknown or values

    def _class_of(self, parameter: ast.arg, scope: Scope) -> Class | None:
        """Return the class of settings that a parameter is meant to be an object of, by its annotation or its name."""
        if parameter.annotation is not None:
            cls = self.value(parameter.annotation, scope)
            record = isinstance(cls, Class) and cls.fields and cls.get("__init__") is MISSING
            return cls if record and {base.name for base in cls.named} <= NO_BASES else None
        named = [each for each in self.classes if each.name.lower().endswith(parameter.arg.lower())]
        plain = [each for each in named if not {base.name for base in each.named} - NO_BASES]
        usual = names("config configs conf cfg args opt opts options hparams params hps settings")
        return plain[0] if len(plain) == 1 and parameter.arg in usual else None

    # Definitions

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: Scope) -> None:
        """Bind the name of a function or a class that the text defines, and follow the body of a class."""
        self.recurrent |= {node.name} if RECURRENT & words_in(node) else set()
        if isinstance(node, ast.ClassDef):
            self._define_class(node, scope)
        else:
            self.functions.append(self.defined(node, scope))
            self._decorate(self.functions[-1], scope)

    def _decorate(self, made: Function | Class, scope: Scope) -> None:
        """Bind a name to its function or class, as changed by the file's decorators."""
        name, line = made.name, made.node.lineno
        value: Value = made
        for each in reversed(getattr(made.node, "decorator_list", [])):
            if isinstance(each, ast.Attribute) and each.attr in ("setter", "deleter"):
                name = f"{made.name}.{each.attr}"
                continue
            decorator, changed = self.value(each, scope), value
            if isinstance(decorator, Function | Class | Instance | Partial):
                changed = self.call(decorator, Given([value], {}, each))
                value = changed if isinstance(changed, Class) or isinstance(made, Function) else value
            written = source_of(getattr(each, "func", each))
            computes = isinstance(made, Class) or made.name in _COMPUTING
            other = computes and self._is_foreign(decorator) and "regist" not in written.lower()
            gives = names("configurable capture lru_cache cache")  # arguments from a file, or the same object again
            if changed is not value or other or written.endswith("validator") or written.rpartition(".")[2] in gives:
                decorated = f"the decorator {written} (line {each.lineno}) does to {name}"
                self._changed[(scope.cls or made).node] = f"what {decorated} is not known"
            if "singledispatch" in written:
                value = Unknown(f"which function {name} is depends on its argument (line {line})")
        scope.values[name] = value

    def _is_foreign(self, value: Value) -> bool:
        """Return whether a decorator or a base class is neither the file's nor a framework's."""
        path = value.path if isinstance(value, Named | Call) else ()
        origins = self.stars if isinstance(value, Named) and len(path) == 1 else [path]
        found = {one for each in origins for one in each[:1]} & (self.imported - HARMLESS)
        return isinstance(value, Unknown) or bool(found)

    def _define_class(self, node: ast.ClassDef, scope: Scope) -> None:
        inside = Scope({}, scope)
        bases = [self.value(base, scope) for base in node.bases]
        # What pydantic's class adds to a class of settings makes no difference here.
        cls = Class(node, inside, tuple(each for each in bases if each != Named(("pydantic", "BaseModel"))))
        self.classes.append(cls)
        defined, inside.cls = len(self.functions), cls
        self.run(node.body, inside)
        obscure = [f"__delattr__ of {cls.name}"] * ("__delattr__" in inside.values)  # not followed
        for meta in [source_of(each.value) for each in node.keywords if each.arg == "metaclass"]:
            said = f"what {meta}, the metaclass of {cls.name}, does is not known"
            self.unfollowed += [said] * ("ABC" not in meta)
        pairs = zip(node.bases, bases, strict=True) if _COMPUTING & inside.values.keys() else ()
        foreign = [source_of(each) for each, base in pairs if self._is_foreign(base)]
        empty = PLAIN_BASES | names("PreTrainedModel PyTorchModelHubMixin Registrable")  # they have no layers
        foreign = [each for each in foreign if each.partition("[")[0].rpartition(".")[2] not in empty]
        obscure += [f"{each}, the base of {cls.name}," for each in foreign]
        self._changed |= {node: f"what {obscure[0]} does is not known"} if obscure else {}
        inside.values = {inside.private(name): value for name, value in inside.values.items()}
        del self.functions[defined:]
        for name, each in [*inside.values.items()]:
            if isinstance(each, Instance) and (own := each.method("__set_name__")) is not None:
                self.invoke(own, Given([cls, name], {}, node))
        if isinstance(start := cls.get("__init_subclass__", after=cls), Function):
            given = {each.arg: self.value(each.value, scope) for each in node.keywords if each.arg}
            self.invoke(start, Given([cls], given, node))
        self._decorate(cls, scope)
