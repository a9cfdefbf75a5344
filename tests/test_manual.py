"""The manual page: it matches the commands, and man displays it as intended."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from command_lines import command_of
from manual import page

import rnncli
from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import GROUPS

PAGE = Path(rnncli.__file__).parent / "man" / "rnncli.1"


def shown(*command: str) -> str:
    """The page at 80 columns as displayed by a program of this machine."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"this machine has no {command[0]}")
    environment = os.environ | {"MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*command, str(PAGE)], capture_output=True, text=True, encoding="utf-8", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_is_generated_from_the_current_commands(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-screens"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "regenerate it with `make man` or pytest --rewrite-screens"


def test_it_is_ascii_for_every_man_program_and_groff_gives_no_warning() -> None:
    assert page().isascii()
    assert shown("groff", "-man", "-Tutf8", "-ww", "-z") == ""


def test_man_shows_every_command_and_option_and_no_line_is_wider_than_the_terminal() -> None:
    text = shown("man", "-l")
    lines = [line.strip() for line in text.splitlines()]
    assert max(map(len, text.splitlines())) <= 80
    for name in COMMANDS:
        assert name in lines
        command = command_of(name)
        usage = click.Context(
            command, info_name=f"rnncli {name}", **cli.context_settings
        )  # Click caches its help option
        assert " ".join([f"rnncli {name}", *command.collect_usage_pieces(usage)]) in lines
    for option in (option for group in GROUPS.values() for option in group):
        assert any(line.startswith(option) or f", {option}" in line for line in lines), option
    assert "\n   draw\n       Draw the network unrolled in time" in text
    # Examples and the language of specs appear as written.
    assert "rnncli solve input:64,gru:_ --memory 4MB --dtype float16 --multiple-of 8\n" in text
    assert "h = act(x·W + h·U + b)" in text
    assert "a framework's initialisers" in text
