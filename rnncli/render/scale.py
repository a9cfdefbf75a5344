"""The colours of values with a sign, from the most negative through zero to the most positive.

They read on dark and on light backgrounds. Zero is the lightest, and each side darkens step by step. All are colours of
the 256 that terminals have, so that a terminal of 256 colours shows them as they are and none changes places.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

_SCALE = (
    "#afd7ff on #005faf",
    "#afd7ff on #005fff",
    "#00005f on #5f87ff",
    "#00005f on #87afff",
    "#00005f on #afd7ff",
    "#808080 on #ffffff",
    "#5f0000 on #ffd7d7",
    "#5f0000 on #ff8787",
    "#5f0000 on #ff5f5f",
    "#ffd7d7 on #d70000",
    "#ffd7d7 on #af0000",
)

_SIGNS = (*["bright_blue"] * 3, "", *["bright_red"] * 3)
"""With 16 colours the sign alone is shown, by those two that stand out from black and from white in every palette."""

_STYLES = {"truecolor": _SCALE, "256": _SCALE, "standard": _SIGNS, "windows": _SIGNS, None: _SIGNS}
"""The styles for each of Rich's colour systems; without one, none of them has any effect."""


def signed_styles(console: Console) -> Sequence[str]:
    """Return the styles for values from the most negative to the most positive; the one in the middle is for zero."""
    return _STYLES[console.color_system]


def nearest_style(styles: Sequence[str], share: float) -> str:
    """Return the style of a value that is given as a share of the largest: -1 to 1."""
    half = len(styles) // 2
    return styles[half + max(-half, min(half, round(share * (half + 0.5))))]
