"""Python source as a model file: its networks as Keras and PyTorch see them, open numbers, and that nothing is run."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
from conftest import MODELS, SCREENS, Run, Screen, Walk, patience
from hostile_models import report_of, reports_of
from hypothesis import assume, given
from hypothesis import strategies as st
from sessions import answered, made_cases
from strategies import networks
from test_repairs import calls_in_keras

from rnncli import Network, load
from rnncli.errors import RnncliError
from rnncli.export import Job, export
from rnncli.formats import OpenNumbersError, open_model, part_of
from rnncli.layers import Dense, Dropout, Embedding, Input, Layer, Norm, Recurrent

SOURCES = MODELS / "python"
KERAS = "from keras.layers import *\nfrom keras.models import Sequential, Model\n"
TORCH = "import torch\nfrom torch import nn\n"
SOUND = f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8)])\n"


@cache
def framework_counts() -> dict[str, dict[str, Any]]:
    return json.loads((SOURCES / "models.json").read_text())


def specs(source: str | bytes, **settings: int | float | str) -> list[str]:
    Path("model.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    return [str(part.network) for part in open_model("model.py", settings).parts]


def cases(group: str) -> dict[str, str]:
    """The sources of a group in golden/python.txt by title; those without imports get Keras's."""
    sections = (each.partition("\n") for each in (SOURCES.parent.parent / "python.txt").read_text().split("#### ")[1:])
    titled = ((title.partition(": "), source) for title, _, source in sections)
    return {name: source if " nn\n" in source else KERAS + source for (of, _, name), source in titled if of == group}


def value_after(word: str, source: str) -> str:
    """The value in the last line of a source: `# spec: input:3,gru:4`."""
    return source.rpartition(f"# {word}: ")[2].strip()


def net(statements: str, forward: str = "", parameters: str = "") -> str:
    """A PyTorch class with the given statements in __init__ and forward."""
    source = f"{TORCH}class N(nn.Module):\n    def __init__(self{parameters}):\n        super().__init__()"
    for body in (statements, forward and f"def forward(self, x):\n{forward}"):
        source += "".join(f"\n{'    ' if line.startswith('def ') else '        '}{line}" for line in body.splitlines())
    return f"{source}\n"


def test_a_source_has_the_shapes_and_counts_of_its_framework(at: Walk) -> None:
    for file, models in framework_counts().items():
        model = open_model(str(SOURCES / file))
        assert len(model.parts) == len(models), file
        for name, said in models.items():
            with at(file, name):
                part, keras = part_of(model, name), said["framework"] == "keras"
                batch, timesteps = (None, None) if keras else (said["output_shape"][0], said["timesteps"])
                summary = part.network.summary(batch, timesteps, said["framework"])
                assert list(summary.output_shape) == said["output_shape"]
                counts: Counter[str] = Counter()
                for piece, layer in zip(part.nodes, summary.layers, strict=True):
                    counts[piece.name.partition(" (")[0]] += layer.params
                assert ([*(+counts).values()] if keras else +counts) == said["params"]
                assert part.layer_params == [layer.params for layer in summary.layers]


# Sources of numbers

ENCODED = {
    "a byte order mark": b"\xef\xbb\xbf" + SOUND.encode(),
    "line ends of Windows": SOUND.replace("\n", "\r\n").encode(),
    "line ends of old Macs": SOUND.replace("\n", "\r").encode(),
    "Latin-1": f"# coding: latin-1\nstädte = 8\n{SOUND.replace('8', 'städte')}".encode("latin-1"),
    "Japanese": f"# -*- coding: shift_jis -*-\n層 = 8\n{SOUND.replace('8', '層')}".encode("shift_jis"),
    "no line end": SOUND.strip().encode(),
}


def test_a_number_may_be_any_expression_of_the_file_in_any_encoding(at: Walk) -> None:
    for name, source in {**cases("known in Keras"), **cases("known in PyTorch"), **ENCODED}.items():
        with at(name):
            assert specs(source) == ["input:3,lstm:8"]


# Unknown values


def test_an_unknown_value_is_never_guessed_but_named_with_its_line_and_how_to_set_it(screen: Screen) -> None:
    screen("python-unknown", reports_of(cases("unknown"), "model.py"))


def test_all_open_names_are_listed_at_once_and_can_be_set(at: Walk) -> None:
    for name, source in cases("open").items():
        with at(name):
            assert specs(source, **json.loads(value_after("set", source))) == ["input:3,lstm:8"]
    with pytest.raises(OpenNumbersError) as error:
        specs(f"{KERAS}m = Sequential([Bidirectional(LSTM(n), input_shape=(None, x.shape[2]))])")
    assert error.value.names == ("n", "x.shape[2]")
    source = net("self.e = nn.Embedding(len(vocab), d)\nself.rnn = nn.LSTM(d, hidden)", parameters=", d, hidden=3")
    with pytest.raises(OpenNumbersError) as error:
        specs(source)
    assert error.value.names == ("d", "len(vocab)")
    assert error.value.message == "model.py: it leaves 2 numbers open: d (line 4) and len(vocab) (line 6)"
    assert specs(f"{SOUND}a = Sequential([Input((None, 3)), LSTM(n)])") == ["input:3,lstm:8"]
    with pytest.raises(OpenNumbersError, match=r"model.py: a: it leaves a number open: n \(line 4\)"):
        part_of(open_model("model.py"), "a")


def test_a_setting_sets_an_open_name_but_no_computed_or_literal_value(at: Walk) -> None:
    rnn, once = "self.rnn = nn.LSTM(8, hidden)", ", hidden"
    layers = {
        "hidden = hidden // 2": "lstm:8",
        "for _ in range(2):\n    hidden = hidden // 2": "lstm:4",
        "hidden = 3": "lstm:3",
        "hidden = hidden if hidden < 9 else 9": "lstm:9",
        "hidden: int = hidden + 1": "lstm:17",
        "pass": "lstm:16",
    }
    for does, layer in layers.items():
        for parameters in (once, ", hidden=64"):
            with at(does, parameters):
                assert specs(net(f"{does}\n{rnn}", parameters=parameters), hidden=16) == [f"input:8,{layer}"]
        with at(does, "in no function"):
            source = f"{TORCH}hidden = 64\n{does}\nrnn = nn.LSTM(8, hidden)"
            assert specs(source, hidden=16) == [f"input:8,{layer}"]
    assert specs(net(f"hidden = len(words)\n{rnn}"), hidden=16) == ["input:8,lstm:16"]
    with pytest.raises(OpenNumbersError, match=r"a number open: f\(\) \(line 6\)"):
        specs(net(f"hidden = hidden // f()\n{rnn}", parameters=once), hidden=16)
    other = "class O(nn.Module):\n    def __init__(self):\n        hidden = 20\n        self.rnn = nn.GRU(8, hidden)\n"
    assert specs(net(rnn, parameters=once) + other, hidden=16) == ["input:8,lstm:16", "input:8,gru:20"]


def test_a_config_that_is_never_passed_has_its_default_values_and_a_note_says_so() -> None:
    config = "from dataclasses import dataclass\n@dataclass\nclass Config:\n    hidden: int = 8\n"
    source = config + net("self.rnn = nn.LSTM(3, config.hidden)", parameters=", config: Config")
    said = ("assumed: config is Config() with its default values",)
    for text, doubts in ((source, said), (f"{source}\nnet = N(Config())\n", ())):
        Path("model.py").write_text(text, encoding="utf-8")
        (part,) = open_model("model.py").parts
        assert (str(part.network), part.doubts) == ("input:3,lstm:8", doubts)
    source = f"{TORCH}{config}def made(config: Config):\n    return nn.LSTM(3, config.hidden)\n"
    plain = f"{TORCH}class Config:\n    def __init__(self, path):\n        self.n, self.hidden = 0, 8\n"
    layers = "self.embed, self.rnn = nn.Embedding(config.n, 3), nn.LSTM(3, config.hidden)"
    by_name = plain + net(layers, "return self.rnn(self.embed(x))[0]", ", config").removeprefix(TORCH)
    for text, settings, network in ((source, {}, "input:3,lstm:8"), (by_name, {"config.n": 9}, "embed:9x3,lstm:8:seq")):
        Path("model.py").write_text(text, encoding="utf-8")
        (part,) = open_model("model.py", settings).parts
        assert (str(part.network), part.doubts) == (network, said)
    with pytest.raises(OpenNumbersError, match=r"config\.n "):  # 0 stands for a number that is found later
        open_model("model.py")


def test_layers_of_earlier_keras_have_their_own_counts_or_the_difference_is_a_doubt() -> None:
    assert specs("from keras.layers.recurrent import GRU\nm = GRU(8, input_dim=3)") == ["input:3,gru:8:reset=before"]
    source = f"{KERAS}m = Sequential([Bidirectional(CuDNNLSTM(8), input_shape=(None, 3))])"
    assert specs(source) == ["input:3,lstm:8:bi"]
    (part,) = open_model("model.py").parts
    doubt = (
        "assumed: bidirectional is counted as LSTM with one bias; CuDNNLSTM has two, 4 more parameters for each unit"
    )
    assert part.doubts == (doubt,)


def test_other_names_of_keras_classes_count_as_them_and_name_layers_as_keras_does() -> None:
    layers = "Convolution1D(4, 3, input_shape=(9, 3)), MaxPool1D(), LSTM(8, return_sequences=True), GlobalAvgPool1D()"
    assert specs(f"{KERAS}m = Sequential([{layers}])") == ["input:9x3,conv:4x3,pool:max:2,lstm:8:seq,pool:avg"]
    (part,) = open_model("model.py").parts
    assert tuple(node.name for node in part.nodes) == part.network.names


def test_what_no_call_is_followed_of_has_default_values_and_that_the_file_may_call_it_is_said(at: Walk) -> None:
    taken = ("train(N, 4)", "jobs = [lambda: N(4)]", "kinds = {'n': N}", "n = eval(x)(4)", "n = globals()[x](4)")
    for line in (*taken, "Also = N", "isinstance(n, N)", "def f(n: N):\n    return n", "class Of(N): pass"):
        with at(line):
            Path("model.py").write_text(f"{net('self.rnn = nn.LSTM(3, h)', parameters=', h=8')}{line}\n")
            (part,) = {str(each.network): each for each in open_model("model.py").parts}.values()
            doubt = "assumed: N has its default values: what is made of it at line 7 is not known"
            assert (str(part.network), part.doubts) == ("input:3,lstm:8", (doubt,) * (line in taken))


def test_methods_with_a_meaning_in_python_are_called_or_leave_a_value_open(at: Walk) -> None:
    layer = "m = Sequential([Input((None, 3)), LSTM({})])"
    for source, units in {
        "class A:\n    def __bool__(self): return False": "4 if A() else 8",
        "class A:\n    def __len__(self): return 0": "4 if A() else 8",
        "class A:\n    def u(self): return 1\nclass B(A):\n    def u(self): return super().u() * 4\n"
        "class C(A):\n    def u(self): return super().u() + 1\nclass D(B, C): pass": "D().u()",
        "class A: u = 8\nclass B(A): pass\nclass C: u = 4\nclass D(B, C): pass": "D().u",
        "a = b = (8,)\na += (4,)": "b[-1]",
        "a, b = [4, 8, 2], {'n': 2, 'k': 4}\ndel a[0], b['k']": "b.get('k', a[0])",
    }.items():
        with at(source):
            assert specs(f"{KERAS}{source}\n{layer.format(units)}") == ["input:3,lstm:8"]
    equal = "class A:\n    def __eq__(self, other): return True"
    with pytest.raises(RnncliError, match="is not known"):
        specs(f"{KERAS}{equal}\n{layer.format('4 if A() == A() else 8')}")


def test_whether_a_try_fails_is_only_known_of_an_import_of_a_framework() -> None:
    layer = "m = Sequential([Input((None, 3)), LSTM(n)])"
    other = f"{KERAS}try:\n    import cupy\n    n = 8\nexcept ImportError:\n    n = {{}}\n{layer}"
    assert specs(other.format(8)) == ["input:3,lstm:8"]
    assert specs(other.format(4), n=4) == ["input:3,lstm:4"]
    with pytest.raises(OpenNumbersError, match="n"):
        specs(other.format(4))
    assert specs(f"{KERAS}{other.format(4)}".replace("cupy", "keras")) == ["input:3,lstm:8"]
    assert specs(f"{KERAS}n = 8\ntry:\n    m = load_model('m.h5')\nexcept OSError:\n    {layer}") == ["input:3,lstm:8"]
    said = "the model is built: whether the try at line 4 fails is not known"
    assert open_model("model.py").parts[0].assumed == (said,)


def test_what_runs_elsewhere_and_may_change_a_network_is_a_doubt_or_left_out(at: Walk) -> None:
    elsewhere = "import gin\nfrom mine import changed, register, grow\n"
    doubts = {
        "@changed": "what the decorator changed (line 5) does to N is not known",
        "@gin.configurable('n')": "what the decorator gin.configurable (line 5) does to N is not known",
        "exec(open('settings.py').read())": "what exec runs (line 5) is not known",
        "@register('n')": "",
    }
    for line, doubt in doubts.items():
        with at(line):
            source = net("self.rnn = nn.LSTM(3, 8)").replace("class N", f"{line}\nclass N")
            Path("model.py").write_text(elsewhere + source)
            (part,) = open_model("model.py").parts
            assert part.doubts == (f"assumed: {doubt}",) * bool(doubt)
    grown = f"{KERAS}{elsewhere}m = Sequential([Input((None, 3)), LSTM(8)])\n{{}}\nm.add(Dense(2))"
    for line, spec in (
        ("print(m)", "input:3,lstm:8,dense:2"),
        ("grow(m)", "input:3,lstm:8"),
        ("m = grow(m)", "input:3,lstm:8"),
    ):
        assert specs(grown.format(line)) == [spec]
    listed = f"{KERAS}{elsewhere}layers = [Input((None, 3)), LSTM(8)]\n{{}}(layers)\nm = Sequential([*layers])"
    assert specs(listed.format("print")) == ["input:3,lstm:8"]
    with pytest.raises(RnncliError, match=r"grow\(layers\) is computed when the program runs"):
        specs(listed.format("grow"))


LAYERS = "self.rnn, self.fc = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)"
BESIDE = {
    "fc(": ("import", "fc = nn.Linear(4, 2)\nimport"),
    "strip": ("import", "def strip(m):\n    if isinstance(m, nn.Linear):\n        m.bias = None\nimport"),
    "Wrapped": ("import", "class Wrapped:\n    def __init__(self, cls):\n        self.cls = cls\nimport"),
    "self.shared": ("    def forward", "    shared = nn.Linear(4, 2)\n    def forward"),
    "self.lazy": (
        "    def forward",
        "    @functools.cached_property\n    def lazy(self):\n        return nn.Linear(4, 2)\n    def forward",
    ),
    "held[": ("self.rnn, self.fc", "self.held = [nn.Linear(4, 2)]\n        self.rnn, self.fc"),
    "kept[": ("self.rnn, self.fc", "self.kept = nn.ModuleList([nn.Linear(4, 2)])\n        self.rnn, self.fc"),
}
"""What else the file has, for lines with these words: a text in it, and what stands there."""


IMPORTED = (
    "from mine import Base, Made, both, make\nfrom transformers import PreTrainedModel\nimport functools, types\n"
)


def changing(where: str, does: str) -> str:
    """A source that does something to a module, or in it, beside calling the layers that are attributes of it."""
    forward = does if where == "in forward" else "return self.fc(self.rnn(x)[0])"
    source = net(f"{LAYERS}\n{does if where == 'in __init__' else ''}", forward).replace(TORCH, TORCH + IMPORTED)
    for word, (text, more) in BESIDE.items():
        source = source.replace(text, more, 1) if word in does and where != "in the file" else source
    source += indent(does, "    ") if where == "in the class" else does if where == "in the file" else ""
    source = source.replace("class N", f"{does}\nclass N") if where == "in front of the class" else source
    return source.replace("(nn.Module)", f"({does})") if where == "as its base" else source


def stating(where: str, does: str) -> str:
    """A source that does something to the inputs and outputs of layers."""
    made, call, after = STATEMENTS[where]
    if where == "of modules":
        made, _, does = does.partition("\n")
    if where == "in a class of Keras":
        init, _, does = does.partition("\n")
        call = f"{IN_KERAS}        {init}\n    def call(self, x):\n        return "
    if not made:
        return f"import tensorflow as tf\nfrom keras import backend as K\n{KERAS}{call}{does}{after}"
    body = indent(does, "    ") if where == "at each timestep" else does
    call = "" if "self.rnn(" in does and where.startswith("of ") else call
    source = net(made, f"{call}{body}{after.replace('h', 'g') if 'g =' in does else after}")
    return source.replace("(self, x)", "(self, x, lengths)") if where == "of two directions" else source


IN_KERAS = """
class Of:
    def __init__(self):
        self.fc = Dense(2)
class N(Model):
    def __init__(self):
        super().__init__()
"""
GIVEN = "i = Input((None, 3))\nx = LSTM(4, return_sequences=True)(i)\nm = Model(i, Dense(2)("
STATEMENTS = {
    "of two directions": (
        "self.rnn, self.fc = nn.LSTM(3, 4, batch_first=True, bidirectional=True), nn.Linear(8, 2)",
        "o, (h, c) = self.rnn(x)\n",
        "",
    ),
    "of one direction": (LAYERS, "o, h = self.rnn(x)\n", ""),
    "of modules": (LAYERS, "", ""),
    "with a cell": ("self.rnn = nn.GRUCell(3, 4)", "", ""),
    "at each timestep": (
        "self.rnn, self.top, self.norm, self.drop = nn.GRUCell(3, 4), nn.GRUCell(4, 4), nn.LayerNorm(4), nn.Dropout()",
        "h, g, n = None, None, x.size(1)\nfor t in range(n):\n",
        "\nreturn h",
    ),
    "to the input": (
        "self.conv, self.rnn = nn.Conv1d(8, 16, 3), nn.LSTM(16, 4, batch_first=True)",
        "x = ",
        "\ny = self.conv(x)\nreturn self.rnn(y.transpose(1, 2))[0]",
    ),
    "of Keras's outputs": ("", GIVEN, "))"),
    "in a Lambda": ("", f"{GIVEN}Lambda(lambda x: ", ")(x)))"),
    "in Keras": ("", "", ""),
    "in a class of Keras": ("", "", "\nn = N()\nn.build((None, None, 3))"),
}
"""The modules, and what stands before and after the statements; without modules the source is Keras."""


@pytest.mark.parametrize(("name", "written"), [("python-changes", changing), ("python-statements", stating)])
def test_what_a_source_does_is_followed_or_said(name: str, written: Callable[[str, str], str], screen: Screen) -> None:
    """A head of the screen has a place, and what a source does there; "; " separates the lines."""
    heads = re.findall(r"^\S.*", (SCREENS / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE)
    sources = {head: written(*head.replace("; ", "\n").split(": ", 1)) for head in heads}
    screen(name, reports_of(sources, "model.py"))


def test_an_argument_that_is_set_after_a_layer_is_made_counts_for_what_follows() -> None:
    made = f"{KERAS}one = LSTM(8, return_sequences=True, input_shape=(None, 3))\n{{}}\nm = Sequential([one, Dense(2)])"
    assert specs(made.format("")) == ["input:3,lstm:8:seq,dense:2"]
    assert specs(made.format("one.return_sequences = False")) == ["input:3,lstm:8,dense:2"]
    assert specs(made.format("one.return_sequences = kept"), kept="False") == ["input:3,lstm:8,dense:2"]
    with pytest.raises(RnncliError, match=r"units of LSTM \(line 3\) is not known: it is set after the layer is made"):
        specs(made.format("one.units = 9"))
    with pytest.raises(OpenNumbersError):
        specs(made.format("if kept:\n    one.return_sequences = False"))
    stack = net("self.rnn = nn.LSTM(3, 8, 2)\nself.rnn.dropout = 0.5\nself.rnn.hidden_size = 9")
    assert specs(stack) == ["input:3,lstm:8:seq,dropout:0.5,lstm:8"]


def test_a_setting_that_a_layer_does_not_accept_is_an_error_and_not_a_layer_left_out(at: Walk) -> None:
    source = f"{KERAS}m = Sequential([LSTM(n, return_sequences=True, input_shape=x.shape), LSTM(8, activation=f)])"
    sound: dict[str, int | str] = {"n": 4, "x.shape": "(None, 3)", "f": "relu"}
    assert specs(source, **sound) == ["input:3,lstm:4:seq,lstm:8:relu"]
    for name, value in (("n", 0), ("n", "many"), ("x.shape", "(2, 3, 4, 5)"), ("x.shape", "wide"), ("f", "swish9")):
        with at(name, value), pytest.raises(RnncliError, match=r"LSTM \(line 3\): "):
            specs(source, **{**sound, name: value})


def test_suggested_settings_are_accepted_and_leave_nothing_open(at: Walk, rnncli: Run, screen: Screen) -> None:
    """A line of the screen has statements of an __init__ and the settings suggested for them: none for a dict."""
    forward = "for i, each in enumerate(self.rnn):\n    x = each(x)[0]\nreturn x"

    def offered(does: str) -> str:
        returned = forward if "ModuleList" in does else "return self.rnn(x)[0]"
        source = net(does.replace(r"\n", "\n"), returned, ", sizes, n, two, big, size")
        Path("model.py").write_text(f"{source}\nsizes, rnn_type, cfg = (load() for _ in '123')\n")
        words = shlex.split(rnncli("summary", "model.py").stderr.partition("for example: ")[2])
        with at(does):
            read = rnncli(*words[1:])
            assert not words or (read.status == 0 and "unknown (" not in read.stderr)
        return " and ".join(each for each in words[1:] if "=" in each)

    answered("python-offers", offered, screen)
    branches = "if kind == 'lstm':\n    self.rnn = nn.LSTM(3, h.n)\nelse:\n    self.rnn = nn.GRU(3, h.size)"
    Path("model.py").write_text(net(branches, parameters=", kind, h"))
    help_line = rnncli("summary", "model.py").stderr.splitlines()[-1]
    assert help_line.startswith("Help: give what one network needs with --set; for example: rnncli summary model.py ")
    assert help_line.endswith(" --set kind=lstm --set h.n=100")


def test_a_function_may_return_in_every_branch(at: Walk) -> None:
    for tests in ("if a:", "if a:\n    return 8\nelif b:", "if a:\n    return 8\nif b:"):
        for end in ("return 8", "raise ValueError"):
            with at(tests, end):
                body = f"{tests}\n    return 8\nelse:\n    {end}"
                source = f"{TORCH}def f(a, b):\n{indent(body, '    ')}\nrnn = nn.LSTM(3, f(x, y))"
                assert specs(source) == ["input:3,lstm:8"]


def test_a_layer_is_a_frameworks_only_if_the_file_imports_its_name_from_there(at: Walk) -> None:
    layers = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
    theirs = ["keras.layers import *", "tensorflow.keras.layers import *", "numpy import *", "mine import data"]
    theirs += ["mine import *\nfrom keras.layers import *", "tensorflow.keras.layers import Input, {}"]
    own = ["layers import {}", ".layers import {}", "mine import *", "keras.models import Model\nfrom mine import *"]
    for name, word in layers.items():
        for line in theirs:
            with at(name, line):
                assert specs(f"from {line.format(name)}\nm = {name}(8)(Input((None, 3)))") == [f"input:3,{word}:8"]
        for line in own:
            with at(name, line):
                origin = "its framework is not known" if "*" in line else "it is from .*layers, which is neither"
                with pytest.raises(RnncliError, match=f"{name}: {origin}"):
                    specs(f"from {line.format(name)}\nm = {name}(8)(Input((None, 3)))")
        assert specs(f"{SOUND}from layers import {name}\nm = {name}(8)") == ["input:3,lstm:8"]
        said = f"{name} is left out:", "it is from layers, which is neither Keras nor PyTorch (line 5)"
        assert all(each in str(open_model("model.py").notes) for each in said)
    assert specs("import layers\nm = nn.LSTM(3, 8)\nn = layers.LSTM(4)(layers.Input((None, 3)))") == ["input:3,lstm:8"]


def test_the_end_of_a_name_that_a_source_uses_leads_to_the_whole_name(rnncli: Run, at: Walk) -> None:
    asked = "from argparse import ArgumentParser\np = ArgumentParser()\np.add_argument('--vocab', default=9)\n"
    asked += f"args = p.parse_args()\n{TORCH}"
    passed = net("self.rnn = nn.GRU(3, c['units'])", "return self.rnn(x)[0]", ", c")
    sources = {
        "vocab": (f"{asked}m = nn.Sequential(nn.Embedding(args.vocab, 3), nn.GRU(3, 4))", "args.vocab=7"),
        "units": (f"C = {{'units': 4}}\n{TORCH}m = nn.GRU(3, C['units'])", "\"C['units']=7\""),
        "C['units']": (f"C = {{'units': 4}}\n{passed}m = N(C)", "\"c['units']=7\""),
        "C ['units']": (f"C = read()\n{passed}m = N(C)", "\"c['units']=7\""),
    }
    for name, (source, meant) in sources.items():
        Path("model.py").write_text(source)
        with at(name):
            said = rnncli("summary", "model.py", "--set", f"{name}=7").stderr
            assert said.endswith(f": rnncli summary model.py --set {meant}\n")
    Path("model.py").write_text(sources["units"][0].replace("nn.GRU(3, C['units'])", "nn.GRU(3, 4)"))
    assert rnncli("summary", "model.py", "--set", "units=7").stderr.endswith("without it: rnncli summary model.py\n")


# The forward method


def test_forward_determines_the_order_and_operations_between_layers_end_a_chain(at: Walk, screen: Screen) -> None:
    sources = cases("forward")
    for name, source in sources.items():
        with at(name):
            assert specs(source)[:1] == [value_after("spec", source)]
    screen("python-forward", reports_of(sources, "model.py"))


SUBCLASS = """
class N(Model):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc, self.rate = LSTM(4{}), Dense(2), keras.metrics.Mean()
    def call(self, x):
        return self.fc(self.rnn(x))
"""


def test_a_subclassed_model_of_keras_reads_the_shape_that_its_layer_a_setting_or_a_call_gives() -> None:
    for shape, settings in ((", input_shape=(5, 3)", {}), ("", {"x": "(5, 3)"})):
        assert specs(f"import keras\n{KERAS}{SUBCLASS.format(shape)}", **settings) == ["input:5x3,lstm:4,dense:2"]
        assert not open_model("model.py", settings).left
    with pytest.raises(OpenNumbersError) as error:
        open_model("model.py")
    assert (error.value.names, error.value.examples) == (("x",), {"x": "(None, 8)"})
    layers = "self.encoder = Sequential([LSTM(8, return_sequences=True), LSTM(4)])"
    call = "def call(self, x):\n        return self.encoder(x)"
    model = f"class N(Model):\n    def __init__(self):\n        {layers}\n    {call}"
    with pytest.raises(OpenNumbersError, match="N: it leaves a value open: x"):  # not only what follows the first layer
        specs(KERAS + model)
    assert specs(KERAS + model, x="(None, 3)") == ["input:3,lstm:8:seq,lstm:4"]
    for call in ("n.build((None, None, 3))", "n(Input((None, 3)))"):
        assert specs(f"{KERAS}{model}\nn = N()\n{call}") == ["input:3,lstm:8:seq,lstm:4"]
        assert not open_model("model.py").left
    own = "class N(object):\n    def build(self):\n        return Sequential([Input((None, 3)), LSTM(8)])"
    assert specs(f"{KERAS}{own}") == ["input:3,lstm:8"]


def test_what_a_file_does_to_a_layer_that_has_its_usual_numbers_is_said() -> None:
    tied = "self.e, self.rnn, self.fc = nn.Embedding(9, 4), nn.GRU(4, 4), nn.Linear(4, 9)"
    for how in ("setattr(self.fc, 'weight', self.e.weight)", "self.fc.register_parameter('weight', self.e.weight)"):
        specs(net(f"{tied}\n{how}", "return self.fc(self.rnn(self.e(x))[0])"))
        assert open_model("model.py").parts[0].doubts == ("fc shares the weights of e, which are counted twice",)
    specs(net(f"{LAYERS}\nself.fc.register_forward_hook(lambda m, i, o: o / 2)", "return self.fc(self.rnn(x)[0])"))
    assert open_model("model.py").parts[0].said("left out") == (
        "fc is changed by register_forward_hook (line 7), which is left out",
    )
    specs(net(f"{LAYERS}\nself.loss = nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])", "return self.rnn(x)[0]"))
    assert "AdaptiveLogSoftmaxWithLoss" in [node.kind for node in open_model("model.py").left]
    own = "m = N()\nm.forward = lambda x: torch.tanh(m.fc(m.rnn(x)[0]))"
    assert specs(f"{net(LAYERS, 'return self.fc(self.rnn(x)[0])')}{own}") == ["input:3,gru:4:seq,dense:2:tanh"]
    assert specs(net(f"{LAYERS}\nself.fc.bias = None", "return self.fc(self.rnn(x)[0])")) == [
        "input:3,gru:4:seq,dense:2:nobias"
    ]


def test_only_concatenation_along_the_feature_axis_adds_features(at: Walk) -> None:
    sequence, seen = "Input((10, 8))", {"axis=1": 8, "axis=-2": 8, "axis=2": 16, "axis=-1": 16, "": 16}
    for axis, features in seen.items():
        for joined in (f"Concatenate({axis})([a, a])", f"concatenate([a, a], {axis})"):
            for made in (sequence, f"Dropout(0.1)({sequence})", f"GRU(8, return_sequences=True)({sequence})"):
                with at(joined, made):
                    source = f"{KERAS}a = {made}\nm = Model(a, LSTM(4)({joined}))"
                    assert specs(source)[-1] == f"input:{features},lstm:4"
    last = "LSTM(8, return_sequences=True)(Input((10, 3)))[:, -1]"
    for axis, features in {"1": 8, "2": 1, "axis=-1": 1}.items():
        with at(axis):
            read = f"LSTM(4)(keras.ops.expand_dims(LSTM(8)(a), {axis}))"
            assert specs(f"{KERAS}a = Input((10, 3))\nm = Model(a, {read})")[-1] == f"input:{features},lstm:4"
    for vectors in ("Input((8,))", "LSTM(8)(Input((10, 3)))", last, f"Dense(8)({last})"):
        decoder = "LSTM(4)(RepeatVector(5)(Concatenate(axis=1)([a, a])))"
        assert specs(f"{KERAS}a = {vectors}\nm = Model(a, {decoder})")[-1] == "input:16,lstm:4"


# Sources in the styles that people publish


def open_names() -> set[str]:
    """The open names in model.py, as written."""
    try:
        open_model("model.py")
    except OpenNumbersError as error:
        return set(error.names)
    return set()


def test_sources_in_published_styles_give_the_networks_that_their_frameworks_count(at: Walk, screen: Screen) -> None:
    said, found = "", 0
    for section in (SOURCES.parent.parent / "sources.txt").read_text().split("#### ")[1:]:
        name, _, source = section.partition("\n")
        Path("model.py").write_text(source)
        pairs = re.findall(r"(\S+)=(\w+)", source.partition("\n")[0])
        settings = {key: int(value) if value.isdigit() else value for key, value in pairs} if open_names() else {}
        counted = re.search(r"# params: (.*)", source)
        said += f"{name}\n{indent(report_of('model.py', settings), '    ')}"
        with at(name):
            assert open_names() <= {*settings}
            parts = open_model("model.py", settings).parts
            found += bool(parts)
            if counted is not None:
                total, whole = sum(map(int, counted[1].split())), not any(part.said("left out") for part in parts)
                of_parts = sum(sum(part.layer_params) for part in parts)
                assert of_parts == total if whole else of_parts <= total
    screen("python-sources", said)
    assert found == 32  # of 33; one has a hand-written cell, which is not a recurrent layer


# Notebooks


def notebook(*cells: str | list[str]) -> str:
    code = [{"cell_type": "code", "source": cell} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# Model"}, *code], "nbformat": 4})


def test_a_notebook_is_read_as_its_cells_source(screen: Screen) -> None:
    cells = ["%matplotlib inline\n", "!pip install keras\n", KERAS, "files = !ls\n", "LSTM?\n", "n = 8"]
    model = "model = Sequential([\n  Input((None, 3)),\n  LSTM({})\n])"
    files = {
        "cells": notebook(cells, "%%bash\necho no Python", "%%time\n" + model.format("n")),
        "an open number": notebook(KERAS, model.format("len(words)")),
        "a cell that is no Python": notebook(cells, "x = = 1"),
        "models of several cells": notebook(KERAS, "\n\na = Sequential([Input((None, 3)), LSTM(8)])", SOUND),
        "of format 3": f'{{"worksheets": [{notebook(KERAS, model.format(8)).replace("source", "input")}]}}',
        "a list": "[]",
        "no cells": notebook(),
        "another file": '{"cells": 1}',
        "half a file": notebook(KERAS)[:40],
        "deep": "[" * 100_000,
        "nothing": "",
    }
    screen("python-notebooks", reports_of(files, "model.ipynb"))


# Parts, notes, assumptions

FORWARDS = (
    "out, _ = self.rnn(x)\nreturn self.fc(out[:, -1])",
    "out, h = self.rnn(x)\nreturn self.fc(out[:, -1, :])",
    "out, h = self.rnn(x)\nout = out[:, -1]\nreturn self.fc(out)",
    "_, h = self.rnn(x)\nreturn self.fc(h[-1])",
    "_, (h, c) = self.rnn(x)\nreturn self.fc(h[-1])",
    "out, h = self.rnn(x)\nreturn self.fc(out)",
    "out, h = self.rnn(x)\nreturn self.fc(out), h",
    "out, h = self.rnn(x)\nreturn self.fc(torch.cat([out, x]))",
    "return self.fc(self.rnn(x)[0])",
)


def test_parts_are_named_after_their_models_and_omissions_and_assumptions_are_reported(screen: Screen) -> None:
    model = "self.rnn, self.fc = nn.GRU(3, 4), nn.Linear(4, 2)"
    sources = cases("model") | {forward: net(model, forward) for forward in FORWARDS}
    sources |= {
        "classes of somebody else": "from mine import LSTM, Sequential\nm = Sequential([LSTM(4)])",
        "another framework": "from flax import linen as nn\nm = nn.LSTMCell(4, 3)",
        "nothing": "",
    }
    screen("python-models", reports_of(sources, "model.py"))


ALTERNATIVES = {
    "branches": "def make(name):\n  if name == 'lstm':\n    rnn = nn.LSTM(4, 4)\n  else:\n    rnn = nn.GRU(4, 4)",
    "an early return": "def make(name):\n  if name == 'lstm':\n    return nn.LSTM(4, 4)\n  return nn.GRU(4, 4)",
    "a dict": "kinds = {'lstm': nn.LSTM(4, 4), 'gru': nn.GRU(4, 4)}",
    "a list": "kinds = [nn.LSTM(4, 4), nn.GRU(4, 4)]",
    "names": "first = nn.LSTM(4, 4)\nsecond = nn.GRU(4, 4)",
}


def test_layers_of_which_only_one_is_used_are_not_a_chain(at: Walk) -> None:
    for name, source in ALTERNATIVES.items():
        with at(name):
            assert specs(TORCH + source) == ["input:4,lstm:4", "input:4,gru:4"]
    assert specs(TORCH + ALTERNATIVES["branches"], name="lstm") == ["input:4,lstm:4"]
    for source in (ALTERNATIVES["branches"].replace("GRU", "Linear"), "cells = [nn.LSTM(4, 4) for _ in range(name)]"):
        with pytest.raises(OpenNumbersError, match="it leaves a number open: name"):
            specs(TORCH + source)
    assert specs(f"{TORCH}rnn = nn.LSTM(4, 4)\nfc = nn.Linear(4, 2)") == ["input:4,lstm:4,dense:2"]


HELD = (
    "self.blocks = nn.ModuleList([Block() for _ in range(n)])",
    "self.blocks = nn.ModuleList()\nfor _ in range(n):\n    self.blocks.append(Block())",
    "self.blocks = [nn.Identity()]\nfor _ in range(n):\n    self.blocks[0] = Block()",
)


def test_the_elements_of_a_container_of_unknown_length_are_not_models(at: Walk) -> None:
    block = net("self.rnn = nn.GRU(4, 4)", "return self.rnn(x)[0]").replace("class N", "class Block")
    for held in HELD:
        source = block + net(held, "for each in self.blocks:\n    x = each(x)\nreturn x", ", n").replace(TORCH, "")
        with at(held), pytest.raises(OpenNumbersError, match=r": n \("):
            specs(source)


# Commands


def test_one_of_several_models_is_chosen(rnncli: Run) -> None:
    path, said = SOURCES / "torch_classes.py", framework_counts()["torch_classes.py"]
    result = rnncli("summary", "-q", "--framework", "torch", f"{path}::Tagger")
    assert result.stdout == f"{sum(said['tagger']['params'].values())}\n"
    assert result.stderr == ""  # the intended part
    found = json.loads(rnncli("inspect", "-f", "json", path).stdout)
    assert found["format"] == "Python source (PyTorch)"
    assert [part["total_params"] for part in found["parts"]] == [sum(each["params"].values()) for each in said.values()]


def test_a_model_without_a_chain_is_named_next_to_the_one_with_a_chain(rnncli: Run) -> None:
    Path("model.py").write_text(f"{SOUND}a = Sequential([Input((None, 3)), LSTM(n)])\nb = Sequential([LSTM(n)])")
    said = "model.py: m is a part of the file; left out: a: it leaves a number open: n (line 4); "
    said += "b: it leaves a number open: n (line 5)"
    assert rnncli("summary", "model.py").stderr == f"Note: {said}\n"
    assert rnncli("summary", "-q", "model.py").stderr.startswith(f"Error: {said}\n")
    assert rnncli("summary", "model.py::m").stderr == ""


def test_every_command_reports_an_assumed_order_or_a_layer_that_reads_its_own_output(rnncli: Run) -> None:
    source = net("self.b = nn.GRU(4, 4)\nself.a = nn.LSTM(4, 4)")
    order = "the layers follow one another in the order of __init__: the file does not show how they are called"
    spec = "input:4,gru:4:seq,lstm:4"
    loop = net("self.r = nn.GRU(4, 4)", "for t in range(x.size(0)):\n    x, _ = self.r(x)\nreturn x")
    own = "r reads what follows from its own output in a loop; here it reads only its input"
    for text, said in ((source, f"assumed: {order}"), (loop, own)):
        Path("model.py").write_text(text)
        for command in ("summary", "explain", "draw", "compare", "forward", "export", "reach"):
            more = ["input:4,gru:4"] if command == "compare" else ["--to", "numpy"] if command == "export" else []
            assert f"Note: model.py: {said}\n" in rnncli(command, "model.py", *more).stderr, command
    assert rnncli("summary", "-q", "model.py").stdout == "120\n"
    Path("model.py").write_text(source)
    assert rnncli("summary", "-q", "model.py").stderr.startswith(f"Error: the number is for {spec}: assumed: {order}\n")


def test_forward_runs_a_source_as_its_spec_with_a_note_and_it_has_no_weights(rnncli: Run) -> None:
    path, spec = SOURCES / "torch_modules.py", "input:3,gru:5,dense:2"
    source = rnncli("forward", path, "--seed", 3, "-o", "a.npy", "-f", "json")
    assert source.status == 0
    assert source.stderr.startswith("Note: the file has no weights: they are drawn with seed 3\n")
    rnncli("forward", spec, "--seed", 3, "-o", "b.npy")
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    help_ = "Help: leave out --weights to draw them with --seed\n"
    said = f"Error: {path} has layers, but no weights\n{help_}"
    assert rnncli("forward", spec, "--weights", path) == (1, "", said)
    Path("model.py").write_text(f"{KERAS}m = Sequential([Dense(3)])")
    said = "Error: model.py has no recurrent layers that specs can express\n"
    said += "Help: `rnncli inspect model.py` shows its contents\n"
    assert rnncli("summary", "model.py") == (1, "", said)
    assert "Nothing recurrent was found." in rnncli("inspect", "model.py").stdout


def test_a_run_reports_differences_from_the_source_whatever_its_weights_are(rnncli: Run, at: Walk) -> None:
    module = "self.rnn = nn.LSTM(3, 4, batch_first=True, bidirectional=True)"
    Path("net.py").write_text(net(module, "    return self.rnn(x)[0][:, -1]"))
    rnncli("forward", "input:3,lstm:4:bi", "--save-weights", "w.npz")
    rnncli("export", "input:3,lstm:4:bi", "--to", "torch", "-o", "w.py", "--save-weights", "w.safetensors")
    said = "net.py: rnn takes the outputs of both directions at the last timestep; here the backward one returns its"
    for weights in ([], ["--weights", "w.npz"], ["--weights", "w.safetensors"]):
        for command in (["forward"], ["reach", "--seeds", 1], ["export", "--to", "torch"]):
            with at(*command, *weights):
                assert rnncli(*command, "net.py", *weights).stderr.count(said) == 1
    model = load("net.py")
    model.load_weights("w.safetensors")
    for result in (model.forward(), model.reach(seeds=1), model.export("torch"), load("net.py").export("c")):
        with at(result.title):
            assert said in "".join(result.notes)


# Hostile files


def test_a_hostile_file_gives_one_clear_error_or_an_answer(screen: Screen, rnncli: Run) -> None:
    screen("python-hostile", reports_of(made_cases("python-hostile", globals()), "model.py"))
    assert "\x1b" not in rnncli("inspect", "model.py").stdout + rnncli("inspect", "model.py", "-f", "csv").stdout
    Path("model.py").write_text("# coding: nonsense\nx = 1\n")
    said = "Error: model.py: it is not valid Python: line 1 has an unknown encoding\nHelp: save it as UTF-8\n"
    assert rnncli("summary", "model.py") == (1, "", said)


@pytest.mark.parametrize("count", [300, pytest.param(1900, marks=pytest.mark.thorough)])
def test_large_numbers_of_anything_are_processed_quickly(count: int, at: Walk) -> None:
    chain = "x = GRU(8,return_sequences=True)(x)\n" * 2 * count
    classes = (f"class A{n}(nn.Module):\n  def __init__(s):\n    s.r=nn.GRU(3,4)\n" for n in range(count))
    loops = "".join(" " * n + "for i in range(99):\n" for n in range(2 + count // 100)) + " " * 40 + "LSTM(3)"
    for name, source, expected in (
        ("layers", f"{KERAS}x = Input((None, 3))\n{chain}", [f"input:3,gru:8:seq:x{2 * count}"]),
        ("classes", TORCH + "".join(classes), ["input:3,gru:4"] * count),
        ("loops", SOUND + loops, ["input:3,lstm:8"]),
    ):
        with at(name), patience():
            assert specs(source) == expected


def test_a_setting_in_the_brackets_of_a_list_must_be_one() -> None:
    source = f"{KERAS}shape = read()\nm = Sequential([LSTM(8, input_shape=shape)])\n"
    assert specs(source, shape="(None, 3)") == ["input:3,lstm:8"]
    with pytest.raises(RnncliError, match=r"\(None, 10\*\*9\) is not a list of numbers or words"):
        specs(source, shape="(None, 10**9)")
    token = f"{TORCH}e = nn.Embedding(9, 2, padding_idx=ids[token])\nr = nn.LSTM(n if token == '[UNK]' else 1, 8)\n"
    assert specs(token, token="[UNK]", n=3) == ["input:3,lstm:8"]


def test_a_setting_names_an_item_by_its_key_as_written_or_as_an_attribute(at: Walk) -> None:
    made = net('self.rnn = getattr(nn, cfg["cell"])(3, cfg["sizes"]["hidden"])', parameters=", cfg")
    for cell, hidden in (("cfg.cell", "cfg.sizes.hidden"), ("cfg['cell']", 'cfg["sizes"]["hidden"]')):
        for source in (made, f'{made}N({{"cell": "GRU", "sizes": {{"hidden": 2}}}})\n'):
            with at(cell, source):
                assert specs(source, **{cell: "LSTM", hidden: 8}) == ["input:3,lstm:8"]


def test_nothing_in_a_file_is_run_or_imported() -> None:
    source = f"""
import dangerous
{KERAS}
open("ran", "w")
class Meta(type):
    open("ran", "w")
@open("ran", "w")
def build(x=open("ran", "w")):
    open("ran", "w")
    return Sequential([Input((None, 3)), LSTM(len(open("ran", "w").name)), LSTM(8)])
__import__("os").system("touch ran")
exec("open('ran', 'w')")
m = Sequential([Input((None, 3)), LSTM(8)])
"""
    Path("dangerous.py").write_text("open('ran', 'w')\n")
    assert specs(source) == ["input:3,lstm:8"]
    assert sorted(path.name for path in Path().iterdir()) == ["dangerous.py", "model.py"]


# Any network in any style


def chained(first: str, *rest: str) -> str:
    calls = "".join(f"x = {line}(x)\n" for line in rest)
    vectors, ids = f"x = inputs = {first}\n", f"inputs = Input((None,))\nx = {first}(inputs)\n"
    return f"{ids if 'Embedding' in first else vectors}{calls}model = keras.Model(inputs, x)\n"


def nested(first: str, *rest: str) -> str:
    text = f"{first}(Input((None,)))" if "Embedding" in first else first
    for line in rest:
        text = f"{line}({text})"
    return f"y = {text}\n"


STYLES: dict[str, Callable[..., str]] = {
    "list": lambda *lines: "model = Sequential([\n    " + ",\n    ".join(lines) + ",\n])",
    "add": lambda *lines: "model = Sequential()\n" + "".join(f"model.add({line})\n" for line in lines),
    "variables": lambda *lines: (
        "".join(f"l{n} = {line}\n" for n, line in enumerate(lines))
        + f"model = Sequential()\nfor l in [{', '.join(f'l{n}' for n in range(len(lines)))}]:\n    model.add(l)\n"
    ),
    "chain": chained,
    "nested": nested,
}


def readable(network: Network) -> bool:
    """Whether a network has a recurrent layer, and the sequence does not become a vector before it."""
    loops = [index for index, layer in enumerate(network.layers) if layer.states]
    return bool(loops) and all(layer.returns != "vector" for layer in network.layers[: loops[0]])


@given(networks(), st.sampled_from(sorted(STYLES)))
def test_a_network_written_for_keras_in_any_style_is_read_as_the_same_network(network: Network, style: str) -> None:
    assume(readable(network))
    source = "import keras\nfrom keras import Input, Sequential, layers\n"
    assert specs(source + STYLES[style](*calls_in_keras(network))) == [str(network)]


def for_torch(network: Network) -> Network:
    """The nearest network that PyTorch's modules describe completely."""
    layers: list[Layer] = []
    for layer in network.layers:
        match layer:
            case Recurrent():
                merge = None if layer.merge_mode is None else "concat"
                word = layer.activation if layer.torch == "RNN" and layer.activation == "relu" else "tanh"
                layers.append(type(layer)(layer.units, True, False, merge, layer.use_bias, word))
            case Input():
                layers.append(Input(layer.features))
            case Embedding():
                layers.append(Embedding(layer.input_dim, layer.output_dim))
            case Norm():
                made = Norm(layer.center and layer.scale, layer.scale, layer.epsilon)
                layers += [made] * (layer.scale or made not in layers)  # one module serves all layers without weights
            case Dense():
                layers.append(layer)
            case Dropout() if layer.rate:  # a rate of 0 is not written between two levels of a stack
                layers += [layer] * (layer not in layers)
    loops = [index for index, layer in enumerate(layers) if layer.states]
    for index in loops[-1:]:
        layers[index] = layers[index].returning("vector") or layers[index]
    return Network(layers)


@given(networks().map(for_torch))
def test_a_network_exported_to_pytorch_is_read_as_the_same_network(network: Network) -> None:
    assume(any(layer.states for layer in network.layers))
    source = export(Job(network, dict), "torch")
    assert isinstance(source, str)
    assert specs(source) == [str(network)]


def test_the_length_of_a_flattened_sequence_follows_from_the_features_read_from_it(at: Walk) -> None:
    for spec in (
        "input:20x8,gru:4:seq,flatten,dense:5",
        "input:12x3,lstm:4:seq:bi,lstm:3:seq,flatten,dropout:0.5,dense:2:relu,dense:1",
        "input:15x3,conv:4x5:relu,rnn:2:seq,flatten,dense:2",
        "input:16x3,conv:4x3:same,pool:avg:2:stride=1,bnorm,lstm:4:seq:proj=2,flatten,dense:3",
    ):
        with at(spec):
            source = export(Job(Network.parse(spec), dict), "torch")
            assert isinstance(source, str)
            assert specs(source) == [spec]
    with at("the fewest timesteps, where there may be more"):
        source = export(Job(Network.parse("input:16x3,conv:4x3:stride=2,gru:2:seq,flatten,dense:3"), dict), "torch")
        assert isinstance(source, str)
        assert specs(source) == ["input:15x3,conv:4x3:stride=2,gru:2:seq,flatten,dense:3"]


def test_a_part_left_out_has_its_operations_name_and_its_frameworks_parameter_count(
    rnncli: Run,
) -> None:
    Path("model.py").write_text(
        "import torch.nn as nn\n"
        "class Model(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.lstm = nn.LSTM(40, 64)\n"
        "        self.first, self.second = nn.Linear(64, 2), nn.Linear(2, 5)\n"
        "    def forward(self, x):\n"
        "        output, (h, c) = self.lstm(x)\n"
        "        return self.second(self.first(h[-1] * 2))\n",
        encoding="utf-8",
    )
    text = rnncli("inspect", "model.py").stdout
    assert "Left out: multiplication (line 9): specs have no multiplication" in text
    assert f"2 Linear (line 9, {64 * 2 + 2 + 2 * 5 + 5} parameters)" in text


def test_layers_after_a_repeated_call_of_a_layer_are_counted_as_left_out(rnncli: Run) -> None:
    forward = "_, h = self.rnn(x)\nreturn self.fc(self.rnn(y, h)[0])"
    source = net("self.rnn = nn.GRU(16, 16, batch_first=True)\nself.fc = nn.Linear(16, 24)", forward)
    Path("model.py").write_text(source.replace("(self, x)", "(self, x, y)"))
    assert f"1 Linear (line 10, {16 * 24 + 24} parameters)" in rnncli("inspect", "model.py").stdout
    said = "rnn (call 2) (GRU, line 10) reads rnn; fc (Linear, line 10)\n"
    assert rnncli("summary", "model.py").stderr.endswith(said)


def test_layers_of_a_source_that_do_not_fit_are_named_and_no_part_is_called_the_cheapest(rnncli: Run) -> None:
    sizes = "LSTM(4),\n  LSTM(3)"
    Path("model.py").write_text(
        f"import keras\nfrom keras.layers import *\nkeras.Sequential([Input((9, 8)), {sizes}])\n"
    )
    result = rnncli("summary", "model.py")
    why = "lstm_1 (LSTM, line 4) reads a sequence, but lstm (LSTM, line 3) returns only its last output"
    assert (result.status, result.stdout) == (2, "")
    assert f"model.py has 2 recurrent parts, and a command takes only one: {why}\n" in result.stderr
    assert "Help: with return_sequences=True it returns all of them; or choose one: model.py::1" in result.stderr
    assert "Cheapest" not in rnncli("compare", "model.py::1", "input:8,lstm:9").stdout
    assert "Cheapest" in rnncli("compare", "input:8,lstm:4", "input:8,lstm:9").stdout
