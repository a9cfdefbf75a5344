"""What was meant by a command line that is wrong: Click's errors, in the voice of all others.

An error says what is wrong, and shows the whole command line as it works: it has been parsed again by Click, and so
have its specs; what is still wrong with it is mended, too. The search is that for specs.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import click

from rnncli.commands.command_line import REDIRECTIONS, Line, shown, words
from rnncli.commands.option_mistakes import CommandLine, is_spec, one_hyphen, steps_of
from rnncli.commands.other_names import COMMANDS, READS_FILES, TRAINS, TRAINS_NOTHING
from rnncli.commands.stray_words import meant
from rnncli.commands.unknown_options import unknown_option
from rnncli.errors import EXIT_USAGE, RnncliError, SpecError, UsageError, quote
from rnncli.language.likeness import closest
from rnncli.language.mend.search import Found, Step, search
from rnncli.reports.reference import A_WORD, is_word
from rnncli.search.budget import FIGURES

_MOST_TRIED = 60
"""So many command lines are looked at for one that is wrong."""

_MOST_READ = 4000
"""How many words these have, at most."""

_BUDGET = {f"--{lead}{figure.name}" for figure in FIGURES for lead in ("", "max-")}


class NoSuchCommandError(click.UsageError):
    """A command line whose first word is no command."""


@dataclass(frozen=True)
class _WrongSpec:
    """An argument that is no spec.

    Attributes:
        place: where it stands in the line.
        index: the same, options counted with their values.
        error: what is wrong with it.
    """

    place: int
    index: int
    error: SpecError


@dataclass(frozen=True)
class _Missing:
    """Words that a command does not work without, such as they may be."""

    words: tuple[str, ...]


Fault = click.ClickException | _WrongSpec | _Missing


def usage_error(error: click.ClickException, group: click.Group, typed: Sequence[str]) -> RnncliError:
    """Return the error to report for one of Click's.

    Args:
        error: what Click raised.
        group: the group of commands.
        typed: the words behind `rnncli`.
    """
    if error.exit_code != EXIT_USAGE:
        return RnncliError(error.format_message())
    lines = _Lines(group)
    first = next(lines.steps(tuple(typed), error), None)
    found = lines.mended(tuple(typed))
    if found is None or not found.way:
        name = f" {typed[0]}" if typed and typed[0] in lines.names else ""
        message = error.format_message() if first is None else first.message
        return UsageError(message, (first.advice if first is not None else "") or f"see rnncli{name} --help")
    taken = found.way[0]
    return UsageError(taken.message, taken.advice, lead=_lead(found.way), repair=shown(found.state))


def repaired(group: click.Group, typed: Sequence[str]) -> str | None:
    """Return a command line as it can be pasted, mended so that it works; None where that is not known."""
    found = _Lines(group).mended(tuple(typed))
    return None if found is None else shown(found.state)


def _lead(way: Sequence[Step[Line]]) -> str:
    """Return what leads to the repair: the words of the first step, and what later ones leave out or make up."""
    first, *more = way
    later = [(f"without {step.drops}" if step.lead == "without it" else step.lead) for step in more if step.costs]
    return "; ".join(dict.fromkeys(filter(None, (first.lead, *later))))


class _Lines:
    """Says what is wrong with command lines, and what may be done about it."""

    def __init__(self, group: click.Group) -> None:
        self.group = group
        self.names = group.list_commands(click.Context(group))

    def mended(self, typed: Line) -> Found[Line] | None:
        """Return a line that works; where none does, one that Click takes."""
        for specs in (True, False):
            found = search(
                typed,
                lambda each, specs=specs: self._fault(each, specs),  # type: ignore[misc]
                self.steps,
                lambda *_: True,
                most=_MOST_TRIED,
                most_read=_MOST_READ,
            )
            if found is not None:
                return found
        return None

    def _fault(self, typed: Line, specs: bool) -> Fault | None:
        """Return what is wrong with a line; `specs` are looked at as well, if that is asked for."""
        typed = _without_redirections(typed)
        fault = self._refused(typed)
        if fault is not None or not specs or not typed or typed[0] not in self.names:
            return fault
        command = self.group.get_command(click.Context(self.group), typed[0])
        assert command is not None
        return _wrong_spec(command, typed) or _lacks(typed)

    def _refused(self, typed: Line) -> click.UsageError | None:
        """Return what Click says against a line, or None if it takes it."""
        context = click.Context(self.group, info_name="rnncli", **self.group.context_settings)
        try:
            # What --help and --version print, which end the parsing, is not asked for here.
            with contextlib.redirect_stdout(io.StringIO()):
                if not typed or typed[0].startswith("-"):
                    self.group.make_context("rnncli", list(typed))
                    return None
                command = self.group.get_command(context, typed[0])
                if command is None:
                    return NoSuchCommandError(typed[0], context)
                command.make_context(typed[0], list(typed[1:]), parent=context)
        except click.exceptions.Exit:
            return None
        except click.UsageError as error:
            return error
        return None

    def steps(self, typed: Line, fault: Fault) -> Iterator[Step[Line]]:
        """Yield what may be done about a fault, the likeliest first; each says what is wrong."""
        match fault:
            case _WrongSpec(place, index, error):
                command = self.group.get_command(click.Context(self.group), typed[0])
                if command is not None:
                    yield from meant(typed[0], command, words(command, typed[1:]), index)
                if error.repair and "example" not in error.lead:
                    yield Step((*typed[:place], error.repair, *typed[place + 1 :]), error.lead, error.message)
            case _Missing(more):
                yield Step((*typed, *more), "for example", f"{more[0]} is missing", costs=1)
            case click.ClickException() as refused:
                command = self.group.get_command(click.Context(self.group), typed[0]) if typed else None
                if command is None:
                    yield from self._without_command(refused, typed)
                else:
                    this = CommandLine(self.group, command, typed[0], words(command, typed[1:]))
                    yield from one_hyphen(this)
                    unknown = isinstance(refused, click.NoSuchOption)
                    yield from unknown_option(this) if unknown else steps_of(refused, this)

    def _without_command(self, error: click.ClickException, typed: Line) -> Iterator[Step[Line]]:
        """Yield lines with a command, where it stands elsewhere, is called or spelt otherwise, or is missing."""
        option = error.option_name if isinstance(error, click.NoSuchOption) else None
        message = f"there is no command {quote(typed[0])}" if option is None else f"there is no option {option}"
        name, *rest = typed
        if name == "rnncli" and rest:
            yield Step(tuple(rest), "once is enough", message)
        place = next((place for place, word in enumerate(typed) if word in self.names), None)
        if place is not None:
            message = f"the command comes first, before {quote(name)}"
            yield Step((typed[place], *typed[place + 1 :], *typed[:place]), "", message)
            return
        if option is None:
            yield from self._called_otherwise(typed, message)
        flags = (each for each in self.group.params if isinstance(each, click.Option) and each.is_flag)
        own = [*(name for option in flags for name in option.opts), "--help"]
        guess = f"-{name}" if f"-{name}" in own else closest(name, self.names if option is None else own)
        if guess is not None:
            yield Step((guess, *rest), "", message)
        elif option is None and not is_spec(name):
            yield Step(typed, "", message, advice=f"there are {', '.join(self.names)}")
        else:
            command = self._command_for(typed)
            if command is None:
                yield Step(typed, "", message)
            else:
                yield Step((command, *typed), "perhaps", f"there is no command before {quote(name)}")

    def _called_otherwise(self, typed: Line, message: str) -> Iterator[Step[Line]]:
        """Yield what was meant by a line that starts with another name for a command, or is a word of specs alone."""
        name, *rest = typed
        if name.lower() in TRAINS:
            solve = self._command_for(tuple(rest)) == "solve"
            instead: Line = ("solve", *rest) if solve else ("export", *rest, "--to", "keras")
            yield Step(instead, "perhaps" if solve else "", message, advice="" if solve else TRAINS_NOTHING)
        elif name.lower() in COMMANDS:
            from rnncli.formats import choice_of

            command, *options = COMMANDS[name.lower()]
            if name.lower() in READS_FILES and any(map(choice_of, rest)):
                command = "inspect"
            yield Step((command, *rest, *options), "perhaps", message)
        elif not rest and is_word(name):
            yield Step(("layers", name), "", message, advice=A_WORD)

    def _command_for(self, typed: Line) -> str | None:
        """Return the command that a line without one is probably meant for, or None if nothing tells."""
        specs = [word for word in typed if not word.startswith("-")]
        if any("{" in spec for spec in specs):
            return "sweep"
        if any("_" in spec.replace(":", "x").replace(",", "x").split("x") for spec in specs):
            return "solve"
        options = {word.partition("=")[0] for word in typed if word.startswith("-") and word != "-"}
        for name in self.names:
            command = self.group.get_command(click.Context(self.group), name)
            if command is not None and options <= {opt for each in command.params for opt in each.opts}:
                return name
        return "summary" if specs else None


def _without_redirections(typed: Line) -> Line:
    """Return a line up to what the shell is told in it."""
    end = next((place for place, word in enumerate(typed) if word in REDIRECTIONS), len(typed))
    return typed[:end]


def _lacks(typed: Line) -> _Missing | None:
    """Return what a command does not work without and a line has not."""
    name, *rest = typed
    given = {word.partition("=")[0] for word in rest}
    if "--help" in given or "-h" in given:
        return None
    if name == "solve" and not given & _BUDGET:
        return _Missing(("--params", "1M"))
    if name == "export" and "--to" not in given:
        from rnncli.export import target_of

        named = [after for option, after in pairwise(rest) if option in ("-o", "--output")]
        named += [word.removeprefix("--output=") for word in rest if word.startswith("--output=")]
        if not any(map(target_of, named)):
            return _Missing(("--to", "torch"))
    if name == "export" and {"onnx"} & {*rest} and not {"-o", "--output"} & given:
        return _Missing(("-o", "model.onnx"))
    return _Missing(("--svg", "picture.svg")) if "--theme" in given and "--svg" not in given else None


def _wrong_spec(command: click.Command, typed: Line) -> _WrongSpec | None:
    """Return the first argument of a line that is no spec, nor what the command takes for one."""
    if typed[0] == "inspect" or not any(each.nargs == -1 for each in command.params):
        return None
    place = 1
    for index, word in enumerate(words(command, typed[1:])):
        if word.is_argument and word.text != "-":
            try:
                _read(typed[0], word.text)
            except SpecError as error:
                return _WrongSpec(place, index, error)
            except RnncliError:
                return None
        place += len(word.typed())
    return None


def _read(command: str, text: str) -> None:
    """Read what a command takes for a spec, but no file.

    Raises:
        SpecError: it is none.
    """
    from rnncli.formats import choice_of
    from rnncli.formats.networks import read_text
    from rnncli.search.brace_hints import read_pattern
    from rnncli.search.template import Template

    if choice_of(text) is not None:
        return
    if command == "solve":
        if "(" not in text:
            Template.parse(text)
    elif command == "sweep":
        for candidate in islice(read_pattern(text).expand(), 1):
            read_text(candidate)
    else:
        read_text(text)
