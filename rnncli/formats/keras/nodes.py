"""The layers of a Keras model as nodes: one per call of a layer, or per cell of a stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from math import prod
from typing import Any

from rnncli.errors import ArgumentError, RnncliError, shorten
from rnncli.formats.build import ArgumentFaultError, WrongArgumentError, node_of
from rnncli.formats.frameworks import CALLED_WITH, NOT_TRAINED, built, class_of, differs_in_training
from rnncli.formats.keras.config import (
    BY_FILTERS,
    KEEP_FEATURES,
    LOSE_MASK,
    MAX_NESTING,
    RANKS,
    CallKey,
    CallOutput,
    Json,
    LayerCall,
    ModelCalls,
    config_of,
    dtype_of,
    is_custom,
    is_recurrent,
    quantized,
    side_by_side,
)
from rnncli.formats.keras.hdf5 import Store, is_cudnn
from rnncli.formats.nodes import Node, Note, Read, Returned, Word, loops, names, returned, takes_input
from rnncli.immutable import NamedTuple
from rnncli.layers import Input, Layer
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.base import snake_case
from rnncli.quantities import MAX_SIZE

OLD_HARD_SIGMOID = (
    "the hard_sigmoid of Keras 1 and 2, clip(0.2·x + 0.5, 0, 1), is not supported; rnncli has Keras 3's, "
    "clip(x/6 + 0.5, 0, 1)"
)

_USUAL: Json = {"approximate": False, "axis": -1, "alpha": 1.0}
"""Arguments with which an operation of keras.ops computes the activation of its name."""

_POOLED = {"mean": "GlobalAveragePooling1D", "max": "GlobalMaxPooling1D"}
"""The class that computes the same as an operation over time."""

_SAID_ELSEWHERE = names(
    "return_state zero_output_for_mask lora_rank lora_alpha reverse_state_order batch_shape batch_input_shape "
    "input_shape shape"
)
"""Arguments whose effect shows in the graph and the arrays: outputs that are read, masks, matrices, shapes."""


def nodes_of(graph: ModelCalls, store: Store | None, *, modern: bool) -> list[Node]:
    """Return the calls of a model's layers as nodes, in the order of the file.

    A node reads the inputs of its call, the data first; a recurrent layer's initial state is just a note. If the input
    of the model specifies its features, it is a node of the kind "input". A layer that specs cannot express, or not
    with its arguments, is a node without a word. `modern` means Keras 3; earlier versions have other defaults.

    Raises:
        RnncliError: the config contradicts itself or the file's arrays.
    """
    reads = {key: [graph.origin(source).call for source in call.reads] for key, call in graph.calls.items()}
    try:
        order = [*TopologicalSorter(reads).static_order()]
    except CycleError:
        raise RnncliError("its config says that layers read one another in a circle") from None
    reader = _CallsReader(graph, store, modern)
    for key in order:
        reader.add(key)
    nodes = [node for key, call in graph.calls.items() if not _computes_mask(call) for node in reader.calls[key].nodes]
    outputs = [[edge.node for edge in reader.edges(graph.origin(source))] for source in graph.outputs]
    read = {edge.node for node in nodes for edge in node.reads or ()}
    said = {name: "is also an output of the file" for *_, name in outputs if name in read}
    said |= {name: "also returns its states; here they are left out" for *states, name in outputs if states}
    notes = {name: Note(f"{shorten(name)} {text}", "differs") for name, text in said.items()}
    return [replace(node, notes=(*node.notes, *filter(None, [notes.get(node.name)]))) for node in nodes]


def _computes_mask(call: LayerCall) -> bool:
    """Return whether a call computes a mask; Keras writes these in a config, and they are never used as layers."""
    return call.entry["class_name"] in ("NotEqual", "Any")


class _Called(NamedTuple):
    """The known properties of a call: its nodes, and how many features it returns, if that is known.

    `mask` is the layer whose mask comes with its output, if there is one. If `states`, its second output is its first.
    """

    nodes: tuple[Node, ...]
    returns: int | None = None
    mask: str = ""
    states: bool = False


class _CallsReader:
    """Reads the calls of a graph, each after its inputs."""

    def __init__(self, graph: ModelCalls, store: Store | None, modern: bool) -> None:
        self._graph, self._store, self._modern = graph, store, modern
        self._names = _names(graph)
        read = (source for call in graph.calls.values() for source in call.reads)
        self._readers = Counter(map(graph.origin, (*read, *graph.outputs)))
        self.calls: dict[CallKey, _Called] = {}

    def add(self, key: CallKey) -> None:
        """Add a call."""
        call, name = self._graph.calls[key], self._names[key]
        sources = [self._graph.origin(source) for source in call.reads]
        if is_recurrent(call.entry):
            sources = sources[:1]  # the others are states
        call = self._as_layer(call, sources)
        read = [self.calls[source.call] for source in sources]
        reshaped = _reshaped(call.entry, read[0].nodes[-1].ids) if read else []
        sizes = reshaped or _sizes(call.entry)
        if reshaped or call.entry["class_name"] == "InputLayer":
            note = Note(f"{shorten(name)} reshapes the input; here the input is the reshaped one", "differs")
            ids, differs = sizes[0] if len(sizes) == 1 else None, reshaped[1:] not in ([], [1])
            node = Node(name, "input", _input_of(sizes), (), ids=ids, notes=(note,) * differs)
            self.calls[key] = _Called((node,), (sizes or [None])[-1])
            return
        mask = next((each.mask for each in read if each.mask), "")
        edges = tuple(edge for source in sources for edge in self.edges(source))
        made, notes = self._made(call)
        nodes: list[Node] = []
        if not edges and (head := _input_of(sizes)) is not None and not takes_input(made[0].word):
            nodes.append(Node(f"{name} (input)", "input", head, ()))
            edges = (Read(nodes[0].name),)
        notes = (*notes, *self._otherwise(call, made, mask))
        build, declared = call.entry.get("build_config"), _declared(call.entry)
        where, size = _shape(call.shape, build.get("input_shape") if isinstance(build, dict) else None)
        held = self._store.held(call) if self._store is not None else {}
        known = [*next((tensor.shape[-2:][:1] for tensor in held.values()), ()), *(each.returns for each in read)]
        size = size or (None if call.reads else declared) or (known[0] if known else None) or declared
        for number, each in enumerate(made):
            own = name if len(made) == 1 else f"{name} (cell {number})"
            said = (*notes, *(note._replace(text=f"{shorten(call.name)} {note.text}") for note in each.notes))
            node = replace(each, name=own, kind=call.kind, reads=edges, notes=said, owner=call.name)
            if isinstance(each.word, Layer) and each.word.reads == "either":
                node = replace(node, where=each.where or where)
                if where not in (None, node.where):
                    text = f"{node.described} is left out: it works along another axis than the features"
                    node = replace(node, word=None, notes=(*said, Note(text, "left out")))
            node = self._with_arrays(node, call, number, size) if node.word is not None else replace(node, tensors=held)
            nodes.append(node)
            edges, notes = (Read(own),), ()
            size = _returns(call.entry, each.word, size)
        last = nodes[-1].word
        if call.kind == "Concatenate" and not is_custom(call.entry) and read:
            first = read[0].nodes[-1].word
            rank = RANKS.get(first.returns if where is None and isinstance(first, Layer) else where or "")
            size = side_by_side([each.returns for each in read], config_of(call.entry).get("axis", -1), rank)
        vector = isinstance(last, Layer) and last.returns == "vector"
        if call.entry["class_name"] == "Masking" or config_of(call.entry).get("mask_zero"):
            mask = nodes[-1].name
        elif vector or call.entry["class_name"] in LOSE_MASK:
            mask = ""
        alone = vector and len(made) == 1 and call.entry["class_name"] != "Bidirectional" and nodes[-1].loops
        self.calls[key] = _Called(tuple(nodes), size, mask, alone)

    def edges(self, source: CallOutput) -> Iterator[Read]:
        """Yield the edges to an output: one that is followed, or for a state two, neither of which is followed."""
        called = self.calls[source.call]
        name = called.nodes[-1].name
        if source.output and not (called.states and source.output == 1):
            yield Read(f"{name} (output {source.output})")
        yield Read(name)

    def _as_layer(self, call: LayerCall, sources: Sequence[CallOutput]) -> LayerCall:
        """Return a call; an operation of keras.ops that a layer computes as well becomes a call of that layer.

        No mask passes through an operation. If only `[:, -1]` reads a sequence, the layer before it returns a vector.
        """
        config = {key: value for key, value in config_of(call.entry).items() if key != "name" and value is not None}
        # An .h5 file names no modules, and SpatialDropout1D has no `trainable` either.
        module = call.entry.get("module") or "keras.src.ops." * (
            self._modern and not {"trainable", "dtype"} & {*config}
        )
        if len(sources) != 1 or not str(module).startswith("keras.src.ops."):
            return call
        (source,), (sequence, _) = sources, _shape(call.shape)
        read, kind = self.calls[source.call], snake_case(call.kind)
        *before, last = read.nodes
        made: tuple[str, Json] | None = None
        if call.takes_last and loops(last.word) and last.word.merge_mode is None:
            if sequence == "sequence" and self._readers[source] == 1 and not source.output:
                last = replace(last, word=last.word.returning("vector"))
                self.calls[source.call] = read._replace(nodes=(*before, last), mask="")
                made = "Identity", {}
        elif read.mask:
            made = (f"ops.{call.kind}", {}) if class_of("keras", call.kind) else None
        elif kind in ACTIVATIONS and config.items() <= _USUAL.items():
            made = "Activation", {"activation": kind}
        elif sequence == "sequence" and kind in _POOLED and config == {"axis": 1, "keepdims": False}:
            made = _POOLED[kind], {}
        return call if made is None else call._replace(entry={"class_name": made[0], "config": made[1]})

    def _made(self, call: LayerCall) -> tuple[list[Node], tuple[Note, ...]]:
        """Return the spec nodes of a call, and a note on the reason if specs cannot express it."""
        entry = call.entry
        known = class_of("keras", entry["class_name"]) is not None
        if not known and not (is_custom(entry) and is_recurrent(entry)):
            return [node_of(None)], ()
        try:
            if self._store and any("/lora_" in name for name in self._store.held(call)):
                raise ArgumentFaultError(
                    "", "its LoRA matrices are not added here; model.save('model.keras') adds them"
                )
            return _made(entry, self._modern), ()
        except (WrongArgumentError, ArgumentError, TypeError, ValueError, KeyError, ArithmeticError) as fault:
            name = shorten(f"{shorten(call.name)} ({call.kind})")
            raise RnncliError(f"its config says of {name}: {shorten(str(fault), 120)}") from None
        except ArgumentFaultError as reason:
            return [node_of(None)], (Note(f"{Node(call.name, call.kind).described} is left out: {reason}", "left out"),)

    def _otherwise(self, call: LayerCall, made: Sequence[Node], mask: str) -> Iterator[Note]:
        """Yield notes on how a call differs from Keras here."""
        name, config = shorten(call.name), config_of(call.entry)
        words = [each.word for each in made]
        in_steps = any(map(loops, words))
        if call.given_state and in_steps:
            yield Note(f"{name} starts from a given state; here it starts from zero", "differs")
        given = [self._graph.calls[self._graph.origin(source).call] for source in call.mask or ()]
        if call.mask is not None and not any(map(_computes_mask, given)) and any(words):
            yield Note(f"{name} {CALLED_WITH['mask']}", "differs")
        elif mask and (in_steps or any(isinstance(word, Layer) and word.joins for word in words)):
            text = f"the mask of {shorten(mask)} may mark timesteps as padding; here no timestep is padding"
            yield Note(text, "differs", unless=mask)
        if in_steps and mask and config.get("zero_output_for_mask") and config.get("return_sequences"):
            text = f"{name} returns zeros at padded timesteps (zero_output_for_mask); here it repeats its last output"
            yield Note(text, "differs", only=mask)
        if (rank := config.get("lora_rank")) and any(words):
            text = f"{name} has LoRA matrices of rank {shorten(str(rank))} when Keras loads it, which are not counted"
            yield Note(text, "left out")
        inner = config.get("layer")
        layers = [call.entry, *([inner] if isinstance(inner, dict) else [])]
        if call.training and any(differs_in_training(str(each.get("class_name")), config_of(each)) for each in layers):
            yield Note(f"{name} {CALLED_WITH['training']}", "differs")
        weighs = any(isinstance(word, Layer) and word.weights((None, None, 1)) for word in words)
        if weighs and any(config_of(each).get("trainable") is False for each in layers):
            yield Note(f"{name} {NOT_TRAINED}", "differs row")
        dtype = dtype_of(call.entry).removeprefix("mixed_")
        if any(word is not None for word in words) and dtype in ("float16", "bfloat16"):
            yield Note(f"Keras computes in {dtype}, which is less precise than rnncli's float32", "differs")
        used = {getattr(word, name, None) for word in words for name in ("activation", "recurrent_activation")}
        if not self._modern and "hard_sigmoid" in used:
            yield Note(OLD_HARD_SIGMOID, "not run")

    def _with_arrays(self, node: Node, call: LayerCall, number: int, size: int | None) -> Node:
        """Return a node with its arrays and inputs."""
        word = node.word
        if not isinstance(word, Layer) or (size is None and not takes_input(word)):
            return node
        reads = {"input": (), "vector": (None, size)}.get(word.reads, (None, None, size))
        weights = word.weights(reads)
        tensors = self._store.tensors(call, number, weights) if self._store and weights else {}
        return replace(
            node,
            features=None if takes_input(word) else size,
            tensors=tensors,
            convention="cudnn" if is_cudnn(call.entry) else "keras",
        )


def _names(graph: ModelCalls) -> dict[CallKey, str]:
    """Return a unique name for each call: its layer's name, extended for later calls of that layer."""
    names: dict[CallKey, str] = {}
    counts: Counter[str] = Counter()
    for key, call in graph.calls.items():
        counts[call.name] += 1
        names[key] = call.name if counts[call.name] == 1 else f"{call.name} (call {counts[call.name]})"
    return names


# What a layer reads and returns. -------------------------------------------------------------------------------------


def _sizes(entry: Json) -> list[int | None]:
    """Return the sizes of a sample of the input that a layer declares, None for an unknown one; empty without one."""
    shape = config_of(entry).get("batch_input_shape") or config_of(entry).get("batch_shape")
    sizes = shape[1:] if isinstance(shape, list) else []
    return [size if _is_size(size) else None for size in sizes]


def _is_size(written: Any) -> bool:
    return type(written) is int and 1 <= written <= MAX_SIZE


def _input_of(sizes: Sequence[int | None]) -> Input | None:
    """Return the sequences of vectors that samples of these sizes are."""
    return Input(sizes[1], sizes[0]) if len(sizes) == 2 and sizes[1] is not None else None


def _reshaped(entry: Json, ids: int | None) -> list[int | None]:
    """Return the sizes of the sequence that a call makes of an input with this many numbers and no features."""
    kind, config = entry["class_name"], config_of(entry)
    expanded = {"-1": [-1, 1], "2": [-1, 1], "1": [1, -1]}.get(str(config.get("axis")))
    match config.get("target_shape") if kind == "Reshape" else expanded if kind == "ExpandDims" else None:
        case [int() as steps, int() as features] if ids is not None and steps * features:
            sizes = [-ids // (steps * features) if size == -1 else size for size in (steps, features)]
            return [*sizes] if min(sizes) > 0 and prod(sizes) == ids else []
    return []


def _shape(*written: Any) -> tuple[Returned | None, int | None]:
    """Return whether the first shape with known features is a sequence's or a vector's, and the number of features."""
    places: dict[int, Returned] = {2: "vector", 3: "sequence"}
    for shape in written:
        if isinstance(shape, list) and shape and _is_size(shape[-1]):
            return places.get(len(shape)), shape[-1]
    return None, None


def _declared(entry: Json) -> int | None:
    """Return how many features a layer declares for its input if it reads the input of the model."""
    inner = config_of(entry).get("layer")
    return (_sizes(entry) or (_sizes(inner) if isinstance(inner, dict) else []) or [None])[-1]


def _returns(entry: Json, word: Word | None, size: int | None) -> int | None:
    """Return how many features a layer returns if it reads this many."""
    if isinstance(word, Layer):
        return returned(word, size)
    kind = "" if is_custom(entry) else entry["class_name"]
    if word is not None or kind in KEEP_FEATURES:
        return size
    filters = config_of(entry).get("filters") if kind in BY_FILTERS else None
    return filters if _is_size(filters) else None


# Layers as spec words. -----------------------------------------------------------------------------------------------


def _made(entry: Json, modern: bool, depth: int = 0) -> list[Node]:
    """Return the nodes of a layer in a config, starting with the layers inside it."""
    kind, config = str(entry.get("class_name")), dict(config_of(entry))
    if depth > MAX_NESTING:
        raise ArgumentFaultError("", f"its layers are nested more than {MAX_NESTING} deep")
    if is_custom(entry):
        raise ArgumentFaultError("", f"the class {shorten(kind)} is not Keras's, and its code is not in the file")
    cls = class_of("keras", kind)
    if cls is None:
        raise ArgumentFaultError("", f"specs have no {shorten(kind)}")
    if how := quantized(entry):
        raise ArgumentFaultError("", f"its weights are quantized ({shorten(how)}), which rnncli does not run")
    if not modern and kind in ("LSTM", "GRU", "LSTMCell", "GRUCell"):
        config = {"recurrent_activation": "hard_sigmoid"} | ({} if "LSTM" in kind else {"reset_after": False}) | config
    for name, value in config.items():
        if name in ("activation", "recurrent_activation"):
            config[name] = _activation_of(value, modern)
        elif name in ("layer", "backward_layer", "cell"):
            config[name] = _made(value, modern, depth + 1) if isinstance(value, dict) else None
    if isinstance(cells := config.get("cells"), list):
        config["cells"] = [_made(cell, modern, depth + 1) if isinstance(cell, dict) else None for cell in cells]
    given = {name: value for name, value in config.items() if name in cls.takes and name not in _SAID_ELSEWHERE}
    said = tuple(
        Note(f"has an argument {shorten(name)}={shorten(repr(value))} that is not known", "differs")
        for name, value in config.items()
        if value and name not in cls.takes and name not in _SAID_ELSEWHERE
    )
    first, *others = built("keras", kind, (), given)
    return [replace(first, notes=(*first.notes, *said)), *others]


def _activation_of(value: Any, modern: bool) -> str:
    """Return an activation of specs, from a name or an object."""
    reason = f"its activation is {shorten(repr(value))}"
    match value:
        case None:
            return "linear"
        case {"class_name": "__lambda__" | "Lambda"}:
            reason = "its activation is a lambda, which is code and is not run"
        case {"class_name": "ReLU" | "Softmax" | "ELU"}:
            (made,) = _made(value, modern)
            if isinstance(made.word, Layer) and made.word.activates:
                return made.word.activates
        case {"class_name": "function", "config": str(name), "module": str(module)} if "keras" in module:
            return _activation_of(name, modern)
        case {"class_name": "function", "config": str(name)}:
            reason = f"its activation {shorten(name)} is a function whose code is not in the file"
        case {"class_name": str(name)}:
            reason = f"its activation {shorten(name)} is a layer that rnncli does not have"
        case str(name):
            name = {"swish": "silu"}.get(name, name)
            if name in ACTIVATIONS:
                return name
            reason = f"its activation {shorten(name)} is not one of rnncli's"
    raise ArgumentFaultError("activation", reason)
