"""What the calls of a Keras model read and return, as far as a config says so: features, timesteps and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnncli.formats.keras.config import config_of
from rnncli.formats.keras.graph import Call, CallKey, Graph
from rnncli.formats.keras.words import Word
from rnncli.layers import Embedding
from rnncli.quantities import MAX_SIZE

MAX_DEPTH = 100
"""How many layers are looked through for a size."""


class Features:
    """What is known of the calls of a graph.

    Args:
        graph: the calls.
        words: what each of them is in the language, if anything.
    """

    def __init__(self, graph: Graph, words: Mapping[CallKey, tuple[Word, ...]]) -> None:
        self._graph, self._words = graph, words
        self._returned: dict[CallKey, int | None] = {}

    def stated(self, key: CallKey) -> int | None:
        """Return how many features a call reads, where its config says so."""
        call = self._graph.calls[key]
        build, config = call.entry.get("build_config"), config_of(call.entry)
        match config.get("layer"):
            case {"config": {"batch_input_shape": list(inside)}}:
                pass
            case _:
                inside = []
        for shape in (
            call.shape,
            build.get("input_shape") if isinstance(build, dict) else None,
            config.get("batch_input_shape"),
            config.get("batch_shape"),
            inside,
        ):
            if isinstance(shape, list) and shape and type(shape[-1]) is int:
                return shape[-1]
        return None

    def returned(self, key: CallKey, depth: int = 0) -> int | None:
        """Return how many features a call returns, as far as its class tells."""
        if key not in self._returned and depth <= MAX_DEPTH:
            self._returned[key] = None  # what reads itself has no size
            self._returned[key] = self._of_class(key, self._graph.calls[key], depth + 1)
        return self._returned.get(key)

    def _of_class(self, key: CallKey, call: Call, depth: int) -> int | None:
        config, read = config_of(call.entry), self._read(call)
        match call.entry["class_name"]:
            case "InputLayer":
                return self.stated(key)
            case "Conv1D" | "SeparableConv1D" | "Conv1DTranspose":
                return _size(config.get("filters"))
            case "Reshape":
                shape = config.get("target_shape")
                return _size(shape[-1]) if isinstance(shape, list) and shape else None
            case "Concatenate" if config.get("axis", -1) in (-1, 2):
                each = [self.returned(one, depth) for one in read]
                return sum(size or 0 for size in each) if all(each) else None
            case kind if key in self._words or kind in _KEEP_FEATURES:
                features = self.returned(read[0], depth) if read else self.stated(key)
                for layer in (word.layer for word in self._words.get(key, ()) if word.layer is not None):
                    lead = {"input": (), "vector": (None,)}.get(layer.reads, (None, None))
                    features = layer.output_shape((*lead, features) if lead else (None, None))[-1]
                return features
            case "SimpleRNN" | "LSTM" | "GRU" | "CuDNNLSTM" | "CuDNNGRU":
                return _size(config.get("units"))
        return None

    def timesteps(self, key: CallKey) -> int | None:
        """Return the length of the sequence that a call reads, if the input of the model fixes it."""
        call = self._graph.calls[key]
        config: Mapping[str, Any] = config_of(call.entry)
        if call.reads:
            entry = self._graph.calls[self._read(call)[0]].entry
            config = config_of(entry) if entry["class_name"] == "InputLayer" else {}
        match config.get("batch_shape") or config.get("batch_input_shape"):
            case [_, int(timesteps), _] if 1 <= timesteps <= MAX_SIZE:
                return timesteps
        return None

    def masked_by(self, key: CallKey) -> str | None:
        """Return the name of a layer whose mask may come down to a call, through layers that pass one on."""
        waiting = [*self._read(self._graph.calls[key])[:1]] if self._graph.calls[key].masked is None else []
        seen: set[CallKey] = set()
        while waiting:
            call = self._graph.calls[each := waiting.pop()]
            if each in seen or len(seen) > MAX_DEPTH or call.entry["class_name"] in _LOSE_MASK:
                continue
            seen.add(each)
            embeds = any(isinstance(word.layer, Embedding) for word in self._words.get(each, ()))
            if call.entry["class_name"] == "Masking" or (embeds and config_of(call.entry).get("mask_zero")):
                return call.name
            waiting += self._read(call)
        return None

    def _read(self, call: Call) -> list[CallKey]:
        return [self._graph.origin(source).call for source in call.reads]


def _size(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


_KEEP_FEATURES = (
    "MaxPooling1D",
    "AveragePooling1D",
    "MaxPool1D",
    "AvgPool1D",
    "BatchNormalization",
    "Add",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Subtract",
    "UpSampling1D",
    "ZeroPadding1D",
    "Cropping1D",
    "LeakyReLU",
    "PReLU",
    "DepthwiseConv1D",
    "MultiHeadAttention",
)
"""Classes that return as many features as they read first."""

_LOSE_MASK = (
    *("InputLayer", "Conv1D", "SeparableConv1D", "Conv1DTranspose", "DepthwiseConv1D", "MaxPooling1D", "MaxPool1D"),
    *("AveragePooling1D", "AvgPool1D", "UpSampling1D", "ZeroPadding1D", "Cropping1D", "Reshape", "Permute"),
    *("RepeatVector", "Flatten", "GlobalMaxPooling1D", "GlobalMaxPool1D", "GlobalAveragePooling1D", "GlobalAvgPool1D"),
)
"""Classes that no mask comes through."""
