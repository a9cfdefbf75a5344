"""A network unrolled in time, drawn with characters: time to the right, layers upward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.network import Network
from rnncli.quantities import Shape, shape_text
from rnncli.render.grid import BACKWARD_START, BOX, DOTS, START, Grid, arrow, fit, step_names
from rnncli.reports.unrolled import Steps, Unrolled, UnrolledLayer, unroll

_WIDEST_TERMINAL = 10_000
"""More columns are no terminal's: such an output gets a drawing of the usual width."""
_USUAL_WIDTH = 80

_ASCII = str.maketrans("─│┌┐└┘├┤┴►◄▲·×", "-|+++++++><^.x")
_REVERSED = "reversed time"

_NAME, _CELL, _STATE, _SHAPE, _QUIET = "bold", "cyan", "yellow", "green", "dim"


class _Piece(NamedTuple):
    """Characters on a line, and the column of the first."""

    column: int
    text: str
    style: str = ""


class _Line(NamedTuple):
    """A label at the left, and pieces in the order of their columns."""

    pieces: list[_Piece]
    label: str = ""
    label_style: str = ""


def print_drawing(console: Console, network: Network, batch: int | None = None, timesteps: int | None = None) -> None:
    """Print a network unrolled in time, as wide as the console or, where that has no end, as a usual terminal.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    unrolled = unroll(network, batch, timesteps)
    width = console.width if console.width <= _WIDEST_TERMINAL else _USUAL_WIDTH
    console.print(Text(str(network), style="bold"), soft_wrap=True)
    console.print()
    for line in draw(unrolled, width, console.options.ascii_only):
        console.print(line, soft_wrap=True)
    notes = [line for note in _notes(unrolled) for line in wrap(note, width)]
    for note in ["", *notes] if notes else []:
        console.print(Text(note, style=_QUIET), soft_wrap=True)


def draw(unrolled: Unrolled, width: int, ascii_only: bool = False) -> list[Text]:
    """Return the lines of a drawing, none of them wider than `width`.

    Args:
        unrolled: the network.
        width: the columns there are.
        ascii_only: whether to use ASCII characters alone.
    """
    ellipsis = "..." if ascii_only else "…"
    head = f"input {unrolled.input_dtype}"
    names = [_names(layer, ellipsis) for layer in unrolled.layers]
    kept = ["output", head, _REVERSED, *(name for each in names for name in each)]
    grid = fit(unrolled, kept + [layer.spec + _times(layer) for layer in unrolled.layers], kept, width)

    lines = _output(grid, unrolled, width)
    for layer, name in zip(reversed(unrolled.layers), reversed(names), strict=True):
        handed_on = None if layer is unrolled.layers[-1] else layer.output_shape
        lines += _arrows(grid, layer.returns, layer.reversed_time, handed_on, width)
        if layer.merge_mode is not None:
            lines.append(_Line(_merge(grid, layer, layer.merge_mode)))
        times = _times(layer)
        labels = [(text, _NAME) for text in name]
        labels.append((_shortened(layer.spec, grid.labels - len(times), ellipsis) + times, ""))
        boxes = _boxes(grid, layer)
        labels += [("", "")] * (len(boxes) - len(labels))
        lines += [_Line(pieces, *label) for pieces, label in zip(boxes, labels, strict=True)]
    lines += _arrows(grid, "all", False, None, width)
    lines += _input(grid, unrolled, head, width)
    return [_text(line, grid, width, ellipsis, ascii_only) for line in lines]


def _output(grid: Grid, unrolled: Unrolled, width: int) -> list[_Line]:
    """Return the lines of what leaves the network: y, or y1 to yT, and its shape."""
    steps = unrolled.output_steps
    names = ["y"] * grid.count
    if steps == "all":
        names = step_names(grid, "y", unrolled.timesteps, unrolled.output_reversed)
    line = _Line(_marks(grid, steps, names), "output", _NAME)
    return _with_shape(grid, line, unrolled.output_shape, width)


def _input(grid: Grid, unrolled: Unrolled, head: str, width: int) -> list[_Line]:
    """Return the lines of what enters the network: x1 to xT, its shape and the direction of time."""
    line = _Line(_marks(grid, "all", step_names(grid, "x", unrolled.timesteps)), head, _NAME)
    start = grid.left(0)
    time = "time ".ljust(grid.centre(grid.count - 1) - start, "─") + "►"
    # A shape that has its own line stands on the outer side of the steps, which is here below them.
    return [
        *reversed(_with_shape(grid, line, unrolled.input_shape, width)),
        _Line([_Piece(start, time, _QUIET)]),
    ]


def _arrows(grid: Grid, steps: Steps, reversed_time: bool, shape: Shape | None, width: int) -> list[_Line]:
    """Return the lines between two layers: an arrow for each vector handed on, and the shape of all of them."""
    line = _Line(_marks(grid, steps, ["▲"] * grid.count), _REVERSED if reversed_time else "", _QUIET)
    return [line] if shape is None else _with_shape(grid, line, shape, width)


def _with_shape(grid: Grid, line: _Line, shape: Shape, width: int) -> list[_Line]:
    """Return a line with a shape behind its last piece, or on a line above where there is no room for it."""
    text = shape_text(shape)
    end = line.pieces[-1].column + len(line.pieces[-1].text)
    if grid.shapes_beside:
        return [line._replace(pieces=[*line.pieces, _Piece(end + 1, text, _SHAPE)])]
    column = max(0, min(end - (len(text) + 1) // 2, width - len(text)))
    return [_Line([_Piece(column, text, _SHAPE)]), line]


def _merge(grid: Grid, layer: UnrolledLayer, mode: str) -> list[_Piece]:
    """Return the line where the outputs of two directions become one.

    Those of a sequence do at every step. The last outputs do not stand at the same step: that of the second cell, which
    reads the other way, is led to that of the first.
    """
    if layer.returns == "all" or grid.count == 1:
        return _marks(grid, layer.returns, [mode] * grid.count, _CELL)
    (step,) = grid.shown(layer.returns)
    merged = _Piece(grid.start(step, mode), mode, _CELL)
    behind, first, last = merged.column + len(mode), grid.centre(0), grid.centre(grid.count - 1)
    if layer.returns == "last":
        return [_Piece(first, f"┌{_bar(merged.column - first - 3)}► "), merged]
    return [merged, _Piece(behind, f" ◄{_bar(last - behind - 2)}┐")]


def _bar(length: int) -> str:
    """Return the line that leads the last output of the second cell to the merge, named as far as there is room."""
    names = (" backward's last ", " backward ", "")
    return next(name for name in names if len(name) <= max(0, length)).center(length, "─")


def _boxes(grid: Grid, layer: UnrolledLayer) -> list[list[_Piece]]:
    """Return the lines of a layer's boxes, one for each step and cell, and of the states between them."""
    steps = grid.shown(layer.reads)
    outlets = {*grid.shown(layer.returns)}
    if layer.merge_mode is not None and layer.returns != "all":
        outlets = {0, grid.count - 1}
    plain = "─" * (BOX - 2)
    outlet = "┴".center(BOX - 2, "─")
    kind = layer.kind if len(layer.kind) <= BOX - 2 else layer.kind[: BOX - 3]

    lines = [[_Piece(grid.left(step), f"┌{outlet if step in outlets else plain}┐") for step in steps]]
    for backwards in layer.backwards or (None,):
        if len(lines) > 1:
            lines.append([_Piece(grid.left(step), f"├{plain}┤") for step in steps])
        line = _carried(grid, backwards, layer.states) if backwards is not None else _skipped(grid, layer.reads)
        for step in steps:
            line.append(_Piece(grid.left(step), "│"))
            line.append(_Piece(grid.left(step) + 1, kind.center(BOX - 2), _CELL))
            line.append(_Piece(grid.right(step) - 1, "│"))
        lines.append(sorted(line))
    lines.append([_Piece(grid.left(step), f"└{plain}┘") for step in steps])
    return lines


def _carried(grid: Grid, backwards: bool, states: Sequence[str]) -> list[_Piece]:
    """Return what a cell carries between its boxes, from the zero that it starts with."""
    carried = arrow(states, grid.gap, backwards)
    line = [_Piece(grid.right(step), carried, _STATE) for step in range(grid.count - 1)]
    if grid.skips:
        line.append(_Piece(grid.ellipsis + len(DOTS) + 1, arrow((), backwards=backwards), _STATE))
    if backwards:
        line.append(_Piece(grid.right(grid.count - 1), BACKWARD_START, _STATE))
    else:
        line.append(_Piece(grid.left(0) - len(START), START, _STATE))
    return line + _skipped(grid, "all")


def _skipped(grid: Grid, steps: Steps) -> list[_Piece]:
    """Return the dots for the steps that are left out, if there are any."""
    return [_Piece(grid.ellipsis, DOTS)] if grid.skips and steps == "all" else []


def _marks(grid: Grid, steps: Steps, texts: Sequence[str], style: str = "") -> list[_Piece]:
    """Return a text at each of the steps shown, and dots for those left out."""
    marks = [_Piece(grid.start(step, texts[step]), texts[step], style) for step in grid.shown(steps)]
    return sorted(marks + _skipped(grid, steps))


def _names(layer: UnrolledLayer, ellipsis: str) -> list[str]:
    """Return the name of a layer, or the first and the last of a run."""
    first, *others = layer.names
    return [first, f"{ellipsis} {others[-1]}"] if others else [first]


def _times(layer: UnrolledLayer) -> str:
    """Return how many layers a run is."""
    return f" × {len(layer.names)}" if len(layer.names) > 1 else ""


def _notes(unrolled: Unrolled) -> Iterator[str]:
    """Yield what the letters and words of a drawing mean."""
    states = unrolled.states
    if states:
        noun = "state" if len(states) == 1 else "states"
        yield f"{', '.join(states)}: the {noun} carried from step to step, 0 at the start of every sample"
        if unrolled.masked:
            yield f"mask: a step whose id is 0 leaves the {noun} as before"
    if any(layer.reversed_time for layer in unrolled.layers):
        yield f"{_REVERSED}: the last step comes first, as Keras's go_backwards returns it"


def _shortened(text: str, width: int, ellipsis: str) -> str:
    return text if len(text) <= width else text[: max(0, width - len(ellipsis))] + ellipsis


def _text(line: _Line, grid: Grid, width: int, ellipsis: str, ascii_only: bool) -> Text:
    """Return a line as text, its label shortened, in the characters of the terminal and cut at `width`."""
    text = Text(no_wrap=True)
    label = _Piece(0, _shortened(line.label, grid.labels, ellipsis), line.label_style)
    for column, characters, style in (label, *line.pieces):
        text.append(" " * (column - len(text)))
        text.append(characters.translate(_ASCII) if ascii_only else characters, style)
    text.highlight_words(["None"], style="cyan")
    text.truncate(width)
    text.rstrip()
    return text
