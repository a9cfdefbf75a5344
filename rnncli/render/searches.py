"""The pages of searches: a filled-in template, the candidates of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rnncli.immutable import immutable
from rnncli.render.blocks import Block, Drawn, Line, Table, in_characters_of
from rnncli.render.candidates import CandidateTable, picture, points_of
from rnncli.render.documents import records_table
from rnncli.render.records import LISTED, Record
from rnncli.render.terminal import MOST_LINES
from rnncli.search.selection import SORT_KEYS

if TYPE_CHECKING:
    from rnncli.search.solution import Solution
    from rnncli.search.sweep import Candidates


def solution_page(solution: Solution) -> Iterator[Block]:
    """Yield a filled-in template, the budget that limits it, and its costs."""
    yield Line(Text(solution.spec, style="spec"))
    yield Line(Text(solution.told()))
    yield Line(Text(solution.needs()))


def candidates_page(candidates: Candidates) -> Iterator[Block]:
    """Yield the candidates of a sweep, at most `MOST_LINES`, their plot, and their number."""
    cloud = candidates.cloud
    if candidates:
        records = candidates[:MOST_LINES].as_dicts()
        key = None if candidates.order is None else SORT_KEYS[candidates.order.key]
        table = records_table(LISTED, records)
        yield _Listed(table.columns, table.rows, records=records, sorted_by=key)
        if cloud is not None:
            points = points_of(records, cloud)
            yield Drawn(lambda console: map(Text, picture(points, cloud, console.width)))
    if len(candidates) > MOST_LINES:
        yield Line(Text(f"… and {len(candidates) - MOST_LINES:,} more", style="dim"))
    yield Line(Text(candidates.title))


@immutable
class _Listed(Table):
    """Candidates, as a table in a document and in the layout of a sweep on a console."""

    records: Sequence[Record] = ()
    sorted_by: str | None = None

    def shown(self, console: Console) -> Iterator[Text]:
        """Yield the lines of a sweep's table."""
        table = CandidateTable(console.width, self.sorted_by)
        rows = table.rows(self.records)
        for line in f"{rows}{table.end()}".splitlines():
            yield in_characters_of(console, Text(line))
