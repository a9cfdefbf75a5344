"""Run every console block of README.md and compare its output.

With `pytest --rewrite-screens` the blocks are rewritten instead; review the difference before committing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from math import isclose
from pathlib import Path

import pytest
from conftest import PATIENCE, Run, Walk

from rnncli.cli import COMMANDS

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> list[tuple[str, str]]:
    """Each command of a block, with the output shown below it."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def in_a_shell(command: str, stdin: str = "") -> str:
    """A command's output in a shell with this rnncli on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        env=os.environ | {"PATH": path},
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        input=stdin,
        timeout=PATIENCE,
    )
    return done.stdout


def printed_by(command: str, rnncli: Run) -> str:
    """A command's output; rnncli runs in this process if at most a filter follows it."""
    start, _, filters = command.partition(" | ")
    name, *arguments = shlex.split(start)
    if name != "rnncli" or {*arguments} & {"&&", ">/dev/null"}:
        return in_a_shell(command)
    _, stdout, stderr = rnncli(*arguments)
    return (in_a_shell(filters, stdout) if filters else stdout) + stderr


def words(text: str) -> list[str]:
    """The words of a screen, without table lines (their width depends on a time) and with times as T."""
    text = re.sub(r"\d[\d.]* (µs|ms|s)\b", "T", text)
    return [word for word in text.split() if not re.fullmatch(r"[━─┏┓┗┛┳┻┡┩╇└┘┴├┤┼╋]+", word)]


def same(shown: str, printed: str) -> bool:
    """Whether two words are equal; the last digit of a computed number may depend on the processor."""
    if shown == printed:
        return True
    try:
        return "." in shown and isclose(float(shown), float(printed), rel_tol=0.02, abs_tol=1e-6)
    except ValueError:
        return False


def test_each_console_block_prints_its_shown_output(
    rnncli: Run, at: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for number, block in enumerate(blocks("console")):
        if any(f" {tool} " in block and shutil.which(tool) is None for tool in ("jq", "cc")):
            continue  # this machine cannot run it
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("tests").symlink_to(Path(__file__).parent)  # with the model files that the README mentions
        for command, shown in commands_of(block):
            with at(command):
                printed = printed_by(command, rnncli)
                if request.config.getoption("--rewrite-screens"):
                    replace(f"$ {command}\n{shown}", f"$ {command}\n{printed}")
                else:
                    assert len(words(printed)) == len(words(shown)), printed
                    differ = [pair for pair in zip(words(shown), words(printed), strict=True) if not same(*pair)]
                    assert differ == []


def test_the_python_block_prints_the_commands_output(capsys: pytest.CaptureFixture[str], rnncli: Run) -> None:
    (program,) = blocks("python")
    exec(program, {})
    printed = capsys.readouterr()
    shown = rnncli("summary", "embed:10000x32,rnn:32:seq,rnn:32", "--batch", "1", "--timesteps", "100")
    assert (printed.out, printed.err) == (shown.stdout, "")


def test_the_commands_are_listed_as_in_the_help(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    (shown,) = re.findall(r"^(?:- `rnncli \w+`: .*\n)+", text, re.MULTILINE)
    listed = "".join(f"- `rnncli {name}`: {does}\n" for name, does in COMMANDS.items())
    if request.config.getoption("--rewrite-screens"):
        replace(shown, listed)
    else:
        assert shown == listed


def test_the_page_is_short_enough_to_be_read() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 120


def replace(old: str, new: str) -> None:
    text = README.read_text(encoding="utf-8")
    assert old in text
    README.write_text(text.replace(old, new, 1), encoding="utf-8")
