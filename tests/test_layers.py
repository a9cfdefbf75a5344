"""`rnncli layers`: everything that a spec may hold is on its one screen, and it is true."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import click
import kinds
import numpy as np
import pytest
from conftest import Result

from rnncli import Network, SpecError
from rnncli.commands.completing import complete_word
from rnncli.commands.layers import command
from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.language.arguments import CLASSES
from rnncli.language.elsewhere import ELSEWHERE
from rnncli.layers import KINDS, LAYERS, Layer
from rnncli.layers.activations import ACTIVATION_FORMULAS, ACTIVATIONS, OTHER_NAMES
from rnncli.layers.options import Choice, Flag
from rnncli.reports.topics import TOPIC_OF, TOPICS


@pytest.fixture
def shown(rnncli: Callable[..., Result]) -> str:
    result = rnncli("layers")
    assert (result.status, result.stderr) == (0, "")
    return result.stdout


def test_the_screen_reads_as_it_was_reviewed(shown: str, screen: Callable[[str, str], None]) -> None:
    screen("layers", shown)


def test_it_fits_a_screen_of_80_by_30(shown: str) -> None:
    lines = shown.splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 80


def test_it_names_every_kind_under_all_its_names(shown: str) -> None:
    for name in KINDS:
        assert re.search(rf"\b{name}\b", shown), name


def test_it_names_every_option_and_every_activation(shown: str) -> None:
    for layer in LAYERS:
        for option in layer.options:
            assert re.search(rf"\b{option.word if isinstance(option, Flag) else option.key}\b", shown), option
    assert set(kinds.activations.ACTIVATIONS) == set(ACTIVATIONS)
    for activation in ACTIVATIONS:
        assert re.search(rf"\b{activation}\b", shown), activation


def test_its_example_is_a_network(shown: str) -> None:
    assert Network.parse(shown.splitlines()[1].strip())


def _forms(shown: str) -> list[str]:
    """The first word of the lines that say how something is spelt."""
    return re.findall(r"^  (\S+) +\S", shown, re.MULTILINE)


def test_each_form_of_a_layer_works_with_numbers_for_its_letters(shown: str) -> None:
    numbers = {"V": "10", "D": "4", "T": "5", "F": "8", "U": "3", "P": "0.5"}
    of_kind = {form.partition(":")[0]: form for form in _forms(shown)}
    for kind in kinds.KINDS.values():
        form = of_kind[kind.names[0]]
        for text in (re.sub(r"\[.*?\]", "", form), re.sub(r"[\[\]]", "", form)):
            name, _, size = text.partition(":")
            for word in size.split("|"):
                field = "".join(numbers.get(c, c) for c in word)
                spec = kinds.BELOW[kind.layer.reads] + f"{name}:{field}".rstrip(":")
                assert type(Network.parse(spec).layers[-1]) is kind.layer


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_a_layer_says_what_it_needs_and_is(layer: type) -> None:
    assert layer.means
    assert layer.__doc__
    assert "  " not in layer.sizes.form
    assert bool(layer.sizes.form) == layer.sizes.required


def test_no_two_fields_of_a_layer_are_spelt_alike() -> None:
    for layer in LAYERS:
        words: list[str] = []
        for option in layer.options:
            match option:
                case Flag(word=word):
                    words.append(word)
                case Choice():
                    words += [option.key, *(option.values if option.name_alone else ())]
        assert len(words) == len(set(words)), layer.kind


# One word of the language


WORDS = {
    "kinds": [name for name in CLASSES if re.fullmatch("[a-z0-9_]+", name)],
    "fields": [option.lead.rstrip("=") for layer in LAYERS for option in layer.options],
    "arguments": [option.attribute for layer in LAYERS for option in layer.options],
    "PyTorch's": [name for layer in LAYERS for name in layer.torch_arguments.values()],
    "sizes": [attribute for layer in LAYERS for attribute in layer.sizes.attributes],
    "activations": [*ACTIVATIONS, *OTHER_NAMES],
    "elsewhere": [*ELSEWHERE],
    "count": ["x3", "num_layers"],
    "topics": [*TOPIC_OF],
}
ALL_WORDS = list(dict.fromkeys(word for some in WORDS.values() for word in some))


@pytest.mark.parametrize("word", ALL_WORDS)
def test_every_word_of_the_language_and_of_the_frameworks_is_answered(word: str, rnncli: Callable[..., Result]) -> None:
    for typed in (word, word.upper(), f"keras.layers.{word}", f"{word}=True", f"{word}(3)"):
        result = rnncli("layers", typed)
        assert (result.status, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) < 50


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_what_is_said_of_a_word_fits_the_terminal(columns: int, terminal: Callable[..., Result]) -> None:
    for word in ("lstm", "bi", "return_state", "tanh", *(topic.names[0] for topic in TOPICS)):
        result = terminal("layers", word, columns=columns, NO_COLOR="1", TERM="dumb")
        assert result.status == 0
        assert max(map(len, result.stdout.splitlines())) <= columns


@pytest.mark.parametrize("word", ["lstm", "embed", "seq", "reset", "tanh", "return_state"])
def test_a_word_reads_as_it_was_reviewed(
    word: str, terminal: Callable[..., Result], screen: Callable[[str, str], None]
) -> None:
    screen(f"layers-{word}", terminal("layers", word, columns=80, NO_COLOR="1", TERM="dumb").stdout)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_a_kind_is_told_of_with_all_its_fields_in_the_frameworks_words(
    layer: type[Layer], rnncli: Callable[..., Result]
) -> None:
    text = " ".join(rnncli("layers", layer.kind).stdout.split())
    assert layer.keras in text
    for attribute in layer.sizes.attributes:
        assert attribute in text or not re.findall("[A-Z]", layer.sizes.form)
    for option in layer.options:
        assert option.form in text
        assert f"{option.attribute}=" in text
    for theirs in layer.torch_arguments.values():
        assert theirs in text
    (_, example, rest) = text.partition(" In ")
    if example:
        network = Network.parse(rest.partition(": ")[0])
        assert type(network.layers[-1]) is layer
        for equation in network.layers[-1].equations():
            assert " ".join(equation.text.split()) in text
        for weight in network.summary().layers[-1].weights:
            assert f"{weight.name} {weight.symbol}" in text


def test_the_same_is_said_under_each_name(rnncli: Callable[..., Result]) -> None:
    for names in (
        ["seq", "return_sequences", "return_sequences=True"],
        ["lstm", "LSTM", "nn.LSTM", "torch.nn.LSTM", "keras.layers.LSTM", "LSTMCell", "lstm(32)"],
        ["bi", "bidirectional", "Bidirectional", "merge_mode", "bi=sum"],
        ["reset", "reset_after", "reset=before"],
        ["forgetbias", "unit_forget_bias"],
        ["silu", "swish"],
        ["x3", "num_layers", "num_layers=2"],
        ["embed", "Embedding"],
        ["act", "activation", "nonlinearity"],
    ):
        assert len({rnncli("layers", name).stdout for name in names}) == 1


def test_the_formula_of_each_activation_is_what_the_engine_computes() -> None:
    x = np.linspace(-6, 6, 25)
    for name, formula in ACTIVATION_FORMULAS.items():
        if name == "softmax":
            continue
        code = re.sub(r"\|x\|", "abs(x)", formula.replace("·", "*").replace("√2", "sqrt(2)"))
        computed = [
            eval(code, {"__builtins__": {"max": max, "min": min, "abs": abs}, **vars(math)}, {"x": v}) for v in x
        ]
        out = np.empty((25, 1))
        ACTIVATION_FUNCTIONS[name](x[:, np.newaxis], out)
        assert np.allclose(computed, out[:, 0], atol=1e-5), name


@pytest.mark.parametrize(
    ("word", "message", "repair"),
    [
        ("lsmt", "there is no kind, field or activation 'lsmt'", "rnncli layers lstm"),
        ("return_sequence", "activation 'return_sequence'", "rnncli layers return_sequences"),
        ("wavenet", "there is no kind, field or activation 'wavenet'", None),
        ("", "there is no kind, field or activation ''", None),
        ("x" * 100_000, "there is no kind, field or activation 'xxx", None),
        ("input:8,lstm:4", "'input:8,lstm:4' is no word, but a spec", "rnncli explain input:8,lstm:4"),
        ("lstm:4", "'lstm:4' is no word, but a spec or a part of one", "Help: rnncli layers lstm\n"),
        ("Lstm:4,rnm", "is no word, but a spec or a part of one", "Help: rnncli layers Lstm\n"),
        ("rnm:4", "'rnm:4' is no word, but a spec or a part of one", None),
    ],
)  # fmt: skip
def test_what_is_no_word_is_an_error_that_says_what_is_near(
    word: str, message: str, repair: str | None, rnncli: Callable[..., Result]
) -> None:
    result = rnncli("layers", word)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr
    assert (repair or "`rnncli layers` shows all that there are") in result.stderr


def test_words_are_completed_our_own_first() -> None:
    context, argument = click.Context(command), command.params[0]

    def offered(typed: str) -> list[str]:
        return [item.value for item in complete_word(context, argument, typed)]

    assert offered("ls") == ["lstm"]
    assert offered("se") == ["seq", "selu"]
    assert offered("return") == ["return_sequences", "return_state"]
    assert {*offered("")} >= {layer.kind for layer in LAYERS} | {*ACTIVATIONS}
    assert all(item.help for item in complete_word(context, argument, ""))


# The same as rows


def rows(rnncli: Callable[..., Result], *arguments: str) -> list[dict[str, str | None]]:
    result = rnncli("layers", *arguments, "-f", "json")
    assert (result.status, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_program_gets_every_kind_and_every_field_as_a_row(rnncli: Callable[..., Result]) -> None:
    found = rows(rnncli)
    assert [row["kind"] for row in found if row["field"] is None] == [layer.kind for layer in LAYERS]
    for layer in LAYERS:
        fields = [row for row in found if row["kind"] == layer.kind and row["field"] not in (None, "x3")]
        assert [row["form"] for row in fields] == [option.form for option in layer.options]
        assert [str(row["keras"]).partition("=")[0] for row in fields] == [each.attribute for each in layer.options]


@pytest.mark.parametrize("word", ALL_WORDS)
def test_every_word_has_rows(word: str, rnncli: Callable[..., Result]) -> None:
    found = rows(rnncli, word)
    assert found
    assert all(row["means"] for row in found)


def test_where_a_field_may_be_repeated_the_network_is_one(rnncli: Callable[..., Result]) -> None:
    able = {row["kind"] for row in rows(rnncli, "num_layers")}
    for layer in LAYERS:
        seq = ":seq" if layer.states else ""
        spec = f"{kinds.BELOW[layer.reads]}{kinds.KINDS[layer].small}{seq}:x3"
        try:
            Network.parse(spec)
        except SpecError:
            assert layer.kind not in able
        else:
            assert layer.kind in able


def test_of_one_kind_or_field_there_are_its_rows_alone(rnncli: Callable[..., Result]) -> None:
    assert {row["kind"] for row in rows(rnncli, "nn.GRU")} == {"gru"}
    assert [(row["kind"], row["torch"]) for row in rows(rnncli, "nonlinearity")] == [
        ("rnn", "nonlinearity=ACT"),
        ("lstm", None),
        ("gru", None),
        ("dense", None),
    ]
    assert rows(rnncli, "return_state")[0]["field"] == "return_state"
    assert rnncli("layers", "lsmt", "-f", "json").status == 2


def test_every_command_that_a_topic_names_works(rnncli: Callable[..., Result]) -> None:
    model = str(Path(__file__).parent / "golden" / "models" / "lstm-1.safetensors")
    stands_for = {"SPEC": "input:8,lstm:16", "FILE": model, "N": "20", "SIZE": "4MB"}
    for topic in TOPICS:
        lines = [line for note in topic.facts() for line in re.findall(r"rnncli [^;:]*", note.text)]
        assert lines, topic.names
        for line in lines:
            words = [stands_for.get(word, word) for word in re.sub(" (says|adds|side|prints) .*", "", line).split()[1:]]
            result = rnncli(*words)
            assert result.status == 0, (line, result.stderr)


def test_every_limit_that_a_topic_names_is_an_option_of_solve(rnncli: Callable[..., Result]) -> None:
    limits = [note.text.split()[0] for topic in TOPICS for note in topic.facts() if note.topic == "Limit"]
    assert len(limits) >= 6
    for limit in limits:
        assert rnncli("solve", "input:8,lstm:_", limit, "1000000", "--timesteps", "9").status == 0


def test_two_words_of_a_thing_are_joined(rnncli: Callable[..., Result]) -> None:
    result = rnncli("layers", "vanishing", "gradient")
    assert result.stderr == "Error: layers takes 1 argument, but 2 were given\nHelp: rnncli layers vanishing_gradient\n"
