"""rnncli says and computes what real Keras and PyTorch do, as recorded in the golden files.

`make golden` makes the files again; `make judge` compares many more networks with the frameworks themselves.
"""

from __future__ import annotations

import pytest
from conftest import Walk
from golden.data import (
    KEPT_BY,
    TOLERANCE,
    TORCH_BATCH,
    TORCH_TIMESTEPS,
    describe,
    difference,
    enough_timesteps,
    kept_bytes,
    read_networks,
    read_saved,
    read_values,
)

from rnncli import Network
from rnncli.engine.model import Model
from rnncli.errors import SpecError
from rnncli.layers import LAYERS


def test_shapes_names_and_counts_equal_those_of_keras_and_of_pytorch_where_it_can_express_the_network(at: Walk) -> None:
    for golden in read_networks():
        network = Network.parse(golden["spec"])
        with at("Keras", network):
            if golden["keras"] is None:
                with pytest.raises(SpecError):
                    network.summary(framework="keras")
            else:
                assert describe(network.summary()) == golden["keras"]
        with at("PyTorch", network):
            timesteps = enough_timesteps(network.layers, TORCH_TIMESTEPS)
            if golden["torch"] is None:
                with pytest.raises(SpecError):
                    network.summary(framework="torch")
            else:
                summary = network.summary(batch=TORCH_BATCH, timesteps=timesteps, framework="torch")
                assert describe(summary) == golden["torch"]


def test_values_equal_keras_with_keras_weights(at: Walk) -> None:
    for golden in read_values():
        with at(golden.dtype, golden.spec):
            # A model refuses weights of other names or shapes than its own.
            y = Model(golden.spec, dtype=golden.dtype, weights=golden.weights)(golden.x)
            assert y.shape == golden.y.shape
            assert y.dtype == golden.dtype
            assert difference(y, golden.y) <= TOLERANCE[golden.dtype]


def test_training_keeps_no_more_than_is_said_and_holds_what_adam_does(at: Walk) -> None:
    for golden in read_saved():
        with at(golden["spec"]):
            said = kept_bytes(golden)
            assert [who for who in KEPT_BY if golden[who] is not None and golden[who] < said] == []
            if golden["adam"] is not None:  # the parameters, their gradients and two moments
                summary = Network.parse(golden["spec"]).summary(golden["batch"], golden["timesteps"], "torch")
                assert summary.training_bytes == golden["adam"] + said


def test_what_training_keeps_at_least_is_near_what_pytorch_keeps_and_measured_for_every_kind_of_layer() -> None:
    saved = read_saved()
    shares = sorted(kept_bytes(each) / each["torch"] for each in saved if each["torch"])
    assert shares[len(shares) // 2] > 2 / 3
    assert {type(layer) for each in saved for layer in Network.parse(each["spec"]).layers} == {*LAYERS}
