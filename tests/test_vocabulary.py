"""One word per concept: every key, in every format of every command, is in the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from conftest import Run, Walk
from test_formats import EXAMPLES, READERS, WITH_FORMATS

from rnncli import Network
from rnncli.layers.weights import Role
from rnncli.network_summary import TOTALS
from rnncli.vocabulary import GROUPS, KEYS, Content, meaning_of, title

MEANINGS = [meaning for group in GROUPS.values() for meaning in group]

VIEWS = [
    *((command, EXAMPLES[command].arguments) for command in WITH_FORMATS),
    ("compare", ("input:3,gru:2", "input:3,gru:3", "--rate", "12.5")),
    ("explain", ("input:3,gru:2", "--others", "--timesteps", "4")),
    ("forward", ("input:3,gru:2", "--lengths", "5,3")),
]
ONLY_JSON = [
    ("forward", ("input:3,gru:2", "--plot", "--gates")),
    ("summary", ("input:3,gru:2:seq,gru:2:seq,gru:3", "--framework", "torch")),
]
"""Content that only JSON can represent."""


def objects_of(rnncli: Run, command: str, arguments: tuple[str, ...]) -> list[dict[str, Any]]:
    return rnncli(command, *arguments, "-f", "json").objects


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key in JSON at any depth, with its value."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for key, held in each.items():
                yield key, held
                yield from entries(held)
        elif isinstance(each, list):
            yield from entries(each)


def leaves(value: Any) -> Iterator[Any]:
    """The innermost values of lists and objects."""
    if isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_every_key_and_column_is_in_the_vocabulary_and_every_word_is_used(at: Walk, rnncli: Run) -> None:
    used = set()
    for command, arguments in [*VIEWS, *ONLY_JSON]:
        objects = objects_of(rnncli, command, arguments)
        assert objects, command
        for key, held in entries(objects):
            used.add(key)
            with at(command, *arguments, key):
                known = [leaf for leaf in leaves(held) if leaf is not None]
                holds = {"numbers": is_number, "code": lambda leaf: isinstance(leaf, str)}.get(KEYS[key].holds)
                assert holds is None or all(map(holds, known))
    for command, arguments in VIEWS:
        (table,) = READERS["csv"](rnncli(command, *arguments, "-f", "csv").stdout)
        for column in table.header:
            used.add(column)
            with at(command, *arguments, "column", column):
                assert meaning_of(column).holds != "parts"
    assert {*KEYS} - used == set()


def test_no_word_is_explained_twice_and_unknown_words_are_refused(at: Walk) -> None:
    assert len(KEYS) == sum(len(meaning.keys) for meaning in MEANINGS)
    assert {meaning.holds for meaning in MEANINGS} == {*get_args(Content)}
    assert len({meaning.text for meaning in MEANINGS}) == len(MEANINGS)
    for column in ("memory", "spec_difference_ratio", "unknown_ratio", "_ratio"):
        with at(column), pytest.raises(KeyError):
            meaning_of(column)


def test_the_roles_of_weights_are_all_listed() -> None:
    assert meaning_of("role").text.rpartition(": ")[2].split(", ") == [*get_args(Role)]


def test_every_network_has_its_summarys_totals_and_the_class_of_each_cell(at: Walk, rnncli: Run) -> None:
    for command in ("summary", "forward", "explain", "compare", "sweep", "solve"):
        arguments = EXAMPLES[command].arguments
        for each in objects_of(rnncli, command, arguments):
            with at(command, each["spec"]):
                steps = 100 if command == "forward" and "5x3" not in each["spec"] else None
                summary = Network.parse(each["spec"]).summary(2 if "--batch" in arguments else None, steps)
                assert {total: each[total] for total in TOTALS} == {total: getattr(summary, total) for total in TOTALS}
                assert each["output_shape"] == list(summary.output_shape)
                cells = {layer.name: layer.cell for layer in summary.layers}
                for layer in filter(None, each.get("layers", ())):
                    assert layer.get("cell") == cells[layer["name"]]


def test_a_figure_has_one_name_on_the_screen(at: Walk, rnncli: Run) -> None:
    titles = ["Parameters", "Memory", "MACs/step", "MACs", "Layer outputs", "Streaming", "Training at least"]
    assert [title(total) for total in TOTALS] == titles
    specs = ("input:5x8,lstm:4", "input:5x8,gru:4")
    for line, left_out in {
        ("compare",): set(),
        ("sweep",): set(),
        ("summary", "--wide"): {"total_params", "total_bytes"},  # named as in Keras
    }.items():
        screen = rnncli(*line, *specs).stdout
        for total in {*TOTALS} - left_out:
            with at(*line, total):
                assert title(total) in screen


def test_a_budget_has_two_names_in_every_command(at: Walk, rnncli: Run) -> None:
    limits = {"params": "2k", "memory": "8KB", "macs": "20k", "outputs": "100"}
    for command, size in {"sweep": "{8..64}", "solve": "_"}.items():
        for cost, limit in limits.items():
            with at(command, cost):
                results = [
                    rnncli(command, f"input:10x8,gru:{size}", f"{name}-{cost}", limit) for name in ("-", "--max")
                ]
                assert results[0] == results[1]
                assert (results[0].status, results[0].stdout != "") == (0, True)


def test_the_page_on_keys_lists_each_of_them_once(rnncli: Run) -> None:
    page = rnncli("help", "keys").stdout
    assert max(map(len, page.splitlines())) <= 80
    named = re.findall(r"^  (\w+(?:,\s+\w+)*):", page, re.MULTILINE)
    assert sorted(key for names in named for key in re.split(r",\s+", names)) == sorted(KEYS)
