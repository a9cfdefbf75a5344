"""What was probably meant by arguments that are no specs: files, patterns, pieces of a spec cut by spaces."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Sequence
from itertools import islice, pairwise

import click

from rnncli.commands.command_line import TYPED, these_words, this_line
from rnncli.commands.stray_words import meant, specs_in
from rnncli.errors import RnncliError, SpecError, UsageError, quote
from rnncli.formats import choice_of
from rnncli.language.source import lowered, without_spaces
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.sizes import BLANK_TEXT
from rnncli.search.budget import FIGURES

_OPEN_END = re.compile(r"[,:;|>&+=(→-]\s*$|^[\[(]")
_OPEN_START = re.compile(r"^\s*[,:;|>&+=)→\]-]|^[0-9xX][0-9]*(?:[xX:,]|$)")
"""How a piece of a spec ends and starts where another piece belongs to it."""


_FOR_SEVERAL = ("compare", "reach", "solve")
"""Commands that are given several specs, which a pattern may stand for."""

_MOST_EXPANDED = 8
"""So many specs are written out for a pattern, at most."""


def other_meaning(error: RnncliError, text: str) -> RnncliError | None:
    """Return the error for an argument that is meant for something else than a spec; None if nothing is known.

    Args:
        error: what is wrong with it as a spec.
        text: the argument.
    """
    arguments = [each.text for each in these_words() if each.is_argument]
    if not isinstance(error, SpecError):
        return None
    command = _solved(error.text, arguments)
    if command is not None:
        return error.repaired(command, "for example")
    if text not in arguments:
        return None
    if error.text != text:
        return None  # a model file was read: the error is about the network in it
    path = text.strip().removeprefix("@")
    if choice_of(path) is not None:
        name = click.get_current_context().info_name
        return UsageError(
            f"{quote(text)} is a model file, which {name} does not take",
            f"begin with its spec: rnncli spec {shlex.quote(path)}",
        )
    if _is_file(path):
        command = this_line(arguments=["-" if each == text else each for each in arguments])
        return UsageError(f"{quote(text)} is the name of a file", repair=f"{command} < {shlex.quote(path)}")
    if "{" in text:
        command = _expanded(text, arguments)
        if command is not None:
            return error.repaired(command, "the shell expands it where it has no quotes")
        command = _swept(text)
        return None if command is None else error.repaired(command, "")
    several = specs_in(text)
    if len(several) > 1 and click.get_current_context().info_name in (*_FOR_SEVERAL, "sweep"):
        command = this_line(arguments=[each for word in arguments for each in (several if word == text else [word])])
        return error.repaired(command, "a space stands between specs") if command else None
    if lowered(text) == "help":
        name = click.get_current_context().info_name
        return UsageError(f"{quote(text)} is a command of its own", repair=f"rnncli help {name}")
    return None


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)
    except ValueError:
        return False  # a null byte


def _expanded(text: str, arguments: Sequence[str]) -> str | None:
    """Return the command line with all that a pattern stands for, where a command is for several; None where it is not.

    A pattern that stands for many is left to sweep.
    """
    from rnncli.network import Network
    from rnncli.search.brace_hints import read_pattern
    from rnncli.search.template import Template

    name = click.get_current_context().info_name
    if name not in _FOR_SEVERAL:
        return None
    read: Callable[[str], object] = Template.parse if name == "solve" else Network.parse
    try:
        candidates = list(islice(read_pattern(text).expand(), _MOST_EXPANDED + 1))
        for candidate in candidates:
            read(candidate)
    except SpecError:
        return None
    if len(candidates) > _MOST_EXPANDED:
        return None
    return this_line(arguments=[each for word in arguments for each in (candidates if word == text else [word])])


def _solved(text: str, arguments: Sequence[str]) -> str | None:
    """Return the command line that fills in the blanks of a spec, and of all that stand beside it.

    None is returned where it has none, or another has none; a letter may be a number that was still to be put in.
    """
    context = click.get_current_context()
    group = context.find_root().command
    if context.info_name == "solve" or not isinstance(group, click.Group) or BLANK_TEXT not in text or not arguments:
        return None
    from rnncli.commands.mistakes import repaired
    from rnncli.search.brace_hints import read_pattern
    from rnncli.search.template import Template

    texts: list[str] = []
    try:
        Template.parse(text)
        for each in arguments:
            texts += islice(read_pattern(each).expand(), _MOST_EXPANDED + 1) if "{" in each else [each]
        for each in texts:
            Template.parse(each)
    except SpecError:
        return None
    options = [each for word in these_words() if not word.is_argument for each in word.typed()]
    limits = {name for figure in FIGURES for name in (f"--max-{figure.name}", f"--{figure.name}")}
    budget = [] if limits & {word.text for word in these_words()} else ["--params", "1M"]
    return None if len(texts) > _MOST_EXPANDED else repaired(group, ["solve", *texts, *options, *budget])


def _swept(text: str) -> str | None:
    """Return the command line that sweeps a pattern, or None where the first of it is no network."""
    from rnncli.commands.mistakes import repaired
    from rnncli.network import Network
    from rnncli.search.brace_hints import read_pattern

    context = click.get_current_context()
    group = context.find_root().command
    if context.info_name == "sweep" or not isinstance(group, click.Group):
        return None
    try:
        Network.parse(next(read_pattern(text).expand()))
    except (SpecError, StopIteration):
        return None
    return repaired(group, ["sweep", *context.meta.get(TYPED, [])[1:]])


def check_words() -> None:
    """Check that every argument of the command line that is running may be a spec.

    Raises:
        UsageError: one was meant for an option, or stands between specs.
    """
    from rnncli.commands.mistakes import repaired  # only an error needs it

    context = click.get_current_context()
    group = context.find_root().command
    typed = these_words()
    for place, word in enumerate(typed):
        if word.is_argument and isinstance(group, click.Group):
            for step in meant(str(context.info_name), context.command, typed, place):
                repair = repaired(group, step.state)
                if repair is not None:
                    raise UsageError(step.message, step.advice, lead=step.lead, repair=repair)


def check_pieces(arguments: Sequence[str], read: Callable[[str], object]) -> None:
    """Check that spaces have not cut a spec in pieces.

    Args:
        arguments: the arguments, more than one.
        read: reads a spec; a SpecError carries the repair.

    Raises:
        UsageError: they have.
    """
    groups = _groups(arguments)
    if len(groups) == len(arguments):
        return
    pieces = next(each for each in groups if len(each) > 1)
    wholes = [_whole(each, read) for each in groups]
    command = None if None in wholes else this_line(arguments=[each for each in wholes if each is not None])
    raise UsageError(
        f"a space ends a spec, so {quote(' '.join(pieces))} is read as {len(pieces)} specs",
        advice=None if command else "write it without spaces, or in quotes",
        repair=command,
    )


def _groups(arguments: Sequence[str]) -> list[list[str]]:
    """Return the arguments in groups, each of them the pieces of a spec; all alone, if nothing shows that they are."""
    groups: list[list[str]] = []
    for argument in arguments:
        if not groups or argument == "-" or _starts_network(argument):
            groups.append([argument])
        else:
            groups[-1].append(argument)
    cut = any(
        _OPEN_END.search(before) or _OPEN_START.search(after) for each in groups for before, after in pairwise(each)
    )
    # An input or an embedding alone, and layers behind it that cannot come first.
    head = len(groups) == 1 and _starts_network(groups[0][0]) and "," not in groups[0][0]
    if cut or (
        head and _starts_layer(arguments[1]) and all(_starts_layer(each) or _is_field(each) for each in arguments[1:])
    ):
        return groups
    return [[each] for each in arguments]


def _kind(argument: str) -> type[Layer] | None:
    return KINDS.get(lowered(re.split("[:=,(]", argument.strip(), maxsplit=1)[0].strip()))


def _starts_network(argument: str) -> bool:
    """Return whether an argument starts with a layer that can only come first, or is a whole text of a framework."""
    kind = _kind(argument)
    if kind is not None and kind.reads == "input":
        return True
    from rnncli.formats.calls import is_call

    return "(" in argument and is_call(argument)


def _starts_layer(argument: str) -> bool:
    kind = _kind(argument)
    return kind is not None and kind.reads != "input"


def _is_field(argument: str) -> bool:
    name = lowered(argument.partition("=")[0].strip())
    return any(option.spells(name) for kind in LAYERS for option in kind.options)


def _whole(pieces: Sequence[str], read: Callable[[str], object]) -> str | None:
    """Return the spec that pieces make, mended where that is needed; None where that is not known."""
    repair = None
    for mark in (",", " "):
        text = re.sub(",+", ",", re.sub(r"\s*,\s*", ",", mark.join(pieces)))
        try:
            read(text)
        except SpecError as error:
            repair = repair if "example" in error.lead else error.repair or repair
        else:
            return without_spaces(text)
    return repair
