"""Keras's HDF5 files: the layouts of old versions, files with false content, and the process that reads them.

One process per file would take most of the time. These tests therefore read HDF5 in this process, without its limits on
memory and time; features that need a separate process have tests that start one.
"""

from __future__ import annotations

import builtins
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Run, Screen, Walk
from hostile_models import report_of
from part_weights import keras_weights
from sessions import replay
from test_formats_keras import GOLDEN, INPUT, SPECS, layer, named, sequential, written

from rnncli.engine.model import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.fitting import fitted, sources
from rnncli.formats.keras import hdf5, hdf5_process
from rnncli.network import Network

h5py = pytest.importorskip("h5py")

Arrays = dict[str, np.ndarray]

START, PROGRAM = subprocess.run, hdf5._PROGRAM.removesuffix("main()\n")
ADVICE = "Help: save it again, or copy it again from the original"


@pytest.fixture(autouse=True)
def starts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Read HDF5 in this process, and record the commands that would have been started."""
    started: list[object] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        started.append(command)
        return subprocess.CompletedProcess(command, 0, b"".join(hdf5_process.answer(options["input"])), b"")

    monkeypatch.setattr(hdf5_process, "bound", lambda room, seconds=None: None)
    monkeypatch.setattr(subprocess, "run", run)
    return started


@pytest.fixture
def in_a_process(starts: list[object], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Read HDF5 in a separate process that first runs a statement."""

    def begin_with(statement: str) -> None:
        changed = f"{PROGRAM}from rnncli.formats.keras import hdf5_process as process; {statement}; main()"
        monkeypatch.setattr(hdf5, "_PROGRAM", changed)

    monkeypatch.setattr(subprocess, "run", START)
    return begin_with


def write_h5(path: str, weights: dict[str, Arrays], model: Any = None, version: str = "2.2.4") -> str:
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
    return path


def arrays(gates: int, reads: int, units: int, of: str = "") -> Arrays:
    shapes = {"kernel": (reads, gates * units), "recurrent_kernel": (units, gates * units), "bias": (gates * units,)}
    return {f"{of}{key}:0": np.full(shape, 0.5, "float32") for key, shape in shapes.items()}


def check_values(file: str) -> None:
    """Check that a Keras file computes Keras's recorded output."""
    name = file.split(".")[0]
    (part,) = open_model(written(file)).parts
    assert str(part.network) == SPECS[name]
    assert part.has_weights
    values = np.load(GOLDEN / "values.npz")
    output = Model(part.network, weights=keras_weights(part))(values[f"{name}/x"])
    np.testing.assert_allclose(output, values[f"{name}/y"], atol=1e-5)


def test_a_file_matches_keras_and_one_process_reads_a_small_file_and_two_a_large_one(
    starts: list[object], monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    with zipfile.ZipFile(GOLDEN / "models.zip") as archive:
        files = [name for name in archive.namelist() if name.partition(".")[0] in SPECS and "json" not in name]
    for most, count in ((hdf5_process.MAX_ALONG, 1), (0, 2)):
        monkeypatch.setattr(hdf5_process, "MAX_ALONG", most)
        for file in files:
            with at(file, most):
                starts.clear()
                check_values(file)
                assert len(starts) == count


def test_a_process_reads_each_kind_of_file_and_exceeding_its_limits_is_an_error(
    in_a_process: Callable[[str], None], at: Walk
) -> None:
    for file in ("stack.keras", "lstm.h5", "both.weights.h5"):
        with at(file):
            check_values(file)
    for said, statement in {
        "h5py did not finish while reading it": "process.SECONDS, process._structure = 0, lambda _: sum(iter(int, 1))",
        "MemoryError": "process._structure = lambda file: bytearray(1 << 30)",
    }.items():
        with at(said):
            in_a_process(statement)
            assert report_of("lstm.h5") == f"lstm.h5: its HDF5 is damaged: {said}\n{ADVICE}\n"


def test_any_end_of_the_process_without_an_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, at: Walk) -> None:
    written("lstm.h5")
    for status, said in {
        -signal.SIGPROF: "did not finish",
        -signal.SIGKILL: "was killed, perhaps for using too much memory",
        -signal.SIGSEGV: "crashed (SIGSEGV)",
        3: "ended with status 3",
        0: "ended with status 0",  # without an answer
    }.items():
        with at(said):
            done = subprocess.CompletedProcess([], status, b"[1]\n", b"")
            monkeypatch.setattr(subprocess, "run", lambda *command, done=done, **options: done)
            assert report_of("lstm.h5") == f"lstm.h5: its HDF5 is damaged: h5py {said} while reading it\n{ADVICE}\n"

    def wait(*command: object, timeout: float, **options: object) -> None:
        raise subprocess.TimeoutExpired("python", timeout)

    monkeypatch.setattr(subprocess, "run", wait)
    assert report_of("lstm.h5").startswith("lstm.h5: its HDF5 was not read within 600 seconds\nHelp: copy the file to")


# Files that Keras wrote. ----------------------------------------------------------------------------------------------


def test_files_of_every_version_are_read_and_false_content_is_refused(rnncli: Run, screen: Screen) -> None:
    written("branches.h5")
    written("lstm.h5")
    Path("lstm.h5").rename("hdf5.keras")  # when .keras was HDF5
    write_h5("lists-say-the-order.h5", {"words": arrays(4, 3, 2), "again": arrays(4, 2, 5)}, version="2.3.1")
    with h5py.File("numbers-do.weights.h5", "w") as file:
        for number in range(12):
            for index, array in enumerate(arrays(4, number + 1, number + 2).values()):
                file[f"layers/lstm{f'_{number}' if number else ''}/cell/vars/{index}"] = array
    with h5py.File("sizes-do.weights.h5", "w") as file:
        cells = {"bidirectional/forward_layer": (6, 4, 4), "bidirectional/backward_layer": (6, 4, 4), "gru": (8, 3, 5)}
        for name, (reads, gates, units) in cells.items():
            for index, array in enumerate(arrays(gates, reads, units).values()):
                file[f"layers/{name}/cell/vars/{index}"] = array
        dense = {"dense/vars/0": (5, 2), "dense/vars/1": (2,), "own_name/vars/0": (2, 7), "own_name/vars/1": (7,)}
        for name, shape in {"embedding/vars/0": (50, 6), **dense}.items():
            file[f"layers/{name}"] = np.zeros(shape, "float32")
    with h5py.File("a-table-of-another-name.weights.h5", "w") as file:  # as of a subclassed model
        for name, array in zip(("0", "1", "2"), arrays(4, 3, 2).values(), strict=True):
            file[f"layers/lstm/cell/vars/{name}"] = array
        file["emb/vars/0"] = np.zeros((9, 3), "float32")
    with zipfile.ZipFile("code-elsewhere.keras", "w") as file:
        file.write("sizes-do.weights.h5", "model.weights.h5")
        config = {"module": "mine", "class_name": "Tagger", "config": {}, "registered_name": "Tagger"}
        file.writestr("config.json", json.dumps(config))
    # A weights file has the gate layout of the version that wrote it.
    for version in ("2.2.4", "2.2.4-tf", "2.4.0"):
        write_h5(f"{version}.h5", {"lstm": arrays(4, 3, 2)}, version=version)
    write_h5("rnn.h5", {"rnn": arrays(1, 3, 2)})
    write_h5("other.h5", {"lstm": {"lstm/kernel:0": np.zeros((3, 16))}})
    with h5py.File("links-out.h5", "w") as file:
        file["lstm"] = h5py.ExternalLink("other.h5", "/lstm")
        file["gru"] = h5py.SoftLink("/lstm")
        file.create_dataset("dense/kernel", (2,), "f4", external=[("numbers.bin", 0, 8)])
    Path("numbers.bin").write_bytes(bytes(8))
    with h5py.File("claims.h5", "w") as file:
        file.create_dataset("a/kernel", (2**20, 2**20), "f4", chunks=(16, 16))
    with h5py.File("circle.h5", "w") as file:
        groups = [file.create_group(name) for name in "abcd"]
        for group in groups:
            for other in groups:
                group[other.name[1:]] = other
    # Arrays must match the config, or the file is refused.
    model = sequential(layer("SimpleRNN", "r", units=3, **INPUT), layer("Dense", "d", units=3))
    dense = {"d/kernel:0": np.zeros((3, 3)), "d/bias:0": np.zeros(3)}
    lora = dense | {"d/lora_kernel_a:0": np.zeros((3, 1)), "d/lora_kernel_b:0": np.zeros((1, 3))}
    kernel, recurrent, bias = arrays(1, 3, 3, "r/").items()
    wide = ("r/recurrent_kernel:0", np.zeros((3, 4)))
    write_h5("as-its-config-says.h5", {"r": dict([kernel, recurrent, bias]), "d": dense}, model)
    write_h5("wide.h5", {"r": dict([kernel, wide, bias]), "d": dense}, model)
    write_h5("few.h5", {"r": dict([kernel, wide]), "d": dense}, model)
    write_h5("another-order.h5", {"r": dict([recurrent, kernel, bias]), "d": dense}, model)
    write_h5("lora.h5", {"r": dict([kernel, recurrent, bias]), "d": lora}, model)
    replay("hdf5-files", rnncli, screen)
    # If Keras 3 can compute it, it is run, and so is a spec with the same numbers.
    keras_weights(open_model("2.2.4-tf.h5").parts[0])
    keras_weights(open_model("2.4.0.h5").parts[0])
    assert rnncli("forward", "input:3,lstm:2", "--weights", "2.2.4.h5", "--timesteps", "2").status == 0
    # Two parts share the table, which counts once: 30 + 84 + 72 + 108, and a convolution and a dense layer.
    assert open_model("branches.h5").params == 30 + 84 + 72 + 108 + 45 + 10
    for name, said in (
        ("links-out", r"^links-out.h5: array dense/kernel keeps its numbers in another file.*\nHelp: "),
        ("claims", r"claim 4,398,046,511,104 bytes, but the whole file has [0-9,]+"),
    ):
        with pytest.raises(RnncliError, match=said):
            open_model(f"{name}.h5").others[0].read()


def test_parts_left_out_of_a_file_are_counted_and_a_fully_read_archive_is_not_opened_for_it(
    starts: list[object], monkeypatch: pytest.MonkeyPatch, at: Walk
) -> None:
    for name, most in (("branches.h5", 0), ("branches.keras", hdf5_process.MAX_READ_WHOLE), ("branches.keras", 0)):
        with at(name, most):
            monkeypatch.setattr(hdf5_process, "MAX_READ_WHOLE", most)
            found = open_model(written(name))
            assert (found.params, found.partial) == (349, False)
            arrays = {node.name: [tensor.shape for tensor in node.tensors.values()] for node in found.left}
            assert arrays == {"concatenate": [], "dense_3": [(9, 1), (1,)]}
            assert [tensor.read().shape for tensor in found.others] == [(9, 1), (1,)]
            assert len(keras_weights(found.parts[0])) == 4
    starts.clear()
    assert not open_model(written("stack.keras")).others
    assert not starts
    with zipfile.ZipFile("branches.keras") as archive, zipfile.ZipFile("damaged.keras", "w") as damaged:
        damaged.writestr("config.json", archive.read("config.json"))
        damaged.writestr("model.weights.h5", bytes(100))
    assert open_model("damaged.keras").partial


def in_cudnn(key: str, array: np.ndarray, gates: int) -> np.ndarray:
    """Keras's weights of a cell in cuDNN's layout, as Keras documents it."""
    if key == "bias":
        return array.reshape(-1) if array.ndim == 2 else np.concatenate([array * 0.25, array * 0.75])
    blocks = np.split(array, gates, axis=1)
    return np.hstack([block.T if key == "recurrent_kernel" else block.T.reshape(block.shape) for block in blocks])


def test_a_file_may_be_as_large_as_its_limits_allow_and_no_larger(monkeypatch: pytest.MonkeyPatch, at: Walk) -> None:
    write_h5("few.h5", {"a" * 20: {}, "b" * 20: {}})  # 45 letters; two texts of 8 bytes each
    for depth in (2, 3):
        with h5py.File(write_h5(f"{depth}.h5", {}), "a") as file:
            file.create_group("/".join("g" * depth))
    deep = "more than 20,000 groups and arrays, or nested more than 2 deep"
    for file, name, most, said in (
        ("few.h5", "MAX_ATTRIBUTES", 45, ""),
        ("few.h5", "MAX_ATTRIBUTES", 44, "its attributes have more than 44 bytes"),
        ("few.h5", "MAX_ATTRIBUTES", 15, "its attribute layer_names claims (2,) values"),
        ("2.h5", "MAX_DEPTH", 2, ""),
        ("3.h5", "MAX_DEPTH", 2, deep),
        ("2.h5", "MAX_OBJECTS", 3, ""),  # the file itself and two groups
        ("2.h5", "MAX_OBJECTS", 2, "more than 2 groups and arrays"),
    ):
        with at(file, most), monkeypatch.context() as patch:
            patch.setattr(hdf5_process, name, most)
            assert ("its HDF5 is damaged: " in report_of(file)) == bool(said)
            assert said in report_of(file)


def test_a_file_is_opened_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    write_h5("m.h5", {"dense": {"kernel:0": np.zeros((3, 4), "float32")}})
    modes: list[str] = []
    real = builtins.open

    def spy(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        modes.append(mode)
        return real(file, mode, *arguments, **more)

    monkeypatch.setattr(builtins, "open", spy)
    assert report_of("m.h5")
    assert {*modes} == {"rb"}


def test_a_larger_file_is_allowed_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[object] = []
    monkeypatch.setattr(hdf5_process, "bound", lambda room, seconds: bounds.append((room, seconds)))
    report_of(write_h5("large.h5", {"dense": {"kernel:0": np.zeros((500, 1000), "float32")}}))
    assert bounds == [(96 << 20, 0.5 + Path("large.h5").stat().st_size / 500_000)]


def test_cudnn_layers_are_read_as_keras_layers(at: Walk) -> None:
    config = sequential(layer("CuDNNLSTM", "rnn_1", units=4, **INPUT))
    for spec, gates, model in (("input:3,lstm:4", 4, config), ("input:3,gru:4", 3, None)):
        with at(spec):
            expected = Model(spec, init="uniform").weights
            weights = {key.partition("/")[2]: array for key, array in expected.items()}
            cell = {f"rnn_1/{key}:0": in_cudnn(key, array, gates) for key, array in weights.items()}
            (part,) = open_model(write_h5("old.h5", {"rnn_1": cell}, model)).parts
            assert str(part.network) == spec
            for key, array in keras_weights(part).items():
                np.testing.assert_allclose(array, expected[key], rtol=1e-6)


def test_equally_named_layers_in_differently_named_models_have_separate_arrays() -> None:
    rnn = layer("SimpleRNN", "r", units=3, return_sequences=True, **INPUT)
    outer = named(sequential(*(named(sequential(rnn), name) for name in ("m0", "m1"))), "outer")
    both = {key: array * n for n in (1, 2) for key, array in arrays(1, 3, 3, f"m{n - 1}/r/").items()}
    (part,) = open_model(write_h5("m.h5", {"outer": both}, sequential(outer))).parts
    found = keras_weights(part)
    assert [float(found[f"{name}/bias"][0]) for name in part.network.names] == [0.5, 1.0]


def test_names_that_keras_counts_are_not_those_of_a_source_that_calls_layers_in_another_order() -> None:
    rnn = {"units": 3, "return_sequences": True}
    for name, second in (("", "simple_rnn_1"), (", name='r'", "r")):
        cell = "layers.SimpleRNN(3, return_sequences=True{})"
        lines = ("import keras; from keras import layers", f"a = {cell.format('')}", f"b = {cell.format(name)}")
        Path("m.py").write_text("\n".join([*lines, "x = keras.Input((None, 3)); model = keras.Model(x, a(b(x)))"]))
        model = sequential(layer("SimpleRNN", second, **rnn, **INPUT), layer("SimpleRNN", "simple_rnn", **rnn))
        weights = {each: arrays(1, 3, 3, f"{each}/") for each in (second, "simple_rnn")}
        part = fitted(open_model(write_h5("m.h5", weights, model)), "", Network.read("m.py"))
        assert sources(part) == {"simple_rnn": second, "simple_rnn_1": "simple_rnn"}


def test_frozen_directions_and_cells_which_keras_lists_last_have_their_own_arrays() -> None:
    cells = [layer("SimpleRNNCell", name, units=3) for name in ("one", "two")]
    stack = layer("RNN", "r", cell=layer("StackedRNNCells", "s", cells=cells), **INPUT)
    both_ways = layer("Bidirectional", "r", layer=layer("SimpleRNN", "forward_r", units=3), **INPUT)
    for model, first, second in ((stack, "one", "two"), (both_ways, "forward_r", "backward_r")):
        found = arrays(1, 3, 3, f"r/{second}/") | {k: 2 * each for k, each in arrays(1, 3, 3, f"r/{first}/").items()}
        (part,) = open_model(write_h5("m.h5", {"r": found}, sequential(model))).parts
        assert [float(each[0]) for key, each in keras_weights(part).items() if key.endswith("bias")] == [1, 0.5]


# Files with false content. --------------------------------------------------------------------------------------------


def test_an_archive_that_expands_enormously_is_not_unpacked() -> None:
    with zipfile.ZipFile(written("stack.keras")) as archive:
        config = archive.read("config.json")
    for members, said in (
        ({"config.json": b" " * 6_000_000}, r"config.json has 6,000,000 bytes; at most 5,000,000 are allowed"),
        ({"model.weights.h5": bytes(34 << 20)}, r"model.weights.h5 has 35,651,584 bytes; at most [0-9,]+ are allowed"),
    ):
        with zipfile.ZipFile("m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, contents in ({"config.json": config} | members).items():
                archive.writestr(name, contents)
        with pytest.raises(RnncliError, match=rf"m.keras: its {said}"):
            keras_weights(open_model("m.keras").parts[0])


def test_h5py_is_found_if_the_started_program_is_among_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a notebook, which Python starts through ipykernel_launcher.py.
    monkeypatch.setattr(
        sys.modules["__main__"], "__file__", str(Path(h5py.__file__).parents[1] / "launcher.py"), raising=False
    )
    assert "h5py is not installed" not in report_of(write_h5("m.h5", {}))


SHADOWS = ("json", "h5py", "numpy", "struct", "re", "enum", "collections", "typing", "os")
"""Names of files that may lie next to a downloaded model. Python itself imports the last ones when started with -m."""
ONE_FILE = (["summary", "-q"], ["spec"], ["forward", "--timesteps", "2"], ["reach", "--timesteps", "2", "--seeds", "1"])
MORE = (["inspect"], ["explain"], ["draw"], ["export", "--to", "keras"], ["compare", "input:3,lstm:4"])


@pytest.mark.usefixtures("in_a_process")
@pytest.mark.parametrize("lines", [ONE_FILE[:1], pytest.param(ONE_FILE + MORE, marks=pytest.mark.thorough)], ids=len)
def test_nothing_next_to_a_model_or_in_the_working_directory_is_imported(
    lines: tuple[list[str], ...], at: Walk
) -> None:
    written("lstm.h5")
    weights = ["forward", "input:3,lstm:2,dense:2", "--timesteps", "2", "--weights"]
    for names, how in ((SHADOWS[:4], ["-m", "rnncli"]), (SHADOWS[4:], ["-P", "-m", "rnncli"])):
        for name in names:
            Path(name).mkdir()
            Path(name, "__init__.py").write_text("open('ran', 'w').close()", encoding="utf-8")
        for line in (*lines, weights):
            with at(*how, *line):
                done = subprocess.run([sys.executable, *how, *line, "lstm.h5"], capture_output=True, timeout=PATIENCE)
                assert (done.returncode, Path("ran").exists()) == (0, False), done.stderr
