"""An account's INBOX as one POP3 session sees it: as it was at the login."""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO, overload

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailext.access.flags import size_of
from mailext.access.folder import Contents, MaildirFolder, StoredFile
from mailext.access.names import INBOX
from mailext.access.store import AccountStore
from mailext.interfaces import IOpenableMailbox

__all__ = ["Maildrop"]


@implementer(IOpenableMailbox)
class Maildrop:
    """
    An avatar. RFC 1939 section 4: one session has it at one time.

    Numbers are those of :class:`twisted.mail.pop3.IMailbox`, from 0. One that
    there is not raises :class:`ValueError`.
    """

    def __init__(self, store: AccountStore) -> None:
        self._store = store
        self._is_ours = False
        self._validity = 0
        self._files: tuple[StoredFile, ...] = ()
        self._sizes: tuple[int, ...] = ()
        self._marked: set[int] = set()
        self._folder: MaildirFolder | None = None

    def open(self) -> Deferred[bool]:
        """See :meth:`mailext.interfaces.IOpenableMailbox.open`."""
        if self._store.taken:
            return succeed(False)  # noqa: FBT003 - the answer
        self._store.taken = self._is_ours = True
        return self._store.do(self._look).addCallback(self._see)

    def _look(self) -> tuple[MaildirFolder, Contents, tuple[int, ...]]:
        folder = self._store.folder(INBOX)
        contents = folder.contents()
        return folder, contents, tuple(_size(folder, file) for file in contents.files)

    def _see(self, looked: tuple[MaildirFolder, Contents, tuple[int, ...]]) -> bool:
        self._folder, contents, self._sizes = looked
        self._validity, self._files = contents.validity, contents.files
        return True

    def close(self) -> None:
        """The session is over; another one can have it. What was not committed stays."""
        if self._is_ours:
            self._store.taken = self._is_ours = False

    @overload
    def listMessages(self) -> list[int]: ...

    @overload
    def listMessages(self, i: int) -> int: ...

    def listMessages(self, i: int | None = None) -> list[int] | int:
        """Sizes in octets; 0 where a message is marked."""
        if i is not None:
            self._file(i)
            return 0 if i in self._marked else self._sizes[i]
        return [0 if index in self._marked else size for index, size in enumerate(self._sizes)]

    def getMessage(self, i: int) -> BinaryIO:
        """
        Blocks.

        :raise FileNotFoundError: if the message is gone.
        """
        file = self._file(i)
        assert self._folder is not None
        return self._folder.open(file.uid)

    def getUidl(self, i: int) -> bytes:
        return b"%d.%d" % (self._validity, self._file(i).uid)

    def deleteMessage(self, i: int) -> None:
        self._file(i)
        self._marked.add(i)

    def undeleteMessages(self) -> None:
        self._marked.clear()

    def commit(self) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IOpenableMailbox.commit`."""
        return self._store.do(self.sync).addCallback(lambda _: self._store.changed())

    def sync(self) -> None:
        """Blocks."""
        if self._folder is not None and self._marked:
            self._folder.remove(_uids(self._files, self._marked))

    def _file(self, i: int) -> StoredFile:
        if not 0 <= i < len(self._files):
            raise ValueError("no such message")
        return self._files[i]


def _uids(files: tuple[StoredFile, ...], marked: Collection[int]) -> list[int]:
    return [files[index].uid for index in marked]


def _size(folder: MaildirFolder, file: StoredFile) -> int:
    size = size_of(file.base)
    return folder.stat(file.uid).st_size if size is None else size
