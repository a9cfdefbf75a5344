"""ONNX's messages: the one table of fields by which they are read from files and written, and protobuf's wire format.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 describes the messages, and
https://protobuf.dev/programming-guides/encoding how they are written; names and numbers are from there. Whole numbers,
floats and texts are read as such. An array's numbers are left where they stand: a field of many gigabytes is two
offsets. Every length is checked against what is left of the message that it stands in, so no place lies outside of the
file. Nor is anything copied in writing: a message is the pieces of bytes that it is made of.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from rnncli.errors import RnncliError
from rnncli.formats.file_reader import FileReader
from rnncli.immutable import NamedTuple

# Fields as they are written

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
    """A field of a message: its number, how it is written, the whole number of a varint, and where its value stands."""

    number: int
    wire: int
    value: int
    span: Span


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


def varints(data: Buffer, span: Span, most: int) -> list[int]:
    """Return whole numbers that stand one behind the other.

    Raises:
        RnncliError: there are more than there may be, or one is damaged.
    """
    numbers: list[int] = []
    part, at = data[span.start : min(span.end, span.start + _LONGEST_VARINT * (most + 1))], 0
    while at < len(part):
        if len(numbers) == most:
            raise RnncliError(f"byte {span.start + at:,}: there are more than {most:,} numbers")
        number, at = _varint(part, at, span.start)
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


# The table of messages

MAX_WORK = 2_000_000
"""The most that a file may make of nodes, attributes and names, so that none takes memory without end."""

MAX_DEPTH = 16
"""How deep graphs may stand inside of one another, as the branches of `If` do."""

MAX_NUMBERS = 10_000
"""The most numbers in an attribute, and the most bytes of a name or another text."""

OWN_DOMAINS = (None, "", "ai.onnx")
"""What the domain of ONNX's own operators is called."""


P = TypeVar("P", bound="Proto")
V = TypeVar("V", int, float, str)


class Column(NamedTuple):
    """A field of a message: its name, its type, and whether there may be several.

    A type is whole, real, text; bytes, of which long ones are none; span, left where it stands; or a class of messages.
    """

    name: str
    kind: str
    many: bool


class Proto:
    """A message. A field that is not there is None, or an empty list where there may be several.

    Attributes:
        start: where it begins in its file.
        columns: its fields by their numbers, in order.
        work: how much memory it takes beside its fields, counted in fields.
    """

    kinds: ClassVar[dict[str, type[Proto]]] = {}
    columns: ClassVar[Mapping[int, Column]] = {}
    many: ClassVar[Mapping[str, bool]] = {}
    work: ClassVar[int] = 0

    def __init_subclass__(cls, fields: str, work: int = 0) -> None:
        rows = [row.split() for row in fields.split(",")]
        cls.columns = {int(number): Column(name, kind.rstrip("*"), kind.endswith("*")) for number, name, kind in rows}
        cls.many = {column.name: column.many for column in cls.columns.values()}
        cls.work = work
        Proto.kinds[cls.__name__] = cls

    def __init__(self, start: int = 0, **values: Any) -> None:
        self.start = start
        self.__dict__ |= values

    def __getattr__(self, name: str) -> Any:
        if name not in self.many:
            raise AttributeError(name)
        value: list[Any] | None = [] if self.many[name] else None
        self.__dict__[name] = value
        return value


class PairProto(Proto, fields="1 key text, 2 value text"):
    """A key and its value: StringStringEntryProto."""


class TensorProto(
    Proto,
    fields="1 dims whole*, 2 data_type whole, 4 float_data span*, 5 int32_data span*, 6 string_data span*, "
    "7 int64_data span*, 8 name text, 9 raw_data span, 10 double_data span*, 11 uint64_data span*, "
    "13 external_data PairProto*, 14 data_location whole",
    work=20,
):
    """An array. Its numbers are in one of the fields of data, or in a file of their own."""


class SparseProto(Proto, fields="1 values TensorProto", work=5):
    """An array of which only the numbers that are not zero are there: SparseTensorProto."""


class DimensionProto(Proto, fields="1 dim_value whole, 2 dim_param text"):
    """The length of an axis: a number, or a name where it is not known."""


class ShapeProto(Proto, fields="1 dim DimensionProto*"):
    """A shape: its axes. TensorShapeProto."""


class ArrayTypeProto(Proto, fields="1 elem_type whole, 2 shape ShapeProto"):
    """The type of an array: of its numbers, and its shape. TypeProto.Tensor."""


class TypeProto(Proto, fields="1 tensor_type ArrayTypeProto"):
    """A type; only that of arrays is known here."""


class ValueInfoProto(Proto, fields="1 name text, 2 type TypeProto, 3 doc_string text", work=5):
    """The name and the type of a value."""

    def sizes(self) -> tuple[int | None, ...] | None:
        """Return the shape that is declared, None for a length that is not; None without a shape."""
        array = self.type.tensor_type if self.type is not None else None
        if array is None or array.shape is None:
            return None
        lengths = [axis.dim_value for axis in array.shape.dim]
        return tuple(length if length is not None and length > 0 else None for length in lengths)


class AttributeProto(
    Proto,
    fields="1 name text, 2 f real, 3 i whole, 4 s bytes, 5 t TensorProto, 6 g GraphProto, 7 floats real*, "
    "8 ints whole*, 9 strings bytes*, 11 graphs GraphProto*, 20 type whole",
    work=5,
):
    """What a node is told."""


_UNTOLD = AttributeProto()

ATTRIBUTE_TYPES: Mapping[str, int] = {
    name: code for code, name in enumerate(("f", "i", "s", "t", "g", "floats", "ints", "strings"), start=1)
}
"""The type that an attribute says it has, by the field that its value is in."""


class NodeProto(
    Proto,
    fields="1 input text*, 2 output text*, 3 name text, 4 op_type text, 5 attribute AttributeProto*, 7 domain text",
    work=10,
):
    """An operation on values, which go by names; an optional one that is left out is empty."""

    @property
    def operation(self) -> str:
        """What it computes: `LSTM`; one that is not of ONNX's own has its domain before it."""
        name = self.op_type or ""
        return name if self.domain in OWN_DOMAINS else f"{self.domain}.{name}"

    @property
    def label(self) -> str:
        """Its name, or that of its first output."""
        return self.name or next(filter(None, self.output), self.operation)

    def reads(self, index: int) -> str:
        """Return the name of an input; empty if it is left out."""
        return self.input[index] if index < len(self.input) else ""

    def told(self, name: str) -> AttributeProto:
        """Return what it is told under a name; an attribute that says nothing if there is none."""
        return next((each for each in self.attribute if each.name == name), _UNTOLD)

    def value(self, name: str, usual: V) -> V:
        """Return the whole number, the number or the text that it is told under a name; what is usual without one."""
        told = self.told(name)
        text = None if told.s is None else told.s.decode("utf-8", "replace")
        given: V | None = {int: told.i, float: told.f, str: text}[type(usual)]
        return usual if given is None else given

    @property
    def graphs(self) -> Iterator[tuple[str, GraphProto]]:
        """The graphs inside of it, by the names of what it is told."""
        for each in self.attribute:
            for graph in [each.g, *each.graphs]:
                if graph is not None:
                    yield each.name or "", graph


class GraphProto(
    Proto,
    fields="1 node NodeProto*, 2 name text, 5 initializer TensorProto*, 11 input ValueInfoProto*, "
    "12 output ValueInfoProto*, 13 value_info ValueInfoProto*, 15 sparse_initializer SparseProto*",
):
    """Nodes in an order in which they can be computed, the arrays that they read, and what goes in and comes out."""


class OperatorSetProto(Proto, fields="1 domain text, 2 version whole"):
    """A version of the operators of a domain: OperatorSetIdProto."""


class FunctionProto(Proto, fields="1 name text, 7 node NodeProto*, 10 domain text"):
    """An operation that the model defines itself, out of others."""


class ModelProto(
    Proto,
    fields="1 ir_version whole, 2 producer_name text, 3 producer_version text, 6 doc_string text, 7 graph GraphProto, "
    "8 opset_import OperatorSetProto*, 25 functions FunctionProto*",
):
    """A model: a graph, who wrote it, and the versions that it is written in."""


TYPES: Sequence[str] = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "uint4", "int4", "float4_e2m1", "float8_e8m0", "uint2", "int2"),
)
"""ONNX's types of numbers, each at the number that stands for it."""

CODES: Mapping[str, int] = {name: code for code, name in enumerate(TYPES)}
"""The number that stands for each type."""


def encoded(proto: Proto) -> Message:
    """Return a message as bytes, its fields in the order of their numbers; large arrays are not copied."""
    written: list[tuple[int, Any]] = []
    for number, column in proto.columns.items():
        value = getattr(proto, column.name)
        each = value if column.many else [] if value is None else [value]
        written += [(number, encoded(one) if isinstance(one, Proto) else one) for one in each]
    return message(*written)


_WIRES: Mapping[str, int] = {"whole": VARINT, "real": FIXED32}
"""How single values are written; others in bytes."""


class Reader:
    """Reads the messages of a file."""

    def __init__(self, file: FileReader) -> None:
        self._file, self._work = file, 0

    def model(self) -> ModelProto:
        """Return what the file says.

        Raises:
            RnncliError: it is damaged, or too large.
        """
        return self._read(ModelProto, Span(0, self._file.size), 0)

    def _read(self, kind: type[P], span: Span, depth: int) -> P:
        if depth > MAX_DEPTH:
            raise RnncliError(f"byte {span.start:,}: graphs stand inside of one another more than {MAX_DEPTH} deep")
        made = kind(span.start)
        self._count(span.start, kind.work)
        for entry in fields(self._file, span):
            self._work += 1
            if self._work > MAX_WORK:
                self._count(entry.span.start, 0)
            column = kind.columns.get(entry.number)
            if column is None:
                continue
            if not column.many:
                setattr(made, column.name, self._value(entry, column.kind, depth))
            elif column.kind in ("whole", "real") and entry.wire == BYTES:
                getattr(made, column.name).extend(self._packed(entry.span, column.kind))
            else:
                getattr(made, column.name).append(self._value(entry, column.kind, depth))
        return made

    def _count(self, place: int, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise RnncliError(f"byte {place:,}: its graph has too many nodes, names and numbers to be read")

    def _value(self, entry: Field, kind: str, depth: int) -> Any:
        """Return the value of a field; of several where there may be one the last counts, as protobuf says."""
        start, end = span = entry.span
        if kind == "span":
            return span
        if entry.wire != (wire := _WIRES.get(kind, BYTES)):
            raise RnncliError(f"byte {start:,}: field {entry.number} has wire type {entry.wire}, expected {wire}")
        if kind == "whole":
            return signed(entry.value)
        if kind == "real":
            return struct.unpack("<f", self._file[start:end])[0]
        if kind == "bytes":
            return b"" if end - start > MAX_NUMBERS else self._file[start:end]
        if kind != "text":
            return self._read(Proto.kinds[kind], span, depth + (kind == "GraphProto"))
        if end - start > MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: a name has {end - start:,} bytes; {MAX_NUMBERS:,} are allowed")
        return self._file[start:end].decode("utf-8", "replace")

    def _packed(self, span: Span, kind: str) -> Sequence[int | float]:
        """Return several numbers that stand one behind the other."""
        start, end = span
        if kind == "whole":
            numbers: Sequence[int | float] = varints(self._file, span, MAX_NUMBERS)
        elif (end - start) % 4 or end - start > 4 * MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: {end - start:,} bytes are no list of numbers")
        else:
            numbers = struct.unpack(f"<{(end - start) // 4}f", self._file[start:end])
        self._count(start, len(numbers))
        return numbers
