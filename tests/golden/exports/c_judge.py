"""Compile exported C with warnings and sanitizers, and run it: whole sequences, step by step, and with int8.

Every tenth network also runs on a Cortex-M4 if its compiler and qemu are installed, which prints the bytes of its code,
constants and state.
"""

from __future__ import annotations

import subprocess
from random import Random

import c_programs
from c_programs import COMPILERS, Machine
from golden.exports.case import Case
from golden.exports.findings import Findings

from rnncli.export.c import stored
from rnncli.network_summary import figure

DEVICE = Machine.cortex_m4()


def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


VERSION = ", ".join(map(_version, [*COMPILERS, *DEVICE.compiler[:1]] if DEVICE else COMPILERS)) or "no C compiler"


def judge(random: Random, findings: Findings) -> None:
    """Compile a random network; compare its output for each sample, and its memory."""
    case = Case(random).counted(findings)
    dtype = random.choice(("float32", "float32", "int8"))
    ours = case.output(findings, stored(case.job()) if dtype == "int8" else None)
    if ours is None or not COMPILERS:
        return
    programs = [c_programs.Case(case.network, case.weights, x, dtype) for x in case.x]
    streaming = case.network.summary(dtype=dtype).streaming_bytes

    def compare(flags: tuple[str, ...], on: Machine) -> None:
        for y, ran in zip(ours, c_programs.run(programs, findings.folder, flags, on), strict=True):
            findings.compare(case.spec, y, ran.y)
            if ran.stepped is not None and ran.stepped.tobytes() != ran.y.tobytes():
                findings.differ(case.spec, "its steps and its sequence return different values")
            if case.network.body and ran.held != streaming:
                findings.differ(case.spec, f"it takes {ran.held} bytes, and the summary says {streaming}")

    compiler = COMPILERS[findings.counts["networks"] % len(COMPILERS)]
    compare(c_programs.SANITIZED, Machine([compiler]))
    if DEVICE is not None and findings.counts["networks"] % 10 == 1:
        compare(("-O2",), DEVICE)
        findings.count("devices")
        code, constants = c_programs.sections(findings.folder, 0)
        *_, account = case.network.accounts(dtype=dtype)
        (expected,) = figure("total_bytes", account, None, dtype)
        if constants > expected:  # a compiler may drop some
            findings.differ(case.spec, f"its constants take {constants} bytes, and the summary says {expected}")
        held = "" if streaming is None else f", {streaming:,} of a state, an input and an output"
        print(f"Cortex-M4: {code:,} bytes of code, {constants:,} of constants{held}: {case.spec} ({dtype})")
