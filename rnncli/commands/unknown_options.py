"""What was probably meant by an option that a command has not."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import click

from rnncli.commands.command_line import Word
from rnncli.commands.diagnosis import CommandLine, Diagnosis
from rnncli.commands.named import Named
from rnncli.commands.other_names import (
    FILES,
    FLOPS,
    MEMORIES,
    OPTION_ADVICE,
    OPTIONS,
    REPAIRED_VALUES,
    TO_A_FILE,
    WHICH_MEMORY,
)
from rnncli.commands.values import big_number
from rnncli.errors import listed
from rnncli.language.likeness import closest
from rnncli.layers import KINDS
from rnncli.reports.reference import is_word

_LIKE_AN_OPTION, _LIKE_NOTHING_ELSE = 0.8, 0.6
"""How like an option a name must be to be a misspelt one: where it is a word of specs, and where it is none."""


class _Unknown(NamedTuple):
    """An option that a command has not.

    Attributes:
        line: the command line.
        place: where it stands.
        values: the word behind it, if it can be its value.
    """

    line: CommandLine
    place: int
    values: list[Word]

    @property
    def word(self) -> Word:
        """The option as typed."""
        return self.line.words[self.place]

    @property
    def name(self) -> str:
        """Its name, without hyphens."""
        return self.word.text.lstrip("-").lower()

    @property
    def value(self) -> str:
        """What would be its value; empty if there is none."""
        return self.word.value or "" if self.word.attached else "".join(each.text for each in self.values)

    @property
    def message(self) -> str:
        """What is wrong."""
        return f"there is no option {self.word.text}"

    def mended(self, *instead: Word) -> list[str]:
        """Return the command line with other words in place of the option and its value."""
        words = self.line.words
        return self.line.line([*words[: self.place], *instead, *words[self.place + 1 + len(self.values) :]])


def unknown_option(line: CommandLine) -> Diagnosis:
    """Return what is wrong where a command has no such option: it has another name here, or is none of it."""
    place = next(i for i, each in enumerate(line.words) if each.is_unknown)
    behind = [] if line.words[place].attached else line.words[place + 1 : place + 2]
    unknown = _Unknown(line, place, [each for each in behind if each.is_argument and not is_spec(each.text)])
    found = (each(unknown) for each in (_a_value, _in_flops, _a_file, _another_way, _another_name, _of_rnncli, _a_word))
    return next((each for each in found if each is not None), None) or _of_others(unknown)


def _a_value(unknown: _Unknown) -> Diagnosis | None:
    """`--json`: a value of an option."""
    for option in unknown.line.options.values():
        value = chosen(option, unknown.name)
        if value is not None:
            given = Word(option.opts[0], option, value)
            return Diagnosis(unknown.message, unknown.line.with_(unknown.place, given))
    return None


def _in_flops(unknown: _Unknown) -> Diagnosis | None:
    """`--flops 10M`: a limit, each two of which are a multiply-add."""
    limit = unknown.line.options.get("max-macs")
    if limit is None or unknown.name not in FLOPS:
        return None
    advice = "a multiply-add is two FLOPs"
    if not unknown.value or not big_number.takes(unknown.value):
        return Diagnosis(unknown.message, advice=f"{advice}, and --macs limits multiply-adds")
    macs = str(big_number.convert(unknown.value, None, None) // 2)
    return Diagnosis(unknown.message, unknown.mended(Word("--macs", limit, macs)), advice=advice)


def _a_file(unknown: _Unknown) -> Diagnosis | None:
    """`-o FILE`: a file, where the command writes none, or a picture alone."""
    options = unknown.line.options
    if unknown.name not in FILES or "output" in options:
        return None
    if unknown.value.lower().endswith(".svg") and "svg" in options:
        return Diagnosis(unknown.message, unknown.mended(Word("--svg", options["svg"], unknown.value)))
    return Diagnosis(unknown.message, unknown.mended(), "without it", TO_A_FILE)


def _another_way(unknown: _Unknown) -> Diagnosis | None:
    """`--no-color`: what another way leads to."""
    advice = OPTION_ADVICE.get(unknown.name)
    return None if advice is None else Diagnosis(unknown.message, unknown.mended(), "without it", advice)


def _another_name(unknown: _Unknown) -> Diagnosis | None:
    """`--batch-size`: another name of an option, or a misspelt one."""
    name, options = unknown.name, unknown.line.options
    likeness = _LIKE_AN_OPTION if is_word(_word(name)) else _LIKE_NOTHING_ELSE
    meant = next((each for each in OPTIONS.get(name, ()) if each in options), None) or closest(name, options, likeness)
    if meant is None:
        return None
    if options[meant].is_flag:
        return Diagnosis(unknown.message, unknown.mended(Word(f"--{meant}", options[meant])))
    advice = WHICH_MEMORY if name in MEMORIES else ""
    given = replace(unknown.word, text=f"--{meant}")
    return Diagnosis(unknown.message, unknown.line.with_(unknown.place, given), advice=advice)


def _of_rnncli(unknown: _Unknown) -> Diagnosis | None:
    """`--version`: an option of the group."""
    text = unknown.word.text
    if not any(text in each.opts for each in unknown.line.group.params):
        return None
    return Diagnosis(f"{text} is an option of rnncli itself", [text])


def _a_word(unknown: _Unknown) -> Diagnosis | None:
    """`--hidden-size`: a word that a spec says, or that another command has no option of."""
    word = _word(unknown.name)
    if not is_word(word) or (word not in KINDS and _others(unknown.line.group, unknown.word.text)):
        return None
    return Diagnosis(unknown.message, unknown.mended(), "without it", f"`rnncli layers {word}` shows what it is here")


def _of_others(unknown: _Unknown) -> Diagnosis:
    """`--plot` of draw: an option that other commands have, if any."""
    others = _others(unknown.line.group, unknown.word.text)
    if not others:
        return Diagnosis(unknown.message, unknown.mended(), lead="without it")
    have = "has" if len(others) == 1 else "have"
    message = f"{unknown.line.name} has no option {unknown.word.text}; {listed(list(others))} {have}"
    flag = any(each.is_flag for each in others.values())
    return Diagnosis(message, (unknown._replace(values=[]) if flag else unknown).mended(), lead="without it")


def is_spec(word: str) -> bool:
    """Return whether a word looks like a spec, and not like a value or the name of a command."""
    return word == "-" or ":" in word or "(" in word or word.lower() in KINDS


def chosen(option: click.Option, value: str) -> str | None:
    """Return the one of an option's values that goes by that name, here or elsewhere; None if none does."""
    if not isinstance(option.type, click.Choice):
        return None
    choices = [str(each) for each in option.type.choices]
    name = value.lower()
    meant = option.type.meaning(value) if isinstance(option.type, Named) else None
    return next((each for each in (name, meant, REPAIRED_VALUES.get(name)) if each in choices), None)


def _word(name: str) -> str:
    """Return what a spec or a framework would call an option: hidden_size for hidden-size."""
    return name.replace("-", "_")


def _others(group: click.Group, name: str) -> dict[str, click.Option]:
    """Return the other commands that have an option of that name, and the option."""
    found = {}
    for each in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), each)
        for option in command.params if command is not None else []:
            if isinstance(option, click.Option) and name in option.opts:
                found[each] = option
    return found
