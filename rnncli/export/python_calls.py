"""Python calls laid out like `ruff format` at its default width of 88 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnncli.characters import columns
from rnncli.export.plan import named_axes
from rnncli.layers.python_call import PythonCall
from rnncli.network import Network
from rnncli.quantities import Shape

WIDTH = 88
INDENT = "    "


def laid_out(call: PythonCall, indent: str = "", end: str = "", comment: str = "") -> Iterator[str]:
    """Yield the lines of a call: one if it fits, else its arguments on their own line, or on a line each.

    Args:
        call: the call.
        indent: the indentation.
        end: the code after the call.
        comment: a comment at the end of the first line.
    """
    suffix = comment and f"  # {comment}"
    if fits(line := f"{indent}{call}{end}{suffix}") or not call.arguments:
        yield line
        return
    yield f"{indent}{call.function}({suffix}"
    if fits(line := f"{indent}{INDENT}{', '.join(map(str, call.arguments))}"):
        yield line
    else:
        for argument in call.arguments:
            if isinstance(argument, PythonCall):
                yield from laid_out(argument, indent + INDENT, ",")
            else:
                yield f"{indent}{INDENT}{argument},"
    yield f"{indent}){end}"


def docstring(network: Network, indent: str = "", more: str = "") -> Iterator[str]:
    """Yield the lines of a docstring with the spec and `more`; a long spec is broken after commas."""
    spec = f"{network}{more}"
    if fits(line := f'{indent}"""{spec}"""'):
        yield line
        return
    yield f'{indent}"""'
    line = ""
    *layers, last = spec.split(",")
    for layer in [*(f"{layer}," for layer in layers), last]:
        if line and not fits(f"{indent}{line}{layer}"):
            yield f"{indent}{line}"
            line = ""
        line += layer
    yield f"{indent}{line}"
    yield f'{indent}"""'


def commented(line: str, comment: str, room: str) -> Iterator[str]:
    """Yield a line with a comment after it, or above it if it is too long; `room` is indentation added later."""
    if not comment:
        yield line
    elif fits(f"{room}{line}  # {comment}"):
        yield f"{line}  # {comment}"
    else:
        yield f"# {comment}"
        yield line


def imported(module: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the lines of an import, with names sorted as by ruff and isort: `LSTM` first."""
    names = sorted({*names}, key=lambda name: (not name.isupper(), name))
    if fits(line := f"from {module} import {', '.join(names)}"):
        yield line
        return
    yield f"from {module} import ("
    yield from (f"{INDENT}{name}," for name in names)
    yield ")"


def shape_words(shape: Shape) -> str:
    """Return a shape with words for unknown sizes: (batch, timesteps, 32)."""
    return f"({', '.join(map(str, named_axes(shape)))})"


def fits(line: str) -> bool:
    """Return whether a line is within the width."""
    return columns(line) <= WIDTH
