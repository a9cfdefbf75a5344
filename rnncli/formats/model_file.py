"""What a model file holds, as plain data: the recurrent parts that the language has words for, and what else there is.

Structure comes from headers alone. The numbers of an array are read when `Tensor.read` is called, and no sooner; only
that needs NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from rnncli.errors import RnncliError
from rnncli.formats.nodes import Node, Note, Part
from rnncli.formats.parts import parts_of
from rnncli.formats.tensors import Tensor, total_params
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import Framework
from rnncli.results import Result


class Group(NamedTuple):
    """Arrays that stand below one name, with which their own names start."""

    name: str
    tensors: tuple[Tensor, ...]

    @property
    def params(self) -> int:
        """The number of their elements."""
        return total_params(self.tensors)


@dataclass(frozen=True, repr=False)
class ModelFile(Result):
    """What a model file holds.

    Attributes:
        path: the file.
        format: what kind of file it is, in words: `safetensors`, `ONNX`.
        writer: who wrote it, as far as it says so: `PyTorch 2.13`; may be empty.
        parts: its recurrent parts, in order.
        others: the arrays that are in no part.
        notes: what else a reader should know: cells that cannot be expressed, with the reason.
        partial: whether it may hold further arrays, which are not known.
        left: the nodes that are in no part.
        used: the settings that its source uses.
        failed: the names of each model that is no part, and the error that says why.
    """

    path: str
    format: str
    writer: str
    parts: tuple[Part, ...]
    others: tuple[Tensor, ...] = ()
    notes: tuple[str, ...] = ()
    partial: bool = False
    left: tuple[Node, ...] = ()
    used: frozenset[str] = frozenset()
    failed: tuple[tuple[tuple[str, ...], RnncliError], ...] = ()

    @property
    def title(self) -> str:
        """The file."""
        return self.path

    def named(self) -> ModelFile:
        """Return the same, each part with the name of the file."""
        return replace(self, parts=tuple(replace(part, path=self.path) for part in self.parts))

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All arrays of the file; one that two parts share stands once."""
        of_parts = (tensor for part in self.parts for node in part.nodes for tensor in node.tensors.values())
        return (*{tensor.name: tensor for tensor in of_parts}.values(), *self.others)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The arrays that are in no part, by the first word of their names that not all arrays share."""
        depth = _unshared(self.tensors)
        groups: dict[str, list[Tensor]] = {}
        for tensor in self.others:
            groups.setdefault(".".join(re.split(r"[./]", tensor.name)[: depth + 1]), []).append(tensor)
        return tuple(Group(name, tuple(some)) for name, some in groups.items())

    @cached_property
    def params(self) -> int:
        """The number of elements of all arrays."""
        return total_params(self.tensors)

    @property
    def recurrent_params(self) -> int:
        """The number of elements of all arrays in recurrent parts; what two parts share counts once."""
        return self.params - total_params(self.others)

    def share(self, part: Part) -> float | None:
        """Return a part's share of all numbers in the file; None where the file has none, or not all are known."""
        return part.params / self.params if self.params and not self.partial else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `rnncli inspect --format json` prints."""
        return {
            "file": self.path,
            "format": self.format,
            "writer": self.writer,
            "total_params": None if self.partial else self.params,
            "recurrent_params": self.recurrent_params,
            "parts": [
                {
                    "name": part.name,
                    "spec": str(part.network),
                    "framework": part.network.framework,
                    "total_params": sum(part.layer_params),
                    "share": self.share(part),
                    "left_out": list(part.said("left out")),
                    "assumed": list(part.assumed),
                    "layers": [
                        {
                            "name": node.name,
                            "spec": node.layer.spec(),
                            "weights": [tensor.as_dict() for tensor in node.tensors.values()],
                        }
                        for node in part.nodes
                    ],
                }
                for part in self.parts
            ],
            "others": [tensor.as_dict() for tensor in self.others],
            "notes": list(self.notes),
        }


def _unshared(tensors: Sequence[Tensor]) -> int:
    """Return how many words all names of some arrays begin with."""
    words = [re.split(r"[./]", tensor.name) for tensor in tensors]
    depth = 0
    while words and all(len(each) > depth + 1 for each in words) and len({each[depth] for each in words}) == 1:
        depth += 1
    return depth


def model_of(
    path: str,
    format_: str,
    writer: str,
    nodes: Sequence[Node],
    *,
    tensors: Sequence[Tensor] = (),
    notes: Sequence[Note] = (),
    framework: Framework | None = None,
) -> ModelFile:
    """Return what a file holds whose nodes were found.

    Args:
        path: the file.
        format_: what kind of file it is, in words.
        writer: who wrote it; may be empty.
        nodes: what was found.
        tensors: all arrays of the network in the file, whether or not a node has them.
        notes: what else a reader should know.
        framework: whose numbers of weights its parts have, where the conventions of their nodes do not say.

    Raises:
        RnncliError: it has more parts than a file may have.
    """
    rows = parts_of(nodes, framework=framework)
    used = {tensor.name for part in rows.parts for node in part.nodes for tensor in node.tensors.values()}
    others = tuple(tensor for tensor in tensors if tensor.name not in used)
    return ModelFile(path, format_, writer, rows.parts, others, rows.said(notes), left=rows.left)
