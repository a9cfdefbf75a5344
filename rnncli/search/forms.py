"""The figures of many networks at once: polynomials in the numbers that differ between the networks.

A layer with a `Polynomial` as its size has polynomials as its counts, because the sizes of its weights are only added
and multiplied. So no formula is written twice, and one `Form` gives the figures for all numbers.

In a pattern, an axis is numeric if its values are a complete size wherever it occurs; all other axes are words. For
each choice of words, the layers are parsed once, with a symbol in place of each number, and added up once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from itertools import product
from math import prod
from operator import add
from typing import Any, Self, cast

from rnncli.errors import SpecError, one_line
from rnncli.immutable import NamedTuple
from rnncli.language import spec
from rnncli.language.source import MAX_BYTES
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import KINDS, Head, Layer
from rnncli.layers.cost import Number, Totals
from rnncli.layers.sizes import Blank, NoPolynomialError, Numbers, UnknownSize
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.network_summary import TOTALS, Setting, figure
from rnncli.quantities import MAX_SIZE, Shape, parse_number
from rnncli.search.budget import LACKING
from rnncli.search.grid import Box, Brace, Literal, Pattern, Piece, Range, Values, Words

Term = tuple[tuple[int, ...], int]
"""A product of unknowns, as their places in ascending order (0, 0, 1 is x²y), and its coefficient."""


@dataclass(frozen=True, slots=True)
class Polynomial(UnknownSize):
    """A polynomial with integer coefficients.

    Attributes:
        terms: the terms that are not zero, sorted.
    """

    terms: tuple[Term, ...]

    @classmethod
    def of(cls, value: int | Polynomial) -> Polynomial:
        """Return a number as a constant polynomial; a polynomial is returned unchanged."""
        return value if isinstance(value, Polynomial) else cls._with({(): value})

    @classmethod
    def unknown(cls, place: int) -> Polynomial:
        """Return the unknown at a place as a polynomial."""
        return cls((((place,), 1),))

    def at(self, numbers: Sequence[Any]) -> Any:
        """Return the value for numbers or broadcastable arrays; terms with few unknowns are added first."""
        sums = []
        for terms in _grouped(self.terms):
            values = [prod([numbers[place] for place in places], start=coefficient) for places, coefficient in terms]
            sums.append(reduce(add, values))
        return reduce(add, sums) if sums else 0

    def size_at(self, numbers: Sequence[int]) -> int:
        """Return an upper bound for all intermediate sums when the value is computed."""
        size: int = Polynomial(tuple((places, abs(each)) for places, each in self.terms)).at(numbers)
        return size

    def has(self, place: int) -> bool:
        """Return whether it depends on the unknown at a place."""
        return any(place in places for places, _ in self.terms)

    def in_unknown(self, place: int) -> list[Polynomial]:
        """Return it as a polynomial in one unknown: the coefficients for each power, from 0."""
        found: dict[int, list[Term]] = defaultdict(list)
        for places, coefficient in self.terms:
            found[places.count(place)].append((tuple([each for each in places if each != place]), coefficient))
        return [Polynomial(tuple(found[power])) for power in range(1 + max(found, default=0))]

    def __str__(self) -> str:
        return "_"

    def __bool__(self) -> bool:
        """Whether it is not the zero polynomial."""
        return bool(self.terms)

    @property
    def grows(self) -> bool:
        """Whether it never decreases with any of its unknowns."""
        return all(coefficient > 0 for places, coefficient in self.terms if places)

    def _no_polynomial(self, _other: object) -> Any:
        raise NoPolynomialError(f"an operation on {self.terms} does not return a polynomial")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __divmod__ = _no_polynomial
    __lt__ = __le__ = __gt__ = __ge__ = _no_polynomial

    def __add__(self, other: int | Polynomial) -> Polynomial:
        sums = dict(self.terms)
        for places, coefficient in Polynomial.of(other).terms:
            sums[places] = sums.get(places, 0) + coefficient
        return self._with(sums)

    __radd__ = __add__

    def __sub__(self, other: int | Polynomial) -> Polynomial:
        return self + -1 * other

    def __rsub__(self, other: int) -> Polynomial:
        return self * -1 + other

    def __mul__(self, other: int | Polynomial) -> Polynomial:
        sums: dict[tuple[int, ...], int] = {}
        for places, coefficient in self.terms:
            for others, factor in Polynomial.of(other).terms:
                joint = tuple(sorted(places + others))
                sums[joint] = sums.get(joint, 0) + coefficient * factor
        return self._with(sums)

    __rmul__ = __mul__

    @classmethod
    def _with(cls, sums: Mapping[tuple[int, ...], int]) -> Polynomial:
        return cls(tuple(sorted([(places, each) for places, each in sums.items() if each])))


@lru_cache(2**14)
def _grouped(terms: tuple[Term, ...]) -> list[list[Term]]:
    """Return terms grouped by their unknowns, the fewest first."""
    groups: dict[tuple[int, ...], list[Term]] = {}
    for term in terms:
        groups.setdefault(tuple(dict.fromkeys(term[0])), []).append(term)
    return [groups[unknowns] for unknowns in sorted(groups, key=lambda unknowns: (len(unknowns), unknowns))]


def value_at(value: int | Polynomial, numbers: Sequence[Any]) -> Any:
    """Return the value of a number or polynomial for numbers or broadcastable arrays."""
    return value.at(numbers) if isinstance(value, Polynomial) else value


@dataclass(eq=False, slots=True)
class Form:
    """The layers of a network from the head on, and their totals.

    Attributes:
        totals: their totals.
        count: the number of layers, including the head.
        fixed: the timesteps that the head specifies, if it does.
        setting: the setting of the counts, including the framework.
        of_any_length: whether the layers leave the length of the sequence open, whatever the setting specifies.
        summed: whether the totals are polynomials in the symbols; if not, the form only describes the first layers.
    """

    totals: Totals
    count: Number
    fixed: Number | None
    setting: Setting
    of_any_length: bool
    summed: bool = True
    _known: dict[str, tuple[Number, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, head: Head, setting: Setting) -> Self | None:
        """Return the form of the head; None if there is no such network."""
        shape = head.input_shape(setting.batch, setting.timesteps)
        if setting.timesteps is not None:
            shape = (shape[0], setting.timesteps, *shape[2:])
        totals = Totals.of(shape, setting.framework or "keras", setting.dtype)
        shown = totals.after(head) if head.shown else totals
        fixed = head.fixed_timesteps
        return shown and cls(shown, 1, fixed, setting, fixed is None)

    def after(self, layer: Layer, times: Number) -> Form | None:
        """Return the form followed by a layer, repeated; None if there is no such network."""
        if not self.summed:
            return self
        count = self.count + times
        if isinstance(count, int) and count > MAX_LAYERS:
            return None
        if layer.needs_length and self.of_any_length and len(self.totals.shape) == 3:
            return None
        try:
            totals = self.totals.repeated(layer, times)
        except NoPolynomialError:
            return replace(self, summed=False)
        of_any_length = self.of_any_length and (layer.reads, layer.returns) != ("vector", "sequence")
        return None if totals is None else Form(totals, count, self.fixed, self.setting, of_any_length)

    @property
    def key(self) -> tuple[Any, ...]:
        """A key that is equal for equal forms."""
        return (self.totals.key, self.fixed, self.count, self.of_any_length, self.summed)

    def parts(self, name: str) -> tuple[Number, ...]:
        """Return the sums whose maximum is a figure; empty if the figure is unknown."""
        if name not in self._known:
            self._known[name] = figure(name, self.totals, self.setting.batch, self.setting.dtype)
        return self._known[name]

    def at(self, name: str, numbers: Sequence[Any] = ()) -> Any:
        """Return a figure with numbers or arrays in place of the symbols, None if it is unknown."""
        values = [value_at(part, numbers) for part in self.parts(name)]
        if len(values) < 2:
            return values[0] if values else None
        if all(isinstance(value, int) for value in values):
            return max(values)
        import numpy as np

        return reduce(np.maximum, values)

    def shape(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Return the output shape for numbers or arrays, with None for an unknown length."""
        return tuple([value_at(cast(Any, size), numbers) for size in self.totals.shape])

    def fits(self, numbers: Sequence[Any]) -> Any:
        """Return whether the network exists for numbers or arrays: whether all its sequences are long enough."""
        truth: Any = True
        if self.fixed is not None and self.setting.timesteps is not None:
            truth = value_at(self.fixed, numbers) == self.setting.timesteps
        for length in self.totals.lengths:
            truth = truth & (length.at(numbers) >= 1)
        return truth

    def holds(self, names: Iterable[str], numbers: Sequence[int]) -> bool:
        """Return whether some figures fit in 64 bits for all numbers up to these."""
        parts = [*self.totals.lengths, *(part for name in names for part in self.parts(name))]
        return all(Polynomial.of(part).size_at(numbers) < LACKING for part in parts)


_SIZE = re.compile(r"\s*(\w+)\s*:(?:[0-9]{1,10}x|@x)?#(?:x(?:[0-9]{1,10}|@))?(?::.*)?", re.DOTALL)
"""A layer in which # is a complete size; @ stands for its other braces."""

_NO_NUMBERS = frozenset(name for name, kind in KINDS.items() if not isinstance(kind.sizes, Numbers))
"""The kinds whose sizes are not integers."""

BATCH = 2_000
"""The number of candidates that are created one by one at a time: some milliseconds of work."""

_CACHED = 2**14
"""The number of choices of words that are cached."""


class Candidate(NamedTuple):
    """A network with the output shape and the totals of its `Summary`, which explains each.

    Attributes:
        spec: the pattern's text for it, which is not always the canonical spec.
    """

    spec: str
    output_shape: Shape
    total_params: int
    total_bytes: int
    macs_per_step: int
    macs: int | None
    output_bytes: int | None
    streaming_bytes: int | None
    training_bytes: int | None

    @property
    def output_features(self) -> int | None:
        """The number of output features."""
        return self.output_shape[-1]

    def as_dict(self, setting: Setting) -> dict[str, Any]:
        """Return it as plain data, as printed by `--format json`; the setting is the one it was counted for."""
        network = {"spec": one_line(self.spec), "framework": setting.framework, "dtype": setting.dtype}
        return self._asdict() | network


Outcome = Candidate | str
"""A candidate, or the text of one that is not a network."""


class Forms:
    """The forms of a pattern.

    Args:
        pattern: the pattern.
        setting: the setting of the counts.

    Attributes:
        numbers: the numbers of each numeric axis.
        words: the other axes.
    """

    def __init__(self, pattern: Pattern, setting: Setting) -> None:
        self.pattern = pattern
        self.setting = setting
        self._framework: Framework = setting.framework or "keras"
        self.numbers = {axis: found for axis in range(len(pattern.axes)) if (found := self._numbers(axis))}
        self.words = [axis for axis in range(len(pattern.axes)) if axis not in self.numbers]
        self._name = "a"
        while f"_{self._name}" in pattern.text:
            self._name += "a"
        self._symbols = {
            Blank(f"{self._name}{axis}"): Polynomial.unknown(place) for place, axis in enumerate(self.numbers)
        }
        axes = [
            {axis for piece in layer if isinstance(piece, Brace) for axis in (piece.axis, *piece.uses)}
            for layer in pattern.layers
        ]
        self._own = [[place for place, axis in enumerate(self.words) if axis in each] for each in axes]
        self._same: dict[tuple[Any, ...], Form] = {}
        self._layers = lru_cache(_CACHED)(self._read)
        self._after = lru_cache(_CACHED)(self._with_layers)

    def _numbers(self, axis: int) -> Sequence[int] | None:
        """Return the numbers of an axis if they are a complete size at every place where it occurs."""
        values = _numbers_of(self.pattern.axes[axis])
        places = [(layer, piece) for layer in self.pattern.layers for piece in layer if isinstance(piece, Brace)]
        for layer, place in places if values else ():
            if axis in place.uses or (axis == place.axis and not self._is_size(layer, place)):
                return None
        return values

    def _is_size(self, layer: Sequence[Piece], place: Brace) -> bool:
        text = "".join(
            each.text if isinstance(each, Literal) else "#" if each is place else self._stand_in(each) for each in layer
        )
        kinds: Sequence[str] = [text.partition(":")[0].strip()]
        first = layer[0]
        if isinstance(first, Brace) and text.startswith("@:"):
            words = self.pattern.axes[first.axis]
            if not isinstance(words, Words):
                return False
            kinds, text = words.texts, f"kind{text[1:]}"
        return _SIZE.fullmatch(text) is not None and _NO_NUMBERS.isdisjoint(map(str.lower, kinds))

    def _stand_in(self, place: Brace) -> str:
        """Return the placeholder for a place in its layer's text: a field if its values are fields or empty."""
        axis = self.pattern.axes[place.axis]
        fields = isinstance(axis, Words) and all(text[:1] in ("", ":") for text in axis.texts)
        return ":@" if fields else "@"

    def _read(self, layer: int, choice: tuple[int, ...]) -> list[tuple[Layer, int]] | None:
        """Parse a layer for a choice of words; return the layers and how often each is repeated, None if invalid."""
        point = dict(zip([self.words[place] for place in self._own[layer]], choice, strict=True))
        pieces = [
            Literal(f"_{self._name}{piece.axis}") if isinstance(piece, Brace) and piece.axis in self.numbers else piece
            for piece in self.pattern.layers[layer]
        ]
        try:
            written = spec.read(self.pattern.joined(pieces, point), blanks=True)
        except SpecError:
            return None
        if any(blank not in self._symbols for each in written for blank, _ in each.blanks):
            return None
        layers = [each.filled(self._symbols) for each in written]
        return None if any(isinstance(times, Polynomial) for _, times in layers) else layers

    def _with_layers(self, before: Form | None, place: int, choice: tuple[int, ...]) -> Form | None:
        """Return a form followed by one more layer of the pattern, None for no network; equal forms are identical."""
        layers = None if place and before is None else self._layers(place, choice)
        form = before
        for layer, times in layers or ():
            is_head = layer.reads == "input"
            if layer.conflict(self._framework) is not None or is_head != (form is None) or (is_head and times > 1):
                return None
            form = Form.of(cast(Head, layer), self.setting) if form is None else form.after(layer, times)
            if form is None:
                return None
        if layers is None or form is None:
            return None
        if len(self._same) > _CACHED:
            self._same.clear()
        return self._same.setdefault(form.key, form)

    def of(self, spans: Sequence[range]) -> list[Form | None]:
        """Return the forms for choices of words, None for no network.

        Args:
            spans: the indices along each axis of words; the last varies fastest.
        """
        forms: list[tuple[tuple[int, ...], Form | None]] = [((), None)]
        known = 0
        for place, own in enumerate(self._own):
            fresh = range(known, max([known, *(axis + 1 for axis in own)]))
            known = fresh.stop
            more = [*product(*[spans[axis] for axis in fresh])]
            forms = [
                (choice, self._after(form, place, tuple([choice[axis] for axis in own])))
                for choice, form in (((*before, *each), form) for before, form in forms for each in more)
            ]
        return [form for _, form in forms]

    def walk(self, box: Box) -> Iterator[Outcome]:
        """Yield the candidates of a box one by one, computed with Python's integers."""
        spans = [box[axis] for axis in self.words]
        forms = dict(zip(product(*spans), self.of(spans), strict=True))
        for point, text in zip(product(*box), self.pattern.texts(box), strict=True):
            if text:
                yield self._found(forms[tuple([point[axis] for axis in self.words])], point, text)

    def _found(self, form: Form | None, point: Sequence[int], text: str) -> Outcome:
        numbers = [values[point[axis]] for axis, values in self.numbers.items()]
        too_long = 4 * len(text) > MAX_BYTES and len(text.encode("utf-8", "replace")) > MAX_BYTES
        if form is None or too_long or not all(1 <= number <= MAX_SIZE for number in numbers):
            return text
        if not form.summed:
            return by_summary(text, self.setting)
        if not form.fits(numbers):
            return text
        return Candidate(text, form.shape(numbers), *[form.at(name, numbers) for name in TOTALS])


def by_summary(text: str, setting: Setting) -> Outcome:
    """Return the candidate for a text by summarising its network, which is exact for every network."""
    try:
        summary = Network.parse(text).summary(*setting)
    except SpecError:
        return text
    return Candidate(text, summary.output_shape, *[getattr(summary, name) for name in TOTALS])


def _numbers_of(values: Values) -> Sequence[int] | None:
    """Return the numbers of a brace, if all its texts are numbers."""
    if isinstance(values, Range):
        return None if values.letters else values.values
    if not isinstance(values, Words) or not all(text[:1].isdigit() for text in values.texts):
        return None
    try:
        return [parse_number(text) for text in values.texts]
    except ValueError:
        return None
