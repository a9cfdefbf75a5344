"""The models of a Python source: which of its calls belong together, what they are called, and the rows they make."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rnncli.errors import shorten
from rnncli.formats.nodes import Node, Note, Part, Read, left_note, parts_of
from rnncli.formats.python.graph import Graphs
from rnncli.formats.python.objects import PLAIN, Call, Function, Given, Instance, Open, Unknown, Value
from rnncli.formats.python.steps import Edge, Module, Step, Tensor, reached, recurs
from rnncli.layers.base import snake_case

_ASSUMED_ORDER = Note(
    "the layers follow one another in the order of __init__: the file does not say how they are called", "assumed"
)
_MAX_DEPTH = 8
_FLAGS: Mapping[str, Value] = {"training": False, "mask": None}
"""Parameters of forward and call that are no data, and what they are where nothing is said."""


@dataclass
class Found:
    """A model of a source.

    Attributes:
        name: what the source calls it.
        line: where it stands.
        steps: what it computes.
        outputs: what it returns.
        modules: what its modules are called.
        others: what else it is called.
        assumed: what is assumed of it.
        loose: whether nothing in the file says that it is a model.
        parts: its recurrent parts.
        left: the nodes that are in none.
        notes: what else a reader should know.
        names: what leaves it open.
        fault: why it has no part, if it should have one.
    """

    name: str
    line: int
    steps: list[Step] = field(default_factory=list)
    outputs: Sequence[Tensor] = ()
    modules: dict[Module, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    assumed: tuple[Note, ...] = ()
    loose: bool = False
    parts: tuple[Part, ...] = ()
    left: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[Open, ...] = ()
    fault: str = ""

    def make_parts(self) -> None:
        """Find its parts, or why there are none."""
        self.names = tuple(dict.fromkeys(name for step in self.steps for name in step.names))
        if self.names:
            return
        rows = parts_of(_nodes(self))
        notes = [note.text for note in rows.notes]
        reasons = [note.text for node in rows.left for note in node.notes if note.effect == "left out"]
        self.left = rows.left
        if not rows.parts:
            self.fault = next(iter([*reasons, *notes]), "")
            return
        for part in rows.parts:
            between = "/" if part.framework == "keras" else "."
            alone = len(rows.parts) == 1
            name, others = (self.name, self.others) if alone else (f"{self.name}{between}{part.name}", (part.name,))
            self.parts += (replace(part, name=name, other_names=others, notes=(*self.assumed, *part.notes)),)
        known = {note.text for part in rows.parts for note in part.notes}
        texts = [*(reason for reason in reasons if reason not in known), *notes, left_note(rows.left)]
        said = [f"{shorten(self.name)}: {text}" for text in texts if text]
        self.notes = tuple(dict.fromkeys(said))


def found_in(graphs: Graphs) -> list[Found]:
    """Return what a source says of each of its recurrent models, in the order of the file."""
    found: list[Found] = []
    shown: dict[Module, str] = {}
    seen: set[object] = set()
    for source in (_keras_models(graphs), _objects(graphs, shown), _loose(graphs)):
        for model in source:
            loops = {step.module for step in model.steps if step.module is not None and recurs(step.module)}
            unknown = any(step.module is None and (step.names or step.kind == "unknown") for step in model.steps)
            if not loops and not (unknown and graphs.recurrent & {model.name, *model.others}):
                continue
            if loops and loops <= shown.keys():
                others = ", ".join(dict.fromkeys(shown[each] for each in loops))
                note = f"{model.name} (line {model.line}) has the recurrent layers of {others}, and none of its own"
                found += [] if model.loose else [Found(model.name, model.line, notes=(note,))]
                continue
            model.make_parts()
            same = (model.name, tuple(str(part.network) for part in model.parts), model.names, model.fault)
            if same not in seen:
                found.append(model)
                shown |= dict.fromkeys(loops, model.name) if model.parts or model.names else {}
            seen.add(same)
    found.sort(key=lambda each: each.line)
    counts: Counter[str] = Counter()
    for model in found:
        counts[model.name] += bool(model.parts)
        if model.parts and counts[model.name] > 1:
            own, model.name = model.name, f"{model.name}_{counts[model.name]}"
            parts = [replace(part, name=model.name + part.name.removeprefix(own)) for part in model.parts]
            model.parts = tuple(parts)
    return found


# Which steps are a model


def _keras_models(graphs: Graphs) -> Iterator[Found]:
    """Yield the models of Keras that are none of another's layers."""
    for model in graphs.modules:
        if model.framework != "keras" or model.inner or (model.items is None and not model.outputs):
            continue
        steps, outputs = reached(model.outputs), model.outputs
        graphs.step(len(steps) // 10)
        if model.items is not None:
            steps, value = graphs.recorded(partial(graphs.follow_module, model, None, model.given))
            outputs = graphs.tensors(value)
        name, *others = [*filter(None, (model.function, *model.variables)), "model"]
        yield Found(name, model.line, steps, outputs, others=tuple(others[:-1]))


def _objects(graphs: Graphs, shown: Mapping[Module, str]) -> Iterator[Found]:
    """Yield the objects of the file's classes that have modules, those first that are in no other."""
    inside = {each for outer in graphs.instances for each in _held(outer) if each is not outer}
    for instance in sorted(graphs.instances, key=inside.__contains__):
        modules = {each: way for each, way in _held(instance).items() if isinstance(each, Module)}
        loops = {each for each in modules if recurs(each)}
        if instance.cls is None or (instance in inside and loops <= shown.keys()):
            continue
        own, assumed = graphs.computing(instance), False
        steps, value = graphs.recorded(partial(_computed, graphs, own)) if own is not None else ([], None)
        outputs = graphs.tensors(value)
        if loops and not any(recurs(step.module) for step in steps):
            assumed, outputs = True, []
            steps, _ = graphs.recorded(partial(_chained, graphs, [*instance.values.values()]))
        called = {step.module for step in steps}
        for module in modules:
            if module not in called and module.items is None and not module.outputs and not assumed:
                steps += graphs.recorded(partial(graphs.follow_module, module, None, module.given))[0]
        others = tuple(dict.fromkeys(instance.variables))
        yield Found(
            instance.cls.name, instance.cls.node.lineno, steps, outputs, modules, others, (_ASSUMED_ORDER,) * assumed
        )


def _computed(graphs: Graphs, function: Function) -> Value:
    """Return what a method returns of data."""
    arguments = function.node.args
    every = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][1:]
    required = every[: len(every) - len(arguments.defaults)] or every[:1] or [""]
    data = [_FLAGS[name] if name in _FLAGS else graphs.data() for name in required]
    return graphs.call(function, Given(data, {}, function.node))


def _chained(graphs: Graphs, values: Sequence[Value], depth: int = 0, data: Value = None) -> Value:
    """Return what modules return that follow one another, those in lists and dicts too."""
    data = graphs.data() if data is None else data
    graphs.step(len(values))
    for value in values:
        if isinstance(value, list | dict) and depth < _MAX_DEPTH:
            data = _chained(graphs, [*value.values()] if isinstance(value, dict) else value, depth + 1, data)
        elif isinstance(value, Instance | Module) or _inside(value):
            node = value.given.node if isinstance(value, Call) else ast.Name("forward", lineno=0)
            made = graphs.tensors(graphs.follow_module(value, data, Given([], {}, node)))
            data = next((Tensor(each.step) for each in made), data)  # which output is read, nothing says
    return data


def _loose(graphs: Graphs) -> Iterator[Found]:
    """Yield what stands in no model: the calls and the modules of each function, and of the file."""
    used = {step for model in graphs.modules for step in reached(model.outputs)}
    groups: dict[str, list[Step]] = {}
    for step in graphs.steps:
        if step not in used:
            groups.setdefault(step.function, []).append(step)
    for function, steps in groups.items():
        read = {edge.step for step in steps for edge in step.reads or ()}
        outputs = [Tensor(step) for step in steps if step not in read and step.reads]
        named = _by_variable([step.module for step in steps if step.module is not None and not step.is_keras])
        loop = next((step for step in steps if recurs(step.module)), steps[0])
        name = function or (named[loop.module] if loop.module is not None and not loop.is_keras else "model")
        yield Found(name, steps[0].line or loop.line, steps, outputs, named, loose=True)
    owned = {each for instance in graphs.instances for each in _held(instance)}
    called = {step.module for step in graphs.steps}
    modules: dict[tuple[str, Module | None], list[Module]] = {}
    for module in graphs.modules:
        if module.framework == "torch" and not module.inner and module not in owned and module not in called:
            alone = module.items is not None and any(map(recurs, _held(module)))
            modules.setdefault((module.function, module if alone else None), []).append(module)
    for (function, _), some in modules.items():
        names = _by_variable(some)
        for each in some:
            names = {inner: f"{names[each]}.{way}" for inner, way in _held(each).items() if way} | names
        steps, _value = graphs.recorded(partial(_chained, graphs, some))
        first = next((each for each in some if any(map(recurs, _held(each)))), some[0])
        yield Found(function or names[first], first.line, steps, (), names, assumed=(_ASSUMED_ORDER,), loose=True)


# What modules are called


def _inside(value: Value) -> Sequence[Value]:
    """Return the modules of which one is meant, or that something is called with: `weight_norm(nn.Linear(3, 4))`."""
    if isinstance(value, Unknown):
        return value.values
    return [each for each in value.given.all if isinstance(each, Module)] if type(value) is Call else ()


def _held(value: Value) -> dict[Value, str]:
    """Return the modules and objects in a value, each with the way to it: `encoder.rnn`."""
    found: dict[Value, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[Value, str]] = [(value, "")]
    while waiting:
        each, name = waiting.pop()
        if isinstance(each, (*PLAIN, Tensor)) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Instance | Module):
            found[each] = name
            inside = each.values if isinstance(each, Instance) else each.items or {}
        elif isinstance(each, list | dict):
            inside = each if isinstance(each, dict) else dict(enumerate(each))
        else:
            inside = dict(enumerate(_inside(each)))
        lead = f"{name}." if name else ""
        waiting += [(one, f"{lead}{key}".rstrip(".")) for key, one in reversed([*inside.items()])]
    return found


def _by_variable(modules: Sequence[Module]) -> dict[Module, str]:
    each_once = enumerate(dict.fromkeys(modules))
    return {each: next(iter(each.variables), f"{each.name.lower()}_{number}") for number, each in each_once}


# Rows


def _nodes(model: Found) -> list[Node]:
    """Return the steps of a model as nodes."""
    names: dict[Step, str] = {}
    first: dict[tuple[Module, str], str] = {}
    counts: Counter[str] = Counter()
    nodes: list[Node] = []
    for step in model.steps:
        name = _step_name(step, model.modules)
        again = "" if step.module is None else first.get((step.module, step.level), "")
        own = f"{again} (call {counts[again] + 1})" if again else name
        while not again and counts[own]:
            own = f"{name}_{counts[name]}" if step.is_keras or step.module is None else f"{name} ({counts[name] + 1})"
            counts[name] += 1
        counts[again or own] += 1
        names[step] = own
        if step.module is not None and not again:
            first[step.module, step.level] = own
        made = step.made
        reads = tuple(
            Read(names.get(edge.step, f"{edge.step.kind} elsewhere"), edge.returns) for edge in step.reads or ()
        )
        before = step.reads[0].step.out if step.reads and step.is_keras else None
        lead = "" if made is None else f"{shorten(own)} "
        nodes.append(
            Node(
                own,
                step.kind,
                step.word,
                None if step.reads is None else reads,
                (made.features if made is not None else None) or before,
                convention="keras" if step.is_keras else "torch",
                line=step.line or None,
                notes=tuple(Note(f"{lead}{note.text}", note.effect) for note in step.notes),
                unsaid=made.unsaid - {"shape"} if made is not None else frozenset(),
                where=made.where if made is not None else None,
                owner=again,
                around=made.around if made is not None else (0, 0),
            )
        )
    # States that go out beside outputs say nothing about these.
    outputs = [Edge(each.step, each.returns) for each in model.outputs if not each.part and not each.states]
    outputs = outputs or [Edge(each.step, "vector") for each in model.outputs]
    ends = tuple(Read(names[edge.step], edge.returns) for edge in outputs if edge.step in names)
    return [*nodes, Node("output", "output", None, ends)] if ends else nodes


def _step_name(step: Step, names: Mapping[Module, str]) -> str:
    if step.module is None:
        return step.kind
    given = step.module.given.named.get("name")
    if step.is_keras and isinstance(given, str) and 0 < len(given) <= 200:
        return given
    named = "" if step.is_keras else names.get(step.module, "")
    return (named or snake_case(step.kind)) + step.level
