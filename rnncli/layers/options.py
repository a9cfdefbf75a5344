"""The optional fields of a layer, and how each is spelt: a flag, one of some named values, or a whole number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from rnncli.errors import listed, shorten
from rnncli.immutable import Immutable, immutable
from rnncli.layers.sizes import BLANK_TEXT, Unknown, blank_of
from rnncli.quantities import MAX_SIZE, parse_size

_ONE_AND_ZERO = {"1": True, "0": False}
"""What people write for true and false."""


class Option(Immutable, ABC):
    """A field that sets an attribute to something else than its default."""

    attribute: str
    """The layer's attribute, Keras's argument."""
    means: str
    """What it does, for `rnncli layers`."""
    in_keras: str | None = None
    """How Keras says it where its class has no argument for it: `Masking()`; empty if nothing says it."""
    in_torch: str
    """How PyTorch says it where its class has no argument for it: `x.flip(1)`; empty if nothing says it."""

    @property
    @abstractmethod
    def lead(self) -> str:
        """How the field starts: `seq`, `act=`."""

    @property
    def form(self) -> str:
        """The field as `rnncli layers` shows it: `seq`, `[act=]ACT`."""
        return self.lead

    def spelling(self, value: object) -> str:
        """Return the shortest field that sets the attribute to `value`."""
        return self.lead

    def spells(self, name: str) -> bool:
        """Whether a word, up to any `=`, is how a field of this option starts."""
        return name == self.lead.removesuffix("=") or name in self.short_fields()

    @abstractmethod
    def fields(self) -> Mapping[str, Any]:
        """Return every field of its own, written out, with the value that it gives: `seq`, `act=relu`."""

    def short_fields(self) -> Mapping[str, Any]:
        """Return the names that may stand alone, with the values that they give: `relu`."""
        return {}

    def alone(self, word: str) -> str:
        """Return the name of the value that a word gives which stands alone; it is one that `spells` knows."""
        return word

    @abstractmethod
    def value_of(self, name: str) -> object:
        """Return the value of the attribute that a field gives, by what stands behind the `=`, or by a word alone.

        Raises:
            ValueError: it gives none; the message says what is allowed.
        """

    @abstractmethod
    def meant(self, value: object) -> object:
        """Return the value of the attribute that the value of a framework's argument stands for, if it does."""

    @abstractmethod
    def allowed(self, named: bool) -> Sequence[str]:
        """Return the values that an argument may have; `named` if that has the attribute's own values."""

    @abstractmethod
    def check(self, value: object) -> None:
        """Check a value of the attribute.

        Raises:
            ValueError: it is not allowed; the message says what is.
        """


@immutable
class Flag(Option):
    """A word that sets an attribute to `value`: `seq`."""

    word: str
    attribute: str
    means: str
    value: bool = True
    in_torch: str = ""
    in_keras: str | None = None

    @property
    def lead(self) -> str:
        """The word."""
        return self.word

    def fields(self) -> Mapping[str, Any]:
        """Return the word with its value."""
        return {self.word: self.value}

    def value_of(self, name: str) -> object:
        """Return what the word sets."""
        return self.value

    def meant(self, value: object) -> object:
        """Return true or false for 1 and 0, too."""
        return _ONE_AND_ZERO.get(value, value) if isinstance(value, str) else value

    def allowed(self, named: bool) -> Sequence[str]:
        """Return true and false."""
        return ("True", "False")

    def check(self, value: object) -> None:
        """Check that it is true or false."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.attribute} is {shorten(repr(value))}, expected True or False")


@immutable
class Choice(Option):
    """One of several named values, spelt `key=name`.

    Attributes:
        key: the word before `=`.
        values: the attribute's value for each name.
        key_alone: the name that the key alone stands for (`bi` is `bi=concat`), if it may stand alone.
        name_alone: whether a name may stand alone (`relu` is `act=relu`).
        unset: whether the attribute may be None, as it is where a spec does not set it.
        symbol: what stands for the names in `rnncli layers`, where they are listed elsewhere.
        other_names: names from elsewhere, and which of ours each is; an error's repair translates them.
        keras_only: the values that PyTorch's argument cannot have.
        effects: what each name does, where its name and what the field does are not enough to know.
    """

    key: str
    attribute: str
    values: Mapping[str, Any]
    means: str
    key_alone: str | None = None
    name_alone: bool = False
    unset: bool = False
    symbol: str | None = None
    other_names: Mapping[str, str] = field(default_factory=dict)
    in_torch: str = ""
    keras_only: tuple[object, ...] = ()
    effects: Mapping[str, str] = field(default_factory=dict)

    def spelling(self, value: object) -> str:
        """Return the key alone or the name alone where they may stand so, else both."""
        name = next(name for name, each in self.values.items() if each == value)
        if name == self.key_alone:
            return self.key
        return name if self.name_alone else f"{self.key}={name}"

    @property
    def form(self) -> str:
        """The key and the names, what may be left out in brackets."""
        name = self.symbol or "|".join(self.values)
        if self.key_alone:
            return f"{self.key}[={name}]"
        return f"[{self.key}=]{name}" if self.name_alone else f"{self.key}={name}"

    @property
    def lead(self) -> str:
        """The key and the `=`."""
        return f"{self.key}="

    def fields(self) -> Mapping[str, Any]:
        """Return the key alone where it may stand so, and the key with each name."""
        alone = {} if self.key_alone is None else {self.key: self.values[self.key_alone]}
        return alone | {f"{self.key}={name}": value for name, value in self.values.items()}

    def short_fields(self) -> Mapping[str, Any]:
        """Return the names where they may stand alone."""
        return self.values if self.name_alone else {}

    def alone(self, word: str) -> str:
        """Return the name that the key alone stands for, nothing if it may not stand alone; or the name itself."""
        return word if word != self.key else self.key_alone or ""

    def value_of(self, name: str) -> object:
        """Return the value that has a name."""
        if name not in self.values:
            raise ValueError(f"{shorten(name)} is none of {', '.join(self.values)}")
        return self.values[name]

    def meant(self, value: object) -> object:
        """Return what a name from elsewhere stands for, and true where the key may stand alone."""
        if isinstance(value, str) and not (self.key_alone is not None and value in _ONE_AND_ZERO):
            name = value.lower()
            return self.values.get(self.other_names.get(name, name), value)
        if value is None:
            return self.values.get(self.other_names.get("none", ""))
        value = _ONE_AND_ZERO.get(value, value) if isinstance(value, str) else value
        if isinstance(value, bool) and self.key_alone is not None:
            return self.values[self.key_alone] if value else None
        return value

    def allowed(self, named: bool) -> Sequence[str]:
        """Return the names, or true and false where an argument says no more than that the key stands there."""
        return tuple(self.values) if self.key_alone is None or named else ("True", "False")

    def check(self, value: object) -> None:
        """Check that it is one of the values."""
        if self.unset and value is None:
            return
        # True equals 1, so types count too.
        if not any(value == each and type(value) is type(each) for each in self.values.values()):
            allowed = listed([repr(each) for each in self.values.values()], "or")
            raise ValueError(f"{self.attribute} is {shorten(repr(value))}, expected {allowed}")


@immutable
class Whole(Option):
    """A whole number, spelt `key=N`.

    Attributes:
        key: the word before `=`.
        examples: numbers that show what it does.
        unset: whether the attribute may be None, as it is where a spec does not set it.
    """

    key: str
    attribute: str
    means: str
    in_torch: str = ""
    examples: tuple[int, ...] = (1, 2)
    unset: bool = False
    in_keras: str | None = None

    def spelling(self, value: object) -> str:
        """Return the key and the number."""
        return f"{self.key}={value}"

    @property
    def form(self) -> str:
        """The key and an N."""
        return f"{self.key}=N"

    @property
    def lead(self) -> str:
        """The key and the `=`."""
        return f"{self.key}="

    def fields(self) -> Mapping[str, Any]:
        """Return the key with some numbers."""
        return {f"{self.key}={number}": number for number in self.examples}

    def alone(self, word: str) -> str:
        """Return nothing: the key does not stand alone."""
        return ""

    def value_of(self, name: str) -> object:
        """Return the number, or the blank that stands for it."""
        return blank_of(name) or parse_size(name)

    def meant(self, value: object) -> object:
        """Return the number that a text is."""
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value

    def allowed(self, named: bool) -> Sequence[str]:
        """Return what numbers there are."""
        return (f"a whole number from 1 to {MAX_SIZE:,}",)

    def check(self, value: object) -> None:
        """Check that it is a size, or is not known yet."""
        if isinstance(value, Unknown) or (self.unset and value is None):
            return
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SIZE:
            raise ValueError(f"{self.attribute} is {shorten(repr(value))}, expected {self.allowed(True)[0]}")


class Bare(Whole):
    """A whole number that stands alone and may be left out: the K of `pool:max:K`. Its key is that letter."""

    def __init__(self, key: str, attribute: str, means: str) -> None:
        super().__init__(key, attribute, means, examples=(2, 3), unset=True)

    def spelling(self, value: object) -> str:
        """Return the number."""
        return str(value)

    @property
    def form(self) -> str:
        """The letter."""
        return self.key

    @property
    def lead(self) -> str:
        """The letter, too."""
        return self.key

    def spells(self, name: str) -> bool:
        """Whether it is a number, or a blank."""
        return name[:1].isdigit() or name[:1] == BLANK_TEXT

    def fields(self) -> Mapping[str, Any]:
        """Return some numbers."""
        return {str(number): number for number in self.examples}

    def alone(self, word: str) -> str:
        """Return the number."""
        return word
