"""What a network takes in memory, each size with the formula that it comes of, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rnncli.layers.cost import OverTime
from rnncli.quantities import features_of, memory
from rnncli.summary import FLOAT_BYTES, TRAINED_COPIES, UNTRAINED, Summary, number_bytes


class Size(NamedTuple):
    """A size in bytes, and what it comes of.

    Attributes:
        key: what JSON calls it: `total_bytes`.
        value: the size; None where it is not known, or there is none.
        words: the formula in words: `parameters × 4 B`; empty where there is none.
        numbers: the same in numbers: `324,160 × 4 B`; empty where some of them are not known.
        note: what the words mean, or why there is no size.
    """

    key: str
    value: int | None
    words: str
    numbers: str
    note: str = ""


class _Sum(NamedTuple):
    """A sum in words, and in numbers; None in place of those where they are not known."""

    words: tuple[str, ...]
    numbers: tuple[str, ...] | None

    def __add__(self, other: _Sum) -> _Sum:  # type: ignore[override]
        known = self.numbers is not None and other.numbers is not None
        return _Sum(self.words + other.words, (self.numbers or ()) + (other.numbers or ()) if known else None)

    def of(self, batch: int | None) -> _Sum:
        """Return the sum times the samples, where their number is known."""
        if batch is None or not self.words:
            return self
        numbers = None if self.numbers is None else (f"{batch:,} × {_grouped(self.numbers)}",)
        return _Sum((f"batch × {_grouped(self.words)}",), numbers)


_TIMESTEPS_UNKNOWN = "the timesteps are unknown: give --timesteps"


def sizes(summary: Summary) -> Iterator[Size]:
    """Yield the parameters' size, that of the layer outputs, what streaming needs, and what training needs at least.

    An input alone has none of them.
    """
    if not summary.layers:
        return
    batch, timesteps = summary.input_shape[:2]
    yield _parameters(summary)
    outputs = _each(summary.account.outputs, timesteps).of(batch)
    yield _size(summary, "output_bytes", outputs)
    yield _streaming(summary)
    yield _training(summary, batch, timesteps)


def _parameters(summary: Summary) -> Size:
    total = summary.total_params
    if summary.dtype != "int8":
        return _size(summary, "total_bytes", _Sum(("parameters",), (f"{total:,}",)))
    account = summary.account
    words = f"in matrices × 1 B + (other parameters + scales) × {FLOAT_BYTES} B"
    numbers = f"{total - account.floats:,} × 1 B + ({account.floats:,} + {account.scales:,}) × {FLOAT_BYTES} B"
    note = "each column of a matrix or a table has a scale; biases and all that is computed are float32"
    return Size("total_bytes", summary.total_bytes, words, numbers, note)


def _streaming(summary: Summary) -> Size:
    account = summary.account
    if not account.streams:
        note = f"{account.whole} needs the end of the sequence before it returns anything"
        note += ", so it cannot run a step at a time"
        return Size("streaming_bytes", None, "", "", note)
    most = max(account.streaming.most, key=lambda held: held.numbers, default=None)
    parts = {"input": account.input, "states of all layers": account.carried}
    if most is not None:
        name = summary.layers[most.place].name
        named = {"input": f"what {name} reads", "gates": f"gates of {name}", "output": f"what {name} makes"}
        parts |= {word: getattr(most, part) for part, word in named.items()}
    parts["output"] = features_of(account.shape)
    parts = {word: number for word, number in parts.items() if number}
    return _size(summary, "streaming_bytes", _Sum((*parts,), tuple(f"{number:,}" for number in parts.values())))


def _training(summary: Summary, batch: int | None, timesteps: int | None) -> Size:
    if summary.dtype in UNTRAINED:
        return Size("training_bytes", None, "", "", f"nobody trains in {summary.dtype}: give --dtype float32")
    total, trained = summary.total_params, summary.trainable_params
    if trained == total:
        params = _Sum((f"{1 + TRAINED_COPIES} × parameters",), (f"{1 + TRAINED_COPIES} × {total:,}",))
    else:
        params = _Sum(
            ("parameters", f"{TRAINED_COPIES} × trainable parameters"),
            (f"{total:,}", f"{TRAINED_COPIES} × {trained:,}"),
        )
    parts = summary.training_parts
    weights, activations = ("", "") if parts is None else (f" {memory(each)}" for each in parts)
    note = f"weights{weights}: parameters, gradients, Adam's two moments"
    kept = summary.account.trains_on
    if kept:
        note += f"; activations{activations}: of each timestep the gates, states and outputs that the way back needs"
    return _size(summary, "training_bytes", params + _each(kept, timesteps).of(batch), note)


def _size(summary: Summary, key: str, terms: _Sum, note: str = "") -> Size:
    number = f"{number_bytes(summary.dtype)} B"
    words = f"{_grouped(terms.words)} × {number}"
    value: int | None = getattr(summary, key)
    if value is None or terms.numbers is None:
        return Size(key, value, words, "", _TIMESTEPS_UNKNOWN)
    return Size(key, value, words, f"{_grouped(terms.numbers)} × {number}", note)


def _each(numbers: OverTime, timesteps: int | None) -> _Sum:
    """Return the sum of what there is for each of some vectors: `timesteps × 64 + 32`.

    Args:
        numbers: how many numbers there are, by how many vectors.
        timesteps: how many the input has.
    """
    words = tuple(_product("timesteps" if steps == timesteps else steps, each) for steps, each in numbers.items())
    known = None not in numbers
    return _Sum(words, tuple(_product(steps, each) for steps, each in numbers.items()) if known else None)


def _product(steps: int | str | None, each: int) -> str:
    if steps == 1:
        return f"{each:,}"
    return f"{steps if isinstance(steps, str) else f'{steps:,}'} × {each:,}"


def _grouped(terms: Sequence[str]) -> str:
    """Return a sum as a factor of a product."""
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
