"""The single entry point: reads a network from a spec, a line of Keras or PyTorch, or a model file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, Any

from rnncli.errors import ArgumentError, SpecError, listed, shorten
from rnncli.formats import NO_SETTINGS, ChosenPart, Settings, choice_of, contents_of, open_model, part_of
from rnncli.immutable import NamedTuple
from rnncli.language.framework_words import framework_error
from rnncli.language.printed import printed_modules
from rnncli.language.source import changed
from rnncli.network import Network, plain
from rnncli.network_summary import Origin

if TYPE_CHECKING:
    from rnncli.formats.model_file import ModelFile
    from rnncli.formats.nodes import Note, Part


class Reading(NamedTuple):
    """A network, and how it was read.

    Attributes:
        network: the network; its `origin` lists what was left out and assumed.
        part: the part of a model file that it is, if it came from one.
        notes: differences from the source.
        chosen: whether the part was named, so that only this part is meant.
        line: whether it was a line of Keras or PyTorch.
        used: the settings that its source uses.
        model: the model that it belongs to, with weights; None if none was given.
    """

    network: Network
    part: Part | None = None
    notes: tuple[Note, ...] = ()
    chosen: bool = False
    line: bool = False
    used: frozenset[str] = frozenset()
    model: Any = None

    @property
    def dtype(self) -> str:
        """The data type that the model computes in; float32 if there is no model."""
        return "float32" if self.model is None else str(self.model.dtype)

    @property
    def path(self) -> str:
        """The file that it came from; empty if none."""
        return "" if self.part is None else self.part.path

    @property
    def doubt(self) -> str:
        """Why its counts do not cover everything that was given, so that no number may be shown alone; may be empty.

        If a part was named, it is all that was given.
        """
        origin = self.network.origin
        if origin.doubts:
            return f"the number is for {self.network}: {'; '.join(origin.doubts)}"
        return "" if self.chosen or origin.complete else f"{self.path}: {left_out_text(self)}"


def reading_of(given: object, set: Mapping[str, float | str] | None = None) -> Reading:
    """Return how a network was read from any Python value that describes one.

    Args:
        given: a network, a model, a spec, a line of Keras or PyTorch, or a model file by its path.
        set: values for numbers that Python source leaves open.

    Raises:
        ArgumentError: it is none of these, or the source does not use one of the settings.
        RnncliError: as for `read`.
    """
    return readings_of([given], set)[0]


def readings_of(every: Sequence[object], set: Mapping[str, float | str] | None = None) -> list[Reading]:
    """Return how networks were read; each setting must be used by at least one of the sources.

    Raises:
        ArgumentError: one does not describe a network, or no source uses one of the settings.
        RnncliError: as for `read`.
    """
    settings = _checked(set)
    found = [_reading(given, settings) for given in every]
    used = frozenset().union(*(reading.used for reading in found))
    _check_used(settings, used, listed([str(each.network) for each in found]))
    return found


def _reading(given: object, settings: Settings) -> Reading:
    if isinstance(given, str | PathLike):
        return read(fsdecode(given), settings)
    network = given if isinstance(given, Network) else getattr(given, "network", None)
    if not isinstance(network, Network):
        raise ArgumentError(
            f"expected a network, a spec such as 'input:8,lstm:4' or a path such as 'model.pt', "
            f"not {shorten(repr(given))}"
        )
    return Reading(network, network.part, model=None if network is given else given)


def inspect(file: str | PathLike[str], *, set: Mapping[str, float | str] | None = None) -> ModelFile:
    """Return the contents of a model file: each recurrent part, its arrays, and everything else.

        >>> from rnncli import inspect
        >>> inspect("model.safetensors").parts[0].network  # doctest: +SKIP
        <Network input:40,lstm:64:seq, of PyTorch>

    Args:
        file: its path, optionally with `::` and a part, which must exist; the contents are all parts.
        set: values for numbers that Python source leaves open.

    Raises:
        RnncliError: it cannot be read, has a format that is not read, or has no such part.
        ArgumentError: an argument is not allowed, or the source does not use one of the settings.
    """
    if not isinstance(file, str | PathLike):
        raise ArgumentError(f"file is {shorten(repr(file))}, expected a path")
    settings, path = _checked(set), fsdecode(file)
    model = contents_of(path, settings)
    _check_used(settings, model.used, path)
    return replace(model, parts=tuple(_reported(model, part) for part in model.parts))


def _check_used(settings: Settings, used: Collection[str], source: str) -> None:
    if unused := [name for name in settings if name not in used]:
        raise ArgumentError(f"there is no {listed(unused, 'or')} to set in {shorten(source)}")


def _checked(set: Mapping[str, float | str] | None) -> Settings:
    """Return settings that a source can use."""
    if set is None:
        return NO_SETTINGS
    if not isinstance(set, Mapping):
        raise ArgumentError(f"set is {shorten(repr(set))}, expected numbers by name: {{'vocab_size': 25_000}}")
    for name, given in set.items():
        value = plain(given)
        number = isinstance(value, int) or (isinstance(value, float) and isfinite(value))
        if not isinstance(name, str) or not (number or isinstance(value, str)):
            raise ArgumentError(
                f"set has {shorten(repr(name))}: {shorten(repr(value))}, expected a name and a number or a word"
            )
    return {name: plain(value) for name, value in set.items()}


def read(text: str, settings: Settings = NO_SETTINGS) -> Reading:
    """Return the network that a text describes.

    Args:
        text: a spec, a line of Keras or PyTorch, or the path of a model file, optionally with `::` and a part.
        settings: values for numbers that a source leaves open.

    Raises:
        SpecError: the spec or the line is wrong.
        OpenNumbersError: a source leaves numbers open.
        RnncliError: the file cannot be read, or has no recurrent part.
        UsageError: the file has several parts, and none is named, or the named part does not exist.
    """
    choice = choice_of(text)
    return read_text(text, settings) if choice is None else _of_file(choice, settings)


def _of_file(choice: ChosenPart, settings: Settings) -> Reading:
    model = open_model(choice.path, settings)
    part = _reported(model, part_of(model, choice.part))
    return Reading(part.network, part, part.notes, bool(choice.part), used=model.used)


def _reported(model: ModelFile, part: Part) -> Part:
    """Return a part with the report on how it was read."""
    params = None if model.partial or not model.tensors else model.params
    left, assumed, doubts = left_out(model, part), part.assumed, part.doubts
    return replace(part, origin=Origin(part.framework, left, assumed, doubts, params, file=model.path))


def read_text(text: str, settings: Settings = NO_SETTINGS) -> Reading:
    """Return the network of a spec or line; a SpecError if it is neither, an OpenNumbersError for open numbers."""
    if "(" not in text:
        try:
            return Reading(Network.parse(text))
        except SpecError as error:
            shapes = _listed(text) if "[" in text else None  # shapes may be lists
            raise shapes or error from None
    from rnncli.formats import calls

    if text.lstrip().startswith(">>> "):  # with what it prints, as in documentation
        text = "\n".join(re.findall(r"^\s*(?:\.\.\.|>>>(?=.*[(=])) ?(.*)", text, re.MULTILINE))
    try:
        if not calls.is_call(text):
            Network.parse(text)
        part, used = calls.read(text, settings)
    except SpecError as error:
        raise _listed(text) or (error if calls.is_call(text) else as_called(error)) from None
    origin = Origin(part.framework, (), part.assumed, part.doubts, reordered=part.said("other order"))
    return Reading(replace(part.network, origin=origin), notes=part.notes, line=True, used=used)


_NAME = r"(?<![\w./-])[\w./-]{0,200}(?:weight(?!s)|bias|kernel|embeddings|gamma|beta|running_|moving_)\w{0,20}"
_SHAPE = r"(?:(?:with )?(?:shape|size)[^\w\n(\[]{1,9})?(?:torch\.Size\()?[(\[]([0-9][0-9, ]{0,60})[)\]]"
"""The name of a weight, and its shape, as programs print them for each weight of a model."""


def _listed(text: str) -> SpecError | None:
    """Return the error for a list of weights, with the network that has exactly these; None if that is not clear."""
    every = re.findall(_NAME, text, re.IGNORECASE) if "weight_" in text or "kernel" in text else []
    table = printed_modules(text) if re.search(r"[\w)]: 1-1 ", text) else None
    if table is not None:
        message, advice = "this is a table of modules, not a spec", "it shows no rates, but these have its parameters"
        return SpecError(message, text=text, span=(0, len(text)), advice=advice, lead="perhaps", repair=table)
    found = [*re.finditer(rf"({_NAME})(?::0)?[^\w\n(\[]{{1,60}}{_SHAPE}", text, re.IGNORECASE)] if every else []
    if not 1 < len(every) == len(found) or "checkpoint" in text:
        return framework_error(text) if len(every) > len(found) == 0 else None
    from rnncli.formats.arrays import nodes_of
    from rnncli.formats.model_file import model_of
    from rnncli.formats.tensors import Tensor

    shapes: dict[str, tuple[int, ...]] = {}
    layer = 0
    for each in found:
        name = each[1]
        if re.fullmatch(r"(?:recurrent_)?kernel|embeddings|bias|gamma|beta|moving_\w+", name):  # Keras's w.name
            layer += name in ("kernel", "embeddings", "gamma")
            name = f"layer_{layer}/{name}"
        shapes[name] = (*map(int, re.findall("[0-9]+", each[2])),)
    tensors = [Tensor(name, shape, "float32", NotImplemented) for name, shape in shapes.items()]
    model = model_of("", "", "", nodes_of(tensors, ordered=True), tensors=tensors)
    if len(model.parts) != 1 or model.others or len(shapes) < len(found):  # or weights of one name
        return framework_error(text)
    network = model.parts[0].network
    modules = network.summary().modules
    layers = str(network) if modules is None else ", ".join(each.code for each in modules)
    if "bias" in text and re.search("bias=False|nobias", layers) is not None:
        return framework_error(text)  # the list ends too early
    message = "these are the weights of a network, not a spec"
    advice = "they do not show which layers return the whole sequence"
    return SpecError(message, text=text, span=found[0].span(), advice=advice, lead="perhaps", repair=layers)


def as_called(error: SpecError) -> SpecError:
    """Return the error for a text that is not a spec; if it has calls, the repair is the network that they build."""
    from rnncli.formats import calls

    try:
        part = calls.read(error.text)[0] if calls.is_call(error.text) else None
        repair = calls.mended(error.text) if part is None else str(part.network)
    except SpecError as fault:
        return error if fault.repair is None and error.lead == "perhaps" else fault
    if not repair or "(" not in repair:
        as_spec = "; ".join(["as a spec", *(part.doubts if part is not None else ())])
        return error.repaired(repair, as_spec) if repair else error
    message = "this is neither a spec nor a valid line of Keras or PyTorch"
    return SpecError(message, text=error.text, span=changed(error.text, repair), lead="perhaps", repair=repair)


def read_as(spec: str, notes: Sequence[Note]) -> str:
    """Return the note on a line of Keras or PyTorch: the spec it was read as, the assumptions and the differences."""
    assumed = [note.text for note in notes if note.effect in ("assumed", "assumed size")]
    differs = [note.text for note in notes if note.effect in ("differs", "differs row", "other order")]
    said = f"; assumed: {', and '.join(assumed)}" if assumed else ""
    return f"Note: {'; '.join([f'read as {spec}{said}', *differs])}"


def notes_on(reading: Reading) -> list[str]:
    """Return the notes on how a network was read.

    For a line, that is the spec it was read as; for a part of a file, what is left out, why its counts may be wrong,
    and how its row differs from the file's.
    """
    part = reading.part
    if reading.line:
        return [read_as(str(reading.network), reading.notes)]
    if part is None:
        said = "; ".join(reading.network.origin.assumed)  # of a network that was read earlier
        return [f"Note: read as {reading.network}: {said}"] if said else []
    found = "" if reading.chosen else left_out_text(reading)
    every = (found, *part.doubts, *part.said("differs row"))
    return [f"Note: {reading.path}: {said}" for said in every if said]


def left_out(model: ModelFile, part: Part) -> tuple[str, ...]:
    """Return descriptions of everything in a file that is not in a part."""
    nodes = [node.described for node in model.left]
    reasons = [text for text in part.said("left out") if not any(node in text for node in nodes[:1000])]
    others = [other.name for other in model.parts if other is not part]
    known = {tensor.name for node in model.left for tensor in node.tensors.values()}
    arrays = [group.name for group in model.groups if not {tensor.name for tensor in group.tensors} <= known]
    failed = [f"{shorten(names[0])}: {error.message}" for names, error in model.failed]
    return tuple(dict.fromkeys([*reasons, *others, *failed, *nodes, *arrays]))


def left_out_text(reading: Reading) -> str:
    """Return a sentence on what a part leaves out of its file; empty if nothing."""
    origin, part = reading.network.origin, reading.part
    if origin.complete or part is None:
        return ""
    name = shorten(part.name)
    numbers = f"{part.params:,} of {origin.file_params:,} numbers" if origin.file_params else "a part"
    return f"{name} is {numbers} of the file; left out: {origin.left_out_text}"
