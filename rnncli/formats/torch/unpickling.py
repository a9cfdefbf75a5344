"""What torch.save writes into its pickles: tensors, storages, ordered dictionaries and plain containers.

A pickle names functions to call. Here only the few names that state dicts need are known, each stands for a function of
this module, and any other name is refused. So a file can hold no code that would be run.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, NoReturn

from rnncli.errors import RnncliError, shorten
from rnncli.formats.numbers import WIDTHS
from rnncli.formats.tensors import MAX_ARRAYS, MAX_RANK
from rnncli.formats.torch.pickles import Call, Hollow, Machine

MAX_DEPTH = 50
"""How deep containers may stand inside of one another."""

MAX_NAME = 1_000
"""The longest name of a tensor, with those of all containers around it."""


_STORAGES = {
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
}
"""The type of the numbers in each of PyTorch's storages."""


class Storage(NamedTuple):
    """A stretch of numbers in a file: their type, their key in the file, and how many there are."""

    dtype: str
    key: str
    length: int


class Stored(NamedTuple):
    """A tensor: a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

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


def _tensor(storage: object, offset: object, shape: object, strides: object, *rest: object) -> Stored:
    """Stand in for torch._utils._rebuild_tensor_v2."""
    del rest
    if not (
        isinstance(storage, Storage)
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides) <= MAX_RANK
        and all(type(number) is int and 0 <= number < 2**48 for number in (offset, *shape, *strides))
        and isinstance(offset, int)
    ):
        raise RnncliError("it describes a tensor that cannot be")
    return Stored(storage, offset, shape, strides)


def _tensor_of_type(
    storage: object, offset: object, shape: object, strides: object, gradient: object, hooks: object, dtype: object
) -> Stored:
    """Stand in for torch._utils._rebuild_tensor_v3, whose storages have no type of their own."""
    del gradient, hooks
    if not isinstance(storage, Storage) or dtype not in WIDTHS or WIDTHS[storage.dtype] != 1:
        raise RnncliError("it describes a tensor that cannot be")
    made = Storage(str(dtype), storage.key, storage.length // WIDTHS[str(dtype)])
    return _tensor(made, offset, shape, strides)


def _parameter(data: object, *rest: object) -> object:
    """Stand in for torch._utils._rebuild_parameter, which only wraps a tensor."""
    del rest
    return data


def _size(sizes: object = ()) -> tuple[object, ...]:
    """Stand in for torch.Size."""
    if not isinstance(sizes, tuple | list) or len(sizes) > MAX_RANK:
        raise RnncliError("it describes a shape that cannot be")
    return tuple(sizes)


def _ordered(pairs: object = ()) -> dict[str, object]:
    """Stand in for collections.OrderedDict."""
    if not isinstance(pairs, tuple | list) or not all(
        isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
    ):
        raise RnncliError("it has an ordered dictionary of something else than names and values")
    return dict(pairs)


def _hollow(*arguments: object) -> Hollow:
    """Stand in for what is of no interest."""
    del arguments
    return Hollow()


_PLAIN = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "range", "set", "slice"),
    *("str", "tuple", "xrange"),
)

_OF_NO_INTEREST = {
    "_codecs": ("encode",),
    "builtins": _PLAIN,
    "__builtin__": _PLAIN,
    "argparse": ("Namespace",),
    "collections": ("Counter", "defaultdict", "deque"),
    "datetime": ("date", "datetime", "timedelta", "timezone"),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "pathlib._local": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"),
    "types": ("SimpleNamespace",),
}
"""What a checkpoint may hold beside its tensors, by module: settings, paths, times, losses."""

_KNOWN = {
    ("collections", "OrderedDict"): Call(_ordered),
    ("torch._utils", "_rebuild_tensor_v2"): Call(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): Call(_tensor_of_type),
    ("torch._utils", "_rebuild_tensor"): Call(_tensor),
    ("torch._utils", "_rebuild_parameter"): Call(_parameter),
    ("torch", "device"): Call(_hollow),
    ("torch", "Size"): Call(_size),
    ("torch.serialization", "_get_layout"): Call(_hollow),
    **{(module, name): Call(_hollow) for module, names in _OF_NO_INTEREST.items() for name in names},
}
"""Every function that a pickle may name, and what is called in its place."""

_DTYPES = frozenset(WIDTHS)


def named(module: str, name: str) -> object:
    """Return what stands for a name in a pickle: a function, or the name of a type of numbers.

    Raises:
        RnncliError: the name is not known.
    """
    if module in ("torch", "torch.storage") and name in _STORAGES:
        return _STORAGES[name]
    if module == "torch" and name in _DTYPES:
        return name
    known = _KNOWN.get((module, name))
    if known is None:
        refuse(module, name)
    return known


class Storages:
    """The storages that a pickle refers to.

    Attributes:
        by_key: the storages.
    """

    def __init__(self) -> None:
        self.by_key: dict[str, Storage] = {}

    def stored(self, pid: object) -> Storage:
        """Return the storage that a persistent id refers to.

        Raises:
            RnncliError: it refers to something else, or contradicts what was said of the same storage before.
        """
        match pid:
            case ("storage", str(dtype), str(key), _, int(count), *_) if 0 <= count < 2**48 and dtype in _DTYPES:
                storage = Storage(dtype, key, count)
            case _:
                raise RnncliError("it refers to something that is no storage")
        known = self.by_key.setdefault(key, storage)
        if known != storage:
            raise RnncliError(
                f"it says that numbers {shorten(key)} are {known.length:,} of {known.dtype}, and then {count:,} of "
                f"{dtype}"
            )
        if len(self.by_key) > MAX_ARRAYS:
            raise _too_many()
        return known


def refuse(module: str, name: str) -> NoReturn:
    """Refuse a name in a pickle.

    Raises:
        RnncliError: always.
    """
    whole = shorten(f"{module}.{name}", 80)
    of_torch = module.startswith(("torch", "builtins", "__builtin__", "collections"))
    if module.startswith("torch.nn.modules") or not of_torch:
        raise RnncliError(
            f"it holds a pickled object, {whole}, and reading that could run any code",
            "save the weights alone: torch.save(model.state_dict(), FILE)",
        )
    raise RnncliError(
        f"it names {whole}, which a state dict does not need; nothing is run",
        "save the weights alone: torch.save(model.state_dict(), FILE)",
    )


def _too_many() -> RnncliError:
    return RnncliError(f"it holds more than {MAX_ARRAYS:,} tensors")


def load(data: bytes, storages: Storages, place: int = 0) -> tuple[object, int]:
    """Return what the pickle holds that begins at a place, and where it ends.

    Raises:
        RnncliError: it names something that is not known, or is damaged.
    """
    machine = Machine(data, place, named, storages.stored)
    return machine.run(), machine.place


def tensors_in(value: object) -> list[tuple[str, Stored]]:
    """Return the tensors in dictionaries, lists and tuples, each with the path of keys that leads to it.

    What is reached by two paths counts once. What only training needs is left out.

    Raises:
        RnncliError: there are too many, or they stand too deep.
    """
    found = list(islice(_walk(value, "", 0, set()), MAX_ARRAYS + 1))
    if len(found) > MAX_ARRAYS:
        raise _too_many()
    return found


def _walk(value: object, path: str, depth: int, seen: set[int]) -> Iterator[tuple[str, Stored]]:
    if isinstance(value, Stored):
        yield path, value
        return
    if not isinstance(value, dict | list | tuple) or isinstance(value, Storage) or id(value) in seen:
        return
    seen.add(id(value))
    if depth > MAX_DEPTH:
        raise RnncliError(f"its containers are nested more than {MAX_DEPTH} deep")
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(key, str) and key in _OF_THE_OPTIMIZER:
            continue
        name = f"{path}.{key}" if path else str(key)
        if len(name) > MAX_NAME and isinstance(each, Stored | dict | list | tuple):
            raise RnncliError(f"tensor {shorten(name)} has a name of more than {MAX_NAME:,} characters")
        yield from _walk(each, name, depth + 1, seen)


_OF_THE_OPTIMIZER = frozenset(
    {"optimizer", "optimizer_state", "optimizer_state_dict", "optim", "optimizer_states", "opt", "scheduler", "scaler"}
)
"""Keys of a checkpoint that lead to what only training needs."""
