"""What is wrong with a layer of a spec: the message, the characters at fault, and the repair of the whole spec."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from rnncli.errors import SpecError, listed, quote
from rnncli.language.arguments import STACKED, attribute_of, takes, value_in_words
from rnncli.language.elsewhere import ELSEWHERE, FEATURES, NOT_MERGED, elsewhere
from rnncli.language.field_as_layer import field_as_layer
from rnncli.language.hints import closest, meant_kind, other_field, two_sizes
from rnncli.language.source import Token, cut, lowered, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.options import Choice, Option
from rnncli.layers.size_forms import Numbers
from rnncli.layers.sizes import BLANK_TEXT, SizeError
from rnncli.layers.words import field_in_both, in_both, key_in_both
from rnncli.quantities import nearest_size

_NUMBER = r"[0-9][0-9_]*[kMG]?"


class LayerFaults(NamedTuple):
    """The faults of one layer; each method raises the SpecError for one of them.

    Attributes:
        text: the spec.
        token: the layer in it.
        blanks: whether `_` may stand for a number.
    """

    text: str
    token: Token
    blanks: bool

    def no_kind(self, kind: Token) -> NoReturn:
        """Fail because a layer starts with no kind that there is."""
        word = lowered(kind.text)
        if not self.token.text:
            texts = (token.text for token in Token(self.text, 0).split(","))
            self.fail(
                kind,
                "there is no layer between two commas",
                advice="leave the comma out",
                repair=",".join(text for text in texts if text),
            )
        if not word:
            message = "there is no layer kind before the colon"
            self.fail(kind, message, advice="name one", repair=splice(self.text, kind, "rnn"))
        if "(" in word:
            self.fail(kind, f"a layer is written KIND:SIZE, not as in {quote(kind.text)}")
        name, equals, size = kind.text.partition("=")
        if equals and lowered(name.strip()) in KINDS:
            self._no_colon(kind, f"{name}:{size}")
        message = f"there is no layer kind {quote(kind.text)}"
        as_field = field_as_layer(self.text, self.token)
        if as_field is not None:
            self.fail(kind, message, advice=as_field.advice, lead=as_field.lead, repair=as_field.repair)
        if re.fullmatch(f"{_NUMBER}x{_NUMBER}", kind.text) and not self.text[: self.token.start].strip():
            repair = splice(self.text, kind, f"input:{kind.text}")
            self.fail(kind, message, advice="the first layer says the input", lead="perhaps", repair=repair)
        times = re.fullmatch("([0-9]+)[x*×]([a-z_]+)", word)
        if times is not None and times[2] in KINDS:
            repair = splice(self.text, self.token, f"{times[2]}{self.token.text[len(kind.text) :]}:x{times[1]}")
            self.fail(kind, message, advice=f"x{times[1]} repeats a layer, and stands behind it", repair=repair)
        guess, field = meant_kind(word) or (closest(word, KINDS), "")
        if guess is None:
            self.fail(kind, message, advice=f"there are {', '.join(layer.kind for layer in LAYERS)}")
        if field[:1].isdigit():
            self._no_colon(kind, f"{guess}:{field}")
        rest = self.token.text[len(kind.text) :]
        self.fail(
            kind,
            message,
            advice=f"perhaps {guess} with {field_in_both(KINDS[guess], field)}" if field else f"perhaps {guess}",
            repair=splice(self.text, self.token, f"{guess}{rest}:{field}" if field else f"{guess}{rest}"),
        )

    def _no_colon(self, kind: Token, instead: str) -> NoReturn:
        message = f"a colon stands before the size of a layer, not as in {quote(kind.text)}"
        self.fail(kind, message, lead="perhaps", repair=splice(self.text, kind, instead))

    def no_size(self, cls: type[Layer], kind: Token) -> NoReturn:
        """Fail because a layer has no size."""
        self.fail(
            kind,
            f"{cls.kind} needs {cls.sizes.needs}, {cls.kind}:{cls.sizes.shortest}",
            advice="give it one",
            repair=splice(self.text, kind, f"{kind.text}:{cls.sizes.example}"),
        )

    def no_field(self, field: Token) -> NoReturn:
        """Fail because there is nothing behind a colon."""
        layers = Token(self.text, 0).split(",")
        repair = ",".join(":".join(each.text for each in layer.split(":") if each.text) for layer in layers)
        self.fail(field, "there is nothing between two colons", advice="leave the colon out", repair=repair)

    def wrong_count(self, field: Token, message: str) -> NoReturn:
        """Fail because the number of times that a layer is repeated is wrong."""
        message = f"a layer is repeated a whole number of times: {message}"
        self.fail(field, message, lead="without it", repair=cut(self.text, field))

    def wrong_value(self, cls: type[Layer], option: Option, field: Token, name: str, message: str = "") -> NoReturn:
        """Fail because a field has a value that its option has not; the message says so, where it is no choice."""
        typed = field.text.partition("=")[2].strip()
        value = Token(typed, field.end - len(typed)) if typed else field
        if not isinstance(option, Choice):
            message = message if typed else f"{key_in_both(option)} needs {listed(option.allowed(True), 'or')}"
            nearest = nearest_size(typed)
            lead = "perhaps" if nearest else "for example"
            instead = option.lead + nearest if nearest else next(iter(option.fields()))
            self.fail(value, message, lead=lead, repair=splice(self.text, field, instead))
        said = f"{quote(typed)} is none of" if typed else f"{option.key} ({option.attribute}) needs one of"
        message = f"{said} {', '.join(option.values)}"
        if option.key_alone is not None and name in ("true", "false"):
            repair = splice(self.text, field, option.key) if name == "true" else cut(self.text, field)
            both = in_both(cls, option.attribute, option.values[option.key_alone])
            self.fail(value, message, advice=f"{both} alone says so, or nothing", repair=repair)
        if option.key_alone is not None and name == "none":
            self.fail(value, message, advice=NOT_MERGED, lead="perhaps", repair=splice(self.text, field, option.key))
        # A number is not a misspelling of another.
        guess = option.other_names.get(name) or (None if name[:1].isdigit() else closest(name, option.values))
        if guess is not None:
            repair = splice(self.text, field, f"{option.key}={guess}")
            both = in_both(cls, option.attribute, option.values[guess])
            self.fail(value, message, advice=f"perhaps {both}", repair=repair)
        default = cls.default(option.attribute)
        usual = next((each for each, meant in option.values.items() if meant == default), option.key_alone)
        self.fail(value, message, lead="for example", repair=splice(self.text, field, f"{option.key}={usual}"))

    def wrong_argument(self, cls: type[Layer], field: Token, name: str, message: str) -> NoReturn:
        """Fail because an argument of a framework has a value that it cannot have."""
        attribute = attribute_of(cls, name)
        option = next(each for each in cls.options if each.attribute == attribute)
        value = field.text.partition("=")[2].strip()
        if isinstance(option, Choice):
            self.wrong_value(cls, option, field, lowered(value))
        token = Token(value, field.end - len(value)) if value else field
        usual, meant = next(iter(option.fields().items()))
        both = in_both(cls, option.attribute, meant)
        self.fail(token, message, advice=f"for example {both}", repair=splice(self.text, field, usual))

    def wrong_size(self, cls: type[Layer], field: Token, fault: SizeError) -> NoReturn:
        """Fail because the field for the size is written wrong."""
        part = Token(field.text[fault.start : fault.end], field.start + fault.start)
        two = re.fullmatch("([0-9]+)[xX*×]([0-9]+)", field.text)
        if two is not None and _numbers(cls) == 1:
            both = two_sizes(cls, self._kind, *two.groups())
            self.fail(part, fault.message, lead="perhaps", repair=splice(self.text, field, both))
        joined = self._joined_with_next(cls, field)
        if joined is not None:
            self.fail(part, fault.message, advice="sizes are joined by x", repair=joined)
        repair = splice(self.text, part, fault.instead) if fault.instead else cut(self.text, field)
        self.fail(part, fault.message, lead="perhaps" if fault.instead else "without it", repair=repair)

    def set_twice(self, cls: type[Layer], first: Token, second: Token) -> NoReturn:
        """Fail because two fields set the same; a second number may have been meant otherwise."""
        message = f"{cls.kind} has {quote(first.text)} already, so {quote(second.text)} sets the same thing twice"
        joined = self._joined_with_next(cls, first)
        if joined is not None:
            self.fail(second, message, advice="sizes are joined by x", repair=joined)
        if _numbers(cls) == 1 and re.fullmatch(_NUMBER, first.text) and re.fullmatch(_NUMBER, second.text):
            others = [field.text for field in self.token.split(":") if field.start != second.start]
            both = two_sizes(cls, self._kind, first.text, second.text)
            if both.startswith(f"{first.text}:"):
                repair = splice(self.text, second, both.removeprefix(f"{first.text}:"))
            else:
                repair = splice(self.text, self.token, f"{':'.join(others)},{self._kind}:{second.text}")
            self.fail(second, message, lead="perhaps several layers", repair=repair)
        self.fail(second, message, advice="keep one of them", repair=cut(self.text, second))

    def blank(self, part: Token, number: str) -> NoReturn:
        """Fail because there is a blank where there may be none; a number is proposed."""
        what = f"{part.text} is a blank" if part.text.startswith(BLANK_TEXT) else f"{quote(part.text)} is no number"
        message = f"{what}, and only `rnncli solve` finds the number for it"
        sizes = KINDS[lowered(self._kind)].sizes
        joint = re.match(r"\s*[xX]\s*(?=[0-9])", self.text[part.end : self.token.end])
        if joint is not None and isinstance(sizes, Numbers) and sizes.optional:
            optional = Token(part.text + joint[0], part.start)
            repair = splice(self.text, optional, "")
            self.fail(part, message, advice="a length that is not known is left out", repair=repair)
        self.fail(part, message, lead="for example", repair=splice(self.text, part, number))

    def unknown(self, cls: type[Layer], field: Token) -> NoReturn:
        """Fail because a layer has no such field."""
        word = lowered(field.text)
        name, equals, value = (part.strip() for part in word.partition("="))
        message = f"{cls.kind} does not know {quote(field.text)}"
        open_size = re.fullmatch(f"(?:none|null|any|t|[?*])\\s*x\\s*({_NUMBER})", word)
        if open_size is not None and isinstance(cls.sizes, Numbers) and cls.sizes.optional:
            repair = splice(self.text, field, open_size[1])
            self.fail(field, message, advice="a length that is not known is left out", repair=repair)
        if name in KINDS and not equals:
            before = self.text[: field.start].rstrip().removesuffix(":")
            repair = f"{before},{self.text[field.start :]}"
            self.fail(field, message, advice="a comma stands between layers", repair=repair)
        if attribute_of(cls, name) in cls.sizes.attributes and value:
            self.fail(field, message, advice="write the number alone", repair=self._sizes_alone(cls))
        able = [layer for layer in LAYERS if takes(layer, name)]
        if able and cls not in able:
            said = value_in_words(able[0], name, value if equals else None)
            typed = quote(field.text) + (f" ({said})" if said else "")
            message = f"{cls.kind} does not take {typed}; only {listed([layer.kind for layer in able])} can"
            self.fail(field, message, advice="leave it out", repair=cut(self.text, field))
        if attribute_of(cls, name) in cls.sizes.attributes:
            advice = f"{name} is a number in {cls.kind}:{cls.sizes.shortest}"
            self.fail(field, message, advice=advice, repair=self._with_size(cls, field))
        theirs = elsewhere(name, [option.attribute for option in cls.options])
        if theirs is not None and attribute_of(cls, name) is None and not (name == STACKED and value):
            self._found_elsewhere(field, message, theirs, value)
        option = next((each for each in cls.options if each.attribute == attribute_of(cls, name)), None)
        if not equals and isinstance(option, Choice) and option.symbol is not None:
            self.wrong_value(cls, option, field, "")
        other = other_field(cls, name, value if equals else None)
        if other is not None:
            instead, advice = other
            repair = splice(self.text, field, instead) if instead else cut(self.text, field)
            self.fail(field, message, advice=advice, repair=repair)
        known = [key_in_both(option) for option in cls.options]
        advice = f"it takes {listed(known)}" if known else ""
        self.fail(field, message, advice=advice, lead="without it", repair=cut(self.text, field))

    def _found_elsewhere(self, field: Token, message: str, word: str, value: str) -> NoReturn:
        """Fail because of a framework's word that is no field; the features that a first layer reads are its input."""
        rest = cut(self.text, field)
        if word in FEATURES and not self.text[: self.token.start].strip() and re.fullmatch(_NUMBER, value):
            self.fail(field, message, advice=ELSEWHERE[word], lead="perhaps", repair=f"input:{value},{rest}")
        self.fail(field, message, advice=ELSEWHERE[word], lead="without it", repair=rest)

    def _with_size(self, cls: type[Layer], field: Token) -> str:
        """Return the spec with a size in place of a field that names one; without the field, if there is a size."""
        others = [each for each in list(self.token.split(":"))[1:] if each.start != field.start]
        sized = any(cls.sizes.means(lowered(each.text)) for each in others)
        return cut(self.text, field) if sized else splice(self.text, field, cls.sizes.example)

    @property
    def _kind(self) -> str:
        """The name of the kind, as typed."""
        return self.token.text.partition(":")[0].strip()

    def _joined_with_next(self, cls: type[Layer], field: Token) -> str | None:
        """Return the spec with a number joined to that in the next field, where the kind has two sizes."""
        following = self.text[field.end : self.token.end]
        number = re.match(rf"\s*:\s*({_NUMBER})\s*(?=:|$)", following)
        if number is None or _numbers(cls) != 2 or not re.fullmatch(_NUMBER, field.text):
            return None
        return splice(self.text, Token(number[0], field.end), f"x{number[1]}")

    def _sizes_alone(self, cls: type[Layer]) -> str:
        """Return the spec with the sizes of the layer, which are written as arguments, as one field."""
        kind, *fields = (token.text for token in self.token.split(":"))
        sizes = dict.fromkeys(cls.sizes.attributes, "")
        others = []
        for text in fields:
            name, _, value = (part.strip() for part in text.partition("="))
            attribute = attribute_of(cls, lowered(name))
            if attribute in sizes and value and not sizes[attribute]:
                sizes[attribute] = value
            else:
                others.append(text)
        size = "x".join(value for value in sizes.values() if value)
        return splice(self.text, self.token, ":".join([kind, size, *others]))

    def fail(
        self, token: Token, message: str, *, advice: str = "", lead: str = "", repair: str | None = None
    ) -> NoReturn:
        """Raise the error at a token.

        Raises:
            SpecError: always.
        """
        raise SpecError(
            message,
            text=self.text,
            span=token.span,
            advice=advice,
            lead=lead,
            repair=None if repair is None else without_spaces(repair),
        )


def _numbers(cls: type[Layer]) -> int:
    """Return how many numbers are in the size of a kind of layer."""
    return len(cls.sizes.attributes) if isinstance(cls.sizes, Numbers) else 0
