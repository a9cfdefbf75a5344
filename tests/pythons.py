"""Print the path of the oldest or the newest Python on this machine that pyproject allows: pythons.py oldest|newest.

Looks on PATH and among the versions of pyenv, whose shims of the same names do not start every one of them.
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
"""Fails where no environment can be made."""


def candidates() -> Iterator[Path]:
    """Every file that is called like a Python, on PATH and in pyenv."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        folders += Path(root).glob("versions/*/bin")
    for folder in folders:
        yield from (file for file in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+", file.name))


def about(python: Path) -> tuple[tuple[int, ...], str] | None:
    """The version of a Python and its real path, or None if it does not run or cannot make environments."""
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
