"""Templates: specs with blanks, `_` or named `_a`, in place of some numbers, for which `solve` finds numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from rnncli.errors import SpecError
from rnncli.language import spec
from rnncli.language.rules import check_framework, check_rules, check_timesteps
from rnncli.language.source import Token, splice, without_spaces
from rnncli.language.spec import WrittenLayer
from rnncli.layers import Layer
from rnncli.layers.sizes import BLANK_TEXT, Blank, Numbers
from rnncli.layers.weights import Framework
from rnncli.network import Network, check_text

TEMPLATE_EXAMPLE = f"embed:10000x{BLANK_TEXT},lstm:{BLANK_TEXT}"
"""A working example."""


@dataclass(frozen=True)
class Template:
    """A spec with blanks; blanks of the same name have the same number.

    Attributes:
        text: the template as typed.
        written: its layers, with a `Blank` in place of each blank number.
    """

    text: str
    written: tuple[WrittenLayer, ...]

    @classmethod
    def parse(cls, text: str, framework: Framework | None = None, timesteps: int | None = None) -> Template:
        """Parse a template.

        Args:
            text: the text.
            framework: the framework that must be able to express the networks; None if any may.
            timesteps: the length of the sequence, or None for unknown.

        Raises:
            SpecError: it has no blank, or no numbers make it a network; the repair is another template.
            ArgumentError: `text` is not a string.
        """
        check_text("a template", text, TEMPLATE_EXAMPLE)
        try:
            template = cls._parse(text, framework)
        except SpecError as error:
            from rnncli.language.mend import mended  # only an error needs it

            def check(repair: str) -> None:
                check_timesteps(*spec.unfolded(repair, cls._parse(repair, framework).written), timesteps)

            raise mended(error, check, TEMPLATE_EXAMPLE, blanks=True) from None
        check_timesteps(*spec.unfolded(text, template.written), timesteps)
        return template

    @classmethod
    def _parse(cls, text: str, framework: Framework | None) -> Template:
        written = tuple(spec.read(text, blanks=True))
        layers, source = spec.unfolded(text, written)
        check_rules(layers, source)
        if framework is not None:
            check_framework(layers, source, framework, "--framework")
        has_blank = any(each.blanks for each in written)
        if len(layers) == 1 and not layers[0].shown:
            message = f"{text.strip()} is an input without layers: it has no parameters for any size"
            repair = without_spaces(f"{text},rnn:{'32' if has_blank else BLANK_TEXT}")
            raise SpecError(message, text=text, advice="add a layer that reads it", repair=repair)
        if not has_blank:
            message = f"the template has no blank ({BLANK_TEXT} in place of a number)"
            repair = without_spaces([TEMPLATE_EXAMPLE, *opened(text, written, BLANK_TEXT)][-1])
            raise SpecError(message, text=text, advice="put in a blank", repair=repair)
        return cls(text, written)

    @cached_property
    def blanks(self) -> tuple[Blank, ...]:
        """The blanks, in the order of their first occurrence."""
        return tuple(dict.fromkeys(blank for each in self.written for blank, _ in each.blanks))

    @cached_property
    def counts(self) -> frozenset[Blank]:
        """The blanks that are repeat counts, here or in another place."""
        return frozenset(each.times for each in self.written if isinstance(each.times, Blank))

    @cached_property
    def below(self) -> Sequence[tuple[object, object]]:
        """The pairs of numbers of a layer of which the first must be less than the second."""
        return [(of.layer.numbers[low], of.layer.numbers[high]) for of in self.written for low, high in of.layer.below]

    @cached_property
    def capped(self) -> frozenset[Blank]:
        """The blanks that must be less than another number of their layer."""
        return frozenset(low for low, _ in self.below if isinstance(low, Blank))

    @cached_property
    def most(self) -> Mapping[Blank, int]:
        """The largest number for each blank that must be less than a given number."""
        caps = [(low, high - 1) for low, high in self.below if isinstance(low, Blank) and isinstance(high, int)]
        return dict(sorted(caps, key=itemgetter(1), reverse=True))

    @cached_property
    def small(self) -> frozenset[Blank]:
        """The blanks that may be 1 whatever the others are, and ask more of these if they are larger."""
        return (self.counts | self.capped) - self.most.keys() - {high for _, high in self.below}

    def numbered(self, numbers: Sequence[int]) -> dict[Blank, int]:
        """Return the number for each blank, given the numbers in order."""
        return dict(zip(self.blanks, numbers, strict=True))

    def fill(self, numbers: Mapping[Blank, int]) -> str:
        """Return the spec with numbers in its blanks, without spaces so that it can be pasted into a shell."""
        text = self.text
        for blank, token in reversed([place for each in self.written for place in each.blanks]):
            text = splice(text, token, str(numbers[blank]))
        return without_spaces(text)

    def network(self, numbers: Mapping[Blank, int]) -> Network | None:
        """Return the network with numbers in its blanks, or None if a spec cannot have these numbers."""
        try:
            return Network(*spec.parse(self.fill(numbers)))
        except SpecError:
            return None

    @cached_property
    def strides(self) -> frozenset[Blank]:
        """The blanks that are strides or pools' sizes, here or in another place."""
        return self._sizes(lambda layer: layer.thinning)

    def thins(self, blank: Blank) -> bool:
        """Return whether a larger number for a blank makes the network smaller, as a stride does."""
        return blank not in self.counts | self._sizes(lambda layer: layer.numbers.keys() - {*layer.thinning})

    def shortens(self, blank: Blank) -> bool:
        """Return whether a larger number for a blank makes a sequence shorter, so that some costs shrink with it."""
        counts = [each.times for each in self.written if not each.layer.keeps_length]
        return blank in self._sizes(lambda layer: layer.shortening) or blank in counts

    def _sizes(self, declared: Callable[[Layer], Iterable[str]]) -> frozenset[Blank]:
        """Return the blanks among the numbers that layers declare, by name."""
        sizes = [each.layer.numbers[name] for each in self.written for name in declared(each.layer)]
        return frozenset(size for size in sizes if isinstance(size, Blank))


def opened(text: str, written: Iterable[WrittenLayer], blank: str) -> Iterator[str]:
    """Yield a spec or a template with a blank in place of each number in its layers' sizes, one at a time."""
    for size in [each.size for each in written if each.size and isinstance(each.layer.sizes, Numbers)]:
        for number in re.finditer("[0-9][0-9_kMG]*", size.text):
            yield splice(text, Token(number[0], size.start + number.start()), blank)


Filling = Mapping[Blank, int]
"""A number for each blank."""
