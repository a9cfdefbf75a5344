"""What a network takes in memory, with the formulas, as lines below its table."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rnncli.quantities import figure_text
from rnncli.render.layout import print_hanging
from rnncli.render.two_columns import two_columns
from rnncli.reports.sizes import Size, sizes
from rnncli.summary import DTYPE_BYTES, Summary
from rnncli.vocabulary import title


def print_sizes(console: Console, summary: Summary) -> None:
    """Print each size of a network with its formula, or why there is none."""
    found = list(sizes(summary))
    if not found:
        return
    print_hanging(console, Text(_heading(summary)), start=1)
    names = max(len(title(size.key)) for size in found)
    values = max(len(_value(size)) for size in found)
    rows = [
        (Text.assemble(title(size.key).ljust(names), "  ", (_value(size).rjust(values), "bold")), _formula(size))
        for size in found
    ]
    for line in two_columns(console, rows):
        console.print(line, soft_wrap=True)


def _heading(summary: Summary) -> str:
    size = DTYPE_BYTES[summary.dtype]
    unknown = ", for one sample (the batch is unknown: give --batch)" if summary.input_shape[0] is None else ""
    return f"In {summary.dtype}, {size} B a number{unknown}:"


def _value(size: Size) -> str:
    return "-" if not size.words else figure_text(size.key, size.value)


def _formula(size: Size) -> Text:
    formula = " = ".join(dict.fromkeys(filter(None, (size.words, size.numbers))))
    return Text("\n").join([Text(formula)] * bool(formula) + [Text(size.note, style="dim")] * bool(size.note))
