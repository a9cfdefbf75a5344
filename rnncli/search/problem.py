"""Templates, specs with blanks in place of some numbers, `_` or with a name, `_a`, and what they are asked for.

What numbers for the blanks cost is known of each network. Where all costs are polynomials that grow with each number,
`rnncli.search.trials` tries what may fit. All else is tried here, one by one, by the ordinary sums.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from rnncli.errors import RnncliError, SpecError, listed
from rnncli.immutable import NamedTuple
from rnncli.language import spec
from rnncli.language.layer_parser import Written
from rnncli.language.rules import check_framework, check_rules, check_timesteps, frameworks_of
from rnncli.language.source import Token, splice, without_spaces
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Head
from rnncli.layers.sizes import BLANK_TEXT, Blank, Numbers
from rnncli.layers.weights import Framework
from rnncli.network import Network, check_text
from rnncli.quantities import MAX_SIZE, Rate
from rnncli.search.budget import Budget, Cost, fit
from rnncli.search.forms import Form
from rnncli.summary import Setting, Summary

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

    def numbered(self, numbers: Sequence[int]) -> dict[Blank, int]:
        """Return the number for each blank, of numbers in their order."""
        return dict(zip(self.blanks, numbers, strict=True))

    def fill(self, numbers: Mapping[Blank, int]) -> str:
        """Return the spec with numbers in its blanks, without spaces, so that it can be pasted into a shell."""
        text = self.text
        for blank, token in reversed([place for each in self.written for place in each.blanks]):
            text = splice(text, token, str(numbers[blank]))
        return without_spaces(text)

    def network(self, numbers: Mapping[Blank, int]) -> Network | None:
        """Return the network with numbers in its blanks, or None where a spec cannot have such numbers."""
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

    def thins(self, blank: Blank) -> bool:
        """Whether the network is the smaller, the larger the number for a blank is: that of a stride."""
        return blank not in self.counts and all(
            name in each.layer.thinning
            for each in self.written
            for name, number in each.layer.numbers.items()
            if number == blank
        )

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


Filling = Mapping[Blank, int]
"""A number for each blank."""

MOST = 50_000
"""So many networks are tried one by one: the work of some seconds."""


class Point(NamedTuple):
    """Filling for the blanks, in their order, and how good they are."""

    figure: int
    evenness: int
    numbers: tuple[int, ...]


LISTED = 6
"""So many points that are as good are kept, to be named."""


@dataclass
class Found:
    """The best so far.

    Attributes:
        best: the best points that fit, and are exact if they must be: of equals the most even come first, then those
            whose first numbers are the largest. There are no more than `LISTED` of them.
        count: how many have as many parameters as these.
        below: the best that fits, exact or not.
        above: of what exceeds the only limit, what does so least.
        first: the first numbers that were tried with which there is a network.
    """

    best: Sequence[Point] = ()
    count: int = 0
    below: Point | None = None
    above: Point | None = None
    first: Filling | None = None

    def add(self, points: Sequence[Point], count: int) -> None:
        """Take in points that have as many parameters as one another, and how many of those there are."""
        best = self.best[0].figure if self.best else -1
        if points and points[0].figure >= best:
            if points[0].figure == best:
                points, count = [*self.best, *points], self.count + count
            self.best, self.count = sorted(points, reverse=True)[:LISTED], count

    def add_below(self, point: Point | None) -> None:
        """Take in the best of some points that fit, exact or not."""
        self.below = max(filter(None, (self.below, point)), default=None)

    def add_above(self, point: Point) -> None:
        """Take in a point that exceeds the only limit, so little that it is the best of some."""
        self.above = min(filter(None, (self.above, point)), key=lambda each: each.figure)


@dataclass(frozen=True)
class Problem:
    """What is asked.

    Attributes:
        template: the network with blanks.
        budget: what it may cost.
        exactly: whether it must cost exactly that.
        multiple_of: each number is a multiple of this.
        setting: what the costs are for.
        rate: timesteps a second, for the multiply-adds a second; None where nobody asks.
        patience: how many points are tried at most.
    """

    template: Template
    budget: Budget
    exactly: bool
    multiple_of: int
    setting: Setting
    rate: Rate | None = None
    patience: int = 10**9

    @property
    def smallest(self) -> dict[Blank, int]:
        """The smallest numbers."""
        return dict.fromkeys(self.template.blanks, self.multiple_of)

    def form(self, numbers: Mapping[Blank, Any]) -> Form | None:
        """Return what the layers come to with numbers, or symbols, in the blanks; None where that is no network."""
        if any(isinstance(number, int) and not 0 < number <= MAX_SIZE for number in numbers.values()):
            return None
        (head, *_), *written = self.template.filled(numbers)
        form = Form.of(cast(Head, head), self.setting)
        for each in written:
            form = form and form.after(each.layer, each.times)
        return form

    def costs(self, numbers: Filling) -> tuple[Cost, ...]:
        """Return what a network with some numbers costs; nothing where there is none.

        Raises:
            UsageError: a figure that is limited is not known.
        """
        form = self.form(numbers)
        if form is None:
            return ()
        amounts = [form.at(key) for key in self.budget.keys]
        if None in amounts:
            return tuple(self.budget.costs(self.summary(numbers)))
        return tuple(map(Cost, amounts, self.budget.limits.values(), self.budget.limits))

    def summary(self, numbers: Filling) -> Summary | None:
        """Return the summary of the network with some numbers, or None where a spec cannot have them."""
        network = None if self.form(numbers) is None else self.template.network(numbers)
        return None if network is None else network.summary(*self.setting, rate=self.rate)

    def take(self, numbers: Filling, evenness: int, found: Found) -> None:
        """Take in some numbers that are so even, if there is such a network."""
        form, costs = self.form(numbers), self.costs(numbers)
        if form is None:
            return
        values = tuple(numbers.values())
        if not fit(costs):
            if len(costs) == 1:
                found.add_above(Point(costs[0].amount, 0, values))
            return
        point = Point(form.at("total_params"), evenness, values)
        found.add_below(point)
        if all(cost.exact for cost in costs) or not self.exactly:
            found.add([point], 1)

    @cached_property
    def bounds(self) -> dict[Blank, int]:
        """For each blank how many times the smallest number fits, all others being smallest.

        The smallest must fit, and whatever the network costs must grow with each of its numbers.
        """

        def last(blank: Blank) -> int:
            least = self.smallest
            return largest(lambda times: fit(self.costs({**least, blank: times * self.multiple_of})), MAX_SIZE)

        return {blank: last(blank) for blank in self.template.blanks}


def largest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to `most` that fits, by bisection: 0 does, and whatever is below one that does."""
    return bisect_left(range(1, most + 1), True, key=lambda number: not fits(number))


class Scan:
    """The numbers that may fit where the costs are no polynomials, or do not grow, as multiples of the smallest.

    Some sizes make a sequence shorter, so that some costs shrink with them: such a blank is given every number with
    which there is a network; one that makes the network smaller, a stride, the smallest with which the rest fits. With
    all others everything grows. One after another is given every number up to the largest that fits, those behind it
    being smallest; the last is given the largest alone.

    Attributes:
        found: the best so far.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.found = Found()
        blanks = problem.template.blanks
        self._most = MAX_SIZE // problem.multiple_of
        self._tried = 0
        self._thinning = [blank for blank in blanks if problem.template.thins(blank)]
        self._shortening = [b for b in blanks if problem.template.shortens(b) and b not in self._thinning]
        self._growing = [blank for blank in blanks if blank not in (*self._shortening, *self._thinning)]
        # Where a sequence is of unknown length, nothing is too long for it.
        ones, counts = dict.fromkeys(self._shortening, 1), problem.template.counts
        largest_of = {blank: MAX_LAYERS // 2 if blank in counts else self._most for blank in self._shortening}
        endless = [blank for blank, most in largest_of.items() if self._least({**ones, blank: most}) is not None]
        self._shortening = [blank for blank in self._shortening if blank not in endless]
        self._growing += endless

    def run(self) -> None:
        """Take in all numbers.

        Raises:
            RnncliError: there are too many.
        """
        for given in self._shortened({}, self._shortening):
            least = self._least(given)
            if least is not None:
                least |= self._thinnest(given | least)
                first = given | least
                for blank in self._thinning:
                    first[blank] = self._fewest(first, blank)
                self.found.first = self.found.first or self._numbers(first)
                # Last comes what has no parameters, such as the timesteps: it makes no difference to the others.
                growing = sorted(self._growing, key=lambda blank: blank in self._weightless)
                self._grow(given, least, [*growing, *self._thinning])

    def _shortened(self, given: dict[Blank, int], left: Sequence[Blank]) -> Iterator[dict[Blank, int]]:
        """Yield all numbers for the blanks that shorten the sequence with which there is a network."""
        if not left:
            yield given
            return
        blank, *others = left
        number = 1
        while self._least({**given, **dict.fromkeys(others, 1), blank: number}) is not None:
            yield from self._shortened({**given, blank: number}, others)
            number += 1

    def _least(self, given: dict[Blank, int]) -> dict[Blank, int] | None:
        """Return the smallest numbers of the others with which there is a network; None if there is none."""

        def exists(numbers: dict[Blank, int]) -> bool:
            repeats = dict.fromkeys(self.problem.template.counts & numbers.keys(), 1)
            return bool(self._costs({**dict.fromkeys(self._thinning, 1), **given, **numbers, **repeats}))

        enough = 1
        while not exists(dict.fromkeys(self._growing, enough)):
            enough *= 2
            if enough > self._most or not self._growing:
                return None
        least = dict.fromkeys(self._growing, enough)
        for blank in self._growing if enough > 1 else ():
            least[blank] = 1 + largest(lambda number: not exists({**least, blank: number}), enough - 1)  # noqa: B023
        return least

    def _thinnest(self, given: dict[Blank, int]) -> dict[Blank, int]:
        """Return the largest numbers with which there is a network for strides, one after another."""
        thinnest = dict.fromkeys(self._thinning, 1)
        for blank in self._thinning:
            thinnest[blank] = largest(lambda n: bool(self._costs({**given, **thinnest, blank: n})), self._most)  # noqa: B023
        return thinnest

    def _fewest(self, numbers: dict[Blank, int], blank: Blank) -> int:
        """Return the smallest number for a stride with which the rest fits, up to its own; one that nothing fits with.

        All falls with it, but for what a step at a time takes: a wider window is a larger state, and returns less.
        """
        most = numbers[blank]
        one, last = (self._costs({**numbers, blank: number}) for number in (1, most))
        wide = most < self._most and "streaming_bytes" in self.problem.budget.keys
        less = [
            place
            for place, (before, after) in enumerate(zip(one, last, strict=True))
            if after.amount < before.amount and not (wide and before.figure.key == "streaming_bytes")
        ]

        def too_few(number: int) -> bool:
            tried = self._costs({**numbers, blank: number})
            return not all(tried[place].fits for place in less)

        least = 1 + largest(too_few, most - 1)
        tried = range(least, most + 1) if wide else ()
        return next((number for number in tried if fit(self._costs({**numbers, blank: number}))), least)

    def _fits(self, numbers: dict[Blank, int], thinning: Sequence[Blank]) -> bool:
        """Return whether some numbers fit, or do with fewer for strides, where those may take less."""
        for blank in thinning if "streaming_bytes" in self.problem.budget.keys else ():
            numbers = {**numbers, blank: self._fewest(numbers, blank)}
        return fit(self._costs(numbers))

    def _grow(self, given: dict[Blank, int], least: dict[Blank, int], left: Sequence[Blank]) -> None:
        """Take in all numbers for the blanks with which everything grows, with all others given."""
        if not left:
            self._take(given)
            return
        blank, *others = left
        rest = {other: least[other] for other in others}
        start = least[blank]
        if blank in self._thinning:
            self._grow({**given, blank: self._fewest({**given, **rest, blank: start}, blank)}, least, others)
            return
        thinning = [other for other in others if other in self._thinning]
        last = largest(
            lambda number: number < start or self._fits({**given, **rest, blank: number}, thinning), self._most
        )
        for number in range(start if others else max(start, last), last + 1):
            self._grow({**given, blank: number}, least, others)
        if not others:
            self._take({**given, blank: max(start, last + 1)})

    def _take(self, multiples: dict[Blank, int]) -> None:
        self._count()
        numbers = self._numbers(multiples)
        counts = self.problem.template.counts | self._weightless
        sizes = [number for blank, number in numbers.items() if blank not in counts] or [0]
        self.problem.take(numbers, min(sizes) - max(sizes), self.found)

    @cached_property
    def _weightless(self) -> frozenset[Blank]:
        """The blanks on which the number of parameters does not depend."""
        first = self.found.first
        assert first is not None

        def params(numbers: Filling) -> int | None:
            form = self.problem.form(numbers)
            return None if form is None else form.at("total_params")

        doubled = {blank: params({**first, blank: 2 * number}) for blank, number in first.items()}
        alike = [blank for blank, more in doubled.items() if more == params(first)]
        return frozenset((*alike, *self._thinning))

    def _costs(self, multiples: dict[Blank, int]) -> tuple[Cost, ...]:
        self._count()
        return self.problem.costs(self._numbers(multiples))

    def _count(self) -> None:
        self._tried += 1
        if self._tried > MOST:
            names = listed([repr(blank) for blank in self.problem.template.blanks])
            raise RnncliError(
                f"the costs do not simply grow with {names}, and more than {MOST:,} numbers would have to be tried",
                "give one of them a number, or ask for larger multiples: --multiple-of 8",
            )

    def _numbers(self, multiples: dict[Blank, int]) -> dict[Blank, int]:
        return {blank: multiples[blank] * self.problem.multiple_of for blank in self.problem.template.blanks}
