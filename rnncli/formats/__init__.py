"""Model files: each format's contents, read from headers, with nothing executed and no framework imported.

Each format has a module with `read(path)`, which returns a `ModelFile`. The format of a file follows from its first
bytes and its name together.

- `networks` is the entry point: it reads a spec, a line of Keras or PyTorch, or a file, and returns a network.
- `nodes` is the common form in which readers return what they find, and `parts` turns nodes into rows of layers;
  `tensors` and `model_file` describe the arrays of a file and the file as a whole.
- `calls`, `python`, `keras`, `onnx` and `arrays` (with `torch`, `safetensors` and `npz` below them) find nodes.
  `frameworks` lists the arguments of each Keras and PyTorch class, `build` turns them into layers, and `conventions`
  has the order of gates.

To add a format:

1. Add a module for it here, and a line in `FORMATS` for each extension of its files; completion and errors follow
   from that. `file_reader` opens a file. Its arrays are `Tensor`s, whose numbers are read later; `arrays.nodes_of`
   identifies layers by their arrays if the file does not; and `model_file.model_of` returns the whole.
2. Keep a file that its own program wrote in `tests/golden/models`, with its spec in `models.json` and the program's
   answers in `models.npz`: `tests/golden/model_files.py` writes them.
3. Run `pytest tests/test_kinds.py tests/test_model_files.py`, which name what is missing, and `--rewrite-screens`: the
   screens show the messages for files that are empty or not of the format. Add ways to damage such a file to
   `tests/hostile_models.py` and `tests/fuzz`, and its name to `README.md`.
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

from rnncli.errors import RnncliError, UsageError, closest_in_any_case, listed, quote, shorten
from rnncli.immutable import NamedTuple
from rnncli.system.descriptors import can_name_a_file

if TYPE_CHECKING:
    from rnncli.formats.model_file import ModelFile
    from rnncli.formats.nodes import Part

AGAIN = "save it again, or copy it again from the original"
"""The advice for a damaged file."""


class OpenNumbersError(UsageError):
    """A source does not define numbers that its layers need.

    Attributes:
        names: each as it is written in the source, `hidden` or `len(vocab)`, in order.
        examples: possible values for names that are not sizes: True, a rate, a word.
    """

    examples: Mapping[str, float | str] = MappingProxyType({})

    def __init__(self, message: str, names: tuple[str, ...], examples: Mapping[str, float | str] = examples) -> None:
        super().__init__(message, f"give {'it' if len(names) == 1 else 'each of them'} with --set")
        self.names, self.examples = names, examples


Settings = Mapping[str, int | float | str]
"""Numbers and words for what a source leaves open, by name or by the expression as it is written."""

NO_SETTINGS: Settings = MappingProxyType({})


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Prefix an error that is raised in the block with what is being read, a path or an array.

    Library errors about damaged files are converted where the library is called. Any other exception is a bug of
    this program and passes through.

    Raises:
        RnncliError: it cannot be read, or the block raised an error about it.
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
        "torch.file": (".pt", ".pth", ".th", ".ckpt", ".bin", ".jit", ".pkl", ".pickle", ".tar"),
        "onnx.model": (".onnx",),
        "keras.file": (".json", ".keras", ".h5", ".hdf5"),
        "python.source": (".py", ".ipynb"),
    }.items()
    for extension in extensions
}
"""The module that reads files with each extension."""

KNOWN_EXTENSIONS = f"known extensions are {listed(list(FORMATS), 'or')}"

_KERAS_ITSELF = "save the Keras model itself: model.save('model.keras')"
_WEIGHTS_ALONE = "save only the weights: torch.save(model.state_dict(), 'model.pt')"
_ARCHIVE = "archives are not read; unpack it, and give the model's file in it, such as policy.pth"

REFUSED: Mapping[str, str] = {
    ".tflite": f"TFLite files are not read; {_KERAS_ITSELF}",
    ".gguf": "GGUF files are not read; save the weights: safetensors.torch.save_file(model.state_dict(), FILE)",
    ".pb": f"TensorFlow graphs are not read; {_KERAS_ITSELF}",
    ".mar": f"TorchServe archives are not read; {_WEIGHTS_ALONE}",
    ".pt2": f"programs of torch.export are not read; {_WEIGHTS_ALONE}",
    ".distcp": "parts of a distributed checkpoint are not read; join them: "
    "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt",
    ".mlmodel": f"Core ML files are not read; {_WEIGHTS_ALONE}",
    **dict.fromkeys((".zip", ".gz", ".tgz", ".nemo"), _ARCHIVE),
}
"""The errors for files that are known but not read."""

SEPARATOR = "::"
"""The separator between a file and the name or number of one of its parts."""


class ChosenPart(NamedTuple):
    """The path of a model file, and the name or number of the chosen part, which may be empty."""

    path: str
    part: str


def is_path(text: str) -> bool:
    """Return whether a text begins like a path and not like a spec: with `C:\\`, `C:/`, `~/`, `./`, `/`, `\\\\`."""
    has_stroke = "/" in text or "\\" in text
    return has_stroke and re.match(r"\s*(([A-Za-z]:|~|\.{1,2})[\\/]|/(?!/?\s|\?|h?$)|\\\\)", text) is not None


def choice_of(text: str) -> ChosenPart | None:
    """Return the model file that a text names, or None if it names none: `model.onnx`, `model.pt::2`, `C:\\model.pt`.

    Spaces around it are ignored, as around a spec. The name of the file itself may contain the separator. A text that
    begins like a path names a file, whatever its extension.
    """
    names = text.strip().split(SEPARATOR)
    for count in range(1, min(len(names), 100) + 1):  # a longer list is no name of a file
        path = SEPARATOR.join(names[:count])
        if is_known(path) and re.search(r"\n|^\w+Error: ", path) is None:
            return ChosenPart(path, SEPARATOR.join(names[count:]))
    return ChosenPart(names[0], SEPARATOR.join(names[1:])) if is_path(text) else None


_EXTENSIONS = frozenset(
    (
        *(".npy", ".npz", ".safetensors", ".h5", ".hdf5", ".keras", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".mat"),
        *(".onnx", ".tflite", ".pb", ".py", ".ipynb", ".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".md", ".html"),
        *(".c", ".h", ".cpp", ".cc", ".cxx", ".hpp", ".ino", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".pdf", ".txt"),
    )
)
"""Extensions that identify a kind of file."""


def names_another(path: str, *extensions: str) -> bool:
    """Return whether a file's name identifies it as something other than files with these extensions."""
    return _extension(path) in _EXTENSIONS - {*extensions}


def is_known(path: str) -> bool:
    """Return whether a file's extension is that of a known format, including those that are refused."""
    return _extension(path) in FORMATS or _extension(path) in REFUSED


def open_model(path: str, settings: Settings = NO_SETTINGS) -> ModelFile:
    """Return the contents of a model file.

    Args:
        path: the file.
        settings: values for the numbers that a source leaves open.

    Raises:
        OpenNumbersError: a source leaves other numbers open as well.
        RnncliError: it cannot be read, is damaged, or has a format that is not read; the message names the file.
    """
    extension = _extension(path)
    if not can_name_a_file(path):
        raise RnncliError(f"no file can be named {quote(path)}")
    if extension in REFUSED:
        raise RnncliError(f"{path}: {REFUSED[extension].partition(';')[0]}", REFUSED[extension].partition("; ")[2])
    if re.match(r"(?!file:)[a-z][a-z0-9+.-]+://", path, re.IGNORECASE):
        raise UsageError(f"{shorten(path)} is a web address, not a file", "download the file first")
    if extension not in FORMATS and os.path.isdir(path):
        raise UsageError(f"{path} is a folder, not a model file", "give the file in it")
    if extension not in FORMATS:
        raise UsageError(f"{path} is not a known model file", KNOWN_EXTENSIONS)
    module = FORMATS[extension]
    read: Callable[..., ModelFile] = import_module(f"rnncli.formats.{module}").read
    collects = gc.isenabled()
    gc.disable()  # reading a large file creates no cycles, but the collector would search for them again and again
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


def contents_of(text: str, settings: Settings = NO_SETTINGS) -> ModelFile:
    """Return the contents of a model file; if a part is named after the separator, check that it exists.

    Raises:
        OpenNumbersError: a source leaves other numbers open as well.
        RnncliError: the file cannot be read, or has no such part.
    """
    choice = choice_of(text)
    model = open_model(text.partition(SEPARATOR)[0] if choice is None else choice.path, settings)
    if choice is not None and choice.part:
        part_of(model, choice.part)
    return model


def part_of(model: ModelFile, wanted: str) -> Part:
    """Return the wanted part of a model file, or its only one.

    Raises:
        RnncliError: it has no recurrent part.
        UsageError: it has no such part, or it has several and none is named.
    """
    parts = model.parts
    if not parts:
        message = "; ".join((f"{model.path} has no recurrent layers that specs can express", *model.notes[:1]))
        raise RnncliError(message, f"`rnncli inspect {model.path}` shows its contents")
    listing = listed([f"{model.path}{SEPARATOR}{number}" for number in range(1, len(parts) + 1)], "or")
    if not wanted:
        if len(parts) > 1:
            has = f"{model.path} has {len(parts)} recurrent parts, and a command takes only one"
            misfits = [said for part in parts for said in part.said("left out") if " is left out: it reads " in said]
            why = f": {misfits[0].replace(' is left out: it', '')}" if misfits else ""
            whole = "with return_sequences=True it returns all of them; or "
            joins = whole if "returns only its last output" in why and parts[0].framework == "keras" else ""
            raise UsageError(f"{has}{why}", f"{joins}choose one: {listing}; `rnncli inspect {model.path}` shows them")
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
        names = [part.name for part in parts]
        near = None if named else closest_in_any_case(wanted.partition(SEPARATOR)[0], names)
        has = f"it has {shorten(listed(names), 200)}"
        repair = None if near is None else f"{model.path}{SEPARATOR}{near}"
        message = f"{model.path} has no part {shorten(wanted)}; {has}"
        raise UsageError(message, f"choose one: {listing}", lead="perhaps", repair=repair)
    return named[0]


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()
