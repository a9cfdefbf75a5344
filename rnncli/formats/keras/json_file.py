"""Keras's JSON: what `model.to_json()` returns, the layers of a model without their weights."""

from __future__ import annotations

from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras.config import MAX_JSON, SAVE_AGAIN, parsed
from rnncli.formats.keras.graph import graph_of
from rnncli.formats.keras.parts import Found, Store, Structure, found_in
from rnncli.formats.model_file import ModelFile


def read(path: str) -> ModelFile:
    """Return what a JSON file of Keras holds.

    Raises:
        RnncliError: it is no JSON, no model of Keras, or contradicts itself.
    """
    with open(path, "rb") as file:
        model = parsed(file.read(MAX_JSON + 1), "it")
    if isinstance(model, str):  # a text of JSON that was written as JSON once more
        model = parsed(model, "the text in it")
    found = found_of(model, version_of(model), Structure())
    return ModelFile(path, "Keras JSON", writer(version_of(model), model), found.parts, (), found.notes)


def found_of(model: Any, version: str, store: Store) -> Found:
    """Return the recurrent parts of a model, from its config and the version of Keras that wrote it.

    Raises:
        RnncliError: it is no model of Keras, or contradicts itself.
    """
    try:
        return found_in(graph_of(model), store, modern=is_modern(model, version))
    except RnncliError as error:
        raise RnncliError(error.message, error.advice or SAVE_AGAIN) from None


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
