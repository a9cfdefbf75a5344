"""Arrays written to files, whole or not at all: .npy for outputs, .npz for weights and states."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy

from rnncli.atomic import written_whole
from rnncli.engine.types import Array


def write_arrays(path: str, arrays: Mapping[str, Array]) -> None:
    """Write arrays by key to an .npz file, all of them or none.

    Raises:
        RnncliError: it cannot be written.
    """
    with written_whole(path) as file:
        # Without allow_pickle, which NumPy 2.0 takes for one more array and which the types expect among the keywords.
        np.savez(file, **arrays)  # type: ignore[arg-type]


@contextlib.contextmanager
def output_file(path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Callable[[int, Array], None]]:
    """Write an output to a .npy file while it is computed.

    Yields a function that writes a chunk, given its first timestep and its values (timesteps, features, batch). The
    file takes its name when the block ends. If anything fails before, an old file of that name stays as it was.

    Args:
        path: the name of the file.
        shape: (batch, timesteps, features), or (batch, features) for a single chunk of one timestep.
        dtype: of the file.

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
