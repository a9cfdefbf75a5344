"""What a summary holds: rows and totals as plain data, without numpy.

A `Summary` is made by `rnncli.network.Network.summary` and read by `rnncli.render`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from rnncli.errors import one_line, shorten
from rnncli.immutable import Immutable, NamedTuple, immutable
from rnncli.layers.cost import Number, Totals, total_of
from rnncli.layers.weights import FRAMEWORK_NAMES, Framework, Weight
from rnncli.quantities import Rate, Shape, features_of, memory
from rnncli.results import Result

DTYPE_BYTES: dict[str, int] = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "int8": 1}
"""The bytes of one number, for each dtype that a summary can be asked for; with int8, of one number of a matrix."""

FLOAT_BYTES = 4
"""The bytes of what is no matrix with int8: biases, the scale of each column of a matrix, states, gates and outputs."""


def number_bytes(dtype: str) -> int:
    """Return the bytes of a number that a network computes with, where its matrices and tables are of a dtype."""
    return FLOAT_BYTES if dtype == "int8" else DTYPE_BYTES[dtype]


UNTRAINED = frozenset({"int8"})
"""The dtypes in which a network runs, and in which none is trained."""

TRAINED_COPIES = 3
"""How many numbers training keeps at least for each parameter beside it: its gradient, and the two that Adam keeps."""

TOTALS = (
    *("total_params", "total_bytes", "macs_per_step", "macs"),
    *("output_bytes", "streaming_bytes", "training_bytes"),
)
"""What a whole network owns and costs, as attributes of its summary."""

TOTALS_AT_RATE = (*TOTALS[:3], "macs_per_second", *TOTALS[3:])
"""The same where it is known how many timesteps there are a second."""


ORIGIN = ("complete", "left_out", "assumed", "file_params")
"""The keys that say of a network's numbers whether they are of all that was given."""

_NAMED = 4
"""How many of the things that are left out are named in a sentence."""


class Setting(NamedTuple):
    """What a network is counted for: the arguments of `Network.summary`, in their order.

    Attributes:
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights are counted; None for that of the source.
        dtype: of weights and outputs, for sizes in bytes.
    """

    batch: int | None = None
    timesteps: int | None = None
    framework: Framework | None = "keras"
    dtype: str = "float32"


class Origin(NamedTuple):
    """What a network was read from, as far as that is not the network itself.

    Attributes:
        framework: whose weights are counted, unless another's are asked for.
        left_out: what the source has beside the network, each in words.
        assumed: what the source does not say and was assumed, a sentence each.
        doubts: those of these on which the counts depend: a size that is assumed, weights that are counted twice.
        file_params: the number of all parameters in the file; None where there is no file, or they are not all known.
        reordered: why weights for the source stand in another order than those of the network, a sentence each.
    """

    framework: Framework = "keras"
    left_out: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    file_params: int | None = None
    reordered: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the source has nothing beside the network."""
        return not self.left_out

    @property
    def left_out_text(self) -> str:
        """The first of what is left out, and how much more there is."""
        shown = "; ".join(shorten(each, 120) for each in self.left_out[:_NAMED])
        return shown + (f"; and {len(self.left_out) - _NAMED} more" if len(self.left_out) > _NAMED else "")

    def marked(self, spec: str) -> str:
        """Return a spec with what its counts depend on and what was left out beside it, as people are told."""
        rest = f"left out: {self.left_out_text}" if self.left_out else ""
        said = one_line("; ".join(part for part in (*self.doubts, rest) if part))
        return f"{spec} ({said})" if said else spec

    def of_all(self, params: int) -> str:
        """Return a number of parameters, with how many there are in the file where that has more in it."""
        more = "" if self.complete or self.file_params is None else f" of {self.file_params:,} in the file"
        return f"{params:,}{more}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the keys that say of a number whether it is of the whole."""
        return {
            "complete": self.complete,
            "left_out": list(self.left_out),
            "assumed": list(self.assumed),
            "file_params": self.file_params,
        }


NO_ORIGIN = Origin()
"""That of a network that was made of a spec, or of layers."""


class LayerSummary(NamedTuple):
    """One row: what a layer returns, owns and costs.

    Attributes:
        name: Keras's name, unique in the network.
        type: the framework's class.
        cell: the class of a recurrent layer's cell (inside a Bidirectional too), else None.
        spec: the layer's canonical spec.
        output_shape: the shape of its output.
        params: the number of its parameters.
        weights: what it owns, in the framework's order.
        macs_per_step: multiply-adds for one vector that it reads.
        macs: multiply-adds for the whole input, an unknown batch counting as one; None while the number of
            timesteps that it reads is unknown.
        output_bytes: the size of its output, an unknown batch counting as one; None while its timesteps are unknown.
        macs_per_second: multiply-adds a second, if it is said how many timesteps there are; else None.
    """

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
        """The class with what is inside: `Bidirectional(LSTM)`."""
        return self.type if self.cell in (None, self.type) else f"{self.type}({self.cell})"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; `cell` and `macs_per_second` only where there is one."""
        optional = ("cell", "macs_per_second")
        fields = {name: value for name, value in self._asdict().items() if name not in optional or value is not None}
        return fields | {
            "weights": [
                {"name": weight.name, "shape": weight.shape, "params": weight.params} for weight in self.weights
            ]
        }


class ModuleSummary(NamedTuple):
    """A module of PyTorch: a layer, or recurrent layers that are one in it.

    Attributes:
        code: the call that makes it.
        names: Keras's names of the layers that are in it, as the rows have them.
        apart: why it is not one with the recurrent layer before it, where one would wonder; else None.
    """

    code: str
    names: tuple[str, ...]
    apart: str | None


def worth_showing(modules: Sequence[ModuleSummary]) -> Sequence[ModuleSummary]:
    """Return modules where one of them is several layers, or one would wonder why it is not; else none."""
    return modules if any(len(module.names) > 1 or module.apart for module in modules) else ()


@immutable
class Summary(Result, Immutable):
    """A network's rows and totals for a batch size, a number of timesteps, a dtype and a framework.

    Attributes:
        spec: the network's canonical spec.
        framework: whose weights are counted.
        dtype: of weights and outputs.
        input_shape: the shape of its input.
        input_dtype: the dtype of its input: ids are int32.
        layers: its rows.
        account: what the layers come to for one sample.
        modules: what makes it in PyTorch, as far as modules do, where it is counted as PyTorch does; else None.
        rate: how many timesteps there are a second, or None where that is not said.
        origin: what the network was read from.
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
        """The number of all parameters, whose it is if not Keras's, what else there is in the file, and the size."""
        whose = "" if self.framework == "keras" else f", in {FRAMEWORK_NAMES[self.framework]}"
        return f"{self.origin.of_all(self.total_params)} ({memory(self.total_bytes)}{whose})"

    @property
    def title(self) -> str:
        """The network, and how many parameters it has."""
        return f"{self.spec}: {self.total_params:,} parameters in {self.framework}"

    @property
    def total_params(self) -> int:
        """The number of all parameters."""
        params: int = self.account.params
        return params

    @property
    def trainable_params(self) -> int:
        """The number of the parameters that training changes."""
        trained: int = self.account.trained
        return trained

    @property
    def total_bytes(self) -> int:
        """The size of all parameters, in bytes; with int8, of the scales of matrices, too."""
        size: int = _parameters(self.account, self.dtype)
        return size

    @property
    def untrained_bytes(self) -> int:
        """The size of the parameters that training does not change, which are no matrices."""
        return (self.total_params - self.trainable_params) * number_bytes(self.dtype)

    @property
    def macs_per_step(self) -> int:
        """Multiply-adds for one vector that each layer reads."""
        macs: int = self.account.macs_per_step
        return macs

    @property
    def macs_per_second(self) -> float | None:
        """Multiply-adds a second: those of each layer, as often as it makes a step; None where that is not said."""
        if self.rate is None:
            return None
        return self.rate.times(sum(pace * macs for pace, macs in self.account.macs_at.items()))

    @property
    def totals(self) -> tuple[str, ...]:
        """The names of its totals."""
        return TOTALS if self.rate is None else TOTALS_AT_RATE

    @property
    def macs(self) -> int | None:
        """Multiply-adds for the whole input; None while a layer's are unknown."""
        return self._figure("macs")

    @property
    def output_bytes(self) -> int | None:
        """The size of all layers' outputs, in bytes; None while a layer's is unknown."""
        return self._figure("output_bytes")

    @property
    def streaming_bytes(self) -> int | None:
        """The size of what a step at a time needs beside the parameters, which is what `rnncli export --to c` makes.

        That is the input, the states of all layers, the output, and between these what the layer holds that holds
        most: its gates, the vector that it makes, and the vector that it reads, where a layer made that one. None where
        a layer needs the whole sequence before it can return anything.
        """
        return self._figure("streaming_bytes")

    @property
    def training_bytes(self) -> int | None:
        """The size of what training with Adam needs at least, an unknown batch counting as one.

        That is the parameters, their gradients, the two numbers that Adam keeps for each, and what backpropagation
        through time keeps of each timestep, where nothing is computed a second time to save memory. None while the
        timesteps are unknown, and in a dtype that none is trained in.
        """
        return self._figure("training_bytes")

    @property
    def training_parts(self) -> tuple[int, int] | None:
        """The two parts of `training_bytes`: what the weights take, and what is kept of the batch, its activations."""
        if self.training_bytes is None:
            return None
        weights = (self.total_params + TRAINED_COPIES * self.trainable_params) * number_bytes(self.dtype)
        return weights, self.training_bytes - weights

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints.

        There are `modules` and a `rate` only where the summary has them.
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
            **self.origin.as_dict(),
        }


def _training(account: Totals, samples: int, dtype: str) -> tuple[Number, ...]:
    kept = total_of(account.trains_on)
    if account.timesteps is None or kept is None or dtype in UNTRAINED:
        return ()
    return ((account.params + TRAINED_COPIES * account.trained + kept * samples) * DTYPE_BYTES[dtype],)


def _streaming(account: Totals, samples: int, dtype: str) -> tuple[Number, ...]:
    del samples
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
    """Return what a network owns or costs: the largest of some numbers; of none, it is not known, or there is none.

    They are whole numbers, or symbols where the account has some.

    Args:
        name: the attribute of its summary.
        account: what its layers come to for one sample.
        batch: samples at a time; one if it is None.
        dtype: of weights and outputs.
    """
    return _FIGURES[name](account, batch or 1, dtype)


def bytes_of(shape: Shape, dtype: str) -> int | None:
    """Return the size of an output in bytes, an unknown batch counting as one; None if its timesteps are unknown."""
    batch, *rest = shape
    if None in rest:
        return None
    return (1 if batch is None else batch) * prod(n for n in rest if n is not None) * number_bytes(dtype)
