"""The tables that people see."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnncli.layers.base import Shape
from rnncli.summary import LayerSummary, Summary
from rnncli.units import count, memory, shape_text


def print_summary(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print a network's table: its input above, its totals below."""
    print_head(console, summary)
    console.print(_summary_table(summary, wide))
    print_totals(console, summary, wide)


def print_head(console: Console, summary: Summary) -> None:
    """Print what comes above a table: the network and the shape of its input."""
    console.print(Text(summary.spec, style="bold"), soft_wrap=True)
    shape = _shape(summary.input_shape)
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


def _summary_table(summary: Summary, wide: bool) -> Table:
    table = Table(box=box.HEAVY_HEAD, show_lines=wide)
    add_layer_columns(table)
    if wide:
        table.add_column("Weights", overflow="fold")
        table.add_column("MACs/step", justify="right", overflow="fold")
        table.add_column("MACs", justify="right", overflow="fold")
        table.add_column("Output size", justify="right", overflow="fold")
    for layer in summary.layers:
        cells = layer_cells(layer)
        if wide:
            weights = (f"{weight.name} {shape_text(weight.shape)}" for weight in layer.weights)
            size = "?" if layer.output_bytes is None else memory(layer.output_bytes)
            cells += [
                Text("\n".join(weights)),
                Text(count(layer.macs_per_step)),
                Text(count(layer.macs)),
                Text(size),
            ]
        table.add_row(*cells)
    return table


def add_layer_columns(table: Table) -> None:
    """Add the three columns that every table of layers starts with."""
    table.add_column("Layer (type)", overflow="fold")
    table.add_column("Output Shape", overflow="fold")
    table.add_column("Param #", justify="right", overflow="fold")


def layer_cells(layer: LayerSummary) -> list[Text]:
    """Return the cells of those columns."""
    return [
        Text.assemble(layer.name, " (", (layer.type, "cyan"), ")"),
        _shape(layer.output_shape),
        Text(f"{layer.params:,}", style="green"),
    ]


def _shape(shape: Shape) -> Text:
    text = Text(shape_text(shape), style="green")
    text.highlight_words(["None"], style="cyan")
    return text
