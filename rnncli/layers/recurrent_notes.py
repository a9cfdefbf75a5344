"""What leaves a recurrent layer, what stays inside, and which of it the frameworks return."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnncli.errors import listed
from rnncli.layers.base import Note
from rnncli.layers.weights import Framework
from rnncli.layers.words import in_both
from rnncli.quantities import Shape, features_of, shape_text

if TYPE_CHECKING:
    from rnncli.layers.recurrent import Recurrent

MERGED = {
    "concat": "their outputs stand side by side",
    "sum": "their outputs are added",
    "mul": "their outputs are multiplied",
    "ave": "the mean of their outputs is taken",
}
"""What each merge mode does with the outputs of the two directions."""

_NUMBERS = {2: "both", 4: "all four"}
"""How many states there are in all directions, as a sentence says it."""


def recurrent_notes(layer: Recurrent, input_shape: Shape, framework: Framework) -> Iterator[Note]:
    """Yield what the states, the directions and the output of a layer are when it reads `input_shape`."""
    yield Note("State", f"{_carried(layer)}. {_returned(layer, framework)}")
    if layer.merge_mode is not None:
        yield Note(
            "Both ways",
            "two cells with weights of their own read the sequence from its two ends; "
            f"{MERGED[layer.merge_mode]}: {features_of(layer.output_shape(input_shape)):,} numbers",
        )
    if layer.go_backwards:
        order = ", and the outputs come in that order" if layer.return_sequences else ""
        flipped = "; in PyTorch x.flip(1)" if framework == "torch" else ""
        yield Note("Backwards", f"time is read from the last step to the first{order}{flipped}")
    output = _every_output if layer.return_sequences else _last_output
    yield Note("Output", output(layer, input_shape, framework))


def _carried(layer: Recurrent) -> str:
    """Return what is carried from step to step, and what of that leaves."""
    several, both = len(layer.states) > 1, len(layer.directions) > 1
    shown, *hidden = layer.states
    leaves = f"both {shown}, merged" if both else shown
    stays = f"; {'both ' if both else ''}{listed(hidden)} {'stay' if both else 'stays'} inside" if hidden else ""
    of = " of both directions" if both else ""
    sizes = list(dict.fromkeys(layer.state_sizes.values()))
    each = " each" if len(sizes) == 1 and (several or both) else ""
    starts = f"{'are' if several else 'is'} zero at the start of every sample"
    numbers = f"{listed([f'{size:,}' for size in sizes])} numbers{each}"
    return f"{listed(layer.states)}{of}, {numbers}, {starts}. The output is {leaves}{stays}"


def _returned(layer: Recurrent, framework: Framework) -> str:
    """Return how the frameworks return the last states, the one asked for first, and what writes and reads them."""
    last = [f"{state}_n" for state in layer.states]
    torch = f"(output, ({', '.join(last)}))" if len(last) > 1 else f"(output, {last[0]})"
    here, again = "here `forward --save-state` writes", "and `--state` starts from"
    if framework == "torch":
        it = "it" if len(last) == 1 else "them"
        return f"PyTorch returns {torch}, Keras with return_state=True; {here} {listed(last)}, {again} {it}"
    count = len(layer.states) * len(layer.directions)
    what = f"the last {layer.states[0]}, too," if count == 1 else f"the last of {_NUMBERS[count]}"
    it = "it" if count == 1 else "them"
    return f"Keras returns {what} with return_state=True, PyTorch as {torch}; {here} {it}, {again} {it}"


def _every_output(layer: Recurrent, input_shape: Shape, framework: Framework) -> str:
    _, steps, features = layer.output_shape(input_shape)
    shape = f"({'timesteps' if steps is None else steps}, {features})"
    joined = f"timesteps · {features}" if steps is None or features is None else str(steps * features)
    which = "PyTorch's output, that" if framework == "torch" else "the output"
    return (
        f"{which} of every timestep, stacked: {shape} for each sample and not ({joined},), so that what comes next "
        "knows where a step ends"
    )


def _last_output(layer: Recurrent, input_shape: Shape, framework: Framework) -> str:
    keeps = layer.returning("sequence")
    field = in_both(type(layer), "return_sequences", True, framework)
    which, beware = "", ""
    if framework == "torch":
        field = f"{field}, PyTorch's output,"
        which = ", PyTorch's h_n[-1]"
        if layer.merge_mode is not None:
            which = ", PyTorch's h_n[-2] and h_n[-1]"
            beware = ". output[:, -1] is something else: there the backward cell has read one step alone"
    return (
        f"the last output alone{which}: the time axis is gone. {field} keeps it: {keeps.spec()} returns "
        f"{shape_text(keeps.output_shape(input_shape))}{beware}"
    )
