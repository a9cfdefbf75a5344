"""The numbers of arrays: how wide each type is, and bytes as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

WIDTHS: Mapping[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
"""The bytes of a number of each type."""


def array_of(data: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Return little-endian bytes as an array; bfloat16, which NumPy does not have, becomes float32.

    Raises:
        ValueError: there are no numbers of that type in NumPy, or not as many bytes as the shape says.
    """
    import numpy as np

    if dtype == "bfloat16":
        # A bfloat16 is the upper half of a float32.
        halves = np.frombuffer(data, "<u2").astype("<u4")
        return (halves << 16).view("<f4").reshape(shape)
    if dtype.startswith("float8"):
        raise ValueError(f"numbers of type {dtype} are not read")
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).reshape(shape)
