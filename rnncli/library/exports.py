"""Export of a network as source or as a file, with its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from os.path import basename, splitext
from typing import NoReturn

from rnncli.atomic import WrittenFile, write_files
from rnncli.engine.request import checked_seed, default_timesteps, file_names
from rnncli.errors import UsageError, listed, printable, quote
from rnncli.export import TARGETS, Device, Job, arrays, c_name, checked_c_name, target_of
from rnncli.export import export as exported
from rnncli.export.plan import Arrays
from rnncli.formats import names_another
from rnncli.formats.networks import Reading, notes_on, reading_of
from rnncli.library.runs import Path, Tell
from rnncli.network import Network, NetworkLike, check_flags, check_known
from rnncli.network_summary import figure
from rnncli.quantities import memory
from rnncli.results import Result

C_DTYPES = ("float32", "int8")
"""The dtypes of matrices and tables in C."""

_SAVES = (
    ("keras", (".weights.h5",), "model.save_weights({!r})"),
    ("keras", (".keras", ".h5", ".hdf5"), "model.save({!r})"),
    ("torch", (".pt", ".pth", ".ckpt", ".bin"), "torch.save(model.state_dict(), {!r})"),
)
"""The call that saves a model of each framework, by the endings of the file's name."""

Repair = Callable[..., str | None]
"""Returns the current command line without some options and with more words; None if there is no command line."""


@dataclass(frozen=True)
class ExportRequest:
    """The options of an export; see `export`."""

    to: str | None = None
    packed: bool = False
    seed: int = 0
    weights: str | None = None
    save_weights: str | None = None
    output: str | None = None
    name: str | None = None
    dtype: str | None = None
    input: str | None = None
    with_main: bool = False

    @property
    def target(self) -> str | None:
        """The target, which the name of a file may imply; None if nothing does."""
        return self.to or target_of(self.output or "")

    @property
    def device(self) -> Device:
        """The settings of the C code for a device."""
        stem, ending = splitext(basename(self.output or ""))
        header = f"{stem}.h" if ending == ".c" else ""
        return Device(self.name or c_name(stem), self.dtype or "float32", header, self.with_main)

    @property
    def weights_extension(self) -> str | None:
        """The format of the weights' file, from its name; None if none is written or the target cannot read it."""
        able = TARGETS[self.target or ""].weights
        if self.save_weights is None or not able:
            return None
        fitting = [extension for extension in able if self.save_weights.endswith(extension)]
        return next(iter(fitting), None if names_another(self.save_weights) else able[0])

    def check(self, repair: Repair = lambda **changes: None, printed: bool = True) -> None:
        """Raise a UsageError if there is no target or place to write to, or if the options do not fit together.

        `repair` returns a command line that works. Only text is `printed` if there is no file.
        """

        def refuse(message: str, advice: str = "", lead: str = "without it", **mended: object) -> NoReturn:
            raise UsageError(message, advice, lead=lead, repair=repair(**mended))

        c_options = {name: getattr(self, name) for name in ("name", "dtype", "input", "with_main")}
        if self.target is None:
            known = [each.extension for each in TARGETS.values()]
            other = self.output is not None and names_another(self.output, *known)
            instead = ["-o", f"{splitext(self.output or '')[0]}.py"] if other else []
            loaded = self.save_weights or (self.output if other else None)
            target = "c" if any(c_options.values()) else _loader_of(loaded)
            more = ["--to", target, *instead]
            without = ["output"] if other else []
            able = TARGETS[target].weights
            if self.save_weights is not None and names_another(self.save_weights, *able):
                without.append("save_weights")
                more += ["--save-weights", splitext(self.save_weights)[0] + able[0]] if able else []
            message, advice = "export needs a target: --to", f"choose {listed(list(TARGETS), 'or')}"
            saving = _saving(self.output or "")
            are_weights = other and not saving and (self.output or "").endswith(TARGETS[target].weights)
            if self.output is not None and (saving or are_weights):
                message, advice = f"export writes source code or ONNX, and {quote(self.output)} is neither", saving
                more += ["--save-weights", self.output] if are_weights and self.save_weights is None else []
            refuse(message, advice, "for example", without=without, more=more)
        target, kind = self.target, TARGETS[self.target]
        if printed and self.output is None and not kind.is_text:
            refuse(f"--to {target} writes a file", "name it", "for example", more=["-o", f"model{kind.extension}"])
        if self.output is not None and names_another(self.output, kind.extension):
            message = f"--to {target} writes {kind.makes}, but {quote(self.output)} is the name of another format"
            more = ["-o", splitext(self.output)[0] + kind.extension]
            refuse(message, _saving(self.output, target), "perhaps", without=["output"], more=more)
        if self.packed and not kind.packs:
            message = f"--packed is for PyTorch's packed sequences, and {kind.title} has none"
            refuse(message, without=["packed"])
        for name, value in c_options.items() if target != "c" else ():
            if value:
                refuse(f"--{name.replace('_', '-')} is for --to c, and this is --to {target}", without=[name])
        if self.input is not None and self.dtype != "int8":
            message = "--input is for testing int8, and there is no --dtype int8"
            refuse(message, lead="with it", without=["dtype"], more=["--dtype", "int8"])

    def check_weights(self, repair: Repair = lambda **changes: None) -> None:
        """Raise a UsageError if weights are to be written to a file that the target cannot load them from."""
        kind = TARGETS[self.target or ""]
        if self.save_weights is not None and not kind.weights:
            message = f"--to {self.target} writes the weights into the file itself"
            raise UsageError(message, lead="without --save-weights", repair=repair(without=["save_weights"]))
        if self.save_weights is not None and self.weights_extension is None:
            message = f"{kind.title} does not load its weights from {quote(self.save_weights)} here"
            stem, ending = splitext(self.save_weights)
            able = [each for each in kind.weights if each.endswith(ending)] or kind.weights
            more = ["--save-weights", stem + able[0]]
            advice = f"the name may end in {listed(kind.weights, 'or')}"
            raise UsageError(message, advice, lead="perhaps", repair=repair(without=["save_weights"], more=more))


@dataclass(frozen=True, repr=False)
class Exported(Result):
    """An exported network.

    Attributes:
        network: the network.
        target: the target: a key of `TARGETS`.
        content: the source, or the bytes of the file.
        files: the files that were written.
        notes: remarks about the export.
    """

    network: Network
    target: str
    content: str | bytes
    files: tuple[WrittenFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The network and its target."""
        return f"{self.network} for {TARGETS[self.target].title}"

    def __str__(self) -> str:
        """Return the source, or a description of a binary file."""
        if isinstance(self.content, str):
            return self.content.removesuffix("\n")
        return f"{TARGETS[self.target].makes} of {len(self.content):,} bytes: {self.network}"

    def __bytes__(self) -> bytes:
        """Return the contents for a file."""
        return self.content.encode() if isinstance(self.content, str) else self.content


def _saving(path: str, target: str | None = None) -> str:
    """Return how the model of an exported source is saved to a file of that name; empty if it cannot be."""
    for framework, endings, call in _SAVES:
        if target in (framework, None) and path.lower().endswith(endings):
            return f"run the source, then save its model: {call.format(path)}"
    return ""


def _loader_of(weights: str | None) -> str:
    """Return a target that loads weights from a file of that name; PyTorch's if there is no file or target."""
    if weights is not None and weights.endswith((".keras", ".h5", ".hdf5")):
        return "keras"
    loads = [name for name, kind in TARGETS.items() if weights is not None and weights.endswith(tuple(kind.weights))]
    return "torch" if "torch" in loads else next(iter(loads), "torch")


def export(
    network: NetworkLike,
    to: str | None = None,
    *,
    packed: bool = False,
    seed: int = 0,
    weights: Path | None = None,
    save_weights: Path | None = None,
    output: Path | None = None,
    name: str | None = None,
    dtype: str | None = None,
    input: Path | None = None,
    with_main: bool = False,
    set: Mapping[str, float | str] | None = None,
) -> Exported:
    """Export a network as readable source or as a file.

        >>> from rnncli import Network
        >>> str(Network.read("input:8,lstm:16").export("torch")).splitlines()[0]
        'import torch'

    Args:
        network: the network, a model, which is exported with its weights, or anything that `rnncli.load` accepts.
        to: the target: keras, torch, onnx, numpy or c. None if the name of the output implies it.
        packed: whether PyTorch's source accepts the length of each sequence and packs the sequences.
        seed: the seed for the weights, if they are drawn.
        weights: a file to read the weights from.
        save_weights: a file to write the weights to, in the target's own layout.
        output: a file to write; ONNX needs one on the command line but not here: `bytes(exported)`.
        name: for C: the prefix of its functions' names.
        dtype: for C: float32 or int8.
        input: for C with int8: a .npy file to test it on.
        with_main: for C: whether to add a program that runs it.
        set: values for the names that Python source leaves undefined.

    Raises:
        SpecError: the target cannot express a layer; the error names the nearest one that it can.
        UsageError: the options do not fit together.
        ArgumentError: an argument is not allowed.
        RnncliError: a file cannot be read or written, or does not fit the network.
    """
    check_known("to", to, tuple(TARGETS), optional=True)
    check_known("dtype", dtype, C_DTYPES, optional=True)
    if name is not None:
        checked_c_name(name)
    check_flags(packed=packed, with_main=with_main)
    files = file_names(weights=weights, save_weights=save_weights, output=output, input=input)
    request = ExportRequest(to, packed, checked_seed(seed), name=name, dtype=dtype, with_main=with_main, **files)
    request.check(printed=False)
    request.check_weights()
    reading = reading_of(network, set)
    notes = notes_on(reading)
    return replace(run_export(reading, request, notes.append), notes=tuple(notes))


def run_export(model: Reading, request: ExportRequest, tell: Tell) -> Exported:
    """Write a network and its weights for checked options, printing notes and a bar on standard error."""
    from rnncli.render.progress import Progress

    with Progress("export: weights", 0, tell) as progress:  # a large matrix is drawn in one piece, uncounted
        return _exported(model, request, progress.tell)


def _exported(model: Reading, request: ExportRequest, tell: Tell) -> Exported:
    target, device, part = request.target or "", request.device, model.part
    given = None if model.model is None or request.weights is not None else model.model.weights
    source = request.weights if part is None or not part.has_weights else request.weights or part
    drawn = given is None and source is None
    origin = f"drawn from seed {request.seed}" if drawn else "the weights of the model"
    if part is not None:
        part.check_runs()
    if request.weights is not None:
        from rnncli.engine.array_files import part_in
        from rnncli.formats.fitting import sources_told

        origin = f"the weights in {request.weights}"
        fitting = part_in(request.weights, model.network)
        if fitting is not None:
            source = fitting
            tell(f"Note: {sources_told(fitting)}")
    elif source is not None and (model.model is None or model.model.part is not None):
        origin = f"the weights of {model.path}"
    if part is not None:
        for note in part.run_notes:
            tell(f"Note: {note}")
        if drawn and (request.save_weights is not None or target in ("onnx", "numpy", "c")):
            tell(f"Note: the file has no weights: they are drawn with seed {request.seed}")

    @cache
    def read() -> Arrays:
        from rnncli.engine.array_files import first_weights

        if given is not None:
            return {key: array.astype("float32", copy=False) for key, array in given.items()}
        return first_weights(model.network, source, request.seed)

    if request.weights is not None:
        read()  # fails if they are missing or do not fit, even if the source leaves them out
    job = Job(model.network, read, request.seed, request.save_weights, origin, drawn, device, request.packed)
    content = exported(job, target)
    if device.dtype == "int8":
        tell(f"Note: int8 changes the outputs by {_difference(job, request.input)}")
    if target == "c" and request.output is not None:
        tell(f"Note: on a device it needs {_on_device(model.network, device.dtype)}")
    files: list[WrittenFile] = []
    if request.save_weights is not None and request.weights_extension is not None:
        from rnncli.export.weight_writers import write_weights

        files.append(write_weights(request.save_weights, arrays(job, target), request.weights_extension))
    elif not drawn and TARGETS[target].weights:
        tell("Note: the weights are left out; --save-weights FILE writes them too")
    if request.output is not None:
        contents = {request.output: content}
        if device.header and target == "c":
            from rnncli.export.c import header

            contents[f"{splitext(request.output)[0]}.h"] = header(job)
        files += write_files(contents)
    return Exported(model.network, target, content, tuple(files))


def _difference(job: Job, path: str | None) -> str:
    """Return how far int8 moves the outputs for the input in a .npy file, or for the random input of `rnncli forward`.

    Raises:
        RnncliError: the file cannot be read, or the network reads another shape.
    """
    from rnncli.engine.array_files import open_input
    from rnncli.engine.chunks import random_chunks
    from rnncli.engine.model import Model
    from rnncli.export.c import stored

    network, model = job.network, Model(job.network, weights=job.weights())
    if path is None:
        timesteps = default_timesteps(network)
        (chunk,) = random_chunks(network, 1, timesteps, timesteps, job.seed, "keras", model.dtype)
        x, given = chunk.values[None, ..., 0], f"{timesteps:,} random timesteps"
    else:
        file = open_input(path, network)
        x, given = file.steps(0, file.shape[1]), f"the {file.shape[1]:,} timesteps of {printable(path)}"
    apart = abs(Model(network, weights=stored(job))(x) - model(x))
    return f"at most {apart.max():.2g}, {apart.mean():.2g} on average, compared with float32 for {given}"


def _on_device(network: Network, dtype: str) -> str:
    """Return a network's memory on a device: its constants, and the memory for running a step at a time."""
    *_, account = network.accounts(dtype=dtype)  # with one bias per cell, even if the source is PyTorch's
    constant = f"{memory(max(figure('total_bytes', account, None, dtype)))} of constants"
    streaming = max(figure("streaming_bytes", account, None, dtype), default=None)
    room = "a workspace for the sequence and a stack, which the header sizes"
    return f"{constant} and {room if streaming is None else f'{memory(streaming)} of memory to run a step at a time'}"
