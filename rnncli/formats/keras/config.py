"""What a config of Keras says of a layer or a model: plain JSON, of which no layer is ever built."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.errors import RnncliError, shorten
from rnncli.formats.nodes import names

MAX_JSON = 5_000_000
"""The longest config, in bytes."""

SAVE_AGAIN = "save it again: Keras writes a config with model.to_json() and model.save()"

Json = Mapping[str, Any]


MODELS = ("Sequential", "Functional", "Model")
"""Classes of models that say what their layers are."""


CONVOLUTIONS = names("Conv1D SeparableConv1D Conv1DTranspose")
"""Classes that return as many features as they have `filters`."""

_ALONG_TIME = names("MaxPooling1D MaxPool1D AveragePooling1D AvgPool1D UpSampling1D ZeroPadding1D Cropping1D")
_BY_NUMBER = names("Add Average Maximum Minimum Multiply Subtract Activation ELU LeakyReLU ReLU Softmax Masking")
KEEP_FEATURES = (
    _ALONG_TIME | _BY_NUMBER | names("BatchNormalization LayerNormalization PReLU DepthwiseConv1D MultiHeadAttention")
)
"""Classes that are not always understood, and return as many features as they read first."""

LOSE_MASK = CONVOLUTIONS | _ALONG_TIME | names("DepthwiseConv1D Reshape Permute Flatten")
"""Classes that no mask comes through; nor does it through layers that return vectors."""

WITHOUT_WEIGHTS = (
    _ALONG_TIME
    | _BY_NUMBER
    | names(
        "Concatenate Dot Dropout Flatten GaussianNoise GlobalAveragePooling1D GlobalMaxPooling1D Lambda Permute "
        "RepeatVector Reshape SpatialDropout1D"
    )
)
"""Classes that never have arrays."""

OTHER_CLASSES = (
    KEEP_FEATURES
    | LOSE_MASK
    | names(
        "Concatenate Conv2D ConvLSTM1D ConvLSTM2D Lambda Attention AdditiveAttention TextVectorization Normalization "
        "UnitNormalization Rescaling Sequential Model"
    )
)
"""Classes without a word that are known by their names alone, where nothing says where the name is from."""


class Sibling(NamedTuple):
    """One of the layers that stand side by side in a file of weights.

    Attributes:
        kind: its class in snake case, which names its group: `lstm`, the next `lstm_1`.
        number: which one of its class it is, from 0.
        name: its own name.
    """

    kind: str
    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.kind}_{self.number}" if self.number else self.kind


Step = str | Sibling
"""A step on the way to the weights of a layer, from group to group."""


def parsed(text: bytes | str, what: str) -> Any:
    """Return what a text of JSON says.

    Raises:
        RnncliError: it is no JSON, or longer or deeper than a config is.
    """
    if len(text) > MAX_JSON:
        raise RnncliError(f"{what} is longer than {MAX_JSON:,} characters, which no config is", SAVE_AGAIN)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else shorten(str(error), 80)
        raise RnncliError(f"{what} is no JSON: {reason}", SAVE_AGAIN) from None


def is_model(entry: Json) -> bool:
    """Whether an entry is a model that says what its layers are, and, if it has a class of its own, what they read."""
    config = entry.get("config")
    says = isinstance(config, dict) and {"input_layers", "output_layers"} <= config.keys()
    return (entry.get("class_name") in MODELS or says) and isinstance(layers_in(entry), list)


def is_custom(entry: Json) -> bool:
    """Whether the class of an entry is somebody's own, as far as a config of Keras 3 says where it is from."""
    module, registered = entry.get("module"), entry.get("registered_name")
    own = isinstance(module, str) and module.partition(".")[0] not in ("keras", "tf_keras", "keras_core", "tensorflow")
    return own or (isinstance(registered, str) and ">" in registered)


def is_recurrent(entry: Json) -> bool:
    """Whether a layer loops over time, as far as its class says so."""
    return any(part in str(entry.get("class_name")) for part in ("RNN", "LSTM", "GRU", "Bidirectional"))


def computed_in(entry: Json) -> str | None:
    """Return the type of numbers that a layer computes in, if it has fewer digits than float32."""
    match config_of(entry).get("dtype"):
        case str(name) | {"config": {"name": str(name)}} if name.removeprefix("mixed_") in ("float16", "bfloat16"):
            return name.removeprefix("mixed_")
    return None


def quantized(entry: Json) -> str | None:
    """Return how the weights of a layer are quantized, if they are."""
    config = config_of(entry)
    match config.get("dtype"):
        case {"config": {"mode": str(mode)}}:
            return mode
        case str(name) | {"config": {"name": str(name)}} if "_from_" in name:
            return name.partition("_from_")[0]
    return "quantized" if config.get("quantization_config") or config.get("quantization_mode") else None


def layers_in(entry: Json) -> Any:
    """Return the layers of a model; before Keras 2.2.3 a Sequential's config was the list itself."""
    config = entry.get("config")
    return config.get("layers") if isinstance(config, dict) else config


def config_of(entry: Json) -> Json:
    """Return the arguments of a layer.

    Raises:
        RnncliError: there are none.
    """
    config = entry.get("config")
    if not isinstance(config, dict):
        raise RnncliError(f"its config says of a layer {shorten(repr(entry))}, without a config of its own")
    return config


def name_of(entry: Json) -> str:
    """Return the name of a layer."""
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else snake_case(str(entry.get("class_name")))


def snake_case(name: str) -> str:
    """Return the name of a class as Keras names its groups: `simple_rnn_cell`, `global_max_pooling1d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def version_of(said: Any) -> str:
    """Return the version of Keras in a config or in metadata; may be empty."""
    version = said.get("keras_version") if isinstance(said, dict) else None
    return shorten(version, 20) if isinstance(version, str) else ""


def is_modern(model: Any, version: str) -> bool:
    """Whether Keras 3 wrote a config. Without a version, it says of every class what module it is from."""
    if version:
        return version.partition(".")[0].isdigit() and int(version.partition(".")[0][:4]) >= 3
    return isinstance(model, dict) and str(model.get("module") or "").partition(".")[0] == "keras"


def writer(version: str, model: Any) -> str:
    """Return who wrote a file, as far as it says so."""
    if version:
        return f"Keras {version}"
    return "Keras 3" if is_modern(model, version) else "Keras"


def siblings(entries: Sequence[Any]) -> Iterator[tuple[Json, Sibling]]:
    """Yield layers that stand side by side, each with its place among those of its class.

    Raises:
        RnncliError: one is no layer.
    """
    counts: Counter[str] = Counter()
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise RnncliError(f"its config says of a layer {shorten(repr(entry))}, without a class_name")
        kind = snake_case(entry["class_name"])
        yield entry, Sibling(kind, counts[kind], name_of(entry))
        counts[kind] += 1
