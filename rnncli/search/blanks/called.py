"""Templates written as calls of Keras or PyTorch: `LSTM(150, input_shape=(None, n))`, `nn.LSTM(_, 150)`."""

from __future__ import annotations

import re

from rnncli.language.calls import Reading, understood
from rnncli.layers.sizes import blank_of

_VALUE = re.compile(r"(?<=[(,=])(\s*)(_[A-Za-z0-9]*|\?|[A-Za-z][A-Za-z_]*)(?=\s*[,)])")
"""A value of a call that may be a blank."""

_FIRST = 2_147_480_000
_MOST = 1000
_NUMBER = re.compile(r"2147480([0-9]{3})")
"""The numbers that stand for blanks while the calls are read; nobody types them."""


def template_of_calls(text: str) -> Reading | None:
    """Return what a text of calls says that has blanks in place of some numbers; None if it is none.

    The text of the reading is a template:

    >>> template_of_calls("LSTM(150, input_shape=(None, n))").text
    'input:n,lstm:150'
    """
    if "(" not in text or _NUMBER.search(text):
        return None
    blanks: list[str] = []

    def number(value: re.Match[str]) -> str:
        if blank_of(value[2]) is None or len(blanks) == _MOST:
            return value[0]
        blanks.append(value[2])
        return f"{value[1]}{_FIRST + len(blanks) - 1}"

    def blank(number: re.Match[str]) -> str:
        return blanks[int(number[1])]

    reading = understood(_VALUE.sub(number, text))
    if reading is None or not blanks:
        return None
    return reading._replace(
        text=_NUMBER.sub(blank, reading.text),
        left_out=tuple(_NUMBER.sub(blank, each) for each in reading.left_out),
        assumed=tuple(_NUMBER.sub(blank, each) for each in reading.assumed),
    )
