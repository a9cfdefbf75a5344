"""Every command is a function or method with the same options, and its results show the same as the screen."""

from __future__ import annotations

import copy
import inspect as signatures
import os
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, suppress
from functools import partial
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from command_lines import OPTIONS
from conftest import MODELS, Run, Walk, some

import rnncli
from rnncli import Model, Network, RnncliError, SpecError
from rnncli.cli import COMMANDS
from rnncli.layers import LSTM, Conv, Embedding, Flatten, Norm
from rnncli.network import NetworkLike
from rnncli.quantities import memory
from rnncli.render.results import SHOWN

MODEL = MODELS / "lstm-1.safetensors"

SPEC = "input:8,lstm:4:seq,gru:3"

FOR_A_SHELL = ("completion", "help")
"""Commands without a purpose in Python."""

OF_RESULTS = {"format": "to", "svg": "save_svg", "theme": "save_svg"}
"""Options that are methods of the result."""

OF_THE_SCREEN = ("color", "quiet")
"""Options of the screen: a result has each number separately, and no colour."""


class Call(NamedTuple):
    """A command line, and the Python call that is equivalent."""

    line: tuple[str, ...]
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = MappingProxyType({})

    def result(self) -> Any:
        """The result of the call."""
        return self.function(*self.arguments, **self.options)


NETWORK = Network.read(SPEC)
SWEPT = "input:8,{lstm,gru}:{4..16..4}"
CALLS = {
    "summary": Call((SPEC, "--wide"), rnncli.summary, (SPEC,), {"wide": True}),
    "explain": Call((SPEC, "--others"), rnncli.explain, (SPEC,), {"others": True}),
    "draw": Call((SPEC,), rnncli.draw, (SPEC,)),
    "compare": Call((SPEC, "input:8,gru:4"), rnncli.compare, (SPEC, "input:8,gru:4")),
    "forward": Call((SPEC, "--timesteps", "9"), rnncli.forward, (SPEC,), {"timesteps": 9}),
    "reach": Call((SPEC, "--timesteps", "9", "--seeds", "1"), rnncli.reach, (SPEC,), {"timesteps": 9, "seeds": 1}),
    "sweep": Call((SWEPT, "--pareto", "params,-output"), rnncli.sweep, (SWEPT,), {"pareto": "params,-output"}),
    "solve": Call(("input:8,lstm:_", "--params", "1k"), rnncli.solve, ("input:8,lstm:_",), {"params": "1k"}),
    "inspect": Call((str(MODEL),), rnncli.inspect, (MODEL,)),
    "export": Call((SPEC, "--to", "torch"), Network.export, (NETWORK, "torch")),
    "page": Call((SPEC, "--timesteps", "9"), rnncli.page, (SPEC,), {"timesteps": 9}),
    "spec": Call((SPEC,), Network.read, (SPEC,)),
    "layers": Call(("seq",), rnncli.look_up, ("seq",)),
}
"""An example of each command."""


def test_each_command_is_a_function_with_its_options(at: Walk) -> None:
    assert {*CALLS, *FOR_A_SHELL} == {*COMMANDS}
    for name, call in CALLS.items():
        taken = signatures.signature(call.function).parameters
        for option in (each.opts[-1].lstrip("-").replace("-", "_") for command, each in OPTIONS if command == name):
            with at(name, option):
                if option in OF_RESULTS:
                    assert hasattr(rnncli.Result, OF_RESULTS[option])
                elif option not in OF_THE_SCREEN:
                    assert option in taken


def test_print_shows_the_commands_output(at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.engine.forward.perf_counter", lambda: 0.0)
    for command, call in CALLS.items():
        with at(command):
            shown = rnncli(command, *call.line)
            notes = "".join(f"{note}\n" for note in shown.stderr.splitlines() if not note.startswith("Note: "))
            assert f"{call.result()}\n" == shown.stdout + notes


def results() -> Iterator[tuple[str, rnncli.Result]]:
    yield from ((command, call.result()) for command, call in CALLS.items() if command != "spec")
    yield "a solution of calls", rnncli.solve("LSTM(_, input_shape=(None, 3))", memory="64KB")
    yield "a loaded model that ran", rnncli.load(str(MODEL)).forward(timesteps=3, plot=True, gates=True)
    yield "a file for ONNX", Network.read(SPEC).export("onnx")
    yield "the language", rnncli.look_up()
    yield "no candidates", rnncli.sweep("input:8,lstm:{4,8}", params=1)


def test_each_result_is_shown_in_each_way(at: Walk, tmp_path: Path) -> None:
    seen = set()
    for name, result in results():
        seen.add(type(result).__name__)
        with at(name, "repr"):
            assert repr(result) == f"<{type(result).__name__} of {result.title}>"
            assert "\n" not in repr(result)
        with at(name, "html"):
            html = result._repr_html_()
            assert html.isascii() or "<svg" in html or "srcdoc" in html
            assert "<script" not in html
        with at(name, "markdown"):
            assert result._repr_markdown_() == result.to("markdown")
        with at(name, "table"):
            assert result.to("table") == f"{result}\n"
        with at(name, "svg"):
            written = result.save_svg(tmp_path / "picture.svg", theme="light")
            assert (tmp_path / "picture.svg").stat().st_size == written.size
        if SHOWN[type(result).__name__].columns is not None:
            with at(name, "rows"):
                rows = result.rows()
                assert result.to("csv").count("\n") >= len(rows)
                assert len({tuple(row) for row in rows}) <= 1
    assert seen == {*SHOWN}


def test_no_public_name_is_also_a_subpackage() -> None:
    """The subpackage would replace it once imported."""
    package = Path(rnncli.__file__).parent
    assert [name for name in rnncli.__all__ if (package / name).exists() or (package / f"{name}.py").exists()] == []


WRONG = (
    *(object(), None, b"x", 1.5, -1, 2**64, "\ud800", "", [], [[]], {}, int, float("nan")),
    *(np.array(3), np.array([1, 2])),
)
"""Values that are invalid for nearly every argument."""

NO_SPEC = (
    *("summary", "explain", "draw", "forward", "reach", "page", "input_shape", "shapes", "check_timesteps", "weights"),
    *("rows", "to"),
)
"""Methods without required arguments."""

ASKED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **{f"{each}.export": (("torch",), {}) for each in ("Network", "Model")},
    **{f"{each}.{name}": ((), {}) for each in ("Network", "Model", "Summary") for name in NO_SPEC},
    "Model.output_shape": ((2, 3), {}),
    "Model.run": ((np.zeros((1, 2, 8)),), {}),
    "Model.__call__": ((np.zeros((1, 2, 8)),), {}),
    "Summary.save_svg": (("picture.svg",), {}),
}
"""The arguments of some methods; the others get a spec."""


def methods() -> dict[str, Callable[..., Any]]:
    """The public methods of a network, a model and a result that take arguments."""
    things = (Network.read(SPEC), Model(SPEC), Network.read(SPEC).summary())
    return {
        f"{type(thing).__name__}.{name}": method
        for thing in things
        for name in dir(type(thing))
        if (not name.startswith("_") or name == "__call__") and name not in INTERNAL
        if callable(method := getattr(thing, name))
    }


INTERNAL = ("begin", "prepare", "watch_gates", "chunks_of", "starting", "accounts", "steps_read", "meeting_padding")
"""Methods for internal use."""


def test_every_wrong_argument_is_rejected_with_a_message_or_works(at: Walk, tmp_path: Path) -> None:
    others = {"load": rnncli.load, "Model": Model, **methods()}
    asked = {name: (function, *ASKED.get(name, ((SPEC,), {}))) for name, function in others.items()}
    with chdir(tmp_path):
        for name, (function, arguments, options) in ({name: call[1:] for name, call in CALLS.items()} | asked).items():
            parameters = signatures.signature(function).parameters.values()
            for (number, parameter), wrong in some(product(enumerate(parameters), WRONG), 3):
                if parameter.name in ("color", "asked") or (parameter.name == "self"):
                    continue
                with at(name, parameter.name, repr(wrong)), suppress(RnncliError):
                    if parameter.kind is parameter.VAR_POSITIONAL:
                        function(wrong, *arguments[1:], **options)
                    elif number < len(arguments):
                        function(*arguments[:number], wrong, *arguments[number + 1 :], **options)
                    else:
                        function(*arguments, **{**options, parameter.name: wrong})


KINDS = ("NetworkLike", NetworkLike)
"""The annotation of what can represent a network, where annotations are evaluated, and elsewhere."""


def test_everything_that_can_represent_a_network_is_accepted(tmp_path: Path, at: Walk) -> None:
    layers = "[keras.layers.Embedding(vocab, 4), keras.layers.LSTM(3)]"
    (tmp_path / "model.py").write_text(f"import keras\nmodel = keras.Sequential({layers})\n")
    for text, spec in {
        SPEC: SPEC,
        "nn.LSTM(40, 64)": "input:40,lstm:64",
        str(MODEL): str(rnncli.inspect(str(MODEL)).parts[0].network),
        f"{MODEL}::1": str(rnncli.inspect(str(MODEL)).parts[0].network),
    }.items():
        with at(text):
            assert str(Network.read(text)) == str(rnncli.load(text).network) == spec
            assert str(rnncli.draw(text).network) == spec
    assert str(Network.read(tmp_path / "model.py", set={"vocab": 50})) == "embed:50x4,lstm:3"
    inspected = rnncli.inspect(tmp_path / "model.py", set={"vocab": 50}).as_dict()
    assert (inspected["total_params"], inspected["parts"][0]["layers"][1]["params"]) == (None, 96)
    assert rnncli.inspect(f"{MODEL}::1").as_dict() == rnncli.inspect(str(MODEL)).as_dict()
    with pytest.raises(RnncliError, match="has no part 9"):
        rnncli.inspect(f"{MODEL}::9")
    # Type checkers accept the same.
    takers = (rnncli.summary, rnncli.explain, rnncli.draw, rnncli.compare, rnncli.forward, rnncli.load, rnncli.reach)
    for function in (*takers, rnncli.page, Network.read, Model):
        with at(function):
            assert next(iter(signatures.signature(function).parameters.values())).annotation in KINDS


def test_a_model_keeps_its_given_weights(tmp_path: Path) -> None:
    model = Model(SPEC, seed=5, dtype="float64")
    model.forward(timesteps=3, save_weights=tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as saved:
        assert {key: saved[key].dtype for key in saved} == {key: np.dtype("float64") for key in model.weights}
        for key in saved:
            np.testing.assert_array_equal(saved[key], model.weights[key])
    exported = model.export("keras", save_weights=tmp_path / "keras.npz")
    assert exported.files[0].path == str(tmp_path / "keras.npz")
    again = Model(SPEC, weights=dict(np.load(tmp_path / "w.npz")))
    np.testing.assert_allclose(again.weights["lstm/kernel"], model.weights["lstm/kernel"], rtol=1e-7)
    assert model.reach(seeds=2).networks[0].init is None
    assert model.summary().dtype == "float64"


def sent(thing: Any) -> Any:
    """Something as another process gets it."""
    return pickle.loads(pickle.dumps(thing))


def test_copies_compute_the_same_as_the_original(at: Walk, tmp_path: Path) -> None:
    """A model that has run has buffers, which a copy must not share; functions cannot be pickled."""
    for spec in ("input:8,lstm:4", "input:8,gru:4:bi,dense:2", "input:8,rnn:3,repeat:2"):
        model = Model(spec, seed=1)
        x = np.random.default_rng(0).standard_normal((2, 5, 8))
        y = model(x)
        for again in (copy.copy(model), copy.deepcopy(model), sent(model), rnncli.load(model), Model(model)):
            with at(spec):
                np.testing.assert_array_equal(again(x), y)
                np.testing.assert_array_equal(again(x), y)
    for path in (MODEL, *MODELS.glob("gru*"), MODELS / "plain.pt", *sorted(MODELS.glob("onnx/gru*"))):
        file, network = rnncli.inspect(path), Network.read(path)
        weights = Model(network).weights
        for name, take in {"copied": copy.copy, "deeply": copy.deepcopy, "pickled": sent}.items():
            with at(path.name, name):
                assert take(file).as_dict() == file.as_dict()
                again = take(take(network))
                assert (again, again.origin, again.part.path) == (network, network.origin, str(path))
                for key, array in Model(again).weights.items():
                    np.testing.assert_array_equal(array, weights[key])
                assert take(rnncli.load(network)).part.path == str(path)
                inspected = take(file.parts[0]).network
                assert (inspected, inspected.origin) == (network, network.origin)
                for key, array in Model(inspected).weights.items():
                    np.testing.assert_array_equal(array, weights[key])
    with at("weights from a part"):
        model = Model(str(rnncli.inspect(MODEL).parts[0].network), seed=1)
        model.load_weights(rnncli.inspect(MODEL).parts[0])
        with pytest.raises(ValueError, match="which does not fit input:8,lstm:4"):
            Model("input:8,lstm:4", weights=rnncli.inspect(MODEL).parts[0])
        assert all((model.weights[key] == array).all() for key, array in rnncli.load(MODEL).weights.items())
    with at("a loaded model keeps no file open"):
        before = os.listdir("/dev/fd")
        models = [rnncli.load(path), Model(rnncli.load(MODEL))]
        assert (os.listdir("/dev/fd"), len(models)) == (before, 2)
    with at("a file that has changed, with a tab in its name"):
        path = tmp_path / "a\tfile.safetensors"
        path.write_bytes(MODEL.read_bytes())
        network = sent(Network.read(path))
        assert repr(rnncli.inspect(path)) == f"<ModelFile of {tmp_path}/a file.safetensors>"
        assert repr(rnncli.inspect(path).parts[0]) == f"<Part rnn: {network}>"
        path.write_bytes((MODELS / "gru-3.safetensors").read_bytes())
        assert network.summary().total_params == Network.read(MODEL).summary().total_params
        with pytest.raises(RnncliError, match="safetensors has changed: rnn has no"):
            Model(network)
    with at("a solution"):
        solution = rnncli.solve("input:8,lstm:_", params="10k")
        assert sent(solution) == copy.deepcopy(solution) == solution
    with at("an error"), pytest.raises(rnncli.SpecError) as caught:
        Network.parse("input:8,lstm:4,lstm:3")
    with at("an error", "pickled"):
        again = sent(caught.value)
        assert (type(again), str(again)) == (type(caught.value), str(caught.value))


def test_a_loaded_file_runs_with_its_weights_unless_others_are_given(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 9, (1, 5))
    np.save(tmp_path / "x.npy", x)
    of_file, others = Model(MODEL), Model(Network.parse(str(Network.read(MODEL))), seed=4)
    others.save_weights(tmp_path / "others.npz")
    loaded = rnncli.load(str(MODEL))
    assert loaded.part is not None
    np.testing.assert_array_equal(loaded(x), of_file(x))
    for forward in (Network.read(MODEL).forward, loaded.forward, partial(rnncli.forward, str(MODEL))):
        forward(input=tmp_path / "x.npy", output=tmp_path / "y.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), of_file(x))
    loaded.export("onnx", output=tmp_path / "model.onnx")
    np.testing.assert_allclose(rnncli.load(tmp_path / "model.onnx")(x), of_file(x), rtol=1e-6, atol=1e-6)
    assert loaded.reach(seeds=1).networks[0].file == str(MODEL)
    for weights in (tmp_path / "others.npz", dict(others.weights)):
        np.testing.assert_array_equal(rnncli.load(MODEL, weights=weights)(x), others(x))
        rnncli.forward(MODEL, weights=weights, input=tmp_path / "x.npy", output=tmp_path / "y.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), others(x))
    of_file.load_weights(others.weights)
    np.testing.assert_array_equal(of_file(x), others(x))
    with pytest.raises(TypeError):
        of_file.weights["lstm/bias"] = np.zeros(12)  # type: ignore[index]
    of_file.weights = loaded.weights
    np.testing.assert_array_equal(of_file(x), loaded(x))


def test_numpy_numbers_and_option_spellings_are_accepted() -> None:
    network = Network.read(SPEC)
    assert network.summary(np.int64(3), np.int32(5)) == network.summary(3, 5)
    assert network.summary(dtype=np.float16, rate=np.int64(9)) == network.summary(dtype="float16", rate=9)
    assert rnncli.sweep("input:8,lstm:{4,8}", dtype=np.dtype("int8")).setting.dtype == "int8"
    lengths = [network.forward(lengths=given).forward.lengths for given in ("5,3,7", np.array([5, 3, 7]), [5, 3, 7])]
    assert lengths == [(5, 3, 7)] * 3
    assert network.forward(timesteps=np.int64(2), dtype=np.float64).summary.dtype == "float64"
    assert network.summary(rate=0.1) == network.summary(rate="0.1")
    assert rnncli.solve("LSTM(25)", params="10k").notes == (
        "Note: read as input:_,lstm:25; assumed: the blank _ is the number of input features",
    )
    assert rnncli.solve("input:8,lstm:_a:seq,gru:_", params="1k").numbers == {"a": 6, "_": 11}
    assert rnncli.draw("nn.LSTM(40, n)", set={"n": np.int64(64)}).title == "input:40,lstm:64"
    with pytest.raises(TypeError, match="Flatten takes no arguments; given: 1"):
        Flatten(3)  # type: ignore[call-arg]
    two, few = np.int64(2), np.float64(1e-5)
    body = Conv(two, two, strides=two), Norm(epsilon=few), LSTM(np.uint8(4), proj_size=two)
    assert str(Network([Embedding(two, two, length=two), *body])) == (
        "embed:2x2:length=2,conv:2x2:stride=2,norm:eps=1e-5,lstm:4:proj=2"
    )


def test_a_blank_of_calls_is_not_computed_with() -> None:
    shapes = ("LSTM(n + 1, input_shape=(None, m))", "LSTM(n, input_shape=(None, n - 1))")
    for calls in (*shapes, "Dense(n // 2)", "Dense(2 * n)"):
        with pytest.raises(SpecError, match="computed from one that is left open"):
            rnncli.solve(calls, params="10k")
    for calls, said in {"Dropout(p), LSTM(4)": "rate is p,", "nn.LSTM(8, n), nn.Linear(9, 3)": "it returns n"}.items():
        with pytest.raises(SpecError, match=said):
            rnncli.solve(calls, params="10k")
    stacked = rnncli.solve("nn.LSTM(8, n, bidirectional=True), nn.Linear(2 * n, 3)", params="10k")
    assert stacked.spec == "input:8,lstm:30:bi,dense:3"


def test_a_run_says_what_was_assumed_when_its_network_was_read(at: Walk) -> None:
    for given in (rnncli.load("SimpleRNN(2)"), Network.read("SimpleRNN(2)")):
        for result in (given.forward(), given.reach(seeds=1), given.export("keras")):
            with at(given, result.title):
                assert result.notes[0] == "Note: read as input:32,rnn:2: an input of 32 features"
    assert Network.parse("input:32,rnn:2").forward().notes == ()
    assert [note[:6] for note in rnncli.forward("nn.LSTM(8, 4)").notes] == ["Note: "] * 2


def test_drawings_on_one_page_have_distinct_ids() -> None:
    network = Network.read(SPEC)
    shown = "".join(result._repr_html_() for result in (network.draw(), network.draw(), network.reach(seeds=1)))
    names = re.findall(r'\bid="([^"]+)"', shown)
    assert len(names) == len({*names}) > 4


def test_a_model_counts_in_its_own_dtype_unless_another_is_given() -> None:
    model = Model(SPEC, dtype="float64")
    sizes = [each.total_bytes for each in model.compare("input:8,gru:4").summaries]
    assert sizes == [model.summary().total_bytes, Network.read("input:8,gru:4").summary().total_bytes]
    assert [each.dtype for each in model.compare(SPEC, dtype="float32").summaries] == ["float32", "float32"]
    total = f"{model.summary().total_params:,} ({memory(model.summary().total_bytes)})"
    assert f"<strong>{total}</strong>" in model.page().html
