"""The output of each result: a page for people, or plain numbers for programs. Only a page imports Rich.

To show another class of results, add it to `SHOWN`; commands, `print` and notebooks follow from that. To add a format,
list its writer in `WRITERS` and its name in `rnncli.render.terminal`, so that `--format` offers it without importing
this module; the tests cover every listed format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from rnncli.errors import ArgumentError, listed, one_line
from rnncli.immutable import NamedTuple
from rnncli.network import check_known
from rnncli.network_summary import ORIGIN, TOTALS, TOTALS_AT_RATE
from rnncli.render.terminal import FOR_PEOPLE, FORMATS, PROGRAMS, THEMES, Picture, Theme, terminal_width
from rnncli.results import Result, rendering
from rnncli.search.budget import FIGURES

if TYPE_CHECKING:
    from rnncli.atomic import WrittenFile
    from rnncli.render.blocks import Page

Record = dict[str, Any]
"""An object as printed in JSON: a network with its counts, a run, a candidate of a sweep."""

LISTED = (*TOTALS, "output_shape", "spec")
"""The columns shown to people for the candidates of a sweep."""


class Writer:
    """Writes records in batches, so that they can be printed before all are known.

    Args:
        head: the text before the first batch.
        text: returns the text of a batch; by default the records are texts.
    """

    def __init__(self, head: str = "", text: Callable[[Sequence[Any]], str] = "".join) -> None:
        self._head = head
        self._text = text

    def rows(self, records: Sequence[Any], /) -> str:
        """Return the text of a batch, after the head if it is the first."""
        head, self._head = self._head, ""
        return head + self._text(records)

    def end(self) -> str:
        """Return the text after the last batch."""
        return ""


def cells(columns: Sequence[str], row: Record) -> list[object]:
    """Return the values of a row: shapes as tuples, lists as text, None for unknown."""
    values = (row[name] for name in columns)
    return ["; ".join(map(str, value)) if isinstance(value, list) else value for value in values]


def _json(records: Sequence[Record]) -> str:
    """Return records as JSON: one object per line for each."""
    import json

    encode = json.JSONEncoder(allow_nan=False).encode
    return "".join([f"{encode(record)}\n" for record in records])


def _delimited(delimiter: str, columns: Sequence[str]) -> Writer:
    """Return the writer for CSV, or TSV with a tab as the delimiter: one header, then the rows."""
    import csv
    import io

    def lines(rows: Iterable[Iterable[object]]) -> str:
        text = io.StringIO()
        # The csv module writes None as an empty cell and a shape as a Python tuple.
        csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(
            [str(cell).lower() if type(cell) is bool else one_line(cell) if type(cell) is str else cell for cell in row]
            for row in rows
        )
        return text.getvalue()

    return Writer(lines([columns]), lambda rows: lines(cells(columns, row) for row in rows))


WRITERS: Mapping[str, Callable[[Sequence[str]], Writer]] = {
    "json": lambda columns: Writer(text=_json),
    "csv": partial(_delimited, ","),
    "tsv": partial(_delimited, "\t"),
}
"""A constructor for each format's writer, given the columns of its table, words of the vocabulary."""


# The columns and the rows of each class of results

_NETWORK = ("spec", "framework", "dtype")
"""The keys that identify a network and how its costs are counted."""

_COSTS = ("output_shape", "params", "macs_per_step", "macs", "output_bytes")
"""The keys of a layer's costs."""

CANDIDATES = (*_NETWORK, "output_shape", *TOTALS)
"""The columns of a sweep's candidates."""


def _each_layer(network: Record) -> Iterator[Record]:
    """Yield a row for each layer of a network, with the network's own values."""
    own = dict.fromkeys(("cell", "macs_per_second"))  # if a layer has none, the network's must not take its place
    for layer in network["layers"]:
        yield {**network, **own, **layer, "spec": network["spec"], "layer": layer["spec"]}


def _each_weight(network: Record) -> Iterator[Record]:
    """Yield a row for each weight of a network's layers, with its formula, or for each count of another tool."""
    if "other_tools" in network:
        yield from (network | count for count in network["other_tools"])
        return
    for layer in _each_layer(network):
        for weight in layer["weights"]:
            yield {**layer, **weight, **weight["formula"], "name": layer["name"], "weight": weight["name"]}


def _of_layers(columns: Sequence[str]) -> Sequence[str]:
    # The network's other totals have the same names as the layer's own figures.
    return (*_NETWORK, "name", "type", "cell", "layer", *columns, *TOTALS[:2], *ORIGIN)


def _summarized(summary: Any) -> Sequence[str]:
    at_rate = () if summary.rate is None else ("macs_per_second",)
    return _of_layers((*_COSTS[:3], *at_rate, *_COSTS[3:]))


def _explained(explanation: Any) -> Sequence[str]:
    """Return the columns of weights or, if other tools were requested, of each tool's count."""
    if explanation.other_tools is None:
        return _of_layers(("weight", "symbol", "shape", "words", "numbers", "params", "start", "limit"))
    return ("spec", "tool", "version", "counts", "value", "needs", "text", *ORIGIN)


def _run(result: Any) -> Sequence[str]:
    lengths = () if result.forward.lengths is None else ("lengths",)
    return _of_layers((*_COSTS, "seconds", "mean", "std", "min", "max", "saturated", *lengths))


def _with_others(figures: Iterable[str], others: Sequence[str]) -> list[str]:
    """Return the columns of some figures, each followed by its variants: `last`, `last_min`, `last_max`."""
    return [name for figure in figures for name in (figure, *(f"{figure}_{other}" for other in others))]


def _flat(others: Sequence[str], network: Record) -> Iterator[Record]:
    """Yield a network with the variants of its figures as separate keys."""
    yield network | {f"{figure}_{other}": network[other][figure] for other in others for figure in network[other]}


_CHANGES, _ENDS = ("difference", "ratio"), ("min", "max")


def _compared(comparison: Any) -> Sequence[str]:
    """Return the columns of networks, each figure with its changes, but without layers."""
    figures = _with_others(comparison.summaries[0].totals, _CHANGES)
    return (*_NETWORK, "output_shape", *figures, "batch", "timesteps", *ORIGIN)


_REACHED = (
    *("spec", "file", "init", "name", "timesteps", "seeds", "problem", "failed", "steps"),
    *_with_others(("steps_to_tenth", "steps_to_hundredth", "largest_after", "last", "spectral_radius"), _ENDS),
    *("curve", *ORIGIN),
)


def _reaches(reach: Any) -> Sequence[Record]:
    from rnncli.render.over_time import curve

    return [network.as_dict() | {"curve": curve(network.effect)} for network in reach.networks]


def _solved_keys(solution: Any) -> Sequence[str]:
    """Return the keys of a solution, after those that identify its network."""
    totals = TOTALS if solution.summary.rate is None else TOTALS_AT_RATE
    limits = (figure.limit_key for figure in FIGURES)
    return ("output_shape", "number", "ties", "exact", "limited_by", *totals, *limits)


def _arrays(file: Record) -> Iterator[Record]:
    """Yield a row for each array of a file, with the part and the layer that it belongs to, if any."""
    others = {"name": None, "spec": None, "layers": [{"spec": None, "weights": file["others"]}]}
    for part in (*file["parts"], others):
        for layer in part["layers"]:
            of = {"file": file["file"], "part": part["name"], "spec": part["spec"], "layer": layer["spec"]}
            yield from (array | of | {"weight": array["name"]} for array in layer["weights"])


# The classes of results


def _records(result: Any) -> Sequence[Record]:
    found: Sequence[Record] = result.as_dicts() if hasattr(result, "as_dicts") else [result.as_dict()]
    return found


class Shown(NamedTuple):
    """The output of a class of results.

    Attributes:
        command: the command that shows them.
        page: the function that returns the page of a result, with its module in this package.
        columns: returns the columns of a result's rows; None if it has no rows.
        rows: returns the rows of a record, with a value for each column and possibly others.
        records: returns the records of a result.
        keys: returns the columns of their table in a document; None if a document has the page instead.
    """

    command: str
    page: str
    columns: Callable[[Any], Sequence[str]] | None = None
    rows: Callable[[Record], Iterable[Record]] = lambda record: [record]
    records: Callable[[Any], Sequence[Record]] = _records
    keys: Callable[[Any], Sequence[str]] | None = None


SHOWN = {
    "Summary": Shown("summary", "summaries.summary_page", _summarized, _each_layer),
    "Explanation": Shown("explain", "explanations.explanation_page", _explained, _each_weight),
    "Drawing": Shown("draw", "drawing.drawing_page"),
    "Comparison": Shown("compare", "comparisons.comparison_page", _compared, partial(_flat, _CHANGES)),
    "RunResult": Shown("forward", "summaries.run_page", _run, _each_layer),
    "Reach": Shown("reach", "over_time.reach_page", lambda reach: _REACHED, partial(_flat, _ENDS), _reaches),
    "Candidates": Shown("sweep", "comparisons.candidates_page", lambda found: CANDIDATES, keys=lambda found: LISTED),
    "Solution": Shown(
        "solve",
        "comparisons.solution_page",
        lambda found: (*_NETWORK, *_solved_keys(found)),
        keys=lambda found: ("spec", *_solved_keys(found)),
    ),
    "ModelFile": Shown(
        "inspect",
        "summaries.inspection_page",
        lambda file: ("file", "part", "spec", "layer", "weight", "shape", "dtype", "params"),
        _arrays,
    ),
    "Entry": Shown(
        "layers", "explanations.entry_page", lambda entry: ("kind", "field", "form", "means", "keras", "torch")
    ),
    "Exported": Shown("export", "blocks.source_page"),
    "SharedPage": Shown("page", "documents.shared_page"),
}
"""The output of each class of results, by class name."""


def page_of(result: Result) -> Page:
    """Return the page of a result, for people."""
    module, _, function = SHOWN[type(result).__name__].page.partition(".")
    page: Page = getattr(rendering(module), function)(result)
    return page


def _columns_of(result: Result) -> Sequence[str]:
    columns = SHOWN[type(result).__name__].columns
    if columns is None:
        raise ArgumentError(f"{type(result).__name__} has no rows of numbers; its format is {listed(FOR_PEOPLE, 'or')}")
    return columns(result)


class ResultWriter(Writer):
    """Writes results of one class in any format except a table. The first result determines the columns."""

    def __init__(self, format_: str) -> None:
        super().__init__()
        self._format = format_
        self._writer: Writer | None = None

    def rows(self, results: Sequence[Any], /) -> str:
        """Return some results as records or rows or, in a document without a table for them, as pages."""
        shown = SHOWN[type(results[0]).__name__]
        if self._format in PROGRAMS:
            self._writer = self._writer or WRITERS[self._format](_columns_of(results[0]))
        else:
            documents = rendering("documents")
            if shown.keys is None:
                return "".join(documents.document(self._format, page_of(result)) for result in results)
            self._writer = self._writer or documents.TableWriter(self._format, shown.keys(results[0]))
        records = chain.from_iterable(map(shown.records, results))
        rows = records if self._format == "json" else chain.from_iterable(map(shown.rows, records))
        return self._writer.rows([*rows])

    def end(self) -> str:
        """Return the text after the last batch."""
        return "" if self._writer is None else self._writer.end()


def rows(result: Result) -> list[dict[str, Any]]:
    """Return the rows of a result, each by column name; see `Result.rows`."""
    columns, shown = _columns_of(result), SHOWN[type(result).__name__]
    rows = chain.from_iterable(map(shown.rows, shown.records(result)))
    return [dict(zip(columns, cells(columns, row), strict=True)) for row in rows]


def written(result: Result, format_: str) -> str:
    """Return a result in a format; see `Result.to`."""
    check_known("format", format_, FORMATS)
    if format_ == "table":
        return f"{result}\n"
    writes = ResultWriter(format_)
    return writes.rows([result]) + writes.end()


def save_svg(result: Result, path: str | PathLike[str], theme: str) -> WrittenFile:
    """Save a picture of a result; see `Result.save_svg`."""
    from rnncli.engine.request import written_name
    from rnncli.render.svg import save_picture

    check_known("theme", theme, THEMES)
    picture = Picture(written_name("path", path, ".svg"), cast(Theme, theme))
    return save_picture(picture, f"rnncli {SHOWN[type(result).__name__].command}", page_of(result), terminal_width())
