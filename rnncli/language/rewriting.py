"""A search for what was meant: rewrites are tried in order, and the first result that works and keeps all is taken.

It knows nothing of specs or command lines: whoever searches says what is at fault in a state, what may be done about
it, and whether a result keeps what was typed.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Generic, Literal, TypeVar

from rnncli.immutable import NamedTuple

COSTS_A_GUESS = 10
"""The cost of leaving something out or making something up: all that does neither is tried before."""

WITHOUT = "without it"
"""The words for a repair that leaves something out."""

Becomes = str | Callable[[re.Match[str]], str]
"""What a row becomes: a text with the groups of its pattern, or what makes one."""

State = TypeVar("State", bound="str | tuple[str, ...]")
"""What is rewritten: a text, or the words of a command line."""

Fault = TypeVar("Fault")


class Rewrite(NamedTuple):
    """One way to write something elsewhere.

    Attributes:
        where: `text`, wherever it stands in the spec; `part`, in the layer at fault; `layer`, that is all of the layer;
            of a command line `line`, `command` or `option`, that are all of it; `pattern`, in one of many specs.
        pattern: what is written; `<K>` and the like are sets of words.
        becomes: what is written here, with the groups of the pattern.
        lead: what leads to the repair, with the groups of the pattern.
        message: what is wrong, where the parser stumbles over what follows from it; {} is what was typed.
        drops: whether something is left out of what was typed.
        computes: whether it becomes another number, which means the same.
        invents: whether a number is made up.
        advice: how to mend it, in words that hold whatever it leads to.
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


class Step(NamedTuple, Generic[State]):
    """A rewrite that is done.

    Attributes:
        state: what it leads to.
        lead: what leads to it, in words: `perhaps`, `with commas`.
        message: what is wrong, where the rewrite knows better than whoever stumbled over it.
        span: the characters at fault, where there is a message.
        drops: what it leaves out of what was typed.
        costs: 0, or more for what is only done where nothing else works.
        advice: how to mend it, in words that hold whatever it leads to.
    """

    state: State
    lead: str = ""
    message: str = ""
    span: tuple[int, int] = (0, 0)
    drops: str = ""
    costs: int = 0
    advice: str = ""


class Found(NamedTuple, Generic[State]):
    """What was meant.

    Attributes:
        state: what works.
        way: the steps to it.
    """

    state: State
    way: tuple[Step[State], ...]


def led(leads: Iterable[str]) -> str:
    """Return what leads to a repair, of all that its steps say: each once, and no `perhaps` before an example."""
    said = dict.fromkeys(filter(None, leads))
    return "; ".join(each for each in said if each != "perhaps" or "for example" not in said)


def search(
    start: State,
    fault_of: Callable[[State], Fault | None],
    steps: Callable[[State, Fault], Iterable[Step[State]]],
    keeps: Callable[[State, Sequence[Step[State]]], bool],
    *,
    most: int,
    most_read: int,
    first: Fault | None = None,
) -> Found[State] | None:
    """Return the first state without a fault that keeps what was typed; None where there is none.

    The steps from a state are in order of likelihood: a way on which the first was always taken is followed to its
    end before one on which the second was taken once, and so on (limited discrepancy search).

    Args:
        start: what was typed.
        fault_of: returns what is wrong with a state, or None.
        steps: yields what may be done about a fault, the likeliest first.
        keeps: whether a state has all that was typed but for what the steps to it say.
        most: how many states are looked at.
        most_read: how long these are together, at most.
        first: what is wrong with what was typed, where that is known.
    """
    ticket = count()
    queue: list[tuple[int, int, int, State, tuple[Step[State], ...]]] = [(0, 0, next(ticket), start, ())]
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
                return Found(state, way)
            continue
        others = (step for step in steps(state, fault) if step.state not in seen)
        for place, step in enumerate(others):
            heapq.heappush(queue, (rank + place + step.costs, depth - 1, next(ticket), step.state, (*way, step)))
    return None
