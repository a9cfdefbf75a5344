"""`norm` and `bnorm`: numbers normalised to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose, log10
from typing import ClassVar

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Layer, Limit, Remark
from rnncli.layers.options import Choice, Flag
from rnncli.layers.sizes import NoSize
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of

EPSILONS: Mapping[str, float] = {"1e-3": 1e-3, "1e-5": 1e-5, "1e-6": 1e-6}
"""The values that may be added to the variance: Keras's default, PyTorch's and ONNX's, and another common choice."""

EPSILON = Remark(
    "Epsilon", "Keras adds 0.001 to the variance by default, PyTorch 1e-05 (eps=1e-5); eps= (epsilon) sets it"
)
"""How the frameworks' defaults differ."""

_SPELT_OUT = {"0.001": "1e-3", "0.00001": "1e-5", "1e-05": "1e-5", "0.000001": "1e-6", "1e-06": "1e-6"}


@immutable
class Norm(Layer):
    """Ba, Kiros and Hinton, 2016: γ · (x - mean) / √(variance + ε) + β over the features of each vector separately.

    `keras.layers.LayerNormalization(epsilon=epsilon, center=center, scale=scale)`; `torch.nn.LayerNorm`.
    """

    center: bool = True
    scale: bool = True
    epsilon: float = 1e-3

    kind = "norm"
    called: ClassVar[tuple[str, ...]] = ("layer_norm", "ln")
    keras = "LayerNormalization"
    torch = "LayerNorm"
    # elementwise_affine=False removes the scale and the bias, so it means more than noscale.
    torch_arguments: ClassVar[Mapping[str, str]] = {"center": "bias", "epsilon": "eps"}
    torch_defaults: ClassVar[Mapping[str, str]] = {"epsilon": "1e-5"}
    means = "each vector scaled to mean 0 and variance 1"
    in_place = True
    sizes = NoSize()
    options = (
        Flag("nobias", "center", "no bias", value=False),
        Flag("noscale", "scale", "no scale", value=False),
        Choice("eps", "epsilon", EPSILONS, "added to the variance", other_names=_SPELT_OUT),
    )

    @staticmethod
    def nearest_epsilon(value: float) -> tuple[float, bool]:
        """Return the epsilon nearest to a value, and whether it equals the value in float32."""
        nearest = min(EPSILONS.values(), key=lambda epsilon: abs(log10(epsilon) - log10(max(value, 1e-300))))
        return nearest, isclose(nearest, value, rel_tol=1e-6)

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the scale γ and the shift β, each with one number per feature."""
        axes = ((Factor("features", features_of(input_shape)),),)
        scale, shift = ("weight", "bias") if framework == "torch" else ("gamma", "beta")
        weights = []
        if self.scale:
            weights.append(Weight(scale, axes, "γ", "scale", "ones"))
        if self.center:
            weights.append(Weight(shift, axes, "β", "bias", "zeros"))
        return tuple(weights)

    @property
    def needs_input(self) -> bool:
        """Whether its derivative needs its input: the gradients of its weights do."""
        return self.scale or self.center

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield PyTorch's limit: a bias without a scale."""
        if framework == "torch" and self.center and not self.scale:
            yield f"PyTorch's {self.torch} has no bias without a scale", {"center": False}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equations for one vector."""
        scale, shift = "γ * " if self.scale else "", " + β" if self.center else ""
        epsilon = f"{self.epsilon:g}"
        return (
            Equation("m_t, v_t = mean(x_t), variance(x_t)", "over the features of one vector"),
            Equation(f"y_t = {scale}(x_t - m_t) / √(v_t + {epsilon}){shift}"),
        )

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain what is normalised together, and how the frameworks differ."""
        each = "each timestep of each sample" if len(input_shape) == 3 else "each sample"
        yield Remark("Features", f"{each} is normalised on its own, independently of all others")
        yield EPSILON


@immutable
class BatchNorm(Norm):
    """Ioffe and Szegedy, 2015: γ · (x - mean) / √(variance + ε) + β, with a mean and a variance for each feature.

    Training moves the mean and variance towards those of each batch; a forward pass does not change them.

    `keras.layers.BatchNormalization(epsilon=epsilon, center=center, scale=scale)`; `torch.nn.BatchNorm1d` on
    `x.transpose(1, 2)`.
    """

    kind = "bnorm"
    aliases = ("batchnorm",)
    called = ("bn", "batch_norm", "batchnorm1d")
    keras = "BatchNormalization"
    torch = "BatchNorm1d"
    means = "each feature scaled to mean 0 and variance 1"

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return γ, β, the moving mean and the moving variance, with one number per feature each.

        The last two are not trained. In PyTorch they are buffers, not parameters.
        """
        own = super().weights(input_shape, framework)
        if framework == "torch":
            return own
        axes = ((Factor("features", features_of(input_shape)),),)
        return (
            *own,
            Weight("moving_mean", axes, "μ", "statistic", "zeros", trained=False),
            Weight("moving_variance", axes, "σ²", "statistic", "ones", trained=False),
        )

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equation for one vector."""
        scale, shift = "γ * " if self.scale else "", " + β" if self.center else ""
        return (Equation(f"y_t = {scale}(x_t - μ) / √(σ² + {self.epsilon:g}){shift}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the moving statistics and how the frameworks differ."""
        features = features_of(input_shape)
        yield Remark(
            "Moving", "μ and σ² are the moving mean and variance, which only training changes, not a forward pass"
        )
        if framework == "torch":
            yield Remark("PyTorch", f"keeps them as buffers, which are not parameters: {2 * features:,} numbers")
        yield EPSILON
