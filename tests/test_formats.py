"""The formats for programs and documents: what is asked of every writer, in every command that has --format.

The tests walk `WRITERS` and the commands. A new format needs a reader here, a new command an example.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from command_lines import MODEL
from conftest import Result, Walk
from sessions import replay

from rnncli.cli import COMMANDS
from rnncli.commands.options import FORMATS
from rnncli.commands.output import printed
from rnncli.errors import ArgumentError
from rnncli.quantities import shape_text
from rnncli.render.records import Frame, Layout, columns, row_each
from rnncli.render.writers import WRITERS, writer
from rnncli.search.grids.stretches import BATCH
from rnncli.summary import ORIGIN, TOTALS

Run = Callable[..., Result]
Objects = list[dict[str, Any]]


@dataclass
class Table:
    """A table as a reader finds it; above, below and alignment (left or right) are those of a document."""

    header: list[str]
    rows: list[list[str]]
    above: str = ""
    below: str = ""
    alignment: list[str] = field(default_factory=list)


def read_delimited(delimiter: str, text: str) -> list[Table]:
    header, *rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    return [Table(header, rows)]


def read_markdown(text: str) -> list[Table]:
    """A table is lines between bars; a paragraph before it is its spec, one behind it its closing line."""
    tables: list[Table] = []
    above = ""
    for block in text.rstrip("\n").split("\n\n"):
        if block.startswith("|"):
            header, aligned, *rows = map(markdown_cells, block.split("\n"))
            alignment = [{":---": "left", "---:": "right"}[cell] for cell in aligned]
            tables.append(Table(header, rows, above, alignment=alignment))
        elif block.startswith("`"):
            above = without_fence(block)
        else:
            tables[-1].below = re.sub(r"\\([\\`*<>\[\]|])", r"\1", block)
    return tables


def markdown_cells(line: str) -> list[str]:
    first, *cells, last = re.split(r"(?<!\\)\|", line)
    assert first == last == ""
    return [without_fence(cell[1:-1]).replace("\\|", "|") for cell in cells]


def without_fence(text: str) -> str:
    fenced = re.fullmatch(r"(`+)( ?)(.+)\2\1", text)
    return fenced[3] if fenced else text


def read_html(text: str) -> list[Table]:
    """A page holds tables alone. It is read as XML, which takes no tag that stands alone or is left open."""
    assert text.isascii()
    root = ElementTree.fromstring(f"<page>{text}</page>")
    assert {part.tag for part in root} <= {"table"}
    assert [part.tail for part in root if (part.tail or "").strip()] == []
    return [html_table(table) for table in root]


def html_table(table: Element) -> Table:
    """A table has its parts in their order, and as many cells in every row."""
    caption, head, body, *foot = table
    assert [part.tag for part in table] == ["caption", "thead", "tbody", "tfoot"][: len(table)]
    header = head.findall("tr/th")
    assert {title.get("scope") for title in header} == {"col"}
    alignment = [str(title.get("style")).removeprefix("text-align:") for title in header]
    for row in body:
        assert [(cell.tag, cell.get("scope")) for cell in row] == [("th", "row"), *[("td", None)] * (len(header) - 1)]
        assert [cell.get("style") for cell in row] == [title.get("style") for title in header]
    for part in foot:
        assert [cell.get("colspan") for cell in part.findall("tr/td")] == [str(len(header))]
    rows = [[html_text(cell) for cell in row] for row in body]
    below = "".join(map(html_text, foot)).strip()
    return Table([html_text(title) for title in header], rows, html_text(caption), below, alignment)


def html_text(element: Element) -> str:
    assert {part.tag for part in element.iter()} <= {element.tag, "tr", "td", "div", "code"}
    return "".join(element.itertext())


READERS: dict[str, Callable[[str], list[Table]]] = {
    "csv": partial(read_delimited, ","),
    "tsv": partial(read_delimited, "\t"),
    "markdown": read_markdown,
    "html": read_html,
}
"""How to read a table back, for each format but JSON, which holds no table."""
TABLES = [name for name in WRITERS if name != "json"]


# What the commands print. --------------------------------------------------------------------------------------------


class Example(NamedTuple):
    """A command line, and how its objects are the rows of tables: of one table, or one for each object."""

    arguments: tuple[str, ...]
    rows: Callable[[dict[str, Any]], Objects]
    shared: bool


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


MODELS = Path(__file__).parent / "golden" / "models"

SPECS = ("embed:10000x32,lstm:32:seq:bi,dense:8,rnn:32", "input:8", "input:5x3,gru:4:seq:x2,gru:4")
EXAMPLES = {
    "summary": Example((*SPECS, "--batch", "2"), layers, shared=False),
    "forward": Example((*SPECS, "--batch", "2", "--init", "uniform"), layers, shared=False),
    "explain": Example((*SPECS, "--batch", "2"), weights, shared=False),
    "compare": Example(SPECS, changes, shared=True),
    "reach": Example(
        ("input:8,rnn:4:back", str(MODELS / "lstm-2-bi.npz"), "input:1,rnn:2:relu", "--timesteps", "40"),
        spreads,
        shared=True,
    ),
    "sweep": Example(("embed:10x{u=16,32},{rnn,lstm}:{u}", "input:3x4,{rnn:0,gru:5}"), lambda row: [row], shared=True),
    "solve": Example(("embed:10x_,lstm:_", "input:5x3,gru:_", "--memory", "4KB"), lambda row: [row], shared=True),
    "inspect": Example((str(MODELS / "lstm-2-bi.npz"), str(MODELS / "odd.npz")), arrays, shared=True),
    "layers": Example((), lambda row: [row], shared=True),
}
"""An example of each command that has all formats, with what is unknown (None) in it."""


TEXTS = """
spec framework dtype name layer type cell output_shape problem curve kind field form means keras torch exact limited_by
weight symbol shape words numbers start file part
"""
"""The columns that hold no numbers."""


def formats_of(command: str) -> Sequence[str]:
    """The formats that a command offers."""
    options = import_module(f"rnncli.commands.{command}").command.params
    return next((option.type.choices for option in options if option.name == "format_"), ())


WITH_FORMATS = [name for name in COMMANDS if formats_of(name)]


def test_every_command_has_every_format_or_none_and_prints_nothing_in_it_of_a_bad_spec(rnncli: Run, at: Walk) -> None:
    assert {"json", *READERS} == set(WRITERS)
    assert ("table", *WRITERS) == FORMATS
    assert {*EXAMPLES} == {*WITH_FORMATS}
    for command in WITH_FORMATS:
        assert tuple(formats_of(command)) == FORMATS
        for format_ in WRITERS:
            with at(command, format_):
                assert rnncli(command, "input:8,lsmt:{1,2}", "-f", format_)[:2] == (2, "")


def test_a_table_holds_the_plain_values_of_json_an_object_a_line(rnncli: Run, at: Walk) -> None:
    for command, (arguments, rows_of, shared) in EXAMPLES.items():
        objects = [json.loads(line) for line in rnncli(command, *arguments, "-f", "json").stdout.splitlines()]
        if arguments[:3] == SPECS:
            assert [each["spec"] for each in objects] == list(SPECS)
        for format_ in TABLES:
            with at(command, format_):
                result = rnncli(command, *arguments, "-f", format_)
                assert result.status == 0
                tables = READERS[format_](result.stdout)
                if shared or not tables[0].alignment:
                    expected = [[row for each in objects for row in rows_of(each)]]
                else:
                    expected = [rows_of(each) for each in objects]
                    assert [(table.above, table.below) for table in tables] == [
                        (each["spec"], ", ".join(f"{key}: {each[key]}" for key in TOTALS if each[key] is not None))
                        for each in objects
                    ]
                for table, rows in zip(tables, expected, strict=True):
                    compare_table(table, rows)


def compare_table(table: Table, rows: Objects) -> None:
    """Compare a table with the objects that its rows should be."""
    assert table.alignment in ([], ["left" if each in TEXTS.split() else "right" for each in table.header])
    assert len({*table.header}) == len(table.header) > 3
    for texts, row in zip(table.rows, rows, strict=True):
        for title, text in zip(table.header, texts, strict=True):
            assert same(title, text, row[title]), (title, text, row[title])


def same(title: str, text: str, value: Any) -> bool:
    """Whether a cell is the text of a value; a time is another in the next run."""
    if title == "seconds":
        return float(text) >= 0
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        return float(text) == value and "," not in text
    if title in ORIGIN and value is not None:
        return text == "; ".join(value)
    return text == (shape_text(tuple(value)) if isinstance(value, list) else value or "")


# A sweep prints its rows as they are made. ---------------------------------------------------------------------------

SWEEPS = [
    (("-",), "input:8,rnn:{1,2}\ninput:8,{u}:1\ninput:9,rnn:1\ninput:9,rnn:{", 2, "8,rnn:1 8,rnn:2 9,rnn:1"),
    # The multiply-adds of the second pattern are not known, and its turn comes in a later batch.
    ((f"input:8x3,rnn:{{1..{BATCH}}}", "input:8,rnn:1", "--max-macs", "100"), "", 2, "8x3,rnn:1 8x3,rnn:2"),
    (("-",), "", 2, ""),
    (("-", "--max-params", "1k"), "input:8,lstm:{16,32}\n", 1, ""),
]
"""Arguments, standard input, the exit status, and the specs of the rows behind `input:`."""


def test_a_sweep_prints_one_whole_table_of_the_rows_that_it_made_or_nothing(rnncli: Run, at: Walk) -> None:
    for arguments, patterns, status, rows in SWEEPS:
        specs = [f"input:{row}" for row in rows.split()]
        for format_ in WRITERS:
            with at(*arguments, repr(patterns), format_):
                result = rnncli("sweep", *arguments, "-f", format_, stdin=patterns)
                assert (result.status, bool(result.stdout)) == (status, bool(specs))
                if format_ == "json":
                    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == specs
                elif specs:
                    (table,) = READERS[format_](result.stdout)
                    assert [row[table.header.index("spec")] for row in table.rows] == specs


def test_the_rows_of_a_sweep_that_nobody_could_wait_for_are_shown_as_they_are_made(program: Run) -> None:
    result = program("sweep", "input:8,lstm:{1..2000000000}", "-f", "html", shell='"$@" | head -n 30')
    assert (result.status, result.stderr, result.stdout.count("\n")) == (0, "", 30)
    assert "input:8,lstm:9" in result.stdout


# The writers by themselves. ------------------------------------------------------------------------------------------

HOSTILE = """<script>alert("1")</script>&amp;|','`x`\\é"""
HOSTILE_LAYOUTS = [
    row_each(HOSTILE, "spec", "type", "params"),
    Layout(
        columns("spec", "type", "params"),
        lambda record: [tuple(record.values())],
        frame=lambda record: Frame(record["spec"], f"Total: {record['type']}"),
    ),
]


def written(format_: str, layout: Layout, *batches: Objects) -> str:
    """What a writer makes of batches; the rows of each come with it, and wait for no other."""
    made = writer(format_, layout)
    rows = [made.rows(batch) for batch in batches]
    assert all("script" in text for text in rows)
    return made.begin() + "".join(rows) + made.end()


def test_whatever_a_text_holds_it_is_read_back_as_it_was(at: Walk) -> None:
    records = [{"spec": HOSTILE * n, "type": HOSTILE, "params": n} for n in (1, 2, 3)]
    for layout in HOSTILE_LAYOUTS:
        for format_ in WRITERS:
            with at(format_, "a table each" if layout.frame else "one table"):
                text = written(format_, layout, records[:1], records[1:])
                assert "\n" * 4 not in text
                if format_ == "json":
                    assert [json.loads(line) for line in text.splitlines()] == records
                    continue
                tables = READERS[format_](text)
                rows = [row for table in tables for row in table.rows]
                assert rows == [[each["spec"], each["type"], str(each["params"])] for each in records]
                if tables[0].alignment and layout.frame:
                    framed = [(each["spec"], f"Total: {HOSTILE}") for each in records]
                    assert [(table.above, table.below) for table in tables] == framed
                if format_ == "html":
                    assert "<script" not in text
                    assert "&lt;script&gt;alert(&quot;1&quot;)" in text


def test_a_line_end_in_a_text_ends_no_row_and_a_format_that_there_is_not_raises(at: Walk) -> None:
    for format_ in TABLES:
        with at(format_):
            text = written(format_, HOSTILE_LAYOUTS[0], [{"spec": "a\nb", "type": "script", "params": 1}])
            (table,) = READERS[format_](text)
            assert [[" ".join(text.split()) for text in row] for row in table.rows] == [["a b", "script", "1"]]
    with pytest.raises(ArgumentError, match=r"^format is 'xml', expected json, csv, .* or html$"):
        writer("xml", HOSTILE_LAYOUTS[0])


def test_a_beginning_and_an_end_are_printed_once_and_only_around_records_whatever_ends_them(
    capsys: pytest.CaptureFixture[str], at: Walk
) -> None:
    marks = SimpleNamespace(begin=lambda: "(", rows=lambda records: "".join(map(str, records)), end=lambda: ")")
    ends = [([[1]], end, "(1)") for end in (KeyboardInterrupt, RuntimeError, SystemExit)]
    for batches, end, text in (([], None, ""), ([[]], None, ""), ([[], [1], [], [2, 3]], None, "(123)"), *ends):
        with at(batches, end):
            with pytest.raises(end) if end else nullcontext(), printed(marks) as show:
                for batch in batches:
                    show(batch)
                if end:
                    raise end
            assert capsys.readouterr().out == text


def test_documents_say_what_is_code_and_what_is_none_and_why_counts_differ(
    rnncli: Run, screen: Callable[[str, str], None]
) -> None:
    Path("a<b>_c_`d|e.safetensors").write_bytes(Path(MODEL).read_bytes())
    replay("documents", rnncli, screen)
