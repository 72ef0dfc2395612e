"""
The body of one message on its way into mailboxes.

Everything here blocks.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

__all__ = ["BodySpool", "to_line_feeds"]

_IN_MEMORY = 256 * 1024
_COPY_LENGTH = 256 * 1024


def to_line_feeds(data: bytes) -> bytes:
    """Canonical lines with LF at their ends in place of CRLF."""
    return data.replace(b"\r\n", b"\n")


class BodySpool:
    """
    Holds a body with LF line ends: a small one in memory, a large one in a file
    without a name, which nothing has to clean up.

    :param folder: where the file is made.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - it lives as long as the message
        self._carriage_return = b""
        self.size = 0
        self.lines = 0

    def extend(self, parts: Iterable[bytes]) -> None:
        """
        Append to the body.

        :param parts: canonical CRLF lines, cut anywhere.
        :raise OSError: if the disk refuses it.
        """
        data = self._carriage_return + b"".join(parts)
        # The LF of a CRLF may come with the next part.
        self._carriage_return = data[-1:] if data.endswith(b"\r") else b""
        data = to_line_feeds(data.removesuffix(b"\r"))
        self._file.write(data)
        self.size += len(data)
        self.lines += data.count(b"\n")

    def copy_to(self, file: BinaryIO) -> None:
        """Write the whole body to a file."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, file, _COPY_LENGTH)

    def close(self) -> None:
        """Give memory and file back."""
        self._file.close()
