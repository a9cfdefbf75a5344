"""Sequences of different lengths in one batch: the outputs, refused lengths, and the export to PyTorch.

`torch_exports.npz`, read by `test_export_torch.py`, shows that PyTorch's packed sequences give the same outputs.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, Walk
from hypothesis import given
from hypothesis import strategies as st
from kinds import HEADS
from strategies import layers_of, networks, small_sizes

from rnncli import ArgumentError, Network, SpecError, UsageError
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan

NETWORKS = (
    "input:3,lstm:4,dense:2",
    "input:3,gru:4:seq",
    "input:3,lstm:4:seq:bi:proj=2,rnn:3:bi",
    "input:3,rnn:4:seq:back,gru:3:seq",
    "embed:9x3:mask,lstm:4:seq,pool:avg",
    "embed:9x3,dense:4:relu,pool:max,repeat:2,gru:3:seq",
)
LENGTHS = (5, 2, 7, 2)


def random_input(network: Network, batch: int, timesteps: int) -> np.ndarray:
    numbers = np.random.default_rng(0)
    if network.head.vocabulary is not None:
        return numbers.integers(0, network.head.vocabulary, (batch, timesteps))
    return numbers.standard_normal(tuple(size or 0 for size in network.input_shape(batch, timesteps)))


# The outputs


@given(networks(layers_of(HEADS, small_sizes), largest=4, sizes=small_sizes), st.lists(st.integers(1, 6), min_size=1))
def test_each_sequence_is_computed_as_if_it_were_the_only_one(network: Network, lengths: list[int]) -> None:
    model = Model(network, dtype="float64")
    try:
        x = random_input(network, len(lengths), max(lengths))
        y, states = model.run(x, lengths=lengths)
    except (ArgumentError, SpecError):  # the network reads sequences of one length, and this is another
        return
    for sample, length in enumerate(lengths):
        alone, own = model.run(x[[sample], :length])
        np.testing.assert_allclose(y[[sample], : alone.shape[1]], alone, rtol=1e-9, atol=1e-12)
        assert not y[sample, alone.shape[1] :].any()
        for key, state in own.items():
            np.testing.assert_allclose(states[key][[sample]], state, rtol=1e-9, atol=1e-12)


def test_sequences_run_together_unless_a_window_reaches_past_their_ends(at: Walk) -> None:
    together = ("input:3,lstm:4:bi", "input:3,conv:4x2:causal,gru:4:seq,bnorm", "input:3,conv:4x2,rnn:4:back,repeat:2")
    alone = ("input:3,conv:4x3:same,gru:4", "input:3,pool:max:2:same,lstm:4")
    for spec in (*together, *alone):
        with at(spec):
            assert RunPlan(spec, Request(lengths=LENGTHS)).steps == (7 if spec in together else 2 + 5 + 7)


def test_values_after_the_end_of_a_sequence_have_no_effect(at: Walk, rnncli: Run) -> None:
    for spec in NETWORKS:
        with at(spec):
            network = Network.parse(spec)
            x = random_input(network, len(LENGTHS), 7)
            ids = network.head.vocabulary is not None
            for name, padding in (("a", 0), ("b", -100 if ids else np.nan)):
                x[np.arange(7) >= np.array(LENGTHS)[:, None]] = padding
                np.save(f"x{name}.npy", x)
                read = ("--input", f"x{name}.npy", "--lengths", "5,2,7,2", "-o", f"y{name}.npy")
                assert rnncli("forward", spec, *read).status == 0
            np.testing.assert_array_equal(np.load("ya.npy"), np.load("yb.npy"))
            np.testing.assert_array_equal(np.load("ya.npy"), Model(network)(x, LENGTHS))


def test_a_sequence_continues_from_the_state_after_its_own_last_step(rnncli: Run) -> None:
    whole = np.random.default_rng(0).standard_normal((3, 9, 4))
    ends, rest = (6, 2, 4), (3, 7, 5)
    np.save("first.npy", whole[:, :6])
    np.save("rest.npy", [np.resize(sample[end:], (7, 4)) for sample, end in zip(whole, ends, strict=True)])
    for name, lengths, files in (
        ("first", ends, ("--save-state", "s.npz")),
        ("rest", rest, ("--state", "s.npz", "-o", "y.npy")),
    ):
        joined = ",".join(map(str, lengths))
        assert rnncli("forward", "input:4,lstm:5", "--input", f"{name}.npy", "--lengths", joined, *files).status == 0
    np.testing.assert_allclose(np.load("y.npy"), Model("input:4,lstm:5")(whole), rtol=0, atol=1e-6)


def test_a_decoder_starts_from_its_encoders_result_for_each_sequence_as_the_help_says(rnncli: Run) -> None:
    lines = [line.split()[1:] for line in rnncli("help", "files").stdout.splitlines() if line.startswith("  rnncli")]
    assert [rnncli(*line).status for line in lines] == [0, 0]
    encoder, decoder = Model(lines[0][1]), Model(lines[1][1])
    with np.load("s.npz") as file:
        states = dict(file)
    run = RunPlan(encoder.network, Request(lengths=(5, 3, 7)))
    ids = np.concatenate([chunk.values for chunk in run.chunks(encoder, 0)]).T
    np.testing.assert_array_equal(states["lstm/h"], encoder.run(ids, lengths=(5, 3, 7))[1]["lstm/h"])
    np.save("ids.npy", np.arange(12).reshape(3, 4))
    assert rnncli(*lines[1], "--input", "ids.npy", "-o", "y.npy").status == 0
    np.testing.assert_array_equal(np.load("y.npy"), decoder.run(np.load("ids.npy"), states)[0])


# The run


def test_a_run_shows_the_lengths_and_counts_only_real_steps(at: Walk, rnncli: Run) -> None:
    Path("some.txt").write_text("5, 2\n7 2\n", encoding="utf-8")
    np.save("some.npy", [5, 2, 7, 2])
    for given_as in ("5,2,7,2", "5 2 7 2", "some.txt", "some.npy"):
        with at(given_as):
            shown = rnncli("forward", "input:8,lstm:4:seq,dense:3", "--lengths", given_as)
            assert shown.stdout.splitlines()[1:3] == ["Input: (4, 7, 8) float32", "Lengths: 5, 2, 7, 2"]
            (found,) = rnncli("forward", "input:8,lstm:4:seq,dense:3", "--lengths", given_as, "-f", "json").objects
            assert found["lengths"] == [5, 2, 7, 2]
            assert found["output_shape"] == [4, 7, 3]
            assert found["macs"] == 16 * found["macs_per_step"]
            assert [layer["macs"] for layer in found["layers"]] == [16 * 192, 16 * 12]
            for format_ in ("csv", "tsv"):
                lines = rnncli("forward", "input:8,lstm:4:seq,dense:3", "--lengths", given_as, "-f", format_).stdout
                rows = csv.DictReader(lines.splitlines(), delimiter="\t" if format_ == "tsv" else ",")
                assert [row["lengths"] for row in rows] == ["5; 2; 7; 2"] * 2
    many = ",".join(str(length) for length in range(1, 21))
    assert "Lengths: 1 to 20, 210 timesteps in all" in rnncli("forward", "input:8,lstm:4", "--lengths", many).stdout


def test_figures_cover_the_outputs_without_the_steps_after_their_ends() -> None:
    found = RunPlan("input:8,rnn:4:seq", Request(lengths=[1, 9], dtype="float64", output="y.npy")).run()
    outputs = np.concatenate([sample[:length] for sample, length in zip(np.load("y.npy"), (1, 9), strict=True)])
    statistics = found.forward.layers[0].statistics
    assert statistics.count == outputs.size
    assert statistics.mean == pytest.approx(outputs.mean())
    assert statistics.std == pytest.approx(outputs.std())


def test_the_plot_shows_the_first_sequence_up_to_its_end(rnncli: Run) -> None:
    several = rnncli("forward", "input:8,lstm:4", "--lengths", "30,50,40", "--plot", "-f", "json")
    alone = rnncli("forward", "input:8,lstm:4", "--batch", 3, "--timesteps", 50, "--plot", "-f", "json")
    found, whole = (result.objects[0]["plot"] for result in (several, alone))
    assert found["timesteps"] == 30
    np.testing.assert_allclose(found["norm"]["bins"], whole["norm"]["bins"][: len(found["norm"]["bins"])], rtol=1e-6)


# Refused lengths


def test_lengths_of_a_file_that_do_not_match_the_input_are_an_error_with_both_numbers(at: Walk, rnncli: Run) -> None:
    np.save("x.npy", np.zeros((2, 5, 8)))
    Path("words.txt").write_text("5 three", encoding="utf-8")
    Path("empty.txt").touch()
    np.save("shares.npy", [0.5, 3])
    np.save("none.npy", np.zeros(0, int))
    np.save("cut.npy", [5, 3])
    os.truncate("cut.npy", os.path.getsize("cut.npy") - 8)
    with Path("long.txt").open("wb") as file:
        file.truncate((64 << 20) + 1)
    for asked, said in {
        "5,3,1 --input x.npy": (2, "3 lengths, but there are 2 samples"),
        "5,6 --input x.npy": (2, "has 6 timesteps, but the input has 5"),
        "words.txt": (1, "words.txt: three is not a whole number"),
        "empty.txt": (1, "empty.txt: it is empty, expected the lengths"),
        "shares.npy": (1, "shares.npy: 0.5 is not a whole number"),
        "none.npy": (1, "none.npy: it is empty, expected the lengths"),
        "cut.npy": (1, "cut.npy: it is truncated, expected the lengths"),
        "long.txt": (1, "long.txt: it has more than 67,108,864 bytes"),
    }.items():
        with at(asked):
            rnncli("forward", "input:8,lstm:4", "--lengths", *asked.split()).refusal(*said)


def test_the_library_says_which_lengths_it_accepts(at: Walk) -> None:
    model, x = Model("input:8,lstm:4"), np.zeros((2, 5, 8))
    for lengths in ((5,), (5, 6), (0, 5), (1.5, 2), "ab", ((1, 2),), ((1,), (2, 3))):
        with at(lengths), pytest.raises(ArgumentError, match="length"):
            model(x, lengths)
    for lengths in ((), (0,), (True,), ("5",), 5):
        with at(lengths), pytest.raises(ArgumentError, match="length"):
            Request(lengths=lengths)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="reach"):
        Request(lengths=(5, 3), seeds=3)
    with pytest.raises(UsageError):
        RunPlan("input:8,lstm:4", Request(lengths=(5, 3), batch=3))


# The export to PyTorch


def test_pytorch_packs_the_sequences_only_for_recurrent_layers(rnncli: Run) -> None:
    source = rnncli("export", "embed:9x4,gru:4:seq,dense:3,lstm:5:bi,dense:1", "--to", "torch", "--packed").stdout
    forward = [line.partition("  #")[0].strip() for line in source.splitlines() if "x" in line and "        " in line]
    pack = "x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)"
    assert "def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:" in source
    assert forward[forward.index("x = self.embedding(ids)") :] == [
        "x = self.embedding(ids)",
        *(pack, "x, _ = self.gru(x)", "x, _ = pad_packed_sequence(x, batch_first=True)"),
        "x = self.dense1(x)",
        *(pack, "_, (h_n, _) = self.lstm(x)", "x = torch.cat((h_n[-2], h_n[-1]), dim=-1)"),
        "return self.dense2(x)",
    ]
