"""What a layer adds to the totals of a network, for all of its sizes at once.

A `Form` holds a layer's counts as polynomials in its sizes: `lstm:x` that reads y features has 4·x² + 4·xy + 4·x
parameters. There is no formula here: the declared weights are asked once, with a
`Quadratic` for the number, and then every number is one evaluation away.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.layers import KINDS, Head, Layer
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Framework
from rnncli.quantities import MAX_SIZE
from rnncli.search.quadratic import Quadratic, X, Y

HEAD, VECTOR, SEQUENCE = 0, 2, 3
"""What a layer reads, by the rank of its shape: nothing yet, (batch, features), (batch, timesteps, features)."""

_SIZED = re.compile(r"([A-Za-z_]+):([0-9]{1,10})(?:x([0-9]{1,10}))?((?::.*)?)", re.DOTALL)
"""A layer whose size stands where most people write it: the kind, its numbers, all other fields."""

_CACHED = 2**14

RepeatedLayer = tuple[Layer, int]
"""A layer, and how often it is repeated."""


class Form(NamedTuple):
    """What layers add, as polynomials.

    At the head of a network x and y are the numbers of the first layer; elsewhere x is the number of the layer, and y
    how many features it reads.

    Attributes:
        returns: the rank of what the last layer returns.
        features: how many features it returns.
        timesteps: how many timesteps an input fixes, if one does.
        steps: how many timesteps the sequence has that they return, where a layer among them makes it of a vector.
        layers: how many layers there are, the input included.
        params: the number of parameters.
        macs_per_step: multiply-adds for one vector that each of them reads.
        sequence_macs: those among them for each timestep of the sequence that the first reads.
        fixed_macs: multiply-adds for a whole sample that do not depend on the length of that sequence.
        reads_time: whether a layer reads that sequence.
    """

    returns: int
    features: Quadratic
    timesteps: Quadratic | None
    steps: Quadratic | None
    layers: int
    params: Quadratic
    macs_per_step: Quadratic
    sequence_macs: Quadratic
    fixed_macs: Quadratic
    reads_time: bool


SizedForm = tuple[Form | None, int, int]
"""A form, None if the layers are no part of a network there, and its x and y."""


class Reader:
    """Reads the text of a layer, with the layers that stand behind it; what it has read last, it remembers.

    Attributes:
        read: for each rank of what the layer reads, the function from its text to its reading.
    """

    def __init__(self, tail: str, framework: Framework) -> None:
        self.framework = framework
        self.tail: Sequence[RepeatedLayer] | None = _rows(tail[1:]) if tail else ()
        self.read: dict[int, Callable[[str], SizedForm]] = {
            rank: lru_cache(_CACHED)(partial(self._read, rank)) for rank in (HEAD, VECTOR, SEQUENCE)
        }
        self._sized = lru_cache(_CACHED)(self._read_sized)

    def _read(self, rank: int, text: str) -> SizedForm:
        written = _SIZED.fullmatch(text)
        # Elsewhere than at the head, y is the number of features that it reads.
        if written is not None and (written[3] is None or rank == HEAD):
            kind, first, second, fields = written.groups()
            cls = KINDS.get(kind.lower())
            x, y = int(first), int(second or 1)
            if cls and isinstance(cls.sizes, Numbers) and 1 <= x <= MAX_SIZE and 1 <= y <= MAX_SIZE:
                return self._sized(rank, kind, 1 if second is None else 2, fields), x, y
        return self._form(rank, _rows(text)), 0, 0

    def _read_sized(self, rank: int, kind: str, numbers: int, fields: str) -> Form | None:
        """Return the form of a layer whose numbers are x, or x and y."""
        rows = _rows(f"{kind}:{'x'.join('1' * numbers)}{fields}")
        if rows is None:
            return None
        ((layer, times),) = rows
        assert isinstance(layer.sizes, Numbers)
        unknown: dict[str, Any] = dict(zip(layer.sizes.attributes[-numbers:], (X, Y), strict=False))
        return self._form(rank, [(replace(layer, **unknown), times)])

    def _form(self, rank: int, rows: Sequence[RepeatedLayer] | None) -> Form | None:
        if rows is None or self.tail is None:
            return None
        return _form([*rows, *self.tail], rank, self.framework)


def _form(rows: Sequence[RepeatedLayer], rank: int, framework: Framework) -> Form | None:
    """Return what layers add, or None where they break a rule of networks; the rules are those of `Network`."""
    shape: tuple[Any, ...] = (*[None] * (rank - 1), Y)
    timesteps: Any = None
    params: Any = 0
    macs_per_step: Any = 0
    sequence_macs: Any = 0
    fixed_macs: Any = 0
    reads_time = False
    for index, (layer, times) in enumerate(rows):
        leads = rank == HEAD and index == 0
        if isinstance(layer, Head) != leads or (leads and times > 1):
            return None
        if layer.conflict("keras") or layer.conflict(framework):
            return None
        if isinstance(layer, Head):
            timesteps = layer.fixed_timesteps
            shape = (None, None, *layer.input_shape()[2:])
            if not layer.shown:
                continue
        left = times
        while left:
            in_time = leads or len(shape) == SEQUENCE
            if layer.reads == ("vector" if in_time else "sequence"):
                return None
            returns = layer.output_shape(shape)
            # A copy that returns what it reads costs what all copies behind it cost.
            copies = left if returns == shape else 1
            weights = layer.weights(shape, framework)
            params += copies * sum(weight.params for weight in weights)
            macs = copies * sum(weight.params for weight in weights if weight.multiplies)
            macs_per_step += macs
            if not in_time:
                fixed_macs += macs
            elif shape[1] is None:
                sequence_macs += macs
                reads_time = True
            else:
                fixed_macs += shape[1] * macs
            shape = returns
            left -= copies
    made = shape[1] if len(shape) == SEQUENCE else None
    return Form(
        returns=len(shape),
        features=Quadratic.of(shape[-1]),
        timesteps=None if timesteps is None else Quadratic.of(timesteps),
        steps=None if made is None else Quadratic.of(made),
        layers=sum(times for _, times in rows),
        params=Quadratic.of(params),
        macs_per_step=Quadratic.of(macs_per_step),
        sequence_macs=Quadratic.of(sequence_macs),
        fixed_macs=Quadratic.of(fixed_macs),
        reads_time=reads_time,
    )


def _rows(text: str) -> list[RepeatedLayer] | None:
    """Return the layers that a text names, or None if it breaks a rule of the language."""
    try:
        layers, (_, tokens, owners) = spec.parse(text)
    except SpecError:
        return None
    firsts = [bisect_left(owners, token) for token in range(len(tokens))]
    return [(layers[first], end - first) for first, end in pairwise([*firsts, len(owners)])]
