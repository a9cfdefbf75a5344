"""Model files of one recurrent layer under any name, in each format that has names, and rnncli's report of a file."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from textwrap import indent
from types import MappingProxyType

import numpy as np
from conftest import patience, with_visible_styles

from rnncli import RnncliError
from rnncli.formats import Settings, open_model

SHAPES = {"rnn.weight_ih_l0": (4, 3), "rnn.weight_hh_l0": (4, 4), "rnn.bias_ih_l0": (4,), "rnn.bias_hh_l0": (4,)}
"""The arrays of a PyTorch RNN."""


def npz(arrays: dict[str, tuple[int, ...]]) -> bytes:
    made = io.BytesIO()
    np.savez(made, **{name: np.zeros(shape, "f4") for name, shape in arrays.items()})
    return made.getvalue()


def safetensors_header(arrays: dict[str, tuple[int, ...]]) -> tuple[bytes, int]:
    """Return the header of a safetensors file for some arrays, and the size of their data in bytes."""
    header, end = {}, 0
    for name, shape in arrays.items():
        begin, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps({"__metadata__": {"format": "\x1b[31m"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text, end


def safetensors(arrays: dict[str, tuple[int, ...]]) -> bytes:
    header, length = safetensors_header(arrays)
    return header + bytes(length)


def tensor_opcodes(key: str, shape: tuple[int, ...], length: int | None = None, offset: int = 0) -> bytes:
    """The instructions that push a tensor of zeros on the stack, as torch.save writes them."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    storage = text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + whole(length or prod(shape))
    sizes = b"".join(b"(" + b"".join(map(whole, each)) + b"t" for each in (shape, strides))
    rest = whole(offset) + sizes + b"\x89ccollections\nOrderedDict\n)RtR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage + b"tQ" + rest


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def torch_zip(program: bytes, storages: Iterable[tuple[str, bytes]] = (), method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive as torch.save writes it, around a pickle."""
    return zipped(("m/data.pkl", program), *((f"m/data/{key}", data) for key, data in storages), method=method)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def torch_file(arrays: dict[str, tuple[int, ...]]) -> bytes:
    pairs = b"".join(text(name) + tensor_opcodes(str(n), shape) for n, (name, shape) in enumerate(arrays.items()))
    program = b"\x80\x02ccollections\nOrderedDict\n)R(" + pairs + b"u."
    return torch_zip(program, [(str(n), bytes(4 * prod(shape))) for n, shape in enumerate(arrays.values())])


FORMATS = {"npz": npz, "safetensors": safetensors, "pt": torch_file}
"""A writer for each format, called with array shapes by name."""


def report_of(path: str, settings: Settings = MappingProxyType({})) -> str:
    """The report of a model file: its parts and their assumptions, notes, and other arrays; or the error."""
    try:
        model = open_model(path, settings)
    except RnncliError as error:
        return f"{error}\n"
    lines = [f"{model.format} by {model.writer}" if model.writer else model.format]
    for part in model.parts:
        names = " or ".join(dict.fromkeys([part.name, *filter(None, part.other_names)]))
        lines += [f"{names}: {part.network}, from {', '.join(piece.name for piece in part.nodes)}"]
        lines += [f"  assumed: {each}" for each in part.assumed]
        lines += [f"  left out: {each}" for each in part.said("left out")]
    lines += [f"note: {note}" for note in model.notes]
    lines += [f"left: {each.name} {each.shape} {each.dtype}" for each in model.others]
    return with_visible_styles("".join(f"{line}\n" for line in lines))


def reports_of(files: Mapping[str, bytes | str | None], name: str = "") -> str:
    """The reports of several files, each under its oddity, as text for a golden screen.

    Each file is written under `name`, one after the other, or under its oddity; for None the file already exists.
    """
    said = ""
    for oddity, data in files.items():
        path = Path(name or oddity)
        if data is not None:
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        try:
            with patience():
                said += f"{oddity}\n{indent(report_of(str(path)), '    ')}"
        except Exception as fault:
            fault.add_note(f"Raised by {path}: {oddity}.")
            raise
    return said
