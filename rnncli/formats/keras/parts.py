"""The recurrent parts of a Keras model: its graph of calls as chains that the language has words for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

from rnncli.errors import RnncliError, SpecError, listed, shorten
from rnncli.formats.keras.chain import Chain
from rnncli.formats.keras.config import ConfigError
from rnncli.formats.keras.features import Features
from rnncli.formats.keras.graph import Call, CallKey, Graph
from rnncli.formats.keras.layers import is_recurrent, words_of
from rnncli.formats.keras.words import InexpressibleError, Word, not_run
from rnncli.formats.nodes import Note, Part, layer_node
from rnncli.formats.tensors import Tensor
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Dropout, Embedding, Head, Input, Recurrent
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


def found_in(graph: Graph, store: Store, *, modern: bool) -> Found:
    """Return the recurrent parts of a model.

    A chain goes on through layers that read one output, which nothing else reads. An embedding that several chains
    read is in each of them.

    Raises:
        RnncliError: the config contradicts itself, or the file's arrays.
    """
    finder = _Finder(graph, store, modern)
    parts = tuple(finder.parts())
    return Found(parts, (*graph.notes, *finder.notes, *finder.rest()))


class _Finder:
    """Follows the chains of a graph."""

    def __init__(self, graph: Graph, store: Store, modern: bool) -> None:
        self._graph, self._store = graph, store
        self.notes: list[str] = []
        self._words: dict[CallKey, tuple[Word, ...]] = {}
        self._reads: dict[CallKey, tuple[CallKey, int] | None] = {}
        self._readers: dict[CallKey, list[CallKey]] = {}
        self._taken: set[CallKey] = set()
        self._unknown: set[CallKey] = set()
        self._paths: dict[tuple[str, ...], int] = Counter(call.path for call in graph.calls.values())
        self._features = Features(graph, self._words)
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
                    line = f", line {call.line}" if call.line else ""
                    self.notes.append(f"{shorten(call.name)} ({call.kind}{line}): {reason}")
                    told.add(call.path)
            if words is not None:
                self._words[key] = words

    def parts(self) -> Iterator[Part]:
        """Yield the parts, in the order of the file.

        Raises:
            UnknownFeaturesError: there is none, for that reason.
        """
        shown: set[tuple[str, ...]] = set()
        unknown: list[UnknownFeaturesError] = []
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
            try:
                part = self._part(chain)
            except UnknownFeaturesError as error:
                unknown.append(error)
                self.notes.append(error.message)
                self._taken.difference_update(chain.keys)
                self._unknown.add(key)  # what reads it may be a part all the same
                continue
            shown |= paths
            yield part
        if unknown and not shown:
            raise unknown[0]

    def rest(self) -> Iterator[str]:
        """Yield what says which layers are in no part."""
        paths = {
            call.path: call.kind + (f" (line {call.line})" if call.line else "")
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

    def _chain(self, key: CallKey) -> Chain:
        """Return the longest chain through a recurrent layer."""
        before = {key: None}  # in order, and soon found
        earlier = self._before(key)
        while earlier is not None and earlier not in before:
            before[earlier] = None
            earlier = self._before(earlier)
        chain = Chain()
        for each in reversed(before):
            if not chain.take(each, self._graph.calls[each], self._words[each]):
                chain = Chain()  # what stands before the recurrent layer and does not fit is left out
        while (later := self._behind(chain.keys[-1])) is not None and later not in before:
            before[later] = None
            if not chain.take(later, self._graph.calls[later], self._words[later]):
                break
        masking = self._features.masked_by(chain.keys[0])
        if masking is not None:
            name = self._graph.calls[chain.keys[0]].name
            chain.assumed.append(f"{name} may read padding, by the mask of {masking}; here no timestep is padding")
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
        free = earlier not in self._taken and earlier not in self._unknown
        return earlier if free and self._readers[earlier] == [key] else None

    def _behind(self, key: CallKey) -> CallKey | None:
        """Return the call that reads what one returns, if it is the only one and can be said."""
        readers = self._readers.get(key, [])
        if len(readers) != 1 or readers[0] not in self._words or readers[0] in self._taken:
            return None
        return readers[0] if self._reads[readers[0]] == (key, 0) and not self._is_embedding(readers[0]) else None

    def _part(self, chain: Chain) -> Part:
        """Return a chain as a part, with its arrays."""
        first = chain.links[0]
        if len(chain.links) > MAX_LAYERS:
            raise ConfigError(first.call.name, f"{len(chain.links):,} layers follow it; {MAX_LAYERS:,} are allowed")
        if isinstance(first.layer, Head):
            head: Head = first.layer
        else:
            features = self._features_read(chain)
            head = Input(features, self._features.timesteps(chain.keys[0]))
        layers = [link.layer for link in chain.links]
        pieces = tuple(layer_node(link.layer, link.call.name, "keras", {}) for link in chain.links)
        name = next(link.call.name for link in chain.links if link.layer.states)
        differs = tuple(not_run(reason, names) for reason, names in chain.differs.items())
        otherwise = tuple(dict.fromkeys(chain.assumed))
        notes = [*(Note(text, "differs") for text in otherwise), *(Note(text, "not run") for text in differs)]
        part = Part(name, head, pieces, tuple(notes))
        try:
            shapes = list(part.network.shapes())
        except SpecError as error:
            raise ConfigError(name, error.message) from None
        with_arrays = []
        stacked = Counter(link.call.name for link in chain.links)
        for link, layer, (reads, _) in zip(chain.links, layers, shapes, strict=True):
            tensors = self._store.tensors(link.call, link.number, link.word, layer.weights(reads))
            own = link.call.name if stacked[link.call.name] == 1 else f"{link.call.name} (cell {link.number})"
            with_arrays.append(layer_node(layer, own, "cudnn" if link.word.cudnn else "keras", tensors))
        return replace(part, nodes=tuple(with_arrays))

    def _features_read(self, chain: Chain) -> int:
        """Return how many features the first layer of a chain reads.

        Raises:
            UnknownFeaturesError: the file does not say.
        """
        key = chain.keys[0]
        features = self._features.stated(key)
        for link in chain.links:
            if features is not None:
                break
            features = self._store.features(link.call, link.number)
            if not isinstance(link.layer, Dropout):
                break
        read = self._reads[key]
        if features is None and read is not None:
            features = self._features.returned(read[0])
        if features is None or not 1 <= features <= MAX_SIZE:
            raise UnknownFeaturesError(self._graph.calls[key])
        return features


_UNSEEN = ("InputLayer", "NotEqual", "Any")
"""Classes that stand in a config for inputs and masks, and are no layers to anybody else."""
