"""C code: library functions, templates, lines and constant arrays, and the lines of each kind of layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from string import Template
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.export.plan import Step
from rnncli.layers.python_call import number
from rnncli.quantities import features_of, plural
from rnncli.system import package_text

if TYPE_CHECKING:
    from rnncli.engine.activations import Array
    from rnncli.export.c import CSource

INDENT = "    "
WIDTH = 100
"""The width of a line."""

_, *_PARTS = package_text("export/functions.c").split("\n//= ")

SECTIONS: Mapping[str, str] = {name: text.strip("\n") for name, _, text in (part.partition("\n") for part in _PARTS)}
"""The sections of `functions.c`."""

_EACH = r"static inline void \1(\2, int size)\n{\n    for (int j = 0; j < size; j++) {\n        \3\n    }\n}\n"


def used_in(text: str, dtype: str) -> str:
    """Return the library functions and types that the text uses, directly or indirectly, in order."""
    library = "\n\n".join(SECTIONS[section] for section in ("functions", dtype, "layers"))
    library = re.sub(r"^(\w+)\((.+)\): (.+)", _EACH, library, flags=re.MULTILINE)
    found, words = "", _words(text)
    for code in reversed(re.split("\n\n+", library)):
        (name,) = re.findall(r"^(?:static|typedef) .*?(\w+)(?:\(|;$)", code, re.MULTILINE)
        if name in words:
            found, words = f"{code}\n\n{found}", words | _words(code)
    return found


def _words(code: str) -> set[str]:
    """Return the words of some code without its comments."""
    return {*re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL))}


# Lines are written without indentation, which `laid_out` adds


def filled(section: str, words: Mapping[str, object]) -> list[str]:
    """Return the lines of a section of `functions.c` with each $word substituted."""
    return substituted(SECTIONS[section].splitlines(), words)


def substituted(template: Iterable[str], words: Mapping[str, object]) -> list[str]:
    """Return the lines of a template with each $word substituted; see `functions.c` for `//?`.

    A list of lines is for a $word that is alone on its line.
    """
    lines = list[str]()
    for line, _, condition in (each.strip().partition("//? ") for each in template):
        if condition and bool(words[condition.lstrip("!")]) == condition.startswith("!"):
            continue
        line = line.rstrip()
        alone = words.get(line.removeprefix("$"))
        more = alone if isinstance(alone, list) else [Template(line).substitute(words)]
        if lines and lines[-1].endswith(","):
            more = [f"{lines.pop()} {more[0]}"]
        lines += more
    return lines


def laid_out(lines: Iterable[str]) -> str:
    """Return lines as formatted source: indented by their braces, with long lines wrapped."""
    found, depth = [], 0
    for line in lines:
        depth -= line.startswith("}")
        found.append(_wrapped(INDENT * depth, line) if line else "")
        depth += line.endswith("{")
    return "\n".join(found)


def _wrapped(room: str, line: str) -> str:
    """Return a comment wrapped, or a long declaration or call with its arguments aligned, if there is room."""
    if line.startswith("/*"):
        return "\n".join(wrap(room + line, WIDTH, subsequent_indent=f"{room}   ", break_long_words=False))
    joined = re.sub("(?<!,) ", "\xa0", room + line)  # so that it is only broken at commas
    if joined.find(" ") > WIDTH:  # not even the first argument fits
        joined = re.sub(r"(?<=\w)\(", "( ", joined, count=1)
    longest = max(map(len, joined.split(" ")[1:]), default=0)
    aligned = " " * min(len(re.sub(r"(?<=\w\().*", "", joined)), WIDTH - longest)
    return "\n".join(wrap(joined, WIDTH, subsequent_indent=aligned, break_long_words=False)).replace("\xa0", " ")


def call(name: str, *arguments: object) -> str:
    """Return the line that calls a function."""
    return f"{name}({', '.join(map(str, arguments))});"


# Arrays


def array_lines(key: str, array: Array) -> Iterator[str]:
    """Yield the lines of a constant array, with the fewest digits that read back as the same numbers."""
    kind, end = ("int8_t", ",") if array.dtype == "int8" else ("float", "f,")
    text = f"{end} ".join(map(str, array.ravel())) + end
    yield f"/* {key} ({', '.join(map(str, array.shape))}) */"
    yield f"ALIGNED static const {kind} {key.replace('/', '_')}[{array.size}] = {{"
    text = text.replace("inff", "INFINITY").replace("nanf", "NAN")
    yield from (INDENT + line for line in re.findall(rf"(.{{1,{WIDTH - len(INDENT)}}})(?: |$)", text))
    yield from ("};", "")


def quantised(array: Array) -> tuple[Array, Array]:
    """Return a matrix or table as int8, and the float scale of each column."""
    # The negative of 127 is an int8, too; that of -128 is not.
    scale = np.abs(array).max(axis=tuple(range(array.ndim - 1))) / np.float32(127)
    scale[scale == 0] = 1
    return np.rint(array / scale).astype(np.int8), scale.astype(np.float32)


# Layers

ACTIVATE = "act_$activation($to, $size); //? activates"
SLIDE = "if (slide($window, &$count, $span, $least, $stride, $x, $reads)) { //? slides"

LAYERS: Mapping[str, tuple[str, ...]] = {
    "embed": ("$row",),
    "embed int8": ("unpack($to, $row, ${layer}_embeddings_scale, $size);", "$to"),
    "rnn": ("$cell", "$h"),
    "lstm": ("$cell", "$h"),
    "gru": ("$cell", "$h"),
    "conv": (SLIDE, "convolve($kernel, $bias, $width, $dilation, $reads, $size, $at, $to);", ACTIVATE, "$to"),
    "dense": ("affine($kernel, $bias, $reads, $size, $x, $to);", ACTIVATE, "$to"),
    "dropout": ("$x",),  # only active in training
    "norm": ("normalise($x, $size, $epsilon, $gamma, $beta, $to);", "$to"),
    "bnorm": ("standardise($x, $size, $epsilon, $gamma, $beta, $moving_mean, $moving_variance, $to);", "$to"),
    "act": ("copy($to, $x, $size); //? moves", ACTIVATE, "$to"),
    "repeat": ("$x",),
    "pool": (SLIDE, "$pooled($width, $size, $at, $to);", "$to"),
    "pool max": ("keep_largest($largest, $x, $size);", "$largest"),
    "pool avg": ("add($sum, $x, $size);", "$count++;", "$sum"),
    "flatten": ("append($vector, &$count, $timesteps, $x, $reads);", "$vector"),
}
"""Templates of the lines that run each kind of layer for a timestep, then of the vector that it returns.

A kind may have another row for int8, or for a layer that joins all timesteps into one vector.
"""

SCRATCH = "state->scratch"
"""Memory that is not kept between steps; at most one vector is at its front and one at its back."""


def variable(step: Step, name: str) -> str:
    """Return the C name of a weight or state of a layer: `lstm_kernel`, `bidirectional_forward_h`."""
    return f"{step.name}_{name}".replace("/", "_")


def layer_code(source: CSource, step: Step, x: str, to: str) -> tuple[list[str], str]:
    """Return a layer's lines, below a comment with its spec, and the expression for its output vector.

    Args:
        source: the C source that they are written into.
        step: the layer at its position.
        x: the expression for the input vector; for a window that looks ahead, its arguments.
        to: the expression for the output vector, if the layer computes one; empty to let the layer choose.
    """
    layer, words = step.layer, layer_words(source, step, x, to)
    rows = f"{layer.kind} {source.job.device.dtype}", f"{layer.kind} {layer.joins}", layer.kind
    *lines, output = substituted(next(LAYERS[row] for row in rows if row in LAYERS), words)
    if layer.states or layer.joins == "avg":
        effect = "which leaves the state as it is" if layer.states else "which is not counted"
        lines = filled("padding", {**words, "effect": effect, "lines": lines})
    return [f"/* {layer.spec()} */", *lines] if lines else [], output


def layer_words(source: CSource, step: Step, x: str, to: str = "") -> dict[str, Any]:
    """Return the values of a layer that its templates name; see `layer_code`."""
    layer, reads, size = step.layer, features_of(step.reads), features_of(step.returns)
    numbers, in_scratch = layer.step(step.reads), x.startswith(SCRATCH)

    def room(size: int) -> str:
        """Return the part of the scratch memory to write to while the input is still read."""
        start = source.scratch - size
        assert start >= reads * in_scratch, layer.spec()
        return f"{SCRATCH} + {start}" if x == SCRATCH else SCRATCH

    to = to or (x if numbers.in_place and in_scratch else room(numbers.output + numbers.unpacked * source.int8))
    words = {**source.words, **vars(layer), "masked": step.masked}
    words |= {"x": x, "to": to, "moves": to != x, "reads": reads, "size": size, "layer": step.name}
    words |= {"activates": layer.activations != ("linear",), "timesteps": step.reads[1]}
    words |= dict.fromkeys(("bias", "gamma", "beta"), "NULL")
    for weight in step.weights:
        name = variable(step, weight.name)
        words[weight.name] = f"MATRIX({name})" if source.int8 and weight.is_matrix else name
    words |= {name: f"state->{variable(step, name)}" for name in layer.carried(step.reads)}
    if layer.kind == "embed":  # in a table of one row, compilers see that any id but 0 is out of bounds, and warn
        words["row"] = f"{step.name}_embeddings" + f" + (size_t){x} * {size}" * (layer.vocabulary > 1)
    elif layer.kind in ("norm", "bnorm"):
        words["epsilon"] = f"{number(layer.epsilon)}f"
    elif layer.window is not None:
        window, slides = layer.window, not layer.looks_ahead
        words |= {"width": window.width, "dilation": window.dilation, "stride": window.stride}
        words |= {"span": window.span, "least": window.least_steps, "slides": slides}
        words["at"] = f"{words['window']}, {window.span}, 0" if slides else x
        words["pooled"] = "mean_of" if words.get("mode") == "avg" else "largest_of"
    elif layer.states:
        words["cell"] = cell_call(source, step, words | {"gates": room(numbers.gates)})
    return words


def cell_call(source: CSource, step: Step, words: dict[str, Any]) -> str:
    """Return the line that runs a recurrent cell for one timestep.

    Layers that differ only in their direction and in what they return share one function.
    """
    layer = replace(step.layer.trained(), return_sequences=False, go_backwards=False, merge_mode=None)
    kind, _, options = layer.spec().partition(":")
    name = re.sub(r"\W", "_", f"{kind}_{words['reads']}x{options}")
    own = {"cell": name, "spec": layer.spec(), "features": plural(words["reads"], "feature")}
    own["activate_gates"] = f"act_{layer.activations[-1]}".replace("softmax", "softmax_of_halves")
    own["held"], own["shown"] = (layer.proj_size, "g") if "projection_kernel" in words else ("units", "h")
    template = "gru reset before" if kind == "gru" and not layer.reset_after else kind
    function = filled(template, {**words, **own})
    source.cells[name] = [*function, ""]
    return call(name, *(words[parameter] for parameter in re.findall(r"(\w+)[,)]", function[1])))
