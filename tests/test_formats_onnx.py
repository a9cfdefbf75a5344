"""ONNX files: the chain that a graph holds, its numbers as ONNX Runtime computes them, and files that lie."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import Result, patience
from part_weights import keras_weights

from rnncli.engine import Model
from rnncli.errors import RnncliError
from rnncli.formats import open_model
from rnncli.formats.model_file import ModelFile

FOLDER = Path(__file__).parent / "golden" / "models" / "onnx"
SPECS: dict[str, str] = json.loads((FOLDER / "specs.json").read_text(encoding="utf-8"))


def opened(name: str) -> ModelFile:
    return open_model(str(FOLDER / f"{name}.onnx"))


@pytest.mark.parametrize("name", SPECS)
def test_a_graph_is_read_as_the_network_that_it_is(name: str) -> None:
    model = opened(name)
    (part,) = model.parts
    assert str(part.network) == SPECS[name]
    assert (model.notes, model.others, part.assumed) == ((), (), ())
    assert (model.format, model.writer) == ("ONNX", "by hand 1")


@pytest.mark.parametrize("name", SPECS)
def test_a_part_computes_what_onnx_runtime_computes(name: str) -> None:
    (part,) = opened(name).parts
    with np.load(FOLDER / "values.npz") as values:
        x, y = values[f"{name}/x"], values[f"{name}/y"]
    result = Model(part.network, weights=keras_weights(part))(x)
    assert result == pytest.approx(y, abs=1e-5)


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(*fields: tuple[int, object]) -> bytes:
    """A message of protobuf: whole numbers, floats, texts and messages by their numbers."""
    out = b""
    for number, value in fields:
        if isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def array(name: str, *shape: int, fill: float = 0.5, extra: Iterable[tuple[int, object]] = ()) -> bytes:
    data = np.full(shape, fill, "<f4").tobytes()
    return message(*((1, size) for size in shape), (2, 1), (8, name), (9, data), *extra)


def attribute(name: str, value: object) -> bytes:
    match value:
        case int():
            return message((1, name), (3, value))
        case float():
            return message((1, name), (2, value))
        case str():
            return message((1, name), (4, value))
        case bytes():
            return message((1, name), (6, value))
        case [str(), *_]:
            return message((1, name), *((9, each) for each in value))
        case [float(), *_]:
            return message((1, name), *((7, each) for each in value))
    raise TypeError(value)


def node(operation: str, inputs: Iterable[str], outputs: Iterable[str], **attributes: object) -> bytes:
    return message(
        *((1, name) for name in inputs),
        *((2, name) for name in outputs),
        (3, f"the_{operation.lower()}"),
        (4, operation),
        *((5, attribute(name, value)) for name, value in attributes.items()),
    )


def graph(
    nodes: Iterable[bytes],
    arrays: Iterable[bytes] = (),
    outputs: Iterable[str] = ("y",),
    inputs: Iterable[str] = (),
) -> bytes:
    return message(
        *((1, each) for each in nodes),
        *((5, each) for each in arrays),
        *((11, message((1, name))) for name in inputs),
        *((12, message((1, name))) for name in outputs),
    )


def model(
    nodes: Iterable[bytes],
    arrays: Iterable[bytes] = (),
    outputs: Iterable[str] = ("y",),
    inputs: Iterable[str] = (),
) -> bytes:
    return message((1, 8), (7, graph(nodes, arrays, outputs, inputs)), (8, message((2, 17))))


LSTM_ARRAYS = (array("W", 1, 16, 3), array("R", 1, 16, 4), array("B", 1, 32), array("P", 1, 12))
LSTM_INPUTS = ("x", "W", "R", "B")


def lstm(inputs: Iterable[str] = LSTM_INPUTS, outputs: Iterable[str] = ("y",), **attributes: object) -> bytes:
    return model([node("LSTM", inputs, outputs, **attributes)], LSTM_ARRAYS, [each for each in outputs if each])


def read(folder: Path, data: bytes, name: str = "m.onnx") -> ModelFile:
    (folder / name).write_bytes(data)
    return open_model(str(folder / name))


CANNOT: dict[str, tuple[bytes, str]] = {
    "peepholes": (lstm([*LSTM_INPUTS, "", "", "", "P"]), "peepholes"),
    "clip": (lstm(clip=3.0), "clips what its gates read at 3"),
    "coupled gates": (lstm(input_forget=1), "input_forget"),
    "the old hard_sigmoid": (lstm(activations=["HardSigmoid", "Tanh", "Tanh"]), "alpha 0.2 and beta 0.5"),
    "an activation of no framework": (lstm(activations=["Sigmoid", "Wave", "Wave"]), "Wave"),
    "numbers of an activation": (
        lstm(activations=["Sigmoid", "Affine", "Affine"], activation_alpha=[2.0, 2.0]),
        "Affine with alpha 2",
    ),
    "another output activation": (lstm(activations=["Sigmoid", "Tanh", "Relu"]), "one activation for both"),
    "too few activations": (lstm(activations=["Sigmoid"]), "1 activations, expected 3"),
    "a direction of no kind": (lstm(direction="sideways"), "sideways"),
    "time turned back": (lstm(direction="reverse"), "go_backwards"),
    "a computed weight": (lstm(["x", "V", "R"]), "its W (V) is computed"),
    "shapes of two cells": (lstm(["x", "R", "W"]), "do not go with"),
    "a bias of another cell": (lstm(["x", "W", "R", "P"]), "B (1, 12) is not (1, 32)"),
    "units that are others": (lstm(hidden_size=5), "gates of 5 units"),
}


@pytest.mark.parametrize("name", CANNOT)
def test_a_cell_that_is_none_of_ours_is_named_with_its_reason(name: str, tmp_path: Path) -> None:
    data, reason = CANNOT[name]
    found = read(tmp_path, data)
    assert not found.parts
    (note,) = found.notes
    assert note.startswith("the_lstm (LSTM): ")
    assert reason in note


def test_a_run_tells_that_it_starts_from_zeros_where_the_file_says_otherwise(
    tmp_path: Path, rnncli: Callable[..., Result]
) -> None:
    for fill in (0.5, 0.0):
        first = [array(name, 1, 1, 4, fill=fill) for name in "HC"]
        read(tmp_path, model([node("LSTM", [*LSTM_INPUTS, "", "H", "C"], ["y"])], [*LSTM_ARRAYS, *first]))
        result = rnncli("forward", tmp_path / "m.onnx")
        assert result.status == 0
        assert ("starts from zeros: in the file its first state is H and C\n" in result.stderr) == bool(fill)


def test_peepholes_of_zeros_and_a_clip_of_nothing_are_no_matter(tmp_path: Path) -> None:
    arrays = (*LSTM_ARRAYS[:3], array("P", 1, 12, fill=0))
    data = model([node("LSTM", [*LSTM_INPUTS, "", "", "", "P"], ["y"], clip=0.0, input_forget=0)], arrays)
    (part,) = read(tmp_path, data).parts
    assert str(part.network) == "input:3,lstm:4:seq"


def test_a_first_state_and_lengths_are_said_to_be_left_out(tmp_path: Path) -> None:
    (part,) = read(tmp_path, lstm([*LSTM_INPUTS, "lengths", "h0", "c0"])).parts
    assert str(part.network) == "input:3,lstm:4:seq"
    assert len(part.assumed) == 2
    assert "lengths" in part.assumed[0]
    assert "h0 and c0" in part.assumed[1]


def test_what_follows_a_chain_is_counted_and_a_second_branch_does_not_take_the_first(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["pixels"], ["x"]),
        node("LSTM", LSTM_INPUTS, ["", "h"]),
        node("Squeeze", ["h", "zero"], ["v"]),
        node("MatMul", ["v", "K"], ["one"]),
        node("LogSoftmax", ["one"], ["two"]),
        node("MatMul", ["v", "L"], ["three"]),
    ]
    zero = message((1, 1), (2, 7), (7, b"\0"), (8, "zero"))
    arrays = [*LSTM_ARRAYS, zero, array("K", 4, 2), array("L", 4, 7)]
    found = read(tmp_path, model(nodes, arrays, ["two", "three"]))
    assert [str(part.network) for part in found.parts] == ["input:3,lstm:4,dense:7:nobias"]
    assert [tensor.name for tensor in found.others] == ["P", "K"]
    assert found.notes == (
        "the_lstm reads x, which is no input of the graph: what makes it is left out",
        "nodes of other kinds are in no part: 1 Conv, 1 LogSoftmax",
    )


def test_a_part_that_ends_before_the_graph_does_says_what_its_output_goes_on_to(tmp_path: Path) -> None:
    nodes = [node("LSTM", LSTM_INPUTS, ["s"]), node("Reshape", ["s", "shape"], ["t"]), node("Relu", ["t"], ["y"])]
    found = read(tmp_path, model(nodes, LSTM_ARRAYS, inputs=["x"]))
    assert [str(part.network) for part in found.parts] == ["input:3,lstm:4:seq"]
    assert found.notes[0] == "the_lstm ends before the graph does: its output goes on to Reshape"


def test_cells_in_the_branches_of_an_if_are_parts_by_the_names_of_their_branches(tmp_path: Path) -> None:
    inner = graph([node("LSTM", LSTM_INPUTS, ["y"])])
    data = model([node("If", ["flag"], ["z"], then_branch=inner, else_branch=inner)], LSTM_ARRAYS, ["z"])
    found = read(tmp_path, data)
    assert [part.name for part in found.parts] == ["the_if/then_branch/the_lstm", "the_if/else_branch/the_lstm"]
    assert {str(part.network) for part in found.parts} == {"input:3,lstm:4:seq"}


def test_cells_that_a_converter_took_apart_are_no_cells_and_it_is_said_what_to_save_instead(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "K"], ["a"]), node("Split", ["a"], ["b", "c"]), node("Sigmoid", ["b"], ["y"])]
    found = read(tmp_path, model(nodes, [array("K", 3, 16)]))
    assert not found.parts
    assert "Sigmoid, MatMul and Split" in found.notes[0]
    assert "model.save('model.keras')" in found.notes[0]


def external(location: str, **entries: object) -> bytes:
    """An LSTM whose W is in a file of its own."""
    pairs = {"location": location, **entries}
    w = message(
        (1, 1), (1, 16), (1, 3), (2, 1), (8, "W"), (14, 1),
        *((13, message((1, key), (2, str(value)))) for key, value in pairs.items()),
    )  # fmt: skip
    return model([node("LSTM", LSTM_INPUTS, ["y"])], [w, *LSTM_ARRAYS[1:]])


def nested(depth: int) -> bytes:
    inner = graph([])
    for _ in range(depth):
        inner = graph([node("If", ["flag"], ["z"], then_branch=inner)])
    return message((7, inner))


LIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "text": (b"hello, this is a text and no model", "byte"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "byte "),
    "no graph": (message((1, 8), (2, "someone")), "no graph"),
    "a field that is too long": (
        varint(7 << 3 | 2) + varint(2**40) + b"abc",
        "1,099,511,627,776 bytes, and 3 are left",
    ),
    "a number without end": (b"\xff" * 30, "byte 0: a number does not end"),
    "a text for a number": (message((7, graph([], [message((2, "float"))]))), "wire type 2, expected 0"),
    "graphs in graphs": (nested(40), "more than 16 deep"),
    "a shape without its numbers": (
        model([], [message((1, 2**40), (1, 2**40), (2, 1), (8, "W"), (9, b"1234"))]),
        "has 4 bytes, expected 4,835,703,278,458,516,698,824,704",
    ),
    "a negative shape": (model([], [message((1, -4), (2, 1), (8, "W"))]), "array W has the shape (-4,)"),
    "a shape of many axes": (model([], [message(*[(1, 1)] * 40, (2, 1), (8, "W"))]), "more than 32 axes"),
    "numbers of no type": (model([], [message((1, 1), (2, 99), (8, "W"))]), "type 99"),
    "numbers in two fields": (model([], [message((1, 1), (2, 1), (4, b"1234"), (9, b"1234"))]), "two fields"),
    "numbers in a field of others": (model([], [message((1, 1), (2, 1), (7, b"1234"))]), "field of others"),
    "too many whole numbers": (model([], [message((1, 1), (2, 7), (7, b"\1\1"))]), "more than 64|has 2 numbers"),
    "a name without end": (model([node("L" * 20_000, [], [])]), "a name has 20,004 bytes"),
    "a folder above": (external("../m.bin"), "no name of a file beside the model"),
    "a root": (external("/etc/passwd"), "no name of a file beside the model"),
    "no place": (external(""), "no name of a file beside the model"),
    "a length of another": (external("m.bin", length=5), "has 5 bytes in m.bin, expected 192"),
    "a place behind the end": (external("m.onnx", offset=2**50), "which has"),
    "an offset of letters": (external("m.onnx", offset="abc"), "offset abc"),
    "a folder for numbers": (external("folder"), "which has"),
    "many nodes": (model([b""] * 200_000), "too many nodes"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_file_that_lies_is_refused_with_the_place_of_the_lie(name: str, tmp_path: Path) -> None:
    data, words = LIES[name]
    (tmp_path / "folder").mkdir()
    with pytest.raises(RnncliError) as caught:
        read(tmp_path, data)
    assert any(each in caught.value.message for each in words.split("|"))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400 + len(str(tmp_path))


def test_what_is_made_of_itself_over_and_over_takes_no_memory(tmp_path: Path) -> None:
    doubled = [node("Concat", [f"v{n}", f"v{n}"], [f"v{n + 1}"], axis=0) for n in range(2000)]
    lengths = [node("Concat", [f"d{n}", f"d{n}"], [f"d{n + 1}"], axis=0) for n in range(2000)]
    squares = [node("Mul", [f"s{n}", f"s{n}"], [f"s{n + 1}"]) for n in range(2000)]
    three = message((1, 1), (2, 7), (7, b"\3"))
    arrays = [array("v0", 4), three + message((8, "d0")), three + message((8, "s0"))]
    with patience():
        assert not read(tmp_path, model([*doubled, *lengths, *squares], arrays)).parts


@pytest.mark.parametrize(
    ("code", "field", "written", "numbers"),
    [
        (7, 7, [0, 1, 127, 128, -1, -(2**63), 2**63 - 1], [0, 1, 127, 128, -1, -(2**63), 2**63 - 1]),
        (6, 5, [-5, 2**31 - 1], [-5, 2**31 - 1]),
        (3, 5, [-128, 127], [-128, 127]),
        (13, 11, [2**64 - 1, 5], [2**64 - 1, 5]),
        (10, 5, [0x3C00, 0xC000], [1, -2]),
        (16, 5, [0x3F80, 0xC000], [1, -2]),
        (17, 5, [0x38, 0xC0], [1, -2]),
        (7, 7, [], []),
    ],
)
def test_numbers_in_fields_of_their_own_are_read(
    code: int, field: int, written: list[int], numbers: list[int], tmp_path: Path
) -> None:
    packed = b"".join(varint(number % 2**64) for number in written)
    for data in ([(field, packed)], [(field, number % 2**64) for number in written]):
        tensor = message((1, 1), (1, len(written)), (2, code), (8, "a"), *data)
        if code == 7 or written:
            found = read(tmp_path, model([], [tensor])).others
            assert [each.read().tolist() for each in found] == [[numbers]]
    if written:
        short = message((1, 1), (1, len(written) + 1), (2, code), (8, "a"), (field, packed + b"\x80"))
        with pytest.raises(RnncliError):
            read(tmp_path, model([], [short])).others[0].read()


def test_arrays_of_several_types_are_not_one_behind_the_other(tmp_path: Path) -> None:
    other = message((1, 1), (1, 4), (1, 3), (2, 11), (8, "w1"), (9, bytes(96)))
    joined = [node("Concat", ["w0", "w1"], ["W"], axis=1), node("LSTM", LSTM_INPUTS, ["y"])]
    found = read(tmp_path, model(joined, [array("w0", 1, 12, 3), other, *LSTM_ARRAYS[1:]]))
    assert not found.parts


def test_a_link_that_leads_away_from_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_bytes(bytes(500))
    (tmp_path / "inside" / "m.bin").symlink_to(tmp_path / "secret")
    with pytest.raises(RnncliError, match=r"byte .*: array W is in m\.bin, a link that leads away from the model"):
        read(tmp_path / "inside", external("m.bin"))
    # A model and its numbers may both be links, as downloaded ones are.
    path = tmp_path / "inside" / "m.onnx"
    path.rename(tmp_path / "blob")
    path.symlink_to(tmp_path / "blob")
    assert open_model(str(path)).parts


def test_sparse_arrays_are_named(tmp_path: Path) -> None:
    sparse = message((1, message((1, 2), (2, 1), (8, "few"), (9, bytes(8)))), (3, 9))
    found = read(tmp_path, message((7, message((15, sparse)))))
    assert found.notes == ("sparse arrays are not read: few",)


def test_arrays_around_a_graph_are_seen_inside_and_hidden_by_others(tmp_path: Path) -> None:
    inside = graph([node("LSTM", LSTM_INPUTS, ["y"])])
    seen = read(tmp_path, model([node("If", ["flag"], ["z"], then_branch=inside)], LSTM_ARRAYS))
    assert [str(part.network) for part in seen.parts] == ["input:3,lstm:4:seq"]
    hidden = graph([node("Sin", ["q"], ["W"]), node("LSTM", LSTM_INPUTS, ["y"])])
    assert not read(tmp_path, model([node("If", ["flag"], ["z"], then_branch=hidden)], LSTM_ARRAYS)).parts


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("LSTM", LSTM_INPUTS, [f"y{n}"]) for n in range(1001)], "more than 1,000 recurrent nodes"),
        ([node("Split", ["W"], [f"o{n}" for n in range(20_000)])], ""),
        ([node("If", ["f"], [f"o{n}"], then_branch=graph([])) for n in range(4000)], ""),
    ],
    ids=["cells", "outputs", "graphs"],
)
def test_many_of_anything_take_no_time(nodes: list[bytes], words: str, tmp_path: Path) -> None:
    with patience():
        if words:
            with pytest.raises(RnncliError, match=words):
                read(tmp_path, model(nodes, LSTM_ARRAYS))
        else:
            assert not read(tmp_path, model(nodes, [*LSTM_ARRAYS, *(array(f"c{n}", 1) for n in range(3000))])).parts


def test_an_array_of_gigabytes_is_not_read_for_its_shape(tmp_path: Path) -> None:
    data = external("big.bin", offset=2**33)
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(2**33 + 192)
    (part,) = read(tmp_path, data).parts
    assert str(part.network) == "input:3,lstm:4:seq"
    assert (keras_weights(part)["lstm/kernel"] == 0).all()


def test_numbers_beside_the_model_that_are_missing_are_missed_when_they_are_read(tmp_path: Path) -> None:
    (part,) = read(tmp_path, external("gone.bin")).parts
    with pytest.raises(RnncliError, match=r"gone\.bin: array W cannot be read"):
        keras_weights(part)


@pytest.mark.parametrize("name", ["classifier", "moved-arrays", "final-states", "pooled"])
def test_a_damaged_file_gives_an_error_of_ours_or_a_model(name: str, tmp_path: Path) -> None:
    good = (FOLDER / f"{name}.onnx").read_bytes()
    random = np.random.default_rng(len(name))
    for turn in range(400):
        data = bytearray(good)
        for _ in range(int(random.integers(1, 4))):
            data[random.integers(len(data))] = random.integers(256)
        if turn % 3 == 0:
            data = data[: random.integers(len(data))]
        if turn % 5 == 0:
            start, end = sorted(random.integers(0, len(good), 2))
            data[start:start] = good[start:end]
        with patience(), suppress(RnncliError):
            for part in read(tmp_path, bytes(data)).parts:
                keras_weights(part)
