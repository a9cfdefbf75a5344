"""No kind of layer, activation or other entry can be added incompletely: the missing parts are named here."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import NamedTuple

import kinds
import numpy as np
import pytest
import reference
from conftest import Walk
from drawing import long_enough
from golden.data import read_networks, read_values
from golden.generate import RandomDice, small_size
from hypothesis import assume, given
from hypothesis import strategies as st
from kinds.activations import ACTIVATIONS
from kinds.base import Head, Kind
from strategies import layers_of, small_sizes
from tables import all_needs, of_kind, of_weights

import rnncli.layers
from rnncli import Network, SpecError
from rnncli.engine.model import Model
from rnncli.language.rules import least_steps
from rnncli.layers import Layer
from rnncli.layers.weights import FRAMEWORKS

REQUIRED = ("names", "small", "keras_name", "torch_name", "golden_networks", "golden_values")
REQUIRED_IF_SHOWN = ("torch_module", "onnx_names", "textbook")
REQUIRED_OF_A_HEAD = ("keras_input", "torch_input", "random_input")


class Golden(NamedTuple):
    """A layer in a golden file, its input, and whether that has a mask."""

    layer: Layer
    reads: tuple[int | None, ...]
    masked: bool


def missing_of(layer: type[Layer]) -> Iterator[str]:
    """The missing parts of a kind that rnncli declares."""
    yield from (str(need) for need in of_kind(layer) if need.is_missing)
    if layer not in kinds.KINDS:
        yield "no file in tests/kinds"
        return
    kind = kinds.KINDS[layer]
    shown = getattr(layer, "shown", True)
    file = f"tests/kinds/{Path(inspect.getfile(type(kind))).name}"
    required = REQUIRED + (REQUIRED_IF_SHOWN if shown else ()) + (REQUIRED_OF_A_HEAD if layer.reads == "input" else ())
    base = Head if layer.reads == "input" else Kind
    undefined = [name for name in required if getattr(type(kind), name, None) is getattr(base, name, None)]
    yield from (f"{file} does not say its {name}" for name in undefined)
    if undefined:
        return
    yield from missing_words(layer, kind, file)
    small = Network.parse(kinds.small_network(kind))
    if shown and not all(small.layers[-1].equations(framework) for framework in FRAMEWORKS):
        yield "its declaration has no equations"
    yield from (str(need) for need in of_weights(layer) if need.is_missing)
    yield from missing_golden(layer, kind)


def missing_words(layer: type[Layer], kind: Kind, file: str) -> Iterator[str]:
    """The differences between a kind's declaration and its file."""
    for name in (layer.kind, *layer.aliases):
        if name not in kind.names:
            yield f"{file} does not know the name {name}"
    for name, ours, theirs in (("Keras", layer.keras, kind.keras_name), ("PyTorch", layer.torch, kind.torch_name)):
        if ours != theirs:
            yield f"its declaration calls {name}'s class {ours}, {file} {theirs}"
    known = {*kind.draw_sizes(RandomDice(Random(0), small_size)), *kind.options}
    for argument in fields(layer):
        if argument.name not in known:
            yield f"{file} does not know the argument {argument.name}"
    for option in layer.options:
        if option.attribute not in kind.options:
            continue
        by_hand = kind.options[option.attribute]
        for way, value in {**option.fields(), **option.short_fields()}.items():
            if way not in by_hand.ways.get(value, ()):
                yield f"{file} does not know that {way} sets {option.attribute} to {value}"
        if by_hand.default != layer.default(option.attribute):
            yield f"its declaration says that {option.attribute} is {layer.default(option.attribute)} by default"
    size = kind.small.removeprefix(kind.names[0])
    for name in kind.names:
        if not isinstance(read_back(layer, name + size), layer):
            yield f"{file} calls it {name}, which no spec may"
    for argument, option in kind.options.items():
        for value, ways in option.ways.items():
            for way in ways:
                needs = "" if argument == "pool_size" else kind.needs
                if getattr(read_back(layer, f"{kind.small}{needs}:{way}"), argument, None) != value:
                    yield f"{file} sets {argument} to {value} by {way}, which no spec does"


def read_back(layer: type[Layer], spec: str) -> Layer | None:
    """The layer that a spec describes, or None if it is invalid."""
    try:
        return Network.parse(kinds.below(layer) + spec).layers[-1]
    except SpecError:
        return None


def missing_golden(layer: type[Layer], kind: Kind) -> Iterator[str]:
    """The parts of a kind that the golden files lack."""
    for what, specs in (("networks", kind.golden_networks()), ("values", kind.golden_values())):
        if not {*specs} <= golden_specs(what):
            yield f"new golden {what}, which `make golden` has not made yet"
            return
        layers = golden(what)[layer]
        if not layers:
            yield f"no golden {what}"
        for name, option in kind.options.items():
            had = {getattr(each.layer, name) for each in layers}
            wanted = option.ways if what == "networks" or option.in_keras else (option.default,)
            yield from (f"no golden {what} with {name}={value}" for value in wanted if value not in had)
    if layer.reads == "sequence":
        for masked, how in ((True, "with a mask"), (False, "without a mask")):
            if masked not in {each.masked for each in layers}:
                yield f"no golden values {how}"


@cache
def golden_specs(what: str) -> frozenset[str]:
    """The specs in a golden file."""
    return frozenset(
        [each["spec"] for each in read_networks()] if what == "networks" else [each.spec for each in read_values()]
    )


@cache
def golden(what: str) -> dict[type[Layer], list[Golden]]:
    """The layers in a golden file, by class."""
    found: dict[type[Layer], list[Golden]] = defaultdict(list)
    for spec in golden_specs(what):
        try:
            network = Network.parse(spec)
        except SpecError:  # `missing_words` reports invalid words
            continue
        for layer, (reads, _) in zip(network.body, network.shapes(), strict=True):
            found[type(layer)].append(Golden(layer, reads, network.head.mask_zero))
        if not network.head.shown:
            found[type(network.head)].append(Golden(network.head, (), network.head.mask_zero))
    return found


def missing() -> list[str]:
    """All missing parts, without duplicates."""
    lines = dict.fromkeys(str(need) for need in all_needs() if need.is_missing)
    of_kinds = [(layer.__name__, line) for layer in rnncli.layers.LAYERS for line in missing_of(layer)]
    return [*lines, *(f"{name}: {line}" for name, line in of_kinds if line not in lines)]


def test_nothing_is_missing_for_any_kind_or_in_any_table() -> None:
    if lines := missing():
        pytest.fail("\n".join(lines), pytrace=False)


def test_the_golden_values_cover_a_cell_with_all_its_settings_combined(at: Walk) -> None:
    directions = (False, True, "concat", "sum", "mul", "ave")
    for cell in [layer for layer in rnncli.layers.LAYERS if layer.states]:
        with at(cell.__name__):
            covered = golden("values")[cell]
            names = [name for name in ("activation", "recurrent_activation") if name in kinds.KINDS[cell].options]
            settings = {tuple(getattr(each.layer, name) for name in names) for each in covered}
            assert settings >= set(product(ACTIVATIONS, repeat=len(names)))
            settings = {
                (each.layer.merge or each.layer.reverses, each.layer.returns, each.layer.use_bias, each.masked)
                for each in covered
            }
            assert settings == set(product(directions, ("sequence", "vector"), (False, True), (False, True)))


# The descriptions are used.


@pytest.mark.parametrize("kind", list(kinds.KINDS.values()), ids=lambda kind: kind.names[0])
@given(data=st.data())
def test_the_engine_computes_each_kinds_textbook_formula(kind: Kind, data: st.DataObject) -> None:
    heads = kinds.HEADS if kind not in kinds.HEADS else [kind]
    head = data.draw(layers_of(heads, small_sizes))
    body = [] if kind in kinds.HEADS else [data.draw(layers_of([kind], small_sizes))]
    below = Network.parse(kinds.below(kind.layer).rstrip(",") or kind.small).layers[1:]
    head, *body = long_enough((head, *body))
    needed = least_steps([*below, *body])
    assume((head.fixed_timesteps or needed) >= needed)
    network, timesteps = Network((head, *below, *body)), data.draw(st.integers(needed, needed + 3))
    x = kinds.kind_of(head).random_input(head, np.random.default_rng(0), 3, timesteps)
    weights = reference.random_weights(network, data.draw(st.integers(0, 99)))
    found, expected = Model(network, dtype="float64", weights=weights)(x), reference.run(network, weights, x)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(expected).max()))
