"""The types of option values, for Click: how to read each, and what was probably meant by a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os.path import exists, splitext
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from rnncli.errors import closest, quote, shorten
from rnncli.formats import names_another
from rnncli.layers import KINDS
from rnncli.layers.weights import FRAMEWORKS
from rnncli.network_summary import DTYPE_BYTES
from rnncli.quantities import (
    MAX_SIZE,
    nearest_memory,
    nearest_number,
    nearest_rate,
    parse_count,
    parse_memory,
    parse_number,
    parse_rate,
    parse_size,
    without_thousands,
)
from rnncli.system.descriptors import STDIN, STDOUT

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Completions: TypeAlias = "list[CompletionItem[str]]"
"""What is offered for a word when TAB is pressed; the class is only imported then."""


def completion(text: str, **more: Any) -> CompletionItem[str]:
    """Return a completion of a word; `more` is what Click and the shells' scripts are told about it."""
    from click.shell_completion import CompletionItem

    return CompletionItem(text, **more)


class Value(click.ParamType):  # type: ignore[type-arg]  # generic from Click 8.2 on
    """A value that is read from a text.

    Args:
        name: the noun for it.
        metavar: its placeholder in the help.
        read: reads it; raises a ValueError with the reason if the text is wrong.
        nearest: returns the text that was probably meant by a wrong one, or None.
        example: a valid text.
    """

    def __init__(
        self, name: str, metavar: str, read: Callable[[str], Any], nearest: Callable[[str], str | None], example: str
    ) -> None:
        self.name = name
        self.metavar = metavar
        self.read = read
        self.nearest = nearest
        self.example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of a text; an object that is not a text has been read already."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


def _printed(read: Callable[[str], int]) -> Callable[[str], int]:
    """Return a reader of numbers that also accepts thousands separators, as tables print them: 92,400."""

    def read_printed(text: str) -> int:
        plain = without_thousands(text.strip())
        if re.fullmatch("[0-9]+(,[0-9]+)+", plain):
            raise ValueError(f"{shorten(text)} is not a whole number: write thousands in groups of three, as in 92,400")
        try:
            return read(plain)
        except ValueError:
            return read(text)  # raises the error with the text as typed

    return read_printed


def size_up_to(most: int) -> Value:
    """Return the type of whole numbers from 1 to `most`, written as in a spec, 128 or 10k, or as printed, 92,400."""

    def nearest(text: str) -> str | None:
        meant = nearest_number(text)
        return None if meant is None else str(min(max(int(meant), 1), most))

    return Value("number", "N", _printed(partial(parse_size, most=most)), nearest, str(min(100, most)))


number = size_up_to(MAX_SIZE)
"""A size, or a number of samples or timesteps."""

cores = Value("number", "N", number.read, number.nearest, "4")
"""A number of cores."""

big_number = Value("number", "N", _printed(parse_count), nearest_number, "1M")
"""A whole number from 0 without an upper bound, written the same way: 500k, 5.4M, 1,234,567."""

seed = Value("number", "N", _printed(parse_number), nearest_number, "1")
"""The seed of random numbers: a whole number from 0."""

memory_size = Value("size", "SIZE", lambda text: parse_memory(without_thousands(text.strip())), nearest_memory, "4MB")
"""A number of bytes: 512KB, 4MB, 1.5GB, 4096, 1,024 KB."""

rate = Value("rate", "N", lambda text: parse_rate(without_thousands(text.strip())), nearest_rate, "50")
"""Timesteps per second: 50, 12.5, 16k, 44.1kHz, 16,000."""

OTHER_FRAMEWORKS: Mapping[str, str] = {
    **dict.fromkeys(("pytorch", "pt", "torch.nn"), "torch"),
    **dict.fromkeys(("tf", "tensorflow", "tf.keras", "keras3"), "keras"),
}
"""Other names of frameworks; TensorFlow's layers are Keras's."""

OTHER_TARGETS: Mapping[str, str] = {**OTHER_FRAMEWORKS, "np": "numpy", "c99": "c"}
"""Other names of export targets."""

_BITS = {
    "float16": ("float16", "half", "fp16", "f16"),
    "bfloat16": ("bfloat16", "bf16"),
    "float32": ("float32", "single", "float", "fp32", "f32"),
    "float64": ("float64", "double", "fp64", "f64"),
    "int8": ("int8", "qint8", "i8"),
}
"""The names of each dtype in PyTorch, C, Rust and model files."""

OTHER_DTYPES: Mapping[str, str] = {
    library + name: dtype
    for dtype, names in _BITS.items()
    for name in names
    for library in ("", "torch.", "np.", "numpy.", "tf.", "tensorflow.", "jnp.", "jax.numpy.", "ml_dtypes.")
    if library + name not in ("np.float", "numpy.float", "jnp.float", "jax.numpy.float")  # which have 64 bits
}
"""Names of dtypes in several libraries: `torch.half`, `np.float32`."""

LIKE_A_CHOICE = 0.7
"""How similar to a choice, a command or the name of a file a word must be to count as a misspelling."""


class OneOf(click.Choice):  # type: ignore[type-arg]  # as above
    """One of some words, in upper or lower case, which also go by the names that other tools use.

    Args:
        choices: the words.
        names: the word for each other name; it may be one that is not among the choices.
        elsewhere: the remark in the error for such a word.
    """

    metavar = None

    def __init__(self, choices: Sequence[str], names: Mapping[str, str] | None = None, elsewhere: str = "") -> None:
        super().__init__(choices)
        self.words = tuple(choices)
        self.names = {choice.lower(): choice for choice in choices} | {**(names or {})}
        self.elsewhere = elsewhere
        self.example = self.words[0]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word that is meant."""
        meant = self.names.get(value.lower()) if isinstance(value, str) else None
        return super().convert(meant if meant in self.words else value, param, ctx)

    def meant(self, text: str) -> str | None:
        """Return the word that goes by a name or is suggested for it; None if there is none."""
        from rnncli.commands.rewrites import VALUES  # only errors need it

        names = (text.lower(), re.sub("[-_ ]", "", text.lower()))
        found = [table.get(name) for name in names for table in (self.names, VALUES)]
        return next((each for each in found if each in self.words), None)

    def nearest(self, text: str) -> str | None:
        """Return the word that was probably meant by a wrong one; a name with other digits is not a misspelling."""
        names = [name for name, word in self.names.items() if word in self.words]
        turned = (name for name in names if len(name) > 2 and sorted(name) == sorted(text.lower()))  # `zhs`
        near = closest(text.lower(), names, LIKE_A_CHOICE) or next(turned, None)
        same = near is not None and re.sub("[^0-9]", "", near) == re.sub("[^0-9]", "", text)
        return self.meant(text) or (self.names[near] if near is not None and same else None)


framework = OneOf(FRAMEWORKS, OTHER_FRAMEWORKS)
"""A framework: keras or torch, or another name for one."""

dtype = OneOf(tuple(DTYPE_BYTES), OTHER_DTYPES)
"""A dtype for sizes in bytes."""

_NO_FILE = "--?[A-Za-z].*|=.*|utput(?:=.*)?|(?i:true|false|yes|no)"
"""A text in place of a file's name that is another option, or that belongs to a flag."""


class FileName(Value):
    """The name of a file to write or to read; the shell completes files with certain extensions: `npz`, `.npz`.

    Args:
        written: whether the file is written.
        extensions: the extensions.
        what: the only format that is written, for the error about a name with another format's extension, if there are
            not several. A name without a known extension, such as /dev/stdout, is allowed.
        more: the end of that error.
    """

    def __init__(self, written: bool, *extensions: str, what: str = "", more: str = "") -> None:
        self.written = written
        self.extensions = [each.removeprefix(".") for each in extensions]
        extension, one = f".{self.extensions[0]}", len(extensions) == 1
        what = (what or extension) if written and one else ""

        def path_of(text: str) -> str:
            if not text and not written:
                raise ValueError("the name of the file is empty")
            kind = KINDS.get(text.partition(":")[0])
            if kind is not None and kind.reads == "input" and not exists(text):
                raise ValueError(f"{shorten(text)} is a spec, not the name of a file")
            if re.fullmatch(_NO_FILE, text):
                raise ValueError(f"{shorten(text)} is not the name of a file; if it is, write ./{shorten(text)}")
            if what and names_another(text, extension):
                raise ValueError(f"it writes {what}, but {quote(text)} is the name of another format{more}")
            return (STDOUT if written else STDIN) if text == "-" else text

        def nearest(text: str) -> str | None:
            return splitext(text)[0] + extension if what and not re.fullmatch(_NO_FILE, text) else None

        example = f"file{extension}" if what else "FILE" * written
        super().__init__("file", f"FILE{extension}" if one else "FILE", path_of, nearest, example)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> Completions:
        """Offer files with these extensions, and folders."""
        return [completion(incomplete, type="file", extensions=self.extensions)]


class LengthsValue(FileName):
    """The length of each sequence of a batch: numbers separated by commas or spaces, 5,3,7, or a file's name."""

    def __init__(self) -> None:
        super().__init__(False, "txt")
        Value.__init__(self, "list of lengths", "N,N,…|FILE", _read_lengths, _nearest_lengths, "5,3,7")


def _read_lengths(text: str) -> tuple[int, ...] | str:
    """Return the numbers, or the path of the file."""
    from rnncli.engine.request import parse_lengths

    said = parse_lengths(text)
    if said is not None:
        return said
    if text != "-" and not exists(text):
        raise ValueError(f"{quote(text)} is neither a file nor numbers such as 5,3,7")
    return STDIN if text == "-" else text


def _nearest_lengths(text: str) -> str | None:
    """Return the whole numbers in a text: 5,3,7 for [5, 3, 7], and for 5.0,3.0,7.0."""
    numbers = re.findall(r"[0-9]{1,10}(?:\.[1-9])?", re.sub(r"\.0+\b", "", text))
    whole = [each for each in numbers if each.isdecimal() and 1 <= int(each) <= MAX_SIZE]
    kept = whole == numbers and not re.search(r"[a-z]|\.\.", text.lower())
    return (",".join(whole) or None) if kept else None
