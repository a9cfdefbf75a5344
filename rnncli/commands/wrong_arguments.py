"""Arguments that are no specs: files, patterns, pieces of a spec cut by spaces."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from rnncli.commands.command_line import Line, TypedLine, Word, is_file
from rnncli.commands.values import FileName
from rnncli.errors import RnncliError, SpecError, quote
from rnncli.formats import FORMATS, SEPARATOR, choice_of, is_path
from rnncli.formats.calls import is_call
from rnncli.formats.faults import OpenNumbersError
from rnncli.formats.networks import read_text
from rnncli.language.likeness import closest
from rnncli.language.mend.search import WITHOUT, Step
from rnncli.language.source import lowered, without_spaces
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.sizes import BLANK_TEXT
from rnncli.reports.reference import A_WORD, is_word
from rnncli.search.brace_hints import read_pattern
from rnncli.search.template import Template

_MOST_EXPANDED = 8
"""So many specs are written out for a pattern, at most."""

_LIKE_A_FILE = 0.7
"""How like the name of a file another must be to be a misspelt one."""

_OPEN_END = re.compile(r"[,:;|>&+=(→-]\s*$|^[\[(]")
_OPEN_START = re.compile(r"^\s*[,:;|>&+=)→\]-]|^[0-9xX][0-9]*(?:[xX:,]|$)")
"""How a piece of a spec ends and starts where another piece belongs to it."""


class WrongArgument(NamedTuple):
    """An argument that is no spec: its place among the options and arguments, and what is wrong with it."""

    place: int
    error: RnncliError


def is_spec(word: str) -> bool:
    """Return whether a word looks like a spec, and not like a value or the name of a command."""
    return word == "-" or ((":" in word or "(" in word) and not is_path(word)) or word.lower() in KINDS


def wrong_argument(this: TypedLine) -> WrongArgument | None:
    """Return the first argument that is no spec, nor what the command takes for one."""
    if this.name == "inspect" or not any(each.nargs == -1 for each in this.command.params):
        return None
    for place in this.arguments:
        try:
            _read(this.name, this.words[place].text)
        except OpenNumbersError:
            continue  # which --set may say
        except SpecError as error:
            return WrongArgument(place, error)
        except RnncliError:
            return None
    return None


def _read(command: str, text: str) -> None:
    """Read what a command takes for a spec, but no file.

    Raises:
        SpecError: it is none.
    """
    if text == "-" or choice_of(text) is not None:
        return
    if command == "sweep":
        for candidate in islice(read_pattern(text).expand(), 1):
            read_text(candidate)
    elif command != "solve":
        read_text(text)
    elif "(" not in text:
        Template.parse(text)


def near_file(text: str) -> str | None:
    """Return the model file that a name was probably meant for, `modle.npz` or `model`, with the part that it names.

    None where there is none that is like it, or where there is a file of that name.
    """
    path, separator, part = text.strip().partition(SEPARATOR)
    folder, name = os.path.split(path)
    if is_file(path) or not name or re.search("[,(]", text):
        return None
    try:
        names = [each for each in sorted(os.listdir(folder or ".")) if os.path.splitext(each)[1] in FORMATS]
    except (OSError, ValueError):
        return None
    stem = os.path.splitext(name)[0].lower()
    guess = next((each for each in names if os.path.splitext(each)[0].lower() == stem), None)
    guess = guess or closest(name, names, _LIKE_A_FILE)
    return None if guess is None else os.path.join(folder, guess) + separator + part


def with_near_files(this: TypedLine) -> Line | None:
    """Return the line with the model files that were probably meant; None where none is like what was typed."""
    found = [_with_near_file(this, each) for each in this.words]
    return None if found == this.words else this.line(found)


def _with_near_file(this: TypedLine, word: Word) -> Word:
    if word.option is not None:
        is_read = isinstance(word.option.type, FileName) and not word.option.type.written
        near = near_file(word.value) if is_read and word.value else None
        return word if near is None else word.with_value(near)
    names_file = word.is_argument and (this.name == "inspect" or choice_of(word.text) is not None)
    return Word((names_file and near_file(word.text)) or word.text)


def meant_by(this: TypedLine, place: int, error: RnncliError) -> Iterator[Step[Line]]:
    """Yield the line with an argument that is a file, a pattern or a piece of a spec as what it is, or mended."""
    text = this.words[place].text
    path = text.strip().removeprefix("@")
    if choice_of(path) is not None:
        message = f"{quote(text)} is a model file, which {this.name} does not take"
        yield Step(this.typed, "", message, advice=f"begin with its spec: rnncli spec {shlex.quote(path)}")
    elif is_file(path):
        to_read = this.with_(place, Word("-"), end=[Word("<"), Word(path)])
        yield Step(to_read, "", f"{quote(text)} is the name of a file", drops=text)
    elif (near := None if is_spec(text) else near_file(text)) is not None:
        yield Step(this.with_(place, Word(near)), "perhaps", f"{quote(text)} is neither a spec nor a file", drops=text)
    yield from joined(this, place)
    if not error.advice and not re.search("[:(]", text) and is_word(text) and lowered(text) not in KINDS:
        no_spec = f"{quote(text)} is not a spec"
        if len(this.arguments) == 1:
            yield Step(("layers", text), "", no_spec, drops=" ".join(this.typed), advice=A_WORD)
        yield Step(this.with_(place), WITHOUT, no_spec, drops=text, advice=f"`rnncli layers {text}` tells what it is")
    candidates = _expanded(text) if this.name in ("compare", "reach", "solve") else []
    if 1 < len(candidates) <= _MOST_EXPANDED:
        lead = "the shell expands it unless it is in quotes"
        yield Step(this.with_(place, *map(Word, candidates)), lead, drops=text)
    elif candidates:
        yield Step(("sweep", *this.typed[1:]))
    makes_blank = BLANK_TEXT in {*(error.repair or "")} - {*text} and len(this.arguments) > 1
    if error.repair and "example" not in error.lead and not makes_blank:
        yield Step(this.with_(place, Word(error.repair)), error.lead, drops=text)


def _expanded(text: str) -> list[str]:
    """Return what a pattern stands for, at most one more than can be written out; nothing where it is none."""
    try:
        return list(islice(read_pattern(text).expand(), _MOST_EXPANDED + 1)) if "{" in text else []
    except SpecError:
        return []


# Pieces of a spec


def joined(this: TypedLine, place: int) -> Iterator[Step[Line]]:
    """Yield the line with the pieces of a spec, which spaces have cut, as one."""
    places = this.arguments
    group = next(each for each in _groups([this.words[i].text for i in places]) if places.index(place) in each)
    pieces = [this.words[places[i]].text for i in group]
    if len(pieces) == 1:
        return
    message = f"a space ends a spec, so {quote(' '.join(pieces))} is read as {len(pieces)} specs"
    whole = _whole(pieces, this.name)
    if whole is None:
        yield Step(this.typed, "", message, advice="write it without spaces, or in quotes")
        return
    rest = {places[i] for i in group[1:]}
    parts = [Word(whole) if i == places[group[0]] else each for i, each in enumerate(this.words) if i not in rest]
    yield Step(this.line(parts), "", message, drops=" ".join(pieces))


def _groups(arguments: Sequence[str]) -> list[list[int]]:
    """Return the places of arguments in groups, each the pieces of a spec; all alone, if nothing shows that."""
    groups: list[list[int]] = []
    for place, argument in enumerate(arguments):
        if not groups or argument == "-" or _starts_network(argument):
            groups.append([place])
        else:
            groups[-1].append(place)
    pairs = [(arguments[before], arguments[after]) for each in groups for before, after in pairwise(each)]
    cut = any(_OPEN_END.search(before) or _OPEN_START.search(after) for before, after in pairs)
    # An input or an embedding alone, and layers behind it that cannot come first.
    head, *others = arguments
    stack = bool(others) and _starts_network(head) and "," not in head and _starts_layer(others[0])
    return groups if cut or (stack and all(map(_belongs, others))) else [[place] for place, _ in enumerate(arguments)]


def _kind(argument: str) -> type[Layer] | None:
    return KINDS.get(lowered(re.split("[:=,(]", argument.strip(), maxsplit=1)[0].strip()))


def _starts_network(argument: str) -> bool:
    """Return whether an argument starts with a layer that can only come first, or is a whole text of a framework."""
    kind = _kind(argument)
    return kind is not None and kind.reads == "input" if "(" not in argument else is_call(argument)


def _starts_layer(argument: str) -> bool:
    kind = _kind(argument)
    return kind is not None and kind.reads != "input"


def _belongs(argument: str) -> bool:
    """Return whether an argument is a layer that cannot come first, or a field of one."""
    name = lowered(argument.partition("=")[0].strip())
    return _starts_layer(argument) or any(option.spells(name) for kind in LAYERS for option in kind.options)


def _whole(pieces: Sequence[str], command: str) -> str | None:
    """Return the spec that pieces make, mended where that is needed; None where that is not known."""
    repair = None
    for mark in (",", " "):
        text = re.sub(",+", ",", re.sub(r"\s*,\s*", ",", mark.join(pieces)))
        try:
            _read(command, text)
        except SpecError as error:
            repair = repair if "example" in error.lead else error.repair or repair
        else:
            return without_spaces(text)
    return repair
