"""The function in C of a network of which a layer reads from the end of the sequence: it takes the whole of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnncli.export.c_functions import INDENT, wrapped
from rnncli.export.c_layers import LAYERS, Body, Phase, Place, Vector
from rnncli.export.plan import Step
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export.c import Source

MERGES: Mapping[str, str] = {"concat": "memcpy", "sum": "add", "mul": "multiply", "ave": "average"}
"""The function that puts the output of the second direction beside that of the first, or makes one of both."""


class Whole(Body):
    """A function for a whole sequence: a loop over time for each stretch of layers.

    Between two loops the sequence is in one half of a workspace; the halves, a and b, take turns.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source, "t")
        self.length, self.x = "timesteps", self.input
        self.halves = {"a": (0, 0), "b": (0, 0)}
        """The numbers of each half: for each timestep, and beside those."""

    def room(self, half: str) -> str:
        """Return how many numbers a half of the workspace has; empty for none."""
        each, more = self.halves[half]
        return " + ".join([f"(timesteps) * {each}"] * bool(each) + [str(more)] * bool(more))

    def take(self, phase: Phase) -> None:
        """Write a phase."""
        last, stretch = phase is self.source.phases[-1], list[Step]()
        if phase.repeat is not None:
            self.repeated(phase, self.x)
            self.length, self.x = str(phase.times), phase.vector
        for step in phase.over:
            if not step.layer.needs_whole:
                stretch.append(step)
                continue
            trial = Body(self.source, "t")
            made = trial.through(stretch, self.x)
            self.x = self._over_time(stretch, self._half(made.size)) if trial.lines else made
            stretch = []
            self._backwards(step, last and step is phase.over[-1] and not phase.tail)
        if phase.ends:
            self.x = self._over_time(stretch) if stretch else self.x
            self.x = self.ended([phase], self.x, Vector("y", self.source.outputs) if last else None)
            if last:
                self.copied(self.x, "y")
        elif stretch or not self.x.text.startswith("y"):
            self._over_time(stretch, "y")

    def _half(self, size: int, sequence: bool = True) -> str:
        """Return the half of the workspace that is free, with room for a vector or a sequence of vectors of a size."""
        half = "b" if self.x.text.partition(" ")[0] == "a" else "a"
        each, more = self.halves[half]
        if sequence and self.length == "timesteps":
            self.halves[half] = (max(each, size), more)
        else:
            self.halves[half] = (each, max(more, size * int(self.length) if sequence else size))
        return half

    def _over_time(self, steps: Sequence[Step], base: str = "") -> Vector:
        """Write a loop over some layers, whose vectors go to an array, if one is given; return that of timestep t."""
        size = features_of(steps[-1].returns) if steps else self.x.size
        target = Vector(f"{base} + t * {size}", size) if base else None
        inside = Body(self.source, "t")
        made = inside.through(steps, self.x, target)
        if target is not None:
            inside.copied(made, target.text)
        self.looped(f"for (size_t t = 0; t < {self.length}; t++)", inside)
        return target or made

    def _backwards(self, step: Step, last: bool) -> None:
        """Write a layer that reads time backwards, or both ways: a loop for each direction."""
        layer, size, sequence = step.layer, features_of(step.returns), step.layer.returns == "sequence"
        units = size // 2 if layer.merge == "concat" else size
        base = ("y" if last else self._half(size, sequence)) if sequence or layer.merge is not None else ""
        written, made = list[str](), self.x
        for number, direction in enumerate(layer.directions):
            inside = Body(self.source, "t")
            place = Place(inside, step, self.x, None, direction)
            made = LAYERS[layer.kind].step(place)
            function = MERGES[layer.merge] if number else "memcpy"
            at = f" + ({self.length} - 1 - t) * {size}" if layer.reverses else f" + t * {size}"
            to = base + at * sequence + f" + {units}" * (number == 1 and layer.merge == "concat")
            count = f"{units} * sizeof(float)" if function == "memcpy" else str(units)
            merge = [wrapped(f"{INDENT}{function}(", [to, made.text, count], ");")]
            if sequence and step.masked and layer.merge is not None:
                zeros = [f"{INDENT}fill({to}, 0.0f, {units});"] if function == "memcpy" else []
                merge = [*zeros, *self.source.unless_padding(place, "for which zeros are returned", *merge)]
            if sequence:
                inside.lines += merge
            elif base:
                written += merge
            backwards = layer.reverses or number == 1
            over = f"size_t t = {self.length}; t-- > 0;" if backwards else f"size_t t = 0; t < {self.length}; t++"
            self.looped(f"for ({over})", inside)
        self.lines += written
        self.x = Vector(base + f" + t * {size}" * sequence, size) if base else made
