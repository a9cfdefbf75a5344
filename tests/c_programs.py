"""Compile exported C networks into one program, with a driver that runs each on an input."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import is_thorough
from golden.data import difference, enough_timesteps
from golden.generate import random_input, random_layers, random_weights, small_size

from rnncli import Network
from rnncli.engine.checks import weight_shapes
from rnncli.engine.model import Model
from rnncli.export import Device, Job, export
from rnncli.export.c import header

_FOUND = filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")))
COMPILERS = tuple({os.path.realpath(path): path for path in _FOUND}.values())
"""The available C compilers, each once."""

with_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")

CORTEX_M4 = Path(__file__).parent / "golden" / "exports" / "cortex_m4"
"""The startup code (`.c`) and memory layout (`.ld`) of a program for qemu's Cortex-M4."""

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
SANITIZED = ("-O0", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all")


class Case(NamedTuple):
    """A network with weights and an input: (timesteps, features), or ids (timesteps,)."""

    network: Network
    weights: dict[str, np.ndarray]
    x: np.ndarray
    dtype: str = "float32"

    @classmethod
    def of(cls, spec: str, dtype: str = "float32") -> Case:
        """Build a network from a spec, with random weights and a random input."""
        return cls.random(Network.parse(spec), np.random.default_rng(0), 7, dtype)

    @classmethod
    def random(cls, network: Network, numbers: np.random.Generator, timesteps: int, dtype: str = "float32") -> Case:
        """Give a network random weights and a random input."""
        weights = random_weights(numbers, weight_shapes(network))
        x = random_input(numbers, network.layers, 1, enough_timesteps(network.layers, timesteps))[0]
        weights = {key: array.astype("float32") for key, array in weights.items()}
        return cls(network, weights, x if x.dtype == "int32" else x.astype("float32"), dtype)


def random_cases(random: Random, count: int) -> Iterator[Case]:
    """Random networks, leaving out those too sensitive to rounding for a comparison."""
    while count:
        network = Network(random_layers(random, small_size, most=random.choice((2, 4, 7))))
        case = Case.random(network, np.random.default_rng(random.getrandbits(32)), random.randint(1, 10))
        with np.errstate(all="ignore"):
            single, double = (
                Model(network, dtype=d, weights=case.weights)(case.x[None]) for d in ("float32", "float64")
            )
        if difference(single, double) < 1e-6:
            count -= 1
            yield case


class Machine(NamedTuple):
    """A machine to compile for and run on.

    Attributes:
        compiler: the compiler command.
        links: further arguments for linking a program, in addition to its objects.
        runs: the command that runs `program` with its input and output; its exit status is the program's.
    """

    compiler: Sequence[str]
    links: Sequence[str] = ("-lm",)
    runs: Sequence[str] = ("./program", "input.bin", "output.bin")

    @classmethod
    def cortex_m4(cls) -> Machine | None:
        """A Cortex-M4 in qemu that uses the host's files; None without its compiler or without qemu."""
        compiler, emulator = shutil.which("arm-none-eabi-gcc"), shutil.which("qemu-system-arm")
        if compiler is None or emulator is None:
            return None
        chip = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
        files = "enable=on,target=native,arg=program,arg=input.bin,arg=output.bin"
        quiet = ["-nographic", "-monitor", "none", "-serial", "none"]
        return cls(
            (compiler, *chip, "-fdata-sections"),
            ("--specs=rdimon.specs", "-T", f"{CORTEX_M4}.ld", f"{CORTEX_M4}.c", "-lm"),
            (emulator, "-M", "mps2-an386", *quiet, "-semihosting-config", files, "-kernel", "program"),
        )


def sections(folder: Path, number: int) -> tuple[int, int]:
    """The bytes of code and of constants of a network that `run` compiled for the Cortex-M4."""
    listed = subprocess.run(["arm-none-eabi-size", "-A", f"net{number}.o"], cwd=folder, capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines() if line.startswith(".")]
    return tuple(sum(int(row[1]) for row in rows if row[0].startswith(start)) for start in (".text", ".rodata"))


class Ran(NamedTuple):
    """The results of a network in C.

    Attributes:
        y: the return value of the function for a sequence.
        stepped: the outputs of the step function, one by one; None if there is no step function.
        held: the bytes of a step's state, input and output; None if there is no step function.
    """

    y: np.ndarray
    stepped: np.ndarray | None
    held: int | None


DRIVER = """\
#include <stdio.h>
#include <stdlib.h>
{includes}

static void *read_from(FILE *file, size_t size)
{{
    void *numbers = malloc(size);
    return fread(numbers, 1, size, file) == size ? numbers : NULL;
}}
{functions}
int main(int count, char **files)
{{
    FILE *in = fopen(files[1], "rb"), *out = fopen(files[count - 1], "wb");
{calls}
    return fclose(in) + fclose(out);
}}
"""

BY_STEPS = """
static void run_{name}(FILE *in, FILE *out)
{{
    {type} *x = read_from(in, {timesteps} * {name_}_INPUTS * sizeof *x);
    float *y = malloc({rows} * {name_}_OUTPUTS * sizeof *y), *next = y;
    {name}_state *state = malloc(sizeof *state);
    const int held = {held};
    if ({name}_run(x, 0, y) != 0 || {name}_run(x, {timesteps}, y) != {rows}) abort();
    fwrite(y, sizeof *y, {rows} * {name_}_OUTPUTS, out);
    {name}_reset(state);
    for (int t = 0; t < {timesteps}; t++) {{
        next += {moves} * {name}_step(state, {each}, next);
    }}
    {end}
    fwrite(y, sizeof *y, {rows} * {name_}_OUTPUTS, out);
    fwrite(&held, sizeof held, 1, out);
    free(x);
    free(y);
    free(state);
}}
"""

AT_ONCE = """
static void run_{name}(FILE *in, FILE *out)
{{
    {type} *x = read_from(in, {timesteps} * {name_}_INPUTS * sizeof *x);
    float *y = malloc({rows} * {name_}_OUTPUTS * sizeof *y);
    float *workspace = malloc({name_}_WORKSPACE({timesteps}) * sizeof *y);
    if ({name}_run(x, 0, y, workspace) != 0 || {name}_run(x, {timesteps}, y, workspace) != {rows}) abort();
    fwrite(y, sizeof *y, {rows} * {name_}_OUTPUTS, out);
    free(x);
    free(y);
    free(workspace);
}}
"""


def run(cases: Sequence[Case], folder: Path, flags: Sequence[str] = SANITIZED, on: Machine | None = None) -> list[Ran]:
    """Compile and run networks; raise AssertionError with the compiler's or sanitizer's findings, if any."""
    on = on or Machine(COMPILERS[:1])
    names, functions, inputs = [], [], []
    for number, case in enumerate(cases):
        name = f"net{number}"
        device = Device(name, case.dtype, f"{name}.h")
        job = Job(case.network, lambda weights=case.weights: weights, origin="of the test", device=device)
        (folder / f"{name}.c").write_text(str(export(job, "c")), encoding="ascii")
        (folder / f"{name}.h").write_text(declared := header(job), encoding="ascii")
        functions.append(_function(name, case, "char none;" in declared))
        inputs.append(case.x.tobytes())
        names.append(name)
    (folder / "input.bin").write_bytes(b"".join(inputs))
    includes = "\n".join(f'#include "{name}.h"' for name in names)
    calls = "\n".join(f"    run_{name}(in, out);" for name in names)
    driver = DRIVER.format(includes=includes, functions="".join(functions), calls=calls)
    (folder / "driver.c").write_text(driver, encoding="ascii")
    with_flags = [*on.compiler, "-std=c99", *flags]
    _checked([*with_flags, *STRICT, "-c", *(f"{name}.c" for name in names)], folder)
    objects = [f"{name}.o" for name in names]
    _checked([*with_flags, "driver.c", *objects, *on.links, "-o", "program"], folder)
    _checked(on.runs, folder)
    content = (folder / "output.bin").read_bytes()
    found, start = [], 0
    for case in cases:
        shape = _output_shape(case)
        size, streams = 4 * prod(shape), case.network.summary().streaming_bytes is not None
        parts = []
        for _ in range(1 + streams):
            parts.append(np.frombuffer(content, "<f4", size // 4, start).reshape(shape))
            start += size
        held = int(np.frombuffer(content, "<i4", 1, start)[0]) if streams else None
        start += 4 * streams
        found.append(Ran(parts[0], parts[1] if streams else None, held))
    assert start == len(content)
    return found


def _output_shape(case: Case) -> tuple[Any, ...]:
    return case.network.summary(1, len(case.x)).output_shape[1:]


def _function(name: str, case: Case, keeps_nothing: bool) -> str:
    network, timesteps = case.network, len(case.x)
    ids, shape = case.x.ndim == 1, _output_shape(case)
    rows = shape[0] if len(shape) == 2 else 1
    decodes = len(shape) == 2 and any(layer.reads == "vector" for layer in network.layers)
    parts = {"name": name, "name_": name.upper(), "timesteps": timesteps, "rows": rows}
    parts |= {"type": "int32_t" if ids else "float", "each": "x[t]" if ids else f"x + t * {name.upper()}_INPUTS"}
    if network.summary().streaming_bytes is None:
        return AT_ONCE.format(**parts)
    state = 0 if keeps_nothing else "sizeof *state"  # C has no empty struct
    parts["held"] = f"(int)({state} + {name.upper()}_INPUTS * sizeof *x + {name.upper()}_OUTPUTS * sizeof *y)"
    parts["moves"] = f"{name.upper()}_OUTPUTS" if len(shape) == 2 and not decodes else "0"
    parts["end"] = f"while ({name}_next(state, next)) next += {name.upper()}_OUTPUTS;" if decodes else ""
    return BY_STEPS.format(**parts)


def compiled(source: str, folder: Path, compiler: str = "") -> str:
    """Compile a source with a `main` and return the path of the program."""
    (folder / "program.c").write_text(source, encoding="ascii")
    optimized = "-O2" if is_thorough() else "-O0"
    _checked([compiler or COMPILERS[0], *STRICT, optimized, "program.c", "-lm", "-o", "program"], folder)
    return str((folder / "program").resolve())


def _checked(command: Sequence[str], folder: Path) -> None:
    # A sanitized program reserves more memory than the tests' limit allows.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limited = partial(resource.setrlimit, resource.RLIMIT_AS, (hard, hard))
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 0, f"{' '.join(command[:3])} …\n{done.stdout}{done.stderr}"
