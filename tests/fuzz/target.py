"""The definition of a fuzz target, and the checks of printed output that all targets share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple


class Target(NamedTuple):
    """A fuzz target.

    Attributes:
        make: makes a case.
        check: tries the case; any exception is a fault.
    """

    make: Callable[[random.Random], Any]
    check: Callable[[Any], None]


def assert_harmless(text: str, most: int = 20_000) -> None:
    obeyed = {character for character in text if not character.isprintable()} - {"\n", "\t"}
    assert not obeyed, f"{obeyed} was printed"
    assert len(text) < most, f"{len(text):,} characters were printed"
