"""`lstm:U`: three gates, a candidate, and a second state, the cell's memory c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Self

from rnncli.immutable import immutable
from rnncli.layers.base import Conflict, Equation, Limit, Remark, applied
from rnncli.layers.options import Choice, Whole
from rnncli.layers.recurrent import Gated
from rnncli.layers.weights import Axis, Factor, Framework, Weight
from rnncli.quantities import Shape, plural


@immutable
class LSTM(Gated):
    """`keras.layers.LSTM`; the columns of its kernels are the gates i, f, c, o in this order.

    With `unit_forget_bias` the bias of the forget gate starts at one, so that a new LSTM remembers. With `proj_size`,
    which only PyTorch has, one more matrix projects the cell's output to that many numbers, which become the state h
    and the layer's output.
    """

    unit_forget_bias: bool = True
    proj_size: int | None = None

    kind = "lstm"
    keras = "LSTM"
    torch = "LSTM"
    gates_text = "three gates and a candidate"
    means = f"{gates_text}: 4 × the weights of rnn"
    gates = 4
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]] = {
        "keras": ("i", "f", "c", "o"),
        "torch": ("i", "f", "g", "o"),
    }
    candidate = 2
    states = ("h", "c")
    below = (("proj_size", "units"),)
    options = (
        *Gated.options,
        Choice("forgetbias", "unit_forget_bias", {"1": True, "0": False}, "initial bias of the forget gate"),
        Whole("proj", "proj_size", "h projected to N numbers, fewer than U", unset=True, in_keras=""),
    )
    torch_arguments: ClassVar[Mapping[str, str]] = {**Gated.torch_arguments, "proj_size": "proj_size"}

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The units for c, and also for h unless it is projected to fewer."""
        return {"h": self.units if self.proj_size is None else self.proj_size, "c": self.units}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the equations of the gates i, f and o, the candidate g, and the two states."""
        i, f, g, o = self.blocks[framework]
        shown = f"{o}_t * {applied(self.activation, 'c_t')}"
        two = framework == "torch"
        return (
            self._gate(i, i, self.recurrent_activation, "input gate: how much is written", two),
            self._gate(f, f, self.recurrent_activation, "forget gate: how much is kept", two),
            self._gate("g", g, self.activation, "candidate: new content", two),
            self._gate(o, o, self.recurrent_activation, "output gate: how much is output", two),
            Equation(f"c_t = {f}_t * c_{{t-1}} + {i}_t * g_t", "the cell's memory"),
            Equation(f"h_t = {shown if self.proj_size is None else f'({shown})·V'}", "state and output"),
        )

    def trained(self) -> Self:
        """Return the same layer with Keras's default initial bias."""
        return replace(self, unit_forget_bias=True)

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers of the gates and states, and of the cell's output if it is projected."""
        projected = 0 if self.proj_size is None else len(self.directions) * self.units
        return super().kept(input_shape) + projected

    def _state(self) -> Axis:
        return super()._state() if self.proj_size is None else (Factor("proj", self.proj_size),)

    def _cell_weights(self, features: int, framework: Framework) -> tuple[Weight, ...]:
        weights = super()._cell_weights(features, framework)
        if self.proj_size is None:
            return weights
        cell, state = super()._state(), self._state()
        if framework == "keras":
            return (*weights, Weight("projection_kernel", (cell, state), "V", "projection", "glorot_uniform"))
        projects = Weight("weight_hr_l0", (state, cell), "V", "projection", "root_uniform", fan=self.units)
        return (*weights, projects)

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what the framework cannot express of this layer, or None."""
        known = isinstance(self.units, int) and isinstance(self.proj_size, int)  # templates have blanks instead
        if known and any(margin < 1 for margin in self.margins):
            return Conflict(
                f"a projection must have fewer numbers than the {plural(self.units, 'unit')} of {self.kind}; "
                f"{self._field_text('proj_size')} does not",
                replace(self, proj_size=None),
            )
        return super().conflict(framework)

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield the frameworks' limits: Keras does not project the state."""
        if framework == "keras" and self.proj_size is not None:
            has_no = f"it has no {self._field_text('proj_size')}"
            yield f"Keras's LSTM does not project its state; {has_no}", {"proj_size": None}
        yield from super().limits(framework)

    def _cell_notes(self, input_shape: Shape, framework: Framework) -> Iterator[Remark]:
        yield from super()._cell_notes(input_shape, framework)
        if self.proj_size is not None:
            plain = replace(self, proj_size=None)
            here, without = (
                sum(weight.params for weight in each.weights(input_shape, framework)) for each in (self, plain)
            )
            yield Remark(
                "Projected",
                f"V projects the cell's output of {self.units:,} numbers to h, {plural(self.proj_size, 'number')}, so "
                f"U has fewer columns: {here:,} parameters instead of the {without:,} of {plain.spec()}",
            )

    def _cell_range(self) -> tuple[float, float] | None:
        return super()._cell_range() if self.proj_size is None else None

    def _bias(self) -> Weight:
        # Keras initialises the forget gate's bias to one (Jozefowicz et al., 2015).
        bias = super()._bias()
        return bias._replace(initializer="unit_forget_bias") if self.unit_forget_bias else bias
