"""What was probably meant by the options and arguments of a command that Click refuses."""

from __future__ import annotations

import re
import shlex

import click

from rnncli.commands.command_line import Word, line, words
from rnncli.commands.diagnosis import CommandLine, Diagnosis
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.named import Named
from rnncli.commands.unknown_options import chosen, is_spec, unknown_option
from rnncli.commands.values import Value
from rnncli.errors import listed, quote
from rnncli.language.likeness import closest, in_ascii
from rnncli.reports.reference import is_word

_SHOW_COSTS = ("summary", "explain")
"""Commands that show what `compare` shows of several networks, or of one in several settings."""


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
            return unknown_option(this)
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


class _Line(CommandLine):
    """A command line that a command refuses."""

    def no_value(self, name: str) -> Diagnosis:
        """Return what is wrong where an option has no value, or a flag has one."""
        place = next(i for i, each in enumerate(self.words) if each.option is not None and each.text == name)
        word = self.words[place]
        assert word.option is not None
        if not word.option.is_flag:
            message = f"{name} has no value; it takes {_taken(word.option)}"
            return Diagnosis(message, self.with_(place, word.with_value(_example(word.option))), lead="for example")
        value = word.value or ""
        message = f"{name} takes no value, but {quote(value)} was given"
        if value.lower() in ("no", "false", "0", "off"):
            return Diagnosis(message, self.with_(place), lead="without it")
        return Diagnosis(message, self.with_(place, Word(word.text, word.option)))

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
            return Diagnosis(message, self.with_(place, *map(word.with_value, several)))
        if is_spec(value) or any(value.partition("=")[0] in each.opts for each in self.command.params):
            given = Word(word.text, option, _example(option))
            message = f"{name} has no value; it takes {_taken(option)}"
            return Diagnosis(message, self.with_(place, given, Word(value)), lead="for example")
        if isinstance(option.type, click.Choice):
            message = f"{name} is {quote(value)}, expected {listed([str(each) for each in option.type.choices], 'or')}"
            if isinstance(option.type, Named) and option.type.meaning(value) is not None:
                message += f", {option.type.elsewhere}"
            nearest = chosen(option, value) or closest(value.lower(), map(str, option.type.choices))
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
        return Diagnosis(message, self.with_(place, word.with_value(nearest)), lead)

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
        return Diagnosis(message, self.line(kept), lead="with the last of them")

    def no_argument(self, argument: click.Argument) -> Diagnosis:
        """Return what is wrong where an argument is missing; there is one in the examples of the help."""
        message = f"{self.name} needs a {argument.human_readable_name.strip('[].')}"
        found = re.search(r"^\s*rnncli (.*)$", self.command.help or "", re.MULTILINE)
        if found is None:
            return Diagnosis(message)
        example = words(self.command, shlex.split(found[1])[1:])
        options = [each for each in example if not each.is_argument and not any(map(_is_option, self.words))]
        given = [each for each in example if each.is_argument]
        return Diagnosis(message, self.line([*given, *self.words, *options]), lead="for example")

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
        return Diagnosis(message, self.with_(place, Word(nearest or choices[0])), lead)

    def too_many_arguments(self, message: str) -> Diagnosis:
        """Return what is wrong where there are more arguments than the command takes."""
        most = sum(each.nargs for each in self.command.params if isinstance(each, click.Argument))
        extra = [i for i, each in enumerate(self.words) if each.is_argument][most:]
        if not extra:
            return Diagnosis(message.rstrip("."))
        takes = f"takes {most} argument{'' if most == 1 else 's'}" if most else "takes no argument"
        rest = [each for i, each in enumerate(self.words) if i not in extra]
        name = "_".join(each.text for each in self.words if each.is_argument)
        if self.name == "layers" and is_word(name):  # cell state
            return Diagnosis(f"layers {takes}, but {len(extra) + most} were given", self.line([Word(name)]))
        message = f"{self.name} {takes}, but {quote(self.words[extra[0]].text)} was given"
        return Diagnosis(message, self.line(rest), lead="without it")


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
