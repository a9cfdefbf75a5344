"""What the names and shapes of arrays tell: the layers that own them.

Names vary, so only their ends are read (`encoder.rnn.weight_ih_l0`, `enc_w_ih`, `lstm/lstm_cell/kernel:0`), and shapes
decide: the ratio of the two sides of a recurrent weight is the number of gates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rnncli.formats.nodes import Node, layer_node
from rnncli.formats.tensors import Convention, Tensor
from rnncli.layers import GRU, LSTM, Dense, Embedding, Head, Layer, Norm, Recurrent, SimpleRNN
from rnncli.quantities import MAX_SIZE

CELLS: dict[int, type[Recurrent]] = {1: SimpleRNN, 3: GRU, 4: LSTM}
"""The cell for each number of gates."""

_TORCH_CELL = re.compile(
    r"(?P<owner>.*?)[./_]?(?:weight|w)_?(?P<role>ih|hh)(?:_l(?P<level>[0-9]{1,4}))?(?P<reverse>_reverse)?"
    r"|(?P<bias_owner>.*?)[./_]?(?:bias|b)_?(?P<bias_role>ih|hh)(?:_l(?P<bias_level>[0-9]{1,4}))?(?P<bias_reverse>_reverse)?",
    re.DOTALL,
)
_PROJECTION = re.compile(r"(?P<owner>.*?)[./_]?weight_hr(?:_l[0-9]{1,4})?(?:_reverse)?", re.DOTALL)
_KERAS = re.compile(
    r"(?P<owner>.*)/(?P<role>kernel|recurrent_kernel|bias|embeddings|gamma|beta|moving_mean|moving_variance)(?::0)?",
    re.DOTALL,
)
_PLAIN = re.compile(r"(?P<owner>.*?)[./_](?P<role>weight|bias|running_mean|running_var|w|b)", re.DOTALL)


class Link(NamedTuple):
    """A layer that may be linked to others, with the sizes that it reads and returns."""

    piece: Node
    reads: int
    returns: int


@dataclass
class _Owner:
    """Something in the file that owns arrays, by their roles."""

    name: str
    convention: Convention
    tensors: dict[str, Tensor] = field(default_factory=dict)


def _owners(tensors: Iterable[Tensor]) -> list[_Owner]:
    """Return what owns the arrays, in the order of the file."""
    owners: dict[tuple[str, Convention], _Owner] = {}

    def add(name: str, convention: Convention, role: str, tensor: Tensor) -> None:
        owners.setdefault((name, convention), _Owner(name, convention)).tensors[role] = tensor

    for tensor in tensors:
        name = tensor.name
        if (cell := _TORCH_CELL.fullmatch(name)) is not None:
            lead = "" if cell["role"] else "bias_"
            level, reverse = cell[f"{lead}level"] or "0", cell[f"{lead}reverse"] or ""
            add(cell[f"{lead}owner"], "torch", f"{lead or 'weight_'}{cell[f'{lead}role']}@{level}{reverse}", tensor)
        elif (projection := _PROJECTION.fullmatch(name)) is not None:
            add(projection["owner"], "torch", "weight_hr", tensor)
        elif (keras := _KERAS.fullmatch(name)) is not None:
            owner, direction = _without_cell(keras["owner"])
            add(owner, "keras", direction + keras["role"], tensor)
        elif (plain := _PLAIN.fullmatch(name)) is not None:
            add(plain["owner"], "torch", {"w": "weight", "b": "bias"}.get(plain["role"], plain["role"]), tensor)
        elif "emb" in name.lower() and len(tensor.shape) == 2:
            add(name, "torch", "weight", tensor)
    return list(owners.values())


def _without_cell(path: str) -> tuple[str, str]:
    """Return the name of a layer of Keras without its cell's, and the direction that the path says: `forward/`."""
    parts = path.split("/")
    direction = ""
    while len(parts) > 1 and (match := re.fullmatch(r"(forward|backward)(_.*)?|.*_cell(_[0-9]+)?|cell", parts[-1])):
        direction = f"{match[1]}/" if match[1] else direction
        parts.pop()
    if len(parts) > 1 and parts[-1] == parts[-2]:  # lstm/lstm/kernel:0, as files of Keras 2 have it
        parts.pop()
    return "/".join(parts), direction


def layers_of(tensors: Sequence[Tensor], notes: list[str]) -> Iterator[Link]:
    """Yield the layers that arrays are, in the order of the file; what is nearly one is noted."""
    for owner in _owners(tensors):
        roles = owner.tensors
        if any("hh@" in role for role in roles):
            yield from _torch_levels(owner, notes)
        elif any(role.endswith("recurrent_kernel") for role in roles):
            yield from _keras_recurrent(owner, notes)
        else:
            yield from _stateless(owner)


def _torch_levels(owner: _Owner, notes: list[str]) -> Iterator[Link]:
    """Yield the layers of a module of PyTorch, one for each level of its stack."""
    if "weight_hr" in owner.tensors:
        notes.append(f"{owner.name} has proj_size (weight_hr): neither Keras nor rnncli has such a cell")
        return
    levels: dict[int, dict[str, Tensor]] = {}
    for role, tensor in owner.tensors.items():
        plain, _, suffix = role.partition("@")
        number = suffix.removesuffix("_reverse")
        levels.setdefault(int(number), {})[plain + suffix.removeprefix(number)] = tensor
    for level in sorted(levels):
        own = levels[level]
        name = owner.name if len(levels) == 1 else f"{owner.name} (layer {level})"
        ih, hh = own.get("weight_ih"), own.get("weight_hh")
        shapes = {role: tensor.shape for role, tensor in own.items()}
        both = any(role.endswith("_reverse") for role in own)
        fault = _cell_fault(shapes, "weight_ih", "weight_hh", reverse=both)
        if ih is None or hh is None or fault:
            notes.append(f"{name}: {fault or 'one of weight_ih and weight_hh is missing'}")
            return
        units = hh.shape[1]
        layer = CELLS[hh.shape[0] // units](
            units, merge_mode="concat" if both else None, use_bias="bias_ih" in own or "bias_hh" in own
        )
        yield Link(layer_node(layer, name, "torch", own), ih.shape[1], units * (1 + both))


def _cell_fault(shapes: dict[str, tuple[int, ...]], kernel: str, recurrent: str, *, reverse: bool) -> str:
    """Return what is wrong with the shapes of a cell of PyTorch; nothing if they are right."""
    for suffix in ("", "_reverse") if reverse else ("",):
        ih, hh = shapes.get(kernel + suffix, ()), shapes.get(recurrent + suffix, ())
        if len(ih) != 2 or len(hh) != 2 or not all((*ih, *hh)):
            return f"{kernel} {ih} and {recurrent} {hh} are no matrices of one cell"
        gates, rest = divmod(hh[0], hh[1])
        if rest or gates not in CELLS or ih[0] != hh[0] or max(*ih, *hh) > MAX_SIZE:
            return f"{recurrent} {hh} and {kernel} {ih} belong to no rnn, gru or lstm"
        biases = [shapes[name] for name in (f"bias_ih{suffix}", f"bias_hh{suffix}") if name in shapes]
        if len(biases) == 1 or any(bias != (hh[0],) for bias in biases):
            return f"its biases {', '.join(map(str, biases))} do not go with {recurrent} {hh}"
    if reverse:
        for role, shape in shapes.items():
            plain = role.removesuffix("_reverse")
            other = shapes.get(f"{plain}_reverse" if plain == role else plain)
            if other != shape:
                return f"{role} {shape} has {'no array' if other is None else other} beside it in the other direction"
    return ""


def _keras_recurrent(owner: _Owner, notes: list[str]) -> Iterator[Link]:
    """Yield the layer of Keras that an owner is."""
    both = any(role.startswith("backward/") for role in owner.tensors)
    lead = "forward/" if both else ""
    tensors = {role: tensor for role, tensor in owner.tensors.items() if both or "/" not in role}
    kernel, recurrent, bias = (tensors.get(f"{lead}{role}") for role in ("kernel", "recurrent_kernel", "bias"))
    if kernel is None or recurrent is None or len(kernel.shape) != 2 or len(recurrent.shape) != 2:
        notes.append(f"{owner.name}: one of kernel and recurrent_kernel is missing, or no matrix")
        return
    units, columns = recurrent.shape
    gates, rest = divmod(columns, units) if units else (0, 1)
    if rest or gates not in CELLS or kernel.shape[1] != columns or max(*kernel.shape, columns) > MAX_SIZE:
        notes.append(f"{owner.name}: recurrent_kernel {recurrent.shape} belongs to no rnn, gru or lstm")
        return
    settings: dict[str, object] = {"merge_mode": "concat" if both else None, "use_bias": bias is not None}
    # Keras's old CuDNNLSTM and CuDNNGRU have the bias of the input and that of the state end to end.
    cudnn = gates > 1 and bias is not None and bias.shape == (2 * columns,)
    if gates == 3 and bias is not None:
        settings["reset_after"] = cudnn or len(bias.shape) == 2
    layer = CELLS[gates](units, **settings)  # type: ignore[arg-type]  # each is what the class takes
    shapes = {role: tensor.shape for role, tensor in tensors.items()}
    if cudnn:
        shapes = {
            role: ((2, columns) if gates == 3 else (columns,))
            if role.endswith("bias") and shape == (2 * columns,)
            else shape
            for role, shape in shapes.items()
        }
    piece = layer_node(layer, owner.name, "cudnn" if cudnn else "keras", tensors)
    expected = {weight.name: weight.shape for weight in layer.weights((None, None, kernel.shape[0]))}
    if shapes != expected:
        notes.append(f"{owner.name}: the shapes of its arrays are not those of one layer")
        return
    yield Link(piece, kernel.shape[0], units * (1 + both))


def _stateless(owner: _Owner) -> Iterator[Link]:
    """Yield the layer without a state that an owner is, if it is one that the language has."""
    shapes = {role: tensor.shape for role, tensor in owner.tensors.items()}
    layer: Layer | None = None
    reads = 0
    match owner.convention, shapes:
        case "torch", {"weight": (rows, columns), **rest} if min(rows, columns) > 0 and max(rows, columns) <= MAX_SIZE:
            if not rest and "emb" in owner.name.lower():
                layer = Embedding(rows, columns)
            elif not rest or rest == {"bias": (rows,)}:
                layer, reads = Dense(rows, use_bias=bool(rest)), columns
        case "torch", {"weight": (size,), **rest} if size and (not rest or rest == {"bias": (size,)}):
            if re.search("norm|ln", owner.name.lower()):
                layer, reads = Norm(center=bool(rest), epsilon=1e-5), size  # PyTorch's default
        case "keras", {"embeddings": (rows, columns)} if (
            len(shapes) == 1 and min(rows, columns) > 0 and max(rows, columns) <= MAX_SIZE
        ):
            layer = Embedding(rows, columns)
        case "keras", {"kernel": (rows, columns), **rest} if min(rows, columns) > 0 and max(rows, columns) <= MAX_SIZE:
            if not rest or rest == {"bias": (columns,)}:
                layer, reads = Dense(columns, use_bias=bool(rest)), rows
        case "keras", {"gamma": (size,), **rest} if size and (not rest or rest == {"beta": (size,)}):
            layer, reads = Norm(center=bool(rest)), size
        case "keras", {"beta": (size,)} if size and len(shapes) == 1:
            layer, reads = Norm(scale=False), size
    if layer is not None:
        returns = layer.output_shape((None, None) if isinstance(layer, Head) else (None, reads))[-1]
        yield Link(layer_node(layer, owner.name, owner.convention, owner.tensors), reads, returns or 0)
