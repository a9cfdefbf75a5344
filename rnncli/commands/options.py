"""Options that several commands share, so that they are spelt alike."""

from __future__ import annotations

import click

from rnncli.layers.base import FRAMEWORKS
from rnncli.spec import parse_size

FORMATS = ("table", "json", "csv", "tsv", "markdown")


class Number(click.ParamType):
    """A whole number from 1 to 2**31-1, written as in a spec: 128, 10k, 1M."""

    name = "N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(str(value))
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


format_option = click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    help="table is for people; the others hold plain numbers. JSON is one object a line.",
)
framework_option = click.option(
    "--framework",
    type=click.Choice(FRAMEWORKS),
    default="keras",
    help="Whose weights to count; PyTorch keeps two bias vectors.  [default: keras]",
)
