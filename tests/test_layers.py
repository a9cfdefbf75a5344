"""`rnncli layers`: its single screen lists every element of a spec, correctly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import click
import kinds
import numpy as np
import pytest
from conftest import MODELS, Run, Screen, Walk, print_as_on_a_terminal, some

from rnncli import Network, SpecError
from rnncli.commands.layers import command, complete_word
from rnncli.engine.activations import ACTIVATION_FUNCTIONS
from rnncli.language.arguments import CLASSES
from rnncli.language.framework_words import FRAMEWORK_WORDS, framework_error
from rnncli.layers import KINDS, LAYERS
from rnncli.layers.activations import ACTIVATIONS, OTHER_NAMES
from rnncli.layers.options import Choice
from rnncli.layers.words import argument, argument_form
from rnncli.quantities import shape_text
from rnncli.reports.reference import is_word, look_up, sort_of
from rnncli.reports.topics import TOPIC_OF, TOPICS
from rnncli.vocabulary import GROUPS


@pytest.fixture
def output(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The output of `rnncli layers` on a terminal of a given width."""

    def run(*arguments: str, columns: int = 80) -> str:
        print_as_on_a_terminal(monkeypatch)
        for name, value in {"COLUMNS": str(columns), "TERM": "dumb", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        return rnncli("layers", *arguments).answer

    return run


def test_it_reads_as_reviewed(at: Walk, output: Callable[..., str], rnncli: Run, screen: Screen) -> None:
    with at("all"):
        screen("layers", output())
    with at("kinds"):
        screen("layers-kinds", "\n".join(output(layer.kind) for layer in LAYERS))
    for word in ("seq", "reset", "tanh", "return_state"):
        with at(word):
            screen(f"layers-{word}", output(word))
    with at("topics"):
        screen("layers-topics", "\n".join(output(topic.names[0]) for topic in TOPICS))
    with at("words that no spec has"):
        last = {text: word for word, text in FRAMEWORK_WORDS.items()}
        screen("layers-elsewhere", "".join(output(word) for word in last.values() if sort_of(word)[0] == "elsewhere"))
    with at("rows"):
        words = ([], ["nn.GRU"], ["nonlinearity"], ["units"], ["tanh"], ["return_state"], ["macs"])
        screen("layers-rows", "\n".join(rnncli("layers", *word, "-f", "csv").stdout for word in words))


def test_it_lists_all_kinds_options_and_activations_on_a_screen_of_80_by_40(output: Callable[..., str]) -> None:
    shown = output()
    assert len(shown.splitlines()) < 40
    assert max(map(len, shown.splitlines())) <= 80
    assert Network.parse(shown.splitlines()[1].strip())
    options = [option for layer in LAYERS for option in layer.options]
    fields = [option.key for option in options]
    assert [word for word in (*KINDS, *fields, *ACTIVATIONS) if not re.search(rf"\b{word}\b", shown)] == []


def test_each_form_of_a_layer_works_with_numbers_in_place_of_its_letters(at: Walk, output: Callable[..., str]) -> None:
    numbers = {"V": "10", "D": "4", "T": "5", "F": "8", "U": "3", "K": "2", "P": "0.5", "ACT": "relu"}
    forms = re.findall(r"^  (\S+) +\S", output(), re.MULTILINE)
    of_kind = {form.partition(":")[0]: form for form in forms}
    for kind in kinds.KINDS.values():
        form = of_kind[kind.names[0]]
        for text in (re.sub(r"\[.*?\]", "", form), re.sub(r"[\[\]]", "", form)):
            name, _, size = text.partition(":")
            for word in size.split("|"):
                field = re.sub("[A-Z]+", lambda letters: numbers[letters[0]], word)
                spec = kinds.below(kind.layer) + f"{name}:{field}".rstrip(":")
                with at(spec):
                    assert type(Network.parse(spec).layers[-1]) is kind.layer


def test_a_layer_has_a_description_and_no_two_fields_are_spelt_alike(at: Walk) -> None:
    for layer in LAYERS:
        with at(layer.kind):
            assert layer.means
            assert layer.__doc__
            assert "  " not in layer.sizes.form
            assert bool(layer.sizes.form) == layer.sizes.required
            words = [text for each in layer.options for text in {**each.fields(), **each.short_fields()}]
            assert len(words) == len(set(words))


# One word of the language


WORDS = [
    *(name for name in CLASSES if re.fullmatch("[a-z0-9_]+", name)),
    *(word for layer in LAYERS for option in layer.options for word in (option.lead.rstrip("="), option.attribute)),
    *(word for layer in LAYERS for word in (*layer.torch_arguments.values(), *layer.sizes.attributes)),
    *(value for layer in LAYERS for each in layer.options if isinstance(each, Choice) for value in each.values),
    *(*ACTIVATIONS, *OTHER_NAMES, *FRAMEWORK_WORDS, "x3", "num_layers", *TOPIC_OF),
]
WORDS = [word for word in WORDS if not word[0].isdigit()]


def rows(rnncli: Run, *arguments: str) -> list[dict[str, str | None]]:
    return rnncli("layers", *arguments, "-f", "json").objects


def test_every_word_of_the_language_and_of_the_frameworks_is_explained_in_lines_and_in_rows(
    at: Walk, rnncli: Run
) -> None:
    for word in some(dict.fromkeys(WORDS), 3):
        with at(word):
            assert len(rnncli("layers", word).answer.splitlines()) < 50
            found = rows(rnncli, word)
            assert found
            assert all(row["means"] and "" not in row.values() for row in found)
            written = (f"keras.layers.{word}", f"{word} = True", f"{word}(3)", f"{word}[:, -1]")
            for typed in (*written, word.upper(), word.replace("_", " ")):
                assert sort_of(typed) == sort_of(word)


def test_arguments_attributed_to_pytorch_exist(at: Walk) -> None:
    # PyTorch has only 'valid' and 'same'; padding only in front is a separate line.
    for layer in LAYERS:
        for option in layer.options:
            with at(layer.kind, option.attribute):
                assert "causal" not in argument_form(layer, option, "torch").partition(", ")[0]
                assert argument_form(layer, option, "torch").count("=") <= 1
                one = Network.parse(f"{kinds.below(layer)}{kinds.KINDS[layer].small}").layers[-1]
                for value in option.values.values() if isinstance(option, Choice) else ():
                    if argument(layer, option.attribute, value, "torch") is not None:
                        assert replace(one, **{option.attribute: value}).conflict("torch") is None


def test_the_explanation_of_a_word_fits_the_terminal(at: Walk, output: Callable[..., str], terminal: Run) -> None:
    with at("a terminal"):
        result = terminal("layers", "lstm", columns=40, TERM="dumb")
        assert (result.status, result.stdout) == (0, output("lstm", columns=40))
    for columns in (40, 50, 60, 79, 120):
        for word in ("", "lstm", "bi", "seq", "return_state", "tanh", "macs", *(topic.names[0] for topic in TOPICS)):
            with at(columns, word):
                assert max(map(len, output(*filter(None, [word]), columns=columns).splitlines())) <= columns


def test_a_kind_is_explained_with_all_its_fields_in_the_frameworks_words(at: Walk, rnncli: Run) -> None:
    for layer in LAYERS:
        with at(layer.kind):
            text = " ".join(rnncli("layers", layer.kind).stdout.split())
            sizes = layer.sizes.attributes if re.findall("[A-Z]", layer.sizes.form) else ()
            fields = [
                word for option in layer.options for word in (option.form, option.in_keras or f"{option.attribute}=")
            ]
            words = [layer.keras, *sizes, *fields, *layer.torch_arguments.values()]
            (_, example, rest) = text.partition(" In ")
            if example:
                network = Network.parse(rest.partition(": ")[0])
                assert type(network.layers[-1]) is layer
                words += [" ".join(equation.text.split()) for equation in network.layers[-1].equations()]
                words += [f"{weight.name} {weight.symbol}" for weight in network.summary().layers[-1].weights]
            assert [word for word in words if word not in text] == []


def test_the_effect_of_a_fields_value_is_explained_with_an_example(at: Walk, rnncli: Run) -> None:
    for layer in LAYERS:
        for option in layer.options:
            for name, effect in option.effects.items() if isinstance(option, Choice) else ():
                with at(layer.kind, name):
                    text = " ".join(rnncli("layers", name).stdout.split())
                    found = re.search(rf"{name} {effect}: (\S+) returns (\(.*?\))(; not in PyTorch)?", text)
                    assert found is not None
                    network = Network.parse(found[1])
                    assert shape_text(network.summary().output_shape) == found[2]
                    assert getattr(network.layers[-1], option.attribute) == option.values[name]
                    assert bool(found[3]) == (network.layers[-1].conflict("torch") is not None)
    assert "Two inputs" in rnncli("layers", "merge_mode").stdout


def test_each_name_of_a_word_gives_the_same_explanation(at: Walk, rnncli: Run) -> None:
    for names in (
        "seq return_sequences return_sequences=True",
        "lstm LSTM nn.LSTM torch.nn.LSTM keras.layers.LSTM LSTMCell lstm(32) LSTMs",
        "bi bidirectional Bidirectional bi=sum",
        "reset reset_after reset=before",
        "forgetbias unit_forget_bias",
        "silu swish",
        "x3 num_layers num_layers=2 n_layers depth",
        "hidden_size hidden_dim n_hidden hidden-units",
        "embedding_dim emb_dim",
        "embed Embedding",
        "act activation nonlinearity",
    ):
        with at(names):
            assert len({rnncli("layers", name).stdout for name in names.split()}) == 1


def test_the_formula_of_each_activation_matches_the_engine(at: Walk) -> None:
    x = np.linspace(-6, 6, 25)
    names = {"__builtins__": {"max": max, "min": min, "abs": abs}, **vars(math)}
    for name in {*ACTIVATIONS} - {"softmax"}:
        with at(name):
            code = re.sub(r"\|x\|", "abs(x)", ACTIVATIONS[name].formula.replace("·", "*").replace("√2", "sqrt(2)"))
            out = np.empty((25, 1))
            ACTIVATION_FUNCTIONS[name](x[:, np.newaxis], out)
            assert np.allclose([eval(code, names, {"x": each}) for each in x], out[:, 0], atol=1e-5)


def test_words_are_completed_with_rnnclis_own_first() -> None:
    context, argument = click.Context(command), command.params[0]

    def offered(typed: str) -> list[str]:
        return [item.value for item in complete_word(context, argument, typed)]

    assert offered("ls") == ["lstm"]
    assert offered("se") == ["seq", "selu"]
    assert offered("return") == ["return_sequences", "return_state"]
    assert {*offered("")} >= {layer.kind for layer in LAYERS} | {*ACTIVATIONS}
    assert all(item.help for item in complete_word(context, argument, ""))


def test_repeatable_fields_make_a_valid_network(at: Walk, rnncli: Run) -> None:
    able = {row["kind"] for row in rows(rnncli, "num_layers")}
    for layer in LAYERS:
        seq = ":seq" if layer.states else ""
        spec = f"{kinds.below(layer)}{kinds.KINDS[layer].small}{seq}:x3"
        with at(spec):
            try:
                Network.parse(spec)
            except SpecError:
                assert layer.kind not in able
            else:
                assert layer.kind in able


# References in the topics

ALONE = ("Example", "Reach")
"""Labels before a command line without further explanation."""

PASTED = {
    "Input 0 of layer 'lstm_1' is incompatible with the layer: expected ndim=3, found ndim=2. Full shape received: "
    "(None, 32)": "ndim",
    "Input 0 of layer dense is incompatible with the layer: expected min_ndim=2, found ndim=1": "ndim",
    'ValueError: Input 0 of layer "lstm_1" is incompatible with the layer.': "ndim",
    "LSTM: Expected input to be 2D or 3D, got 4D instead": "ndim",
    "Expected hidden[0] size (2, 5, 20), got [1, 5, 20]": "h_n",
    "Param #": "param",
}
"""What Keras and PyTorch print, and the topic of each."""


def test_an_error_message_of_keras_or_pytorch_may_be_pasted(at: Walk, output: Callable[..., str], rnncli: Run) -> None:
    for error, word in PASTED.items():
        with at(error):
            assert output(error) == output(word)
    for error in (
        "IndexError: index out of range in self",
        "'tuple' object has no attribute 'size'",
        "input.size(-1) must be equal to input_size. Expected 8, got 7",
        "expected axis -1 of input shape to have value 8, but received input with shape (None, 5, 7)",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x7 and 8x4)",
    ):
        with at(error):  # without a topic: the same advice as where a spec is expected
            explained = framework_error(error)
            assert explained
            said = explained.message.removeprefix("this is an ").replace(", not a spec: ", " ")
            words = f"{said} Help {explained.advice} Example rnncli summary {explained.repair}"
            assert " ".join(output(error).split()) == words


def test_every_title_of_a_figure_is_explained(at: Walk) -> None:
    titles = [meaning.title for meanings in GROUPS.values() for meaning in meanings if meaning.title]
    for title in (*titles, "To a tenth", "To a hundredth", "Largest after", "Radius", "Sat.", "Param #", "hT", "cT"):
        with at(title):
            assert is_word(title)


def test_common_words_are_answered_with_an_example_that_runs(at: Walk) -> None:
    for word in (
        *("ndim", "h_n", "c_n", "output", "forgetbias", "padding", "lengths", "packed", "saturated", "init"),
        *("peephole", "activations", "concatenate", "mask"),
    ):
        with at(word):
            assert [note.text for note in look_up(word).facts if note.topic in ALONE and "rnncli " in note.text]


def test_every_topic_has_an_example_and_every_command_and_limit_that_it_mentions_works(at: Walk, rnncli: Run) -> None:
    model = str(MODELS / "lstm-1.safetensors")
    stands_for = {"SPEC": "input:8,lstm:16", "FILE": model, "N": "20", "SIZE": "4MB"}
    limits = []
    for topic in TOPICS:
        lines = [
            line
            for note in topic.facts()
            for line in ([note.text] if note.topic in ALONE else re.findall(r"rnncli [^;:]*", note.text))
            if line.startswith("rnncli ")
        ]
        limits += [note.text.split()[0] for note in topic.facts() if note.topic == "Limit"]
        labels = [note.topic for note in topic.facts() if note.topic != "Example" or note.text.startswith("rnncli ")]
        with at(topic.names[0]):
            assert labels.count("Example") == 1 or "Shown" in labels
        for line in lines or [f"no line of {topic.names[0]}"]:
            words = [stands_for.get(word, word) for word in re.sub(" (says|adds|side|prints) .*", "", line).split()[1:]]
            with at(line):
                assert rnncli(*words).status == 0
    assert len(limits) >= 6
    for limit in limits:
        with at(limit):
            assert rnncli("solve", "input:8,lstm:_", limit, "1000000", "--timesteps", "9").status == 0
