"""The words of the spec language as rows: each kind, and each field of it, with what the frameworks call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rnncli.language.arguments import CLASSES, STACKED, attribute_of
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.layers import LAYERS, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION, OTHER_NAMES
from rnncli.layers.options import Option
from rnncli.layers.words import argument, argument_form, argument_name
from rnncli.reports.reference import sort_of
from rnncli.reports.reference_entries import COUNT, may_repeat, options_of, torch_class
from rnncli.reports.topics import TOPIC_OF


class Row(NamedTuple):
    """A kind, or a field of a kind.

    Attributes:
        kind: the kind; None of a word that is none of any.
        field: the field; None in the row of the kind itself.
        form: how it is written, capital letters standing for what is put in.
        means: what it does.
        keras: Keras's class, or its argument; None if it has none.
        torch: PyTorch's, or how it is said there.
    """

    kind: str | None
    field: str | None
    form: str | None
    means: str
    keras: str | None
    torch: str | None


def rows(typed: str | None) -> list[Row]:
    """Return the rows of a word, or those of all kinds.

    Raises:
        UsageError: it is no word of the language, and of no framework as far as is known.
    """
    if typed is None:
        return [row for layer in LAYERS for row in _of_kind(layer)]
    sort, word = sort_of(typed)
    return list(_ROWS[sort](word))


def _of_kind(layer: type[Layer]) -> Iterator[Row]:
    form = f"{layer.kind}:{layer.sizes.form}" if layer.sizes.form else layer.kind
    yield Row(layer.kind, None, form, layer.means, layer.keras, torch_class(layer))
    yield from (_of_option(layer, option) for option in layer.options)
    yield from _of_count(layer)


def _of_option(layer: type[Layer], option: Option) -> Row:
    theirs = argument_form(layer, option, "torch") or None
    return Row(layer.kind, option.lead.rstrip("="), option.form, option.means, argument_form(layer, option), theirs)


def _of_count(layer: type[Layer]) -> Iterator[Row]:
    if may_repeat(layer):
        theirs = f"{STACKED}=3" if layer.states else None
        yield Row(layer.kind, COUNT, COUNT, "three such layers, one above the other", None, theirs)


def _of_activation(word: str) -> Iterator[Row]:
    name = OTHER_NAMES.get(word, word)
    for layer in LAYERS:
        for option in layer.options:
            if option in (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION):
                ours, theirs = (argument(layer, option.attribute, name, each) for each in ("keras", "torch"))
                form = f"{option.lead}{name}"
                yield Row(layer.kind, name, form, f"f(x) = {ACTIVATIONS[name].formula}", ours, theirs)


def _of_size(word: str) -> Iterator[Row]:
    for layer in LAYERS:
        attribute = attribute_of(layer, word)
        if attribute in layer.sizes.attributes:
            theirs = argument_name(layer, attribute, "torch")
            yield Row(layer.kind, attribute, f"{layer.kind}:{layer.sizes.form}", "a size", attribute, theirs)


def _of_field(word: str) -> Iterator[Row]:
    yield from (_of_option(layer, option) for layer, option in options_of(word))


_ROWS: Mapping[str, Callable[[str], Iterator[Row]]] = {
    "kind": lambda word: _of_kind(CLASSES[word]),
    "field": _of_field,
    "activation": _of_activation,
    "argument": _of_field,
    "count": lambda word: (row for layer in LAYERS for row in _of_count(layer)),
    "size": _of_size,
    "elsewhere": lambda word: iter([Row(None, word, None, ELSEWHERE[word], None, None)]),
    "topic": lambda word: iter([Row(None, word, None, TOPIC_OF[word].means, None, None)]),
}
"""The rows of a word of each sort."""
