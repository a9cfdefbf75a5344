"""The functions of an exported NumPy program: activations, initialisers, and functions that layers of one sort share.

A cell's function consists of the equations that its layer declares, as shown by `rnncli explain`, in Python syntax.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rnncli.export.python_calls import INDENT, fits
from rnncli.immutable import NamedTuple
from rnncli.layers import Layer
from rnncli.layers.python_call import number

ACTIVATIONS: Mapping[str, str | None] = {
    "linear": None,
    "relu": "return np.maximum(x, 0)",
    "tanh": None,
    "sigmoid": "return 1 / (1 + np.exp(-x))",
    "hard_sigmoid": "return np.clip(x / 6 + 0.5, 0, 1)",
    "softsign": "return x / (1 + np.abs(x))",
    "softplus": "return np.logaddexp(x, 0)  # log(1 + exp(x))",
    "elu": "return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))",
    "selu": "alpha, scale = 1.6732632423543772, 1.0507009873554805\n"
    "return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
    "gelu": "return x * (1 + np.vectorize(erf)(x / sqrt(2))) / 2",
    "silu": "return x / (1 + np.exp(-x))  # x * sigmoid(x)",
    "softmax": "shares = np.exp(x - x.max(axis=-1, keepdims=True))\nreturn shares / shares.sum(axis=-1, keepdims=True)",
}
"""The body of each activation, as Keras 3 defines it; None for linear, which is omitted, and tanh, which NumPy has."""

INITIALIZERS: Mapping[str, str] = {
    "uniform": "return 0.05 * (2 * rng.random(shape, np.float32) - 1)  # U[-0.05, 0.05)",
    "glorot_uniform": '"""Glorot and Bengio, 2010: U[-a, a) with a = sqrt(6 / (inputs + outputs))."""\n'
    "limit = np.sqrt(6 / (np.prod(shape[:-2]) * sum(shape[-2:])))\n"
    "return limit * (2 * rng.random(shape, np.float32) - 1)",
    "orthogonal": '"""Saxe et al., 2014: the Q of a random A = Q @ R, with R\'s diagonal positive."""\n'
    "q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))\n"
    "q *= np.sign(np.diag(r))\n"
    "return q.T if shape[0] < shape[1] else q",
    "zeros": "return np.zeros(shape)",
    "ones": "return np.ones(shape)",
    "unit_forget_bias": '"""Ones for the forget gate, so that a new LSTM remembers; zeros for i, c and o."""\n'
    "return np.repeat([0.0, 1.0, 0.0, 0.0], shape[0] // 4)",
}
"""The body of each initialiser, by its name in Keras."""


def called(activation: str, argument: str) -> str:
    """Return the source that applies an activation to an argument; linear is omitted."""
    if activation == "linear":
        return argument
    return f"{'np.' if activation == 'tanh' else ''}{activation}({argument})"


def function(signature: str, *body: str) -> Iterator[str]:
    """Yield the lines of a function, preceded by two empty lines."""
    yield from ("", "", f"def {signature}:")
    yield from (f"{INDENT}{line}" for line in "\n".join(body).split("\n"))


class Sharing(NamedTuple):
    """How the layers of a kind share functions.

    Attributes:
        sort: returns the layer reduced to what its function depends on; None if it needs no function.
        written: returns the function's arguments and body, given this sort and whether cells take a mask.
    """

    sort: Callable[[Any], Layer | None]
    written: Callable[[Any, bool], tuple[str, list[str]]]


def _dense(_layer: Any, _masked: bool) -> tuple[str, list[str]]:
    """Return the function of a dense layer, without the activation."""
    return "x, name", ['"""(..., features) -> (..., units)"""', f"return x @ {_own('kernel')} + {_own('bias')}"]


def _conv(layer: Any, _masked: bool) -> tuple[str, list[str]]:
    """Return the function of a convolution, without the activation."""
    plain, bias = layer.dilation_rate == 1, f" + {_own('bias')}" * layer.use_bias
    ends = "x.shape[1] - span + 1"
    every = "" if plain else f" : {layer.dilation_rate}"
    return "x, name", [
        '"""(batch, timesteps, features) -> (batch, windows, filters)"""',
        f"kernel = {_own('kernel')}  # (width, features, filters)",
        f"span = {'len(kernel)' if plain else f'(len(kernel) - 1) * {layer.dilation_rate} + 1'}",
        *padded(layer.padding, str(layer.strides)),
        f"starts = range({ends if layer.strides == 1 else f'0, {ends}, {layer.strides}'})",
        f"windows = np.stack([x[:, t : t + span{every}] for t in starts], axis=1)",
        'y = np.einsum("btkf,kfu->btu", windows, kernel)',
        f"return y{bias}",
    ]


def padded(padding: str, stride: str, filled: str = "") -> Iterator[str]:
    """Yield the lines that pad a sequence x for a window, with zeros unless `filled` sets other values."""
    if padding == "causal":
        yield "x = np.pad(x, [(0, 0), (span - 1, 0), (0, 0)])"
    elif padding == "same" and stride == "1":
        yield "x = np.pad(x, [(0, 0), ((span - 1) // 2, span // 2), (0, 0)])"
    elif padding == "same":
        yield f"missing = max(0, (x.shape[1] - 1) // {stride} * {stride} + span - x.shape[1])"
        yield "around = (missing // 2, missing - missing // 2)"
        yield f"x = np.pad(x, [(0, 0), around, (0, 0)]{filled})"


def _norm(layer: Any, _masked: bool) -> tuple[str, list[str]]:
    return "x, name" if layer.scale or layer.center else "x", [
        '"""Normalise each vector to mean 0 and variance 1 over its features."""',
        "mean = x.mean(axis=-1, keepdims=True)",
        "variance = x.var(axis=-1, keepdims=True)",
        f"x = (x - mean) / np.sqrt(variance + {number(layer.epsilon)})",
        _scaled(layer),
    ]


def _batch_norm(layer: Any, _masked: bool) -> tuple[str, list[str]]:
    return "x, name", [
        '"""Normalise each feature by its mean and variance from training."""',
        f"deviation = np.sqrt({_own('moving_variance')} + {number(layer.epsilon)})",
        f"x = (x - {_own('moving_mean')}) / deviation",
        _scaled(layer),
    ]


def _scaled(layer: Any) -> str:
    """Return the last line of a normalisation, which applies gamma and beta."""
    gamma, beta = f" * {_own('gamma')}" * layer.scale, f" + {_own('beta')}" * layer.center
    return f"return x{gamma}{beta}"


def _pool(layer: Any, _masked: bool) -> tuple[str, list[str]]:
    """Return the function of a pool over windows, which ignores padding around the sequence."""
    reduce = {"max": "max", "avg": "nanmean" if layer.padding == "same" else "mean"}[layer.mode]
    fill = {"max": "-np.inf", "avg": "np.nan"}[layer.mode]
    return "x, span, stride", [
        '"""(batch, timesteps, features) -> (batch, windows, features)"""',
        *padded(layer.padding, "stride", f", constant_values={fill}"),
        "starts = range(0, x.shape[1] - span + 1, stride)",
        f"return np.stack([np.{reduce}(x[:, t : t + span], axis=1) for t in starts], axis=1)",
    ]


def _cell(layer: Any, masked: bool) -> tuple[str, list[str]]:
    """Return the function of a recurrent layer in one direction: its weights, its initial states and the time loop."""
    first, *others = layer.states
    blocks, projects = layer.blocks["keras"], len({*layer.state_sizes.values()}) > 1
    kernel, state = _block("U", blocks[0]), "projected" if projects else "units"
    other = f"np.zeros((len(x), {kernel}.shape[1]))  # (batch, units)" if projects else f"np.zeros_like({first})"
    real = "for x_t, real in zip(x.swapaxes(0, 1), mask.T[..., None]):"
    return "x, mask, name" if masked else "x, name", [
        f'"""(batch, timesteps, features) -> (batch, timesteps, {state})"""',
        *_unpacked(layer, blocks, state),
        f"{first} = np.zeros((len(x), len({kernel})))  # (batch, {state})",
        *(f"{state} = {other}" for state in others),
        "outputs = []",
        real if masked else "for x_t in x.swapaxes(0, 1):  # (batch, features)",
        *(f"{INDENT}{line}" for line in _step(layer, masked)),
        f"{INDENT}outputs.append({first})",
        "return np.stack(outputs, axis=1)",
    ]


def _unpacked(layer: Any, blocks: tuple[str, ...], state: str) -> Iterator[str]:
    """Yield the lines that unpack a cell's weights into the names of its equations."""
    shapes = {"W": "(features, units)", "U": f"({state}, units)", "b": "(units,)", "V": f"(units, {state})"}
    for weight in layer.weights((None, None, 1)):
        array, parts = _own(weight.name), () if weight.role == "projection" else blocks
        names = ", ".join(_block(weight.symbol, block) for block in parts) or weight.symbol
        if weight.role == "bias" and len(weight.axes) == 2:
            second = ", ".join(_block("b2", block) for block in blocks)
            yield "# (units,), each: the biases of the input and of the state"
            yield f"({names}), ({second}) = {array}.reshape(2, {len(blocks)}, -1)"
            continue
        if len(parts) > 1:
            array = f"np.split({array}, {len(blocks)}{', axis=1' if len(weight.axes) == 2 else ''})"
        line, comment = f"{names} = {array}", f"  # {shapes[weight.symbol]}{', each' if len(parts) > 1 else ''}"
        yield line + comment if fits(f"{INDENT}{line}{comment}") else line


def _own(name: str) -> str:
    """Return the expression for a weight of the layer that the function is called for."""
    return f'weights[f"{{name}}/{name}"]'


def _block(symbol: str, block: str) -> str:
    return f"{symbol}_{block}" if block else symbol


def _step(layer: Any, masked: bool) -> Iterator[str]:
    """Yield the equations of one step; at padding the states are kept."""
    lines = []
    for equation in layer.equations():
        name, _, value = _python(equation.text).partition(" = ")
        if masked and name in layer.states:
            lines.append((f"{name} = np.where(real, {value}, {name})", f"padding keeps {name}"))
        else:
            lines.append((f"{name} = {value}", equation.means))
    room = 2 * INDENT
    if not all(fits(f"{room}{line}  # {means}") for line, means in lines):
        lines = [(line, means.partition(":")[0]) for line, means in lines]
    for line, means in lines:
        yield f"{line}  # {means}" if fits(f"{room}{line}  # {means}") else line


def _python(equation: str) -> str:
    """Return an equation of one step as a line of Python that replaces each state's old value with the new one."""
    line = re.sub(r"\b([a-wyz])_(t\b|\{t-1\})", r"\1", equation)
    line = line.replace("b'", "b2").replace("·", " @ ")
    return re.sub(r"\btanh\(", "np.tanh(", line)


CELL = Sharing(  # units, directions and the returned part only affect the call
    lambda layer: replace(layer.trained(), units=1, return_sequences=False, go_backwards=False, merge_mode=None), _cell
)

FUNCTIONS: Mapping[str, Sharing] = {
    "rnn": CELL,
    "lstm": CELL,
    "gru": CELL,
    "conv": Sharing(lambda layer: replace(layer, filters=1, kernel_size=1, activation="linear"), _conv),
    "dense": Sharing(lambda layer: replace(layer, units=1, activation="linear") if layer.use_bias else None, _dense),
    "norm": Sharing(lambda layer: layer, _norm),
    "bnorm": Sharing(lambda layer: layer, _batch_norm),
    "pool": Sharing(lambda layer: layer.window and replace(layer, pool_size=1, strides=None), _pool),
}
"""How each kind that needs functions shares them."""


def sort_of(layer: Layer) -> Layer | None:
    """Return the layer reduced to what its shared function depends on; None if it has no function."""
    shared = FUNCTIONS.get(layer.kind)
    return shared and shared.sort(layer)
