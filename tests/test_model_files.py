"""Model files in place of a spec: the reading of each format, and that it matches its framework."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import MODELS, SCREENS, Run, Screen, Walk, memory_below, patience, print_as_on_a_terminal, without_styles
from hostile_models import reports_of, safetensors, safetensors_header, tensor_opcodes, text, torch_zip, whole
from part_weights import keras_weights
from sessions import made_cases, replay

from rnncli import Network, RnncliError
from rnncli.engine.model import Model
from rnncli.formats import FORMATS, open_model
from rnncli.formats.fitting import fitted, sources
from rnncli.language.spec import MAX_LAYERS

TOLERANCE = 1e-5


@cache
def specs() -> dict[str, str]:
    return json.loads((MODELS / "models.json").read_text())


def test_a_file_is_read_as_the_saved_network_and_matches_its_framework(rnncli: Run, at: Walk) -> None:
    answers = np.load(MODELS / "models.npz")
    for name, spec in specs().items():
        with at(name):
            (part,) = open_model(str(MODELS / name)).parts
            assert str(part.network) == spec
            assert Network.parse(spec) == part.network
            x, y = answers[f"{name}/x"], answers[f"{name}/y"]
            found = Model(part.network, weights=keras_weights(part))(x)
            np.testing.assert_allclose(found, y, atol=TOLERANCE)
            np.save("x.npy", x)
            result = rnncli("forward", MODELS / name, "--input", "x.npy", "-o", "y.npy", "-f", "json")
            assert result.status == 0, result.stderr
            np.testing.assert_allclose(np.load("y.npy"), y, atol=TOLERANCE)
            # The same by its spec, with the file as its weights.
            rnncli("forward", spec, "--weights", MODELS / name, "--input", "x.npy", "-o", "z.npy")
            np.testing.assert_array_equal(np.load("z.npy"), np.load("y.npy"))


def test_every_form_in_which_pytorch_saves_a_module_is_read_and_other_content_is_reported(
    screen: Screen, at: Walk
) -> None:
    with zipfile.ZipFile(MODELS / "torch.zip") as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    screen("torch-files", reports_of(files))
    for name in files:
        with at(name), contextlib.suppress(RnncliError):
            arrays = {tensor.name: tensor for tensor in open_model(name).tensors}
            for number, key in enumerate(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")):
                if f"rnn.{key}" in arrays:
                    found = arrays[f"rnn.{key}"].read()
                    np.testing.assert_array_equal(found, np.arange(found.size).reshape(found.shape) / 8 + number)
    views = {tensor.name: tensor for tensor in open_model("views.pt").tensors}
    assert views["turned"].read().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert views["column"].read().tolist() == [1, 4]
    types = [tensor for tensor in open_model("types.pt").tensors if not tensor.dtype.startswith("float8")]
    assert all(tensor.read().tolist() == [0, 1, 2] for tensor in types)


def test_every_format_has_a_golden_file() -> None:
    with zipfile.ZipFile(MODELS / "keras" / "models.zip") as packed:
        files = [*specs(), *packed.namelist(), *(path.name for path in MODELS.glob("*/*"))]
    assert {FORMATS.get(Path(name).suffix) for name in files} >= {*FORMATS.values()}


def test_the_network_trained_to_remember_does_so_and_a_fresh_one_does_not(rnncli: Run) -> None:
    trained, fresh = (
        json.loads(rnncli("forward", given, "--plot", "-f", "json").stdout)["plot"]["reach"]
        for given in (MODELS / "recall.safetensors", "input:1,lstm:8,dense:1")
    )
    assert (trained["steps_to_tenth"], round(trained["last"], 2)) == (None, 0.15)  # as in the README
    assert fresh["steps_to_hundredth"] == 22


def test_an_inspection_lists_assumptions_and_groups_arrays_in_no_part(
    rnncli: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    monkeypatch.chdir(MODELS)
    names = ("lstm-2-bi.safetensors", "odd.npz", "python/torch_modules.py")
    screen("inspect", "\n".join(f"$ rnncli inspect {name}\n{rnncli('inspect', name).stdout}" for name in names))
    (part,) = json.loads(rnncli("inspect", names[0], "-f", "json").stdout)["parts"]
    assert (part["share"], len(part["assumed"])) == (1, 3)
    assert json.loads(rnncli("inspect", names[2], "-f", "json").stdout)["writer"] is None
    arrays = [weight["name"] for layer in part["layers"] for weight in layer["weights"]]
    assert len(arrays) == 1 + 16 + 2
    assert "rnn.weight_hh_l1_reverse" in arrays
    print_as_on_a_terminal(monkeypatch)
    monkeypatch.setenv("LINES", "24")
    for name in names:
        for columns in (40, 60, 80, 100, 200):
            with at(name, columns):
                monkeypatch.setenv("COLUMNS", str(columns))
                text = without_styles(rnncli("inspect", name).stdout)
                assert max(map(len, text.splitlines())) <= columns


def test_an_inspection_says_the_type_of_numbers_that_are_not_float32(rnncli: Run) -> None:
    weights = Model("input:3,rnn:4").weights
    np.savez("half.npz", **{name.replace("/", "."): array.astype("float16") for name, array in weights.items()})
    assert ": 3 arrays of float16, 32 parameters\n" in rnncli("inspect", "half.npz").stdout


def test_an_inspection_says_why_what_a_part_reads_is_left_out(rnncli: Run) -> None:
    layers = "self.a, self.r = nn.Linear(3, 4), nn.GRU(2, 8)"
    Path("model.py").write_text(f"class N(nn.Module):\n def __init__(self):\n  super().__init__(); {layers}\n")
    said = "r reads a (Linear, line 3), which is left out: r reads 2 features, but the layer before it returns 4\n"
    assert said in rnncli("inspect", "model.py").stdout


# Names and shapes

CELL = "lstm.ih 16x3; lstm.hh 16x4"
"""The arrays of `input:3,lstm:4:nobias`; ih and hh are short for PyTorch's names of a layer's weights."""


def arrays(text: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes from one line; each line of tests/screens/array-names.txt has a file's."""
    pairs = (re.sub(r"\.(ih|hh)", r".weight_\1_l0", each).split() for each in text.split("; "))
    return {name: tuple(map(int, shape.split("x"))) for name, shape in pairs}


def test_names_and_shapes_determine_the_parts(screen: Screen) -> None:
    known = re.findall(r"^\S.*", (SCREENS / "array-names.txt").read_text(encoding="utf-8"), re.MULTILINE)
    files = {line: safetensors(arrays(line.partition(": ")[2])) for line in known}
    screen("array-names", reports_of(files, "m.safetensors"))
    spec = "embed:9x4,lstm:3:seq:bi,gru:3:seq,gru:2:reset=before,dense:2"
    Model(spec).save_weights("w.npz")
    assert [str(part.network) for part in open_model("w.npz").parts] == [spec]


@pytest.mark.parametrize(("count", "most"), [(40, 20), pytest.param(30_000, MAX_LAYERS, marks=pytest.mark.thorough)])
def test_a_chain_of_many_preceding_layers_is_traversed_once(
    count: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.formats.array_rows.MAX_LAYERS", most)
    row = {f"d{number}.weight": (3, 3) for number in range(count)}
    Path("m.safetensors").write_bytes(safetensors(row | arrays(CELL)))
    with patience():
        (part,) = open_model("m.safetensors").parts
    assert len(part.nodes) == most - 1


def test_a_weight_of_several_arrays_is_run_as_what_they_make() -> None:
    cell = {"r.weight_ih_l0_v": [[3.0, 4.0]], "r.weight_ih_l0_g": [[10.0]], "r.weight_hh_l0": [[0.0]]}
    original, vectors = "d.parametrizations.weight.original", {"u": [0.5, 0.0], "v": [2.0]}
    techniques: Sequence[tuple[str, Mapping[str, object], list[float]]] = [
        (f"{original}1", {f"{original}0": [[5.0], [6.0]]}, [5, 6]),
        (f"{original}1", {f"{original}0": 10.0}, [6, 8]),
        (original, {f"d.parametrizations.weight.0._{key}": each for key, each in vectors.items()}, [1, 4 / 3]),
        ("d.weight_orig", {f"d.weight_{key}": each for key, each in vectors.items()}, [1, 4 / 3]),
        ("d.weight_orig", {"d.weight_mask": [[1.0], [0.0]]}, [3, 0]),
    ]
    for name, others, made in techniques:
        np.savez("w.npz", **cell, **others, **{name: [[3.0], [4.0]]})
        weights = keras_weights(*open_model("w.npz").parts)
        assert [weights["simple_rnn/kernel"].T.tolist(), weights["dense/kernel"].tolist()] == [[[6, 8]], [made]]


def test_a_weight_that_an_unknown_formula_computes_is_read_and_not_run(rnncli: Run) -> None:
    cell = {"r.weight_ih_l0": [[3.0]], "r.parametrizations.weight_hh_l0.original": [[1.0]]}
    for others in ({}, {"r.parametrizations.weight_hh_l0.0.base": [[1.0]]}):
        np.savez("w.npz", **cell, **others)
        (part,) = open_model("w.npz").parts
        assert str(part.network) == "input:1,rnn:1:nobias"
        assert "does not say how to compute r.weight_hh_l0" in rnncli("inspect", "w.npz").stdout
        assert "the file does not say how" in rnncli("forward", "w.npz").stderr


def test_a_layer_of_complex_numbers_is_left_out() -> None:
    np.savez("w.npz", **{"lstm/kernel": np.ones((3, 16), complex), "lstm/recurrent_kernel": np.ones((4, 16))})
    assert open_model("w.npz").notes[0] == "lstm has complex numbers, and layers have real ones"


def test_arrays_without_names_are_those_of_a_spec_in_the_order_of_keras(rnncli: Run) -> None:
    spec = "input:3,lstm:4:bi,bnorm,dense:2"
    np.savez("w.npz", *Model(Network.parse(spec), seed=1).weights.values())
    assert open_model("w.npz").notes[0].startswith("its arrays have no names: numpy.savez(FILE, **weights) ")
    for path, more in (("y.npy", ()), ("z.npy", ("--weights", "w.npz"))):
        assert rnncli("forward", spec, "--timesteps", 9, "--seed", 1, "-o", path, *more).status == 0
    np.testing.assert_array_equal(np.load("y.npy"), np.load("z.npy"))


def test_a_weight_that_is_dropped_in_training_is_run_as_it_is_and_not_as_its_dropped_copy() -> None:
    names = ("r.module.weight_ih_l0", "r.module.weight_hh_l0", "r.weight_hh_l0_raw")
    np.savez("w.npz", **{name: [[float(number)]] for number, name in enumerate(names)})
    assert keras_weights(*open_model("w.npz").parts)["simple_rnn/recurrent_kernel"] == 2


NORM, CONV = {"weight": (3,), "bias": (3,)}, {"weight": (3, 2, 3), "bias": (3,)}
SIZES = {"in_channels": 2, "out_channels": 3, "kernel_size": (3,)}


def module(cls: str, arrays: Mapping[str, tuple[int, ...]], name: str = "layer", **attributes: object) -> bytes:
    """A module that was pickled whole, and the arrays of an LSTM that reads three features."""
    lstm = {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4)}
    held = [
        b"}(" + b"".join(text(name) + tensor_opcodes(name, shape) for name, shape in each.items()) + b"u"
        for each in (arrays, lstm)
    ]
    more = b"".join(text(key) + whole(value) for key, value in attributes.items())
    members = text("_parameters") + held[0] + text("_buffers") + b"}" + text("_modules") + b"}" + more
    made = f"ctorch.nn.modules\n{cls}\n)\x81}}(".encode("latin-1") + members + b"ub"
    storages = [(name, bytes(4 * prod(shape))) for name, shape in (arrays | lstm).items()]
    return torch_zip(b"\x80\x02}(" + text(name) + made + text("lstm") + held[1] + b"u.", storages)


def test_a_module_that_is_pickled_whole_has_its_own_class_and_arguments(screen: Screen) -> None:
    screen("pickled-modules", reports_of(made_cases("pickled-modules", globals()), "m.pt"))


def test_a_module_that_is_saved_under_two_names_is_one_layer() -> None:
    shapes = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 3), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    tensors = [tensor_opcodes(key, shape) for key, shape in shapes.items()]
    pairs = [text(f"{name}.{key}") + each for name in ("a", "b") for key, each in zip(shapes, tensors, strict=True)]
    pairs.append(text("fc.weight") + tensor_opcodes("fc", (2, 3)))
    storages = [(key, bytes(4 * prod(shape))) for key, shape in shapes.items()]
    Path("m.pt").write_bytes(torch_zip(b"\x80\x02}(" + b"".join(pairs) + b"u.", [*storages, ("fc", bytes(24))]))
    found = open_model("m.pt")
    assert [str(part.network) for part in found.parts] == ["input:3,lstm:3,dense:2:nobias"]
    assert (found.params, found.others) == (102, ())
    # AWD-LSTM has an embedding inside the one that drops words; tied to them, a dense layer stays itself.
    table = tensor_opcodes("fc", (5, 3))
    pairs += [text(name) + table for name in ("decoder.weight", "encoder.weight", "encoder_dp.emb.weight")]
    Path("m.pt").write_bytes(
        torch_zip(b"\x80\x02}(" + b"".join(pairs[:4] + pairs[-3:]) + b"u.", [*storages, ("fc", bytes(60))])
    )
    (part,) = open_model("m.pt").parts
    assert (str(part.network), len(part.doubts)) == ("embed:5x3,lstm:3,dense:5:nobias", 1)


def saved(name: str, text: str) -> None:
    """Write an .npz in which every element of an array is the array's position in a list."""
    np.savez(name, **{key: np.full(shape, place, "f4") for place, (key, shape) in enumerate(arrays(text).items())})


def test_arrays_go_to_the_layers_of_a_known_network_by_kind_shape_and_number() -> None:
    cell = "cell{0}/kernel 2x8; cell{0}/recurrent_kernel 2x8; cell{0}/bias 8"
    saved("w.npz", "; ".join(["d/kernel 3x2; layer_normalization/gamma 2", *map(cell.format, ("_10", "_9", ""))]))
    spec = "input:3,dense:2:nobias,norm:noscale,lstm:2:seq:relu:x2,dropout:0.5,lstm:2"
    weights = Model(spec, weights="w.npz").weights
    places = {"dense/kernel": 0, "layer_normalization/beta": 1}
    places |= {"lstm/kernel": 8, "lstm/recurrent_kernel": 9, "lstm/bias": 10}
    places |= {"lstm_1/kernel": 5, "lstm_1/recurrent_kernel": 6, "lstm_1/bias": 7}
    places |= {"lstm_2/kernel": 2, "lstm_2/recurrent_kernel": 3, "lstm_2/bias": 4}
    assert {name: int(array.flat[0]) for name, array in weights.items()} == places
    part = fitted(open_model("w.npz"), "", Network.parse(spec))
    layers = {"lstm": "cell", "lstm_1": "cell_9", "lstm_2": "cell_10"}
    assert sources(part) == {"dense": "d", "layer_normalization": "layer_normalization"} | layers


def test_a_source_takes_each_layers_arrays_by_the_name_that_it_gives_the_layer(rnncli: Run) -> None:
    """The class is what tells which of two equal layers comes first, and that two vectors are a normalization."""
    rnn = "norm.weight 3; norm.bias 3; rnn.ih 4x3; rnn.hh 4x4; rnn.bias_ih_l0 4; rnn.bias_hh_l0 4"
    named = f"{rnn}; fcs.0.weight 4x4; fcs.0.bias 4; fcs.1.weight 4x4; fcs.1.bias 4"
    saved("w.npz", named)
    saved("inside.npz", "; ".join(f"model.{each}" for each in named.split("; ")))
    Path("model.py").write_text(
        """from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fcs = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.rnn, self.norm = nn.RNN(3, 4, batch_first=True), nn.LayerNorm(3)
    def forward(self, x):
        x = self.rnn(self.norm(x))[0]
        for fc in reversed(self.fcs):
            x = fc(x)
        return x
"""
    )
    said = rnncli("forward", "model.py", "--weights", "w.npz").stderr
    assert "layer_normalization from norm, simple_rnn from rnn, dense from fcs.1, dense_1 from fcs.0" in said
    weights = Model(Network.read("model.py"), weights="w.npz").weights
    places = {name: int(array.flat[0]) for name, array in weights.items() if "bias" not in name}
    norms = {"layer_normalization/gamma": 0, "layer_normalization/beta": 1}
    assert places == norms | {
        "simple_rnn/kernel": 2,
        "simple_rnn/recurrent_kernel": 3,
        "dense/kernel": 8,
        "dense_1/kernel": 6,
    }
    # A part has its arrays by name too, and a layer that the file lacks, whole or in part, does not get another's.
    copies = "; ".join(f"{copy}.{each}" for copy in "ab" for each in named.split("; "))
    still = named.replace("norm.weight", "norm.running_mean").replace("norm.bias", "norm.running_var")
    batches = Path("model.py").read_text().replace("LayerNorm(3)", "BatchNorm1d(3, affine=False)")
    Path("batches.py").write_text(batches.replace("self.norm(x)", "self.norm(x.mT).mT"))
    for name, members, said in (
        ("model.py", copies, "simple_rnn from b.rnn, dense from b.fcs.1, dense_1 from b.fcs.0"),
        ("model.py", f"aux.norm.weight 3; aux.norm.bias 3; {named}", "layer_normalization from norm"),
        ("batches.py", still, "batch_normalization from norm, simple_rnn from rnn, dense from fcs.1"),
        ("model.py", named.replace("fcs.0", "fcs.2"), "fcs.0 would get the weights of fcs.1 in w.npz, but fcs.1 is an"),
        ("model.py", named.replace("fcs.1.weight", "fcs.1.weight_v"), "Error: w.npz has no part with the shapes of"),
    ):
        saved("w.npz", members)
        weights_given = "w.npz::b.rnn" if members == copies else "w.npz"
        assert said in rnncli("forward", name, "--weights", weights_given).stderr, said
    # A matrix that may be a table or a dense layer, and a scale with a shift, are what the network has.
    saved("t.npz", "rnn.hh 2x2; rnn.ih 2x4; tok.weight 5x4; 1.weight 2; 1.bias 2")
    for spec, name, found in (
        ("embed:5x4,rnn:2:nobias", "embedding", "tok"),
        ("input:4,dense:5:nobias", "dense", "tok"),
        ("embed:5x4,rnn:2:nobias,norm", "layer_normalization", "1"),
    ):
        assert sources(fitted(open_model("t.npz"), "", Network.parse(spec)))[name] == found
    saved("t.npz", "rnn.hh 2x2; rnn.ih 2x4; groups.weight 2; groups.bias 2")
    with pytest.raises(RnncliError, match="has no part with the shapes"):
        fitted(open_model("t.npz"), "", Network.parse("input:4,rnn:2:nobias,norm"))


def test_accepted_and_refused_model_files_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    for name in ("lstm-2-bi.safetensors", "python/keras_add.py", "lstm-1.safetensors", "gru-1-bi.npz", "tied.pt"):
        shutil.copy(MODELS / name, ".")
    for name in ("MODEL.NPZ", "run::2.npz"):
        shutil.copy(MODELS / "gru-3.npz", name)
    shutil.copy(MODELS / "plain.pt", "pytorch_model.bin")
    with zipfile.ZipFile(MODELS / "plain.pt") as packed:
        sums = re.compile(b"|".join(re.escape(struct.pack("<I", each.CRC)) for each in packed.infolist() if each.CRC))
    unchecked = sums.sub(bytes(4), (MODELS / "plain.pt").read_bytes())  # torch.serialization.set_crc32_options(False)
    Path("model_best.pth.tar").write_bytes(unchecked)
    for number in (1, 2):
        shutil.copy(MODELS / "lstm-1.safetensors", f"model-00001-of-0000{number}.safetensors")
    layers = "keras.Input((None, 8)), keras.layers.GRU(4, reset_after=False)"
    Path("before.py").write_text(f"import keras\nmodel = keras.Sequential([{layers}])\n")
    saved("two.npz", "encoder.rnn.ih 4x3; encoder.rnn.hh 4x4; decoder.rnn.ih 6x7; decoder.rnn.hh 6x6")
    saved("fc.npz", "fc.weight 3x4")
    cells = (f"cell{n}/kernel 2x8; cell{n}/recurrent_kernel 2x8; cell{n}/bias 8" for n in ("", "_1"))
    for name, members in {
        "deep": "; ".join(cells),
        "fc": "fc.weight 3x4",
        "pair": "encoder.ih 16x4; encoder.hh 16x4; decoder.ih 16x4; decoder.hh 16x4",
        "headed": "encoder.rnn.ih 4x3; encoder.rnn.hh 4x4; head.weight 2x4; head.bias 2; other.weight 7x9",
        "six": "; ".join(f"rnn.weight_{side}_l{level} 6x2" for level in range(6) for side in ("ih", "hh")),
    }.items():
        Path(f"{name}.safetensors").write_bytes(safetensors(arrays(members)))
    shapes = arrays("rnn.ih 4x2; rnn.hh 4x4")
    for dtype in ("int8", "uint8", "int64", "bool", "nan"):
        number = np.nan if dtype == "nan" else np.ones((), dtype)
        np.savez(f"{dtype}.npz", **{name: np.full(shape, number) for name, shape in shapes.items()})
    replay("model-files", rnncli, screen)


def test_a_download_that_is_not_the_file_itself_is_called_what_it_is(at: Walk) -> None:
    beginnings = {"version https://git-lfs.github.com/spec/v1": "a pointer of Git LFS", "<!DOCTYPE html>": "a web page"}
    for extension in {extension for extension, module in FORMATS.items() if module != "python.source"}:
        for beginning, kind in beginnings.items():
            with at(extension, kind):
                Path(f"m{extension}").write_text(beginning)
                with pytest.raises(RnncliError, match=f"it is {kind}"):
                    open_model(f"m{extension}")
    Path("m.pt").write_bytes(safetensors({"w": (2,)}))
    with pytest.raises(RnncliError, match=r"it is a \.safetensors file, expected a file"):
        open_model("m.pt")


# The weights


def test_a_file_of_gigabytes_is_read_by_its_header_and_a_run_holds_its_part_once(rnncli: Run) -> None:
    shapes = arrays(f"embedding.weight 200000x16; rnn.ih 4x16; rnn.hh 4x4; big {1 << 30}")
    header, length = safetensors_header(shapes)
    Path("big.safetensors").write_bytes(header)
    os.truncate("big.safetensors", len(header) + length)
    assert rnncli("spec", "big.safetensors").stdout == "embed:200000x16,rnn:4:nobias\n"
    (part,) = open_model("big.safetensors").parts
    with memory_below(part.network.summary().total_bytes + (1 << 20)):
        Model(part.network, weights=part)


def test_arrays_of_an_npz_match_numpys_reading(at: Walk) -> None:
    numbers = np.random.default_rng(0).integers(-100, 100, (30, 7, 40))
    made = {
        f"{dtype}{order}": np.asarray(numbers.astype(dtype), order=order)
        for dtype in ("<f4", ">f8", "f2", ">i2", "?", "u1", ">c16", "longdouble")
        for order in ("C", "F")
    }
    made |= {"scalar": np.float32(3), "empty": np.zeros((0, 3)), "turned": numbers.T, "long": np.arange(300_000)}
    for save in (np.savez, np.savez_compressed):
        save("m.npz", **made)
        for tensor in open_model("m.npz").others:
            with at(save.__name__, tensor.name):
                found, expected = tensor.read(), made[tensor.name]
                np.testing.assert_array_equal(found, expected)
                assert (found.dtype.name, found.dtype.isnative) == (expected.dtype.name, True) == (tensor.dtype, True)


@pytest.mark.parametrize("turns", [30, pytest.param(150, marks=pytest.mark.thorough)])
def test_a_damaged_file_is_read_correctly_or_refused(turns: int, at: Walk) -> None:
    for name in ("lstm-1.safetensors", "lstm-1.npz", "plain.pt", "before-1.6.pth"):
        good, random = (MODELS / name).read_bytes(), Random(name)
        for turn in range(turns):
            data = bytearray(good)
            for _ in range(random.choice((1, 1, 3))):
                place = random.randrange(len(data))
                match random.choice(("flip", "cut", "splice")):
                    case "flip":
                        data[place] ^= 1 << random.randrange(8)
                    case "cut":
                        del data[place:]
                    case "splice":
                        data[place:place] = data[: random.randrange(64)]
                if not data:
                    break
            Path(name).write_bytes(data)
            said = ""
            with at(name, turn):
                try:
                    for part in open_model(name).parts:
                        Model(part.network, weights=keras_weights(part))
                except RnncliError as error:
                    said = str(error)
                assert len(said) < 1000
