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
from io import FileIO
from pathlib import Path

from mailext.delivery.names import account_folder
from mailext.delivery.spool import BodySpool, write_all
from mailext.values import Mailbox

__all__ = ["Letter", "LetterFile", "Maildrops"]

# A sync of a quick disk, in seconds.
_QUICK = 0.0001
# For how long, in seconds, a sync tells of the disk.
_LATE = 1.0
# The sync of a larger file, in octets, says more of its size than of the disk.
_TELLING = 65536
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


class LetterFile:
    """
    A letter in ``tmp`` of its Maildir, to which more may be written.

    :param maildir: the path of the Maildir.
    :param letter: what is in the file so far.
    :param file: the file, which is the letter file's from now on.
    :ivar account: whose Maildir it is.
    :ivar size: octets so far.
    :ivar trouble: what kept it from being where it should be.
    """

    def __init__(self, maildir: str, letter: Letter, file: FileIO) -> None:
        self.account = letter.account
        self.maildir = maildir
        self.size = len(letter.headers) + letter.body.size
        self.trouble: Exception | None = None
        self._name = letter.name
        self._file = file
        self._end: Sequence[bytes] = ()

    def extend(self, parts: Iterable[bytes]) -> None:
        """
        Append to the body.

        :raise OSError: if the disk refuses it.
        """
        # One call of the system: each lets another thread have the interpreter.
        together = b"".join(parts)
        write_all(self._file.fileno(), together)
        self.size += len(together)

    def end(self, parts: Sequence[bytes]) -> None:
        """The last of the body, which stays in memory until the letter is put into its Maildir."""
        self._end = parts

    def synchronise(self) -> None:
        """The content, and the end of the file's being open."""
        with self._file:
            self.extend(self._end)
            os.fsync(self._file.fileno())

    def move(self) -> None:
        """To where messages are looked for."""
        os.rename(self._temporary, self._final)  # noqa: PTH104 - one object less for each message

    def discard(self) -> None:
        """It is not to be moved: close and remove it, as far as that can be done."""
        with contextlib.suppress(OSError):
            self._file.close()
        _remove(self._temporary)

    def take_back(self) -> None:
        """It is not to stay where it was moved."""
        _remove(self._final)

    @property
    def _temporary(self) -> str:
        return f"{self.maildir}/tmp/{self._name}"  # noqa: S108 - of the Maildir

    @property
    def _final(self) -> str:
        # Maildir++: the size of the file.
        return f"{self.maildir}/new/{self._name},S={self.size}"


class Maildrops:
    """
    The Maildirs of all accounts, ``root/domain/local part``. They are created
    when the first message comes.

    :param root: the folder that they are in; its own folder exists.
    :param steady: seconds of a clock that never jumps.
    """

    def __init__(self, root: Path, steady: Callable[[], float]) -> None:
        self._root = root
        self._steady = steady
        # What a sync has taken, and when that was.
        self._sync_seconds = 0.0
        self._synchronised = -math.inf
        # When each Maildir was last prepared.
        self._prepared: dict[Mailbox, tuple[str, float]] = {}

    @property
    def sync_seconds(self) -> float:
        """What a sync has taken of late; 0 if there was none of late."""
        return self._sync_seconds if self._steady() - self._synchronised < _LATE else 0.0

    def begin(self, letter: Letter) -> LetterFile:
        """
        Write a letter of which there is more to come.

        :return: what takes the rest, and is put into the Maildir then, or
            discarded.
        :raise OSError: if it cannot be written.
        """
        maildir, prepared = self._prepared.get(letter.account, ("", -math.inf))
        if letter.now >= prepared + _STALE_SECONDS:
            maildir = self._prepare(letter.account, letter.now)
        try:
            return _written(maildir, letter)
        except FileNotFoundError:
            # Somebody has removed its folders.
            return _written(self._prepare(letter.account, letter.now), letter)

    def put(self, letters: Sequence[Letter | LetterFile]) -> list[Exception | None]:
        """
        Put letters into Maildirs. Trouble with one is not the others'.

        :param letters: whole; of some all but the end may be in a file already.

        :return: of each what kept it from being there for sure, None for
            nothing. Where there is something nothing of it is left, if that
            can be helped.
        """
        troubles: list[Exception | None] = [None] * len(letters)
        files: dict[int, LetterFile] = {}
        for index, letter in enumerate(letters):
            try:
                files[index] = letter if isinstance(letter, LetterFile) else self.begin(letter)
            except Exception as trouble:  # noqa: BLE001 - told to the one whose letter it is
                troubles[index] = trouble
        self._place(files.values())
        for index, file in files.items():
            troubles[index] = file.trouble
        return troubles

    def _place(self, files: Iterable[LetterFile]) -> None:
        moved: dict[str, list[LetterFile]] = {}
        taken: list[float] = []
        # All are written before the first is waited for: the file system brings
        # them to the disk together.
        for file in files:
            began = self._steady()
            try:
                file.synchronise()
                if file.size <= _TELLING:
                    taken.append(self._steady() - began)
                file.move()
            except Exception as trouble:  # noqa: BLE001 - told to the one whose letter it is
                file.trouble = trouble
                file.discard()
            else:
                moved.setdefault(file.maildir, []).append(file)
        # Some may have waited for a processor and not for the disk: the least
        # counts, and it takes several that are slow to be slow.
        if taken:
            self._sync_seconds = min([*taken, 2 * max(self._sync_seconds, _QUICK)])
            self._synchronised = self._steady()
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


def _written(maildir: str, letter: Letter) -> LetterFile:
    temporary = f"{maildir}/tmp/{letter.name}"  # noqa: S108 - of the Maildir
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    file = FileIO(descriptor, "wb")
    try:
        letter.body.write_to(descriptor, letter.headers)
    except BaseException:
        file.close()
        _remove(temporary)
        raise
    return LetterFile(maildir, letter, file)


def _sync_folders(moved: Mapping[str, Sequence[LetterFile]]) -> None:
    for maildir, together in moved.items():
        try:
            _sync_folder(f"{maildir}/new")
        except Exception as trouble:  # noqa: BLE001 - likewise
            for file in together:
                # The queue keeps the message and tries again: this is not to
                # become a second copy.
                file.trouble = trouble
                file.take_back()


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
