"""A command line that a command refuses, and what is found to be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import click

from rnncli.commands.command_line import Word, line
from rnncli.commands.groups import long_name


class Diagnosis(NamedTuple):
    """What is wrong with a command line.

    Attributes:
        message: the error.
        typed: the command line with this mistake mended; None where that is not known.
        lead: what leads to it: `perhaps`, `for example`.
        advice: how to mend it, in words.
    """

    message: str
    typed: list[str] | None = None
    lead: str = ""
    advice: str = ""


@dataclass(frozen=True)
class CommandLine:
    """A command line that a command refuses.

    Attributes:
        group: the group of commands.
        command: the command.
        name: its name.
        words: its options and arguments as typed.
    """

    group: click.Group
    command: click.Command
    name: str
    words: list[Word]

    @property
    def options(self) -> dict[str, click.Option]:
        """The command's options by their long names, without the two hyphens."""
        return {long_name(each).lstrip("-"): each for each in self.command.params if isinstance(each, click.Option)}

    def with_(self, place: int, *instead: Word) -> list[str]:
        """Return the command line with other words in place of one."""
        return self.line([*self.words[:place], *instead, *self.words[place + 1 :]])

    def line(self, parts: list[Word]) -> list[str]:
        """Return what is typed behind `rnncli` for other options and arguments."""
        return line(self.name, parts)
