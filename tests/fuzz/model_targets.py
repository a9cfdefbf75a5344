"""Model files: whatever their content, they are rejected in one line, or the report of them is true."""

from __future__ import annotations

import random
import re
import shutil
import struct
import zipfile
from functools import partial
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
from target import Target, check_model

GOLDEN = Path(__file__).parents[1] / "golden" / "models"


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


def check_onnx(data: bytes) -> None:
    if not Path("external.bin").exists():
        shutil.copy(GOLDEN / "onnx" / "external.bin", ".")
    check_model("model.onnx", data)


MODEL_TARGETS = {
    "npz-model": Target(make_npz, partial(check_model, "model.npz")),
    "safetensors": Target(make_safetensors, partial(check_model, "model.safetensors")),
    "torch": Target(make_torch, partial(check_model, "model.pt")),
    "onnx": Target(make_onnx, check_onnx),
    "source": Target(make_source, partial(check_model, "model.py")),
}
