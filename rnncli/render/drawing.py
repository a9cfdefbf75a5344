"""A network unrolled in time, drawn with characters: time to the right, layers upward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.characters import ascii_form
from rnncli.network import Network
from rnncli.quantities import Shape, shape_text
from rnncli.render.console import drawing_width
from rnncli.render.drawing_legend import REVERSED, legend
from rnncli.render.layout import hanging, marked, print_hanging
from rnncli.render.step_columns import (
    BACKWARD_LEAVES,
    BACKWARD_START,
    BOX,
    DOTS,
    LEAVES,
    START,
    StepColumns,
    arrow,
    fitting_columns,
    last_states,
    step_names,
)
from rnncli.reports.unrolled import Given, Steps, Unrolled, UnrolledLayer, unroll

_NAME, _QUIET = "bold", "dim"

_LETTERS: Mapping[Given, str] = {"steps": "x", "windows": "w"}
"""What the vectors are called that are given at each step."""


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


class _Label(NamedTuple):
    """What is called what at the left of a drawing: its name in one or two lines, and its spec."""

    names: tuple[str, ...]
    spec: str = ""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The lines beside the drawing, each with its style."""
        return [*((name, _NAME) for name in self.names), *([(self.spec, "")] if self.spec else [])]


def print_drawing(console: Console, network: Network, batch: int | None = None, timesteps: int | None = None) -> None:
    """Print a network unrolled in time, no wider than the console.

    Raises:
        SpecError: `timesteps` contradicts the spec.
    """
    parts = unroll(network, batch, timesteps)
    width = drawing_width(console)
    print_hanging(console, marked(str(network), network.origin))
    for part in reversed(parts):
        console.print()
        for line in draw(part, width, console.options.ascii_only):
            console.print(line, soft_wrap=True)
    last = [name for part in parts for name in _last_states(part, _columns(part, width, console.options.ascii_only))]
    for number, note in enumerate(legend(parts, network.head, list(dict.fromkeys(last)))):
        if number == 0:
            console.print()
        for line in hanging(console, Text(note, style=_QUIET), width=width):
            console.print(line, soft_wrap=True)


def draw(unrolled: Unrolled, width: int, ascii_only: bool = False) -> list[Text]:
    """Return the lines of a drawing, none of them wider than `width`.

    Args:
        unrolled: the network, or the part of it that shares an axis of time.
        width: the widest that a line may be.
        ascii_only: whether to use ASCII characters alone.
    """
    labels = [_label(layer, _ellipsis(ascii_only)) for layer in unrolled.layers]
    output, source = _ends(unrolled)
    columns = _columns(unrolled, width, ascii_only)
    lines = _output(columns, unrolled, width)
    lines = [*_captions(columns, output, width), *_labelled(columns, output, lines, first=len(lines) - 1)]
    for layer, label in zip(reversed(unrolled.layers), reversed(labels), strict=True):
        handed_on = None if layer is unrolled.layers[-1] else layer.output_shape
        lines += _captions(columns, label, width, REVERSED if layer.reversed_time else "")
        lines += _arrows(columns, layer.returns, layer.reversed_time, handed_on, width)
        if layer.merge_mode is not None:
            lines.append(_Line(_merge(columns, layer, layer.merge_mode)))
        if layer.joins is not None:
            lines.append(_Line(_join(columns, layer.joins)))
        lines += _labelled(columns, label, [_Line(pieces) for pieces in _boxes(columns, layer)])
    lines += _captions(columns, source, width)
    lines += _arrows(columns, "all", False, None, width)
    lines += _labelled(columns, source, _input(columns, unrolled, width))
    return [_text(line, width, ascii_only) for line in lines]


def _ends(unrolled: Unrolled) -> tuple[_Label, _Label]:
    """Return the labels of what leaves a drawing and of what enters it."""
    between = "sequence" if unrolled.output_steps == "all" else "vector"
    output = _Label(("output" if unrolled.is_last else between,))
    return output, _Label(unrolled.source[:1], *unrolled.source[1:])


def _columns(unrolled: Unrolled, width: int, ascii_only: bool) -> StepColumns:
    """Return the columns of a drawing."""
    labels = (*(_label(layer, _ellipsis(ascii_only)) for layer in unrolled.layers), *_ends(unrolled))
    return fitting_columns(unrolled, [*(line for label in labels for line, _ in label.lines), REVERSED], width)


def _ellipsis(ascii_only: bool) -> str:
    return "..." if ascii_only else "…"


def _labelled(columns: StepColumns, label: _Label, lines: list[_Line], first: int = 0) -> list[_Line]:
    """Return lines with a label beside them, from the `first` down, if labels stand beside."""
    if not columns.label_width:
        return lines
    labels = [("", "")] * first + label.lines
    labels += [("", "")] * (len(lines) - len(labels))
    return [line._replace(label=text, label_style=style) for line, (text, style) in zip(lines, labels, strict=True)]


def _captions(columns: StepColumns, label: _Label, width: int, note: str = "") -> list[_Line]:
    """Return the lines of a label that stands above what it names, if labels do not stand beside."""
    if columns.label_width:
        return []
    caption = Text("  ".join([" ".join(label.names), *filter(None, (label.spec, note))]))
    return [_Line([], line.plain, _NAME) for line in hanging(Console(width=width), caption)]


def _output(columns: StepColumns, unrolled: Unrolled, width: int) -> list[_Line]:
    """Return the lines of what leaves: y, or y1 to yT, or the vector v for the part above; and its shape."""
    steps = unrolled.output_steps
    names = ["y" if unrolled.is_last else "v"] * columns.count
    if steps == "all":
        names = step_names(columns, "y", unrolled.timesteps, unrolled.output_reversed)
    return _with_shape(columns, _Line(_marks(columns, steps, names)), unrolled.output_shape, width)


def _input(columns: StepColumns, unrolled: Unrolled, width: int) -> list[_Line]:
    """Return the lines of what enters: x1 to xT, or the same vector at every step; its shape; the direction of time."""
    names = ["v"] * columns.count
    if unrolled.given != "vector":
        names = step_names(columns, _LETTERS[unrolled.given], unrolled.timesteps)
    line = _Line(_marks(columns, "all", names))
    start = columns.left(0)
    time = "time ".ljust(columns.centre(columns.count - 1) - start, "─") + "►"
    # Where the shape has a line of its own, it stands outside of the drawing: here, below the names of the steps.
    return [
        *reversed(_with_shape(columns, line, unrolled.input_shape, width)),
        _Line([_Piece(start, time, _QUIET)]),
    ]


def _arrows(columns: StepColumns, steps: Steps, reversed_time: bool, shape: Shape | None, width: int) -> list[_Line]:
    """Return the lines between two layers: an arrow for each vector handed on, and the shape that they make up."""
    line = _Line(_marks(columns, steps, ["▲"] * columns.count))
    lines = [line] if shape is None else _with_shape(columns, line, shape, width)
    return _labelled(columns, _Label((), REVERSED), lines, first=len(lines) - 1) if reversed_time else lines


def _with_shape(columns: StepColumns, line: _Line, shape: Shape, width: int) -> list[_Line]:
    """Return a line with a shape after its last piece or, where there is no room for it, on a line above."""
    text = shape_text(shape)
    end = line.pieces[-1].column + len(line.pieces[-1].text)
    if columns.shapes_beside:
        return [line._replace(pieces=[*line.pieces, _Piece(end + 1, text)])]
    column = max(0, min(end - (len(text) + 1) // 2, width - len(text)))
    return [_Line([_Piece(column, text)]), line]


def _merge(columns: StepColumns, layer: UnrolledLayer, mode: str) -> list[_Piece]:
    """Return the line that shows how the outputs of the two directions are merged.

    A layer that returns a sequence merges them at every step. One that returns a vector merges the last output of each
    direction, which stand at opposite ends: a line leads the second cell's to the first's.
    """
    if layer.returns == "all" or columns.count == 1:
        return _marks(columns, layer.returns, [mode] * columns.count)
    (step,) = columns.shown(layer.returns)
    merged = _Piece(columns.centred(step, mode), mode)
    merged_end, first, last = merged.column + len(mode), columns.centre(0), columns.centre(columns.count - 1)
    if layer.returns == "last":
        return [_Piece(first, f"┌{_line_to_merge(merged.column - first - 3)}► "), merged]
    return [merged, _Piece(merged_end, f" ◄{_line_to_merge(last - merged_end - 2)}┐")]


def _join(columns: StepColumns, how: str) -> list[_Piece]:
    """Return the line that shows how the outputs of all steps become one vector, at the last step."""
    last = columns.count - 1
    joined = _Piece(columns.centred(last, how), how)
    if columns.count == 1:
        return [joined]
    line = [*"─" * (joined.column - columns.centre(0) - 2), "►", " "]
    for step in range(last):
        line[columns.centre(step) - columns.centre(0)] = "┬" if step else "┌"
    if columns.skips:
        start = columns.dots - columns.centre(0)
        line[start - 1 : start + len(DOTS) + 1] = f" {DOTS} "
    return [_Piece(columns.centre(0), "".join(line)), joined]


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
    if layer.joins is not None:
        outlets = {*steps}
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
            line.append(_Piece(columns.left(step) + 1, kind.center(BOX - 2)))
            line.append(_Piece(columns.right(step) - 1, "│"))
        lines.append(sorted(line))
    lines.append([_Piece(columns.left(step), f"└{plain}┘") for step in steps])
    return lines


def _carried(columns: StepColumns, backwards: bool, states: Sequence[str]) -> list[_Piece]:
    """Return the arrows of the states that a cell carries, from the zero it starts with to those that leave it."""
    carried = arrow(states, columns.gap, backwards)
    line = [_Piece(columns.right(step), carried) for step in range(columns.count - 1)]
    if columns.skips:
        line.append(_Piece(columns.dots + len(DOTS) + 1, arrow((), backwards=backwards)))
    first, last = columns.left(0), columns.right(columns.count - 1)
    if backwards:
        line.append(_Piece(last, BACKWARD_START))
    else:
        line.append(_Piece(first - len(START), START))
    if columns.ends is not None:
        names = ",".join(last_states(states, columns.ends, backwards))
        leaving = f"{names}{BACKWARD_LEAVES}" if backwards else f"{LEAVES}{names}"
        line.append(_Piece(first - len(leaving) if backwards else last, leaving))
    return line + _dots(columns, "all")


def _dots(columns: StepColumns, steps: Steps) -> list[_Piece]:
    """Return the dots that stand for the steps left out, where steps are."""
    return [_Piece(columns.dots, DOTS)] if columns.skips and steps == "all" else []


def _marks(columns: StepColumns, steps: Steps, texts: Sequence[str], style: str = "") -> list[_Piece]:
    """Return a text at each of the steps shown, and dots for those left out."""
    marks = [_Piece(columns.centred(step, texts[step]), texts[step], style) for step in columns.shown(steps)]
    return sorted(marks + _dots(columns, steps))


def _label(layer: UnrolledLayer, ellipsis: str) -> _Label:
    """Return the label of a layer: its name, or the first and the last name of a run; and its spec."""
    first, *others = layer.names
    return _Label((first, f"{ellipsis} {others[-1]}") if others else (first,), layer.spec + _times(layer))


def _times(layer: UnrolledLayer) -> str:
    """Return how many layers a run has, ` × 38`; nothing for one layer."""
    return f" × {len(layer.names)}" if len(layer.names) > 1 else ""


def _last_states(unrolled: Unrolled, columns: StepColumns) -> Iterator[str]:
    """Yield the names of the last states that are drawn."""
    if columns.ends is not None:
        for layer in unrolled.layers:
            for backwards in layer.backwards:
                yield from last_states(layer.states, columns.ends, backwards)


def _text(line: _Line, width: int, ascii_only: bool) -> Text:
    """Return a line as text: in ASCII where that is asked for, cut at `width`."""
    text = Text(no_wrap=True)
    for column, characters, style in (_Piece(0, line.label, line.label_style), *line.pieces):
        text.append(" " * (column - len(text)))
        text.append(ascii_form(characters) if ascii_only else characters, style)
    text.highlight_words(["None"], style="dim")
    text.truncate(width)
    text.rstrip()
    return text
