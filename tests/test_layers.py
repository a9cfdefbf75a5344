"""`rnncli layers`: everything that a spec may hold is on its one screen, and it is true."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import Result

from rnncli import Network
from rnncli.layers import KINDS, LAYERS, Embedding, Input
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice, Flag


@pytest.fixture
def shown(rnncli: Callable[..., Result]) -> str:
    result = rnncli("layers")
    assert (result.status, result.stderr) == (0, "")
    return result.stdout


def test_the_screen_reads_as_it_was_reviewed(shown: str, screen: Callable[[str, str], None]) -> None:
    screen("layers", shown)


def test_it_fits_a_terminal_of_80_by_24(shown: str) -> None:
    lines = shown.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_it_names_every_kind_under_all_its_names(shown: str) -> None:
    for name in KINDS:
        assert re.search(rf"\b{name}\b", shown), name


def test_it_names_every_option_and_every_activation(shown: str) -> None:
    for layer in LAYERS:
        for option in layer.options:
            assert re.search(rf"\b{option.word if isinstance(option, Flag) else option.key}\b", shown), option
    for activation in ACTIVATIONS:
        assert re.search(rf"\b{activation}\b", shown), activation


def test_the_activations_are_those_of_the_language() -> None:
    assert set(ACTIVATIONS) == {
        "linear",
        "relu",
        "tanh",
        "sigmoid",
        "hard_sigmoid",
        "softsign",
        "softplus",
        "elu",
        "selu",
        "gelu",
        "silu",
        "softmax",
    }


def test_its_example_is_a_network(shown: str) -> None:
    assert Network.parse(shown.splitlines()[1].strip())


def _forms(shown: str) -> list[str]:
    """The first word of the lines that say how something is spelt."""
    return re.findall(r"^  (\S+) +\S", shown, re.MULTILINE)


def test_each_form_of_a_layer_works_with_numbers_for_its_letters(shown: str) -> None:
    numbers = {"V": "10", "D": "4", "T": "5", "F": "8", "U": "3", "P": "0.5"}
    forms = [form for form in _forms(shown) if ":" in form]
    assert [form.partition(":")[0] for form in forms] == ["input", "embed", "rnn", "lstm", "gru", "dense", "dropout"]
    for form in forms:
        for text in (re.sub(r"\[.*?\]", "", form), re.sub(r"[\[\]]", "", form)):
            spec = "".join(numbers.get(c, c) for c in text)
            assert Network.parse(spec if spec.startswith(("input", "embed")) else f"input:8,{spec}")


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_every_value_of_every_option_can_be_typed_and_is_typed_back(layer: type) -> None:
    size = layer.sizes.example
    head = "" if issubclass(layer, Input | Embedding) else "input:8,"
    for option in layer.options:
        words = [option.word] if isinstance(option, Flag) else [f"{option.key}={value}" for value in option.values]
        for word in words:
            network = Network.parse(f"{head}{layer.kind}:{size}:{word}")
            value = getattr(network.layers[-1], option.attribute)
            assert value == (option.value if isinstance(option, Flag) else option.values[word.partition("=")[2]])
            assert Network.parse(str(network)) == network


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
