"""Containers of modules, and objects with modules: what is registered, and what a source changes in them later."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from rnncli.formats import Settings
from rnncli.formats.frameworks import NOT_TRAINED, class_of
from rnncli.formats.keras.config import OTHER_CLASSES
from rnncli.formats.nodes import Effect, Note, names
from rnncli.formats.python.modules import Modules, kind_of
from rnncli.formats.python.objects import (
    KEPT,
    NO_BASES,
    Call,
    Function,
    Given,
    Instance,
    ModuleDict,
    ModuleList,
    Named,
    Unknown,
    Value,
    left_open,
)
from rnncli.formats.python.steps import Module, TracedTensor, held_in, reached, recurs
from rnncli.formats.python.trees import source_of
from rnncli.layers.weights import Framework

_SHORT: Mapping[str, Framework] = {"nn": "torch", "layers": "keras", "models": "keras"}
"""Usual names of modules in a text that shows no imports."""

_WITHOUT_LAYERS = sys.stdlib_module_names | names("numpy scipy pylab matplotlib tensorflow torch")
"""Modules without layers, from which a file may import all names."""

BUILTINS = frozenset(dir(builtins))
"""The names that a file has without importing them."""

_ADD = names("add append add_module")

CHANGE = _ADD | names("pop insert extend build")
"""Methods that change what is in a container."""


class Containers(Modules):
    """Follows containers, objects and copies of modules.

    Attributes:
        modules: the modules that the file creates.
        lent: modules that functions from elsewhere have been given, each with that call's result.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.modules: list[Module] = []
        self.lent: dict[Module, Unknown] = {}

    def framework(self, path: tuple[str, ...]) -> Framework | None:
        """Return the framework that a name belongs to, by its path."""
        if len(path) == 1 and path[0] in BUILTINS:
            return None
        if len(path) == 1:
            brought = [each for star in reversed(self.stars) if (each := self.framework((*star, path[0]))) is not None]
            others = any(star[0] not in _WITHOUT_LAYERS for star in self.stars)
            known = (class_of("keras", path[0]) or path[0] in OTHER_CLASSES) and not others
            return brought[0] if brought else "keras" if known else None
        if {"keras", "tf_keras", "keras_core"} & set(path[:-1]):
            return "keras"
        if path[:2] == ("torch", "nn") or path[:3] == ("torch", "ao", "nn"):
            return "torch"
        return None if path[0] in self.imported else _SHORT.get(path[0])

    def computes(self, instance: Instance) -> bool:
        """Return whether an object's class is derived from a framework's module; an unknown base class may be one."""
        bases = () if instance.cls is None else instance.cls.named
        unknown = {base.name for base in bases} - NO_BASES and self.computing(instance) is not None
        return any(self.framework(base.path) is not None for base in bases) or bool(unknown)

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
            own = self.modules_of(owner)
            for step in self.steps[begun:]:
                if step.has_weights and step.module not in own:
                    step.note(Note(said, "counted twice"))
        return value

    def modules_of(self, owner: Instance | Module) -> dict[Value, str]:
        """Return a module and those registered in it, each with its path: PyTorch registers none of a plain list."""
        bases = owner.cls.named if isinstance(owner, Instance) and owner.cls is not None else ()
        keras = any(self.framework(base.path) == "keras" for base in bases)

        def enters(value: Value) -> bool:
            if isinstance(value, Instance):
                return value.cls is not None and bool({base.name for base in value.cls.named} - NO_BASES)
            return keras or not isinstance(value, list | dict) or isinstance(value, ModuleList | ModuleDict)

        found = held_in(owner, enters)
        ends = [end for each in found if isinstance(each, Module) for end in each.outputs]
        return {step.module: step.kind for step in reached(ends)} | found

    def differ(self, owner: Instance | Module, text: str, effect: Effect = "left out") -> None:
        """Record a note on all modules of an owner."""
        for each in held_in(owner):
            if isinstance(each, Module):
                each.notes += (Note(text, effect),)

    def copied(self, value: Value) -> Value:
        """Return a copy of modules, with separate weights."""
        self.step()
        made: Value
        match value:
            case Module():
                items = None if value.items is None else self.copied(value.items)
                made = replace(value, items=items, variables=[], inner=False)
                template = not value.variables or (value.function and value.items is None)
                value.inner |= value.framework == "torch" and bool(template)  # made only to be copied
                self.modules.append(made)
            case Instance():
                made = replace(value, values=self.copied(value.values), variables=[])
                self.instances.append(made)
            case dict():
                made = type(value)((key, self.copied(each)) for key, each in value.items())
            case list() | set():
                made = type(value)(self.copied(each) for each in value)
            case _:
                return value
        return self.fresh(made)

    def add_to(self, module: Module, name: str, value: Value) -> None:
        """Add a layer to a container, or replace the one of this name."""
        assert module.items is not None
        if isinstance(value, TracedTensor):  # Input((50, 8)) in a list
            value = value.step.module
        if isinstance(value, Module):
            value.inner = True
        self.put(module, module.items, name, value)

    def change_items(self, owner: Module, name: str, given: Given) -> Value:
        """Change a container as one of its methods does; an unknown change adds an unknown layer."""
        owner.outputs, items, place = [], owner.items or {}, given.get("key", 0, -1)
        if name == "add_module":
            named = given.get("name", 0)
            self.add_to(owner, named if isinstance(named, str) else f"{len(items)}_", given.get("module", 1))
        elif name in _ADD:
            if owner in self.lent:  # a function from elsewhere that is given an unfinished model may add layers
                self.add_to(owner, f"{len(items)}_", self.lent.pop(owner))
            number = str(len(items))
            self.add_to(owner, f"{number}_" if number in items else number, given.get("layer", 0))
        elif name == "pop" and type(place) is int and -len(items) <= place < len(items) and not self.doubted(owner):
            return items.pop([*items][place])
        elif name == "build":
            shape = given.get("input_shape", 0)
            input_ = Module(("Input",), Given([], {"batch_shape": shape}, given.node))
            owner.items = {"input": input_, **items} if isinstance(shape, list) else items
        else:
            self.put(owner, items, str(len(items)), Unknown(left_open(given.node).why))
        return owner if owner.framework == "torch" else None

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        """Set an attribute: an argument of a layer that is made already, or weights that it shares with another one."""
        where = f"(line {getattr(node, 'lineno', 0)})"
        if isinstance(owner, Named) and self.framework(owner.path) is not None:
            self.unfollowed.append(f"what follows from setting {source_of(node)} {where} is not known")
        if name in ("forward", "call") and isinstance(owner, Instance | Module) and not isinstance(value, Function):
            return self.differ(owner, f"is called otherwise: its {name} is set {where}")
        if name == "data" and isinstance(owner, Call) and isinstance(owner.of, Module):  # of a weight
            own = isinstance(value, Unknown) and KEPT.sub("", source_of(node)) in [each.name for each in value.names]
            owner, name = owner.of, "" if own or (isinstance(value, Call) and "init" in value.path) else owner.name
        if not isinstance(owner, Module):
            return super().set_attribute(owner, name, value, node)
        if name in (owner.items or {}):
            return self.put(owner, owner.items or {}, name, value)
        if isinstance(value, Call) and value.of is owner:  # its own weights
            return None
        if (name, value) == ("trainable", False):
            self.differ(owner, NOT_TRAINED, "differs row")
        cls = class_of(owner.framework, owner.name)
        bare = (name, value) == ("bias", None) and not recurs(owner)
        if isinstance(value, Call) and isinstance(value.of, Module):
            said = [*value.of.variables, value.of.name][0]
            self.differ(owner, f"shares the weights of {said}, which are counted twice", "counted twice")
        elif re.match("(weight|bias|kernel|recurrent_kernel|embeddings|gamma|beta)(_|$)", name) and not bare:
            if all(each.effect != "assumed size" for each in owner.notes):
                text = f"has the sizes that it is made with: its {name} is set later {where}"
                self.differ(owner, text, "assumed size")
        elif isinstance(value, Module | Instance | Function) and name != "flatten_parameters":  # which only speeds up
            self.differ(owner, f"has its {name} set {where}, which is left out")
        later = names("return_sequences return_state go_backwards activation recurrent_activation batch_first dropout")
        known = bare or name in later  # which have no effect on weights
        if cls is None or name not in {*cls.takes} - cls.inert or not (known or owner.framework == "keras"):
            return None
        named = dict(zip(cls.takes, owner.given.positional, strict=False)) | owner.given.named
        if not known:  # what it does to weights
            value = Unknown(f"it is set after the layer is made {where}")
        self.put(owner, named, name, False if bare else value)
        owner.given = replace(owner.given, positional=[], named=named)
        return None


def modules_among(held: Mapping[Value, Value]) -> ModuleDict:
    """Return the modules among some values."""
    kinds = Module | Instance | ModuleList | ModuleDict
    return ModuleDict((way, each) for way, each in held.items() if isinstance(each, kinds))


def children_of(owner: Instance | Module) -> ModuleDict:
    """Return the modules that are set on a module, or given to it, by name."""
    return modules_among(owner.values if isinstance(owner, Instance) else owner.items or {})
