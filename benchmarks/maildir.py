"""A Maildir as simple servers write it: tmp, sync, rename to new, sync of the folder."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

__all__ = ["make_maildir", "put"]

_names = itertools.count()


def make_maildir(maildir: Path) -> None:
    """Make its folders."""
    for name in ("tmp", "new"):
        (maildir / name).mkdir(parents=True)


def put(maildir: Path, content: bytes) -> None:
    """Put a message into it. When this returns it is on stable storage."""
    name = f"{next(_names)}.{os.getpid()}"
    with (maildir / "tmp" / name).open("wb") as file:
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())
    (maildir / "tmp" / name).rename(maildir / "new" / name)
    folder = os.open(maildir / "new", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
