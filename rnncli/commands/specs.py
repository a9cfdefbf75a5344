"""The sources of specs: arguments, standard input, the environment, the example."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

import click

from rnncli.commands.command_line import options_of, running, these_arguments, this_line
from rnncli.commands.options import check_used, note_used, settings
from rnncli.commands.output import report, results, tell
from rnncli.errors import RnncliError, SpecError, UsageError, closest, quote, shorten
from rnncli.formats import SEPARATOR, OpenNumbersError, Settings
from rnncli.formats.networks import Reading, notes_on, read
from rnncli.immutable import NamedTuple
from rnncli.language.source import MAX_BYTES
from rnncli.language.spec import EXAMPLE
from rnncli.layers import KINDS
from rnncli.network import Network
from rnncli.render.terminal import Picture
from rnncli.results import Result
from rnncli.system.streams import mode_of

Item = TypeVar("Item")

VARIABLE = "RNNCLI_SPEC"

MISSING_LAYER = "rnn:32"
"""A layer to suggest after an input without layers."""

_MOST_PICTURED = 1000

_TAKEN_OUT = "give only the specs, one per line"
_NOT_SPECS = (
    (
        r"(?:from [\w.]+ )?import [\w.,* ]+$|(?:class|def|async def) \w[^:]*:$|\w+ ?= ?[\w.]*Sequential\(\)$",
        "Python source",
        "give the file instead, such as model.py",
    ),
    (r'\{ ?"spec"', "JSON", f"{_TAKEN_OUT}: jq -r .spec takes them out of what rnncli prints"),
    (r"spec[,\t ]framework\b", "the head of CSV", _TAKEN_OUT),
    (r'\{? ?"(?:module|class_name|config|backend|cells|nbformat)":', "JSON", "give the file, such as model.json"),
    (r".*\x00|[\x01-\x08]|\ufffdHDF$", "not text", "give a model file itself, such as model.pt"),
)
"""Lines, with a single space between words, that show standard input to hold something else than specs."""

_MOST_JOINED = 500
"""The most lines of one call."""

_LONGEST_LINE = 1 << 30
"""The most characters of a line to skip while measuring its length."""


class Spec(NamedTuple):
    """A text, its origin if that is worth mentioning, and its fault, if that was known before all of it was read."""

    text: str
    origin: str | None
    fault: SpecError | None = None

    def checked(self) -> str:
        """Return the text, or raise the SpecError that it is incomplete."""
        if self.fault is not None:
            raise self.fault
        return self.text


def each_spec(
    specs: Iterable[Spec],
    read: Callable[[str], Item],
    work: Callable[[Item], object],
    then: Callable[[], object] = lambda: None,
) -> None:
    """Do `work` for what `read` returns for every spec, in order; report a spec that is wrong or fails, and continue.

    Do `then` at the end, whatever was wrong, and exit with the highest status of all specs. Some spec must have used
    each name of --set.
    """
    status = 0
    for spec in specs:
        try:
            work(read(spec.checked()))
        except RnncliError as error:
            status = max(status, report(explained(error, spec.text), spec.origin))
    then()
    if status:
        click.get_current_context().exit(status)
    check_used()


def show_each(
    result_of: Callable[..., Result],
    spec: Sequence[str],
    format_: str = "table",
    svg: Picture | None = None,
    **asked: Any,
) -> None:
    """Show the result of `result_of` for each network of a command line; `asked` has its other arguments."""
    with results(format_, svg) as show:
        each_spec(apart(shown(specs(spec), svg), show), read_network, lambda network: show(result_of(network, **asked)))


def read_spec(text: str) -> Reading:
    """Return the network or model file of a spec, and print notes about it.

    If the answer is only a number, it must cover everything that was given.
    """
    reading = read(text, settings())
    note_used(reading.used)
    if reading.line and reading.doubt:
        _check_begins(text)
    if _quiet():
        _check_whole(reading, text)
    if not (_quiet() and reading.line):  # how a line was read changes no number, once there is no doubt
        tell(*notes_on(reading))
    if not reading.network.body and not _for_a_program():
        tell(f"Note: {reading.network} is an input without layers; with one: {reading.network},{MISSING_LAYER}")
    return reading


def read_network(text: str) -> Network:
    """Return the network of a spec for work that runs nothing; notes mention the parts of a file that cannot be run."""
    reading = read_spec(text)
    if reading.part is not None and not _quiet():
        tell(*(f"Note: {reading.path}: {unrun}" for unrun in reading.part.said("not run")))
    return reading.network


def _check_begins(text: str) -> None:
    """Raise a UsageError if a line, whose input is assumed, follows an argument that is only an input or embedding."""
    first, *more = these_arguments() or [""]
    head = None
    if text in more:
        with suppress(RnncliError):
            head = read(first, settings()).network
    if head is not None and len(head.layers) == 1:
        is_compared = (this := running()) is not None and this.name == "compare"  # which one network is not
        whole = None if is_compared or text != more[0] else _joined([first, *more])
        repair = this_line(arguments=[whole]) if whole is not None else None
        message = f"{quote(text)} is a network of its own, whose input is not given"
        raise UsageError(message, "one network is one argument", repair=repair)


def _joined(texts: Sequence[str]) -> str | None:
    """Return the network of several arguments, as they are written or as a spec; None if they do not fit together."""
    whole = ", ".join(texts)
    with suppress(RnncliError):
        return whole if read(whole, settings()).network else None
    spec = ""
    try:
        head, *more = (str(read(each, settings()).network) for each in texts)
        spec = ",".join([head, *(each.partition(",")[2] for each in more)])
        return str(read(spec, settings()).network)
    except RnncliError as error:
        return error.repair if spec else None


def _check_whole(reading: Reading, text: str) -> None:
    """Raise an RnncliError if a lone number leaves out an unnamed part of a file, or depends on an assumed size."""
    if not reading.doubt:
        return
    if reading.part is None:
        raise assumed_size(reading.doubt, text, str(reading.network))
    if reading.network.origin.doubts:
        raise RnncliError(reading.doubt, "without -q the table shows the assumption")
    import shlex  # only errors need it

    part = f"{reading.path}{SEPARATOR}{reading.part.name}"
    advice = f"rnncli inspect {shlex.quote(reading.path)} shows all of it"
    raise RnncliError(reading.doubt, advice, lead="only that part", repair=_line_with(part, text))


def assumed_size(message: str, text: str, spec: str) -> RnncliError:
    """Return the error that an answer depends on an assumption, which `spec` has in place of `text`."""
    features = " features" in message  # otherwise it is assumed which library a layer is from
    advice = "say how many features it reads, Input((None, 8)) in Keras" if features else "write it as a spec"
    return RnncliError(message, advice, lead="for example", repair=_line_with(spec, text))


def _line_with(instead: str, text: str) -> str | None:
    """Return the running command line with another text for one of its specs, or that text for one from elsewhere."""
    arguments = these_arguments()
    if text not in arguments:
        return instead
    return this_line(arguments=[instead if each == text else each for each in arguments])


def _example(name: str, error: OpenNumbersError) -> float | str:
    """Return an example value for a name: one that the source suggests, a class if the name does, else a number."""
    cell = "lstm" if ".lower()" in name else "LSTM"
    guesses = (
        (r"drop", 0.1),
        (r"bidir\w*$", True),
        (r"layers$|(^|[^a-z])(n|nb|num|number)_?(of_)?layer$", 2),
        (r"(type|kind|mode|cell)$", cell),
    )
    last = re.sub(r"(['\"]\]|\.(upper|lower)\(\))*$", "", name.lower())
    return error.examples.get(name, next((example for pattern, example in guesses if re.search(pattern, last)), 100))


def _examples(error: OpenNumbersError, text: str, said: Settings) -> tuple[dict[str, float | str], set[str]]:
    """Return example values for the undefined names, and the settings that a source then uses."""
    found = {name: _example(name, error) for name in error.names}
    numbers = {name: error.examples.get(name, 100) for name in error.names}  # a name may suggest a class wrongly
    for examples in (found, numbers):
        for _ in range(2):
            try:
                used = {*read(text, {**said, **examples}).used}
                return {name: value for name, value in examples.items() if name in used}, used
            except OpenNumbersError as more:  # of one branch of the source, which the examples choose
                examples |= {name: _example(name, more) for name in more.names}
            except RnncliError:
                break
    return found, {*said}


def _with_open_numbers(error: OpenNumbersError, text: str) -> RnncliError:
    """Return the error with a line that sets all undefined names: from misspelt settings, or else with examples."""
    from rnncli.formats.python.trees import ends_alike  # only errors need it

    said = {**settings()}
    examples, used = _examples(error, text, said)
    alone = len(these_arguments()) == 1  # otherwise another source may have used it
    for name in [name for name in said if alone and name not in used]:
        value, last = said.pop(name), name.rpartition(".")[2].lower()
        near = closest(last, error.names) or next((each for each in error.names if each.lower() == last), None)
        meant = next(iter(ends_alike(name, error.names)), near)
        if meant is not None:
            examples[meant] = value
    more = [word for name, value in {**said, **examples}.items() for word in ("--set", f"{name}={value}")]
    repair = this_line(without=["set"], more=more)
    if isinstance(error, SpecError) and repair is not None:  # it shows the line and the place
        return error.repaired(repair, "for example")
    advice = error.advice if {*error.names} <= {*examples} else "give what one network needs with --set"
    return UsageError(error.message, advice, lead="for example", repair=repair)


def explained(error: RnncliError, text: str) -> RnncliError:
    """Return the error to report for a spec; it differs if the text was not meant as a spec."""
    if isinstance(error, OpenNumbersError):
        if "--set" in options_of(click.get_current_context().command):
            return _with_open_numbers(error, text)
        error.advice = str(error.advice).partition(", or ")[0]
    from rnncli.commands.mistakes import argument_error

    return argument_error(error, text)


def specs(arguments: Sequence[str]) -> Iterator[Spec]:
    """Yield the specs of a command line: its arguments, with `-` replaced by the lines of standard input.

    Without arguments, yield the environment's RNNCLI_SPEC, or else the example, with a note on standard error. Raise a
    UsageError if spaces have cut a spec into pieces, or a program reads the output and there is no spec.
    """
    if not arguments:
        yield _default()
    alone = len(arguments) == 1 and {*arguments[0]} & {*":(-"}
    if not alone and not all(map(_is_whole, arguments)):
        from rnncli.commands.mistakes import check_arguments

        check_arguments()
    for argument in arguments:
        if argument == "-":
            yield from _lines()
        else:
            yield Spec(argument, shorten(argument) if len(arguments) > 1 else None)


def _is_whole(argument: str) -> bool:
    """Return whether an argument is clearly a spec, and no piece of one: looking for what was meant takes long."""
    kind = KINDS.get(argument.partition(":")[0])
    return kind is not None and kind.reads == "input" and re.fullmatch("[a-z]+:[a-z0-9:=.,]+", argument) is not None


def at_most(most: int, given: Iterable[Spec], message: str, advice: str) -> Iterator[Spec]:
    """Yield specs that are all kept until the last is read; more than `most` raise a UsageError."""
    for number, spec in enumerate(given):
        if number == most:
            raise UsageError(message, advice)
        yield spec


def only_one(given: Iterable[Spec], reason: str) -> Iterator[Spec]:
    """Return the spec of a command line that can have only one, for some reason; several raise a UsageError."""
    advice = f"call rnncli {click.get_current_context().info_name} once for each spec"
    return iter([*at_most(1, given, f"{reason}, but several specs are given", advice)])


def shown(given: Iterable[Spec], picture: Picture | None) -> Iterable[Spec]:
    """Return the specs to show; a picture keeps all of them until the end, so too many raise a UsageError."""
    message = f"more than {_MOST_PICTURED:,} networks do not fit in one picture"
    return given if picture is None else at_most(_MOST_PICTURED, given, message, "leave out --svg")


def apart(given: Iterable[Spec], show: Callable[[Result | None], None]) -> Iterator[Spec]:
    """Yield specs whose results are shown with a line between two."""
    for number, spec in enumerate(given):
        if number:
            show(None)
        yield spec


def _default() -> Spec:
    text = os.environ.get(VARIABLE, "")
    if text.strip():
        return Spec(text, VARIABLE)
    mode = mode_of(sys.stdin)  # /dev/null counts as none
    piped = stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
    if piped and (_for_a_program() or "svg" not in click.get_current_context().params):  # spec, export, page
        message = "no SPEC is given, and standard input is read only with -"
        raise UsageError(message, "give one, or - to read standard input", repair=this_line(arguments=["-"]))
    tell(f"No SPEC given: this is the example {EXAMPLE}{'; standard input was not read' if piped else ''}")
    return Spec(EXAMPLE, None)


def _for_a_program() -> bool:
    return _quiet() or click.get_current_context().params.get("format_", "table") != "table"


def _quiet() -> bool:
    return bool(click.get_current_context().params.get("quiet"))


def _lines() -> Iterator[Spec]:
    """Yield the specs on standard input, one per line; blank lines and comments after # are skipped.

    A call that leaves a bracket open at the end of a line goes on until that is closed; a printed table is one text.
    A line may have several specs if each of them starts with its input, as arguments may. Raise a UsageError if there
    is none, or it is something else, such as Python source.
    """
    from rnncli.language.printed import ONE_TEXT  # only this needs its patterns

    held: list[Spec] = []
    first = number = 0
    lines = _numbered_lines()
    for number, line in lines:
        words = " ".join(line.text.split())
        if not held and re.match(ONE_TEXT, words):
            table, origin = [line.text], f"the text from {line.origin}"
            for _, line in islice(lines, _MOST_JOINED):
                if re.match(r"\s*(?:in|input|embed):[0-9]", line.text):
                    break
                table.append(line.text)
            yield Spec("\n".join(table)[:MAX_BYTES], origin)
            if line.text == table[-1]:
                return
            words = " ".join(line.text.split())
        for pattern, what, advice in _NOT_SPECS:
            if re.match(pattern, words):
                raise UsageError(f"{line.origin} is {what}, but - reads one spec per line", advice)
        if not held and re.fullmatch(r"(?:(?:input|embed):\S+ ?){2,}", words):
            yield from (Spec(each, line.origin) for each in words.split())
            continue
        first = first if held else number
        held.append(line)
        text = "\n".join(each.text for each in held)
        depth = sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
        goes_on = len(held) < _MOST_JOINED and (len(held) > 1 or line.text.rstrip()[-1] in "([{,")
        if depth > 0 and len(text) <= MAX_BYTES and goes_on:
            continue
        whole = len(held) > 1 and depth == 0
        yield from [Spec(text, f"lines {first} to {number} of standard input")] if whole else held
        held = []
    yield from held
    if not number:
        advice = "give one per line, such as input:8,lstm:4; what follows # is a comment"
        raise UsageError("there is no spec on standard input", advice)


def _numbered_lines() -> Iterator[tuple[int, Spec]]:
    """Yield each line of standard input that is not blank, without its comment, and its number."""
    stream = sys.stdin
    if stream is not None and stream.isatty():
        tell("Waiting for specs, one per line; Ctrl-D ends the input")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    number = 0
    # At most the length of a spec is read of each line, so that a file of another kind does not fill the memory.
    while stream is not None and (line := stream.readline(2 * MAX_BYTES)):
        number += 1
        origin = f"line {number} of standard input"
        length, rest = len(line), line
        while not rest.endswith("\n") and len(rest) == 2 * MAX_BYTES:
            rest = stream.readline(2 * MAX_BYTES)
            length += len(rest)
            if length > _LONGEST_LINE:
                raise UsageError(f"{origin} does not end within {_LONGEST_LINE:,} characters", "give one spec per line")
        text = re.split(r"(?:^|\s)#", line.removeprefix("\ufeff").rstrip("\r\n"), maxsplit=1)[0]  # a comment follows
        if text.strip():
            fault = None
            if length > len(line) and len(text) == len(line):  # a spec that ends in a comment is complete
                message = f"the line is {length:,} characters long; at most 64 KiB are allowed"
                place = (MAX_BYTES - 1, len(text))
                fault = SpecError(message, text=text, span=place, advice="give one spec per line")
            yield number, Spec(text, origin, fault)
