"""Numbers as people write them and as they read them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnncli.quantities import memory, parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("1_000", 1000),
        ("7B", 7),
        ("512KB", 512 * 1024),
        ("4MB", 4 * 1024**2),
        ("4 mb", 4 * 1024**2),
        ("4MiB", 4 * 1024**2),
        ("1.5GB", 3 * 1024**3 // 2),
        ("0.3KB", 307),
        ("2TB", 2 * 1024**4),
    ],
)
def test_a_size_is_read_as_it_is_printed_or_in_bytes(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "MB", "4M", "4 parsecs", "-1MB", "1e3", "1.5.2MB", "4MBB", "iB"])
def test_what_is_no_size_is_told_apart(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as 512KB"):
        parse_memory(text)


@example(1024**5 - 1)
@given(st.integers(0, 10**24))
def test_what_is_printed_reads_back_to_the_same_print(size: int) -> None:
    assert memory(parse_memory(memory(size))) == memory(size)
