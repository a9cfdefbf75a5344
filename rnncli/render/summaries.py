"""Tables of layers: of a network, with its totals and sizes; of a run of it; of each part of a model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from typing import TYPE_CHECKING

from rich.text import Text

from rnncli.errors import one_line
from rnncli.layers.weights import FRAMEWORK_NAMES, at_level, name_at_levels
from rnncli.network_summary import DTYPE_BYTES, LayerSummary, Summary, worth_showing
from rnncli.quantities import Shape, count, duration, figure_text, memory, plural, shape_text
from rnncli.render.blocks import GAP, Block, Column, Line, Pairs, SourceText, Table, marked
from rnncli.reports import folded
from rnncli.vocabulary import title

if TYPE_CHECKING:
    from rnncli.engine.forward import ForwardRun, LayerRun, Statistics
    from rnncli.engine.run import RunResult
    from rnncli.formats.model_file import ArrayGroup, ModelFile

_WIDE = ("macs_per_step", "macs_per_second", "macs", "output_bytes")
"""The figures of a layer that --wide adds, if its network has them."""


def summary_page(summary: Summary) -> Iterator[Block]:
    """Yield a network's table, with its input above and its totals below."""
    yield from head(summary)
    alone = [[layer] for layer in summary.layers]
    runs = list(folded(summary.layers, key=equal_but_for_its_name)) if summary.wide else alone
    columns = _layer_columns(runs)
    if summary.wide:
        figures = [key for key in _WIDE if key in summary.totals]
        columns += [Column(title(key), [_figure_cell(key, run) for run in runs]) for key in figures]
        columns.append(Column("Weights", [_weights_cell(run) for run in runs], number=False))
    yield Table(columns)
    yield from totals(summary, summary.wide)
    if summary.wide:
        yield from sizes_page(summary)
    elif None not in summary.input_shape[:2] and summary.layers:
        yield total(title("output_bytes"), figure_text("output_bytes", summary.output_bytes))
        if summary.training_parts is not None:
            weights, activations = map(memory, summary.training_parts)
            text = f"{memory(sum(summary.training_parts))} (weights {weights}, activations {activations})"
            yield total(title("training_bytes"), text)
    yield from modules_page(summary)


def head(summary: Summary, explained: bool = False) -> Iterator[Block]:
    """Yield the lines above a table: the network and its input's shape, with an explanation if `explained`."""
    yield Line(marked(summary.spec, summary.origin))
    shape = Text.assemble("Input: ", shape_cell(summary.input_shape), f" {summary.input_dtype}")
    if explained:
        axes = ("batch", "timesteps", "features")[: len(summary.input_shape)]
        unknown = "; None is not known yet" if None in summary.input_shape else ""
        shape.append(f": {', '.join(axes)}{unknown}")
    yield Line(shape)


def totals(summary: Summary, wide: bool = False) -> Iterator[Block]:
    """Yield the totals: the parameters with their size and, if some are not trained, how many are."""
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
        elif wide and key in ("macs_per_step", "macs"):  # sizes are shown with their formulas
            yield total(title(key), text)


def total(label: str, value: str) -> Line:
    """Return the line for a figure of the whole network."""
    return Line(Text.assemble(f"{label}: ", (value, "figure")), start=1)


def equal_but_for_its_name(layer: LayerSummary) -> LayerSummary:
    """Return a layer without its name, its level and what feeds it; neighbours that are then equal are shown as one."""
    return layer._replace(name="", fed_by=layer.layer, weights=at_level(layer.weights, 0))


def _layer_columns(runs: Sequence[Sequence[LayerSummary]]) -> list[Column]:
    """Return Keras's three columns for layers, and for runs of equal ones.

    If there is no room for the type after the name, it goes below.
    """
    narrow = Column("Layer\n(type)", [_name_cell(run, "\n") for run in runs], number=False)
    return [
        Column("Layer (type)", [_name_cell(run, " ") for run in runs], number=False, leaves=3, narrow=[narrow]),
        Column("Output Shape", [shape_cell(run[0].output_shape) for run in runs], number=False),
        Column("Param #", [Text(each(f"{run[0].params:,}", run)) for run in runs]),
    ]


def _name_cell(run: Sequence[LayerSummary], space: str) -> Text:
    names = run_name([layer.name for layer in run], space)
    return Text.assemble((names, "name"), space, (f"({run[0].full_type})", "type"), times(run))


def run_name(names: Sequence[str], space: str = " ") -> str:
    """Return the name of a layer, or the first and the last of a run."""
    return names[0] if len(names) == 1 else f"{names[0]}{space}… {names[-1]}"


def times(run: Sequence[object]) -> str:
    """Return how many layers a run has, after the text for one: ` × 38`; empty for a single layer."""
    return f" × {len(run)}" if len(run) > 1 else ""


def each(text: str, run: Sequence[object]) -> str:
    """Return a number that each layer of a run has: `38 × 2,080`."""
    return text if len(run) == 1 else f"{len(run)} × {text}"


def _figure_cell(key: str, run: Sequence[LayerSummary]) -> Text:
    value = getattr(run[0], key)
    text = figure_text(key, value)
    return Text(text if value is None else each(text, run))


def _weights_cell(run: Sequence[LayerSummary]) -> Text:
    weights = zip(run[0].weights, run[-1].weights, strict=True)
    return Text("\n".join(f"{name_at_levels(one.name, last.name)} {shape_text(one.shape)}" for one, last in weights))


def shape_cell(shape: Shape) -> Text:
    """Return a shape with its unknown dimensions dimmed."""
    text = Text(shape_text(shape))
    text.highlight_words(["None"], style="dim")
    return text


def sizes_page(summary: Summary) -> Iterator[Block]:
    """Yield each size of a network with its formula, or why there is none."""
    from rnncli.reports.explanation import sizes  # only --wide shows them

    found = list(sizes(summary))
    if not found:
        return
    unknown = ", for one sample (unknown batch: give --batch)" if summary.input_shape[0] is None else ""
    number = "number in a matrix" if summary.dtype == "int8" else "number"
    yield Line(Text(f"In {summary.dtype}, {DTYPE_BYTES[summary.dtype]} B per {number}{unknown}:"), start=1)
    rows = []
    for key, size, note in found:
        value = figure_text(key, size.value) if size.words else "-"
        formula = "".join(f" = {text}" for text in dict.fromkeys((size.words, size.numbers)) if text)
        between = "\n" if size.words and note else "  "
        text = Text.assemble((value, "figure"), formula, between, (note, "dim"))
        text.rstrip()
        rows.append((Text(title(key)), text))
    yield Pairs(rows)


def modules_page(summary: Summary, heading: str = " In PyTorch") -> Iterator[Block]:
    """Yield the PyTorch modules, if one of them is several layers or that might be expected."""
    modules = worth_showing(summary.modules or ())
    if modules:
        yield Line(Text(f"{heading}:"))
        lines = []
        for run in folded(modules, key=lambda module: (module.code, bool(module.apart))):
            lines += [f"# {run[0].apart}"] if run[0].apart else []
            lines.append(run[0].code + (f"  # × {len(run)}" if len(run) > 1 else ""))
        yield SourceText("\n".join(lines))


# The table of a run

_NOTEWORTHY = 0.5
"""The share of saturated outputs from which a note reports that a layer is saturated."""

_FEW = 8
"""The most sequences whose lengths are all listed."""

_TIME, _FIGURE = len("100.1 ms"), len("-0.00123")
"""The assumed widths of a time and of a figure, so that the table's layout does not depend on the values."""


def run_page(result: RunResult) -> Iterator[Block]:
    """Yield a run and, if requested, the study of its last recurrent layer over time."""
    yield from _run_table(result.forward, result.wide)
    if result.study is not None:
        from rnncli.render.over_time import study_page

        yield from study_page(result.study)


def _run_table(run: ForwardRun, wide: bool) -> Iterator[Block]:
    """Yield the summary's table with the output statistics, the totals, and notes for learners."""
    yield from head(run.summary)
    if run.lengths is not None:
        several = f"{min(run.lengths):,} to {max(run.lengths):,}, {sum(run.lengths):,} timesteps in all"
        few = ", ".join(f"{length:,}" for length in run.lengths)
        yield Line(Text(f"Lengths: {few if len(run.lengths) <= _FEW else several}"))
    runs = list(folded(run.layers, key=lambda layer: equal_but_for_its_name(layer.summary)))
    outputs = [_outputs(layers) for layers in runs]
    times = [Text(duration(sum(layer.seconds for layer in layers))) for layers in runs]
    statistics = (
        Column(name.title(), [Text(f"{getattr(values, name):.3g}") for values in outputs], leaves=leaves, least=_FIGURE)
        for name, leaves in {"mean": 0, "std": 2, "min": 1, "max": 1}.items()
    )
    columns = [
        *_layer_columns([[layer.summary for layer in layers] for layers in runs]),
        Column("Time", times, least=_TIME),
        *(column._replace(leaves=0) if wide else column for column in statistics),
        Column("Sat.", [_saturated_cell(values.saturated) for values in outputs], least=len("100%")),
    ]
    yield Table(columns, more="--wide")
    yield from totals(run.summary)
    yield total("Time", duration(run.seconds))
    for layers, values in zip(runs, outputs, strict=True):
        for note in _notes(layers, values, run):
            yield GAP
            yield Line(Text(note))


def _saturated_cell(share: float | None) -> Text:
    return Text.assemble(("-" if share is None else f"{share:.0%}", "bold" if share and share >= _NOTEWORTHY else ""))


def _outputs(layers: Sequence[LayerRun]) -> Statistics:
    """Return the statistics of all outputs of a layer, or of a run of equal ones."""
    together, *others = [copy(layer.statistics) for layer in layers]
    for each in others:
        together.take(each)
    return together


def _notes(layers: Sequence[LayerRun], values: Statistics, run: ForwardRun) -> Iterator[str]:
    """Yield notes for learners about a layer, or a run of equal ones, given the statistics of its outputs."""
    name = run_name([layer.summary.name for layer in layers])
    if values.nans and run.padded and not any(layer.statistics.infinite for layer in run.layers):
        samples = run.summary.input_shape[0] or 1
        yield (
            f"{name}: {values.nans:,} of {plural(values.count, 'output')} are NaN (not a number): {run.padded:,} of "
            f"{plural(samples, 'sample')} {'is' if run.padded == 1 else 'are'} all padding, and the mean of no "
            "timesteps is undefined."
        )
    elif values.nans or values.infinite:
        counts = {"infinite": values.infinite, "NaN (not a number)": values.nans}
        some = [f"{count:,} are {what}" for what, count in counts.items() if count]
        some[0] = some[0].replace(" are", f" of {values.count:,} are")
        why = f"The values exceeded the range of {run.summary.dtype}."
        yield f"{name}: not all outputs are finite numbers: {', '.join(some)}. {why}"
    elif values.saturated is not None and values.saturated >= _NOTEWORTHY:
        low, high = layers[0].statistics.bounds or (0.0, 0.0)
        verb, its = ("is", "its") if len(layers) == 1 else ("are", "their")
        yield (
            f"{name} {verb} saturated: {values.saturated:.0%} of {its} outputs are at the ends of {its} range, "
            f"{low:g} and {high:g}. The activation is flat there: other inputs would give almost the same outputs, and "
            f"training would get almost no gradient. {_why_saturated(layers[0].summary, run)}Smaller weights help."
        )


def _why_saturated(layer: LayerSummary, run: ForwardRun) -> str:
    """Return a sentence on the size of the sum before the activation if weights are drawn from 0 to 1, else empty.

    Such weights are 1/2 on average, as is the input, and a saturated layer's outputs are close to 1.
    """
    read = dict(factor for weight in layer.weights if weight.multiplies for axis in weight.axes for factor in axis)
    if not run.uniform or "input" not in read:
        return ""
    units = read["units"] if any(weight.role == "recurrent" for weight in layer.weights) else 0
    size = read["input"] * (0.25 if layer is run.layers[0].summary else 0.5) + units * 0.5
    terms = plural(read["input"], "input") + (f" and {plural(units, 'unit')}" if units else "")
    return f"Weights from 0 to 1 add up: over {terms} the sum before the activation is about {size:,.0f}. "


# The contents of a model file

_SHAPES = 3
"""The most distinct shapes shown for a group."""

_GROUPS = 12
"""The most groups shown; the rest are counted."""


def inspection_page(model: ModelFile) -> Iterator[Block]:
    """Yield the format, each part as a spec with its layers and assumptions, and the remaining arrays."""
    yield Line(Text(one_line(model.path), style="spec"))
    writer = f", written by {one_line(model.writer)}" if model.writer else ""
    dtypes = {tensor.dtype for tensor in model.tensors}
    of = f" of {min(dtypes)}" if len(dtypes) == 1 and dtypes != {"float32"} else ""
    listed = f"{plural(len(model.tensors), 'array')}{of}, {plural(model.params, 'parameter')}"
    holds = f"{'at least ' if model.partial else ''}{listed}" if model.tensors else "no weights in the file"
    if model.tensors and model.parts and model.others:
        recurrent, parts = model.recurrent_params, len(model.parts)
        holds += f"; {recurrent:,} ({recurrent / model.params:.0%}) in {plural(parts, 'recurrent part')}"
    yield Line(Text(f"{model.format}{writer}: {holds}"))
    for number, part in enumerate(model.parts, start=1):
        yield GAP
        share = model.share(part)
        of_file = "" if share is None else f", {share:.0%} of the file"
        framework, counted = FRAMEWORK_NAMES[part.network.framework], sum(part.layer_params)
        if counted != part.params and part.has_weights:
            of_file = f"; its arrays hold {plural(part.params, 'number')}{of_file}"
        total = f"Total: {plural(counted, 'parameter')} in {framework}{of_file}"
        lead = f"{number}  " if len(model.parts) > 1 else ""
        yield Line(Text.assemble(lead, (str(part.network), "spec")))
        columns = [
            Column("In the file", [Text(one_line(node.name), style="name") for node in part.nodes], number=False),
            Column("Layer", [Text(node.layer.spec(), style="layer") for node in part.nodes], number=False),
            Column("Parameters", [Text(f"{params:,}") for params in part.layer_params]),
        ]
        yield Table(columns)
        yield Line(Text(total), start=1)
        said = [note.text for note in part.notes]
        effects = [note.effect.removesuffix(" size").removesuffix(" row").capitalize() for note in part.notes]
        texts = [each.replace(" is left out: ", ": ").replace(", which: ", ", which is left out: ") for each in said]
        notes = [f"{effect}: {text}" for effect, text in zip(effects, texts, strict=True)]
        for text in dict.fromkeys(notes):  # an assumed size may be noted twice
            yield Line(Text(one_line(text), style="dim"), start=1)
    yield from [GAP] if model.notes or not model.parts else []
    if not model.parts:
        yield Line(Text("Nothing recurrent was found.", style="bold"))
    for note in model.notes:
        yield Line(Text(one_line(f"Note: {note}")))
    if model.groups:
        yield GAP
        yield Line(Text("Not in any part:"))
        for group in model.groups[:_GROUPS]:
            yield Line(Text(_group_text(group)), start=1)
        rest = model.groups[_GROUPS:]
        if rest:
            params = sum(group.params for group in rest)
            yield Line(Text(f"{len(rest)} more, {plural(params, 'parameter')} (-f json lists all)"), start=1)


def _group_text(group: ArrayGroup) -> str:
    """Return a group in one line: its name, the numbers of arrays and parameters, and the shapes."""
    shapes = Counter(shape_text(tensor.shape) for tensor in group.tensors)
    some = ", ".join(f"{times} × {shape}" if times > 1 else shape for shape, times in shapes.most_common(_SHAPES))
    more = ", …" if len(shapes) > _SHAPES else ""
    holds = f"{plural(len(group.tensors), 'array')}, {plural(group.params, 'parameter')}"
    return f"{one_line(group.name)}  {holds}: {some}{more}"
