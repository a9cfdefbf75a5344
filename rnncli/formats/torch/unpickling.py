"""Pickles, read as plain data: what a file names is never looked up, imported or called.

A pickle is a program for a machine with a stack. Python's own machine does what it says: it imports, calls and hashes.
Here `pickletools`, which only lists instructions and cannot do anything of that, hands them to a machine that puts a
name where a class or a function is meant, and `Made` where one is called. Each instruction makes one small object at
most, and nothing of a file is hashed or copied, so that memory and time follow from the number of instructions.

https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the instructions.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from rnncli.errors import RnncliError, shorten

MAX_STEPS = 2_000_000
"""The most instructions of a pickle; PyTorch writes about 40 for a tensor."""

_LAST_PROTOCOL = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A class or a function that a pickle names."""

    module: str
    name: str


class Pairs(list[tuple[object, object]]):
    """A dictionary as its keys and values, in order: a file may choose keys that take forever to hash."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Referred:
    """Something outside of the pickle: a storage, by what the pickle says of it."""

    id: object


class Made:
    """What a call would return, or an object of a class: what goes into it, and nothing that comes of it.

    Attributes:
        of: what is called.
        arguments: with what.
        items: what is added to it, as to a list or a set.
        pairs: what is put into it, as into a dictionary.
        state: its attributes.
    """

    __slots__ = ("arguments", "items", "of", "pairs", "state")

    def __init__(self, of: Named, arguments: tuple[object, ...]) -> None:
        self.of, self.arguments = of, arguments
        self.items: list[object] | None = None
        self.pairs: Pairs | None = None
        self.state: object = None


_RECONSTRUCTORS = frozenset(
    Named(module, name) for module in ("copyreg", "copy_reg") for name in ("_reconstructor", "__newobj__")
)
"""What protocols 0 and 1 call to make an object of a class, which is their first argument."""


class _DamageError(Exception):
    """A pickle is damaged; the message says how."""


def load(file: BinaryIO) -> tuple[object, list[Referred]]:
    """Return what the pickle holds that begins where a file is read, and all that it refers to outside of it.

    The file is left where the pickle ends.

    Raises:
        RnncliError: it is damaged, too long, or has an instruction that torch.save does not write.
    """
    machine = _Machine()
    for steps, (name, argument, place) in enumerate(_instructions(file)):
        if name == "PROTO" and argument > _LAST_PROTOCOL:
            raise RnncliError(f"its pickle has protocol {argument}, and {_LAST_PROTOCOL} is the last that is known")
        if steps >= MAX_STEPS:
            raise RnncliError(f"its pickle has more than {MAX_STEPS:,} instructions")
        try:
            if name == "STOP":
                return machine.last(1)[0], machine.referred
            if name not in _INSTRUCTIONS:
                raise RnncliError(f"its pickle has the instruction {name}, which torch.save does not write")
            _INSTRUCTIONS[name](machine, argument)
        except _DamageError as damage:
            raise RnncliError(f"its pickle is damaged at byte {place:,}: {damage}") from None
    raise RnncliError("its pickle is damaged: it does not end")


def _instructions(file: BinaryIO) -> Iterator[tuple[str, Any, int]]:
    """Yield the name of each instruction of a pickle, its argument and its place.

    Raises:
        RnncliError: one is not known, or ends too soon.
    """
    listed = pickletools.genops(file)
    while True:
        try:
            code, argument, place = next(listed)
        except StopIteration:
            return
        except (ValueError, OverflowError) as error:  # all that it raises; texts in another encoding are among them
            raise RnncliError(f"its pickle is damaged: {shorten(str(error), 100)}") from None
        yield code.name, argument, place or 0


class _Machine:
    """The stack, the marks in it and the memo of a pickle.

    Attributes:
        referred: what the pickle refers to.
    """

    def __init__(self) -> None:
        self.referred: list[Referred] = []
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, object] = {}

    def last(self, count: int) -> list[Any]:
        """Take the last values away."""
        if len(self._stack) < count:
            raise _DamageError("it takes values that are not there")
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def above(self) -> list[Any]:
        """Take what stands above the last mark away, and the mark."""
        if not self._below:
            raise _DamageError("there is no mark")
        taken, self._stack = self._stack, self._below.pop()
        return taken

    @property
    def top(self) -> Any:
        """The last value."""
        if not self._stack:
            raise _DamageError("it takes values that are not there")
        return self._stack[-1]

    def push(self, value: object) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def mark(self) -> None:
        """Put a mark on the stack."""
        self._below.append(self._stack)
        self._stack = []

    def drop(self) -> None:
        """Take the last value away, or the mark that stands there."""
        self.last(1) if self._stack else self.above()

    def keep(self, index: int | None) -> None:
        """Keep the last value under a number, or the next one. Large ones could be made to collide in a dictionary."""
        index = len(self._memo) if index is None else index
        if not 0 <= index < MAX_STEPS:
            raise _DamageError(f"it keeps value {index:,}")
        self._memo[index] = self.top

    def recall(self, index: int) -> None:
        """Put a value on the stack that was kept."""
        if index not in self._memo:
            raise _DamageError(f"it takes value {index:,}, which it has not kept")
        self.push(self._memo[index])

    def name(self, module: object, name: object) -> None:
        """Put a name on the stack."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise _DamageError("it names what is no name")
        self.push(Named(module, name))

    def refer(self, identity: object) -> None:
        """Put something outside on the stack; of a class of modules the old format keeps the source beside it."""
        match identity:
            case ("module", Named() as named, *_):
                self.push(named)
            case _:
                self.referred.append(Referred(identity))
                self.push(self.referred[-1])

    def make(self, of: object, arguments: object) -> None:
        """Put what stands for the result of a call on the stack. What a call returns may be called, too."""
        of = of.of if isinstance(of, Made) else of
        if not isinstance(of, Named) or not isinstance(arguments, tuple):
            raise _DamageError("it calls what cannot be called")
        if of in _RECONSTRUCTORS and arguments and isinstance(arguments[0], Named):
            of, arguments = arguments[0], arguments[1:]
        self.push(Made(of, arguments))

    def make_first(self, called: list[object]) -> None:
        """The same, with the arguments behind what is called."""
        self.make(called[0] if called else None, tuple(called[1:]))

    def build(self, state: object) -> None:
        """Give an object its attributes."""
        if not isinstance(self.top, Made):
            raise _DamageError("it changes what cannot be changed")
        self.top.state = state

    def add(self, items: list[object]) -> None:
        """Add values to a list or a set."""
        target = self.top
        if isinstance(target, Made):
            target.items = target.items or []
            target = target.items
        if type(target) is not list:
            raise _DamageError("it appends to what is no list")
        target.extend(items)

    def put(self, items: list[object]) -> None:
        """Put keys and values, which follow one another, into a dictionary."""
        target = self.top
        if isinstance(target, Made):
            target.pairs = target.pairs or Pairs()
            target = target.pairs
        if type(target) is not Pairs or len(items) % 2:
            raise _DamageError("it puts items into what is no dictionary")
        target.extend(zip(items[::2], items[1::2], strict=True))

    def make_pairs(self, items: list[object]) -> None:
        """Put a dictionary of keys and values on the stack."""
        self.push(Pairs())
        self.put(items)


_VALUES = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
"""The instructions that put their argument on the stack."""

_INSTRUCTIONS: Mapping[str, Callable[[_Machine, Any], object]] = {
    **dict.fromkeys(_VALUES, _Machine.push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.keep),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,  # how many bytes follow until the next, for those who read in pieces
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.drop(),
    "POP_MARK": lambda machine, _: machine.above(),
    "DUP": lambda machine, _: machine.push(machine.top),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.above())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.last(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.last(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.last(3))),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.above()),
    "APPEND": lambda machine, _: machine.add(machine.last(1)),
    "APPENDS": lambda machine, _: machine.add(machine.above()),
    "EMPTY_SET": lambda machine, _: machine.make(Named("builtins", "set"), ()),
    "FROZENSET": lambda machine, _: machine.make(Named("builtins", "frozenset"), (machine.above(),)),
    "ADDITEMS": lambda machine, _: machine.add(machine.above()),
    "EMPTY_DICT": lambda machine, _: machine.push(Pairs()),
    "DICT": lambda machine, _: machine.make_pairs(machine.above()),
    "SETITEM": lambda machine, _: machine.put(machine.last(2)),
    "SETITEMS": lambda machine, _: machine.put(machine.above()),
    "GLOBAL": lambda machine, words: machine.name(*words.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.last(2)),
    "REDUCE": lambda machine, _: machine.make(*machine.last(2)),
    "NEWOBJ": lambda machine, _: machine.make(*machine.last(2)),
    "NEWOBJ_EX": lambda machine, _: machine.make(*machine.last(3)[:2]),
    "INST": lambda machine, words: machine.make(Named(*words.split(" ", 1)), tuple(machine.above())),
    "OBJ": lambda machine, _: machine.make_first(machine.above()),
    "BUILD": lambda machine, _: machine.build(machine.last(1)[0]),
    "PERSID": _Machine.refer,
    "BINPERSID": lambda machine, _: machine.refer(machine.last(1)[0]),
}
"""What each instruction does that is known: extensions, which Python looks up, and buffers outside are not."""
