"""Networks as PyTorch modules: the source, refused networks, and weights as PyTorch's state dict.

No framework is needed: `make golden` ran exported modules, and `make judge` runs hundreds more.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, Walk
from golden.data import difference
from hypothesis import given
from kinds import HEADS
from strategies import layers_of, networks, small_sizes

from rnncli import Network, SpecError
from rnncli.engine.model import Model
from rnncli.export import Job, arrays, export
from rnncli.export.weight_writers import write_weights
from rnncli.formats import open_model

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = 1e-6


def source_of(spec: str, **settings: object) -> str:
    """The source for a spec."""
    return str(export(Job(Network.parse(spec), dict, **settings), "torch"))  # type: ignore[arg-type]


def under(numbers: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in numbers.items() if name.startswith(prefix)}


# The source


@given(networks())
def test_every_network_that_pytorch_can_express_becomes_a_module_called_model(network: Network) -> None:
    try:
        source = str(export(Job(network, dict), "torch"))
    except SpecError as error:
        export(Job(Network.parse(error.repair or ""), dict), "torch")
        return
    tree = ast.parse(source)
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["Network"]
    assert ast.unparse(tree.body[-1]) == "model = Network()"
    assert ast.get_docstring(tree.body[-2], clean=True).replace("\n", "") == str(network)  # type: ignore[arg-type]


@given(networks())
def test_a_module_with_weights_runs_as_after_training(network: Network) -> None:
    try:
        source = str(export(Job(network, dict, saved="w.safetensors"), "torch"))
    except SpecError:
        return
    assert source.splitlines()[-1].startswith("model.eval()")


def test_other_layers_are_separate_modules() -> None:
    for second in ("lstm:5", "lstm:4:bi", "lstm:4:nobias", "gru:4", "lstm:4:back", "dropout:0.5:x2,lstm:4"):
        source = source_of(f"input:8,lstm:4:seq,{second}")
        assert "num_layers" not in source, second
        assert source.count("batch_first=True") == 2, second


def test_a_line_end_in_the_description_of_the_weights_stays_in_the_comment() -> None:
    source = source_of("input:8", saved="a.safetensors", origin="the weights of\nthe file")
    assert "# The weights of the file\n" in source


def test_a_file_name_cannot_escape_its_string() -> None:
    for name in ("a\"b'.safetensors", 'a"b.safetensors', "a\\\n.safetensors", "\udc80.safetensors", "\u202e.st"):
        last = ast.parse(source_of("input:8", saved=name)).body[-2]
        assert [node.value for node in ast.walk(last) if isinstance(node, ast.Constant)] == [name]


# What PyTorch cannot express


def test_a_network_that_pytorch_cannot_express_is_refused_as_by_summary(at: Walk, rnncli: Run) -> None:
    options = ("lstm:4:relu", "gru:4:recact=hard_sigmoid", "gru:4:reset=before", "rnn:4:bi=sum", "rnn:4:elu")
    for layer in (*options, "norm:noscale"):
        with at(layer):
            spec = f"input:8,lstm:4:seq,{layer}"
            refused = rnncli("export", spec, "--to", "torch")
            assert refused.refusal() == rnncli("summary", spec, "--framework", "torch").refusal()


def test_a_mask_that_no_layer_uses_only_changes_the_initial_padding_row() -> None:
    heedless = source_of("embed:9x3:mask,dense:2,pool:max")
    assert heedless.replace(":mask", "").replace(", padding_idx=0", "") == source_of("embed:9x3,dense:2,pool:max")


# The weights


def test_the_state_dict_is_the_one_that_pytorch_ran_with(at: Walk) -> None:
    with np.load(GOLDEN / "torch_exports.npz") as file:
        golden = dict(file)
    for number, spec in enumerate(json.loads((GOLDEN / "torch_exports.json").read_text())):
        with at(spec):
            network = Network.parse(spec)
            weights = under(golden, f"{number}/keras/")
            state = arrays(Job(network, lambda weights=weights: weights), "torch")
            expected = under(golden, f"{number}/torch/")
            assert list(state) == list(expected)
            for name, array in state.items():
                assert array.dtype == "float32"
                assert array.flags.c_contiguous
                np.testing.assert_array_equal(array, expected[name], name)
            y = Model(network, weights=weights)(golden[f"{number}/x"], golden.get(f"{number}/lengths"))
            assert difference(y, golden[f"{number}/y"]) <= TOLERANCE


@given(networks(layers_of(HEADS, small_sizes), largest=4, sizes=small_sizes))
def test_the_state_dict_has_the_shapes_in_the_summary(network: Network) -> None:
    try:
        summary = network.summary(framework="torch")
        state = arrays(Job(network, lambda: Model(network).weights), "torch")
    except SpecError:
        return
    # PyTorch does not count buffers as parameters.
    assert [array.shape for name, array in state.items() if ".running_" not in name] == [
        weight.shape for layer in summary.layers for weight in layer.weights
    ]


def test_a_state_dict_is_exported_unchanged(at: Walk, rnncli: Run) -> None:
    for name in ("lstm-2-bi", "gru-3", "gru-1-bi", "rnn-2"):
        with at(name):
            original = GOLDEN / "models" / f"{name}.safetensors"
            result = rnncli("export", original, "--to", "torch", "--save-weights", "model.safetensors")
            assert result.status == 0
            assert f"# The weights of {original}\n" in result.stdout
            assert 'load_file("model.safetensors")' in result.stdout
            again, before = (
                {tensor.name.rpartition(".")[2]: tensor.read() for tensor in open_model(file).tensors}
                for file in ("model.safetensors", str(original))
            )
            for key, array in before.items():
                if key.startswith("bias_") and not name.startswith("gru"):
                    total = before[key.replace("_hh", "_ih")] + before[key.replace("_ih", "_hh")]
                    array = total if key.startswith("bias_ih") else np.zeros_like(array)
                np.testing.assert_array_equal(again[key], array, key)


# The file


def test_a_safetensors_file_is_a_length_a_header_and_the_numbers_in_order(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    held = {"a.weight": np.arange(6, dtype="float32").reshape(2, 3), "é": np.float32([7]), "b": np.eye(3).T[:, ::2]}
    written = write_weights(str(path), held, ".safetensors")
    content = path.read_bytes()
    assert str(written) == f"wrote {path} (3 arrays), {len(content)} B"
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    header = json.loads(content[8 : 8 + length])
    assert content[8:9] == b"{"
    assert header.pop("__metadata__") == {"format": "pt"}
    end = 0
    for (name, entry), array in zip(header.items(), held.values(), strict=True):
        start, end = end, end + 4 * array.size
        assert entry == {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, end]}, name
        found = np.frombuffer(content, "<f4", array.size, 8 + length + start).reshape(array.shape)
        np.testing.assert_array_equal(found, array)
    assert len(content) == 8 + length + end


def test_an_export_is_read_back_as_the_same_network(rnncli: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    spec = "embed:9x3,lstm:4:seq:bi:x2,lstm:5:seq,lstm:6,dense:2"
    rnncli("export", spec, "--to", "torch", "--save-weights", path)
    assert rnncli("spec", path).stdout == f"{spec}\n"
    assert rnncli("inspect", path).stdout.count("written by PyTorch:") == 1


def test_weights_that_do_not_fit_in_memory_are_not_begun(
    rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.engine.memory.free_bytes", lambda: 60 << 20)
    network = ("export", "embed:1Mx10,lstm:2", "--to", "torch")
    result = rnncli(*network, "--save-weights", tmp_path / "model.safetensors")
    assert (result.status, result.stdout, [*tmp_path.iterdir()]) == (1, "", [])
    assert result.stderr.startswith("Error: the weights would need 1")
    assert "60.00 MB of memory that is free" in result.stderr
    assert rnncli(*network).status == 0
