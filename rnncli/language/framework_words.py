"""Words of Keras and PyTorch that no spec has, and where what each says is found here; and what their errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rnncli.errors import SpecError
from rnncli.language.likeness import closest
from rnncli.layers import GRU, LSTM, Embedding
from rnncli.layers.words import in_both

_LAST_STATES = "here `rnncli forward --save-state FILE.npz` writes them"
_FIRST_STATES = (
    "a run starts from zero, or from what `rnncli forward --state FILE.npz` reads: so a decoder starts with the last "
    "state of its encoder, which --save-state wrote"
)
_PACKED = (
    "`rnncli forward --lengths 5,3,7` computes each sequence of a batch as long as it is, and "
    "`rnncli export --to torch --packed` packs them; mask skips steps of padding wherever they stand"
)
_READS = "a layer reads what the one before it returns; the first layer says the input: input:F, input:TxF"
_BATCH_FIRST = "the batch always comes first here: (batch, timesteps, features)"
_TRAINING = "it matters only in training, and here a network is only run"
_SPEED = "it changes how fast a framework runs, not what is computed"
_STARTS = (
    "weights start as Keras starts them, which `rnncli explain` shows; of an LSTM "
    f"{in_both(LSTM, 'unit_forget_bias', False)} changes one"
)
_PADDING = (
    f"{in_both(Embedding, 'mask_zero', True)} of embed skips steps whose id is 0, and input:F:mask, Keras's "
    "Masking(), steps of zeros"
)
_LENGTH = "the length is --timesteps N, or T in input:TxF; weights are the same at every step"
_PER_STEP = "dense, dropout and norm work on each timestep of a sequence as they are"
_TO_VECTOR = (
    f"a sequence becomes one vector by its last output, without {in_both(LSTM, 'return_sequences', True)}, by "
    "pool:max, by pool:avg, or, where its length is known, by flatten"
)

NOT_MERGED = (
    f"merge_mode=None returns the two outputs apart; {in_both(LSTM, 'merge_mode', 'concat')} has the same numbers side "
    "by side"
)
"""What is said of Keras's merge_mode=None, which a spec cannot say."""

_ONE_ROW = "a network is one row of layers here: nothing branches off, and nothing is merged but by bi"
_NO_ATTENTION = "there is no attention here: a layer reads what the one before it returns, and nothing else"
_ALONG_TIME = "a window moves along time alone, over all features: conv:FxK is Conv1D; nothing has two dimensions"
_STATISTICS = (
    "bnorm scales by the moving mean and variance of training, PyTorch's running_mean and running_var: they are not "
    "trained, and a run does not move them"
)

_ZEROS = (
    "zeros around a sequence are a field of the convolution that reads them: conv:FxK:causal has all in front, "
    "conv:FxK:same as many on both sides as keep the length"
)

FEATURES = ("input_size", "input_shape", "input_dim", "in_features")
"""Arguments that say how many features a layer reads."""

_OUTPUT = (
    f"PyTorch's output, that of every timestep, is {in_both(LSTM, 'return_sequences', True)}; a layer returns the "
    "last, h_n[-1], unless told so"
)
_LINEAR = (
    f"ONNX's linear_before_reset=1 is {in_both(GRU, 'reset_after', True)}, the default, and 0 is "
    f"{in_both(GRU, 'reset_after', False)}"
)

_SAID: Sequence[tuple[str, str]] = (
    ("return_state", f"Keras's return_state=True returns the last states, too, PyTorch's h_n and c_n: {_LAST_STATES}"),
    ("h_n hn c_n cn", f"h_n and c_n are PyTorch's last states, in Keras return_state=True: {_LAST_STATES}"),
    (
        "hidden_state cell_state state states last_state last_states final_state final_states",
        f"the last states are Keras's return_state=True, PyTorch's h_n and c_n: {_LAST_STATES}",
    ),
    ("h_0 h0 c_0 c0 hx cx initial_state initial_states", _FIRST_STATES),
    ("stateful", "a run goes on where another ended by `rnncli forward --save-state FILE.npz`, then --state FILE.npz"),
    ("num_layers", "num_layers=2 is x2 here: the layer twice, one above the other"),
    ("output outputs", _OUTPUT),
    ("linear_before_reset", _LINEAR),
    ("peepholes", "there are no peepholes here, as in Keras and PyTorch"),
    ("batch_first time_major", _BATCH_FIRST),
    (f"{' '.join(FEATURES)} batch_input_shape batch_shape", _READS),
    ("input_length sequence_length seq_len timesteps time_steps", _LENGTH),
    ("batch_size batch", "the batch is --batch N, not part of a network"),
    ("dropout", "dropout:P is a layer of its own, and does nothing in a network that is only run"),
    ("recurrent_dropout trainable activity_regularizer", _TRAINING),
    ("kernel_regularizer recurrent_regularizer bias_regularizer embeddings_regularizer", _TRAINING),
    ("kernel_constraint recurrent_constraint bias_constraint embeddings_constraint", _TRAINING),
    ("kernel_initializer recurrent_initializer bias_initializer embeddings_initializer", _STARTS),
    ("unroll implementation use_cudnn device inplace", _SPEED),
    ("seed", "the seed is that of a run: `rnncli forward --seed N`"),
    ("dtype", "the dtype is --dtype, the same for all layers"),
    ("name", "layers have the names that Keras gives them"),
    ("masking mask_value padding_idx", _PADDING),
    ("pack_padded_sequence pad_packed_sequence packed_sequence enforce_sorted lengths", _PACKED),
    ("timedistributed time_distributed", _PER_STEP),
    ("reshape permute", _TO_VECTOR),
    ("concatenate concat add multiply lambda residual skip", _ONE_ROW),
    (
        "attention multiheadattention mha additiveattention transformer transformerencoder transformerencoderlayer",
        _NO_ATTENTION,
    ),
    ("conv2d convlstm convlstm1d convlstm2d separableconv1d depthwiseconv1d conv1dtranspose", _ALONG_TIME),
    ("maxpooling2d averagepooling2d", _ALONG_TIME),
    ("zeropadding1d zeropad1d constantpad1d cropping1d chomp1d chomp", _ZEROS),
    ("loss optimizer learning_rate lr epochs compile bptt clipnorm metrics teacher_forcing clip", _TRAINING),
    ("gpu cuda cpu tpu num_workers cudnn", _SPEED),
    ("moving_mean moving_variance running_mean running_var momentum track_running_stats non_trainable", _STATISTICS),
    ("activation", "an activation is a field of the layer before it, as in dense:1:sigmoid, or a layer, act:sigmoid"),
    (
        "prelu leaky_relu leakyrelu lrelu relu6",
        "activations have neither weights nor settings here; elu is near a leaky relu",
    ),
    ("bidirectional", f"{in_both(LSTM, 'merge_mode', 'concat')} is a field of a recurrent layer, as in lstm:32:bi"),
)
"""Words, apart by spaces, and what each of them is and where it is found here."""

FRAMEWORK_WORDS: Mapping[str, str] = {word: text for words, text in _SAID for word in words.split()}
"""What each word is and where it is found here, by the word in lower case; a few of them are fields of some kinds."""


def framework_word(name: str, fields: Sequence[str] = ()) -> str | None:
    """Return the word of `FRAMEWORK_WORDS` that a word is, or is a misspelling of; None if it is none.

    Args:
        name: the word, in lower case.
        fields: words that it may be a misspelling of as well.
    """
    if name in FRAMEWORK_WORDS:
        return name
    guess = closest(name, [*FRAMEWORK_WORDS, *fields], likeness=0.85)
    return guess if guess in FRAMEWORK_WORDS else None


# Errors: of shapes that do not fit, mostly

_WHOLE = in_both(LSTM, "return_sequences", True)

_MEANINGS: Sequence[tuple[str, str, str, str]] = (
    (
        r"expected (?:min_)?ndim=3, found ndim=2(?:[^(]{0,40}\(None, (\d{1,9})\))?",
        "the layer reads a sequence, (batch, timesteps, features), and was given one vector a sample",
        f"the recurrent layer before it returns its whole sequence with {_WHOLE}; data gets an axis: x[:, None, :]",
        "input:{0},lstm:32:seq,lstm:32",
    ),
    (
        r"expected (?:min_)?ndim=3, found ndim=[14]",
        "the layer reads (batch, timesteps, features), and was given data of more or fewer axes",
        "input_shape is (timesteps, features), without the samples",
        "input:50x8,lstm:32",
    ),
    (
        r"expected axis -1 of input shape to have value (\d{1,9})(?:[^\n]{0,80}, (\d{1,9})\))?",
        "the layer was made for {0} features, and was given others",
        "give it what it was made for, or make it anew for what it is given",
        "input:{0},dense:1",
    ),
    (
        r"must be equal to input_size\. Expected (\d{1,9}), got (\d{1,9})",
        "the layer was made for {0} features (input_size), and was given {1}",
        "input_size is the number of features of a timestep: nn.LSTM({1}, 32)",
        "input:{1},lstm:32",
    ),
    (
        r"For (?:un)?batched [23]-D input, hx .{0,12}should also be",
        "the state has the axes of a batch and the input has not, or the other way round",
        "input is (batch, timesteps, features) with batch_first=True, and a state (levels × directions, batch, units)",
        "input:8,lstm:16",
    ),
    (
        r"Expected hidden(?:\[[01]\])? size \((\d{1,9}), (\d{1,9}), (\d{1,9})\)",
        "a state is (levels × directions, batch, units), here ({0}, {1}, {2}), and another was given",
        "make it with the batch of the input: torch.zeros({0}, x.size(0), {2}) with batch_first=True",
        "input:8,lstm:{2}",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \(\d{1,9}x(\d{1,9}) and (\d{1,9})x(\d{1,9})\)",
        "a linear layer was made for {1} features (in_features), and was given {0}",
        "in_features is what the layer before returns, 2 × hidden_size where that reads both ways: nn.Linear({0}, {2})",
        "input:{0},dense:{2}",
    ),
    (
        r"(?:RNN|LSTM|GRU)\w{0,4}: Expected input to be (?:1D or 2D|2D or 3D|2-D or 3-D)",
        "the layer reads (batch, timesteps, features), or without the batch, and was given other axes",
        "ids need an embedding before it, and a picture its rows as timesteps",
        "embed:10000x32,lstm:32",
    ),
    (
        r"index out of range in self",
        "an id is not below the size of the vocabulary (num_embeddings)",
        "that size is the largest id and one, with padding and the unknown word: nn.Embedding(ids.max() + 1, 32)",
        "embed:10001x32,lstm:32",
    ),
    (
        r"= (\d{1,9}) is not in \[0, (\d{1,9})\)",
        "the id {0} is not below {1}, the size of the vocabulary (input_dim)",
        "that size is the largest id and one, with padding and the unknown word",
        "embed:{2}x32,lstm:32",
    ),
    (
        r"'tuple' object has no attribute|must be Tensor, not tuple",
        "PyTorch's recurrent layers return a pair, all outputs and the last state",
        "take it apart: out, _ = lstm(x); here a layer returns only its outputs",
        "input:8,lstm:16:seq,dense:1",
    ),
    (
        (
            r"Shapes \(None, \d{1,9}\) and \(None, (?:None|\d{1,9}), \d{1,9}\) are incompatible"
            "|logits.{1,9}labels.{1,9}must have the same shape"
        ),
        "the network returns a vector for each timestep and the targets are one a sample, or the other way round",
        f"without {_WHOLE} the last recurrent layer returns only its last output",
        "input:8,lstm:16,dense:1",
    ),
    (
        r"non-zero dropout expects num_layers greater than 1",
        "dropout of PyTorch's recurrent layers stands between the levels of a stack, and there is one level",
        "put a layer of its own behind it: nn.Dropout(0.2)",
        "input:8,lstm:16,dropout:0.2,dense:1",
    ),
)
"""What an error says, as a pattern; what that means, with the numbers {0}, {1} in it; how to mend it; and the spec of a
network that is right."""


def framework_error(text: str) -> SpecError | None:
    """`expected ndim=3, found ndim=2`: an error of Keras or PyTorch, and what it means."""
    for said, means, mend, example in _MEANINGS:
        found = re.search(said, text)
        if found is not None:
            numbers = [number or "8" for number in found.groups()]
            numbers.append(f"{int(numbers[0]) + 1}" if numbers else "")
            return SpecError(
                f"that is an error, and no spec: {means.format(*numbers)}",
                text=text,
                span=found.span(),
                advice=mend.format(*numbers),
                lead="for example",
                repair=example.format(*numbers),
            )
    return None
