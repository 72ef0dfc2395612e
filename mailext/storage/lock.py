"""One process owns a state directory; what several use is opened by one at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailext.storage.errors import StoreInUseError

__all__ = ["StateLock", "alone"]


class StateLock:
    """
    The exclusive lock of a state directory. It ends with the process that
    holds it, however that ends; a file left behind means nothing.

    :param directory: the state directory; it exists.
    :raise StoreInUseError: if another process holds the lock, saying which.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "mailext.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreInUseError(f"{directory} is in use by process {holder}") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have the directory."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """
    Wait until no other process is at this point.

    :param path: a file that stands for the point; made as needed.
    :raise OSError: if it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
