"""Keras's JSON: what `model.to_json()` returns, the layers of a model without their weights."""

from __future__ import annotations

import os
from typing import Any

from rnncli.errors import RnncliError, shorten
from rnncli.formats.keras_config import MAX_JSON, graph_of, parsed
from rnncli.formats.keras_parts import Structure, found_in
from rnncli.formats.model_file import ModelFile


def read(path: str) -> ModelFile:
    """Return what a JSON file of Keras holds.

    Raises:
        RnncliError: it is no JSON, no model of Keras, or contradicts itself.
    """
    size = os.path.getsize(path)
    if size > MAX_JSON:
        raise RnncliError(f"it has {size:,} bytes; a config has at most {MAX_JSON:,}")
    with open(path, "rb") as file:
        model = parsed(file.read(), "it")
    if isinstance(model, str):  # a text of JSON that was written as JSON once more
        model = parsed(model, "the text in it")
    found = found_in(graph_of(model), Structure(), modern=is_modern(model, version_of(model)))
    return ModelFile(path, "Keras JSON", writer(version_of(model), model), found.parts, (), found.notes)


def version_of(said: Any) -> str:
    """Return the version of Keras in a config or in metadata; may be empty."""
    version = said.get("keras_version") if isinstance(said, dict) else None
    return shorten(version, 20) if isinstance(version, str) else ""


def is_modern(model: Any, version: str) -> bool:
    """Whether Keras 3 wrote a config. Without a version, it says of every class what module it is from."""
    if version:
        return version.partition(".")[0].isdigit() and int(version.partition(".")[0][:4]) >= 3
    return isinstance(model, dict) and str(model.get("module") or "").startswith("keras.")


def writer(version: str, model: Any) -> str:
    """Return who wrote a file, as far as it says so."""
    if version:
        return f"Keras {version}"
    return "Keras 3" if is_modern(model, version) else "Keras"
