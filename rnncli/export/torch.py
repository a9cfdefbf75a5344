"""A network as a module of PyTorch, and its weights as the state dict of that module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.errors import SpecError, printable
from rnncli.export import Job
from rnncli.export.python_calls import INDENT, commented, docstring, laid_out
from rnncli.export.torch_masks import PACK, UNPACK, check_mask, is_heeded, skipping_padding
from rnncli.export.torch_parts import Part, Step, parts_of
from rnncli.language.repairs import mended
from rnncli.language.rules import check_framework
from rnncli.layers.python_call import Call, string
from rnncli.layers.recurrent import Recurrent
from rnncli.layers.weights import name_at_level
from rnncli.network import Network
from rnncli.quantities import Shape

if TYPE_CHECKING:
    from rnncli.export import Arrays


def export(job: Job) -> str:
    """Return the source of a module, `Network`, that is bound to the name `model`.

    Raises:
        SpecError: PyTorch cannot express a layer; the error names it, and the nearest that it can.
    """
    check(job.network)
    parts = parts_of(job.network)
    if is_heeded(job.network):
        parts = list(skipping_padding(parts))
    return "\n".join(_source(job, parts)) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights as the module's state dict has them: `lstm.weight_ih_l0`, `dense.weight`.

    Raises:
        SpecError: PyTorch cannot express a layer.
    """
    from rnncli.formats.conventions import torch_weights

    check(job.network)
    weights: dict[str, dict[str, Any]] = {}
    for key, array in job.weights().items():
        owner, _, name = key.partition("/")
        weights.setdefault(owner, {})[name] = array
    state = {}
    for part in parts_of(job.network):
        for level, (key, layer) in enumerate(zip(part.block.keys, part.block.layers, strict=True)):
            for name, array in torch_weights(layer, weights.get(key, {})).items():
                state[f"{part.attribute}.{name_at_level(name, level)}"] = array.astype("float32", copy=False)
    return state


# What PyTorch can express


def check(network: Network) -> None:
    """Check that PyTorch can express a network.

    Raises:
        SpecError: it cannot.
    """
    try:
        _check(network)
    except SpecError as error:
        raise mended(error, lambda repair: _check(Network.parse(repair))) from None


def _check(network: Network) -> None:
    assert network.source is not None
    check_framework(network.layers, network.source, "torch")
    check_mask(network)


# The source


def _source(job: Job, parts: Sequence[Part]) -> Iterator[str]:
    """Yield the lines of the source."""
    forward = list(_forward(job.network, parts))
    yield "import torch"
    if any("F." in line for line in forward):
        yield "import torch.nn.functional as F"
    if job.saved is not None:
        yield "from safetensors.torch import load_file"
    yield "from torch import nn"
    packing = [name for name in (PACK, UNPACK) if any(f" {name}(" in line for line in forward)]
    if packing:
        yield f"from torch.nn.utils.rnn import {', '.join(packing)}"
    yield from ("", "", "class Network(nn.Module):")
    yield from docstring(job.network, INDENT)
    yield ""
    modules = {part.attribute: part.module for part in parts if part.module is not None}
    if modules:
        yield f"{INDENT}def __init__(self) -> None:"
        yield f"{2 * INDENT}super().__init__()"
        for attribute, module in modules.items():
            function, arguments = module.made
            yield from laid_out(Call(f"self.{attribute} = {function}", arguments), 2 * INDENT)
        yield ""
    yield from forward
    yield from ("", "", "model = Network()")
    if job.saved is not None:
        yield ""
        yield from (f"# {line}" for line in _told_of_weights(job, parts))
        yield from laid_out(Call("model.load_state_dict", (Call("load_file", (string(job.saved),)),)))
        if any(part.module is not None and part.module.drops for part in parts):
            yield "model.eval()  # no dropout"


def _forward(network: Network, parts: Sequence[Part]) -> Iterator[str]:
    """Yield the lines of `forward`. A comment says each shape, where it is another than before."""
    x = "x" if network.head.vocabulary is None else "ids"
    shape = network.input_shape()
    yield f"{INDENT}def forward(self, {x}: torch.Tensor) -> torch.Tensor:"
    yield f"{2 * INDENT}# {x}: {_shape_text(shape)}{', 0 is padding' if is_heeded(network) else ''}"
    steps: list[Step] = []
    for part in parts:
        *before, last = part.steps
        returns = part.block.returns
        comment = ", ".join(text for text in (_shape_text(returns) if returns != shape else "", last.note) if text)
        steps += (*before, last._replace(note=comment))
        shape = returns
    for number, step in enumerate(steps, start=1):
        returned = number == len(steps) and step.target == "x"
        line = f"{'return' if returned else f'{step.target} ='} {step.value}"
        yield from (f"{2 * INDENT}{text}" for text in commented(line, step.note, 2 * INDENT))
    if not steps or steps[-1].target != "x":
        yield f"{2 * INDENT}return x"


def _shape_text(shape: Shape) -> str:
    """Return a shape in words for what is not known: (batch, timesteps, 32)."""
    words = ("batch", "timesteps")
    return f"({', '.join(words[axis] if size is None else str(size) for axis, size in enumerate(shape))})"


def _told_of_weights(job: Job, parts: Sequence[Part]) -> Iterator[str]:
    """Yield what a comment says of the weights."""
    origin = printable(job.origin)
    yield f"The{origin[3:]}" if origin.startswith("the ") else f"Weights {origin}"
    cells = [layer for part in parts for layer in part.block.layers if isinstance(layer, Recurrent)]
    for cell in {type(cell): cell for cell in cells}.values():
        told = []
        if cell.gates > 1:
            told.append(f"the gates are in the order {', '.join(cell.blocks['torch'])}")
        if any(other.use_bias for other in cells if other.kind == cell.kind):
            stacked = getattr(cell, "reset_after", False)
            told.append(
                "bias_ih is the input's, bias_hh the state's" if stacked else "the bias is bias_ih, bias_hh is zero"
            )
        if told:
            yield f"{cell.torch}: {'; '.join(told)}"
