"""A run from Python: what a request may ask for, what a plan says before it starts, and what the run gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Walk

from rnncli import ArgumentError, Network, RnncliError, SpecError, UsageError
from rnncli.engine import Model, Request, plan
from rnncli.engine.initializers import INITIALIZERS, initial_weights
from rnncli.engine.request import DTYPES, INITS
from rnncli.summary import DTYPE_BYTES


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_cannot_be_asked_for_is_refused_with_what_was_given_and_what_is_allowed(at: Walk) -> None:
    for arguments, allowed, values in (
        ("timesteps batch", "a whole number from 1 to 2,147,483,647", (0, -1, 2.5, "10", True, 2**31)),
        ("seed", "a whole number from 0", (-1, 0.5, "0", None, False)),
        ("dtype", "float32 or float64", ("float16", "int8", "f4", None, 32)),
        ("init", "keras or uniform", ("zeros", "Keras", None, 0)),
        ("framework", "keras or torch", ("tf", None)),
        ("input weights save_weights output state save_state", "the name of a file", (5,)),
    ):
        for argument in arguments.split():
            for value in values:
                with at(argument, value):
                    with pytest.raises(ArgumentError) as caught:
                        Request(**{argument: value})
                    assert str(caught.value) == f"{argument} is {value!r}, expected {allowed}"


def test_a_plan_takes_its_sizes_from_the_request_then_the_network_then_the_defaults() -> None:
    for spec, request, sizes in (
        ("input:8,rnn:4", Request(), (1, 100)),
        ("input:50x8,rnn:4", Request(batch=3), (3, 50)),
        ("input:8,rnn:4", Request(timesteps=7), (1, 7)),
    ):
        run = plan(spec, request)
        assert (run.batch, run.timesteps) == sizes
        assert run.run().forward.summary.input_shape[:2] == sizes


def test_a_plan_takes_its_sizes_from_the_input_file_if_there_is_one() -> None:
    np.save("x.npy", np.zeros((2, 5, 8)))
    run = plan("input:8,rnn:4", Request(input="x.npy"))
    assert (run.batch, run.timesteps) == (2, 5)
    with pytest.raises(UsageError, match=r"x.npy has shape \(2, 5, 8\)"):
        plan("input:8,rnn:4", Request(input="x.npy", batch=3))


def test_what_cannot_run_is_found_before_it_starts() -> None:
    with pytest.raises(SpecError, match="50 timesteps"):
        plan("input:50x8,rnn:4", Request(timesteps=7))
    with pytest.raises(RnncliError, match=r"nothing\.npy"):
        plan("input:8,rnn:4", Request(input="nothing.npy"))
    with pytest.raises(RnncliError, match="of memory that are free"):
        plan("embed:1Gx4096,rnn:4", Request())
    with pytest.raises(UsageError, match="has none"):
        plan("input:8,dense:4", Request(study=True))


def test_the_progress_of_a_run_adds_up_to_its_work(at: Walk) -> None:
    for spec, study in (
        ("input:8,rnn:4:seq,lstm:4:bi", False),
        ("input:8,rnn:4:seq,lstm:4:bi", True),
        ("embed:9x3,gru:2,dense:3", True),
        ("input:8,dense:3", False),
        ("input:8,lstm:3,repeat:5000,dense:3", False),
        ("embed:9x3,pool:max,repeat:4000,gru:2", True),
    ):
        with at(spec, study):
            run = plan(spec, Request(timesteps=300, study=study))
            done: list[int] = []
            result = run.run(done.append)
            assert sum(done) == run.work >= run.longest
            assert (result.study is not None) == study


def test_states_and_layers_that_read_from_the_end_do_not_add_up_and_a_note_says_so() -> None:
    (note,) = plan("input:8,rnn:4:bi", Request(save_state="s.npz")).notes
    assert "pieces of a sequence" in note
    assert plan("input:8,rnn:4", Request(save_state="s.npz")).notes == ()
    assert plan("input:8,rnn:4:bi", Request()).notes == ()


def test_a_run_gives_what_the_model_gives() -> None:
    sizes, drawing = {"batch": 2, "timesteps": 6}, {"seed": 3, "dtype": "float64", "init": "uniform"}
    request = Request(**sizes, **drawing, output="y.npy", save_weights="w.npz")
    result = plan("input:8,rnn:4:seq,dense:2", request).run()
    model = Model("input:8,rnn:4:seq,dense:2", **drawing)
    with np.load("w.npz") as saved:
        assert list(saved) == list(model.weights)
        assert all(np.array_equal(saved[key], array) for key, array in model.weights.items())
    y = np.load("y.npy")
    assert y.shape == result.forward.summary.output_shape == (2, 6, 2)
    assert result.forward.layers[-1].statistics.mean == pytest.approx(y.mean())


def test_every_dtype_and_init_that_can_be_asked_for_is_known_to_the_summary_and_fills_every_weight() -> None:
    network = Network.parse("embed:9x3,lstm:4:bi:seq,gru:3:seq,rnn:2,dense:2")
    assert {weight.initializer for row in network.summary().layers for weight in row.weights} <= set(INITIALIZERS)
    for dtype in DTYPES:
        assert np.dtype(dtype).itemsize == DTYPE_BYTES[dtype]
        for init in INITS:
            weights = initial_weights(network, 0, np.dtype(dtype), init)
            assert all(np.isfinite(array).all() for array in weights.values())
