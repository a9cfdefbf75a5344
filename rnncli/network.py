"""`Network`: an immutable sequence of layers, with its names, shapes, counts and costs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

from rnncli.errors import ArgumentError, SpecError, listed, shorten
from rnncli.immutable import Immutable, immutable
from rnncli.language import spec
from rnncli.language.rules import check_framework, check_rules, check_timesteps, frameworks_of
from rnncli.language.source import Source
from rnncli.layers import Head, Layer
from rnncli.layers.cost import Totals, cost_of
from rnncli.layers.sizes import Blank
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, Framework, Weight, at_level
from rnncli.network_summary import DTYPE_BYTES, NO_ORIGIN, LayerSummary, ModuleSummary, Origin, Summary, bytes_of
from rnncli.quantities import MAX_SIZE, Rate, Shape, parse_rate
from rnncli.results import Commands

if TYPE_CHECKING:
    from rnncli.engine.model import Model
    from rnncli.formats.nodes import Part

NetworkLike: TypeAlias = "Network | Model | str | PathLike[str]"
"""Whatever `Network.read` accepts."""


@immutable
class Network(Commands, Immutable):
    """A network: an input or an embedding, then layers that fit together.

        >>> from rnncli import Network
        >>> network = Network.parse("embed:10000x32,rnn:32:seq,rnn:32")
        >>> network.summary().total_params
        324160

    `str(network)` is its canonical spec, which parses back to an equal network.

    Attributes:
        layers: all layers, including the input, with repeats unfolded.
        source: the positions of the layers in a spec, for errors; ignored when networks are compared.
        origin: what it was read from, if not from a spec; also ignored.
        part: the part of a model file that it was read from, whose weights it runs with; None without one.

    Raises:
        SpecError: the layers do not form a network.
        ArgumentError: an item is not a layer, or has a blank as a size.
    """

    layers: Sequence[Layer]
    source: Source | None = None
    origin: Origin = NO_ORIGIN
    part: "Part | None" = None

    def __post_init__(self) -> None:
        if not isinstance(self.layers, Iterable):
            raise ArgumentError(f"layers is {shorten(repr(self.layers))}, expected a sequence of layers")
        object.__setattr__(self, "layers", tuple(self.layers))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise ArgumentError(
                    f"a network consists of layers, but {shorten(repr(layer))} is not one",
                    "Network.parse creates one from a spec: Network.parse('input:8,lstm:4')",
                )
            blank = next((number for number in layer.numbers.values() if isinstance(number, Blank)), None)
            if blank is not None:
                raise ArgumentError(f"{layer.spec()} has the blank {blank} as a size, expected a number")
        if self.source is None:
            object.__setattr__(self, "source", spec.source_of(self.layers))
        check_rules(self.layers, self._source)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the network of a spec.

        Raises:
            SpecError: the spec is invalid; the error has the faulty characters and, always, a spec that works.
            ArgumentError: `text` is not a string.
        """
        check_text("a spec", text, "input:8,lstm:4")
        try:
            return cls(*spec.parse(text))
        except SpecError as error:
            raise _mended(error) from None

    @classmethod
    def read(cls, text: NetworkLike, *, set: Mapping[str, float | str] | None = None) -> "Network":
        """Return the network for a text, as on the command line.

            >>> from rnncli import Network
            >>> str(Network.read("nn.LSTM(40, 64)"))
            'input:40,lstm:64'

        Its `origin` records what was assumed, and what was left out if the file contains more.

        Args:
            text: a spec, a line of Keras or PyTorch, or the path of a model file: `model.pt`, `model.pt::2`. A network
                is returned itself, and of a model its network.
            set: values for numbers that Python source leaves open: `{"vocab_size": 25_000}`.

        Raises:
            SpecError: the spec or line is invalid.
            RnncliError: the file cannot be read, or has several parts and none is named.
            ArgumentError: an argument is not allowed.
        """
        found: Network = import_module("rnncli.formats.networks").reading_of(text, set).network
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.layers == other.layers

    def __hash__(self) -> int:
        return hash(self.layers)

    def __str__(self) -> str:
        return spec.format_layers(self.layers)

    def __repr__(self) -> str:
        if self.origin is NO_ORIGIN:
            return f"Network.parse({str(self)!r})"
        return f"<Network {self.origin.marked(str(self))}, of {FRAMEWORK_NAMES[self.framework]}>"

    @property
    def framework(self) -> Framework:
        """The framework whose weights are counted by default: the one that the network was written in."""
        able = frameworks_of(self.layers)
        return self.origin.framework if self.origin.framework in able else able[0]

    @property
    def head(self) -> Head:
        """The layer that reads the input: an Input or an Embedding."""
        return cast(Head, self.layers[0])

    @cached_property
    def body(self) -> tuple[Layer, ...]:
        """The layers shown in a summary: all except an Input."""
        return tuple(self.layers) if self.head.shown else tuple(self.layers[1:])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Keras's name for each layer of `body`: `simple_rnn`, `simple_rnn_1`, `bidirectional`."""
        taken: Counter[str] = Counter()
        names = []
        for layer in self.body:
            own, *inside = layer.keras_names()
            names.append(own if taken[own] == 0 else f"{own}_{taken[own]}")
            taken.update([own, *inside])
        return tuple(names)

    def input_shape(self, batch: int | None = None, timesteps: int | None = None) -> Shape:
        """Return the shape of the input: (batch, timesteps, features), or (batch, timesteps) for ids.

        Raises:
            SpecError: `timesteps` contradicts the length that the input fixes.
            ArgumentError: an argument is not allowed.
        """
        batch, timesteps = plain(batch), plain(timesteps)
        check_sizes(batch=batch)
        self.check_timesteps(timesteps)
        return self.head.input_shape(batch, timesteps)

    def check_timesteps(self, *timesteps: int | None) -> None:
        """Check that the input can have each of the given lengths.

        Raises:
            SpecError: the length that the input fixes contradicts one, or a layer needs more timesteps.
            ArgumentError: one is not a valid length.
        """
        for length in timesteps:
            check_sizes(timesteps=length)
        check_timesteps(self.layers, self._source, *timesteps)

    def check_framework(self, framework: Framework, option: str = "--framework") -> None:
        """Check that a framework can express the network.

        Args:
            framework: the framework.
            option: the option for choosing another framework.

        Raises:
            SpecError: it cannot.
            ArgumentError: there is no such framework.
        """
        check_known("framework", framework, FRAMEWORKS)
        try:
            check_framework(self.layers, self._source, framework, option)
        except SpecError as error:
            raise _mended(error, framework) from None

    def shapes(self, batch: int | None = None, timesteps: int | None = None) -> Iterator[tuple[Shape, Shape]]:
        """Yield (input shape, output shape) for each layer of `body`."""
        shape = self.input_shape(batch, timesteps)
        for layer in self.body:
            output = layer.output_shape(shape)
            yield shape, output
            shape = output

    def accounts(
        self,
        batch: int | None = None,
        timesteps: int | None = None,
        framework: Framework = "keras",
        dtype: str = "float32",
    ) -> Iterator[Totals]:
        """Yield the totals for one sample of the first 0, 1, 2, … layers of `body`."""
        shape = self.input_shape(batch, timesteps)
        account: Totals | None = Totals.of(shape, framework, dtype)
        for layer in (None, *self.body):
            account = account if account is None or layer is None else account.after(layer)
            assert account is not None  # networks are checked when they are created
            yield account

    def steps_read(self, timesteps: int | None = None) -> Iterator[int | None]:
        """Yield how many vectors or ids of a sample each layer of `body` reads; None if unknown."""
        for layer, (reads, _) in zip(self.body, self.shapes(timesteps=timesteps), strict=True):
            yield reads[1] if len(reads) == 3 or layer is self.head else 1

    @cached_property
    def masked(self) -> tuple[bool, ...]:
        """Whether each layer of `body` reads steps that are masked as padding."""
        return self.meeting_padding(self.head.mask_zero)

    def meeting_padding(self, padded: bool) -> tuple[bool, ...]:
        """Return whether each layer of `body` reads steps that are padding, depending on whether the input has any."""
        found = []
        for layer in self.body:
            found.append(padded and layer is not self.head)
            padded = padded and layer.passes_mask
        return tuple(found)

    def weights(self, framework: Framework = "keras") -> Iterator[tuple[Weight, ...]]:
        """Yield the weights of each layer of `body`, with the framework's names and shapes.

        PyTorch names a recurrent layer's weights by its level in the module: `weight_ih_l1`. For a layer that the
        framework cannot express, the weights are those of the nearest layer that it can.
        """
        check_known("framework", framework, FRAMEWORKS)
        levels = [0] * len(self.body)
        if framework == "torch":
            from rnncli.layers.torch_modules import levels_of

            levels = levels_of(self.body)
        for layer, level, (reads, _) in zip(self.body, levels, self.shapes(), strict=True):
            weights = layer.weights(reads, framework)
            yield at_level(weights, level) if level else weights

    def summary(
        self,
        batch: int | None = None,
        timesteps: int | None = None,
        framework: Framework | None = None,
        dtype: str = "float32",
        *,
        rate: Rate | float | str | None = None,
        wide: bool = False,
    ) -> Summary:
        """Return the output shape, weights and costs of every layer, and the totals. Nothing is allocated.

        Args:
            batch: samples at a time, or None if unknown.
            timesteps: length of the sequence, or None if unknown.
            framework: the framework whose weights to count, keras or torch; None for the source's, Keras for a spec.
            dtype: the type of weights and outputs, for sizes in bytes.
            rate: timesteps per second, for the multiply-adds per second; None to omit these.
            wide: whether the table has every column: weight shapes, MACs, and each size with its formula.

        Raises:
            SpecError: the framework cannot express a layer, or `timesteps` contradicts the spec.
            ArgumentError: an argument is not allowed.
        """
        framework = self.framework if framework is None else framework
        batch, timesteps, dtype = map(plain, (batch, timesteps, dtype))
        check_known("dtype", dtype, tuple(DTYPE_BYTES))
        check_sizes(batch=batch, timesteps=timesteps)
        check_flags(wide=wide)
        rate = checked_rate(rate)
        self.check_framework(framework)
        rows = []
        fed_by: Layer = self.head
        accounts = [*self.accounts(batch, timesteps, framework, dtype)]
        for name, layer, weights, before, after in zip(
            self.names, self.body, self.weights(framework), accounts, accounts[1:], strict=False
        ):
            cost = cost_of(layer, before.shape, framework)
            pace = after.pace if layer.works == "returned" else before.pace
            rows.append(
                LayerSummary(
                    layer=layer,
                    framework=framework,
                    input_shape=before.shape,
                    fed_by=fed_by,
                    name=name,
                    type=layer.type_name(framework),
                    cell=layer.cell_name(framework),
                    spec=layer.spec(),
                    output_shape=cost.returns,
                    params=cost.params,
                    weights=weights,
                    macs_per_step=cost.macs_per_step,
                    macs=None if cost.macs is None else (batch or 1) * cost.macs,
                    output_bytes=bytes_of(cost.returns, dtype),
                    macs_per_second=None if rate is None else rate.times(pace * cost.macs_per_step),
                )
            )
            returned = [layer.output_shape((*before.shape[:-1], features))[-1] for features in (1, 2)]
            fed_by = fed_by if returned == [1, 2] else layer
        return Summary(
            spec=str(self),
            framework=framework,
            dtype=dtype,
            input_shape=self.input_shape(batch, timesteps),
            input_dtype="int32" if self.head.vocabulary is not None else "float32" if dtype == "int8" else dtype,
            layers=tuple(rows),
            account=accounts[-1],
            modules=tuple(self._modules()) if framework == "torch" else None,
            rate=rate,
            origin=self.origin,
            wide=wide,
        )

    def _modules(self) -> Iterator[ModuleSummary]:
        from rnncli.layers.torch_modules import stacks_of

        reads = [reads for reads, _ in self.shapes()]
        for stack in stacks_of(self.body, self.names):
            call = stack.call(reads[stack.levels[0]])
            if call is not None:
                names = tuple(self.names[place] for place in stack.holds)
                note = "  # on x.flip(1)" if stack.layer.reverses else ""
                yield ModuleSummary(f"{call}{note}", names, stack.apart or None)
            if stack.activation is not None:
                yield ModuleSummary(str(stack.activation), (), None)

    @property
    def _source(self) -> Source:
        assert self.source is not None
        return self.source


def summary(
    network: NetworkLike,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    dtype: str = "float32",
    *,
    rate: Rate | float | str | None = None,
    wide: bool = False,
    set: Mapping[str, float | str] | None = None,
) -> Summary:
    """Return the output shape, weights and costs of every layer, and the totals.

        >>> summary("embed:10000x32,rnn:32").total_params
        322080

    The network may be anything that `Network.read` accepts; `set` has values for the names that Python source leaves
    undefined. The other arguments, and the errors, are those of `Network.summary`.
    """
    return Network.read(network, set=set).summary(batch, timesteps, framework, dtype, rate=rate, wide=wide)


def check_known(name: str, value: object, allowed: Sequence[str], optional: bool = False) -> None:
    """Raise an ArgumentError unless an argument is one of the allowed names, or None if it is optional."""
    if not (value is None and optional) and (not isinstance(value, str) or value not in allowed):
        raise ArgumentError(f"{name} is {shorten(repr(value))}, expected {listed(allowed, 'or')}")


def checked_rate(rate: object) -> Rate | None:
    """Return a rate in timesteps per second as a fraction, also from a text such as 16k; None for None.

    Raises:
        ArgumentError: it is not a number, or not above 0 and up to 2**31-1.
    """
    if rate is None or isinstance(rate, Rate):
        return rate
    if isinstance(rate, str):
        try:
            return parse_rate(rate)
        except ValueError as error:
            raise ArgumentError(f"rate is {shorten(repr(rate))}: {error}") from None
    number = plain(rate)
    if isinstance(rate, bool) or not hasattr(number, "as_integer_ratio") or not 0 < number <= MAX_SIZE:
        raise ArgumentError(f"rate is {shorten(repr(rate))}, expected a number above 0 and up to {MAX_SIZE:,}")
    from fractions import Fraction  # rarely needed

    return Rate(*Fraction(str(number)).as_integer_ratio())


def plain(value: Any) -> Any:
    """Return a NumPy integer as a Python int, a NumPy dtype as its name, and anything else unchanged."""
    name = value.__name__ if isinstance(value, type) else getattr(value, "name", None)
    if isinstance(name, str):
        return name
    if isinstance(value, bool | int) or not hasattr(value, "__index__"):
        return value
    try:
        return value.__index__()
    except TypeError:
        return value


def check_flags(**values: object) -> None:
    """Raise an ArgumentError unless all arguments are True or False."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ArgumentError(f"{name} is {shorten(repr(value))}, expected True or False")


def check_sizes(**values: object) -> None:
    """Raise an ArgumentError unless all arguments are integers from 1 to 2**31-1, or None."""
    for name, value in values.items():
        if value is not None:
            check_whole(name, value, MAX_SIZE)


def check_whole(name: str, value: object, most: int) -> None:
    """Raise an ArgumentError unless an argument is an integer from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ArgumentError(f"{name} is {shorten(repr(value))}, expected a whole number from 1 to {most:,}")


def check_text(what: str, text: object, example: str) -> None:
    """Raise an ArgumentError unless a spec or similar argument is a string."""
    if not isinstance(text, str):
        raise ArgumentError(f"{what} must be a text such as {example!r}, not {shorten(repr(text))}")


def _mended(error: SpecError, framework: Framework | None = None) -> SpecError:
    """Return an error with a spec that works, and that the framework can express if one is given."""
    from rnncli.language.mend import mended  # only an error needs it

    return mended(error, lambda repair: _check(repair, framework))


def _check(text: str, framework: Framework | None = None) -> None:
    """Raise a SpecError unless a spec is a network, which the framework can express if one is given."""
    network = Network(*spec.parse(text))
    if framework is not None:
        check_framework(network.layers, network._source, framework)
