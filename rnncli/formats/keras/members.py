"""The members of a .keras file, which is a zip archive: config, metadata and HDF5."""

from __future__ import annotations

from collections.abc import Mapping

from rnncli.errors import RnncliError
from rnncli.formats.faults import AGAIN
from rnncli.formats.file_reader import FileReader
from rnncli.formats.zip_archive import Member, members, read_member

MAX_COMPRESSION = 20
"""How many bytes may come from one that is packed, beyond `UNPACKED`."""

UNPACKED = 32 << 20
"""Bytes that may come from next to nothing: zeros, compressed."""


class Members:
    """What is in a .keras file, by name.

    Args:
        file: the archive.

    Raises:
        RnncliError: it is damaged.
    """

    def __init__(self, file: FileReader) -> None:
        self._file = file
        try:
            self._by_name: Mapping[str, Member] = {member.name: member for member in members(file)}
        except RnncliError as error:
            raise RnncliError(error.message, error.advice or AGAIN) from None

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return the bytes of a member.

        Args:
            name: its name.
            most: how many bytes it may have; None is as many as can be packed in so few.

        Raises:
            RnncliError: it is not there, is damaged or encrypted, or has more bytes than it may have.
        """
        if name not in self._by_name:
            raise RnncliError(f"it has no {name}, as every .keras file has", "save it again: model.save('model.keras')")
        member = self._by_name[name]
        try:
            return read_member(self._file, member, most or MAX_COMPRESSION * member.packed + UNPACKED)
        except RnncliError as error:
            message = error.message if name in error.message else f"its {name}: {error.message}"
            raise RnncliError(message, error.advice or AGAIN) from None
