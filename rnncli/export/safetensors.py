"""`.safetensors`, written: a length, a JSON header that says where each array stands, and the numbers.

https://github.com/huggingface/safetensors describes the format; `rnncli.formats.safetensors` reads it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rnncli.atomic import Written, written_whole

if TYPE_CHECKING:
    from rnncli.export import Arrays

_ALIGNMENT = 8
"""The numbers begin at a multiple of this, so that they can be mapped into memory as they are."""


def write_safetensors(path: str, arrays: Arrays) -> Written:
    """Write arrays of float32 by name to a file that PyTorch's users load, all of them or none.

    The arrays stand in the file in the order that they are given in. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    import numpy as np

    # One order of bytes in every file, whatever this machine's is.
    numbers = {name: np.ascontiguousarray(array, "<f4") for name, array in arrays.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, array in numbers.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with written_whole(path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in numbers.values():
            file.write(array.data)
    count = f"({len(numbers)} array{'' if len(numbers) == 1 else 's'})"
    return Written(path, 8 + len(text) + end, count)
