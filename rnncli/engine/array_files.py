"""Arrays written to files, whole or not at all: .npy for outputs, .npz for weights and states."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy

from rnncli.atomic import Written, written_whole
from rnncli.engine.types import Array
from rnncli.quantities import shape_text


def write_arrays(path: str, arrays: Mapping[str, Array]) -> Written:
    """Write arrays by key to an .npz file, all of them or none. Return what has been written.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        # NumPy 2.0 takes allow_pickle for one more array.
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the types expect allow_pickle among the keywords
        size = file.seek(0, os.SEEK_END)
    return Written(path, size, f"({len(arrays)} array{'' if len(arrays) == 1 else 's'})")


@contextlib.contextmanager
def output_file(
    path: str, shape: tuple[int, ...], dtype: np.dtype[Any], written: Callable[[Written], object]
) -> Iterator[Callable[[int, Array], None]]:
    """Write an output to a .npy file while it is computed.

    Yields a function that writes a chunk, given its first timestep and its values (timesteps, features, batch). The
    file takes its name when the block ends. If anything fails before, an old file of that name stays as it was.

    Args:
        path: the name of the file.
        shape: (batch, timesteps, features), or (batch, features) for a single chunk of one timestep.
        dtype: of the file.
        written: is told what has been written, when the file has its name.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        begin = file.tell()
        sample_bytes = prod(shape[1:]) * dtype.itemsize
        step_bytes = shape[-1] * dtype.itemsize

        def write(start: int, columns: Array) -> None:
            for sample in range(shape[0]):
                file.seek(begin + sample * sample_bytes + start * step_bytes)
                file.write(np.ascontiguousarray(columns[:, :, sample]).data)

        yield write
    written(Written(path, begin + prod(shape) * dtype.itemsize, shape_text(shape)))
