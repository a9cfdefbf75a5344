"""`--rate`: multiply-adds a second, of so many timesteps a second."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from fractions import Fraction

import pytest
from conftest import Result
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks

from rnncli import Network
from rnncli.errors import ArgumentError
from rnncli.quantities import Rate, parse_rate
from rnncli.reports.comparison import compare

Run = Callable[..., Result]

RNN = "embed:10000x32,rnn:32:seq,rnn:32"
"""2 · (32·32 + 32·32) = 4,096 multiply-adds for each timestep."""

RATES = {
    "50": 50,
    "12.5": 12.5,
    ".5": 0.5,
    "16k": 16_000,
    "44.1k": 44_100,
    "44.1kHz": 44_100,
    "50 Hz": 50,
    "1M": 1_000_000,
    "16,000": 16_000,
    "1_000": 1_000,
    "0.1": 0.1,
}
"""How a rate may be written."""

REPAIRS = {
    "-50": "50",
    "1e3": "1000",
    "1,5k": "1.5k",
    "16K": "16k",
    "20ms": "50",
    "0.02 s": "50",
    "3ms": "333.333333",
    "1/4": "0.25",
    "50fps": "50",
    "50/s": "50",
    "50 steps per second": "50",
    "2147483648": "2147483647",
}
"""What is no rate, and what was probably meant."""

HOPELESS = ("0", "0.0", "abc", "nan", "inf", "", "1/0", "0/3", "0ms", "0fps", "999999999ms", "k", ".")
"""What is no rate, and nobody knows what was meant."""


@pytest.mark.parametrize(("typed", "rate"), RATES.items())
@pytest.mark.parametrize("command", ["summary", "compare"])
def test_a_rate_is_a_number_of_timesteps_a_second(command: str, typed: str, rate: float, rnncli: Run) -> None:
    specs = [RNN] if command == "summary" else [RNN, "input:8,rnn:4"]
    result = rnncli(command, *specs, "--rate", typed, "-f", "json")
    assert (result.status, result.stderr) == (0, "")
    network = json.loads(result.stdout.splitlines()[0])
    assert (network["rate"], network["macs_per_second"]) == (rate, rate * 4_096)
    assert isinstance(network["macs_per_second"], int) == (rate * 4_096 % 1 == 0)


@pytest.mark.parametrize(("typed", "meant"), REPAIRS.items())
def test_a_wrong_rate_is_repaired(typed: str, meant: str, rnncli: Run) -> None:
    result = rnncli("summary", RNN, f"--rate={typed}")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.endswith(f"perhaps: rnncli summary {RNN} --rate={meant}\n")
    parse_rate(meant)


@pytest.mark.parametrize("typed", HOPELESS)
def test_what_is_no_rate_at_all_gets_an_example(typed: str, rnncli: Run) -> None:
    result = rnncli("summary", RNN, f"--rate={typed}")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.endswith(f"for example: rnncli summary {RNN} --rate=50\n")


@given(st.integers(1, 10**9), st.integers(0, 9), st.integers(0, 2**200))
def test_multiply_adds_a_second_are_exact_where_they_are_whole(digits: int, places: int, macs: int) -> None:
    exact = Fraction(digits, 10**places)
    whole, fraction = divmod(digits, 10**places)
    rate = parse_rate(f"{whole}.{fraction:0{places}}" if places else str(digits))
    assert Fraction(*rate) == exact
    found = rate.times(macs)
    if (exact * macs).denominator == 1:
        assert (found, type(found)) == (exact * macs, int)
    else:
        assert found == pytest.approx(float(exact * macs), rel=1e-12)


@given(networks(), st.integers(1, 50) | st.floats(0.01, 1000))
def test_the_layers_add_up_to_the_network(network: Network, rate: float) -> None:
    summary = network.summary(rate=rate)
    assert summary.macs_per_second == pytest.approx(rate * summary.macs_per_step, rel=1e-12)
    layers = [layer.macs_per_second for layer in summary.layers]
    assert sum(each or 0 for each in layers) == pytest.approx(summary.macs_per_second, rel=1e-12)


def test_without_a_rate_nothing_is_said_of_a_second(rnncli: Run) -> None:
    for format_ in ("table", "json", "csv", "markdown"):
        assert "second" not in (text := rnncli("summary", RNN, "--wide", "-f", format_).stdout)
        assert "MACs/s:" not in text
    assert Network.parse(RNN).summary().macs_per_second is None


def test_the_screen_shows_it_below_the_table_and_with_wide_for_each_layer(rnncli: Run) -> None:
    assert rnncli("summary", RNN, "--rate", "50").stdout.endswith("\n MACs/s: 204,800 (50 timesteps/s)\n")
    wide = rnncli("summary", RNN, "--rate", "12.3", "--wide").stdout
    assert " MACs/step: 4,096\n MACs/s: 50,380.8 (12.3 timesteps/s)\n MACs: ?\n" in wide
    assert wide.count(" 25,190.4 ") == 2


def test_tables_have_a_column_for_it(rnncli: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(rnncli("summary", RNN, "--rate", "12.5", "-f", "csv").stdout)))
    assert [row["macs_per_second"] for row in rows] == ["0", "25600", "25600"]
    text = rnncli("compare", "input:8,rnn:4", "input:8,gru:3", "--rate", ".3", "-f", "csv").stdout
    _, gru = csv.DictReader(io.StringIO(text))
    # 4·(8 + 4) = 48 and 3·3·(8 + 3) = 99 multiply-adds a timestep.
    assert (gru["macs_per_second"], gru["macs_per_second_difference"]) == ("29.7", "15.3")
    assert gru["macs_per_second_ratio"] == gru["macs_per_step_ratio"] == "2.0625"


def test_in_python_a_rate_is_a_number() -> None:
    network = Network.parse(RNN)
    assert network.summary(rate=50).macs_per_second == network.summary(rate=Rate(100, 2)).macs_per_second == 204_800
    comparison = compare(network, "input:8,rnn:4", rate=0.5)
    assert [summary.macs_per_second for summary in comparison.summaries] == [2_048, 24]
    for wrong in (0, -1, float("nan"), float("inf"), "50", True, 2**31):
        with pytest.raises(ArgumentError, match="expected a number above 0"):
            network.summary(rate=wrong)  # type: ignore[arg-type]
