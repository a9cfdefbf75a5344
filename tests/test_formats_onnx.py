"""ONNX files: the chain in a graph, its weights as ONNX Runtime computes with them, and files with false content."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, Run, Screen, Walk, patience
from hostile_models import reports_of
from part_weights import keras_weights
from sessions import made_cases

from rnncli.engine.model import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile
from rnncli.formats.onnx import messages

Parts, Names, Sizes = Iterable[bytes], Iterable[str], Iterable[int]

FOLDER = MODELS / "onnx"


@cache
def specs() -> dict[str, str]:
    return json.loads((FOLDER / "specs.json").read_text(encoding="utf-8"))


BATCH_FIRST = ("batch-first",)
"""The models whose input is transposed; the others read timesteps first, as ONNX's cells do."""


def test_a_graph_is_read_as_its_network_and_matches_onnx_runtime(at: Walk) -> None:
    with np.load(FOLDER / "values.npz") as values:
        for name, spec in specs().items():
            with at(name):
                model = open_model(str(FOLDER / f"{name}.onnx"))
                (part,) = model.parts
                assert str(part.network) == spec
                assert (model.notes, model.others, model.left) == ((), (), ())
                others = [note for note in part.notes if "nothing is rounded" not in note.text]
                assert ["(timesteps, batch" in note.text for note in others] == [True] * (name not in BATCH_FIRST)
                assert (model.format, model.writer) == ("ONNX", "by hand 1")
                result = Model(part.network, weights=keras_weights(part))(values[f"{name}/x"])
                assert result == pytest.approx(values[f"{name}/y"], abs=1e-5)


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(*fields: tuple[int, object]) -> bytes:
    """A protobuf message with integers, floats, texts and messages by field number."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return bytes(out)


def array(name: str, *shape: int, fill: float = 0.5) -> bytes:
    return message(*((1, size) for size in shape), (2, 1), (8, name), (9, np.full(shape, fill, "<f4").tobytes()))


def attribute(name: str, value: object) -> bytes:
    """A node's attribute; bytes are a graph."""
    each = value if isinstance(value, list) else [value]
    number = {int: (3, 8), float: (2, 7), str: (4, 9), bytes: (6, 11)}[type(each[0])][isinstance(value, list)]
    return message((1, name), *((number, item) for item in each))


def node(operation: str, inputs: Names, outputs: Names, **attributes: object) -> bytes:
    told = ((5, attribute(name, value)) for name, value in attributes.items())
    names = (3, f"the_{operation.lower()}"), (4, operation)
    return message(*((1, name) for name in inputs), *((2, name) for name in outputs), *names, *told)


def declared(name: str, shape: Sizes = ()) -> bytes:
    """A value declared by a graph, with a shape if given."""
    dims = message((1, message((2, message(*((1, message((1, size))) for size in shape))))))
    return message((1, name), *([(2, dims)] if shape else []))


def graph(nodes: Parts, arrays: Parts = (), outputs: Names = ("y",), inputs: Names = (), shape: Sizes = ()) -> bytes:
    ends = [(11, declared(name, shape)) for name in inputs] + [(12, declared(name)) for name in outputs]
    return message(*((1, each) for each in nodes), *((5, each) for each in arrays), *ends)


def model(*of_graph: Iterable[object], **more: Iterable[object]) -> bytes:
    return message((1, 8), (7, graph(*of_graph, **more)), (8, message((2, 17))))  # type: ignore[arg-type]


ARRAYS = {
    **{name: array(name, 1, *shape) for name, shape in {"W": (16, 3), "R": (16, 4), "B": (32,), "w0": (12, 3)}.items()},
    **{
        name: array(name, *shape)
        for name, shape in {"K": (4, 4), "K1": (4, 1), "L": (4, 7), "k": (4,), "k3": (3,), "E": (9, 4)}.items()
    },
    **{name: array(name, 1, 12, fill=fill) for name, fill in {"P": 0.5, "Z": 0}.items()},
    "b3": array("b3", 1, 1, 7),
    "F": array("F", 6, 4, 3),
    "j3": array("j3", 3),
    **{name: array(name, fill=fill) for name, fill in {"eps": 1e-3, "root2": 2**0.5, "root3": 3**0.5}.items()},
    "half": array("half"),
    **{name: array(name, 2, *shape) for name, shape in {"W2": (16, 3), "R2": (16, 4)}.items()},
    "w1": message((1, 1), (1, 4), (1, 3), (2, 11), (8, "w1"), (9, bytes(96))),  # of doubles
    "z": message((2, 3), (8, "z"), (9, b"\x80")),  # the smallest of int8
    **{
        f"n{number}": message((1, 1), (2, 7), (7, number), (8, f"n{number}")) for number in (-10, -1, 0, 1, 2, 4, 5, 10)
    },
}
"""Arrays that the graphs below read by name: an LSTM's, dense layers', and integers."""
CELL = [ARRAYS[name] for name in "WRB"]


def nodes(text: str) -> list[bytes]:
    """Nodes in the form `LSTM x W R B - H > y h clip=3.0; Relu y > z`, where - is an omitted input."""
    made = []
    for line in text.split("; "):
        reads, _, makes = line.partition(" >")
        operation, *inputs = reads.split()
        told = [word.partition("=") for word in makes.split() if "=" in word]
        outputs = [word.strip("-") for word in makes.split() if "=" not in word]
        attributes = {name: json.loads(value) for name, _, value in told}
        made.append(node(operation, [name.strip("-") for name in inputs], outputs, **attributes))
    return made


def chain(text: str, outputs: Names = ("y",), shape: Sizes = ()) -> bytes:
    """A model of nodes that read x, with the arrays that its nodes name."""
    return model(nodes(text), [ARRAYS[name] for name in ARRAYS if name in text.split()], outputs, ["x"], shape)


def branches(**graphs: str) -> bytes:
    """A model whose arrays are outside the graphs of an If."""
    inside = {f"{name}_branch": graph(nodes(text)) for name, text in graphs.items()}
    return model([node("If", ["flag"], ["z"], **inside)], CELL, ["z"])


def external(location: str, **entries: object) -> bytes:
    """An LSTM with its W in a separate file."""
    pairs = {"location": location, **entries}.items()
    told = ((13, message((1, key), (2, str(value)))) for key, value in pairs)
    w = message((1, 1), (1, 16), (1, 3), (2, 1), (8, "W"), (14, 1), *told)
    return model(nodes("LSTM x W R B > y"), [w, *CELL[1:]])


def tensor(*fields: tuple[int, object]) -> bytes:
    return model([], [message(*fields)])


def nested(depth: int) -> bytes:
    return node("If", ["flag"], ["z"], then_branch=graph([nested(depth - 1)] if depth else []))


def read(data: bytes) -> ModelFile:
    Path("m.onnx").write_bytes(data)
    return open_model("m.onnx")


NORM = (
    "ReduceMean x > m axes=[-1]; Sub x m > c; Pow c n2 > p; ReduceMean p > v axes=[-1]; Add v eps > s; Sqrt s > d; "
    "Div c d > n; Mul n k3 > o; Add o j3 > i; LSTM i W R B > y"
)
GELU = "Div x root2 > q; Erf q > r; Add r n1 > s; Mul x s > u; Mul u half > i; LSTM i W R B > y"
"""Formulas that files of older versions contain, which the graphs below change."""
CONVOLVED = "Conv pixels > x; LSTM x W R B > - h; Squeeze h n0 > v; MatMul v K > one; LogSoftmax one > two"


def test_an_unsupported_layer_and_the_end_of_a_chain_are_reported_with_the_reason(screen: Screen) -> None:
    screen("onnx-graphs", reports_of(made_cases("onnx-graphs", globals()), "m.onnx"))


def test_a_file_with_false_content_is_refused_with_its_place(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.formats.onnx.messages.MAX_WORK", 30_000)  # the real limit takes a second
    os.mkfifo("pipe")
    screen("onnx-lies", reports_of(made_cases("onnx-lies", globals()), "m.onnx"))


def test_a_run_reports_that_it_starts_from_zeros_if_the_file_specifies_other_states(rnncli: Run) -> None:
    for fill in (0.5, 0.0):
        first = [array(name, 1, 1, 4, fill=fill) for name in ("/H", "/C")]  # PyTorch names them like paths
        read(model(nodes("LSTM x W R B - /H /C > y"), [*CELL, *first]))
        result = rnncli("forward", "m.onnx")
        assert result.status == 0
        assert ("starts from zeros: in the file its initial state is /H and /C\n" in result.stderr) == bool(fill)
        assert ("; H; C\n" in result.stderr) == bool(fill)


@pytest.mark.parametrize("count", [300, pytest.param(4000, marks=pytest.mark.thorough)])
def test_huge_counts_and_self_referencing_values_take_little_time_and_memory(count: int, at: Walk) -> None:
    three = message((1, 1), (2, 7), (7, b"\3"))
    arrays = [array("v0", 4), three + message((8, "d0")), three + message((8, "s0")), *CELL]
    many = {
        "arrays of themselves": [node("Concat", [f"v{n}", f"v{n}"], [f"v{n + 1}"], axis=0) for n in range(count)],
        "lengths of themselves": [node("Concat", [f"d{n}", f"d{n}"], [f"d{n + 1}"], axis=0) for n in range(count)],
        "squares of themselves": [node("Mul", [f"s{n}", f"s{n}"], [f"s{n + 1}"]) for n in range(count)],
        "outputs": [node("Split", ["W"], [f"o{n}" for n in range(5 * count)])],
        "products of all": [
            node("Sum", [f"c{n}" for n in range(count)] + ["x"], ["v"]),
            *(node("MatMul", ["v", f"m{n}"], [f"m{n + 1}"]) for n in range(count)),
        ],
        "graphs": [node("If", ["f"], [f"o{n}"], then_branch=graph([])) for n in range(count)],
    }
    for what, each in many.items():
        with at(what), patience():
            assert not read(model(each, [*arrays, *(array(f"c{n}", 1) for n in range(count))])).parts


def test_a_pytorch_file_is_counted_as_in_pytorch_and_others_as_in_keras() -> None:
    for writer, framework in (("pytorch", "torch"), ("tf2onnx", "keras")):
        (part,) = read(chain("LSTM x W R B > y") + message((2, writer), (3, "2.1"))).parts
        assert part.framework == framework
        assert part.network.summary(framework=part.framework).total_params == (144 if framework == "torch" else 128)
        assert part.params == 144
    named = [
        array("onnx::LSTM_1", 1, 16, 3),
        *CELL[1:],
    ]  # a name of PyTorch
    (part,) = read(model(nodes("LSTM x onnx::LSTM_1 R B > y"), named) + message((2, "onnx.quantize"))).parts
    assert part.framework == "torch"


def test_a_graph_of_many_layers_is_one_chain_and_gigabytes_are_skipped() -> None:
    count = 1_000
    text = "; ".join(f"LSTM s{n} R R B > y{n}; Squeeze y{n} n1 > s{n + 1}" for n in range(count))
    with patience():
        (part,) = read(model(nodes(text), [*CELL, ARRAYS["n1"]], [f"s{count}"], ["s0"])).parts
        assert len(part.network.body) == count
    big = message((1, 2**30), (2, 1), (8, "big")) + varint(9 << 3 | 2) + varint(2**32)
    inside = graph(nodes("LSTM x W R B > y"), CELL, inputs="x") + varint(5 << 3 | 2) + varint(len(big) + 2**32) + big
    with Path("m.onnx").open("wb") as file:
        file.write(varint(7 << 3 | 2) + varint(len(inside) + 2**32) + inside)
        file.truncate(file.tell() + 2**32)
    with patience():
        found = open_model("m.onnx")
    assert [str(part.network) for part in found.parts] == ["input:3,lstm:4:seq"]
    assert [(each.name, each.shape) for each in found.others] == [("big", (2**30,))]


def test_numbers_in_typed_fields_are_read(at: Walk) -> None:
    edges = [0, 1, 127, 128, -1, -(2**63), 2**63 - 1]
    for code, field, written, numbers in (
        (7, 7, edges, edges),
        (6, 5, [-5, 2**31 - 1], [-5, 2**31 - 1]),
        (3, 5, [-128, 127], [-128, 127]),
        (13, 11, [2**64 - 1, 5], [2**64 - 1, 5]),
        (10, 5, [0x3C00, 0xC000], [1, -2]),
        (16, 5, [0x3F80, 0xC000], [1, -2]),
        (7, 7, [], []),
    ):
        kind = (2, code), (8, "a")
        packed = b"".join(map(varint, written))
        for data in ([(field, packed)], [(field, number % 2**64) for number in written] or [(field, b"")]):
            with at("type", code, "in", len(data), "pieces"):
                found = read(tensor((1, 1), (1, len(written)), *kind, *data)).others
                assert [each.read().tolist() for each in found] == [[numbers]]
        for count in (len(written), len(written) + 1):
            with at("type", code, "with more behind", count), pytest.raises(RnncliError, match=r"^m\.onnx: "):
                read(tensor((1, 1), (1, count), *kind, (field, packed + b"\x80"))).others[0].read()


def test_external_data_is_read_on_demand_and_only_from_the_models_directory() -> None:
    (part,) = read(external("m.bin")).parts
    with pytest.raises(RnncliError, match=r"^m\.bin: array W cannot be read: No such file or directory$"):
        keras_weights(part)
    with Path("m.bin").open("wb") as file:  # gigabytes, of which few are read
        file.truncate(2**33 + 192)
    (part,) = read(external("m.bin", offset=2**33)).parts
    assert (keras_weights(part)["lstm/kernel"] == 0).all()
    os.mkdir("inside")
    Path("inside/m.bin").symlink_to("../m.bin")
    Path("inside/m.onnx").write_bytes(external("m.bin"))
    with pytest.raises(RnncliError, match=r"byte .*: array W is in m\.bin, a link out of the model's folder$"):
        open_model("inside/m.onnx")
    Path("inside/m.bin").unlink()
    Path("inside/m.bin").write_bytes(bytes(192))
    (part,) = read(external("inside/m.bin")).parts
    assert (keras_weights(part)["lstm/kernel"] == 0).all()
    # Exporters also move axes there, which tell how layers are connected.
    Path("axes.bin").write_bytes(struct.pack("<q", 0))
    axes = message((1, 1), (2, 7), (8, "n0"), (14, 1), (13, message((1, "location"), (2, "axes.bin"))))
    (part,) = read(
        model(nodes("LSTM x W R B > - h; Squeeze h n0 > last; MatMul last K > y"), [*CELL, ARRAYS["K"], axes])
    ).parts
    assert str(part.network) == "input:3,lstm:4,dense:4:nobias"
    # A model and its data may both be links, as in download caches.
    Path("inside/m.onnx").rename("blob")
    Path("inside/m.onnx").symlink_to("../blob")
    assert open_model("inside/m.onnx").parts


@pytest.mark.parametrize("turns", [40, pytest.param(400, marks=pytest.mark.thorough)])
def test_a_damaged_file_gives_a_model_or_an_error_of_ours(turns: int, at: Walk) -> None:
    for name in ("classifier", "moved-arrays", "final-states", "pooled", "written-out"):
        good = (FOLDER / f"{name}.onnx").read_bytes()
        random = np.random.default_rng(len(name))
        for turn in range(turns):
            data = bytearray(good)
            for _ in range(int(random.integers(1, 4))):
                data[random.integers(len(data))] = random.integers(256)
            if turn % 3 == 0:
                data = data[: random.integers(len(data))]
            if turn % 5 == 0:
                start, end = sorted(random.integers(0, len(good), 2))
                data[start:start] = good[start:end]
            with at(name, turn), patience(), suppress(RnncliError):
                for part in read(bytes(data)).parts:
                    keras_weights(part)


def test_messages_are_written_as_protobuf_specifies_and_no_array_is_copied() -> None:
    numbers = [0, 1, 127, 128, 2**14, -1, 2**63 - 1]
    text = "é" * 100
    attribute = messages.AttributeProto(name=text, f=-0.5, i=5, s=bytes(127), ints=numbers, type=2**31)
    fields = [(1, text), (2, -0.5), (3, 5), (4, bytes(127)), *((8, number) for number in numbers), (20, 2**31)]
    made = messages.encoded(messages.NodeProto(name="n", attribute=[attribute, attribute]))
    assert b"".join(made) == message((3, "n"), (5, message(*fields)), (5, message(*fields)))
    numbers = np.arange(1000, dtype="u1")
    pieces = messages.encoded(messages.AttributeProto(t=messages.TensorProto(raw_data=numbers.data)))
    assert any(np.shares_memory(numbers, np.frombuffer(piece, "u1")) for piece in pieces)
