"""What a model file holds, as people ask for it: its parts, what was assumed of them, and the rest in groups."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnncli.formats.model_file import ModelFile
from rnncli.formats.nodes import Part
from rnncli.formats.tensors import Tensor

_NOTES = 3
"""How many notes of a file without weights are told where one of its parts is taken."""


class Group(NamedTuple):
    """Arrays that stand below one name.

    Attributes:
        name: what their names start with.
        tensors: the arrays.
    """

    name: str
    tensors: tuple[Tensor, ...]

    @property
    def params(self) -> int:
        """The number of their elements."""
        return sum(tensor.params for tensor in self.tensors)


@dataclass(frozen=True)
class Inspection:
    """What a model file holds.

    Attributes:
        model: the file.
        groups: the arrays that are in no part.
    """

    model: ModelFile
    groups: tuple[Group, ...]

    def share(self, part: Part) -> float | None:
        """Return a part's share of all numbers in the file; None where the file has none, or not all are known."""
        return part.params / self.model.params if self.model.params and not self.model.partial else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        model = self.model
        return {
            "file": model.path,
            "format": model.format,
            "writer": model.writer,
            "total_params": None if model.partial else model.params,
            "parts": [
                {
                    "name": part.name,
                    "spec": str(part.network),
                    "total_params": part.network.summary().total_params if part.has_weights else sum(part.layer_params),
                    "share": self.share(part),
                    "assumed": list(part.assumed),
                    "layers": [
                        {
                            "name": piece.name,
                            "spec": piece.layer.spec(),
                            "weights": [_tensor(tensor) for tensor in piece.tensors.values()],
                        }
                        for piece in part.nodes
                    ],
                }
                for part in model.parts
            ],
            "others": [_tensor(tensor) for tensor in model.others],
            "notes": list(model.notes),
        }


def inspect(model: ModelFile) -> Inspection:
    """Return what a model file holds, the arrays that are in no part in groups."""
    return Inspection(model, tuple(_groups(model)))


def left_out(model: ModelFile, part: Part) -> str:
    """Return what a part of a file leaves out, in words; nothing where it leaves out nothing."""
    others = [other.name for other in model.parts if other is not part]
    if not model.tensors:
        parts = f"{part.name} is one of {len(model.parts)} recurrent parts of {model.path}; left out: {_some(others)}"
        return "; ".join([*([parts] if others else []), *model.notes[:_NOTES]])
    groups = [group.name for group in _groups(model)]
    names = [*others, *groups]
    if not names:
        return f"{model.path}: {'; '.join(model.notes[:3])}" if model.notes else ""
    share = Inspection(model, ()).share(part)
    of_it = f"one of {len(model.parts)} recurrent parts of" if share is None else f"{share:.0%} of the numbers in"
    return f"{part.name} is {of_it} {model.path}; left out: {_some(names)}"


def _some(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _groups(model: ModelFile) -> list[Group]:
    """Return the arrays that are in no part in groups, by the first word of their names that not all arrays share."""
    words = [re.split(r"[./]", tensor.name) for tensor in model.tensors]
    depth = 0
    while words and all(len(each) > depth + 1 for each in words) and len({each[depth] for each in words}) == 1:
        depth += 1
    groups: dict[str, list[Tensor]] = {}
    for tensor in model.others:
        groups.setdefault(".".join(re.split(r"[./]", tensor.name)[: depth + 1]), []).append(tensor)
    return [Group(name, tuple(some)) for name, some in groups.items()]


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype, "params": tensor.params}
