"""Splitting a command line into options and arguments, and putting it together again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from os.path import isfile

import click

from rnncli.immutable import NamedTuple
from rnncli.layers import KINDS
from rnncli.layers.sizes import BLANK_TEXT

Line = tuple[str, ...]
"""The words after `rnncli`."""

REDIRECTIONS = ("<", ">")
"""Words of a line that are for the shell, together with the words after them."""

_SHOWS = "summary"
"""The command of a line that names none."""

TYPED = "rnncli.command_line"
"""The key in the context's meta for the words typed after `rnncli`."""


class Word(NamedTuple):
    """An option as typed, with its value if it has one, or an argument.

    Attributes:
        text: the option as typed, `--format` or `-f`; or the argument.
        option: the option's definition; None for an argument, and for an option that the command lacks.
        value: the value of the option; None if there is none.
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
        """Whether it is an option that the command lacks."""
        return self.option is None and not self.is_argument and (self.text != "--" or self.attached)

    @property
    def is_written(self) -> bool:
        """Whether its value is a file to write."""
        return self.option is not None and getattr(self.option.type, "written", False)

    def typed(self) -> list[str]:
        """Return its words on the command line."""
        if self.value is None:
            return [self.text]
        if not self.attached:
            return [self.text, self.value]
        return [f"{self.text}={self.value}" if self.text.startswith("--") else f"{self.text}{self.value}"]


def with_command(group: click.Group, typed: Sequence[str]) -> list[str]:
    """Return a line with the implied command added: `rnncli SPEC` is `rnncli summary SPEC`."""
    first = next(iter(typed), "-")
    names = group.list_commands(click.Context(group))
    command = re.match(r"(?:rnncli)?\W*(\w+)(?:[^\w.]|$)", first)  # `summary:`, `/summary`
    begins = command is not None and command[1] in names and not isfile(first)
    if first.startswith("-") or begins or any(word in names for word in typed) or not _stands_for_a_network(first):
        return [*typed]
    return [_SHOWS, *typed] if commands_for(group, typed)[:1] == [_SHOWS] else [*typed]


def _stands_for_a_network(word: str) -> bool:
    if re.search("[:(]", word) is not None or isfile(word):
        return True
    from rnncli.formats import choice_of  # reached only by mistakes and missing files

    return choice_of(word) is not None


def commands_for(group: click.Group, typed: Sequence[str]) -> list[str]:
    """Return the commands that were probably meant by a line without one, the likeliest first; none if unclear."""
    specs = [word for word in typed if not word.startswith("-")]
    if any("{" in spec for spec in specs):
        return ["sweep"]
    if any(BLANK_TEXT in re.split("[:,x]", spec) for spec in specs):
        return ["solve"]
    options = {word.partition("=")[0] for word in typed if word.startswith("-") and word != "-"}
    context = click.Context(group)
    every = {name: group.get_command(context, name) for name in group.list_commands(context)}
    fitting = [name for name, each in every.items() if each is not None and options <= {*options_of(each)}]
    return fitting or ([_SHOWS] if specs else [])


def is_spec(word: str) -> bool:
    """Return whether a word looks like a spec rather than a value or the name of a command."""
    if word == "-" or word.lower() in KINDS:
        return True
    from rnncli.formats import is_path  # reached only by mistakes

    return (":" in word or "(" in word) and not is_path(word)


def options_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by all their names."""
    return {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}


def words(command: click.Command, typed: Sequence[str]) -> list[Word]:
    """Return the options and arguments after the name of a command."""
    options, rest = options_of(command), list(typed)
    found: list[Word] = []
    while rest:
        text = rest.pop(0)
        if text == "--":
            return [*found, *map(Word, (text, *rest))]
        name, attached, value = text, "", ""
        if text.startswith("--"):
            name, attached, value = text.partition("=")
        elif text not in options and text[:2] in options:  # several in one word: -qf json, -fjson
            name, value = text[:2], text[2:]
            if options[name].is_flag:
                rest.insert(0, f"-{value}")
            else:
                attached = value
        option = options.get(name)
        if attached:
            found.append(Word(name, option, value, attached=True))
        elif option is not None and not option.is_flag and rest:
            found.append(Word(name, option, rest.pop(0)))
        else:
            found.append(Word(name, option))
    return found


class TypedLine(NamedTuple):
    """A typed line with the group of commands and the line's command; an unknown command has no options."""

    group: click.Group
    command: click.Command
    typed: Line
    words: list[Word]

    @classmethod
    def of(cls, group: click.Group, typed: Line) -> TypedLine:
        """Return a line with its command."""
        command = group.get_command(click.Context(group), typed[0]) if typed else None
        command = command or click.Command(None)
        return cls(group, command, typed, words(command, typed[1:]))

    @property
    def commands(self) -> list[str]:
        """The names of all commands."""
        return self.group.list_commands(click.Context(self.group))

    @property
    def name(self) -> str:
        """The name of the command, or the word in its place."""
        return self.typed[0]

    @property
    def options(self) -> dict[str, click.Option]:
        """The command's options by all their names."""
        return options_of(self.command)

    @property
    def given(self) -> set[click.Option | None]:
        """The options in the line that must not be repeated, and None for arguments and unknown options."""
        return {word.option for word in self.words if word.option is None or not word.option.multiple}

    @property
    def arguments(self) -> list[int]:
        """The places of its arguments. After --, every word is one."""
        end = self.words.index(Word("--")) if Word("--") in self.words else len(self.words)
        return [place for place, each in enumerate(self.words) if each.is_argument or place > end]

    def line(self, parts: Iterable[Word], name: str = "") -> Line:
        """Return the line with other options and arguments, for this command or another."""
        return (name or self.name, *(text for part in parts for text in part.typed()))

    def with_(self, place: int, *instead: Word, used: int = 1, end: Iterable[Word] = ()) -> Line:
        """Return the line with `instead` in place of `used` words, and with `end` added at its end."""
        return self.line([*self.words[:place], *instead, *self.words[place + used :], *end])

    def having(self, option: str) -> dict[str, click.Option]:
        """Return the commands that have an option, including `rnncli` itself, with the option's definition."""
        found = {name: TypedLine.of(self.group, (name,)).options for name in self.commands}
        found["rnncli"] = options_of(self.group)
        return {name: options[option] for name, options in found.items() if option in options}


def running() -> TypedLine | None:
    """Return the running command line, or None if it is unknown."""
    context = click.get_current_context()
    group, typed = context.find_root().command, tuple(context.meta.get(TYPED, ()))
    return TypedLine.of(group, typed) if isinstance(group, click.Group) and typed else None


def these_arguments() -> list[str]:
    """Return the arguments of the running command line."""
    this = running()
    return [] if this is None else [each.text for each in this.words if each.is_argument]


def shown(typed: Iterable[str]) -> str:
    """Return a command line quoted for a shell."""
    return " ".join(each if each in REDIRECTIONS else in_shell(each) for each in ("rnncli", *typed))


def in_shell(word: str) -> str:
    """Return a word quoted for a shell, with double quotes if it contains single ones and they are safe."""
    import shlex  # only errors need it

    return f'"{word}"' if "'" in word and not re.search(r'["$`\\!]', word) else shlex.quote(word)


def this_line(
    *, without: Collection[str] = (), arguments: Sequence[str] | None = None, more: Sequence[str] = ()
) -> str | None:
    """Return the running command line with changes, quoted for a shell; None if it is unknown.

    Args:
        without: the parameter names of options to leave out.
        arguments: new arguments to replace the old ones.
        more: words to add after the options.
    """
    this = running()
    if this is None:
        return None
    parts = [each for each in this.words if each.option is None or each.option.name not in without]
    end = parts.index(Word("--")) if Word("--") in parts else len(parts)
    front, behind = [*parts[:end], *map(Word, more)], parts[end:]
    if arguments is not None:
        place = next((place for place, each in enumerate(front) if each.is_argument), len(front))
        front = [each for each in front if not each.is_argument]
        if any(each.startswith("-") and each != "-" for each in arguments):
            behind = [*map(Word, ("--", *arguments))]
        else:
            front[place:place], behind = map(Word, arguments), []
    return shown(this.line([*front, *behind]))
