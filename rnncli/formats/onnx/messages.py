"""ONNX's messages field by field: the one table by which they are read from files and written.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 describes them; names and numbers are from there. Whole numbers,
floats and texts are read as such; an array's numbers are left where they stand.
"""
# ruff: noqa: RUF009  # _one and _many declare a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from rnncli.errors import RnncliError
from rnncli.formats.file_reader import FileReader, Window
from rnncli.formats.onnx.protobuf import (
    BYTES,
    FIXED32,
    VARINT,
    Buffer,
    Field,
    Message,
    Span,
    fields,
    message,
    signed,
    varints,
)

MAX_WORK = 2_000_000
"""The most that a file may make of nodes, attributes and names, so that none takes memory without end."""

MAX_DEPTH = 16
"""How deep graphs may stand inside of one another, as the branches of `If` do."""

MAX_NUMBERS = 10_000
"""The most numbers in an attribute, and the most bytes of a name or another text."""

OWN_DOMAINS = (None, "", "ai.onnx")
"""What the domain of ONNX's own operators is called."""


def _one(number: int) -> Any:
    """Declare a field that is there once, or not at all: then it is None."""
    return field(default=None, metadata={"number": number})


def _many(number: int) -> Any:
    """Declare a field that is there any number of times."""
    return field(default_factory=list, metadata={"number": number})


@dataclass(slots=True, eq=False)
class Proto:
    """A message.

    Attributes:
        work: how much memory it takes beside its fields, counted in fields.
        start: where it begins in its file.
    """

    work: ClassVar[int] = 0
    start: int = 0


@dataclass(slots=True, eq=False)
class PairProto(Proto):
    """A key and its value: StringStringEntryProto."""

    key: str | None = _one(1)
    value: str | None = _one(2)


@dataclass(slots=True, eq=False)
class TensorProto(Proto):
    """An array. Its numbers are in one of the fields of data, or in a file of their own."""

    work: ClassVar[int] = 20
    dims: list[int] = _many(1)
    data_type: int | None = _one(2)
    float_data: list[Span] = _many(4)
    int32_data: list[Span] = _many(5)
    string_data: list[Span] = _many(6)
    int64_data: list[Span] = _many(7)
    name: str | None = _one(8)
    raw_data: Span | memoryview | None = _one(9)
    double_data: list[Span] = _many(10)
    uint64_data: list[Span] = _many(11)
    external_data: list[PairProto] = _many(13)
    data_location: int | None = _one(14)


@dataclass(slots=True, eq=False)
class SparseProto(Proto):
    """An array of which only the numbers that are not zero are there: SparseTensorProto."""

    work: ClassVar[int] = 5
    values: TensorProto | None = _one(1)


@dataclass(slots=True, eq=False)
class DimensionProto(Proto):
    """The length of an axis: a number, or a name where it is not known."""

    dim_value: int | None = _one(1)
    dim_param: str | None = _one(2)


@dataclass(slots=True, eq=False)
class ShapeProto(Proto):
    """A shape: its axes. TensorShapeProto."""

    dim: list[DimensionProto] = _many(1)


@dataclass(slots=True, eq=False)
class ArrayTypeProto(Proto):
    """The type of an array: of its numbers, and its shape. TypeProto.Tensor."""

    elem_type: int | None = _one(1)
    shape: ShapeProto | None = _one(2)


@dataclass(slots=True, eq=False)
class TypeProto(Proto):
    """A type; only that of arrays is known here."""

    tensor_type: ArrayTypeProto | None = _one(1)


@dataclass(slots=True, eq=False)
class ValueInfoProto(Proto):
    """The name and the type of a value."""

    work: ClassVar[int] = 5
    name: str | None = _one(1)
    type: TypeProto | None = _one(2)
    doc_string: str | None = _one(3)

    def sizes(self) -> tuple[int | None, ...] | None:
        """Return the shape that is declared, None for a length that is not; None without a shape."""
        array = self.type.tensor_type if self.type is not None else None
        if array is None or array.shape is None:
            return None
        lengths = [axis.dim_value for axis in array.shape.dim]
        return tuple(length if length is not None and length > 0 else None for length in lengths)


@dataclass(slots=True, eq=False)
class AttributeProto(Proto):
    """What a node is told."""

    work: ClassVar[int] = 5
    name: str | None = _one(1)
    f: float | None = _one(2)
    i: int | None = _one(3)
    s: bytes | None = _one(4)
    t: TensorProto | None = _one(5)
    g: GraphProto | None = _one(6)
    floats: list[float] = _many(7)
    ints: list[int] = _many(8)
    strings: list[bytes] = _many(9)
    graphs: list[GraphProto] = _many(11)
    type: int | None = _one(20)


_UNTOLD = AttributeProto()

ATTRIBUTE_TYPES: Mapping[str, int] = {
    name: code for code, name in enumerate(("f", "i", "s", "t", "g", "floats", "ints", "strings"), start=1)
}
"""The type that an attribute says it has, by the field that its value is in."""


@dataclass(slots=True, eq=False)
class NodeProto(Proto):
    """An operation on values, which go by names; an optional one that is left out is empty."""

    work: ClassVar[int] = 10
    input: list[str] = _many(1)
    output: list[str] = _many(2)
    name: str | None = _one(3)
    op_type: str | None = _one(4)
    attribute: list[AttributeProto] = _many(5)
    domain: str | None = _one(7)

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

    def whole(self, name: str, default: int) -> int:
        """Return a whole number that it is told."""
        given = self.told(name).i
        return default if given is None else given

    def number(self, name: str, default: float) -> float:
        """Return a number that it is told."""
        given = self.told(name).f
        return default if given is None else given

    def text(self, name: str, default: str) -> str:
        """Return a text that it is told."""
        given = self.told(name).s
        return default if given is None else given.decode("utf-8", "replace")

    @property
    def graphs(self) -> Iterator[tuple[str, GraphProto]]:
        """The graphs inside of it, by the names of what it is told."""
        for each in self.attribute:
            for graph in [each.g, *each.graphs]:
                if graph is not None:
                    yield each.name or "", graph


@dataclass(slots=True, eq=False)
class GraphProto(Proto):
    """Nodes in an order in which they can be computed, the arrays that they read, and what goes in and comes out."""

    node: list[NodeProto] = _many(1)
    name: str | None = _one(2)
    initializer: list[TensorProto] = _many(5)
    input: list[ValueInfoProto] = _many(11)
    output: list[ValueInfoProto] = _many(12)
    value_info: list[ValueInfoProto] = _many(13)
    sparse_initializer: list[SparseProto] = _many(15)


@dataclass(slots=True, eq=False)
class OperatorSetProto(Proto):
    """A version of the operators of a domain: OperatorSetIdProto."""

    domain: str | None = _one(1)
    version: int | None = _one(2)


@dataclass(slots=True, eq=False)
class FunctionProto(Proto):
    """An operation that the model defines itself, out of others."""

    name: str | None = _one(1)
    node: list[NodeProto] = _many(7)
    domain: str | None = _one(10)


@dataclass(slots=True, eq=False)
class ModelProto(Proto):
    """A model: a graph, who wrote it, and the versions that it is written in."""

    ir_version: int | None = _one(1)
    producer_name: str | None = _one(2)
    producer_version: str | None = _one(3)
    doc_string: str | None = _one(6)
    graph: GraphProto | None = _one(7)
    opset_import: list[OperatorSetProto] = _many(8)
    functions: list[FunctionProto] = _many(25)


TYPES: Sequence[str] = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz"),
    *("float8_e5m2", "float8_e5m2fnuz", "uint4", "int4", "float4_e2m1", "float8_e8m0", "uint2", "int2"),
)
"""ONNX's types of numbers, each at the number that stands for it."""

CODES: Mapping[str, int] = {name: code for code, name in enumerate(TYPES)}
"""The number that stands for each type."""


class _Column(NamedTuple):
    """A field of a message.

    Attributes:
        name: its name.
        kind: the type of its values; bytes are a text that is none if it is long, a Span is left where it stands.
        many: whether there may be several.
    """

    name: str
    kind: Any
    many: bool


_COLUMNS: dict[type[Proto], dict[int, _Column]] = {}


def _columns(kind: type[Proto]) -> Mapping[int, _Column]:
    """Return the fields of a kind of message by their numbers, in order."""
    if kind in _COLUMNS:
        return _COLUMNS[kind]
    hints = get_type_hints(kind)
    fields = (each for each in dataclasses.fields(kind) if "number" in each.metadata)
    columns = _COLUMNS[kind] = {}
    for number, name in sorted((each.metadata["number"], each.name) for each in fields):
        columns[number] = _Column(name, get_args(hints[name])[0], get_origin(hints[name]) is list)
    return columns


def encoded(proto: Proto) -> Message:
    """Return a message as bytes, its fields in the order of their numbers; large arrays are not copied."""
    written: list[tuple[int, Any]] = []
    for number, column in _columns(type(proto)).items():
        value = getattr(proto, column.name)
        each = value if column.many else [] if value is None else [value]
        written += [(number, encoded(one) if isinstance(one, Proto) else one) for one in each]
    return message(*written)


_WIRES: Mapping[Any, int] = {int: VARINT, float: FIXED32}
"""How single values are written; others in bytes."""

M = TypeVar("M", bound=Proto)


class Reader:
    """Reads the messages of a file.

    Args:
        file: the file.
    """

    def __init__(self, file: FileReader) -> None:
        self.buffer: Buffer = Window(file)
        self._work = 0

    def model(self) -> ModelProto:
        """Return what the file says.

        Raises:
            RnncliError: it is damaged, or too large.
        """
        return self._read(ModelProto, Span(0, len(self.buffer)), 0)

    def _read(self, kind: type[M], span: Span, depth: int) -> M:
        if depth > MAX_DEPTH:
            raise RnncliError(f"byte {span.start:,}: graphs stand inside of one another more than {MAX_DEPTH} deep")
        made, columns = kind(start=span.start), _columns(kind)
        self._count(span.start, kind.work)
        for entry in fields(self.buffer, span):
            self._work += 1
            if self._work > MAX_WORK:
                self._count(entry.span.start, 0)
            column = columns.get(entry.number)
            if column is None:
                continue
            if not column.many:
                setattr(made, column.name, self._value(entry, column.kind, depth))
            elif column.kind in (int, float, Span):
                getattr(made, column.name).extend(self._numbers(entry, column.kind))
            else:
                getattr(made, column.name).append(self._value(entry, column.kind, depth))
        return made

    def _count(self, place: int, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise RnncliError(f"byte {place:,}: its graph has too many nodes, names and numbers to be read")

    def _value(self, entry: Field, kind: Any, depth: int) -> Any:
        """Return the value of a field that is there once; of several the last counts, as protobuf says."""
        entry.check(_WIRES.get(kind, BYTES))
        start, end = span = entry.span
        if kind is int:
            return signed(entry.value)
        if kind is float:
            return struct.unpack("<f", self.buffer[start:end])[0]
        if kind is bytes:
            return b"" if end - start > MAX_NUMBERS else self.buffer[start:end]
        if kind is str and end - start > MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: a name has {end - start:,} bytes; {MAX_NUMBERS:,} are allowed")
        if kind is str:
            return self.buffer[start:end].decode("utf-8", "replace")
        return span if kind is Span else self._read(kind, span, depth + (kind is GraphProto))

    def _numbers(self, entry: Field, kind: Any) -> list[Any]:
        """Return the numbers of one of several fields, which may be packed, or where they stand."""
        if kind is Span:
            return [entry.span]
        if entry.wire in (VARINT, FIXED32):
            return [self._value(entry, kind, 0)]
        entry.check(BYTES)
        start, end = entry.span
        if kind is int:
            numbers = varints(self.buffer, [entry.span], MAX_NUMBERS)
            self._count(start, len(numbers))
            return numbers
        if (end - start) % 4 or end - start > 4 * MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: {end - start:,} bytes are no list of numbers")
        self._count(start, (end - start) // 4)
        return [*struct.unpack(f"<{(end - start) // 4}f", self.buffer[start:end])]
