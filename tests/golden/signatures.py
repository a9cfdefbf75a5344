"""Ask Keras and PyTorch for the arguments of their classes: `make golden` runs it.

    python tests/golden/signatures.py

`signatures.json` holds, for each class of `rnncli.formats.frameworks` that is still there, its arguments in order; each
has its default in a list, which is empty where there is none. Those behind `*` are given by name alone.
"""

from __future__ import annotations

import inspect
import json
import typing
from pathlib import Path
from typing import Any

import keras
import torch

from rnncli.formats.frameworks import KERAS, TORCH

HERE = Path(__file__).parent


def arguments(cls: Any) -> dict[str, list[object]]:
    """Return the arguments of a class or a function that it names itself."""
    # PyTorch's recurrent layers take *args, and say in overloads what these are.
    written = next(iter(typing.get_overloads(cls.__init__)), None) if cls.__module__.startswith("torch") else None
    found: dict[str, list[object]] = {}
    for each in inspect.signature(written or cls).parameters.values():
        if each.kind is each.KEYWORD_ONLY and "*" not in found:
            found["*"] = []
        if each.name != "self" and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
            found[each.name] = [] if each.default is each.empty else [each.default]
    return found


if __name__ == "__main__":
    keras_classes = {name: arguments(getattr(keras.layers, name)) for name in KERAS if hasattr(keras.layers, name)}
    keras_classes["Layer"] = arguments(keras.layers.Layer.__init__)
    torch_classes = {name: arguments(getattr(torch.nn, name)) for name in TORCH}
    lines = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(each)}: {json.dumps(found)}" for each, found in classes.items())
        + "\n}"
        for name, classes in {"keras": keras_classes, "torch": torch_classes}.items()
    ]
    (HERE / "signatures.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
