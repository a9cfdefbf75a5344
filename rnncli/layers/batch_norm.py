"""`bnorm`: every feature scaled and shifted by the mean and variance that it had in training."""

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

    Training moves these two towards those of each batch; a forward pass takes them as they are.

    `keras.layers.BatchNormalization(epsilon=epsilon, center=center, scale=scale)`; `torch.nn.BatchNorm1d` of
    `x.transpose(1, 2)`.
    """

    kind = "bnorm"
    aliases = ("batchnorm",)
    called = ("bn", "batch_norm", "batchnorm1d")
    keras = "BatchNormalization"
    torch = "BatchNorm1d"
    torch_arguments: ClassVar[Mapping[str, str]] = {"center": "bias", "epsilon": "eps"}
    means = "each feature to mean 0 and variance 1"

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return γ, β, and the moving mean and variance, a number for each feature.

        The last two are not trained. PyTorch counts them as buffers, which are no parameters.
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
        """Return the scaling of one vector."""
        scale, shift = "γ * " if self.scale else "", " + β" if self.center else ""
        return (Equation(f"y_t = {scale}(x_t - μ) / √(σ² + {self.epsilon:g}){shift}"),)

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Note]:
        """Say what the moving numbers are, and how the frameworks differ."""
        features = features_of(input_shape)
        yield Note(
            "Moving", "μ and σ² are the mean and variance of training, which moves them; a forward pass does not"
        )
        if framework == "torch":
            yield Note("PyTorch", f"keeps them as buffers, {2 * features:,} numbers that are no parameters there")
        yield EPSILON
