"""The golden files, and rnncli's answers in the same form. It needs no framework.

`make golden` makes the files again, with `tests/golden/make.py`:

- `networks.json`: what real Keras says of a network, and real PyTorch where it can express it.
- `saved_tensors.json`: the bytes that the frameworks really keep for the way back, by `tests/golden/saved_tensors.py`.
- `values.json` and `values.npz`: small networks with their weights, an input and Keras's output.
  The first names each network's arrays and their shapes; the second holds their numbers, end to
  end, for each dtype.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from rnncli import Network
from rnncli.language.rules import least_steps
from rnncli.layers import Layer
from rnncli.summary import Summary

HERE = Path(__file__).parent
NETWORKS = HERE / "networks.json"
WEIGHT_LAYOUTS = HERE / "weight_layouts.json"
STARTS = HERE / "starts.json"
REACHES = HERE / "reaches.json"
VALUES_INDEX = HERE / "values.json"
VALUES = HERE / "values.npz"

SAVED = HERE / "saved_tensors.json"

KEPT_BY = ("torch", "torch_onednn", "keras")
"""Who keeps what, in `saved_tensors.json`: PyTorch's own loop, oneDNN's, and Keras's on PyTorch.

What PyTorch's Adam holds for all parameters, themselves included, stands there as `adam`.
"""

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
"""The largest `difference` between rnncli's values and Keras's."""

TORCH_BATCH, TORCH_TIMESTEPS = 2, 3
"""The input that PyTorch's modules were run on; an `input:TxF` has timesteps of its own, and a layer may need more."""


def enough_timesteps(layers: Sequence[Layer], timesteps: int) -> int:
    """Return the timesteps that an input of layers has, or so many, or as many as they need."""
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
    """Return what a summary says in the form of `frameworks.describe_keras` or `describe_torch`."""
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
    """Return the largest difference between two arrays, relative to max(1, |theirs|). NaN equals NaN alone."""
    assert ours.shape == theirs.shape, f"shape {ours.shape} where Keras has {theirs.shape}"
    ours, theirs = ours.astype("float64"), theirs.astype("float64")
    apart = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
    apart[np.isnan(ours) & np.isnan(theirs)] = 0.0
    return float(np.max(apart, initial=0.0))


def in_known_order(wanted: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return specs in the order in which a file has them, and behind those the specs that are new.

    So a kind that is added adds to the files, and what stands there stays as it is.
    """
    first, all_wanted = dict.fromkeys(known), dict.fromkeys(wanted)
    return [*(spec for spec in first if spec in all_wanted), *(spec for spec in all_wanted if spec not in first)]


def read_networks() -> list[dict[str, Any]]:
    """Return `{"spec", "keras", "torch"}` for each; what a framework says is None where it refuses the network."""
    return json.loads(NETWORKS.read_text())["networks"]


def read_versions() -> dict[str, Any]:
    """Return the versions of the frameworks that `networks.json` and the values were made with."""
    return json.loads(NETWORKS.read_text())["versions"]


def write_networks(versions: dict[str, Any], networks: Iterable[dict[str, Any]]) -> None:
    """Write `networks.json`, a network a line."""
    _write_lines(NETWORKS, versions, "networks", networks)


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
    _write_lines(VALUES_INDEX, versions, "values", index)


def read_saved() -> list[dict[str, Any]]:
    """Return what `saved_tensors.json` holds of each network: its input, and the bytes kept by each of `KEPT_BY`."""
    return json.loads(SAVED.read_text())["networks"]


def write_saved(versions: dict[str, str], networks: Iterable[dict[str, Any]]) -> None:
    """Write `saved_tensors.json`, a network a line."""
    _write_lines(SAVED, versions, "networks", networks)


def kept_bytes(entry: dict[str, Any]) -> int:
    """Return what a summary says that training keeps at least beside what it holds for each parameter."""
    summary = Network.parse(entry["spec"]).summary(entry["batch"], entry["timesteps"])
    assert summary.training_bytes is not None
    return summary.training_bytes - summary.total_bytes - 3 * 4 * summary.trainable_params


class _Stream:
    """Hands out the numbers of one dtype in the order they were written."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers
        self.position = 0

    def take(self, shape: list[int], ids: bool = False) -> np.ndarray:
        start, self.position = self.position, self.position + prod(shape)
        array = self.numbers[start : self.position].reshape(shape)
        return array.astype("int32") if ids else array


def _write_lines(path: Path, versions: dict[str, Any], name: str, entries: Iterable[Any]) -> None:
    lines = ",\n".join(_lines(entries))
    path.write_text(f'{{"versions": {json.dumps(versions)},\n"{name}": [\n{lines}\n]}}\n')


def _lines(entries: Iterable[Any]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(entry, separators=(",", ":"))
