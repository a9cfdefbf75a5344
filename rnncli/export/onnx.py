"""The network as an ONNX model with its weights, written without onnx or protobuf.

The input is called `input`, (batch, timesteps, features), or ids (batch, timesteps); the output `output`. Batch and
timesteps are dynamic, but for the T of an `input:TxF`. Ids are int64, as those who feed ONNX models have them:
tokenizers, PyTorch's exports, NumPy's whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import rnncli
from rnncli.errors import RnncliError, shorten
from rnncli.export.onnx_graph import Graph, value_proto
from rnncli.export.onnx_layers import Flow, LayerParts, add_layer
from rnncli.formats.onnx.messages import ModelProto, OperatorSetProto, encoded
from rnncli.formats.onnx.protobuf import MAX_MESSAGE
from rnncli.network import Network
from rnncli.quantities import Shape, memory

if TYPE_CHECKING:
    from rnncli.export import Job
    from rnncli.export.onnx_graph import Array

INPUT, OUTPUT = "input", "output"
"""What the model's input and output are called."""


class Versions(NamedTuple):
    """What a reader of the file must know.

    Attributes:
        opset: the version of ONNX's operators.
        ir: the version of the format.
    """

    opset: int
    ir: int


# The older, the more programs read it. LayerNormalization came with 17, axes of reductions became an input with 18,
# which ONNX 1.13 and ONNX Runtime 1.14 know, of early 2023.
USUAL = Versions(opset=18, ir=8)
NEWER: Mapping[str, Versions] = {"Gelu": Versions(opset=20, ir=9)}
"""The versions that came with an operator that is not always needed."""


def export(job: Job) -> bytes:
    """Return a network as an ONNX model.

    Raises:
        RnncliError: the model is larger than a message of protobuf may be.
    """
    network = job.network
    _check_size(network, network.summary().total_bytes)
    weights: dict[str, dict[str, Array]] = {name: {} for name in network.names}
    for key, array in job.weights().items():
        name, _, weight = key.partition("/")
        weights[name][weight] = array
    graph = Graph()
    shape = network.input_shape()
    order = [1, 0, 2][: len(shape)]
    flow = Flow(graph.node("Transpose", INPUT, perm=order))
    shapes = list(network.shapes())
    for name, layer, (reads, _) in zip(network.names, network.body, shapes, strict=True):
        graph.scope = name
        flow = add_layer(LayerParts(graph, layer, weights[name], reads), flow)
    graph.scope = ""
    output = shapes[-1][1] if shapes else shape
    y = graph.node("Transpose", flow.value, perm=[1, 0, 2]) if len(output) == 3 else flow.value
    graph.renamed(y, OUTPUT)
    dtype, told = "float32", None
    if network.head.vocabulary is not None:
        dtype, told = "int64", f"ids from 0 to {network.head.vocabulary - 1:,}"
    graph.inputs.append(value_proto(INPUT, dtype, _axes(shape), told))
    graph.outputs.append(value_proto(OUTPUT, "float32", _axes(output)))
    versions = max([USUAL, *(NEWER[name] for name in graph.operations if name in NEWER)])
    model = encoded(
        ModelProto(
            ir_version=versions.ir,
            producer_name="rnncli",
            producer_version=rnncli.__version__,
            doc_string=str(network) + (f"\n{job.origin}" if job.origin else ""),
            graph=graph.proto("rnncli"),
            opset_import=[OperatorSetProto(domain="", version=versions.opset)],
        )
    )
    _check_size(network, model.size)
    return model.joined()


def _check_size(network: Network, size: int) -> None:
    """Check that a model is no larger than protobuf allows."""
    if size > MAX_MESSAGE:
        raise RnncliError(
            f"{shorten(str(network))} has {memory(size)} of weights, {memory(size - MAX_MESSAGE)} more than "
            f"the {memory(MAX_MESSAGE)} that an ONNX file may have",
            "rnncli export --to keras or --to torch writes the weights to a file of their own, with --save-weights",
        )


def _axes(shape: Shape) -> list[int | str]:
    """Return a shape with names for what is not known before the model runs."""
    names = ("batch", "timesteps", "features")
    return [name if size is None else size for name, size in zip(names, shape, strict=False)]
