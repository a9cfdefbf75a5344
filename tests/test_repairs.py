"""Repairs keep every number and the whole meaning of the typed text, in any notation.

The typed texts and their repairs are in tests/screens/repairs.txt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from conftest import Run, Screen, Walk, examples, lines_of, patience
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sessions import answered
from strategies import nearly_specs, networks, soups

from rnncli import Network, SpecError
from rnncli.formats.networks import read
from rnncli.layers import Dropout, Embedding, Input, Layer, Pool, Recurrent
from rnncli.search.template import Template

MISTAKES = Path(__file__).parent / "mistakes"


def fault(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(text)
    return caught.value


def meaning(text: str) -> Network:
    """The network of a text, or of its repair."""
    try:
        return read(text).network
    except SpecError as error:
        return read(error.repair or "").network


def test_a_repair_keeps_the_numbers_and_meaning_of_the_typed_text(at: Walk, screen: Screen) -> None:
    """A line of the screen has a text, with Python's escapes, and its repair or what it is read as."""

    def offered(typed: str) -> str:
        with at(typed):
            try:
                reading = read(typed.encode("latin-1", "backslashreplace").decode("unicode_escape"))
            except SpecError as error:
                read(error.repair or "")
                return str(error).partition("\nHelp: ")[2]
            assert reading.line
            said = [note.text for note in reading.notes if note.effect in ("differs", "differs row")]
            return "; ".join([f"read as {reading.network}", *said])

    answered("repairs", offered, screen)


def test_text_as_people_type_it_is_understood(at: Walk) -> None:
    """A line of the file has a text, in which \\n is a line end, and its possible networks."""
    for line in (MISTAKES / "specs.txt").read_text(encoding="utf-8").splitlines():
        typed, arrow, networks = line.partition(" => ")
        if arrow:
            with at(typed):
                assert meaning(typed.replace(r"\n", "\n")) in [meaning(each) for each in networks.split(" | ")]


@examples(100)
@given(networks(), st.data())
def test_a_network_with_a_wrong_letter_is_repaired_to_itself_or_its_repair_says_that_it_is_not(
    network: Network, data: st.DataObject
) -> None:
    text = str(network)
    place = data.draw(st.sampled_from([place for place, letter in enumerate(text) if letter.isalpha()]))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    before, here, behind = text[:place], text[place], text[place + 1 :]
    swapped = before + behind[:1] + here + behind[1:]
    ways = (before + behind, before + letter + here + behind, before + letter + behind, swapped)
    wrong = data.draw(st.sampled_from(ways))
    error = None
    try:
        Network.parse(wrong)
    except SpecError as raised:
        error = raised
    assert error is None or Network.parse(error.repair or "") == network or error.lead or error.advice


def calls_in_keras(network: Network) -> list[str]:
    """A network as lines of Keras, where a separate layer marks vectors as padding."""
    head, *body = network.layers
    masking = ["layers.Masking()"] if head.mask_zero and not head.shown else []
    return [in_keras(head), *masking, *map(in_keras, body)]


def in_keras(layer: Layer) -> str:
    """A layer as a line of Keras."""
    values = {each.name: getattr(layer, each.name) for each in fields(layer)}
    if isinstance(layer, Input):
        shape = (layer.timesteps, layer.features)
        return f"Input(shape={shape})"
    merge = values.pop("merge_mode", None)
    name = layer.keras
    if isinstance(layer, Pool):
        whole = {"max": "GlobalMaxPooling1D", "avg": "GlobalAveragePooling1D"}
        windowed = {"max": "MaxPooling1D", "avg": "AveragePooling1D"}
        name = (windowed if layer.pool_size else whole)[values.pop("mode")]
    theirs = {"length": "input_length"}
    given = [f"{theirs.get(key, key)}={value!r}" for key, value in values.items() if value != layer.default(key)]
    call = f"layers.{name}({', '.join(given)})"
    return call if merge is None else f"layers.Bidirectional({call}, merge_mode={merge!r})"


WRITERS: dict[str, Callable[[Network], str]] = {
    "list": lambda network: f"[{', '.join(calls_in_keras(network))}]",
    "model": lambda network: "Sequential([" + ",\n    ".join(calls_in_keras(network)) + "])",
    "add": lambda network: "\n".join(f"model.add({call})" for call in calls_in_keras(network)),
    "chain": lambda network: "; ".join(f"x = {call}(x)" for call in calls_in_keras(network)),
    "mixed": lambda network: ", ".join(
        layer.spec() if index % 2 or getattr(layer, "mask_zero", False) else in_keras(layer)
        for index, layer in enumerate(network.layers)
    ),
}

SEPARATORS = (" ", "  ", "\t", ";", "; ", " | ", "|", " -> ", "->", " → ", "\n", " / ", "，", "、", " & ")
WIDE = {ord(" "): "\u3000"} | {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
CHARACTERS = (WIDE, {ord(c): WIDE[ord(c)] for c in ",:"}, {ord(c): chr(0x660 + int(c)) for c in "0123456789"})


def in_other_notations(network: Network, draw: Callable[[st.SearchStrategy], object]) -> Iterator[tuple[str, Network]]:
    """Texts that are not specs, each with its network."""
    text = str(network)
    keras = WRITERS[draw(st.sampled_from(sorted(WRITERS)))](network)
    if len(keras) < 2000:
        yield keras, network
    if len(network.layers) > 1:  # an input alone is also a network, followed by a space
        yield draw(st.sampled_from(SEPARATORS)).join(layer.spec() for layer in network.layers), network
    if not re.search(":linear|act:", text):  # these are also kinds, ambiguous between spaces
        yield re.sub("[,:]", lambda _: draw(st.sampled_from((" ", "  ", "\t"))), text), network
    yield text.translate(draw(st.sampled_from(CHARACTERS))), network
    both = [
        replace(layer, merge_mode="concat", go_backwards=False) if layer.states else layer for layer in network.layers
    ]
    if both != list(network.layers):
        words = (f"bi{layer.spec().replace(':bi', '')}" if layer.states else layer.spec() for layer in both)
        yield ",".join(words), Network(both)


@examples(100)
@given(networks(), st.data())
def test_a_network_in_another_notation_is_repaired_to_the_same_network(network: Network, data: st.DataObject) -> None:
    for text, meant in in_other_notations(network, data.draw):
        assert meaning(text) == meant


def in_pytorch(layer: Layer, features: int) -> str:
    """A layer as a line of PyTorch that includes its number of input features."""
    if isinstance(layer, Recurrent):
        return (
            f"nn.{layer.torch}({features}, {layer.units}, bias={layer.use_bias}, batch_first=True, "
            f"bidirectional={layer.merge_mode is not None})"
        )
    if isinstance(layer, Dropout):
        return f"nn.Dropout(p={layer.rate})"
    if isinstance(layer, Embedding):
        return f"nn.Embedding({layer.input_dim}, {layer.output_dim})"
    return f"nn.Linear({features}, {layer.units}, bias={layer.use_bias})"  # type: ignore[attr-defined]


@examples(60)
@given(networks())
def test_a_network_written_in_pytorch_is_repaired_to_the_same_sizes_and_directions(network: Network) -> None:
    body = [layer for layer in network.body if layer.torch in ("RNN", "LSTM", "GRU", "Linear", "Dropout", "Embedding")]
    assume(body and not isinstance(body[0], Dropout))
    features, lines = network.head.output_shape(network.input_shape())[-1], []
    for layer in body:
        lines.append(in_pytorch(layer, features or 0))
        both = isinstance(layer, Recurrent) and layer.merge_mode is not None
        features = (replace(layer, merge_mode="concat") if both else layer).output_shape((None, None, features))[-1]
    repaired = read("; ".join(lines)).network
    assert [in_pytorch(layer, 1) for layer in repaired.body] == [in_pytorch(layer, 1) for layer in body]


@given(st.integers(1000, 2**31 - 1), st.integers(1, 2**31 - 1), st.sampled_from((",", " ", ".", "_")))
def test_a_vocabulary_with_thousands_separators_is_repaired_to_the_same_number(
    vocabulary: int, size: int, mark: str
) -> None:
    text = f"embed:{vocabulary:,}x{size},lstm:3".replace(",", mark, f"{vocabulary:,}".count(","))
    repair = text if mark == "_" else fault(text).repair
    assert Network.parse(repair or "") == Network.parse(f"embed:{vocabulary}x{size},lstm:3")


def test_one_bad_branch_of_a_pattern_does_not_stop_the_others(rnncli: Run) -> None:
    result = rnncli("sweep", "input:8,{lstm:{4-8},gru:4}", "-f", "csv")
    assert result.status == 0
    assert "input:8,gru:4" in result.stdout


HOSTILE = (
    "«a;b» «a·b·» «-» «-·» «:» input:8«:» «,» «embed,» «embed» input:8«,rnn:8» input:8«,rnn:8:sq» «input:8,» "
    "input:8«,rnn:8:seq:bi:back» input:«9»! input:8,dropout:«9»! embed:«,100» embed:«·100»! input:«8x» «(» «:(8» "
    "«LSTM(» «LSTM(3),» «f(--------1),» «'» «，» «{» «{4-8» {«aa··» input:8,rnn:3:act«=» «_» input:«_1» import«·»!"
)
"""Texts in which the part between « and » is repeated many times; · is a space."""


@pytest.mark.parametrize("size", [500, pytest.param(64 * 1024, marks=pytest.mark.thorough)])
def test_no_text_stops_the_program(size: int, at: Walk, rnncli: Run) -> None:
    texts = [f"{' '.join(map(str, range(size // 6)))} !", f"f({'-' * 1_900}1)"]
    for text in HOSTILE.split(" "):
        before, again, after = re.split("[«»]", text.replace("·", " "))
        texts.append(before + again * ((size - len(before + after)) // len(again.encode())) + after)
    every_line = [str(number) for number, _ in enumerate(texts, 1)]
    # Braces give an error of a sweep's pattern; the others are candidates, of which it reports one.
    for command, at_fault in {"summary": every_line, "solve": every_line, "sweep": ["28", "29", "30", ""]}.items():
        with at(command), patience():
            result = rnncli(command, "-", *(["--params", "1M"] if command != "summary" else []), stdin=lines_of(*texts))
            assert result.status == 2
            assert re.findall(r"^Error: (?:line (\d+) of|)", result.stderr, re.MULTILINE) == at_fault
    for line in ("compare ,", "sweep ,", "summary {a,", "summary x", "compare ·"):  # as an argument
        command, again = line.split()
        with at(line), patience():
            assert rnncli(command, (again * (size // len(again))).replace("·", " ")).status == 2


@examples(300)
@example("(", "")
@given(
    nearly_specs() | soups | st.text(max_size=60), st.sampled_from(("", "(", ")", "LSTM(", ", ", " ", "{", "}", "，"))
)
def test_a_repair_of_any_template_is_a_template(text: str, piece: str) -> None:
    error = None
    try:
        Template.parse(text.replace("8", piece, 1))
    except SpecError as raised:
        error = raised
    if error is not None:
        Template.parse(error.repair or "")
