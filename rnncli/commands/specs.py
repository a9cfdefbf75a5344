"""Where specs come from: arguments, standard input, the environment, the example."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import click

from rnncli.errors import RnncliError
from rnncli.language.source import MAX_BYTES
from rnncli.language.spec import EXAMPLE
from rnncli.network import Network

VARIABLE = "RNNCLI_SPEC"


class Spec(NamedTuple):
    """The text of a spec, and where it came from if that needs saying."""

    text: str
    origin: str | None


def each_network(specs: Iterable[Spec], work: Callable[[Network], None]) -> None:
    """Do `work` for the network of every spec, in order; report a spec that is bad or fails, and go on with the next.

    At the end the command exits with the worst status that there was.
    """
    each_spec(specs, lambda text: work(Network.parse(text)))


def each_spec(specs: Iterable[Spec], work: Callable[[str], None]) -> None:
    """Do `work` for the text of every spec, likewise."""
    status = 0
    for text, origin in specs:
        try:
            work(text)
        except RnncliError as error:
            click.echo(f"Error: {error.text_from(origin)}", err=True)
            status = max(status, error.exit_status)
    if status:
        click.get_current_context().exit(status)


def specs(arguments: Sequence[str]) -> Iterator[Spec]:
    """Yield the specs of a command line: its arguments, `-` replaced by the lines of standard input.

    Without arguments it is the environment's RNNCLI_SPEC, or else the example, with a note on standard error.
    """
    if not arguments:
        yield _default()
    for number, argument in enumerate(arguments, start=1):
        if argument == "-":
            yield from _lines()
        else:
            yield Spec(argument, f"spec {number}" if len(arguments) > 1 else None)


def _default() -> Spec:
    text = os.environ.get(VARIABLE, "")
    if text.strip():
        return Spec(text, VARIABLE)
    click.echo(f"No SPEC given: this is the example {EXAMPLE}", err=True)
    return Spec(EXAMPLE, None)


def _lines() -> Iterator[Spec]:
    """Yield the specs on standard input, one a line; blank lines and what follows a # are skipped."""
    stream = sys.stdin
    if stream is None:
        return
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    number = 0
    # No more of a line is read than can be a spec, so that a file of another kind does not fill the memory.
    while line := stream.readline(2 * MAX_BYTES):
        number += 1
        rest = line
        while not rest.endswith("\n") and len(rest) == 2 * MAX_BYTES:
            rest = stream.readline(2 * MAX_BYTES)
        text = _without_comment(line.removeprefix("\ufeff").rstrip("\r\n"))
        if text.strip():
            yield Spec(text, f"line {number} of standard input")


def _without_comment(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0]
