"""The fuzz targets: how each makes its cases, and what must be true of the results."""

from __future__ import annotations

import io
import os
import random
import re
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout, suppress
from itertools import islice
from pathlib import Path

import click
import keras_targets
import numpy as np
from model_targets import MODEL_TARGETS
from mutations import damaged_bytes, damaged_text
from target import Target, assert_harmless

from rnncli import Network, RnncliError, SpecError, solve
from rnncli.cli import COMMANDS, cli, run
from rnncli.engine.array_files import open_input, read_arrays
from rnncli.formats import OpenNumbersError
from rnncli.formats.networks import read_text
from rnncli.search.braces import parse_pattern

SEEDS = [
    line.encode().decode("unicode_escape").encode("latin-1").decode() if "\\x" in line else line
    for line in (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def make_text(generator: random.Random) -> str:
    return damaged_text(generator, SEEDS)


def check_spec(text: str) -> None:
    """A spec or line is a network that its canonical form reproduces, or a fault whose repair is a network."""
    try:
        network = read_text(text).network
    except SpecError as error:
        assert_harmless(str(error))
        if error.repair is not None:
            with suppress(OpenNumbersError):
                read_text(error.repair)
    else:
        assert Network.parse(str(network)) == network
        if len(network.layers) < 200:
            network.summary(2, None)


def check_pattern(text: str) -> None:
    """A text is a pattern for one or more nonempty texts, or it is rejected."""
    try:
        pattern = parse_pattern(text)
    except SpecError as error:
        assert_harmless(str(error))
        return
    count = pattern.count()
    found = list(islice(pattern.expand(), 50))
    assert len(found) == min(50, count)
    assert all(found)


def make_template(generator: random.Random) -> tuple[str, int]:
    text = make_text(generator).replace("8", generator.choice(("_", "n", "?")), 1)
    if generator.random() < 0.5:
        return text, generator.choice((0, 1, 100, 10**6, 10**12))
    return text.replace("32", "_a").replace("16", "_b1"), generator.choice((0, 100, 10**5))


def check_template(case: tuple[str, int]) -> None:
    """A template is filled within the budget, or the error gives the reason why it cannot be."""
    text, params = case
    try:
        solution = solve(text, params=params)
    except RnncliError as error:
        assert_harmless(str(error))
        return
    assert Network.parse(solution.spec).summary().total_params <= params


def options(name: str) -> list[click.Option]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return [each for each in command.get_params(click.Context(command)) if isinstance(each, click.Option)]


PARAMETERS = {name: options(name) for name in COMMANDS}
ODD_VALUES = ["", "0", "1", "2", "3", "-1", "1.5", "nan", "٣", "4MB", "1k", "x", "-", "--", "\x1b[31m", "_", "a=b"]
FILES = ["x.npy", "w.npz", "missing.npy", ".", "", "no/such/file", "\x1b[31m.npz", "y.npy", "z.npz"]


def is_argument(text: str) -> bool:
    """Return whether a text can be an argument on a command line."""
    try:
        return b"\x00" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def is_short_sweep(text: str) -> bool:
    """Return whether a sweep of a pattern ends soon; two billion candidates rightly take hours."""
    try:
        return parse_pattern(text[:500]).count() < 100_000
    except SpecError:
        return True


def make_line(generator: random.Random) -> tuple[list[str], str]:
    """A command line with random options of its command, and a standard input."""
    name = generator.choice(list(PARAMETERS))
    line = []
    for _ in range(generator.choice((0, 1, 2, 4))):
        parameter = generator.choice(PARAMETERS[name])
        line.append(generator.choice(parameter.opts))
        if parameter.is_flag and generator.randrange(8):
            continue
        if isinstance(parameter.type, click.Choice) and generator.randrange(4):
            line.append(generator.choice(list(parameter.type.choices)))
        elif "FILE" in (parameter.metavar or ""):
            line.append(generator.choice(FILES))
        else:
            line.append(generator.choice(ODD_VALUES))
    specs = [damaged_text(generator, SHORT) for _ in range(generator.choice((0, 1, 1, 1, 2)))]
    specs = [spec[:500] for spec in specs if is_argument(spec) and is_short_sweep(spec)]
    line += [*specs, *(["-"] if generator.randrange(6) == 0 else [])]
    if generator.randrange(6) == 0:
        generator.shuffle(line)
    few_steps = ["--timesteps", "3"] if name == "forward" and "--timesteps" not in line else []
    return [name, *few_steps, *line], "\n".join(damaged_text(generator, SHORT) for _ in range(2))


SHORT = [seed for seed in SEEDS if len(seed) < 60 and "{" not in seed] + ["input:{1,2},rnn:{3..4}"]


def check_line(case: tuple[list[str], str]) -> None:
    """A command line exits with a known status, and prints nothing that a terminal would interpret."""
    arguments, stdin = case
    np.save("x.npy", np.ones((1, 3, 8), "f4"))
    np.savez("w.npz", **{"simple_rnn/kernel": np.ones((8, 4))})
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="replace", write_through=True) for _ in range(2))
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "replace")), "utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run(arguments)
    finally:
        sys.stdin = before
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]  # buffer is BytesIO
    if "always" in arguments:  # the value of --color, however it is spelled
        stdout, stderr = (re.sub(r"\x1b\[[0-9;]*m", "", text) for text in (stdout, stderr))
    assert status in (0, 1, 2), f"the status is {status}"
    assert "bug in rnncli" not in stderr
    assert_harmless(stderr)
    if "bash" not in arguments and "zsh" not in arguments and "fish" not in arguments:
        assert_harmless(stdout, most=10**7)


def seeds_of_npy() -> list[bytes]:
    arrays = [
        np.arange(48, dtype="f4").reshape(2, 3, 8),
        np.asfortranarray(np.arange(48, dtype=">f8").reshape(2, 3, 8)),
        np.arange(24).reshape(1, 3, 8),
        np.ones((1, 500, 8), "f2"),
    ]
    found = []
    for array in arrays:
        for version in ((1, 0), (2, 0)):
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version)
            found.append(content.getvalue())
    return found


NPY = seeds_of_npy()
SHAPES = {"a/kernel": (8, 4), "a/bias": (4,)}


def check_npy(data: bytes) -> None:
    """An input matches NumPy's reading of the file, or it is rejected."""
    Path("x.npy").write_bytes(data)
    try:
        file = open_input("x.npy", Network.parse("input:8"))
        found = np.concatenate([file.steps(start, start + 1) for start in range(min(file.shape[1], 50))], axis=1)
    except RnncliError as error:
        assert_harmless(str(error), most=1000)
        return
    expected = np.load("x.npy", allow_pickle=False, mmap_mode="r")
    assert np.array_equal(found, expected[:, :50], equal_nan=True)


def seeds_of_npz() -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        for order in ("C", "F"):
            content = io.BytesIO()
            save(content, **{key: np.full(shape, 0.5, order=order) for key, shape in SHAPES.items()})
            found.append(content.getvalue())
    return found


NPZ = seeds_of_npz()


def make_npz(generator: random.Random) -> bytes:
    """A damaged archive, or an intact one with damaged arrays."""
    if generator.randrange(3):
        return damaged_bytes(generator, NPZ)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", generator.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for key, shape in SHAPES.items():
            array = io.BytesIO()
            np.save(array, np.ones(shape))
            whole = array.getvalue()
            archive.writestr(f"{key}.npy", damaged_bytes(generator, [whole]) if generator.randrange(2) else whole)
    return content.getvalue()


def check_npz(data: bytes) -> None:
    """Weights match NumPy's reading of the file, or they are rejected."""
    Path("w.npz").write_bytes(data)
    try:
        found = read_arrays("w.npz", SHAPES, np.dtype("float64"))
    except RnncliError as error:
        assert_harmless(str(error), most=1000)
        return
    for key, array in found.items():
        try:
            with np.load("w.npz", allow_pickle=False) as archive:
                expected = archive[key]
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            continue  # further rejections, such as an unexpected name before the array, are harmless
        assert np.array_equal(array, expected)


TARGETS = {
    "spec": Target(make_text, check_spec),
    "pattern": Target(make_text, check_pattern),
    "template": Target(make_template, check_template),
    "line": Target(make_line, check_line),
    "npy": Target(lambda generator: damaged_bytes(generator, NPY), check_npy),
    "npz": Target(make_npz, check_npz),
    **MODEL_TARGETS,
    "keras_json": Target(keras_targets.make_json, keras_targets.checking("x.json")),
    "keras": Target(keras_targets.make_archive, keras_targets.checking("x.keras")),
    "hdf5": Target(keras_targets.make_hdf5, keras_targets.checking("x.h5")),
}
