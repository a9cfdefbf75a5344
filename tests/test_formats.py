"""The formats for programs and documents: what is asked of every writer, in every command that has --format.

The tests walk `WRITERS` and the commands. A new format needs a reader here, a new command an example.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

import pytest
from command_lines import MODEL
from conftest import Result

from rnncli.cli import COMMANDS
from rnncli.commands.options import FORMATS
from rnncli.commands.output import printed
from rnncli.errors import ArgumentError
from rnncli.quantities import shape_text
from rnncli.render.records import Frame, Layout, columns, row_each
from rnncli.render.writers import WRITERS, writer
from rnncli.search.grids.stretches import BATCH
from rnncli.summary import TOTALS

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
            tables[-1].below = block
    return tables


def markdown_cells(line: str) -> list[str]:
    first, *cells, last = re.split(r"(?<!\\)\|", line)
    assert first == last == ""
    return [without_fence(cell[1:-1]).replace("\\|", "|") for cell in cells]


def without_fence(text: str) -> str:
    fenced = re.fullmatch(r"(`+)( ?)(.+)\2\1", text)
    return fenced[3] if fenced else text


class HtmlTree(HTMLParser):
    """Makes a tree of a page; fails where tags do not pair, and knows none that stand alone."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("page")
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(SubElement(self.open[-1], tag, {name: str(value) for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        SubElement(self.open[-1], "text").text = data


def read_html(text: str) -> list[Table]:
    """A page may hold tables and white space, a table its parts in their order, with as many cells in every row."""
    assert text.isascii()
    root = HtmlTree(text).root
    assert {part.tag for part in root} <= {"table", "text"}
    assert "".join(part.text or "" for part in root if part.tag == "text").strip() == ""
    return [html_table(table) for table in root.findall("table")]


def html_table(table: Element) -> Table:
    caption, head, body, *foot = (part for part in table if part.tag != "text")
    assert [caption.tag, head.tag, body.tag, *(part.tag for part in foot)] in (PARTS, PARTS[:-1])
    (titles,) = head.findall("tr")
    header = titles.findall("th")
    assert {title.get("scope") for title in header} == {"col"}
    alignment = [str(title.get("style")).removeprefix("text-align:") for title in header]
    rows = []
    for row in body.findall("tr"):
        first, *others = cells = [cell for cell in row if cell.tag != "text"]
        assert (first.tag, first.get("scope")) == ("th", "row")
        assert {cell.tag for cell in others} <= {"td"}
        assert [cell.get("style") for cell in cells] == [title.get("style") for title in header]
        rows.append([html_text(cell) for cell in cells])
    for part in foot:
        (cell,) = part.findall("tr/td")
        assert cell.get("colspan") == str(len(header))
    return Table(
        [html_text(title) for title in header],
        rows,
        html_text(caption),
        "".join(map(html_text, foot)).strip(),
        alignment,
    )


PARTS = ["caption", "thead", "tbody", "tfoot"]


def html_text(element: Element) -> str:
    assert {part.tag for part in element.iter()} <= {element.tag, "tr", "td", "div", "code", "text"}
    return "".join(part.text or "" for part in element.iter("text"))


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
    of_network = {name: network[name] for name in ("spec", "framework", "dtype", "total_params", "total_bytes")}
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


TEXTS = {
    "spec",
    "framework",
    "dtype",
    "name",
    "layer",
    "type",
    "cell",
    "output_shape",
    "problem",
    "curve",
    *("kind", "field", "form", "means", "keras", "torch"),
    "exact",
    "limited_by",
}
TEXTS_OF_WEIGHTS = {"weight", "symbol", "shape", "words", "numbers", "start", "file", "part"}
"""The columns that hold no numbers."""


def formats_of(command: str) -> Sequence[str]:
    """The formats that a command offers."""
    options = import_module(f"rnncli.commands.{command}").command.params
    return next((option.type.choices for option in options if option.name == "format_"), ())


WITH_FORMATS = [name for name in COMMANDS if formats_of(name)]


def test_every_format_has_a_reader_and_every_command_with_formats_an_example() -> None:
    assert {"json", *READERS} == set(WRITERS)
    assert list(EXAMPLES) == WITH_FORMATS
    for command in WITH_FORMATS:
        assert tuple(formats_of(command)) == FORMATS


def objects_of(rnncli: Run, *arguments: str) -> Objects:
    return [json.loads(line) for line in rnncli(*arguments, "-f", "json").stdout.splitlines()]


@pytest.mark.parametrize(
    "command", [name for name in WITH_FORMATS if name not in ("solve", "inspect", "reach", "layers")]
)
def test_json_is_an_object_a_line(command: str, rnncli: Run) -> None:
    objects = objects_of(rnncli, command, *SPECS)
    assert [each["spec"] for each in objects] == list(SPECS)


@pytest.mark.parametrize("format_", TABLES)
@pytest.mark.parametrize("command", WITH_FORMATS)
def test_a_table_holds_the_plain_values_of_json(command: str, format_: str, rnncli: Run) -> None:
    arguments, rows_of, shared = EXAMPLES[command]
    result = rnncli(command, *arguments, "-f", format_)
    assert result.status == 0
    tables = READERS[format_](result.stdout)
    objects = objects_of(rnncli, command, *arguments)
    in_documents = bool(tables[0].alignment)
    if shared or not in_documents:
        expected = [[row for each in objects for row in rows_of(each)]]
    else:
        expected = [rows_of(each) for each in objects]
        assert [table.above for table in tables] == [each["spec"] for each in objects]
        for table, each in zip(tables, objects, strict=True):
            known = [f"{key}: {each[key]}" for key in TOTALS if each[key] is not None]
            assert table.below == ", ".join(known)
    for table, rows in zip(tables, expected, strict=True):
        assert not table.alignment or table.alignment == [
            "left" if each in TEXTS | TEXTS_OF_WEIGHTS else "right" for each in table.header
        ]
        assert len({*table.header}) == len(table.header) > 3
        assert {len(row) for row in table.rows} <= {len(table.header)}
        assert len(table.rows) == len(rows)
        for texts, row in zip(table.rows, rows, strict=True):
            for title, text in zip(table.header, texts, strict=True):
                assert same(title, text, row[title]), title


def same(title: str, text: str, value: Any) -> bool:
    """Whether a cell is the text of a value; a time is another in the next run."""
    if title == "seconds":
        return 0 <= float(text) < 60
    if isinstance(value, list):
        return text == shape_text(tuple(value))
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        return float(text) == value and "," not in text
    return text == ("" if value is None else value)


@pytest.mark.parametrize("format_", WRITERS)
@pytest.mark.parametrize("command", WITH_FORMATS)
def test_a_bad_spec_leaves_standard_output_empty(command: str, format_: str, rnncli: Run) -> None:
    result = rnncli(command, "input:8,lsmt:{1,2}", "-f", format_)
    assert (result.status, result.stdout) == (2, "")


# A sweep prints its rows as they are made. ---------------------------------------------------------------------------


def shown(format_: str, text: str) -> list[str]:
    """The specs of a sweep's rows."""
    if format_ == "json":
        return [json.loads(line)["spec"] for line in text.splitlines()]
    (table,) = READERS[format_](text)
    return [row[table.header.index("spec")] for row in table.rows]


@pytest.mark.parametrize("format_", WRITERS)
def test_a_pattern_that_fails_leaves_the_rows_of_the_others_in_one_whole_table(format_: str, rnncli: Run) -> None:
    patterns = "input:8,rnn:{1,2}\ninput:8,{u}:1\ninput:9,rnn:1\ninput:9,rnn:{\n"
    result = rnncli("sweep", "-", "-f", format_, stdin=patterns)
    assert result.status == 2
    assert shown(format_, result.stdout) == ["input:8,rnn:1", "input:8,rnn:2", "input:9,rnn:1"]


@pytest.mark.parametrize("format_", WRITERS)
def test_a_sweep_that_cannot_go_on_ends_its_table(format_: str, rnncli: Run) -> None:
    # The multiply-adds of the second pattern are not known, and its turn comes in a later batch.
    result = rnncli("sweep", f"input:8x3,rnn:{{1..{BATCH}}}", "input:8,rnn:1", "--max-macs", "100", "-f", format_)
    assert result.status == 2
    assert shown(format_, result.stdout) == ["input:8x3,rnn:1", "input:8x3,rnn:2"]


@pytest.mark.parametrize("format_", WRITERS)
@pytest.mark.parametrize(("patterns", "status"), [("", 2), ("input:8,lstm:{16,32}\n", 1)])
def test_a_sweep_without_rows_prints_nothing(patterns: str, status: int, format_: str, rnncli: Run) -> None:
    result = rnncli("sweep", "-", "--max-params", "1k", "-f", format_, stdin=patterns)
    assert (result.status, result.stdout) == (status, "")


@pytest.mark.parametrize("format_", WRITERS)
def test_the_rows_of_a_sweep_that_nobody_could_wait_for_are_shown_as_they_are_made(format_: str, program: Run) -> None:
    result = program("sweep", "input:8,lstm:{1..2000000000}", "-f", format_, shell='"$@" | head -n 30')
    assert (result.status, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 30
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


def written(format_: str, layout: Layout, batches: Sequence[Objects]) -> str:
    made = writer(format_, layout)
    return made.begin() + "".join(map(made.rows, batches)) + made.end()


@pytest.mark.parametrize("layout", HOSTILE_LAYOUTS, ids=["one table", "a table each"])
@pytest.mark.parametrize("format_", WRITERS)
def test_whatever_a_text_holds_it_is_read_back_as_it_was(format_: str, layout: Layout) -> None:
    records = [{"spec": HOSTILE * n, "type": HOSTILE, "params": n} for n in (1, 2, 3)]
    text = written(format_, layout, [records[:1], records[1:]])
    assert "\n" * 4 not in text
    if format_ == "json":
        assert [json.loads(line) for line in text.splitlines()] == records
        return
    tables = READERS[format_](text)
    rows = [row for table in tables for row in table.rows]
    assert rows == [[each["spec"], each["type"], str(each["params"])] for each in records]
    if tables[0].alignment and layout.frame:
        assert [table.above for table in tables] == [each["spec"] for each in records]
        assert {table.below for table in tables} == {f"Total: {HOSTILE}"}


@pytest.mark.parametrize("format_", TABLES)
def test_a_line_end_in_a_text_ends_no_row(format_: str) -> None:
    (table,) = READERS[format_](written(format_, HOSTILE_LAYOUTS[0], [[{"spec": "a\nb", "type": "c", "params": 1}]]))
    (row,) = table.rows
    assert [" ".join(text.split()) for text in row] == ["a b", "c", "1"]


def test_a_web_page_gets_no_tag_from_a_text() -> None:
    for layout in HOSTILE_LAYOUTS:
        text = written("html", layout, [[{"spec": HOSTILE, "type": HOSTILE, "params": 1}]])
        assert "<script" not in text
        assert "&lt;script&gt;alert(&quot;1&quot;)" in text


def test_a_format_that_there_is_not_raises() -> None:
    with pytest.raises(ArgumentError, match=r"^format is 'xml', expected json, csv, .* or html$"):
        writer("xml", HOSTILE_LAYOUTS[0])


class Marks:
    """A writer that shows what it is asked for."""

    def begin(self) -> str:
        return "("

    def rows(self, records: Sequence[dict[str, Any]]) -> str:
        return "".join(map(str, records))

    def end(self) -> str:
        return ")"


@pytest.mark.parametrize(("batches", "text"), [([], ""), ([[]], ""), ([[], [1], [], [2, 3]], "(123)")])
def test_a_beginning_and_an_end_are_printed_once_and_only_around_records(
    batches: Any, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with printed(Marks()) as show:
        for batch in batches:
            show(batch)
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_what_was_begun_is_ended_whatever_ends_it(end: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def show_and_fail() -> None:
        with printed(Marks()) as show:
            show([1])  # type: ignore[list-item]
            raise end

    with pytest.raises(end):
        show_and_fail()
    assert capsys.readouterr().out == "(1)"


def test_where_there_is_no_code_markdown_has_no_backticks(rnncli: Run) -> None:
    (table,) = read_markdown(rnncli("layers", "return_state", "-f", "markdown").stdout)
    assert dict(zip(table.header, table.rows[0], strict=True))["kind"] == ""


def test_the_name_of_a_file_is_no_markdown(rnncli: Run, tmp_path: Path) -> None:
    path = tmp_path / "a<b>_c_`d|e.safetensors"
    path.write_bytes(Path(MODEL).read_bytes())
    line = ("inspect", path, "-f", "markdown")
    (table, *_) = read_markdown(rnncli(*line).stdout)
    assert table.rows[0][0] == str(path)
    assert f"| `` {path} `` |".replace("d|e", r"d\|e") in rnncli(*line).stdout


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_documents_say_below_a_comparison_why_the_counts_differ(format_: str, rnncli: Run) -> None:
    specs = ("input:8,lstm:16", "input:8,gru:16", "input:8,lstm:16,dense:2:relu")
    text = rnncli("compare", *specs, "-f", format_).stdout
    said = " ".join(re.sub("<[^>]*>|`|\n- ", " ", text.rpartition("input:8,lstm:16")[2]).split())
    # 3/4 of 4 × 16 × 25; 3 × 16 more for the second biases of a GRU; 16 × 2 + 2
    for words in (
        "Why the parameters differ from those of network 1:",
        "gru:16 of network 2: -400, 3/4 of the weights of lstm",
        "gru:16 of network 2: +48, reset=after: two biases",
        "dense:2:relu of network 3: +34, network 1 has no such layer",
    ):
        assert words in said, (words, said)
    (table,) = READERS[format_](text)
    assert len(table.rows) == 3


def test_equal_layers_share_a_line_below_a_comparison(rnncli: Run) -> None:
    text = rnncli("compare", "input:8,rnn:8:seq:x3", "input:8,rnn:9:seq:x3", "-f", "markdown").stdout
    # 9 × (8 + 9 + 1) - 8 × (8 + 8 + 1), then twice 9 × (9 + 9 + 1) - 8 × (8 + 8 + 1)
    assert sum(text.count(f"`rnn:9:seq` {of}") for of in ("of network 2", "× 2 of network 2")) == text.count("\n- ")
    assert "`rnn:9:seq` × 2 of network 2: " in text


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_documents_say_nothing_where_no_count_differs(format_: str, rnncli: Run) -> None:
    text = rnncli("compare", "input:8,lstm:16", "--timesteps", "1", "--timesteps", "2", "-f", format_).stdout
    assert "Why" not in text
