"""A network in parts: what each layer, or each stack of equal recurrent layers, is in PyTorch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Layer, Norm, Pool, Repeat, SimpleRNN
from rnncli.layers.torch_modules import Module, modules_of, stacks_of
from rnncli.network import Network
from rnncli.quantities import Shape


@dataclass(frozen=True)
class Block:
    """A layer, or recurrent layers that are one stack in PyTorch.

    Attributes:
        layers: the layers that own its weights, one for each level.
        keys: Keras's names for them.
        returns: the shape of what the last of them returns.
        reverses: whether it reads time from the last step to the first.
    """

    layers: tuple[Layer, ...]
    keys: tuple[str, ...]
    returns: Shape
    reverses: bool

    @property
    def layer(self) -> Any:
        """The last layer; the others are like it, but for what they return."""
        return self.layers[-1]


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
    shapes = list(network.shapes())
    built = {module.levels: module for module in modules_of(network.body, [reads for reads, _ in shapes])}
    blocks = []
    modules = []
    for _, levels, _ in stacks_of(network.body):
        layers = tuple(network.body[place] for place in levels)
        keys = tuple(network.names[place] for place in levels)
        blocks.append(Block(layers, keys, shapes[levels[-1]][1], layers[0].reverses))
        modules.append(built.get(levels))
    return [
        Part(block, module, attribute, tuple(STEPS[type(block.layer)](block, f"self.{attribute}")))
        for block, module, attribute in zip(blocks, modules, _attributes(blocks, modules), strict=True)
    ]


def _attributes(blocks: Sequence[Block], modules: Sequence[Module | None]) -> Iterator[str]:
    """Yield the name of each module: `lstm`, or `lstm1` and `lstm2` where there are several; nothing without one.

    Equal modules without weights are one.
    """
    owners: dict[object, Module] = {}
    """Each module that is built, by what tells it from the others: its place, or its call."""
    which: list[object] = []
    for place, (block, module) in enumerate(zip(blocks, modules, strict=True)):
        owns = any(layer.weights((None, None, 1), "torch") for layer in block.layers)
        which.append(place if owns or module is None else module.made)
        if module is not None:
            owners.setdefault(which[-1], module)
    total = Counter(module.name for module in owners.values())
    taken: Counter[str] = Counter()
    named: dict[object, str] = {}
    for key, module in owners.items():
        taken[module.name] += 1
        named[key] = module.name + (str(taken[module.name]) if total[module.name] > 1 else "")
    yield from (named.get(key, "") for key in which)


# What is done in forward


def _run_recurrent(block: Block, module: str) -> Iterator[Step]:
    layer = block.layer
    x = "x.flip(1)" if block.reverses else "x"
    if layer.returns == "sequence":
        yield Step("x, _", f"{module}({x})", "in reversed time" if block.reverses else "")
        return
    states = "(h_n, _)" if len(layer.states) > 1 else "h_n"
    yield Step(f"_, {states}", f"{module}({x})", "from the last timestep to the first" if block.reverses else "")
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

STEPS: Mapping[type[Layer], Callable[[Block, str], Iterator[Step]]] = {
    Embedding: lambda block, module: iter([Step("x", f"{module}(ids)")]),
    SimpleRNN: _run_recurrent,
    LSTM: _run_recurrent,
    GRU: _run_recurrent,
    Dense: lambda block, module: iter([Step("x", ACTIVATIONS[block.layer.activation].format(f"{module}(x)"))]),
    Dropout: lambda block, module: iter([Step("x", f"{module}(x)")]),
    Norm: lambda block, module: iter([Step("x", f"{module}(x)")]),
    Repeat: lambda block, module: iter([Step("x", f"x.unsqueeze(1).expand(-1, {block.layer.n}, -1)")]),
    Pool: lambda block, module: iter([Step("x", _POOLS[block.layer.mode])]),
}
"""What each kind of layer does in `forward`, by its block and its module. An Input does nothing."""
