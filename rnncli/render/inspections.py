"""What a model file holds, on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.text import Text

from rnncli.errors import one_line
from rnncli.formats.model_file import Group, ModelFile
from rnncli.formats.nodes import Effect
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import shape_text
from rnncli.render.blocks import BLOCK, GAP, Block, Column, Line, Table

_COLUMNS = (Column("In the file", number=False), Column("Layer", number=False), Column("Parameters"))

_SHAPES = 3
"""How many different shapes of a group are shown."""

_GROUPS = 12
"""How many groups are shown; the rest are counted."""


_LABELS: Mapping[Effect, str] = {
    "assumed": "Assumed",
    "assumed size": "Assumed",
    "counted twice": "Counted twice",
    "differs": "Differs",
    "not run": "Not run",
    "left out": "Left out",
}
"""What stands before a note on a part."""


def inspection_page(model: ModelFile) -> Iterator[Block]:
    """Yield the format, each part as a spec with its layers and what was assumed, and what else there is."""
    yield Line(Text(one_line(model.path), style="spec"))
    writer = f", written by {one_line(model.writer)}" if model.writer else ""
    listed = f"{_arrays(len(model.tensors))}, {_params(model.params)}"
    holds = f"{'at least ' if model.partial else ''}{listed}" if model.tensors else "no weights in the file"
    if model.tensors and model.parts and model.others:
        recurrent, parts = model.recurrent_params, len(model.parts)
        holds += f"; {recurrent:,} ({recurrent / model.params:.0%}) in {parts} recurrent part{'s' * (parts > 1)}"
    yield Line(Text(f"{model.format}{writer}: {holds}"))
    for number, part in enumerate(model.parts, start=1):
        yield GAP
        share = model.share(part)
        of_file = "" if share is None else f", {share:.0%} of the file"
        framework = FRAMEWORK_NAMES[part.network.framework]
        total = f"Total: {_params(sum(part.layer_params))} in {framework}{of_file}"
        lead = f"{number}  " if len(model.parts) > 1 else ""
        yield Line(Text.assemble(lead, (str(part.network), "spec")))
        rows = [
            {
                "In the file": Text(name, style="name"),
                BLOCK: Text(name),
                "Layer": Text(piece.layer.spec(), style="layer"),
                "Parameters": Text(f"{params:,}"),
            }
            for piece, params in zip(part.nodes, part.layer_params, strict=True)
            for name in [one_line(piece.name)]
        ]
        yield Table(_COLUMNS, rows)
        yield Line(Text(total), start=1)
        for label, text in dict.fromkeys((_LABELS[note.effect], note.text) for note in part.notes):
            yield Line(Text(one_line(f"{label}: {text}"), style="dim"), start=1)
    if not model.parts:
        yield GAP
        yield Line(Text("Nothing recurrent was found.", style="bold"))
    for note in model.notes:
        yield Line(Text(one_line(f"Note: {note}")))
    if model.groups:
        yield GAP
        yield Line(Text("In no part:"))
        for group in model.groups[:_GROUPS]:
            yield Line(Text(_group_text(group)), start=1)
        rest = model.groups[_GROUPS:]
        if rest:
            params = sum(group.params for group in rest)
            yield Line(Text(f"{len(rest)} more, {_params(params)} (-f json has all)"), start=1)


def _group_text(group: Group) -> str:
    """Return a group in one line: its name, how many arrays and numbers, and their shapes."""
    shapes = Counter(shape_text(tensor.shape) for tensor in group.tensors)
    some = ", ".join(f"{count} × {shape}" if count > 1 else shape for shape, count in shapes.most_common(_SHAPES))
    more = ", …" if len(shapes) > _SHAPES else ""
    return f"{one_line(group.name)}  {_arrays(len(group.tensors))}, {_params(group.params)}: {some}{more}"


def _arrays(count: int) -> str:
    return "1 array" if count == 1 else f"{count:,} arrays"


def _params(count: int) -> str:
    return "1 parameter" if count == 1 else f"{count:,} parameters"
