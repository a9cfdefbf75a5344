"""The NumPy engine: a `Network` that computes."""

from __future__ import annotations

from rnncli.engine.model import Model

__all__ = ["Model"]
