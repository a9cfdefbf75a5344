"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import click

from rnncli.commands.completing import complete_spec
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import check_svg, format_option, framework_option, number_option, svg_option
from rnncli.commands.output import printed
from rnncli.commands.specs import each_network, shown, specs
from rnncli.layers.weights import Framework
from rnncli.render.picture import Picture
from rnncli.render.records import row_each_weight
from rnncli.render.writers import writer
from rnncli.reports.explanation import Explanation, explain

_LAYOUT = row_each_weight("symbol", "shape", "words", "numbers", "params", "start", "limit")
"""How the weights of a network become rows."""

Show = Callable[[Explanation], None]
"""Prints one explanation."""


@contextmanager
def _printer(format_: str, svg: Picture | None) -> Iterator[Show]:
    if format_ != "table":
        with printed(writer(format_, _LAYOUT)) as show_records:
            yield lambda explanation: show_records([explanation.as_dict()])
    else:
        from rnncli.render.console import screen
        from rnncli.render.explanations import print_explanation

        with screen(svg, "rnncli explain") as show:
            yield lambda explanation: show(print_explanation, explanation)


@click.command(cls=GroupedCommand, short_help="Where each number comes from.")
@click.argument("spec", nargs=-1, shell_complete=complete_spec)
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@framework_option
@format_option
@svg_option
def command(
    spec: tuple[str, ...], batch: int | None, timesteps: int | None, framework: str, format_: str, svg: Picture | None
) -> None:
    """Examples:

    \b
      rnncli explain embed:10000x32,rnn:32
      rnncli explain input:32,gru:5:reset=before
      rnncli explain input:8,lstm:16:bi --framework torch

    Show for each layer the equation of one step, the formula of each weight in words and in numbers,
    what its state and its output are, and what the other framework counts otherwise, and why. In a format
    of rows, each weight is one.

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), or - for specs on standard
    input, one a line. Without it $RNNCLI_SPEC is used, or else an example.
    """
    check_svg(svg, shown=format_ == "table")
    with _printer(format_, svg) as show:
        each_network(
            shown(specs(spec), svg),
            lambda network: show(explain(network, batch, timesteps, cast(Framework, framework))),
        )
