"""`rnncli compare`: networks side by side."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import click

from rnncli.commands import options, values
from rnncli.commands.command_line import running, this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results
from rnncli.commands.specs import at_most, each_spec, read_network, specs
from rnncli.errors import UsageError
from rnncli.network import Network
from rnncli.quantities import Rate
from rnncli.render.terminal import Picture
from rnncli.reports.comparison import Compared, columns_of, compared, settings_of

_NUMBERS = "Data type of weights and outputs; give it twice to compare two.  [default: float32]"
_WHOSE = "Whose weights to count; give it twice to compare both.  [default: framework of each SPEC, or keras]"

_MOST = 1000
"""The most networks to compare; all of them stay in memory until the last one is read."""


@click.command(cls=GroupedCommand)
@options.spec
@options.number("--batch", "Samples at a time; give it twice to compare batches.", multiple=True)
@options.number("--timesteps", "Length of the sequence; give it twice to compare lengths.", multiple=True)
@options.rate
@options.option("--dtype", values.dtype, _NUMBERS, default=("float32",), multiple=True)
@options.option("--framework", values.framework, _WHOSE, multiple=True)
@options.format_
@options.svg
def command(spec: tuple[str, ...], rate: Rate | None, format_: str, svg: Picture | None, **several: Any) -> None:
    """Compare networks side by side, and show why their parameter counts differ.

    \b
    Examples:
      rnncli compare embed:10000x32,lstm:64 embed:10000x32,gru:64
      rnncli compare input:8,rnn:8 input:8,gru:8 input:8,lstm:8 --timesteps 100
      rnncli compare input:32,rnn:32 --framework keras --framework torch
      rnncli compare input:8,lstm:16:seq --timesteps 10 --timesteps 500

    Each network is shown with its ratio to the first; JSON and CSV also have the difference. Networks whose
    layers correspond are also compared layer by layer.

    Give --batch, --timesteps, --dtype or --framework several times to show each network with every
    combination of their values.
    """
    each_of: dict[str, Any] = {name: given or (None,) for name, given in several.items()}
    combinations = prod(map(len, each_of.values()))
    if combinations > _MOST:
        raise UsageError(f"{combinations:,} settings are too many to compare", f"at most {_MOST:,} can be compared")
    settings = settings_of(**each_of)
    columns: list[Compared] = []
    in_settings = f", each in {len(settings):,} settings" if len(settings) > 1 else ""
    message = f"more than {_MOST:,} networks are too many to compare{in_settings}"
    given = at_most(_MOST // len(settings), specs(spec), message, "rnncli summary accepts any number")

    def add(network: Network) -> None:
        alone = replace(network, part=None)  # with its part it would keep its file open; only sizes are compared
        columns.extend(columns_of(alone, settings, rate))

    with results(format_, svg) as show:
        each_spec(given, read_network, add, lambda: len(columns) > 1 and show(compared(columns)))
    if len(columns) == 1:
        message = "a comparison needs two networks, or one in two settings"
        repair = _in_two_settings(columns[0].network)
        raise UsageError(message, "give another SPEC, or an option twice", lead="for example", repair=repair)


def _in_two_settings(network: Network) -> str | None:
    """Return the current command line with a second value for one of its options."""
    from rnncli.commands.wrong_options import values_in

    this = running()
    for word in [] if this is None else this.words:
        some = values_in(word.option, word.value) if word.option and word.option.multiple and word.value else []
        if word.option and some:
            more = [part for value in some for part in (word.text, value)]
            return this_line(without=[str(word.option.name)], more=more)
    if not any(layer.conflict("torch") for layer in network.layers):
        return this_line(without=["framework"], more=["--framework", "keras", "--framework", "torch"])
    return this_line(without=["batch"], more=["--batch", "1", "--batch", "32"])
