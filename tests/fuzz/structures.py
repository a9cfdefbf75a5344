"""Damage a file's content and make everything around it consistent again.

A flipped byte in an archive is caught by its checksum. Here a member, an instruction, a field or an entry is damaged
first, and lengths and checksums are computed afterwards.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickletools
import random
import struct
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from mutations import NUMBERS, TOKENS, damaged_bytes, damaged_text

Member = tuple[str, bytes]


def members_of(archive: bytes) -> list[Member]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [(info.filename, opened.read(info)) for info in opened.infolist()]


def archive_of(members: Sequence[Member], method: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names are intended
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, data)
    return content.getvalue()


def damaged_members(generator: random.Random, members: Sequence[Member]) -> list[Member]:
    """An archive's members with one damaged, renamed, omitted or duplicated."""
    made = list(members)
    place = generator.randrange(len(made))
    name, data = made[place]
    match generator.randrange(8):
        case 0:
            del made[place]
        case 1:
            made.append((name, generator.choice(members)[1]))
        case 2:
            made[place] = (damaged_text(generator, [name])[:200].encode("utf-8", "replace").decode(), data)
        case _:
            made[place] = (name, damaged_bytes(generator, [data]))
    return made


HOSTILE = [
    *(b"r\xff\xff\xff\xff", b"j\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8, b"\x8d" + b"\0" * 7 + b"\1"),
    *(b"\x95" + b"\xff" * 8, b"\x8b\xff\xff\xff\x7f", b"\x8a\xff", b"X\3\0\0\0\x1b[A", b"2\x86" * 40, b"]a" * 200),
    *(b"cos\nsystem\n", b"ctorch\nSize\n", b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n", b"P0\n"),
    *(b"J\xff\xff\xff\xff", b"G" + b"\x7f\xf8" + b"\0" * 6, b"\x88", b"\x81", b"\x93"),
    *(b"p0\n", b"g0\n", b"p99999999\n", b"(ios\nsystem\n", b"\x82\1", b"\x97", b"\x98"),
    *(b"I01\n", b"L9L\n", b"F1e999\n"),
    *(b"S'a'\n", b"Va\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"ctorch.optim.adam\nAdam\n", b"c__main__\nNet\n"),
    *(
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch._utils\n_rebuild_sparse_tensor\n",
        b"ctorch.nn.modules.rnn\nGRU\n",
    ),
    *(
        b"ctorch._utils\n_rebuild_tensor_v3\n",
        b"ctorch._tensor\n_rebuild_from_type_v2\n",
        b"ccopyreg\n_reconstructor\n",
    ),
    *(b"C\1a", b"\x96" + b"\xff" * 8, b"\x8c\7_buffers", b"\x8c\5state", b"\x8c\7storage", b"\x8c\x0cparam_groups"),
    *(bytes([code]) for code in b"RbQ(012}suaetNdlo\x85\x86\x87\x8f\x90\x91\x92\x94]."),
]
"""Pickle instructions that request a lot of memory, or something that does not exist."""


def instructions(pickle: bytes) -> list[bytes]:
    """The instructions of a pickle, or of the several pickles at the start of a file in the old format."""
    file, places = io.BytesIO(pickle), [0]
    with contextlib.suppress(ValueError):  # raw numbers follow
        while True:
            places += [file.tell() for _ in pickletools.genops(file)]
    return [pickle[start:end] for start, end in zip(places, [*places[1:], len(pickle)], strict=True)]


def damaged_pickle(generator: random.Random, pickle: bytes) -> bytes:
    """A pickle with altered instructions, or with instructions about something else."""
    steps = instructions(pickle)
    for _ in range(generator.choice((1, 1, 2, 5))):
        place = generator.randrange(len(steps))
        match generator.randrange(6):
            case 0:
                del steps[place : place + generator.choice((1, 1, 3))]
            case 1:
                steps[place:place] = steps[place : place + generator.choice((1, 5, 40))] * generator.choice((1, 3))
            case 2:
                steps.insert(place, generator.choice(HOSTILE))
            case 3:
                other = generator.randrange(len(steps))
                steps[place], steps[other] = steps[other], steps[place]
            case 4:
                steps[place] = generator.choice(HOSTILE)
            case _ if len(steps[place]) > 1:
                steps[place] = steps[place][:1] + damaged_bytes(generator, [steps[place][1:]])
        if not steps:
            return b""
    return b"".join(steps)


VALUES: list[Any] = [
    *(-1, 0, 1, 2, 2**31, 2**63 - 1, 2**64, 10**40, 1.5, float("nan"), float("inf"), True, None),
    *("", "F4", "F6_E2M3", "BF16", "F8_E4M3", "\x1b[31m", "a" * 3000, {}),
    *([], [0], [0, 0], [0, 2**63], [2**62, 0], [[]], [1] * 80, [2**62] * 60),
]


def damaged_json(generator: random.Random, text: str) -> str:
    """A JSON object with one value replaced, or with damaged text."""
    if generator.randrange(3) == 0:
        return damaged_text(generator, [text])
    value = json.loads(text)
    for _ in range(generator.choice((1, 1, 2))):
        target: Any = value
        while isinstance(target, dict | list) and target:
            key = generator.choice(list(target) if isinstance(target, dict) else range(len(target)))
            if not isinstance(target[key], dict | list) or not target[key] or generator.randrange(4) == 0:
                old = target[key]
                match generator.randrange(4):
                    case 0 if isinstance(target, dict):
                        target[generator.choice(TOKENS)] = target.pop(key)
                    case 1:
                        del target[key]
                    case 2 if type(old) is int:
                        target[key] = old + generator.choice((-4, -1, 1, 4, 100))
                    case _:
                        target[key] = deepcopy(generator.choice(VALUES))  # another damage may change it
                break
            target = target[key]
    made = json.dumps(value)
    if generator.randrange(20) == 0:
        made = made.replace("{", "{" + made[1:-1] + ",", 1)  # duplicate every name
    return made


Fields = list[tuple[int, int, Any]]


def fields_of(data: bytes) -> Fields | None:
    """The fields of a protobuf message and of its nested messages; None if it is not a message."""
    found: Fields = []
    place = 0
    while place < len(data):
        key, place = number_at(data, place)
        if place < 0 or not 1 <= key >> 3 < 100:
            return None
        wire, value = key & 7, None
        if wire == 0:
            value, place = number_at(data, place)
            if place < 0:
                return None
        elif wire in (1, 2, 5):
            size, place = number_at(data, place) if wire == 2 else ({1: 8, 5: 4}[wire], place)
            if place < 0 or place + size > len(data):
                return None
            value = data[place : place + size]
            place += size
            if wire == 2 and len(value) > 1 and (inner := fields_of(value)) is not None:
                value = inner
        else:
            return None
        found.append((key >> 3, wire, value))
    return found


def number_at(data: bytes, place: int) -> tuple[int, int]:
    """The number at an offset and the offset after it; -1 if it does not end."""
    number = 0
    for index, byte in enumerate(data[place : place + 10]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, place + index + 1
    return 0, -1


def number_bytes(number: int) -> bytes:
    made = b""
    while number > 127:
        made += bytes([number & 127 | 128])
        number >>= 7
    return made + bytes([number])


def message_of(fields: Fields) -> bytes:
    made = []
    for number, wire, value in fields:
        data = message_of(value) if isinstance(value, list) else value
        made.append(number_bytes(number << 3 | wire))
        if wire == 0:
            made.append(number_bytes(data))
        else:
            made += [number_bytes(len(data)) if wire == 2 else b"", data]
    return b"".join(made)


def messages_in(fields: Fields) -> Iterator[Fields]:
    if fields:
        yield fields
    for _, _, value in fields:
        if isinstance(value, list):
            yield from messages_in(value)


ODD_TEXTS = (b"", b"\x1b[31m", b"../x", b"/etc/passwd", b"\xff" * 9, b"\0" * 64)


def damaged_message(generator: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A message with altered fields and correct lengths."""
    whole = fields_of(generator.choice(seeds))
    assert whole is not None
    for _ in range(generator.choice((1, 1, 2, 4))):
        messages = list(messages_in(whole))
        if not messages:
            break
        fields = generator.choice(messages)
        place = generator.randrange(len(fields))
        number, wire, value = fields[place]
        match generator.randrange(7):
            case 0:
                del fields[place]
            case 1:
                again = fields[place : place + generator.choice((1, 1, 8))] * generator.choice((1, 2, 50))
                fields[place:place] = deepcopy(again)
            case 2:
                fields.insert(place, deepcopy(generator.choice(generator.choice(messages))))
            case 3:
                fields[place] = (generator.randrange(1, 30), wire, value)
            case 4 if wire == 0:
                fields[place] = (number, 0, generator.choice((*NUMBERS, *range(30))))
            case 5 if wire == 2:
                fields[place] = (number, 2, generator.choice(ODD_TEXTS))
            case _ if isinstance(value, bytes):
                made = damaged_bytes(generator, [value])
                fields[place] = (number, wire, made if wire == 2 else (made + bytes(8))[: len(value)])
        if len(list(messages_in(whole))) > 3000:
            break
    return message_of(whole)


def with_length(header: str) -> bytes:
    data = header.encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data
