"""Every command and every file option, read from the commands themselves; the tests of faults iterate over them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import combinations

import click
from conftest import MODELS

from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import long_name
from rnncli.commands.values import FileName


def command_of(name: str) -> click.Command:
    """A command of rnncli."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def examples(help_text: str | None) -> list[str]:
    """The command lines of a help text."""
    return re.findall(r"^ +(rnncli .*)$", help_text or "", re.MULTILINE)


PARAMETERS = [(name, parameter) for name in COMMANDS for parameter in command_of(name).params]
"""Each command with each of its options and arguments."""

OPTIONS = [(name, option) for name, option in PARAMETERS if isinstance(option, click.Option)]

MODEL = str(MODELS / "lstm-2-bi.safetensors")
"""A model file, for commands that read one."""

SHORT = {"reach": ("reach", "input:8,rnn:4", "--seeds", "2"), "page": ("page", "input:8,rnn:4", "--timesteps", "9")}
"""Short command lines for commands whose example takes long or writes a file."""

COMMAND_LINES = {
    name: tuple(MODEL if word == "model.safetensors" else word for word in shlex.split(line)[1:])
    for name in COMMANDS
    for line in examples(command_of(name).help)[:1]
} | SHORT
"""A working command line for each command: the first example in its help, with an existing model file."""


def file_options(written: bool) -> Iterator[tuple[str, str]]:
    """Each command with each of its options for an output file (`written`) or an input file."""
    for name, option in OPTIONS:
        if isinstance(option.type, FileName) and option.type.written == written:
            yield name, long_name(option)


WRITTEN = list(file_options(written=True))
READ = list(file_options(written=False))

BOTH_WRITTEN = [(one[0], one[1], two[1]) for one, two in combinations(WRITTEN, 2) if one[0] == two[0]]
"""Each command with every pair of its options for output files."""

READ_AND_WRITTEN = [(one[0], one[1], two[1]) for one in READ for two in WRITTEN if one[0] == two[0]]
"""Each command with every pair of an input-file option and an output-file option."""
