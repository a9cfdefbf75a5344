"""Errors that Click raises: unknown options, values and arguments that are not allowed, too few or too many."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from os.path import exists, isfile

import click

from rnncli.characters import in_ascii
from rnncli.commands.command_line import Line, TypedLine, Word, is_spec, words
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.rewrites import COMMANDS, OPTIONS
from rnncli.commands.values import LIKE_A_CHOICE, FileName, OneOf, Value
from rnncli.errors import closest, listed, quote
from rnncli.formats import choice_of
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.language.kept import NEGATES
from rnncli.language.rewriting import COSTS_A_GUESS, WITHOUT, Applied, Rewrite
from rnncli.layers import KINDS
from rnncli.reports.reference import A_WORD, is_word

_FEW = 4
"""This many names or more are not listed in a sentence."""

_SHOW = ("summary", "explain", "draw", "compare", "spec", "inspect")
"""Commands that only show a network: an option that one other command has says more than the command."""

_LIKE_AN_OPTION, _LIKE_NOTHING_ELSE = 0.8, 0.65
"""How similar to an option a name must be to count as a misspelling, if it is a word of specs and if it is not."""

Refused = tuple[str, Iterable[Applied[Line]]]
"""The message about a line, in the style of all other errors, and the possible steps, the likeliest first."""


def refused(this: TypedLine, refusal: click.ClickException) -> Refused:
    """Return the message for an error of Click, and the possible steps."""
    match refusal:
        case GivenTwiceError(option=option, values=values):
            given = listed(list(map(quote, values)))
            names = {each.text for each in this.words if each.option is option and each.text.startswith("--")}
            message = f"{this.name} takes one {names.pop() if len(names) == 1 else long_name(option)}, but got {given}"
            return message, _given_twice(this, option)
        case click.NoSuchOption() if places := [place for place, each in enumerate(this.words) if each.is_unknown]:
            return _unknown(this, places[0])
        case click.BadOptionUsage(option_name=name):
            place, word = next((each for each in enumerate(this.words) if each[1].text == name), (0, Word(name)))
            if word.option is None or word.option.is_flag:
                return f"{name} takes no value, but {quote(word.value or '')} was given", []
            return f"{name} needs a value: {_taken(word.option)}", [_with_example(this, place, word.option)]
        case click.MissingParameter(param=click.Argument() as argument):
            return f"{this.name} needs a {argument.human_readable_name.strip('[].')}", _with_argument(this)
        case click.BadParameter(param=click.Option() as option):
            return _wrong_value(this, option, refusal.message)
        case click.BadParameter(param=click.Argument(type=OneOf() as type_) as argument) if this.arguments:
            return _wrong_choice(this, argument.human_readable_name, type_)
        case click.UsageError():
            most = sum(each.nargs for each in this.command.params if isinstance(each, click.Argument))
            extra = this.arguments[most:]
            takes = f"takes {most} argument{'' if most == 1 else 's'}" if most else "takes no argument"
            if extra:
                return f"{this.name} {takes}, but {quote(this.words[extra[0]].text)} was given", _without(this, extra)
    return refusal.format_message().rstrip("."), []


def _given_twice(this: TypedLine, option: click.Option) -> Iterator[Applied[Line]]:
    """Yield steps for an option with several values that accepts one; `compare` may accept them all."""
    if _compares(this, option):
        yield Applied(this.line(this.words, "compare"), advice="compare shows them side by side")
    *others, _ = (place for place, each in enumerate(this.words) if each.option is option)
    kept = [each for place, each in enumerate(this.words) if place not in others]
    dropped = " ".join(this.words[place].value or "" for place in others)
    yield Applied(this.line(kept), "with the last value", drops=dropped, costs=1)


def _compares(this: TypedLine, option: click.Option) -> bool:
    """Whether `compare` shows the same and accepts several values of an option."""
    return this.name in ("summary", "explain") and this.having(long_name(option)).get("compare", option).multiple


def _with_example(this: TypedLine, place: int, option: click.Option, *behind: Word) -> Applied[Line]:
    """Return the line with a value for an option that lacks one, or without the option if specs leave it no use."""
    word = this.words[place]
    texts = [this.words[each].text for each in this.arguments]
    if option.name == "set" and not any("(" in each or not is_spec(each) for each in texts):
        return Applied(this.with_(place, *behind), WITHOUT, drops=" ".join(word.typed()), costs=COSTS_A_GUESS)
    type_ = _type_of(option)
    example = str(option.default) if isinstance(type_, OneOf) and option.default in type_.words else type_.example
    if not example or option.name == "set":  # no file is sure to exist, nor any name to be left open
        return Applied(this.typed, advice=f"give one: {word.text} {option.metavar}")
    given = word._replace(option=option, value=example)
    return Applied(this.with_(place, given, *behind), "for example", costs=COSTS_A_GUESS)


def _with_argument(this: TypedLine) -> Iterator[Applied[Line]]:
    """Yield the line with the missing argument, taken from the examples of the help."""
    found = re.search(r"^\s*rnncli (.*)$", this.command.help or "", re.MULTILINE)
    if found is not None:
        example = words(this.command, shlex.split(found[1])[1:])
        options = [each for each in example if not each.is_argument and this.given <= {None}]
        arguments = [each for each in example if each.is_argument]
        yield Applied(this.line([*arguments, *this.words, *options]), "for example", costs=1)


def _without(this: TypedLine, extra: Sequence[int]) -> Iterator[Applied[Line]]:
    """Yield the line without extra arguments; several words may be one term that `layers` explains."""
    texts = [this.words[place].text for place in this.arguments]
    whole = " ".join(texts) if any("=" in each for each in texts) else "_".join(texts)
    for text in (whole, *texts) if this.name == "layers" else ():  # cell state, of lstm
        if is_word(text):
            others = " ".join(each for each in texts if text in texts and each != text)
            yield Applied(("layers", text), f"without {others}" if others else "")
    rest = [each for place, each in enumerate(this.words) if place not in extra]
    dropped = " ".join(this.words[place].text for place in extra)
    yield Applied(this.line(rest), WITHOUT, drops=dropped, costs=COSTS_A_GUESS)


def _wrong_choice(this: TypedLine, what: str, type_: OneOf) -> Refused:
    """Return the message and steps for an argument that is not one of the choices."""
    choices = type_.words
    place, value = this.arguments[0], this.words[this.arguments[0]].text
    right = [each for each in this.arguments if this.words[each].text.lower() in choices]
    if right:  # after other words of a sentence
        kept = [each for at, each in enumerate(this.words) if at not in this.arguments or at == right[0]]
        return f"{quote(value)} is not a {what.strip('[]').lower().replace('|', ' or ')}", [Applied(this.line(kept))]
    steps: list[Applied[Line]] = [Applied(("layers", value), advice=A_WORD)] if is_word(value) else []
    command = COMMANDS.get(value.lower(), "").partition(" ")[0]
    nearest = command if command in choices else type_.nearest(value)
    if nearest is not None:
        steps.append(Applied(this.with_(place, *[Word(nearest)] * (nearest != this.name))))
    if len(choices) > _FEW:
        steps.append(Applied(this.typed, advice=f"choose from {', '.join(choices)}"))
        return f"there is no {what.strip('[]').lower().replace('|', ' or ')} {quote(value)}", steps
    steps.append(Applied(this.with_(place, Word(choices[0])), "for example", drops=value, costs=COSTS_A_GUESS))
    return f"{what} is {quote(value)}, expected {listed(choices, 'or')}", steps


# Values of options


def _wrong_value(this: TypedLine, option: click.Option, message: str) -> Refused:
    """Return the message and steps for an option value that is not allowed."""
    wrong = [place for place, each in enumerate(this.words) if each.option is option and _is_wrong(option, each.value)]
    if not wrong:
        return f"{long_name(option)}: {message}", []
    place, word = wrong[-1], this.words[wrong[-1]]
    value = word.value or ""
    # The option's name as it was typed.
    name = word.text if word.text.startswith("--") else long_name(option)
    named_kind = value.lower().partition(":")[0] in KINDS or "(" in value
    has_words = re.search("[a-z]{2}", value.lower()) is not None
    is_network = is_spec(value) and has_words and (named_kind or _type_of(option).nearest(value) is None)
    if is_network or value.partition("=")[0] in this.options:
        example = _with_example(this, place, option, Word(value))
        return f"{name} needs a value: {_taken(option)}", [example]
    at_once = option.multiple or _compares(this, option)
    several = values_in(option, re.sub(r"\.\.|(?<=\w)-(?=[0-9])", "," if at_once else "..", value.strip("[](){} ")))
    steps = [*_meant(this, place, option)]
    if several and not re.search("[0-9]/[0-9]", value):  # a fraction
        given = [word._replace(value=each) for each in several]
        steps.append(Applied(this.with_(place, given[0]), "with the first value", drops=value, costs=1))
        if at_once:
            steps.insert(0, Applied(this.with_(place, *given)))
        if this.having(name).get("compare", option).multiple:
            return f"{name} is {quote(value)}, but it takes one value at a time", steps
    if name != word.text:
        steps[:0] = _of_value(this, place, value)
        steps[:0] = named(this, place, Word(f"-{word.text}{value}")) if word.attached else []
    if not isinstance(option.type, OneOf):
        return f"{name}: {message}", steps
    said = f", {option.type.elsewhere}" if value.lower() in option.type.names else ""
    return f"{name} is {quote(value)}, expected {_taken(option)}{said}", steps


def completed(this: TypedLine, place: int) -> Iterator[Applied[Line]]:
    """Yield the line with the value before an argument as both together mean it: `--memory 4 megabytes`."""
    before, text = this.words[place - 1], this.words[place].text
    if place and before.value and isinstance(before.option, click.Option) and re.fullmatch(r"[^\W\d_]+", text):
        whole = f"{before.value} {text}"
        type_ = before.option.type
        meant = type_.nearest(whole) if isinstance(type_, Value) and not isinstance(type_, FileName) else None
        if meant not in (None, _type_of(before.option).nearest(before.value)):
            state = this.with_(place - 1, before._replace(value=meant), used=2)
            message = f"a space ends a value, so {before.text} is '{before.value}' and '{text}' is read as a spec"
            yield Applied(state, "perhaps", message, drops=whole)


def _meant(this: TypedLine, place: int, option: click.Option) -> Iterator[Applied[Line]]:
    """Yield the line with the value that was probably meant, or with an example."""
    word, value = this.words[place], this.words[place].value or ""
    plain = re.sub(r"^[\[({](.*)[\])}]$", r"\1", in_ascii(value).strip("\"' "))
    nearest = plain if not _is_wrong(option, plain) else _type_of(option).nearest(plain)
    if nearest is not None:
        bits = [re.sub("[^0-9]", "", each) for each in (plain, nearest)]
        lead = "" if isinstance(option.type, OneOf) and bits[0] in ("", bits[1]) else "perhaps"
        yield Applied(this.with_(place, word._replace(value=nearest)), lead, drops=value)
    example = _with_example(this, place, option)
    yield example._replace(drops=example.drops or value, costs=COSTS_A_GUESS // 2)


def values_in(option: click.Option, text: str) -> list[str]:
    """Return the values of an option that a text lists, `keras,torch` or `both`; none if it lists none."""
    found = [each for each in re.split(r"[\s,;+/|&]+", text) if each]
    if text.lower() in ("both", "all") and isinstance(option.type, OneOf):
        found = [*option.type.words]
    return found if len(found) > 1 and not any(_is_wrong(option, each) for each in found) else []


def _is_wrong(option: click.Option, value: str | None) -> bool:
    try:
        option.type_cast_value(click.Context(click.Command("")), [value] if option.multiple else value)
    except click.BadParameter:
        return value is not None
    return False


def _type_of(option: click.Option) -> Value | OneOf:
    assert isinstance(option.type, Value | OneOf)
    return option.type


def _taken(option: click.Option) -> str:
    type_ = _type_of(option)
    if isinstance(type_, OneOf):
        return listed(type_.words, "or")
    return f"a {type_.name}" if type_.name != "file" else option.metavar or "FILE"


# What a word names


def _unknown(this: TypedLine, place: int) -> Refused:
    """Return the message and steps for an unknown option: use another name, read it as a value, or leave it out."""
    typed = this.words[place]
    others = list(this.having(typed.text))
    message = f"there is no option {typed.text}"
    if others:
        do = f"{listed(others)} {'does' if len(others) == 1 else 'do'}" if len(others) < _FEW else "other commands do"
        message = f"{this.name} has no option {typed.text}; {do}"
    alone = len(this.arguments) == 1
    behind = [each.text for each in this.words[place + 1 : place + 2] if each.is_argument]
    behind = [each for each in behind if not is_spec(each) or each.lower() in KINDS]
    valued = [each for each in this.options.values() if not isinstance(each.type, FileName)]
    behind = [each for each in behind if f"--{each}" not in this.options or any(_fits(own, each) for own in valued)]
    said = typed
    if short := re.fullmatch(r"(-[a-zA-Z])([0-9]\S*)|(--[a-z-]+):(.+)", in_ascii(typed.text)):  # -t100, --batch:4
        said = Word(short[1] or short[3], None, short[2] or short[4], attached=True)
    elif typed.value is None and behind and not (alone and isfile(behind[0])):
        said = typed._replace(value=behind[0])
    meant = bool(others) or _name(said).replace("-", "_") not in FRAMEWORK_WORDS  # batch_first is not --batch
    steps = list(named(this, place, said))
    if meant and (not steps or steps[0].lead == "perhaps"):
        steps[:0] = _nearest(this, place, said)
    if re.match(r"--?[a-z][^ ]* ", typed.text):
        steps.insert(0, Applied(this.with_(place, *map(Word, typed.text.split())), "without the quotes"))
    value = said.value or next(iter(behind), "")
    bare = this.with_(place, Word(value), used=1 if said.attached else 2)
    is_model = isfile(value) and choice_of(value) is not None
    no_other = len(this.arguments) == (0 if said.attached else 1)
    if is_model and no_other and [step.state for step in steps[:1]] != [bare]:
        steps.insert(0, Applied(bare, WITHOUT, drops=said.text))
    elif (is_model and not others) or (said.value is not None and no_other and not steps):
        steps.append(Applied(bare, WITHOUT if is_model else "", drops=said.text))
    several = len(this.arguments) > (1 if said.attached or said.value is None else 2)
    if this.name in _SHOW and len(others) == 1 and (several or "sweep" not in others):
        only = [name for name, own in this.having(typed.text).items() if _fits(own, said.value)]
        steps += [Applied(this.line(this.words, name), "perhaps", costs=1) for name in only]
    return message, [*steps, _dropped(this, place, said)]


def _name(said: Word) -> str:
    """Return the name in a word, without leading hyphens and with hyphens instead of underscores."""
    return in_ascii(said.text).lstrip("-/+_").rstrip(":").lower().replace("_", "-")


def named(this: TypedLine, place: int, said: Word) -> Iterator[Applied[Line]]:
    """Yield the line with the option that a word at a place names, by its own name, another name or one of its values.

    The word is an option that the command lacks, or a bare name, with the value in it or after it.
    """
    name = _name(said)
    names = (f"--{name}", *([f"-{name}"] if said.value is not None or not said.text.startswith("--") else []))
    exact = [each for each in names if each in this.options]
    starts = sorted((each for each in this.options if each.startswith(f"--{name}")), key=len)
    starts = [each for each in starts if _fits(this.options[each], said.value)] or starts
    is_one = len({this.options[each] for each in starts}) == 1 and not said.is_argument
    flags = said.value is None and all(this.options[each].is_flag for each in starts)
    own = next(iter(exact or starts * (is_one and (len(name) > 1 or flags))), None)
    if own is not None and this.options[own] in this.given and said.is_argument:
        yield Applied(this.with_(place), WITHOUT, drops=said.text)
    elif own is not None:
        yield _instead(this, place, said, own)
    else:
        yield from _rewritten(this, place, said)
        for each in this.command.params:
            value = each.type.meant(name) if isinstance(each.type, OneOf) else None
            if re.fullmatch("yes|no|on|off|true|false", name) if said.is_argument else said.value:
                value = None  # it belongs to a flag, or to no option
            if value is not None and each not in this.given:
                option = [each.opts[0]] if isinstance(each, click.Option) else []
                yield _instead(this, place, Word(said.text), " ".join([*option, value]))
                return


def _rewritten(this: TypedLine, place: int, said: Word) -> Iterator[Applied[Line]]:
    """Yield the line as rewritten by the rows whose options the command has and the line does not have yet."""
    arguments = {this.words[each].text for each in this.arguments} - {said.value}
    names = dict.fromkeys((_name(said), _name(said).removeprefix("max-")))
    for name, row in product(names, OPTIONS):
        whole = None if said.value is None else re.fullmatch(row.pattern, f"{name} {said.value}", re.DOTALL)
        found = whole or re.fullmatch(row.pattern, name)
        no_option = (row.drops or not row.becomes) and said.is_argument and said.value is None
        if found is not None and not no_option and not (row.invents and arguments):
            becomes = row.instead_of(found)
            options = {this.options.get(each) for each in re.findall("(?:^| )(-[^ ]+)", becomes)}
            to_file = ">" in becomes and ("--output" in this.options or (said.is_argument and "." not in becomes))
            if None not in options and not options & this.given and becomes != found[0] and not to_file:
                yield _instead(this, place, said, becomes, row, whole is not None)


def _instead(
    this: TypedLine, place: int, said: Word, becomes: str, row: Rewrite | None = None, whole: bool = False
) -> Applied[Line]:
    """Return the line with other words in place of one, and of its value if `whole`."""
    row = row or Rewrite("option", "", becomes, "")
    typed, to_file, path = becomes.partition("> ")
    new = [each for each in typed.strip().split(" ", 1) if each]
    if not whole and said.value is not None:
        if said.attached and new and not said.is_argument:
            new[-1] += f"={said.value}"
        else:
            new.append(said.value)
    end = map(Word, (">", path) if to_file else ())
    state = this.with_(place, *map(Word, new), used=len(said.typed()), end=end)
    drops = f"{said.text} {said.value}" if said.value and (row.drops or callable(row.becomes)) else said.text
    costs = COSTS_A_GUESS if row.drops else int(row.invents)
    return Applied(state, row.lead, drops=drops, costs=costs, advice=row.advice)


def _nearest(this: TypedLine, place: int, said: Word) -> Iterator[Applied[Line]]:
    """Yield the line with a misspelt option or value corrected, `--jsn`, or the option of a value, `--kind json`."""
    longs = [each for each in this.options if each.startswith("--")]
    names = {each[2:]: each for each in longs if not each.startswith("--max-")}
    if _name(said).startswith("max"):
        names |= {each[6:]: each for each in longs if each.startswith("--max-")}
    for row in OPTIONS:
        if re.fullmatch("[a-z|-]+", row.pattern) and row.becomes in this.options:
            names = {each: str(row.becomes) for each in row.pattern.split("|") if len(each) > 3} | names
    names = {each: option for each, option in names.items() if this.options[option] not in this.given}
    name = re.sub("^max-?(?=.)", "", _name(said))
    if said.value is None and closest(name, ["help"], LIKE_A_CHOICE):
        yield _instead(this, place, said, "--help")
    if closest(name, names, _LIKE_AN_OPTION) is None:
        yield from _sharing_a_word(this, place, said)
    likeness = _LIKE_AN_OPTION if is_word(name.replace("-", "_")) else _LIKE_NOTHING_ELSE
    fitting = [each for each, option in names.items() if _fits(this.options[option], said.value)]
    guess = closest(name, fitting, _LIKE_AN_OPTION) or closest(name, names, _LIKE_AN_OPTION)
    own = this.options.get(f"--{guess}")
    if guess not in fitting and (own is None or is_no_file(own, said.value or ".")):
        others = [each for each in fitting if guess is None or not isinstance(this.options[names[each]].type, FileName)]
        guess = closest(name, others, likeness) or guess
    if guess is not None:
        yield _instead(this, place, said, names[guess])
        return
    yield from _of_value(this, place, said.value or "", len(said.typed()))
    for option in this.options.values():
        if option not in this.given and isinstance(option.type, OneOf):
            near = closest(name, option.type.words, LIKE_A_CHOICE)
            if near and not this.having(said.text):
                yield _instead(this, place, Word(said.text), f"{option.opts[0]} {near}")._replace(lead="perhaps")


def _sharing_a_word(this: TypedLine, place: int, said: Word) -> Iterator[Applied[Line]]:
    """Yield the line with the only option of which a name is a part or has it as one: `--manual-seed`, `--main`."""
    typed = {*re.split("s?-", _name(said).removesuffix("s"))}
    names = {name: {*re.split("s?-", name[2:].removesuffix("s"))} for name in this.options if name.startswith("--")}
    found = [name for name, parts in names.items() if parts < typed or typed < parts]
    if len({this.options[name] for name in found} - this.given) == 1 and not typed & {*NEGATES, "min", "out"}:
        yield _instead(this, place, said, found[0])._replace(lead="perhaps")


def _of_value(this: TypedLine, place: int, value: str, used: int = 1) -> Iterator[Applied[Line]]:
    """Yield the line with another option that has a value of this name, other than its default: `-f torch`."""
    for option in this.options.values():
        fits = isinstance(option.type, OneOf) and value.lower() in option.type.names and value != option.default
        if fits and option not in this.given:
            yield Applied(this.with_(place, Word(option.opts[0], option, value), used=used), "perhaps")


def _fits(option: click.Option, value: str | None) -> bool:
    """Whether an option accepts what follows an unknown one: a value, or nothing if it is a flag."""
    if option.is_flag or value is None:
        return option.is_flag and value is None
    return not _is_wrong(option, value) and not is_no_file(option, value)


def is_no_file(option: click.Parameter, value: str) -> bool:
    """Whether an option reads a file, and its value is a word that was not meant as one: `uniform`, but not `w.npz`."""
    reads = option.type.name == "file" and not getattr(option.type, "written", False)
    return reads and not re.search("[-./0-9]", value) and not exists(value)


def _dropped(this: TypedLine, place: int, said: Word) -> Applied[Line]:
    """Return the line without an option that is a word of specs, belongs to other commands, or is unknown."""
    others = this.having(said.text)
    word = _name(said).replace("-", "_")
    told = len(word) > 1 and is_word(word) and (word in KINDS or not others)
    flag = bool(others) and not told and any(each.is_flag for each in others.values())
    drops = said.text if flag or not said.value else f"{said.text} {said.value}"
    advice = f"`rnncli layers {word}` explains it" if told else ""
    state = this.with_(place, used=1 if flag else len(said.typed()))
    return Applied(state, WITHOUT, drops=drops, costs=COSTS_A_GUESS, advice=advice)
