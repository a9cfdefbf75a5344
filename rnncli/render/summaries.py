"""The table of a network's layers, its totals, each size with its formula, and its modules in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from rnncli.layers.weights import at_level, name_at_levels
from rnncli.quantities import Shape, count, figure_text, memory, shape_text
from rnncli.render.blocks import Block, Column, Line, Pairs, Source, Table, marked
from rnncli.reports import folded
from rnncli.summary import DTYPE_BYTES, LayerSummary, Summary, worth_showing
from rnncli.vocabulary import title

LAYER_COLUMNS = (
    Column("Layer (type)", number=False, leaves=3, shorter="Layer\n(type)"),
    Column("Output Shape", number=False),
    Column("Param #"),
)
"""What Keras shows of a layer. Where there is no room for the type behind the name, it stands below."""

_WIDE = ("macs_per_step", "macs_per_second", "macs", "output_bytes")
"""The figures of a layer that --wide adds, as far as its network has them."""

_WIDE_TOTALS = ("macs_per_step", "macs")
"""The totals that it adds; sizes are told with their formulas."""


def summary_page(summary: Summary) -> Iterator[Block]:
    """Yield a network's table: its input above, its totals below."""
    yield from head(summary)
    if summary.wide:
        figures = [key for key in _WIDE if key in summary.totals]
        runs = list(folded(summary.layers, key=equal_but_for_its_name))
        rows = [layer_cells(run) | _wide_cells(run, figures) for run in runs]
        columns = (*LAYER_COLUMNS, *(Column(title(key)) for key in figures), Column("Weights", number=False))
        yield Table(columns, rows, whole=True)
    else:
        yield Table(LAYER_COLUMNS, [layer_cells([layer]) for layer in summary.layers])
    yield from totals(summary, summary.wide)
    if summary.wide:
        yield from sizes_page(summary)
    elif None not in summary.input_shape[:2] and summary.layers:
        yield from _activations(summary)
    yield from modules_page(summary)


def head(summary: Summary, explained: bool = False) -> Iterator[Block]:
    """Yield what comes above a table: the network and the shape of its input, explained where that is asked for."""
    yield Line(marked(summary.spec, summary.origin))
    shape = Text.assemble("Input: ", shape_cell(summary.input_shape), f" {summary.input_dtype}")
    if explained:
        axes = ("batch", "timesteps", "features")[: len(summary.input_shape)]
        unknown = "; None is not known yet" if None in summary.input_shape else ""
        shape.append(f": {', '.join(axes)}{unknown}")
    yield Line(shape)


def totals(summary: Summary, wide: bool = False) -> Iterator[Block]:
    """Yield the totals: parameters, and where some are not trained how many are, with their size."""
    params, trained = summary.total_params, summary.trainable_params
    yield total("Total params", summary.total_text)
    if trained != params:
        rest = summary.untrained_bytes
        yield total("Trainable params", f"{trained:,} ({memory(summary.total_bytes - rest)})")
        yield total("Non-trainable params", f"{params - trained:,} ({memory(rest)})")
    for key in summary.totals:
        text = figure_text(key, getattr(summary, key))
        if key == "macs_per_second" and summary.rate is not None:
            yield total(title(key), f"{text} ({count(summary.rate.times(1))} timesteps/s)")
        elif wide and key in _WIDE_TOTALS:
            yield total(title(key), text)


def total(label: str, value: str) -> Line:
    """Return a figure of the whole network."""
    return Line(Text.assemble(f"{label}: ", (value, "figure")), start=1)


def equal_but_for_its_name(layer: LayerSummary) -> LayerSummary:
    """Return a layer without its name and level: neighbours that are equal so are shown as one."""
    return layer._replace(name="", weights=at_level(layer.weights, 0))


def layer_cells(run: Sequence[LayerSummary]) -> dict[str, Text]:
    """Return the cells of Keras's three columns for a layer, or for a run of equal ones."""
    layer = run[0]
    names = [layer.name for layer in run]
    times = f" × {len(run)}" if len(run) > 1 else ""
    type_ = (f"({layer.full_type})", "type")
    return {
        "Layer (type)": Text.assemble((run_name(names), "name"), " ", type_, times),
        "Layer\n(type)": Text.assemble((run_name(names, separator="\n… "), "name"), "\n", type_, times),
        "Output Shape": shape_cell(layer.output_shape),
        "Param #": Text(each(f"{layer.params:,}", run)),
    }


def run_name(names: Sequence[str], separator: str = " … ") -> str:
    """Return the name of a layer, or the first and the last of a run."""
    return names[0] if len(names) == 1 else f"{names[0]}{separator}{names[-1]}"


def each(text: str, run: Sequence[object]) -> str:
    """Return a number of each layer of a run: `38 × 2,080`."""
    return text if len(run) == 1 else f"{len(run)} × {text}"


def _wide_cells(run: Sequence[LayerSummary], figures: Sequence[str]) -> dict[str, Text]:
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


def _activations(summary: Summary) -> Iterator[Block]:
    """Yield what a batch takes: the outputs of all layers; what training needs, its weights and activations apart."""
    yield total(title("output_bytes"), figure_text("output_bytes", summary.output_bytes))
    parts = summary.training_parts
    if parts is not None:
        weights, activations = map(memory, parts)
        text = f"{memory(sum(parts))} (weights {weights}, activations {activations})"
        yield total(title("training_bytes"), text)


def sizes_page(summary: Summary) -> Iterator[Block]:
    """Yield each size of a network with its formula, or why there is none."""
    from rnncli.reports.sizes import sizes  # only --wide shows them

    found = list(sizes(summary))
    if not found:
        return
    unknown = ", for one sample (the batch is unknown: give --batch)" if summary.input_shape[0] is None else ""
    number = "number of a matrix" if summary.dtype == "int8" else "number"
    yield Line(Text(f"In {summary.dtype}, {DTYPE_BYTES[summary.dtype]} B a {number}{unknown}:"), start=1)
    names = [title(size.key) for size in found]
    values = [figure_text(size.key, size.value) if size.words else "-" for size in found]
    widest, longest = (max(map(len, texts)) for texts in (names, values))
    rows = []
    for size, name, value in zip(found, names, values, strict=True):
        formula = " = ".join(dict.fromkeys(filter(None, (size.words, size.numbers))))
        said = [text for text in (Text(formula), Text(size.note, style="dim")) if text]
        left = Text.assemble(name.ljust(widest), "  ", (value.rjust(longest), "figure"))
        rows.append((left, Text("\n").join(said)))
    yield Pairs(rows)


def modules_page(summary: Summary, heading: str = " In PyTorch") -> Iterator[Block]:
    """Yield the modules in PyTorch, where one of them is several layers, or one would wonder why it is not."""
    modules = worth_showing(summary.modules or ())
    if modules:
        yield Line(Text(f"{heading}:"))
        runs = folded(modules, key=lambda module: (module.code, bool(module.apart)))
        yield Source([(run[0].code, len(run), run[0].apart or "") for run in runs])
