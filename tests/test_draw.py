"""`rnncli draw`: properties of every drawing; `test_screens.py` compares some with reviewed screens."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from conftest import Run, Walk
from hypothesis import given
from hypothesis import strategies as st
from kinds import BODY, small_network
from kinds.base import Kind
from strategies import MAX_SIZE, heads, networks

from rnncli import Network, RnncliError
from rnncli.characters import ascii_form
from rnncli.engine.model import Model
from rnncli.language.rules import least_steps
from rnncli.language.spec import EXAMPLE
from rnncli.layers import LAYERS, Input, SimpleRNN
from rnncli.layers.pool import POOLS
from rnncli.layers.recurrent import MERGE_MODES
from rnncli.layers.windows import PADDINGS
from rnncli.quantities import shape_text
from rnncli.render.drawing import draw
from rnncli.reports.unrolled import Unrolled

sizes = st.none() | st.integers(1, 9) | st.integers(1, MAX_SIZE)


@st.composite
def unrolled(draw_: st.DrawFn) -> Unrolled:
    """Any network unrolled in time, with known or unknown batch and timesteps."""
    network = draw_(networks())
    steps = draw_(sizes) if network.head.fixed_timesteps is None else None
    return network.draw(draw_(sizes), None if steps is None else max(steps, least_steps(network.layers))).parts[-1]


def plain(picture: Unrolled, width: int, ascii_only: bool = False) -> list[str]:
    """The lines of a drawing."""
    lines = [line.plain for line in draw(picture, width)]
    return [ascii_form(line) for line in lines] if ascii_only else lines


def rows(spec: str, timesteps: int | None = None, width: int = 80) -> list[str]:
    """The lines with a cell's state, from the top."""
    drawn = plain(Network.parse(spec).draw(None, timesteps).parts[-1], width)
    return [line[line.index("0 ─►") if "0 ─►" in line else line.index("│") :] for line in drawn if " 0" in line]


@pytest.mark.parametrize("kind", BODY, ids=lambda kind: kind.names[0])
def test_the_largest_number_is_drawn_explained_and_exported_at_once(kind: Kind) -> None:
    *below, layer = Network.parse(small_network(kind)).layers
    paddings = [{"padding": padding} for padding in PADDINGS] if hasattr(layer, "padding") else [{}]
    for name, padding in product(layer.numbers, paddings):
        with suppress(RnncliError):  # some are words or shares, and a projection must be smaller
            network = Network([*below, replace(layer, **{name: MAX_SIZE}, **padding)])
            assert str(MAX_SIZE) in f"{network.draw()}"
            assert network.explain().layers[-1].equations
            assert str(MAX_SIZE) in str(network.export("keras")).replace("_", "")


@given(unrolled(), st.integers(3, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal_and_ascii_is_ascii(picture: Unrolled, width: int, ascii_only: bool) -> None:
    lines = plain(picture, width, ascii_only)
    assert max(map(len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]
    if ascii_only:
        assert "".join(lines).isascii()


@given(unrolled(), st.integers(80, 200), st.booleans())
def test_every_name_spec_and_shape_is_shown_in_full(picture: Unrolled, width: int, ascii_only: bool) -> None:
    lines = plain(picture, width, ascii_only)
    words = [word for line in lines for word in line.split()]
    for layer in picture.layers:
        assert {layer.names[0], layer.names[-1], layer.layer.spec()} <= {*words}
        assert any(line.endswith(shape_text(layer.returns.shape)) for line in lines)
    assert any(line.endswith(shape_text(picture.input_shape)) for line in lines)


@given(unrolled(), st.integers(60, 200))
def test_arrows_upward_start_at_their_source_and_boxes_are_aligned_vertically(picture: Unrolled, width: int) -> None:
    lines = plain(picture, width)
    modes = "".join((*MERGE_MODES, *POOLS))
    inputs = "".join(lines[-3:])
    for above, below in pairwise(lines):
        for found in re.finditer("▲", above):
            assert below[found.start()] in f"┴{modes}" or below in inputs
        for found in re.finditer("┴", below):
            assert above[found.start()] in f"▲┌┬┐{modes}"
    sides = {corner.start() for line in lines for corner in re.finditer("[└┘]", line)}
    for line in lines:
        assert {side.start() for side in re.finditer("[│├┤┘]", line)} <= sides


def test_a_kind_is_centred_in_its_box(at: Walk) -> None:
    for layer in LAYERS:
        if not layer.sizes.required or layer.reads in ("vector", "input"):
            continue
        spec = f"input:9x8,rnn:4:seq,{layer.kind}:{layer.sizes.example}"
        with at(spec):
            boxes = re.findall("│( *[a-z]+ *)│", "\n".join(plain(Network.parse(spec).draw().parts[-1], 100)))
            assert any(box.strip() and layer.kind.startswith(box.strip()) for box in boxes)
            assert all(len(box) - len(box.lstrip()) == len(box) - len(box.rstrip()) for box in boxes)


LAST_STATES = {
    ("rnn:3", None): ["► hT"],
    ("lstm:3", 50): ["► h50,c50"],
    ("lstm:3:back", 50): ["h1,c1 ◄"],
    ("gru:3:bi", None): ["► hT", "h1 ◄"],
    ("lstm:3:seq:bi,rnn:2", 3): ["► h3", "► h3,c3", "h1,c1 ◄"],
    ("rnn:3:back:seq,rnn:3:back", None): ["► hT", "h1 ◄"],
    ("lstm:3:seq,pool:max", 123456): ["► hT,cT"],
    ("lstm:3,repeat:4,gru:2", 1): ["► h4", "► h1,c1"],
    ("dense:3", None): [],
}


def test_the_last_states_leave_each_row_at_the_end_of_its_time(rnncli: Run, at: Walk) -> None:
    for (spec, timesteps), last in LAST_STATES.items():
        with at(spec, timesteps):
            text = rnncli("draw", f"input:8,{spec}", *(["--timesteps", timesteps] if timesteps else [])).stdout
            assert re.findall(r"(?<=─)► h[T0-9][^ \n]*|h[T0-9][^ \n]* ◄(?=─)", text) == last
            names = dict.fromkeys(name for each in last for name in each.strip("► ◄").split(","))
            (*_, legend) = [line for line in text.splitlines() if "return_state=True" in line] or [""]
            assert {*legend.partition(":")[0].split(", ")} == {*names} or not last


DIRECTIONS = {
    "rnn:3:seq,rnn:3": "►►",
    "rnn:3:back:seq,rnn:3": "◄◄",
    "rnn:3:back:seq,rnn:3:back": "◄►",
    "rnn:3:back:seq,dense:3,rnn:3:seq,rnn:3:back:seq,rnn:3": "◄◄►►",
    "rnn:3:bi": "(►◄)",
    "rnn:3:bi:seq,rnn:3": "(►◄)►",
    "rnn:3:back:seq,rnn:3:bi:seq,rnn:3": "◄(◄►)◄",
}


def test_a_sequence_in_reversed_time_is_read_from_right_to_left(at: Walk) -> None:
    for spec, directions in DIRECTIONS.items():
        with at(spec):
            expected = "".join(reversed(re.sub(r"\((.)(.)\)", r"\2\1", directions)))
            assert ["►" if "0 ─►" in row else "◄" for row in rows(f"input:8,{spec}")] == list(expected)


@st.composite
def simple_stacks(draw_: st.DrawFn) -> Network:
    """Stacked SimpleRNNs, in any direction."""
    layers = draw_(st.lists(st.tuples(st.booleans(), st.sampled_from((None, None, "concat", "sum"))), min_size=1))
    last = draw_(st.booleans())
    recurrent = [
        SimpleRNN(
            3, go_backwards=back and mode is None, merge_mode=mode, return_sequences=last or index < len(layers) - 1
        )
        for index, (back, mode) in enumerate(layers)
    ]
    return Network((Input(2), *recurrent))


@given(simple_stacks(), st.integers(1, 5), st.data())
def test_outputs_leave_at_the_steps_whose_input_affects_them(
    network: Network, timesteps: int, data: st.DataObject
) -> None:
    model = Model(network, dtype="float64")
    # Without a recurrent kernel a cell has no memory, so an output depends only on the step that computed it.
    stateless = {
        name: weight * 0 if name.endswith("recurrent_kernel") else weight for name, weight in model.weights.items()
    }
    model = Model(network, dtype="float64", weights=stateless)
    step = data.draw(st.integers(0, timesteps - 1))
    x = np.random.default_rng(0).normal(size=(2, timesteps, 2))
    x[1] = x[0]
    x[1, step] += 1
    before, after = model(x)
    top = network.draw(2, timesteps).parts[-1].layers[-1]
    if top.returns.steps == "all":
        changed = np.flatnonzero((before != after).any(axis=-1))
        assert changed.tolist() == [timesteps - 1 - step if top.returns.reversed else step]
    else:
        ends = {"first": 0, "last": timesteps - 1}
        sees = set(ends.values()) if top.layer.merge else {ends[top.returns.steps]}
        assert (before != after).any() == (step in sees)


def test_few_timesteps_are_all_drawn() -> None:
    for timesteps, shown in ((1, "x1"), (2, "x1 x2"), (5, "x1 x2 x3 x4 x5"), (6, "x1 x2 x3 ··· x6")):
        lines = plain(Network.parse("input:8,rnn:3").draw(None, timesteps).parts[-1], 80)
        (line,) = (line for line in lines if line.startswith("input"))
        assert re.findall(r"x\d+|···", line) == shown.split()


def test_a_wider_terminal_shows_more_first_steps_but_never_more_than_six() -> None:
    picture = Network.parse(EXAMPLE).draw().parts[-1]
    counts = [
        next(line for line in plain(picture, width) if line.startswith("input")).count("x") for width in (60, 80, 120)
    ]
    assert counts == sorted(set(counts))
    assert plain(picture, 150) == plain(picture, 10_000)
    assert "x6" in plain(picture, 150)[-2]
    assert "x7" not in plain(picture, 150)[-2]


def test_three_or_more_equal_layers_are_drawn_once_if_they_read_in_one_direction() -> None:
    for stack, drawn in (("rnn:8:seq:x4", 1), ("dense:2:x3", 1), ("dense:2:x2", 2), ("rnn:8:back:seq:x4", 4)):
        assert len(Network.parse(f"input:8,dense:8,{stack}").draw().parts[-1].layers) == 1 + drawn


@given(networks(head=heads))
def test_the_drawn_layers_are_the_networks_in_order(network: Network) -> None:
    drawn = []
    for number, part in enumerate(network.draw().parts):
        # A part's sequence comes from the input, the layer below, or the layer that repeats a vector.
        drawn += [part.source] if number and part.over == "vector" else []
        drawn += [(name, layer.layer.spec()) for layer in part.layers for name in layer.names]
    assert drawn == [(name, layer.spec()) for name, layer in zip(network.names, network.body, strict=True)]
