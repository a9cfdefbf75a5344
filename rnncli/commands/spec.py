"""`rnncli spec`: the canonical spec of networks and model files."""

from __future__ import annotations

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.specs import each_spec, read_network, specs


@click.command(cls=GroupedCommand)
@options.spec
def command(spec: tuple[str, ...]) -> None:
    """Print the canonical spec of each network, one per line: short kinds, plain numbers, defaults left out.

    \b
    Examples:
      rnncli spec 'Embedding:10kx32, SimpleRNN:32:seq, RNN:32'
      rnncli spec model.safetensors
    """
    each_spec(specs(spec), read_network, click.echo)
