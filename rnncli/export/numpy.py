"""A network as the textbook's loop in plain NumPy: a program that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnncli.errors import UsageError, printable
from rnncli.export import Job
from rnncli.export.numpy_model import model
from rnncli.export.numpy_program import Program
from rnncli.export.numpy_weights import drawn, loaded, main
from rnncli.export.python_calls import docstring

if TYPE_CHECKING:
    from rnncli.export import Arrays


def export(job: Job) -> str:
    """Return the source of a program that binds a function to the name `model`, and runs it on a random input.

    Raises:
        UsageError: the weights are those of a file, and are not written along.
    """
    if not job.drawn and job.saved is None:
        raise UsageError(
            f"the loop in NumPy would draw other weights than {printable(job.origin)}",
            "write them along: --save-weights model.npz",
        )
    program = Program(job.network)
    first = loaded(job) if program.owns and job.saved is not None else ()
    last = drawn(job, program) if program.owns and job.saved is None else ()
    body = [*first, *program.functions(), *model(program), *last, *main(job)]
    imports = ["import numpy as np"]
    if "gelu" in program.activations:
        imports = ["from math import erf, sqrt", "", *imports]  # NumPy has no error function
    return "\n".join([*docstring(job.network, more=" in plain NumPy"), "", *imports, *body]) + "\n"


def arrays(job: Job) -> Arrays:
    """Return the weights by key (`lstm/kernel`), with Keras's shapes and order of gates."""
    return job.weights()
