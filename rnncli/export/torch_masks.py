"""Padding that recurrent layers skip, in PyTorch: sequences without it are packed.

Keras skips a step whose id is 0 wherever it stands; PyTorch's packed sequences end before their padding. So the ids
are put in front of the padding first, in the order that they have. What a layer returns at padding is lost with that;
where it counts, PyTorch has nothing that does the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rnncli.errors import listed
from rnncli.export.torch_parts import Part, Step
from rnncli.language.rules import error_at
from rnncli.layers import Embedding, Layer
from rnncli.layers.words import fields_in_both
from rnncli.network import Network

PACK, UNPACK = "pack_padded_sequence", "pad_packed_sequence"
"""The functions of torch.nn.utils.rnn that do it."""


def check_mask(network: Network) -> None:
    """Check that PyTorch can skip the padding that a network skips.

    Raises:
        SpecError: it cannot; the repair leaves out the mask.
    """
    head = network.head
    fault = _fault(_readers(network)) if is_heeded(network) else ""
    if fault:
        assert network.source is not None
        assert isinstance(head, Embedding)
        raise error_at(
            network.source,
            0,
            f"PyTorch's packed sequences skip padding, but {fault}",
            f"leave out {listed(fields_in_both(head))}, and read sequences of one length",
            replace(head, mask_zero=False),
        )


def is_heeded(network: Network) -> bool:
    """Whether the input has padding, and a layer does something else there."""
    return network.head.masks and any(layer.states or layer.joins == "avg" for layer in _readers(network))


def _readers(network: Network) -> list[Layer]:
    """Return the layers that read the sequence that the input is, or what became of it."""
    readers = list(network.layers[1:])
    ends = [index for index, layer in enumerate(readers) if layer.returns == "vector"]
    return readers[: ends[0] + 1] if ends else readers


def _fault(readers: Sequence[Layer]) -> str:
    """Return what packed sequences lack for what the layers do with padding, or nothing."""
    for layer in readers:
        if layer.reverses:
            return f"cannot be read backwards, as {layer.spec()} does"
        if layer.joins == "avg":
            return f"have no mean, which {layer.spec()} takes"
    last = readers[-1]
    if last.states and last.returns == "vector":
        return ""
    return f"keep no outputs there, and {last.spec()} {'reads' if last.joins else 'returns'} them"


def skipping_padding(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts of a network, with steps between them that pack a sequence and unpack it again."""
    embedding, *others = parts
    yield embedding._replace(steps=(*_IN_FRONT, *embedding.steps))
    packed = read = False
    for part in others:
        layer = part.block.layer
        if read:
            yield part
        elif layer.states:
            *before, last = part.steps
            read = layer.returns == "vector"
            last = last if read else last._replace(note="packed")
            yield part._replace(steps=(*(() if packed else (_PACKED,)), *before, last))
            packed = True
        else:
            yield part._replace(steps=(*((_UNPACKED,) if packed else ()), *part.steps))
            packed = False


_IN_FRONT = (
    Step("lengths", "(ids != 0).sum(dim=1).cpu()", "none may be 0"),
    Step("ids", "ids.gather(1, (ids == 0).argsort(dim=1, stable=True))", "padding last"),
)
_PACKED = Step("x", f"{PACK}(x, lengths, batch_first=True, enforce_sorted=False)")
_UNPACKED = Step("x, _", f"{UNPACK}(x, batch_first=True)")
