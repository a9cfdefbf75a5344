"""A search for a repair: rewrites are tried in order, and the first valid result that keeps the input is returned.

It knows nothing about specs or command lines: the caller finds the fault of a state, lists possible steps, and decides
whether a result keeps what was typed.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Generic, Literal, TypeVar

from rnncli.errors import listed
from rnncli.immutable import NamedTuple

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
            `line` or `option`, that whole part of a command line; `pattern`, in a pattern of specs.
        pattern: a regular expression; `<K>` and the like are sets of words.
        becomes: the replacement, with the groups of the pattern.
        lead: the words before the repair, with the groups of the pattern.
        message: what is wrong, if the parser only notices a consequence; {} is the text that was typed.
        drops: whether part of the typed text is left out.
        computes: whether a number is replaced by another one that means the same.
        invents: whether a number is made up.
        advice: advice that applies whatever the repair is.
    """

    where: Literal["text", "part", "layer", "line", "option", "pattern"]
    pattern: str
    becomes: Becomes
    lead: str = "perhaps"
    message: str = ""
    drops: bool = False
    computes: bool = False
    invents: bool = False
    advice: str = ""

    def instead_of(self, found: re.Match[str]) -> str:
        """Return the replacement of a match of the pattern."""
        return found.expand(self.becomes) if isinstance(self.becomes, str) else self.becomes(found)


class Applied(NamedTuple, Generic[State]):
    """An applied rewrite.

    Attributes:
        state: the result.
        lead: the words before the repair: `perhaps`, `with commas`.
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


class Answer(NamedTuple, Generic[State]):
    """The result of a search: the valid state, and the steps to it."""

    state: State
    way: tuple[Applied[State], ...]


def led(leads: Iterable[str]) -> str:
    """Return the lead of a repair from the leads of its steps: each once, and `perhaps` only if it is the only one."""
    said = list(dict.fromkeys(filter(None, leads)))
    said = [each for each in said if each != "perhaps" or len(said) == 1]
    gone = [each.removeprefix("without ") for each in said if each.startswith("without ")]
    return "; ".join(dict.fromkeys(f"without {listed(gone)}" if each.startswith("without ") else each for each in said))


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
    while queue and len(seen) < most and most_read > 0:
        rank, depth, _, state, way = heapq.heappop(queue)
        if state in seen:
            continue
        seen.add(state)
        most_read -= len(state)
        fault = first if first is not None and state == start else fault_of(state)
        if fault is None:
            if keeps(state, way):
                return Answer(state, way)
            continue
        others = (step for step in steps(state, fault) if step.state not in seen)
        for place, step in enumerate(others):
            heapq.heappush(queue, (rank + place + step.costs, depth - 1, next(ticket), step.state, (*way, step)))
    return None
