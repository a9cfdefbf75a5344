"""The common part of SimpleRNN, LSTM and GRU: the loop over time, its flags and its weights; and `rnn:U` itself.

The other two cells, each in a separate file, differ in their gates, their biases and what PyTorch can express.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Literal, Self

from rnncli.errors import listed
from rnncli.immutable import immutable
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION
from rnncli.layers.base import Conflict, Equation, Layer, Limit, Remark, Returns, applied, snake_case
from rnncli.layers.cost import Number, StepNumbers
from rnncli.layers.options import Choice, Flag, Option
from rnncli.layers.sizes import Numbers
from rnncli.layers.weights import Axis, Factor, Framework, Weight
from rnncli.layers.words import in_both
from rnncli.quantities import Shape, features_of, plural, shape_text

MERGED = {
    "concat": "their outputs are concatenated",
    "sum": "their outputs are added",
    "mul": "their outputs are multiplied",
    "ave": "their outputs are averaged",
}
"""How each merge mode combines the outputs of the two directions."""

MERGE_MODES = tuple(MERGED)

SEQUENCE_OPTIONS: tuple[Option, ...] = (
    Flag("seq", "return_sequences", "return every output, not only the last", in_torch="output, without it h_n[-1]"),
    Flag("back", "go_backwards", "read time backwards", in_torch="x.flip(1)"),
    Choice(
        "bi",
        "merge_mode",
        {mode: mode for mode in MERGE_MODES},
        "read both ways and merge the two outputs",
        key_alone="concat",
        unset=True,
        other_names={"cat": "concat", "add": "sum", "multiply": "mul", "avg": "ave", "average": "ave", "mean": "ave"},
        effects=MERGED,
    ),
    Flag("nobias", "use_bias", "no bias", value=False),
    ACTIVATION_OPTION,
)


@immutable
class Recurrent(Layer):
    """A layer that loops over timesteps and keeps a state between them.

    It reads (batch, timesteps, features) and returns (batch, timesteps, units) with `return_sequences`, else
    (batch, units), the output of the last step. The state starts at zero for every sample.

    With a `merge_mode` it is a `keras.layers.Bidirectional` around the cell.
    """

    units: int
    return_sequences: bool = False
    go_backwards: bool = False
    merge_mode: str | None = None
    use_bias: bool = True
    activation: str = "tanh"

    torch_arguments: ClassVar[Mapping[str, str]] = {
        "units": "hidden_size",
        "use_bias": "bias",
        "merge_mode": "bidirectional",
    }
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]]
    """The names of the blocks of `units` numbers in its kernels, in each framework's order."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    sizes = Numbers(("units",), ("U",), example="32")
    options = SEQUENCE_OPTIONS
    reads = "sequence"
    needs_input = True

    def output_features(self, features: Number) -> Number:
        """Return the size of h, twice that if both directions are concatenated."""
        own = self.state_sizes["h"]
        return 2 * own if self.merge_mode == "concat" else own

    @property
    def returns(self) -> Returns:
        """The sequence of its outputs, or only the last output."""
        return "sequence" if self.return_sequences else "vector"

    def returning(self, what: Literal["sequence", "vector"]) -> Self:
        """Return the same layer returning the sequence of its outputs, or only the last."""
        return replace(self, return_sequences=what == "sequence")

    def weights(self, input_shape: Shape, framework: Framework = "keras") -> tuple[Weight, ...]:
        """Return the weights of the cell, or of the forward and the backward cell."""
        cell = self._cell_weights(features_of(input_shape), framework)
        return tuple(
            weight._replace(name=direction + weight.name if framework == "keras" else weight.name + suffix)
            for direction, suffix in zip(self.directions, ("", "_reverse"), strict=False)
            for weight in cell
        )

    @property
    def state_sizes(self) -> Mapping[str, int]:
        """The size of each state: the units."""
        return dict.fromkeys(self.states, self.units)

    def step(self, input_shape: Shape) -> StepNumbers:
        """Return the gates of one direction, since the directions run in turn; its output is a state."""
        return StepNumbers(gates=self.gates * self.units)

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers of the gates and states of each direction."""
        return len(self.directions) * (self.gates * self.units + sum(self.state_sizes.values()))

    @property
    def keeps_output(self) -> bool:
        """Whether its output is its states, of one direction or of both concatenated."""
        return self.merge_mode in (None, "concat")

    def _cell_weights(self, features: int, framework: Framework) -> tuple[Weight, ...]:
        """Return the weights of one cell: W and U, with the gates side by side, and b."""
        gates, reads = self._columns(), (Factor("input", features),)
        if framework == "keras":
            weights = [
                Weight("kernel", (reads, gates), "W", "kernel", "glorot_uniform"),
                Weight("recurrent_kernel", (self._state(), gates), "U", "recurrent", "orthogonal"),
                self._bias(),
            ]
            return tuple(weights if self.use_bias else weights[:2])
        # torch.nn.RNNBase: rows are gates, the input and the state have a bias each, and all are initialised alike.
        weights = [
            Weight("weight_ih_l0", (gates, reads), "W", "kernel"),
            Weight("weight_hh_l0", (gates, self._state()), "U", "recurrent"),
            Weight("bias_ih_l0", (gates,), "b", "bias"),
            Weight("bias_hh_l0", (gates,), "b'", "bias"),
        ]
        alike = [weight._replace(initializer="root_uniform", fan=self.units) for weight in weights]
        return tuple(alike if self.use_bias else alike[:2])

    def _columns(self) -> Axis:
        """Return the axis that runs over the units of all gates."""
        units = Factor("units", self.units)
        return (units,) if self.gates == 1 else (Factor("gates", self.gates), units)

    def _state(self) -> Axis:
        """Return the axis that runs over the numbers of h."""
        return (Factor("units", self.units),)

    def _bias(self) -> Weight:
        return Weight("bias", (self._columns(),), "b", "bias", "zeros")

    def _bias_text(self, two: bool, block: str = "") -> str:
        """Return the bias terms of a block's equation: one, or with `two`, the input's and the state's."""
        if not self.use_bias:
            return ""
        return f" + b{block} + b'{block}" if two else f" + b{block}"

    def type_name(self, framework: Framework = "keras") -> str:
        """Return the cell's class, or Bidirectional if Keras wraps the cell."""
        if framework == "keras" and self.merge_mode is not None:
            return "Bidirectional"
        return super().type_name(framework)

    def keras_names(self) -> tuple[str, ...]:
        """Return Keras's base names; inside a Bidirectional the cell is numbered too."""
        return tuple(dict.fromkeys((*super().keras_names(), snake_case(self.keras))))

    def conflict(self, framework: Framework) -> Conflict | None:
        """Return what the framework cannot express of this layer, or None."""
        if self.go_backwards and self.merge_mode is not None:
            return Conflict(
                f"{self._field_text('merge_mode')} already reads the sequence both ways, and Keras does not allow "
                f"{self._field_text('go_backwards')} inside it",
                replace(self, go_backwards=False),
            )
        return super().conflict(framework)

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield PyTorch's limit: it only concatenates two directions."""
        if framework == "torch" and self.merge_mode not in (None, "concat"):
            has_no = f"it has no {self._field_text('merge_mode')}"
            yield f"PyTorch's {self.torch} concatenates its two directions; {has_no}", {"merge_mode": "concat"}

    def notes(self, input_shape: Shape, framework: Framework = "keras") -> Iterator[Remark]:
        """Explain the gates, the state, the directions and the output."""
        yield from self._cell_notes(input_shape, framework)
        yield Remark("State", f"{_carried(self)}. {_returned(self, framework)}")
        if self.merge_mode is not None:
            yield Remark(
                "Both ways",
                "two cells with separate weights read the sequence from its two ends; "
                f"{MERGED[self.merge_mode]}: {plural(features_of(self.output_shape(input_shape)), 'number')}",
            )
        if self.go_backwards:
            order = ", and the outputs come in that order" if self.return_sequences else ""
            flipped = "; in PyTorch x.flip(1)" if framework == "torch" else ""
            yield Remark("Backwards", f"time is read from the last step to the first{order}{flipped}")
        output = _every_output if self.return_sequences else _last_output
        yield Remark("Output", output(self, input_shape, framework))

    def _field_text(self, attribute: str) -> str:
        """Return one of its fields with Keras's argument."""
        return in_both(type(self), attribute, getattr(self, attribute))

    def _cell_notes(self, input_shape: Shape, framework: Framework) -> Iterator[Remark]:
        """Yield remarks specific to the cell."""
        yield from ()

    def output_range(self) -> tuple[float, float] | None:
        """Return the bounds at which the merged outputs saturate, or None if they do not."""
        bounds = self._cell_range()
        if bounds is not None and self.merge_mode == "sum":
            return 2 * bounds[0], 2 * bounds[1]
        return bounds

    def _cell_range(self) -> tuple[float, float] | None:
        """Return the bounds of one cell's output."""
        return ACTIVATIONS[self.activation].bounds


@immutable
class Gated(Recurrent):
    """A recurrent layer with gates, which have a separate activation."""

    recurrent_activation: str = "sigmoid"

    options = (*SEQUENCE_OPTIONS, GATE_ACTIVATION_OPTION)

    def _gate(self, symbol: str, block: str, activation: str, means: str, two_biases: bool) -> Equation:
        """Return the equation of a gate, or of the candidate, for a block of the weights."""
        total = f"x_t·W_{block} + h_{{t-1}}·U_{block}{self._bias_text(two_biases, f'_{block}')}"
        return Equation(f"{symbol}_t = {applied(activation, total)}", means)

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield PyTorch's limits: its activations are fixed."""
        if framework == "torch" and self.activation != "tanh":
            yield f"PyTorch's {self.torch} is always tanh; {self.activation} was given", {"activation": "tanh"}
        if framework == "torch" and self.recurrent_activation != "sigmoid":
            reason = f"PyTorch's {self.torch} gates are always sigmoid; {self.recurrent_activation} was given"
            yield reason, {"recurrent_activation": "sigmoid"}
        yield from super().limits(framework)

    def _cell_notes(self, input_shape: Shape, framework: Framework) -> Iterator[Remark]:
        rnn = SimpleRNN(units=self.units, merge_mode=self.merge_mode, use_bias=self.use_bias)
        params = sum(weight.params for weight in rnn.weights(input_shape, framework))
        blocks = listed(self.blocks[framework])
        lines, place = ("rows", "one below the other") if framework == "torch" else ("columns", "side by side")
        yield Remark(
            "Gates",
            f"{self.gates}, counting the candidate: each array has the {lines} of {blocks} {place}; an "
            f"{rnn.spec()} has only {params:,} parameters",
        )

    def _cell_range(self) -> tuple[float, float] | None:
        # A gate between 0 and 1 keeps the output within the activation's bounds: an LSTM's output is a gate times
        # the activation, a GRU's a weighted mean of its previous state and the activation.
        return super()._cell_range() if self.gates_are_shares else None

    @property
    def gates_are_shares(self) -> bool:
        """Whether the gates' activation keeps them between 0 and 1."""
        return ACTIVATIONS[self.recurrent_activation].bounds == (0.0, 1.0)


_NUMBERS = {2: "both", 4: "all four"}
"""The words for all states of all directions, by their number."""


def _carried(layer: Recurrent) -> str:
    """Return a description of the states that are carried from step to step, and which of them is the output."""
    several, both = len(layer.states) > 1, len(layer.directions) > 1
    shown, *hidden = layer.states
    leaves = f"both {shown}, merged" if both else shown
    stays = f"; {'both ' if both else ''}{listed(hidden)} {'stay' if both else 'stays'} inside" if hidden else ""
    of = " of both directions" if both else ""
    *sizes, last = dict.fromkeys(layer.state_sizes.values())
    each = " each" if not sizes and (several or both) else ""
    starts = f"{'start' if several else 'starts'} at zero for every sample"
    numbers = listed([*(f"{size:,}" for size in sizes), plural(last, "number")])
    return f"{listed(layer.states)}{of} ({numbers}{each}) {starts}. The output is {leaves}{stays}"


def _returned(layer: Recurrent, framework: Framework) -> str:
    """Return how the framework returns the final states, which options save and load them, and their PyTorch shapes.

    A Keras layer's text also mentions PyTorch, which returns the states without being asked.
    """
    last = [f"{state}_n" for state in layer.states]
    torch = f"(output, ({', '.join(last)}))" if len(last) > 1 else f"(output, {last[0]})"
    sizes = zip(last, layer.state_sizes.values(), strict=False)  # the same in both directions
    ways = len(layer.directions)
    shapes = f"PyTorch's shapes for one layer: {listed([f'{name} ({ways}, batch, {size})' for name, size in sizes])}"
    count = len(layer.states) * len(layer.directions)
    if framework == "torch":
        it = "it" if len(last) == 1 else "them"
        returned = f"PyTorch returns {torch}"
    else:
        it = "it" if count == 1 else "them"
        what = f"the final {layer.states[0]}" if count == 1 else f"{_NUMBERS[count]} final states"
        returned = f"Keras also returns {what} with return_state=True, PyTorch as {torch}"
    here = f"here `forward --save-state` writes {it} layer by layer, and `--state` starts from {it}"
    return f"{returned}; {here}. {shapes}"


def _every_output(layer: Recurrent, input_shape: Shape, framework: Framework) -> str:
    _, steps, features = layer.output_shape(input_shape)
    shape = f"({'timesteps' if steps is None else steps}, {features})"
    joined = f"timesteps × {features}" if steps is None or features is None else str(steps * features)
    which = " (PyTorch's output)" if framework == "torch" else ""
    return (
        f"the output of every timestep, stacked{which}: {shape} for each sample and not ({joined},), so the next layer "
        "can tell the timesteps apart"
    )


def _last_output(layer: Recurrent, input_shape: Shape, framework: Framework) -> str:
    keeps = layer.returning("sequence")
    field = in_both(type(layer), "return_sequences", True, framework)
    which, beware = "", ""
    if framework == "torch":
        field = f"{field}, PyTorch's output,"
        which = ", PyTorch's h_n[-1]"
        if layer.merge_mode is not None:
            which = ", PyTorch's h_n[-2] and h_n[-1]"
            beware = ". output[:, -1] is different: there the backward cell has read only one step"
    return (
        f"only the last output{which}, without the time axis. {field} keeps the axis: {keeps.spec()} returns "
        f"{shape_text(keeps.output_shape(input_shape))}{beware}"
    )


class SimpleRNN(Recurrent):
    """`keras.layers.SimpleRNN`; `torch.nn.RNN`, which supports only tanh and relu."""

    kind = "rnn"
    aliases = ("simplernn", "simple_rnn")
    called = ("elman", "vanilla_rnn", "vanilla")
    keras = "SimpleRNN"
    torch = "RNN"
    torch_arguments: ClassVar[Mapping[str, str]] = {"activation": "nonlinearity", **Recurrent.torch_arguments}
    torch_values: ClassVar[Mapping[str, tuple[str, ...]]] = {"activation": ("tanh", "relu")}
    means = "h = act(x·W + h·U + b)"
    blocks: ClassVar[Mapping[Framework, tuple[str, ...]]] = {"keras": ("",), "torch": ("",)}

    def equations(self, framework: Framework = "keras") -> tuple[Equation, ...]:
        """Return the textbook equation."""
        bias = self._bias_text(framework == "torch")
        return (Equation(f"h_t = {applied(self.activation, f'x_t·W + h_{{t-1}}·U{bias}')}", "state and output"),)

    def kept(self, input_shape: Shape) -> int:
        """Return the numbers of each direction's state: its only gate is the new state."""
        return len(self.directions) * self.units

    def limits(self, framework: Framework) -> Iterator[Limit]:
        """Yield PyTorch's limits: it supports two activations."""
        if framework == "torch" and self.activation not in self.torch_values["activation"]:
            yield f"PyTorch's RNN supports only tanh and relu; {self.activation} was given", {"activation": "tanh"}
        yield from super().limits(framework)
