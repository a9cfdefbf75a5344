"""The figures of many networks at once: polynomials in the numbers in which these networks differ.

Layers with a `Polynomial` for a size come to what layers always come to, in polynomials: the sizes of the weights that
they declare are added and multiplied, and nothing else. So there is no second formula, and one `Form` gives the figures
for all numbers.

In a pattern, an axis that stands for all of a size, wherever it does, is a number; every other axis is words. For each
choice of words the layers are read once, with a symbol in place of each number, and summed up once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import product
from math import prod
from operator import add
from typing import Any, Self, cast

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple
from rnncli.language import spec
from rnncli.language.source import MAX_BYTES
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import KINDS, Head, Layer
from rnncli.layers.cost import Number, Totals
from rnncli.layers.sizes import Blank, NoPolynomialError, Numbers, Unknown
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.quantities import MAX_SIZE, Shape, parse_number
from rnncli.search.budget import LACKING
from rnncli.search.grid import Box, Literal, Pattern, Piece, Place, Range, Values, Words
from rnncli.summary import Setting, figure

Term = tuple[tuple[int, ...], int]
"""The power of each number, and the coefficient."""


@dataclass(frozen=True, slots=True)
class Polynomial(Unknown):
    """A polynomial in some numbers, with whole coefficients.

    Attributes:
        unknowns: how many numbers there are.
        terms: its terms, in order, those that are zero left out.
    """

    unknowns: int
    terms: tuple[Term, ...]

    @classmethod
    def of(cls, value: int | Polynomial, unknowns: int) -> Polynomial:
        """Return a number as a constant polynomial in so many unknowns, and a polynomial as it is."""
        if isinstance(value, Polynomial):
            return value
        return cls(unknowns, (((0,) * unknowns, value),) if value else ())

    @classmethod
    def unknown(cls, place: int, unknowns: int) -> Polynomial:
        """Return one of so many unknowns."""
        return cls(unknowns, ((tuple(int(each == place) for each in range(unknowns)), 1),))

    def at(self, numbers: Sequence[Any]) -> Any:
        """Return its value, for numbers or for arrays of numbers that broadcast: what depends on few comes first."""
        sums = []
        for terms in _grouped(self.terms):
            values = [prod([numbers[place] for place in places], start=coefficient) for coefficient, places in terms]
            sums.append(reduce(add, values))
        return reduce(add, sums) if sums else 0

    def size_at(self, numbers: Sequence[int]) -> int:
        """Return what none of the sums that make up its value exceeds."""
        size: int = Polynomial(self.unknowns, tuple((powers, abs(each)) for powers, each in self.terms)).at(numbers)
        return size

    def has(self, place: int) -> bool:
        """Whether it depends on the unknown at a place."""
        return any(powers[place] for powers, _ in self.terms)

    def in_unknown(self, place: int) -> list[Polynomial]:
        """Return it as a polynomial in one of its unknowns: the coefficients of the powers from 0 up."""
        found: list[list[Term]] = [[] for _ in range(1 + max((powers[place] for powers, _ in self.terms), default=0))]
        for powers, coefficient in self.terms:
            rest = (*powers[:place], 0, *powers[place + 1 :])
            found[powers[place]].append((rest, coefficient))
        return [Polynomial(self.unknowns, tuple(terms)) for terms in found]

    def __str__(self) -> str:
        return "_"

    def __bool__(self) -> bool:
        """Whether it is anything but 0 whatever its numbers are."""
        return bool(self.terms)

    @property
    def grows(self) -> bool:
        """Whether it grows with each of its numbers, or stays as it is."""
        return all(coefficient > 0 for _, coefficient in self.terms)

    def _no_polynomial(self, other: object) -> Any:
        del other
        raise NoPolynomialError(f"what is computed of {self.terms} is no polynomial")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __truediv__ = __rtruediv__ = __divmod__ = _no_polynomial
    __lt__ = __le__ = __gt__ = __ge__ = _no_polynomial

    def __add__(self, other: int | Polynomial) -> Polynomial:
        if isinstance(other, int) and not other:
            return self
        sums = dict(self.terms)
        for powers, coefficient in Polynomial.of(other, self.unknowns).terms:
            sums[powers] = sums.get(powers, 0) + coefficient
        return self._with(sums)

    __radd__ = __add__

    def __sub__(self, other: int | Polynomial) -> Polynomial:
        return self + -1 * other

    def __rsub__(self, other: int) -> Polynomial:
        return self * -1 + other

    def __mul__(self, other: int | Polynomial) -> Polynomial:
        if isinstance(other, int):
            terms = tuple([(powers, coefficient * other) for powers, coefficient in self.terms]) if other else ()
            return Polynomial(self.unknowns, terms)
        sums: dict[tuple[int, ...], int] = {}
        for powers, coefficient in self.terms:
            for others, factor in other.terms:
                joint = tuple(map(sum, zip(powers, others, strict=True)))
                sums[joint] = sums.get(joint, 0) + coefficient * factor
        return self._with(sums)

    __rmul__ = __mul__

    def _with(self, sums: dict[tuple[int, ...], int]) -> Polynomial:
        return Polynomial(self.unknowns, tuple(sorted([(powers, each) for powers, each in sums.items() if each])))


@lru_cache(2**14)
def _grouped(terms: tuple[Term, ...]) -> list[list[tuple[int, list[int]]]]:
    """Return terms as coefficients and the places of their factors, those of few unknowns first."""
    groups: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    for powers, coefficient in terms:
        places = [place for place, power in enumerate(powers) for _ in range(power)]
        groups.setdefault(tuple(dict.fromkeys(places)), []).append((coefficient, places))
    return [groups[unknowns] for unknowns in sorted(groups, key=lambda unknowns: (len(unknowns), unknowns))]


def value_at(value: int | Polynomial, numbers: Sequence[Any]) -> Any:
    """Return what a number or a polynomial is, for numbers or for arrays that broadcast."""
    return value.at(numbers) if isinstance(value, Polynomial) else value


@dataclass(eq=False, slots=True)
class Form:
    """Layers from the head on, and what they come to.

    Attributes:
        totals: what they come to, or the first of them do where it is not summed.
        count: how many layers they are, the head included.
        fixed: the timesteps that the head says, if it does.
        setting: what the counts are for; it says the framework.
        of_any_length: whether the layers leave open how long the sequence is, whatever the setting says.
        summed: whether what they come to is a polynomial in the symbols.
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
        """Return the form of the layer that takes the input; None where there is no such network."""
        shape = head.input_shape(setting.batch, setting.timesteps)
        if setting.timesteps is not None:
            shape = (shape[0], setting.timesteps, *shape[2:])
        totals: Totals | None = Totals.of(shape, setting.framework or "keras", setting.dtype)
        totals = totals.after(head) if head.shown and totals is not None else totals
        fixed = head.fixed_timesteps
        return None if totals is None else cls(totals, 1, fixed, setting, fixed is None)

    def after(self, layer: Layer, times: Number) -> Form | None:
        """Return the form with a layer that stands there several times; None where there is no such network."""
        count = self.count + times
        if isinstance(count, int) and count > MAX_LAYERS:
            return None
        if layer.needs_length and self.of_any_length and len(self.totals.shape) == 3:
            return None
        totals: Totals | None = self.totals
        summed = self.summed
        try:
            totals = self.totals.repeated(layer, times) if summed else totals
        except NoPolynomialError:
            summed = False
        of_any_length = self.of_any_length and (layer.reads, layer.returns) != ("vector", "sequence")
        return None if totals is None else Form(totals, count, self.fixed, self.setting, of_any_length, summed)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two of them have in common that are equal."""
        return (self.totals.key, self.fixed, self.count, self.of_any_length, self.summed)

    def parts(self, name: str) -> tuple[Number, ...]:
        """Return the sums of which a figure is the largest; none where it is not known."""
        if name not in self._known:
            self._known[name] = figure(name, self.totals, self.setting.batch, self.setting.dtype)
        return self._known[name]

    def at(self, name: str, numbers: Sequence[Any] = ()) -> Any:
        """Return a figure for numbers or arrays in place of the symbols, None where it is not known."""
        values = [value_at(part, numbers) for part in self.parts(name)]
        if len(values) < 2:
            return values[0] if values else None
        if all(isinstance(value, int) for value in values):
            return max(values)
        import numpy as np

        return reduce(np.maximum, values)

    def shape(self, numbers: Sequence[Any]) -> tuple[Any, ...]:
        """Return the shape of the output for numbers or arrays, with None for a length that is not known."""
        return tuple([value_at(cast(Any, size), numbers) for size in self.totals.shape])

    def fits(self, numbers: Sequence[Any]) -> Any:
        """Return whether there is such a network, for numbers or arrays: its sequence is as long as it must be."""
        truth: Any = True
        if self.fixed is not None and self.setting.timesteps is not None:
            truth = value_at(self.fixed, numbers) == self.setting.timesteps
        for length in self.totals.lengths:
            truth = truth & (length.at(numbers) >= 1)
        return truth

    def holds(self, names: Iterable[str], numbers: Sequence[int]) -> bool:
        """Return whether 64 bits hold some figures, for numbers up to these."""
        parts = [*self.totals.lengths, *(part for name in names for part in self.parts(name))]
        return all(Polynomial.of(part, len(numbers)).size_at(numbers) < LACKING for part in parts)


_SIZE = re.compile(r"\s*(\w+)\s*:(?:[0-9]{1,10}x|@x)?#(?:x(?:[0-9]{1,10}|@))?(?::.*)?", re.DOTALL)
"""A layer of which # is all of a size, with @ for its other braces."""

_NO_NUMBERS = frozenset(name for name, kind in KINDS.items() if not isinstance(kind.sizes, Numbers))
"""The kinds that have no whole numbers for sizes."""

BATCH = 2_000
"""How many candidates are made one by one at a time: the work of some milliseconds."""

_REMEMBERED = 2**14
"""How many choices of words are remembered."""


class Candidate(NamedTuple):
    """A network and what it owns and costs: the totals of its `Summary`.

    Attributes:
        spec: the text that the pattern stands for; it is not always the canonical spec.
        output_shape: the shape of its output.
        total_params: the number of all parameters.
        total_bytes: their size.
        macs_per_step: multiply-adds for one vector that each layer reads.
        macs: multiply-adds for the whole input, an unknown batch counting as one; None while its timesteps are unknown.
        output_bytes: the size of all layers' outputs, likewise.
        streaming_bytes: the size of what a step at a time needs beside the parameters; None where a layer needs the
            whole sequence.
        training_bytes: the size of what training needs at least; None while the timesteps are unknown, and in a dtype
            that no network is trained in.
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
        """How many features its output has."""
        return self.output_shape[-1]


class Invalid(NamedTuple):
    """A text that a pattern stands for and that is not a network."""

    spec: str


FIGURES = Candidate._fields[2:]
"""The attributes that are figures."""

Found = Candidate | Invalid


class Forms:
    """The forms of a pattern.

    Args:
        pattern: the pattern.
        setting: what the counts are for.

    Attributes:
        numbers: for each axis of numbers, what it stands for.
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
            Blank(f"{self._name}{axis}"): Polynomial.unknown(place, len(self.numbers))
            for place, axis in enumerate(self.numbers)
        }
        axes = [
            {axis for piece in layer if isinstance(piece, Place) for axis in (piece.axis, *piece.uses)}
            for layer in pattern.layers
        ]
        self._own = [[place for place, axis in enumerate(self.words) if axis in each] for each in axes]
        self._same: dict[tuple[Any, ...], Form] = {}
        self._layers = lru_cache(_REMEMBERED)(self._read)
        self._after = lru_cache(_REMEMBERED)(self._with_layers)

    def _numbers(self, axis: int) -> Sequence[int] | None:
        """Return the numbers that an axis stands for, if they are all of a size wherever they stand."""
        values = _numbers_of(self.pattern.axes[axis])
        places = [(layer, piece) for layer in self.pattern.layers for piece in layer if isinstance(piece, Place)]
        for layer, place in places if values else ():
            if axis in place.uses or (axis == place.axis and not self._is_size(layer, place)):
                return None
        return values

    def _is_size(self, layer: Sequence[Piece], place: Place) -> bool:
        text = "".join(
            each.text if isinstance(each, Literal) else "#" if each is place else self._stand_in(each) for each in layer
        )
        kinds: Sequence[str] = [text.partition(":")[0].strip()]
        first = layer[0]
        if isinstance(first, Place) and text.startswith("@:"):
            words = self.pattern.axes[first.axis]
            if not isinstance(words, Words):
                return False
            kinds, text = words.texts, f"kind{text[1:]}"
        return _SIZE.fullmatch(text) is not None and _NO_NUMBERS.isdisjoint(map(str.lower, kinds))

    def _stand_in(self, place: Place) -> str:
        """Return what stands for the texts of a place in the text of its layer: a field where each is none or some."""
        axis = self.pattern.axes[place.axis]
        fields = isinstance(axis, Words) and all(text[:1] in ("", ":") for text in axis.texts)
        return ":@" if fields else "@"

    def _read(self, layer: int, choice: tuple[int, ...]) -> list[tuple[Layer, int]] | None:
        """Return the layers that stand in a place, each with how often it stands there; None if it is no spec."""
        point = dict(zip([self.words[place] for place in self._own[layer]], choice, strict=True))
        pieces = [
            Literal(f"_{self._name}{piece.axis}") if isinstance(piece, Place) and piece.axis in self.numbers else piece
            for piece in self.pattern.layers[layer]
        ]
        try:
            written = spec.read(self.pattern.joined(pieces, point), blanks=True)
        except SpecError:
            return None
        layers = []
        for each in written:
            filled: Layer = each.layer
            for blank, _ in each.blanks:
                if blank not in self._symbols or isinstance(each.times, Blank):
                    return None
                symbol: Any = self._symbols[blank]
                filled = filled.with_size(blank, symbol)
            assert isinstance(each.times, int)
            layers.append((filled, each.times))
        return layers

    def _with_layers(self, before: Form | None, place: int, choice: tuple[int, ...]) -> Form | None:
        """Return a form with the layers of one more place, None for no network; the same object for an equal form."""
        layers = None if place and before is None else self._layers(place, choice)
        form = before
        for layer, times in layers or ():
            form = self._with_layer(form, layer, times)
            if form is None:
                break
        if form is None or layers is None:
            return None
        if len(self._same) > _REMEMBERED:
            self._same.clear()
        return self._same.setdefault(form.key, form)

    def _with_layer(self, before: Form | None, layer: Layer, times: int) -> Form | None:
        if layer.conflict(self._framework) is not None or (before is None) != (layer.reads == "input"):
            return None
        if before is not None:
            return before.after(layer, times)
        return Form.of(cast(Head, layer), self.setting) if times == 1 else None

    def of(self, spans: Sequence[range]) -> list[Form | None]:
        """Return the forms of choices of words, None for no network.

        Args:
            spans: the indices along each of these axes; the last varies fastest.
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

    def walk(self, box: Box) -> Iterator[Found]:
        """Yield the candidates of a box, one by one, in Python's integers."""
        spans = [box[axis] for axis in self.words]
        forms = dict(zip(product(*spans), self.of(spans), strict=True))
        for point, text in zip(product(*box), self.pattern.texts(box), strict=True):
            if text:
                yield self._found(forms[tuple([point[axis] for axis in self.words])], point, text)

    def _found(self, form: Form | None, point: Sequence[int], text: str) -> Found:
        numbers = [values[point[axis]] for axis, values in self.numbers.items()]
        if form is None or not all(1 <= number <= MAX_SIZE for number in numbers) or _too_long(text):
            return Invalid(text)
        if not form.summed:
            return by_summary(text, self.setting)
        if not form.fits(numbers):
            return Invalid(text)
        return Candidate(text, form.shape(numbers), *[form.at(name, numbers) for name in FIGURES])


def by_summary(text: str, setting: Setting) -> Found:
    """Return what a text is in a sweep, by way of its network: the exact answer for whatever a network can be."""
    try:
        summary = Network.parse(text).summary(*setting)
    except SpecError:
        return Invalid(text)
    return Candidate(text, summary.output_shape, *[getattr(summary, name) for name in FIGURES])


def _numbers_of(values: Values) -> Sequence[int] | None:
    """Return the numbers that a brace stands for, if its texts are numbers."""
    if isinstance(values, Range):
        return None if values.letters else values.values
    if not isinstance(values, Words) or not all(text[:1].isdigit() for text in values.texts):
        return None
    try:
        return [parse_number(text) for text in values.texts]
    except ValueError:
        return None


def _too_long(text: str) -> bool:
    return 4 * len(text) > MAX_BYTES and len(text.encode("utf-8", "replace")) > MAX_BYTES
