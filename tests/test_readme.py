"""Every console block of README.md is run, and what it prints is compared.

With `pytest --rewrite-screens` the blocks are rewritten instead; read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from math import isclose
from pathlib import Path

import pytest

from rnncli.cli import COMMANDS

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOOLS = ("jq",)

blocks = [match.groups() for match in BLOCK.finditer(README.read_text(encoding="utf-8"))]
consoles = [text for language, text in blocks if language == "console"]
programs = [text for language, text in blocks if language == "python"]


def commands_of(block: str) -> list[tuple[str, str]]:
    """Return each command of a block with the output shown below it."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def run(command: str, folder: Path) -> str:
    """Return what a command prints in a shell where this rnncli is on the path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RNNCLI")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def words(text: str) -> list[str]:
    """Return the words of a screen, without the lines of tables (their width is that of a time) and with times as T."""
    text = re.sub(r"\d[\d.]* (µs|ms|s)\b", "T", text)
    return [word for word in text.split() if not re.fullmatch(r"[━─┏┓┗┛┳┻┡┩╇└┘┴├┤┼╋]+", word)]


def same(shown: str, printed: str) -> bool:
    """Whether two words are equal; computed numbers may differ in the last digit with the processor."""
    if shown == printed:
        return True
    try:
        return "." in shown and isclose(float(shown), float(printed), rel_tol=0.02, abs_tol=1e-6)
    except ValueError:
        return False


@pytest.mark.parametrize("block", consoles, ids=lambda block: block.split("\n")[0][2:60])
def test_console_block_prints_what_it_shows(block: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    commands = commands_of(block)
    assert commands
    missing = [tool for tool in TOOLS for command, _ in commands if tool in command and shutil.which(tool) is None]
    if missing:
        pytest.skip(f"this machine has no {missing[0]}")
    (tmp_path / "tests").symlink_to(Path(__file__).parent)  # with the model files that the page names
    for command, shown in commands:
        printed = run(command, tmp_path)
        if request.config.getoption("--rewrite-screens"):
            update(command, shown, printed)
            continue
        assert len(words(printed)) == len(words(shown)), printed
        for left, right in zip(words(shown), words(printed), strict=True):
            assert same(left, right), printed


@pytest.mark.parametrize("program", programs)
def test_python_block_runs(program: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "324160\n"


def test_the_commands_are_listed_as_the_help_lists_them(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    (shown,) = re.findall(r"^(?:- `rnncli \w+`: .*\n)+", text, re.MULTILINE)
    listed = "".join(f"- `rnncli {name}`: {does}\n" for name, does in COMMANDS.items())
    if request.config.getoption("--rewrite-screens"):
        README.write_text(text.replace(shown, listed), encoding="utf-8")
    else:
        assert shown == listed


def test_the_page_is_short_enough_to_be_read() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 350


def update(command: str, shown: str, printed: str) -> None:
    text = README.read_text(encoding="utf-8")
    old = f"$ {command}\n{shown}"
    assert text.count(old) >= 1
    README.write_text(text.replace(old, f"$ {command}\n{printed}", 1), encoding="utf-8")
