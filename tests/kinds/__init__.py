"""What the tests know of each kind of layer: one file a kind, gathered here by the layer's class.

`kinds.base` says what a kind's file provides. `test_kinds.py` names what is missing for a kind that rnncli declares.
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
"""Every kind that has a file here, which says what its `layer` is."""

HEADS: tuple[Head, ...] = tuple(kind for kind in KINDS.values() if isinstance(kind, Head))
"""Those that take the input of a network."""

BODY: tuple[Kind, ...] = tuple(kind for kind in KINDS.values() if not isinstance(kind, Head))
"""Those that read what another layer returns."""

BELOW = {"input": "", "sequence": "input:3,", "either": "input:3,", "vector": "input:3,rnn:2,"}
"""What a layer can stand on in a spec, by what it reads."""


def below(layer: type[Layer]) -> str:
    """Return what a layer of a kind can stand on in a spec, with a comma behind it."""
    return "input:4x3," if layer.needs_length else BELOW[layer.reads]


def small_network(kind: Kind) -> str:
    """Return a spec that is small enough to run and ends in a layer of a kind."""
    return below(kind.layer) + kind.small


def timesteps(spec: str, number: int) -> tuple[str, ...]:
    """Return the option that gives a network so many timesteps; nothing where its input fixes them."""
    return () if Network.parse(spec).head.fixed_timesteps else ("--timesteps", str(number))


def written_with(kind: Kind, size: Callable[[str, int], str], field: str = "") -> str:
    """Return the small network of a kind with other texts for its whole numbers, and a field behind them.

    Args:
        kind: the kind.
        size: returns what to write for an argument and its number.
        field: the field, with its colon; or nothing.
    """
    before = below(kind.layer)
    layer = Network.parse(before + kind.small).layers[-1 if before else 0]
    sizes = "x".join(size(name, number) for name in kind.numbers if (number := getattr(layer, name)) is not None)
    return f"{before}{kind.names[0]}:{sizes}{field}" if sizes else f"{before}{kind.small}{field}"


def kind_of(layer: Layer) -> Kind:
    """Return what the tests know of a layer's kind."""
    return KINDS[type(layer)]
