"""`rnncli compare`: networks side by side, each with its difference from the first."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from typing import Any

from conftest import MODELS, Run, Screen, Walk
from golden.data import enough_timesteps
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS, small_network
from sessions import blocks
from strategies import networks

from rnncli import Network
from rnncli.layers.weights import FRAMEWORKS, Framework
from rnncli.network_summary import TOTALS
from rnncli.reports.comparison import compare, effects
from rnncli.reports.reasons import Reason, factors_of

RECALL = str(MODELS / "recall.safetensors")


@given(st.lists(networks(largest=4), min_size=2, max_size=4))
def test_every_layer_is_shown_once_in_order_next_to_the_layers_with_its_role(candidates: list[Network]) -> None:
    rows = compare(*candidates).layers
    for index, network in enumerate(candidates):
        column = [row[index] for row in rows]
        assert tuple(layer for layer in column if layer is not None) == network.summary().layers
    roles = {
        (index, row.name): "recurrent" if layer.states else type(layer).__name__
        for index, network in enumerate(candidates)
        for layer, row in zip(network.body, network.summary().layers, strict=True)
    }
    for row in rows:
        assert len({roles[index, layer.name] for index, layer in enumerate(row) if layer is not None}) == 1


def lined_up(*specs: str) -> list[tuple[str, ...]]:
    """The rows of a comparison, as specs of layers."""
    rows = compare(*specs).layers
    return [tuple("-" if layer is None else layer.spec for layer in row) for row in rows]


def test_layers_line_up_with_the_first_networks_before_those_of_others() -> None:
    assert lined_up("input:8,rnn:16", "input:8,dense:4,gru:16:seq,lstm:3", "input:8,lstm:16,dense:1") == [
        ("-", "dense:4", "-"),
        ("rnn:16", "gru:16:seq", "lstm:16"),
        ("-", "lstm:3", "-"),
        ("-", "-", "dense:1"),
    ]
    longer = ("embed:9x4,rnn:4", "embed:9x4,rnn:4:seq,rnn:4")
    assert lined_up(*longer) == [("embed:9x4", "embed:9x4"), ("rnn:4", "rnn:4:seq"), ("-", "rnn:4")]


@given(networks(), networks(), st.none() | st.integers(1, 50))
def test_the_differences_and_ratios_follow_from_the_two_summaries(
    one: Network, other: Network, timesteps: int | None
) -> None:
    if any(network.input_shape()[1] is not None for network in (one, other)):
        timesteps = None
    if timesteps is not None:
        timesteps = max(enough_timesteps(network.layers, timesteps) for network in (one, other))
    first, second = compare(one, other, batch=2, timesteps=timesteps).as_dicts()
    for figure in TOTALS:
        here, there = (getattr(network.summary(2, timesteps), figure) for network in (one, other))
        assert (first[figure], second[figure]) == (here, there)
        if here is None or there is None:
            assert (second["difference"][figure], second["ratio"][figure]) == (None, None)
        else:
            assert second["difference"][figure] == there - here
            assert second["ratio"][figure] == (there / here if here else None)


def test_a_ratio_is_left_out_only_if_the_one_before_it_is_the_same(rnncli: Run, at: Walk) -> None:
    for options, ratios in {
        "input:8,lstm:9 --dtype int8": ["1.19", "1.17", "1.2", "1.12", "1.11"],
        "input:8,lstm:9 --rate 10": ["1.19", "1.2", "1.12", "1.11"],
        "input:8,conv:8x1:stride=2,lstm:8 --rate 10": ["1.13", "1.12", "0.562", "1.27"],
    }.items():
        with at(options):
            second = re.search("│ +2 │.*", rnncli("compare", "input:8,lstm:8", *options.split()).stdout)
            assert second is not None
            assert re.findall(r"× ([0-9.]+) ", second[0]) == ratios


def objects(rnncli: Run, *arguments: str) -> list[dict[str, Any]]:
    return rnncli("compare", "-f", "json", *arguments).objects


def test_keras_and_pytorch_of_one_network_are_two_columns(rnncli: Run) -> None:
    keras, torch = objects(rnncli, "input:32,rnn:32", "--framework", "keras", "--framework", "torch")
    assert (keras["framework"], torch["framework"]) == ("keras", "torch")
    assert (keras["total_params"], torch["total_params"]) == (2_080, 2_112)
    assert torch["difference"]["total_params"] == 32
    (layer,) = torch["layers"]
    assert (layer["name"], layer["type"], layer["cell"], layer["params"]) == ("simple_rnn", "RNN", "RNN", 2_112)
    assert (layer["difference"], layer["ratio"]) == (32, 2_112 / 2_080)
    assert keras["reasons"] == []
    (reason,) = torch["reasons"]
    assert reason == {
        "layer": "rnn:32",
        "difference": 32,
        "text": "PyTorch: two biases instead of one",
        "roles": [{"role": "bias", "difference": 32, "ratio": 2.0}],
    }


# Settings


def test_every_network_appears_in_every_combination_of_settings_and_lengths_vary_first(rnncli: Run) -> None:
    options = [f"--{name}={value}" for name, values in VALUES.items() for value in reversed(values)]
    found = objects(rnncli, "input:8,lstm:2", "input:8,gru:2", *options)
    shown = [tuple(each[key] for key in ("spec", "framework", "dtype", "batch", "timesteps")) for each in found]
    specs = ("input:8,lstm:2", "input:8,gru:2")
    assert shown == list(product(specs, *(reversed(values) for values in VALUES.values())))


VALUES = {"framework": ("keras", "torch"), "dtype": ("float32", "float16"), "batch": (1, 32), "timesteps": (10, 500)}


def test_a_length_fixed_by_the_input_is_the_number_of_timesteps(rnncli: Run) -> None:
    found = objects(rnncli, "input:50x8,rnn:2", "input:8,rnn:2")
    assert [(each["batch"], each["timesteps"]) for each in found] == [(None, 50), (None, None)]


def test_the_effect_of_settings_reads_as_reviewed(rnncli: Run, screen: Screen) -> None:
    def said(line: str) -> str:
        lines = rnncli("compare", *line.split()).stdout.splitlines()
        return "\n".join(f"  {text}" for text in lines if text.startswith("From ")) or "  (nothing)"

    shown = blocks("compare-effects", said, screen)
    # 4 · 1,617 bytes of parameters; per step the input, four gates, h and c, and the output.
    assert f"grows {(4 * 1_617 + 500 * 105) / (4 * 1_617 + 10 * 105):.3g} ×" in shown[0]


@given(networks(largest=4), st.sampled_from(FRAMEWORKS))
def test_parameters_never_change_with_time_batch_or_dtype(network: Network, framework: Framework) -> None:
    if any(layer.conflict(framework) for layer in network.layers) or network.input_shape()[1] is not None:
        return
    lengths = compare(
        network,
        batch=(1, 7),
        timesteps=(enough_timesteps(network.layers, 3), 90),
        dtype=("float16", "float64"),
        framework=framework,
    )
    assert len({summary.total_params for summary in lengths.summaries}) == 1
    if lengths.summaries[0].total_params:
        assert all("the parameters stay the same" in sentence for sentence in effects(lengths))


def test_the_number_of_networks_side_by_side_is_limited_and_that_of_open_files_is_not(
    rnncli: Run, program: Run
) -> None:
    lengths = [f"--timesteps={length}" for length in range(1, 101)]
    batches = [f"--batch={batch}" for batch in range(1, 12)]
    assert len(objects(rnncli, *["input:8,rnn:2"] * 10, *lengths)) == 1000
    error = rnncli("compare", *["input:8,rnn:2"] * 11, *lengths).refusal()
    assert "more than 1,000 networks are too many to compare, each in 100 settings" in error
    assert "1,100 settings" in rnncli("compare", "input:8,rnn:2", *lengths, *batches).stderr
    many = program("compare", *[RECALL] * 90, "-f", "csv", shell='ulimit -n 64; "$@"')
    assert (many.status, len(many.stdout.splitlines())) == (0, 91)


# Why counts differ


@given(
    st.lists(networks(largest=5), min_size=2, max_size=4), st.sampled_from((FRAMEWORKS, *((f,) for f in FRAMEWORKS)))
)
def test_the_reasons_add_up_to_the_difference(candidates: list[Network], frameworks: tuple[Framework, ...]) -> None:
    candidates = [
        network
        for network in candidates
        if not any(layer.conflict(framework) for layer in network.layers for framework in frameworks)
    ]
    if len(candidates) < 2:
        return
    comparison = compare(*candidates, framework=frameworks)
    for index, column in enumerate(comparison.columns):
        for row, reasons in zip(comparison.layers, comparison.reasons(index), strict=True):
            first, other = (0 if layer is None else layer.params for layer in (row[0], row[index]))
            assert sum(reason.difference for reason in reasons) == other - first
            for reason in reasons:
                assert reason.difference == sum(part.difference for part in reason.parts) != 0
                check_factor(reason)
        total = sum(reason.difference for some in comparison.reasons(index) for reason in some)
        assert total == column.summary.total_params - comparison.columns[0].summary.total_params


def check_factor(reason: Reason) -> None:
    """Check a reason that gives one factor for all weights, or for the kernel only."""
    every = re.fullmatch(r"(?:1/)?([\d,/]+) (?:× the|of the) weights of .*", reason.text)
    if every is not None or re.search(r": × [\d.e+-]+$", reason.text):
        assert len({round(part.ratio or 0, 9) for part in reason.parts}) == 1
    if "only the kernel" in reason.text:
        assert [part.role for part in reason.parts] == ["kernel"]
        if "doubles" in reason.text:
            assert reason.parts[0].ratio == 2


def test_the_reasons_for_different_counts_read_as_reviewed(screen: Screen) -> None:
    def said(line: str) -> str:
        words = line.split()
        frameworks = [word for word in words if word in FRAMEWORKS] or "keras"
        comparison = compare(*[word for word in words if word not in FRAMEWORKS], framework=frameworks)
        found = comparison.reasons(len(comparison.columns) - 1)
        reasons = [f"  {reason.layer} {reason.difference:+,}: {reason.text}" for some in found for reason in some]
        return "\n".join(reasons) or "  (nothing)"

    shown = blocks("compare-reasons", said, screen)
    # Keras: LSTM(32) on 32 features has 8,320 parameters; on the 64 of a Bidirectional(LSTM(32)), 12,416.
    assert {"+8,320:", "+4,096:"} <= {*shown[0].split()}


def test_the_reasons_for_a_model_files_different_counts_are_given_too(rnncli: Run) -> None:
    # The file holds a PyTorch LSTM, with two biases.
    shown = rnncli("compare", "input:1,rnn:8,dense:1", RECALL).stdout
    assert "2  lstm:8  + 240: 4 × the weights of rnn: three gates and a candidate" in shown
    # Keras has no proj, and PyTorch no sum.
    shown = rnncli("compare", "input:8,lstm:16:bi=sum", "input:8,lstm:16:proj=4").stdout
    assert "+ 128: PyTorch: two biases instead of one" in shown


def test_layers_with_excess_reasons_are_only_counted(rnncli: Run) -> None:
    specs = [f"input:8,rnn:{units}" for units in range(1, 51)]
    shown = rnncli("compare", *specs).stdout
    assert shown.count("units instead of 1") == 24
    assert shown.splitlines()[-1] == "The reasons for 25 more are left out here; `-f json` lists all"
    assert all(len(each["reasons"]) == 1 for each in objects(rnncli, *specs)[1:])


def test_every_kinds_parameters_are_products_of_factors(at: Walk) -> None:
    for kind, framework in product(KINDS.values(), FRAMEWORKS):
        with at(kind.names[0], framework):
            network = Network.parse(small_network(kind))
            for row in network.summary(framework=framework).layers:
                by_role: Counter[str] = Counter()
                for weight in row.weights:
                    by_role[weight.role] += weight.params
                assert factors_of(row).params() == by_role
