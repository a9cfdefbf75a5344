"""ONNX's messages: one table of fields for both reading and writing files, and protobuf's wire format.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 describes the messages, and
https://protobuf.dev/programming-guides/encoding their encoding; names and numbers are from there. Whole numbers, floats
and texts are read as values. The numbers of an array stay in the file: a field of many gigabytes is just two offsets.
Every length is checked against the remainder of its message, so that no position is outside the file. Writing copies
nothing either: a message is a list of pieces of bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from rnncli.errors import RnncliError
from rnncli.formats.file_reader import FileReader
from rnncli.immutable import NamedTuple

# Encoding of fields

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types: how the value of a field is encoded."""

MAX_MESSAGE = 2**31 - 1
"""The largest message, in bytes, that protobuf's own libraries read."""

_WIDTHS = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10


Buffer = FileReader | bytes
"""A file, or bytes in memory."""


class Span(NamedTuple):
    """The start and end of some bytes in a file."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Its size in bytes."""
        return self.end - self.start


class Field(NamedTuple):
    """A field of a message: its number, its wire type, the whole number of a varint, and the span of its value."""

    number: int
    wire: int
    value: int
    span: Span


def fields(buffer: Buffer, span: Span) -> Iterator[Field]:
    """Yield the fields of the message in a span.

    Raises:
        RnncliError: a field is damaged, or claims to be longer than the rest of the message.
    """
    place, end = span
    while place < end:
        data = buffer[place : min(end, place + 2 * _LONGEST_VARINT)]
        key, at = _varint(data, 0, place)
        number, wire, value, begin = key >> 3, key & 7, 0, place + at
        if not 1 <= number < 2**29:
            raise RnncliError(f"byte {place:,}: no field has the number {number:,}")
        if wire in (VARINT, BYTES):
            value, at = _varint(data, at, place)
        elif wire not in _WIDTHS:
            raise RnncliError(f"byte {place:,}: field {number} has wire type {wire}, which is unknown")
        start = place + at if wire != VARINT else begin
        length = _WIDTHS.get(wire, value) if wire != VARINT else place + at - begin
        if length > end - start:
            what = f"byte {place:,}: field {number} claims {length:,} bytes"
            raise RnncliError(f"{what}, but {end - start:,} are left")
        place = start + length
        yield Field(number, wire, value if wire == VARINT else 0, Span(start, place))


def signed(number: int) -> int:
    """Return a varint of 64 bits as a signed number."""
    number &= 2**64 - 1
    return number - 2**64 if number >> 63 else number


def varints(data: Buffer, span: Span, most: int) -> list[int]:
    """Return consecutive whole numbers.

    Raises:
        RnncliError: there are more than allowed, or one is damaged.
    """
    numbers: list[int] = []
    part, at = data[span.start : min(span.end, span.start + _LONGEST_VARINT * (most + 1))], 0
    while at < len(part):
        if len(numbers) == most:
            raise RnncliError(f"byte {span.start + at:,}: it has more than {most:,} numbers")
        number, at = _varint(part, at, span.start)
        numbers.append(signed(number))
    return numbers


def _varint(data: bytes, at: int, base: int) -> tuple[int, int]:
    """Return the whole number at an index of some bytes, and the index after it; `base` is the bytes' file offset."""
    if at < len(data) and data[at] < 0x80:  # as most are
        return data[at], at + 1
    number = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    raise RnncliError(f"byte {base + at:,}: a number has no end")


def _as_varint(number: int) -> bytes:
    """Return a whole number as a varint; a negative number as its 64 bits."""
    number &= 2**64 - 1
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])


# The table of messages

MAX_WORK = 2_000_000
"""The limit on how many nodes, attributes and names a file may have, so that memory is bounded."""

MAX_DEPTH = 16
"""How deeply graphs may be nested, like the branches of `If`."""

MAX_NUMBERS = 10_000
"""The most numbers in an attribute, and the most bytes of a name or other text."""

OWN_DOMAINS = (None, "", "ai.onnx")
"""The names of the domain of ONNX's own operators."""

_OF_RUNTIME = (
    *("BiasGelu", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu"),
    *("MatMulIntegerToFloat", "QuickGelu"),
)
"""Operators of ONNX Runtime, which it writes into files that it optimises or quantises, read like ONNX's own."""


P = TypeVar("P", bound="Proto")
V = TypeVar("V", int, float, str)


class Descriptor(NamedTuple):
    """A field of a message: its name, its type, and whether it is repeated.

    Types are whole, real, text; bytes, where long ones are ignored; span, left in the file; or a class of messages.
    """

    name: str
    kind: str
    many: bool


class Proto:
    """A message. A missing field is None, or an empty list if it is repeated.

    Attributes:
        start: its offset in the file.
        columns: its fields by number, in order.
        work: its memory use in addition to its fields, as a number of fields.
    """

    kinds: ClassVar[dict[str, type[Proto]]] = {}
    descriptors: ClassVar[Mapping[int, Descriptor]] = {}
    work: ClassVar[int] = 0

    def __init_subclass__(cls, fields: str, work: int = 0) -> None:
        rows = [row.split() for row in fields.split(",")]
        cls.descriptors = {
            int(number): Descriptor(name, kind.rstrip("*"), kind.endswith("*")) for number, name, kind in rows
        }
        cls.work = work
        Proto.kinds[cls.__name__] = cls

    def __init__(self, start: int = 0, **values: Any) -> None:
        self.start = start
        self.__dict__ |= values

    def __getattr__(self, name: str) -> Any:
        many = next((each.many for each in self.descriptors.values() if each.name == name), None)
        if many is None:
            raise AttributeError(name)
        value: list[Any] | None = [] if many else None
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
    """An array. Its numbers are in one of the data fields, or in a separate file."""


class DimensionProto(Proto, fields="1 dim_value whole, 2 dim_param text"):
    """The length of an axis: a number, or a name if it is not known."""


class ShapeProto(Proto, fields="1 dim DimensionProto*"):
    """A shape: its axes. TensorShapeProto."""


class ArrayTypeProto(Proto, fields="1 elem_type whole, 2 shape ShapeProto"):
    """The type of an array: the data type of its numbers, and its shape. TypeProto.Tensor."""


class TypeProto(Proto, fields="1 tensor_type ArrayTypeProto"):
    """A type; only array types are known here."""


class ValueInfoProto(Proto, fields="1 name text, 2 type TypeProto, 3 doc_string text", work=5):
    """The name and the type of a value."""

    def sizes(self) -> tuple[int | None, ...] | None:
        """Return the declared shape, with None for an unknown length; None without a shape."""
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
    """An attribute of a node."""


_NO_ATTRIBUTE = AttributeProto()

ATTRIBUTE_TYPES: Mapping[str, int] = {
    name: code for code, name in enumerate(("f", "i", "s", "t", "g", "floats", "ints", "strings"), start=1)
}
"""The declared type of an attribute, by the field that its value is in."""


class NodeProto(
    Proto,
    fields="1 input text*, 2 output text*, 3 name text, 4 op_type text, 5 attribute AttributeProto*, 7 domain text",
    work=10,
):
    """An operation on named values; a missing optional input has an empty name."""

    @property
    def operation(self) -> str:
        """What it computes: `LSTM`; an operation of another domain has the domain in front."""
        name = self.op_type or ""
        own = self.domain in OWN_DOMAINS or (self.domain == "com.microsoft" and name in _OF_RUNTIME)
        return name if own else f"{self.domain}.{name}"

    @property
    def label(self) -> str:
        """Its name, or the name of its first output."""
        return self.name or next(filter(None, self.output), self.operation)

    def reads(self, index: int) -> str:
        """Return the name of an input; empty if the input is missing."""
        return self.input[index] if index < len(self.input) else ""

    def named(self, name: str) -> AttributeProto:
        """Return an attribute by name; an empty attribute if there is none."""
        return next((each for each in self.attribute if each.name == name), _NO_ATTRIBUTE)

    def value(self, name: str, usual: V) -> V:
        """Return a number or text attribute by name, or the default value."""
        attribute = self.named(name)
        text = None if attribute.s is None else attribute.s.decode("utf-8", "replace")
        given: V | None = {int: attribute.i, float: attribute.f, str: text}[type(usual)]
        return usual if given is None else given

    @property
    def graphs(self) -> Iterator[tuple[str, GraphProto]]:
        """The graphs inside it, with the names of their attributes."""
        for each in self.attribute:
            for graph in [each.g, *each.graphs]:
                if graph is not None:
                    yield each.name or "", graph


class GraphProto(
    Proto,
    fields="1 node NodeProto*, 2 name text, 5 initializer TensorProto*, 11 input ValueInfoProto*, "
    "12 output ValueInfoProto*, 13 value_info ValueInfoProto*, 15 sparse_initializer span*",
):
    """Nodes in an order in which they can be computed, the arrays that they read, and the inputs and outputs."""


class OperatorSetProto(Proto, fields="1 domain text, 2 version whole"):
    """A version of the operators of a domain: OperatorSetIdProto."""


class FunctionProto(Proto, fields="1 name text, 7 node NodeProto*, 10 domain text"):
    """An operation that the model itself defines in terms of others."""


class ModelProto(
    Proto,
    fields="1 ir_version whole, 2 producer_name text, 3 producer_version text, 6 doc_string text, 7 graph GraphProto, "
    "8 opset_import OperatorSetProto*, 25 functions FunctionProto*",
):
    """A model: a graph, the program that wrote it, and the versions of the operators."""


TYPES: Sequence[str] = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "uint4", "int4", "float4_e2m1", "float8_e8m0", "uint2", "int2"),
)
"""ONNX's data types, each at the index of its code."""

CODES: Mapping[str, int] = {name: code for code, name in enumerate(TYPES)}
"""The code of each data type."""


def encoded(proto: Proto) -> list[bytes | memoryview]:
    """Return a message as pieces of bytes, with its fields in numerical order; arrays are not copied."""
    pieces: list[bytes | memoryview] = []
    for number, column in proto.descriptors.items():
        value = getattr(proto, column.name)
        for one in value if column.many else [] if value is None else [value]:
            pieces += _as_field(number, one)
    return pieces


def _as_field(number: int, value: int | float | str | bytes | memoryview | Proto) -> Iterator[bytes | memoryview]:
    """Yield a field in pieces: a float has four bytes, and a text, bytes or a message has its length first."""
    if isinstance(value, int):
        yield _as_varint(number << 3 | VARINT) + _as_varint(value)
    elif isinstance(value, float):
        yield _as_varint(number << 3 | FIXED32) + struct.pack("<f", value)
    else:
        data = value.encode() if isinstance(value, str) else value
        inner = encoded(data) if isinstance(data, Proto) else [data]
        yield _as_varint(number << 3 | BYTES) + _as_varint(sum(map(len, inner)))
        yield from inner


_WIRES: Mapping[str, int] = {"whole": VARINT, "real": FIXED32}
"""The wire types of single values; all others are encoded as bytes."""


class MessageReader:
    """Reads the messages of a file."""

    def __init__(self, file: FileReader) -> None:
        self._file, self._work = file, 0

    def model(self) -> ModelProto:
        """Return the model in the file.

        Raises:
            RnncliError: it is damaged, or too large.
        """
        return self._read(ModelProto, Span(0, self._file.size), 0)

    def _read(self, kind: type[P], span: Span, depth: int) -> P:
        if depth > MAX_DEPTH:
            raise RnncliError(f"byte {span.start:,}: graphs are nested more than {MAX_DEPTH} deep")
        made = kind(span.start)
        self._count(span.start, kind.work)
        for entry in fields(self._file, span):
            self._count(entry.span.start, 1)
            column = kind.descriptors.get(entry.number)
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
        """Return the value of a field; if a non-repeated field occurs several times, the last one counts."""
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
            raise RnncliError(f"byte {start:,}: a name has {end - start:,} bytes; at most {MAX_NUMBERS:,} are allowed")
        return self._file[start:end].decode("utf-8", "replace")

    def _packed(self, span: Span, kind: str) -> Sequence[int | float]:
        """Return several consecutive numbers."""
        start, end = span
        if kind == "whole":
            numbers: Sequence[int | float] = varints(self._file, span, MAX_NUMBERS)
        elif (end - start) % 4 or end - start > 4 * MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: {end - start:,} bytes are not a list of numbers")
        else:
            numbers = struct.unpack(f"<{(end - start) // 4}f", self._file[start:end])
        self._count(start, len(numbers))
        return numbers
