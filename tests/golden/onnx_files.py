"""Make the small ONNX files that the ordinary tests read, and record ONNX Runtime's outputs for them.

    python tests/golden/onnx_files.py

It needs onnx and onnxruntime. Each file is built by hand from nodes, so that together they cover everything that a file
may contain: directions, layouts, activations, arrays that are first transposed and cut, weights in a separate file. The
expected spec is next to each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDER = Path(__file__).resolve().parent / "models" / "onnx"

UNITS, FEATURES, BATCH, TIMESTEPS = 4, 3, 2, 5
BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}


class Maker:
    """A graph under construction."""

    def __init__(self, name: str) -> None:
        self.random = np.random.default_rng(sum(map(ord, name)))
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: list[onnx.TensorProto] = []
        self.ids: int | None = None
        self.features = FEATURES

    def array(self, name: str, *shape: int, values: Any = None) -> str:
        """Add an array of random numbers, or of the given values."""
        made = self.random.uniform(-0.8, 0.8, shape).astype("f4") if values is None else np.asarray(values)
        self.arrays.append(numpy_helper.from_array(made, name))
        return name

    def whole(self, *numbers: int) -> str:
        """Add an array of integers."""
        return self.array(f"whole{len(self.arrays)}", values=np.array(numbers, "i8"))

    def node(self, operation: str, *inputs: str, outputs: Sequence[str] = (), **attributes: Any) -> str:
        """Add a node, and return the name of its first output."""
        name = f"{operation.lower()}_{len(self.nodes)}"
        outputs = outputs or [f"{name}_y"]
        self.nodes.append(helper.make_node(operation, list(inputs), list(outputs), name=name, **attributes))
        return next(filter(None, outputs))

    def cell(
        self,
        kind: str,
        x: str = "x",
        *,
        last: bool = False,
        reads: int = FEATURES,
        bias: bool = True,
        more: Sequence[str] = (),
        **attributes: Any,
    ) -> str:
        """Add a recurrent node with its arrays; return its Y, or its Y_h."""
        count = 1 + (attributes.get("direction") == "bidirectional")
        rows, number = BLOCKS[kind] * UNITS, len(self.nodes)
        w = self.array(f"w{number}", count, rows, reads)
        r = self.array(f"r{number}", count, rows, UNITS)
        b = self.array(f"b{number}", count, 2 * rows) if bias else ""
        y = f"y{number}"
        outputs = ["", y] if last else [y]
        return self.node(kind, x, w, r, b, *more, outputs=outputs, hidden_size=UNITS, **attributes)

    def joined(self, y: str) -> str:
        """Join the two directions of a sequence (time, 2, batch, units)."""
        turned = self.node("Transpose", y, perm=[0, 2, 1, 3])
        return self.node("Reshape", turned, self.whole(0, 0, -1))

    def joined_last(self, y: str) -> str:
        """Join the two directions of a final state (2, batch, units)."""
        turned = self.node("Transpose", y, perm=[1, 0, 2])
        return self.node("Reshape", turned, self.whole(0, -1))

    def flat(self, y: str, axis: int) -> str:
        """Remove the axis of the single direction."""
        return self.node("Squeeze", y, self.whole(axis))


def sequence(make: Maker, kind: str, **options: Any) -> str:
    """A cell that returns its sequence."""
    y = make.cell(kind, **options)
    return make.joined(y) if options.get("direction") == "bidirectional" else make.flat(y, 1)


def last(make: Maker, kind: str, **options: Any) -> str:
    """A cell that returns its last output."""
    y = make.cell(kind, last=True, **options)
    return make.joined_last(y) if options.get("direction") == "bidirectional" else make.flat(y, 0)


def flip(make: Maker, x: str) -> str:
    """Reverse time."""
    return make.node("Slice", x, *(make.whole(n) for n in (-1, -(2**63), 0, -1)))


def reverse_twice(make: Maker) -> str:
    """Two layers that read backwards; the second reads the first's outputs in the order of their computation."""
    one = sequence(make, "LSTM", direction="reverse")
    return last(make, "LSTM", x=one, reads=UNITS, direction="reverse")


def reverse_then_forward(make: Maker) -> str:
    """A layer that reads forwards the restored sequence of a layer that reads backwards."""
    one = sequence(make, "GRU", direction="reverse", linear_before_reset=1)
    return sequence(make, "GRU", x=one, reads=UNITS)


def batch_first(make: Maker) -> str:
    """Layout 1, which ONNX's own evaluator computes."""
    return make.flat(make.cell("LSTM", layout=1), 2)


def decoder(make: Maker) -> str:
    """A repeated vector, another cell that reads it, and a dense layer at each step."""
    vector = make.node("Unsqueeze", last(make, "GRU"), make.whole(0))
    again = make.node("Expand", vector, make.whole(6, 1, 1))
    y = sequence(make, "LSTM", x=again, reads=UNITS)
    product = make.node("MatMul", y, make.array("kernel", UNITS, 2))
    return make.node("Add", make.array("bias", 2), product)


def halves(make: Maker, operation: str) -> str:
    """The two directions, split and merged."""
    y = make.cell("RNN", direction="bidirectional")
    one, other = (make.node("Gather", y, make.array(f"at{n}", values=np.int64(n)), axis=1) for n in (0, 1))
    return make.node(operation, one, other)


def averaged(make: Maker) -> str:
    """The mean of the two final states."""
    return make.node("ReduceMean", make.cell("GRU", last=True, direction="bidirectional"), axes=[0], keepdims=0)


def classifier(make: Maker) -> str:
    """Ids, a table, two layers, and a dense layer on their final state."""
    make.ids = 9
    x = make.node("Gather", make.array("table", 9, FEATURES), "x")
    one = sequence(make, "LSTM", x=x, direction="bidirectional")
    two = last(make, "LSTM", x=one, reads=2 * UNITS)
    y = make.node("Gemm", two, make.array("kernel", 3, UNITS), make.array("bias", 3), transB=1)
    return make.node("Softmax", y, axis=-1)


def moved_arrays(make: Maker) -> str:
    """Arrays that are transposed, cut, joined, cast and given axes before a node reads them; a zero initial state."""
    parts = [make.array(f"part{n}", FEATURES, UNITS) for n in range(4)]
    w = make.node("Transpose", make.node("Concat", *parts, axis=1), perm=[1, 0])
    whole = make.array("whole", values=make.random.uniform(-0.5, 0.5, (2, 4 * UNITS, UNITS)).astype("f2"))
    r = make.node("Slice", make.node("Cast", whole, to=1), *(make.whole(n) for n in (1, 2, 0)))
    b = make.node("Reshape", make.array("bias", 2, 4 * UNITS), make.whole(1, -1))
    h = make.node("ConstantOfShape", make.whole(1, BATCH, UNITS))
    zeros = make.array("zeros", values=np.zeros((1, BATCH, UNITS), "f4"))
    peepholes = make.array("peepholes", values=np.zeros((1, 3 * UNITS), "f4"))
    w = make.node("Unsqueeze", w, make.whole(0))
    return make.node(
        "LSTM", "x", w, make.node("Identity", r), b, "", h, zeros, peepholes, outputs=["", "y"], hidden_size=UNITS
    )


def pooled(make: Maker) -> str:
    """The maximum over time of a layer that reads backwards, a norm, and x · sigmoid(x)."""
    y = make.node("ReduceMax", sequence(make, "LSTM", direction="reverse"), axes=[0], keepdims=0)
    y = make.node("LayerNormalization", y, make.array("gamma", UNITS), make.array("beta", UNITS), epsilon=1e-3)
    y = make.node("MatMul", y, make.array("kernel", UNITS, 3))
    return make.node("Mul", y, make.node("Sigmoid", y))


def final_states(make: Maker) -> str:
    """A stack's final states joined as PyTorch joins them, and those of its last layer extracted again."""
    options = {"direction": "bidirectional"}
    first = make.node("GRU", "x", make.array("wa", 2, 12, 3), make.array("ra", 2, 12, 4), make.array("ba", 2, 24),
                      outputs=["ya", "ha"], hidden_size=UNITS, linear_before_reset=1, **options)  # fmt: skip
    second = make.cell("GRU", make.joined(first), last=True, reads=2 * UNITS, linear_before_reset=1, **options)
    states = make.node("Concat", "ha", second, axis=0)
    ends = [make.node("Gather", states, make.array(f"at{n}", values=np.int64(n))) for n in (-2, -1)]
    return make.node("Concat", *ends, axis=1)


def padded_in_front(make: Maker) -> str:
    """Zeros before the sequence ahead of a convolution, with their number computed as in PyTorch's exporter."""
    zeros = make.node("ConstantOfShape", make.whole(4), value=numpy_helper.from_array(np.zeros(1, "i8")))
    pairs = make.node("Reshape", make.node("Concat", make.whole(4, 0), zeros, axis=0), make.whole(-1, 2))
    turned = make.node("Transpose", flip(make, pairs), perm=[1, 0])
    pads = make.node("Cast", make.node("Reshape", turned, make.whole(-1)), to=TensorProto.INT64)
    x = make.node("Pad", make.node("Transpose", "x", perm=[1, 2, 0]), pads)
    y = make.node("Conv", x, make.array("filters", 5, FEATURES, 3), make.array("shift", 5), dilations=[2])
    return last(make, "LSTM", x=make.node("Transpose", y, perm=[2, 0, 1]), reads=5)


def cut_off_behind(make: Maker) -> str:
    """Zeros on both sides of the sequence, and the excess output cut off, as in PyTorch causal convolutions."""
    x = make.node("Transpose", "x", perm=[1, 2, 0])
    filters, shift = make.array("filters", 5, FEATURES, 3), make.array("shift", 5)
    y = make.node("Relu", make.node("Conv", x, filters, shift, dilations=[2], pads=[4, 4]))
    cut = make.node("Slice", y, *(make.whole(n) for n in (0, -4, 2, 1)))
    return last(make, "LSTM", x=make.node("Transpose", cut, perm=[2, 0, 1]), reads=5)


def quantised(make: Maker) -> str:
    """Arrays of int8 and int32: one scale for all numbers or one for each row or column, with and without a zero."""

    def stored(
        name: str, dtype: str, shape: Sequence[int], *scales: int, zero: int | None = None, axis: int = 1
    ) -> str:
        limits = np.iinfo(dtype)
        whole = make.array(name, values=make.random.integers(limits.min, limits.max, shape).astype(dtype))
        scale = make.array(f"{name}_scale", values=make.random.uniform(0.5, 1, scales).astype("f4") / limits.max)
        zeros = [] if zero is None else [make.array(f"{name}_zero", values=np.full(scales, zero, dtype))]
        return make.node("DequantizeLinear", whole, scale, *zeros, axis=axis)

    w = stored("w", "i1", (1, 4 * UNITS, FEATURES), 4 * UNITS, zero=0)
    r = stored("r", "u1", (1, 4 * UNITS, UNITS), zero=128)
    b = stored("b", "i4", (1, 8 * UNITS), 8 * UNITS, axis=-1)
    y = make.node("LSTM", "x", w, r, b, outputs=["", "y"], hidden_size=UNITS)
    return make.node("MatMul", make.node("Squeeze", y, make.whole(0)), stored("kernel", "i1", (UNITS, 2), 1))


def rounded(make: Maker, *, floats: bool = False) -> str:
    """What ONNX Runtime quantises for each run, which rounds all that it multiplies; or the same with floats."""
    make.ids, own = 9, {"domain": "com.microsoft"}

    def stored(name: str, dtype: str, shape: Sequence[int], *scales: int, axis: int = 1) -> list[str]:
        """Add an array with scales and zeros; as one array of floats if no operation takes whole numbers."""
        whole = make.array(name, values=make.random.integers(0, 100, shape).astype(dtype))
        scale = make.array(f"{name}_scale", values=make.random.uniform(0.5, 1, scales).astype("f4") / 64)
        zero = make.array(f"{name}_zero", values=make.random.integers(40, 60, scales).astype(dtype))
        if not floats or name == "table":
            return [whole, scale, zero]
        return [make.node("DequantizeLinear", whole, scale, zero, axis=axis)]

    def product(operation: str, x: str, array: list[str], bias: str, **attributes: Any) -> str:
        """A product of whole numbers, which is scaled before the bias."""
        if floats:
            return make.node("Add", make.node(operation, x, *array, **attributes), bias)
        whole, by, zero = (f"{operation}_{each}" for each in ("whole", "scale", "zero"))
        make.node("DynamicQuantizeLinear", x, outputs=[whole, by, zero])
        y = make.node(f"{operation}Integer", whole, array[0], zero, array[2], **attributes)
        y = make.node("Mul", make.node("Cast", y, to=1), make.node("Mul", by, array[1]))
        return make.node("Add", bias, y)

    table, scale, zero = stored("table", "u1", (9, 4), 4)
    x = make.node("DequantizeLinear", make.node("Gather", table, "x"), scale, zero, axis=2)
    x = make.node("Transpose", x, perm=[1, 2, 0])
    x = product("Conv", x, stored("filters", "u1", (5, 4, 3)), make.array("c", 1, 5, 1))
    x = make.node("Transpose", make.node("Relu", x), perm=[2, 0, 1])
    w, r = stored("w", "i1", (1, 5, 4 * UNITS), 1, axis=0), stored("r", "i1", (1, UNITS, 4 * UNITS), 1, axis=0)
    b = make.array("b", 1, 8 * UNITS)
    if floats:
        turned = (make.node("Transpose", each, perm=[0, 2, 1]) for each in (*w, *r))
        y = make.node("LSTM", x, *turned, b, outputs=["", "y"], hidden_size=UNITS)
    else:
        inputs = [x, w[0], r[0], b, "", "", "", "", *w[1:], *r[1:]]
        y = make.node("DynamicQuantizeLSTM", *inputs, outputs=["", "y"], hidden_size=UNITS, **own)
    y = make.node("Squeeze", y, make.whole(0))
    y = product("MatMul", y, stored("kernel", "i1", (UNITS, 6), 6), make.array("d", 6))
    kernel, e = stored("second", "i1", (6, 2)), make.array("e", 2)
    if floats:
        return make.node("Add", make.node("MatMul", y, *kernel), e)
    return make.node("DynamicQuantizeMatMul", y, *kernel, e, **own)


def last_step_by_its_number(make: Maker) -> str:
    """The last step, addressed by the sequence length minus one."""
    y = sequence(make, "LSTM")
    count = make.node("Gather", make.node("Shape", y), make.array("first", values=np.int64(0)))
    place = make.node("Sub", count, make.array("one", values=np.int64(1)))
    steps = (make.node("Unsqueeze", each, make.whole(0)) for each in (place, count))
    return make.node("Squeeze", make.node("Slice", y, *steps, make.whole(0)), make.whole(0))


def fused(make: Maker) -> str:
    """Layers as ONNX Runtime writes them into a file that it optimises."""
    own = {"domain": "com.microsoft"}
    x = make.node("Transpose", "x", perm=[1, 2, 0])
    x = make.node("FusedConv", x, make.array("filters", 5, FEATURES, 3), make.array("c", 5), activation="Relu", **own)
    y = make.cell("GRU", make.node("Transpose", x, perm=[2, 0, 1]), last=True, reads=5)
    y = make.node("Squeeze", y, make.whole(0))
    first = make.array("first", 6, UNITS)
    y = make.node("FusedGemm", y, first, make.array("d", 6), activation="Tanh", transB=1, **own)
    y = make.node("BiasGelu", make.node("MatMul", y, make.array("second", 6, 5)), make.array("e", 5), **own)
    y = make.node("FusedMatMul", y, make.array("third", 3, 5), transB=1, **own)
    return make.node("QuickGelu", y, alpha=1.0, **own)


def written_out(make: Maker) -> str:
    """Norms and exact gelus as files of older versions of ONNX compute them, behind each other and with variations."""

    def number(value: float) -> str:
        return make.array(f"number{len(make.arrays)}", values=np.float32(value))

    def norm(x: str, epsilon: float, *arrays: str, power: bool = True) -> str:
        centred = make.node("Sub", x, make.node("ReduceMean", x, axes=[-1]))
        square = make.node("Pow", centred, number(2)) if power else make.node("Mul", centred, centred)
        variance = make.node("ReduceMean", square, axes=[-1])
        y = make.node("Div", centred, make.node("Sqrt", make.node("Add", number(epsilon), variance)))
        for operation, array in zip(("Mul", "Add"), arrays, strict=False):
            y = make.node(operation, array, y)
        return y

    def gelu(x: str, *, half_first: bool = False) -> str:
        of = make.node("Mul", x, number(0.5**0.5)) if half_first else make.node("Div", x, number(2**0.5))
        share = make.node("Add", make.node("Erf", of), number(1))
        if half_first:
            return make.node("Mul", make.node("Mul", x, number(0.5)), share)
        return make.node("Mul", make.node("Mul", x, share), number(0.5))

    y = norm(sequence(make, "LSTM", direction="reverse"), 1e-3, make.array("gamma", UNITS), make.array("beta", UNITS))
    y = gelu(gelu(y), half_first=True)
    y = norm(norm(y, 1e-5, make.array("scale", UNITS), power=False), 1e-5)
    return last(make, "GRU", x=y, reads=UNITS, direction="reverse")


Build = Callable[[Maker], str]

CASES: dict[str, tuple[str, Build]] = {
    "lstm": ("input:3,lstm:4:seq", lambda make: sequence(make, "LSTM")),
    "lstm-last": ("input:3,lstm:4", lambda make: last(make, "LSTM")),
    "lstm-reverse-last": ("input:3,lstm:4:back", lambda make: last(make, "LSTM", direction="reverse")),
    "lstm-bi": ("input:3,lstm:4:seq:bi", lambda make: sequence(make, "LSTM", direction="bidirectional")),
    "lstm-bi-last": ("input:3,lstm:4:bi", lambda make: last(make, "LSTM", direction="bidirectional")),
    "lstm-nobias": ("input:3,lstm:4:nobias", lambda make: last(make, "LSTM", bias=False)),
    "lstm-activations": (
        "input:3,lstm:4:softsign:recact=hard_sigmoid",
        lambda make: last(make, "LSTM", activations=["HardSigmoid", "Softsign", "softsign"], activation_alpha=[1 / 6]),
    ),
    "lstm-bi-activations": (
        "input:3,lstm:4:seq:bi:elu:recact=hard_sigmoid",
        lambda make: sequence(
            make,
            "LSTM",
            direction="bidirectional",
            activations=["HardSigmoid", "Elu", "Elu"] * 2,
            activation_alpha=[1 / 6, 1, 1] * 2,
            activation_beta=[0.5, 0.5],
        ),
    ),
    "gru-before": ("input:3,gru:4:seq:reset=before", lambda make: sequence(make, "GRU")),
    "gru-after": ("input:3,gru:4:seq", lambda make: sequence(make, "GRU", linear_before_reset=1)),
    "gru-reverse-last": (
        "input:3,gru:4:back:softplus",
        lambda make: last(make, "GRU", direction="reverse", linear_before_reset=1, activations=["Sigmoid", "Softplus"]),
    ),
    "gru-bi-last": ("input:3,gru:4:bi:reset=before", lambda make: last(make, "GRU", direction="bidirectional")),
    "rnn-relu": ("input:3,rnn:4:seq:relu", lambda make: sequence(make, "RNN", activations=["Relu"])),
    "rnn-tanh-twice": ("input:3,rnn:4:seq", lambda make: sequence(make, "RNN", activations=["Tanh", "Tanh"])),
    "rnn-affine": (
        "input:3,rnn:4:linear",
        lambda make: last(make, "RNN", activations=["Affine"], activation_alpha=[1.0], activation_beta=[0.0]),
    ),
    "rnn-bi-sum": ("input:3,rnn:4:seq:bi=sum", lambda make: halves(make, "Add")),
    "rnn-bi-mul": ("input:3,rnn:4:seq:bi=mul", lambda make: halves(make, "Mul")),
    "gru-bi-ave": ("input:3,gru:4:bi=ave:reset=before", averaged),
    "reverse-twice": ("input:3,lstm:4:seq:back,lstm:4", reverse_twice),
    "reverse-then-forward": ("input:3,gru:4:seq:back,gru:4:seq:back:reset=before", reverse_then_forward),
    "reverse-turned": ("input:3,rnn:4:seq:back", lambda make: flip(make, sequence(make, "RNN", direction="reverse"))),
    "turned-input": ("input:3,lstm:4:seq:back", lambda make: sequence(make, "LSTM", x=flip(make, "x"))),
    "last-step": (
        "input:3,lstm:4",
        lambda make: make.node("Gather", sequence(make, "LSTM"), make.array("at", values=np.int64(-1)), axis=0),
    ),
    "batch-first": ("input:3,lstm:4:seq", batch_first),
    "decoder": ("input:3,gru:4:reset=before,repeat:6,lstm:4:seq,dense:2", decoder),
    "classifier": ("embed:9x3,lstm:4:seq:bi,lstm:4,dense:3:softmax", classifier),
    "moved-arrays": ("input:3,lstm:4", moved_arrays),
    "pooled": ("input:3,lstm:4:seq:back,pool:max,norm,dense:3:nobias:silu", pooled),
    "fused": ("input:3,conv:5x3:relu,gru:4:reset=before,dense:6:tanh,dense:5:gelu,dense:3:nobias:silu", fused),
    "final-states": ("input:3,gru:4:seq:bi,gru:4:bi", final_states),
    "padded-in-front": ("input:3,conv:5x3:dilation=2:causal,lstm:4", padded_in_front),
    "cut-off-behind": ("input:3,conv:5x3:dilation=2:causal:relu,lstm:4", cut_off_behind),
    "quantised": ("input:3,lstm:4,dense:2:nobias", quantised),
    "rounded": ("embed:9x4,conv:5x3:relu,lstm:4,dense:6,dense:2", rounded),
    "last-step-by-its-number": ("input:3,lstm:4", last_step_by_its_number),
    "written-out": (
        "input:3,lstm:4:seq:back,norm,act:gelu:x2,norm:nobias:eps=1e-5,norm:nobias:noscale:eps=1e-5,gru:4:reset=before",
        written_out,
    ),
    "external": ("input:3,lstm:4", lambda make: last(make, "LSTM")),
}
"""Each file's spec, and the function that makes it."""


def model_of(make: Maker, output: str) -> onnx.ModelProto:
    """The model whose output is a given value of the graph."""
    if make.ids is None:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["first", "second", FEATURES])
    else:
        x = helper.make_tensor_value_info("x", TensorProto.INT64, ["time", "batch"])
    y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(make.nodes, "made", [x], [y], make.arrays)
    versions = [helper.make_opsetid("", 17)]
    versions += [helper.make_opsetid("com.microsoft", 1)] * any(node.domain for node in make.nodes)
    return helper.make_model(graph, producer_name="by hand", producer_version="1", opset_imports=versions, ir_version=8)


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    values, specs = {}, {}
    for name, (spec, build) in CASES.items():
        make = Maker(name)
        model = model_of(make, build(make))
        path = FOLDER / f"{name}.onnx"
        if name == "external":
            onnx.save(model, path, save_as_external_data=True, location="external.bin", size_threshold=64)
        else:
            onnx.save(model, path)
        shape = (BATCH, TIMESTEPS) if make.ids else (BATCH, TIMESTEPS, FEATURES)
        x = make.random.integers(0, make.ids, shape) if make.ids else make.random.standard_normal(shape).astype("f4")
        batch_first = name == "batch-first"
        given = x if batch_first else np.ascontiguousarray(x.swapaxes(0, 1))
        if batch_first:
            y = ReferenceEvaluator(model).run(None, {"x": given})[0]
        else:
            options = onnxruntime.SessionOptions()
            if name in ("quantised", "rounded"):  # an optimised graph also rounds what it multiplies with the arrays
                options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            run: str | bytes = str(path)
            if name == "rounded":
                again = Maker(name)
                run = model_of(again, rounded(again, floats=True)).SerializeToString()
            y = onnxruntime.InferenceSession(run, options).run(None, {"x": given})[0]
        # Remove any axis of length 1 from a final state; put the batch first in a sequence.
        y = y[0] if y.ndim == 3 and y.shape[0] == 1 else y
        values[f"{name}/x"], values[f"{name}/y"] = x, y.swapaxes(0, 1) if y.ndim == 3 and not batch_first else y
        specs[name] = spec
        print(f"{name:24} {path.stat().st_size:6} bytes  {spec}  {y.shape}")
    np.savez_compressed(FOLDER / "values.npz", **values)
    (FOLDER / "specs.json").write_text(json.dumps(specs, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
