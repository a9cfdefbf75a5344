"""A layer's counts as polynomials in its sizes.

The `Form` of `lstm:x` that reads y features has 4·x² + 4·xy + 4·x parameters. No formula is written here: the layer is
built with a `Quadratic` for its size, and the sizes of the weights that it declares are the polynomials. So a layer is
built once, and then each number costs one evaluation.
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
from rnncli.layers.size_forms import Numbers
from rnncli.layers.weights import Framework
from rnncli.quantities import MAX_SIZE, features_of
from rnncli.search.quadratic import Quadratic, X, Y

HEAD, VECTOR, SEQUENCE = 0, 2, 3
"""What a layer reads, as the rank of its shape: nothing yet, (batch, features), (batch, timesteps, features)."""

_SIZED = re.compile(r"([A-Za-z_]+):([0-9]{1,10})(?:x([0-9]{1,10}))?((?::.*)?)", re.DOTALL)
"""A layer with its size right after its kind: the kind, the one or two numbers, all other fields."""

_CACHED = 2**14
"""How many texts of layers are remembered."""

RepeatedLayer = tuple[Layer, int]
"""A layer, and how many times it stands there."""


class Form(NamedTuple):
    """What some layers add to the totals of a network, as polynomials in x and y.

    At the head of a network, x and y are the numbers of the first layer. Elsewhere x is the number of the first layer
    here, and y is how many features it reads.

    Attributes:
        returns: the rank of what the last layer returns.
        features: how many features it returns.
        timesteps: how many timesteps the input has, if the first layer says so.
        steps: how many timesteps the returned sequence has, if one of the layers made it of a vector.
        layers: how many layers there are, the input included.
        params: the number of parameters.
        macs_per_step: multiply-adds for one vector that each of them reads.
        sequence_macs: multiply-adds for each timestep of the sequence that the first layer reads.
        fixed_macs: multiply-adds for a whole sample, whatever the length of that sequence.
        reads_time: whether one of the layers reads that sequence.
        sequence_outputs: numbers that the layers return for each timestep of that sequence.
        fixed_outputs: numbers that they return for a whole sample, whatever the length of that sequence.
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
    sequence_outputs: Quadratic
    fixed_outputs: Quadratic


SizedForm = tuple[Form | None, int, int]
"""A form, with the x and y to evaluate it at; None in place of the form if the layers make no network there."""


class Reader:
    """Turns the text of a layer, and the layers that always follow it, into a form. It remembers the latest texts.

    Args:
        tail: the text of the layers that follow, with a comma before each.
        framework: whose weights to count.

    Attributes:
        read: for each rank that the layer may read, a function from the layer's text to its form.
    """

    def __init__(self, tail: str, framework: Framework) -> None:
        self.framework = framework
        self.tail: Sequence[RepeatedLayer] | None = _layers_of(tail[1:]) if tail else ()
        self.read: dict[int, Callable[[str], SizedForm]] = {
            rank: lru_cache(_CACHED)(partial(self._read, rank)) for rank in (HEAD, VECTOR, SEQUENCE)
        }
        self._sized = lru_cache(_CACHED)(self._read_sized)

    def _read(self, rank: int, text: str) -> SizedForm:
        written = _SIZED.fullmatch(text)
        # A second number can only be y at the head; elsewhere y is how many features the layer reads.
        if written is not None and (written[3] is None or rank == HEAD):
            kind, first, second, fields = written.groups()
            cls = KINDS.get(kind.lower())
            x, y = int(first), int(second or 1)
            if cls and isinstance(cls.sizes, Numbers) and 1 <= x <= MAX_SIZE and 1 <= y <= MAX_SIZE:
                return self._sized(rank, kind, 1 if second is None else 2, fields), x, y
        return self._form(rank, _layers_of(text)), 0, 0

    def _read_sized(self, rank: int, kind: str, numbers: int, fields: str) -> Form | None:
        """Return the form of a layer whose numbers are x, or x and y."""
        layers = _layers_of(f"{kind}:{'x'.join('1' * numbers)}{fields}")
        if layers is None:
            return None
        ((layer, times),) = layers
        assert isinstance(layer.sizes, Numbers)
        unknown: dict[str, Any] = dict(zip(layer.sizes.attributes[-numbers:], (X, Y), strict=False))
        return self._form(rank, [(replace(layer, **unknown), times)])

    def _form(self, rank: int, layers: Sequence[RepeatedLayer] | None) -> Form | None:
        if layers is None or self.tail is None:
            return None
        return _form([*layers, *self.tail], rank, self.framework)


def _form(layers: Sequence[RepeatedLayer], rank: int, framework: Framework) -> Form | None:
    """Return the form of some layers, or None where they break a rule of `Network`."""
    shape: tuple[Any, ...] = (*[None] * (rank - 1), Y)
    timesteps: Any = None
    params: Any = 0
    macs_per_step: Any = 0
    sequence_macs: Any = 0
    fixed_macs: Any = 0
    reads_time = False
    sequence_outputs: Any = 0
    fixed_outputs: Any = 0
    for index, (layer, times) in enumerate(layers):
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
            # Copies of a layer that returns the shape it reads all cost the same.
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
            outputs = copies * features_of(returns)
            if len(returns) != SEQUENCE:
                fixed_outputs += outputs
            elif returns[1] is None:
                sequence_outputs += outputs
            else:
                fixed_outputs += returns[1] * outputs
            shape = returns
            left -= copies
    made = shape[1] if len(shape) == SEQUENCE else None
    return Form(
        returns=len(shape),
        features=Quadratic.of(shape[-1]),
        timesteps=None if timesteps is None else Quadratic.of(timesteps),
        steps=None if made is None else Quadratic.of(made),
        layers=sum(times for _, times in layers),
        params=Quadratic.of(params),
        macs_per_step=Quadratic.of(macs_per_step),
        sequence_macs=Quadratic.of(sequence_macs),
        fixed_macs=Quadratic.of(fixed_macs),
        reads_time=reads_time,
        sequence_outputs=Quadratic.of(sequence_outputs),
        fixed_outputs=Quadratic.of(fixed_outputs),
    )


def _layers_of(text: str) -> list[RepeatedLayer] | None:
    """Return the layers of a text, or None if it is not a spec."""
    try:
        layers, (_, tokens, owners) = spec.parse(text)
    except SpecError:
        return None
    firsts = [bisect_left(owners, token) for token in range(len(tokens))]
    return [(layers[first], end - first) for first, end in pairwise([*firsts, len(owners)])]
