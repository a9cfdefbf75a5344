"""`rnncli solve`: the largest network of a form within a budget."""

from __future__ import annotations

import sys
from typing import cast

import click

from rnncli.commands.completing import complete_template
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import dtype_option, framework_option, number_option
from rnncli.commands.specs import each_spec, specs
from rnncli.commands.values import big_number, memory_size
from rnncli.errors import UsageError
from rnncli.layers.weights import Framework
from rnncli.search.budget import Budget
from rnncli.search.solution import solve
from rnncli.search.template import Template


@click.command(cls=GroupedCommand, short_help="The largest network within a budget.")
@click.argument("template", nargs=-1, required=True, shell_complete=complete_template)
@click.option("--params", type=big_number, metavar="N", help="The most parameters: 1000000, 1M.")
@click.option("--memory", type=memory_size, metavar="SIZE", help="The most memory of the parameters: 512KB, 4MB.")
@click.option("--macs", type=big_number, metavar="N", help="The most multiply-adds, for --timesteps.")
@number_option("--multiple-of", "Only multiples of N.  [default: 1]")
@number_option("--timesteps", "Length of the sequence, for --macs.")
@number_option("--batch", "Samples at a time, for --macs.  [default: 1]")
@dtype_option
@framework_option
def command(
    template: tuple[str, ...],
    params: int | None,
    memory: int | None,
    macs: int | None,
    multiple_of: int | None,
    timesteps: int | None,
    batch: int | None,
    dtype: str,
    framework: str,
) -> None:
    """Examples:

    \b
      rnncli solve embed:10000x_,lstm:_:seq,lstm:_ --params 1M
      rnncli solve input:64,gru:_ --memory 4MB --dtype float16 --multiple-of 8
      rnncli summary $(rnncli solve input:64x8,lstm:_ --macs 10M)

    Find the largest whole number for the blanks _ of TEMPLATE, the same for all of them, that keeps
    the network within the budget. Standard output is the filled spec alone; on a terminal, standard
    error tells what it costs and what the next size up would.

    The exit status is 1 if nothing fits. TEMPLATE may be - for templates on standard input, one a line.
    """
    budget = Budget(params, memory, macs)
    if not any(limit is not None for limit in budget):
        raise UsageError("there is no budget to keep within", "give --params, --memory or --macs")

    def show(text: str) -> None:
        solution = solve(
            text,
            budget,
            multiple_of=multiple_of or 1,
            batch=batch,
            timesteps=timesteps,
            framework=cast(Framework, framework),
            dtype=dtype,
        )
        click.echo(solution.spec)
        if sys.stderr is not None and sys.stderr.isatty():
            click.echo(str(solution), err=True)

    each_spec(specs(template, Template.parse), show)
