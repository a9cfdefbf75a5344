"""Finds nodes by the names and shapes of arrays, for files that have nothing else.

Names vary, so only their ends are read (`encoder.rnn.weight_ih_l0`, `enc_w_ih`, `lstm/lstm_cell/kernel:0`), and shapes
decide: the ratio of the two sides of a recurrent weight is the number of gates. Each module with arrays becomes a node,
whether it is understood or not, and so does each level of a stack. `array_rows` infers which node reads which.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING, Any

from rnncli.errors import ArgumentError, RnncliError, shorten
from rnncli.formats import reading
from rnncli.formats.array_rows import MATRIX, OTHER_NORM, ending, linked, owner_of
from rnncli.formats.conventions import BATCHES, KERAS_CELL, KERAS_NAMES, KERAS_ROLES
from rnncli.formats.nodes import Node, Note, Read, takes_ids, tied
from rnncli.formats.tensors import Convention, Tensor, by_numbers
from rnncli.layers import GRU, LSTM, BatchNorm, Conv, Dense, Embedding, Layer, Norm, Recurrent, SimpleRNN
from rnncli.quantities import MAX_SIZE

if TYPE_CHECKING:
    from rnncli.formats.tensors import Numbers

CELLS: dict[int, type[Recurrent]] = {1: SimpleRNN, 3: GRU, 4: LSTM}
"""The cell for each number of gates."""

ACTIVATIONS = Note("the default activations (tanh, sigmoid gates, linear dense layers)", "assumed")

_CELL = re.compile(
    r"(?P<owner>.*?)[./_]?(?P<what>weight|bias|w|b)_?(?P<side>ih|hh|hr)(?:_l(?P<level>[0-9]{1,6}))?(?P<back>_reverse)?",
    re.DOTALL,
)
_KERAS = re.compile(rf"(?P<owner>.*)/(?P<role>{'|'.join(sorted(KERAS_ROLES))})(?::0)?", re.DOTALL)
_KERAS_CELL = re.compile(r"(?P<way>forward|backward)(_.*)?|.*_cell(_[0-9]+)?|cell")
_PLAIN = re.compile(
    r"(?P<owner>.*[./]|[^./]*_)(?P<role>weight|bias|running_mean|running_var|num_batches_tracked|w|b)", re.DOTALL
)
_EMBEDDING = re.compile("emb(?!er|l|_?(rnn|lstm|gru))")
_TABLE = re.compile(r"wte|lookup|vocab|(^|[._/])(wx?e|encoder)$")
"""Names of a matrix that is an embedding, and of one that is an embedding if a cell reads its rows."""

_PROJECTION = re.compile(
    r"(fc|lin|linear|proj|projection|dense|out|output|heads?|logits|decoder|generator|scores?|classifier)[._]?[0-9]*$"
)
"""Endings of names of a matrix that is multiplied by, whatever is next to it."""

APART = re.compile(
    r"att(n|ention|_w)|(^|[._/])(query|key|value|gate|[qkv])(_proj|_layer)?(/|$)|residual|skip|highway|shortcut"
    r"|peephole|(^|[._/])w_?c_?[ifo]$"
    r"|(^|[._/])res([._/]|$)|conv(1d)?_?bank|bag([._/]|$)|codebook|(^|[._/])vq|mogrif"
)
"""Names of modules that are next to a row and not in it, whatever their sizes."""

_NESTED = 50
"""How many enclosing modules are looked at."""

_OTHER_CONV = re.compile(r"transpose|deconv|upconv|upsampl\w*$|einsum|bilin")
"""Names of other modules that have a three-dimensional array."""


@dataclass
class _ModuleArrays:
    """A module with arrays: by level, if it is a stack of cells, and others."""

    name: str
    convention: Convention
    others: dict[str, Tensor] = field(default_factory=dict)
    levels: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def nodes_of(
    tensors: Sequence[Tensor], *, ordered: bool | None = None, told: Callable[[Node], Node] = lambda node: node
) -> list[Node]:
    """Return the nodes that arrays form, with edges as far as names, order and sizes determine them.

    Args:
        tensors: the arrays.
        ordered: whether they are in the order of the model; None, unless they are sorted by name.
        told: returns a node with what the file says about it besides its arrays.
    """
    if ordered is None:
        ordered = not _is_sorted(tensors)
    if not ordered:
        tensors = sorted(tensors, key=lambda each: by_numbers(each.name))
    named, scales = _without_parametrizations(tensors)
    modules: dict[str, _ModuleArrays] = {}
    for name, tensor in named.items():
        owner, convention, role, level = _role_of(name)
        module = modules.setdefault(owner, _ModuleArrays(owner, convention))
        (module.others if level is None else module.levels.setdefault(level, {}))[role] = tensor
    nodes = [_real(told(node)) for module in modules.values() for node in _nodes_of_module(module)]
    # A module with the name of another's level is in no part.
    nodes = [*{node.name: node for node in _without_inner_parts(nodes)}.values()]
    ordered = ordered or _is_numbered(modules)
    nodes = [*_once(_with_tables(nodes, ordered))]
    places = [[each.place for each in node.tensors.values() if each.place is not None] for node in nodes]
    return [*linked([*tied(nodes, places)], ordered), *scales]


def _without_parametrizations(tensors: Sequence[Tensor]) -> tuple[dict[str, Tensor], list[Node]]:
    """Return arrays by their plain names, and the further arrays that PyTorch computes some of them with.

    A weight that is dropped in training is named `_raw` and belongs to the module itself, or to one that wraps it; its
    dropped copy, if that is saved as well, is one of the further arrays. So are counts that thop leaves in a module.
    """
    named = {tensor.name: tensor for tensor in tensors}
    plain: dict[str, str] = {}
    counts = [name for name in named if re.search(r"(^|\.)total_(ops|params)$", name)]
    further = {name: Node(name, "thop count", tensors={"": named[name]}) for name in counts}
    for name in named:
        if name.endswith("_raw") and _CELL.fullmatch(name[:-4]):
            owner, _, role = name[:-4].rpartition(".")
            inner = f"{owner}.module.{role}"
            plain[name] = inner if inner in named or f"{owner}.module.bias_ih_l0" in named else name[:-4]
            if dropped := named.get(plain[name]):
                further[dropped.name] = Node(dropped.name, "dropped weight", tensors={"weight": dropped})
    inside: dict[str, dict[str, Tensor]] = {}
    for name, tensor in named.items():
        owner, new, rest = name.partition("parametrizations.")
        weight, _, end = rest.partition(".") if new else name.rpartition("_")
        if re.search("weight|bias", weight) and (new or end in _ENDS.values()):
            inside.setdefault(owner + weight if new else weight, {})[_ENDS.get(end, end)] = tensor
    for stem, ends in inside.items():
        rows = [(kind, *row) for kind, row in _PARAMETRIZATIONS.items() if {*row[0]} == {*ends}]
        if "orig" in ends and ends["orig"].name.endswith(".original"):
            said = f"the file does not say how to compute {shorten(stem)} from its array"
            rows.append(("parametrization", (*sorted(ends, key="orig".__ne__),), lambda *_: True, _unknown, said))
        for kind, order, fits, formula, said in rows:
            tensor, *others = (ends[end] for end in order)
            if tensor.name not in plain and fits(tensor.shape, *(each.shape for each in others)):
                named[tensor.name] = tensor._replace(read=partial(_computed, formula, tensor, others))
                plain[tensor.name] = stem
                notes = (Note(f"{kind}: {said}", "left out"),)
                further |= {each.name: Node(each.name, kind, tensors={"": each}, notes=notes) for each in others}
                further |= {stem: Node(stem, kind, notes=notes)} if formula is _unknown else {}
    return {plain.get(name, name): each for name, each in named.items() if name not in further}, [*further.values()]


def _computed(weight: Callable[..., Any], tensor: Tensor, others: Sequence[Tensor]) -> Numbers:
    """Return the weight that a module computes from several arrays."""
    import numpy as np

    array = tensor.read()
    # Numbers are checked to be finite where they are used.
    with reading(f"array {shorten(tensor.name)}"), np.errstate(all="ignore"):
        return np.asarray(weight(array.astype("float64"), *(each.read() for each in others)), array.dtype)


def _is_scale(v: tuple[int, ...], g: tuple[int, ...]) -> bool:
    """Return whether each axis of g has length 1 or that of v; g may also be a single number."""
    return not g or (len(g) == len(v) and all(size in (1, whole) for size, whole in zip(g, v, strict=True)))


def _scaled(v: Numbers, g: Numbers) -> Any:
    """Return g·v/|v|; the norm is over the axes along which g has length 1, or over all if g is a single number."""
    axes = tuple(axis for axis, size in enumerate(g.shape or v.shape) if size == 1 or not g.ndim)
    return g / (v**2).sum(axis=axes, keepdims=True) ** 0.5 * v


def _unknown(*_: Numbers) -> Any:
    raise RnncliError("a parametrization computes this weight, and the file does not say how")


_ENDS = {"original": "orig", "original0": "g", "original1": "v", "0._u": "u", "0._v": "v", "mask": "mask"}
"""The ends of the names of the arrays that a weight is computed from: those of earlier versions for the new ones."""

_PARAMETRIZATIONS: Mapping[str, tuple[tuple[str, ...], Callable[..., bool], Callable[..., Any], str]] = {
    "weight_norm": (("v", "g"), _is_scale, _scaled, "the scale g of a weight is not counted; a run uses g·v/|v|"),
    "spectral_norm": (
        ("orig", "u", "v"),
        lambda shape, u, v: shape != () and (u, v) == (shape[:1], (prod(shape[1:]),)),
        lambda weight, u, v: weight / (u @ (weight.reshape(len(u), -1) @ v)),  # by its largest singular value
        "the vectors u and v of a weight W are not counted; a run uses W/(u·W·v)",
    ),
    "pruning": (
        *(("orig", "mask"), operator.eq, operator.mul),
        "the mask of a weight is not counted; a run uses weight·mask",
    ),
}
"""How PyTorch computes a weight from an array and others, by technique.

The ends of their names, the shapes that fit, the weight, and a sentence on the other arrays.
"""


def _is_sorted(tensors: Sequence[Tensor]) -> bool:
    """Return whether arrays are sorted by name within each type, as safetensors sorts them."""
    names: dict[str, list[str]] = {}
    for tensor in tensors:
        names.setdefault(tensor.dtype, []).append(tensor.name)
    return all(each == sorted(each) for each in names.values())


def _is_numbered(names: Iterable[str]) -> bool:
    """Return whether all modules are numbered in one sequence, like those of an nn.Sequential."""
    parts = [name.rpartition(".") for name in names]
    return all(number.isdigit() for _, _, number in parts) and len({home for home, _, _ in parts}) == 1


def _role_of(name: str) -> tuple[str, Convention, str, int | None]:
    """Return an array's module, the convention of its name, its role in the module, and its level."""
    if (cell := _CELL.fullmatch(name)) is not None:
        what = {"w": "weight", "b": "bias"}.get(cell["what"], cell["what"])
        return cell["owner"], "torch", f"{what}_{cell['side']}{cell['back'] or ''}", int(cell["level"] or 0)
    if (keras := _KERAS.fullmatch(name)) is not None:
        steps, way = keras["owner"].split("/"), ""
        while len(steps) > 1 and not steps[-2].startswith("stacked_rnn_cells"):
            if (inner := _KERAS_CELL.fullmatch(steps[-1])) is None:
                break
            way = f"{inner['way']}/" if inner["way"] else way
            steps.pop()
        if len(steps) > 1 and steps[-1] == steps[-2]:  # lstm/lstm/kernel:0, as in files of Keras 2
            steps.pop()
        return "/".join(steps), "keras", way + keras["role"], None
    if (plain := _PLAIN.fullmatch(name)) is not None:
        return plain["owner"][:-1], "torch", {"w": "weight", "b": "bias"}.get(plain["role"], plain["role"]), None
    if _EMBEDDING.search(ending(name)):
        return name, "torch", "weight", None
    owner, _, role = name.rpartition("." if "." in name else "/")
    return owner or name, "torch", role, None


def _nodes_of_module(module: _ModuleArrays) -> Iterator[Node]:
    """Yield the nodes of a module: one per level of a stack, or an unknown one if it has more than a stack."""
    name, others = module.name or "rnn" * bool(module.levels), module.others  # a cell may be saved by itself
    if module.levels and others:
        said = f"has {shorten(next(iter(others)))} besides the arrays of a cell, which is not understood"
        tensors = {f"{role}@{level}": each for level, roles in module.levels.items() for role, each in roles.items()}
        yield _left_out(Node(name, "recurrent cell", tensors=tensors | others, convention="torch"), said)
    elif module.levels:
        for level, roles in sorted(module.levels.items()):
            title = name if len(module.levels) == 1 else f"{name} (layer {level})"
            below = (Read(f"{name} (layer {level - 1})"),) if level else None
            yield _cell(title, roles, "torch", below)
    elif any(role.endswith("recurrent_kernel") for role in others):
        yield _cell(name, others, module.convention)
    else:
        yield _stateless(name, others, module.convention)


def _left_out(node: Node, said: str) -> Node:
    return replace(node, notes=(Note(f"{shorten(node.name)} {said}", "left out"),))


def _real(node: Node) -> Node:
    """Return a node, without its layer if its numbers are complex."""
    if node.word is None or not any(tensor.dtype.startswith("complex") for tensor in node.tensors.values()):
        return node
    return _left_out(replace(node, word=None), "has complex numbers, and layers have real ones")


def _cell(
    name: str, roles: Mapping[str, Tensor], convention: Convention, below: tuple[Read, ...] | None = None
) -> Node:
    """Return a recurrent layer that reads the level below it, if the arrays are exactly those of such a layer."""
    torch = convention == "torch"
    both = any(role.startswith("backward/") or role.endswith("_reverse") for role in roles)
    if not (torch or both):
        roles = {role.rpartition("/")[2]: tensor for role, tensor in roles.items()}
    names = ("weight_ih", "weight_hh", "bias_ih", "weight_hr") if torch else KERAS_CELL
    kernel, recurrent, bias, projection = (f"forward/{each}" if both and not torch else each for each in names)
    found = {role: tensor.shape for role, tensor in roles.items()}
    node = Node(name, "recurrent cell", None, below, tensors=roles, convention=convention)
    if re.search(r"(^|/)time_distributed(_[0-9]+)?/layer$", name):
        return _left_out(node, "is in a TimeDistributed, which specs do not have for cells")
    ih, hh = found.get(kernel, ()), found.get(recurrent, ())
    if len(ih) != 2 or len(hh) != 2:
        return _left_out(node, f"is not a cell: {kernel} or {recurrent} is missing or not a matrix")
    (rows, units), reads = (hh, ih[1]) if torch else (hh[::-1], ih[0])
    projected = len(found.get(projection, ())) == 2
    if projected:
        units = found[projection][1 if torch else 0]
    gates, rest = divmod(rows, units) if units else (0, 0)
    if rest or gates not in CELLS or not reads or max(rows, reads) > MAX_SIZE:
        return _left_out(node, f"is not an rnn, gru or lstm: its {recurrent} is {hh} and its {kernel} {ih}")
    settings: dict[str, object] = {"merge_mode": "concat" if both else None, "use_bias": bias in found}
    unsaid = {"return_sequences"} | ({"merge_mode"} if both and not torch else set())
    # Keras's old CuDNNLSTM and CuDNNGRU have the input bias and the state bias end to end.
    cudnn = not torch and gates > 1 and found.get(bias) == (2 * rows,)
    if gates == 3 and not torch:
        settings["reset_after"] = cudnn or bias not in found or len(found[bias]) == 2
        unsaid |= set() if bias in found else {"reset_after"}
    if projected and CELLS[gates] is LSTM:
        settings["proj_size"] = hh[1] if torch else hh[0]
    layer = CELLS[gates](units, **settings)  # type: ignore[arg-type]  # each is what the class takes
    weights = layer.weights((None, None, reads), "torch" if torch else "keras")
    expected = {weight.name.replace("_l0", ""): weight.shape for weight in weights}
    if cudnn:
        found |= {role: expected.get(role, shape) for role, shape in found.items() if shape == (2 * rows,)}
    for role in dict.fromkeys((*expected, *found)):
        if found.get(role) != expected.get(role):
            here = shorten(str(found.get(role, "missing")))
            said = f"does not match {layer.kind}:{units}: its {role} is {here}, expected {expected.get(role, 'none')}"
            return _left_out(node, said)
    kind, of = (layer.torch, convention) if torch else (layer.keras, "cudnn" if cudnn else convention)
    return Node(name, kind, layer, below, reads, roles, of, notes=(ACTIVATIONS,), unsaid=frozenset(unsaid))


def _stateless(name: str, roles: Mapping[str, Tensor], convention: Convention) -> Node:
    """Return the stateless layer with exactly these arrays, or a node that is not understood."""
    shapes = {role: tensor.shape for role, tensor in roles.items()}
    found = None if APART.search(ending(name)) else _layer_of(ending(name), shapes, convention)
    if found is None:
        return Node(name, _kind_of(name, shapes), tensors=roles, convention=convention)
    word, reads = found
    kind = word.torch if convention == "torch" else word.keras
    unsaid = frozenset({"epsilon"} & {option.attribute for option in word.options})
    notes = [ACTIVATIONS]
    if word.window is not None:
        plain = "a stride and a dilation of 1, one group, no padding, no activation and no pool after it"
        plain += ", and is not transposed" * (reads == word.output_features(1))
        notes.append(Note(f"{shorten(name)} has {plain}", "assumed"))
    shifted = "bias" in roles and re.search("layer_?norm|ln", ending(name))  # only a LayerNorm has such a name
    if word.kind == "norm" and convention == "torch" and not shifted:
        said = f"{shorten(name)} is a LayerNorm, not a GroupNorm or RMSNorm"
        notes.append(Note(said, "assumed"))
    return Node(name, kind, word, None, reads, roles, convention, notes=tuple(notes), unsaid=unsaid)


def _layer_of(
    name: str, shapes: Mapping[str, tuple[int, ...]], convention: Convention
) -> tuple[Layer, int | None] | None:
    """Return the stateless layer that has arrays of these shapes, and how many features it reads."""
    torch = convention == "torch"
    scales = torch and (len(shapes.get("weight", ())) == 1 or "running_mean" in shapes)
    names = KERAS_NAMES["bnorm" if scales else "dense"] if torch else {}
    found = {
        names.get(role, role): shape[::-1] if role == "weight" else shape
        for role, shape in shapes.items()
        if role != BATCHES
    }
    normalizes: dict[str, Any] = {"center": "beta" in found, "scale": "gamma" in found}
    normalizes |= {"epsilon": 1e-5} if torch else {}  # PyTorch's default
    word: Layer
    reads: int | None = None
    try:
        match found:
            case {"embeddings": (rows, columns)}:
                word = Embedding(rows, columns)
            case {"kernel": (reads, units)}:
                word = Dense(units, use_bias="bias" in found)
            case {"kernel": (width, reads, filters)} if not _OTHER_CONV.search(name):
                word = Conv(filters, width, use_bias="bias" in found)
            case {"moving_mean": (reads,)} if not re.search("instance", name):
                word = BatchNorm(**normalizes)
            case {"gamma": (reads,)} | {"beta": (reads,)} if not torch or (
                re.search("norm|ln", name) and not OTHER_NORM.search(name)
            ):
                word = Norm(**normalizes)
            case _:
                return None
    except ArgumentError:  # a size that specs do not allow
        return None
    expected = {weight.name: weight.shape for weight in word.weights((None, None, reads))}
    return (word, reads) if expected == found and (reads is None or 0 < reads <= MAX_SIZE) else None


def _kind_of(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the class of a module that specs have no word for, as far as its arrays identify it."""
    if {"running_mean", "moving_mean", "running_var", "moving_variance"} & {*shapes}:
        return "BatchNormalization" if any(role.startswith("moving") for role in shapes) else "BatchNorm"
    if {"in_proj_weight", "in_proj_bias", "q_proj_weight"} & {*shapes}:
        return "MultiheadAttention"
    rank = len(shapes.get("weight", shapes.get("kernel", ())))
    return f"Conv{rank - 2}D" if 3 <= rank <= 5 and not APART.search(ending(name)) else "unknown"


def _without_inner_parts(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield nodes; a layer inside a module that is not understood, such as an attention's out_proj, belongs to that.

    A cell that contains other layers is not understood: PyTorch's and Keras's contain none.
    """
    inner = {name: node for node in nodes for name in _ancestors(node.name)}
    nodes = [
        _left_out(replace(node, word=None), f"contains {shorten(inner[owner].name)}, which is not understood")
        if node.loops and (owner := owner_of(node.name)) in inner
        else node
        for node in nodes
    ]
    around = {name for node in nodes if node.loops for name in _ancestors(owner_of(node.name))}
    opaque = {node.name for node in nodes if node.word is None} - around
    inside: dict[str, dict[str, Tensor]] = {}
    apart = []
    for node in nodes:
        outer = [] if node.loops or not opaque else [*filter(opaque.__contains__, _ancestors(node.name))]
        if outer:
            inside.setdefault(outer[-1], {}).update({tensor.name: tensor for tensor in node.tensors.values()})
        else:
            apart.append(node)
    yield from (replace(node, tensors={**node.tensors, **inside.get(node.name, {})}) for node in apart)


def _ancestors(name: str) -> list[str]:
    """Return the enclosing modules, innermost first."""
    return [name[: end.start()] for end in re.finditer(r"[./]", name)][: -_NESTED - 1 : -1]


def _once(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes, each module once: PyTorch saves a module with two names under both, with the same numbers."""
    known = set[frozenset[object]]()
    for node in nodes:
        table, held = takes_ids(node.word), node.tensors.items()
        places = frozenset((table, role, tensor.place) for role, tensor in held if tensor.place is not None)
        # A single matrix that two modules have may be tied weights, unless both are embeddings.
        if len(places) < max(1 if table else 2, len(held)) or places not in known:
            yield node
        known.add(places)


def _with_tables(nodes: Sequence[Node], ordered: bool) -> Iterator[Node]:
    """Yield nodes; a single matrix is an embedding if its name indicates it, or if it precedes a cell that fits."""
    read = {node.features for node in nodes if node.loops}
    for node, after in zip_longest(nodes, nodes[1:]):
        name = ending(node.name)
        matrix = [tensor.shape for tensor in node.tensors.values()]
        alone = node.word is not None and node.convention == "torch" and [*map(len, matrix)] == [2]
        if not alone or _PROJECTION.search(name):
            yield node
            continue
        ((rows, columns),) = matrix
        table = replace(node, kind="Embedding", word=Embedding(rows, columns), features=None)
        before = (
            ordered and after is not None and after.loops and after.features == columns and rows not in (1, columns)
        )
        if _EMBEDDING.search(name):
            yield table
        elif (named := node.features in read and _TABLE.search(name)) or before:
            said = f"{shorten(node.name)} is an embedding, judging by its {'name' if named else 'place'} and shape"
            yield replace(table, notes=(*node.notes, Note(said, "assumed")))
        else:
            yield replace(node, kind=MATRIX)
