"""Layers of Keras and PyTorch that there are no kinds for: what is said of them, and the spec that is left."""

from __future__ import annotations

import pytest

from rnncli import Network, SpecError
from rnncli.language.elsewhere import ELSEWHERE


def fault(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Network.parse(text)
    return caught.value


LEFT_OUT = {
    "Sequential([Input((10, 8)), Masking(0.0), LSTM(4), Dense(3)])": ("Masking", "input:10x8,lstm:4,dense:3"),
    "model.add(LSTM(4, input_shape=(10, 8)))\nmodel.add(BatchNormalization())": (
        "BatchNormalization",
        "input:10x8,lstm:4",
    ),
    "Sequential([Masking(0.0, input_shape=(10, 8)), LSTM(4)])": ("Masking", "input:10x8,lstm:4"),
    "Sequential([Masking(0.0, batch_input_shape=(2, 10, 8)), LSTM(4)])": ("Masking", "input:10x8,lstm:4"),
    "Embedding(10, 4), Conv1D(32, 3)": ("Conv1D", "embed:10x4"),
    "LSTM(4)(Attention()(Embedding(10, 4)))": ("Attention", "embed:10x4,lstm:4"),
    "nn.Sequential(nn.LSTM(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))": ("nn.BatchNorm1d", "input:3,lstm:4,dense:2"),
}
"""Layers of the frameworks that there are no kinds for, and that something is known of."""


@pytest.mark.parametrize("text", LEFT_OUT)
def test_a_call_of_a_layer_that_is_known_not_to_be_here_is_left_out_of_the_repair(text: str) -> None:
    span, repair = LEFT_OUT[text]
    error = fault(text)
    assert text[slice(*error.span)] == span
    assert error.advice == ELSEWHERE[span.rpartition(".")[2].lower()]
    assert (error.lead, error.repair) == ("without it", repair)


UNMERGED = ("Bidirectional(LSTM(3), merge_mode=None)", "Bidirectional(LSTM(3), None)")


@pytest.mark.parametrize("text", UNMERGED)
def test_outputs_that_are_not_merged_are_put_side_by_side(text: str) -> None:
    error = fault(text)
    assert text[slice(*error.span)] == "None"
    assert "returns the two outputs apart" in (error.advice or "")
    assert (error.lead, error.repair) == ("perhaps", "input:32,lstm:3:bi")


STEPLESS = {
    "Sequential([Input((10, 8)), LSTM(4), TimeDistributed(Dense(3))])": "input:10x8,lstm:4:seq,dense:3",
    "Input((10, 8)), Bidirectional(GRU(4)), Dropout(0.1), TimeDistributed(Dense(3))": (
        "input:10x8,gru:4:seq:bi,dropout:0.1,dense:3"
    ),
    "Input((10, 8)), GlobalMaxPooling1D(), TimeDistributed(Dense(3))": "input:10x8,pool:max,dense:3",
}
"""TimeDistributed around a layer that is given one vector, which Keras refuses."""


@pytest.mark.parametrize("text", STEPLESS)
def test_a_timedistributed_on_one_vector_is_an_error(text: str) -> None:
    error = fault(text)
    assert error.message.startswith("TimeDistributed reads a sequence")
    assert error.repair == STEPLESS[text]
