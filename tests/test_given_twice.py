"""An option that takes one value, given two different ones, is an error; no value is dropped silently."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from command_lines import COMMAND_LINES, command_of
from conftest import Run, Walk

from rnncli.cli import COMMANDS
from rnncli.commands.groups import long_name
from rnncli.commands.values import FileName

SPEC = "input:8,lstm:4"

VALUES = {
    "--lengths": ("5,3", "7,2"),
    "--seeds": ("1", "2"),
    "--part": ("1/4", "2/4"),
    "--pareto": ("params,-output", "macs,-output"),
    "--sort": ("params", "memory"),
    "--init": ("keras", "uniform"),
    "--name": ("one", "two"),
    "--color": ("auto", "never"),  # always would colour the error
}
"""Two values for options that are not numbers, choices or files, or that allow only some of them here."""


def two_values(option: click.Option) -> tuple[str, str]:
    """Two different values that an option accepts."""
    if isinstance(option.type, click.Choice) and long_name(option) not in VALUES:
        first, second, *_ = map(str, option.type.choices)
        return first, second
    if isinstance(option.type, FileName) and long_name(option) not in VALUES:
        return "one", "two"
    return VALUES.get(long_name(option), ("1000", "2000"))


def options(command: str, several: bool) -> dict[str, click.Option]:
    """A command's options with a value that may be given once, or several times."""
    params = [each for each in command_of(command).params if isinstance(each, click.Option) and not each.is_flag]
    return {long_name(each): each for each in params if each.multiple == several}


def test_two_values_for_a_single_value_option_are_an_error_but_one_twice_is_not(at: Walk, rnncli: Run) -> None:
    for command in COMMANDS:
        for name, option in options(command, several=False).items():
            with at(command, name):
                line = list(COMMAND_LINES[command])
                for each in {*option.opts} & {*line}:
                    del line[line.index(each) : line.index(each) + 2]
                line += ["--svg", "picture.svg"] if name == "--theme" else []
                line += (
                    ["--timesteps", "100"]
                    if command in ("solve", "sweep") and name not in ("--timesteps", "--params")
                    else []
                )
                if command == "export" and name in ("--name", "--dtype", "--input"):
                    line[line.index("--to") + 1] = "c"
                    line += ["--dtype", "int8"] if name == "--input" else []
                one, two = two_values(option)
                names = sorted(option.opts, key=len)
                result = rnncli(*line, names[0], one, names[-1], two)
                lead, repair = "with the last value", [*line, name, two]
                if command in ("summary", "explain") and name in options("compare", several=True):
                    lead, repair = (
                        "compare shows them side by side",
                        ["compare", *line[1:], names[0], one, names[-1], two],
                    )
                    assert rnncli(*repair).status == 0
                error = f"Error: {command} takes one {name}, but got '{one}' and '{two}'\n"
                assert result == (2, "", f"{error}Help: {lead}: rnncli {shlex.join(repair)}\n")
                context = command_of(command).make_context(command, [*line[1:], name, one, name, one])
                assert context.params.get(str(option.name)) is not None or not option.expose_value
    assert not list(Path.cwd().iterdir())


def test_the_same_value_may_be_given_in_two_spellings(rnncli: Run) -> None:
    assert rnncli("summary", SPEC, "--batch", "1k", "--batch", "1000", "--dtype", "half", "--dtype", "fp16").status == 0


def test_completion_continues_after_an_option_given_twice() -> None:
    line = [SPEC, "--batch", "1", "--batch", "2"]
    assert command_of("summary").make_context("summary", line, resilient_parsing=True).params["batch"] == 2
