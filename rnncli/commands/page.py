"""`rnncli page`: one HTML page with everything about one or several networks."""

from __future__ import annotations

from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import tell
from rnncli.commands.specs import at_most, each_spec, read_spec, specs
from rnncli.engine.request import DEFAULT_TIMESTEPS, Request
from rnncli.formats.networks import Reading


@click.command(cls=GroupedCommand, less_memory="a smaller --batch may fit")
@options.spec
@options.number("--batch", "Samples at a time, for the costs.  [default: 1]")
@options.number("--timesteps", f"Length of the sequence, for the costs and the run.  [default: {DEFAULT_TIMESTEPS}]")
@options.framework
@options.writes("--output", "Write to a file, not to standard output.", "html")
def command(spec: tuple[str, ...], output: str | None, **asked: Any) -> None:
    """Write one HTML page with everything about a network, for a lesson or a review.

    \b
    Examples:
      rnncli page input:8,lstm:16,dense:1 -o lstm.html
      rnncli page embed:10000x32,lstm:64 embed:10000x32,gru:64 -o cells.html
      rnncli page model.safetensors -o model.html

    The page contains the drawing, the table, where each number comes from, the costs on a device and in training,
    the state over time, the reach, and the source for each framework. For several networks it compares them.

    The file is self-contained and loads nothing from the network. It works in light and dark mode, on a phone and
    in print.
    """
    from rnncli.library.pages import MOST, run_page  # it imports Rich and NumPy

    models: list[Reading] = []
    message = f"more than {MOST} networks are too many for one page"
    each_spec(at_most(MOST, specs(spec), message, "rnncli compare accepts more"), read_spec, models.append)
    page = run_page(models, Request(**asked), output, tell)
    if output is None:
        click.echo(page.html, nl=False)
    tell(*page.files)
