"""PyTorch in a Python source: the modules of a class, in the order of `__init__`, as rows of layers."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from rnncli.errors import RnncliError, SpecError, shorten
from rnncli.formats.nodes import Node, Note, Part
from rnncli.formats.python.definitions import Function, Instance
from rnncli.formats.python.forward import Taken, called_in, taken_by
from rnncli.formats.python.torch_links import Applied, Gap, Item, Link, is_recurrent, items_of
from rnncli.formats.python.torch_modules import CONTAINERS, Module, TorchReader
from rnncli.formats.python.values import Unknown, Value
from rnncli.layers import Dense, Head, Input, Recurrent

ASSUMED_LAST = "the last recurrent layer returns its last output alone: the file does not say"
ASSUMED_ORDER = "the layers follow one another in the order of __init__; what else forward does is not read"


@dataclass(frozen=True)
class Source:
    """Modules that follow one another.

    Attributes:
        name: what the file calls them: the name of their class, function or variable.
        line: where they stand.
        modules: the modules by their names.
        forward: the function that says what happens to their outputs, if there is one.
        fault: why they are not known.
        other_names: the variables that hold them.
    """

    name: str
    line: int
    modules: Mapping[str, Value]
    forward: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    fault: RnncliError | None = None
    other_names: tuple[str, ...] = ()


def sources(reader: TorchReader, instances: Sequence[Instance]) -> list[Source]:
    """Return what a file has of recurrent modules: those of each class, and those of each function or the module."""
    found: list[Source] = []
    owned: set[int] = set()
    seen: set[str] = set()
    for instance in instances:
        modules = {name: value for name, value in instance.values.items() if _may_be_module(value)}
        owned |= {id(value) for value in modules.values()}
        owned |= {id(each) for value in modules.values() if isinstance(value, Unknown) for each in value.maybe}
        if not any(map(is_recurrent, modules.values())):
            continue
        forward = instance.cls.get("forward")
        node = forward.node if isinstance(forward, Function) else None
        why = instance.doubtful
        fault = None if why is None else RnncliError(f"its layers are not known: {why.why}", why.advice)
        source = Source(
            instance.cls.name,
            instance.cls.node.lineno,
            modules,
            cast("ast.FunctionDef | None", node),
            fault,
            tuple(instance.variables),
        )
        written = repr((source.name, _written(modules)))
        if written not in seen:
            found.append(source)
        seen.add(written)
    loose: dict[str, dict[str, Value]] = {}
    for number, module in enumerate(reader.modules):
        if id(module) not in owned and not module.inner:
            loose.setdefault(module.function, {})[module.variable or f"{module.kind.lower()}_{number}"] = module
    for function, modules in loose.items():
        loops = [name for name, module in modules.items() if is_recurrent(module)]
        if loops:
            line = cast(Module, modules[loops[0]]).line
            alone = {loops[0]: modules[loops[0]]} if cast(Module, modules[loops[0]]).kind in CONTAINERS else modules
            found.append(Source(function or loops[0], line, alone))
    counts = Counter(source.name for source in found)
    numbers: Counter[str] = Counter()
    named = []
    for source in sorted(found, key=lambda each: each.line):
        numbers[source.name] += 1
        several = counts[source.name] > 1 and numbers[source.name] > 1
        named.append(replace(source, name=f"{source.name}_{numbers[source.name]}") if several else source)
    return named


def _may_be_module(value: Value) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, Module) for each in value)
    return isinstance(value, Module | Instance) or (isinstance(value, Unknown) and bool(value.made_by or value.maybe))


def _written(modules: Mapping[str, Value]) -> list[object]:
    """Return what tells modules apart: two objects of a class with the same modules are one."""
    return [
        (name, value.kind, {key: repr(each) for key, each in value.arguments.items()}, _written(dict(value.children)))
        if isinstance(value, Module)
        else name
        for name, value in modules.items()
    ]


def read_source(source: Source) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the recurrent parts of some modules, and notes on what is in none.

    Raises:
        RnncliError: something about them is not known.
    """
    if source.fault is not None:
        raise source.fault
    rows = _Rows(source)
    for name, value in source.modules.items():
        for item in items_of(name, value):
            rows.take(item)
    return rows.parts(), tuple(rows.notes)


class _Rows:
    """Rows of layers in the making."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rows: list[list[Link]] = [[]]
        self.notes: list[str] = []
        self._left: list[str] = []

    def take(self, item: Item) -> None:
        """Add a layer to the row at hand, or begin another where it does not fit."""
        match item:
            case Gap(note=note, ends=ends):
                self._left.append(note)
                if ends:
                    self._rows.append([])
            case Applied():
                self._apply(item)
            case Link():
                row = self._rows[-1]
                last = self._returned()
                begins = isinstance(item.piece.layer, Head)
                if row and (begins or (item.reads is not None and last is not None and item.reads != last)):
                    loops = any(link.piece.layer.states for link in row)
                    if loops and not begins and not item.piece.layer.states:
                        self._left.append(
                            f"{shorten(item.piece.name)} (line {item.line}), which reads {item.reads:,} features where "
                            f"{last:,} are returned before it"
                        )
                        return
                    self._rows.append([])
                self._rows[-1].append(item)

    def _apply(self, item: Applied) -> None:
        row = self._rows[-1]
        layer = row[-1].piece.layer if row else None
        if not isinstance(layer, Dense) or layer.activation != "linear":
            self._left.append(item.note)
            self._rows.append([])
            return
        piece = replace(row[-1].piece, word=replace(layer, activation=item.activation))
        row[-1] = row[-1]._replace(piece=piece)

    def _returned(self) -> int | None:
        """Return how many features the row at hand returns, or None where any may follow."""
        sizes = [link.returns for link in self._rows[-1] if link.returns is not None]
        return sizes[-1] if sizes else None

    def parts(self) -> tuple[Part, ...]:
        """Return the rows with something recurrent as parts; the rest is noted."""
        rows = []
        for row in self._rows:
            if any(link.piece.layer.states for link in row):
                rows.append(row)
            else:
                self._left += [f"{shorten(link.piece.name)} (line {link.line})" for link in row]
        if self._left:
            shown = ", ".join(self._left[:20]) + (f" and {len(self._left) - 20} more" if len(self._left) > 20 else "")
            self.notes.append(f"{shorten(self._source.name)}: modules in no recurrent part: {shown}")
        return tuple(self._part(row, several=len(rows) > 1) for row in rows)

    def _part(self, row: list[Link], *, several: bool) -> Part:
        loops = [index for index, link in enumerate(row) if link.piece.layer.states]
        first = row[0].piece.layer
        if isinstance(first, Head):
            head: Head = first
        else:
            reads = next(link.reads for link in row if link.reads is not None)
            head = Input(reads)
        # A Linear after the last recurrent layer reads whatever that returns, so only this one is in question.
        taken = self._taken(row[loops[-1]])
        pieces = []
        for index, link in enumerate(row):
            sequence = index in loops[:-1] or (index == loops[-1] and taken.sequence)
            layer = link.piece.layer.returning("sequence") if sequence else None
            pieces.append(replace(link.piece, word=layer or link.piece.layer))
        own = pieces[loops[0]].name.partition(" (layer ")[0]
        assumed = [ASSUMED_ORDER, *([] if taken.known else [ASSUMED_LAST]), *taken.notes]
        assumed += [text for link in row for text in link.assumed]
        assumed += self._otherwise(pieces)
        name = f"{self._source.name}.{own}" if several else self._source.name
        others = () if several else self._source.other_names
        part = Part(
            name, head, tuple(pieces), tuple(Note(text, "assumed") for text in dict.fromkeys(assumed)), "torch", others
        )
        try:
            assert part.network.layers
        except SpecError as error:
            raise RnncliError(error.message) from None
        return part

    def _otherwise(self, pieces: Sequence[Node]) -> list[str]:
        """Return what is said of forward, where it calls the modules in another order."""
        if self._source.forward is None:
            return []
        order = list(dict.fromkeys(piece.name.partition(" ")[0].partition(".")[0] for piece in pieces))
        called = [name for name in called_in(self._source.forward) if name in order]
        if called == [name for name in order if name in called]:
            return []
        return [f"forward calls them in another order: {shorten(', '.join(called), 200)}"]

    def _taken(self, link: Link) -> Taken:
        owner = link.piece.name.partition(" (layer ")[0]
        layer = link.piece.layer
        assert isinstance(layer, Recurrent)
        if self._source.forward is None:
            return Taken()
        return taken_by(self._source.forward, owner, both=layer.merge_mode is not None)
