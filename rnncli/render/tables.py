"""The tables that people see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnncli.quantities import Shape, count, memory, shape_text
from rnncli.summary import LayerSummary, Summary


class Column(NamedTuple):
    """A column of a table of layers: its title, and whether its cells are numbers."""

    title: str
    number: bool = True


LAYER_COLUMNS = (Column("Layer (type)", number=False), Column("Output Shape", number=False), Column("Param #"))
WIDE_COLUMNS = (Column("Weights", number=False), Column("MACs/step"), Column("MACs"), Column("Output size"))


def print_summary(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print a network's table: its input above, its totals below."""
    print_head(console, summary)
    if wide:
        cells = [_wide_cells(layer) for layer in summary.layers]
        print_layers(console, summary.layers, WIDE_COLUMNS, cells, lines=True)
    else:
        print_layers(console, summary.layers)
    print_totals(console, summary, wide)


def print_layers(
    console: Console,
    layers: Sequence[LayerSummary],
    columns: Sequence[Column] = (),
    cells: Sequence[Sequence[Text]] = (),
    lines: bool = False,
) -> None:
    """Print a row for each layer: what Keras shows, then more columns.

    Where the terminal is too narrow for them they get a table of their own, so that nothing is folded.

    Args:
        console: where to print.
        layers: the rows.
        columns: the columns behind Keras's three.
        cells: their cells, for each row.
        lines: whether to draw lines between the rows of the further columns.
    """
    more = cells or [()] * len(layers)
    whole = _table(
        (*LAYER_COLUMNS, *columns),
        [(*layer_cells(layer), *each) for layer, each in zip(layers, more, strict=True)],
        lines,
    )
    if not columns or _natural_width(console, whole) <= console.width:
        console.print(whole)
        return
    console.print(_table(LAYER_COLUMNS, [layer_cells(layer) for layer in layers]))
    name = Column("Layer", number=False)
    console.print(
        _table((name, *columns), [(Text(layer.name), *each) for layer, each in zip(layers, more, strict=True)], lines)
    )


def print_head(console: Console, summary: Summary) -> None:
    """Print what comes above a table: the network and the shape of its input."""
    console.print(Text(summary.spec, style="bold"), soft_wrap=True)
    shape = shape_cell(summary.input_shape)
    console.print(Text.assemble("Input: ", shape, f" {summary.input_dtype}"), soft_wrap=True)


def print_totals(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print the totals as Keras does: parameters, trainable and not, with their size."""
    total = f"{summary.total_params:,} ({memory(summary.total_bytes)})"
    lines = [
        ("Total params: ", total),
        ("Trainable params: ", total),
        ("Non-trainable params: ", "0 (0.00 B)"),
    ]
    if wide:
        size = "?" if summary.output_bytes is None else memory(summary.output_bytes)
        lines += [("Multiply-adds: ", count(summary.macs)), ("Layer outputs: ", size)]
    for label, value in lines:
        console.print(Text.assemble(" ", (label, "bold"), (value, "green")), soft_wrap=True)


def layer_cells(layer: LayerSummary) -> tuple[Text, ...]:
    """Return the cells of Keras's three columns."""
    return (
        Text.assemble(layer.name, " (", (layer.type, "cyan"), ")"),
        shape_cell(layer.output_shape),
        Text(f"{layer.params:,}", style="green"),
    )


def _wide_cells(layer: LayerSummary) -> tuple[Text, ...]:
    weights = (f"{weight.name} {shape_text(weight.shape)}" for weight in layer.weights)
    size = "?" if layer.output_bytes is None else memory(layer.output_bytes)
    return (
        Text("\n".join(weights)),
        Text(count(layer.macs_per_step)),
        Text(count(layer.macs)),
        Text(size),
    )


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Text]], lines: bool = False) -> Table:
    table = Table(box=box.HEAVY_HEAD, show_lines=lines)
    for column in columns:
        table.add_column(column.title, justify="right" if column.number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _natural_width(console: Console, table: Table) -> int:
    """Return the width of a table that nothing folds."""
    return console.measure(table, options=console.options.update_width(10_000)).maximum


def shape_cell(shape: Shape) -> Text:
    """Return a shape with what is unknown in another colour."""
    text = Text(shape_text(shape), style="green")
    text.highlight_words(["None"], style="cyan")
    return text
