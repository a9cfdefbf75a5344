"""ONNX exports: ONNX Runtime's recorded outputs, and every feature of the language.

The latter are run by ONNX's specification in `tests/onnx_runner.py`, and read back by rnncli.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_runner
import pytest
from conftest import Run, Walk, some
from golden.data import difference, read_values
from golden.generate import random_input, random_weights
from golden.onnx_exports import CASES, FOLDER, VERSION, exported, inputs_of, weights_of
from hypothesis import example, given
from hypothesis import strategies as st
from kinds import HEADS
from part_weights import keras_weights
from strategies import layers_of, networks, small_sizes

from rnncli import Network, RnncliError
from rnncli.engine.checks import weight_shapes
from rnncli.engine.model import Model
from rnncli.export import Job, export
from rnncli.export import onnx as onnx_export
from rnncli.formats import open_model
from rnncli.layers import Activation, Conv, Dense, Dropout, Layer
from rnncli.layers.windows import Window

small_networks = networks(layers_of(HEADS, small_sizes), largest=4, sizes=small_sizes)


def written(network: Network, weights: Mapping[str, np.ndarray] | None = None) -> bytes:
    content = export(Job(network, lambda: weights_of(network) if weights is None else weights), "onnx")
    assert isinstance(content, bytes)
    return content


# Judged by ONNX Runtime and ONNX's checker


def test_an_export_is_the_recorded_file_and_matches_onnx_runtime(at: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.__version__", VERSION)
    with np.load(FOLDER / "values.npz") as values:
        for name, spec in CASES.items():
            with at(name):
                content = (FOLDER / f"{name}.onnx").read_bytes()
                assert exported(spec) == content
                network = Network.parse(spec)
                model, theirs = Model(network, weights=weights_of(network)), onnx_runner.load(content)
                for number, x in enumerate(inputs_of(network)):
                    assert difference(model(x), values[f"{name}/{number}"]) <= 1e-5
                    # The runner used in the tests below matches ONNX Runtime.
                    assert difference(theirs.run(x), values[f"{name}/{number}"]) <= 1e-5


# Every feature of the language


def test_an_export_matches_keras(at: Walk) -> None:
    for golden in some((golden for golden in read_values() if golden.dtype == "float64"), 11):
        with at(golden.spec):
            y = onnx_runner.load(written(Network.parse(golden.spec), golden.weights)).run(golden.x)
            assert y.shape == golden.y.shape
            # Numbers in a file have four bytes.
            assert difference(y, golden.y) <= 1e-5


@given(network=small_networks, batch=st.integers(1, 3), timesteps=st.integers(1, 5), seed=st.integers(0, 99))
@example(Network.parse("input:3,lstm:4:seq:proj=2,lstm:4:bi:proj=1"), 2, 3, 0)
def test_an_export_matches_the_model(network: Network, batch: int, timesteps: int, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    x = random_input(numbers, network.layers, batch, timesteps)
    weights = random_weights(numbers, weight_shapes(network))
    with np.errstate(all="ignore"):
        ours = Model(network, weights=weights, dtype="float64")(x)
        theirs = onnx_runner.load(written(network, weights)).run(x)
        # Unbounded activations overflow, and amplify the rounding of 1/6 to four bytes.
        steady = difference(Model(network, weights=weights)(x), ours) < 1e-5
    assert theirs.shape == ours.shape
    if steady:
        assert difference(theirs, ours) <= 1e-4


@given(network=small_networks)
def test_all_names_in_an_export_are_distinct_and_its_inputs_and_outputs_are_declared(network: Network) -> None:
    model = onnx_runner.load(written(network))
    graphs = [model.graph, *(node.attributes["body"] for node in model.graph.nodes if node.operation == "Scan")]
    nodes = [node.name for graph in graphs for node in graph.nodes]
    values = [name for graph in graphs for node in graph.nodes for name in node.outputs if name]
    values += [name for graph in graphs for name in (*graph.inputs, *graph.arrays)]
    assert len({*nodes}) == len(nodes)
    assert len({*values}) == len(values)
    assert all(nodes)
    shape = network.input_shape()
    dims = [name if size is None else size for name, size in zip(("batch", "timesteps", ""), shape, strict=False)]
    assert model.graph.inputs == {"input": dims}
    output = [*network.shapes()][-1][1] if network.body else network.input_shape()
    assert [*model.graph.outputs] == ["output"]
    assert [size if isinstance(size, int) else None for size in model.graph.outputs["output"]] == [*output]
    assert (model.producer, model.doc.splitlines()[0]) == ("rnncli", str(network))


def test_the_versions_are_the_oldest_with_every_operator() -> None:
    for spec, opset, ir in (
        ("input:3,lstm:4,norm", 18, 8),
        ("input:3,dense:2:gelu", 20, 9),
        ("input:3,rnn:2:gelu", 20, 9),
    ):
        model = onnx_runner.load(written(Network.parse(spec)))
        assert (model.opset, model.ir_version) == (opset, ir), spec


def test_a_cell_is_decomposed_only_if_onnx_has_none(at: Walk) -> None:
    for spec, composed in {
        "input:3,lstm:4:seq:bi,gru:3:reset=before,repeat:2,rnn:2": False,
        "input:3,lstm:4:softsign:recact=hard_sigmoid": False,
        "input:3,rnn:4:silu": True,
        "input:3,lstm:4:proj=2": True,
        "input:3,gru:4:softplus": True,  # in ONNX Runtime's cells it is infinite from 89 on
        "embed:5x3:mask,lstm:4": True,
        "embed:5x3:mask,pool:max,repeat:2,lstm:4": False,
    }.items():
        with at(spec):
            nodes = onnx_runner.load(written(Network.parse(spec))).graph.nodes
            assert any(node.operation == "Scan" for node in nodes) == composed
            assert any(node.operation in ("LSTM", "GRU", "RNN") for node in nodes) != composed


def test_windows_of_one_step_have_no_padding_which_would_be_negative_with_a_stride() -> None:
    # ONNX Runtime has no pool with a negative padding, as SAME_UPPER may be.
    (pool,) = (
        node
        for node in onnx_runner.load(written(Network.parse("input:3,pool:avg:1:stride=3:same"))).graph.nodes
        if node.operation == "AveragePool"
    )
    assert pool.attributes["pads"] == [0, 0]


# Reading back


def _pads_nothing(window: Window, steps: int | None) -> bool:
    return (steps is not None or not window.goes_by_length) and window.around(steps) == (0, 0)


def check_read_back(network: Network, content: bytes, folder: Path) -> None:
    """Check that a file is read back as its network, or that the parts left out are reported."""
    (folder / "model.onnx").write_bytes(content)
    model = open_model(str(folder / "model.onnx"))
    composed = any(node.operation == "Scan" for node in onnx_runner.load(content).graph.nodes)
    said: list[Layer] = [replace(network.head, mask_zero=False)]
    for layer, (reads, _) in zip(network.body, network.shapes(), strict=True):
        if layer is network.head or isinstance(layer, Dropout):
            continue
        layer = layer.trained()
        if isinstance(layer, Activation) and isinstance(said[-1], Dense | Conv) and said[-1].activation == "linear":
            said[-1] = replace(said[-1], activation=layer.activation)  # a dropout was in between
        elif layer.window is not None and _pads_nothing(layer.window, reads[1]):
            said.append(replace(layer, padding="valid"))
        else:
            said.append(layer)
    # A pool before the first recurrent layer leaves the time axis unknown, unless a convolution shows it.
    first = next((layer for layer in said if layer.states or layer.joins), None)
    is_part = all(part.said("left out") for part in model.parts)
    if composed or (is_part and (first is None or not first.states)):
        assert is_part
        assert model.notes or not composed
        return
    (part,) = model.parts
    assert (str(part.network), model.notes, model.left, part.notes) == (str(Network(said)), (), (), ())
    for ours, theirs in zip(weights_of(network).values(), keras_weights(part).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_is_read_back_or_parts_left_out_are_reported(at: Walk, tmp_path: Path) -> None:
    for name, spec in CASES.items():
        with at(name):
            check_read_back(Network.parse(spec), (FOLDER / f"{name}.onnx").read_bytes(), tmp_path)
    for spec in (
        "input:7x3,norm:nobias:noscale:x2,rnn:4:seq:bi=mul,norm:noscale",
        "embed:1x1,lstm:1,repeat:1,conv:1x1:same",
        "embed:1x4,conv:5x1,pool:avg,repeat:2,lstm:3:seq",
        "embed:1x1,rnn:1:seq,dense:1,dropout:0.5,act:relu",
        "input:3x1,pool:max:3:same,rnn:1:seq",
        "input:3,pool:avg:1:stride=3:same,rnn:1:seq",
        "embed:2x3,lstm:2:seq:bi=sum,act:silu,dense:2",
        "input:6,act:silu,rnn:4",
    ):
        with at(spec):
            check_read_back(Network.parse(spec), written(Network.parse(spec)), tmp_path)


@given(network=small_networks)
def test_any_export_is_read_back_or_parts_left_out_are_reported(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check_read_back(network, written(network), tmp_path_factory.getbasetemp())


def test_a_decomposed_cell_is_named_as_such(rnncli: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(written(Network.parse("input:3,rnn:4:softplus")))
    assert "its graph has no LSTM, GRU or RNN, but Scan and MatMul" in rnncli("inspect", path).stdout


# The command and its resources


def test_the_command_writes_a_file_and_the_same_seed_gives_the_same_bytes(rnncli: Run, tmp_path: Path) -> None:
    one, other = tmp_path / "one.onnx", tmp_path / "other.onnx"
    for path in (one, other):
        done = rnncli("export", "input:3,lstm:4:seq,dense:2", "--to", "onnx", "--seed", "7", "-o", str(path))
        assert (done.status, done.stdout) == (0, "")
    assert one.read_bytes() == other.read_bytes()
    assert rnncli("spec", str(one)).stdout == "input:3,lstm:4:seq,dense:2\n"
    assert rnncli("export", str(one), "--to", "onnx", "-o", str(other)).status == 0
    again = onnx_runner.load(other.read_bytes())
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3)
    np.testing.assert_array_equal(again.run(x), onnx_runner.load(one.read_bytes()).run(x))


def test_a_model_too_large_for_protobuf_is_refused_before_its_weights_are_drawn() -> None:
    def draw() -> dict[str, np.ndarray]:
        raise AssertionError("the weights were drawn")

    with pytest.raises(
        RnncliError, match=r"14\.90 TB of weights, 14\.90 TB above the limit of 2\.00 GB for an ONNX file"
    ):
        export(Job(Network.parse("embed:1Gx4096"), draw), "onnx")


def test_large_weights_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network.parse("embed:64x32,dense:8")
    weights = weights_of(network)
    pieces: list[bytes | memoryview] = []
    encoded = onnx_export.encoded
    monkeypatch.setattr(onnx_export, "encoded", lambda proto: pieces.extend(made := encoded(proto)) or made)
    written(network, weights)
    for key in ("embedding/embeddings", "dense/kernel"):
        assert any(np.shares_memory(weights[key], np.frombuffer(piece, "u1")) for piece in pieces if len(piece) > 999)
