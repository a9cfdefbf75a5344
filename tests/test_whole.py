"""A number describes exactly the given network, or the difference is stated next to the number."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from command_lines import PARAMETERS
from conftest import MODELS, Run, Walk

from rnncli import Network
from rnncli.cli import COMMANDS
from rnncli.network_summary import ORIGIN
from rnncli.render.terminal import FORMATS

TIED = MODELS / "tied.pt"
"""A language model whose last layer shares its embedding's weights."""

ARGUMENTS = {
    "compare": ("input:2,rnn:4",),
    "export": ("--to", "torch"),
    "forward": ("--timesteps", "5"),
    "reach": ("--timesteps", "20"),
}
"""A command's arguments in addition to a SPEC."""


TAKEN = {name: {each.name for command, each in PARAMETERS if command == name} for name in COMMANDS}
"""The names of what each command takes."""

TAKE_A_SPEC = [name for name in COMMANDS if "spec" in TAKEN[name]]


@pytest.fixture(autouse=True)
def half() -> str:
    """A file with a network, and a convolution and an embedding outside it."""
    arrays = {"rnn.weight_ih_l0": (4, 2), "rnn.weight_hh_l0": (4, 4), "cnn.weight": (6, 2, 5), "table": (9, 2)}
    np.savez("half.npz", **{name: np.ones(shape, "f4") for name, shape in arrays.items()})
    return "half.npz"


def test_every_command_that_takes_a_spec_reports_parts_of_a_file_left_out(rnncli: Run, at: Walk, half: str) -> None:
    assert {"summary", "forward", "explain", "draw", "compare", "reach", "export", "spec"} <= {*TAKE_A_SPEC}
    for name in TAKE_A_SPEC:
        formats = FORMATS if "format_" in TAKEN[name] else ("table",)
        for format_ in formats:
            with at(name, format_):
                options = ("-f", format_) if len(formats) > 1 else ()
                result = rnncli(name, half, *ARGUMENTS.get(name, ()), *options)
                assert result.status == 0
                assert "rnn is 24 of 102 numbers of the file; left out: cnn (Conv1d); table (unknown)" in result.stderr
                if format_ == "json":
                    whole = result.objects[0]
                    assert [whole[key] for key in ORIGIN[:2]] == [False, ["cnn (Conv1d)", "table (unknown)"]]
                    assert whole["file_params"] == 102
                elif format_ in ("csv", "tsv"):
                    rows = list(csv.DictReader(StringIO(result.stdout), delimiter="," if format_ == "csv" else "\t"))
                    whole = [rows[0][key] for key in ("complete", "left_out", "file_params")]
                    assert whole == ["false", "cnn (Conv1d); table (unknown)", "102"]
                elif name not in ("spec", "export"):
                    assert (
                        "left out: cnn (Conv1d); table (unknown)" in result.stdout
                        or "left_out: cnn (Conv1d), table (unknown)" in result.stdout
                    )
                if format_ == "table" and name in ("summary", "forward", "explain"):
                    assert "24 of 102 in the file" in result.stdout


def test_a_bare_number_covers_the_whole_file_or_a_named_part(rnncli: Run, at: Walk, half: str) -> None:
    quiet = [name for name in TAKE_A_SPEC if "quiet" in TAKEN[name]]
    assert quiet == ["summary"]
    for text, status, printed in (
        (half, 1, ""),
        (f"{half}::rnn", 0, "24\n"),
        (f"{half}::1", 0, "24\n"),
        ("LSTM(64)", 1, ""),
        (str(TIED), 1, ""),
        (f"{TIED}::1", 1, ""),
        ("nn.LSTM(8, 16)", 0, "1664\n"),
        ("LSTM(64, input_shape=(None, 8))", 0, "18688\n"),
        ("input:8,lstm:16", 0, "1600\n"),
    ):
        with at(text):
            result = rnncli("summary", "-q", text)
            assert (result.status, result.stdout) == (status, printed)
            assert status or result.stderr == ""
    result = rnncli("summary", "-q", half)
    assert result.stderr.endswith("only that part: rnncli summary -q half.npz::rnn\n")
    result = rnncli("solve", "-q", "GRU(_)", "--params", "1k")
    assert result.stderr.endswith("for example: rnncli solve -q input:32,gru:_ --params 1k\n")
    result = rnncli("summary", "-q", "-", stdin="SimpleRNN(10)")
    assert result.stderr.endswith("for example: input:32,rnn:10\n")


def test_an_assumed_size_appears_in_the_first_line(rnncli: Run, at: Walk) -> None:
    for name in TAKE_A_SPEC:
        if name in ("spec", "export"):
            continue
        with at(name):
            shown = rnncli(name, "SimpleRNN(4)", *ARGUMENTS.get(name, ())).stdout
            first = re.findall("<h1>(.*)</h1>", shown)[0] if name == "page" else shown.splitlines()[0]
            assert first.removeprefix("1  ").startswith("input:32,rnn:4 (assumed: an input of 32 features)")
    assert rnncli("summary", "LSTM(4)", "-f", "json").objects[0]["assumed"] == ["an input of 32 features"]


def test_a_complete_network_is_reported_as_complete_and_nothing_else(rnncli: Run, at: Walk) -> None:
    for name in TAKE_A_SPEC:
        if "format_" in TAKEN[name]:
            with at(name):
                whole = rnncli(name, "input:2,rnn:4", *ARGUMENTS.get(name, ()), "-f", "json").objects[0]
                assert [whole[key] for key in ORIGIN] == [True, [], [], None]
    assert Network.parse("input:2,rnn:4").summary().origin.complete


def test_every_command_that_takes_a_spec_accepts_the_numbers_that_a_source_leaves_open(rnncli: Run, at: Walk) -> None:
    Path("m.py").write_text("import torch.nn as nn\nrnn = nn.GRU(8, hidden)\n", encoding="utf-8")
    for name in [*TAKE_A_SPEC, "inspect"]:
        with at(name):
            arguments = (name, "m.py", *ARGUMENTS.get(name, ()))
            result = rnncli(*arguments, "--set", "hidden=16")
            assert result.status == 0, result.stderr
            rnncli(*arguments).refusal(2, "--set hidden=100")
    for spec in ("input:8,lstm:4", "half.npz::1", "LSTM(4, input_shape=(None, 3))"):
        rnncli("summary", spec, "--set", "hidden=16").refusal()
    for wrong in ("hidden", "=3", "hidden=", "hidden=nan", "hidden=1e999", "hiden=16", "hidden=16 --set units=3"):
        rnncli("summary", "m.py", "--set", *wrong.split()).refusal()


def test_several_sources_may_leave_different_numbers_open(rnncli: Run) -> None:
    Path("m.py").write_text("import torch.nn as nn\nrnn = nn.GRU(8, hidden)\n", encoding="utf-8")
    line = ("compare", "m.py", "nn.GRU(8, units)", "--set", "hidden=16", "--set", "units=4")
    assert rnncli(*line).status == 0
    result = rnncli(*line, "--set", "n=3")
    assert result.status == 2
    assert result.stderr.endswith("rnncli compare m.py 'nn.GRU(8, units)' --set hidden=16 --set units=4\n")
    assert rnncli("inspect", "m.py", "half.npz", "--set", "hidden=16").status == 0
    assert rnncli("inspect", "half.npz", "--set", "hidden=16").status == 2
    assert rnncli("summary", "m.py", "--set", "hidden=16", "--set", "hidden=17").status == 2
    result = rnncli("summary", "-q", "-", "--set", "hidden=16", stdin="nn.GRU(8, 4)\nm.py\nhalf.npz\n")
    assert (result.status, result.stdout) == (1, "168\n1248\n")
    assert result.stderr.endswith("; only that part: half.npz::rnn\n")


def test_a_line_that_makes_no_layer_is_an_error_and_a_word_among_calls_is_in_the_language(rnncli: Run) -> None:
    for text in ("Masking()", "Input()", "[Identity()]"):
        assert rnncli("summary", text)[:2] == (2, "")
        assert "it has no layers" in rnncli("summary", text).stderr
    assert "input:3,norm" in rnncli("summary", "Input((None, 3)), norm").stderr


def test_ids_are_not_read_from_an_input_of_vectors(rnncli: Run) -> None:
    said, ends = "embedding reads ids, but the input has 6 numbers per timestep", "Embedding(9, 4), LSTM(5)"
    called = rnncli("summary", "-q", f"Input((20, 6)), {ends}")
    assert (called.status, said.capitalize() in called.stderr) == (2, True)
    Path("model.py").write_text(f"from keras.layers import *\nm = Sequential([Input((20, 6)), {ends}])")
    source = rnncli("summary", "model.py")
    assert source.status == 0
    assert f"left out: embedding reads the input, which is left out: {said}" in source.stderr
    assert rnncli("summary", "-q", "model.py").status == 1
    assert rnncli("summary", "-q", f"Input((20,)), {ends}").stdout == "236\n"


def test_a_data_type_less_precise_than_float32_is_said(rnncli: Run, at: Walk) -> None:
    made = "import torch\nfrom torch import nn\nrnn = nn.Sequential(nn.LSTM(3, 8, {}))"
    for dtype, half in {"torch.float16": True, "'mixed_bfloat16'": True, "torch.float32": False, "kind": False}.items():
        Path("model.py").write_text(made.format(f"dtype={dtype}"))
        called = ("summary", f"nn.LSTM(3, 8, dtype={dtype})"), ("summary", f"LSTM(8, input_dim=3, dtype={dtype})")
        for line in (*called, ("inspect", "model.py")):
            with at(*line):
                shown = rnncli(*line)
                assert shown.status == 0
                assert ("which is less precise than rnncli's float32" in shown.stdout + shown.stderr) == half


def test_every_command_that_counts_says_so_where_pytorch_counts(rnncli: Run, at: Walk) -> None:
    spec, others = "input:8,lstm:8:proj=4", {"solve": ("input:8,lstm:_:proj=4", "--params", "1k")}
    for name in (name for name in COMMANDS if {"framework", "format_"} <= TAKEN[name]):
        with at(name):
            result = rnncli(name, *others.get(name, (spec, *ARGUMENTS.get(name, ()))))
            assert result.status == 0
            assert "PyTorch" in result.stdout + result.stderr
