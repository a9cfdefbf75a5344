"""A network unrolled in time, drawn with characters: time to the right, layers upward.

Each step shown has a column: the first steps of the sequence, as many as fit the width, and its last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from rich.console import Console
from rich.text import Text

from rnncli.errors import listed
from rnncli.layers import Head
from rnncli.layers.windows import Window
from rnncli.layers.words import fields_in_both, in_both
from rnncli.quantities import Shape, shape_text
from rnncli.render.blocks import GAP, Block, Drawn, Line, drawing_width, hanging, marked
from rnncli.reports.unrolled import Drawing, Steps, Unrolled, UnrolledLayer

_REVERSED = "reversed time"
"""The label of a sequence that starts with the last step."""

_BOX = 7
"""The width of a box; one with an even number of letters is one wider, so that they are centred."""

_DOTS = "···"
"""The mark for the steps left out."""

_SKIP = len(f" {_DOTS} ─►")
"""The shift of the last column to the right if steps before it are left out."""

_LONGEST_NUMBER = 4
"""The most digits of the last step's number; beyond that it is called T."""

_MOST_NAMES = 3
"""The most timesteps of a window that are all named; of a wider one only the first and the last are."""

_NARROWEST_GAP = 4
_MOST_FIRST_STEPS = 6
_WIDEST_LABELS = 32


_Pieces = list[tuple[int, str]]
"""Texts on a line, each with the column where it starts; a later one covers an earlier one."""

_Label = list[tuple[str, str]]
"""A label at the left of a drawing, line by line with styles: a name in one or two lines, and perhaps a spec."""


def drawing_page(drawing: Drawing) -> Iterator[Block]:
    """Yield a network unrolled in time, no wider than the console, and a legend."""
    yield Line(marked(str(drawing.network), drawing.network.origin))
    for part in reversed(drawing.parts):
        yield GAP
        yield Drawn(lambda console, part=part: draw(part, drawing_width(console)))  # type: ignore[misc]  # of this turn
    meanings = [*_meanings(drawing.network.head, drawing.parts)]
    yield from [GAP] if meanings else []
    yield from (Line(Text(meaning, style="dim")) for meaning in meanings)


def draw(unrolled: Unrolled, width: int) -> list[Text]:
    """Return the lines of a drawing, none of them wider than `width` columns, also in ASCII."""
    lines = [*_fitting(unrolled, width).lines()]
    for line in lines:
        line.highlight_words(["None"], style="dim")
        line.truncate(width)
        line.rstrip()
    return lines


def _line(pieces: _Pieces) -> Text:
    """Return a line with texts at their columns."""
    line = ""
    for column, text in pieces:
        line = line[:column].ljust(column) + text + line[column + len(text) :]
    return Text(line, no_wrap=True)


def _fitting(unrolled: Unrolled, width: int) -> _Columns:
    """Return the columns that show the most within a width or, if none fit, the narrowest.

    To save width, steps are left out down to the first two and the last, then labels and shapes move above the layers
    that they describe, then the final states are left out; only after all of these is the second step left out.
    """
    labels = [*_labels_of_ends(unrolled), *(_label(layer) for layer in unrolled.layers)]
    label_width = max([len(_REVERSED), *(len(text) for label in labels for text, _ in label)])
    label_widths = [label_width, 0] if label_width <= _WIDEST_LABELS else [0]
    least = replace(unrolled, layers=(*{layer._replace(names=layer.names[:1]): None for layer in unrolled.layers},))
    for way in [*product((True, False), label_widths, range(_MOST_FIRST_STEPS, 1, -1)), (False, 0, 1)]:
        if all(len(line) <= width for line in _Columns(least, width, *way).lines()):
            break
    return _Columns(unrolled, width, *way)


def _labels_of_ends(unrolled: Unrolled) -> tuple[_Label, _Label]:
    """Return the labels of a drawing's output and input."""
    between = "sequence" if unrolled.output.steps == "all" else "vector"
    name, *spec = unrolled.source
    return [("output" if unrolled.is_last else between, "heading")], [(name, "heading"), *((text, "") for text in spec)]


def _label(layer: UnrolledLayer) -> _Label:
    """Return the label of a layer: its name, or the first and the last name of a run, and its spec."""
    first, *others = layer.names
    times = f" × {len(layer.names)}" if others else ""
    last = [(f"{_DOTS} {others[-1]}", "heading")] if others else []
    return [(first, "heading"), *last, (layer.layer.spec() + times, "")]


def _last_states(layer: UnrolledLayer, timesteps: int | None, backwards: bool) -> list[str]:
    """Return the names of a cell's states after its last step: hT and cT, or h1 and c1 if it reads backwards."""
    return [state + ("1" if backwards else _counted_back(timesteps, 0)) for state in layer.layer.states]


def _counted_back(timesteps: int | None, steps: int) -> str:
    """Return the number of the step that comes `steps` steps before the last: 98, or T-2 if T is unknown or long."""
    if timesteps is not None and len(str(timesteps)) <= _LONGEST_NUMBER:
        return str(timesteps - steps)
    return f"T-{steps}" if steps else "T"


def _arrow(states: Sequence[str], width: int = 0, backwards: bool = False) -> str:
    """Return the arrow that carries states to the next step, at least `width` long."""
    text = ",".join(states)
    line = text.center(max(width - 1, len(text) + 2 if text else 1), "─")
    return f"◄{line}" if backwards else f"{line}►"


def _boxed(kind: str) -> str:
    """Return a kind centred in a box, shortened to its first letters if it is too long."""
    shown = kind if len(kind) <= _BOX - 2 else kind[: _BOX - 3]
    return f"│{shown.center(_BOX - 2 + (len(shown) + 1) % 2)}│"


class _Columns:
    """A drawing with a column for each step shown.

    Args:
        unrolled: the network, or the part of it that shares a time axis.
        width: the desired most columns of a line.
        shows_ends: whether the final states of the cells are shown.
        label_width: the width of the labels at the left; 0 if labels and shapes go above the layers that they describe.
        first_steps: the number of steps shown from the first, besides the last.
    """

    def __init__(self, unrolled: Unrolled, width: int, shows_ends: bool, label_width: int, first_steps: int) -> None:
        self._unrolled = unrolled
        self._width = width
        self._label_width = label_width
        timesteps = unrolled.timesteps
        self._count = first_steps + 1 if timesteps is None else min(first_steps + 1, timesteps)
        self._skips = self._count != timesteps
        self._shown = {"all": [*range(self._count)], "first": [0], "last": [self._count - 1]}
        """The indices of the columns for `Steps`."""
        self._shows_ends = shows_ends
        before = [self._around(layer, backwards)[0] for layer in unrolled.layers for backwards in layer.backwards]
        box = max([_BOX, *(len(_boxed(layer.layer.kind)) for layer in unrolled.layers)])
        self._apart = box + max(_NARROWEST_GAP, len(_arrow(unrolled.states)))
        first = label_width + 1 + max([1, *map(len, before)])
        self._left = [first + step * self._apart for step in range(self._count)]
        """The column where the box of each step starts."""
        self._place_of_dots = self._left[-1] + 1
        self._left[-1] += _SKIP if self._skips else 0
        self._centre = [left + _BOX // 2 for left in self._left]
        """The middle column of each box."""

    def _mark(self, step: int, text: str) -> tuple[int, str]:
        """Return a text centred on the box of a step."""
        return (self._centre[step] - (len(text) - 1) // 2, text)

    def _marks(self, steps: Steps, texts: Sequence[str]) -> _Pieces:
        """Return a text at each step shown, and dots for the steps left out."""
        return [*(self._mark(step, texts[step]) for step in self._shown[steps]), *self._dots(steps)]

    def _dots(self, steps: Steps) -> _Pieces:
        """Return the dots for the steps left out, if there are any."""
        return [(self._place_of_dots, _DOTS)] if self._skips and steps == "all" else []

    def lines(self) -> Iterator[Text]:
        """Yield the lines of the drawing, from the output down to the time axis."""
        unrolled = self._unrolled
        output, source = _labels_of_ends(unrolled)
        names = ["y" if unrolled.is_last else "v"] * self._count
        if unrolled.output.steps == "all":
            names = self._step_names("y", unrolled.output.reversed)
        yield from self._labelled(output, [_line(self._marks(unrolled.output.steps, names))], 0, unrolled.output.shape)
        for layer in reversed(unrolled.layers):
            above = [self._marks(layer.returns.steps, ["▲"] * self._count)]
            if layer.layer.merge is not None:
                above.append(self._merge(layer, layer.layer.merge))
            if layer.joins is not None:
                above.append(self._join(layer.joins))
            # The shape of the last layer is next to the output.
            shape = None if layer is unrolled.layers[-1] else layer.returns.shape
            note = _REVERSED if layer.returns.reversed else ""
            lines = [*map(_line, (*above, *self._boxes(layer)))]
            yield from self._labelled(_label(layer), lines, len(above), shape, note=note)
        pointing = ["▲"] * self._count
        if unrolled.window is not None:
            names = self._window_names(unrolled.window)
            # An arrow above each name in a window, and above the dots.
            pointing = [re.sub(r"\S+", lambda name: "▲".ljust(len(name[0])), each) for each in names]
        else:
            names = ["v"] * self._count if unrolled.over == "vector" else self._step_names("x")
        start, what = self._left[0], _REVERSED if unrolled.over == "reversed" else "time"
        time = f"{what} ".ljust(self._centre[-1] - start, "─") + "►"
        lines = [_line(self._marks("all", pointing)), _line(self._marks("all", names))]
        lines.append(Text.assemble(" " * start, (time, "dim")))
        yield from self._labelled(source, lines, 1, unrolled.input_shape, at=1)

    def _labelled(
        self, label: _Label, lines: list[Text], first: int, shape: Shape | None, at: int = 0, note: str = ""
    ) -> list[Text]:
        """Return lines with a label from line `first` on, a shape at line `at`, and a note; or all of them above."""
        described = shape_text(shape) if shape is not None else ""
        if not self._label_width:
            names = Text(" ".join(text for text, style in label if style), "heading")
            words = [*(text for text, style in label if not style), note, described]
            caption = Text("  ").join([names, *map(Text, filter(None, words))])
            return [*hanging(Console(width=self._width), caption), *lines]
        if described:
            lines[at].append(f" {described}")
        for place, (text, style) in {0: (note, ""), **dict(enumerate(label, first))}.items():
            lines[place] = Text.assemble((text, style), lines[place][len(text) :])
        return lines

    def _step_names(self, letter: str, reversed_time: bool = False) -> list[str]:
        """Return the name of each step shown: x1, x2, xT or, in reversed time, yT, yT-1, y1."""
        timesteps, steps_before_last = self._unrolled.timesteps, range(self._count - 1)
        numbers = [*(str(step + 1) for step in steps_before_last), _counted_back(timesteps, 0)]
        if reversed_time:
            numbers = [*(_counted_back(timesteps, step) for step in steps_before_last), "1"]
        return [letter + number for number in numbers]

    def _window_names(self, window: Window) -> list[str]:
        """Return the timesteps in each step's window: `x1 x2 x3`, `x1 ··· x5` if there are many, 0 for padding."""
        length, outputs, over = self._unrolled.input_shape[1], self._unrolled.timesteps, self._unrolled.over
        letter = {"input": "x", "vector": "v", "sequence": "y", "reversed": "s"}[over]

        def name(time: int) -> str:
            inside = time > 0 and (length is None or time <= length)
            return "0" if not inside else letter if over == "vector" else f"{letter}{time}"

        def fitting(times: range) -> str:
            first, last = name(times[0]), name(times[-1])
            shown = [" ".join(map(name, times))] if len(times) <= _MOST_NAMES else []
            shown += [f"{first} {_DOTS} {last}", f"{_DOTS} {last}"]
            return next((text for text in shown if len(text) <= self._apart - 2), _DOTS)

        if window.goes_by_length and length is None:
            return [_DOTS] * self._count
        numbers = [*range(1, self._count), outputs]
        texts = [fitting(window.read_by(number, length)) for number in numbers if number is not None]
        if outputs is None:
            after = window.around(None)[1]
            texts.append(f"{_DOTS} 0" if after else f"{_DOTS} {letter}T" if window.stride == 1 else _DOTS)
        return texts

    def _merge(self, layer: UnrolledLayer, mode: str) -> _Pieces:
        """Return the line that shows how the outputs of the two directions are merged.

        A layer that returns a sequence merges them at every step. One that returns a vector merges the last output of
        each direction, which are at opposite ends: a line leads from the second cell's to the first's.
        """
        if layer.returns.steps == "all":
            return self._marks("all", [mode] * self._count)
        (to,) = self._shown[layer.returns.steps]
        return self._leading(self._count - 1 - to, to, mode, (" backward's last ", " backward ", ""))

    def _join(self, how: str) -> _Pieces:
        """Return the line that shows how the outputs of all steps are combined into one vector, at the last step."""
        branches = [(self._centre[step], "┬") for step in range(1, self._count - 1)]
        dots = [(self._place_of_dots - 1, f" {_DOTS} ")] if self._skips else []
        return [*self._leading(0, self._count - 1, how), *branches, *dots]

    def _leading(self, step: int, to: int, text: str, names: Sequence[str] = ("",)) -> _Pieces:
        """Return a text at step `to` and a line to it from `step`, if that differs, with the longest name that fits."""
        place, _ = mark = self._mark(to, text)
        start = self._centre[0] if step < to else place + len(text)
        room = place - start - 3 if step < to else self._centre[-1] - start - 2
        line = next((name for name in names if len(name) <= room), "").center(room, "─")
        return [mark, *([] if step == to else [(start, f"┌{line}► " if step < to else f" ◄{line}┐")])]

    def _boxes(self, layer: UnrolledLayer) -> list[_Pieces]:
        """Return the lines of a layer: a box per step, split in two for two cells, and the states between them."""
        steps = self._shown[layer.reads]
        outlets = {*self._shown[layer.returns.steps]}
        if layer.layer.merge is not None and layer.returns.steps != "all":
            outlets = {0, self._count - 1}
        if layer.joins is not None:
            outlets = {*steps}
        middle = _boxed(layer.layer.kind)
        plain = "─" * (len(middle) - 2)
        outlet = "──┴".ljust(len(plain), "─")

        def boxes(part: str) -> _Pieces:
            return [(self._left[step], part) for step in steps]

        lines = [[(self._left[step], f"┌{outlet if step in outlets else plain}┐") for step in steps]]
        for backwards in layer.backwards or (None,):
            if len(lines) > 1:
                lines.append(boxes(f"├{plain}┤"))
            between = self._dots(layer.reads) if backwards is None else self._carried(layer, backwards)
            lines.append(boxes(middle) + between)
        return [*lines, boxes(f"└{plain}┘")]

    def _carried(self, layer: UnrolledLayer, backwards: bool) -> _Pieces:
        """Return the arrows of the states that a cell carries, from the initial zero to the final states."""
        box, line = len(_boxed(layer.layer.kind)), []
        for step in range(self._count - 1):
            start, end = self._left[step] + box, self._left[step + 1]
            if self._skips and step == self._count - 2:
                end = self._place_of_dots - 1
                line.append((self._place_of_dots + len(_DOTS) + 1, _arrow((), backwards=backwards)))
            line.append((start, _arrow(layer.layer.states, end - start, backwards)))
        before, after = self._around(layer, backwards)
        first, last = self._left[0], self._left[-1] + box
        return [*line, (first - len(before), before), (last, after), *self._dots("all")]

    def _around(self, layer: UnrolledLayer, backwards: bool) -> tuple[str, str]:
        """Return the texts before a cell's first box and after its last: the initial and the final states."""
        states = _last_states(layer, self._unrolled.timesteps, backwards) if self._shows_ends else []
        names = ",".join(states)
        if backwards:
            return names and f"{names} ◄─", "◄─ 0"
        return "0 ─►", names and f"─► {names}"


def _meanings(head: Head, parts: Sequence[Unrolled]) -> Iterator[str]:
    """Yield the meanings of a drawing's letters and words, with the final states even if there is no room for them."""
    layers = [layer for part in parts for layer in part.layers]
    states = tuple(dict.fromkeys(state for part in parts for state in part.states))
    noun = "state" if len(states) == 1 else "states"
    if states:
        yield f"{', '.join(states)}: the {noun} carried from step to step, 0 at the start of every sample"
        if any(layer.masked for layer in layers):
            yield f"{listed(fields_in_both(head.with_timesteps(None)))}: {head.padding} leaves the {noun} unchanged"
    last = {
        name: None
        for part in parts
        for layer in part.layers
        for backwards in layer.backwards
        for name in _last_states(layer, part.timesteps, backwards)
    }
    if last:
        noun = "state" if len(last) == 1 else "states"
        theirs = ", ".join(f"{state}_n" for state in states)
        yield f"{', '.join(last)}: the last {noun} (Keras: return_state=True, PyTorch: {theirs})"
    reversing = next((layer for layer in layers if layer.returns.reversed and layer.layer.states), None)
    if reversing is not None:
        back = in_both(type(reversing.layer), "go_backwards", True)
        yield f"{_REVERSED}: the last step comes first, as {back} returns it"
    if any(part.over == "sequence" for part in parts):
        yield "y below a window: the output sequence of the drawing below it"
    if any(part.over == "reversed" for part in parts):
        yield "s: the output sequence of the drawing below it, in the order in which it is returned"
    if any(part.window is not None and part.window.padding != "valid" for part in parts):
        yield "0 below a window: padding around the sequence"
    if any(part.over == "vector" for part in parts):
        yield "v: one vector, the same at every step of the sequence above it"
