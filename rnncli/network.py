"""`Network`: an immutable row of layers. Its names, shapes, counts and costs are read from here."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.language.source import Source
from rnncli.layers import Input, Layer, Recurrent
from rnncli.layers.base import FRAMEWORK_NAMES, Framework, Shape
from rnncli.summary import LayerSummary, Summary, bytes_of

_MOST_REPAIRS = 50
"""How many faults of one spec are mended in turn before giving up on a repair."""


@dataclass(frozen=True)
class Network:
    """A network: an input or an embedding, then layers that fit one another.

    Make one with `Network.parse`. `str(network)` is its canonical spec, which parses back to an equal network.

    Attributes:
        layers: all layers, the input included, repeats unfolded.
        source: where in a spec each layer stands, for errors; it does not count when networks are compared.

    Raises:
        SpecError: the layers do not make a network.
    """

    layers: tuple[Layer, ...]
    source: Source | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.source is None:
            object.__setattr__(self, "source", spec.source_of(self.layers))
        self._check()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the network that a spec describes.

        Raises:
            SpecError: the spec is wrong; it carries the characters at fault and, always, a spec that works.
        """
        try:
            return cls(*spec.parse(text))
        except SpecError as error:
            raise mended(error) from None

    def __str__(self) -> str:
        return spec.format_layers(self.layers)

    @property
    def head(self) -> Layer:
        """The layer that takes the input: an Input or an Embedding."""
        return self.layers[0]

    @cached_property
    def body(self) -> tuple[Layer, ...]:
        """The layers that a summary shows: all but an Input."""
        return self.layers[1:] if isinstance(self.head, Input) else self.layers

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
            SpecError: `timesteps` contradicts the `T` of an `input:TxF`.
        """
        if not isinstance(self.head, Input):
            return (batch, timesteps)
        fixed = self.head.timesteps
        if None not in (fixed, timesteps) and fixed != timesteps:
            raise self._error(
                0,
                f"{self.head.spec()} fixes {fixed:,} timesteps, but {timesteps:,} are asked for",
                "change one of them",
                replace(self.head, timesteps=timesteps),
            )
        return (batch, timesteps if fixed is None else fixed, self.head.features)

    def shapes(self, batch: int | None = None, timesteps: int | None = None) -> Iterator[tuple[Shape, Shape]]:
        """Yield (input shape, output shape) for each layer of `body`."""
        shape = self.input_shape(batch, timesteps)
        for layer in self.body:
            output = layer.output_shape(shape)
            yield shape, output
            shape = output

    def summary(
        self,
        batch: int | None = None,
        timesteps: int | None = None,
        framework: Framework = "keras",
        dtype: str = "float32",
    ) -> Summary:
        """Return what every layer returns, owns and costs, and the totals. Nothing is allocated.

        Args:
            batch: samples at a time, or None for unknown.
            timesteps: length of the sequence, or None for unknown.
            framework: whose weights to count.
            dtype: of weights and outputs, for sizes in bytes.

        Raises:
            SpecError: the framework cannot express a layer, or `timesteps` contradicts the spec.
        """
        try:
            self.check_conflicts(framework)
        except SpecError as error:
            raise mended(error, framework) from None
        rows = []
        for name, layer, (reads, returns) in zip(self.names, self.body, self.shapes(batch, timesteps), strict=True):
            weights = layer.weights(reads[-1] or 0, framework)
            per_step = sum(weight.params for weight in weights if weight.multiplies)
            steps = reads[1] if len(reads) == 3 or layer is self.head else 1
            rows.append(
                LayerSummary(
                    name=name,
                    type=layer.type_name(framework),
                    cell=layer.cell_name(framework),
                    spec=layer.spec(),
                    output_shape=returns,
                    params=sum(weight.params for weight in weights),
                    weights=weights,
                    macs_per_step=per_step,
                    macs=None if steps is None else (batch or 1) * steps * per_step,
                    output_bytes=bytes_of(returns, dtype),
                )
            )
        return Summary(
            spec=str(self),
            framework=framework,
            dtype=dtype,
            input_shape=self.input_shape(batch, timesteps),
            input_dtype=dtype if isinstance(self.head, Input) else "int32",
            layers=tuple(rows),
        )

    def _check(self) -> None:
        if not self.layers:
            raise SpecError("a network has no layers", text="", span=(0, 1), advice="start with", repair=spec.EXAMPLE)
        if not self.head.only_first:
            fix = Input(32)
            raise self._error(
                0,
                f"a network starts with input or embed, not with {self.head.spec()}",
                "let it read vectors of 32 features (or ids: embed:10000x32)",
                f"{fix.spec()},{self._source.tokens[0].text}",
            )
        for index, layer in enumerate(self.layers[1:], start=1):
            if layer.only_first:
                raise self._error(
                    index, f"{layer.spec()} can only come first", "leave it out", self._first_copy_only(index)
                )
        self._check_sequences()
        self.check_conflicts("keras")

    def _first_copy_only(self, index: int) -> str:
        """Return the repair of a layer that may only stand first: the repeat dropped, or the layer."""
        return self.head.spec() if self._source.owners[index] == 0 else ""

    def _check_sequences(self) -> None:
        """Every recurrent layer needs a sequence, so all that come before one must return theirs."""
        loses: int | None = None
        for index, layer in enumerate(self.layers):
            if layer.needs_sequence and loses is not None:
                cause = self.layers[loses]
                nearness = "the next layer" if index == loses + 1 else "a later layer"
                raise self._source.error(
                    loses,
                    f"{cause.spec()} returns only its last output, but {nearness}, {layer.spec()}, reads a sequence",
                    "return the whole sequence",
                    self._return_sequences(),
                )
            if isinstance(layer, Recurrent) and not layer.return_sequences and loses is None:
                loses = index

    def _return_sequences(self) -> dict[int, str]:
        """Return the tokens to rewrite so that every recurrent layer but the last returns its sequence."""
        last = max(i for i, layer in enumerate(self.layers) if isinstance(layer, Recurrent))
        source = self._source
        repairs = {}
        for index, layer in enumerate(self.layers[: last + 1]):
            if not isinstance(layer, Recurrent) or layer.return_sequences:
                continue
            token = source.owners[index]
            copies = source.copies(token)
            sequence = replace(layer, return_sequences=True)
            if token != source.owners[last]:
                repairs[token] = spec.repeated(sequence, copies)
            elif copies > 1:
                repairs[token] = f"{spec.repeated(sequence, copies - 1)},{layer.spec()}"
        return repairs

    def check_conflicts(self, framework: Framework) -> None:
        """Check that a framework can express every layer.

        Raises:
            SpecError: it cannot; the repair is the nearest network that it can express.
        """
        for index, layer in enumerate(self.layers):
            conflict = layer.conflict(framework)
            if conflict is not None:
                raise self._error(
                    index,
                    conflict.reason,
                    f"what {FRAMEWORK_NAMES[framework]} can express",
                    conflict.nearest,
                )

    @property
    def _source(self) -> Source:
        assert self.source is not None
        return self.source

    def _error(self, index: int, message: str, advice: str, instead: Layer | str) -> SpecError:
        """Return the error at a layer whose repair is to write another in its place."""
        token = self._source.owners[index]
        if isinstance(instead, Layer):
            instead = spec.repeated(instead, self._source.copies(token))
        return self._source.error(index, message, advice, {token: instead})


def mended(error: SpecError, framework: Framework = "keras") -> SpecError:
    """Give an error a repair that works in `framework`: mend what is still wrong with its own repair too.

    Where that leads nowhere, the repair is the example.
    """
    candidate, advice = error.repair, error.advice
    for _ in range(_MOST_REPAIRS):
        if candidate is None:
            break
        try:
            Network(*spec.parse(candidate)).check_conflicts(framework)
        except SpecError as next_error:
            candidate = None if next_error.repair in (candidate, spec.EXAMPLE) else next_error.repair
        else:
            error.repair = candidate
            return error
    # What would have led to the repair that does not work is left out.
    said = re.sub(r"(^|; )(perhaps|with commas|without it|for example)$", "", advice or "")
    error.advice = f"{said}; for example" if said else "for example"
    error.repair = spec.EXAMPLE
    return error
