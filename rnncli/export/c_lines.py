"""Building blocks of C source: library functions, templates, code lines and constant arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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

_, *_PARTS = package_text("export/functions.c").split("\n//= ")

SECTIONS: Mapping[str, str] = {name: text.strip("\n") for name, _, text in (part.partition("\n") for part in _PARTS)}
"""The sections of `functions.c`."""

_EACH = r"static inline void \1(\2, int size)\n{\n    for (int j = 0; j < size; j++) {\n        \3\n    }\n}\n"


def used_in(text: str, dtype: str) -> str:
    """Return the library functions and types that the text uses, directly or indirectly, in order."""
    library = "\n\n".join(SECTIONS[section] for section in ("functions", dtype, "layers"))
    library = re.sub(r"^(\w+)\((.+)\): (.+)", _EACH, library, flags=re.MULTILINE)
    found, words = "", _words(text)
    for code in reversed(re.split("\n\n+", library)):
        (name,) = re.findall(r"^(?:static|typedef) .*?(\w+)(?:\(|;$)", code, re.MULTILINE)
        if name in words:
            found, words = f"{code}\n\n{found}", words | _words(code)
    return found


def _words(code: str) -> set[str]:
    """Return the words of some code without its comments."""
    return {*re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL))}


# Lines are written without indentation, which `laid_out` adds


def filled(section: str, words: Mapping[str, object]) -> list[str]:
    """Return the lines of a section of `functions.c` with each $word substituted."""
    return substituted(SECTIONS[section].splitlines(), words)


def substituted(template: Iterable[str], words: Mapping[str, object]) -> list[str]:
    """Return the lines of a template with each $word substituted; see `functions.c` for `//?`.

    A list of lines is for a $word that is alone on its line.
    """
    lines = list[str]()
    for line, _, condition in (each.strip().partition("//? ") for each in template):
        if condition and bool(words[condition.lstrip("!")]) == condition.startswith("!"):
            continue
        line = line.rstrip()
        alone = words.get(line.removeprefix("$"))
        more = alone if isinstance(alone, list) else [Template(line).substitute(words)]
        if lines and lines[-1].endswith(","):
            more = [f"{lines.pop()} {more[0]}"]
        lines += more
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
    if joined.find(" ") > WIDTH:  # not even the first argument fits
        joined = re.sub(r"(?<=\w)\(", "( ", joined, count=1)
    longest = max(map(len, joined.split(" ")[1:]), default=0)
    aligned = " " * min(len(re.sub(r"(?<=\w\().*", "", joined)), WIDTH - longest)
    return "\n".join(wrap(joined, WIDTH, subsequent_indent=aligned, break_long_words=False)).replace("\xa0", " ")


def call(name: str, *arguments: object) -> str:
    """Return the line that calls a function."""
    return f"{name}({', '.join(map(str, arguments))});"


# Arrays


def array_lines(key: str, array: Array) -> Iterator[str]:
    """Yield the lines of a constant array, with the fewest digits that read back as the same numbers."""
    kind, end = ("int8_t", ",") if array.dtype == "int8" else ("float", "f,")
    text = f"{end} ".join(map(str, array.ravel())) + end
    yield f"/* {key} ({', '.join(map(str, array.shape))}) */"
    yield f"ALIGNED static const {kind} {key.replace('/', '_')}[{array.size}] = {{"
    text = text.replace("inff", "INFINITY").replace("nanf", "NAN")
    yield from (INDENT + line for line in re.findall(rf"(.{{1,{WIDTH - len(INDENT)}}})(?: |$)", text))
    yield from ("};", "")


def quantised(array: Array) -> tuple[Array, Array]:
    """Return a matrix or table as int8, and the float scale of each column."""
    # The negative of 127 is an int8, too; that of -128 is not.
    scale = np.abs(array).max(axis=tuple(range(array.ndim - 1))) / np.float32(127)
    scale[scale == 0] = 1
    return np.rint(array / scale).astype(np.int8), scale.astype(np.float32)
