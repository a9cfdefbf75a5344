"""A layer's counts as polynomials in its sizes.

The `Form` of `lstm:x` that reads y features has 4·x² + 4·xy + 4·x parameters. No formula is written here: the layer is
built with a `Quadratic` for its size, and the sizes of the weights that it declares are the polynomials. So a layer is
built once, and then each number costs one evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rnncli.layers import Head, Layer
from rnncli.layers.weights import Framework
from rnncli.quantities import features_of
from rnncli.search.grids.quadratic import Quadratic, Y

NOTHING, INVALID = -2, -1
"""In place of a rank: no text at all, as in a shell that drops it; layers that make no network."""
HEAD, VECTOR, SEQUENCE = 0, 2, 3
"""What a layer reads, as the rank of its shape: nothing yet, (batch, features), (batch, timesteps, features)."""

RepeatedLayer = tuple[Layer, int]
"""A layer, and how many times it stands there."""

_ZERO = Quadratic.of(0)


class Form(NamedTuple):
    """What some layers add to the totals of a network, as polynomials in x and y.

    At the head of a network, x and y are the numbers of the first layer. Elsewhere x is the number of the first layer
    here, and y is how many features it reads. `sequence_…` is for each timestep of the sequence that the first layer
    reads, `fixed_…` for a whole sample, whatever the length of that sequence.

    Attributes:
        returns: the rank of what the last layer returns; NOTHING or INVALID where the layers make no network.
        layers: how many layers there are, the input included.
        shown: how many of them a summary shows.
        reads_time: whether one of the layers multiplies at each timestep of that sequence.
        returns_time: whether one of them returns a sequence as long as that.
        makes_time: whether the returned sequence was made of a vector.
        has_weights: whether one of them has weights.
        needs_whole: whether one of them needs the whole sequence before it can return anything.
        needs_input: whether training keeps what the first layer reads.
        keeps_output: whether what the last layer returns is counted in what training keeps.
        features: how many features the last layer returns.
        timesteps: how many timesteps the input has, if the first layer says so; else 0.
        steps: how many timesteps the returned sequence has, if one of the layers made it of a vector; else 0.
        params: the number of parameters.
        trained: the number of those that training changes.
        macs_per_step: multiply-adds for one vector that each of them reads.
        sequence_macs: multiply-adds for each timestep.
        fixed_macs: multiply-adds for a sample.
        sequence_outputs: numbers that the layers return for each timestep.
        fixed_outputs: numbers that they return for a sample.
        sequence_kept: numbers that training keeps of each timestep, beside what the first layer reads.
        fixed_kept: numbers that it keeps of a sample, likewise.
        carried: numbers that the layers carry from one step to the next.
        working: the numbers that one layer holds to make a step, for each of them.
    """

    returns: int
    layers: int = 0
    shown: int = 0
    reads_time: bool = False
    returns_time: bool = False
    makes_time: bool = False
    has_weights: bool = False
    needs_whole: bool = False
    needs_input: bool = False
    keeps_output: bool = False
    features: Quadratic = _ZERO
    timesteps: Quadratic = _ZERO
    steps: Quadratic = _ZERO
    params: Quadratic = _ZERO
    trained: Quadratic = _ZERO
    macs_per_step: Quadratic = _ZERO
    sequence_macs: Quadratic = _ZERO
    fixed_macs: Quadratic = _ZERO
    sequence_outputs: Quadratic = _ZERO
    fixed_outputs: Quadratic = _ZERO
    sequence_kept: Quadratic = _ZERO
    fixed_kept: Quadratic = _ZERO
    carried: Quadratic = _ZERO
    working: tuple[Quadratic, ...] = ()


NO_TEXT = Form(NOTHING)
NO_NETWORK = Form(INVALID)


def form_of(layers: Sequence[RepeatedLayer], rank: int, framework: Framework) -> Form:
    """Return the form of some layers that read what has a rank; NO_NETWORK where they break a rule of `Network`."""
    if any(_breaks_a_rule(index, *each, rank, framework) for index, each in enumerate(layers)):
        return NO_NETWORK
    count = _Count(rank, framework)
    for layer, times in layers:
        if isinstance(layer, Head):
            count.begin(layer)
        if (not isinstance(layer, Head) or layer.shown) and not count.add(layer, times):
            return NO_NETWORK
    return count.form(sum(times for _, times in layers))


def _breaks_a_rule(index: int, layer: Layer, times: int, rank: int, framework: Framework) -> bool:
    leads = rank == HEAD and index == 0
    if isinstance(layer, Head) != leads or (leads and times > 1):
        return True
    return layer.conflict("keras") is not None or layer.conflict(framework) is not None


_FACTS = ("reads_time", "returns_time", "has_weights", "needs_whole", "needs_input")


class _Count:
    """Counts layers one after the other."""

    def __init__(self, rank: int, framework: Framework) -> None:
        self.framework = framework
        self.shape: tuple[Any, ...] = (*[None] * (rank - 1), Y)
        self.timesteps: Any = None
        self.facts: dict[str, Any] = dict.fromkeys(_FACTS, False)
        self.sums: dict[str, Any] = {}
        self.working: list[Quadratic] = []
        self.shown = 0
        self.held: bool | None = None
        """Whether training has counted what the next layer reads; None where that is what the first one reads."""

    def begin(self, head: Head) -> None:
        """Take in the layer that takes the input."""
        self.timesteps = head.fixed_timesteps
        self.shape = (*head.input_shape()[:1], None, *head.input_shape()[2:])
        self.held = False

    def add(self, layer: Layer, times: int) -> bool:
        """Add a layer that is repeated; return False where it cannot read what it is given."""
        self.shown += times
        while times:
            in_time = isinstance(layer, Head) or len(self.shape) == SEQUENCE
            if layer.reads == ("vector" if in_time else "sequence"):
                return False
            returns = layer.output_shape(self.shape)
            # Copies of a layer that returns the shape it reads all cost the same.
            copies = times if returns == self.shape else 1
            self._add_copies(layer, copies, returns, in_time)
            self.shape = returns
            times -= copies
        return True

    def _add_copies(self, layer: Layer, copies: int, returns: tuple[Any, ...], in_time: bool) -> None:
        reads = self.shape
        weights = layer.weights(reads, self.framework)
        self.facts["has_weights"] |= bool(weights)
        macs = copies * sum(weight.params for weight in weights if weight.multiplies)
        self._sum("params", copies * sum(weight.params for weight in weights))
        self._sum("trained", copies * sum(weight.params for weight in weights if weight.trained))
        self._sum("macs_per_step", macs)
        steps = reads[1] if in_time else 1
        self._sum_over("macs", steps, macs)
        self.facts["reads_time"] |= steps is None
        left = returns[1] if len(returns) == SEQUENCE else 1
        self._sum_over("outputs", left, copies * features_of(returns))
        self.facts["returns_time"] |= left is None
        self.facts["needs_whole"] |= layer.needs_whole
        self._sum("carried", copies * layer.carried(reads))
        working = Quadratic.of(layer.step(reads).numbers)
        if working not in self.working:
            self.working.append(working)
        again = copies - 1 if layer.needs_input and not layer.keeps_output else 0
        if layer.needs_input:
            self.facts["needs_input"] |= self.held is None
            again += self.held is False
        self._sum_over("kept", steps, copies * layer.kept(reads) + again * features_of(reads))
        self.held = layer.keeps_output

    def _sum(self, name: str, number: Any) -> None:
        self.sums[name] = self.sums.get(name, 0) + number

    def _sum_over(self, name: str, steps: Any, number: Any) -> None:
        """Count what there is of each of some steps; None is the sequence that the first layer reads."""
        if steps is None:
            self._sum(f"sequence_{name}", number)
        else:
            self._sum(f"fixed_{name}", steps * number)

    def form(self, layers: int) -> Form:
        """Return what they have come to."""
        made = self.shape[1] if len(self.shape) == SEQUENCE else None
        sums: dict[str, Any] = {name: Quadratic.of(number) for name, number in self.sums.items()}
        return Form(
            returns=len(self.shape),
            layers=layers,
            shown=self.shown,
            makes_time=made is not None,
            keeps_output=bool(self.held),
            features=Quadratic.of(self.shape[-1]),
            timesteps=Quadratic.of(self.timesteps or 0)
            if not isinstance(self.timesteps, Quadratic)
            else self.timesteps,
            steps=_ZERO if made is None else Quadratic.of(made),
            working=tuple(self.working),
            **self.facts,
            **sums,
        )
