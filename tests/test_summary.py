"""`rnncli summary`: output for programs, and sources of specs; `test_screens.py` has the output for people."""

from __future__ import annotations

import json
from typing import Any

from conftest import Run, Screen, Walk, lines_of

SMALL = "embed:10x4,lstm:3:seq:bi,dropout:0.5,rnn:3,dense:1:sigmoid"


def as_json(rnncli: Run, *arguments: str) -> dict[str, Any]:
    return rnncli("summary", "-f", "json", *arguments).objects[0]


def test_json_has_exactly_the_contracts_content(rnncli: Run, screen: Screen) -> None:
    network = as_json(rnncli, "embed:10x4,rnn:3")
    assert network["total_params"] == 10 * 4 + 4 * 3 + 3 * 3 + 3
    assert network["streaming_bytes"] == 4 * (1 + 3 + 3 + 3)
    screen("summary-json", json.dumps(network, indent=2) + "\n")


def test_json_includes_the_options_that_its_numbers_depend_on(rnncli: Run) -> None:
    options = ("--batch", "2", "--timesteps", "10", "--dtype", "float64", "--framework", "torch")
    network = as_json(rnncli, "input:8,lstm:3:bi", *options)
    assert (network["framework"], network["dtype"]) == ("torch", "float64")
    assert network["input"] == {"shape": [2, 10, 8], "dtype": "float64"}
    assert network["output_shape"] == [2, 6]
    assert network["layers"][0]["type"] == network["layers"][0]["cell"] == "LSTM"
    assert network["macs"] == 2 * 10 * 2 * 4 * (8 * 3 + 3 * 3)
    assert network["total_bytes"] == 8 * network["total_params"] == 8 * 2 * 4 * (8 * 3 + 3 * 3 + 2 * 3)
    assert as_json(rnncli, "input:8,lstm:3:bi")["layers"][0]["cell"] == "LSTM"


def test_quiet_prints_only_the_number_of_parameters(rnncli: Run) -> None:
    assert rnncli("summary", "-q", "embed:10000x32,rnn:32") == (0, "322080\n", "")
    assert rnncli("summary", "--quiet", "input:32,rnn:32", "--framework", "torch").stdout == "2112\n"
    assert rnncli("summary", "-q", "input:8", "embed:1Gx4096", "input:1,dense:1").stdout == "0\n4096000000000\n2\n"


def test_several_specs_are_several_tables_and_several_lines_of_json(rnncli: Run) -> None:
    one, two = rnncli("summary", "input:8,rnn:3").stdout, rnncli("summary", SMALL).stdout
    assert rnncli("summary", "input:8,rnn:3", SMALL).stdout.replace("\n\n", "\n") == one + two
    specs = [f"input:{n},rnn:{n}" for n in range(1, 50)]
    objects = rnncli("summary", "-f", "json", SMALL, "-", stdin=lines_of(*specs)).objects
    assert [each["spec"] for each in objects] == [SMALL, *specs]


WRITTEN = {
    "plain": b"input:8\ninput:8,dense:1\n",
    "no final newline": b"input:8\ninput:8,dense:1",
    "CRLF": b"input:8\r\ninput:8,dense:1\r\n",
    "byte-order mark": b"\xef\xbb\xbfinput:8\ninput:8,dense:1\n",
    "comments and blank lines": b"\n  \n# mine\ninput:8\n\t# yours\n\ninput:8,dense:1\n\n",
    "comments behind": b"input:8 # mine\n  input:8 , dense:1  \t# yours\n",
}


def test_lines_of_standard_input_may_be_written_in_many_ways(rnncli: Run, at: Walk) -> None:
    for name, text in WRITTEN.items():
        with at(name):
            assert rnncli("summary", "-q", "-", stdin=text) == (0, "0\n9\n", "")


def test_a_dash_may_be_between_specs(rnncli: Run) -> None:
    result = rnncli("summary", "-q", "input:8", "-", "input:8,dense:2", stdin="input:8,dense:1\n")
    assert result.stdout == "0\n9\n18\n"
