"""How each result is shown: the page that people see, and the rows that programs read. Rich is imported for a page.

To show a result of another class, give it a line in `SHOWN`; commands, `print` and notebooks follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rnncli.errors import ArgumentError, listed
from rnncli.network import check_known
from rnncli.render.records import (
    LISTED,
    NETWORK,
    Layout,
    Record,
    Writer,
    each_weight,
    layout,
    of_layers,
    writer,
)
from rnncli.render.terminal import DOCUMENTS, PROGRAMS, THEMES, Picture, Theme
from rnncli.results import Result
from rnncli.search.budget import FIGURES
from rnncli.summary import ORIGIN, TOTALS, TOTALS_AT_RATE

if TYPE_CHECKING:
    from os import PathLike

    from rnncli.atomic import Written
    from rnncli.render.blocks import Page


def _records(result: Any) -> Sequence[Record]:
    found: Sequence[Record] = result.as_dicts() if hasattr(result, "as_dicts") else [result.as_dict()]
    return found


class Shown(NamedTuple):
    """How results of a class are shown.

    Attributes:
        command: the command that shows them.
        page: the function of this room that returns what people see of one, with its module.
        layout: how the records of one become rows, or what returns it; None where it has none.
        records: returns these.
        keys: returns the columns of the table that a document has of them; None where it has the page.
    """

    command: str
    page: str
    layout: Layout | Callable[[Any], Layout] | None = None
    records: Callable[[Any], Sequence[Record]] = _records
    keys: Callable[[Any], Sequence[str]] | None = None


def _layers(summary: Any) -> Layout:
    at_rate = () if summary.rate is None else ("macs_per_second",)
    return of_layers("output_shape", "params", "macs_per_step", *at_rate, "macs", "output_bytes")


def _explained(explanation: Any) -> Layout:
    """Return a row for each weight, or for what each other tool counts where that is asked for."""
    if explanation.other_tools is None:
        return of_layers("weight", "symbol", "shape", "words", "numbers", "params", "start", "limit", rows=each_weight)
    columns = ("spec", "tool", "version", "counts", "value", "needs", "text", *ORIGIN)
    return layout(*columns, rows=lambda network: [network | count for count in network["other_tools"]])


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
    columns = (*NETWORK, "output_shape", *figures, "batch", "timesteps", *ORIGIN)
    return layout(*columns, rows=partial(_flat, changes))


def _run(result: Any) -> Layout:
    lengths = () if result.forward.lengths is None else ("lengths",)
    return of_layers(
        *("output_shape", "params", "macs_per_step", "macs", "output_bytes"),
        *("seconds", "mean", "std", "min", "max", "saturated", *lengths),
    )


_ENDS = ("min", "max")

_REACHED = layout(
    *("spec", "file", "init", "name", "timesteps", "seeds", "problem", "failed", "steps"),
    *_with_others(("steps_to_tenth", "steps_to_hundredth", "largest_after", "last", "spectral_radius"), _ENDS),
    *("curve", *ORIGIN),
    rows=partial(_flat, _ENDS),
)


def _reaches(reach: Any) -> Sequence[Record]:
    from rnncli.render.over_time import curve

    return [network.as_dict() | {"curve": curve(network.effect)} for network in reach.networks]


CANDIDATES = layout(*NETWORK, "output_shape", *TOTALS)
"""How candidates of a sweep become rows."""


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


SHOWN = {
    "Summary": Shown("summary", "summaries.summary_page", _layers),
    "Explanation": Shown("explain", "explanations.explanation_page", _explained),
    "Drawing": Shown("draw", "drawing.drawing_page"),
    "Comparison": Shown("compare", "comparisons.comparison_page", _compared),
    "RunResult": Shown("forward", "runs.run_page", _run),
    "Reach": Shown("reach", "over_time.reach_page", _REACHED, _reaches),
    "Candidates": Shown("sweep", "searches.candidates_page", CANDIDATES, keys=lambda found: LISTED),
    "Solution": Shown(
        "solve",
        "searches.solution_page",
        lambda found: layout(*NETWORK, *_solved_keys(found)),
        keys=lambda found: ("spec", *_solved_keys(found)),
    ),
    "ModelFile": Shown(
        "inspect",
        "inspections.inspection_page",
        layout("file", "part", "spec", "layer", "weight", "shape", "dtype", "params", rows=_arrays),
    ),
    "Entry": Shown("layers", "explanations.entry_page", layout("kind", "field", "form", "means", "keras", "torch")),
    "Exported": Shown("export", "blocks.source_page"),
    "SharedPage": Shown("page", "page.shared_page"),
}
"""How the results of each class are shown."""


def page_of(result: Result) -> Page:
    """Return what people see of a result."""
    module, _, function = SHOWN[type(result).__name__].page.partition(".")
    page: Page = getattr(import_module(f"rnncli.render.{module}"), function)(result)
    return page


def records_of(result: Result) -> Sequence[Record]:
    """Return what programs read of a result."""
    return SHOWN[type(result).__name__].records(result)


def layout_of(result: Result) -> Layout:
    """Return how the records of a result become rows.

    Raises:
        ArgumentError: it has none.
    """
    found = SHOWN[type(result).__name__].layout
    if found is None:
        allowed = listed(["table", *DOCUMENTS], "or")
        raise ArgumentError(f"{type(result).__name__} has no rows of numbers; its format is {allowed}")
    return found if isinstance(found, Layout) else found(result)


class ResultWriter:
    """Writes results in any format but a table. The columns are those of the first, and all are of one class.

    Args:
        format_: the format.
    """

    def __init__(self, format_: str) -> None:
        self._format = format_
        self._writer: Writer[Any] | None = None

    def begin(self) -> str:
        """Return what comes before the first, once that is known."""
        return "" if self._writer is None else self._writer.begin()

    def rows(self, results: Sequence[Any], /) -> str:
        """Return some results: their records, the rows of these or, in a document without a table of them, pages."""
        first = results[0]
        keys = SHOWN[type(first).__name__].keys
        if self._format in PROGRAMS:
            self._writer = self._writer or writer(self._format, layout_of(first))
        else:
            from rnncli.render.documents import DocumentWriter, TableWriter

            if keys is None:
                self._writer = DocumentWriter(self._format)
                return self._writer.rows([page_of(result) for result in results])
            self._writer = self._writer or TableWriter(self._format, keys(first))
        return self._writer.rows([record for result in results for record in records_of(result)])

    def end(self) -> str:
        """Return what comes after the last."""
        return "" if self._writer is None else self._writer.end()


def rows(result: Result) -> list[dict[str, Any]]:
    """Return the rows of a result by the names of their columns; see `Result.rows`."""
    columns, rows_of = layout_of(result)
    return [dict(zip(columns, cells, strict=True)) for record in records_of(result) for cells in rows_of(record)]


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
    return writes.begin() + found + writes.end()


def notebook(result: Result) -> str:
    """Return a result as a part of a notebook's page."""
    from rnncli.render.page import part_of_page

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
