"""Completion of partly typed text: in a spec, in a pattern, on a command line."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from command_lines import OPTIONS, PARAMETERS
from conftest import Run, Screen, Walk
from hypothesis import example, given
from sessions import answered
from strategies import nearly_specs, networks

from rnncli import Network, SpecError
from rnncli.cli import COMMANDS
from rnncli.commands.completion import SHELLS
from rnncli.formats import FORMATS as MODEL_FILES
from rnncli.language.completion import spec_completions
from rnncli.layers import KINDS, LAYERS
from rnncli.search.braces import pattern_completions
from rnncli.search.template import Template


def words(text: str, **options: bool) -> list[str]:
    """The last parts of a spec's completions."""
    return [completion.word for completion in spec_completions(text, **options)]


@given(networks(), networks())
def test_completions_extend_the_typed_text(network: Network, other: Network) -> None:
    for spec in (str(network), f"{other},{network}"):
        for end in range(len(spec) + 1):
            for completion in spec_completions(spec[:end]):
                assert completion.text.startswith(spec[:end])
                assert len(completion.text) > end
                assert completion.text.endswith(completion.word)
                assert completion.means


@given(nearly_specs())
def test_completing_any_text_raises_no_error(text: str) -> None:
    for completer in (spec_completions, pattern_completions):
        for completion in completer(text):
            assert completion.text.startswith(text)
            assert completion.text != text


@example(Network.parse("input:2x1,pool:max:2"))
@given(networks())
def test_a_complete_suggestion_is_a_valid_network(network: Network) -> None:
    spec = str(network)
    for end in range(len(spec) + 1):
        for completion in spec_completions(spec[:end]):
            if completion.word[-1] not in ":=,x":
                assert is_network(completion.text) or is_network(f"{completion.text}:same")  # a short sequence


def is_network(spec: str) -> bool:
    try:
        return bool(Network.parse(spec))
    except SpecError:
        return False


@given(networks())
def test_every_kind_and_field_of_a_network_is_suggested_before_it_is_typed_in_full(network: Network) -> None:
    spec = str(network)
    start = 0
    for layer in spec.split(","):
        for index, word in enumerate(layer.split(":")):
            if index == 0 or not word[0].isdigit():
                end = start + (1 if word[0] == "x" else len(word))
                text, typed = spec[:start], 0
                while len(text) < end:
                    longest = max(
                        (c.text for c in spec_completions(text) if spec.startswith(c.text)), key=len, default=text
                    )
                    typed += longest == text
                    text = longest if longest != text else spec[: len(text) + 1]
                assert typed < end - start
            start += len(word) + 1


def test_the_first_layer_takes_the_input_and_no_other_does() -> None:
    first, later = words(""), words("input:5x8,")
    assert {word.rstrip(":") for word in first} == {layer.kind for layer in LAYERS if layer.reads == "input"}
    assert {word.rstrip(":") for word in later} == {layer.kind for layer in LAYERS if layer.reads != "input"}


def test_every_name_of_a_kind_is_suggested_if_it_is_the_only_match() -> None:
    for name, kind in KINDS.items():
        if not any(other.startswith(name) for other in KINDS if other != name):
            head = "" if kind.reads == "input" else "input:5x8,"
            offered = {word.rstrip(":") for end in range(len(name) + 1) for word in words(head + name[:end])}
            assert name in offered


def test_a_spec_or_a_pattern_is_continued_as_reviewed(screen: Screen) -> None:
    def offered(typed: str) -> str:
        completer = pattern_completions if "{" in typed else spec_completions
        return " ".join(completion.word for completion in completer(typed))

    answered("completions", offered, screen)


def test_a_field_already_present_or_excluded_by_one_is_not_suggested() -> None:
    assert words("input:8,rnn:4:") == ["seq", "back", "bi", "bi=", "nobias", "act=", "x"]
    assert words("input:8,rnn:4:seq:relu:x2:") == ["back", "bi", "bi=", "nobias"]
    assert words("input:8,rnn:4:bi=sum:") == ["seq", "nobias", "act=", "x"]
    assert words("input:8,rnn:4:back:b") == []


def test_case_and_spaces_are_kept_as_typed() -> None:
    assert [completion.text for completion in spec_completions("Input:8, GRU : 4 : Res")] == [
        "Input:8, GRU : 4 : Reset="
    ]


def test_blanks_are_suggested_in_a_template() -> None:
    assert words("embed:10000x", blanks=True) == ["10000x_"]
    (completion,) = spec_completions("embed:10000x_,lstm:", blanks=True)
    assert Template.parse(completion.text)
    assert words("embed:10000x_,lstm:_:s", blanks=True) == ["seq"]


@pytest.fixture
def offered(rnncli: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[list[str]]]:
    """rnncli's answer to fish's script for a command line: the parts of each line."""

    def call(line: str) -> list[list[str]]:
        monkeypatch.setenv("_RNNCLI_COMPLETE", "fish_complete")
        monkeypatch.setenv("COMP_LINE", line)
        return [answer.split("\x1f") for answer in rnncli().answer.splitlines() if answer]

    return call


def test_clicks_own_way_to_ask_for_a_script_gives_the_same_script(
    rnncli: Run, at: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shell in SHELLS:
        with at(shell), monkeypatch.context() as patch:
            script = rnncli("completion", shell)
            patch.setenv("_RNNCLI_COMPLETE", f"{shell}_source")
            assert rnncli().stdout.rstrip() == script.stdout.rstrip()


def test_commands_are_suggested(offered: Callable[[str], list[list[str]]]) -> None:
    assert [value for _, value, _, _ in offered("rnncli ")] == list(COMMANDS)
    assert [value for _, value, _, _ in offered("A=1 /usr/bin/rnncli su")] == ["summary"]


def test_a_spec_without_a_command_and_its_options_are_completed(offered: Callable[[str], list[list[str]]]) -> None:
    for line in ("input:8,ls", "input:8,lstm:4 --wi"):
        assert offered(f"rnncli {line}") == offered(f"rnncli summary {line}") != []


def test_every_option_of_a_command_is_suggested(at: Walk, offered: Callable[[str], list[list[str]]]) -> None:
    for name in COMMANDS:
        with at(name):
            options = {
                each for command, option in OPTIONS if command == name for each in option.opts if each[:2] == "--"
            }
            assert {value for _, value, _, _ in offered(f"rnncli {name} --")} == options | {"--help"}


def test_every_choice_is_suggested_and_every_file_by_its_extension(offered: Callable[[str], list[list[str]]]) -> None:
    for name, option in OPTIONS:
        for typed in option.opts:
            answers = offered(f"rnncli {name} {typed} ")
            if isinstance(option.type, click.Choice):
                assert [value for _, value, _, _ in answers] == list(option.type.choices), typed
            elif (option.metavar or "").startswith("FILE"):
                ((kind, _, _, extensions),) = answers
                assert (kind, bool(extensions)) == ("files", True)
                assert option.metavar in ("FILE", f"FILE.{extensions}")


def test_model_files_are_suggested_where_they_are_accepted(offered: Callable[[str], list[list[str]]]) -> None:
    for before in ("summary", "compare input:8,lstm:4", "inspect", "forward input:8,lstm:4 --weights"):
        ((kind, typed, _, extensions),) = offered(f"rnncli {before} my_mod")
        assert (kind, typed) == ("files", "my_mod")
        assert {f".{extension}" for extension in extensions.split()} == {*MODEL_FILES}


def test_every_argument_is_completed(offered: Callable[[str], list[list[str]]]) -> None:
    for name in {name for name, parameter in PARAMETERS if isinstance(parameter, click.Argument)}:
        assert offered(f"rnncli {name} "), name


def test_nothing_is_suggested_on_a_wrong_line(offered: Callable[[str], list[list[str]]]) -> None:
    for line in ("sumary em", "sumary in", "--nothing em", "draw --nothing=", "summary --wide="):
        assert offered(f"rnncli {line}") == [], line


def test_completion_prints_a_script_for_each_shell_and_accepts_no_other_name(rnncli: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert f"{shell}_complete" in rnncli("completion", shell).answer
    assert rnncli("completion", "tcsh").status == 2
