"""`rnncli forward`: its options, what it says of a run, and what a run may take."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result, Walk
from kinds import KINDS, small_network

from rnncli import Network
from rnncli.engine.forward import ForwardRun, LayerRun
from rnncli.engine.statistics import Statistics

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_json(rnncli: Run, *arguments: object) -> dict[str, Any]:
    result = rnncli("forward", "-f", "json", *arguments)
    assert result.status == 0
    assert all(line.startswith("wrote ") for line in result.stderr.splitlines())
    return json.loads(result.stdout)


def test_the_shapes_are_those_that_came_out(rnncli: Run, at: Walk) -> None:
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


def test_json_is_the_summarys_with_what_was_measured(rnncli: Run) -> None:
    options = ("--batch", "2", "--timesteps", "7", "--dtype", "float64")
    spec = "embed:10x4,lstm:3:bi:seq,dense:2"
    network = run_json(rnncli, spec, *options, "-o", "out.npy")
    measured = [
        {name: layer.pop(name) for name in ("seconds", "mean", "std", "min", "max", "saturated")}
        for layer in network["layers"]
    ]
    assert network.pop("seconds") == pytest.approx(sum(layer["seconds"] for layer in measured))
    assert network == json.loads(rnncli("summary", "-f", "json", spec, *options).stdout)
    y = np.load("out.npy")
    assert y.dtype == np.float64
    assert [measured[-1][name] for name in ("mean", "std", "min", "max")] == pytest.approx(
        [y.mean(), y.std(), y.min(), y.max()]
    )
    assert [layer["saturated"] is None for layer in measured] == [True, False, True]


def test_the_weights_are_counted_as_a_framework_has_them_and_the_run_and_its_files_stay_the_same(rnncli: Run) -> None:
    spec, options = "embed:10x4,lstm:3:bi:seq,gru:5", ("--batch", "2", "--timesteps", "7")
    torch = run_json(rnncli, spec, *options, "--framework", "torch", "-o", "torch.npy", "--save-weights", "torch.npz")
    run_json(rnncli, spec, *options, "-o", "keras.npy", "--save-weights", "keras.npz")
    for layer in torch["layers"]:
        for name in ("seconds", "mean", "std", "min", "max", "saturated"):
            del layer[name]
    del torch["seconds"]
    assert torch == json.loads(rnncli("summary", "-f", "json", spec, *options, "--framework", "torch").stdout)
    assert Path("torch.npy").read_bytes() == Path("keras.npy").read_bytes()
    assert Path("torch.npz").read_bytes() == Path("keras.npz").read_bytes()
    assert "gru/recurrent_kernel" in np.load("torch.npz")


def test_what_a_framework_cannot_express_is_not_run(rnncli: Run) -> None:
    result = rnncli("forward", "input:4,gru:5:reset=before", "--framework", "torch", "-o", "out.npy")
    assert (result.status, result.stdout, Path("out.npy").exists()) == (2, "", False)
    assert "what PyTorch can express: input:4,gru:5" in result.stderr


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


def test_a_random_input_does_not_change_when_it_gets_longer(rnncli: Run) -> None:
    for timesteps in (1000, 40_000):
        run_json(rnncli, "input:8", "--timesteps", timesteps, "--batch", "2", "-o", f"{timesteps}.npy")
    assert np.array_equal(np.load("1000.npy"), np.load("40000.npy")[:, :1000])


def test_the_table_reads_as_it_was_reviewed(screen: Callable[[str, str], None]) -> None:
    from rich.console import Console

    from rnncli.render.runs import print_run

    network = Network.parse("embed:10000x32,rnn:32:seq,lstm:32:bi,dense:1:sigmoid")
    outputs = [np.linspace(*ends, 50) for ends in ((-0.05, 0.04), (-0.5, 0.9), (-9, 8), (0.1, 0.99))]
    outputs[2] = np.tanh(outputs[2])
    layers = []
    for index, (layer, row) in enumerate(zip(network.body, network.summary(1, 100).layers, strict=True)):
        statistics = Statistics(layer.output_range())
        statistics.add(outputs[index])
        layers.append(LayerRun(row, 3.2**index * 2e-4, statistics))
    shown = []
    for columns in (80, 120):
        out = io.StringIO()
        print_run(Console(file=out, width=columns), ForwardRun(network.summary(1, 100), tuple(layers)))
        shown.append(f"{columns} columns:\n{out.getvalue()}")
    screen("forward", "\n".join(line.rstrip() for line in "\n".join(shown).splitlines()) + "\n")


def test_a_saturated_layer_is_pointed_out(rnncli: Run) -> None:
    spec = "input:32,rnn:64:seq,dense:3"
    assert "saturated" not in rnncli("forward", spec).stdout
    notes = [line for line in rnncli("forward", spec, "--init", "uniform").stdout.splitlines() if "saturated" in line]
    assert len(notes) == 1
    assert re.match(r"simple_rnn is saturated: 100% of its outputs .* -1 and 1\.", notes[0])


def test_a_layer_that_overflows_is_pointed_out(rnncli: Run) -> None:
    result = rnncli("forward", "input:8,rnn:30:linear", "--init", "uniform")
    assert result.stderr == ""
    note = "simple_rnn: not all outputs are finite numbers. The values grew past what float32 holds."
    assert result.stdout.endswith(f"\n\n{note}\n")


def test_a_layer_of_every_kind_runs(rnncli: Run, at: Walk) -> None:
    for spec in map(small_network, KINDS.values()):
        with at(spec):
            network = run_json(rnncli, spec, "--timesteps", "2")
            assert [layer["name"] for layer in network["layers"]] == list(Network.parse(spec).names)


def test_more_layers_run_than_python_calls_functions_in_one_another(rnncli: Run) -> None:
    network = run_json(rnncli, "input:1,dropout:0:x1500", "--timesteps", "1")
    assert len(network["layers"]) == 1500


def test_the_memory_of_a_run_does_not_grow_with_the_timesteps(rnncli: Run) -> None:
    def peak(timesteps: int) -> int:
        tracemalloc.start()
        try:
            assert rnncli("forward", "input:4k,rnn:2:seq,rnn:2", "-f", "csv", "--timesteps", timesteps).status == 0
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # imports what a run needs
    assert peak(800) < 1.2 * peak(80)
