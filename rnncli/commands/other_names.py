"""Names from elsewhere: what other tools call the values of options, and the options.

Names that can mean one thing alone are taken for it (`rnncli.commands.named.Named`). The others stand in a repair.
"""

from __future__ import annotations

from collections.abc import Mapping

OTHER_FRAMEWORKS: Mapping[str, str] = {
    **dict.fromkeys(("pytorch", "pt", "torch.nn"), "torch"),
    **dict.fromkeys(("tf", "tensorflow", "tf.keras", "keras3"), "keras"),
}
"""Names of frameworks; the layers of TensorFlow are Keras's."""

OTHER_TARGETS: Mapping[str, str] = {**OTHER_FRAMEWORKS, "np": "numpy", "c99": "c"}
"""Names of what a network is exported to."""

_BITS = {
    "float16": ("float16", "half", "fp16", "f16"),
    "bfloat16": ("bfloat16", "bf16"),
    "float32": ("float32", "single", "float", "fp32", "f32"),
    "float64": ("float64", "double", "fp64", "f64"),
    "int8": ("int8", "qint8", "i8"),
}
"""What each dtype is called: in PyTorch, C, Rust and files of models."""

_NOT_FLOAT32 = {"np.float", "numpy.float", "jnp.float", "jax.numpy.float"}
"""Python's float, which has 64 bits, and which PyTorch's and C's of the same name is not."""

_LIBRARIES = ("", "torch", "np", "numpy", "tf", "tensorflow", "jnp", "jax.numpy", "ml_dtypes")
"""What stands before the name of a dtype, if anything does."""

OTHER_DTYPES: Mapping[str, str] = {name: dtype for dtype, names in _BITS.items() for name in names}
"""Names of dtypes, without the library that they are of."""


def dtype_named(text: str) -> str | None:
    """Return the dtype of a name as one of several libraries has it, `torch.half`, `np.float32`; None for no dtype."""
    name = text.lower()
    if name in _NOT_FLOAT32:
        return None
    library, _, dtype = name.rpartition(".")
    return OTHER_DTYPES.get(dtype) if library in _LIBRARIES else None


REPAIRED_VALUES: Mapping[str, str] = {
    "brain": "bfloat16",
    **dict.fromkeys(("jsonl", "ndjson", "xml", "yaml", "yml"), "json"),
    **dict.fromkeys(("text", "txt", "pretty"), "table"),
    **dict.fromkeys(("excel", "xls", "xlsx"), "csv"),
    **dict.fromkeys(("md",), "markdown"),
    "8": "int8",
    "16": "float16",
    "32": "float32",
    "64": "float64",
    **dict.fromkeys(("white", "bright", "day"), "light"),
    **dict.fromkeys(("black", "night"), "dark"),
}
"""Words for which a value is offered: some of them mean another thing than is offered for it."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("steps", "seq-len", "seqlen", "sequence-length", "time-steps", "n-steps", "num-steps", "t"),
        ("timesteps",),
    ),
    "length": ("lengths", "timesteps"),
    **dict.fromkeys(("batch-size", "batchsize", "b"), ("batch",)),
    "n": ("top", "batch"),
    **dict.fromkeys(("type", "precision", "d"), ("dtype",)),
    **dict.fromkeys(("backend", "library"), ("framework", "to")),
    **dict.fromkeys(("framework", "format", "f", "target"), ("to",)),
    **dict.fromkeys(("output-format", "as"), ("format", "to")),
    **dict.fromkeys(("out", "to-file", "save"), ("output",)),
    **dict.fromkeys(("verbose", "v", "all", "long"), ("wide",)),
    **dict.fromkeys(("flops", "macs", "mult-adds", "multadds", "ops", "costs", "weights-shapes"), ("wide", "others")),
    **dict.fromkeys(("torchinfo", "thop", "fvcore", "tools"), ("others",)),
    **dict.fromkeys(("memory", "outputs", "streaming", "training", "sizes"), ("wide",)),
    **dict.fromkeys(("silent", "s", "total", "params", "num-params", "count", "count-params"), ("quiet",)),
    **dict.fromkeys(("picture", "image", "png", "pdf", "jpg", "save-plot", "save-figure"), ("svg",)),
    **dict.fromkeys(("limit", "head"), ("top",)),
    **dict.fromkeys(("budget", "parameters", "param", "max-parameters", "p"), ("max-params",)),
    **dict.fromkeys(("mem", "bytes", "size", "max-size", "flash", "rom"), ("max-memory", "wide")),
    **dict.fromkeys(("ram", "sram"), ("max-streaming", "wide")),
    **dict.fromkeys(("vram", "gpu-memory"), ("max-training", "wide")),
    **dict.fromkeys(("multiple", "multiples", "divisible-by"), ("multiple-of",)),
    **dict.fromkeys(("random-seed", "random-state"), ("seed",)),
}
"""Names for options, each with those that may be meant; the first that a command has is."""

OPTION_ADVICE: Mapping[str, str] = {
    **dict.fromkeys(
        ("hidden", "hidden-units", "num-units", "neurons", "cells", "layers", "vocab", "vocab-size"),
        "a spec says it: embed:10000x32,lstm:128:seq:x2,lstm:128 reads 10,000 ids and has three layers of 128 units",
    ),
    **dict.fromkeys(
        ("colour", "no-color", "no-colour", "colors"),
        "--color never leaves colours out, --color always keeps them in a pipe",
    ),
    **dict.fromkeys(("ascii", "no-unicode"), "LC_ALL=C in the environment makes it ASCII"),
    "width": "COLUMNS=60 in the environment is the width of the terminal",
    **dict.fromkeys(("no-header", "noheader", "skip-header"), "`| tail -n +2` leaves the header of CSV out"),
    **dict.fromkeys(
        ("reverse", "desc", "descending"), "a - before the key sorts from the largest down: --sort=-params"
    ),
    **dict.fromkeys(
        ("min-params", "min-memory", "min-macs", "min-outputs", "min-streaming", "min-training"),
        "limits are the most that is allowed: rows of `sweep -f csv` can be filtered for the least",
    ),
}
"""What is said of options that there are none of, where another way leads there."""

FILES = ("output", "o", "out", "to-file", "save")
"""Names for a file that is written."""

FORMATS_OF_FILES: Mapping[str, str] = {
    ".json": "json",
    ".jsonl": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".md": "markdown",
    ".html": "html",
}
"""What a file holds whose name ends so."""

PICTURES = (".svg", ".png", ".pdf", ".jpg", ".jpeg", ".gif")
"""Names of pictures end so."""

HOLDS_A_SPEC = ("spec", "model", "network", "net", "arch", "architecture", "template", "pattern")
"""Names of options for what stands alone here."""

TO_A_FILE = "`> FILE` writes what is printed to a file"
"""What is said of them where a command writes none."""

FLOPS = ("flops", "max-flops", "gflops", "mflops")
"""Names for a limit in FLOPs, two of which are a multiply-add."""

MEMORIES = ("ram", "sram", "flash", "rom", "vram", "gpu-memory")
"""Names for kinds of memory, which hold different things."""

WHICH_MEMORY = (
    "--memory is that of the parameters (flash), --streaming what a step needs beside them (RAM), --training what "
    "training needs"
)
"""What each kind of memory is for."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("params", "parameters", "count", "show", "info", "model", "print", "describe"), ("summary",)),
    **dict.fromkeys(("shape", "shapes", "table", "torchinfo", "view", "ls", "stats"), ("summary",)),
    **dict.fromkeys(("flops", "macs", "cost", "costs", "memory", "size", "sizes", "profile"), ("summary", "--wide")),
    **dict.fromkeys(("why", "formula", "formulas", "equations"), ("explain",)),
    **dict.fromkeys(("plot", "graph", "picture", "diagram", "unroll", "visualize", "visualise", "viz"), ("draw",)),
    **dict.fromkeys(("diff", "difference", "vs", "versus", "differences"), ("compare",)),
    **dict.fromkeys(("gates",), ("forward", "--plot", "--gates")),
    **dict.fromkeys(("run", "predict", "infer", "inference", "simulate", "call", "exec", "execute"), ("forward",)),
    **dict.fromkeys(("forget", "remember", "recall", "gradient", "gradients", "vanishing"), ("reach",)),
    **dict.fromkeys(("grid", "search", "gridsearch", "scan", "tune", "candidates"), ("sweep",)),
    **dict.fromkeys(("find", "largest", "max", "budget", "fits"), ("solve",)),
    **dict.fromkeys(("convert", "generate", "code", "codegen", "translate"), ("export",)),
    **dict.fromkeys(("load", "open", "read", "file", "weights"), ("inspect",)),
    **dict.fromkeys(("kinds", "fields", "language", "glossary", "syntax", "words"), ("layers",)),
    **dict.fromkeys(("canonical", "parse", "normalize", "format"), ("spec",)),
    **dict.fromkeys(("man", "manual", "usage"), ("help",)),
    "version": ("--version",),
}
"""Names for commands, each with what is typed in place of it; the options stand at the end of the line."""

READS_FILES = ("info", "show", "describe", "print", "view", "ls", "stats", "parameters", "params", "shapes")
"""Names among them that mean `inspect` where a model file is named."""

TRAINS = ("train", "fit", "learn", "finetune", "backprop", "optimize", "optimise")
"""Names for a command that trains."""

TRAINS_NOTHING = "nothing is trained here, but what export writes can be"
"""What is said of them."""
