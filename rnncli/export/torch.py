"""A network as a PyTorch module, and its weights as that module's state dict.

Keras skips an id of 0 at any position; PyTorch's packed sequences can only skip padding at the end. So the ids are
first moved in front of the padding, in order. This loses the layer's outputs at padding; PyTorch has no equivalent for
networks that need them. Sequences that come with their lengths are packed as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from rnncli.errors import SpecError, UsageError, listed, printable
from rnncli.export import Job
from rnncli.export.plan import Arrays, Plan, TorchPart, plan_of
from rnncli.export.python_calls import INDENT, commented, docstring, laid_out, shape_words
from rnncli.immutable import NamedTuple
from rnncli.language.rules import check_framework, error_at
from rnncli.layers.python_call import PythonCall, string
from rnncli.layers.torch_modules import MODULES
from rnncli.layers.weights import name_at_level
from rnncli.layers.words import fields_in_both
from rnncli.network import Network

PACK, UNPACK = "pack_padded_sequence", "pad_packed_sequence"
"""The functions of torch.nn.utils.rnn that remove padding and restore it."""


def export(job: Job) -> str:
    """Return source that defines a module `Network` and an instance of it named `model`.

    Raises:
        SpecError: PyTorch cannot express a layer; the error names the layer and the nearest one that it can.
    """
    check(job.plan)
    return "\n".join(_source(job)) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights with the names of the module's state dict: `lstm.weight_ih_l0`, `dense.weight`.

    Raises:
        SpecError: PyTorch cannot express a layer.
    """
    from rnncli.formats.conventions import torch_weights

    check(job.plan)
    weights, state = job.weights(), {}
    for part in job.plan.parts:
        for level, step in enumerate(part.levels):
            for name, array in torch_weights(step.layer, step.own(weights)).items():
                state[f"{part.attribute}.{name_at_level(name, level)}"] = array.astype("float32", copy=False)
    return state


# Limits of PyTorch


def check(plan: Plan) -> None:
    """Raise a SpecError unless PyTorch can express a network."""
    try:
        _check(plan)
    except SpecError as error:
        from rnncli.language.mend import mended  # only an error needs it

        raise mended(error, lambda repair: _check(plan_of(Network.parse(repair)))) from None


def _check(plan: Plan) -> None:
    network, head = plan.network, plan.network.head
    assert network.source is not None
    check_framework(network.layers, network.source, "torch")
    fault = _fault(plan) if plan.packed or plan.heeds_padding else ""
    if fault and plan.packed:
        raise UsageError(f"PyTorch's packed sequences {fault}", "without --packed all sequences have one length")
    if fault:
        message = f"PyTorch's packed sequences skip padding, but {fault}"
        advice = f"leave out {listed(fields_in_both(head))} and use sequences of equal length"
        raise error_at(network.source, 0, message, advice, replace(head, mask_zero=False))


def _fault(plan: Plan) -> str:
    """Return why packed sequences cannot express how the layers treat padding; empty if they can."""
    readers = [step.layer for step in plan.steps if step.masked]
    if plan.packed and plan.network.head.mask_zero:
        return f"can only be padded at the end, but {plan.network.head.spec()} masks any timestep"
    for layer in readers:
        if layer.reverses:
            return f"cannot be read backwards, as {layer.spec()} requires"
        if layer.joins == "avg" and not plan.packed:
            return f"cannot be averaged, as {layer.spec()} requires"
        if layer.joins and plan.packed:
            return f"cannot be joined over all timesteps, as {layer.spec()} requires"
        if plan.packed and layer.returns != "vector" and not (layer.keeps_length and layer.passes_mask):
            return f"need to know where each ends, which is lost after {layer.spec()}"
    if plan.packed:
        return "" if any(layer.states for layer in readers) else "need a recurrent layer that reads the sequence"
    last = readers[-1]
    if last.states and last.returns == "vector":
        return ""
    return f"discard the outputs there, which {last.spec()} {'reads' if last.joins else 'returns'}"


# Source


def _source(job: Job) -> Iterator[str]:
    forward = list(_forward(job.plan))
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
    modules = {part.attribute: part.module for part in job.plan.parts if part.module is not None}
    if modules:
        yield f"{INDENT}def __init__(self) -> None:"
        yield f"{2 * INDENT}super().__init__()"
        for attribute, module in modules.items():
            function, arguments = module
            yield from laid_out(PythonCall(f"self.{attribute} = {function}", arguments), 2 * INDENT)
        yield ""
    yield from forward
    yield from ("", "", "model = Network()")
    if job.saved is not None:
        yield ""
        yield from (f"# {line}" for line in _weights_comment(job))
        yield from laid_out(PythonCall("model.load_state_dict", (PythonCall("load_file", (string(job.saved),)),)))
        yield "model.eval()  # to run it, not to train it"


def _weights_comment(job: Job) -> Iterator[str]:
    """Yield the lines of the comment on the weights: their origin, and their layout in recurrent modules."""
    origin = printable(job.origin)
    yield f"The{origin[3:]}" if origin.startswith("the ") else f"Weights {origin}"
    cells = [step for step in job.plan.steps if step.layer.states]
    for kind, cell in {step.layer.kind: step.layer for step in cells}.items():
        layout = [f"the gates are in the order {', '.join(cell.blocks['torch'])}"] if cell.gates > 1 else []
        weights = (weight for step in cells if step.layer.kind == kind for weight in step.weights)
        if bias := next((weight for weight in weights if weight.role == "bias"), None):
            both = "bias_ih is the input's, bias_hh the state's"
            layout.append(both if len(bias.axes) == 2 else "the bias is bias_ih, bias_hh is zero")
        if layout:
            yield f"{cell.torch}: {'; '.join(layout)}"


class Assignment(NamedTuple):
    """A line of `forward`: a value, the target it is assigned to, and a comment."""

    value: str
    target: str = "x"
    note: str = ""


def _forward(plan: Plan) -> Iterator[str]:
    lengths = ", lengths: torch.Tensor" if plan.packed else ""
    yield f"{INDENT}def forward(self, {plan.argument}: torch.Tensor{lengths}) -> torch.Tensor:"
    padding = f", {plan.network.head.padding} is padding" if plan.heeds_padding and not plan.packed else ""
    ends = "; lengths: (batch,), in the CPU's memory" if plan.packed else ""
    yield f"{2 * INDENT}# {plan.argument}: {shape_words(plan.reads)}{padding}{ends}"
    lines = [(f"{target} = {value}", note) for value, target, note in _assignments(plan)]
    if lines and lines[-1][0].startswith("x = "):
        lines[-1] = lines[-1][0].replace("x =", "return", 1), lines[-1][1]
    else:
        lines.append(("return x", ""))
    for line, note in lines:
        yield from (f"{2 * INDENT}{text}" for text in commented(line, note, 2 * INDENT))


def _assignments(plan: Plan) -> Iterator[Assignment]:
    """Yield the assignments of `forward`. A note gives the shape where it changes.

    Sequences with padding are packed for recurrent layers and unpacked for other layers.
    """
    if plan.heeds_padding and not plan.packed:
        yield from _padding_last(plan)
    shape, packed = plan.reads, False
    for part in plan.parts:
        packs = plan.heeds_padding and part.levels[0].masked and bool(part.layer.states)
        if packs and not packed:
            yield Assignment(f"{PACK}(x, lengths, batch_first=True, enforce_sorted=False)")
        elif packed and not packs:
            yield Assignment(f"{UNPACK}(x, batch_first=True)", "x, _")
        packed = packs and part.layer.returns == "sequence"
        *before, last = LAYERS[part.layer.kind](part)
        returns = part.levels[-1].returns
        notes = (shape_words(returns) if returns != shape else "", "packed" if packed else last.note)
        yield from (*before, last._replace(note=", ".join(filter(None, notes))))
        shape = returns
    if packed:
        yield Assignment(f"{UNPACK}(x, batch_first=True)", "x, _", "zeros after the end of each")


def _padding_last(plan: Plan) -> Iterator[Assignment]:
    """Yield the assignments that count the steps that are not padding and move the padding to the end."""
    if plan.network.head.vocabulary is not None:
        yield Assignment(f"({plan.mask}).sum(dim=1).cpu()", "lengths", "none may be 0")
        yield Assignment("ids.gather(1, (ids == 0).argsort(dim=1, stable=True))", "ids", "padding last")
        return
    yield Assignment(plan.mask, "mask")
    yield Assignment("mask.sum(dim=1).cpu()", "lengths", "none may be 0")
    yield Assignment("(~mask).int().argsort(dim=1, stable=True)", "order", "padding last")
    yield Assignment("x.take_along_dim(order.unsqueeze(-1), dim=1)")


def _module(part: TorchPart, reads: str = "x") -> list[Assignment]:
    """Return the call of a module, transposed if it reads (batch, features, timesteps), and of its activation."""
    layer, padded, note = part.layer, list[Assignment](), ""
    if layer.window is not None and layer.window.padding == "causal" and layer.window.span > 1:
        padded.append(Assignment(f"F.pad(x, (0, 0, {layer.window.span - 1}, 0))"))
    value = f"self.{part.attribute}({reads})"
    made = "" if part.module is None else part.module.function
    if made.endswith("1d") and len(part.levels[0].reads) == 3:  # PyTorch's name for modules with time last
        value = f"self.{part.attribute}(x.transpose(1, 2)).transpose(1, 2)"
        note = f"{made} has time last"
    return [*padded, Assignment(ACTIVATIONS[(*layer.activations, "linear")[0]].format(value), note=note)]


def _recurrent(part: TorchPart) -> list[Assignment]:
    layer, back = part.layer, part.levels[0].layer.reverses
    call = f"self.{part.attribute}({'x.flip(1)' if back else 'x'})"
    if layer.returns == "sequence":
        return [Assignment(call, "x, _", "in reversed time" if back else "")]
    states = "(h_n, _)" if len(layer.states) > 1 else "h_n"
    last = "h_n[-1]" if layer.merge is None else "torch.cat((h_n[-2], h_n[-1]), dim=-1)"
    return [Assignment(call, f"_, {states}", "from the last timestep to the first" if back else ""), Assignment(last)]


def _pool(part: TorchPart) -> list[Assignment]:
    return _module(part) if part.module is not None else [Assignment(POOLS[part.layer.joins])]


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
"""The call of each activation, as Keras 3 defines it."""

POOLS: Mapping[str, str] = {"max": "x.amax(dim=1)", "avg": "x.mean(dim=1)"}
"""The expression that reduces a sequence to a vector, by mode."""

LAYERS: Mapping[str, Callable[[TorchPart], list[Assignment]]] = {
    **{layer.kind: _recurrent if layer.states else _module for layer in MODULES},
    "embed": lambda part: _module(part, "ids"),
    "repeat": lambda part: [Assignment(f"x.unsqueeze(1).expand(-1, {part.layer.n}, -1)")],
    "act": lambda part: [Assignment(f"self.{part.attribute}(x)")],
    "pool": _pool,
    "flatten": lambda part: [Assignment("x.flatten(1)")],
}
"""The assignments of each kind of layer in `forward`. An input has none."""
