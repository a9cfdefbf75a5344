"""Python source: the models that a file makes with Keras or PyTorch, read from its syntax. Nothing of it is run."""

from __future__ import annotations

import os
import tokenize
from io import BytesIO
from types import MappingProxyType

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.faults import Settings
from rnncli.formats.model_file import ModelFile
from rnncli.formats.python.keras import KerasReader, Said, read_models
from rnncli.formats.python.keras_signatures import OTHER_CLASSES, SIGNATURES
from rnncli.formats.python.torch import read_source, sources
from rnncli.formats.python.torch_modules import TorchReader
from rnncli.formats.python.values import Given, Named, Value
from rnncli.formats.python.walk import Walk
from rnncli.language.syntax import UnparsableError, tree_of

MAX_SOURCE = 250_000
"""The longest file, in bytes; a model of its own is a fiftieth of that."""

_KERAS_NAMES = frozenset({*SIGNATURES, *OTHER_CLASSES, "Sequential", "Model", "Input"})


def read(path: str, settings: Settings = MappingProxyType({})) -> ModelFile:
    """Return what the models of a Python file are.

    Args:
        path: the file.
        settings: the numbers that it leaves open.

    Raises:
        RnncliError: it is no Python, or what it says of a model is not all there.
    """
    del settings
    size = os.path.getsize(path)
    if size > MAX_SOURCE:
        raise RnncliError(f"it has {size:,} bytes; Python source is read up to {MAX_SOURCE:,}")
    with open(path, "rb") as file:
        text = _decoded(file.read(MAX_SOURCE + 1))
    try:
        tree = tree_of(text)
    except UnparsableError as error:
        raise RnncliError(f"it is no Python: {error}") from None
    reader = _Reader()
    try:
        reader.walk.follow(tree)
        said = reader.said()
    except RecursionError:
        raise RnncliError("it is nested too deeply to be followed") from None
    parts = tuple(part for each in said for part in each.parts)
    faults = [(each.name, each.fault) for each in said if each.fault is not None]
    if not parts and faults:
        name, fault = faults[0]
        raise RnncliError(f"{shorten(name)}: {fault.message}", fault.advice)
    notes = [note for each in said for note in each.notes]
    notes += [f"{shorten(name)} is left out: {fault.message}" for name, fault in faults]
    frameworks = [name for name, used in (("Keras", reader.has_keras), ("PyTorch", reader.has_torch)) if used]
    form = f"Python source ({listed(frameworks)})" if frameworks else "Python source"
    return ModelFile(path, form, "", parts, (), tuple(dict.fromkeys(notes)))


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
        raise RnncliError(
            f"it is no Python: line {line} has {reason} that cannot be read", "save it as UTF-8"
        ) from None


class _Reader:
    """The readers of both frameworks, and what tells which of them a name belongs to."""

    def __init__(self) -> None:
        self.walk = Walk(self._make)
        self._keras = KerasReader(lambda: self.walk.doubts, lambda: self.walk.function)
        self._torch = TorchReader(lambda: self.walk.function)
        self.has_keras = self.has_torch = False

    def _make(self, called: Named, given: Given) -> Value:
        framework = self._framework(called.path)
        if framework == "torch":
            return self._torch.make(called.name, given)
        if framework == "keras":
            return self._keras.make(called.name, given)
        return self._keras.operation(called.name, given.positional, given)

    def _framework(self, path: tuple[str, ...]) -> str:
        """Return the framework that a name is from, by its path; nothing if it is from none."""
        if len(path) == 1:
            stars = [star for star in self.walk.stars if self._framework((*star, path[0]))]
            if stars:
                return self._framework((*stars[-1], path[0]))
            return "keras" if path[0] in _KERAS_NAMES else ""
        if path[0] == "nn" or path[:2] == ("torch", "nn"):
            return "torch"
        if {"keras", "tf_keras"} & set(path[:-1]) or path[0] in ("layers", "models"):
            return "keras"
        return ""

    def said(self) -> list[Said]:
        """Return what the file says of each model, in the order of the file."""
        said = read_models(self._keras, self.walk.instances)
        for source in sources(self._torch, self.walk.instances):
            try:
                parts, notes = read_source(source)
            except RnncliError as fault:
                said.append(Said(source.name, source.line, fault=fault))
            else:
                said.append(Said(source.name, source.line, parts, notes))
        self.has_keras = bool(self._keras.models or self._keras.calls)
        self.has_torch = bool(self._torch.modules)
        return sorted(said, key=lambda each: each.line)
