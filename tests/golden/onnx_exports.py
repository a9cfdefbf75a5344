"""Make the ONNX exports that the ordinary tests compare with, and record ONNX Runtime's outputs for them.

    python tests/golden/onnx_exports.py

It needs onnx and onnxruntime; the tests' imports from here need neither. Each file passes ONNX's full check.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import rnncli
from rnncli import Network
from rnncli.engine.checks import weight_shapes
from rnncli.export import Job, export

FOLDER = Path(__file__).resolve().parent / "models" / "onnx_exports"

VERSION = "golden"
"""The version written into the files, so that a new version does not change them."""

SIZES = ((1, 1), (2, 5))
"""The batches and timesteps that each file runs on."""

CASES = {
    "lstm": "input:3,lstm:4",
    "lstm-bi": "input:3,lstm:4:seq:bi:nobias,lstm:3:seq:back,lstm:2:bi=ave",
    "lstm-activations": "input:7x3,lstm:4:softsign:recact=hard_sigmoid,repeat:1,lstm:3:bi=mul:elu:recact=linear",
    "gru": "embed:6x3,gru:4:seq:back,gru:3:bi=sum:reset=before,dense:2:softmax",
    "gru-activations": "input:3,gru:4:seq:bi:relu:recact=hard_sigmoid:nobias,gru:2:back:linear:reset=before",
    "rnn": "input:2,rnn:3:seq,norm:noscale,dropout:0.5,rnn:2:seq:bi=mul:hard_sigmoid,pool:max,repeat:3",
    "masked": "embed:3x3:mask,lstm:4:seq:bi:proj=2,gru:3:seq:back,dense:3:relu,rnn:2:seq,norm,pool:avg",
    "masked-vectors": "input:2:mask,dense:3,lstm:3:seq:bi,pool:avg",
    "masked-last": "embed:3x2:mask,norm:nobias:eps=1e-5,gru:3:seq:reset=before:bi=sum,lstm:2:back",
    "composed": "input:3,lstm:3:seq:softplus:recact=selu,gru:3:seq:back:softmax:recact=silu,rnn:3:seq:bi:silu",
    "composed-last": "input:3,gru:3:reset=before:gelu:nobias,repeat:2,lstm:3:bi=ave:recact=softmax,dense:2:gelu",
    "dense": "input:2,dense:2:silu,dense:2:selu,dense:2:elu,dense:2:softplus,dense:2:softsign,dense:2:hard_sigmoid",
    "nothing": "input:2x3",
}
"""The spec of each file."""


def weights_of(network: Network) -> dict[str, np.ndarray]:
    """Return weights without random numbers, which float32 represents exactly."""
    return {
        key: _numbers(shape, 37, 11 * number) * np.float32(0.5 if "kernel" in key else 1)
        for number, (key, shape) in enumerate(weight_shapes(network).items())
    }


def inputs_of(network: Network) -> Iterator[np.ndarray]:
    """Yield inputs of some sizes."""
    for batch, timesteps in SIZES:
        shape = [size or 1 for size in network.input_shape(batch, network.head.fixed_timesteps or timesteps)]
        ids = network.head.vocabulary
        x = _numbers(shape, 29, 7) if ids is None else (np.arange(batch * timesteps) * 2 % ids).reshape(shape)
        if ids is None and network.head.mask_zero:
            x[:, 1::2] = 0
        yield x


def _numbers(shape: tuple[int, ...] | list[int], step: int, start: int) -> np.ndarray:
    return ((np.arange(np.prod(shape)) * step + start) % 129 / 64 - 1).reshape(shape).astype("float32")


def exported(spec: str) -> bytes:
    """Return a network's export."""
    network = Network.parse(spec)
    content = export(Job(network, lambda: weights_of(network)), "onnx")
    assert isinstance(content, bytes)
    return content


def main() -> None:
    """Write all files."""
    import onnx
    import onnxruntime

    rnncli.__version__ = VERSION
    FOLDER.mkdir(parents=True, exist_ok=True)
    values = {}
    for name, spec in CASES.items():
        content = exported(spec)
        onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
        session = onnxruntime.InferenceSession(content)
        for number, x in enumerate(inputs_of(Network.parse(spec))):
            (values[f"{name}/{number}"],) = session.run(["output"], {"input": x})
        (FOLDER / f"{name}.onnx").write_bytes(content)
        print(f"{name:16} {len(content):6} bytes  {spec}")
    np.savez_compressed(FOLDER / "values.npz", **values)


if __name__ == "__main__":
    sys.exit(main())
