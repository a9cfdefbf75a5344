"""Building blocks of C source: library functions, templates, code lines and constant arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Template
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from rnncli.system import package_text

if TYPE_CHECKING:
    from rnncli.engine.activations import Array

INDENT = "    "
WIDTH = 100
"""The width of a line."""

_TEXT = package_text("export/functions.c")

SECTIONS: Mapping[str, str] = {
    name: text.strip("\n") for name, text in re.findall(r"^//= (.+)\n((?:(?!//=).*\n)*)", _TEXT, re.MULTILINE)
}
"""The sections of `functions.c`."""

_EACH = r"static inline void \1(\2, int size)\n{\n    for (int j = 0; j < size; j++) {\n        \3\n    }\n}\n"

FUNCTIONS: Mapping[str, str] = {
    name[1]: f"{text.strip()}\n"
    for text in re.sub(r"^(\w+)\((.+)\): (.+)", _EACH, SECTIONS["functions"], flags=re.MULTILINE).split("\n\n")
    if (name := re.search(r"^static .*?(\w+)\(", text, re.MULTILINE))
}
"""The library functions by name; each may call those before it."""


def called_in(text: str) -> str:
    """Return the library functions that the text calls, directly or indirectly, in order."""
    found = ""
    for name, code in reversed([*FUNCTIONS.items()]):
        if re.search(rf"\b{name}\(", found + text):
            found = f"{code}\n{found}"
    return found


# Lines are written without indentation, which `laid_out` adds


def filled(section: str, **words: object) -> list[str]:
    """Return the lines of a section of `functions.c` with each $word substituted.

    A list of lines is for a $word that is alone on its line.
    """
    lines = list[str]()
    for line in map(str.strip, SECTIONS[section].splitlines()):
        alone = words.get(line.removeprefix("$"))
        lines += alone if isinstance(alone, list) else [Template(line).substitute(words)]
    return lines


def laid_out(lines: Iterable[str]) -> str:
    """Return lines as formatted source: indented by their braces, with long lines wrapped."""
    found, depth = [], 0
    for line in lines:
        depth -= line.startswith("}")
        found.append(_wrapped(INDENT * depth, line) if line else "")
        depth += line.endswith("{")
    return "\n".join(found)


def _wrapped(room: str, line: str) -> str:
    """Return a comment wrapped, or a long declaration or call with its arguments aligned, if there is room."""
    if line.startswith("/*"):
        return "\n".join(wrap(room + line, WIDTH, subsequent_indent=f"{room}   ", break_long_words=False))
    joined = re.sub("(?<!,) ", "\xa0", room + line)  # so that it is only broken at commas
    longest = max(map(len, joined.split(" ")[1:]), default=0)
    aligned = " " * min(joined.rfind("(", 0, joined.find(",")) + 1, WIDTH - longest)
    return "\n".join(wrap(joined, WIDTH, subsequent_indent=aligned, break_long_words=False)).replace("\xa0", " ")


def closed(lines: Sequence[str], *last: str) -> list[str]:
    """Return the lines, then `last` inside the blocks that are still open, then their closing braces."""
    opened = sum(line.endswith("{") - line.startswith("}") for line in lines)
    return [*lines, *last, *["}"] * opened]


def function(head: str, lines: Sequence[str]) -> list[str]:
    """Return the lines of a function; unused parameters are cast to void."""
    code = re.sub(r"/\*.*?\*/", "", "\n".join(lines), flags=re.DOTALL)
    parameters = re.findall(r"(\w+)[,)]", head)
    unread = [f"(void){name};" for name in parameters if not re.search(rf"\b{name}\b", code)]
    return [head, "{", *unread, *lines, "}", ""]


def copied(target: str, source: str, size: int) -> str:
    """Return the line that copies a vector."""
    return f"memcpy({target}, {source}, {size} * sizeof(float));"


# Arrays


def array_lines(key: str, array: Array) -> Iterator[str]:
    """Yield the lines of a constant array, with the fewest digits that read back as the same numbers."""
    end = "," if array.dtype == "int8" else "f,"
    text = f"{end} ".join(map(str, array.ravel())) + end
    yield f"/* {key} ({', '.join(map(str, array.shape))}) */"
    yield f"ALIGNED static const {c_type(array)} {key.replace('/', '_')}[{array.size}] = {{"
    text = text.replace("inff", "INFINITY").replace("nanf", "NAN")
    yield from (INDENT + line for line in re.findall(rf"(.{{1,{WIDTH - len(INDENT)}}})(?: |$)", text))
    yield from ("};", "")


def c_type(array: Array) -> str:
    """Return the C type of the numbers in an array."""
    return "int8_t" if array.dtype == "int8" else "float"


def quantised(array: Array) -> tuple[Array, Array]:
    """Return a matrix or table as int8, and the float scale of each column."""
    # The negative of 127 is an int8, too; that of -128 is not.
    scale = np.abs(array).max(axis=tuple(range(array.ndim - 1))) / np.float32(127)
    scale[scale == 0] = 1
    return np.rint(array / scale).astype(np.int8), scale.astype(np.float32)
