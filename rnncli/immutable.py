"""Immutable data: equivalents of frozen dataclasses and named tuples, classes that are made in a third of the time.

This matters because each start makes many classes. A class that is `Immutable` and decorated with `immutable` is a
dataclass that uses the methods below, instead of methods that Python generates and compiles for it. The field types of
a `NamedTuple` are only read by type checkers, whereas Python's own version compiles each.
"""

from collections import namedtuple
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Fields(type):
        """The metaclass of `NamedTuple`: it creates a tuple class with the fields annotated in the derived class."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            names = body["__annotations__"]
            defaults = [body.pop(each) for each in names if each in body]
            created = namedtuple(name, names, defaults=defaults, module=body["__module__"])
            for attribute, value in body.items():
                setattr(created, attribute, value)
            return created

    class NamedTuple(metaclass=_Fields):
        """A tuple with named fields, like `typing.NamedTuple`."""


Data = TypeVar("Data", bound="Immutable")


class Immutable:
    """Immutable data, equal to data of the same class with equal fields; hashable if the fields are.

    Raises:
        TypeError: a field has no value, or a value has no field.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init__(self, *given: Any, **named: Any) -> None:
        defaults = self._defaults()
        placed = dict(zip(defaults, given, strict=False))
        values = defaults | placed | named
        wrong = [name for name in named if name in placed or name not in defaults]
        wrong += [name for name, value in values.items() if value is MISSING]
        if wrong or len(placed) < len(given):
            fault = f"missing, unknown or given twice: {', '.join(wrong)}" if wrong else f"given: {len(given)}"
            raise TypeError(f"{type(self).__name__} takes {', '.join(defaults) or 'no arguments'}; {fault}")
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
        factories = {each.name: each.default_factory for each in fields(cls) if each.default_factory is not MISSING}
        return {each.name: factories[each.name]() if each.name in factories else each.default for each in fields(cls)}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[Data]) -> type[Data]:
    """Turn a class that is `Immutable` into a dataclass."""
    return dataclass(init=False, eq=False, repr=False)(cls)
