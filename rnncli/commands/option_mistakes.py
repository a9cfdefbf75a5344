"""What was meant by the options and arguments of a command that Click refuses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from rnncli.commands.command_line import Line, Word, line, words
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.named import Named
from rnncli.commands.other_names import REPAIRED_VALUES
from rnncli.commands.values import Value
from rnncli.errors import listed, quote
from rnncli.language.likeness import closest, in_ascii
from rnncli.language.mend.search import COSTS_A_GUESS, Step
from rnncli.layers import KINDS
from rnncli.reports.reference import is_word

_SHOW_COSTS = ("summary", "explain")
"""Commands that show what `compare` shows of several networks, or of one in several settings."""


@dataclass(frozen=True)
class CommandLine:
    """A command line, and the command that it is of.

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

    @property
    def options(self) -> dict[str, click.Option]:
        """The command's options by their long names, without the two hyphens."""
        return {long_name(each).lstrip("-"): each for each in self.command.params if isinstance(each, click.Option)}

    @property
    def given(self) -> set[click.Option | None]:
        """The options that stand in it."""
        return {word.option for word in self.words}

    def with_(self, place: int, *instead: Word, used: int = 1) -> Line:
        """Return the command line with other words in place of one, or of as many as are `used`."""
        return self.line([*self.words[:place], *instead, *self.words[place + used :]])

    def line(self, parts: Sequence[Word]) -> Line:
        """Return what is typed behind `rnncli` for other options and arguments."""
        return tuple(line(self.name, parts))

    def others(self, name: str) -> dict[str, click.Option]:
        """Return the other commands that have an option of that name, and the option."""
        found = {}
        for each in self.group.list_commands(click.Context(self.group)):
            command = self.group.get_command(click.Context(self.group), each)
            for option in command.params if command is not None else []:
                if isinstance(option, click.Option) and name in option.opts:
                    found[each] = option
        return found


def steps_of(error: click.ClickException, this: CommandLine) -> Iterator[Step[Line]]:
    """Yield what may be done about what Click refuses in the options or arguments that a command has."""
    match error:
        case GivenTwiceError():
            yield from _given_twice(this, error.option, error.values)
        case click.BadOptionUsage():
            yield _no_value(this, error.option_name)
        case click.MissingParameter(param=click.Argument() as argument):
            yield from _no_argument(this, argument)
        case click.BadParameter(param=click.Option() as option):
            yield from _wrong_value(this, option, error.message)
        case click.BadParameter(param=click.Argument() as argument):
            yield from _wrong_argument(this, argument, error.message)
        case click.UsageError():
            yield from _too_many_arguments(this, error.format_message())


def one_hyphen(this: CommandLine) -> Iterator[Step[Line]]:
    """Yield the line with two hyphens before a long option that has one, `-framework torch`."""
    typed = this.line(this.words)
    names = {f"-{name}" for name in this.options}
    place = next((place for place, text in enumerate(typed) if text.partition("=")[0] in names), None)
    if place is not None:
        message = f"a long option has two hyphens, not as in {quote(typed[place])}"
        yield Step((*typed[:place], f"-{typed[place]}", *typed[place + 1 :]), "", message)


def _no_value(this: CommandLine, name: str) -> Step[Line]:
    """Return the line mended where an option has no value, or a flag has one."""
    place = next(i for i, each in enumerate(this.words) if each.option is not None and each.text == name)
    word = this.words[place]
    assert word.option is not None
    if not word.option.is_flag:
        message = f"{name} has no value; it takes {_taken(word.option)}"
        return Step(
            this.with_(place, word.with_value(_example(word.option))), "for example", message, costs=COSTS_A_GUESS
        )
    value = word.value or ""
    message = f"{name} takes no value, but {quote(value)} was given"
    if value.lower() in ("no", "false", "0", "off"):
        return Step(this.with_(place), "without it", message, drops=name)
    return Step(this.with_(place, Word(word.text, word.option)), "", message)


def _wrong_value(this: CommandLine, option: click.Option, message: str) -> Iterator[Step[Line]]:
    """Yield the line mended where the value of an option is not allowed."""
    name = long_name(option)
    places = [i for i, each in enumerate(this.words) if each.option is option and each.value is not None]
    wrong = [i for i in places if is_wrong(option, this.words[i].value or "")]
    if not wrong:
        return
    place, word = wrong[-1], this.words[wrong[-1]]
    value = word.value or ""
    if word.text in option.opts and word.text.startswith("--"):
        name = word.text  # of its two names the one that was typed
    several = values_in(option, value)
    if several:
        one_at_a_time = f"{name} is {quote(value)}, but it takes one value at a time"
        yield from _several(this, place, several, one_at_a_time)
    if is_spec(value) or any(value.partition("=")[0] in each.opts for each in this.command.params):
        given = Word(word.text, option, _example(option))
        message = f"{name} has no value; it takes {_taken(option)}"
        yield Step(this.with_(place, given, Word(value)), "for example", message, costs=COSTS_A_GUESS)
        return
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
    if nearest is not None:
        yield Step(this.with_(place, word.with_value(nearest)), lead, message)
    example = this.with_(place, word.with_value(_example(option)))
    yield Step(example, "for example", message, drops=value, costs=COSTS_A_GUESS // 2)


def _several(this: CommandLine, place: int, values: Sequence[str], message: str) -> Iterator[Step[Line]]:
    """Yield the line with each of several values of an option given once, for `compare` where another takes one."""
    word = this.words[place]
    assert word.option is not None
    parts = [*this.words[:place], *map(word.with_value, values), *this.words[place + 1 :]]
    if word.option.multiple:
        yield Step(this.line(parts), "", message)
    elif _compares(this, word.option):
        yield Step(tuple(line("compare", parts)), "", message, advice="compare puts them side by side")
    elif getattr(this.others(long_name(word.option)).get("compare"), "multiple", False):
        yield Step(this.with_(place, word.with_value(values[0])), "with the first of them", message)


def _compares(this: CommandLine, option: click.Option) -> bool:
    """Whether `compare` takes all options of a line, and several values of one of them."""
    compare = this.group.get_command(click.Context(this.group), "compare")
    if this.name not in _SHOW_COSTS or compare is None:
        return False
    taken = {name: each for each in compare.params for name in each.opts}
    known = all(each.option is None or each.text in taken for each in this.words)
    return known and getattr(taken.get(long_name(option)), "multiple", False)


def _given_twice(this: CommandLine, option: click.Option, values: tuple[str, ...]) -> Iterator[Step[Line]]:
    """Yield the line mended where an option that counts once has several values; `compare` may take them all."""
    message = f"{this.name} takes one {long_name(option)}, but {listed(list(map(quote, values)))} are given"
    if _compares(this, option):
        yield Step(tuple(line("compare", this.words)), "", message, advice="compare puts them side by side")
    *others, _ = (i for i, each in enumerate(this.words) if each.option is option)
    kept = [each for i, each in enumerate(this.words) if i not in others]
    yield Step(this.line(kept), "with the last of them", message, costs=1)


def _no_argument(this: CommandLine, argument: click.Argument) -> Iterator[Step[Line]]:
    """Yield the line mended where an argument is missing; there is one in the examples of the help."""
    message = f"{this.name} needs a {argument.human_readable_name.strip('[].')}"
    found = re.search(r"^\s*rnncli (.*)$", this.command.help or "", re.MULTILINE)
    if found is None:
        return
    example = words(this.command, shlex.split(found[1])[1:])
    options = [each for each in example if not each.is_argument and this.given <= {None}]
    given = [each for each in example if each.is_argument]
    yield Step(this.line([*given, *this.words, *options]), "for example", message, costs=COSTS_A_GUESS)


def _wrong_argument(this: CommandLine, argument: click.Argument, message: str) -> Iterator[Step[Line]]:
    """Yield the line mended where an argument is not allowed."""
    name = argument.human_readable_name
    place = next((i for i, each in enumerate(this.words) if each.is_argument), None)
    if place is None or not isinstance(argument.type, click.Choice):
        yield Step(this.line(this.words), "", f"{name}: {message}")
        return
    value, choices = this.words[place].text, [str(each) for each in argument.type.choices]
    nearest = closest(value.lower(), choices)
    message = f"{name} is {quote(value)}, expected {listed(choices, 'or')}"
    yield Step(this.with_(place, Word(nearest or choices[0])), "" if nearest else "for example", message)


def _too_many_arguments(this: CommandLine, message: str) -> Iterator[Step[Line]]:
    """Yield the line mended where there are more arguments than the command takes."""
    most = sum(each.nargs for each in this.command.params if isinstance(each, click.Argument))
    extra = [i for i, each in enumerate(this.words) if each.is_argument][most:]
    if not extra:
        yield Step(this.line(this.words), "", message.rstrip("."))
        return
    takes = f"takes {most} argument{'' if most == 1 else 's'}" if most else "takes no argument"
    rest = [each for i, each in enumerate(this.words) if i not in extra]
    name = "_".join(each.text for each in this.words if each.is_argument)
    if this.name == "layers" and is_word(name):  # cell state
        yield Step(this.line([Word(name)]), "", f"layers {takes}, but {len(extra) + most} were given")
        return
    message = f"{this.name} {takes}, but {quote(this.words[extra[0]].text)} was given"
    yield Step(this.line(rest), "without it", message, drops=this.words[extra[0]].text, costs=COSTS_A_GUESS)


def is_spec(word: str) -> bool:
    """Return whether a word looks like a spec, and not like a value or the name of a command."""
    return word == "-" or ":" in word or "(" in word or word.lower() in KINDS


def chosen(option: click.Option, value: str) -> str | None:
    """Return the one of an option's values that goes by that name, here or elsewhere; None if none does."""
    if not isinstance(option.type, click.Choice):
        return None
    choices = [str(each) for each in option.type.choices]
    for name in (value, re.sub("[-_ ]", "", value)):
        meant = option.type.meaning(name) if isinstance(option.type, Named) else None
        known = (name.lower(), meant, REPAIRED_VALUES.get(name.lower()))
        found = next((each for each in known if each in choices), None)
        if found is not None:
            return found
    return None


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
