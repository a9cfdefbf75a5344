"""Terms that people look up but that are not part of a spec: `macs`, `memory`, `gates`, `reach`, `ndim`, `h_n`, `init`.

Each has a text, in which braces are filled in from an example network: its explanation, its summary and the formulas of
its sizes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby

from rnncli.errors import listed
from rnncli.immutable import NamedTuple
from rnncli.layers import LAYERS, LSTM, Embedding, Layer
from rnncli.layers.activations import ACTIVATION_OPTION, ACTIVATIONS, GATE_ACTIVATION_OPTION
from rnncli.layers.base import Remark
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS, starts_text
from rnncli.layers.words import in_both
from rnncli.network import Network
from rnncli.quantities import figure_text, shape_text
from rnncli.reports.explanation import explain, sizes
from rnncli.search.budget import FIGURES
from rnncli.summary import DTYPE_BYTES, UNTRAINED

_EXAMPLES = {layer.kind: f"input:8,{layer.kind}:16" for layer in LAYERS if layer.states}
_SPEC = _EXAMPLES["lstm"]
_TIMESTEPS = 100

_TEXT = """
parameters, params, parameter, param, weights, total_params, trainable_params, num_params
= the numbers that training changes; a recurrent layer uses the same ones at every timestep
- {parameters}
- Keras: model.count_params()
- PyTorch: sum(p.numel() for p in model.parameters()); its cells have two biases
- Shown: rnncli summary SPEC; -q prints only the number; rnncli explain SPEC: where it comes from
- Limit: --params N in sweep and solve

macs, mac, macs_per_step, macs/step, macs_per_second, macs/s, mult_adds, multadds
= multiply-adds of the matrix products; looking up an id costs none
- MACs/step: for one vector at the input of each layer
- MACs: for the whole input: batch × timesteps × MACs/step for a layer that reads every step
- FLOPs: 2 × MACs, because a multiply-add is two operations
- Example: input:8,lstm:16 has {macs_per_step} per step, {macs} for 100 timesteps
- Shown: rnncli summary SPEC --wide --timesteps 100; --rate 50 adds MACs per second
- Others: rnncli explain SPEC --others: what torchinfo, thop, fvcore and PyTorch count
- Limit: --macs N in sweep and solve

flops, flop, gflops, mflops
= floating-point operations, two for each multiply-add (MAC)
- {flops}

memory, bytes, model_size, total_bytes
= the size of all parameters at --dtype, float32 by default
- {total_bytes}

layer_outputs, output_bytes
= the size of the outputs of all layers for the batch and the timesteps, at --dtype, float32 by default
- {output_bytes}

streaming, streaming_bytes, ram
= the memory besides the parameters to run one step at a time, as on a microcontroller: the input, the states of all
  layers, the gates of the largest layer, and the output
- {streaming_bytes}

training, training_bytes, training_at_least, vram
= the minimum memory for training with Adam and backpropagation through time; rnncli does not train, but the source
  that export writes can be trained
- {training_bytes}

gates, gate, input_gate, forget_gate, output_gate, update_gate, reset_gate, candidate
= how much a cell writes, keeps and outputs: a number from 0, closed, to 1, open, for each unit and timestep
- {gates}
- Candidate: the new value that could be written; it is tanh, not a gate, but its weights are stored with the gates'
- Shown: rnncli layers lstm: the equations; rnncli forward SPEC --plot --gates: how open they are

kernel, recurrent_kernel, weight_ih, weight_hh, weight_ih_l0, weight_hh_l0, bias_ih, bias_hh
= the matrix W that multiplies a layer's input; recurrent_kernel is U, which multiplies its state h
- {kernel}
- Shown: rnncli explain SPEC: formula and initialiser of each weight; rnncli summary SPEC --wide

reach, spectral_radius, radius, to_a_tenth, to_a_hundredth, largest_after, vanishing_gradient, vanishing,
  exploding_gradient, exploding, forget
= how far back a network remembers: the number of steps until a small change of its first input has almost no effect
- Why: gradients flow back along the same path: what dies out on the way cannot be learned
- Shown: rnncli reach SPEC SPEC: steps to a tenth and to a hundredth, over several seeds, side by side
- Radius: of the recurrent kernel: above 1 effects may grow, far below 1 they die out
- Trained: rnncli reach FILE: for a model file, with its own weights

many_to_one, many_to_many, one_to_many, seq2seq, sequence_to_sequence, encoder, decoder, encoder_decoder, autoencoder,
  classification, forecast
= whether input and output are one vector or one vector per timestep
- Many to one: input:10x8,lstm:16,dense:1 returns {output_shape} for {input_shape}
- Many to many: input:10x8,lstm:16:seq,dense:1 returns {output_shape} for {input_shape}
- One to many: input:1x8,lstm:16,repeat:10,lstm:16:seq,dense:1 returns {output_shape} for {input_shape}
- Autoencoder: input:10x8,lstm:16,repeat:10,lstm:16:seq,dense:8 returns {output_shape} for {input_shape}
- Decoder: reads the repeated vector of the encoder, never its own earlier outputs; forward --state sets its first state
- Shown: rnncli draw SPEC: which outputs are returned

float16, bfloat16, float32, float64, int8, half, fp16, bf16, quantization, quantisation, quantized
= the data type of weights and outputs, for sizes in bytes
- {dtypes}
- Scales: int8 means the int8 of rnncli export --to c: each column of a matrix has a scale; all else is float32
- Shown: rnncli summary SPEC --wide --dtype int8
- Runs: forward computes in float32 or float64

shape, shapes, output_shape, sequence, sequences, dimensions
= (batch, timesteps, features) for a sequence, (batch, features) for a vector, (batch, timesteps) for ids
- Example: input:10x8,lstm:16:seq reads {input_shape}, returns {output_shape}
- Example: input:10x8,lstm:16 reads {input_shape}, returns {output_shape}
- Example: embed:1000x32,lstm:16 reads {input_shape}, returns {output_shape}
- None: means that the size is not known yet: --batch N and --timesteps N set it
- PyTorch: the same with batch_first=True; without it (timesteps, batch, features)
- Shown: rnncli summary SPEC; rnncli forward SPEC: the actual shapes

torchinfo, thop, fvcore, flopcountermode
= a tool that counts the operations of PyTorch models, each in its own way
- Shown: rnncli explain SPEC --others --timesteps 100: what each counts, and why
- FLOPs: 2 × MACs; fvcore calls a multiply-add one FLOP

ndim, dim, ndims, rank, incompatible
= the number of axes of an array: 3 for sequences, (batch, timesteps, features), 2 for vectors, (batch, features)
- 3, found 2: the layer reads a sequence, but the layer before it returned only its last output: that one needs {seq}
- 2, found 3: the layer reads a vector, such as repeat does: the layer before it must not have seq
- Numbers: a sequence of plain numbers needs an axis for its one feature: x[..., None], here input:1
- PyTorch: silently takes a matrix for one sequence without a batch
- Example: rnncli summary input:8,lstm:16:seq,lstm:16

h_n, c_n, hn, cn, ht, ct, return_state, hidden_state, cell_state, state, states, last_state, last_states, final_state,
  final_states, hidden
= the states after the last step: h_n, and for an LSTM also c_n (Keras: return_state=True)
- PyTorch: (layers × directions, batch, units), also for c_n; with proj_size the last axis of h_n is proj_size
- Order: layer 0 forward, layer 0 backward, layer 1 forward, …: h_n[-1] is the last one of the last layer
- So: nn.LSTM(8, 16, num_layers=2, bidirectional=True) has h_n and c_n of (4, batch, 16)
- Keras: return_state=True returns output, h and c of one layer, each (batch, units); a Bidirectional returns the
  output, then h and c forward, h and c backward
- Initial: zeros; other states with --state FILE.npz (initial_state, h_0 and c_0)
- Example: rnncli forward input:8,lstm:16 --save-state state.npz

output, outputs, last_output, output_vs_hidden
= what a recurrent layer returns: its h at every timestep, or only at the last one
- PyTorch: output has every timestep, (batch, timesteps, directions × units) with batch_first=True
- Here: as in Keras, only the last output, (batch, units), or every output with {seq}
- h_n: the same numbers: with one direction output[:, -1] is h_n[-1], because a cell's output is its h
- bi: the backward half of output[:, -1] has read only one step; h_n has read all of them, and so has
  output[:, 0], and bi without seq
- c_n: is not part of any output: it never leaves the cell
- Example: rnncli draw input:8,lstm:16:bi

forgetbias, forget_bias, unit_forget_bias
= the initial value of the forget gate's bias
- Starts as: 1 in Keras, so the gate lets 73% through; about 0 in PyTorch, 50%
- Memory: the gate multiplies c at every step: after 10 steps 4% is left in Keras and 0.1% in PyTorch, before training
- In PyTorch: nn.init.ones_(lstm.bias_ih_l0[units : 2 * units]), because its gates are i, f, g, o
- Example: rnncli reach input:8,lstm:16 input:8,lstm:16:forgetbias=0

padding, pad, padded, pad_sequences, pad_sequence, mask, masking, mask_value, padding_idx
= steps that extend a short sample to the length of its batch, because an array has one length
- Made by: Keras's pad_sequences, which puts zeros before a short sample, or after it with padding='post'; PyTorch's
  nn.utils.rnn.pad_sequence puts them after it
- Skipped: with mask on embed (id 0) or on input (a step of zeros); without it they are read like any other step
- Then: the state does not change, and a returned sequence repeats the last output, or zeros before the first
- PyTorch's: packed sequences return zeros at such steps, and h_n is from each sample's own last step
- conv: same and causal pad the ends of a sequence, so that it keeps its length: rnncli layers window
- Example: rnncli explain embed:1000x32:mask,lstm:16:seq

window, windows, window_size, receptive_field, convolution, downsampling, downsample, channels_first, channels_last,
  data_format, channels, valid, same, causal, stride, strides, dilation, dilation_rate
= the timesteps that a convolution or a pool reads at once as it moves along the sequence
- Length: (T - K) / stride + 1 windows, rounded down, of K timesteps each, without padding
- valid: no padding, so the sequence gets shorter
- same: zeros on both sides: T / stride, rounded up
- causal: as many zeros, all in front, so that no output sees a later timestep: it can run on a stream
- dilation: distance in timesteps between those in the window: K of them span dilation × (K - 1) + 1
- Receptive: field: how far back one output sees; a recurrent layer sees all earlier steps: rnncli reach
- PyTorch: Conv1d, MaxPool1d and BatchNorm1d read (batch, features, timesteps): x.transpose(1, 2)
- Example: rnncli explain input:100x8,conv:16x5:stride=2,pool:max:2,lstm:16

lengths, length, seq_lengths, sequence_length, sequence_lengths, input_length, seq_len, variable_length, ragged
= the number of timesteps of a sample; samples may differ
- Weights: the same at every step: parameters and MACs/step do not depend on the length
- A batch: has one length, so short samples are padded: rnncli layers padding
- Per sample: with --lengths 5,3,7 in forward, as PyTorch computes packed sequences; or with a mask
- For all: with --timesteps N, or T in input:TxF; compare shows several of them side by side
- Example: rnncli forward input:8,lstm:16 --lengths 5,3,7

packed, pack, pack_padded_sequence, pad_packed_sequence, packed_sequence, enforce_sorted
= PyTorch's way to skip padded steps: one array with only the real steps of all samples, and their lengths
- Call: pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
- Returns: a packed output; pad_packed_sequence turns it into (batch, timesteps, …) with zeros where padded
- h_n: is from each sample's own last step; the backward direction starts there
- Keras: a mask: {mask} of embed; padded steps repeat the last output
- Here: rnncli forward SPEC --lengths 5,3,7
- Source: is packed with --packed, and if the spec has a mask
- Example: rnncli export input:8,lstm:16 --to torch --packed

saturated, saturation, saturate, sat, dead
= an output near the end of its activation's range: beyond ±0.97 for tanh, below 0.015 or above 0.985 for sigmoid
- Why bad: the activation is flat there: almost no gradient passes, and the unit is stuck on or off
- Cause: large sums before the activation: large weights or inputs, or weights that are all positive
- Shown: rnncli forward SPEC: the column Sat.; with --plot per unit, over time
- Helps: smaller weights (Glorot and orthogonal, as in Keras), inputs of about −1 to 1, a norm before the layer
- Example: rnncli forward input:8,rnn:32 --init uniform

init, initializer, initializers, initialization, initialisation, glorot, xavier, orthogonal, glorot_uniform,
  kernel_initializer, recurrent_initializer, bias_initializer
= how weights are drawn before training
- {starts}
- A run: forward uses Keras's initialisers; --init uniform draws from 0 to 1; --seed N changes the draw
- Example: rnncli explain input:8,lstm:16 --framework torch

peephole, peepholes, use_peepholes
= weights through which the gates of an LSTM also read its cell state c (Gers and Schmidhuber, 2000)
- Here: not supported: gates read x and h, as in Keras's and PyTorch's LSTM and in cuDNN
- With them: an LSTM would have 3 × units more parameters, 48 for 16 units
- Files: inspect reports ONNX cells that have them (P), but does not read them
- Example: rnncli layers lstm

activations, nonlinearities, activation_function, activation_functions
= the function at the output of a layer, or of its gates; a field of the layer
- {activations}
- PyTorch: cells have tanh, nn.RNN also relu; gates have sigmoid
- Example: rnncli summary input:8,lstm:16,dense:4:softmax

concatenate, concatenation, merge, cat, concat, concat_layer, merge_mode
= arrays side by side, so that their features add up
- bi: puts its two directions side by side (merge_mode='concat'): twice as many features
- Two inputs: a layer that reads A and B features side by side reads A + B: input:24 for 8 and 16
- Branches: are not supported: a network is one row of layers; in a file each row is a part (inspect)
- Example: rnncli summary input:8,lstm:16:bi
"""
"""The topics: the names of each, the usual one first; after =, its definition; then notes about it."""

_FIELDS: Mapping[str, tuple[type[Layer], str]] = {"seq": (LSTM, "return_sequences"), "mask": (Embedding, "mask_zero")}
"""The names in braces that become a field in both spellings: `seq (return_sequences=True)`."""

PASTED = {
    "shape": r"expected axis -?\d|to have value \d|must be equal to input_size|shapes cannot be multiplied",
    "ndim": r"ndim ?=|Expected input to be \d?D",
    "h_n": r"Expected hidden(\[\d\])? size",
}
"""The topic of an error message of Keras or PyTorch: what to search for in it."""


class Topic(NamedTuple):
    """A term that people look up.

    Attributes:
        names: its names, the usual one first.
        means: its definition.
        notes: the notes about it, as written above.
    """

    names: tuple[str, ...]
    means: str
    notes: tuple[str, ...]

    def facts(self) -> Iterator[Remark]:
        """Yield the notes, with everything in braces filled in."""
        for note in self.notes:
            topic, _, text = note.partition(": ")
            if text:
                spec = text.split()[0]
                yield Remark(topic, re.sub("{(.+?)}", partial(_word, spec), text))
            else:
                yield from _FACTS[note.strip("{}")]()


def _parsed(text: str) -> Iterator[Topic]:
    for topic in text.strip().replace("\n  ", " ").split("\n\n"):
        names, means, *notes = topic.splitlines()
        texts = tuple(note.removeprefix("- ") for note in notes)
        yield Topic(tuple(names.split(", ")), means.removeprefix("= "), texts)


def _word(spec: str, name: re.Match[str]) -> str:
    """Return the text for a name in braces within a line; the line starts with the spec that it is about."""
    if name[1] in _FIELDS:
        return in_both(*_FIELDS[name[1]], True)
    summary = Network.parse(spec).summary(timesteps=_TIMESTEPS if name[1] == "macs" else None)
    value = getattr(summary, name[1])
    return shape_text(value) if isinstance(value, tuple) else f"{value:,}"


def _of_parameters() -> Iterator[Remark]:
    for kind, spec in _EXAMPLES.items():
        total = explain(Network.parse(spec)).layers[-1].total
        assert total is not None
        yield Remark(kind, f"{total.words} = {total.value:,} in {spec}")


def _of_size(key: str, option: str) -> Iterator[Remark]:
    """Yield the notes about a size, given its JSON key and the option that limits it."""
    size = next(each for each in sizes(Network.parse(_SPEC).summary(1, _TIMESTEPS)) if each.key == key)
    assert size.value is not None
    text = f"{size.words} = {size.numbers} = {figure_text(key, size.value)}"
    yield Remark("Formula", f"{text}, in {_SPEC} with {_TIMESTEPS} timesteps{size.note and f': {size.note}'}")
    dtype = "" if key == "training_bytes" else " --dtype int8"  # training is not done in int8
    yield Remark("Shown", f"rnncli summary SPEC --wide --batch N --timesteps N{dtype}")
    yield Remark("Limit", f"--{option} SIZE in sweep and solve")


def _of_gates() -> Iterator[Remark]:
    for kind in ("lstm", "gru"):
        gates = [each for each in explain(Network.parse(_EXAMPLES[kind])).layers[-1].equations if " gate" in each.means]
        yield Remark(kind, "; ".join(f"{each.text.partition('_')[0]}, {each.means}" for each in gates))


def _of_kernel() -> Iterator[Remark]:
    for framework in FRAMEWORKS:
        weights = explain(Network.parse(_SPEC), framework=framework).layers[-1].weights
        names = [f"{weight.name} {shape_text(weight.shape)}" for weight, _ in weights]
        yield Remark(FRAMEWORK_NAMES[framework], f"{listed(names)} in {_SPEC}")


def _of_dtypes() -> Iterator[Remark]:
    for dtype, number in DTYPE_BYTES.items():
        size = Network.parse(_SPEC).summary(dtype=dtype).total_bytes
        of = " in a matrix" if dtype in UNTRAINED else ""
        yield Remark(dtype, f"{number} B each{of}: {figure_text('total_bytes', size)} for the parameters of {_SPEC}")


def _of_starts() -> Iterator[Remark]:
    for framework in FRAMEWORKS:
        weights = {kind: list(Network.parse(spec).weights(framework))[-1] for kind, spec in _EXAMPLES.items()}
        starts = {kind: starts_text(each) for kind, each in weights.items()}
        for text, kinds in groupby(starts, key=starts.__getitem__):
            yield Remark(FRAMEWORK_NAMES[framework], f"{listed(list(kinds))}: {text}")


def _of_activations() -> Iterator[Remark]:
    for option in (ACTIVATION_OPTION, GATE_ACTIVATION_OPTION):
        kinds = [layer for layer in LAYERS if option in layer.options]
        by_default = groupby(kinds, key=lambda layer: layer.default(option.attribute))
        usual = [f"{name} for {listed([layer.kind for layer in some])}" for name, some in by_default]
        yield Remark(option.form, f"{option.means}; by default {', '.join(usual)}")
    yield from (Remark(name, activation.formula) for name, activation in ACTIVATIONS.items())


_FACTS: Mapping[str, Callable[[], Iterator[Remark]]] = {
    "parameters": _of_parameters,
    "flops": lambda: TOPIC_OF["macs"].facts(),
    **{figure.key: partial(_of_size, figure.key, figure.name) for figure in FIGURES if figure.in_bytes},
    "gates": _of_gates,
    "kernel": _of_kernel,
    "dtypes": _of_dtypes,
    "starts": _of_starts,
    "activations": _of_activations,
}
"""The notes for a name in braces that is a line of its own above."""

TOPICS = tuple(_parsed(_TEXT))
"""All topics."""

TOPIC_OF: Mapping[str, Topic] = {name: topic for topic in TOPICS for name in topic.names}
"""Each topic by each of its names."""
