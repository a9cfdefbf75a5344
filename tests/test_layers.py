"""`rnncli layers`: everything that a spec may hold is on its one screen, and it is true."""

from __future__ import annotations

import re
from collections.abc import Callable

import kinds
import pytest
from conftest import Result

from rnncli import Network
from rnncli.layers import KINDS, LAYERS
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice, Flag


@pytest.fixture
def shown(rnncli: Callable[..., Result]) -> str:
    result = rnncli("layers")
    assert (result.status, result.stderr) == (0, "")
    return result.stdout


def test_the_screen_reads_as_it_was_reviewed(shown: str, screen: Callable[[str, str], None]) -> None:
    screen("layers", shown)


def test_it_fits_a_screen_of_80_by_30(shown: str) -> None:
    lines = shown.splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 80


def test_it_names_every_kind_under_all_its_names(shown: str) -> None:
    for name in KINDS:
        assert re.search(rf"\b{name}\b", shown), name


def test_it_names_every_option_and_every_activation(shown: str) -> None:
    for layer in LAYERS:
        for option in layer.options:
            assert re.search(rf"\b{option.word if isinstance(option, Flag) else option.key}\b", shown), option
    assert set(kinds.activations.ACTIVATIONS) == set(ACTIVATIONS)
    for activation in ACTIVATIONS:
        assert re.search(rf"\b{activation}\b", shown), activation


def test_its_example_is_a_network(shown: str) -> None:
    assert Network.parse(shown.splitlines()[1].strip())


def _forms(shown: str) -> list[str]:
    """The first word of the lines that say how something is spelt."""
    return re.findall(r"^  (\S+) +\S", shown, re.MULTILINE)


def test_each_form_of_a_layer_works_with_numbers_for_its_letters(shown: str) -> None:
    numbers = {"V": "10", "D": "4", "T": "5", "F": "8", "U": "3", "P": "0.5"}
    of_kind = {form.partition(":")[0]: form for form in _forms(shown)}
    for kind in kinds.KINDS.values():
        form = of_kind[kind.names[0]]
        for text in (re.sub(r"\[.*?\]", "", form), re.sub(r"[\[\]]", "", form)):
            name, _, size = text.partition(":")
            for word in size.split("|"):
                field = "".join(numbers.get(c, c) for c in word)
                spec = kinds.BELOW[kind.layer.reads] + f"{name}:{field}".rstrip(":")
                assert type(Network.parse(spec).layers[-1]) is kind.layer


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_a_layer_says_what_it_needs_and_is(layer: type) -> None:
    assert layer.means
    assert layer.__doc__
    assert "  " not in layer.sizes.form
    assert bool(layer.sizes.form) == layer.sizes.required


def test_no_two_fields_of_a_layer_are_spelt_alike() -> None:
    for layer in LAYERS:
        words: list[str] = []
        for option in layer.options:
            match option:
                case Flag(word=word):
                    words.append(word)
                case Choice():
                    words += [option.key, *(option.values if option.name_alone else ())]
        assert len(words) == len(set(words)), layer.kind
