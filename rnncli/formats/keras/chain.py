"""A row of Keras's layers in the making: what fits behind what, and what runs otherwise here than in Keras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rnncli.formats.keras.config import computed_in, config_of
from rnncli.formats.keras.graph import Call, CallKey
from rnncli.formats.keras.words import Word
from rnncli.layers import Dense, Dropout, Embedding, Layer


class Link(NamedTuple):
    """A layer of a chain, and where it comes from.

    Attributes:
        call: the call of Keras's layer.
        number: which of its words the layer is.
        word: the word.
        layer: the layer, with what the layers behind it say of it.
    """

    call: Call
    number: int
    word: Word
    layer: Layer


@dataclass
class Chain:
    """A row of layers.

    Attributes:
        links: the layers.
        assumed: what they do otherwise here, a sentence each.
        differs: for what they are not run, with the names of the layers.
        keys: the calls that they are.
        sequence: whether the last of them returns a sequence.
        recurrent: whether one of them loops over time.
    """

    links: list[Link] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    differs: dict[str, list[str]] = field(default_factory=dict)
    keys: list[CallKey] = field(default_factory=list)
    sequence: bool = True
    recurrent: bool = False

    @property
    def masked(self) -> bool:
        """Whether its ids are masked."""
        first = self.links[0].layer if self.links else None
        return isinstance(first, Embedding) and first.mask_zero

    def take(self, key: CallKey, call: Call, words: tuple[Word, ...]) -> bool:
        """Add a layer, and return whether it fits behind those before it; one that does not is not added."""
        for number, word in enumerate(words):
            if word.axis is not None and word.axis != (2 if self.sequence else 1):
                return False
            if word.activation is not None:
                last = self.links[-1] if self.links else None
                if last is None or not isinstance(last.layer, Dense) or last.layer.activation != "linear":
                    return False
                layer = Dense(last.layer.units, last.layer.use_bias, activation=word.activation)
                self.links[-1] = last._replace(layer=layer)
            if word.layer is not None:
                if word.layer.reads == "vector" and self.sequence and not self.recurrent:
                    return False
                self.links.append(Link(call, number, word, word.layer))
                self.recurrent = self.recurrent or bool(word.layer.states)
                self.sequence = self.sequence if word.layer.returns == "same" else word.layer.returns == "sequence"
        self.assumed += self._otherwise(call, words)
        for text in {text: None for word in words for text in word.differs}:
            self.differs.setdefault(text, []).append(call.name)
        self.keys.append(key)
        return True

    def _otherwise(self, call: Call, words: tuple[Word, ...]) -> Iterator[str]:
        """Yield what a layer does otherwise here than in Keras."""
        config = config_of(call.entry)
        for word in words:
            yield from (f"{call.name} {text}" for text in word.assumed)
        if call.given_state:
            yield f"{call.name} starts from a state that another layer gives it; here it starts from zero"
        if call.masked and not self.masked:
            yield f"{call.name} is given a mask; here no timestep is padding"
        if call.masked is False and words[0].layer is not None and words[0].layer.states and self.masked:
            yield f"{call.name} is given no mask, though ids are masked; here it skips padding"
        if self.masked and any(word.zeros for word in words):
            yield f"{call.name} returns zeros for padding (zero_output_for_mask); here it returns its output before"
        drops = any(isinstance(word.layer, Dropout) for word in words) or config.get("dropout")
        if call.training and (drops or config.get("recurrent_dropout")):
            yield f"{call.name} is called as in training, with dropout; here nothing is dropped"
        if (dtype := computed_in(call.entry)) is not None:
            yield f"Keras computes in {dtype}, which has fewer digits than rnncli's float32"
