"""Repairs keep what was typed: every number and every meaning, whoever's notation it was typed in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from conftest import PATIENCE, Result
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from strategies import nearly_specs, networks, soups

from rnncli import Network, SpecError
from rnncli.layers import Dropout, Embedding, Input, Layer, Pool, Recurrent
from rnncli.search.blanks.template import Template


def fault(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Network.parse(text)
    return caught.value


REPAIRS = {
    # numbers
    "embedding:10000,32": "embedding:10000x32",
    "embed:10,000x32,rnn:3": "embed:10000x32,rnn:3",
    "embed:10,000,32": "embed:10000x32",
    "embed:1,000,000x64:mask,gru:4": "embed:1000000x64:mask,gru:4",
    "embed:10 000x32": "embed:10000x32",
    "embed:10.000x32": "embed:10000x32",
    "embed:50,257x768": "embed:50257x768",
    "embed:10000:64": "embed:10000x64",
    "embed:input_dim=100:output_dim=5": "embed:100x5",
    "input:50,8": "input:50x8",
    "input:50:8": "input:50x8",
    "input:50 8": "input:50x8",
    "input:(50,8)": "input:50x8",
    "input:(50, 8),lstm:4": "input:50x8,lstm:4",
    "input:[50,8]": "input:50x8",
    "input:(None,8),lstm:4": "input:8,lstm:4",
    "embed:(10000, 32),lstm:(4)": "embed:10000x32,lstm:4",
    "input:8,lstm:1,024": "input:8,lstm:1024",
    "input:8,lstm:64,32": "input:8,lstm:64:seq,lstm:32",
    "input:8,lstm:64:bi,32": "input:8,lstm:64:seq:bi,lstm:32",
    "input:8,dense:64,10:relu": "input:8,dense:64,dense:10:relu",
    "input:8,dense:64x10": "input:8,dense:64,dense:10",
    "input:8,dropout:0,25": "input:8,dropout:0.25",
    "input:Nonex8,lstm:4": "input:8,lstm:4",
    "input:Tx8,lstm:4": "input:8,lstm:4",
    "input:?x8,lstm:4": "input:8,lstm:4",
    "50x8,lstm:4": "input:50x8,lstm:4",
    "input:50x8:lstm:4": "input:50x8,lstm:4",
    "input:50x8:lstm:4:seq,rnn:3": "input:50x8,lstm:4:seq,rnn:3",
    "input:8,lstm:32:norm:nobias,dense:3": "input:8,lstm:32,norm:nobias,dense:3",
    "input:8,2xlstm:32": "input:8,lstm:32:seq,lstm:32",
    "input:8,3*gru:32:seq:bi": "input:8,gru:32:seq:bi:x3",
    "lstm128": "input:32,lstm:128",
    "lstm,128": "input:32,lstm:128",
    # a second number
    "lstm:256:2": "input:32,lstm:256:seq,lstm:256",
    "input:8,lstm:256:2:bi,dense:1": "input:8,lstm:256:seq:bi,lstm:256:bi,dense:1",
    "input:8,lstm:256x3": "input:8,lstm:256:seq:x2,lstm:256",
    "input:8,gru:seq:64:32": "input:8,gru:seq:64,gru:32",
    # separators
    "rnn 32": "input:32,rnn:32",
    "input:8 lstm:4": "input:8,lstm:4",
    "input:8\tlstm:4\ndense:1": "input:8,lstm:4,dense:1",
    "input 8, lstm 4 seq, lstm 4 x3 relu": "input:8,lstm:4:seq,lstm:4:seq:relu:x2,lstm:4:relu",
    "embed 10000 x 32 mask lstm 4": "embed:10000x32:mask,lstm:4",
    "input:8 -> lstm:4 -> dense:1": "input:8,lstm:4,dense:1",
    "input:8 → lstm:4": "input:8,lstm:4",
    "input:8|lstm:4|dense:1": "input:8,lstm:4,dense:1",
    "input:8;lstm:4": "input:8,lstm:4",
    "input:8 lsmt:4": "input:8,lstm:4",
    # other characters
    "input:8，lstm:4": "input:8,lstm:4",
    "input：8,lstm：4": "input:8,lstm:4",
    "input:８,lstm:４": "input:8,lstm:4",
    "input:8,dropout:٠.٥": "input:8,dropout:0.5",
    "embed:10×4,lstm:3": "embed:10x4,lstm:3",
    "embed:10х4:mas\u212a": "embed:10x4:masK",
    "input:8,\u200blstm:4": "input:8,lstm:4",
    "'input:8','lstm:4'": "input:8,lstm:4",
    "“input:8,lstm:4”": "input:8,lstm:4",
    # both directions
    "bilstm:32": "input:32,lstm:32:bi",
    "BiLSTM:32": "input:32,lstm:32:bi",
    "bigru:4": "input:32,gru:4:bi",
    "input:8,bi-rnn:4:relu": "input:8,rnn:4:relu:bi",
    "input:8,bidirectional_lstm:4:seq,blstm:2": "input:8,lstm:4:seq:bi,lstm:2:bi",
    "Bidirectional(LSTM(32))": "input:32,lstm:32:bi",
    "input:8,Bidirectional(GRU(4, return_sequences=True), merge_mode='sum')": "input:8,gru:4:seq:bi=sum",
    # kinds by another name
    "input:8,layernorm": "input:8,norm:eps=1e-5",
    "input:8,layer_normalization:nobias": "input:8,norm:nobias",
    "input:8,GlobalAveragePooling1D": "input:8,pool:avg",
    "input:8,pool:mean": "input:8,pool:avg",
    "input:8,lstm:4,repeat_vector:10": "input:8,lstm:4,repeat:10",
    "input:8,cudnnlstm:4,lstmcell:4": "input:8,lstm:4:seq,lstm:4",
    # arguments as fields
    "input:8,lstm:4:return_sequence=True": "input:8,lstm:4:seq",
    "input:8,lstm:hidden_size=4:bias=False:num_layers=2": "input:8,lstm:4:seq:nobias,lstm:4:nobias",
    "input:8,lstm:4:bi=true": "input:8,lstm:4:bi",
    "input:8,lstm:4:seq=true": "input:8,lstm:4:seq",
    "input:8,lstm:4:seq=false": "input:8,lstm:4",
    # calls
    "LSTM(32, return_sequences=True)": "input:32,lstm:32:seq",
    "SimpleRNN(10)": "input:32,rnn:10",
    "Dense(5, activation='relu')": "input:32,dense:5:relu",
    "Dense(5, 'relu')": "input:32,dense:5:relu",
    "keras.layers.Dense(5, activation=tf.nn.relu)": "input:32,dense:5:relu",
    "Embedding(10000, 32)": "embed:10000x32",
    "Embedding(input_dim=10_000, output_dim=32, mask_zero=True)": "embed:10000x32:mask",
    "Dropout(0.5)": "input:32,dropout:0.5",
    "GRU(units=4, reset_after=False, recurrent_activation='relu')": "input:32,gru:4:recact=relu:reset=before",
    "GRU(4, use_bias=False, name='g')": "input:32,gru:4:nobias",
    "Input(shape=(50, 8)), LSTM(4)": "input:50x8,lstm:4",
    "Input((None, 8)), LSTM(4)": "input:8,lstm:4",
    "Input((100,)), Embedding(1000, 8), GRU(4)": "embed:1000x8,gru:4",
    "LSTM(4, input_shape=(50, 8))": "input:50x8,lstm:4",
    "model.add(LSTM(32))": "input:32,lstm:32",
    "model.add(Embedding(10000, 32)); model.add(LSTM(4)); model.add(Dense(1))": "embed:10000x32,lstm:4,dense:1",
    "model.add(Embedding(100, 8))\nmodel.add(LSTM(4))": "embed:100x8,lstm:4",
    "Sequential([Embedding(100, 8), LSTM(4, return_sequences=True), LSTM(4)])": "embed:100x8,lstm:4:seq,lstm:4",
    "[Embedding(100, 8), TimeDistributed(Dense(3))]": "embed:100x8,dense:3",
    "x = LSTM(4)(x)": "input:32,lstm:4",
    "Dense(1)(LSTM(4)(Input((50, 8))))": "input:50x8,lstm:4,dense:1",
    "embed:10000x32, LSTM(32)": "embed:10000x32,lstm:32",
    "input:8 -> LSTM(32) -> dense:1": "input:8,lstm:32,dense:1",
    "Embedding(10, 4) LSTM(3)": "embed:10x4,lstm:3",
    "LSTM(32, return_sequences=True": "input:32,lstm:32:seq",
    "lstm(32)": "input:32,lstm:32",
    "nn.LSTM(40, 256, 2, bidirectional=True)": "input:40,lstm:256:seq:bi,lstm:256:bi",
    "self.lstm = torch.nn.LSTM(input_size=40, hidden_size=256, num_layers=2, dropout=0.0)": (
        "input:40,lstm:256:seq,lstm:256"
    ),
    "nn.GRU(8, 16, batch_first=True)": "input:8,gru:16",
    "LayerNormalization()": "input:32,norm",
    "input:8,LayerNormalization(center=False)": "input:8,norm:nobias",
    "nn.LSTM(40, 256), nn.LayerNorm(256)": "input:40,lstm:256,norm:eps=1e-5",
    "input:8,lstm:4,RepeatVector(10),gru:4": "input:8,lstm:4,repeat:10,gru:4",
    "Input((50, 8)), GlobalAveragePooling1D()": "input:50x8,pool:avg",
    "nn.RNN(10, 20, nonlinearity='relu', bias=False)": "input:10,rnn:20:nobias:relu",
    "nn.LSTMCell(10, 20)": "input:10,lstm:20",
    "nn.Linear(10, 5)": "input:10,dense:5",
    "nn.Embedding(1000, 64)": "embed:1000x64",
    "nn.Sequential(nn.Linear(10, 5), nn.ReLU(), nn.Dropout(p=0.1), nn.Linear(5, 1), nn.Sigmoid())": (
        "input:10,dense:5:relu,dropout:0.1,dense:1:sigmoid"
    ),
    "nn.Embedding(1000, 64), nn.LSTM(64, 32), nn.Linear(32, 2)": "embed:1000x64,lstm:32,dense:2",
}


@pytest.mark.parametrize(("text", "repair"), REPAIRS.items(), ids=ascii)
def test_a_repair_keeps_the_numbers_and_the_meaning_of_what_was_typed(text: str, repair: str) -> None:
    error = fault(text)
    assert error.repair == repair
    assert "example" not in error.lead
    Network.parse(repair)


SAID = {
    "LSTM(32, dropout=0.2, return_state=True)": "without dropout=0.2, return_state=True, as a spec",
    "nn.Embedding(1000, 64, padding_idx=0)": "without padding_idx=0, as a spec",
    "LSTM(32, recurrent_dropout=0, stateful=False)": "as a spec",
}


@pytest.mark.parametrize(("text", "lead"), SAID.items())
def test_what_the_language_has_no_words_for_is_said_to_be_left_out(text: str, lead: str) -> None:
    assert fault(text).lead == lead


UNREADABLE = {
    "LSTM(units)": "units",
    "input:8, LSTM(4, activation='mish')": "'mish'",
    "Embedding(10, 4), WaveNet(32, 3)": "WaveNet",
    "LSTM(**settings)": "LSTM(**settings)",
    "Bidirectional(Dense(3))": "Bidirectional(Dense(3))",
    "nn.ReLU(), nn.Linear(3, 4)": "nn.ReLU()",
    "é = LSTM(n)": "n",
    "Sequential([Input\r((5, 3)),\r\nLSTM(n)])": "n",
    "Input(shape=(28, 28, 3))": "(28, 28, 3)",
}


@pytest.mark.parametrize(("text", "span"), UNREADABLE.items())
def test_a_call_that_cannot_be_read_is_an_error_at_what_cannot(text: str, span: str) -> None:
    error = fault(text)
    assert text[slice(*error.span)] == span
    assert error.lead == "for example"


SAMPLES = {
    "LSTM(100, input_shape=(1, 6, 30), return_sequences=True)": "input:6x30,lstm:100:seq",
    "Sequential([Input((None, None, 8)), LSTM(3)])": "input:8,lstm:3",
}


@pytest.mark.parametrize(("text", "repair"), SAMPLES.items())
def test_the_samples_are_left_out_of_a_shape(text: str, repair: str) -> None:
    error = fault(text)
    assert "without the number of samples" in error.message
    assert (error.advice, error.repair) == ("leave the samples out", repair)


def test_nothing_of_a_call_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (
        "LSTM(open('ran', 'w'))",
        "open('ran', 'w')",
        "[open('ran', 'w') for _ in 'x']",
        "LSTM(32)(open('ran', 'w'))",
    ):
        fault(text)
    assert not list(tmp_path.iterdir())


def in_keras(layer: Layer) -> str:
    """A layer as a line of Keras."""
    values = {each.name: getattr(layer, each.name) for each in fields(layer)}
    if isinstance(layer, Input):
        shape = (layer.timesteps, layer.features)
        return f"Input(shape={shape})"
    merge = values.pop("merge_mode", None)
    name = layer.keras
    if isinstance(layer, Pool):
        name = {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"}[values.pop("mode")]
    given = [f"{key}={value!r}" for key, value in values.items() if value != layer.default(key)]
    call = f"layers.{name}({', '.join(given)})"
    return call if merge is None else f"layers.Bidirectional({call}, merge_mode={merge!r})"


WRITERS: dict[str, Callable[[Network], str]] = {
    "list": lambda network: f"[{', '.join(map(in_keras, network.layers))}]",
    "model": lambda network: "Sequential([" + ",\n    ".join(map(in_keras, network.layers)) + "])",
    "add": lambda network: "\n".join(f"model.add({in_keras(layer)})" for layer in network.layers),
    "chain": lambda network: "; ".join(f"x = {in_keras(layer)}(x)" for layer in network.layers),
    "mixed": lambda network: ", ".join(
        layer.spec() if index % 2 else in_keras(layer) for index, layer in enumerate(network.layers)
    ),
}


@settings(max_examples=60)
@given(networks(), st.sampled_from(sorted(WRITERS)))
def test_a_network_written_in_keras_is_repaired_to_the_same_network(network: Network, way: str) -> None:
    text = WRITERS[way](network)
    assume(len(text) < 2000)
    error = fault(text)
    assert Network.parse(error.repair or "") == network
    assert error.lead == "as a spec"


def in_pytorch(layer: Layer, features: int) -> str:
    """A layer as a line of PyTorch that says how many features it reads."""
    if isinstance(layer, Recurrent):
        return (
            f"nn.{layer.torch}({features}, {layer.units}, bias={layer.use_bias}, batch_first=True, "
            f"bidirectional={layer.merge_mode is not None})"
        )
    if isinstance(layer, Dropout):
        return f"nn.Dropout(p={layer.rate})"
    if isinstance(layer, Embedding):
        return f"nn.Embedding({layer.input_dim}, {layer.output_dim})"
    return f"nn.Linear({features}, {layer.units}, bias={layer.use_bias})"  # type: ignore[attr-defined]


@settings(max_examples=60)
@given(networks())
def test_a_network_written_in_pytorch_is_repaired_to_the_same_sizes_and_directions(network: Network) -> None:
    body = [layer for layer in network.body if layer.torch in ("RNN", "LSTM", "GRU", "Linear", "Dropout", "Embedding")]
    assume(body and not isinstance(body[0], Dropout))
    features, lines = network.head.output_shape(network.input_shape())[-1], []
    for layer in body:
        lines.append(in_pytorch(layer, features or 0))
        both = isinstance(layer, Recurrent) and layer.merge_mode is not None
        features = (replace(layer, merge_mode="concat") if both else layer).output_shape((None, None, features))[-1]
    repaired = Network.parse(fault("; ".join(lines)).repair or "")
    assert [in_pytorch(layer, 1) for layer in repaired.body] == [in_pytorch(layer, 1) for layer in body]


SEPARATORS = (" ", "  ", "\t", ";", "; ", " | ", "|", " -> ", "->", " → ", "\n", " / ", "，", "、", " & ")


@given(networks(), st.sampled_from(SEPARATORS))
def test_whatever_stands_between_the_layers_the_network_is_the_same(network: Network, separator: str) -> None:
    text = separator.join(layer.spec() for layer in network.layers)
    assume(len(network.layers) > 1)
    error = fault(text) if separator not in ("，", "、") or len(network.layers) > 1 else None
    # An input alone is a network, too, where a space follows it.
    assert error is not None
    assert Network.parse(error.repair or "") == network


@given(networks(), st.data())
def test_spaces_in_place_of_all_commas_and_colons_are_repaired_to_the_same_network(
    network: Network, data: st.DataObject
) -> None:
    text = re.sub("[,:]", lambda _: data.draw(st.sampled_from((" ", "  ", "\t"))), str(network))
    assert Network.parse(fault(text).repair or "") == network


WIDE = {ord(" "): "\u3000"} | {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}


@given(
    networks(),
    st.sampled_from((WIDE, {ord(c): WIDE[ord(c)] for c in ",:"}, {ord(c): chr(0x660 + int(c)) for c in "0123456789"})),
)
def test_other_characters_for_the_same_letters_and_digits_are_repaired_to_the_same_network(
    network: Network, table: dict[int, str]
) -> None:
    text = str(network).translate(table)
    assert Network.parse(fault(text).repair or "") == network


@given(networks())
def test_a_prefix_for_both_directions_is_never_lost(network: Network) -> None:
    layers = [
        replace(layer, merge_mode="concat", go_backwards=False) if layer.states else layer for layer in network.layers
    ]
    assume(layers != list(network.layers))
    text = ",".join(f"bi{layer.spec().replace(':bi', '')}" if layer.states else layer.spec() for layer in layers)
    assert Network.parse(fault(text).repair or "") == Network(layers)


@given(st.integers(1000, 2**31 - 1), st.integers(1, 2**31 - 1), st.sampled_from((",", " ", ".", "_")))
def test_a_vocabulary_with_its_thousands_apart_is_repaired_to_the_same_number(
    vocabulary: int, size: int, mark: str
) -> None:
    text = f"embed:{vocabulary:,}x{size},lstm:3".replace(",", mark, f"{vocabulary:,}".count(","))
    repair = text if mark == "_" else fault(text).repair
    assert Network.parse(repair or "") == Network.parse(f"embed:{vocabulary}x{size},lstm:3")


TEMPLATES = {
    "lstm:?": "input:32,lstm:?",
    "lstm:n": "input:32,lstm:n",
    "input:n,lstm:150,lstm:n": "input:n,lstm:150:seq,lstm:n",
    "embed:10,000x_,lstm:_": "embed:10000x_,lstm:_",
    "input:8 lstm:_": "input:8,lstm:_",
    "input:8;bilstm:_": "input:8,lstm:_:bi",
}


@pytest.mark.parametrize(("text", "repair"), TEMPLATES.items())
def test_a_template_with_something_else_for_its_blanks_is_repaired(text: str, repair: str) -> None:
    with pytest.raises(SpecError) as caught:
        Template.parse(text)
    assert caught.value.repair == repair
    Template.parse(repair)


PATTERNS = {
    "input:8,lstm:{4-8}": "input:8,lstm:{4..8}",
    "input:8,lstm:{4:8}": "input:8,lstm:{4..8}",
    "input:8,lstm:{4..": "input:8,lstm:{4..8}",
    "input:8,lstm:{4..8": "input:8,lstm:{4..8}",
    "input:8,lstm:{4...8}": "input:8,lstm:{4..8}",
    "input:8,lstm:{4:16:2}": "input:8,lstm:{4..16..2}",
    "input:8,lstm:{4:2:16}": "input:8,lstm:{4..16..2}",
    "input:8,lstm:{4..16:2}": "input:8,lstm:{4..16..2}",
    "input:8,lstm:{4,8": "input:8,lstm:{4,8}",
    "input:8,lstm:{4,8,dense:1": "input:8,lstm:{4,8},dense:1",
    "input:8,lstm:{4 8}": "input:8,lstm:{4,8}",
    "input:8,{lstm|gru}:4": "input:8,{lstm,gru}:4",
    "input:8,lstm:{4}": "input:8,lstm:4",
    "input:8,lstm:[4,8]": "input:8,lstm:{4,8}",
    "input:8,lstm:4..8": "input:8,lstm:{4..8}",
    "input:8,lstm:4-8": "input:8,lstm:{4..8}",
    "lstm:{4-8}": "input:32,lstm:{4..8}",
    "embed:100x{4-8},{lstm|gru}:{4:8}:seq,dense:{1,2}": "embed:100x{4..8},{lstm,gru}:{4..8}:seq,dense:{1,2}",
}


@pytest.mark.parametrize(("pattern", "repair"), PATTERNS.items())
def test_a_range_or_list_in_another_notation_is_repaired(
    pattern: str, repair: str, rnncli: Callable[..., Result]
) -> None:
    result = rnncli("sweep", pattern)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Help: perhaps: {repair}"
    assert rnncli("sweep", repair).status == 0


def test_one_bad_branch_of_a_pattern_does_not_stop_the_others(rnncli: Callable[..., Result]) -> None:
    result = rnncli("sweep", "input:8,{lstm:{4-8},gru:4}", "-f", "csv")
    assert result.status == 0
    assert "input:8,gru:4" in result.stdout


HOSTILE = {
    "separators": "a;b" * 21_000,
    "spaces": "a b " * 16_000,
    "distinct words": " ".join(map(str, range(11_000))) + " !",
    "dashes": "-" * 65_000,
    "dashes and spaces": "- " * 32_000,
    "colons": ":" * 65_000,
    "colons behind a layer": "input:8" + ":" * 65_000,
    "commas": "," * 65_000,
    "embeds": ",".join(["embed"] * 10_000),
    "one word": "embed" * 13_000,
    "layers without seq": "input:8" + ",rnn:8" * 9_000,
    "typos": "input:8" + ",rnn:8:sq" * 6_500,
    "conflicts": "input:8" + ",rnn:8:seq:bi:back" * 3_500,
    "heads": ",".join(["input:8"] * 8_000),
    "digits": "input:" + "9" * 65_000 + "!",
    "share": "input:8,dropout:" + "9" * 65_000 + "!",
    "numbers": "embed:" + ",100" * 16_000,
    "numbers apart": "embed:" + " 100" * 16_000 + "!",
    "crosses": "input:" + "8x" * 32_000,
    "brackets": "(" * 65_000,
    "closed brackets": ":(8" * 21_000,
    "calls": "LSTM(" * 13_000,
    "many calls": "LSTM(3)," * 8_000,
    "not calls": "f(--------1)," * 5_000,
    "minus": "f(" + "-" * 1_900 + "1)",
    "quotes": "'" * 65_000,
    "wide": "，" * 21_000,
    "braces": "{" * 65_000,
    "ranges": "{4-8" * 16_000,
    "words in a brace": "{" + "aa  " * 16_000,
    "equals": "input:8,rnn:3:act" + "=" * 65_000,
    "lines": "_" * 65_000,
    "underscores": "input:" + "_1" * 32_000,
}


@pytest.mark.parametrize("command", [("summary",), ("sweep",), ("solve", "--params", "1M")])
def test_no_text_stops_the_program(command: tuple[str, ...]) -> None:
    text = "".join(each.replace("\n", " ")[: 64 * 1024] + "\n" for each in HOSTILE.values())
    done = subprocess.run(
        [sys.executable, "-m", "rnncli", *command, "-"],
        input=text.encode(),
        capture_output=True,
        timeout=2 * PATIENCE,  # a text that takes quadratic time takes a minute and more, alone
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@example("(", "")
@settings(max_examples=300)
@given(
    nearly_specs() | soups | st.text(max_size=60), st.sampled_from(("", "(", ")", "LSTM(", ", ", " ", "{", "}", "，"))
)
def test_a_repair_of_any_template_is_a_template(text: str, piece: str) -> None:
    error = None
    try:
        Template.parse(text.replace("8", piece, 1))
    except SpecError as raised:
        error = raised
    if error is not None:
        Template.parse(error.repair or "")
