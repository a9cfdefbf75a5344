"""`rnncli forward`: its options, its report of a run, the limits of a run, and a run from Python."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from conftest import Run, Screen, Walk, peak_memory

from rnncli import Network, RnncliError, UsageError
from rnncli.engine import recurrent
from rnncli.engine.cells import Loop
from rnncli.engine.chunks import Chunk, Pass
from rnncli.engine.forward import ForwardRun, LayerRun, Statistics
from rnncli.engine.initializers import initial_weights
from rnncli.engine.model import Model
from rnncli.engine.request import DTYPES, INITS, Request
from rnncli.engine.run import RunPlan, RunResult
from rnncli.engine.stages import STAGES
from rnncli.layers import Dropout
from rnncli.network_summary import DTYPE_BYTES


def run_json(rnncli: Run, *arguments: object) -> dict[str, Any]:
    result = rnncli("forward", "-f", "json", *arguments)
    assert all(line.startswith("wrote ") for line in result.stderr.splitlines())
    return result.objects[0]


def test_the_shapes_are_those_of_the_outputs(rnncli: Run, at: Walk) -> None:
    for line, input_shape, output_shape in (
        ("input:8,rnn:4:seq", [1, 100, 8], [1, 100, 4]),
        ("input:8,rnn:4 --batch 3 --timesteps 10", [3, 10, 8], [3, 4]),
        ("input:50x8,lstm:4:seq:bi --batch 2", [2, 50, 8], [2, 50, 8]),
        ("embed:10x4,gru:3:seq,dense:2 --timesteps 1", [1, 1], [1, 1, 2]),
        ("input:8 --timesteps 1k", [1, 1000, 8], [1, 1000, 8]),
    ):
        with at(line):
            network = run_json(rnncli, *line.split(), "-o", "out.npy")
            assert (network["input"]["shape"], network["output_shape"]) == (input_shape, output_shape)
            assert list(np.load("out.npy").shape) == output_shape


def test_a_sequence_written_in_pieces_matches_the_model(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.engine.chunks.CHUNK_NUMBERS", 100)
    x = np.random.default_rng(0).normal(size=(2, 900, 3)).astype("f4")
    np.save("x.npy", x)
    assert rnncli("forward", "input:3,rnn:2:seq", "--input", "x.npy", "-o", "y.npy").status == 0
    np.testing.assert_allclose(np.load("y.npy"), Model(Network.parse("input:3,rnn:2:seq"))(x), atol=1e-6)


def test_json_is_the_summarys_plus_measurements_and_no_framework_changes_a_run_or_its_files(rnncli: Run) -> None:
    spec, options = "embed:10x4,lstm:3:bi:seq,gru:2:seq,dense:2", ("--batch", "2", "--timesteps", "7")
    for framework in ("keras", "torch"):
        line = (spec, *options, "--dtype", "float64", "--framework", framework)
        network = run_json(rnncli, *line, "-o", f"{framework}.npy", "--save-weights", f"{framework}.npz")
        figures = ("mean", "std", "min", "max", "seconds", "saturated")
        measured = [{name: layer.pop(name) for name in figures} for layer in network["layers"]]
        assert network.pop("seconds") == pytest.approx(sum(layer["seconds"] for layer in measured))
        assert [network] == rnncli("summary", "-f", "json", *line).objects
        y = np.load(f"{framework}.npy")
        assert y.dtype == np.float64
        assert [measured[-1][name] for name in figures[:4]] == pytest.approx([y.mean(), y.std(), y.min(), y.max()])
        assert [layer["saturated"] is None for layer in measured] == [True, False, False, True]
    assert Path("torch.npy").read_bytes() == Path("keras.npy").read_bytes()
    assert Path("torch.npz").read_bytes() == Path("keras.npz").read_bytes()
    assert "gru/recurrent_kernel" in np.load("torch.npz")


def test_keras_initialisers_of_a_pytorch_network_are_noted(rnncli: Run) -> None:
    note = "Note: the weights are drawn as Keras initialises them; --init torch draws them as PyTorch does\n"
    assert note in rnncli("forward", "nn.LSTM(8, 4)").stderr
    for line in ("nn.LSTM(8,4) --init keras", "nn.LSTM(8,4) --init torch", "input:8,lstm:4 --framework torch"):
        assert note not in rnncli("forward", *line.split()).stderr


def test_numbers_that_are_not_finite_are_null_in_json(rnncli: Run) -> None:
    layer = run_json(rnncli, "input:8,rnn:30:linear", "--init", "uniform")["layers"][0]
    assert [layer[name] for name in ("mean", "std", "max")] == [None, None, None]


def test_the_same_seed_gives_the_same_bytes_in_every_process(program: Run, rnncli: Run) -> None:
    files = []
    for run in (program, rnncli):
        options = ("-o", "y.npy", "--save-weights", "w.npz", "--seed", "5", "--batch", "3")
        assert run("forward", "embed:50x8,lstm:6:bi:seq,gru:5:seq,rnn:4", *options).status == 0
        files.append((Path("y.npy").read_bytes(), Path("w.npz").read_bytes()))
    assert files[0] == files[1]


def test_another_seed_gives_other_weights_and_another_input(rnncli: Run) -> None:
    for seed in (0, 1):
        run_json(rnncli, "input:8,dense:4", "--seed", seed, "-o", f"{seed}.npy", "--save-weights", f"{seed}.npz")
        run_json(rnncli, "input:8,dropout:0", "--seed", seed, "-o", f"x{seed}.npy")
    assert not np.array_equal(np.load("x0.npy"), np.load("x1.npy"))
    assert not np.array_equal(np.load("0.npz")["dense/kernel"], np.load("1.npz")["dense/kernel"])
    run_json(rnncli, "input:8,dense:4", "-o", "default.npy")
    assert np.array_equal(np.load("default.npy"), np.load("0.npy"))


def test_the_table_reads_as_reviewed(screen: Screen) -> None:
    from rich.console import Console

    from rnncli.render.blocks import print_page
    from rnncli.render.summaries import run_page

    network = Network.parse("embed:10000x32,rnn:32:seq,lstm:32:bi,dense:1:sigmoid")
    outputs = [np.linspace(*ends, 50) for ends in ((-0.05, 0.04), (-0.5, 0.9), (-9, 8), (0.1, 0.99))]
    outputs[2] = np.tanh(outputs[2])
    layers = []
    for index, (layer, row) in enumerate(zip(network.body, network.summary(1, 100).layers, strict=True)):
        statistics = Statistics(layer.output_range())
        statistics.add(outputs[index])
        layers.append(LayerRun(row, 3.2**index * 2e-4, statistics))
    run = ForwardRun(network.summary(1, 100), tuple(layers))
    shown = []
    for columns in (80, 120):
        out = io.StringIO()
        print_page(Console(file=out, width=columns), run_page(RunResult(run, None)))
        shown.append(f"{columns} columns:\n{out.getvalue()}")
    screen("forward", "\n".join(line.rstrip() for line in "\n".join(shown).splitlines()) + "\n")


def test_a_saturated_layer_is_noted(rnncli: Run) -> None:
    spec = "input:32,rnn:64:seq,dense:3"
    assert "saturated" not in rnncli("forward", spec).stdout
    notes = [line for line in rnncli("forward", spec, "--init", "uniform").stdout.splitlines() if "saturated" in line]
    assert len(notes) == 1
    assert re.match(r"simple_rnn is saturated: 100% of its outputs .* -1 and 1\.", notes[0])


def test_a_layer_that_overflows_is_noted(rnncli: Run) -> None:
    result = rnncli("forward", "input:8,rnn:30:linear", "--init", "uniform")
    assert result.stderr == ""
    note = "simple_rnn: not all outputs are finite numbers: 30 of 30 are infinite. The values exceeded the range"
    assert " ".join(result.stdout.split()).endswith(f" {note} of float32.")
    result = rnncli("forward", "input:8,rnn:30:linear,norm", "--init", "uniform")
    said = " ".join(result.stdout.split())
    assert "layer_normalization: not all outputs are finite numbers: 30 of 30 are NaN (not a number). The v" in said
    last = next(line for line in result.stdout.splitlines() if "layer_normalization" in line)
    assert last.count("nan") == 4  # mean, deviation, extremes


def test_only_padding_is_reported_as_having_no_mean_and_not_as_growth(rnncli: Run) -> None:
    np.save("ids.npy", np.array([[0, 0, 0, 0], [3, 0, 0, 1]]))
    result = rnncli("forward", "embed:5x3:mask,pool:avg,dense:2", "--input", "ids.npy")
    said = " ".join(result.stdout.split())
    for layer, counts in (("global_average_pooling1d", "3 of 6 outputs"), ("dense", "2 of 4 outputs")):
        why = "1 of 2 samples is all padding, and the mean of no timesteps is undefined."
        assert f"{layer}: {counts} are NaN (not a number): {why}" in said
    assert "grew" not in said
    assert "inf" not in said
    np.save("x.npy", np.array([[[0.0, 0], [0, 0]], [[3, 0], [0, 0]]]))
    said = " ".join(rnncli("forward", "input:2:mask,pool:avg", "--input", "x.npy").stdout.split())
    assert f"global_average_pooling1d: 2 of 4 outputs are NaN (not a number): {why}" in said
    np.save("ids.npy", np.array([[0, 2]]))
    assert "padding" not in rnncli("forward", "embed:5x3:mask,pool:avg", "--input", "ids.npy").stdout


def test_a_window_longer_than_the_default_length_runs_first(
    rnncli: Run, at: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layer in ("conv:2x200", "pool:max:200", "pool:avg:200:stride=1", "conv:2x20:dilation=10,conv:2x10"):
        with at(layer):
            monkeypatch.setattr("rnncli.engine.forward._WARM", set())
            assert run_json(rnncli, f"input:8,{layer}", "--timesteps", "200")["output_shape"][1] == 1


def test_more_layers_run_than_pythons_recursion_limit(rnncli: Run) -> None:
    network = run_json(rnncli, "input:1,dropout:0:x1500", "--timesteps", "1")
    assert len(network["layers"]) == 1500


def test_a_layer_whose_output_shape_differs_from_its_summary_is_reported_as_a_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def narrow(*given: object) -> Callable[..., Pass]:
        def begin(states: object, tick: object) -> Pass:
            output = None
            while chunk := (yield output):
                output = Chunk(chunk.values[:, :1])

        return begin

    monkeypatch.setitem(STAGES, Dropout, narrow)
    with pytest.raises(RnncliError, match="but its summary says") as error:
        RunPlan("input:8,dropout:0.5", Request()).run()
    assert error.value.advice is not None
    assert "report it" in error.value.advice


def test_the_memory_of_a_run_does_not_grow_with_the_timesteps(rnncli: Run) -> None:
    def peak(timesteps: int) -> int:
        return peak_memory(lambda: rnncli("forward", "input:4k,rnn:2:seq,rnn:2", "-f", "csv", "--timesteps", timesteps))

    peak(1)  # imports everything that a run needs
    assert peak(800) < peak(80) + 2**21  # the further timesteps of the input take 12 MB


# From Python


def test_a_plan_takes_its_sizes_from_the_input_file_if_given() -> None:
    np.save("x.npy", np.zeros((2, 5, 8)))
    run = RunPlan("input:8,rnn:4", Request(input="x.npy"))
    assert (run.batch, run.timesteps) == (2, 5)
    with pytest.raises(UsageError, match=r"x.npy has shape \(2, 5, 8\)"):
        RunPlan("input:8,rnn:4", Request(input="x.npy", batch=3))


def test_a_note_names_the_layers_that_keep_pieces_of_a_sequence_from_adding_up() -> None:
    (note,) = RunPlan("input:8,rnn:4:bi", Request(save_state="s.npz")).notes
    assert "in pieces" in note
    (note,) = RunPlan("input:8,conv:4x3:causal,rnn:4", Request(save_state="s.npz")).notes
    assert note == "the windows of conv:4x3:causal start anew, so running a sequence in pieces gives another result"
    for alone in ("pool:avg", "pool:max", "rnn:4,repeat:3,rnn:4"):
        (note,) = RunPlan(f"input:8,rnn:4:seq,{alone}", Request(save_state="s.npz")).notes
        assert "computes its output from each piece separately" in note
    (note,) = RunPlan("input:8,rnn:4:seq,pool:max,repeat:3,pool:max", Request(save_state="s.npz")).notes
    assert note.startswith("pool:max and repeat:3 compute their output from each piece separately")
    assert RunPlan("input:8,conv:4x1,rnn:4", Request(save_state="s.npz")).notes == ()
    assert RunPlan("input:8,rnn:4", Request(save_state="s.npz")).notes == ()
    assert RunPlan("input:8,rnn:4:bi", Request()).notes == ()


def test_every_dtype_and_init_option_is_known_to_the_summary_and_fills_every_weight() -> None:
    network = Network.parse("embed:9x3,lstm:4:bi:seq,gru:3:seq,rnn:2,dense:2")
    for dtype in DTYPES:
        assert np.dtype(dtype).itemsize == DTYPE_BYTES[dtype]
        for init in INITS:
            weights = initial_weights(network, 0, np.dtype(dtype), init)
            assert all(np.isfinite(array).all() for array in weights.values())


def test_a_layers_time_excludes_preparation_and_one_time_work(monkeypatch: pytest.MonkeyPatch) -> None:
    make, load, calls = recurrent.make_loop, Loop._load, []

    def slowly_made(*arguments: Any) -> Loop:
        sleep(0.05)
        return make(*arguments)

    def slow_at_first(loop: Loop, x: np.ndarray) -> None:
        if not calls:
            sleep(0.05)
        calls.append(x)
        load(loop, x)

    monkeypatch.setattr(recurrent, "make_loop", slowly_made)
    monkeypatch.setattr(Loop, "_load", slow_at_first)
    monkeypatch.setattr("rnncli.engine.forward._WARM", set())
    for spec in ("input:3,rnn:4:seq,rnn:4", "input:3,lstm:4:bi:seq,gru:70:bi"):
        calls.clear()
        layers = RunPlan(spec, Request(timesteps=20)).run().forward.layers
        assert all(layer.seconds < 0.05 for layer in layers)


def test_weights_from_0_to_1_are_given_as_the_reason_for_saturation(rnncli: Run) -> None:
    shown = rnncli("forward", "input:8,rnn:32", "--init", "uniform").stdout
    (size,) = re.findall(r"over 8 inputs and 32 units the sum before the activation is about (\d+)\.", shown)
    draw = np.random.default_rng(0).random
    kernel, recurrent, bias, h = draw((8, 32)), draw((32, 32)), draw(32), np.zeros(32)
    for _ in range(50):
        total = draw(8) @ kernel + h @ recurrent + bias
        h = np.tanh(total)
    assert int(size) == pytest.approx(total.mean(), rel=0.1)
    assert "add up" not in rnncli("forward", "embed:10000x32,rnn:32:seq,lstm:32:bi", "--timesteps", "10").stdout


def test_a_sequence_may_be_typed_instead_of_a_file(at: Walk, rnncli: Run, tmp_path: Path) -> None:
    for spec, typed, x in (
        ("embed:50x4,lstm:8", "3,1,4", np.array([[3, 1, 4]])),
        ("embed:50x4:mask,lstm:8", "3 0 4", np.array([[3, 0, 4]])),
        ("embed:50x4,lstm:8", "[[3, 1, 4]]", np.array([[3, 1, 4]])),
        ("input:1,lstm:8", "0.5,-2,1e1", np.array([[[0.5], [-2], [10]]])),
    ):
        with at(spec):
            file, outputs = tmp_path / "x.npy", []
            np.save(file, x)
            for given in (typed, str(file)):
                assert rnncli("forward", spec, "--input", given, "-o", str(tmp_path / "y.npy")).status == 0
                outputs.append(np.load(tmp_path / "y.npy"))
            assert np.array_equal(*outputs)
    for typed, status, said in (
        ("3,1,99", 1, "id 99 (sample 0, timestep 2) is outside the vocabulary"),
        ("3,x", 1, "cannot be read"),
        ("3,,4", 1, "cannot be read"),
        ("1.5,2", 2, "expected integer ids"),
        ("9" * 30, 2, "expected integer ids"),
    ):
        with at(typed):
            result = rnncli("forward", "embed:50x4,lstm:8", "--input", typed)
            assert result.status == status
            assert said in result.stderr
