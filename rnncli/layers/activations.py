"""The activations of the spec language, and the bounds of those that have two.

Each is defined as Keras 3 defines it; `rnncli.engine.activations` computes them.
"""

from __future__ import annotations

from rnncli.layers.options import Choice

ACTIVATION_RANGES: dict[str, tuple[float, float] | None] = {
    "linear": None,
    "relu": None,
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softplus": None,
    "elu": None,
    "selu": None,
    "gelu": None,
    "silu": None,
    # Between 0 and 1 as well, but most shares of many are near 0: that is no sign of saturation.
    "softmax": None,
}

ACTIVATIONS: tuple[str, ...] = tuple(ACTIVATION_RANGES)

_OTHER_NAMES = {"swish": "silu", "none": "linear", "hardsigmoid": "hard_sigmoid", "logistic": "sigmoid"}

ACTIVATION_OPTION = Choice(
    "act",
    "activation",
    {a: a for a in ACTIVATIONS},
    "activation",
    name_alone=True,
    symbol="ACT",
    other_names=_OTHER_NAMES,
)
GATE_ACTIVATION_OPTION = Choice(
    "recact",
    "recurrent_activation",
    {a: a for a in ACTIVATIONS},
    "activation of the gates",
    symbol="ACT",
    other_names=_OTHER_NAMES,
)
