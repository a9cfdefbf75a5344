"""What a model file holds, on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from rnncli.errors import one_line
from rnncli.formats.model_file import Group, ModelFile
from rnncli.layers.weights import FRAMEWORK_NAMES
from rnncli.quantities import plural, shape_text
from rnncli.render.blocks import BLOCK, GAP, Block, Column, Line, Table

_COLUMNS = (Column("In the file", number=False), Column("Layer", number=False), Column("Parameters"))

_SHAPES = 3
"""How many different shapes of a group are shown."""

_GROUPS = 12
"""How many groups are shown; the rest are counted."""


def inspection_page(model: ModelFile) -> Iterator[Block]:
    """Yield the format, each part as a spec with its layers and what was assumed, and what else there is."""
    yield Line(Text(one_line(model.path), style="spec"))
    writer = f", written by {one_line(model.writer)}" if model.writer else ""
    listed = f"{plural(len(model.tensors), 'array')}, {plural(model.params, 'parameter')}"
    holds = f"{'at least ' if model.partial else ''}{listed}" if model.tensors else "no weights in the file"
    if model.tensors and model.parts and model.others:
        recurrent, parts = model.recurrent_params, len(model.parts)
        holds += f"; {recurrent:,} ({recurrent / model.params:.0%}) in {plural(parts, 'recurrent part')}"
    yield Line(Text(f"{model.format}{writer}: {holds}"))
    for number, part in enumerate(model.parts, start=1):
        yield GAP
        share = model.share(part)
        of_file = "" if share is None else f", {share:.0%} of the file"
        framework = FRAMEWORK_NAMES[part.network.framework]
        total = f"Total: {plural(sum(part.layer_params), 'parameter')} in {framework}{of_file}"
        lead = f"{number}  " if len(model.parts) > 1 else ""
        yield Line(Text.assemble(lead, (str(part.network), "spec")))
        rows = []
        for piece, params in zip(part.nodes, part.layer_params, strict=True):
            name, layer = one_line(piece.name), Text(piece.layer.spec(), style="layer")
            cells = {"In the file": Text(name, style="name"), "Layer": layer, "Parameters": Text(f"{params:,}")}
            rows.append({BLOCK: Text(name), **cells})
        yield Table(_COLUMNS, rows)
        yield Line(Text(total), start=1)
        notes = (f"{note.effect.removesuffix(' size').capitalize()}: {note.text}" for note in part.notes)
        for text in dict.fromkeys(notes):  # a size that is assumed is one of the things that are
            yield Line(Text(one_line(text), style="dim"), start=1)
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
            yield Line(Text(f"{len(rest)} more, {plural(params, 'parameter')} (-f json has all)"), start=1)


def _group_text(group: Group) -> str:
    """Return a group in one line: its name, how many arrays and numbers, and their shapes."""
    shapes = Counter(shape_text(tensor.shape) for tensor in group.tensors)
    some = ", ".join(f"{count} × {shape}" if count > 1 else shape for shape, count in shapes.most_common(_SHAPES))
    more = ", …" if len(shapes) > _SHAPES else ""
    holds = f"{plural(len(group.tensors), 'array')}, {plural(group.params, 'parameter')}"
    return f"{one_line(group.name)}  {holds}: {some}{more}"
