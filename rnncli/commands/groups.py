"""The help of a command, with its options in groups and in the same order for all commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from rnncli.commands.command_line import this_line, words
from rnncli.commands.values import FileName, OneOf
from rnncli.errors import RnncliError, UsageError, quote
from rnncli.render.terminal import is_styled, wrapped
from rnncli.search.budget import FIGURES

GROUPS = {
    group: [f"--{name}" for name in names.split()]
    for group, names in {
        "Network": "set batch timesteps lengths input state weights init seed seeds",
        "Cost": f"{' '.join(f'max-{figure.name}' for figure in FIGURES)} exactly multiple-of rate framework dtype",
        "Output": "to packed sort top pareto part jobs wide others plot gates quiet format color svg theme output name "
        "with-main save-weights save-state",
        "Help": "version help",
    }.items()
}
"""The options of all commands: the network and its input, its cost, and the output."""

_PLACES = {name: place for place, name in enumerate(name for names in GROUPS.values() for name in names)}

_WIDEST, _LEAST = 30, 4
"""The most columns for the name of an option in its help, and the columns on a narrow terminal; after a longer name
Click starts a new line."""

WIDE = 80
"""A terminal with fewer columns is narrow: most examples do not fit."""


def long_name(option: click.Parameter) -> str:
    """Return the long name of an option: --format, not -f."""
    return max(option.opts, key=len)


def terminal_columns() -> int:
    """Return the number of columns of the terminal, or the value of COLUMNS."""
    from shutil import get_terminal_size  # shutil imports every archive format

    return get_terminal_size().columns


def fitting(text: str) -> str:
    """Return help text wrapped to the terminal, or to 79 columns; continuation lines keep the indentation."""
    columns, lines = min(terminal_columns(), WIDE - 1), []
    for line in text.split("\n"):
        plain = line.lstrip(" ")
        indent = line[: len(line) - len(plain)]
        lines += [line] if len(line) <= columns else [indent + part for part in wrapped(plain, columns - len(indent))]
    return "\n".join(lines)


def _styled(line: str) -> str:
    """Return a line of help with styles: bold headings, coloured names of commands and options."""
    name = re.match(r"(  )(-[^ ].*?|[a-z]+)(  .*|)$", line)
    if name is not None:
        return name[1] + click.style(name[2], fg="bright_blue") + name[3]
    heading = re.match(r"\w+:", line.strip())
    return line.replace(heading[0], click.style(heading[0], bold=True), 1) if heading else line


def _check_together(given: Mapping[str, Any]) -> None:
    """Raise a UsageError for options that no command allows together."""
    quiet, format_, pictured = given.get("quiet"), given.get("format_", "table"), given.get("svg") is not None
    if given.get("theme") is not None and not pictured:
        message = "--theme sets the colours of the picture that --svg saves, but there is no --svg"
        raise UsageError(message, lead="for example", repair=this_line(more=["--svg", "picture.svg"]))
    if quiet and format_ != "table":
        message = f"-q prints only the answer, but -f {format_} prints more"
        raise UsageError(message, lead="without -q", repair=this_line(without=["quiet"]))
    if pictured and (quiet or format_ != "table"):
        message = "--svg saves what the screen shows, so it needs -f table and no -q"
        raise UsageError(message, lead="without it", repair=this_line(without=["svg", "theme"]))
    if given.get("gates") and not given["study"]:
        message = "--gates adds to --plot, but there is no --plot"
        raise UsageError(message, lead="with it", repair=this_line(more=["--plot"]))
    if given.get("study") and format_ in ("csv", "tsv"):
        message = f"{format_} has no room for the output of --plot"
        raise UsageError(message, lead="without it", repair=this_line(without=["study", "gates"]))


class GivenTwiceError(click.UsageError):
    """An option that accepts one value, given twice with different ones. Click would silently use the last."""

    def __init__(self, option: click.Option, values: Sequence[str], ctx: click.Context) -> None:
        super().__init__(f"{long_name(option)} is given twice: {' and '.join(map(quote, values))}", ctx)
        self.option = option
        self.values = tuple(values)


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups, and that checks its files before it starts.

    Args:
        less_memory: the advice for using less memory in the error about running out of it.
        check: raises a UsageError if parameter values break a rule of this command.
    """

    def __init__(
        self,
        *arguments: Any,
        less_memory: str | None = None,
        check: Callable[[Mapping[str, Any]], None] = lambda given: None,
        **extra: Any,
    ) -> None:
        super().__init__(*arguments, **extra)
        self.less_memory = less_memory
        when = OneOf(("auto", "always", "never"))
        meaning = "When to use colour; auto means on a terminal, unless NO_COLOR is set.  [default: auto]"
        color = click.Option(["--color"], type=when, default="auto", expose_value=False, help=meaning)
        self.params.append(color)  # `cli` reads it before the command line is parsed
        self.check = check

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line.

        Raises:
            GivenTwiceError: an option that accepts one value has two different ones.
            UsageError: the options break a rule.
        """
        typed = list(args)
        if is_styled(sys.stdout):
            ctx.color = True  # otherwise Click removes styles if the output is not a terminal
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            self._check_once(ctx, typed)
            _check_together(ctx.params)
            self.check(ctx.params)
        return rest

    def _check_once(self, ctx: click.Context, typed: list[str]) -> None:
        given: dict[click.Option, dict[Any, str]] = {}
        for word in words(self, typed):
            if word.is_argument and not self.allow_interspersed_args:
                break  # words after the name of a command belong to it
            if word.option is not None and not word.option.multiple and word.value is not None:
                value = word.option.type_cast_value(ctx, word.value)
                given.setdefault(word.option, {}).setdefault(value, word.value)
        for option, values in given.items():
            if len(values) > 1:
                raise GivenTwiceError(option, list(values.values()), ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the arguments, then the options in the order of the groups."""
        parameters = super().get_params(ctx)
        options = [each for each in parameters if isinstance(each, click.Option)]
        arguments = [each for each in parameters if not isinstance(each, click.Option)]
        return [*arguments, *sorted(options, key=lambda option: _PLACES[long_name(option)])]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command after checking that its files can be written and that none would be overwritten by another.

        Raises:
            RnncliError: a file cannot be written, or there is no memory left.
            UsageError: a file to write is also read or written as another one.
        """
        files: dict[bool, dict[str, str]] = {True: {}, False: {}}
        given = {each: ctx.params.get(str(each.name)) for each in self.params}
        for option, path in given.items():
            if isinstance(option.type, FileName) and isinstance(path, str):
                files[option.type.written][long_name(option)] = path
        if files[True]:
            from rnncli.formats import choice_of
            from rnncli.system.places import check_files

            texts = [(str(each.name).upper(), text) for each in given if each.nargs < 0 for text in given[each] or ()]
            models = [(name, choice.path) for name, text in texts if (choice := choice_of(text)) is not None]
            check_files(reads=[*files[False].items(), *models], writes=files[True])
        try:
            return super().invoke(ctx)
        except MemoryError:
            raise RnncliError("out of memory", self.less_memory) from None

    def get_help(self, ctx: click.Context) -> str:
        """Return the help, wrapped to the width of the terminal if that is narrow."""
        if terminal_columns() < WIDE:
            ctx.terminal_width = terminal_columns()
        text = fitting(super().get_help(ctx))
        return "\n".join(map(_styled, text.split("\n"))) if is_styled(sys.stdout) else text

    def groups(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """Return the syntax and the meaning of each option, by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                group = next(group for group, names in GROUPS.items() if long_name(parameter) in names)
                groups.setdefault(group, []).append(record)
        return groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups, their columns aligned."""
        groups = self.groups(ctx)
        widths = [len(names) for options in groups.values() for names, _ in options]
        width = max(each for each in widths if each <= _WIDEST) if formatter.width >= WIDE - 2 else _LEAST
        for group, options in groups.items():
            with formatter.section(group):
                formatter.write_dl([(names.ljust(width), meaning) for names, meaning in options], col_max=width)
