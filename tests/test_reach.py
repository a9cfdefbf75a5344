"""`rnncli reach`: how far back networks remember, against plain loops and known powers, and its display."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from command_lines import MODEL
from conftest import MODELS, Run, Screen, Walk, print_as_on_a_terminal, without_styles
from golden.data import REACHES
from sessions import replay

from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan
from rnncli.engine.twins import reach, spectral_radius, widening_starts
from rnncli.errors import ArgumentError
from rnncli.reports.reach import NetworkReach, Spread

RECALL = MODELS / "recall.safetensors"


def found(spec: str, **asked: Any) -> NetworkReach:
    return reach(RunPlan(spec, Request(**({"seeds": 5} | asked))))


def objects(rnncli: Run, *arguments: object) -> list[dict[str, Any]]:
    return rnncli("reach", *arguments, "-f", "json").objects


def weights_file(kernel: object, recurrent: object) -> str:
    """A weights file of a plain recurrent layer without a bias."""
    np.savez("weights.npz", **{"simple_rnn/kernel": kernel, "simple_rnn/recurrent_kernel": recurrent})
    return "weights.npz"


def keeping(share: float) -> str:
    """A weights file for a linear network of two units that keeps that share of its state at each step."""
    return weights_file(np.ones((1, 2)), share * np.eye(2))


# Computation


def test_a_state_multiplied_at_each_step_has_the_reach_of_its_powers(rnncli: Run, at: Walk) -> None:
    # 0.5^4 = 0.0625 and 0.5^7 = 0.0078 are the first below a tenth and a hundredth; 0.9^22 = 0.098, 0.9^44 = 0.0097.
    for share, tenth, hundredth in ((0.5, 4, 7), (0.9, 22, 44), (-0.5, 4, 7)):
        with at(share):
            line = ("input:1,rnn:2:linear:nobias", "--weights", keeping(share), "--timesteps", 60)
            (reach,) = objects(rnncli, *line)
            figures = (reach["steps_to_tenth"], reach["steps_to_hundredth"], reach["largest_after"])
            assert figures == (tenth, hundredth, 0)
            assert (reach["min"]["steps_to_tenth"], reach["max"]["steps_to_hundredth"]) == (tenth, hundredth)
            assert reach["spectral_radius"] == pytest.approx(abs(share))
            assert reach["last"] == pytest.approx(abs(share) ** 59, rel=1e-3, abs=1e-9)
            assert reach["effect"] == pytest.approx([abs(share) ** step for step in reach["time_bins"]], abs=1e-6)


def test_the_spectral_radius_is_that_of_the_candidates_block(at: Walk) -> None:
    for spec in ("input:2,rnn:6", "input:2,lstm:5", "input:2,gru:4", "input:2,lstm:3:bi,dense:2"):
        for run in found(spec, seeds=3, timesteps=5).runs:
            with at(spec, run.seed):
                weights = Model(spec, run.seed).weights
                kernels = [array for key, array in weights.items() if key.endswith("recurrent_kernel")]
                units = len(kernels[0])
                # Keras: i, f, c, o and z, r, h.
                place = {1: 0, 4: 2, 3: 2}[kernels[0].shape[1] // units]
                blocks = [kernel[:, place * units :][:, :units] for kernel in kernels]
                largest = max(max(abs(np.linalg.eigvals(block))) for block in blocks)
                assert run.spectral_radius == pytest.approx(largest, rel=1e-6)


def test_the_spectral_radius_is_the_largest_eigenvalue(at: Walk) -> None:
    for units in (1, 2, 3, 70):
        a = np.random.default_rng(units).standard_normal((units, units))
        made = {"normal": a / 7, "symmetric": a + a.T, "wide": a * 1e200, "positive": abs(a)}
        for kind, matrix in {**made, "orthogonal": np.linalg.qr(a)[0]}.items():
            with at(kind, units):
                assert spectral_radius(matrix) == pytest.approx(max(abs(np.linalg.eigvals(matrix))), rel=1e-6)
    # A shift, a rotation, and the larger of two directions.
    assert spectral_radius(np.eye(5, k=1)) == spectral_radius(np.zeros((3, 3))) == 0
    assert spectral_radius(np.array([[0.0, -1.0], [1.0, 0.0]])) == pytest.approx(1)
    assert spectral_radius(np.diag([0.5, -3.0])) == pytest.approx(3)


def test_a_forget_gate_that_starts_open_remembers_longer() -> None:
    usual, closed = (found(spec).spreads for spec in ("input:8,lstm:64", "input:8,lstm:64:forgetbias=0"))
    assert usual["steps_to_tenth"].min > closed["steps_to_tenth"].max  # type: ignore[operator]
    assert usual["steps_to_hundredth"].median > 2 * closed["steps_to_hundredth"].median  # type: ignore[operator]


NETWORKS = (
    *("input:2,rnn:5", "input:2,lstm:4:seq,dense:3", "input:2,lstm:4:forgetbias=0", "input:2,lstm:3:bi"),
    *("input:2,gru:3:reset=before,dense:2", "input:2,rnn:4:back:seq", "input:2,gru:3:back:seq,rnn:4:back"),
    *("embed:90x3,gru:5:seq,lstm:4:back,dense:3", str(RECALL)),
)


def test_a_run_matches_forwards_plot_which_matches_a_plain_loop(rnncli: Run, at: Walk) -> None:
    options = ("--timesteps", "40", "--seed", "4")
    for network in NETWORKS:
        with at(network):
            ((run,),) = (reach["runs"] for reach in objects(rnncli, network, *options, "--seeds", "1"))
            plotted = rnncli("forward", network, *options, "--plot", "-f", "json").objects[0]["plot"]["reach"]
            for key in ("steps", "largest_after", "steps_to_tenth", "steps_to_hundredth", "last", "problem", "effect"):
                assert run[key] == plotted[key]


def test_the_seeds_are_separate_runs_and_the_figures_their_medians(rnncli: Run) -> None:
    (reach,) = objects(rnncli, "input:3,gru:6", "--seeds", "4", "--seed", "2")
    assert [run["seed"] for run in reach["runs"]] == [2, 3, 4, 5]
    for run in reach["runs"]:
        (alone,) = objects(rnncli, "input:3,gru:6", "--seeds", "1", "--seed", run["seed"])
        assert alone["runs"] == [run]
    for key in ("steps_to_tenth", "steps_to_hundredth", "largest_after", "last", "spectral_radius"):
        values = [run[key] for run in reach["runs"]]
        assert (reach[key], reach["min"][key], reach["max"][key]) == (median(values), min(values), max(values))


def test_an_effect_that_has_not_faded_ranks_above_every_number() -> None:
    assert Spread.of([3, None, 5]) == (5, 3, None)
    assert Spread.of([None, 4]) == (None, 4, None)
    assert Spread.of([]) == (None, None, None)


def test_a_model_file_has_one_set_of_weights_and_a_different_input_per_seed(rnncli: Run) -> None:
    trained, fresh = objects(rnncli, RECALL, "input:1,lstm:8,dense:1", "--timesteps", "50")
    assert (trained["spec"], fresh["spec"]) == ("input:1,lstm:8,dense:1",) * 2
    assert (trained["file"], fresh["file"]) == (str(RECALL), None)
    assert len({run["spectral_radius"] for run in trained["runs"]}) == 1
    assert len({run["spectral_radius"] for run in fresh["runs"]}) == 5
    assert len({json.dumps(run["effect"]) for run in trained["runs"]}) == 5
    assert trained["steps_to_hundredth"] is None
    assert fresh["steps_to_hundredth"] < 40


def test_a_trained_network_remembers_as_long_as_in_pytorch(rnncli: Run) -> None:
    golden = json.loads(REACHES.read_text(encoding="utf-8"))
    (reach,) = objects(rnncli, RECALL, "--timesteps", golden["timesteps"], "--seeds", len(golden["seeds"]))
    for run, (tenth, hundredth, largest_after, last) in zip(reach["runs"], golden["seeds"], strict=True):
        assert [run["steps_to_tenth"], run["steps_to_hundredth"]] == [tenth, hundredth]
        assert run["largest_after"] == largest_after
        assert run["last"] == pytest.approx(last, abs=1e-3)


def test_layers_above_the_last_recurrent_one_make_no_difference() -> None:
    plain, deep = found("input:3,lstm:4", timesteps=50), found("input:3,lstm:4,dense:100,dropout:0.5", timesteps=50)
    assert deep.runs == plain.runs


def test_bins_start_with_single_steps_and_widen(at: Walk) -> None:
    for count in (1, 2, 47, 48, 49, 50, 100, 500, 10_000, 10**6, 2**31 - 1):
        with at(count):
            starts = widening_starts(count, 48)
            widths = np.diff(starts, append=count)
            assert (starts[0], len(starts), widths[0]) == (0, min(count, 48), 1)
            assert (widths[:-1] > 0).all()
            assert (np.diff(widths[:-1]) >= 0).all()


# Missing figures


def test_each_reason_for_a_missing_figure_is_given_with_its_number_of_seeds(rnncli: Run, at: Walk) -> None:
    # A unit that is dead at its first step (below zero) hides the change.
    below, above = ([first_input(seed) * sign < 0 for seed in range(9)] for sign in (1, -1))
    problems = (
        ("relu", 1.0, 0.5, "no effect", below, "dead or saturated"),
        ("relu", -1e9, 0.5, "no effect", above, "dead or saturated"),
        ("tanh", 1e9, 0.5, "no effect", [True] * 9, "dead or saturated"),
        ("relu", 1.0, 1e30, "overflow", [True] * 9, "not all outputs are finite"),
    )
    for activation, kernel, recurrent, problem, failing, reason in problems:
        with at(activation, kernel, recurrent):
            file = weights_file(np.full((1, 1), kernel), np.full((1, 1), recurrent))
            line = (f"input:1,rnn:1:{activation}:nobias", "--weights", file, "--seeds", "9")
            (reach,) = objects(rnncli, *line)
            assert [run["problem"] is not None for run in reach["runs"]] == failing
            assert (reach["failed"], reach["problem"]) == (sum(failing), problem)
            text = " ".join(rnncli("reach", *line).answer.split())
            if all(failing):
                assert reach["steps_to_tenth"] is None
                assert f"│ {problem} │" in text
            else:
                assert f"{reason} with {sum(failing)} of 9 seeds, which are left out" in text


def first_input(seed: int) -> float:
    """The first input number of a run with a seed."""
    return float(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).standard_normal(dtype=np.float32))


def test_a_run_that_does_not_fit_is_refused_before_it_starts(rnncli: Run) -> None:
    result = rnncli("reach", "input:8,lstm:1M", "input:8,rnn:2")
    assert result.status == 1
    assert "Error: input:8,lstm:1M: the network would need" in result.stderr
    assert "input:8,rnn:2" in result.stdout
    error = rnncli("reach", "input:8,rnn:64:bi", "--timesteps", "2G").refusal(1)
    assert "a smaller --timesteps needs less; back (" in error


# Display


def test_shown_and_refused_lines_read_as_reviewed(rnncli: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNCLI_SPEC", "input:3,lstm:2")
    Path(keeping(1.5)).rename("growing.npz")
    keeping(0.5)
    replay("reach", rnncli, screen)
    with pytest.raises(ArgumentError, match="1001, expected a whole number from 1 to 1,000"):
        Request(seeds=1001)


def test_output_on_a_terminal_fits_it(rnncli: Run, at: Walk, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(MODEL, "model.safetensors")
    print_as_on_a_terminal(monkeypatch)
    for columns in (40, 60, 120):
        with at(columns, "columns"):
            monkeypatch.setenv("COLUMNS", str(columns))
            lines = without_styles(rnncli("reach", "model.safetensors", "input:8,lstm:16:bi").stdout).splitlines()
            assert max(map(len, lines)) <= columns
            screen(f"reach-terminal-{columns}", "".join(f"{line.rstrip()}\n" for line in lines))
    monkeypatch.setenv("COLUMNS", "80")
    assert rnncli("reach", "input:8,lstm:64", "input:8,rnn:64").stdout.count("Network") == 1


def test_without_unicode_the_curve_has_other_bars(program: Run) -> None:
    assert ",###**" in program("reach", "input:8,rnn:8", "-f", "csv", PYTHONIOENCODING="ascii").stdout


def test_a_rows_curve_is_the_screens(rnncli: Run) -> None:
    line = ("input:8,lstm:8", "--timesteps", "48")
    (reach,) = objects(rnncli, *line)
    assert len(reach["curve"]) == 48
    assert f" 1 {reach['curve']}\n" in rnncli("reach", *line).stdout


def test_an_input_from_a_file_serves_every_seed_and_its_first_sample_is_used(rnncli: Run) -> None:
    x = np.random.default_rng(0).normal(size=(3, 40, 3)).astype("float32")
    np.save("three.npy", x)
    np.save("one.npy", x[:1])
    line = ("input:3,gru:6", "--seeds", "3")
    three, one = (objects(rnncli, *line, "--input", path) for path in ("three.npy", "one.npy"))
    assert three == one != objects(rnncli, *line, "--timesteps", "40")
    assert three[0]["timesteps"] == 40
    shown = rnncli("reach", *line, "--input", "one.npy").stdout
    assert " Medians (and ranges) of 3 seeds; each draws weights as Keras initialises them\n" in shown
    assert shown.endswith(" The input is the first sample of one.npy\n")
    rnncli("forward", "input:3,gru:6", "--save-weights", "w.npz")
    trained = ("reach", "input:3,gru:6", "--weights", "w.npz", "--input", "one.npy")
    assert " All seeds are alike because input and weights are given\n" in rnncli(*trained).stdout
