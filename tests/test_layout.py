"""What people see keeps within the terminal, whatever its width: no line is wider, no number is broken or cut.

The commands are those of the program; each is given small, deep, long-named and huge networks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from conftest import Result, without_styles

from rnncli.cli import COMMANDS

Run = Callable[..., Result]

WIDTHS = (40, 60, 80, 100, 200)

HUGE = (
    "embed:2147483647x2147483647:mask,lstm:2147483647:seq:bi=sum:nobias:recact=hard_sigmoid,gru:2147483647:reset=before"
)
NETWORKS = {
    "one layer": ["input:8,rnn:4"],
    "three layers": ["embed:10x4,lstm:3:seq:bi,dense:1:sigmoid"],
    "twenty layers": ["input:8,rnn:8:seq:x6,lstm:8:seq:bi:x5,lstm:12:seq:back,gru:3:seq:x4,dense:4:x3,dropout:0.5"],
    "several networks": ["input:8,rnn:1", "input:8,gru:16:seq:x4,dense:2", "embed:10x4,lstm:16,dense:1"],
}
"""What every command is given."""
HUGE_NETWORKS = {"huge numbers": [HUGE, "--batch", "2147483647"], "huge work": [HUGE, "--timesteps", "2147483647"]}
"""What those are given, too, that do not run anything."""

VIEWS: dict[str, list[list[str]]] = {
    "summary": [
        [],
        ["--wide"],
        ["--wide", "--timesteps", "7", "--batch", "1000", "--rate", "12.3"],
        ["--framework", "torch", "--wide", "--dtype", "int8"],
    ],
    "forward": [["--timesteps", "5"], ["--timesteps", "70", "--plot"], ["--init", "uniform"]],
    "explain": [[], ["--framework", "torch"], ["--others", "--timesteps", "7"]],
    "draw": [[], ["--timesteps", "3"]],
    "sweep": [[], ["--timesteps", "100", "--batch", "64", "--sort", "macs"], ["--top", "3"], ["--pareto", "params"]],
    "compare": [
        [],
        ["--timesteps", "100", "--batch", "64", "--rate", "0.3"],
        ["--timesteps", "10", "--timesteps", "500", "--dtype", "float16", "--dtype", "float32"],
        ["--framework", "keras", "--framework", "torch"],
        ["--framework", "torch"],
    ],
    "reach": [["--timesteps", "70"], ["--seeds", "1", "--timesteps", "5"], ["--init", "uniform", "--timesteps", "70"]],
}
"""The ways in which commands show networks to people."""

ELSEWHERE = {
    "solve": "prints a spec alone",
    "layers": "below",
    "export": "prints source, or writes a file",
    "inspect": "test_model_files.py",
    "spec": "prints a spec alone",
    "completion": "prints a script",
    "help": "Click's own",
}
"""Commands that show no network as a table or a drawing, and who looks after them."""


@pytest.fixture
def seen(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a person sees of a command on a terminal of some width."""

    def see(columns: int, *arguments: str) -> str:
        for module in ("console", "terminal"):
            monkeypatch.setattr(f"rnncli.render.{module}.on_terminal", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", "24")
        result = rnncli(*arguments)
        assert result.status == 0, result.stderr
        return without_styles(result.stdout)

    return see


def numbers(text: str) -> set[str]:
    """The numbers of a text, but for times, which are others each time, and those that only give a size, 1.5e+37."""
    text = re.sub(r"[\d.]+ (µs|ms|s)\b|\d\.\d+e\+\d+", "", text)
    return set(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text.replace("(", " ").replace(")", " ")))


def without_commas(found: set[str]) -> set[str]:
    return {number.strip(",") for number in found}


def views() -> list[tuple[str, list[str]]]:
    return [(command, view) for command, some in VIEWS.items() for view in some]


@pytest.mark.parametrize(
    ("command", "view"), views(), ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
@pytest.mark.parametrize("name", [*NETWORKS, *HUGE_NETWORKS])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(
    command: str, view: list[str], name: str, seen: Callable[..., str]
) -> None:
    specs = (NETWORKS | HUGE_NETWORKS)[name]
    if name in HUGE_NETWORKS and (command in ("forward", "reach") or "torch" in view or {*specs} & {*view}):
        pytest.skip("it cannot be run, or asks for the same thing twice")
    if command == "compare":
        specs = ["input:8,gru:2:seq,rnn:3", *specs]
    if "--timesteps" in view and "--timesteps" in specs:
        pytest.skip("it asks for the timesteps twice")
    whole = without_commas(numbers(seen(10_000, command, *specs, *view)))
    for columns in WIDTHS:
        text = seen(columns, command, *specs, *view)
        widest = max(text.splitlines(), key=len)
        assert len(widest) <= columns, widest
        assert not re.search(" $", text, re.MULTILINE), text
        broken = without_commas(numbers(text)) - whole
        # A picture over time has as many labels on its axis as there is room.
        assert not broken or "--plot" in view or command == "reach", f"{broken} at {columns} columns:\n{text}"


def test_every_command_is_looked_at() -> None:
    assert {*VIEWS, *ELSEWHERE} >= {*COMMANDS}


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_run_is_one_table_from_80_columns_on(columns: int, seen: Callable[..., str]) -> None:
    text = seen(columns, "forward", "embed:10000x32,rnn:32:seq,rnn:32")
    assert text.count("┏") == 1
    assert "Time" in text
    assert "Mean" in text


def test_what_leaves_a_run_first_is_min_and_max_then_std_then_the_type(seen: Callable[..., str]) -> None:
    seen_at = {columns: seen(columns, "forward", "embed:10000x32,rnn:32:seq,rnn:32") for columns in range(50, 120)}
    leaves = {
        title: max((columns for columns, text in seen_at.items() if f" {title} " not in text.split("┡")[0]), default=0)
        for title in ("Max", "Min", "Std", "Layer (type)")
    }
    assert leaves["Max"] == leaves["Min"] > leaves["Std"] > leaves["Layer (type)"] > 50


@pytest.mark.parametrize("columns", [40, 50])
def test_at_last_a_layer_is_a_block_of_names_and_values(columns: int, seen: Callable[..., str]) -> None:
    lines = seen(columns, "forward", "embed:10000x32,rnn:32", "--timesteps", "3").splitlines()
    start = lines.index("simple_rnn (SimpleRNN)")
    block = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in lines[start + 1 : start + 9])
    assert list(block) == ["Output Shape", "Param #", "Time", "Mean", "Std", "Min", "Max", "Sat."]
    assert (block["Output Shape"], block["Param #"]) == ("(1, 32)", "2,080")


def test_eight_networks_are_compared_at_80_columns(seen: Callable[..., str]) -> None:
    specs = [f"embed:10000x{size},lstm:{size}" for size in (8, 16, 32, 64, 128, 256, 512, 1024)]
    text = seen(80, "compare", *specs, "--timesteps", "100")
    figures = text.split("┏")[1]
    assert re.findall(r"^│ +(\d) │", figures, re.MULTILINE) == list("12345678")
    assert "Parameters" in figures
    assert "Memory" in figures


@pytest.mark.parametrize(
    "view",
    [["summary", "--wide"], ["forward"], ["explain"], ["compare", "input:8,gru:8:seq:x8"]],
    ids=lambda view: view[0],
)
def test_equal_neighbours_are_shown_as_one(view: list[str], seen: Callable[..., str]) -> None:
    text = seen(200, *view, "input:8,gru:8:seq:x8")
    assert "× 8" in text
    assert not re.search(r"\bgru_[1-6]\b", text)


def test_two_equal_neighbours_are_shown_as_two(seen: Callable[..., str]) -> None:
    assert "gru_1 (GRU)" in seen(200, "summary", "--wide", "input:8,gru:8:seq:x2")


def test_two_layers_that_differ_are_not_shown_as_one(seen: Callable[..., str]) -> None:
    text = seen(200, "summary", "--wide", "input:4,gru:8:seq:x4")
    assert "× 3" in text  # the first reads 4 features, the others 8
    assert not re.search(r"× 4\b(?! B)", text)


def test_a_long_spec_hangs_indented(seen: Callable[..., str]) -> None:
    first, second, *_ = seen(40, "summary", "input:8,lstm:128:seq:bi,lstm:128:seq:bi,dense:10:softmax").splitlines()
    assert (first, second) == ("input:8,lstm:128:seq:bi:x2,", "  dense:10:softmax")


PATTERN = "embed:10000x{u=32..96..32},{lstm,gru}:{64..512..64}:seq:bi,gru:64:seq:bi=sum,dense:{u}"


@pytest.mark.parametrize("columns", [*range(40, 130, 3), 150, 200])
def test_a_sweep_keeps_within_the_terminal_and_its_specs_hang_indented(columns: int, seen: Callable[..., str]) -> None:
    text = seen(columns, "sweep", PATTERN, "--timesteps", "100", "--batch", "1000", "--top", "40")
    heading, *lines = text.splitlines()
    assert max(map(len, lines)) <= columns
    start = heading.index("Spec")
    specs: list[str] = []
    for line in lines:
        figures, part = line[:start], line[start:]
        if figures.strip():
            assert re.search(r"[\dB)]  +$", figures)
            specs.append(part)
        else:
            assert re.match(r"  \S", part)
            specs[-1] += part.strip()
    piped = seen(10_000, "sweep", PATTERN, "--timesteps", "100", "--batch", "1000", "--top", "40")
    assert specs == [line.split()[-1] for line in piped.splitlines()[1:]]


def test_the_column_that_a_sweep_is_sorted_by_is_the_last_to_leave(seen: Callable[..., str]) -> None:
    titles = [
        seen(44, "sweep", PATTERN, "--timesteps", "9", "--sort", key).splitlines()[0] for key in ("memory", "macs")
    ]
    assert [title.split() for title in titles] == [["Memory", "Spec"], ["MACs", "Spec"]]
