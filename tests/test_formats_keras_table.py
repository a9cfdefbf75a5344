"""Small models of many kinds as Keras 3 writes them: what is read of each, and Keras's own sizes of its layers."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rnncli import Network
from rnncli.formats import open_model

with zipfile.ZipFile(Path(__file__).parent / "golden" / "models" / "keras" / "table.zip") as archive:
    TABLE: dict[str, dict[str, Any]] = json.loads(archive.read("table.json"))


@pytest.mark.parametrize("name", TABLE)
def test_a_model_is_read_with_the_sizes_that_keras_has_or_named_with_a_reason(name: str, tmp_path: Path) -> None:
    expected = TABLE[name]
    (tmp_path / "m.json").write_text(json.dumps(expected["model"]))
    found = open_model(str(tmp_path / "m.json"))
    assert [part.network for part in found.parts] == [Network.parse(spec) for spec in expected["specs"]]
    said = " | ".join([*found.notes, *(text for part in found.parts for text in part.assumed)])
    assert re.search(expected["says"], said) if expected["says"] else not said
    for part, layers in zip(found.parts, expected["layers"], strict=True):
        rows = part.network.summary().layers
        counts: dict[str, int] = {}
        for piece, row in zip(part.pieces, rows, strict=True):
            name = piece.name.partition(" (cell")[0]
            counts[name] = counts.get(name, 0) + row.params
        for piece, row, (params, shape) in zip(part.pieces, rows, layers, strict=True):
            assert counts[piece.name.partition(" (cell")[0]] == params
            # A layer that a model inside of another has was built for a batch of any length there.
            assert shape is None or len(row.output_shape) == len(shape)
            assert shape is None or all(a == b for a, b in zip(row.output_shape, shape, strict=True) if a and b)
