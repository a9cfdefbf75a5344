"""Python source as a model file: what Keras and PyTorch say of it, what is not in it, and that nothing of it is run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest
from conftest import Result, Walk, patience
from hostile_models import said_of, said_of_each
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import networks
from test_repairs import in_keras

from rnncli import Network
from rnncli.export import Job, export
from rnncli.formats import open_model, part_of
from rnncli.formats.faults import OpenNumbersError
from rnncli.layers import Dense, Dropout, Embedding, Input, Layer, Norm, Recurrent

Run = Callable[..., Result]
Screen = Callable[[str, str], None]

SOURCES = Path(__file__).parent / "golden" / "models" / "python"
KERAS = "from keras.layers import *\nfrom keras.models import Sequential, Model\n"
TORCH = "import torch\nfrom torch import nn\n"
SOUND = f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8)])\n"


@cache
def said_by_frameworks() -> dict[str, dict[str, Any]]:
    return json.loads((SOURCES / "models.json").read_text())


def specs(source: str | bytes, **settings: int | float | str) -> list[str]:
    Path("model.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    return [str(part.network) for part in open_model("model.py", settings).parts]


def net(statements: str, forward: str = "", parameters: str = "") -> str:
    """A class of PyTorch, of the statements in its __init__ and in its forward."""
    source = f"{TORCH}class N(nn.Module):\n    def __init__(self{parameters}):\n        super().__init__()"
    for body in (statements, forward and f"def forward(self, x):\n{forward}"):
        source += "".join(f"\n{'    ' if line.startswith('def ') else '        '}{line}" for line in body.splitlines())
    return f"{source}\n"


def test_a_source_makes_the_shapes_and_counts_that_its_framework_makes_of_it(at: Walk) -> None:
    for file, models in said_by_frameworks().items():
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


# Where numbers come from

IN_KERAS = {
    "a constant of the module": "UNITS = 8\nm = Sequential([Input((None, 3)), LSTM(UNITS)])",
    "arithmetic": "n = 2 * 3\nm = Sequential([Input((None, n // 2)), LSTM(2 ** 3 + 0 * n)])",
    "a default value": "def build(units=8, *, reads=3):\n    return Sequential([Input((None, reads)), LSTM(units)])",
    "an argument of the only call": "def build(units, reads=9):\n"
    "    return Sequential([Input((None, reads)), LSTM(units)])\nm = build(reads=3, units=8)",
    "a dict of settings": "c = {'units': 8, 'reads': 3}\nm = Sequential([Input((None, c['reads'])), LSTM(c['units'])])",
    "arguments from a dict": "c = dict(units=8)\nm = Sequential([Input((None, 3)), LSTM(**c)])",
    "a class of settings": "class Config:\n    units = 8\n    reads = 3\n"
    "c = Config()\nm = Sequential([Input((None, c.reads)), LSTM(Config.units)])",
    "a known if": "big = 0\nm = Sequential([Input((None, 3))])\nif big:\n m.add(GRU(9))\nelse:\n m.add(LSTM(8))",
    "a choice": "cell = 'lstm'\nmake = {'gru': GRU, 'lstm': LSTM}[cell]\nm = Sequential([Input((None, 3)), make(8)])",
    "a condition in a line": "x = None\nm = Sequential([Input((None, 3)), LSTM(8 if x is None else x)])",
    "an import under a try": "try:\n    from tensorflow.keras.layers import LSTM as L\n"
    "except ImportError:\n    L = None\nm = Sequential([Input((None, 3)), L(8)])",
    "the main block": "if __name__ == '__main__':\n    m = Sequential([Input((None, 3)), LSTM(8)])",
    "an attribute of an object": "class Builder:\n    def __init__(self, units=8):\n        self.units = units\n"
    "    def build(self):\n        return Sequential([Input((None, 3)), LSTM(self.units)])",
    "a list": "sizes = [3, 8]\nm = Sequential([Input((None, sizes[0])), LSTM(sizes[-1])])",
    "the features of the first layer": "m = Sequential()\nm.add(LSTM(8, input_shape=(None, 3)))",
    "the features as Keras 1 had them": "m = Sequential()\nm.add(LSTM(8, input_dim=3))",
    "the shape that it is built for": "m = Sequential([LSTM(8)])\nm.build((None, None, 3))",
    "the batch in front": "m = Sequential([LSTM(8, batch_input_shape=(16, None, 3), stateful=True)])",
    "a model without a name": "Sequential([Input((None, 3)), LSTM(8)]).summary()",
    "a chain that makes no model": "x = Input((None, 3))\ny = LSTM(8)(x)",
    "a chain in one line": "y = LSTM(8)(Input(shape=(None, 3)))",
    "a model in another, called again": "i = Input((None, 3))\nsame = Model(i, Dropout(0.1)(i))\n"
    "o = Input((None, 3))\nm = Model(o, LSTM(8)(o))\nk = Model(i, same.output)",
    "keys and values": "c = {'u': 8}\nc.update(r=3)\nd = dict(c.items())\nr, *_ = list(d.values())[::-1]\n"
    "m = Sequential([Input((None, d.get('r'))), LSTM(d.pop('u'))])",
    "a namespace": "from types import SimpleNamespace\nc = SimpleNamespace(u=8)\nk = vars(c)\n"
    "m = Sequential([Input((None, 3)), LSTM(k['u'])])",
    "arguments of any number": "def build(*sizes, **more):\n"
    "    return Sequential([Input((None, sizes[0])), LSTM(more['u'])])\nm = build(3, u=8)",
    "a block that closes itself": "with strategy.scope() as s:\n    m = Sequential([Input((None, 3)), LSTM(8)])",
    "a group of arguments": "import argparse\np = argparse.ArgumentParser()\ng = p.add_argument_group('size')\n"
    "g.add_argument('-u', '--units', type=int, default='8')\np.set_defaults(reads=3)\na, _ = p.parse_known_args()\n"
    "m = Sequential([Input((None, a.reads)), LSTM(a.units)])",
    "layers of another model": "i = Input((None, 3))\na = Sequential([i, LSTM(8)])\nm = Sequential([i, a.layers[1]])",
    "a check": "def build(n):\n    if n < 1:\n        raise ValueError\n"
    "    elif unknown():\n        raise ValueError\n    return Sequential([Input((None, 3)), LSTM(n)])\nm = build(8)",
    "text": "s = 'ab' + 'c'\nm = Sequential([Input((None, len(sorted(set(s))))), LSTM(int('8'), name=s.upper())])",
    "tabs": "def build():\n\treturn Sequential([Input((None, 3)), LSTM(8)])\n",
}
IN_TORCH = {
    "by position": "self.rnn = nn.LSTM(3, 8)",
    "by name": "self.rnn = nn.LSTM(hidden_size=8, input_size=3, batch_first=True)",
    "another alias": "self.rnn = torch.nn.LSTM(3, 8)",
    "an attribute": "self.hidden = 8\nself.rnn = nn.LSTM(3, self.hidden)",
    "a local name": "a, b = 3, 8\nself.rnn = nn.LSTM(a, b)",
    "a container": "self.rnn = nn.Sequential(nn.LSTM(3, 8))",
    "named in a container": "self.rnn = nn.Sequential(OrderedDict([('one', nn.LSTM(3, 8))]))",
    "a list of modules": "self.rnn = nn.ModuleList([nn.LSTM(3, 8) for _ in range(1)])",
    "appended": "self.rnn = nn.ModuleList()\nself.rnn.append(nn.LSTM(3, 8))",
    "moved": "self.rnn = nn.LSTM(3, 8).to('cuda')",
    "added": "self.add_module('rnn', nn.LSTM(3, 8))",
    "by a name that is made": "for n in range(1):\n    setattr(self, f'rnn{n}', nn.LSTM(3, 8))",
    "by a class that is named": "self.rnn = getattr(nn, 'LSTM')(3, 8)",
    "a cell": "self.rnn = nn.LSTMCell(3, 8)",
    "a dict of modules": "self.rnn = nn.ModuleDict({'a': nn.LSTM(3, 8)})",
    "a module of a container": "net = nn.Sequential(nn.LSTM(3, 8))\nself.rnn = net[0]",
    "of its own container": "self.rnn = nn.Sequential()\nself.rnn.add_module('one', nn.LSTM(3, 8))",
    "by what another module has": "e = nn.Embedding(5, 3)\nself.rnn = nn.LSTM(e.embedding_dim, 8)",
    "of a tuple": "sizes = (3, 8)\nself.rnn = nn.LSTM(*sizes)",
    "without a loss": "self.loss = nn.CrossEntropyLoss()\nself.rnn = nn.LSTM(3, 8)",
}
ENCODED = {
    "a byte order mark": b"\xef\xbb\xbf" + SOUND.encode(),
    "line ends of Windows": SOUND.replace("\n", "\r\n").encode(),
    "line ends of old Macs": SOUND.replace("\n", "\r").encode(),
    "Latin-1": f"# coding: latin-1\nstädte = 8\n{SOUND.replace('8', 'städte')}".encode("latin-1"),
    "Japanese": f"# -*- coding: shift_jis -*-\n層 = 8\n{SOUND.replace('8', '層')}".encode("shift_jis"),
    "no line end": SOUND.strip().encode(),
}


def test_a_number_may_be_anything_that_the_file_says_in_any_encoding(at: Walk) -> None:
    sources: dict[str, str | bytes] = {name: KERAS + source for name, source in IN_KERAS.items()}
    for name, source in {**sources, **{name: net(each) for name, each in IN_TORCH.items()}, **ENCODED}.items():
        with at(name):
            assert specs(source) == ["input:3,lstm:8"]


# What cannot be known

LISTED = {
    "something computed": "Embedding(len(words), 4), LSTM(8)",
    "a name that is nowhere": "Input((None, 3)), GRU(units)",
    "a truth value": "Input((None, 3)), LSTM(8, return_sequences=f())",
    "settings": "Input((None, 3)), LSTM(**settings)",
    "the features": "LSTM(8), Dense(1)",
    "features that are computed": "LSTM(8, input_shape=(None, x.shape[2]))",
    "layers that do not fit": "Input((None, 3)), LSTM(8), LSTM(4)",
    "a size that is none": "Input((None, 3)), LSTM(-8)",
    "a large power": "Input((None, 3)), LSTM(9 ** 9 ** 9)",
    "a large product": "Input((None, 3)), LSTM(8 * 10 ** 60)",
    "a star without an end": "*x, *y, LSTM(8)",
}
ADDED = {
    "a loop": "def build(depth):\n  m = Sequential([Input((None, 3))])\n  for _ in range(depth):\n    m.add(LSTM(8))",
    "a branch": "m = Sequential([Input((None, 3))])\nif deep():\n    m.add(Dense(8))\nm.add(GRU(8))",
    "a branch of a chain": "x = i = Input((None, 3))\nif deep():\n    x = Dense(4)(x)\nm = Model(i, LSTM(8)(x))",
    "either model": "if f():\n m = Sequential([Input((None, 3)), LSTM(4)])\nelse:\n m = Sequential()\nm.add(Dense(2))",
    "a loop behind a model": "m = Sequential([Input((None, 3)), LSTM(4)])\nwhile f():\n    m.add(Dense(2))",
    "a layer that may be taken away": "m = Sequential([Input((None, 3)), LSTM(4)])\nif f():\n    m.pop()",
    "a later branch": "i = x = Input((None, 3))\nx = LSTM(4)(x)\nif f():\n x = Dense(3)(x)\nm = Model(i, Dense(2)(x))",
    "a list that may grow": "a = [Input((None, 3)), LSTM(4)]\nif f():\n    a.append(Dense(2))\nm = Sequential(a)",
    "a text for a number": f"m = Sequential([Input((None, 3)), LSTM('{'a' * 999}')])",
    "a longer text for a number": f"m = Sequential([Input((None, 3)), LSTM('{'a' * 1000}')])",
    "a long list": "m = Sequential([LSTM(8)] * 10 ** 9)",
}
NEVER_GUESSED = {
    "a number set in a branch": "n = 8\nif f():\n    n = 9\n",
    "a number set in either branch": "if f():\n    n = 9\nelse:\n    n = 8\n",
    "a number set in a loop": "n = 1\nwhile f():\n    n = n + 1\n",
    "a loop that may end early": "n = 1\nfor i in range(4):\n    if f():\n        break\n    n = n + 1\n",
    "a loop with a known end that comes early": "n = 1\nfor i in range(4):\n    n = i\n    if i == 2:\n        break\n",
    "a number set in a case": "n = 8\nmatch f():\n    case 1:\n        n = 9\n",
    "a list that grows": "some = [1]\nwhile f():\n    some.append(2)\nn = len(some)\n",
    "a list that is sorted": "some = [3, 1]\nsome.sort()\nn = some[0]\n",
    "a list with another item": "some = [3, 1]\nsome[0] = 4\nn = some[0]\n",
    "a dict with another item": "some = {'n': 3}\nif f():\n    some['n'] = 4\nn = some['n']\n",
    "a global": "n = 8\ndef g():\n    global n\n    n = 9\ng()\n",
    "a function that may return early": "def g():\n    if f():\n        return 9\n    return 8\nn = g()\n",
    "an attribute set in a branch": "class C:\n    n = 8\nif f():\n    C.n = 9\nn = C.n\n",
    "an attribute of an object": "class C:\n def __init__(self):\n  self.n = 8\n  if f():\n   self.n = 9\nn = C().n\n",
    "a generator": "def g():\n    yield 8\nn = g()\n",
    "an argument that is read": "import argparse\nn = argparse.ArgumentParser().parse_args().n\n",
}


def test_what_is_not_known_is_never_guessed_but_named_with_its_line_and_how_to_mend_it(screen: Screen) -> None:
    sources = {name: f"{KERAS}m = Sequential([{layers}])" for name, layers in LISTED.items()}
    sources |= {name: KERAS + source for name, source in ADDED.items()}
    sources |= {
        name: f"{KERAS}{source}m = Sequential([Input((None, 3)), LSTM(n)])" for name, source in NEVER_GUESSED.items()
    }
    sources |= {
        "a parameter": net("self.rnn = nn.LSTM(3, hidden)", parameters=", hidden"),
        "a branch of a class": net("if big:\n    self.r = nn.GRU(3, 8)", parameters=", big"),
        "a module in a wrapper": net("self.r, self.s = nn.GRU(3, 8), f(nn.GRU(8, 8))"),
        "too many arguments": net("self.r = nn.GRU(3, 8, 1, True, True, 0, 0, 4)"),
        "many levels": net("self.r = nn.LSTM(3, 4, 10001)"),
        "a line end in a number": f"{TORCH}x = nn.LSTM(3,\n\n  'a\\n\\x1b[2J')",
        "one model of two": f"{SOUND}a = Sequential([Input((None, 3)), LSTM(n)])",
    }
    screen("python-unknown", said_of_each(sources, "model.py"))


PARSED = "args = p.parse_args()\nm = Sequential([Input((None, 3)), LSTM(args.lstm_units)])"
SET: dict[str, tuple[str, dict[str, int | str]]] = {
    "a name that is nowhere": (f"{KERAS}m = Sequential([Input((None, 3)), LSTM(units)])", {"units": 8}),
    "a variable": (f"{KERAS}n = len(words)\nm = Sequential([Input((None, 3)), LSTM(n)])", {"n": 8}),
    "a call": (f"{KERAS}n = len(words)\nm = Sequential([Input((None, 3)), LSTM(n)])", {"len( words )": 8}),
    "an item": (f"{KERAS}m = Sequential([Input((None, 3)), LSTM(cfg['units'] * 2)])", {'cfg["units"]': 4}),
    "an attribute": (f"{KERAS}m = Sequential([Input((None, 3)), LSTM(args.units)])", {"args.units": 8}),
    "an item of a shape": (
        f"{KERAS}m = Sequential([LSTM(8, input_shape=(x.shape[1], x.shape[2]))])",
        {"x.shape[2]": 3},
    ),
    "an argument that is read": (
        f"{KERAS}import argparse\np = argparse.ArgumentParser()\np.add_argument('--lstm-units', default=4)\n{PARSED}",
        {"args.lstm_units": 8},
    ),
    "a default value": (net("self.rnn = nn.LSTM(3, hidden)", parameters=", hidden=5"), {"hidden": 8}),
    "a parameter": (net("self.rnn = nn.LSTM(reads, hidden)", parameters=", reads, hidden"), {"reads": 3, "hidden": 8}),
    "what a class is made with": (net("self.rnn = nn.LSTM(3, hidden)", parameters=", hidden") + "N(size)", {"size": 8}),
    "a word for a class": (
        net("self.rnn = getattr(nn, kind)(3, 8)", parameters=", kind"),
        {"kind": "LSTM"},
    ),
    "a word that is asked for": (
        net(
            "if kind == 'lstm':\n    self.rnn = nn.LSTM(3, 8)\nelse:\n    self.rnn = nn.GRU(3, 8)", parameters=", kind"
        ),
        {"kind": "lstm"},
    ),
    "a truth": (net("if big:\n    self.rnn = nn.LSTM(3, 8)", parameters=", big"), {"big": "True"}),
    "how often a loop runs": (
        f"{KERAS}m = Sequential([Input((None, 3))])\nfor _ in range(depth):\n    m.add(LSTM(8))",
        {"depth": 1},
    ),
}


def test_what_is_open_is_named_all_at_once_and_said_with_settings(at: Walk) -> None:
    for name, (source, settings) in SET.items():
        with at(name):
            assert specs(source, **settings) == ["input:3,lstm:8"]
    source = net("self.e = nn.Embedding(len(vocab), d)\nself.rnn = nn.LSTM(d, hidden)", parameters=", d, hidden=3")
    with pytest.raises(OpenNumbersError) as error:
        specs(source)
    assert error.value.names == ("d", "len(vocab)")
    assert error.value.message == "model.py: it leaves 2 numbers open: d (line 4) and len(vocab) (line 6)"
    assert specs(f"{SOUND}a = Sequential([Input((None, 3)), LSTM(n)])") == ["input:3,lstm:8"]
    with pytest.raises(OpenNumbersError, match=r"model.py: a: it leaves a number open: n \(line 4\)"):
        part_of(open_model("model.py"), "a")


# What forward says

LAST = "out, h = self.rnn(x)\n"
NORM = "self.rnn, self.bn, self.fc = nn.GRU(3, 4, batch_first=True), nn.BatchNorm1d(4), nn.Linear(4, 2)"
BOTH = "self.rnn, self.fc = nn.LSTM(3, 4, 2, bidirectional=True), nn.Linear(8, 2)"
CELL = "self.rnn, self.fc = nn.GRUCell(3, 4), nn.Linear(4, 2)"
SAID_BY_FORWARD: dict[str, tuple[str, str, str]] = {
    "a norm over the batch": (NORM, "out, _ = self.rnn(x)\nreturn self.fc(self.bn(out[:, -1]))", "input:3,gru:4"),
    "a function that is not known": (NORM, "out, _ = self.rnn(x)\nreturn self.fc(attend(out))", "input:3,gru:4:seq"),
    "an activation": (NORM, "out, h = self.rnn(x)\nreturn torch.relu(self.fc(h[-1]))", "input:3,gru:4,dense:2:relu"),
    "the mean over time": (
        NORM,
        "out, h = self.rnn(x)\nreturn self.fc(out.mean(1))",
        "input:3,gru:4:seq,pool:avg,dense:2",
    ),
    "outputs that are turned": (
        *(
            NORM,
            f"{LAST}out = out.permute(1, 0, 2).contiguous().view(-1, 4)\nreturn self.fc(F.dropout(out))",
        ),
        "input:3,gru:4:seq,dense:2",
    ),
    "a condition on the data": (
        *(NORM, "out, h = self.rnn(x)\nif x.size(0) > 3:\n    out = self.bn(out)\nreturn self.fc(out)"),
        "input:3,gru:4:seq",
    ),
    "the states of both directions": (
        *(BOTH, "_, (h, c) = self.rnn(x)\nreturn self.fc(torch.cat((h[-2], h[-1]), 1))"),
        "input:3,lstm:4:seq:bi,lstm:4:bi,dense:2",
    ),
    "the state of one direction": (
        *(BOTH, "_, (h, c) = self.rnn(x)\nreturn self.fc(h[-1])"),
        "input:3,lstm:4:seq:bi,lstm:4:bi",
    ),
    "the state of the first layer": (
        *("self.rnn, self.fc = nn.GRU(3, 4, 2), nn.Linear(4, 2)", "_, h = self.rnn(x)\nreturn self.fc(h[0])"),
        "input:3,gru:4",
    ),
    "the memory of a cell": (
        *("self.rnn, self.fc = nn.LSTM(3, 4), nn.Linear(4, 2)", "_, (h, c) = self.rnn(x)\nreturn self.fc(c[-1])"),
        "input:3,lstm:4",
    ),
    "a cell over the timesteps": (
        *(CELL, "h = None\nfor t in range(x.size(1)):\n    h = self.rnn(x[:, t], h)\nreturn self.fc(h)"),
        "input:3,gru:4,dense:2",
    ),
    "a cell over ten timesteps, with all outputs": (
        *(
            CELL,
            "h, o = x, []\nfor t in range(9):\n  h = self.rnn(x[:, t], h)\n  o += [self.fc(h)]\nreturn torch.stack(o)",
        ),
        "input:3,gru:4:seq,dense:2",
    ),
    "a cell that reads its own output": (
        *("self.rnn = nn.GRUCell(3, 3)", "h = x\nfor t in range(9):\n    h = self.rnn(h)\nreturn h"),
        "input:3,gru:3",
    ),
    "layers in a loop": (
        *("self.l = nn.ModuleList(nn.GRU(3, 3) for _ in range(3))", "for l in self.l:\n    x, _ = l(x)\nreturn x[-1]"),
        "input:3,gru:3:seq:x2,gru:3",
    ),
    "a module twice": (
        *("self.rnn = nn.GRU(3, 3)", "out, _ = self.rnn(x)\nout, _ = self.rnn(out)\nreturn out"),
        "input:3,gru:3:seq:x2",
    ),
    "a module in a loop": (
        *("self.rnn = nn.GRU(3, 3)", "for _ in range(3):\n    x, h = self.rnn(x)\nreturn x"),
        "input:3,gru:3:seq:x3",
    ),
    "what is done in training alone": (
        *(CELL, "h = self.rnn(x)\nif self.training:\n    h = noise(h)\nreturn self.fc(h)"),
        "input:3,gru:4,dense:2",
    ),
    "a softmax over vectors": (NORM, f"{LAST}return F.softmax(self.fc(h[-1]), dim=1)", "input:3,gru:4,dense:2:softmax"),
    "a vector that is flattened": (NORM, f"{LAST}return self.fc(torch.flatten(h[-1], 1))", "input:3,gru:4,dense:2"),
    "a sequence that is flattened": (NORM, f"{LAST}return self.fc(out.flatten(1))", "input:3,gru:4:seq"),
    "sizes that are unpacked": (
        *(NORM, f"b, t, f = x.shape\n{LAST}return self.fc(out.reshape(b * t, -1)).view(b, t, 2)"),
        "input:3,gru:4:seq,dense:2",
    ),
    "a helper": (CELL, "return self.head(x)\ndef head(self, x):\nreturn self.fc(self.rnn(x))", "input:3,gru:4,dense:2"),
    "a copied weight": (
        "self.e, self.rnn, self.fc = nn.Embedding(5, 3), nn.GRU(3, 3), nn.Linear(3, 5)\nself.fc.weight = self.e.weight",
        "out, _ = self.rnn(self.e(x))\nreturn self.fc(out)",
        "embed:5x3,gru:3:seq,dense:5",
    ),
}


def test_forward_decides_the_order_and_what_it_does_between_layers_ends_a_row(at: Walk, screen: Screen) -> None:
    for name, (statements, forward, spec) in SAID_BY_FORWARD.items():
        with at(name):
            assert specs(net(statements, forward))[:1] == [spec]
    told = {name: net(statements, forward) for name, (statements, forward, _) in SAID_BY_FORWARD.items()}
    screen("python-forward", said_of_each(told, "model.py"))


# Sources in the styles of those that people publish


def open_names() -> set[str]:
    """What is open in model.py, as it is written."""
    try:
        open_model("model.py")
    except OpenNumbersError as error:
        return set(error.names)
    return set()


def test_sources_in_the_styles_of_people_give_the_networks_that_their_frameworks_count(
    at: Walk, screen: Screen
) -> None:
    said, found = "", 0
    for section in (SOURCES.parent.parent / "sources.txt").read_text().split("#### ")[1:]:
        name, _, source = section.partition("\n")
        Path("model.py").write_text(source)
        pairs = re.findall(r"(\S+)=(\w+)", source.partition("\n")[0])
        settings = {key: int(value) if value.isdigit() else value for key, value in pairs} if open_names() else {}
        counted = re.search(r"# params: (.*)", source)
        said += f"{name}\n{indent(said_of('model.py', settings), '    ')}"
        with at(name):
            assert open_names() <= {*settings}
            parts = open_model("model.py", settings).parts
            found += bool(parts)
            if counted is not None:
                total, whole = sum(map(int, counted[1].split())), not any(part.said("left out") for part in parts)
                of_parts = sum(sum(part.layer_params) for part in parts)
                assert of_parts == total if whole else of_parts <= total
    screen("python-sources", said)
    assert found == 29  # of 30; one has a cell by hand, which is nothing recurrent


# Notebooks


def notebook(*cells: str | list[str]) -> str:
    code = [{"cell_type": "code", "source": cell} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# Model"}, *code], "nbformat": 4})


def test_a_notebook_is_read_as_the_source_of_its_cells(screen: Screen) -> None:
    cells = ["%matplotlib inline\n", "!pip install keras\n", KERAS, "files = !ls\n", "LSTM?\n", "n = 8"]
    model = "model = Sequential([\n  Input((None, 3)),\n  LSTM({})\n])"
    files = {
        "cells": notebook(cells, "%%bash\necho no Python", "%%time\n" + model.format("n")),
        "an open number": notebook(KERAS, model.format("len(words)")),
        "a cell that is no Python": notebook(cells, "x = = 1"),
        "no cells": notebook(),
        "another file": '{"cells": 1}',
        "half a file": notebook(KERAS)[:40],
        "deep": "[" * 100_000,
        "nothing": "",
    }
    screen("python-notebooks", said_of_each(files, "model.ipynb"))


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


def test_parts_have_the_names_of_their_models_and_what_is_left_out_or_assumed_is_said(screen: Screen) -> None:
    made_once = net("self.rnn = nn.GRU(reads, hidden)", parameters=", reads, hidden=8")
    in_order = "self.a, self.rnn, self.b = nn.Linear(3, 3), nn.GRU(3, 3), nn.Linear(3, 3)"
    tagger = (
        "import keras\nclass Tagger(keras.Model):\n    def __init__(self, {}):\n        super().__init__()\n"
        "        self.embed = Embedding(90, 8)\n"
        "        self.rnns = [LSTM(4, return_sequences=True) for _ in range(2)]\n{}"
        "    def call(self, x):\n        return self.out(self.rnn(self.embed(x)))\n"
    )
    wordless = (
        "self.conv = nn.Conv1d(8, 16, 3)\nself.rnn = nn.GRU(16, 4)\nself.act = nn.ReLU()\n"
        "self.attention = nn.MultiheadAttention(4, 2)\nself.fc = nn.Linear(4, 2)\nself.odd = nn.LSTM(4, 4, proj_size=2)"
    )
    sources = {
        "several models": f"{KERAS}{net('self.rnn = nn.GRU(3, 4)')}def build():\n"
        "    return Sequential([Input((None, 3)), LSTM(5)])\ntagger = Sequential([Input((None, 3)), LSTM(6)])\n"
        "model = build()\nrnn = nn.RNN(3, 7)\n",
        "models with the same layers": f"{KERAS}i = Input((None, 3))\n"
        "y, h, c = LSTM(4, return_sequences=True, return_state=True)(i)\n"
        "whole = Model(i, Dense(2)(y))\nstates = Model(i, [h, c])\n",
        "a model of Keras's as a class": KERAS + tagger.format("tags=5", "        self.out = Dense(tags)\n"),
        "a model of Keras's that depends on a parameter": KERAS
        + tagger.format("tags", "        if tags:\n            self.out = Dense(tags)\n"),
        "a class that is made once": f"{made_once}net = N(3)",
        "a class that is made in a function": f"{made_once}def main():\n    net = N(hidden=5, reads=3)\nmain()",
        "a class that is made in two ways": f"{made_once}a = N(3)\nb = N(3)\nc = N(4)",
        "layers without words": f"{KERAS}m = Sequential([\n Input((50, 8)),\n Conv1D(16, 3),\n LSTM(4),\n Custom(2)])",
        "an activation without a word": f"{KERAS}m = Sequential([\n Input((50, 8)),\n LSTM(4, 'mish'),\n GRU(2)])",
        "a layer around another": f"{KERAS}m = Sequential([Bidirectional(LSTM(4, input_shape=(None, 3)))])",
        "modules without words": net(wordless),
        "a module that does not fit": net("self.r = nn.GRU(3, 4)\nself.f = nn.Linear(9, 2)"),
        "modules in the order of forward": net(in_order, "return self.b(self.rnn(self.a(x))[0])"),
        "modules in another order": net(in_order, "out, _ = self.rnn(self.b(x))\nreturn self.a(out)"),
        "padding and an epsilon": net(
            "self.e = nn.Embedding(9, 3, padding_idx=0)\nself.r = nn.GRU(3, 4, 2)\nself.n = nn.LayerNorm([4], eps=1e-8)"
        ),
        "every option of a module": net(
            "self.e = nn.Embedding(9, 3)\nself.a = nn.RNN(3, 4, nonlinearity='relu', bias=False, bidirectional=True)\n"
            "self.b = nn.LayerNorm(8, elementwise_affine=False)\nself.c = nn.LayerNorm(8, 1e-3, bias=False)\n"
            "self.d = nn.Dropout(0.25)\nself.f = nn.Linear(8, 2, False)"
        ),
        "every option of a layer": f"{KERAS}m = Sequential([Embedding(9, 4, mask_zero=True), Bidirectional(LSTM(3, "
        "'relu', 'hard_sigmoid', return_sequences=True, use_bias=False), merge_mode='sum'), GRU(3, reset_after=False, "
        "go_backwards=True, return_sequences=True), LayerNormalization(epsilon=0.01, center=False), Dropout(0.25), "
        "SimpleRNN(2), RepeatVector(3), GlobalMaxPooling1D(), Dense(2, 'softmax', use_bias=False)])",
        "dropout between levels": f"{TORCH}rnn = nn.GRU(3, 4, 3, dropout=0.2, bidirectional=True)",
        "no dropout between levels": f"{TORCH}rnn = nn.GRU(3, 4, 3, dropout=0)",
        **{forward: net("self.rnn, self.fc = nn.GRU(3, 4), nn.Linear(4, 2)", forward) for forward in FORWARDS},
        "classes of somebody else": "from mine import LSTM, Sequential\nm = Sequential([LSTM(4)])",
        "another framework": "from flax import linen as nn\nm = nn.LSTMCell(4, 3)",
        "a class of its own": f"{KERAS}class LSTM:\n    pass\nm = Sequential([Input((None, 3)), LSTM()])",
        "nothing": "",
        "nothing recurrent": f"{KERAS}m = Sequential([Dense(3)])",
    }
    screen("python-models", said_of_each(sources, "model.py"))


# Commands


def test_one_of_several_models_is_chosen(rnncli: Run) -> None:
    path, said = SOURCES / "torch_classes.py", said_by_frameworks()["torch_classes.py"]
    result = rnncli("summary", "-q", "--framework", "torch", f"{path}::Tagger")
    assert result.stdout == f"{sum(said['tagger']['params'].values())}\n"
    assert result.stderr == ""  # the part is meant
    found = json.loads(rnncli("inspect", "-f", "json", path).stdout)
    assert found["format"] == "Python source (PyTorch)"
    assert [part["total_params"] for part in found["parts"]] == [sum(each["params"].values()) for each in said.values()]


def test_forward_runs_a_source_as_its_spec_with_a_note_and_it_has_no_weights_to_give(rnncli: Run) -> None:
    path, spec = SOURCES / "torch_modules.py", "input:3,gru:5,dense:2"
    source = rnncli("forward", path, "--seed", 3, "-o", "a.npy", "-f", "json")
    assert source.status == 0
    assert source.stderr.startswith("Note: the file has no weights: they are drawn with seed 3\n")
    rnncli("forward", spec, "--seed", 3, "-o", "b.npy")
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))
    help_ = "Help: without --weights they are drawn with --seed\n"
    said = f"Error: {path} has layers, but no weights\n{help_}"
    assert rnncli("forward", spec, "--weights", path) == (1, "", said)
    Path("model.py").write_text(f"{KERAS}m = Sequential([Dense(3)])")
    said = "Error: model.py holds nothing recurrent\nHelp: rnncli inspect model.py says what it holds\n"
    assert rnncli("summary", "model.py") == (1, "", said)
    assert "Nothing recurrent was found." in rnncli("inspect", "model.py").stdout


# Hostile files


def test_a_hostile_file_is_one_clear_error_or_an_answer(screen: Screen, rnncli: Run) -> None:
    fanned = (f"def f{n}(x=1):\n  return f{n + 1}(f{n + 1}(f{n + 1}(x)))\n" for n in range(40))
    files: dict[str, str | bytes] = {
        "no Python": "this is no Python\n",
        "a syntax of tomorrow": "match = 1\nx = maybe? y\n",
        "nothing but brackets": "(" * 250_001,
        "deep operators": "x = " + "-" * 100_000 + "1",
        "a long sum": "x = 1" + "+1" * 100_000,
        "a null byte": "x = 1\0\n",
        "bytes of another encoding": b"x = '\xff\xfe'\n",
        "a byte of another encoding": b"# Nothing.\n# Nothing.\nz = '\xff'\n",
    }
    beside = {
        "deep brackets": "x = " + "f(" * 90 + "1" + ")" * 90,
        "a middling chain": "x = a" + ".b(1)" * 400,
        "nested calls": "y = " + "LSTM(8, return_sequences=True)(" * 80 + "Input((None, 3))" + ")" * 80,
        "doublings": "x = [1]\n" + "x = x + x\n" * 200,
        "loops in loops": "for i in range(99):\n for j in range(99):\n  LSTM(3)\n",
        "a function that calls itself": "def f(x):\n    return f(f(x))\nf(LSTM(3))",
        "functions that fan out": "".join(fanned),
        "a model in itself": "m.add(m)\n",
        "a class that is its own base": "class A: pass\nclass A(A): pass\nA().x()\n",
        "a name with an escape": "other = Sequential([Input((None, 3)), LSTM(8, name='\\x1b[31m')])",
    }
    files |= {name: SOUND + source for name, source in beside.items()}
    screen("python-hostile", said_of_each(files, "model.py"))
    assert "\x1b" not in rnncli("inspect", "model.py").stdout + rnncli("inspect", "model.py", "-f", "csv").stdout
    Path("model.py").write_text("# coding: nonsense\nx = 1\n")
    said = "Error: model.py: it is no Python: line 1 has its encoding that cannot be read\nHelp: save it as UTF-8\n"
    assert rnncli("summary", "model.py") == (1, "", said)


@pytest.mark.parametrize("count", [300, pytest.param(1900, marks=pytest.mark.thorough)])
def test_many_of_anything_are_followed_soon(count: int, at: Walk) -> None:
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


def test_nothing_of_a_file_is_run_or_imported() -> None:
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
    """Whether a network has a recurrent layer, and before the first of them nothing makes a vector of the sequence."""
    loops = [index for index, layer in enumerate(network.layers) if layer.states]
    return bool(loops) and all(layer.returns != "vector" for layer in network.layers[: loops[0]])


@given(networks(), st.sampled_from(sorted(STYLES)))
def test_a_network_written_for_keras_in_any_style_is_read_as_the_same_network(network: Network, style: str) -> None:
    assume(readable(network))
    source = "import keras\nfrom keras import Input, Sequential, layers\n"
    assert specs(source + STYLES[style](*map(in_keras, network.layers))) == [str(network)]


def for_torch(network: Network) -> Network:
    """The nearest network of which PyTorch's modules say everything."""
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
                layers += [made] * (layer.scale or made not in layers)  # one module serves for all without weights
            case Dense():
                layers.append(layer)
            case Dropout() if layer.rate:  # between two levels of a stack a rate of 0 is not written
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
