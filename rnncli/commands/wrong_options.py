"""Options that are not there, and values and arguments that Click refuses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import click

from rnncli.commands.command_line import Line, TypedLine, Word, is_file, words
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.rewrites import COMMANDS, OPTIONS, TOPICS, VALUES
from rnncli.commands.values import FileName, Named, Value
from rnncli.commands.wrong_arguments import is_spec
from rnncli.errors import listed, quote
from rnncli.language.likeness import closest, in_ascii
from rnncli.language.mend.rewrites import Rewrite
from rnncli.language.mend.search import COSTS_A_GUESS, WITHOUT, Step
from rnncli.layers import KINDS
from rnncli.reports.reference import A_WORD, is_word

_FEW = 4
"""So many names and more are not listed in a sentence."""

_SHORT = 3
"""A name of so few letters is like too many others."""

_LIKE_AN_OPTION, _LIKE_NOTHING_ELSE = 0.8, 0.6
"""How like an option a name must be to be a misspelt one: where it is a word of specs, and where it is none."""

_LIKE_A_CHOICE = 0.7
"""How like a value a word must be to be a misspelt one."""

_RENAMED = Rewrite("option", "", "", "")
"""What is said of an option that is spelt otherwise."""

_SHOW_COSTS = ("summary", "explain")
"""Commands that show what `compare` shows of several networks, or of one in several settings."""


def in_words(this: TypedLine, refusal: click.ClickException) -> str:
    """Return what Click refuses, in the voice of all other errors."""
    match refusal:
        case GivenTwiceError():
            values = listed(list(map(quote, refusal.values)))
            return f"{this.name} takes one {long_name(refusal.option)}, but {values} are given"
        case click.NoSuchOption():
            text = next((each.text for each in this.words if each.is_unknown), refusal.option_name)
            others = list(this.having(text))
            if not others:
                return f"there is no option {text}"
            do = (
                f"{listed(others)} {'does' if len(others) == 1 else 'do'}"
                if len(others) < _FEW
                else "other commands do"
            )
            return f"{this.name} has no option {text}; {do}"
        case click.BadOptionUsage():
            word = next((each for each in this.words if each.text == refusal.option_name), Word(refusal.option_name))
            if word.option is None or word.option.is_flag:
                return f"{word.text} takes no value, but {quote(word.value or '')} was given"
            return f"{word.text} has no value; it takes {_taken(word.option)}"
        case click.MissingParameter(param=click.Argument() as argument):
            return f"{this.name} needs a {argument.human_readable_name.strip('[].')}"
        case click.BadParameter(param=click.Option() as option):
            return _wrong_value(this, option, refusal.message)
        case click.BadParameter(param=click.Argument(type=click.Choice() as choice) as argument) if this.arguments:
            value, what = this.words[this.arguments[0]].text, argument.human_readable_name
            if len(choice.choices) > _FEW:
                return f"there is no {what.strip('[]').lower().replace('|', ' or ')} {quote(value)}"
            return f"{what} is {quote(value)}, expected {listed([*choice.choices], 'or')}"
        case click.UsageError() if _extra(this):
            most = len(this.arguments) - len(_extra(this))
            takes = f"takes {most} argument{'' if most == 1 else 's'}" if most else "takes no argument"
            return f"{this.name} {takes}, but {quote(this.words[_extra(this)[0]].text)} was given"
    return refusal.format_message().rstrip(".")


def _wrong_value(this: TypedLine, option: click.Option, message: str) -> str:
    place = _wrong_place(this, option)
    name, value = long_name(option), ""
    if place is not None:
        word = this.words[place]
        # Of its two names the one that was typed.
        name, value = word.text if word.text.startswith("--") else name, word.value or ""
    if _several(this, option, value):
        return f"{name} is {quote(value)}, but it takes one value at a time"
    if _is_no_value(this, value):
        return f"{name} has no value; it takes {_taken(option)}"
    if not isinstance(option.type, click.Choice):
        return f"{name}: {message}"
    message = f"{name} is {quote(value)}, expected {_taken(option)}"
    kind: object = option.type
    return f"{message}, {kind.elsewhere}" if isinstance(kind, Named) and kind.meaning(value) is not None else message


def refused(this: TypedLine, refusal: click.ClickException) -> Iterator[Step[Line]]:
    """Yield what may be done about what Click refuses, the likeliest first."""
    match refusal:
        case GivenTwiceError():
            yield from _given_twice(this, refusal.option)
        case click.NoSuchOption():
            yield from _unknown(this)
        case click.BadOptionUsage():
            yield from _without_value(this, refusal.option_name)
        case click.MissingParameter():
            yield from _without_argument(this)
        case click.BadParameter(param=click.Option() as option):
            yield from _other_value(this, option)
        case click.BadParameter(param=click.Argument(type=click.Choice() as choice)):
            yield from _other_choice(this, [str(each) for each in choice.choices])
        case click.UsageError() if extra := _extra(this):
            text = "_".join(this.words[place].text for place in this.arguments)
            if this.name == "layers" and is_word(text):  # cell state
                yield Step(("layers", text))
            rest = [each for place, each in enumerate(this.words) if place not in extra]
            dropped = " ".join(this.words[place].text for place in extra)
            yield Step(this.line(rest), WITHOUT, drops=dropped, costs=COSTS_A_GUESS)


def _given_twice(this: TypedLine, option: click.Option) -> Iterator[Step[Line]]:
    """An option that counts once has several values; `compare` may take them all."""
    if _compares(this, option):
        yield Step(this.line(this.words, "compare"), advice="compare puts them side by side")
    *others, _ = (place for place, each in enumerate(this.words) if each.option is option)
    kept = [each for place, each in enumerate(this.words) if place not in others]
    dropped = " ".join(this.words[place].value or "" for place in others)
    yield Step(this.line(kept), "with the last of them", drops=dropped, costs=1)


def _compares(this: TypedLine, option: click.Option) -> bool:
    """Whether `compare` takes all options of a line, and several values of one of them."""
    known = all(each.option is None or "compare" in this.having(each.text) for each in this.words)
    return this.name in _SHOW_COSTS and known and this.having(long_name(option))["compare"].multiple


def _without_value(this: TypedLine, name: str) -> Iterator[Step[Line]]:
    """An option has no value."""
    place = next((place for place, each in enumerate(this.words) if each.text == name), None)
    option = None if place is None else this.words[place].option
    if place is None or option is None or option.is_flag:
        return
    if _is_read(option):
        yield Step(this.typed, advice=f"name one: {name} {option.metavar}")
    else:
        given = this.words[place].with_value(_example_of(option))
        yield Step(this.with_(place, given), "for example", costs=COSTS_A_GUESS)


def _without_argument(this: TypedLine) -> Iterator[Step[Line]]:
    """An argument is missing; there is one in the examples of the help."""
    found = re.search(r"^\s*rnncli (.*)$", this.command.help or "", re.MULTILINE)
    if found is not None:
        example = words(this.command, shlex.split(found[1])[1:])
        options = [each for each in example if not each.is_argument and this.given <= {None}]
        arguments = [each for each in example if each.is_argument]
        yield Step(this.line([*arguments, *this.words, *options]), "for example", costs=1)


def _wrong_place(this: TypedLine, option: click.Option) -> int | None:
    """Return where the last value of an option stands that is not allowed."""
    places = [place for place, each in enumerate(this.words) if each.option is option and each.value is not None]
    return next((place for place in reversed(places) if _is_wrong(option, this.words[place].value or "")), None)


def _several(this: TypedLine, option: click.Option, text: str) -> list[str]:
    """Return the values that a text lists of an option which this command or `compare` takes several times."""
    compared = this.having(long_name(option)).get("compare", option)
    return values_in(option, text) if option.multiple or compared.multiple else []


def _is_no_value(this: TypedLine, text: str) -> bool:
    """Whether what stands behind an option is a spec, or another option."""
    return (is_spec(text) and re.search("[a-z]{2}", text.lower()) is not None) or text.partition("=")[0] in this.options


def _other_value(this: TypedLine, option: click.Option) -> Iterator[Step[Line]]:
    """The value of an option is not allowed."""
    place = _wrong_place(this, option)
    if place is None:
        return
    word = this.words[place]
    value = word.value or ""
    several = [word.with_value(each) for each in _several(this, option, value)]
    if several:
        parts = [*this.words[:place], *several, *this.words[place + 1 :]]
        if option.multiple:
            yield Step(this.line(parts))
        elif _compares(this, option):
            yield Step(this.line(parts, "compare"), advice="compare puts them side by side")
        else:
            yield Step(this.with_(place, several[0]), "with the first of them", drops=value)
    if _is_no_value(this, value):
        given = Word(word.text, option, _example_of(option))
        yield Step(this.with_(place, given, Word(value)), "for example", costs=COSTS_A_GUESS)
        return
    plain = in_ascii(value)
    nearest, lead = plain if not _is_wrong(option, plain) else None, "perhaps"
    if isinstance(option.type, click.Choice):
        near = closest(value.lower(), map(str, option.type.choices), _LIKE_A_CHOICE)
        nearest, lead = _chosen(option, value) or (near if near and _digits(near) == _digits(value) else None), ""
    elif nearest is None and isinstance(option.type, Value):
        nearest = option.type.nearest(plain)
    if nearest is not None:
        yield Step(this.with_(place, word.with_value(nearest)), lead, drops=value)
    example = this.with_(place, word.with_value(_example_of(option)))
    yield Step(example, "for example", drops=value, costs=COSTS_A_GUESS // 2)


def _digits(text: str) -> str:
    """Return the digits of a text: a name with others is no misspelling."""
    return re.sub("[^0-9]", "", text)


def _other_choice(this: TypedLine, choices: Sequence[str]) -> Iterator[Step[Line]]:
    """An argument is none of those that are allowed."""
    if not this.arguments:
        return
    place = this.arguments[0]
    value = this.words[place].text
    if this.name == "help" and is_word(value):
        yield Step(("layers", value), advice=A_WORD)
    others = [VALUES.get(value, ""), TOPICS.get(value, "")]
    others += [str(row.becomes).split(" ")[0] for row in COMMANDS if re.fullmatch(row.pattern, value, re.IGNORECASE)]
    nearest = next((each for each in others if each in choices), None) or closest(value.lower(), choices)
    if nearest is not None:
        yield Step(this.with_(place, Word(nearest)))
    elif len(choices) > _FEW:
        yield Step(this.typed, advice=f"there are {', '.join(choices)}")
    else:
        yield Step(this.with_(place, Word(choices[0])), "for example", drops=value, costs=COSTS_A_GUESS)


def _extra(this: TypedLine) -> list[int]:
    """Return where the arguments stand that are more than the command takes."""
    return this.arguments[sum(each.nargs for each in this.command.params if isinstance(each, click.Argument)) :]


# What a word names


class _Said(NamedTuple):
    """A word that names an option or a value of one.

    Attributes:
        place: where it stands.
        text: the word, without a value in it.
        value: its value, in the word or in that behind it.
        used: how many words these are.
        attached: whether the value is behind a sign in the word that stays.
        is_option: whether it is an option, and no argument.
    """

    place: int
    text: str
    value: str | None
    used: int
    attached: bool = False
    is_option: bool = True

    @property
    def name(self) -> str:
        """What it names, without hyphens in front and with hyphens in it."""
        return in_ascii(self.text).lstrip("-/").rstrip(":").lower().replace("_", "-")


def _unknown(this: TypedLine) -> Iterator[Step[Line]]:
    """An option has another name here, stands for a value, or is none of the command."""
    place = next((place for place, each in enumerate(this.words) if each.is_unknown), None)
    if place is None:
        return
    word = this.words[place]
    short = re.fullmatch("(-[a-zA-Z])([0-9]+)", word.text)
    if short is not None:  # -t100
        word = Word(short[1], None, short[2])
    behind = [each for each in this.words[place + 1 : place + 2] if each.is_argument and not is_spec(each.text)]
    if len(this.arguments) == len(behind) and any(is_file(each.text) for each in behind):
        behind = []
    if word.value is None and behind:
        said = _Said(place, word.text, behind[0].text, 2)
    else:
        said = _Said(place, word.text, word.value, 1, word.attached)
    found = list(_named(this, said)) or list(_nearest(this, said))
    yield from found
    if not found and said.value is not None and len(this.arguments) == said.used - 1:
        yield Step(this.with_(place, Word(said.value), used=said.used), drops=said.text)
    if all(step.lead != WITHOUT for step in found):
        yield _dropped(this, said)


def named_by(this: TypedLine, place: int) -> Iterator[Step[Line]]:
    """Yield the line with an argument as the option, or the value of one, that it names: `wide`, `batch=32`, `json`."""
    text = this.words[place].text
    name, equals, value = in_ascii(text).lstrip("-/").partition("=")
    if re.fullmatch(r"[a-z][a-z0-9_.-]{1,30}", name.lower()) is None or name.lower() in KINDS:
        return
    behind = [each.text for each in this.words[place + 1 : place + 2] if each.is_argument and not equals]
    said = _Said(place, name, value if equals else next(iter(behind), None), 1 + len(behind), is_option=False)
    for step in _named(this, said):
        yield step._replace(message=f"{quote(text)} is not a spec")


def _named(this: TypedLine, said: _Said) -> Iterator[Step[Line]]:
    """Yield the line with what a word names: a value of an option, or an option, by its own name or another."""
    if f"--{said.name}" not in this.options:
        whole = (_rewritten(this, row, said) for row in OPTIONS if said.value is not None and " " in row.pattern)
        yield from islice((step for step in whole if step is not None), 1)
    for option in dict.fromkeys(this.options.values()):
        value = _chosen(option, said.name)
        if value is not None and option not in this.given:
            if said.is_option:
                yield Step(this.with_(said.place, Word(option.opts[0], option, value)), drops=said.text)
            else:
                yield Step(this.with_(said.place, end=[Word(long_name(option), option, value)]), drops=said.text)
            return
    own = this.options.get(f"--{said.name}")
    if own is not None and own in this.given and not said.is_option:
        yield Step(this.with_(said.place), WITHOUT, drops=said.text)
    elif own is not None and f"--{said.name}" != said.text:
        yield _instead(this, said, f"--{said.name}")
    else:
        rows = (_rewritten(this, row, said) for row in OPTIONS if said.is_option or not row.drops)
        yield from islice((step for step in rows if step is not None), 1)


def _rewritten(this: TypedLine, row: Rewrite, said: _Said) -> Step[Line] | None:
    """Return the line as a row of the table rewrites it; None where it is about something else."""
    whole = None if said.value is None else re.fullmatch(row.pattern, f"{said.name} {said.value}", re.DOTALL)
    found = whole or re.fullmatch(row.pattern, said.name)
    if found is None or (row.invents and any(this.words[i].text != said.value for i in this.arguments)):
        return None
    becomes = found.expand(row.becomes) if isinstance(row.becomes, str) else row.becomes(found)
    names = {this.options.get(each) for each in re.findall("(?:^| )(-[^ ]+)", becomes)}
    to_file = ">" in becomes and "--output" in this.options
    if None in names or names & this.given or becomes == found[0] or to_file:
        return None
    return _instead(this, said, becomes, row, whole is not None)


def _instead(this: TypedLine, said: _Said, becomes: str, row: Rewrite = _RENAMED, whole: bool = False) -> Step[Line]:
    """Return the line with other words in place of one, and of its value where `whole` says so."""
    typed, to_file, path = becomes.partition("> ")
    new = typed.split(" ", 1) if typed else []
    new = [each for each in new if each]
    if not whole and said.value is not None:
        if said.attached and new:
            new[-1] += f"={said.value}"
        else:
            new.append(said.value)
    used = said.used if whole or said.value is not None else 1
    end = [Word(">"), Word(path)] if to_file else []
    costs = COSTS_A_GUESS if row.drops else int(row.invents)
    drops = f"{said.text} {said.value or ''}".rstrip() if row.drops else ""
    state = this.with_(said.place, *words(this.command, new), used=used, end=end)
    return Step(
        state,
        row.lead,
        drops=drops or f"{said.value}" * (not isinstance(row.becomes, str)),
        costs=costs,
        advice=row.advice,
    )


def _nearest(this: TypedLine, said: _Said) -> Iterator[Step[Line]]:
    """Yield the line with an option or a value that is misspelt, `--jsn`, or the option of a value, `--kind json`."""
    names = {name.removeprefix("--"): name for name in this.options if name.startswith("--")}
    for row in OPTIONS:
        if re.fullmatch("[a-z|-]+", row.pattern) and row.becomes in this.options:
            names = {each: str(row.becomes) for each in row.pattern.split("|") if len(each) > _SHORT} | names
    likeness = _LIKE_AN_OPTION if is_word(said.name.replace("-", "_")) else _LIKE_NOTHING_ELSE
    guess = closest(said.name, names, likeness)
    if guess is not None and _fits(this.options[names[guess]], said.value):
        yield _instead(this, said, names[guess])
        return
    guess = closest(said.name, names, _LIKE_AN_OPTION)
    if guess is not None:
        yield _instead(this, said, names[guess])
        return
    for option in dict.fromkeys(this.options.values()):
        if option in this.given or not isinstance(option.type, click.Choice):
            continue
        near = closest(said.name, map(str, option.type.choices), _LIKE_A_CHOICE)
        value = _chosen(option, said.value) if said.value else None
        if near is not None:
            yield Step(this.with_(said.place, Word(option.opts[0], option, near)), "perhaps")
        if value is not None:
            yield Step(this.with_(said.place, Word(option.opts[0], option, value), used=said.used), "perhaps")


def _fits(option: click.Option, value: str | None) -> bool:
    """Whether an option takes what stands behind one that there is not: a value, or none if it is a flag."""
    return option.is_flag if value is None else not option.is_flag and not _is_wrong(option, value)


def _dropped(this: TypedLine, said: _Said) -> Step[Line]:
    """Return the line without an option: a word that a spec says, or an option that other commands have, if any."""
    others = this.having(said.text)
    word = said.name.replace("-", "_")
    told = len(word) > 1 and is_word(word) and (word in KINDS or not others)
    flag = bool(others) and not told and any(each.is_flag for each in others.values())
    drops = said.text if flag or not said.value else f"{said.text} {said.value}"
    advice = f"`rnncli layers {word}` shows what it is here" if told else ""
    state = this.with_(said.place, used=1 if flag else said.used)
    return Step(state, WITHOUT, drops=drops, costs=COSTS_A_GUESS, advice=advice)


# Values


def _chosen(option: click.Option, value: str) -> str | None:
    """Return the one of an option's values that goes by that name, here or elsewhere; None if none does."""
    if not isinstance(option.type, click.Choice):
        return None
    choices = [str(each) for each in option.type.choices]
    for name in (value, re.sub("[-_ ]", "", value)):
        meant = option.type.meaning(name) if isinstance(option.type, Named) else None
        found = next((each for each in (name.lower(), meant, VALUES.get(name.lower())) if each in choices), None)
        if found is not None:
            return found
    return None


def values_in(option: click.Option, text: str) -> list[str]:
    """Return the values of an option that a text lists, `keras,torch`, or `both`; none where it does not."""
    found = [each for each in re.split(r"[\s,;+/|&]+", text) if each]
    if text.lower() in ("both", "all") and isinstance(option.type, click.Choice):
        found = [str(each) for each in option.type.choices]
    return found if len(found) > 1 and not any(_is_wrong(option, each) for each in found) else []


def _is_wrong(option: click.Option, value: str) -> bool:
    """Return whether a value is not allowed."""
    try:
        option.type_cast_value(click.Context(click.Command("")), (value,) if option.multiple else value)
    except click.BadParameter:
        return True
    return False


def _example_of(option: click.Option) -> str:
    """Return a value that is allowed."""
    if isinstance(option.type, Value):
        return option.type.example
    if isinstance(option.type, click.Choice):
        return str(option.default if option.default in option.type.choices else option.type.choices[0])
    return option.metavar or "1"


def _is_read(option: click.Option) -> bool:
    """Whether an option takes a file that is read: there is none that is always there."""
    return isinstance(option.type, FileName) and not isinstance(option.type, Value) and not option.type.written


def _taken(option: click.Option) -> str:
    """Return in words what an option takes."""
    if isinstance(option.type, Value):
        return f"a {option.type.name}"
    if isinstance(option.type, click.Choice):
        return listed([str(each) for each in option.type.choices], "or")
    return option.metavar or "a value"
