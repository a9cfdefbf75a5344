"""The tensors in what torch.save pickled: in dictionaries, in modules and in objects of any class, with their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.tensors import MAX_ARRAYS, MAX_RANK, WIDTHS
from rnncli.formats.torch.unpickling import Made, Named, Pairs, Referred

MAX_DEPTH = 100
"""How deep containers and objects may stand inside of one another."""

MAX_NAME = 1_000
"""The longest name of a tensor, with those of all containers around it."""

_MAX_SIZE = 2**48

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
    "QInt32Storage": "int32",
    "QUInt4x2Storage": "uint8",
    "QUInt2x4Storage": "uint8",
}
"""The type of the numbers in each of PyTorch's storages."""

_STORAGE_TEXT = re.compile(
    r"\('storage', <class 'torch(?:\.\w+)*\.(\w+)'>, '([^']*)', '[^']*', ([0-9]{1,15})(, None)?\)"
)
"""How the protocol 0 writes what refers to a storage."""

_OF_TRAINING = re.compile(
    r"optim(izer)?s?(_\w+)?|opt|(lr_)?schedulers?(_\w+)?|(grad_)?scaler|exp_avg(_sq)?|momentum_buffer"
    r"|(\w+_)?rng(_\w+)?"
)
"""Keys of a checkpoint that lead to what only training needs."""

_PLAIN = re.compile(
    r"(_codecs|argparse|collections|datetime|pathlib(\._local)?|types)\.\w+"
    r"|(__builtin__|builtins)\.(bool|bytearray|bytes|complex|dict|float|frozenset|int|list|long|object|set|slice|str)"
    r"|(__builtin__|builtins)\.(tuple|unicode|x?range)"
    r"|numpy\.(dtype|ndarray)|numpy\._?core\.multiarray\.scalar"
    r"|torch(\._utils|\.jit\._pickle|\.serialization|\.storage|\.torch_version)?\.\w+"
)
"""Settings, times, paths and types: what a checkpoint holds beside its tensors, and nobody misses."""

_MEMBERS = ("_parameters", "_buffers", "_modules")
"""The attributes of a module that hold its tensors and modules; their names are no part of a tensor's."""

_SAME_AGAIN = "_flat_weights"
"""An attribute of a scripted module that holds tensors which have names of their own."""

_LONGEST_NUMBER, _MOST_KEYS = 128, 4
"""The bits of the longest number that is a name, and the most words of a tuple that is one."""

_HANDS_ON = ("Dropout", "Identity")
"""Modules that return what they read, in a forward pass."""

_LONGEST_WORD = 80
"""The longest key and the longest name that are looked at."""

_SHOWN = 5


class Storage(NamedTuple):
    """A stretch of numbers in a file: their type, their key in the file, and how many there are."""

    dtype: str
    key: str
    length: int

    @property
    def bytes(self) -> int:
        """How many bytes it has."""
        return self.length * WIDTHS[self.dtype]


class Stored(NamedTuple):
    """A tensor: a view of a storage.

    Attributes:
        name: the keys and attributes that lead to it.
        shape: its shape.
        dtype: the type of its numbers; what it is where they cannot be read: `sparse`.
        key: that of the storage with its numbers; None where they cannot be read.
        offset: which number of the storage is its first.
        strides: how many numbers further the next one is, along each axis.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    key: str | None = None
    offset: int = 0
    strides: tuple[int, ...] = ()

    @property
    def view(self) -> object:
        """What two tensors share that have the same numbers, as tied weights do; None where that is not known."""
        return None if self.key is None else self[1:]

    @property
    def span(self) -> int:
        """How many numbers of its storage it reaches over, if it has any."""
        return 1 + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))

    @property
    def is_plain(self) -> bool:
        """Whether its numbers stand in one row in C order."""
        expected = 1
        for size, step in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and step != expected:
                return 0 in self.shape
            expected *= size
        return True


def storages_of(referred: Iterable[Referred]) -> dict[str, Storage]:
    """Return the storages that a pickle refers to, by key.

    Raises:
        RnncliError: it refers to something else, or contradicts what it said of the same storage before.
    """
    by_key: dict[str, Storage] = {}
    for each in referred:
        storage = _storage(each)
        known = by_key.setdefault(storage.key, storage)
        if known != storage:
            raise RnncliError(
                f"it says that numbers {shorten(known.key)} are {known.length:,} of {known.dtype}, and then "
                f"{storage.length:,} of {storage.dtype}"
            )
    return by_key


def _storage(referred: Referred) -> Storage:
    pid = referred.id
    if isinstance(pid, tuple) and len(pid) == 6 and pid[-1] is None:
        pid = pid[:-1]  # instead of None there is a part of the storage, which no PyTorch since 0.4 means
    if isinstance(pid, str) and (said := _STORAGE_TEXT.fullmatch(pid)):
        pid = ("storage", Named("torch", said[1]), said[2], "", int(said[3]))
    match pid:
        case ("storage", Named() as kind, str(key), _, int(length)):
            if kind.name in STORAGES and 0 <= length < _MAX_SIZE:
                return Storage(STORAGES[kind.name], key, length)
    raise RnncliError("it refers to something that is no storage")


class Found(NamedTuple):
    """What was pickled.

    Attributes:
        tensors: the tensors of a network.
        notes: what is left out beside them, a sentence each.
        relus: the names of RNNs whose activation is relu, as their modules say.
        differs: what a module says that its tensors do not, and that nothing here computes; may be empty.
    """

    tensors: list[Stored]
    notes: list[str]
    relus: frozenset[str]
    differs: str


def tensors_in(value: object, storages: Mapping[str, Storage]) -> Found:
    """Return the tensors in dictionaries, lists, modules and objects, each with the names that lead to it.

    A container or an object that is reached by two ways counts once.

    Raises:
        RnncliError: there are too many, they stand too deep, or one cannot be.
    """
    walk = _Walk(storages)
    walk.into(value, "", 0)
    names = Counter(each.name for each in walk.tensors)
    if twice := [name for name, count in names.items() if count > 1]:
        raise RnncliError(f"it holds two tensors {shorten(twice[0])}")
    notes = [*walk.notes()]
    modules = _listed(walk.modules)
    differs = f"modules without arrays are left out: {modules}" if modules else ""
    return Found(walk.tensors, notes, frozenset(walk.relus), differs)


_Container = Made | Pairs | list | tuple  # type: ignore[type-arg]  # of anything


class _Walk:
    """Goes through what was pickled.

    Attributes:
        tensors: the tensors of the network.
        modules: the modules without arrays, by class, but those that hand on what they read when nothing is trained.
        relus: the names of RNNs whose activation is relu.
    """

    def __init__(self, storages: Mapping[str, Storage]) -> None:
        self.tensors: list[Stored] = []
        self._storages = storages
        self._of_training: list[tuple[str, object]] = []
        self.modules: Counter[str] = Counter()
        self.relus: set[str] = set()
        self._left: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._counts = False  # the tensors of training, which come last

    def into(self, value: object, name: str, depth: int) -> None:
        """Add the tensors in a value, to which a name leads through so many containers."""
        if isinstance(value, Named):
            self._leave(value)
        elif call := _call(value):
            if len(self.tensors) >= MAX_ARRAYS:
                raise RnncliError(f"it holds more than {MAX_ARRAYS:,} tensors")
            self.tensors.append(_tensor(name or "tensor", *call, self._storages))
        elif isinstance(value, Made) and value.of.module.startswith("torch.optim") and not self._counts:
            self._of_training.append(("an optimizer", value.state))
        elif isinstance(value, _Container) and self._is_new(value):
            if depth > MAX_DEPTH:
                raise RnncliError(f"its containers are nested more than {MAX_DEPTH} deep")
            before = len(self.tensors) + len(self._of_training)
            for word, each in self._inside(value, name):
                if len(name) + len(word) > MAX_NAME:
                    raise RnncliError(f"tensor {shorten(name + word)} has a name of more than {MAX_NAME:,} characters")
                self.into(each, f"{name}.{word}" if name and word else name or word, depth + 1)
            if isinstance(value, Made) and before == len(self.tensors) + len(self._of_training):
                self._leave(value.of)

    def _is_new(self, value: _Container) -> bool:
        """Whether a container or an object was not reached before."""
        new = id(value) not in self._seen
        self._seen.add(id(value))
        return new

    def _inside(self, value: _Container, name: str) -> Iterator[tuple[str, object]]:
        """Yield what may have tensors of what stands in a container or an object, each with its name there."""
        if isinstance(value, Pairs):
            yield from _words(self._kept(value, name))
        elif isinstance(value, Made):
            states = value.state if isinstance(value.state, tuple) and len(value.state) == 2 else (value.state,)
            arguments = value.arguments if self._is_new(value.arguments) else ()
            yield from (("" if isinstance(each, Pairs) else f"{n}", each) for n, each in enumerate(arguments))
            yield from (("", each) for each in (value.items, value.pairs, *states))  # attributes, and those in slots
        elif all(isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[0], str) for each in value):
            yield from _words(value)  # keys and values, as Python 2 wrote an OrderedDict
        else:
            yield from _words(enumerate(value))

    def _kept(self, pairs: Pairs, name: str) -> Iterator[tuple[object, object]]:
        """Yield the pairs of a dictionary, or of the attributes of an object, that are of a network.

        Of a module these are its tensors and its modules. What training alone needs is counted later.
        """
        held = {key: value for key, value in pairs if isinstance(key, str)}
        if self._counts:
            yield from (pair for pair in pairs if pair[0] != "param_groups")
        elif {"param_groups", "state"} <= held.keys():
            self._of_training.append(("an optimizer", pairs))
        elif held.keys() >= {*_MEMBERS}:
            if held.get("mode") == "RNN_RELU":
                self.relus.add(name)
            self._left["torch.Tensor that is no parameter"] += sum(map(bool, map(_call, held.values())))
            for members in map(held.get, _MEMBERS):
                members = members.pairs if isinstance(members, Made) else members
                if isinstance(members, Pairs) and self._is_new(members):
                    yield from members
        else:
            kept = [(key, value) for key, value in pairs if not self._is_of_training(key, value)]
            calls = [call for _, value in kept if (call := _call(value))]
            # A loss, a score: beside such there are arrays in a state dict.
            alone = bool(calls) and not any(_tensor(name, *call, self._storages).shape for call in calls)
            self._left["torch.Tensor of one number"] += len(calls) * alone
            yield from ((key, value) for key, value in kept if not (alone and _call(value)))

    def _is_of_training(self, key: object, value: object) -> bool:
        """Whether a key leads to what training alone needs, which is kept for later, or to what has other names."""
        if not isinstance(key, str) or len(key) > _LONGEST_WORD or not _OF_TRAINING.fullmatch(key):
            return key == _SAME_AGAIN
        self._of_training.append((key, value))
        return True

    def _leave(self, named: Named) -> None:
        """Note that something is left out, unless it is plain or what training alone needs."""
        module, name = shorten(named.module, _LONGEST_WORD), shorten(named.name, _LONGEST_WORD)
        if self._counts or _PLAIN.fullmatch(f"{module}.{name}"):
            return
        if module.startswith(("torch.nn.modules.", "__torch__")):
            self.modules[name] += name not in _HANDS_ON
        else:
            self._left["numpy.ndarray" if name == "_reconstruct" else f"{module}.{name}"] += 1

    def notes(self) -> Iterator[str]:
        """Yield what is left out, and what is not read as it is."""
        needed, network = Counter[str](), self.tensors
        self._counts = True
        self._seen.clear()
        for key, value in self._of_training:
            self.tensors = []
            self.into(value, "", 0)
            needed[shorten(key)] += len(self.tensors)
        self.tensors = network
        if shown := _listed(needed, "array"):
            yield f"left out, as training alone needs them: {shown}"
        unread = Counter(tensor.dtype for tensor in self.tensors if tensor.key is None)
        if shown := _listed(unread, "tensor"):
            yield f"their numbers are not read: {shown}"
        if shown := _listed(self._left):
            yield f"left out beside the tensors: {shown}"


def _listed(counts: Counter[str], unit: str = "") -> str:
    """Return how many there are of each: `2 tensors (sparse)`, or `__main__.Config and 3 __main__.Mode`."""
    counts = +counts
    shown = [
        f"{count:,} {unit}{'s' * (count > 1)} ({what})" if unit else f"{count:,} {what}" if count > 1 else what
        for what, count in counts.most_common(_SHOWN)
    ]
    more = sum(counts.values()) - sum(count for _, count in counts.most_common(_SHOWN))
    return listed([*shown, *([f"{more:,} others"] if more else [])]) if shown else ""


def _words(pairs: Iterable[tuple[object, object]]) -> Iterator[tuple[str, object]]:
    """Yield the values of pairs that may have tensors, each with the name that its key gives it."""
    for index, (key, value) in enumerate(pairs):
        if isinstance(value, Named | _Container):
            yield _word(key, index), value


def _word(key: object, index: int) -> str:
    """Return the name that a key gives to what stands behind it; its place if it is no simple one."""
    match key:
        case str():
            return key[: MAX_NAME + 1].encode("utf-8", "replace").decode()
        case bytes():
            return key[: MAX_NAME + 1].decode("utf-8", "replace")
        case float() | None:
            return str(key)
        case int() if key.bit_length() <= _LONGEST_NUMBER:
            return str(key)
        case tuple() if len(key) <= _MOST_KEYS and all(isinstance(each, str | int) for each in key):
            return ".".join(_word(each, place) for place, each in enumerate(key))
    return str(index)


_Call = tuple[str, tuple[object, ...]]
"""The function of PyTorch that makes a tensor, and its arguments."""


def _call(made: object) -> _Call | None:
    """Return the call that makes a tensor, without what only wraps it: a parameter, attributes of its own."""
    if not isinstance(made, Made):
        return None
    of, arguments = made.of, made.arguments
    for _ in range(_MOST_WRAPPERS):
        if not of.module.startswith("torch.") or not arguments:
            return None
        inner = arguments[0]
        if of.name in ("_rebuild_parameter", "_rebuild_parameter_with_state") and isinstance(inner, Made):
            of, arguments = inner.of, inner.arguments
        elif of.name == "_rebuild_from_type_v2" and isinstance(inner, Named) and len(arguments) > 2:
            of, arguments = inner, arguments[2] if isinstance(arguments[2], tuple) else ()
    return (of.name, arguments[:_MOST_ARGUMENTS]) if of.name in (*_VIEWS, *_UNREAD) else None


_MOST_WRAPPERS, _MOST_ARGUMENTS = 3, 8
_VIEWS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_UNREAD = ("_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage")
"""The functions that make a tensor of a storage, and those of whose tensors only the shape is read."""


def _tensor(name: str, function: str, arguments: tuple[object, ...], storages: Mapping[str, Storage]) -> Stored:
    """Return the tensor that a call makes.

    Raises:
        RnncliError: there is no such tensor.
    """
    match (function, *arguments):
        case ("_rebuild_sparse_tensor", _, tuple() as data):
            sizes = next((each for each in data[:_MOST_ARGUMENTS] if isinstance(each, Made) and each.of == _SIZE), None)
            return Stored(name, _sizes(sizes, name), "sparse")
        case ("_rebuild_meta_tensor_no_storage", _, sizes, *_):
            return Stored(name, _sizes(sizes, name), "meta")
        case ("_rebuild_qtensor", _, _, sizes, *_):
            return Stored(name, _sizes(sizes, name), "quantised")
        case (_, Referred() as referred, int(offset), sizes, steps, *rest) if 0 <= offset < _MAX_SIZE:
            shape, strides, storage = _sizes(sizes, name), _sizes(steps, name), storages[_storage(referred).key]
            dtype = storage.dtype
            if function == "_rebuild_tensor_v3" and len(rest) > 2 and isinstance(rest[2], Named):
                dtype = rest[2].name
            if any(isinstance(each, Pairs) and each for each in rest[2:]):
                dtype = "conjugated or negated"
            if dtype not in WIDTHS:
                return Stored(name, shape, dtype)
            if len(shape) == len(strides):
                made = Stored(name, shape, dtype, storage.key, offset, strides)
                length = storage.bytes // WIDTHS[dtype]
                if 0 not in shape and offset + made.span > length:
                    raise RnncliError(f"tensor {shorten(name)} reaches beyond its {length:,} numbers")
                return made
    raise _impossible(name)


_SIZE = Named("torch", "Size")


def _sizes(value: object, name: str) -> tuple[int, ...]:
    """Return a shape or strides.

    Raises:
        RnncliError: they are none.
    """
    if isinstance(value, Made) and value.of == _SIZE:
        value = value.arguments[0] if value.arguments else ()
    if isinstance(value, tuple | list) and len(value) <= MAX_RANK:
        sizes = tuple(each for each in value if type(each) is int and 0 <= each < _MAX_SIZE)
        if len(sizes) == len(value):
            return sizes
    raise _impossible(name)


def _impossible(name: str) -> RnncliError:
    return RnncliError(f"its tensor {shorten(name)} is described as none can be")
