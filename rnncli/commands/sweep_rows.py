"""What a sweep shows of its candidates: rows of a table for people, or of a format for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnncli.render.candidates import CandidateTable, FrontierTable
from rnncli.render.records import Writer, writer
from rnncli.render.results import CANDIDATES
from rnncli.render.terminal import DOCUMENTS, terminal_size, terminal_width
from rnncli.search.forms import Candidate
from rnncli.search.selection import SORT_KEYS, Order
from rnncli.search.sweep import record_maker
from rnncli.summary import TOTALS, Setting

if TYPE_CHECKING:
    from rnncli.search.frontier import Cloud

_NOTE = 150
"""Characters of the note below the rows. Below that the shell goes on."""


def table_of(format_: str, order: Order | None, cloud: Cloud | None) -> Writer[Any]:
    """Return what writes the rows that a speller of the same format makes.

    Args:
        format_: the format.
        order: what the candidates are sorted by, if they are.
        cloud: where all of them lie, for a picture below the table; None for no picture.
    """
    if format_ in DOCUMENTS:
        from rnncli.render.documents import TableWriter

        return TableWriter(format_, (*TOTALS, "output_shape", "spec"))
    if format_ != "table":
        from rnncli.render.row_texts import WrittenRows

        return WrittenRows(writer(format_, CANDIDATES))
    width, key = terminal_width(), None if order is None else SORT_KEYS[order.key]
    if cloud is None:
        return CandidateTable(width, key)
    return FrontierTable(width, key, *cloud.asked, cloud.points)


def speller(format_: str, setting: Setting) -> Callable[[list[Candidate]], tuple[int, Any]]:
    """Return what makes rows of candidates, for the table or for the writer of a format, and says how many."""
    record = record_maker(setting)
    if format_ in ("table", *DOCUMENTS):
        return lambda some: (len(some), [record(*candidate) for candidate in some])
    from rnncli.render.row_texts import RowTexts

    texts = RowTexts(writer(format_, CANDIDATES), record, len(TOTALS))
    return lambda some: (len(some), [texts.rows(some)] if some else [])


def screenful(
    best: Sequence[Candidate],
    spell: Callable[[list[Candidate]], tuple[int, Any]],
    tables: Callable[[Cloud | None], Writer[Any]],
    cloud: Cloud | None,
) -> tuple[int, Cloud | None]:
    """Return how many of some candidates the terminal has room for, one at least, and the cloud if it has for that too.

    Args:
        best: the candidates, of which the first are shown.
        spell: makes rows of them.
        tables: returns what writes the rows, with a picture of a cloud or without.
        cloud: where all of them lie.
    """
    size = terminal_size()
    if size is None or not best:
        return len(best), cloud
    columns, room = size[0], size[1] - 1 - -(-_NOTE // size[0])

    def lines(number: int, cloud: Cloud | None = None) -> int:
        table = tables(cloud)
        text = "".join([table.begin(), table.rows(spell([*best[:number]])[1]), table.end()])
        return sum(max(1, -(-len(line) // columns)) for line in text.splitlines())

    most = max(1, min(len(best), room))
    picture = lines(most, cloud) - lines(most)
    if 2 * picture > room:
        cloud, picture = None, 0
    return next((number for number in range(most, 1, -1) if lines(number) + picture <= room), 1), cloud
