"""Damaged Keras files: a config, a whole archive, and HDF5.

rnncli reads HDF5 in a separate process, which takes a quarter of a second to start. Here that process is forked with
h5py already loaded. Everything else is as for a user: the limits, and the report of how the process ended.
"""

from __future__ import annotations

import copy
import json
import os
import random
import struct
import subprocess
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mutations import damaged_bytes, damaged_text
from structures import archive_of, members_of
from target import LONGEST, ROOM, check_model

from rnncli.formats.keras.hdf5_process import answer

MODELS = Path(__file__).parent.parent / "golden" / "models" / "keras" / "models.zip"

ODD = [None, 0, -1, 3, 2**31, 2**70, 1.5, -0.0, "x", "", "linear", "hard_sigmoid", [], {}, [[]], [None], True, False]


@cache
def seeds(ending: str) -> list[bytes]:
    return [data for name, data in sorted(members_of(MODELS.read_bytes())) if name.endswith(ending)]


@cache
def configs() -> list[Any]:
    """The configs of the golden models, and one in Keras 2's form."""
    lstm = {"units": 4, "recurrent_activation": "sigmoid", "return_sequences": True}
    layers = [
        {"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [None, 7, 3]}, "inbound_nodes": []},
        {"class_name": "LSTM", "name": "a", "config": lstm, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {
            "class_name": "Bidirectional",
            "name": "b",
            "config": {"layer": {"class_name": "GRU", "config": lstm}, "merge_mode": "sum"},
            "inbound_nodes": [[["a", 0, 0, {}]]],
        },
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]}
    old = {"class_name": "Model", "keras_version": "2.2.4", "config": {"layers": layers, **ends}}
    flat = {
        "class_name": "Sequential",
        "config": [{"class_name": each["class_name"], "config": each["config"]} for each in layers],
    }
    return [
        *(json.loads(text) for text in seeds(".json")),
        *(json.loads(dict(members_of(data))["config.json"]) for data in seeds(".keras")),
        old,
        flat,
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def damaged_config(generator: random.Random) -> Any:
    """A config with some values replaced by odd ones, or by values from elsewhere in it."""
    model = copy.deepcopy(generator.choice(configs()))
    for _ in range(generator.choice((0, 1, 1, 2, 3, 6))):
        ways = [way for way in places(model) if way]
        if not ways:
            break
        way = generator.choice(ways)
        owner = at(model, way[:-1])
        match generator.randrange(5):
            case 0:
                del owner[way[-1]]
            case 1:
                other = generator.choice(configs())
                owner[way[-1]] = copy.deepcopy(at(other, generator.choice(places(other))))
            case 2:
                owner[way[-1]] = copy.deepcopy(at(model, generator.choice(ways)))
            case 3 if isinstance(owner, list):
                owner.insert(generator.randint(0, len(owner)), copy.deepcopy(generator.choice(owner)))
            case _:
                owner[way[-1]] = copy.deepcopy(generator.choice(ODD))
    return model


def make_json(generator: random.Random) -> bytes:
    """A config with odd values or damaged text."""
    if generator.randrange(4):
        return json.dumps(damaged_config(generator)).encode()
    return damaged_text(generator, [seed.decode() for seed in seeds(".json")]).encode("utf-8", "replace")


def make_archive(generator: random.Random) -> bytes:
    """A damaged archive, or an intact one with damaged members."""
    if generator.randrange(2):
        return damaged_bytes(generator, seeds(".keras"))
    members = dict(members_of(generator.choice(seeds(".keras"))))
    if generator.randrange(2):
        members["config.json"] = json.dumps(damaged_config(generator)).encode()
    if generator.randrange(2):
        members["model.weights.h5"] = damaged_hdf5(generator, members["model.weights.h5"])
    if generator.randrange(8) == 0:
        del members[generator.choice(list(members))]
    return archive_of([*members.items()], generator.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def damaged_hdf5(generator: random.Random, seed: bytes) -> bytes:
    """A file with random damage, or with one address or size overwritten by another."""
    if generator.randrange(3) == 0:
        return damaged_bytes(generator, [seed])
    data = bytearray(seed)
    used = [place for place in range(0, len(data) - 8, 8) if any(data[place : place + 8])]
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        place = generator.choice(used)
        match generator.randrange(5):
            case 0:
                data[place + generator.randrange(8)] ^= 1 << generator.randrange(8)
            case 1:
                data[place + generator.randrange(8)] = generator.choice((0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF))
            case 2:
                data[place : place + 8] = struct.pack("<Q", generator.choice(used))
            case 3:
                other = generator.choice(used)
                data[place : place + 8] = data[other : other + 8]
            case _:
                size = generator.choice((0, 1, 2**16, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1, len(data)))
                data[place : place + 8] = struct.pack("<Q", size)
    return bytes(data)


def make_hdf5(generator: random.Random) -> bytes:
    return damaged_hdf5(generator, generator.choice(seeds(".h5")))


def forked(command: list[str], *, input: bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Replace `subprocess.run` for the process that reads HDF5: fork it from this one."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with open("answer", "wb") as file:
                file.writelines(answer(input))
            status = 0
        finally:
            os._exit(status)
    _, ended, used = os.wait4(process, 0)
    status = os.waitstatus_to_exitcode(ended)
    assert used.ru_utime + used.ru_stime < LONGEST, f"h5py took {used.ru_utime + used.ru_stime:.2f} s"
    assert used.ru_maxrss < ROOM >> 10, f"h5py took {used.ru_maxrss:,} KB"
    return subprocess.CompletedProcess(command, status, Path("answer").read_bytes())


def checking(name: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        import h5py  # noqa: F401  # loaded before any fork

        with patch("rnncli.system.processes.subprocess.run", forked):
            check_model(name, data)

    return check
