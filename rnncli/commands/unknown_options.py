"""What was probably meant by an option that a command has not."""

from __future__ import annotations

from dataclasses import replace

import click

from rnncli.commands.command_line import Word
from rnncli.commands.diagnosis import CommandLine, Diagnosis
from rnncli.commands.named import Named
from rnncli.commands.other_names import FLOPS, MEMORIES, OPTIONS, REPAIRED_VALUES, WHICH_MEMORY
from rnncli.commands.values import big_number
from rnncli.errors import listed
from rnncli.language.hints import closest
from rnncli.layers import KINDS
from rnncli.reports.reference import is_word

_LIKE_AN_OPTION, _LIKE_NOTHING_ELSE = 0.8, 0.6
"""How like an option a name must be to be a misspelt one: where it is a word of specs, and where it is none."""


def unknown_option(line: CommandLine) -> Diagnosis:
    """Return what is wrong where a command has no such option: it has another name here, or is none of it."""
    place = next(i for i, each in enumerate(line.words) if each.is_unknown)
    word = line.words[place]
    name = word.text.lstrip("-").lower()
    message = f"there is no option {word.text}"
    for option in line.options.values():
        value = chosen(option, name)
        if value is not None:  # --json
            return Diagnosis(message, line.with_(place, Word(option.opts[0], option, value)))
    before, behind = line.words[:place], line.words[place + 1 :]
    values = [] if word.attached else [each for each in behind[:1] if each.is_argument and not is_spec(each.text)]
    rest = behind[len(values) :]
    if name in FLOPS and "max-macs" in line.options:
        macs = _macs(word.value if word.attached else "".join(each.text for each in values))
        advice = "a multiply-add is two FLOPs"
        if macs is None:
            return Diagnosis(message, advice=f"{advice}, and --macs limits multiply-adds")
        return Diagnosis(
            message, line.line([*before, Word("--macs", line.options["max-macs"], macs), *rest]), "", advice
        )
    meant = _meant(line, name)
    if meant is not None and line.options[meant].is_flag:
        return Diagnosis(message, line.line([*before, Word(f"--{meant}", line.options[meant]), *rest]))
    if meant is not None:
        advice = WHICH_MEMORY if name in MEMORIES else ""
        return Diagnosis(message, line.with_(place, replace(word, text=f"--{meant}")), advice=advice)
    if any(word.text in each.opts for each in line.group.params):
        return Diagnosis(f"{word.text} is an option of rnncli itself", [word.text])
    others = _others(line.group, word.text)
    if is_word(_word(name)) and (not others or name in KINDS):
        advice = f"`rnncli layers {_word(name)}` shows what it is here"
        return Diagnosis(message, line.line([*before, *rest]), "without it", advice)
    if others:
        have = "has" if len(others) == 1 else "have"
        message = f"{line.name} has no option {word.text}; {listed(list(others))} {have}"
    taken = behind if any(each.is_flag for each in others.values()) else rest
    return Diagnosis(message, line.line([*before, *taken]), lead="without it")


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


def _macs(flops: str | None) -> str | None:
    """Return a limit in FLOPs as one in multiply-adds, each of which is two; None where it is no number."""
    return str(big_number.convert(flops, None, None) // 2) if flops and big_number.takes(flops) else None


def _meant(line: CommandLine, name: str) -> str | None:
    """Return the option that was probably meant by a name that the command has not, without hyphens."""
    for other in OPTIONS.get(name, ()):
        if other in line.options:
            return other
    return closest(name, line.options, _LIKE_AN_OPTION if is_word(_word(name)) else _LIKE_NOTHING_ELSE)


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
