"""The common part of the three cells: the loop over time, in one or both directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, product
from typing import Any, ClassVar

import numpy as np

from kinds.activations import ACTIVATIONS, activation
from kinds.base import Dice, Kind, Option, Sample, flag, keras, torch
from rnncli.engine.activations import Array
from rnncli.layers import Recurrent

DIRECTIONS = ("", "back", "bi=concat", "bi=sum", "bi=mul", "bi=ave")

MERGES = {
    "concat": lambda forward, backward: np.concatenate([forward, backward], axis=-1),
    "sum": lambda forward, backward: forward + backward,
    "mul": lambda forward, backward: forward * backward,
    "ave": lambda forward, backward: (forward + backward) / 2,
}


class RecurrentKind(Kind):
    """A recurrent cell. Its file defines a step, and its options in addition to these."""

    rounds: ClassVar[int]
    """How often the golden values repeat all its activations."""
    numbers = ("units",)
    options: ClassVar[Mapping[str, Option]] = {
        "return_sequences": flag("seq"),
        "go_backwards": flag("back"),
        "merge_mode": Option(
            {None: (), "concat": ("bi", "bi=concat"), **{mode: (f"bi={mode}",) for mode in ("sum", "mul", "ave")}},
            usual=(None, "concat"),
        ),
        "use_bias": flag("nobias", value=False),
        "activation": activation("tanh", usual=("tanh",)),
    }

    def draw(self, dice: Dice, plausible: bool = True) -> Recurrent:
        # Most layers return their sequence, to allow deep stacks.
        layer = replace(super().draw(dice), return_sequences=dice.choice((True, True, False)))
        if plausible and layer.merge_mode is not None:
            return replace(layer, go_backwards=False)
        return layer

    def keras_layer(self, layer):
        arguments = self.arguments(layer)
        mode = arguments.pop("merge_mode")
        cell = getattr(keras.layers, self.keras_name)(**arguments)
        return cell if mode is None else keras.layers.Bidirectional(cell, merge_mode=mode)

    def torch_module(self, layer, shape):
        """Pass PyTorch the settings that differ from Keras's defaults; it may refuse them."""
        return getattr(torch.nn, self.torch_name)(
            shape[-1],
            layer.units,
            batch_first=True,
            bias=layer.use_bias,
            bidirectional=layer.merge_mode is not None,
            device="meta",
            **self.torch_arguments(layer),
            **({} if layer.merge_mode in (None, "concat") else {"merge_mode": layer.merge_mode}),
        )

    def torch_arguments(self, layer) -> dict[str, Any]:
        """Return the cell settings that differ from Keras's defaults."""
        return {
            name: getattr(layer, name)
            for name in ("activation", "recurrent_activation", "reset_after")
            if name in self.options and getattr(layer, name) != self.options[name].default
        }

    def torch_run(self, layer, module, x):
        outputs, states = module(x.flip(1) if layer.go_backwards else x)
        if layer.return_sequences:
            return outputs
        last = states[0] if isinstance(states, tuple) else states
        return torch.cat(tuple(last), dim=-1)

    def gates(self, layer, weights: Mapping[str, Array], x: Array, h: Array) -> dict[str, Array]:
        """Return the gates and the candidate of a step, in the order of Keras's blocks."""
        return {}

    def step(self, layer, weights: Mapping[str, Array], x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """Return h and c after a step; only an LSTM uses c."""
        raise NotImplementedError

    def textbook(self, layer, weights, sample):
        x = sample.values
        counts = [True] * len(x) if sample.mask is None else list(sample.mask)
        if layer.merge_mode is not None:
            zero = layer.return_sequences
            forward = self._run(layer, under(weights, "forward/"), x, counts, zero)
            backward = self._run(layer, under(weights, "backward/"), x[::-1], counts[::-1], zero)
            if layer.return_sequences:
                backward = backward[::-1]
            y = MERGES[layer.merge_mode](forward, backward)
        elif layer.go_backwards:
            y = self._run(layer, weights, x[::-1], counts[::-1], zero_masked=False)
        else:
            y = self._run(layer, weights, x, counts, zero_masked=False)
        # Keras passes the mask on unchanged, even if time is reversed from here on.
        return Sample(y, sample.mask if layer.return_sequences else None)

    def _run(self, layer, weights: Mapping[str, Array], x: Array, counts: list[bool], zero_masked: bool) -> Array:
        """Return the output of every step, or of the last; Keras's Bidirectional outputs zeros for masked steps."""
        h = np.zeros(len(weights["recurrent_kernel"]))
        c = np.zeros(layer.units)
        outputs = []
        for x_t, count in zip(x, counts, strict=True):
            if count:
                h, c = self.step(layer, weights, x_t, h, c)
            outputs.append(h if count or not zero_masked else np.zeros_like(h))
        return np.array(outputs) if layer.return_sequences else h

    def golden_networks(self):
        cell = self.names[0]
        for head in ("input:8", "input:7x8", "embed:10x4:mask"):
            yield f"{head},{cell}:5"
            yield f"{head},{cell}:5:seq"
        for direction in DIRECTIONS[1:]:
            yield f"input:8,{cell}:5:{direction}"
            yield f"input:8,{cell}:5:{direction}:seq:nobias"
        for name in ACTIVATIONS:
            yield f"input:8,{cell}:5:{name}"
        if "recurrent_activation" in self.options:
            for name in ACTIVATIONS:
                yield f"input:8,{cell}:5:recact={name}"

    def golden_values(self):
        cell = self.names[0]
        for number, layer in enumerate(self._covering_layers()):
            masked = layer.endswith(":masked")
            features = number % 3 + 1
            head = f"embed:5x{features}:mask" if masked else f"input:{features}"
            yield f"{head},{layer.removesuffix(':masked')}"
        for direction in DIRECTIONS:
            layer = f"{cell}:3:seq:{direction}".rstrip(":")
            yield f"input:2,{layer}:x2,{layer.replace(':seq', '')}"
            yield f"embed:6x2:mask,{layer},dense:2:tanh,dropout:0.5,{layer.replace(':seq', '')},dense:2"

    def _covering_layers(self) -> list[str]:
        """Return layers with every combination of activations that together cover the other settings.

        Every two settings occur together, and so do all combinations of direction, sequence, bias and mask.
        """
        gates = ACTIVATIONS if "recurrent_activation" in self.options else ("",)
        resets = ("after", "before") if "reset_after" in self.options else ("",)
        others = list(product(DIRECTIONS, ("seq", ""), ("nobias", ""), ("masked", "")))
        pairs: set[object] = set()
        uses: Counter[tuple[str, ...]] = Counter()
        layers = []
        for number, (_, *cell) in enumerate(product(range(self.rounds), ACTIVATIONS, gates, resets)):
            # Choose the other settings that add the most new pairs; among ties, the least used.
            settings = max((len(_pairs_of(*cell, *each) - pairs), -uses[each], each) for each in others)[-1]
            pairs.update(_pairs_of(*cell, *settings))
            uses[settings] += 1
            act, gate, reset = cell
            words = [f"act={act}", gate and f"recact={gate}", reset and f"reset={reset}", *settings]
            layers.append(":".join([self.names[0], str(number % 3 + 1), *(word for word in words if word)]))
        return layers


def _pairs_of(*settings: str) -> set[object]:
    """Return every pair of the settings, each with its position."""
    return set(combinations(enumerate(settings), 2))


def under(weights: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays of a layer or direction, by their names within it."""
    return {key.removeprefix(prefix): array for key, array in weights.items() if key.startswith(prefix)}
