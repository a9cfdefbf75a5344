"""The spec language: any typed text is a network or an error that can be repaired."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import Screen, Walk, examples
from hypothesis import example, given
from hypothesis import strategies as st
from kinds import KINDS
from sessions import answered
from strategies import MAX_SIZE, nearly_specs, networks, soups, typed

from rnncli import Network, SpecError
from rnncli.language.spec import EXAMPLE
from rnncli.layers import LAYERS, Dropout, Head, Input, Layer
from rnncli.layers.options import Choice, Option


def fault(text: str) -> SpecError | None:
    """The fault in a text; None if it is a network."""
    try:
        Network.parse(text)
    except SpecError as error:
        return error
    return None


@given(networks())
def test_a_canonical_spec_parses_back_to_an_equal_network_and_needs_no_quotes_in_a_shell(network: Network) -> None:
    assert Network.parse(str(network)) == network
    assert str(Network.parse(str(network))) == str(network)
    assert re.fullmatch(r"[a-z0-9:,=._-]+", str(network))


@given(st.data())
def test_all_spellings_of_a_network_are_the_same_network(data: st.DataObject) -> None:
    network = data.draw(networks())
    text = data.draw(typed(network))
    assert Network.parse(text) == network
    assert str(Network.parse(text)) == str(network)


@examples(400)
@example("input:" + "9" * 400)
@example("input:8,rnn:3\ud800")
@example("input:8,rnn:1 000")
@example("input:8,rnn:3:sq,what")
@given(nearly_specs() | soups | st.text())
def test_any_text_is_a_network_or_an_error_with_a_span_in_it_and_a_repair_that_works(text: str) -> None:
    error = fault(text)
    if error is not None:
        start, end = error.span
        assert 0 <= start <= len(text)
        assert start < end <= len(text) + 1
        Network.parse(error.repair or "")
        assert len(str(error).split("\nHelp: ")) == 2
        if error.repair == EXAMPLE and not text.startswith("embed:10000x32,rnn:32"):
            assert "example" in error.lead or error.advice == "start with"


def test_the_canonical_spec_has_short_kinds_plain_numbers_no_defaults_and_folded_repeats(screen: Screen) -> None:
    answered("canonical", lambda text: str(Network.parse(text)), screen)


def test_a_repeat_is_the_same_as_writing_the_layer_out() -> None:
    repeated = Network.parse("embed:10000x32,rnn:32:seq:x3,rnn:32")
    assert repeated == Network.parse("embed:10000x32,rnn:32:seq,rnn:32:seq,rnn:32:seq,rnn:32")
    assert len(repeated.layers) == 5


def test_sizes_are_accepted_from_1_to_the_largest_32_bit_number_only(at: Walk) -> None:
    for text, size in {"1": 1, "2147483647": MAX_SIZE, "2G": 2 * 10**9, "2_147_483_647": MAX_SIZE}.items():
        with at(text):
            assert Network.parse(f"input:{text}") == Network([Input(size)])
    for size in ["0", "-1", "2147483648", "3G", "99999999999", "1.5", "1e3", "1K", "1m", "1__0", "_1"]:
        for form in ("input:{}", "input:{}x8", "embed:{}x4", "embed:4x{}", "input:8,dense:{}"):
            with at(form.format(size)), pytest.raises(SpecError):
                Network.parse(form.format(size))


def test_a_dropout_rate_is_from_0_to_1(at: Walk) -> None:
    assert Network.parse("input:8,dropout:0,dropout:1.0").layers[1:] == (Dropout(0), Dropout(1))
    for rate in ("-0.1", "1.1", "nan", "inf", "1_0", "0x1", "50%"):
        with at(rate), pytest.raises(SpecError):
            Network.parse(f"input:8,dropout:{rate}")


def test_a_spec_may_have_64_kib_and_no_byte_more() -> None:
    full = "input:8".ljust(64 * 1024)
    assert Network.parse(full) == Network.parse("input:8")
    with pytest.raises(SpecError, match="64 KiB"):
        Network.parse(full + " ")


def test_the_64_kib_are_bytes_in_any_script() -> None:
    text = "input:8" + "é" * 40_000
    with pytest.raises(SpecError, match="80,007 bytes long; at most 64 KiB") as caught:
        Network.parse(text)
    start, end = caught.value.span
    assert start < end <= len(text)


def test_a_network_may_have_10000_layers_after_repeats_and_no_more() -> None:
    assert len(Network.parse("input:8,dense:8:x9999").layers) == 10_000
    for text in ("input:8,dense:8:x10000", "input:8,dense:8:x9999,dense:8", "input:8,dense:8:x2147483647"):
        with pytest.raises(SpecError, match="10,000") as caught:
            Network.parse(text)
        assert len(Network.parse(caught.value.repair or "").layers) == 10_000


def values_of(layer: type[Layer], option: Option) -> list[Any]:
    """The possible values of an option; merge_mode=None is not possible for a layer without merge_mode."""
    values = dict.fromkeys([layer.default(option.attribute), *option.fields().values()])
    return [value for value in values if value is not None]


def test_every_field_may_be_written_as_the_frameworks_argument(at: Walk) -> None:
    for layer in LAYERS:
        head = "" if issubclass(layer, Head) else "input:3,"
        size = f":{layer.sizes.example}" if layer.sizes.required else ""
        for option in layer.options:
            needs = "" if option.attribute == "pool_size" else KINDS[layer].needs
            names = {each: name for name, each in option.values.items()} if isinstance(option, Choice) else {}
            for value in values_of(layer, option):
                word = value if isinstance(value, bool) else names.get(value, value)
                for field in (f"{option.attribute}={word}", f"{option.attribute}={word}".upper()):
                    with at(layer.kind, field):
                        read = Network.parse(f"{head}{layer.kind}{size}{needs}:{field}").layers[-1]
                        assert getattr(read, option.attribute) == value


def test_two_unmerged_outputs_are_not_mistaken_for_one_direction(at: Walk) -> None:
    for field in ("merge_mode=None", "MERGE_MODE=none", "bi=None"):
        with at(field):
            with pytest.raises(SpecError, match=r"'[Nn]one' is not one of concat, sum, mul, ave") as caught:
                Network.parse(f"input:3,lstm:4:{field}")
            assert "returns the two outputs separately" in (caught.value.advice or "")
            assert caught.value.repair == "input:3,lstm:4:bi"


def test_arguments_of_both_frameworks_are_fields(at: Walk) -> None:
    for text, spec in {
        "input:3,lstm:4:bidirectional=None": "input:3,lstm:4",  # PyTorch's None is one direction
        "input:3,lstm:hidden_size=4:bidirectional=True": "input:3,lstm:4:bi",
        "input:3,gru:Units = 4 : Reset_After = False": "input:3,gru:4:reset=before",
        "input:3,dropout:p=0.5,rnn:4:nonlinearity=relu:bias=False": "input:3,dropout:0.5,rnn:4:nobias:relu",
    }.items():
        with at(text):
            assert str(Network.parse(text)) == spec
    with pytest.raises(SpecError, match="sets the same thing twice"):
        Network.parse("input:3,lstm:units=4:bidirectional=True:merge_mode=concat")
