"""The network behind a table of Keras or torchinfo: layers with its output shapes and parameter counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product, zip_longest
from math import prod

from rnncli.errors import SpecError
from rnncli.immutable import NamedTuple
from rnncli.language.rules import check_rules
from rnncli.language.spec import parse
from rnncli.layers import GRU, LSTM, Recurrent, SimpleRNN
from rnncli.quantities import Shape

_SECTION = r"\w{0,20}(?:model|net|network|layers?|rnn|lstm|gru|encoder|decoder|config|params|architecture)"
ONE_TEXT = (
    r'(?:// ?)?[_=\u2500-\u257f-]{9,400}$|Model: "|Input: \(None, |\W*(?:Layer \(type|\w+`? \(\w+\)? \W*\(None)'
    r"|\W{0,9}[\w./-]{0,200}(?:weight(?!s)|bias|kernel|embeddings|gamma|beta)\w{0,20}(?::0)?\W{1,9}(?:shape\W)?[(\[][0-9]"
    r"|(?!.*\bname=).*(?:torch\.Size\(\[|(?:\w/\w*kernel|state_dict)(?![-.\w])|Traceback \(|Name \| T)"
    r"|[\w.]+(?:Error|Exception|Warning): |(?i:['\"-]{0,2}(?:\w{1,30}_(?:dim|layers|size|type|units)|cell|type)"
    rf"['\"]?\s?:\s?['\"]?\w+['\"]?,?|{_SECTION}:|\[{_SECTION}\])$"
)
"""The first line of a table, weights, an error or settings, all of whose lines are one text."""

_ROW = re.compile(
    r"(\w{1,40})(?:[ `]{0,3}\((\w{1,40})\)?)?[^\w()]{1,60}\((?:None|\d{1,6}), ((?:None|\d{1,9})(?:, \d{1,9})?)\)"
    r"[^\w(,]{1,60}(?<!-)(\d[\d,]{0,15})(?![\w.])"
)
"""A layer's name and class, its output shape without the batch, and its parameters."""

_TOTAL = re.compile(r"[Tt]otal params: (\d[\d,]{0,15})")

_NO_CHAIN = re.compile(r"Connected|Param # [^\w\n]*C|\w\[|multiple|unbuilt")
"""What a table has of layers that are not one after another, or have no shape."""

_CELLS = ("lstm:{n}{seq}", "gru:{n}{seq}", "gru:{n}{seq}:reset=before", "rnn:{n}{seq}")
_DENSE = ("dense:{n}", "dense:{n}:nobias")

_LAYERS: Mapping[str, Sequence[str]] = {
    "embedding": ("embed:{size}x{n}",),
    "lstm": _CELLS[:1],
    "gru": _CELLS[1:3],
    "simplernn": _CELLS[3:],
    "bidirecti": [each.replace("{n}", "{half}") + ":bi" for each in _CELLS],
    "dense": _DENSE,
    "timedist": _DENSE,
    "conv1d": ("conv:{n}x{size}", "conv:{n}x{size}:same"),
    "dropout": ("dropout:0.5",),
    "spatialdro": ("dropout:0.5",),
    "layernorm": ("norm",),
    "batchnorm": ("bnorm",),
    "globalmax": ("pool:max",),
    "globalave": ("pool:avg",),
    "maxpooling1d": [f"pool:max:{size}" for size in range(2, 11)],
    "averagepooling1d": [f"pool:avg:{size}" for size in range(2, 11)],
    "flatten": ("flatten",),
    "repeatvec": ("repeat:{steps}",),
}
"""What a layer may be, by the beginning of its class, or of its name if there is no class."""


def printed_error(text: str) -> SpecError | None:
    """Return the error for a printed table, with the network behind it; None if it is no table or that is not clear."""
    found = _ROW.search(text) if "(" in text else None  # a search that takes long in a text of 60 KB
    network = printed_network(text) if found else None
    if found is None or network is None:
        return None
    message = "this is a table that Keras prints, not a spec"
    advice = "it shows no rates, activations or masks, but these layers have its shapes and parameters"
    return SpecError(message, text=text, span=found.span(), advice=advice, lead="perhaps", repair=network)


def printed_network(text: str) -> str | None:
    """Return the spec of a printed table; None if other kinds of layers might print the same, or none would."""
    rows, total = [_row(*found) for found in _ROW.findall(text)], _TOTAL.search(text)
    if len(re.findall(r"(?<!: )\(None,", text)) > len(rows) or _NO_CHAIN.search(text) is not None:
        return None  # a row that is not read, or a branch
    if total is not None and sum(row.params for row in rows) != int(total[1].replace(",", "")):
        return None
    layers = rows[1:] if rows and rows[0].kind.startswith("input") else rows
    reads: Shape = rows[0].returns if layers != rows and len(rows[0].returns) == 3 else ()
    specs = [_input(reads)] if reads else []
    for row in layers:
        templates = next((some for begins, some in _LAYERS.items() if row.kind.startswith(begins)), ())
        found = [each for template in templates for each in _fitting(template, reads, row)]
        if len({each.rpartition(",")[2].partition(":")[0] for each in found}) != 1:
            return None
        specs.append(found[0])
        reads = row.returns
    if "flatten" in specs and specs[0].startswith("embed") and layers[0].returns[1]:
        specs[0] += f":length={layers[0].returns[1]}"
    with suppress(SpecError):
        check_rules(*parse(",".join(specs)))
        return ",".join(specs)
    return None


class _Row(NamedTuple):
    """A layer of a table."""

    kind: str
    returns: Shape
    params: int


def _row(name: str, class_: str, axes: str, params: str) -> _Row:
    returns = (None, *(None if size == "None" else int(size) for size in axes.split(", ")))
    return _Row((class_ or name).replace("_", "").lower(), returns, int(params.replace(",", "")))


def _input(shape: Shape) -> str:
    return "input:" + "x".join(str(size) for size in shape[1:] if size is not None)


def _fitting(template: str, reads: Shape, row: _Row) -> Iterator[str]:
    """Yield the layer of a template if it has a row's shape and parameters; an unknown input is put before it."""
    units, embeds = row.returns[-1] or 0, template.startswith("embed")
    steps, seq = (row.returns[1], ":seq") if len(row.returns) == 3 else (None, "")

    def text(size: int) -> str:
        return template.format(n=units, half=units // 2, seq=seq, steps=steps, size=size)

    def count(size: int, reads: Shape) -> int:
        return sum(weight.params for weight in parse(text(size))[0][0].weights(reads))

    with suppress(SpecError):
        head, size = [], 1
        if embeds:
            reads = (None, steps)
        elif not reads and "{size}" in template:
            return  # both its window and its input are unknown
        elif not reads:
            reads = (None, steps, _solved(lambda features: count(1, (None, None, features)), row.params))
            head = [_input(reads)]
        if "{size}" in template:
            size = _solved(lambda size: count(size, reads), row.params)
        layer = parse(text(size))[0][0]
        shape = zip_longest(layer.output_shape(reads), row.returns, fillvalue=0)
        fits = embeds or layer.reads in ("either", "sequence" if len(reads) == 3 else "vector")
        if fits and count(size, reads) == row.params and all(a == b or (a and b) is None for a, b in shape):
            yield ",".join([*head, text(size)])


def _solved(count: Callable[[int], int], params: int) -> int:
    """Return the size at which a count that grows in proportion to it equals `params`; 0 if there is none."""
    each = count(2) - count(1)
    more, rest = divmod(params - count(1), each) if each else (-1, 1)
    return more + 1 if not rest and more >= 0 else 0


_MODULE = re.compile(
    r"(\w{1,40})(?: \(\w{1,40}\))?(?:: \d{1,3})?-\d{1,3} {1,60}((?:\[(?:-?\d{1,9}, ?){0,4}[1-9]\d{0,8}\] {1,60}){1,2})"
    r"(\d[\d,]{0,15}|--)(?![\w.])"
)
"""A module in a table of torchinfo: its class, its input shape if that is shown, its output shape, its parameters."""

_INPUT_SIZE = re.compile(r"Input size \(MB\): (\d{1,6}\.\d{2,9})")

_CELLS_IN_TORCH: Mapping[str, type[Recurrent]] = {"LSTM": LSTM, "GRU": GRU, "RNN": SimpleRNN}
_PLAIN = ("ReLU", "Tanh", "Sigmoid", "Dropout")
_AROUND = ("Sequential", "ModuleList", *_CELLS_IN_TORCH)
"""Classes of modules whose own row has no parameters if those inside have rows, too."""


def printed_modules(text: str) -> str | None:
    """Return the modules of a table that torchinfo prints; None if others might print the same, or none would."""
    rows, total, size = _MODULE.findall(text), _TOTAL.search(text), _INPUT_SIZE.search(text)
    counts = [int(params.replace(",", "").replace("--", "0")) for *_, params in rows]
    if total is None or sum(counts) != int(total[1].replace(",", "")):
        return None
    modules: list[str] = []
    reads = 0
    for (kind, shapes, _), params in zip(rows, counts, strict=True):
        every = [[abs(int(axis)) for axis in shape.split(",")] for shape in re.findall(r"\[(.*?)\]", shapes)]
        *axes, units = every[-1]
        reads = reads or (every[0][-1] if len(every) > 1 else 0)
        fits = [*_modules_of(kind, reads, units, params)] if kind != "Embedding" or not modules else []
        if not reads and size is not None:  # four bytes for each number of the input, rounded
            numbers, within = prod(axes) * 4e-6, 0.06 * float(size[1]) + 0.1 ** len(size[1].partition(".")[2])
            fits = [each for each in fits if not each[0] or abs(each[0] * numbers - float(size[1])) <= within]
        if len(fits) != 1 and (params or kind not in _AROUND):
            return None
        modules += [call for _, call in fits]
        reads = units if modules else 0
    return ", ".join(modules) or None


def _modules_of(kind: str, reads: int, units: int, params: int) -> Iterator[tuple[int, str]]:
    """Yield the modules of a class that have a row's numbers, each with the features that it reads, if they matter."""
    if kind in _CELLS_IN_TORCH and params:
        for features, depth, ways in _stacks(_CELLS_IN_TORCH[kind].gates, units, params):
            if reads in (0, features):
                more = (
                    f", num_layers={depth}" * (depth > 1) + ", batch_first=True" + ", bidirectional=True" * (ways > 1)
                )
                yield features, f"nn.{kind}({features}, {units // ways}{more})"
    elif kind == "Linear" and params in ((reads + 1) * units, reads * units or -1):
        yield reads, f"nn.Linear({reads}, {units}{', bias=False' * (params == reads * units)})"
    elif kind == "Embedding" and params % units == 0 < params:
        yield 0, f"nn.Embedding({params // units}, {units})"
    elif kind in _PLAIN and not params:
        yield 0, f"nn.{kind}()"


def _stacks(gates: int, units: int, params: int) -> Iterator[tuple[int, int, int]]:
    """Yield the features that layers of PyTorch with a number of parameters may read, how many layers, and ways."""
    for ways, depth in product((1, 2) if units % 2 == 0 else (1,), range(1, 13)):
        above = units // ways + 2
        features, rest = divmod(params - (depth - 1) * gates * units * (units + above), gates * units)
        if rest == 0 < features - above:
            yield features - above, depth, ways
