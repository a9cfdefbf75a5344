"""Keras's and PyTorch's classes and their arguments, once: for calls, sources and configs alike.

A signature has the arguments in the order in which they may be given by position. `~` stands before one that changes
nothing here, `!` before one that changes the network and that the language has no word for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from rnncli.errors import ArgumentError
from rnncli.formats.nodes import Activation, Note, Pass, Returned, Word
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Layer, Norm, Pool, Recurrent, Repeat, SimpleRNN
from rnncli.layers.weights import Framework


class Made(NamedTuple):
    """What a class makes with some arguments: a word of the language, and what is to be said of it."""

    word: Word | None
    notes: tuple[Note, ...] = ()
    features: int | None = None
    unsaid: frozenset[str] = frozenset()
    input: Input | None = None
    where: Returned | None = None


class ArgumentFaultError(Exception):
    """An argument is wrong; `argument` says which, `instead` what it may have been."""

    def __init__(self, argument: str, message: str, instead: str = "") -> None:
        super().__init__(message)
        self.argument, self.instead = argument, instead


class WrongArgumentError(ArgumentFaultError):
    """An argument is none that the class itself takes, and not only none that the language has a word for."""


Build = Callable[[dict[str, Any]], list[Made]]


class Class(NamedTuple):
    """A class: what it makes, and its signature."""

    build: Build
    takes: tuple[str, ...]
    inert: frozenset[str]
    changing: frozenset[str]


SAID: Mapping[str, str] = {
    "stateful": "is stateful; here every sample starts from a state of zero",
    "return_state": "returns its states, too; here they are left out",
    "padding_idx": "has a row for padding, which stays zero; here it is a row like others",
    "zero_output_for_mask": "returns zeros for padding; here it returns its output before",
    "mask_value": "takes vectors of one value for padding; here no timestep is padding",
    "mask_zero": "",
}
"""What is said of an argument that changes a run and not the sizes; others that change the network are errors."""


def _layer(cls: type[Layer], renamed: Mapping[str, str] = {}, **fixed: Any) -> Build:
    def build(given: dict[str, Any]) -> list[Made]:
        return [Made(cls(**fixed, **{renamed.get(name, name): value for name, value in given.items()}))]

    return build


def _norm(given: dict[str, Any]) -> list[Made]:
    wanted = given.pop("epsilon", given.pop("eps", None))
    affine, features = given.pop("elementwise_affine", True), given.pop("normalized_shape", None)
    given = {{"bias": "center"}.get(name, name): value for name, value in given.items()}
    axis = given.pop("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, 1, 2):
        raise ArgumentFaultError("axis", f"it works on the axes {axis}, not on the features alone")
    places: dict[Any, Returned] = {1: "vector", 2: "sequence"}
    epsilon, same = Norm.nearest_epsilon(wanted if wanted is not None else 1e-3 if features is None else 1e-5)
    said = () if same else (Note(f"has an epsilon of {wanted:g}; here it runs with {epsilon:g}", "differs"),)
    options = given if affine else {"center": False, "scale": False}
    return [
        Made(
            Norm(epsilon=epsilon, **options),
            said,
            features[-1] if isinstance(features, (tuple, list)) else features,
            where=places.get(axis),
        )
    ]


def _torch_loop(cls: type[Recurrent]) -> Build:
    def build(given: dict[str, Any]) -> list[Made]:
        levels, reads, both = (
            given.pop("num_layers", 1),
            given.pop("input_size", None),
            given.pop("bidirectional", False),
        )
        if type(levels) is not int or levels < 1:
            raise ArgumentFaultError("num_layers", f"is {levels}, expected a whole number from 1", "1")
        settings = {
            "units": given.pop("hidden_size"),
            "use_bias": given.pop("bias", True),
            "merge_mode": "concat" if both else None,
        }
        settings |= {"activation": given["nonlinearity"]} if "nonlinearity" in given else {}
        made, layer = [], cls(**settings)
        for _ in range(levels):
            made.append(Made(layer, (), reads, frozenset({"return_sequences"})))
            reads = layer.output_shape((None, None, reads))[-1]
        return made

    return build


def _bidirectional(given: dict[str, Any]) -> list[Made]:
    made, other = given["layer"], given.get("backward_layer")
    mode = given.get("merge_mode", "concat")
    if len(made) != 1 or not isinstance(made[0].word, Recurrent):
        raise ArgumentFaultError("layer", "is no single recurrent layer")
    if made[0].word.go_backwards:
        raise ArgumentFaultError("layer", "its first direction reads backwards")
    if mode is None:
        raise ArgumentFaultError("merge_mode", "keeps the outputs of the two directions apart", "'concat'")
    if other is not None and other[0].word != replace(made[0].word, go_backwards=True):
        raise ArgumentFaultError("backward_layer", "is not like the layer that reads forwards")
    return [made[0]._replace(word=replace(made[0].word, merge_mode=mode))]


def _rnn(given: dict[str, Any]) -> list[Made]:
    cells = given.pop("cell")
    if not isinstance(cells, list) or any(not isinstance(cell.word, Layer) for cell in cells):
        raise ArgumentFaultError("cell", "its cell is none that rnncli has")
    made = []
    for place, cell in enumerate(cells):
        last = place == len(cells) - 1
        back = bool(given.get("go_backwards")) and place == 0
        sequences = bool(given.get("return_sequences")) if last else True
        made.append(cell._replace(word=replace(cell.word, return_sequences=sequences, go_backwards=back)))
    return made


def _each_step(given: dict[str, Any]) -> list[Made]:
    for made in given["layer"]:
        if isinstance(made.word, Layer) and made.word.reads != "either":
            raise ArgumentFaultError("layer", "is a layer over time, which rnncli has not for each timestep")
    return [made._replace(where="sequence") for made in given["layer"]]


def _input(given: dict[str, Any]) -> list[Made]:
    shape = given.get("shape") or (given.get("batch_shape") or given.get("batch_input_shape") or ())[1:]
    shape = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    if not shape or shape[-1] is None or len(shape) > 2 or type(shape[-1]) is not int:
        return [Made(None)]  # of ids, or not known: what reads it says more
    return [
        Made(
            Input(shape[-1], shape[0] if len(shape) == 2 else None),
            (),
            None,
            frozenset({"shape"} if len(shape) == 1 else ()),
        )
    ]


def _activation(name: str) -> Build:
    def build(given: dict[str, Any]) -> list[Made]:
        word = given.get("activation", name)
        off = {"axis": -1, "dim": -1, "alpha": 1.0, "negative_slope": 0.0, "max_value": None, "threshold": 0.0}
        for argument, value in given.items():
            if argument in off and value not in (off[argument], None):
                raise ArgumentFaultError(
                    argument, f"is {value}; the language has {name} with {off[argument]} alone", f"{off[argument]}"
                )
        return [Made(Pass() if word == "linear" else Activation(word))]

    return build


def _passes(given: dict[str, Any]) -> list[Made]:
    del given
    return [Made(Pass())]


def _of(build: Build, signature: str) -> Class:
    words = signature.split()
    strip = [word.lstrip("~!") for word in words]
    marked = {sign: frozenset(word[1:] for word in words if word[0] == sign) for sign in "~!"}
    return Class(build, tuple(strip), marked["~"], marked["!"])


_EVERY = "~name ~trainable ~dtype ~autocast ~activity_regularizer batch_input_shape input_shape"
_STARTS = "~kernel_initializer ~recurrent_initializer ~bias_initializer"
_RULES = (
    "~kernel_regularizer ~recurrent_regularizer ~bias_regularizer ~activity_regularizer "
    "~kernel_constraint ~recurrent_constraint ~bias_constraint ~dropout ~recurrent_dropout"
)
_LOOP = (
    f"return_sequences !return_state go_backwards !stateful ~unroll {_EVERY} ~implementation ~input_length "
    "!time_major !zero_output_for_mask ~use_cudnn ~seed"
)
_DENSE = (
    "~kernel_initializer ~bias_initializer ~kernel_regularizer ~bias_regularizer ~activity_regularizer "
    "~kernel_constraint ~bias_constraint !lora_rank !quantization_config"
)
_TORCH = "~device ~dtype"

KERAS: Mapping[str, Class] = {
    "SimpleRNN": _of(_layer(SimpleRNN), f"units activation use_bias {_STARTS} {_RULES} ~seed {_LOOP}"),
    "LSTM": _of(
        _layer(LSTM),
        f"units activation recurrent_activation use_bias {_STARTS} unit_forget_bias {_RULES} ~seed {_LOOP}",
    ),
    "GRU": _of(
        _layer(GRU), f"units activation recurrent_activation use_bias {_STARTS} {_RULES} ~seed {_LOOP} reset_after"
    ),
    "SimpleRNNCell": _of(_layer(SimpleRNN), f"units activation use_bias {_STARTS} {_RULES} ~seed {_EVERY}"),
    "LSTMCell": _of(
        _layer(LSTM),
        f"units activation recurrent_activation use_bias {_STARTS} unit_forget_bias {_RULES} ~seed "
        f"{_EVERY} ~implementation",
    ),
    "GRUCell": _of(
        _layer(GRU),
        f"units activation recurrent_activation use_bias {_STARTS} {_RULES} reset_after ~seed {_EVERY} ~implementation",
    ),
    "CuDNNLSTM": _of(_layer(LSTM), f"units {_STARTS} unit_forget_bias {_RULES} {_LOOP}"),
    "CuDNNGRU": _of(_layer(GRU), f"units {_STARTS} {_RULES} {_LOOP}"),
    "RNN": _of(_rnn, f"cell {_LOOP}"),
    "StackedRNNCells": _of(lambda given: [made for cell in given["cells"] for made in cell], f"cells {_EVERY}"),
    "Bidirectional": _of(_bidirectional, f"layer merge_mode ~weights backward_layer {_EVERY} !return_state !stateful"),
    "TimeDistributed": _of(_each_step, f"layer {_EVERY}"),
    "Embedding": _of(
        _layer(Embedding),
        "input_dim output_dim ~embeddings_initializer ~embeddings_regularizer ~embeddings_constraint "
        f"mask_zero ~weights !lora_rank {_EVERY} ~input_length !quantization_config",
    ),
    "Dense": _of(_layer(Dense), f"units activation use_bias {_DENSE} {_EVERY}"),
    "Dropout": _of(_layer(Dropout), f"rate ~noise_shape ~seed {_EVERY}"),
    "SpatialDropout1D": _of(_layer(Dropout), f"rate ~seed {_EVERY} ~noise_shape"),
    "LayerNormalization": _of(
        _norm,
        "axis epsilon center scale ~beta_initializer ~gamma_initializer ~beta_regularizer "
        f"~gamma_regularizer ~beta_constraint ~gamma_constraint !rms_scaling {_EVERY}",
    ),
    "RepeatVector": _of(_layer(Repeat), f"n {_EVERY}"),
    "GlobalMaxPooling1D": _of(_layer(Pool, mode="max"), f"!data_format !keepdims {_EVERY}"),
    "GlobalAveragePooling1D": _of(_layer(Pool, mode="avg"), f"!data_format !keepdims {_EVERY}"),
    "InputLayer": _of(
        _input, "shape ~batch_size ~dtype ~sparse batch_shape ~name ~tensor ~optional ~ragged batch_input_shape"
    ),
    "Masking": _of(_passes, f"!mask_value {_EVERY}"),
    "Activation": _of(_activation("linear"), f"activation {_EVERY}"),
    "ReLU": _of(_activation("relu"), f"max_value negative_slope threshold {_EVERY}"),
    "ELU": _of(_activation("elu"), f"alpha {_EVERY}"),
    "Softmax": _of(_activation("softmax"), f"axis {_EVERY}"),
    "Identity": _of(_passes, _EVERY),
    "GaussianNoise": _of(_passes, f"~stddev ~seed {_EVERY}"),
}

TORCH: Mapping[str, Class] = {
    "RNN": _of(
        _torch_loop(SimpleRNN),
        f"input_size hidden_size num_layers nonlinearity bias ~batch_first ~dropout bidirectional {_TORCH}",
    ),
    "LSTM": _of(
        _torch_loop(LSTM),
        f"input_size hidden_size num_layers bias ~batch_first ~dropout bidirectional !proj_size {_TORCH}",
    ),
    "GRU": _of(
        _torch_loop(GRU), f"input_size hidden_size num_layers bias ~batch_first ~dropout bidirectional {_TORCH}"
    ),
    "RNNCell": _of(_torch_loop(SimpleRNN), f"input_size hidden_size bias nonlinearity {_TORCH}"),
    "LSTMCell": _of(_torch_loop(LSTM), f"input_size hidden_size bias {_TORCH}"),
    "GRUCell": _of(_torch_loop(GRU), f"input_size hidden_size bias {_TORCH}"),
    "Linear": _of(
        lambda given: [Made(Dense(given["out_features"], given.get("bias", True)), (), given["in_features"])],
        f"in_features out_features bias {_TORCH}",
    ),
    "Embedding": _of(
        _layer(Embedding, {"num_embeddings": "input_dim", "embedding_dim": "output_dim"}),
        f"num_embeddings embedding_dim !padding_idx !max_norm ~norm_type ~scale_grad_by_freq ~sparse ~_weight {_TORCH}",
    ),
    "Dropout": _of(lambda given: [Made(Dropout(given.get("p", 0.5)))], "p ~inplace"),
    "LayerNorm": _of(_norm, f"normalized_shape eps elementwise_affine bias {_TORCH}"),
    "Identity": _of(_passes, ""),
    **{
        name: _of(_activation(word), signature)
        for name, word, signature in (
            ("ReLU", "relu", "~inplace"),
            ("Tanh", "tanh", ""),
            ("Sigmoid", "sigmoid", ""),
            ("Softmax", "softmax", "dim"),
            ("SiLU", "silu", "~inplace"),
            ("ELU", "elu", "alpha ~inplace"),
            ("SELU", "selu", "~inplace"),
            ("Softplus", "softplus", "!beta ~threshold"),
            ("Softsign", "softsign", ""),
        )
    },
}

CLASSES: Mapping[Framework, Mapping[str, Class]] = {"keras": KERAS, "torch": TORCH}
_ALIASES = {
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "Input": "InputLayer",
    "AlphaDropout": "Dropout",
    "GaussianDropout": "Dropout",
    "ActivityRegularization": "Identity",
}
_FALSY = (None, False, 0, 0.0, "channels_last")


def class_of(framework: Framework, name: str) -> Class | None:
    """Return a class that the language has a word for."""
    return CLASSES[framework].get(_ALIASES.get(name, name) if framework == "keras" else name)


def built(framework: Framework, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> list[Made]:
    """Return what a class makes: one word, or those of a stack.

    Raises:
        ArgumentFaultError: an argument is unknown, is wrong, or is missing.
    """
    cls = class_of(framework, name)
    assert cls is not None
    if len(positional) > len(cls.takes):
        raise WrongArgumentError("", f"{name} takes at most {len(cls.takes)} arguments")
    given = dict(zip(cls.takes, positional, strict=False))
    for argument, value in named.items():
        if argument not in cls.takes:
            nearest = difflib.get_close_matches(argument, cls.takes, 1, 0.6)
            raise WrongArgumentError(argument, f"{name} has no argument {argument}", nearest[0] if nearest else "")
        if argument in given:
            raise WrongArgumentError(argument, f"{argument} is given twice")
        given[argument] = value
    notes = []
    for argument in [each for each in given if each in cls.changing]:
        if given[argument] not in _FALSY or argument in ("mask_value",):
            if argument not in SAID:
                raise WrongArgumentError(
                    argument, f"{argument} changes the network, and the language has no word for it"
                )
            notes.append(Note(SAID[argument], "differs"))
    given |= {
        each: "linear" for each in ("activation", "recurrent_activation") if each in given and given[each] is None
    }
    shape = given.get("input_shape") or (given.get("batch_input_shape") or (None,))[1:]
    given = {each: value for each, value in given.items() if each not in cls.inert | cls.changing | {"input_shape"}}
    if cls.build is not _input:
        given.pop("batch_input_shape", None)
    try:
        made = cls.build(given)
    except ArgumentFaultError:
        raise
    except KeyError as missing:
        raise WrongArgumentError("", f"{name} needs {missing.args[0]}") from None
    except TypeError as fault:
        raise WrongArgumentError("", f"{name}: {fault}".replace("__init__() ", "")) from None
    except ArgumentError as fault:
        culprit = next(
            (each for each, value in given.items() if repr(value) in fault.message or str(value) in fault.message), ""
        )
        raise WrongArgumentError(culprit, fault.message) from None
    first = made[0]._replace(notes=(*made[0].notes, *notes))
    if (
        shape
        and len(shape) < 3
        and type(shape[-1]) is int
        and not isinstance(first.word, (Embedding, Input))
        and cls.build is not _input
    ):
        first = first._replace(input=Input(shape[-1], shape[0] if len(shape) == 2 else None))
    return [first, *made[1:]]
