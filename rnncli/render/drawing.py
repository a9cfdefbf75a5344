"""A network unrolled in time, drawn with characters: time to the right, layers upward."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from rnncli.errors import listed
from rnncli.layers import KINDS, Head
from rnncli.layers.words import fields_in_both, in_both
from rnncli.quantities import Shape, shape_text
from rnncli.render.blocks import Block, Drawn, Gap, Line, hanging, marked
from rnncli.render.console import drawing_width
from rnncli.render.step_columns import (
    BACKWARD_LEAVES,
    BACKWARD_START,
    DOTS,
    LEAVES,
    START,
    StepColumns,
    arrow,
    box_width,
    columns_from_widest,
    last_states,
    shown_kind,
    step_names,
    window_names,
)
from rnncli.reports.unrolled import Drawing, Steps, Unrolled, UnrolledLayer

_QUIET = "dim"

_REVERSED = "reversed time"
"""What stands beside a sequence that starts with the last step."""


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

    @property
    def width(self) -> int:
        """Where the last piece ends."""
        return max((piece.column + len(piece.text) for piece in self.pieces), default=0)


class _Label(NamedTuple):
    """What is called what at the left of a drawing: its name in one or two lines, and its spec."""

    names: tuple[str, ...]
    spec: str = ""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The lines beside the drawing, each with its style."""
        return [*((name, "heading") for name in self.names), *([(self.spec, "")] if self.spec else [])]


def drawing_page(drawing: Drawing) -> Iterator[Block]:
    """Yield a network unrolled in time, no wider than the console, and what its letters and words mean."""
    yield Line(marked(str(drawing.network), drawing.network.origin))
    for part in reversed(drawing.parts):
        yield Gap()
        yield Drawn(partial(_drawn, part))
    yield Drawn(partial(_legend, drawing.network.head, drawing.parts), words=True)


def _drawn(part: Unrolled, console: Console) -> list[Text]:
    return draw(part, drawing_width(console))


def draw(unrolled: Unrolled, width: int) -> list[Text]:
    """Return the lines of a drawing, none of them wider than `width`.

    Args:
        unrolled: the network, or the part of it that shares an axis of time.
        width: the widest that a line may be, in ASCII, too.
    """
    columns = _fitting(unrolled, width)
    return [_text(line, width) for line in _lines(unrolled, columns, width)]


def _fitting(unrolled: Unrolled, width: int) -> StepColumns:
    """Return the columns that show the most within a width or, where none fit, the narrowest."""
    output, source = _ends(unrolled)
    labels = [output, source, *(_label(layer) for layer in unrolled.layers)]
    label_width = max(len(text) for text in [_REVERSED, *(text for label in labels for text, _ in label.lines)])
    distinct = {layer._replace(names=layer.names[:1]): None for layer in unrolled.layers}
    least = replace(unrolled, layers=(*distinct,)) if len(distinct) < len(unrolled.layers) else unrolled
    for columns in columns_from_widest(unrolled, label_width):
        if all(line.width <= width for line in _lines(least, columns, width)):
            break
    return columns


def _lines(unrolled: Unrolled, columns: StepColumns, width: int) -> Iterator[_Line]:
    """Yield the lines of a drawing, from the output down to the axis of time."""
    output, source = _ends(unrolled)
    lines = _output(columns, unrolled, width)
    yield from _captions(columns, output, width)
    yield from _labelled(columns, output, lines, first=len(lines) - 1)
    for layer in reversed(unrolled.layers):
        label = _label(layer)
        handed_on = None if layer is unrolled.layers[-1] else layer.output_shape
        yield from _captions(columns, label, width, _REVERSED if layer.reversed_time else "")
        yield from _arrows(columns, layer.returns, layer.reversed_time, handed_on, width)
        if layer.merge_mode is not None:
            yield _Line(_merge(columns, layer, layer.merge_mode))
        if layer.joins is not None:
            yield _Line(_join(columns, layer.joins))
        yield from _labelled(columns, label, [_Line(pieces) for pieces in _boxes(columns, layer)])
    yield from _captions(columns, source, width)
    names = _entering(columns, unrolled)
    yield _Line(_marks(columns, "all", ["▲"] * columns.count if unrolled.windows is None else [*map(_each_up, names)]))
    yield from _labelled(columns, source, _input(columns, unrolled, names, width))


def _ends(unrolled: Unrolled) -> tuple[_Label, _Label]:
    """Return the labels of what leaves a drawing and of what enters it."""
    between = "sequence" if unrolled.output_steps == "all" else "vector"
    output = _Label(("output" if unrolled.is_last else between,))
    return output, _Label(unrolled.source[:1], *unrolled.source[1:])


def _label(layer: UnrolledLayer) -> _Label:
    """Return the label of a layer: its name, or the first and the last name of a run; and its spec."""
    first, *others = layer.names
    times = f" × {len(layer.names)}" if others else ""
    return _Label((first, f"{DOTS} {others[-1]}") if others else (first,), layer.spec + times)


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
    return [_Line([], line.plain, "heading") for line in hanging(Console(width=width), caption)]


def _output(columns: StepColumns, unrolled: Unrolled, width: int) -> list[_Line]:
    """Return the lines of what leaves: y, or y1 to yT, or the vector v for the part above; and its shape."""
    steps = unrolled.output_steps
    names = ["y" if unrolled.is_last else "v"] * columns.count
    if steps == "all":
        names = step_names(columns, "y", unrolled.timesteps, unrolled.output_reversed)
    return _with_shape(columns, _Line(_marks(columns, steps, names)), unrolled.output_shape, width)


def _entering(columns: StepColumns, unrolled: Unrolled) -> list[str]:
    """Return what each of the steps shown reads: x1 to xT, the same vector v, or all the steps of a window."""
    if unrolled.windows is not None:
        return window_names(columns, unrolled.windows, unrolled.timesteps)
    return ["v"] * columns.count if unrolled.given == "vector" else step_names(columns, "x", unrolled.timesteps)


def _each_up(names: str) -> str:
    """Return an arrow above each of the names that a window reads, and above what stands for others."""
    return re.sub(r"\S+", lambda name: "▲".ljust(len(name[0])), names)


def _input(columns: StepColumns, unrolled: Unrolled, names: Sequence[str], width: int) -> list[_Line]:
    """Return the lines of what enters: its names; its shape; the direction of time."""
    line = _Line(_marks(columns, "all", names))
    start = columns.left(0)
    reversed_time = unrolled.windows is not None and unrolled.windows.over == "reversed"
    time = f"{_REVERSED if reversed_time else 'time'} ".ljust(columns.centre(columns.count - 1) - start, "─") + "►"
    # Where the shape has a line of its own, it stands outside of the drawing: here, below the names of the steps.
    return [
        *reversed(_with_shape(columns, line, unrolled.input_shape, width)),
        _Line([_Piece(start, time, _QUIET)]),
    ]


def _arrows(columns: StepColumns, steps: Steps, reversed_time: bool, shape: Shape | None, width: int) -> list[_Line]:
    """Return the lines between two layers: an arrow for each vector handed on, and the shape that they make up."""
    line = _Line(_marks(columns, steps, ["▲"] * columns.count))
    lines = [line] if shape is None else _with_shape(columns, line, shape, width)
    return _labelled(columns, _Label((), _REVERSED), lines, first=len(lines) - 1) if reversed_time else lines


def _with_shape(columns: StepColumns, line: _Line, shape: Shape, width: int) -> list[_Line]:
    """Return a line with a shape after its last piece or, where there is no room for it, on a line above."""
    text = shape_text(shape)
    if columns.shapes_beside:
        return [line._replace(pieces=[*line.pieces, _Piece(line.width + 1, text)])]
    column = max(0, min(line.width - (len(text) + 1) // 2, width - len(text)))
    return [_Line([_Piece(column, text[:width])]), line]


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


def _line_to_merge(length: int) -> str:
    """Return the line from the second cell's last output to the merge, with the longest name that fits."""
    names = (" backward's last ", " backward ", "")
    return next(name for name in names if len(name) <= max(0, length)).center(length, "─")


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


def _boxes(columns: StepColumns, layer: UnrolledLayer) -> list[list[_Piece]]:
    """Return the lines of a layer: a box for each step, split in two for two cells, and the states between them."""
    steps = columns.shown(layer.reads)
    outlets = {*columns.shown(layer.returns)}
    if layer.merge_mode is not None and layer.returns != "all":
        outlets = {0, columns.count - 1}
    if layer.joins is not None:
        outlets = {*steps}
    kind = shown_kind(layer.kind)
    box = box_width(kind)
    inside = box - 2
    plain = "─" * inside
    outlet = "──┴".ljust(inside, "─")

    lines = [[_Piece(columns.left(step), f"┌{outlet if step in outlets else plain}┐") for step in steps]]
    for backwards in layer.backwards or (None,):
        if len(lines) > 1:
            lines.append([_Piece(columns.left(step), f"├{plain}┤") for step in steps])
        line = [_Piece(columns.left(step), f"│{kind.center(inside)}│") for step in steps]
        if backwards is None:
            line += _dots(columns, layer.reads)
        else:
            line += _carried(columns, backwards, layer.states, box)
        lines.append(sorted(line))
    lines.append([_Piece(columns.left(step), f"└{plain}┘") for step in steps])
    return lines


def _carried(columns: StepColumns, backwards: bool, states: Sequence[str], box: int) -> list[_Piece]:
    """Return the arrows of the states that a cell carries, from the zero it starts with to those that leave it."""
    line = []
    for step in range(columns.count - 1):
        start, end = columns.left(step) + box, columns.left(step + 1)
        if columns.skips and step == columns.count - 2:
            end = columns.dots - 1
            line.append(_Piece(columns.dots + len(DOTS) + 1, arrow((), backwards=backwards)))
        line.append(_Piece(start, arrow(states, end - start, backwards)))
    names = "" if columns.ends is None else ",".join(last_states(states, columns.ends, backwards))
    if backwards:
        before, behind = names and names + BACKWARD_LEAVES, BACKWARD_START
    else:
        before, behind = START, names and LEAVES + names
    first, last = columns.left(0), columns.left(columns.count - 1) + box
    return [*line, _Piece(first - len(before), before), _Piece(last, behind), *_dots(columns, "all")]


def _dots(columns: StepColumns, steps: Steps) -> list[_Piece]:
    """Return the dots that stand for the steps left out, where steps are."""
    return [_Piece(columns.dots, DOTS)] if columns.skips and steps == "all" else []


def _marks(columns: StepColumns, steps: Steps, texts: Sequence[str]) -> list[_Piece]:
    """Return a text at each of the steps shown, and dots for those left out."""
    marks = [_Piece(columns.centred(step, texts[step]), texts[step]) for step in columns.shown(steps)]
    return sorted(marks + _dots(columns, steps))


def _text(line: _Line, width: int) -> Text:
    """Return a line as text, cut at `width`."""
    text = Text(no_wrap=True)
    for column, characters, style in (_Piece(0, line.label, line.label_style), *line.pieces):
        text.append(" " * (column - len(text)))
        text.append(characters, style)
    text.highlight_words(["None"], style="dim")
    text.truncate(width)
    text.rstrip()
    return text


def _legend(head: Head, parts: Sequence[Unrolled], console: Console) -> Iterator[Text]:
    """Yield the lines below a drawing."""
    width = drawing_width(console)
    shown = [_fitting(part, width).ends for part in parts]
    for number, note in enumerate(_meanings(head, parts, shown)):
        if number == 0:
            yield Text()
        yield from hanging(console, Text(note, style=_QUIET), width=width)


def _meanings(head: Head, parts: Sequence[Unrolled], shown: Sequence[tuple[str, str] | None]) -> Iterator[str]:
    """Yield what the letters and words of a drawing mean.

    Args:
        head: the layer that takes the input, which may mark steps as padding.
        parts: what is drawn.
        shown: of each part the names of the first and the last step, if its last states are drawn.
    """
    states = tuple(dict.fromkeys(state for part in parts for state in part.states))
    noun = "state" if len(states) == 1 else "states"
    if states:
        yield f"{', '.join(states)}: the {noun} carried from step to step, 0 at the start of every sample"
        if any(part.masked for part in parts):
            yield f"{listed(fields_in_both(head))}: {head.padding} leaves the {noun} as before"
    last = {
        name: None
        for part, ends in zip(parts, shown, strict=True)
        for layer in part.layers
        for backwards in layer.backwards
        for name in (last_states(layer.states, ends, backwards) if ends else ())
    }
    if last:
        noun = "state" if len(last) == 1 else "states"
        theirs = ", ".join(f"{state}_n" for state in states)
        yield f"{', '.join(last)}: the last {noun} (Keras: return_state=True, PyTorch: {theirs})"
    reversing = next((layer for part in parts for layer in part.layers if layer.reversed_time and layer.states), None)
    if reversing is not None:
        back = in_both(KINDS[reversing.kind], "go_backwards", True)
        yield f"{_REVERSED}: the last step comes first, as {back} returns it"
    windows = [part.windows for part in parts if part.windows is not None]
    if any(part.over == "sequence" for part in windows):
        yield "y below a window: the sequence of the drawing below it"
    if any(part.over == "reversed" for part in windows):
        yield "s: the sequence of the drawing below it, in the order in which it is returned"
    if any(part.window.padding != "valid" for part in windows):
        yield "0 below a window: padding around the sequence"
    if any(part.given == "vector" for part in parts):
        yield "v: one vector, the same at every step of the sequence above it"
