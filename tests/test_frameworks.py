"""rnncli reports and computes the same as real Keras and PyTorch, as recorded in the golden files.

`make golden` regenerates the files; `make judge` compares many more networks with the frameworks themselves.
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


def test_shapes_names_and_counts_match_keras_and_pytorch_if_they_can_express_the_network(at: Walk) -> None:
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


def test_values_match_keras_with_keras_weights(at: Walk) -> None:
    for golden in read_values():
        with at(golden.dtype, golden.spec):
            # A model rejects weights with other names or shapes.
            y = Model(golden.spec, dtype=golden.dtype, weights=golden.weights)(golden.x)
            assert y.shape == golden.y.shape
            assert y.dtype == golden.dtype
            assert difference(y, golden.y) <= TOLERANCE[golden.dtype]


def test_training_saves_at_least_the_reported_bytes_and_holds_adams_state(at: Walk) -> None:
    for golden in read_saved():
        with at(golden["spec"]):
            said = kept_bytes(golden)
            assert [who for who in KEPT_BY if golden[who] is not None and golden[who] < said] == []
            if golden["adam"] is not None:  # the parameters, their gradients and two moments
                summary = Network.parse(golden["spec"]).summary(golden["batch"], golden["timesteps"], "torch")
                assert summary.training_bytes == golden["adam"] + said


def test_the_bound_of_saved_bytes_is_near_pytorchs_and_measured_for_every_kind() -> None:
    saved = read_saved()
    shares = sorted(kept_bytes(each) / each["torch"] for each in saved if each["torch"])
    assert shares[len(shares) // 2] > 2 / 3
    assert {type(layer) for each in saved for layer in Network.parse(each["spec"]).layers} == {*LAYERS}
