"""Records, and how they become the rows of a table; what writes them is in `rnncli.render.writers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

Record = dict[str, Any]
"""What JSON prints as one object: a network and its counts, a run, a candidate of a sweep."""

Cells = Sequence[object]
"""A row of a table: a value for each column, a tuple for a shape, None for what is not known."""

Content = Literal["numbers", "words", "code"]
"""What a column holds; code is what one types, such as a spec, or a name in the model."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: what CSV and TSV call it.
        holds: what is in it.
        title: what documents call it; empty if they leave it out.
    """

    name: str
    holds: Content
    title: str


class Frame(NamedTuple):
    """What stands around a table in a document.

    Attributes:
        spec: the network that the table is of, above it.
        closing: the line below it.
    """

    spec: str
    closing: str


class Layout(NamedTuple):
    """How a command's records become rows.

    CSV and TSV are one table in any case. In a document all records share a table, or each has its own.

    Attributes:
        columns: the columns.
        rows: returns the rows of a record.
        caption: the title of the table that all records share.
        frame: returns what stands around the table of a record; None if all records share one.
    """

    columns: tuple[Column, ...]
    rows: Callable[[Record], Iterable[Cells]]
    caption: str = ""
    frame: Callable[[Record], Frame] | None = None


def code(name: str) -> Column:
    """Return a column of code."""
    return Column(name, "code", name)


def words(name: str) -> Column:
    """Return a column of words, or of shapes."""
    return Column(name, "words", name)


def numbers(*names: str) -> tuple[Column, ...]:
    """Return columns of numbers."""
    return tuple(Column(name, "numbers", name) for name in names)


def row_each(caption: str, *columns: Column) -> Layout:
    """Return the layout of records that are a row each, in one table.

    Args:
        caption: the title of the table.
        columns: the keys of a record.
    """
    names = [column.name for column in columns]
    return Layout(columns, lambda record: [list(map(record.__getitem__, names))], caption)


def table_each(*columns: Column) -> Layout:
    """Return the layout of networks that are a table each, with a row for each layer.

    A document tells the network once, above its table, and leaves the specs of the layers out.

    Args:
        columns: the keys of a layer, behind those that say which layer it is.
    """
    of_network = (Column("spec", "code", ""), Column("framework", "words", ""), Column("dtype", "words", ""))
    of_layer = (Column("name", "code", "layer"), words("type"), Column("layer", "code", ""))
    keys = ["name", "type", "spec", *(column.name for column in columns)]

    def rows(network: Record) -> list[Cells]:
        cells = [network[column.name] for column in of_network]
        return [cells + [layer[key] for key in keys] for layer in network["layers"]]

    def frame(network: Record) -> Frame:
        total = f"Total parameters: {network['total_params']} ({network['total_bytes']} bytes)"
        return Frame(network["spec"], total)

    return Layout((*of_network, *of_layer, *columns), rows, frame=frame)
