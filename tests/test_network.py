"""A network's own description: counts and costs by hand, and their laws.

`test_frameworks.py` compares names, shapes, weights and counts of every kind with Keras and PyTorch.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from conftest import Walk
from golden.data import enough_timesteps
from hypothesis import given
from hypothesis import strategies as st
from strategies import heads, networks

from rnncli import Network
from rnncli.layers import Recurrent

sizes = st.integers(1, 10_000)


def macs(spec: str, batch: int | None = None, timesteps: int | None = None) -> list[tuple[int, int | None]]:
    summary = Network.parse(spec).summary(batch, timesteps)
    return [(layer.macs_per_step, layer.macs) for layer in summary.layers]


def test_ids_are_int32_and_vectors_have_the_requested_dtype() -> None:
    assert Network.parse("embed:10x4").summary(dtype="float64").input_dtype == "int32"
    assert Network.parse("input:8").summary(dtype="float64").input_dtype == "float64"


def test_an_input_alone_is_a_network_that_returns_it() -> None:
    summary = Network.parse("input:50x8").summary(batch=2)
    assert (summary.layers, summary.output_shape, summary.total_params) == ((), (2, 50, 8), 0)
    assert (summary.macs, summary.output_bytes) == (0, 0)


def test_multiply_adds_are_those_of_the_matrix_products_for_every_input_vector(at: Walk) -> None:
    for layer, per_step in {
        "rnn:4": 8 * 4 + 4 * 4,
        "gru:4:reset=before:nobias": 3 * (8 * 4 + 4 * 4),
        "lstm:4:bi": 2 * 4 * (8 * 4 + 4 * 4),
        "dense:4": 8 * 4,
        "dropout:0.5": 0,
    }.items():
        with at(layer):
            assert macs(f"input:8,{layer}", batch=2, timesteps=5) == [(per_step, 2 * 5 * per_step)]
            assert macs(f"input:8,{layer}", timesteps=5) == [(per_step, 5 * per_step)]
            assert macs(f"input:8,{layer}", batch=2) == [(per_step, None)]
    assert macs("embed:10x4", batch=2, timesteps=5) == [(0, 0)]  # a lookup is not a multiply-add


def test_a_layer_after_the_last_output_reads_one_vector_per_sample() -> None:
    assert macs("input:8,rnn:4,dense:3", batch=2, timesteps=5)[1] == (4 * 3, 2 * 4 * 3)
    assert macs("input:8,rnn:4,dense:3", batch=2)[1] == (4 * 3, 2 * 4 * 3)
    assert macs("input:8,rnn:4:seq,dense:3", batch=2, timesteps=5)[1] == (4 * 3, 2 * 5 * 4 * 3)


def test_the_total_of_multiply_adds_is_unknown_while_one_layers_is() -> None:
    network = Network.parse("input:8,rnn:4,dense:3")
    assert network.summary(batch=2).macs is None
    assert network.summary(batch=2, timesteps=5).macs == 2 * 5 * (8 * 4 + 4 * 4) + 2 * 4 * 3


def test_bytes_are_those_of_the_parameters_and_outputs_in_the_dtype(at: Walk) -> None:
    for dtype, size in {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}.items():
        with at(dtype):
            summary = Network.parse("embed:10x4,rnn:3:seq,rnn:5").summary(2, 7, dtype=dtype)
            assert summary.total_bytes == size * (10 * 4 + 3 * (4 + 3 + 1) + 5 * (3 + 5 + 1))
            outputs = [size * 2 * 7 * 4, size * 2 * 7 * 3, size * 2 * 5]
            assert [layer.output_bytes for layer in summary.layers] == outputs
            assert summary.output_bytes == sum(outputs)


def test_bytes_of_outputs_count_an_unknown_batch_as_one_and_need_the_timesteps() -> None:
    network = Network.parse("input:8,rnn:3:seq,rnn:5")
    assert [layer.output_bytes for layer in network.summary(timesteps=7).layers] == [4 * 7 * 3, 4 * 5]
    assert [layer.output_bytes for layer in network.summary().layers] == [None, 4 * 5]
    assert network.summary().output_bytes is None


def test_an_input_may_fix_the_timesteps() -> None:
    network = Network.parse("input:50x8,rnn:4:seq")
    assert network.summary().layers[0].output_shape == (None, 50, 4)
    assert network.summary(batch=2, timesteps=50).output_shape == (2, 50, 4)


@given(networks(), sizes, sizes)
def test_counts_and_bytes_add_up_and_twice_the_batch_takes_twice_as_much(
    network: Network, batch: int, timesteps: int
) -> None:
    timesteps = enough_timesteps(network.layers, timesteps)
    summary, twice = network.summary(batch, timesteps), network.summary(2 * batch, timesteps)
    for layer in summary.layers:
        assert layer.params == sum(prod(weight.shape) for weight in layer.weights)
        assert layer.output_bytes == 4 * prod(layer.output_shape)  # type: ignore[arg-type]
    assert twice.total_params == summary.total_params == sum(layer.params for layer in summary.layers)
    assert summary.macs == sum(layer.macs or 0 for layer in summary.layers)
    assert (twice.macs, twice.output_bytes) == (2 * (summary.macs or 0), 2 * (summary.output_bytes or 0))
    assert len(set(network.names)) == len(network.names) == len(network.body)


@given(networks(head=heads.filter(lambda head: getattr(head, "timesteps", None) is None)))
def test_a_network_built_in_python_equals_the_one_that_its_spec_describes(network: Network) -> None:
    built = Network(network.layers)
    assert built == Network.parse(str(built))
    assert hash(built) == hash(network)
    timesteps = enough_timesteps(network.layers, 5)
    assert built.summary(3, timesteps) == network.summary(3, timesteps)


def test_layers_are_equal_if_all_their_arguments_are() -> None:
    layer = Network.parse("input:8,gru:3:seq").layers[1]
    assert isinstance(layer, Recurrent)
    assert layer == replace(layer)
    assert layer != replace(layer, return_sequences=False)
    assert layer != Network.parse("input:8,lstm:3:seq").layers[1]
