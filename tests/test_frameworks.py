"""rnncli says and computes what real Keras and PyTorch do, as recorded in the golden files.

`make golden` makes the files again; `make judge` compares many more networks with the frameworks themselves.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from golden.data import (
    TOLERANCE,
    TORCH_BATCH,
    TORCH_TIMESTEPS,
    Values,
    describe,
    difference,
    read_networks,
    read_values,
)

from rnncli import Network
from rnncli.engine import Model
from rnncli.errors import SpecError
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.recurrent import MERGE_MODES, Gated

NETWORKS = read_networks()
VALUES = read_values()

each_network = pytest.mark.parametrize("golden", NETWORKS, ids=lambda golden: golden["spec"])
each_run = pytest.mark.parametrize("golden", VALUES, ids=lambda golden: f"{golden.dtype}-{golden.spec}")


@each_network
def test_shapes_names_and_counts_equal_keras(golden: dict[str, Any]) -> None:
    assert describe(Network.parse(golden["spec"]).summary()) == golden["keras"]


@each_network
def test_shapes_weights_and_counts_equal_pytorch_where_it_can_express_the_network(golden: dict[str, Any]) -> None:
    network = Network.parse(golden["spec"])
    timesteps = network.head.fixed_timesteps or TORCH_TIMESTEPS
    if golden["torch"] is None:
        with pytest.raises(SpecError):
            network.summary(framework="torch")
    else:
        summary = network.summary(batch=TORCH_BATCH, timesteps=timesteps, framework="torch")
        assert describe(summary) == golden["torch"]


@each_run
def test_values_equal_keras(golden: Values) -> None:
    model = Model(Network.parse(golden.spec), dtype=golden.dtype, weights=golden.weights)
    y = model(golden.x)
    assert y.shape == golden.y.shape
    assert y.dtype == golden.dtype
    assert difference(y, golden.y) <= TOLERANCE[golden.dtype]


@each_run
def test_the_models_own_weights_have_keras_names_and_shapes(golden: Values) -> None:
    weights = Model(Network.parse(golden.spec), dtype=golden.dtype).weights
    assert {name: array.shape for name, array in weights.items()} == {
        name: array.shape for name, array in golden.weights.items()
    }


def test_the_golden_values_cover_every_cell_with_all_its_settings() -> None:
    runs = [(layer, golden) for golden in VALUES for layer in Network.parse(golden.spec).layers]
    cells = [(layer, ":mask" in golden.spec) for layer, golden in runs if isinstance(layer, Recurrent)]
    gated = {(type(cell), cell.activation, cell.recurrent_activation) for cell, _ in cells if isinstance(cell, Gated)}
    assert gated >= set(product((LSTM, GRU), ACTIVATIONS, ACTIVATIONS))
    assert {(type(cell), cell.activation) for cell, _ in cells} == set(product((SimpleRNN, LSTM, GRU), ACTIVATIONS))
    flags = {
        (type(cell), cell.merge_mode or cell.go_backwards, cell.return_sequences, cell.use_bias, masked)
        for cell, masked in cells
    }
    directions = (False, True, *MERGE_MODES)
    assert flags == set(product((SimpleRNN, LSTM, GRU), directions, *[(False, True)] * 3))
