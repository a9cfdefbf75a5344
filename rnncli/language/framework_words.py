"""Terms of Keras and PyTorch that are not part of a spec, with their equivalents here; and their error messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rnncli.errors import SpecError
from rnncli.language.likeness import closest
from rnncli.layers import GRU, LSTM, Embedding
from rnncli.layers.words import in_both

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
    ("concatenate concat add multiply lambda residual skip tcn", _ONE_ROW),
    ("attn attention multiheadattention mha additiveattention", _NO_ATTENTION),
    ("transformer transformerencoder transformerencoderlayer", _NO_ATTENTION),
    ("conv2d convlstm convlstm1d convlstm2d separableconv1d depthwiseconv1d dwconv conv1dtranspose", _ALONG_TIME),
    ("maxpooling2d averagepooling2d", _ALONG_TIME),
    ("zeropadding1d zeropad1d constantpad1d cropping1d chomp1d chomp", _ZEROS),
    ("groupnorm groupnormalization instancenorm instancenorm1d instancenormalization rmsnorm rmsnormalization", _NORMS),
    ("unitnormalization localresponsenorm spectralnormalization weightnormalization", _NORMS),
    ("upsampling1d upsampling upsample", "no layer makes a sequence longer; repeat:T repeats one vector T times"),
    ("textvectorization stringlookup integerlookup", "embed reads ids: turn text into ids before the network"),
    ("loss crossentropyloss optimizer learning_rate lr epochs compile bptt clipnorm metrics", _TRAINING),
    ("teacher_forcing clip", _TRAINING),
    ("gpu cuda cpu tpu num_workers cudnn", _SPEED),
    ("moving_mean moving_variance running_mean running_var momentum track_running_stats non_trainable", _STATISTICS),
    ("activation", "an activation is a field of its layer, as in dense:1:sigmoid, or a separate layer, act:sigmoid"),
    ("prelu leaky_relu leakyrelu lrelu relu6", _LEAKY),
    ("logsoftmax log_softmax", _LOGARITHM),
    ("bidirectional", f"{in_both(LSTM, 'merge_mode', 'concat')} is a field of a recurrent layer, as in lstm:32:bi"),
)
"""Words, separated by spaces, with the explanation and the equivalent in rnncli that all of them share."""

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

_PRINTED = r"""
(?:\((?:LSTM|GRU|\w*RNN|Dense|Embedding|Bi\w+|InputLayer)\)?\W{1,60}\((?=None|\d)|[|\u2502\u2503]\s*\((?=None)\
|^\W{0,9}\w{1,40}[-: ] ?\d[-\d]{0,9} +\[-?(?=\d))[^()\]]{0,40}?<N>[)\]]
^Model: "|Output Shape|Param #|params: [\d,]{1,20}|(?<![(\[\d,])\d[\d,]{2,20} param
^\W{0,9}\w{1,40}[-:] ?\d[-\d]{0,9} +\[-?\d
<[\w.]{1,80} (?:object at|name=)|\| Name +\| Type
    it does not say what the layers read
    units are the last number of a shape; `rnncli solve input:_,lstm:60 --params 15,840` finds what such a layer reads
    input:8,lstm:{0}
(?:weight_(?:ih|hh)_l\d\w{0,9}|^\W{0,9}[\w./]{0,80}kernel)(?::0)?\W{1,9}(?:torch\.Size\(\[)?\d
\b(?:odict_keys|OrderedDict)\(|^\W{0,9}torch\.Size\(\[\d
    it names weights or their shapes
    give the file that has them, which `rnncli inspect FILE` shows and every command reads
["']layers["']: ?\[\{["'](?:module|class_name)["']
    it is the configuration of a model
    give it as a file: model.to_json() of Keras, saved as model.json
"""
_MESSAGES = r"""
expected \w*ndim=3, found ndim=2(?:[^(]{0,40}\(None, <N>\))?|input: expected \w{1,80} to have 3 dimension
`TimeDistributed` Layer should be passed
    the layer reads a sequence, (batch, timesteps, features), but was given one vector per sample
    a recurrent layer before it returns its whole sequence with {whole}; data needs another axis: {axis}
    input:8,lstm:{0}:seq,lstm:32
expected ndim=2, found ndim=3
    the layer reads one vector per sample, but was given a sequence, (batch, timesteps, features)
    without {whole} the last recurrent layer returns only its last output; flatten joins all of them
    input:8,lstm:16,dense:1
last dimension of the inputs to .{0,20} should be defined
    the number of features that the layer reads is not known
    input_shape is (timesteps, features), and a flatten needs both
    input:50x8,lstm:16:seq,flatten,dense:1
(?:[Ee]xpected (?:\w{1,80} to have )?|constructed with )shape[ =]\(((?:(?:None|\d{1,9}), ){1,2}<N>)\)\
(?:, found|[^\n]{1,300} incompatible| but got array with) shape[ =](?:torch\.Size\()?[\[(]([\w, ]{1,60})
    the network was built for data of shape ({0}), but was given ({2})
    the last two axes are timesteps and features, and None is any number; reshape the data, or rebuild the network
    input:{1},lstm:32
expected axis -?1 of input shape to have value <N>[^\n]{0,80}?[\[(][None\d, ]{0,60}?<N>[\])]
    the layer was built for {0} features, but was given {1}
    give it {0} features, or rebuild it for {1}
    input:{0},dense:1
expected axis -?\d of input shape to have value <N>
    the layer was built for {0} features, but was given another number
    give it {0} features, or rebuild it for the new number
    input:{0},dense:1
must be equal to input_size\. Expected <N>, got <N>
    the layer was built for {0} features (input_size), but was given {1}
    input_size is the number of features per timestep: nn.LSTM({1}, 32)
    input:{1},lstm:32
For unbatched 2-D input, hx .{0,12}should also be
    the state has a batch axis and the input has none
    give the input its batch axis, x.unsqueeze(0) with batch_first=True; a state is (layers × directions, batch, units)
    input:8,lstm:16
For batched 3-D input, hx .{0,12}should also be
    the input has a batch axis and the state has none
    give the state its batch axis, h.unsqueeze(1) for a batch of one; a state is (layers × directions, batch, units)
    input:8,lstm:16
Expected hidden(?:\[[01]\])? size \(<N>, <N>, <N>\)
    a state is (layers × directions, batch, units), here ({0}, {1}, {2}), but another shape was given
    create it with the batch size of the input: torch.zeros({0}, x.size(0), {2}) with batch_first=True
    input:8,lstm:{2}
calling (?:LSTM|GRU|SimpleRNN)(?:Cell)?\.call\(\)[^(]{0,40} cannot be multiplied \(\d{1,9}x<N> and <N>x
    the layer was built for {1} features, but was given {0}
    give it {1} features, or rebuild it for {0}
    input:{1},lstm:32
(?:mat1 and mat2 shapes cannot be multiplied|size mismatch, m1:|incompatible: In\[0\]:) [(\[]\d{1,9} ?[x,] ?<N>\
(?: and |\], (?:m2|In\[1\]): \[)<N> ?[x,] ?<N>[)\]]
    a linear layer was built for {1} features (in_features), but was given {0}
    {in_features}: nn.Linear({0}, {2})
    input:{0},dense:{2}
shapes cannot be multiplied|\bsize mismatch\b(?! for)|mat1 dim 1 must match mat2|Dimensions must be equal, but are
    a layer was given another number of features than it was built for
    the rest of the message has both numbers; for nn.Linear, {in_features}
    input:64,dense:10
weight of size \[<N>, <N>, <N>\], expected input.{0,40} channels, but got <N>
    a convolution was built for {1} features (in_channels), but was given {3}
    PyTorch's Conv1d reads (batch, features, timesteps): x.transpose(1, 2) if those two axes are swapped
    input:{1},conv:{0}x{2}
input must have 3 dimensions, got 2|Invalid rank for input: .{1,40}Got: 2 Expected: 3
    the layer reads three axes, (batch, timesteps, features), but was given two
    add the missing axis: {axis}, or x.unsqueeze(1) and x.unsqueeze(-1)
(?:RNN|LSTM|GRU)Cell: Expected input to be 1-?D or 2-?D|input must have 2 dimensions
    a cell reads one timestep, (batch, features), but was given other axes
    call it for each timestep, or use nn.LSTM, nn.GRU or nn.RNN, which read the whole sequence
input must have 3 dimensions|(?:RNN|LSTM|GRU): Expected input to be 2-?D or 3-?D|expected \w*ndim=3, found ndim=[14]
    the layer reads (batch, timesteps, features), but was given other axes
    put an embedding before it to read ids; of an image, the rows are timesteps; Keras's input_shape has no batch
    embed:10000x32,lstm:32
index out of range in self
    an id is not smaller than the vocabulary size (num_embeddings)
    that size is the largest id plus one, with ids for padding and unknown words: nn.Embedding(ids.max() + 1, 32)
    embed:10001x32,lstm:32
to have one of the following scalar types: Long, Int|indices must be an integer
    an embedding reads ids, which are whole numbers, but was given others
    x.long() makes them whole numbers; numbers that are measured need no embedding
    embed:10000x32,lstm:32
= <N> is not in \[0, <N>\)
    the id {0} is not smaller than {1}, the vocabulary size (input_dim)
    that size is the largest id plus one, with ids for padding and unknown words
    embed:{more}x32,lstm:32
'tuple' object has no attribute|must be Tensor, not tuple
    PyTorch's recurrent layers return a pair: all outputs and the last state
    unpack it: out, _ = lstm(x); in a spec a layer returns only its outputs
    input:8,lstm:16:seq,dense:1
expects 1 input\(s\), but it received [23] input tensors|should have a single output tensor
    with return_state=True a recurrent layer of Keras returns a list: its outputs and its last states
    unpack it: x, h, c = LSTM(32, return_state=True)(x); in a spec a layer returns only its outputs
    input:8,lstm:16:seq,dense:1
(?:Shapes|same shape \() ?\(None, \d{1,9}\) (?:and|vs) \(None, \d{1,9}\)(?: are incompatible)?
Received: target\.shape=(?:torch\.Size\()?[(\[]\w+, \w+[)\]]+, output\.shape=(?:torch\.Size\()?[(\[]\w+, \w+[)\]]
target: expected \w{1,80} to have shape \((?:None, )?\d{1,9},?\) but|shape \(\d{1,9}, \d{1,9}\) was passed for an output
    the targets have another number of classes than the last layer has units
    targets that are class numbers need the loss sparse_categorical_crossentropy
    input:8,lstm:16,dense:10:softmax
Shapes \(None, \d{1,9}\) and \(None, (?:None|\d{1,9}), \d{1,9}\) are incompatible
Shapes \(None, (?:None|\d{1,9}), \d{1,9}\) and|target: expected \w{1,80} to have [23] dimension
logits.{1,9}labels.{1,9}must have the same (?:shape|first dimension)
same (?:shape up until|shape\. Received|rank \(ndim\))|Incompatible shapes: \[\d{1,9},\d{1,9}\] vs\. \[\d{1,9},\d
Expected target size \[\d{1,9}, \d{1,9}\], got \[\d{1,9}\]
    the network returns one vector per timestep and there is one target per sample, or the other way round
    without {whole} the last recurrent layer returns only its last output
    input:8,lstm:16,dense:1
Using a target size \(torch
    the targets have another shape than the outputs, so each is compared with all of them
    y.squeeze(-1) if the last layer has one unit and each target is a number
    input:8,lstm:16,dense:1
Expected input batch_size \(<N>\) to match target batch_size \(<N>\)
    the network returns {0} outputs for {1} targets
    for one target per sample, the last layer reads the last timestep: out[:, -1] with batch_first=True
    input:8,lstm:16,dense:1
Expected target size \[\d{1,9}, <N>\], got \[\d{1,9}, \d{1,9}\]
    PyTorch's cross entropy reads (batch, classes, timesteps), but was given other axes
    a network returns (batch, timesteps, classes): loss(y.transpose(1, 2), target)
    input:8,lstm:16:seq,dense:{0}
non-zero dropout expects num_layers greater than 1
    PyTorch's recurrent layers apply dropout only between stacked layers, and there is only one layer
    add a separate layer after it: nn.Dropout(0.2)
    input:8,lstm:16,dropout:0.2,dense:1
weight file containing \d{1,9} layers into|(?:Missing|Unexpected) key\b|Layer count mismatch
with a weight list of length \d|expected \d{1,4} variables, but received|shape of the target variable and
weight shape \([\d, ]{1,20}\) (?:is )?not compatible
    the file has the weights of another network than the model
    `rnncli inspect FILE` shows the layers, shapes and names in the file
(?:keyword arguments passed to \w{1,40}: \{'|unexpected keyword argument '|not understood:', ')(\w{1,40})
    a layer has no argument {0}, or no longer has it
    give the line with the layer: rnncli marks what is wrong in it and shows the argument to write instead
missing 1 required positional argument: '(?:units|hidden_size|input_size)'
    a layer was given no size
    Keras's layers need their units, LSTM(32), and PyTorch's the features that they read, too, nn.LSTM(8, 32)
must get an `input_shape`|has not yet been built|have not yet been created|layer isn't built|no defined (?:in|out)put
    the network does not know how many features it reads
    put Input((timesteps, features)) before the first layer; None timesteps are any number of them
Do not pass an `input_shape`
    Keras 3 reads the shape, but prefers it in a layer of its own
    put Input((timesteps, features)) before the first layer instead
    input:50x8,lstm:32
RNN is stateful, (?:it needs to know its batch size|a complete)|the batch size must be static
    a stateful layer keeps a state for each sample of a batch
    put Input(batch_shape=(32, 50, 8)) before it, for 32 samples of 50 timesteps of 8 features
    input:50x8,lstm:32
Cannot unroll a RNN
    unroll needs a known number of timesteps, more than one
    put Input((timesteps, features)) before the first layer, or leave unroll out, which changes no result
    input:50x8,lstm:32
setting an array element with a sequence|inhomogeneous shape|expected sequence of length|object type (?:numpy|list)
    the sequences have different lengths, and an array has only one
    pad them: pad_sequences(x) in Keras, pad_sequence(x, batch_first=True) in PyTorch; mask skips the padding
    embed:10000x32:mask,lstm:32
scalar type (?:Double|Float)|the same dtype|does not match weight dtype|the same device
    the data, the state and the network differ in dtype or device
    x.float() for data of NumPy, which are float64, and x.to(device); give a first state x's dtype and device, too
'lengths' argument should|sorted in decreasing order|Length of all samples has
    pack_padded_sequence wants the lengths on the CPU, none of them 0, and the longest first
    enforce_sorted=False takes any order: pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
Cannot convert a symbolic .{0,9}Tensor
    this TensorFlow is too old for the NumPy beside it
    NumPy 1.19 works with TensorFlow 2.4, a newer TensorFlow with a newer NumPy
cannot reshape array of size|is invalid for input of size
    the new shape has another number of elements than the data
    samples × timesteps × features stay as many: leave one of them to NumPy or PyTorch with -1
too many indices for tensor|Dimension out of range|has more indices than
    the tensor has fewer axes than are asked of it
    one sample needs a batch axis, x.unsqueeze(0); out[:, -1] takes the last timestep of (batch, timesteps, units)
backward through the graph a second time|modified by an inplace operation
    the state of the last batch still belongs to a graph that is gone
    cut it off between batches, h.detach(), for an LSTM h and c; a new sequence starts with zeros
RNN backward can only be called in training mode
    cuDNN keeps nothing for the gradients in evaluation mode
    call model.train() before backward(); only the recurrent layer needs it: model.lstm.train()
initial_state. (?:was passed|should have)|state_size. is \[
    the first states have other sizes than the layer
    an LSTM takes h and c, (batch, units) each: a decoder has as many units as its encoder, 2 × as many if that is bi
ThenRnnForward|DoRnnForward|CUDNN_STATUS|the dnn implementation
    cuDNN could not run the layer
    the GPU has too little memory left, its versions do not match, or a sequence in the batch is empty
[Oo]ut of memory|OOM when allocating
    the device has too little memory for training
    `rnncli summary SPEC --wide --batch 64 --timesteps 200` shows what it takes; a smaller batch takes less
will not use cuDNN kernels|not part of single contiguous chunk
    the layer is slower than it could be, with the same results
    Keras's fast kernels need the default activations and no recurrent_dropout; in PyTorch, lstm.flatten_parameters()
mismatch in args to gemm|Cannot feed value of shape \(|Shape mismatch: x has|samples that can be divided by
    the data has another shape than the network was built for, or another batch size
    a stateful layer needs the same number of samples in every batch, also in the last one and in predict
with a batch_size other than 1, with a variable|Input initial_[hc] must have shape
    an ONNX file that PyTorch exported may work only with the batch size that it was exported with
    export it with a batch of 1 or with h_0 and c_0 as inputs, or use `rnncli export model.pt -o model.onnx`
ONNX export failed|Exporting the operator|[Uu]nsupported(?:: | )ONNX
    there is no ONNX operator for a step of the model
    export it on the CPU, with nn.LSTM instead of cells, or use `rnncli export model.pt -o model.onnx`
TensorList(?:Reserve|Stack|SetItem)|Only 1 subgraph|SEQUENCE_(?:LSTM|RNN)|registration from op code|Select TF ops
    TFLite has no operator for the loop of a recurrent layer, or the runtime lacks it
    convert a model with a fixed batch and length, or `rnncli export model.keras -o model.c` for a device
will not fit in region|region .{1,30} overflowed|[Aa]rena size is too small|AllocateTensors\(\) failed
    the device has too little memory
    `rnncli summary SPEC --wide --dtype int8` shows what it needs, `rnncli solve TEMPLATE --memory 64KB` what fits
Got invalid dimensions for input[^\d]{0,80}index: (\d) Got: <N> Expected: <N>
    the model was exported for {2} elements along axis {0} of its input, but was given {1}
    `rnncli inspect FILE.onnx` shows its shapes; PyTorch's dynamic_axes leaves the batch and the timesteps open
^\s{0,9}(?:[\w.]{0,80}(?:Error|Exception|Warning|InvalidArgument)|WARNING:\w+|\[ONNXRuntimeError\] |Traceback.{29}):
    rnncli has no explanation of this message
    give the layers that it is about
"""
"""What the frameworks print about a network, and their error messages, as rows: patterns, one a line, in which <N> is a
number; below them, what it means, with the numbers {0}, {1} from the message, the advice, and the spec of a correct
network, if it is not that of any layer. The first pattern that is found counts; {more} is the first number plus one."""

_CHECKPOINT = (
    r"size mismatch for ([\w.]{1,200}): copying a param (?:with shape|of) torch\.Size\(\[([\d, ]{0,60})\]\) from "
    r"checkpoint, (?:where )?the shape (?:in current model )?is torch\.Size\(\[([\d, ]{0,60})\]\)"
)
"""PyTorch's message about one tensor of a checkpoint: its name, its shape in the checkpoint and in the model."""


def framework_error(text: str) -> SpecError | None:
    """Return the error that explains an error message of Keras or PyTorch, such as `expected ndim=3, found ndim=2`."""
    found = re.search(_CHECKPOINT, text)
    if found is not None:
        means, example = _of_checkpoint(*found.groups())
        mend = "build the model with the sizes of the checkpoint, which `rnncli inspect FILE` shows"
        return _explained("an error message", means, mend, example, found)
    for what, table in (("what a framework prints about a network", _PRINTED), ("an error message", _MESSAGES)):
        for patterns, *said in re.findall(r"((?:\S.*\n)+) {4}(.+)\n {4}(.+)\n(?: {4}(.+)\n)?", table):
            pattern = patterns.strip().replace("\\\n", "").replace("\n", "|").replace("<N>", r"(\d{1,9})")
            found = re.search(pattern, text)
            if found is not None:
                numbers = [number or "8" for number in found.groups()]
                more = int(numbers[0]) + 1 if numbers and numbers[0].isdecimal() else ""
                means, mend, example = (each.format(*numbers, more=more, **_OFTEN) for each in said)
                return _explained(what, means, mend, example, found)
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


def _explained(what: str, means: str, mend: str, example: str, found: re.Match[str]) -> SpecError:
    message, repair = f"this is {what}, not a spec: {means}", example or "input:8,lstm:32"
    return SpecError(message, text=found.string, span=found.span(), advice=mend, lead="for example", repair=repair)
