"""Words among the specs of a command line that were meant for something else: `wide`, `batch=32`, `torch`, `vs`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click

from rnncli.commands.command_line import Line, Word, line, these_words
from rnncli.commands.mistakes import repaired
from rnncli.commands.option_mistakes import chosen, is_wrong
from rnncli.commands.other_names import OPTIONS
from rnncli.errors import UsageError, quote
from rnncli.language.likeness import in_ascii
from rnncli.language.mend.search import Step
from rnncli.layers import KINDS

_BETWEEN_SPECS = ("and", "vs", "vs.", "versus", "with", "against", "or", "then", "&", "+")
"""Words that stand between specs where people compare them."""

_STARTS_NETWORK = re.compile(
    r",\s{0,9}(?=(?:" + "|".join(name for name in KINDS if KINDS[name].reads == "input") + "):)"
)
"""What stands between two specs that are in one word."""


def check_words() -> None:
    """Check that every argument of the command line that is running may be a spec.

    Raises:
        UsageError: one was meant for an option, or stands between specs.
    """
    context = click.get_current_context()
    group = context.find_root().command
    typed = these_words()
    if not isinstance(group, click.Group) or context.info_name is None:
        return
    for place, word in enumerate(typed):
        if word.is_argument and _is_stray(word.text):
            for step in _meant(context.info_name, context.command, typed, place):
                repair = repaired(group, step.state)
                if repair is not None:
                    raise UsageError(step.message, lead=step.lead, repair=repair)


def _is_stray(text: str) -> bool:
    """Whether an argument is a word that no spec starts with, with a value or without."""
    name = in_ascii(text).lstrip("-/").partition("=")[0].lower()
    return text in _BETWEEN_SPECS or (re.fullmatch(r"[a-z][a-z0-9_.-]{1,30}", name) is not None and name not in KINDS)


def _meant(name: str, command: click.Command, typed: Sequence[Word], place: int) -> Iterator[Step[Line]]:
    """Yield the line with a word of it as what it may have been meant for."""
    text = typed[place].text
    message = f"{quote(text)} is no spec"
    before, after = [*typed[:place]], [*typed[place + 1 :]]
    if text.lower() in _BETWEEN_SPECS and before and after:
        yield Step(tuple(line(name, [*before, *after])), "a space stands between specs", message)
    word, equals, value = in_ascii(text).lstrip("-/").partition("=")
    word = word.lower().replace("_", "-")
    options = {each: option for option in command.params for each in option.opts if isinstance(option, click.Option)}
    meant = [options[f"--{each}"] for each in (word, *OPTIONS.get(word, ())) if f"--{each}" in options]
    for option in meant:
        spelt = next((each for each in option.opts if each == f"--{word}"), max(option.opts, key=len))
        assert isinstance(option, click.Option)
        if option.is_flag and not equals:
            yield Step(tuple(line(name, [*before, Word(spelt, option), *after])), "", message)
        elif equals:
            yield Step(tuple(line(name, [*before, Word(spelt, option, value), *after])), "", message)
        elif after and after[0].is_argument and not is_wrong(option, after[0].text):
            given = Word(spelt, option, after[0].text)
            yield Step(tuple(line(name, [*before, given, *after[1:]])), "", message)
    for option in dict.fromkeys(options.values()):
        assert isinstance(option, click.Option)
        own = chosen(option, text)
        if own is not None and all(each.option is not option for each in typed):
            given = Word(max(option.opts, key=len), option, own)
            yield Step(tuple(line(name, [*before, *after, given])), "", message)


def specs_in(text: str) -> list[str]:
    """Return the specs that a text is which has several of them, joined by commas; one where it has not."""
    return [each for each in _STARTS_NETWORK.split(text) if each]
