"""Words for what is counted, sized and carried, which are none of a spec: `macs`, `memory`, `gates`, `kernel`, `reach`.

What is told of them is drawn from the network of an example: its explanation, its summary, the formulas of its sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from rnncli.errors import listed
from rnncli.layers import LAYERS
from rnncli.layers.base import Note
from rnncli.layers.weights import FRAMEWORK_NAMES, FRAMEWORKS
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
    """

    names: tuple[str, ...]
    means: str
    facts: Callable[[], Iterator[Note]]


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
    ),
    Topic(
        ("torchinfo", "thop", "fvcore", "flopcountermode"),
        "a tool that counts models of PyTorch, each in its own way",
        _of_tools,
    ),
)
"""All topics."""

TOPIC_OF: Mapping[str, Topic] = {name: topic for topic in TOPICS for name in topic.names}
"""Each topic by each of its names."""
