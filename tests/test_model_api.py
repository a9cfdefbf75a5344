"""`Model` as a library: what its arguments may be, what it says of all others, and its weights in files."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Walk

import rnncli.engine
from rnncli import ArgumentError, Network, RnncliError, SpecError
from rnncli.engine import Model
from rnncli.layers import LSTM, Input

SPEC = "input:3,rnn:4"
X = np.random.default_rng(3).standard_normal((2, 5, 3))
WEIGHTS = dict(Model(SPEC).weights)
KERNEL, RECURRENT, BIAS = WEIGHTS
RAGGED = [[[1, 2, 3]], [[1]]]


def with_(**changed: Any) -> dict[str, Any]:
    """The weights, some of them replaced."""
    return WEIGHTS | {f"simple_rnn/{name}": value for name, value in changed.items()}


BAD_ARGUMENTS: dict[str, list[tuple[Any, str]]] = {
    # for each argument: what is given, and what the error says of it and of what is allowed
    "network": [
        (8, "a spec is a text such as 'input:8,lstm:4', not 8"),
        (None, "not None"),
        (b"input:8", "not b'input:8'"),
        ([Input(8), LSTM(4)], "a spec is a text .* not"),
        (Network, "not <class"),
    ],
    "seed": [
        *((value, f"seed is {value!r}, expected a whole number from 0") for value in (-1, 0.5, "0", None, True)),
        (np.array([1, 2]), "seed is array.*, expected a whole number from 0"),
    ],
    "dtype": [
        *((value, f"dtype is {value!r}, expected float32 or float64") for value in ("float16", "f4", None, 32)),
        (np.float16, "dtype is 'float16', expected float32 or float64"),
        (np.dtype("int64"), "dtype is 'int64', expected float32 or float64"),
        (float, "dtype is 'float', expected float32 or float64"),
        (np.zeros(2), "dtype is array.*, expected float32 or float64"),
    ],
    "init": [
        *((value, f"init is {value!r}, expected keras or uniform") for value in ("zeros", "Keras", "", None, 0)),
        (np.zeros(2), "init is array.*, expected keras or uniform"),
    ],
    "weights": [
        (list(WEIGHTS.values()), f"weights is .*, expected a dict of arrays: {KERNEL}"),
        ("w.npz", "weights is 'w.npz', expected a dict"),
        ({}, f"no array {KERNEL} of shape .3, 4., nor 2 others.*\n.*given are none"),
        ({KERNEL: WEIGHTS[KERNEL], 5: 0}, f"no array {RECURRENT} of shape .4, 4.(.|\n)*given are {KERNEL}, 5"),
        (WEIGHTS | {"lstm/kernel": WEIGHTS[KERNEL]}, f"no array lstm/kernel(.|\n)*it has {KERNEL}"),
        (with_(kernel=np.zeros((4, 3))), f"{KERNEL} has shape .4, 3., expected .3, 4."),
        (with_(kernel=0.5), rf"{KERNEL} has shape \(\), expected .3, 4."),
        (with_(kernel=RAGGED), f"{KERNEL} is .*, expected an array of numbers"),
        (with_(bias=["a"] * 4), f"{BIAS} holds <U1, expected floats"),
        (with_(bias=[None] * 4), f"{BIAS} holds object, expected floats"),
        (with_(bias=[1j] * 4), f"{BIAS} holds complex128, expected floats"),
        (with_(bias=[0, 1, np.nan, np.inf]), rf"{BIAS}\[2\] is nan, expected a finite number .*2 of 4"),
        (with_(bias=[0, 1e300, 0, 0]), rf"{BIAS}\[1\] is 1e\+300, expected a finite number in float32"),
    ],
}

BAD_INPUTS: list[tuple[str, Any, str]] = [
    # the spec, the input, and what the error says
    (SPEC, X[0], r"\(5, 3\), expected \(batch, timesteps, 3\)\nHelp: .*x\[None\]"),
    (SPEC, 5, r"\(\), expected \(batch, timesteps, 3\)"),
    (SPEC, None, r"\(\), expected \(batch, timesteps, 3\)"),
    (SPEC, RAGGED, r"the input is .*, expected an array of numbers"),
    (SPEC, np.zeros((1, 5, 4)), r"\(1, 5, 4\), expected \(batch, timesteps, 3\)"),
    ("input:7x3,rnn:4", np.zeros((1, 5, 3)), r"\(1, 5, 3\), expected \(batch, 7, 3\)"),
    (SPEC, np.zeros((1, 0, 3)), r"\(1, 0, 3\): it holds nothing"),
    (SPEC, np.full((1, 5, 3), "a"), "<U1, expected floats"),
    ("embed:9x3,rnn:4", np.zeros((1, 5)), "float64, expected integer ids"),
    ("embed:9x3,rnn:4", np.array([[1, 9]]), r"id 9 \(sample 0, timestep 1\) .* 0 to 8"),
    ("embed:9x3:mask,rnn:4:bi", np.array([[1, -1]]), r"id -1 \(sample 0, timestep 1\)"),
]

BAD_STATES: list[tuple[Any, str]] = [
    ([np.zeros((2, 4))], "state is .*, expected a dict of arrays: simple_rnn/h"),
    ({}, "no array simple_rnn/h of shape .2, 4."),
    ({"lstm/h": np.zeros((2, 4))}, "no array simple_rnn/h of shape .2, 4.(.|\n)*given are lstm/h"),
    ({"simple_rnn/h": np.zeros((1, 4))}, "simple_rnn/h has shape .1, 4., expected .2, 4."),
    ({"simple_rnn/h": np.full((2, 4), np.nan)}, r"simple_rnn/h\[0, 0\] is nan, expected a finite number"),
]


def refused(words: str, call: Callable[..., Any], *given: Any, **arguments: Any) -> None:
    """Check that a call is refused with an error that holds some words."""
    with pytest.raises(ArgumentError) as caught:
        call(*given, **arguments)
    assert re.search(words, str(caught.value)), caught.value


def test_what_a_model_cannot_take_is_refused_with_what_was_given_and_what_is_allowed(at: Walk) -> None:
    assert list(signature(Model).parameters) == list(BAD_ARGUMENTS)
    for argument, values in BAD_ARGUMENTS.items():
        for value, words in values:
            with at(words):
                refused(words, Model, **{"network": SPEC} | {argument: value})
    for spec, x, words in BAD_INPUTS:
        with at(words):
            refused(words, Model(spec), x)
            refused(words, Model(spec).run, x)
    for state, words in BAD_STATES:
        with at(words):
            refused(words, Model(SPEC).run, X, state)
    with pytest.raises(SpecError, match="tanh"):
        Model("input:8,lstm:4:tahn")


def test_a_network_a_dtype_and_a_seed_may_be_written_in_other_ways() -> None:
    assert Model(SPEC).network == Network.parse(SPEC)
    assert np.array_equal(Model(SPEC)(X), Model(Network.parse(SPEC))(X))
    for dtype in ("float64", np.float64, np.dtype("float64")):
        assert Model(SPEC, dtype=dtype).dtype == np.float64
    assert np.array_equal(Model(SPEC, seed=np.int64(7))(X), Model(SPEC, seed=7)(X))
    large = Model("embed:10000x32,rnn:32", dtype="float64")
    assert repr(large) == "<Model of embed:10000x32,rnn:32: 322,080 parameters in float64>"


def test_everything_is_computed_in_the_dtype_asked_for() -> None:
    for dtype in ("float32", "float64"):
        model = Model("input:3,lstm:4:seq,dense:5:relu,dropout:0.5,gru:3:seq:reset=before,rnn:2:seq", dtype=dtype)
        y, state = model.run(X)
        assert {array.dtype for array in (y, *model.weights.values(), *state.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize("spec", ["embed:9x3,lstm:4:bi:seq,gru:3:seq:reset=before,dense:2", "input:3,dropout:0.5"])
def test_weights_that_are_saved_and_loaded_give_the_same_output(spec: str, tmp_path: Path) -> None:
    saved, loaded = Model(spec, seed=1), Model(spec, seed=2)
    x = np.array([[1, 2, 8]]) if saved.network.head.vocabulary else X
    loaded(x)  # what is kept from one run to the next must be replaced, too
    saved.save_weights(tmp_path / "w.npz")
    loaded.load_weights(str(tmp_path / "w.npz"))
    assert np.array_equal(loaded(x), saved(x))
    assert list(loaded.weights) == list(saved.weights)
    with np.load(tmp_path / "w.npz") as arrays:
        assert np.array_equal(Model(spec, weights=arrays)(x), saved(x))


def test_weights_have_the_dtype_of_the_model_and_cannot_be_changed(tmp_path: Path) -> None:
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


def test_a_file_whose_arrays_are_not_the_networks_leaves_the_model_as_it_was(tmp_path: Path, at: Walk) -> None:
    for arrays, words in (
        (WEIGHTS | {"more": np.zeros(1)}, "w.npz: the network has no array more"),
        ({KERNEL: WEIGHTS[KERNEL]}, f"w.npz: there is no array {RECURRENT}"),
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


def test_weights_go_to_a_file_that_has_a_name_and_can_be_written_and_come_from_one_that_can_be_read(
    tmp_path: Path,
) -> None:
    for call in (Model(SPEC).save_weights, Model(SPEC).load_weights):
        refused("path is 5, expected the name of a file", call, 5)
        with pytest.raises(RnncliError, match=r"nowhere.*No such file"):
            call(tmp_path / "nowhere" / "w.npz")


@pytest.mark.parametrize("module", [rnncli, rnncli.engine])
def test_every_public_name_can_be_imported_and_is_listed(module: Any) -> None:
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        module.train  # noqa: B018 - asking for it is the test
