"""rnncli as a library: invalid objects cannot be built, and expected conveniences exist."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from conftest import PATIENCE, SCREENS, Screen

import rnncli
import rnncli.commands.values
import rnncli.engine.model
import rnncli.layers
from rnncli import ArgumentError, Network, RnncliError
from rnncli.engine.model import Model
from rnncli.engine.request import Request
from rnncli.engine.run import RunPlan
from rnncli.layers import LSTM, Dropout, Input
from rnncli.layers.sizes import BLANK
from rnncli.reports.reference import look_up

network = Network.parse("embed:10x4,rnn:3:seq,rnn:3")


def in_torch(body: str) -> object:
    return Network.parse(f"input:8,{body}").summary(framework="torch")


def test_invalid_arguments_are_rejected_with_the_received_and_the_allowed_values(
    screen: Screen,
) -> None:
    """The screen contains the Python lines to try; --rewrite-screens answers added lines."""
    known = {name: getattr(rnncli, name) for name in rnncli.__all__}
    known |= vars(rnncli.layers) | vars(rnncli.engine.model) | vars(rnncli.commands.values)
    known |= {"in_torch": in_torch, "look_up": look_up, "RunPlan": RunPlan, "Request": Request}
    known |= {"rnncli": rnncli, "BLANK": BLANK, "NETWORK": network, "SPEC": "input:3,rnn:4"}
    known |= {"MODEL": Model("input:3,rnn:4"), "WEIGHTS": Model("input:3,rnn:4").weights}
    known |= {"X": np.zeros((2, 5, 3)), "RAGGED": [[[1, 2, 3]], [[1]]]}
    said = []
    for line in (SCREENS / "refusals.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            said.append(line)
        elif line.startswith(">>> "):
            try:
                answer = f"is not refused: {eval(line[4:], dict(known))}"
            except (RnncliError, AttributeError, ValueError) as error:
                answer = f"{type(error).__name__}: {error}"
            said.append("\n".join(map(str.rstrip, f"{line}\n{answer}".splitlines())))
    screen("refusals", "\n\n".join(said) + "\n")
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(ArgumentError, RnncliError)


def test_a_list_of_layers_is_the_same_network_as_a_tuple() -> None:
    layers = [Input(8), LSTM(4)]
    assert Network(layers) == Network(tuple(layers)) == Network.parse("input:8,lstm:4")
    assert len({Network(layers), Network(tuple(layers))}) == 1


def test_numpy_numbers_are_valid_sizes() -> None:
    assert LSTM(np.int64(4)) == LSTM(4)
    assert LSTM(np.int64(4)).spec() == "lstm:4"
    assert Dropout(np.float32(0.5)) == Dropout(0.5)


def test_reprs_describe_the_object() -> None:
    assert repr(network) == "Network.parse('embed:10x4,rnn:3:seq,rnn:3')"
    assert eval(repr(network), {"Network": Network}) == network
    assert repr(LSTM(3, return_sequences=True)) == "LSTM(units=3, return_sequences=True)"
    assert repr(network.summary()) == "<Summary of embed:10x4,rnn:3:seq,rnn:3: 85 parameters in Keras>"


def test_importing_rnncli_and_functions_that_need_neither_import_no_numpy_and_no_rich() -> None:
    program = """
import sys
from rnncli import Network, compare, draw, explain, look_up, solve, sweep
compare("input:8,lstm:4", "input:8,gru:4").rows(), explain("input:8,gru:4").to("json"), draw("input:8,gru:4")
solve("input:8,lstm:_", params=999).rows(), sweep("input:8,lstm:{1,2}").to("csv"), look_up("seq").rows()
Network.read("nn.LSTM(40, 64)").summary().to("tsv")
print(*{"numpy", "rich", "click"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == ("\n", "")
