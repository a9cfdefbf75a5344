"""The faults of a layer in a spec: the message, the characters at fault, and the repair of the whole spec."""

from __future__ import annotations

import re
from typing import NoReturn

from rnncli.errors import SpecError, listed, quote
from rnncli.immutable import NamedTuple
from rnncli.language.arguments import CLASSES, STACKED, attribute_of, setting, takes, value_in_words
from rnncli.language.framework_words import FRAMEWORK_WORDS, NOT_MERGED, framework_word
from rnncli.language.source import Token, cut, lowered, splice, without_spaces
from rnncli.layers import KINDS, LAYERS, Activation, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice, Option
from rnncli.layers.sizes import BLANK_TEXT, SizeError, blank_of
from rnncli.layers.words import in_both, key_in_both
from rnncli.quantities import nearest_size


class LayerFaults(NamedTuple):
    """The faults of one layer, a token of a spec that may have blanks; each method raises one kind of SpecError."""

    text: str
    token: Token
    blanks: bool

    def no_kind(self, kind: Token) -> NoReturn:
        """Fail because a layer does not start with a known kind."""
        word = lowered(kind.text)
        if not self.token.text:
            self.fail(kind, f"a layer is missing {'after' if kind.start else 'before'} the comma")
        if not word:
            message = "a layer kind is missing before the colon"
            self.fail(kind, message, lead="name one", repair=splice(self.text, kind, "rnn"))
        if "(" in word:
            self.fail(kind, f"a layer is written KIND:SIZE, not as in {quote(kind.text)}")
        advice = self._known_elsewhere(word)
        lead = "" if advice else f"kinds: {', '.join(layer.kind for layer in LAYERS)}"
        self.fail(kind, f"there is no layer kind {quote(kind.text)}", advice=advice, lead=lead)

    def _known_elsewhere(self, word: str) -> str:
        """Return the advice for a word in place of a kind that is a field or a term of the frameworks."""
        name = word.partition("=")[0].strip()
        able = [layer for layer in LAYERS if takes(layer, name)]
        if able and name[:1].isalpha() and len(list(self.token.split(":"))) == 1:
            found = setting(able[-1] if name in ACTIVATIONS else able[0], word)
            if found is not None:
                said = in_both(able[0], found[0].attribute, found[1])
                alone = f"; {Activation.kind}:{name} is a separate layer" if name in Activation.sizes.words else ""
                return f"{said} is a field of {listed([each.kind for each in able], 'or')}{alone}"
        theirs = framework_word(name, [*KINDS, *CLASSES, *ACTIVATIONS])
        return "" if theirs is None else FRAMEWORK_WORDS[theirs]

    def no_size(self, cls: type[Layer], kind: Token) -> NoReturn:
        """Fail because a layer has no size."""
        size = BLANK_TEXT if self.blanks and cls.sizes.example.isdigit() else cls.sizes.example
        message = f"{cls.kind} needs {cls.sizes.needs}, {cls.kind}:{cls.sizes.shortest}"
        self.fail(kind, message, lead="give it one", repair=splice(self.text, kind, f"{kind.text}:{size}"))

    def wrong_count(self, field: Token, message: str) -> NoReturn:
        """Fail because the repeat count of a layer is wrong."""
        message = f"a repeat count is a whole number: {message}"
        self.fail(field, message, lead="without it", repair=cut(self.text, field))

    def wrong_value(self, cls: type[Layer], option: Option, field: Token, name: str, message: str = "") -> NoReturn:
        """Fail because a field has a value that its option does not allow; without choices `message` is the reason."""
        typed = field.text.rpartition("=")[2].strip() if name else ""
        value = Token(typed, field.end - len(typed)) if typed else field
        if not isinstance(option, Choice):
            message = message if typed else f"{key_in_both(option)} needs {listed(option.allowed(True), 'or')}"
            nearest = nearest_size(typed)
            lead = "perhaps" if nearest else "for example"
            instead = option.spelling(nearest) if nearest else next(iter(option.fields()))
            self.fail(value, message, lead=lead, repair=splice(self.text, field, instead))
        said = f"{quote(typed)} is not one of" if typed else f"{option.key} ({option.attribute}) needs one of"
        message = f"{said} {', '.join(option.values)}"
        if option.key_alone is not None and name == "none":
            self.fail(value, message, advice=NOT_MERGED, lead="perhaps", repair=splice(self.text, field, option.key))
        default = cls.default(option.attribute)
        usual = next((each for each, meant in option.values.items() if meant == default), option.key_alone)
        self.fail(value, message, lead="for example", repair=splice(self.text, field, f"{option.key}={usual}"))

    def wrong_argument(self, cls: type[Layer], field: Token, name: str, message: str) -> NoReturn:
        """Fail because an argument of a framework has a value that is not allowed."""
        attribute = attribute_of(cls, name)
        option = next(each for each in cls.options if each.attribute == attribute)
        value = field.text.partition("=")[2].strip()
        if isinstance(option, Choice):
            self.wrong_value(cls, option, field, lowered(value))
        token = Token(value, field.end - len(value)) if value else field
        usual, meant = next(iter(option.fields().items()))
        both = in_both(cls, option.attribute, meant)
        self.fail(token, message, lead=f"for example {both}", repair=splice(self.text, field, usual))

    def wrong_size(self, cls: type[Layer], field: Token, fault: SizeError) -> NoReturn:
        """Fail because the size is written wrong."""
        part = Token(field.text[fault.start : fault.end], field.start + fault.start)
        if not fault.instead:
            self.fail(part, fault.message, lead="without it", repair=cut(self.text, field))
        typed = {nearest_size(each) for each in re.split("[^0-9a-wyz.]+", part.text.lower())}
        typed |= {*re.findall("[0-9]+", part.text)}
        made_up = [each for each in cls.sizes.example.split("x") if each in fault.instead and each not in typed]
        is_number = fault.instead.isdigit() and re.search("[a-z]{2}", part.text)
        lead = "for example" if made_up else "write only the number" if is_number else "perhaps"
        self.fail(part, fault.message, lead=lead, repair=splice(self.text, part, fault.instead))

    def set_twice(self, cls: type[Layer], first: Token, second: Token) -> NoReturn:
        """Fail because two fields set the same thing."""
        message = f"{cls.kind} has {quote(first.text)} already, so {quote(second.text)} sets the same thing twice"
        self.fail(second, message, lead="keep one of them", repair=cut(self.text, second))

    def blank(self, part: Token, number: str) -> NoReturn:
        """Fail because there is a blank where none is allowed; the repair has a number instead."""
        what = f"{part.text} is a blank" if part.text.startswith(BLANK_TEXT) else f"{quote(part.text)} is not a number"
        message = f"{what}; only `rnncli solve` finds numbers for blanks"
        self.fail(part, message, lead="for example", repair=splice(self.text, part, number))

    def unknown(self, cls: type[Layer], field: Token) -> NoReturn:
        """Fail because a kind of layer has no such field."""
        word = lowered(field.text)
        name, equals, value = (part.strip() for part in word.partition("="))
        message = f"{cls.kind} has no field {quote(field.text)}"
        if attribute_of(cls, name) in cls.sizes.attributes:
            advice = f"{name} is a number in {cls.kind}:{cls.sizes.shortest}"
            self.fail(field, message, advice=advice, lead="without it", repair=cut(self.text, field))
        able = [layer for layer in LAYERS if takes(layer, name)]
        if able and cls not in able and not blank_of(name):
            said = value_in_words(able[0], word)
            typed = quote(field.text) + (f" ({said})" if said else "")
            message = f"{cls.kind} does not accept {typed}, which is only for {listed([layer.kind for layer in able])}"
            head, without = next(Token(self.text, 0).split(",")), cut(self.text, field)
            if KINDS.get(lowered(head.text.partition(":")[0])) in able:
                moved = splice(without, head, f"{head.text}:{field.text}")
                self.fail(field, message, lead="on the first layer", repair=moved)
            self.fail(field, message, lead="leave it out", repair=without)
        theirs = framework_word(name, [*(option.attribute for option in cls.options), *ACTIVATIONS])
        if theirs is not None and attribute_of(cls, name) is None and not (name == STACKED and value):
            self.fail(field, message, advice=FRAMEWORK_WORDS[theirs])
        option = next((each for each in cls.options if each.attribute == attribute_of(cls, name)), None)
        if not equals and isinstance(option, Choice) and option.symbol is not None:
            self.wrong_value(cls, option, field, "")
        known = [key_in_both(option) for option in cls.options]
        self.fail(field, message, lead=f"fields: {listed(known)}" if known else "")

    def fail(
        self, token: Token, message: str, *, advice: str = "", lead: str = "", repair: str | None = None
    ) -> NoReturn:
        """Raise the SpecError at a token."""
        repair = None if repair is None else without_spaces(repair)
        raise SpecError(message, text=self.text, span=token.span, advice=advice, lead=lead, repair=repair)
