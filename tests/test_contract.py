"""Whatever a kind of layer may ask of the house, every command gives it.

A kind that lives in `halving.py` alone asks for all of it; a process of its own has it among the others.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HELD = ("with_halving.py", "test_sweep.py", "test_solve.py", "test_kinds.py")
"""The tests that such a kind is held to: those that walk the kinds, and its own."""


def test_a_kind_that_changes_the_length_and_is_pytorchs_alone_works_everywhere(request: pytest.FixtureRequest) -> None:
    options = ["--rewrite-screens"] if request.config.getoption("--rewrite-screens") else []
    command = [sys.executable, "-m", "pytest", "-p", "halving", "-p", "no:cacheprovider", "-q", *options]
    chosen = ["-k", "with_halving or every_kind or (textbook and halve)"]
    tests = request.path.parent
    files = [str(tests / name) for name in HELD]
    found = subprocess.run(
        [*command, *chosen, *files],
        cwd=tests.parent,
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    assert "6 passed" in found.stdout
