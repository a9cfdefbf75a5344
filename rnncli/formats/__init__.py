"""Model files: what each format holds, read from headers, with nothing executed and no framework imported.

Each format has a module with `read(path)`, which returns a `ModelFile`. What a file is, its first bytes and its name
say together.

- `networks` is the door: it reads whatever stands for a network, a spec, a line of Keras or PyTorch, or a file.
- `nodes` is the one form of what is found, and `parts` makes rows of it, whoever found it; `tensors` and
  `model_file` are the arrays and the whole of a file.
- `calls`, `python`, `keras`, `onnx` and `arrays` (with `torch`, `safetensors` and `npz` below them) find nodes. Which
  arguments a class of Keras or PyTorch has, `frameworks` says once, and what it makes of them, `build`; what order
  gates have, `conventions`.

To add a format:

1. Give it a module here, and each extension of its files a line in `FORMATS`; completion and errors follow from that.
   `file_reader` opens a file. Its arrays are `Tensor`s, whose numbers are read later; `arrays.nodes_of` says what they
   are, if the file does not; and `model_file.model_of` returns the whole.
2. Keep a file that its own program wrote in `tests/golden/models`, with its spec in `models.json` and the program's
   answers in `models.npz`: `tests/golden/model_files.py` makes them.
3. Run `pytest tests/test_kinds.py tests/test_model_files.py`, which name what is missing, and `--rewrite-screens`: they
   show what is said of files that are empty or no files. Add to `tests/hostile_models.py` and `tests/fuzz` how one is
   damaged, and to `README.md` what it is called.
"""

from __future__ import annotations

import gc
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from rnncli.errors import RnncliError, UsageError, listed, shorten
from rnncli.immutable import NamedTuple

if TYPE_CHECKING:
    from rnncli.formats.model_file import ModelFile
    from rnncli.formats.nodes import Part

AGAIN = "save it again, or copy it again from where it came"
"""What mends a damaged file."""


class OpenNumbersError(UsageError):
    """A source leaves numbers open that its layers need.

    Attributes:
        names: each as the source writes it, `hidden` or `len(vocab)`, in order.
        examples: what some of them may be, where that is no size: True, a rate, a word.
    """

    examples: Mapping[str, float | str] = MappingProxyType({})

    def __init__(self, message: str, names: tuple[str, ...], examples: Mapping[str, float | str] = examples) -> None:
        super().__init__(message, f"say {'it' if len(names) == 1 else 'each of them'} with --set")
        self.names, self.examples = names, examples


Settings = Mapping[str, int | float | str]
"""The numbers and words that a source leaves open, by their names or expressions as they are written."""

NO_SETTINGS: Settings = MappingProxyType({})


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Put what is read, a path or an array, in front of an error that is raised in the block.

    What a library raises for a file that is damaged is turned into an error where the library is called. Any other
    exception is a mistake of this program, and comes through.

    Raises:
        RnncliError: it cannot be read, or the block says what is wrong with it.
    """
    try:
        yield
    except OpenNumbersError as error:
        raise OpenNumbersError(f"{what}: {error.message}", error.names, error.examples) from None
    except RnncliError as error:
        raise RnncliError(f"{what}: {error.message}", error.advice) from None
    except OSError as error:
        raise RnncliError(f"{what} cannot be read: {error.strerror or error}") from None


FORMATS: Mapping[str, str] = {
    extension: module
    for module, extensions in {
        "safetensors": (".safetensors",),
        "npz": (".npz",),
        "torch.file": (".pt", ".pth", ".ckpt", ".bin", ".jit", ".pkl", ".pickle"),
        "onnx.model": (".onnx",),
        "keras.file": (".json", ".keras", ".h5", ".hdf5"),
        "python.source": (".py", ".ipynb"),
    }.items()
    for extension in extensions
}
"""The module that reads files with each extension."""

_KERAS_ITSELF = "save the Keras model itself: model.save('model.keras')"
_WEIGHTS_ALONE = "save the weights alone: torch.save(model.state_dict(), 'model.pt')"

REFUSED: Mapping[str, str] = {
    ".tflite": f"TFLite files are not read; {_KERAS_ITSELF}",
    ".gguf": "GGUF files are not read; save the weights: safetensors.torch.save_file(model.state_dict(), FILE)",
    ".pb": f"graphs of TensorFlow are not read; {_KERAS_ITSELF}",
    ".mar": f"archives of TorchServe are not read; {_WEIGHTS_ALONE}",
}
"""What is said of files that are known and not read."""

SEPARATOR = "::"
"""Stands between a file and the name or the number of one of its parts."""


class Choice(NamedTuple):
    """The path of a model file, and the name or the number of the part of it that is meant; that may be empty."""

    path: str
    part: str


def is_path(text: str) -> bool:
    """Return whether a text begins as a path does, and no spec: with `C:\\`, `C:/`, `~/`, `./`, `/`, `\\\\`."""
    has_stroke = "/" in text or "\\" in text
    return has_stroke and re.match(r"\s*(([A-Za-z]:|~|\.{1,2})[\\/]|/|\\\\)", text) is not None


def choice_of(text: str) -> Choice | None:
    """Return the model file that a text names, or None if it names none: `model.onnx`, `model.pt::2`, `C:\\model.pt`.

    Spaces around it are ignored, as around a spec. A file's own name may hold what separates it from a part. What
    begins as a path names a file, whatever that is called.
    """
    names = text.strip().split(SEPARATOR)
    for count in range(1, min(len(names), _MOST_NAMES) + 1):
        path = SEPARATOR.join(names[:count])
        if is_known(path):
            return Choice(path, SEPARATOR.join(names[count:]))
    return Choice(names[0], SEPARATOR.join(names[1:])) if is_path(text) else None


_MOST_NAMES = 100
"""How many names between separators are looked at for that of a file."""


_EXTENSIONS = frozenset(
    (
        *(".npy", ".npz", ".safetensors", ".h5", ".hdf5", ".keras", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".mat"),
        *(".onnx", ".tflite", ".pb", ".py", ".ipynb", ".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".md", ".html"),
        *(".c", ".h", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".pdf", ".txt"),
    )
)
"""Extensions that say what a file is."""


def names_another(path: str, *extensions: str) -> bool:
    """Whether the name of a file says that it is something else than files with these extensions."""
    return _extension(path) in _EXTENSIONS - {*extensions}


def is_known(path: str) -> bool:
    """Return whether the extension of a file is that of a format that is known, if only to be refused."""
    return _extension(path) in FORMATS or _extension(path) in REFUSED


def open_model(path: str, settings: Settings = NO_SETTINGS) -> ModelFile:
    """Return what a model file holds.

    Args:
        path: the file.
        settings: the numbers that a source leaves open.

    Raises:
        OpenNumbersError: a source leaves open more than these.
        RnncliError: it cannot be read, is damaged, or is of a kind that is not read; the message names the file.
    """
    extension = _extension(path)
    if extension in REFUSED:
        raise RnncliError(f"{path}: {REFUSED[extension].partition(';')[0]}", REFUSED[extension].partition("; ")[2])
    if extension not in FORMATS:
        raise UsageError(f"{path} is no model file that is known", f"known are {listed(list(FORMATS), 'or')}")
    module = FORMATS[extension]
    read: Callable[..., ModelFile] = import_module(f"rnncli.formats.{module}").read
    collects = gc.isenabled()
    gc.disable()  # what a large file makes has no circles, and would be gone through for them again and again
    try:
        with reading(path):
            if module != "python.source":  # a text may be empty
                found = os.stat(path)
                if stat.S_ISREG(found.st_mode) and not found.st_size:
                    raise RnncliError("it is empty", AGAIN)
                return read(path).named()
            return read(path, settings).named()
    finally:
        if collects:
            gc.enable()


def part_of(model: ModelFile, wanted: str) -> Part:
    """Return a part of a model file: the one that is wanted, or its only one.

    Raises:
        RnncliError: there is no recurrent part.
        UsageError: there is no such part, or there are several and none is named.
    """
    parts = model.parts
    if not parts:
        raise RnncliError(f"{model.path} holds nothing recurrent", f"rnncli inspect {model.path} says what it holds")
    listing = listed([f"{model.path}{SEPARATOR}{number}" for number in range(1, len(parts) + 1)], "or")
    if not wanted:
        if len(parts) > 1:
            has = f"{model.path} has {len(parts)} recurrent parts"
            raise UsageError(f"{has}, and a command takes one", f"say which: {listing}")
        return parts[0]
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(parts):
        return parts[int(wanted) - 1]
    named = (
        [part for part in parts if part.name == wanted]
        or [part for part in parts if wanted in part.other_names]
        or [part for part in parts if part.name.startswith(wanted)]
    )
    failed = [error for names, error in model.failed if wanted in names and not named]
    if failed:
        with reading(f"{model.path}: {shorten(wanted)}"):
            raise failed[0]
    if len(named) != 1:
        has = f"it has {shorten(listed([part.name for part in parts]), 200)}"
        raise UsageError(f"{model.path} has no part {shorten(wanted)}; {has}", f"say which: {listing}")
    return named[0]


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()
