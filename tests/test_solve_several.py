"""`rnncli solve` with several different blanks: the most parameters, against trying all numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from itertools import product, takewhile
from math import prod
from typing import Any

import pytest
from conftest import Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnncli import Network, RnncliError, SpecError
from rnncli.language.completion import spec_completions
from rnncli.search.blanks import trials
from rnncli.search.budget import FIGURES, Budget
from rnncli.search.solution import solve

Run = Callable[..., Result]

TEMPLATES = {
    "input:8,lstm:_a:seq,lstm:_b": ("_a", "_b"),
    "embed:_vx_d,rnn:_d": ("_v", "_d"),
    "embed:5x_,gru:_:seq:bi=sum,dense:_b": ("_b", "_"),
    "input:_f,lstm:2:seq,norm,gru:_u:reset=before": ("_f", "_u"),
    "input:3,rnn:_a:seq:x_n,rnn:_b": ("_a", "_n", "_b"),
    "input:3,rnn:_a:seq:x_a,lstm:_b": ("_a", "_b"),
    "input:3,norm:x_n,dense:_a:tanh:x_m": ("_n", "_a", "_m"),
    "input:2,dense:2:x_n,rnn:2:seq:x_m": ("_n", "_m"),
    "input:_tx3,gru:_a,dense:_b": ("_t", "_a", "_b"),
    "input:3,rnn:_a,repeat:_t,lstm:_b:seq,dense:_a": ("_a", "_t", "_b"),
}
"""Templates, and their blanks."""

FREE = "_t"
"""Timesteps, which have no parameters: of equally many the most that fit are the answer, and no ties."""

MOST_POINTS = 80
"""The most networks that brute force tries for one example."""


def filled(template: str, numbers: dict[str, int]) -> str:
    for name in sorted(numbers, key=len, reverse=True):
        template = template.replace(name, str(numbers[name]))
    return template


def costs(template: str, numbers: dict[str, int], **setting: Any) -> dict[str, int] | None:
    """All figures of a network, by a summary of it; None where there is none."""
    try:
        summary = Network.parse(filled(template, numbers)).summary(**setting)
    except SpecError:
        return None
    return {figure.name: getattr(summary, figure.key) for figure in FIGURES}


def brute_force(
    template: str, limits: dict[str, int], multiple_of: int, exactly: bool, **setting: Any
) -> list[dict[str, int]]:
    """All numbers that make the most parameters within the limits."""
    names = TEMPLATES[template]
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


@settings(max_examples=40)
@given(
    template=st.sampled_from(sorted(TEMPLATES)),
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
        with pytest.raises(RnncliError, match=r"nothing fits|no numbers take exactly"):
            solve(template, Budget(**limits), **options)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "BLOCK", block)
        patch.setattr(trials, "SAFE", 2**62 if in_64_bits else 0)
        solution = solve(template, Budget(**limits), **options)
    numbers = {repr(blank): number for blank, number in solution.numbers.items()}
    assert numbers in found
    assert solution.spec == filled(template, numbers)
    if FREE in numbers:
        rest = {name: number for name, number in numbers.items() if name != FREE}
        assert numbers[FREE] == max(each[FREE] for each in found if rest.items() <= each.items())
        found = [dict(each) for each in {tuple((k, v) for k, v in each.items() if k != FREE) for each in found}]
    assert solution.ties == len(found) - 1


@cache
def totals_of(template: str) -> set[int]:
    """The parameters of all networks of a template with numbers up to 24: all there are up to 1,700."""
    sizes = product(range(1, 25), repeat=2)
    return {Network.parse(filled(template, {"_a": a, "_b": b})).summary().total_params for a, b in sizes}


@settings(max_examples=20)
@given(template=st.sampled_from(["input:8,lstm:_a:seq,lstm:_b", "input:2,gru:_a:seq,gru:_b"]), data=st.data())
def test_where_no_numbers_are_exact_the_nearest_below_and_above_are_named(template: str, data: st.DataObject) -> None:
    totals = totals_of(template)
    params = data.draw(st.integers(80, 1200).filter(lambda number: number not in totals))
    below, above = (max(each for each in totals if each < params), min(each for each in totals if each > params))
    with pytest.raises(RnncliError) as caught:
        solve(template, Budget(params=params), exactly=True)
    assert f"takes {below:,} parameters, {params - below} under, and" in caught.value.message
    assert f"takes {above:,} parameters, {above - params} over" in caught.value.message


def test_of_equals_the_most_even_is_taken_and_the_others_are_told(rnncli: Run) -> None:
    # 4·a·(8 + a + 1) + 4·b·(a + b + 1) is 99,520 twice among multiples of 8: 112 and 64; 24 and 144.
    template, options = "input:8,lstm:_a:seq,lstm:_b", ("--params", "100k", "--multiple-of", "8")
    result = rnncli("solve", template, *options)
    assert (result.status, result.stdout) == (0, "input:8,lstm:112:seq,lstm:64\n")
    assert result.stderr == (
        "a = 112, b = 64: 99,520 of 100,000 parameters; "
        "1 other has as many parameters, of which this is the most even\n"
    )
    found = json.loads(rnncli("solve", template, *options, "-f", "json").stdout)
    assert found["blanks"] == [{"name": "a", "number": 112}, {"name": "b", "number": 64}]
    assert (found["number"], found["ties"], found["exact"], found["limited_by"]) == (None, 1, False, "params")


def test_what_limits_several_numbers_is_told(rnncli: Run) -> None:
    result = rnncli("solve", "input:100x8,lstm:_a:seq,lstm:_b", "--params", "1M", "--macs", "1M")
    assert "of 1,000,000 parameters and" in result.stderr
    assert "; limited by MACs" in result.stderr


def test_a_letter_or_a_word_in_place_of_a_number_is_a_blank_too(rnncli: Run) -> None:
    named = rnncli("solve", "input:8,lstm:_n:seq,lstm:_m", "--params", "10k")
    for template in ("input:8,lstm:n:seq,lstm:m", "input:8,lstm:n:return_sequences=True,lstm:units=m"):
        other = rnncli("solve", template, "--params", "10k")
        assert other.stderr == named.stderr
        assert json.loads(rnncli("solve", template, "--params", "10k", "-f", "json").stdout)["ties"] >= 0
    for template in (
        "input:?,lstm:150",
        "input:*,lstm:150",
        "input:_,lstm:150",
        "input:F,lstm:150",
        "input:x,lstm:150",
    ):
        assert rnncli("solve", template, "--params", "92,400").stdout == "input:3,lstm:150\n"
    assert rnncli("solve", "embed:VxD,lstm:units", "--params", "1k").status == 0
    assert rnncli("solve", "input:TxF,gru:32", "--params", "10k").status == 0
    upper = rnncli("solve", "input:N,lstm:n", "--params", "1k").stderr
    assert upper.startswith("N = ")


@pytest.mark.parametrize(
    ("template", "fault", "repair"),
    [
        ("input:8,lstm:_1:seq,lstm:_2", "_1", "input:8,lstm:_n1:seq,lstm:_n2"),
        ("input:8,lstm:_a_b", "_a_b", "input:8,lstm:_ab"),
        ("input:8,lstm:_max", "_max", "input:8,lstm:_maz"),
        ("embed:10,000x_d,lstm:_u", "10,000x_d", "embed:10000x_d,lstm:_u"),
        ("input:8,lstm:_a,lstm:_b", "lstm:_a", "input:8,lstm:_a:seq,lstm:_b"),
        ("input:8,lstm:_a:seqq,lstm:_b", "seqq", "input:8,lstm:_a:seq,lstm:_b"),
        ("input:8,lstm:_a:_b", "_b", "input:8,lstm:_a"),
    ],
)
def test_an_error_speaks_of_the_names_and_its_repair_can_be_solved(template: str, fault: str, repair: str) -> None:
    with pytest.raises(SpecError) as caught:
        solve(template, Budget(params=10**5))
    error = caught.value
    assert (error.text, error.text[slice(*error.span)], error.repair) == (template, fault, repair)
    assert solve(repair, Budget(params=10**6)).spec


@pytest.mark.parametrize("command", ["summary", "sweep", "compare", "forward"])
@pytest.mark.parametrize("size", ["_a", "n", "?", "units"])
def test_other_commands_say_that_such_a_number_is_for_solve(command: str, size: str, rnncli: Run) -> None:
    specs = [f"input:8,lstm:{size}"] * (2 if command == "compare" else 1)
    result = rnncli(command, *specs)
    assert (result.status, result.stdout) == (2, "")
    assert "only `rnncli solve` finds the number for it" in result.stderr
    assert f"  input:8,lstm:{size}\n               {'^' * len(size)}\n" in result.stderr


def test_three_numbers_of_thousands_are_found(rnncli: Run) -> None:
    result = rnncli("solve", "input:8,lstm:_a:seq,lstm:_b:seq,lstm:_c", "--params", "4M")
    assert (result.status, result.stdout) == (0, "input:8,lstm:451:seq,lstm:444:seq,lstm:444\n")
    assert Network.parse(result.stdout.strip()).summary().total_params == 4_000_000


def test_too_many_ways_are_refused_with_what_leaves_fewer(rnncli: Run) -> None:
    result = rnncli("solve", "embed:_vx_d,lstm:_u", "--params", "1G")
    assert (result.status, result.stdout) == (1, "")
    factor = next(iter(result.stderr.split("--multiple-of ")[1].split()))
    assert int(factor) > 1


def test_where_whatever_there_is_fits_it_is_the_answer(rnncli: Run) -> None:
    result = rnncli("solve", "input:8,dense:_a,dense:_b", "--params", "1" + 30 * "0")
    assert result.stdout == f"input:8,dense:{2**31 - 1},dense:{2**31 - 1}\n"
    assert "; there is no larger network of this form" in result.stderr


def test_blanks_that_say_how_often_a_layer_is_repeated_keep_to_the_most_layers_together(rnncli: Run) -> None:
    result = rnncli("solve", "input:1,dropout:0:x_n,norm:nobias:noscale:x_m,dense:_a", "--params", "9")
    first, second, units = (int(number) for number in re.findall(r"(?<=[x:])[1-9][0-9]*", result.stdout)[1:])
    assert first + second + 2 <= 10_000
    assert units == 4


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("input:8,lstm:_a", ["input:8,lstm:_a:", "input:8,lstm:_a,"]),
        ("embed:_v", ["embed:_vx"]),
        ("embed:_vx_d", ["embed:_vx_d:", "embed:_vx_d,"]),
        ("input:8,lstm:8:x_n", ["input:8,lstm:8:x_n:", "input:8,lstm:8:x_n,"]),
        ("input:8,lstm:s", ["input:8,lstm:seq"]),
    ],
)
def test_a_named_blank_goes_on_like_a_number_and_a_letter_is_no_number_yet(typed: str, offered: list[str]) -> None:
    assert [each.text for each in spec_completions(typed, blanks=True)] == offered


def test_layers_repeated_more_often_than_together_there_may_be_are_no_answer(rnncli: Run) -> None:
    template = "input:3,dense:2:x_n,dense:2:relu:x_m"
    result = rnncli("solve", template, "--params", "1M", "--multiple-of", "3000")
    first, second = (int(number) for number in re.findall(r"(?<=:x)[0-9]+", result.stdout))
    assert (first + second, first % 3_000, second % 3_000) == (9_000, 0, 0)


def test_too_many_numbers_of_repeats_are_refused(rnncli: Run) -> None:
    template = "input:3," + ",".join(f"dense:{number}:x_n{number}" for number in range(1, 9))
    result = rnncli("solve", template, "--params", "1M")
    assert (result.status, result.stdout) == (1, "")
    assert "at most 6 blanks can say how often layers are repeated" in result.stderr


@pytest.mark.parametrize(
    ("text", "template"),
    {
        "LSTM(150, input_shape=(None, n))": "input:n,lstm:150",
        "nn.LSTM(_, 150)": "input:_,lstm:150",
        "layers.LSTM(units=n, return_sequences=True, input_shape=(None, 8))": "input:8,lstm:n:seq",
        "nn.LSTM(40, n, 2, bidirectional=True)": "input:40,lstm:n:seq:bi,lstm:n:bi",
        "Sequential([Embedding(10000, d), LSTM(n, return_sequences=True), LSTM(n, activation=relu), Dense(1)])": (
            "embed:10000xd,lstm:n:seq,lstm:n:relu,dense:1"
        ),
    }.items(),
)
def test_a_call_of_a_framework_with_a_letter_for_a_number_is_a_template(text: str, template: str, rnncli: Run) -> None:
    called, written = (rnncli("solve", each, "--params", "2M") for each in (text, template))
    assert (called.status, called.stdout) == (0, written.stdout)
    note, rest = called.stderr.split("\n", 1)
    assert note.startswith(f"Note: read as {template}")
    assert rest == written.stderr


def test_a_call_without_a_blank_is_told_where_one_may_stand(rnncli: Run) -> None:
    result = rnncli("solve", "LSTM(150, input_shape=(None, 3))", "--params", "1M")
    assert (result.status, result.stdout) == (2, "")
    assert "as a spec: input:3,lstm:_" in result.stderr
