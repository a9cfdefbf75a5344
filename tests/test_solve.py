"""`rnncli solve`: the largest network that fits, against brute force, and the report if none does."""

from __future__ import annotations

import re
from functools import cache
from itertools import product, takewhile
from math import prod
from typing import Any

import kinds
import pytest
from conftest import Run, Screen, Walk, examples, is_thorough, some
from hypothesis import assume, given
from hypothesis import strategies as st
from sessions import replay

from rnncli import Network, RnncliError, SpecError, solve
from rnncli.language import spec as specs
from rnncli.language.completion import spec_completions
from rnncli.language.rules import frameworks_of
from rnncli.search import forms, problem, trials
from rnncli.search.budget import FIGURES

TEMPLATES = (
    "embed:100x_,lstm:_:seq,lstm:_",
    "embed:_x8,rnn:_",
    "input:_x4,gru:_:bi",
    "input:_,dense:_:nobias",
    "input:6,gru:4:seq,gru:_:reset=before",
    "input:3,rnn:2:seq:x_",
)
LARGEST = 60
"""The largest number that brute force tries."""

SEVERAL = {
    "input:8,lstm:_a:seq,lstm:_b": ("_a", "_b"),
    "embed:_vx_d,rnn:_d": ("_v", "_d"),
    "embed:5x_,gru:_:seq:bi=sum,dense:_b": ("_b", "_"),
    "input:_f,lstm:2:seq,norm,gru:_u:reset=before": ("_f", "_u"),
    "input:3,rnn:_a:seq:x_n,rnn:_b": ("_a", "_n", "_b"),
    "input:3,rnn:_a:seq:x_a,lstm:_b": ("_a", "_b"),
    "input:3,norm:x_n,dense:_a:tanh:x_m": ("_n", "_a", "_m"),
    "input:2,dense:2:x_n,rnn:2:seq:x_m": ("_n", "_m"),
    "input:_tx3,gru:_a,dense:_b": ("_t", "_a", "_b"),
    "input:_tx3,conv:2x1:stride=2,gru:_b": ("_t", "_b"),
    "input:3,rnn:_a,repeat:_t,lstm:_b:seq,dense:_a": ("_a", "_t", "_b"),
}
"""Templates with several blanks, and the names of the blanks."""

FREE = "_t"
"""The blank for timesteps, which have no parameters: the answer has the most that fit, and there are no ties."""

MOST_POINTS = 80
"""The most networks that brute force tries per example."""


def filled(template: str, numbers: dict[str, int]) -> str:
    for name in sorted(numbers, key=len, reverse=True):
        template = template.replace(name, str(numbers[name]))
    return template


def costs(template: str, numbers: dict[str, int], **setting: Any) -> dict[str, int] | None:
    """All figures in a network's summary; None if it is not a valid network."""
    try:
        summary = Network.parse(filled(template, numbers)).summary(**setting)
    except SpecError:
        return None
    return {figure.name: getattr(summary, figure.key) for figure in FIGURES}


@given(
    template=st.sampled_from(TEMPLATES),
    framework=st.sampled_from(("keras", "torch")),
    dtype=st.sampled_from(("float16", "float64")),
    limits=st.tuples(*[st.none() | st.integers(0, limit) for limit in (3_000, 12_000, 20_000)]),
    multiple_of=st.sampled_from((1, 2, 3, 8)),
)
def test_the_answer_matches_brute_force(
    template: str, framework: Any, dtype: str, limits: tuple[int | None, ...], multiple_of: int
) -> None:
    assume(set(limits) != {None} and not (framework == "torch" and "before" in template))
    setting = {"timesteps": None if "input:_x" in template else 7, "framework": framework, "dtype": dtype}
    most = dict(zip(("params", "memory", "macs"), limits, strict=True))

    def fits(number: int) -> bool:
        found = costs(template, {"_": number}, **setting) or {}
        return all(limit is None or found[name] <= limit for name, limit in most.items())

    fitting = [number for number in range(multiple_of, LARGEST, multiple_of) if fits(number)]
    assume(not fitting or fitting[-1] + multiple_of < LARGEST)
    if fitting:
        solution = solve(template, **most, multiple_of=multiple_of, **setting)
        assert solution.number == fitting[-1]
        assert solution.spec == filled(template, {"_": fitting[-1]})
    else:
        with pytest.raises(RnncliError, match="nothing fits"):
            solve(template, **most, multiple_of=multiple_of, **setting)


@given(st.integers(10, 10**12), st.sampled_from(("input:1,dense:_", "embed:10000x_,lstm:_:seq,lstm:_")))
def test_the_answer_fits_and_the_next_does_not(params: int, template: str) -> None:
    assume(params >= 12 if template.startswith("input") else params >= 20_000)
    solution = solve(template, params=params)

    def takes(number: int) -> int:
        return Network.parse(template.replace("_", str(number))).summary().total_params

    ((larger, _),) = solution.larger
    assert larger == solution.number + 1
    assert takes(solution.number) <= params
    assert larger > 2**31 - 1 or takes(larger) > params


def test_the_answer_for_every_kind_matches_brute_force_with_and_without_a_length(at: Walk) -> None:
    for kind, timesteps in product(kinds.KINDS.values(), (None, 5)):
        for name in kind.numbers:
            template = kinds.written_with(kind, lambda own, number, name=name: "_" if own == name else str(number))
            if "_" not in template or (template.startswith("input:_x") and timesteps):
                continue
            framework = frameworks_of(Network.parse(template.replace("_", "3")).layers)[0]
            every = [costs(template, {"_": n}, timesteps=timesteps, framework=framework) or {} for n in range(1, 40)]
            for figure in FIGURES:
                limit = every[3].get(figure.name)
                fitting = [n for n, each in enumerate(every, 1) if each and (each[figure.name] or 0) <= (limit or 0)]
                if limit is None or (every[-1] and every[-1][figure.name] <= limit):
                    continue
                with at(template, timesteps, figure.name):
                    solution = solve(template, **{figure.name: limit}, timesteps=timesteps, framework=framework)
                    assert solution.number == fitting[-1]


def test_a_stride_or_pool_size_is_the_smallest_with_which_the_rest_fits(at: Walk) -> None:
    behind = ("flatten,dense:2", "pool:max:2,rnn:2")
    windows = [kind.small + kind.needs for kind in kinds.KINDS.values() if "strides" in kind.options]
    assert len(windows) > 1
    fields = [*(f"{window}:stride=_" for window in windows), "pool:max:_", "pool:avg:_:stride=2"]
    for head, field, rest in product(("20x3", "3"), fields, behind):
        template = f"input:{head},{field},{rest}"
        every = [costs(template, {"_": number}) for number in range(1, 25)]
        found = [(figure, each[figure]) for figure in ("params", "macs", "streaming") for each in every if each]
        for figure, limit in some(sorted({(figure, limit) for figure, limit in found if limit is not None}), 3):
            fitting = [number for number, each in enumerate(every, 1) if each and each[figure] <= limit]
            with at(template, figure, limit):
                solution = solve(template, **{figure: limit})
                ((larger, its_costs),) = solution.larger
                assert solution.number == fitting[0]
                assert larger == fitting[0] - 1
                assert fitting[0] == 1 or not all(cost.fits for cost in its_costs)
    flat = solve("input:8,conv:8x3:stride=_,pool:max,flatten,dense:_b", params=1_000)  # it flattens a vector
    assert flat.spec == "input:8,conv:8x3:stride=1,pool:max,flatten,dense:88"


def test_an_exact_answer_is_found_where_memory_for_streaming_grows_with_the_size_of_a_pool(at: Walk) -> None:
    for template, a, c in (("embed:_ax2,pool:max:_c", 4, 23), ("input:12x2,pool:avg:_c,rnn:_a", 5, 3)):
        network = Network.parse(filled(template, {"_a": a, "_c": c})).summary()
        figures = ("total_params", "total_bytes", "streaming_bytes")
        params, memory, streaming = (getattr(network, figure) for figure in figures)
        with at(template):
            assert solve(template, params=params, memory=memory, streaming=streaming, exactly=True).exact
    # With a stride it does not grow.
    assert solve("input:8x9,pool:avg:1:stride=_", outputs=36, streaming=112, exactly=True).number == 8


def test_the_numbers_of_a_layer_that_limit_each_other_leave_room_for_the_rest(at: Walk) -> None:
    for template, limits, most in (  # as brute force finds
        ("input:8,lstm:_a:seq,pool:avg:_b,gru:4", {"macs": 5_000, "streaming": 300}, 328),
        ("input:8,lstm:_a:proj=_b", {"params": 700}, 700),
        ("input:3,conv:2x_b,conv:_ax_b:dilation=2,rnn:3", {"params": 180}, 178),
        ("input:3,conv:_ax_b,lstm:4", {"macs": 900, "streaming": 500}, 927),
        ("input:5,conv:5x_a:stride=4:dilation=_b", {"macs": 300}, 255),
        ("input:8,lstm:_b:proj=_a,dense:_a", {"params": 500, "streaming": 190}, 380),
        ("input:8,lstm:_a:seq:proj=_b,lstm:16:proj=_a", {"params": 2_300}, 2281),
        ("input:8,lstm:_a:seq:proj=8,lstm:16:proj=_a", {"params": 2_500}, 2400),
        ("input:_ax3,conv:4x5,lstm:16:proj=_a", {"macs": 10_000}, 1328),
        ("input:20x_a,lstm:_a:seq:proj=2:x_a", {"params": 5_000}, 4966),
        ("input:_ax1,conv:4x2,conv:3x2:same:x_a", {"params": 250}, 249),
        ("input:_ax8,conv:3x_b", {"params": 400, "outputs": 120}, 387),
        ("input:_ax3,conv:2x_b:stride=3,flatten,dense:2", {"params": 60}, 60),
        ("input:_ax_a,pool:avg:_b:stride=2,rnn:2:seq", {"streaming": 900, "outputs": 600}, 46),
        ("input:_a,conv:2x3:stride=_a", {"outputs": 16, "params": 110}, 110),
    ):
        setting: dict[str, Any] = {
            "timesteps": None if "input:_ax" in template else 20,
            "framework": "torch" if "proj" in template or "stride" in template else "keras",
        }
        with at(template):
            if is_thorough():
                every = [costs(template, {"_a": a, "_b": b}, **setting) for a, b in product(range(1, 21), repeat=2)]
                fitting = [each for each in every if each and all(each[name] <= limits[name] for name in limits)]
                assert max(each["params"] for each in fitting) == most
            assert solve(template, **limits, **setting).summary.total_params == most


def brute_force(
    template: str, limits: dict[str, int], multiple_of: int, exactly: bool, **setting: Any
) -> list[dict[str, int]]:
    """All numbers with the most parameters within the limits."""
    names = SEVERAL[template]
    smallest = dict.fromkeys(names, multiple_of)

    def fits(numbers: dict[str, int]) -> bool:
        found = costs(template, numbers, **setting)
        return found is not None and all(found[name] <= limit for name, limit in limits.items())

    axes = []
    for name in names:
        numbers = range(multiple_of, MOST_POINTS * multiple_of, multiple_of)
        axes.append(list(takewhile(lambda number, name=name: fits({**smallest, name: number}), numbers)))
    assume(prod(map(len, axes)) <= MOST_POINTS and max(map(len, axes)) < MOST_POINTS - 1)
    fitting = [dict(zip(names, values, strict=True)) for values in product(*axes)]
    fitting = [numbers for numbers in fitting if fits(numbers)]
    found = [(costs(template, numbers, **setting) or {}, numbers) for numbers in fitting]
    found = [
        (figures, numbers)
        for figures, numbers in found
        if not exactly or all(figures[name] == limit for name, limit in limits.items())
    ]
    most = max((figures["params"] for figures, _ in found), default=0)
    return [numbers for figures, numbers in found if figures["params"] == most]


@examples(40)
@given(
    template=st.sampled_from(sorted(SEVERAL)),
    limits=st.dictionaries(st.sampled_from(["macs", "outputs", "streaming", "training"]), st.integers(50, 20_000)),
    params=st.integers(10, 300),
    multiple_of=st.sampled_from((1, 2, 3)),
    framework=st.sampled_from(("keras", "torch")),
    exactly=st.booleans(),
    block=st.sampled_from((3, trials.BLOCK)),
    in_64_bits=st.booleans(),
)
def test_the_answer_has_the_most_parameters_of_all_that_fit(
    template: str,
    limits: dict[str, int],
    params: int,
    multiple_of: int,
    framework: Any,
    exactly: bool,
    block: int,
    in_64_bits: bool,
) -> None:
    assume(not ("bi" in template and "streaming" in limits))
    assume(not (framework == "torch" and ("before" in template or "bi=sum" in template)))
    setting = {"framework": framework, "timesteps": None if "input:_t" in template else 5}
    limits = ({} if exactly else limits) | {"params": params}
    found = brute_force(template, limits, multiple_of, exactly, **setting)
    options = {"exactly": exactly, "multiple_of": multiple_of, **setting}
    if not found:
        with pytest.raises(RnncliError, match=r"nothing fits|no numbers give exactly"):
            solve(template, **limits, **options)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "BLOCK", block)
        patch.setattr(trials, "SAFE", 2**62 if in_64_bits else 0)
        solution = solve(template, **limits, **options)
    numbers = {f"_{name}".replace("__", "_"): number for name, number in solution.numbers.items()}
    assert numbers in found
    assert solution.spec == filled(template, numbers)
    if FREE in numbers:
        rest = {name: number for name, number in numbers.items() if name != FREE}
        assert numbers[FREE] == max(each[FREE] for each in found if rest.items() <= each.items())
        found = [dict(each) for each in {tuple((k, v) for k, v in each.items() if k != FREE) for each in found}]
    assert solution.ties == len(found) - 1


@cache
def totals_of(template: str) -> set[int]:
    """The parameters of all networks of a template with numbers up to 24, which covers every total up to 1,700."""
    sizes = product(range(1, 25), repeat=2)
    return {Network.parse(filled(template, {"_a": a, "_b": b})).summary().total_params for a, b in sizes}


@examples(20)
@given(template=st.sampled_from(["input:8,lstm:_a:seq,lstm:_b", "input:2,gru:_a:seq,gru:_b"]), data=st.data())
def test_without_an_exact_solution_the_nearest_below_and_above_are_named(template: str, data: st.DataObject) -> None:
    totals = totals_of(template)
    params = data.draw(st.integers(80, 1200).filter(lambda number: number not in totals))
    below, above = (max(each for each in totals if each < params), min(each for each in totals if each > params))
    with pytest.raises(RnncliError) as caught:
        solve(template, params=params, exactly=True)
    assert f"gives {below:,} parameters, {params - below} under, and" in caught.value.message
    assert f"gives {above:,} parameters, {above - params} over" in caught.value.message


@examples(20)
@given(
    template=st.sampled_from(["input:_,lstm:25", "input:3,gru:_:seq,gru:8", "input:4,rnn:_,dense:3", "input:_,lstm:_"]),
    params=st.integers(20, 5000),
)
def test_without_an_exact_solution_the_suggested_number_has_one(template: str, params: int) -> None:
    try:
        found = solve(template, params=params, exactly=True).summary
        assert found.total_params == params
    except RnncliError as error:
        for spec in re.findall(r"input:[\w:,]*\w", error.advice or ""):
            assert Network.parse(spec).summary().total_params == params


def test_the_nearest_to_a_limit_has_neither_the_most_parameters_nor_the_next_number() -> None:
    with pytest.raises(RnncliError, match="rnn:11:seq,rnn:14:seq gives 236 B of memory for streaming, 1 B under"):
        solve("input:14x6,rnn:_b:seq,rnn:_a:seq", streaming=237, exactly=True)
    # Nor is the nearest above always the next number.
    with pytest.raises(RnncliError, match="conv:4x10,gru:10:seq gives 580 MACs, 58 over"):
        solve("input:10x4,conv:4x_,gru:_:seq", macs=522, exactly=True)


def test_blanks_without_parameters_get_the_largest_numbers_that_fit() -> None:
    solution = solve("input:_tx2,pool:max:_b,rnn:_a:seq:nobias", macs=609, streaming=1_163, dtype="float16")
    assert solution.spec == "input:505x2,pool:max:253,rnn:23:seq:nobias"


def test_solutions_and_their_notes_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("solve", rnncli, screen)


def test_a_quiet_answer_does_not_say_how_a_call_was_read(rnncli: Run) -> None:
    assert rnncli("solve", "-q", "nn.LSTM(40, n)", "--params", "1M") == (0, "input:40,lstm:479\n", "")


def test_unsolvable_templates_are_reported_as_reviewed(rnncli: Run, screen: Screen) -> None:
    replay("solve-refused", rnncli, screen)


def test_a_repeat_beyond_the_limit_on_layers_is_not_an_answer(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (specs, forms, problem, trials):
        monkeypatch.setattr(module, "MAX_LAYERS", 10)
    twice = rnncli("solve", "input:3,dense:2:x_n,dense:2:relu:x_m", "--params", "1M", "--multiple-of", "3")
    assert twice.stdout == "input:3,dense:2:x6,dense:2:relu:x3\n"
    free = rnncli("solve", "input:1,dropout:0:x_n,norm:nobias:noscale:x_m,dense:_a", "--params", "9")
    assert free.stdout == "input:1,dropout:0:x7,norm:nobias:noscale:x1,dense:4\n"


def test_a_named_blank_continues_like_a_number_and_a_letter_is_not_a_number_yet() -> None:
    for typed, ends in {
        "input:8,lstm:_a": ":,",
        "embed:_v": "x",
        "embed:_vx_d": ":,",
        "input:8,lstm:8:x_n": ":,",
    }.items():
        assert [each.text for each in spec_completions(typed, blanks=True)] == [typed + end for end in ends]
    assert [each.text for each in spec_completions("input:8,lstm:s", blanks=True)] == ["input:8,lstm:seq"]


def test_layers_that_shorten_a_sequence_are_counted_whether_or_not_its_length_is_known(at: Walk) -> None:
    # Each conv has 200 parameters: 8 × (3 × 8 + 1). A sequence of known length runs out of timesteps.
    for template, limit, filled in (
        ("input:8,conv:8x3:stride=2:x_n", 2000, "input:8,conv:8x3:stride=2:x10"),
        ("input:100x8,conv:8x3:x_n", 10**6, "input:100x8,conv:8x3:x49"),
        ("input:8,conv:8x_:stride=2", 2000, "input:8,conv:8x31:stride=2"),
        (
            "input:_tx5,conv:8x4:stride=9,pool:avg:8:stride=_t,rnn:_h",
            312,
            f"input:{2**31 - 1}x5,conv:8x4:stride=9,pool:avg:8:stride={2**31 - 1},rnn:8",
        ),
        ("input:_tx8,conv:8x3:x_n", 2000, f"input:{2**31 - 1}x8,conv:8x3:x10"),
    ):
        with at(template):
            assert solve(template, params=limit).spec == filled
    with pytest.raises(RnncliError, match="numbers to try"):
        solve("input:_tx8,conv:_x3:x_n,lstm:16", params=100_000)
