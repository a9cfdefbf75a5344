"""`--rate`: multiply-adds per second for a number of timesteps per second."""

from __future__ import annotations

from fractions import Fraction

import pytest
from conftest import Run, Screen, Walk
from hypothesis import given
from hypothesis import strategies as st
from sessions import replay
from strategies import networks

from rnncli import Network
from rnncli.errors import ArgumentError
from rnncli.quantities import Rate, parse_rate
from rnncli.reports.comparison import compare

RNN = "embed:10000x32,rnn:32:seq,rnn:32"
"""2 · (32·32 + 32·32) = 4,096 multiply-adds per timestep."""

RATES = {
    "12.5": 12.5,
    ".5": 0.5,
    "44.1k": 44_100,
    "44.1kHz": 44_100,
    "50 Hz": 50,
    "1M": 1_000_000,
    "16,000": 16_000,
    "1_000": 1_000,
    "0.1": 0.1,
    "1.5k": 1500,
    "333.333333": 333.333333,
    "2147483647": 2**31 - 1,
}
"""Ways to write a rate."""


def test_a_rate_is_a_number_of_timesteps_per_second(rnncli: Run, at: Walk) -> None:
    for typed, rate in RATES.items():
        for line in (["summary", RNN], ["compare", RNN, "input:8,rnn:4"]):
            with at(line[0], typed):
                network = rnncli(*line, "--rate", typed, "-f", "json").objects[0]
                assert (network["rate"], network["macs_per_second"]) == (rate, rate * 4_096)
                assert isinstance(network["macs_per_second"], int) == (rate * 4_096 % 1 == 0)


def test_the_effect_of_a_rate_and_invalid_rates_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("rate", rnncli, screen)


@given(st.integers(1, 10**9), st.integers(0, 9), st.integers(0, 2**200))
def test_multiply_adds_per_second_are_exact_if_they_are_whole(digits: int, places: int, macs: int) -> None:
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
    whole = rate * summary.macs_per_step
    if all(layer.stride == 1 for layer in network.layers):
        assert summary.macs_per_second == pytest.approx(whole, rel=1e-12)
    assert summary.macs_per_second <= whole * (1 + 1e-12)
    layers = [layer.macs_per_second for layer in summary.layers]
    assert sum(each or 0 for each in layers) == pytest.approx(summary.macs_per_second, rel=1e-12)


def test_without_a_rate_nothing_per_second_is_shown(rnncli: Run) -> None:
    for format_ in ("table", "json", "csv", "markdown"):
        text = rnncli("summary", RNN, "--wide", "-f", format_).stdout
        assert "second" not in text
        assert "MACs/s:" not in text
    assert Network.parse(RNN).summary().macs_per_second is None


def test_solve_reports_the_same_multiply_adds_per_second_as_the_summary(rnncli: Run) -> None:
    line = ("--params", "4500", "--rate", "12.5", "-f", "json")
    (found,) = rnncli("solve", "input:8,lstm:_", *line).objects
    assert found["macs_per_second"] == Network.parse(found["spec"]).summary(rate=12.5).macs_per_second == 12.5 * 4292


def test_in_python_a_rate_is_a_number_or_a_text_as_in_the_option() -> None:
    network = Network.parse(RNN)
    assert network.summary(rate=50).macs_per_second == network.summary(rate=Rate(100, 2)).macs_per_second == 204_800
    assert network.summary(rate="16k").macs_per_second == network.summary(rate=16_000).macs_per_second
    comparison = compare(network, "input:8,rnn:4", rate=0.5)
    assert [summary.macs_per_second for summary in comparison.summaries] == [2_048, 24]
    for wrong in (0, -1, float("nan"), float("inf"), True, 2**31):
        with pytest.raises(ArgumentError, match="expected a number above 0"):
            network.summary(rate=wrong)  # type: ignore[arg-type]
