"""Fields with a framework's arguments: `seq (return_sequences=True)`, for PyTorch `bi (bidirectional=True)`.

Everything that names a field to a person uses this module. Keras's argument is the attribute that the field sets;
PyTorch's is declared by the kind in `torch_arguments`.
"""

from __future__ import annotations

from rnncli.errors import listed
from rnncli.layers.base import Layer
from rnncli.layers.options import Choice, Option, Whole
from rnncli.layers.weights import Framework


def option_of(cls: type[Layer], attribute: str) -> Option:
    """Return the option of a kind that sets an attribute."""
    (found,) = (option for option in cls.options if option.attribute == attribute)
    return found


def argument_name(cls: type[Layer], attribute: str, framework: Framework) -> str | None:
    """Return the name of a framework class's argument for an attribute; None if it has no such argument."""
    if framework == "torch":
        return cls.torch_arguments.get(attribute)
    elsewhere = (option for option in cls.options if option.in_keras is not None)
    return None if any(option.attribute == attribute for option in elsewhere) else attribute


def argument(cls: type[Layer], attribute: str, value: object, framework: Framework = "keras") -> str | None:
    """Return the framework's argument for an attribute with its value, `merge_mode='sum'`; None if it has none."""
    name = argument_name(cls, attribute, framework)
    if name is None or (framework == "torch" and value not in cls.torch_values.get(attribute, (value,))):
        return None
    option = option_of(cls, attribute)
    # PyTorch has only bidirectional=True, with a single way to merge.
    if framework == "torch" and isinstance(option, Choice) and option.key_alone is not None:
        return f"{name}=True" if value == option.values[option.key_alone] else None
    return f"{name}={value!r}"


def argument_form(cls: type[Layer], option: Option, framework: Framework = "keras") -> str:
    """Return the framework's argument with its possible values, `reset_after=True or False`, or its substitute."""
    name = argument_name(cls, option.attribute, framework)
    if name is None:
        return option.in_torch if framework == "torch" else option.in_keras or ""
    if isinstance(option, Whole):
        return f"{name}=N"
    if not isinstance(option, Choice):
        return f"{name}={next(iter(option.fields().values()))}"
    if framework == "torch" and option.key_alone is not None:
        return f"{name}=True"
    only = cls.torch_values.get(option.attribute, ()) if framework == "torch" else ()
    values = listed(list(map(repr, only or option.values.values())), "or")
    form = f"{name}={values if only or option.symbol is None else option.symbol}"
    return f"{form}, {option.in_torch}" if only and option.in_torch else form


def in_both(cls: type[Layer], attribute: str, value: object, framework: Framework = "keras") -> str:
    """Return a field, followed by the framework's argument if it has one: `reset=before (reset_after=False)`."""
    theirs = argument(cls, attribute, value, framework)
    ours = option_of(cls, attribute).spelling(value)
    return ours if theirs is None else f"{ours} ({theirs})"


def fields_in_both(layer: Layer, framework: Framework = "keras") -> list[str]:
    """Return every field in the spec of a layer, apart from its size, with the framework's argument."""
    return [in_both(type(layer), option.attribute, value, framework) for option, value in layer.given()]


def field_in_both(cls: type[Layer], text: str, framework: Framework = "keras") -> str:
    """Return a field of a spec with the framework's argument; a count such as `x2` is PyTorch's `num_layers`."""
    for option in cls.options:
        values = {**option.fields(), **option.short_fields()}
        if text in values:
            return in_both(cls, option.attribute, values[text], framework)
    return f"{text} (num_layers={text[1:]})" if text[:1] == "x" and cls.states else text


def changes_in_both(before: Layer, after: Layer) -> list[str]:
    """Return the fields that only one of two layers of a kind sets, each with the framework's argument."""
    ours, theirs = fields_in_both(before), fields_in_both(after)
    return [*(field for field in theirs if field not in ours), *(field for field in ours if field not in theirs)]


def key_in_both(option: Option) -> str:
    """Return the start of a field, followed by Keras's argument if there is one: `bi= (merge_mode)`."""
    return f"{option.lead} ({option.attribute})" if option.in_keras is None else option.lead
