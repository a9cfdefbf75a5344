"""`rnncli forward --plot --gates`: the gates match the equations, and their display."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference
from conftest import Run, Screen, Walk
from kinds import kind_of
from kinds.recurrent import RecurrentKind, under

from rnncli import Network
from rnncli.engine.cells import CELLS
from rnncli.engine.model import Model
from rnncli.engine.run import watched
from rnncli.engine.study import Gate, study_of
from rnncli.layers import Recurrent

Gates = dict[str, np.ndarray]
"""The gates of all steps by name, each (steps, units), in the cell's order."""


def model_of(fields: str, head: str = "input:3") -> Model:
    """A model with random weights and biases that make gates open and close."""
    network = Network.parse(f"{head},{fields}")
    return Model(network, weights=reference.random_weights(network, scale=1.5), dtype="float64")


def found(model: Model, x: np.ndarray) -> dict[str, Gate]:
    gates = study_of(model, watched(model.network), model.chunks_of(x), *x.shape[:2], with_gates=True).gates
    assert gates is not None
    return {gate.direction + gate.symbol: gate for gate in gates}


def by_hand(model: Model, x: np.ndarray, direction: str = "") -> Gates:
    """The gates by the textbook's equations, for one sample."""
    layer, prefix = model.network.body[-1], f"{model.network.names[-1]}/{direction}"
    kind = kind_of(layer)
    assert isinstance(layer, Recurrent)
    assert isinstance(kind, RecurrentKind)
    weights = under(model.weights, prefix)
    h = c = np.zeros(layer.units)
    steps = []
    for x_t in x:
        steps.append(kind.gates(layer, weights, x_t, h))
        h, c = kind.step(layer, weights, x_t, h, c)
    return {name: np.array([step[name] for step in steps]) for name in steps[0]}


def test_the_gates_match_the_equations(at: Walk) -> None:
    cases = ("lstm:5", "gru:4", "gru:4:reset=before", "lstm:3:softsign", "gru:3:act=relu", "lstm:4:recact=softsign")
    for fields, timesteps in product(cases, (7, 150)):
        with at(fields, timesteps):
            model = model_of(fields)
            x = np.random.default_rng(0).standard_normal((2, timesteps, 3))
            gates, expected = found(model, x), by_hand(model, x[0])
            assert list(gates) == list(expected)
            starts = np.arange(min(timesteps, 64)) * timesteps // min(timesteps, 64)
            for name, values in expected.items():
                gate = gates[name]
                told = abs(values) if name == "g" else values
                assert gate.bins == pytest.approx([part.mean() for part in np.split(told, starts[1:])])
                assert gate.mean == pytest.approx(told.mean())
                if name == "g" or "recact" in fields:
                    assert (gate.open, gate.closed) == (None, None)
                else:
                    assert gate.open == pytest.approx((values > 0.9).mean())
                    assert gate.closed == pytest.approx((values < 0.1).mean())
                    assert gate.open + gate.closed > 0


def test_each_direction_has_separate_gates_in_order_of_time(at: Walk) -> None:
    x = np.random.default_rng(0).standard_normal((1, 20, 3))
    both = (("forward/", 1), ("backward/", -1))
    for fields, ways in (
        ("lstm:4:bi", both),
        ("gru:3:reset=before:bi", both),
        ("gru:3:act=softsign:bi", both),
        ("gru:4:back", (("", -1),)),
    ):
        with at(fields):
            model = model_of(fields)
            gates = found(model, x)
            for direction, turn in ways:
                for name, values in by_hand(model, x[0, ::turn], direction).items():
                    in_time = values[::turn] if direction else values  # a backward layer keeps its own order
                    told = abs(in_time) if name == "g" else in_time
                    assert gates.pop(direction + name).bins == pytest.approx(told.mean(axis=1))
            assert not gates


def test_padding_is_left_out_and_changes_no_figure(at: Walk) -> None:
    ids = np.random.default_rng(1).integers(1, 9, (1, 40))
    for fields in ("lstm:4", "gru:4", "gru:3:back", "lstm:3:bi"):
        with at(fields):
            model = model_of(fields, head="embed:9x3:mask")
            plain, padded = found(model, ids), found(model, np.pad(ids, ((0, 0), (7, 5))))
            for name, gate in plain.items():
                figures = [(each.mean, each.open, each.closed) for each in (padded[name], gate)]
                assert figures[0] == pytest.approx(figures[1])
                before = 5 if "back" in fields else 7
                assert padded[name].bins[before : before + 40] == pytest.approx(gate.bins)
                assert {*padded[name].bins[:before], *padded[name].bins[before + 40 :]} == {None}
            nothing = found(model, np.zeros((1, 5), int))
            assert all(np.isnan(gate.mean) and gate.open is None for gate in nothing.values())


def test_recording_the_gates_changes_nothing_else(at: Walk) -> None:
    for spec in ("input:3,lstm:4", "input:3,gru:4:bi", "embed:9x3:mask,gru:4:seq,lstm:3:recact=relu"):
        with at(spec):
            model = Model(spec, dtype="float64")
            x = np.random.default_rng(0).standard_normal((1, 30, 3)) if "input" in spec else np.arange(30)[None] % 9
            part = watched(model.network)
            with_gates, without = (
                study_of(model, part, model.chunks_of(x), 1, 30, with_gates=each) for each in (True, False)
            )
            assert with_gates.outputs.norm == pytest.approx(without.outputs.norm)
            assert with_gates.reach.effect == pytest.approx(without.reach.effect, abs=1e-6)
            assert without.gates is None


def test_every_cell_shows_as_many_gates_as_it_declares() -> None:
    for kind in CELLS:
        for activation in ("tanh", "relu"):
            network = Network.parse(f"input:3,{kind.kind}:2:{activation}:seq")
            model = Model(network)
            shown: list[int] = []

            def watch(values: Gates, counts: bool, shown: list[int] = shown) -> None:
                shown.append(len(values))

            model.stages[-1].directions[0].gate_watch = watch
            model(np.ones((1, 4, 3)))
            assert shown == [kind.gates if kind.gates > 1 else 0] * 4


def test_json_has_the_gates_only_if_requested(rnncli: Run) -> None:
    line = ("forward", "input:3,gru:4:seq,lstm:5:bi", "--plot", "-f", "json")
    gates = rnncli(*line, "--gates").objects[0]["plot"]["gates"]
    assert [gate["name"] for gate in gates] == [f"{way}/{name}" for way in ("forward", "backward") for name in "ifgo"]
    assert {len(gate["bins"]) for gate in gates} == {64}
    assert "gates" not in rnncli(*line).objects[0]["plot"]


def test_the_gates_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    for name, line in {
        "gates-lstm": "input:8,lstm:16",
        "gates-gru-bi": "input:8,gru:6:bi",
        "gates-unbounded": "input:3,lstm:4:recact=relu --timesteps 12",
    }.items():
        shown = rnncli("forward", *line.split(), "--plot", "--gates", "--dtype", "float64").answer
        text = shown[shown.index("      norm") :]
        screen(name, "".join(f"{line.rstrip()}\n" for line in text.splitlines()))
