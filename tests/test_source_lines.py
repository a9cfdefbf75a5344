"""A line of Keras or PyTorch where a SPEC stands: understood by the commands, with a note that gives the spec."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies import networks
from test_repairs import WRITERS

from rnncli import Network, SpecError
from rnncli.commands.models import given as network_of

Run = Callable[..., Result]

RECALL = str(Path(__file__).parent / "golden" / "models" / "recall.safetensors")

LAST = "; assumed: the last recurrent layer returns its last output alone"
INPUT = "; assumed: an input of 32 features"

NOTES = {
    "nn.LSTM(40, 256, 2, bidirectional=True)": f"input:40,lstm:256:seq:bi,lstm:256:bi{LAST}",
    "torch.nn.GRU(input_size=8, hidden_size=4, num_layers=3)": f"input:8,gru:4:seq:x2,gru:4{LAST}",
    "self.rnn = nn.RNN(10, 20, nonlinearity='relu')": f"input:10,rnn:20:relu{LAST}",
    "nn.Embedding(100, 8, padding_idx=0), nn.LSTM(8, 4), nn.LSTM(4, 3)": (
        f"embed:100x8,lstm:4:seq,lstm:3{LAST}; left out: padding_idx=0"
    ),
    "nn.LSTM(8, 4, 2, dropout=0.2)": f"input:8,lstm:4:seq,dropout:0.2,lstm:4{LAST}",
    "nn.GRU(8, 4, num_layers=4, bidirectional=True, dropout=.5)": (
        f"input:8,gru:4:seq:bi,dropout:0.5,gru:4:seq:bi,dropout:0.5,gru:4:seq:bi,dropout:0.5,gru:4:bi{LAST}"
    ),
    "nn.LSTM(2 * 4, 3 + 2 - 1, 8 // 3)": f"input:8,lstm:4:seq,lstm:4{LAST}",
    "Dropout(1 / 2), Dense(+3)": f"input:32,dropout:0.5,dense:3{INPUT}",
    "nn.LSTM(8, 4, dropout=0.2)": f"input:8,lstm:4{LAST}; left out: dropout=0.2",
    "nn.LSTM(8, 4, 2, dropout=p)": f"input:8,lstm:4:seq,lstm:4{LAST}; left out: dropout=p",
    "LSTM(32, return_sequences=True)": f"input:32,lstm:32:seq{INPUT}",
    "LSTM(32, dropout=0.2)": f"input:32,lstm:32{INPUT}; left out: dropout=0.2",
    "Bidirectional(GRU(4), merge_mode='sum')": f"input:32,gru:4:bi=sum{INPUT}",
    "Sequential([Embedding(10000, 32), SimpleRNN(10)])": "embed:10000x32,rnn:10",
    "keras.Sequential([keras.Input((50, 8)), layers.LSTM(64), layers.Dense(1)])": "input:50x8,lstm:64,dense:1",
    "Input((100,)), Embedding(1000, 8), GRU(4)": "embed:1000x8,gru:4",
    "model.add(Embedding(100, 8)); model.add(LSTM(4)); model.add(Dense(1, activation='sigmoid'))": (
        "embed:100x8,lstm:4,dense:1:sigmoid"
    ),
    "Dense(1)(LSTM(4)(Input((50, 8))))": "input:50x8,lstm:4,dense:1",
    "x = LSTM(4, input_shape=(50, 8))(x)": "input:50x8,lstm:4",
    "keras.layers.RNN(LSTMCell(4), return_sequences=True)": f"input:32,lstm:4:seq{INPUT}",
    "Embedding(9, 4, mask_zero=True), RNN([GRUCell(8, reset_after=False), SimpleRNNCell(4)])": (
        "embed:9x4:mask,gru:8:seq:reset=before,rnn:4"
    ),
    "LSTM(units=50, return_sequences=True, input_shape=(x_train.shape[1], 1))": (
        "input:1,lstm:50:seq; assumed: a number of timesteps that is not known (x_train.shape[1])"
    ),
    "Sequential([Input(batch_shape=(batch, steps, 8)), GRU(4)])": (
        "input:8,gru:4; assumed: a number of timesteps that is not known (steps)"
    ),
    "nn.LSTM(8, 4, bidirectional=True), nn.Linear(8, 2), nn.Sigmoid()": (f"input:8,lstm:4:bi,dense:2:sigmoid{LAST}"),
}


@pytest.mark.parametrize(("text", "note"), NOTES.items(), ids=ascii)
def test_a_line_of_source_is_read_with_a_note_that_gives_its_spec(text: str, note: str, rnncli: Run) -> None:
    result = rnncli("summary", "-q", text)
    spec = note.partition(";")[0]
    assert (result.status, result.stderr.splitlines()[0]) == (0, f"Note: read as {note}")
    assert result.stdout == rnncli("summary", "-q", spec).stdout
    assert rnncli("spec", text).stdout == f"{spec}\n"


COUNTED = {
    "nn.LSTM(8, 16)": "1,664",  # 4 × 16 × (8 + 16 + 2)
    "nn.Embedding(100, 8), nn.RNN(8, 4)": "856",  # 800 + 4 × (8 + 4 + 2)
    "nn.GRU(8, 16)": None,  # which has two biases in Keras, too
    "nn.LSTM(8, 16, bias=False)": None,
    "nn.LSTM(8, 16, proj_size=4)": None,  # what is read has no such matrix
    "LSTM(16, input_shape=(None, 8))": None,
    "Embedding(100, 8), LSTM(16)": None,
}


@pytest.mark.parametrize(("text", "count"), COUNTED.items())
def test_who_writes_pytorch_is_told_how_many_parameters_that_counts(text: str, count: str | None, rnncli: Run) -> None:
    note = f"Note: counted as in Keras; PyTorch has {count} parameters, with two biases: --framework torch"
    for command in ("summary", "explain"):
        assert (note in rnncli(command, text).stderr.splitlines()) == (count is not None)
        assert "counted as" not in rnncli(command, text, "--framework", "torch").stderr
    assert "counted as" not in rnncli("draw", text).stderr
    assert "counted as" not in rnncli("compare", text, "--framework", "keras", "--framework", "torch").stderr
    if count is not None:
        assert rnncli("summary", "-q", text, "--framework", "torch").stdout == f"{count.replace(',', '')}\n"


def test_who_gives_a_file_of_pytorch_is_told_likewise(rnncli: Run) -> None:
    result = rnncli("summary", "-q", RECALL)
    assert (result.status, result.stdout) == (0, "329\n")
    assert "PyTorch has 361 parameters" in result.stderr  # as many as the file has


TIMELESS = "assumed: (15,) is one timestep of many, (None, 15): a recurrent layer reads (timesteps, features)"


def test_a_shape_without_timesteps_is_read_as_that_of_one(rnncli: Run) -> None:
    # Keras says: expected ndim=3, found ndim=2
    for text in (
        "LSTM(3, input_shape=(15,))",
        "Sequential([Input((15,)), LSTM(3)])",
        "Input((15,)), Dense(2), LSTM(3)",
    ):
        result = rnncli("summary", text)
        assert (result.status, TIMELESS in result.stderr) == (0, True)
    for text in ("Input((15,)), Dense(2)", "Input((None, 15)), LSTM(3)", "Input((15,)), Embedding(9, 4), LSTM(3)"):
        assert "assumed" not in rnncli("summary", text).stderr


@pytest.mark.parametrize("command", ["summary", "forward", "explain", "draw", "spec"])
def test_each_command_that_takes_a_spec_takes_a_line_of_source(command: str, rnncli: Run) -> None:
    result = rnncli(command, "Sequential([Embedding(50, 8), LSTM(4)])")
    assert (result.status, result.stderr.splitlines()[0]) == (0, "Note: read as embed:50x8,lstm:4")
    if command != "forward":  # which measures time
        assert result.stdout == rnncli(command, "embed:50x8,lstm:4").stdout


def test_programs_get_the_data_alone(rnncli: Run) -> None:
    result = rnncli("summary", "-f", "json", "nn.LSTM(8, 4)", "[GRU(4)]", "input:8,rnn:4")
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == [
        "input:8,lstm:4",
        "input:32,gru:4",
        "input:8,rnn:4",
    ]
    assert result.stderr.count("Note: read as") == 2


def test_a_line_of_source_may_come_from_standard_input_or_the_environment(
    rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = rnncli("spec", "-", stdin="LSTM(4)  # mine\ninput:8,gru:4\nnn.GRU(3, 4)\n")
    assert (result.status, result.stdout) == (0, "input:32,lstm:4\ninput:8,gru:4\ninput:3,gru:4\n")
    monkeypatch.setenv("RNNCLI_SPEC", "Sequential([Embedding(50, 8), LSTM(4)])")
    assert rnncli("spec").stdout == "embed:50x8,lstm:4\n"


def test_lines_of_source_are_compared(rnncli: Run) -> None:
    result = rnncli("compare", "[Embedding(50, 8), LSTM(4)]", "[Embedding(50, 8), GRU(4)]", "-f", "json")
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == [
        "embed:50x8,lstm:4",
        "embed:50x8,gru:4",
    ]


ERRORS = {
    "Sequential([LSTM(8), LSTM(4)])": ("lstm:8 returns only its last output", "input:32,lstm:8:seq,lstm:4"),
    "nn.LSTM(40, 256), nn.Linear(100, 2)": ("nn.Linear reads 100 features, but 256 are returned before it", None),
    "Input((50, 8)), LSTM(4, input_shape=(50, 9))": ("LSTM reads 9 features, but 8 are returned before it", None),
    "model.add(LSTM(50, input_shape=(X.shape[1], X.shape[2])))": ("'X.shape[2]' is not a number", "input:32,lstm:50"),
    "nn.LSTM(input_size, hidden, n_layers)": ("'input_size' is not a number", "input:32,lstm:32:seq,lstm:32"),
    "Embedding(vocab, 64), LSTM(128), Dense(classes)": ("'vocab' is not a number", "embed:32x64,lstm:128,dense:32"),
    "LSTM(f(x))": ("'f(x)' is not a number", "input:32,lstm:32"),
    "Embedding(len(words) + 1, 128), GRU(8)": ("'len(words) + 1' is not a number", "embed:32x128,gru:8"),
    "LSTM('16', input_shape=(3, 8))": ("''16'' is not a number", "input:3x8,lstm:16"),
    "nn.Linear(9**9**9, 8)": ("'9 ** 9 ** 9' is not a number", "input:32,dense:8"),
    "nn.Linear(4/0, 8)": ("'4 / 0' is not a number", "input:32,dense:8"),
    "nn.LSTM(4, 8, num_layers=-1)": ("num_layers is -1, expected a whole number from 1", "input:4,lstm:8"),
    "nn.LSTM(4, 8, num_layers=2.5)": ("num_layers is 2.5, expected a whole number from 1", "input:4,lstm:8"),
    "nn.LSTM(4, 8, bidirectional=true)": ("bidirectional is true, expected True or False", "input:4,lstm:8:bi"),
    "nn.GRU(4, 8, bidirectional=1, bias=0)": ("bidirectional is 1, expected True or", "input:4,gru:8:bi:nobias"),
    "LSTM(7, return_sequences=true, input_shape=(3, 4))": ("return_sequences is true, exp", "input:3x4,lstm:7:seq"),
    ",".join(f"GRU({name})" for name in "abcdefghij"): (
        "'a' is not a number",
        None,
    ),  # more than a repair has examples for
    "LSTM(units)": ("'units' is not a number", "input:32,lstm:32"),
    "Embedding(10, 4), Conv1D(32, 3)": ("there is no layer kind 'Conv1D'", "embed:10x4"),
    # not Python from end to end, or with less than its class takes
    "input:8, LSTM(4)": ("a layer is written KIND:SIZE", "input:8,lstm:4"),
    "Embedding(10, 4) LSTM(3)": ("a layer is written KIND:SIZE", "embed:10x4,lstm:3"),
    # layers that do not follow one another
    "a = LSTM(4)(x); b = GRU(4)(x)": ("a layer is written KIND:SIZE", "input:32,lstm:4:seq,gru:4"),
    "LSTM(32": ("a layer is written KIND:SIZE", "input:32,lstm:32"),
    "nn.LSTM(40)": ("a layer is written KIND:SIZE", "input:32,lstm:40"),
}


@pytest.mark.parametrize(("text", "expected"), ERRORS.items(), ids=ascii)
def test_what_cannot_be_understood_is_an_error_with_a_repair(
    text: str, expected: tuple[str, str | None], rnncli: Run
) -> None:
    message, repair = expected
    result = rnncli("summary", text)
    assert (result.status, result.stdout) == (2, "")
    error, shown, carets, advice = result.stderr.splitlines()
    assert error.startswith(f"Error: {message}")
    assert shown == f"  {text}"
    assert set(carets.strip()) == {"^"}
    assert advice.endswith(f": {repair or 'embed:10000x32,rnn:32:seq,rnn:32'}")


@pytest.mark.parametrize("line", [("sweep",), ("solve", "--params", "1M")])
def test_patterns_and_templates_keep_the_repair(line: tuple[str, ...], rnncli: Run) -> None:
    result = rnncli(*line, "LSTM(32)")
    assert (result.status, result.stdout) == (2, "")
    assert "input:32,lstm:" in result.stderr.splitlines()[-1]


def test_a_spec_in_a_program_is_the_language_alone() -> None:
    with pytest.raises(SpecError):
        Network.parse("LSTM(32)")


def test_nothing_of_a_line_is_run(rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("LSTM(32)(open('ran', 'w'))", "LSTM(open('ran', 'w'))", "x = LSTM(4, name=open('ran', 'w'))"):
        rnncli("summary", text)
    assert not list(tmp_path.iterdir())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks(), st.sampled_from(sorted(set(WRITERS) - {"mixed"})))
def test_a_network_written_in_keras_is_understood_as_the_same_network(
    capsys: pytest.CaptureFixture[str], network: Network, way: str
) -> None:
    text = WRITERS[way](network)
    assume(len(text) < 2000)
    capsys.readouterr()
    assert network_of(text).network == network
    assert capsys.readouterr().err == f"Note: read as {network}\n"
