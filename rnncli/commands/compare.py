"""`rnncli compare`: networks side by side."""

from __future__ import annotations

from math import prod
from typing import cast

import click

from rnncli.commands.command_line import retyped, these_words, this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import format_option, named_option, number_option, rate_option, spec_argument, svg_option
from rnncli.commands.output import results
from rnncli.commands.specs import at_most, each_network, specs
from rnncli.commands.values import dtype as dtype_name
from rnncli.commands.values import framework as framework_name
from rnncli.errors import UsageError
from rnncli.layers.weights import Framework
from rnncli.network import Network
from rnncli.quantities import Rate
from rnncli.render.terminal import Picture
from rnncli.reports.comparison import Column, columns_of, compared, settings_of

_WHOSE = "Whose weights to count; or give it twice.  [default: that of each SPEC, or keras]"

_MOST = 1000
"""The most networks that are compared; all of them are kept until the last is read."""


@click.command(cls=GroupedCommand, short_help="Networks side by side.")
@spec_argument
@number_option("--batch", "Samples at a time; give it twice to compare batches.", several=True)
@number_option("--timesteps", "Length of the sequence; give it twice to compare lengths.", several=True)
@rate_option
@named_option("--dtype", dtype_name, "float32", "Data type of weights and outputs; or give it twice.", several=True)
@named_option("--framework", framework_name, None, _WHOSE, several=True)
@format_option
@svg_option
def command(
    spec: tuple[str, ...],
    batch: tuple[int, ...],
    timesteps: tuple[int, ...],
    rate: Rate | None,
    dtype: tuple[str, ...],
    framework: tuple[str, ...],
    format_: str,
    svg: Picture | None,
) -> None:
    """Show what networks return, own and cost side by side, and why their counts differ.

    \b
    Examples:
      rnncli compare embed:10000x32,lstm:64 embed:10000x32,gru:64
      rnncli compare input:8,rnn:8 input:8,gru:8 input:8,lstm:8 --timesteps 100
      rnncli compare input:32,rnn:32 --framework keras --framework torch
      rnncli compare input:8,lstm:16:seq --timesteps 10 --timesteps 500

    Each has its difference from the first and its ratio to it; below they stand layer by layer, where they line
    up.

    Of what is given several times (--batch, --timesteps, --dtype, --framework) every network stands
    there in each combination.
    """
    combinations = prod(map(len, (batch or (None,), timesteps or (None,), framework or (None,), dtype)))
    if combinations > _MOST:
        raise UsageError(
            f"{combinations:,} settings are too many to compare", f"at most {_MOST:,} can stand side by side"
        )
    settings = settings_of(batch or (None,), timesteps or (None,), cast(tuple[Framework, ...], framework), dtype)
    columns: list[Column] = []
    given = at_most(
        _MOST // len(settings),
        specs(spec),
        f"more than {_MOST:,} networks are too many to compare{_in_settings(len(settings))}",
        "rnncli summary takes any number",
    )
    each_network(given, lambda network: columns.extend(columns_of(network, settings, rate)))
    if len(columns) == 1:
        raise UsageError(
            "a comparison needs two networks, or one in two settings",
            "give another SPEC, or an option twice",
            lead="for example",
            repair=_in_two_settings(columns[0].network),
        )
    with results(format_, svg) as show:
        show(compared(columns))


def _in_two_settings(network: Network) -> str | None:
    """Return the command line that is running with several values for one of its options."""
    from rnncli.commands.wrong_options import values_in

    typed = these_words()
    for place, word in enumerate(typed):
        values = values_in(word.option, word.value) if word.option and word.option.multiple and word.value else []
        if values:
            return retyped([*typed[:place], *map(word.with_value, values), *typed[place + 1 :]])
    if not any(layer.conflict("torch") for layer in network.layers):
        return this_line(without=["framework"], more=["--framework", "keras", "--framework", "torch"])
    return this_line(without=["batch"], more=["--batch", "1", "--batch", "32"])


def _in_settings(settings: int) -> str:
    """Return that each network counts more than once, where it does."""
    return "" if settings == 1 else f", each in {settings:,} settings"
