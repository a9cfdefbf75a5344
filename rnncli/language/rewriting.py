"""A search for a repair: rewrites are tried in order, and the first valid result that keeps the input is returned.

It knows nothing about specs or command lines: the caller finds the fault of a state, lists possible steps, and decides
whether a result keeps what was typed.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Generic, Literal, TypeVar

from rnncli.errors import quote
from rnncli.immutable import NamedTuple
from rnncli.language.likeness import in_ascii
from rnncli.language.source import without_spaces

COSTS_A_GUESS = 10
"""The cost of leaving something out or making something up; steps that do neither are tried first."""

WITHOUT = "without it"
"""The lead for a repair that leaves something out."""

Becomes = str | Callable[[re.Match[str]], str]
"""The replacement of a row: a template with the groups of its pattern, or a function."""

State = TypeVar("State", bound="str | tuple[str, ...]")
"""The object being rewritten: a text, or the words of a command line."""

Fault = TypeVar("Fault")


class Rewrite(NamedTuple):
    """One other way to write something, and its replacement.

    Attributes:
        where: `text`, anywhere in the spec; `part`, within the layer at fault; `layer`, the whole layer at fault;
            `line`, `command` or `option`, that whole part of a command line; `pattern`, in a pattern of specs.
        pattern: a regular expression; `<K>` and the like are sets of words.
        becomes: the replacement, with the groups of the pattern.
        lead: the words before the repair, with the groups of the pattern.
        message: what is wrong, if the parser only notices a consequence; {} is the text that was typed.
        drops: whether part of the typed text is left out.
        computes: whether a number is replaced by another one that means the same.
        invents: whether a number is made up.
        advice: advice that applies whatever the repair is.
    """

    where: Literal["text", "part", "layer", "line", "command", "option", "pattern"]
    pattern: str
    becomes: Becomes
    lead: str = "perhaps"
    message: str = ""
    drops: bool = False
    computes: bool = False
    invents: bool = False
    advice: str = ""


class Applied(NamedTuple, Generic[State]):
    """An applied rewrite.

    Attributes:
        state: the result.
        lead: the words before the repair: `perhaps`, `with commas`.
        left_out: the words that it leaves out, as shown if it is a later step.
        message: what is wrong, if the rewrite knows better than the parser.
        span: the characters at fault, if there is a message.
        drops: the part of the typed text that it leaves out.
        costs: 0, or more for a step that is only taken if nothing else works.
        advice: advice that applies whatever the repair is.
    """

    state: State
    lead: str = ""
    message: str = ""
    span: tuple[int, int] = (0, 0)
    drops: str = ""
    costs: int = 0
    advice: str = ""
    left_out: str = ""


def without(state: State, drops: str, advice: str = "") -> Applied[State]:
    """Return the step that leaves something out."""
    return Applied(state, WITHOUT, drops=drops, costs=COSTS_A_GUESS, advice=advice, left_out=drops)


class Answer(NamedTuple, Generic[State]):
    """The result of a search.

    Attributes:
        state: the valid state.
        way: the steps to it.
    """

    state: State
    way: tuple[Applied[State], ...]

    def leads(self, typed: str) -> list[str]:
        """Return the words for its steps from a typed text; those for later ones say what they leave out or make up."""
        first, *more = self.way
        plain = without_spaces(in_ascii(typed))
        later = [without_spaces(step.left_out) for step in more if step.costs]
        return [first.lead, *(f"without {quote(each)}" if each and each in plain else "for example" for each in later)]


def led(leads: Iterable[str]) -> str:
    """Return the lead of a repair from the leads of its steps: each once, and `perhaps` only if it is the only one."""
    said = dict.fromkeys(filter(None, leads))
    in_order = sorted(said, key=lambda lead: lead == "for example")  # it comes last
    return "; ".join(each for each in in_order if each != "perhaps" or len(said) == 1)


_GROUPS = "[0-9]{1,3}(?:[,.'_ ][0-9]{3})+(?![0-9])"
_NUMBER = re.compile(rf"({_GROUPS}|[0-9][0-9_]*(?:\.[0-9]+)?)(?:e[-+]?[0-9]{{1,2}}(?![0-9]))?")
_DIGIT_IN_A_WORD = re.compile(r"(?<![0-9])[A-Za-z_]{2,40}(?:[123]d\b|2seq)|float[0-9]{1,3}|int8")


def keeps_numbers(typed: str, result: str, *more: str) -> bool:
    """Whether a result, or one of `more`, has every number of a text except 0 and 1.

    Separators of thousands and a suffix in place of zeros change nothing: 10,000 is in 10000, and 1.5k in 1500. Digits
    inside words (`conv1d`, `float32`) are no numbers.
    """
    numbers = [number for text in (result, *more) for number in numbers_in(text)]
    said = [part for number in numbers for part in ([*number, "".join(number)] if len(number) > 1 else number)]
    for number in numbers_in(typed):
        for parts in (["".join(number)], number):
            rest = [*said]
            if all(_took(part, rest) for part in parts):
                said = rest
                break
        else:
            return False
    return True


def numbers_in(text: str) -> Iterator[list[str]]:
    """Yield the digits of each number in a text, in groups."""
    return (re.findall("[0-9]+", found[1]) for found in _NUMBER.finditer(_DIGIT_IN_A_WORD.sub("", text)))


def _took(digits: str, said: list[str]) -> bool:
    """Whether digits are 0, 1 or among some others, from which they are then removed; zeros may follow them."""
    same = [each for each in said if re.fullmatch(f"0*{digits.lstrip('0')}0*", each)]
    if same and int(digits):
        said.remove(min(same, key=len))
    return bool(same) or digits == "1" or int(digits) == 0


def search(
    start: State,
    fault_of: Callable[[State], Fault | None],
    steps: Callable[[State, Fault], Iterable[Applied[State]]],
    keeps: Callable[[State, Sequence[Applied[State]]], bool],
    *,
    most: int,
    most_read: int,
    first: Fault | None = None,
) -> Answer[State] | None:
    """Return the first state without a fault that keeps what was typed; None if there is none.

    The steps from a state are ordered by likelihood. A path that always takes the first step is followed to its end
    before a path that takes the second step once, and so on (limited discrepancy search).

    Args:
        start: the input as typed.
        fault_of: returns the fault of a state, or None.
        steps: yields possible steps for a fault, the likeliest first.
        keeps: whether a state has everything that was typed, except for what its steps declare.
        most: the most states to visit.
        most_read: the greatest total length of these states.
        first: the fault of the input, if it is known.
    """
    ticket = count()
    queue: list[tuple[int, int, int, State, tuple[Applied[State], ...]]] = [(0, 0, next(ticket), start, ())]
    seen: set[State] = set()
    visits = 0
    while queue and visits < most and most_read > 0:
        rank, depth, _, state, way = heapq.heappop(queue)
        if state in seen:
            continue
        seen.add(state)
        visits += 1
        most_read -= len(state)
        fault = first if first is not None and state == start else fault_of(state)
        if fault is None:
            if keeps(state, way):
                return Answer(state, way)
            seen.remove(state)  # other steps may lead to it and say more
            continue
        others = (step for step in steps(state, fault) if step.state not in seen)
        for place, step in enumerate(others):
            heapq.heappush(queue, (rank + place + step.costs, depth - 1, next(ticket), step.state, (*way, step)))
    return None
