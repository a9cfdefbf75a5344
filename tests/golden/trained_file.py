"""Train the small network that the README examines, with PyTorch: `make golden` runs it too.

    python tests/golden/trained_file.py

An LSTM reads fifty numbers and must output the first, so it has to remember. `recall.safetensors` is that LSTM.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

TIMESTEPS = 50
ROUNDS = 3000


class Recall(torch.nn.Module):
    """An LSTM, and a dense layer on its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(1, 8, batch_first=True)
        self.out = torch.nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the estimate of the first number, (batch, 1)."""
        _, (h, _) = self.lstm(x)
        return self.out(h[-1])


def trained() -> Recall:
    """Return the network, trained on sequences that grow to their full length."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Recall()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ROUNDS)
    for step in range(ROUNDS):
        timesteps = min(TIMESTEPS, 2 + step * 2 * TIMESTEPS // ROUNDS)
        x = torch.rand(64, timesteps, 1) * 2 - 1
        loss = torch.nn.functional.mse_loss(model(x), x[:, 0])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    print(f"mean squared error after {ROUNDS} rounds: {loss.item():.2g}")
    return model


if __name__ == "__main__":
    weights = {name: array.detach() for name, array in trained().state_dict().items()}
    save_file(weights, Path(__file__).parent / "models" / "recall.safetensors", metadata={"format": "pt"})
