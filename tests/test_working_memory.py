"""A network's memory in addition to its parameters: the figures match a count by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from conftest import Walk
from golden.data import enough_timesteps
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import networks, small_sizes

from rnncli import Network
from rnncli.layers import GRU, LSTM, Dense, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN
from rnncli.quantities import MAX_SIZE
from rnncli.search.forms import Polynomial

STREAMED = {
    # An id, two states of 32, the only gate of 32, the output.
    "embed:10000x32,rnn:32:seq,rnn:32": 1 + (32 + 32) + 32 + 32,
    # h and c; four gates.
    "input:8,lstm:16": 8 + (16 + 16) + 4 * 16 + 16,
    # The GRU's gates are the most, and the dense layer's result is the output.
    "input:8,lstm:16:seq,gru:40,dense:500": 8 + (16 + 16 + 40) + 3 * 40 + 500,
    # The middle dense layer reads a computed vector and computes another.
    "input:4,dense:8:relu,dense:6:relu,dense:2": 4 + (8 + 6) + 2,
    # A row of a table is not copied.
    "embed:9x5": 1 + 5,
    # The running sum and count; at the end the mean is computed from them.
    "embed:50x300,pool:avg,dense:2": 1 + (300 + 1) + 300 + 2,
    "embed:50x300,pool:avg": 1 + (300 + 1) + 300,
    # The pool keeps the maximum so far; the decoder reads the same vector at each step, and counts.
    "input:8,rnn:4:seq,pool:max,repeat:5,gru:6:seq": 8 + (4 + 4 + (4 + 1) + 6) + 3 * 6 + 6,
    # Dropout does nothing outside training.
    "input:100,dropout:0.5,rnn:2": 100 + 2 + 2 + 2,
    # A normalisation computes a new vector, because the input must not change.
    "input:100,norm,rnn:2": 100 + 2 + (100 + 2) + 2,
    # It changes a layer's result in place, and so does an activation.
    "input:3,dense:100,norm,rnn:2": 3 + 2 + (100 + 2) + 2,
    "input:3,dense:100,act:relu,rnn:2": 3 + 2 + (100 + 2) + 2,
}
"""The numbers for one step at a time, by hand: input, states, temporary values of a step, output."""

STREAMED_INT8 = {
    # A row of the table becomes a vector of floats, needed together with the gates.
    "embed:10000x32,rnn:32:seq,rnn:32": 1 + (32 + 32) + (32 + 32) + 32,
    "input:8,lstm:16": 8 + (16 + 16) + 4 * 16 + 16,
}
"""The same with int8 matrices and tables; all computed values are float32."""

STORED_INT8 = {
    "input:8,lstm:16,dense:2": (8 * 64 + 16 * 64 + 16 * 2) + 4 * (64 + 64 + 2) + 4 * (64 + 2),
    "embed:50x6,norm,gru:3": (50 * 6 + 6 * 9 + 3 * 9) + 4 * (6 + 9 + 9) + 4 * (6 + 6 + 2 * 9),
}
"""The bytes of parameters, by hand: one per matrix element, a float per matrix column, and floats for the rest."""

KEPT = {
    # 32 of the embedding, and a state of 32 for each layer: a SimpleRNN's gate is its state.
    "embed:10000x32,rnn:32:seq,rnn:32": 7 * (32 + 32 + 32),
    # The input; four gates, h and c. The last h is the output.
    "input:8,lstm:16": 7 * (8 + 6 * 16),
    # Each direction has three gates and a state.
    "input:8,gru:16:bi": 7 * (8 + 2 * 4 * 16),
    # The sum of both directions is a separate array, which the loss reads.
    "input:8,gru:16:bi=sum:seq": 7 * (8 + 2 * 4 * 16 + 16),
    # The mean does not need its input, and the loss reads the last layer's output.
    "embed:50x300,pool:avg,dense:2": 1 * (300 + 2),
    # A linear layer's output is saved for its reader, tanh's for itself; each counts once.
    "input:8,dense:5,dense:6:tanh,dense:7": 7 * (8 + 5 + 6 + 7),
    # A dropout saves its mask, possibly as bits; its output is saved for its reader.
    "input:8,rnn:4:seq,dropout:0.5,dense:3": 7 * (8 + 4 + 4 + 3),
    # Without dropped values there is no new array.
    "input:8,rnn:4:seq,dropout:0,dense:3": 7 * (8 + 4 + 3),
    # A decoder reads one vector at every step, the encoder's last state.
    "input:8,rnn:4,repeat:5,gru:6:seq,norm": 7 * (8 + 4) + 5 * (4 * 6 + 6),
    # A dense layer needs the vector that it reads, which may be another layer's output seen differently.
    "input:7x3,conv:5x3,pool:max,repeat:2,flatten,dense:4": 7 * 3 + 5 + 4,
    "input:7x3,dense:5,dropout:0,flatten,dense:4": 7 * (3 + 5) + 4,
    # So does the loss.
    "input:3,dense:5,pool:avg,repeat:2": 7 * 3 + 5,
    # Nothing is trained.
    "input:8,dropout:0.5,norm:nobias:noscale,pool:max": 0,
}
"""The numbers that training saves for a sample of seven timesteps, by hand."""


def test_one_step_at_a_time_needs_all_states_and_one_layers_arrays_unless_a_layer_needs_the_end(at: Walk) -> None:
    sizes = {"float16": 2, "float32": 4, "float64": 8}
    for (spec, numbers), (dtype, size) in product(STREAMED.items(), sizes.items()):
        with at(spec, dtype):
            assert Network.parse(spec).summary(dtype=dtype).streaming_bytes == size * numbers

    for spec, numbers in STREAMED_INT8.items():
        with at(spec, "int8"):
            assert Network.parse(spec).summary(dtype="int8").streaming_bytes == 4 * numbers

    for spec in ("input:8,lstm:4:bi", "input:8,rnn:4:back", "embed:9x8,gru:4:seq,gru:3:bi=sum,dense:2"):
        with at(spec):
            assert Network.parse(spec).summary(batch=3, timesteps=7).streaming_bytes is None


def test_int8_stores_a_byte_per_matrix_element_and_a_float_per_column_and_other_parameter(at: Walk) -> None:
    for spec, size in STORED_INT8.items():
        with at(spec):
            assert Network.parse(spec).summary(dtype="int8").total_bytes == size


def test_training_needs_the_parameters_four_times_and_the_values_saved_per_timestep(at: Walk) -> None:
    sizes = {"bfloat16": 2, "float32": 4, "float64": 8}
    for (spec, numbers), (dtype, size), batch in product(KEPT.items(), sizes.items(), (None, 1, 32)):
        with at(spec, dtype, batch):
            network = Network.parse(spec)
            found = network.summary(batch, timesteps=7, dtype=dtype).training_bytes
            assert found == size * (4 * network.summary().total_params + (batch or 1) * numbers)


@given(networks())
def test_a_step_needs_the_same_for_any_input_and_training_needs_a_length_and_a_float_dtype(network: Network) -> None:
    known = network.input_shape()[1] is not None
    timesteps = enough_timesteps(network.layers, 7)
    some, one = network.summary(batch=9, timesteps=timesteps), network.summary()
    assert one.streaming_bytes == some.streaming_bytes
    assert (one.training_bytes is not None) == known
    assert some.training_bytes is not None
    assert network.summary(batch=9, timesteps=timesteps, dtype="int8").training_bytes is None


X, Y = (Polynomial.unknown(place) for place in range(2))
UNKNOWN: Any = X
SYMBOLIC: tuple[Layer, ...] = (
    SimpleRNN(UNKNOWN, return_sequences=True),
    LSTM(UNKNOWN, merge_mode="concat"),
    LSTM(UNKNOWN, merge_mode="sum", return_sequences=True),
    GRU(UNKNOWN),
    Dense(UNKNOWN),
    Dense(UNKNOWN, activation="tanh"),
    Repeat(UNKNOWN),
    Embedding(UNKNOWN, UNKNOWN),
    Norm(),
    Pool("max"),
)


@given(small_sizes, small_sizes)
def test_the_memory_of_layers_is_declared_for_unknown_sizes_too(units: int, features: int) -> None:
    for layer in SYMBOLIC:
        reads = (None, Y) if layer.reads == "vector" else (None, None, Y)
        known = layer.with_size(X, units)
        symbols, numbers = (
            [*(each.step(shape) or ()), *each.carried(shape).values(), each.kept(shape)]
            for each, shape in ((layer, reads), (known, (*reads[:-1], features)))
        )
        assert [Polynomial.of(each).at([units, features]) for each in symbols] == numbers, repr(layer)


@given(networks(), st.data())
def test_no_figure_shrinks_when_a_size_grows(network: Network, data: st.DataObject) -> None:
    timesteps = enough_timesteps(network.layers, 7)
    sized = [
        (at, name)
        for at, layer in enumerate(network.layers)
        for name in ("units", "features", "output_dim", "n")
        if isinstance(size := getattr(layer, name, None), int) and size < MAX_SIZE
    ]
    assume(sized)
    at, name = data.draw(st.sampled_from(sized))
    layers = list(network.layers)
    layers[at] = replace(layers[at], **{name: getattr(layers[at], name) + 1})
    summary, larger = (each.summary(2, timesteps) for each in (network, Network(layers)))
    for figure in ("streaming_bytes", "training_bytes"):
        small, large = getattr(summary, figure), getattr(larger, figure)
        assert (small is None) == (large is None)
        assert small is None or small <= large
