"""What a model file holds, as plain data: the recurrent parts that the language has words for, and what else there is.

Structure comes from headers alone. The numbers of an array are read when `Tensor.read` is called, and no sooner; only
that needs NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from rnncli.formats.nodes import Part
from rnncli.formats.tensors import Tensor, total_params


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Attributes:
        path: the file.
        format: what kind of file it is, in words: `safetensors`, `ONNX`.
        writer: who wrote it, as far as it says so: `PyTorch 2.13`; may be empty.
        parts: its recurrent parts, in order.
        others: the arrays that are in no part.
        notes: what else a reader should know: cells that cannot be expressed, with the reason.
        partial: whether it may hold further arrays, which are not known.
    """

    path: str
    format: str
    writer: str
    parts: tuple[Part, ...]
    others: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()
    partial: bool = False

    def named(self) -> ModelFile:
        """Return the same, each part with the name of the file."""
        return replace(self, parts=tuple(replace(part, path=self.path) for part in self.parts))

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All arrays of the file; one that two parts share stands once."""
        of_parts = (tensor for part in self.parts for node in part.nodes for tensor in node.tensors.values())
        return (*{tensor.name: tensor for tensor in of_parts}.values(), *self.others)

    @cached_property
    def params(self) -> int:
        """The number of elements of all arrays."""
        return total_params(self.tensors)
