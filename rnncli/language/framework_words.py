"""Words of Keras and PyTorch that no spec has, and where what each says is found here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
