"""The tables of layers that people see."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rnncli.layers.weights import at_level, name_at_levels
from rnncli.quantities import Shape, count, figure_text, memory, shape_text
from rnncli.render.layout import ScreenCells, ScreenColumn, marked, print_hanging, print_rows
from rnncli.render.modules import print_modules
from rnncli.reports.folding import folded
from rnncli.summary import LayerSummary, Summary
from rnncli.vocabulary import title

LAYER_COLUMNS = (
    ScreenColumn("Layer (type)", number=False, leaves=3, shorter="Layer"),
    ScreenColumn("Output Shape", number=False),
    ScreenColumn("Param #"),
)
"""What Keras shows of a layer. Other columns leave before the type does."""

_WIDE = ("macs_per_step", "macs_per_second", "macs", "output_bytes")
"""The figures of a layer that --wide adds, as far as its network has them."""

_WIDE_TOTALS = ("macs_per_step", "macs")
"""The totals that it adds; sizes are told with their formulas."""


def print_summary(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print a network's table: its input above, its totals below."""
    print_head(console, summary)
    if wide:
        figures = [key for key in _WIDE if key in summary.totals]
        runs = list(folded(summary.layers, key=equal_but_for_its_name))
        rows = [layer_cells(run) | _wide_cells(run, figures) for run in runs]
        wide_columns = (ScreenColumn("Weights", number=False), *(ScreenColumn(title(key)) for key in figures))
        print_rows(console, (*LAYER_COLUMNS, *wide_columns), rows, lines=True)
    else:
        print_rows(console, LAYER_COLUMNS, [layer_cells([layer]) for layer in summary.layers])
    print_totals(console, summary, wide)
    if wide:
        from rnncli.render.sizes import print_sizes

        print_sizes(console, summary)
    print_modules(console, summary)


def print_head(console: Console, summary: Summary, explained: bool = False) -> None:
    """Print what comes above a table: the network and the shape of its input, explained where that is asked for."""
    print_hanging(console, marked(summary.spec, summary.origin))
    shape = Text.assemble("Input: ", shape_cell(summary.input_shape), f" {summary.input_dtype}")
    if explained:
        axes = ("batch", "timesteps", "features")[: len(summary.input_shape)]
        unknown = "; None is not known yet" if None in summary.input_shape else ""
        shape.append(f": {', '.join(axes)}{unknown}")
    print_hanging(console, shape)


def print_totals(console: Console, summary: Summary, wide: bool = False) -> None:
    """Print the totals: parameters, and where some are not trained how many are, with their size."""
    total, trained = summary.total_params, summary.trainable_params
    print_total(console, "Total params", summary.total_text)
    if trained != total:
        print_total(console, "Trainable params", f"{trained:,} ({memory(summary.bytes_of(trained))})")
        rest = total - trained
        print_total(console, "Non-trainable params", f"{rest:,} ({memory(summary.bytes_of(rest))})")
    for key in summary.totals:
        text = figure_text(key, getattr(summary, key))
        if key == "macs_per_second" and summary.rate is not None:
            print_total(console, title(key), f"{text} ({count(summary.rate.times(1))} timesteps/s)")
        elif wide and key in _WIDE_TOTALS:
            print_total(console, title(key), text)


def print_total(console: Console, label: str, value: str) -> None:
    """Print a figure of the whole network."""
    print_hanging(console, Text.assemble(f"{label}: ", (value, "bold")), start=1)


def equal_but_for_its_name(layer: LayerSummary) -> LayerSummary:
    """Return a layer without its name and level: neighbours that are equal so are shown as one."""
    return layer._replace(name="", weights=at_level(layer.weights, 0))


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


def _wide_cells(run: Sequence[LayerSummary], figures: Sequence[str]) -> ScreenCells:
    layer = run[0]
    names = (name_at_levels(first.name, last.name) for first, last in zip(layer.weights, run[-1].weights, strict=True))
    weights = (f"{name} {shape_text(weight.shape)}" for name, weight in zip(names, layer.weights, strict=True))
    cells = {"Weights": Text("\n".join(weights))}
    for key in figures:
        value = getattr(layer, key)
        text = figure_text(key, value)
        cells[title(key)] = Text(text if value is None else each(text, run))
    return cells


def shape_cell(shape: Shape) -> Text:
    """Return a shape, what is unknown in it less prominent."""
    text = Text(shape_text(shape))
    text.highlight_words(["None"], style="dim")
    return text
