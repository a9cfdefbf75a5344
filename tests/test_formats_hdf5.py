"""HDF5 as Keras writes it: the layouts of old versions, files that lie, and the process that reads them."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result
from part_weights import keras_weights

from rnncli.engine import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile

Run = Callable[..., Result]

GOLDEN = Path(__file__).parent / "golden" / "models" / "keras"

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that real Keras wrote."""
    folder = tmp_path_factory.mktemp("hdf5")
    with zipfile.ZipFile(GOLDEN / "models.zip") as archive:
        archive.extractall(folder)
    return folder


def specs(model: ModelFile) -> list[str]:
    return [str(part.network) for part in model.parts]


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}, "keras_version": "2.4.0"}


def write_h5(path: Path, weights: dict[str, dict[str, np.ndarray]], model: Any = None, version: str = "2.2.4") -> str:
    import h5py

    with h5py.File(path, "w") as file:
        root = file
        if model is not None:
            file.attrs["model_config"] = json.dumps(model).encode()
            root = file.create_group("model_weights")
        root.attrs["keras_version"] = version.encode()
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return str(path)


def in_cudnn(key: str, array: np.ndarray, gates: int) -> np.ndarray:
    """Keras's weights of a cell as cuDNN has them, after the layout that Keras documents."""
    if key == "bias":
        return array.reshape(-1) if array.ndim == 2 else np.concatenate([array * 0.25, array * 0.75])
    blocks = np.split(array, gates, axis=1)
    if key == "recurrent_kernel":
        return np.hstack([block.T for block in blocks])
    return np.hstack([block.T.reshape(block.shape) for block in blocks])


@needs_h5py
@pytest.mark.parametrize(
    ("kind", "spec", "gates", "whole"), [("CuDNNLSTM", "lstm:4", 4, True), ("CuDNNGRU", "gru:4", 3, False)]
)
def test_the_layers_of_cudnn_are_those_of_keras(kind: str, spec: str, gates: int, whole: bool, tmp_path: Path) -> None:
    expected = Model(f"input:3,{spec}", init="uniform")
    weights = {key.partition("/")[2]: array for key, array in expected.weights.items()}
    arrays = {f"rnn_1/{key}:0": in_cudnn(key, array, gates) for key, array in weights.items()}
    model = sequential(layer(kind, "rnn_1", units=4, batch_input_shape=[None, None, 3])) if whole else None
    (part,) = open_model(write_h5(tmp_path / "old.h5", {"rnn_1": arrays}, model)).parts
    assert str(part.network) == f"input:3,{spec}"
    for key, array in keras_weights(part).items():
        np.testing.assert_allclose(array, expected.weights[key], rtol=1e-6)


@needs_h5py
def test_arrays_of_another_shape_than_the_config_says_are_refused(tmp_path: Path) -> None:
    model = sequential(layer("SimpleRNN", "rnn", units=4, batch_input_shape=[None, None, 3]))
    arrays = {"rnn/kernel:0": np.zeros((3, 4)), "rnn/recurrent_kernel:0": np.zeros((4, 5)), "rnn/bias:0": np.zeros(4)}
    with pytest.raises(RnncliError, match=r"rnn/recurrent_kernel:0 is \(4, 5\); its config says \(4, 4\)"):
        open_model(write_h5(tmp_path / "bad.h5", {"rnn": arrays}, model))
    del arrays["rnn/bias:0"]
    with pytest.raises(RnncliError, match="has 2 arrays, but its config says 3"):
        open_model(write_h5(tmp_path / "bad.h5", {"rnn": arrays}, model))


@needs_h5py
def test_a_link_out_of_the_file_is_not_followed(tmp_path: Path) -> None:
    import h5py

    write_h5(tmp_path / "other.h5", {"lstm": {"lstm/kernel:0": np.zeros((3, 16))}})
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file["lstm"] = h5py.ExternalLink("other.h5", "/lstm")
        file["gru"] = h5py.SoftLink("/lstm")
        file.create_dataset("dense/kernel", (2,), "f4", external=[("numbers.bin", 0, 8)])
    (tmp_path / "numbers.bin").write_bytes(bytes(8))
    found = open_model(str(tmp_path / "model.h5"))
    assert [tensor.name for tensor in found.others] == ["dense/kernel"]
    with pytest.raises(
        RnncliError, match=r"model.h5: array dense/kernel keeps its numbers in another file[\s\S]*Help: "
    ):
        found.others[0].read()


@needs_h5py
def test_an_array_that_claims_more_than_is_stored_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.create_dataset("a/kernel", (2**20, 2**20), "f4", chunks=(16, 16))
    (tensor,) = open_model(str(tmp_path / "model.h5")).others
    with pytest.raises(RnncliError, match=r"claim 4,398,046,511,104 bytes, and the whole file has [0-9,]+"):
        tensor.read()


CRASHES = {
    "crashed (SIGSEGV)": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "was killed, perhaps for its memory": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "came to no end": "process._structure = lambda file: sum(0 for _ in iter(int, 1))",
    "MemoryError": "process._structure = lambda file: bytearray(1 << 30)",
    "ended with status 3": "raise SystemExit(3)",
}


@needs_h5py
@pytest.mark.parametrize("said", CRASHES)
def test_whatever_ends_the_library_is_an_error(said: str, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"import sys; from rnncli.formats.keras import hdf5_process as process; {CRASHES[said]}; process.main()"
    monkeypatch.setattr("rnncli.formats.keras.hdf5._PROGRAM", program)
    with pytest.raises(RnncliError, match=r"lstm.h5: its HDF5 is damaged: ") as caught:
        open_model(str(models / "lstm.h5"))
    assert said in caught.value.message
    assert caught.value.advice == "save it again, or copy it again from where it came"


@needs_h5py
@pytest.mark.parametrize("file", ["lstm.h5", "stack.keras", "both.weights.h5"])
def test_one_process_reads_a_small_file_and_two_a_large_one(
    file: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    run = subprocess.run
    monkeypatch.setattr("subprocess.run", lambda *args, **options: started.append(1) or run(*args, **options))
    keras_weights(open_model(str(models / file)).parts[0])
    assert len(started) == 1
    program = (
        "import sys; from rnncli.formats.keras import hdf5_process as process; process.MAX_ALONG = 0; process.main()"
    )
    monkeypatch.setattr("rnncli.formats.keras.hdf5._PROGRAM", program)
    keras_weights(open_model(str(models / file)).parts[0])
    assert len(started) == 3


def test_a_file_is_read_as_what_it_is_whatever_its_name_says(models: Path, tmp_path: Path) -> None:
    (tmp_path / "lstm.h5").write_bytes((models / "stack.keras").read_bytes())
    with pytest.raises(RnncliError, match=r"lstm.h5: it is no HDF5: it begins with b'PK[\s\S]*FILE\.keras"):
        open_model(str(tmp_path / "lstm.h5"))
    for name, said in (
        ("text.h5", "it is no HDF5: it begins with"),
        ("text.keras", "it is no zip archive, as a .keras"),
    ):
        (tmp_path / name).write_text("text")
        with pytest.raises(RnncliError, match=rf"{name}: {said}[\s\S]*save it again"):
            open_model(str(tmp_path / name))


@needs_h5py
def test_a_keras_file_of_the_time_when_it_was_hdf5_is_read(models: Path, tmp_path: Path) -> None:
    (tmp_path / "old.keras").write_bytes((models / "lstm.h5").read_bytes())
    assert specs(open_model(str(tmp_path / "old.keras"))) == ["input:3,lstm:2,dense:2"]


@needs_h5py
def test_the_lists_of_keras_2_say_the_order_and_names_of_keras_3_are_numbered(tmp_path: Path) -> None:
    import h5py

    def arrays(reads: int, units: int) -> dict[str, np.ndarray]:
        return {
            "kernel:0": np.zeros((reads, 4 * units)),
            "recurrent_kernel:0": np.zeros((units, 4 * units)),
            "bias:0": np.zeros(4 * units),
        }

    path = write_h5(tmp_path / "old.h5", {"words": arrays(3, 2), "again": arrays(2, 5)}, version="2.3.1")
    assert specs(open_model(path)) == ["input:3,lstm:2:seq,lstm:5"]
    with h5py.File(tmp_path / "new.weights.h5", "w") as file:
        for number in range(12):
            for index, array in enumerate(arrays(number + 1, number + 2).values()):
                file[f"layers/lstm{f'_{number}' if number else ''}/cell/vars/{index}"] = array
    spec = ",".join(f"lstm:{number + 2}:seq" for number in range(12)).removesuffix(":seq")
    assert specs(open_model(str(tmp_path / "new.weights.h5"))) == [f"input:1,{spec}"]


def cell(gates: int) -> dict[str, np.ndarray]:
    shapes = {"kernel:0": (3, gates * 2), "recurrent_kernel:0": (2, gates * 2), "bias:0": (gates * 2,)}
    return {key: np.full(shape, 0.5, "float32") for key, shape in shapes.items()}


@needs_h5py
def test_gates_of_weights_alone_are_those_of_the_version_that_wrote_them(tmp_path: Path, rnncli: Run) -> None:
    path = write_h5(tmp_path / "old.h5", {"lstm": cell(4)})
    (part,) = open_model(path).parts
    assert str(part.network) == "input:3,lstm:2:recact=hard_sigmoid"
    assert part.assumed[0].startswith("activations are the defaults of Keras 2.2.4 (tanh, and hard_sigmoid for gates)")
    result = rnncli("forward", path)
    assert (result.status, result.stdout) == (1, "")
    assert "old.h5: lstm: the hard_sigmoid of Keras 1 and 2" in result.stderr
    # A spec says what is computed with the same numbers.
    assert rnncli("forward", "input:3,lstm:2", "--weights", path, "--timesteps", "2").status == 0
    for version, said in (("2.2.4-tf", "gates are sigmoid as in TensorFlow 2"), ("2.4.0", "and sigmoid for gates")):
        (part,) = open_model(write_h5(tmp_path / "new.h5", {"lstm": cell(4)}, version=version)).parts
        assert str(part.network) == "input:3,lstm:2"
        assert said in " ".join(part.assumed)
        keras_weights(part)
    assert specs(open_model(write_h5(tmp_path / "rnn.h5", {"rnn": cell(1)}))) == ["input:3,rnn:2"]


@needs_h5py
def test_arrays_in_another_order_than_keras_writes_are_refused(tmp_path: Path) -> None:
    model = sequential(
        layer("Dense", "d", units=3), layer("SimpleRNN", "r", units=3, batch_input_shape=[None, None, 3])
    )
    model["config"]["layers"].reverse()
    cell = {"r/kernel:0": np.zeros((3, 3)), "r/recurrent_kernel:0": np.zeros((3, 3)), "r/bias:0": np.zeros(3)}
    dense = {"d/kernel:0": np.zeros((3, 3)), "d/bias:0": np.zeros(3)}
    assert specs(open_model(write_h5(tmp_path / "m.h5", {"r": cell, "d": dense}, model))) == ["input:3,rnn:3,dense:3"]
    turned = dict(zip([*cell][:2][::-1], [*cell.values()][:2], strict=True)) | {"r/bias:0": np.zeros(3)}
    with pytest.raises(RnncliError, match="r/recurrent_kernel:0 stands where the kernel of its layer is expected"):
        open_model(write_h5(tmp_path / "m.h5", {"r": turned, "d": dense}, model))
    dense |= {"d/lora_kernel_a:0": np.zeros((3, 1)), "d/lora_kernel_b:0": np.zeros((1, 3))}
    with pytest.raises(RnncliError, match=r"its layer d has LoRA's matrices beside its kernel"):
        open_model(write_h5(tmp_path / "m.h5", {"r": cell, "d": dense}, model))


@needs_h5py
def test_layers_of_one_name_in_models_of_two_names_have_arrays_of_their_own(tmp_path: Path) -> None:
    inner = [
        sequential(layer("SimpleRNN", "r", units=3, return_sequences=True, batch_input_shape=[None, None, 3]))
        for _ in range(2)
    ]
    for number, each in enumerate(inner):
        each["config"]["name"] = f"m{number}"
    outer = sequential(*inner)
    outer["config"]["name"] = "outer"
    arrays = {
        f"m{number}/r/{name}:0": np.full(shape, number + 1.0)
        for number in range(2)
        for name, shape in (("kernel", (3, 3)), ("recurrent_kernel", (3, 3)), ("bias", (3,)))
    }
    (part,) = open_model(write_h5(tmp_path / "m.h5", {"outer": arrays}, sequential(outer))).parts
    found = keras_weights(part)
    assert [float(found[f"{name}/bias"][0]) for name in part.network.names] == [1.0, 2.0]


@needs_h5py
def test_groups_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "m.h5", "w") as file:
        for name in "abcd":
            file.create_group(name)
        for name in "abcd":
            for other in "abcd":
                file[f"{name}/{other}"] = file[other]
    with pytest.raises(RnncliError, match=r"m.h5: its HDF5 is damaged: over 20,000 groups and arrays"):
        open_model(str(tmp_path / "m.h5"))


@needs_h5py
def test_an_archive_of_next_to_nothing_is_not_unpacked(models: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(models / "stack.keras") as archive:
        config = archive.read("config.json")
    for name, contents, said in (
        ("config.json", b" " * 6_000_000, r"config.json has 6,000,000 bytes; 5,000,000 are allowed"),
        ("model.weights.h5", bytes(1 << 26), r"model.weights.h5 has 67,108,864 bytes; [0-9,]+ are allowed"),
    ):
        with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", config if name != "config.json" else contents)
            archive.writestr("model.weights.h5", contents)
        with pytest.raises(RnncliError, match=rf"m.keras: its {said}"):
            keras_weights(open_model(str(tmp_path / "m.keras")).parts[0])


def test_a_pipe_is_no_hdf5(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(RnncliError, match="it is a pipe; such a file is read at any place"):
        open_model(str(tmp_path / "pipe.h5"))
