"""Templates: specs with blanks `_` in place of some numbers."""

from __future__ import annotations

from dataclasses import dataclass

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.language.layer_parser import Written
from rnncli.language.repairs import mended
from rnncli.language.rules import check_framework, check_rules, check_timesteps
from rnncli.language.source import Token, splice, without_spaces
from rnncli.layers.size_forms import Numbers
from rnncli.layers.sizes import BLANK, BLANK_TEXT
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE

TEMPLATE_EXAMPLE = f"embed:10000x{BLANK_TEXT},lstm:{BLANK_TEXT}"
"""A template that works."""


@dataclass(frozen=True)
class Template:
    """A spec with blanks, all of which get the same number.

    Attributes:
        text: the template as typed.
        written: its layers, with `BLANK` where a blank stands.
    """

    text: str
    written: tuple[Written, ...]

    @classmethod
    def parse(cls, text: str, framework: Framework = "keras", timesteps: int | None = None) -> Template:
        """Return a text as a template.

        Args:
            text: the text.
            framework: the framework that must be able to express the networks.
            timesteps: the length of the sequence, or None for unknown.

        Raises:
            SpecError: it has no blank, or is not a network with any number; the repair is another template.
        """
        try:
            return cls._parse(text, framework, timesteps)
        except SpecError as error:
            raise mended(error, lambda repair: cls._check(repair, framework, timesteps), TEMPLATE_EXAMPLE) from None

    @classmethod
    def _check(cls, text: str, framework: Framework, timesteps: int | None) -> None:
        cls._parse(text, framework, timesteps)

    @classmethod
    def _parse(cls, text: str, framework: Framework, timesteps: int | None) -> Template:
        written = tuple(spec.read(text, blanks=True))
        layers, source = spec.unfolded(text, written)
        check_rules(layers, source)
        check_framework(layers, source, framework)
        check_timesteps(layers, source, timesteps)
        if not any(each.blanks for each in written):
            raise SpecError(
                f"the template has no blank: {BLANK_TEXT} in place of a number",
                text=text,
                span=(0, len(text)),
                advice="put one",
                repair=without_spaces(_with_blank(text, written)),
            )
        return cls(text, written)

    def fill(self, number: int) -> str:
        """Return the spec with a number in all blanks, without spaces, so that it can be pasted into a shell."""
        text = self.text
        for position in reversed([blank for each in self.written for blank in each.blanks]):
            text = splice(text, Token(BLANK_TEXT, position), str(number))
        return without_spaces(text)

    def network(self, number: int) -> Network | None:
        """Return the network with a number in all blanks, or None where a spec cannot have such a number."""
        if number > MAX_SIZE:
            return None
        filled = [
            each._replace(
                layer=each.layer.with_size(BLANK, number),
                times=number if each.times is BLANK else each.times,
            )
            for each in self.written
        ]
        try:
            return Network(*spec.unfolded(self.fill(number), filled))
        except SpecError:
            return None


def _with_blank(text: str, written: tuple[Written, ...]) -> str:
    """Return a spec with a blank in place of its last number, that of the last layer that has numbers."""
    sizes = [each.size for each in written if isinstance(each.layer.sizes, Numbers) and each.size is not None]
    if not sizes:
        return TEMPLATE_EXAMPLE
    *_, last = sizes[-1].text.lower().rpartition("x")
    number = Token(last, sizes[-1].end - len(last))
    return splice(text, number, BLANK_TEXT)
