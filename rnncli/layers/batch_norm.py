"""`bnorm`: every feature normalised by its running mean and variance from training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Note
from rnncli.layers.norm import EPSILON, Norm
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.quantities import Shape, features_of


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
    torch_arguments: ClassVar[Mapping[str, str]] = {"center": "bias", "epsilon": "eps"}
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

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Explain the moving statistics and how the frameworks differ."""
        features = features_of(input_shape)
        yield Note(
            "Moving", "μ and σ² are the moving mean and variance, which only training changes, not a forward pass"
        )
        if framework == "torch":
            yield Note("PyTorch", f"keeps them as buffers, which are not parameters: {2 * features:,} numbers")
        yield EPSILON
