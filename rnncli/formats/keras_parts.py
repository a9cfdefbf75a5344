"""The recurrent parts of a Keras model: its graph of calls as chains that the language has words for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from rnncli.errors import RnncliError, SpecError, listed, shorten
from rnncli.formats.keras_config import Call, CallKey, ConfigError, Graph, config_of
from rnncli.formats.keras_layers import InexpressibleError, Word, is_recurrent, words_of
from rnncli.formats.model_file import Part, Piece, Tensor
from rnncli.layers import Dense, Dropout, Embedding, Head, Input, Layer, Recurrent
from rnncli.layers.weights import Weight
from rnncli.quantities import MAX_SIZE


class Store(Protocol):
    """Where the weights of a model are."""

    def features(self, call: Call, number: int) -> int | None:
        """Return how many features a layer reads, as far as its arrays say so.

        Args:
            call: a call of the layer.
            number: which of the layer's words it is.
        """

    def tensors(self, call: Call, number: int, word: Word, weights: tuple[Weight, ...]) -> Mapping[str, Tensor]:
        """Return the arrays of a layer by the names of its weights; none where the file holds none.

        Raises:
            RnncliError: they are not those that the layer has.
        """


class Structure:
    """The store of a file that holds no weights."""

    def features(self, call: Call, number: int) -> int | None:
        """Return None: there are no arrays."""
        del call, number
        return None

    def tensors(self, call: Call, number: int, word: Word, weights: tuple[Weight, ...]) -> Mapping[str, Tensor]:
        """Return nothing."""
        del call, number, word, weights
        return {}


class Found(NamedTuple):
    """What a model holds: its parts, and what else a reader should know."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]


class UnknownFeaturesError(RnncliError):
    """A config does not say how many features a layer reads that the input of a part goes to.

    Args:
        call: the call of the layer.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(
            f"its config does not say how many features {shorten(call.name)} reads", "save the model once it is built"
        )
        self.call = call


class _Link(NamedTuple):
    """A layer of a chain, and where it comes from."""

    call: Call
    number: int
    word: Word
    layer: Layer


@dataclass
class _Chain:
    """A row of layers in the making."""

    links: list[_Link] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    keys: list[CallKey] = field(default_factory=list)
    sequence: bool = True

    @property
    def recurrent(self) -> bool:
        return any(link.layer.states for link in self.links)

    def take(self, call: Call, words: tuple[Word, ...]) -> bool:
        """Add a layer, and return whether it fits behind those before it."""
        for number, word in enumerate(words):
            if word.axis is not None and word.axis != (2 if self.sequence else 1):
                return False
            if word.activation is not None:
                last = self.links[-1] if self.links else None
                if last is None or not isinstance(last.layer, Dense) or last.layer.activation != "linear":
                    return False
                self.links[-1] = last._replace(
                    layer=Dense(last.layer.units, last.layer.use_bias, activation=word.activation)
                )
            layer = word.layer
            if layer is not None:
                if not self.recurrent and not layer.states and layer.returns not in ("same", "sequence"):
                    return False
                if layer.reads == "vector" and self.sequence and not self.recurrent:
                    return False
                self.links.append(_Link(call, number, word, layer))
                self.sequence = self.sequence if layer.returns == "same" else layer.returns == "sequence"
            self.assumed += [f"{call.name} {text}" for text in word.assumed]
        if call.given_state:
            self.assumed.append(
                f"{call.name} starts from a state that another layer gives it; here it starts from zero"
            )
        if call.masked and not self._masked():
            self.assumed.append(f"{call.name} is given a mask; here no timestep is padding")
        if call.masked is False and words[0].layer is not None and words[0].layer.states and self._masked():
            self.assumed.append(f"{call.name} is given no mask, though ids are masked; here it skips padding")
        return True

    def _masked(self) -> bool:
        first = self.links[0].layer if self.links else None
        return isinstance(first, Embedding) and first.mask_zero


def found_in(graph: Graph, store: Store, *, modern: bool) -> Found:
    """Return the recurrent parts of a model.

    A chain goes on through layers that read one output, which nothing else reads. An embedding that several chains
    read is in each of them.

    Raises:
        RnncliError: the config contradicts itself, or the file's arrays.
    """
    finder = _Finder(graph, store, modern)
    parts = tuple(finder.parts())
    return Found(parts, (*finder.notes, *finder.rest()))


class _Finder:
    """Follows the chains of a graph."""

    def __init__(self, graph: Graph, store: Store, modern: bool) -> None:
        self._graph, self._store = graph, store
        self.notes: list[str] = []
        self._words: dict[CallKey, tuple[Word, ...]] = {}
        self._reads: dict[CallKey, tuple[CallKey, int] | None] = {}
        self._readers: dict[CallKey, list[CallKey]] = {}
        self._taken: set[CallKey] = set()
        self._paths: dict[tuple[str, ...], int] = Counter(call.path for call in graph.calls.values())
        self._features: dict[CallKey, int | None] = {}
        told: set[tuple[str, ...]] = set()
        for key, call in graph.calls.items():
            sources = [graph.origin(source) for source in call.reads]
            one = len(sources) == 1 or (sources and is_recurrent(call.entry))
            self._reads[key] = (sources[0].call, sources[0].output) if one else None
            for source in sources[:1] if is_recurrent(call.entry) else sources:
                self._readers.setdefault(source.call, []).append(key)
            try:
                words = words_of(call.entry, call.name, modern=modern)
            except InexpressibleError as reason:
                words = None
                if call.path not in told:
                    where = "" if call.line is None else f", line {call.line}"
                    self.notes.append(f"{shorten(call.name)} ({shorten(call.entry['class_name'])}{where}): {reason}")
                    told.add(call.path)
            if words is not None:
                self._words[key] = words

    def parts(self) -> Iterator[Part]:
        """Yield the parts, in the order of the file."""
        shown: set[tuple[str, ...]] = set()
        for key, call in self._graph.calls.items():
            if key in self._taken or not self._is_loop(key):
                continue
            chain = self._chain(key)
            paths = {self._graph.calls[each].path for each in chain.keys if self._is_loop(each)}
            if paths <= shown:
                self.notes.append(
                    f"{shorten(call.name)} is called {self._paths[call.path]} times, with the same weights"
                )
                continue
            shown |= paths
            yield self._part(chain)

    def rest(self) -> Iterator[str]:
        """Yield what says which layers are in no part."""
        paths = {
            call.path: shorten(call.entry["class_name"]) + ("" if call.line is None else f" (line {call.line})")
            for key, call in self._graph.calls.items()
            if key not in self._taken and call.entry["class_name"] not in _UNSEEN
        }
        counts = Counter(paths.values())
        if counts:
            each = [f"{count} {kind}" for kind, count in counts.most_common(20)]
            more = sum(counts.values()) - sum(count for _, count in counts.most_common(20))
            yield f"layers in no recurrent part: {listed([*each, *([f'{more} others'] if more else [])])}"

    def _is_loop(self, key: CallKey) -> bool:
        return any(isinstance(word.layer, Recurrent) for word in self._words.get(key, ()))

    def _is_embedding(self, key: CallKey) -> bool:
        return any(isinstance(word.layer, Embedding) for word in self._words.get(key, ()))

    def _chain(self, key: CallKey) -> _Chain:
        """Return the longest chain through a recurrent layer."""
        before = {key: None}
        last = key
        while (earlier := self._before(last)) is not None and earlier not in before:
            before[earlier] = None
            last = earlier
        chain = _Chain()
        for each in reversed(before):
            if chain.take(self._graph.calls[each], self._words[each]):
                chain.keys.append(each)
            elif chain.recurrent:
                break
            else:  # what stands before the first recurrent layer and does not fit is left out
                chain = _Chain()
        passed = set(chain.keys)
        while chain.keys and (later := self._behind(chain.keys[-1])) is not None and later not in passed:
            if not chain.take(self._graph.calls[later], self._words[later]):
                break
            chain.keys.append(later)
            passed.add(later)
        if not chain.recurrent:
            raise ConfigError(key[1], "it is what no recurrent layer can be")
        self._taken.update(chain.keys)
        return chain

    def _before(self, key: CallKey) -> CallKey | None:
        """Return the call before one that the chain goes on with, or None."""
        read = self._reads[key]
        if self._is_embedding(key) or read is None or read[1] != 0 or read[0] not in self._words:
            return None
        earlier = read[0]
        if self._is_embedding(earlier):
            return earlier
        return earlier if self._readers[earlier] == [key] and earlier not in self._taken else None

    def _behind(self, key: CallKey) -> CallKey | None:
        """Return the call that reads what one returns, if it is the only one and can be said."""
        readers = self._readers.get(key, [])
        if len(readers) != 1 or readers[0] not in self._words or readers[0] in self._taken:
            return None
        return readers[0] if self._reads[readers[0]] == (key, 0) and not self._is_embedding(readers[0]) else None

    def _part(self, chain: _Chain) -> Part:
        """Return a chain as a part, with its arrays."""
        first = chain.links[0]
        if isinstance(first.layer, Head):
            head: Head = first.layer
        else:
            features = self._features_read(chain)
            head = Input(features, self._timesteps(chain.keys[0]))
        layers = [link.layer for link in chain.links]
        pieces = tuple(Piece(link.layer, link.call.name, "keras", {}) for link in chain.links)
        name = next(link.call.name for link in chain.links if link.layer.states)
        part = Part(name, head, pieces, tuple(dict.fromkeys(chain.assumed)))
        try:
            shapes = list(part.network.shapes())
        except SpecError as error:
            raise ConfigError(name, error.message) from None
        with_arrays = []
        stacked = Counter(link.call.name for link in chain.links)
        for link, layer, (reads, _) in zip(chain.links, layers, shapes, strict=True):
            tensors = self._store.tensors(link.call, link.number, link.word, layer.weights(reads))
            own = link.call.name if stacked[link.call.name] == 1 else f"{link.call.name} (cell {link.number})"
            with_arrays.append(Piece(layer, own, "cudnn" if link.word.cudnn else "keras", tensors))
        return Part(name, head, tuple(with_arrays), part.assumed)

    def _features_read(self, chain: _Chain) -> int:
        """Return how many features the first layer of a chain reads.

        Raises:
            RnncliError: the file does not say.
        """
        key = chain.keys[0]
        features = self._stated(key)
        for link in chain.links:
            if features is not None:
                break
            features = self._store.features(link.call, link.number)
            if not isinstance(link.layer, Dropout):
                break
        read = self._reads[key]
        if features is None and read is not None:
            features = self._returned(read[0])
        if features is None or not 1 <= features <= MAX_SIZE:
            raise UnknownFeaturesError(self._graph.calls[key])
        return features

    def _stated(self, key: CallKey) -> int | None:
        """Return how many features a call reads, where its config says so."""
        call = self._graph.calls[key]
        build, config = call.entry.get("build_config"), config_of(call.entry)
        for shape in (
            call.shape,
            build.get("input_shape") if isinstance(build, dict) else None,
            config.get("batch_input_shape"),
            config.get("batch_shape"),
        ):
            if isinstance(shape, list) and shape and type(shape[-1]) is int:
                return shape[-1]
        return None

    def _returned(self, key: CallKey, depth: int = 0) -> int | None:
        """Return how many features a call returns, as far as its class tells."""
        if key in self._features or depth > 100:
            return self._features.get(key)
        self._features[key] = None
        call = self._graph.calls[key]
        config = config_of(call.entry)
        read = [self._graph.origin(source).call for source in call.reads]
        layers = [word.layer for word in self._words.get(key, ()) if word.layer is not None]
        features: int | None = None
        if call.entry["class_name"] == "InputLayer":
            features = self._stated(key)
        elif call.entry["class_name"] in ("Conv1D", "SeparableConv1D", "Conv1DTranspose"):
            filters = config.get("filters")
            features = filters if type(filters) is int else None
        elif call.entry["class_name"] in _HAVE_UNITS and key not in self._words:
            units = config.get("units")
            features = units if type(units) is int else None
        elif call.entry["class_name"] == "Concatenate" and config.get("axis", -1) in (-1, 2):
            each = [self._returned(one, depth + 1) for one in read]
            features = sum(size or 0 for size in each) if all(each) else None
        elif key in self._words or call.entry["class_name"] in _KEEP_FEATURES:
            features = self._returned(read[0], depth + 1) if read else self._stated(key)
            for layer in layers:
                lead = {"input": (), "vector": (None,)}.get(layer.reads, (None, None))
                features = layer.output_shape((*lead, features) if lead else (None, None))[-1]
        self._features[key] = features
        return features

    def _timesteps(self, key: CallKey) -> int | None:
        """Return the length of the sequence that a call reads, if the input of the model fixes it."""
        call, read = self._graph.calls[key], self._reads[key]
        config: Mapping[str, Any] = config_of(call.entry)
        if read is not None:
            entry = self._graph.calls[read[0]].entry
            config = config_of(entry) if entry["class_name"] == "InputLayer" else {}
        match config.get("batch_shape") or config.get("batch_input_shape"):
            case [_, int(timesteps), _] if 1 <= timesteps <= MAX_SIZE:
                return timesteps
        return None


_HAVE_UNITS = ("SimpleRNN", "LSTM", "GRU", "Dense")
"""Classes that return as many features as they have units, also where the language has no words for their arguments."""

_KEEP_FEATURES = (
    "MaxPooling1D",
    "AveragePooling1D",
    "MaxPool1D",
    "AvgPool1D",
    "BatchNormalization",
    "Add",
    "Multiply",
    "Average",
    "Maximum",
    "Subtract",
    "UpSampling1D",
    "ZeroPadding1D",
    "Cropping1D",
    "LeakyReLU",
    "PReLU",
    "DepthwiseConv1D",
)
"""Classes that return as many features as they read."""

_UNSEEN = ("InputLayer", "NotEqual")
"""Classes that stand in a config for inputs and masks, and are no layers to anybody else."""
