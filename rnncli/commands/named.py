"""Options that take one of some names, which other tools call otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from rnncli.commands.other_names import OTHER_FRAMEWORKS, dtype_named
from rnncli.layers.weights import FRAMEWORKS
from rnncli.summary import DTYPE_BYTES

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:
    _Choice = click.Choice


class Named(_Choice):
    """One of some names, which may also be given as other tools call it, in any case.

    Args:
        choices: the names.
        meaning: returns the name that is meant by a text, or None; it may be one that is not among the choices.
        elsewhere: what is said of such a one.
    """

    def __init__(self, choices: Sequence[str], meaning: Callable[[str], str | None], elsewhere: str = "") -> None:
        super().__init__(choices)
        self.meaning = meaning
        self.elsewhere = elsewhere

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name that is meant."""
        meant = self.meaning(value) if isinstance(value, str) else None
        return super().convert(meant if meant in self.choices else value, param, ctx)


def named(names: Mapping[str, str], choices: Sequence[str]) -> Named:
    """Return the type of some names, which go by other names, too."""
    all_names = {choice.lower(): choice for choice in choices} | {**names}
    return Named(choices, lambda text: all_names.get(text.lower()))


framework = named(OTHER_FRAMEWORKS, FRAMEWORKS)
"""A framework: keras or torch, or as others call it."""

dtype = Named(tuple(DTYPE_BYTES), dtype_named)
"""A dtype that sizes are in."""
