"""All printing: results to standard output, errors and notes to standard error, in one style."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from rnncli.characters import ascii_form, shows_unicode
from rnncli.errors import RnncliError, SpecError, printable
from rnncli.render.terminal import Picture, is_styled, notes_width, wrapped
from rnncli.system.descriptors import STDOUT
from rnncli.system.signals import ECHO_AWAY, undone_by_signals

if TYPE_CHECKING:
    from rnncli.render.blocks import Block
    from rnncli.render.results import Writer
    from rnncli.results import Result

_WHOLE = 4096
"""The bytes that a pipe accepts all at once or not at all; no signal can split them."""


@contextmanager
def results(
    format_: str, svg: Picture | None = None, written: Collection[str] = ()
) -> Iterator[Callable[[Result | None], None]]:
    """Yield a function that prints a result, or for None the line between two; each format imports what it needs.

    If a picture is requested, it is written when the block ends without an error, completely or not at all. Tables go
    to standard error if standard output is one of the files that are written, which they would spoil.
    """
    from rnncli.render.results import ResultWriter, page_of

    if format_ != "table":
        with printed(ResultWriter(format_)) as show_results:
            yield lambda result: show_results([] if result is None else [result])
        return
    from rnncli.render.blocks import GAP, print_page, stdout_console

    taken = STDOUT in written or (svg is not None and svg.path == STDOUT)
    console = stdout_console((sys.stderr or StringIO()) if taken else None)
    shown: list[Block] = []
    begun = False

    def show(result: Result | None) -> None:
        nonlocal begun
        page: list[Block] = [*page_of(result)] if result is not None else [GAP] if begun else []
        begun = result is not None
        print_page(console, page)
        shown.extend(page if svg is not None else ())

    yield show
    if svg is not None:
        from rnncli.render.svg import save_picture

        tell(save_picture(svg, f"rnncli {click.get_current_context().info_name}", shown, console.width))


@contextmanager
def printed(writer: Writer, also: Callable[[str], object] = str) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Yield a function that prints records in the format of a writer; `also` receives each printed text.

    Output is completed however the block ends, and no line is cut. Without records nothing is printed.
    """
    begun = False

    def put(text: str) -> None:
        for lines in _pieces(text):
            click.echo(lines, nl=False)
        also(text)

    def show(records: Sequence[Any]) -> None:
        nonlocal begun
        if not records:
            return
        text = writer.rows(records)
        begun = True
        put(text)

    def end() -> None:
        nonlocal begun
        if begun:
            begun = False
            put(writer.end())

    with undone_by_signals(end):
        try:
            yield show
        finally:
            end()


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of whole lines, each small enough for a pipe to accept at once if its lines are."""
    most = _WHOLE if text.isascii() else _WHOLE // 4
    start = 0
    while len(text) - start > most:
        end = text.rfind("\n", start, start + most) + 1 or text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
    yield text[start:]


# Errors and notes

_STYLES: Mapping[str, dict[str, Any]] = {"message": {}, "fault": {"bold": True}, "help": {}, "repair": {"bold": True}}
"""The styles of the parts of an error, if styles are used."""


def report(error: RnncliError, origin: str | None = None) -> int:
    """Print an error, with the origin of the spec at fault unless that is shown anyway, and return its exit status."""
    styled = is_styled(sys.stderr)
    width = notes_width()
    origin = None if origin and origin.rstrip("…") in f"{error.message}\n{getattr(error, 'text', '')}" else origin
    first, *others = error.parts(origin, str if shows_unicode(sys.stderr) else ascii_form, width)
    texts = [click.style("Error", fg="red", bold=True) if styled else "Error"]
    texts.append(_within(width, f"Error: {first.text}").removeprefix("Error"))
    end = 0
    for text, role in others:
        if role == "help":
            text = f"\n{_within(width, text.strip())}{' ' * text.endswith(' ')}"
            end = len(text.rpartition("\n")[2])
        elif role == "repair":
            text = _pasted(error, text)
            if width is not None and end + len(text) > width:
                texts[-1] = texts[-1].rstrip(" ")
                text = f"\n  {text}"  # unbroken, so that it can be pasted
        texts.append(click.style(text, **_STYLES[role]) if styled and _STYLES[role] else text)
    click.echo("".join(texts), err=True, color=styled)
    return error.exit_status


def _within(width: int | None, text: str) -> str:
    return text if width is None else "\n".join(wrapped(text, width))


def _pasted(error: RnncliError, repair: str) -> str:
    """Return a repair ready to paste into a shell: a call is quoted; a command line or a spec needs no quotes."""
    if not isinstance(error, SpecError) or "(" not in repair or repair.startswith("rnncli "):
        return repair
    from rnncli.commands.command_line import in_shell  # only errors need it

    return in_shell(repair)


def tell(*notes: object) -> None:
    """Print notes on standard error, a line each, after everything written to standard output so far."""
    for note in notes:
        flush_output()
        click.echo(_within(notes_width(), printable(str(note))), err=True)


def clear_echo() -> None:
    """Erase the ^C that a terminal has echoed, so that the next output starts a line."""
    flush_output()
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(ECHO_AWAY, err=True, nl=False, color=True)


def flush_output() -> None:
    """Flush standard output; ignore a reader that is gone."""
    if sys.stdout is not None:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
