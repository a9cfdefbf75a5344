"""How the layers of a network become lines of C: where each reads a vector, and where it leaves the one it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.export.c_functions import INDENT, Cell, Matrix, activated, commented, equations_of, started, wrapped
from rnncli.export.plan import Plan, Step
from rnncli.layers.python_call import number
from rnncli.quantities import features_of

if TYPE_CHECKING:
    from rnncli.export.c import Source

# Where a network's timesteps begin and end


class Phase(NamedTuple):
    """Layers that make a step for each timestep of one sequence, and those behind them when it has ended.

    Attributes:
        repeat: what makes the sequence of a vector; None for the input.
        over: the layers of each timestep; the last of them may return one vector in the end.
        tail: the layers that read that vector.
    """

    repeat: Step | None
    over: list[Step]
    tail: list[Step]

    @property
    def start(self) -> Step:
        """What makes the sequence of a vector."""
        assert self.repeat is not None
        return self.repeat

    @property
    def times(self) -> int:
        """How often it repeats that."""
        times: int = self.start.layer.n
        return times

    @property
    def vector(self) -> Vector:
        """The vector that it repeats."""
        return Vector(f"state->{self.start.name}_vector", features_of(self.start.reads))

    @property
    def ends(self) -> bool:
        """Whether the sequence becomes a vector."""
        return bool(self.over) and self.over[-1].layer.returns == "vector"


def phases_of(plan: Plan) -> list[Phase]:
    """Return the phases of a network, one more than it has layers that repeat a vector."""
    phases = [Phase(None, [], [])]
    for step in plan.steps:
        if step.layer.reads == "vector":
            phases.append(Phase(step, [], []))
        else:
            (phases[-1].tail if phases[-1].ends else phases[-1].over).append(step)
    return phases


# Functions in the making


class Vector(NamedTuple):
    """Where a vector is: an expression, its size, and if it is in the scratch at which end: `front` or `back`."""

    text: str
    size: int
    end: str = ""


class Place(NamedTuple):
    """A layer to write.

    Attributes:
        body: the function that it is written to.
        step: the layer where it stands.
        x: the vector that it reads.
        target: where the vector goes that it makes; None where that is not said.
        direction: what stands before the names of its weights and states, if it reads in two.
    """

    body: Body
    step: Step
    x: Vector
    target: Vector | None = None
    direction: str = ""

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.step.layer

    @property
    def size(self) -> int:
        """How many numbers each vector has that it returns."""
        return features_of(self.step.returns)

    def own(self, name: str) -> str:
        """Return what a weight of its is called in C: `lstm_kernel`, `bidirectional_forward_bias`."""
        return f"{self.step.name}_{self.direction}{name}".replace("/", "_")

    def state(self, name: str) -> str:
        """Return what a state of its is called in C."""
        return f"state->{self.own(name)}"

    def matrix(self, name: str) -> Matrix:
        """Return one of its matrices, whose columns are what it returns."""
        return Matrix(self.own(name), self.x.size, self.size, self.body.source.int8)

    def room(self, size: int) -> Vector:
        """Return room in the scratch, beside what it reads."""
        scratch = self.body.source.scratch
        assert size + (self.x.size if self.x.end else 0) <= scratch, self.layer.spec()
        if self.x.end != "front":
            return Vector("state->scratch", size, "front")
        offset = scratch - size
        return Vector(f"state->scratch + {offset}" if offset else "state->scratch", size, "back")

    def made(self, *lines: str) -> None:
        """Write lines."""
        self.body.lines += lines

    def call(self, function: str, *arguments: str) -> None:
        """Write the call of a function."""
        self.body.lines.append(wrapped(f"{INDENT}{function}(", list(arguments), ");"))


def makes(step: Step) -> bool:
    """Return whether a layer does something with the vector that it reads, and does not pass it on."""
    return step.layer.step(step.reads) is not None


class Body:
    """The lines of a function in the making.

    Args:
        source: what it is a function of.
        at: how it writes which timestep there is: empty for the only one that it is given.
    """

    def __init__(self, source: Source, at: str = "") -> None:
        self.source, self.at = source, at
        self.lines: list[str] = []

    @property
    def id(self) -> str:
        """The id of the timestep."""
        return f"ids[{self.at}]" if self.at else "id"

    @property
    def input(self) -> Vector:
        """What the network reads for the timestep."""
        size = self.source.inputs
        return Vector(self.id if self.source.ids else f"x + {self.at} * {size}" if self.at else "x", size)

    def through(self, steps: Sequence[Step], x: Vector, target: Vector | None = None) -> Vector:
        """Write a timestep of some layers, each of which reads what the one before it returns; return what comes out.

        The last of them that makes a vector makes it where `target` says.
        """
        making = [place for place, step in enumerate(steps) if makes(step)]
        for place, step in enumerate(steps):
            to = target if making and place == making[-1] else None
            before = len(self.lines)
            x = LAYERS[step.layer.kind].step(Place(self, step, x, to))
            if len(self.lines) > before:
                equations = [] if step.layer.states else equations_of(step.layer)
                self.lines[before:before] = commented(
                    f"{step.layer.spec()}: {'; '.join(equations)}".strip(" :"), INDENT
                )
        return x

    def copied(self, vector: Vector, target: str) -> None:
        """Write that a vector goes somewhere, unless it is there."""
        if vector.text != target:
            self.lines.append(
                wrapped(f"{INDENT}memcpy(", [target, vector.text, f"{vector.size} * sizeof(float)"], ");")
            )

    def ended(self, phases: Sequence[Phase], vector: Vector, target: Vector | None = None) -> Vector:
        """Write what follows when the sequence of the first phase has ended, through all others, which do so, too.

        Args:
            phases: the phase, and those behind it.
            vector: what the last layer of its sequence returned at a step.
            target: where the vector goes that comes out, if a layer makes it.
        """
        phase, *others = phases
        *_, last = phase.over
        to = None if others else target
        end = LAYERS[last.layer.kind].end
        if end is not None:
            vector = end(Place(self, last, Vector("", 0), None if any(map(makes, phase.tail)) else to))
        vector = self.through(phase.tail, vector, to)
        if not others:
            return vector
        count, times = self.repeated(others[0], vector), others[0].times
        self.lines += [f"{INDENT}{count} = 0;", *self.source.first_states(others[0].over)]
        inside = Body(self.source)
        made = inside.through(others[0].over, others[0].vector)
        inside.lines.append(f"{INDENT}{count}++;")
        self.looped(f"while ({count} < {times})", inside)
        return self.ended(others, made, target)

    def looped(self, head: str, inside: Body) -> None:
        """Write a loop."""
        self.lines += [f"{INDENT}{head} {{", *indented(inside.lines), f"{INDENT}}}"]

    def repeated(self, phase: Phase, vector: Vector) -> str:
        """Write that a phase begins with a vector; return what counts how often it has been repeated."""
        repeat = Place(self, phase.start, vector)
        self.copied(vector, repeat.state("vector"))
        return repeat.state("count")


def indented(lines: Sequence[str]) -> list[str]:
    """Return lines further to the right."""
    return [INDENT + line.replace("\n", f"\n{INDENT}") for line in lines]


# The layers


def _embedding(place: Place) -> Vector:
    # Of a table of one row compilers see that other ids would be beyond its end, and warn.
    row = place.own("embeddings") + f" + (size_t){place.body.id} * {place.size}" * (place.layer.vocabulary > 1)
    if not place.body.source.int8:
        return Vector(row, place.size)
    to = place.target or place.room(place.size)
    place.call("unpack", row, place.own("embeddings_scale"), to.text, str(place.size))
    return to


def _recurrent(place: Place) -> Vector:
    layer, source = place.layer, place.body.source
    cell = Cell.of(layer, place.x.size, source.int8)
    source.cells[cell.name] = cell
    gates = place.room(layer.gates * layer.units)
    weights = [place.own(name) for _, name in cell.parameters]
    states = [place.state(name) for name in layer.states]
    call = wrapped(f"{INDENT}{cell.name}(", [*weights, place.x.text, *states, gates.text], ");")
    place.made(*place.body.source.unless_padding(place, "which leaves the state as it is", call))
    return Vector(states[0], layer.state_sizes[layer.states[0]])


def _dense(place: Place) -> Vector:
    to = place.target or place.room(place.size)
    place.made(
        started(to.text, place.own("bias") if place.layer.use_bias else None, place.size),
        place.matrix("kernel").times(place.x.text, to.text),
        *activated(place.layer.activation, to.text, place.size),
    )
    return to


def _norm(place: Place) -> Vector:
    to = place.target or (place.x if place.x.end else place.room(place.size))
    gamma = place.own("gamma") if place.layer.scale else "NULL"
    beta = place.own("beta") if place.layer.center else "NULL"
    place.call("normalise", place.x.text, str(place.size), f"{number(place.layer.epsilon)}f", gamma, beta, to.text)
    return to


def _largest(place: Place) -> Vector:
    place.call("keep_largest", place.state("largest"), place.x.text, str(place.size))
    return _largest_of_all(place)


def _largest_of_all(place: Place) -> Vector:
    return Vector(place.state("largest"), place.size)


def _summed(place: Place) -> Vector:
    add = f"{INDENT}add({place.state('sum')}, {place.x.text}, {place.size});"
    count = f"{INDENT}{place.state('count')}++;"
    place.made(*place.body.source.unless_padding(place, "which does not count", add, count))
    return Vector(place.state("sum"), place.size)


def _mean(place: Place) -> Vector:
    to = place.target or place.room(place.size)
    place.call("divide", to.text, place.state("sum"), f"(float){place.state('count')}", str(place.size))
    return to


class Written(NamedTuple):
    """How layers of a kind are written.

    Attributes:
        step: writes a timestep; returns the vector that comes out.
        end: writes what it returns when the sequence has ended; None where it is what it returned last.
    """

    step: Callable[[Place], Vector]
    end: Callable[[Place], Vector] | None = None


POOLS: Mapping[str, Written] = {"max": Written(_largest, _largest_of_all), "avg": Written(_summed, _mean)}
"""What makes one vector of a sequence, by its mode."""


def _joined(place: Place) -> Vector:
    end = POOLS[place.layer.joins].end
    assert end is not None
    return end(place)


LAYERS: Mapping[str, Written] = {
    "embed": Written(_embedding),
    "rnn": Written(_recurrent),
    "lstm": Written(_recurrent),
    "gru": Written(_recurrent),
    "dense": Written(_dense),
    "dropout": Written(lambda place: place.x),  # drops nothing outside of training
    "norm": Written(_norm),
    "repeat": Written(lambda place: place.x),
    "pool": Written(lambda place: POOLS[place.layer.joins].step(place), _joined),
}
"""How each kind of layer is written. An input is not."""
