"""`Model`: each cell by its equations, and the laws that hold whatever the numbers are."""

from __future__ import annotations

from math import exp, sqrt, tanh
from typing import Any

import numpy as np
import pytest

from rnncli import Network
from rnncli.engine import Model

CELLS = ("rnn", "lstm", "gru", "gru:reset=before")


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape)


def close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-12)


def model(spec: str, **options: Any) -> Model:
    return Model(Network.parse(spec), dtype="float64", **options)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_one_unit_of_each_cell_computes_its_equations_step_by_step() -> None:
    x, w, u, b = [0.5, -1.0, 2.0], [0.3, -0.2, 0.7, 0.1], [-0.4, 0.6, 0.2, -0.9], [0.1, 0.2, -0.3, 0.4]
    bias2 = [0.05, -0.15, 0.25]
    rnn = lstm = cell = after = before = 0.0
    for value in x:
        rnn = tanh(w[0] * value + u[0] * rnn + b[0])
        i, f, c, o = (w[gate] * value + u[gate] * lstm + b[gate] for gate in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * tanh(c)
        lstm = sigmoid(o) * tanh(cell)
        z, r = (sigmoid(w[gate] * value + b[gate] + u[gate] * after + bias2[gate]) for gate in range(2))
        after = z * after + (1 - z) * tanh(w[2] * value + b[2] + r * (u[2] * after + bias2[2]))
        z, r = (sigmoid(w[gate] * value + b[gate] + u[gate] * before) for gate in range(2))
        before = z * before + (1 - z) * tanh(w[2] * value + b[2] + u[2] * (r * before))
    for spec, gates, bias, expected in (
        ("rnn:1", 1, b[:1], rnn),
        ("lstm:1", 4, b, lstm),
        ("gru:1", 3, [b[:3], bias2], after),
        ("gru:1:reset=before", 3, b[:3], before),
    ):
        network = Network.parse(f"input:1,{spec}")
        weights = {"kernel": [w[:gates]], "recurrent_kernel": [u[:gates]], "bias": bias}
        named = {f"{network.names[0]}/{name}": values for name, values in weights.items()}
        y = Model(network, dtype="float64", weights=named)([[[value] for value in x]])
        assert y == pytest.approx(np.array([[expected]]), abs=1e-14), spec


@pytest.mark.parametrize("cell", CELLS)
def test_the_last_output_is_the_last_of_the_sequence(cell: str) -> None:
    kind, _, option = cell.partition(":")
    sequence = model(f"input:3,{kind}:4:{option or 'tanh'}:seq")
    last = Model(Network.parse(f"input:3,{kind}:4:{option or 'tanh'}"), dtype="float64", weights=sequence.weights)
    x = random(2, 9, 3)
    assert close(sequence(x)[:, -1], last(x))


@pytest.mark.parametrize("cell", CELLS)
def test_backwards_is_forwards_in_reversed_time_and_bi_is_both(cell: str) -> None:
    kind, _, option = cell.partition(":")
    spec = f"input:3,{kind}:4:seq:{option or 'tanh'}"
    x = random(2, 9, 3)
    both = model(f"{spec}:bi")
    own = both.network.names[0]
    one_way = Network.parse(spec)

    def direction(name: str) -> Model:
        weights = {
            f"{one_way.names[0]}/{key.rpartition('/')[2]}": array
            for key, array in both.weights.items()
            if key.startswith(f"{own}/{name}/")
        }
        return Model(one_way, dtype="float64", weights=weights)

    forward, backward = direction("forward"), direction("backward")
    back = Model(Network.parse(f"{spec}:back"), dtype="float64", weights=backward.weights)
    assert close(back(x), backward(x[:, ::-1]))
    ahead, behind = forward(x), back(x)[:, ::-1]
    merges = {"concat": np.concatenate([ahead, behind], axis=2), "sum": ahead + behind, "mul": ahead * behind}
    for merge, expected in (merges | {"ave": (ahead + behind) / 2}).items():
        merged = Model(Network.parse(f"{spec}:bi={merge}"), dtype="float64", weights=both.weights)
        assert close(merged(x), expected), merge


STACK = "input:3,lstm:4:seq,dense:5:relu,dropout:0.5,gru:3:seq:reset=before,rnn:2:seq"


def test_what_comes_later_changes_nothing_that_came_before() -> None:
    run, x = model(STACK), random(2, 30, 3)
    assert close(run(x)[:, :11], run(x[:, :11]))


def test_a_sample_does_not_know_of_the_others_in_its_batch() -> None:
    run, x = model(STACK), random(5, 9, 3)
    assert close(run(x), np.concatenate([run(x[i : i + 1]) for i in range(5)]))


def test_a_long_sequence_is_the_same_as_its_pieces() -> None:
    # Longer than any chunk that the engine may cut a sequence of one number into.
    run, x = model("input:1,rnn:1:seq"), random(1, 300_000, 1)
    first, state = run.run(x[:, :150_001])
    second, _ = run.run(x[:, 150_001:], state)
    assert close(np.concatenate([first, second], axis=1), run(x))


@pytest.mark.parametrize("cell", CELLS)
def test_padding_behind_a_sequence_changes_nothing_and_repeats_the_last_output(cell: str) -> None:
    kind, _, option = cell.partition(":")
    run = model(f"embed:9x3:mask,{kind}:4:seq:{option or 'tanh'}")
    ids = np.array([[3, 5, 7, 0, 0], [1, 2, 8, 4, 0]])
    y = run(ids)
    assert close(y[:1, :3], run(ids[:1, :3]))
    assert close(y[:1, 3:], np.repeat(y[:1, 2:3], 2, axis=1))
    assert close(y[1:, :4], run(ids[1:, :4]))


def test_dense_is_a_matrix_for_every_timestep_and_dropout_nothing() -> None:
    run, x = model("input:3,dense:4,dropout:0.9"), random(2, 6, 3)
    assert close(run(x), x @ run.weights["dense/kernel"] + run.weights["dense/bias"])


def test_weights_start_as_keras_documents_its_defaults() -> None:
    weights = model("embed:2000x50,lstm:80:seq,gru:60:seq,rnn:70,dense:90").weights
    table = weights["embedding/embeddings"]
    assert -0.05 <= table.min() < -0.0499
    assert 0.0499 < table.max() <= 0.05
    for name, units, gates in (("lstm", 80, 4), ("gru", 60, 3), ("simple_rnn", 70, 1), ("dense", 90, 1)):
        kernel = weights[f"{name}/kernel"]
        limit = sqrt(6 / sum(kernel.shape))  # glorot_uniform, whose variance is 2 / (inputs + outputs)
        assert abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(sqrt(2 / sum(kernel.shape)), rel=0.03)
        assert kernel.shape[1] == gates * units
        if name != "dense":
            u = weights[f"{name}/recurrent_kernel"]
            assert close(u @ u.T, np.eye(units))
        expected = np.zeros_like(weights[f"{name}/bias"])
        if name == "lstm":
            expected[80:160] = 1  # unit_forget_bias; the gates are i f c o
        assert np.array_equal(weights[f"{name}/bias"], expected)


def test_uniform_weights_are_from_0_to_1() -> None:
    for array in model("embed:500x50,gru:40:seq:bi,dense:30", init="uniform").weights.values():
        assert 0 <= array.min() < array.max() < 1
        assert array.mean() == pytest.approx(0.5, abs=0.1)


def test_the_models_weights_cannot_be_changed_behind_its_back() -> None:
    given = {key: np.array(array) for key, array in model("input:3,rnn:4").weights.items()}
    run, x = model("input:3,rnn:4", weights=given), random(1, 5, 3)
    before = run(x)
    given["simple_rnn/kernel"][:] = 0
    assert np.array_equal(run(x), before)
    with pytest.raises(ValueError, match="read-only"):
        run.weights["simple_rnn/kernel"][0, 0] = 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_computed_in_the_dtype_asked_for(dtype: str) -> None:
    run = Model(Network.parse(STACK), dtype=dtype)
    assert {array.dtype for array in run.weights.values()} == {np.dtype(dtype)}
    y, state = run.run(random(1, 3, 3))
    assert {y.dtype, *(array.dtype for array in state.values())} == {np.dtype(dtype)}
