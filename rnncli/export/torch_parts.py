"""A network in parts: what each layer, or each stack of equal recurrent layers, is in PyTorch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnncli.export.python_calls import Call, number, string
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN
from rnncli.network import Network
from rnncli.quantities import Shape, features_of


@dataclass(frozen=True)
class Block:
    """A layer, or recurrent layers that are one stack in PyTorch.

    Attributes:
        layers: the layers.
        keys: Keras's names for them.
        reads: the shape of what the first of them reads.
        returns: the shape of what the last of them returns.
    """

    layers: tuple[Layer, ...]
    keys: tuple[str, ...]
    reads: Shape
    returns: Shape

    @property
    def layer(self) -> Any:
        """The last layer; the others are like it, but for what they return."""
        return self.layers[-1]

    @property
    def features(self) -> str:
        """How many numbers each vector has that the first layer reads."""
        return number(features_of(self.reads))


class Module(NamedTuple):
    """A module.

    Attributes:
        name: what an attribute is called that holds such a module: `dense`.
        made: the call that makes it: `nn.Linear(8, 4)`.
    """

    name: str
    made: Call


class Step(NamedTuple):
    """An assignment in `forward`.

    Attributes:
        target: what is assigned to: `x`, or `x, _`.
        value: what is assigned.
        note: what a comment says of it.
    """

    target: str
    value: str
    note: str = ""


class Part(NamedTuple):
    """A block as PyTorch has it.

    Attributes:
        block: the layers.
        module: the module that does the work; None if methods of a tensor do.
        attribute: the name of the module: `lstm`, `dense2`; empty without one.
        steps: what is done in `forward`.
    """

    block: Block
    module: Module | None
    attribute: str
    steps: tuple[Step, ...]


def parts_of(network: Network) -> list[Part]:
    """Return the parts of a network that PyTorch can express, in order."""
    blocks = list(_blocks(network))
    modules = [MODULES[type(block.layer)](block) if type(block.layer) in MODULES else None for block in blocks]
    return [
        Part(block, module, attribute, tuple(STEPS[type(block.layer)](block.layer, f"self.{attribute}")))
        for block, module, attribute in zip(blocks, modules, _attributes(blocks, modules), strict=True)
    ]


def _blocks(network: Network) -> Iterator[Block]:
    stack: list[tuple[str, Layer, Shape, Shape]] = []
    for key, layer, (reads, returns) in zip(network.names, network.body, network.shapes(), strict=True):
        if stack and not _continues(stack[-1][1], layer):
            yield _block(stack)
            stack = []
        stack.append((key, layer, reads, returns))
    if stack:
        yield _block(stack)


def _block(stack: Sequence[tuple[str, Layer, Shape, Shape]]) -> Block:
    keys, layers, reads, returns = zip(*stack, strict=True)
    return Block(layers, keys, reads[0], returns[-1])


def _continues(before: Layer, layer: Layer) -> bool:
    """Whether a layer is one more level of the stack that the layer before it is in."""
    alike = bool(layer.states) and _level(before) == _level(layer)
    # One that reads time backwards begins at the end of what is before it, which PyTorch's levels do not.
    return alike and before.returns == "sequence" and not layer.reverses


def _level(layer: Layer) -> Layer | None:
    """Return what layers have to share to be levels of one stack: not what they return, nor how a bias starts."""
    level = layer.returning("sequence")
    return None if level is None else level.trained()


def _attributes(blocks: Sequence[Block], modules: Sequence[Module | None]) -> Iterator[str]:
    """Yield the name of each module: `lstm`, or `lstm1` and `lstm2` where there are several; nothing without one.

    Equal modules without weights are one.
    """
    owners: dict[object, Module] = {}
    """Each module that is built, by what tells it from the others."""
    which: list[object] = []
    for place, (block, module) in enumerate(zip(blocks, modules, strict=True)):
        owns = any(layer.weights((None, None, 1), "torch") for layer in block.layers)
        which.append(place if owns or module is None else module)
        if module is not None:
            owners.setdefault(which[-1], module)
    total = Counter(module.name for module in owners.values())
    taken: Counter[str] = Counter()
    named: dict[object, str] = {}
    for key, module in owners.items():
        taken[module.name] += 1
        named[key] = module.name + (str(taken[module.name]) if total[module.name] > 1 else "")
    yield from (named.get(key, "") for key in which)


# What is built


def _embedding(block: Block) -> Module:
    return Module("embedding", Call("nn.Embedding", (number(block.layer.input_dim), number(block.layer.output_dim))))


def _recurrent(block: Block) -> Module:
    layer, levels = block.layer, len(block.layers)
    arguments = [block.features, number(layer.units)]
    if levels > 1:
        arguments.append(f"num_layers={levels}")
    if layer.kind == "rnn" and layer.activation != "tanh":
        arguments.append(f"nonlinearity={string(layer.activation)}")
    if not layer.use_bias:
        arguments.append("bias=False")
    arguments.append("batch_first=True")
    if layer.merge is not None:
        arguments.append("bidirectional=True")
    return Module(layer.kind, Call(f"nn.{layer.torch}", tuple(arguments)))


def _dense(block: Block) -> Module:
    bias = () if block.layer.use_bias else ("bias=False",)
    return Module("dense", Call("nn.Linear", (block.features, number(block.layer.units), *bias)))


def _dropout(block: Block) -> Module:
    return Module("dropout", Call("nn.Dropout", (number(block.layer.rate),)))


def _norm(block: Block) -> Module:
    layer = block.layer
    arguments = [block.features]
    if layer.epsilon != 1e-5:
        arguments.append(f"eps={number(layer.epsilon)}")
    if not layer.scale:
        arguments.append("elementwise_affine=False")
    elif not layer.center:
        arguments.append("bias=False")
    return Module("norm", Call("nn.LayerNorm", tuple(arguments)))


MODULES: Mapping[type[Layer], Callable[[Block], Module]] = {
    Embedding: _embedding,
    SimpleRNN: _recurrent,
    LSTM: _recurrent,
    GRU: _recurrent,
    Dense: _dense,
    Dropout: _dropout,
    Norm: _norm,
}
"""The module for each kind of layer that is one; the others are methods of a tensor."""


# What is done in forward


def _run_recurrent(layer: Any, module: str) -> Iterator[Step]:
    x = "x.flip(1)" if layer.reverses else "x"
    if layer.returns == "sequence":
        yield Step("x, _", f"{module}({x})", "in reversed time" if layer.reverses else "")
        return
    states = "(h_n, _)" if len(layer.states) > 1 else "h_n"
    yield Step(f"_, {states}", f"{module}({x})", "from the last timestep to the first" if layer.reverses else "")
    if layer.merge is None:
        yield Step("x", "h_n[-1]")
    else:
        yield Step("x", "torch.cat((h_n[-2], h_n[-1]), dim=-1)")


ACTIVATIONS: Mapping[str, str] = {
    "linear": "{}",
    "relu": "F.relu({})",
    "tanh": "torch.tanh({})",
    "sigmoid": "torch.sigmoid({})",
    "hard_sigmoid": "F.hardsigmoid({})",
    "softsign": "F.softsign({})",
    "softplus": "F.softplus({})",
    "elu": "F.elu({})",
    "selu": "F.selu({})",
    "gelu": "F.gelu({})",
    "silu": "F.silu({})",
    "softmax": "F.softmax({}, dim=-1)",
}
"""Each activation of a value, as Keras 3 defines it."""

_POOLS = {"max": "x.amax(dim=1)", "avg": "x.mean(dim=1)"}

STEPS: Mapping[type[Layer], Callable[[Any, str], Iterator[Step]]] = {
    Embedding: lambda layer, module: iter([Step("x", f"{module}(ids)")]),
    SimpleRNN: _run_recurrent,
    LSTM: _run_recurrent,
    GRU: _run_recurrent,
    Dense: lambda layer, module: iter([Step("x", ACTIVATIONS[layer.activation].format(f"{module}(x)"))]),
    Dropout: lambda layer, module: iter([Step("x", f"{module}(x)")]),
    Norm: lambda layer, module: iter([Step("x", f"{module}(x)")]),
    Repeat: lambda layer, module: iter([Step("x", f"x.unsqueeze(1).expand(-1, {layer.n}, -1)")]),
    Pool: lambda layer, module: iter([Step("x", _POOLS[layer.mode])]),
}
"""What each kind of layer does in `forward`, by the layer and its module. An Input does nothing."""
