"""`rnncli explain --others`: the counts of torchinfo, thop, fvcore and PyTorch's own counter, as they reported them.

`tests/golden/other_tools.py` recorded them, and also compares random networks.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Screen, Walk
from kinds import KINDS

from rnncli import Network, SpecError, explain
from rnncli.reports.other_tools import TOOLS, OtherCount


@cache
def golden() -> dict[str, Any]:
    """The tools' counts and their versions."""
    return json.loads((Path(__file__).parent / "golden" / "other_tools.json").read_text())


def counts_of(spec: str, batch: int | None = None, timesteps: int | None = None) -> Sequence[OtherCount]:
    """rnncli's count, and each tool's."""
    counts = explain(spec, batch, timesteps, others=True).other_tools
    assert counts is not None
    return counts


def theirs(spec: str, batch: int | None = None, timesteps: int | None = None) -> dict[str, OtherCount]:
    """Each tool's count, by name."""
    return {each.tool: each for each in counts_of(spec, batch, timesteps) if each.version}


def test_each_number_matches_the_tools_report_and_the_reasons_add_up(at: Walk) -> None:
    for asked in golden()["networks"]:
        with at(asked["spec"], asked["batch"], asked["timesteps"]):
            macs, flops, *counts = counts_of(asked["spec"], asked["batch"], asked["timesteps"])
            assert {each.tool: each.value for each in counts if each.version} == asked["counts"]
            for each in counts:
                base = flops if each.text.startswith("2 × MACs") else macs
                assert base.value is not None
                assert base.value + sum(reason.difference or 0 for reason in each.reasons) == each.value
                assert all(str(reason) in each.text and reason.difference for reason in each.reasons)


def test_the_recorded_counts_cover_the_stated_versions_and_every_kind_of_layer() -> None:
    assert {tool.name: tool.version for tool in TOOLS if tool.version} == golden()["versions"]
    asked = {layer.kind for asked in golden()["networks"] for layer in Network.parse(asked["spec"]).layers}
    assert asked == {layer.kind for layer in KINDS}


def test_multiply_adds_are_counted_here_and_two_operations_for_each() -> None:
    macs, flops = counts_of("input:8,lstm:4:bi", 3, 10)[:2]
    assert (macs.value, macs.counts) == (3 * 10 * 2 * (8 + 4) * 16, "MACs")
    assert (flops.value, flops.counts) == (2 * 3 * 10 * 2 * (8 + 4) * 16, "FLOPs")


def test_a_count_that_needs_the_timesteps_says_so_and_others_are_known() -> None:
    counts = theirs("embed:9x3,dense:2")
    assert {tool: each.value for tool, each in counts.items()} == {
        "torchinfo": 9 * 3 + 3 * 2 + 2,
        "FlopCounterMode of PyTorch": None,
        "thop": None,
        "fvcore": None,
    }
    assert {tool for tool, each in counts.items() if each.needs == "--timesteps"} == {*counts} - {"torchinfo"}


def test_an_unknown_count_is_not_guessed(at: Walk) -> None:
    for spec, reason in (
        ("embed:9x3:mask,lstm:4", "depends on the padding"),
        ("input:8,gru:4:reset=before", "PyTorch's GRU applies its reset gate after"),
        ("input:8,lstm:4:bi=sum", "PyTorch's LSTM concatenates its two directions"),
    ):
        with at(spec):
            for each in theirs(spec, 2, 5).values():
                assert (each.value, each.needs) == (None, None)
                assert each.text.startswith(reason)


def test_an_omitted_batch_is_one_and_a_mask_that_no_layer_uses_changes_nothing() -> None:
    assert theirs("embed:9x3,gru:4", None, 7) == theirs("embed:9x3,gru:4", 1, 7)
    assert theirs("embed:9x3:mask,dense:2", 2, 5) == theirs("embed:9x3,dense:2", 2, 5)


def test_only_a_tools_peculiarities_for_this_network_are_reported() -> None:
    assert theirs("input:8,rnn:4:nobias", 1, 5)["torchinfo"].text == "as here"
    assert theirs("input:8,rnn:4", 1, 5)["torchinfo"].text == "as here; +40 for biases"
    assert "LSTM" not in theirs("input:8,gru:4", 1, 5)["FlopCounterMode of PyTorch"].text
    assert "−3,840 for LSTM" in theirs("input:8,lstm:4", 1, 10)["FlopCounterMode of PyTorch"].text
    assert "at each timestep" not in theirs("input:8,rnn:4,dense:2", 1, 5)["torchinfo"].text
    assert "−216 for Linear" in theirs("input:8,rnn:4:seq,dense:2", 3, 10)["torchinfo"].text
    assert "? for biases" in theirs("input:8,rnn:4")["torchinfo"].text


def test_it_reads_as_reviewed(rnncli: Run, screen: Screen, at: Walk) -> None:
    for name, line in (
        ("all", "embed:1000x32,lstm:64:seq,norm,gru:64,dense:10 --batch 8 --timesteps 100"),
        ("unknown", "embed:1000x32,lstm:64"),
        ("mask", "embed:1000x32:mask,lstm:64 --timesteps 100"),
    ):
        with at(name):
            shown = rnncli("explain", *line.split(), "--others").answer
            before = rnncli("explain", *line.split()).stdout
            assert shown.startswith(before)
            screen(f"explain-others-{name}", shown.removeprefix(before))
    assert "other_tools" not in rnncli("explain", "input:8,rnn:4", "-f", "json").stdout


def test_every_format_includes_them(rnncli: Run) -> None:
    line = ("explain", "input:8,rnn:4", "embed:9x3,gru:4", "--others", "--timesteps", "5")
    objects = rnncli(*line, "-f", "json").objects
    assert [each["tool"] for each in objects[0]["other_tools"]] == [tool.name for tool in TOOLS]
    rows = list(csv.DictReader(StringIO(rnncli(*line, "-f", "csv").stdout)))
    assert rows == [
        {"spec": each["spec"], "complete": "true", "left_out": "", "assumed": "", "file_params": ""}
        | {key: "" if value is None else str(value) for key, value in count.items() if key != "reasons"}
        for each in objects
        for count in each["other_tools"]
    ]
    for format_ in ("tsv", "markdown", "html"):
        text = rnncli(*line, "-f", format_).stdout
        assert all(row[key] in text for row in rows for key in ("tool", "value"))


def test_timesteps_that_contradict_the_spec_are_refused() -> None:
    with pytest.raises(SpecError, match="fixes 5 timesteps"):
        counts_of("input:5x8,rnn:4", timesteps=6)
