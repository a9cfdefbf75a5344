"""A layer that a call of Keras or PyTorch makes, on its way to a layer of a spec."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from rnncli.language.arguments import STACKED, Value, field_of
from rnncli.layers import Dropout, Layer

MOST_LEVELS = 1000
"""The most levels of a stack that dropout is written between."""


@dataclass(frozen=True)
class Called:
    """A layer that a call makes.

    Attributes:
        cls: its kind.
        sizes: its sizes by attribute.
        fields: its other fields by attribute.
        reads: the size of the input that it says it reads, as a field; may be empty.
        left_out: the arguments that the language has no words for.
        torch: whether the class is PyTorch's.
        dropout: the share that PyTorch's class drops between the levels of a stack, as it is written; may be empty.
        guessed: whether it has fewer arguments than its class takes.
        timeless: the shape that it says it reads, if that has no timesteps.
        steps: what says how many timesteps that has, if it is no number.
        each_step: whether it stands in a TimeDistributed, which takes a sequence alone.
        node: the call.
        span: where it stands in the text.
    """

    cls: type[Layer]
    sizes: dict[str, Value] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    reads: str = ""
    left_out: tuple[str, ...] = ()
    torch: bool = False
    dropout: str = ""
    guessed: bool = False
    timeless: str = ""
    steps: str = ""
    each_step: bool = False
    node: ast.Call | None = None
    span: tuple[int, int] = (0, 0)

    def levels(self) -> list[Called]:
        """Return the layers of a stack, all but the last of which return their sequences, as they do in PyTorch."""
        count = self.fields.get(STACKED, "")[1:]
        if not count.isdigit() or int(count) < 2:
            return [self]
        last = replace(self, fields={key: value for key, value in self.fields.items() if key != STACKED}, dropout="")
        first = last.returning_sequence()
        if self.dropout:
            between = Called(Dropout, {"rate": self.dropout}, node=self.node, span=self.span)
            inner = replace(first, reads="", left_out=())
            last = replace(last, reads="", left_out=())
            return [first, between, *[inner, between] * (int(count) - 2), last]
        if int(count) > 2:
            first = replace(first, fields={**first.fields, STACKED: f"x{int(count) - 1}"})
        return [first, replace(last, reads="", left_out=())]

    def without_dropout(self) -> Called:
        """Return the same layer with its dropout among what is left out."""
        words = (f"dropout={self.dropout}",) if self.dropout else ()
        return replace(self, dropout="", left_out=(*self.left_out, *words))

    def returning_sequence(self) -> Called:
        """Return the same layer with its whole sequence for its output."""
        text = field_of(self.cls, "return_sequences", True)
        return replace(self, fields={**self.fields, **({"return_sequences": text} if text else {})})

    def __str__(self) -> str:
        numbers = [self.sizes[name] for name in self.cls.sizes.attributes if self.sizes.get(name) is not None]
        order = [*(option.attribute for option in self.cls.options), STACKED]
        fields = [self.fields[name] for name in order if self.fields.get(name)]
        return ":".join([self.cls.kind, *(["x".join(map(str, numbers))] if numbers else []), *fields])
