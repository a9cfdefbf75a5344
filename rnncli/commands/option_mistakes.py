"""What was probably meant by the options and arguments of a command that Click refuses."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import NamedTuple

import click

from rnncli.commands.command_line import Word, line, words
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.named import Named
from rnncli.commands.other_names import OPTIONS, REPAIRED_VALUES
from rnncli.commands.values import Value
from rnncli.errors import listed, quote
from rnncli.language.habits import in_ascii
from rnncli.language.hints import closest
from rnncli.layers import KINDS

_SHOW_COSTS = ("summary", "explain")
"""Commands that show what `compare` shows of several networks, or of one in several settings."""


class Diagnosis(NamedTuple):
    """What is wrong with a command line.

    Attributes:
        message: the error.
        typed: the command line with this mistake mended; None where that is not known.
        lead: what leads to it: `perhaps`, `for example`.
        advice: how to mend it, in words.
    """

    message: str
    typed: list[str] | None = None
    lead: str = ""
    advice: str = ""


def diagnosis_of(
    error: click.ClickException, group: click.Group, command: click.Command, typed: list[str]
) -> Diagnosis:
    """Return what is wrong with the options or arguments of a command.

    Args:
        error: what Click raised.
        group: the group of commands.
        command: the command.
        typed: the words behind `rnncli`.
    """
    this = _Line(group, command, typed[0], words(command, typed[1:]))
    match error:
        case click.NoSuchOption():
            return this.no_option()
        case GivenTwiceError():
            return this.given_twice(error.option, error.values)
        case click.BadOptionUsage():
            return this.no_value(error.option_name)
        case click.MissingParameter(param=click.Argument() as argument):
            return this.no_argument(argument)
        case click.BadParameter(param=click.Option() as option):
            return this.wrong_value(option, error.message)
        case click.BadParameter(param=click.Argument() as argument):
            return this.wrong_argument(argument, error.message)
        case click.UsageError():
            return this.too_many_arguments(error.format_message())
    return Diagnosis(error.format_message())


@dataclass(frozen=True)
class _Line:
    """A command line that a command refuses.

    Attributes:
        group: the group of commands.
        command: the command.
        name: its name.
        words: its options and arguments as typed.
    """

    group: click.Group
    command: click.Command
    name: str
    words: list[Word]

    def no_option(self) -> Diagnosis:
        """Return what is wrong where the command has no such option."""
        place = next(i for i, each in enumerate(self.words) if each.is_unknown)
        word = self.words[place]
        name = word.text.lstrip("-")
        message = f"there is no option {word.text}"
        for option in self._options:
            value = _chosen(option, name)
            if value is not None:  # --json
                return Diagnosis(message, self._with(place, Word(option.opts[0], option, value)))
        meant = self._meant(name)
        if meant is not None:
            return Diagnosis(message, self._with(place, replace(word, text=meant)))
        if any(word.text in each.opts for each in self.group.params):
            return Diagnosis(f"{word.text} is an option of rnncli itself", [word.text])
        others = self._others(word.text)
        if others:
            have = "has" if len(others) == 1 else "have"
            message = f"{self.name} has no option {word.text}; {listed(list(others))} {have}"
        takes_value = not any(each.is_flag for each in others.values())
        following = self.words[place + 1 : place + 2] if takes_value and not word.attached else []
        values = sum(each.is_argument and not is_spec(each.text) for each in following)
        rest = self.words[place + 1 + values :]
        return Diagnosis(message, self._line([*self.words[:place], *rest]), lead="without it")

    def no_value(self, name: str) -> Diagnosis:
        """Return what is wrong where an option has no value, or a flag has one."""
        place = next(i for i, each in enumerate(self.words) if each.option is not None and each.text == name)
        word = self.words[place]
        assert word.option is not None
        if not word.option.is_flag:
            message = f"{name} has no value; it takes {_taken(word.option)}"
            return Diagnosis(message, self._with(place, word.with_value(_example(word.option))), lead="for example")
        value = word.value or ""
        message = f"{name} takes no value, but {quote(value)} was given"
        if value.lower() in ("no", "false", "0", "off"):
            return Diagnosis(message, self._with(place), lead="without it")
        return Diagnosis(message, self._with(place, Word(word.text, word.option)))

    def wrong_value(self, option: click.Option, message: str) -> Diagnosis:
        """Return what is wrong where the value of an option is not allowed."""
        name = long_name(option)
        places = [i for i, each in enumerate(self.words) if each.option is option and each.value is not None]
        wrong = [i for i in places if is_wrong(option, self.words[i].value or "")]
        if not wrong:
            return Diagnosis(f"{name}: {message}")
        place, word = wrong[-1], self.words[wrong[-1]]
        value = word.value or ""
        if word.text in option.opts and word.text.startswith("--"):
            name = word.text  # of its two names the one that was typed
        several = values_in(option, value) if option.multiple else []
        if several:
            message = f"{name} is {quote(value)}, but it takes one value at a time"
            return Diagnosis(message, self._with(place, *map(word.with_value, several)))
        if is_spec(value) or any(value.partition("=")[0] in each.opts for each in self.command.params):
            given = Word(word.text, option, _example(option))
            message = f"{name} has no value; it takes {_taken(option)}"
            return Diagnosis(message, self._with(place, given, Word(value)), lead="for example")
        if isinstance(option.type, click.Choice):
            message = f"{name} is {quote(value)}, expected {listed([str(each) for each in option.type.choices], 'or')}"
            if isinstance(option.type, Named) and option.type.meaning(value) is not None:
                message += f", {option.type.elsewhere}"
            nearest = _chosen(option, value) or closest(value.lower(), map(str, option.type.choices))
            lead = ""
        else:
            message = f"{name}: {message}"
            plain = in_ascii(value)
            nearest = plain if not is_wrong(option, plain) else None
            if isinstance(option.type, Value):
                nearest = nearest or option.type.nearest(plain)
            lead = "perhaps"
        if nearest is None:
            nearest, lead = _example(option), "for example"
        return Diagnosis(message, self._with(place, word.with_value(nearest)), lead)

    def given_twice(self, option: click.Option, values: tuple[str, ...]) -> Diagnosis:
        """Return what is wrong where an option that counts once has several values; `compare` may take them all."""
        message = f"{self.name} takes one {long_name(option)}, but {listed(list(map(quote, values)))} are given"
        compare = self.group.get_command(click.Context(self.group), "compare")
        if self.name in _SHOW_COSTS and compare is not None:
            taken = {name: each for each in compare.params for name in each.opts}
            known = all(each.option is None or each.text in taken for each in self.words)
            if known and getattr(taken.get(long_name(option)), "multiple", False):
                return Diagnosis(message, line("compare", self.words), advice="compare puts them side by side")
        *others, _ = (i for i, each in enumerate(self.words) if each.option is option)
        kept = [each for i, each in enumerate(self.words) if i not in others]
        return Diagnosis(message, self._line(kept), lead="with the last of them")

    def no_argument(self, argument: click.Argument) -> Diagnosis:
        """Return what is wrong where an argument is missing; there is one in the examples of the help."""
        message = f"{self.name} needs a {argument.human_readable_name.strip('[].')}"
        found = re.search(r"^\s*rnncli (.*)$", self.command.help or "", re.MULTILINE)
        if found is None:
            return Diagnosis(message)
        example = words(self.command, shlex.split(found[1])[1:])
        options = [each for each in example if not each.is_argument and not any(map(_is_option, self.words))]
        given = [each for each in example if each.is_argument]
        return Diagnosis(message, self._line([*given, *self.words, *options]), lead="for example")

    def wrong_argument(self, argument: click.Argument, message: str) -> Diagnosis:
        """Return what is wrong where an argument is not allowed."""
        name = argument.human_readable_name
        place = next((i for i, each in enumerate(self.words) if each.is_argument), None)
        if place is None or not isinstance(argument.type, click.Choice):
            return Diagnosis(f"{name}: {message}")
        value, choices = self.words[place].text, [str(each) for each in argument.type.choices]
        nearest = closest(value.lower(), choices)
        lead = "" if nearest else "for example"
        message = f"{name} is {quote(value)}, expected {listed(choices, 'or')}"
        return Diagnosis(message, self._with(place, Word(nearest or choices[0])), lead)

    def too_many_arguments(self, message: str) -> Diagnosis:
        """Return what is wrong where there are more arguments than the command takes."""
        most = sum(each.nargs for each in self.command.params if isinstance(each, click.Argument))
        extra = [i for i, each in enumerate(self.words) if each.is_argument][most:]
        if not extra:
            return Diagnosis(message.rstrip("."))
        takes = f"takes {most} argument{'' if most == 1 else 's'}" if most else "takes no argument"
        rest = [each for i, each in enumerate(self.words) if i not in extra]
        message = f"{self.name} {takes}, but {quote(self.words[extra[0]].text)} was given"
        return Diagnosis(message, self._line(rest), lead="without it")

    @property
    def _options(self) -> list[click.Option]:
        return [each for each in self.command.params if isinstance(each, click.Option)]

    def _meant(self, name: str) -> str | None:
        """Return the option that was probably meant by a name that the command has not."""
        names = {long_name(option).lstrip("-"): long_name(option) for option in self._options}
        other = OPTIONS.get(name.lower(), "")
        guess = other if other in names else closest(name.lower(), names)
        return None if guess is None else names[guess]

    def _others(self, name: str) -> dict[str, click.Option]:
        """Return the other commands that have an option of that name, and the option."""
        found = {}
        for each in self.group.list_commands(click.Context(self.group)):
            command = self.group.get_command(click.Context(self.group), each)
            for option in command.params if command is not None else []:
                if isinstance(option, click.Option) and name in option.opts:
                    found[each] = option
        return found

    def _with(self, place: int, *instead: Word) -> list[str]:
        """Return the command line with other words in place of one."""
        return self._line([*self.words[:place], *instead, *self.words[place + 1 :]])

    def _line(self, parts: list[Word]) -> list[str]:
        return line(self.name, parts)


def is_spec(word: str) -> bool:
    """Return whether a word looks like a spec, and not like a value or the name of a command."""
    return word == "-" or ":" in word or "(" in word or word.lower() in KINDS


def _is_option(word: Word) -> bool:
    return word.option is not None


def values_in(option: click.Option, text: str) -> list[str]:
    """Return the values of an option that a text lists, `keras,torch`, or `both`; none where it does not."""
    found = [each for each in re.split(r"[\s,;+/|&]+", text) if each]
    if text.lower() in ("both", "all") and isinstance(option.type, click.Choice):
        found = [str(each) for each in option.type.choices]
    return found if len(found) > 1 and not any(is_wrong(option, each) for each in found) else []


def is_wrong(option: click.Option, value: str) -> bool:
    """Return whether a value is not allowed."""
    try:
        option.type_cast_value(click.Context(click.Command("")), (value,) if option.multiple else value)
    except click.BadParameter:
        return True
    return False


def _chosen(option: click.Option, value: str) -> str | None:
    """Return the one of an option's values that goes by that name, here or elsewhere; None if none does."""
    if not isinstance(option.type, click.Choice):
        return None
    choices = [str(each) for each in option.type.choices]
    name = value.lower()
    meant = option.type.meaning(value) if isinstance(option.type, Named) else None
    return next((each for each in (name, meant, REPAIRED_VALUES.get(name)) if each in choices), None)


def _example(option: click.Option) -> str:
    """Return a value that is allowed."""
    if isinstance(option.type, Value):
        return option.type.example
    if isinstance(option.type, click.Choice):
        return str(option.default if option.default in option.type.choices else option.type.choices[0])
    return option.metavar or "1"


def _taken(option: click.Option) -> str:
    """Return in words what an option takes."""
    if isinstance(option.type, Value):
        return f"a {option.type.name}"
    if isinstance(option.type, click.Choice):
        return listed([str(each) for each in option.type.choices], "or")
    return option.metavar or "a value"
