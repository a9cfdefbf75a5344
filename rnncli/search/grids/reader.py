"""Turns the texts of layers into forms, and remembers them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.layers import KINDS
from rnncli.layers.size_forms import Numbers
from rnncli.layers.weights import Framework
from rnncli.quantities import MAX_SIZE
from rnncli.search.grids.forms import HEAD, NO_NETWORK, Form, RepeatedLayer, form_of
from rnncli.search.grids.quadratic import X, Y

_SIZED = re.compile(r"([A-Za-z_]+):([0-9]{1,10})(?:x([0-9]{1,10}))?((?::[^,]*)?)", re.DOTALL)
"""A layer with its size right after its kind: the kind, the one or two numbers, all other fields."""

_CACHED = 2**14
"""How many texts of layers are remembered."""

SizedForm = tuple[Form, int, int]
"""A form, with the x and y to evaluate it at; x is 0 where the form does not depend on it."""


class Reader:
    """Turns the text of a layer, and the layers that always follow it, into a form. It remembers the latest texts.

    Args:
        tail: the text of the layers that follow, with a comma before each.
        framework: whose weights to count.
    """

    def __init__(self, tail: str, framework: Framework) -> None:
        self._framework = framework
        self._tail: Sequence[RepeatedLayer] | None = _layers_of(tail[1:]) if tail else ()
        self.read = lru_cache(_CACHED)(self._read)
        self._sized = lru_cache(_CACHED)(self._read_sized)
        self._same = lru_cache(_CACHED)(_itself)
        """Returns a form once more for one that is equal, so that equal forms are told by their identity."""

    def _read(self, rank: int, text: str) -> SizedForm:
        """Return the form of a layer that reads what has a rank."""
        written = _SIZED.fullmatch(text)
        # A second number can only be y at the head; elsewhere y is how many features the layer reads.
        if written is not None and (written[3] is None or rank == HEAD):
            kind, first, second, fields = written.groups()
            cls = KINDS.get(kind.lower())
            x, y = int(first), int(second or 1)
            if cls and isinstance(cls.sizes, Numbers) and 1 <= x <= MAX_SIZE and 1 <= y <= MAX_SIZE:
                return self._sized(rank, kind, 1 if second is None else 2, fields), x, y
        return self._form(rank, _layers_of(text)), 0, 0

    def _read_sized(self, rank: int, kind: str, numbers: int, fields: str) -> Form:
        """Return the form of a layer whose numbers are x, or x and y."""
        layers = _layers_of(f"{kind}:{'x'.join('1' * numbers)}{fields}")
        if layers is None:
            return NO_NETWORK
        ((layer, times),) = layers
        assert isinstance(layer.sizes, Numbers)
        unknown: dict[str, Any] = dict(zip(layer.sizes.attributes[-numbers:], (X, Y), strict=False))
        return self._form(rank, [(replace(layer, **unknown), times)])

    def _form(self, rank: int, layers: Sequence[RepeatedLayer] | None) -> Form:
        if layers is None or self._tail is None:
            return NO_NETWORK
        return self._same(form_of([*layers, *self._tail], rank, self._framework))


def _itself(form: Form) -> Form:
    return form


def _layers_of(text: str) -> list[RepeatedLayer] | None:
    """Return the layers of a text, or None if it is not a spec."""
    try:
        layers, (_, tokens, owners) = spec.parse(text)
    except SpecError:
        return None
    firsts = [bisect_left(owners, token) for token in range(len(tokens))]
    return [(layers[first], end - first) for first, end in pairwise([*firsts, len(owners)])]
