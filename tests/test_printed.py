"""A table that Keras prints of a network is answered with layers that have its shapes and parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import Run
from golden.data import read_networks

from rnncli import Network, SpecError
from rnncli.formats.networks import read
from rnncli.language.printed import printed_modules, printed_network


def table(described: dict[str, Any], form: str) -> str:
    """Return a table of the rows that Keras prints, from what Keras says of a network."""
    rows = [("input_1", "InputLayer", described["input_shape"], 0)]
    rows += [(each["name"], each["type"], each["output_shape"], each["params"]) for each in described["layers"]]
    shapes = [str(tuple(shape)) for _, _, shape, _ in rows]
    lines = [form.format(name, class_, shape, n) for (name, class_, _, n), shape in zip(rows, shapes, strict=True)]
    return "\n".join([*lines, f"Total params: {described['total_params']:,}"])


FORMS = (
    "│ {0} ({1}) │ {2} │ {3:,} │\n├────────┼─────────┼───────┤",
    "{0} ({1:.12}   {2}   {3}  \n________________________",
    "│ {0} │ {2} │ {3:,} │\n│ ({1}) │ │ │",
)


@pytest.mark.parametrize("form", FORMS)
def test_the_layers_have_the_shapes_and_parameters_that_keras_prints(form: str) -> None:
    found = 0
    for each in read_networks():
        said = each["keras"]
        spec = None if said is None else printed_network(table(said, form))
        if spec is not None and said is not None:
            found += 1
            summary = Network.parse(spec).summary()
            counted = [(layer.output_shape[-1], layer.params) for layer in summary.layers]
            assert counted == [(layer["output_shape"][-1], layer["params"]) for layer in said["layers"]], spec
            assert summary.total_params == said["total_params"]
    assert found > 150


@pytest.mark.parametrize(
    ("rows", "spec"),
    [
        ("lstm_1 (LSTM)  (None, 50, 512)  1255424", "input:50x100,lstm:512:seq"),
        ("simple_rnn (SimpleRNN)  (None, 32)  2600", None),
        ("| gru | (None, 32) | 6,336 |", "input:32,gru:32"),
        ("bidirectional (Bidirectional) (None, 64) 16640", None),  # of any cell
        (
            "embedding (Embedding) (None, 9, 8) 800 bidirectional (Bidirection (None, 64) 10496",
            "embed:100x8,lstm:32:bi",
        ),
        ("embedding (Embedding) (None, 9, 8) 800 bi_12 (Bidirecti (None, 64) 10496", "embed:100x8,lstm:32:bi"),
        ("conv1d (Conv1D) (None, 96, 32) 1312", None),  # of any width
        ("input (InputLayer) [(None, 100, 8)] 0 conv1d (Conv1D) (None, 96, 32) 1312", "input:100x8,conv:32x5"),
        ("embedding (Embedding) (None, 9, 8) 800 flatten (Flatten) (None, 72) 0", "embed:100x8:length=9,flatten"),
        ("embedding (Embedding) (None, 9, 8) 800 attention (Attention) (None, 9, 8) 0", None),
        ("embedding (Embedding) (None, 9, 8) 801", None),
        ("embedding (Embedding) (None, 9, 8) 800 embedding (Embedding) (None, 9, 8) 800", None),
        ("embedding (Embedding) (None, None, 8) 800 flatten (Flatten) (None, None) 0", None),
        ("input (InputLayer) (None, 28, 28, 1) 0 flatten (Flatten) (None, 784) 0 dense (Dense) (None, 10) 7850", None),
        ("input (InputLayer) (None, 9, 0) 0 lstm (LSTM) (None, 8) 288", None),
        ("lstm (LSTM) (None, 8) -544", None),
        # One of these rows is not read.
        ("embedding (Embedding) (None, 9, 8) 800 lstm (LSTM) multiple 544 lstm_1 (LSTM) (None, 8) 544", None),
        ("embedding (Embedding) (None, 9, 8) 800 lstm (LSTM) ? 0 (unbuilt) lstm_1 (LSTM) (None, 8) 544", None),
        (
            "embedding (Embedding) (None, 9, 8) 800 lstm (LSTM) [(None, 8), (None, 8)] 544 dense (Dense) (None, 1) 9",
            None,
        ),
        ("lstm (LSTM) │ [(None, 9, 8), │ 544 │ │ │ (None, 8), (None, │ │ │ 8)] │", None),
        ("dense (Dense) (None, 1) 33 Connected to", None),
        ("Output Shape ┃ Param # ┃ Conne\n│ dense (Dense) │ (None, 1) │ 33 │ lstm_", None),
        ("lstm (LSTM) (None, 9, 8) 544 input_1[0][0] lstm_1 (LSTM) (None, 8) 544 input_1[0][0]", None),
        ("lstm (LSTM) (None, 4) 208 Total params: 300", None),
    ],
)
def test_only_what_the_counts_prove_is_offered(rows: str, spec: str | None) -> None:
    assert printed_network(rows) == spec


@pytest.mark.parametrize("form", ["table", "markdown"])
@pytest.mark.parametrize("start", ["Input: (", "Layer (type)", "embedding"])
def test_a_table_on_standard_input_is_one_text(rnncli: Run, form: str, start: str) -> None:
    for spec in ("embed:1000x64,lstm:32:seq,dropout:0.5,gru:16,dense:10", "embed:8x8,rnn:32"):
        printed = rnncli("summary", spec, "-f", form).stdout
        result = rnncli("summary", "-", stdin=printed[printed.index(start) :])
        assert (result.status, result.stdout, result.stderr.count("Error")) == (2, "", 1)
        assert result.stderr.endswith(f"perhaps: {spec}\n")


@pytest.mark.parametrize(
    ("rows", "size", "modules"),
    [
        ("├─GRU: 1-1 [8, 30, 24] 5,832 ├─Linear: 1-2 [8, 3] 75", "9.99", None),  # no layers read so much
        (
            "├─GRU: 1-1 [64, 50, 24] 5,832 ├─Linear: 1-2 [64, 3] 75",
            "0.06",
            "nn.GRU(5, 24, num_layers=2, batch_first=True), nn.Linear(24, 3)",
        ),
        (
            "├─LSTM (rnn): 1-1 [10, 4, 9] [10, 4, 40] 4,960",
            "9.99",  # its input shape is shown
            "nn.LSTM(9, 20, batch_first=True, bidirectional=True)",
        ),
        (
            "├─Embedding: 1-1 [2, 7, 16] 8,000 ├─LSTM: 1-2 [2, 7, 32] 6,400 ├─Dropout: 1-3 [2, 32] --",
            "0.00",
            "nn.Embedding(500, 16), nn.LSTM(16, 32, batch_first=True), nn.Dropout()",
        ),
        ("├─LSTM: 1-1 [1, 0] 5 ├─Linear: 1-2 [1, -] 5", "0.00", None),  # no shapes
        ("├─Embedding: 1-1 [2, 7, 16] 8,000 ├─Attention: 1-2 [2, 16] --", "0.00", None),
        ("├─Embedding: 1-1 [2, 7, 16] 8,000 ├─Linear: 1-2 [2, 7, 4] 68 ├─Linear: 1-3 [2, 7, 4] 68", "0.00", None),
    ],
)
def test_modules_are_offered_if_no_others_have_their_counts(rows: str, size: str, modules: str | None) -> None:
    total = sum(int(each.replace(",", "")) for each in re.findall(r"\] (\d[\d,]*)", rows))
    table = "Layer (type:depth-idx)\n" + rows.replace(" ├", "\n├")
    text = f"{table}\nTotal params: {total:,}\nInput size (MB): {size}"
    assert printed_modules(text) == modules
    if modules is not None:
        with pytest.raises(SpecError) as error:
            read(text)
        assert error.value.repair == modules
        read(modules)
        assert printed_modules(text.replace("params: ", "params: 1")) is None
