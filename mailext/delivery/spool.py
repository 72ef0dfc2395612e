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

__all__ = ["BodySpool"]

_IN_MEMORY = 256 * 1024
_COPY_LENGTH = 256 * 1024


class BodySpool:
    """
    Holds a body: a small one in memory, a large one in a file without a name,
    which nothing has to clean up after a crash.

    :param folder: where the file is made.
    :ivar size: octets of the body so far.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - closed below
        self.size = 0

    def extend(self, parts: Iterable[bytes]) -> None:
        """
        Append to the body.

        :raise OSError: if the disk refuses it.
        """
        self.size += self._file.write(b"".join(parts))

    def copy_to(self, file: BinaryIO) -> None:
        """Write the whole body to a file."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, file, _COPY_LENGTH)

    def close(self) -> None:
        """Give memory and file back."""
        self._file.close()
