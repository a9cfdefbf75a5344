"""The meaning of a word (a kind, a field, an activation, a term of Keras or PyTorch, or a cost), as plain data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnncli.errors import SpecError, UsageError, closest, listed, quote
from rnncli.immutable import NamedTuple
from rnncli.language.arguments import CLASSES, PYTORCH_NAMES, STACKED, attribute_of
from rnncli.language.framework_words import ERROR_MESSAGE, FRAMEWORK_WORDS, framework_message
from rnncli.language.pattern_words import SETTINGS
from rnncli.layers import KINDS, LAYERS, Activation, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION, OTHER_NAMES
from rnncli.layers.base import Remark
from rnncli.layers.options import Choice, Option, Whole
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS
from rnncli.layers.words import argument, argument_form, argument_name, in_both
from rnncli.network import Network, check_text
from rnncli.network_summary import Summary
from rnncli.quantities import shape_text
from rnncli.reports.explanation import Explanation, explain
from rnncli.reports.topics import PASTED, TERMS, TOPIC_OF
from rnncli.results import Result

_READS = {
    "input": "the input",
    "sequence": "a sequence, (batch, timesteps, features)",
    "vector": "a vector, (batch, features)",
    "either": "a sequence, (batch, timesteps, features), or a vector, (batch, features)",
}

_COUNT = "x3"
"""The field that represents all repeat counts."""

_OPTIONS = [(layer, option) for layer in LAYERS for option in layer.options]
"""Each kind with each of its fields."""

_ACTIVATION_OPTIONS = (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION)

_SIZES = [(layer, attribute) for layer in LAYERS for attribute in layer.sizes.attributes]
"""Each kind with each of its sizes."""


class KindRow(NamedTuple):
    """A kind, or a field of a kind.

    Attributes:
        kind: the kind; None for a word that belongs to no kind.
        field: the field; None in the row of the kind itself.
        form: how it is written, with capital letters for values.
        means: what it does.
        keras: the class or argument of Keras; None if there is none.
        torch: the class, argument or method of PyTorch; None if there is none.
    """

    kind: str | None
    field: str | None
    form: str | None
    means: str
    keras: str | None
    torch: str | None


@dataclass(frozen=True, repr=False)
class Entry(Result):
    """The entry about a word, or about the whole language.

    Attributes:
        word: the word as it is written in a spec; empty for the language.
        means: what it does.
        facts: the frameworks' terms for it, the kinds that accept it, an example.
        fields: for a kind, each of its fields and what it does.
        explained: for a kind, the explanation of a network that ends with such a layer.
        table: one row for each kind and field that the entry covers.
    """

    word: str
    means: str
    facts: tuple[Remark, ...] = ()
    fields: tuple[Remark, ...] = ()
    explained: Explanation | None = None
    table: tuple[KindRow, ...] = ()

    @property
    def title(self) -> str:
        """The word."""
        return self.word or self.means

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as plain data, as `--format json` prints them."""
        return [row._asdict() for row in self.table]


# Kinds


def _rows_of_kind(layer: type[Layer]) -> Iterator[KindRow]:
    theirs = layer.torch if layer.shown else None
    yield KindRow(layer.kind, None, _form(layer), layer.means, layer.keras, theirs)
    yield from (_row_of_option(layer, option) for option in layer.options)
    yield from _row_of_count(layer)


def _row_of_option(layer: type[Layer], option: Option) -> KindRow:
    theirs = (argument_form(layer, option, framework) or None for framework in FRAMEWORKS)
    return KindRow(layer.kind, option.key, option.form, option.means, *theirs)


def _row_of_count(layer: type[Layer]) -> Iterator[KindRow]:
    """Yield the row of the repeat count, if such layers can be stacked."""
    one = Network.parse(_example(layer)).layers[-1]
    if layer.reads == "either" or (
        layer.reads == "sequence" and (one.returning("sequence") or one).returns == "sequence"
    ):
        theirs = f"{STACKED}=3" if layer.states else None
        yield KindRow(layer.kind, _COUNT, _COUNT, "three such layers, stacked", None, theirs)


def _form(layer: type[Layer]) -> str:
    numbers = "".join(f"[:{option.key}]" for option in layer.options if _is_bare(option))
    return (f"{layer.kind}:{layer.sizes.form}" if layer.sizes.form else layer.kind) + numbers


def _is_bare(option: Option) -> bool:
    """Return whether an option is just a number, shown with its kind."""
    return isinstance(option, Whole) and not option.keyed


def _example(layer: type[Layer], field: str = "") -> str:
    size = f":{layer.sizes.example}" if layer.sizes.required else ""
    before = {"input": "", "vector": "input:8,rnn:16,"}.get(layer.reads, "input:8,")
    below = "input:10x8," if layer.needs_length else before
    return f"{below}{layer.kind}{size}{field and f':{field}'}"


def _kind_entry(name: str) -> Entry:
    layer = CLASSES[name]
    spec, rows = _example(layer), tuple(_rows_of_kind(layer))
    explained = explain(spec)
    fields = []
    for row in rows[1:]:
        theirs = "; ".join(f"{note.topic}: {note.text}" for note in _in_frameworks([row]))
        fields.append(Remark(str(row.form), f"{row.means}. {theirs}" if theirs else row.means))
    facts = (*_facts_of_kind(layer), _returns(explained.summary))
    return Entry(_form(layer), layer.means, facts, tuple(fields), explained, rows)


def _facts_of_kind(layer: type[Layer]) -> Iterator[Remark]:
    if layer.aliases:
        yield Remark("Also", listed(layer.aliases, "or"))
    yield Remark("Keras", layer.keras)
    if layer.shown:
        yield Remark("PyTorch", layer.torch if layer.torch.startswith("Tensor.") else f"nn.{layer.torch}")
    symbols = re.findall("[A-Z]+", layer.sizes.form)
    for symbol, attribute in zip(symbols, layer.sizes.attributes, strict=False):
        theirs = argument_name(layer, attribute, "torch")
        yield Remark(symbol, attribute + (f"; PyTorch: {theirs}" if theirs else ""))
    yield Remark("Reads", _READS[layer.reads])


def _returns(summary: Summary) -> Remark:
    """Return the shapes of an example, and of its variant that returns a sequence if there is one."""
    if not summary.layers:
        return Remark("Returns", f"{summary.spec} is {shape_text(summary.output_shape)}")
    row = summary.layers[-1]
    text = f"{summary.spec} returns {shape_text(row.output_shape)} for {shape_text(row.input_shape)}"
    sequence = row.layer.returning("sequence") if row.layer.returns == "vector" else None
    if sequence is not None:
        seq = in_both(type(sequence), "return_sequences", True)
        text += f", with {seq} {shape_text(sequence.output_shape(row.input_shape))}"
    return Remark("Returns", text)


# Fields


def _options_of(word: str) -> list[tuple[type[Layer], Option]]:
    """Return the options that a word may mean, with the kinds that have them."""
    return [
        (layer, option)
        for layer, option in _OPTIONS
        if word.lower() in (option.key.lower(), option.attribute)
        or option.attribute == attribute_of(layer, word)
        or word.lower() in _value_words(option)
    ]


def _value_words(option: Option) -> list[str]:
    """Return the values of a field that are words: `causal`."""
    values = option.values if isinstance(option, Choice) and option.symbol is None else ()
    return [value.lower() for value in values if value.isalpha()]


def _argument_words(attributes: Sequence[str]) -> list[str]:
    """Return the frameworks' arguments for some attributes."""
    return list(dict.fromkeys([*attributes, *(name for name, ours in PYTORCH_NAMES.items() if ours in attributes)]))


def _field_entry(word: str) -> Entry:
    found = _options_of(word)
    layer, option = found[0]
    rows = tuple(_row_of_option(*each) for each in found)
    facts = [*_in_frameworks(rows), Remark("Kinds", ", ".join(str(row.kind) for row in rows))]
    if isinstance(option, Choice):
        both = [in_both(layer, option.attribute, value) for value in option.values.values()]
        facts.append(Remark("Values", ", ".join(option.values if option.symbol else both)))
        facts += [Remark(name, _effect(layer, option, name, effect)) for name, effect in option.effects.items()]
    facts.append(Remark("Example", _difference(found[-1][0] if option is ACTIVATION_OPTION else layer, option)))
    if own := KINDS.get(option.key):
        facts.append(Remark("Layer", f"{_form(own)}, {own.means}. Keras: {own.keras}; PyTorch: nn.{own.torch}"))
    return Entry(option.form, option.means, tuple(facts), table=rows)


def _in_frameworks(rows: Sequence[KindRow]) -> Iterator[Remark]:
    """Yield the frameworks' terms for some rows, merged if they are the same for all kinds."""
    for framework, name in FRAMEWORK_NAMES.items():
        kinds: dict[str, list[str]] = {}
        for row in rows:
            kinds.setdefault(getattr(row, framework) or "", []).append(str(row.kind))
        texts = [word if len(kinds) == 1 else f"{word} ({', '.join(some)})" for word, some in kinds.items() if word]
        if texts:
            yield Remark(name, "; ".join(texts))


def _difference(layer: type[Layer], option: Option) -> str:
    """Return an example with a field: its output and parameters, and those without the field."""
    fields = option.short_fields() or option.fields()
    field = next(text for text, value in fields.items() if value != layer.default(option.attribute))
    summaries = [Network.parse(_example(layer, each)).summary() for each in (field, "")]
    there, without = (
        f"returns {shape_text(each.output_shape)} and has {each.total_params:,} parameters" for each in summaries
    )
    text = f"{summaries[0].spec} {there}"
    return f"{text}, the same as without it" if there == without else f"{text}; without it {without}"


def _effect(layer: type[Layer], option: Choice, name: str, effect: str) -> str:
    """Return the effect of a field's value, the output of an example, and whether PyTorch has it."""
    network = Network.parse(_example(layer, f"{option.key}={name}"))
    unlike = "; not in PyTorch" if network.layers[-1].conflict("torch") else ""
    return f"{effect}: {network} returns {shape_text(network.summary().output_shape)}{unlike}"


def _size_entry(word: str) -> Entry:
    rows = tuple(
        KindRow(layer.kind, size, _form(layer), "a size", size, argument_name(layer, size, "torch"))
        for layer, size in _SIZES
        if attribute_of(layer, word) == size
    )
    facts = (*_in_frameworks(rows), Remark("Example", _example(KINDS[str(rows[0].kind)])))
    return Entry(
        word, f"a size, written after the colon: {', '.join(str(row.form) for row in rows)}", facts, table=rows
    )


# Activations, and terms that are not part of a spec


def _activation_entry(word: str) -> Entry:
    name = OTHER_NAMES.get(word, word)
    means, bounds = f"f(x) = {ACTIVATIONS[name].formula}", ACTIVATIONS[name].bounds
    rows: list[KindRow] = []
    for layer, option in _OPTIONS:
        if option in _ACTIVATION_OPTIONS:
            arguments = (argument(layer, option.attribute, name, framework) for framework in FRAMEWORKS)
            rows.append(KindRow(layer.kind, name, f"{option.lead}{name}", means, *arguments))
    others = [other for other, ours in OTHER_NAMES.items() if ours == name]
    facts = [Remark("Elsewhere", listed(others, "or"))] if others else []
    for option in _ACTIVATION_OPTIONS:
        kinds = [layer for layer in LAYERS if option in layer.options]
        usual = [layer.kind for layer in kinds if layer.default(option.attribute) == name]
        default = f"; the default for {listed(usual)}" if usual else ""
        of, both = listed([layer.kind for layer in kinds]), in_both(kinds[0], option.attribute, name)
        facts.append(Remark(option.key, f"{option.means}, for {of}: {both}{default}"))
    if bounds is not None:
        facts.append(Remark("Range", f"{bounds[0]:g} to {bounds[1]:g}"))
    if name in Activation.sizes.words:
        alone, theirs = f"{Activation.kind}:{name}", ACTIVATIONS[name].torch
        facts.append(Remark("Alone", f"{alone}, as in input:8,lstm:32,{alone}. PyTorch: nn.{theirs}"))
    facts.append(Remark("Example", f"input:8,dense:32:{name}"))
    return Entry(name, means, tuple(facts), table=tuple(rows))


def _term_entry(word: str) -> Entry:
    topic = TERMS[word]
    counts = [row for layer in LAYERS for row in _row_of_count(layer)] if _COUNT in topic.names else []
    rows = counts or [KindRow(None, word, None, topic.means, None, None)]
    return Entry(_COUNT if counts else word, topic.means, tuple(topic.facts()), table=tuple(rows))


def _message_entry(typed: str) -> Entry:
    said = framework_message(typed)
    assert said is not None
    word, facts = "error message", (Remark("Help", said.advice), Remark("Example", f"rnncli summary {said.example}"))
    return Entry(word, said.means, facts, table=(KindRow(None, word, None, said.means, None, None),))


# Lookup


_FIELDS = list(dict.fromkeys(option.key.lower() for _, option in _OPTIONS))
"""The words that start a field."""

_ARGUMENTS = _argument_words([option.attribute for _, option in _OPTIONS])
"""The frameworks' arguments for fields."""

_MEANT = {"vocab": "vocab_size", "dim": "embedding_dim", "steps": "timesteps", "output": "units"}
"""The word for what a setting means, if it is another one."""

_SETTINGS = {name: _MEANT.get(each, each) for name, each in SETTINGS.items() if "_" in name and each != "kind"}
"""The word for each name of a size in configurations and papers."""

_SORTS: Mapping[str, tuple[Collection[str], Callable[[str], Entry]]] = {
    "field": (_FIELDS, _field_entry),
    "kind": ([name for name in CLASSES if name not in _ARGUMENTS], _kind_entry),
    "activation": ((*ACTIVATIONS, *OTHER_NAMES), _activation_entry),
    "argument": (_ARGUMENTS, _field_entry),
    "value": ([word for _, option in _OPTIONS for word in _value_words(option)], _field_entry),
    "size": (_argument_words([size for _, size in _SIZES]), _size_entry),
    "topic": (TOPIC_OF, _term_entry),
    "elsewhere": (FRAMEWORK_WORDS, _term_entry),
    "setting": (_SETTINGS, lambda word: look_up(_SETTINGS[word])),
    "message": ((), _message_entry),
}
"""The sorts of words: the words of each and the function that builds an entry; the first match wins."""

A_WORD = "`layers` explains it"
"""The offer for a word that is used in the wrong place."""


def look_up(word: str | None = None) -> Entry:
    """Return the entry about a word: `lstm`, `nn.GRU`, `seq`, `return_sequences`, `reset=before`, `tanh`, `h_n`.

    Without a word, the entry is about the language: all kinds, their fields, and how numbers are written.

    Raises:
        UsageError: the word is neither part of the language nor a known term of a framework.
        ArgumentError: the word is not a string.
    """
    if word is None:
        return Entry("", "the spec language", table=tuple(row for layer in LAYERS for row in _rows_of_kind(layer)))
    check_text("a word", word, "lstm")
    name, known = sort_of(word)
    entry = _SORTS[name][1](known)
    if known not in TOPIC_OF or name == "topic":
        return entry
    topic = TOPIC_OF[known]
    return replace(entry, facts=(*entry.facts, Remark(topic.names[0], topic.means), *topic.facts()))


def kinds_in_short() -> Iterator[Remark]:
    """Yield how each kind is written and what it does."""
    for layer in LAYERS:
        yield Remark(_form(layer), layer.means + (f" (or {', '.join(layer.aliases)})" if layer.aliases else ""))


def fields_in_short() -> Iterator[Remark]:
    """Yield how each field is written, what it does and which kinds accept it."""
    recurrent = [layer.kind for layer in LAYERS if layer.states]
    fields: dict[tuple[str, str], list[str]] = {}
    for layer, option in _OPTIONS:
        if not _is_bare(option):
            fields.setdefault((option.form, option.means), []).append(layer.kind)
    for (form, means), kinds in fields.items():
        rest = [kind for kind in kinds if kind not in recurrent]
        of = ["recurrent", *rest] if set(recurrent) <= set(kinds) else kinds
        yield Remark(form, f"{means} ({', '.join(of)})")
    yield Remark(_COUNT, "repeat the layer three times (any but the first)")


def is_word(typed: str) -> bool:
    """Return whether there is an entry about a word as it is spelt."""
    return _known(typed) is not None


def _word(typed: str) -> str:
    return re.split(r"[(=\[]", typed.strip(" .?#").lower().rpartition(".")[2])[0].strip()


def _known(typed: str) -> tuple[str, str] | None:
    """Return the sort of a word, or else of a plural, and its known spelling; None if there is no entry about it."""
    pasted = [("topic", topic) for topic, pattern in PASTED.items() if re.search(pattern, typed)]
    word = _word(typed)
    spellings = (word, re.sub("[- ]", "_", word), re.sub("[-_ ]", "", word))
    every = ((each.removesuffix(end), sort) for end in ("", "s") for sort in _SORTS for each in spellings)
    return pasted[0] if pasted else next(((sort, each) for each, sort in every if each in _SORTS[sort][0]), None)


def sort_of(typed: str) -> tuple[str, str]:
    """Return the sort of a word, such as `kind`, and the known spelling; for an error message, its topic or its text.

    Raises:
        UsageError: as above.
    """
    if (found := _known(typed)) is not None:
        return found
    if (said := framework_message(typed)) is not None:
        if said.what == ERROR_MESSAGE:
            return "message", typed
        raise UsageError(said.means, said.advice, lead="for example", repair=f"rnncli summary {said.example}")
    if re.search("[,:]", typed) and not re.search("[a-z] [a-z]", typed):
        message = f"{quote(typed)} is a spec or part of one, not a word"
        try:
            Network.parse(typed)
        except SpecError:
            first = re.split("[,:]", typed.strip())[0]
            repair = f"rnncli layers {first}" if is_word(first) else ""
        else:
            repair = f"rnncli explain {shlex.quote(typed)}"
    else:
        message = f"there is no kind, field or activation {quote(typed)}"
        every = list(dict.fromkeys(each for known, _ in _SORTS.values() for each in known))
        guess = closest(_word(typed), every, likeness=0.72) if len(typed) < 40 else None
        texts = re.findall(r"[\w-]{3,}", typed)[:20] if " " in typed else []
        runs = (texts[at : at + size] for size in range(len(texts), 0, -1) for at in range(len(texts) - size + 1))
        guess = next((shlex.quote(" ".join(each)) for each in runs if _known(" ".join(each))), guess)
        repair = f"rnncli layers {guess}" if guess else ""
    raise UsageError(message, None if repair else "`rnncli layers` lists them all", repair=repair or None)


def words() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the words of the language and those of the frameworks, each with a short meaning."""
    fields, arguments = ([(word, _options_of(word)[0][1].means) for word in some] for some in (_FIELDS, _ARGUMENTS))
    ours = [*((layer.kind, layer.means) for layer in LAYERS), *fields]
    ours += [(name, activation.formula) for name, activation in ACTIVATIONS.items()]
    classes = [(name, layer.means) for name, layer in CLASSES.items() if name.replace("_", "").isalnum()]
    own = dict(ours)
    theirs = dict([*classes, *arguments, *((word, topic.means) for word, topic in TERMS.items())])
    return ours, [each for each in theirs.items() if each[0] not in own]
