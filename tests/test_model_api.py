"""`Model` as a library: its possible arguments, the errors for others, and its weights in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Walk

import rnncli
from rnncli import Network, RnncliError
from rnncli.engine.model import Model

SPEC = "input:3,rnn:4"
X = np.random.default_rng(3).standard_normal((2, 5, 3))
WEIGHTS = dict(Model(SPEC).weights)
KERNEL, RECURRENT, BIAS = WEIGHTS


def with_(**changed: Any) -> dict[str, Any]:
    """The weights, with some replaced."""
    return WEIGHTS | {f"simple_rnn/{name}": value for name, value in changed.items()}


def test_a_network_dtype_and_seed_may_be_given_in_other_forms() -> None:
    assert Model(SPEC).network == Network.parse(SPEC)
    assert np.array_equal(Model(SPEC)(X), Model(Network.parse(SPEC))(X))
    for dtype in ("float64", np.float64, np.dtype("float64")):
        assert Model(SPEC, dtype=dtype).dtype == np.float64
    assert np.array_equal(Model(SPEC, seed=np.int64(7))(X), Model(SPEC, seed=7)(X))
    large = Model("embed:10000x32,rnn:32", dtype="float64")
    assert repr(large) == "<Model of embed:10000x32,rnn:32: 322,080 parameters in float64>"
    of_torch = Model("nn.LSTM(40, 64)")
    assert repr(of_torch) == f"<Model of input:40,lstm:64: {of_torch.summary().total_params:,} parameters in float32>"
    assert repr(Model("SimpleRNN(2)")).startswith("<Model of input:32,rnn:2 (assumed: an input of 32 features): 70 ")


def test_everything_is_computed_in_the_requested_dtype() -> None:
    for dtype in ("float32", "float64"):
        model = Model("input:3,lstm:4:seq,dense:5:relu,dropout:0.5,gru:3:seq:reset=before,rnn:2:seq", dtype=dtype)
        y, state = model.run(X)
        assert {array.dtype for array in (y, *model.weights.values(), *state.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize("spec", ["embed:9x3,lstm:4:bi:seq,gru:3:seq:reset=before,dense:2", "input:3,dropout:0.5"])
def test_weights_that_are_saved_and_loaded_give_the_same_output(spec: str, tmp_path: Path) -> None:
    saved, loaded = Model(spec, seed=1), Model(spec, seed=2)
    x = np.array([[1, 2, 8]]) if saved.network.head.vocabulary else X
    loaded(x)  # cached values must be replaced too
    saved.save_weights(tmp_path / "w.npz")
    loaded.load_weights(str(tmp_path / "w.npz"))
    assert np.array_equal(loaded(x), saved(x))
    assert list(loaded.weights) == list(saved.weights)
    with np.load(tmp_path / "w.npz") as arrays:
        assert np.array_equal(Model(spec, weights=arrays)(x), saved(x))


def test_weights_whose_sum_overflows_are_valid() -> None:
    kernel = np.full((3, 4), 3e38)
    assert np.array_equal(Model(SPEC, weights=with_(kernel=kernel)).weights[KERNEL], kernel.astype("float32"))


def test_weights_have_the_models_dtype_and_are_read_only(tmp_path: Path) -> None:
    Model(SPEC, dtype="float64").save_weights(tmp_path / "w.npz")
    loaded = Model(SPEC)
    loaded.load_weights(tmp_path / "w.npz")
    given = {key: np.array(array) for key, array in loaded.weights.items()}
    made = Model(SPEC, weights=given)
    given[KERNEL][:] = 0
    for model in (loaded, made):
        assert np.array_equal(model(X), loaded(X))
        assert {array.dtype for array in (model(X), *model.weights.values())} == {np.dtype("float32")}
        with pytest.raises(ValueError, match="read-only"):
            model.weights[KERNEL][0, 0] = 1


def test_a_file_whose_arrays_do_not_match_leaves_the_model_unchanged(tmp_path: Path, at: Walk) -> None:
    for arrays, words in (
        (WEIGHTS | {"more": np.zeros(1)}, "w.npz: the network has no array more"),
        ({KERNEL: WEIGHTS[KERNEL]}, f"w.npz: array {RECURRENT} of shape"),
        (with_(kernel=np.zeros((4, 3))), f"{KERNEL} has shape .4, 3., expected .3, 4."),
        (with_(bias=np.full(4, np.inf)), rf"w.npz: {BIAS}\[0\] is inf"),
    ):
        with at(words):
            np.savez(tmp_path / "w.npz", **arrays)
            model = Model(SPEC)
            before, weights = model(X), model.weights
            with pytest.raises(RnncliError, match=words):
                model.load_weights(tmp_path / "w.npz")
            assert model.weights is weights
            assert np.array_equal(model(X), before)


def test_a_model_computes_with_numbers_that_are_not_finite_but_its_files_have_none(tmp_path: Path) -> None:
    x = np.full((1, 4, 3), np.nan)
    assert np.isnan(Model(SPEC)(x)).all()
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(RnncliError, match="the input is nan"):
        Model(SPEC).forward(input=tmp_path / "x.npy")


def test_every_public_name_can_be_imported_and_is_listed() -> None:
    for name in rnncli.__all__:
        assert getattr(rnncli, name) is not None
        assert name in dir(rnncli)
