"""`rnncli page`: what the other commands show of a network, or of several side by side, as one page to share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from rnncli.atomic import Written, written_whole
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import file_option, framework_option, number_option
from rnncli.commands.report import tell
from rnncli.commands.settings import spec_argument
from rnncli.commands.specs import at_most, each_given, specs
from rnncli.engine.request import DEFAULT_SEEDS, DEFAULT_TIMESTEPS, Request
from rnncli.export import TARGETS, Job, export
from rnncli.formats.networks import Reading
from rnncli.layers.weights import Framework
from rnncli.summary import Setting

if TYPE_CHECKING:
    from rnncli.engine.run import Plan
    from rnncli.engine.study import Study
    from rnncli.render.page import Section
    from rnncli.reports.reach import NetworkReach

_MOST = 12
"""The most networks of a page: each is drawn, and run with several seeds."""


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
    message = f"there are more than {_MOST} networks for one page"
    each_given(at_most(_MOST, specs(spec), message, "rnncli compare takes more"), models.append)
    if not models:
        return
    from rnncli.render.page import page_text

    asked = Request(batch=batch, timesteps=timesteps, framework=framework)
    sections = _of_one(models[0], asked) if len(models) == 1 else _of_several(models, asked)
    titles = [model.network.origin.marked(str(model.network)) for model in models]
    text = page_text(", ".join(dict.fromkeys(titles)), list(sections))
    if output is None:
        click.echo(text, nl=False)
        return
    content = text.encode()
    with written_whole(output) as file:
        file.write(content)
    tell(Written(output, len(content)))


def _of_one(model: Reading, asked: Request) -> Iterator[Section]:
    """Yield what there is to say of a network."""
    from rnncli.render.drawing import drawing_page
    from rnncli.render.explanations import explanation_page
    from rnncli.render.page import Section, or_why
    from rnncli.render.plots import study_page
    from rnncli.render.reaches import reaches_page
    from rnncli.render.summaries import sizes_page, summary_page, totals
    from rnncli.reports.explanation import explain

    network = model.network
    counted = network.summary(asked.batch, asked.timesteps, asked.framework)
    yield Section("Unrolled in time", drawing_page(network, asked.batch, asked.timesteps))
    yield Section("Layers", summary_page(counted))
    yield Section("Where each number comes from", explanation_page(explain(network, framework=asked.framework)))
    steps = counted.input_shape[1] or DEFAULT_TIMESTEPS
    costs = network.summary(asked.batch or 1, steps, asked.framework)
    yield Section("What it costs", [*totals(costs, wide=True), *sizes_page(costs)])
    yield Section("Over time", or_why(lambda: study_page(_studied(model, asked))))
    yield Section("How far back it remembers", or_why(lambda: reaches_page([_reach(model, asked)])))
    yield from _sources(model)


def _of_several(models: list[Reading], asked: Request) -> Iterator[Section]:
    """Yield how networks compare."""
    from rnncli.render.comparisons import comparison_page
    from rnncli.render.drawing import drawing_page
    from rnncli.render.page import Section, or_why
    from rnncli.render.reaches import reaches_page
    from rnncli.reports.comparison import columns_of, compared

    setting = Setting(asked.batch, asked.timesteps, asked.framework, asked.dtype)
    columns = [column for model in models for column in columns_of(model.network, [setting])]
    yield Section("Side by side", comparison_page(compared(columns)))
    for number, model in enumerate(models, start=1):
        yield Section(f"Network {number}", drawing_page(model.network, asked.batch, asked.timesteps))
    yield Section("How far back they remember", or_why(lambda: reaches_page([_reach(each, asked) for each in models])))


def _planned(model: Reading, asked: Request) -> Plan:
    """Return a run that can start; what is to be known of it is told."""
    from rnncli.engine.run import plan

    run = plan(model.network, asked, model.part)
    for note in run.notes:
        tell(f"Note: {note}")
    return run


def _studied(model: Reading, asked: Request) -> Study:
    """Run a network and return what its last recurrent layer did over time."""
    from rnncli.render.progress import Progress

    run = _planned(model, replace(asked, batch=None, study=True))
    with Progress("page: over time", run.steps, tell) as progress:
        study = run.run(lambda done: progress(done / run.work * run.steps)).study
    assert study is not None
    return study


def _reach(model: Reading, asked: Request) -> NetworkReach:
    """Run a network with several seeds and return how far back it remembers."""
    from rnncli.engine.reach import reach
    from rnncli.render.progress import Progress

    run = _planned(model, replace(asked, batch=None, seeds=DEFAULT_SEEDS))
    with Progress("page: reach", run.steps, tell) as progress:
        return reach(run, lambda done: progress(done / run.work * run.steps))


def _sources(model: Reading) -> Iterator[Section]:
    """Yield the network as source for each framework that can express it, or why one cannot."""
    from rnncli.engine.model_weights import first_weights
    from rnncli.render.blocks import Source
    from rnncli.render.page import Section, or_why

    job = Job(model.network, lambda: first_weights(model.network, None, None, 0))
    for name, target in TARGETS.items():
        if target.is_text and target.weights:  # C has them in itself, all of them
            yield Section(
                f"In {target.title}",
                or_why(lambda name=name: [Source([(line, 1, "") for line in str(export(job, name)).splitlines()])]),  # type: ignore[misc]
            )
