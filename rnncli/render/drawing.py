"""A network unrolled in time, drawn with characters: time to the right, layers upward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.network import Network
from rnncli.quantities import Shape, shape_text
from rnncli.render.console import drawing_width
from rnncli.render.step_columns import (
    BACKWARD_START,
    BOX,
    DOTS,
    START,
    StepColumns,
    arrow,
    fitting_columns,
    step_names,
)
from rnncli.reports.unrolled import Steps, Unrolled, UnrolledLayer, unroll

_TO_ASCII = str.maketrans("─│┌┐└┘├┤┴►◄▲·×", "-|+++++++><^.x")
_REVERSED = "reversed time"

_NAME, _CELL, _STATE, _SHAPE, _QUIET = "bold", "cyan", "yellow", "green", "dim"


class _Piece(NamedTuple):
    """Characters on a line, and the column where they start."""

    column: int
    text: str
    style: str = ""


class _Line(NamedTuple):
    """A label at the left, and pieces in the order of their columns."""

    pieces: list[_Piece]
    label: str = ""
    label_style: str = ""


def print_drawing(console: Console, network: Network, batch: int | None = None, timesteps: int | None = None) -> None:
    """Print a network unrolled in time, no wider than the console.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    unrolled = unroll(network, batch, timesteps)
    width = drawing_width(console)
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
        width: the widest that a line may be.
        ascii_only: whether to use ASCII characters alone.
    """
    ellipsis = "..." if ascii_only else "…"
    input_label = f"input {unrolled.input_dtype}"
    layer_names = [_names(layer, ellipsis) for layer in unrolled.layers]
    names = ["output", input_label, _REVERSED, *(name for each in layer_names for name in each)]
    specs = [layer.spec + _times(layer) for layer in unrolled.layers]
    columns = fitting_columns(unrolled, names + specs, names, width)

    lines = _output(columns, unrolled, width)
    for layer, name_lines in zip(reversed(unrolled.layers), reversed(layer_names), strict=True):
        handed_on = None if layer is unrolled.layers[-1] else layer.output_shape
        lines += _arrows(columns, layer.returns, layer.reversed_time, handed_on, width)
        if layer.merge_mode is not None:
            lines.append(_Line(_merge(columns, layer, layer.merge_mode)))
        times = _times(layer)
        labels = [(text, _NAME) for text in name_lines]
        labels.append((_shortened(layer.spec, columns.label_width - len(times), ellipsis) + times, ""))
        boxes = _boxes(columns, layer)
        labels += [("", "")] * (len(boxes) - len(labels))
        lines += [_Line(pieces, *label) for pieces, label in zip(boxes, labels, strict=True)]
    lines += _arrows(columns, "all", False, None, width)
    lines += _input(columns, unrolled, input_label, width)
    return [_text(line, columns, width, ellipsis, ascii_only) for line in lines]


def _output(columns: StepColumns, unrolled: Unrolled, width: int) -> list[_Line]:
    """Return the lines of what leaves the network: y, or y1 to yT, and its shape."""
    steps = unrolled.output_steps
    names = ["y"] * columns.count
    if steps == "all":
        names = step_names(columns, "y", unrolled.timesteps, unrolled.output_reversed)
    line = _Line(_marks(columns, steps, names), "output", _NAME)
    return _with_shape(columns, line, unrolled.output_shape, width)


def _input(columns: StepColumns, unrolled: Unrolled, label: str, width: int) -> list[_Line]:
    """Return the lines of what enters the network: x1 to xT, its shape and the direction of time."""
    line = _Line(_marks(columns, "all", step_names(columns, "x", unrolled.timesteps)), label, _NAME)
    start = columns.left(0)
    time = "time ".ljust(columns.centre(columns.count - 1) - start, "─") + "►"
    # Where the shape has a line of its own, it stands outside of the drawing: here, below the names of the steps.
    return [
        *reversed(_with_shape(columns, line, unrolled.input_shape, width)),
        _Line([_Piece(start, time, _QUIET)]),
    ]


def _arrows(columns: StepColumns, steps: Steps, reversed_time: bool, shape: Shape | None, width: int) -> list[_Line]:
    """Return the lines between two layers: an arrow for each vector handed on, and the shape that they make up."""
    line = _Line(_marks(columns, steps, ["▲"] * columns.count), _REVERSED if reversed_time else "", _QUIET)
    return [line] if shape is None else _with_shape(columns, line, shape, width)


def _with_shape(columns: StepColumns, line: _Line, shape: Shape, width: int) -> list[_Line]:
    """Return a line with a shape after its last piece or, where there is no room for it, on a line above."""
    text = shape_text(shape)
    end = line.pieces[-1].column + len(line.pieces[-1].text)
    if columns.shapes_beside:
        return [line._replace(pieces=[*line.pieces, _Piece(end + 1, text, _SHAPE)])]
    column = max(0, min(end - (len(text) + 1) // 2, width - len(text)))
    return [_Line([_Piece(column, text, _SHAPE)]), line]


def _merge(columns: StepColumns, layer: UnrolledLayer, mode: str) -> list[_Piece]:
    """Return the line that shows how the outputs of the two directions are merged.

    A layer that returns a sequence merges them at every step. One that returns a vector merges the last output of each
    direction, which stand at opposite ends: a line leads the second cell's to the first's.
    """
    if layer.returns == "all" or columns.count == 1:
        return _marks(columns, layer.returns, [mode] * columns.count, _CELL)
    (step,) = columns.shown(layer.returns)
    merged = _Piece(columns.centred(step, mode), mode, _CELL)
    merged_end, first, last = merged.column + len(mode), columns.centre(0), columns.centre(columns.count - 1)
    if layer.returns == "last":
        return [_Piece(first, f"┌{_line_to_merge(merged.column - first - 3)}► "), merged]
    return [merged, _Piece(merged_end, f" ◄{_line_to_merge(last - merged_end - 2)}┐")]


def _line_to_merge(length: int) -> str:
    """Return the line from the second cell's last output to the merge, with the longest name that fits."""
    names = (" backward's last ", " backward ", "")
    return next(name for name in names if len(name) <= max(0, length)).center(length, "─")


def _boxes(columns: StepColumns, layer: UnrolledLayer) -> list[list[_Piece]]:
    """Return the lines of a layer: a box for each step, split in two for two cells, and the states between them."""
    steps = columns.shown(layer.reads)
    outlets = {*columns.shown(layer.returns)}
    if layer.merge_mode is not None and layer.returns != "all":
        outlets = {0, columns.count - 1}
    plain = "─" * (BOX - 2)
    outlet = "┴".center(BOX - 2, "─")
    kind = layer.kind if len(layer.kind) <= BOX - 2 else layer.kind[: BOX - 3]

    lines = [[_Piece(columns.left(step), f"┌{outlet if step in outlets else plain}┐") for step in steps]]
    for backwards in layer.backwards or (None,):
        if len(lines) > 1:
            lines.append([_Piece(columns.left(step), f"├{plain}┤") for step in steps])
        line = _carried(columns, backwards, layer.states) if backwards is not None else _dots(columns, layer.reads)
        for step in steps:
            line.append(_Piece(columns.left(step), "│"))
            line.append(_Piece(columns.left(step) + 1, kind.center(BOX - 2), _CELL))
            line.append(_Piece(columns.right(step) - 1, "│"))
        lines.append(sorted(line))
    lines.append([_Piece(columns.left(step), f"└{plain}┘") for step in steps])
    return lines


def _carried(columns: StepColumns, backwards: bool, states: Sequence[str]) -> list[_Piece]:
    """Return the arrows of the states that a cell carries from box to box, from the zero it starts with."""
    carried = arrow(states, columns.gap, backwards)
    line = [_Piece(columns.right(step), carried, _STATE) for step in range(columns.count - 1)]
    if columns.skips:
        line.append(_Piece(columns.dots + len(DOTS) + 1, arrow((), backwards=backwards), _STATE))
    if backwards:
        line.append(_Piece(columns.right(columns.count - 1), BACKWARD_START, _STATE))
    else:
        line.append(_Piece(columns.left(0) - len(START), START, _STATE))
    return line + _dots(columns, "all")


def _dots(columns: StepColumns, steps: Steps) -> list[_Piece]:
    """Return the dots that stand for the steps left out, where steps are."""
    return [_Piece(columns.dots, DOTS)] if columns.skips and steps == "all" else []


def _marks(columns: StepColumns, steps: Steps, texts: Sequence[str], style: str = "") -> list[_Piece]:
    """Return a text at each of the steps shown, and dots for those left out."""
    marks = [_Piece(columns.centred(step, texts[step]), texts[step], style) for step in columns.shown(steps)]
    return sorted(marks + _dots(columns, steps))


def _names(layer: UnrolledLayer, ellipsis: str) -> list[str]:
    """Return the lines that name a layer: its name, or the first and the last name of a run."""
    first, *others = layer.names
    return [first, f"{ellipsis} {others[-1]}"] if others else [first]


def _times(layer: UnrolledLayer) -> str:
    """Return how many layers a run has, ` × 38`; nothing for one layer."""
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


def _text(line: _Line, columns: StepColumns, width: int, ellipsis: str, ascii_only: bool) -> Text:
    """Return a line as text: its label shortened, in ASCII where that is asked for, cut at `width`."""
    text = Text(no_wrap=True)
    label = _Piece(0, _shortened(line.label, columns.label_width, ellipsis), line.label_style)
    for column, characters, style in (label, *line.pieces):
        text.append(" " * (column - len(text)))
        text.append(characters.translate(_TO_ASCII) if ascii_only else characters, style)
    text.highlight_words(["None"], style="cyan")
    text.truncate(width)
    text.rstrip()
    return text
