"""Python source as a model file: what Keras and PyTorch say of it, what is not in it, and that nothing of it is run."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result, patience
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import networks
from test_repairs import in_keras

from rnncli import Network, RnncliError
from rnncli.formats import open_model, part_of
from rnncli.layers import Dense, Dropout, Embedding, Input, Layer, Norm, Recurrent

Run = Callable[..., Result]
Read = Callable[[str], Any]

SOURCES = Path(__file__).parent / "golden" / "models" / "python"
SAID: dict[str, dict[str, Any]] = json.loads((SOURCES / "models.json").read_text())
MODELS = [(file, name) for file, models in SAID.items() for name in models]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a source; the file is called model.py."""
    return lambda source: open_model(str(written(tmp_path, source)))


def written(folder: Path, source: str | bytes) -> Path:
    path = folder / "model.py"
    path.write_bytes(source if isinstance(source, bytes) else textwrap.dedent(source).encode())
    return path


def specs(model: Any) -> list[str]:
    return [str(part.network) for part in model.parts]


# What the frameworks say


@pytest.mark.parametrize(("file", "name"), MODELS)
def test_a_source_makes_the_shapes_and_counts_that_its_framework_makes_of_it(file: str, name: str) -> None:
    part = part_of(open_model(str(SOURCES / file)), name)
    said = SAID[file][name]
    batch, timesteps = (None, None) if said["framework"] == "keras" else (said["output_shape"][0], said["timesteps"])
    summary = part.network.summary(batch, timesteps, said["framework"])
    assert list(summary.output_shape) == said["output_shape"]
    counts: Counter[str] = Counter()
    for piece, layer in zip(part.pieces, summary.layers, strict=True):
        counts[piece.name.partition(" (")[0]] += layer.params
    if said["framework"] == "keras":
        assert [count for count in counts.values() if count] == said["params"]
    else:
        assert +counts == Counter(said["params"])
    assert part.layer_params == [layer.params for layer in summary.layers]


def test_every_model_of_the_golden_sources_is_found_and_no_other() -> None:
    for file, models in SAID.items():
        assert len(open_model(str(SOURCES / file)).parts) == len(models), file


# Where numbers come from

KERAS = "from keras.layers import *\nfrom keras.models import Sequential, Model\n"
TORCH = "import torch\nfrom torch import nn\n"

NUMBERS = {
    "a constant of the module": "UNITS = 8\nm = Sequential([Input((None, 3)), LSTM(UNITS)])",
    "arithmetic": "n = 2 * 3\nm = Sequential([Input((None, n // 2)), LSTM(2 ** 3 + 0 * n)])",
    "a default value": "def build(units=8, *, reads=3):\n    return Sequential([Input((None, reads)), LSTM(units)])",
    "an argument of the only call": "def build(units, reads=9):\n"
    "    return Sequential([Input((None, reads)), LSTM(units)])\nm = build(reads=3, units=8)",
    "a dict of settings": "c = {'units': 8, 'reads': 3}\nm = Sequential([Input((None, c['reads'])), LSTM(c['units'])])",
    "arguments from a dict": "c = dict(units=8)\nm = Sequential([Input((None, 3)), LSTM(**c)])",
    "a class of settings": "class Config:\n    units = 8\n    reads = 3\n"
    "c = Config()\nm = Sequential([Input((None, c.reads)), LSTM(Config.units)])",
    "an if that is known": "big = False\nm = Sequential([Input((None, 3))])\n"
    "if big:\n    m.add(GRU(9))\nelse:\n    m.add(LSTM(8))",
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
    "the features of the layer inside": "m = Sequential([Bidirectional(LSTM(4, input_shape=(None, 3)))])",
    "the batch in front": "m = Sequential([LSTM(8, batch_input_shape=(16, None, 3), stateful=True)])",
    "a model without a name": "Sequential([Input((None, 3)), LSTM(8)]).summary()",
    "a chain that makes no model": "x = Input((None, 3))\ny = LSTM(8)(x)",
    "a chain in one line": "y = LSTM(8)(Input(shape=(None, 3)))",
}


@pytest.mark.parametrize("source", NUMBERS.values(), ids=NUMBERS)
def test_a_number_may_be_anything_that_the_file_says(source: str, read: Read) -> None:
    (found,) = specs(read(KERAS + source))
    assert found == ("input:3,lstm:4:bi" if "Bidirectional" in source else "input:3,lstm:8")


IN_CLASSES = {
    "by position": "self.rnn = nn.LSTM(3, 8)",
    "by name": "self.rnn = nn.LSTM(hidden_size=8, input_size=3, batch_first=True)",
    "another alias": "self.rnn = torch.nn.LSTM(3, 8)",
    "an attribute": "self.hidden = 8\n        self.rnn = nn.LSTM(3, self.hidden)",
    "a local name": "a, b = 3, 8\n        self.rnn = nn.LSTM(a, b)",
    "a container": "self.rnn = nn.Sequential(nn.LSTM(3, 8))",
    "named in a container": "self.rnn = nn.Sequential(OrderedDict([('one', nn.LSTM(3, 8))]))",
    "a list of modules": "self.rnn = nn.ModuleList([nn.LSTM(3, 8) for _ in range(1)])",
    "appended": "self.rnn = nn.ModuleList()\n        self.rnn.append(nn.LSTM(3, 8))",
    "moved": "self.rnn = nn.LSTM(3, 8).to('cuda')",
    "added": "self.add_module('rnn', nn.LSTM(3, 8))",
    "by a name that is made": "for n in range(1):\n            setattr(self, f'rnn{n}', nn.LSTM(3, 8))",
    "by a class that is named": "self.rnn = getattr(nn, 'LSTM')(3, 8)",
    "a cell": "self.rnn = nn.LSTMCell(3, 8)",
    "without a loss": "self.loss = nn.CrossEntropyLoss()\n        self.rnn = nn.LSTM(3, 8)",
}


@pytest.mark.parametrize("statement", IN_CLASSES.values(), ids=IN_CLASSES)
def test_a_module_is_read_however_it_is_made(statement: str, read: Read) -> None:
    source = f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        {statement}\n"
    assert specs(read(TORCH + source)) == ["input:3,lstm:8"]


def test_the_class_of_somebody_else_is_none_of_a_framework(read: Read) -> None:
    assert read("from mine import LSTM, Sequential\nm = Sequential([LSTM(4)])").parts == ()
    assert read("from flax import linen as nn\nm = nn.LSTMCell(4, 3)").parts == ()
    assert read(f"{KERAS}class LSTM:\n    pass\nm = Sequential([Input((None, 3)), LSTM()])").parts == ()


# What cannot be known

UNKNOWN = {
    "a parameter": (
        f"{TORCH}class Net(nn.Module):\n    def __init__(self, hidden):\n        self.rnn = nn.LSTM(3, hidden)",
        "Net: hidden_size is not a number in the file (line 5): hidden is a parameter of Net without a default value",
        "give it a default value, such as hidden=128",
    ),
    "something computed": (
        f"{KERAS}m = Sequential([Embedding(len(words), 4), LSTM(8)])",
        "m: input_dim is not a number in the file (line 3): len(words) is computed when the program runs",
        "write the number itself",
    ),
    "a name that is nowhere": (
        f"{KERAS}m = Sequential([Input((None, 3)), GRU(units)])",
        "m: units is not a number in the file (line 3): units is defined nowhere in it",
        "write the number itself",
    ),
    "a truth value": (
        f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8, return_sequences=f())])",
        "m: return_sequences is not True or False in the file (line 3): f() is computed when the program runs",
        "write it out",
    ),
    "settings": (
        f"{KERAS}m = Sequential([Input((None, 3)), LSTM(**settings)])",
        "m: the arguments of LSTM are not known (line 3): settings is computed when the program runs",
        "write them by name",
    ),
    "a loop": (
        f"{KERAS}def build(depth):\n  m = Sequential([Input((None, 3))])\n  for _ in range(depth):\n    m.add(LSTM(8))",
        "build: what is added at line 6 is not known: how often the loop over range(depth) runs (line 5) is not known",
        "write the number itself",
    ),
    "a branch": (
        f"{KERAS}m = Sequential([Input((None, 3))])\nif deep():\n    m.add(Dense(8))\nm.add(GRU(8))",
        "m: what is added at line 5 is not known: whether deep() holds (line 4) is not known",
        "give what it depends on a default value",
    ),
    "a branch of a chain": (
        f"{KERAS}x = i = Input((None, 3))\nif deep():\n    x = Dense(4)(x)\nm = Model(i, LSTM(8)(x))",
        "m: the call at line 6 is not known: whether deep() holds (line 4) is not known",
        "give what it depends on a default value",
    ),
    "a branch of a class": (
        f"{TORCH}class N(nn.Module):\n    def __init__(self, big):\n        if big:\n            self.r = nn.GRU(3, 8)",
        "N: its layers are not known: whether big holds (line 5) is not known",
        "give what it depends on a default value",
    ),
    "the features": (
        f"{KERAS}m = Sequential([LSTM(8), Dense(1)])",
        "m: the file does not say how many features LSTM reads (line 3)",
        "put keras.Input((None, FEATURES)) before it",
    ),
    "features that are computed": (
        f"{KERAS}m = Sequential([LSTM(8, input_shape=(None, x.shape[2]))])",
        "m: the number of features is not a number in the file (line 3): x.shape[2] is computed when the program runs",
        "write the number itself",
    ),
    "a module in a wrapper": (
        f"{TORCH}class N(nn.Module):\n    def __init__(self):\n        self.r, self.s = nn.GRU(3, 8), f(nn.GRU(8, 8))",
        "N: s is not known: f(nn.GRU(8, 8)) is computed when the program runs",
        "write the number itself",
    ),
    "too many arguments": (
        f"{TORCH}class N(nn.Module):\n    def __init__(self):\n        self.r = nn.GRU(3, 8, 1, True, True, 0, 0, 4)",
        "N: GRU has 8 arguments by position (line 5)",
        "write them by name",
    ),
    "layers that do not fit": (
        f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8), LSTM(4)])",
        "lstm: lstm:8 returns only its last output, but the next layer, lstm:4, reads a sequence",
        "",
    ),
    "a size that is none": (
        f"{KERAS}m = Sequential([Input((None, 3)), LSTM(-8)])",
        "lstm (LSTM): LSTM: units is -8, expected a whole number",
        "",
    ),
}


@pytest.mark.parametrize(("source", "message", "advice"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_an_error_that_names_it_its_line_and_how_to_mend_it(
    source: str, message: str, advice: str, read: Read
) -> None:
    with pytest.raises(RnncliError) as caught:
        read(source)
    assert message in caught.value.message
    assert caught.value.message.count("\n") == 0
    assert advice in (caught.value.advice or "")


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
    "an attribute of an object": (
        "class C:\n    def __init__(self):\n        self.n = 8\n        if f():\n            self.n = 9\nn = C().n\n"
    ),
    "a generator": "def g():\n    yield 8\nn = g()\n",
    "an argument that is read": "import argparse\nn = argparse.ArgumentParser().parse_args().n\n",
}


@pytest.mark.parametrize("source", NEVER_GUESSED.values(), ids=NEVER_GUESSED)
def test_a_number_that_depends_on_what_a_run_does_is_never_guessed(source: str, read: Read) -> None:
    with pytest.raises(RnncliError, match="units is not a number in the file"):
        read(f"{KERAS}{source}m = Sequential([Input((None, 3)), LSTM(n)])")


@pytest.mark.parametrize(
    "source",
    [
        "if f():\n    m = Sequential([Input((None, 3)), LSTM(4)])\nelse:\n    m = Sequential()\nm.add(Dense(2))",
        "m = Sequential([Input((None, 3)), LSTM(4)])\nwhile f():\n    m.add(Dense(2))",
        "m = Sequential([Input((None, 3)), LSTM(4)])\nif f():\n    m.pop()",
        "i = x = Input((None, 3))\nx = LSTM(4)(x)\nif f():\n    x = Dense(3)(x)\nm = Model(i, Dense(2)(x))",
        "layers = [Input((None, 3)), LSTM(4)]\nif f():\n    layers.append(Dense(2))\nm = Sequential(layers)",
    ],
)
def test_a_model_that_depends_on_what_a_run_does_is_never_guessed(source: str, read: Read) -> None:
    with pytest.raises(RnncliError, match="not known"):
        read(f"{KERAS}{source}\n")


def test_what_is_not_known_of_one_model_leaves_the_others(read: Read) -> None:
    source = f"{KERAS}a = Sequential([Input((None, 3)), LSTM(n)])\nb = Sequential([Input((None, 3)), LSTM(8)])"
    model = read(source)
    assert [part.name for part in model.parts] == ["b"]
    assert model.notes == ("a is left out: units is not a number in the file (line 3): n is defined nowhere in it",)


def test_a_class_that_is_made_once_has_the_arguments_of_that_call(read: Read) -> None:
    net = "class Net(nn.Module):\n    def __init__(self, reads, hidden=8):\n        self.rnn = nn.GRU(reads, hidden)\n"
    assert specs(read(f"{TORCH}{net}net = Net(3)")) == ["input:3,gru:8"]
    assert specs(read(f"{TORCH}{net}def main():\n    net = Net(hidden=5, reads=3)\nmain()")) == ["input:3,gru:5"]
    twice = read(f"{TORCH}{net}a = Net(3)\nb = Net(3)\nc = Net(4)")
    assert specs(twice) == ["input:3,gru:8", "input:4,gru:8"]
    assert part_of(twice, "c").head == Input(4)


# Parts, notes, assumptions


def test_a_file_with_several_models_has_several_parts_with_the_names_that_it_gives_them(read: Read) -> None:
    source = f"""
{KERAS}
{TORCH}
class Encoder(nn.Module):
    def __init__(self):
        self.rnn = nn.GRU(3, 4)

def build():
    return Sequential([Input((None, 3)), LSTM(5)])

tagger = Sequential([Input((None, 3)), LSTM(6)])
model = build()
rnn = nn.RNN(3, 7)
"""
    model = read(source)
    assert model.format == "Python source (Keras and PyTorch)"
    assert {part.name: str(part.network) for part in model.parts} == {
        "Encoder": "input:3,gru:4",
        "build": "input:3,lstm:5",
        "tagger": "input:3,lstm:6",
        "rnn": "input:3,rnn:7",
    }
    assert part_of(model, "model") is part_of(model, "build")
    assert part_of(model, "1").name == "Encoder"


def test_what_the_language_has_no_words_for_is_named_with_its_line(read: Read) -> None:
    model = read(f"{KERAS}m = Sequential([\n  Input((50, 8)),\n  Conv1D(16, 3),\n  LSTM(4),\n  Custom(2),\n])")
    assert specs(model) == ["input:16,lstm:4"]
    assert model.notes == ("m: layers in no recurrent part: 1 Conv1D (line 5) and 1 Custom (line 7)",)
    model = read(f"{KERAS}m = Sequential([\n  Input((50, 8)),\n  LSTM(4, activation='mish'),\n  GRU(2)])")
    assert model.notes[0].startswith("m: lstm (LSTM, line 5): its activation mish")
    net = """
    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv1d(8, 16, 3)
            self.rnn = nn.GRU(16, 4)
            self.act = nn.ReLU()
            self.attention = nn.MultiheadAttention(4, 2)
            self.fc = nn.Linear(4, 2)
            self.odd = nn.LSTM(4, 4, proj_size=2)
    """
    model = read(TORCH + textwrap.dedent(net))
    assert specs(model) == ["input:16,gru:4"]
    (note,) = model.notes
    for each in (
        "conv (Conv1d, line 6)",
        "act (ReLU, line 8)",
        "attention (MultiheadAttention, line 9)",
        "fc (line 10)",
    ):
        assert each in note
    assert "odd (LSTM, line 11): it has proj_size" in note


def test_a_module_that_does_not_fit_is_left_out_with_both_numbers(read: Read) -> None:
    net = (
        "class N(nn.Module):\n    def __init__(self):\n        self.r = nn.GRU(3, 4)\n        self.f = nn.Linear(9, 2)"
    )
    model = read(TORCH + net)
    assert specs(model) == ["input:3,gru:4"]
    assert "f (line 6), which reads 9 features where 4 are returned before it" in model.notes[0]


FORWARDS = {
    "out, _ = self.rnn(x)\n        return self.fc(out[:, -1])": ("gru:4", True),
    "out, h = self.rnn(x)\n        return self.fc(out[:, -1, :])": ("gru:4", True),
    "out, h = self.rnn(x)\n        out = out[:, -1]\n        return self.fc(out)": ("gru:4", False),
    "_, h = self.rnn(x)\n        return self.fc(h[-1])": ("gru:4", True),
    "_, (h, c) = self.rnn(x)\n        return self.fc(h[-1])": ("gru:4", True),
    "out, h = self.rnn(x)\n        return self.fc(out)": ("gru:4:seq", True),
    "out, h = self.rnn(x)\n        return self.fc(out), h": ("gru:4:seq", True),
    "out, h = self.rnn(x)\n        return self.fc(torch.cat([out, x]))": ("gru:4", False),
    "return self.fc(self.rnn(x)[0])": ("gru:4", False),
}


@pytest.mark.parametrize(("body", "expected"), FORWARDS.items())
def test_forward_tells_whether_the_last_output_is_taken_or_that_is_assumed(
    body: str, expected: tuple[str, bool], read: Read
) -> None:
    net = "class N(nn.Module):\n    def __init__(self):\n        self.rnn, self.fc = nn.GRU(3, 4), nn.Linear(4, 2)\n"
    (part,) = read(f"{TORCH}{net}    def forward(self, x):\n        {body}\n").parts
    spec, known = expected
    assert str(part.network) == f"input:3,{spec},dense:2"
    assert part.assumed[0].startswith("the layers follow one another in the order of __init__")
    assert any("its last output alone" in each for each in part.assumed) != known


def test_another_order_in_forward_is_said(read: Read) -> None:
    net = (
        "class N(nn.Module):\n    def __init__(self):\n        self.a, self.rnn, self.b = "
        "nn.Linear(3, 3), nn.GRU(3, 3), nn.Linear(3, 3)\n    def forward(self, x):\n        "
    )
    (part,) = read(f"{TORCH}{net}return self.b(self.rnn(self.a(x))[0])").parts
    assert not any("another order" in each for each in part.assumed)
    (part,) = read(f"{TORCH}{net}out, _ = self.rnn(self.b(x))\n        return self.a(out)").parts
    assert "forward calls them in another order: b, rnn, a" in part.assumed


def test_what_training_or_a_mask_would_change_is_said(read: Read) -> None:
    net = (
        "class N(nn.Module):\n    def __init__(self):\n        self.e = nn.Embedding(9, 3, padding_idx=0)\n"
        "        self.rnn = nn.GRU(3, 4, 2)\n        self.n = nn.LayerNorm([4], eps=1e-8)"
    )
    (part,) = read(TORCH + net).parts
    assumed = " ".join(part.assumed)
    for each in ("e has a padding_idx", "n has an epsilon of 1e-08"):
        assert each in assumed


def test_dropout_between_the_levels_of_a_module_is_read_as_layers(read: Read) -> None:
    (part,) = read(f"{TORCH}rnn = nn.GRU(3, 4, 3, dropout=0.2, bidirectional=True)").parts
    assert str(part.network) == "input:3,gru:4:seq:bi,dropout:0.2,gru:4:seq:bi,dropout:0.2,gru:4:bi"
    (part,) = read(f"{TORCH}rnn = nn.GRU(3, 4, 3, dropout=0)").parts
    assert str(part.network) == "input:3,gru:4:seq:x2,gru:4"


def test_models_that_share_their_recurrent_layers_are_one_part(read: Read) -> None:
    source = f"""{KERAS}
i = Input((None, 3))
y, h, c = LSTM(4, return_sequences=True, return_state=True)(i)
whole = Model(i, Dense(2)(y))
states = Model(i, [h, c])
"""
    model = read(source)
    assert [part.name for part in model.parts] == ["whole"]
    assert model.notes == ("states (line 7) has the recurrent layers of whole, and none of its own",)


def test_a_subclass_of_kerass_model_follows_the_order_of_its_layers(read: Read) -> None:
    source = f"""{KERAS}
import keras
class Tagger(keras.Model):
    def __init__(self, tags=5):
        super().__init__()
        self.embed = Embedding(90, 8)
        self.rnns = [LSTM(4, return_sequences=True) for _ in range(2)]
        self.out = Dense(tags)
    def call(self, x):
        return self.out(self.rnn(self.embed(x)))
"""
    (part,) = read(source).parts
    assert (part.name, str(part.network)) == ("Tagger", "embed:90x8,lstm:4:seq:x2,dense:5")
    assert "in the order of __init__" in part.assumed[0]
    with pytest.raises(RnncliError, match="its layers are not known: whether tags holds"):
        read(source.replace("tags=5", "tags").replace("        self.out =", "        if tags:\n            self.out ="))


# Commands


@pytest.mark.parametrize("command", ["summary", "explain", "draw", "spec", "inspect"])
def test_each_command_that_takes_a_spec_takes_a_source(command: str, rnncli: Run) -> None:
    result = rnncli(command, SOURCES / "keras_add.py")
    assert (result.status, result.stderr) == (0, "")
    assert (
        "embed:1000x8:mask,lstm:16:seq:bi=sum,gru:16:seq:x2,rnn:5:nobias,dropout:0.5,dense:4:softmax" in result.stdout
    )


def test_one_of_several_models_is_chosen(rnncli: Run) -> None:
    path = SOURCES / "torch_classes.py"
    result = rnncli("summary", path)
    assert (result.status, result.stdout) == (2, "")
    assert f"{path}::1, {path}::2 or {path}::3" in result.stderr
    result = rnncli("summary", "-q", "--framework", "torch", f"{path}::Tagger")
    assert result.stdout == f"{sum(SAID['torch_classes.py']['tagger']['params'].values())}\n"
    assert result.stderr == f"Note: Tagger is one of 3 recurrent parts of {path}; left out: Classifier, Regressor\n"


def test_a_source_is_compared_with_a_file_of_weights(rnncli: Run) -> None:
    result = rnncli("compare", f"{SOURCES}/torch_modules.py", SOURCES.parent / "gru-3.npz", "-f", "json")
    assert result.status == 0
    assert json.loads(result.stdout.splitlines()[0])["spec"] == "input:3,gru:5,dense:2"


def test_forward_runs_a_source_as_its_spec_with_a_note(
    rnncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = rnncli("forward", f"{SOURCES}/torch_modules.py", "--seed", 3, "-o", "a.npy", "-f", "json")
    assert source.status == 0
    assert source.stderr.startswith("Note: the file has no weights: they are drawn with seed 3\n")
    rnncli("forward", "input:3,gru:5,dense:2", "--seed", 3, "-o", "b.npy")
    np.testing.assert_array_equal(np.load("a.npy"), np.load("b.npy"))


def test_a_source_has_no_weights_to_give(rnncli: Run) -> None:
    result = rnncli("forward", "input:3,gru:5,dense:2", "--weights", SOURCES / "torch_modules.py")
    assert (result.status, result.stdout) == (1, "")
    assert "torch_modules.py has layers, but no weights" in result.stderr


def test_inspect_gives_the_parts_with_what_was_assumed_and_no_weights(rnncli: Run) -> None:
    text = rnncli("inspect", SOURCES / "torch_modules.py").stdout
    assert "Python source (PyTorch): layers, but no weights" in text
    assert "Assumed: the layers follow one another in the order of __init__" in text
    found = json.loads(rnncli("inspect", "-f", "json", SOURCES / "torch_classes.py").stdout)
    assert found["format"] == "Python source (PyTorch)"
    said = SAID["torch_classes.py"]
    assert [part["total_params"] for part in found["parts"]] == [sum(each["params"].values()) for each in said.values()]


def test_a_file_with_nothing_recurrent_says_so(rnncli: Run, tmp_path: Path) -> None:
    for source in ("", "print('hello')\n", f"{KERAS}m = Sequential([Dense(3)])"):
        path = written(tmp_path, source)
        result = rnncli("summary", path)
        assert (result.status, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {path} holds nothing recurrent\n")
        assert "Nothing recurrent was found." in rnncli("inspect", path).stdout


# Hostile files

SOUND = f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8)])\n"

HOSTILE: dict[str, bytes] = {
    "no Python": b"this is no Python\n",
    "a syntax of tomorrow": b"match = 1\nx = maybe? y\n",
    "ten megabytes": b"x = 1\n" * 1_700_000,
    "nothing but brackets": b"(" * 400_000,
    "deep brackets": b"f(" * 90 + b"1" + b")" * 90,
    "deep operators": b"x = " + b"-" * 100_000 + b"1",
    "a long sum": b"x = 1" + b"+1" * 100_000,
    "a long chain": b"x = a" + b".b()" * 90_000,
    "a middling chain": b"x = a" + b".b(1)" * 400,
    "a chain of layers": SOUND.encode() + b"x = Input((None, 3))\n" + b"x = LSTM(8, return_sequences=1)(x)\n" * 7_000,
    "nested calls": SOUND.encode()
    + b"y = "
    + b"LSTM(8, return_sequences=True)(" * 80
    + b"Input((None, 3))"
    + b")" * 80,
    "a null byte": b"x = 1\0\n",
    "bytes of another encoding": b"x = '\xff\xfe'\n",
    "an encoding that is none": b"# coding: nonsense\nx = 1\n",
    "a number of a million digits": b"x = " + b"9" * 400_000,
    "a large power": f"{KERAS}m = Sequential([Input((None, 3)), LSTM(9 ** 9 ** 9)])".encode(),
    "a large product": f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8 * 10 ** 60)])".encode(),
    "a long list": f"{KERAS}m = Sequential([LSTM(8)] * 10 ** 9)".encode(),
    "doublings": (f"{KERAS}x = [1]\n" + "x = x + x\n" * 200).encode(),
    "loops in loops": (
        KERAS + "".join(" " * n + "for i in range(99):\n" for n in range(15)) + " " * 15 + "LSTM(3)"
    ).encode(),
    "a function that calls itself": f"{KERAS}def f(x):\n    return f(f(x))\nf(LSTM(3))".encode(),
    "functions that fan out": "".join(
        f"def f{n}(x=1):\n  return f{n + 1}(f{n + 1}(f{n + 1}(x)))\n" for n in range(40)
    ).encode(),
    "a model in itself": f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8)])\nm.add(m)\n".encode(),
    "a class that is its own base": b"class A: pass\nclass A(A): pass\nA().x()\n",
    "a name with an escape": f"{KERAS}m = Sequential([Input((None, 3)), LSTM(8, name='\\x1b[31m\\n')])".encode(),
    "a line end in a number": f"{TORCH}x = nn.LSTM(3,\n\n  'a\\n\\x1b[2J')".encode(),
    "a star without an end": b"from keras.layers import *\nm = Sequential([*x, *y])\n",
    "many levels": f"{TORCH}x = nn.LSTM(3, 4, 10 ** 9)".encode(),
    "many classes": "".join(
        f"class A{n}(nn.Module):\n  def __init__(s):\n    s.r=nn.GRU(3,4)\n" for n in range(3000)
    ).encode(),
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_clear_error_or_an_answer_at_once(source: bytes, rnncli: Run, tmp_path: Path) -> None:
    path = written(tmp_path, source)
    with patience():
        result = rnncli("inspect", path, "-f", "json")
    assert result.status in (0, 1)
    assert "\x1b" not in result.stdout + result.stderr
    assert result.stderr.count("Error: ") == result.status
    assert len(result.stderr.splitlines()) <= 2


SAME = {
    "as it is": SOUND.encode(),
    "a byte order mark": b"\xef\xbb\xbf" + SOUND.encode(),
    "line ends of Windows": SOUND.replace("\n", "\r\n").encode(),
    "line ends of old Macs": SOUND.replace("\n", "\r").encode(),
    "tabs": f"{KERAS}def build():\n\treturn Sequential([Input((None, 3)), LSTM(8)])\n".encode(),
    "Latin-1": f"# coding: latin-1\nstädte = 8\n{KERAS}m = Sequential([Input((None, 3)), LSTM(städte)])".encode(
        "latin-1"
    ),
    "Japanese": f"# -*- coding: shift_jis -*-\n層 = 8\n{KERAS}m = Sequential([Input((None, 3)), LSTM(層)])".encode(
        "shift_jis"
    ),
    "no line end": SOUND.strip().encode(),
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_a_file_is_the_same_in_any_encoding_and_with_any_line_ends(source: bytes, tmp_path: Path) -> None:
    assert specs(open_model(str(written(tmp_path, source)))) == ["input:3,lstm:8"]


def test_a_file_that_is_no_python_is_one_line_with_its_line_number(rnncli: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "x = 1\ny = (\nz = 2 3\n")
    result = rnncli("summary", path)
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path}: it is no Python: line ")
    assert len(result.stderr.splitlines()) == 1
    path = written(tmp_path, b"x = 1\ny = '\xff'\n")
    assert "line 2 has a byte that cannot be read" in rnncli("summary", path).stderr


def test_nothing_of_a_file_is_run_or_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
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
    (tmp_path / "dangerous.py").write_text("open('ran', 'w')\n")
    model = open_model(str(written(tmp_path, source)))
    assert specs(model) == ["input:3,lstm:8"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangerous.py", "model.py"]


# Any network in any style


def listed(lines: list[str]) -> str:
    return "model = Sequential([\n    " + ",\n    ".join(lines) + ",\n])"


def added(lines: list[str]) -> str:
    body = "".join(f"    model.add({line})\n" for line in lines)
    return f"def build_model():\n    model = Sequential()\n{body}    return model\n"


def chained(lines: list[str]) -> str:
    first, *rest = lines
    calls = "".join(f"x = {line}(x)\n" for line in rest)
    vectors, ids = f"x = inputs = {first}\n", f"inputs = Input((None,))\nx = {first}(inputs)\n"
    return f"{ids if 'Embedding' in first else vectors}{calls}model = keras.Model(inputs, x)\n"


def nested(lines: list[str]) -> str:
    first, *rest = lines
    text = f"{first}(Input((None,)))" if "Embedding" in first else first
    for line in rest:
        text = f"{line}({text})"
    return f"y = {text}\n"


def in_variables(lines: list[str]) -> str:
    named = "".join(f"layer_{number} = {line}\n" for number, line in enumerate(lines))
    row = ", ".join(f"layer_{number}" for number in range(len(lines)))
    return f"{named}model = Sequential()\nfor layer in [{row}]:\n    model.add(layer)\n"


STYLES = {"list": listed, "add": added, "chain": chained, "nested": nested, "variables": in_variables}
HEAD = "import keras\nfrom keras import Input, Sequential, layers\n"


def readable(network: Network) -> bool:
    """Whether a network has a recurrent layer, and before the first of them nothing makes a vector of the sequence."""
    loops = [index for index, layer in enumerate(network.layers) if layer.states]
    return bool(loops) and all(layer.returns != "vector" for layer in network.layers[: loops[0]])


@settings(max_examples=100)
@given(networks(), st.sampled_from(sorted(STYLES)))
def test_a_network_written_for_keras_in_any_style_is_read_as_the_same_network(
    tmp_path_factory: pytest.TempPathFactory, network: Network, style: str
) -> None:
    assume(readable(network))
    source = HEAD + STYLES[style]([in_keras(layer) for layer in network.layers])
    (part,) = open_model(str(written(tmp_path_factory.getbasetemp(), source))).parts
    assert part.network == network


def in_torch(layer: Layer, features: int) -> str | None:
    """A layer as a module, or None if PyTorch has none for it."""
    match layer:
        case Recurrent() if layer.conflict("torch") is None and not layer.go_backwards:
            nonlinearity = f", nonlinearity={layer.activation!r}" if layer.torch == "RNN" else ""
            both = layer.merge_mode is not None
            options = f"bias={layer.use_bias}, bidirectional={both}{nonlinearity}"
            return f"nn.{layer.torch}({features}, {layer.units}, {options})"
        case Embedding(mask_zero=False):
            return f"nn.Embedding({layer.input_dim}, {layer.output_dim})"
        case Dropout():
            return f"nn.Dropout({layer.rate!r})"
        case Norm() if layer.conflict("torch") is None:
            affine = f"elementwise_affine={layer.scale}, bias={layer.center}"
            return f"nn.LayerNorm({features}, eps={layer.epsilon}, {affine})"
        case Dense(activation="linear"):
            return f"nn.Linear({features}, {layer.units}, {layer.use_bias})"
    return None


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
                layers.append(Norm(layer.center and layer.scale, layer.scale, layer.epsilon))
            case Dense():
                layers.append(Dense(layer.units, layer.use_bias))
            case Dropout():
                layers.append(layer)
    loops = [index for index, layer in enumerate(layers) if layer.states]
    for index in loops[-1:]:
        layers[index] = layers[index].returning("vector") or layers[index]
    return Network(layers)


@settings(max_examples=100)
@given(networks().map(for_torch), st.booleans())
def test_a_network_written_for_pytorch_is_read_as_the_same_network(
    tmp_path_factory: pytest.TempPathFactory, network: Network, contained: bool
) -> None:
    assume(any(layer.states for layer in network.layers))
    lines = []
    for layer, (reads, _) in zip(network.body, network.shapes(), strict=True):
        line = in_torch(layer, reads[-1] or 0)
        assert line is not None
        lines.append(line)
    assume(not isinstance(network.body[0], Dropout))  # it does not say how many features it reads
    if contained:
        body = f"        self.all = nn.Sequential({', '.join(map(str, lines))})\n"
    else:
        body = "".join(f"        self.layer_{number} = {line}\n" for number, line in enumerate(lines))
    source = f"from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{body}"
    (part,) = open_model(str(written(tmp_path_factory.getbasetemp(), source))).parts
    assert part.network == network
