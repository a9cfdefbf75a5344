"""The rows of layers that the nodes of a source form.

A reader returns nodes. `parts_of` only follows their edges: a reader whose source has no edges (just names and shapes
of arrays) adds the edges that it assumes, with a note, first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rnncli.errors import RnncliError, listed, shorten
from rnncli.formats.nodes import (
    Node,
    Note,
    Part,
    Pass,
    Returned,
    of_length,
    returned,
    shape_after,
    takes_activation,
    takes_ids,
    takes_input,
    takes_vectors,
)
from rnncli.immutable import NamedTuple
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Input, Layer
from rnncli.layers.weights import Framework
from rnncli.layers.words import in_both
from rnncli.quantities import MAX_SIZE, Shape, plural

MAX_PARTS = 1_000
"""The most parts that a source may have."""


class Rows(NamedTuple):
    """The parts of a source, the nodes that are in no part, and the notes on all of them."""

    parts: tuple[Part, ...]
    left: tuple[Node, ...]
    notes: tuple[Note, ...]

    @property
    def reasons(self) -> list[str]:
        """Why nodes are in no part, a sentence each, as far as there is a note on it."""
        own = [note for node in self.left for note in node.notes if note.effect == "left out"]
        return [note.text for note in (*own, *self.notes)]

    def said(self, notes: Sequence[Note] = ()) -> tuple[str, ...]:
        """Return the texts of some notes, why nodes are in no part, and which: everything that no part mentions."""
        known = {note.text for part in self.parts for note in part.notes}
        counts = Counter((node.shown_kind, node.line) for node in self.left)
        shown = counts.most_common(20)
        words = {"unknown": "of unknown kind"}
        each = [f"{count} {words.get(kind, kind)}{self._about(kind, line)}" for (kind, line), count in shown]
        more = len(self.left) - sum(count for _, count in shown)
        kinds = listed([*each, *([f"{more} others"] if more else [])]) if each else ""
        left = [f"layers in no recurrent part: {kinds}"] if each else []
        texts = dict.fromkeys([*(note.text for note in notes), *self.reasons, *left])
        return tuple(text for text in texts if text not in known)

    def _about(self, kind: str, line: int | None) -> str:
        """Return where the nodes of a kind that are in no part are, and their parameters, as far as known."""
        some = [node for node in self.left if (node.shown_kind, node.line) == (kind, line)]
        counts = [node.params for node in some if node.owner in ("", node.name)]  # a layer that is called again has one
        params = None if None in counts else sum(filter(None, counts))
        about = [f"line {line}"] * bool(line) + [plural(params or 0, "parameter")] * bool(params)
        return f" ({', '.join(about)})" if about else ""


def parts_of(
    nodes: Sequence[Node], *, framework: Framework | None = None, features: int | None = None, whole: bool = False
) -> Rows:
    """Return the rows that nodes form, one around each recurrent node that is not in an earlier row.

    Args:
        nodes: the nodes that were found, in order.
        framework: whose parameter counts the parts have, if the conventions of their nodes do not decide it.
        features: how many features a row reads if the source does not specify it; None if such a row is left out.
        whole: whether a row may lack a recurrent node: true for a text, which is a network, not for a file of arrays.

    Raises:
        RnncliError: it has more parts than a source may have.
    """
    inputs = {node.name: node.ids for node in nodes}
    nodes = [of_length(node, inputs.get(node.reads[0].node)) if node.reads else node for node in nodes]
    graph = _NodeGraph(nodes, features, framework)
    parts: list[Part] = []
    notes: list[Note] = []
    shown: set[str] = set()
    failed: set[str] = set()
    starts = [node for node in nodes if node.loops]
    for node in starts if starts or not whole else [node for node in nodes if isinstance(node.word, Layer)][:1]:
        if node.name in graph.taken:
            continue
        row = graph.row(node)
        owners = {each.owner or each.name for each in row.nodes if each.loops or not starts}
        names = {each.name for each in row.nodes}
        if owners <= shown:
            notes.append(Note(f"{shorten(node.owner or node.name)} is called again, with the same weights", "left out"))
            graph.taken |= {each.name for each in row.nodes if each.owner}  # the others are in no row
            continue
        graph.taken |= names
        made = graph.part(row)
        if isinstance(made, Note):
            notes.append(made)
            if row.nodes[0].reads:
                graph.taken -= names - {node.name}  # a reader of these may be in a row
            failed |= names & graph.taken  # the first layer of a network takes the others with it
            continue
        if len(parts) >= MAX_PARTS:
            raise RnncliError(f"there are more than {MAX_PARTS:,} recurrent parts")
        shown |= owners
        parts.append(made)
    used = graph.taken - failed
    left = tuple(node for node in nodes if node.name not in used and node.kind not in ("input", "output"))
    return Rows(tuple(parts), left, tuple(dict.fromkeys(notes)))


@dataclass
class _RowInProgress:
    """A row under construction.

    Attributes:
        nodes: the nodes in it.
        returns: what its last node returns; "open" if that depends on the node's reader.
        features: how many features that output has.
        length: how many timesteps that output has, if it is a sequence and the length is known.
        begins: why the input of the first node is not in the row, after a colon.
        ends: why the reader of the last node is not in the row.
        last: the index of the last layer.
        around: the zeros around the sequence that no layer accounts for yet.
        slid: the index of the convolution that has moved over those zeros: a later crop may remove what they produced.
        open: the indices of the nodes that added them.
        timesteps: how long the input must be, if that follows from what reads a flattened sequence.
        fewest: whether the input may be longer.
        flat: the index of a layer that flattens a sequence of unknown length, until a later layer fixes its size.
    """

    nodes: list[Node] = field(default_factory=list)
    returns: Literal["sequence", "vector", "open"] = "sequence"
    features: int | None = None
    length: int | None = None
    begins: str = ""
    ends: Note | None = None
    last: int | None = None
    around: tuple[int, int] = (0, 0)
    slid: int | None = None
    open: list[int] = field(default_factory=list)
    timesteps: int | None = None
    fewest: bool = False
    flat: int | None = None

    def take(self, node: Node) -> str | None:
        """Add a node if it fits after the last one; return None, or the reason if it does not fit."""
        word = node.word
        if word is None:
            graph = node.convention == "onnx"  # where it may be a layer in another form
            unknown = "it is not known" if node.kind == "unknown" else f"specs have no {node.shown_kind}"
            return "no layer does this" if graph else unknown
        if len(self.nodes) > MAX_LAYERS:
            return f"a network has at most {MAX_LAYERS:,} layers"
        if self.flat is not None and isinstance(word, Layer) and (reason := self._unflatten(word, node.features)):
            return reason
        if node.features and self.features and node.features != self.features:
            return f"it reads {plural(node.features, 'feature')}, but the layer before it returns {self.features:,}"
        before = node.reads[0].returns or self.returns if node.reads and self.returns == "open" else self.returns
        where = "sequence" if any(node.around) else node.where
        if {where, before} == {"sequence", "vector"}:
            return f"it works on a {where}, but the layer before it returns a {before}"
        around = (self.around[0] + node.around[0], self.around[1] + node.around[1])
        if min(around) < 0 or (self.slid is not None and max(node.around) > 0):
            return "it crops or pads timesteps in a way that no layer of a spec does"
        slid = self.slid
        if isinstance(word, Layer) and any(around) and slid is None and word.with_zeros((0, 0), None) is not None:
            settled = word.with_zeros(around, self.length)
            if settled is not None:
                node, word, around = replace(node, word=settled), settled, (0, 0)
            elif word.window is not None and word.window.stride == 1:
                slid = len(self.nodes)
            else:
                return _unsettled(around)
        elif any(self.around) and not isinstance(word, Pass) and (slid is None or word.reads != "either"):
            return _unsettled(self.around)
        layer = None if self.last is None else self.nodes[self.last].word
        act = word.activates if isinstance(word, Layer) else None
        if act is not None and self.last is not None and takes_activation(layer):
            self.nodes[self.last] = replace(self.nodes[self.last], word=layer.with_activation(act))
            node = replace(node, word=Pass())
        elif isinstance(word, Layer):
            if takes_input(word) and self.nodes:
                ids = f"it reads ids, but the input has {plural(self.features or 0, 'number')} per timestep"
                return ids if takes_vectors(self.nodes[-1].word) else "it reads the input of the network"
            if {word.reads, before} == {"sequence", "vector"}:
                begins = not self.nodes or takes_input(self.nodes[-1].word)
                makers = [each for each in self.nodes if isinstance(each.word, Layer) and each.word.returns == "vector"]
                if before == "vector" and makers and makers[-1].loops:
                    return f"it reads a sequence, but {makers[-1].described} returns only its last output"
                returns = "the input of a network is" if begins else "the layer before it returns"
                return f"it reads a {word.reads}, but {returns} a {before}"
            vector = before == "vector"
            if word.needs_length and not vector and self.length is None:
                if not self.nodes or self.flat is not None or takes_vectors(self.nodes[0].word):
                    return _UNKNOWN_LENGTH
                self.flat = len(self.nodes)
            shape = shape_after(word, self.features or node.features, self.length, vector=vector)
            length = shape[1] if len(shape) == 3 else None
            self.features, self.length = shape[-1], self.length if slid == len(self.nodes) else length
            if node.loops and "return_sequences" in node.unsaid:
                self.returns = "open"
            elif word.returns != "same":
                self.returns = word.returns
            self.last = len(self.nodes)
        elif slid is not None and any(node.around):
            settled = self.nodes[slid].layer.with_zeros(around, self.length)
            if settled is not None:
                self.nodes[slid], around, slid = replace(self.nodes[slid], word=settled), (0, 0), None
        self.open = [*self.open, *([len(self.nodes)] if any(node.around) else [])] if any(around) else []
        self.around, self.slid = around, slid
        self.nodes.append(node)
        return None

    def _unflatten(self, word: Layer, features: int | None) -> str | None:
        """Infer the length of a flattened sequence from how much of it a layer reads; return the reason if unknown."""
        assert self.flat is not None
        if features is None:
            return _UNKNOWN_LENGTH if returned(word, 1) == returned(word, 2) else None
        nodes = [node for node in self.nodes[: self.flat + 1] if isinstance(node.word, Layer)]

        def flattened(timesteps: int) -> int:
            shape: Shape = (None, timesteps, _features_read(nodes))
            for node in nodes:
                shape = ((node.layer.returning("sequence") if node.loops else None) or node.layer).output_shape(shape)
            return shape[-1] or 0

        timesteps = bisect_left(range(MAX_SIZE), features, key=flattened)
        if flattened(timesteps) != features:
            return f"it reads {features:,} features, which no length of the flattened sequence gives"
        if timesteps > 1:
            for place, node in enumerate(self.nodes[: self.flat]):
                if node.loops:
                    said = node.unsaid - {"return_sequences"}
                    self.nodes[place] = replace(node, word=node.layer.returning("sequence"), unsaid=said)
            self.timesteps, self.fewest = timesteps, flattened(timesteps + 1) == features
        elif nodes[-1].reads and nodes[-1].reads[0].returns == "sequence":
            return _UNKNOWN_LENGTH  # nobody flattens a single step; if the edge is open, one output is read
        self.flat, self.features = None, features
        return None

    def culprit(self, node: Node, reason: str) -> Node:
        """Return the node that causes a misfit: the one that left zeros over, or the given one."""
        return self.nodes[self.open[-1]] if self.open and reason == _unsettled(self.around) else node


_UNKNOWN_LENGTH = "it needs a sequence of known length"


def _unsettled(around: tuple[int, int]) -> str:
    """Return the reason when no layer accounts for the zeros around a sequence, less the timesteps cut off."""
    zeros = f"it leaves zeros around the sequence, {around[0]:,} before and {around[1]:,} after"
    return f"{zeros}, which is neither same nor causal padding"


def first_misfit(nodes: Sequence[Node]) -> tuple[Node, str] | None:
    """Return the first node of a chain that does not fit after the one before it, and the reason."""
    row = _RowInProgress()
    for node in nodes:
        if (reason := row.take(node)) is not None:
            return row.culprit(node, reason), reason
    if row.flat is not None:
        return row.nodes[row.flat], _UNKNOWN_LENGTH
    return (row.nodes[row.open[-1]], _unsettled(row.around)) if row.open else None


def _fitting(nodes: Sequence[Node]) -> _RowInProgress:
    """Return the longest row that ends with the last of some nodes."""
    begins = ""
    while True:
        row = _RowInProgress()
        for place, node in enumerate(nodes):
            if (reason := row.take(node)) is not None:
                name = shorten(row.culprit(node, reason).name)
                own = f"{name} {reason[3:]}" if reason.startswith("it ") else reason
                begins = f": {own}" if place == 0 or row.nodes else begins
                if place:
                    break
        else:
            return replace(row, begins=begins)
        nodes = nodes[row.open[-1] + 1 if row.open else place :]


class _NodeGraph:
    """Follows the edges of nodes."""

    def __init__(self, nodes: Sequence[Node], features: int | None, framework: Framework | None) -> None:
        self._features, self._framework = features, framework
        self._nodes = {node.name: node for node in nodes}
        self.taken: set[str] = set()
        self._readers: dict[str, list[Node]] = {}
        for node in nodes:
            for name in dict.fromkeys(read.node for read in node.reads or ()):
                if node.kind != "output":
                    self._readers.setdefault(name, []).append(node)
        ends = (node.reads or () for node in nodes if node.kind == "output")
        self._outputs = [(read.node, read.returns) for reads in ends for read in reads]

    def row(self, node: Node) -> _RowInProgress:
        """Return the longest row through a node: from a head or known features, while the last node has one reader."""
        before = {node.name: node}
        first = node
        while (earlier := self._before(first)) is not None and earlier.name not in before:
            first = before[earlier.name] = earlier
        nodes = [*reversed(before.values())]
        start = 0
        if not self._features and not takes_input(nodes[0].word):  # where the number of input features is known
            known = next((place for place, node in enumerate(nodes) if node.features), 0)
            start = max((place + 1 for place, node in enumerate(nodes[:known]) if _changes_features(node)), default=0)
        row = _fitting(nodes[start:])
        row.begins = row.begins or ": the source does not say how many features it reads" * bool(start)
        after: set[str] = set()
        while (later := self._after(row.nodes[-1])) is not None and later.name not in self.taken:
            if later.name in before or later.name in after:
                break
            if (reason := row.take(later)) is not None:
                own = (note for note in later.notes if note.effect == "left out")
                row.ends = next(own, Note(f"{later.described} is left out: {reason}", "left out"))
                break
            after.add(later.name)
        if row.open:
            first = row.nodes[row.open[0]]
            row.ends = Note(f"{first.described} is left out: {_unsettled(row.around)}", "left out")
            del row.nodes[row.open[0] :]
        if row.flat is not None:
            row.ends = Note(f"{row.nodes[row.flat].described} is left out: {_UNKNOWN_LENGTH}", "left out")
            del row.nodes[row.flat :]
        return row

    def _before(self, node: Node) -> Node | None:
        earlier = self._nodes.get(node.reads[0].node) if node.reads else None
        if earlier is None or earlier.word is None or (len(node.reads or ()) > 1 and not node.loops):
            return None
        if takes_input(node.word) and earlier.ids is not None:  # which is only the input of its ids
            return None
        free = self._readers[earlier.name] == [node] and earlier.name not in self.taken
        return earlier if free or takes_input(earlier.word) else None

    def _after(self, node: Node) -> Node | None:
        readers = self._readers.get(node.name, [])
        if len(readers) != 1 or takes_input(readers[0].word):
            return None
        reads = readers[0].reads or ()
        return readers[0] if reads[0].node == node.name and (len(reads) == 1 or readers[0].loops) else None

    def part(self, row: _RowInProgress) -> Part | Note:
        """Return a row as a part, or a note if it cannot be one."""
        wanted = [self._wanted(row.nodes, place) for place in range(len(row.nodes))]
        nodes = [self._returning(node, want) for node, want in zip(row.nodes, wanted, strict=True)]
        names = {node.name for node in nodes}
        notes = dict.fromkeys(self._around(row))
        for node, want in zip(nodes, wanted, strict=True):
            notes |= dict.fromkeys(note for note in (*node.notes, *_unsaid(node, want)) if note.holds(names))
            again = node.owner != node.name and node.owner in names
            if again and isinstance(node.word, Layer) and node.word.weights((None, None, 1)):
                text = f"{shorten(node.owner)} is called again, with the same weights, which are counted twice"
                notes[Note(text, "counted twice")] = None
        first, named = nodes[0], next((node for node in nodes if node.loops), nodes[0])
        if takes_input(first.word):
            head = first.word
            if takes_ids(head):  # of any length, unless a layer needs a known one
                length = row.timesteps or head.fixed_timesteps
                needed = any(isinstance(node.word, Layer) and node.word.needs_length for node in nodes)
                head = head.with_timesteps(length if needed else None)
                nodes[0] = replace(first, word=head)
                if length and not needed:
                    reads = f"{shorten(first.name)} reads {plural(length, 'id')}"
                    text = f"{reads}; here it reads any number: --timesteps {length}"
                    notes[Note(text, "differs row")] = None
        else:
            said = _features_read(nodes)
            if said is None and self._features is None:
                reads = first.described if first.line else shorten(first.name)
                between = f" from {before}, which is left out" if (before := self._left_before(row)) else ""
                return Note(f"the source does not say how many features {reads} reads{between}", "left out")
            head = Input(said or self._features or 0, row.timesteps)
            notes |= {} if said else {Note(f"an input of {plural(head.features, 'feature')}", "assumed size"): None}
        if row.fewest:
            text = f"an input of {row.timesteps:,} timesteps, the fewest that leave that many numbers to flatten"
            notes[Note(text, "assumed size")] = None
        layers = tuple(node for node in nodes if isinstance(node.word, Layer) and not takes_vectors(node.word))
        masking = [node for node in nodes if node.word == Pass(masks=True)]
        if masking and takes_vectors(head) and not any(_changes(node) for node in nodes[: nodes.index(masking[0])]):
            head = replace(head, mask_zero=True)
            del masking[0]
        for node in masking:
            text = f"{shorten(node.name)} treats vectors of zeros as padding; here they are ordinary timesteps"
            notes[Note(text, "differs")] = None
        name = (named.owner or named.name).partition(" (layer ")[0]  # the module that has this level of a stack
        framework: Framework = self._framework or ("torch" if named.convention == "torch" else "keras")
        part = Part(name, head, layers, tuple(notes), framework)
        try:
            assert part.network.layers
        except RnncliError as error:
            return Note(f"{shorten(named.name)}: {error.message}", "left out")
        return part

    def _returning(self, node: Node, wanted: Returned | None) -> Node:
        """Return a node; a recurrent node with an open return value returns what its readers need."""
        wanted = wanted or "vector"
        if "return_sequences" not in node.unsaid or not isinstance(node.word, Layer) or node.word.returns == wanted:
            return node
        return replace(node, word=node.word.returning(wanted) or node.word)

    def _wanted(self, nodes: Sequence[Node], place: int) -> Returned | None:
        """Return what the rest of a row reads from a recurrent node, by the source's edges, then by its layers."""
        if "return_sequences" not in nodes[place].unsaid:
            return None
        said: Returned | None = None
        for later in nodes[place + 1 :]:
            edge = later.reads[0].returns if later.reads else None
            if edge == "vector":
                return "vector"
            said = edge or said
            if isinstance(later.word, Layer) and later.word.reads in ("sequence", "vector"):
                return "sequence" if later.word.reads == "sequence" else "vector"
            if isinstance(later.word, Layer) and later.word.returns == "vector":  # it can read both
                return said
        last = nodes[-1].name
        edges = {
            read.returns for reader in self._readers.get(last, ()) for read in reader.reads or () if read.node == last
        } | {returns for name, returns in self._outputs if name == last}
        return edges.pop() if len(edges) == 1 else said

    def _left_before(self, row: _RowInProgress) -> str:
        """Return the node outside a row that its first node reads; empty if that is the input."""
        first = row.nodes[0]
        ids = takes_input(first.word)
        if not first.reads or (ids and not row.begins):
            return ""
        read = self._nodes.get(first.reads[0].node)
        if read is None:
            return shorten(first.reads[0].node)
        return read.described if read.kind != "input" else "the input" if ids else ""

    def _around(self, row: _RowInProgress) -> Iterator[Note]:
        """Yield notes on what is left out before and after a row."""
        first, last = row.nodes[0], row.nodes[-1]
        if before := self._left_before(row):
            yield Note(f"{shorten(first.name)} reads {before}, which is left out{row.begins}", "left out")
        if row.ends is not None:
            yield row.ends
        elif on := self._readers.get(last.name):
            shown, more = [each.described for each in on[:3]], f" and {len(on) - 3} more" if len(on) > 3 else ""
            read = "reads" if len(on) == 1 else "read"
            yield Note(f"{', '.join(shown)}{more} {read} {shorten(last.name)}", "left out")


def _changes(node: Node) -> bool:
    """Return whether a node changes the input: its vectors of zeros may be different ones afterwards."""
    passes = isinstance(node.word, Pass) or (isinstance(node.word, Layer) and node.word.kind == "dropout")
    return not passes and not takes_vectors(node.word)


def _features_read(nodes: Sequence[Node]) -> int | None:
    """Return how many features the first of some nodes reads, inferred from later ones while the number is the same."""
    for node in nodes:
        if node.features or _changes_features(node):
            return node.features if node.features and node.features <= MAX_SIZE else None
    return None


def _changes_features(node: Node) -> bool:
    return isinstance(node.word, Layer) and returned(node.word, 1) == returned(node.word, 2)


def _unsaid(node: Node, wanted: Returned | None) -> Iterator[Note]:
    """Yield notes on the arguments of a node that are assumed because the source does not specify them."""
    for argument in sorted(node.unsaid - {"return_sequences"}):
        said = in_both(type(node.layer), argument, getattr(node.layer, argument))
        yield Note(f"{shorten(node.name)} has {said}, the default", "assumed")
    if "return_sequences" in node.unsaid and wanted is None:
        both = getattr(node.word, "merge_mode", None) is not None
        last = "each direction's last output (h_n)" if both else "its last output"
        yield Note(f"{shorten(node.name)} returns only {last}", "assumed")
