"""Sweeps: every network that a pattern stands for, with its counts, some hundred thousand a second.

The layers of a pattern are walked depth first, so what comes before a brace is counted once for all that it expands to.
All counts are those of the weights that the layers declare; see `rnncli.search.forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from rnncli.errors import SpecError
from rnncli.language.source import MAX_BYTES
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network, check_known, check_sizes
from rnncli.quantities import Shape
from rnncli.search.brace_parser import parse_pattern
from rnncli.search.braces import Bindings, Literal, Node, Pattern
from rnncli.search.forms import HEAD, SEQUENCE, Reader, SizedForm
from rnncli.summary import DTYPE_BYTES, Setting

BATCH = 2_000
"""How many candidates are made at a time: the work of some milliseconds."""

_INVALID = -1
"""Stands in place of a rank where the layers make no network."""
_UNREAD: SizedForm = (None, 0, 0)


class Candidate(NamedTuple):
    """A network and what it owns and costs: the totals of its `Summary`.

    Attributes:
        spec: the text that the pattern stands for; it is not always the canonical spec.
        output_shape: the shape of its output.
        total_params: the number of all parameters.
        total_bytes: their size.
        macs_per_step: multiply-adds for one vector that each layer reads.
        macs: multiply-adds for the whole input, an unknown batch counting as one; None while its timesteps are unknown.
        output_bytes: the size of all layers' outputs, likewise.
    """

    spec: str
    output_shape: Shape
    total_params: int
    total_bytes: int
    macs_per_step: int
    macs: int | None
    output_bytes: int | None


class Invalid(NamedTuple):
    """A text that a pattern stands for and that is not a network."""

    spec: str


class _Prefix(NamedTuple):
    """The layers before a brace: what they return, and their totals.

    Attributes:
        text: their specs.
        rank: the rank of what they return.
        features: how many features they return.
        timesteps: how many timesteps the input has, if the first layer says so.
        steps: how many timesteps the returned sequence has, if one of the layers made it of a vector.
        layers: how many there are.
        params: the number of parameters.
        macs_per_step: multiply-adds for one vector that each of them reads.
        sequence_macs: multiply-adds for each timestep of the input.
        fixed_macs: multiply-adds for a whole sample, whatever the length of the input.
        reads_time: whether one of the layers reads the timesteps of the input.
        sequence_outputs: numbers that the layers return for each timestep of the input.
        fixed_outputs: numbers that they return for a whole sample, whatever the length of the input.
    """

    text: str = ""
    rank: int = HEAD
    features: int = 0
    timesteps: int | None = None
    steps: int | None = None
    layers: int = 0
    params: int = 0
    macs_per_step: int = 0
    sequence_macs: int = 0
    fixed_macs: int = 0
    reads_time: bool = False
    sequence_outputs: int = 0
    fixed_outputs: int = 0


class _Level(NamedTuple):
    """A layer with braces, and the layers without braces that follow it.

    Attributes:
        nodes: the layer.
        tail: the text of the layers that follow, with a comma before each.
        tokens: reads the text of a layer alone.
        last: reads the text of a layer together with the layers that follow.
    """

    nodes: list[Node]
    tail: str
    tokens: Reader
    last: Reader


def sweep(
    *patterns: Pattern | str,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework = "keras",
    dtype: str = "float32",
) -> Iterator[Candidate | Invalid]:
    """Yield a candidate, valid or not, for each text that the patterns stand for, in their order.

    Args:
        patterns: specs with brace lists and ranges: `input:8,lstm:{16,32}`.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count.
        dtype: of the weights, for their size in bytes.

    Raises:
        SpecError: a pattern is wrong.
        ArgumentError: an argument is not allowed.
    """
    check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(batch=batch, timesteps=timesteps)
    parsed = [parse_pattern(pattern) if isinstance(pattern, str) else pattern for pattern in patterns]
    return chain.from_iterable(batches([parsed], Setting(batch, timesteps, framework, dtype)))


def batches(groups: Iterable[Iterable[Pattern]], setting: Setting) -> Iterator[list[Candidate | Invalid]]:
    """Yield the candidates of groups of patterns in lists of at most `BATCH`.

    A list is yielded before the next group is asked for.
    """
    reader = lru_cache(maxsize=8)(lambda tail: Reader(tail, setting.framework))
    for patterns in groups:
        candidates = chain.from_iterable(_sweep(pattern, reader, setting) for pattern in patterns)
        while batch := list(islice(candidates, BATCH)):
            yield batch


def reason(spec: str, setting: Setting) -> SpecError:
    """Return the error of a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")


def _levels(pattern: Pattern, reader: Callable[[str], Reader]) -> Iterator[_Level]:
    """Yield the layers of a pattern, each with those behind it that have no braces."""
    parts = pattern.split(",")
    index = 0
    while index < len(parts):
        nodes = parts[index]
        start = index = index + 1
        while index < len(parts) and all(isinstance(node, Literal) for node in parts[index]):
            index += 1
        tail = "".join(f",{_plain_text(part)}" for part in parts[start:index])
        if all(isinstance(node, Literal) for node in nodes):
            # Only the first layer can be without braces here. The layers are read one by one, once.
            yield _Level([Literal(_plain_text(nodes) + tail)], "", reader(""), reader(""))
        else:
            yield _Level(nodes, tail, reader(""), reader(tail))


def _plain_text(nodes: Iterable[Node]) -> str:
    return "".join(node.text for node in nodes if isinstance(node, Literal))


def _sweep(pattern: Pattern, reader: Callable[[str], Reader], setting: Setting) -> Iterator[Candidate | Invalid]:
    *outer, inner = _levels(pattern, reader)
    bound: Bindings = {}
    # A stack of loops and not a recursion: there is no limit to the number of layers.
    loops: list[Iterator[str]] = []
    prefixes = [_Prefix()]
    while True:
        if len(loops) < len(outer):
            loops.append(pattern.choices(outer[len(loops)].nodes, bound))
        else:
            prefix = prefixes[-1]
            for text in pattern.choices(inner.nodes, bound):
                whole = _extend(prefix, inner, text)
                if whole.rank != _INVALID:
                    yield _candidate(whole, setting)
                elif whole.text:  # As in a shell, an empty text is dropped.
                    yield Invalid(whole.text)
        while loops:
            choice = next(loops[-1], None)
            if choice is not None:
                level = len(loops) - 1
                prefixes[level + 1 :] = [_extend(prefixes[level], outer[level], choice)]
                break
            loops.pop()
        else:
            return


def _extend(prefix: _Prefix, level: _Level, text: str) -> _Prefix:
    """Return some layers with those of a level added."""
    if "," in text:
        first, _, text = text.rpartition(",")
        tokens = first.split(",")
        for index, token in enumerate(tokens):
            if prefix.rank == _INVALID:
                # What makes no network whatever follows needs no look at each layer that does.
                prefix = prefix._replace(text=",".join([prefix.text, *tokens[index:]]))
                break
            prefix = _add(prefix, level.tokens, token, "")
    return _add(prefix, level.last, text, level.tail)


def _add(prefix: _Prefix, reader: Reader, token: str, tail: str) -> _Prefix:
    """Return some layers with one more added, and the tail of its reader."""
    text = token + tail if prefix.rank == HEAD else f"{prefix.text},{token}{tail}"
    form, x, y = reader.read[prefix.rank](token) if prefix.rank != _INVALID else _UNREAD
    if form is None:
        return _Prefix(text, _INVALID)
    timesteps, steps = prefix.timesteps, prefix.steps
    if prefix.rank != HEAD:
        y = prefix.features
    elif form.timesteps is not None:
        timesteps = form.timesteps.at(x, y)
    layers = prefix.layers + form.layers
    if layers > MAX_LAYERS or (4 * len(text) > MAX_BYTES and len(text.encode("utf-8", "replace")) > MAX_BYTES):
        return _Prefix(text, _INVALID)
    sequence_macs, fixed_macs = form.sequence_macs.at(x, y), form.fixed_macs.at(x, y)
    sequence_outputs, fixed_outputs = form.sequence_outputs.at(x, y), form.fixed_outputs.at(x, y)
    reads_time = form.reads_time
    if steps is not None:
        # The layer reads a sequence that another made of a vector; the length of the input does not matter to it.
        sequence_macs, fixed_macs, reads_time = 0, fixed_macs + steps * sequence_macs, False
        sequence_outputs, fixed_outputs = 0, fixed_outputs + steps * sequence_outputs
    if form.steps is not None:
        steps = form.steps.at(x, y)
    return _Prefix(
        text,
        form.returns,
        form.features.at(x, y),
        timesteps,
        steps if form.returns == SEQUENCE else None,
        layers,
        prefix.params + form.params.at(x, y),
        prefix.macs_per_step + form.macs_per_step.at(x, y),
        prefix.sequence_macs + sequence_macs,
        prefix.fixed_macs + fixed_macs,
        prefix.reads_time or reads_time,
        prefix.sequence_outputs + sequence_outputs,
        prefix.fixed_outputs + fixed_outputs,
    )


def _candidate(whole: _Prefix, setting: Setting) -> Candidate | Invalid:
    timesteps = whole.timesteps
    if setting.timesteps is not None:
        if timesteps not in (None, setting.timesteps):
            return Invalid(whole.text)
        timesteps = setting.timesteps
    batch = setting.batch
    samples = 1 if batch is None else batch
    number_bytes = DTYPE_BYTES[setting.dtype]
    macs = outputs = None
    if timesteps is not None or not whole.reads_time:
        macs = samples * ((timesteps or 0) * whole.sequence_macs + whole.fixed_macs)
    if timesteps is not None or not whole.sequence_outputs:
        outputs = samples * ((timesteps or 0) * whole.sequence_outputs + whole.fixed_outputs)
    steps = timesteps if whole.steps is None else whole.steps
    return Candidate(
        whole.text,
        (batch, steps, whole.features) if whole.rank == SEQUENCE else (batch, whole.features),
        whole.params,
        whole.params * number_bytes,
        whole.macs_per_step,
        macs,
        None if outputs is None else outputs * number_bytes,
    )
