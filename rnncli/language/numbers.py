"""Numbers with commas or spaces in them or between them: `embed:10,000x32`, `input:50,8`, `lstm:64,32`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, zip_longest

from rnncli.errors import SpecError, quote
from rnncli.language.hints import two_sizes
from rnncli.language.source import Token, lowered
from rnncli.layers import KINDS
from rnncli.layers.size_forms import Numbers, Share
from rnncli.layers.sizes import BLANK_PATTERN

_NUMBER = rf"(?:[0-9][0-9_]*[kMG]?|{BLANK_PATTERN})"
_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:(?:\s*[xX]\s*|\s+){_NUMBER})*\s*")
_JOINT = re.compile(r"(\s*[xX]\s*|\s+)")


@dataclass
class _Layer:
    """A layer as typed, taken apart around the last of its numbers.

    Attributes:
        kind: the name of its kind.
        before: what stands before the numbers.
        numbers: the numbers.
        joints: what stands between them: an x, a comma, or spaces.
        after: the fields behind the numbers.
        start: where the first number starts.
        end: where the last one ends.
        message: what is wrong with the numbers, where it is known already.
    """

    kind: str
    before: str
    numbers: list[str]
    joints: list[str]
    after: str
    start: int
    end: int
    message: str = ""

    def add(self, token: Token) -> None:
        """Take in a token that starts with numbers."""
        numbers, joints, self.after, self.end = _taken_apart(token)
        if not self.numbers:
            self.before, self.start = f"{self.before}:", token.start
            self.message = "a colon stands before the size of a layer"
        else:
            self.joints.append(",")
        self.numbers += numbers
        self.joints += joints


def comma_numbers(text: str) -> SpecError | None:
    """Return the error for the first numbers that are written so, with the repair for all of them, or None."""
    layers: list[_Layer] = []
    for token in Token(text, 0).split(","):
        _take(token, layers)
    fault = None
    repaired = []
    for layer in layers:
        sizes, message = _sizes(layer)
        repaired.append(f"{layer.before}{sizes}{layer.after}")
        fault = fault or (message and (message, layer))
    if not fault:
        return None
    message, layer = fault
    span = (layer.start, layer.end)
    return SpecError(
        f"{message}, not as in {quote(text[slice(*span)])}",
        text=text,
        span=span,
        lead="perhaps",
        repair=",".join(repaired),
    )


def _take(token: Token, layers: list[_Layer]) -> None:
    """Add a token to the layers of a text: a layer, or more numbers of the last."""
    first = token.text.partition(":")[0]
    last = layers[-1] if layers else None
    if last is not None and lowered(last.kind) in KINDS and _NUMBERS.fullmatch(first):
        bare = last.before == last.kind
        if not last.after and (last.numbers or bare):
            last.add(token)
        else:
            layers.append(_Layer(last.kind, f"{last.kind}:", *_taken_apart(token)[:3], token.start, token.end))
            layers[-1].message = "each layer has a kind of its own"
        return
    before, colon, tail = token.text.rpartition(":")
    if colon and _NUMBERS.fullmatch(tail):
        start = token.end - len(tail.lstrip())
        numbers = _taken_apart(Token(tail.strip(), start))
        layers.append(_Layer(first.strip(), before + colon, *numbers[:3], start, token.end))
    else:
        layers.append(_Layer(first.strip(), token.text, [], [], "", token.start, token.end))


def _taken_apart(token: Token) -> tuple[list[str], list[str], str, int]:
    """Return the numbers at the start of a token, what is between them, what follows, and where they end."""
    numbers, colon, after = token.text.partition(":")
    parts = _JOINT.split(numbers.strip())
    return parts[::2], parts[1::2], colon + after, token.start + len(numbers.rstrip())


def _sizes(layer: _Layer) -> tuple[str, str]:
    """Return the sizes that the numbers of a layer are, and what is wrong as they stand; nothing if they are right."""
    cls = KINDS.get(lowered(layer.kind))
    as_typed = "".join(chain.from_iterable(zip_longest(layer.numbers, layer.joints, fillvalue="")))
    if cls is None or all(joint.strip() in ("x", "X") for joint in layer.joints):
        return as_typed, layer.message
    if isinstance(cls.sizes, Share) and len(layer.numbers) == 2:
        return ".".join(layer.numbers), "a share is written with a point"
    if not isinstance(cls.sizes, Numbers):
        return as_typed, layer.message
    most = len(cls.sizes.attributes)
    numbers = _with_thousands(layer, most)
    merged = "a number is written without commas" if len(numbers) < len(layer.numbers) else ""
    if len(numbers) <= most:
        return "x".join(numbers), layer.message or merged or "sizes are joined by x"
    if most > 1:
        return as_typed, layer.message
    if len(numbers) == 2:
        return two_sizes(cls, layer.kind, *numbers), layer.message or merged or "each layer has a kind of its own"
    return f",{layer.kind}:".join(numbers), layer.message or merged or "each layer has a kind of its own"


def _with_thousands(layer: _Layer, most: int) -> list[str]:
    """Return the numbers, those joined that are the thousands of one.

    A group of three digits that starts with 0 is no number of its own. Any other is taken for thousands only where
    there are too many numbers, and where a kind has one number only behind a single digit: `lstm:64,128` is two layers.
    """
    numbers = layer.numbers[:1]
    started = len(numbers[0]) <= 3 and numbers[0].isdigit()
    merged = False
    extra = len(layer.numbers) - most
    for joint, group in zip(layer.joints, layer.numbers[1:], strict=True):
        thousands = started and joint.strip() in (",", "") and len(group) == 3 and group.isdigit()
        if thousands and (group[0] == "0" or (extra > 0 and (most > 1 or merged or len(numbers[-1]) == 1))):
            numbers[-1] += group
            merged = True
            extra -= 1
        else:
            numbers.append(group)
            started = len(group) <= 3 and group.isdigit()
            merged = False
    return numbers
