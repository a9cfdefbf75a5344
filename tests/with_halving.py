"""Tests of the kind in `halving.py`; `test_contract.py` runs them with that kind registered."""

from __future__ import annotations

from typing import Any

import numpy as np
from conftest import Run, Screen
from sessions import replay

from rnncli import Network
from rnncli.engine.model import Model


def test_the_commands_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("halving", rnncli, screen)


def test_exported_numpy_and_a_run_in_two_parts_give_the_result_of_one_run(
    rnncli: Run,
) -> None:
    network = Network.parse("input:3,lstm:2:seq,halve:4:every=3,dense:2")
    model = Model(network, seed=5)
    x = np.random.default_rng(0).standard_normal((2, 13, 3), np.float32)
    whole = model(x)
    assert whole.shape == (2, 4, 2)
    first, state = model.run(x[:, :6])
    second, state = model.run(x[:, 6:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-5)
    assert (state["halve/h"].shape, state["halve/m"].shape) == ((2, 4), (2, 1))
    program: dict[str, Any] = {}
    exec(rnncli("export", str(network), "--to", "numpy", "--seed", "5").stdout, program)
    np.testing.assert_allclose(program["model"](x), whole, rtol=1e-5)
