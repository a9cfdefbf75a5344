"""Arguments that are not specs: names of files, patterns where a spec is expected, pieces of a spec cut by spaces."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice, zip_longest
from os.path import isdir, isfile

import click

from rnncli.commands.command_line import Line, TypedLine, Word, shown
from rnncli.commands.values import LIKE_A_CHOICE, FileName, framework, number
from rnncli.errors import RnncliError, SpecError, closest_in_any_case, quote
from rnncli.formats import (
    FORMATS,
    KNOWN_EXTENSIONS,
    SEPARATOR,
    OpenNumbersError,
    choice_of,
    is_path,
    open_model,
    part_of,
)
from rnncli.formats.calls import is_call
from rnncli.formats.networks import read_text
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.language.pattern_words import compiled
from rnncli.language.printed import ONE_TEXT
from rnncli.language.rewriting import COSTS_A_GUESS, WITHOUT, Applied
from rnncli.language.source import lowered
from rnncli.layers import KINDS, Layer
from rnncli.layers.sizes import BLANK_TEXT
from rnncli.layers.weights import FRAMEWORKS
from rnncli.library.searches import template_of
from rnncli.network import Network
from rnncli.reports.reference import A_WORD, is_word
from rnncli.search.braces import read_pattern
from rnncli.search.template import Template

_NO_FILES = ("solve", "sweep")
"""Commands that accept no model files: a template or a pattern describes many networks."""

_MOST_EXPANDED = 8
"""The most specs to write out for a pattern."""

_STANDS_IN = 501
"""The number that replaces the first brace of a pattern; later braces get the numbers after it."""

_CUT = re.compile(r"[,:;|>&+=(→-]\s*\0|(?:^|\0)[\[(][^\0]*\0|\0(?:\s*[,:;|>&+=)→\]-]|[0-9xX][0-9]*(?:[xX:,\0]|$))")
"""Signs that neighbouring arguments are pieces of one spec, by how they end and start; a null byte separates them."""

_ASKED = re.compile(r"^(?:what|why|how|define)\b|\b(?:is|are|does|do|an?|the|mean)\b|\?")
"""Words of a question about a term."""

_LONGEST_START = 4000
"""The characters of a file in which its first spec is looked for."""


def wrong_argument(this: TypedLine) -> tuple[int, SpecError] | None:
    """Return the place and the error of the first argument that the command cannot read as a spec."""
    if not any(each.nargs == -1 for each in this.command.params):
        return None
    for place in this.arguments:
        try:
            _read(this, this.words[place].text)
        except OpenNumbersError:
            continue  # --set may define the names
        except SpecError as error:
            return place, error
        except RnncliError:
            return None
    return None


def _read(this: TypedLine, text: str) -> None:
    """Read an argument as the command's kind of spec, without opening it as a file; raise a SpecError if it is none."""
    if text == "-":
        return
    choice = choice_of(text)
    if this.name == "sweep":
        for candidate in islice(read_pattern(text).expand(), 1):
            read_text(candidate)
    elif this.name == "solve":
        Template.parse(template_of(text)[0])
    elif choice is None:
        if this.name != "inspect":
            _check_settings(this, read_text(text).network)
            return
        raise SpecError(f"{quote(text)} is not a model file", text=text)
    elif len(this.arguments) > 1 and not isfile(choice.path):
        raise SpecError(f"there is no file {quote(text)}", text=text)
    elif choice.part and isfile(choice.path):
        try:
            part_of(open_model(choice.path), choice.part)
        except RnncliError as error:
            raise SpecError(error.message, text=text) from None


def _check_settings(this: TypedLine, network: Network) -> None:
    """Raise a SpecError if the options of a line contradict the network."""
    given = [(each.option.name, each.text, each.value) for each in this.words if each.option and each.value]
    lengths = []
    for value in [value for name, _, value in given if name == "timesteps"]:
        with contextlib.suppress(ValueError):  # a value that is not a number is a mistake of its option
            lengths.append(number.read(value))
    network.check_timesteps(*lengths)
    for _, option, value in (each for each in given if each[0] in ("framework", "to")):
        for known in FRAMEWORKS:
            if framework.meant(value) == known:
                network.check_framework(known, option)


def near_file(text: str, several: bool = False, endings: Collection[str] = FORMATS) -> str | None:
    """Return the model file that was probably meant by a name, `modle.npz` or `model`, with the part that it names.

    The name may have a folder, which may be misspelt too, and backslashes. `endings` are the extensions that it may
    have. The result is None if no name is similar, if there is a file of that name, or if a folder has several files
    with weights, unless the first of `several` will do.
    """
    plain = re.sub(r"\\(?! )", "/", re.sub("^file:(?://)?", "", text.strip()))
    path, separator, part = plain.partition(SEPARATOR)
    folder, name = (path, "") if isdir(path) else os.path.split(path)
    if isfile(path) and path != text.strip():
        return path + separator + part
    if isfile(path.partition(":")[0]) or folder + name == "" or re.search("[,(=]", text):
        return None
    try:
        if folder and not isdir(folder):
            around, last = os.path.split(folder)
            near = closest_in_any_case(last, os.listdir(around or "."), LIKE_A_CHOICE)
            folder = os.path.join(around, near or last)
        names = [each for each in sorted(os.listdir(folder or ".")) if os.path.splitext(each)[1] in endings]
    except (OSError, ValueError):
        return None
    if not name:
        # A folder may have settings and sources beside weights.
        weights = [each for each in names if os.path.splitext(each)[1] in {*FORMATS} - {".json", ".py", ".ipynb"}]
        return os.path.join(folder, weights[0]) if len(weights) == 1 or (several and weights) else None
    stem = os.path.splitext(name)[0].lower()
    same = [each for each in names if os.path.splitext(each)[0].lower() == stem]
    guess = closest_in_any_case(name, same, 0) or next(iter(same), None)
    guess = guess or closest_in_any_case(name, names, LIKE_A_CHOICE)
    return None if guess is None else os.path.join(folder, guess) + separator + part


def with_near_files(this: TypedLine) -> Line:
    """Return the line with the files that were probably meant, or with - for one with specs."""

    def meant(word: Word) -> list[Word]:
        if word.option is not None:
            return [_near_value(this, word, word.option)]
        if not word.is_argument or not (this.name == "inspect" or choice_of(word.text) is not None):
            return [word]
        files = [] if isfile(word.text) else re.split(r"[,;\s]+", word.text)
        return [*map(Word, files if files and all(map(isfile, files)) else [near_file(word.text) or word.text])]

    lines = (piped(this, place) for place in this.arguments)
    return next(filter(None, lines), this.line(each for word in this.words for each in meant(word)))


def _near_value(this: TypedLine, word: Word, option: click.Option) -> Word:
    """Return an option with the file that was probably meant, or the option that reads such a file: --weights x.npy."""
    reads = {
        each: [f".{known}" for known in each.type.extensions]
        for each in this.options.values()
        if isinstance(each.type, FileName) and not each.type.written
    }
    if option not in reads or not word.value:
        return word
    if isfile(word.value) and (ending := os.path.splitext(word.value)[1]) not in reads[option]:
        others = (each for each in reads if ending in reads[each] and each not in this.given)
        return next((Word(each.opts[0], each, word.value) for each in others), word)
    return word._replace(value=near_file(word.value, endings=reads[option]) or word.value)


def piped(this: TypedLine, place: int) -> Line | None:
    """Return the line that reads an argument's file with -; None unless it begins with a spec or a table."""
    path = this.words[place].text.strip().removeprefix("@")
    if this.name == "inspect" or not isfile(path) or os.path.splitext(path)[1] in FORMATS:
        return None
    with contextlib.suppress(OSError, RnncliError), open(path, encoding="utf-8", errors="replace") as file:
        lines = (line.partition("#")[0].strip() for line in file.read(_LONGEST_START).splitlines())
        first = next(filter(None, lines), "")
        if not re.match(ONE_TEXT, " ".join(first.split())):
            _read(this, first)
        return None if is_path(first) else this.with_(place, Word("-"), end=[Word("<"), Word(path)])
    return None


def meant_by(this: TypedLine, place: int, error: SpecError) -> Iterator[Applied[Line]]:
    """Yield the line with an argument read as a file, a pattern or a piece of a spec, or repaired."""
    text = this.words[place].text
    path = text.strip().removeprefix("@")
    no_file = f"{quote(text)} is neither a spec nor a file"
    folder = f"{quote(text)} is a folder, not a model file" if isdir(path) else ""
    if choice_of(path) is not None:
        if this.name in _NO_FILES:
            message = f"{quote(text)} is a model file, which {this.name} does not accept"
            spec = f"start from its spec, with --framework torch if it is PyTorch's: rnncli spec {shlex.quote(path)}"
            yield Applied(this.typed, "", message, advice=spec)
            return
    elif isfile(path) and this.name != "inspect":
        to_read, files = piped(this, place), [this.words[each].text for each in this.arguments if piped(this, each)]
        if len(files) > 1:  # there is only one standard input
            others = [each for each in this.words if each.option is not None or each.text not in files]
            cat = f"cat {shlex.join(files)} | {shown(this.line([*others, Word('-')]))}"
            yield Applied(this.typed, "", f"{quote(text)} is the name of a file", advice=f"for all of them: {cat}")
            return
        elif to_read is not None:
            yield Applied(to_read, "", f"{quote(text)} is the name of a file", drops=text)
        else:
            specs = {"sweep": "patterns", "solve": "templates"}.get(this.name, "specs")
            message = f"{quote(text)} is neither a known model file nor a text file of {specs}"
            yield Applied(this.typed, "", message, advice=KNOWN_EXTENSIONS)
    elif folder:
        one = Word(near_file(text, several=True) or text)
        advice = "give a file in it"
        yield Applied(this.with_(place, one), "for example", folder, drops=text, costs=COSTS_A_GUESS, advice=advice)
    elif re.fullmatch(r"[^:(,=]+\.(?:txt|csv|tsv|md|cfg|ini|toml|ya?ml|log)", text):
        yield Applied(this.typed, "", no_file, advice="`-` reads specs from standard input, one per line")
    yield from joined(this, place)
    is_plain = re.fullmatch(r"[^\W_][^:(,=]*", text) is not None and lowered(text) not in KINDS
    is_term = is_plain and lowered(text) not in FRAMEWORK_WORDS and is_word(text)
    no_spec = f"{quote(text)} is not a spec"
    term = term_asked(this.words[each].text for each in this.arguments)
    if is_plain and term is not None and lowered(text) not in FRAMEWORK_WORDS:
        yield Applied(("layers", term), "", no_spec, drops=" ".join(this.typed), advice=A_WORD)
    candidates: list[str] = []
    with contextlib.suppress(SpecError):
        if "{" in text and this.name in ("compare", "reach", "solve"):
            candidates = list(islice(read_pattern(text).expand(), _MOST_EXPANDED + 1))
    if 1 < len(candidates) <= _MOST_EXPANDED and (this.name != "solve" or BLANK_TEXT in text):
        lead = "the shell expands braces unless they are quoted"
        yield Applied(this.with_(place, *map(Word, candidates)), lead, drops=text)
    elif candidates:
        yield Applied(("sweep", *this.typed[1:]))
    repair = error.repair if error.text == text else _mended_pattern(text)
    # A number is not a network of its own, and pieces that spaces have cut are all meant.
    stray = text.isdecimal() or (" " in text and "without" in error.lead)
    if repair and "example" not in error.lead and not stray:
        lead = error.lead.replace(WITHOUT, f"without {quote(error.text[slice(*error.span)])}")
        yield Applied(this.with_(place, Word(repair)), lead, drops=text, advice=error.advice or "")
    unit = place > 0 and this.words[place - 1].is_argument and this.words[place - 1].text.isdecimal()
    if is_plain and not unit and len(this.arguments) > 1 and (is_term or not re.search("[0-9]", text)):
        advice = f"`rnncli layers {text}` explains it" if is_term else ""
        yield Applied(this.with_(place), WITHOUT, no_spec, drops=text, costs=COSTS_A_GUESS, advice=advice)


def term_asked(texts: Iterable[str]) -> str | None:
    """Return the term that some words ask about, `what is h_n`, if `rnncli layers` explains it."""
    asked = _ASKED.sub("", " ".join(texts)).strip(" -")
    return asked if re.fullmatch(r"\w[\w -]*", asked) and is_word(asked) else None


def _mended_pattern(pattern: str) -> str | None:
    """Return a pattern with the errors outside its braces mended, found with example values for the braces."""
    parts = re.split(r"(\{[^{}]*\})", pattern)
    values = [re.split(r",|\.\.", each.strip("{}").rpartition("=")[2])[0] for each in parts[1::2]]
    values = [each if re.search(r"\.|[a-z].", each) else f"{_STANDS_IN + n}" for n, each in enumerate(values)]
    one = re.compile("|".join(rf"{re.escape(each)}(?!(?<=[a-z])[a-z])" for each in values) or "(?!)")
    # The same word may stand outside the braces: each keeps its place among them.
    written = [each for n, part in enumerate(parts) for each in ([part] if n % 2 else one.findall(part))]
    try:
        mended = str(read_text("".join(chain.from_iterable(zip_longest(parts[::2], values, fillvalue="")))).network)
    except SpecError as error:
        mended = "" if error.repair is None or "example" in error.lead else error.repair
    except RnncliError:
        return None
    pieces = one.split(mended)
    is_whole = len(pieces) == len(written) + 1
    return "".join(chain.from_iterable(zip_longest(pieces, written, fillvalue=""))) if is_whole else None


# Pieces of a spec


def joined(this: TypedLine, place: int) -> Iterator[Applied[Line]]:
    """Yield the line with the pieces of a spec that spaces have cut joined into one."""
    texts = {each: this.words[each].text for each in this.arguments}
    alone = [each for each, text in texts.items() if text == "-" or choice_of(text) is not None]
    one = this.name not in ("compare", "reach", *_NO_FILES)  # where a bare word may be part of a sentence
    starts = [each for each, text in texts.items() if _starts_network(text) and not (one and text.isalpha())]
    first = max((each for each in starts if each <= place), default=0)
    last = min((each for each in starts if each > place), default=len(this.words))
    group = [each for each in texts if first <= each < last and each not in alone]
    if place in alone or len(group) == 1 or group[-1] - group[0] >= len(group):  # an option stands between
        return
    pieces = [texts[each] for each in group]
    if this.name != "sweep" and _is_network(this, pieces[0]):
        layers = (each for each in pieces[1:] if _kind(each) or not re.match(r"[\w=]", each) or each[0].isdigit())
        # 2 layers are part of the spec before them; 20 steps or 50 Hz are not.
        if next(layers, "")[:1].isdigit() and not any(map(compiled("<LAYERS>").match, pieces)):
            return
    # A lone input or embedding, followed by a layer that cannot come first.
    stack = group[0] in starts and "," not in pieces[0] and _kind(pieces[1]) is not None
    is_cut = _CUT.search("\0".join(pieces)) and any(re.search("[:.]", each) or _kind(each) for each in pieces)
    if not stack and not is_cut:
        return
    message = f"a space ends a spec, so {quote(' '.join(pieces))} is read as {len(pieces)} specs"
    for mark in (" ", ","):
        whole = re.sub(r"(?<!\s)\s*,[\s,]*", ",", mark.join(pieces))
        parts = [Word(whole) if i == group[0] else each for i, each in enumerate(this.words) if i not in group[1:]]
        yield Applied(this.line(parts), "", message)
    yield Applied(this.typed, "", message, advice="write it without spaces, or in quotes")


def _is_network(this: TypedLine, text: str) -> bool:
    with contextlib.suppress(RnncliError):
        _read(this, text)
        return re.search("[,(]", text) is not None
    return False


def _starts_network(argument: str) -> bool:
    """Return whether an argument starts with a layer that can only come first, or is a framework's source."""
    kind = _kind(argument)
    return kind is not None and kind.reads == "input" if "(" not in argument else is_call(argument)


def _kind(argument: str) -> type[Layer] | None:
    return KINDS.get(lowered(re.split("[:=,(]", argument.strip(), maxsplit=1)[0].strip()))
