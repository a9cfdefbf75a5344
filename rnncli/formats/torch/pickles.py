"""Pickles, read by a machine that builds plain values and has no way to run anything.

A pickle is a program for a machine with a stack. Python's own takes memory before it looks (fifteen bytes can ask for
gigabytes of memo) and builds values that take forever to hash or to print. This one counts its steps, takes no more
bytes than there are, and knows only the instructions that state dicts need. A name in a pickle is looked up by the
caller, who says what is called in its place; nothing else can be called.

https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the instructions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rnncli.errors import RnncliError

MAX_STEPS = 2_000_000
"""The most instructions of a pickle; PyTorch writes about 40 for a tensor."""

_MAX_TEXT = 1 << 20
"""The longest text, in bytes."""

_MAX_NUMBER = 255
"""The longest whole number, in bytes. The state of a random generator has numbers of 17."""

_MAX_LINE = 1 << 12
"""The longest line, in bytes: the first protocol writes numbers and names in lines."""

_LAST_PROTOCOL = 5


class Call(NamedTuple):
    """What stands for a function or a class that a pickle names.

    Attributes:
        make: what is called in its place.
    """

    make: Callable[..., object]


class Hollow:
    """An object of no interest, such as a set or a device: whatever is put into it is left out."""

    __slots__ = ()


class _DamageError(Exception):
    """A pickle is damaged; the message says how."""


class Machine:
    """Reads one pickle.

    Args:
        data: the bytes that it stands in.
        place: where it begins.
        named: returns what stands for a name, given its module and the name in it, or raises an error.
        stored: returns what a persistent id refers to, or raises an error.

    Attributes:
        place: the next byte; once the pickle is read, where it ends.
    """

    def __init__(
        self, data: bytes, place: int, named: Callable[[str, str], object], stored: Callable[[object], object]
    ) -> None:
        self.place = place
        self._data = data
        self._named = named
        self._stored = stored
        self._steps = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        """Return what the pickle holds.

        Raises:
            RnncliError: it is damaged, too long, or has an instruction that state dicts do not need.
        """
        begin = self.place
        try:
            while (code := self._data[begin]) != _STOP:
                self.place += 1
                self._count(1)
                _INSTRUCTIONS[code](self)
                begin = self.place
            self.place += 1
            return self._stack.pop()
        except _DamageError as damage:
            raise RnncliError(f"its pickle is damaged at byte {begin:,}: {damage}") from None
        except (IndexError, KeyError, ValueError, TypeError, struct.error) as error:
            reason = f"instruction {self._data[begin]:#x}" if begin < len(self._data) else "it has ended"
            raise RnncliError(f"its pickle is damaged at byte {begin:,}: {reason} ({type(error).__name__})") from None

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise _DamageError(f"it has more than {MAX_STEPS:,} instructions")

    # What instructions read.

    def _take(self, size: int, most: int = _MAX_TEXT) -> bytes:
        """Return the next bytes."""
        left = len(self._data) - self.place
        if size > min(left, most):
            raise _DamageError(f"it says that {size:,} bytes follow, of {left:,} left and {most:,} allowed")
        self.place += size
        return self._data[self.place - size : self.place]

    def _line(self) -> str:
        end = self._data.find(b"\n", self.place, self.place + _MAX_LINE)
        if end < 0:
            raise _DamageError("a line does not end")
        line = self._take(end - self.place).decode("utf-8", "replace")
        self.place += 1
        return line

    def _count_of(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _signed(self, width: int) -> int:
        return int.from_bytes(self._take(width, _MAX_NUMBER), "little", signed=True)

    def _text(self, width: int) -> str:
        """Return a text behind its length, which has so many bytes."""
        return self._take(self._count_of(width)).decode("utf-8", "replace")

    def _quoted(self) -> str:
        line = self._line()
        if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
            raise _DamageError("a text is not in quotes")
        return line[1:-1]

    def _number_line(self) -> int | bool:
        line = self._line().removesuffix("L")
        truths: Mapping[str, bool] = {"00": False, "01": True}
        return truths[line] if line in truths else int(line[: 2 * _MAX_NUMBER])

    def _above_mark(self) -> list[Any]:
        """Take what stands above the last mark away, and the mark."""
        if not self._marked:
            raise _DamageError("there is no mark")
        items, self._stack = self._stack, self._marked.pop()
        return items

    def _last(self, count: int) -> list[Any]:
        """Take the last values away."""
        if len(self._stack) < count:
            raise _DamageError("it takes values that are not there")
        items = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return items

    # What instructions do.

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _protocol(self) -> None:
        if (version := self._count_of(1)) > _LAST_PROTOCOL:
            raise _DamageError(f"protocol {version} is not known, {_LAST_PROTOCOL} is the last")

    def _mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _drop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._above_mark()

    def _keep(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _recall(self, index: int) -> None:
        self._push(self._memo[index])

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Hollow):
            return
        if type(target) is not dict:
            raise _DamageError("it puts items into what is no dictionary")
        target.update(_pairs(items))

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Hollow):
            return
        if type(target) is not list:
            raise _DamageError("it appends to what is no list")
        target.extend(items)

    def _call(self) -> None:
        function, arguments = self._last(2)
        if not isinstance(function, Call) or type(arguments) is not tuple:
            raise _DamageError("it calls what cannot be called")
        self._count(sum(len(each) for each in arguments if isinstance(each, list | tuple | dict)))
        self._push(function.make(*arguments))

    def _call_named(self) -> None:
        """The same in the first protocol, which has the name behind the arguments."""
        arguments = tuple(self._above_mark())
        self._push(self._named(self._line(), self._line()))
        self._push(arguments)
        self._call()

    def _build(self) -> None:
        """Leave out what is put on an object besides what it holds: the `_metadata` of a state dict."""
        self._last(1)
        if not isinstance(self._stack[-1], Hollow | dict):
            raise _DamageError("it changes what cannot be changed")

    def _frozen_set(self) -> None:
        self._above_mark()
        self._push(Hollow())

    def _name(self) -> None:
        module, name = self._last(2)
        if not isinstance(name, str) or not isinstance(module, str):
            raise _DamageError("it names what is no name")
        self._push(self._named(module, name))

    # The first column is the number of the instruction, which is often a letter.
    INSTRUCTIONS: Mapping[str, Callable[[Machine], object]] = {
        "\x80": _protocol,
        "\x95": lambda self: self._take(8),  # how long a frame is
        "(": _mark,
        "0": _drop,
        "1": _above_mark,
        "2": lambda self: self._push(self._stack[-1]),
        "p": lambda self: self._keep(int(self._line()[:_MAX_NUMBER])),
        "q": lambda self: self._keep(self._count_of(1)),
        "r": lambda self: self._keep(self._count_of(4)),
        "\x94": lambda self: self._keep(len(self._memo)),
        "g": lambda self: self._recall(int(self._line()[:_MAX_NUMBER])),
        "h": lambda self: self._recall(self._count_of(1)),
        "j": lambda self: self._recall(self._count_of(4)),
        "N": lambda self: self._push(None),
        "\x88": lambda self: self._push(True),
        "\x89": lambda self: self._push(False),
        "K": lambda self: self._push(self._count_of(1)),
        "M": lambda self: self._push(self._count_of(2)),
        "J": lambda self: self._push(self._signed(4)),
        "I": lambda self: self._push(self._number_line()),
        "L": lambda self: self._push(self._number_line()),
        "\x8a": lambda self: self._push(self._signed(self._count_of(1))),
        "\x8b": lambda self: self._push(self._signed(self._count_of(4))),
        "F": lambda self: self._push(float(self._line())),
        "G": lambda self: self._push(struct.unpack(">d", self._take(8))[0]),
        "S": lambda self: self._push(self._quoted()),
        "T": lambda self: self._push(self._text(4)),
        "U": lambda self: self._push(self._text(1)),
        "V": lambda self: self._push(self._line()),
        "X": lambda self: self._push(self._text(4)),
        "\x8c": lambda self: self._push(self._text(1)),
        "\x8d": lambda self: self._push(self._text(8)),
        "B": lambda self: self._push(self._take(self._count_of(4))),
        "C": lambda self: self._push(self._take(self._count_of(1))),
        "\x8e": lambda self: self._push(self._take(self._count_of(8))),
        ")": lambda self: self._push(()),
        "t": lambda self: self._push(tuple(self._above_mark())),
        "\x85": lambda self: self._push(tuple(self._last(1))),
        "\x86": lambda self: self._push(tuple(self._last(2))),
        "\x87": lambda self: self._push(tuple(self._last(3))),
        "]": lambda self: self._push([]),
        "l": lambda self: self._push(self._above_mark()),
        "a": lambda self: self._append(self._last(1)),
        "e": lambda self: self._append(self._above_mark()),
        "}": lambda self: self._push({}),
        "d": lambda self: self._push(_pairs(self._above_mark())),
        "s": lambda self: self._set_items(self._last(2)),
        "u": lambda self: self._set_items(self._above_mark()),
        "\x8f": lambda self: self._push(Hollow()),  # a set; there are no tensors in one
        "\x90": _above_mark,
        "\x91": _frozen_set,
        "c": lambda self: self._push(self._named(self._line(), self._line())),
        "i": _call_named,
        "\x93": _name,
        "R": _call,
        "\x81": _call,
        "b": _build,
        "P": lambda self: self._push(self._stored(self._line())),
        "Q": lambda self: self._push(self._stored(self._stack.pop())),
    }
    """The instructions that are known, by their numbers."""


_STOP = ord(".")
_INSTRUCTIONS = {ord(number): instruction for number, instruction in Machine.INSTRUCTIONS.items()}


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """Return a dictionary of keys and values that follow one another.

    Only texts and small numbers are keys: some tuples take forever to hash, and numbers can be made to collide.
    """
    keys = items[::2]
    for key in keys:
        if not (isinstance(key, str) or key is None or (isinstance(key, int) and abs(key) < 2**32)):
            raise _DamageError(f"a key of a dictionary is no text and no small number, but a {type(key).__name__}")
    return dict(zip(keys, items[1::2], strict=True))
