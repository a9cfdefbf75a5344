"""The help of every command: examples first, options in groups, the same order and wording everywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click
from command_lines import command_of, examples
from conftest import MODELS, PATIENCE, Result, Run, Walk, lines_of

from rnncli.cli import COMMANDS, cli
from rnncli.commands.groups import GROUPS, long_name
from rnncli.commands.help import TOPICS, page
from rnncli.language.spec import EXAMPLE

HELPS = ([], *([name] for name in COMMANDS))
NAMES = [name for names in GROUPS.values() for name in names]

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
"""Texts that a newcomer should find among a command's examples."""


def help_of(command: list[str], rnncli: Run) -> str:
    return rnncli(*command, "--help").answer


def options() -> Iterator[tuple[str, click.Option]]:
    """Every option of every command, with the command's name."""
    for command in (cli, *map(command_of, COMMANDS)):
        for parameter in command.get_params(click.Context(command, help_option_names=["-h", "--help"])):
            if isinstance(parameter, click.Option):
                yield str(command.name), parameter


def test_without_a_command_the_help_is_shown(rnncli: Run) -> None:
    assert rnncli() == rnncli("--help") == rnncli("-h")
    assert rnncli("summary", "-h") == rnncli("summary", "--help")


def test_help_starts_with_a_sentence_and_examples_of_a_commands_use(at: Walk, rnncli: Run) -> None:
    for command in HELPS:
        with at("rnncli", *command):
            shown = help_of(command, rnncli)
            lines = [line.strip() for line in shown.splitlines() if line.strip()]
            assert lines[0].startswith("Usage: ")
            lead = " ".join(lines[1 : lines.index("Examples:")])
            assert re.fullmatch(r"[A-Z][^.]+\.", lead), "it starts with one sentence"
            assert lines[lines.index("Examples:") + 1].startswith("rnncli ")
            found = "\n".join(examples(shown))
            assert [words for words in SHOWN.get(" ".join(command), ()) if words not in found] == []


def test_every_example_in_the_help_runs(at: Walk, rnncli: Run) -> None:
    for suffix in ("safetensors", "npz"):
        shutil.copy(MODELS / f"lstm-1.{suffix}", f"model.{suffix}")
    Path("specs.txt").write_text(lines_of("input:8,rnn:3", "# mine", EXAMPLE))

    def done(line: str) -> Result:
        """The result of a line: a shell splits it into words, and rnncli runs them in this process."""
        line = re.sub(r"\$\((.*)\)", lambda inner: done(inner[1]).stdout, line)
        shell = ["bash", "-c", f'rnncli() {{ printf "%s\\0" "$@"; }}; set -e; {line}']
        words = subprocess.run(shell, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        return rnncli(*words.split("\0")[:-1], stdin=Path("specs.txt").read_bytes())

    for command in HELPS:
        for line in examples(help_of(command, rnncli)):
            with at(line):
                result = done(line)
                assert (result.status, "Error" in result.stderr) == (0, False)
                assert result.stdout or " -o " in line


def test_the_help_fits_80_columns_and_lists_options_in_ordered_groups_one_line_each(at: Walk, rnncli: Run) -> None:
    for command in HELPS:
        with at("rnncli", *command):
            shown = help_of(command, rnncli)
            lines = shown.splitlines()
            assert max(map(len, lines)) <= 80
            for line, following in zip(lines, [*lines[1:], ""], strict=True):
                if line.startswith("  -"):
                    assert re.match(r"  -.*\S  +\S", line) or re.match(r" {10,}\S", following), line
            sections = re.findall(r"^(\w+):\n((?:  .*\n)+)", shown, re.MULTILINE)
            groups = {title: re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE) for title, text in sections}
            groups = {title: names for title, names in groups.items() if names}
            assert list(groups) == [group for group in GROUPS if group in groups]
            for group, names in groups.items():
                assert names == [name for name in GROUPS[group] if name in names]


def test_every_option_is_in_one_group_and_has_the_same_spelling_and_wording_in_all_commands(at: Walk) -> None:
    assert len(NAMES) == len(set(NAMES))
    assert {long_name(option) for _, option in options()} == set(NAMES)
    found = sorted(options(), key=lambda each: long_name(each[1]))
    for name, same in groupby(found, key=lambda each: long_name(each[1])):
        with at(name):
            several = [option for _, option in same]
            # The common meaning comes first; a command's differences follow.
            meanings = [re.split(r"[;,.]|  \[", option.help or "")[0] for option in several]
            said = {(*option.opts, option.metavar, means) for option, means in zip(several, meanings, strict=True)}
            assert len(said) == 1


def test_the_help_describes_every_form_of_a_spec(at: Walk, rnncli: Run) -> None:
    for command in COMMANDS:
        text = " ".join(help_of([command], rnncli).split())
        if "SPEC is" in text:
            with at(command):
                assert "a line of Keras or PyTorch, or a model file; - reads specs from standard input" in text
    assert "A line of Keras or PyTorch or a model file works too." in " ".join(help_of([], rnncli).split())


def test_every_topic_has_a_page_that_fits_a_terminal_and_is_completed_like_a_command(at: Walk, rnncli: Run) -> None:
    told = rnncli("help", "--help").stdout
    for topic in TOPICS:
        with at(topic):
            shown = rnncli("help", topic).answer
            assert max(map(len, shown.splitlines())) <= 80
            assert re.search(rf"^    {topic} +\w.*", told, re.MULTILINE)
            if topic != "keys":  # a line that is broken a second time leaves a word alone
                assert shown.startswith(page(topic) + "\n")
    assert "rnncli help promises" in rnncli("help", "promise").stderr
    for sought, topic in {"notebook": "python", "Jupyter": "python", "json": "keys", "weights": "files"}.items():
        with at(sought):
            assert rnncli("help", sought) == rnncli("help", topic)


def test_the_page_on_python_runs(rnncli: Run) -> None:
    lines = rnncli("help", "python").stdout.splitlines()
    exec("\n".join(line.strip() for line in lines if line.startswith("  ")), {})
