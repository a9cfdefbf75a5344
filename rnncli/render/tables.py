"""The tables of layers that people see."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rnncli.quantities import Shape, count, memory, shape_text
from rnncli.render.layout import ScreenCells, ScreenColumn, print_hanging, print_rows
from rnncli.reports.folding import folded
from rnncli.summary import LayerSummary, Summary

LAYER_COLUMNS = (
    ScreenColumn("Layer (type)", number=False, leaves=3, shorter="Layer"),
    ScreenColumn("Output Shape", number=False),
    ScreenColumn("Param #"),
)
"""What Keras shows of a layer. Other columns leave before the type does."""

WIDE_COLUMNS = (
    ScreenColumn("Weights", number=False),
    ScreenColumn("MACs/step"),
    ScreenColumn("MACs"),
    ScreenColumn("Output size"),
)


def print_summary(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print a network's table: its input above, its totals below."""
    print_head(console, summary)
    if wide:
        runs = list(folded(summary.layers, key=equal_but_for_its_name))
        rows = [layer_cells(run) | _wide_cells(run) for run in runs]
        print_rows(console, (*LAYER_COLUMNS, *WIDE_COLUMNS), rows, lines=True)
    else:
        print_rows(console, LAYER_COLUMNS, [layer_cells([layer]) for layer in summary.layers])
    print_totals(console, summary, wide)


def print_head(console: Console, summary: Summary) -> None:
    """Print what comes above a table: the network and the shape of its input."""
    print_hanging(console, Text(summary.spec, style="bold"))
    print_hanging(console, Text.assemble("Input: ", shape_cell(summary.input_shape), f" {summary.input_dtype}"))


def print_totals(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print the totals: parameters, and where some are not trained how many are, with their size."""
    total, trained = summary.total_params, summary.trainable_params
    print_total(console, "Total params", f"{total:,} ({memory(summary.total_bytes)})")
    if trained != total:
        print_total(console, "Trainable params", f"{trained:,} ({memory(summary.bytes_of(trained))})")
        rest = total - trained
        print_total(console, "Non-trainable params", f"{rest:,} ({memory(summary.bytes_of(rest))})")
    if wide:
        size = "?" if summary.output_bytes is None else memory(summary.output_bytes)
        print_total(console, "Multiply-adds", count(summary.macs))
        print_total(console, "Layer outputs", size)


def print_total(console: Console, label: str, value: str) -> None:
    """Print a figure of the whole network."""
    print_hanging(console, Text.assemble(f"{label}: ", (value, "bold")), start=1)


def equal_but_for_its_name(layer: LayerSummary) -> LayerSummary:
    """Return a layer without its name: neighbours that are equal so are shown as one."""
    return layer._replace(name="")


def layer_cells(run: Sequence[LayerSummary]) -> ScreenCells:
    """Return the cells of Keras's three columns for a layer, or for a run of equal ones."""
    layer = run[0]
    names = [layer.name for layer in run]
    times = f" × {len(run)}" if len(run) > 1 else ""
    return {
        "Layer (type)": Text.assemble(run_name(names), (f" ({layer.full_type})", "dim"), times),
        "Layer": Text(run_name(names, separator="\n… ") + times),
        "Output Shape": shape_cell(layer.output_shape),
        "Param #": Text(each(f"{layer.params:,}", run)),
    }


def run_name(names: Sequence[str], separator: str = " … ") -> str:
    """Return the name of a layer, or the first and the last of a run."""
    return names[0] if len(names) == 1 else f"{names[0]}{separator}{names[-1]}"


def each(text: str, run: Sequence[object]) -> str:
    """Return a number of each layer of a run: `38 × 2,080`."""
    return text if len(run) == 1 else f"{len(run)} × {text}"


def _wide_cells(run: Sequence[LayerSummary]) -> ScreenCells:
    layer = run[0]
    weights = (f"{weight.name} {shape_text(weight.shape)}" for weight in layer.weights)
    size = "?" if layer.output_bytes is None else memory(layer.output_bytes)
    return {
        "Weights": Text("\n".join(weights)),
        "MACs/step": Text(each(count(layer.macs_per_step), run)),
        "MACs": Text("?" if layer.macs is None else each(count(layer.macs), run)),
        "Output size": Text("?" if layer.output_bytes is None else each(size, run)),
    }


def shape_cell(shape: Shape) -> Text:
    """Return a shape, what is unknown in it less prominent."""
    text = Text(shape_text(shape))
    text.highlight_words(["None"], style="dim")
    return text
