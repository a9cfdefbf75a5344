"""The sizes below the table of `summary --wide`: each formula gives the size next to it."""

from __future__ import annotations

import re

import pytest
from conftest import Run, Screen, Walk, print_as_on_a_terminal, without_styles
from hypothesis import given
from hypothesis import strategies as st
from sessions import replay
from strategies import networks

from rnncli import Network
from rnncli.language.rules import least_steps
from rnncli.network_summary import DTYPE_BYTES
from rnncli.reports.explanation import sizes

some = st.none() | st.integers(1, 100)
dtypes = st.sampled_from(tuple(DTYPE_BYTES))


def evaluated(formula: str, **names: int) -> int:
    """Return the value of a formula with its words replaced by numbers."""
    text = formula.replace(",", "").replace("×", "*").replace(" B", "")
    for name, value in names.items():
        text = re.sub(name, str(value), text)
    assert re.fullmatch(r"[0-9+* ()]+", text), text
    return eval(text)  # only numbers and operators, as checked above


@given(networks(), some, some, dtypes)
def test_each_formula_gives_its_size_in_words_and_in_numbers(
    network: Network, batch: int | None, timesteps: int | None, dtype: str
) -> None:
    timesteps = network.input_shape()[1] or (timesteps and max(timesteps, least_steps(network.layers)))
    summary = network.summary(batch, timesteps, dtype=dtype)
    for key, size, note in sizes(summary):
        assert size.value == getattr(summary, key)
        if size.value is None:
            assert size.numbers == ""
            assert note
            continue
        assert evaluated(size.numbers) == size.value
        assert size.numbers.count("×") == size.words.count("×")  # each word has its number, also one timestep
        if key != "streaming_bytes" and not (dtype == "int8" and key == "total_bytes"):
            trained = {"trainable parameters": summary.trainable_params}  # first, because it contains the other
            words = trained | {"parameters": summary.total_params, "batch": batch or 1, "timesteps": timesteps or 1}
            assert evaluated(size.words, **words) == size.value


def test_the_origin_of_a_size_or_the_unknown_it_needs_reads_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("sizes", rnncli, screen)


ASKED = {
    "example": "embed:10000x32,rnn:32:seq,rnn:32 --batch 32 --timesteps 100 --rate 50",
    "unknown": "embed:10000x32,rnn:32:seq,rnn:32",
    "int8": "input:50x6,gru:32:seq,dense:4 --dtype int8 --batch 1 --rate 12.3",
    "decoder": "input:7x8,lstm:9:seq,pool:max,repeat:4,gru:3:bi,dense:2:tanh --dtype float64 --batch 2",
}
"""Networks whose sizes are shown, and the known sizes of their input."""


def test_the_sizes_on_a_terminal_read_as_reviewed(
    rnncli: Run, screen: Screen, at: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    print_as_on_a_terminal(monkeypatch)
    for columns in (60, 80, 120):
        with at(columns, "columns"):
            monkeypatch.setenv("COLUMNS", str(columns))
            shown = []
            for name, asked in ASKED.items():
                text = without_styles(rnncli("summary", *asked.split(), "--wide").stdout)
                assert max(map(len, text.splitlines())) <= columns
                below_the_table = text[text.index(" Total params") :]
                shown.append(f"{name}: {asked}\n{below_the_table}")
            screen(f"sizes-{columns}", "\n".join(shown))
