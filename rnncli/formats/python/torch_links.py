"""What each of PyTorch's modules is in the language, from its arguments in a Python source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rnncli.errors import ArgumentError, RnncliError, shorten
from rnncli.formats.nodes import Node, layer_node
from rnncli.formats.python.definitions import Instance
from rnncli.formats.python.torch_modules import CONTAINERS, Module
from rnncli.formats.python.values import Unknown, Value, not_said
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Norm, Recurrent, SimpleRNN
from rnncli.layers.activations import ACTIVATIONS

MAX_LEVELS = 1000
"""The most layers of one stack."""


class InexpressibleError(Exception):
    """A module that the language nearly has; the reason says what is missing."""


class Link(NamedTuple):
    """A layer, and the number of features that it reads and returns; None for one that reads any."""

    piece: Node
    reads: int | None
    returns: int | None
    line: int
    assumed: tuple[str, ...] = ()


class Applied(NamedTuple):
    """An activation that follows the layer before."""

    activation: str
    note: str


class Gap(NamedTuple):
    """What stands between layers and is none that the language has; a note says what it is.

    Attributes:
        note: the note.
        ends: whether a row of layers cannot go on over it.
    """

    note: str
    ends: bool = True


Item = Link | Gap | Applied


class _Arguments:
    """The arguments of a module, checked as they are read."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def number(self, name: str, default: int | float | None = None) -> int | float:
        """Return a number.

        Raises:
            RnncliError: it is not known.
        """
        value = self._module.arguments.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if value is None:
            raise RnncliError(
                f"{self._module.kind} has no {name} (line {self._module.line})", f"it needs one: {name}=128"
            )
        raise not_said(name, value, self._module.line)

    def size(self, name: str, default: int | None = None) -> int:
        """Return a whole number.

        Raises:
            RnncliError: it is not known, or no size.
        """
        value = self.number(name, default)
        if not isinstance(value, int) or value < 0:
            raise RnncliError(f"{name} is {value} (line {self._module.line}), expected a whole number")
        return value

    def truth(self, name: str, default: bool) -> bool:
        """Return whether something holds.

        Raises:
            RnncliError: that is not known.
        """
        value = self._module.arguments.get(name, default)
        if isinstance(value, bool | int):
            return bool(value)
        raise not_said(name, value, self._module.line, "True or False")

    def get(self, name: str, default: Value = None) -> Value:
        """Return any value."""
        return self._module.arguments.get(name, default)


def _recurrent(cls: type[Recurrent], cell: bool) -> Callable[[str, Module], Iterator[Item]]:
    def links(name: str, module: Module) -> Iterator[Item]:
        given = _Arguments(module)
        reads, units = given.size("input_size"), given.size("hidden_size")
        settings: dict[str, Value] = {"use_bias": given.truth("bias", True)}
        if cls is SimpleRNN:
            word = given.get("nonlinearity", "tanh")
            if not isinstance(word, str):
                raise not_said("nonlinearity", word, module.line, "tanh or relu")
            settings["activation"] = word
        levels = 1 if cell else given.size("num_layers", 1)
        if not 1 <= levels <= MAX_LEVELS:
            raise RnncliError(
                f"num_layers is {levels} (line {module.line}), expected a number from 1 to {MAX_LEVELS:,}"
            )
        both = not cell and given.truth("bidirectional", False)
        if not cell and given.get("proj_size", 0) != 0:
            raise InexpressibleError("it has proj_size: neither Keras nor rnncli has such a cell")
        settings["merge_mode"] = "concat" if both else None
        dropout = given.number("dropout", 0.0) if not cell and levels > 1 else 0.0
        for level in range(levels):
            if level and dropout:
                yield Link(layer_node(Dropout(dropout), f"{name} (dropout)", "torch", {}), None, None, module.line)
            layer = cls(units, **settings)
            own = f"{name} (layer {level})" if levels > 1 else name
            yield Link(
                layer_node(layer, own, "torch", {}),
                units * (1 + both) if level else reads,
                units * (1 + both),
                module.line,
            )

    return links


def _embedding(name: str, module: Module) -> Iterator[Item]:
    given = _Arguments(module)
    layer = Embedding(given.size("num_embeddings"), given.size("embedding_dim"))
    padding = given.get("padding_idx")
    assumed = () if padding is None else (f"{name} has a padding_idx; the vectors at padding are read like all others",)
    yield Link(layer_node(layer, name, "torch", {}), None, layer.output_dim, module.line, assumed)


def _linear(name: str, module: Module) -> Iterator[Item]:
    given = _Arguments(module)
    layer = Dense(given.size("out_features"), given.truth("bias", True))
    yield Link(layer_node(layer, name, "torch", {}), given.size("in_features"), layer.units, module.line)


def _dropout(name: str, module: Module) -> Iterator[Item]:
    yield Link(layer_node(Dropout(_Arguments(module).number("p", 0.5)), name, "torch", {}), None, None, module.line)


def _norm(name: str, module: Module) -> Iterator[Item]:
    given = _Arguments(module)
    shape = given.get("normalized_shape")
    if isinstance(shape, list | tuple):
        if len(shape) != 1:
            raise InexpressibleError("it works on several axes, not on the features alone")
        shape = shape[0]
    if type(shape) is not int:
        raise not_said("normalized_shape", shape, module.line)
    affine = given.truth("elementwise_affine", True)
    said = given.number("eps", 1e-5)
    epsilon, same = Norm.nearest_epsilon(said)
    assumed = () if same else (f"{name} has an epsilon of {said:g}; here it runs with {epsilon:g}",)
    layer = Norm(affine and given.truth("bias", True), affine, epsilon)
    yield Link(layer_node(layer, name, "torch", {}), shape, shape, module.line, assumed)


_MAKERS: Mapping[str, Callable[[str, Module], Iterator[Item]]] = {
    "RNN": _recurrent(SimpleRNN, cell=False),
    "LSTM": _recurrent(LSTM, cell=False),
    "GRU": _recurrent(GRU, cell=False),
    "RNNCell": _recurrent(SimpleRNN, cell=True),
    "LSTMCell": _recurrent(LSTM, cell=True),
    "GRUCell": _recurrent(GRU, cell=True),
    "Embedding": _embedding,
    "Linear": _linear,
    "Dropout": _dropout,
    "LayerNorm": _norm,
}
"""What reads the arguments of each class of torch.nn that the language has."""


LOOPS = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


_ACTIVATIONS = {name.replace("_", ""): name for name in ACTIVATIONS if name != "linear"}


def is_recurrent(value: Value) -> bool:
    """Whether a module loops over time, or holds one that does."""
    waiting = [value]
    for _ in range(10_000):
        if not waiting:
            break
        each = waiting.pop()
        if isinstance(each, Module):
            if each.kind in LOOPS:
                return True
            waiting += [child for _, child in each.children]
    return False


def items_of(name: str, value: Value, depth: int = 0) -> Iterator[Item]:
    """Yield the layers that a module is.

    Raises:
        RnncliError: something about it is not known.
    """
    if isinstance(value, Instance):
        yield Gap(f"{name} ({value.cls.name}, a class of its own)")
    elif isinstance(value, list):
        yield Gap(f"{shorten(name)} (a list, whose modules PyTorch does not see)")
    elif isinstance(value, Unknown) and value.made_by:
        yield Gap(f"{shorten(name)} ({shorten(value.made_by)}, none of PyTorch's)")
    elif isinstance(value, Unknown):
        raise RnncliError(f"{name} is not known: {value.why}", value.advice)
    elif not isinstance(value, Module) or depth > 20:
        yield Gap(f"{name} (none of PyTorch's modules)")
    elif value.fault is not None:
        raise value.fault
    elif value.kind in CONTAINERS:
        for own, child in value.children:
            yield from items_of(f"{name}.{own}", child, depth + 1)
    elif value.kind in _MAKERS:
        yield from _made(name, value)
    elif value.kind.lower() in _ACTIVATIONS and depth:
        yield Applied(_ACTIVATIONS[value.kind.lower()], _described(name, value))
    else:
        yield Gap(_described(name, value), ends=not _is_function(value.kind))


def _made(name: str, module: Module) -> Iterator[Item]:
    try:
        yield from list(_MAKERS[module.kind](name, module))
    except InexpressibleError as reason:
        yield Gap(f"{_described(name, module)}: {reason}")
    except ArgumentError as error:
        raise RnncliError(f"{name} (line {module.line}): {error.message}", error.advice) from None


def _described(name: str, module: Module) -> str:
    return f"{shorten(name)} ({shorten(module.kind)}, line {module.line})"


def _is_function(kind: str) -> bool:
    """Whether a module only applies a function, so that layers may follow one another over it."""
    return kind.lower() in {
        *_ACTIVATIONS,
        "leakyrelu",
        "prelu",
        "logsoftmax",
        "hardswish",
        "relu6",
        "mish",
        "logsigmoid",
    }
