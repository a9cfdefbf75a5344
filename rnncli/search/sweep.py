"""Sweeps: every network that a pattern stands for, with its counts.

All counts are those of the weights that the layers declare; see `rnncli.search.grids.forms`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rnncli.errors import SpecError
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network import Network, check_known, check_sizes
from rnncli.search.grids.candidate import Candidate, Found, Invalid
from rnncli.search.grids.stretches import BATCH, Stretch, evaluated, stretches
from rnncli.search.patterns.braces import Pattern, parse_pattern
from rnncli.summary import DTYPE_BYTES, Setting


def sweep(
    *patterns: Pattern | str,
    batch: int | None = None,
    timesteps: int | None = None,
    framework: Framework = "keras",
    dtype: str = "float32",
) -> Iterator[Candidate | Invalid]:
    """Yield a candidate, valid or not, for each text that the patterns stand for, in their order.

    Args:
        patterns: specs with brace lists and ranges: `input:8,lstm:{16,32}`.
        batch: samples at a time, or None for unknown.
        timesteps: length of the sequence, or None for unknown.
        framework: whose weights to count.
        dtype: of the weights, for their size in bytes.

    Raises:
        SpecError: a pattern is wrong.
        ArgumentError: an argument is not allowed.
    """
    check_known("framework", framework, FRAMEWORKS)
    check_known("dtype", dtype, tuple(DTYPE_BYTES))
    check_sizes(batch=batch, timesteps=timesteps)
    parsed = [parse_pattern(pattern) if isinstance(pattern, str) else pattern for pattern in patterns]
    setting = Setting(batch, timesteps, framework, dtype)
    return chain.from_iterable(_candidates(stretch, setting) for stretch in stretches(parsed))


def _candidates(stretch: Stretch, setting: Setting) -> Iterator[Found]:
    for some in evaluated(stretch, setting):
        yield from some if isinstance(some, list) else chain.from_iterable(some.candidates(BATCH))


def reason(spec: str, setting: Setting) -> SpecError:
    """Return the error of a spec that is not a network."""
    try:
        Network.parse(spec).summary(*setting)
    except SpecError as error:
        return error
    raise AssertionError(f"{spec} is a network")
