"""`rnncli solve`: the largest network that fits a template and a budget."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import click

from rnncli.commands import options
from rnncli.commands.command_line import this_line
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.output import results, tell
from rnncli.commands.specs import assumed_size, each_spec, specs
from rnncli.errors import UsageError, listed
from rnncli.formats.networks import read_as
from rnncli.layers.weights import Framework
from rnncli.library.searches import template_of
from rnncli.network import Network
from rnncli.network_summary import Setting
from rnncli.quantities import Rate
from rnncli.render.progress import Progress
from rnncli.search.budget import FIGURES, Budget
from rnncli.search.solution import Solution, solve


def _check_budget(given: Mapping[str, Any]) -> None:
    """Raise a UsageError if there is no limit, or the limited figure is unknown: some need the timesteps."""
    from rnncli.search.template import Template

    if all(given[figure.name] is None for figure in FIGURES):
        names = listed([f"--{figure.name}" for figure in FIGURES], "or")
        repair = this_line(more=["--params", "1M"])
        raise UsageError("no budget is given", f"give {names}", lead="for example", repair=repair)

    def smallest(text: str) -> Network | None:
        template = Template.parse(text)
        return template.network(dict.fromkeys(template.blanks, 1))

    options.check_known(given, given["template"], smallest)


@click.command(cls=GroupedCommand, check=_check_budget)
@click.argument("template", nargs=-1, required=True, shell_complete=options.complete_spec)
@options.budget
@options.flag("--exactly", "Accept only an exact match; otherwise exit 1.")
@options.number("--multiple-of", "Try only multiples of N.  [default: 1]")
@options.timesteps
@options.number("--batch", "Samples at a time.  [default: 1]")
@options.rate
@options.dtype
@options.framework
@options.quiet("the filled-in spec, without the note about its cost")
@options.format_
def command(
    template: tuple[str, ...],
    budget: Budget,
    exactly: bool,
    multiple_of: int | None,
    timesteps: int | None,
    batch: int | None,
    rate: Rate | None,
    dtype: str,
    framework: Framework | None,
    quiet: bool,
    format_: str,
) -> None:
    """Find the largest whole number for each blank _ in TEMPLATE that keeps the network within the budget.

    \b
    Examples:
      rnncli solve embed:10000x_,lstm:_:seq,lstm:_ --params 1M
      rnncli solve input:64,gru:_ --memory 4MB --dtype float16 --multiple-of 8
      rnncli solve input:_,lstm:150 --params 92,400 --exactly
      rnncli solve input:50x8,lstm:_a:seq,lstm:_b --params 1M --training 64MB
      rnncli solve input:8,lstm:_ input:8,gru:_ --max-streaming 2KB --dtype int8
      rnncli summary $(rnncli solve -q input:64x8,lstm:_ --macs 10M)

    A blank may have a name, _a, or be a single letter; blanks with the same name get the same number. If there
    are several, the network gets as many parameters as possible; among equals, the most even sizes are chosen.

    Standard output is only the filled-in spec. Unless -q is given, standard error reports what it costs, which
    limit it reaches, by how much the next larger size would exceed it, and what a device needs to run it. The
    other formats print one row with the numbers, the costs and the budget.

    The exit status is 1 if nothing fits. TEMPLATE may be - to read templates from standard input, one per line.
    """

    def solution(text: str) -> Solution:
        spec, whose = _template(text, quiet)
        setting = Setting(batch, timesteps, framework or whose, dtype)
        watch = partial(Progress, "solve", tell=tell)
        return solve(spec, budget, setting, exactly=exactly, multiple_of=multiple_of or 1, rate=rate, watch=watch)

    def show(solution: Solution) -> None:
        """Print only the spec, so that it nests in $( ), and the figures on standard error."""
        click.echo(solution.spec)
        if not quiet:
            tell(solution.in_words(solution.spec if len(template) > 1 or "-" in template else ""), solution.needs())

    with nullcontext(show) if format_ == "table" else results(format_) as show_solution:
        each_spec(specs(template), solution, show_solution)


def _template(text: str, quiet: bool) -> tuple[str, Framework | None]:
    """Return a template as a spec, and the framework if it was written as calls; report how the calls were read.

    Raises:
        RnncliError: only the answer is to be printed, but it depends on an assumed size.
    """
    template, framework, notes = template_of(text)
    sizes = [note.text for note in notes if note.effect == "assumed size"]
    if quiet and sizes:
        raise assumed_size(f"the answer is for {template}: assumed: {listed(sizes)}", text, template)
    if framework is not None and not quiet:
        tell(read_as(template, notes))
    return template, framework
