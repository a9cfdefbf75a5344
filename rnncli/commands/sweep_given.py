"""What `rnncli sweep` is given: patterns, an order, the figures of a frontier, a part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

from rnncli.commands.completers import complete_words
from rnncli.commands.report import report
from rnncli.commands.specs import Spec, explained
from rnncli.commands.values import Value
from rnncli.errors import RnncliError, quote
from rnncli.network import Network
from rnncli.search.brace_hints import read_pattern
from rnncli.search.braces import Pattern
from rnncli.search.selection import COMPARED, SORT_KEYS, Order
from rnncli.search.sweep import Stretch, points, stretches


class Part(NamedTuple):
    """One of several parts of all candidates, which are cut where they stand: part 2 of 3 is the middle third.

    Attributes:
        number: which part it is, from 1.
        of: how many parts there are.
    """

    number: int
    of: int

    def span(self, total: int) -> tuple[int, int]:
        """Return where it starts among so many candidates, and before which it stops."""
        return total * (self.number - 1) // self.of, total * self.number // self.of


def patterns_of(
    given: Iterable[Spec], faults: list[RnncliError], away: Callable[[], AbstractContextManager[None]]
) -> Iterator[Pattern]:
    """Yield the patterns; report one that is bad, add its fault to the others, and go on with the next.

    Args:
        given: their texts.
        faults: where the faults are added.
        away: gives a block that may write to the terminal.
    """
    for spec in given:
        try:
            text = spec.checked()
            if not text.strip():
                Network.parse(text)  # which says that it is empty
            pattern = read_pattern(text)
        except RnncliError as error:
            with away():
                report(explained(error, spec.text), spec.origin)
            faults.append(error)
        else:
            yield pattern


def all_of(patterns: Iterator[Pattern], part: Part | None, known: bool) -> tuple[Iterator[Stretch], int]:
    """Return all candidates, or a part of them, and how many there are; 0 if that is not known.

    Args:
        patterns: the patterns.
        part: which part is taken, or None for all.
        known: whether the patterns are there already. Whoever takes a part has to wait for all of them.
    """
    if not known and part is None:
        return stretches(patterns), 0
    every = list(patterns)
    if part is None:
        return stretches(every), sum(pattern.count() for pattern in every)
    start, stop = part.span(sum(map(points, every)))
    return stretches(every, start, stop), stop - start


def _order(text: str, keys: Iterable[str] = SORT_KEYS) -> Order:
    """Return the order that a key stands for, one of some keys.

    Raises:
        ValueError: it is none of them.
    """
    key = text.removeprefix("-")
    if key not in keys:
        raise ValueError(f"{quote(text)} is not one of {', '.join(keys)}")
    return Order(key, descending=text.startswith("-"))


def _nearest_order(text: str) -> str | None:
    from rnncli.language.likeness import closest

    named = text.strip("-").lower()
    key = next((key for key, name in SORT_KEYS.items() if name == named), None) or closest(named, SORT_KEYS)
    return None if key is None else "-" * text.startswith("-") + key


def _frontier(text: str) -> tuple[Order, ...]:
    """Return what candidates are compared by.

    Raises:
        ValueError: one of the figures is none, or is named twice.
    """
    orders = tuple([_order(each.strip(), COMPARED) for each in text.split(",")])
    keys = [order.key for order in orders]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{quote(text)} names {key} twice")
    return orders


def _nearest_frontier(text: str) -> str | None:
    nearest = [_nearest_order(each) for each in re.split(r"[\s,;|+/&]+", text) if each]
    known = [each for each in nearest if each is not None and each.removeprefix("-") in COMPARED]
    return ",".join({each.removeprefix("-"): each for each in known}.values()) or None


def _part(text: str) -> Part:
    """Return the part that a text such as 3/16 names.

    Raises:
        ValueError: it names none.
    """
    written = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if written is None:
        raise ValueError(f"{quote(text)} is not a part such as 3/16, the third of sixteen")
    number, of = map(int, written.groups())
    if not 1 <= number <= of:
        raise ValueError(f"there is no part {number:,} of {of:,}: parts count from 1")
    return Part(number, of)


def _nearest_part(text: str) -> str | None:
    written = re.fullmatch(r"([0-9]{1,9})(?:/| of |:|-|,|\\)([0-9]{1,9})", text.strip())
    if written is None:
        return None
    number, of = map(int, written.groups())
    return f"{min(max(number, 1), max(of, 1))}/{max(of, 1)}"


order = Value("key", _order, _nearest_order, "params")
"""What candidates are sorted by."""

frontier = Value("list of figures", _frontier, _nearest_frontier, "params,-output")
"""What candidates are compared by."""

part = Value("part", _part, _nearest_part, "1/2")
"""One of several parts of all candidates."""

complete_orders = complete_words([sign + key for sign in ("", "-") for key in SORT_KEYS])
complete_figures = complete_words([sign + key for sign in ("", "-") for key in COMPARED])
