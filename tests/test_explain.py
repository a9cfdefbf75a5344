"""`rnncli explain`: every number of a summary, taken apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Result
from golden.data import STARTS as GOLDEN
from hypothesis import given
from strategies import MAX_SIZE, networks

from rnncli import Network
from rnncli.reports.explanation import Formula, explain

Run = Callable[..., Result]
Screen = Callable[[str, str], None]

STARTS = json.loads(GOLDEN.read_text(encoding="utf-8"))["networks"]

GATED = "embed:10000x32:mask,lstm:64:seq,gru:5:bi=sum,dropout:0.5,dense:1:sigmoid"


def computed(formula: Formula) -> list[int]:
    """What each step of a formula comes to when it is computed as written."""
    text = f"{formula.numbers} = {formula.value:,}"
    return [eval(step.replace("×", "*").replace(",", "")) for step in text.split("=")]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rnn", ["embed:10000x32,rnn:32"]),
        ("gated", [GATED, "--batch", "2", "--timesteps", "10"]),
        ("gru-before", ["input:4,gru:5:reset=before"]),
        ("torch", ["input:4,lstm:5:bi:seq,rnn:2:relu:back", "--framework", "torch"]),
        ("only-input", ["input:8"]),
    ],
)
def test_an_explanation_reads_as_it_was_reviewed(name: str, arguments: list[str], rnncli: Run, screen: Screen) -> None:
    result = rnncli("explain", *arguments)
    note = "Note: input:8 is an input without layers; with one: input:8,rnn:32\n"
    assert (result.status, result.stderr) == (0, note if name == "only-input" else "")
    screen(f"explain-{name}", result.stdout)


def test_it_fits_a_terminal_of_80_columns(terminal: Run, screen: Screen) -> None:
    result = terminal("explain", GATED, columns=80, NO_COLOR="1", TERM="dumb")
    assert max(map(len, result.stdout.splitlines())) <= 80
    screen("explain-terminal-80", result.stdout)


@given(networks())
def test_every_formula_comes_to_the_number_that_the_summary_counts(network: Network) -> None:
    summary, explanation = network.summary(), explain(network)
    for row, layer in zip(summary.layers, explanation.layers, strict=True):
        assert layer.summary == row
        for (weight, formula), declared in zip(layer.weights, row.weights, strict=True):
            assert set(computed(formula)) == {weight.params} == {declared.params}
            assert formula.words.count("×") == formula.numbers.count("×")
        if layer.total is None:
            assert len(layer.weights) < 2
        else:
            assert set(computed(layer.total)) == {row.params}


@given(networks())
def test_the_other_frameworks_count_is_what_its_own_summary_says(network: Network) -> None:
    theirs = explain(network).other_params
    if theirs is None:
        assert any(layer.conflict("torch") for layer in network.layers)
    else:
        assert theirs == network.summary(framework="torch").total_params
        there = explain(network, framework="torch")
        assert (there.summary.total_params, there.other_params) == (theirs, network.summary().total_params)


@given(networks())
def test_every_weight_stands_in_the_equations(network: Network) -> None:
    for framework in ("keras", "torch"):
        if any(layer.conflict(framework) for layer in network.layers):
            continue
        for layer in explain(network, framework=framework).layers:
            text = " ".join(equation.text for equation in layer.equations)
            for weight, _ in layer.weights:
                assert weight.symbol in text


def notes(spec: str, **options: Any) -> dict[str, str]:
    """The notes on the last layer of a spec by their topic."""
    return {note.topic: note.text for note in explain(Network.parse(spec), **options).layers[-1].notes}


def test_the_150_or_165_of_a_gru_are_explained_from_both_sides() -> None:
    # 3 gates of 5 units on 4 inputs: Keras 1 and reset_after=False, or Keras 2 and later.
    assert Network.parse("input:4,gru:5:reset=before").summary().total_params == 150
    assert Network.parse("input:4,gru:5").summary().total_params == 165
    assert "150 instead of 165" in notes("input:4,gru:5")["Reset"]
    assert "165 instead of 150" in notes("input:4,gru:5:reset=before")["Reset"]
    assert "Reset" not in notes("input:4,gru:5:nobias")


def test_it_says_how_pytorch_comes_to_another_count() -> None:
    text = notes("input:32,rnn:32")["PyTorch"]
    assert text.startswith("2,112: ")
    assert "bias_ih_l0 (32,) and bias_hh_l0 (32,)" in text
    assert notes("input:32,gru:32")["PyTorch"] == "6,336 as well"
    assert "reset=before" in notes("input:4,gru:5:reset=before")["PyTorch"]


def test_it_says_where_the_time_axis_goes_and_which_flag_keeps_it() -> None:
    assert "rnn:32:seq returns (None, None, 32)" in notes("input:8,rnn:32")["Output"]
    assert "the output of every timestep, stacked" in notes("input:8,rnn:32:seq")["Output"]
    assert "lstm:4:seq:bi returns (2, 7, 8)" in notes("input:8,lstm:4:bi", batch=2, timesteps=7)["Output"]


@given(networks())
def test_the_spec_that_is_said_to_keep_the_time_axis_does(network: Network) -> None:
    for layer in explain(network).layers:
        too_many = (layer.input_shape[-1] or 0) > MAX_SIZE  # what two directions return may be
        if layer.layer.states and layer.layer.returns == "vector" and not too_many:
            text = next(note.text for note in layer.notes if note.topic == "Output")
            spec, _, shape = text.partition(" keeps it: ")[2].partition(" returns ")
            sizes = [str(size) for size in layer.input_shape[1:] if size is not None]
            kept = Network.parse(f"input:{'x'.join(sizes)},{spec}")
            assert str(kept.summary().output_shape) == shape


def test_it_says_that_outputs_are_stacked_and_not_joined_end_to_end() -> None:
    assert "(timesteps, 32) for each sample and not (timesteps · 32,)" in notes("input:8,rnn:32:seq")["Output"]
    assert "(7, 8) for each sample and not (56,)" in notes("input:7x8,lstm:4:seq:bi")["Output"]


@pytest.mark.parametrize("entry", [entry for entry in STARTS if "returned" in entry], ids=lambda entry: entry["spec"])
def test_it_says_what_the_frameworks_return_beside_the_output(entry: dict[str, Any]) -> None:
    states = {1: "the last h, too,", 2: "the last of both", 4: "the last of all four"}
    said = notes(entry["spec"])["State"]
    assert f"Keras returns {states[entry['returned']['keras']]} with return_state=True, PyTorch as (output, " in said
    if "torch" in entry["returned"]:
        _, state = entry["returned"]["torch"]
        form = "(output, (h_n, c_n))" if isinstance(state[0], list) else "(output, h_n)"
        assert f"PyTorch as {form}; here `forward --save-state`" in said
        said = notes(entry["spec"], framework="torch")["State"]
        assert f"PyTorch returns {form}, Keras with return_state=True; here `forward --save-state`" in said


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("input:8,rnn:4", "h, 4 numbers, is zero at the start of every sample. The output is h. "),
        ("input:8,gru:4", "h, 4 numbers, is zero at the start of every sample. The output is h. "),
        ("input:8,lstm:4", "h and c, 4 numbers each, are zero at the start of every sample. "),
        ("input:8,lstm:4", "The output is h; c stays inside. "),
        ("input:8,gru:4:bi", "h of both directions, 4 numbers each, is zero at the start of every sample. "),
        ("input:8,gru:4:bi", "The output is both h, merged. "),
        ("input:8,lstm:4:bi=sum", "The output is both h, merged; both c stay inside. "),
    ],
)
def test_it_says_what_leaves_and_what_stays(spec: str, text: str) -> None:
    assert text in notes(spec)["State"]


def test_in_pytorchs_words_it_says_which_of_what_is_returned_is_the_output() -> None:
    assert "PyTorch's h_n[-1]: " in notes("input:8,lstm:4", framework="torch")["Output"]
    assert "PyTorch's output, that of every timestep" in notes("input:8,lstm:4:seq", framework="torch")["Output"]
    both = notes("input:8,lstm:4:bi", framework="torch")["Output"]
    assert "h_n[-2] and h_n[-1]" in both
    assert "output[:, -1] is something else: there the backward cell has read one step alone" in both
    assert "x.flip(1)" in notes("input:8,rnn:4:back", framework="torch")["Backwards"]


def test_json_holds_all_of_it_as_data(rnncli: Run) -> None:
    explained = json.loads(rnncli("explain", "-f", "json", "input:4,gru:5,dropout:0.5").stdout)
    assert {key: explained[key] for key in ("spec", "framework", "other_framework", "total_params")} == {
        "spec": "input:4,gru:5,dropout:0.5",
        "framework": "keras",
        "other_framework": "torch",
        "total_params": 165,
    }
    gru, dropout = explained["layers"]
    assert gru["equations"][-1] == {"text": "h_t = z_t * h_{t-1} + (1 - z_t) * g_t", "means": "state and output"}
    assert gru["weights"][2] == {
        "name": "bias",
        "symbol": "b",
        "shape": [2, 15],
        "axes": [
            [{"name": "biases", "number": 2}],
            [{"name": "gates", "number": 3}, {"name": "units", "number": 5}],
        ],
        "formula": {"words": "biases × gates × units", "numbers": "2 × 3 × 5", "value": 30},
        "params": 30,
        "start": "zeros",
        "limit": None,
    }
    assert gru["formula"] == {
        "words": "gates × units × (input + units + biases)",
        "numbers": "3 × 5 × (4 + 5 + 2) = 15 × 11",
        "value": 165,
    }
    assert (gru["states"], gru["params"], gru["other_params"]) == (["h"], 165, 165)
    assert (dropout["weights"], dropout["formula"], dropout["params"]) == ([], None, 0)


def test_a_framework_that_cannot_express_the_network_is_an_error_that_says_so(rnncli: Run) -> None:
    result = rnncli("explain", "input:4,gru:5:reset=before", "--framework", "torch")
    assert (result.status, result.stdout) == (2, "")
    assert "Help: what PyTorch can express: input:4,gru:5\n" in result.stderr


def test_it_names_the_blocks_of_an_array_in_the_frameworks_own_order() -> None:
    # Keras: z, r, h in columns; PyTorch: r, z, n in rows, and i, f, g, o for an LSTM.
    assert "the columns of z, r and h lie side by side" in notes("input:4,gru:5")["Gates"]
    assert "the rows of r, z and n lie one below the other" in notes("input:4,gru:5", framework="torch")["Gates"]
    assert "the rows of i, f, g and o lie" in notes("input:4,lstm:5", framework="torch")["Gates"]


def test_of_thousands_of_layers_the_first_and_the_last_are_explained(rnncli: Run) -> None:
    layers = [f"dense:{1 + number % 9}" for number in range(8_000)]
    text = rnncli("explain", ",".join(["input:8", *layers])).stdout
    assert len(text) < 128 * 1024
    assert "dense … dense_7999" not in text
    assert [line for line in text.splitlines() if "left out" in line] == [
        "dense_50 … dense_7949  7,900 layers are left out here; `-f json` explains every one"
    ]
    assert all(f"\ndense_{number} (Dense)" in text for number in (1, 49, 7950, 7999))
    assert not any(f"\ndense_{number} (Dense)" in text for number in (50, 7949))


@pytest.mark.parametrize("count", [99, 100])
def test_a_hundred_layers_are_all_explained(count: int, rnncli: Run) -> None:
    text = rnncli("explain", ",".join(["input:8", *(f"dense:{1 + number % 9}" for number in range(count))])).stdout
    assert text.count(" (Dense)  dense:") == count
    assert "left out" not in text
