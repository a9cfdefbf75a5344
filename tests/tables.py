"""The tables in rnncli and the entries that each must have; `test_kinds.py` reports the missing ones.

To add a table, add its path next to the paths for the same things: the file, the table's name and, if needed, the part
of the table: `formats/frameworks.KERAS.Dense.takes`, `formats/arrays.CELLS.values`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache, reduce
from importlib import import_module
from itertools import chain
from typing import Any, NamedTuple, get_args

import kinds
from kinds.activations import TEXTBOOK, TORCH
from kinds.recurrent import MERGES

from rnncli import Network, SpecError
from rnncli.cli import COMMANDS
from rnncli.engine.request import INITS
from rnncli.export import TARGETS
from rnncli.formats import FORMATS
from rnncli.formats.frameworks import CLASSES, CUTS
from rnncli.formats.onnx.cells import BY_WORD
from rnncli.formats.torch.tensors import STORAGES
from rnncli.layers import LAYERS, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.base import snake_case
from rnncli.layers.pool import POOLS
from rnncli.layers.recurrent import MERGE_MODES
from rnncli.layers.weights import FRAMEWORKS, Role
from rnncli.network_summary import DTYPE_BYTES


class Need(NamedTuple):
    """An entry that a table must have; if the path ends in a point, a name that a file must define."""

    path: str
    entry: Any

    def __str__(self) -> str:
        file, _, table = self.path.partition(".")
        name = self.entry.__name__ if isinstance(self.entry, type) else self.entry
        return f"no {name} in {table}{' of ' * bool(table)}{'' if file.startswith('tests/') else 'rnncli/'}{file}.py"

    @property
    def is_missing(self) -> bool:
        """Whether it is missing, or the whole table or file is."""
        file, *steps = self.path.split(".")
        try:
            return self.entry not in reduce(_part, steps, _module(file))
        except (ModuleNotFoundError, AttributeError, KeyError):
            return True


@cache
def _module(file: str) -> Any:
    path = file.removeprefix("tests/") if file.startswith("tests/") else f"rnncli/{file}"
    return import_module(path.replace("/", "."))


def _part(held: Any, step: str) -> Any:
    if step in ("", "values"):
        return held.values() if step else vars(held)
    return held[step] if isinstance(held, Mapping) else getattr(held, step)


BY_KIND = [target for target in TARGETS if target != "keras"]
"""The targets with a writer for each kind of layer; Keras's single call covers every kind."""


def needs(paths: str, entries: Iterable[Any]) -> Iterator[Need]:
    """Some entries that tables must have."""
    yield from (Need(path, entry) for path in paths.split() for entry in sorted(entries, key=str))


def of_kind(layer: type[Layer]) -> Iterator[Need]:
    """The entries required for a kind of layer."""
    yield from needs("layers/__init__.LAYERS", [layer])
    if not getattr(layer, "shown", True):
        return
    kind, classes, owns = [layer.kind], layer.classes or {layer.keras: {}}, layer.weights is not Layer.weights
    theirs = re.split(", | or ", layer.torch)
    modules = [name for name in theirs if not name.startswith("Tensor.")]
    cells = [f"{layer.keras}Cell", f"{layer.torch}Cell"] if layer.states else []
    yield from needs("engine/stages.STAGES", [layer])
    yield from needs(" ".join(f"export/{target}.LAYERS" for target in BY_KIND), kind)
    others = {option.attribute for option in layer.options if option.in_keras is not None}  # Keras has no such argument
    yield from needs("layers/torch_modules.MODULES", [layer] if modules else [])
    yield from needs("formats/frameworks.KERAS", [*classes, *cells[:1]])
    for name, stands_for in classes.items():
        arguments = {field.name for field in fields(layer)} - {*stands_for, "merge_mode", *others}
        arguments -= {"pool_size", "strides", "padding"} if name.startswith("Global") else set()
        yield from needs(f"formats/frameworks.KERAS.{name}.takes", arguments)
    yield from needs("formats/frameworks.TORCH", [*modules, *cells[1:]])
    for name in modules:
        yield from needs(f"formats/frameworks.TORCH.{name}.takes", layer.torch_arguments.values())
    in_onnx = getattr(kinds.KINDS.get(layer), "onnx_names", ())  # `test_kinds.py` reports files without them
    if layer.states:
        blocks = "formats/conventions.KERAS_BLOCKS"
        yield from needs("engine/cells.CELLS formats/arrays.CELLS.values", [layer])
        yield from needs(f"export/onnx.CELLS {blocks}.torch {blocks}.onnx", kind)
        yield from needs("reports/other_tools._ELEMENTWISE", modules)
        yield from needs("formats/python/program.RECURRENT", [layer.keras, layer.torch, *cells])
        yield from needs("formats/onnx/cells.KINDS", in_onnx)
    else:
        yield from needs("formats/onnx/layers.OPERATIONS", in_onnx)
        yield from needs("formats/conventions.KERAS_NAMES", kind if owns and modules else [])
        yield from needs("formats/keras/file._VARIABLES", [snake_case(layer.keras)] if owns else [])


def of_weights(layer: type[Layer]) -> Iterator[Need]:
    """The entries required for a kind's weights in the networks of its file."""
    owned = set()
    for spec in (kinds.small_network(kinds.KINDS[layer]), *kinds.KINDS[layer].golden_networks()):
        try:
            network = Network.parse(spec)
        except SpecError:  # `test_kinds.py` reports words that no spec allows
            continue
        for each, (reads, _) in zip(network.body, network.shapes(), strict=True):
            frameworks = [name for name in FRAMEWORKS if isinstance(each, layer) and each.conflict(name) is None]
            owned |= {(name, weight) for name in frameworks for weight in each.weights(reads, name)}
    starts = {str(weight.initializer) for _, weight in owned}
    yield from needs("layers/weights.STARTS", starts)
    yield from needs("engine/initializers.INITIALIZERS", starts - {"root_uniform"})  # its bound says everything
    in_keras = {str(weight.initializer) for framework, weight in owned if framework == "keras"}
    yield from needs("export/numpy_functions.INITIALIZERS", in_keras)
    factors = {factor.name for _, weight in owned for axis in weight.axes for factor in axis}
    yield from needs("reports/reasons.TEXTS", factors - {"biases"} | {"directions"})  # biases are counted by role


OTHERS: tuple[tuple[Iterable[str], str], ...] = (
    (get_args(Role), "layers/weights.MULTIPLIES reports/reasons.TEXTS reports/reasons._ROLES"),
    (
        {*ACTIVATIONS, *TEXTBOOK},
        """tests/kinds/activations.TEXTBOOK tests/kinds/activations.TORCH layers/activations.ACTIVATIONS
        engine/activations.ACTIVATION_FUNCTIONS export/torch.ACTIVATIONS
        export/onnx_graph.ACTIVATIONS export/numpy_functions.ACTIVATIONS formats/onnx/cells.BY_WORD""",
    ),
    ({each.operation for each in BY_WORD.values()} - {"Affine", "Swish"}, "tests/onnx_runner.OPERATORS"),
    (TORCH.values(), "formats/frameworks.TORCH"),
    ({*TORCH.values()} - {"Identity"}, "formats/python/functions._ACTIVATIONS.values"),
    (
        {*MERGE_MODES, *MERGES},
        "tests/kinds/recurrent.MERGES layers/recurrent.MERGED export/numpy.MERGES export/onnx.PAIRS",
    ),
    ({*MERGE_MODES} - {"concat"}, "engine/recurrent.MERGES formats/onnx/layers.MERGES"),
    (
        POOLS,
        """layers/pool.TYPES.keras layers/pool.TYPES.torch layers/pool.WINDOWED.keras layers/pool.WINDOWED.torch
        engine/stages.POOLS export/numpy.POOLS formats/onnx/layers.POOLS formats/onnx/layers.WINDOWED
        export/torch.POOLS formats/python/functions._POOLS.values""",
    ),
    # Keras no longer has these classes.
    ({*CLASSES["keras"]} - {"CuDNNLSTM", "CuDNNGRU"}, "tests/test_signatures.RECORDED.keras"),
    ({*CLASSES["torch"]} - CUTS, "tests/test_signatures.RECORDED.torch"),
    (FRAMEWORKS, "layers/weights.FRAMEWORK_NAMES layers/pool.TYPES formats/frameworks.CLASSES"),
    (INITS, "engine/initializers.DRAWINGS"),
    (DTYPE_BYTES, "commands/values._BITS"),
    (STORAGES.values(), "formats/tensors.WIDTHS"),
)
"""Each set of named things, and the tables that have an entry for each."""


def all_needs() -> Iterator[Need]:
    """All required entries except those for weights, which need a kind with a complete file."""
    yield from chain.from_iterable(map(of_kind, dict.fromkeys((*LAYERS, *kinds.KINDS))))
    yield from chain.from_iterable(needs(paths, names) for names, paths in OTHERS)
    for name, target in TARGETS.items():
        names = ["export", *["LAYERS"] * (name in BY_KIND), *["arrays"] * bool(target.weights)]
        yield from needs(f"export/{name}.", names)
        yield from needs("export/weight_writers.WRITERS", target.weights)
        endings = {f".{each.rpartition('.')[2]}" for each in (target.extension, *target.weights)}
        yield from needs("formats/__init__._EXTENSIONS", endings)
    yield from (Need(f"formats/{reader.replace('.', '/')}.", "read") for reader in {*FORMATS.values()})
    yield from (Need(f"commands/{name}.", "command") for name in COMMANDS)
