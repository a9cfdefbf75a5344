"""A command line taken apart into options and arguments, and put together again."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import click

from rnncli.layers.sizes import BLANK_TEXT

Line = tuple[str, ...]
"""What is typed behind `rnncli`."""

REDIRECTIONS = ("<", ">")
"""Words of a line that are for the shell, as is what stands behind them."""

_SHOWS = "summary"
"""The command of a line that says none."""

TYPED = "rnncli.command_line"
"""Under this key the context holds what was typed behind `rnncli`."""


class Word(NamedTuple):
    """An option as typed, with its value if it has one, or an argument.

    Attributes:
        text: the option as it is spelt, `--format` or `-f`; the argument.
        option: the option that it is; None for an argument, and for an option that the command has not.
        value: the value of the option; None where there is none.
        attached: whether the value is in the same word: `--format=json`, `-fjson`.
    """

    text: str
    option: click.Option | None = None
    value: str | None = None
    attached: bool = False

    @property
    def is_argument(self) -> bool:
        """Whether it is an argument."""
        return self.option is None and (not self.text.startswith("-") or self.text == "-")

    @property
    def is_unknown(self) -> bool:
        """Whether it is an option that the command has not."""
        return self.option is None and not self.is_argument and (self.text != "--" or self.attached)

    def typed(self) -> list[str]:
        """Return the words of the command line that it is."""
        if self.value is None:
            return [self.text]
        if not self.attached:
            return [self.text, self.value]
        return [f"{self.text}={self.value}" if self.text.startswith("--") else f"{self.text}{self.value}"]

    def with_value(self, value: str) -> Word:
        """Return the option with another value."""
        return self._replace(value=value)


def with_command(group: click.Group, typed: Sequence[str]) -> list[str]:
    """Return a line with the command that it need not say: `rnncli SPEC` is `rnncli summary SPEC`."""
    first = next(iter(typed), "-")
    names = group.list_commands(click.Context(group))
    if first.startswith("-") or any(word in names for word in typed) or not _stands_for_a_network(first):
        return [*typed]
    return [_SHOWS, *typed] if command_for(group, typed) == _SHOWS else [*typed]


def _stands_for_a_network(word: str) -> bool:
    if re.search("[:(]", word) is not None or is_file(word):
        return True
    from rnncli.formats import choice_of  # only a mistake, or a file that is not there, comes so far

    return choice_of(word) is not None


def command_for(group: click.Group, typed: Sequence[str]) -> str | None:
    """Return the command that a line without one is probably meant for, or None if nothing tells."""
    specs = [word for word in typed if not word.startswith("-")]
    if any("{" in spec for spec in specs):
        return "sweep"
    if any(BLANK_TEXT in re.split("[:,x]", spec) for spec in specs):
        return "solve"
    options = {word.partition("=")[0] for word in typed if word.startswith("-") and word != "-"}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and options <= {name for each in command.params for name in each.opts}:
            return name
    return _SHOWS if specs else None


def is_file(path: str) -> bool:
    """Whether there is a file of that name."""
    try:
        return os.path.isfile(path)
    except ValueError:
        return False  # a null byte


def words(command: click.Command, typed: Sequence[str]) -> list[Word]:
    """Return the options and arguments behind the name of a command."""
    return list(_words(command, list(typed)))


def _words(command: click.Command, typed: list[str]) -> Iterator[Word]:
    options = {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}
    while typed:
        text = typed.pop(0)
        if text == "--":
            yield from map(Word, [text, *typed])
            return
        if not text.startswith("-") or text == "-":
            yield Word(text)
        elif text.startswith("--") or text in options:
            name, equals, value = text.partition("=")
            option = options.get(name)
            if equals:
                yield Word(name, option, value, attached=True)
            elif option is not None and not option.is_flag and typed:
                yield Word(name, option, typed.pop(0))
            else:
                yield Word(name, option)
        else:
            yield from _short(text, options, typed)


def _short(text: str, options: dict[str, click.Option], typed: list[str]) -> Iterator[Word]:
    """Yield the options that are short and in one word: `-qf json`, `-fjson`."""
    for place in range(1, len(text)):
        name, rest = f"-{text[place]}", text[place + 1 :]
        option = options.get(name)
        if option is None:
            yield Word(text if place == 1 else f"-{text[place:]}")
            return
        if not option.is_flag:
            if rest:
                yield Word(name, option, rest, attached=True)
            else:
                yield Word(name, option, typed.pop(0) if typed else None)
            return
        yield Word(name, option)


def line(name: str, parts: Iterable[Word]) -> list[str]:
    """Return what is typed behind `rnncli` for a command."""
    return [name, *(text for part in parts for text in part.typed())]


def shown(typed: Iterable[str]) -> str:
    """Return a command line as it can be pasted into a shell."""
    import shlex  # only an error needs it

    return " ".join(each if each in REDIRECTIONS else shlex.quote(each) for each in ("rnncli", *typed))


def this_line(
    *, without: Collection[str] = (), arguments: Sequence[str] | None = None, more: Sequence[str] = ()
) -> str | None:
    """Return the command line that is running, with changes, as it can be pasted; None where it is not known.

    Args:
        without: the parameters of options to leave out.
        arguments: what to put in place of the arguments.
        more: what to add at the end of the options.
    """
    context = click.get_current_context()
    typed = context.meta.get(TYPED)
    if not typed:
        return None
    parts = [each for each in these_words() if each.option is None or each.option.name not in without]
    # Behind -- all are arguments, those that begin with a - too.
    end = next((place for place, each in enumerate(parts) if each == Word("--")), len(parts))
    parts[end:end] = map(Word, more)
    if arguments is not None:
        end += len(more)
        place = next((place for place, each in enumerate(parts[:end]) if each.is_argument), end)
        before, after = ([each for each in some if not each.is_argument] for some in (parts[:place], parts[place:end]))
        if any(each.startswith("-") and each != "-" for each in arguments):
            return retyped([*before, *after, *map(Word, ("--", *arguments))])
        parts = [*before, *map(Word, arguments), *after]
    return retyped(parts)


def retyped(parts: Iterable[Word]) -> str:
    """Return the command line that is running with other options and arguments, as it can be pasted."""
    return shown(line(str(click.get_current_context().info_name), parts))


def these_words() -> list[Word]:
    """Return the options and arguments of the command line that is running."""
    context = click.get_current_context()
    return words(context.command, context.meta.get(TYPED, [])[1:])


class TypedLine(NamedTuple):
    """A command line that was typed, and the commands that there are.

    Attributes:
        group: the group of commands.
        command: the command that it is of.
        typed: the line.
        words: its options and arguments.
    """

    group: click.Group
    command: click.Command
    typed: Line
    words: list[Word]

    @property
    def name(self) -> str:
        """The name of the command."""
        return self.typed[0]

    @property
    def options(self) -> dict[str, click.Option]:
        """The command's options by all of their names."""
        return {name: each for each in self.command.params if isinstance(each, click.Option) for name in each.opts}

    @property
    def given(self) -> set[click.Option | None]:
        """The options that stand in it."""
        return {word.option for word in self.words}

    @property
    def arguments(self) -> list[int]:
        """The places of its arguments."""
        return [place for place, each in enumerate(self.words) if each.is_argument]

    def line(self, parts: Iterable[Word], name: str = "") -> Line:
        """Return the line with other options and arguments, of this command or another."""
        return tuple(line(name or self.name, parts))

    def with_(self, place: int, *instead: Word, used: int = 1, end: Sequence[Word] = ()) -> Line:
        """Return the line with others in place of one word, or of as many as are `used`, and with more at its end."""
        return self.line([*self.words[:place], *instead, *self.words[place + used :], *end])

    def having(self, option: str) -> dict[str, click.Option]:
        """Return the commands that have an option, `rnncli` itself among them, and the option."""
        context = click.Context(self.group)
        found = {name: self.group.get_command(context, name) for name in self.group.list_commands(context)}
        return {
            name: each
            for name, command in (found | {"rnncli": self.group}).items()
            for each in (command.params if command is not None else ())
            if isinstance(each, click.Option) and option in each.opts
        }
