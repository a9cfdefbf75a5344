"""What was meant by a command line that is wrong, found one way, whoever finds the mistake.

Click refuses a line, the rules of its options do, or an argument is no spec: each is a fault of the line. The tables of
`rnncli.commands.rewrites`, nearest names, and what the rule that is broken proposes are tried in order; the first whole
line without a fault that keeps every number that was typed is offered, or none. The search is that for specs.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import partial

import click

from rnncli.commands.command_line import REDIRECTIONS, TYPED, Line, TypedLine, Word, command_for, shown, words
from rnncli.commands.rewrites import COMMANDS, LINES
from rnncli.commands.values import FileName, LengthsValue, Value
from rnncli.commands.wrong_arguments import (
    WrongArgument,
    is_spec,
    joined,
    meant_by,
    near_file,
    with_near_files,
    wrong_argument,
)
from rnncli.commands.wrong_options import in_words, named_by, refused
from rnncli.errors import EXIT_USAGE, RnncliError, SpecError, UsageError, quote
from rnncli.formats import FORMATS, choice_of, is_path
from rnncli.language.likeness import closest, in_ascii
from rnncli.language.mend.meanings import numbers_in
from rnncli.language.mend.rewrites import Rewrite
from rnncli.language.mend.search import WITHOUT, Found, Step, led, search
from rnncli.layers import KINDS
from rnncli.reports.reference import A_WORD, is_word

_MOST_TRIED, _MOST_READ = 60, 4000
"""So many command lines are looked at for one that is wrong, and so many words in them."""

_LONG = 1000
"""A longer argument is mended as a spec alone."""

_END, _FAULT = "\0", "\1"
"""Ends each word of a line where it is one text, a space in a pattern; and stands around an argument at fault, a ~."""

Fault = click.ClickException | RnncliError | WrongArgument
"""What is wrong with a line."""


def usage_error(error: click.ClickException | UsageError, group: click.Group, typed: Sequence[str]) -> RnncliError:
    """Return the error to report for a command line that is wrong.

    Args:
        error: what Click raised, or what the rules of options say, with a line that keeps them.
        group: the group of commands.
        typed: the words behind `rnncli`.
    """
    if isinstance(error, SpecError) or (isinstance(error, UsageError) and not _is_line(error.repair)):
        return error
    if isinstance(error, click.ClickException) and error.exit_code != EXIT_USAGE:
        return RnncliError(error.format_message())
    lines, start = _Lines(group), tuple(typed)
    message = lines.message(start, error)
    found = lines.mended(start, error)
    if found is not None and found.way:
        first = found.way[0]
        return UsageError(first.message or message, first.advice, lead=_lead(found.way), repair=shown(found.state))
    if isinstance(error, UsageError):
        return UsageError(message, error.advice)
    step = next(lines.steps(start, error), Step(start))
    name = f" {typed[0]}" if typed and typed[0] in lines.names else ""
    return UsageError(step.message or message, step.advice or f"see rnncli{name} --help")


def argument_error(error: RnncliError, text: str) -> RnncliError:
    """Return the error to report for an argument of the line that is running; its repair may be another line.

    Args:
        error: what is wrong with it as a spec.
        text: the spec: the argument, or one that it stands for.
    """
    this = _running()
    if this is None or len(text) > _LONG:
        return error
    if not isinstance(error, SpecError):
        return _file_error(error, this)
    patterns = [place for place in this.arguments if "{" in this.words[place].text]
    place = next((place for place in this.arguments if this.words[place].text == text), next(iter(patterns), None))
    if place is None:
        return error
    lines, fault = _Lines(this.group), WrongArgument(place, error)
    found = None if is_path(text) else lines.mended(this.typed, fault)
    first = found.way[0] if found is not None and found.way else next(lines.steps(this.typed, fault), None)
    if first is None or first.state == this.with_(place, Word(error.repair or "")):
        return error
    if found is None or not found.way:
        return UsageError(first.message, first.advice) if first.message else error
    repair = shown(found.state)
    if first.message:
        return UsageError(first.message, first.advice, lead=_lead(found.way), repair=repair)
    return error.repaired(repair, _lead(found.way))


def _file_error(error: RnncliError, this: TypedLine) -> RnncliError:
    """Return the error to report where work has failed: with the files that were meant, if one is not there."""
    meant, text = with_near_files(this), " ".join(this.words[place].text for place in this.arguments)
    if meant is None and this.name == "inspect" and is_spec(text) and choice_of(text) is None:
        meant = ("summary", *this.typed[1:])
    return error if meant is None else type(error)(error.message, error.advice, lead="perhaps", repair=shown(meant))


def check_arguments() -> None:
    """Check that no argument of the line that is running was meant for an option, or is a piece of a spec.

    Raises:
        UsageError: one was, or is.
    """
    this = _running()
    if this is None:
        return
    lines = _Lines(this.group)
    for ways in (lines.misplaced, joined):
        for step in (step for place in this.arguments for step in ways(this, place) if step.message):
            found = lines.mended(step.state)
            if step.state == this.typed:
                raise UsageError(step.message, step.advice)
            if found is not None:
                lead = _lead((step, *found.way))
                raise UsageError(step.message, step.advice, lead=lead, repair=shown(found.state))


def _running() -> TypedLine | None:
    """Return the line that is running; None where it is not known."""
    context = click.get_current_context()
    group, typed = context.find_root().command, tuple(context.meta.get(TYPED, ()))
    return _Lines(group).line(typed) if isinstance(group, click.Group) and typed else None


def _is_line(repair: str | None) -> bool:
    """Whether a repair is a command line."""
    return repair is not None and repair.startswith("rnncli ")


def _lead(way: Sequence[Step[Line]]) -> str:
    """Return what leads to the repair: the words of the first step, and what later ones leave out or make up."""
    first, *more = way
    later = [f"without {step.drops}" if step.lead == WITHOUT else step.lead for step in more if step.costs]
    return led([first.lead, *later])


class _Lines:
    """Says what is wrong with command lines, and what may be done about it."""

    def __init__(self, group: click.Group) -> None:
        self.group = group
        self.names = group.list_commands(click.Context(group))

    def line(self, typed: Line) -> TypedLine | None:
        """Return a line with its command; None where it starts with none."""
        command = self.group.get_command(click.Context(self.group), typed[0]) if typed else None
        return None if command is None else TypedLine(self.group, command, typed, words(command, typed[1:]))

    def mended(self, typed: Line, first: Fault | None = None) -> Found[Line] | None:
        """Return a line that works; None where none is found. `first` is what is wrong, where that is known."""

        def fault_of(each: Line) -> Fault | None:
            return first if first is not None and each == typed else self.fault(each)

        keeps = partial(_keeps, typed)
        return search(typed, fault_of, self.steps, keeps, most=_MOST_TRIED, most_read=_MOST_READ)  # type: ignore[misc]

    def fault(self, typed: Line) -> Fault | None:
        """Return what is wrong with a line, up to what the shell is told in it; None if it works."""
        typed = typed[: next((place for place, word in enumerate(typed) if word in REDIRECTIONS), len(typed))]
        this = self.line(typed)
        refusal = self._refusal(typed, this)
        return refusal if refusal is not None or this is None else wrong_argument(this)

    def _refusal(self, typed: Line, this: TypedLine | None) -> click.UsageError | UsageError | None:
        """Return what Click and the rules of options say against a line, or None if they take it."""
        context = click.Context(self.group, info_name="rnncli", **self.group.context_settings)
        context.meta[TYPED] = list(typed)
        try:
            # What --help and --version print, which end the parsing, is not asked for here.
            with contextlib.redirect_stdout(io.StringIO()):
                if this is not None:
                    this.command.make_context(typed[0], list(typed[1:]), parent=context)
                elif typed and not typed[0].startswith("-"):
                    return click.UsageError("no command")
                else:
                    self.group.make_context("rnncli", list(typed))
        except click.exceptions.Exit:
            return None
        except (click.UsageError, UsageError) as error:
            return error
        return None

    def message(self, typed: Line, fault: Fault) -> str:
        """Return what is wrong with a line, in the voice of all other errors."""
        this = self.line(typed)
        if isinstance(fault, WrongArgument | RnncliError):
            return str(fault.error.message if isinstance(fault, WrongArgument) else fault.message)
        if this is not None:
            return in_words(this, fault)
        option = fault.option_name if isinstance(fault, click.NoSuchOption) else None
        return f"there is no command {quote(typed[0])}" if option is None else f"there is no option {option}"

    def steps(self, typed: Line, fault: Fault) -> Iterator[Step[Line]]:
        """Yield what may be done about a fault, the likeliest first."""
        this = self.line(typed)
        if this is not None and not isinstance(fault, click.ClickException):
            strays = [place for place in this.arguments if not is_spec(this.words[place].text)]
            for place in [fault.place] if isinstance(fault, WrongArgument) else strays:
                yield from self.misplaced(this, place)
        else:
            for row in LINES:
                yield from self._rewritten(row, typed, this)
        if this is None:
            yield from self._without_command(typed)
        elif isinstance(fault, WrongArgument):
            yield from meant_by(this, *fault)
        elif isinstance(fault, click.ClickException):
            yield from refused(this, fault)
        elif fault.repair and _is_line(fault.repair):
            new = tuple(shlex.split(fault.repair)[1:])
            costs = int("example" in fault.lead)
            yield Step(new, fault.lead, fault.message, drops=_gone(typed, new), costs=costs, advice=fault.advice or "")

    def misplaced(self, this: TypedLine, place: int) -> Iterator[Step[Line]]:
        """Yield the line with an argument that is no spec as what the table says, or as an option that it names."""
        for row in LINES:
            if "~" in row.pattern:
                for step in self._rewritten(row, this.typed, this, place):
                    refusal = self._refusal(step.state, self.line(step.state))
                    refused_anew = isinstance(refusal, click.UsageError) and step.state[:1] == this.typed[:1]
                    if not refused_anew or isinstance(refusal, click.MissingParameter):
                        yield step
        yield from named_by(this, place)

    def _rewritten(
        self, row: Rewrite, typed: Line, this: TypedLine | None, place: int | None = None
    ) -> Iterator[Step[Line]]:
        """Yield a line as a row of the table rewrites it; a row for an argument needs its place."""
        if ("~" in row.pattern) != (place is not None):
            return
        texts = [*typed]
        if this is not None and place is not None:
            index = 1 + sum(len(each.typed()) for each in this.words[:place])
            texts = [*this.line(this.words)]
            texts[index] = f"{_FAULT}{texts[index]}{_FAULT}"
        pattern = re.sub("<([A-Z]+)>", lambda found: self._names(found[1], this), row.pattern)
        pattern = pattern.translate({ord(" "): _END, ord("~"): _FAULT})
        found = re.fullmatch(pattern, _END.join(texts), re.IGNORECASE | re.DOTALL)
        if found is not None and isinstance(row.becomes, str):
            new = tuple(each.replace("·", " ") for each in found.expand(row.becomes.replace(" ", _END)).split(_END))
            message = found.expand(row.message) if row.message else ""
            yield Step(new, row.lead, message, drops=_gone(typed, new), advice=row.advice)

    def _names(self, of: str, this: TypedLine | None) -> str:
        """Return a pattern for the names that stand in a row of the table."""
        options = {} if this is None else this.options
        valued = {name: each for name, each in options.items() if not each.is_flag}
        own = {name: each for name, each in valued.items() if isinstance(each.type, Value | click.Choice)}
        names = {
            "COMMAND": self.names,
            "MANY": ["compare", "reach", "solve", "sweep"],
            "INPUT": [name for name, kind in KINDS.items() if kind.reads == "input"],
            "FILE": [*FORMATS],
            "LAYER": [name for name, kind in KINDS.items() if kind.sizes.attributes == ("units",)],
            "LONG": [name[2:] for name in [*options, "--help"] if name.startswith("--")],
            "FLAG": [name for name in [*options, "--help", "-h"] if name not in valued],
            "SEVERAL": [name for name, each in own.items() if each.multiple],
            "OPTION": [name for name, each in own.items() if not each.multiple and not _is_path(each.type)],
        }[of]
        return f"(?:{'|'.join(map(re.escape, names)) or '(?!)'})"

    def _without_command(self, typed: Line) -> Iterator[Step[Line]]:
        """Yield lines with a command, where it is called or spelt otherwise, or is missing."""
        if not typed:
            return
        name, *rest = typed
        if name.startswith("-"):
            flags = (each for each in self.group.params if isinstance(each, click.Option) and each.is_flag)
            guess = closest(name, [*(each for option in flags for each in option.opts), "--help"])
        else:
            for row in COMMANDS:
                if re.fullmatch(row.pattern, name, re.IGNORECASE):
                    instead, *options = str(row.becomes).split(" ")
                    yield Step((instead, *rest, *options), row.lead)
            if not rest and is_word(name):
                yield Step(("layers", name), advice=A_WORD)
            if near := near_file(name):
                yield Step(("summary", near, *rest), "perhaps", f"there is no command or file {quote(name)}")
            guess = closest(name.lower(), [*self.names, "--version"])
        if guess is not None:
            yield Step((guess, *rest))
        elif not name.startswith("-") and not is_spec(name):
            yield Step(typed, advice=f"there are {', '.join(self.names)}")
        elif command := command_for(self.group, typed):
            yield Step((command, *typed), "perhaps", f"no command stands before {quote(name)}")


def _is_path(kind: object) -> bool:
    """Whether a value is nothing but the name of a file."""
    return isinstance(kind, FileName) and not isinstance(kind, LengthsValue)


def _gone(typed: Line, new: Line) -> str:
    """Return the words of a line that another has not."""
    return " ".join(word for word in typed if word not in new)


def _keeps(typed: Line, result: Line, way: Sequence[Step[Line]]) -> bool:
    """Whether all numbers of a line are in another, but for those that the steps to it account for."""
    said = [*numbers_in(" ".join(result)), *(number for step in way for number in numbers_in(step.drops))]
    for number in numbers_in(in_ascii(" ".join(typed))):
        if number not in said:
            return False
        said.remove(number)
    return True
