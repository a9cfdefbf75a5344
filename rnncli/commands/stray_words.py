"""Words among the specs of a command line that were meant for something else: `wide`, `batch=32`, `torch`, `vs`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from os.path import splitext

import click

from rnncli.commands.command_line import Line, Word, line
from rnncli.commands.option_mistakes import chosen, is_wrong
from rnncli.commands.other_names import OPTIONS
from rnncli.commands.values import FileName, Value
from rnncli.errors import quote
from rnncli.language.likeness import in_ascii
from rnncli.language.mend.search import Step
from rnncli.layers import KINDS

_BETWEEN_SPECS = ("and", "vs", "vs.", "versus", "with", "against", "or", "then", "&", "+", "/")
"""Words that stand between specs where people compare them."""

_TRUTHS = ("yes", "no", "true", "false", "on", "off")

_STARTS_NETWORK = re.compile(
    r"[,\s]\s{0,9}(?=(?:" + "|".join(name for name in KINDS if KINDS[name].reads == "input") + "):)"
)
"""What stands between two specs that are in one word."""


def is_stray(text: str) -> bool:
    """Whether an argument is a word that no spec starts with, with a value or without."""
    name = in_ascii(text).lstrip("-/").partition("=")[0].lower()
    return text in _BETWEEN_SPECS or (re.fullmatch(r"[a-z][a-z0-9_.-]{1,30}", name) is not None and name not in KINDS)


def meant(name: str, command: click.Command, typed: Sequence[Word], place: int) -> Iterator[Step[Line]]:
    """Yield the line with an argument of it as what it may have been meant for.

    Args:
        name: the name of the command.
        command: the command.
        typed: the words behind its name.
        place: where the argument stands among them.
    """
    text = typed[place].text
    before, after = [*typed[:place]], [*typed[place + 1 :]]
    said = f"{quote(text)} is no spec"

    def step(*instead: Word, used: int = 0, lead: str = "") -> Step[Line]:
        return Step(tuple(line(name, [*before, *instead, *after[used:]])), lead, said)

    options = {each: option for option in command.params for each in option.opts if isinstance(option, click.Option)}
    given = {each.option for each in typed}
    second = list(_second_value(name, typed, place)) if place and text.lower() not in KINDS else []
    yield from second
    if not second and _is_number(typed, place):
        timesteps = options.get("--timesteps")
        if timesteps is not None and timesteps not in given:
            yield step(Word("--timesteps", timesteps, text), lead="perhaps")
    elif is_stray(text):
        if text == name or (text.lower() in _BETWEEN_SPECS and before and after):
            yield step(lead="without it" if text == name else "a space stands between specs")
        yield from _as_option(step, options, given, text, after)
        for option in dict.fromkeys(options.values()):
            own = chosen(option, text)
            if own is not None and option not in given:
                yield step(*after, Word(max(option.opts, key=len), option, own), used=len(after))
        output = options.get("--output")
        if output is not None and output not in given and splitext(text)[1] and not os.path.exists(text):
            yield step(Word("-o", output, text), lead="perhaps")


def _second_value(name: str, typed: Sequence[Word], place: int) -> Iterator[Step[Line]]:
    """Yield the line with a word behind a flag, or behind an option and its value, as what it was meant for there."""
    last, text = typed[place - 1], typed[place].text
    option, said = last.option, quote(text)
    before, after = [*typed[: place - 1]], [*typed[place + 1 :]]
    if option is None or isinstance(option.type, FileName):
        return
    if option.is_flag:
        if text.lower() in _TRUTHS:
            message = f"{last.text} takes no value, and {said} is no spec"
            yield Step(tuple(line(name, [*before, last, *after])), "without it", message)
    elif option.multiple and not is_wrong(option, text):
        message = f"{last.text} takes one value at a time, so {said} is read as a spec"
        each = [*before, last, last.with_value(text), *after]
        yield Step(tuple(line(name, each)), "", message, advice="give it once for each")
    elif isinstance(option.type, Value) and option.type.takes(f"{last.value} {text}"):
        message = f"a space ends a value, so {last.text} is {quote(last.value or '')} and {said} is read as a spec"
        whole = [*before, last.with_value(f"{last.value} {text}"), *after]
        yield Step(tuple(line(name, whole)), "", message, advice="write it in quotes")
    elif isinstance(option.type, Value | click.Choice) and not is_wrong(option, text):
        message = f"{last.text} takes one value, and {said} is no spec"
        yield Step(tuple(line(name, [*before, last, *after])), "without it", message)


def _is_number(typed: Sequence[Word], place: int) -> bool:
    """Whether an argument is a number behind specs that are whole, and no piece of one."""
    specs = [word.text for word in typed[:place] if word.is_argument]
    number = re.fullmatch("[0-9]{1,10}", typed[place].text) is not None
    return number and place == len(typed) - 1 and bool(specs) and re.search(r":.*\w$", specs[-1]) is not None


def _as_option(
    step: Callable[..., Step[Line]],
    options: Mapping[str, click.Option],
    given: set[click.Option | None],
    text: str,
    after: Sequence[Word],
) -> Iterator[Step[Line]]:
    """Yield the line with a word as the option that it names, with its value behind = or behind a space."""
    word, equals, value = in_ascii(text).lstrip("-/").partition("=")
    word = word.lower().replace("_", "-")
    for each in (word,) if f"--{word}" in options else OPTIONS.get(word, ()):
        option = options.get(f"--{each}")
        if option is None:
            continue
        if option in given:
            yield step(lead="without it")
        elif option.is_flag and not equals:
            yield step(Word(f"--{each}", option))
        elif equals:
            yield step(Word(f"--{each}", option, value))
        elif after and after[0].is_argument and not is_wrong(option, after[0].text):
            yield step(Word(f"--{each}", option, after[0].text), used=1)


def specs_in(text: str) -> list[str]:
    """Return the specs that a text is which has several of them, joined by commas; one where it has not."""
    return [each.rstrip(", ") for each in _STARTS_NETWORK.split(text) if each.strip(", ")]
