"""Record other tools' counts for a network: `make golden` runs it.

    python tests/golden/other_tools.py --networks 300

`other_tools.json` holds the counts of torchinfo, PyTorch's FlopCounterMode, thop and fvcore for some networks, exported
by rnncli as modules. Random networks are checked as well; the status is 1 if `rnncli explain --others` disagrees on one
of them. PyTorch's recurrent layers run on the CPU, in float32.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import thop
import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from golden.data import enough_timesteps, write_lines
from golden.generate import random_input, random_layers, random_stack, small_size
from kinds import KINDS
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from rnncli import Network
from rnncli.errors import SpecError
from rnncli.export import Job, export
from rnncli.reports.other_tools import other_counts

HERE = Path(__file__).parent

NETWORKS = (
    "embed:1000x32,rnn:32:seq,rnn:32",
    "embed:1000x16,lstm:32:seq:bi,dropout:0.2,lstm:32:bi,dense:10:softmax",
    "input:8,gru:5:seq:nobias:x3,norm,dense:4:nobias",
    "input:8,gru:5:seq:back,norm:nobias:noscale,lstm:4,repeat:6,rnn:3:seq:relu,dense:2",
    "input:40,lstm:256:seq:x2,pool:avg,dense:10",
    "embed:10x4,dense:3,pool:max,norm:nobias,dense:1",
    "input:8,conv:6x3,bnorm,act:relu,gru:4:seq,act:softmax",
)

SIZES = ((1, 1), (1, 7), (3, 1), (4, 9))


def of_torchinfo(model: torch.nn.Module, x: torch.Tensor) -> int:
    """Return torchinfo's total of mult-adds."""
    return torchinfo.summary(model, input_data=[x], verbose=0).total_mult_adds


def of_flop_counter(model: torch.nn.Module, x: torch.Tensor) -> int:
    """Return PyTorch's own count of floating-point operations in the forward pass."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    return counter.get_total_flops()


def of_thop(model: torch.nn.Module, x: torch.Tensor) -> int:
    """Return the MACs from `thop.profile`."""
    return int(thop.profile(model, inputs=(x,), verbose=False)[0])


def of_fvcore(model: torch.nn.Module, x: torch.Tensor) -> int:
    """Return the total FLOPs of fvcore's analysis."""
    return FlopCountAnalysis(model, (x,)).total()


TOOLS: dict[str, tuple[str, Callable[[torch.nn.Module, torch.Tensor], int]]] = {
    "torchinfo": (version("torchinfo"), of_torchinfo),
    "FlopCounterMode of PyTorch": (torch.__version__.split("+")[0], of_flop_counter),
    "thop": (version("thop"), of_thop),
    "fvcore": (version("fvcore"), of_fvcore),
}


def tool_counts(network: Network, batch: int, timesteps: int) -> dict[str, int]:
    """Return each tool's count for a network; each gets a separate module."""
    x = torch.from_numpy(random_input(np.random.default_rng(0), network.layers, batch, timesteps))
    x = x.float() if network.head.vocabulary is None else x
    found = {}
    for tool, (_, count) in TOOLS.items():
        scope: dict[str, Any] = {}
        exec(str(export(Job(network, dict), "torch")), scope)
        found[tool] = count(scope["model"].eval(), x)
    return found


def differences(network: Network, batch: int, timesteps: int, found: dict[str, int]) -> Iterator[str]:
    """Yield the differences between rnncli and the tools."""
    for count in other_counts(network, batch, timesteps):
        if count.version is not None and count.value != found[count.tool]:
            yield f"{network}, {batch} x {timesteps}: {count.tool} {count.value}, actually {found[count.tool]}"


def random_networks(random: Random, number: int) -> Iterator[Network]:
    """Yield random networks without a mask that PyTorch can express, including stacks."""
    while number:
        layers: Sequence[Any] = random_stack(random) if random.random() < 0.3 else random_layers(random, small_size)
        network = Network(layers)
        try:
            network.summary(framework="torch")
        except SpecError:
            continue
        if not network.head.mask_zero and len(network.body):
            number -= 1
            yield network


def main() -> int:
    """Write the counts, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=300, metavar="N", help="number of random networks")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    # The operators that PyTorch's counter knows do not include cuDNN's recurrent layers.
    assert not [name for name in map(str, flop_registry) if "rnn" in name or "lstm" in name or "gru" in name]
    faults: list[str] = []
    entries = []
    small = [spec for kind in KINDS.values() for spec in kind.golden_networks()]
    for place, spec in enumerate(dict.fromkeys(chain(NETWORKS, small))):
        network = Network.parse(spec)
        batch, timesteps = SIZES[place % len(SIZES)]
        timesteps = enough_timesteps(network.layers, timesteps)
        known = [count.value for count in other_counts(network, batch, timesteps) if count.version]
        # Skip unknown counts: PyTorch has no such network, or the count depends on the values.
        found = None if None in known or not network.body else tool_counts(network, batch, timesteps)
        if found is not None:
            faults += differences(network, batch, timesteps, found)
            entries.append({"spec": spec, "batch": batch, "timesteps": timesteps, "counts": found})
    random = Random(0)
    for network in random_networks(random, options.networks):
        batch, timesteps = random.randint(1, 4), enough_timesteps(network.layers, random.randint(1, 6))
        if any(count.value is None for count in other_counts(network, batch, timesteps)):
            continue
        faults += differences(network, batch, timesteps, tool_counts(network, batch, timesteps))
    versions = {tool: version_ for tool, (version_, _) in TOOLS.items()}
    write_lines(HERE / "other_tools.json", versions, entries)
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    print(f"{len(entries)} networks, {options.networks} more at random, as {', '.join(TOOLS)} count them")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
