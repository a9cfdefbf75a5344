"""A command line taken apart into options and arguments, and put together again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import click

Line = tuple[str, ...]
"""What is typed behind `rnncli`."""

REDIRECTIONS = ("<", ">")
"""Words of a line that are for the shell, as is what stands behind them."""

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
        more: what to add at the end.
    """
    context = click.get_current_context()
    typed = context.meta.get(TYPED)
    if not typed:
        return None
    parts = [each for each in these_words() if each.option is None or each.option.name not in without]
    if arguments is not None:
        # Behind -- all are arguments, those that begin with a - too.
        end = next((place for place, each in enumerate(parts) if each == Word("--")), len(parts))
        place = next((place for place, each in enumerate(parts[:end]) if each.is_argument), end)
        before, after = ([each for each in some if not each.is_argument] for some in (parts[:place], parts[place:end]))
        if any(each.startswith("-") and each != "-" for each in arguments):
            return retyped([*before, *after, *map(Word, more), *map(Word, ("--", *arguments))])
        parts = [*before, *map(Word, arguments), *after]
    return retyped([*parts, *map(Word, more)])


def retyped(parts: Iterable[Word]) -> str:
    """Return the command line that is running with other options and arguments, as it can be pasted."""
    return shown(line(str(click.get_current_context().info_name), parts))


def these_words() -> list[Word]:
    """Return the options and arguments of the command line that is running."""
    context = click.get_current_context()
    return words(context.command, context.meta.get(TYPED, [])[1:])
