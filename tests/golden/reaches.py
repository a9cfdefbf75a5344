"""Measure with PyTorch how far back the README's trained network remembers; `make golden` runs it too.

    KERAS_BACKEND=torch python tests/golden/reaches.py

`reaches.json` has for each seed, in float64: the steps until the effect of a small change to the first input stays
below a tenth and a hundredth of its maximum (null if it does not), the steps until its maximum, and its share at the
end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from golden.data import REACHES
from golden.frameworks import VERSIONS
from golden.trained_file import TIMESTEPS, Recall
from safetensors.torch import load_file

MODEL = Path(__file__).parent / "models" / "recall.safetensors"
SEEDS = 5
CHANGE = 1e-5


def outputs(model: Recall, x: np.ndarray) -> np.ndarray:
    """Return the outputs of the LSTM, (timesteps, 8)."""
    with torch.no_grad():
        y, _ = model.lstm(torch.tensor(x[None]))
    return y[0].numpy()


def reach(model: Recall, seed: int) -> list[float | None]:
    """Return the recorded figures for a seed, with the input drawn as rnncli draws it."""
    x = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).standard_normal(TIMESTEPS, np.float32)
    x = x.astype(float)[:, None]
    changed = x.copy()
    changed[0] += CHANGE
    effect = np.linalg.norm(outputs(model, changed) - outputs(model, x), axis=1)
    effect /= effect.max()
    falls = [int(np.flatnonzero(effect >= share)[-1]) + 1 for share in (0.1, 0.01)]
    tenth, hundredth = (step if step < TIMESTEPS else None for step in falls)
    return [tenth, hundredth, int(effect.argmax()), round(float(effect[-1]), 4)]


def main() -> None:
    """Write the file."""
    model = Recall().double()
    model.load_state_dict(load_file(MODEL))
    kept = {"versions": VERSIONS, "timesteps": TIMESTEPS, "seeds": [reach(model, seed) for seed in range(SEEDS)]}
    REACHES.write_text(f"{json.dumps(kept)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
