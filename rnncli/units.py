"""Numbers as people read them."""

from __future__ import annotations

from rnncli.layers.base import Shape

_MEMORY_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


def memory(size: float) -> str:
    """Return a number of bytes as Keras prints it: 1.23 MB, in steps of 1024."""
    for unit in _MEMORY_UNITS[:-1]:
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} {_MEMORY_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Return a time with three digits and a unit: 1.23 ms."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.0f} µs"


def shape_text(shape: Shape) -> str:
    """Return a shape as Keras prints it: (None, None, 32)."""
    inner = ", ".join("None" if size is None else str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def count(number: int | None) -> str:
    """Return a number with its thousands apart, or `?` for one that is not known."""
    return "?" if number is None else f"{number:,}"
