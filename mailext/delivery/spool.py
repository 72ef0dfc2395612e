"""
The body of one message on its way into mailboxes.

Everything here blocks, but for what stays in memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

__all__ = ["BodySpool", "write_all"]

_COPY_LENGTH = 256 * 1024


class BodySpool:
    """
    Holds a body: its end in memory, what came before in a file without a name,
    which nothing has to clean up after a crash. A small body is all end.

    :param folder: where the file is made.
    :ivar size: octets of the body so far.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._end = b""
        self.size = 0

    def extend(self, parts: Iterable[bytes]) -> None:
        """
        Append to the file.

        :raise OSError: if the disk refuses it.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - closed below
        # One call of the system: each lets another thread have the interpreter.
        together = b"".join(parts)
        write_all(self._file.fileno(), together)
        self.size += len(together)

    def end(self, parts: Iterable[bytes]) -> None:
        """The last of the body, which stays in memory."""
        self._end = b"".join(parts)
        self.size += len(self._end)

    def write_to(self, descriptor: int, beginning: bytes) -> None:
        """
        Write the whole body to a file.

        :param beginning: what comes before it.
        :raise OSError: if the disk refuses it.
        """
        if self._file is None:
            write_all(descriptor, beginning + self._end)
            return
        write_all(descriptor, beginning)
        position = 0
        # Several threads may copy at the same time.
        while chunk := os.pread(self._file.fileno(), _COPY_LENGTH, position):
            write_all(descriptor, chunk)
            position += len(chunk)
        write_all(descriptor, self._end)

    def close(self) -> None:
        """Give memory and file back."""
        if self._file is not None:
            self._file.close()


def write_all(descriptor: int, data: bytes) -> None:
    """
    Write to a file, however often it takes.

    :raise OSError: if the disk refuses it.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
