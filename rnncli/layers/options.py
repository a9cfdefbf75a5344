"""The optional fields of a layer and their spelling: a flag, one of some named values, or a whole number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from rnncli.errors import listed, shorten
from rnncli.immutable import Immutable, immutable
from rnncli.layers.sizes import BLANK_TEXT, blank_of, checked_size
from rnncli.quantities import MAX_SIZE, parse_size

_ONE_AND_ZERO = {"1": True, "0": False}
"""Other spellings of true and false."""


class Option(Immutable, ABC):
    """A field that sets an attribute to a value other than its default."""

    key: str
    """The word that it starts with."""
    keyed: bool = True
    """Whether a value follows the key, after a `=`."""
    attribute: str
    """The layer's attribute, which is Keras's argument."""
    means: str
    """Its description in `rnncli layers`."""
    in_keras: str | None = None
    """Keras's substitute if its class has no argument for it, `Masking()`; empty if there is none."""
    in_torch: str
    """PyTorch's substitute if its class has no argument for it, `x.flip(1)`; empty if there is none."""

    @property
    def lead(self) -> str:
        """The start of the field: `seq`, `act=`."""
        return f"{self.key}=" if self.keyed else self.key

    @property
    def form(self) -> str:
        """The field as shown by `rnncli layers`: `seq`, `[act=]ACT`."""
        return self.lead

    def spelling(self, value: object) -> str:
        """Return the shortest field that sets the attribute to `value`."""
        return self.lead

    def spells(self, name: str) -> bool:
        """Whether a word, up to any `=`, starts a field of this option."""
        return name == self.key or name in self.short_fields()

    @abstractmethod
    def fields(self) -> Mapping[str, Any]:
        """Return every field of this option, written out, with the value that it sets: `seq`, `act=relu`."""

    def short_fields(self) -> Mapping[str, Any]:
        """Return the names that may be written without the key, with the values that they set: `relu`."""
        return {}

    @abstractmethod
    def value_of(self, field: str) -> object:
        """Return the value of a field whose start `spells` accepts; a ValueError lists the allowed values."""

    @abstractmethod
    def meant(self, value: object) -> object:
        """Return the attribute's value for a framework argument's value; that value itself if there is none."""

    @abstractmethod
    def allowed(self, named: bool) -> Sequence[str]:
        """Return the values that an argument may have; `named` if it takes the attribute's own values."""

    @abstractmethod
    def checked(self, value: object) -> object:
        """Return a value of the attribute as a plain one, or raise a ValueError that lists the allowed values."""


@immutable
class Flag(Option):
    """A word that sets an attribute to `value`: `seq`."""

    key: str
    attribute: str
    means: str
    value: bool = True
    in_torch: str = ""
    in_keras: str | None = None
    keyed = False

    def fields(self) -> Mapping[str, Any]:
        """Return the word with its value."""
        return {self.key: self.value}

    def value_of(self, field: str) -> object:
        """Return the value that the word sets."""
        return self.value

    def meant(self, value: object) -> object:
        """Return the value, with 1 and 0 as true and false."""
        return _ONE_AND_ZERO.get(value, value) if isinstance(value, str) else value

    def allowed(self, named: bool) -> Sequence[str]:
        """Return true and false."""
        return ("True", "False")

    def checked(self, value: object) -> object:
        """Return it if it is true or false."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.attribute} is {shorten(repr(value))}, expected True or False")
        return value


@immutable
class Choice(Option):
    """One of several named values, spelt `key=name`.

    Attributes:
        key: the word before `=`.
        values: the attribute's value for each name.
        key_alone: the name that the key by itself means (`bi` is `bi=concat`), if it may be written that way.
        name_alone: whether a name may be written without the key (`relu` is `act=relu`).
        unset: whether the attribute may be None, its value if a spec does not set it.
        symbol: the symbol for the names in `rnncli layers`, if they are listed elsewhere.
        other_names: names from elsewhere with ours for each; an error's repair translates them.
        effects: what each name does, if its name and the option's meaning do not make it clear.
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
    effects: Mapping[str, str] = field(default_factory=dict)

    def spelling(self, value: object) -> str:
        """Return only the key or only the name if that is enough, else both."""
        name = next(name for name, each in self.values.items() if each == value)
        if name == self.key_alone:
            return self.key
        return name if self.name_alone else f"{self.lead}{name}"

    @property
    def form(self) -> str:
        """The key and the names, with brackets around what may be omitted."""
        name = self.symbol or "|".join(self.values)
        if self.key_alone:
            return f"{self.key}[={name}]"
        return f"[{self.key}=]{name}" if self.name_alone else f"{self.key}={name}"

    def fields(self) -> Mapping[str, Any]:
        """Return the key by itself, if allowed, and the key with each name."""
        alone = {} if self.key_alone is None else {self.key: self.values[self.key_alone]}
        return alone | {f"{self.lead}{name}": value for name, value in self.values.items()}

    def short_fields(self) -> Mapping[str, Any]:
        """Return the names if they may be written without the key."""
        return self.values if self.name_alone else {}

    def value_of(self, field: str) -> object:
        """Return the value with a name, or the one that the key by itself means."""
        name = (self.key_alone or "") if field == self.key else field.removeprefix(self.lead)
        if name not in self.values:
            raise ValueError(f"{shorten(field)} has none of {', '.join(self.values)}")
        return self.values[name]

    def meant(self, value: object) -> object:
        """Return the value for a name from elsewhere, and for true if the key may be written by itself."""
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
        """Return the names, or true and false if the argument only corresponds to the key."""
        return tuple(self.values) if self.key_alone is None or named else ("True", "False")

    def checked(self, value: object) -> object:
        """Return the one of the values that it is."""
        if self.unset and value is None:
            return None
        for each in self.values.values():
            if value == each and isinstance(value, type(each)):  # 1 equals True
                return each
        allowed = listed([repr(each) for each in self.values.values()], "or")
        raise ValueError(f"{self.attribute} is {shorten(repr(value))}, expected {allowed}")


@immutable
class Whole(Option):
    """A whole number, spelt `key=N`.

    Attributes:
        key: the word before `=`; without `keyed`, only the letter for the number.
        examples: numbers that show its effect.
        unset: whether the attribute may be None, its value if a spec does not set it.
        keyed: whether the key is written: the K of `pool:max:K` is not.
    """

    key: str
    attribute: str
    means: str
    in_torch: str = ""
    examples: tuple[int, ...] = (1, 2)
    unset: bool = False
    in_keras: str | None = None
    keyed: bool = True

    def spelling(self, value: object) -> str:
        """Return the key, if it is written, and the number."""
        return f"{self.lead}{value}" if self.keyed else str(value)

    @property
    def form(self) -> str:
        """The key and an N, or only the letter."""
        return f"{self.lead}N" if self.keyed else self.key

    def spells(self, name: str) -> bool:
        """Whether it is the key or, without one, the start of a number or a blank."""
        return name == self.key if self.keyed else name[:1].isdigit() or name[:1] == BLANK_TEXT

    def fields(self) -> Mapping[str, Any]:
        """Return some numbers as fields."""
        return {self.spelling(number): number for number in self.examples}

    def value_of(self, field: str) -> object:
        """Return the number, or a blank in its place."""
        name = field.removeprefix(self.lead)
        return blank_of(name) or parse_size(name)

    def meant(self, value: object) -> object:
        """Return the value, with a text of digits as a number."""
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value

    def allowed(self, named: bool) -> Sequence[str]:
        """Return the range of numbers."""
        return (f"a whole number from 1 to {MAX_SIZE:,}",)

    def checked(self, value: object) -> object:
        """Return a valid size as a Python integer, or a number that is not known yet."""
        return None if self.unset and value is None else checked_size(self.attribute, value)
