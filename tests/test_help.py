"""The help of every command: examples first, options in groups, one order and one wording everywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import click
import pytest
from conftest import PATIENCE, Result, lines_of

from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import GROUPS, long_name
from rnncli.language.spec import EXAMPLE

Run = Callable[..., Result]

MODELS = Path(__file__).parent / "golden" / "models"

HELPS = ([], *([name] for name in COMMANDS))
NAMES = [name for names in GROUPS.values() for name in names]


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def help_of(command: list[str], rnncli: Run) -> str:
    result = rnncli(*command, "--help")
    assert (result.status, result.stderr) == (0, "")
    return result.stdout


def options() -> Iterator[tuple[str, click.Option]]:
    """Every option of every command, with the command's name."""
    for command in (cli, *(cli.get_command(click.Context(cli), name) for name in COMMANDS)):
        assert command is not None
        for parameter in command.get_params(click.Context(command, help_option_names=["-h", "--help"])):
            if isinstance(parameter, click.Option):
                yield str(command.name), parameter


def test_without_a_command_the_help_is_shown(rnncli: Run) -> None:
    assert rnncli() == rnncli("--help") == rnncli("-h")
    assert rnncli("summary", "-h") == rnncli("summary", "--help")


def examples(help_text: str) -> list[str]:
    """The command lines of a help text."""
    return re.findall(r"^ +(rnncli .*)$", help_text, re.MULTILINE)


@pytest.mark.parametrize("command", HELPS, ids=str)
def test_a_commands_help_starts_with_examples(command: list[str], rnncli: Run) -> None:
    lines = [line.strip() for line in help_of(command, rnncli).splitlines() if line.strip()]
    assert lines[0].startswith("Usage: ")
    assert "Examples:" in lines[1:3]
    assert lines[lines.index("Examples:") + 1].startswith("rnncli ")


@pytest.mark.parametrize("command", HELPS, ids=str)
def test_every_example_in_the_help_runs(command: list[str], rnncli: Run) -> None:
    for suffix in ("safetensors", "npz"):
        shutil.copy(MODELS / f"lstm-1.{suffix}", f"model.{suffix}")
    Path("specs.txt").write_text(lines_of("input:8,rnn:3", "# mine", EXAMPLE))
    found = examples(help_of(command, rnncli))
    assert found
    for line in found:
        script = f'rnncli() {{ "{sys.executable}" -m rnncli "$@"; }}; set -eo pipefail; {line}'
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
        assert (done.returncode, "Error" in done.stderr) == (0, False), line
        assert done.stdout or " -o " in line, line


@pytest.mark.parametrize("command", HELPS, ids=str)
def test_the_help_fits_80_columns(command: list[str], rnncli: Run) -> None:
    assert max(map(len, help_of(command, rnncli).splitlines())) <= 80


@pytest.mark.parametrize("command", HELPS, ids=str)
def test_the_options_are_in_groups_and_both_are_in_one_order(command: list[str], rnncli: Run) -> None:
    shown = help_of(command, rnncli)
    sections = re.findall(r"^(\w+):\n((?:  .*\n)+)", shown, re.MULTILINE)
    groups = {title: re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE) for title, text in sections}
    groups = {title: names for title, names in groups.items() if names}
    assert list(groups) == [group for group in GROUPS if group in groups]
    for group, names in groups.items():
        assert names == [name for name in GROUPS[group] if name in names]


@pytest.mark.parametrize("command", HELPS, ids=str)
def test_every_option_has_a_line_of_help(command: list[str], rnncli: Run) -> None:
    lines = help_of(command, rnncli).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            assert re.match(r"  -.*\S  +\S", line) or re.match(r" {10,}\S", following), line


def test_every_option_is_in_one_group_and_no_group_has_another() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert {long_name(option) for _, option in options()} == set(NAMES)


def test_an_option_is_spelt_and_worded_alike_in_all_commands() -> None:
    found = sorted(options(), key=lambda each: long_name(each[1]))
    for name, same in groupby(found, key=lambda each: long_name(each[1])):
        several = [option for _, option in same]
        assert len({tuple(option.opts) for option in several}) == 1, name
        assert len({option.metavar for option in several}) == 1, name
        # What it means comes first; how a command differs follows.
        assert len({re.split(r"[;,.]|  \[", option.help or "")[0] for option in several}) == 1, name


SHOWN = {
    "summary": ("--wide", "--rate 50", "--dtype int8", "nn.LSTM(", "- <"),
    "forward": ("--timesteps", "--plot --gates", "--init", "-o ", "--save-weights"),
    "explain": ("--framework", "--others", "LSTM("),
    "draw": ("--svg",),
    "compare": ("--timesteps 10 --timesteps 500", "--framework keras --framework torch"),
    "reach": ("--seeds", "model.safetensors", "forgetbias=0"),
    "sweep": ("--max-memory", "--top", "--sort", "{u=", "--pareto"),
    "solve": ("--params", "--exactly", "lstm:_a:seq,lstm:_b", "--multiple-of", "$(rnncli solve -q", "--max-streaming"),
    "export": ("--to torch", "--to onnx", "--save-weights"),
    "inspect": ("-f json",),
    "layers": ("lstm", "return_sequences", "macs"),
}
"""What a newcomer should find among the examples of a command."""


@pytest.mark.parametrize("command", SHOWN)
def test_the_examples_show_what_a_command_is_good_for(command: str, rnncli: Run) -> None:
    found = examples(help_of([command], rnncli))
    missing = [words for words in SHOWN[command] if not any(words in line for line in found)]
    assert missing == []


def test_the_help_says_all_that_a_spec_may_be(rnncli: Run) -> None:
    for command in COMMANDS:
        text = " ".join(help_of([command], rnncli).split())
        if "SPEC is" in text:
            assert "a line of Keras or PyTorch, a model file, or - for specs on standard input" in text, command
    assert "A line of Keras or PyTorch is read, too, and a model file." in " ".join(help_of([], rnncli).split())
