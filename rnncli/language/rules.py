"""The rules of networks: which layers may follow one another, and which layers each framework supports.

A broken rule raises an error with the characters at fault and a repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rnncli.errors import SpecError, listed
from rnncli.language import spec
from rnncli.language.arguments import setting
from rnncli.language.source import Source, cut, lowered, splice, without_spaces
from rnncli.layers import Input, Layer
from rnncli.layers.sizes import UnknownSize
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, Framework
from rnncli.layers.words import changes_in_both
from rnncli.quantities import MAX_SIZE, plural

EXAMPLE_LENGTH = 100
"""The length of a sequence in repairs, as in the random input of `rnncli forward`."""


def check_rules(layers: Sequence[Layer], source: Source) -> None:
    """Raise a SpecError unless layers, repeats unfolded, form a network; `source` has the place of each in the spec."""
    if not layers:
        raise SpecError("a network has no layers", text="", span=(0, 1), advice="start with", repair=spec.EXAMPLE)
    head = layers[0]
    if head.reads != "input":
        message = f"a network starts with input or embed, not with {head.spec()}"
        advice = "to read vectors of 32 features (for ids: embed:10000x32)"
        raise error_at(source, 0, message, advice, f"{Input(32).spec()},{source.tokens[0].text}")
    for index, layer in enumerate(layers[1:], start=1):
        if layer.reads == "input":
            # Only the repeat of the first layer is removed; any other layer is removed whole.
            instead = head.spec() if source.owners[index] == 0 else ""
            raise error_at(source, index, f"{layer.spec()} can only come first", "leave it out", instead)
    _check_sequences(layers, source)
    _check_lengths(layers, source)
    if not frameworks_of(layers):
        check_framework(layers, source, "torch")  # Keras lacks what only PyTorch has, so it is not what was meant


def frameworks_of(layers: Sequence[Layer]) -> list[Framework]:
    """Return the frameworks that support every layer."""
    return [framework for framework in FRAMEWORKS if not any(layer.conflict(framework) for layer in layers)]


def check_framework(layers: Sequence[Layer], source: Source, framework: Framework, option: str = "") -> None:
    """Raise a SpecError unless a framework supports every layer; the repair has the nearest layer that it supports.

    `option` selects another framework; it is empty if there is none.
    """
    for index, layer in enumerate(layers):
        conflict = layer.conflict(framework)
        if conflict is not None:
            nowhere = all(layer.conflict(other) == conflict for other in FRAMEWORKS)
            advice = f"the closest that {'works' if nowhere else f'{FRAMEWORK_NAMES[framework]} supports'}"
            able = frameworks_of(layers) if option and framework == "keras" else []  # Keras may only be the default
            others = [f"{FRAMEWORK_NAMES[other]} supports it: {option} {other}" for other in able]
            advice = "; ".join([*others, advice])
            raise error_at(source, index, conflict.reason, advice, conflict.nearest)


def check_timesteps(layers: Sequence[Layer], source: Source, *timesteps: int | None) -> None:
    """Raise a SpecError if a requested length differs from the one that the input fixes, or a layer needs more.

    If several are requested, the repair fixes no length.
    """
    head = layers[0]
    asked = sorted({each for each in timesteps if each is not None})
    if not {*asked} - {head.fixed_timesteps}:
        return
    if head.fixed_timesteps is None:
        _check_lengths(layers, source, asked[0])
        return
    steps = head.fixed_timesteps
    fixed = f"fixes {plural(steps, 'timestep')}" if isinstance(steps, int) else "has a blank for the timesteps"
    message = f"{head.spec()} {fixed}, but {listed([f'{each:,}' for each in asked])} are requested"
    if len(asked) == 1:
        raise error_at(source, 0, message, "change one of them", head.with_timesteps(asked[0]))
    first = next((layer for layer in layers if layer.needs_length or layer.reads == "vector"), head)
    if first.needs_length:
        span = source.tokens[source.owners[0]].span
        raise SpecError(message, text=source.text, span=span, advice=f"{first.spec()} needs the same length always")
    raise error_at(source, 0, message, "leave the length open", head.with_timesteps(None))


def error_at(source: Source, index: int, message: str, advice: str, instead: Layer | str) -> SpecError:
    """Return the error at a layer, or at its only field that differs; the repair puts another layer or text there."""
    token = source.owners[index]
    if isinstance(instead, Layer):
        found = ((field, setting(type(instead), lowered(field.text))) for field in source.tokens[token].split(":"))
        unlike = [(field, each[0]) for field, each in found if each and getattr(instead, each[0].attribute) != each[1]]
        if len(unlike) == 1:
            [(field, option)] = unlike
            value = getattr(instead, option.attribute)
            is_default = value == instead.default(option.attribute)
            repair = cut(source.text, field) if is_default else splice(source.text, field, option.spelling(value))
            return SpecError(message, text=source.text, span=field.span, advice=advice, repair=without_spaces(repair))
        instead = spec.repeated(instead, source.copies(token))
    return source.error(index, message, advice, {token: instead})


def _check_sequences(layers: Sequence[Layer], source: Source) -> None:
    """Check that each layer gets what it reads: a sequence or a vector."""
    given = "sequence"
    cause = 0
    """The last layer that returned a sequence, or the first after it that returned a vector."""
    for index, layer in enumerate(layers):
        if layer.reads == "sequence" and given == "vector":
            raise _sequence_missing(layers, source, index, cause)
        if layer.reads == "vector" and given == "sequence":
            raise _vector_missing(layers, source, index, cause)
        if layer.returns == "sequence" or layer.returns not in ("same", given):
            given, cause = layer.returns, index


def _check_lengths(layers: Sequence[Layer], source: Source, timesteps: int | None = None) -> None:
    """Check that each layer gets enough steps to return at least one, as far as lengths are known."""
    start, given, is_vector = 0, timesteps, False
    for index, layer in enumerate(layers):
        if layer.reads == "vector" and layer.returns == "sequence":
            start, given, is_vector = index, layer.output_length(1), False
        elif layer.reads == "input":
            given = layer.fixed_timesteps or timesteps
        elif is_vector:
            continue
        elif layer.needs_length and given is None:
            message = f"{layer.spec()} needs a sequence of known length, but {layers[start].spec()} allows any length"
            raise error_at(source, start, message, "give the length", layers[start].with_timesteps(EXAMPLE_LENGTH))
        elif layer.returns == "vector":
            is_vector = True
        elif isinstance(given, int) and isinstance(layer.least_steps, int):
            if given < layer.least_steps:
                raise _too_short(layers, source, start, index, given)
            given = layer.output_length(given)


def least_steps(layers: Sequence[Layer]) -> int:
    """Return how many steps a sequence needs to pass through the layers up to the first that returns a vector.

    Blanks count as 1, the smallest number.
    """
    end = next((place for place, layer in enumerate(layers) if layer.returns == "vector"), len(layers))
    needed = 1
    for layer in reversed(layers[:end]):
        for number in layer.numbers.values():
            layer = layer.with_size(number, 1) if isinstance(number, UnknownSize) else layer
        needed = layer.least_steps + (needed - 1) * layer.stride
    return needed


def _too_short(layers: Sequence[Layer], source: Source, start: int, index: int, given: int) -> SpecError:
    needed = least_steps(layers[start + 1 :])
    maker = layers[start]
    message = f"{layers[index].spec()} needs {layers[index].least_steps:,} timesteps, but {given:,} "
    message += "reaches it" if given == 1 else "reach it"
    if needed > MAX_SIZE:
        return source.error(index, message, "no sequence is long enough: leave it out", {source.owners[index]: ""})
    advice = f"{needed:,} timesteps are enough"
    if maker.reads == "input" and maker.fixed_timesteps is None:
        span = source.tokens[source.owners[index]].span
        return SpecError(message, text=source.text, span=span, advice=f"{advice}: --timesteps {needed}")
    return source.error(index, message, advice, {source.owners[start]: maker.with_timesteps(needed).spec()})


def _changes(layer: Layer, what: Literal["sequence", "vector"]) -> str:
    """Return the fields to add or leave out so that a layer returns a sequence or a vector."""
    other = layer.returning(what)
    assert other is not None
    return listed(changes_in_both(layer, other))


def _sequence_missing(layers: Sequence[Layer], source: Source, index: int, cause: int) -> SpecError:
    layer, loser = layers[index], layers[cause]
    nearness = "the next layer" if index == cause + 1 else "a later layer"
    needs = f"{nearness}, {layer.spec()}, reads a sequence"
    if loser.returning("sequence") is not None:
        message = f"{loser.spec()} returns only its last output, but {needs}"
        advice = f"return the whole sequence with {_changes(loser, 'sequence')}"
        return source.error(cause, message, advice, _returning_sequences(layers, source, cause))
    message = f"{loser.spec()} returns one vector, but {needs}"
    if source.owners[index] == source.owners[cause]:
        return source.error(cause, message, "write it once", {source.owners[cause]: loser.spec()})
    token = source.owners[index]
    repair = {token: f"repeat:10,{source.tokens[token].text}"}
    return source.error(cause, message, "repeat the vector, once per timestep", repair)


def _vector_missing(layers: Sequence[Layer], source: Source, index: int, cause: int) -> SpecError:
    layer, maker = layers[index], layers[cause]
    message = f"{layer.spec()} reads one vector, but {maker.spec()} returns a sequence"
    token = source.owners[index]
    if token == source.owners[cause]:
        return source.error(index, message, "write it once", {token: layer.spec()})
    vector = maker.returning("vector")
    if vector is not None:
        advice = f"to return only the last output, leave out {_changes(maker, 'vector')}"
        others = source.copies(source.owners[cause]) - 1
        instead = f"{spec.repeated(maker, others)},{vector.spec()}" if others else vector.spec()
        return source.error(index, message, advice, {source.owners[cause]: instead})
    repair = {token: f"pool:avg,{source.tokens[token].text}"}
    return source.error(index, message, "to turn the sequence into one vector", repair)


def _returning_sequences(layers: Sequence[Layer], source: Source, cause: int) -> dict[int, str]:
    """Return the tokens to rewrite so that each layer returns its sequence, up to the last one that reads a sequence.

    The first one returns a vector too early. Only layers before the next `repeat` count: it starts a new sequence.
    """
    end = next((i for i in range(cause, len(layers)) if layers[i].reads == "vector"), len(layers))
    last = max(i for i in range(cause, end) if layers[i].reads == "sequence")
    repairs = {}
    for index in range(cause, last + 1):
        layer = layers[index]
        sequence = layer.returning("sequence")
        if layer.returns != "vector" or sequence is None:
            continue
        token = source.owners[index]
        copies = source.copies(token)
        if token != source.owners[last]:
            repairs[token] = spec.repeated(sequence, copies)
        elif copies > 1:
            repairs[token] = f"{spec.repeated(sequence, copies - 1)},{layer.spec()}"
    return repairs
