"""The weights of one layer in Keras, PyTorch and ONNX, and the conversions between them.

u units, n features, G blocks of u (1 in an rnn, 4 in an lstm, 3 in a gru):

    Keras      kernel (n, G·u)         recurrent_kernel (u, G·u)   bias (G·u,); a gru with reset=after (2, 3·u)
    PyTorch    weight_ih (G·u, n)      weight_hh (G·u, u)          bias_ih and bias_hh (G·u,) each
    ONNX       W (D, G·u, n)           R (D, G·u, u)               B (D, 2·G·u): the input's, then the state's

Keras orders the blocks of an lstm i f c o and of a gru z r h; PyTorch i f g o (the same) and r z n; ONNX i o f c and
z r h. PyTorch and ONNX always have two biases. In an rnn, an lstm and a gru with reset=before they are added into one;
in a gru with reset=after they cannot be, because b_hn is inside r ∘ (…).

In an lstm whose h is projected to p numbers, the axis of the recurrent kernel that reads h has p elements instead of
u, and it has one more array: PyTorch's weight_hr (p, u), here projection_kernel (u, p).

Keras 2 had CuDNNLSTM and CuDNNGRU. Their files have Keras's shapes and order of blocks, but cuDNN's numbers: each block
of a kernel is transposed, and the bias is the input's followed by the state's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rnncli.errors import RnncliError, shorten
from rnncli.formats.nodes import Part
from rnncli.formats.tensors import WIDTHS, Convention, Tensor
from rnncli.layers import Layer

if TYPE_CHECKING:
    from rnncli.formats.tensors import Numbers

KERAS_BLOCKS: Mapping[Convention, Mapping[str, tuple[int, ...]]] = {
    "torch": {"rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)},
    "onnx": {"rnn": (0,), "lstm": (0, 2, 3, 1), "gru": (0, 1, 2)},
}
"""The index of each of Keras's blocks among a convention's blocks, by kind of layer."""


def each_weight(part: Part) -> Iterator[tuple[str, Numbers]]:
    """Yield the weights of a part by the keys of its network (`lstm/kernel`), with Keras's shapes and order of gates.

    Only one layer is in memory at a time.

    Raises:
        RnncliError: an array cannot be read, or the part computes something that specs cannot express.
    """
    part.check_runs()
    for name, node in zip(part.network.names, part.nodes, strict=True):
        arrays = {key: _numbers(part.path, tensor) for key, tensor in node.tensors.items() if key != BATCHES}
        for key, array in keras_weights(node.layer, node.convention, arrays).items():
            yield f"{name}/{key}", array


def keras_weights(layer: Layer, convention: Convention, arrays: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return the weights of one layer by Keras's names and with its layout.

    `arrays` has the names and the layout of a convention: `weight_ih`, `weight_ih_reverse`, `W`.
    """
    if convention == "keras":
        return {**arrays}
    if convention == "cudnn":
        return {key: _of_cudnn(layer, key, array) for key, array in arrays.items()}
    if not layer.states:
        named = {KERAS_NAMES[layer.kind][key]: array for key, array in arrays.items()}
        # PyTorch's Linear stores its matrix as (outputs, inputs), and its Conv1d as (outputs, inputs, width).
        return {key: array.T if key == "kernel" else array for key, array in named.items()}
    weights: dict[str, Numbers] = {}
    for number, (direction, suffix) in enumerate(zip(layer.directions, ("", "_reverse"), strict=False)):
        if convention == "torch":
            own = {key: array for key, array in arrays.items() if key.endswith("_reverse") == bool(suffix)}
            cell = {key.removesuffix(suffix): array for key, array in own.items()}
        else:
            cell = {"weight_ih": arrays["W"][number], "weight_hh": arrays["R"][number]}
            if "B" in arrays:
                cell |= zip(("bias_ih", "bias_hh"), arrays["B"][number].reshape(2, -1), strict=True)
        weights |= {direction + key: array for key, array in _cell(layer, convention, cell).items()}
    return weights


BATCHES = "num_batches_tracked"
"""PyTorch stores this count with the arrays of a normalization; it is not a weight."""

KERAS_NAMES: Mapping[str, Mapping[str, str]] = {
    "embed": {"weight": "embeddings"},
    "conv": {"weight": "kernel", "bias": "bias"},
    "dense": {"weight": "kernel", "bias": "bias"},
    "bnorm": {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"},
    "norm": {"weight": "gamma", "bias": "beta"},
}
"""Keras's names for the arrays of PyTorch's stateless layers, in Keras's order."""

KERAS_CELL = ("kernel", "recurrent_kernel", "bias", "projection_kernel")
"""Keras's names for the arrays of a cell."""

_KERNELS = {"weight_ih": "kernel", "weight_hh": "recurrent_kernel"}
"""Keras's names for PyTorch's matrices of a cell, which are transposed."""

KERAS_ROLES = frozenset(KERAS_CELL).union(*(names.values() for names in KERAS_NAMES.values()))
"""All of Keras's names for arrays."""


def _numbers(path: str, tensor: Tensor) -> Numbers:
    if tensor.dtype in WIDTHS and not tensor.dtype.startswith(("float", "bfloat")):
        said = f"array {shorten(tensor.name)} is of {tensor.dtype}, as quantised weights are: their scale is not known"
        raise RnncliError(f"{path}: {said}", "save the weights as they were before, in float32")
    return tensor.read()


def _of_cudnn(layer: Layer, key: str, array: Numbers) -> Numbers:
    """Return an array of Keras's old CuDNNLSTM or CuDNNGRU in the shape that LSTM and GRU have."""
    import numpy as np

    if key.endswith("bias"):
        both = array.reshape(2, -1)
        return both if getattr(layer, "reset_after", False) else both[0] + both[1]
    # A block has its numbers in cuDNN's order, (u, n), although the array's shape is (n, u).
    blocks = [block.reshape(block.shape[::-1]).T for block in np.split(array, layer.gates, axis=1)]
    return np.concatenate(blocks, axis=1)


def _cell(layer: Layer, convention: Convention, arrays: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return Keras's weights of one cell from arrays with PyTorch's names and a convention's order of blocks."""
    import numpy as np

    order = KERAS_BLOCKS[convention][layer.kind]
    weights = {keras: np.ascontiguousarray(_blocks(arrays[torch], order).T) for torch, keras in _KERNELS.items()}
    if "bias_ih" in arrays:
        both = [_blocks(arrays["bias_ih"], order), _blocks(arrays["bias_hh"], order)]
        stacked = getattr(layer, "reset_after", False)
        with np.errstate(all="ignore"):  # finiteness is checked where the numbers are used
            weights["bias"] = np.stack(both) if stacked else both[0] + both[1]
    if "weight_hr" in arrays:
        weights["projection_kernel"] = np.ascontiguousarray(arrays["weight_hr"].T)
    return weights


def _blocks(array: Numbers, order: Sequence[int]) -> Numbers:
    """Return an array with its blocks reordered, contiguous in memory row by row."""
    import numpy as np

    parts = np.split(array, len(order))
    return np.ascontiguousarray(np.concatenate([parts[place] for place in order]))


def torch_weights(layer: Layer, weights: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return the weights of one layer by PyTorch's names and with its layout, from Keras's.

    They are in the order of a state dict: `weight`, `weight_hh_l0_reverse`. Each is contiguous row by row.
    """
    import numpy as np

    if not layer.states:
        names = {keras: torch for torch, keras in KERAS_NAMES[layer.kind].items()} if weights else {}
        turned = {key: array.T if key == "kernel" else array for key, array in weights.items()}
        return {names[key]: np.ascontiguousarray(array) for key, array in turned.items()}
    cells = zip(_cells("torch", layer, weights), ("", "_reverse"), strict=False)
    return {f"{name}_l0{suffix}": array for cell, suffix in cells for name, array in cell.items()}


def onnx_weights(layer: Layer, weights: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return W, R and, if the layer has a bias, B of an ONNX node from Keras's weights of a recurrent layer."""
    import numpy as np

    cells = [*_cells("onnx", layer, weights)]
    arrays = {role: np.stack([cell[name] for cell in cells]) for role, name in (("W", "weight_ih"), ("R", "weight_hh"))}
    if "bias_ih" in cells[0]:
        arrays["B"] = np.stack([np.concatenate([cell["bias_ih"], cell["bias_hh"]]) for cell in cells])
    return arrays


def _cells(convention: Convention, layer: Layer, weights: Mapping[str, Numbers]) -> Iterator[dict[str, Numbers]]:
    """Yield the weights of each direction by PyTorch's names, from Keras's, in a convention's order of blocks."""
    import numpy as np

    places = KERAS_BLOCKS[convention][layer.kind]
    order = [places.index(place) for place in range(len(places))]
    for direction in layer.directions:
        given = {key.removeprefix(direction): array for key, array in weights.items() if key.startswith(direction)}
        cell = {torch: _blocks(given[keras].T, order) for torch, keras in _KERNELS.items()}
        if "bias" in given:
            bias = given["bias"]
            of_input, of_state = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
            cell |= {"bias_ih": _blocks(of_input, order), "bias_hh": _blocks(of_state, order)}
        if "projection_kernel" in given:
            cell["weight_hr"] = np.ascontiguousarray(given["projection_kernel"].T)
        yield cell
