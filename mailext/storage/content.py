"""
Contents: small ones in memory until they go into a row, large ones in files.

A file is written under a temporary name while the message comes in. The thread
that commits synchronises it, gives it the queue id as its name, and
synchronises the folder, before the transaction that names it.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from zope.interface import implementer

from mailext.interfaces import IContentWriter

__all__ = ["SMALL", "ContentFolder", "ContentWriter", "FileRemoval", "NewFile"]

#: Contents up to this size, in octets, are kept in memory and in a row.
SMALL = 65536


class ContentFolder:
    """
    The folder of large contents: ``content/xx/ID`` for the queue id ID with
    the last two digits xx, ``content/tmp`` for what is coming in.

    :param directory: the state directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "content"
        self._incoming = self._path / "tmp"
        for folder in (self._path, self._incoming):
            folder.mkdir(mode=0o700, exist_ok=True)

    def new_writer(self) -> ContentWriter:
        """:return: a writer for one content."""
        return ContentWriter(self._incoming)

    def path_of(self, queue_id: str) -> Path:
        """Where the content of this message is, if it is in a file."""
        return self._path / queue_id[-2:] / queue_id

    def read(self, queue_id: str) -> Iterator[bytes]:
        """
        :return: the chunks of a content in a file.
        :raise OSError: if there is none.
        """
        return _chunks(FileIO(self.path_of(queue_id)))

    def remove(self, queue_id: str) -> None:
        """Remove the content of this message, if it is in a file."""
        self.path_of(queue_id).unlink(missing_ok=True)

    def keep(self, incoming: Path, queue_id: str) -> None:
        """
        Give a synchronised file its final name, durably.

        :raise OSError: if that cannot be done, or there is a file of that name.
        """
        path = self.path_of(queue_id)
        try:
            path.parent.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            _synchronise_folder(self._path)
        # Unlike a rename, a link never takes the place of another content.
        path.hardlink_to(incoming)
        try:
            _synchronise_folder(path.parent)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        # A second name that stays is removed at the next start.
        with suppress(OSError):
            incoming.unlink()

    def remove_orphans(self, known: set[str]) -> None:
        """
        Remove every file that no message names.

        :param known: the queue ids of the messages whose content is in a file.
        """
        for path in self._path.glob("*/*"):
            if path.parent == self._incoming or path.name not in known:
                path.unlink()


@implementer(IContentWriter)
class ContentWriter:
    """
    One content on its way in.

    :param folder: where a file is made if it grows large.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder = folder
        self._buffer = bytearray()
        self._file: _IncomingFile | None = None
        self._discarded = False

    @property
    def is_small(self) -> bool:
        """Whether the content is in memory."""
        return self._file is None

    def write(self, data: bytes) -> None:
        """See :meth:`mailext.interfaces.IContentWriter.write`."""
        if self._discarded:
            raise OSError(errno.EBADF, "the content was discarded")
        try:
            self._append(data)
        except OSError:
            self.discard()
            raise
        self.size += len(data)

    def discard(self) -> None:
        """See :meth:`mailext.interfaces.IContentWriter.discard`."""
        self._discarded = True
        self._buffer = bytearray()
        if self._file is not None:
            self._file.remove()

    def getvalue(self) -> bytes:
        """The whole of a small content."""
        return bytes(self._buffer)

    def synchronise(self) -> Path:
        """
        Bring a large content to stable storage. It takes no more data then.

        :return: its temporary name.
        :raise OSError: if that fails; it must not be tried again.
        """
        assert self._file is not None
        self._file.synchronise()
        return self._file.path

    def _append(self, data: bytes) -> None:
        if self._file is None and self.size + len(data) > SMALL:
            self._file = _IncomingFile(self._folder)
            self._file.write(self._buffer)
            self._buffer = bytearray()
        if self._file is None:
            self._buffer += data
        else:
            self._file.write(data)


class _IncomingFile:
    """A file under its temporary name."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder)
        self._file = FileIO(descriptor, "wb")
        self.path = Path(name)

    def write(self, data: bytes | bytearray) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def synchronise(self) -> None:
        with self._file:
            os.fsync(self._file.fileno())

    def remove(self) -> None:
        # A file that stays is an orphan, and removed at the next start.
        with suppress(OSError):
            self._file.close()
            self.path.unlink()


class NewFile:
    """
    The :class:`~mailext.storage.transactions.FileChange` of a new message.

    :param content: a large content.
    """

    def __init__(self, folder: ContentFolder, content: ContentWriter, queue_id: str) -> None:
        self._folder = folder
        self._content = content
        self._queue_id = queue_id
        self._kept = False

    def prepare(self) -> None:
        """Synchronise the file and give it its name."""
        self._folder.keep(self._content.synchronise(), self._queue_id)
        self._kept = True

    def committed(self) -> None:
        """The file is the message's."""

    def abandoned(self) -> None:
        """Remove the file, under whichever name."""
        self._content.discard()
        if self._kept:
            self._folder.remove(self._queue_id)


class FileRemoval:
    """The :class:`~mailext.storage.transactions.FileChange` of a message that leaves."""

    def __init__(self, folder: ContentFolder, queue_id: str) -> None:
        self._folder = folder
        self._queue_id = queue_id

    def prepare(self) -> None:
        """While the message is there, so is its content."""

    def committed(self) -> None:
        """Remove the file, if the content was in one."""
        self._folder.remove(self._queue_id)

    def abandoned(self) -> None:
        """The message stays."""


def _chunks(file: FileIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(SMALL):
            yield chunk


def _synchronise_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
