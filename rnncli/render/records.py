"""Records, and how they become the rows of a table; what writes them is in `rnncli.render.writers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rnncli.summary import ORIGIN, TOTALS, TOTALS_AT_RATE, ModuleSummary, worth_showing
from rnncli.vocabulary import Content, meaning_of

Record = dict[str, Any]
"""What JSON prints as one object: a network and its counts, a run, a candidate of a sweep."""

Cells = Sequence[object]
"""A row of a table: a value for each column, a tuple for a shape, None for what is not known."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: its title, a word of the vocabulary.
        holds: what is in it.
        in_documents: whether documents show it; they tell a network once, not in each row.
    """

    name: str
    holds: Content
    in_documents: bool = True


class Frame(NamedTuple):
    """What stands around a table in a document.

    Attributes:
        spec: the network that the table is of, above it.
        closing: the line below it.
        code: lines of source below that, if there are any.
    """

    spec: str
    closing: str
    code: tuple[str, ...] = ()


class Remark(NamedTuple):
    """A line below a table.

    Attributes:
        of: what it is about, as code.
        text: what is said of it.
    """

    of: str
    text: str


class Remarks(NamedTuple):
    """What is said of records below the table that they share in a document.

    Attributes:
        heading: the line above them.
        of: returns those of a record, by its number, counted from one.
    """

    heading: str
    of: Callable[[int, Record], Iterable[Remark]]


class Layout(NamedTuple):
    """How a command's records become rows.

    CSV and TSV are one table in any case. In a document all records share a table, or each has its own.

    Attributes:
        columns: the columns.
        rows: returns the rows of a record.
        caption: the title of the table that all records share.
        frame: returns what stands around the table of a record; None if all records share one.
        remarks: what is said below the table that all records share, if anything.
    """

    columns: tuple[Column, ...]
    rows: Callable[[Record], Iterable[Cells]]
    caption: str = ""
    frame: Callable[[Record], Frame] | None = None
    remarks: Remarks | None = None


NETWORK = ("spec", "framework", "dtype")
"""The keys that say which network it is, and how its costs are counted."""

_LAYER = ("name", "type", "cell", "layer")
"""The columns that say which layer it is."""

_SUMS = TOTALS[:2]
"""The totals that a row of a layer tells, too: the others have the name of the layer's own figure."""


def columns(*names: str, in_documents: bool = True) -> tuple[Column, ...]:
    """Return columns of some names.

    Raises:
        KeyError: a name is no word of the vocabulary.
    """
    return tuple(Column(name, meaning_of(name).holds, in_documents) for name in names)


def origin_cells(network: Record) -> list[object]:
    """Return what says of a network's numbers whether they are of all that was given, a cell for each of `ORIGIN`."""
    return [network["complete"], "; ".join(network["left_out"]), "; ".join(network["assumed"]), network["file_params"]]


def origin_texts(network: Record) -> Iterator[str]:
    """Yield the same as documents tell it: nothing of a network that is whole."""
    if not network["complete"]:
        params = network["file_params"]
        yield f"left_out: {', '.join(network['left_out'])}"
        if params is not None:
            yield f"file_params: {params}"
    if network["assumed"]:
        yield f"assumed: {', '.join(network['assumed'])}"


def origin_remarks(number: int, network: Record) -> Iterator[Remark]:
    """Yield the same as remarks below a table that all networks share."""
    for text in origin_texts(network):
        yield Remark(network["spec"], f"network {number}: {text}")


def row_each(caption: str, *keys: str) -> Layout:
    """Return the layout of records that are a row each, in one table.

    Args:
        caption: the title of the table.
        keys: the keys of a record that are columns.
    """
    return Layout(columns(*keys), lambda record: [list(map(record.__getitem__, keys))], caption)


def row_each_layer(*keys: str) -> Layout:
    """Return the layout of networks that are a table each, with a row for each layer.

    A document tells the network once, above its table, and the totals below; it leaves the specs of the layers out.

    Args:
        keys: the keys of a layer that are columns, behind those that say which layer it is.
    """
    return _table_each(keys, lambda layer: [[layer[key] for key in keys]])


def row_each_weight(*keys: str) -> Layout:
    """Return the layout of networks that are a table each, with a row for each weight of each layer.

    Args:
        keys: the keys of a weight, and of its formula, that are columns, behind those that say which weight it is.
    """

    def cells(layer: Record) -> list[Cells]:
        weights = [weight | weight["formula"] for weight in layer["weights"]]
        return [[weight["name"], *(weight[key] for key in keys)] for weight in weights]

    return _table_each(("weight", *keys), cells)


def _table_each(keys: Sequence[str], cells_of: Callable[[Record], Iterable[Cells]]) -> Layout:
    def rows(network: Record) -> list[Cells]:
        before, behind = ([network[key] for key in keys] for keys in (NETWORK, _SUMS))
        origin = origin_cells(network)
        return [
            [*before, layer["name"], layer["type"], layer.get("cell"), layer["spec"], *cells, *behind, *origin]
            for layer in network["layers"]
            for cells in cells_of(layer)
        ]

    def frame(network: Record) -> Frame:
        known = [f"{key}: {network[key]}" for key in TOTALS_AT_RATE if network.get(key) is not None]
        closing = "; ".join([", ".join(known), *origin_texts(network)])
        return Frame(network["spec"], closing, tuple(_source(network)))

    *which, layer = columns(*_LAYER)
    return Layout(
        (
            *columns(*NETWORK, in_documents=False),
            *which,
            layer._replace(in_documents=False),
            *columns(*keys),
            *columns(*_SUMS, *ORIGIN, in_documents=False),
        ),
        rows,
        frame=frame,
    )


def _source(network: Record) -> Iterator[str]:
    """Yield the calls that make a network in PyTorch, where they are worth showing."""
    for module in worth_showing([ModuleSummary(**module) for module in network.get("modules", ())]):
        if module.apart:
            yield f"# {module.apart}"
        yield module.code
