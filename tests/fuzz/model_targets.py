"""Model files: whatever their content, they are rejected in one line, or the report of them is true."""

from __future__ import annotations

import json
import random
import re
import resource
import shutil
import struct
import time
import zipfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from mutations import damaged_bytes
from structures import (
    archive_of,
    damaged_json,
    damaged_members,
    damaged_message,
    damaged_pickle,
    members_of,
    with_length,
)
from target import Target, assert_harmless

from rnncli import Network, RnncliError
from rnncli.engine.checks import weight_shapes
from rnncli.formats import open_model
from rnncli.formats.conventions import each_weight

GOLDEN = Path(__file__).parents[1] / "golden" / "models"

LONGEST = 1.0
"""The processor time limit of a file, in seconds; all files here are small."""

ROOM = 200 << 20
"""The memory limit for all files, one after another, in bytes."""


def seeds(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for pattern in patterns for path in sorted(GOLDEN.glob(pattern))]


NPZ = seeds("*.npz")[:5]
SAFETENSORS = seeds("*.safetensors")
TORCH = [*seeds("*.pt", "*.ckpt", "*.pth"), *(data for _, data in members_of((GOLDEN / "torch.zip").read_bytes()))]
ONNX = seeds("onnx/*.onnx")
SOURCES = [*map(bytes.decode, seeds("python/*.py")), *(GOLDEN.parent / "sources.txt").read_text().split("#### ")[1:]]
WORDS = [word for source in SOURCES for word in re.findall(r"\w+|[^\w\s]+", source)]


def make_npz(generator: random.Random) -> bytes:
    if generator.randrange(3) == 0:
        return damaged_bytes(generator, NPZ)
    method = generator.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    return archive_of(damaged_members(generator, members_of(generator.choice(NPZ))), method)


def make_safetensors(generator: random.Random) -> bytes:
    if generator.randrange(3) == 0:
        return damaged_bytes(generator, SAFETENSORS)
    data = generator.choice(SAFETENSORS)
    end = 8 + struct.unpack("<Q", data[:8])[0]
    return with_length(damaged_json(generator, data[8:end].decode())) + data[end:]


def make_torch(generator: random.Random) -> bytes:
    data = generator.choice(TORCH)
    if generator.randrange(4) == 0:
        return damaged_bytes(generator, TORCH)
    if not data.startswith(b"PK"):
        return damaged_pickle(generator, data)
    members = members_of(data)
    if generator.randrange(4) == 0:
        return archive_of(damaged_members(generator, members))
    return archive_of(
        [(name, damaged_pickle(generator, data) if name.endswith("data.pkl") else data) for name, data in members],
        generator.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
    )


def make_onnx(generator: random.Random) -> bytes:
    return damaged_bytes(generator, ONNX) if generator.randrange(3) == 0 else damaged_message(generator, ONNX)


def make_source(generator: random.Random) -> bytes:
    """A source with its lines and words mixed with those of others; most of it is still Python."""
    lines = generator.choice(SOURCES).splitlines()
    for _ in range(generator.choice((1, 2, 4, 10, 30))):
        at = generator.randrange(len(lines))
        match generator.randrange(4):
            case 0:
                del lines[at : at + generator.choice((1, 1, 3))]
            case 1:
                other = generator.choice(SOURCES).splitlines()
                start = generator.randrange(len(other))
                lines[at:at] = other[start : start + generator.choice((1, 2, 10))]
            case _:
                words = re.split(r"(\w+)", lines[at])
                words[generator.randrange(len(words))] = generator.choice(WORDS)
                lines[at] = "".join(words)
        lines = lines or [""]
    return "\n".join(lines).encode()


def check_model(name: str, data: bytes) -> None:
    """A file is read as a network that its spec reproduces, with arrays of the reported shapes, or it is rejected."""
    if not Path("external.bin").exists():
        shutil.copy(GOLDEN / "onnx" / "external.bin", ".")
        check_model.most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + ROOM  # type: ignore[attr-defined]  # once a process
    Path(name).write_bytes(data)
    began = time.process_time()
    try:
        _check_opened(name)
    except RnncliError as error:
        assert_harmless(str(error), most=1500)
    taken = time.process_time() - began
    assert taken < LONGEST, f"it took {taken:.1f} s"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < check_model.most  # type: ignore[attr-defined]  # as above


def _check_opened(name: str) -> None:
    model = open_model(name)
    found = json.loads(json.dumps(model.as_dict()))
    assert found["total_params"] == model.params
    for note in (*model.notes, model.writer, *(each for part in model.parts for each in part.assumed)):
        assert len(note) < 30_000
    for part in islice(model.parts, 20):
        if len(str(part.network)) < 60_000:
            assert Network.parse(str(part.network)) == part.network
        part.network.summary()
        if not part.has_weights or part.params > 10**6:
            continue
        try:
            weights = dict(each_weight(part))
        except RnncliError as error:
            assert_harmless(str(error), most=1500)
        else:
            assert {key: array.shape for key, array in weights.items()} == weight_shapes(part.network)
    for tensor in islice(model.tensors, 200):
        if tensor.params > 10**6:
            continue
        try:
            array = tensor.read()
        except RnncliError as error:
            assert_harmless(str(error), most=1500)
        else:
            assert array.shape == tensor.shape
            wide = "float32" if tensor.dtype.startswith(("bfloat", "float8")) else tensor.dtype
            assert array.dtype.name == wide, (tensor.name, tensor.dtype, array.dtype)


def target(name: str, make: Callable[[random.Random], bytes]) -> Target:
    return Target(make, partial(check_model, name))


MODEL_TARGETS = {
    "npz-model": target("model.npz", make_npz),
    "safetensors": target("model.safetensors", make_safetensors),
    "torch": target("model.pt", make_torch),
    "onnx": target("model.onnx", make_onnx),
    "source": target("model.py", make_source),
}
