"""The NumPy engine: networks that compute.

NumPy is imported when a name that needs it is first used. `rnncli.engine.request`, which holds the choices that the
command line offers, can be imported without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.engine.model import Model
    from rnncli.engine.request import Request
    from rnncli.engine.run import RunResult, plan

_LATER = {
    "Model": "rnncli.engine.model",
    "Request": "rnncli.engine.request",
    "RunResult": "rnncli.engine.run",
    "plan": "rnncli.engine.run",
}
"""What is imported when it is asked for, and the module that has it."""

__all__ = ["Model", "Request", "RunResult", "plan"]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    from rnncli.system.imports import imported

    return imported(globals(), _LATER, name)
