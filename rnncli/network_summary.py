"""Summaries: rows and totals of a network as plain data, without numpy.

`rnncli.network.Network.summary` creates a `Summary`, and `rnncli.render` displays it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, cast

from rnncli.errors import one_line, shorten
from rnncli.immutable import Immutable, NamedTuple, immutable
from rnncli.layers import Layer
from rnncli.layers.cost import Number, Totals, total_of
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework, Weight
from rnncli.quantities import Rate, Shape, features_of, memory, plural
from rnncli.results import Result

DTYPE_BYTES: dict[str, int] = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "int8": 1}
"""The bytes per number for each dtype of a summary; with int8, per number of a matrix."""

FLOAT_BYTES = 4
"""The bytes of numbers outside matrices with int8: biases, scales of matrix columns, states, gates and outputs."""


def number_bytes(dtype: str) -> int:
    """Return the bytes per number in computations, if matrices and tables are of a dtype."""
    return FLOAT_BYTES if dtype == "int8" else DTYPE_BYTES[dtype]


UNTRAINED = frozenset({"int8"})
"""The dtypes that networks run in but are not trained in."""

TRAINED_COPIES = 3
"""The numbers that training keeps per parameter in addition to it: the gradient, and two for Adam."""

TOTALS = (
    *("total_params", "total_bytes", "macs_per_step", "macs"),
    *("output_bytes", "streaming_bytes", "training_bytes"),
)
"""The totals of a network, as attributes of its summary."""

TOTALS_AT_RATE = (*TOTALS[:3], "macs_per_second", *TOTALS[3:])
"""The totals if the number of timesteps per second is known."""


ORIGIN = ("complete", "left_out", "assumed", "file_params")
"""The keys that state whether a network's numbers cover everything in its source."""

_MAX_LISTED = 4
"""The number of omitted items that a sentence lists."""


class Setting(NamedTuple):
    """The setting that a network's figures are for: the arguments of `Network.summary`, in order.

    Attributes:
        batch: samples at a time, or None if unknown.
        timesteps: length of the sequence, or None if unknown.
        framework: the framework whose weights are counted; None for the source's.
        dtype: the type of weights and outputs, for sizes in bytes.
    """

    batch: int | None = None
    timesteps: int | None = None
    framework: Framework | None = "keras"
    dtype: str = "float32"


class Origin(NamedTuple):
    """The source that a network was read from, and how it differs from the network.

    Attributes:
        framework: the framework whose weights are counted by default.
        left_out: what the source contains in addition to the network, a description each.
        assumed: what the source does not specify and was assumed, a sentence each.
        doubts: those of the above that affect the counts: an assumed size, weights that are counted twice.
        file_params: the number of all parameters in the file; None without a file, or if they are not all known.
        reordered: why weights for the source have a different order from the network's, a sentence each.
        file: the model file; None if it is none.
    """

    framework: Framework = "keras"
    left_out: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    file_params: int | None = None
    reordered: tuple[str, ...] = ()
    file: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the source contains nothing in addition to the network."""
        return not self.left_out

    @property
    def left_out_text(self) -> str:
        """The first items that are left out, and the number of further ones."""
        shown = "; ".join(shorten(each, 120) for each in self.left_out[:_MAX_LISTED])
        return shown + (f"; and {len(self.left_out) - _MAX_LISTED} more" if len(self.left_out) > _MAX_LISTED else "")

    def marked(self, spec: str) -> str:
        """Return a spec with a note on what its counts depend on and what was left out."""
        rest = f"left out: {self.left_out_text}" if self.left_out else ""
        said = one_line("; ".join(part for part in (*self.doubts, rest) if part))
        return f"{spec} ({said})" if said else spec

    def of_all(self, params: int) -> str:
        """Return a number of parameters, with the number in the file if that is larger."""
        more = "" if self.complete or self.file_params is None else f" of {self.file_params:,} in the file"
        return f"{params:,}{more}"

    def as_dict(self) -> dict[str, Any]:
        """Return the data that states whether the numbers cover everything in the source."""
        return {
            "complete": self.complete,
            "left_out": list(self.left_out),
            "assumed": list(self.assumed),
            "file_params": self.file_params,
        }


NO_ORIGIN = Origin()
"""The origin of a network that was created from a spec or from layers."""


class LayerSummary(NamedTuple):
    """One row: a layer in its network, with its shapes, weights and costs.

    Attributes:
        layer: the layer.
        framework: the framework whose weights are counted.
        input_shape: the shape of its input.
        fed_by: the layer that its input has the features of: the nearest earlier one that changes their number.
        name: Keras's name, unique in the network.
        type: the framework's class.
        cell: the class of a recurrent layer's cell, also inside a Bidirectional; else None.
        spec: the layer's canonical spec.
        output_shape: the shape of its output.
        params: the number of its parameters.
        weights: its weights, in the framework's order.
        macs_per_step: multiply-adds for one vector that it reads.
        macs: multiply-adds for the whole input, with an unknown batch as 1; None if the number of timesteps that it
            reads is unknown.
        output_bytes: the size of its output, with an unknown batch as 1; None if its timesteps are unknown.
        macs_per_second: multiply-adds per second, if the rate of timesteps is known; else None.
    """

    layer: Layer
    framework: Framework
    input_shape: Shape
    fed_by: Layer
    name: str
    type: str
    cell: str | None
    spec: str
    output_shape: Shape
    params: int
    weights: tuple[Weight, ...]
    macs_per_step: int
    macs: int | None
    output_bytes: int | None
    macs_per_second: float | None = None

    @property
    def full_type(self) -> str:
        """The class with its cell: `Bidirectional(LSTM)`."""
        return self.type if self.cell in (None, self.type) else f"{self.type}({self.cell})"

    @property
    def in_one_direction(self) -> tuple[Weight, ...]:
        """Its weights in one direction; if it reads in two, those of the other are alike."""
        return self.weights[: len(self.weights) // len(self.layer.directions)]

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain data, from its name on; `cell` and `macs_per_second` are omitted if they are None."""
        fields = {name: getattr(self, name) for name in self._fields[self._fields.index("name") :]}
        omitted = [name for name in ("cell", "macs_per_second") if fields[name] is None]
        weights = [{"name": weight.name, "shape": weight.shape, "params": weight.params} for weight in self.weights]
        return {name: value for name, value in fields.items() if name not in omitted} | {"weights": weights}


class ModuleSummary(NamedTuple):
    """A PyTorch module: a layer, or several recurrent layers combined in one module.

    Attributes:
        code: the call that creates it.
        names: Keras's names of its layers, as in the rows; none if it is the activation of the layer before it.
        apart: why it is not combined with the recurrent layer before it, if that may be surprising; else None.
    """

    code: str
    names: tuple[str, ...]
    apart: str | None


def worth_showing(modules: Sequence[ModuleSummary]) -> Sequence[ModuleSummary]:
    """Return the modules if any combines several layers, or is surprisingly separate; else none."""
    return modules if any(len(module.names) > 1 or module.apart for module in modules) else ()


@immutable
class Summary(Result, Immutable):
    """A network's rows and totals for a batch size, a number of timesteps, a dtype and a framework.

    Attributes:
        spec: the network's canonical spec.
        framework: the framework whose weights are counted.
        dtype: the type of weights and outputs.
        input_shape: the shape of its input.
        input_dtype: the dtype of its input: ids are int32.
        layers: its rows.
        account: the totals of the layers for one sample.
        modules: its PyTorch modules, if it is counted as in PyTorch; else None.
        rate: the number of timesteps per second, or None if it is not given.
        origin: the source that the network was read from.
        wide: whether every column is shown, and each size with its formula.
    """

    spec: str
    framework: Framework
    dtype: str
    input_shape: Shape
    input_dtype: str
    layers: tuple[LayerSummary, ...]
    account: Totals
    modules: tuple[ModuleSummary, ...] | None = None
    rate: Rate | None = None
    origin: Origin = NO_ORIGIN
    wide: bool = False

    def _figure(self, name: str) -> int | None:
        return max(figure(name, self.account, self.input_shape[0], self.dtype), default=None)

    @property
    def output_shape(self) -> Shape:
        """The shape of the network's output."""
        return self.layers[-1].output_shape if self.layers else self.input_shape

    @property
    def total_text(self) -> str:
        """The parameters, with the number in the file if that has more, their size, and the framework if not Keras."""
        whose = "" if self.framework == "keras" else f", in {FRAMEWORK_NAMES[self.framework]}"
        return f"{self.origin.of_all(self.total_params)} ({memory(self.total_bytes)}{whose})"

    @property
    def title(self) -> str:
        """The network, and its number of parameters."""
        return f"{self.spec}: {plural(self.total_params, 'parameter')} in {FRAMEWORK_NAMES[self.framework]}"

    @property
    def total_params(self) -> int:
        """The number of all parameters."""
        return cast(int, self.account.params)

    @property
    def trainable_params(self) -> int:
        """The number of parameters that training changes."""
        return cast(int, self.account.trained)

    @property
    def total_bytes(self) -> int:
        """The size of all parameters in bytes; with int8, including the scales of matrices."""
        return cast(int, _parameters(self.account, self.dtype))

    @property
    def untrained_bytes(self) -> int:
        """The size of the parameters that training does not change, none of which are matrices."""
        return (self.total_params - self.trainable_params) * number_bytes(self.dtype)

    @property
    def macs_per_step(self) -> int:
        """Multiply-adds for one vector that each layer reads."""
        return cast(int, self.account.macs_per_step)

    @property
    def macs_per_second(self) -> float | None:
        """Multiply-adds per second, considering how often each layer makes a step; None if the rate is not given."""
        if self.rate is None:
            return None
        return self.rate.times(sum(pace * macs for pace, macs in self.account.macs_at.items()))

    @property
    def totals(self) -> tuple[str, ...]:
        """The names of the totals."""
        return TOTALS if self.rate is None else TOTALS_AT_RATE

    @property
    def macs(self) -> int | None:
        """Multiply-adds for the whole input; None if they are unknown for any layer."""
        return self._figure("macs")

    @property
    def output_bytes(self) -> int | None:
        """The size of all layers' outputs in bytes; None if it is unknown for any layer."""
        return self._figure("output_bytes")

    @property
    def streaming_bytes(self) -> int | None:
        """The memory to run one step at a time, in addition to the parameters, as in C from `rnncli export --to c`.

        It consists of the input, the states of all layers, the output, and the largest scratch memory of any layer: for
        its gates, the vector that it computes, and the vector that it reads, if a layer computed that. None if a layer
        must read ahead before it can return anything.
        """
        return self._figure("streaming_bytes")

    @property
    def training_bytes(self) -> int | None:
        """The least memory for training with Adam, with an unknown batch as 1.

        It consists of the parameters, their gradients, Adam's two numbers for each, and what backpropagation through
        time keeps for each timestep, if nothing is recomputed to save memory. None if the timesteps are unknown, or the
        dtype is not used for training.
        """
        return self._figure("training_bytes")

    @property
    def training_parts(self) -> tuple[int, int] | None:
        """The two parts of `training_bytes`: for the weights, and for the activations of the batch."""
        if self.training_bytes is None:
            return None
        weights = (self.total_params + TRAINED_COPIES * self.trainable_params) * number_bytes(self.dtype)
        return weights, self.training_bytes - weights

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain data, the object that `--format json` prints.

        `modules` and `rate` are omitted if they are None.
        """
        rate = {} if self.rate is None else {"rate": self.rate.times(1)}
        modules = {} if self.modules is None else {"modules": [module._asdict() for module in self.modules]}
        totals = {total: getattr(self, total) for total in self.totals}
        return {
            "spec": self.spec,
            "framework": self.framework,
            "dtype": self.dtype,
            **rate,
            "input": {"shape": self.input_shape, "dtype": self.input_dtype},
            "layers": [layer.as_dict() for layer in self.layers],
            **modules,
            "output_shape": self.output_shape,
            **totals,
            "trainable_params": self.trainable_params,
            **self.origin.as_dict(),
        }


def _training(account: Totals, samples: int, dtype: str) -> tuple[Number, ...]:
    kept = total_of(account.trains_on)
    if account.timesteps is None or kept is None or dtype in UNTRAINED:
        return ()
    return ((account.params + TRAINED_COPIES * account.trained + kept * samples) * DTYPE_BYTES[dtype],)


def _streaming(account: Totals, _samples: int, dtype: str) -> tuple[Number, ...]:
    if account.whole:
        return ()
    if account.layers == 0:
        return (0,)
    lasting = account.input + account.carried + features_of(account.shape)
    held = [each.numbers for each in account.streaming.most] or [0]
    return tuple((lasting + each) * number_bytes(dtype) for each in held)


def _parameters(account: Totals, dtype: str) -> Number:
    if dtype != "int8":
        return account.params * DTYPE_BYTES[dtype]
    matrices = account.params + -1 * account.floats
    return matrices + (account.floats + account.scales) * FLOAT_BYTES


def _outputs(account: Totals, samples: int, dtype: str) -> tuple[Number, ...]:
    outputs = total_of(account.outputs)
    return () if outputs is None else (outputs * (samples * number_bytes(dtype)),)


_FIGURES: Mapping[str, Callable[[Totals, int, str], tuple[Number, ...]]] = {
    "total_params": lambda account, samples, dtype: (account.params,),
    "total_bytes": lambda account, samples, dtype: (_parameters(account, dtype),),
    "macs_per_step": lambda account, samples, dtype: (account.macs_per_step,),
    "macs": lambda account, samples, dtype: () if account.macs is None else (account.macs * samples,),
    "output_bytes": _outputs,
    "streaming_bytes": _streaming,
    "training_bytes": _training,
    "output_features": lambda account, samples, dtype: (account.shape[-1],),
}


def figure(name: str, account: Totals, batch: int | None, dtype: str) -> tuple[Number, ...]:
    """Return the numbers whose maximum is a figure of a network; empty if it is unknown or does not exist.

    They are integers, or symbols if the totals contain symbols.

    Args:
        name: the attribute of the summary.
        account: the totals of the layers for one sample.
        batch: samples at a time; None counts as one.
        dtype: the type of weights and outputs.
    """
    return _FIGURES[name](account, batch or 1, dtype)


def bytes_of(shape: Shape, dtype: str) -> int | None:
    """Return the size of an output in bytes, with an unknown batch as 1; None if its timesteps are unknown."""
    batch, *rest = shape
    if None in rest:
        return None
    return (1 if batch is None else batch) * prod(n for n in rest if n is not None) * number_bytes(dtype)
