"""One word for one thing: every key, in every format of every command, is a word of the vocabulary."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Result
from test_formats import EXAMPLES, READERS, TABLES, WITH_FORMATS

from rnncli import Network
from rnncli.summary import TOTALS
from rnncli.vocabulary import KEYS, MEANINGS, meaning_of, readme_table, title

Run = Callable[..., Result]

README = Path(__file__).parent.parent / "README.md"

VIEWS = [(command, EXAMPLES[command].arguments) for command in WITH_FORMATS]
OF_NETWORKS = [view for view in VIEWS if view[0] not in ("inspect", "reach", "layers")]
"""What tells what networks own and cost."""
PLOTTED = ("forward", ("input:3,gru:2", "--plot", "--gates"))
STACKED = ("summary", ("input:3,gru:2:seq,gru:2:seq,gru:3", "--framework", "torch"))
RATED = ("compare", ("input:3,gru:2", "input:3,gru:3", "--rate", "12.5"))
OTHERS = ("explain", ("input:3,gru:2", "--others", "--timesteps", "4"))
"""What only JSON has a form for, or another table."""


def objects_of(rnncli: Run, command: str, arguments: tuple[str, ...]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rnncli(command, *arguments, "-f", "json").stdout.splitlines()]


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key in some JSON, at any depth, with what it holds."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for key, held in each.items():
                yield key, held
                yield from entries(held)
        elif isinstance(each, list):
            yield from entries(each)


def leaves(value: Any) -> Iterator[Any]:
    """What lists and objects hold in the end."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


@pytest.mark.parametrize(("command", "arguments"), [*VIEWS, PLOTTED, STACKED, RATED, OTHERS])
def test_every_key_of_json_is_a_word_of_the_vocabulary_and_holds_what_it_says(
    command: str, arguments: tuple[str, ...], rnncli: Run
) -> None:
    objects = objects_of(rnncli, command, arguments)
    assert objects
    for key, held in entries(objects):
        assert key in KEYS, f"{key} is not in rnncli.vocabulary"
        known = [leaf for leaf in leaves(held) if leaf is not None]
        if KEYS[key].holds == "numbers":
            assert all(isinstance(leaf, int | float) and not isinstance(leaf, bool) for leaf in known), key
        elif KEYS[key].holds == "code":
            assert all(isinstance(leaf, str) for leaf in known), key


@pytest.mark.parametrize("format_", TABLES)
@pytest.mark.parametrize(("command", "arguments"), [*VIEWS, RATED, OTHERS])
def test_every_column_is_a_word_of_the_vocabulary(
    command: str, arguments: tuple[str, ...], format_: str, rnncli: Run
) -> None:
    for table in READERS[format_](rnncli(command, *arguments, "-f", format_).stdout):
        for column in table.header:
            assert meaning_of(column).holds != "parts", column


def test_every_word_is_used(rnncli: Run) -> None:
    used = {key for view in [*VIEWS, PLOTTED, STACKED, RATED, OTHERS] for key, _ in entries(objects_of(rnncli, *view))}
    for command, arguments in VIEWS:
        (table,) = READERS["csv"](rnncli(command, *arguments, "-f", "csv").stdout)
        used |= {*table.header}
    assert {*KEYS} - used == set()


def test_no_word_is_explained_twice() -> None:
    assert len(KEYS) == sum(len(meaning.keys) for meaning in MEANINGS)
    assert len({meaning.text for meaning in MEANINGS}) == len(MEANINGS)


def test_what_is_no_word_is_refused() -> None:
    for column in ("memory", "spec_difference_ratio", "unknown_ratio", "_ratio"):
        with pytest.raises(KeyError):
            meaning_of(column)


@pytest.mark.parametrize(("command", "arguments"), OF_NETWORKS)
def test_every_network_has_all_its_totals_and_they_are_the_summarys(
    command: str, arguments: tuple[str, ...], rnncli: Run
) -> None:
    for each in objects_of(rnncli, command, arguments):
        steps = 100 if command == "forward" and "5x3" not in each["spec"] else None
        summary = Network.parse(each["spec"]).summary(2 if "--batch" in arguments else None, steps)
        assert {total: each[total] for total in TOTALS} == {total: getattr(summary, total) for total in TOTALS}
        assert each["output_shape"] == list(summary.output_shape)


@pytest.mark.parametrize(("command", "arguments"), OF_NETWORKS)
def test_every_list_of_layers_tells_the_class_of_the_cells(
    command: str, arguments: tuple[str, ...], rnncli: Run
) -> None:
    for each in objects_of(rnncli, command, arguments):
        summary = Network.parse(each["spec"]).summary()
        cells = {layer.name: layer.cell for layer in summary.layers}
        for layer in filter(None, each.get("layers", ())):
            assert layer.get("cell") == cells[layer["name"]]


def test_a_figure_has_one_name_on_the_screen(rnncli: Run) -> None:
    titles = ["Parameters", "Memory", "MACs/step", "MACs", "Layer outputs", "Streaming", "Training at least"]
    assert [title(total) for total in TOTALS] == titles
    specs = ("input:5x8,lstm:4", "input:5x8,gru:4")
    for screen, left_out in (
        (rnncli("compare", *specs).stdout, set()),
        (rnncli("sweep", *specs).stdout, set()),
        (rnncli("summary", "--wide", *specs).stdout, {"total_params", "total_bytes"}),  # which say it as Keras does
    ):
        for total in {*TOTALS} - left_out:
            assert title(total) in screen


@pytest.mark.parametrize("command", ["sweep", "solve"])
def test_a_budget_has_two_names_in_every_command(command: str, rnncli: Run) -> None:
    size = {"sweep": "{8..64}", "solve": "_"}[command]
    limits = {"params": "2k", "memory": "8KB", "macs": "20k", "outputs": "100"}
    for cost, limit in limits.items():
        results = [rnncli(command, f"input:10x8,gru:{size}", f"{name}-{cost}", limit) for name in ("-", "--max")]
        assert results[0] == results[1]
        assert (results[0].status, results[0].stdout != "") == (0, True)


def test_the_readme_names_each_key_once(request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    table = re.compile(r"^\| of \|.*?\n(?!\|)", re.MULTILINE | re.DOTALL)
    (shown,) = table.findall(text)
    if request.config.getoption("--rewrite-screens"):
        README.write_text(text.replace(shown, readme_table()), encoding="utf-8")
    else:
        assert shown == readme_table()
