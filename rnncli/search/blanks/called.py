"""Templates written as calls of Keras or PyTorch: `LSTM(150, input_shape=(None, n))`, `nn.LSTM(_, 150)`."""

from __future__ import annotations

import re
from typing import NamedTuple

from rnncli.errors import SpecError
from rnncli.formats.call_faults import OpenLineError
from rnncli.formats.calls import CallReading, is_call, read
from rnncli.formats.faults import Settings
from rnncli.formats.nodes import Note
from rnncli.layers.sizes import BLANK_TEXT, blank_of
from rnncli.layers.weights import Framework

_FIRST = 2_147_480_000
_MOST = 1000
_NUMBER = re.compile(r"2147480([0-9]{3})")
"""The numbers that stand for blanks while the calls are read; nobody types them."""


class CalledTemplate(NamedTuple):
    """A template that was written as calls.

    Attributes:
        text: the same in the spec language.
        notes: what the calls do not say, or say otherwise.
        framework: whose calls they are.
    """

    text: str
    notes: tuple[Note, ...]
    framework: Framework


def template_of_calls(text: str) -> CalledTemplate | None:
    """Return what a text of calls says, with blanks for the numbers that it leaves open; None if it is no such text.

    >>> template_of_calls("LSTM(150, input_shape=(None, n))").text
    'input:n,lstm:150'

    Raises:
        SpecError: something else in it is wrong, or what it leaves open is no name for a blank.
    """
    written = text.replace("?", BLANK_TEXT)
    if _NUMBER.search(text) or not is_call(written):
        return None
    blanks: list[str] = []
    try:
        reading = read(written)
    except OpenLineError as error:
        blanks += [name for name in error.names if blank_of(name) is not None][:_MOST]
        reading = _read(written, {name: _FIRST + place for place, name in enumerate(blanks)})

    def blank(number: re.Match[str]) -> str:
        return blanks[int(number[1])]

    notes = tuple(note._replace(text=_NUMBER.sub(blank, note.text)) for note in reading.notes)
    return CalledTemplate(_NUMBER.sub(blank, str(reading.network)), notes, reading.framework)


def _read(text: str, numbers: Settings) -> CallReading:
    """Return what a text of calls is with numbers in its blanks."""
    try:
        return read(text, numbers)
    except OpenLineError as error:
        advice = f"write the number itself, or a blank: {BLANK_TEXT}"
        raise SpecError(error.message, text=text, span=error.span, advice=advice) from None
