"""The mailboxes of one account, as Twisted's IMAP4 knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ParamSpec

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IAccount, IMailbox, INamespacePresenter, MailboxException
from zope.interface import implementer

from mailext.access.mailbox import FolderInfo, MaildirMailbox
from mailext.access.names import DELIMITER, canonical, matches, superiors
from mailext.access.store import AccountStore

__all__ = ["MaildirAccount"]

_P = ParamSpec("_P")

_NO_FOLDER = FolderInfo(("\\Noselect",))
_FOLDER = FolderInfo()


@implementer(IAccount, INamespacePresenter)
class MaildirAccount:
    """
    An avatar. Names that no folder can have fail with
    :class:`~mailext.access.names.FolderNameError`.
    """

    def __init__(self, store: AccountStore) -> None:
        self._store = store

    def addMailbox(self, name: str, mbox: IMailbox | None = None) -> Deferred[bool]:
        """
        :raise MailboxException: if a mailbox is given: folders are not made
            of others' objects.
        """
        if mbox is not None:
            raise MailboxException("a folder is made here")
        return self.create(name)

    def create(self, pathspec: str) -> Deferred[bool]:
        return self._do(self._store.create, canonical(pathspec.removesuffix(DELIMITER)))

    def select(self, name: str, rw: bool = True) -> Deferred[MaildirMailbox]:  # noqa: FBT001, FBT002 - Twisted's
        """
        :return: a Deferred that fails with ``NoSuchMailbox`` if there is none
            of this name.
        """
        return self._store.do(self._open, canonical(name), writeable=bool(rw))

    def _open(self, name: str, *, writeable: bool) -> MaildirMailbox:
        folder = self._store.folder(name)
        return MaildirMailbox(self._store, folder, folder.contents(), writeable=writeable)

    def delete(self, name: str) -> Deferred[bool]:
        return self._do(self._store.delete, canonical(name))

    def rename(self, oldname: str, newname: str) -> Deferred[bool]:
        return self._do(self._store.rename, canonical(oldname), canonical(newname))

    def isSubscribed(self, name: str) -> Deferred[bool]:
        name = canonical(name)
        return self._store.do(self._store.subscriptions).addCallback(lambda names: name in names)

    def subscribe(self, name: str) -> Deferred[bool]:
        return self._do(self._store.subscribe, canonical(name))

    def unsubscribe(self, name: str) -> Deferred[bool]:
        return self._do(self._store.unsubscribe, canonical(name))

    def listMailboxes(self, ref: str, wildcard: str) -> Deferred[list[tuple[str, FolderInfo]]]:
        return self._store.do(self._list, ref + wildcard)

    def _list(self, pattern: str) -> list[tuple[str, FolderInfo]]:
        return [(name, info) for name, info in self._all() if matches(pattern, name)]

    def _all(self) -> Iterator[tuple[str, FolderInfo]]:
        names = self._store.folder_names()
        above = {superior for name in names for superior in superiors(name)}
        yield from ((name, _FOLDER) for name in names)
        # Deleted, but there are folders below.
        yield from ((name, _NO_FOLDER) for name in sorted(above.difference(names)))

    def _do(self, function: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[bool]:
        return self._store.do(function, *args, **kwargs).addCallback(lambda _: True)

    # RFC 2342: everything is the holder's own.

    def getPersonalNamespaces(self) -> list[list[bytes]]:
        return [[b"", DELIMITER.encode("ascii")]]

    def getSharedNamespaces(self) -> None:
        return None

    def getUserNamespaces(self) -> None:
        return None
