"""Protobuf's wire format: the fields of a message, as places in a file, and messages made of fields.

Nothing is copied in reading: a field of many gigabytes is two offsets. Every length is checked against what is left of
the message that it stands in, so no place lies outside of the file. Nor in writing: a message is the pieces of bytes
that it is made of, large arrays among them as they are.

https://protobuf.dev/programming-guides/encoding describes the format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.errors import RnncliError
from rnncli.formats.file_reader import FileReader

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""How the value of a field is written."""

MAX_MESSAGE = 2**31 - 1
"""The largest message, in bytes, that protobuf's own libraries read."""

_WIDTHS = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10
_AHEAD = 256
"""Bytes of a message that are looked at together."""


Buffer = FileReader | bytes
"""A file, or bytes themselves."""


class Span(NamedTuple):
    """Where some bytes of a file begin and end."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes there are."""
        return self.end - self.start


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: its number in the message's schema.
        wire: how its value is written.
        value: the whole number that it is, if it is written as a varint; else 0.
        span: where its value stands.
    """

    number: int
    wire: int
    value: int
    span: Span

    def check(self, wire: int) -> None:
        """Check how its value is written.

        Raises:
            RnncliError: it is written in another way.
        """
        if self.wire != wire:
            what = f"byte {self.span.start:,}: field {self.number}"
            raise RnncliError(f"{what} has wire type {self.wire}, expected {wire}")


def fields(buffer: Buffer, span: Span) -> Iterator[Field]:
    """Yield the fields of the message that stands in a span.

    Raises:
        RnncliError: a field is damaged, or says that it is longer than what is left of the message.
    """
    place, end = span
    base, data = place, b""  # what has been read of the message, and where it begins
    while place < end:
        start, at = place, place - base
        if at + 2 * _LONGEST_VARINT > len(data):
            base, data, at = place, buffer[place : min(end, place + _AHEAD)], 0
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at, base)
        number, wire = key >> 3, key & 7
        if not 1 <= number < 2**29:
            raise RnncliError(f"byte {start:,}: no field has the number {number:,}")
        if wire == VARINT:
            begin = base + at
            value, at = _varint(data, at, base)
            place = base + at
            yield Field(number, wire, value, Span(begin, place))
            continue
        if wire == BYTES:
            length, at = _varint(data, at, base)
        elif wire in _WIDTHS:
            length = _WIDTHS[wire]
        else:
            raise RnncliError(f"byte {start:,}: field {number} has wire type {wire}, which is unknown")
        place = base + at
        if length > end - place:
            what = f"byte {start:,}: field {number} says that it has {length:,} bytes"
            raise RnncliError(f"{what}, and {end - place:,} are left")
        yield Field(number, wire, 0, Span(place, place + length))
        place += length


def signed(number: int) -> int:
    """Return a varint of 64 bits as a signed number."""
    number &= 2**64 - 1
    return number - 2**64 if number >> 63 else number


def varints(data: Buffer, spans: Sequence[Span], most: int) -> list[int]:
    """Return packed whole numbers.

    Args:
        data: the file.
        spans: where they stand.
        most: how many there may be.

    Raises:
        RnncliError: there are more, or one is damaged.
    """
    numbers: list[int] = []
    for start, end in spans:
        part = data[start : min(end, start + _LONGEST_VARINT * (most + 1))]
        at = 0
        while at < len(part):
            if len(numbers) == most:
                raise RnncliError(f"byte {start + at:,}: there are more than {most:,} numbers")
            number, at = _varint(part, at, start)
            numbers.append(signed(number))
    return numbers


def _varint(data: bytes, at: int, base: int) -> tuple[int, int]:
    """Return the whole number at a place of some bytes, and where it ends; they begin at a place of the file."""
    number = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    raise RnncliError(f"byte {base + at:,}: a number does not end")


class Message(NamedTuple):
    """A message in the making: its bytes in pieces, arrays as they were given, and how many bytes there are."""

    pieces: Sequence[bytes | memoryview]
    size: int

    def joined(self) -> bytes:
        """Return its bytes, the only copy that is made of them."""
        return b"".join(self.pieces)


def message(*fields: tuple[int, int | float | str | bytes | memoryview | Message]) -> Message:
    """Return a message of some fields.

    Args:
        fields: the number and the value of each: a whole number is written as a varint, a float in four bytes, and a
            text, bytes and a message with their length before them. A repeated field is given once for each value.
    """
    pieces: list[bytes | memoryview] = []
    for number, value in fields:
        if isinstance(value, int):
            pieces.append(_as_varint(number << 3 | VARINT) + _as_varint(value))
        elif isinstance(value, float):
            pieces.append(_as_varint(number << 3 | FIXED32) + struct.pack("<f", value))
        else:
            data = value.encode() if isinstance(value, str) else value
            inner = data.pieces if isinstance(data, Message) else [data]
            size = data.size if isinstance(data, Message) else len(data)
            pieces += [_as_varint(number << 3 | BYTES) + _as_varint(size), *inner]
    return Message(pieces, sum(map(len, pieces)))


def _as_varint(number: int) -> bytes:
    """Return a whole number as a varint; a negative one as its 64 bits."""
    number &= 2**64 - 1
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])
