"""The tests' description of each kind of layer: one file per kind, collected here by layer class.

`kinds.base` defines what such a file provides. `test_kinds.py` lists anything missing for a kind that rnncli declares.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from kinds.base import Head, Kind
from rnncli import Network
from rnncli.layers import Layer

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
_CLASSES = [each for module in _MODULES for each in vars(module).values() if "layer" in getattr(each, "__dict__", ())]

KINDS: dict[type[Layer], Kind] = {each.layer: each() for each in _CLASSES}
"""The description of every kind that has a file here, by its `layer`."""

HEADS: tuple[Head, ...] = tuple(kind for kind in KINDS.values() if isinstance(kind, Head))
"""The kinds that take the network's input."""

BODY: tuple[Kind, ...] = tuple(kind for kind in KINDS.values() if not isinstance(kind, Head))
"""The kinds that read another layer's output."""

BELOW = {"input": "", "sequence": "input:3,", "either": "input:3,", "vector": "input:3,rnn:2,"}
"""The preceding layers in a spec, by the input that a layer needs."""


def below(layer: type[Layer]) -> str:
    """Return layers that a kind can follow in a spec, with a trailing comma."""
    return "input:4x3," if layer.needs_length else BELOW[layer.reads]


def small_network(kind: Kind) -> str:
    """Return a spec that is small enough to run and ends in a layer of the kind."""
    return below(kind.layer) + kind.small


def timesteps(spec: str, number: int) -> tuple[str, ...]:
    """Return the option that sets a network's timesteps, or nothing if its input fixes them."""
    return () if Network.parse(spec).head.fixed_timesteps else ("--timesteps", str(number))


def written_with(kind: Kind, size: Callable[[str, int], str], field: str = "") -> str:
    """Return the kind's small network with its whole numbers rewritten and a field appended.

    Args:
        kind: the kind.
        size: returns the text for an argument and its number.
        field: the field, with its colon; or an empty text.
    """
    before = below(kind.layer)
    layer = Network.parse(before + kind.small).layers[-1 if before else 0]
    sizes = "x".join(size(name, number) for name in kind.numbers if (number := getattr(layer, name)) is not None)
    return f"{before}{kind.names[0]}:{sizes}{field}" if sizes else f"{before}{kind.small}{field}"


def kind_of(layer: Layer) -> Kind:
    """Return the description of a layer's kind."""
    return KINDS[type(layer)]
