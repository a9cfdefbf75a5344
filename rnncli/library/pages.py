"""A page with every report on a network, or a comparison of several. Importing it imports Rich and NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape

from rnncli.atomic import WrittenFile, write_files
from rnncli.engine.request import DEFAULT_SEEDS, DEFAULT_TIMESTEPS, Request, written_name
from rnncli.errors import ArgumentError
from rnncli.export import TARGETS, Job, export
from rnncli.formats.networks import Reading, readings_of
from rnncli.layers.weights import Framework
from rnncli.library.runs import Path, Tell, run_forward, run_reach, silent
from rnncli.network import NetworkLike
from rnncli.network_summary import Setting
from rnncli.render.blocks import Block, SourceText
from rnncli.render.comparisons import comparison_page
from rnncli.render.documents import Section, page_of_lines, page_or_reason, page_text
from rnncli.render.drawing import drawing_page
from rnncli.render.explanations import explanation_page
from rnncli.render.over_time import reach_page, study_page
from rnncli.render.summaries import head, sizes_page, summary_page, totals
from rnncli.reports.comparison import columns_of, compared
from rnncli.reports.explanation import explain
from rnncli.reports.reach import Reach
from rnncli.reports.unrolled import draw
from rnncli.results import Result

MOST = 12
"""The most networks on a page, since each is drawn and run with several seeds."""


@dataclass(frozen=True, repr=False)
class SharedPage(Result):
    """A self-contained HTML page to share.

    Attributes:
        networks: the networks on it.
        html: the page.
        files: the file that was written, if any.
    """

    networks: str
    html: str
    files: tuple[WrittenFile, ...] = ()

    @property
    def title(self) -> str:
        """The networks on the page."""
        return self.networks

    def __str__(self) -> str:
        """Return the page as text."""
        return self.html.removesuffix("\n")

    def to(self, format: str) -> str:
        """Return the page, which is HTML; in markdown, a line about it."""
        return self.html if format == "html" else super().to(format)

    def _repr_html_(self) -> str:
        """Return the page in a frame, so that its style affects nothing else."""
        style = "width:100%;height:40rem;border:1px solid"
        return f'<iframe title="{escape(self.networks)}" style="{style}" srcdoc="{escape(self.html)}"></iframe>'


def page(
    *networks: NetworkLike,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework | None = None,
    output: Path | None = None,
    set: Mapping[str, float | str] | None = None,
) -> SharedPage:
    """Return a page with every report on a network: drawing, table, costs, runs and source.

    For several networks it shows how they compare.

    Args:
        networks: the networks, models, which run with their weights, or anything that `rnncli.load` accepts.
        batch: samples per batch, for the costs; None counts as one.
        timesteps: length of the sequence, for costs and a run; None for the network's own, or 100.
        framework: whose weights to count; None for the framework of each network's source.
        output: a file to write it to.
        set: values for the names that Python source leaves undefined.

    Raises:
        ArgumentError: there is no network, there are too many, or an argument is not allowed.
        SpecError: `timesteps` contradicts a network, or the framework cannot express it.
        RnncliError: a file cannot be read or written.
    """
    if not 1 <= len(networks) <= MOST:
        raise ArgumentError(f"{len(networks)} networks are given, expected 1 to {MOST}")
    path = None if output is None else written_name("output", output, ".html")
    request = Request(batch=batch, timesteps=timesteps, framework=framework)
    return run_page(readings_of(networks, set), request, path, silent)


def run_page(models: Sequence[Reading], asked: Request, output: str | None, tell: Tell) -> SharedPage:
    """Return a page of networks, and write it to `output` if there is one."""
    tell = cache(tell)  # a network runs twice, but its notes are printed once
    sections = _of_network(models[0], asked, tell) if len(models) == 1 else _of_networks(models, asked, tell)
    titles = [model.network.origin.marked(str(model.network)) for model in models]
    title = ", ".join(dict.fromkeys(titles))
    html = page_text(title, [*_assumptions(models), *sections])
    return SharedPage(title, html, () if output is None else write_files({output: html}))


def _assumptions(models: Sequence[Reading]) -> Iterator[Section]:
    """Yield the section on what sources leave open or say differently: who gets a page has not seen the notes."""
    each = [(f"Network {n}: " * (len(models) > 1), model) for n, model in enumerate(models, start=1)]
    lines = [f"{name}{said}" for name, model in each for said in model.network.origin.assumed]
    if lines:
        yield "Assumed, or different from the source", page_of_lines(lines)


def _of_network(model: Reading, asked: Request, tell: Tell) -> Iterator[Section]:
    """Yield the sections on a single network."""
    network = model.network
    counted = network.summary(asked.batch, asked.timesteps, asked.framework, model.dtype)
    yield "Unrolled in time", drawing_page(draw(network, asked.batch, asked.timesteps))
    yield "Layers", summary_page(counted)
    yield "Where each number comes from", explanation_page(explain(network, framework=asked.framework))
    steps = counted.input_shape[1] or DEFAULT_TIMESTEPS
    costs = network.summary(asked.batch or 1, steps, asked.framework, model.dtype)
    yield "What it costs", [*head(costs), *totals(costs, wide=True), *sizes_page(costs)]
    yield "Over time", page_or_reason(_over_time(model, asked, tell))
    yield "How far back it remembers", page_or_reason(_reach([model], asked, tell))
    job = Job(network, dict)  # source for a framework contains no weights
    for name, target in TARGETS.items():
        if target.is_text and target.weights:
            yield f"In {target.title}", page_or_reason(_source(job, name))


def _of_networks(models: Sequence[Reading], asked: Request, tell: Tell) -> Iterator[Section]:
    """Yield the sections that compare several networks."""
    settings = [Setting(asked.batch, asked.timesteps, asked.framework, model.dtype) for model in models]
    pairs = zip(models, settings, strict=True)
    columns = [column for model, setting in pairs for column in columns_of(model.network, [setting])]
    yield "Side by side", comparison_page(compared(columns))
    for number, model in enumerate(models, start=1):
        yield f"Network {number}", drawing_page(draw(model.network, asked.batch, asked.timesteps))
    yield "How far back they remember", page_or_reason(_reach(models, asked, tell))


def _over_time(model: Reading, asked: Request, tell: Tell) -> Iterator[Block]:
    """Run a network and yield the study of its last recurrent layer over time."""
    request = replace(asked, batch=None, study=True, init=model.network.framework)
    study = run_forward(model, request, tell, name="page").study
    assert study is not None
    yield from study_page(study)


def _reach(models: Sequence[Reading], asked: Request, tell: Tell) -> Iterator[Block]:
    """Run networks with several seeds and yield how far back they remember."""
    request = replace(asked, batch=None, seeds=DEFAULT_SEEDS)
    yield from reach_page(Reach(tuple(run_reach(model, request, tell, "page") for model in models)))


def _source(job: Job, target: str) -> Iterator[Block]:
    yield SourceText(str(export(job, target)))
