"""Keras's and PyTorch's classes and their arguments, once: for calls, sources and configs alike.

A signature has the arguments in the order in which they may be given by position; those behind `*` are given by name.
`~` stands before one that changes nothing here, `!` before one that the language has no word for: it changes a run,
which `DIFFERS` says, or the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any, NamedTuple

from rnncli.errors import ArgumentError, listed, shorten
from rnncli.formats.nodes import Node, Note, Pass, Returned, Word, loops, names, takes_vectors
from rnncli.language.framework_words import FEATURES
from rnncli.language.likeness import closest
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import (
    GRU,
    LAYERS,
    LSTM,
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    Norm,
    Pool,
    Recurrent,
    Repeat,
    SimpleRNN,
)
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.options import Choice
from rnncli.layers.weights import Framework
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


class MissingArgumentError(WrongArgumentError):
    """An argument that has no default is missing; `instead` is an example of its value."""


Build = Callable[[dict[str, Any]], list[Node]]


class Class(NamedTuple):
    """A class and its signature.

    Attributes:
        build: returns what it makes of the arguments that the language has words for.
        takes: all its arguments, those first that may be given by position.
        positional: how many these are.
        inert: those that change nothing here.
        changing: those that the language has no word for.
    """

    build: Build
    takes: tuple[str, ...]
    positional: int
    inert: frozenset[str]
    changing: frozenset[str]


DIFFERS: Mapping[str, str] = {
    "stateful": "is stateful; here every sample starts from a state of zero",
    "return_state": "returns its states, too; here they are left out",
    "padding_idx": "has a row for padding, which stays zero; here it is a row like others",
    "zero_output_for_mask": "returns zeros for padding; here it returns its output before",
    "max_norm": "shortens its longer vectors as it runs; here they stay as they are",
}
"""What is said of an argument that changes a run and not the sizes."""

_OFF = (None, False, 0, "channels_last")
_OFF_OF: Mapping[str, tuple[object, ...]] = {
    "padding_idx": (None,),
    "max_norm": (None,),
    "groups": (1,),
    "padding_mode": ("zeros",),
    "dilation": (1,),
}
"""The values with which an argument is as if it were not given, of most and of some."""

HOLDS = ("layer", "backward_layer", "cell", "cells")
"""Arguments that are layers."""

SHAPES = {"shape": 0, "input_shape": 0, "batch_shape": 1, "batch_input_shape": 1}
"""Keras's arguments for the shape that a layer reads, and how many sizes of it are no timesteps and no features."""


def wrong(argument: str, value: object, expected: str, instead: str = "") -> WrongArgumentError:
    """Return the error for an argument that has a wrong value."""
    return WrongArgumentError(argument, f"{argument} is {shorten(repr(value))}, expected {expected}", instead)


def _flag(given: dict[str, Any], argument: str, default: bool = False) -> bool:
    """Take an argument that is true or false."""
    value = given.pop(argument, default)
    if not isinstance(value, bool):
        truths = dict.fromkeys(("true", "1", "yes", "on"), "True") | dict.fromkeys(("false", "0", "no", "off"), "False")
        raise wrong(argument, value, "True or False", truths.get(str(value).lower(), ""))
    return value


def _number(given: dict[str, Any], argument: str, most: int = MAX_SIZE, default: int | None = None) -> int:
    """Take an argument that is a whole number from 1."""
    value = given.pop(argument, default)
    if value is None:
        raise MissingArgumentError(argument, "", "32")
    if type(value) is not int or not 1 <= value <= most:
        raise wrong(argument, value, f"a whole number from 1 to {most:,}", _meant(value) or "1" * (default == 1))
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


def _layer(cls: type[Layer], names: Mapping[str, str] = {}, **fixed: object) -> Build:
    return lambda given: [node_of(_made(cls, given, names, **fixed))]


def _torch_flatten(given: dict[str, Any]) -> list[Node]:
    for argument, usual in (("start_dim", 1), ("end_dim", -1)):
        if given.get(argument, usual) != usual:
            text = f"{argument} is {shorten(repr(given[argument]))}; here all but the batch becomes one axis"
            raise ArgumentFaultError(argument, text, str(usual))
    return [node_of(Flatten())]


def _linear(given: dict[str, Any]) -> list[Node]:
    features = _number(given, "in_features", 2 * MAX_SIZE)  # as many as two directions return
    return [node_of(_made(Dense, given, Dense.torch_arguments), features=features)]


def _torch_conv(given: dict[str, Any]) -> list[Node]:
    features, padding = _number(given, "in_channels", 2 * MAX_SIZE), given.pop("padding", 0)
    names = {ours: theirs for ours, theirs in Conv.torch_arguments.items() if ours != "padding"}
    layer = _made(Conv, given, names)
    assert layer.window is not None
    word, zeros = _torch_padding(layer.window, padding)
    return [node_of(replace(layer, padding=word), features=features, around=(zeros, zeros))]


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
        raise wrong("padding", padding, "a whole number, 'same' or 'valid'", "'same'")
    if around and window.stride == 1 and 2 * around == window.span - 1:
        return "same", 0
    return "valid", around


def _around(argument: str, usual: int | None = None, sign: int = 1) -> Build:
    """Return what puts zeros around a sequence; with the other sign, what cuts timesteps off."""

    def build(given: dict[str, Any]) -> list[Node]:
        sizes = given[argument] if usual is None else given.get(argument, usual)
        both = sizes if isinstance(sizes, list | tuple) and len(sizes) == 2 else (sizes, sizes)
        if not all(type(size) is int and 0 <= size <= MAX_SIZE for size in both):
            raise wrong(argument, sizes, "a whole number from 0, or two of them")
        return [node_of(Pass(), where="sequence", around=(sign * both[0], sign * both[1]))]

    return build


def _constant_around(given: dict[str, Any]) -> list[Node]:
    if (value := given["value"]) != 0:
        text = f"value is {shorten(repr(value))}; the language has only zeros around a sequence"
        raise ArgumentFaultError("value", text)
    return _around("padding")(given)


def _windows(mode: str, usual: int | None = None) -> Build:
    def build(given: dict[str, Any]) -> list[Node]:
        given["pool_size"] = _number(given, "pool_size", default=usual)
        return [node_of(_made(Pool, given, {}, mode=mode))]

    return build


def _torch_windows(mode: str) -> Build:
    def build(given: dict[str, Any]) -> list[Node]:
        padding, counted = given.pop("padding", 0), _flag(given, "count_include_pad", default=True)
        given["kernel_size"] = _number(given, "kernel_size")
        layer = _made(Pool, given, Pool.torch_arguments, mode=mode)
        assert layer.window is not None
        word, zeros = _torch_padding(layer.window, padding)
        if mode == "avg" and counted and (word, zeros) != ("valid", 0):
            text = "the zeros around the sequence count in the mean; the language has no word for it"
            raise ArgumentFaultError("count_include_pad", text, "False")
        if zeros:
            raise other_padding(zeros, layer.window)
        return [node_of(replace(layer, padding=word))]

    return build


def _torch_batch_norm(given: dict[str, Any]) -> list[Node]:
    features = _number(given, "num_features", 2 * MAX_SIZE)
    if not _flag(given, "track_running_stats", default=True):
        text = "it takes the mean and variance of each batch; the language has no word for it"
        raise ArgumentFaultError("track_running_stats", text, "True")
    return [_normalized(given, BatchNorm, BatchNorm.torch_arguments, 1e-5, "eps", features=features)]


def _dropout(given: dict[str, Any]) -> list[Node]:
    return [node_of(_made(Dropout, {"p": 0.5} | given, Dropout.torch_arguments))]


def _norm(cls: type[Norm]) -> Build:
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


def _torch_norm(given: dict[str, Any]) -> list[Node]:
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
        raise wrong(argument, wanted, "a number from 0")
    epsilon, same = Norm.nearest_epsilon(wanted)
    said = () if same else (Note(f"has an epsilon of {wanted:g}; here it runs with {epsilon:g}", "differs"),)
    return node_of(_made(cls, given, names, epsilon=epsilon), notes=said, **more)


def _torch_loop(cls: type[Recurrent]) -> Build:
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
            raise wrong("proj_size", projected, f"a number under hidden_size={hidden}")
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


def _bidirectional(given: dict[str, Any]) -> list[Node]:
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


def _rnn(given: dict[str, Any]) -> list[Node]:
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


def _cells(given: dict[str, Any]) -> list[Node]:
    expected = "StackedRNNCells takes a list of cells, [LSTMCell(32), LSTMCell(32)]"
    cells = given["cells"]
    if not isinstance(cells, list) or not cells:
        raise ArgumentFaultError("cells", expected)
    return [made for cell in cells for made in _held(cell, "cells", expected)]


def _each_step(given: dict[str, Any]) -> list[Node]:
    held = _held(given["layer"], "layer", "TimeDistributed takes a layer, Dense(32)")
    for made in held:
        if isinstance(made.word, Layer) and made.word.reads != "either":
            raise ArgumentFaultError("layer", f"TimeDistributed takes no {made.word.keras}, which reads over time")
    return [replace(made, where="sequence") for made in held]


def _whole(mode: str) -> Build:
    """Return what makes one vector of all timesteps; of stretches of them the language makes none."""

    def build(given: dict[str, Any]) -> list[Node]:
        size = given["output_size"]
        if size != 1:
            text = f"output_size is {shorten(repr(size))}; here one vector is made of all timesteps"
            raise ArgumentFaultError("output_size", text, "1")
        return [node_of(Pool(mode))]

    return build


def _always(made: Node) -> Build:
    return lambda given: [made]


_OF_AXES = names("kernel_size pool_size strides stride dilation_rate dilation normalized_shape output_size")
"""Arguments that may be lists of one number, that of the only axis there is."""

_input = _always(node_of(None))
_passes = _always(node_of(Pass()))


def _mask(given: dict[str, Any]) -> list[Node]:
    value = given.get("mask_value", 0)
    if value == 0:
        return [node_of(Pass(masks=True))]
    text = f"takes vectors of {shorten(repr(value))} alone for padding; here those of zeros are"
    return [node_of(Pass(masks=True), notes=(Note(text, "differs"),))]


def _activation(name: str = "", **only: object) -> Build:
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


_GROUPS: Mapping[str, str] = {
    "LOOP": "EVERY ~implementation ~time_major !zero_output_for_mask ~weights",
    "RATES": "~noise_shape ~seed EVERY",
    "EVERY": "BASE input_shape batch_input_shape input_dim input_length",
    "BASE": "* ~name ~trainable ~dtype ~autocast ~activity_regularizer",
    "GATES": "activation recurrent_activation use_bias",
    "STARTS": "~kernel_initializer ~recurrent_initializer ~bias_initializer",
    "RULES": "CELL ~activity_regularizer",
    "CELL": "~kernel_regularizer ~recurrent_regularizer ~bias_regularizer",
    "BOUNDS": "~kernel_constraint ~recurrent_constraint ~bias_constraint ~dropout ~recurrent_dropout",
    "RETURNS": "return_sequences !return_state go_backwards !stateful ~unroll",
    "LORA": "!lora_rank ~lora_alpha !quantization_config",
    "SHAPE": "shape ~batch_size ~dtype ~sparse ~ragged batch_shape",
    "LEVELS": "~batch_first dropout bidirectional",
    "DEVICE": "~device ~dtype",
}
"""Arguments that several signatures have, one behind the other; each before those that are in it."""


def _of(build: Build, signature: str) -> Class:
    """Return a class; its signature names an argument twice where all classes of Keras have it, too."""
    for group, arguments in _GROUPS.items():
        signature = signature.replace(group, arguments)
    by_place, _, by_name = signature.partition("*")
    words = dict.fromkeys([*by_place.split(), *by_name.split()])
    takes = tuple(dict.fromkeys(word.lstrip("~!") for word in words))
    marked = {sign: frozenset(word[1:] for word in words if word[0] == sign) for sign in "~!"}
    return Class(build, takes, len(by_place.split()), marked["~"], marked["!"])


KERAS: Mapping[str, Class] = {
    "SimpleRNN": _of(_layer(SimpleRNN), "units activation use_bias STARTS RULES BOUNDS RETURNS ~seed LOOP"),
    "LSTM": _of(_layer(LSTM), "units GATES STARTS unit_forget_bias RULES BOUNDS ~seed RETURNS ~use_cudnn LOOP"),
    "GRU": _of(_layer(GRU), "units GATES STARTS RULES BOUNDS ~seed RETURNS reset_after ~use_cudnn LOOP"),
    "SimpleRNNCell": _of(_layer(SimpleRNN), "units activation use_bias STARTS CELL BOUNDS ~seed LOOP"),
    "LSTMCell": _of(_layer(LSTM), "units GATES STARTS unit_forget_bias CELL BOUNDS ~seed LOOP"),
    "GRUCell": _of(_layer(GRU), "units GATES STARTS CELL BOUNDS reset_after ~seed LOOP"),
    "CuDNNLSTM": _of(_layer(LSTM), "units STARTS unit_forget_bias RULES BOUNDS RETURNS LOOP"),
    "CuDNNGRU": _of(_layer(GRU), "units STARTS RULES BOUNDS RETURNS LOOP"),
    "RNN": _of(_rnn, "cell RETURNS !zero_output_for_mask LOOP"),
    "StackedRNNCells": _of(_cells, "cells EVERY"),
    "Bidirectional": _of(_bidirectional, "layer merge_mode ~weights backward_layer EVERY"),
    "TimeDistributed": _of(_each_step, "layer EVERY"),
    "Embedding": _of(
        _layer(Embedding),
        "input_dim output_dim ~embeddings_initializer ~embeddings_regularizer ~embeddings_constraint mask_zero "
        "~weights LORA BASE ~input_shape ~batch_input_shape ~input_length",
    ),
    "Dense": _of(
        _layer(Dense),
        "units activation use_bias ~kernel_initializer ~bias_initializer ~kernel_regularizer ~bias_regularizer "
        "~activity_regularizer ~kernel_constraint ~bias_constraint LORA EVERY ~weights",
    ),
    "Conv1D": _of(
        _layer(Conv),
        "filters kernel_size strides padding !data_format dilation_rate !groups activation use_bias "
        "~kernel_initializer ~bias_initializer ~kernel_regularizer ~bias_regularizer ~activity_regularizer "
        "~kernel_constraint ~bias_constraint EVERY",
    ),
    "Dropout": _of(_layer(Dropout), "rate RATES"),
    "SpatialDropout1D": _of(_layer(Dropout), "rate ~seed ~name ~dtype EVERY"),
    "AlphaDropout": _of(_layer(Dropout), "rate RATES"),
    "GaussianDropout": _of(_layer(Dropout), "rate ~seed EVERY"),
    "GaussianNoise": _of(_passes, "~stddev ~seed EVERY"),
    "ActivityRegularization": _of(_passes, "~l1 ~l2 EVERY"),
    "LayerNormalization": _of(
        _norm(Norm),
        "axis epsilon center scale ~beta_initializer ~gamma_initializer ~beta_regularizer ~gamma_regularizer "
        "~beta_constraint ~gamma_constraint EVERY !rms_scaling",
    ),
    "BatchNormalization": _of(
        _norm(BatchNorm),
        "axis ~momentum epsilon center scale ~beta_initializer ~gamma_initializer ~moving_mean_initializer "
        "~moving_variance_initializer ~beta_regularizer ~gamma_regularizer ~beta_constraint ~gamma_constraint "
        "!renorm ~renorm_clipping ~renorm_momentum ~synchronized EVERY ~fused ~virtual_batch_size ~adjustment",
    ),
    "MaxPooling1D": _of(_windows("max", 2), "pool_size strides padding !data_format ~name EVERY"),
    "AveragePooling1D": _of(_windows("avg"), "pool_size strides padding !data_format ~name EVERY"),
    "ZeroPadding1D": _of(_around("padding", usual=1), "padding !data_format EVERY"),
    "Cropping1D": _of(_around("cropping", usual=1, sign=-1), "cropping EVERY"),
    "Flatten": _of(_layer(Flatten), "!data_format EVERY"),
    "RepeatVector": _of(_layer(Repeat), "n EVERY"),
    "GlobalMaxPooling1D": _of(_layer(Pool, mode="max"), "!data_format !keepdims EVERY"),
    "GlobalAveragePooling1D": _of(_layer(Pool, mode="avg"), "!data_format !keepdims EVERY"),
    "InputLayer": _of(_input, "SHAPE ~input_tensor ~optional ~name * input_shape batch_input_shape ~tensor"),
    "Input": _of(_input, "SHAPE ~name ~tensor ~optional"),
    "Masking": _of(_mask, "mask_value EVERY"),
    "Activation": _of(_activation(), "activation EVERY"),
    "ReLU": _of(
        _activation("relu", max_value=None, negative_slope=0.0, threshold=0.0),
        "max_value negative_slope threshold EVERY",
    ),
    "ELU": _of(_activation("elu", alpha=1.0), "alpha EVERY"),
    "Softmax": _of(_activation("softmax"), "axis EVERY"),
    "Identity": _of(_passes, "EVERY"),
}

TORCH: Mapping[str, Class] = {
    "RNN": _of(_torch_loop(SimpleRNN), "input_size hidden_size num_layers nonlinearity bias LEVELS DEVICE"),
    "LSTM": _of(_torch_loop(LSTM), "input_size hidden_size num_layers bias LEVELS proj_size DEVICE"),
    "GRU": _of(_torch_loop(GRU), "input_size hidden_size num_layers bias LEVELS DEVICE"),
    "RNNCell": _of(_torch_loop(SimpleRNN), "input_size hidden_size bias nonlinearity DEVICE"),
    "LSTMCell": _of(_torch_loop(LSTM), "input_size hidden_size bias DEVICE"),
    "GRUCell": _of(_torch_loop(GRU), "input_size hidden_size bias DEVICE"),
    "Linear": _of(_linear, "in_features out_features bias DEVICE"),
    "Embedding": _of(
        _layer(Embedding, Embedding.torch_arguments),
        "num_embeddings embedding_dim !padding_idx !max_norm ~norm_type ~scale_grad_by_freq ~sparse ~_weight ~_freeze "
        "DEVICE",
    ),
    "Conv1d": _of(
        _torch_conv, "in_channels out_channels kernel_size stride padding dilation !groups bias !padding_mode DEVICE"
    ),
    "Dropout": _of(_dropout, "p ~inplace"),
    "AlphaDropout": _of(_dropout, "p ~inplace"),
    "LayerNorm": _of(_torch_norm, "normalized_shape eps elementwise_affine bias DEVICE"),
    "BatchNorm1d": _of(_torch_batch_norm, "num_features eps ~momentum affine track_running_stats DEVICE bias"),
    "Flatten": _of(_torch_flatten, "start_dim end_dim"),
    "MaxPool1d": _of(_torch_windows("max"), "kernel_size stride padding !dilation !return_indices !ceil_mode"),
    "AvgPool1d": _of(_torch_windows("avg"), "kernel_size stride padding !ceil_mode count_include_pad"),
    "ConstantPad1d": _of(_constant_around, "padding value"),
    "ZeroPad1d": _of(_around("padding"), "padding"),
    "Identity": _of(_passes, ""),
    "ReLU": _of(_activation("relu"), "~inplace"),
    "Tanh": _of(_activation("tanh"), ""),
    "Sigmoid": _of(_activation("sigmoid"), ""),
    "Hardsigmoid": _of(_activation("hard_sigmoid"), "~inplace"),
    "Softmax": _of(_activation("softmax"), "dim"),
    "SiLU": _of(_activation("silu"), "~inplace"),
    "ELU": _of(_activation("elu", alpha=1.0), "alpha ~inplace"),
    "SELU": _of(_activation("selu"), "~inplace"),
    "GELU": _of(_activation("gelu", approximate="none"), "approximate"),
    "Softplus": _of(_activation("softplus", beta=1.0, threshold=20.0), "beta threshold"),
    "Softsign": _of(_activation("softsign"), ""),
    "AdaptiveAvgPool1d": _of(_whole("avg"), "output_size"),
    "AdaptiveMaxPool1d": _of(_whole("max"), "output_size !return_indices"),
}

CLASSES: Mapping[Framework, Mapping[str, Class]] = {"keras": KERAS, "torch": TORCH}
_ALIASES = {
    "Convolution1D": "Conv1D",
    "MaxPool1D": "MaxPooling1D",
    "AvgPool1D": "AveragePooling1D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
}
"""Keras's other names for a class."""


_EXAMPLES = {
    "layer": "LSTM(32)",
    "cell": "LSTMCell(32)",
    "cells": "[LSTMCell(32)]",
    "activation": "'relu'",
    "output_size": "1",
    "padding": "(2, 0)",
    "value": "0",
}
"""Values of arguments that have no default and are no sizes."""


def class_of(framework: Framework, name: str) -> Class | None:
    """Return a class that the language has a word for."""
    return CLASSES[framework].get(_ALIASES.get(name, name) if framework == "keras" else name)


_MEAN_THE_SAME = [
    *({*names} for layer in LAYERS for names in layer.torch_arguments.items()),
    {theirs for layer in LAYERS for ours, theirs in layer.torch_arguments.items() if ours == "units"},
    {*FEATURES},
]
"""Arguments that mean the same, of Keras and PyTorch or of several kinds."""


def bound(cls: Class, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a class by their names.

    Raises:
        WrongArgumentError: there are too many, or one is unknown or given twice.
    """
    if len(positional) > cls.positional:
        raise WrongArgumentError("", f"{name} takes at most {cls.positional} arguments without their names")
    given = dict(zip(cls.takes, positional, strict=False))
    for argument, value in named.items():
        if argument not in cls.takes:
            # What the other framework calls it comes first: units for hidden_size.
            theirs = [each for each in cls.takes if any({argument, each} <= names for names in _MEAN_THE_SAME)]
            nearest = next(iter(theirs), None) or closest(argument, cls.takes) or ""
            raise UnknownArgumentError(argument, f"{name} has no argument {shorten(argument)}", nearest)
        if argument in given:
            raise WrongArgumentError(argument, f"{argument} is given twice")
        given[argument] = value
    return given


def built(framework: Framework, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Node]:
    """Return what a class makes: one word, or those of a stack.

    Raises:
        ArgumentFaultError: an argument is wrong or missing, or changes the network and the language has no word for it.
    """
    cls = class_of(framework, name)
    assert cls is not None
    given = {each: value for each, value in bound(cls, name, positional, named).items() if each not in cls.inert}
    for argument, value in given.items():
        if argument in HOLDS or not isinstance(value, list | tuple | dict):
            continue
        # One of a few plain values can be shown; one in which others are shared may be huge.
        if len(value) > 16 or isinstance(value, dict) or any(isinstance(each, list | tuple | dict) for each in value):
            raise WrongArgumentError(argument, f"{argument} is a dict, a list of lists, or a long one")
    notes = []
    for argument in [each for each in given if each in cls.changing]:
        if given[argument] in _OFF_OF.get(argument, _OFF):
            continue
        if argument not in DIFFERS:
            text = f"{argument}={shorten(repr(given[argument]))} changes the network"
            raise ArgumentFaultError(argument, f"{text}, and the language has no word for it")
        notes.append(Note(DIFFERS[argument], "differs"))
    given = {each: value for each, value in given.items() if each not in cls.changing}
    for argument in _OF_AXES & given.keys():
        if isinstance(value := given[argument], list | tuple) and len(value) == 1:
            given[argument] = value[0]
    for argument in {"activation", "recurrent_activation"} & given.keys():
        value = given[argument]
        if isinstance(value, str):
            given[argument] = OTHER_NAMES.get(value.lower(), value.lower())
        elif value is None:
            given[argument] = "linear"
    head = None if "output_dim" in cls.takes else _head(given)
    if cls.build is _input:
        return [head or node_of(None)]
    try:
        made = cls.build(given)
    except (KeyError, MissingArgumentError) as missing:
        argument = missing.argument if isinstance(missing, MissingArgumentError) else str(missing.args[0])
        instead = missing.instead if isinstance(missing, MissingArgumentError) else _EXAMPLES[argument]
        raise MissingArgumentError(argument, f"{name} needs {argument}", instead) from None
    first = replace(made[0], notes=(*made[0].notes, *notes))
    if head is not None and takes_vectors(head.word):
        first = replace(first, given=head.word)
    return [first, *made[1:]]


def _head(given: dict[str, Any]) -> Node | None:
    """Take the shape that a layer of Keras reads out of its arguments; return the input where it says the features."""
    found = [(name, given.pop(name), batch) for name, batch in SHAPES.items() if name in given]
    steps = given.pop("input_length", None)
    if given.get("input_dim") is not None:
        found.append(("input_dim", (steps, given["input_dim"]), 0))
    given.pop("input_dim", None)
    name, shape, batch = next((each for each in found if each[1] is not None), ("", (), 0))
    sizes = (tuple(shape) if isinstance(shape, list | tuple) else (shape,))[batch:]
    if not sizes or sizes[-1] is None:
        return None
    if len(sizes) > 2:
        samples = len(sizes) == 3 and not batch and sizes[0] in (None, 1)
        instead = f"({', '.join(map(str, sizes[1:]))})" if samples else ""
        text = "the shape of an input is (timesteps, features), without the number of samples"
        raise ArgumentFaultError(name, text, instead)
    try:
        head = Input(sizes[-1], sizes[0] if len(sizes) == 2 else None)
    except ArgumentError as fault:
        attribute, _, rest = fault.message.partition(": ")[2].partition(" ")
        raise WrongArgumentError(name, f"{name} says {attribute}: {rest.removeprefix('is ')}") from None
    return node_of(head)
