"""Every candidate of some patterns, valid or not, as a sweep evaluates it, and the rows that it prints."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from conftest import Run

from rnncli.network_summary import Setting
from rnncli.search import sweep
from rnncli.search.braces import parse_pattern
from rnncli.search.forms import BATCH, Outcome
from rnncli.search.frame import Frame
from rnncli.search.grid import stretches


def candidates(*patterns: str, **setting: Any) -> Iterator[Outcome]:
    """Yield each text's candidate or fault, in pattern order; the keywords are those of `Setting`."""
    for stretch in stretches(map(parse_pattern, patterns)):
        for some in sweep.evaluated(stretch, Setting(**setting)):
            yield from some if isinstance(some, list) else _of_frame(some)


def _of_frame(frame: Frame) -> Iterator[Outcome]:
    valid = frame.is_network()
    networks = chain.from_iterable(frame.networks(np.flatnonzero(valid), BATCH))
    for text, is_network in zip(frame.texts(), valid.tolist(), strict=True):
        if is_network:
            yield next(networks)
        elif text:
            yield text


def rows(rnncli: Run, *arguments: str) -> list[dict[str, Any]]:
    """Return the rows that a sweep prints as JSON."""
    return rnncli("sweep", "-f", "json", *arguments).objects
