"""`rnncli solve`: the largest number that fits, and what is said where none does."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Result
from hypothesis import assume, given
from hypothesis import strategies as st

from rnncli import Network, RnncliError, SpecError
from rnncli.search.budget import Budget
from rnncli.search.solution import solve

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
    budget = Budget(**dict(zip(("params", "memory", "macs"), limits, strict=True)))
    if fitting:
        solution = solve(template, budget, **options)
        assert solution.number == fitting[-1]
        assert solution.spec == template.replace("_", str(fitting[-1]))
    else:
        with pytest.raises(RnncliError, match="nothing fits"):
            solve(template, budget, **options)


@given(st.integers(10, 10**12), st.sampled_from(("input:1,dense:_", "embed:10000x_,lstm:_:seq,lstm:_")))
def test_the_answer_fits_and_the_next_does_not(params: int, template: str) -> None:
    assume(params >= 12 if template.startswith("input") else params >= 20_000)
    solution = solve(template, Budget(params=params))

    def takes(number: int) -> int:
        return Network.parse(template.replace("_", str(number))).summary().total_params

    (step,) = solution.steps
    assert step.number == solution.number + 1
    assert takes(solution.number) <= params
    assert step.number > 2**31 - 1 or takes(step.number) > params


def test_only_the_filled_spec_is_printed_so_that_it_nests(rnncli: Run) -> None:
    template = "embed:10000x_,lstm:_:seq,lstm:_"
    status, spec, error = rnncli("solve", template, "--params", "1M")
    assert (status, error.count("\n")) == (0, 1)
    assert re.fullmatch(r"embed:10000x(\d+),lstm:\1:seq,lstm:\1\n", spec)
    assert int(rnncli("summary", "-q", spec.strip()).stdout) <= 1_000_000


NOTES = {
    # lstm:U on F features has 4·U·(F + U + 1) parameters of 4 bytes: with U = 150, 91,800 + 600·(F - 2).
    "input:_,lstm:150 --params 92400": "_ = 3: exactly 92,400 parameters; 4 would be 600 over",
    "input:_,lstm:150 --params 92500": "_ = 3: 92,400 of 92,500 parameters; 4 would be 500 over",
    # 4,408 for 8 features and 29 units, 17,632 bytes; 4,680 and 18,720 for 30.
    "input:8,lstm:_ --memory 18KB": "_ = 29: 17.22 KB of 18.00 KB of memory; 30 would be 288 B over",
    "input:8,lstm:_ --params 4500 --memory 20KB": (
        "_ = 29: 4,408 of 4,500 parameters and 17.22 KB of 20.00 KB of memory; "
        "limited by parameters: 30 would be 180 over"
    ),
    "input:8,lstm:_ --params 4500 --memory 18KB": (
        "_ = 29: 4,408 of 4,500 parameters and 17.22 KB of 18.00 KB of memory; "
        "limited by parameters and memory: 30 would be 180 and 288 B over"
    ),
    "input:8,lstm:_ --params 4680 --memory 18720": (
        "_ = 30: exactly 4,680 parameters and exactly 18.28 KB of memory; "
        "limited by parameters and memory: 31 would be 280 and 1.09 KB over"
    ),
    # 4·U·(5 + U) multiply-adds at each of 100 steps, and U numbers returned.
    "input:100x5,lstm:_:seq --macs 14400 --outputs 1700": (
        "_ = 4: exactly 14,400 MACs and 1.56 KB of 1.66 KB of layer outputs; "
        "limited by MACs and layer outputs: 5 would be 5,600 and 300 B over"
    ),
    # What is printed alike is told to the byte.
    "input:8,lstm:_ --memory 17633": "_ = 29: 17,632 B of 17,633 B of memory; 30 would be 1.06 KB over",
    "input:_x8,lstm:3 --params 1k": (
        "_ = 2147483647: 144 of 1,000 parameters; there is no larger network of this form"
    ),
}


@pytest.mark.parametrize("line", NOTES)
def test_a_note_tells_what_it_costs_what_limits_it_and_how_far_over_the_next_size_up_is(line: str, rnncli: Run) -> None:
    result = rnncli("solve", *line.split())
    assert (result.status, result.stderr) == (0, f"{NOTES[line]}\n")
    template, number = line.split()[0], re.findall("[0-9]+", result.stderr)[0]
    assert result.stdout == f"{template.replace('_', number)}\n"


def test_of_several_templates_each_note_says_which_it_is_of(rnncli: Run) -> None:
    notes = (
        "input:8,lstm:29: 4,408 of 4,500 parameters; 30 would be 180 over\n"
        "input:9,rnn:62: 4,464 of 4,500 parameters; 63 would be 99 over\n"
    )
    templates = ("input:8,lstm:_", "input:9,rnn:_")
    assert rnncli("solve", *templates, "--params", "4500").stderr == notes
    assert rnncli("solve", "-", "--params", "4500", stdin="\n".join(templates)).stderr == notes


def test_json_tells_whether_it_is_exact_and_what_limits_it(rnncli: Run) -> None:
    def told(*options: str) -> tuple[Any, ...]:
        found = json.loads(rnncli("solve", "input:8,lstm:_", *options, "-f", "json").stdout)
        return found["number"], found["exact"], found["limited_by"]

    assert told("--params", "4680") == (30, True, "params")
    assert told("--params", "4,681") == (30, False, "params")
    assert told("--params", "4680", "--memory", "18725") == (30, False, "params, memory")
    assert told("--params", "4680", "--memory", "20KB") == (30, False, "params")
    (row,) = csv.DictReader(rnncli("solve", "input:8,lstm:_", "--params", "4680", "-f", "csv").stdout.splitlines())
    assert (row["exact"], row["limited_by"], row["max_params"], row["max_bytes"]) == ("true", "params", "4680", "")


def test_exactly_takes_nothing_but_an_exact_answer_and_names_the_two_nearest(rnncli: Run) -> None:
    exact = rnncli("solve", "input:_,lstm:150", "--params", "92,400", "--exactly")
    assert (exact.status, exact.stdout) == (0, "input:3,lstm:150\n")
    for format_ in ("table", "json"):
        none = rnncli("solve", "input:_,lstm:150", "--params", "92,500", "--exactly", "-f", format_)
        assert (none.status, none.stdout) == (1, "")
        assert (
            "no number takes exactly 92,500 parameters: input:3,lstm:150 takes 92,400 parameters, 100 under, "
            "and input:4,lstm:150 takes 93,000 parameters, 500 over" in none.stderr
        )
    among = rnncli("solve", "input:_,lstm:150", "--params", "92,400", "--exactly", "--multiple-of", "2")
    assert among.status == 1
    assert "input:2,lstm:150 takes 91,800 parameters, 600 under, and input:4,lstm:150" in among.stderr


def test_no_network_takes_a_part_of_a_number(rnncli: Run) -> None:
    result = rnncli("solve", "input:8,lstm:_", "--memory", "1001", "--exactly")
    assert result.status == 1
    assert "Help: 1,001 B is no multiple of the 4 B of a float32\n" in result.stderr


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
        (["input:8,lstm:_:seq", "--outputs", "1MB"], "the layer outputs of input:8,lstm:1:seq depend on the length"),
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
    assert "\nError: line 2 of standard input: the template has no blank" in result.stderr


def test_other_commands_say_that_a_blank_is_for_solve(rnncli: Run) -> None:
    for spec in ("input:8,lstm:_", "embed:_x8,rnn:3", "embed:10x_"):
        result = rnncli("summary", spec)
        assert result.status == 2
        assert "only `rnncli solve` finds the number" in result.stderr
        assert result.stderr.endswith(f"Help: for example: rnncli solve {spec} --params 1M\n")


@pytest.mark.parametrize(
    ("line", "repair"),
    [
        ("sweep input:8,{lstm,gru}:_", "solve input:8,lstm:_ input:8,gru:_ --params 1M"),
        ("sweep input:8,lstm:_ --max-memory 4MB --top 3", "solve input:8,lstm:_ --max-memory 4MB"),
        ("forward input:8,lstm:_ --timesteps 5 --plot", "solve input:8,lstm:_ --timesteps 5 --params 1M"),
        ("compare input:8,lstm:_ input:8,gru:_", "solve input:8,lstm:_ input:8,gru:_ --params 1M"),
        ("summary input:n,lstm:150", "input:32,lstm:150"),  # which may have been to be put in
    ],
)
def test_blanks_elsewhere_lead_to_solve_with_all_that_stands_beside_them(line: str, repair: str, rnncli: Run) -> None:
    result = rnncli(*line.split())
    assert result.status == 2
    assert result.stderr.splitlines()[-1].endswith(f": {repair}" if ":" in repair.split()[0] else f"rnncli {repair}")
    if repair.startswith("solve"):
        assert rnncli(*repair.split()).status == 0


def test_one_parameter_is_no_several(rnncli: Run) -> None:
    line = ("solve", "input:_,dense:1:nobias", "--params")
    assert rnncli(*line, "1").stderr == "_ = 1: exactly 1 parameter; 2 would be 1 over\n"
    assert "takes 1 parameter, 1 more than 0 parameters" in rnncli(*line, "0").stderr


@pytest.mark.parametrize(
    ("size", "help_"),
    [
        ("4M", "perhaps: rnncli solve input:8,rnn:_ --memory 4MB"),
        ("4,5 megabytes", "perhaps: rnncli solve input:8,rnn:_ --memory 4.5MB"),
        ("1000 bytes", "perhaps: rnncli solve input:8,rnn:_ --memory 1000B"),
        ("1XB", "for example: rnncli solve input:8,rnn:_ --memory 4MB"),
        ("4foo", "for example: rnncli solve input:8,rnn:_ --memory 4MB"),
    ],
)
def test_a_unit_that_is_none_is_not_taken_for_bytes(size: str, help_: str, rnncli: Run) -> None:
    result = rnncli("solve", "input:8,rnn:_", "--memory", size)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == f"Help: {help_}"


def test_quiet_prints_the_filled_spec_and_nothing_beside_it(rnncli: Run) -> None:
    # 4 × 11 × (10 + 11 + 1) = 968
    for flag in ("-q", "--quiet"):
        result = rnncli("solve", flag, "input:10,lstm:_", "input:10,rnn:_", "--params", "1000")
        assert (result.status, result.stderr) == (0, "")
        assert result.stdout.startswith("input:10,lstm:11\ninput:10,rnn:")


def test_quiet_still_says_what_is_wrong_and_what_does_not_fit(rnncli: Run) -> None:
    nothing = rnncli("solve", "-q", "input:10,lstm:_", "--params", "10")
    assert (nothing.status, nothing.stdout) == (1, "")
    assert "nothing fits" in nothing.stderr
    assert rnncli("solve", "-q", "input:10,lstm:3", "--params", "10").status == 2


def test_quiet_and_another_format_contradict_one_another(rnncli: Run) -> None:
    result = rnncli("solve", "input:10,lstm:_", "--params", "1k", "-q", "-f", "csv")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.endswith("Help: without -q: rnncli solve input:10,lstm:_ --params 1k -f csv\n")
