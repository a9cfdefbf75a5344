"""The golden files, and rnncli's answers in the same form. It needs no framework.

`make golden` regenerates the files with `tests/golden/make.py`:

- `networks.json`: descriptions of networks by real Keras, and by real PyTorch if it can express them.
- `saved_tensors.json`: the bytes that the frameworks save for backpropagation, from `tests/golden/saved_tensors.py`.
- `values.json` and `values.npz`: small networks with their weights, an input and Keras's output.
  The first lists each network's arrays and their shapes; the second holds the numbers of all arrays
  concatenated, one array per dtype.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from rnncli import Network
from rnncli.language.rules import least_steps
from rnncli.layers import Layer
from rnncli.network_summary import Summary

HERE = Path(__file__).parent
NETWORKS = HERE / "networks.json"
WEIGHT_LAYOUTS = HERE / "weight_layouts.json"
STARTS = HERE / "starts.json"
REACHES = HERE / "reaches.json"
VALUES_INDEX = HERE / "values.json"
VALUES = HERE / "values.npz"

SAVED = HERE / "saved_tensors.json"

KEPT_BY = ("torch", "torch_onednn", "keras")
"""The measured implementations in `saved_tensors.json`: PyTorch's own loop, oneDNN, and Keras on PyTorch.

The further entry `adam` has the bytes of all parameters with their gradients and PyTorch's Adam state.
"""

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
"""The largest `difference` between rnncli's values and Keras's."""

TORCH_BATCH, TORCH_TIMESTEPS = 2, 3
"""The input on which PyTorch's modules ran; an `input:TxF` fixes its timesteps, and a layer may need more."""


def enough_timesteps(layers: Sequence[Layer], timesteps: int) -> int:
    """Return the timesteps that the input fixes; otherwise `timesteps`, or as many as the layers need."""
    return layers[0].fixed_timesteps or max(timesteps, least_steps(layers))


@dataclass(frozen=True)
class Values:
    """A network with weights, an input and Keras's output for it."""

    spec: str
    dtype: str
    x: np.ndarray
    weights: dict[str, np.ndarray]
    y: np.ndarray


def describe(summary: Summary) -> dict[str, Any]:
    """Return a summary's content in the form of `frameworks.describe_keras` or `describe_torch`."""
    keras = summary.framework == "keras"
    layers = []
    for layer in summary.layers:
        described: dict[str, Any] = {"name": layer.name} if keras else {}
        described["type"] = layer.type
        if keras:
            described["cell"] = layer.cell
        described |= {
            "output_shape": list(layer.output_shape),
            "params": layer.params,
            "weights": [[weight.name, list(weight.shape)] for weight in layer.weights],
        }
        if not keras:
            described["macs"] = layer.macs
        layers.append(described)
    return {
        "input_shape": list(summary.input_shape),
        "layers": layers,
        "output_shape": list(summary.output_shape),
        "total_params": summary.total_params,
    }


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference between two arrays, relative to max(1, |theirs|). NaN equals only NaN."""
    assert ours.shape == theirs.shape, f"shape {ours.shape} where Keras has {theirs.shape}"
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    apart = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    apart[np.isnan(ours) & np.isnan(theirs)] = 0.0
    return float(np.max(apart, initial=0.0))


def in_known_order(wanted: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return specs in a file's order, followed by the new ones.

    A new kind therefore only adds to the files; existing entries do not change.
    """
    first, all_wanted = dict.fromkeys(known), dict.fromkeys(wanted)
    return [*(spec for spec in first if spec in all_wanted), *(spec for spec in all_wanted if spec not in first)]


def read_networks() -> list[dict[str, Any]]:
    """Return `{"spec", "keras", "torch"}` for each network; a framework that refuses it has None."""
    return json.loads(NETWORKS.read_text())["networks"]


def read_versions() -> dict[str, Any]:
    """Return the versions of the frameworks that produced `networks.json` and the values."""
    return json.loads(NETWORKS.read_text())["versions"]


def read_values() -> list[Values]:
    """Return the networks of the values files."""
    index = json.loads(VALUES_INDEX.read_text())["values"]
    with np.load(VALUES) as numbers:
        streams = {dtype: _Stream(numbers[dtype]) for dtype in numbers}
    return [
        Values(
            spec=entry["spec"],
            dtype=entry["dtype"],
            x=streams[entry["dtype"]].take(entry["x"], ids=len(entry["x"]) == 2),
            weights={key: streams[entry["dtype"]].take(shape) for key, shape in entry["weights"].items()},
            y=streams[entry["dtype"]].take(entry["y"]),
        )
        for entry in index
    ]


def write_values(versions: dict[str, Any], values: list[Values]) -> None:
    """Write `values.json` and `values.npz`."""
    streams = {
        dtype: np.concatenate(
            [
                array.astype(dtype).ravel()
                for each in values
                if each.dtype == dtype
                for array in (each.x, *each.weights.values(), each.y)
            ]
        )
        for dtype in TOLERANCE
    }
    np.savez_compressed(VALUES, **streams)
    index = (
        {
            "spec": each.spec,
            "dtype": each.dtype,
            "x": each.x.shape,
            "weights": {key: array.shape for key, array in each.weights.items()},
            "y": each.y.shape,
        }
        for each in values
    )
    write_lines(VALUES_INDEX, versions, index, "values")


def read_saved() -> list[dict[str, Any]]:
    """Return the entries of `saved_tensors.json`: each network's input, and the bytes saved by each of `KEPT_BY`."""
    return json.loads(SAVED.read_text())["networks"]


def kept_bytes(entry: dict[str, Any]) -> int:
    """Return a summary's lower bound of the bytes that training saves, without the bytes per parameter."""
    summary = Network.parse(entry["spec"]).summary(entry["batch"], entry["timesteps"])
    assert summary.training_bytes is not None
    return summary.training_bytes - summary.total_bytes - 3 * 4 * summary.trainable_params


class _Stream:
    """Reads the numbers of one dtype in the order in which they were written."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers
        self.position = 0

    def take(self, shape: list[int], ids: bool = False) -> np.ndarray:
        start, self.position = self.position, self.position + prod(shape)
        array = self.numbers[start : self.position].reshape(shape)
        return array.astype("int32") if ids else array


def write_lines(path: Path, versions: dict[str, Any], entries: Iterable[Any], name: str = "networks") -> None:
    """Write a file of entries, one per line, with the versions of the frameworks that they come from."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    path.write_text(f'{{"versions": {json.dumps(versions)},\n"{name}": [\n{lines}\n]}}\n', encoding="utf-8")
