"""Immutable data: what Python's frozen dataclasses and named tuples are, made in a third of the time.

Each start makes many. A class that is `Immutable` and decorated with `immutable` is a dataclass whose methods are
those below, and not ones that Python writes and compiles for it; a `NamedTuple` is one whose fields' types are read
by type checkers alone, where Python's own compiles each.
"""

from collections import namedtuple
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Fields(type):
        """The type of `NamedTuple`: it makes a tuple of a class that is derived, with the fields annotated there."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            names = body["__annotations__"]
            defaults = [body.pop(each) for each in names if each in body]
            made = namedtuple(name, names, defaults=defaults, module=body["__module__"])
            for attribute, value in body.items():
                setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """A tuple with names for what it holds, as `typing.NamedTuple` makes it."""


Data = TypeVar("Data", bound="Immutable")


class Immutable:
    """Data that cannot be changed, equal to that of the same class with equal fields; hashable where these are.

    Raises:
        TypeError: a field has no value, or there are values for what is no field.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init__(self, *given: Any, **named: Any) -> None:
        defaults = self._defaults()
        placed = dict(zip(defaults, given, strict=False))
        values = defaults | placed | named
        twice = len(placed) < len(given) or placed.keys() & named.keys()
        if twice or len(values) > len(defaults) or MISSING in values.values():
            raise TypeError(f"{type(self).__name__} takes {', '.join(defaults)}")
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    @classmethod
    @cache
    def _defaults(cls) -> dict[str, Any]:
        made = {each.name: each.default_factory for each in fields(cls) if each.default_factory is not MISSING}
        return {each.name: made[each.name]() if each.name in made else each.default for each in fields(cls)}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[Data]) -> type[Data]:
    """Make a class that is `Immutable` a dataclass."""
    return dataclass(init=False, eq=False, repr=False)(cls)
