"""
Maildirs as places to put messages into.

``tmp``, sync, rename to ``new``, sync of the folder: a message is either wholly
in ``new`` or not at all, whenever the power goes. Messages that come together
are taken through these steps together, and a folder is synchronised once for
all of them. Everything here blocks.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailext.delivery.names import account_folder
from mailext.delivery.spool import BodySpool
from mailext.values import Mailbox

__all__ = ["Letter", "Maildrops"]

# A sync of a quick disk, in seconds.
_QUICK = 0.0001
_SUBFOLDERS = ("cur", "new", "tmp")
# The Maildir specification: a file in tmp that is older than this is nobody's.
_STALE_SECONDS = 36 * 3600.0


@dataclass(frozen=True, slots=True)
class Letter:
    """
    A message for one Maildir.

    :param account: a canonical address.
    :param name: a unique name.
    :param headers: the header section, the empty line included.
    :param now: wall clock, seconds since the epoch.
    """

    account: Mailbox
    name: str
    headers: bytes
    body: BodySpool
    now: float


@dataclass(slots=True)
class _Placing:
    """
    A letter on its way.

    :param descriptor: its file, open.
    :ivar trouble: what went wrong.
    """

    maildir: str
    name: str
    size: int
    descriptor: int
    trouble: Exception | None = None

    @property
    def temporary(self) -> str:
        return f"{self.maildir}/tmp/{self.name}"  # noqa: S108 - of the Maildir

    @property
    def final(self) -> str:
        # Maildir++: the size of the file.
        return f"{self.maildir}/new/{self.name},S={self.size}"

    def synchronise(self) -> None:
        """The content, and the end of the file's being open."""
        try:
            os.fsync(self.descriptor)
        finally:
            os.close(self.descriptor)

    def move(self) -> None:
        """To where messages are looked for."""
        os.rename(self.temporary, self.final)  # noqa: PTH104 - one object less for each message


class Maildrops:
    """
    The Maildirs of all accounts, ``root/domain/local part``. They are created
    when the first message comes.

    :param root: the folder that they are in; its own folder exists.
    :param steady: seconds of a clock that never jumps.
    :ivar sync_seconds: what a sync has taken of late.
    """

    def __init__(self, root: Path, steady: Callable[[], float]) -> None:
        self.sync_seconds = 0.0
        self._root = root
        self._steady = steady
        # When each Maildir was last prepared.
        self._prepared: dict[Mailbox, tuple[str, float]] = {}

    def put(self, letters: Sequence[Letter]) -> list[Exception | None]:
        """
        Put letters into Maildirs. Trouble with one is not the others'.

        :return: of each what kept it from being there for sure, None for
            nothing. Where there is something nothing of it is left, if that
            can be helped.
        """
        troubles: list[Exception | None] = [None] * len(letters)
        placings: dict[int, _Placing] = {}
        for index, letter in enumerate(letters):
            try:
                placings[index] = self._write(letter)
            except Exception as trouble:  # noqa: BLE001 - told to the one whose letter it is
                troubles[index] = trouble
        self._place(placings.values())
        for index, placing in placings.items():
            troubles[index] = placing.trouble
        return troubles

    def _write(self, letter: Letter) -> _Placing:
        maildir, prepared = self._prepared.get(letter.account, ("", -math.inf))
        if letter.now >= prepared + _STALE_SECONDS:
            maildir = self._prepare(letter.account, letter.now)
        try:
            return _written(maildir, letter)
        except FileNotFoundError:
            # Somebody has removed its folders.
            return _written(self._prepare(letter.account, letter.now), letter)

    def _place(self, placings: Iterable[_Placing]) -> None:
        moved: dict[str, list[_Placing]] = {}
        taken: list[float] = []
        # All are written before the first is waited for: the file system brings
        # them to the disk together.
        for placing in placings:
            began = self._steady()
            try:
                placing.synchronise()
                taken.append(self._steady() - began)
                placing.move()
            except Exception as trouble:  # noqa: BLE001 - told to the one whose letter it is
                placing.trouble = trouble
                _remove(placing.temporary)
            else:
                moved.setdefault(placing.maildir, []).append(placing)
        # Some may have waited for a processor and not for the disk: the least
        # counts, and it takes several that are slow to be slow.
        self.sync_seconds = min([*taken, 2 * max(self.sync_seconds, _QUICK)])
        _sync_folders(moved)

    def _prepare(self, account: Mailbox, now: float) -> str:
        maildir = account_folder(self._root, account)
        parents = [self._root, maildir.parent, maildir]
        for folder in (*parents, *(maildir / name for name in _SUBFOLDERS)):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(0o700)
        # Also where they were there: whoever created them may have died before
        # this point.
        for folder in (self._root.parent, *parents):
            _sync_folder(str(folder))
        _remove_stale(maildir / "tmp", now)
        self._prepared[account] = str(maildir), now
        return str(maildir)


def _written(maildir: str, letter: Letter) -> _Placing:
    temporary = f"{maildir}/tmp/{letter.name}"  # noqa: S108 - of the Maildir
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        letter.body.write_to(descriptor, letter.headers)
    except BaseException:
        os.close(descriptor)
        _remove(temporary)
        raise
    return _Placing(maildir, letter.name, len(letter.headers) + letter.body.size, descriptor)


def _sync_folders(moved: Mapping[str, Sequence[_Placing]]) -> None:
    for maildir, together in moved.items():
        try:
            _sync_folder(f"{maildir}/new")
        except Exception as trouble:  # noqa: BLE001 - likewise
            for placing in together:
                # The queue keeps the message and tries again: this is not to
                # become a second copy.
                placing.trouble = trouble
                _remove(placing.final)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - as above


def _remove_stale(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < now - _STALE_SECONDS:
                path.unlink()
