"""Load all weights of a model file's part at once, for comparison in tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnncli.formats.conventions import each_weight
from rnncli.formats.nodes import Part


def keras_weights(part: Part) -> dict[str, np.ndarray[Any, Any]]:
    """The weights by key (`lstm/kernel`), with Keras's shapes and gate order."""
    return dict(each_weight(part))
