"""The manual page rnncli(1): generated from the commands, kept in `rnncli/man`, installed by the wheel.

`make man` regenerates it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from inspect import cleandoc
from textwrap import dedent

import click

from rnncli import __version__
from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import GroupedCommand

_ENVIRONMENT = {
    "RNNCLI_SPEC": "The network of a command that is given no SPEC.",
    "NO_COLOR, FORCE_COLOR": "No colour, or colour though the output is no terminal.",
    "COLORFGBG": "Set by some terminals to say whether their background is light; otherwise a dark one is assumed.",
    "COLUMNS": "The width to use on a terminal, instead of its own.",
    "TERM": "With TERM=dumb there is no colour and no progress bar.",
    "RNNCLI_DEBUG": "If it is set, an error that is a bug in rnncli shows where it happened.",
}

_STATUSES = {
    "0": "All is done.",
    "1": "The work failed: a file cannot be read or written, memory ran out, no network is within the budget.",
    "2": "The command line or a spec is wrong. Of several specs the good ones are done.",
    "130": "It was interrupted.",
}

_CHARACTERS = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "~": r"\(ti", "^": r"\(ha"}
"""Characters that roff would interpret or print differently."""

_AS_WRITTEN = "\b\n"
"""The start of a paragraph that is not rewrapped (Click's marker)."""


def page() -> str:
    """Return the page in man(7) markup."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    root = click.Context(cli, info_name="rnncli", help_option_names=["-h", "--help"])
    contexts = {name: click.Context(_command(name, root), info_name=name, parent=root) for name in COMMANDS}
    summary, examples, *description = _paragraphs(cli)
    yield '.\\" Generated from the commands by `make man`.'
    yield f'.TH RNNCLI 1 "" "rnncli {__version__}" "User Commands"'
    yield from (".nh", ".ds AD l")  # no hyphenation and no justification, so that commands can be copied
    yield ".SH NAME"
    yield rf"rnncli \- {_text(summary[0].lower() + summary[1:].rstrip('.'))}"
    yield ".SH SYNOPSIS"
    for context in (root, *contexts.values()):
        usage = " ".join(context.command.collect_usage_pieces(context))
        yield from (rf"\fB{_text(context.command_path)}\fR {_text(usage)}", ".br")
    yield ".SH DESCRIPTION"
    yield from _body([*description, examples])
    yield from _options(root)
    yield ".SH COMMANDS"
    for name, context in contexts.items():
        lead, examples, *rest = _paragraphs(context.command)
        yield f".SS {_text(name)}"
        yield from _body([lead, *rest, examples])
        yield from _options(context)
    yield ".SH SPECS"
    yield from _verbatim(_printed(_command("layers", root)), indent=0)
    yield ".SH ENVIRONMENT"
    yield from _definitions(_ENVIRONMENT.items())
    yield ".SH EXIT STATUS"
    yield from _definitions(_STATUSES.items())


def _command(name: str, root: click.Context) -> click.Command:
    command = cli.get_command(root, name)
    assert command is not None
    return command


def _paragraphs(command: click.Command) -> list[str]:
    """Return the paragraphs of a command's help."""
    return cleandoc(command.help or "").split("\n\n")


def _body(paragraphs: Iterable[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield ".PP"
        if paragraph.startswith(_AS_WRITTEN):
            yield from _verbatim(dedent(paragraph.removeprefix(_AS_WRITTEN)), indent=4)
        else:
            yield _text(" ".join(paragraph.split()))


def _options(context: click.Context) -> Iterator[str]:
    """Yield the options of a command by group; --help, which every command has, is listed with the program's."""
    assert isinstance(context.command, GroupedCommand)
    for group, options in context.command.groups(context).items():
        if group == "Help" and context.parent is not None:
            continue
        yield from (".PP", rf"{_text(group)}:")
        yield from _definitions(options)


def _definitions(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ".PD 0"
    for name, meaning in rows:
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(" ".join(meaning.split())))
    yield ".PD"


def _verbatim(text: str, indent: int) -> Iterator[str]:
    """Yield verbatim lines, indented less than usual to fit into 80 columns."""
    yield from (".nf", f".in {indent}")
    yield from map(_text, text.rstrip().splitlines())
    yield from (".in", ".fi", ".ad l")


def _printed(command: click.Command) -> str:
    """Return what a command prints."""
    with redirect_stdout(io.StringIO()) as printed:
        command.main([], standalone_mode=False)
    return printed.getvalue()


def _text(text: str) -> str:
    """Escape a line for roff."""
    line = "".join(_CHARACTERS.get(sign, sign if sign.isascii() else rf"\[u{ord(sign):04X}]") for sign in text)
    return rf"\&{line}" if line.startswith(".") else line
