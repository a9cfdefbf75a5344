"""Layers written as calls of Keras or PyTorch: read from their syntax, never run, and written as a spec.

    LSTM(32, return_sequences=True)                nn.LSTM(40, 256, 2, bidirectional=True)
    model.add(Bidirectional(GRU(8)))               Sequential([Embedding(10000, 32), SimpleRNN(10)])

A text may hold several, and layers of the spec language between them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, NoReturn

from rnncli.errors import SpecError, listed, shorten
from rnncli.language.call_syntax import joined
from rnncli.language.call_text import parsed, pieces_of, position, value_of
from rnncli.language.call_values import UnreadableError
from rnncli.language.called import Called
from rnncli.language.layer_parser import read_layer
from rnncli.language.source import MAX_BYTES, Token
from rnncli.language.syntax import UnparsableError, tree_of
from rnncli.layers import Head, Layer
from rnncli.layers.words import changes_in_both
from rnncli.quantities import Shape

_MOST_EXAMPLES = 8
"""So many values that are no numbers have an example in a repair; each is found by reading the whole once more."""

MAX_CALLS = 1000
"""The most calls and layers between them that are read; nobody writes more on one line."""


class Reading(NamedTuple):
    """What a text with calls says.

    Attributes:
        text: the same as a spec.
        first: the first call in the text.
        left_out: the arguments that the language has no words for.
        assumed: what the text does not say and was assumed.
        whole: whether the text is Python from end to end, with all arguments that its calls take.
        torch: whether a recurrent layer of it is PyTorch's.
    """

    text: str
    first: Token
    left_out: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    whole: bool = False
    torch: bool = False


def read_calls(text: str) -> Reading | None:
    """Return what a text says that has calls for some or all of its layers, or None if it has none.

    Raises:
        SpecError: something about a call cannot be said in a spec; the error has no repair.
    """
    reading = _read(text)
    if isinstance(reading, SpecError):
        raise reading
    return reading


@lru_cache(maxsize=1)  # a text that is no spec is read here again, for what it may mean
def _read(text: str) -> Reading | SpecError | None:
    try:
        return _calls_in(text)
    except SpecError as fault:
        return fault


def _calls_in(text: str, examples: int = _MOST_EXAMPLES) -> Reading | None:
    """Return what a text says.

    Args:
        text: the text.
        examples: for how many values that are no numbers the repair may have one.
    """
    if "(" not in text:
        return None
    items: list[Called | str] = []
    first = None
    for piece in pieces_of(text):
        if len(items) >= MAX_CALLS:
            return None
        before = [item for item in items[-1:] if isinstance(item, Called)]
        called = _Reader(text, piece, examples).layers(before)
        if called is None:
            items.append(piece.text)
        else:
            first = first or piece
            items[len(items) - len(before) :] = called
    if first is None or not items:  # () is no layer
        return None
    calls = [item for item in items if isinstance(item, Called)]
    left_out = tuple(words for call in calls for words in call.left_out)
    if len(calls) < len(items):  # layers of the spec language among them: a stack stays one layer, repeated
        left_out = tuple(words for call in calls for words in call.without_dropout().left_out)
        return Reading(",".join(_texts(items)), first, left_out)
    if len(calls) > 1 and calls[0].cls.reads == calls[1].cls.reads == "input":
        del calls[0]  # the input of an embedding's ids
    layers = _stacked(calls)
    texts = _texts(layers)
    _check_sizes(text, layers, texts)
    assumed = []
    if layers[0].cls.reads != "input" and len(texts) == len(layers):
        texts.insert(0, ASSUMED_INPUT)
        assumed.append("an input of 32 features")
    if layers[0].steps:
        assumed.append(f"a number of timesteps that is not known ({layers[0].steps})")
    if layers[0].timeless and any(layer.cls.reads == "sequence" for layer in layers):
        assumed.append(
            f"{layers[0].timeless} is one timestep of many, (None, {layers[0].timeless[1:-2]}): "
            "a recurrent layer reads (timesteps, features)"
        )
    last = next((each for each in reversed(layers) if each.cls.states), None)
    if last is not None and last.torch:
        assumed.append(ASSUMED_LAST)
    return Reading(
        ",".join(texts),
        first,
        left_out,
        tuple(assumed),
        _is_whole(text, calls),
        any(each.torch for each in calls if each.cls.states),
    )


def understood(text: str) -> Reading | None:
    """Return what a text says that is Python from end to end, or None if it is not, or a spec cannot say it."""
    try:
        reading = read_calls(text) if len(text) <= MAX_BYTES else None
    except SpecError:
        return None
    return reading if reading is not None and reading.whole else None


ASSUMED_INPUT = "input:32"
"""The input of a text that says none."""

ASSUMED_LAST = "the last recurrent layer returns its last output alone"
"""What is assumed of PyTorch's layers, which return all outputs and the last state, whatever is done with them."""


def _stacked(calls: Sequence[Called]) -> list[Called]:
    """Return the layers of some calls, one or two for a stack of PyTorch.

    Its recurrent layers return their sequences, if another follows.
    """
    layers: list[Called] = []
    for call in calls:
        layers += call.levels() if call.torch else [call]
    loops = [index for index, layer in enumerate(layers) if layer.cls.states]
    return [
        layer.returning_sequence() if layer.torch and index in loops[:-1] else layer
        for index, layer in enumerate(layers)
    ]


def _check_sizes(text: str, layers: Sequence[Called], texts: Sequence[str]) -> None:
    """Check that what layers say they read is what is returned before them.

    Raises:
        SpecError: it is not.
    """
    shape: Shape | None = None
    before: list[Layer] = []
    calls = [None] * (len(texts) - len(layers)) + [*layers]
    for call, written in zip(calls, texts, strict=True):
        try:
            layer = read_layer(written, Token(written, 0), False).layer
        except SpecError:
            return  # which the spec will say
        reads = call.reads.rpartition("x")[2] if call is not None else ""
        if shape is not None and call is not None and reads and float(reads) != shape[-1]:
            name = call.cls.kind if call.node is None else shorten(ast.unparse(call.node.func))
            raise SpecError(
                f"{name} reads {reads} features, but {shape[-1]} are returned before it",
                text=text,
                span=call.span,
                advice="change one of the two numbers",
            )
        if shape is not None and call is not None and call.each_step and len(shape) < 3:
            raise _no_steps(text, call, before, texts)
        before.append(layer)
        if isinstance(layer, Head):
            shape = layer.output_shape(layer.input_shape())
        elif shape is not None:
            shape = layer.output_shape(shape)


def _no_steps(text: str, call: Called, before: Sequence[Layer], texts: Sequence[str]) -> SpecError:
    """Return the error for a TimeDistributed that is given one vector, by the layers before it."""
    cause = max(place for place, layer in enumerate(before) if layer.returns == "vector")
    whole = before[cause].returning("sequence")
    message = f"TimeDistributed reads a sequence, but {before[cause].spec()} returns one vector"
    if whole is None:
        return SpecError(message, text=text, span=call.span, advice="leave it out", repair=",".join(texts))
    advice = f"return the whole sequence with {listed(changes_in_both(before[cause], whole))}"
    repair = ",".join([*texts[:cause], whole.spec(), *texts[cause + 1 :]])
    return SpecError(message, text=text, span=call.span, advice=advice, repair=repair)


def _is_whole(text: str, calls: Sequence[Called]) -> bool:
    """Whether a text is Python as it stands, and its calls have what their classes take."""
    try:
        body = tree_of(text.strip()).body
    except UnparsableError:
        return False
    if not all(isinstance(each, ast.Expr | ast.Assign) for each in body) or any(call.guessed for call in calls):
        return False
    made = ""
    for statement in body:
        read = _name_read(statement)
        if made and read and read != made:
            return False
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]):
                made = name
    return True


def _name_read(statement: ast.stmt) -> str:
    """Return the variable that a chain of calls begins with: x of `Dense(1)(LSTM(4)(x))`; nothing if it has none."""
    node = value_of(ast.Module([statement], []))
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.args:
        node = node.args[0]
    return node.id if isinstance(node, ast.Name) else ""


def _texts(items: Sequence[Called | str]) -> list[str]:
    """Return the layers of the whole text; an input that only an embedding follows is that of its ids."""
    texts: list[str] = []
    for index, item in enumerate(items):
        if isinstance(item, Called):
            before = items[:index]
            if item.cls.reads == "input" and len(before) == 1 and isinstance(before[0], Called):
                texts.clear()
            if not before and item.reads and item.cls.reads != "input":
                texts.append(f"input:{item.reads}")
        texts.append(str(item))
    return texts


class _Reader:
    """Reads one piece of a text."""

    def __init__(self, text: str, piece: Token, examples: int) -> None:
        self.text = text
        self.piece = piece
        self.examples = examples

    def layers(self, before: list[Called]) -> list[Called] | None:
        """Return the layers before and those that the piece makes, or None if it is no call."""
        node = value_of(parsed(self.piece.text))
        if not isinstance(node, ast.Call | ast.List | ast.Tuple):
            return None
        try:
            return [self._placed(call) for call in joined(before, node)]
        except UnreadableError as fault:
            self._fail(fault)
        except RecursionError:
            return None

    def _placed(self, call: Called) -> Called:
        """Return a layer with the place of its call."""
        return call if call.node is None or call.span != (0, 0) else replace(call, span=self._span(call.node))

    def _span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        start, end = (
            self.piece.start + position(self.piece.text, line, column)
            for line, column in ((node.lineno, node.col_offset), (node.end_lineno or 1, node.end_col_offset or 0))
        )
        return start, end

    def _fail(self, fault: UnreadableError) -> NoReturn:
        node = fault.node
        assert isinstance(node, ast.expr | ast.keyword)
        start, end = self._span(node)
        whole = fault.whole
        assert isinstance(whole, ast.expr | ast.keyword)
        repair = None if fault.instead is None else self._mended(*self._span(whole), fault.instead)
        raise SpecError(
            fault.message,
            text=self.text,
            span=(start, end),
            advice=fault.advice,
            lead=fault.lead if repair else "",
            repair=repair,
        ) from None

    def _mended(self, start: int, end: int, instead: str) -> str | None:
        """Return what the text is as a spec with something else in place of a part; None if that is unreadable, too."""
        if not self.examples:
            return None
        try:
            reading = _calls_in(self.text[:start] + instead + self.text[end:], self.examples - 1)
        except SpecError as another:
            return another.repair
        return reading and reading.text
