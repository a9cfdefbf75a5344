"""`rnncli compare`: networks side by side, each with its difference from the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Result
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks

from rnncli import Network
from rnncli.reports.comparison import compare
from rnncli.summary import TOTALS

Run = Callable[..., Result]
Screen = Callable[[str, str], None]

CELLS = ("input:8,rnn:16", "input:8,gru:16", "input:8,lstm:16,dropout:0.5,dense:1")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cells", [*CELLS, "--timesteps", "100", "--batch", "4"]),
        ("embeddings", ["embed:10000x32,lstm:64", "embed:10000x32,gru:64"]),
        ("frameworks", ["input:32,rnn:32", "--framework", "keras", "--framework", "torch"]),
        ("nothing-in-common", ["input:8", "embed:10x4,dense:3"]),
    ],
)
def test_a_comparison_reads_as_it_was_reviewed(name: str, arguments: list[str], rnncli: Run, screen: Screen) -> None:
    result = rnncli("compare", *arguments)
    assert (result.status, result.stderr) == (0, "")
    screen(f"compare-{name}", result.stdout)


def test_three_networks_fit_a_terminal_of_80_columns(terminal: Run, screen: Screen) -> None:
    result = terminal("compare", *CELLS, columns=80, TERM="dumb")
    assert max(map(len, result.stdout.splitlines())) <= 80
    screen("compare-terminal-80", result.stdout)


@given(st.lists(networks(largest=4), min_size=2, max_size=4))
def test_every_layer_of_every_network_is_shown_once_and_in_order(candidates: list[Network]) -> None:
    comparison = compare(*candidates)
    for index, network in enumerate(candidates):
        column = [row[index] for row in comparison.rows]
        assert tuple(layer for layer in column if layer is not None) == network.summary().layers
    assert all(any(layer is not None for layer in row) for row in comparison.rows)


@given(st.lists(networks(largest=4), min_size=2, max_size=4))
def test_only_layers_of_one_role_line_up(candidates: list[Network]) -> None:
    roles = {
        (index, row.name): "recurrent" if layer.states else type(layer).__name__
        for index, network in enumerate(candidates)
        for layer, row in zip(network.body, network.summary().layers, strict=True)
    }
    for row in compare(*candidates).rows:
        assert len({roles[index, layer.name] for index, layer in enumerate(row) if layer is not None}) == 1


def lined_up(*specs: str) -> list[tuple[str, ...]]:
    """The rows of a comparison, as specs of layers."""
    rows = compare(*specs).rows
    return [tuple("-" if layer is None else layer.spec for layer in row) for row in rows]


def test_layers_line_up_with_those_of_the_first_network_before_those_of_others() -> None:
    assert lined_up("input:8,rnn:16", "input:8,dense:4,gru:16:seq,lstm:3", "input:8,lstm:16,dense:1") == [
        ("-", "dense:4", "-"),
        ("rnn:16", "gru:16:seq", "lstm:16"),
        ("-", "lstm:3", "-"),
        ("-", "-", "dense:1"),
    ]


def test_a_longer_stack_goes_on_where_the_first_ends() -> None:
    assert lined_up("embed:9x4,rnn:4", "embed:9x4,rnn:4:seq,rnn:4") == [
        ("embed:9x4", "embed:9x4"),
        ("rnn:4", "rnn:4:seq"),
        ("-", "rnn:4"),
    ]


@given(networks(), networks(), st.none() | st.integers(1, 50))
def test_the_differences_and_ratios_are_those_of_the_two_summaries(
    one: Network, other: Network, timesteps: int | None
) -> None:
    if any(network.input_shape()[1] is not None for network in (one, other)):
        timesteps = None
    first, second = compare(one, other, batch=2, timesteps=timesteps).as_dicts()
    for figure in TOTALS:
        here, there = (getattr(network.summary(2, timesteps), figure) for network in (one, other))
        assert (first[figure], second[figure]) == (here, there)
        if here is None or there is None:
            assert (second["difference"][figure], second["ratio"][figure]) == (None, None)
        else:
            assert second["difference"][figure] == there - here
            assert second["ratio"][figure] == (there / here if here else None)


def objects(rnncli: Run, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rnncli("compare", "-f", "json", *arguments).stdout.splitlines()]


def test_keras_and_pytorch_of_one_network_are_two_columns(rnncli: Run) -> None:
    keras, torch = objects(rnncli, "input:32,rnn:32", "--framework", "keras", "--framework", "torch")
    assert (keras["framework"], torch["framework"]) == ("keras", "torch")
    assert (keras["total_params"], torch["total_params"]) == (2_080, 2_112)
    assert torch["difference"]["total_params"] == 32
    (layer,) = torch["layers"]
    assert (layer["name"], layer["type"], layer["cell"], layer["params"]) == ("simple_rnn", "RNN", "RNN", 2_112)
    assert (layer["difference"], layer["ratio"]) == (32, 2_112 / 2_080)


@pytest.mark.parametrize("arguments", [["input:8"], ["input:8", "--framework", "torch"], []])
def test_a_comparison_needs_two_networks(arguments: list[str], rnncli: Run) -> None:
    result = rnncli("compare", *arguments)
    assert (result.status, result.stdout) == (2, "")
    assert "two networks" in result.stderr


def test_a_bad_spec_is_reported_and_nothing_is_compared(rnncli: Run) -> None:
    result = rnncli("compare", "input:8", "lsmt:3", "input:9")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: spec 2: there is no layer kind 'lsmt'\n")


def test_what_a_framework_cannot_express_is_reported_with_its_spec(rnncli: Run) -> None:
    result = rnncli("compare", "input:8,gru:3", "input:8,gru:3:reset=before", "--framework", "torch")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: spec 2: PyTorch's GRU")


def test_specs_may_come_from_standard_input(rnncli: Run) -> None:
    result = rnncli("compare", "-f", "json", "-", stdin="input:8,rnn:1\ninput:9,rnn:1\n")
    assert [json.loads(line)["total_params"] for line in result.stdout.splitlines()] == [10, 11]
