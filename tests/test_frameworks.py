"""rnncli says and computes what real Keras and PyTorch do, as recorded in the golden files.

`make golden` makes the files again; `make judge` compares many more networks with the frameworks themselves.
"""

from __future__ import annotations

from typing import Any

import pytest
from golden.data import (
    KEPT_BY,
    TOLERANCE,
    TORCH_BATCH,
    TORCH_TIMESTEPS,
    Values,
    describe,
    difference,
    kept_bytes,
    read_networks,
    read_saved,
    read_values,
)

from rnncli import Network
from rnncli.engine import Model
from rnncli.errors import SpecError
from rnncli.layers import LAYERS

NETWORKS = read_networks()
VALUES = read_values()
SAVED = read_saved()

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
def test_values_equal_keras_with_keras_weights(golden: Values) -> None:
    # A model refuses weights of other names or shapes than its own.
    model = Model(Network.parse(golden.spec), dtype=golden.dtype, weights=golden.weights)
    y = model(golden.x)
    assert y.shape == golden.y.shape
    assert y.dtype == golden.dtype
    assert difference(y, golden.y) <= TOLERANCE[golden.dtype]


@pytest.mark.parametrize("golden", SAVED, ids=lambda golden: golden["spec"])
def test_the_frameworks_never_keep_less_for_training_than_is_said(golden: dict[str, Any]) -> None:
    said = kept_bytes(golden)
    for who in KEPT_BY:
        assert golden[who] is None or said <= golden[who], who


@pytest.mark.parametrize("golden", SAVED, ids=lambda golden: golden["spec"])
def test_training_holds_the_parameters_their_gradients_and_the_two_moments_of_adam(golden: dict[str, Any]) -> None:
    if golden["adam"] is not None:
        summary = Network.parse(golden["spec"]).summary(golden["batch"], golden["timesteps"], "torch")
        assert summary.training_bytes == golden["adam"] + kept_bytes(golden)


def test_what_training_keeps_at_least_is_near_what_pytorch_keeps() -> None:
    shares = sorted(kept_bytes(each) / each["torch"] for each in SAVED if each["torch"])
    assert shares[len(shares) // 2] > 2 / 3


def test_what_is_kept_is_measured_for_every_kind_of_layer() -> None:
    measured = {type(layer) for each in SAVED for layer in Network.parse(each["spec"]).layers}
    assert measured == {*LAYERS}
