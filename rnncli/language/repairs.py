"""Repairs of specs: tokens rewritten so that layers fit one another, and repairs that are mended themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.language.source import MAX_BYTES, Source, without_spaces
from rnncli.layers import Layer

_MOST_REPAIRS = 50
"""How many faults of one spec are mended in turn before giving up on a repair."""

_MOST_READ = 2 * MAX_BYTES
"""How many characters are read in all for that, so that a long spec is answered at once."""


def mended(error: SpecError, check: Callable[[str], None], example: str = spec.EXAMPLE) -> SpecError:
    """Return an error with a repair that works: what is still wrong with its repair is mended, too.

    Args:
        error: the error; it stays as it is.
        check: raises a SpecError for a text that does not work, with a repair of its own.
        example: the repair where mending leads nowhere.
    """
    candidate = error.repair
    characters = 0
    for _ in range(_MOST_REPAIRS):
        characters += len(candidate or "")
        if not candidate or characters > _MOST_READ:
            break
        try:
            check(candidate)
        except SpecError as next_error:
            candidate = None if next_error.repair == candidate else next_error.repair
        else:
            return error.repaired(without_spaces(candidate), error.lead)
    return error.repaired(example, "for example")


def returning_sequences(layers: Sequence[Layer], source: Source, cause: int) -> dict[int, str]:
    """Return the tokens to rewrite so that every layer returns its sequence up to the last that reads one.

    Only the layers up to the next `repeat` count: behind it, another sequence begins.

    Args:
        layers: the layers.
        source: where they stand.
        cause: the layer that returns a vector too early.
    """
    end = next((i for i in range(cause, len(layers)) if layers[i].reads == "vector"), len(layers))
    last = max(i for i in range(cause, end) if layers[i].reads == "sequence")
    repairs = {}
    for index in range(cause, last + 1):
        layer = layers[index]
        sequence = layer.returning("sequence")
        if layer.returns != "vector" or sequence is None:
            continue
        token = source.owners[index]
        copies = source.copies(token)
        if token != source.owners[last]:
            repairs[token] = spec.repeated(sequence, copies)
        elif copies > 1:
            repairs[token] = f"{spec.repeated(sequence, copies - 1)},{layer.spec()}"
    return repairs


def returning_last(layers: Sequence[Layer], source: Source, cause: int) -> dict[int, str]:
    """Return the token to rewrite so that a layer returns its last output alone."""
    layer = layers[cause]
    vector = layer.returning("vector")
    assert vector is not None
    token = source.owners[cause]
    copies = source.copies(token)
    return {token: vector.spec() if copies == 1 else f"{spec.repeated(layer, copies - 1)},{vector.spec()}"}
