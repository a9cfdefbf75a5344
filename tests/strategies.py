"""Hypothesis strategies: networks, the ways to type one, and texts that are nearly specs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from rnncli import Network
from rnncli.layers import GRU, LSTM, Dense, Dropout, Embedding, Input, Layer, Recurrent, SimpleRNN
from rnncli.layers.activations import ACTIVATIONS
from rnncli.layers.recurrent import MERGE_MODES

MAX_SIZE = 2**31 - 1

sizes = st.one_of(st.integers(1, 64), st.integers(1, MAX_SIZE))
activations = st.sampled_from(ACTIVATIONS)
heads: st.SearchStrategy[Layer] = st.one_of(
    st.builds(Input, features=sizes, timesteps=st.none() | sizes),
    st.builds(Embedding, input_dim=sizes, output_dim=sizes, mask_zero=st.booleans()),
)
_cell = {
    "units": sizes,
    "use_bias": st.booleans(),
    "activation": st.just("tanh") | activations,
}
_gates = {"recurrent_activation": st.just("sigmoid") | activations}
cells: st.SearchStrategy[Recurrent] = st.one_of(
    st.builds(SimpleRNN, **_cell),
    st.builds(LSTM, **_cell, **_gates),
    st.builds(GRU, **_cell, **_gates, reset_after=st.booleans()),
)
others: st.SearchStrategy[Layer] = st.one_of(
    st.builds(Dense, units=sizes, use_bias=st.booleans(), activation=st.just("linear") | activations),
    st.builds(Dropout, rate=st.floats(0, 1)),
)


@st.composite
def recurrent(draw: st.DrawFn) -> Recurrent:
    """A recurrent layer in one direction, backwards, or in both."""
    cell = draw(cells)
    direction = draw(st.sampled_from(("forwards", "backwards", *MERGE_MODES)))
    if direction in MERGE_MODES:
        return replace(cell, merge_mode=direction)
    return replace(cell, go_backwards=direction == "backwards")


@st.composite
def networks(draw: st.DrawFn, head: st.SearchStrategy[Layer] = heads, largest: int = 6) -> Network:
    """A network that fits together: every recurrent layer but the last returns its sequence."""
    body: list[Layer] = []
    for layer in draw(st.lists(recurrent() | others, max_size=largest)):
        body += [layer] * draw(st.sampled_from((1, 1, 1, 2, 5)))
    last = max((i for i, layer in enumerate(body) if isinstance(layer, Recurrent)), default=-1)
    for index, layer in enumerate(body):
        if isinstance(layer, Recurrent):
            body[index] = replace(layer, return_sequences=index < last or draw(st.booleans()))
    return Network((draw(head), *body))


def _number(number: int) -> st.SearchStrategy[str]:
    """The ways to write a number: 10000, 10_000, 10k."""
    ways = [str(number), f"{number:_}", f"00{number}"]
    ways += [
        f"{number // size}{suffix}" for suffix, size in (("k", 10**3), ("M", 10**6), ("G", 10**9)) if not number % size
    ]
    return st.sampled_from(ways)


KINDS = {
    Input: ("input", "in"),
    Embedding: ("embed", "embedding"),
    SimpleRNN: ("rnn", "simplernn", "simple_rnn"),
    LSTM: ("lstm",),
    GRU: ("gru",),
    Dense: ("dense", "linear", "fc"),
    Dropout: ("dropout",),
}


@st.composite
def _typed_layer(draw: st.DrawFn, layer: Layer) -> str:
    """One way to type a layer: any name of its kind, its fields in any order, defaults written out or not."""

    def sometimes(*ways: str) -> list[str]:
        return [draw(st.sampled_from(ways))] if draw(st.booleans()) else []

    fields: list[str] = []
    match layer:
        case Input(features=features, timesteps=timesteps):
            numbers = [features] if timesteps is None else [timesteps, features]
            fields = ["x".join(draw(_number(n)) for n in numbers)]
        case Embedding():
            fields = ["x".join(draw(_number(n)) for n in (layer.input_dim, layer.output_dim))]
            fields += ["mask"] * layer.mask_zero
        case Dropout(rate=rate):
            fields = [repr(rate)]
        case Dense() | Recurrent():
            fields = [draw(_number(layer.units))]
            fields += [] if layer.use_bias else ["nobias"]
            default = "linear" if isinstance(layer, Dense) else "tanh"
            ways = (layer.activation, f"act={layer.activation}")
            fields += sometimes(*ways) if layer.activation == default else [draw(st.sampled_from(ways))]
    if isinstance(layer, Recurrent):
        fields += ["seq"] * layer.return_sequences + ["back"] * layer.go_backwards
        if layer.merge_mode == "concat":
            fields += [draw(st.sampled_from(("bi", "bi=concat")))]
        elif layer.merge_mode:
            fields += [f"bi={layer.merge_mode}"]
    if isinstance(layer, LSTM | GRU):
        way = f"recact={layer.recurrent_activation}"
        fields += sometimes(way) if layer.recurrent_activation == "sigmoid" else [way]
    if isinstance(layer, GRU):
        fields += sometimes("reset=after") if layer.reset_after else ["reset=before"]
    fields = draw(st.permutations(fields))
    return ":".join([draw(st.sampled_from(KINDS[type(layer)])), *fields])


@st.composite
def typed(draw: st.DrawFn, network: Network) -> str:
    """One way to type a network: spaces around tokens, either case, equal neighbours folded or not."""
    texts: list[str] = []
    index = 0
    while index < len(network.layers):
        layer = network.layers[index]
        run = 1
        while index + run < len(network.layers) and network.layers[index + run] == layer and draw(st.booleans()):
            run += 1
        text = draw(_typed_layer(layer))
        texts.append(text if run == 1 and draw(st.booleans()) else f"{text}:x{run}")
        index += run
    spec = ",".join(texts)
    spaced = "".join(draw(st.sampled_from((c, c, f" {c} ", f"\t{c}"))) if c in ",:" else c for c in spec)
    # The suffixes k, M and G are the one thing that has a case.
    upper = draw(st.booleans()) and not any(suffix in spaced for suffix in "kMG")
    return spaced.upper() if upper else spaced


PIECES = (
    *(kind for names in KINDS.values() for kind in names),
    *("seq", "back", "bi", "bi=", "bi=sum", "mask", "nobias", "act=", "recact=", "reset=", "x", "x3", "x0", "x20000"),
    *ACTIVATIONS,
    *(
        "8",
        "32",
        "10x4",
        "0",
        "-1",
        "1.5",
        "0.5",
        "1e3",
        "9" * 400,
        "2147483647",
        "2147483648",
        "10k",
        "3G",
        "_",
        "nan",
    ),
    *(
        ",",
        ":",
        "=",
        ";",
        " ",
        "\t",
        "\n",
        "->",
        "|",
        ".",
        "(",
        ")",
        "units=3",
        "return_sequences=True",
        "é",
        "層",
        "İ",
    ),
)


@st.composite
def nearly_specs(draw: st.DrawFn) -> str:
    """A spec with some edits."""
    text = str(draw(networks(largest=4)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 2, 6))))
        text = text[:start] + draw(st.sampled_from(PIECES) | st.text(max_size=2)) + text[end:]
    return text


soups = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
"""Pieces of the language in no order."""
