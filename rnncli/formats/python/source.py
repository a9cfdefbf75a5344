"""Python source and notebooks: the models that a file makes with Keras or PyTorch. Nothing of it is run."""

from __future__ import annotations

import ast
import json
import tokenize
from dataclasses import replace
from io import BytesIO

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.faults import AGAIN, NO_SETTINGS, OpenNumbersError, Settings
from rnncli.formats.model_file import ModelFile
from rnncli.formats.python.graph import Graphs
from rnncli.formats.python.models import Found, found_in
from rnncli.formats.python.objects import UnparsableError, tree_of

MAX_SOURCE = 250_000
"""The longest source, in bytes; a model of its own is a fiftieth of that."""

MAX_NOTEBOOK = 20_000_000
"""The longest notebook, in bytes: it holds pictures, too."""


def read(path: str, settings: Settings = NO_SETTINGS) -> ModelFile:
    """Return what the models of a Python file or a notebook are.

    Args:
        path: the file.
        settings: the numbers that it leaves open.

    Raises:
        OpenNumbersError: no model of it is whole without more settings.
        RnncliError: it is no Python, or what it says of its models cannot be understood.
    """
    notebook = path.lower().endswith(".ipynb")
    with open(path, "rb") as file:
        data = file.read((MAX_NOTEBOOK if notebook else MAX_SOURCE) + 1)
    if notebook:
        tree, form = _notebook(data), "notebook"
    else:
        _check_size(len(data))
        tree, form = _parsed(_decoded(data)), "Python source"
    graphs = Graphs(settings)
    try:
        graphs.follow(tree)
        found = found_in(graphs)
    except RecursionError:
        raise RnncliError("it is nested too deeply to be followed") from None
    frameworks = [
        name
        for name, used in (("Keras", "keras"), ("PyTorch", "torch"))
        if any(module.framework == used for module in graphs.modules) or used in {_framework(each) for each in found}
    ]
    model = _model_file(path, f"{form} ({listed(frameworks)})" if frameworks else form, found)
    return replace(model, used=frozenset(graphs.used))


def _framework(found: Found) -> str:
    return found.parts[0].framework if found.parts else ""


def _model_file(path: str, form: str, found: list[Found]) -> ModelFile:
    """Return what the models of a file are.

    Raises:
        OpenNumbersError: none is whole, and some leave numbers open.
        RnncliError: none is whole.
    """
    parts = tuple(part for each in found for part in each.parts)
    errors = [(each, _error([each])) for each in found if not each.parts and (each.names or each.fault)]
    if not parts and errors:
        some = [each for each in found if each.names]
        raise _error(some) if some else errors[0][1]
    notes = [note for each in found for note in each.notes]
    notes += [f"{shorten(each.name)} is left out: {error.message}" for each, error in errors]
    left = tuple(node for each in found for node in each.left)
    opened = tuple(
        (name, OpenNumbersError(f"{path}: {shorten(name)}: {error.message}", error.names))
        for each, error in errors
        for name in (each.name, *each.others)
        if isinstance(error, OpenNumbersError)
    )
    return ModelFile(path, form, "", parts, (), tuple(dict.fromkeys(notes)), left=left, opened=opened)


def _error(found: list[Found]) -> RnncliError:
    """Return why some models are no parts."""
    names: dict[str, list[int]] = {}
    every = dict.fromkeys(name for model in found for name in model.names)
    for name in sorted(every, key=lambda each: each.line):
        names.setdefault(name.name, []).append(name.line)
    if not names:
        advice = "put keras.Input((None, FEATURES)) before it" if "how many features" in found[0].fault else ""
        return RnncliError(f"{shorten(found[0].name)}: {found[0].fault}", advice)
    each = [f"{shorten(name, 60)} (line {lines[0]})" for name, lines in names.items()]
    what = "a number" if len(names) == 1 else f"{len(names)} numbers"
    return OpenNumbersError(f"it leaves {what} open: {listed(each)}", tuple(names))


def _check_size(size: int) -> None:
    if size > MAX_SOURCE:
        raise RnncliError(f"it has more than {MAX_SOURCE:,} bytes, the most that Python source may have")


def _decoded(data: bytes) -> str:
    """Return the text of a file, in the encoding that it says (PEP 263), or UTF-8.

    Raises:
        RnncliError: it is no text in that encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, LookupError, ValueError) as error:
        line = data[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        reason = "a byte" if isinstance(error, UnicodeDecodeError) else "its encoding"
        what = f"line {line} has {reason} that cannot be read"
        raise RnncliError(f"it is no Python: {what}", "save it as UTF-8") from None


def _parsed(text: str) -> ast.Module:
    """Return the syntax tree of a text.

    Raises:
        RnncliError: it is no Python.
    """
    try:
        return tree_of(text)
    except UnparsableError as error:
        raise RnncliError(f"it is no Python: {error}") from None


# Notebooks


class _CellLine(int):
    """A line of a cell, which messages write as `2 of cell 3`."""

    cell: int

    def __str__(self) -> str:
        return f"{int(self)} of cell {self.cell}"

    def __format__(self, form: str) -> str:
        return format(str(self), form)


def _notebook(data: bytes) -> ast.Module:
    """Return the syntax tree of the code of a notebook; its cells stand one behind another.

    Raises:
        RnncliError: it is no notebook, or a cell is no Python.
    """
    if not data:
        raise RnncliError("it is empty", AGAIN)
    if len(data) > MAX_NOTEBOOK:
        raise RnncliError(f"it has more than {MAX_NOTEBOOK:,} bytes, the most that a notebook may have")
    try:
        found = json.loads(data)
        cells = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
        texts = [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in cells]
        numbers = [number for number, cell in enumerate(found["cells"], 1) if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RnncliError("it is no notebook of Jupyter, or is damaged", AGAIN) from None
    _check_size(sum(map(len, texts)))
    body: list[ast.stmt] = []
    for number, text in zip(numbers, texts, strict=True):
        try:
            tree = tree_of(_without_magics(text))
        except UnparsableError as error:
            raise RnncliError(f"cell {number} is no Python: {error}") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt | ast.expr | ast.arg):
                node.lineno, _ = _CellLine(node.lineno), None
                node.lineno.cell = number
        body += tree.body
    return ast.Module(body, [])


def _without_magics(text: str) -> str:
    """Return the code of a cell without what is of IPython alone: `%magic`, `!command`, `name?`."""
    lines = text.splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in ("%%time", "%%timeit", "%%capture"):
        return ""
    kept = []
    for line in lines:
        bare = line.strip()
        magic = bare.startswith(("%", "!", "?")) or bare.endswith("?")
        assigned = "=" in bare and bare.partition("=")[2].strip().startswith(("%", "!"))
        indent = line[: len(line) - len(line.lstrip())]
        kept.append(f"{indent}pass" if magic else f"{indent}{bare.partition('=')[0]}= None" if assigned else line)
    return "\n".join(kept)
