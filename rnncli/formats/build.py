"""What classes of Keras and PyTorch make of their arguments in the language; frameworks.py has their signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from rnncli.errors import ArgumentError, listed, shorten
from rnncli.formats.nodes import Node, Note, Pass, Returned, Word, loops
from rnncli.language.likeness import closest
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Activation, BatchNorm, Dropout, Flatten, Layer, Norm, Pool, Recurrent
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice
from rnncli.layers.windows import Window
from rnncli.quantities import MAX_SIZE


def node_of(word: Word | None, **said: Any) -> Node:
    """Return what a class makes, as a node that has no name yet and reads nothing.

    What is `said` are attributes of it: how many features it reads, notes, whether it stands on sequences.
    """
    return Node("", "", word, **said)


class ArgumentFaultError(Exception):
    """An argument is wrong.

    Attributes:
        argument: which; empty where it is none alone.
        instead: what may have been meant: its value as Python writes it, or its name where that is unknown; may be
            empty.
        made_up: whether that is an example alone.
    """

    def __init__(self, argument: str, message: str, instead: str = "", made_up: bool = False) -> None:
        super().__init__(message)
        self.argument, self.instead, self.made_up = argument, instead, made_up


class WrongArgumentError(ArgumentFaultError):
    """An argument is none that the class itself takes, and not only none that the language has a word for."""


class UnknownArgumentError(WrongArgumentError):
    """There is no argument of that name."""


class TwiceGivenError(WrongArgumentError):
    """An argument is given by place and by name; `instead` is the argument that may be meant in its place."""


class MissingArgumentError(WrongArgumentError):
    """An argument that has no default is missing; `instead` is an example of its value."""


Build = Callable[[dict[str, Any]], list[Node]]


def wrong_value(argument: str, value: object, expected: str, instead: str = "") -> WrongArgumentError:
    """Return the error for an argument that has a wrong value."""
    return WrongArgumentError(argument, f"{argument} is {shorten(repr(value))}, expected {expected}", instead)


def _flag(given: dict[str, Any], argument: str, default: bool = False) -> bool:
    """Take an argument that is true or false."""
    value = given.pop(argument, default)
    if not isinstance(value, bool):
        truths = dict.fromkeys(("true", "1", "yes", "on"), "True") | dict.fromkeys(("false", "0", "no", "off"), "False")
        raise wrong_value(argument, value, "True or False", truths.get(str(value).lower(), ""))
    return value


def _number(given: dict[str, Any], argument: str, most: int = MAX_SIZE, default: int | None = None) -> int:
    """Take an argument that is a whole number from 1."""
    value = given.pop(argument, default)
    if value is None:
        raise MissingArgumentError(argument, "", "32")
    if type(value) is not int or not 1 <= value <= most:
        meant = _meant(value, ()) or "1" * (default == 1 and not isinstance(value, str))
        raise wrong_value(argument, value, f"a whole number from 1 to {most:,}", meant)
    return value


def _made(cls: type[Layer], given: Mapping[str, Any], names: Mapping[str, str], **fixed: object) -> Layer:
    """Return a layer of some arguments as a framework calls them, and of what its class says without one.

    What the framework calls otherwise than the language, `names` says, by the language's names.
    """
    ours = {theirs: name for name, theirs in names.items()}
    values = {ours.get(argument, argument): value for argument, value in given.items()} | fixed
    for field in fields(cls):
        if field.default is MISSING and field.name not in values:
            raise MissingArgumentError(names.get(field.name, field.name), "", cls.sizes.example.rpartition("x")[2])
    for option in cls.options:
        name = names.get(option.attribute, option.attribute)
        if name in given and isinstance(cls.default(option.attribute), bool):
            _flag({name: given[name]}, name)
    try:
        return cls(**values)
    except ArgumentError as fault:
        attribute, _, rest = fault.message.partition(": ")[2].partition(" ")
        argument = names.get(attribute, attribute)
        kind = ArgumentFaultError if attribute in ("activation", "recurrent_activation") else WrongArgumentError
        choice = next((each for each in cls.options if each.attribute == attribute and isinstance(each, Choice)), None)
        words = [*ACTIVATIONS] if choice is None else [*map(str, choice.values.values())]
        meant = _meant(values.get(attribute), words, {} if choice is None else choice.other_names)
        example = "" if meant or choice is None else repr(cls.default(attribute) or words[0])
        raise kind(argument, f"{argument} {rest}", meant or example, bool(example)) from None


def _meant(value: object, words: Sequence[str] = tuple(ACTIVATIONS), others: Mapping[str, str] = {}) -> str:
    """Return what a wrong value may have been, as Python writes it; nothing where that is not known."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, int) and value < 0:
        return str(-value)
    if not isinstance(value, str):
        return ""
    near = others.get(value.lower()) or closest(value.lower(), words)
    found = value if value.isascii() and value.isdecimal() else near
    return (found if found == value else repr(found)) if found else ""


def layer(cls: type[Layer], names: Mapping[str, str] = {}, reads: str = "", **usual: object) -> Build:
    """Return what makes a layer; an argument may say how many features it `reads`, others have values as `usual`."""

    def build(given: dict[str, Any]) -> list[Node]:
        features = _number(given, reads, 2 * MAX_SIZE) if reads else None  # as many as two directions return
        return [node_of(_made(cls, usual | given, names), features=features)]

    return build


def torch_flatten(given: dict[str, Any]) -> list[Node]:
    """Return what flattens all but the batch; of other axes the language flattens none."""
    for argument, usual in (("start_dim", 1), ("end_dim", -1)):
        if given.get(argument, usual) != usual:
            text = f"{argument} is {shorten(repr(given[argument]))}; here all but the batch becomes one axis"
            raise ArgumentFaultError(argument, text, str(usual))
    return [node_of(Flatten())]


def other_padding(zeros: int, window: Window) -> ArgumentFaultError:
    """Return the error for zeros on both sides that the language has no word for."""
    text = f"padding={zeros} is neither as much as keeps the length, nor none; the language has no word for it"
    return ArgumentFaultError("padding", text, "'same'" if window.stride == 1 else "")


def _torch_padding(window: Window, padding: object) -> tuple[str, int]:
    """Return what PyTorch's padding is in Keras's words, and how many zeros stand on both sides beside that."""
    around = padding[0] if isinstance(padding, list | tuple) and len(padding) == 1 else padding
    if around in ("same", "valid"):
        return str(around), 0
    if type(around) is not int or not 0 <= around <= MAX_SIZE:
        raise wrong_value("padding", padding, "a whole number, 'same' or 'valid'", "'same'")
    if around and window.stride == 1 and 2 * around == window.span - 1:
        return "same", 0
    return "valid", around


def around(argument: str, usual: int | None = None, *, front: int = 1, behind: int = 1) -> Build:
    """Return what puts zeros around a sequence; with -1 for an end, what cuts timesteps off there, with 0 nothing."""

    def build(given: dict[str, Any]) -> list[Node]:
        sizes = given[argument] if usual is None else given.get(argument, usual)
        both = sizes if isinstance(sizes, list | tuple) and len(sizes) == 2 else (sizes, sizes)
        if not all(type(size) is int and 0 <= size <= MAX_SIZE for size in both):
            raise wrong_value(argument, sizes, "a whole number from 0, or two of them")
        return [node_of(Pass(), where="sequence", around=(front * both[0], behind * both[1]))]

    return build


def constant_around(given: dict[str, Any]) -> list[Node]:
    """Return what puts zeros around a sequence; other numbers the language has not."""
    if (value := given["value"]) != 0:
        text = f"value is {shorten(repr(value))}; the language has only zeros around a sequence"
        raise ArgumentFaultError("value", text)
    return around("padding")(given)


def windows(mode: str, usual: int | None = None) -> Build:
    """Return what pools windows of Keras's."""

    def build(given: dict[str, Any]) -> list[Node]:
        given["pool_size"] = _number(given, "pool_size", default=usual)
        return [node_of(_made(Pool, given, {}, mode=mode))]

    return build


def torch_windows(cls: type[Layer], reads: str = "", **usual: object) -> Build:
    """Return what moves windows of PyTorch's over a sequence, and the zeros around it that no word is, if it may.

    An argument may say how many features it `reads`; others have values as `usual`.
    """
    names = {ours: theirs for ours, theirs in cls.torch_arguments.items() if ours != "padding"}

    def build(given: dict[str, Any]) -> list[Node]:
        features = _number(given, reads, 2 * MAX_SIZE) if reads else None
        padding, counted = given.pop("padding", 0), _flag(given, "count_include_pad", default=True)
        given["kernel_size"] = _number(given, "kernel_size")
        layer = _made(cls, given, names, **usual)
        assert layer.window is not None
        word, zeros = _torch_padding(layer.window, padding)
        if usual.get("mode") == "avg" and counted and (word, zeros) != ("valid", 0):
            text = "the zeros around the sequence count in the mean; the language has no word for it"
            raise ArgumentFaultError("count_include_pad", text, "False")
        if zeros and layer.with_zeros((0, 0), None) is None:
            raise other_padding(zeros, layer.window)
        return [node_of(replace(layer, padding=word), features=features, around=(zeros, zeros))]

    return build


def torch_batch_norm(given: dict[str, Any]) -> list[Node]:
    """Return a normalisation by the moving mean and variance."""
    features = _number(given, "num_features", 2 * MAX_SIZE)
    if not _flag(given, "track_running_stats", default=True):
        text = "it takes the mean and variance of each batch; the language has no word for it"
        raise ArgumentFaultError("track_running_stats", text, "True")
    return [_normalized(given, BatchNorm, BatchNorm.torch_arguments, 1e-5, "eps", features=features)]


def norm(cls: type[Norm]) -> Build:
    """Return what makes a normalisation of Keras's."""

    def build(given: dict[str, Any]) -> list[Node]:
        where = _where(given, "axis")
        return [_normalized(given, cls, {}, 1e-3, "epsilon", where=where)]

    return build


def _where(given: dict[str, Any], argument: str) -> Returned | None:
    """Take the axis that a layer works on; return where that is the axis of the features, if not everywhere."""
    axis = given.pop(argument, -1)
    last = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    places: dict[int, Returned | None] = {-1: None, 1: "vector", 2: "sequence"}
    if type(last) is not int or last not in places:
        raise ArgumentFaultError(argument, f"{argument} is {shorten(repr(axis))}, not the features alone, -1", "-1")
    return places[last]


def torch_norm(given: dict[str, Any]) -> list[Node]:
    """Return a normalisation of PyTorch's over the features."""
    if isinstance(shape := given.get("normalized_shape"), list | tuple):
        raise ArgumentFaultError("normalized_shape", f"normalized_shape is {shape}; norm works on the features alone")
    features = _number(given, "normalized_shape", 2 * MAX_SIZE)
    return [_normalized(given, Norm, {"center": "bias"}, 1e-5, "eps", features=features)]


def _normalized(
    given: dict[str, Any], cls: type[Norm], names: Mapping[str, str], usual: float, argument: str, **more: Any
) -> Node:
    """Return a normalisation with the epsilon that is nearest to the one that is given, or usual."""
    if not all(_flag(given, each, default=True) for each in ("affine", "elementwise_affine")):  # PyTorch's
        given |= {"bias": False, "scale": False}
    wanted = given.pop(argument, usual)
    if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not wanted >= 0:
        raise wrong_value(argument, wanted, "a number from 0")
    epsilon, same = Norm.nearest_epsilon(wanted)
    said = () if same else (Note(f"has an epsilon of {wanted:g}; here it runs with {epsilon:g}", "differs"),)
    return node_of(_made(cls, given, names, epsilon=epsilon), notes=said, **more)


def torch_loop(cls: type[Recurrent]) -> Build:
    """Return what makes a recurrent module of PyTorch's: a node for each of its levels."""

    def build(given: dict[str, Any]) -> list[Node]:
        levels, reads = _number(given, "num_layers", MAX_LAYERS, 1), _number(given, "input_size", 2 * MAX_SIZE)
        both, rate = _flag(given, "bidirectional"), given.pop("dropout", 0)
        if given.get("proj_size") == 0:
            del given["proj_size"]
        if given.get("nonlinearity", "tanh") not in ("tanh", "relu"):
            meant = _meant(given["nonlinearity"], ("tanh", "relu"))
            text = f"nonlinearity is {shorten(repr(given['nonlinearity']))}, expected 'tanh' or 'relu'"
            raise WrongArgumentError("nonlinearity", text, meant or "'tanh'", not meant)
        layer = _made(cls, given, cls.torch_arguments, merge_mode="concat" if both else None)
        hidden, projected = given["hidden_size"], given.get("proj_size", 0)
        if projected is None or projected >= hidden > 1:  # 1 stands where a text leaves the number open
            raise wrong_value("proj_size", projected, f"a number under hidden_size={hidden}")
        between = [node_of(_made(Dropout, {"dropout": rate}, {"rate": "dropout"}))] if rate and levels > 1 else []
        made: list[Node] = []
        for level in range(levels):
            made += between if level else []
            made.append(node_of(layer, features=reads, unsaid=frozenset({"return_sequences"})))
            reads = layer.output_shape((None, None, reads))[-1] or 0
        return made

    return build


def _held(value: object, argument: str, expected: str) -> list[Node]:
    """Return the layers that an argument is."""
    if not isinstance(value, list) or not value or not all(isinstance(each, Node) for each in value):
        raise ArgumentFaultError(argument, expected)
    return value


def bidirectional(given: dict[str, Any]) -> list[Node]:
    """Return a recurrent layer in both directions."""
    expected = "Bidirectional takes one recurrent layer, LSTM(32)"
    held = given["layer"] if isinstance(given["layer"], list) else [given["layer"]]
    if len(held) == 1 and not isinstance(held[0], Node):
        counts = type(held[0]) is int and held[0] > 0
        raise ArgumentFaultError("layer", expected, f"LSTM({held[0] if counts else 32})", not counts)
    made, *others = _held(held, "layer", expected)
    if others or not loops(made.word):
        raise ArgumentFaultError("layer", expected)
    layer, mode = made.word, given.get("merge_mode", "concat")
    if layer.go_backwards:
        raise ArgumentFaultError("layer", "the first direction of a Bidirectional reads forwards")
    if mode is None:
        raise ArgumentFaultError("merge_mode", "merge_mode=None keeps the outputs of the directions apart", "'concat'")
    if given.get("backward_layer") is not None:
        expected = "backward_layer is not the same layer with go_backwards=True"
        backwards = [each.word for each in _held(given["backward_layer"], "backward_layer", expected)]
        if backwards != [replace(layer, go_backwards=True)]:
            raise ArgumentFaultError("backward_layer", expected)
    return [replace(made, word=_made(type(layer), {**vars(layer), "merge_mode": mode}, {}))]


def rnn(given: dict[str, Any]) -> list[Node]:
    """Return a cell as a layer, or several of them one behind the other."""
    expected = "RNN takes a cell, LSTMCell(32), or a list of them"
    cells = _held(given["cell"], "cell", expected)
    back, sequences = _flag(given, "go_backwards"), _flag(given, "return_sequences")
    made = []
    for place, cell in enumerate(cells):
        if not loops(cell.word):
            raise ArgumentFaultError("cell", expected)
        returns = sequences or place < len(cells) - 1
        word = replace(cell.word, return_sequences=returns, go_backwards=back and place == 0)
        made.append(replace(cell, word=word))
    return made


def cells(given: dict[str, Any]) -> list[Node]:
    """Return a list of cells."""
    expected = "StackedRNNCells takes a list of cells, [LSTMCell(32), LSTMCell(32)]"
    cells = given["cells"]
    if not isinstance(cells, list) or not cells:
        raise ArgumentFaultError("cells", expected)
    made = [made for cell in cells for made in _held(cell, "cells", expected)]
    every = [
        replace(each, word=replace(each.word, return_sequences=True)) if loops(each.word) else each for each in made
    ]
    return [*every[:-1], made[-1]]


def each_step(given: dict[str, Any]) -> list[Node]:
    """Return a layer that stands on each timestep of a sequence."""
    held = _held(given["layer"], "layer", "TimeDistributed takes a layer, Dense(32)")
    for made in held:
        if isinstance(made.word, Layer) and made.word.reads != "either":
            raise ArgumentFaultError("layer", f"TimeDistributed takes no {made.word.keras}, which reads over time")
    return [replace(made, where="sequence") for made in held]


def whole(mode: str) -> Build:
    """Return what makes one vector of all timesteps; of stretches of them the language makes none."""

    def build(given: dict[str, Any]) -> list[Node]:
        size = given["output_size"]
        if size != 1:
            text = f"output_size is {shorten(repr(size))}; here one vector is made of all timesteps"
            raise ArgumentFaultError("output_size", text, "1")
        return [node_of(Pool(mode))]

    return build


def unknown_input(given: dict[str, Any]) -> list[Node]:
    """Return the input of a network, of which nothing is known yet."""
    del given
    return [node_of(None)]


def passes(given: dict[str, Any]) -> list[Node]:
    """Return what hands on what it reads."""
    del given
    return [node_of(Pass())]


def mask(given: dict[str, Any]) -> list[Node]:
    """Return what marks timesteps of zeros as padding."""
    value = given.get("mask_value", 0)
    if value == 0:
        return [node_of(Pass(masks=True))]
    text = f"takes vectors of {shorten(repr(value))} alone for padding; here those of zeros are"
    return [node_of(Pass(masks=True), notes=(Note(text, "differs"),))]


def activation(name: str = "", **only: object) -> Build:
    """Return what makes an activation; those of its arguments that the language has no word for may be `only` so."""

    def build(given: dict[str, Any]) -> list[Node]:
        axes = [each for each in ("axis", "dim") if given.get(each) is not None]
        where = _where(given, axes[0]) if axes else None
        for argument, value in given.items():
            if argument in only and value not in (only[argument], None):
                usual = f"{only[argument]}"
                text = f"{argument} is {shorten(repr(value))}; {name} has {usual} here"
                raise ArgumentFaultError(argument, text, usual)
        word = name or given["activation"]
        if not isinstance(word, str) or word not in ACTIVATIONS:
            expected = listed([*map(repr, ACTIVATIONS)], "or")
            text = f"activation is {shorten(repr(word))}, expected {expected}"
            meant = _meant(word)
            raise ArgumentFaultError("activation", text, meant or "'tanh'", not meant)
        return [node_of(Pass() if word == "linear" else Activation(word), where=where)]

    return build
