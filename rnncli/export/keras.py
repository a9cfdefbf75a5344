"""A network as `keras.Sequential`; its weights are saved in the same form as in rnncli's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rnncli.export import Job
from rnncli.export.plan import Arrays, Plan
from rnncli.export.python_calls import INDENT, fits, imported, laid_out
from rnncli.formats.frameworks import KERAS
from rnncli.layers.python_call import PythonCall, literal, string
from rnncli.quantities import shape_text

LONG_RUN = 4
"""The number of equal layers from which they are written as a loop."""


def export(job: Job) -> str:
    """Return source that builds a `keras.Sequential` named `model`; raise a SpecError for a layer that Keras lacks."""
    job.network.check_framework("keras", "--to")
    model, loading, imports = [*_model(job.plan)], [*_loading(job)], ["import keras"]
    if any("np." in line for line in loading):
        imports.append("import numpy as np")
    if classes := {name for line in model for name in re.findall(r"(?<!\.)\b[A-Z]\w*(?=\()", line)}:
        imports += imported("keras.layers", classes)
    return "\n".join([*imports, "", *model, *loading]) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights by key (`lstm/kernel`), with Keras's shapes, gate order and order of layers."""
    return job.weights()


def _model(plan: Plan) -> Iterator[str]:
    """Yield the lines that build the model, with each layer's output shape as a comment."""
    dtype = () if plan.network.head.vocabulary is None else ('dtype="int32"',)
    head, shape = PythonCall("keras.Input", (shape_text(plan.reads[1:]), *dtype)), shape_text(plan.reads)
    # Embedding has mask_zero, so that only other inputs need a Masking layer.
    marks = plan.network.head.mask_zero and plan.network.head.vocabulary is None
    masking = [PythonCall("Masking", ())] if marks else []
    if not plan.steps and not masking:
        # A Sequential with only an input cannot be called.
        yield from laid_out(PythonCall("inputs = keras.Input", head.arguments), comment=shape)
        yield "model = keras.Model(inputs, inputs)"
        return
    indent = 2 * INDENT
    yield "model = keras.Sequential("
    yield f"{INDENT}["
    for call in (head, *masking):
        yield from laid_out(call, indent, ",", shape)
    for (layer, returns), run in groupby(plan.steps, key=lambda step: (step.layer, step.returns)):
        times = len(list(run))
        call, comment = call_of(layer), shape_text(returns)
        if times < LONG_RUN:
            for _ in range(times):
                yield from laid_out(call, indent, ",", comment)
        else:
            yield from _run(call, times, indent, f"{comment} each")
    yield f"{INDENT}]"
    yield ")"


def _run(call: PythonCall, times: int, indent: str, comment: str) -> Iterator[str]:
    loop = f"for _ in range({times})"
    if fits(line := f"{indent}*[{call} {loop}],  # {comment}"):
        yield line
        return
    yield f"{indent}*[  # {comment}"
    if fits(line := f"{indent}{INDENT}{call} {loop}"):
        yield line
    else:
        yield from laid_out(call, indent + INDENT)
        yield f"{indent}{INDENT}{loop}"
    yield f"{indent}],"


def _loading(job: Job) -> Iterator[str]:
    """Yield the lines that load the weights, if they are saved to a file."""
    if job.saved is None:
        return
    yield ""
    if not job.saved.endswith(".weights.h5"):
        yield from laid_out(PythonCall("with np.load", (string(job.saved),)), end=" as weights:")
        yield f"{INDENT}model.set_weights(list(weights.values()))"
    else:
        yield from laid_out(PythonCall("model.load_weights", (string(job.saved),)))


# Calls


def call_of(layer: Any) -> PythonCall:
    """Return the call for a layer: its sizes and non-default arguments, in the order of the signature.

    A bidirectional layer is wrapped in `Bidirectional`.
    """
    name = layer.cell_name() or layer.type_name()
    takes = KERAS[name].takes
    sizes = [literal(getattr(layer, each)) for each in layer.sizes.attributes if each in takes]
    own = [each for each in layer.given() if each[0].in_keras is None and each[0].attribute != "merge_mode"]
    given = {option.attribute: value for option, value in own}
    call = PythonCall(name, (*sizes, *(f"{each}={literal(given[each])}" for each in sorted(given, key=takes.index))))
    if layer.merge is None:
        return call
    merge = () if layer.merge == "concat" else (f"merge_mode={string(layer.merge)}",)
    return PythonCall("Bidirectional", (call, *merge))
