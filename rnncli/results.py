"""`Result`: what commands find and functions return. It shows itself as the command does, wherever it is looked at."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnncli.system.imports import Later

if TYPE_CHECKING:
    from os import PathLike

    from rnncli.atomic import Written
    from rnncli.library.exports import export as _export
    from rnncli.library.pages import page as _page
    from rnncli.library.runs import forward as _forward
    from rnncli.library.runs import reach as _reach
    from rnncli.reports.comparison import compare as _compare
    from rnncli.reports.explanation import explain as _explain
    from rnncli.reports.unrolled import draw as _draw


class Result:
    """What a command finds.

    `print` shows what the command shows on a screen, a notebook shows tables and drawings, and a data frame takes the
    rows: `pandas.DataFrame(result.rows())`. Rich, which draws the tables, is imported when one is looked at.
    """

    @property
    def title(self) -> str:
        """What it is of, in a line: a spec, or several."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.title}>"

    def __str__(self) -> str:
        """Return what the command shows, as wide as the terminal, or as wide as it is where there is none."""
        return str(_shown().text(self))

    def to(self, format: str) -> str:
        """Return what the command prints with `--format`.

        Args:
            format: table, json, csv, tsv, markdown or html.

        Raises:
            ArgumentError: there is no such format, or the result has nothing that it could hold.
        """
        return str(_shown().written(self, format))

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that `--format csv` prints, each by the names of the columns, with numbers and shapes.

            >>> from rnncli import Network
            >>> rows = Network.parse("embed:10x4,rnn:3").summary().rows()
            >>> [(row["name"], row["output_shape"], row["params"]) for row in rows]
            [('embedding', (None, None, 4), 40), ('simple_rnn', (None, 3), 24)]

        Raises:
            ArgumentError: the result has no rows: a drawing, source.
        """
        rows: list[dict[str, Any]] = _shown().rows(self)
        return rows

    def save_svg(self, path: str | PathLike[str], theme: str = "dark") -> Written:
        """Save a picture of what the command shows, whole or not at all.

        Args:
            path: the file.
            theme: what the picture is to go with: dark or light.

        Raises:
            ArgumentError: an argument is not allowed.
            RnncliError: the file cannot be written.
        """
        written: Written = _shown().save_svg(self, path, theme)
        return written

    def _repr_html_(self) -> str:
        """Return what a notebook shows: tables and drawings, in the colours of its page."""
        return str(_shown().notebook(self))

    def _repr_markdown_(self) -> str:
        """Return the same for what shows Markdown."""
        return str(_shown().written(self, "markdown"))


class Commands:
    """The commands that are of one network, as methods of what has one; the network is their first argument."""

    if TYPE_CHECKING:
        explain = _explain
        draw = _draw
        compare = _compare
        forward = _forward
        reach = _reach
        export = _export
        page = _page
    else:
        explain = Later("rnncli.reports.explanation", "explain")
        draw = Later("rnncli.reports.unrolled", "draw")
        compare = Later("rnncli.reports.comparison", "compare")
        forward = Later("rnncli.library.runs", "forward")
        reach = Later("rnncli.library.runs", "reach")
        export = Later("rnncli.library.exports", "export")
        page = Later("rnncli.library.pages", "page")

    def summary(self) -> Result:
        """Return what every layer returns, owns and costs."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Return its summary, as a notebook shows it."""
        return self.summary()._repr_html_()

    def _repr_markdown_(self) -> str:
        """Return the same for what shows Markdown."""
        return self.summary()._repr_markdown_()


def _shown() -> Any:
    """Return the module that shows results. It stands floors above, and is imported when one is looked at."""
    return import_module("rnncli.render.results")
