"""Both names: wherever an explanation or error mentions a field, the framework's argument is next to it.

Also the words of Keras and PyTorch that no spec has: the explanation, and the spec without them.
"""

from __future__ import annotations

import re
from typing import Any

import kinds
import pytest
from conftest import Run, Screen, Walk, some
from sessions import blocks

from rnncli import Network, SpecError
from rnncli.language.framework_words import FRAMEWORK_WORDS
from rnncli.layers import KINDS, LAYERS, Activation, Layer
from rnncli.layers.options import Option
from rnncli.layers.weights import FRAMEWORKS
from rnncli.layers.words import in_both
from rnncli.reports.explanation import explain

KERAS: dict[str, tuple[str, ...]] = {
    "seq": ("return_sequences=True",),
    "back": ("go_backwards=True",),
    "bi": ("merge_mode='concat'",),
    "bi=sum": ("merge_mode='sum'",),
    "nobias": ("use_bias=False", "center=False"),
    "noscale": ("scale=False",),
    "relu": ("activation='relu'",),
    "recact=relu": ("recurrent_activation='relu'",),
    "reset=before": ("reset_after=False",),
    "forgetbias=0": ("unit_forget_bias=False",),
    "mask": ("mask_zero=True", ""),
    "eps=1e-5": ("epsilon=1e-05",),
    "proj=2": ("",),
    "length=10": ("",),
    "2": ("pool_size=2",),
    "same": ("padding='same'",),
    "stride=2": ("strides=2",),
    "dilation=2": ("dilation_rate=2",),
    "causal": ("padding='causal'",),
}
"""Keras's arguments as documented; none for a mask, which is the separate layer Masking()."""

TORCH: dict[tuple[str, str], str] = {
    ("rnn", "relu"): "nonlinearity='relu'",
    ("rnn", "nobias"): "bias=False",
    ("lstm", "nobias"): "bias=False",
    ("lstm", "bi"): "bidirectional=True",
    ("lstm", "proj=2"): "proj_size=2",
    ("dense", "nobias"): "bias=False",
    ("norm", "nobias"): "bias=False",
    ("conv", "stride=2"): "stride=2",
    ("conv", "dilation=2"): "dilation=2",
    ("conv", "nobias"): "bias=False",
    ("norm", "eps=1e-5"): "eps=1e-05",
    **{("lstm", field): "" for field in ("seq", "back", "bi=sum", "relu", "recact=relu", "forgetbias=0")},
}
"""PyTorch's arguments by kind; nothing if its class has none."""

OPTIONS = [(layer, option) for layer in LAYERS for option in layer.options]
FIELDS: list[tuple[type[Layer], Option, str, Any]] = [
    (layer, option, text, value)
    for layer, option in OPTIONS
    for text, value in {**option.fields(), **option.short_fields()}.items()
    if value != layer.default(option.attribute)
]
"""Every field of every kind, set to a value other than the default."""


def layer_spec(layer: type[Layer], field: str) -> str:
    kind = kinds.KINDS[layer]
    needs = "" if field[:1].isdigit() or field == "pool_size" else kind.needs
    return f"{kinds.below(layer)}{kind.small}{needs}:{field}"


def error(spec: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Network.parse(spec)
    return caught.value


def error_for(spec: str) -> str:
    """The error for a bad spec, up to its repair."""
    wrong = error(spec)
    return "; ".join(filter(None, (wrong.advice, wrong.lead)))


def test_every_option_is_shown_with_keras_argument_and_with_pytorchs_if_there_is_one(at: Walk) -> None:
    assert {*KERAS} <= {text for _, _, text, _ in FIELDS}
    for _, option in OPTIONS:
        assert any(option.spells(field.partition("=")[0]) for field in KERAS), option
    for layer, option, text, value in FIELDS:
        if text in KERAS:
            with at(layer.kind, text):
                said = in_both(layer, option.attribute, value)
                assert said in {f"{text} ({argument})" if argument else text for argument in KERAS[text]}
    for (kind, field), argument in TORCH.items():
        with at(kind, field, "torch"):
            (found,) = [each for each in FIELDS if (each[0].kind, each[2]) == (kind, field)]
            said = in_both(KINDS[kind], found[1].attribute, found[3], "torch")
            assert said == (f"{field} ({argument})" if argument else field)


def test_explain_shows_every_set_field_under_both_names(at: Walk) -> None:
    for framework in FRAMEWORKS:
        for layer, option, text, value in FIELDS:
            network = Network.parse(layer_spec(layer, text))
            both = in_both(layer, option.attribute, value, framework)
            if "(" in both and not network.layers[-1].conflict(framework):
                with at(framework, layer.kind, text):
                    notes = explain(network, framework=framework).layers[-1].notes
                    assert both in ", ".join(note.text for note in notes)


def test_a_wrong_field_is_answered_with_both_names(at: Walk) -> None:
    for layer, option, text, value in FIELDS:
        if text.isdigit():  # a wrong number is taken for a size
            continue
        both = in_both(layer, option.attribute, value)
        if "=" not in text and text in option.fields() and value is not False:
            with at("an argument without its value", layer.kind, text):
                assert both in error_for(layer_spec(layer, option.attribute))
        if re.fullmatch("[a-z]{5,}", text) and text in option.fields():
            with at("misspelt", layer.kind, text):
                assert both in error_for(layer_spec(layer, text[:-2] + text[-1] + text[-2]))
        able = [each for each in LAYERS if any(own.spells(text.partition("=")[0]) for own in each.options)]
        if layer is able[0] and text not in KINDS:  # the first of several is asked for its word; linear is also a kind
            for other in some((each for each in LAYERS if each not in (*able, Activation)), 3):
                with at(other.kind, "does not accept", text):
                    message = error(layer_spec(other, text)).message
                    assert message.startswith(f"{other.kind} does not accept '{text}'")
                    assert both.partition(" ")[2] in message
    for layer in LAYERS:
        said = error_for(layer_spec(layer, "zzzz"))
        for option in layer.options:
            with at("all fields of", layer.kind, option.attribute):
                assert (f"{option.lead} ({option.attribute})" if option.in_keras is None else option.lead) in said
    for layer, option in OPTIONS:
        for other, ours in getattr(option, "other_names", {}).items():
            with at(layer.kind, option.lead, other):
                value = option.fields()[f"{option.lead}{ours}"]
                said = error_for(layer_spec(layer, f"{option.lead}{other}"))
                assert in_both(layer, option.attribute, value) in said


# Words that no spec has


WHERE = {
    "return_state h_n c_n": "--save-state",
    "initial_state hx stateful": "--state",
    "num_layers": "x2",
    "batch_first time_major": "(batch, timesteps, features)",
    "unroll": "how fast",
    "recurrent_dropout": "training",
    "recurrent_initializer": "rnncli explain",
    "input_shape input_size": "input:TxF",
    "timedistributed": "each timestep",
    "masking": "mask_zero=True",
    "dtype": "--dtype",
    "seed": "--seed",
    "timesteps": "--timesteps",
    "batch_size": "--batch",
}
"""Framework words that no spec has, and required texts of the answer."""


def test_a_framework_word_is_answered_with_its_equivalent_and_never_with_another_field(at: Walk) -> None:
    for words, where in WHERE.items():
        for word in words.split():
            with at(word):
                assert where in FRAMEWORK_WORDS[word]
    read = {"activation", "bidirectional", *KINDS}  # as a field or layer, not as a foreign word
    for number, (word, text) in enumerate(FRAMEWORK_WORDS.items()):
        fields = [] if word in read else [f"lstm:3:{each}" for each in (word, word.title(), word.upper())]
        if word not in ("activation", "bidirectional", "num_layers"):
            fields += [f"{kind}:3:{word}=True" for kind in ("rnn", "lstm", "gru")]
        for field in some(fields[number % 3 :], 3):
            with at(field):
                wrong = error(f"input:8,{field}")
                head = "input:8:mask" if field[-8:].lower() == ":masking" else "input:8"
                assert (wrong.advice, wrong.repair) == (text, f"{head},{field.rpartition(':')[0]}")
        if word not in ("bidirectional", *KINDS):
            for spec in some((f"input:8,lstm:3,{word}", word, f"input:8,{word}:3,lstm:3"), 2):
                with at(spec):
                    wrong = error(spec)
                    assert wrong.advice == text
                    assert Network.parse(wrong.repair or "")


def test_common_names_of_a_layer_or_field_are_answered_as_reviewed_with_a_spec_that_works(
    at: Walk, screen: Screen
) -> None:
    def answer(spec: str) -> str:
        wrong = error(spec.replace(r"\n", "\n"))
        with at(spec):
            assert Network.parse(wrong.repair or "")
        return str(wrong)

    blocks("words", answer, screen)


# A spec that is only an input


def test_an_input_without_layers_is_answered_with_a_line_that_works(at: Walk, rnncli: Run) -> None:
    for command in ("summary", "forward", "explain", "draw", "export", "spec"):
        for head, spec in (("input:8", "input:8,rnn:32"), ("input:5x8", "input:5x8,rnn:32")):
            with at(command, head):
                to = ["--to", "keras"] if command == "export" else []
                result = rnncli(command, head, *to)
                first = result.stderr.splitlines()[0]
                assert (result.status, first) == (0, f"Note: {head} is an input without layers; with one: {spec}")
                again = rnncli(command, spec, *to)
                assert again.status == 0
                assert "without layers" not in again.stderr
    for arguments in (["-q"], ["-f", "json"], ["-f", "csv"]):
        with at("programs are told nothing of it", arguments):
            assert rnncli("summary", "input:8", *arguments).answer
    with at("an embedding alone is a network"):
        assert rnncli("summary", "embed:10x4").stderr == ""
    with at("of two, one is an input alone"):
        result = rnncli("compare", "input:8", "input:9,rnn:3")
        assert (result.status, result.stderr.count("without layers")) == (0, 1)
    for template, repair in (("input:8", "input:8,rnn:_"), ("input:_", "input:_,rnn:32")):
        with at("a template", template):
            error = rnncli("solve", template, "--params", "100k").refusal()
            assert "is an input without layers" in error
            assert error.endswith(f": {repair}\n")
            assert rnncli("solve", repair, "--params", "100k").status == 0
