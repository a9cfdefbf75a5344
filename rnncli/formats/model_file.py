"""A model file's contents as plain data: the recurrent parts that specs have words for, and everything else.

Structure is read only from headers. `Tensor.read` reads the numbers of an array when it is called; only that needs
NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, SupportsIndex

from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.nodes import Node, Note, Part
from rnncli.formats.parts import parts_of
from rnncli.formats.tensors import Tensor, total_params
from rnncli.immutable import NamedTuple
from rnncli.layers.weights import Framework
from rnncli.results import Result

_SPLIT = re.compile(r"-\d{5}-of-(?!00001)\d{5}\b|_\d{5}\.weights\.h5$")
"""The name of one of several files that hold a model together, as Hugging Face and Keras write them."""


class ArrayGroup(NamedTuple):
    """Arrays whose names start with the same prefix."""

    name: str
    tensors: tuple[Tensor, ...]

    @property
    def params(self) -> int:
        """The number of their elements."""
        return total_params(self.tensors)


@dataclass(frozen=True, repr=False)
class ModelFile(Result):
    """The contents of a model file.

    Attributes:
        path: the file.
        format: its format in words: `safetensors`, `ONNX`.
        writer: the program that wrote it, if the file names it: `PyTorch 2.13`; may be empty.
        parts: its recurrent parts, in order.
        others: the arrays that are not in a part.
        notes: anything else a reader should know: cells that specs cannot express, with the reason.
        partial: whether it may have more arrays, which are not known.
        left: the nodes that are not in a part.
        used: the settings that its source uses.
        failed: the names of each model that is not a part, and the error that explains why.
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

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Return how to recreate it as a copy or in another process: by opening the file, if it has arrays."""
        return (open_model, (self.path,)) if self.tensors else super().__reduce_ex__(protocol)

    def named(self) -> ModelFile:
        """Return a copy in which each part has the path of the file."""
        return replace(self, parts=tuple(replace(part, path=self.path) for part in self.parts))

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """All arrays of the file; an array that two parts share is listed once."""
        of_parts = (tensor for part in self.parts for node in part.nodes for tensor in node.tensors.values())
        return (*{tensor.name: tensor for tensor in of_parts}.values(), *self.others)

    @cached_property
    def groups(self) -> tuple[ArrayGroup, ...]:
        """The arrays that are not in a part, grouped by the first word of their names that not all arrays share."""
        depth = _unshared(self.tensors)
        groups: dict[str, list[Tensor]] = {}
        for tensor in self.others:
            groups.setdefault(".".join(_words(tensor)[: depth + 1]), []).append(tensor)
        return tuple(ArrayGroup(name, tuple(some)) for name, some in groups.items())

    @cached_property
    def params(self) -> int:
        """The number of elements in all arrays."""
        return total_params(self.tensors)

    @property
    def recurrent_params(self) -> int:
        """The number of elements in all arrays of recurrent parts; an array that two parts share counts once."""
        return self.params - total_params(self.others)

    def share(self, part: Part) -> float | None:
        """Return a part's share of all numbers in the file; None if the file has none, or not all are known."""
        return part.params / self.params if self.params and not self.partial else None

    def as_dict(self) -> dict[str, Any]:
        """Return the file as plain data, the object that `rnncli inspect --format json` prints."""
        return {
            "file": self.path,
            "format": self.format,
            "writer": self.writer or None,
            "total_params": None if self.partial or not self.tensors else self.params,
            "recurrent_params": self.recurrent_params if self.tensors else None,
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
                            "params": params,
                            "weights": [tensor.as_dict() for tensor in node.tensors.values()],
                        }
                        for node, params in zip(part.nodes, part.layer_params, strict=True)
                    ],
                }
                for part in self.parts
            ],
            "others": [tensor.as_dict() for tensor in self.others],
            "notes": list(self.notes),
        }


def _words(tensor: Tensor) -> list[str]:
    """Return the words of an array's name; those of ONNX may start with a slash."""
    return re.split(r"[./]", tensor.name.lstrip("./"))


def _unshared(tensors: Sequence[Tensor]) -> int:
    """Return how many leading words the names of all arrays share."""
    words, depth = [*map(_words, tensors)], 0
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
    """Return the model file that these nodes were found in.

    Args:
        path: the file.
        format_: its format in words.
        writer: the program that wrote it; may be empty.
        nodes: the nodes that were found.
        tensors: all arrays of the network in the file, whether or not they belong to a node.
        notes: anything else a reader should know.
        framework: whose parameter counts its parts have, if the conventions of their nodes do not decide it.

    Raises:
        RnncliError: it has more parts than a file may have.
    """
    rows = parts_of(nodes, framework=framework)
    used = [tensor for part in rows.parts for node in part.nodes for tensor in node.tensors.values()]
    names, places = {tensor.name for tensor in used}, {tensor.place for tensor in used} - {None}
    others = tuple(tensor for tensor in tensors if tensor.name not in names and tensor.place not in places)
    more = (Note("the other files of the model, which is split", "left out"),) if _SPLIT.search(path) else ()
    parts = tuple(replace(part, notes=(*part.notes, *more)) for part in rows.parts)
    return ModelFile(path, format_, writer, parts, others, rows.said(notes), left=rows.left)
