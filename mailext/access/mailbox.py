"""
A mailbox as one IMAP session sees it.

Numbers, flags and what is recent are those that the session was last told of.
:meth:`MaildirMailbox.refresh` brings the view up to what the disk holds, and
says what the session is to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import BinaryIO, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.mail.imap4 import (
    ICloseableMailbox,
    IllegalOperation,
    IMailboxInfo,
    IMailboxListener,
    IMessage,
    IMessageCopier,
    ISearchableMailbox,
    MessageSet,
    ReadOnlyMailbox,
    statusRequestHelper,
)
from zope.interface import implementer

from mailext.access.flags import FLAGS, flags_of, letters_of
from mailext.access.folder import Contents, MaildirFolder, StoredFile
from mailext.access.message import StoredMessage
from mailext.access.names import DELIMITER
from mailext.access.searching import Candidate, Query, Test, read_query
from mailext.access.sequences import chosen
from mailext.access.store import AccountStore
from mailext.interfaces import IMailboxWatcher, IRefreshableMailbox
from mailext.values import MailboxNews

__all__ = ["FolderInfo", "MaildirMailbox"]

_T = TypeVar("_T")

# So many messages are looked through before others have their turn.
_TOGETHER = 100


@implementer(IMailboxInfo)
@frozen
class FolderInfo:
    """
    What LIST tells of a folder.

    :param flags: for example ``\\Noselect``.
    """

    flags: tuple[str, ...] = ()

    def getFlags(self) -> Sequence[str]:
        return self.flags

    def getHierarchicalDelimiter(self) -> str:
        return DELIMITER


@implementer(IRefreshableMailbox, ISearchableMailbox, IMessageCopier, ICloseableMailbox)
class MaildirMailbox:
    """
    What is new becomes recent to this session alone when it is refreshed.

    :param contents: what is in the folder to begin with.
    :param writeable: whether the session may change it.
    """

    def __init__(
        self, store: AccountStore, folder: MaildirFolder, contents: Contents, *, writeable: bool
    ) -> None:
        self._store = store
        self._folder = folder
        self._writeable = writeable
        self._claimed: frozenset[int] = frozenset()
        self._contents = contents
        self._files = {file.uid: file for file in contents.files}
        self._uids = list(self._files)
        self._flags = FLAGS
        self._listeners: list[IMailboxListener] = []

    # What the session knows

    def getUIDValidity(self) -> int:
        return self._contents.validity

    def getUIDNext(self) -> int:
        return self._contents.next_uid

    def getUID(self, message: int) -> int:
        return self._uids[message - 1]

    def getMessageCount(self) -> int:
        return len(self._uids)

    def getRecentCount(self) -> int:
        return sum(map(self._is_recent, self._files.values()))

    def getUnseenCount(self) -> int:
        return sum("S" not in file.letters for file in self._files.values())

    def isWriteable(self) -> bool:
        return self._writeable

    def getFlags(self) -> Sequence[str]:
        return self._flags

    def getHierarchicalDelimiter(self) -> str:
        return DELIMITER

    def requestStatus(self, names: Iterable[str]) -> Mapping[str, int]:
        status: Mapping[str, int] = statusRequestHelper(self, names)
        return status

    def _is_recent(self, file: StoredFile) -> bool:
        return file.is_new or file.uid in self._claimed

    def _flags_of(self, file: StoredFile) -> tuple[str, ...]:
        flags = flags_of(file.letters)
        return (*flags, "\\Recent") if self._is_recent(file) else flags

    # Its life

    def destroy(self) -> None:
        self._flags = ("\\Noselect",)

    def addListener(self, listener: IMailboxListener) -> None:
        if not self._listeners:
            self._store.listen(self._changed)
        self._listeners.append(listener)

    def removeListener(self, listener: IMailboxListener) -> None:
        self._listeners.remove(listener)
        if not self._listeners:
            self._store.forget(self._changed)

    def close(self) -> None:
        """Nothing is kept open; listeners have gone before."""

    def _changed(self) -> None:
        for listener in self._listeners:
            if IMailboxWatcher.providedBy(listener):
                listener.mailboxChanged()

    def refresh(self) -> Deferred[MailboxNews]:
        """See :meth:`mailext.interfaces.IRefreshableMailbox.refresh`."""
        return self._store.do(self._look).addCallback(self._see)

    def _look(self) -> tuple[Contents, frozenset[int]]:
        claimed = self._folder.claim() if self._writeable else frozenset()
        return self._folder.contents(), claimed

    def _see(self, looked: tuple[Contents, frozenset[int]]) -> MailboxNews:
        contents, claimed = looked
        self._claimed |= claimed
        now = {file.uid: file for file in contents.files}
        vanished = [number for number, uid in self._numbered() if uid not in now]
        known = [uid for uid in self._uids if uid in now]
        others = {
            number: self._flags_of(now[uid])
            for number, uid in enumerate(known, 1)
            if now[uid].letters != self._files[uid].letters
        }
        grown = len(now) > len(known)
        self._contents, self._files, self._uids = contents, now, list(now)
        return MailboxNews(
            tuple(reversed(vanished)),
            others,
            len(now) if grown else None,
            self.getRecentCount() if grown else None,
        )

    def _numbered(self) -> Iterator[tuple[int, int]]:
        return enumerate(self._uids, 1)

    # Messages

    def fetch(self, messages: MessageSet, uid: bool) -> list[tuple[int, StoredMessage]]:  # noqa: FBT001 - Twisted's
        return [(number, self._message(number)) for number in self._chosen(messages, by_uid=bool(uid))]

    def _chosen(self, messages: MessageSet, *, by_uid: bool) -> list[int]:
        numbers = self._uids if by_uid else range(1, len(self._uids) + 1)
        return [index + 1 for index in chosen(numbers, messages)]

    def _message(self, number: int) -> StoredMessage:
        file = self._files[self._uids[number - 1]]
        return StoredMessage(self._folder, file, is_recent=self._is_recent(file))

    def search(self, query: Query, uid: bool) -> Deferred[list[int]]:  # noqa: ARG002, FBT001 - Twisted's
        """
        :return: a Deferred of sequence numbers, whatever ``uid`` is.
        :raise IllegalQueryError: if the query is malformed.
        """
        test = read_query(query, len(self._uids), self._uids[-1] if self._uids else 0)
        candidates = [Candidate(number, self._message(number)) for number, _ in self._numbered()]
        return Deferred.fromCoroutine(self._search(test, candidates))

    async def _search(self, test: Test, candidates: Sequence[Candidate]) -> list[int]:
        found = []
        for start in range(0, len(candidates), _TOGETHER):
            found += await self._store.read(_passing, test, candidates[start : start + _TOGETHER])
        return found

    def store(
        self,
        messages: MessageSet,
        flags: Iterable[str],
        mode: int,
        uid: bool,  # noqa: FBT001 - Twisted's signature
    ) -> Deferred[dict[int, tuple[str, ...]]]:
        self._must_be_writeable()
        numbers = self._chosen(messages, by_uid=bool(uid))
        uids = [self._uids[number - 1] for number in numbers]
        change = _changing(letters_of(flags), mode)
        return self._store.do(self._change, uids, change).addCallback(self._stored, numbers)

    def _change(
        self, uids: list[int], change: Callable[[frozenset[str]], frozenset[str]]
    ) -> dict[int, StoredFile]:
        self._folder.change(uids, change)
        wanted = set(uids)
        return {file.uid: file for file in self._folder.contents().files if file.uid in wanted}

    def _stored(self, files: Mapping[int, StoredFile], numbers: Iterable[int]) -> dict[int, tuple[str, ...]]:
        self._files |= files
        self._store.changed()
        return {number: self._flags_of(self._files[self._uids[number - 1]]) for number in numbers}

    def addMessage(
        self, message: BinaryIO, flags: Iterable[str] = (), date: bytes | None = None
    ) -> Deferred[int]:
        """
        :param date: ``date-time`` of RFC 3501 section 9.
        :raise IllegalOperation: if it is none.
        """
        self._must_be_writeable()
        seconds = _seconds(date) if date else None
        name = self._store.names()
        return self._store.do(self._folder.add, name, message, letters_of(flags), seconds).addCallback(
            self._added
        )

    def copy(self, messageObject: IMessage) -> Deferred[int]:
        return self.copyAll([messageObject]).addCallback(lambda uids: uids[0])

    def copyAll(self, messages: Sequence[IMessage]) -> Deferred[list[int]]:
        """
        See :meth:`mailext.interfaces.IRefreshableMailbox.copyAll`.

        :raise IllegalOperation: if they are not stored in a folder.
        """
        self._must_be_writeable()
        stored = [message for message in messages if isinstance(message, StoredMessage)]
        if len(stored) < len(messages):
            raise IllegalOperation("messages of another kind")
        uids = [message.getUID() for message in stored]
        source = stored[0].folder if stored else self._folder
        return self._store.do(self._folder.copy_from, source, uids, self._store.names).addCallback(
            self._added
        )

    def _added(self, result: _T) -> _T:
        self._store.changed()
        return result

    def expunge(self) -> Deferred[list[int]]:
        """
        :return: a Deferred of sequence numbers, the greatest first.
        """
        self._must_be_writeable()
        return self._store.do(self._remove_deleted, frozenset(self._uids)).addCallback(self._expunged)

    def _remove_deleted(self, known: frozenset[int]) -> frozenset[int]:
        files = self._folder.contents().files
        doomed = frozenset(file.uid for file in files if "T" in file.letters and file.uid in known)
        self._folder.remove(doomed)
        return doomed

    def _expunged(self, gone: frozenset[int]) -> list[int]:
        numbers = [number for number, uid in self._numbered() if uid in gone]
        self._uids = [uid for uid in self._uids if uid not in gone]
        self._files = {uid: self._files[uid] for uid in self._uids}
        self._store.changed()
        return numbers[::-1]

    def _must_be_writeable(self) -> None:
        if not self._writeable:
            raise ReadOnlyMailbox("it is selected to be read only")


def _passing(test: Test, candidates: Iterable[Candidate]) -> list[int]:
    return [candidate.sequence for candidate in candidates if _passes(test, candidate)]


def _passes(test: Test, candidate: Candidate) -> bool:
    try:
        return test(candidate)
    except FileNotFoundError:
        # It is gone, which the session has not been told yet.
        return False


def _changing(letters: frozenset[str], mode: int) -> Callable[[frozenset[str]], frozenset[str]]:
    if mode > 0:
        return lambda had: had | letters
    if mode < 0:
        return lambda had: had - letters
    # What stands for no flag here is another program's.
    ours = letters_of(FLAGS)
    return lambda had: (had - ours) | letters


def _seconds(date: bytes) -> float:
    try:
        return parsedate_to_datetime(date.decode("ascii")).timestamp()
    except ValueError:
        raise IllegalOperation("not a date") from None
