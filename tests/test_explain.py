"""`rnncli explain`: every number of a summary, broken down."""

from __future__ import annotations

import json
import re
from typing import Any

from conftest import Run, Screen, Walk
from golden.data import STARTS as GOLDEN
from hypothesis import given
from hypothesis import strategies as st
from kinds import HEADS
from sessions import blocks
from strategies import MAX_SIZE, layers_of, networks

from rnncli import Network
from rnncli.reports.explanation import Formula, explain


def computed(formula: Formula) -> list[int]:
    """The results of a formula's steps, computed as written."""
    text = f"{formula.numbers} = {formula.value:,}"
    return [eval(step.replace("×", "*").replace(",", "")) for step in text.split("=")]


@given(networks())
def test_every_formula_gives_the_summarys_number(network: Network) -> None:
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
def test_the_other_frameworks_count_matches_its_own_summary(network: Network) -> None:
    theirs = explain(network).other_params
    if theirs is None:
        assert any(layer.conflict("torch") for layer in network.layers)
    else:
        assert theirs == network.summary(framework="torch").total_params
        there = explain(network, framework="torch")
        assert (there.summary.total_params, there.other_params) == (theirs, network.summary().total_params)


@given(networks())
def test_every_weight_appears_in_the_equations(network: Network) -> None:
    for framework in ("keras", "torch"):
        if any(layer.conflict(framework) for layer in network.layers):
            continue
        for layer in explain(network, framework=framework).layers:
            text = " ".join(equation.text for equation in layer.equations)
            for weight, _ in layer.weights:
                assert weight.symbol in text


@given(networks(layers_of(HEADS, st.just(1)), sizes=st.just(1)))
def test_a_single_thing_is_in_the_singular(network: Network) -> None:
    text = f"{network.explain(1)}\n{network.summary(1).title}"
    assert not re.search(r"(?<![-0-9,.])1 (numbers|parameters|timesteps|weights)\b", text)


@given(networks())
def test_a_mask_is_mentioned_where_there_is_one(network: Network) -> None:
    masked = [any(note.topic == "Mask" for note in layer.notes) for layer in network.explain().layers]
    assert any(masked) == bool(masked and network.head.mask_zero)
    assert all(reads or at == 0 for at, (said, reads) in enumerate(zip(masked, network.masked, strict=True)) if said)


def notes(spec: str, **options: Any) -> dict[str, str]:
    """The notes on a spec's last layer, by topic."""
    return {note.topic: note.text for note in explain(Network.parse(spec), **options).layers[-1].notes}


def test_the_notes_read_as_reviewed(screen: Screen) -> None:
    # 3 gates of 5 units on 4 inputs: Keras 1 and reset_after=False, or Keras 2 and later.
    assert "150 instead of 165" in notes("input:4,gru:5")["Reset"]
    assert "165 instead of 150" in notes("input:4,gru:5:reset=before")["Reset"]

    def said(line: str) -> str:
        spec, _, framework = line.partition(" ")
        found = notes(spec, **{"framework": framework} if framework else {})
        return "\n".join(f"  {topic}: {text}" for topic, text in found.items())

    blocks("explain-notes", said, screen)


def test_shapes_use_the_given_batch_and_timesteps() -> None:
    assert "lstm:4:seq:bi returns (2, 7, 8)" in notes("input:8,lstm:4:bi", batch=2, timesteps=7)["Output"]


@given(networks())
def test_the_spec_suggested_to_keep_the_time_axis_keeps_it(network: Network) -> None:
    for layer in explain(network).layers:
        too_many = (layer.summary.input_shape[-1] or 0) > MAX_SIZE  # the output of two directions may exceed it
        if layer.summary.layer.states and layer.summary.layer.returns == "vector" and not too_many:
            text = next(note.text for note in layer.notes if note.topic == "Output")
            spec, _, shape = text.partition(" keeps the axis: ")[2].partition(" returns ")
            sizes = [str(size) for size in layer.summary.input_shape[1:] if size is not None]
            kept = Network.parse(f"input:{'x'.join(sizes)},{spec}")
            assert str(kept.summary().output_shape) == shape


def test_it_says_what_the_frameworks_return_beside_the_output(at: Walk) -> None:
    states = {1: "the final h", 2: "both final states", 4: "all four final states"}
    for entry in json.loads(GOLDEN.read_text(encoding="utf-8"))["networks"]:
        if "returned" not in entry:
            continue
        with at(entry["spec"]):
            said = notes(entry["spec"])["State"]
            returned = states[entry["returned"]["keras"]]
            assert f"Keras also returns {returned} with return_state=True, PyTorch as (output, " in said
            if "torch" in entry["returned"]:
                _, state = entry["returned"]["torch"]
                form = "(output, (h_n, c_n))" if isinstance(state[0], list) else "(output, h_n)"
                assert f"PyTorch as {form}; here `forward --save-state`" in said
                for name, (directions, _, size) in zip(
                    "hc", state if isinstance(state[0], list) else [state], strict=False
                ):
                    assert f"{name}_n ({directions}, batch, {size})" in said
                said = notes(entry["spec"], framework="torch")["State"]
                assert f"PyTorch returns {form}; here `forward --save-state`" in said
                assert "Keras" not in said


def test_json_holds_the_whole_explanation_as_data(rnncli: Run, screen: Screen) -> None:
    (explained,) = rnncli("explain", "-f", "json", "input:4,gru:5,dropout:0.5").objects
    screen("explain-json", json.dumps(explained, indent=2) + "\n")


LEFT_OUT = {
    100: [],
    101: ["dense_50  1 layer is left out here; `-f json` explains every one"],
    1_101: ["dense_50 … dense_1050  1,001 layers are left out here; `-f json` explains every one"],
}


def test_of_more_than_a_hundred_layers_the_first_and_last_are_explained(rnncli: Run, at: Walk) -> None:
    for count, left_out in LEFT_OUT.items():
        with at(count):
            layers = [f"dense:{1 + number % 9}" for number in range(count)]
            text = rnncli("explain", ",".join(["input:8", *layers])).stdout
            explained = [int(number or 0) for number in re.findall(r"^dense(?:_(\d+))? \(Dense\)  dense:", text, re.M)]
            assert explained == [number for number in range(count) if number < 50 or number >= count - 50]
            assert [line for line in text.splitlines() if "left out" in line] == left_out
