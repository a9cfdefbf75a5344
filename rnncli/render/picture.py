"""The picture that is asked for. This needs no Rich; `rnncli.render.svg` makes the picture."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from rnncli.atomic import Written

Theme = Literal["dark", "light"]
THEMES: tuple[Theme, ...] = get_args(Theme)
"""Light text on a dark ground, which is what is taken if nothing is said; and dark text on white."""

MOST_LINES = 1000
"""How many lines of a list are in its picture; a browser has trouble with many more."""


class Picture(NamedTuple):
    """A picture that is asked for.

    Attributes:
        path: the file to write.
        theme: what it is to go with.
        written: is told what has been written, when the picture is there.
    """

    path: str
    theme: Theme = THEMES[0]
    written: "Callable[[Written], object]" = lambda file: None
