"""Templates that are written as calls of Keras or PyTorch: what the calls leave open are the blanks.

Where they leave nothing open but what they read, that is the blank: `LSTM(25)` does not say of how many features.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rnncli.errors import SpecError
from rnncli.formats import calls
from rnncli.formats.call_text import OpenLineError
from rnncli.formats.nodes import Note
from rnncli.layers.sizes import BLANK_TEXT, blank_of
from rnncli.layers.weights import Framework

_FIRST = 2_147_480_000
_MOST = 1000
_NUMBER = re.compile(r"2147480([0-9]{3})")
"""The numbers that stand for blanks while calls are read; nobody types them."""


class CalledTemplate(NamedTuple):
    """A template that was written as calls of Keras or PyTorch: `LSTM(150, input_shape=(None, n))`, `nn.LSTM(_, 150)`.

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

    >>> template_of_calls("LSTM(150, input_shape=(None, n))").text, template_of_calls("LSTM(150)").text
    ('input:n,lstm:150', 'input:_,lstm:150')

    Raises:
        SpecError: something else in it is wrong, or what it leaves open is no name for a blank.
    """
    written = text.replace("?", BLANK_TEXT)
    if _NUMBER.search(text) or not calls.is_call(written):
        return None
    blanks: list[str] = []
    try:
        reading = calls.read(written)
    except OpenLineError as error:
        blanks = [name for name in error.names if blank_of(name) is not None][:_MOST]
        try:
            reading = calls.read(written, {name: _FIRST + place for place, name in enumerate(blanks)})
        except OpenLineError as fault:
            advice = f"write the number itself, or a blank: {BLANK_TEXT}"
            raise SpecError(fault.message, text=written, span=fault.span, advice=advice) from None

    def with_blanks(said: str) -> str:
        return _NUMBER.sub(lambda number: blanks[int(number[1])], said)

    text = with_blanks(str(reading.part.network))
    notes = [note._replace(text=with_blanks(note.text)) for note in reading.part.notes]
    if not blanks and any(note.effect == "assumed size" for note in notes):
        text = text.replace(str(calls.ASSUMED_FEATURES), BLANK_TEXT, 1)  # in the input, which comes first
        notes = [note for note in notes if note.effect != "assumed size"]
        notes.append(Note(f"the blank {BLANK_TEXT} is how many features the input has", "assumed"))
    return CalledTemplate(text, tuple(notes), reading.part.framework)
