"""`rnncli solve`: the largest number that fits, and what is said where none does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import Result
from hypothesis import assume, given
from hypothesis import strategies as st

from rnncli import Network, RnncliError, SpecError
from rnncli.search.budget import Budget
from rnncli.search.solution import solve
from rnncli.search.template import Template

Run = Callable[..., Result]

TEMPLATES = (
    "embed:100x_,lstm:_:seq,lstm:_",
    "embed:_x8,rnn:_",
    "input:_x4,gru:_:bi",
    "input:_,dense:_:nobias",
    "input:6,gru:4:seq,gru:_:reset=before",
    "input:3,rnn:2:seq:x_",
)
LARGEST = 60
"""The brute force tries all numbers up to this."""


def cost(template: str, number: int, framework: str, dtype: str) -> tuple[int, int, int]:
    """Parameters, bytes and multiply-adds of a template with a number, as the summary has them."""
    summary = Network.parse(template.replace("_", str(number))).summary(
        timesteps=None if "input:_x" in template else 7, framework=framework, dtype=dtype
    )
    return summary.total_params, summary.total_bytes, summary.macs


@given(
    template=st.sampled_from(TEMPLATES),
    framework=st.sampled_from(("keras", "torch")),
    dtype=st.sampled_from(("float16", "float64")),
    limits=st.tuples(*[st.none() | st.integers(0, limit) for limit in (3_000, 12_000, 20_000)]),
    multiple_of=st.sampled_from((1, 2, 3, 8)),
)
def test_the_answer_is_that_of_trying_all_numbers(
    template: str, framework: str, dtype: str, limits: tuple[int | None, ...], multiple_of: int
) -> None:
    assume(any(limit is not None for limit in limits))
    assume(not (framework == "torch" and "before" in template))
    fitting = [
        number
        for number in range(multiple_of, LARGEST, multiple_of)
        if all(
            limit is None or takes <= limit
            for takes, limit in zip(cost(template, number, framework, dtype), limits, strict=True)
        )
    ]
    assume(not fitting or fitting[-1] + multiple_of < LARGEST)
    options = {
        "multiple_of": multiple_of,
        "timesteps": None if "input:_x" in template else 7,
        "framework": framework,
        "dtype": dtype,
    }
    if fitting:
        solution = solve(template, Budget(*limits), **options)
        assert solution.number == fitting[-1]
        assert solution.spec == template.replace("_", str(fitting[-1]))
    else:
        with pytest.raises(RnncliError, match="nothing fits"):
            solve(template, Budget(*limits), **options)


@given(st.integers(10, 10**12), st.sampled_from(("input:1,dense:_", "embed:10000x_,lstm:_:seq,lstm:_")))
def test_the_answer_fits_and_the_next_does_not(params: int, template: str) -> None:
    assume(params >= 12 if template.startswith("input") else params >= 20_000)
    solution = solve(template, Budget(params=params))

    def takes(number: int) -> int:
        return Network.parse(Template.parse(template).fill(number)).summary().total_params

    assert takes(solution.number) <= params
    assert solution.next_number > 2**31 - 1 or takes(solution.next_number) > params


def test_only_the_filled_spec_is_printed_so_that_it_nests(rnncli: Run) -> None:
    template = "embed:10000x_,lstm:_:seq,lstm:_"
    status, spec, error = rnncli("solve", template, "--params", "1M")
    assert (status, error) == (0, "")
    assert re.fullmatch(r"embed:10000x(\d+),lstm:\1:seq,lstm:\1\n", spec)
    assert int(rnncli("summary", "-q", spec.strip()).stdout) <= 1_000_000


def test_a_terminal_is_told_what_it_costs_and_what_the_next_size_up_would(terminal: Run) -> None:
    # lstm:U on 8 features has 4·U·(8 + U + 1) parameters of 4 bytes: 4,200 for 29, and 4,680 for 30.
    arguments = ("solve", "input:8,lstm:_", "--params", "4500", "--memory", "20KB")
    result = terminal(*arguments, columns=200, stdout_piped=True)
    assert result.stdout == "input:8,lstm:29\n"
    assert result.stderr == (
        "_ = 29: 4,408 of 4,500 parameters and 17.22 KB of 20.00 KB; 30 would take 4,680 parameters and 18.28 KB\n"
    )


def test_memory_is_that_of_the_dtype(rnncli: Run) -> None:
    # 4·U·(1 + U + 1) numbers: U = 1 has 12.
    assert rnncli("solve", "input:1,lstm:_", "--memory", "48", "--dtype", "float32").stdout == "input:1,lstm:1\n"
    assert rnncli("solve", "input:1,lstm:_", "--memory", "47", "--dtype", "float32").status == 1
    assert rnncli("solve", "input:1,lstm:_", "--memory", "24", "--dtype", "bfloat16").stdout == "input:1,lstm:1\n"


def test_where_none_fits_it_says_how_far_off_the_smallest_is(rnncli: Run) -> None:
    result = rnncli("solve", "input:8,lstm:_", "--params", "10", "--multiple-of", "2")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "Error: nothing fits: input:8,lstm:2, the smallest, takes 88 parameters, 78 more than 10 parameters\n"
    )


def test_a_number_that_costs_nothing_goes_as_far_as_the_language(rnncli: Run) -> None:
    assert rnncli("solve", "input:_x8,lstm:3", "--params", "1k").stdout == "input:2147483647x8,lstm:3\n"
    assert rnncli("solve", "input:2,dropout:0:x_", "--params", "1k").stdout == "input:2,dropout:0:x9999\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["input:8,lstm:_"], "no budget"),
        (["input:8,lstm:_", "--macs", "1M"], "--timesteps"),
        (["input:8,lstm:32", "--params", "1M"], "no blank"),
        (["input:8,dense:3:hard_sigmoid", "--params", "1M"], "no blank"),
        (["input:10_000,rnn:3", "--params", "1M"], "no blank"),
        (["input:8,gru:_:reset=before", "--params", "1M", "--framework", "torch"], "PyTorch"),
        (["input:50x8,gru:_", "--macs", "1M", "--timesteps", "20"], "fixes 50 timesteps"),
        (["input:8,lstm:_", "--params", "many"], "--params"),
        (["input:8,lstm:_", "--memory", "4 parsecs"], "--memory"),
        ([], "TEMPLATE"),
    ],
)
def test_what_cannot_be_solved_is_an_error_of_the_command_line(arguments: list[str], message: str, rnncli: Run) -> None:
    result = rnncli("solve", *arguments)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("template", "fault", "repair"),
    [
        ("input:8,lstm:_,lstm:_", "lstm:_", "input:8,lstm:_:seq,lstm:_"),
        ("embed:_x_,lsmt:_", "lsmt", "embed:_x_,lstm:_"),
        ("lstm:_", "lstm:_", "input:32,lstm:_"),
        ("input:8,lstm:97:seq,dense:_:rellu", "rellu", "input:8,lstm:97:seq,dense:_:relu"),
        ("input:8,dropout:_", "_", "input:_,dropout:0.5"),
        ("input:8,lstm:32", "input:8,lstm:32", "input:8,lstm:_"),
        (
            "input:8,lstm:32:seq:x3,dense:4:relu",
            "input:8,lstm:32:seq:x3,dense:4:relu",
            "input:8,lstm:32:seq:x3,dense:_:relu",
        ),
    ],
)
def test_an_error_speaks_of_the_template_and_its_repair_can_be_solved(template: str, fault: str, repair: str) -> None:
    with pytest.raises(SpecError) as caught:
        solve(template, Budget(params=10**7))
    error = caught.value
    assert (error.text, error.text[slice(*error.span)], error.repair) == (template, fault, repair)
    assert solve(repair, Budget(params=10**7)).number > 0


def test_each_line_of_standard_input_is_a_template_and_a_bad_one_is_reported(rnncli: Run) -> None:
    result = rnncli("solve", "-", "--params", "1k", stdin="input:8,gru:_\ninput:8,gru:3\ninput:9,rnn:_\n")
    assert (result.status, result.stdout) == (2, "input:8,gru:13\ninput:9,rnn:27\n")
    assert result.stderr.startswith("Error: line 2 of standard input: the template has no blank")


def test_other_commands_say_that_a_blank_is_for_solve(rnncli: Run) -> None:
    for spec in ("input:8,lstm:_", "embed:_x8,rnn:3", "embed:10x_"):
        result = rnncli("summary", spec)
        assert result.status == 2
        assert "only `rnncli solve` finds the number" in result.stderr
