"""`rnncli export --to numpy`: the program runs without rnncli and returns the output of Keras and `rnncli forward`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE, Run, Walk, some
from golden.data import difference, enough_timesteps, read_values
from hypothesis import assume, given
from hypothesis import strategies as st
from kinds import HEADS, KINDS, small_network
from kinds.activations import ACTIVATIONS, TEXTBOOK
from strategies import layers_of, networks, small_sizes

from rnncli import Network, UsageError
from rnncli.engine.checks import weight_shapes
from rnncli.engine.initializers import initial_weights
from rnncli.engine.model import Model
from rnncli.export import Job, export

TOLERANCE = 1e-5

SMALL = networks(layers_of(HEADS, small_sizes), largest=5, sizes=small_sizes)
"""Networks that are quick to run."""


def source_of(network: str | Network, saved: str | None = None, seed: int = 0) -> str:
    text = export(Job(Network.read(network), dict, seed, saved), "numpy")
    assert isinstance(text, str)
    return text


def run(source: str) -> dict[str, Any]:
    """The names defined by a program when it is imported rather than started."""
    scope: dict[str, Any] = {"__name__": "exported"}
    with np.errstate(all="ignore"):
        exec(compile(source, "<source>", "exec"), scope)
    return scope


def output_of(source: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return run(source)["model"](x)


def test_with_weights_from_a_file_it_matches_keras(at: Walk) -> None:
    for each in some((each for each in read_values() if each.dtype == "float64"), 11):
        with at(each.spec):
            np.savez("w.npz", **each.weights)
            assert difference(output_of(source_of(each.spec, "w.npz"), each.x), each.y) < TOLERANCE


def check_program(spec: str, rnncli: Run, folder: Path) -> None:
    """Check that a program draws the same weights and input as `rnncli forward`, and returns the same output."""
    rnncli("forward", spec, "--seed", 5, "-o", folder / "y.npy", "--save-weights", folder / "w.npz")
    weighted = ", **weights" if weight_shapes(Network.parse(spec)) else ""
    program = source_of(spec, seed=5) + f"    np.savez('out.npz', y=y{weighted})\n"
    (folder / "program.py").write_text(program, encoding="utf-8")
    # -I: neither rnncli nor anything else in this directory can be imported.
    line = [sys.executable, "-I", "-W", "error", "program.py"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    y = np.load(folder / "y.npy")
    assert done.stdout.splitlines()[0].endswith(f" -> {y.shape}")
    with np.load(folder / "out.npz") as out, np.load(folder / "w.npz") as weights:
        assert difference(out["y"], y) < TOLERANCE
        assert [*out] == ["y", *weights]
        for key in weights:
            assert difference(out[key], weights[key]) < 1e-6, key


def test_it_draws_the_weights_and_input_of_forward(rnncli: Run, tmp_path: Path) -> None:
    check_program("embed:9x3:mask,gru:2:seq:bi,norm,pool:avg,repeat:4,lstm:3,dropout:0.5,dense:2", rnncli, tmp_path)


def test_its_own_input_is_as_long_as_a_window(at: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    for layer in ("conv:2x200", "pool:max:200", "pool:avg:200:stride=1"):
        with at(layer):
            exec(source_of(f"input:8,{layer}"), {"__name__": "__main__"})
            assert capsys.readouterr().out.startswith("(1, 200, 8) -> (1, 1, ")


@pytest.mark.thorough
def test_for_every_kind_it_draws_the_weights_and_input_of_forward(at: Walk, rnncli: Run, tmp_path: Path) -> None:
    for kind in KINDS.values():
        with at(kind.names[0]):
            check_program(small_network(kind), rnncli, tmp_path)


@given(SMALL, st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 5))
def test_any_network_matches_the_engine(network: Network, seed: int, batch: int, timesteps: int) -> None:
    random = np.random.default_rng(seed)
    shape = network.head.input_shape(batch, enough_timesteps(network.layers, timesteps))
    vocabulary = network.head.vocabulary
    x = random.normal(size=shape) if vocabulary is None else random.integers(0, vocabulary, shape)
    weights = initial_weights(network, seed, np.dtype("float32"), "keras")
    with np.errstate(all="ignore"):
        single, double = (Model(network, dtype=dtype, weights=weights)(x) for dtype in ("float32", "float64"))
    assume(difference(single, double) < 1e-6)
    source = source_of(network, seed=seed)
    y = output_of(source, x)
    assert difference(y, double) < TOLERANCE


def test_an_activation_matches_the_textbook(at: Walk) -> None:
    x = np.linspace(-6, 6, 20)
    for name in {*ACTIVATIONS} - {"linear", "tanh"}:
        with at(name):
            activation = run(source_of(f"input:3,dense:2:{name}"))[name]
            assert np.allclose(activation(x), TEXTBOOK[name](x), rtol=0, atol=1e-12)


@given(networks(largest=8))
def test_every_defined_function_is_called(network: Network) -> None:
    tree = ast.parse(source_of(network))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert defined <= read
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert assigned - read <= {"n", "_"}


def test_equal_cells_share_a_function_and_a_deep_network_is_a_loop() -> None:
    source = source_of("input:8,lstm:16:seq:x12,dense:1", "w.npz")
    assert source.count("def ") == len(["sigmoid", "lstm", "dense", "model"])
    assert '    for n in range(1, 12):\n        x = lstm(x, f"lstm_{n}")  # (batch, timesteps, 16)\n' in source
    assert len(source_of("input:8,lstm:16:seq:x999").splitlines()) < 100


def test_the_docstring_has_a_long_spec_in_full() -> None:
    spec = ",".join(["input:8", *(f"lstm:{units}:seq,dropout:0.5" for units in range(10, 30)), "dense:1"])
    source = source_of(spec)
    said = ast.get_docstring(ast.parse(source))
    assert said is not None
    assert said.replace("\n", "") == f"{spec} in plain NumPy"
    assert max(map(len, source.splitlines())) <= 88


def test_a_network_without_weights_needs_no_file_and_draws_nothing() -> None:
    x = np.arange(6.0).reshape(1, 3, 2)
    for spec, y in (("input:2", x), ("input:2,pool:max,repeat:2", [[[4, 5], [4, 5]]]), ("input:2,dropout:0.5", x)):
        for saved in (None, "none.npz"):
            source = source_of(spec, saved)
            assert "weights" not in source
            assert (output_of(source, x) == y).all()


def test_the_weights_of_a_file_are_not_replaced_by_random_ones(rnncli: Run, tmp_path: Path) -> None:
    rnncli("forward", "input:3,lstm:2", "--save-weights", tmp_path / "w.npz")
    assert rnncli("export", "input:3,lstm:2", "--weights", tmp_path / "w.npz", "--to", "numpy").refusal() == (
        f"Error: the NumPy program would draw new weights instead of the weights in {tmp_path}/w.npz\n"
        "Help: save the weights for the program: --save-weights model.npz\n"
    )
    with pytest.raises(UsageError):
        export(Job(Network.parse("input:3,lstm:2"), dict, drawn=False), "numpy")


def test_the_weights_of_a_file_are_saved_with_the_program_and_loaded(rnncli: Run) -> None:
    spec = "embed:9x3:mask,gru:2:bi,dense:2"
    forward = rnncli("forward", spec, "--seed", 8, "--save-weights", "w.npz", "-o", "y.npy")
    assert forward.status == 0
    result = rnncli("export", spec, "--weights", "w.npz", "--seed", 8, "--to", "numpy", "--save-weights", "v.npz")
    assert result.status == 0
    assert 'with np.load("v.npz") as file:\n' in result.stdout
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(result.stdout, scope)
    assert difference(scope["y"], np.load("y.npy")) < TOLERANCE
    with np.load("w.npz") as before, np.load("v.npz") as after:
        assert all((before[key] == after[key]).all() for key in before)
