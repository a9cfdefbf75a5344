"""The steps of a model in Python source as nodes, with their names and with what differs from the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from rnncli.errors import shorten
from rnncli.formats.build import node_of
from rnncli.formats.frameworks import ALIASES, NOT_TRAINED
from rnncli.formats.nodes import Node, Note, Read, loops
from rnncli.formats.python.functions import OTHERWISE
from rnncli.formats.python.steps import Edge, Module, TracedStep, TracedTensor
from rnncli.layers.base import snake_case


def nodes_of(steps: Sequence[TracedStep], outputs: Sequence[TracedTensor], modules: Mapping[Module, str]) -> list[Node]:
    """Return the steps of a model as nodes, given what it returns and the names of its modules."""
    names: dict[TracedStep, str] = {}
    first: dict[tuple[Module, str], str] = {}
    counts: Counter[str] = Counter()
    nodes: list[Node] = []
    keras = any(step.is_keras for step in steps)  # whose tensors the functions are of, too
    inside = {edge.step for step in steps for edge in step.reads or ()}
    only_last = _read_at_the_end(steps, outputs, inside)
    also = _returned_otherwise(outputs, inside, keras)
    for step in steps:
        name = _step_name(step, modules)
        again = "" if step.module is None else first.get((step.module, step.level), "")
        own = f"{again} (call {counts[again] + 1})" if again else name
        while not again and counts[own]:
            own = f"{name}_{counts[name]}" if step.is_keras or step.module is None else f"{name} ({counts[name] + 1})"
            counts[name] += 1
        counts[again or own] += 1
        names[step] = own
        if step.module is not None and not again:
            first[step.module, step.level] = own
        made, notes = step.made or node_of(None), [*step.notes, *(() if step.module is None else step.module.notes)]
        notes += [note for one in step.reads or () if one.step.is_data for note in one.step.notes]
        notes = [each for each in notes if each.text != NOT_TRAINED or step.has_weights]
        reads = tuple(Read(names.get(one.step, f"{one.step.kind} elsewhere"), one.returns) for one in step.reads or ())
        before = step.reads[0].step.out if step.reads and step.is_keras else None
        lead = "" if step.made is None else f"{shorten(own)} "
        said = [Note(f"{lead}{each.text}", each.effect) for each in notes]
        said += [Note(f"{shorten(own)} {each.text}", each.effect) for each in also.get(step, ())]
        nodes.append(
            replace(
                made,
                name=own,
                kind=step.kind,
                word=step.word.returning("vector") if loops(step.word) and step in only_last else step.word,
                reads=None if step.reads is None else reads,
                features=made.features or before,
                convention="keras" if keras else "torch",
                line=step.line or None,
                notes=(*said,),
                owner=again,
            )
        )
    # States that are returned next to outputs do not determine how the outputs are read.
    returned = [Edge(each.step, each.returns) for each in outputs if not each.part and not each.states]
    returned = returned or [Edge(each.step, "vector") for each in outputs]
    ends = tuple(Read(names[edge.step], edge.returns) for edge in returned if edge.step in names)
    return [*nodes, Node("output", "output", None, ends)] if ends else nodes


def _read_at_the_end(
    steps: Sequence[TracedStep], outputs: Sequence[TracedTensor], inside: Set[TracedStep]
) -> set[TracedStep]:
    """Return Keras's layers of which only the last output is read; other steps read those `inside`."""
    last = [each for each in outputs if each.step not in inside]
    used = inside | {each.step for each in last}
    whole = {each.step for each in last if each.returns != "vector"}
    for step in reversed(steps):  # such a layer needs only its last input
        alone = step in used - whole and step.is_keras and step.keeps_timesteps
        whole |= {edge.step for edge in step.reads or () if edge.returns != "vector" and not alone}
    return {step for step in used - whole if step.is_keras}


def _returned_otherwise(
    outputs: Sequence[TracedTensor], inside: Set[TracedStep], keras: bool
) -> dict[TracedStep, list[Note]]:
    """Return how the model returns each step in another form than here, or besides; steps read those `inside`."""
    times = Counter(each.step for each in outputs if keras and loops(each.step.word))
    states = Note("also returns its states; here they are left out", "differs")
    output = Note("is also an output of the model", "differs")
    also = {
        each.step: [states if each.part or each.states or times[each.step] > 1 else output]
        for each in outputs
        if each.step in inside or (keras and each.part) or times[each.step] > 1
    }
    for each in outputs:
        if each.axes in OTHERWISE:
            also.setdefault(each.step, []).append(Note("is returned in another shape than here", "differs row"))
        if each.axes == "bft":
            turned = Note(
                "is returned with features before timesteps in the file; here timesteps come first", "differs"
            )
            also.setdefault(each.step, []).append(turned)
    return also | {each: [Note(said, "differs row")] for each, said in _states_alone(outputs).items()}


def _states_alone(outputs: Sequence[TracedTensor]) -> dict[TracedStep, str]:
    """Return what differs for each layer of which a model returns nothing but states that specs have no word for."""
    said: dict[TracedStep, str] = {}
    alone = all(each.part or each.states for each in outputs)
    for step in {each.step: None for each in outputs} if alone else ():
        held = [one for each in outputs if each.step is step for one in each.states or [each]]
        parts = {one.part for one in held}
        if parts == {"c"}:
            said[step] = "returns its cell state in the file; here it returns its output"
        elif parts in ({"forward"}, {"backward"}):
            said[step] = "returns only one of its two directions in the file; here it returns both"
        elif len({one.step for one in held}) > 1:
            said[step] = "returns the states of all its layers in the file; here that of the last one"
    return said


def _step_name(step: TracedStep, names: Mapping[Module, str]) -> str:
    if step.module is None:
        return step.kind
    given = step.module.given.named.get("name") if step.is_keras else names.get(step.module)
    named = given if isinstance(given, str) and 0 < len(given) <= 200 else snake_case(ALIASES.get(step.kind, step.kind))
    return named + step.level
