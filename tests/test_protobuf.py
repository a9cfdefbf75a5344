"""Protobuf's wire format: what is written is what is read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnncli.formats.onnx.protobuf import BYTES, FIXED32, VARINT, Field, Message, Span, fields, message, signed

numbers = st.integers(1, 2**29 - 1)
wholes = st.integers(-(2**63), 2**63 - 1)
values = st.one_of(wholes, st.floats(width=32, allow_nan=False), st.text(max_size=200), st.binary(max_size=200))

READ: Mapping[int, Callable[[Field, bytes], object]] = {
    VARINT: lambda field, data: signed(field.value),
    FIXED32: lambda field, data: struct.unpack("<f", data)[0],
    BYTES: lambda field, data: data,
}
"""The value of a field, by how it is written."""


@given(written=st.lists(st.tuples(numbers, values), max_size=8))
def test_fields_are_read_as_they_were_written(written: list[tuple[int, int | float | str | bytes]]) -> None:
    made = message(*written)
    content = made.joined()
    assert made.size == len(content)
    read = [
        (field.number, READ[field.wire](field, content[field.span.start : field.span.end]))
        for field in fields(content, Span(0, len(content)))
    ]
    assert read == [(number, value.encode() if isinstance(value, str) else value) for number, value in written]


@given(depth=st.integers(1, 40), size=st.integers(0, 300))
def test_messages_stand_inside_of_one_another(depth: int, size: int) -> None:
    made: Message = message((1, bytes(size)))
    for _ in range(depth):
        made = message((2, made))
    content = made.joined()
    span = Span(0, len(content))
    for _ in range(depth):
        (field,) = fields(content, span)
        span = field.bytes()
    (field,) = fields(content, span)
    assert field.bytes().length == size


def test_an_array_is_a_piece_of_a_message_and_no_copy() -> None:
    array = np.arange(1000, dtype="u1")
    made = message((1, message((2, array.data))))
    assert any(np.shares_memory(array, np.frombuffer(piece, "u1")) for piece in made.pieces)
