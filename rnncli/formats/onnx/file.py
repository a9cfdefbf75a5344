"""The messages of an ONNX file, read into plain data.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3 describes the messages; the numbers of fields are from there.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnncli.errors import RnncliError
from rnncli.formats.file_reader import FileReader, Window
from rnncli.formats.onnx.arrays import MAX_RANK, Constant, constant_of
from rnncli.formats.onnx.nodes import Attribute, Dims, Graph, OnnxFile, Operation
from rnncli.formats.onnx.places import ArrayPlaces
from rnncli.formats.onnx.protobuf import FIXED32, VARINT, Buffer, Field, Span, fields, signed, text, varints

MAX_WORK = 2_000_000
"""The most that a file may make of nodes, attributes and names, so that none takes memory without end."""

MAX_DEPTH = 16
"""How deep graphs may stand inside of one another, as the branches of `If` do."""

MAX_NUMBERS = 10_000
"""The most numbers in an attribute."""

_NODE_WORK, _ARRAY_WORK, _SMALL_WORK = 10, 20, 5
"""How much memory a node, an array and other messages take, in fields."""


class Parser:
    """Reads the messages of a file.

    Args:
        path: the file's name.
        reader: the file.
    """

    def __init__(self, path: str, reader: FileReader) -> None:
        self.path = path
        self.reader = reader
        self.buffer: Buffer = Window(reader)
        self.work = 0

    def model(self) -> OnnxFile:
        """Return what the file says.

        Raises:
            RnncliError: it is damaged, or has no graph.
        """
        graph: Graph | None = None
        name = version = ""
        opset = 1
        functions: dict[str, Graph] = {}
        for entry in self._fields(Span(0, len(self.buffer))):
            if entry.number == 2:
                name = self._text(entry)
            elif entry.number == 3:
                version = self._text(entry)
            elif entry.number == 7:
                graph = self._graph(entry.bytes(), 1)
            elif entry.number == 8:
                opset = self._opset(entry.bytes()) or opset
            elif entry.number == 25:
                self._function(entry.bytes(), functions)
        if graph is None:
            raise RnncliError("it has no graph, so it is no ONNX model")
        return OnnxFile(f"{name} {version}".strip(), opset, graph, functions)

    def _fields(self, span: Span, work: int = 0) -> Iterator[Field]:
        self._count(span.start, work)
        for entry in fields(self.buffer, span):
            self.work += 1
            if self.work > MAX_WORK:
                self._count(entry.span.start, 0)
            yield entry

    def _count(self, place: int, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK:
            raise RnncliError(f"byte {place:,}: its graph has too many nodes, names and numbers to be read")

    def _text(self, entry: Field) -> str:
        return text(self.buffer, entry.bytes())

    def _opset(self, span: Span) -> int:
        """Return the version of ONNX's own operators; 0 if another domain is meant."""
        domain, version = "", 0
        for entry in self._fields(span):
            if entry.number == 1:
                domain = self._text(entry)
            elif entry.number == 2:
                version = entry.whole()
        return version if domain in _OWN_DOMAINS else 0

    def _function(self, span: Span, functions: dict[str, Graph]) -> None:
        name, graph = "", Graph()
        for entry in self._fields(span):
            if entry.number == 1:
                name = self._text(entry)
            elif entry.number == 7:
                graph.nodes.append(self._node(entry.bytes(), 1))
        functions[name] = graph

    def _graph(self, span: Span, depth: int) -> Graph:
        if depth > MAX_DEPTH:
            raise RnncliError(f"byte {span.start:,}: graphs stand inside of one another more than {MAX_DEPTH} deep")
        graph = Graph()
        for entry in self._fields(span):
            match entry.number:
                case 1:
                    graph.nodes.append(self._node(entry.bytes(), depth))
                case 5:
                    constant = self._constant(entry.bytes())
                    graph.constants[constant.tensor.name] = constant
                case 11:
                    graph.inputs.append(self._value(entry.bytes(), graph))
                case 12:
                    graph.outputs.append(self._value(entry.bytes(), graph))
                case 13:
                    self._value(entry.bytes(), graph)
                case 15:
                    graph.sparse.append(self._sparse(entry.bytes()))
        return graph

    def _sparse(self, span: Span) -> str:
        """Return the name of a sparse array, which is that of its values."""
        name = ""
        for entry in self._fields(span, _SMALL_WORK):
            if entry.number == 1:
                for inner in self._fields(entry.bytes()):
                    if inner.number == 8:
                        name = self._text(inner)
        return name

    def _value(self, span: Span, graph: Graph) -> str:
        """Note the shape that a graph declares of a value, and return the value's name."""
        name, shape = "", None
        for entry in self._fields(span, _SMALL_WORK):
            if entry.number == 1:
                name = self._text(entry)
            elif entry.number == 2:
                for kind in self._fields(entry.bytes()):
                    if kind.number == 1:
                        shape = self._tensor_type(kind.bytes())
        if shape is not None:
            graph.shapes[name] = shape
        return name

    def _tensor_type(self, span: Span) -> Dims | None:
        for entry in self._fields(span):
            if entry.number == 2:
                return tuple(self._dim(dim.bytes()) for dim in self._fields(entry.bytes()) if dim.number == 1)
        return None

    def _dim(self, span: Span) -> int | None:
        size = None
        for entry in self._fields(span):
            if entry.number == 1:
                size = entry.whole()
        return size if size is not None and size > 0 else None

    def _node(self, span: Span, depth: int) -> Operation:
        node = Operation()
        domain = ""
        for entry in self._fields(span, _NODE_WORK):
            match entry.number:
                case 1:
                    node.inputs.append(self._text(entry))
                case 2:
                    node.outputs.append(self._text(entry))
                case 3:
                    node.name = self._text(entry)
                case 4:
                    node.operation = self._text(entry)
                case 5:
                    attribute = self._attribute(entry.bytes(), depth)
                    node.attributes[attribute.name] = attribute
                case 7:
                    domain = self._text(entry)
        if domain not in _OWN_DOMAINS:
            node.operation = f"{domain}.{node.operation}"
        node.name = node.name or next(filter(None, node.outputs), node.operation)
        return node

    def _attribute(self, span: Span, depth: int) -> Attribute:
        made = Attribute()
        for entry in self._fields(span, _SMALL_WORK):
            match entry.number:
                case 1:
                    made.name = self._text(entry)
                case 2:
                    made.number = entry.float(self.buffer)
                case 3:
                    made.whole = entry.whole()
                case 4:
                    long = entry.bytes().length > MAX_NUMBERS
                    made.text = "" if long else self._text(entry)
                case 5:
                    made.constant = self._constant(entry.bytes())
                case 6 | 11:
                    made.graphs.append(self._graph(entry.bytes(), depth + 1))
                case 7:
                    made.numbers += self._floats(entry)
                case 8:
                    made.wholes += self._wholes(entry)
                case 9:
                    made.texts.append(self._text(entry))
        return made

    def _floats(self, entry: Field) -> list[float]:
        if entry.wire == FIXED32:
            return [entry.float(self.buffer)]
        start, end = entry.bytes()
        if (end - start) % 4 or end - start > 4 * MAX_NUMBERS:
            raise RnncliError(f"byte {start:,}: {end - start:,} bytes are no list of numbers")
        self._count(start, (end - start) // 4)
        spans = (Span(place, place + 4) for place in range(start, end, 4))
        return [Field(entry.number, FIXED32, 0, span).float(self.buffer) for span in spans]

    def _wholes(self, entry: Field) -> list[int]:
        if entry.wire == VARINT:
            return [signed(entry.value)]
        numbers = varints(self.buffer, [entry.bytes()], MAX_NUMBERS)
        self._count(entry.span.start, len(numbers))
        return numbers

    def _constant(self, span: Span) -> Constant:
        """Return an array, with its place checked.

        Raises:
            RnncliError: its size does not go with its shape.
        """
        places = ArrayPlaces(start=span.start)
        for entry in self._fields(span, _ARRAY_WORK):
            match entry.number:
                case 1:
                    places.shape += self._wholes(entry)
                    if len(places.shape) > MAX_RANK:
                        raise RnncliError(f"byte {entry.span.start:,}: an array has more than {MAX_RANK} axes")
                case 2:
                    places.code = entry.whole()
                case 4 | 5 | 7 | 9 | 10 | 11:
                    places.add(entry)
                case 6:
                    places.texts += 1
                case 8:
                    places.name = self._text(entry)
                case 13:
                    key, value = self._pair(entry.bytes())
                    places.external[key] = value
                case 14:
                    places.is_external = entry.whole() == 1
        return constant_of(self.path, self.reader, self.buffer, places)

    def _pair(self, span: Span) -> tuple[str, str]:
        pair = {1: "", 2: ""}
        for entry in self._fields(span):
            if entry.number in pair:
                pair[entry.number] = self._text(entry)
        return pair[1], pair[2]


_OWN_DOMAINS = ("", "ai.onnx")
