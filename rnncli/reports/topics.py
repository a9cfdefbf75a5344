"""Words that people have and no spec has: `macs`, `memory`, `gates`, `reach`; of frameworks `ndim`, `h_n`, `init`.

What is told of them is drawn from the network of an example: its explanation, its summary, the formulas of its sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from math import exp
from typing import NamedTuple

from rnncli.errors import listed
from rnncli.layers import LAYERS, LSTM
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION
from rnncli.layers.base import Note
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, starts_text
from rnncli.layers.words import in_both
from rnncli.network import Network
from rnncli.quantities import figure_text, shape_text
from rnncli.reports.explanation import explain
from rnncli.reports.sizes import sizes
from rnncli.summary import DTYPE_BYTES, UNTRAINED

_EXAMPLES = {layer.kind: f"input:8,{layer.kind}:16" for layer in LAYERS if layer.states}
_SPEC = _EXAMPLES["lstm"]
_TIMESTEPS = 100


class Topic(NamedTuple):
    """A thing that people ask about.

    Attributes:
        names: its names, the usual one first.
        means: what it is.
        facts: returns what is worth knowing about it.
        pasted: matches the errors of Keras and PyTorch that are about it; empty where none are.
    """

    names: tuple[str, ...]
    means: str
    facts: Callable[[], Iterator[Note]]
    pasted: str = ""


def _of_parameters() -> Iterator[Note]:
    for kind, spec in _EXAMPLES.items():
        total = explain(Network.parse(spec)).layers[-1].total
        assert total is not None
        yield Note(kind, f"{total.words} = {total.value:,} in {spec}")
    yield Note("Keras", "model.count_params()")
    yield Note("PyTorch", "sum(p.numel() for p in model.parameters()); its cells have two biases")
    yield Note("Shown", "rnncli summary SPEC; -q prints the number alone; rnncli explain SPEC says why")
    yield Note("Limit", "--params N in sweep and solve")


def _of_macs() -> Iterator[Note]:
    summary = Network.parse(_SPEC).summary(timesteps=_TIMESTEPS)
    yield Note("MACs/step", "for one vector that each layer reads")
    yield Note("MACs", "for the whole input: batch × timesteps × MACs/step of a layer that reads each step")
    yield Note("FLOPs", "2 × MACs, for a multiply-add is two operations")
    yield Note("Example", f"{_SPEC} has {summary.macs_per_step:,} a step, {summary.macs:,} for {_TIMESTEPS} timesteps")
    yield Note("Shown", f"rnncli summary SPEC --wide --timesteps {_TIMESTEPS}; --rate 50 adds MACs a second")
    yield Note("Others", "rnncli explain SPEC --others: what torchinfo, thop, fvcore and PyTorch count")
    yield Note("Limit", "--macs N in sweep and solve")


def _of_size(key: str) -> Callable[[], Iterator[Note]]:
    """Return what yields what is worth knowing about a size, by what JSON calls it."""
    option = {"total_bytes": "memory", "output_bytes": "outputs"}.get(key, key.removesuffix("_bytes"))

    def facts() -> Iterator[Note]:
        size = next(each for each in sizes(Network.parse(_SPEC).summary(1, _TIMESTEPS)) if each.key == key)
        assert size.value is not None
        text = f"{size.words} = {size.numbers} = {figure_text(key, size.value)}"
        yield Note("Formula", f"{text}, in {_SPEC} with {_TIMESTEPS} timesteps{size.note and f': {size.note}'}")
        dtype = "" if key == "training_bytes" else " --dtype int8"  # in which nobody trains
        yield Note("Shown", f"rnncli summary SPEC --wide --batch N --timesteps N{dtype}")
        yield Note("Limit", f"--{option} SIZE in sweep and solve")

    return facts


def _of_gates() -> Iterator[Note]:
    for kind in ("lstm", "gru"):
        gates = [each for each in explain(Network.parse(_EXAMPLES[kind])).layers[-1].equations if " gate" in each.means]
        yield Note(kind, "; ".join(f"{each.text.partition('_')[0]}, {each.means}" for each in gates))
    yield Note("Candidate", "what could be written, tanh and no gate; its weights lie beside those of the gates")
    yield Note("Shown", "rnncli layers lstm: the equations; rnncli forward SPEC --plot --gates: how open they are")


def _of_kernel() -> Iterator[Note]:
    for framework in FRAMEWORKS:
        weights = explain(Network.parse(_SPEC), framework=framework).layers[-1].weights
        names = [f"{weight.name} {shape_text(weight.shape)}" for weight, _ in weights]
        yield Note(FRAMEWORK_NAMES[framework], f"{listed(names)} in {_SPEC}")
    yield Note("Shown", "rnncli explain SPEC: each with its formula, and how it starts; rnncli summary SPEC --wide")


def _of_reach() -> Iterator[Note]:
    yield Note("Why", "a gradient goes the way back that a change goes forward: what dies out cannot be learned")
    yield Note("Shown", "rnncli reach SPEC SPEC: steps to a tenth and to a hundredth, over several seeds, side by side")
    yield Note("Radius", "of the recurrent kernel: above 1 effects may grow, far below 1 they die out")
    yield Note("Trained", "rnncli reach FILE: a model file with the weights in it")


def _of_tasks() -> Iterator[Note]:
    tasks = {
        "Many to one": "input:10x8,lstm:16,dense:1",
        "Many to many": "input:10x8,lstm:16:seq,dense:1",
        "One to many": "input:1x8,lstm:16,repeat:10,lstm:16:seq,dense:1",
        "Autoencoder": "input:10x8,lstm:16,repeat:10,lstm:16:seq,dense:8",
    }
    for name, spec in tasks.items():
        network = Network.parse(spec)
        reads, returns = network.summary().input_shape, network.summary().output_shape
        yield Note(name, f"{spec} returns {shape_text(returns)} for {shape_text(reads)}")
    yield Note(
        "Decoder", "reads the encoder's vector, repeated; a first state or earlier outputs it does not read here"
    )
    yield Note("Shown", "rnncli draw SPEC: which outputs leave")


def _of_dtypes() -> Iterator[Note]:
    for dtype, number in DTYPE_BYTES.items():
        size = Network.parse(_SPEC).summary(dtype=dtype).total_bytes
        of = " of a matrix" if dtype in UNTRAINED else ""
        yield Note(dtype, f"{number} B a number{of}: {figure_text('total_bytes', size)} for the parameters of {_SPEC}")
    yield Note(
        "Scales", "int8 is that of rnncli export --to c: each column of a matrix has a scale; all else is float32"
    )
    yield Note("Shown", "rnncli summary SPEC --wide --dtype int8")
    yield Note("Beside", "forward runs in float32 or float64")


def _of_shapes() -> Iterator[Note]:
    for spec in ("input:10x8,lstm:16:seq", "input:10x8,lstm:16", "embed:1000x32,lstm:16"):
        summary = Network.parse(spec).summary()
        yield Note(
            "Example", f"{spec} reads {shape_text(summary.input_shape)}, returns {shape_text(summary.output_shape)}"
        )
    yield Note("None", "is not known yet: --batch N and --timesteps N fill it in")
    yield Note("PyTorch", "the same with batch_first=True; without it (timesteps, batch, features)")
    yield Note("Shown", "rnncli summary SPEC; rnncli forward SPEC: the shapes that really come out")


def _of_tools() -> Iterator[Note]:
    yield Note("Shown", f"rnncli explain SPEC --others --timesteps {_TIMESTEPS}: what each counts, and why")
    yield Note("FLOPs", "2 × MACs; fvcore calls a multiply-add one FLOP")


_SEQ = in_both(LSTM, "return_sequences", True)


def _of_ndim() -> Iterator[Note]:
    yield Note(
        "3, found 2",
        f"the layer reads a sequence, and the one before it returned its last output alone: that one needs {_SEQ}",
    )
    yield Note("2, found 3", "the layer reads a vector, as repeat does: the one before it has to be without seq")
    yield Note("Numbers", "a sequence of plain numbers needs an axis for its one feature: x[..., None], here input:1")
    yield Note("PyTorch", "takes a matrix for one sequence without a batch, and says nothing")
    yield Note("Example", "rnncli summary input:8,lstm:16:seq,lstm:16")


def _of_last_states() -> Iterator[Note]:
    layers, directions, units = 2, 2, 16
    call = f"nn.LSTM(8, {units}, num_layers={layers}, bidirectional=True)"
    yield Note(
        "PyTorch", "(layers × directions, batch, units), of c_n too; with proj_size h_n has that in place of units"
    )
    yield Note(
        "Order", "layer 0 forward, layer 0 backward, layer 1 forward, …: h_n[-1] is the last one of the last layer"
    )
    yield Note("So", f"{call} has h_n and c_n of ({layers * directions}, batch, {units})")
    yield Note(
        "Keras",
        "return_state=True returns output, h and c of one layer, each (batch, units); of a Bidirectional the output, "
        "then h and c forward, h and c backward",
    )
    yield Note("Starting", "zeros; from other states with --state FILE.npz (initial_state, h_0 and c_0)")
    yield Note("Example", "rnncli forward input:8,lstm:16 --save-state state.npz")


def _of_output() -> Iterator[Note]:
    yield Note(
        "PyTorch", "output is that of every timestep, (batch, timesteps, directions × units) with batch_first=True"
    )
    yield Note("Here", f"as in Keras the last one alone, (batch, units), and that of every timestep with {_SEQ}")
    yield Note("h_n", "the same numbers: output[:, -1] is h_n[-1] of one direction, for the output of a cell is its h")
    yield Note(
        "bi",
        "the backward half of output[:, -1] comes of a single step; h_n has what comes of all of them, which stands in "
        "output[:, 0], and so has bi without seq",
    )
    yield Note("c_n", "is in no output: it never leaves the cell")
    yield Note("Example", "rnncli draw input:8,lstm:16:bi")


def _of_forget_bias() -> Iterator[Note]:
    keras, torch, steps = 1 / (1 + exp(-1)), 0.5, 10
    yield Note("Starts as", f"1 in Keras, so the gate lets {keras:.0%} through; about 0 in PyTorch, {torch:.0%}")
    yield Note(
        "Memory",
        f"the gate multiplies c at every step: after {steps} steps {keras**steps:.0%} is left in Keras and "
        f"{torch**steps:.1%} in PyTorch, before training",
    )
    yield Note("In PyTorch", "nn.init.ones_(lstm.bias_ih_l0[units : 2 * units]), for its gates are i, f, g, o")
    yield Note("Reach", "rnncli reach input:8,lstm:16 input:8,lstm:16:forgetbias=0")


def _of_padding() -> Iterator[Note]:
    yield Note(
        "Made by",
        "Keras's pad_sequences, which puts zeros before a short sample, behind it with padding='post'; PyTorch's "
        "nn.utils.rnn.pad_sequence puts them behind",
    )
    yield Note(
        "Skipped", "with mask on embed (id 0) or on input (a step of zeros); without it they are read as any step"
    )
    yield Note("Then", "the state stays as it was, and a sequence has the last output again, zeros before the first")
    yield Note("PyTorch's", "packed sequences have zeros at such steps, and h_n is that of each sample's own last step")
    yield Note("conv", "same and causal pad the ends of a sequence, so that it keeps its length")
    yield Note("Example", "rnncli explain embed:1000x32:mask,lstm:16:seq")


def _of_lengths() -> Iterator[Note]:
    yield Note("Weights", "the same at every step: parameters and MACs/step do not depend on the length")
    yield Note("A batch", "has one length, so that short samples are padded: rnncli layers padding")
    yield Note("Each its own", "with --lengths 5,3,7 of forward, as PyTorch computes packed sequences; or by a mask")
    yield Note("One for all", "with --timesteps N, or T in input:TxF; several of them, side by side, in compare")
    yield Note("Example", "rnncli forward input:8,lstm:16 --lengths 5,3,7")


def _of_packed() -> Iterator[Note]:
    yield Note("Makes", "pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)")
    yield Note("Returns", "a packed output, which pad_packed_sequence makes (batch, timesteps, …), zeros where padded")
    yield Note("h_n", "is that of each sample's own last step; the backward direction starts there")
    yield Note(
        "Keras", f"a mask: {in_both(LAYERS[1], 'mask_zero', True)} of embed; padded steps have the last output again"
    )
    yield Note("Here", "rnncli forward SPEC --lengths 5,3,7")
    yield Note("Source", "packs with --packed, and where the spec has a mask")
    yield Note("Example", "rnncli export input:8,lstm:16 --to torch --packed")


def _of_saturation() -> Iterator[Note]:
    yield Note("Why bad", "the activation is flat there: hardly any gradient comes through, and a unit is on or off")
    yield Note(
        "Comes of", "large sums before the activation: large weights or inputs, or weights that are all positive"
    )
    yield Note("Shown", "rnncli forward SPEC: the column Sat.; with --plot unit by unit, over time")
    yield Note(
        "Helps", "smaller weights (Glorot and orthogonal, as Keras starts), inputs of about −1 to 1, a norm before"
    )
    yield Note("Example", "rnncli forward input:8,rnn:32 --init uniform")


def _of_starts() -> Iterator[Note]:
    for framework in FRAMEWORKS:
        weights = {kind: list(Network.parse(spec).weights(framework))[-1] for kind, spec in _EXAMPLES.items()}
        starts = {kind: starts_text(each) for kind, each in weights.items()}
        for text, kinds in groupby(starts, key=starts.__getitem__):
            yield Note(FRAMEWORK_NAMES[framework], f"{listed(list(kinds))}: {text}")
    yield Note("A run", "forward draws Keras's; --init uniform draws from 0 to 1; --seed N draws others of them")
    yield Note("Example", "rnncli explain input:8,lstm:16 --framework torch")


def _of_peepholes() -> Iterator[Note]:
    units = 16
    yield Note("Here", "none: gates read x and h, as in Keras's and PyTorch's LSTM and in cuDNN")
    yield Note("With them", f"an LSTM would have 3 × units more parameters, {3 * units:,} of {units} units")
    yield Note("Files", "a cell of an ONNX file that has them (P) is named by inspect, and not read")
    yield Note("Example", "rnncli layers lstm")


def _of_activations() -> Iterator[Note]:
    for option in (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION):
        kinds = [layer for layer in LAYERS if option in layer.options]
        by_default = groupby(kinds, key=lambda layer: layer.default(option.attribute))
        usual = [f"{name} of {listed([layer.kind for layer in some])}" for name, some in by_default]
        yield Note(option.form, f"{option.means}; unless told {', '.join(usual)}")
    for name, activation in ACTIVATIONS.items():
        yield Note(name, activation.formula)
    yield Note("PyTorch", "cells have tanh, nn.RNN relu too; gates sigmoid")
    yield Note("Example", "rnncli summary input:8,lstm:16,dense:4:softmax")


def _of_concatenation() -> Iterator[Note]:
    yield Note("bi", "puts its two directions side by side (merge_mode='concat'): twice as many features")
    yield Note("Two inputs", "a layer that reads A and B features side by side reads A + B: input:24 for 8 and 16")
    yield Note("Branches", "there are none: a network is one row of layers; of a file each row is a part (inspect)")
    yield Note("Example", "rnncli summary input:8,lstm:16:bi")


_SIZES = "at --dtype, float32 unless told"

TOPICS = (
    Topic(
        ("parameters", "params", "parameter", "param", "weights", "total_params", "trainable_params", "num_params"),
        "the numbers that training changes; a recurrent layer has the same at every timestep",
        _of_parameters,
    ),
    Topic(
        ("macs", "mac", "macs_per_step", "mult_adds", "multadds"),
        "multiply-adds of the matrix products; to look up an id is none",
        _of_macs,
    ),
    Topic(
        ("flops", "flop", "gflops", "mflops"), "floating-point operations, two for each multiply-add (MAC)", _of_macs
    ),
    Topic(
        ("memory", "bytes", "model_size", "total_bytes"),
        f"the size of all parameters {_SIZES}",
        _of_size("total_bytes"),
    ),
    Topic(
        ("layer_outputs", "output_bytes"),
        f"the size of what all layers return for the batch and the timesteps, {_SIZES}",
        _of_size("output_bytes"),
    ),
    Topic(
        ("streaming", "streaming_bytes", "ram"),
        "what a step at a time needs beside the parameters, on a microcontroller: the input, the states of all layers, "
        "the gates of the largest, and the output",
        _of_size("streaming_bytes"),
    ),
    Topic(
        ("training", "training_bytes", "vram"),
        "the memory that training needs at least, with Adam and backpropagation through time; rnncli itself trains "
        "nothing, and the source that export writes can be trained",
        _of_size("training_bytes"),
    ),
    Topic(
        ("gates", "gate", "input_gate", "forget_gate", "output_gate", "update_gate", "reset_gate", "candidate"),
        "how much a cell writes, keeps and shows: a number from 0, closed, to 1, open, for each unit and timestep",
        _of_gates,
    ),
    Topic(
        ("kernel", "recurrent_kernel", "weight_ih", "weight_hh", "weight_ih_l0", "weight_hh_l0", "bias_ih", "bias_hh"),
        "the matrix W that a layer multiplies what it reads by; recurrent_kernel is U, that for its state h",
        _of_kernel,
    ),
    Topic(
        ("reach", "spectral_radius", "vanishing_gradient", "vanishing", "exploding_gradient", "exploding", "forget"),
        "how far back a network remembers: the steps until a small change of its first input has lost its effect",
        _of_reach,
    ),
    Topic(
        (
            *("many_to_one", "many_to_many", "one_to_many", "seq2seq", "sequence_to_sequence"),
            *("encoder", "decoder", "encoder_decoder", "autoencoder", "classification", "forecast"),
        ),
        "what goes in and what comes out: one vector or one for each timestep",
        _of_tasks,
    ),
    Topic(
        (*DTYPE_BYTES, "half", "fp16", "bf16", "quantization", "quantisation", "quantized"),
        "the type of numbers that sizes are in, of weights and outputs",
        _of_dtypes,
    ),
    Topic(
        ("shape", "shapes", "output_shape", "sequence", "sequences", "dimensions"),
        "(batch, timesteps, features) of a sequence, (batch, features) of one vector, (batch, timesteps) of ids",
        _of_shapes,
        r"expected axis -?\d|to have value \d|must be equal to input_size|shapes cannot be multiplied",
    ),
    Topic(
        ("torchinfo", "thop", "fvcore", "flopcountermode"),
        "a tool that counts models of PyTorch, each in its own way",
        _of_tools,
    ),
    Topic(
        ("ndim", "dim", "ndims", "rank", "incompatible"),
        "how many axes an array has: 3 for sequences, (batch, timesteps, features), 2 for vectors, (batch, features)",
        _of_ndim,
        r"ndim ?=|Expected input to be \d?D",
    ),
    Topic(
        (
            *("h_n", "c_n", "hn", "cn", "return_state", "hidden_state", "cell_state", "state", "states"),
            *("last_state", "last_states", "final_state", "final_states", "hidden"),
        ),
        "the states after the last step: h_n, and of an LSTM c_n, too (Keras: return_state=True)",
        _of_last_states,
        r"Expected hidden(\[\d\])? size",
    ),
    Topic(
        ("output", "outputs", "last_output", "output_vs_hidden"),
        "what a recurrent layer returns, its h: of every timestep, or of the last one alone",
        _of_output,
    ),
    Topic(
        ("forgetbias", "forget_bias", "unit_forget_bias"),
        "how the bias of the forget gate starts",
        _of_forget_bias,
    ),
    Topic(
        (
            *("padding", "pad", "padded", "pad_sequences", "pad_sequence", "mask", "masking", "mask_value"),
            "padding_idx",
        ),
        "steps that fill a short sample up to the length of its batch, for an array has one length",
        _of_padding,
    ),
    Topic(
        (
            *("lengths", "length", "seq_lengths", "sequence_length", "sequence_lengths", "input_length", "seq_len"),
            *("variable_length", "ragged"),
        ),
        "how many timesteps a sample has; samples may differ",
        _of_lengths,
    ),
    Topic(
        ("packed", "pack", "pack_padded_sequence", "pad_packed_sequence", "packed_sequence", "enforce_sorted"),
        "PyTorch's way not to compute at padded steps: the samples' real steps in one array, and how many there are",
        _of_packed,
    ),
    Topic(
        ("saturated", "saturation", "saturate", "sat", "dead"),
        "an output at an end of its activation's range: beyond ±0.97 of tanh, below 0.015 or above 0.985 of sigmoid",
        _of_saturation,
    ),
    Topic(
        (
            *("init", "initializer", "initializers", "initialization", "initialisation", "glorot", "xavier"),
            *("orthogonal", "kernel_initializer", "recurrent_initializer", "bias_initializer"),
        ),
        "how weights start, before any training",
        _of_starts,
    ),
    Topic(
        ("peephole", "peepholes", "use_peepholes"),
        "weights by which the gates of an LSTM read its cell state c as well (Gers and Schmidhuber, 2000)",
        _of_peepholes,
    ),
    Topic(
        ("activations", "nonlinearities", "activation_function", "activation_functions"),
        "the function at the end of a layer, and that of the gates; a field of the layer",
        _of_activations,
    ),
    Topic(
        ("concatenate", "concatenation", "merge", "cat", "concat_layer"),
        "arrays side by side, so that their features add up",
        _of_concatenation,
    ),
)
"""All topics."""

TOPIC_OF: Mapping[str, Topic] = {name: topic for topic in TOPICS for name in topic.names}
"""Each topic by each of its names."""
