"""What was meant by an option that a command has not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os.path import splitext
from typing import NamedTuple

import click

from rnncli.commands.command_line import Line, Word, line
from rnncli.commands.option_mistakes import CommandLine, chosen, is_spec
from rnncli.commands.other_names import (
    FILES,
    FLOPS,
    FORMATS_OF_FILES,
    HOLDS_A_SPEC,
    MEMORIES,
    OPTION_ADVICE,
    OPTIONS,
    PICTURES,
    TO_A_FILE,
    WHICH_MEMORY,
)
from rnncli.commands.values import big_number
from rnncli.errors import listed
from rnncli.language.likeness import closest
from rnncli.language.mend.search import COSTS_A_GUESS, Step
from rnncli.layers import KINDS, LAYERS
from rnncli.reports.reference import is_word
from rnncli.search.budget import FIGURES

_LIKE_AN_OPTION, _LIKE_NOTHING_ELSE = 0.8, 0.6
"""How like an option a name must be to be a misspelt one: where it is a word of specs, and where it is none."""


_SHORT = 3
"""A name of so few letters is like too many others."""


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
        """Its name, without hyphens in front and with hyphens in it."""
        return self.word.text.lstrip("-").lower().replace("_", "-")

    @property
    def value(self) -> str:
        """What would be its value; empty if there is none."""
        return self.word.value or "" if self.word.attached else "".join(each.text for each in self.values)

    @property
    def message(self) -> str:
        """What is wrong."""
        return f"there is no option {self.word.text}"

    def mended(self, *instead: Word) -> Line:
        """Return the command line with other words in place of the option and its value."""
        return self.line.with_(self.place, *instead, used=1 + len(self.values))

    def without(self, advice: str = "", message: str = "") -> Step[Line]:
        """Return the step that leaves it out, with its value."""
        message = message or self.message
        return Step(self.mended(), "without it", message, drops=self.word.text, costs=COSTS_A_GUESS, advice=advice)


def unknown_option(this: CommandLine) -> Iterator[Step[Line]]:
    """Yield the line mended where a command has no such option: it has another name here, or is none of it."""
    place = next(i for i, each in enumerate(this.words) if each.is_unknown)
    short = re.fullmatch("(-[a-z])([0-9]+)", this.words[place].text)
    if short is not None:  # -t100
        this.words[place] = Word(short[1], None, short[2], attached=True)
    behind = [] if this.words[place].attached else this.words[place + 1 : place + 2]
    unknown = _Unknown(this, place, [each for each in behind if each.is_argument and not is_spec(each.text)])
    for meant in _WAYS:
        found = list(meant(unknown))
        if found:
            yield from found
            break
    yield from _less(unknown)


def _a_value(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--json`: a value of an option."""
    for option in unknown.line.options.values():
        value = chosen(option, unknown.name)
        if value is not None and option not in unknown.line.given:
            yield Step(unknown.line.with_(unknown.place, Word(option.opts[0], option, value)), "", unknown.message)


def _a_value_of(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--jsn`, `--kind json`: a value of an option that is misspelt, or the option is called otherwise."""
    for option in unknown.line.options.values():
        choices = map(str, option.type.choices) if isinstance(option.type, click.Choice) else ()
        near = closest(unknown.name, choices, _LIKE_AN_OPTION)
        if near is not None and option not in unknown.line.given:
            yield Step(
                unknown.line.with_(unknown.place, Word(option.opts[0], option, near)), "perhaps", unknown.message
            )
        value = chosen(option, unknown.value) if unknown.value else None
        if value is not None and option not in unknown.line.given:
            yield Step(unknown.mended(Word(option.opts[0], option, value)), "perhaps", unknown.message)


def _in_flops(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--flops 10M`: a limit, each two of which are a multiply-add."""
    limit = unknown.line.options.get("max-macs")
    if limit is None or unknown.name not in FLOPS:
        return
    advice = "a multiply-add is two FLOPs"
    if not unknown.value or not big_number.takes(unknown.value):
        yield unknown.without(f"{advice}, and --macs limits multiply-adds")
        return
    macs = str(big_number.convert(unknown.value, None, None) // 2)
    yield Step(unknown.mended(Word("--macs", limit, macs)), "", unknown.message, advice=advice)


def _a_file(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`-o FILE`: a file, where the command writes none, or a picture alone."""
    options = unknown.line.options
    if unknown.name not in FILES or "output" in options:
        return
    extension = splitext(unknown.value)[1].lower()
    if extension in PICTURES and "svg" in options:
        path = splitext(unknown.value)[0] + ".svg"
        yield Step(unknown.mended(Word("--svg", options["svg"], path)), "", unknown.message)
    format_ = FORMATS_OF_FILES.get(extension)
    option = options.get("format")
    if unknown.value and extension not in PICTURES and (format_ is None or option is not None):
        known = option is None or format_ is None or option in unknown.line.given
        given = [] if known else [Word("-f", option, format_)]
        instead = (*unknown.mended(*given), ">", unknown.value)
        yield Step(instead, "", unknown.message, advice=TO_A_FILE)
    yield unknown.without(TO_A_FILE)


def _a_spec(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--model input:8,lstm:4`: a spec, which stands alone."""
    if unknown.name in HOLDS_A_SPEC:
        instead = [Word(unknown.word.value)] if unknown.word.value else []
        yield Step(unknown.line.with_(unknown.place, *instead), "a spec stands alone", unknown.message)


def _a_size(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--units 32`, where no spec is given: a spec of that size."""
    sizes = {name for kind in LAYERS for name in kind.torch_arguments.values()} | {"units", "hidden", "hidden_units"}
    arguments = [word for word in unknown.line.words if word.is_argument and word not in unknown.values]
    if unknown.name.replace("-", "_") in sizes and unknown.value.isdigit() and not arguments:
        instead = unknown.mended(Word(f"input:32,lstm:{unknown.value}"))
        yield Step(instead, "for example", unknown.message, advice="a spec says it", costs=1)


def _another_way(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--no-color`: what another way leads to."""
    advice = OPTION_ADVICE.get(unknown.name)
    if advice is not None:
        yield unknown.without(advice)


def _of_another(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`summary SPEC --memory 4MB`: a limit, which another command keeps."""
    if not unknown.value or unknown.line.name not in ("summary", "explain"):
        return
    for name in (unknown.name, *OPTIONS.get(unknown.name, ())):
        others = unknown.line.others(f"--{name}")
        option = others.get("sweep")
        if option is not None and name.removeprefix("max-") in {figure.name for figure in FIGURES}:
            message = f"{unknown.line.name} has no limits; {listed(list(others))} have"
            parts = [*unknown.line.words]
            parts[unknown.place : unknown.place + 1 + len(unknown.values)] = [Word(f"--{name}", option, unknown.value)]
            yield Step(tuple(line("sweep", parts)), "", message)
            return


def _another_name(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--batch-size`: another name of an option, or a misspelt one."""
    name, options = unknown.name, unknown.line.options
    likeness = _LIKE_AN_OPTION if is_word(_word(name)) else _LIKE_NOTHING_ELSE
    meant = next((each for each in OPTIONS.get(name, ()) if each in options), None)
    others = [other for other, ours in OPTIONS.items() if len(other) > _SHORT and {*ours} & {*options}]
    guess = closest(name, [*options, *others], likeness)
    meant = meant or (guess if guess is None or guess in options else _own(guess, options))
    if meant is None:
        return
    if options[meant].is_flag:
        yield Step(unknown.mended(Word(f"--{meant}", options[meant])), "", unknown.message)
        return
    advice = WHICH_MEMORY if name in MEMORIES else ""
    given = unknown.word._replace(text=f"--{meant}")
    yield Step(unknown.line.with_(unknown.place, given), "", unknown.message, advice=advice)


def _own(name: str, options: Mapping[str, click.Option]) -> str:
    """Return the option that another name for one means."""
    return next(each for each in OPTIONS[name] if each in options)


def _of_rnncli(unknown: _Unknown) -> Iterator[Step[Line]]:
    """`--version`: an option of the group; `help --summary`: a command."""
    text = unknown.word.text
    if any(text in each.opts for each in unknown.line.group.params):
        yield Step((text,), "", f"{text} is an option of rnncli itself")
    if unknown.line.name == "help" and unknown.name in unknown.line.group.list_commands(
        click.Context(unknown.line.group)
    ):
        yield Step(unknown.mended(Word(unknown.name)), "", unknown.message)


_WAYS = (
    *(_a_value, _in_flops, _a_file, _a_spec, _a_size, _another_way),
    *(_of_rnncli, _of_another, _another_name, _a_value_of),
)
"""What such an option may be; the first that it is counts."""


def _less(unknown: _Unknown) -> Iterator[Step[Line]]:
    """Yield the line without the option: a word that a spec says, or an option that other commands have, if any."""
    others = unknown.line.others(unknown.word.text)
    word = _word(unknown.name)
    if is_word(word) and (word in KINDS or not others):
        yield unknown.without(f"`rnncli layers {word}` shows what it is here")
    elif not others:
        yield unknown.without()
    else:
        have = "has" if len(others) == 1 else "have"
        message = f"{unknown.line.name} has no option {unknown.word.text}; {listed(list(others))} {have}"
        flag = any(each.is_flag for each in others.values())
        yield (unknown._replace(values=[]) if flag else unknown).without(message=message)


def _word(name: str) -> str:
    """Return what a spec or a framework would call an option: hidden_size for hidden-size."""
    return name.replace("-", "_")
