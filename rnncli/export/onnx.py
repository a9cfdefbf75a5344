"""The network as an ONNX model with its weights, written without onnx or protobuf.

The input is called `input`, (batch, timesteps, features), or ids (batch, timesteps); the output `output`. Batch and
timesteps are dynamic, but for the T of an `input:TxF`. Ids are int64, as those who feed ONNX models have them:
tokenizers, PyTorch's exports, NumPy's whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import rnncli
from rnncli.errors import RnncliError, shorten
from rnncli.export.onnx_cells import recurrent
from rnncli.export.onnx_graph import ACTIVATIONS, Graph, Place, array_proto, value_proto
from rnncli.export.plan import named_axes
from rnncli.formats.onnx.messages import CODES, ModelProto, OperatorSetProto, encoded
from rnncli.formats.onnx.protobuf import MAX_MESSAGE
from rnncli.language.rules import error_at
from rnncli.layers.words import in_both
from rnncli.network import Network
from rnncli.quantities import features_of, memory

if TYPE_CHECKING:
    from rnncli.export import Job

INPUT, OUTPUT = "input", "output"
"""What the model's input and output are called."""


# The older, the more programs read it. LayerNormalization came with 17, axes of reductions became an input with 18,
# which ONNX 1.13 and ONNX Runtime 1.14 know, of early 2023.
USUAL = (18, 8)
"""The version of ONNX's operators, and that of the format."""
NEWER: Mapping[str, tuple[int, int]] = {"Gelu": (20, 9)}
"""The versions that came with an operator that is not always needed."""


def export(job: Job) -> bytes:
    """Return a network as an ONNX model.

    Raises:
        SpecError: ONNX cannot express a layer.
        RnncliError: the model is larger than a message of protobuf may be.
    """
    network, plan = job.network, job.plan
    _check(network)
    _check_size(network, network.summary().total_bytes)
    weights = job.weights()
    graph = Graph("rnncli")
    x = first = graph.node("Transpose", INPUT, perm=[1, 0, 2][: len(plan.reads)])
    for step in plan.steps:
        graph.scope = step.name
        place = Place(graph, step, step.own(weights), x, lambda: _counts(graph, first, ids=len(plan.reads) == 2))
        x = LAYERS[step.layer.kind](place)
    graph.scope = ""
    graph.renamed(graph.node("Transpose", x, perm=[1, 0, 2]) if len(plan.returns) == 3 else x, OUTPUT)
    dtype, told = "float32", None
    if network.head.vocabulary is not None:
        dtype, told = "int64", f"ids from 0 to {network.head.vocabulary - 1:,}"
    graph.proto.input.append(value_proto(INPUT, dtype, named_axes(plan.reads), told))
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
    _check_size(network, model.size)
    return model.joined()


def _check(network: Network) -> None:
    """Check that ONNX can express every layer: its LSTM has no projection."""
    layer: Any
    for index, layer in enumerate(network.layers):
        if layer.kind == "lstm" and layer.proj_size is not None:
            assert network.source is not None
            said, plain = in_both(type(layer), "proj_size", layer.proj_size), replace(layer, proj_size=None)
            advice = "PyTorch has it: --to torch; what ONNX can express"
            message = f"ONNX's LSTM does not project its state; it has no {said}"
            raise error_at(network.source, index, message, advice, plain)


def _check_size(network: Network, size: int) -> None:
    """Check that a model is no larger than protobuf allows."""
    if size > MAX_MESSAGE:
        raise RnncliError(
            f"{shorten(str(network))} has {memory(size)} of weights, {memory(size - MAX_MESSAGE)} more than "
            f"the {memory(MAX_MESSAGE)} that an ONNX file may have",
            "rnncli export --to keras or --to torch writes the weights to a file of their own, with --save-weights",
        )


def _counts(graph: Graph, first: str, *, ids: bool) -> str:
    """Add which timesteps of an input, (timesteps, batch[, features]), are no padding, (timesteps, batch, 1)."""
    if ids:
        counts = graph.node("Not", graph.node("Equal", first, graph.constant(0)))
        return graph.node("Unsqueeze", counts, graph.constant([2]))
    some = graph.node("ReduceMax", graph.node("Abs", first), graph.constant([2]), keepdims=1)
    return graph.node("Not", graph.node("Equal", some, graph.constant(0.0)))


# The layers


def _embedding(place: Place) -> str:
    """Look ids up in the table."""
    return place.graph.node("Gather", place.graph.array("embeddings", place.weights["embeddings"]), place.x)


def _dense(place: Place) -> str:
    """act(x·W + b) for every vector."""
    graph = place.graph
    y = graph.node("MatMul", place.x, graph.array("kernel", place.weights["kernel"]))
    if "bias" in place.weights:
        y = graph.node("Add", y, graph.array("bias", place.weights["bias"]))
    return ACTIVATIONS[place.layer.activation](graph, y)


def _conv(place: Place) -> str:
    """Conv over windows; ONNX has it of (batch, features, timesteps)."""
    graph = place.graph
    kernel = graph.array("kernel", place.weights["kernel"].transpose(2, 1, 0))
    bias = [graph.array("bias", place.weights["bias"])] if "bias" in place.weights else []
    return ACTIVATIONS[place.layer.activation](graph, _windowed(place, "Conv", kernel, *bias))


def _windowed(place: Place, operation: str, *arrays: str, **told: int) -> str:
    """Add a node that moves a window over time."""
    graph, window, (_, steps, _) = place.graph, place.layer.window, place.step.reads
    sizes = {"kernel_shape": [window.width], "strides": [window.stride]}
    if window.dilation != 1:
        sizes["dilations"] = [window.dilation]
    padded: dict[str, str | list[int]] = {"pads": [*window.around(steps)]}
    if window.goes_by_length and steps is None:
        padded = {"auto_pad": "SAME_UPPER"}  # one more behind where their number is odd
    x = graph.node("Transpose", place.x, perm=[1, 2, 0])
    y = graph.node(operation, x, *arrays, **sizes, **padded, **told)
    return graph.node("Transpose", y, perm=[2, 0, 1])


def _norm(place: Place) -> str:
    """LayerNormalization."""
    return place.graph.node(
        "LayerNormalization", place.x, *_scale_and_shift(place), axis=-1, epsilon=place.layer.epsilon
    )


def _scale_and_shift(place: Place) -> list[str]:
    """Return what a norm multiplies by and adds; where it does not, numbers that are no array of the file.

    ONNX must have a scale. It need not have a shift, but there are versions of ONNX Runtime (1.15 and 1.17 among them)
    that end the process where two products follow a norm without one.
    """
    graph, weights, size = place.graph, place.weights, features_of(place.step.reads)
    if "gamma" in weights:
        scale = graph.array("gamma", weights["gamma"])
    else:
        ones = graph.node("ConstantOfShape", graph.constant([size]), value=array_proto("", np.ones(1, "int64")))
        scale = graph.node("Cast", ones, to=CODES["float32"])
    if "beta" in weights:
        return [scale, graph.array("beta", weights["beta"])]
    return [scale, graph.node("ConstantOfShape", graph.constant([size]))]


def _batch_norm(place: Place) -> str:
    """BatchNormalization, which ONNX has of (batch, features, …); the others are put along the batch."""
    graph, in_time = place.graph, len(place.step.reads) == 3
    arrays = _scale_and_shift(place)
    arrays += [graph.array(name, place.weights[name]) for name in ("moving_mean", "moving_variance")]
    x = graph.node("Transpose", place.x, perm=[1, 2, 0]) if in_time else place.x
    y = graph.node("BatchNormalization", x, *arrays, epsilon=place.layer.epsilon)
    return graph.node("Transpose", y, perm=[2, 0, 1]) if in_time else y


def _flatten(place: Place) -> str:
    """A sequence as one vector, a timestep behind the other; a vector is left as it is."""
    if len(place.step.reads) == 2:
        return place.graph.node("Flatten", place.x, axis=1)
    batch_first = place.graph.node("Transpose", place.x, perm=[1, 0, 2])
    return place.graph.node("Reshape", batch_first, place.graph.constant([0, features_of(place.step.returns)]))


def _repeat(place: Place) -> str:
    """A vector at every step of a new sequence."""
    vector = place.graph.node("Unsqueeze", place.x, place.graph.constant([0]))
    return place.graph.node("Expand", vector, place.graph.constant([place.layer.n, 1, 1]))


def _pool(place: Place) -> str:
    """The largest or the mean of each window, or over time; what is no timestep of the sequence does not count.

    Padding is one for the largest, as in Keras.
    """
    graph, layer = place.graph, place.layer
    if layer.window is not None:
        return _windowed(place, WINDOWED[layer.mode])
    mask = place.mask() if layer.joins == "avg" else ""
    if not mask:
        return graph.node(POOLS[layer.joins], place.x, graph.constant([0]), keepdims=0)
    counted = graph.node("Where", mask, place.x, graph.constant(0.0))
    counts = graph.node("Cast", mask, to=CODES["float32"])
    total, count = (graph.node("ReduceSum", each, graph.constant([0]), keepdims=0) for each in (counted, counts))
    return graph.node("Div", total, count)


WINDOWED: Mapping[str, str] = {"max": "MaxPool", "avg": "AveragePool"}
"""What makes a vector of each window, by the mode; both leave out what stands around, if they are told nothing else."""

POOLS: Mapping[str, str] = {"max": "ReduceMax", "avg": "ReduceMean"}
"""What makes one vector of a sequence, by its mode."""

LAYERS: Mapping[str, Callable[[Place], str]] = {
    "embed": _embedding,
    "rnn": recurrent,
    "lstm": recurrent,
    "gru": recurrent,
    "conv": _conv,
    "dense": _dense,
    "dropout": lambda place: place.x,  # does nothing in a model that is only run
    "norm": _norm,
    "repeat": _repeat,
    "bnorm": _batch_norm,
    "act": lambda place: ACTIVATIONS[place.layer.activation](place.graph, place.x),
    "pool": _pool,
    "flatten": _flatten,
}
"""A function for each kind of layer that adds its nodes, and returns the value that comes out. An input needs none."""
