"""The type of an array."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype. (numpy.typing.NDArray is the same; importing it costs start-up time.)"""
