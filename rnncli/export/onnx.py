"""A network as an ONNX model with its weights, written without onnx or protobuf.

The input is named `input`, (batch, timesteps, features), or (batch, timesteps) for ids; the output is named `output`.
Batch and timesteps are dynamic, except for a length that the input fixes. Ids are int64, which tokenizers, PyTorch's
exports and NumPy's integers use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

import rnncli
from rnncli.errors import RnncliError, shorten
from rnncli.export import Job
from rnncli.export.onnx_graph import ACTIVATIONS, Attribute, GraphBuilder, OnnxWriter, array_proto, value_proto
from rnncli.export.plan import Arrays, named_axes
from rnncli.formats.conventions import onnx_weights
from rnncli.formats.onnx.cells import BY_WORD, KINDS, OnnxActivation
from rnncli.formats.onnx.layers import MERGES, POOLS, WINDOWED
from rnncli.formats.onnx.messages import CODES, MAX_MESSAGE, ModelProto, OperatorSetProto, encoded
from rnncli.immutable import NamedTuple
from rnncli.network import Network
from rnncli.quantities import features_of, memory

INPUT, OUTPUT = "input", "output"
"""The names of the model's input and output."""


# More programs can read older versions. LayerNormalization needs 17. In 18, which ONNX 1.13 and ONNX Runtime 1.14 of
# early 2023 support, the axes of reductions became an input.
USUAL = (18, 8)
"""The default versions of the operator set and of the file format."""
NEWER: Mapping[str, tuple[int, int]] = {"Gelu": (20, 9)}
"""The versions required by operators that are newer than the default."""


def export(job: Job) -> bytes:
    """Return a network as an ONNX model.

    Raises:
        RnncliError: the model exceeds protobuf's size limit.
    """
    network, plan = job.network, job.plan
    _check_size(network, network.summary().total_bytes)
    weights = job.weights()
    graph = GraphBuilder("rnncli")
    x = first = graph.node("Transpose", INPUT, perm=[1, 0, 2][: len(plan.reads)])
    unpadded = partial(_unpadded, graph, first, ids=len(plan.reads) == 2)
    for step in plan.steps:
        graph.scope = step.name
        x = LAYERS[step.layer.kind](OnnxWriter(graph, step, step.own(weights), x, unpadded))
    graph.scope = ""
    graph.renamed(graph.node("Transpose", x, perm=[1, 0, 2]) if len(plan.returns) == 3 else x, OUTPUT)
    dtype, doc = "float32", None
    if network.head.vocabulary is not None:
        dtype, doc = "int64", f"ids from 0 to {network.head.vocabulary - 1:,}"
    graph.proto.input.append(value_proto(INPUT, dtype, named_axes(plan.reads), doc))
    graph.proto.output.append(value_proto(OUTPUT, "float32", named_axes(plan.returns)))
    opset, version = max([USUAL, *(NEWER[name] for name in graph.operations if name in NEWER)])
    model = encoded(
        ModelProto(
            ir_version=version,
            producer_name="rnncli",
            producer_version=rnncli.__version__,
            doc_string=str(network) + (f"\n{job.origin}" if job.origin else ""),
            graph=graph.proto,
            opset_import=[OperatorSetProto(domain="", version=opset)],
        )
    )
    _check_size(network, sum(map(len, model)))
    return b"".join(model)


def _check_size(network: Network, size: int) -> None:
    """Check that a model is within protobuf's size limit."""
    if size > MAX_MESSAGE:
        raise RnncliError(
            f"{shorten(str(network))} has {memory(size)} of weights, {memory(size - MAX_MESSAGE)} above the limit of "
            f"{memory(MAX_MESSAGE)} for an ONNX file",
            "rnncli export --to keras or --to torch writes the weights to a separate file, with --save-weights",
        )


def _unpadded(graph: GraphBuilder, first: str, *, ids: bool) -> str:
    """Add a mask, (timesteps, batch, 1), of the timesteps of an input, (timesteps, batch[, features]), not padding."""
    if ids:
        counts = graph.node("Not", graph.node("Equal", first, graph.constant(0)))
        return graph.node("Unsqueeze", counts, graph.constant([2]))
    some = graph.node("ReduceMax", graph.node("Abs", first), graph.constant([2]), keepdims=1)
    return graph.node("Not", graph.node("Equal", some, graph.constant(0.0)))


# Layers


def _embedding(writer: OnnxWriter) -> str:
    return writer.graph.node("Gather", writer.graph.array("embeddings", writer.weights["embeddings"]), writer.x)


def _dense(writer: OnnxWriter) -> str:
    """act(x·W + b) for each vector."""
    graph = writer.graph
    y = graph.node("MatMul", writer.x, graph.array("kernel", writer.weights["kernel"]))
    if "bias" in writer.weights:
        y = graph.node("Add", y, graph.array("bias", writer.weights["bias"]))
    return ACTIVATIONS[writer.layer.activation](graph, y)


def _conv(writer: OnnxWriter) -> str:
    """Convolve over windows; ONNX's Conv reads (batch, features, timesteps)."""
    graph = writer.graph
    kernel = graph.array("kernel", writer.weights["kernel"].transpose(2, 1, 0))
    bias = [graph.array("bias", writer.weights["bias"])] if "bias" in writer.weights else []
    return ACTIVATIONS[writer.layer.activation](graph, _windowed(writer, "Conv", kernel, *bias))


def _windowed(writer: OnnxWriter, operation: str, *arrays: str, **attributes: int) -> str:
    """Add a node that applies an operator to windows over time."""
    graph, window, (_, steps, _) = writer.graph, writer.layer.window, writer.step.reads
    sizes = {"kernel_shape": [window.width], "strides": [window.stride]}
    if window.dilation != 1:
        sizes["dilations"] = [window.dilation]
    padded: dict[str, str | list[int]] = {"pads": [*window.around(steps)]}
    if window.goes_by_length and steps is None:
        padded = {"auto_pad": "SAME_UPPER"}  # an odd number puts one more at the end
    x = graph.node("Transpose", writer.x, perm=[1, 2, 0])
    y = graph.node(operation, x, *arrays, **sizes, **padded, **attributes)
    return graph.node("Transpose", y, perm=[2, 0, 1])


def _norm(writer: OnnxWriter) -> str:
    return writer.graph.node(
        "LayerNormalization", writer.x, *_scale_and_shift(writer), axis=-1, epsilon=writer.layer.epsilon
    )


def _scale_and_shift(writer: OnnxWriter) -> list[str]:
    """Return the scale and shift of a norm; for one that it lacks, ones or zeros that are computed, not stored.

    ONNX requires a scale. A shift is optional, but some versions of ONNX Runtime (1.15 and 1.17 among them) crash if
    two products follow a norm without one.
    """
    graph, weights, size = writer.graph, writer.weights, features_of(writer.step.reads)
    if "gamma" in weights:
        scale = graph.array("gamma", weights["gamma"])
    else:
        ones = graph.node("ConstantOfShape", graph.constant([size]), value=array_proto("", np.ones(1, "int64")))
        scale = graph.node("Cast", ones, to=CODES["float32"])
    if "beta" in weights:
        return [scale, graph.array("beta", weights["beta"])]
    return [scale, graph.node("ConstantOfShape", graph.constant([size]))]


def _batch_norm(writer: OnnxWriter) -> str:
    """BatchNormalization, which reads (batch, features, …); a sequence's timesteps go along the last axis."""
    graph, in_time = writer.graph, len(writer.step.reads) == 3
    arrays = _scale_and_shift(writer)
    arrays += [graph.array(name, writer.weights[name]) for name in ("moving_mean", "moving_variance")]
    x = graph.node("Transpose", writer.x, perm=[1, 2, 0]) if in_time else writer.x
    y = graph.node("BatchNormalization", x, *arrays, epsilon=writer.layer.epsilon)
    return graph.node("Transpose", y, perm=[2, 0, 1]) if in_time else y


def _flatten(writer: OnnxWriter) -> str:
    """Concatenate the timesteps of a sequence into one vector; a vector stays as it is."""
    if len(writer.step.reads) == 2:
        return writer.graph.node("Flatten", writer.x, axis=1)
    batch_first = writer.graph.node("Transpose", writer.x, perm=[1, 0, 2])
    return writer.graph.node("Reshape", batch_first, writer.graph.constant([0, features_of(writer.step.returns)]))


def _repeat(writer: OnnxWriter) -> str:
    vector = writer.graph.node("Unsqueeze", writer.x, writer.graph.constant([0]))
    return writer.graph.node("Expand", vector, writer.graph.constant([writer.layer.n, 1, 1]))


def _pool(writer: OnnxWriter) -> str:
    """Take the maximum or mean of each window, or over time; padding around the sequence is ignored.

    A masked timestep still counts for the maximum, as in Keras.
    """
    graph, layer = writer.graph, writer.layer
    if layer.window is not None:
        return _windowed(writer, WINDOWED[layer.mode])
    mask = writer.mask() if layer.joins == "avg" else ""
    if not mask:
        return graph.node(POOLS[layer.joins], writer.x, graph.constant([0]), keepdims=0)
    counted = graph.node("Where", mask, writer.x, graph.constant(0.0))
    counts = graph.node("Cast", mask, to=CODES["float32"])
    total, count = (graph.node("ReduceSum", each, graph.constant([0]), keepdims=0) for each in (counted, counts))
    return graph.node("Div", total, count)


# Recurrent layers: ONNX's RNN, GRU and LSTM where they compute what Keras does, else a Scan over the steps
#
# The operators return Y, (timesteps, directions, batch, units), in time order even if read backwards, and Y_h,
# (directions, batch, units). They lack some activations, a projection of the state, and a mask: their sequence_lens can
# only cut off the end of a sequence. The body of a Scan contains the equations of one step, starting from states of
# zeros; its attributes set the time order in which it reads and returns.

SUPPORTED: Mapping[str, OnnxActivation] = {
    word: activation for word, activation in BY_WORD.items() if activation.in_cells and word != "softplus"
}
"""The activations that recurrent operators support; selu, gelu, silu and softmax are not among them.

Softplus is excluded: ONNX Runtime computes log(1 + exp(x)) literally there, which is infinite from 89 on.
"""


def _recurrent(writer: OnnxWriter) -> str:
    mask, layer = writer.mask(), writer.layer
    words = [layer.recurrent_activation] if layer.gates > 1 else []
    words += [layer.activation] * len(layer.states)  # an LSTM's output has a separate one
    projects = {*layer.state_sizes.values()} != {layer.units}
    if not mask and not projects and {*words} <= SUPPORTED.keys():
        return _operator(writer, [SUPPORTED[word] for word in words])
    reads_back = layer.reverses, True
    scans = [_scan(writer, mask, *each) for each in zip(layer.directions, reads_back, strict=False)]
    return scans[0] if layer.merge is None else PAIRS[layer.merge](writer.graph, *scans)


def _operator(writer: OnnxWriter, activations: list[OnnxActivation]) -> str:
    """Add a layer as a recurrent operator with these activations, in the operator's order."""
    graph, layer, operator = writer.graph, writer.layer, CELLS[writer.layer.kind].operator
    arrays = [graph.array(name, array) for name, array in onnx_weights(layer, writer.weights).items()]
    both, whole = layer.merge is not None, layer.returns == "sequence"
    attributes: dict[str, Attribute] = {"hidden_size": layer.units}
    if both or layer.reverses:
        attributes["direction"] = "bidirectional" if both else "reverse"
    if tuple(each.operation for each in activations) != KINDS[operator].activations:
        activations = activations * len(layer.directions)
        attributes["activations"] = [each.operation for each in activations]
        for name in ("alpha", "beta"):
            numbers = [each.numbers[name].needed for each in activations if name in each.numbers]
            attributes |= {f"activation_{name}": numbers} if numbers else {}
    attributes |= CELLS[layer.kind].attributes(layer)
    outputs = ("Y",) if whole else ("", "Y_h")
    (y,) = graph.node_of(operator, [writer.x, *arrays], outputs, **attributes)
    axis = 1 if whole else 0  # the axis of directions
    if layer.merge == "concat":
        y = graph.node("Transpose", y, perm=[0, 2, 1, 3] if whole else [1, 0, 2])
        return graph.node("Reshape", y, graph.constant([0, 0, -1] if whole else [0, -1]))
    if both:
        return graph.node(MERGES[layer.merge], y, graph.constant([axis]), keepdims=0)
    y = graph.node("Squeeze", y, graph.constant([axis]))
    if layer.reverses and whole:
        # Keras returns the outputs in reading order, so Y is reversed: from index -1 down to the start, on axis 0.
        ends = [graph.constant([number]) for number in (-1, -(2**63), 0, -1)]
        y = graph.node("Slice", y, *ends)
    return y


PAIRS: Mapping[str, Callable[[GraphBuilder, str, str], str]] = {
    "concat": lambda graph, one, other: graph.node("Concat", one, other, axis=-1),
    "sum": lambda graph, one, other: graph.node("Add", one, other),
    "mul": lambda graph, one, other: graph.node("Mul", one, other),
    "ave": lambda graph, one, other: graph.node("Mul", graph.node("Add", one, other), graph.constant(0.5)),
}
"""The nodes that merge the outputs of two Scans."""


def _scan(writer: OnnxWriter, mask: str, direction: str, reads_back: bool) -> str:
    """Add one direction of a layer; return its sequence of outputs, or the last output."""
    graph, layer = writer.graph, writer.layer
    own = {key.removeprefix(direction): array for key, array in writer.weights.items() if key.startswith(direction)}
    arrays = CELLS[layer.kind].split_up(layer, own)
    names = {name: graph.array(direction + name, array) for name, array in arrays.items()}
    wx = graph.node("MatMul", writer.x, names["kernel"])
    if "bias" in names:
        wx = graph.node("Add", wx, names["bias"])
    first = [graph.once((graph.scope, size), partial(_zeros, writer, size)) for size in layer.state_sizes.values()]
    scanned = [wx, mask] if mask else [wx]
    step = f"{graph.scope}/{direction}step"
    body = _body(GraphBuilder(step, graph), layer, names, arrays["kernel"].shape[1], masked=bool(mask))
    attributes: dict[str, Attribute] = {
        "body": body.proto,
        "num_scan_inputs": len(scanned),
        "scan_input_directions": [int(reads_back)] * len(scanned),
    }
    outputs = [f"last_{state}" for state in layer.states]
    if layer.returns == "sequence":
        outputs.append("y")
        # With go_backwards, Keras returns outputs in reading order; a Bidirectional returns them in time order.
        attributes["scan_output_directions"] = [int(reads_back and layer.merge is not None)]
    results = graph.node_of("Scan", [*first, *scanned], outputs, **attributes)
    return results[-1] if layer.returns == "sequence" else results[0]


def _zeros(writer: OnnxWriter, size: int) -> str:
    """Add an initial state of zeros, (batch, size)."""
    graph = writer.graph
    batch = graph.node("Shape", writer.x, start=1, end=2)
    return graph.node("ConstantOfShape", graph.node("Concat", batch, graph.constant([size]), axis=0))


def _body(body: GraphBuilder, layer: Any, names: Mapping[str, str], columns: int, *, masked: bool) -> GraphBuilder:
    """Build the body of a Scan, which maps the states, W·x + b and the mask to the new states and the output.

    At masked steps the states are kept. W·x + b has `columns` columns.
    """
    states, wx, mask = [body.named(state) for state in layer.states], body.named("wx"), body.named("mask")
    sizes = [*layer.state_sizes.values()]
    body.proto.input.extend(
        value_proto(state, "float32", ("batch", size)) for state, size in zip(states, sizes, strict=True)
    )
    body.proto.input.append(value_proto(wx, "float32", ("batch", columns)))
    after = CELLS[layer.kind].step(CellStep(body, layer, names, wx, *states))
    h = after[0]
    if masked:
        body.proto.input.append(value_proto(mask, "bool", ("batch", 1)))
        after = [body.node("Where", mask, new, old) for new, old in zip(after, states, strict=True)]
    if layer.returns == "sequence":
        # Keras: in a Bidirectional that returns sequences, the output at a masked step is zero.
        zeroed = masked and layer.merge is not None
        y = body.node("Where", mask, h, body.constant(0.0)) if zeroed else body.node("Identity", after[0])
        after, sizes = [*after, y], [*sizes, sizes[0]]
    body.proto.output.extend(
        value_proto(name, "float32", ("batch", size)) for name, size in zip(after, sizes, strict=True)
    )
    return body


class CellStep(NamedTuple):
    """The step of a cell while its graph is built: the graph, the layer, and the names of its arrays and inputs.

    The inputs are wx, which is W·x + b, and the states before the step, h and c; only an LSTM has c.
    """

    graph: GraphBuilder
    layer: Any
    weights: Mapping[str, str]
    wx: str
    h: str
    c: str = ""

    def act(self, x: str) -> str:
        """Add the activation."""
        return ACTIVATIONS[self.layer.activation](self.graph, x)

    def gate(self, x: str) -> str:
        """Add the activation of the gates."""
        return ACTIVATIONS[self.layer.recurrent_activation](self.graph, x)

    def uh(self) -> str:
        """Add U·h, and the recurrent bias if there is one."""
        product = self.graph.node("MatMul", self.h, self.weights["recurrent_kernel"])
        bias = self.weights.get("recurrent_bias")
        return product if bias is None else self.graph.node("Add", product, bias)

    def split(self, x: str, *blocks: str) -> list[str]:
        """Add a node that splits a value into blocks, and return them."""
        sizes = self.graph.constant([self.layer.units] * len(blocks))
        return self.graph.node_of("Split", [x, sizes], blocks, axis=-1)


def _rnn_step(step: CellStep) -> list[str]:
    """The state is h = act(W·x + U·h + b)."""
    return [step.act(step.graph.node("Add", step.wx, step.uh()))]


def _lstm_step(step: CellStep) -> list[str]:
    """i, f, o = gate(W·x + U·h + b); g = act(…); c = f·c + i·g; h = o·act(c), which may be projected."""
    node = step.graph.node
    i, f, g, o = step.split(node("Add", step.wx, step.uh()), "i", "f", "g", "o")
    kept = node("Mul", step.gate(f), step.c)
    c = node("Add", kept, node("Mul", step.gate(i), step.act(g)))
    h = node("Mul", step.gate(o), step.act(c))
    return [node("MatMul", h, step.weights["projection_kernel"]) if "projection_kernel" in step.weights else h, c]


def _gru_step(step: CellStep) -> list[str]:
    """z, r = gate(W·x + U·h + b); h = z·h + (1 - z)·act(W·x + b + r·(U·h + b')); with reset=before … + U·(r·h)."""
    node = step.graph.node
    wx_z, wx_r, wx_g = step.split(step.wx, "z", "r", "g")
    after = step.layer.reset_after
    uh_z, uh_r, *uh_g = step.split(step.uh(), "z", "r", *(["g"] if after else []))
    z, r = step.gate(node("Add", wx_z, uh_z)), step.gate(node("Add", wx_r, uh_r))
    reset = node("Mul", r, *uh_g) if after else node("MatMul", node("Mul", r, step.h), step.weights["candidate_kernel"])
    g = step.act(node("Add", wx_g, reset))
    rest = node("Sub", step.graph.constant(1.0), z)
    return [node("Add", node("Mul", z, step.h), node("Mul", rest, g))]


def _split_gru(layer: Any, arrays: Arrays) -> Arrays:
    """Separate the two biases; with reset=before, separate U's columns for g, which are multiplied by r·h."""
    if not layer.reset_after:
        kernel, gates = arrays["recurrent_kernel"], 2 * layer.units
        return {**arrays, "recurrent_kernel": kernel[:, :gates], "candidate_kernel": kernel[:, gates:]}
    if not layer.use_bias:
        return arrays
    bias, recurrent_bias = arrays["bias"]
    return {**arrays, "bias": bias, "recurrent_bias": recurrent_bias}


class Cell(NamedTuple):
    """How a kind of recurrent layer is expressed in ONNX.

    Attributes:
        operator: ONNX's operator for it.
        step: adds the nodes of one step, and returns the new states: h, c.
        attributes: returns the operator's attributes that other operators lack.
        split_up: returns the arrays of one direction, split where a step needs the parts separately.
    """

    operator: str
    step: Callable[[CellStep], list[str]]
    attributes: Callable[[Any], dict[str, Attribute]] = lambda layer: {}
    split_up: Callable[[Any, Arrays], Arrays] = lambda layer, arrays: arrays


CELLS: Mapping[str, Cell] = {
    "rnn": Cell("RNN", _rnn_step),
    "lstm": Cell("LSTM", _lstm_step),
    "gru": Cell("GRU", _gru_step, lambda layer: {"linear_before_reset": 1} if layer.reset_after else {}, _split_gru),
}
"""The ONNX counterpart of each kind of recurrent layer."""


LAYERS: Mapping[str, Callable[[OnnxWriter], str]] = {
    "embed": _embedding,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv": _conv,
    "dense": _dense,
    "dropout": lambda writer: writer.x,  # only active in training
    "norm": _norm,
    "repeat": _repeat,
    "bnorm": _batch_norm,
    "act": lambda writer: ACTIVATIONS[writer.layer.activation](writer.graph, writer.x),
    "pool": _pool,
    "flatten": _flatten,
}
"""The function for each kind of layer that adds its nodes and returns its output value. An input has none."""
