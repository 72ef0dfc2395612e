"""
Maildirs as places to put messages into.

``tmp``, sync, rename to ``new``, sync of the folder: a message is either wholly
in ``new`` or not at all, whenever the power goes. Everything here blocks.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

from mailext.delivery.names import account_folder
from mailext.delivery.spool import BodySpool
from mailext.values import Mailbox

__all__ = ["Maildrops"]

_SUBFOLDERS = ("cur", "new", "tmp")
# The Maildir specification: a file in tmp that is older than this is nobody's.
_STALE_SECONDS = 36 * 3600.0


class Maildrops:
    """
    The Maildirs of all accounts, ``root/domain/local part``. They are created
    when the first message comes.

    :param root: the folder that they are in; its own folder exists.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # When each Maildir was last prepared.
        self._prepared: dict[Path, float] = {}

    def put(self, account: Mailbox, name: str, headers: bytes, body: BodySpool, now: float) -> None:
        """
        Put a message into an account's Maildir.

        :param account: a canonical address.
        :param name: a unique name.
        :param headers: the header section, the empty line included.
        :param now: wall clock, seconds since the epoch.
        :raise OSError: if it is not there for sure. Nothing of it is then left,
            if that can be helped.
        """
        maildir = account_folder(self._root, account)
        if now >= self._prepared.get(maildir, -math.inf) + _STALE_SECONDS:
            self._prepare(maildir, now)
        try:
            _put(maildir, name, headers, body)
        except FileNotFoundError:
            # Somebody has removed its folders.
            self._prepare(maildir, now)
            _put(maildir, name, headers, body)

    def _prepare(self, maildir: Path, now: float) -> None:
        parents = [self._root, maildir.parent, maildir]
        for folder in (*parents, *(maildir / name for name in _SUBFOLDERS)):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(0o700)
        # Also where they were there: whoever created them may have died before
        # this point.
        for folder in (self._root.parent, *parents):
            _sync_folder(folder)
        _remove_stale(maildir / "tmp", now)
        self._prepared[maildir] = now


def _put(maildir: Path, name: str, headers: bytes, body: BodySpool) -> None:
    temporary = maildir / "tmp" / name
    # Maildir++: the size of the file.
    final = maildir / "new" / f"{name},S={len(headers) + body.size}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(headers)
            body.copy_to(file)
            file.flush()
            os.fsync(descriptor)
        temporary.rename(final)
    except BaseException:
        _remove(temporary)
        raise
    try:
        _sync_folder(final.parent)
    except BaseException:
        # The queue keeps the message and tries again: this is not to become a
        # second copy.
        _remove(final)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _remove_stale(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < now - _STALE_SECONDS:
                path.unlink()
