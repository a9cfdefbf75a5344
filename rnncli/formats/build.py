"""Builds spec layers from the arguments of Keras and PyTorch classes; frameworks.py has their signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

from rnncli.errors import ArgumentError, closest, listed, shorten
from rnncli.formats.nodes import Node, Note, Pass, Returned, Word, loops
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import LSTM, Activation, Dropout, Embedding, Layer, Norm, Pool, Recurrent
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.options import Choice
from rnncli.layers.windows import Window
from rnncli.quantities import MAX_SIZE


def node_of(word: Word | None, **said: Any) -> Node:
    """Return a node for a layer, which has no name yet and reads nothing.

    `said` are its other attributes: how many features it reads, notes, whether it works on sequences.
    """
    return Node("", "", word, **said)


class ArgumentFaultError(Exception):
    """An argument is wrong.

    Attributes:
        argument: its name; empty if no single argument is at fault.
        instead: what was probably meant: the value in Python, or the right name if the name is unknown; may be
            empty.
        made_up: whether `instead` is just an example.
    """

    def __init__(self, argument: str, message: str, instead: str = "", made_up: bool = False) -> None:
        super().__init__(message)
        self.argument, self.instead, self.made_up = argument, instead, made_up


class WrongArgumentError(ArgumentFaultError):
    """The class itself does not accept an argument, as opposed to one that only specs have no word for."""


class UnknownArgumentError(WrongArgumentError):
    """The class has no argument of that name."""


class TwiceGivenError(WrongArgumentError):
    """An argument is given by position and by name; `instead` is the argument that was probably meant by position."""


class MissingArgumentError(WrongArgumentError):
    """An argument without a default is missing; `instead` is an example value."""


Build = Callable[[dict[str, Any]], list[Node]]


def wrong_value(
    argument: str, value: object, expected: str, instead: str = "", made_up: bool = False
) -> WrongArgumentError:
    """Return the error for a wrong value of an argument."""
    return WrongArgumentError(argument, f"{argument} is {shorten(repr(value))}, expected {expected}", instead, made_up)


def _check_usual(given: Mapping[str, Any], argument: str, usual: object, why: str, instead: str = "") -> None:
    """Check that an argument, if it is given, has the only value that specs can express."""
    if (value := given.get(argument, usual)) != usual:
        raise ArgumentFaultError(argument, f"{argument} is {shorten(repr(value))}; {why}", instead)


def _flag(given: dict[str, Any], argument: str, default: bool = False) -> bool:
    """Pop a boolean argument."""
    value = given.pop(argument, default)
    if not isinstance(value, bool):
        truths = dict.fromkeys(("true", "1", "yes", "on"), "True") | dict.fromkeys(("false", "0", "no", "off"), "False")
        near = closest(str(value).lower(), truths, likeness=0.7)
        raise wrong_value(argument, value, "True or False", truths.get(near or "", ""))
    return value


def _number(given: dict[str, Any], argument: str, most: int = MAX_SIZE, default: int | None = None) -> int:
    """Pop an argument that is a whole number from 1."""
    value = given.pop(argument, default)
    if value is None:
        raise MissingArgumentError(argument, "", "32")
    if type(value) is not int or not 1 <= value <= most:
        meant = _meant(value, ()) or "1" * (default == 1 and type(value) is int)
        raise wrong_value(argument, value, f"a whole number from 1 to {most:,}", meant)
    return value


def _features(given: dict[str, Any], argument: str) -> int | None:
    """Pop the argument for the input features, of which two directions return twice as many; empty for Keras."""
    return _number(given, argument, 2 * MAX_SIZE) if argument else None


def _made(cls: type[Layer], given: Mapping[str, Any], names: Mapping[str, str], **fixed: object) -> Layer:
    """Return a layer built from a framework's arguments, with the defaults of its class for the rest.

    `names` maps attributes of the layer to the framework's names, where they differ.
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
    """Return what a wrong value was probably meant to be, in Python; empty if unknown."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, int) and value < 0:
        return str(-value)
    if not isinstance(value, str):
        return ""
    near = others.get(value.lower()) or closest(value.lower(), words)
    found = value if value.isascii() and value.isdecimal() else near
    return (found if found.isdecimal() else repr(found)) if found else ""


def layer(cls: type[Layer], names: Mapping[str, str] = {}, reads: str = "", **usual: object) -> Build:
    """Return a builder of a layer; `reads` is the argument for its input features, `usual` has default values."""

    def build(given: dict[str, Any]) -> list[Node]:
        features = _features(given, reads)
        return [node_of(_made(cls, usual | given, names), features=features)]

    return build


def embedding(given: dict[str, Any]) -> list[Node]:
    """Return Keras's table of ids, with the length of a sample if the arguments specify it."""
    lengths: dict[str, int] = {}
    for argument, batch in (("input_length", 0), ("input_shape", 0), ("batch_input_shape", 1)):
        said = given.pop(argument, None)
        sizes = [*said][batch:] if isinstance(said, list | tuple) else [said]
        if len(sizes) > 1:
            raise ArgumentFaultError(argument, f"{argument} has {len(sizes)} axes; here a sample is one row of ids")
        if sizes and sizes[0] is not None:
            lengths[argument] = _number({argument: sizes[0]}, argument)
    first, length = next(iter(lengths.items()), ("", None))
    for argument, other in lengths.items():
        if other != length:
            raise WrongArgumentError(argument, f"{argument} and {first} have different numbers of ids")
    return [node_of(_made(Embedding, given, {}, length=length))]


def only(build: Build, why: str, needs: str = "", **usual: int) -> Build:
    """Return a builder that takes only the usual values of some arguments, one of which may be needed."""

    def made(given: dict[str, Any]) -> list[Node]:
        for argument, value in usual.items():
            given[argument] = given[argument] if argument == needs else given.get(argument, value)
            _check_usual(given, argument, value, why, str(value))
        return build({argument: value for argument, value in given.items() if argument not in usual})

    return made


def other_padding(zeros: int, window: Window) -> ArgumentFaultError:
    """Return the error for padding on both sides that specs have no word for."""
    text = f"padding={zeros} neither keeps the length nor is 0; specs cannot express it"
    return ArgumentFaultError("padding", text, "'same'" if window.stride == 1 else "")


def _torch_padding(window: Window, padding: object) -> tuple[str, int]:
    """Return PyTorch's padding in Keras's words, and the number of zeros on both sides that this does not cover."""
    around = padding[0] if isinstance(padding, list | tuple) and len(padding) == 1 else padding
    if around in ("same", "valid"):
        return str(around), 0
    if type(around) is not int or not 0 <= around <= MAX_SIZE:
        raise wrong_value("padding", padding, "a whole number, 'same' or 'valid'", "'same'")
    if around and window.stride == 1 and 2 * around == window.span - 1:
        return "same", 0
    return "valid", around


def around(argument: str, usual: int | None = None, *, before: int = 1, after: int = 1) -> Build:
    """Return a builder that pads a sequence with zeros; an end with -1 is cropped instead, with 0 left alone."""

    def build(given: dict[str, Any]) -> list[Node]:
        sizes = given[argument] if usual is None else given.get(argument, usual)
        both = sizes if isinstance(sizes, list | tuple) and len(sizes) == 2 else (sizes, sizes)
        if not all(type(size) is int and 0 <= size <= MAX_SIZE for size in both):
            raise wrong_value(argument, sizes, "a whole number of at least 0, or two of them")
        return [node_of(Pass(), where="sequence", around=(before * both[0], after * both[1]))]

    return build


def windows(mode: str, usual: int | None = None) -> Build:
    """Return a builder of Keras's pooling."""

    def build(given: dict[str, Any]) -> list[Node]:
        given["pool_size"] = _number(given, "pool_size", default=usual)
        return [node_of(_made(Pool, given, {}, mode=mode))]

    return build


def torch_windows(cls: type[Layer], reads: str = "", **usual: object) -> Build:
    """Return a builder of PyTorch's windowed layers; padding that is not a word of a spec becomes zeros around them.

    `reads` is the argument for its input features; `usual` has default values.
    """
    names = {ours: theirs for ours, theirs in cls.torch_arguments.items() if ours != "padding"}

    def build(given: dict[str, Any]) -> list[Node]:
        features = _features(given, reads)
        padding, counted = given.pop("padding", 0), _flag(given, "count_include_pad", default=True)
        given["kernel_size"] = _number(given, "kernel_size")
        layer = _made(cls, given, names, **usual)
        assert layer.window is not None
        word, zeros = _torch_padding(layer.window, padding)
        if usual.get("mode") == "avg" and counted and (word, zeros) != ("valid", 0):
            text = "its padding counts in the mean; specs cannot express that"
            raise ArgumentFaultError("count_include_pad", text, "False")
        if zeros and layer.with_zeros((0, 0), None) is None:
            raise other_padding(zeros, layer.window)
        return [node_of(replace(layer, padding=word), features=features, around=(zeros, zeros))]

    return build


def norm(cls: type[Norm], reads: str = "") -> Build:
    """Return a builder of a normalisation; `reads` is PyTorch's argument for its input features, empty for Keras.

    It has the epsilon of specs that is nearest to the given one or the framework's default.
    """
    names, usual = (cls.torch_arguments, 1e-5) if reads else ({}, 1e-3)
    argument = names.get("epsilon", "epsilon")

    def build(given: dict[str, Any]) -> list[Node]:
        if isinstance(shape := given.get("normalized_shape"), list | tuple):
            text = f"normalized_shape is {shape}; norm works only on the features"
            raise ArgumentFaultError("normalized_shape", text)
        features, where = _features(given, reads), _where(given, "axis")
        if not _flag(given, "track_running_stats", default=True):
            text = "it uses the mean and variance of each batch; specs cannot express that"
            raise ArgumentFaultError("track_running_stats", text, "True")
        if not all(_flag(given, each, default=True) for each in ("affine", "elementwise_affine")):
            given |= {"bias": False, "scale": False}
        wanted = given.pop(argument, usual)
        if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not wanted >= 0:
            raise wrong_value(argument, wanted, "a number of at least 0")
        epsilon, same = Norm.nearest_epsilon(wanted)
        said = () if same else (Note(f"has an epsilon of {wanted:g}; here it runs with {epsilon:g}", "differs"),)
        return [node_of(_made(cls, given, names, epsilon=epsilon), notes=said, features=features, where=where)]

    return build


def _where(given: dict[str, Any], argument: str) -> Returned | None:
    """Pop the axis that a layer works on; return what it must read for that axis to be the features, None if either."""
    axis = given.pop(argument, -1)
    last = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    places: dict[int, Returned | None] = {-1: None, 1: "vector", 2: "sequence"}
    if type(last) is not int or last not in places:
        instead = "" if type(last) is int and last > max(places) else "-1"  # Softmax(10) means ten units
        raise ArgumentFaultError(argument, f"{argument} is {shorten(repr(axis))}, expected -1, the features", instead)
    return places[last]


def torch_loop(cls: type[Recurrent]) -> Build:
    """Return a builder of PyTorch's recurrent modules: one node per level."""

    def build(given: dict[str, Any]) -> list[Node]:
        levels, reads = _number(given, "num_layers", MAX_LAYERS, 1), _features(given, "input_size")
        both, rate = _flag(given, "bidirectional"), given.pop("dropout", 0)
        if given.get("proj_size") == 0:
            del given["proj_size"]
        if given.get("nonlinearity", "tanh") not in ("tanh", "relu"):
            value, meant = given["nonlinearity"], _meant(given["nonlinearity"], ("tanh", "relu"))
            raise wrong_value("nonlinearity", value, "'tanh' or 'relu'", meant or "'tanh'", not meant)
        layer = _made(cls, given, cls.torch_arguments, merge_mode="concat" if both else None)
        hidden, projected = given["hidden_size"], given.get("proj_size", 0)
        if projected is None or projected >= hidden > 1:  # 1 is a stand-in for a number that a text leaves open
            raise wrong_value("proj_size", projected, f"a number below hidden_size={hidden}")
        between = [node_of(_made(Dropout, {"dropout": rate}, {"rate": "dropout"}))] if rate and levels > 1 else []
        made: list[Node] = []
        for level in range(levels):
            made += between if level else []
            made.append(node_of(layer, features=reads, unsaid=frozenset({"return_sequences"})))
            reads = layer.output_shape((None, None, reads))[-1] or 0
        return made

    return build


def _held(value: object, argument: str, expected: str) -> list[Node]:
    """Return the layers in an argument."""
    if not isinstance(value, list) or not value or not all(isinstance(each, Node) for each in value):
        raise ArgumentFaultError(argument, expected)
    return value


def bidirectional(given: dict[str, Any]) -> list[Node]:
    """Return a recurrent layer in both directions."""
    expected = "Bidirectional takes one recurrent layer, such as LSTM(32)"
    held = given["layer"] if isinstance(given["layer"], list) else [given["layer"]]
    if len(held) == 1 and not isinstance(held[0], Node):
        counts = type(held[0]) is int and held[0] > 0
        raise ArgumentFaultError("layer", expected, f"LSTM({held[0] if counts else 32})", not counts)
    made, *others = _held(held, "layer", expected)
    if others or not loops(made.word):
        raise ArgumentFaultError("layer", expected)
    layer, mode = made.word, given.get("merge_mode", "concat")
    if layer.go_backwards:
        raise ArgumentFaultError("layer", "layer reads backwards; in a spec the first direction of bi reads forwards")
    if mode is None:
        raise ArgumentFaultError("merge_mode", "merge_mode=None keeps the two directions' outputs apart", "'concat'")
    if given.get("backward_layer") is not None:
        expected = "backward_layer is not the same layer with go_backwards=True"
        backwards = [each.word for each in _held(given["backward_layer"], "backward_layer", expected)]
        if backwards != [replace(layer, go_backwards=True)]:
            raise ArgumentFaultError("backward_layer", expected)
    return [replace(made, word=_made(type(layer), {**vars(layer), "merge_mode": mode}, {}))]


def cudnn_lstm(given: dict[str, Any]) -> list[Node]:
    """Return Keras 2's LSTM for graphics cards, which adds two biases where LSTM has one."""
    (made,) = layer(LSTM)(given)
    text = "is counted as LSTM with one bias; CuDNNLSTM has two, 4 more parameters for each unit"
    return [replace(made, notes=(Note(text, "assumed size"),))]


def rnn(given: dict[str, Any]) -> list[Node]:
    """Return a cell as a layer, or several cells as a stack of layers."""
    expected = "RNN takes a cell, such as LSTMCell(32), or a list of cells"
    cells = _held(given["cell"], "cell", expected)
    back, sequences = _flag(given, "go_backwards"), _flag(given, "return_sequences")
    made = []
    for place, cell in enumerate(cells):
        if not loops(cell.word):
            raise ArgumentFaultError("cell", expected)
        returns = sequences or place < len(cells) - 1
        word = replace(cell.word, return_sequences=returns, go_backwards=back and place == 0)
        made.append(replace(cell, word=word))
    if back and len(made) > 1:
        text = "reads the padding of a mask backwards in all its cells; here only the first one does"
        made[0] = replace(made[0], notes=(*made[0].notes, Note(text, "differs")))
    return made


def cells(given: dict[str, Any]) -> list[Node]:
    """Return a list of cells."""
    expected = "StackedRNNCells takes a list of cells, such as [LSTMCell(32), LSTMCell(32)]"
    cells = given["cells"]
    if not isinstance(cells, list) or not cells:
        raise ArgumentFaultError("cells", expected)
    made = [made for cell in cells for made in _held(cell, "cells", expected)]
    for place, each in enumerate(made[:-1]):
        if loops(each.word) and not each.word.return_sequences:
            made[place] = replace(each, word=replace(each.word, return_sequences=True))
    return made


def each_step(given: dict[str, Any]) -> list[Node]:
    """Return a layer that is applied to each timestep of a sequence."""
    steps = []
    for made in _held(given["layer"], "layer", "TimeDistributed takes a layer, such as Dense(32)"):
        if isinstance(made.word, Layer) and made.word.reads != "either":
            raise ArgumentFaultError("layer", f"layer is {made.word.spec()}; specs cannot apply it to each timestep")
        flat = isinstance(made.word, Layer) and made.word.joins == "flatten"  # like the vector of a timestep
        steps.append(replace(made, word=Pass() if flat else made.word, where="sequence"))
    return steps


def unknown_input(_: dict[str, Any]) -> list[Node]:
    """Return the input of a network whose features are not known yet."""
    return [node_of(None)]


def passes(_: dict[str, Any]) -> list[Node]:
    """Return a node that passes its input on."""
    return [node_of(Pass())]


def mask(given: dict[str, Any]) -> list[Node]:
    """Return a node that marks timesteps of zeros as padding."""
    value = given.get("mask_value", 0)
    if value == 0:
        return [node_of(Pass(masks=True))]
    text = f"treats only vectors of {shorten(repr(value))} as padding; here vectors of zeros are padding"
    return [node_of(Pass(masks=True), notes=(Note(text, "differs"),))]


def activation(name: str = "", **only: object) -> Build:
    """Return a builder of an activation; `only` has the values of other arguments that specs can express."""

    def build(given: dict[str, Any]) -> list[Node]:
        axes = [each for each in ("axis", "dim") if given.get(each) is not None]
        where = _where(given, axes[0]) if axes else None
        said = {argument: value for argument, value in given.items() if value is not None}
        for argument, usual in only.items():
            _check_usual(said, argument, usual, f"{name} has {usual} here", f"{usual}")
        word = name or given["activation"]
        if not isinstance(word, str) or word not in ACTIVATIONS:
            expected = listed([*map(repr, ACTIVATIONS)], "or")
            text = f"activation is {shorten(repr(word))}, expected {expected}"
            meant = _meant(word)
            raise ArgumentFaultError("activation", text, meant or "'tanh'", not meant)
        return [node_of(Pass() if word == "linear" else Activation(word), where=where)]

    return build
