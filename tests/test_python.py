"""rnncli as a library: objects and their errors, and `Model` with its possible arguments and its weights in files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, SCREENS, Screen, Walk

import rnncli
import rnncli.commands.values
import rnncli.engine.model
import rnncli.layers
from rnncli import ArgumentError, Network, RnncliError
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan
from rnncli.layers import LSTM, Dropout, Input
from rnncli.layers.sizes import BLANK
from rnncli.reports.reference import look_up

network = Network.parse("embed:10x4,rnn:3:seq,rnn:3")


def in_torch(body: str) -> object:
    return Network.parse(f"input:8,{body}").summary(framework="torch")


def test_invalid_arguments_are_rejected_with_the_received_and_the_allowed_values(screen: Screen) -> None:
    """The screen contains the Python lines to try; --rewrite-screens answers added lines."""
    known = {name: getattr(rnncli, name) for name in rnncli.__all__}
    known |= vars(rnncli.layers) | vars(rnncli.engine.model) | vars(rnncli.commands.values)
    known |= {"in_torch": in_torch, "look_up": look_up, "RunPlan": RunPlan, "Request": Request}
    known |= {"rnncli": rnncli, "BLANK": BLANK, "NETWORK": network, "SPEC": "input:3,rnn:4"}
    known |= {"MODEL": Model("input:3,rnn:4"), "WEIGHTS": Model("input:3,rnn:4").weights}
    known |= {"X": np.zeros((2, 5, 3)), "RAGGED": [[[1, 2, 3]], [[1]]]}
    said = []
    for line in (SCREENS / "refusals.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            said.append(line)
        elif line.startswith(">>> "):
            try:
                answer = f"is not refused: {eval(line[4:], dict(known))}"
            except (RnncliError, AttributeError, ValueError, TypeError) as error:
                answer = f"{type(error).__name__}: {error}"
            said.append("\n".join(map(str.rstrip, f"{line}\n{answer}".splitlines())))
    screen("refusals", "\n\n".join(said) + "\n")
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(ArgumentError, RnncliError)


def test_a_list_of_layers_is_the_same_network_as_a_tuple() -> None:
    layers = [Input(8), LSTM(4)]
    assert Network(layers) == Network(tuple(layers)) == Network.parse("input:8,lstm:4")
    assert len({Network(layers), Network(tuple(layers))}) == 1


def test_numpy_numbers_are_valid_sizes() -> None:
    assert LSTM(np.int64(4)) == LSTM(4)
    assert LSTM(np.int64(4)).spec() == "lstm:4"
    assert Dropout(np.float32(0.5)) == Dropout(0.5)


def test_reprs_describe_the_object() -> None:
    assert repr(network) == "Network.parse('embed:10x4,rnn:3:seq,rnn:3')"
    assert eval(repr(network), {"Network": Network}) == network
    assert repr(LSTM(3, return_sequences=True)) == "LSTM(units=3, return_sequences=True)"
    assert repr(network.summary()) == "<Summary of embed:10x4,rnn:3:seq,rnn:3: 85 parameters in Keras>"


def test_importing_rnncli_and_functions_that_need_neither_import_no_numpy_and_no_rich() -> None:
    program = """
import sys
from rnncli import Network, compare, draw, explain, look_up, solve, sweep
compare("input:8,lstm:4", "input:8,gru:4").rows(), explain("input:8,gru:4").to("json"), draw("input:8,gru:4")
solve("input:8,lstm:_", params=999).rows(), sweep("input:8,lstm:{1,2}").to("csv"), look_up("seq").rows()
Network.read("nn.LSTM(40, 64)").summary().to("tsv")
print(*{"numpy", "rich", "click"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("\n", "")


# Models

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
