"""`rnncli explain`: where each number comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import format_option, framework_option, number_option, svg_option
from rnncli.commands.output import results
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import each_network, shown, specs
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.render.records import Record, layout, origin_cells, row_each_weight
from rnncli.render.terminal import Picture
from rnncli.reports.explanation import Explanation, explain
from rnncli.summary import ORIGIN

if TYPE_CHECKING:
    from rnncli.render.blocks import Page
    from rnncli.reports.other_tools import OtherCounts

_WEIGHTS = row_each_weight("symbol", "shape", "words", "numbers", "params", "start", "limit")
"""How the weights of a network become rows."""

_COUNT = ("tool", "version", "counts", "value", "needs", "text")

_COUNTS = layout(
    ("spec", *_COUNT, *ORIGIN),
    lambda network: [
        [network["spec"], *(each[key] for key in _COUNT), *origin_cells(network)] for each in network["other_tools"]
    ],
)
"""How what other tools count of networks becomes rows."""


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
    with results(format_, svg, _page, lambda: _COUNTS if others else _WEIGHTS, _records) as show:
        each_network(
            shown(specs(spec), svg),
            lambda network: show(
                (explain(network, batch, timesteps, framework), _others(network, batch, timesteps) if others else None)
            ),
        )


def _others(network: Network, batch: int | None, timesteps: int | None) -> OtherCounts:
    """Return what other tools count; few ask for it."""
    from rnncli.reports.other_tools import other_counts

    return other_counts(network, batch, timesteps)


def _records(explained: tuple[Explanation, OtherCounts | None]) -> list[Record]:
    explanation, counts = explained
    return [explanation.as_dict() | ({"other_tools": counts.as_dicts()} if counts else {})]


def _page(explained: tuple[Explanation, OtherCounts | None]) -> Page:
    from rnncli.render.explanations import explanation_page, other_counts_page

    explanation, counts = explained
    yield from explanation_page(explanation)
    yield from other_counts_page(counts) if counts else ()
