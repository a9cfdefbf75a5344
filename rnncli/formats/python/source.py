"""Python source and notebooks: the Keras and PyTorch models that a file builds, and the rows of these.

Nothing in a file is run. Its calls of modules and of functions of tensors are followed, and connected ones form a
model.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats import NO_SETTINGS, OpenNumbersError, Settings, reading
from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Node, Note, Part, names
from rnncli.formats.parts import parts_of
from rnncli.formats.python.functions import USES, USES_OF_PARTS
from rnncli.formats.python.graph import Graphs
from rnncli.formats.python.modules import kind_of
from rnncli.formats.python.objects import LIST, Call, Class, Function, Given, Instance, Named, Open, Value
from rnncli.formats.python.program import HARMLESS, RECURRENT
from rnncli.formats.python.step_nodes import nodes_of
from rnncli.formats.python.steps import Module, TracedStep, TracedTensor, held_in, modules_in, reached, recurs
from rnncli.formats.python.trees import names_leading_to, names_taken, tree_in, words_in
from rnncli.language.framework_words import OF_OTHERS, OTHER_LIBRARIES
from rnncli.layers.weights import FRAMEWORK_NAMES


def read(path: str, settings: Settings = NO_SETTINGS) -> ModelFile:
    """Return the models of a Python file or a notebook, with settings for the numbers that it leaves open.

    Raises:
        OpenNumbersError: no model in it is complete without more settings.
        RnncliError: it is not valid Python, or its models cannot be understood.
    """
    notebook = path.lower().endswith(".ipynb")
    tree = tree_in(path, notebook=notebook)
    graphs = Graphs(settings)
    try:
        _follow(graphs, tree)
        found = _found_in(graphs, tree)
    except RecursionError:
        raise RnncliError("it is nested too deeply to follow") from None
    parts = tuple(part for each in found for part in each.parts)
    errors = [(each, _error([each])) for each in found if not each.parts and (each.names or each.fault)]
    if not parts and errors:
        some = [each for each in found if each.names]
        if some:
            raise _error(some)
        with reading(shorten(errors[0][0].name)):
            raise errors[0][1]
    used = {module.framework for module in graphs.modules} | {part.framework for part in parts}
    frameworks = [name for framework, name in FRAMEWORK_NAMES.items() if framework in used]
    form = f"{'notebook' if notebook else 'Python source'}{f' ({listed(frameworks)})' if frameworks else ''}"
    notes = [note for each in found for note in each.notes]
    notes += [f"{shorten(each.name)} is left out: {error.message}" for each, error in errors]
    for node in [each.node for each in _mentioned(graphs, tree)[:1] if not found and each.node]:
        notes.append(f"{ast.unparse(node)} (line {node.lineno}) is mentioned, but how it is used is not known")
    if not found and (library := _other_library(tree)) is not None:
        notes.append(f"it uses {library}, which is neither Keras nor PyTorch")
    left = tuple(node for each in found for node in each.left)
    failed = tuple(((each.name, *each.others), error) for each, error in errors)
    said = tuple(dict.fromkeys(notes))
    return ModelFile(path, form, "", parts, (), said, left=left, used=frozenset(graphs.used), failed=failed)


def _follow(graphs: Graphs, tree: ast.Module) -> None:
    """Follow a whole file: the module, and then uncalled definitions that can lead to something recurrent."""
    graphs.recurrent = names_leading_to(RECURRENT, tree)
    if not graphs.recurrent:
        return
    graphs.run(tree.body, graphs.module)
    taken = names_taken(tree)
    by_text = min((taken[each] for each in names("eval exec globals locals import_module") & taken.keys()), default=0)
    leading = graphs.recurrent | RECURRENT
    for wanted in (False, True, True):  # unused definitions may call the others; calls define more
        made: dict[object, Function | Class] = {(each.name, id(each.scope)): each for each in graphs.functions}
        made |= {(each.name, id(each.scope.around)): each for each in graphs.classes}  # the last of each name
        bases = {base for each in graphs.classes if each.node in graphs.followed for base in each.line[1:]}
        for each in made.values():
            known = each.node in graphs.followed or (each in bases and not wanted)
            if (each.name in taken) == wanted and not known and leading & words_in(each.node):
                _presume(graphs, each, taken.get(each.name, by_text))
    for instance in list(graphs.instances):
        cls = instance.cls
        if cls is None or graphs.computes(instance) or cls.name not in graphs.recurrent:
            continue  # methods of classes derived from a framework's compute; they do not create models
        for name, method in sorted(cls.scope.values.items(), key=lambda each: f".{each[0]}" in taken):
            if isinstance(method, Function) and method.node not in graphs.followed and method.name[:2] != "__":
                takes = [each.arg for each in method.node.args.args[:1]]
                kept = isinstance(method.node, ast.Lambda) and takes != ["self"]  # in a class as in a dict
                start = replace(method, cls=None) if kept else replace(method, owner=instance)
                _presume(graphs, start, taken.get(f".{name}", 0))


def _presume(graphs: Graphs, made: Function | Class, line: int) -> None:
    """Call a definition that no followed call uses; report the line where the file may call it differently."""
    start, outer = made.get("__init__") if isinstance(made, Class) else made, graphs.presuming
    if line and isinstance(start, Function) and (start.defaults or start.node.args.kwarg):
        graphs.presuming += (f"{made.name} has its default values: what is made of it at line {line} is not known",)
    graphs.call(made, Given([], {}, made.node))
    graphs.presuming = outer


def _other_library(tree: ast.Module) -> str | None:
    """Return the library other than the two frameworks that a source imports, or None if it imports none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):  # `from .rnn` is one's own
            path = getattr(node, "module", None) or node.names[0].name
            if (name := path.partition(".")[0]) in OTHER_LIBRARIES:
                return OTHER_LIBRARIES[name]
    return None


def _error(found: list[_FoundModel]) -> RnncliError:
    """Return the error when no model of a source is a part."""
    names: dict[str, list[Open]] = {}
    every = [name for model in found for name in model.names]
    items = {each.of for each in every if re.search(r"\[[^'\"]*\]$", each.name)}
    lists = {each.of for each in every if each.of and each.name.startswith("len(")} & items  # of sizes of layers
    lists |= {each.name for each in every if each.is_list}
    every = [*dict.fromkeys(Open(each.of, each.line, LIST) if each.of in lists else each for each in every)]
    for name in sorted(every, key=lambda each: each.line):
        known = re.split(r" (?:[-+*%]|//?) ", name.name)  # once these are, or a list of which it is an item
        inside = (name.name.startswith((f"{other.name}[", f"len({other.name})")) for other in every)
        dotted = re.sub(r"\['(\w+)'\]", r".\1", name.name)  # which a setting may write instead
        twice = dotted != name.name and dotted in [other.name for other in every]
        parts = (other.name in known and other.name != name.name for other in every)
        if not twice and not any(inside) and not any(parts):
            names.setdefault(name.name, []).append(name)
    if not names:
        unsaid = found[0].fault.endswith(" reads")
        if unsaid and (data := found[0].data):
            return OpenNumbersError(f"it leaves a value open: {data}", (data,), {data: "(None, 8)"})
        advice = OF_OTHERS if "neither Keras nor PyTorch" in found[0].fault else ""
        return RnncliError(found[0].fault, "put keras.Input((None, FEATURES)) before it" if unsaid else advice)
    each = [f"{shorten(name, 60)} (line {some[0].line})" for name, some in names.items()]
    said = {name: [one.example for one in some if one.example is not None] for name, some in names.items()}
    cells = ("lstm", "gru", "rnn")  # rather than another word that a test mentions
    examples = {name: min(some, key=lambda each: str(each).lower() not in cells) for name, some in said.items() if some}
    word = "value" if lists & names.keys() else "number"
    what = f"a {word}" if len(names) == 1 else f"{len(names)} {word}s"
    return OpenNumbersError(f"it leaves {what} open: {listed(each)}", tuple(names), examples)


# Models

_ASSUMED_ORDER = Note(
    "the layers follow one another in the order of __init__: the file does not show how they are called", "assumed row"
)


@dataclass
class _FoundModel:
    """A model of a source: its name and line, its steps, its outputs, and the names of its modules.

    Attributes:
        others: its other names.
        assumed: the assumptions about it.
        loose: whether nothing in the file declares it as a model.
        names: the values that it leaves open.
        fault: why it has no part, if it should have one.
        data: the name of the parameter that is its data.
    """

    name: str
    line: int
    steps: list[TracedStep] = field(default_factory=list)
    outputs: Sequence[TracedTensor] = ()
    modules: dict[Module, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    assumed: tuple[Note, ...] = ()
    loose: bool = False
    parts: tuple[Part, ...] = ()
    left: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[Open, ...] = ()
    fault: str = ""
    data: str = ""

    def make_parts(self) -> None:
        """Find its parts, or the reason why it has none."""
        self.names = tuple(dict.fromkeys(name for step in self.steps for name in step.names))
        if self.names:
            return
        rows = parts_of(nodes_of(self.steps, self.outputs, self.modules))
        self.left = rows.left
        unsaid = [reason for reason in rows.reasons if self.data and reason.endswith(" reads")]
        if not rows.parts or unsaid:
            loops = [f"specs have no {step.kind} (line {step.line})" for step in self.steps if recurs(step.module)]
            self.fault = next(iter([*unsaid, *rows.reasons, *loops]), "")
            return
        for part in rows.parts:
            between = "/" if part.framework == "keras" else "."
            alone = len(rows.parts) == 1
            name, others = (self.name, self.others) if alone else (f"{self.name}{between}{part.name}", (part.name,))
            several = len({step.module for step in self.steps if step.reads}) > 1  # a single one has no order
            assumed = (note for note in self.assumed if several or note is not _ASSUMED_ORDER)
            self.parts += (replace(part, name=name, other_names=others, notes=(*assumed, *part.notes)),)
        self.notes = tuple(f"{shorten(self.name)}: {text}" for text in rows.said())


def _mentioned(graphs: Graphs, tree: ast.Module) -> list[Named]:
    """Return the recurrent classes that a file names and does not define."""
    nodes = (each for each in ast.walk(tree) if isinstance(each, ast.Name | ast.Attribute))
    recurrent = (each for each in nodes if RECURRENT & {getattr(each, "id", ""), getattr(each, "attr", "")})
    named = (graphs.value(each, graphs.module) for each in recurrent)
    return [each for each in named if isinstance(each, Named)]


def _found_in(graphs: Graphs, tree: ast.Module) -> list[_FoundModel]:
    """Return the recurrent models of a source, in the order of the file."""
    found: list[_FoundModel] = []
    shown: dict[Module, str] = {}
    outside: dict[Module, str] = {}
    seen: set[object] = set()
    open_: list[_FoundModel] = []  # with layers that may turn out to be recurrent
    for source in (_models(graphs), _objects(graphs, shown), _loose(graphs, found)):
        for model in source:
            model.steps, _ = _without_uses(model.steps, model.outputs)
            loops = {step.module for step in model.steps if step.module is not None and recurs(step.module)}
            layers = {step.module: model.name for step in model.steps if step.module is not None and step.has_weights}
            operations = [step for step in model.steps if step.module is None and step.kind != "if"]
            unknown = any(step.names or step.kind == "unknown" for step in operations)
            if not loops and not (unknown and graphs.recurrent & {model.name, *model.others}):
                outside |= layers
                model.make_parts()
                open_ += [model] * (unknown and bool(model.names))
                continue
            if loops and loops <= shown.keys() and (model.loose or layers.keys() <= shown.keys()):
                others = ", ".join(dict.fromkeys(shown[each] for each in loops))
                note = f"{model.name} (line {model.line}) has the recurrent layers of {others}, and none of its own"
                again = model.loose or others == model.name  # a class whose methods build it
                found += [] if again else [_FoundModel(model.name, model.line, notes=(note,))]
                outside |= layers
                continue
            presumed = [each for step in model.steps if step.module for each in step.module.presumed]
            presumed = [*dict.fromkeys([*presumed, *graphs.unfollowed])]
            model.assumed = (*(Note(each, "assumed size") for each in presumed), *model.assumed)
            model.make_parts()
            same = (model.name, *(str(part.network) for part in model.parts), model.notes, model.names, model.fault)
            found += [model] * (same not in seen)
            held = dict.fromkeys(filter(recurs, [*loops, *(model.modules if model.names else ())]), model.name)
            shown |= (layers | held if model.parts or model.names else {}) | shown
            seen.add(same)
    found += open_ if not found and _mentioned(graphs, tree) else []
    for layer in outside if found else ():
        if layer not in shown and layer.framework == "torch" and not layer.function:
            name = [*layer.variables, layer.name][0]
            found.append(_FoundModel(name, layer.line, fault=f"it is in no recurrent model (line {layer.line})"))
    for named in _mentioned(graphs, tree)[::-1] if not found and not graphs.foreign else ():
        if named.path[0] in graphs.imported and graphs.framework(named.path) is None:
            graphs.foreign[named.name] = named
    for name, called in graphs.foreign.items():
        module, line = shorten(".".join(called.path[:-1])), called.node.lineno if called.node else 0
        fault = f"it is from {module}, which is neither Keras nor PyTorch" if module else "its framework is not known"
        found.append(_FoundModel(name, line, fault=f"{fault} (line {line})"))
    found.sort(key=lambda each: (getattr(each.line, "cell", 0), each.line))
    _number(found)
    return found


def _number(found: Sequence[_FoundModel]) -> None:
    """Give the second model of a name and its parts the name with _2, and so on."""
    counts: Counter[str] = Counter()
    for model in found:
        counts[model.name] += bool(model.parts)
        if model.parts and counts[model.name] > 1:
            own, model.name = model.name, f"{model.name}_{counts[model.name]}"
            model.parts = tuple(replace(part, name=model.name + part.name.removeprefix(own)) for part in model.parts)


# Models as sets of steps


def _models(graphs: Graphs) -> Iterator[_FoundModel]:
    """Yield the containers and Keras's models that are not in another model or object."""
    owned = {each for instance in graphs.instances for each in held_in(instance)}
    called = {each for instance in graphs.instances if graphs.computing(instance) for each in held_in(instance)}
    for model in graphs.modules:
        inner = model.inner or (model.framework == "torch" and model in owned)
        if inner or (model.items is None and not model.outputs):
            continue
        steps, outputs = reached(model.outputs), model.outputs
        graphs.step(len(steps) // 10)
        if model.items is not None:
            steps, value = graphs.recorded(partial(_chained, graphs, [model]))
            outputs = graphs.tensors(value)
            if model in called and not any(step.kind == "input" for step in steps):
                continue  # its input is that of the object
        name, *others = [*filter(None, (model.function, *model.variables)), "model"]
        names = {each: f"{name}.{way}" for each, way in held_in(model).items()}
        condition = graphs.made_under(model)
        assumed = () if condition is None else (Note(f"the model is built: {condition.why}", "assumed"),)
        yield _FoundModel(name, model.line, steps, outputs, names, tuple(others[:-1]), assumed)


def _objects(graphs: Graphs, shown: Mapping[Module, str]) -> Iterator[_FoundModel]:
    """Yield the objects of the file's classes that have modules, starting with those that are not in another."""
    inside = {each for outer in (*graphs.instances, *graphs.modules) for each in held_in(outer) if each is not outer}
    bases = {base for each in graphs.instances if each.cls is not None for base in each.cls.line[1:]}
    for instance in sorted(graphs.instances, key=inside.__contains__):
        held = {each: way for each, way in held_in(instance).items() if each not in graphs.wrapped}
        modules = {each: way for each, way in held.items() if isinstance(each, Module)}
        loops = {each for each in modules if recurs(each)}
        cls = instance.cls
        if cls is None or (instance in inside and loops <= shown.keys()):
            continue
        if not loops and cls in bases:
            continue  # it gets its contents from derived classes
        own, assumed = instance.method("__call__") or graphs.computing(instance), False
        inner = [each for each in held if isinstance(each, Instance) and graphs.computing(each) is not None]
        replaced = {each.values[""]: each for each in inner if isinstance(each.values.get(""), Module)}
        steps, outputs = _returned(graphs, own)
        if loops and instance not in replaced.values() and not any(recurs(step.module) for step in steps):
            values = [*{id(each): each for each in instance.values.values()}.values()]
            chained, _ = graphs.recorded(partial(_chained, graphs, values))
            if any(recurs(each.module) or each.names or each.kind == "unknown" for each in chained):
                some = [each for each in values if _is_layer(graphs, each)]
                nets = [each for each in some if isinstance(each, Instance) and graphs.computing(each) is not None]
                known = len(some) == 1 and some == nets
                alone = known or own is not None or loops <= shown.keys()  # a model that it builds is already shown
                found = own if alone else _own_method(graphs, instance)
                steps, outputs = _returned(graphs, found)
                several = own is None and some == nets and len(nets) > 1 and not graphs.computes(instance)
                if several and _are_apart(nets, steps):
                    continue  # it keeps networks, and is none
                own = found
                if not any(recurs(step.module) for step in steps):
                    assumed, steps, outputs = not known, chained, []
        called = {step.module for step in steps}
        for module in modules if own is None else [each for each in modules if each.framework == "torch"]:
            if module not in called and module.items is None and not module.outputs:
                made = graphs.recorded(partial(graphs.follow_module, module, None, module.given))[0]
                if module in replaced:  # by what a derived class computes
                    said = f"{kind_of(replaced[module])} computes otherwise than {module.name}, its base"
                    made = [TracedStep(module.name, module.line, [], None, module, notes=(Note(said, "left out"),))]
                steps += [each for each in made if each.word is None or each.has_weights]
        kinds = {step.kind for step in steps}
        for each in instance.values.values() if graphs.computes(instance) else ():
            if _may_have_weights(graphs, each) and each.name not in kinds:
                steps.append(TracedStep(each.name, each.given.line, []))
        others = tuple(dict.fromkeys(instance.variables))
        notes = (_ASSUMED_ORDER,) * assumed
        unset = [each for each in _data_of(own)[:1] if each not in graphs.settings] if own is not None else []
        yield _FoundModel(cls.name, cls.node.lineno, steps, outputs, modules, others, notes, data="".join(unset))


def _may_have_weights(graphs: Graphs, value: Value) -> bool:
    """Return whether an attribute of a module may be another library's module with weights, as `CRF(5)`, by its call.

    Losses, metrics and what has no size, or only by name, are taken to have none.
    """
    if type(value) is not Call or not value.name[:1].isupper() or value.name.endswith("Loss"):
        return False
    sized = any(type(each) is int for each in value.given.positional)
    return sized and value.path[0] in graphs.imported - HARMLESS


def _are_apart(nets: Sequence[Instance], steps: Sequence[TracedStep]) -> bool:
    """Return whether none of several networks reads what another one returns."""
    owners = {module: net for net in nets for module in held_in(net)}
    read = ({owners.get(each.module) for each in reached([TracedTensor(step)])} - {None} for step in steps)
    return all(len(each) < 2 for step, each in zip(steps, read, strict=True) if step.module in owners)


def _returned(graphs: Graphs, function: Function | None) -> tuple[list[TracedStep], Sequence[TracedTensor]]:
    """Return the steps of a method on data, and the tensors that it returns."""
    if function is None:
        return [], []
    steps, value = graphs.recorded(partial(_computed, graphs, function))
    return steps, graphs.tensors([each.values if isinstance(each, Instance) else each for each in graphs.leaves(value)])


def _own_method(graphs: Graphs, instance: Instance) -> Function | None:
    """Return the method that computes with most of an object's layers, if none has a framework's name for it."""
    named = [name for name in (instance.cls.scope.values if instance.cls else ()) if name[:1] != "_"]
    every: dict[Function, list[TracedStep]] = {}
    for method in filter(None, map(instance.method, named)):
        kept = {**instance.values}
        every[method] = _returned(graphs, method)[0]
        instance.values = kept  # one that makes its layers makes others
    some = [each for each, steps in every.items() if any(recurs(step.module) for step in steps)]
    return min(some, key=lambda each: (-sum(step.has_weights for step in every[each]), len(every[each])), default=None)


def _computed(graphs: Graphs, function: Function) -> Value:
    """Return the result of a method on data, whose shape a setting gives, or else what its object is built for."""
    data: list[Value] = []
    for name in _data_of(function):
        flag = {"training": False, "mask": None}.get(name, ...)
        value = graphs.setting(name, graphs.data()) if flag is ... else flag
        if not data and isinstance(value, int | float):  # set for an argument of that name of another function
            value = graphs.data()
        if isinstance(value, TracedTensor) and not data and isinstance(function.owner, Instance):
            value = graphs.seen_as(graphs.built.get(function.owner, []), 0) or value
        seen = graphs.seen_as(value, 0) if isinstance(value, list) and "shape" not in name else None
        data.append(value if seen is None else seen)
    return graphs.taken(graphs.call(function, Given(data, {}, function.node)))


def _data_of(function: Function) -> list[str]:
    """Return the parameters of a method that must be given."""
    arguments = function.node.args
    every = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][function.cls is not None :]
    return every[: len(every) - len(arguments.defaults)] or every[:1] or [""]


def _chained(graphs: Graphs, values: Sequence[Value], depth: int = 0, data: Value = None) -> Value:
    """Return the output of modules applied in sequence, including those in lists and dicts."""
    keras = {getattr(each, "framework", "") for each in values} == {"keras"}  # the first one specifies its input
    data = graphs.data() if data is None and not keras else data
    graphs.step(len(values))
    for value in values:
        if isinstance(value, list | dict) and depth < 8:
            data = _chained(graphs, [*value.values()] if isinstance(value, dict) else value, depth + 1, data)
        elif _is_layer(graphs, value):
            node = value.given.node if isinstance(value, Call) else ast.Name("forward", lineno=0)
            made = graphs.tensors(graphs.follow_module(value, data, Given([], {}, node)))
            several = (TracedTensor(each.step) for each in made)  # the source does not say which output is read
            data = replace(made[0], axes="") if len(made) == 1 else next(several, data)
    return data


def _is_layer(graphs: Graphs, value: Value) -> bool:
    """Return whether a value may be a layer, or hold some: a module, or an object that is more than settings."""
    if isinstance(value, Instance | Module):
        settings = isinstance(value, Instance) and not graphs.computes(value) and len(held_in(value)) == 1
        return not settings and value not in graphs.wrapped
    return bool(held_in(value) if isinstance(value, list | dict) else modules_in(value))


def _loose(graphs: Graphs, found: Sequence[_FoundModel]) -> Iterator[_FoundModel]:
    """Yield what is in no model: the calls and modules of each function, and of the file."""
    used = {step for model in graphs.modules for step in reached(model.outputs)}
    groups: dict[str, list[TracedStep]] = {}
    for step in graphs.steps:
        if step not in used:
            groups.setdefault(step.function, []).append(step)
    for function, every in groups.items():
        steps, outputs = _without_uses(every)
        if not steps:
            continue
        named = _by_variable([step.module for step in steps if step.module is not None and not step.is_keras])
        loop = next((step for step in steps if recurs(step.module)), steps[0])
        name = function or (named[loop.module] if loop.module is not None and not loop.is_keras else "model")
        yield _FoundModel(name, steps[0].line or loop.line, steps, outputs, named, loose=True)
    owned = {each for instance in graphs.instances for each in held_in(instance)}
    computing = [each.cls for each in graphs.instances if each.cls is not None and graphs.computes(each)]
    theirs = {each.name for cls in computing for each in cls.line}  # what is in none of their objects is replaced
    called = {step.module for step in graphs.steps}
    modules: dict[str, list[Module]] = {}
    for module in graphs.modules:
        # Keras's layers by themselves count only if nothing else was found.
        other = module.framework == "keras" and (found or not recurs(module) or module in graphs.wrapped)
        other = other or (module.framework == "torch" and module.function in theirs)
        if not other and module.items is None and not module.inner and module not in owned and module not in called:
            modules.setdefault(module.function, []).append(module)
    for function, some in modules.items():
        names = _by_variable(some)
        first, *more = [each for each in some if recurs(each)] or some
        several = bool(more) or any(map(graphs.made_under, some))  # only one of them is meant
        rows = [[each] for each in some] if several else [some]
        steps = [step for row in rows for step in graphs.recorded(partial(_chained, graphs, row))[0]]
        if not more and (condition := graphs.made_under(first)) is not None:
            own = next(step for step in steps if step.module is first)
            own.names += condition.names
            own.notes += (Note(f"depends on a condition: {condition.why}", "left out"),)
        name = function or ("model" if more else names[first])
        yield _FoundModel(name, first.line, steps, (), names, assumed=(_ASSUMED_ORDER,) * (not several), loose=True)


def _without_uses(
    steps: Sequence[TracedStep], returned: Sequence[TracedTensor] = ()
) -> tuple[list[TracedStep], list[TracedTensor]]:
    """Return steps without functions that lead to no output or only use one, `print(y)`; and what the others return."""
    kept: dict[TracedStep, None] = {}
    outputs: dict[TracedTensor, None] = {}
    used: set[TracedStep] = set()
    read, leading = {each.step for each in returned}, {*reached(returned)}
    for step in reversed(steps):
        edges = step.reads or []
        use = step.kind in USES or step.kind.endswith("_loss") or (step.kind in USES_OF_PARTS and step in used)
        use = use or (bool(leading) and step not in leading and not (step.notes or step.names or step.changing))
        plain = step.module is None and step.word is None and not step.of_object
        if use and plain and edges and step not in read:
            used |= {edge.step for edge in edges}
            part = {"h_n": "h", "c_n": "c"}.get(step.kind, "")
            outputs |= dict.fromkeys(TracedTensor(edge.step, edge.returns, part) for edge in edges)
            continue
        kept[step] = None
        outputs |= {TracedTensor(step): None} if edges and step not in used else {}
        read |= {edge.step for edge in edges}
    last = [each for each in outputs if each.returns != "vector" or replace(each, returns="sequence") not in outputs]
    return [*kept][::-1], [each for each in last[::-1] if each.step in kept and each.step not in read]


# Names of modules


def _by_variable(modules: Sequence[Module]) -> dict[Module, str]:
    each_once = enumerate(dict.fromkeys(modules))
    return {each: next(iter(each.variables), f"{each.name.lower()}_{number}") for number, each in each_once}
