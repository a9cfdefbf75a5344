"""An explanation as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import shape_text
from rnncli.render.tables import print_head, shape_cell
from rnncli.reports.explanation import Explanation, Formula, LayerExplanation

_WIDEST_TEXT = 100
"""Columns that the text is wrapped at, at most; longer lines are hard to read."""

_LONGEST_ON_ONE_LINE = 56
"""Characters of a formula from which its numbers get a line of their own."""

Rows = Sequence[tuple[Text, Text]]


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print each layer: its equations, its weights, and what is worth knowing."""
    print_head(console, explanation.summary)
    for layer in explanation.layers:
        console.print()
        console.print(_heading(layer), soft_wrap=True)
        for rows in (_equations(layer), _weights(layer), _notes(layer)):
            for line in _lines(console, rows):
                console.print(line, soft_wrap=True)
    console.print()
    console.print(_totals(explanation), soft_wrap=True)


def _lines(console: Console, rows: Rows) -> Iterator[Text]:
    """Yield two columns, indented: the first as wide as its longest cell, the second wrapped."""
    width = max((left.cell_len for left, _ in rows), default=0) + 4
    room = min(console.width, _WIDEST_TEXT) - width
    for left, right in rows:
        wrapped = right.wrap(console, max(room, 20)) or [Text()]
        for index, part in enumerate(wrapped):
            part.rstrip()
            lead = Text.assemble("  ", left if index == 0 else "")
            if part:
                lead.pad_right(width - lead.cell_len)
            yield Text.assemble(lead, part)


def _equations(layer: LayerExplanation) -> Rows:
    return [(Text(line.text, style="bold"), Text(line.means, style="dim")) for line in layer.equations]


def _weights(layer: LayerExplanation) -> Rows:
    rows = []
    for weight, formula in layer.weights:
        shape = Text.assemble(weight.name, " ", (weight.symbol, "bold"), " ", (shape_text(weight.shape), "green"))
        rows.append((shape, _formula(formula, several=sum(map(len, weight.axes)) > 1)))
    if layer.total is not None:
        rows.append((Text("all of them"), _formula(layer.total)))
    return rows


def _formula(formula: Formula, several: bool = True) -> Text:
    """Return a formula in words, in numbers, and what it comes to unless it is one number anyway."""
    if not several:
        return Text.assemble(f"{formula.words} = ", (f"{formula.value:,}", "green"))
    line_end = "\n" if len(formula.words) + len(formula.numbers) > _LONGEST_ON_ONE_LINE else " "
    return Text.assemble(f"{formula.words}{line_end}= {formula.numbers} = ", (f"{formula.value:,}", "green"))


def _notes(layer: LayerExplanation) -> Rows:
    return [(Text(note.topic, style="cyan"), Text(note.text)) for note in layer.notes]


def _heading(layer: LayerExplanation) -> Text:
    return Text.assemble(
        (layer.name, "bold"),
        " (",
        (layer.type, "cyan"),
        ")  ",
        layer.layer.spec(),
        "  ",
        shape_cell(layer.input_shape),
        " → ",
        shape_cell(layer.output_shape),
    )


def _totals(explanation: Explanation) -> Text:
    other = FRAMEWORK_NAMES[explanation.other]
    there = explanation.other_params
    return Text.assemble(
        ("Total ", "bold"),
        (f"{explanation.summary.total_params:,}", "green"),
        " parameters",
        f" ({other} cannot express the network)" if there is None else f" ({other}: {there:,})",
    )
