"""Model files where a spec may stand: what is read of each format, and that it computes what its framework does."""

from __future__ import annotations

import json
import os
import re
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import Result, Walk, patience, without_styles
from hostile_models import safetensors, safetensors_header, said_of_each
from part_weights import keras_weights

from rnncli import Network, RnncliError
from rnncli.engine import Model
from rnncli.formats import FORMATS, open_model
from rnncli.language.spec import MAX_LAYERS

Run = Callable[..., Result]
Screen = Callable[[str, str], None]

GOLDEN = Path(__file__).parent / "golden" / "models"
TOLERANCE = 1e-5


@cache
def specs() -> dict[str, str]:
    return json.loads((GOLDEN / "models.json").read_text())


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_is_read_as_the_network_that_was_saved_and_computes_what_its_framework_did(
    rnncli: Run, at: Walk
) -> None:
    answers = np.load(GOLDEN / "models.npz")
    for name, spec in specs().items():
        with at(name):
            (part,) = open_model(str(GOLDEN / name)).parts
            assert str(part.network) == spec
            assert Network.parse(spec) == part.network
            x, y = answers[f"{name}/x"], answers[f"{name}/y"]
            found = Model(part.network, weights=keras_weights(part))(x)
            np.testing.assert_allclose(found, y, atol=TOLERANCE)
            np.save("x.npy", x)
            result = rnncli("forward", GOLDEN / name, "--input", "x.npy", "-o", "y.npy", "-f", "json")
            assert result.status == 0, result.stderr
            np.testing.assert_allclose(np.load("y.npy"), y, atol=TOLERANCE)
            # The same by its spec, with the file for its weights.
            rnncli("forward", spec, "--weights", GOLDEN / name, "--input", "x.npy", "-o", "z.npy")
            np.testing.assert_array_equal(np.load("z.npy"), np.load("y.npy"))


def test_every_format_has_a_golden_file() -> None:
    with zipfile.ZipFile(GOLDEN / "keras" / "models.zip") as packed:
        files = [*specs(), *packed.namelist(), *(path.name for path in GOLDEN.glob("*/*"))]
    assert {FORMATS.get(Path(name).suffix) for name in files} >= {*FORMATS.values()}


def test_the_network_trained_to_remember_does_so_and_a_fresh_one_does_not(rnncli: Run) -> None:
    trained, fresh = (
        json.loads(rnncli("forward", given, "--plot", "-f", "json").stdout)["plot"]["reach"]
        for given in (GOLDEN / "recall.safetensors", "input:1,lstm:8,dense:1")
    )
    assert (trained["steps_to_tenth"], round(trained["last"], 2)) == (None, 0.15)  # as the README tells
    assert fresh["steps_to_hundredth"] == 22


def test_each_command_that_takes_a_spec_takes_a_file(rnncli: Run, at: Walk) -> None:
    source = "embed:1000x8:mask,lstm:16:seq:bi=sum,gru:16:seq:x2,rnn:5:nobias,dropout:0.5,dense:4:softmax"
    for name, spec in (("lstm-2-bi.safetensors", specs()["lstm-2-bi.safetensors"]), ("python/keras_add.py", source)):
        for command in ("summary", "explain", "draw", "spec", "inspect"):
            with at(command, name):
                result = rnncli(command, GOLDEN / name)
                assert (result.status, result.stderr) == (0, "")
                assert spec in result.stdout
    names = ["lstm-1.safetensors", "gru-1-bi.npz"]
    result = rnncli("compare", *(GOLDEN / name for name in names), "-f", "json")
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == [specs()[name] for name in names]
    assert rnncli("spec", "Embedding:10kx32, SimpleRNN:32").stdout == "embed:10000x32,rnn:32\n"


def test_an_inspection_tells_what_was_assumed_and_groups_what_is_in_no_part(
    rnncli: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    monkeypatch.chdir(GOLDEN)
    names = ("lstm-2-bi.safetensors", "odd.npz", "python/torch_modules.py")
    screen("inspect", "\n".join(f"$ rnncli inspect {name}\n{rnncli('inspect', name).stdout}" for name in names))
    (part,) = json.loads(rnncli("inspect", names[0], "-f", "json").stdout)["parts"]
    assert (part["share"], len(part["assumed"])) == (1, 3)
    arrays = [weight["name"] for layer in part["layers"] for weight in layer["weights"]]
    assert len(arrays) == 1 + 16 + 2
    assert "rnn.weight_hh_l1_reverse" in arrays
    monkeypatch.setattr("rnncli.render.console.on_terminal", lambda: True)
    monkeypatch.setenv("LINES", "24")
    for name in names:
        for columns in (40, 60, 80, 100, 200):
            with at(name, columns):
                monkeypatch.setenv("COLUMNS", str(columns))
                text = without_styles(rnncli("inspect", name).stdout)
                assert max(map(len, text.splitlines())) <= columns


# What names and shapes tell

CELL = "lstm.ih 16x3; lstm.hh 16x4"
"""The arrays of `input:3,lstm:4:nobias`; ih and hh are short for what PyTorch calls the weights of a layer."""
ENCODER = "enc_emb 29x8; enc_w_ih 12x8; enc_w_hh 12x4; enc_b_ih 12; enc_b_hh 12"
BOTH = "rnn.ih 12x3; rnn.hh 12x4; rnn.bias_ih_l0 12; rnn.bias_hh_l0 12; rnn.ih_reverse 12x3; rnn.hh_reverse 12x4"
TABLES = {
    "encoder and decoder": f"{ENCODER}; {ENCODER.replace('enc', 'dec').replace('29', '74')}; fc_w 74x4; fc_b 74",
    "a cell": "lstm_cell.weight_ih 16x3; lstm_cell.weight_hh 16x4",
    "modules on one another": "rnn1.ih 4x3; rnn1.hh 4x4; rnn2.ih 5x4; rnn2.hh 5x5; head.weight 2x5; head.bias 2",
    "a convolution in front, and what follows does not fit": (
        "conv.weight 6x3x5; conv.bias 6; rnn.ih 24x6; rnn.hh 24x6; "
        "rnn.bias_ih_l0 24; rnn.bias_hh_l0 24; other.weight 3x99; other.bias 3"
    ),
    "normalised over a batch, which is not over the features": (
        f"{CELL}; norm.weight 4; norm.bias 4; norm.running_mean 4; norm.running_var 4; fc.weight 2x4; fc.bias 2"
    ),
    "two that go on from one another": "dense.0.weight 4x4; dense.1.weight 7x4; rnn.ih 4x3; rnn.hh 4x4",
    "two heads": "heads.0.weight 2x4; heads.1.weight 7x4; rnn.ih 4x3; rnn.hh 4x4",
    "nothing recurrent": "fc.weight 3x4; fc.bias 3",
    "two gates, which are no cell": "rnn.ih 8x3; rnn.hh 8x4",
    "a projection": "rnn.ih 16x3; rnn.hh 16x2; rnn.weight_hr_l0 2x4; rnn.bias_ih_l0 16",
    "one bias of two directions": f"{BOTH}; rnn.bias_ih_l0_reverse 12",
    "two directions that read others": "rnn.ih 12x3; rnn.hh 12x4; rnn.ih_reverse 12x5; rnn.hh_reverse 12x4",
    "a higher number first": "dense/kernel 4x3; dense_1/kernel 5x4; lstm/kernel 3x20; lstm/recurrent_kernel 5x20",
    "layers between those of a stack": (
        "rnn1.ih 16x3; rnn1.hh 16x4; norm1.weight 4; norm1.bias 4; "
        "rnn2.ih 16x4; rnn2.hh 16x4; norm2.weight 4; norm2.bias 4"
    ),
    "numbers sorted as text": "; ".join(sorted(f"layers.{n}.{role} 4x4" for n in range(12) for role in ("hh", "ih"))),
    "numbers in another order": "; ".join(f"layers.{n}.ih 4x4; layers.{n}.hh 4x4" for n in reversed(range(12))),
    "Keras's names": "lstm/lstm_cell/kernel:0 3x16; lstm/lstm_cell/recurrent_kernel:0 4x16; lstm/lstm_cell/bias:0 16",
    "two directions of Keras": "; ".join(
        f"both/{way}/kernel 3x16; both/{way}/recurrent_kernel 4x16" for way in ("forward", "backward")
    ),
    "a layer in front": f"linear0.weight 3x9; {CELL}",
    "two layers in front": f"norm.weight 9; linear0.weight 3x9; {CELL}",
    "an embedding and a layer in front": f"emb.weight 7x9; linear0.weight 3x9; {CELL}",
    "an embedding that fits without the layer": f"emb.weight 7x3; linear0.weight 3x9; {CELL}",
    "a layer that may as well go on from the last": f"linear0.weight 3x4; {CELL}",
    "two that fit in front": f"one.weight 3x9; other.weight 3x9; {CELL}",
    "something else between": f"linear0.weight 3x9; conv.weight 3x3x1; {CELL}",
    "a layer of another module": f"attention.query.weight 3x9; {CELL}",
    "a layer that does not fit": f"linear0.weight 8x9; {CELL}",
}


def arrays(text: str) -> dict[str, tuple[int, ...]]:
    pairs = (re.sub(r"\.(ih|hh)", r".weight_\1_l0", each).split() for each in text.split("; "))
    return {name: tuple(map(int, shape.split("x"))) for name, shape in pairs}


def test_names_and_shapes_tell_the_parts(screen: Screen) -> None:
    files = {what: safetensors(arrays(text)) for what, text in TABLES.items()}
    screen("array-names", said_of_each(files, "m.safetensors"))
    spec = "embed:9x4,lstm:3:seq:bi,gru:3:seq,gru:2:reset=before,dense:2"
    Model(spec).save_weights("w.npz")
    assert [str(part.network) for part in open_model("w.npz").parts] == [spec]


@pytest.mark.parametrize(("count", "most"), [(40, 20), pytest.param(30_000, MAX_LAYERS, marks=pytest.mark.thorough)])
def test_a_row_of_many_layers_in_front_is_gone_through_once(
    count: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncli.formats.recognition.MAX_LAYERS", most)
    row = {f"d{number}.weight": (3, 3) for number in range(count)}
    Path("m.safetensors").write_bytes(safetensors(row | arrays(CELL)))
    with patience():
        (part,) = open_model("m.safetensors").parts
    assert len(part.pieces) == most - 1


def saved(name: str, text: str) -> None:
    """Write an .npz in which every array is full of its place in a list."""
    np.savez(name, **{key: np.full(shape, place, "f4") for place, (key, shape) in enumerate(arrays(text).items())})


def test_arrays_go_to_the_layers_of_a_known_network_by_kind_shape_and_number(rnncli: Run, at: Walk) -> None:
    cell = "cell{0}/kernel 2x8; cell{0}/recurrent_kernel 2x8; cell{0}/bias 8"
    saved("w.npz", "; ".join(["d/kernel 3x2; layer_normalization/gamma 2", *map(cell.format, ("_10", "_9", ""))]))
    spec = "input:3,dense:2:nobias,norm:noscale,lstm:2:seq:relu:x2,dropout:0.5,lstm:2"
    weights = Model.from_file(spec, "w.npz").weights
    places = {"dense/kernel": 0, "layer_normalization/beta": 1}
    places |= {"lstm/kernel": 8, "lstm/recurrent_kernel": 9, "lstm/bias": 10}
    places |= {"lstm_1/kernel": 5, "lstm_1/recurrent_kernel": 6, "lstm_1/bias": 7}
    places |= {"lstm_2/kernel": 2, "lstm_2/recurrent_kernel": 3, "lstm_2/bias": 4}
    assert {name: int(array.flat[0]) for name, array in weights.items()} == places
    Path("m.safetensors").write_bytes(safetensors(arrays("; ".join(map(cell.format, ("", "_1"))))))
    for spec in ("input:2,lstm:2", "input:2,lstm:2:seq:x3,lstm:2", "input:2,lstm:3:seq,lstm:2"):
        with at(spec):
            result = rnncli("forward", spec, "--weights", "m.safetensors")
            said = f"Error: m.safetensors holds input:2,lstm:2:seq,lstm:2, which does not fit {spec}\n"
            assert result == (1, "", said)


def test_one_of_several_parts_is_chosen_by_number_or_name(rnncli: Run, at: Walk) -> None:
    saved("two.npz", "encoder.rnn.ih 4x3; encoder.rnn.hh 4x4; decoder.rnn.ih 6x7; decoder.rnn.hh 6x6")
    note = "Note: {} is {} of the numbers in two.npz; left out: {}\n"
    first, second = note.format("encoder.rnn", "26%", "decoder.rnn"), note.format("decoder.rnn", "74%", "encoder.rnn")
    for line, expected in {
        "spec two.npz::2": (0, "input:7,rnn:6:nobias\n", second),
        "spec two.npz::encoder.rnn": (0, "input:3,rnn:4:nobias\n", first),
        "spec two.npz::encoder": (0, "input:3,rnn:4:nobias\n", first),
        "summary -q two.npz::1": (0, "28\n", first),
        "inspect two.npz::2": rnncli("inspect", "two.npz"),
    }.items():
        with at(line):
            assert rnncli(*line.split()) == expected
    for line, said in {
        "spec two.npz": "two.npz has 2 recurrent parts, and a command takes one",
        "spec two.npz::3": "two.npz has no part 3; it has encoder.rnn and decoder.rnn",
        "spec two.npz::0": "two.npz has no part 0; it has encoder.rnn and decoder.rnn",
        "spec two.npz::lstm": "two.npz has no part lstm; it has encoder.rnn and decoder.rnn",
        "inspect two.npz::7": "two.npz has no part 7; it has encoder.rnn and decoder.rnn",
    }.items():
        with at(line):
            result = rnncli(*line.split())
            assert (result.status, result.stdout) == (2, "")
            assert result.stderr.endswith(f"Error: {said}\nHelp: say which: two.npz::1 or two.npz::2\n")
    result = rnncli("forward", "input:3,lstm:4", "--weights", "two.npz")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: two.npz has no part with the shapes of input:3,lstm:4: ")
    saved("fc.npz", "fc.weight 3x4")
    said = "Error: fc.npz holds nothing recurrent\nHelp: rnncli inspect fc.npz says what it holds\n"
    assert rnncli("summary", "fc.npz") == (1, "", said)


def test_a_name_may_be_in_any_case_and_hold_what_separates_it_from_a_part(rnncli: Run, at: Walk) -> None:
    shutil.copy(GOLDEN / "gru-3.npz", "MODEL.NPZ")
    shutil.copy(GOLDEN / "gru-3.npz", "run::2.npz")
    shutil.copy(GOLDEN / "plain.pt", "pytorch_model.bin")
    for given in ("MODEL.NPZ", "run::2.npz", "run::2.npz::1", " run::2.npz "):
        with at(given):
            assert rnncli("spec", given) == (0, specs()["gru-3.npz"] + "\n", "")
    assert rnncli("inspect", "run::2.npz").status == 0
    assert rnncli("spec", "pytorch_model.bin").stdout == specs()["plain.pt"] + "\n"


def test_what_a_framework_cannot_express_of_a_file_is_said_of_the_network_in_it(rnncli: Run, at: Walk) -> None:
    layers = "keras.Input((None, 8)), keras.layers.GRU(4, reset_after=False)"
    Path("net.py").write_text(f"import keras\nmodel = keras.Sequential([{layers}])\n")
    for command in ("summary net.py --framework torch", "export net.py --to torch"):
        with at(command):
            result = rnncli(*command.split())
            assert (result.status, result.stdout) == (2, "")
            message, spec, _, advice = result.stderr.splitlines()[-4:]
            assert "PyTorch's GRU" in message
            assert spec == "  input:8,gru:4:reset=before"
            assert advice == "Help: what PyTorch can express: input:8,gru:4"


def test_commands_that_take_patterns_say_where_a_files_spec_is(rnncli: Run, at: Walk) -> None:
    shutil.copy(GOLDEN / "gru-3.npz", "m.npz")
    for command in (("sweep",), ("solve", "--params", "1k")):
        with at(*command):
            result = rnncli(*command, "m.npz")
            assert (result.status, result.stdout) == (2, "")
            *_, error, advice = result.stderr.splitlines()
            assert error == f"Error: 'm.npz' is a model file, which {command[0]} does not take"
            assert advice == "Help: begin with its spec: rnncli spec m.npz"


# The numbers


def test_weights_that_cannot_be_run_are_the_files_fault(rnncli: Run, at: Walk) -> None:
    shapes = arrays("rnn.ih 4x2; rnn.hh 4x4")
    for dtype in ("int8", "uint8", "int64", "bool", "nan"):
        number = np.nan if dtype == "nan" else np.ones((), dtype)
        np.savez("m.npz", **{name: np.full(shape, number) for name, shape in shapes.items()})
        assert rnncli("summary", "-q", "m.npz").stdout == "24\n"
        for given in (["m.npz"], ["input:2,rnn:4:nobias", "--weights", "m.npz"]):
            with at(dtype, *given):
                result = rnncli("forward", *given)
                assert (result.status, result.stdout) == (1, "")
                if dtype == "nan":
                    said = "Error: m.npz: simple_rnn/kernel[0, 0] is nan, expected a finite number"
                    assert result.stderr.startswith(said)
                else:
                    assert f"of {dtype}, as quantised weights are" in result.stderr


def test_a_file_of_gigabytes_is_read_from_its_header_and_a_run_holds_its_part_once(rnncli: Run) -> None:
    shapes = arrays(f"embedding.weight 200000x16; rnn.ih 4x16; rnn.hh 4x4; big {1 << 30}")
    header, length = safetensors_header(shapes)
    Path("big.safetensors").write_bytes(header)
    os.truncate("big.safetensors", len(header) + length)
    assert rnncli("spec", "big.safetensors").stdout == "embed:200000x16,rnn:4:nobias\n"
    (part,) = open_model("big.safetensors").parts
    tracemalloc.start()
    model = Model.from_part(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < sum(array.nbytes for array in model.weights.values()) + (1 << 20)


def test_arrays_of_an_npz_are_what_numpy_reads_there(at: Walk) -> None:
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
def test_a_damaged_file_is_read_right_or_refused(turns: int, at: Walk) -> None:
    for name in ("lstm-1.safetensors", "lstm-1.npz", "plain.pt", "before-1.6.pth"):
        good, random = (GOLDEN / name).read_bytes(), Random(name)
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
