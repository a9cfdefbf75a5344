"""`rnncli layers`: the spec language on one screen, drawn from the declarations that the parser uses."""

from __future__ import annotations

import click

from rnncli.layers import LAYERS, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.base import Flag, Option, Rate
from rnncli.spec import EXAMPLE, MAX_SIZE, MULTIPLES


@click.command(short_help="The spec language on one screen.")
def command() -> None:
    """Examples:

    \b
      rnncli layers
      rnncli layers | grep lstm

    Show every kind of layer, its fields and its names, and how numbers are written.
    """  # noqa: D400, D415 - the help of a command leads with its examples
    click.echo("\n".join(_screen()))


def _screen() -> list[str]:
    multiples = ", ".join(f"1{suffix} = {factor:,}" for suffix, factor in MULTIPLES.items())
    lines = [
        "SPEC is layers joined by commas: KIND:SIZE[:FIELD]...",
        f"  {EXAMPLE}",
        "",
    ]
    for layer in LAYERS:
        lines.append(f"  {_form(layer):<13}{layer.means}{_also(layer)}")
    lines += ["", "Fields, in any order:"]
    for option, kinds in _options():
        lines.append(f"  {_spelling(option):<13}{option.means} ({', '.join(kinds)})")
    lines += [
        f"  {'x3':<13}the layer three times",
        "",
        f"ACT is {' '.join(ACTIVATIONS[:6])}",
        f"       {' '.join(ACTIVATIONS[6:])}",
        f"Numbers: 1 to {MAX_SIZE:,}; 10_000; {multiples}",
    ]
    return lines


def _form(layer: type[Layer]) -> str:
    if isinstance(layer.sizes, Rate):
        return f"{layer.kind}:{layer.sizes.symbol}"
    symbols, optional = layer.sizes.symbols, layer.sizes.optional
    lead = "".join(f"[{symbol}x]" for symbol in symbols[:optional])
    return f"{layer.kind}:{lead}{'x'.join(symbols[optional:])}"


def _also(layer: type[Layer]) -> str:
    return f" (or {', '.join(layer.aliases)})" if layer.aliases else ""


def _options() -> list[tuple[Option, list[str]]]:
    """Return every option once, with the kinds that take it."""
    kinds: dict[str, list[str]] = {}
    options: dict[str, Option] = {}
    for layer in LAYERS:
        for option in layer.options:
            options.setdefault(option.attribute, option)
            kinds.setdefault(option.attribute, []).append(layer.kind)
    return [(option, kinds[attribute]) for attribute, option in options.items()]


def _spelling(option: Option) -> str:
    if isinstance(option, Flag):
        return option.word
    names = "ACT" if tuple(option.values) == ACTIVATIONS else "|".join(option.values)
    if option.name_alone:
        return f"{names}, {option.key}={names}"
    return f"{option.key}[={names}]" if option.key_alone else f"{option.key}={names}"
