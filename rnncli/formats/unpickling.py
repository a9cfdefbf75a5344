"""PyTorch's pickles, read without running anything: tensors, storages, ordered dictionaries and plain containers.

A pickle names functions to call. Here only the few names that state dicts need are known, each stands for a function of
this module, and any other name is refused. So a file can hold no code that would be run.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol

from rnncli.errors import RnncliError, shorten

MAX_TENSORS = 100_000
"""The most tensors that a file may hold."""

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


class Source(Protocol):
    """What a pickle is read from."""

    def read(self, count: int = -1, /) -> bytes:
        """Read some bytes."""

    def readline(self) -> bytes:
        """Read up to the end of a line."""


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


class _Kept(dict[str, Any]):
    """A container with what PyTorch puts on it besides, `_metadata`, left out."""

    def __setstate__(self, state: object) -> None:
        del state


class _Hollow:
    """Stands for an object of no interest that may be in a checkpoint: a device, a dtype, a size."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __setstate__(self, state: object) -> None:
        del state


def _tensor(storage: object, offset: object, shape: object, strides: object, *rest: object) -> Stored:
    """Stand in for torch._utils._rebuild_tensor_v2."""
    del rest
    if not (
        isinstance(storage, Storage)
        and type(offset) is int
        and offset >= 0
        and isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides) <= 64
        and all(type(number) is int and 0 <= number < 2**48 for number in (*shape, *strides))
    ):
        raise RnncliError("it describes a tensor that cannot be")
    return Stored(storage, offset, tuple(shape), tuple(strides))


def _parameter(data: object, *rest: object) -> object:
    """Stand in for torch._utils._rebuild_parameter, which only wraps a tensor."""
    del rest
    return data


_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("collections", "OrderedDict"): _Kept,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "device"): _Hollow,
    ("torch", "Size"): tuple,
    ("torch.serialization", "_get_layout"): _Hollow,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
}
"""Every function that a pickle may name, and what is called in its place."""

_DTYPES = frozenset({"float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"})


class _Maker:
    """What a pickle gets for a name: it can be called, and nothing about it can be changed."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise RnncliError("it tries to change what it names")


class Unpickler(pickle.Unpickler):
    """Reads one pickle; a name that is not known is refused.

    Args:
        file: where the pickle starts.
        storages: filled with the storages that it names, by key.
    """

    def __init__(self, file: Source, storages: dict[str, Storage]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name in a pickle.

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
        return _Maker(known)

    def persistent_load(self, pid: object) -> Storage:
        """Return the storage that a pickle refers to.

        Raises:
            RnncliError: it refers to something else.
        """
        match pid:
            case ("storage", str(dtype), str(key), _, int(count), *_) if count >= 0 and dtype in _STORAGES.values():
                storage = Storage(dtype, key, count)
            case _:
                raise RnncliError("it refers to something that is no storage")
        if len(self.storages) > MAX_TENSORS:
            raise RnncliError(f"it holds more than {MAX_TENSORS:,} tensors")
        return self.storages.setdefault(key, storage)


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


def load(data: bytes, storages: dict[str, Storage]) -> object:
    """Return what a pickle holds.

    Raises:
        RnncliError: it names something that is not known, or is damaged.
    """
    return load_from(io.BytesIO(data), storages)


def load_from(file: Source, storages: dict[str, Storage]) -> object:
    """Return what the pickle holds that starts where a file stands, likewise."""
    try:
        return Unpickler(file, storages).load()
    except RnncliError:
        raise
    except Exception as error:  # a damaged pickle makes Python raise nearly anything
        raise RnncliError(f"its pickle is damaged: {type(error).__name__}") from None


def tensors_in(value: object) -> list[tuple[str, Stored]]:
    """Return the tensors in dictionaries, lists and tuples, each with the path of keys that leads to it.

    A dictionary beside others that holds the model (`model_state_dict` beside an optimizer's) is the one that counts.
    """
    found: list[tuple[str, Stored]] = []
    seen: set[int] = set()

    def walk(value: object, path: str) -> None:
        if isinstance(value, Stored):
            found.append((path, value))
            if len(found) > MAX_TENSORS:
                raise RnncliError(f"it holds more than {MAX_TENSORS:,} tensors")
            return
        if not isinstance(value, dict | list | tuple) or isinstance(value, Storage) or id(value) in seen:
            return
        seen.add(id(value))
        if path.count(".") > 50 or len(path) > 10_000:
            raise RnncliError("its containers are nested too deep")
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            if not (isinstance(key, str) and key in _OF_THE_OPTIMIZER):
                walk(each, f"{path}.{key}" if path else str(key))

    walk(value, "")
    return found


_OF_THE_OPTIMIZER = frozenset(
    {"optimizer", "optimizer_state", "optimizer_state_dict", "optim", "optimizer_states", "opt", "scheduler", "scaler"}
)
"""Keys of a checkpoint that lead to what only training needs."""
