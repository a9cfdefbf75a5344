"""The words of the output, one for each thing: the keys of JSON are the columns of CSV, in every command.

`KEYS` has each of them once, with what it holds and what it means. The writers look up there how a column is shown, the
tests hold every key of every command against it, and the table in README.md is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rnncli.immutable import NamedTuple

Content = Literal["numbers", "words", "code", "parts"]
"""What a key holds.

Code is what one types, such as a spec, or a name in the model; words are shapes, too; parts are objects or lists with
keys of their own.
"""


class Meaning(NamedTuple):
    """What some keys mean.

    Attributes:
        keys: the keys, several where one line explains them together.
        holds: what each of them holds.
        text: what they mean, as `rnncli help keys` says it.
        title: what the screen calls it, where it is a figure that tables for people show.
    """

    keys: tuple[str, ...]
    holds: Content
    text: str
    title: str = ""


GROUPS: Mapping[str, tuple[Meaning, ...]] = {
    "a network": (
        Meaning(("spec",), "code", "the spec of the network; in `layers`, of the layer"),
        Meaning(
            ("framework", "other_framework"),
            "words",
            "whose weights are counted, `keras` or `torch`; and the other one",
        ),
        Meaning(
            ("batch", "timesteps"), "numbers", "samples at a time, and the length of their sequences; `null` is unknown"
        ),
        Meaning(("dtype",), "words", "of weights and outputs; in `input`, of the input; of an array in a file"),
        Meaning(("input",), "parts", "what the network reads: `shape` and `dtype`"),
        Meaning(("output_shape",), "words", "what the network, or the layer, returns; `null` is unknown"),
        Meaning(
            ("complete", "left_out"),
            "words",
            "whether the source has nothing beside the network; what it has, each in words",
        ),
        Meaning(("assumed",), "words", "what the source does not say of the network, and was assumed, a sentence each"),
        Meaning(
            ("file_params", "recurrent_params"),
            "numbers",
            "all numbers in the model file, `null` where there is none; those in its recurrent parts",
        ),
        Meaning(("total_params",), "numbers", "the parameters of the network", "Parameters"),
        Meaning(("total_bytes",), "numbers", "the size of all its parameters", "Memory"),
        Meaning(("macs_per_step",), "numbers", "multiply-adds for one vector that each layer reads", "MACs/step"),
        Meaning(("rate",), "numbers", "timesteps a second, where `--rate` says it"),
        Meaning(("macs_per_second",), "numbers", "`rate` × `macs_per_step`", "MACs/s"),
        Meaning(("macs",), "numbers", "multiply-adds for the whole input; `null` while its length is unknown", "MACs"),
        Meaning(("output_bytes",), "numbers", "the size of what the layer, or each layer, returns", "Layer outputs"),
        Meaning(("modules",), "parts", "what it is made of in PyTorch, under `--framework torch`"),
        Meaning(
            ("streaming_bytes",),
            "numbers",
            "what a step at a time needs beside the parameters; `null` where a layer needs the whole sequence",
            "Streaming",
        ),
        Meaning(
            ("training_bytes",),
            "numbers",
            "what training needs at least; `null` while its length is unknown, and in int8",
            "Training at least",
        ),
        Meaning(("layers", "weights", "axes"), "parts", "each layer, each weight of a layer, each axis of a weight"),
    ),
    "a layer, a weight": (
        Meaning(("name",), "code", "of a layer, as Keras numbers them; of a weight, or a factor, in its list"),
        Meaning(("layer", "weight"), "code", "a layer's spec and a weight's name, in rows with the network's `spec`"),
        Meaning(("type", "cell"), "words", "the framework's class, and that of a recurrent layer's cell"),
        Meaning(("shape", "input_shape"), "words", "of a weight or the input; what a layer reads"),
        Meaning(("params",), "numbers", "the parameters of a layer or a weight", "Parameters"),
        Meaning(
            ("kind", "field", "form"),
            "code",
            "in `layers`: a kind of layer; a field of it, `null` for the kind itself; how that is written",
        ),
        Meaning(("keras", "torch"), "words", "in `layers`: the frameworks' class or argument; `null` if there is none"),
        Meaning(("code", "names"), "code", "the call that makes a module of PyTorch; the layers that are one in it"),
        Meaning(("apart",), "words", "why it is not one module with the recurrent layer before it; else `null`"),
    ),
    "`forward`": (
        Meaning(("seconds",), "numbers", "the time of the layer, or of the run"),
        Meaning(
            ("mean", "std", "min", "max"),
            "numbers",
            "of the outputs; in `norm`, of the norms; in `reach`, of the seeds",
        ),
        Meaning(("lengths",), "numbers", "with `--lengths`: how long each sequence is; `macs` are theirs alone"),
        Meaning(("saturated",), "numbers", "the share of outputs at the ends of their range; in `plot`, bin by bin"),
    ),
    "`forward --plot`": (
        Meaning(("plot",), "parts", "what `--plot` shows of the last recurrent layer"),
        Meaning(
            ("units", "saturated_units"),
            "numbers",
            "of that layer; the share of units saturated half of the time",
        ),
        Meaning(
            ("time_bins", "unit_bins", "activations"), "numbers", "where each bin starts, and the mean output in it"
        ),
        Meaning(("backwards",), "words", "whether it reads from the end; then all that follows is in that order"),
        Meaning(("norm", "reach"), "parts", "the length of its state; how far back it remembers its first input"),
        Meaning(("bins", "effect"), "numbers", "the norm, and the effect of a changed first input, bin by bin of time"),
        Meaning(
            ("steps", "largest_after", "steps_to_tenth", "steps_to_hundredth", "last"),
            "numbers",
            "steps watched; until the effect is largest, under a tenth, a hundredth of that; its share at the end",
        ),
        Meaning(("problem",), "words", "why there is no figure for the reach"),
        Meaning(("gates",), "parts", "each gate, with `--gates`: its mean, also bin by bin; of the candidate its size"),
        Meaning(("open", "closed"), "numbers", "the share of a gate's values above 0.9; below 0.1"),
    ),
    "`reach`": (
        Meaning(
            ("seed", "seeds", "failed"), "numbers", "of a run; how many are run; how many of them have a `problem`"
        ),
        Meaning(("init",), "words", "how weights are drawn: `keras`, `torch`, `uniform`; `null` with those of a file"),
        Meaning(
            ("spectral_radius",), "numbers", "of the recurrent kernel; of its candidate's block, if there are several"
        ),
        Meaning(("curve",), "words", "the `effect` in characters, as the screen shows it"),
        Meaning(("runs",), "parts", "what was found with each seed; above them the medians"),
    ),
    "`explain`": (
        Meaning(
            ("equations", "notes", "states"), "parts", "of a layer: a step, what is worth knowing, what it carries on"
        ),
        Meaning(("text", "means", "topic"), "words", "of an equation, a note or a reason"),
        Meaning(("symbol",), "code", "what a weight is called in the equations"),
        Meaning(("formula",), "parts", "how a count comes about: `words`, `numbers`, `value`"),
        Meaning(("words", "numbers"), "words", "a formula in words, and in numbers"),
        Meaning(("value",), "numbers", "what a formula, or another tool, comes to; `null` is unknown"),
        Meaning(("start",), "words", "how a weight starts: zeros, orthogonal, Glorot uniform"),
        Meaning(("limit",), "numbers", "the bound of a uniform start; `null` if it is none"),
        Meaning(
            ("other_params", "other_total_params"), "numbers", "the other framework's counts; `null` if it has none"
        ),
    ),
    "`explain --others`": (
        Meaning(("other_tools",), "parts", "what other tools count of the network"),
        Meaning(("tool", "version", "counts"), "words", "the tool, its version, and what it says it counts"),
        Meaning(("needs",), "words", "the option that would make an unknown count known"),
    ),
    "`compare`": (
        Meaning(
            ("difference", "ratio"),
            "numbers",
            "how much more than the first network's, and how many times; by figure, `macs_ratio`",
        ),
        Meaning(
            ("reasons",),
            "parts",
            "why `params` differ from the first network's, or a tool's count; they add up",
        ),
        Meaning(("roles",), "parts", "which weights a reason makes more, each with its `role`"),
        Meaning(("role",), "words", "what a weight does: kernel, recurrent, bias, table, scale"),
    ),
    "`inspect`": (
        Meaning(("file",), "code", "the path of a model file"),
        Meaning(("format", "writer"), "words", "its kind, and who wrote it as far as it says"),
        Meaning(("parts", "others"), "parts", "its recurrent parts that the language has words for; all other arrays"),
        Meaning(("part",), "code", "the name of the part that an array is in"),
        Meaning(("share",), "numbers", "of a part, of all numbers in the file"),
    ),
    "`sweep`, `solve`": (
        Meaning(("number",), "numbers", "what stands for the blank of a template, or for a factor of an axis"),
        Meaning(("blanks",), "parts", "the `name` and `number` of each blank"),
        Meaning(("ties",), "numbers", "how many other numbers for the blanks make as many parameters"),
        Meaning(("exact",), "words", "whether it costs exactly what the budget allows"),
        Meaning(("limited_by",), "words", "the limits that the next larger network would exceed"),
        Meaning(
            ("max_params", "max_bytes", "max_macs", "max_output_bytes", "max_streaming_bytes", "max_training_bytes"),
            "numbers",
            "the budget; `null` is no limit",
        ),
    ),
}
"""What each key means, by what it is told of."""

MEANINGS = tuple(meaning for group in GROUPS.values() for meaning in group)
"""What each key means."""

KEYS: Mapping[str, Meaning] = {key: meaning for meaning in MEANINGS for key in meaning.keys}
"""What each key means, by the key."""

_BY_FIGURE = ("difference", "ratio", "min", "max")
"""Keys that JSON holds by figure; a column is named after both: `macs_difference`."""


def meaning_of(column: str) -> Meaning:
    """Return what a column of a table means.

    Raises:
        KeyError: the word is not in the vocabulary.
    """
    figure, _, change = column.rpartition("_")
    return KEYS[change if change in _BY_FIGURE and figure in KEYS else column]


def title(key: str) -> str:
    """Return what the screen calls a figure; a key that no screen has says it itself.

    Raises:
        KeyError: the word is not in the vocabulary.
    """
    return meaning_of(key).title or key.replace("_", " ").capitalize()
