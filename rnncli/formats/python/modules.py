"""What modules of Keras and PyTorch return of tensors, as far as the language has words for them."""

from __future__ import annotations

import ast
from dataclasses import replace

from rnncli.formats.frameworks import CLASSES, DIFFERS, ArgumentFaultError, Made, bound, built, class_of
from rnncli.formats.keras.config import CONVOLUTIONS, KEEP_FEATURES
from rnncli.formats.nodes import Note, Pass, loops, names, returned
from rnncli.formats.python.functions import LOG_SOFTMAX, features_side_by_side
from rnncli.formats.python.objects import Given, Instance, Open, Unknown, Value, as_taken, left_open, open_in
from rnncli.formats.python.steps import Edge, Module, Recorder, Step, Tensor, reached
from rnncli.layers import Layer

INPUTS = ("Input", "InputLayer")

_SLIDING = names("Conv1d MaxPool1d AvgPool1d ConstantPad1d ZeroPad1d")
"""PyTorch's modules that read and return (samples, features, timesteps)."""

_WHOLE = names("AdaptiveAvgPool1d AdaptiveMaxPool1d")
"""Those that read such, and of each feature return one number."""


class UnknownModuleError(Exception):
    """A module cannot be understood; `names` are what leaves it open."""

    def __init__(self, text: str, names: tuple[Open, ...] = ()) -> None:
        super().__init__(text)
        self.names = names


class Modules(Recorder):
    """Follows a file, and records what modules return of tensors."""

    def follow_module(self, module: Value, data: Value, given: Given, site: int = 0) -> Value:
        """Return what a module returns.

        Args:
            module: the module.
            data: what it reads; None where that is not known.
            given: the call; its other tensors are states.
            site: what tells this call from another, where the module stands in a container.
        """
        self.step()
        tensors = self.tensors(data)
        if isinstance(module, Instance) and tensors:
            return self.apply(module, Given([data], {}, given.node))
        if not isinstance(module, Module):
            why = open_in(module)
            notes = (Note(f"a layer is not known (line {given.line}): {why.why}", "left out"),) if why else ()
            reads = [self.read(each) for each in tensors]
            step = Step(kind_of(module), given.line, reads, names=self.names_of(module), notes=notes)
            return Tensor(self.add(step))
        if module.items is not None:
            module.inner = module.inner or bool(tensors)
            for each in module.items.values():  # each is called at the line where it is made
                if isinstance(each, Module) and each.name in INPUTS and tensors:
                    continue
                node = each.given.node if isinstance(each, Module) else given.node
                data = self.follow_module(each, data, Given([], {}, node), site or id(given.node))
            return data
        if module.outputs:
            module.inner = True
            return self._replayed(module, tensors)
        states = self.tensors([*given.positional[1:], given.get("initial_state"), given.get("hx")])
        if class_of(module.framework, module.name) is not None and len(tensors) > 1:
            tensors, states = tensors[:1], [*tensors[1:], *states]
        return self.once(
            module, site or id(given.node), tensors, lambda: self._made(module, tensors, states, given.line)
        )

    def _made(self, module: Module, tensors: list[Tensor], states: list[Tensor], line: int) -> Value:
        """Return what a layer returns, and record the step that computes it; those of each level of a stack."""
        kind = "input" if module.name in INPUTS else module.name
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
        if module.name in _WHOLE:
            return Tensor(step, "vector")
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

    def names_of(self, value: Value) -> tuple[Open, ...]:
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
        self.step()
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
    if module.name in _SLIDING | _WHOLE | {"BatchNorm1d"}:
        return axes[1:2] in ("", "f")
    return made.features is None or axes[-1:] in ("", "f")


def _arguments_of(module: Module) -> dict[str, Value]:
    cls = class_of(module.framework, module.name)
    return {} if cls is None else bound(cls, module.name, module.given.positional, module.given.named)


def kind_of(called: Value) -> str:
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
        return features_side_by_side(tensors, module.given.get("axis", 0, -1))
    if module.name in KEEP_FEATURES or module.name in ("LogSoftmax", "Flatten"):
        return next(iter(widths), None)
    filters = module.given.get("filters", 0)
    return filters if module.name in CONVOLUTIONS and type(filters) is int else None
