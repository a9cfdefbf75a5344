"""`Request`: the options of a run. It does not import NumPy, so that the command line starts fast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fsdecode
from typing import Any, Literal, get_args

from rnncli.errors import ArgumentError, quote, shorten
from rnncli.formats import names_another
from rnncli.language.rules import least_steps
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network, check_flags, check_known, check_sizes, check_whole, plain
from rnncli.quantities import MAX_SIZE, parse_size
from rnncli.system.descriptors import can_name_a_file

DTYPES = ("float32", "float64")
"""The dtypes that the engine supports."""

Init = Literal["keras", "torch", "uniform"]
"""How initial values are drawn: by Keras's or PyTorch's defaults, or from U[0, 1), as in the textbook's loop."""

INITS: tuple[Init, ...] = get_args(Init)

DEFAULT_TIMESTEPS = 100
"""The length of a random input, if neither the request nor the network specifies one."""

DEFAULT_REACH_TIMESTEPS = 500
"""The default length for `rnncli reach`, which looks far back."""

DEFAULT_SEEDS, MOST_SEEDS = 5, 1000
"""The default and the largest number of seeds for `rnncli reach`, which keeps the result of each."""

_READ = ("input", "weights", "state")
_WRITTEN = {"save_weights": ".npz", "output": ".npy", "save_state": ".npz"}
"""The files that are written, and their extensions."""


def default_timesteps(network: Network) -> int:
    """Return the length of a random input for a network: its own, or 100, or as many as its windows need."""
    return network.head.fixed_timesteps or max(DEFAULT_TIMESTEPS, least_steps(network.layers))


@dataclass(frozen=True)
class Request:
    """The options of a run.

        >>> Request(timesteps=10, dtype="float64", output="y.npy").written
        {'output': 'y.npy'}

    Args:
        timesteps, batch, seed, dtype, framework, input, weights, save_weights, output, state, save_state, gates: as in
            `rnncli.forward`.
        init: how weights and a random input are drawn: keras, torch or uniform. None: keras, or for the reach, the
            framework of the source.
        lengths: the length of each sequence of the batch, or a file of them; None if all are as long as the input.
        study: whether to study the last recurrent layer over time.
        seeds: the number of seeds, from `seed` on, for which to measure how far back the network reaches, 1 to 1,000;
            None to not measure it.

    Raises:
        ArgumentError: an argument is not allowed; the message states which, and what is allowed.
    """

    timesteps: int | None = None
    batch: int | None = None
    seed: int = 0
    dtype: str = "float32"
    init: Init | None = None
    framework: Framework | None = None
    lengths: Any = None
    input: str | None = None
    weights: str | None = None
    save_weights: str | None = None
    output: str | None = None
    state: str | None = None
    save_state: str | None = None
    study: bool = False
    gates: bool = False
    seeds: int | None = None

    def __post_init__(self) -> None:
        for name in ("timesteps", "batch", "seeds"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        check_sizes(timesteps=self.timesteps, batch=self.batch)
        object.__setattr__(self, "seed", checked_seed(self.seed))
        check_flags(study=self.study, gates=self.gates)
        check_known("dtype", self.dtype, DTYPES)
        check_known("init", self.init, INITS, optional=True)
        if self.seeds is not None:
            check_whole("seeds", self.seeds, MOST_SEEDS)
        check_known("framework", self.framework, FRAMEWORKS, optional=True)
        for name, path in file_names(**{name: getattr(self, name) for name in (*_READ, *_WRITTEN)}).items():
            object.__setattr__(self, name, path)
        for name, extension in _WRITTEN.items():
            if getattr(self, name) is not None:
                written_name(name, getattr(self, name), extension)
        if self.gates and not self.study:
            raise ArgumentError("gates are part of the plot, but plot is False", "ask for both")
        if self.lengths is not None:
            object.__setattr__(self, "lengths", _checked_lengths(self.lengths))
            if self.seeds is not None:
                raise ArgumentError("seeds are for the reach, which uses a single sequence, but lengths are given")

    @property
    def read(self) -> dict[str, str]:
        """The files that it reads, by argument."""
        return {name: path for name in (*_READ, "lengths") if isinstance(path := getattr(self, name), str)}

    @property
    def written(self) -> dict[str, str]:
        """The files that it writes, by argument."""
        return {name: path for name in _WRITTEN if (path := getattr(self, name)) is not None}


def file_name(name: str, path: object) -> str:
    """Return an argument, a string or a `pathlib.Path`, as text, or raise an ArgumentError if it cannot name a file."""
    if isinstance(path, (str, PathLike)) and can_name_a_file(text := fsdecode(path)):
        return text
    advice = "to run an array, call the model: load(network)(x)" if name == "input" else None
    raise ArgumentError(f"{name} is {shorten(repr(path))}, expected a file name", advice)


def written_name(name: str, path: object, extension: str) -> str:
    """Return the path of a file to write, as text; raise an ArgumentError if it names another format."""
    text = file_name(name, path)
    if names_another(text, extension):
        raise ArgumentError(f"{name}: it writes {extension}, but {quote(text)} is the name of another format")
    return text


def parse_lengths(text: str) -> tuple[int, ...] | None:
    """Return the lengths in a text, 5,3,7; None if it is not a list; raise a ValueError if one is not a length."""
    if re.fullmatch(r"[\[(]?[0-9][0-9_kMG,; \])]*", text) is None:
        return None
    if re.search("[,;] *[,;]", text):
        raise ValueError(f"{shorten(text)} has no length between two commas")
    return tuple(parse_size(word) for word in re.split(" *[,;] *| +", text.strip(",; ")))


def file_names(**paths: str | PathLike[str] | None) -> dict[str, Any]:
    """Return paths as texts, by argument name, None for None; raise an ArgumentError if one is not a path."""
    return {name: None if path is None else file_name(name, path) for name, path in paths.items()}


def _checked_lengths(lengths: Any) -> tuple[int, ...] | str:
    if isinstance(lengths, (str, PathLike)):
        try:
            parsed = parse_lengths(lengths) if isinstance(lengths, str) else None
        except ValueError as error:
            raise ArgumentError(f"lengths is {shorten(repr(lengths))}: {error}") from None
        return file_name("lengths", lengths) if parsed is None else parsed
    lengths = lengths.tolist() if hasattr(lengths, "tolist") else lengths
    if not isinstance(lengths, Sequence) or not lengths:
        raise ArgumentError(f"lengths is {shorten(repr(lengths))}, expected whole numbers, or a file name")
    found = tuple(map(plain, lengths))
    for length in found:
        check_whole("a length", length, MAX_SIZE)
    return found


def checked_seed(seed: object) -> int:
    """Return a seed as a Python int, or raise an ArgumentError if it is not an integer from 0."""
    number = plain(seed)
    if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
        return number
    raise ArgumentError(f"seed is {shorten(repr(seed))}, expected a whole number from 0")
