"""Damage a text, or the bytes of a file."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

TOKENS = [
    *("input:8", "embed:9x3", "rnn:4:seq", "lstm:_", "gru:3:reset=before", "dense:2:softmax", "dropout:0.5", "norm"),
    *("repeat:5", "pool:max", "bi=sum", "back", "x3", "x99999", "act=", "=", ":", ",", "_", "-", ".", "..", "{", "}"),
    *("{,}", "{1..9}", "{u=1,2}", "{u}", "{01..10..3}", "\\", "#", "(", ")", "[", "]", "'", '"', " ", "\n", "\r", "\t"),
    *("0", "1", "10k", "1G", "2147483647", "2147483648", "9" * 40, "1e9", "-1", "0x10", "1_000", "٣", "½", "\u212a"),
    *("\x00", "\x1b[31m", "\u202e", "\ud800", "é", "漢", "Ａ", "🙂"),
    *("return_sequences=True", "LSTM(8)", "nn.GRU(8, 4)"),
]

NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]


def damaged_text(generator: random.Random, seeds: Sequence[str]) -> str:
    """A seed with some damage; occasionally something long."""
    text = generator.choice(seeds)
    for _ in range(generator.choice((0, 1, 1, 2, 3, 8))):
        start = generator.randint(0, len(text))
        end = min(len(text), start + generator.choice((0, 1, 1, 2, 5, 20)))
        match generator.randrange(6):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + generator.choice(TOKENS) + text[start:]
            case 2:
                text = text[:start] + generator.choice(TOKENS) + text[end:]
            case 3:
                text = text[:start] + text[start:end] * generator.choice((2, 3, 30)) + text[end:]
            case 4:
                other = generator.choice(seeds)
                text = text[:start] + other[generator.randint(0, len(other)) :]
            case _:
                text = (
                    text[:start]
                    + chr(generator.choice((generator.randrange(128), generator.randrange(0xD800))))
                    + text[end:]
                )
    if generator.randrange(500) == 0:
        text = text * (70_000 // (len(text) + 1))
    return text


def damaged_bytes(generator: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with some damage."""
    data = bytearray(generator.choice(seeds))
    for _ in range(generator.choice((0, 1, 1, 1, 2, 4, 30))):
        # Headers are at the start, an archive's directory at the end.
        place = generator.choice((generator.randint(0, len(data)), min(len(data), generator.randrange(130)), 0))
        if generator.randrange(3) == 0:
            place = max(0, len(data) - generator.randrange(400))
        match generator.randrange(7):
            case 0 if place < len(data):
                data[place] ^= 1 << generator.randrange(8)
            case 1 if place < len(data):
                data[place] = generator.randrange(256)
            case 2:
                del data[place:]
            case 3:
                del data[place : place + generator.choice((1, 2, 8, 100))]
            case 4:
                number = generator.choice(NUMBERS)
                written = struct.pack("<Q", number)[: generator.choice((1, 2, 4, 8))]
                data[place : place + len(written)] = written
            case 5:
                other = generator.choice(seeds)
                start = generator.randint(0, len(other))
                data[place:place] = other[start : start + generator.choice((4, 30, 500))]
            case _:
                data[place:place] = generator.randbytes(generator.choice((1, 4, 64)))
    return bytes(data)
