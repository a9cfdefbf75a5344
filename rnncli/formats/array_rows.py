"""Infers which layer reads which in a file that has only names, shapes and perhaps an order.

Matching sizes are never enough. In a file that has the order of the model, a layer is only read by the next one that
could read it; in a file that is sorted by name, by the only one that could, or by the next in the numbers of a family's
names. Nothing that is not understood may be in between. If there are two possibilities, neither is used, and the layer
is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Literal

from rnncli.errors import shorten
from rnncli.formats.nodes import Node, Note, Read, returned, takes_ids
from rnncli.immutable import NamedTuple
from rnncli.language.spec import MAX_LAYERS
from rnncli.layers import Layer

MATRIX = "Linear or Embedding"
"""The kind of a dense layer that may just as well be an embedding."""

_SIDE = re.compile(r"(?<![a-z])(enc|dec|left|right)(?:oder)?(?![a-z])|(?<![a-z])(src|source|tgt|trg|target)(?![a-z])")
"""Names of the two sides of a model, which do not form one row."""

_COPIES = re.compile(r"(^|[./])(ensemble\.|(model|fold|member|estimator|expert|agent|critic|q)(s\.|_?))[0-9]+$")
"""Names of modules that are copies of one another, like the models of an ensemble, and differ only in numbers."""

_BESIDE = re.compile(r"static|init(ial)?_(h|c|hidden|state|cell)|(h|c|fc|hidden|state)_?init")
"""Names of layers that compute an initial state or read static inputs: they are not in a row."""

_END = re.compile(
    r"(^|[._/])(fc_?)?(out(put)?|heads?|logits?|classifier|generator|scores?|policy|value)"
    r"(_?(layer|proj(ection)?|fc|linear|head|net))?[._]?[0-9]*$"
)
"""Names of layers at the end of a row, which never come before a cell."""

_NORMALIZATIONS = ("norm", "bnorm")
"""The kinds of normalizations."""

OTHER_NORM = re.compile(r"batch|group|instance|rms|(^|[._/])[bg]n")
"""Names of modules that normalise otherwise than a LayerNorm."""

_HOME = re.compile(r"(^|[./])[^./]*$")

_MOST = 20
"""How many fitting layers are looked at when one is needed."""


def owner_of(name: str) -> str:
    """Return the name of the module that a node is, or that has it as a level."""
    return name.partition(" (layer ")[0]


def numbered(name: str) -> tuple[str, list[int]]:
    """Return the family of a node, which is its name without numbers, and the numbers."""
    return re.sub("[0-9]+", "", owner_of(name)).rstrip("_"), [int(each) for each in re.findall("[0-9]{1,9}", name)]


def ending(name: str) -> str:
    """Return the end of a name, which is searched for words, in lower case."""
    return name[-100:].lower()


class _ArrayName(NamedTuple):
    """The information in a name: a family, numbers, the enclosing module, and the sides of a model that it mentions."""

    family: str
    numbers: list[int]
    home: str
    sides: frozenset[str]


def _name(text: str) -> _ArrayName:
    owner = owner_of(text)
    sides = (first or second for first, second in _SIDE.findall(ending(text)))
    same = {"source": "src", "target": "tgt", "trg": "tgt"}
    return _ArrayName(*numbered(owner), _HOME.sub("", owner), frozenset(same.get(each, each) for each in sides))


def _kind(node: Node) -> Literal["unknown", "cell", "table", "plain", "beside"]:
    """Return whether a node is a cell, an embedding, another stateless layer, not understood, or next to a row."""
    if node.word is None:
        return "unknown"
    plain: Literal["plain", "beside"] = "beside" if _BESIDE.search(ending(node.name)) else "plain"
    return "cell" if node.loops else "table" if takes_ids(node.word) else plain


def linked(nodes: Sequence[Node], ordered: bool) -> list[Node]:
    """Return nodes with edges added, in the order of the model or in that of their names.

    The levels of a stack are linked already.
    """
    rows = _RowBuilder(nodes, ordered)
    for start in rows.starts():
        if start not in rows.used:
            rows.make(start)
    return rows.nodes


class _RowBuilder:
    """Builds rows, one around each cell that is not in one yet. Layers are identified by their indices.

    Attributes:
        nodes: the layers, with their edges.
        used: the indices of the layers that are in a row.
    """

    def __init__(self, nodes: Sequence[Node], ordered: bool) -> None:
        self.nodes, self.used = list(nodes), set[int]()
        in_order = "the layers follow one another in the order of the file, where their sizes fit"
        by_name = "the file is sorted by name: numbers in names, and sizes, give the order of the layers"
        self._ordered, self._note = ordered, Note(in_order if ordered else by_name, "assumed")
        self._places = {node.name: place for place, node in enumerate(nodes)}
        self._names = [_name(node.name) for node in nodes]
        # How many features each layer reads and returns; 0 if unknown.
        self._reads = [node.features or 0 for node in nodes]
        sizes = (isinstance(node.word, Layer) and returned(node.word, node.features) for node in nodes)
        self._returns = [size or 0 for size in sizes]
        self._above = {self._places.get(node.reads[0].node): place for place, node in enumerate(nodes) if node.reads}
        self._kinds = [_kind(node) for node in nodes]
        self._windowed = {
            place for place, node in enumerate(nodes) if isinstance(node.word, Layer) and node.word.window
        }
        homes = {self._names[place].home for place in self._windowed}
        self._beside = {place for place, name in enumerate(self._names) if name.home in homes}
        self._cells = [place for place, kind in enumerate(self._kinds) if kind == "cell"]
        self._cells_reading: defaultdict[int, list[int]] = defaultdict(list)
        for place in self._cells:
            self._cells_reading[self._reads[place]].append(place)
        self._returned_by_cells = {self._returns[place] for place in self._cells}
        self._unknown: defaultdict[int, list[int]] = defaultdict(list)  # by each size of their arrays
        # By kind and output size, the layers that are in no row yet; of cells, those without a reader.
        self._giving: defaultdict[tuple[str, int], dict[int, None]] = defaultdict(dict)
        # By kind and input size, and by family in numerical order; of cells, those without an input.
        self._reading: defaultdict[tuple[str, int], dict[str, dict[int, None]]] = defaultdict(dict)
        for place, node in enumerate(nodes):
            for size in {side for tensor in node.tensors.values() for side in tensor.shape if node.word is None}:
                self._unknown[size].append(place)
        # The families of normalizations that a file has after cells, but that by their sizes are in front of them.
        self._norms_in_front = {
            self._names[place + 1].family
            for place in self._cells
            if self._normalizes(place + 1) and self._reads[place] == self._reads[place + 1] != self._returns[place]
        }
        # By a cell, the next one of its family, in numerical order.
        self._next: dict[int, int] = {}
        of_family: dict[str, int] = {}
        for place in sorted(range(len(nodes)), key=lambda place: self._names[place][:2]):
            kind, family = self._kinds[place], self._names[place].family
            if kind == "cell":
                self._next[of_family.get(family, place)] = place
                of_family[family] = place
            if place not in self._above:
                self._giving[kind, self._returns[place]][place] = None
            if not nodes[place].reads:
                self._reading[kind, self._reads[place]].setdefault(family, {})[place] = None

    def starts(self) -> list[int]:
        """Return the cells in order, those first whose input size no layer returns."""
        givers = (place for place, kind in enumerate(self._kinds) if kind in ("cell", "plain"))
        returned = {self._returns[place] for place in givers}
        cells = [place for place in self._cells if not self.nodes[place].reads]
        return [*sorted(cells, key=lambda place: self._reads[place] in returned), *self._cells]

    def make(self, start: int) -> None:
        """Link the row of a cell: first the layers after it, then those before it."""
        first = last = cell = start
        self._take(start)
        length, guessed = 1, {self._reads[start]}
        while length < MAX_LAYERS - 1 and (later := self._after(last, cell, first, guessed)) is not None:
            if self.nodes[later].reads is None:
                guessed.add(self._returns[last])
            self._link(last, later, self._note)
            last, cell = later, later if self.nodes[later].loops else cell
            length += 1
        while length < MAX_LAYERS - 1 and self.nodes[first].reads is None:
            table = self._table(first, last)
            earlier = self._front(first, last) if table is None else table
            if earlier is None:
                return
            one, other = shorten(self.nodes[earlier].name), shorten(self.nodes[first].name)
            in_front = f"{one} comes before {other}, where nothing else fits"
            self._link(earlier, first, self._note if table is not None else Note(in_front, "assumed"))
            first = earlier
            length += 1

    def _link(self, one: int, other: int, note: Note) -> None:
        """Make layer `other` read layer `one`."""
        node = self.nodes[other]
        if node.reads is None:
            self.nodes[other] = replace(node, reads=(Read(self.nodes[one].name),), notes=(*node.notes, note))
        self._giving[self._kinds[one], self._returns[one]].pop(one, None)
        self._take(one)
        self._take(other)

    def _take(self, place: int) -> None:
        """Record that a layer is in a row."""
        self.used.add(place)
        kind = self._kinds[place]
        if kind != "cell":
            self._giving[kind, self._returns[place]].pop(place, None)
        families = self._reading[kind, self._reads[place]]
        name = self._names[place].family
        if place in families.get(name, {}):
            del families[name][place]
            if not families[name]:
                del families[name]

    # The layers after a row

    def _after(self, last: int, cell: int, first: int, guessed: set[int]) -> int | None:
        """Return the layer that reads the last layer of a row, given the row's last cell and first layer."""
        if last in self._above:
            return self._above[last]
        size = self._returns[last]
        if size == 1 and self._kinds[last] == "plain":
            return None  # a network predicts a single number; a layer that reads one reads the input of another row
        if not self._ordered:
            later = self._next_of_stack(last, cell, first)
            plain = self._only_plain(last, cell, first, guessed)
            if later is None:
                return None if plain is None or self._has_rivals(last, plain, first) else plain
            between = [each for each in self._families(last, cell) if self._returns[each[-1]] == size]
            return plain if between == [[plain]] else None if between else later
        owed = set[int]()
        for place in range(last + 1, len(self.nodes)) if last >= first else ():
            node = self.nodes[place]
            if place in self.used or self._kinds[place] == "beside":
                continue
            if node.word is None:
                if any(size in tensor.shape for tensor in node.tensors.values()):
                    return None
            elif takes_ids(node.word):
                owed.add(self._returns[place])
            elif node.loops:
                fits = node.reads is None and self._reads[place] == size and size not in owed
                # Names within a stack differ only in numbers, or are Keras's.
                alike = self._names[cell].family == self._names[place].family or self.nodes[cell].convention != "torch"
                if fits and alike and self._together(cell, place) and not self._owes_table(place, first):
                    return place
                break
            else:
                return place if self._goes_on(last, cell, place) else None
        return self._only_plain(last, cell, first, guessed)

    def _goes_on(self, last: int, cell: int, place: int) -> bool:
        """Return whether a layer is next in the order of the file, and not one of two with the same input."""
        size = self._returns[last]
        if self._reads[place] != size or not self._together(cell, place) or not self._together(last, place):
            return False
        if self._names[place].family in self._norms_in_front:
            return False
        others = (each for each in range(place + 1, len(self.nodes)) if self._kinds[each] not in ("table", "beside"))
        if (other := next(others, None)) is None or self._kinds[other] != "plain":
            return True
        return self._reads[other] != size or self._returns[place] == size

    def _next_of_stack(self, last: int, cell: int, first: int) -> int | None:
        """Return the next cell when the file has no order: the family's next, or for Keras the only one that fits."""
        size = self._returns[last]
        families = self._reading["cell", size]
        name, numbers, *_ = self._names[cell]
        place = next(iter(families.get(name, ())), None)
        if place is None or self._names[place].numbers < numbers:
            if place is not None or len(families) != 1 or self.nodes[cell].convention == "torch":
                return None
            (places,) = families.values()
            place = next(iter(places))
            ends = [each for each in islice(self._giving["cell", size], 3) if each not in (last, place)]
            if len(places) > 1 or ends or (self._reading["plain", size] and self._returns[place] != size):
                return None
            if self._returns[place] == self._reads[first] and not self._giving["table", self._reads[first]]:
                return None  # each may read the other
        elif self._next.get(cell) != place:
            return None  # the next of the family reads something else
        fits = self._together(cell, place) and not self._owes_table(place, first)
        return place if fits and not self._blocked(size, last, place) else None

    def _families(self, last: int, cell: int) -> list[list[int]]:
        """Return the stateless layers that may read the last of a row, some of each family in numerical order."""
        families = islice(self._reading["plain", self._returns[last]].values(), _MOST)
        near = (
            [p for p in islice(each, _MOST) if self._together(cell, p) and self._together(last, p)] for each in families
        )
        return [*filter(None, near)]

    def _only_plain(self, last: int, cell: int, first: int, guessed: set[int]) -> int | None:
        """Return the only stateless layer that fits after a row, or the first by the numbers in a family's names.

        In a file with an order it comes before the row, with no other cell in between. Without an order, a
        normalization comes before the only other layer that fits, if no other layer returns as many features.
        """
        size, families = self._returns[last], self._families(last, cell)
        ends = self._giving["cell", size]
        alone = [*islice(self._giving["plain", size], 2)]
        if not self._ordered and [*map(len, families)] == [1, 1] and alone in families:
            families = [alone] if self._normalizes(alone[0]) else families
        if len(families) != 1 or max(len(self._reading["plain", size]), len(ends)) > _MOST:
            return None
        place, end = families[0][0], families[0][-1]
        family, numbers, *_ = self._names[place]
        other_family, moves = family != self._names[last].family, place in self._windowed
        # Convolutions come before a cell more often than after it.
        in_front = self._returns[place] == self._reads[first] and self._reads[place] not in self._returned_by_cells
        if moves:
            earlier = islice(self._giving["plain", self._reads[first]], _MOST)
            in_front = any(self._names[each].family == family for each in earlier)
        lower = (self._names[each] for each in islice(self._giving["plain", size], _MOST))
        doubts = (
            MATRIX in (self.nodes[place].kind, self.nodes[end].kind),
            place != end and self._returns[place] != size,
            self._returns[end] == size and size in guessed,  # it could just as well be within the row
            not other_family and numbers < self._names[last].numbers,
            self._ordered + (self._kinds[last] == "plain" and other_family) + moves > 1,
            self._kinds[last] == "plain" and other_family and _END.search(ending(self.nodes[last].name)),
            any(each.family == family and each.numbers < numbers for each in lower),  # this one may read that one
            in_front and other_family and not self._giving["table", self._reads[first]],
            any(each != last and self._together(each, place) for each in ends),  # another row could continue with it
            self._ordered and not self._cell_before(first) <= place <= first,
            self._blocked(size, place, first),
        )
        return None if any(doubts) else place

    # The layers before a row

    def _table(self, first: int, last: int) -> int | None:
        """Return the embedding that a row reads: the only one that fits, or the one whose name fits best."""
        size = self._reads[first]
        before = self._cell_before(first)
        tables = self._giving["table", size]
        found = [each for each in islice(tables, _MOST) if self._together(first, each)]
        near = [each for each in found if self._ordered and before < each < first]
        best = max((self._likeness(each, first) for each in near or found), default=())
        found = [each for each in near or found if self._likeness(each, first) == best]
        if len(found) != 1 or len(tables) > _MOST or self._blocked(size, *sorted((found[0], first))):
            return None
        (table,) = found
        if near:
            between = zip(self._kinds[table + 1 : first], self._returns[table + 1 : first], strict=True)
            return None if ("plain", size) in between else table
        givers = self._givers(first, last, size)
        if self._giving["plain", size] or any(self._likeness(each, first) >= best for each in givers):
            return None
        readers = self._unfed(first, size)
        if size not in self._returned_by_cells:  # or else they may come after a cell
            readers += islice(chain.from_iterable(self._reading["plain", size].values()), _MOST)
        return None if any(self._likeness(table, each) >= best for each in readers) else table

    def _front(self, first: int, last: int) -> int | None:
        """Return the stateless layer before a row, next to it in its module, if nothing else fits there.

        In a file with an order it comes right before the row. A layer with as many outputs as inputs, such as a
        normalization, comes after one where they differ.
        """
        size = self._reads[first]
        found = [*range(max(0, first - 1), first)] if self._ordered else [*islice(self._giving["plain", size], 3)]
        fits = [place for place in found if place not in self.used and self._fits_in_front(place, first)]
        if not fits or len(fits) < len(found) or self._givers(first, last, size):
            return None
        keeps = [place for place in fits if self._reads[place] == size]
        if not self._ordered:
            place = (keeps or fits)[0]
            alone = len(keeps) < 2 and len(fits) - len(keeps) < 2 and not self._has_rivals(place, first, first)
            return place if alone and not self._blocked(size, place, first) else None
        (place,) = fits
        rival = place > 0 and self._kinds[place - 1] == "plain" and self._returns[place - 1] == size
        return place if keeps or not rival else None

    def _fits_in_front(self, place: int, first: int) -> bool:
        """Return whether a layer can come before another, and not just as well after a cell or an unknown node."""
        size = self._reads[first]
        if self._kinds[place] != "plain" or self._returns[place] != size or not self._together(first, place):
            return False
        if _END.search(ending(self.nodes[place].name)):
            return False
        before = self.nodes[place - 1] if self._ordered and place and self._reads[place] == size else None
        after_table = self._ordered and self._after_table(place)
        fed = place - 1 in self._windowed or (self._normalizes(place) and after_table)
        in_order = self._ordered and (place in self._windowed or (before and fed))
        if self._giving["table", size] and not (in_order and after_table):
            return False
        if in_order:
            return True  # nobody writes these in a different order
        if before and before.word is None and any(size in tensor.shape for tensor in before.tensors.values()):
            return False
        windowed = place in (self._beside if self._reads[place] == size else self._windowed)
        beside = windowed or self._names[place].home == self._names[first].home
        return beside and self._reads[place] not in self._returned_by_cells

    def _after_table(self, place: int) -> bool:
        """Return whether an embedding is before a layer, with only windows and normalizations in between that fit.

        Windows of several widths or families may all read the embedding.
        """
        windows = set[tuple[str, object]]()
        for each in range(place, max(0, place - _MOST), -1):
            if each in self._windowed:
                windows.add((self._names[each].family, self.nodes[each].layer.window))
            if self._returns[each - 1] != self._reads[each] or len(windows) > 1:
                return False
            if self._kinds[each - 1] == "table":
                return True
            if not (each - 1 in self._windowed or self._normalizes(each - 1)):
                return False
        return False

    def _normalizes(self, place: int) -> bool:
        return self._kinds[place : place + 1] == ["plain"] and self.nodes[place].layer.kind in _NORMALIZATIONS

    def _givers(self, first: int, last: int, size: int) -> list[int]:
        """Return the cells at the ends of other rows that the first layer of a row may read; `last` ends this row."""
        cells = islice(self._giving["cell", size], _MOST)
        known = [each for each in cells if each != last and not (self._ordered and each > first)]
        return [each for each in known if self._together(first, each)]

    def _unfed(self, first: int, size: int) -> list[int]:
        """Return the cells that read this many features from no known layer, except the first layer of a row."""
        return [each for each in self._cells_reading[size] if each != first and self.nodes[each].reads is None]

    def _has_rivals(self, giver: int, reader: int, first: int) -> bool:
        """Return whether a cell of another row may also read a layer; in another module, only if the reader is too."""
        home = self._names[giver].home
        cells = [each for each in self._unfed(first, self._returns[giver]) if self._together(giver, each)]
        apart = self._names[reader].home != home
        return any(apart or self._names[each].home == home for each in cells)

    # Which layers can be in one row, and what may be between them

    def _likeness(self, one: int, other: int) -> tuple[bool, ...]:
        """Return how much the names of two layers have in common."""
        first, second = self._names[one], self._names[other]
        return first.home == second.home, first.sides == second.sides, first.numbers == second.numbers

    def _together(self, one: int, other: int) -> bool:
        """Return whether two layers can be in one row: on the same side of a model, and not in two copies."""
        sides = self._names[one].sides, self._names[other].sides
        return (not all(sides) or sides[0] == sides[1]) and not self._in_copies(one, other)

    def _in_copies(self, one: int, other: int) -> bool:
        """Return whether two modules with different names each have this layer, like an actor and a critic.

        If their names differ only in numbers, they must be names of copies: fold1 and fold2.
        """
        first, second = (re.split("([./])", self.nodes[place].name) for place in (one, other))
        apart = next((place for place, words in enumerate(zip(first, second, strict=False)) if len({*words}) > 1), None)
        if apart is None or apart + 1 == len(second):
            return False
        alike = numbered(first[apart])[0] == numbered(second[apart])[0]
        if alike and not _COPIES.search("".join(first[: apart + 1])):
            return False
        twin = self._places.get("".join([*first[: apart + 1], *second[apart + 1 :]]), -1)
        return twin >= 0 and all(sizes[twin] == sizes[other] for sizes in (self._kinds, self._reads, self._returns))

    def _owes_table(self, cell: int, first: int) -> bool:
        """Return whether an embedding remains for a cell, in addition to one that the first of its row reads."""
        size = self._reads[cell]
        tables = (self._together(cell, each) for each in islice(self._giving["table", size], _MOST))
        return sum(tables) > (self._reads[first] == size)

    def _blocked(self, size: int, low: int, high: int) -> bool:
        """Return whether an unknown node with an array of this size may be between two layers."""
        places = self._unknown[size]
        if not self._ordered:
            return bool(places)
        index = bisect_right(places, low)
        return index < len(places) and places[index] < high

    def _cell_before(self, place: int) -> int:
        """Return the index of the last cell before a layer; -1 if there is none."""
        index = bisect_left(self._cells, place)
        return self._cells[index - 1] if index else -1
