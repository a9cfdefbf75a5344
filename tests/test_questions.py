"""What people really ask, and the words that must be in what rnncli prints.

The questions are from issue trackers, forums and courses, as people put them. The words are from the right answer, as
the documentation and the source of Keras and PyTorch give it, or from a count by hand; none is copied from rnncli.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import Result

Run = Callable[..., Result]

MODELS = Path(__file__).parent / "golden" / "models"


class Question(NamedTuple):
    """A question and its answer.

    Attributes:
        asked: how people ask it.
        command: the command line that somebody would try; `MODELS/` is the folder of the golden model files.
        words: what must be in the answer, on standard output or standard error, whatever the line breaks.
        status: the exit status.
    """

    asked: str
    command: str
    words: tuple[str, ...]
    status: int = 0


COUNTS = (
    Question(
        "How is the number of parameters of LSTM(256, input_dim=4096) calculated? Keras says 4457472.",
        "explain 'LSTM(256, input_dim=4096, input_length=16)'",
        ("4,457,472", "gates × units × (input + units + 1)", "4 × 256 × (4,096 + 256 + 1)"),
    ),
    Question(
        "tf.keras.layers.LSTM(9) on one feature: where did all these 396 parameters come from?",
        "explain input:1,lstm:9",
        ("(1, 36)", "(9, 36)", "(36,)", "396", "i, f, c and o"),
    ),
    Question(
        "SimpleRNN(50) on one feature: why 2600?",
        "explain 'SimpleRNN(50, input_shape=(None, 1))'",
        ("50 × (1 + 50 + 1)", "2,600"),
    ),
    Question(
        "My book says that a GRU of 5 units on 4 features has 150 parameters, Keras says 165.",
        "explain input:4,gru:5",
        ("165", "reset_after=False", "150 instead of 165", "a bias each"),
    ),
    Question(
        "GRU(32) on 32 features: 6336 is not what the formula with one bias gives.",
        "explain input:32,gru:32",
        ("6,336", "(2, 96)", "6,240 instead of 6,336"),
    ),
    Question(
        "Where does the 2040 of GRU(20, input_shape=(29, 13)) come from, and what is the 29 good for?",
        "compare input:29x13,gru:20:reset_after=False input:13,gru:20:reset_after=False",
        ("1, 2", "2,040"),
    ),
    Question(
        "LSTM or GRU or SimpleRNN: why has an LSTM four times as many parameters?",
        "compare input:32,rnn:64 input:32,lstm:64 input:32,gru:64",
        ("4 × the weights of rnn", "three gates and a candidate", "3 × the weights", "two gates and a candidate"),
    ),
    Question(
        "Does the number of parameters of an LSTM depend on the number of timesteps?",
        "compare input:8,lstm:16:seq --timesteps 10 --timesteps 500",
        ("10 to 500 timesteps", "the parameters stay the same", "every step uses the same weights", "grow 50 ×"),
    ),
    Question(
        "Does a larger batch need more parameters?",
        "compare input:8,lstm:16 --batch 1 --batch 32 --timesteps 10",
        ("1 to 32 samples", "the parameters stay the same", "all samples share the weights", "grow 32 ×"),
    ),
    Question(
        "How much smaller is my model in float16?",
        "compare embed:10000x32,lstm:64 --dtype float32 --dtype float16",
        ("float32 to float16", "the parameters stay the same", "× 0.5", "0.5 ×"),
    ),
    Question(
        "Does Bidirectional double the number of parameters?",
        "compare 'LSTM(32, input_shape=(None, 16))' 'Bidirectional(LSTM(32, input_shape=(None, 16)))'",
        ("6,272", "12,544", "each direction", "× 2"),
    ),
    Question(
        "Why has the LSTM after my Bidirectional more parameters, but not twice as many?",
        "compare input:32,lstm:32:seq,lstm:32 input:32,lstm:32:seq:bi,lstm:32",
        ("reads 64 features instead of 32", "both directions", "only the kernel doubles", "8,320", "12,416"),
    ),
    Question(
        "Why has PyTorch's RNN 2112 parameters where Keras has 2080?",
        "compare input:32,rnn:32 --framework keras --framework torch",
        ("2,080", "2,112", "PyTorch: two biases instead of one"),
    ),
    Question(
        "Why does PyTorch keep bias_ih and bias_hh, is that not redundant?",
        "explain input:32,rnn:32 --framework torch",
        ("bias_ih_l0", "bias_hh_l0", "2,112", "2,080", "adds them all up"),
    ),
    Question(
        "GRU in Keras and PyTorch: do they have the same number of parameters?",
        "compare input:32,gru:32 --framework keras --framework pytorch",
        ("6,336", "the parameters stay the same", "same biases"),
    ),
    Question(
        "How many parameters has nn.LSTM(40, 256, 2, bidirectional=True)?",
        "summary 'nn.LSTM(40, 256, 2, bidirectional=True)' --framework torch",
        ("610,304", "1,576,960", "2,187,264"),
    ),
    Question(
        "I only want the number.",
        "summary -q input:32,rnn:32",
        ("2080",),
    ),
    Question(
        "Does Dropout have parameters? Does it change the count?",
        "compare input:8,lstm:16,dense:1 input:8,lstm:16,dropout:0.5,dense:1",
        ("dropout:0.5", "1,617", "× 1"),
    ),
    Question(
        "Embedding(10000, 32): why 320000, and is it more than the rest of my model?",
        "explain embed:10000x32,lstm:32",
        ("ids × numbers", "10,000 × 32", "320,000", "8,320"),
    ),
    Question(
        "I have an LSTM(150) with 92,400 parameters; how many features had its input?",
        "solve input:_,lstm:150 --params 92,400 --exactly",
        ("input:3,lstm:150", "exactly 92,400"),
    ),
    Question(
        "LSTM(150) has 92,400 parameters: on n features, what is n?",
        "solve input:n,lstm:150 --params 92400",
        ("input:3,lstm:150", "n = 3", "exactly 92,400"),
    ),
    Question(
        "model.add(LSTM(150, input_shape=(None, n))) has 92400 params: what was n?",
        "solve 'LSTM(150, input_shape=(None, n))' --params 92400 --exactly",
        ("input:3,lstm:150", "n = 3", "exactly 92,400"),
    ),
    Question(
        "Why does summary not understand Input((None, n))?",
        "summary input:n,lstm:150",
        ("'n' is no number", "rnncli solve"),
        2,
    ),
    Question(
        "Which LSTM has exactly 92,500 parameters?",
        "solve input:_,lstm:150 --params '92 500' --exactly",
        ("no number takes exactly 92,500", "input:3,lstm:150", "100 under", "input:4,lstm:150", "500 over"),
        1,
    ),
)
"""Why a count is what it is."""

SHAPES = (
    Question(
        "ValueError: Input 0 of layer lstm_1 is incompatible: expected ndim=3, found ndim=2",
        "summary input:8,lstm:32,lstm:32",
        ("returns only its last output", "reads a sequence", "return_sequences=True", "input:8,lstm:32:seq,lstm:32"),
        2,
    ),
    Question(
        "Input 0 is incompatible with layer lstm_1: expected ndim=3, found ndim=4 (I gave input_shape=(1, 6, 30))",
        "summary 'LSTM(100, input_shape=(1, 6, 30), return_sequences=True)'",
        ("(timesteps, features)", "samples", "input:6x30,lstm:100:seq"),
        2,
    ),
    Question(
        "LSTM(300, input_shape=(15,)): expected ndim=3, found ndim=2. What shape does an LSTM want?",
        "summary 'LSTM(300, input_shape=(15,))'",
        ("features", "timesteps", "(None, 15)"),
    ),
    Question(
        "How do I write input_shape=(None, 8), for sequences of any length?",
        "summary input:Nonex8,lstm:4",
        ("not known is left out", "input:8,lstm:4"),
        2,
    ),
    Question(
        "From a tutorial: LSTM(units=50, return_sequences=True, input_shape=(x_train.shape[1], 1))",
        "summary 'LSTM(units=50, return_sequences=True, input_shape=(x_train.shape[1], 1))'",
        # 4 × 50 × (1 + 50 + 1)
        ("10,400", "input:1,lstm:50:seq", "x_train.shape[1]", "timesteps that is not known"),
    ),
    Question(
        "From a tutorial: nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)",
        "summary 'nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)'",
        ("'input_size' is not a number", "write the number itself", "input:32,lstm:32:seq,lstm:32"),
        2,
    ),
    Question(
        "How do I change batch_first?",
        "summary input:8,lstm:32:batch_first=True",
        ("the batch always comes first", "(batch, timesteps, features)"),
        2,
    ),
    Question(
        "Can I flatten the outputs of an LSTM with return_sequences?",
        "summary input:50x8,lstm:4:seq,flatten,dense:1",
        ("a sequence becomes one vector", "last output", "pool:max"),
        2,
    ),
    Question(
        "return_sequences: what is it called in PyTorch?",
        "layers return_sequences",
        ("every output, not only the last", "return_sequences=True", "PyTorch", "h_n[-1]"),
    ),
    Question(
        "What does return_sequences=True do?",
        "compare input:10x8,lstm:32 input:10x8,lstm:32:return_sequences=True",
        ("(None, 32)", "(None, 10, 32)"),
    ),
    Question(
        "Why is the output of my LSTM one vector, where did the timesteps go?",
        "explain input:10x8,lstm:32",
        ("the last output alone", "the time axis is gone", "return_sequences=True", "(None, 10, 32)"),
    ),
    Question(
        "What is the None in (None, None, 32)?",
        "explain input:32,rnn:32:seq",
        ("batch, timesteps, features", "None is not known yet"),
    ),
    Question(
        "Do I need TimeDistributed(Dense(15)) after return_sequences=True, or is Dense enough?",
        "explain 'Sequential([Input((10, 8)), LSTM(5, return_sequences=True), TimeDistributed(Dense(15))])'",
        ("(None, 10, 15)", "one vector for each timestep", "the same weights"),
    ),
    Question(
        "Bidirectional(LSTM(32)): why is the output 64 wide?",
        "explain input:8,lstm:32:bi",
        ("(None, 64)", "side by side", "merge_mode='concat'"),
    ),
    Question(
        "Bidirectional nn.LSTM: why is output[:, -1] not the concatenated h_n?",
        "explain input:8,lstm:4:bi --framework torch",
        ("h_n[-2] and h_n[-1]", "output[:, -1]", "backward cell has read one step"),
    ),
    Question(
        "return_sequences=True: are the outputs concatenated to one long vector?",
        "explain input:10x8,lstm:5:seq",
        ("stacked", "(10, 5)", "not (50,)"),
    ),
    Question(
        "I have one value for each of 10 steps and want one for the sequence. Why is my output (None, 10, 1)?",
        "compare input:10x8,lstm:5:seq,dense:1 input:10x8,lstm:5,dense:1",
        ("(None, 10, 1)", "(None, 1)", "286"),
    ),
    Question(
        "How do I sum the two directions instead of concatenating them?",
        "explain input:8,lstm:32:merge_mode=sum",
        ("(None, 32)", "added"),
    ),
    Question(
        "How do I write an LSTM autoencoder, what does RepeatVector do?",
        "summary input:50x8,lstm:16,repeat:50,lstm:16:seq,dense:8",
        ("RepeatVector", "(None, 50, 16)", "(None, 50, 8)"),
    ),
    Question(
        "My decoder cannot read the encoder's vector.",
        "summary input:50x8,dense:4,pool:max,lstm:16",
        ("one vector", "reads a sequence", "repeat"),
        2,
    ),
)
"""What goes in and what comes out."""

STATES = (
    Question(
        "What is the difference of return_sequences and return_state?",
        "summary input:8,lstm:32:return_state=True",
        ("return_state=True", "h_n", "c_n", "--save-state"),
        2,
    ),
    Question(
        "Which states leave an LSTM at the end? Show me.",
        "draw input:8,lstm:16",
        ("h,c", "hT,cT", "last states", "return_state=True", "h_n, c_n"),
    ),
    Question(
        "What are h_n and c_n?",
        "summary h_n",
        ("last states", "return_state=True", "--save-state"),
        2,
    ),
    Question(
        "What does stateful=True do, and when is the state reset?",
        "summary input:8,lstm:32:stateful=True",
        ("goes on where another ended", "--save-state", "--state"),
        2,
    ),
    Question(
        "What is stateful=True here?",
        "layers stateful",
        ("goes on where another ended", "--save-state"),
    ),
    Question(
        "Is the state of an LSTM kept from one sample of the batch to the next?",
        "explain input:8,lstm:32",
        ("h and c", "zero at the start of every sample"),
    ),
    Question(
        "What does mask_zero=True do?",
        "explain embed:1000x8:mask_zero=True,lstm:5",
        ("id 0 is padding", "keeps its state"),
    ),
    Question(
        "What is unit_forget_bias?",
        "explain input:8,lstm:5",
        ("ones for the forget gate", "zeros"),
    ),
    Question(
        "Does my LSTM forget at all? Show me its gates.",
        "forward input:8,lstm:16 --plot --gates --timesteps 30",
        # a fresh forget gate is about sigmoid(1) = 0.73, the others are about sigmoid(0) = 0.5
        ("Forget gate f: 0.7", "Input gate i: 0.", "Output gate o: 0."),
    ),
    Question(
        "How do I turn unit_forget_bias off?",
        "explain input:8,lstm:5:unit_forget_bias=False",
        ("forgetbias=0", "unit_forget_bias=False"),
    ),
    Question(
        "How does Keras initialise the weights of an LSTM?",
        "explain input:8,lstm:20",
        ("Glorot uniform", "orthogonal", "zeros"),
    ),
    Question(
        "How does PyTorch initialise the weights of an LSTM?",
        "explain input:8,lstm:25 --framework torch",
        ("uniform", "±0.2"),
    ),
    Question(
        "What does an LSTM return in Keras, h or c, and how do I get the other one?",
        "explain input:8,lstm:5",
        ("output is h", "c stays inside", "return_state=True"),
    ),
    Question(
        "How far back does an LSTM remember, compared with a SimpleRNN?",
        "reach input:8,rnn:16 input:8,lstm:16 --timesteps 60 --seeds 3",
        ("tenth", "hundredth", "rnn:16", "lstm:16"),
    ),
    Question(
        "Does unit_forget_bias make an LSTM remember longer?",
        "reach input:8,lstm:16 input:8,lstm:16:unit_forget_bias=False --timesteps 60 --seeds 3",
        ("tenth", "lstm:16:forgetbias=0"),
    ),
    Question(
        "Has my trained LSTM learned to remember all fifty steps, or does it forget like a fresh one?",
        "reach MODELS/recall.safetensors input:1,lstm:8,dense:1 --timesteps 50",
        (">49", "recall.safetensors", "5 seeds"),
    ),
    Question(
        "How can I see the values of the input, forget and output gates of an LSTM over time?",
        "forward input:8,lstm:16 --plot --gates",
        ("Input gate i", "Forget gate f", "Output gate o", "open (>0.9)", "closed (<0.1)"),
    ),
    Question(
        "My RNN with relu gives NaN after some hundred steps. Is it the recurrent matrix?",
        "reach input:3,rnn:16:relu --init uniform",
        ("overflow", "not all outputs are finite numbers", "Spectral radius"),
    ),
    Question(
        "What does go_backwards do with return_sequences?",
        "explain input:8,lstm:5:go_backwards=True:return_sequences=True",
        ("from the last step to the first", "in that order"),
    ),
)
"""What is kept from step to step."""

FRAMEWORKS = (
    Question(
        "In which order are the gates in Keras's LSTM kernel?",
        "explain input:5,lstm:4",
        ("(5, 16)", "i, f, c and o", "side by side"),
    ),
    Question(
        "In which order are the gates in PyTorch's weight_ih_l0? I want to set the forget gate's bias.",
        "explain input:5,lstm:4 --framework torch",
        ("weight_ih_l0", "(16, 5)", "i, f, g and o", "one below the other"),
    ),
    Question(
        "Keras's GRU has z, r, h; what has PyTorch's?",
        "explain input:5,gru:4 --framework torch",
        ("r, z and n",),
    ),
    Question(
        "How do I get Keras's LSTM weights into PyTorch?",
        "export MODELS/lstm-1.safetensors --to torch",
        ("nn.LSTM(", "batch_first=True"),
    ),
    Question(
        "How does PyTorch's proj_size change the count?",
        "summary input:8,lstm:32:proj_size=16",
        ("proj_size", "h smaller than c"),
        2,
    ),
    Question(
        "Which arguments has an LSTM, and what are they called in the other framework?",
        "layers LSTM",
        ("hidden_size", "units", "return_sequences=True", "unit_forget_bias", "bidirectional=True", "num_layers"),
    ),
    Question(
        "What is hidden_size in Keras?",
        "layers hidden_size",
        ("units", "lstm:U"),
    ),
    Question(
        "What does num_layers=3 make, one layer or three?",
        "layers num_layers",
        ("three such layers", "weights of its own", "one above the other"),
    ),
    Question(
        "bidirectional=True is what in Keras?",
        "layers bidirectional",
        ("merge_mode", "concat", "read both ways"),
    ),
    Question(
        "Is there mask_zero in PyTorch?",
        "layers mask_zero",
        ("id 0 is padding", "pack_padded_sequence"),
    ),
    Question(
        "What is num_layers=2, is it the same as two LSTMs stacked?",
        "summary input:8,lstm:16:seq,lstm:16 --framework torch",
        ("num_layers=2", "nn.LSTM(8, 16"),
    ),
    Question(
        "How do I write num_layers in Keras?",
        "summary input:8,lstm:5:num_layers=2",
        ("num_layers=2", "input:8,lstm:5:seq,lstm:5"),
        2,
    ),
    Question(
        "Can I use an LSTM with relu in PyTorch?",
        "summary input:8,lstm:4:activation=relu --framework torch",
        ("always tanh", "relu"),
        2,
    ),
    Question(
        "What is reset_after=False in PyTorch?",
        "summary input:8,gru:4:reset_after=False --framework torch",
        ("reset gate after U·h", "reset_after=False"),
        2,
    ),
    Question(
        "There is no BiLSTM layer, what is it called?",
        "summary input:16,bilstm:32",
        ("bi (merge_mode='concat')", "input:16,lstm:32:bi"),
        2,
    ),
    Question(
        "Which sizes had the LSTM in this state dict?",
        "inspect MODELS/recall.safetensors",
        ("input:1,lstm:8,dense:1", "361 parameters"),
    ),
)
"""From one framework to the other."""

COSTS = (
    Question(
        "torchinfo: does the sequence length count in the mult-adds of nn.LSTM(300, 512, num_layers=2)?",
        "summary --wide 'nn.LSTM(300, 512, num_layers=2, batch_first=True)' --timesteps 100 --framework torch",
        ("376,012,800",),
    ),
    Question(
        "How many multiply-adds does an LSTM need for a sequence twice as long?",
        "compare input:8,lstm:16 --timesteps 50 --timesteps 100",
        ("the MACs grow 2 ×",),
    ),
    Question(
        "Which is the largest LSTM that fits in 4 MB?",
        "solve embed:10000x64,lstm:_ --memory 4MB --multiple-of 8",
        ("embed:10000x64,lstm:288", "296 would be", "over"),
    ),
    Question(
        "Two LSTM layers with at most a million parameters that run on a microcontroller with 20 KB beside them?",
        "solve input:8,lstm:a:seq,lstm:b --params 1M --streaming 20KB",
        # 4·a·(8 + a + 1) + 4·b·(a + b + 1)
        ("1,000,000 parameters", "20.00 KB of memory for streaming"),
    ),
    Question(
        "Does parameters or compute keep my LSTM small?",
        "solve input:100x8,lstm:_ --params 100k --macs 1M",
        ("limited by MACs", "of 100,000 parameters", "of 1,000,000 MACs"),
    ),
    Question(
        "torchinfo, thop and fvcore give other numbers of FLOPs for my LSTM. Which are right? FLOPs or MACs?",
        "explain input:8,lstm:16 --timesteps 100 --others",
        # 4 × 16 × (8 + 16) multiply-adds a step, 100 steps; torchinfo adds the two biases of 4 × 16 each
        ("153,600 MACs", "307,200 FLOPs", "2 × MACs", "torchinfo", "166,400", "biases", "FlopCounterMode", "0 FLOPs"),
    ),
    Question(
        "Will my GRU fit on a microcontroller with 20 KB of RAM?",
        "summary --wide input:6,gru:32,dense:4 --dtype int8",
        # 3 × 32 × (6 + 32 + 2) + 33 × 4 parameters of a byte each
        ("3,972", "3.88 KB", "Streaming"),
    ),
    Question(
        "How much smaller does int8 make it?",
        "compare input:6,gru:32,dense:4 --dtype float32 --dtype int8",
        ("15.52 KB", "3.88 KB", "0.25 ×"),
    ),
    Question(
        "CUDA out of memory: how much does training an LSTM take at batch 64 and 200 timesteps?",
        "summary --wide embed:10000x64,lstm:128:seq,lstm:128,dense:1 --batch 64 --timesteps 200",
        ("Training at least", "gradients", "Adam"),
    ),
    Question(
        "How many bytes does a stream of single steps need beside the weights?",
        "compare input:6,gru:32 input:6,lstm:32 --dtype int8",
        # an LSTM carries h and c, a GRU h alone
        ("Streaming", "MACs/step"),
    ),
    Question(
        "Which LSTM, GRU or RNN has fewer than 1,500 parameters?",
        "sweep 'input:8,{lstm,gru,rnn}:{16,32}' --max-params 1,500",
        ("input:8,gru:16", "1,248", "input:8,rnn:32", "1,312", "within the budget"),
    ),
    Question(
        "LSTM or GRU: how many units does each get for 5000 parameters?",
        "solve 'input:8,{lstm,gru}:_' --params 5000",
        ("no quotes", "rnncli solve input:8,lstm:_ input:8,gru:_ --params 5000"),
        2,
    ),
    Question(
        "LSTM or GRU: which gets more units out of 5000 parameters?",
        "solve input:8,lstm:_ input:8,gru:_ --params 5000",
        # 4u(u + 9) ≤ 5000 and 3u(u + 10) ≤ 5000
        ("lstm:31", "gru:36"),
    ),
    Question(
        "My sensor gives 50 samples a second: how many multiply-adds a second is that?",
        "summary input:6,gru:32 --rate 50 --wide",
        # 50 × 3 × 32 × (6 + 32)
        ("182,400",),
    ),
    Question(
        "Which GRU runs step by step in 2 KB beside its weights?",
        "solve input:6,gru:_ --max-streaming 2KB --dtype int8",
        # state, input, three gates and output: 5u + 6 bytes
        ("input:6,gru:408", "streaming"),
    ),
    Question(
        "No LSTM(150) has 92,401 parameters, has it?",
        "solve input:n,lstm:150 --params 92,401 --exactly",
        ("no number takes exactly 92,401 parameters", "92,400", "93,000"),
        1,
    ),
    Question(
        "Two LSTMs of which sizes fit into 50,000 parameters?",
        "solve input:8,lstm:_a:seq,lstm:_b --params 50k",
        # 4 × 87 × (8 + 87 + 1) + 4 × 34 × (87 + 34 + 1)
        ("lstm:87:seq,lstm:34", "exactly 50,000"),
    ),
    Question(
        "Can a bidirectional LSTM run on a stream, one step at a time?",
        "summary --wide input:8,lstm:16:bi --timesteps 100",
        ("Streaming", "needs the end of the sequence", "cannot run a step at a time"),
    ),
    Question(
        "How many FLOPs has my LSTM?",
        "summary input:8,lstm:16 --flops",
        ("--wide",),
        2,
    ),
    Question(
        "How many units may an LSTM on 10 features have with 1000 parameters?",
        "solve input:10,lstm:_ --params 1000",
        ("input:10,lstm:11", "968"),
    ),
)
"""What it costs."""

LOST = (
    Question(
        "MACs, FLOPs, multiply-adds: what is what?",
        "layers flops",
        # 4 × 16 × (8 + 16) a step
        ("2 × MACs", "1,536 a step", "153,600 for 100 timesteps", "explain SPEC --others"),
    ),
    Question(
        "What are the parameters of a recurrent layer, and how do I count them in Keras?",
        "layers params",
        ("same at every timestep", "gates × units × (input + units + 1)", "1,600", "count_params()", "1,248"),
    ),
    Question(
        "Which gates has an LSTM, which has a GRU?",
        "layers gates",
        ("i, input gate", "f, forget gate", "o, output gate", "z, update gate", "r, reset gate"),
    ),
    Question(
        "What is the kernel, and what the recurrent_kernel? What are weight_ih and weight_hh?",
        "layers recurrent_kernel",
        ("kernel (8, 64)", "recurrent_kernel (16, 64)", "weight_ih_l0 (64, 8)", "weight_hh_l0 (64, 16)"),
    ),
    Question(
        "Does it tell how much RAM a microcontroller needs?",
        "layers streaming",
        # h and c of 16, 8 features, four gates of 16, an output of 16; four bytes each
        ("microcontroller", "states of all layers", "480 B", "--streaming SIZE"),
    ),
    Question(
        "How much memory does training take?",
        "layers training",
        ("gradients", "Adam's two moments", "--training SIZE", "trains nothing"),
    ),
    Question(
        "What about the vanishing gradient?",
        "layers vanishing gradient",
        ("rnncli layers vanishing_gradient",),
        2,
    ),
    Question(
        "What is the None in a shape? I look it up.",
        "layers None",
        ("not known yet", "--timesteps"),
    ),
    Question(
        "Is the number of timesteps something that a layer has?",
        "layers timesteps",
        ("input:[Tx]F", "--timesteps N", "weights are the same at every step"),
    ),
    Question(
        "Can I add attention behind my LSTM?",
        "summary 'Sequential([Input((10, 8)), LSTM(4, return_sequences=True), Attention(), Dense(3)])'",
        ("no attention here", "without it: input:10x8,lstm:4:seq,dense:3"),
        2,
    ),
    Question(
        "Bidirectional with merge_mode=None",
        "summary 'Bidirectional(LSTM(10, input_shape=(5, 3)), merge_mode=None)'",
        ("two outputs apart", "same numbers side by side", "input:5x3,lstm:10:bi"),
        2,
    ),
    Question(
        "BatchNormalization between LSTMs, as in my tutorial",
        "summary 'Input((10, 8)), LSTM(4, return_sequences=True), BatchNormalization(), LSTM(4)'",
        ("no batch normalisation", "LayerNormalization", "input:10x8,lstm:4:seq,lstm:4"),
        2,
    ),
    Question(
        "Masking(mask_value=0.) before an LSTM",
        "summary 'Sequential([Masking(mask_value=0., input_shape=(10, 8)), LSTM(4)])'",
        ("mask (mask_zero=True) of embed", "input:10x8,lstm:4"),
        2,
    ),
    Question(
        "TimeDistributed(Dense(3)) behind LSTM(4): `input_shape` with at least 3 dimensions",
        "summary 'Sequential([Input((10, 8)), LSTM(4), TimeDistributed(Dense(3))])'",
        ("reads a sequence", "seq (return_sequences=True)", "input:10x8,lstm:4:seq,dense:3"),
        2,
    ),
    Question(
        "How does 10 timesteps compare with 500? I ask summary.",
        "summary input:8,lstm:4 --timesteps 10 --timesteps 500",
        ("takes one --timesteps", "rnncli compare input:8,lstm:4 --timesteps 10 --timesteps 500"),
        2,
    ),
    Question(
        "flops as a command, as other tools have it",
        "flops input:64,lstm:128",
        ("rnncli summary input:64,lstm:128 --wide",),
        2,
    ),
    Question(
        "Does it train?",
        "train input:64,lstm:128",
        ("nothing is trained here", "rnncli export input:64,lstm:128 --to keras"),
        2,
    ),
    Question(
        "The largest LSTM within 10 MFLOPs",
        "solve input:8,lstm:_ --timesteps 100 --flops 10M",
        ("two FLOPs", "--macs 5000000"),
        2,
    ),
    Question(
        "RAM and flash of a microcontroller",
        "solve input:8,lstm:_ --flash 64KB",
        ("parameters (flash)", "beside them (RAM)", "--max-memory 64KB"),
        2,
    ),
    Question(
        "In a script: the spec alone, without a note",
        "solve -q input:10,lstm:_ --params 1000",
        ("input:10,lstm:11",),
    ),
    Question(
        "Many to one, many to many: how do I write a seq2seq model?",
        "layers many-to-one",
        ("lstm:16,dense:1 returns (None, 1)", "lstm:16:seq,dense:1 returns (None, 10, 1)", "repeat:10"),
    ),
    Question(
        "Does it know of int8?",
        "layers int8",
        # 4 × 16 × (8 + 16 + 1) bytes
        ("1 B a number", "1.56 KB", "--dtype int8"),
    ),
    Question(
        "Which shape does an LSTM read, and in which order are its axes?",
        "layers shape",
        ("(batch, timesteps, features)", "batch_first=True", "None is not known yet"),
    ),
    Question(
        "torchinfo says otherwise",
        "layers torchinfo",
        ("explain SPEC --others",),
    ),
    Question(
        "A whole tutorial on one line, with model.compile at its end",
        'summary \'model = Sequential(); model.add(LSTM(50, activation="relu", input_shape=(3, 1))); '
        'model.add(Dense(1)); model.compile(optimizer="adam", loss="mse")\'',
        # 4 × 50 × (1 + 50 + 1) + 51
        ("read as input:3x1,lstm:50:relu,dense:1", "10,451"),
    ),
    Question(
        "The functional API with Model(inputs, outputs) at its end",
        "summary 'inputs = Input(shape=(None, 8)); x = LSTM(16)(inputs); outputs = Dense(1)(x); "
        "model = Model(inputs, outputs); model.summary()'",
        # 4 × 16 × (8 + 16 + 1) + 17
        ("read as input:8,lstm:16,dense:1", "1,617"),
    ),
    Question(
        "RNN(StackedRNNCells([LSTMCell(3), LSTMCell(4)]))",
        "summary 'RNN(StackedRNNCells([LSTMCell(3), LSTMCell(4)]))'",
        # 4 × 3 × (32 + 3 + 1) + 4 × 4 × (3 + 4 + 1)
        ("input:32,lstm:3:seq,lstm:4", "560"),
    ),
    Question(
        "At least so many parameters",
        "sweep input:8,lstm:8 --min-params 1000",
        ("the most that is allowed", "filtered for the least"),
        2,
    ),
    Question(
        "Into a file",
        "summary input:8,lstm:8 -f json -o out.json",
        ("> FILE",),
        2,
    ),
    Question(
        "Without colours",
        "summary input:8,lstm:8 --no-color",
        ("NO_COLOR=1",),
        2,
    ),
    Question(
        "What would torchinfo say of it?",
        "explain input:8,lstm:8 --torchinfo",
        ("rnncli explain input:8,lstm:8 --others",),
        2,
    ),
    Question(
        "Export for PyTorch",
        "export input:8,lstm:8 --framework torch",
        ("rnncli export input:8,lstm:8 --to torch",),
        2,
    ),
    Question(
        "help on a layer",
        "help lstm",
        ("rnncli layers lstm",),
        2,
    ),
    Question(
        "PyTorch's hidden size as an option",
        "summary input:64,lstm:128 --hidden-size 128",
        ("rnncli layers hidden_size",),
        2,
    ),
)
"""What leads people astray, and where they are led back."""

QUESTIONS = (*COUNTS, *SHAPES, *STATES, *FRAMEWORKS, *COSTS, *LOST)


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.asked for question in QUESTIONS])
def test_what_people_ask_is_answered(question: Question, rnncli: Run) -> None:
    line = [word.replace("MODELS", str(MODELS)) for word in shlex.split(question.command)]
    result = rnncli(*line)
    said = " ".join(f"{result.stdout}\n{result.stderr}".split())
    assert result.status == question.status, said
    missing = [words for words in question.words if words not in said]
    assert missing == [], f"not in the answer: {missing}\n{result.stdout}{result.stderr}"


def test_no_question_is_asked_twice() -> None:
    assert len({question.asked for question in QUESTIONS}) == len(QUESTIONS) >= 30
