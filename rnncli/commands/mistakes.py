"""What was probably meant by a command line that Click refuses: Click's errors, in the voice of all others.

An error says what is wrong, and shows the whole command line repaired. A repaired command line has been parsed again by
Click; what is still wrong with it is mended, too.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import click

from rnncli.commands.command_line import shown
from rnncli.commands.diagnosis import Diagnosis
from rnncli.commands.option_mistakes import diagnosis_of
from rnncli.commands.other_names import COMMANDS, TRAINS, TRAINS_NOTHING
from rnncli.commands.unknown_options import is_spec
from rnncli.errors import EXIT_USAGE, RnncliError, UsageError, quote
from rnncli.language.likeness import closest
from rnncli.reports.reference import A_WORD, is_word

_MOST_REPAIRS = 20
"""How many mistakes in one command line are mended in turn before giving up on a repair."""


class NoSuchCommandError(click.UsageError):
    """A command line whose first word is no command."""


def usage_error(error: click.ClickException, group: click.Group, typed: Sequence[str]) -> RnncliError:
    """Return the error to report for one of Click's.

    Args:
        error: what Click raised.
        group: the group of commands.
        typed: the words behind `rnncli`.
    """
    if error.exit_code != EXIT_USAGE:
        return RnncliError(error.format_message())
    first = diagnosis = _diagnosis(error, group, list(typed))
    lead = first.lead
    for _ in range(_MOST_REPAIRS):
        if diagnosis.typed is None:
            break
        fault = _fault(group, diagnosis.typed)
        if fault is None:
            return UsageError(first.message, first.advice, lead=lead, repair=shown(diagnosis.typed))
        following = _diagnosis(fault, group, diagnosis.typed)
        lead = following.lead or lead
        diagnosis = following if following.typed != diagnosis.typed else following._replace(typed=None)
    name = f" {typed[0]}" if typed and typed[0] in group.list_commands(click.Context(group)) else ""
    return UsageError(first.message, first.advice or f"see rnncli{name} --help")


def repaired(group: click.Group, typed: Sequence[str]) -> str | None:
    """Return a command line as it can be pasted, mended so that Click takes it; None where that is not known."""
    fault = _fault(group, typed)
    return shown(typed) if fault is None else usage_error(fault, group, typed).repair


def _fault(group: click.Group, typed: Sequence[str]) -> click.UsageError | None:
    """Return what Click says against a command line, or None if it takes it."""
    context = click.Context(group, info_name="rnncli")
    try:
        # What --help and --version print, which end the parsing, is not asked for here.
        with contextlib.redirect_stdout(io.StringIO()):
            if not typed or typed[0].startswith("-"):
                group.make_context("rnncli", list(typed))
                return None
            command = group.get_command(context, typed[0])
            if command is None:
                return NoSuchCommandError(typed[0], context)
            command.make_context(typed[0], list(typed[1:]), parent=context)
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        return error
    return None


def _diagnosis(error: click.ClickException, group: click.Group, typed: list[str]) -> Diagnosis:
    """Return what is wrong with a command line that Click refuses."""
    command = group.get_command(click.Context(group), typed[0]) if typed else None
    if command is None:
        return _without_command(error, group, typed)
    return diagnosis_of(error, group, command, typed)


def _without_command(error: click.ClickException, group: click.Group, typed: list[str]) -> Diagnosis:
    """Return what is wrong with a command line that starts with no command: it stands elsewhere, or is missing."""
    commands = group.list_commands(click.Context(group))
    option = error.option_name if isinstance(error, click.NoSuchOption) else None
    message = f"there is no command {quote(typed[0])}" if option is None else f"there is no option {option}"
    place = next((place for place, word in enumerate(typed) if word in commands), None)
    if place is not None:
        message = f"the command comes first, before {quote(typed[0])}"
        return Diagnosis(message, [typed[place], *typed[place + 1 :], *typed[:place]])
    meant = None if option is not None else _meant(typed)
    if meant is not None:
        return meant._replace(message=message)
    if option is None and (not is_spec(typed[0]) or closest(typed[0], commands)):
        guess = closest(typed[0], commands)
        if guess is None:
            return Diagnosis(message, advice=f"there are {', '.join(commands)}")
        return Diagnosis(message, [guess, *typed[1:]])
    own = closest(typed[0], [name for each in group.params for name in each.opts])
    if option is not None and own is not None:
        return Diagnosis(message, [own, *typed[1:]])
    guess = _command_for(group, typed)
    if guess is None:
        return Diagnosis(message)
    message = f"there is no command before {quote(typed[0])}"
    return Diagnosis(message, [guess, *typed], lead="perhaps")


def _meant(typed: Sequence[str]) -> Diagnosis | None:
    """Return what was meant by a line that starts with a name for a command, or is a word of the spec language alone.

    The message of the diagnosis is still to be said; None is returned where nothing is known.
    """
    name, *rest = typed
    if name.lower() in TRAINS:
        return Diagnosis("", ["export", *rest, "--to", "keras"], advice=TRAINS_NOTHING)
    if name.lower() in COMMANDS:
        command, *options = COMMANDS[name.lower()]
        return Diagnosis("", [command, *rest, *options], lead="perhaps")
    return Diagnosis("", ["layers", name], advice=A_WORD) if not rest and is_word(name) else None


def _command_for(group: click.Group, typed: Sequence[str]) -> str | None:
    """Return the command that a line without one is probably meant for, or None if nothing tells."""
    specs = [word for word in typed if not word.startswith("-")]
    if any("{" in spec for spec in specs):
        return "sweep"
    if any("_" in spec.replace(":", "x").replace(",", "x").split("x") for spec in specs):
        return "solve"
    options = {word.partition("=")[0] for word in typed if word.startswith("-") and word != "-"}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if command is not None and options <= {opt for each in command.params for opt in each.opts}:
            return name
    return "summary" if specs else None
