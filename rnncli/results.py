"""`Result`: the result of a command or function, which displays itself in the same way as the command."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from os import PathLike
from types import MethodType
from typing import TYPE_CHECKING, Any

from rnncli.errors import one_line

if TYPE_CHECKING:
    from rnncli.atomic import WrittenFile
    from rnncli.library.exports import export as _export
    from rnncli.library.pages import page as _page
    from rnncli.library.runs import forward as _forward
    from rnncli.library.runs import reach as _reach
    from rnncli.reports.comparison import compare as _compare
    from rnncli.reports.explanation import explain as _explain
    from rnncli.reports.unrolled import draw as _draw


class Result:
    """The result of a command.

    `print` shows it as the command does on a screen, notebooks show tables and drawings, and data frames accept its
    rows: `pandas.DataFrame(result.rows())`. Rich, which draws the tables, is imported when a result is first shown.
    """

    @property
    def title(self) -> str:
        """Its subject in one line: a spec, or several."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {one_line(self.title)}>"

    def __str__(self) -> str:
        """Return the command's output, with the terminal's width, or its natural width if there is no terminal."""
        return str(rendering("blocks").plain_text(rendering("results").page_of(self)))

    def to(self, format: str) -> str:
        """Return the command's output with `--format`.

        Args:
            format: table, json, csv, tsv, markdown or html.

        Raises:
            ArgumentError: there is no such format, or the result cannot be written in it.
        """
        return str(rendering("results").written(self, format))

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that `--format csv` prints, each as a dict by column, with numbers and shapes.

            >>> from rnncli import Network
            >>> rows = Network.parse("embed:10x4,rnn:3").summary().rows()
            >>> [(row["name"], row["output_shape"], row["params"]) for row in rows]
            [('embedding', (None, None, 4), 40), ('simple_rnn', (None, 3), 24)]

        Raises:
            ArgumentError: the result has no rows: a drawing, source.
        """
        return list(rendering("results").rows(self))

    def save_svg(self, path: str | PathLike[str], theme: str = "dark") -> WrittenFile:
        """Save a picture of the command's output, completely or not at all.

        Args:
            path: the file.
            theme: the background that the picture is for: dark or light.

        Raises:
            ArgumentError: an argument is not allowed.
            RnncliError: the file cannot be written.
        """
        written: WrittenFile = rendering("results").save_svg(self, path, theme)
        return written

    def _repr_html_(self) -> str:
        """Return the HTML for a notebook: tables and drawings, in the page's colours."""
        return str(rendering("documents").part_of_page(self.title, rendering("results").page_of(self)))

    def _repr_markdown_(self) -> str:
        """Return the Markdown for programs that display it."""
        return self.to("markdown")


class _Later:
    """A method implemented by a function in a higher-level module, which is imported when the method is used.

    The first argument of the function is the instance.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(self._module), self._name)
        return function if instance is None else MethodType(function, instance)


class Commands:
    """The commands that apply to one network, as methods of classes that have one; it is their first argument."""

    if TYPE_CHECKING:
        explain = _explain
        draw = _draw
        compare = _compare
        forward = _forward
        reach = _reach
        export = _export
        page = _page
    else:
        explain = _Later("rnncli.reports.explanation", "explain")
        draw = _Later("rnncli.reports.unrolled", "draw")
        compare = _Later("rnncli.reports.comparison", "compare")
        forward = _Later("rnncli.library.runs", "forward")
        reach = _Later("rnncli.library.runs", "reach")
        export = _Later("rnncli.library.exports", "export")
        page = _Later("rnncli.library.pages", "page")

    summary: Callable[..., Result]

    def _repr_html_(self) -> str:
        """Return the HTML of its summary for a notebook."""
        return self.summary()._repr_html_()

    def _repr_markdown_(self) -> str:
        """Return the Markdown of its summary."""
        return self.summary()._repr_markdown_()


def rendering(module: str) -> Any:
    """Return a module of `rnncli.render`, which is a higher-level package, imported when a result is first shown."""
    return import_module(f"rnncli.render.{module}")
