"""Compile exported C with warnings and sanitizers, and run it: whole sequences, a step at a time, and with int8."""

from __future__ import annotations

import subprocess
from random import Random

import c_programs
from c_programs import COMPILER
from golden.exports.case import Case
from golden.exports.findings import Findings

from rnncli.export.int8 import stored

VERSION = "no C compiler"
if COMPILER is not None:
    VERSION = subprocess.run([COMPILER, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


def judge(random: Random, findings: Findings) -> None:
    """Compile a random network, and compare what it returns for each sample, and the memory that it takes."""
    findings.count("networks")
    case = Case(random)
    if case.network.head.masks:
        findings.count("masked")
    dtype = random.choice(("float32", "float32", "int8"))
    ours = case.output(findings, stored(case.job()) if dtype == "int8" else None)
    if ours is None or COMPILER is None:
        return
    programs = [c_programs.Case(case.network, case.weights, x, dtype) for x in case.x]
    streaming = case.network.summary(dtype=dtype).streaming_bytes
    for y, ran in zip(ours, c_programs.run(programs, findings.folder), strict=True):
        findings.compare(case.spec, y, ran.y)
        if ran.stepped is not None and ran.stepped.tobytes() != ran.y.tobytes():
            findings.differ(case.spec, "its steps return something else than its sequence")
        if case.network.body and ran.held != streaming:
            findings.differ(case.spec, f"it takes {ran.held} bytes, and the summary says {streaming}")
