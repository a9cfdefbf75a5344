"""What each of Keras's layers is in the language, from its arguments in a config."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnncli.errors import ArgumentError, shorten
from rnncli.formats.keras.cells import LOOPS, bidirectional, recurrent
from rnncli.formats.keras.config import ConfigError, Json, config_of, is_custom, quantized
from rnncli.formats.keras.words import (
    InexpressibleError,
    Word,
    Words,
    activation_of,
    activation_of_layer,
    old_hard_sigmoid,
)
from rnncli.layers import Dense, Dropout, Embedding, Norm, Pool, Repeat


def words_of(entry: Json, name: str, *, modern: bool) -> tuple[Word, ...] | None:
    """Return a layer in the words of the language, or None if it has none for it.

    Args:
        entry: what a config says of the layer.
        name: its name.
        modern: whether Keras 3 wrote the config.

    Raises:
        InexpressibleError: it is nearly one that the language has.
        ConfigError: its arguments are not those of such a layer.
    """
    kind = entry["class_name"]
    if is_custom(entry):
        if is_recurrent(entry) or kind in _WORDS:
            raise InexpressibleError("its class is not Keras's, and its code is not in the file")
        return None
    if kind not in _WORDS:
        return None
    how = quantized(entry)
    if how is not None:
        raise InexpressibleError(f"its weights are quantized ({shorten(how)}), which rnncli does not run")
    try:
        return _WORDS[kind](entry, modern)
    except (ArgumentError, TypeError, ValueError, KeyError) as fault:
        said = f"no {fault}" if isinstance(fault, KeyError) else shorten(str(fault), 120)
        raise ConfigError(f"{shorten(name)} ({kind})", said) from None


def is_recurrent(entry: Json) -> bool:
    """Whether a layer loops over time, as far as its class says so."""
    return any(part in str(entry.get("class_name")) for part in ("RNN", "LSTM", "GRU", "Bidirectional"))


def _embedding(entry: Json, modern: bool) -> Words:
    del modern
    config = config_of(entry)
    return (Word(Embedding(config["input_dim"], config["output_dim"], bool(config.get("mask_zero", False)))),)


def _dense(entry: Json, modern: bool) -> Words:
    config = config_of(entry)
    activation = activation_of(config.get("activation"))
    layer = Dense(config["units"], config.get("use_bias", True), activation)
    return (Word(layer, differs=old_hard_sigmoid(modern, activation)),)


def _dropout(entry: Json, modern: bool) -> Words:
    del modern
    rate = config_of(entry)["rate"]
    if type(rate) not in (int, float) or not 0 <= rate <= 1:
        raise ValueError(f"rate is {shorten(repr(rate))}, expected a share from 0 to 1")
    return (Word(Dropout(float(rate))),)


def _norm(entry: Json, modern: bool) -> Words:
    del modern
    config = config_of(entry)
    if config.get("rms_scaling"):
        raise InexpressibleError("it scales by the root of the mean square (rms_scaling)")
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if type(axis) is not int or axis < -1:
        raise InexpressibleError(f"it works on the axes {shorten(repr(axis))}, not on the features alone")
    given = config.get("epsilon", 1e-3)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1:
        raise InexpressibleError(f"it has an epsilon of {shorten(repr(given))}")
    epsilon, same = Norm.nearest_epsilon(given)
    assumed = () if same else (f"has an epsilon of {given:g}; here it runs with {epsilon:g}",)
    layer = Norm(config.get("center", True), config.get("scale", True), epsilon)
    return (Word(layer, axis=None if axis == -1 else axis, assumed=assumed),)


def _repeat(entry: Json, modern: bool) -> Words:
    del modern
    return (Word(Repeat(config_of(entry)["n"])),)


def _pool(mode: str) -> Callable[[Json, bool], Words]:
    def words(entry: Json, modern: bool) -> Words:
        del modern
        config = config_of(entry)
        if config.get("keepdims") or config.get("data_format") == "channels_first":
            raise InexpressibleError("it keeps the axis of time, or reads the features before it")
        return (Word(Pool(mode)),)

    return words


def _activation_layer(entry: Json, modern: bool) -> Words:
    activation = activation_of_layer(entry)
    if activation == "linear":
        return (Word(),)
    return (Word(activation=activation, differs=old_hard_sigmoid(modern, activation)),)


def _time_distributed(entry: Json, modern: bool) -> Words:
    layer = config_of(entry).get("layer")
    if not isinstance(layer, dict) or layer.get("class_name") not in _EACH_STEP or is_custom(layer) or quantized(layer):
        raise InexpressibleError("rnncli has no such layer for each timestep")
    # What it holds works on one vector, so its axis 1 is the sequence's axis 2.
    (word,) = _WORDS[layer["class_name"]](layer, modern)
    return (word._replace(routes=(("layer",),), axis=None if word.axis is None else word.axis + 1),)


_EACH_STEP = ("Dense", "Dropout", "LayerNormalization", "Activation", "ReLU", "ELU", "Softmax")


def _identity(entry: Json, modern: bool) -> Words:
    del entry, modern
    return (Word(),)


def _masking(entry: Json, modern: bool) -> Words:
    del modern
    value = shorten(repr(config_of(entry).get("mask_value", 0.0)))
    return (Word(assumed=(f"takes vectors of {value} for padding (Masking); here no timestep is padding",)),)


_WORDS: Mapping[str, Callable[[Json, bool], Words]] = {
    **dict.fromkeys(LOOPS, recurrent),
    "Bidirectional": bidirectional,
    "Embedding": _embedding,
    "Dense": _dense,
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "GaussianDropout", "AlphaDropout"), _dropout),
    "LayerNormalization": _norm,
    "RepeatVector": _repeat,
    "GlobalMaxPooling1D": _pool("max"),
    "GlobalMaxPool1D": _pool("max"),
    "GlobalAveragePooling1D": _pool("avg"),
    "GlobalAvgPool1D": _pool("avg"),
    **dict.fromkeys(("Activation", "ReLU", "ELU", "Softmax"), _activation_layer),
    "TimeDistributed": _time_distributed,
    **dict.fromkeys(("GaussianNoise", "ActivityRegularization", "Identity"), _identity),
    "Masking": _masking,
}
"""What reads the arguments of each of Keras's classes."""
