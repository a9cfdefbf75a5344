"""`rnncli compare`: networks side by side."""

from __future__ import annotations

from typing import cast

import click

from rnncli.commands.completing import complete_spec
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.named import framework as framework_name
from rnncli.commands.options import check_svg, dtype_option, format_option, number_option, svg_option
from rnncli.commands.output import printed
from rnncli.commands.specs import at_most, each_network, specs
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.render.picture import Picture
from rnncli.render.records import NETWORK, Layout, Record, columns
from rnncli.render.writers import writer
from rnncli.reports.comparison import Comparison, compare
from rnncli.summary import TOTALS

_NETWORK = (*NETWORK, "output_shape")
_FIGURES = [f"{figure}{change}" for figure in TOTALS for change in ("", "_difference", "_ratio")]

NETWORKS = Layout(columns(*_NETWORK, *_FIGURES), lambda network: [_cells(network)], caption="Networks compared")
"""How compared networks become rows."""


_MOST = 1000
"""The most networks that are compared; all of them are kept until the last is read."""


@click.command(cls=GroupedCommand, short_help="Networks side by side.")
@click.argument("spec", nargs=-1, shell_complete=complete_spec)
@number_option("--batch", "Samples at a time; unknown (None) if left out.")
@number_option("--timesteps", "Length of the sequence; unknown if left out.")
@dtype_option
@click.option(
    "--framework",
    type=framework_name,
    multiple=True,
    default=("keras",),
    help="Whose weights to count; give it twice to compare the frameworks.  [default: keras]",
)
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    dtype: str,
    framework: tuple[str, ...],
    format_: str,
    svg: Picture | None,
) -> None:
    """Examples:

    \b
      rnncli compare embed:10000x32,lstm:64 embed:10000x32,gru:64
      rnncli compare input:8,rnn:16 input:8,gru:16 input:8,lstm:16 --timesteps 100
      rnncli compare input:32,rnn:32 --framework keras --framework torch

    Show what networks return, own and cost side by side, each with its difference from the first and
    its ratio to it; below, layer by layer where the networks line up.

    SPEC is a network such as embed:10000x32,rnn:32 (see `rnncli layers`), or - for specs on standard
    input, one a line.
    """
    check_svg(svg, shown=format_ == "table")
    frameworks = cast(tuple[Framework, ...], framework)
    networks: list[Network] = []

    def add(network: Network) -> None:
        for each in frameworks:
            network.summary(batch, timesteps, each, dtype)  # a fault is reported with its spec
        networks.append(network)

    given = at_most(
        _MOST,
        specs(spec),
        f"there are more than {_MOST:,} networks to compare",
        "rnncli summary takes any number",
    )
    each_network(given, add)
    _print(compare(*networks, frameworks=frameworks, batch=batch, timesteps=timesteps, dtype=dtype), format_, svg)


def _print(comparison: Comparison, format_: str, svg: Picture | None) -> None:
    if format_ == "table":
        from rnncli.render.comparisons import print_comparison
        from rnncli.render.console import screen

        with screen(svg, "rnncli compare") as show:
            show(print_comparison, comparison)
    else:
        with printed(writer(format_, NETWORKS)) as show_records:
            show_records(comparison.as_dicts())


def _cells(network: Record) -> list[object]:
    """Return a network's figures, each with its changes; its layers have no place in a row."""
    cells = [network[key] for key in _NETWORK]
    for figure in TOTALS:
        cells += [network[figure], network["difference"][figure], network["ratio"][figure]]
    return cells
