"""`rnncli page`: one HTML page with all that there is to say of a network, or of several."""

from __future__ import annotations

import click

from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import file_option, framework_option, number_option, spec_argument
from rnncli.commands.report import tell
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.engine.request import DEFAULT_TIMESTEPS, Request
from rnncli.formats.networks import Reading
from rnncli.layers.weights import Framework
from rnncli.library.pages import MOST, run_page


@click.command(
    cls=GroupedCommand,
    short_help="A page to share, of one network or several.",
    less_memory="a smaller --batch may fit",
)
@spec_argument
@number_option("--batch", "Samples at a time, for the costs.  [default: 1]")
@number_option("--timesteps", f"Length of the sequence, for costs and a run.  [default: {DEFAULT_TIMESTEPS}]")
@framework_option
@file_option(
    "-o",
    "--output",
    extensions=["html"],
    metavar="FILE",
    meaning="Write to a file; standard output stays empty.",
    written=True,
)
def command(
    spec: tuple[str, ...],
    batch: int | None,
    timesteps: int | None,
    framework: Framework | None,
    output: str | None,
) -> None:
    """Write one HTML page with all that there is to say of a network, for a lesson or a review.

    \b
    Examples:
      rnncli page input:8,lstm:16,dense:1 -o lstm.html
      rnncli page embed:10000x32,lstm:64 embed:10000x32,gru:64 -o cells.html
      rnncli page model.safetensors -o model.html

    It has the drawing, the table, where each number comes from, what it costs on a device and in training, what the
    state does over time, how far it reaches, and the source for each framework; of several networks, how they compare.

    The file is whole by itself and asks for nothing from anywhere; it reads in light and dark, on a telephone and on
    paper.
    """
    models: list[Reading] = []
    message = f"there are more than {MOST} networks for one page"
    each_given(at_most(MOST, specs(spec), message, "rnncli compare takes more"), models.append)
    if not models:
        return
    page = run_page(models, Request(batch=batch, timesteps=timesteps, framework=framework), output, tell)
    if output is None:
        click.echo(page.html, nl=False)
    for file in page.files:
        tell(file)
