"""The patterns that are given to a sweep, and the candidates that they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from rnncli.commands.report import report
from rnncli.commands.specs import Spec, explained
from rnncli.errors import RnncliError, SpecError
from rnncli.network import Network
from rnncli.search.grids.stretches import Part, Stretch, points, stretches
from rnncli.search.patterns.brace_hints import read_pattern
from rnncli.search.patterns.braces import Pattern


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


def read_pieces(text: str) -> None:
    """Read a pattern that spaces have cut in pieces, if the shell has not expanded its braces.

    Raises:
        SpecError: the first that it stands for is no network, or it has no braces; there is no repair.
    """
    try:
        Network.parse(next(read_pattern(text if "{" in text else "").expand(), ""))
    except SpecError as error:
        raise SpecError(error.message, text=text, span=(0, len(text))) from None


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
