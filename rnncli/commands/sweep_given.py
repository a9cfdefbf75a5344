"""What `rnncli sweep` is given: patterns, an order, the figures of a frontier, a part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from rnncli.commands.completers import complete_words
from rnncli.commands.report import report
from rnncli.commands.specs import Spec, explained
from rnncli.commands.values import Value
from rnncli.errors import RnncliError
from rnncli.formats import is_path
from rnncli.network import Network
from rnncli.search.brace_hints import read_pattern
from rnncli.search.braces import Pattern
from rnncli.search.selection import COMPARED, SORT_KEYS, Order, parse_figures
from rnncli.search.sweep import Share, Stretch, share_of, stretches


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
            if not text.strip() or is_path(text):
                Network.parse(text)  # which says what is wrong with it
            pattern = read_pattern(text)
        except RnncliError as error:
            with away():
                report(explained(error, spec.text), spec.origin)
            faults.append(error)
        else:
            yield pattern


def all_of(patterns: Iterator[Pattern], part: Share | None, known: bool) -> tuple[Iterator[Stretch], int]:
    """Return all candidates, or a part of them, and how many there are; 0 if that is not known.

    Args:
        patterns: the patterns.
        part: which part is taken, or None for all.
        known: whether the patterns are there already. Whoever takes a part has to wait for all of them.
    """
    if not known and part is None:
        return stretches(patterns), 0
    return share_of(list(patterns), part)


def _nearest_order(text: str) -> str | None:
    from rnncli.language.likeness import closest

    named = text.strip("-").lower()
    key = next((key for key, name in SORT_KEYS.items() if name == named), None) or closest(named, SORT_KEYS)
    return None if key is None else "-" * text.startswith("-") + key


def _nearest_frontier(text: str) -> str | None:
    nearest = [_nearest_order(each) for each in re.split(r"[\s,;|+/&]+", text) if each]
    known = [each for each in nearest if each is not None and each.removeprefix("-") in COMPARED]
    return ",".join({each.removeprefix("-"): each for each in known}.values()) or None


def _nearest_part(text: str) -> str | None:
    written = re.fullmatch(r"([0-9]{1,9})(?:/| of |:|-|,|\\)([0-9]{1,9})", text.strip())
    if written is None:
        return None
    number, of = map(int, written.groups())
    return f"{min(max(number, 1), max(of, 1))}/{max(of, 1)}"


order = Value("key", Order.parse, _nearest_order, "params")
"""What candidates are sorted by."""

frontier = Value("list of figures", parse_figures, _nearest_frontier, "params,-output")
"""What candidates are compared by."""

part = Value("part", Share.parse, _nearest_part, "1/2")
"""One of several parts of all candidates."""

complete_orders = complete_words([sign + key for sign in ("", "-") for key in SORT_KEYS])
complete_figures = complete_words([sign + key for sign in ("", "-") for key in COMPARED])
