"""`rnncli completion`: a script that completes command lines in a shell.

The script calls rnncli with `_RNNCLI_COMPLETE` set; Click finds the parameter at the cursor and asks it for candidates.
Click's own scripts are not enough: a spec continues without a space, bash splits words at some of its signs, and files
are filtered by their extensions. The scripts are in `rnncli/shells`.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from rnncli.characters import ascii_form, shows_unicode
from rnncli.commands import COMPLETION
from rnncli.commands.command_line import options_of
from rnncli.commands.groups import GroupedCommand
from rnncli.commands.values import OneOf
from rnncli.errors import RnncliError
from rnncli.system import package_text

SHELLS = ("bash", "zsh", "fish")

_SEPARATOR = "\x1f"
"""Separates the parts of a line of the answer. Tabs would not do: a shell reads several as one."""

_CURSOR = "\ufdd0"
"""Marks the cursor: a noncharacter of Unicode, which no text may contain."""


def _words(line: str) -> list[str]:
    """Return the words of a line up to the cursor, without their quotes; the last one is the word at the cursor."""
    *words, last = split_arg_string(line + _CURSOR)
    return [*words, last.replace(_CURSOR, "")]


def _in_quotes(line: str) -> bool:
    try:
        shlex.split(line)
    except ValueError:
        return True
    return False


class _ShellCompletion(ShellComplete):
    """The common part of the shells' completions.

    The script passes the line up to the cursor in COMP_LINE. The answer has a line for each candidate: whether a space
    follows it (`space`, `open`), the candidate, its text in a list, and its meaning. For files the answer is one line:
    `files`, the beginning of the path, the text before the path in the same word, and the extensions.
    """

    def source(self) -> str:
        """Return the script, also if it is asked for as Click documents: `_RNNCLI_COMPLETE=bash_source rnncli`."""
        type(self).source_template = package_text(f"shells/complete.{self.name}")
        return super().source().lstrip()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words after the name of the program, and the word at the cursor."""
        words = _words(os.environ["COMP_LINE"])
        while len(words) > 2 and re.match(r"\w+=", words[0]):
            del words[0]  # A=1 rnncli ...
        return words[1:-1], words[-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates for the whole word at the cursor."""
        option, equals, value = incomplete.partition("=")
        if not (option.startswith("--") and equals):
            return self._candidates(args, incomplete)
        assert isinstance(self.cli, click.Group)
        command = self.cli.get_command(click.Context(self.cli), args[0]) if args else None
        found = options_of(command).get(option) if command else None
        if found is None or found.is_flag:
            return []
        return [_behind(option + equals, item) for item in self._candidates([*args, option], value)]

    def _candidates(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        if incomplete.startswith("-"):
            # Click reads it as an option, but it may be the value of one: --sort -params.
            values = [item for item in super().get_completions(args, "") if item.value.startswith(incomplete)]
            if values:
                return values
        return super().get_completions(args, incomplete)

    def complete(self) -> str:
        """Return the answer; it is empty if the line is wrong before the cursor."""
        try:
            return super().complete()
        except (RnncliError, click.ClickException):
            return ""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the line of a candidate."""
        if item.type == "file":
            return _SEPARATOR.join(("files", item.value, item.lead or "", " ".join(item.extensions)))
        ending = "open" if item.open else "space"
        means = item.help or ""
        # Click bypasses the stream and writes the answer as bytes in UTF-8.
        means = means if shows_unicode(sys.stdout) else ascii_form(means)
        return _SEPARATOR.join((ending, item.value, item.word or item.value, means))


def _substitution(word: str) -> str:
    """Return the text before the word in an open substitution in quotes, `"$(…`, all of which bash replaces."""
    before = os.environ["COMP_WORD"].removesuffix(word)
    return before if "$(" in before else ""


def _behind(lead: str, item: CompletionItem[str]) -> CompletionItem[str]:
    """Return a candidate for an option's value as one for the word with both: --sort=params."""
    if item.type == "file":
        return CompletionItem(item.value, type="file", extensions=item.extensions, lead=lead)
    return CompletionItem(lead + item.value, help=item.help, word=item.value, open=item.open)


@add_completion_class
class _Bash(_ShellCompletion, BashComplete):
    """Bash replaces only the text after the last `:` or `=`; the script passes that text in COMP_WORD."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words of the innermost command: bash passes all of `rnncli summary $(rnncli solve`."""
        _, substitution, inner = os.environ["COMP_LINE"].rpartition("$(")
        if substitution and ")" not in inner:
            os.environ["COMP_LINE"] = inner
        return super().get_completion_args()

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates; inside quotes, add one to a lone open candidate, or bash would close the quotes."""
        items = super().get_completions(args, incomplete)
        substituted = _substitution(incomplete)
        if substituted:
            items = [item for item in items if item.type != "file"]  # bash would put a backslash before its $
        if len(items) == 1 and (substituted or (items[0].open and _in_quotes(os.environ["COMP_LINE"]))):
            items.append(CompletionItem(items[0].value + " ", open=True))
        return items

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return the line of a candidate, without the text before it that bash keeps."""
        word, replaced = self.get_completion_args()[1], os.environ["COMP_WORD"]
        kept = len(word) - len(replaced if word.endswith(replaced) else _words(replaced)[-1])
        if item.type == "file":
            return super().format_completion(_behind(item.value[: max(0, kept - len(item.lead or ""))], item))
        return super().format_completion(CompletionItem(_substitution(word) + item.value[kept:], open=item.open))


@add_completion_class
class _Zsh(_ShellCompletion, ZshComplete):
    """Zsh lists the last part of a spec with its meaning, and inserts the whole."""


@add_completion_class
class _Fish(_ShellCompletion, FishComplete):
    """Fish adds a space after a lone candidate, unless it ends in certain signs."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates; replace a lone open candidate by its continuations, so that no space follows."""
        items = super().get_completions(args, incomplete)
        if len(items) == 1 and items[0].open and items[0].value[-1] not in ":=,":
            (item,) = items
            return [CompletionItem(item.value + sign, help=item.help, open=True) for sign in ":,"]
        return items


@click.command(cls=GroupedCommand)
@click.argument("shell", type=OneOf(SHELLS))
def command(shell: str) -> None:
    """Print a script that makes your shell complete command lines.

    \b
    Examples:
      rnncli completion bash
      rnncli completion zsh

    It completes commands, options, files and, inside a spec, kinds, fields and values.

    To use it in every shell, add a line to the file that the shell reads when it starts:

    \b
      ~/.bashrc                   source <(rnncli completion bash)
      ~/.zshrc, after compinit    source <(rnncli completion zsh)
      ~/.config/fish/config.fish  rnncli completion fish | source
    """
    group = click.get_current_context().find_root().command
    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(group, {}, "rnncli", COMPLETION).source(), nl=False)
