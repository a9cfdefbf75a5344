"""ONNX's recurrent nodes and activations as layers, and the reasons when there is no such layer.

https://onnx.ai/onnx/operators/onnx__LSTM.html and the pages of GRU and RNN describe them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.nodes import Node, Note
from rnncli.formats.onnx.arrays import Constant, ReasonError
from rnncli.formats.onnx.messages import NodeProto
from rnncli.formats.onnx.values import Atom, Axis, Fill, Flow, NodeCall, Values, flows_in, is_zero, sized
from rnncli.immutable import NamedTuple
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN
from rnncli.quantities import plural


class Number(NamedTuple):
    """A parameter of an activation: the value that the activation of specs has, and ONNX's default."""

    needed: float
    usual: float

    def agrees(self, given: float) -> bool:
        """Return whether a value equals the needed one, to the precision of four bytes."""
        return abs(given - self.needed) <= 1e-6


class OnnxActivation(NamedTuple):
    """An activation in ONNX.

    Attributes:
        word: its name in specs.
        operation: its name in ONNX.
        numbers: its parameters by name, in the order in which cells take them.
        in_cells: whether the recurrent operations support it.
        alone: whether it is also a separate operation.
    """

    word: str
    operation: str
    numbers: Mapping[str, Number] = {}
    in_cells: bool = True
    alone: bool = True


ACTIVATIONS: tuple[OnnxActivation, ...] = (
    OnnxActivation("linear", "Affine", {"alpha": Number(1.0, 1.0), "beta": Number(0.0, 0.0)}, alone=False),
    OnnxActivation("relu", "Relu"),
    OnnxActivation("tanh", "Tanh"),
    OnnxActivation("sigmoid", "Sigmoid"),
    OnnxActivation("hard_sigmoid", "HardSigmoid", {"alpha": Number(1 / 6, 0.2), "beta": Number(0.5, 0.5)}),
    OnnxActivation("softsign", "Softsign"),
    OnnxActivation("softplus", "Softplus"),
    OnnxActivation("elu", "Elu", {"alpha": Number(1.0, 1.0)}),
    OnnxActivation(
        "selu",
        "Selu",
        {"alpha": Number(1.6732632, 1.67326319217681884765625), "gamma": Number(1.050701, 1.05070102214813232421875)},
        in_cells=False,
    ),
    OnnxActivation("gelu", "Gelu", in_cells=False),
    OnnxActivation("silu", "Swish", {"alpha": Number(1.0, 1.0)}, in_cells=False),
    OnnxActivation("silu", "QuickGelu", {"alpha": Number(1.0, 1.702)}, in_cells=False),
    OnnxActivation("softmax", "Softmax", in_cells=False),
    OnnxActivation("relu", "LeakyRelu", {"alpha": Number(0.0, 0.01)}),
    OnnxActivation("relu", "ThresholdedRelu", {"alpha": Number(0.0, 1.0)}),
    OnnxActivation("tanh", "ScaledTanh", {"alpha": Number(1.0, 1.0), "beta": Number(1.0, 1.0)}, alone=False),
)
"""Every ONNX activation that specs have; of several for one word, the first is the one that is written."""

BY_OPERATION: Mapping[str, OnnxActivation] = {each.operation: each for each in ACTIVATIONS if each.alone}
"""The activations that are separate operations, by operation."""

IN_CELLS: Mapping[str, OnnxActivation] = {each.operation.lower(): each for each in ACTIVATIONS if each.in_cells}
"""The activations that recurrent operations support, by their names in lower case, because case does not matter."""

BY_WORD: Mapping[str, OnnxActivation] = {each.word: each for each in reversed(ACTIVATIONS)}
"""The ONNX activation for each activation of specs."""


class Kind(NamedTuple):
    """A kind of recurrent node: its layer, and its default activations."""

    layer: type[Recurrent]
    activations: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "RNN": Kind(SimpleRNN, ("Tanh",)),
    "GRU": Kind(GRU, ("Sigmoid", "Tanh")),
    "LSTM": Kind(LSTM, ("Sigmoid", "Tanh", "Tanh")),
}
"""The recurrent nodes of ONNX."""

_DIRECTIONS: Mapping[str, int] = {"forward": 1, "reverse": 1, "bidirectional": 2}
"""The number of cells of a node by its direction."""


def recurrent(call: NodeCall) -> Values:
    """Add a recurrent node, and return its outputs: the sequence, the last output, and the cell state.

    Raises:
        ReasonError: there is no such layer.
    """
    node, name, found, given = call.node, call.name, call.found, call.at(0)
    layer, features, arrays = _layer_of(call)
    backwards = layer.go_backwards
    t, b = (1, 0) if node.value("layout", 0) else (0, 1)
    x = given if isinstance(given, Flow) else Flow(node.reads(0))
    axes = x.axes if x.axes is not None else ((Atom(),), (Atom(),), x.features or (Atom(),))
    x = x.with_axes(axes)
    size = sized(axes[2]) if len(axes) == 3 else None
    if size not in (None, features):
        raise ReasonError(
            f"its W reads {plural(features, 'feature')}, but its input {shorten(node.reads(0))} has {size:,}"
        )
    found.enter(x, features, None)
    fits = len(axes) == 3 and x.is_features(2) and x.flips <= {axes[t]}
    flipped = fits and axes[t] in x.flips
    if flipped and layer.merge_mode is None:
        layer = replace(layer, go_backwards=not backwards)
    elif not fits or flipped or x.returns == "vector" or x.time not in (None, axes[t]):
        found.say_order(x)
        x = Flow(found.add(Node(node.reads(0), "rearrangement", None, (found.edge(x),))))
        axes = tuple((Atom(),) for _ in range(3))
    time, batch = axes[t], axes[b]
    found.enter(x, features, time)
    states = dict.fromkeys(flow for index in (4, 5, 6) for flow in flows_in(call.at(index)))
    zeros = [call.at(index) for index in (5, 6, 7) if node.reads(index)]
    owned = [*arrays.values(), *(zero for zero in zeros if isinstance(zero, Constant | Fill) and is_zero(zero))]
    tensors, edges = {role: array.tensor for role, array in arrays.items()}, (found.edge(x), *map(found.edge, states))
    made = Node(name, node.operation, layer, edges, features, tensors, "onnx", notes=_notes(call))
    found.add(replace(made, unsaid=frozenset({"return_sequences"})), *owned)
    found.say_axes(name, x, batch, time, axes[2])
    both: Axis = () if layer.merge_mode is None else (Atom(2),)
    units: Axis = (Atom(layer.units),)
    last = Flow(
        name,
        (batch, both, units) if t else (both, batch, units),
        features=(*both, *units),
        time=time,
        returns="vector",
        loop=name,
    )
    whole = last._replace(
        axes=(batch, time, both, units) if t else (time, both, batch, units),
        returns="sequence",
        # ONNX returns outputs in the order of time, spec layers in the order in which they read.
        flips=frozenset([time]) if backwards else frozenset(),
        ends=layer.merge_mode is None,
    )
    return [whole, last, last._replace(returns="state")]


def _layer_of(call: NodeCall) -> tuple[Recurrent, int, dict[str, Constant]]:
    """Return the layer of a recurrent node as if it reads its input in the order of time, its features and arrays."""
    node = call.node
    kind = KINDS[node.operation]
    direction = node.value("direction", "forward")
    if direction not in _DIRECTIONS:
        raise ReasonError(f"its direction is {shorten(direction)}")
    count = _DIRECTIONS[direction]
    if clip := node.value("clip", 0.0):
        raise ReasonError(f"it clips the inputs of its gates at {clip:g}; neither Keras nor rnncli has such a cell")
    if node.value("input_forget", 0):
        raise ReasonError("its input_forget couples two gates; neither Keras nor rnncli has such a cell")
    if node.reads(7) and not is_zero(call.at(7)):
        raise ReasonError("it has peepholes (P); neither Keras nor rnncli has such a cell")
    options = _activations(node, kind, count)
    if node.operation == "GRU":
        options["reset_after"] = bool(node.value("linear_before_reset", 0))
    arrays = {}
    for index, role in enumerate(("W", "R", "B"), start=1):
        constant = call.at(index)
        if isinstance(constant, Constant):
            arrays[role] = constant
        elif node.reads(index) or role != "B":
            raise ReasonError(f"its {role} ({shorten(node.reads(index))}) is computed, not an array of the file")
    units, features = _sizes(node, kind, count, {role: constant.tensor.shape for role, constant in arrays.items()})
    try:
        layer = kind.layer(
            units,
            return_sequences=True,
            merge_mode="concat" if count == 2 else None,
            use_bias="B" in arrays,
            go_backwards=direction == "reverse",
            **options,  # type: ignore[arg-type]  # each is what the class takes
        )
    except ArgumentError as error:
        raise ReasonError(error.message) from None
    return layer, features, arrays


def _notes(call: NodeCall) -> tuple[Note, ...]:
    """Return notes on the inputs of a node that its layer leaves out."""
    said, name, node = [], call.name, call.node
    if node.reads(4):
        lengths = shorten(node.reads(4), 80)
        said.append(f"{name} reads every sequence to its end: its sequence_lens ({lengths}) are left out")
    first = [shorten(node.reads(index), 80) for index in (5, 6) if node.reads(index) and not is_zero(call.at(index))]
    if first:
        said.append(f"{name} starts from zeros: in the file its initial state is {' and '.join(first)}")
    return tuple(Note(text, "differs") for text in said)


def _sizes(node: NodeProto, kind: Kind, count: int, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
    """Return a node's units and input features, from the shapes of its arrays."""
    w, r, gates = shapes["W"], shapes["R"], kind.layer.gates
    units = r[2] if len(r) == 3 else 0
    rows = gates * units
    hidden = node.value("hidden_size", units)
    if len(w) != 3 or not w[2] or not units or w[:2] != (count, rows) or r[:2] != (count, rows) or hidden != units:
        raise ReasonError(f"its W {w} and R {r} do not match {count} × {gates} gates of {hidden} units")
    if "B" in shapes and shapes["B"] != (count, 2 * rows):
        raise ReasonError(f"its B {shapes['B']} is not {(count, 2 * rows)}")
    return units, w[2]


def _activations(node: NodeProto, kind: Kind, count: int) -> dict[str, object]:
    """Return the activations of a layer by attribute."""
    names = [name.decode("utf-8", "replace") for name in node.named("activations").strings]
    each, usual = len(kind.activations), [*kind.activations]
    names = usual * count if names in ([], usual * 2) else names  # ONNX Runtime writes both, whatever the directions
    if len(names) != each * count:
        raise ReasonError(f"it has {plural(len(names), 'activation')}, expected {each * count}")
    numbers = {name: [*node.named(f"activation_{name}").floats] for name in ("alpha", "beta")}
    words = [_activation(name, numbers) for name in names]
    if words[:each] * count != words:
        raise ReasonError(f"its two directions have different activations: {', '.join(names)}")
    if node.operation == "LSTM" and words[1] != words[2]:
        both = "a Keras LSTM has one activation for both"
        raise ReasonError(f"its candidate has {words[1]} and its output {words[2]}; {both}")
    if each == 1:
        return {"activation": words[0]}
    return {"recurrent_activation": words[0], "activation": words[1]}


def _activation(name: str, numbers: Mapping[str, list[float]]) -> str:
    """Return the specs' word for an activation, after removing its parameters from the front of the lists."""
    known = IN_CELLS.get(name.lower())
    if known is None:
        raise ReasonError(f"its activation {shorten(name)} is not one of Keras's")
    given = {each: numbers[each].pop(0) if numbers[each] else number.usual for each, number in known.numbers.items()}
    if not all(known.numbers[each].agrees(number) for each, number in given.items()):
        values = " and ".join(f"{each} {number:.4g}" for each, number in given.items())
        hard = "; the hard_sigmoid of Keras 3 has alpha 1/6" if known.word == "hard_sigmoid" else ""
        raise ReasonError(f"its activation {name} with {values} is not one of Keras's{hard}")
    return known.word
