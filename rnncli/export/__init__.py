"""Exports of a network: source for Keras, PyTorch, NumPy or a device, and ONNX files.

`plan.py` works out everything that the targets need. Each target has a module that writes it, with:

- `LAYERS`, a table with the writer of each kind of layer, or its lines; Keras needs none, as one function writes all.
- `export(job)`, which returns the source text or the bytes of the file.
- `arrays(job)`, which returns the weights with the target's own names, layout and gate order, for `--save-weights`;
  targets that cannot load a weights file have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from os.path import splitext

from rnncli.errors import ArgumentError, shorten
from rnncli.export.plan import Arrays, Plan, plan_of
from rnncli.immutable import NamedTuple
from rnncli.network import Network


class Target(NamedTuple):
    """A format that a network can be exported to.

    Attributes:
        title: its display name.
        extension: the extension of the file that `-o` names.
        weights: the extensions of weights files that its source can load; the first is the default.
        makes: the content of that file, as a noun phrase.
        is_text: whether it is source, which may be written to standard output, rather than bytes.
        packs: whether its source can accept the length of each sequence and pack the sequences.
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
"""The values of `--to`. The code for each is in `rnncli.export.NAME`."""


def target_of(path: str) -> str | None:
    """Return the target with the extension of a path, `onnx` for `model.onnx`; None unless exactly one has it."""
    able = [name for name, target in TARGETS.items() if target.extension == splitext(path)[1].lower()]
    return able[0] if len(able) == 1 else None


class Device(NamedTuple):
    """The settings of an export to a device.

    Attributes:
        name: the prefix of its functions' names.
        dtype: the type of its matrices and tables: float32 or int8.
        header: the name of the header file; empty if the source contains the declarations.
        with_main: whether to add a program that runs it.
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
        weights: returns its weights by key (`lstm/kernel`), with Keras's shapes and gate order, in float32. They
            are drawn or read on the first call; source without weights needs no NumPy.
        seed: the seed that the weights are drawn from, if they are drawn.
        saved: the path of the weights file that the source loads; None if no weights are saved.
        origin: where the weights come from, for a comment: `the weights of model.h5`, `drawn from seed 0`.
        drawn: whether the weights are drawn from `seed` rather than read from a file.
        device: the settings for a device.
        packed: whether each sequence comes with its length; not every target supports this.
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
        """The export plan of the network."""
        return plan_of(self.network, self.packed)


def c_name(text: str) -> str:
    """Return a text as a C identifier: the file name `my-model` becomes `my_model`."""
    name = re.sub("[^0-9A-Za-z]+", "_", text).strip("_") or "model"
    return f"model_{name}" if name[0].isdigit() else name


def checked_c_name(text: str) -> str:
    """Return a text that can start the names of C functions: a letter, then letters, digits and `_`, at most 31.

    Raises:
        ArgumentError: it is not.
    """
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z][0-9A-Za-z_]{0,30}", text):
        expected = "expected a letter, then letters, digits and _, at most 31"
        raise ArgumentError(f"{shorten(repr(text))} cannot name C functions, {expected}")
    return text


def export(job: Job, target: str) -> str | bytes:
    """Return a network as source text or as the bytes of a file.

    Raises:
        SpecError: the target cannot express a layer; the error names the layer and the nearest one that it can.
    """
    content: str | bytes = import_module(f"rnncli.export.{target}").export(job)
    return content


def arrays(job: Job, target: str) -> Arrays:
    """Return the weights with a target's own names, layout and gate order; raises the same errors as `export`."""
    found: Arrays = import_module(f"rnncli.export.{target}").arrays(job)
    return found
