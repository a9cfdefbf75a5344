"""How each result is shown: the page that people see, and the rows that programs read. Rich is imported for a page.

To show a result of another class, give it a line in `SHOWN`; commands, `print` and notebooks follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from rnncli.errors import ArgumentError, listed
from rnncli.immutable import NamedTuple
from rnncli.network import check_known
from rnncli.render.records import LISTED, WRITERS, Layout, Record, Writer
from rnncli.render.terminal import DOCUMENTS, PROGRAMS, THEMES, Picture, Theme
from rnncli.results import Result
from rnncli.search.budget import FIGURES
from rnncli.summary import ORIGIN, TOTALS, TOTALS_AT_RATE

if TYPE_CHECKING:
    from os import PathLike

    from rnncli.atomic import Written
    from rnncli.render.blocks import Page

_NETWORK = ("spec", "framework", "dtype")
"""The keys that say which network it is, and how its costs are counted."""

_COSTS = ("output_shape", "params", "macs_per_step", "macs", "output_bytes")
"""What is told of each layer."""

_SUMS = TOTALS[:2]
"""The totals that a row of a layer tells, too: the others have the name of the layer's own figure."""

CANDIDATES = Layout((*_NETWORK, "output_shape", *TOTALS))
"""How candidates of a sweep become rows."""


def _each_layer(network: Record) -> Iterator[Record]:
    """Yield a row for each layer of a network, with what it tells of the network."""
    own = dict.fromkeys(("cell", "macs_per_second"))  # where a layer has none, it is not the network's
    for layer in network["layers"]:
        yield {**network, **own, **layer, "spec": network["spec"], "layer": layer["spec"]}


def _each_weight(network: Record) -> Iterator[Record]:
    """Yield a row for each weight of each layer of a network, with its formula."""
    for layer in _each_layer(network):
        for weight in layer["weights"]:
            yield {**layer, **weight, **weight["formula"], "name": layer["name"], "weight": weight["name"]}


def _of_layers(columns: Sequence[str], rows: Callable[[Record], Iterable[Record]] = _each_layer) -> Layout:
    return Layout((*_NETWORK, "name", "type", "cell", "layer", *columns, *_SUMS, *ORIGIN), rows)


def _summarized(summary: Any) -> Layout:
    at_rate = () if summary.rate is None else ("macs_per_second",)
    return _of_layers((*_COSTS[:3], *at_rate, *_COSTS[3:]))


def _explained(explanation: Any) -> Layout:
    """Return a row for each weight, or for what each other tool counts where that is asked for."""
    if explanation.other_tools is None:
        return _of_layers(("weight", "symbol", "shape", "words", "numbers", "params", "start", "limit"), _each_weight)
    columns = ("spec", "tool", "version", "counts", "value", "needs", "text", *ORIGIN)
    return Layout(columns, lambda network: [network | count for count in network["other_tools"]])


def _run(result: Any) -> Layout:
    lengths = () if result.forward.lengths is None else ("lengths",)
    return _of_layers((*_COSTS, "seconds", "mean", "std", "min", "max", "saturated", *lengths))


def _with_others(figures: Iterable[str], others: Sequence[str]) -> list[str]:
    """Return the columns of some figures, each followed by others that go with it: `last`, `last_min`, `last_max`."""
    return [name for figure in figures for name in (figure, *(f"{figure}_{other}" for other in others))]


def _flat(others: Sequence[str], network: Record) -> Iterator[Record]:
    """Yield a network with these others beside its figures."""
    yield network | {f"{figure}_{other}": network[other][figure] for other in others for figure in network[other]}


def _compared(comparison: Any) -> Layout:
    """Return a row for each network, each figure with its changes; layers have no place in a row."""
    changes = ("difference", "ratio")
    figures = _with_others(comparison.summaries[0].totals, changes)
    return Layout(
        (*_NETWORK, "output_shape", *figures, "batch", "timesteps", *ORIGIN),
        partial(_flat, changes),
    )


_ENDS = ("min", "max")

_REACHED = Layout(
    (
        *("spec", "file", "init", "name", "timesteps", "seeds", "problem", "failed", "steps"),
        *_with_others(("steps_to_tenth", "steps_to_hundredth", "largest_after", "last", "spectral_radius"), _ENDS),
        *("curve", *ORIGIN),
    ),
    partial(_flat, _ENDS),
)


def _reaches(reach: Any) -> Sequence[Record]:
    from rnncli.render.over_time import curve

    return [network.as_dict() | {"curve": curve(network.effect)} for network in reach.networks]


def _solved_keys(solution: Any) -> Sequence[str]:
    """Return what is said of a template filled in, behind which network it is."""
    totals = TOTALS if solution.summary.rate is None else TOTALS_AT_RATE
    limits = (figure.limit_key for figure in FIGURES)
    return ("output_shape", "number", "ties", "exact", "limited_by", *totals, *limits)


def _arrays(file: Record) -> Iterator[Record]:
    """Yield a row for each array of a file: the part and the layer that it is in, if it is in one."""
    for part in file["parts"]:
        for layer in part["layers"]:
            of = {"file": file["file"], "part": part["name"], "spec": part["spec"], "layer": layer["spec"]}
            yield from (array | of | {"weight": array["name"]} for array in layer["weights"])
    of = {"file": file["file"], "part": None, "spec": None, "layer": None}
    yield from (array | of | {"weight": array["name"]} for array in file["others"])


# Each class of results


def _records(result: Any) -> Sequence[Record]:
    found: Sequence[Record] = result.as_dicts() if hasattr(result, "as_dicts") else [result.as_dict()]
    return found


class Shown(NamedTuple):
    """How results of a class are shown.

    Attributes:
        command: the command that shows them.
        page: the function of this room that returns what people see of one, with its module.
        layout: returns how the records of one become rows; None where it has none.
        records: returns these.
        keys: returns the columns of the table that a document has of them; None where it has the page.
    """

    command: str
    page: str
    layout: Callable[[Any], Layout] | None = None
    records: Callable[[Any], Sequence[Record]] = _records
    keys: Callable[[Any], Sequence[str]] | None = None


SHOWN = {
    "Summary": Shown("summary", "summaries.summary_page", _summarized),
    "Explanation": Shown("explain", "explanations.explanation_page", _explained),
    "Drawing": Shown("draw", "drawing.drawing_page"),
    "Comparison": Shown("compare", "comparisons.comparison_page", _compared),
    "RunResult": Shown("forward", "summaries.run_page", _run),
    "Reach": Shown("reach", "over_time.reach_page", lambda reach: _REACHED, _reaches),
    "Candidates": Shown("sweep", "searches.candidates_page", lambda found: CANDIDATES, keys=lambda found: LISTED),
    "Solution": Shown(
        "solve",
        "searches.solution_page",
        lambda found: Layout((*_NETWORK, *_solved_keys(found))),
        keys=lambda found: ("spec", *_solved_keys(found)),
    ),
    "ModelFile": Shown(
        "inspect",
        "summaries.inspection_page",
        lambda file: Layout(("file", "part", "spec", "layer", "weight", "shape", "dtype", "params"), _arrays),
    ),
    "Entry": Shown(
        "layers",
        "explanations.entry_page",
        lambda entry: Layout(("kind", "field", "form", "means", "keras", "torch")),
    ),
    "Exported": Shown("export", "blocks.source_page"),
    "SharedPage": Shown("page", "documents.shared_page"),
}
"""How the results of each class are shown."""


def page_of(result: Result) -> Page:
    """Return what people see of a result."""
    module, _, function = SHOWN[type(result).__name__].page.partition(".")
    page: Page = getattr(import_module(f"rnncli.render.{module}"), function)(result)
    return page


def _layout_of(result: Result) -> Layout:
    layout = SHOWN[type(result).__name__].layout
    if layout is None:
        allowed = listed(["table", *DOCUMENTS], "or")
        raise ArgumentError(f"{type(result).__name__} has no rows of numbers; its format is {allowed}")
    return layout(result)


class ResultWriter(Writer):
    """Writes results in any format but a table. The columns are those of the first, and all are of one class.

    Args:
        format_: the format.
    """

    def __init__(self, format_: str) -> None:
        super().__init__()
        self._format = format_
        self._writer: Writer | None = None

    def rows(self, results: Sequence[Any], /) -> str:
        """Return some results: their records, the rows of these or, in a document without a table of them, pages."""
        shown = SHOWN[type(results[0]).__name__]
        if self._format in PROGRAMS:
            self._writer = self._writer or WRITERS[self._format](_layout_of(results[0]))
            self.head = self._writer.head
        else:
            from rnncli.render.documents import TableWriter, document

            if shown.keys is None:
                return "".join(document(self._format, page_of(result)) for result in results)
            self._writer = self._writer or TableWriter(self._format, shown.keys(results[0]))
        return self._writer.rows([record for result in results for record in shown.records(result)])

    def end(self) -> str:
        """Return what comes after the last."""
        return "" if self._writer is None else self._writer.end()


def rows(result: Result) -> list[dict[str, Any]]:
    """Return the rows of a result by the names of their columns; see `Result.rows`."""
    layout, records = _layout_of(result), SHOWN[type(result).__name__].records(result)
    return [dict(zip(layout.columns, cells, strict=True)) for record in records for cells in layout.cells(record)]


def text(result: Result) -> str:
    """Return what a command shows of a result on a screen as wide as this one, without colours."""
    from rnncli.render.console import plain_text

    return plain_text(page_of(result))


def written(result: Result, format_: str) -> str:
    """Return a result in a format; see `Result.to`."""
    check_known("format", format_, ("table", *PROGRAMS, *DOCUMENTS))
    if format_ == "table":
        return f"{result}\n"
    writes = ResultWriter(format_)
    found = writes.rows([result])
    return writes.head + found + writes.end()


def notebook(result: Result) -> str:
    """Return a result as a part of a notebook's page."""
    from rnncli.render.documents import part_of_page

    return part_of_page(result.title, page_of(result))


def save_svg(result: Result, path: str | PathLike[str], theme: str) -> Written:
    """Save a picture of a result; see `Result.save_svg`."""
    from rnncli.engine.request import written_name
    from rnncli.render.console import screen

    check_known("theme", theme, THEMES)
    files: list[Written] = []
    picture = Picture(written_name("path", path, ".svg"), cast(Theme, theme), files.append)
    with screen(picture, f"rnncli {SHOWN[type(result).__name__].command}", seen=False) as show:
        show(page_of(result))
    return files[0]
