"""Model files where a spec may stand: what is read of each format, and that it computes what its framework does."""

from __future__ import annotations

import json
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hostile_models
import numpy as np
import pytest
from conftest import Result, patience, without_styles
from part_weights import keras_weights

from rnncli import Network, RnncliError
from rnncli.engine import Model
from rnncli.formats import FORMATS, REFUSED, open_model, part_of
from rnncli.formats.fitting import fitted
from rnncli.formats.model_file import Tensor
from rnncli.formats.recognition import recognised
from rnncli.language.spec import MAX_LAYERS

Run = Callable[..., Result]

GOLDEN = Path(__file__).parent / "golden" / "models"
SPECS: dict[str, str] = json.loads((GOLDEN / "models.json").read_text())
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def answers() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "models.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", SPECS)
def test_a_file_is_read_as_the_network_that_was_saved(name: str) -> None:
    (part,) = open_model(str(GOLDEN / name)).parts
    assert str(part.network) == SPECS[name]
    assert Network.parse(SPECS[name]) == part.network


@pytest.mark.parametrize("name", SPECS)
def test_a_file_computes_what_its_framework_computed(name: str, answers: dict[str, np.ndarray]) -> None:
    (part,) = open_model(str(GOLDEN / name)).parts
    found = Model(part.network, weights=keras_weights(part))(answers[f"{name}/x"])
    np.testing.assert_allclose(found, answers[f"{name}/y"], atol=TOLERANCE)


@pytest.mark.parametrize("name", SPECS)
def test_forward_runs_a_file_with_its_weights(
    name: str, answers: dict[str, np.ndarray], rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", answers[f"{name}/x"])
    result = rnncli("forward", GOLDEN / name, "--input", "x.npy", "-o", "y.npy", "-f", "json")
    assert result.status == 0, result.stderr
    np.testing.assert_allclose(np.load("y.npy"), answers[f"{name}/y"], atol=TOLERANCE)
    # The same by its spec, with the file for its weights.
    assert rnncli("forward", SPECS[name], "--weights", GOLDEN / name, "--input", "x.npy", "-o", "z.npy").status == 0
    np.testing.assert_array_equal(np.load("z.npy"), np.load("y.npy"))


def test_the_network_trained_to_remember_does_so_and_a_fresh_one_does_not(rnncli: Run) -> None:
    trained, fresh = (
        json.loads(rnncli("forward", given, "--plot", "-f", "json").stdout)["plot"]["reach"]
        for given in (GOLDEN / "recall.safetensors", "input:1,lstm:8,dense:1")
    )
    assert (trained["steps_to_tenth"], round(trained["last"], 2)) == (None, 0.15)  # as the README tells
    assert fresh["steps_to_hundredth"] == 22


def test_every_format_has_a_golden_file() -> None:
    with zipfile.ZipFile(GOLDEN / "keras" / "models.zip") as packed:
        files = [*SPECS, *packed.namelist(), *(path.name for path in (GOLDEN / "onnx").iterdir())]
        files += [path.name for path in (GOLDEN / "python").iterdir()]
    assert {FORMATS.get(Path(name).suffix) for name in files} >= {*FORMATS.values()}


@pytest.mark.parametrize("command", ["summary", "explain", "draw", "spec", "inspect"])
def test_each_command_that_takes_a_spec_takes_a_file(command: str, rnncli: Run) -> None:
    result = rnncli(command, GOLDEN / "lstm-2-bi.safetensors")
    assert (result.status, result.stderr) == (0, "")
    assert SPECS["lstm-2-bi.safetensors"] in result.stdout


def test_files_are_compared(rnncli: Run) -> None:
    result = rnncli("compare", GOLDEN / "lstm-1.safetensors", GOLDEN / "gru-1-bi.npz", "-f", "json")
    specs = [json.loads(line)["spec"] for line in result.stdout.splitlines()]
    assert specs == [SPECS["lstm-1.safetensors"], SPECS["gru-1-bi.npz"]]


def test_spec_prints_the_canonical_spec_alone(rnncli: Run) -> None:
    assert rnncli("spec", "Embedding:10kx32, SimpleRNN:32").stdout == "embed:10000x32,rnn:32\n"
    assert rnncli("spec", GOLDEN / "gru-3.npz").stdout == SPECS["gru-3.npz"] + "\n"


def test_inspect_says_what_was_assumed_and_json_holds_every_array(rnncli: Run) -> None:
    text = rnncli("inspect", GOLDEN / "lstm-2-bi.safetensors").stdout
    assert text.count("Assumed: ") == 3
    found = json.loads(rnncli("inspect", GOLDEN / "lstm-2-bi.safetensors", "-f", "json").stdout)
    (part,) = found["parts"]
    assert part["share"] == 1
    assert len(part["assumed"]) == 3
    names = [weight["name"] for layer in part["layers"] for weight in layer["weights"]]
    assert len(names) == 1 + 16 + 2
    assert "rnn.weight_hh_l1_reverse" in names


def tensors(**shapes: tuple[int, ...]) -> list[Tensor]:
    """Arrays of some names and shapes; `__` stands for a dot."""
    return [
        Tensor(name.replace("__", "."), shape, "float32", lambda shape=shape: np.zeros(shape, "float32"))
        for name, shape in shapes.items()
    ]


def specs_of(found: Any) -> list[str]:
    return [str(part.network) for part in found.parts]


CELL: dict[str, tuple[int, ...]] = {"lstm__weight_ih_l0": (16, 3), "lstm__weight_hh_l0": (16, 4)}
"""The arrays of `input:3,lstm:4:nobias`."""


@pytest.mark.parametrize(
    ("shapes", "specs"),
    [
        # an encoder and a decoder, each with its embedding, under names of somebody's own
        (
            {
                "enc_emb": (29, 8),
                "enc_w_ih": (12, 8),
                "enc_w_hh": (12, 4),
                "enc_b_ih": (12,),
                "enc_b_hh": (12,),
                "dec_emb": (74, 8),
                "dec_w_ih": (12, 8),
                "dec_w_hh": (12, 4),
                "dec_b_ih": (12,),
                "dec_b_hh": (12,),
                "fc_w": (74, 4),
                "fc_b": (74,),
            },
            ["embed:29x8,gru:4", "embed:74x8,gru:4,dense:74"],
        ),
        # cells
        (
            {"lstm_cell__weight_ih": (16, 3), "lstm_cell__weight_hh": (16, 4)},
            ["input:3,lstm:4:nobias"],
        ),
        # modules of their own, one on another
        (
            {
                "rnn1__weight_ih_l0": (4, 3),
                "rnn1__weight_hh_l0": (4, 4),
                "rnn2__weight_ih_l0": (5, 4),
                "rnn2__weight_hh_l0": (5, 5),
                "head__weight": (2, 5),
                "head__bias": (2,),
            },
            ["input:3,rnn:4:seq:nobias,rnn:5:nobias,dense:2"],
        ),
        # a convolution in front, and what follows does not fit
        (
            {
                "conv__weight": (6, 3, 5),
                "conv__bias": (6,),
                "rnn__weight_ih_l0": (24, 6),
                "rnn__weight_hh_l0": (24, 6),
                "rnn__bias_ih_l0": (24,),
                "rnn__bias_hh_l0": (24,),
                "other__weight": (3, 99),
                "other__bias": (3,),
            },
            ["input:6,lstm:6"],
        ),
        # normalised over a batch, which is not over the features
        (
            {
                **CELL,
                "norm__weight": (4,),
                "norm__bias": (4,),
                "norm__running_mean": (4,),
                "norm__running_var": (4,),
                "fc__weight": (2, 4),
                "fc__bias": (2,),
            },
            ["input:3,lstm:4:nobias,dense:2"],
        ),
        (
            {
                "dense.0__weight": (4, 4),
                "dense.1__weight": (7, 4),
                "rnn__weight_ih_l0": (4, 3),
                "rnn__weight_hh_l0": (4, 4),
            },
            ["input:3,rnn:4:nobias,dense:4:nobias,dense:7:nobias"],
        ),
        (
            {
                "heads.0__weight": (2, 4),
                "heads.1__weight": (7, 4),
                "rnn__weight_ih_l0": (4, 3),
                "rnn__weight_hh_l0": (4, 4),
            },
            ["input:3,rnn:4:nobias"],
        ),
        ({"fc__weight": (3, 4), "fc__bias": (3,)}, []),
        # two gates are no cell
        ({"rnn__weight_ih_l0": (8, 3), "rnn__weight_hh_l0": (8, 4)}, []),
    ],
)
def test_names_and_shapes_tell_the_parts(shapes: dict[str, tuple[int, ...]], specs: list[str]) -> None:
    assert specs_of(recognised(tensors(**shapes))) == specs


def test_layers_are_in_the_order_of_their_numbers_where_a_file_sorts_names_as_text() -> None:
    numbers = range(12)
    shapes = {f"layers__{number}__{name}": (4, 4) for number in numbers for name in ("weight_hh_l0", "weight_ih_l0")}
    in_order = sorted(shapes, key=lambda name: name.replace("__", "."))
    (part,) = recognised(tensors(**{name: shapes[name] for name in in_order})).parts
    assert [piece.name for piece in part.pieces] == [f"layers.{number}" for number in numbers]
    # An order that is no text's is the model's own.
    (part,) = recognised(tensors(**dict(reversed(shapes.items())))).parts
    assert [piece.name for piece in part.pieces] == [f"layers.{number}" for number in reversed(numbers)]


def test_no_layer_goes_on_from_one_with_a_higher_number() -> None:
    shapes = {
        "dense/kernel": (4, 3),
        "dense_1/kernel": (5, 4),
        "lstm/kernel": (3, 20),
        "lstm/recurrent_kernel": (5, 20),
    }
    assert specs_of(recognised(tensors(**shapes))) == ["input:3,lstm:5:nobias,dense:4:nobias"]


def test_layers_between_those_of_a_stack_belong_to_its_part() -> None:
    stack: dict[str, tuple[int, ...]] = {}
    for number, reads in ((1, 3), (2, 4)):
        stack |= {f"rnn{number}__weight_ih_l0": (16, reads), f"rnn{number}__weight_hh_l0": (16, 4)}
        stack |= {f"norm{number}__weight": (4,), f"norm{number}__bias": (4,)}
    specs = ["input:3,lstm:4:seq:nobias,norm:eps=1e-5,lstm:4:nobias,norm:eps=1e-5"]
    assert specs_of(recognised(tensors(**stack))) == specs


@pytest.mark.parametrize(
    ("front", "spec"),
    [
        ({"linear0__weight": (3, 9)}, "input:9,dense:3:nobias,lstm:4:nobias"),
        (
            {"norm__weight": (9,), "linear0__weight": (3, 9)},
            "input:9,norm:nobias:eps=1e-5,dense:3:nobias,lstm:4:nobias",
        ),
        ({"emb__weight": (7, 9), "linear0__weight": (3, 9)}, "embed:7x9,dense:3:nobias,lstm:4:nobias"),
        # an embedding fits without it
        ({"emb__weight": (7, 3), "linear0__weight": (3, 9)}, "embed:7x3,lstm:4:nobias"),
        # it may as well go on from the last recurrent layer
        ({"linear0__weight": (3, 4)}, "input:3,lstm:4:nobias,dense:3:nobias"),
        # two fit
        ({"one__weight": (3, 9), "other__weight": (3, 9)}, "input:3,lstm:4:nobias"),
        # something else stands between them
        ({"linear0__weight": (3, 9), "conv__weight": (3, 3, 1)}, "input:3,lstm:4:nobias"),
        # it is a part of another module
        ({"attention__query__weight": (3, 9)}, "input:3,lstm:4:nobias"),
        ({"linear0__weight": (8, 9)}, "input:3,lstm:4:nobias"),
    ],
)
def test_layers_right_in_front_of_a_recurrent_one_belong_to_its_part_where_they_alone_fit(
    front: dict[str, tuple[int, ...]], spec: str
) -> None:
    (part,) = recognised(tensors(**front, **CELL)).parts
    assert str(part.network) == spec
    said = any("in front of lstm" in text for text in part.assumed)
    assert said == (part.pieces[0].name in ("norm", "linear0") or len(part.pieces) == 3)


@pytest.mark.parametrize("changed", [{"rnn__bias_hh_l0_reverse": None}, {"rnn__weight_ih_l0_reverse": (12, 5)}])
def test_two_directions_that_differ_are_no_layer(changed: dict[str, tuple[int, ...] | None]) -> None:
    one = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    both = {f"rnn__{name}{way}": shape for way in ("", "_reverse") for name, shape in one.items()} | changed
    found = recognised(tensors(**{name: shape for name, shape in both.items() if shape}))
    assert not found.parts
    assert len(found.notes) == 1


def test_kerass_names_are_known_as_rnncli_and_keras_write_them(rnncli: Run, tmp_path: Path) -> None:
    spec = "embed:9x4,lstm:3:seq:bi,gru:3:seq,gru:2:reset=before,dense:2"
    Model(spec).save_weights(tmp_path / "w.npz")
    (part,) = open_model(str(tmp_path / "w.npz")).parts
    assert str(part.network) == spec
    renamed = {
        "lstm/lstm_cell/kernel:0": (3, 16),
        "lstm/lstm_cell/recurrent_kernel:0": (4, 16),
        "lstm/lstm_cell/bias:0": (16,),
    }
    assert specs_of(recognised(tensors(**renamed))) == ["input:3,lstm:4"]


def test_what_is_in_no_part_is_told_in_groups(rnncli: Run) -> None:
    text = rnncli("inspect", GOLDEN / "odd.npz").stdout
    assert " cnn  3 arrays, 36 parameters: 3 × (2, 2, 3)\n" in text
    assert "Note: other has proj_size" in text
    assert rnncli("inspect", GOLDEN / "odd.npz").stdout.count("\n") < 24


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_an_inspection_keeps_within_the_terminal(columns: int, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.render.console.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    monkeypatch.chdir(GOLDEN)
    for name in (*SPECS, "odd.npz"):
        text = without_styles(rnncli("inspect", name).stdout)
        assert max(map(len, text.splitlines())) <= columns


def test_a_cell_that_cannot_be_expressed_is_named_with_its_reason() -> None:
    found = recognised(
        tensors(rnn__weight_ih_l0=(16, 3), rnn__weight_hh_l0=(16, 2), rnn__weight_hr_l0=(2, 4), rnn__bias_ih_l0=(16,))
    )
    assert not found.parts
    assert "proj_size" in found.notes[0]


@pytest.fixture
def two_parts(tmp_path: Path) -> Path:
    path = tmp_path / "two.npz"
    np.savez(
        path,
        **{
            "encoder.rnn.weight_ih_l0": np.zeros((4, 3)),
            "encoder.rnn.weight_hh_l0": np.zeros((4, 4)),
            "decoder.rnn.weight_ih_l0": np.zeros((6, 7)),
            "decoder.rnn.weight_hh_l0": np.zeros((6, 6)),
        },
    )
    return path


def test_one_of_several_parts_is_chosen_by_number_or_name(two_parts: Path, rnncli: Run) -> None:
    result = rnncli("spec", two_parts)
    assert (result.status, result.stdout) == (2, "")
    assert f"{two_parts}::1 or {two_parts}::2" in result.stderr
    assert rnncli("spec", f"{two_parts}::2").stdout == "input:7,rnn:6:nobias\n"
    assert rnncli("spec", f"{two_parts}::encoder.rnn").stdout == "input:3,rnn:4:nobias\n"
    assert rnncli("spec", f"{two_parts}::encoder").stdout == "input:3,rnn:4:nobias\n"
    for wrong in ("3", "0", "lstm"):
        result = rnncli("spec", f"{two_parts}::{wrong}")
        assert (result.status, result.stdout) == (2, "")
        assert "encoder.rnn and decoder.rnn" in result.stderr


def test_a_part_of_a_larger_file_comes_with_a_note(two_parts: Path, rnncli: Run) -> None:
    result = rnncli("summary", "-q", f"{two_parts}::1")
    assert result.stdout == "28\n"
    assert result.stderr == f"Note: encoder.rnn is 26% of the numbers in {two_parts}; left out: decoder.rnn\n"


def safetensors(header: bytes, numbers: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + numbers


LIES = {
    "nothing.safetensors": (b"", "it is empty"),
    "long.safetensors": (struct.pack("<Q", 2**60), "first 8 bytes"),
    "no-json.safetensors": (safetensors(b"{nonsense}"), "no JSON"),
    "deep.safetensors": (safetensors(b"[" * 100_000), "no JSON"),
    "list.safetensors": (safetensors(b"[]"), "no JSON object"),
    "beyond.safetensors": (
        safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', b"1234"),
        "array a",
    ),
    "count.safetensors": (
        safetensors(b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,8]}}', b"12345678"),
        "36 bytes",
    ),
    "negative.safetensors": (
        safetensors(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}', b"12345678"),
        "array a",
    ),
    "dtype.safetensors": (
        safetensors(b'{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}', b"12345678"),
        "type Q4",
    ),
    "huge.safetensors": (
        safetensors(b'{"a":{"dtype":"F64","shape":[1000000000000,1000000000000],"data_offsets":[0,8]}}', b"12345678"),
        "array a",
    ),
    "text.npz": (b"hello", "expected is a zip archive"),
    "text.pt": (b"hello", "no file of torch.save"),
    "zip.pt": (None, "none that torch.save wrote"),
    "script.pt": (None, "TorchScript"),
    "gone.npz": (None, "No such file"),
    "model.tflite": (b"", "TFLite"),
    "model.gguf": (b"", "GGUF"),
    "saved_model.pb": (b"", "TensorFlow"),
    "model.jit": (b"", "TorchScript"),
    "model.pkl": (b"", "could run any code"),
    "model.pickle": (b"", "could run any code"),
    "model.mar": (b"", "TorchServe"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_lies_is_one_clear_line(name: str, rnncli: Run, tmp_path: Path) -> None:
    data, said = LIES[name]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    elif not name.startswith("gone"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl" if name == "script.pt" else "a.txt", b"")
            archive.writestr("a/constants.pkl" if name == "script.pt" else "b.txt", b"")
    result = rnncli("inspect", path)
    assert (result.status, result.stdout) == (1, "")
    error, *rest = result.stderr.splitlines()
    assert error.startswith(f"Error: {path}")
    assert said in error
    assert all(line.startswith("Help: ") for line in rest)
    if path.suffix in REFUSED:
        assert rest[0].startswith("Help: save the ")


@pytest.mark.parametrize(
    "call",
    [
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\n__import__\n(S'os'\ntR.",
        b"ctorch.hub\nload\n(S'x'\ntR.",
        b"ctorch\nload\n(S'x'\ntR.",
        b"ccollections\nOrderedDict\n}S'__class__'\nS'x'\nsb.",
        b"c__main__\nModel\n)\x81.",
    ],
)
def test_a_pickle_that_names_code_is_refused_and_nothing_is_run(
    call: bytes, rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("bad.pt", "w") as archive:
        archive.writestr("bad/data.pkl", call)
    result = rnncli("inspect", "bad.pt")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: bad.pt: it")
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["lstm-1.safetensors", "lstm-1.npz", "plain.pt", "before-1.6.pth"])
def test_a_damaged_file_is_read_right_or_refused(name: str, tmp_path: Path) -> None:
    good = (GOLDEN / name).read_bytes()
    random = Random(name)
    path = tmp_path / name
    for _ in range(150):
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
        path.write_bytes(data)
        try:
            model = open_model(str(path))
            for part in model.parts:
                Model(part.network, weights=keras_weights(part))
        except RnncliError as error:
            message = str(error)
        else:
            message = ""
        assert len(message) < 1000


def test_a_sparse_file_of_gigabytes_is_inspected_from_its_header(rnncli: Run, tmp_path: Path) -> None:
    size = 4 << 30
    shapes = {"rnn.weight_ih_l0": [4, 3], "rnn.weight_hh_l0": [4, 4], "big": [size // 4]}
    header, at = {}, 0
    for name, shape in shapes.items():
        length = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + length]}
        at += length
    path = tmp_path / "big.safetensors"
    path.write_bytes(safetensors(json.dumps(header).encode()))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + at)
    assert rnncli("spec", path).stdout == "input:3,rnn:4:nobias\n"


def test_a_run_reads_no_more_than_its_part_and_holds_it_once(tmp_path: Path) -> None:
    shapes = {"embedding.weight": (200_000, 16), "rnn.weight_ih_l0": (4, 16), "rnn.weight_hh_l0": (4, 4)}
    shapes |= {"rnn.bias_ih_l0": (4,), "rnn.bias_hh_l0": (4,), "big": (1 << 30,)}
    data = hostile_models.safetensors({name: shape for name, shape in shapes.items() if name != "big"})
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    end = len(data) - 8 - length
    header["big"] = {"dtype": "F32", "shape": [1 << 30], "data_offsets": [end, end + (4 << 30)]}
    path = tmp_path / "big.safetensors"
    path.write_bytes(safetensors(json.dumps(header).encode()))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + end + (4 << 30))
    (part,) = open_model(str(path)).parts
    tracemalloc.start()
    model = Model.from_part(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < sum(array.nbytes for array in model.weights.values()) + (1 << 20)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_an_npz_are_what_numpy_reads_there(save: Callable[..., None], tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(-100, 100, (300, 7, 40))
    arrays = {
        f"{dtype}{order}": np.asarray(numbers.astype(dtype), order=order)
        for dtype in ("<f4", ">f8", "f2", ">i2", "?", "u1", ">c16", "longdouble")
        for order in ("C", "F")
    }
    arrays |= {"scalar": np.float32(3), "empty": np.zeros((0, 3)), "turned": numbers.T}
    save(tmp_path / "m.npz", **arrays)
    for tensor in open_model(str(tmp_path / "m.npz")).others:
        found, expected = tensor.read(), arrays[tensor.name]
        np.testing.assert_array_equal(found, expected)
        assert (found.dtype.name, found.dtype.isnative) == (expected.dtype.name, True) == (tensor.dtype, True)


def test_bfloat16_is_read(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.0], [0.0, 384.0]], "<f4")
    upper = (values.view("<u4") >> 16).astype("<u2").tobytes()
    header = b'{"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}'
    path = tmp_path / "b.safetensors"
    path.write_bytes(safetensors(header, upper))
    (tensor,) = open_model(str(path)).others
    np.testing.assert_array_equal(tensor.read(), values)


LSTM_OF_TWO = {"kernel": (2, 8), "recurrent_kernel": (2, 8), "bias": (8,)}


def arrays_of(**shapes: tuple[int, ...]) -> list[Tensor]:
    return [Tensor(name.replace("__", "/"), shape, "float32", lambda: np.zeros(0)) for name, shape in shapes.items()]


def test_arrays_go_to_the_layers_of_a_known_network_by_kind_shape_and_number() -> None:
    cells = {f"lstm{end}__{role}": shape for end in ("_10", "_9", "") for role, shape in LSTM_OF_TWO.items()}
    tensors = arrays_of(dense__kernel=(3, 2), layer_normalization__gamma=(2,), **cells)
    part = fitted(tensors, Network.parse("input:3,dense:2:nobias,norm:noscale,lstm:2:seq:relu:x2,dropout:0.5,lstm:2"))
    assert part is not None
    assert [piece.name for piece in part.pieces] == ["dense", "layer_normalization", "lstm", "lstm_9", "", "lstm_10"]
    assert {*part.pieces[1].tensors} == {"beta"}
    assert part.pieces[2].layer == Network.parse("input:2,lstm:2:seq:relu").layers[1]


@pytest.mark.parametrize("spec", ["input:2,lstm:2", "input:2,lstm:2:seq:x3,lstm:2", "input:2,lstm:3:seq,lstm:2"])
def test_arrays_that_are_more_or_less_than_a_network_needs_do_not_fit(spec: str) -> None:
    cells = {f"lstm{end}__{role}": shape for end in ("", "_1") for role, shape in LSTM_OF_TWO.items()}
    assert fitted(arrays_of(**cells), Network.parse(spec)) is None


def test_weights_that_fit_no_part_or_several_are_refused(two_parts: Path, rnncli: Run) -> None:
    result = rnncli("forward", "input:3,lstm:4", "--weights", two_parts)
    assert (result.status, result.stdout) == (1, "")
    assert "lstm:4" in result.stderr


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool"])
def test_quantised_weights_have_sizes_and_are_not_run(dtype: str, tmp_path: Path, rnncli: Run) -> None:
    shapes = {"rnn.weight_ih_l0": (4, 2), "rnn.weight_hh_l0": (4, 4)}
    np.savez(tmp_path / "q.npz", **{name: np.ones(shape, dtype) for name, shape in shapes.items()})
    assert rnncli("summary", "-q", tmp_path / "q.npz").stdout == "24\n"
    for command in (
        ["forward", tmp_path / "q.npz"],
        ["forward", "input:2,rnn:4:nobias", "--weights", tmp_path / "q.npz"],
    ):
        result = rnncli(*command)
        assert (result.status, result.stdout) == (1, "")
        assert f"of {dtype}, as quantised weights are" in result.stderr


def test_part_of_says_where_nothing_is_recurrent(tmp_path: Path) -> None:
    np.savez(tmp_path / "fc.npz", **{"fc.weight": np.zeros((3, 4))})
    with pytest.raises(RnncliError, match="nothing recurrent"):
        part_of(open_model(str(tmp_path / "fc.npz")), "")


def test_the_name_of_a_file_may_be_in_any_case(tmp_path: Path, rnncli: Run) -> None:
    shutil.copy(GOLDEN / "lstm-1.npz", tmp_path / "MODEL.NPZ")
    assert rnncli("spec", tmp_path / "MODEL.NPZ").stdout == SPECS["lstm-1.npz"] + "\n"


@pytest.mark.parametrize("command", ["summary net.py --framework torch", "export net.py --to torch"])
def test_what_a_framework_cannot_express_of_a_file_is_said_of_the_network_in_it(
    rnncli: Run, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    layers = "keras.Input((None, 8)), keras.layers.GRU(4, reset_after=False)"
    Path("net.py").write_text(f"import keras\nmodel = keras.Sequential([{layers}])\n")
    result = rnncli(*command.split())
    assert (result.status, result.stdout) == (2, "")
    message, spec, _, advice = result.stderr.splitlines()[-4:]
    assert "PyTorch's GRU" in message
    assert spec == "  input:8,gru:4:reset=before"
    assert advice == "Help: what PyTorch can express: input:8,gru:4"


def test_the_name_of_a_file_may_hold_what_separates_it_from_a_part(tmp_path: Path, rnncli: Run) -> None:
    path = tmp_path / "run::2.npz"
    shutil.copy(GOLDEN / "gru-3.npz", path)
    for given in (path, f"{path}::1", f" {path} "):
        result = rnncli("spec", given)
        assert (result.stdout, result.stderr) == (SPECS["gru-3.npz"] + "\n", "")
    assert rnncli("inspect", path).status == 0


def test_inspect_knows_which_parts_there_are(two_parts: Path, rnncli: Run) -> None:
    assert rnncli("inspect", f"{two_parts}::2").stdout == rnncli("inspect", two_parts).stdout
    result = rnncli("inspect", f"{two_parts}::7")
    assert (result.status, result.stdout) == (2, "")
    assert "has no part 7" in result.stderr


@pytest.mark.parametrize("extension", sorted({*FORMATS} - {".py"}))
def test_an_empty_file_is_said_to_be_empty(extension: str, tmp_path: Path, rnncli: Run) -> None:
    path = tmp_path / f"model{extension}"
    path.write_bytes(b"")
    result = rnncli("summary", path)
    assert (result.status, result.stderr.splitlines()[0]) == (1, f"Error: {path}: it is empty")


@pytest.mark.parametrize("extension", ["npz", "pt", "safetensors", "onnx", "keras", "h5"])
def test_a_device_is_no_model_file(extension: str, tmp_path: Path, rnncli: Run) -> None:
    path = tmp_path / f"model.{extension}"
    path.symlink_to("/dev/zero")
    result = rnncli("summary", path)
    assert result.status == 1
    assert "device" in result.stderr.splitlines()[0]


@pytest.mark.parametrize("command", [("sweep",), ("solve", "--params", "1k")])
def test_commands_that_take_patterns_say_where_a_files_spec_is(
    command: tuple[str, ...], rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN)
    path = "gru-3.npz"
    result = rnncli(*command, path)
    assert (result.status, result.stdout) == (2, "")
    *_, error, advice = result.stderr.splitlines()
    assert error == f"Error: '{path}' is a model file, which {command[0]} does not take"
    assert advice == f"Help: begin with its spec: rnncli spec {path}"


@pytest.mark.parametrize("given", [("nan.npz",), ("input:3,rnn:4:nobias", "--weights", "nan.npz")])
def test_weights_that_are_no_numbers_are_the_files_fault(
    given: tuple[str, ...], tmp_path: Path, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("nan.npz", rnn__w_ih=np.full((4, 3), np.nan, "f4"), rnn__w_hh=np.zeros((4, 4), "f4"))
    result = rnncli("forward", *given)
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: nan.npz: simple_rnn/kernel[0, 0] is nan, expected a finite number")


def test_how_keras_merges_two_directions_is_assumed() -> None:
    weights = {"kernel": (3, 16), "recurrent_kernel": (4, 16)}
    arrays = {f"both/{way}/{name}": shape for way in ("forward", "backward") for name, shape in weights.items()}
    (part,) = recognised(tensors(**arrays)).parts
    assert str(part.network) == "input:3,lstm:4:bi:nobias"
    assert any(text.startswith("both has bi (merge_mode='concat'): the file does not say") for text in part.assumed)


def test_a_row_of_many_layers_in_front_is_gone_through_once() -> None:
    with patience():
        (part,) = recognised(tensors(**{f"d{number}__weight": (3, 3) for number in range(30_000)}, **CELL)).parts
    assert len(part.pieces) == MAX_LAYERS - 1


def test_a_bin_file_is_one_of_pytorch_or_said_to_be_none(rnncli: Run, tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes((GOLDEN / "plain.pt").read_bytes())
    assert rnncli("spec", tmp_path / "pytorch_model.bin").stdout == rnncli("spec", GOLDEN / "plain.pt").stdout
    (tmp_path / "firmware.bin").write_bytes(b"\0firmware and more")
    result = rnncli("inspect", tmp_path / "firmware.bin")
    assert result.status == 1
    assert r"firmware.bin: it is no file of torch.save: it begins with b'\x00firmwar'" in result.stderr
    assert "torch.save(model.state_dict(), FILE)" in result.stderr
