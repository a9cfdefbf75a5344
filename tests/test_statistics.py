"""The statistics of a layer's outputs in any chunks, against exact arithmetic."""

from __future__ import annotations

import statistics
from itertools import pairwise
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.engine.forward import Statistics, saturation_limits


def gather(values: np.ndarray, cuts: list[int], bounds: tuple[float, float] | None = None) -> Statistics:
    """The statistics of values in chunks, some possibly empty."""
    found = Statistics(bounds)
    for start, end in pairwise(sorted([0, *(cut % (len(values) + 1) for cut in cuts), len(values)])):
        found.add(values[start:end])
    return found


cuts = st.lists(st.integers(0, 10_000), max_size=6)
floats = st.floats(-1e6, 1e6, width=32)


@given(st.lists(floats, min_size=1, max_size=60), cuts, st.sampled_from(("float32", "float64")))
def test_chunks_give_the_same_statistics_as_the_whole(numbers: list[float], cuts: list[int], dtype: str) -> None:
    found = gather(np.array(numbers, dtype), cuts)
    scale = max(map(abs, numbers))
    # The standard library computes these with exact fractions.
    assert found.mean == pytest.approx(statistics.mean(numbers), rel=1e-12, abs=1e-12 * scale)
    assert found.std == pytest.approx(statistics.pstdev(numbers), rel=1e-9, abs=1e-9 * scale)
    assert (found.min, found.max) == (min(numbers), max(numbers))
    assert found.count == len(numbers)


def test_a_tiny_deviation_on_a_large_offset_is_neither_lost_nor_invented() -> None:
    values = np.float32(1024) + np.arange(8192, dtype="float32") % 2 * np.float32(2**-13)
    found = gather(values, [100, 5000])
    assert found.mean == 1024 + 2**-14
    assert found.std == pytest.approx(2**-14, rel=1e-9)
    equal = gather(np.full(2_000_000, 0.1, "float32"), list(range(0, 2_000_000, 100_000)))
    assert equal.mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert equal.std == pytest.approx(0, abs=1e-9)


def test_an_output_is_saturated_within_1_5_per_cent_of_either_end_of_its_range() -> None:
    # For tanh this means beyond 0.97, where its slope 1 - y² is below 6 % of the slope at 0.
    for bounds, values, share in (
        ((0, 1), [0, 0.01, 0.02, 0.5, 0.98, 0.99, 1, 1], 5 / 8),
        ((-1, 1), [-1, -0.970001, -0.969999, 0, 0.969999, 0.970001, 1, 0], 4 / 8),
        ((-2, 2), [-1.95, -1.9, 0, 1.9, 1.95], 2 / 5),
        ((0, 1), [*saturation_limits(0, 1), 0.4, 0.6], 0),
        ((0, 1), [1, 1, 0], 1),
        (None, [1e9, -1e9], None),
    ):
        assert gather(np.array(values), [2], bounds).saturated == pytest.approx(share)


def test_a_chunk_may_have_any_shape_and_no_values_have_no_statistics() -> None:
    values = np.arange(24.0)
    found = Statistics((0.0, 1.0))
    found.add(np.empty((0, 3)))
    assert (found.count, found.saturated) == (0, None)
    assert isnan(found.std)
    for part in np.split(values, 4):
        found.add(part.reshape(1, 3, 2))
    assert (found.count, found.min, found.max, found.mean) == (24, 0, 23, 11.5)
    assert found.std == pytest.approx(statistics.pstdev(values.tolist()))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values_that_are_not_finite_are_counted_and_none_is_dropped() -> None:
    for number, extremes in ((np.nan, (np.nan, np.nan)), (np.inf, (0.25, np.inf)), (-np.inf, (-np.inf, 0.5))):
        for cuts in ([], [1], [1, 2]):
            found = gather(np.array([0.5, number, 0.25]), cuts)
            assert not np.isfinite(found.mean)
            assert isnan(found.std)
            assert np.array_equal((found.min, found.max), extremes, equal_nan=True)
            assert (found.count, found.nans, found.infinite) == (3, int(isnan(number)), int(np.isinf(number)))
