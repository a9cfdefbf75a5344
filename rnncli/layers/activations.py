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

ACTIVATION_FORMULAS: dict[str, str] = {
    "linear": "x",
    "relu": "max(0, x)",
    "tanh": "(exp(x) - exp(-x)) / (exp(x) + exp(-x))",
    "sigmoid": "1 / (1 + exp(-x))",
    "hard_sigmoid": "min(1, max(0, x / 6 + 1 / 2))",
    "softsign": "x / (1 + |x|)",
    "softplus": "log(1 + exp(x))",
    "elu": "x if x > 0 else exp(x) - 1",
    "selu": "1.0507 · (x if x > 0 else 1.67326 · (exp(x) - 1))",
    "gelu": "x · (1 + erf(x / √2)) / 2",
    "silu": "x / (1 + exp(-x))",
    "softmax": "exp(x_i) / (exp(x_1) + … + exp(x_n))",
}
"""What each of them makes of a number x, or of the numbers x_1 to x_n of a vector."""

ACTIVATIONS: tuple[str, ...] = tuple(ACTIVATION_RANGES)

OTHER_NAMES = {"swish": "silu", "none": "linear", "hardsigmoid": "hard_sigmoid", "logistic": "sigmoid"}

ACTIVATION_OPTION = Choice(
    "act",
    "activation",
    {a: a for a in ACTIVATIONS},
    "activation",
    name_alone=True,
    symbol="ACT",
    other_names=OTHER_NAMES,
)
GATE_ACTIVATION_OPTION = Choice(
    "recact",
    "recurrent_activation",
    {a: a for a in ACTIVATIONS},
    "activation of the gates",
    symbol="ACT",
    other_names=OTHER_NAMES,
    in_torch="always sigmoid",
)
