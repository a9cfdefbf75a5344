"""What a target is, and what every target asks of what is printed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple


class Target(NamedTuple):
    """Something to fuzz.

    Attributes:
        make: makes a case.
        check: tries it; whatever it raises is a fault.
    """

    make: Callable[[random.Random], Any]
    check: Callable[[Any], None]


def assert_harmless(text: str, most: int = 20_000) -> None:
    obeyed = {character for character in text if not character.isprintable()} - {"\n", "\t"}
    assert not obeyed, f"{obeyed} was printed"
    assert len(text) < most, f"{len(text):,} characters were printed"
