"""An explanation as text in columns: equations, weights and notes, each with what it means."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rnncli.layers.weights import FRAMEWORK_NAMES, Weight, at_level, name_at_levels
from rnncli.quantities import shape_text
from rnncli.render.layout import print_hanging
from rnncli.render.modules import print_modules
from rnncli.render.tables import equal_but_for_its_name, print_head, run_name, shape_cell
from rnncli.render.two_columns import Rows, two_columns
from rnncli.reports.explanation import Explanation, Formula, LayerExplanation
from rnncli.reports.folding import folded

_LONGEST_ON_ONE_LINE = 56
"""A formula of more characters has its numbers on a line of their own."""

_AT_EACH_END = 50
"""So many layers, a run of equal ones counted once, are explained at either end where there are too many to read."""


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print each layer: its equations, its weights, and what is worth knowing."""
    print_head(console, explanation.summary, explained=True)
    runs = list(folded(explanation.layers, key=_without_its_name))
    left_out = [layer for run in runs[_AT_EACH_END:-_AT_EACH_END] for layer in run]
    for run in runs[:_AT_EACH_END]:
        _print_run(console, run)
    if left_out:
        console.print()
        print_hanging(console, _left_out([layer.summary.name for layer in left_out]))
    for run in runs[_AT_EACH_END:][-_AT_EACH_END:]:
        _print_run(console, run)
    console.print()
    print_hanging(console, _totals(explanation))
    print_modules(console, explanation.summary, "In PyTorch")


def _print_run(console: Console, run: Sequence[LayerExplanation]) -> None:
    console.print()
    print_hanging(console, _heading(run))
    layer = run[0]
    for rows in (equation_rows(layer), weight_rows(run), _notes(layer)):
        for line in two_columns(console, rows):
            console.print(line, soft_wrap=True)


def _left_out(names: Sequence[str]) -> Text:
    layers = "1 layer is" if len(names) == 1 else f"{len(names):,} layers are"
    return Text.assemble((run_name(names), "bold"), f"  {layers} left out here; `-f json` explains every one")


def _without_its_name(layer: LayerExplanation) -> LayerExplanation:
    # Equal layers have equal notes, but for the names of weights in them.
    weights = tuple((weight, formula) for (_, formula), weight in zip(layer.weights, _at_level_0(layer), strict=True))
    return layer._replace(summary=equal_but_for_its_name(layer.summary), weights=weights, notes=())


def _at_level_0(layer: LayerExplanation) -> tuple[Weight, ...]:
    return at_level([weight for weight, _ in layer.weights], 0)


def equation_rows(layer: LayerExplanation) -> Rows:
    """Return the equations of a layer, and what each of them is."""
    return [(Text(line.text, style="bold"), Text(line.means, style="dim")) for line in layer.equations]


def weight_rows(run: Sequence[LayerExplanation]) -> Rows:
    """Return the weights of the first of some equal layers with their formulas, their sum, and that of all layers."""
    layer, times = run[0], len(run)
    rows = []
    for (weight, formula), (last, _) in zip(layer.weights, run[-1].weights, strict=True):
        shape = Text.assemble(
            name_at_levels(weight.name, last.name), " ", (weight.symbol, "bold"), " ", shape_text(weight.shape)
        )
        rows.append((shape, _formula(formula, several=sum(map(len, weight.axes)) > 1)))
    if layer.total is not None:
        rows.append((Text("all of them"), _formula(layer.total)))
    params = layer.summary.params
    if times > 1 and params:
        rows.append((Text(f"{times} such layers"), Text(f"{times} × {params:,} = {times * params:,}")))
    return rows


def _formula(formula: Formula, several: bool = True) -> Text:
    """Return a formula in words, in numbers, and its value; without the numbers where there is only one."""
    if not several:
        return Text.assemble(f"{formula.words} = ", (f"{formula.value:,}", "bold"))
    line_end = "\n" if len(formula.words) + len(formula.numbers) > _LONGEST_ON_ONE_LINE else " "
    return Text.assemble(f"{formula.words}{line_end}= {formula.numbers} = ", (f"{formula.value:,}", "bold"))


def _notes(layer: LayerExplanation) -> Rows:
    return [(Text(note.topic), Text(note.text)) for note in layer.notes]


def _heading(run: Sequence[LayerExplanation]) -> Text:
    layer = run[0].summary
    return Text.assemble(
        (run_name([each.summary.name for each in run]), "bold"),
        f" ({layer.full_type})",
        f" × {len(run)}" if len(run) > 1 else "",
        f"  {layer.spec}  ",
        shape_cell(run[0].input_shape),
        " → ",
        shape_cell(layer.output_shape),
    )


def _totals(explanation: Explanation) -> Text:
    other = FRAMEWORK_NAMES[explanation.other]
    there = explanation.other_params
    return Text.assemble(
        "Total ",
        (explanation.summary.origin.of_all(explanation.summary.total_params), "bold"),
        " parameters" if explanation.summary.origin.complete else "",
        f" ({other} cannot express the network)" if there is None else f" ({other}: {there:,})",
    )
