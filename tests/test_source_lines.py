"""A line of Keras or PyTorch as a SPEC: every command understands it, and a note gives the spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import MODELS, Run, Screen, Walk, examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sessions import replay
from strategies import networks
from test_repairs import WRITERS

from rnncli import Network, SpecError
from rnncli.formats.frameworks import CLASSES
from rnncli.formats.networks import read as network_of

RECALL = MODELS / "recall.safetensors"


def test_notes_on_a_line_of_source(rnncli: Run, screen: Screen) -> None:
    replay("source-lines", rnncli, screen)


def test_a_pytorch_line_is_counted_as_in_pytorch_unless_keras_is_requested(rnncli: Run, at: Walk) -> None:
    for command in ("summary", "explain", "forward", "compare", "reach"):
        for options, params in (((), 1664), (("--framework", "keras"), 1600), (("--framework", "torch"), 1664)):
            if command == "reach" and options:
                continue
            with at(command, *options):
                result = rnncli(
                    command, "nn.LSTM(8, 16)", *options, *["input:8,lstm:16"] * (command == "compare"), "-f", "json"
                )
                assert result.status == 0
                assert json.loads(result.stdout.splitlines()[0]).get("total_params", params) == params
    assert rnncli("summary", "-q", RECALL).stdout == "361\n"  # the file's count


def test_pytorchs_features_first_flatten_is_noted_and_rejects_weights_that_may_be_in_its_order(
    rnncli: Run, at: Walk
) -> None:
    for made, first in (
        ("nn.Conv1d(4, 8, 3)", True),
        ("nn.Conv1d(4, 8, 3), nn.ReLU(), nn.Dropout(0.1)", True),
        ("nn.Conv1d(4, 8, 3), nn.MaxPool1d(2)", True),
        ("nn.LSTM(4, 8), nn.BatchNorm1d(8)", True),
        ("nn.LSTM(4, 8)", False),
        ("nn.Conv1d(4, 8, 3), nn.GRU(8, 8)", False),
        ("Conv1D(8, 3, input_shape=(10, 4))", False),
    ):
        torch = "nn." in made
        line = f"{made}, {'nn.Flatten(), nn.Linear(64, 10)' if torch else 'Flatten(), Dense(10)'}"
        with at(line):
            spec = str(network_of(line).network)
            differs = ["other order"] * first
            assert [note.effect for note in network_of(line).notes if "assumed" not in note.effect] == differs
            rnncli("export", spec, "--to", "torch", "--save-weights", "flat.safetensors")
            result = rnncli("forward", line, "--weights", "flat.safetensors")
            assert result.status == first
            assert ("in another order" in result.stderr) == first
            own = rnncli("forward", spec, "--weights", "flat.safetensors")  # whose order the spec says
            assert (own.status, "are ordered by feature" in own.stderr) == (0, first or "Conv1D" in made)


def test_an_argument_given_twice_is_an_error_for_each_class(at: Walk) -> None:
    for framework, classes in CLASSES.items():
        for name, cls in classes.items():
            for argument in cls.takes[:1]:
                line = f"{'nn.' * (framework == 'torch')}{name}({argument}=1, {argument}=2)"
                with at(line), pytest.raises(SpecError, match="is given twice"):
                    network_of(line)


def test_a_stack_of_levels_after_one_vector_is_an_error_at_its_call(at: Walk) -> None:
    for line, stack in {
        "nn.Embedding(9, 4), nn.AdaptiveAvgPool1d(1), nn.LSTM(4, 8, 2)": "nn.LSTM(4, 8, 2)",
        "GlobalMaxPooling1D(), RNN([LSTMCell(4), GRUCell(4)])": "RNN([LSTMCell(4), GRUCell(4)])",
    }.items():
        with at(line):
            with pytest.raises(SpecError, match="returns one vector") as raised:
                network_of(line)
            assert raised.value.text[slice(*raised.value.span)] == stack


def test_a_rate_with_a_decimal_comma_is_an_error_for_each_class_with_a_rate(at: Walk) -> None:
    for framework, classes in CLASSES.items():
        for name, cls in classes.items():
            if {*cls.takes[:1]} & {"rate", "p"}:
                line = f"{'nn.' * (framework == 'torch')}{name}(0,5)"
                with at(line):
                    with pytest.raises(SpecError) as raised:
                        network_of(line)
                    assert raised.value.repair == line.replace("0,5", "0.5")
                    assert raised.value.text[slice(*raised.value.span)] == "0,5"
                    assert network_of(line.replace("0,5", "0")).network.layers


def test_each_command_that_takes_a_spec_takes_a_line_of_source_also_from_the_environment(
    rnncli: Run, at: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "Sequential([Embedding(50, 8), LSTM(4)])"
    monkeypatch.setenv("RNNCLI_SPEC", source)
    for command in ("summary", "forward", "explain", "draw", "spec"):
        with at(command):
            for given in ([source], []):
                result = rnncli(command, *given)
                assert (result.status, result.stderr.splitlines()[0]) == (0, "Note: read as embed:50x8,lstm:4")
            if command != "forward":  # it measures time
                assert result.stdout == rnncli(command, "embed:50x8,lstm:4").stdout


def test_programs_receive_only_the_data(rnncli: Run, at: Walk) -> None:
    for command in ("summary", "compare"):
        with at(command):
            result = rnncli(command, "-f", "json", "nn.LSTM(8, 4)", "[GRU(4)]", "input:8,rnn:4")
            found = [json.loads(line)["spec"] for line in result.stdout.splitlines()]
            assert found == ["input:8,lstm:4", "input:32,gru:4", "input:8,rnn:4"]
            assert result.stderr.count("Note: read as") == 2


def test_a_spec_in_a_python_program_must_be_in_the_language() -> None:
    with pytest.raises(SpecError):
        Network.parse("LSTM(32)")


def test_nothing_in_a_line_is_executed(rnncli: Run, tmp_path: Path) -> None:
    for text in ("LSTM(32)({})", "LSTM({})", "x = LSTM(4, name={})", "{}", "[{} for _ in 'x']"):
        rnncli("summary", text.format("open('ran', 'w')"))
    assert not list(tmp_path.iterdir())


@settings(examples(60))
@given(networks(), st.sampled_from(sorted(set(WRITERS) - {"mixed"})))
def test_a_network_written_in_keras_is_understood_as_the_same_network(network: Network, way: str) -> None:
    text = WRITERS[way](network)
    assume(len(text) < 2000)
    reading = network_of(text)
    assert (reading.network, reading.notes) == (network, ())
