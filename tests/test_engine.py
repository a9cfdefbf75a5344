"""The engine against the textbook's loop, and the laws of chunks, states and seeds.

`test_frameworks.py` compares all settings of every kind with Keras's values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest
import reference
from conftest import Walk, examples, peak_memory
from hypothesis import given
from hypothesis import strategies as st

from rnncli import Network
from rnncli.engine import chunks
from rnncli.engine import recurrent as stages_of_recurrent
from rnncli.engine.chunks import Chunk, flow, random_chunks
from rnncli.engine.model import Model
from rnncli.layers.activations import ACTIVATIONS

TOLERANCE = {"float32": 2e-5, "float64": 1e-11}

BATCHES = st.sampled_from([1, 2, 3, 8, 9, 12])
"""Batch sizes on both sides of the one from which inputs are stacked instead of projected."""


DIRECTIONS = ("", "", "back", "bi", "bi=sum", "bi=mul", "bi=ave")
BOUNDED = ("tanh", "sigmoid", "hard_sigmoid", "softsign", "softmax")
"""Bounded activations; others may grow without limit over a sequence, and their rounding errors too."""


def recurrent(sequences: Sequence[str], directions: Sequence[str]) -> st.SearchStrategy[str]:
    """Recurrent layers, as a spec writes them."""
    units, bias, resets = map(str, range(1, 6)), ("", "nobias"), ("", "reset=before")
    acts, gates = ([f"{key}={name}" if name else "" for name in ("", *BOUNDED)] for key in ("act", "recact"))
    fields = ([*units], sequences, directions, bias, acts)
    kinds = ((["rnn"], *fields), (["lstm"], *fields, gates), (["gru"], *fields, gates, resets))
    choices = st.one_of(*(st.tuples(*map(st.sampled_from, kind)) for kind in kinds))
    return choices.map(lambda chosen: ":".join(filter(None, chosen)))


def networks(directions: Sequence[str] = DIRECTIONS) -> st.SearchStrategy[Network]:
    """Up to three recurrent layers, some followed by a dense layer."""
    return st.tuples(
        st.sampled_from(["input:3", "input:1", "embed:4x3", "embed:4x3:mask"]),
        st.lists(recurrent(["seq"], directions), max_size=2).map(",".join),
        recurrent(["", "seq"], directions),
        st.sampled_from(["", *(f"dense:2:{name}" for name in ACTIVATIONS)]),
    ).map(lambda layers: Network.parse(",".join(filter(None, layers))))


def random_input(network: Network, batch: int, timesteps: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if network.input_shape()[-1] is None:
        return generator.integers(0, 4, (batch, timesteps))
    return generator.standard_normal((batch, timesteps, network.input_shape()[-1]))


@contextmanager
def short_chunks(least_steps: int) -> Iterator[None]:
    """Cut sequences into chunks of so many timesteps inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "LEAST_STEPS", least_steps)
        patch.setattr(chunks, "CHUNK_NUMBERS", 0)
        yield


@examples(300)
@given(
    network=networks(),
    batch=BATCHES,
    timesteps=st.integers(1, 9),
    least_steps=st.integers(1, 9),
    dtype=st.sampled_from(sorted(TOLERANCE)),
)
def test_the_engine_matches_the_textbook_loop_in_chunks_of_any_length(
    network: Network, batch: int, timesteps: int, least_steps: int, dtype: str
) -> None:
    x, weights = random_input(network, batch, timesteps), reference.random_weights(network)
    expected = reference.run(network, weights, x)
    with short_chunks(least_steps):
        found = Model(network, dtype=dtype, weights=weights)(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@given(network=networks(), batch=BATCHES, other=BATCHES)
def test_a_model_can_be_called_again_with_another_batch_and_remembers_nothing(
    network: Network, batch: int, other: int
) -> None:
    model = Model(network, dtype="float64")
    x = random_input(network, batch, 5)
    first = model(x)
    model(random_input(network, other, 7, seed=2))
    np.testing.assert_array_equal(model(x), first)


@given(network=networks(directions=[""]), batch=BATCHES, timesteps=st.integers(2, 9), data=st.data())
def test_a_sequence_in_pieces_with_the_state_passed_on_gives_the_whole_result(
    network: Network, batch: int, timesteps: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, timesteps - 1))
    model = Model(network, dtype="float64", weights=reference.random_weights(network))
    x = random_input(network, batch, timesteps)
    whole, last = model.run(x)
    with short_chunks(2):
        first, state = model.run(x[:, :cut])
        second, state = model.run(x[:, cut:], state)
    found = np.concatenate([first, second], axis=1) if whole.ndim == 3 else second
    np.testing.assert_allclose(found, whole, rtol=1e-12, atol=1e-12)
    assert state.keys() == last.keys()
    for key, array in state.items():
        np.testing.assert_allclose(array, last[key], rtol=1e-12, atol=1e-12)


def test_states_have_their_layers_names_and_shape_batch_by_units() -> None:
    model = Model(Network.parse("input:2,lstm:3:seq,gru:4:seq:bi,rnn:5"))
    _, state = model.run(np.zeros((6, 2, 2)))
    assert {key: array.shape for key, array in state.items()} == {
        "lstm/h": (6, 3),
        "lstm/c": (6, 3),
        "bidirectional/forward/h": (6, 4),
        "bidirectional/backward/h": (6, 4),
        "simple_rnn/h": (6, 5),
    }


def test_runs_of_one_model_can_be_interleaved() -> None:
    model = Model(Network.parse("input:2,lstm:3:seq"), dtype="float64")
    x, y = np.random.default_rng(0).standard_normal((2, 1, 40, 2))
    expected = model(x), model(y)
    with short_chunks(4):
        pairs = zip(*(flow(model.begin(), model.chunks_of(each)) for each in (x, y)), strict=True)
        parts = [(a.values.copy(), b.values.copy()) for a, b in pairs]
    for found, whole in zip(zip(*parts, strict=True), expected, strict=True):
        np.testing.assert_allclose(np.concatenate(found).transpose(2, 0, 1), whole, rtol=1e-12)


def test_chunks_may_have_any_lengths_in_any_order(at: Walk) -> None:
    bodies = ("rnn:3:seq", "lstm:3:seq", "gru:3", "lstm:3:bi:seq", "rnn:3:seq,gru:2:seq:back")
    for body, batch in product(bodies, (1, 9)):
        with at(body, batch):
            model = Model(f"input:2,{body}", dtype="float64")
            x = np.random.default_rng(0).standard_normal((batch, 40, 2))
            cuts = np.split(x.transpose(1, 2, 0), [2, 3, 10, 30])
            parts = [values.copy() for values, _ in flow(model.begin(), (Chunk(part) for part in cuts))]
            found = np.concatenate(parts).transpose(2, 0, 1)
            np.testing.assert_allclose(found.reshape(model(x).shape), model(x), rtol=1e-12)


def test_both_directions_as_one_cell_match_two_cells(at: Walk) -> None:
    cells = ("rnn:3", "rnn:3:nobias", "lstm:3", "lstm:3:nobias", "gru:3", "gru:3:reset=before")
    x = np.random.default_rng(0).standard_normal((5, 9, 2))
    for cell, rest, merge in product(cells, ("", ":seq,rnn:2"), ("bi", "bi=sum", "bi=mul", "bi=ave")):
        with at(cell, rest, merge):
            model = Model(f"input:2,{cell}:{merge}{rest}", dtype="float64")
            one, states = model.run(x)
            again, later = model.run(x, states)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(stages_of_recurrent, "ZEROS_PER_CALL", -1)
                two, states_of_two = model.run(x)
                again_of_two, later_of_two = model.run(x, states_of_two)
            np.testing.assert_allclose(one, two, rtol=1e-12)
            np.testing.assert_allclose(again, again_of_two, rtol=1e-12)
            assert list(later) == list(later_of_two)
            for key, state in later.items():
                np.testing.assert_allclose(state, later_of_two[key], rtol=1e-12)


def test_directions_run_as_one_cell_if_that_is_faster_and_a_mask_cannot_separate_them() -> None:
    def runs_as_one(spec: str, x: np.ndarray) -> bool:
        model = Model(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stages_of_recurrent, "side_by_side", lambda *given: pytest.fail("as one"))
            try:
                model(x)
            except pytest.fail.Exception:
                return True
        return False

    assert runs_as_one("input:2,lstm:8:bi", np.zeros((1, 4, 2)))
    assert not runs_as_one("input:2,lstm:100:bi", np.zeros((1, 4, 2)))
    assert not runs_as_one("input:500,lstm:8:bi", np.zeros((1, 4, 500)))
    assert runs_as_one("input:2,lstm:2:bi", np.zeros((8, 4, 2)))
    assert not runs_as_one("input:2,lstm:2:bi", np.zeros((9, 4, 2)))
    assert not runs_as_one("input:2,lstm:8:bi:relu", np.zeros((1, 4, 2)))
    assert runs_as_one("embed:9x2:mask,lstm:8:bi", np.array([[1, 2]]))
    assert not runs_as_one("embed:9x2:mask,lstm:8:bi", np.array([[1, 0]]))


def test_overflow_remains_visible_in_the_output() -> None:
    model = Model("input:1,rnn:9:linear:seq", init="uniform")
    with np.errstate(all="raise"):
        assert not np.isfinite(model(np.ones((1, 300, 1)))).all()


@given(
    spec=st.sampled_from(["input:3,rnn:2", "embed:5x3,rnn:2", "embed:3Mx1,rnn:2"]),
    batch=st.integers(1, 3),
    steps=st.integers(1, 12),
    longer=st.integers(0, 9),
    init=st.sampled_from(["keras", "uniform"]),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_random_input_is_the_same_for_any_chunk_length_and_a_prefix_of_a_longer_input(
    spec: str, batch: int, steps: int, longer: int, init: str, dtype: str
) -> None:
    network = Network.parse(spec)
    arguments = {"seed": 3, "init": init, "dtype": np.dtype(dtype)}
    (whole,) = random_chunks(network, batch, 12, 12, **arguments)
    parts = [part.values for part in random_chunks(network, batch, 12 + longer, steps, **arguments)]
    np.testing.assert_array_equal(np.concatenate(parts)[:12], whole.values)


def test_many_features_close_to_100_are_normalised_correctly_in_float32() -> None:
    x = (100 + np.random.default_rng(0).normal(0, 0.01, (2, 3, 20_000))).astype("float32")
    found = Model("input:20000,norm")(x)
    exact = x.astype("float64")
    deviations = exact - exact.mean(axis=-1, keepdims=True)
    expected = deviations / np.sqrt((deviations**2).mean(axis=-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def peak_of_repeating(times: int) -> int:
    """The peak memory of so many steps."""
    model = Model(f"input:2,rnn:3,repeat:{times},pool:avg")
    return peak_memory(lambda: model.run(np.zeros((1, 3, 2))))


def test_a_vector_is_repeated_in_constant_memory() -> None:
    peak_of_repeating(100)  # tracing tools cache their first results
    assert peak_of_repeating(400_000) < peak_of_repeating(100_000) + 2**20  # 300,000 more outputs take 3.6 MB
