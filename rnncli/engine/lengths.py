"""Sequences of several lengths in one batch, as PyTorch's pack_padded_sequence has them.

They stand in one array that is as long as the longest of them, and each is computed as if it stood there alone: what is
behind its end is never read. They run together, the longest first, and the chunks of time become narrower as sequences
end. Where a window reaches behind the end, those of one length run together. A mask would not do for all layers: a
window, a maximum or a sequence in reverse would meet the padding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnncli.engine.chunks import Chunk, State
from rnncli.engine.types import Array
from rnncli.errors import ArgumentError, RnncliError, shorten
from rnncli.formats.file_reader import opened, read_once
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE, parse_size, plural

_MOST_BYTES = 1 << 26
"""The longest text of lengths: some ten million of them."""


class Group(NamedTuple):
    """Sequences of a batch that run together.

    Attributes:
        samples: their places in the batch.
        timesteps: how long the longest is.
        chunks: the input, in order of time.
        states: as for `Model.begin`, theirs alone.
    """

    samples: Sequence[int]
    timesteps: int
    chunks: Iterable[Chunk]
    states: State | None


def check_lengths(lengths: object, batch: int, timesteps: int) -> tuple[int, ...]:
    """Return the length of each sequence of a batch.

    Raises:
        ArgumentError: there are more or fewer than samples, or one is no whole number from 1 to the timesteps.
    """
    try:
        found = np.asarray(lengths)
    except (TypeError, ValueError):
        found = np.array(None)
    if found.dtype.kind not in "iu" or found.shape != (batch,):
        raise ArgumentError(
            f"lengths is {shorten(repr(lengths))}, expected {plural(batch, 'whole number')}, one for each sample"
        )
    wrong = found[(found < 1) | (found > timesteps)]
    if wrong.size:
        raise ArgumentError(f"a length is {wrong[0]}, expected 1 to {timesteps:,}, the timesteps of the input")
    return tuple(found.tolist())


def read_lengths(path: str) -> tuple[int, ...]:
    """Return the numbers in a text file, which stand apart by commas, spaces or the ends of lines.

    Raises:
        RnncliError: it cannot be read, or holds something else.
    """
    with opened(path) as file:
        content = read_once(file, _MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise RnncliError(f"it has more than {_MOST_BYTES:,} bytes, expected the lengths of sequences")
        if not content.strip():
            raise RnncliError("it is empty, and it should hold the lengths of sequences")
        words = re.split(r"[\s,;]+", content.decode("utf-8", "replace").strip())
        try:
            return tuple(parse_size(word, MAX_SIZE) for word in words)
        except ValueError as fault:
            raise RnncliError(f"{fault}, and it should hold the lengths of sequences") from None


def run_together(network: Network) -> bool:
    """Whether sequences of several lengths run together: no window reaches behind their ends."""
    for layer in network.body:
        if layer.window is not None and (layer.window.looks_ahead or layer.window.goes_by_length):
            return False
        if layer.returns == "vector":
            break
    return True


def groups(
    network: Network, x: Array, lengths: Sequence[int], states: State, chunks_of: Callable[[Array], Iterator[Chunk]]
) -> Iterator[Group]:
    """Yield the sequences that run together: all, or those of each length, the shortest first.

    Args:
        network: what reads them.
        x: the input, (batch, timesteps[, features]).
        lengths: the length of each sequence.
        states: where recurrent layers find their first states, for the whole batch, and leave their last: what they
            have left in the states that were yielded is put there when the next are asked for.
        chunks_of: cuts sequences of one length into chunks.
    """
    each = np.array(lengths)
    longest_first = np.argsort(-each, kind="stable")
    ends = np.flatnonzero(np.diff(each[longest_first])) + 1
    for samples in [longest_first] if run_together(network) else np.split(longest_first, ends)[::-1]:
        own, longest = {key: array[samples] for key, array in states.items()}, int(each[samples[0]])
        yield Group(samples.tolist(), longest, _narrowing(x[samples, :longest], each[samples], chunks_of), own)
        for key, array in own.items():
            if key not in states:
                states[key] = np.zeros((len(each), array.shape[1]), array.dtype)
            states[key][samples] = array


def _narrowing(x: Array, lengths: Array, chunks_of: Callable[[Array], Iterator[Chunk]]) -> Iterator[Chunk]:
    """Yield sequences in chunks, each of those that have not ended; their lengths are in order, the longest first."""
    start = 0
    for length in np.unique(lengths):
        yield from chunks_of(x[lengths >= length, start:length])
        start = length
