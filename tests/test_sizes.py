"""The sizes that `summary --wide` shows below its table: each formula comes to the size beside it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import Result, without_styles
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks

from rnncli import Network
from rnncli.reports.sizes import sizes
from rnncli.summary import DTYPE_BYTES

Run = Callable[..., Result]

some = st.none() | st.integers(1, 100)
dtypes = st.sampled_from(tuple(DTYPE_BYTES))

EXAMPLE = "embed:10000x32,rnn:32:seq,rnn:32"


def evaluated(formula: str, **names: int) -> int:
    """Return what a formula comes to, its words replaced by numbers."""
    text = formula.replace(",", "").replace("×", "*").removesuffix(" B")
    for name, value in names.items():
        text = re.sub(name, str(value), text)
    assert re.fullmatch(r"[0-9+* ()]+", text), text
    return eval(text)  # numbers and signs, as was checked


@given(networks(), some, some, dtypes)
def test_each_formula_comes_to_its_size_in_words_and_in_numbers(
    network: Network, batch: int | None, timesteps: int | None, dtype: str
) -> None:
    timesteps = network.input_shape()[1] or timesteps
    summary = network.summary(batch, timesteps, dtype=dtype)
    for size in sizes(summary):
        assert size.value == getattr(summary, size.key)
        if size.value is None:
            assert size.numbers == ""
            assert size.note
            continue
        assert evaluated(size.numbers) == size.value
        if size.key != "streaming_bytes":
            words = {"parameters": summary.total_params, "batch": batch or 1, "timesteps": timesteps or 1}
            assert evaluated(size.words, **words) == size.value


SHOWN = {
    f"{EXAMPLE} --batch 32 --timesteps 100": """\
 In float32, 4 B a number:
  Memory               1.24 MB  parameters × 4 B = 324,160 × 4 B
  Layer outputs      804.00 KB  batch × (timesteps × 64 + 32) × 4 B = 32 × (100 × 64 + 32) × 4 B
  Streaming              640 B  (states of all layers + input + gates + output of simple_rnn) × 4 B
                                = (64 + 32 + 32 + 32) × 4 B
  Training at least    6.12 MB  (4 × parameters + batch × timesteps × 96) × 4 B
                                = (4 × 324,160 + 32 × 100 × 96) × 4 B
""",
    f"{EXAMPLE} --timesteps 100": "for one sample (the batch is unknown: give --batch):\n",
    f"{EXAMPLE} --batch 8": """\
  Layer outputs            ?  batch × (timesteps × 64 + 32) × 4 B
                              the timesteps are unknown: give --timesteps
""",
    "input:50x8,lstm:16:bi": "lstm:16:bi needs the end of the sequence before it returns anything",
    "input:50x8,rnn:2:seq,gru:4:back,dense:1": "gru:4:back needs the end of the sequence",
    "input:7x8,gru:9,repeat:5,gru:9:seq --batch 2": "batch × (9 + 5 × 18) × 4 B = 2 × (9 + 5 × 18) × 4 B\n",
    "input:8,dense:3,dropout:0.5 --batch 2 --timesteps 5": "(input + output of dense) × 4 B = (8 + 3) × 4 B\n",
}
"""What stands on the screen, by what is asked for."""


@pytest.mark.parametrize(("asked", "text"), SHOWN.items())
def test_the_screen_shows_what_a_size_comes_of_or_what_is_unknown(asked: str, text: str, rnncli: Run) -> None:
    result = rnncli("summary", *asked.split(), "--wide")
    assert (result.status, result.stderr) == (0, "")
    assert text in result.stdout


def test_nobody_trains_in_int8(rnncli: Run) -> None:
    text = rnncli("summary", EXAMPLE, "--wide", "--batch", "2", "--timesteps", "5", "--dtype", "int8").stdout
    assert re.search(r"^  Training at least +-  nobody trains in int8: give --dtype float32$", text, re.MULTILINE)


def test_an_input_alone_has_no_sizes_to_explain(rnncli: Run) -> None:
    assert "Training" not in rnncli("summary", "input:8", "--wide").stdout


ASKED = {
    "example": (EXAMPLE, "--batch", "32", "--timesteps", "100", "--rate", "50"),
    "unknown": (EXAMPLE,),
    "int8": ("input:50x6,gru:32:seq,dense:4", "--dtype", "int8", "--batch", "1", "--rate", "12.3"),
    "decoder": ("input:7x8,lstm:9:seq,pool:max,repeat:4,gru:3:bi,dense:2:tanh", "--dtype", "float64", "--batch", "2"),
}
"""Networks whose sizes are told, and what is known of their input."""


def below_the_table(text: str) -> str:
    """Return what stands below the table, or the blocks, of the layers."""
    return text[text.index(" Total params") :]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_sizes_read_as_they_were_reviewed(columns: int, terminal: Run, screen: Callable[[str, str], None]) -> None:
    shown = []
    for name, asked in ASKED.items():
        text = without_styles(terminal("summary", *asked, "--wide", columns=columns).stdout)
        assert max(map(len, text.splitlines())) <= columns
        shown.append(f"{name}: {' '.join(asked)}\n{below_the_table(text)}")
    screen(f"sizes-{columns}", "\n".join(shown))
