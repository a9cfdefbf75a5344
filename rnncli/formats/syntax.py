"""The syntax tree of a Python text. Nothing of it is run."""

from __future__ import annotations

import ast
import warnings

from rnncli.errors import shorten


class UnparsableError(ValueError):
    """A text that is no Python; the message says where and why."""


def tree_of(text: str) -> ast.Module:
    """Return the syntax tree of a text.

    Raises:
        UnparsableError: it is no Python, or nested too deeply to be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise UnparsableError(f"{where}{shorten(str(error.msg), 80)}") from None
    except (RecursionError, MemoryError):
        raise UnparsableError("it is nested too deeply") from None
    except ValueError as error:  # a null byte, a surrogate
        raise UnparsableError(shorten(str(error), 80)) from None
