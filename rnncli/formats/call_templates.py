"""Reads calls of Keras or PyTorch layers as a template: what they leave open becomes a blank for `solve`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rnncli.errors import SpecError
from rnncli.formats.call_text import OpenLineError
from rnncli.formats.calls import ASSUMED_FEATURES, is_call, read
from rnncli.formats.nodes import Note
from rnncli.immutable import NamedTuple
from rnncli.layers.sizes import BLANK_TEXT, blank_of
from rnncli.layers.weights import Framework

_MOST_BLANKS = 1000
_NUMBERS = range(107_374_000, 107_374_000 + _MOST_BLANKS), range(80_901_699, 100_000_000, 2)
"""Numbers that stand in for blanks while calls are read, and others, with which the result must be the same.

Twice or four times such a number is still a valid size.
"""


class CalledTemplate(NamedTuple):
    """A template in the spec language, the assumptions and differences, and the framework of the calls."""

    text: str
    notes: tuple[Note, ...]
    framework: Framework


def template_of_calls(text: str) -> CalledTemplate | None:
    """Return the template in a text of calls, with blanks for the numbers it leaves open; None if it has no calls.

    If it leaves open only how many features it reads, that number is the blank.

    >>> template_of_calls("LSTM(150, input_shape=(None, n))").text, template_of_calls("LSTM(150)").text
    ('input:n,lstm:150', 'input:_,lstm:150')

    Raises:
        SpecError: something else in it is wrong, or an open number has a name that a blank cannot have.
    """
    written = text.replace("?", BLANK_TEXT)
    if not is_call(written):
        return None
    blanks: dict[str, str] = {}
    try:
        part, _ = read(written)
    except OpenLineError as error:
        names = [name for name in error.names if blank_of(name) is not None][:_MOST_BLANKS]
        blanks, others = (dict(zip(map(str, each), names, strict=False)) for each in _NUMBERS)
        advice = f"write the number itself, or a blank: {BLANK_TEXT}"
        try:
            part, other = (read(written, dict(zip(names, each, strict=False)))[0] for each in _NUMBERS)
        except OpenLineError as fault:
            raise SpecError(fault.message, text=written, span=fault.span, advice=advice) from None
        except SpecError as fault:
            fault.message = _with_blanks(fault.message, blanks)
            raise
        if _with_blanks(str(part.network), blanks) != _with_blanks(str(other.network), others):
            message = "a number is computed from one that is left open"
            raise SpecError(message, text=written, advice=advice) from None
    text = _with_blanks(str(part.network), blanks)
    notes = [note._replace(text=_with_blanks(note.text, blanks)) for note in part.notes]
    if not blanks and any(note.effect == "assumed size" for note in notes):
        text = text.replace(str(ASSUMED_FEATURES), BLANK_TEXT, 1)  # in the input, which comes first
        notes = [note for note in notes if note.effect != "assumed size"]
        notes.append(Note(f"the blank {BLANK_TEXT} is the number of input features", "assumed"))
    return CalledTemplate(text, tuple(notes), part.framework)


def _with_blanks(said: str, blanks: Mapping[str, str]) -> str:
    """Return a text with blanks in place of the numbers that stand in for them."""
    number = "[0-9]+(?:,[0-9]{3}(?![0-9]))*"
    return re.sub(number, lambda found: blanks.get(found[0].replace(",", ""), found[0]), said)
