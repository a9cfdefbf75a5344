"""An explanation as text in columns: equations, weights and notes; other tools' counts; the meaning of a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from rnncli.language.spec import EXAMPLE
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.base import Remark
from rnncli.layers.weights import FRAMEWORK_NAMES, name_at_levels
from rnncli.quantities import MAX_SIZE, MULTIPLES, count, plural, shape_text
from rnncli.render.blocks import GAP, Block, Line, Pairs
from rnncli.render.summaries import equal_but_for_its_name, modules_page, run_name, shape_cell, times
from rnncli.render.summaries import head as head_of
from rnncli.render.terminal import INDENT
from rnncli.reports import folded
from rnncli.reports.explanation import Explanation, Formula, LayerExplanation
from rnncli.reports.other_tools import OtherCount
from rnncli.reports.reference import Entry, fields_in_short, kinds_in_short

Rows = list[tuple[Text, Text]]

_LONGEST_ON_ONE_LINE = 56
"""The most characters of a formula on one line; a longer one has its numbers on a separate line."""

_AT_EACH_END = 50
"""The most layers explained at either end of a deep network, with a run of equal ones counted once."""


def explanation_page(explanation: Explanation) -> Iterator[Block]:
    """Yield each layer's equations, weights and notes."""
    yield from head_of(explanation.summary, explained=True)
    runs = list(folded(explanation.layers, key=_without_its_name))
    left_out = [layer for run in runs[_AT_EACH_END:-_AT_EACH_END] for layer in run]
    for run in runs[:_AT_EACH_END]:
        yield from _run(run)
    if left_out:
        names = run_name([layer.summary.name for layer in left_out])
        layers = f"{plural(len(left_out), 'layer')} {'is' if len(left_out) == 1 else 'are'}"
        yield GAP
        yield Line(Text.assemble((names, "heading"), f"  {layers} left out here; `-f json` explains every one"))
    for run in runs[_AT_EACH_END:][-_AT_EACH_END:]:
        yield from _run(run)
    yield GAP
    yield Line(_totals(explanation))
    yield from modules_page(explanation.summary, "In PyTorch")
    if explanation.other_tools is not None:
        yield from _other_counts(explanation.other_tools, *explanation.summary.input_shape[:2])


def _run(run: Sequence[LayerExplanation]) -> Iterator[Block]:
    yield GAP
    yield Line(_heading(run))
    yield from map(Pairs, (_equations(run[0]), _weights(run), _facts(run[0].notes)))


def _without_its_name(layer: LayerExplanation) -> LayerExplanation:
    # Equal layers have equal notes, except for the names of weights in them.
    return layer._replace(summary=equal_but_for_its_name(layer.summary), notes=())


def _equations(layer: LayerExplanation) -> Rows:
    return [(Text(line.text, style="code"), Text(line.means, style="dim")) for line in layer.equations]


def _weights(run: Sequence[LayerExplanation]) -> Rows:
    """Return the weights of the first of several equal layers with formulas, their total, and all layers' total."""
    layer, times = run[0], len(run)
    rows = []
    for (weight, formula), (last, _) in zip(layer.weights, run[-1].weights, strict=True):
        shape = Text.assemble(
            name_at_levels(weight.name, last.name), " ", (weight.symbol, "code"), " ", shape_text(weight.shape)
        )
        rows.append((shape, _formula(formula, several=sum(map(len, weight.axes)) > 1)))
    if layer.total is not None:
        rows.append((Text("total"), _formula(layer.total)))
    params = layer.summary.params
    if times > 1 and params:
        rows.append((Text(f"{times} such layers"), Text(f"{times} × {params:,} = {times * params:,}")))
    return rows


def _formula(formula: Formula, several: bool = True) -> Text:
    """Return a formula in words, in numbers, and its value; the numbers are omitted if there is only one."""
    line_end = "\n" if len(formula.words) + len(formula.numbers) > _LONGEST_ON_ONE_LINE else " "
    numbers = f"{line_end}= {formula.numbers}" if several else ""
    return Text.assemble(f"{formula.words}{numbers} = ", (f"{formula.value:,}", "figure"))


def _heading(run: Sequence[LayerExplanation]) -> Text:
    layer = run[0].summary
    names = Text(run_name([each.summary.name for each in run]), style="heading")
    shapes = Text(" → ").join([shape_cell(layer.input_shape), shape_cell(layer.output_shape)])
    kind = Text(f" ({layer.full_type})", style="type")
    return Text.assemble(names, kind, f"{times(run)}  ", (layer.spec, "layer"), "  ", shapes)


def _totals(explanation: Explanation) -> Text:
    other = FRAMEWORK_NAMES[explanation.other]
    there, summary = explanation.other_params, explanation.summary
    noun = "parameter" if summary.total_params == 1 else "parameters"
    total = summary.origin.of_all(summary.total_params), "figure"
    elsewhere = f" ({other} cannot express the network)" if there is None else f" ({other}: {there:,})"
    return Text.assemble("Total ", total, f" {noun}" if summary.origin.complete else "", elsewhere)


def _other_counts(counts: Sequence[OtherCount], batch: int | None, timesteps: int | None) -> Iterator[Block]:
    """Yield each tool's count with its reasons. Tools that are unknown for the same reason share a line."""
    sequence = "" if timesteps is None else f" and {plural(timesteps, 'timestep')}"
    needs = next((f"; ? depends on the timesteps: give {each.needs}" for each in counts if each.needs), "")
    yield GAP
    yield Line(Text(f"Other tools, for a batch of {batch or 1:,}{sequence}{needs}"))
    rows = []
    for run in folded(counts, key=lambda each: (each.text, each.value, each.value and each.counts)):
        first, last = run[0], run[-1]
        if first is last:
            tool = first.tool if first.version is None else f"{first.tool} {first.version}"
            number = Text.assemble((count(first.value), "figure"), f" {first.counts}: {first.text}")
            rows.append((Text(tool), number))
        else:
            rows.append((Text(f"{first.tool} … {last.tool}"), Text.assemble(("?", "figure"), f" {first.text}")))
    yield Pairs(rows)


def entry_page(entry: Entry) -> Iterator[Block]:
    """Yield the entry for a word: its meaning and facts and, for a kind, its fields and an example explained."""
    if not entry.word:
        yield from _language()
        return
    yield Line(Text.assemble((entry.word, "code"), "  ", entry.means))
    yield Pairs(_facts(entry.facts))
    if entry.fields:
        yield GAP
        yield Pairs(_facts(entry.fields, "code"))
    if entry.explained is not None and entry.explained.layers:
        layer = entry.explained.layers[-1]
        yield GAP
        yield Line(Text.assemble("In ", (entry.explained.title, "code"), ":"))
        yield Pairs(_equations(layer))
        yield Pairs(_weights([layer]))


def _facts(notes: Iterable[Remark], style: str = "") -> Rows:
    return [(Text(note.topic, style=style), Text(note.text)) for note in notes]


def _language() -> Iterator[Block]:
    """Yield the spec language: every kind, every field, and how numbers are written."""
    yield Line(Text("A SPEC is layers joined by commas; each is KIND:SIZE, then fields in any order:"))
    yield Line(Text(EXAMPLE, style="code"), start=INDENT)
    yield Pairs(_facts(kinds_in_short(), "code"))
    yield GAP
    yield Pairs(_facts(fields_in_short(), "code"))
    multiples = ", ".join(f"1{suffix}={factor:,}" for suffix, factor in MULTIPLES.items())
    names = list(ACTIVATIONS)
    half = len(names) // 2
    yield Pairs(
        [
            (Text("ACT"), Text("\n".join(" ".join(some) for some in (names[:half], names[half:])))),
            (Text("Sizes"), Text(f"1 to {MAX_SIZE:,}; 10_000; {multiples}")),
            (Text("More"), Text("rnncli layers WORD, also from Keras or PyTorch: lstm, seq, macs, h_n, …")),
        ]
    )
