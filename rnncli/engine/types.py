"""The type that stands for arrays in annotations."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype. (The same as numpy.typing.NDArray, which takes time to import.)"""
