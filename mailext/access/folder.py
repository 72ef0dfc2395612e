"""One folder on the disk. Everything here blocks, and is called by one thread at a time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from mailext.access.files import remove_stale, sync_folder
from mailext.access.flags import base_of, file_name, split_name
from mailext.access.uidlist import UidList

__all__ = ["Contents", "MaildirFolder", "StoredFile", "make_maildir"]

_SUBFOLDERS = ("tmp", "new", "cur")
_UID_LIST = "mailext-uids"
_SECONDS = re.compile(r"[0-9]{1,12}")
_UNREADABLE = re.compile(r"[\x00-\x1f]")
# Time stamps are no finer than a tick of the system: a folder that has changed
# so lately may change again and not show it.
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StoredFile:
    """
    A message in a folder.

    :param base: what of the file's name never changes.
    :param letters: its flags, as letters.
    :param is_new: whether no session has had it yet: it is in ``new``.
    """

    uid: int
    base: str
    letters: frozenset[str]
    is_new: bool

    def path(self, folder: Path) -> Path:
        """Where it is, as far as we know."""
        if self.is_new:
            return folder / "new" / self.base
        return folder / "cur" / file_name(self.base, self.letters)


@dataclass(frozen=True, slots=True)
class Contents:
    """
    What is in a folder.

    :param files: by ascending identifier.
    """

    validity: int
    next_uid: int
    files: tuple[StoredFile, ...]


class MaildirFolder:
    """
    :param path: a Maildir.
    :param validity: makes the validity of its identifiers where it has none.
    :param now: wall clock, seconds since the epoch.
    """

    def __init__(self, path: Path, validity: Callable[[], int], now: float) -> None:
        self.path = path
        make_maildir(path)
        remove_stale(path / "tmp", now)
        self._uids = UidList(path / _UID_LIST, validity)
        self._files: dict[int, StoredFile] = {}
        self._stamps: tuple[int, ...] = ()

    def contents(self) -> Contents:
        """
        What is there now.

        :raise OSError: if the folder cannot be read, or messages that are new
            cannot be given identifiers.
        """
        stamps = self._look()
        if stamps != self._stamps:
            found = self._scan()
            uids = self._uids.update(sorted(found, key=_arrival))
            self._files = {uids[base]: replace(file, uid=uids[base]) for base, file in found.items()}
            self._stamps = stamps if self._is_settled(stamps) else ()
        files = tuple(self._files[uid] for uid in sorted(self._files))
        return Contents(self._uids.validity, self._uids.next_uid, files)

    def _look(self) -> tuple[int, ...]:
        return tuple((self.path / name).stat().st_mtime_ns for name in ("new", "cur"))

    def _is_settled(self, stamps: Iterable[int]) -> bool:
        # The clock of the file system itself: that of the process may differ.
        probe = self.path / "tmp" / ".clock"
        probe.touch()
        return probe.stat().st_mtime_ns - max(stamps) > _SETTLED_NS

    def _scan(self) -> dict[str, StoredFile]:
        found = {}
        # In this order: what moves from the first to the second is seen.
        for is_new, subfolder in ((True, "new"), (False, "cur")):
            for name in os.listdir(self.path / subfolder):  # noqa: PTH208 - names alone, of many files
                if not name.startswith(".") and not _UNREADABLE.search(name):
                    base, letters = (name, frozenset[str]()) if is_new else split_name(name)
                    found[base] = StoredFile(0, base, letters, is_new)
        return found

    def claim(self) -> frozenset[int]:
        """
        Take what is new into ``cur``.

        :return: the identifiers of these messages: the session that takes them
            tells them as recent.
        """
        new = [file for file in self.contents().files if file.is_new]
        for file in new:
            self._rename(file, file.letters)
        return frozenset(file.uid for file in new)

    def change(self, uids: Collection[int], letters: Callable[[frozenset[str]], frozenset[str]]) -> None:
        """
        Give messages other flags. Those that are gone stay so.

        :param letters: from the letters that a message has to those that it
            shall have.
        """
        self.contents()
        changed = False
        for uid in uids:
            file = self._files.get(uid)
            if file is not None and letters(file.letters) != file.letters:
                changed |= self._rename(file, letters(file.letters))
        if changed:
            sync_folder(self.path / "cur")

    def _rename(self, file: StoredFile, letters: frozenset[str]) -> bool:
        moved = replace(file, letters=letters, is_new=False)
        self._stamps = ()
        try:
            file.path(self.path).rename(moved.path(self.path))
        except FileNotFoundError:
            # Another program has renamed or removed it: the next look tells.
            return False
        self._files[file.uid] = moved
        return True

    def remove(self, uids: Collection[int]) -> None:
        """Remove messages for good."""
        self.contents()
        self._stamps = ()
        for uid in uids:
            file = self._files.get(uid)
            if file is not None:
                with contextlib.suppress(FileNotFoundError):
                    file.path(self.path).unlink()
        sync_folder(self.path / "cur")

    def open(self, uid: int) -> BinaryIO:
        """
        May be called by other threads at the same time.

        :raise FileNotFoundError: if the message is gone.
        """
        file = self._files.get(uid)
        if file is None:
            raise FileNotFoundError(f"message {uid} is gone")
        with contextlib.suppress(FileNotFoundError):
            return file.path(self.path).open("rb")
        # Its flags have changed meanwhile.
        for name in os.listdir(self.path / "cur"):  # noqa: PTH208 - names alone, of many files
            if base_of(name) == file.base:
                return (self.path / "cur" / name).open("rb")
        raise FileNotFoundError(f"message {uid} is gone")

    def stat(self, uid: int) -> os.stat_result:
        """
        What the file system knows of a message. As ``open``.

        :raise FileNotFoundError: if the message is gone.
        """
        with self.open(uid) as file:
            return os.fstat(file.fileno())

    def add(self, name: str, source: BinaryIO, letters: frozenset[str], date: float | None) -> int:
        """
        Put a message in.

        :param name: a unique name.
        :param source: its octets, from where it stands.
        :param date: its internal date, seconds since the epoch; None: now.
        :return: its identifier.
        :raise OSError: if it is not there for sure. Nothing of it is then left,
            if that can be helped.
        """
        temporary = self.path / "tmp" / name
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 18)
                file.flush()
                if date is not None:
                    os.utime(descriptor, (date, date))
                os.fsync(descriptor)
                size = file.tell()
            base = f"{name},S={size}"
            return self._adopt({base: temporary.rename(self.path / "cur" / file_name(base, letters))})[0]
        except BaseException:
            _remove([temporary])
            raise

    def _adopt(self, added: Mapping[str, Path]) -> list[int]:
        """:return: the identifiers of files in ``cur``; if they cannot have any, they are removed."""
        try:
            sync_folder(self.path / "cur")
            self._stamps = ()
            uids = {file.base: file.uid for file in self.contents().files}
        except BaseException:
            _remove(added.values())
            raise
        return [uids[base] for base in added]

    def copy_from(self, source: MaildirFolder, uids: Collection[int], names: Callable[[], str]) -> list[int]:
        """
        Copy messages with their flags and dates: all of them or none.

        :param names: makes unique names.
        :return: the identifiers of the copies, in the same order.
        :raise OSError: if that cannot be.
        """
        files = {file.uid: file for file in source.contents().files}
        added: dict[str, Path] = {}
        try:
            for uid in uids:
                if uid in files:
                    original = files[uid].path(source.path)
                    base = f"{names()},S={original.stat().st_size}"
                    added[base] = self.path / "cur" / file_name(base, files[uid].letters)
                    # The octets never change: two names for one file will do.
                    added[base].hardlink_to(original)
        except BaseException:
            _remove(added.values())
            raise
        return self._adopt(added)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def make_maildir(path: Path) -> None:
    """Create what is missing of a Maildir, and of the folders that it is in."""
    for folder in _missing(path):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(0o700)
        sync_folder(folder.parent)


def _missing(path: Path) -> Iterator[Path]:
    above = [each for each in (path, *path.parents) if not each.exists()]
    yield from reversed(above)
    yield from (path / name for name in _SUBFOLDERS if not (path / name).exists())


def _arrival(base: str) -> tuple[int, str]:
    match = _SECONDS.match(base)
    return int(match[0]) if match else 0, base
