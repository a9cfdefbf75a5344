"""Real Keras models and PyTorch modules for a network's layers, and their descriptions.

They are the reference for rnncli's shapes, names, counts and values. The arguments come from rnncli's
layer dataclasses, the construction of a layer from its kind's file in `tests/kinds`, and everything else
from the frameworks. `make golden` and `make judge` install the frameworks in a separate environment;
the ordinary tests do not import this file.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from keras.src.backend.common import dtypes
from kinds import kind_of
from torch.utils.flop_counter import FlopCounterMode

from rnncli.layers import Dropout, Layer, Recurrent

# On every backend but TensorFlow, Keras rounds a float64 product to float32, as JAX does. Keep the float64 result.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"

# Some random networks do that.
warnings.filterwarnings("ignore", "You are using a softmax over axis")
warnings.filterwarnings("ignore", "Layer .* does not support masking")

# Small networks are slower on several threads, and another order of summation would change the golden files.
torch.set_num_threads(1)

VERSIONS = {"keras": keras.__version__, "torch": torch.__version__.split("+")[0]}


class RefusedError(Exception):
    """A framework does not build these layers; the message is the framework's."""


def keras_model(
    layers: Sequence[Layer], batch: int | None = None, timesteps: int | None = None, allocate: bool = True
) -> keras.Model:
    """Return the Keras model, with automatic names numbered from the start.

    Without `allocate` it has no weights and can only be inspected; then any size will do.

    Raises:
        RefusedError: Keras does not build it.
    """
    keras.utils.clear_session(free_memory=False)
    with nullcontext() if allocate else keras.StatelessScope(initialize_variables=False):
        inputs = kind_of(layers[0]).keras_input(layers[0], batch, timesteps)
        body = [*kind_of(layers[0]).keras_layers_after_input(layers[0])]
        try:
            body += [kind_of(layer).keras_layer(layer) for layer in _body(layers)]
            return keras.Sequential([inputs, *body]) if body else keras.Model(inputs, inputs)
        except ValueError as error:
            raise RefusedError(f"Keras: {error}") from error


def describe_keras(layers: Sequence[Layer], batch: int | None = None, timesteps: int | None = None) -> dict[str, Any]:
    """Return the Keras name, output shape and weights of each layer, as plain data.

    Raises:
        RefusedError: Keras does not build it.
    """
    model = keras_model(layers, batch, timesteps, allocate=False)
    if model.output_shape[-1] is None:  # it flattens a sequence of any length, which no layer with weights can read
        raise RefusedError("Keras does not know how many features it returns")
    return {
        "input_shape": list(model.input_shape),
        "layers": [_describe_keras_layer(layer) for layer in layers_of(model)],
        "output_shape": list(model.output_shape),
        "total_params": model.count_params(),
    }


def keras_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return a model's weights under the keys of weight files."""
    return {
        f"{layer.name}/{_weight_name(variable)}": variable for layer in layers_of(model) for variable in layer.weights
    }


def keras_weight_shapes(layers: Sequence[Layer]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of Keras's weights under the keys of weight files: LAYER/WEIGHT."""
    variables = keras_variables(keras_model(layers, allocate=False))
    return {key: tuple(variable.shape) for key, variable in variables.items()}


def run_keras(layers: Sequence[Layer], weights: Mapping[str, np.ndarray], x: np.ndarray, dtype: str) -> np.ndarray:
    """Return the Keras model's output for `x` with these weights, everything in `dtype`."""
    floatx = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        model = keras_model(layers)
        variables = keras_variables(model)
        assert variables.keys() == weights.keys()
        for key, variable in variables.items():
            variable.assign(weights[key].astype(dtype))
        x = x if x.dtype == "int32" else x.astype(dtype)
        with torch.no_grad():
            return keras.ops.convert_to_numpy(model(x, training=False))
    finally:
        keras.config.set_floatx(floatx)


def describe_torch(layers: Sequence[Layer], batch: int, timesteps: int) -> dict[str, Any]:
    """Return the parameters, output shapes and multiply-adds of PyTorch's modules in a real run, as plain data.

    They run on PyTorch's meta device, which allocates nothing. Multiply-adds are half the
    floating-point operations that PyTorch counts.

    Raises:
        RefusedError: PyTorch has no such module, or its module has no such argument.
    """
    x = kind_of(layers[0]).torch_input(layers[0], batch, timesteps)
    input_shape = list(x.shape)
    described = []
    body = _body(layers)
    for place, layer in enumerate(body):
        kind = kind_of(layer)
        try:
            module = kind.torch_module(layer, x.shape)
        except (TypeError, ValueError) as error:
            raise RefusedError(f"PyTorch: {error}") from error
        with FlopCounterMode(display=False) as counter:
            x = kind.torch_run(layer, module, x)
        weights = _weights_in_its_stack(body, place, module)
        described.append(
            {
                "type": kind.torch_method(layer) if module is None else type(module).__name__,
                "output_shape": list(x.shape),
                "params": sum(weight.numel() for weight in weights.values()),
                "weights": [[name, list(weight.shape)] for name, weight in weights.items()],
                "macs": counter.get_total_flops() // 2,
            }
        )
    return {
        "input_shape": input_shape,
        "layers": described,
        "output_shape": list(x.shape),
        "total_params": sum(layer["params"] for layer in described),
    }


def torch_parameters(code: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return the names and shapes of the parameters of the module in a line of code: `nn.LSTM(8, 4, num_layers=2)`."""
    with torch.device("meta"):
        module = eval(code, {"nn": torch.nn})
    return [(name, tuple(weight.shape)) for name, weight in module.named_parameters()]


def torch_stack(layers: Sequence[Layer], place: int) -> list[int]:
    """Return the indices of the recurrent layers that share a PyTorch module with the layer at `place`.

    They have the same arguments, each reads its predecessor's sequence, and only the first may read it from the end.
    Either nothing separates them, or dropouts with the same rate do.
    """
    stacks: list[list[int]] = []
    shares: list[list[float]] = []
    dropped: list[float] | None = None
    """The dropout rates applied to the last stack's sequence; None after any other layer."""
    for index, layer in enumerate(layers):
        if not isinstance(layer, Recurrent):
            if dropped is not None and isinstance(layer, Dropout):
                dropped.append(layer.rate)
            else:
                dropped = None
            continue
        joins = dropped is not None and len(dropped) < 2 and not layer.go_backwards
        if joins:
            assert dropped is not None
            free = {"return_sequences": True, "go_backwards": False}
            before = replace(layers[stacks[-1][-1]].trained(), **free)
            share = dropped or [0.0]
            joins = before == replace(layer.trained(), **free) and all(each == share for each in shares[-1:] if each)
        if joins:
            stacks[-1].append(index)
            shares[-1] = share
        else:
            stacks.append([index])
            shares.append([])
        dropped = [] if layer.return_sequences else None
    return next(stack for stack in stacks if place in stack)


def _weights_in_its_stack(
    body: Sequence[Layer], place: int, module: torch.nn.Module | None
) -> dict[str, torch.nn.Parameter]:
    """Return a layer's parameters by their names in the module that it shares with equal neighbours."""
    if not isinstance(module, torch.nn.RNNBase):
        return {} if module is None else dict(module.named_parameters())
    stack = torch_stack(body, place)
    whole = type(module)(
        module.input_size,  # the first level's; the others follow from it
        module.hidden_size,
        num_layers=len(stack),
        bias=module.bias,
        bidirectional=module.bidirectional,
        batch_first=True,
        device="meta",
        **({"nonlinearity": module.nonlinearity} if isinstance(module, torch.nn.RNN) else {}),
        **({"proj_size": module.proj_size} if isinstance(module, torch.nn.LSTM) else {}),
    )
    level = re.compile(rf"_l{stack.index(place)}(_reverse)?$")
    return {name: weight for name, weight in whole.named_parameters() if level.search(name)}


def _body(layers: Sequence[Layer]) -> Sequence[Layer]:
    """Return the layers that the frameworks show as layers, which excludes an input."""
    return layers if layers[0].shown else layers[1:]


def layers_of(model: keras.Model) -> list[keras.Layer]:
    """Return the layers that a model shows as layers."""
    return [each for each in model.layers if not isinstance(each, (keras.layers.InputLayer, keras.layers.Masking))]


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
    """Return a variable's name in its layer: `kernel`, or inside a Bidirectional `forward/kernel`.

    Its path is `sequential/lstm/lstm_cell/kernel`, or
    `sequential/bidirectional/forward_lstm/lstm_cell/kernel`.
    """
    *outer, name = variable.path.split("/")
    inner = [part for part in outer if part.startswith(("forward_", "backward_"))]
    return "/".join([*(part.split("_")[0] for part in inner), name])
