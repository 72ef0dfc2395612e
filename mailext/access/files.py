"""Files that are wholly there or not at all, whenever the power goes. Everything here blocks."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["append_durably", "remove_stale", "replace_durably", "sync_folder"]

# The Maildir specification: a file in tmp that is older than this is nobody's.
_STALE_SECONDS = 36 * 3600.0


def sync_folder(folder: Path) -> None:
    """Bring what was created, renamed and removed in a folder to stable storage."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, data: bytes) -> None:
    """
    Put a file in the place of another. Nobody else does so with the same file
    at the same time.
    """
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def append_durably(path: Path, data: bytes) -> None:
    """Put more at the end of a file that is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    with os.fdopen(descriptor, "ab") as file:
        file.write(data)
        file.flush()
        os.fdatasync(descriptor)


def remove_stale(folder: Path, now: float) -> None:
    """
    Remove what somebody has left who died on the way.

    :param folder: a Maildir's ``tmp``.
    :param now: wall clock, seconds since the epoch.
    """
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < now - _STALE_SECONDS:
                path.unlink()
