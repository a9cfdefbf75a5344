"""Check exported files with ONNX, run them in ONNX Runtime, and read them back."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import onnx
import onnxruntime
from golden.exports.case import Case
from golden.exports.findings import Findings
from part_weights import keras_weights

from rnncli import Network
from rnncli.export import export
from rnncli.formats import open_model
from rnncli.layers import Dropout, Embedding

VERSION = f"ONNX {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}"

ONE_THREAD = onnxruntime.SessionOptions()
ONE_THREAD.intra_op_num_threads = 1
ONE_THREAD.log_severity_level = 3
"""ONNX Runtime's options for small networks: fast, and without warnings."""


def judge(random: Random, findings: Findings) -> None:
    """Export a random network to ONNX, check the file, run it in ONNX Runtime, and read it back."""
    case = Case(random).counted(findings)
    content = export(case.job(), "onnx")
    assert isinstance(content, bytes)
    model = onnx.load_from_string(content)
    try:
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(content, ONE_THREAD)
    except Exception as fault:  # any complaint about a file is a finding
        findings.differ(case.spec, f"{type(fault).__name__}: {fault}")
        return
    numbers = np.random.default_rng(random.getrandbits(32))
    for batch, timesteps in ((len(case.x), case.x.shape[1]), (1, 1), (3, 12)):
        case.x = case.input(numbers, batch, timesteps)
        ours = case.output(findings)
        x = case.x.astype("int64") if case.x.dtype == "int32" else case.x
        (theirs,) = session.run(["output"], {"input": x})
        # The mean of only padding is NaN, from which ONNX Runtime's recurrent operators compute numbers.
        if ours is not None and np.isfinite(ours).all():
            findings.compare(case.spec, ours, theirs)
    (findings.folder / "model.onnx").write_bytes(content)
    operations = {node.op_type for node in model.graph.node}
    _judge_file(case, findings, composed="Scan" in operations)


def _judge_file(case: Case, findings: Findings, *, composed: bool) -> None:
    """Check that rnncli reads an ONNX file back as the exported network, or reports what it leaves out."""
    read = open_model(str(findings.folder / "model.onnx"))
    said = expressible_in_onnx(case.network)
    if composed or said is None:
        findings.count("told")
        # If there is no part, rnncli reports that the file has nothing recurrent.
        for part in read.parts:
            if not part.said("left out"):
                findings.differ(case.spec, f"is read back as {part.network}, and the rest is not mentioned")
        return
    findings.count("specs")
    notes = [*read.notes, *(note.text for part in read.parts for note in part.notes)]
    if [str(part.network) for part in read.parts] != [str(said)] or notes or read.left or read.others:
        findings.differ(case.spec, f"is read back as {[str(part.network) for part in read.parts]}: {notes}")
        return
    again = keras_weights(read.parts[0]).values()
    # Layers without weights are missing, so names may differ; the order is the same.
    if any((ours != theirs).any() for ours, theirs in zip(case.weights.values(), again, strict=True)):
        findings.differ(case.spec, "different weights are read back")


def expressible_in_onnx(network: Network) -> Network | None:
    """Return the part of a network that a graph of ONNX's own operators can express.

    It lacks dropout, masks that nothing reads, the initial value of an LSTM's bias, and how windows of one timestep are
    padded, which they never are. None if no recurrent layer
    shows which axis is time, or if a pool has removed that axis first.
    """
    said = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    said = [layer.trained() for layer in said]
    said = [replace(layer, padding="valid") if layer.window and layer.window.span == 1 else layer for layer in said]
    if isinstance(said[0], Embedding):
        said[0] = replace(said[0], mask_zero=False)
    first = next((layer for layer in said if layer.states or layer.joins), None)
    return Network(said) if first is not None and first.states else None
