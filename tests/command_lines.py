"""Every command and every option that takes a file, as the commands themselves say; tests of faults walk over them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import click

from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import long_name
from rnncli.commands.values import FileName


def command_of(name: str) -> click.Command:
    """A command of rnncli."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def examples(name: str) -> list[str]:
    """The command lines in the help of a command."""
    command = command_of(name)
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])  # Click keeps what it makes
    return re.findall(r"^ +(rnncli .*)$", command.get_help(context), re.MULTILINE)


MODEL = str(Path(__file__).parent / "golden" / "models" / "lstm-2-bi.safetensors")
"""A model file, for commands that read one."""

SHORT = {"reach": ("reach", "input:8,rnn:4", "--seeds", "2"), "page": ("page", "input:8,rnn:4", "--timesteps", "9")}
"""Lines for commands whose example takes long, or writes a file."""

COMMAND_LINES = {
    name: tuple(MODEL if word == "model.safetensors" else word for word in shlex.split(examples(name)[0])[1:])
    for name in COMMANDS
} | SHORT
"""A command line for each command that works: the first example in its help, with a model file that there is."""


def file_options(written: bool) -> Iterator[tuple[str, str]]:
    """Each command with each of its options that takes a file which is written, or read."""
    for name in COMMANDS:
        for option in command_of(name).params:
            if isinstance(option.type, FileName) and option.type.written == written:
                yield name, long_name(option)


WRITTEN = list(file_options(written=True))
READ = list(file_options(written=False))

BOTH_WRITTEN = [(one[0], one[1], two[1]) for one, two in combinations(WRITTEN, 2) if one[0] == two[0]]
"""Each command with each two of its options that write a file."""

READ_AND_WRITTEN = [(one[0], one[1], two[1]) for one in READ for two in WRITTEN if one[0] == two[0]]
"""Each command with each two of its options of which the first reads a file and the second writes one."""
