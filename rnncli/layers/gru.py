"""`gru:U`: two gates, a candidate and one state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from rnncli.immutable import immutable
from rnncli.layers.base import Equation, Limit, Remark, applied
from rnncli.layers.options import Choice
from rnncli.layers.recurrent import Gated
from rnncli.layers.weights import Factor, Framework, Weight
from rnncli.layers.words import in_both
from rnncli.quantities import Shape


@immutable
class GRU(Gated):
    """`keras.layers.GRU`; the columns of its kernels are z, r, h in this order.

    With `reset_after` the reset gate acts on U·h instead of h, and the input and the state each have a bias, stored as
    one array of shape (2, 3·units). That is the variant of cuDNN and PyTorch, and Keras's default.
    """

    reset_after: bool = True

    kind = "gru"
    keras = "GRU"
    torch = "GRU"
    gates_text = "two gates and a candidate"
    means = f"{gates_text}: 3 × the weights of rnn"
    gates = 3
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]] = {"keras": ("z", "r", "h"), "torch": ("r", "z", "n")}
    candidate = 2
    options = (
        *Gated.options,
        Choice(
            "reset",
            "reset_after",
            {"after": True, "before": False},
            "reset gate applied after or before U·h",
            in_torch="always after",
        ),
    )

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equations of the gates z and r, the candidate and the state, in the framework's order of blocks.

        Keras names the candidate's block h, like the state, so the candidate itself is called g there.
        """
        *gates, block = self.blocks[framework]
        candidate = "g" if framework == "keras" else block
        means = {"z": "update gate: how much is kept", "r": "reset gate: how much state the candidate sees"}
        bias = self._bias_text(False, f"_{block}")
        if self.reset_after:
            recurrent = f"h_{{t-1}}·U_{block} + b'_{block}" if self.use_bias else f"h_{{t-1}}·U_{block}"
            total = f"x_t·W_{block}{bias} + r_t * ({recurrent})"
        else:
            total = f"x_t·W_{block} + (r_t * h_{{t-1}})·U_{block}{bias}"
        return (
            *(self._gate(each, each, self.recurrent_activation, means[each], self.reset_after) for each in gates),
            Equation(f"{candidate}_t = {applied(self.activation, total)}", "candidate"),
            Equation(f"h_t = z_t * h_{{t-1}} + (1 - z_t) * {candidate}_t", "state and output"),
        )

    def _bias(self) -> Weight:
        bias = super()._bias()
        return bias._replace(axes=((Factor("biases", 2),), *bias.axes)) if self.reset_after else bias

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield PyTorch's limits: its reset gate acts after U·h."""
        if framework == "torch" and not self.reset_after:
            has_no = f"it has no {self._field_text('reset_after')}"
            yield f"PyTorch's GRU applies its reset gate after U·h; {has_no}", {"reset_after": True}
        yield from super().limits(framework)

    def _cell_notes(self, input_shape: Shape, framework: Framework) -> Iterator[Remark]:
        yield from super()._cell_notes(input_shape, framework)
        if self.use_bias:
            yield Remark("Reset", self._reset_text(input_shape, framework))

    def _reset_text(self, input_shape: Shape, framework: Framework) -> str:
        before, after = (
            sum(weight.params for weight in replace(self, reset_after=value).weights(input_shape))
            for value in (False, True)
        )
        block = self.blocks[framework][-1]
        if self.reset_after:
            return (
                f"r acts on h_{{t-1}}·U_{block} + b'_{block}, so W and U have a bias each, as in PyTorch and cuDNN. "
                f"With {in_both(GRU, 'reset_after', False, framework)}, r acts on h_{{t-1}} and one bias is enough: "
                f"{before:,} instead of {after:,} parameters"
            )
        return (
            "r acts on h_{t-1}, so one bias is enough, as in the paper. "
            f"With {in_both(GRU, 'reset_after', True)}, Keras's default, W and U have a bias each: {after:,} instead "
            f"of {before:,} parameters"
        )
