"""Keras's and PyTorch's classes and their arguments, in one place for calls, sources and configs.

A signature lists the arguments in the order in which they may be given by position; arguments after `*` are given by
name. `~` marks an argument that changes nothing here, `!` one that specs have no word for: it changes a run, as
`DIFFERS` describes, or the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rnncli.errors import ArgumentError, closest, shorten
from rnncli.formats import build
from rnncli.formats.build import ArgumentFaultError, MissingArgumentError, UnknownArgumentError, WrongArgumentError
from rnncli.formats.nodes import Node, Note, names, takes_vectors
from rnncli.immutable import NamedTuple
from rnncli.language.framework_words import FEATURES
from rnncli.layers import (
    GRU,
    LAYERS,
    LSTM,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Norm,
    Pool,
    Repeat,
    SimpleRNN,
)
from rnncli.layers.activations import OTHER_NAMES
from rnncli.layers.weights import Framework


class Signature(NamedTuple):
    """A class and its signature.

    Attributes:
        build: a function from the arguments that specs have words for to nodes.
        takes: all arguments, starting with those that may be given by position.
        positional: how many may be given by position.
        inert: the arguments that change nothing here.
        changing: the arguments that specs have no word for.
    """

    build: build.Build
    takes: tuple[str, ...]
    positional: int
    inert: frozenset[str]
    changing: frozenset[str]


DIFFERS: Mapping[str, str] = {
    "stateful": "is stateful; here every sample starts from a state of zero",
    "return_state": "also returns its states; here they are left out",
    "padding_idx": "has a padding row that stays zero; here that row is like any other",
    "zero_output_for_mask": "returns zeros at padded timesteps; here it repeats its last output",
    "max_norm": "scales down vectors longer than max_norm; here they are unchanged",
}
"""Notes on arguments that change a run but not the sizes."""

NOT_TRAINED = "is not trained; here its parameters count as trainable"
"""The note on `trainable=False`."""

CALLED_WITH: Mapping[str, str] = {
    "initial_state": "starts from a given state; here from zero",
    "mask": "is given its own mask, which is ignored here",
    "training": "is called as in training; here it runs as in inference",
}
"""Notes on arguments of the call of a layer."""


def differs_in_training(name: str, given: Mapping[str, Any]) -> bool:
    """Return whether a layer computes otherwise in training, from the name of its class and its arguments."""
    drops = any(given.get(each) not in (None, 0) for each in ("dropout", "recurrent_dropout"))
    return drops or any(each in name for each in ("Dropout", "Noise", "BatchNorm"))


_OFF_OF: Mapping[str, tuple[object, ...]] = {
    "padding_idx": (None,),
    "max_norm": (None,),
    "groups": (1,),
    "padding_mode": ("zeros",),
    "dilation": (1,),
}
"""Values of some arguments that have the same effect as leaving them out."""

HOLDS = ("layer", "backward_layer", "cell", "cells")
"""Arguments that are layers."""

SHAPES = {"shape": 0, "input_shape": 0, "batch_shape": 1, "batch_input_shape": 1}
"""Keras's arguments for the shape that a layer reads, and how many leading sizes are neither timesteps nor features."""

INPUTS = ("Input", "InputLayer")
"""Keras's classes for the input of a network, which are not layers."""

SAME_MODULE = names("to cuda cpu float double half bfloat16 eval train apply requires_grad_")
"""Methods of a module that return it without changing the number of its parameters."""

DATA = names(
    "zeros ones rand randn randint tensor empty full arange LongTensor FloatTensor Tensor from_numpy as_tensor normal"
    " uniform random"
)
"""Functions that create a tensor of numbers."""

_OF_AXES = names("kernel_size pool_size strides stride dilation_rate dilation normalized_shape output_size")
"""Arguments that may be a list of one number, for the only axis."""

CUTS = names("Chomp1d Chomp")
"""Common names of user classes that cut timesteps off after a convolution, to remove its padding."""

_GROUPS: Mapping[str, str] = {
    "LOOP": "EVERY ~implementation ~consume_less !time_major !zero_output_for_mask ~weights",
    "RATES": "~noise_shape ~seed EVERY",
    "EVERY": "BASE SIZES input_dim input_length",
    "SIZES": "input_shape batch_input_shape",
    "BASE": "* ~name ~trainable ~dtype ~autocast ~activity_regularizer",
    "GATES": "activation recurrent_activation use_bias",
    "STARTS": "~kernel_initializer ~recurrent_initializer ~bias_initializer",
    "RULES": "CELL ~activity_regularizer",
    "CELL": "~kernel_regularizer ~recurrent_regularizer ~bias_regularizer",
    "BOUNDS": "~kernel_constraint ~recurrent_constraint ~bias_constraint ~dropout ~recurrent_dropout",
    "RETURNS": "return_sequences !return_state go_backwards !stateful ~unroll",
    "WEIGHTS": "~kernel_initializer ~bias_initializer ~kernel_regularizer ~bias_regularizer ~activity_regularizer "
    "~kernel_constraint ~bias_constraint",
    "BEGINS": "~beta_initializer ~gamma_initializer",
    "SCALES": "~beta_regularizer ~gamma_regularizer ~beta_constraint ~gamma_constraint",
    "LORA": "!lora_rank ~lora_alpha !quantization_config",
    "SHAPE": "shape ~batch_size ~dtype ~sparse ~ragged batch_shape",
    "LEVELS": "~batch_first dropout bidirectional",
    "DEVICE": "~device ~dtype",
}
"""Groups of arguments that several signatures share; each group comes before the groups that it contains."""


def _class(made: build.Build, signature: str) -> Signature:
    """Return a class; an argument that its signature lists again after a group of Keras's counts once."""
    for group, arguments in _GROUPS.items():
        signature = signature.replace(group, arguments)
    by_place, _, by_name = signature.partition("*")
    words = dict.fromkeys([*by_place.split(), *by_name.split()])
    takes = tuple(dict.fromkeys(word.lstrip("~!") for word in words))
    marked = {sign: frozenset(word[1:] for word in words if word[0] == sign) for sign in "~!"}
    return Signature(made, takes, len(by_place.split()), marked["~"], marked["!"])


KERAS: Mapping[str, Signature] = {
    "SimpleRNN": _class(build.layer(SimpleRNN), "units activation use_bias STARTS RULES BOUNDS RETURNS ~seed LOOP"),
    "LSTM": _class(build.layer(LSTM), "units GATES STARTS unit_forget_bias RULES BOUNDS ~seed RETURNS ~use_cudnn LOOP"),
    "GRU": _class(build.layer(GRU), "units GATES STARTS RULES BOUNDS ~seed RETURNS reset_after ~use_cudnn LOOP"),
    "SimpleRNNCell": _class(build.layer(SimpleRNN), "units activation use_bias STARTS CELL BOUNDS ~seed LOOP"),
    "LSTMCell": _class(build.layer(LSTM), "units GATES STARTS unit_forget_bias CELL BOUNDS ~seed LOOP"),
    "GRUCell": _class(build.layer(GRU), "units GATES STARTS CELL BOUNDS reset_after ~seed LOOP"),
    "CuDNNLSTM": _class(build.cudnn_lstm, "units STARTS unit_forget_bias RULES BOUNDS RETURNS LOOP"),
    "CuDNNGRU": _class(build.layer(GRU), "units STARTS RULES BOUNDS RETURNS LOOP"),
    "RNN": _class(build.rnn, "cell RETURNS !zero_output_for_mask LOOP"),
    "StackedRNNCells": _class(build.cells, "cells EVERY"),
    "Bidirectional": _class(build.bidirectional, "layer merge_mode ~weights backward_layer EVERY"),
    "TimeDistributed": _class(build.each_step, "layer EVERY"),
    "Embedding": _class(
        build.embedding,
        "input_dim output_dim ~embeddings_initializer ~embeddings_regularizer ~embeddings_constraint mask_zero "
        "~weights LORA BASE SIZES input_length",
    ),
    "Dense": _class(build.layer(Dense), "units activation use_bias WEIGHTS LORA EVERY ~weights"),
    "Conv1D": _class(
        build.layer(Conv),
        "filters kernel_size strides padding !data_format dilation_rate !groups activation use_bias WEIGHTS EVERY",
    ),
    "Dropout": _class(build.layer(Dropout), "rate RATES"),
    "SpatialDropout1D": _class(build.layer(Dropout), "rate ~seed ~name ~dtype EVERY"),
    "AlphaDropout": _class(build.layer(Dropout), "rate RATES"),
    "GaussianDropout": _class(build.layer(Dropout), "rate ~seed EVERY"),
    "GaussianNoise": _class(build.passes, "~stddev ~seed EVERY"),
    "ActivityRegularization": _class(build.passes, "~l1 ~l2 EVERY"),
    "LayerNormalization": _class(build.norm(Norm), "axis epsilon center scale BEGINS SCALES EVERY !rms_scaling"),
    "BatchNormalization": _class(
        build.norm(BatchNorm),
        "axis ~momentum epsilon center scale BEGINS ~moving_mean_initializer ~moving_variance_initializer SCALES "
        "!renorm ~renorm_clipping ~renorm_momentum ~synchronized EVERY ~fused ~virtual_batch_size ~adjustment",
    ),
    "MaxPooling1D": _class(build.windows("max", 2), "pool_size strides padding !data_format ~name EVERY"),
    "AveragePooling1D": _class(build.windows("avg"), "pool_size strides padding !data_format ~name EVERY"),
    "ZeroPadding1D": _class(build.around("padding", usual=1), "padding !data_format EVERY"),
    "Cropping1D": _class(build.around("cropping", usual=1, before=-1, after=-1), "cropping EVERY"),
    "Flatten": _class(build.layer(Flatten), "!data_format EVERY"),
    "RepeatVector": _class(build.layer(Repeat), "n EVERY"),
    "GlobalMaxPooling1D": _class(build.layer(Pool, mode="max"), "!data_format !keepdims EVERY"),
    "GlobalAveragePooling1D": _class(build.layer(Pool, mode="avg"), "!data_format !keepdims EVERY"),
    "InputLayer": _class(build.unknown_input, "SHAPE ~input_tensor ~optional ~name * SIZES ~tensor"),
    "Input": _class(build.unknown_input, "SHAPE ~name ~tensor ~optional"),
    "Masking": _class(build.mask, "mask_value EVERY"),
    "Activation": _class(build.activation(), "activation EVERY"),
    "ReLU": _class(
        build.activation("relu", max_value=None, negative_slope=0.0, threshold=0.0),
        "max_value negative_slope threshold EVERY",
    ),
    "ELU": _class(build.activation("elu", alpha=1.0), "alpha EVERY"),
    "Softmax": _class(build.activation("softmax"), "axis EVERY"),
    "Identity": _class(build.passes, "EVERY"),
}

_of_one = partial(build.only, why="here all timesteps are pooled into one vector", needs="output_size", output_size=1)

TORCH: Mapping[str, Signature] = {
    "RNN": _class(build.torch_loop(SimpleRNN), "input_size hidden_size num_layers nonlinearity bias LEVELS DEVICE"),
    "LSTM": _class(build.torch_loop(LSTM), "input_size hidden_size num_layers bias LEVELS proj_size DEVICE"),
    "GRU": _class(build.torch_loop(GRU), "input_size hidden_size num_layers bias LEVELS DEVICE"),
    "RNNCell": _class(build.torch_loop(SimpleRNN), "input_size hidden_size bias nonlinearity DEVICE"),
    "LSTMCell": _class(build.torch_loop(LSTM), "input_size hidden_size bias DEVICE"),
    "GRUCell": _class(build.torch_loop(GRU), "input_size hidden_size bias DEVICE"),
    "Linear": _class(build.layer(Dense, Dense.torch_arguments, "in_features"), "in_features out_features bias DEVICE"),
    "LazyLinear": _class(build.layer(Dense, Dense.torch_arguments), "out_features bias DEVICE"),
    "Embedding": _class(
        build.layer(Embedding, Embedding.torch_arguments),
        "num_embeddings embedding_dim !padding_idx !max_norm ~norm_type ~scale_grad_by_freq ~sparse ~_weight ~_freeze "
        "DEVICE",
    ),
    "Conv1d": _class(
        build.torch_windows(Conv, "in_channels"),
        "in_channels out_channels kernel_size stride padding dilation !groups bias !padding_mode DEVICE",
    ),
    **dict.fromkeys(
        ("Dropout", "AlphaDropout", "Dropout2d"),
        _class(build.layer(Dropout, Dropout.torch_arguments, p=0.5), "p ~inplace"),
    ),
    "LayerNorm": _class(build.norm(Norm, "normalized_shape"), "normalized_shape eps elementwise_affine bias DEVICE"),
    "BatchNorm1d": _class(
        build.norm(BatchNorm, "num_features"), "num_features eps ~momentum affine track_running_stats DEVICE bias"
    ),
    "Flatten": _class(
        build.only(build.layer(Flatten), "here all axes but the batch are flattened", start_dim=1, end_dim=-1),
        "start_dim end_dim",
    ),
    "MaxPool1d": _class(
        build.torch_windows(Pool, mode="max"), "kernel_size stride padding !dilation !return_indices !ceil_mode"
    ),
    "AvgPool1d": _class(
        build.torch_windows(Pool, mode="avg"), "kernel_size stride padding !ceil_mode count_include_pad"
    ),
    "ConstantPad1d": _class(
        build.only(build.around("padding"), "specs can only pad with zeros", "value", value=0), "padding value"
    ),
    "ZeroPad1d": _class(build.around("padding"), "padding"),
    **dict.fromkeys(CUTS, _class(build.around("chomp_size", before=0, after=-1), "chomp_size")),
    "Identity": _class(build.passes, ""),
    **{each: _class(build.activation(each.lower()), "~inplace") for each in ("ReLU", "SiLU", "SELU")},
    **{each: _class(build.activation(each.lower()), "") for each in ("Tanh", "Sigmoid", "Softsign")},
    "Hardsigmoid": _class(build.activation("hard_sigmoid"), "~inplace"),
    "Softmax": _class(build.activation("softmax"), "dim"),
    "ELU": _class(build.activation("elu", alpha=1.0), "alpha ~inplace"),
    "GELU": _class(build.activation("gelu", approximate="none"), "approximate"),
    "Softplus": _class(build.activation("softplus", beta=1.0, threshold=20.0), "beta threshold"),
    "AdaptiveAvgPool1d": _class(_of_one(build.layer(Pool, mode="avg")), "output_size"),
    "AdaptiveMaxPool1d": _class(_of_one(build.layer(Pool, mode="max")), "output_size !return_indices"),
}

CLASSES: Mapping[Framework, Mapping[str, Signature]] = {"keras": KERAS, "torch": TORCH}
ALIASES = {name.replace("Pooling", "Pool").replace("Average", "Avg"): name for name in KERAS}
ALIASES |= {"Convolution1D": "Conv1D", "TimeDistributedDense": "Dense", "SyncBatchNormalization": "BatchNormalization"}
"""Keras's aliases of a class."""

_EXAMPLES: Mapping[str, str] = {
    **dict(pair.split("=") for pair in ("layer=LSTM(32)", "cell=LSTMCell(32)", "cells=[LSTMCell(32)]", "value=0")),
    **dict(pair.split("=") for pair in ("activation='relu'", "padding=(2, 0)", "output_size=1", "chomp_size=2")),
}
"""Example values for arguments that have no default and are not sizes."""


def class_of(framework: Framework, name: str) -> Signature | None:
    """Return a class that specs have a word for, or None."""
    return CLASSES[framework].get(ALIASES.get(name, name) if framework == "keras" else name)


_OLD_WEIGHTS = {"W": "kernel", "U": "recurrent", "b": "bias"}
KERAS_1: Mapping[str, str] = {
    **dict(pair.split() for pair in ("output_dim units", "nb_filter filters", "filter_length kernel_size")),
    **dict(pair.split() for pair in ("border_mode padding", "subsample_length strides", "pool_length pool_size")),
    **dict(pair.split() for pair in ("p rate", "dropout_W dropout", "dropout_U recurrent_dropout")),
    **dict(pair.split() for pair in ("init kernel_initializer", "inner_init recurrent_initializer")),
    "inner_activation": "recurrent_activation",
    **{f"{old}_{of}": f"{new}_{of}" for old, new in _OLD_WEIGHTS.items() for of in ("regularizer", "constraint")},
}
"""Arguments as Keras 1 called them, and their present names."""

_MEAN_THE_SAME = [
    *({*names} for layer in LAYERS for names in layer.torch_arguments.items()),
    {theirs for layer in LAYERS for ours, theirs in layer.torch_arguments.items() if ours == "units"},
    *(
        {option.attribute, option.key, layer.torch_arguments.get(option.attribute, "")}
        for layer in LAYERS
        for option in layer.options
    ),
    {*FEATURES, *names("input inputs shape n_in d_in in_channels")},
    names("units hidden_size out_features n num_units nb_units neurons nodes cells n_out out_channels"),
    names("units hidden_size hidden hidden_dim hidden_units num_hidden n_hidden d_hidden"),
    names("kernel_size k size"),
    names("batch_input_shape batch_shape"),
    names("input_dim num_embeddings vocab vocab_size num_words"),
    names("output_dim embedding_dim embed_dim emb_dim dim"),
    *({*pair} for pair in KERAS_1.items()),
]
"""Arguments with the same meaning in Keras, PyTorch and specs, in several kinds, in earlier versions, or in speech."""


def bound(cls: Signature, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name.

    Raises:
        WrongArgumentError: there are too many, or one is unknown or given twice.
    """
    if name in INPUTS and len(positional) > 1 and not isinstance(positional[0], list | tuple):
        positional = [[*positional]]  # the sizes of a shape without brackets
    if len(positional) > cls.positional:
        raise WrongArgumentError("", f"{name} takes at most {cls.positional} positional arguments")
    given = dict(zip(cls.takes, positional, strict=False))
    for argument, value in named.items():
        if argument not in cls.takes:
            # The other framework's name for an argument is tried first: units for hidden_size.
            theirs = [each for each in cls.takes if any({argument, each} <= names for names in _MEAN_THE_SAME)]
            of_others = any(argument in each.takes for each in (*KERAS.values(), *TORCH.values()))
            longer = [each for each in cls.takes if len(argument) > 2 and each.startswith(argument)]  # bid, return_seq
            theirs += longer if len(longer) == 1 else []
            if not theirs and not of_others:
                changing = [each for each in cls.takes if each not in cls.inert]
                theirs = [closest(argument, cls.takes, 0.8) or closest(argument, changing) or ""]
            nearest = "" if argument[-1:].isdigit() and isinstance(value, int) else next(iter(theirs), "")  # size1=6
            raise UnknownArgumentError(argument, f"{name} has no argument {shorten(argument)}", nearest)
        if argument in given:
            size = names("hidden_size out_features out_channels embedding_dim output_dim") & {*cls.takes[1:2]}
            after = next(iter(size), "") if argument == cls.takes[0] else ""  # after the number of inputs
            raise build.TwiceGivenError(argument, f"{argument} is given twice", after)
        given[argument] = value
    return given


def built(framework: Framework, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Node]:
    """Return the nodes that a class builds: one, or one per layer of a stack.

    Raises:
        ArgumentFaultError: an argument is wrong or missing, or changes the network in a way that specs cannot express.
    """
    cls = class_of(framework, name)
    assert cls is not None
    given = {each: value for each, value in bound(cls, name, positional, named).items() if each not in cls.inert}
    for argument, value in given.items():
        if argument in HOLDS or not isinstance(value, list | tuple | dict):
            continue
        # A list of a few plain values can be shown in a message; nested values that share others may be huge.
        if len(value) > 16 or isinstance(value, dict) or any(isinstance(each, list | tuple | dict) for each in value):
            raise WrongArgumentError(argument, f"{argument} is a dict, a nested list or a long list")
    notes = []
    for argument in [each for each in given if each in cls.changing]:
        if given[argument] in _OFF_OF.get(argument, (None, False, 0, "channels_last")):
            continue
        if argument not in DIFFERS:
            text = f"{argument}={shorten(repr(given[argument]))} changes the network"
            raise ArgumentFaultError(argument, f"{text}, and specs cannot express it")
        notes.append(Note(DIFFERS[argument], "differs"))
    given = {each: value for each, value in given.items() if each not in cls.changing}
    for argument in _OF_AXES & given.keys():
        if isinstance(value := given[argument], list | tuple) and len(value) == 1:
            given[argument] = value[0]
    for argument in {"activation", "recurrent_activation"} & given.keys():
        value = "linear" if given[argument] is None else given[argument]
        given[argument] = OTHER_NAMES.get(value.lower(), value.lower()) if isinstance(value, str) else value
    names_of_shape = () if "output_dim" in cls.takes else (*SHAPES, "input_dim", "input_length")
    shape = {each: given.pop(each) for each in names_of_shape if each in given}
    if cls.build is build.unknown_input:
        return [head] if (head := _head(shape)) else cls.build({})
    try:
        made = cls.build(given)
    except (KeyError, MissingArgumentError) as missing:
        argument = missing.argument if isinstance(missing, MissingArgumentError) else str(missing.args[0])
        instead = missing.instead if isinstance(missing, MissingArgumentError) else _EXAMPLES[argument]
        raise MissingArgumentError(argument, f"{name} needs {argument}", instead) from None
    head, first = _head(shape), replace(made[0], notes=(*made[0].notes, *notes))
    if head is not None and takes_vectors(head.word):
        first = replace(first, given=head.word)
    return [first, *made[1:]]


def _head(given: Mapping[str, Any]) -> Node | None:
    """Return the input that the arguments for a Keras layer's input shape describe, if they specify its features."""
    steps, features = given.get("input_length"), given.get("input_dim")
    found = [(name, given.get(name), batch) for name, batch in SHAPES.items()]
    found += [("input_dim", (steps, features), 0)] if features is not None else []
    some = [each for each in found if each[1] is not None]
    shapes = {name: tuple(shape if isinstance(shape, list | tuple) else [shape])[batch:] for name, shape, batch in some}
    name, sizes = next(iter(shapes.items()), ("", ()))
    for other, its_sizes in shapes.items():
        if its_sizes[-1:] != sizes[-1:]:
            raise WrongArgumentError(other, f"{other} and {name} have different numbers of features")
    if not sizes or sizes[-1] is None:
        return None
    if len(sizes) > 2:
        samples = len(sizes) == 3 and not SHAPES.get(name) and sizes[0] in (None, 1)
        instead = f"({', '.join(map(str, sizes[1:]))})" if samples else ""
        text = "the shape of an input is (timesteps, features), without the number of samples"
        raise ArgumentFaultError(name, text, instead)
    try:
        head = Input(sizes[-1], sizes[0] if len(sizes) == 2 else None)
    except ArgumentError as fault:
        attribute, _, rest = fault.message.partition(": ")[2].partition(" ")
        raise WrongArgumentError(name, f"{name} has {attribute} {rest.removeprefix('is ')}") from None
    return build.node_of(head, ids=sizes[0] if len(sizes) == 1 else None)
