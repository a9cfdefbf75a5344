"""`rnncli layers`: the spec language on one screen, drawn from the declarations that the parser uses."""

from __future__ import annotations

import click

from rnncli.commands.completing import complete_word
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.options import format_option
from rnncli.commands.output import printed
from rnncli.language.spec import EXAMPLE
from rnncli.layers import LAYERS, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Option
from rnncli.quantities import MAX_SIZE, MULTIPLES
from rnncli.render.records import row_each
from rnncli.render.writers import writer

_LAYOUT = row_each("The spec language", "kind", "field", "form", "means", "keras", "torch")
"""How the words of the language become rows."""


@click.command(cls=GroupedCommand, short_help="The spec language on one screen.")
@click.argument("word", metavar="[KIND]", required=False, shell_complete=complete_word)
@format_option
def command(word: str | None, format_: str) -> None:
    """Show every kind of layer, its fields and its names, and how numbers are written.

    \b
    Examples:
      rnncli layers
      rnncli layers lstm
      rnncli layers return_sequences
      rnncli layers macs

    Of one KIND there are its sizes, its fields with Keras's and PyTorch's arguments, its shapes, weights and
    equations. In a format of rows, each kind is one, and each field of it.

    A field (seq), an activation (tanh), a word of Keras or PyTorch (return_state, nn.GRU) or one for what is counted
    (macs, memory, gates) may stand for KIND, too.
    """
    if format_ != "table":
        from rnncli.reports.reference import rows

        with printed(writer(format_, _LAYOUT)) as show_records:
            show_records([row._asdict() for row in rows(word)])
        return
    if word is None:
        click.echo("\n".join(_screen()))
        return
    from rnncli.render.console import screen
    from rnncli.render.reference import print_entry
    from rnncli.reports.reference import look_up

    entry = look_up(word)
    with screen(None, "rnncli layers") as show:
        show(print_entry, entry)


def _screen() -> list[str]:
    multiples = ", ".join(f"1{suffix}={factor:,}" for suffix, factor in MULTIPLES.items())
    activations = [*ACTIVATIONS]
    half = len(activations) // 2
    return [
        "SPEC is layers joined by commas; each is KIND:SIZE, then fields in any order:",
        f"  {EXAMPLE}",
        *(f"  {_form(layer):<25}{layer.means}{_also(layer)}" for layer in LAYERS),
        "",
        *(f"  {option.form:<25}{option.means} ({_kinds(kinds)})" for option, kinds in _options()),
        f"  {'x3':<25}the layer three times (any but the first)",
        f"ACT    {' '.join(activations[:half])}",
        f"       {' '.join(activations[half:])}",
        f"Sizes  1 to {MAX_SIZE:,}; 10_000; {multiples}",
        "More   rnncli layers WORD: lstm, seq, macs, …; with Keras's and PyTorch's words",
    ]


def _form(layer: type[Layer]) -> str:
    form = layer.sizes.form
    return f"{layer.kind}:{form}" if form else layer.kind


def _also(layer: type[Layer]) -> str:
    return f" (or {', '.join(layer.aliases)})" if layer.aliases else ""


def _options() -> list[tuple[Option, list[str]]]:
    """Return every option once, with the kinds that take it."""
    kinds: dict[str, list[str]] = {}
    options: dict[str, Option] = {}
    for layer in LAYERS:
        for option in layer.options:
            options.setdefault(option.form, option)
            kinds.setdefault(option.form, []).append(layer.kind)
    return [(option, kinds[form]) for form, option in options.items()]


def _kinds(kinds: list[str]) -> str:
    recurrent = [layer.kind for layer in LAYERS if layer.states]
    rest = [kind for kind in kinds if kind not in recurrent]
    return ", ".join(["recurrent", *rest] if set(recurrent) <= set(kinds) else kinds)
