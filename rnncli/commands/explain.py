"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import check_svg, format_option, framework_option, number_option, svg_option
from rnncli.commands.output import printed
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import each_network, shown, specs
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.render.picture import Picture
from rnncli.render.records import Layout, Remarks, columns, origin_cells, origin_remarks, row_each_weight
from rnncli.render.writers import writer
from rnncli.reports.explanation import Explanation, explain
from rnncli.summary import ORIGIN

if TYPE_CHECKING:
    from rnncli.reports.other_tools import OtherCounts

_WEIGHTS = row_each_weight("symbol", "shape", "words", "numbers", "params", "start", "limit")
"""How the weights of a network become rows."""

_COUNT = ("tool", "version", "counts", "value", "needs", "text")

_COUNTS = Layout(
    (*columns("spec", *_COUNT), *columns(*ORIGIN, in_documents=False)),
    lambda network: [
        [network["spec"], *(each[key] for key in _COUNT), *origin_cells(network)] for each in network["other_tools"]
    ],
    caption="What other tools count",
    remarks=Remarks("What was left out or assumed:", origin_remarks),
)
"""How what other tools count of networks becomes rows."""

Show = Callable[[Explanation, "OtherCounts | None"], None]
"""Prints one explanation, and what other tools count where that is asked for."""


@contextmanager
def _printer(format_: str, others: bool, svg: Picture | None) -> Iterator[Show]:
    if format_ != "table":
        with printed(writer(format_, _COUNTS if others else _WEIGHTS)) as show_records:
            yield lambda explanation, counts: show_records(
                [explanation.as_dict() | ({"other_tools": counts.as_dicts()} if counts else {})]
            )
    else:
        from rnncli.render.console import screen
        from rnncli.render.explanations import print_explanation

        with screen(svg, "rnncli explain") as show:

            def show_both(explanation: Explanation, counts: OtherCounts | None) -> None:
                show(print_explanation, explanation)
                if counts is not None:
                    from rnncli.render.other_tools import print_other_counts

                    show(print_other_counts, counts)

            yield show_both


@click.command(cls=GroupedCommand, short_help="Where each number comes from.")
@spec_argument
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@framework_option
@click.option("--others", is_flag=True, help="Add what torchinfo, thop, fvcore and PyTorch's counter of FLOPs say.")
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    framework: Framework | None,
    others: bool,
    format_: str,
    svg: Picture | None,
) -> None:
    """Show the equations of each layer, and where each number comes from.

    \b
    Examples:
      rnncli explain embed:10000x32,rnn:32
      rnncli explain input:32,gru:5:reset=before
      rnncli explain 'LSTM(150, input_shape=(None, 3))'
      rnncli explain input:8,lstm:16:bi --framework torch
      rnncli explain embed:10000x32,lstm:64 --others --timesteps 100

    For each layer there are the equation of one step, the formula of each weight in words and in numbers, what
    its state and its output are, and what the other framework counts otherwise, and why. In a format of rows,
    each weight is one; with --others, each tool.
    """
    check_svg(svg, shown=format_ == "table")
    with _printer(format_, others, svg) as show:
        each_network(
            shown(specs(spec), svg),
            lambda network: show(
                explain(network, batch, timesteps, framework),
                _others(network, batch, timesteps) if others else None,
            ),
        )


def _others(network: Network, batch: int | None, timesteps: int | None) -> OtherCounts:
    """Return what other tools count; few ask for it."""
    from rnncli.reports.other_tools import other_counts

    return other_counts(network, batch, timesteps)
