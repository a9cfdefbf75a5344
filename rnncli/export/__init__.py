"""A network as something that runs elsewhere: source for Keras, PyTorch, NumPy or a device, and ONNX files.

`plan.py` says what there is to write. Each target has a module that writes it, with:

- `LAYERS`, a table of what writes a layer, by its kind; for Keras one call is that of every kind.
- `export(job)`, which returns what is written: source text, or the bytes of a file.
- `arrays(job)`, which returns the weights in the target's own names, layout and order of gates, for `--save-weights`;
  a target that loads no file of weights has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from os.path import splitext
from typing import TYPE_CHECKING, Any

from rnncli.errors import ArgumentError, shorten
from rnncli.export.plan import Plan, plan_of
from rnncli.immutable import NamedTuple
from rnncli.network import Network

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]


class Target(NamedTuple):
    """Where a network can go.

    Attributes:
        title: its name in words.
        extension: of the file that `-o` names.
        weights: the extensions of files of weights that its source can load; one without an extension is of the first.
        makes: what that file is, in a sentence.
        is_text: whether it is source, which may go to standard output; the bytes of a file may not.
        packs: whether its source can take the length of each sequence, and pack them.
    """

    title: str
    extension: str
    weights: tuple[str, ...]
    makes: str = "Python source"
    is_text: bool = True
    packs: bool = False


TARGETS: Mapping[str, Target] = {
    "keras": Target("Keras", ".py", (".npz", ".weights.h5")),
    "torch": Target("PyTorch", ".py", (".safetensors",), packs=True),
    "onnx": Target("ONNX", ".onnx", (), "an ONNX file", is_text=False),
    "numpy": Target("NumPy", ".py", (".npz",)),
    "c": Target("C", ".c", (), "C source"),
}
"""What can be asked for with `--to`. The code of each is `rnncli.export.NAME`."""


def target_of(path: str) -> str | None:
    """Return the target whose files alone end as a path does, `onnx` of `model.onnx`; None where no one's alone do."""
    able = [name for name, target in TARGETS.items() if target.extension == splitext(path)[1].lower()]
    return able[0] if len(able) == 1 else None


class Device(NamedTuple):
    """How a network is written for a device.

    Attributes:
        name: what comes before the names of its functions.
        dtype: of its matrices and tables: float32 or int8.
        header: the name of the file that declares the functions; empty where the source does.
        with_main: whether there is a program that runs it.
    """

    name: str = "model"
    dtype: str = "float32"
    header: str = ""
    with_main: bool = False


@dataclass(frozen=True)
class Job:
    """A network to export.

    Attributes:
        network: the network.
        weights: returns its weights by key (`lstm/kernel`), with Keras's shapes and order of gates, in float32. They
            are drawn or read when they are asked for; source without them needs no NumPy.
        seed: what the weights are drawn from, if they are.
        saved: the file that the weights are written to, as the source should name it; None if they are not written.
        origin: what the weights are, in words for a comment: `the weights of model.h5`, `drawn from seed 0`.
        drawn: whether the weights are drawn from `seed`, and not read from a file.
        device: how it is written for a device.
        packed: whether each sequence comes with its length; not every target takes that.
    """

    network: Network
    weights: Callable[[], Arrays]
    seed: int = 0
    saved: str | None = None
    origin: str = ""
    drawn: bool = True
    device: Device = field(default_factory=Device)
    packed: bool = False

    @cached_property
    def plan(self) -> Plan:
        """What there is to write of the network."""
        return plan_of(self.network, self.packed)


def c_name(text: str) -> str:
    """Return a text as a name in C: that of a file, `my-model`, is `my_model`."""
    name = re.sub("[^0-9A-Za-z]+", "_", text).strip("_") or "model"
    return f"model_{name}" if name[0].isdigit() else name


def check_c_name(text: str) -> None:
    """Check that a text is a name in C.

    Raises:
        ArgumentError: it is not.
    """
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z][0-9A-Za-z_]{0,30}", text):
        raise ArgumentError(f"{shorten(repr(text))} is not a name in C: it takes letters, digits and _, 31 at most")


def export(job: Job, target: str) -> str | bytes:
    """Return a network as source, or as the bytes of a file.

    Raises:
        SpecError: the target cannot express a layer; the error names it, and the nearest that it can.
    """
    content: str | bytes = import_module(f"rnncli.export.{target}").export(job)
    return content


def arrays(job: Job, target: str) -> Arrays:
    """Return the weights in a target's own names, layout and order of gates; the errors are those of `export`."""
    found: Arrays = import_module(f"rnncli.export.{target}").arrays(job)
    return found
