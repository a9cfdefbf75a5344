"""Recurrent layers that form one PyTorch module: which do, the names of their weights, and why others do not.

PyTorch itself checks that the lines build what the rows say: `make judge`, and `networks.json` of `make golden`.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

from conftest import Run, Screen, Walk
from hypothesis import given
from strategies import networks

from rnncli import Network, SpecError
from rnncli.export import Job, export
from rnncli.layers.weights import start
from rnncli.network_summary import Summary

BODIES = """
lstm:256:seq:bi,lstm:256:bi rnn:8:relu:nobias:seq:x3
lstm:32:seq,lstm:64 lstm:32:seq:bi,lstm:32 gru:9:seq,gru:9:nobias rnn:9:seq,rnn:9:relu lstm:32:seq,lstm:64:bi
lstm:9:seq,lstm:9:back lstm:9:seq,dense:9,lstm:9 lstm:9:seq,norm,dropout:0.5,lstm:9 gru:9:seq,norm,dense:2,gru:9
gru:9:seq,dropout:0.5:x2,gru:9 gru:9:seq:x2,dropout:0.5,gru:9 gru:9:seq,dropout:0.5,gru:9:seq,gru:9
lstm:9 lstm:9:seq,gru:9 lstm:9:seq,dense:5 lstm:9:seq,dense:5,lstm:8 lstm:9,repeat:3,lstm:9:seq rnn:9:back,dense:1
gru:4:seq,pool:max
"""
"""Layers on 8 input features: in one module, in separate modules, and where the split needs no explanation."""


def in_torch(spec: str) -> Summary:
    return Network.parse(spec).summary(framework="torch")


def lines_of(spec: str) -> list[str]:
    return [module.code for module in in_torch(spec).modules or ()]


def test_modules_read_as_reviewed(rnncli: Run, screen: Screen) -> None:
    for name, spec in {
        "stack": "input:40,lstm:256:seq:bi,dropout:0.2,lstm:256:bi,dense:10",
        "mixed": "embed:1000x8,lstm:64:seq,lstm:32:seq:x2,dropout:0.2,lstm:32:seq:back,norm,lstm:32,dense:3",
    }.items():
        screen(f"torch-modules-{name}", rnncli("summary", spec, "--framework", "torch").answer)
    shown = []
    for body in BODIES.split():
        text = rnncli("summary", f"input:8,{body}", "--framework", "torch").stdout
        shown.append(f"{body}\n" + (text.partition(" In PyTorch:\n")[2] or "  nothing is said\n"))
    screen("torch-modules", "\n".join(shown))


def test_a_run_of_equal_layers_is_one_line_that_names_the_weights_of_all_levels(rnncli: Run) -> None:
    deep = rnncli("explain", "input:32,rnn:32:seq:x38,rnn:32", "--framework", "torch")
    lines = [line.strip() for line in deep.stdout.splitlines()]
    assert "weight_ih_l0…l37 W (32, 32)  units × input = 32 × 32 = 1,024" in lines
    assert "weight_ih_l38 W (32, 32)  units × input = 32 × 32 = 1,024" in lines
    assert lines[-1] == "nn.RNN(32, 32, num_layers=39, batch_first=True)"
    wide = rnncli("summary", "input:4,gru:2:bi:seq:x4", "--framework", "torch", "--wide").stdout
    assert "bias_hh_l0…l3_reverse (6,)" in wide


def test_consecutive_equal_layers_are_levels_of_one_module_and_the_next_module_restarts_at_level_0() -> None:
    names = [weight.name for layer in in_torch("input:4,gru:5:seq:bi:x2").layers for weight in layer.weights]
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    assert names == [f"{part}_l{level}{way}" for level in (0, 1) for way in ("", "_reverse") for part in parts]
    layers = in_torch("input:4,lstm:5:seq:x2,lstm:6:seq:x2").layers
    assert [layer.weights[0].name[-3:] for layer in layers] == ["_l0", "_l1", "_l0", "_l1"]


def test_keras_has_no_modules(rnncli: Run) -> None:
    spec = "input:8,lstm:9:seq,lstm:9"
    assert "nn." not in rnncli("summary", spec).stdout
    assert "modules" not in rnncli("summary", spec, "-f", "json").objects[0]


def test_an_embedding_whose_padding_row_starts_with_zeros_is_built_so(at: Walk) -> None:
    for rest in ("lstm:4", "dense:3", "lstm:4:seq,pool:max"):
        with at(rest):
            (table,) = in_torch(f"embed:100x8:mask,{rest}").layers[0].weights
            assert start(table).words.endswith("the row of id 0 zeros")
            assert lines_of(f"embed:100x8:mask,{rest}")[0] == "nn.Embedding(100, 8, padding_idx=0)"
            assert lines_of(f"embed:100x8,{rest}")[0] == "nn.Embedding(100, 8)"


def test_documents_hold_the_lines_and_the_reasons_as_source(rnncli: Run, at: Walk) -> None:
    source = (
        "nn.LSTM(8, 9, num_layers=2, batch_first=True)\n"
        "# lstm_2 has 5 units, lstm_1 9; num_layers needs equal layers\nnn.LSTM(9, 5, batch_first=True)"
    )
    blocks = {"markdown": f"\n```python\n{source}\n```\n", "html": f"\n<pre><code>{source}</code></pre>\n"}
    for command, (format_, block) in product(("summary", "explain"), blocks.items()):
        with at(command, format_):
            options = ("--framework", "torch", "-f", format_)
            assert block in rnncli(command, "input:8,lstm:9:seq:x2,lstm:5", *options).stdout
            assert "nn." not in rnncli(command, "input:8,lstm:9", *options).stdout


def test_explains_notes_use_the_other_frameworks_names_of_weights(rnncli: Run) -> None:
    told = " ".join(rnncli("explain", "input:8,lstm:9:seq,lstm:9").stdout.split())
    assert "bias_ih_l1 (36,) and bias_hh_l1 (36,) instead of bias (36,)" in told


@given(networks())
def test_every_layer_with_weights_is_in_one_module_and_the_lines_match_the_export(network: Network) -> None:
    try:
        modules = network.summary(framework="torch").modules or ()
    except SpecError:
        return
    named = [name for module in modules for name in module.names]
    assert named == [name for name in network.names if name in named]
    owners = [layer.name for layer in network.summary().layers if layer.weights]
    assert {*owners} <= {*named}
    try:
        source = str(export(Job(network, dict), "torch"))
    except SpecError:
        return
    flat = "".join(source.split()).replace(",)", ")")
    for module in modules:
        # In source, the activation of a layer is a function.
        assert not module.names or "".join(module.code.partition("  #")[0].split()) in flat


def test_shown_and_exported_modules_are_read_back_as_the_same_layers(rnncli: Run, tmp_path: Path, at: Walk) -> None:
    dropped = "input:8,gru:4:seq,dropout:0.2,gru:4:seq,dropout:0.2,gru:4"
    for spec in ("input:8,lstm:4:seq:bi:x2,lstm:4:bi", dropped, "input:8,rnn:4"):
        with at(spec):
            (line,) = lines_of(spec)
            assert rnncli("spec", line).stdout == f"{spec}\n"
            assert rnncli("export", spec, "--to", "torch", "-o", tmp_path / "model.py").status == 0
            assert rnncli("spec", tmp_path / "model.py").stdout == f"{spec}\n"
