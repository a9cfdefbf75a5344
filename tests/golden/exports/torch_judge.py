"""Run exported PyTorch with its state dict, and read it back; check refused networks and their repairs."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import torch
from golden.data import TORCH_BATCH, TORCH_TIMESTEPS, enough_timesteps
from golden.exports.case import Case, Layers, run, unchanged
from golden.exports.findings import Findings
from golden.generate import random_stack, small_size

from rnncli import Network
from rnncli.errors import SpecError
from rnncli.export import Job, arrays, export
from rnncli.export.weight_writers import write_weights
from rnncli.formats import open_model
from rnncli.layers import GRU, Embedding, Input, Layer, Norm

VERSION = f"PyTorch {torch.__version__.split('+')[0]}"

# Small networks are slower on several threads.
torch.set_num_threads(1)


def judge(random: Random, findings: Findings) -> None:
    """Export a random network to PyTorch, and run it there.

    One in six networks skips padding, one in six reads sequences of different lengths, and one in six is a stack of
    recurrent layers, some of which form one module.
    """
    case = Case(random, random.choice((_with_padding, _with_ends, _stacked, unchanged, unchanged, unchanged)))
    if case.changed is _with_ends and case.network.head.fixed_timesteps is None:
        timesteps = case.x.shape[1]
        case.lengths = [timesteps, *(random.randint(1, timesteps) for _ in case.x[1:])]
    path = str(findings.folder / "model.safetensors")
    try:
        source = str(export(case.job(path), "torch"))
    except SpecError as error:
        _judge_refusal(case, error, findings)
        return
    findings.count("networks")
    findings.keep(source)
    state = arrays(case.job(), "torch")
    write_weights(path, state, ".safetensors")
    model = run(source)["model"].eval()
    # The number of batches that a norm saw in training is not a weight; PyTorch adds it to a state without it.
    kept = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    built = {name: tuple(tensor.shape) for name, tensor in kept.items()}
    if list(built.items()) != [(name, array.shape) for name, array in state.items()]:
        findings.differ(case.spec, f"its module has {built}")
    if any(array.dtype != "float32" or not array.flags.c_contiguous for array in state.values()):
        findings.differ(case.spec, "an array is not float32 or not in row-major order")
    if case.lengths is not None:
        findings.count("packed")
    if case.network.head.mask_zero:
        # PyTorch refuses to pack a sequence of only padding.
        case.x = case.x[case.x.reshape(len(case.x), -1).any(axis=1)]
        findings.count("masked")
    if len(case.x):
        _judge_module(case, model, findings)
    case.judge_weights_file(path, findings)
    _judge_state_dict(case, path, findings)


def _stacked(random: Random, layers: Layers) -> Layers:
    """Return the layers with some replaced by a stack."""
    return random_stack(random)


def _with_padding(random: Random, layers: Layers) -> Layers:
    """Return layers with a mask that PyTorch can pack: they end in a last output, and read time forwards."""
    of_ids = Embedding(random.randint(2, 8), small_size(random), mask_zero=True)
    head = random.choice((of_ids, Input(small_size(random), mask_zero=True)))
    body = [layer for layer in (*layers[1:], GRU(3)) if layer.states or layer.returns == "same"]
    last = max(index for index, layer in enumerate(body) if layer.states)
    return (
        head,
        *(
            replace(layer, go_backwards=False, return_sequences=index < last) if layer.states else layer
            for index, layer in enumerate(body)
        ),
    )


def _with_ends(random: Random, layers: Layers) -> Layers:
    """Return the layers without a mask: sequences simply have different lengths."""
    head, *body = _with_padding(random, layers)
    return (replace(head, mask_zero=False), *body)


def _judge_module(case: Case, model: torch.nn.Module, findings: Findings) -> None:
    """Compare a module's parameters and output with rnncli's description of the network."""
    summary = case.network.summary(*case.x.shape[:2], framework="torch")
    params = sum(tensor.numel() for tensor in model.parameters())
    if params != summary.total_params:
        findings.differ(case.spec, f"it has {params:,} parameters, and summary says {summary.total_params:,}")
    with torch.no_grad():
        ends = [] if case.lengths is None else [torch.tensor(case.lengths)]
        theirs = model(torch.from_numpy(case.x), *ends).numpy()
    if theirs.shape != summary.output_shape:
        findings.differ(case.spec, f"it returns {theirs.shape}, and summary says {summary.output_shape}")
    ours = case.output(findings)
    if ours is not None:
        findings.compare(case.spec, ours, theirs)


def _judge_refusal(case: Case, error: SpecError, findings: Findings) -> None:
    """Check that PyTorch does refuse the network for this reason, and accepts the repair."""
    findings.count("refused")
    try:
        case.network.summary(framework="torch")
        if not case.network.head.mask_zero:
            findings.differ(case.spec, f"PyTorch can express it, but export refuses it: {error.message}")
    except SpecError as same:
        if same.message != error.message:
            findings.differ(case.spec, f"summary refuses it with another message: {same.message}")
    try:
        repaired = Network.parse(error.repair or "")
        timesteps = enough_timesteps(repaired.layers, TORCH_TIMESTEPS)
        model = run(export(Job(repaired, dict), "torch"))["model"]
        if repaired.head.vocabulary != 1:
            model(torch.ones(repaired.input_shape(TORCH_BATCH, timesteps), dtype=_dtype(repaired)))
    except SpecError as again:
        findings.differ(case.spec, f"its repair {error.repair} is refused: {again.message}")


def _judge_state_dict(case: Case, path: str, findings: Findings) -> None:
    """Check that rnncli reads a state dict back as the exported network, as far as a state dict describes it."""
    said = expressible_in_state_dict(case.network)
    if said is None:
        return
    parts = open_model(path).parts
    findings.count("specs")
    if [str(part.network) for part in parts] != [str(said)]:
        findings.differ(case.spec, f"is read back as {[str(part.network) for part in parts]}, expected {said}")


def expressible_in_state_dict(network: Network) -> Network | None:
    """Return the part of a network that a state dict can express; None if it is not a simple chain.

    It lacks activations, layers without weights, the direction of a layer with one direction, epsilon, and the initial
    value of an LSTM's bias. It is a chain if it begins with consecutive recurrent layers of the same cell.
    """
    head = network.head
    owners = [
        layer
        for layer, (reads, _) in zip(network.body, network.shapes(), strict=True)
        if layer is not head and layer.weights(reads)
    ]
    recurrent = [bool(layer.states) for layer in owners]
    count = sum(recurrent)
    if not count or not all(recurrent[:count]) or len({layer.kind for layer in owners[:count]}) > 1:
        return None
    said = [_said(layer, seq=number < count - 1) for number, layer in enumerate(owners)]
    first = Embedding(head.input_dim, head.output_dim) if isinstance(head, Embedding) else Input(head.features)
    return Network([first, *said])


def _said(layer: Layer, seq: bool) -> Layer:
    if isinstance(layer, Norm):
        return replace(layer, epsilon=1e-5)
    if not layer.states:
        return replace(layer, activation="linear")
    layer = replace(layer, activation="tanh", go_backwards=False, return_sequences=seq)
    return layer.trained()


def _dtype(network: Network) -> torch.dtype:
    return torch.float32 if network.head.vocabulary is None else torch.int64
