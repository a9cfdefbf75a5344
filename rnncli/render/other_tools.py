"""What other tools count of a network, as text in two columns."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rnncli.quantities import count
from rnncli.render.layout import print_hanging
from rnncli.render.two_columns import two_columns
from rnncli.reports.folding import folded
from rnncli.reports.other_tools import OtherCount, OtherCounts


def print_other_counts(console: Console, counts: OtherCounts) -> None:
    """Print what each tool counts, and why. Tools that nothing is known of for one reason share a line."""
    console.print()
    print_hanging(console, Text(f"Other tools, for {_size(counts)}"))
    rows = []
    for run in folded(counts.counts, key=_told):
        first, last = run[0], run[-1]
        if first is last:
            number = Text.assemble((count(first.value), "bold"), f" {first.counts}: {first.text}")
            rows.append((Text(_tool(first)), number))
        else:
            rows.append((Text(f"{first.tool} … {last.tool}"), Text.assemble(("?", "bold"), f" {first.text}")))
    for line in two_columns(console, rows):
        console.print(line, soft_wrap=True)


def _told(each: OtherCount) -> tuple[str, int | None, str]:
    """Return what makes counts one: why they are not known."""
    return each.text, each.value, "" if each.value is None else each.counts


def _size(counts: OtherCounts) -> str:
    steps = counts.timesteps
    sequence = "" if steps is None else f" and {steps:,} timestep{'s' if steps > 1 else ''}"
    needs = next((f"; where there is a ?, give {each.needs}" for each in counts.counts if each.needs), "")
    return f"a batch of {counts.batch:,}{sequence}{needs}"


def _tool(each: OtherCount) -> str:
    return each.tool if each.version is None else f"{each.tool} {each.version}"
