"""Templates: specs with blanks in place of some numbers, `_` or with a name, `_a`; also written as calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.language.layer_parser import Written
from rnncli.language.rules import check_framework, check_rules, check_timesteps, frameworks_of
from rnncli.language.source import Token, splice, without_spaces
from rnncli.layers.sizes import BLANK_TEXT, Blank, Numbers
from rnncli.layers.weights import Framework
from rnncli.network import Network, check_text
from rnncli.quantities import MAX_SIZE

TEMPLATE_EXAMPLE = f"embed:10000x{BLANK_TEXT},lstm:{BLANK_TEXT}"
"""A template that works."""


@dataclass(frozen=True)
class Template:
    """A spec with blanks; those of one name get the same number.

    Attributes:
        text: the template as typed.
        written: its layers, with a `Blank` where one stands.
    """

    text: str
    written: tuple[Written, ...]

    @classmethod
    def parse(cls, text: str, framework: Framework | None = None, timesteps: int | None = None) -> Template:
        """Return a text as a template.

        Args:
            text: the text.
            framework: the framework that must be able to express the networks; None for any.
            timesteps: the length of the sequence, or None for unknown.

        Raises:
            SpecError: it has no blank, or is not a network with any number; the repair is another template.
            ArgumentError: `text` is no text.
        """
        check_text("a template", text, TEMPLATE_EXAMPLE)
        try:
            template = cls._parse(text, framework)
        except SpecError as error:
            from rnncli.language.mend import mended  # only an error needs it

            def check(repair: str) -> None:
                cls._parse(repair, framework)._check_timesteps(timesteps)

            raise mended(error, check, TEMPLATE_EXAMPLE, blanks=True) from None
        template._check_timesteps(timesteps)
        return template

    def _check_timesteps(self, timesteps: int | None) -> None:
        check_timesteps(*spec.unfolded(self.text, self.written), timesteps)

    @classmethod
    def _parse(cls, text: str, framework: Framework | None) -> Template:
        written = tuple(spec.read(text, blanks=True))
        layers, source = spec.unfolded(text, written)
        check_rules(layers, source)
        if framework is not None:
            check_framework(layers, source, framework, "--framework")
        has_blank = any(each.blanks for each in written)
        if len(layers) == 1 and not layers[0].shown:
            raise SpecError(
                f"{text.strip()} is an input without layers: it has no parameters, whatever its size",
                text=text,
                span=(0, len(text)),
                advice="let a layer read it",
                repair=without_spaces(f"{text},{'rnn:32' if has_blank else f'rnn:{BLANK_TEXT}'}"),
            )
        if not has_blank:
            raise SpecError(
                f"the template has no blank: {BLANK_TEXT} in place of a number",
                text=text,
                span=(0, len(text)),
                advice="put one",
                repair=without_spaces(_with_blank(text, written)),
            )
        return cls(text, written)

    @cached_property
    def blanks(self) -> tuple[Blank, ...]:
        """The numbers to be found, in the order in which they occur first."""
        return tuple(dict.fromkeys(blank for each in self.written for blank, _ in each.blanks))

    @property
    def framework(self) -> Framework:
        """Whose weights are counted where nobody says it: Keras's, if it can express the networks."""
        return frameworks_of([each.layer for each in self.written])[0]

    @cached_property
    def counts(self) -> frozenset[Blank]:
        """Those of them that say how often a layer is repeated, there or elsewhere."""
        return frozenset(each.times for each in self.written if isinstance(each.times, Blank))

    def fill(self, numbers: Mapping[Blank, int]) -> str:
        """Return the spec with numbers in its blanks, without spaces, so that it can be pasted into a shell."""
        text = self.text
        for blank, token in reversed([place for each in self.written for place in each.blanks]):
            text = splice(text, token, str(numbers[blank]))
        return without_spaces(text)

    def network(self, numbers: Mapping[Blank, int]) -> Network | None:
        """Return the network with numbers in its blanks, or None where a spec cannot have such numbers."""
        if max(numbers.values()) > MAX_SIZE:
            return None
        try:
            return Network(*spec.unfolded(self.fill(numbers), self.filled(numbers)))
        except SpecError:
            return None

    def filled(self, numbers: Mapping[Blank, Any]) -> list[Written]:
        """Return the layers with numbers, or symbols, in their blanks."""
        filled = []
        for each in self.written:
            layer, times = each.layer, each.times
            for blank, _ in each.blanks:
                layer = layer.with_size(blank, numbers[blank])
            filled.append(each._replace(layer=layer, times=numbers[times] if isinstance(times, Blank) else times))
        return filled

    def relaxed(self) -> Iterator[Template]:
        """Yield templates of almost the same form: without biases, and with one number more left open."""
        tokens = Token(self.text, 0).split(",")
        plain = [
            f"{token.text}:nobias" if getattr(each.layer, "use_bias", False) else token.text
            for token, each in zip(tokens, self.written, strict=True)
        ]
        fields = [each.size for each in self.written if each.size and isinstance(each.layer.sizes, Numbers)]
        numbers = [(field, number) for field in fields for number in re.finditer("[0-9]+", field.text)]
        blank = f"{BLANK_TEXT}{'b' if Blank('a') in self.blanks else 'a'}"
        opened = [splice(self.text, Token(number[0], field.start + number.start()), blank) for field, number in numbers]
        for text in (",".join(plain), *(opened if len(self.blanks) == 1 else ())):
            with suppress(SpecError):  # the number names a blank, say
                yield self._parse(text, None)

    def shortens(self, blank: Blank) -> bool:
        """Whether a sequence gets shorter, the larger the number for a blank is: some costs do not grow with it."""
        return any(
            blank in [each.layer.numbers[name] for name in each.layer.shortening]
            or (each.times == blank and not each.layer.keeps_length)
            for each in self.written
        )


def _with_blank(text: str, written: tuple[Written, ...]) -> str:
    """Return a spec with a blank in place of its last number, that of the last layer that has numbers."""
    sizes = [each.size for each in written if isinstance(each.layer.sizes, Numbers) and each.size is not None]
    if not sizes:
        return TEMPLATE_EXAMPLE
    *_, last = sizes[-1].text.lower().rpartition("x")
    number = Token(last, sizes[-1].end - len(last))
    return splice(text, number, BLANK_TEXT)
