"""An option that counts once, given twice: two different values are an error, and no value is dropped in silence."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from command_lines import COMMAND_LINES, command_of
from conftest import Result

from rnncli.cli import COMMANDS
from rnncli.commands.groups import long_name
from rnncli.commands.values import FileName

Run = Callable[..., Result]

SPEC = "input:8,lstm:4"

VALUES = {
    "--batch": ("2", "3"),
    "--timesteps": ("4", "5"),
    "--seed": ("1", "2"),
    "--seeds": ("1", "2"),
    "--rate": ("10", "20"),
    "--multiple-of": ("2", "4"),
    "--top": ("2", "4"),
    "--part": ("1/4", "2/4"),
    "--pareto": ("params,-output", "macs,-output"),
    "--sort": ("params", "memory"),
    "--init": ("keras", "uniform"),
}
"""Two values for options that say themselves neither what they can be nor that they are a file or a budget."""


def two_values(option: click.Option) -> tuple[str, str]:
    """Two different values that an option takes."""
    if isinstance(option.type, click.Choice):
        first, second, *_ = map(str, option.type.choices)
        return first, second
    if isinstance(option.type, FileName):
        extension = (option.metavar or "FILE.npy").rpartition(".")[2] if "." in (option.metavar or "") else "npy"
        return f"one.{extension}", f"two.{extension}"
    return VALUES.get(long_name(option), ("1000", "2000"))


def options(several: bool) -> Iterator[tuple[str, str]]:
    """Each command with each of its options that takes a value, once or several times."""
    for name in COMMANDS:
        for option in command_of(name).params:
            if isinstance(option, click.Option) and not option.is_flag and option.multiple == several:
                yield name, long_name(option)


def option_of(command: str, name: str) -> click.Option:
    return next(each for each in command_of(command).params if isinstance(each, click.Option) and name in each.opts)


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def without(option: click.Option, command: str) -> list[str]:
    """A command line that works, without an option and its value."""
    kept = list(COMMAND_LINES[command])
    for name in {*option.opts} & {*kept}:
        del kept[kept.index(name) : kept.index(name) + 2]
    return kept


@pytest.mark.parametrize(("command", "name"), list(options(several=False)))
def test_two_values_of_an_option_that_counts_once_are_an_error(command: str, name: str, rnncli: Run) -> None:
    option = option_of(command, name)
    one, two = two_values(option)
    line = without(option, command)
    names = sorted(option.opts, key=len)
    result = rnncli(command, *line, names[0], one, names[-1], two)
    assert (result.status, result.stdout) == (2, "")
    error, help_line = result.stderr.splitlines()
    assert error == f"Error: {command} takes one {name}, but '{one}' and '{two}' are given"
    repair = shlex.split(help_line.partition(": rnncli ")[2])
    assert repair.count(two) + help_line.count(f"={two}") >= 1
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(("command", "name"), list(options(several=False)))
def test_the_same_value_twice_is_none(command: str, name: str) -> None:
    option = option_of(command, name)
    one, _ = two_values(option)
    line = without(option, command)
    context = command_of(command).make_context(command, [*line, name, one, name, one])
    assert context.params[str(option.name)] is not None or command == "sweep"


def test_a_value_may_be_said_twice_in_two_words(rnncli: Run) -> None:
    assert rnncli("summary", SPEC, "--batch", "1k", "--batch", "1000", "--dtype", "half", "--dtype", "fp16").status == 0


@pytest.mark.parametrize("command", ["summary", "explain"])
@pytest.mark.parametrize("name", [name for command, name in options(several=True) if command == "compare"])
def test_what_compare_takes_several_times_leads_there(command: str, name: str, rnncli: Run) -> None:
    if name not in [name for each, name in options(several=False) if each == command]:
        return  # explain has no --dtype
    one, two = two_values(option_of("compare", name))
    result = rnncli(command, SPEC, name, one, name, two)
    repair = f"rnncli compare {SPEC} {name} {one} {name} {two}"
    assert result.stderr.endswith(f"Help: compare puts them side by side: {repair}\n")
    assert rnncli(*shlex.split(repair)[1:]).status == 0


def test_what_compare_has_no_option_for_keeps_the_last(rnncli: Run) -> None:
    result = rnncli("summary", SPEC, "--timesteps", "10", "--timesteps", "500", "-q")
    assert result.stderr.endswith(f"Help: with the last of them: rnncli summary {SPEC} --timesteps 500 -q\n")


def test_completion_goes_on_behind_an_option_given_twice() -> None:
    context = command_of("summary").make_context(
        "summary", [SPEC, "--batch", "1", "--batch", "2"], resilient_parsing=True
    )
    assert context.params["batch"] == 2
