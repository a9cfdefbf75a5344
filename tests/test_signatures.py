"""The table of framework arguments matches the frameworks, as recorded in tests/golden/signatures.json."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Walk, examples
from hypothesis import given
from hypothesis import strategies as st

from rnncli.formats.build import (
    ArgumentFaultError,
    MissingArgumentError,
    UnknownArgumentError,
    WrongArgumentError,
    node_of,
)
from rnncli.formats.frameworks import CLASSES, Signature, built
from rnncli.formats.nodes import Node
from rnncli.formats.python.objects import FLAGS
from rnncli.layers import LAYERS, LSTM, Input
from rnncli.layers.weights import FRAMEWORKS, Framework

RECORDED = json.loads((Path(__file__).parent / "golden" / "signatures.json").read_text(encoding="utf-8"))

CELL = [node_of(LSTM(3))]
VALUES: dict[str, object] = {"merge_mode": "sum", "rate": 0.5, "activation": "relu", "stddev": 0.1} | {
    "layer": CELL,
    "cell": CELL,
    "cells": [CELL],
    "output_size": 1,
    "value": 0,
}
"""Values for the arguments without a default; all others are numbers."""


def classes() -> Iterator[tuple[Framework, str, Signature, dict[str, list[object]]]]:
    for framework in FRAMEWORKS:
        for name, cls in CLASSES[framework].items():
            if name in RECORDED[framework]:  # `test_kinds.py` reports missing ones
                yield framework, name, cls, RECORDED[framework][name]


def needed(name: str, arguments: dict[str, list[object]]) -> dict[str, object]:
    values = VALUES | ({"layer": built("keras", "Dense", (3,), {})} if name == "TimeDistributed" else {})
    return {each: values.get(each, 4) for each, default in arguments.items() if not default and each != "*"}


def test_each_class_has_the_frameworks_arguments_in_order(at: Walk) -> None:
    every_keras_layer = [each for each in RECORDED["keras"]["Layer"] if each != "*"]
    for framework, name, cls, arguments in classes():
        with at(framework, name):
            assert [*cls.takes[: cls.positional]] == [each for each in arguments if each != "*"]
            if framework == "keras" and name != "Input":
                assert {*every_keras_layer} - {*cls.takes} <= ({"trainable", "autocast", "activity_regularizer"})
            if framework == "keras" and "Input" not in name:
                assert {*every_keras_layer} <= {*cls.takes}


def test_boolean_arguments_are_those_that_accept_no_number() -> None:
    found = set()
    for framework, name, cls, arguments in classes():
        for argument in {*cls.takes} - cls.inert:
            try:
                built(framework, name, [], needed(name, arguments) | {argument: 100})
            except ArgumentFaultError as fault:
                found |= {argument} if "True or False" in str(fault) else set()
    assert found == FLAGS - {each for _, _, cls, _ in classes() for each in cls.inert | cls.changing}


def test_writing_out_a_frameworks_defaults_changes_nothing(at: Walk) -> None:
    for framework, name, _, arguments in classes():
        with at(framework, name):
            least = needed(name, arguments)
            defaults = {each: default[0] for each, default in arguments.items() if default}
            assert built(framework, name, (), least | defaults) == built(framework, name, (), least)


def test_an_argument_without_a_default_is_required(at: Walk) -> None:
    for framework, name, _, arguments in classes():
        least = needed(name, arguments)
        for argument in least if name != "GaussianNoise" else ():
            with at(framework, name, argument):
                with pytest.raises(MissingArgumentError) as missing:
                    built(framework, name, (), {each: value for each, value in least.items() if each != argument})
                assert missing.value.argument == argument
                assert str(missing.value) == f"{name} needs {argument}"


@pytest.mark.parametrize("value", [3, -1, 0, 2.5, True, None, "relu", "", [], (1, 2), {}, 2**40, float("nan")])
def test_any_value_of_an_argument_makes_a_layer_or_is_reported_as_wrong(value: object, at: Walk) -> None:
    for framework, name, cls, arguments in classes():
        for argument in cls.takes:
            with at(framework, name, argument), contextlib.suppress(ArgumentFaultError):
                made = built(framework, name, (), needed(name, arguments) | {argument: value})
                assert all(isinstance(each, Node) for each in made)


def test_an_invalid_word_for_an_argument_is_answered_with_a_valid_one(at: Walk) -> None:
    asked = 0
    for framework, name, cls, arguments in classes():
        for argument in cls.takes:
            with at(framework, name, argument):
                try:
                    built(framework, name, (), needed(name, arguments) | {argument: "wibble"})
                except ArgumentFaultError as fault:
                    if fault.argument == argument and "expected '" in str(fault):
                        asked += 1
                        word = ast.literal_eval(fault.instead)
                        built(framework, name, (), needed(name, arguments) | {argument: word})
    assert asked


def test_an_argument_of_the_other_framework_is_answered_with_this_ones(at: Walk) -> None:
    for layer in LAYERS:
        for ours, theirs in layer.torch_arguments.items() if layer.torch in CLASSES["torch"] else ():
            takes = CLASSES["torch"][layer.torch].takes
            if theirs in takes and ours not in takes:
                with at(layer.torch, ours), pytest.raises(UnknownArgumentError) as unknown:
                    built("torch", layer.torch, (), {ours: 4})
                assert unknown.value.instead == theirs


@examples(60)
@given(st.text(max_size=12))
def test_an_unknown_argument_is_an_error(word: str) -> None:
    for framework, name, cls, arguments in classes():
        if word not in cls.takes:
            with pytest.raises(UnknownArgumentError):
                built(framework, name, (), needed(name, arguments) | {word: 1})


def test_old_names_of_keras_are_understood() -> None:
    old = {"implementation": 2, "time_major": False, "weights": None}
    assert built("keras", "LSTM", (4,), old) == built("keras", "LSTM", (4,), {})
    shapes = ({"input_shape": (5, 3)}, {"batch_input_shape": (2, 5, 3)}, {"input_dim": 3, "input_length": 5})
    assert len({str(built("keras", "LSTM", (4,), shape)) for shape in shapes}) == 1


def test_several_cells_that_read_backwards_differ_where_timesteps_are_padding() -> None:
    for cells, back, notes in ((2, True, 1), (2, False, 0), (1, True, 0)):
        made = built("keras", "RNN", (CELL * cells,), {"go_backwards": back})
        assert [len(node.notes) for node in made] == [notes, 0][:cells]


def test_two_shapes_of_an_input_must_agree() -> None:
    for shape in ({"input_shape": (5, 3), "input_dim": 4}, {"batch_input_shape": (None, 5, 3), "input_shape": (5, 4)}):
        with pytest.raises(WrongArgumentError, match="have different numbers of features"):
            built("keras", "LSTM", (4,), shape)
    assert built("keras", "LSTM", (4,), {"input_shape": (5, 3), "input_dim": 3})[0].given == Input(3, 5)
