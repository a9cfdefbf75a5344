"""Calls on tensors as steps: a tensor is a value like others, and carries the step that computes it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from rnncli.formats import Settings
from rnncli.formats.build import node_of
from rnncli.formats.keras.config import KEEP_FEATURES
from rnncli.formats.nodes import Node, Note, Pass, Returned, Word, loops, names
from rnncli.formats.python.library import ITEMS_A_STEP
from rnncli.formats.python.objects import PLAIN, Call, Given, Instance, Opaque, Open, Scope, Tuple, Unknown, Value
from rnncli.formats.python.program import RECURRENT, Program
from rnncli.formats.python.statements import End, Following, Loop
from rnncli.immutable import NamedTuple
from rnncli.layers import Input, Layer
from rnncli.layers.weights import Framework


class OfData(Unknown):
    """A number, or several, that depend on the data."""


SIZE = OfData("it depends on the data")
"""How many samples or timesteps there are, or what is computed from that or from the number of a timestep."""

TIMES = OfData(SIZE.why)
"""The numbers of the timesteps: `range(n)`."""

TURN = OfData(SIZE.why)
"""The number of the timestep of a loop's current round."""

NEARBY = OfData(SIZE.why)
"""The number of a timestep before or after it: `t - 1`."""

KEEP_WIDTH = names(
    "add sub mult div pow usub subtract multiply average maximum minimum flip reverse abs square sqrt exp log sign clip"
)
"""Operations that return as many features as each of their inputs has."""

ZEROS = names("zeros new_zeros zeros_like get_initial_state zero_ zeros_")
"""Functions and methods that return zeros."""

_UNCLEAR = names("assignment condition index splitting")
"""Operations after which a state may be the one that a cell returned, or not."""

_IN_A_LOOP = "is called in a loop"
_FEEDBACK = "reads what follows from its own output in a loop; here it reads only its input"


@dataclass(eq=False, repr=False)
class Module(Call):
    """A layer, a module or a model of a framework.

    Attributes:
        framework: its framework.
        function: the function that creates it.
        variables: the names that it is bound to.
        items: the layers of a container; None otherwise.
        inputs: the inputs of a functional model.
        outputs: its outputs.
        notes: the notes on it.
        inner: whether it is inside another module.
        presumed: what the functions that create it were not given, in words.
    """

    framework: Framework = "keras"
    function: str = ""
    variables: list[str] = field(default_factory=list)
    items: dict[Value, Value] | None = None
    inputs: Tensors = field(default_factory=list)
    outputs: Tensors = field(default_factory=list)
    notes: tuple[Note, ...] = ()
    inner: bool = False
    presumed: tuple[str, ...] = ()
    shown: ClassVar[str] = "a layer"


class Edge(NamedTuple):
    """A step that is read, and which of its outputs, if that is known."""

    step: TracedStep
    returns: Returned | None = None


@dataclass(eq=False)
class TracedStep:
    """The computation of a call on tensors.

    Attributes:
        kind: the class or function.
        line: the line of the call.
        reads: its inputs, the data first; None if unknown.
        word: the layer that it is in a spec.
        module: the module that is called, if it is one.
        level: its layer in a stack: ` (layer 1)`; may be empty.
        made: the nodes that its class builds.
        out: how many features it returns, if that is known.
        sizes: the sizes of a sample of the output of a Keras layer, as far as they are known.
        names: the values that it leaves open.
        notes: the notes on it.
        of_object: whether it is a call of an object that is no module of a framework, but may have weights.
        timed: whether it is computed at each timestep of a loop that has ended.
        changing: whether it changes what it reads.
        function: the function in which it is called.
        number: how many steps came before it.
        is_keras: whether it is a Keras layer, or a function of the output of one.
    """

    kind: str
    line: int
    reads: list[Edge] | None
    word: Word | None = None
    module: Module | None = None
    level: str = ""
    made: Node | None = None
    out: int | None = None
    sizes: Sequence[Value] | None = None
    names: tuple[Open, ...] = ()
    notes: tuple[Note, ...] = ()
    of_object: bool = False
    timed: bool = False
    changing: bool = False
    function: str = ""
    number: int = 0
    is_keras: bool = field(init=False)

    def __post_init__(self) -> None:
        first = self.reads[0].step if self.reads else None
        module = self.module
        self.is_keras = first is not None and first.is_keras if module is None else module.framework == "keras"

    @property
    def is_data(self) -> bool:
        """Whether it is a model's input data, of which nothing is known."""
        return self.kind == "input" and self.module is None

    @property
    def has_weights(self) -> bool:
        """Whether it is a layer that has parameters in a spec."""
        return isinstance(self.word, Layer) and bool(self.word.weights((None, None, 1)))

    @property
    def keeps_axes(self) -> bool:
        """Whether its output has the axes of its input."""
        if isinstance(self.word, Layer):
            return self.word.returns == "same"
        return self.word is not None or (self.is_keras and self.kind in KEEP_FEATURES)

    @property
    def keeps_timesteps(self) -> bool:
        """Whether its output at each timestep is computed from its input at that timestep alone."""
        word, made = self.word, self.made
        whole = isinstance(word, Layer) and (word.returns != "same" or word.window is not None)
        return word is not None and not whole and (made is None or (made.where is None and not any(made.around)))

    @property
    def rank(self) -> int | None:
        """How many axes its output has, if its own word or that of an earlier step determines it."""
        step = self
        while step.kind != "input" and step.reads and step.keeps_axes:
            if step.reads[0].returns == "vector":
                return 2
            step = step.reads[0].step
        if step.sizes is not None:
            return len(step.sizes) + 1
        return {"vector": 2, "sequence": 3}.get(step.word.returns) if isinstance(step.word, Layer) else None

    def note(self, note: Note) -> None:
        """Add a note."""
        self.notes += (note,) * (note not in self.notes)


@dataclass(frozen=True, repr=False)
class TracedTensor(Opaque):
    """An output of a step.

    Attributes:
        step: the step.
        returns: whether it is a sequence or a vector, if that is known.
        part: a state of a recurrent layer that no spec layer returns: "c", "h", or the state of one of two
            directions, "forward" or "backward".
        states: its elements, if it is the states of a stack of layers.
        axes: for PyTorch, one letter per axis, if known: "btf" are samples, timesteps and features; "?" is samples
            or timesteps, "1" a single timestep.
        done: the last operation on a model's input data, which becomes a step only if something reads it.
        zeros: whether it is made of zeros, as the state that a layer starts from usually is.
    """

    step: TracedStep
    returns: Returned | None = None
    part: str = ""
    states: tuple[TracedTensor, ...] = ()
    axes: str = ""
    done: TracedStep | None = None
    zeros: bool = False
    shown: ClassVar[str] = "a tensor"

    @property
    def alone(self) -> TracedTensor:
        """The tensor itself, or the state of a stack's only layer."""
        return replace(self.states[0], axes=self.axes) if len(self.states) == 1 else self

    @property
    def is_data(self) -> bool:
        """Whether it is a model's input data, or computed from that alone."""
        return self.step.is_data and all(edge.step.is_data for edge in (self.done and self.done.reads) or ())

    @property
    def has_samples_first(self) -> bool:
        """Whether its first axis is that of the samples."""
        return self.step.is_data or self.returns == "vector" or self.axes[:1] == "b"

    @property
    def rank(self) -> int | None:
        """How many axes it has, if that is known."""
        return 2 if self.part or self.returns == "vector" else self.step.rank

    @property
    def shape(self) -> Value:
        """Its sizes, as far as they are known."""
        rank = self.rank
        if not self.step.is_keras or rank is None:
            unclear = self.step.is_keras or not self.axes or {*self.axes} & {*"*?p1"}
            return SIZE if unclear else Tuple([SIZE] * len(self.axes))
        sizes = self.step.sizes if rank == self.step.rank else None
        sizes = sizes or [*[None] * (rank - 2), self.step.out]
        return Tuple([SIZE, *(size if type(size) is int and size > 0 else SIZE for size in sizes)])

    def takes_time(self, axis: object) -> bool:
        """Return whether an axis is that of the timesteps; PyTorch's samples are accepted as them, with a note."""
        if self.step.is_keras:
            return self.rank == 3 and axis in (1, -2)
        known = type(axis) is int and -len(self.axes) <= axis < len(self.axes)
        letter = self.axes[axis] if isinstance(axis, int) and known else ""
        if letter == "b":
            said = f"has its samples along axis {axis}, but the file takes them for timesteps; here timesteps are used"
            self.step.note(Note(said, "differs row"))
        return letter in ("b", "t", "1") or (letter in ("", "?") and axis in (0, 1, -2))


@dataclass(eq=False)
class _RecordedLoop:
    """A loop.

    Attributes:
        begin: the number of its first step.
        round: the number of this round's first step.
        timed: whether it is over data.
        shorter: whether it is over only a part of the timesteps.
        alike: whether its rounds are alike.
        reads: whether each round reads other data.
        taken: the timesteps that it takes by their numbers.
    """

    begin: int
    round: int
    timed: bool
    shorter: bool
    alike: bool = False
    reads: bool = False
    taken: dict[Value, None] = field(default_factory=dict)


Tensors = list[TracedTensor]
"""Tensors in the order of a call."""

_Site = tuple[Tensors, Value, TracedStep]
"""What a module last read at some position, what it returned, and its step."""


class Recorder(Program):
    """Follows a file, and records the steps that compute something."""

    own = Program.own | {"_loops"}

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.steps: list[TracedStep] = []
        self._count = 0
        self._loops: list[_RecordedLoop] = []
        self._sites: dict[tuple[Value, ...], _Site] = {}
        self._same: dict[tuple[object, ...], TracedStep] = {}
        self._done: dict[TracedStep, TracedStep] = {}
        self.lists: dict[TracedStep | None, dict[Value, Value]] = {}
        """What is put in lists that are given as data, by the last change of each."""
        self._asked: set[tuple[TracedStep, Value]] = set()

    def recorded(self, action: Callable[[], Value]) -> tuple[list[TracedStep], Value]:
        """Return the steps that an action records, and its result."""
        outer, self.steps = self.steps, []
        try:
            value = action()
            return self.steps, value
        finally:
            self.steps = outer

    def add(self, step: TracedStep) -> TracedStep:
        """Record a step and return it; in a loop, return the same step of the previous round."""
        self.step(5 + len(step.reads or ()))
        key = step.kind, step.line, step.module, step.level, tuple(step.reads or ())
        if self._loops and key in self._same:
            return self._same[key]
        step.function, step.number = self.function, self._count
        self._count += 1
        self.steps.append(step)
        self._same[key] = step
        return step

    def data(self, name: str = "", given: Given | None = None) -> TracedTensor:
        """Return the input data of a model, or the tensor that a function of this name creates, given its arguments."""
        filled = given if name in ("full", "new_full") else None
        zeros = name in ZEROS or (filled is not None and filled.get("fill_value", len(filled.positional) - 1) == 0)
        return TracedTensor(self.add(TracedStep("input", 0, [])), zeros=zeros)

    def operation(self, kind: str, tensors: Sequence[TracedTensor], line: int, *, plain: bool = True) -> TracedTensor:
        """Return the output of a tensor function that specs have no word for; a plain one on data returns data."""
        widths = {each.step.out for each in tensors}
        out = widths.pop() if kind in KEEP_WIDTH and len(widths) == 1 else None
        if plain and tensors and all(each.is_data for each in tensors):
            done = TracedStep(kind, line, [*dict.fromkeys(Edge(each.step) for each in tensors)], out=out)
            keeping = names("expand expand_as repeat repeat_interleave tile stack cat concat concatenate slice index")
            return replace(tensors[0], done=done, zeros=kind in keeping and all(each.zeros for each in tensors))
        edges = dict.fromkeys(self.read(each) for each in dict.fromkeys(tensors))
        return TracedTensor(self.add(TracedStep(kind, line, [*edges], out=out)))

    def seen_as(self, sizes: Sequence[Value], line: int) -> TracedTensor | None:
        """Return a Keras model's input with other sizes of a sample; None if these are not timesteps and features."""
        known = [size if type(size) is int and size > 0 else None for size in sizes]
        if len(known) != 2 or known[1] is None:
            return None
        word = Input(known[1], known[0])
        step = TracedStep("input", line, [], word, made=node_of(word), out=known[1], sizes=known)
        return TracedTensor(self.add(step))

    def after(
        self, first: TracedTensor, word: Word, kind: str, line: int, returns: Returned | None, **more: Any
    ) -> TracedTensor:
        """Return the output of a spec layer that keeps the number of features."""
        axes = first.axes if returns == first.returns else ""
        step = self.add(TracedStep(kind, line, [self.read(first)], word, out=first.step.out, **more))
        return TracedTensor(step, returns, axes=axes)

    def around(self, first: TracedTensor, kind: str, line: int, zeros: tuple[int, int], axes: str) -> TracedTensor:
        """Return a sequence with zeros added before and after it; negative numbers cut timesteps off."""
        made = node_of(Pass(), where="sequence", around=zeros)
        return replace(self.after(first, Pass(), kind, line, first.returns, made=made), axes=axes)

    def leaves(self, value: Value) -> list[Value]:
        """Return what is in nested lists and dicts; shared ones are searched once."""
        found: list[Value] = []
        seen: set[int] = set()
        waiting = [value]
        while waiting:
            each = waiting.pop()
            each = (each.as_tuple or each) if isinstance(each, Instance) else each
            if not isinstance(each, list | dict):
                found.append(each)
            elif id(each) not in seen:
                seen.add(id(each))
                self.step(len(each) // ITEMS_A_STEP)
                waiting += reversed([*each.values()] if isinstance(each, dict) else each)
        return found

    def tensors(self, value: Value) -> Tensors:
        """Return the tensors in a value."""
        return [each for each in self.leaves(value) if isinstance(each, TracedTensor)]

    def kept(self, owner: TracedTensor, key: int) -> Value:
        """Return what has been put in a list that is given as data, or None: then a cell may start from this item."""
        held = self.lists.get(owner.done, {})
        key += (max(held) + 1) * (key < 0) if held else 0
        self._asked.add((owner.step, key))
        return held.get(key)

    def put_in(self, owner: TracedTensor, key: Value, value: Value, line: int) -> TracedTensor | None:
        """Return data in which an item is replaced that has been read, the state of a cell; None for any other."""
        if type(key) is not int or (owner.step, key) not in self._asked:
            return None
        held = self.lists.get(owner.done, {}) | {key: value}
        done = TracedStep("assignment", line, [*dict.fromkeys(Edge(each.step) for each in self.tensors(held))])
        self.lists[done] = held
        return replace(owner, done=done)

    def read(self, tensor: TracedTensor) -> Edge:
        """Return the edge by which a step reads a tensor."""
        tensor = tensor.alone
        if tensor.states or tensor.part:
            kind = "c_n" if tensor.part == "c" else "h_n"
            return Edge(self.operation(kind, [TracedTensor(tensor.step, "vector")], tensor.step.line).step)
        if tensor.done is not None:
            if tensor.done not in self._done:
                self._done[tensor.done] = self.add(tensor.done)
            return Edge(self._done[tensor.done])
        return Edge(tensor.step, tensor.returns or ("vector" if tensor.step.timed else None))

    # Loops

    def items(self, value: Value) -> list[Value] | None:
        """Return the items that a loop over a value visits: the states of a stack; for data, two identical rounds."""
        if isinstance(value, TracedTensor) and value.states:
            return [*value.states]
        if isinstance(value, TracedTensor | OfData):
            return [TURN if value is TIMES else value] * 2
        return super().items(value)

    def rounds(self, node: Loop, items: Iterable[Value], scope: Scope) -> Following[End | None]:
        """Follow a loop round by round, until a round repeats the calls of the previous one: the next timestep."""
        first = items[0] if isinstance(items, list) and items else None
        parts = first if isinstance(first, list) else [first]
        timed = isinstance(first, TracedTensor) or any(isinstance(each, OfData) for each in parts)
        reads = isinstance(items, Opaque) or bool(self.tensors(parts))
        shorter = timed and _is_shorter(getattr(node, "iter", node))
        loop = _RecordedLoop(self._count, self._count, timed, shorter, reads=reads)
        if not self._loops:
            self._sites, self._same = {}, {}
        self._loops.append(loop)
        try:
            return (yield from super().rounds(node, items, scope))
        finally:
            if loop in self._loops:  # else a generator was dropped there
                self._loops.pop()
                if loop.alike:
                    self.steps = [step for step in self.steps if step.number < loop.round]
                inside = [step for step in self.steps if step.number >= loop.begin and (loop.alike or timed)]
                for step in inside:
                    step.timed = True
                layers = [step for step in inside if step.word is not None]
                in_turn = not loop.taken or [*loop.taken] == [*range(max(2, len(loop.taken)))]
                fewer = in_turn or loop.shorter
                how = "over fewer timesteps than there are" if fewer else "that does not take the timesteps in turn"
                for step in [step for step in layers if loops(step.word)] or layers[:1]:
                    if (loop.shorter or not in_turn) and _FEEDBACK not in [note.text for note in step.notes]:
                        step.note(Note(f"{_IN_A_LOOP} {how}; here over all of them", "differs"))

    def take(self, timestep: Value) -> None:
        """Keep which timestep a round of a loop takes from data."""
        timed = [loop for loop in self._loops if loop.timed]
        for loop in (timed[-1:] if timestep is TURN else []) or self._loops:
            loop.reads = True
        if self._loops and timestep is not TURN:
            self._loops[0].taken[timestep] = None

    @property
    def in_time(self) -> bool:
        """Whether a loop over timesteps is being followed."""
        return any(loop.timed for loop in self._loops)

    def of_a_round(self, tensor: TracedTensor) -> bool:
        """Return whether a tensor is of one round of a loop: over time, or one in which a cell computes it."""
        begin = self._loops[-1].begin if self._loops else self._count
        modules = [each.module for each in reached([tensor], begin) if each.number >= begin]
        return self.in_time or any(recurs(each) and each.name.endswith("Cell") for each in modules if each is not None)

    def repeats(self) -> bool:
        """Whether the next rounds of a loop are like the last one."""
        loop = self._loops[-1]
        loop.round = loop.round if loop.alike else self._count
        return loop.alike

    def once(self, module: Module, site: int, tensors: Tensors, states: Tensors, call: Callable[[], Value]) -> Value:
        """Return the result of calling a module at some position.

        A module that loops over time, or is called in such a loop, is called once for all timesteps.
        """
        key = id(module), site
        before = self._sites.get((*key, *tensors), self._sites.get(key)) if self._loops else None
        if before is None or not self._timed(module, before, tensors, states):
            made = call()
            self._sites[key] = self._sites[*key, *tensors] = tensors, made, self.steps[-1]
            return made
        read, returned, own = before
        begun = [loop for loop in self._loops if loop.begin <= own.number < loop.round]
        cell = recurs(module) and module.name.endswith("Cell")
        alone = not isinstance(returned, list) or (module.framework == "torch" and cell)
        begins, ends = _states(states), _states(self.tensors(returned if alone else returned[1:]))
        clear = all(step.kind not in _UNCLEAR for step, _ in begins)
        if begins != ends and clear and (cell or (recurs(module) and self.in_time)):
            own.note(Note(f"{_IN_A_LOOP} without the state that it returned; here it carries its state on", "differs"))
        same = tensors == read and all(each.step.word is not None or each.is_data for each in tensors)
        if begins == ends != [] and same and begun and not any(loop.reads for loop in begun):
            own.note(Note(f"{_IN_A_LOOP} on the same input in each round; here it reads a sequence once", "differs"))
        for loop in begun:
            loop.alike = True
        after = reached(tensors) if begun and tensors != read else []
        fed = [step for step in after if loops(step.word) and step.number >= begun[0].begin]
        for step in fed or [own] * (own in after):
            step.note(Note(_FEEDBACK, "differs row" if fed else "left out"))
        return returned

    def _timed(self, module: Module, before: _Site, tensors: Tensors, states: Tensors) -> bool:
        """Return whether a call of a module in the next round of a loop belongs to the next timestep.

        A module that loops itself, reads its own output and starts without a state is called as another layer; so is
        one that is called for several layers of the same round.
        """
        read, _, own = before
        rounds = [loop.round for loop in self._loops if loop.timed]
        if rounds:
            return own.number < rounds[-1] or (tensors == read and not recurs(module))
        if not recurs(module) or module.name.endswith("Cell"):
            return recurs(module)
        return own not in reached(tensors, own.number) or own in reached(states, own.number)


def _is_shorter(loop: ast.AST) -> bool:
    """Return whether a loop over timesteps leaves some out: `range(1, n)` or `range(n - 1)`."""
    match loop:
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=0), end] | [end]):
            return isinstance(end, ast.BinOp) and not isinstance(end.op, ast.Add | ast.Mult)
        case ast.Call(func=ast.Name(id="range"), args=[_, _]):
            return True
    return False


def _states(tensors: Sequence[TracedTensor]) -> list[tuple[TracedStep, str]]:
    """Return the states that some tensors are, as far as they are known in inference: each step, and which of it."""
    found = []
    for each in tensors:
        step = each.alone.step
        while step.reads and (
            step.word == Pass() or step.kind == "slice" or getattr(step.word, "kind", "") == "dropout"
        ):
            step = step.reads[0].step
        found.append((step, each.alone.part))
    return found


def modules_in(value: Value) -> Sequence[Value]:
    """Return the modules that a value may be, or that it was called with: `weight_norm(nn.Linear(3, 4))`."""
    if isinstance(value, Unknown):
        return value.values
    return [each for each in value.given.all if isinstance(each, Module)] if type(value) is Call else ()


def held_in(value: Value, enters: Callable[[Value], bool] = lambda _: True) -> dict[Value, str]:
    """Return the modules and objects in a value, each with its path, `encoder.rnn`; `enters` tells where to look."""
    found: dict[Value, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[Value, str]] = [(value, "")]
    while waiting:
        each, name = waiting.pop()
        if isinstance(each, (*PLAIN, TracedTensor)) or id(each) in seen or not enters(each):
            continue
        seen.add(id(each))
        if isinstance(each, Instance | Module):
            found[each] = name
            held = each.values if isinstance(each, Instance) else each.items or {}
        elif isinstance(each, list | dict):
            held = each if isinstance(each, dict) else dict(enumerate(each[:]))
        else:
            held = dict(enumerate(modules_in(each)))
        lead = f"{name}." if name else ""
        waiting += [(one, f"{lead}{key}".rstrip(".")) for key, one in reversed([*held.items()])]
    return found


def recurs(module: Value) -> bool:
    """Return whether a value is a recurrent module, or contains one."""
    inside = module.given.get("layer", 0) if isinstance(module, Module) else None
    return isinstance(module, Module) and (module.name in RECURRENT - {"Bidirectional"} or recurs(inside))


def reached(ends: Sequence[TracedTensor], since: int = 0) -> list[TracedStep]:
    """Return the steps from a number on that lead to some tensors, each after its inputs."""
    found = {each.step for each in ends}
    waiting = [*found]
    while waiting:
        more = {edge.step for edge in waiting.pop().reads or () if edge.step.number >= since} - found
        found |= more
        waiting += more
    return sorted(found, key=lambda each: each.number)
