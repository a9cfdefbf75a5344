"""The formats for programs and documents: requirements on each, in every command with --format.

The tests walk `WRITERS`, `DOCUMENTS` and the commands. A new format needs a reader here, a new command an example.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from command_lines import MODEL
from conftest import MODELS, Run, Screen, Walk
from sessions import replay
from test_columns import tables

from rnncli import Network
from rnncli.cli import COMMANDS
from rnncli.commands.output import printed
from rnncli.errors import ArgumentError
from rnncli.network_summary import ORIGIN
from rnncli.quantities import shape_text
from rnncli.render.documents import TableWriter
from rnncli.render.results import WRITERS, Writer
from rnncli.render.terminal import DOCUMENTS, FORMATS
from rnncli.search.forms import BATCH

Objects = list[dict[str, Any]]


class Table(NamedTuple):
    """A table as read back; the alignment (left or right) is a document's."""

    header: list[str]
    rows: list[list[str]]
    alignment: list[str] = []


def read_delimited(delimiter: str, text: str) -> list[Table]:
    header, *rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    return [Table(header, rows)]


def read_markdown(text: str) -> list[Table]:
    """Read Markdown's tables: lines between bars."""
    tables: list[Table] = []
    for block in text.rstrip("\n").split("\n\n"):
        if block.startswith("|"):
            header, aligned, *rows = map(markdown_cells, block.split("\n"))
            tables.append(Table(header, rows, [{":---": "left", "---:": "right"}[cell] for cell in aligned]))
    return tables


def markdown_cells(line: str) -> list[str]:
    first, *cells, last = re.split(r"(?<!\\)\|", line)
    assert first == last == ""
    return [markdown_text(cell[1:-1]) for cell in cells]


def markdown_text(text: str) -> str:
    """A Markdown text as rendered."""
    shown = ""
    text = text.replace("\\|", "|")
    while text:
        if code := re.match(r"(`+)( ?)(.+?)\2\1(?!`)", text):
            shown, text = shown + code[3], text[code.end() :]
        elif escaped := re.match(r"\\([\\`*<>\[\]_])", text):
            shown, text = shown + escaped[1], text[2:]
        elif mark := re.match(r"\*\*|<br>", text):
            shown, text = shown + ("\n" if mark[0] == "<br>" else ""), text[mark.end() :]
        else:
            shown, text = shown + text[0], text[1:]
    return shown


def read_html(text: str) -> list[Table]:
    """Read HTML as XML, which rejects unclosed tags."""
    assert text.isascii()
    root = ElementTree.fromstring(f"<page>{text}</page>")
    assert {part.tag for part in root} <= {"table", "p", "ul", "pre"}
    assert [part.tail for part in root if (part.tail or "").strip()] == []
    return [html_table(table) for table in root.findall("table")]


def html_table(table: Element) -> Table:
    """Read a table with its parts in order, and equally many cells in every row."""
    head, body = table
    assert [head.tag, body.tag] == ["thead", "tbody"]
    header = head.findall("tr/th")
    assert {title.get("scope") for title in header} == {"col"}
    alignment = [str(title.get("style")).removeprefix("text-align:") for title in header]
    for row in body:
        assert [(cell.tag, cell.get("scope")) for cell in row] == [("th", "row"), *[("td", None)] * (len(header) - 1)]
        assert [cell.get("style") for cell in row] == [title.get("style") for title in header]
    rows = [[html_text(cell) for cell in row] for row in body]
    return Table([html_text(title) for title in header], rows, alignment)


def html_text(element: Element) -> str:
    assert {part.tag for part in element.iter()} <= {element.tag, "code", "strong", "br"}
    for line_end in element.iter("br"):
        line_end.text = "\n"
    return "".join(element.itertext())


READERS: dict[str, Callable[[str], list[Table]]] = {
    "csv": partial(read_delimited, ","),
    "tsv": partial(read_delimited, "\t"),
    "markdown": read_markdown,
    "html": read_html,
}
"""The reader for each format's tables, except JSON, which has no tables."""
DELIMITED = [name for name in WRITERS if name != "json"]


# The commands' output. ------------------------------------------------------------------------------------------------


class Example(NamedTuple):
    """A command line, and how its objects map to table rows."""

    arguments: tuple[str, ...]
    rows: Callable[[dict[str, Any]], Objects]


def layers(network: dict[str, Any]) -> Objects:
    names = ("spec", "framework", "dtype", "total_params", "total_bytes", *ORIGIN)
    of_network = {name: network[name] for name in names}
    return [{"cell": None} | layer | {"layer": layer["spec"]} | of_network for layer in network["layers"]]


def weights(network: dict[str, Any]) -> Objects:
    return [
        layer | weight | weight["formula"] | {"weight": weight["name"], "name": layer["name"]}
        for layer in layers(network)
        for weight in layer["weights"]
    ]


def arrays(model: dict[str, Any]) -> Objects:
    of_parts = [
        array | {"part": part["name"], "spec": part["spec"], "layer": layer["spec"]}
        for part in model["parts"]
        for layer in part["layers"]
        for array in layer["weights"]
    ]
    others = [array | {"part": None, "spec": None, "layer": None} for array in model["others"]]
    return [{"file": model["file"], **array, "weight": array["name"]} for array in [*of_parts, *others]]


def changes(network: dict[str, Any]) -> Objects:
    of_figures = {
        f"{figure}_{what}": value for what in ("difference", "ratio") for figure, value in network[what].items()
    }
    return [network | of_figures]


def spreads(network: dict[str, Any]) -> Objects:
    return [network | {f"{key}_{what}": value for what in ("min", "max") for key, value in network[what].items()}]


SPECS = ("embed:10000x32,lstm:32:seq:bi,dense:8,rnn:32", "input:8", "input:5x3,gru:4:seq:x2,gru:4")
EXAMPLES = {
    "summary": Example((*SPECS, "--batch", "2"), layers),
    "forward": Example((*SPECS, "--batch", "2", "--init", "uniform"), layers),
    "explain": Example((*SPECS, "--batch", "2"), weights),
    "compare": Example(SPECS, changes),
    "reach": Example(
        ("input:8,rnn:4:back", str(MODELS / "lstm-2-bi.npz"), "input:1,rnn:2:relu", "--timesteps", "40"),
        spreads,
    ),
    "sweep": Example(("embed:10x{u=16,32},{rnn,lstm}:{u}", "input:3x4,{rnn:0,gru:5}"), lambda row: [row]),
    "solve": Example(("embed:10x_,lstm:_", "input:5x3,gru:_", "--memory", "4KB"), lambda row: [row]),
    "inspect": Example((str(MODELS / "lstm-2-bi.npz"), str(MODELS / "odd.npz")), arrays),
    "layers": Example((), lambda row: [row]),
}
"""An example for each command with all formats; unknown values (None) are included."""


def formats_of(command: str) -> Sequence[str]:
    """The formats that a command offers."""
    options = import_module(f"rnncli.commands.{command}").command.params
    return next((option.type.choices for option in options if option.name == "format_"), ())


WITH_FORMATS = [name for name in COMMANDS if formats_of(name)]


def test_every_command_has_every_format_or_none_and_prints_nothing_in_it_for_a_bad_spec(rnncli: Run, at: Walk) -> None:
    assert {"json", *READERS} == {*WRITERS, *DOCUMENTS}
    assert ("table", *WRITERS, *DOCUMENTS) == FORMATS
    assert {*EXAMPLES} == {*WITH_FORMATS}
    for command in WITH_FORMATS:
        assert tuple(formats_of(command)) == FORMATS
        for format_ in WRITERS:
            with at(command, format_):
                assert rnncli(command, "input:8,lsmt:{1,2}", "-f", format_)[:2] == (2, "")


def test_a_table_holds_the_plain_values_of_json_one_object_per_line(rnncli: Run, at: Walk) -> None:
    for command, (arguments, rows_of) in EXAMPLES.items():
        objects = [json.loads(line) for line in rnncli(command, *arguments, "-f", "json").stdout.splitlines()]
        if arguments[:3] == SPECS:
            assert [each["spec"] for each in objects] == list(SPECS)
        for format_ in DELIMITED:
            with at(command, format_):
                result = rnncli(command, *arguments, "-f", format_)
                assert result.status == 0
                (table,) = READERS[format_](result.stdout)
                compare_table(table, [row for each in objects for row in rows_of(each)])


def compare_table(table: Table, rows: Objects) -> None:
    """Compare a table with the objects expected in its rows."""
    assert len({*table.header}) == len(table.header) > 3
    for texts, row in zip(table.rows, rows, strict=True):
        for title, text in zip(table.header, texts, strict=True):
            assert same(title, text, row[title]), (title, text, row[title])


def same(title: str, text: str, value: Any) -> bool:
    """Whether a cell is a value's text; times differ between runs and are not compared."""
    if title == "seconds":
        return float(text) >= 0
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        return float(text) == value and "," not in text
    if title in ORIGIN[:3]:
        return text == "; ".join(value)
    return text == (shape_text(tuple(value)) if isinstance(value, list) else value or "")


# Documents show what the screen shows. -------------------------------------------------------------------------------


def numbers(text: str) -> list[str]:
    """The numbers in a text, except times, which differ between runs."""
    return re.findall(r"\d[\d,.]*", re.sub(r"[\d.]+ (µs|ms|s)\b", "", text))


def test_a_document_has_the_screens_tables_without_empty_columns(rnncli: Run, at: Walk) -> None:
    for command, (arguments, _) in EXAMPLES.items():
        screen = rnncli(command, *arguments).stdout
        for format_ in DOCUMENTS:
            with at(command, format_):
                result = rnncli(command, *arguments, "-f", format_)
                assert result.status == 0
                found = READERS[format_](result.stdout)
                for table in found:
                    for title, *column in zip(table.header, *table.rows, strict=True):
                        assert {*column} - {"", "-", "?"} or title == table.header[0], title
                if command not in ("sweep", "solve"):  # their screens are not tables with lines
                    drawn = tables(screen)
                    assert [table.header for table in found] == [
                        ["Ratio" if title.endswith(" ×") else title for title in each] for each in drawn
                    ]
                    for table, each in zip(found, drawn, strict=True):
                        of_screen = [numbers(cell) for row in zip(*each.values(), strict=True) for cell in row]
                        assert [numbers(cell) for row in table.rows for cell in row] == of_screen


def test_numbers_are_right_aligned_in_a_document_and_code_is_marked_as_such(rnncli: Run) -> None:
    (table,) = read_markdown(rnncli("summary", SPECS[0], "-f", "markdown").stdout)
    assert table.header == ["Layer (type)", "Output Shape", "Param #"]
    assert table.alignment == ["left", "left", "right"]
    assert table.rows[0] == ["embedding (Embedding)", "(None, None, 32)", "320,000"]
    assert "| `embedding` (Embedding) |" in rnncli("summary", SPECS[0], "-f", "markdown").stdout
    assert "<code>embedding</code> (Embedding)" in rnncli("summary", SPECS[0], "-f", "html").stdout


def test_a_column_that_gains_content_starts_another_table(rnncli: Run) -> None:
    for format_ in DOCUMENTS:
        shown = rnncli("sweep", "-f", format_, "-", stdin="input:8,rnn:1\ninput:5x8,rnn:1\n")
        first, second = READERS[format_](shown.stdout)
        assert "MACs" not in first.header
        assert second.rows[0][second.header.index("MACs")] == "45"


# A sweep prints rows as they are computed. ----------------------------------------------------------------------------

SWEEPS = [
    (("-",), "input:8,rnn:{1,2}\ninput:8,{u}:1\ninput:9,rnn:1\ninput:9,rnn:{", 2, "8,rnn:1 8,rnn:2 9,rnn:1"),
    # The second pattern's multiply-adds are unknown, and it is evaluated in a later batch.
    ((f"input:8x3,rnn:{{1..{BATCH}}}", "input:8,rnn:1", "--max-macs", "100"), "", 2, "8x3,rnn:1 8x3,rnn:2"),
    (("-",), "", 2, ""),
    (("-", "--max-params", "1k"), "input:8,lstm:{16,32}\n", 1, ""),
]
"""Arguments, standard input, exit status, and the specs of the rows without `input:`."""


def test_a_sweep_prints_one_complete_table_of_its_rows_or_nothing(rnncli: Run, at: Walk) -> None:
    for arguments, patterns, status, rows in SWEEPS:
        specs = [f"input:{row}" for row in rows.split()]
        for format_ in (*WRITERS, *DOCUMENTS):
            with at(*arguments, repr(patterns), format_):
                result = rnncli("sweep", *arguments, "-f", format_, stdin=patterns)
                assert (result.status, bool(result.stdout)) == (status, bool(specs))
                if format_ == "json":
                    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == specs
                elif specs:
                    found = READERS[format_](result.stdout)
                    assert [
                        row[[*map(str.lower, table.header)].index("spec")] for table in found for row in table.rows
                    ] == specs


def test_the_rows_of_an_endless_sweep_are_shown_as_they_are_computed(program: Run) -> None:
    result = program("sweep", "input:8,lstm:{1..2000000000}", "-f", "html", shell='"$@" | head -n 30')
    assert (result.status, result.stderr, result.stdout.count("\n")) == (0, "", 30)
    assert "input:8,lstm:9" in result.stdout


# The writers by themselves. ------------------------------------------------------------------------------------------

HOSTILE = """<script>alert("1")</script>&amp;|','`x`\\é_*b*"""
COLUMNS = ("spec", "type", "total_params")


def written(format_: str, *batches: Objects) -> str:
    """A writer's output for batches; each batch's rows are written at once."""
    made = TableWriter(format_, COLUMNS) if format_ in DOCUMENTS else WRITERS[format_](COLUMNS)
    text = ""
    for batch in batches:
        rows = made.rows(batch)
        assert "script" in rows
        text += rows
    return text + made.end()


def test_any_text_is_read_back_unchanged(at: Walk) -> None:
    records = [{"spec": HOSTILE * n, "type": HOSTILE, "total_params": n} for n in (1, 2, 3)]
    for format_ in (*WRITERS, *DOCUMENTS):
        with at(format_):
            text = written(format_, records[:1], records[1:])
            if format_ == "json":
                assert [json.loads(line) for line in text.splitlines()] == records
                continue
            (table,) = READERS[format_](text)
            assert table.rows == [[each["spec"], each["type"], str(each["total_params"])] for each in records]
            if format_ == "html":
                assert "<script" not in text
                assert "&lt;script&gt;alert(&quot;1&quot;)" in text


def test_a_line_end_in_a_text_does_not_end_a_row_and_an_unknown_format_raises(at: Walk) -> None:
    for format_ in (*DELIMITED, *DOCUMENTS):
        with at(format_):
            text = written(format_, [{"spec": "a\nb", "type": "script", "total_params": 1}])
            (table,) = READERS[format_](text)
            assert [[" ".join(text.split()) for text in row] for row in table.rows] == [["a b", "script", "1"]]
    with pytest.raises(ArgumentError, match=r"^format is 'xml', expected table, json, csv, tsv, markdown or html$"):
        Network.parse("input:8").summary().to("xml")


def test_a_beginning_and_an_end_are_printed_once_around_records_however_they_end(
    capsys: pytest.CaptureFixture[str], at: Walk
) -> None:
    ends = [([[1]], end, "(1)") for end in (KeyboardInterrupt, RuntimeError, SystemExit)]
    for batches, end, text in (([], None, ""), ([[]], None, ""), ([[], [1], [], [2, 3]], None, "(123)"), *ends):
        with at(batches, end):
            marks = Writer("(", lambda records: "".join(map(str, records)))
            marks.end = lambda: ")"  # type: ignore[method-assign]
            with pytest.raises(end) if end else nullcontext(), printed(marks) as show:
                for batch in batches:
                    show(batch)
                if end:
                    raise end
            assert capsys.readouterr().out == text


def test_documents_mark_code_and_only_code_and_explain_different_counts(rnncli: Run, screen: Screen) -> None:
    Path("a<b>_c_`d|e.safetensors").write_bytes(Path(MODEL).read_bytes())
    replay("documents", rnncli, screen)
