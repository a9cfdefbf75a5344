"""Errors of Keras and PyTorch, and what each means: of shapes that do not fit, mostly."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnncli.errors import SpecError
from rnncli.layers import LSTM
from rnncli.layers.words import in_both

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
