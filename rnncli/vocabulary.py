"""The words of the output, one for each thing: the keys of JSON are also the columns of CSV, in every command.

`KEYS` lists each of them once, with its content and meaning. The writers look up there how to format a column, the
tests check every key of every command against it, and `rnncli help keys` is generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rnncli.immutable import NamedTuple

Content = Literal["numbers", "words", "code", "parts"]
"""The content of a key.

Code is text that one types, such as a spec, or a name in the model; words include shapes; parts are objects or lists
with their own keys.
"""


class Meaning(NamedTuple):
    """The meaning of some keys.

    Attributes:
        keys: the keys; several if one line explains them together.
        holds: the content of each key.
        text: their meaning, as in `rnncli help keys`.
        title: the name on the screen, if it is a figure in tables for people.
    """

    keys: tuple[str, ...]
    holds: Content
    text: str
    title: str = ""


GROUPS: Mapping[str, tuple[Meaning, ...]] = {
    "a network": (
        Meaning(("spec",), "code", "the network's spec; in `layers`, the layer's"),
        Meaning(
            ("framework", "other_framework"),
            "words",
            "the framework whose weights are counted, `keras` or `torch`; and the other one",
        ),
        Meaning(
            ("batch", "timesteps"),
            "numbers",
            "samples at a time, and the length of their sequences, in reach the layer's; `null` if unknown",
        ),
        Meaning(("dtype",), "words", "of weights and outputs; in `input`, of the input; of an array in a file"),
        Meaning(("input",), "parts", "the network's input: `shape` and `dtype`"),
        Meaning(("output_shape",), "words", "the shape that the network or the layer returns; `null` is unknown"),
        Meaning(
            ("complete", "left_out"),
            "words",
            "whether the source contains nothing but the network; what was left out, in words",
        ),
        Meaning(("assumed",), "words", "what the source does not specify and was assumed, a sentence each"),
        Meaning(
            ("file_params", "recurrent_params"),
            "numbers",
            "all parameters in the model file, `null` if there is none; those in its recurrent parts",
        ),
        Meaning(("total_params",), "numbers", "the number of parameters", "Parameters"),
        Meaning(("total_bytes",), "numbers", "the size of all parameters", "Memory"),
        Meaning(("macs_per_step",), "numbers", "multiply-adds for one input vector of each layer", "MACs/step"),
        Meaning(("rate",), "numbers", "timesteps per second, with `--rate`"),
        Meaning(
            ("macs_per_second",),
            "numbers",
            "`rate` × `macs_per_step`; fewer after a stride",
            "MACs/s",
        ),
        Meaning(("macs",), "numbers", "multiply-adds for the whole input; `null` if its length is unknown", "MACs"),
        Meaning(("output_bytes",), "numbers", "the size of the output of the layer, or of all layers", "Layer outputs"),
        Meaning(("modules",), "parts", "the PyTorch modules, with `--framework torch`"),
        Meaning(
            ("streaming_bytes",),
            "numbers",
            "memory to run one step at a time, besides the parameters; `null` if a layer must read ahead",
            "Streaming",
        ),
        Meaning(
            ("training_bytes",),
            "numbers",
            "the least memory for training; `null` if the input's length is unknown, and in int8",
            "Training at least",
        ),
        Meaning(("layers", "weights", "axes"), "parts", "each layer, each weight of a layer, each axis of a weight"),
    ),
    "a layer, a weight": (
        Meaning(("name",), "code", "of a layer, numbered as in Keras; of a weight, or a factor, in its list"),
        Meaning(("layer", "weight"), "code", "a layer's spec and a weight's name, in rows with the network's `spec`"),
        Meaning(("type", "cell"), "words", "the framework's class, and the class of a recurrent layer's cell"),
        Meaning(("shape", "input_shape"), "words", "of a weight or the input; of a layer's input"),
        Meaning(("params",), "numbers", "the parameters of a layer or a weight", "Parameters"),
        Meaning(
            ("kind", "field", "form"),
            "code",
            "in `layers`: a kind of layer; a field of it, `null` for the kind itself; how it is written",
        ),
        Meaning(("keras", "torch"), "words", "in `layers`: the frameworks' class or argument; `null` if there is none"),
        Meaning(("code", "names"), "code", "the call that creates a PyTorch module; the layers combined in it"),
        Meaning(("apart",), "words", "why it is not combined with the recurrent layer before it; else `null`"),
    ),
    "`forward`": (
        Meaning(("seconds",), "numbers", "the run time of the layer, or of the run"),
        Meaning(
            ("mean", "std", "min", "max"),
            "numbers",
            "of the outputs; in `norm`, of the norms; in `reach`, of the seeds",
        ),
        Meaning(("lengths",), "numbers", "with `--lengths`: the length of each sequence; `macs` are for these"),
        Meaning(("saturated",), "numbers", "the share of outputs at the ends of their range; in `plot`, bin by bin"),
    ),
    "`forward --plot`": (
        Meaning(("plot",), "parts", "the data of `--plot` on the last recurrent layer"),
        Meaning(
            ("units", "saturated_units"),
            "numbers",
            "of that layer; the share of units that are saturated at least half of the time",
        ),
        Meaning(
            ("time_bins", "unit_bins", "activations"), "numbers", "the start of each bin, and the mean output in it"
        ),
        Meaning(("backwards",), "words", "whether it reads from the end; all that follows is then in that order"),
        Meaning(("norm", "reach"), "parts", "the norm of its state; how far back it remembers its first input"),
        Meaning(("bins", "effect"), "numbers", "the norm, and the effect of a changed first input, bin by bin of time"),
        Meaning(
            ("steps", "largest_after", "steps_to_tenth", "steps_to_hundredth", "last"),
            "numbers",
            "steps measured; steps until the effect is largest, below a tenth, a hundredth of that; its last share",
        ),
        Meaning(("problem",), "words", "why the reach could not be measured"),
        Meaning(("gates",), "parts", "each gate, with `--gates`: its mean, also by bin; of the candidate its size"),
        Meaning(("open", "closed"), "numbers", "the shares of a gate's values above 0.9 and below 0.1"),
    ),
    "`reach`": (
        Meaning(("seed", "seeds", "failed"), "numbers", "of a run; the number of runs; the number with a `problem`"),
        Meaning(("init",), "words", "how weights are drawn: `keras`, `torch`, `uniform`; `null` if from a file"),
        Meaning(
            ("spectral_radius",), "numbers", "of the recurrent kernel; of its block for the candidate, if it has gates"
        ),
        Meaning(("curve",), "words", "the `effect` as characters, as on the screen"),
        Meaning(("runs",), "parts", "the result for each seed; the medians are above them"),
    ),
    "`explain`": (
        Meaning(("equations", "notes", "states"), "parts", "of a layer: one step, remarks, its recurrent state"),
        Meaning(("text", "means", "topic"), "words", "of an equation, a note or a reason"),
        Meaning(("symbol",), "code", "a weight's name in the equations"),
        Meaning(("formula",), "parts", "how a count is computed: `words`, `numbers`, `value`"),
        Meaning(("words", "numbers"), "words", "a formula in words, and in numbers"),
        Meaning(("value",), "numbers", "the result of a formula, or of another tool; `null` is unknown"),
        Meaning(("start",), "words", "how a weight is initialised: zeros, orthogonal, Glorot uniform"),
        Meaning(("limit",), "numbers", "the bound of a uniform initialiser; `null` for others"),
        Meaning(
            ("other_params", "other_total_params"), "numbers", "the other framework's counts; `null` if it has none"
        ),
    ),
    "`explain --others`": (
        Meaning(("other_tools",), "parts", "the counts of other tools for the network"),
        Meaning(("tool", "version", "counts"), "words", "the tool, its version, and what it claims to count"),
        Meaning(("needs",), "words", "the option that makes an unknown count known"),
    ),
    "`compare`": (
        Meaning(
            ("difference", "ratio"),
            "numbers",
            "the difference from the first network, and the ratio to it; by figure, `macs_ratio`",
        ),
        Meaning(
            ("reasons",),
            "parts",
            "why `params` differ from the first network's, or a tool's count; they add up",
        ),
        Meaning(("roles",), "parts", "the weights that a reason makes more or fewer, each with its `role`"),
        Meaning(("role",), "words", "the purpose of a weight: kernel, recurrent, bias, table, scale"),
    ),
    "`inspect`": (
        Meaning(("file",), "code", "the path of a model file"),
        Meaning(("format", "writer"), "words", "the format, and the program that wrote it, if known"),
        Meaning(("parts", "others"), "parts", "the recurrent parts that a spec can express; all other arrays"),
        Meaning(("part",), "code", "the name of the part that an array is in"),
        Meaning(("share",), "numbers", "a part's share of all parameters in the file"),
    ),
    "`sweep`, `solve`": (
        Meaning(("number",), "numbers", "the number in a template's blank, or for a factor of an axis"),
        Meaning(("blanks",), "parts", "the `name` and `number` of each blank"),
        Meaning(("ties",), "numbers", "how many other numbers for the blanks give as many parameters"),
        Meaning(("exact",), "words", "whether each cost equals its limit"),
        Meaning(("limited_by",), "words", "the limits that the next larger network would exceed"),
        Meaning(
            ("max_params", "max_bytes", "max_macs", "max_output_bytes", "max_streaming_bytes", "max_training_bytes"),
            "numbers",
            "the budget; `null` for no limit",
        ),
    ),
}
"""The meaning of each key, grouped by the subject or command."""

MEANINGS = tuple(meaning for group in GROUPS.values() for meaning in group)
"""The meaning of each key."""

KEYS: Mapping[str, Meaning] = {key: meaning for meaning in MEANINGS for key in meaning.keys}
"""The meanings by key."""

_BY_FIGURE = ("difference", "ratio", "min", "max")
"""Keys that JSON nests by figure; columns are named after both: `macs_difference`."""


def meaning_of(column: str) -> Meaning:
    """Return the meaning of a column of a table.

    Raises:
        KeyError: the word is not in the vocabulary.
    """
    figure, _, change = column.rpartition("_")
    return KEYS[change if change in _BY_FIGURE and figure in KEYS else column]


def title(key: str) -> str:
    """Return the name of a figure on the screen; for other keys, the key in words.

    Raises:
        KeyError: the word is not in the vocabulary.
    """
    return meaning_of(key).title or key.replace("_", " ").capitalize()
