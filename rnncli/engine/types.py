"""The types that stand for arrays and for their bins in annotations."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype. (The same as numpy.typing.NDArray, which takes time to import.)"""

Bins = tuple[float | None, ...]
"""A number for each bin of time; None for a bin whose steps are all padding."""
