"""Every command supports everything that a kind of layer may declare.

A kind defined only in `halving.py` uses all of it; a separate process registers it among the others.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HELD = ("with_halving.py", "test_sweep.py", "test_solve.py", "test_kinds.py")
"""The files with the tests for that kind: those that every kind gets, and its own."""


def test_a_pytorch_only_kind_that_changes_the_length_works_everywhere(request: pytest.FixtureRequest) -> None:
    options = ["--rewrite-screens"] if request.config.getoption("--rewrite-screens") else []
    command = [sys.executable, "-m", "pytest", "-p", "halving", "-p", "no:cacheprovider", "-q", *options]
    chosen = ["-k", "with_halving or every_kind or halve"]
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
