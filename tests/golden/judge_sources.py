"""Write random PyTorch modules, run them, and read their source: `make judge` runs it too.

    python tests/golden/judge_sources.py --modules 1000 --seed 0

A module does at random what people do with tensors: it picks outputs and states, turns axes, joins, pools, repeats,
and loops over timesteps or layers. With the module's weights, rnncli must compute its output from its source, or say
what it leaves out or does differently. Each silent difference is printed with the source. The status is 1 if there is
one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

import rnncli

BATCH, TIMESTEPS, IDS = 3, 6, 20
TOLERANCE = 2e-4
WITHOUT_FAULT = ("right", "said", "left out", "refused")


class Tensor(NamedTuple):
    """What x is at some line of a module: "btf", "tbf", "bft" or "bf", and its number of features."""

    axes: str
    features: int


TURNS = {
    ("btf", "tbf"): ("transpose(0, 1)", "permute(1, 0, 2)", "swapaxes(0, 1)"),
    ("btf", "bft"): ("transpose(1, 2)", "permute(0, 2, 1)", "transpose(-1, -2)", "mT"),
    ("tbf", "btf"): ("transpose(0, 1)", "permute(1, 0, 2)"),
    ("bft", "btf"): ("transpose(1, 2)", "permute(0, 2, 1)"),
    ("bft", "tbf"): ("permute(2, 0, 1)",),
}


def each(text: str) -> list[str]:
    """Return the expressions of a text, which are separated by semicolons."""
    return [" ".join(expression.split()) for expression in text.split(";")]


POINTWISE = each(
    """
    F.relu(x); torch.tanh(x); x.sigmoid(); F.softmax(x, dim=-1); F.softmax(x, dim=0); F.softmax(x, 1);
    F.log_softmax(x, -1); F.elu(x); F.gelu(x); F.softplus(x); F.leaky_relu(x); F.dropout(x, 0.5, self.training);
    x.clamp(min=0); x * 2; x + x; 1 - x; -x; x.exp(); x.abs(); x.clone(); x.contiguous(); x.float(); x.relu_();
    F.normalize(x, dim=-1)
    """
)
MODULES = each(
    """
    ReLU(); Tanh(); Sigmoid(); GELU(); SiLU(); ELU(); LeakyReLU(0.2); PReLU(); Softmax(dim=-1); Softmax(dim=1);
    Softsign(); Dropout(0.3); Identity(); LayerNorm({f}); RMSNorm({f}); LogSoftmax(dim=-1); Hardtanh()
    """
)
ON_VECTORS = each(
    """
    x[:, :2]; x.squeeze(); x.squeeze(1); x.view(x.size(0), -1); x.t().t(); x.unsqueeze(1);
    x.unsqueeze(1).repeat(1, 4, 1); x.unsqueeze(1).expand(-1, 4, -1); torch.stack([x] * 4, 1)
    """
)
IN_TIME = each(
    """
    x.flip({t}); torch.flip(x, [{t}]); x.roll(1, {t}); x.cumsum({t}); torch.cat([x, x], {t}); x[:, 1:]; x[:, :-1];
    x[:, ::2]; x[:, -3:]; x[..., :2]; F.pad(x, (0, 0, 1, 0)); x.narrow({t}, 1, 3)
    """
)
TO_VECTOR = each(
    """
    select({t}, -1); select({t}, 0); mean({t}); sum({t}); amax({t}); amin({t}); max({t})[0]; max({t}).values;
    min({t})[0]; unbind({t})[-1]; split(1, {t})[-1].squeeze({t}); chunk(2, {t})[1].mean({t}); mean(0); flatten(1);
    reshape(x.size(0), -1); gather({t}, torch.zeros_like(x).long()).select({t}, 0)
    """
)
OF_ONE = each(
    """
    h[-1]; h[0]; h.squeeze(0); h.squeeze(); h[-1, :, :]; c[-1]; h.sum(0); h.mean(0); h.view(-1, {h});
    h.permute(1, 0, 2).flatten(1); torch.cat([h[-1], c[-1]], 1); h.transpose(0, 1).reshape(h.size(1), -1); h
    """
)
OF_TWO = each(
    """
    torch.cat([h[-2], h[-1]], 1); torch.cat((h[-2, :, :], h[-1, :, :]), dim=1); torch.cat([h[-1], h[-2]], 1); h[-1];
    h[-2]; h[0]; c[-1]; torch.cat([h[0], h[1]], -1); torch.cat(list(h), -1); torch.cat([c[-2], c[-1]], 1);
    h[-2] + h[-1]; h[-2] * h[-1]; h.mean(0); h.view(-1, 2, h.size(1), {h})[-1].sum(0); torch.cat(tuple(h[-2:]), 1);
    h.transpose(0, 1).reshape(h.size(1), -1)
    """
)
LOOPS = each(
    """
    for t in range(x.size(1)); for t in range(x.shape[1]); for t in range(6); for x_t in x.unbind(1);
    for x_t in x.transpose(0, 1); for t in reversed(range(x.size(1))); for t in range(1, x.size(1));
    for t in range(0, x.size(1), 2); for t in list(range(x.size(1)))[::-1]; for _, t in enumerate(range(x.size(1)));
    for x_t in x.unbind(1)[:-1]; for x_t in x.flip(1).unbind(1); for x_t in x.chunk(x.size(1), 1)
    """
)
TAKEN = each(
    """
    x[:, t]; x[:, t, :]; x[:, t]; x[:, x.size(1) - 1 - t]; x[:, -t - 1]; x[:, t - 1]; x[:, t // 2]; x[:, 0]; x[:, -1];
    x[:, max(t - 1, 0)]; x.select(1, t); x.mean(1); x[:, :t + 1].mean(1)
    """
)
GATHERED = each(
    """
    torch.stack(outs, 1); torch.stack(outs).transpose(0, 1); torch.stack(outs, dim=0).permute(1, 0, 2); outs[-1];
    outs[0]; h; torch.cat(outs, 1); torch.stack(outs[::-1], 1); torch.stack(outs, 1)[:, -1];
    torch.stack(outs, 1).mean(1); torch.cat([o.unsqueeze(1) for o in outs], 1)
    """
)
OVER_LAYERS = each(
    """
    x = layer(x); x = x + layer(x); x = torch.tanh(layer(x))
    """
)


class Writer:
    """Writes one module line by line, and runs it to learn the shape of what the next line reads."""

    def __init__(self, random: Random) -> None:
        self.random, self.made, self.lines = random, list[str](), list[str]()
        self.ids, self.features = random.random() < 0.3, random.randint(4, 6)

    def layer(self, call: str) -> str:
        """Add a layer, and return its name."""
        self.made.append(f"self.l{len(self.made)} = nn.{call}")
        return f"self.l{len(self.made) - 1}"

    def pick(self, *choices: str, **values: object) -> str:
        """Return one of some expressions, with values for what it leaves open."""
        return self.random.choice(choices).format(**values)

    def line(self, x: Tensor) -> None:
        """Write what is done with x next."""
        most = 4 if x.axes != "bf" else 3
        (self.on_vectors if x.axes == "bf" else self.on_sequences)(x, self.random.randrange(most))

    def on_vectors(self, x: Tensor, kind: int) -> None:
        """Write a line on vectors."""
        if kind == 0:
            name = self.layer(f"Linear({x.features}, {self.random.choice((2, 3, x.features))})")
            self.lines.append(f"x = {self.pick('{l}(x)', 'F.relu({l}(x))', 'F.linear(x,{l}.weight,{l}.bias)', l=name)}")
        elif kind == 1 and self.random.random() < 0.5:
            listed = f"nn.Linear({x.features}, {x.features})"
            name = self.layer(f"ModuleList([{listed} for _ in range({self.random.randint(1, 3)})])")
            order = self.pick(name, f"reversed({name})", f"{name}[:1]", f"{name}[::-1]")
            self.lines.append(f"for layer in {order}:\n            {self.pick(*OVER_LAYERS)}")
        elif kind == 1:
            self.lines.append(f"x = {self.layer(self.pick(*MODULES, f=x.features))}(x)")
        else:
            self.lines.append(f"x = {self.pick(*POINTWISE, *ON_VECTORS)}")

    def on_sequences(self, x: Tensor, kind: int) -> None:
        """Write a line on sequences."""
        axis = x.axes.index("t")
        if kind == 0 and self.random.random() < 0.6:
            wanted, how = self.random.choice([each for each in TURNS.items() if each[0][0] == x.axes])
            self.lines.append(f"x = x.{self.pick(*how)}  # {wanted[1]}")
        elif x.axes == "bft":
            size = self.random.randint(1, 3)
            options = self.pick("", "", ", padding='same'", ", padding=1", ", stride=2")
            conv = self.layer(f"Conv1d({x.features}, {self.random.randint(2, 4)}, {size}{options})")
            self.lines.append(f"x = {self.pick('{l}(x)', 'F.relu({l}(x))', 'F.max_pool1d({l}(x),2)', l=conv)}")
        elif kind == 1:
            how = self.pick(*TO_VECTOR, t=axis)
            self.lines.append(f"x = x.{how}")
        elif kind == 0:
            dense = self.layer(f"Linear({x.features}, {self.random.randint(2, 4)})")
            self.lines.append(f"x = {self.pick(*['{l}(x)'] * 20, *POINTWISE, *IN_TIME, t=axis, l=dense)}")
        elif kind == 2 and x.axes == "btf" and self.random.random() < 0.5:
            self.cell(x)
        else:
            self.recurrent(x)

    def recurrent(self, x: Tensor) -> None:
        """Write a call of a recurrent layer, and perhaps what is taken from its states."""
        kind, units = self.random.choice(("LSTM", "GRU", "RNN")), self.random.randint(3, 5)
        told = any("batch_first" in line for line in self.made)  # else the input may be one that has its time first
        first = ", batch_first=True" * ((x.axes == "btf") != (told and self.random.random() < 0.05))
        both = self.random.random() < 0.3
        more = self.pick("", "", ", bias=False", ", num_layers=2", ", num_layers=2", ", dropout=0.1, num_layers=2")
        name = self.layer(f"{kind}({x.features}, {units}{more}{first}{', bidirectional=True' * both})")
        states, result = "(h, c)" if kind == "LSTM" else "h", self.pick("x", "x", "_")
        taken = self.pick(*(OF_TWO if both else OF_ONE), h=units) if result == "_" else "x"
        self.lines += [f"{result}, {states} = {name}(x)", *[f"x = {taken}"] * (taken != "x")]

    def cell(self, x: Tensor) -> None:
        """Write a loop of a cell over timesteps."""
        kind, units = self.random.choice(("LSTM", "GRU", "RNN")), self.random.randint(3, 5)
        name, loop = self.layer(f"{kind}Cell({x.features}, {units})"), self.pick(*LOOPS)
        now = ("x_t[:, 0]" if "chunk" in loop else "x_t") if "x_t" in loop else self.pick(*TAKEN)
        state, started = ("(h, c)", "h = c") if kind == "LSTM" else ("h", "h")
        given = self.pick(f", {state}", f", {state}", f", {state}", "")
        held = self.pick("outs.append(h)", "outs.append(h)", "outs.insert(0, h)", "outs.append(torch.tanh(h))")
        begin = f"{started} = x.new_zeros(x.size(0), {units})"
        body = f"            {state.strip('()')} = {name}({now}{given})\n            {held}"
        self.lines += [begin, "outs = []", f"{loop}:\n{body}", f"x = {self.pick(*GATHERED)}"]

    def source(self) -> str:
        """Return the module so far."""
        embedding = [f"self.embedding = nn.Embedding({IDS}, {self.features})"] * self.ids
        made = "".join(f"        {line}\n" for line in [*embedding, *self.made])
        lines = "".join(
            f"        {line}\n" for line in [*["x = self.embedding(x)"] * self.ids, *self.lines, "return x"]
        )
        head = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\nclass Model(nn.Module):\n"
        return f"{head}    def __init__(self):\n        super().__init__()\n{made}\n    def forward(self, x):\n{lines}"


def run(writer: Writer, seed: int) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """Return the module, an input and its output; whatever error the module raises comes out of it."""
    names: dict[str, type[torch.nn.Module]] = {}
    torch.manual_seed(seed)
    exec(writer.source(), names)  # it was written here
    module = names["Model"]().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    shape = (BATCH, TIMESTEPS)
    x = torch.randint(1, IDS, shape) if writer.ids else torch.randn(*shape, writer.features)
    with torch.no_grad():
        return module, x, module(x)


def written(random: Random) -> Writer:
    """Return a module of one to six lines that runs and has a recurrent layer."""
    while True:
        writer, x = Writer(random), None
        axes = "btf"
        for _ in range(random.randint(1, 6)):
            before = [*writer.made], [*writer.lines]
            x = Tensor(axes, writer.features if x is None else x.features)
            writer.line(x)
            try:
                *_, y = run(writer, 0)
            except (RuntimeError, IndexError, ValueError, TypeError, NameError, AttributeError, AssertionError):
                writer.made, writer.lines = before
                continue
            if y.dim() not in (2, 3):
                writer.made, writer.lines = before
                continue
            turned = writer.lines[-1].rpartition("# ")[2]
            axes = (
                "bf" if y.dim() == 2 else turned if turned in ("btf", "tbf", "bft") else axes if axes != "bf" else "btf"
            )
            x = Tensor(axes, y.shape[axes.index("f")])
        if any(kind in line for line in writer.made for kind in ("LSTM", "GRU", "RNN")):
            return writer


def judged(writer: Writer, folder: Path, seed: int) -> str:
    """Return what rnncli makes of a module, one of `WITHOUT_FAULT`, or what it silently makes of it instead."""
    module, x, y = run(writer, seed)
    (folder / "model.py").write_text(writer.source())
    save_file({name: each.contiguous() for name, each in module.state_dict().items()}, folder / "w.safetensors")
    try:
        network = rnncli.Network.read(str(folder / "model.py"))
        if network.origin.left_out:
            return "left out"
        model = rnncli.Model(network)
        model.load_weights(str(folder / "w.safetensors"))
        found = model(x.numpy())
    except rnncli.RnncliError:
        return "refused"
    found, wanted = np.ravel(found), [np.ravel(each.numpy()) for each in (y, y.transpose(0, 1))]
    if any(each.size == found.size and np.allclose(each, found, atol=TOLERANCE, rtol=1e-3) for each in wanted):
        return "right"
    return "said" if network.origin.assumed else f"{network} computes something else"


def main() -> int:
    """Run the judge and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = Random(f"sources {options.seed}")
    counts: Counter[str] = Counter()
    for number in range(options.modules):
        writer = written(random)
        with TemporaryDirectory() as folder:
            said = judged(writer, Path(folder), number)
        counts[said if said in WITHOUT_FAULT else "different"] += 1
        if said not in WITHOUT_FAULT:
            print(f"{said}:\n{writer.source()}", file=sys.stderr)
    told = ", ".join(f"{counts[name]} {name}" for name in WITHOUT_FAULT)
    print(f"{options.modules:,} modules read: {told}; {counts['different']:,} differences")
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
