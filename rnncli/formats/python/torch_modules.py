"""The modules of torch.nn that a Python source makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rnncli.errors import RnncliError
from rnncli.formats.python.values import Given, Thing, Value
from rnncli.language.arguments import TORCH_POSITIONS

KNOWN = frozenset(
    {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "Embedding", "Linear", "Dropout", "LayerNorm"}
)
"""The classes that the language has."""

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")

_SAME = frozenset({"to", "cuda", "cpu", "float", "double", "half", "eval", "train", "apply", "requires_grad_"})
"""Methods that return the module itself."""

_UNHEARD = frozenset({"Identity", "Flatten", "Unflatten", "Parameter", "ParameterList", "ParameterDict"})
"""Classes that make no layer of the network."""


@dataclass(eq=False)
class Module(Thing):
    """A module of torch.nn.

    Attributes:
        kind: its class.
        arguments: its arguments by name.
        line: where it is made.
        children: the modules in a container, each with its name.
        fault: why it is not known.
        variable: the variable that it is bound to.
        function: the function that makes it.
        inner: whether it stands in a container.
    """

    kind: str
    arguments: dict[str, Value]
    line: int
    children: list[tuple[str, Value]] = field(default_factory=list)
    fault: RnncliError | None = None
    variable: str = ""
    function: str = ""
    inner: bool = False

    def bound(self, name: str, function: str) -> None:
        """Note the variable."""
        del function
        self.variable = self.variable or name

    def method(self, name: str, given: Given) -> Value:
        """Add a module to a container; return the module itself where a method does."""
        if name in _SAME:
            return self
        if name == "append" and self.kind in CONTAINERS:
            self._add(str(len(self.children)), given.get("module", 0))
        elif name == "add_module" and self.kind in CONTAINERS:
            self._add(str(given.get("name", 0)), given.get("module", 1))
        else:
            return super().method(name, given)
        return self

    def _add(self, name: str, value: Value) -> None:
        if isinstance(value, Module):
            value.inner = True
        self.children.append((name, value))

    def item(self, index: Value, given: Given) -> Value:
        """Return a module of a container."""
        if type(index) is int and -len(self.children) <= index < len(self.children):
            return self.children[index][1]
        return super().item(index, given)

    def fill(self, given: Given) -> None:
        """Put what a container is given into it."""
        values: list[Value] = given.positional
        if len(values) == 1 and isinstance(values[0], list | dict):
            values = [values[0]] if isinstance(values[0], dict) else values[0]
        for number, each in enumerate(values):
            if isinstance(each, dict):
                for name, value in each.items():
                    self._add(str(name), value)
            else:
                self._add(str(number), each)


@dataclass
class TorchReader:
    """Makes PyTorch's modules, and keeps them.

    Attributes:
        function: returns the function at hand.
    """

    function: Callable[[], str]
    modules: list[Module] = field(default_factory=list)

    def make(self, name: str, given: Given) -> Value:
        """Return the module that a call of a class of torch.nn makes; None if it is none."""
        if not name[:1].isupper() or name in _UNHEARD or name.endswith("Loss"):
            return None
        module = Module(name, {}, given.line, function=self.function())
        self.modules.append(module)
        if name in CONTAINERS:
            module.fill(given)
            return module
        positions = TORCH_POSITIONS.get(name.lower(), ()) if name in KNOWN else ()
        if name in KNOWN and len(given.positional) > len(positions):
            count = len(given.positional)
            module.fault = RnncliError(
                f"{name} has {count} arguments by position (line {given.line})", "write them by name"
            )
        module.arguments = dict(zip(positions, given.positional, strict=False)) | given.named
        if name in KNOWN and given.unknown is not None:
            module.fault = RnncliError(
                f"the arguments of {name} are not known (line {given.line}): {given.unknown.why}", "write them by name"
            )
        return module
