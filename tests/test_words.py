"""Both words: whoever reads a field in an explanation or an error reads the framework's argument beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import kinds
import pytest
from conftest import Result

from rnncli import Network, SpecError
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.activations import ACTIVATIONS
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
    "mask": ("mask_zero=True",),
    "eps=1e-5": ("epsilon=1e-05",),
}
"""Keras's arguments as its documentation has them."""

TORCH: dict[tuple[str, str], str] = {
    ("rnn", "relu"): "nonlinearity='relu'",
    ("rnn", "nobias"): "bias=False",
    ("lstm", "nobias"): "bias=False",
    ("lstm", "bi"): "bidirectional=True",
    ("dense", "nobias"): "bias=False",
    ("norm", "nobias"): "bias=False",
    ("norm", "eps=1e-5"): "eps=1e-05",
}
"""PyTorch's, by kind, where it has some."""


def each_option() -> Iterator[tuple[type[Layer], Option]]:
    for layer in LAYERS:
        for option in layer.options:
            yield layer, option


def each_field() -> Iterator[tuple[type[Layer], Option, str, Any]]:
    """Every field of every kind that says something else than the default."""
    for layer, option in each_option():
        for text, value in {**option.fields(), **option.short_fields()}.items():
            if value != layer.default(option.attribute):
                yield layer, option, text, value


def layer_spec(layer: type[Layer], field: str) -> str:
    kind = kinds.KINDS[layer]
    return f"{kinds.BELOW[layer.reads]}{kind.small}:{field}"


def error(spec: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        Network.parse(spec)
    return caught.value


def test_every_option_has_an_example_in_keras_own_words() -> None:
    found = {field for _, _, field, _ in each_field()}
    assert {*KERAS} <= found
    for _, option in each_option():
        assert any(option.spells(field.partition("=")[0]) for field in KERAS), option


@pytest.mark.parametrize(("field", "arguments"), KERAS.items())
def test_a_field_is_said_with_keras_argument(field: str, arguments: tuple[str, ...]) -> None:
    for layer, option, text, value in each_field():
        if text == field:
            assert in_both(layer, option.attribute, value) in {f"{field} ({argument})" for argument in arguments}


@pytest.mark.parametrize(("of", "argument"), TORCH.items())
def test_a_field_is_said_with_pytorch_argument_where_it_has_one(of: tuple[str, str], argument: str) -> None:
    kind, field = of
    (found,) = [each for each in each_field() if (each[0].kind, each[2]) == of]
    assert in_both(KINDS[kind], found[1].attribute, found[3], "torch") == f"{field} ({argument})"


def test_pytorch_has_no_word_for_what_its_classes_do_not_take() -> None:
    for field in ("seq", "back", "bi=sum", "relu", "recact=relu", "forgetbias=0"):
        (found,) = [each for each in each_field() if each[0].kind == "lstm" and each[2] == field]
        assert in_both(KINDS["lstm"], found[1].attribute, found[3], "torch") == field


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_explain_says_every_field_that_is_set_in_both_words(framework: str) -> None:
    for layer, option, text, value in each_field():
        network = Network.parse(layer_spec(layer, text))
        last = network.layers[-1]
        if last.conflict(framework):  # type: ignore[arg-type]
            continue
        both = in_both(layer, option.attribute, value, framework)  # type: ignore[arg-type]
        notes = [note.text for note in explain(network, framework=framework).layers[-1].notes]  # type: ignore[arg-type]
        if "(" in both:
            assert both in ", ".join(notes), (text, notes)


def test_an_argument_without_its_value_is_answered_with_both_words() -> None:
    for layer, option, text, value in each_field():
        if "=" in text or text in ACTIVATIONS or value is False:
            continue
        advice = error(layer_spec(layer, option.attribute)).advice or ""
        assert in_both(layer, option.attribute, value) in advice, (layer.kind, text, advice)


def test_a_misspelt_field_is_answered_with_both_words() -> None:
    for layer, option, text, value in each_field():
        if re.fullmatch("[a-z]{5,}", text) and text in option.fields():
            wrong = error(layer_spec(layer, text[:-2] + text[-1] + text[-2]))
            assert in_both(layer, option.attribute, value) in (wrong.advice or ""), (layer.kind, text)


def test_a_field_that_a_kind_does_not_take_is_said_in_both_words() -> None:
    for layer, option, text, value in each_field():
        able = [each for each in LAYERS if any(own.spells(text.partition("=")[0]) for own in each.options)]
        if layer is not able[0] or text in KINDS:
            continue  # of several kinds that take it, the first is asked for its word; linear is a kind, too
        for other in {*LAYERS} - {*able}:
            message = error(layer_spec(other, text)).message
            assert message.startswith(f"{other.kind} does not take '{text}'")
            assert in_both(layer, option.attribute, value).partition(" ")[2] in message, message


def test_an_unknown_field_lists_the_fields_with_keras_arguments() -> None:
    for layer in LAYERS:
        advice = error(layer_spec(layer, "zzzz")).advice or ""
        for option in layer.options:
            assert f"{option.lead} ({option.attribute})" in advice


def test_a_value_that_is_none_of_a_fields_names_keras_argument_for_the_one_that_was_meant() -> None:
    for layer, option in each_option():
        for other, ours in getattr(option, "other_names", {}).items():
            wrong = error(layer_spec(layer, f"{option.lead}{other}"))
            assert in_both(layer, option.attribute, option.fields()[f"{option.lead}{ours}"]) in (wrong.advice or "")


WHERE = {
    "return_state": "--save-state",
    "h_n": "--save-state",
    "c_n": "--save-state",
    "initial_state": "--state",
    "hx": "--state",
    "stateful": "--state",
    "num_layers": "x2",
    "batch_first": "(batch, timesteps, features)",
    "time_major": "(batch, timesteps, features)",
    "proj_size": "no such LSTM",
    "unroll": "how fast",
    "recurrent_dropout": "training",
    "recurrent_initializer": "rnncli explain",
    "input_shape": "input:TxF",
    "input_size": "input:TxF",
    "timedistributed": "each timestep",
    "masking": "mask_zero=True",
    "flatten": "pool:avg",
    "dtype": "--dtype",
    "seed": "--seed",
    "timesteps": "--timesteps",
    "batch_size": "--batch",
}
"""Words of the frameworks that no spec has, and what the answer to each must say."""


@pytest.mark.parametrize("word", ELSEWHERE)
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_a_word_of_a_framework_says_where_it_is_found_as_a_field_and_never_another_field(word: str, kind: str) -> None:
    for written in (word, f"{word}=True", word.title(), word.upper()):
        if word in ("activation", "bidirectional") or written.lower() in KINDS:
            continue  # fields and a layer, which are read as such
        wrong = error(f"input:8,{kind}:3:{written}") if not (word == "num_layers" and "=" in written) else None
        if wrong is None:
            continue
        assert wrong.advice == ELSEWHERE[word]
        assert wrong.repair == f"input:8,{kind}:3"
        assert WHERE.get(word, "") in (wrong.advice or "")


@pytest.mark.parametrize("word", ELSEWHERE)
def test_a_word_of_a_framework_says_where_it_is_found_as_a_layer_and_alone(word: str) -> None:
    if word in KINDS:
        return
    for spec in (f"input:8,lstm:3,{word}", word, f"input:8,{word}:3,lstm:3"):
        wrong = error(spec)
        assert wrong.advice == ELSEWHERE[word] or " is a field of " in (wrong.advice or "") or word == "timesteps"
        assert Network.parse(wrong.repair or "")


def test_every_word_that_people_ask_about_is_known() -> None:
    assert {*WHERE} <= {*ELSEWHERE}


@pytest.mark.parametrize(
    ("spec", "never"),
    [
        ("input:8,lstm:3:return_state", "seq"),
        ("input:8,lstm:3:return_state=True", "seq"),
        ("input:8,lstm:3:return_states", "seq"),
        ("input:8,lstm:3:retrun_state", "seq"),
        ("input:8,lstm:3:reset_after=False", "reset=after"),
        ("input:8,lstm:3,return_state", "seq"),
    ],
)
def test_no_word_is_answered_with_a_field_that_means_something_else(spec: str, never: str) -> None:
    wrong = error(spec)
    assert never not in str(wrong).replace(spec, "")


def test_reset_after_means_what_it_says() -> None:
    assert str(Network.parse("input:8,gru:3:reset_after=False")) == "input:8,gru:3:reset=before"
    assert str(Network.parse("input:8,gru:3:reset_after=True")) == "input:8,gru:3"


def test_the_features_of_a_first_layer_become_its_input() -> None:
    assert error("lstm:3:input_size=10").repair == "input:10,lstm:3"
    assert error("lstm:3:input_shape=10,dense:1").repair == "input:10,lstm:3,dense:1"


@pytest.mark.parametrize(
    ("spec", "repair"),
    [
        ("input:8,lstm:3,seq", "input:8,lstm:3:seq"),
        ("input:8,lstm:3,return_sequences=True", "input:8,lstm:3:return_sequences=True"),
        ("input:8,lstm:3,dense:2,softmax", "input:8,lstm:3,dense:2:softmax"),
        ("input:8,bidirectional:lstm:3", "input:8,lstm:3:bi"),
        ("input:8,lstm:3:seq,timedistributed:dense:3", "input:8,lstm:3:seq,dense:3"),
        ("input:8,lstm:3:seq,TimeDistributed:3", "input:8,lstm:3:seq,dense:3"),
        ("input:8,lstm:3,h_n", "input:8,lstm:3"),
        ("input:8,masking:0,lstm:3", "input:8,lstm:3"),
    ],
)
def test_a_field_that_stands_for_a_layer_is_put_where_it_belongs(spec: str, repair: str) -> None:
    assert error(spec).repair == repair


def test_an_activation_behind_a_cell_is_not_made_that_of_the_cell() -> None:
    for spec in ("input:8,lstm:3,relu", "input:8,dense:3:relu,softmax"):
        wrong = error(spec)
        assert "is a field of rnn, lstm, gru or dense" in (wrong.advice or "")
        assert "lstm:3:relu" not in str(wrong)
        assert wrong.lead == "for example"


# A spec that is only an input


@pytest.mark.parametrize("command", ["summary", "forward", "explain", "draw", "export", "spec"])
@pytest.mark.parametrize("head", ["input:8", "input:5x8"])
def test_an_input_without_layers_says_what_is_missing_with_a_line_that_works(
    command: str, head: str, rnncli: Callable[..., Result]
) -> None:
    to = ["--to", "keras"] if command == "export" else []
    result = rnncli(command, head, *to)
    assert result.status == 0
    assert result.stderr.startswith(f"Note: {head} is an input without layers; with one: ")
    spec = result.stderr.splitlines()[0].rpartition(": ")[2]
    assert spec.startswith(f"{head},")
    again = rnncli(command, spec, *to)
    assert again.status == 0
    assert "without layers" not in again.stderr


def test_programs_are_told_nothing_of_it(rnncli: Callable[..., Result]) -> None:
    for arguments in (["-q"], ["-f", "json"], ["-f", "csv"]):
        result = rnncli("summary", "input:8", *arguments)
        assert (result.status, result.stderr) == (0, "")


def test_an_embedding_alone_is_a_network(rnncli: Callable[..., Result]) -> None:
    assert rnncli("summary", "embed:10x4").stderr == ""


def test_two_inputs_are_compared_with_a_note_on_each(rnncli: Callable[..., Result]) -> None:
    result = rnncli("compare", "input:8", "input:9,rnn:3")
    assert (result.status, result.stderr.count("without layers")) == (0, 1)


@pytest.mark.parametrize(("template", "repair"), [("input:8", "input:8,rnn:_"), ("input:_", "input:_,rnn:32")])
def test_a_template_without_layers_is_an_error_with_one_that_works(
    template: str, repair: str, rnncli: Callable[..., Result]
) -> None:
    result = rnncli("solve", template, "--params", "100k")
    assert (result.status, result.stdout) == (2, "")
    assert "is an input without layers" in result.stderr
    assert result.stderr.endswith(f": {repair}\n")
    assert rnncli("solve", repair, "--params", "100k").status == 0


@pytest.mark.parametrize(
    ("spec", "advice", "repair"),
    [
        ("input:8,lstm:3:reverse", "perhaps back (go_backwards=True)", "input:8,lstm:3:back"),
        ("input:8,lstm:3:sum", "perhaps bi=sum (merge_mode='sum')", "input:8,lstm:3:bi=sum"),
        ("input:8,gru:3:before", "perhaps reset=before (reset_after=False)", "input:8,gru:3:reset=before"),
        ("input:8,dense:3,activation:relu", "relu (activation='relu') is a field of", "input:8,dense:3:relu"),
        ("input:8,gru:3:linear_before_reset=1", "is reset=after (reset_after=True), the default", "input:8,gru:3"),
        ("input:8,gru:3:reset_after", "leave it out: reset_after=True is so anyway", "input:8,gru:3"),
        ("input:8,rnn:3:nonlinearity", "", "input:8,rnn:3:act=tanh"),
    ],
)
def test_what_people_call_a_field_is_understood(spec: str, advice: str, repair: str) -> None:
    wrong = error(spec)
    assert advice in (wrong.advice or "")
    assert wrong.repair == repair
