"""What a model file holds, as people ask for it: its parts, what was assumed of them, and the rest in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnncli.formats.model_file import Group, ModelFile
from rnncli.formats.nodes import Part
from rnncli.formats.tensors import Tensor, total_params


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

    @property
    def recurrent_params(self) -> int:
        """The number of elements of all arrays in recurrent parts; what two parts share counts once."""
        return self.model.params - total_params(self.model.others)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, the object that `--format json` prints."""
        model = self.model
        return {
            "file": model.path,
            "format": model.format,
            "writer": model.writer,
            "total_params": None if model.partial else model.params,
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
    return Inspection(model, model.groups)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype, "params": tensor.params}
