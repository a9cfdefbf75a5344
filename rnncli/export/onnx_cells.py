"""Recurrent layers in ONNX: its own RNN, GRU and LSTM where they compute what Keras does, else a Scan over the steps.

ONNX's operators return Y, (timesteps, directions, batch, units), in the order of time also where they read it
backwards, and Y_h, (directions, batch, units). They lack some activations, and a mask: their sequence_lens leave out
the end of a sequence and nothing else. The body of a Scan holds the equations of one step, from a state of zeros on; it
is told in which order of time it reads and returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.export.onnx_graph import ACTIVATIONS, Graph, Place, Told, value_proto
from rnncli.formats.conventions import onnx_weights
from rnncli.formats.onnx.cells import BY_WORD, KINDS, OnnxActivation

if TYPE_CHECKING:
    from rnncli.export import Arrays

INSIDE: Mapping[str, OnnxActivation] = {
    word: activation for word, activation in BY_WORD.items() if activation.in_cells and word != "softplus"
}
"""The activations that recurrent operators can be told; selu, gelu, silu and softmax they lack.

They know Softplus too, but there ONNX Runtime computes log(1 + exp(x)) as it stands, which is infinite from 89 on.
"""

TO_THE_END = -(2**63)
"""Where a slice ends that runs backwards to the first place."""


def recurrent(place: Place) -> str:
    """Add a recurrent layer to a graph, and return its output."""
    mask, layer = place.mask(), place.layer
    words = [layer.recurrent_activation] if layer.gates > 1 else []
    words += [layer.activation] * len(layer.states)  # the output of an LSTM has one of its own
    if mask or not {*words} <= INSIDE.keys():
        return _composed(place, mask)
    return _operator(place, [INSIDE[word] for word in words])


# As one of ONNX's operators


def _operator(place: Place, inside: list[OnnxActivation]) -> str:
    """Add a layer as an operator that is told these activations, in the order in which it is."""
    graph, layer, operator = place.graph, place.layer, CELLS[place.layer.kind].operator
    arrays = [graph.array(name, array) for name, array in onnx_weights(layer, place.weights).items()]
    both, whole = layer.merge is not None, layer.returns == "sequence"
    told: dict[str, Told] = {"hidden_size": layer.units}
    if both or layer.reverses:
        told["direction"] = "bidirectional" if both else "reverse"
    if tuple(each.operation for each in inside) != KINDS[operator].activations:
        inside = inside * len(layer.directions)
        told["activations"] = [each.operation for each in inside]
        for name in ("alpha", "beta"):
            numbers = [each.numbers[name].needed for each in inside if name in each.numbers]
            told |= {f"activation_{name}": numbers} if numbers else {}
    if layer.kind == "gru" and layer.reset_after:
        told["linear_before_reset"] = 1
    makes = ("Y",) if whole else ("", "Y_h")
    (y,) = graph.node_of(operator, [place.x, *arrays], makes, **told)
    axis = 1 if whole else 0  # that of the directions
    if layer.merge == "concat":
        y = graph.node("Transpose", y, perm=[0, 2, 1, 3] if whole else [1, 0, 2])
        return graph.node("Reshape", y, graph.constant([0, 0, -1] if whole else [0, -1]))
    if both:
        return graph.node(MERGES[layer.merge], y, graph.constant([axis]), keepdims=0)
    y = graph.node("Squeeze", y, graph.constant([axis]))
    if layer.reverses and whole:
        # Keras returns what it has read last, last.
        ends = [graph.constant([number]) for number in (-1, TO_THE_END, 0, -1)]
        y = graph.node("Slice", y, *ends)
    return y


MERGES: Mapping[str, str] = {"concat": "Reshape", "sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}
"""What makes one of the two directions of an operator's output."""


# As a Scan over the steps


def _composed(place: Place, mask: str) -> str:
    """Add a layer as a Scan for each direction, and what merges them; return its output."""
    layer = place.layer
    scans = [
        _scan(place, mask, direction, reads_back=layer.reverses or index == 1)
        for index, direction in enumerate(layer.directions)
    ]
    return scans[0] if layer.merge is None else PAIRS[layer.merge](place.graph, *scans)


PAIRS: Mapping[str, Callable[[Graph, str, str], str]] = {
    "concat": lambda graph, one, other: graph.node("Concat", one, other, axis=-1),
    "sum": lambda graph, one, other: graph.node("Add", one, other),
    "mul": lambda graph, one, other: graph.node("Mul", one, other),
    "ave": lambda graph, one, other: graph.node("Mul", graph.node("Add", one, other), graph.constant(0.5)),
}
"""How the outputs of two Scans become one."""


def _scan(place: Place, mask: str, direction: str, *, reads_back: bool) -> str:
    """Add one direction of a layer, and return the sequence of its outputs, or the last."""
    graph, layer = place.graph, place.layer
    own = {key.removeprefix(direction): array for key, array in place.weights.items() if key.startswith(direction)}
    arrays = CELLS[layer.kind].apart(layer, own)
    names = {name: graph.array(direction + name, array) for name, array in arrays.items()}
    wx = graph.node("MatMul", place.x, names["kernel"])
    if "bias" in names:
        wx = graph.node("Add", wx, names["bias"])
    first = graph.once((graph.scope, "first"), lambda: _zeros(place))
    scanned = [wx, mask] if mask else [wx]
    step = f"{graph.scope}/{direction}step"
    body = _body(Graph(step, graph), layer, names, arrays["kernel"].shape[1], masked=bool(mask))
    told: dict[str, Told] = {
        "body": body.proto,
        "num_scan_inputs": len(scanned),
        "scan_input_directions": [int(reads_back)] * len(scanned),
    }
    makes = [f"last_{state}" for state in layer.states]
    if layer.returns == "sequence":
        makes.append("y")
        # Keras's go_backwards returns outputs in the order in which it reads; a Bidirectional in the order of time.
        told["scan_output_directions"] = [int(reads_back and layer.merge is not None)]
    outputs = graph.node_of("Scan", [*[first] * len(layer.states), *scanned], makes, **told)
    return outputs[-1] if layer.returns == "sequence" else outputs[0]


def _zeros(place: Place) -> str:
    """Add a state of zeros, (batch, units)."""
    graph = place.graph
    shape = graph.node(
        "Concat", graph.node("Shape", place.x, start=1, end=2), graph.constant([place.layer.units]), axis=0
    )
    return graph.node("ConstantOfShape", shape)


def _body(body: Graph, layer: Any, names: Mapping[str, str], columns: int, *, masked: bool) -> Graph:
    """Fill the body of a Scan: from the states, W·x + b and the mask to the states after a step, and its output.

    Where a step does not count, the states stay as they are. W·x + b has so many columns.
    """
    states, wx, mask = [body.named(state) for state in layer.states], body.named("wx"), body.named("mask")
    body.proto.input.extend(value_proto(state, "float32", ("batch", layer.units)) for state in states)
    body.proto.input.append(value_proto(wx, "float32", ("batch", columns)))
    after = CELLS[layer.kind].step(CellStep(body, layer, names, wx, *states))
    h = after[0]
    if masked:
        body.proto.input.append(value_proto(mask, "bool", ("batch", 1)))
        after = [body.node("Where", mask, new, old) for new, old in zip(after, states, strict=True)]
    if layer.returns == "sequence":
        # Keras: inside a Bidirectional that returns sequences, the output of a masked step is zero.
        zeroed = masked and layer.merge is not None
        y = body.node("Where", mask, h, body.constant(0.0)) if zeroed else body.node("Identity", after[0])
        after = [*after, y]
    body.proto.output.extend(value_proto(name, "float32", ("batch", layer.units)) for name in after)
    return body


class CellStep(NamedTuple):
    """A step of a cell in the making: a graph, a layer, the names of its arrays, and the values that it reads.

    These are wx, which is x·W + b, h and c, the states before the step; only an LSTM has c.
    """

    graph: Graph
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
        """Add U·h, and its bias if it has one of its own."""
        product = self.graph.node("MatMul", self.h, self.weights["recurrent_kernel"])
        bias = self.weights.get("recurrent_bias")
        return product if bias is None else self.graph.node("Add", product, bias)

    def split(self, x: str, *blocks: str) -> list[str]:
        """Add what takes the blocks of a value apart, and return them."""
        sizes = self.graph.constant([self.layer.units] * len(blocks))
        return self.graph.node_of("Split", [x, sizes], blocks, axis=-1)


def _rnn_step(step: CellStep) -> list[str]:
    """The state is h = act(W·x + U·h + b)."""
    return [step.act(step.graph.node("Add", step.wx, step.uh()))]


def _lstm_step(step: CellStep) -> list[str]:
    """i, f, o = gate(W·x + U·h + b); g = act(…); c = f·c + i·g; h = o·act(c)."""
    node = step.graph.node
    i, f, g, o = step.split(node("Add", step.wx, step.uh()), "i", "f", "g", "o")
    kept = node("Mul", step.gate(f), step.c)
    c = node("Add", kept, node("Mul", step.gate(i), step.act(g)))
    return [node("Mul", step.gate(o), step.act(c)), c]


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


def _gru_apart(layer: Any, arrays: Arrays) -> Arrays:
    """Return the two biases apart; or, with reset=before, U in two: what makes g is multiplied by r·h."""
    if not layer.reset_after:
        kernel, gates = arrays["recurrent_kernel"], 2 * layer.units
        return {**arrays, "recurrent_kernel": kernel[:, :gates], "candidate_kernel": kernel[:, gates:]}
    if not layer.use_bias:
        return arrays
    bias, recurrent_bias = arrays["bias"]
    return {**arrays, "bias": bias, "recurrent_bias": recurrent_bias}


class Cell(NamedTuple):
    """A kind of recurrent layer in ONNX.

    Attributes:
        operator: ONNX's operator for it.
        step: adds the nodes of one step, and returns the states behind it: h, c.
        apart: returns the arrays of one direction, apart where a step needs them apart.
    """

    operator: str
    step: Callable[[CellStep], list[str]]
    apart: Callable[[Any, Arrays], Arrays] = lambda layer, arrays: arrays


CELLS: Mapping[str, Cell] = {
    "rnn": Cell("RNN", _rnn_step),
    "lstm": Cell("LSTM", _lstm_step),
    "gru": Cell("GRU", _gru_step, _gru_apart),
}
"""What each kind of recurrent layer is."""
