"""`rnncli export --to keras`: the source describes only the network, and its weights are where Keras expects them."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, Walk
from golden.data import WEIGHT_LAYOUTS
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS, small_network
from strategies import networks

from rnncli import Network
from rnncli.engine.array_files import given_weights
from rnncli.engine.checks import weight_shapes
from rnncli.export import Job, export
from rnncli.export.weight_writers import write_weights
from rnncli.formats.keras.hdf5_process import answer
from rnncli.formats.networks import read
from rnncli.layers import LAYERS
from rnncli.layers.python_call import number, string
from rnncli.quantities import shape_text

CLASSES = {name: layer for layer in LAYERS for name in layer.classes or (layer.keras,)}
"""rnncli's layer for each Keras class."""


def source_of(spec: str | Network, saved: str | None = None) -> str:
    text = export(Job(Network.read(spec), dict, 0, saved), "keras")
    assert isinstance(text, str)
    return text


def check_source(network: Network) -> None:
    """Check that a source builds the same network, imports what it uses, and sets no argument to its default."""
    source = source_of(network)
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {ast.unparse(node).partition(" import ")[0] for node in imports} <= {"import keras", "from keras.layers"}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)} - {"range"}
    assert {alias.name for node in imports for alias in node.names} == used
    model = source.partition("model = ")[2]
    alone = model == "keras.Model(inputs, inputs)\n"
    assert not network.body if alone else read(model).network == network
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        cls = CLASSES.get(ast.unparse(call.func))
        for argument in call.keywords if cls is not None else ():
            assert ast.literal_eval(argument.value) != cls.default(argument.arg), ast.unparse(call)


@given(networks())
def test_the_source_builds_the_same_network_without_default_arguments(network: Network) -> None:
    check_source(network)


def test_every_kind_is_built_as_the_same_network(at: Walk) -> None:
    for kind in KINDS.values():
        with at(kind.names[0]):
            check_source(Network.parse(small_network(kind)))


@given(networks())
def test_every_layer_has_its_shape_next_to_it(network: Network) -> None:
    shapes: list[str] = []
    for line in source_of(network).splitlines():
        if comment := line.partition("  # ")[2]:
            shapes.append(comment)
        if loop := re.search(r"for _ in range\((\d+)\)", line):
            shape, each = shapes.pop().split(" each")
            shapes += [shape + each] * int(loop[1])
    masking = network.head.mask_zero and not network.head.shown
    expected = [network.input_shape()] * (2 if masking else 1) + [output for _, output in network.shapes()]
    assert shapes == [*map(shape_text, expected)]


def test_a_keras_file_is_loaded_in_one_line() -> None:
    source = source_of("input:8,lstm:4", "my model.weights.h5")
    assert source.endswith('\nmodel.load_weights("my model.weights.h5")\n')


def test_an_npz_is_loaded_in_the_networks_order(rnncli: Run, tmp_path: Path) -> None:
    file = tmp_path / "w.npz"
    result = rnncli(
        "export", "input:3,lstm:2:bi,lstm:4,dense:1".replace("bi", "bi:seq"), "--to", "keras", "--save-weights", file
    )
    assert (result.status, result.stderr[:6]) == (0, "wrote ")
    assert result.stdout.endswith(" as weights:\n    model.set_weights(list(weights.values()))\n")
    with np.load(file) as saved:
        assert [*saved][::4] == [
            "bidirectional/forward/kernel",
            "bidirectional/backward/recurrent_kernel",
            "lstm_1/bias",
        ]


def random_weights(network: Network) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {key: random.normal(size=shape).astype("float32") for key, shape in weight_shapes(network).items()}


def test_the_weights_file_has_keras_layout_and_is_read_back(at: Walk, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for index, golden in enumerate(json.loads(WEIGHT_LAYOUTS.read_text(encoding="utf-8"))["layouts"]):
        with at(golden["spec"]):
            network, file = Network.parse(golden["spec"]), tmp_path / f"{index}.weights.h5"
            weights = random_weights(network)
            written = write_weights(str(file), weights, ".weights.h5")
            assert str(written).startswith(f"wrote {file} ({len(weights)} arrays), ")
            assert written.size == file.stat().st_size
            with h5py.File(file, "r") as opened:
                arrays: dict[str, Any] = {}
                opened.visititems(lambda path, item, arrays=arrays: arrays.update({path: item}))
                arrays = {path: item for path, item in arrays.items() if hasattr(item, "shape")}
                assert {path: list(item.shape) for path, item in arrays.items()} == golden["arrays"]
                assert all(item.dtype == "float32" for item in arrays.values())
                for group in opened["layers"]:
                    assert opened[f"layers/{group}/vars"].attrs["name"] == golden["names"][group]
            # Names and shapes alone do not show layers without arrays, nor the order of many equal layers.
            if "x12" not in golden["spec"] and not any(layer.window or layer.needs_length for layer in network.layers):
                read = given_weights(network, str(file), np.dtype("float32"))
                assert [*read] == [*weights]
                assert all((read[key] == weights[key]).all() for key in read)


def test_each_of_many_equal_layers_has_its_own_group(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    weights = random_weights(Network.parse("input:2,lstm:2:bi:seq,lstm:2:seq:x12"))
    write_weights(str(tmp_path / "model.weights.h5"), weights, ".weights.h5")
    with h5py.File(tmp_path / "model.weights.h5", "r") as file:
        for number in range(12):
            group = "lstm" if number == 0 else f"lstm_{number}"
            # Keras numbers a Bidirectional's cell with the others.
            assert (file[f"layers/{group}/cell/vars/1"][()] == weights[f"lstm_{number + 1}/recurrent_kernel"]).all()


def test_a_network_without_weights_has_a_weights_file_too(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    assert "(0 arrays)" in str(write_weights(str(tmp_path / "none.weights.h5"), {}, ".weights.h5"))


def test_an_h5py_that_is_missing_or_built_for_another_numpy_is_named_in_the_error(
    rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "h5py", raising=False)
    file = tmp_path / "model.weights.h5"
    for error in ("ImportError", "ValueError"):
        (tmp_path / "h5py.py").write_text(f"raise {error}('numpy.dtype size changed')", encoding="utf-8")
        with at(error):
            result = rnncli("export", "input:3,lstm:2", "--to", "keras", "--save-weights", file)
            said = "h5py cannot be imported: numpy.dtype size changed"
            assert result == (1, "", f"Error: {said}\nHelp: pip install --upgrade h5py\n")
            assert not file.exists()
            assert said in next(answer(json.dumps({"path": __file__, "member": "", "wanted": None}).encode())).decode()


@given(st.text())
def test_a_text_is_written_as_a_literal(text: str) -> None:
    literal = string(text)
    assert ast.literal_eval(literal) == text
    assert literal.isprintable()
    assert literal[0] == ("'" if text.count('"') > text.count("'") else '"')


def test_a_number_is_written_as_people_write_it() -> None:
    for text in ["32", "0.5", "1e-5", "0.001", "1e-20"]:
        assert number(ast.literal_eval(text)) == text


def test_a_model_file_exported_without_its_weights_is_noted(rnncli: Run, tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    rnncli("forward", "input:3,lstm:2", "--save-weights", file)
    result = rnncli("export", "input:3,lstm:2", "--weights", file, "--to", "keras")
    assert result.status == 0
    assert result.stderr == "Note: the weights are left out; --save-weights FILE writes them too\n"
