"""`rnncli sweep`: candidates, their figures, budgets, orders and formats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from time import perf_counter, process_time
from typing import Any

import kinds
import pytest
from conftest import Run, Screen, Walk, examples, peak_memory, some
from hypothesis import assume, example, given
from hypothesis import strategies as st
from kinds.base import Kind
from sessions import replay
from strategies import networks, typed
from sweeps import candidates, rows

import rnncli.commands.sweep as commands_sweep
from rnncli import Network
from rnncli.errors import SpecError
from rnncli.layers.sizes import NoPolynomialError
from rnncli.layers.weights import FRAMEWORKS
from rnncli.network_summary import DTYPE_BYTES, Setting
from rnncli.search import frame as frames
from rnncli.search import sweep as sweeps
from rnncli.search.braces import parse_pattern
from rnncli.search.budget import BY_NAME, Budget
from rnncli.search.forms import Candidate, Outcome, Polynomial
from rnncli.search.grid import Stretch
from rnncli.search.selection import LARGEST, SORT_KEYS, Order, Selection
from rnncli.search.sweep import Sweep

WIDTHS = "embed:10000x{u=32..96..32},{lstm,gru}:{64..512..64},dense:{u}"

unknown_or = st.none() | st.integers(1, 64)
contexts = st.builds(Setting, unknown_or, unknown_or, st.sampled_from(FRAMEWORKS), st.sampled_from(tuple(DTYPE_BYTES)))

_sizes = st.integers(1, 300).map(str) | st.sampled_from(
    ["{1..9..4}", "{8,16}", "{04..6}", "{u}", "{0..1}", "10k", "1_0", "2147483647", "2147483648", "{-1..1}"]
)
_flags = st.sampled_from(
    [
        *(":seq", "{:seq,}", ":{seq,back:seq}", ":bi:seq", ":bi={concat,sum}", ":{act=relu,act=tanh}:seq"),
        *(":x{1..3}", ":seq:x2", ":nobias", ":relu", ":x12", ":foo"),
    ]
)
_kinds = st.sampled_from(["rnn", "lstm", "gru", "{lstm,gru}", "dense", "LSTM", "{u}"])
_layers = st.builds("{}:{}{}".format, _kinds, _sizes, st.lists(_flags, max_size=2).map("".join)) | st.sampled_from(
    [
        *("dropout:{0..2}", "dropout:0.{1..3}", "{dense:8\\,,}dense:2", "rnn:seq:{8,9}", " gru : 8 : seq "),
        *("input:3", "", "lstm:8:seq,{,rnn:2}"),
    ]
)
_heads = st.builds(
    "{}:{}".format, st.sampled_from(["input", "{input,in}"]), _sizes | st.builds("{}x{}".format, _sizes, _sizes)
) | st.builds("embed:{}x{}".format, _sizes, _sizes)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """A pattern whose texts are almost all, partly, or never valid specs."""
    layers = [draw(_heads | _layers) if draw(st.integers(0, 20)) == 0 else draw(_heads)]
    layers += draw(st.lists(_layers, max_size=4))
    text = ",".join(layers)
    if "{u}" in text:
        text = text.replace("{u}", draw(st.sampled_from(["{u=4,8}", "{u=2..6..2}", "{u={7,9},1}"])), 1)
    return text


def network_of(spec: str, setting: Setting) -> Outcome:
    """The expected candidate, computed from the network."""
    try:
        summary = Network.parse(spec).summary(*setting)
    except SpecError:
        return spec
    return Candidate(spec, *[getattr(summary, name) for name in Candidate._fields[1:]])


WAYS = {
    "one by one": (10**9, 1),
    "in one frame": (0, 2**17),
    "in frames of 7": (0, 7),
    "in frames of 7000": (0, 7_000),
    "in frames of 2": (0, 2),
}
"""The limit on few candidates, and the size of a frame."""


@contextmanager
def evaluated(how: str) -> Iterator[None]:
    """Evaluate candidates in a given way inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        few, size = WAYS[how]
        patch.setattr(sweeps, "FEW", few)
        patch.setattr(sweeps, "FRAME", size)
        patch.setattr(frames, "_MAX_SINGLE", 0)
        yield


@examples(150)
@example("input:8,dense:2:x{9998..9999},dense:1", Setting(2, 3, "keras", "float32"), "in one frame")
@example("input:{1..9..4},dropout:{0..2}", Setting(), "in frames of 7")
@example("{input:8,input:5x{8..9},embed:{5..6}x7}{:mask,},lstm:{3..4}", Setting(), "in one frame")
@example("input:{20..22}x3,conv:3x{2..4}:stride={2..3},gru:{2..3}", Setting(2), "in one frame")
@example("input:8,{lstm:{u},gru:9}:seq,rnn:{u=2..3},dense:{1..2}", Setting(None, 5), "in frames of 2")
@example("input:8,lstm:{3,4}{:seq,},{repeat:{2..3}\\,,}rnn:{5..6}", Setting(None, 5), "in one frame")
@example("{input:8,input:4x8},lstm:{1..2}{:seq,},{repeat:3\\,,}flatten", Setting(None, 4), "in one frame")
@example("input:{4..5}x8,{flatten,rnn:3:seq\\,flatten},dense:2", Setting(), "in one frame")
@example("{input:8,}", Setting(), "in one frame")
@example("input:8,dense:30:relu,lstm:{1..40..3}", Setting(2, 5), "one by one")
@example("input:{1..9}x8,rnn:{1..4}", Setting(None, 5), "one by one")
@example("embed:10x{1..9},rnn:4", Setting(), "one by one")
@example("input:8,dense:2,repeat:{1..9},lstm:3", Setting(4, 5), "one by one")
@example("input:8,dense:2,repeat:{1..9}", Setting(4, 5), "one by one")
@example("input:8,lstm:{1..4}:seq,gru:{1..9}:bi:seq,norm", Setting(4, 5, "torch"), "one by one")
@example("input:8,gru:9:seq,gru:{1..9},dense:3", Setting(2, 5), "one by one")
@example("input:{u={7,9},1},{lstm,gru}:{1..3}", Setting(), "in frames of 2")
@example("input:8,lstm:{9223372036854775806..9223372036854775807}", Setting(), "in one frame")
@example("input:8,{lstm,{gru,rnn}}:{1..3}", Setting(), "in one frame")
@example("input:8,lstm:{1a,2b,3},dense:_a", Setting(), "in one frame")
@example("input:8,{lstm:{u},gru:{7,{u}}},{dense:4,dense:{5..6}},dense:{u=2..3}", Setting(), "in frames of 7")
@example(
    "input:8,{lstm:{u},gru:9}:{,nobias},{dense:{u},dense:{v}},dense:{u=2..3},dense:{v=4,5}", Setting(), "in frames of 7"
)
@given(patterns(), contexts, st.sampled_from(sorted(WAYS)))
def test_every_row_matches_its_networks_summary_and_other_texts_are_invalid(
    text: str, setting: Setting, how: str
) -> None:
    pattern = parse_pattern(text)
    if pattern.count() <= 60:
        with evaluated(how):
            assert [*candidates(text, **setting._asdict())] == [network_of(spec, setting) for spec in pattern.expand()]


@pytest.mark.parametrize("how", ["one by one", "in one frame"])
@pytest.mark.parametrize("kind", list(kinds.KINDS.values()), ids=lambda kind: kind.names[0])
def test_rows_of_a_kind_match_its_summary_with_and_without_a_length(kind: Kind, how: str, at: Walk) -> None:
    every = [(), *(option.fields() for option in kind.layer.options)]
    for fields, timesteps, framework in some(product(every, (None, 1, 5), FRAMEWORKS), 7):
        braces = f"{{{','.join(['', *(f':{field}' for field in fields)])}}}" if fields else ""
        pattern = kinds.written_with(kind, lambda _, number: f"{{{number}..{number + 2}}}", braces)
        setting = Setting(3, timesteps, framework)
        with at(pattern, timesteps, framework), evaluated(how):
            specs = parse_pattern(pattern).expand()
            assert [*candidates(pattern, **setting._asdict())] == [network_of(spec, setting) for spec in specs]


@examples(50)
@given(st.lists(st.integers(2**31 - 60, 2**31 + 1), min_size=2, max_size=2), contexts)
def test_figures_are_exact_beyond_64_bits(ends: list[int], setting: Setting) -> None:
    first, last = sorted(ends)
    text = f"embed:{{{first}..{last}..19}}x2147483647,lstm:{{{first}..{last}..17}}:seq:x{{1,4}},dense:{{1..2}}"
    with evaluated("in one frame"):
        assert [*candidates(text, **setting._asdict())] == [
            network_of(spec, setting) for spec in parse_pattern(text).expand()
        ]


@examples(50)
@given(st.data(), contexts)
def test_any_spelling_of_a_network_is_a_candidate_with_its_figures(data: st.DataObject, setting: Setting) -> None:
    text = data.draw(typed(data.draw(networks(largest=3))))
    assume("{" not in text and "\\" not in text)
    assert [*candidates(text, **setting._asdict())] == [network_of(text, setting)]


SYMBOLS = [Polynomial.unknown(place) for place in range(2)]


@given(st.tuples(*[st.integers(-9, 9)] * 6), st.integers(-50, 50), st.integers(-50, 50))
def test_a_symbol_computes_like_the_number(terms: tuple[int, ...], x: int, y: int) -> None:
    def computed(x: Any, y: Any) -> list[Any]:
        a, b, c, d, e, f = terms
        first, second = a + b * x + y * c, d * x - e * y + f
        return [first, first * second, first * x + second * 3, 7 - first, (first - second) * x * y * y]

    for symbolic, number in zip(computed(*SYMBOLS), computed(x, y), strict=True):
        assert Polynomial.of(symbolic).at([x, y]) == number


def test_an_operation_outside_polynomials_is_an_error() -> None:
    x, _ = SYMBOLS
    for computed in (lambda: x // 2, lambda: 7 % x, lambda: x / x, lambda: x < 3, lambda: x <= 3, lambda: divmod(x, 2)):
        with pytest.raises(NoPolynomialError, match="not return a polynomial"):
            computed()


def test_a_sweep_reads_as_reviewed(rnncli: Run, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # a piped table is never wrapped
    replay("sweep", rnncli, screen)


def test_errors_of_a_sweep_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("sweep-refused", rnncli, screen)


def test_quoted_and_unquoted_patterns_give_the_same_rows(rnncli: Run) -> None:
    pattern = "embed:10x{2..6..2},{lstm,gru}:{8,16}"
    assert rows(rnncli, pattern) == rows(rnncli, *parse_pattern(pattern).expand())
    assert len(rows(rnncli, pattern)) == 12
    assert rnncli("sweep", pattern).stdout == rnncli("sweep", *parse_pattern(pattern).expand()).stdout


def test_a_budget_excludes_costlier_candidates(rnncli: Run, at: Walk) -> None:
    everything = rows(rnncli, WIDTHS, "--timesteps", "100")
    cost = everything[20]["total_params"]
    limits = [("params", "500k", 500_000), ("memory", "2MB", 2 * 2**20), ("macs", "10M", 10**7)]
    for name, limit, most in [*limits, ("outputs", "30KB", 30 * 2**10), ("params", f"{cost:,}", cost)]:
        with at(name, limit):
            kept = rows(rnncli, WIDTHS, "--timesteps", "100", f"--max-{name}", limit)
            assert kept == [row for row in everything if row[BY_NAME[name].key] <= most]
            assert 0 < len(kept) < len(everything)


def test_rows_are_sorted_in_either_direction_and_equal_ones_keep_their_order(rnncli: Run, at: Walk) -> None:
    everything = rows(rnncli, WIDTHS)
    for key, top in product(("params", "memory", "macs-per-step", "spec"), (None, 7)):
        with at(key, top):
            options = [] if top is None else ["--top", str(top)]
            up = sorted(everything, key=lambda row, key=key: row[SORT_KEYS[key]])
            down = sorted(everything, key=lambda row, key=key: row[SORT_KEYS[key]], reverse=True)
            assert rows(rnncli, WIDTHS, "--sort", key, *options) == up[:top]
            assert rows(rnncli, WIDTHS, f"--sort=-{key}", *options) == down[:top]
            assert rows(rnncli, WIDTHS, "--sort", f"-{key}", *options) == down[:top]
    assert rows(rnncli, WIDTHS, "--top", "3") == rows(rnncli, WIDTHS, "--sort=-params")[:3]


@pytest.mark.parametrize("order", [LARGEST, LARGEST._replace(descending=False)])
def test_little_more_than_the_first_few_is_held(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnncli.search.forms.BATCH", 5)
    everything = [*candidates("input:8,lstm:{1..40}:seq,gru:{1..3}")]
    for top, most in ((5, 5), (7, 2 * 7 + 5)):
        selection = Selection(order, top)
        held = []
        for candidate in everything:
            selection.add([candidate])
            held.append(selection.held)
        assert max(held) == most
        assert selection.best() == sorted(everything, key=order.of, reverse=order.descending)[:top]


def test_the_pace_of_a_sweep_excludes_the_time_of_its_reader(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks: list[object] = []
    made = commands_sweep.Progress
    monkeypatch.setattr(commands_sweep, "Progress", lambda *a, **b: (clocks.append(b.get("clock")), made(*a, **b))[1])
    for options, clock in (([], process_time), (["--top", "2"], perf_counter), (["--jobs", "2"], perf_counter)):
        with at(*options):
            assert rnncli("sweep", "input:8,rnn:{1..3}", "-f", "csv", *options).status == 0
            assert clocks[-1] is clock


@pytest.mark.thorough
@pytest.mark.parametrize("order", [LARGEST, LARGEST._replace(descending=False)])
def test_the_first_few_of_more_candidates_take_no_more_memory(order: Order) -> None:
    def peak(count: int) -> int:
        pattern = parse_pattern(f"input:8,lstm:{{1..{count}}}:seq,gru:{{1..10}}")
        work = Sweep(Setting(), Budget(params=10**12), len, order, 10)
        assert work.wanted is not None

        def choose() -> None:
            assert not [*work.run([Stretch(pattern, 0, pattern.size)], 0)]
            assert len(work.wanted.best()) == 10

        return peak_memory(choose)

    for how, fewer, more in (("one by one", 500, 2_000), ("in frames of 7000", 1_400, 4_200)):
        with evaluated(how):
            peak(fewer)  # fill the caches
            assert peak(more) < 1.5 * peak(fewer) + 2**19
