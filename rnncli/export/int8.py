"""Matrices and tables as int8, with a scale for each column; and what that changes in what a network returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnncli.engine import Model
from rnncli.engine.array_files import open_input
from rnncli.engine.chunks import random_chunks
from rnncli.engine.request import DEFAULT_TIMESTEPS
from rnncli.export import Job
from rnncli.export.c_lines import quantised

if TYPE_CHECKING:
    from rnncli.export import Arrays


def stored(job: Job) -> Arrays:
    """Return the weights of a network as int8 holds them: its matrices and tables rounded."""
    weights = dict(job.weights())
    for step in job.plan.steps:
        for weight in step.weights:
            if weight.is_matrix:
                numbers, scale = quantised(weights[f"{step.name}/{weight.name}"])
                weights[f"{step.name}/{weight.name}"] = numbers * scale
    return weights


def difference(job: Job, path: str | None = None) -> tuple[float, float, int]:
    """Return what int8 changes in the outputs for the input in a .npy file, or for that of `rnncli forward`.

    It is the largest difference of a number, the mean of all, and how many timesteps the input has.

    Raises:
        RnncliError: the file cannot be read, or the network reads another shape.
    """
    network = job.network
    if path is None:
        timesteps = network.head.fixed_timesteps or DEFAULT_TIMESTEPS
        (chunk,) = random_chunks(network, 1, timesteps, timesteps, job.seed, "keras", np.dtype("float32"))
        x = np.moveaxis(chunk.values, -1, 0)
    else:
        file = open_input(path, network)
        x, timesteps = file.steps(0, file.shape[1]), file.shape[1]
    apart = np.abs(Model(network, weights=stored(job))(x) - Model(network, weights=job.weights())(x))
    return float(apart.max()), float(apart.mean()), timesteps
