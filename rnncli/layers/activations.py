"""The activations of the spec language: what each makes of a number, the bounds of those that have two, its modules.

Each is defined as Keras 3 defines it; `rnncli.engine.activations` computes them.

To add an activation:

1. Declare it in `ACTIVATIONS`. The parser, the hints, completion and `rnncli layers` follow from that.
2. Say in `tests/kinds/activations.py` what the textbook makes of it, and which module it is in PyTorch.
3. Give it an entry in every table that `pytest tests/test_kinds.py` names: how the engine computes it, how each target
   writes it, what files of models call it. A class or a function that stands for it alone has a name in
   `formats/frameworks.py`, and another name that people use has one in `OTHER_NAMES`.
4. Run `make golden judge`; then `make man` and `pytest --rewrite-screens`, and read what has changed. `make golden
   KIND=dense` gives the first golden values soon.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnncli.immutable import NamedTuple
from rnncli.layers.options import Choice


class Definition(NamedTuple):
    """What an activation is.

    Attributes:
        formula: what it makes of a number x, or of the numbers x_1 to x_n of a vector.
        torch: PyTorch's class in torch.nn.
        bounds: what its values saturate at; None without two such bounds.
    """

    formula: str
    torch: str
    bounds: tuple[float, float] | None = None


ACTIVATIONS: Mapping[str, Definition] = {
    "linear": Definition("x", "Identity"),
    "relu": Definition("max(0, x)", "ReLU"),
    "tanh": Definition("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "Tanh", (-1.0, 1.0)),
    "sigmoid": Definition("1 / (1 + exp(-x))", "Sigmoid", (0.0, 1.0)),
    "hard_sigmoid": Definition("min(1, max(0, x / 6 + 1 / 2))", "Hardsigmoid", (0.0, 1.0)),
    "softsign": Definition("x / (1 + |x|)", "Softsign", (-1.0, 1.0)),
    "softplus": Definition("log(1 + exp(x))", "Softplus"),
    "elu": Definition("x if x > 0 else exp(x) - 1", "ELU"),
    "selu": Definition("1.0507 · (x if x > 0 else 1.67326 · (exp(x) - 1))", "SELU"),
    "gelu": Definition("x · (1 + erf(x / √2)) / 2", "GELU"),
    "silu": Definition("x / (1 + exp(-x))", "SiLU"),
    # Between 0 and 1 as well, but most shares of many are near 0: that is no sign of saturation.
    "softmax": Definition("exp(x_i) / (exp(x_1) + … + exp(x_n))", "Softmax"),
}

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
