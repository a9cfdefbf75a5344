"""Record Keras's and PyTorch's parameter counts and shapes for the Python sources in `models/python`.

    KERAS_BACKEND=torch python tests/golden/python_files.py

The sources are executed only here, with the frameworks; the tests read them as rnncli does.
"""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import torch

SOURCES = Path(__file__).parent / "models" / "python"
BATCH, TIMESTEPS = 2, 7


def of_keras(model: keras.Model) -> dict[str, Any]:
    """Keras's description of a model: the parameters of each layer with any, and the output shape."""
    layers: dict[str, int] = {}
    waiting = list(model.layers)
    while waiting:
        layer = waiting.pop(0)
        if isinstance(layer, keras.Model):
            waiting = [*layer.layers, *waiting]
        elif layer.count_params():
            layers[layer.name] = layer.count_params()
    return {"framework": "keras", "params": [*layers.values()], "output_shape": list(model.output_shape)}


def of_torch(model: torch.nn.Module) -> dict[str, Any]:
    """PyTorch's description of a module: the parameters of each child, and the output shape."""
    children: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        children[name.rpartition(".")[0]] += parameter.numel()
    first = next(each for each in model.modules() if not list(each.children()))
    ids = isinstance(first, torch.nn.Embedding)
    reads = 0 if ids else getattr(first, "input_size", 0) or first.in_features
    x = torch.zeros(BATCH, TIMESTEPS, dtype=torch.long) if ids else torch.zeros(BATCH, TIMESTEPS, reads)
    shape = list(model(x).shape)
    return {"framework": "torch", "params": dict(children), "output_shape": shape, "timesteps": TIMESTEPS}


def main() -> None:
    """Write models/python/models.json."""
    said: dict[str, dict[str, Any]] = {}
    for path in sorted(SOURCES.glob("*.py")):
        keras.utils.clear_session()
        made = runpy.run_path(str(path))
        said[path.name] = {
            name: of_keras(value) if isinstance(value, keras.Model) else of_torch(value)
            for name, value in made.items()
            if isinstance(value, keras.Model)
            or (isinstance(value, torch.nn.Module) and not isinstance(value, keras.layers.Layer))
        }
    (SOURCES / "models.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
