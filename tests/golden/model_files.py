"""Make the small model files that the tests read, with real frameworks: `make golden` runs it too.

    python tests/golden/model_files.py

Each file has the weights of a small network. `models.json` has the spec that each should be read as, and `models.npz`
an input and the framework's output. `torch.zip` has one module in every form in which PyTorch saves it, with the other
content that such files have in practice.
"""

from __future__ import annotations

import argparse
import datetime
import enum
import io
import json
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from safetensors.torch import save_file

from rnncli import Network

HERE = Path(__file__).parent / "models"


NETWORKS = (("RNN", 2, False), ("LSTM", 2, True), ("GRU", 1, True), ("LSTM", 1, False), ("GRU", 3, False))
"""The cell, its number of layers, and whether it is bidirectional."""


class Classifier(torch.nn.Module):
    """An embedding, a stack of one cell, and a dense layer on its last output, in the usual style."""

    def __init__(self, cell: str, layers: int, both: bool) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(9, 4)
        self.rnn = getattr(torch.nn, cell)(4, 3, num_layers=layers, batch_first=True, bidirectional=both)
        self.out = torch.nn.Linear(3 * (1 + both), 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (batch, 2)."""
        _, state = self.rnn(self.embed(ids))
        last = state[0] if isinstance(state, tuple) else state
        return self.out(torch.cat(list(last[-(1 + self.rnn.bidirectional) :]), dim=-1))


def spec_of(cell: str, layers: int, both: bool) -> str:
    """Return the spec that a classifier should be read as."""
    kind = {"RNN": "rnn", "LSTM": "lstm", "GRU": "gru"}[cell]
    options = ":bi" if both else ""
    stack = [f"{kind}:3:seq{options}"] * (layers - 1) + [f"{kind}:3{options}"]
    return str(Network.parse(",".join(["embed:9x4", *stack, "dense:2"])))


class Tied(torch.nn.Module):
    """A language model whose decoder shares its encoder's matrix, as in PyTorch's word_language_model."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Embedding(9, 4)
        self.rnn = torch.nn.LSTM(4, 4, batch_first=True)
        self.decoder = torch.nn.Linear(4, 9)
        self.decoder.weight = self.encoder.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the outputs for the last id, (batch, 9)."""
        return self.decoder(self.rnn(self.encoder(ids))[0][:, -1])


class Convolutional(torch.nn.Module):
    """A convolution over an embedding's vectors, then batch normalisation, then a cell."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(9, 4)
        self.conv = torch.nn.Conv1d(4, 5, 3)
        self.norm = torch.nn.BatchNorm1d(5)
        self.rnn = torch.nn.GRU(5, 3, batch_first=True)
        self.out = torch.nn.Linear(3, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (batch, 2)."""
        read = self.norm(self.conv(self.embed(ids).transpose(1, 2))).transpose(1, 2)
        return self.out(self.rnn(read)[1][-1])


def files() -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Write the files; yield each file's name, its spec, an input and the framework's output."""
    ids = torch.tensor([[1, 5, 0, 8, 2], [7, 7, 3, 1, 4]])
    for cell, layers, both in NETWORKS:
        torch.manual_seed(layers + both)
        model = Classifier(cell, layers, both)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        model(ids).sum().backward()
        optimizer.step()
        state = model.state_dict()
        name = f"{cell.lower()}-{layers}{'-bi' if both else ''}"
        answer = (spec_of(cell, layers, both), ids.numpy(), model(ids).detach().numpy())
        save_file(state, HERE / f"{name}.safetensors")
        yield f"{name}.safetensors", *answer
        np.savez(HERE / f"{name}.npz", **{key: tensor.numpy() for key, tensor in state.items()})
        yield f"{name}.npz", *answer
        if (cell, layers) == ("LSTM", 2):
            checkpoint = {
                "epoch": 3,
                "model_state_dict": state,
                "optimizer_state_dict": optimizer.state_dict(),
                **BESIDE_THE_TENSORS,
            }
            for file, value, zipped in (
                ("plain.pt", state, True),
                ("before-1.6.pth", state, False),
                ("checkpoint.ckpt", checkpoint, True),
                ("parallel.pt", OrderedDict((f"module.{key}", tensor) for key, tensor in state.items()), True),
            ):
                torch.save(value, HERE / file, _use_new_zipfile_serialization=zipped)
                yield file, *answer
    torch.manual_seed(0)
    tied = Tied()
    torch.save(tied.state_dict(), HERE / "tied.pt")
    yield "tied.pt", "embed:9x4,lstm:4,dense:9", ids.numpy(), tied(ids).detach().numpy()
    convolutional = Convolutional()
    convolutional(ids)  # in training mode, which updates the mean and variance
    answer = (ids.numpy(), convolutional.eval()(ids).detach().numpy())
    torch.save(convolutional.state_dict(), HERE / "conv.pt")
    save_file(convolutional.state_dict(), HERE / "conv.safetensors")
    for name in ("conv.pt", "conv.safetensors"):
        yield name, "embed:9x4,conv:5x3,bnorm:eps=1e-5,gru:3,dense:2", *answer


BESIDE_THE_TENSORS = {
    "loss": np.float64(1.5),
    "best": np.float32(2),
    "losses": np.arange(3.0),
    "classes": np.array(["yes", "no"], object),
    "args": argparse.Namespace(lr=0.1, folder=Path("runs/1"), betas=(0.9, 0.999)),
    "saved": datetime.datetime(2026, 11, 25, 12, 0),
    "history": defaultdict(list, loss=[1.5]),
    "counts": Counter("abc"),
    "last": deque([1, 2]),
    "seen": {1, 2},
    "numbers": (1 + 2j, b"bytes"),
    "random": np.random.RandomState(0).get_state(),
}
"""Other content that training scripts put into a checkpoint."""


class Small(torch.nn.Module):
    """A cell and a dense layer, with an unsaved buffer and a scalar buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(3, 2)
        self.act = torch.nn.ReLU()
        self.out = torch.nn.Linear(2, 1)
        self.register_buffer("hidden", torch.zeros(5), persistent=False)
        self.plain = torch.zeros(2)
        with torch.no_grad():
            for number, weight in enumerate(self.parameters()):
                weight.copy_(torch.arange(weight.numel()).reshape(weight.shape) / 8 + number)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (batch, 1)."""
        return self.out(self.act(self.rnn(x)[0][-1]))


class Config:
    """A training script's own settings class."""

    def __init__(self) -> None:
        self.lr = 0.1
        self.sizes = [1, 2]


class Attributes(dict):
    """A dictionary subclass, like Lightning's hyperparameters."""


class Mode(enum.Enum):
    """A choice."""

    TRAIN = 1


Metric = namedtuple("Metric", "loss accuracy")


def saved(value: Any, **options: Any) -> bytes:
    """Return the bytes that torch.save writes."""
    made = io.BytesIO()
    torch.save(value, made, **options)
    return made.getvalue()


def scripted(module: Any) -> bytes:
    """Return the bytes that torch.jit.save writes."""
    made = io.BytesIO()
    torch.jit.save(module, made)
    return made.getvalue()


def torch_files() -> Iterator[tuple[str, bytes]]:
    """Yield files with the state of one small module, and with other content found in practice."""
    model = Small()
    state = model.state_dict()
    for protocol in range(6):
        yield f"protocol-{protocol}.pt", saved(state, pickle_protocol=protocol)
        yield (
            f"protocol-{protocol}-before-1.6.pt",
            saved(state, pickle_protocol=protocol, _use_new_zipfile_serialization=False),
        )
    for protocol in (0, 2, 5):
        yield f"module-{protocol}.pt", saved(model, pickle_protocol=protocol)
    yield "module-before-1.6.pt", saved(model, _use_new_zipfile_serialization=False)
    yield "module-in-modules.pt", saved(torch.nn.DataParallel(torch.nn.Sequential(OrderedDict(net=model))))
    relu = torch.nn.ReLU()
    around = (torch.nn.Linear(3, 4), relu, torch.nn.GRU(4, 2), torch.nn.Linear(2, 2), relu, torch.nn.Linear(2, 1))
    yield "module-activations.pt", saved(torch.nn.Sequential(*around, torch.nn.BatchNorm1d(1), relu))
    nothing = (torch.nn.Dropout1d(), torch.nn.ModuleList(), torch.nn.CrossEntropyLoss())
    yield "module-nothing.pt", saved(torch.nn.Sequential(torch.nn.GRU(3, 2), *nothing))
    yield "module-relu.pt", saved(torch.nn.RNN(3, 2, nonlinearity="relu"))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(4, 1, 3)).sum().backward()
    optimizer.step()
    for number, weight in enumerate(Small().parameters()):
        [*model.parameters()][number].data.copy_(weight.data)
    adam = {"state": {2**44 + 16 * n: each for n, each in enumerate(optimizer.state.values())}, "param_groups": [{}]}
    yield "optimizer.pt", saved({"model": state, "any_name": adam, "optim": optimizer.state_dict()})
    yield "optimizer-alone.pt", saved(optimizer.state_dict())
    yield "optimizer-object.pt", saved({"net": model, "trainer": optimizer})
    yield (
        "training.ckpt",
        saved(
            {
                "state_dict": state,
                "loss": torch.tensor(0.5),
                "rng_state": torch.arange(8, dtype=torch.uint8),
                "callbacks": {"best": {"score": torch.tensor(1.0)}},
                **dict.fromkeys([(1, 2), 1.5, b"a", np.int64(3), np.float32(2), Mode.TRAIN, None, 2**90], 1),
                "metric": Metric(1, 2),
                "counts": defaultdict(int, a=1),
                "hyper_parameters": Attributes(lr=0.1),
                "config": Config(),
                "version": torch.__version__,
                "functions": [saved, Config, len],
                "types": [torch.float32, torch.device("cpu"), torch.Size([1])],
                "arrays": [np.arange(3), np.float64(1)],
            }
        ),
    )
    yield "averaged.pt", saved({"model": state, "ema": {key: tensor + 1 for key, tensor in state.items()}})
    yield "averaged-module.pt", saved(torch.optim.swa_utils.AveragedModel(model).state_dict())
    yield "tuple-keys.pt", saved({tuple(key.split(".")): tensor for key, tensor in state.items()})
    tagged = torch.nn.Parameter(torch.ones(2))
    tagged.tag = Config()
    named = torch.ones(2)
    named.tag = "a tag"
    yield (
        "attributes.pt",
        saved({**state, "parameter": tagged, "tensor": named, "buffer": torch.nn.Buffer(torch.ones(2))}),
    )
    yield (
        "not-read.pt",
        saved(
            {
                **state,
                "coo": torch.eye(3).to_sparse(),
                "csr": torch.eye(3).to_sparse_csr(),
                "meta": torch.zeros(3, 4, device="meta"),
                "quantised": torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8),
                "conjugated": torch.ones(2, dtype=torch.complex64).conj(),
                "complex32": torch.ones(2, dtype=torch.complex32),
                "lazy": torch.nn.LazyLinear(3).weight,
                "nested": torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
            }
        ),
    )
    types = (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint64)
    yield "types.pt", saved({str(dtype)[6:]: torch.tensor([0, 1, 2]).to(dtype) for dtype in types})
    views = torch.arange(6.0).reshape(2, 3)
    yield "views.pt", saved({"turned": views.t(), "column": views[:, 1], "repeated": views[:1, :1].expand(2, 2)})
    yield "scripted.pt", scripted(torch.jit.script(model))
    yield "traced.jit", scripted(torch.jit.trace(model.eval(), torch.zeros(4, 1, 3)))
    packed = torch.ao.quantization.quantize_dynamic(Small(), {torch.nn.GRU, torch.nn.Linear})
    yield "packed.pt", saved(packed.state_dict())
    yield "packed-whole.pt", saved(packed)
    yield "frozen.pt", scripted(torch.jit.freeze(torch.jit.script(model.eval())))
    yield "arrays.pkl", pickle.dumps({key: tensor.numpy() for key, tensor in state.items()})
    for name, data in (("deflated.pt", saved(state)), ("deflated.jit", scripted(torch.jit.script(model)))):
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for member in archive.namelist():
                packed.writestr(zipfile.ZipInfo(member), archive.read(member), zipfile.ZIP_DEFLATED)
        yield name, made.getvalue()


def odd() -> None:
    """Write a file with other arrays in addition to a recurrent part, and with a cell that cannot be expressed."""
    generator = np.random.default_rng(0)
    shapes = {
        **{f"cnn.{number}.weight": (2, 2, 3) for number in range(3)},
        "rnn.weight_ih_l0": (4, 2),
        "rnn.weight_hh_l0": (4, 4),
        "other.weight_ih_l0": (8, 3),
        "other.weight_hh_l0": (8, 2),
        "other.weight_hr_l0": (2, 2),
    }
    np.savez(
        HERE / "odd.npz", **{name: generator.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    )


def main() -> None:
    """Write the files and their expected specs."""
    HERE.mkdir(exist_ok=True)
    expected: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, spec, x, y in files():
        expected[name] = spec
        arrays |= {f"{name}/x": x.astype("int32"), f"{name}/y": y}
    odd()
    with zipfile.ZipFile(HERE / "torch.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in torch_files():
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(spec)}" for name, spec in expected.items())
    (HERE / "models.json").write_text(f"{{\n{lines}\n}}\n")
    np.savez_compressed(HERE / "models.npz", **arrays)
    print(f"{len(expected)} model files")


if __name__ == "__main__":
    main()
