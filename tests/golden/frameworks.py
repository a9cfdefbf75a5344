"""Real Keras models and real PyTorch modules for a network's layers, and what they say.

They are the judges of rnncli's shapes, names, counts and values: the arguments come from rnncli's
layer dataclasses, everything else from the frameworks. `make golden` and `make judge` install the
frameworks in an environment of their own; the ordinary tests do not import this file.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes
from torch.utils.flop_counter import FlopCounterMode

from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Layer, Recurrent, SimpleRNN

# Except on TensorFlow, Keras rounds a float64 product to float32 as JAX does. Let it keep what it computes.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"

# It is what some random networks do.
warnings.filterwarnings("ignore", "You are using a softmax over axis")

# Small networks are slower on several threads, and a sum in another order would be another golden file.
torch.set_num_threads(1)

VERSIONS = {"keras": keras.__version__, "torch": torch.__version__.split("+")[0]}

TORCH_ACTIVATIONS = {
    "linear": torch.nn.Identity,
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "hard_sigmoid": torch.nn.Hardsigmoid,
    "softsign": torch.nn.Softsign,
    "softplus": torch.nn.Softplus,
    "elu": torch.nn.ELU,
    "selu": torch.nn.SELU,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "softmax": lambda: torch.nn.Softmax(dim=-1),
}


class RefusedError(Exception):
    """A framework does not build these layers; the message is its own."""


def keras_model(
    layers: Sequence[Layer],
    batch: int | None = None,
    timesteps: int | None = None,
    allocate: bool = True,
) -> keras.Model:
    """Return the Keras model, its automatic names numbered from the start.

    Without `allocate` it has no weights and can only be asked about; then any size will do.

    Raises:
        RefusedError: Keras does not build it.
    """
    keras.utils.clear_session(free_memory=False)
    with nullcontext() if allocate else keras.StatelessScope(initialize_variables=False):
        head, *body = layers
        if isinstance(head, Input):
            shape = (batch, head.timesteps or timesteps, head.features)
            inputs = keras.Input(batch_shape=shape)
        else:
            inputs = keras.Input(batch_shape=(batch, timesteps), dtype="int32")
            body = list(layers)
        if not body:
            return keras.Model(inputs, inputs)
        try:
            return keras.Sequential([inputs, *(_keras_layer(layer) for layer in body)])
        except ValueError as error:
            raise RefusedError(f"Keras: {error}") from error


def describe_keras(layers: Sequence[Layer], batch: int | None = None, timesteps: int | None = None) -> dict[str, Any]:
    """Return what Keras calls each layer, what it returns and what it owns, as plain data.

    Raises:
        RefusedError: Keras does not build it.
    """
    model = keras_model(layers, batch, timesteps, allocate=False)
    return {
        "input_shape": list(model.input_shape),
        "layers": [_describe_keras_layer(layer) for layer in _layers_of(model)],
        "output_shape": list(model.output_shape),
        "total_params": model.count_params(),
    }


def keras_weight_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of Keras's weights under the keys of weight files: LAYER/WEIGHT."""
    variables = _keras_variables(keras_model(layers, allocate=False))
    return {key: tuple(variable.shape) for key, variable in variables.items()}


def run_keras(layers: Sequence[Layer], weights: Mapping[str, np.ndarray], x: np.ndarray, dtype: str) -> np.ndarray:
    """Return the output of the Keras model with these weights for `x`, all of it in `dtype`."""
    floatx = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        model = keras_model(layers)
        variables = _keras_variables(model)
        assert variables.keys() == weights.keys()
        for key, variable in variables.items():
            variable.assign(weights[key].astype(dtype))
        x = x if x.dtype == "int32" else x.astype(dtype)
        with torch.no_grad():
            return keras.ops.convert_to_numpy(model(x, training=False))
    finally:
        keras.config.set_floatx(floatx)


def describe_torch(layers: Sequence[Layer], batch: int, timesteps: int) -> dict[str, Any]:
    """Return what PyTorch's modules own, return and multiply when they really run, as plain data.

    They run on PyTorch's meta device, which allocates nothing. Multiply-adds are half the
    floating-point operations that PyTorch counts.

    Raises:
        RefusedError: PyTorch has no such module, or it does not take such an argument.
    """
    head, *body = layers
    if isinstance(head, Input):
        x = torch.empty(batch, head.timesteps or timesteps, head.features, device="meta")
    else:
        x = torch.zeros(batch, timesteps, dtype=torch.int64, device="meta")
        body = list(layers)
    input_shape = list(x.shape)
    described = []
    for layer in body:
        module = _torch_module(layer, x.shape[-1])
        with FlopCounterMode(display=False) as counter:
            x = _run_torch(layer, module, x)
        weights = [[name, list(weight.shape)] for name, weight in module.named_parameters()]
        described.append(
            {
                "type": type(module).__name__,
                "output_shape": list(x.shape),
                "params": sum(weight.numel() for weight in module.parameters()),
                "weights": weights,
                "macs": counter.get_total_flops() // 2,
            }
        )
    return {
        "input_shape": input_shape,
        "layers": described,
        "output_shape": list(x.shape),
        "total_params": sum(layer["params"] for layer in described),
    }


def _keras_layer(layer: Layer) -> keras.Layer:
    match layer:
        case Embedding():
            return keras.layers.Embedding(layer.input_dim, layer.output_dim, mask_zero=layer.mask_zero)
        case Dense():
            return keras.layers.Dense(layer.units, activation=layer.activation, use_bias=layer.use_bias)
        case Dropout():
            return keras.layers.Dropout(layer.rate)
        case Recurrent():
            return _keras_recurrent_layer(layer)
    raise AssertionError(f"no Keras layer is known for {layer}")


def _keras_recurrent_layer(layer: Recurrent) -> keras.Layer:
    arguments: dict[str, Any] = {
        "return_sequences": layer.return_sequences,
        "go_backwards": layer.go_backwards,
        "use_bias": layer.use_bias,
        "activation": layer.activation,
    }
    match layer:
        case SimpleRNN():
            cell = keras.layers.SimpleRNN(layer.units, **arguments)
        case LSTM():
            cell = keras.layers.LSTM(layer.units, recurrent_activation=layer.recurrent_activation, **arguments)
        case GRU():
            cell = keras.layers.GRU(
                layer.units,
                recurrent_activation=layer.recurrent_activation,
                reset_after=layer.reset_after,
                **arguments,
            )
        case _:
            raise AssertionError(f"no Keras layer is known for {layer}")
    if layer.merge_mode is None:
        return cell
    return keras.layers.Bidirectional(cell, merge_mode=layer.merge_mode)


def _keras_variables(model: keras.Model) -> dict[str, keras.Variable]:
    return {
        f"{layer.name}/{_weight_name(variable)}": variable for layer in _layers_of(model) for variable in layer.weights
    }


def _layers_of(model: keras.Model) -> list[keras.Layer]:
    return [each for each in model.layers if not isinstance(each, keras.layers.InputLayer)]


def _describe_keras_layer(layer: keras.Layer) -> dict[str, Any]:
    cell = layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer
    return {
        "name": layer.name,
        "type": type(layer).__name__,
        "cell": type(cell).__name__ if isinstance(cell, keras.layers.RNN) else None,
        "output_shape": list(layer.output.shape),
        "params": layer.count_params(),
        "weights": [[_weight_name(weight), list(weight.shape)] for weight in layer.weights],
    }


def _weight_name(variable: keras.Variable) -> str:
    """Return its name in its layer: `kernel`, or inside a Bidirectional `forward/kernel`.

    Its path is `sequential/lstm/lstm_cell/kernel`, or
    `sequential/bidirectional/forward_lstm/lstm_cell/kernel`.
    """
    *outer, name = variable.path.split("/")
    inner = [part for part in outer if part.startswith(("forward_", "backward_"))]
    return "/".join([*(part.split("_")[0] for part in inner), name])


def _torch_module(layer: Layer, input_size: int) -> torch.nn.Module:
    match layer:
        case Embedding():
            padding = 0 if layer.mask_zero else None
            return torch.nn.Embedding(layer.input_dim, layer.output_dim, padding_idx=padding, device="meta")
        case Dense():
            return torch.nn.Linear(input_size, layer.units, bias=layer.use_bias, device="meta")
        case Dropout():
            return torch.nn.Dropout(layer.rate)
        case Recurrent():
            return _torch_recurrent_module(layer, input_size)
    raise AssertionError(f"no PyTorch module is known for {layer}")


def _torch_recurrent_module(layer: Recurrent, input_size: int) -> torch.nn.Module:
    """Return the module. PyTorch is asked for what differs from Keras's defaults; it may refuse."""
    module = {SimpleRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}[type(layer)]
    asked: dict[str, Any] = {}
    if isinstance(layer, SimpleRNN):
        asked["nonlinearity"] = layer.activation
    elif layer.activation != "tanh":
        asked["activation"] = layer.activation
    if getattr(layer, "recurrent_activation", "sigmoid") != "sigmoid":
        asked["recurrent_activation"] = layer.recurrent_activation
    if not getattr(layer, "reset_after", True):
        asked["reset_after"] = False
    if layer.merge_mode not in (None, "concat"):
        asked["merge_mode"] = layer.merge_mode
    try:
        return module(
            input_size,
            layer.units,
            batch_first=True,
            bias=layer.use_bias,
            bidirectional=layer.merge_mode is not None,
            device="meta",
            **asked,
        )
    except (TypeError, ValueError) as error:
        raise RefusedError(f"PyTorch: {error}") from error


def _run_torch(layer: Layer, module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, Dense):
        return TORCH_ACTIVATIONS[layer.activation]()(module(x))
    if not isinstance(layer, Recurrent):
        return module(x)
    outputs, states = module(x.flip(1) if layer.go_backwards else x)
    if layer.return_sequences:
        return outputs
    last = states[0] if isinstance(layer, LSTM) else states
    return torch.cat(tuple(last), dim=-1)
