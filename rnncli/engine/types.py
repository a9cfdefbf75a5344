"""The types of arrays and of binned values in annotations."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype. (The same as numpy.typing.NDArray, which takes time to import.)"""

Bins = tuple[float | None, ...]
"""A value for each bin of time; None for a bin in which all steps are padding."""
