"""Cells that ONNX has no operator for, as a Scan over the steps whose body holds the equations of one.

A Scan reads (timesteps, batch, features), in either order of time. It has a state of zeros to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from rnncli.export.onnx_activations import ACTIVATIONS
from rnncli.export.onnx_graph import Graph, Told, value_proto
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN

if TYPE_CHECKING:
    from rnncli.export import Arrays


class Step(NamedTuple):
    """A step of a cell in the making.

    Attributes:
        graph: the body of the Scan.
        layer: the layer.
        weights: the names of the arrays.
        wx: what the step reads, x·W + b.
        h: the state before the step.
        c: the other state of an LSTM; empty for other cells.
    """

    graph: Graph
    layer: Recurrent
    weights: Mapping[str, str]
    wx: str
    h: str
    c: str = ""

    def act(self, x: str) -> str:
        """Add the activation."""
        return ACTIVATIONS[self.layer.activation](self.graph, x)

    def gate(self, x: str) -> str:
        """Add the activation of the gates."""
        assert isinstance(self.layer, GRU | LSTM)
        return ACTIVATIONS[self.layer.recurrent_activation](self.graph, x)

    def uh(self) -> str:
        """Add U·h, and its bias if it has one of its own."""
        product = self.graph.node("MatMul", self.h, self.weights["recurrent_kernel"])
        bias = self.weights.get("recurrent_bias")
        return product if bias is None else self.graph.node("Add", product, bias)

    def split(self, x: str, *blocks: str) -> list[str]:
        """Add what takes the blocks of a value apart, and return them."""
        sizes = self.graph.constant([self.layer.units] * len(blocks))
        return self.graph.node_of("Split", [x, sizes], blocks, axis=-1)


def _rnn_step(step: Step) -> list[str]:
    """The state is h = act(W·x + U·h + b)."""
    return [step.act(step.graph.node("Add", step.wx, step.uh()))]


def _lstm_step(step: Step) -> list[str]:
    """i, f, o = gate(W·x + U·h + b); g = act(…); c = f·c + i·g; h = o·act(c)."""
    node = step.graph.node
    i, f, g, o = step.split(node("Add", step.wx, step.uh()), "i", "f", "g", "o")
    kept = node("Mul", step.gate(f), step.c)
    c = node("Add", kept, node("Mul", step.gate(i), step.act(g)))
    return [node("Mul", step.gate(o), step.act(c)), c]


def _gru_step(step: Step) -> list[str]:
    """z, r = gate(W·x + U·h + b); h = z·h + (1 - z)·act(W·x + b + r·(U·h + b')); with reset=before … + U·(r·h)."""
    node = step.graph.node
    assert isinstance(step.layer, GRU)
    wx_z, wx_r, wx_g = step.split(step.wx, "z", "r", "g")
    # With reset=before, U is in two: what makes g is multiplied by r·h.
    after = step.layer.reset_after
    uh_z, uh_r, *uh_g = step.split(step.uh(), "z", "r", *(["g"] if after else []))
    z, r = step.gate(node("Add", wx_z, uh_z)), step.gate(node("Add", wx_r, uh_r))
    reset = node("Mul", r, *uh_g) if after else node("MatMul", node("Mul", r, step.h), step.weights["candidate_kernel"])
    g = step.act(node("Add", wx_g, reset))
    rest = node("Sub", step.graph.constant(1.0), z)
    return [node("Add", node("Mul", z, step.h), node("Mul", rest, g))]


STEPS: Mapping[type[Recurrent], Callable[[Step], list[str]]] = {
    SimpleRNN: _rnn_step,
    LSTM: _lstm_step,
    GRU: _gru_step,
}
"""A function for each cell that adds the nodes of a step, and returns the states behind it: h, c."""


def composed(graph: Graph, layer: Recurrent, weights: Arrays, x: str, mask: str) -> str:
    """Add a layer as a Scan for each direction, and what merges them; return its output.

    Args:
        graph: the graph.
        layer: the layer.
        weights: its weights by Keras's names: `kernel`, `forward/kernel`.
        x: what it reads, (timesteps, batch, features).
        mask: which steps count, (timesteps, batch, 1); empty if all do.
    """
    if layer.merge is None:
        return _scan(graph, layer, weights, x, mask, "", reads_back=layer.reverses)
    forward, backward = (
        _scan(graph, layer, weights, x, mask, direction, reads_back=index == 1)
        for index, direction in enumerate(layer.directions)
    )
    return PAIRS[layer.merge](graph, forward, backward)


PAIRS: Mapping[str, Callable[[Graph, str, str], str]] = {
    "concat": lambda graph, one, other: graph.node("Concat", one, other, axis=-1),
    "sum": lambda graph, one, other: graph.node("Add", one, other),
    "mul": lambda graph, one, other: graph.node("Mul", one, other),
    "ave": lambda graph, one, other: graph.node("Mul", graph.node("Add", one, other), graph.constant(0.5)),
}
"""How the outputs of two Scans become one."""


def _scan(
    graph: Graph, layer: Recurrent, weights: Arrays, x: str, mask: str, direction: str, *, reads_back: bool
) -> str:
    """Add one direction of a layer, and return the sequence of its outputs, or the last."""
    given = _cell_arrays(layer, weights, direction)
    names = {name: graph.array(direction + name, array) for name, array in given.items()}
    wx = graph.node("MatMul", x, names["kernel"])
    if "bias" in names:
        wx = graph.node("Add", wx, names["bias"])
    first = graph.once((graph.scope, "first"), lambda: _zeros(graph, x, layer.units))
    scanned = [wx, mask] if mask else [wx]
    step = f"{graph.scope}/{direction}step"
    told: dict[str, Told] = {
        "body": _body(Graph(graph, step), layer, names, given["kernel"].shape[1], masked=bool(mask)).proto(step),
        "num_scan_inputs": len(scanned),
        "scan_input_directions": [int(reads_back)] * len(scanned),
    }
    makes = [f"last_{state}" for state in layer.states]
    if layer.return_sequences:
        makes.append("y")
        # Keras's go_backwards returns outputs in the order in which it reads; a Bidirectional in the order of time.
        told["scan_output_directions"] = [int(reads_back and layer.merge is not None)]
    outputs = graph.node_of("Scan", [*[first] * len(layer.states), *scanned], makes, **told)
    return outputs[-1] if layer.return_sequences else outputs[0]


def _body(body: Graph, layer: Recurrent, names: Mapping[str, str], columns: int, *, masked: bool) -> Graph:
    """Return the body of a Scan: from the states, W·x + b and the mask to the states after a step, and its output.

    Where a step does not count, the states stay as they are.

    Args:
        body: the graph to add it to.
        layer: the layer.
        names: the names of its arrays.
        columns: how many numbers of W·x + b there are.
        masked: whether there is a mask.
    """
    states, wx, mask = [body.named(state) for state in layer.states], body.named("wx"), body.named("mask")
    body.inputs = [value_proto(state, "float32", ("batch", layer.units)) for state in states]
    body.inputs.append(value_proto(wx, "float32", ("batch", columns)))
    after = STEPS[type(layer)](Step(body, layer, names, wx, *states))
    h = after[0]
    if masked:
        body.inputs.append(value_proto(mask, "bool", ("batch", 1)))
        after = [body.node("Where", mask, new, old) for new, old in zip(after, states, strict=True)]
    if layer.return_sequences:
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        zeroed = masked and layer.merge is not None
        y = body.node("Where", mask, h, body.constant(0.0)) if zeroed else body.node("Identity", after[0])
        after = [*after, y]
    body.outputs = [value_proto(name, "float32", ("batch", layer.units)) for name in after]
    return body


def _cell_arrays(layer: Recurrent, weights: Arrays, direction: str) -> Arrays:
    """Return the arrays of one direction, apart where a step needs them apart."""
    arrays = {key.removeprefix(direction): array for key, array in weights.items() if key.startswith(direction)}
    if "bias" in arrays and arrays["bias"].ndim == 2:
        arrays["bias"], arrays["recurrent_bias"] = arrays["bias"]
    if not getattr(layer, "reset_after", True):
        kernel, units = arrays["recurrent_kernel"], layer.units
        arrays["recurrent_kernel"], arrays["candidate_kernel"] = kernel[:, : 2 * units], kernel[:, 2 * units :]
    return arrays


def _zeros(graph: Graph, x: str, units: int) -> str:
    """Add a state of zeros, (batch, units), for a sequence x."""
    batch = graph.node("Shape", x, start=1, end=2)
    return graph.node("ConstantOfShape", graph.node("Concat", batch, graph.constant([units]), axis=0))
