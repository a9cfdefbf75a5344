"""The models of a Python source: which of its calls belong together, what they are called, and the rows they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rnncli.errors import shorten
from rnncli.formats.keras.config import snake_case
from rnncli.formats.nodes import Node, Note, Part, Read, Returned, left_note, parts_of
from rnncli.formats.python.graph import Graphs, Module, Step, Tensor, reached, recurs, tensors_in
from rnncli.formats.python.objects import Call, Function, Given, Instance, Open, Unknown, Value

ASSUMED_ORDER = "the layers follow one another in the order of __init__: the file does not say how they are called"

_MAX_DEPTH = 8
_FLAGS: Mapping[str, Value] = {"training": False, "mask": None}
"""Parameters of forward and call that are no data, and what they are where nothing is said."""


@dataclass(frozen=True)
class Found:
    """What a source says of one model.

    Attributes:
        name: what the source calls it.
        line: where it stands.
        parts: its recurrent parts.
        left: the nodes that are in none.
        notes: what else a reader should know.
        names: what leaves it open.
        fault: why it has no part, if it should have one.
        other_names: what else the source calls it.
    """

    name: str
    line: int
    parts: tuple[Part, ...] = ()
    left: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[Open, ...] = ()
    fault: str = ""
    other_names: tuple[str, ...] = ()


@dataclass
class _Model:
    """The steps of one model.

    Attributes:
        name: what the source calls it.
        line: where it stands.
        steps: what it computes.
        outputs: what it returns.
        names: what its modules are called.
        owners: the nearest objects that own its modules.
        others: what else it is called.
        assumed: what is assumed of it.
        loose: whether nothing in the file says that it is a model.
    """

    name: str
    line: int
    steps: list[Step]
    outputs: Sequence[Tensor] = ()
    names: dict[Module, str] = field(default_factory=dict)
    owners: dict[Module, Instance] = field(default_factory=dict)
    others: Sequence[str] = ()
    assumed: tuple[Note, ...] = ()
    loose: bool = False

    @property
    def loops(self) -> set[Module]:
        """Its recurrent modules, those that are not understood too."""
        return {each for step in self.steps for each in (step.module, *step.maybe) if recurs(each)}


def found_in(graphs: Graphs) -> list[Found]:
    """Return what a source says of each of its recurrent models, in the order of the file."""
    found: list[Found] = []
    shown: dict[Module, str] = {}
    seen: set[object] = set()
    used: set[Step] = set()
    for source in (_keras_models(graphs, used), _objects(graphs, shown), _loose(graphs, used)):
        for model in source:
            loops = model.loops
            unknown = [step for step in model.steps if step.module is None and (step.names or step.kind == "unknown")]
            if not loops and not (unknown and graphs.recurrent & {model.name, *model.others}):
                continue
            if loops and loops <= shown.keys():
                others = ", ".join(dict.fromkeys(shown[each] for each in loops))
                note = f"{model.name} (line {model.line}) has the recurrent layers of {others}, and none of its own"
                found += [] if model.loose else [Found(model.name, model.line, notes=(note,))]
                continue
            made = _found(model)
            same = (made.name, tuple(str(part.network) for part in made.parts), made.names, made.fault)
            if same not in seen:
                found.append(made)
                shown |= dict.fromkeys(loops, made.name) if made.parts or made.names else {}
            seen.add(same)
    return _numbered(sorted(found, key=lambda each: each.line))


def _numbered(found: Sequence[Found]) -> list[Found]:
    """Return models with names that are each of one alone."""
    counts: Counter[str] = Counter()
    numbered = []
    for each in found:
        counts[each.name] += bool(each.parts)
        if each.parts and counts[each.name] > 1:
            name = f"{each.name}_{counts[each.name]}"
            parts = [replace(part, name=name + part.name.removeprefix(each.name)) for part in each.parts]
            each = replace(each, name=name, parts=tuple(parts))
        numbered.append(each)
    return numbered


# Which steps are a model


def _keras_models(graphs: Graphs, used: set[Step]) -> Iterator[_Model]:
    """Yield the models of Keras that are none of another's layers."""
    models = [each for each in graphs.modules if each.framework == "keras" and (each.items is not None or each.outputs)]
    read: list[_Model] = []
    for model in models:
        steps, outputs = reached(model.outputs), model.outputs
        used |= {*steps}
        if model.inner:
            continue
        if model.items is not None:
            steps, value = graphs.recorded(partial(graphs.follow_module, model, None, model.given))
            outputs = [*tensors_in(value)]
        others = dict.fromkeys(name for name in (model.function, *model.variables) if name)
        read.append(_Model(model.function, model.line, steps, outputs, others=tuple(others)))
    functions = Counter(model.name for model in read if model.loops)
    for found in read:
        name = found.name if functions[found.name] == 1 else ""
        name = name or next((each for each in found.others if each != found.name), "") or found.name or "model"
        yield replace(found, name=name)


def _objects(graphs: Graphs, shown: Mapping[Module, str]) -> Iterator[_Model]:
    """Yield the objects of the file's classes that have modules, those first that are in no other."""
    inside = {each for outer in graphs.instances for each in _held(outer, maybe=True) if each is not outer}
    for instance in sorted(graphs.instances, key=inside.__contains__):
        held = {each: way for each, way in _held(instance).items() if isinstance(each, Module)}
        names = {each: way for each, (way, _) in held.items()}
        owners = {each: owner for each, (_, owner) in held.items() if owner is not None}
        loops = {each for each in _held(instance, maybe=True) if recurs(each)}
        if instance.cls is None or (instance in inside and loops <= shown.keys()):
            continue
        own = graphs.computing(instance)
        steps: list[Step] = []
        outputs: list[Tensor] = []
        if own is not None:
            steps, value = graphs.recorded(partial(_computed, graphs, own))
            outputs = [*tensors_in(value)]
        assumed: tuple[Note, ...] = ()
        if any(recurs(step.module) for step in steps) or not loops:
            called = {step.module for step in steps}
            for module in [each for each in names if each not in called and each.items is None and not each.outputs]:
                steps += graphs.recorded(partial(graphs.follow_module, module, None, module.given))[0]
        else:
            assumed = (Note(ASSUMED_ORDER, "assumed"),)
            steps, value = graphs.recorded(partial(_chained, graphs, [*instance.values.values()]))
        others = tuple(dict.fromkeys(instance.variables))
        yield _Model(instance.cls.name, instance.cls.node.lineno, steps, outputs, names, owners, others, assumed)


def _computed(graphs: Graphs, function: Function) -> Value:
    """Return what a method returns of data."""
    arguments = function.node.args
    every = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][1:]
    required = every[: len(every) - len(arguments.defaults)] or every[:1] or [""]
    data = [_FLAGS[name] if name in _FLAGS else graphs.data() for name in required]
    return graphs.call(function, Given(data, {}, function.node))


def _chained(graphs: Graphs, values: Sequence[Value]) -> Value:
    """Return what modules return that follow one another."""
    data: Value = graphs.data()
    for value in values:
        for one in _flat(value, 0):
            if isinstance(one, Instance | Module) or (isinstance(one, Unknown) and one.values) or _around(one):
                node = one.given.node if isinstance(one, Call) else getattr(getattr(one, "cls", None), "node", None)
                made = graphs.follow_module(one, data, Given([], {}, node))
                first = next(tensors_in(made), None)
                data = data if first is None else Tensor(first.step)  # which output is read, nothing says
    return data


def _loose(graphs: Graphs, used: set[Step]) -> Iterator[_Model]:
    """Yield what stands in no model: the calls and the modules of each function, and of the file."""
    groups: dict[str, list[Step]] = {}
    for step in graphs.steps:
        if step not in used:
            groups.setdefault(step.function, []).append(step)
    for function, steps in groups.items():
        read = {each for step in steps for each, _ in step.reads or ()}
        outputs = [Tensor(step) for step in steps if step not in read and step.reads]
        named = _by_variable([step.module for step in steps if step.module is not None])
        first = next((step for step in steps if recurs(step.module)), steps[0])
        torch = first.module is not None and first.module.framework == "torch"
        name = function or (named[first.module] if torch and first.module is not None else "model")
        yield _Model(name, steps[0].line or first.line, steps, outputs, named if torch else {}, loose=True)
    owned = {each for instance in graphs.instances for each in _held(instance, maybe=True)}
    called = {step.module for step in graphs.steps}
    modules: dict[tuple[str, Module | None], list[Module]] = {}
    for module in graphs.modules:
        if module.framework == "torch" and not module.inner and module not in owned and module not in called:
            alone = module.items is not None and any(map(recurs, _held(module)))
            modules.setdefault((module.function, module if alone else None), []).append(module)
    for (function, _), some in modules.items():
        names = _by_variable(some)
        for each in some:
            names = {inner: f"{names[each]}.{way}" for inner, (way, _) in _held(each).items() if way} | names
        steps, _value = graphs.recorded(partial(_chained, graphs, some))
        loop = next((each for each in some if any(map(recurs, _held(each)))), some[0])
        assumed = (Note(ASSUMED_ORDER, "assumed"),)
        yield _Model(function or names[loop], loop.line, steps, (), names, assumed=assumed, loose=True)


# What modules are called


def _flat(value: Value, depth: int) -> Iterator[Value]:
    """Yield the modules, the objects and the gaps in a value: in lists and dicts, but not in containers."""
    if isinstance(value, list | dict) and depth < _MAX_DEPTH:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _flat(each, depth + 1)
    else:
        yield value


def _around(value: Value) -> list[Module]:
    """Return the modules that a call of something else is given: `weight_norm(nn.Linear(3, 4))`."""
    return [each for each in value.given.all if isinstance(each, Module)] if type(value) is Call else []


def _held(value: Value, *, maybe: bool = False) -> dict[Value, tuple[str, Instance | None]]:
    """Return the modules and objects in a value, each with the way to it, `encoder.rnn`, and the object that has it.

    With `maybe` there are also those in calls of something else, and those of which one is meant.
    """
    found: dict[Value, tuple[str, Instance | None]] = {}
    waiting: list[tuple[Value, str, Instance | None, int]] = [(value, "", None, 0)]
    while waiting:
        each, name, owner, depth = waiting.pop()
        inside: dict[Value, Value] = {}
        if isinstance(each, Instance | Module) and each not in found:
            found[each] = name, owner
            inside = each.values if isinstance(each, Instance) else each.items or {}
            owner, depth = each if isinstance(each, Instance) else owner, 0
        elif isinstance(each, list | dict) and depth < _MAX_DEPTH:
            inside = each if isinstance(each, dict) else dict(enumerate(each))
        elif maybe:
            inside = dict(enumerate(each.values if isinstance(each, Unknown) else _around(each)))
        lead = f"{name}." if name else ""
        waiting += [(one, f"{lead}{key}", owner, depth + 1) for key, one in reversed(inside.items())]
    return found


def _by_variable(modules: Sequence[Module]) -> dict[Module, str]:
    each_once = enumerate(dict.fromkeys(modules))
    return {each: next(iter(each.variables), f"{each.name.lower()}_{number}") for number, each in each_once}


# Rows


def _nodes(model: _Model) -> list[Node]:
    """Return the steps of a model as nodes."""
    names: dict[Step, str] = {}
    first: dict[tuple[Module, str], str] = {}
    counts: Counter[str] = Counter()
    nodes: list[Node] = []
    for step in model.steps:
        name = _step_name(step, model.names)
        again = "" if step.module is None else first.get((step.module, step.level), "")
        keras = step.module is not None and step.module.framework == "keras"
        own = f"{again} (call {counts[again] + 1})" if again else name
        while not again and counts[own]:
            own = f"{name}_{counts[name]}" if keras or step.module is None else f"{name} ({counts[name] + 1})"
            counts[name] += 1
        counts[again or own] += 1
        names[step] = own
        if step.module is not None and not again:
            first[step.module, step.level] = own
        made = step.made
        reads = tuple(Read(names.get(each, f"{each.kind} elsewhere"), returns) for each, returns in step.reads or ())
        before = step.reads[0][0].out if step.reads else None
        nodes.append(
            Node(
                own,
                step.kind,
                step.word,
                None if step.reads is None else reads,
                (made.features if made is not None else None) or (before if keras else None),
                convention="keras" if keras else "torch",
                line=step.line or None,
                notes=tuple(Note(f"{shorten(own)} {note.text}", note.effect) for note in step.notes if made is not None)
                or step.notes,
                unsaid=made.unsaid - {"shape"} if made is not None else frozenset(),
                where=made.where if made is not None else None,
                owner=again,
            )
        )
    reads = tuple(Read(names[step], returns) for step, returns in _outputs(model.outputs) if step in names)
    return [*nodes, Node("output", "output", None, reads)] if reads else nodes


def _step_name(step: Step, names: Mapping[Module, str]) -> str:
    if step.module is None:
        return step.kind
    given = step.module.given.named.get("name")
    if step.module.framework == "keras" and isinstance(given, str) and 0 < len(given) <= 200:
        return given
    named = names.get(step.module) if step.module.framework == "torch" else None
    return (named or snake_case(step.kind)) + step.level


def _outputs(tensors: Sequence[Tensor]) -> list[tuple[Step, Returned | None]]:
    """Return what a model returns; states that go out beside outputs say nothing about these."""
    found = [(each.step, each.returns) for each in tensors if not each.part and not each.states]
    return found or [(each.step, "vector") for each in tensors]


def _found(model: _Model) -> Found:
    """Return what the rows of a model are."""
    others = tuple(name for name in model.others if name)
    names = tuple(dict.fromkeys(name for step in model.steps for name in step.names))
    result = Found(model.name, model.line, names=names, other_names=others)
    if names:
        return result
    rows = parts_of(_nodes(model))
    notes = [note.text for note in rows.notes]
    reasons = [note.text for node in rows.left for note in node.notes if note.effect == "left out"]
    lacking = tuple(dict.fromkeys(name for step in model.steps for name in step.lacks))
    if not rows.parts and lacking:
        return replace(result, names=lacking)
    if not rows.parts:
        return replace(result, fault=next(iter([*reasons, *notes]), ""), left=rows.left)
    parts = [_part(part, model, several=len(rows.parts) > 1) for part in rows.parts]
    said = dict.fromkeys(f"{shorten(model.name)}: {text}" for text in [*reasons, *notes, left_note(rows.left)] if text)
    return replace(result, parts=tuple(parts), left=rows.left, notes=tuple(said))


def _part(part: Part, model: _Model, *, several: bool) -> Part:
    """Return a part with the name of its model; of several, each with its own behind it."""
    keras = part.framework == "keras"
    name, others = model.name, tuple(dict.fromkeys(model.others))
    if several:
        own = {node.name: node for node in part.nodes}
        owners = {
            id(owner): owner
            for module, owner in model.owners.items()
            if any(name.partition(" (")[0] == model.names[module] for name in own)
        }
        inner = [owner for owner in owners.values() if owner.cls.name != model.name]
        name = inner[0].cls.name if len(owners) == 1 and inner else f"{model.name}{'/' if keras else '.'}{part.name}"
        others = (part.name,)
    return replace(part, name=name, other_names=others, notes=(*model.assumed, *part.notes))
