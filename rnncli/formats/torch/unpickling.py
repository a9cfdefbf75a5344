"""Pickles, read as plain data: the names in a file are never looked up, imported or called.

A pickle is a program for a stack machine. The standard library's machine written in Python is used, with stand-ins for
everything it would look up, call or hash: a name stays a name, a call or an object of a class becomes `Made`, and a
dictionary becomes `PickledDict`. Each instruction creates at most one small object and nothing of a file is copied, so
memory and time are bounded by the number of instructions.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, NoReturn

from rnncli.errors import RnncliError, shorten

MAX_STEPS = 2_000_000
"""The most instructions of a pickle; PyTorch writes about 40 for a tensor."""


@dataclass(frozen=True, slots=True)
class PickledName:
    """A class or function that a pickle names."""

    module: str
    name: str


class PickledDict:
    """A dictionary as its keys and values, in order: a file could choose keys that take forever to hash."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: list[tuple[object, object]] = []

    def __setitem__(self, key: object, value: object) -> None:
        self._pairs.append((key, value))

    def __iter__(self) -> Iterator[tuple[object, object]]:
        return iter(self._pairs)

    def __bool__(self) -> bool:
        return bool(self._pairs)


class Made:
    """The result of a call, or an object of a class, by its ingredients; nothing is computed.

    Attributes:
        of: what is called.
        arguments: its arguments.
        items: the items added to it, as to a list or a set.
        pairs: the pairs put into it, as into a dictionary.
        state: its attributes.
    """

    __slots__ = ("arguments", "items", "of", "pairs", "state")

    def __init__(self, of: object, arguments: object) -> None:
        named = of.of if isinstance(of, Made) else of  # the result of a call may be called
        if not isinstance(named, PickledName) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("it calls something that cannot be called")
        if named in _RECONSTRUCTORS and arguments and isinstance(arguments[0], PickledName):
            named, arguments = arguments[0], arguments[1:]
        self.of: PickledName = named
        self.arguments: tuple[object, ...] = arguments
        self.items: list[object] = []
        self.pairs: PickledDict | None = None
        self.state: object = None

    def append(self, item: object) -> None:
        """Add an item, as to a list or a set."""
        self.items.append(item)

    add = append

    def __setitem__(self, key: object, value: object) -> None:
        self.pairs = self.pairs or PickledDict()
        self.pairs[key] = value


_RECONSTRUCTORS = frozenset(
    PickledName(module, name) for module in ("copyreg", "copy_reg") for name in ("_reconstructor", "__newobj__")
)
"""Functions that protocols 0 and 1 call to create an object of a class, their first argument."""


def load(
    file: BinaryIO, referred: Callable[[object], object] | None = None, rebuilt: Callable[[Made], object] | None = None
) -> object:
    """Return the contents of the pickle at a file's position, and leave the file at the end of the pickle.

    `referred` resolves references outside the pickle, if it may have any; `rebuilt` replaces the result of a call.

    Raises:
        RnncliError: it is damaged, too long, or has an instruction that torch.save does not write.
    """
    try:
        return _Machine(file, referred, rebuilt).load()
    except EOFError:
        raise RnncliError("its pickle is damaged: it does not end") from None
    except _DAMAGE as error:
        raise RnncliError(f"its pickle is damaged: {shorten(str(error), 100)}") from None


_DAMAGE = (pickle.UnpicklingError, AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error)
"""Errors that the machine raises if values are missing or do not suit an instruction."""


class _Instructions(dict[int, Callable[[Any], None]]):
    """The action of each instruction. Lookups are counted."""

    steps = 0

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise RnncliError(f"its pickle has more than {MAX_STEPS:,} instructions")
        if code not in self:
            raise pickle.UnpicklingError(f"it has an unknown instruction {code}")
        return super().__getitem__(code)


class _Memo(dict[int, object]):
    """The memoized values by number. Large numbers could be made to collide."""

    def __setitem__(self, index: int, value: object) -> None:
        if index >= MAX_STEPS:
            raise pickle.UnpicklingError(f"it stores a value under number {index:,}")
        super().__setitem__(index, value)


class _Machine(pickle._Unpickler):
    """The machine, with stand-ins for everything that the library's would look up, call or hash."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]]

    def __init__(
        self, file: BinaryIO, referred: Callable[[object], object] | None, rebuilt: Callable[[Made], object] | None
    ) -> None:
        super().__init__(file, encoding="latin-1")
        self._referred, self._rebuilt = referred, rebuilt
        self.memo = _Memo()
        self.dispatch = _Instructions(pickle._Unpickler.dispatch | {code[0]: do for code, do in _INSTEAD.items()})  # type: ignore[misc]  # of this one alone

    def find_class(self, module_name: str, global_name: str) -> PickledName:
        """Return a name as a `PickledName`."""
        return PickledName(module_name, global_name)

    def get_extension(self, code: int) -> NoReturn:
        """Refuse a numbered name, which Python would look up."""
        raise RnncliError(f"its pickle has the extension {code}, which torch.save does not write")

    def persistent_load(self, pid: object) -> object:
        """Return the stand-in for something outside the pickle."""
        if self._referred is None:
            raise pickle.UnpicklingError("it refers to something outside of it")
        return self._referred(pid)

    def _instantiate(self, klass: object, args: list[object]) -> None:
        self.stack.append(Made(klass, tuple(args)))

    def _call(self) -> None:
        arguments = self.stack.pop()
        made = Made(self.stack[-1], arguments)
        self.stack[-1] = made if self._rebuilt is None else self._rebuilt(made)

    def _call_by_keywords(self) -> None:
        self.stack.pop()
        self._call()

    def _build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Made):
            raise pickle.UnpicklingError("it changes something that cannot be changed")
        self.stack[-1].state = state

    def _above(self) -> list[Any]:
        return self.pop_mark()  # type: ignore[attr-defined,no-any-return]  # the stubs do not have it

    def _dictionary(self) -> None:
        items, made = self._above(), PickledDict()
        for key, value in zip(items[::2], items[1::2], strict=True):
            made[key] = value
        self.stack.append(made)

    def _frozenset(self) -> None:
        items = self._above()  # which puts the stack back that this is added to
        self.stack.append(Made(PickledName("builtins", "frozenset"), (items,)))


_INSTEAD: Mapping[bytes, Callable[[Any], None]] = {
    pickle.REDUCE: _Machine._call,
    pickle.NEWOBJ: _Machine._call,
    pickle.NEWOBJ_EX: _Machine._call_by_keywords,
    pickle.BUILD: _Machine._build,
    pickle.EMPTY_DICT: lambda machine: machine.stack.append(PickledDict()),
    pickle.DICT: _Machine._dictionary,
    pickle.EMPTY_SET: lambda machine: machine.stack.append(Made(PickledName("builtins", "set"), ())),
    pickle.FROZENSET: _Machine._frozenset,
    pickle.BYTEARRAY8: pickle._Unpickler.dispatch[pickle.BINBYTES8[0]],  # takes no memory before there are bytes
}
"""Replacements for the library's actions that would call, set attributes, hash, or allocate memory unchecked."""
