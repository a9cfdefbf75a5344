"""Terms that people look up but that are not part of a spec: `macs`, `memory`, `gates`, `reach`, `ndim`, `h_n`, `init`.

Each has a text, in which braces are filled in from an example network: its explanation, its summary and the formulas of
its sizes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby

from rnncli.errors import listed
from rnncli.immutable import NamedTuple
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.layers import LAYERS, LSTM, Embedding, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION
from rnncli.layers.base import Remark
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, starts_text
from rnncli.layers.words import in_both
from rnncli.network import Network
from rnncli.network_summary import DTYPE_BYTES
from rnncli.quantities import figure_text, shape_text
from rnncli.reports.explanation import explain, sizes
from rnncli.search.budget import FIGURES
from rnncli.system import package_text

_EXAMPLES = {layer.kind: f"input:8,{layer.kind}:16" for layer in LAYERS if layer.states}
_SPEC = _EXAMPLES["lstm"]
_TIMESTEPS = 100

_FIELDS: Mapping[str, tuple[type[Layer], str]] = {"seq": (LSTM, "return_sequences"), "mask": (Embedding, "mask_zero")}
"""The names in braces that become a field in both spellings: `seq (return_sequences=True)`."""

PASTED = {
    "ndim": r"ndim ?=|Expected input to be \d?D|is incompatible with the layer\W*$",
    "h_n": r"Expected hidden(\[\d\])? size",
}
"""The topic of an error message of Keras or PyTorch: what to search for in it."""


class Topic(NamedTuple):
    """A term that people look up.

    Attributes:
        names: its names, the usual one first.
        means: its definition.
        notes: the notes about it, as written in `topics.txt`.
    """

    names: tuple[str, ...]
    means: str
    notes: tuple[str, ...]

    def facts(self) -> Iterator[Remark]:
        """Yield the notes, with everything in braces filled in."""
        for note in self.notes:
            topic, _, text = note.partition(": ")
            if text:
                yield Remark(topic, re.sub("{(.+?)}", partial(_word, text), text))
            else:
                yield from _FACTS[note.strip("{}")]()


def _parsed(text: str) -> Iterator[Topic]:
    """Yield the topics of a text: the names of each, the usual one first; after =, its definition; then its notes."""
    for topic in text.strip().replace("\n  ", " ").split("\n\n"):
        names, means, *notes = topic.splitlines()
        texts = tuple(note.removeprefix("- ") for note in notes)
        yield Topic(tuple(names.split(", ")), means.removeprefix("= "), texts)


def _word(text: str, name: re.Match[str]) -> str:
    """Return the text for a name in braces within a text, which is about the spec in it."""
    word = name[1]
    if word in _FIELDS:
        return in_both(*_FIELDS[word], True)
    spec = re.search(r"\w+:\d\S*", text)
    assert spec is not None
    network = Network.parse(spec[0])
    if word == "formula":
        formula = explain(network).layers[-1].total
        assert formula is not None
        return f"{formula.words} = {formula.value:,}"
    for framework in FRAMEWORKS:
        if word == framework:
            weights = network.summary(framework=framework).layers[-1].weights
            return listed([f"{weight.name} {shape_text(weight.shape)}" for weight in weights])
    if word in DTYPE_BYTES:
        return figure_text("total_bytes", network.summary(dtype=word).total_bytes)
    value = getattr(network.summary(timesteps=_TIMESTEPS if word == "macs" else None), word)
    return shape_text(value) if isinstance(value, tuple) else f"{value:,}"


def _of_size(key: str, option: str) -> Iterator[Remark]:
    """Yield the notes about a size, given its JSON key and the option that limits it."""
    for each, size, note in sizes(Network.parse(_SPEC).summary(1, _TIMESTEPS)):
        if each == key:
            text = f"{size.words} = {size.numbers} = {figure_text(key, size.value)}"
            yield Remark("Formula", f"{text}, in {_SPEC} with {_TIMESTEPS} timesteps{note and f': {note}'}")
    dtype = "" if key == "training_bytes" else " --dtype int8"  # training is not done in int8
    yield Remark("Shown", f"rnncli summary SPEC --wide --batch N --timesteps N{dtype}")
    yield Remark("Limit", f"--{option} SIZE in sweep and solve")


def _of_gates() -> Iterator[Remark]:
    for kind in ("lstm", "gru"):
        gates = [each for each in explain(Network.parse(_EXAMPLES[kind])).layers[-1].equations if " gate" in each.means]
        yield Remark(kind, "; ".join(f"{each.text.partition('_')[0]}, {each.means}" for each in gates))


def _of_starts() -> Iterator[Remark]:
    for framework in FRAMEWORKS:
        weights = {kind: list(Network.parse(spec).weights(framework))[-1] for kind, spec in _EXAMPLES.items()}
        starts = {kind: starts_text(each) for kind, each in weights.items()}
        for text, kinds in groupby(starts, key=starts.__getitem__):
            yield Remark(FRAMEWORK_NAMES[framework], f"{listed(list(kinds))}: {text}")


def _of_activations() -> Iterator[Remark]:
    for option in (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION):
        kinds = [layer for layer in LAYERS if option in layer.options]
        by_default = groupby(kinds, key=lambda layer: layer.default(option.attribute))
        usual = [f"{name} for {listed([layer.kind for layer in some])}" for name, some in by_default]
        yield Remark(option.form, f"{option.means}; by default {', '.join(usual)}")
    yield from (Remark(name, activation.formula) for name, activation in ACTIVATIONS.items())


_FACTS: Mapping[str, Callable[[], Iterator[Remark]]] = {
    "flops": lambda: TOPIC_OF["macs"].facts(),
    **{figure.key: partial(_of_size, figure.key, figure.name) for figure in FIGURES if figure.in_bytes},
    "gates": _of_gates,
    "starts": _of_starts,
    "activations": _of_activations,
}
"""The notes for a name in braces that is a line of its own in `topics.txt`."""

TOPICS = tuple(_parsed(package_text("reports/topics.txt")))
"""All topics."""

TOPIC_OF: Mapping[str, Topic] = {name: topic for topic in TOPICS for name in topic.names}
"""Each topic by each of its names."""

TERMS: Mapping[str, Topic] = {
    **{word: Topic((word,), text, ()) for word, text in FRAMEWORK_WORDS.items()},
    **TOPIC_OF,
}
"""Each term by each of its names: the topics, and words of the frameworks, which have no notes."""
