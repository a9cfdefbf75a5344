"""The engine against PyTorch, ONNX Runtime and Keras on the same cells, weights and inputs, alternating in one process.

    make bench

Every figure is the median over rounds of the ratio rnncli / peer, so below 1 rnncli is faster. Outputs are compared
before anything is timed. The limit is a single matrix product with as many multiply-adds. The floor is the best that a
Python loop can reach: timesteps × (NumPy calls × time per call + time of a step's product), as derived in
`rnncli/engine/cells.py`. `make bench` runs this once for each installed Keras backend, with OPENBLAS_CORETYPE unset,
because that would force another processor's kernel.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

import keras
import numpy as np
import onnxruntime
import torch
from golden import frameworks
from golden.exports.case import run as run_source
from rich.console import Console
from rich.table import Table

from rnncli import Network
from rnncli.engine.cells import calls_per_step, make_loop
from rnncli.engine.model import Model
from rnncli.export import Job, arrays, export

Run = Callable[[], np.ndarray]

SIZES = (
    (1, 100, 32, 32),
    (1, 100, 32, 64),
    (32, 100, 32, 32),
    (32, 100, 128, 128),
    (64, 200, 256, 256),
    (1, 200, 512, 512),
    (128, 100, 512, 512),
)
"""(batch, timesteps, features, units)."""

STACKS = (
    "input:32,lstm:32:seq:bi",
    "input:64,lstm:64:seq:bi",
    "input:64,gru:64:seq:bi",
    "embed:10000x64,{0}:64:seq:x3,{0}:64",
)
STACK_SIZES = ((1, 100), (32, 100))

WINDOWS = ("input:64,conv:32x5", "input:64,conv:32x5:stride=2:causal", "input:64,pool:max:4")
WINDOW_SIZES = ((1, 100), (1, 10_000), (32, 100))

SECONDS_A_CASE = 3.0
PAUSE = 0.003
"""Seconds to wait before each call, until the previous library's threads have gone to sleep."""


class Case(NamedTuple):
    """A network with an input, and the goals: upper limits on rnncli / peer."""

    spec: str
    batch: int
    timesteps: int
    goals: dict[str, float]


def cases() -> Iterator[Case]:
    """Yield the cases to measure."""
    keras_name = f"Keras ({keras.backend.backend()})"
    for cell in ("rnn", "lstm", "gru"):
        for batch, timesteps, features, units in SIZES:
            goals = {"PyTorch": 1.0 if cell == "rnn" else 1.4, keras_name: 1.0}
            if cell == "rnn" and batch > 1:
                goals["ONNX Runtime"] = 1.0
            yield Case(f"input:{features},{cell}:{units}:seq", batch, timesteps, goals)
    for stack in STACKS:
        for cell in ("rnn", "lstm", "gru") if "{" in stack else ("",):
            for batch, timesteps in STACK_SIZES:
                spec = stack.format(cell)
                yield Case(spec, batch, timesteps, {"PyTorch": 1.0 if "rnn" in spec else 1.4, keras_name: 1.0})
    for spec in WINDOWS:
        for batch, timesteps in WINDOW_SIZES:
            yield Case(spec, batch, timesteps, {"PyTorch": 1.5, keras_name: 1.5})


def main() -> None:
    """Measure and print the table; exit 1 if an output differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    seconds = SECONDS_A_CASE * (0.1 if parser.parse_args().quick else 1)
    keras_name = f"Keras ({keras.backend.backend()})"
    peers = ("PyTorch", "ONNX Runtime", keras_name, "one product", "floor")
    table = Table(title="rnncli / peer, medians of ratios; under 1 rnncli is ahead")
    for title in ("Network", "Batch", "Steps", "rnncli", *peers, "Goals"):
        table.add_column(title, justify="left" if title in ("Network", "Goals") else "right")
    torch.set_grad_enabled(False)
    for case in cases():
        network = Network.parse(case.spec)
        weights = some_weights(network)
        x = some_input(network, case.batch, case.timesteps)
        model = Model(network, weights=weights)
        runs: dict[str, Run] = {"rnncli": partial(model, x)}
        runs["PyTorch"] = torch_run(network, weights, x)
        if len(network.layers) == 2 and network.body[0].states and network.body[0].merge is None:
            runs["ONNX Runtime"] = onnx_run(network, weights, x)
            runs["one product"] = product_run(network, case)
        runs[keras_name] = keras_run(network, weights, x)
        check(case, runs)
        times = in_turn(runs, seconds)
        ratios = {
            peer: median(a / b for a, b in zip(times["rnncli"], times[peer], strict=True))
            for peer in peers
            if peer in runs
        }
        if "one product" in runs:
            ratios["floor"] = min(times["rnncli"]) / floor(network, weights, case)
        missed = [peer for peer, most in case.goals.items() if ratios[peer] > most]
        table.add_row(
            case.spec,
            str(case.batch),
            str(case.timesteps),
            f"{median(times['rnncli']) * 1e3:.2f} ms",
            *(f"{ratios[peer]:.2f}" if peer in ratios else "" for peer in peers),
            f"missed: {', '.join(missed)}" if missed else "met",
        )
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    Console(width=140).print(table)


def some_weights(network: Network) -> dict[str, np.ndarray]:
    """Return weights small enough for long sequences."""
    generator = np.random.default_rng(1)
    return {
        key: generator.normal(0, 0.5 / np.sqrt(array.shape[0]), array.shape).astype(np.float32)
        for key, array in Model(network).weights.items()
    }


def some_input(network: Network, batch: int, timesteps: int) -> np.ndarray:
    generator = np.random.default_rng(2)
    features = network.input_shape()[-1]
    if features is None:
        return generator.integers(0, network.head.input_dim, (batch, timesteps))
    return generator.standard_normal((batch, timesteps, features), np.float32)


def torch_run(network: Network, weights: dict[str, np.ndarray], x: np.ndarray) -> Run:
    """Return a function that runs the exported PyTorch module under inference_mode."""
    job = Job(network, lambda: weights)
    module = run_source(export(job, "torch"))["model"].eval()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays(job, "torch").items()})
    tensor = torch.from_numpy(x)

    def run() -> np.ndarray:
        with torch.inference_mode():
            return module(tensor).numpy()

    return run


def keras_run(network: Network, weights: dict[str, np.ndarray], x: np.ndarray) -> Run:
    """Return a function that runs the Keras model compiled, as `predict` does for a batch."""
    model = frameworks.keras_model(network.layers)
    model.set_weights(list(weights.values()))
    return lambda: np.asarray(model.predict_on_batch(x))


def onnx_run(network: Network, weights: dict[str, np.ndarray], x: np.ndarray) -> Run:
    """Return a function that runs the exported ONNX model in a session."""
    model = export(Job(network, lambda: weights), "onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (reads,) = session.get_inputs()
    return lambda: session.run(None, {reads.name: x})[0]


def product_run(network: Network, case: Case) -> Run:
    """Return a function that computes one matrix product with as many multiply-adds as the network."""
    kernel, recurrent = (w.shape for w in network.summary().layers[0].weights if w.multiplies)
    matrix = np.ones((kernel[1], kernel[0] + recurrent[0]), np.float32)
    operand = np.ones((matrix.shape[1], case.batch * case.timesteps), np.float32)
    out = np.empty((matrix.shape[0], operand.shape[1]), np.float32)
    return lambda: np.dot(matrix, operand, out)


def floor(network: Network, weights: dict[str, np.ndarray], case: Case) -> float:
    """Return the time in seconds of the NumPy calls and products of all steps, without overhead in between."""
    (name,), (layer,) = network.names, network.body
    own = {key.removeprefix(f"{name}/"): array for key, array in weights.items()}
    loop = make_loop(layer, own, case.batch, case.timesteps)
    operand = loop.operands[0]
    out = np.empty((len(loop.matrix), case.batch), operand.dtype)
    number = np.zeros(1, operand.dtype)
    calls = (calls_per_step(layer) or 1) - 1 - (loop.projected is None)
    return case.timesteps * (
        calls * best_of(partial(np.add, number, number, number)) + best_of(partial(loop.matrix.dot, operand, out))
    )


def best_of(call: Callable[[], object], rounds: int = 20, calls: int = 200) -> float:
    """Return the time of a call in seconds: the best of several bursts."""
    best = float("inf")
    for _ in range(rounds):
        begin = perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (perf_counter() - begin) / calls)
    return best


def check(case: Case, runs: dict[str, Run]) -> None:
    """Stop if an output differs from rnncli's."""
    ours = runs["rnncli"]()
    for peer, run in runs.items():
        # PyTorch's output at the last timestep is not the final output of its backward direction.
        if peer not in ("one product", "rnncli"):
            worst = float(np.abs(run() - ours).max())
            if worst > 1e-4:
                sys.exit(f"{case.spec}: rnncli and {peer} differ by {worst:.1e}")


def in_turn(runs: dict[str, Run], seconds: float) -> dict[str, list[float]]:
    """Return the times of every run in seconds, round by round, after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    start = perf_counter()
    while len(times["rnncli"]) < 7 or (perf_counter() - start < seconds and len(times["rnncli"]) < 200):
        for name, run in runs.items():
            sleep(PAUSE)
            begin = perf_counter()
            run()
            times[name].append(perf_counter() - begin)
    return {name: each[1:] for name, each in times.items()}


if __name__ == "__main__":
    main()
