"""Print the path of the oldest or newest Python on this machine that pyproject allows: pythons.py oldest|newest.

It searches PATH and pyenv's versions, because pyenv's shims do not start every version.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
ABOUT = "import sys, venv, ensurepip; print(sys.version_info[:3], repr(sys.executable), sep=', ')"
"""Fails if environments cannot be created."""


def candidates() -> Iterator[Path]:
    """Every file named like a Python, on PATH and in pyenv."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        folders += Path(root).glob("versions/*/bin")
    for folder in folders:
        yield from (file for file in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+", file.name))


def about(python: Path) -> tuple[tuple[int, ...], str] | None:
    """The version and real path of a Python, or None if it does not run or cannot create environments."""
    done = subprocess.run([python, "-c", ABOUT], capture_output=True, text=True)
    return ast.literal_eval(done.stdout) if done.returncode == 0 else None


def main() -> None:
    choose = {"oldest": min, "newest": max}[sys.argv[1]]
    required = tomllib.loads(PYPROJECT.read_text())["project"]["requires-python"]
    least = tuple(map(int, required.removeprefix(">=").split(".")))
    found = filter(None, map(about, [Path(sys.executable), *candidates()]))
    version, path = choose(python for python in found if python[0] >= least)
    print(f"The {sys.argv[1]} Python here is {'.'.join(map(str, version))}", file=sys.stderr)
    print(path)


if __name__ == "__main__":
    main()
