"""Record the arguments of Keras's and PyTorch's classes: `make golden` runs it.

    python tests/golden/signatures.py

`signatures.json` holds the arguments, in order, of each class of `rnncli.formats.frameworks` that still exists; each
has its default in a list, which is empty if there is none. Those after `*` are keyword-only.
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
    """Return the explicitly named arguments of a class or function."""
    # PyTorch's recurrent layers take *args, and list their arguments in overloads.
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
    torch_classes = {name: arguments(getattr(torch.nn, name)) for name in TORCH if hasattr(torch.nn, name)}
    lines = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(each)}: {json.dumps(found)}" for each, found in classes.items())
        + "\n}"
        for name, classes in {"keras": keras_classes, "torch": torch_classes}.items()
    ]
    (HERE / "signatures.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
