"""The modules of a network in PyTorch, as lines to paste, and why recurrent layers are not one of them."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rnncli.render.layout import print_hanging
from rnncli.render.wrapping import INDENT
from rnncli.reports.folding import folded
from rnncli.summary import ModuleSummary, Summary, worth_showing


def print_modules(console: Console, summary: Summary, title: str = " In PyTorch") -> None:
    """Print the modules, where one of them is several layers, or one would wonder why it is not."""
    modules = worth_showing(summary.modules or ())
    if modules:
        print_hanging(console, Text(f"{title}:"))
    for run in folded(modules, key=_without_names):
        module = run[0]
        times = f"  × {len(run)}" if len(run) > 1 else ""
        print_hanging(console, Text.assemble((module.code, "bold"), times), start=INDENT)
        if module.apart:
            print_hanging(console, Text(module.apart), start=2 * INDENT)


def _without_names(module: ModuleSummary) -> tuple[str, bool]:
    return module.code, bool(module.apart)
