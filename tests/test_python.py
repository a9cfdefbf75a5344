"""rnncli as a library: what is impossible cannot be built, and what people expect is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Walk

import rnncli
from rnncli import ArgumentError, Network, RnncliError, SpecError, compare, explain, solve, sweep
from rnncli.engine.request import ReachRequest
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, SimpleRNN
from rnncli.layers.sizes import BLANK
from rnncli.reports.reference import look_up

network = Network.parse("embed:10x4,rnn:3:seq,rnn:3")

IMPOSSIBLE: dict[str, tuple[Callable[[], Any], str, str]] = {
    # what is tried, what the error says was received, and what it says is allowed
    "a negative size": (lambda: LSTM(-3), "units is -3", "a whole number from 1 to 2,147,483,647"),
    "no size": (lambda: GRU(0), "units is 0", "a whole number from 1"),
    "a size too large": (lambda: Dense(2**31), "units is 2147483648", "2,147,483,647"),
    "a share of a unit": (lambda: LSTM(2.5), "units is 2.5", "a whole number"),
    "a size that is a text": (lambda: Embedding("10", 4), "input_dim is '10'", "a whole number"),
    "a size that is true": (lambda: SimpleRNN(True), "units is True", "a whole number"),
    "no timesteps": (lambda: Input(8, timesteps=0), "timesteps is 0", "a whole number"),
    "no features": (lambda: Input(None), "features is None", "a whole number"),
    "an activation nobody knows": (lambda: LSTM(3, activation="foo"), "activation is 'foo'", "'tanh'"),
    "gates nobody knows": (lambda: GRU(3, recurrent_activation=None), "recurrent_activation is None", "'sigmoid'"),
    "a merge mode nobody knows": (lambda: LSTM(3, merge_mode="add"), "merge_mode is 'add'", "'concat'"),
    "a flag that is a number": (lambda: LSTM(3, return_sequences=1), "return_sequences is 1", "True or False"),
    "a flag that is a text": (lambda: GRU(3, reset_after="before"), "reset_after is 'before'", "True or False"),
    "a share above one": (lambda: Dropout(1.5), "rate is 1.5", "from 0 to 1"),
    "a share that is no number": (lambda: Dropout(float("nan")), "rate is nan", "from 0 to 1"),
    "a network of no layers": (lambda: Network([Input(8), "lstm:4"]), "'lstm:4'", "Network.parse"),
    "a network with a blank": (lambda: Network([Input(8), LSTM(BLANK)]), "blank", "expected a number"),
    "a spec that is no text": (lambda: Network.parse(8), "not 8", "a text such as"),
    "a template that is no text": (lambda: solve(8, rnncli.Budget(params=99)), "not 8", "a text such as"),
    "a word that is no text": (lambda: look_up(8), "not 8", "a text such as 'lstm'"),
    "no number of seeds": (lambda: ReachRequest(seeds=None), "seeds is None", "from 1 to 1,000"),
    "a framework by another name": (lambda: network.summary(framework="pytorch"), "'pytorch'", "keras or torch"),
    "a dtype nobody counts": (lambda: network.summary(dtype="int7"), "'int7'", "float32"),
    "no samples": (lambda: network.summary(batch=0), "batch is 0", "a whole number"),
    "negative timesteps": (lambda: network.summary(timesteps=-1), "timesteps is -1", "a whole number"),
    "one network to compare": (lambda: compare(network), "two networks", "another SPEC"),
    "a comparison by another name": (
        lambda: compare(network, network, framework=("keras", "tf")),
        "'tf'",
        "keras or torch",
    ),
    "an explanation by another name": (lambda: explain(network, framework="tf"), "'tf'", "keras or torch"),
    "a sweep by another name": (lambda: sweep("input:{1,2}", framework="tf"), "'tf'", "keras or torch"),
    "a sweep of no samples": (lambda: sweep("input:{1,2}", batch=0), "batch is 0", "a whole number"),
    "no budget": (lambda: solve("input:8,lstm:_", rnncli.Budget()), "no budget", "params"),
    "multiples of nothing": (
        lambda: solve("input:8,lstm:_", rnncli.Budget(params=99), multiple_of=0),
        "multiple_of is 0",
        "a whole number",
    ),
}


def test_what_is_impossible_is_refused_with_what_was_received_and_what_is_allowed(at: Walk) -> None:
    for what, (build, received, allowed) in IMPOSSIBLE.items():
        with at(what):
            with pytest.raises(RnncliError) as caught:
                build()
            assert isinstance(caught.value, ArgumentError)
            assert isinstance(caught.value, ValueError)
            assert received in str(caught.value)
            assert allowed in str(caught.value)


def test_a_list_of_layers_is_the_same_network_as_a_tuple() -> None:
    layers = [Input(8), LSTM(4)]
    assert Network(layers) == Network(tuple(layers)) == Network.parse("input:8,lstm:4")
    assert len({Network(layers), Network(tuple(layers))}) == 1


def test_numbers_of_numpy_are_sizes_too() -> None:
    assert LSTM(np.int64(4)) == LSTM(4)
    assert LSTM(np.int64(4)).spec() == "lstm:4"
    assert Dropout(np.float32(0.5)) == Dropout(0.5)


def test_a_printed_summary_is_a_table_of_what_the_command_shows() -> None:
    lines = str(Network.parse("embed:10000x32,lstm:32:bi").summary()).splitlines()
    assert lines == [
        "embed:10000x32,lstm:32:bi",
        "Input: (None, None) int32",
        "Layer (type)                         Output Shape      Param #",
        "──────────────────────────────────────────────────────────────",
        "embedding (Embedding)                (None, None, 32)  320,000",
        "bidirectional (Bidirectional(LSTM))  (None, 64)         16,640",
        "Total params: 336,640 (1.28 MB)",
    ]
    assert str(Network.parse("input:8").summary()).splitlines()[-1] == "Total params: 0 (0 B)"


def test_reprs_say_what_it_is() -> None:
    assert repr(network) == "Network.parse('embed:10x4,rnn:3:seq,rnn:3')"
    assert eval(repr(network), {"Network": Network}) == network
    assert repr(LSTM(3, return_sequences=True)) == "LSTM(units=3, return_sequences=True)"
    assert repr(network.summary()) == "<Summary of embed:10x4,rnn:3:seq,rnn:3: 85 parameters in keras>"


def test_rows_of_a_summary_add_up_to_its_totals() -> None:
    summary = network.summary(batch=2, timesteps=5)
    rows = summary.rows()
    assert [row["name"] for row in rows] == list(network.names)
    assert sum(row["params"] for row in rows) == summary.total_params == summary.trainable_params
    assert sum(row["macs"] for row in rows) == summary.macs
    assert sum(row["output_bytes"] for row in rows) == summary.output_bytes


def test_a_network_built_in_python_obeys_the_rules_of_specs_and_cannot_be_changed() -> None:
    with pytest.raises(SpecError, match="only its last output"):
        Network((Input(8), SimpleRNN(3), SimpleRNN(3)))
    with pytest.raises(SpecError, match="starts with input or embed"):
        Network((SimpleRNN(3),))
    with pytest.raises(SpecError):
        Network(())
    with pytest.raises(FrozenInstanceError):
        network.layers = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        network.layers[1].units = 4  # type: ignore[misc, attr-defined]


def test_importing_rnncli_imports_neither_numpy_nor_rich_and_neither_does_what_needs_none() -> None:
    program = """
import sys
from rnncli import Budget, Network, compare, explain, solve, sweep
compare("input:8,lstm:4", "input:8,gru:4"), explain("input:8,gru:4")
solve("input:8,lstm:_", Budget(params=999)), list(sweep("input:8,lstm:{1,2}"))
str(Network.parse("input:8,lstm:4").summary())
print(*{"numpy", "rich", "click"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("\n", "")
