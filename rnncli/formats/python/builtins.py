"""Functions of Python whose values are known where those of their arguments are, and what a loop takes of a value."""

from __future__ import annotations

from collections.abc import Callable

from rnncli.formats.python.values import Thing, Value

MAX_ITEMS = 2000
"""The most items of a list that is made of something else."""


def items_of(value: Value) -> list[Value] | None:
    """Return what a loop over a value takes, or None if that is not known."""
    if isinstance(value, list | tuple | range | dict):
        return list(value) if len(value) <= MAX_ITEMS else None
    if isinstance(value, Thing):
        return value.unpacked(-1)
    return None


def _range(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    whole = 1 <= len(values) <= 3 and all(type(each) is int for each in values)
    return range(*values) if whole and values[2:] != [0] else None


def _number(kind: type[int] | type[float]) -> Callable[[list[Value], dict[str, Value]], Value]:
    def made(values: list[Value], named: dict[str, Value]) -> Value:
        del named
        try:
            return kind(values[0]) if len(values) == 1 and isinstance(values[0], int | float) else None
        except (OverflowError, ValueError):
            return None

    return made


def _length(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    return len(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple | dict | range | str) else None


def _extreme(take: Callable[..., Value]) -> Callable[[list[Value], dict[str, Value]], Value]:
    def made(values: list[Value], named: dict[str, Value]) -> Value:
        some = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        return take(some) if some and not named and all(isinstance(each, int | float) for each in some) else None

    return made


def _list(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    if not values:
        return []
    return list(values[0]) if isinstance(values[0], list | tuple | range) and len(values[0]) <= MAX_ITEMS else None


def _dict_of(values: list[Value], named: dict[str, Value]) -> Value:
    match values:
        case []:
            return dict(named)
        case [dict(first)]:
            return {**first, **named}
        case [list(pairs)] if all(
            isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) for each in pairs
        ):
            return {**dict(pairs), **named}
        case _:
            return None


def _numbered(values: list[Value], named: dict[str, Value]) -> Value:
    items = _list(values[:1], {}) if values else None
    return None if items is None or named else [[number, item] for number, item in enumerate(items)]


def _zipped(values: list[Value], named: dict[str, Value]) -> Value:
    del named
    rows = [_list([each], {}) for each in values]
    return None if None in rows or not rows else [list(each) for each in zip(*rows, strict=False)]


def _reversed(values: list[Value], named: dict[str, Value]) -> Value:
    items = _list(values, named) if values else None
    return None if items is None else items[::-1]


BUILTINS: dict[str, Callable[[list[Value], dict[str, Value]], Value]] = {
    "range": _range,
    "int": _number(int),
    "float": _number(float),
    "len": _length,
    "max": _extreme(max),
    "min": _extreme(min),
    "list": _list,
    "tuple": _list,
    "dict": _dict_of,
    "OrderedDict": _dict_of,
    "enumerate": _numbered,
    "zip": _zipped,
    "reversed": _reversed,
}
"""The functions by their names; each returns None where its value is not known."""
