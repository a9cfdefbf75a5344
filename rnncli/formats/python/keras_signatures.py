"""What Keras's classes take by position, and which classes there are."""

from __future__ import annotations

from collections.abc import Mapping

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "SimpleRNN": ("units", "activation", "use_bias"),
    "LSTM": ("units", "activation", "recurrent_activation", "use_bias"),
    "GRU": ("units", "activation", "recurrent_activation", "use_bias"),
    "SimpleRNNCell": ("units", "activation", "use_bias"),
    "LSTMCell": ("units", "activation", "recurrent_activation", "use_bias"),
    "GRUCell": ("units", "activation", "recurrent_activation", "use_bias"),
    "CuDNNLSTM": ("units",),
    "CuDNNGRU": ("units",),
    "RNN": ("cell", "return_sequences", "return_state", "go_backwards"),
    "StackedRNNCells": ("cells",),
    "Bidirectional": ("layer", "merge_mode"),
    "TimeDistributed": ("layer",),
    "Embedding": ("input_dim", "output_dim"),
    "Dense": ("units", "activation", "use_bias"),
    "Dropout": ("rate", "noise_shape", "seed"),
    "SpatialDropout1D": ("rate", "seed"),
    "GaussianDropout": ("rate", "seed"),
    "AlphaDropout": ("rate", "noise_shape", "seed"),
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "RepeatVector": ("n",),
    "GlobalMaxPooling1D": ("data_format", "keepdims"),
    "GlobalMaxPool1D": ("data_format", "keepdims"),
    "GlobalAveragePooling1D": ("data_format", "keepdims"),
    "GlobalAvgPool1D": ("data_format", "keepdims"),
    "Activation": ("activation",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "ELU": ("alpha",),
    "Softmax": ("axis",),
    "Masking": ("mask_value",),
    "GaussianNoise": ("stddev", "seed"),
    "ActivityRegularization": ("l1", "l2"),
    "Identity": (),
    "InputLayer": ("shape", "batch_size"),
}
"""What the classes that are read take by position, as far as anybody writes it so."""


OTHER_SIGNATURES: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("Conv1D", "SeparableConv1D", "Conv1DTranspose"), ("filters", "kernel_size")
)
"""What classes take that the language has no words for, but that say how many features they return."""


OTHER_CLASSES = (
    *("Conv1D", "Conv2D", "SeparableConv1D", "MaxPooling1D", "AveragePooling1D", "MaxPool1D", "BatchNormalization"),
    *("Flatten", "Reshape", "Permute", "Lambda", "Concatenate", "Add", "Multiply", "Average", "Attention", "LeakyReLU"),
    *("AdditiveAttention", "MultiHeadAttention", "ConvLSTM1D", "ConvLSTM2D", "PReLU", "ZeroPadding1D", "UpSampling1D"),
    *("TextVectorization", "Normalization", "UnitNormalization", "Rescaling", "Cropping1D", "Subtract", "Maximum"),
)
"""Classes that are known by their names alone, where nothing says where the name is from."""
