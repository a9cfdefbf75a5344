"""The bytes of a member of a zip archive, if it can have as many as it claims."""

from __future__ import annotations

import zipfile

from rnncli.errors import RnncliError

AGAIN = "save it again, or copy it again from where it came"
"""What mends a damaged file."""

MAX_COMPRESSION = 20
"""How many bytes may come from one that is stored, beyond `UNSTORED`."""

UNSTORED = 32 << 20
"""Bytes that may come from next to nothing: zeros, compressed."""


def member(archive: zipfile.ZipFile, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a member of a zip archive.

    Raises:
        RnncliError: it is not there, is encrypted, damaged, or claims more bytes than it can have.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise RnncliError(
            f"it has no {name}, as every .keras file has", "save it again: model.save('model.keras')"
        ) from None
    if info.flag_bits & 1:
        raise RnncliError(f"its {name} is encrypted", "save it without a password")
    if info.file_size > MAX_COMPRESSION * info.compress_size + UNSTORED or (most is not None and info.file_size > most):
        allowed = f"; {most:,} are allowed" if most is not None and info.file_size > most else ""
        claims = f"its {name} claims {info.file_size:,} bytes of {info.compress_size:,} compressed{allowed}"
        raise RnncliError(claims, AGAIN)
    with archive.open(info) as file:
        return file.read(info.file_size)
