"""Finds a repair for a wrong command line, in the same way for every kind of mistake.

A mistake is a line that Click or the rules of options refuse, or an argument that is not a spec. The tables of
`rnncli.commands.rewrites`, nearest names and the repair that the broken rule suggests are tried in order. The first
whole line without a mistake that keeps every typed number is suggested, if there is one. Specs use the same search.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, pairwise
from os.path import exists, isdir, isfile, splitext

import click

from rnncli.characters import in_ascii
from rnncli.commands.command_line import (
    REDIRECTIONS,
    TYPED,
    Line,
    TypedLine,
    Word,
    commands_for,
    is_spec,
    running,
    shown,
)
from rnncli.commands.groups import GivenTwiceError, long_name
from rnncli.commands.rewrites import COMMANDS, LINES, PARTS
from rnncli.commands.values import LIKE_A_CHOICE, OneOf, Value
from rnncli.commands.wrong_arguments import joined, meant_by, near_file, term_asked, with_near_files, wrong_argument
from rnncli.commands.wrong_options import completed, is_no_file, named, refused
from rnncli.errors import RnncliError, SpecError, UsageError, closest, quote
from rnncli.formats import FORMATS, choice_of, names_another
from rnncli.immutable import NamedTuple
from rnncli.language.arguments import PYTORCH_NAMES, STACKED
from rnncli.language.framework_words import FEATURES
from rnncli.language.kept import numbers_in
from rnncli.language.pattern_words import FIELD_WORDS
from rnncli.language.rewriting import COSTS_A_GUESS, WITHOUT, Answer, Applied, Rewrite, led, search
from rnncli.layers import KINDS
from rnncli.reports.reference import A_WORD

_MOST_TRIED, _MOST_READ = 60, 4000
"""The most command lines to try for a wrong one, and the most words in them."""

_LONG = 1000
"""A longer argument is repaired only as a spec."""

_MOST_TYPED = 50
"""The most arguments that people type by hand; more come from a shell's braces and stars, which make no mistakes."""

_FOR_TEXT = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".md", ".html")
"""The extensions of files for what a command prints."""

_END, _FAULT = "\0", "\1"
"""Ends each word of a line that is one text (a space in a pattern); and encloses the argument at fault (a ~)."""

_NO_QUOTES = "without the quotes"
"""The lead for a whole line that was typed as one argument."""

_ARGUMENTS = {*PYTORCH_NAMES, *PYTORCH_NAMES.values(), *FEATURES, STACKED}
"""Arguments of Keras and PyTorch."""


class Mistake(NamedTuple):
    """The fault of a line, the possible steps, the likeliest first, and the error that was raised for it."""

    message: str
    steps: Iterable[Applied[Line]]
    error: click.ClickException | RnncliError


def usage_error(error: click.ClickException | UsageError, group: click.Group, typed: Sequence[str]) -> RnncliError:
    """Return the error to report for a wrong command line; `typed` has the words after `rnncli`.

    `error` comes from Click or from the rules of options; the returned error suggests a valid line.
    """
    if isinstance(error, SpecError) or (isinstance(error, UsageError) and error.repair is None):
        return error
    ahead = 2 if typed[0] == "--color" else 1 if typed[0].startswith("--color=") else 0
    this = TypedLine.of(group, (*typed[ahead:], *typed[:ahead]))  # --color may come before the command
    return _answer(this, _mistake(this, (_refusal(this) if ahead else None) or error))


def argument_error(error: RnncliError, text: str) -> RnncliError:
    """Return the error to report for an argument of the running command line; its repair may be a whole line.

    `error` says what is wrong with `text` as a spec; the text is the argument, or a spec that it describes.
    """
    this = running()
    if this is None or len(text) > _LONG or len(this.arguments) > _MOST_TYPED:
        return error
    if not isinstance(error, SpecError):
        return _file_error(error, this)
    places = [place for place in this.arguments if this.words[place].text == text]
    places += [place for place in this.arguments if "{" in this.words[place].text]
    return _answer(this, _wrong(this, places[0], error)) if places else error


def check_arguments() -> None:
    """Raise a UsageError if an argument of the running line was meant as an option or is a piece of a spec."""
    this = running()
    if this is None or len(this.arguments) > _MOST_TYPED:
        return
    for ways in (_misplaced, joined):
        for step in (step for place in this.arguments for step in ways(this, place) if step.message):
            found = _mended(TypedLine.of(this.group, step.state))
            if found is not None or step.state == this.typed:
                lead, repair = ("", None) if found is None else (_lead(this, (step, *found.way)), shown(found.state))
                raise UsageError(step.message, step.advice, lead=lead, repair=repair)


def _file_error(error: RnncliError, this: TypedLine) -> RnncliError:
    """Return the error to report if the work failed; if a file is not as it should be, suggest what was meant."""
    advice, lead, meant = error.advice, "perhaps", with_near_files(this)
    option = this.options.get((advice or "").removeprefix("leave out "))
    if option is not None:
        advice, lead = None, f"without {long_name(option)}"
        meant = this.line(each for each in this.words if each.option is not option)
    elif not this.arguments and (weights := this.options.get("--weights")) in this.given:
        lead = "a model file is a SPEC"
        words = [Word(each.value or "") if each.option is weights else each for each in this.words]
        meant = with_near_files(TypedLine.of(this.group, this.line(words)))
    elif this.name == "inspect" and meant == this.typed and (found := _mended(this)) is not None and found.way:
        meant, lead = found.state, _lead(this, found.way)
    return error if meant == this.typed else type(error)(error.message, advice, lead=lead, repair=shown(meant))


def _answer(this: TypedLine, mistake: Mistake) -> RnncliError:
    """Return the error to report for a mistake: the fault, and the line that was meant."""
    message, error = mistake.message, mistake.error
    steps = [*mistake.steps, Applied(this.typed)]
    found = _mended(this, mistake._replace(steps=steps))
    first = steps[0] if found is None else found.way[0]
    said = first.message or message
    if isinstance(error, SpecError) and not first.message:
        if found is None and error.repair and this.name == "sweep" and error.text not in this.typed:
            return error.repaired(error.repair, f"{error.lead or 'perhaps'}, in this candidate")
        is_own = found is not None and error.repair in found.state and len(found.state) == len(this.typed)
        if found is None or (is_own and first.lead != _NO_QUOTES):
            return error
        mended = error.repaired(shown(found.state), _lead(this, found.way))
        mended.advice = first.advice or mended.advice
        return mended
    if found is not None:
        return UsageError(said, first.advice, lead=_lead(this, found.way), repair=shown(found.state))
    if isinstance(error, UsageError) and not isinstance(error, SpecError):
        return UsageError(message, error.advice)
    # Steps that lead to no repair may have advice.
    advice = next((each.advice for each in steps if each.advice and each.message == first.message), None)
    name = f"rnncli {this.name}" if this.name in this.commands else "rnncli"
    return UsageError(said, advice or f"see {name} --help")


def _lead(this: TypedLine, way: Sequence[Applied[Line]]) -> str:
    """Return the lead of a repair: the words of all its steps; the advice of the first is shown on its own."""
    first, *more = way
    typed, leads = " ".join(this.typed), [first.lead, *(step.lead or step.advice for step in more)]
    if leads != [WITHOUT]:  # "it" would not be clear
        gone = [f"without {step.drops}" if step.drops.split(" ")[0] in typed else WITHOUT for step in way]
        leads = [it if lead == WITHOUT else lead for it, lead in zip(gone, leads, strict=True)]
    return led([leads[0], *(each for each in leads[1:] if each != first.advice)])


# The search


def _mended(this: TypedLine, first: Mistake | None = None) -> Answer[Line] | None:
    """Return a valid line, or None if none is found. `first` is the mistake, if that is known."""

    def keeps(line: Line, way: Sequence[Applied[Line]]) -> bool:
        """Whether a line has all typed numbers but those that its steps account for, and can use its files."""
        texts = [path for mark, path in pairwise(line) if mark == ">"]
        valued = [each for each in TypedLine.of(this.group, line).words if each.option is not None and each.value]
        files = [each.value or "" for each in valued if each.is_written]
        new = [each for each in valued if each.option not in this.given]
        missing = any(each.option is not None and is_no_file(each.option, each.value or "") for each in new)
        if missing or any(map(isdir, (*texts, *files))) or any(names_another(each, *_FOR_TEXT) for each in texts):
            return False
        said = numbers_in(in_ascii(" ".join([*line, *(step.drops for step in way)])))
        return not Counter(numbers_in(in_ascii(" ".join(this.typed)))) - Counter(said)

    found = search(
        this.typed,
        lambda line: _found(TypedLine.of(this.group, line)),
        lambda line, mistake: mistake.steps,
        keeps,
        most=_MOST_TRIED,
        most_read=_MOST_READ,
        first=first,
    )
    return found and found._replace(state=_with_new_files(this, found.state))


def _with_new_files(this: TypedLine, line: Line) -> Line:
    """Return a line with other names for the files that it would overwrite, except for output files that were typed."""
    new = TypedLine.of(this.group, line)
    read = {new.words[place].text for place in new.arguments}
    for place, word in enumerate(new.words):
        path = word.value or ""
        if word.is_written and isfile(path) and (path in read or path not in " ".join(this.typed)):
            stem, ending = splitext(path)
            unused = next(name for n in count(2) if not exists(name := f"{stem}-{n}{ending}"))
            new.words[place] = word._replace(value=unused)
            line = new.line(new.words)
    return line


def _found(this: TypedLine) -> Mistake | None:
    """Return the mistake in a line, up to any redirection; None if it is valid."""
    end = next((place for place, word in enumerate(this.typed) if word in REDIRECTIONS), None)
    read = TypedLine.of(this.group, this.typed[:end])
    refusal = _refusal(read)
    if refusal is not None:
        return _mistake(this, refusal)
    wrong = wrong_argument(read)
    several = [each.option for each in read.words if each.option is not None and each.option.multiple]
    alone = len(read.arguments) < 2 and "-" not in read.typed and len({*several}) == len(several)
    if wrong is None and this.name == "compare" and alone:
        one = [each for each in this.words if each.option is None or each.option.name != "framework"]
        both = (*this.line(one), "--framework", "keras", "--framework", "torch")
        step = Applied(both, "for example", costs=COSTS_A_GUESS)
        return Mistake("", [step], UsageError("a comparison needs two networks, or one in two settings"))
    return None if wrong is None else _wrong(this, *wrong)


def _refusal(this: TypedLine) -> click.UsageError | UsageError | None:
    """Return the error that Click or the rules of options raise for a line, or None if they accept it."""
    context = click.Context(this.group, info_name="rnncli", **this.group.context_settings)
    context.meta[TYPED] = list(this.typed)
    try:
        # --help and --version end the parsing; their output is not wanted here.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.exceptions.Exit):
            if this.typed and this.name in this.commands:
                this.command.make_context(this.name, list(this.typed[1:]), parent=context)
            elif this.typed and not this.name.startswith("-"):
                return click.UsageError("no command")
            else:
                this.group.make_context("rnncli", list(this.typed))
    except (click.UsageError, UsageError) as error:
        return error
    return None


def _mistake(this: TypedLine, error: click.ClickException | UsageError) -> Mistake:
    if not isinstance(error, click.ClickException):
        names = {place: re.split("[:(]", this.words[place].text.lstrip("/"), maxsplit=1) for place in this.arguments}
        strays = [place for place, (name, *more) in names.items() if not more or f"--{name}" in this.options]
        misplaced = chain.from_iterable(_misplaced(this, place) for place in strays)
        return Mistake(error.message, chain(misplaced, _rewritten(this), _kept(this, error)), error)
    if this.name in this.commands:
        message, steps = refused(this, error)
        return Mistake(message, chain(_rewritten(this), steps), error)
    option = error.option_name if isinstance(error, click.NoSuchOption) else None
    message = f"there is no command {quote(this.name)}" if option is None else f"there is no option {option}"
    return Mistake(message, chain(_rewritten(this), _with_command(this)), error)


def _wrong(this: TypedLine, place: int, error: SpecError) -> Mistake:
    return Mistake(error.message, chain(_misplaced(this, place), meant_by(this, place, error)), error)


def _kept(this: TypedLine, broken: UsageError) -> Iterator[Applied[Line]]:
    """Yield the line that the broken rule suggests."""
    if broken.repair is not None:
        new = tuple(shlex.split(broken.repair)[1:])
        if this.name == new[0] == "layers":  # which suggests only another word
            new += this.line(each for each in this.words if each.option)[1:]
        costs = int("example" in broken.lead)
        yield Applied(new, broken.lead, drops=_gone(this, new), costs=costs, advice=broken.advice or "")


def _gone(this: TypedLine, new: Line) -> str:
    """Return the words of a line that are missing in another."""
    return " ".join((Counter(this.typed) - Counter(new)).elements())


def _misplaced(this: TypedLine, place: int) -> Iterator[Applied[Line]]:
    """Yield the line with an argument that is not a spec as the table rewrites it, as an option, or as a part."""
    text = this.words[place].text
    path = " ".join([text, *(each.text for each in this.words[place + 1 : place + 2])])
    if path != text and isfile(path):
        yield Applied(this.with_(place, Word(path), used=2), "put the name of the file in quotes")
    behind = next((each.text for each in this.words[place + 1 : place + 2] if each.is_argument), None)
    if text[:1].isdigit() and re.fullmatch("[A-Za-z]{3,30}", behind or ""):  # 10 steps
        for step in named(this, place, Word(behind or "", None, text)):
            yield step._replace(message=f"{quote(text)} is not a spec")
    yield from _rewritten(this, place)
    yield from completed(this, place)
    plain = re.sub(r"\\(?=[{}])", "", in_ascii(text))
    if plain != text and "(" not in text:
        yield Applied(this.with_(place, Word(plain)), "perhaps", drops=text)
    yield from _apart(this, place)
    name, equals, value = re.sub(r"(?<!\s)\s*(?:<=?|≤)\s*", "=", in_ascii(text), count=1).lstrip("-/+_").partition("=")
    own = re.fullmatch("([a-z-]+)(?::|(?=[0-9]))(.+)", name)  # batch:4, top5
    if own is not None and f"--{own[1]}" in this.options:
        name, equals, value = own[1], "=", own[2]
    shortest = 1 if equals or not in_ascii(text).startswith(name) or f"-{name}" in this.options else 2
    if (
        not (isdir(text) and near_file(text))  # a folder with weights, called `checkpoint` or `output`
        and not re.search(", |=", value)
        and re.fullmatch(rf"(?=.{{{shortest}}})[a-z][a-z0-9_.-]{{,30}}", name.lower())
        and (name.lower() not in KINDS or re.fullmatch(r"[0-9]+(,[0-9]+)+|.+\.np[yz]", value))
    ):
        steps = [*named(this, place, Word(name, None, value if equals else behind, bool(equals)))]
        if steps and this.typed == (this.name, text) and term_asked([text]):  # explain macs
            steps.insert(0, Applied(("layers", text), drops=text, advice=A_WORD))
        for step in steps:
            yield step._replace(message=f"{quote(text)} is not a spec")
    if choice_of(text) is None and not is_spec(text) and (near := near_file(text)) is not None:
        what = "a folder, not a model file" if isdir(text) else "neither a spec nor a file"
        yield Applied(this.with_(place, Word(near)), "perhaps", f"{quote(text)} is {what}", drops=text)
    yield from _rewritten(this, place, PARTS)


def _apart(this: TypedLine, place: int) -> Iterator[Applied[Line]]:
    """Yield the line with an argument that is a whole line, `'$ rnncli summary SPEC --wide'`, split into words."""
    text = this.words[place].text
    typed = tuple(re.sub(r"^(?:.*\brnncli\s|[^\w-]+)|\]$", "", text).split())
    if len(typed) > 1 and typed[0] in this.commands and typed[1] != "=":
        yield Applied(typed, _NO_QUOTES, drops=text)
    elif any(re.match("--?[a-z]", word) for word in typed):
        yield Applied(this.with_(place, *map(Word, typed)), _NO_QUOTES, drops=text)


# Rows of the tables


def _rewritten(this: TypedLine, place: int | None = None, rows: Sequence[Rewrite] = LINES) -> Iterator[Applied[Line]]:
    """Yield a line as the table rewrites it; with a place, by the rows for an argument that is not a spec."""
    texts = [*this.line(this.words)]
    if sum(map(len, texts)) > 4 * _LONG:  # a row's time may grow with the square of that
        return
    if place is not None:
        index = len(this.line(this.words[:place]))
        texts[index] = f"{_FAULT}{texts[index]}{_FAULT}"
    sets = {name: f"(?:{'|'.join(map(re.escape, words)) or '(?!)'})" for name, words in _sets(this).items()}
    for row in rows:
        if ("~" in row.pattern) == (place is not None):
            pattern = re.sub("<([A-Z]+)>", lambda found: sets[found[1]], row.pattern)
            pattern = pattern.translate({ord(" "): _END, ord("~"): _FAULT})
            found = re.fullmatch(pattern, _END.join(texts), re.IGNORECASE | re.DOTALL)
            if found is not None:
                becomes = row.becomes
                text = found.expand(becomes.replace(" ", _END)) if isinstance(becomes, str) else becomes(found)
                new = tuple(each.replace("·", " ") for each in text.split(_END))
                message = found.expand(row.message) if row.message else ""
                drops = _gone(this, new) if row.lead or row.drops else ""
                if place is None or not _is_refused_anew(this, new):
                    yield Applied(new, row.lead, message, drops=drops, advice=row.advice)


def _is_refused_anew(this: TypedLine, new: Line) -> bool:
    """Whether Click refuses the new line of the same command, other than for something missing or given twice."""
    refusal = _refusal(TypedLine.of(this.group, new))
    wrong = isinstance(refusal, click.UsageError) and not isinstance(refusal, click.MissingParameter | GivenTwiceError)
    return wrong and new[:1] == this.typed[:1]


def _sets(this: TypedLine) -> dict[str, list[str]]:
    """Return the sets of words for the rows of the table: commands, options of the line's command, kinds, files."""
    valued = {name: each for name, each in this.options.items() if not each.is_flag}
    own = {name: each for name, each in valued.items() if isinstance(each.type, Value | OneOf)}
    return {
        "COMMAND": this.commands,
        "MANY": ["compare", "reach", "solve", "sweep"],
        "INPUT": [name for name, kind in KINDS.items() if kind.reads == "input"],
        "BODY": [name for name, kind in KINDS.items() if kind.reads != "input"],
        "FIELD": [*FIELD_WORDS, *(each.replace("_", "-") for each in FIELD_WORDS)],
        "FILE": [*FORMATS],
        "ARGUMENT": ["bidirectional", *(name for name in _ARGUMENTS if "_" in name)],
        "ARRAY": [each.text for each in this.words if each.text.endswith(".npy") and isfile(each.text)],
        "LAYER": [name for name, kind in KINDS.items() if kind.sizes.attributes == ("units",)],
        "CUT": [name[2:].replace("-", " ") for name in this.options if re.fullmatch("--[a-z]+-[a-z]+", name)],
        "LONG": [name[2:] for name in [*this.options, "--help"] if name.startswith("--")],
        "FLAG": [name for name in [*this.options, "--help", "-h"] if name not in valued],
        "COMPARED": [name for name, each in TypedLine.of(this.group, ("compare",)).options.items() if each.multiple],
        "SEVERAL": [name for name, each in own.items() if each.multiple],
        "OPTION": [name for name, each in own.items() if not each.multiple and each.type.name != "file"],
    }


def _with_command(this: TypedLine) -> Iterator[Applied[Line]]:
    """Yield a line that does not start with a command with the one that was meant, or with the missing one."""
    name, *rest = this.typed
    word = in_ascii(name.lower()).replace("_", "-")
    word = word.rpartition(".")[2] if rest and not isfile(name) else word  # model.predict SPEC, but not net.c
    verb = word.partition("-")[0]  # load_weights
    for each in filter(COMMANDS.get, (name.lower(), word, verb * (" " not in COMMANDS.get(verb, "")))):
        instead, *options = COMMANDS[each].split(" ")
        yield Applied((instead, *rest, *options), "perhaps")
        yield Applied((instead, *rest), "perhaps")
    if (term := term_asked(this.typed)) is not None:
        yield Applied(("layers", term), advice=A_WORD)
    if (near := near_file(name)) and not any(map(is_spec, rest)):
        yield Applied(("summary", near, *rest), "perhaps", f"there is no command or file {quote(name)}")
    starts = [each for each in this.commands if each.startswith(name.lower()) or name.lower().startswith(each[:4])]
    only = starts[0] if len(starts) == 1 and len(name) > 1 else None
    guess = closest(name.lower(), [*this.commands, "--version", "--help"], LIKE_A_CHOICE) or only
    if guess is not None:
        yield Applied((guess, *rest))
    elif not name.startswith("-") and not is_spec(name) and not isfile(name):
        yield Applied(this.typed, advice=f"commands: {', '.join(this.commands)}")
    elif not any(each in this.commands for each in rest):  # else that is the command: SPEC compare
        lines = [(command, *this.typed) for command in commands_for(this.group, this.typed)]
        for line in sorted(lines, key=lambda each: _refusal(TypedLine.of(this.group, each)) is not None):
            yield Applied(line, "perhaps", f"there is no command before {quote(name)}")
