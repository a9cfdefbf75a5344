"""Run an ONNX model by ONNX's specification: slowly, in float64, with NumPy only, an operator in a line or two.

It supports the operators that rnncli writes, as described at https://onnx.ai/onnx/operators;
`tests/golden/onnx_exports.py` shows that ONNX Runtime computes the same values.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnncli.engine.activations import Array
from rnncli.formats.onnx.messages import FIXED32, VARINT, Span, fields, signed

DTYPES = {1: "<f4", 7: "<i8"}
"""NumPy's names for the number types in files."""

Values = dict[str, Array]


@dataclass
class Node:
    """A node of a graph."""

    operation: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass
class Graph:
    """A graph: its nodes and arrays, and the shapes of its inputs and outputs."""

    nodes: list[Node] = field(default_factory=list)
    arrays: Values = field(default_factory=dict)
    inputs: dict[str, list[int | str]] = field(default_factory=dict)
    outputs: dict[str, list[int | str]] = field(default_factory=dict)


@dataclass
class Model:
    """A model, including its texts."""

    graph: Graph
    ir_version: int
    opset: int
    producer: str
    doc: str

    def run(self, x: Array) -> Array:
        """Return the output for an input."""
        (name,) = self.graph.inputs
        with np.errstate(all="ignore"):  # the mean of only padding is 0/0
            (y,) = run(self.graph, {name: x if x.dtype.kind == "i" else x.astype("float64")})
        return y


def load(content: bytes) -> Model:
    """Return a model from the bytes of its file."""
    model = message(content)
    opset = message(model[8][0])[2][0]
    return Model(_graph(model[7][0]), model[1][0], opset, model[2][0].decode(), model[6][0].decode())


def message(content: bytes) -> dict[int, list[Any]]:
    """Return the values of a protobuf message by field number."""
    found: dict[int, list[Any]] = {}
    for each in fields(content, Span(0, len(content))):
        data = content[each.span.start : each.span.end]
        value: Any = signed(each.value) if each.wire == VARINT else data
        found.setdefault(each.number, []).append(struct.unpack("<f", data)[0] if each.wire == FIXED32 else value)
    return found


def _graph(content: bytes) -> Graph:
    graph = message(content)
    arrays = dict(map(_array, graph.get(5, ())))
    ends = (dict(map(_value, graph.get(number, ()))) for number in (11, 12))
    return Graph([_node(each) for each in graph[1]], arrays, *ends)


def _array(content: bytes) -> tuple[str, Array]:
    array = message(content)
    numbers = np.frombuffer(array[9][0], DTYPES[array[2][0]]).reshape(array.get(1, ()))
    return array[8][0].decode(), numbers.astype("float64") if numbers.dtype.kind == "f" else numbers


def _value(content: bytes) -> tuple[str, list[int | str]]:
    value = message(content)
    dims = [message(dim) for dim in message(message(message(value[2][0])[1][0])[2][0]).get(1, ())]
    return value[1][0].decode(), [dim[1][0] if 1 in dim else dim[2][0].decode() for dim in dims]


def _node(content: bytes) -> Node:
    node = message(content)
    inputs, outputs = ([name.decode() for name in node.get(number, ())] for number in (1, 2))
    return Node(node[4][0].decode(), node[3][0].decode(), inputs, outputs, dict(map(_attributes, node.get(5, ()))))


def _attributes(content: bytes) -> tuple[str, Any]:
    attributes = message(content)
    readers: dict[int, Callable[[], Any]] = {
        1: lambda: attributes[2][0],
        2: lambda: attributes[3][0],
        3: lambda: attributes[4][0].decode(),
        4: lambda: _array(attributes[5][0])[1],
        5: lambda: _graph(attributes[6][0]),
        6: lambda: attributes[7],
        7: lambda: attributes[8],
        8: lambda: [text.decode() for text in attributes[9]],
    }
    return attributes[1][0].decode(), readers[attributes[20][0]]()


def run(graph: Graph, known: Mapping[str, Array]) -> list[Array]:
    """Return a graph's outputs, given its inputs and the values of the enclosing graph."""
    values = {**known, **graph.arrays}
    for node in graph.nodes:
        inputs = [values[name] if name else None for name in node.inputs]
        if node.operation == "Scan":
            made = _scan(values, node.attributes, inputs)
        else:
            made = OPERATORS[node.operation](node.attributes, *inputs)
        made = made if isinstance(made, list) else [made]
        assert len(node.outputs) <= len(made)
        for name, value in zip(node.outputs, made, strict=False):
            assert name not in values, f"{name} is computed twice"
            if name:
                values[name] = np.asarray(value)
    return [values[name] for name in graph.outputs]


def _scan(values: Values, attributes: Mapping[str, Any], inputs: Sequence[Any]) -> list[Array]:
    body, count = attributes["body"], attributes["num_scan_inputs"]
    states, scanned = inputs[:-count], inputs[-count:]
    scanned = [x[::-1] if back else x for x, back in zip(scanned, attributes["scan_input_directions"], strict=True)]
    collected: list[list[Array]] = [[] for _ in range(len(body.outputs) - len(states))]
    for step in zip(*scanned, strict=True):
        made = run(body, {**values, **dict(zip(body.inputs, [*states, *step], strict=True))})
        states = made[: len(states)]
        for kept, value in zip(collected, made[len(states) :], strict=True):
            kept.append(value)
    backwards = attributes.get("scan_output_directions", [0] * len(collected))
    return [*states, *(np.array(kept[::-1] if back else kept) for kept, back in zip(collected, backwards, strict=True))]


def _erf(x: Array) -> Array:
    return np.array([math.erf(v) for v in x.ravel()]).reshape(x.shape)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(x / 2))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


def _softmax(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _norm(attributes: Mapping[str, Any], x: Array, scale: Array, bias: Array | None = None) -> Array:
    mean = x.mean(attributes["axis"], keepdims=True)
    variance = np.square(x - mean).mean(attributes["axis"], keepdims=True)
    y = (x - mean) / np.sqrt(variance + attributes["epsilon"]) * scale
    return y if bias is None else y + bias


def _windows(attributes: Mapping[str, Any], x: Array, fill: float) -> Array:
    """Cut (batch, features, timesteps) into windows: (batch, features, windows, width)."""
    (width,), (stride,) = attributes["kernel_shape"], attributes["strides"]
    (dilation,) = attributes.get("dilations", [1])
    span = (width - 1) * dilation + 1
    pads = attributes.get("pads")
    if attributes.get("auto_pad") == "SAME_UPPER":
        missing = max(0, (-(-x.shape[2] // stride) - 1) * stride + span - x.shape[2])
        pads = [missing // 2, missing - missing // 2]
    x = np.pad(x, [(0, 0), (0, 0), tuple(pads)], constant_values=fill)
    return np.stack([x[:, :, t : t + span : dilation] for t in range(0, x.shape[2] - span + 1, stride)], axis=2)


def _conv(attributes: Mapping[str, Any], x: Array, kernel: Array, bias: Array | None = None) -> Array:
    y = np.einsum("bctk,fck->bft", _windows(attributes, x, 0), kernel)
    return y if bias is None else y + bias[:, None]


def _max_pool(attributes: Mapping[str, Any], x: Array) -> Array:
    return _windows(attributes, x, -np.inf).max(axis=3)


def _average_pool(attributes: Mapping[str, Any], x: Array) -> Array:
    """Average pooling without the padding: count_include_pad is not set."""
    assert "count_include_pad" not in attributes
    return np.nanmean(_windows(attributes, x, np.nan), axis=3)


def _batch_norm(attributes: Mapping[str, Any], x: Array, *of_features: Array) -> Array:
    scale, bias, mean, variance = (each.reshape(-1, *[1] * (x.ndim - 2)) for each in of_features)
    return (x - mean) / np.sqrt(variance + attributes["epsilon"]) * scale + bias


def _slice(attributes: Mapping[str, Any], x: Array, starts: Array, ends: Array, axes: Array, steps: Array) -> Array:
    place = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # An end before the first element means that the slice goes back to the start.
        place[axis] = slice(start, None if end < -x.shape[axis] else end, step)
    return x[tuple(place)]


def _reshape(attributes: Mapping[str, Any], x: Array, shape: Array) -> Array:
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def _reduce(method: str) -> Callable[..., Array]:
    return lambda attributes, x, axes: getattr(x, method)(tuple(axes), keepdims=bool(attributes["keepdims"]))


# Recurrent operators: each does a step in one direction, given the activations, x·W^T, h·R^T and the biases.

ACTIVATIONS: Mapping[str, tuple[int, Callable[..., Array]]] = {
    "Affine": (2, lambda x, alpha=1.0, beta=0.0: alpha * x + beta),
    "Relu": (0, lambda x: np.maximum(x, 0)),
    "Tanh": (0, np.tanh),
    "Sigmoid": (0, _sigmoid),
    "HardSigmoid": (2, lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1)),
    "Softsign": (0, lambda x: x / (1 + abs(x))),
    "Elu": (1, lambda x, alpha=1.0: _elu(x, alpha)),
}
"""Each activation's number of parameters and function."""


def _activations(
    attributes: Mapping[str, Any], usual: Sequence[str], count: int
) -> list[list[Callable[[Array], Array]]]:
    """Return the activations of each direction."""
    alphas, betas = list(attributes.get("activation_alpha", ())), list(attributes.get("activation_beta", ()))
    made = []
    for name in attributes.get("activations", list(usual) * count):
        numbers, function = ACTIVATIONS[name]
        taken = [some.pop(0) for some in (alphas, betas)[:numbers] if some]
        made.append(lambda x, function=function, taken=taken: function(x, *taken))
    assert (alphas, betas) == ([], [])
    each = len(usual)
    return [made[start : start + each] for start in range(0, each * count, each)]


def _rnn_step(attributes, activations, wx, h, c, r, wb, rb):
    return activations[0](wx + h @ r.T + wb + rb), c


def _gru_step(attributes, activations, wx, h, c, r, wb, rb):
    f, g = activations
    (xz, xr, xh), (rz, rr, rh), (bz, br, bh), (sz, sr, sh) = (
        np.split(each, 3, axis) for each, axis in ((wx, -1), (r, 0), (wb, 0), (rb, 0))
    )
    z, reset = f(xz + h @ rz.T + bz + sz), f(xr + h @ rr.T + br + sr)
    if attributes.get("linear_before_reset", 0):
        candidate = g(xh + reset * (h @ rh.T + sh) + bh)
    else:
        candidate = g(xh + (reset * h) @ rh.T + sh + bh)
    return (1 - z) * candidate + z * h, c


def _lstm_step(attributes, activations, wx, h, c, r, wb, rb):
    f, g, last = activations
    i, o, forget, candidate = np.split(wx + h @ r.T + wb + rb, 4, axis=-1)
    c = f(forget) * c + f(i) * g(candidate)
    return f(o) * last(c), c


def _recurrent(step: Callable[..., tuple[Array, Array]], *usual: str) -> Callable[..., list[Array]]:
    def compute(attributes: Mapping[str, Any], x: Array, w: Array, r: Array, b: Array | None = None) -> list[Array]:
        directions = {"forward": [1], "reverse": [-1], "bidirectional": [1, -1]}[attributes.get("direction", "forward")]
        assert len(w) == len(r) == len(directions)
        activations = _activations(attributes, usual, len(directions))
        outputs, lasts = [], []
        for number, order in enumerate(directions):
            wb, rb = np.split(np.zeros(2 * w.shape[1]) if b is None else b[number], 2)
            h = c = np.zeros((x.shape[1], attributes["hidden_size"]))
            y = []
            for x_t in x[::order]:
                h, c = step(attributes, activations[number], x_t @ w[number].T, h, c, r[number], wb, rb)
                y.append(h)
            outputs.append(y[::order])
            lasts.append(h)
        return [np.array(outputs).swapaxes(0, 1), np.array(lasts)]

    return compute


OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Add": lambda attributes, a, b: a + b,
    "AveragePool": _average_pool,
    "Cast": lambda attributes, x: x.astype({1: "float64"}[attributes["to"]]),
    "Concat": lambda attributes, *xs: np.concatenate(xs, attributes["axis"]),
    "ConstantOfShape": lambda attributes, shape: np.full(shape, attributes.get("value", [0.0])[0]),
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Div": lambda attributes, a, b: a / b,
    "Elu": lambda attributes, x: _elu(x, attributes["alpha"]),
    "Equal": lambda attributes, a, b: a == b,
    "Expand": lambda attributes, x, shape: x * np.ones(shape),
    "GRU": _recurrent(_gru_step, "Sigmoid", "Tanh"),
    "Abs": lambda attributes, x: abs(x),
    "Gather": lambda attributes, table, ids: table[ids],
    "Gelu": lambda attributes, x: 0.5 * x * (1 + _erf(x / math.sqrt(2))),
    "HardSigmoid": lambda attributes, x: np.clip(attributes["alpha"] * x + attributes["beta"], 0, 1),
    "Identity": lambda attributes, x: x,
    "LSTM": _recurrent(_lstm_step, "Sigmoid", "Tanh", "Tanh"),
    "LayerNormalization": _norm,
    "MatMul": lambda attributes, a, b: a @ b,
    "Mul": lambda attributes, a, b: a * b,
    "Not": lambda attributes, x: ~x,
    "RNN": _recurrent(_rnn_step, "Tanh"),
    "ReduceMax": _reduce("max"),
    "ReduceMean": _reduce("mean"),
    "ReduceProd": _reduce("prod"),
    "ReduceSum": _reduce("sum"),
    "Relu": lambda attributes, x: np.maximum(x, 0),
    "Flatten": lambda attributes, x: x.reshape(len(x), -1),
    "Reshape": _reshape,
    "Selu": lambda attributes, x: 1.05070102214813232421875 * _elu(x, 1.67326319217681884765625),
    "Shape": lambda attributes, x: np.array(x.shape[attributes["start"] : attributes["end"]]),
    "Sigmoid": lambda attributes, x: _sigmoid(x),
    "Slice": _slice,
    "Softmax": lambda attributes, x: _softmax(x, attributes["axis"]),
    "Softplus": lambda attributes, x: np.logaddexp(x, 0),
    "Softsign": lambda attributes, x: x / (1 + abs(x)),
    "Split": lambda attributes, x, sizes: np.split(x, np.cumsum(sizes)[:-1], attributes["axis"]),
    "Squeeze": lambda attributes, x, axes: x.squeeze(tuple(axes)),
    "Sub": lambda attributes, a, b: a - b,
    "Tanh": lambda attributes, x: np.tanh(x),
    "Transpose": lambda attributes, x: x.transpose(attributes["perm"]),
    "Unsqueeze": lambda attributes, x, axes: np.expand_dims(x, tuple(axes)),
    "Where": lambda attributes, condition, a, b: np.where(condition, a, b),
}
"""Each operator's function of its attributes and inputs, which returns a value or a list of values."""
