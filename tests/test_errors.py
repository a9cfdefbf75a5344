"""The errors of bad specs and options as a person sees them; most are in tests/screens/errors.txt."""

from __future__ import annotations

import json
import re
import shlex
from unicodedata import east_asian_width

import pytest
from command_lines import command_of
from conftest import Run, Screen, Walk
from sessions import blocks

from rnncli import SpecError
from rnncli.cli import COMMANDS
from rnncli.errors import quote, underline
from rnncli.formats.networks import read


def test_every_error_reads_as_reviewed_and_the_spec_in_its_help_line_works_when_pasted(
    at: Walk, rnncli: Run, screen: Screen
) -> None:
    def answer(line: str) -> str:
        _, _, command, spec, *options = shlex.split(line)
        result = rnncli(command, spec, *options)
        with at(line):
            _, shown, carets, *said = result.refusal().splitlines()
            assert shown.strip(" …") in spec
            assert set(carets.strip()) == {"^"}
            help_ = "\n".join(said)
            assert help_.startswith("Help: ") or "(" in spec
            repair = shlex.split(help_.rpartition(": ")[2]) if "(" in spec else help_.split()[-1:]
            if "(" not in spec or len(repair) == 1:  # some calls cannot be repaired
                assert rnncli(command, *repair, *options, "-f", "csv").status == 0
        return result.stderr

    blocks("errors", answer, screen)


FAULTS = [
    "input:8«，»lstm:3",
    "input:8,dropout:«٠».٥",
    "embed:10x4:mas«\u212a»",
    "input:8,dense:3,«層»:4,dense:5",
    "input:8,«層層»:3:sq",
    "input:8,rnn:3:«層»:sq",
    "input:8,rnn:3:«日本語»,dense:3",
    "input:8,\trnn:3:«sq»",
    "input:8,rnn:3\t:\t«sq»",
    "input:8,«e\u0301rnn»:3:sq",
    "input:8,rnn:3:«\x1b[31m»",
    "Sequential([Input\r((5, 3)),\r\nLSTM(«n»)])",
    "input:8" + ",rnn:8:seq" * 6000 + ",rnn:8:«sq»",
    "input:8,rnn:8:«sq»" + ",rnn:8:seq" * 6000,
    "input:8" + ",rnn:8:seq" * 3000 + ",«層»:3" + ",rnn:8:seq" * 3000,
    "input:8" + ",rnn:8:seq" * 3000 + ",«lsmt»:3" + ",rnn:8:seq" * 2900,
]
"""Specs with odd characters or of odd lengths; « and » surround the fault."""


def cells(text: str) -> list[tuple[int, str]]:
    """Each character with the terminal column where it starts."""
    found, column = [], 0
    for c in text:
        # A combining accent takes no column.
        width = 0 if c == "\u0301" else 2 if east_asian_width(c) in "WF" else 1
        found.append((column if width else column - 1, c))
        column += width
    return found


def test_the_span_covers_the_faulty_characters_and_the_carets_are_below_them(at: Walk) -> None:
    for marked in FAULTS:
        before, fault, after = re.split("[«»]", marked)
        with at(ascii(marked[:40])):
            with pytest.raises(SpecError) as caught:
                read(before + fault + after)
            assert caught.value.span == (len(before), len(before) + len(fault))
            _, shown, carets, _ = str(caught.value).splitlines()
            first, last = carets.index("^"), len(carets)
            under = "".join(c for column, c in cells(shown) if first <= column < last)
            assert under == "".join(c if c.isprintable() else "?" for c in fault)
            assert max(len(shown), len(carets)) < 80


def test_a_text_that_fits_is_shown_in_full() -> None:
    assert underline("input:8,rnn:3:sq", 14, 16) == ("input:8,rnn:3:sq", " " * 14 + "^^")
    assert underline("input:8", 7, 7) == ("input:8", " " * 7 + "^")


def test_the_typed_text_is_quoted_in_at_most_forty_columns() -> None:
    assert quote("x" * 40) == f"'{'x' * 40}'"
    assert quote("x" * 41) == f"'{'x' * 39}…'"


def test_an_error_names_the_source_of_its_spec_and_the_other_specs_are_shown(
    at: Walk, rnncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "there is no layer kind 'lsmt'\n  lsmt:3\n  ^^^^\n"
    length = "input:50x8 fixes 50 timesteps, but 20 are requested\n"
    for stdin, line, message, stdout in (
        ("", "summary -q input:8 lsmt:3 input:8,dense:1", kind, "0\n9\n"),
        (b"input:8\n\xff\ninput:8,dense:1", "summary -q -", "line 2 of standard input: there is no", "0\n9\n"),
        ("# mine\n\ninput:8\nlsmt:3\ninput:8,dense:1\n", "summary -q -", f"line 4 of standard input: {kind}", "0\n9\n"),
        ("\nlsmt:3\n", "forward - --output out.npy", f"line 2 of standard input: {kind}", ""),
        ("input:1,rnn:1 input:1,rnn:2\nlsmt:3\n", "summary -q -", f"line 2 of standard input: {kind}", "3\n8\n"),
        (
            "Sequential([\n  Embedding(10, 4),  # words\n\n  GRU(8)])\nLSTM(4\nSequential([\ninput:2,rnn:1\n",
            "summary -q -",
            "line 5 of standard input: this is neither a spec nor a valid line of Keras or PyTorch\n  LSTM(4\n",
            "376\n4\n",
        ),
        *(
            (f"input:1,rnn:1\n{source}\n", "summary -q -", "line 2 of standard input is Python source", "3\n")
            for source in (
                "import torch.nn as nn\nx = nn.LSTM(3, 4)",
                "from keras import *\nLSTM(4)",
                "class Net(nn.Module):\n  lstm = nn.LSTM(3, 4)",
                "model = keras.Sequential()\nmodel.add(Embedding(10, 4))",
            )
        ),
        *(
            (f"input:1,rnn:1\n{printed}\n", "summary -q -", what, "3\n")
            for printed, what in (
                ('{"spec": "input:8,lstm:4", "output_shape": [null, 4]}', "line 2 of standard input is JSON"),
                ("spec\tframework\ninput:8,lstm:4\tkeras", "line 2 of standard input is the head of CSV"),
                ('{\n  "class_name": "Sequential"\n}', "line 3 of standard input is JSON"),
                ('{"type": "lstm", "units": 4}', "line 2 of standard input: a spec has no quotes"),
                ("PK\x03\x04\x14\x00\x00", "line 2 of standard input is not text"),
                ("\x08\x08\x12\x07pytorch\nLSTM", "line 2 of standard input is not text"),
                ('Model: "sequential"\nDense', "the text from line 2 of standard input: this is what a framework"),
                (
                    "b.weight_ih_l0: torch.Size([6, 1])\nb.weight_hh_l0: torch.Size([6, 2])",
                    "the text from line 2 of standard input: these are the weights",
                ),
                (
                    "a/embeddings: (9, 3)\nb/kernel: (3, 4)\nb/recurrent_kernel: (1, 4)\nb/bias: (4,)",
                    "the text from line 2 of standard input: these are the weights",
                ),
                (
                    'Traceback (most recent call last):\n  File "a.py"\nValueError: expected ndim=3, found ndim=2',
                    "the text from line 2 of standard input: this is an error message",
                ),
                (
                    "ValueError  Traceback (most recent)\n--> LSTM(8)\nValueError: expected ndim=3, found ndim=2",
                    "the text from line 2 of standard input: this is an error message",
                ),
                (
                    "net:\n  type: gru\n  input_size: 6\n  hidden_size: 24",
                    "the text from line 2 of standard input: a spec contains only layers, without 'net:'",
                ),
                (
                    "// ____________\n//  gru (GRU)  (None, 4)  120",
                    "the text from line 2 of standard input: this is a table",
                ),
                ("____________\nOutput Shape", "the text from line 2 of standard input: this is what a framework"),
            )
        ),
        ("------------\nlstm:4\ninput:8,lstm:4\n", "summary -q -", "the text from line 1", "208\n"),
        ("", "summary -q --timesteps 20 input:50x8,lstm:3 input:8,dense:1", length, "9\n"),
        ("", "summary", f"RNNCLI_SPEC: {kind}", ""),
        ("", "forward", f"RNNCLI_SPEC: {kind}", ""),
        ("", "forward --output out.npy", f"RNNCLI_SPEC: {kind}", ""),
    ):
        with at(line), monkeypatch.context() as patch:
            patch.setenv("RNNCLI_SPEC", "lsmt:3")
            result = rnncli(*line.split(), stdin=stdin)
            assert (result.status, result.stdout) == (2, stdout)
            assert result.stderr.startswith(f"Error: {message}")


def test_a_spec_whose_work_fails_does_not_stop_the_others(rnncli: Run) -> None:
    result = rnncli("forward", "-f", "json", "--timesteps", "3", "input:8", "embed:1Gx4096", "input:8,rnn:2")
    assert [json.loads(line)["spec"] for line in result.stdout.splitlines()] == ["input:8", "input:8,rnn:2"]
    assert result.stderr.startswith("Error: embed:1Gx4096: the network would need 14.90 TB")
    assert result.status == 1
    assert rnncli("forward", "embed:1Gx4096", "lsmt:3").status == 2


def test_one_wrong_spec_does_not_stop_the_others_in_any_command(at: Walk, rnncli: Run) -> None:
    for name in COMMANDS:
        takes = {each.name: each.type for each in command_of(name).params}
        if not takes.keys() & {"spec", "template"} or name in ("export", "page"):  # these two write one thing
            continue
        blank, options = ("_", ["--params", "1k"]) if name == "solve" else ("4", [])
        given = [f"input:8,{kind}:{blank}" for kind in ("lstm", "lsmt", "gru")]
        for format_ in takes["format_"].choices if "format_" in takes else [""]:
            with at(name, format_):
                result = rnncli(name, *given, *options, *(["-f", format_] if format_ else []))
                assert (result.status, result.stderr.count("Error: there is no layer kind 'lsmt'")) == (2, 1)
                assert all(re.search(f"input:8,{kind}:", result.stdout) for kind in ("lstm", "gru"))
