"""What is told of each sort of word of the spec language: a kind, a field, an activation, a word of a framework."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.errors import listed
from rnncli.language.arguments import CLASSES, PYTORCH_NAMES, STACKED, attribute_of
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION, OTHER_NAMES
from rnncli.layers.base import Note
from rnncli.layers.options import Choice, Option
from rnncli.layers.words import argument_form, argument_name, in_both
from rnncli.network import Network
from rnncli.quantities import shape_text
from rnncli.reports.explanation import LayerExplanation, explain
from rnncli.reports.topics import TOPIC_OF

_BELOW = {"input": "", "sequence": "input:8,", "either": "input:8,", "vector": "input:8,rnn:16,"}
"""What a layer of an example stands on, by what it reads."""

_READS = {
    "input": "the input",
    "sequence": "a sequence, (batch, timesteps, features)",
    "vector": "a vector, (batch, features)",
    "either": "a sequence, (batch, timesteps, features), or a vector, (batch, features)",
}

COUNT = "x3"
"""The field that stands for all that repeat a layer."""


class Entry(NamedTuple):
    """What is told of a word.

    Attributes:
        word: the word as a spec has it.
        means: what it does.
        facts: the frameworks' words for it, who takes it, an example.
        fields: of a kind, each field that it takes, and what that does.
        example: of a kind, a network that ends in such a layer.
        explained: that layer explained.
    """

    word: str
    means: str
    facts: tuple[Note, ...]
    fields: tuple[Note, ...] = ()
    example: str = ""
    explained: LayerExplanation | None = None


# Kinds


def kind_entry(name: str) -> Entry:
    """Return what is told of a kind, by a name of its class or its own."""
    layer = CLASSES[name]
    spec = _example(layer)
    network = Network.parse(spec)
    explained = explain(network).layers
    return Entry(
        f"{layer.kind}:{layer.sizes.form}" if layer.sizes.form else layer.kind,
        layer.means,
        tuple(_facts_of_kind(layer, spec)),
        tuple(_fields_of_kind(layer)),
        spec,
        explained[-1] if explained else None,
    )


def _example(layer: type[Layer], field: str = "") -> str:
    size = f":{layer.sizes.example}" if layer.sizes.required else ""
    return f"{_BELOW[layer.reads]}{layer.kind}{size}{field and f':{field}'}"


def _facts_of_kind(layer: type[Layer], spec: str) -> Iterator[Note]:
    if layer.aliases:
        yield Note("Also", listed(layer.aliases, "or"))
    yield Note("Keras", layer.keras)
    theirs = torch_class(layer)
    if theirs is not None:
        yield Note("PyTorch", theirs if theirs.startswith("Tensor.") else f"nn.{theirs}")
    symbols = re.findall("[A-Z]", layer.sizes.form)
    for symbol, attribute in zip(symbols, layer.sizes.attributes, strict=False):
        theirs = argument_name(layer, attribute, "torch")
        yield Note(symbol, attribute + (f"; PyTorch: {theirs}" if theirs else ""))
    yield Note("Reads", _READS[layer.reads])
    yield Note("Returns", _returns(layer, spec))


def _returns(layer: type[Layer], spec: str) -> str:
    """Return the shapes of an example, and that of its variant which keeps time, if there is one."""
    network = Network.parse(spec)
    if not network.body:
        return f"{spec} is {shape_text(network.summary().output_shape)}"
    reads, returns = list(network.shapes())[-1]
    text = f"{spec} returns {shape_text(returns)} for {shape_text(reads)}"
    last = network.layers[-1]
    sequence = last.returning("sequence") if last.returns == "vector" else None
    if sequence is not None:
        seq = in_both(layer, "return_sequences", True)
        text += f", with {seq} {shape_text(sequence.output_shape(reads))}"
    return text


def _fields_of_kind(layer: type[Layer]) -> Iterator[Note]:
    for option in layer.options:
        theirs = argument_form(layer, option, "torch")
        text = f"{option.means}. Keras: {argument_form(layer, option)}"
        yield Note(option.form, f"{text}; PyTorch: {theirs}" if theirs else text)
    if may_repeat(layer):
        text = "three such layers, one above the other"
        yield Note(COUNT, f"{text}. PyTorch: {STACKED}=3" if layer.states else text)


def torch_class(layer: type[Layer]) -> str | None:
    """Return PyTorch's class for a kind, or the method of a tensor; None for an input, which is none there."""
    return layer.torch if getattr(layer, "shown", True) else None


def may_repeat(layer: type[Layer]) -> bool:
    """Whether a layer of a kind may stand on another of that kind."""
    return bool(layer.states) or layer.reads == "either"


# Fields


def options_of(word: str) -> list[tuple[type[Layer], Option]]:
    """Return the options that a word starts or names, with the kinds that have them."""
    return [
        (layer, option)
        for layer in LAYERS
        for option in layer.options
        if word in (option.lead.rstrip("="), option.attribute) or option.attribute == attribute_of(layer, word)
    ]


def option_words() -> list[str]:
    """Return the words that fields start with."""
    return list(dict.fromkeys(option.lead.rstrip("=") for layer in LAYERS for option in layer.options))


def argument_words() -> list[str]:
    """Return the frameworks' arguments for fields."""
    theirs = [name for name, ours in PYTORCH_NAMES.items() if _is_attribute(ours)]
    return list(dict.fromkeys([*(option.attribute for layer in LAYERS for option in layer.options), *theirs]))


def _is_attribute(name: str) -> bool:
    return any(option.attribute == name for layer in LAYERS for option in layer.options)


def field_entry(word: str) -> Entry:
    """Return what is told of a field, by our word or a framework's."""
    found = options_of(word)
    layer, option = found[0]
    facts = [Note("Keras", _by_kind([(each.kind, argument_form(each, own)) for each, own in found]))]
    theirs = [(each.kind, argument_form(each, own, "torch")) for each, own in found]
    if any(text for _, text in theirs):
        facts.append(Note("PyTorch", _by_kind(theirs)))
    facts.append(Note("Kinds", ", ".join(each.kind for each, _ in found)))
    if isinstance(option, Choice):
        both = [in_both(layer, option.attribute, value) for value in option.values.values()]
        facts.append(Note("Values", ", ".join(both if option.symbol is None else option.values)))
    facts.append(Note("Example", _difference(found[-1][0] if option is ACTIVATION_OPTION else layer, option)))
    return Entry(option.form, option.means, tuple(facts))


def _by_kind(texts: Sequence[tuple[str, str]]) -> str:
    """Return texts once where all kinds have the same; else each with the kinds that have it."""
    kinds: dict[str, list[str]] = {}
    for kind, text in texts:
        kinds.setdefault(text, []).append(kind)
    if len(kinds) == 1:
        return texts[0][1]
    return "; ".join(f"{text} ({', '.join(names)})" for text, names in kinds.items() if text)


def _difference(layer: type[Layer], option: Option) -> str:
    """Return an example with a field, what it returns and owns, and what that is without the field."""
    fields = option.short_fields() or option.fields()
    field = next(text for text, value in fields.items() if value != layer.default(option.attribute))
    with_, without = (Network.parse(_example(layer, each)).summary() for each in (field, ""))
    text = f"{with_.spec} returns {shape_text(with_.output_shape)} and has {with_.total_params:,} parameters"
    changes = []
    if with_.output_shape != without.output_shape:
        changes.append(f"returns {shape_text(without.output_shape)}")
    if with_.total_params != without.total_params:
        changes.append(f"has {without.total_params:,}")
    return f"{text}; without it {' and '.join(changes)}" if changes else f"{text}, as without it"


def count_entry(word: str) -> Entry:
    """Return what is told of a field that repeats a layer."""
    del word
    spec = "input:8,lstm:32:seq:x3"
    total = Network.parse(spec).summary().total_params
    seq = in_both(KINDS["lstm"], "return_sequences", True)
    return Entry(
        COUNT,
        "three such layers, one above the other, each with weights of its own",
        (
            Note("Keras", "three layers"),
            Note("PyTorch", f"{STACKED}=3, of a recurrent layer"),
            Note("Example", f"{spec} has {total:,} parameters; a recurrent layer that feeds another needs {seq}"),
        ),
    )


def size_entry(word: str) -> Entry:
    """Return what is told of a size, by Keras's or PyTorch's argument."""
    found = [layer for layer in LAYERS if attribute_of(layer, word) in layer.sizes.attributes]
    layer = found[0]
    attribute = attribute_of(layer, word)
    assert attribute is not None
    forms = ", ".join(f"{each.kind}:{each.sizes.form}" for each in found)
    theirs = _by_kind([(each.kind, argument_name(each, attribute, "torch") or "") for each in found])
    facts = [Note("Keras", attribute), *([Note("PyTorch", theirs)] if theirs else []), Note("Example", _example(layer))]
    if word in ELSEWHERE:
        facts.append(Note("Also", ELSEWHERE[word]))
    return Entry(word, f"a size, written behind the colon: {forms}", tuple(facts))


def size_words() -> list[str]:
    """Return the frameworks' arguments for sizes."""
    own = [attribute for layer in LAYERS for attribute in layer.sizes.attributes]
    return list(dict.fromkeys([*own, *(theirs for theirs, ours in PYTORCH_NAMES.items() if ours in own)]))


# Activations and words of the frameworks


def activation_entry(word: str) -> Entry:
    """Return what is told of an activation."""
    name = OTHER_NAMES.get(word, word)
    others = [other for other, ours in OTHER_NAMES.items() if ours == name]
    facts = [Note("Elsewhere", listed(others, "or"))] if others else []
    for option in (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION):
        kinds = [layer for layer in LAYERS if option in layer.options]
        usual = [layer.kind for layer in kinds if layer.default(option.attribute) == name]
        both = in_both(kinds[0], option.attribute, name)
        default = f"; the default of {listed(usual)}" if usual else ""
        of = listed([layer.kind for layer in kinds])
        facts.append(Note(option.lead.rstrip("="), f"{option.means} of {of}: {both}{default}"))
    if word == "none":
        facts.append(
            Note("Shapes", "None in a shape is a length that is not known yet; --batch and --timesteps fill it in")
        )
    bounds = ACTIVATIONS[name].bounds
    if bounds is not None:
        facts.append(Note("Range", f"{bounds[0]:g} to {bounds[1]:g}"))
    facts.append(Note("Example", f"input:8,dense:32:{name}"))
    return Entry(name, f"f(x) = {ACTIVATIONS[name].formula}", tuple(facts))


def elsewhere_entry(word: str) -> Entry:
    """Return what is told of a word of a framework that no spec has."""
    return Entry(word, ELSEWHERE[word], ())


def topic_entry(word: str) -> Entry:
    """Return what is told of a word for what is counted, sized or carried."""
    topic = TOPIC_OF[word]
    return Entry(word, topic.means, tuple(topic.facts()))
