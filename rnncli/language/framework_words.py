"""Terms of Keras and PyTorch that are not part of a spec, with their equivalents here; and their error messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rnncli.errors import SpecError, closest
from rnncli.immutable import NamedTuple
from rnncli.layers import GRU, LSTM, Embedding
from rnncli.layers.words import in_both
from rnncli.system import package_text

_LAST_STATES = "`rnncli forward --save-state FILE.npz` writes them"
_STATES = f"Keras returns the last states with return_state=True, PyTorch as h_n and c_n: {_LAST_STATES}"
_FIRST_STATES = (
    "a run starts with zero states, or with states from `rnncli forward --state FILE.npz`: a decoder can start with "
    "the last states of its encoder, written by --save-state"
)
_PACKED = (
    "`rnncli forward --lengths 5,3,7` runs each sequence of a batch at its own length, and `rnncli export --to torch "
    "--packed` uses packed sequences; mask skips padding steps at any position"
)
_READS = "a layer reads the output of the previous one; the first layer gives the input shape: input:F, input:TxF"
_TRAINING = "it matters only in training, and nothing is trained here"
_CELLS = "the supported cells are those of Keras and PyTorch: rnn, lstm, gru"
_LEAKY = "activations have no weights and no settings; elu is close to a leaky relu"
_LOGARITHM = "the logarithm of a softmax is not supported; act:softmax has its shapes and no parameters, too"
_SPEED = "it changes how fast a framework runs, not its results"
_STARTS = (
    "weights are initialised with Keras's defaults, which `rnncli explain` shows; for an LSTM, "
    f"{in_both(LSTM, 'unit_forget_bias', False)} changes the forget gate's bias"
)
_PADDING = (
    f"embed with {in_both(Embedding, 'mask_zero', True)} skips steps whose id is 0; input:F:mask (Keras's Masking()) "
    "skips steps that are all zero"
)
_LENGTH = "the length is --timesteps N, T in input:TxF, or length=T of embed; weights are the same at every step"
_TO_VECTOR = (
    f"to turn a sequence into one vector, use the last output (leave out {in_both(LSTM, 'return_sequences', True)}), "
    "pool:max, pool:avg or, if its length is known, flatten"
)

NOT_MERGED = (
    f"merge_mode=None returns the two outputs separately; {in_both(LSTM, 'merge_mode', 'concat')} returns the same "
    "numbers side by side"
)
"""The advice for Keras's merge_mode=None, which a spec cannot express."""

_ONE_ROW = "here a network is a plain sequence of layers: it cannot branch, and only bi merges outputs"
_NO_ATTENTION = "attention is not supported: a layer reads only the output of the previous one"
_ALONG_TIME = "windows move only along time, over all features: conv:FxK is Conv1D; no layer is two-dimensional"
_STATISTICS = (
    "bnorm scales by the moving mean and variance from training, PyTorch's running_mean and running_var: they are not "
    "trained, and a run does not update them"
)

_NORMS = "norm is LayerNorm, over the features of each timestep, and bnorm is BatchNorm; others are not supported"

_ZEROS = (
    "zero padding is a field of the convolution: conv:FxK:causal puts all zeros in front, conv:FxK:same puts as many "
    "on both sides as keep the length"
)

FEATURES = ("input_size", "input_shape", "input_dim", "in_features")
"""Arguments for the number of features that a layer reads."""

_OUTPUT = (
    f"PyTorch's output has every timestep: {in_both(LSTM, 'return_sequences', True)}; without it a layer returns "
    "only the last one, h_n[-1]"
)
_LINEAR = (
    f"ONNX's linear_before_reset=1 is {in_both(GRU, 'reset_after', True)}, the default; 0 is "
    f"{in_both(GRU, 'reset_after', False)}"
)

_SAID: Sequence[tuple[str, str]] = (
    ("return_state", f"Keras's return_state=True also returns the last states, PyTorch's h_n and c_n: {_LAST_STATES}"),
    ("h_n hn c_n cn", f"h_n and c_n are PyTorch's last states (Keras: return_state=True): {_LAST_STATES}"),
    ("hidden_state cell_state state states last_state last_states final_state final_states", _STATES),
    ("h_0 h0 c_0 c0 hx cx initial_state initial_states", _FIRST_STATES),
    ("stateful", "to continue a run, use `rnncli forward --save-state FILE.npz`, then --state FILE.npz"),
    ("num_layers", "num_layers=2 is x2: the layer twice, one on top of the other"),
    ("output outputs", _OUTPUT),
    ("linear_before_reset", _LINEAR),
    ("peepholes", "peepholes are not supported, as in Keras and PyTorch"),
    ("sru mgu qrnn indrnn ligru ugrnn mamba rwkv mingru minlstm fastgrnn fastrnn", _CELLS),
    ("grulayer", "MATLAB's gruLayer has one bias vector, and Keras's GRU, which has the same equations, two"),
    ("batch_first time_major", "here the batch axis always comes first: (batch, timesteps, features)"),
    (f"{' '.join(FEATURES)} batch_input_shape batch_shape", _READS),
    ("input_length sequence_length seq_len timesteps time_steps", _LENGTH),
    ("batch_size batch", "the batch size is --batch N, not part of a network"),
    ("dropout", "dropout:P is a separate layer; it has no effect outside training"),
    ("recurrent_dropout trainable activity_regularizer", _TRAINING),
    ("kernel_regularizer recurrent_regularizer bias_regularizer embeddings_regularizer", _TRAINING),
    ("kernel_constraint recurrent_constraint bias_constraint embeddings_constraint", _TRAINING),
    ("kernel_initializer recurrent_initializer bias_initializer embeddings_initializer", _STARTS),
    ("unroll implementation use_cudnn device inplace", _SPEED),
    ("seed", "the seed is an option of a run: `rnncli forward --seed N`"),
    ("dtype", "the dtype is --dtype, the same for all layers"),
    ("name", "layers are named as Keras names them"),
    ("masking mask_value padding_idx", _PADDING),
    ("pack_padded_sequence pad_packed_sequence packed_sequence enforce_sorted lengths", _PACKED),
    ("timedistributed time_distributed", "dense, dropout and norm already apply to each timestep of a sequence"),
    ("reshape permute", _TO_VECTOR),
    ("concatenate concat add multiply lambda residual tcn skip", _ONE_ROW),
    ("attn attention multiheadattention mha additiveattention selfattention", _NO_ATTENTION),
    ("transformer transformerencoder transformerencoderlayer", _NO_ATTENTION),
    ("conv2d convlstm convlstm1d convlstm2d separableconv1d depthwiseconv1d dwconv conv1dtranspose", _ALONG_TIME),
    ("maxpooling2d averagepooling2d", _ALONG_TIME),
    ("zeropadding1d zeropad1d constantpad1d cropping1d chomp1d chomp", _ZEROS),
    ("groupnorm groupnormalization instancenorm instancenorm1d instancenormalization rmsnorm rmsnormalization", _NORMS),
    ("unitnormalization localresponsenorm spectralnormalization weightnormalization", _NORMS),
    ("upsampling1d upsampling upsample", "no layer makes a sequence longer; repeat:T repeats one vector T times"),
    ("rescaling normalizer normalization", "scale the data before the network; norm and bnorm have weights"),
    ("textvectorization stringlookup integerlookup", "embed reads ids: turn text into ids before the network"),
    ("loss crossentropyloss ctc optimizer learning_rate lr epochs compile bptt clipnorm metrics", _TRAINING),
    ("teacher_forcing clip", _TRAINING),
    ("gpu cuda cpu tpu num_workers cudnn", _SPEED),
    ("tied tied_weights tie_weights weight_tying", "no layers share weights: a matrix of two of them counts twice"),
    ("moving_mean moving_variance running_mean running_var momentum track_running_stats", _STATISTICS),
    ("non_trainable non_trainable_params non_trainable_weights", _STATISTICS),
    ("activation", "an activation is a field of its layer, as in dense:1:sigmoid, or a separate layer, act:sigmoid"),
    ("prelu leaky_relu leakyrelu lrelu relu6", _LEAKY),
    ("logsoftmax log_softmax", _LOGARITHM),
    ("bidirectional", f"{in_both(LSTM, 'merge_mode', 'concat')} is a field of a recurrent layer, as in lstm:32:bi"),
)
"""Words, separated by spaces, with the explanation and the equivalent in rnncli that all of them share."""

_LIBRARIES = (
    "rnn_cell contrib = TensorFlow 1, tensorflow_addons tfa = TensorFlow Addons, rnn = MXNet or TensorFlow 1, "
    "mxnet mx gluon = MXNet, flax linen nnx = Flax, haiku hk = Haiku, equinox eqx = Equinox, trax = Trax, mlx = MLX, "
    "tl = Trax or TensorLayer, tensorlayer = TensorLayer, sonnet snt = Sonnet, dynet dy = DyNet, Flux = Flux, "
    "mindspore ms = MindSpore, paddle = PaddlePaddle, oneflow flow = OneFlow, jittor jt = Jittor, cntk = CNTK, "
    "tinygrad = tinygrad, chainer = Chainer, lasagne = Lasagne, tflearn = TFLearn, haste haste_pytorch = Haste, "
    "speechbrain sb = SpeechBrain, allennlp = AllenNLP, apex = Apex, torchrl = TorchRL, ncps = ncps, indrnn = indrnn"
)
OTHER_LIBRARIES: Mapping[str, str] = {
    word: library.strip()
    for words, _, library in (each.partition("=") for each in _LIBRARIES.split(","))
    for word in words.split()
}
"""Other libraries with recurrent layers, by the names of their modules, as they are usually imported."""

OF_OTHERS = (
    "write the network as a spec, such as input:40,lstm:64; its LSTM has one bias for each gate, or two with "
    "--framework torch"
)
"""The advice for the layers of another library."""

FRAMEWORK_WORDS: Mapping[str, str] = {word: text for words, text in _SAID for word in words.split()}
"""The explanation of each word, by the word in lower case; a few of the words are fields of some kinds."""


def framework_word(name: str, fields: Sequence[str] = ()) -> str | None:
    """Return the entry of `FRAMEWORK_WORDS` that a word equals or, rather than one of `fields`, misspells, or None."""
    if name in FRAMEWORK_WORDS:
        return name
    guess = closest(name, [*FRAMEWORK_WORDS, *fields], likeness=0.85)
    return guess if guess in FRAMEWORK_WORDS else None


# Error messages, mostly about shapes

_OFTEN = {
    "whole": in_both(LSTM, "return_sequences", True),
    "axis": "x[:, None, :] if each sample is one timestep, x[..., None] if each timestep is one number",
    "in_features": "in_features is the previous layer's output size, 2 × hidden_size if bidirectional",
}
"""What several rows say."""

_MESSAGES = re.findall(r"# (.+)\n((?:.+\n)+)", package_text("language/messages.txt"))
"""What the frameworks print about a network, and their error messages, as the rows of `messages.txt`: patterns, one a
line, in which <N> is a number; below them, what it means, with the numbers {0}, {1} from the message, the advice, and
the spec of a correct network, if it is not that of any layer. The first pattern that is found counts; {more} is the
first number plus one."""

ERROR_MESSAGE = "an error message"
"""The title of the rows about error messages that rnncli explains."""

_CHECKPOINT = (
    r"size mismatch for ([\w.]{1,200}): copying a param (?:with shape|of) torch\.Size\(\[([\d, ]{0,60})\]\) from "
    r"checkpoint, (?:where )?the shape (?:in current model )?is torch\.Size\(\[([\d, ]{0,60})\]\)"
)
"""PyTorch's message about one tensor of a checkpoint: its name, its shape in the checkpoint and in the model."""


class FrameworkMessage(NamedTuple):
    """A text that a framework printed, explained.

    Attributes:
        what: what it is, by the titles of `messages.txt`.
        means: what it says.
        advice: how to mend it.
        example: the spec of a correct network.
        span: the place of what was recognised in the text.
    """

    what: str
    means: str
    advice: str
    example: str
    span: tuple[int, int]


def framework_error(text: str) -> SpecError | None:
    """Return the error that explains an error message of Keras or PyTorch, such as `expected ndim=3, found ndim=2`."""
    found = framework_message(text)
    if found is None:
        return None
    message, mend = f"this is {found.what}, not a spec: {found.means}", found.advice
    return SpecError(message, text=text, span=found.span, advice=mend, lead="for example", repair=found.example)


def framework_message(text: str) -> FrameworkMessage | None:
    """Return the explanation of what Keras or PyTorch prints, mostly an error message about shapes; else None."""
    found = re.search(_CHECKPOINT, text)
    if found is not None:
        means, example = _of_checkpoint(*found.groups())
        mend = "build the model with the sizes of the checkpoint, which `rnncli inspect FILE` shows"
        return FrameworkMessage(ERROR_MESSAGE, means, mend, example, found.span())
    for what, table in _MESSAGES:
        for patterns, *said in re.findall(r"((?:\S.*\n)+) {4}(.+)\n {4}(.+)\n(?: {4}(.+)\n)?", table):
            pattern = patterns.strip().replace("\\\n", "").replace("\n", "|").replace("<N>", r"(\d{1,9})")
            found = re.search(pattern, text)
            if found is not None:
                numbers = [number or "8" for number in found.groups()]
                more = int(numbers[0]) + 1 if numbers and numbers[0].isdecimal() else ""
                means, mend, example = (each.format(*numbers, more=more, **_OFTEN) for each in said)
                return FrameworkMessage(what, means, mend, example or "input:8,lstm:32", found.span())
    return None


def _of_checkpoint(name: str, saved: str, built: str) -> tuple[str, str]:
    """Return what it means that a tensor of a checkpoint has another shape than in the model, and an example."""
    cell = re.search(r".*(lstm|gru)\w*\.(?:\d+\.)?weight_ih_l\d+(?:_reverse)?$", name.lower())
    sizes = [int(size) for shape in (saved, built) for size in shape.split(", ") if size]
    gates = {"lstm": 4, "gru": 3}[cell[1]] if cell else 1
    if cell is None or len(sizes) != 4 or any(rows % gates for rows in sizes[::2]):
        return f"{name} has shape ({saved}) in the checkpoint, but ({built}) in the model", "input:8,lstm:32"
    rows, features, built_rows, built_features = sizes
    units = rows // gates
    return (
        f"in the checkpoint {name} has {units} units ({gates} × {units} rows) and reads {features} features, but in "
        f"the model {built_rows // gates} units and {built_features} features"
    ), f"input:{features},{cell[1]}:{units}"
