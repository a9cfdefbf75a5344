"""`rnncli forward --plot`: its figures for the last recurrent layer, and their display."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from conftest import Run, Screen, Walk, memory_below
from rich.console import Console
from rich.text import Text

from rnncli import Network
from rnncli.engine.chunks import chunk_of, random_chunks
from rnncli.engine.model import Model
from rnncli.engine.run import watched
from rnncli.engine.study import Study, study_of
from rnncli.render.blocks import print_page
from rnncli.render.over_time import legend, study_page
from rnncli.reports.reach import LayerReach


def study(model: Model, x: np.ndarray, steps: int | None = None, **options: Any) -> Study:
    """The study of an input array; `steps` is the length of its chunks."""
    chunks = model.chunks_of(x)
    if steps is not None:
        chunks = (
            chunk_of(model.network, x[:, start : start + steps], start, model.dtype)
            for start in range(0, x.shape[1], steps)
        )
    return study_of(model, watched(model.network), chunks, *x.shape[:2], **options)


def random_study(spec: str, timesteps: int, init: str = "keras", batch: int = 1) -> Study:
    network = Network.parse(spec)
    dtype = np.dtype("float64")
    model = Model(network, init=init, dtype="float64")
    chunks = random_chunks(network, batch, timesteps, 16, 0, init, dtype)
    return study_of(model, watched(network), chunks, batch, timesteps)


def one_unit(recurrent_weight: float, activation: str = "linear") -> Model:
    """h = act(x + w·h), for which the effect of a change can be computed by hand."""
    weights = {"simple_rnn/kernel": [[1.0]], "simple_rnn/recurrent_kernel": [[recurrent_weight]]}
    return Model(Network.parse(f"input:1,rnn:1:{activation}:nobias"), weights=weights)


def shown(study: Study, width: int = 80, **options: Any) -> str:
    out = io.StringIO()
    print_page(Console(file=out, width=width, **options), study_page(study))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


# How far back it remembers


def test_a_unit_that_decays_by_a_factor_has_the_reach_of_its_powers(at: Walk) -> None:
    for weight in (0.5, 0.9, -0.5, 0.05):
        with at(weight):
            result = study(one_unit(weight), np.random.default_rng(0).random((1, 100, 1)))
            reach = result.reach
            tenth, hundredth = (next(n for n in range(100) if abs(weight) ** n < share) for share in (0.1, 0.01))
            assert (reach.steps_to_tenth, reach.steps_to_hundredth, reach.largest_after) == (tenth, hundredth, 0)
            expected = [abs(weight) ** first for first in result.outputs.time_bins]  # each bin's largest
            assert reach.effect == pytest.approx(expected, abs=1e-6)


def test_an_effect_that_does_not_fade_within_the_sequence_is_reported() -> None:
    reach = study(one_unit(0.5), np.ones((1, 6, 1))).reach
    assert (reach.steps, reach.steps_to_tenth, reach.steps_to_hundredth) == (6, 4, None)
    assert reach.last == pytest.approx(0.5**5)
    # A drop only at the last step counts.
    assert study(one_unit(0.5), np.ones((1, 5, 1))).reach.steps_to_tenth == 4
    assert study(one_unit(0.5), np.ones((1, 4, 1))).reach.steps_to_tenth is None
    # A growing effect is compared with its maximum.
    reach = study(one_unit(1.5), np.ones((1, 12, 1))).reach
    assert (reach.largest_after, reach.steps_to_tenth, reach.last) == (11, None, 1)


def test_a_dead_or_fully_saturated_unit_shows_no_effect() -> None:
    for activation, x in (("relu", -1.0), ("tanh", 30.0)):
        result = study(one_unit(0.5, activation), np.full((1, 9, 1), x))
        assert result.reach == LayerReach("no effect", 9)
        assert "dead or saturated" in " ".join(shown(result).split())


def test_a_run_that_overflows_says_so() -> None:
    for weight, timesteps in ((1e30, 40), (-1e30, 400)):  # in a bin of several steps inf meets -inf
        result = study(one_unit(weight), np.ones((1, timesteps, 1)))
        assert result.reach.problem == "overflow"
        assert "not all outputs are finite" in shown(result)
        json.dumps(result.as_dict(), allow_nan=False)


STACKS = """
rnn:5:seq  lstm:4  gru:4:reset=before  rnn:4:back:seq  dense:3:tanh,lstm:3:back  rnn:3:seq,gru:4:back
gru:3:back:seq,rnn:4:seq,dense:2  gru:3:back:seq,dropout:0.5,lstm:3:back  lstm:3:bi  rnn:3:bi=sum:seq
gru:3:bi=ave:seq,rnn:4:back  rnn:3:back:seq,gru:3:bi=mul
"""


def test_the_effect_and_the_norm_match_a_plain_loop(at: Walk) -> None:
    for spec, seed in product(STACKS.split(), (0, 1)):
        with at(spec, seed):
            check_against_a_plain_loop(f"input:1,{spec}", seed)


def check_against_a_plain_loop(spec: str, seed: int) -> None:
    network = Network.parse(spec)
    model = Model(network, seed=seed, dtype="float64")
    timesteps = 60
    x = np.random.default_rng(seed).standard_normal((1, timesteps, 1))
    result = study(model, x)

    backwards = spec.count("back") % 2 == 1
    changed = x.copy()
    changed[0, -1 if backwards else 0] += 1e-6
    part = watched(network)
    h, other = (reference.run(part, {key: model.weights[key] for key in weights_of(part)}, x)[0] for x in (x, changed))
    effect = np.linalg.norm(other - h, axis=1)
    effect /= effect.max()
    tenth, hundredth = (int(np.flatnonzero(effect >= share)[-1]) + 1 for share in (0.1, 0.01))
    assert result.backwards == backwards
    assert result.reach.largest_after == effect.argmax()
    assert result.reach.steps_to_tenth == (tenth if tenth < timesteps else None)
    assert result.reach.steps_to_hundredth == (hundredth if hundredth < timesteps else None)
    assert result.reach.effect == pytest.approx(effect, abs=1e-3)

    norms = np.linalg.norm(h, axis=1)
    assert result.outputs.norm == pytest.approx(norms)
    figures = (result.outputs.norm_mean, result.outputs.norm_min, result.outputs.norm_max)
    assert figures == pytest.approx((norms.mean(), norms.min(), norms.max()))
    assert np.array(result.outputs.activations) == pytest.approx(h.T)


def weights_of(network: Network) -> list[str]:
    return [f"{layer.name}/{weight.name}" for layer in network.summary().layers for weight in layer.weights]


# The outputs


def test_bins_hold_the_means_of_their_units_and_steps() -> None:
    model = Model(Network.parse("input:3,gru:40:seq"), dtype="float64")
    x = np.random.default_rng(0).standard_normal((1, 150, 3))
    outputs, y = study(model, x).outputs, model(x)[0]
    assert (len(outputs.time_bins), len(outputs.unit_bins)) == (64, 16)
    times, units = (*outputs.time_bins, 150), (*outputs.unit_bins, 40)
    for row in (0, 7, 15):
        for column in (0, 31, 63):
            part = y[times[column] : times[column + 1], units[row] : units[row + 1]]
            assert outputs.activations[row][column] == pytest.approx(part.mean())


def test_a_sequence_in_chunks_gives_the_same_study_as_the_whole(at: Walk) -> None:
    generator = np.random.default_rng(0)
    numbers, ids = generator.standard_normal((2, 131, 3)), generator.integers(0, 4, (2, 131))
    for spec in ("input:3,rnn:20", "input:3,lstm:5:bi:seq,gru:4:back", "embed:4x3:mask,gru:5:back"):
        with at(spec):
            model = Model(Network.parse(spec), dtype="float64")
            x = ids if spec.startswith("embed") else numbers
            whole, pieces = (study(model, x, steps).as_dict() for steps in (131, 10))
            assert flat(pieces) == pytest.approx(flat(whole), rel=1e-6, abs=1e-9)


def flat(data: Any) -> list[float]:
    """All numbers in plain data, in order."""
    if isinstance(data, dict):
        return [number for value in data.values() for number in flat(value)]
    if isinstance(data, list | tuple):
        return [number for value in data for number in flat(value)]
    return [float(data)] if isinstance(data, int | float) else []


def test_a_network_with_uniform_weights_is_saturated_and_remembers_nothing() -> None:
    result = random_study("input:32,rnn:64:seq", 100, "uniform")
    assert (result.outputs.saturated_units, result.reach.steps_to_hundredth) == (64, 1)
    usual = random_study("input:32,rnn:64:seq", 100)
    assert usual.outputs.saturated_units == 0
    assert usual.reach.steps_to_hundredth is not None
    assert usual.reach.steps_to_hundredth > 3


def test_a_unit_counts_as_saturated_from_half_of_the_time_on() -> None:
    weights = {"simple_rnn/kernel": [[1.0]], "simple_rnn/recurrent_kernel": [[0.0]]}
    model = Model(Network.parse("input:1,rnn:1:nobias"), weights=weights)
    x = np.array([3.0, -3.0, 0.1, 0.2])[None, :, None]
    result = study(model, x).outputs
    assert (result.saturated_units, result.saturated) == (1, (1, 1, 0, 0))
    assert study(model, x[:, 1:]).outputs.saturated_units == 0
    # None are where the outputs have no bounds.
    result = random_study("input:2,rnn:4:relu", 5)
    assert result.outputs.saturated is None
    assert "have no bounds" in shown(result)


def test_padding_changes_no_figure(at: Walk) -> None:
    inputs = {
        "embed:9x3:mask": np.random.default_rng(1).integers(1, 9, (1, 40)),
        "input:3:mask": np.random.default_rng(1).normal(size=(1, 40, 3)),
    }
    layers = ("rnn:4", "lstm:3:seq", "gru:3:back", "lstm:3:bi", "rnn:3:bi=mul:seq")
    for head, fields, padding in product(inputs, layers, ((0, 30), (30, 0), (7, 5))):
        with at(head, fields, padding):
            model, x = Model(Network.parse(f"{head},{fields}"), dtype="float64"), inputs[head]
            pad = ((0, 0), padding, (0, 0))[: x.ndim]
            plain, padded = study(model, x), study(model, np.pad(x, pad), steps=8)
            assert padded.reach.steps == 40
            reaches, outputs = [each.reach for each in (padded, plain)], [each.outputs for each in (padded, plain)]
            assert len({each._replace(last=None, effect=()) for each in reaches}) == 1
            ours, theirs = [(each.norm_mean, each.norm_min, each.norm_max, each.saturated_units) for each in outputs]
            assert ours == pytest.approx(theirs)
            before, behind = padding if not plain.backwards else padding[::-1]
            blanks = [value is None for value in padded.outputs.norm]
            assert sum(blanks) >= (before + behind) * 64 // 80 - 2
            assert (blanks[0], blanks[-1]) == (before > 0, behind > 0)


def test_the_omitted_steps_are_those_that_the_layer_skips(at: Walk) -> None:
    ids = np.random.default_rng(3).integers(0, 3, (1, 40))
    ids[:, 30:] = 0
    for below, fields in product(
        ("", "rnn:3:seq,", "lstm:3:back:seq,", "gru:2:bi:seq,"), ("gru:4:seq", "lstm:3:back:seq", "rnn:3:bi:seq")
    ):
        with at(below, fields):
            model = Model(Network.parse(f"embed:3x2:mask,{below}{fields}"), dtype="float64")
            # Keras passes the mask on unchanged, even from a layer that reverses time.
            counts = (ids[0] != 0)[:: -1 if "back" in fields else 1]
            rows = study(model, ids, steps=7).outputs.activations
            assert all([value is not None for value in row] == counts.tolist() for row in rows)
            values = np.array([[value for value in row if value is not None] for row in rows])
            assert values == pytest.approx(model(ids)[0, counts].T)


def test_a_sample_of_only_padding_is_reported() -> None:
    result = study(Model(Network.parse("embed:9x3:mask,rnn:4:back")), np.zeros((1, 5), int))
    assert result.reach == LayerReach("padding")
    assert "all padding" in shown(result)
    assert "nan" not in shown(result)
    assert "Norm of the state  not known\n  Saturated units    not known\n" in shown(result)
    json.dumps(result.as_dict(), allow_nan=False)


def test_the_first_sample_of_a_batch_is_shown() -> None:
    model = Model(Network.parse("input:3,lstm:4:bi"))
    x = np.random.default_rng(0).standard_normal((3, 20, 3))
    batch, alone = study(model, x), study(model, x[:1])
    assert (batch.outputs, batch.reach) == (alone.outputs, alone.reach)
    assert "the first of 3 samples" in shown(batch)


def test_a_given_state_is_the_start_and_is_not_modified() -> None:
    model = Model(Network.parse("input:3,lstm:4:seq,gru:5:seq"), dtype="float64")
    x = np.random.default_rng(0).standard_normal((2, 30, 3))
    _, states = model.run(x[:, :20])
    before = {key: state.copy() for key, state in states.items()}
    outputs = study(model, x[:, 20:], states=states).outputs
    assert np.array(outputs.activations) == pytest.approx(model(x)[0, 20:].T)
    assert all(np.array_equal(states[key], state) for key, state in before.items())


def test_only_needed_layers_are_run_and_an_embedding_is_not_copied() -> None:
    part = watched(Network.parse("embed:1Mx64,rnn:8:seq,lstm:4,dense:9,dropout:0.5"))
    assert str(part) == "input:64,rnn:8:seq,lstm:4:seq"


# The command


def test_json_has_a_plot(rnncli: Run) -> None:
    options = ("input:3,rnn:8:seq,gru:20:back", "--timesteps", "200", "-f", "json")
    plot = rnncli("forward", *options, "--plot").objects[0]["plot"]
    assert (plot["name"], plot["timesteps"], plot["units"], plot["backwards"]) == ("gru", 200, 20, True)
    assert np.shape(plot["activations"]) == (16, 64)
    assert len(plot["norm"]["bins"]) == len(plot["saturated"]) == len(plot["reach"]["effect"]) == 64
    assert plot["saturated_units"] == 0
    assert 0 < plot["reach"]["steps_to_tenth"] < plot["reach"]["steps_to_hundredth"]
    assert "plot" not in rnncli("forward", *options).objects[0]


def test_the_run_above_the_plot_is_the_same_run(rnncli: Run) -> None:
    np.save("x.npy", np.random.default_rng(0).standard_normal((2, 30, 3)))
    spec = "input:3,lstm:4:seq,rnn:3:seq"
    assert rnncli("forward", spec, "--input", "x.npy", "--save-state", "s.npz", "-o", "plain.npy").status == 0
    options = ("--input", "x.npy", "--state", "s.npz")
    assert rnncli("forward", spec, *options, "-o", "plain.npy", "--save-state", "t.npz").status == 0
    result = rnncli("forward", spec, *options, "-o", "plotted.npy", "--save-state", "u.npz", "-f", "json", "--plot")
    assert Path("plain.npy").read_bytes() == Path("plotted.npy").read_bytes()
    assert Path("t.npz").read_bytes() == Path("u.npz").read_bytes()
    activations = result.objects[0]["plot"]["activations"]
    assert np.array(activations) == pytest.approx(np.load("plain.npy")[0].T, abs=1e-5)


def test_a_document_has_the_figures_of_a_plot_as_text_next_to_the_drawing(rnncli: Run) -> None:
    for format_, strong in (("markdown", "- **{}**: "), ("html", "<li><strong>{}</strong>: ")):
        shown = rnncli("forward", "input:3,rnn:2", "--plot", "-f", format_).stdout
        assert all(strong.format(each) in shown for each in ("Norm of the state", "Saturated units", "Reach"))


def test_the_plot_of_a_long_run_takes_no_more_memory(rnncli: Run) -> None:
    with memory_below(10_000_000):  # the whole input and its copy would take 4000 × 1000 × 2 × 4 bytes, 32 MB
        line = ("forward", "input:4k,rnn:2:seq,rnn:2", "-f", "json", "--plot", "--timesteps", "1k")
        assert rnncli(*line).status == 0


# The display


def padded_study() -> Study:
    model = Model(Network.parse("embed:9x3:mask,rnn:4:back"), dtype="float64", seed=2)
    ids = np.random.default_rng(1).integers(1, 9, (1, 20))
    return study(model, np.pad(ids, ((0, 0), (0, 8))))


SCREENS: dict[str, Callable[[], Study]] = {
    "plot": lambda: random_study("embed:10000x32,rnn:32:seq,rnn:32", 100),
    "plot-uniform": lambda: random_study("input:32,rnn:64:seq", 100, "uniform"),
    "plot-lstm": lambda: random_study("input:8,lstm:16", 1000, batch=4),
    "plot-padded": padded_study,
    "plot-relu": lambda: random_study("input:3,rnn:5:relu:seq,dense:2", 12),
    "plot-one-step": lambda: random_study("input:3,gru:2", 1),
    "plot-overflow": lambda: study(one_unit(1e30), np.ones((1, 20, 1))),
    "plot-40": lambda: random_study("input:8,gru:6:bi", 100),
    "plot-160": lambda: random_study("input:8,gru:6:bi", 100),
}


def test_a_plot_reads_as_reviewed_and_fits_its_terminal(screen: Screen, at: Walk) -> None:
    for name, made in SCREENS.items():
        with at(name):
            columns = int(re.sub(r"\D", "", name) or 80)
            text = shown(made(), columns)
            assert max(map(len, text.splitlines())) <= columns
            screen(name, text)


def test_a_character_in_the_legend_is_next_to_its_meaning(at: Walk) -> None:
    result = random_study("input:8,lstm:3:bi", 9)
    for columns in range(36, 90):
        with at(columns):
            text = shown(result, columns)
            assert len(re.findall("[≡=·+*#-] -?[0-9]", text)) == 7
            assert len(re.findall("(norm|saturated) [0-9.]+ to [0-9]", text)) == 2


def test_the_parts_of_a_legend_share_a_line_that_just_fits_them() -> None:
    for room, lines in ((10, 1), (9, 2)):
        console = Console(width=len("saturated") + 3 + room)
        assert len([*legend(console, [Text("aaaa"), Text("bbbb")], ", ")]) == lines


def test_the_last_timestep_is_labelled_once_and_a_single_column_works() -> None:
    assert "timestep 0               4\n" in shown(random_study("input:8,lstm:3", 5))
    assert "Reach" not in shown(random_study("input:8,rnn:3", 100), 1)


def test_a_decoder_is_plotted_over_its_own_timesteps(rnncli: Run) -> None:
    found = rnncli("forward", "input:3,lstm:4,repeat:30,gru:5", "-f", "json", "--plot").objects[0]["plot"]
    assert (found["name"], found["timesteps"], found["reach"]["steps"]) == ("gru", 30, 30)
    assert len(found["time_bins"]) == 30
    # A decoder's steps are counted from its own start, in its own reading order.
    back = rnncli("forward", "input:3,lstm:4:back,repeat:30,gru:5:back", "-f", "json", "--plot").objects[0]["plot"]
    assert (back["backwards"], back["reach"]["steps"]) == (True, 30)
