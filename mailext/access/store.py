"""
The mailboxes of accounts.

All that one account's sessions see and change goes through one
:class:`AccountStore`, so that they hear of each other, and no two threads work
on its files at one time.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.mail.imap4 import MailboxCollision, MailboxException, NoSuchMailbox

from mailext.access.files import replace_durably, sync_folder
from mailext.access.folder import MaildirFolder, make_maildir
from mailext.access.names import DELIMITER, INBOX, disk_name, from_disk_name, superiors
from mailext.threads import RunInThread
from mailext.values import Mailbox

__all__ = ["AccountStore", "Mailboxes"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_VALIDITY = "mailext-validity"
_SUBSCRIPTIONS = "subscriptions"


class AccountStore:
    """
    The folders of one account. Names are canonical
    (:func:`mailext.access.names.canonical`). What is not said to give a
    Deferred blocks, and is to be called through :meth:`do`.

    :param root: its Maildir.
    :param names: makes unique names of messages.
    :param in_thread: where files are worked on.
    :param clock: its ``seconds()`` is the wall clock.
    :ivar names: as given.
    :ivar taken: whether a POP3 session has the mailbox.
    """

    def __init__(
        self, root: Path, names: Callable[[], str], in_thread: RunInThread, clock: IReactorTime
    ) -> None:
        self.names = names
        self.taken = False
        self._root = root
        self._in_thread = in_thread
        self._clock = clock
        self._lock = DeferredLock()
        self._folders: dict[str, MaildirFolder] = {}
        self._listeners: list[Callable[[], object]] = []

    def do(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """
        Call a function in a thread, after all that is under way.

        :return: a Deferred of its result.
        """
        return self._lock.run(self._in_thread, function, *args, **kwargs)

    def read(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        """
        Call a function in a thread, beside what is under way: one that does no
        more than read messages.
        """
        return self._in_thread(function, *args, **kwargs)

    # Listeners, in the reactor's thread

    def listen(self, listener: Callable[[], object]) -> None:
        """Have something called whenever messages may have come, gone or changed."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], object]) -> None:
        """Have it called no more."""
        self._listeners.remove(listener)

    def changed(self) -> None:
        """Tell every listener."""
        for listener in tuple(self._listeners):
            listener()

    # Folders, in a thread

    def folder(self, name: str) -> MaildirFolder:
        """
        :raise NoSuchMailbox: if there is none of this name.
        """
        if name != INBOX and not self._exists(name):
            raise NoSuchMailbox(name)
        if name not in self._folders:
            path = self._root / disk_name(name)
            self._folders[name] = MaildirFolder(path, self._next_validity, self._clock.seconds())
        return self._folders[name]

    def folder_names(self) -> list[str]:
        """The names of all folders, in the order of the alphabet, ``INBOX`` first."""
        names = []
        if self._root.exists():
            for path in self._root.glob(DELIMITER + "*"):
                name = from_disk_name(path.name)
                if name is not None and (path / "cur").is_dir():
                    names.append(name)
        return [INBOX, *sorted(names)]

    def create(self, name: str) -> None:
        """
        Create a folder, and those above it that are missing.

        :raise MailboxCollision: if it is there.
        """
        if name == INBOX or self._exists(name):
            raise MailboxCollision(name)
        for each in (*superiors(name), name):
            if each != INBOX:
                make_maildir(self._root / disk_name(each))

    def delete(self, name: str) -> None:
        """
        Delete a folder with its messages. Those below it stay.

        :raise MailboxException: if it cannot be deleted.
        """
        if name == INBOX:
            raise MailboxException("INBOX cannot be deleted")
        if not self._exists(name):
            raise NoSuchMailbox(name)
        self._folders.pop(name, None)
        make_maildir(self._root)
        # Out of sight in one step, whenever the power goes.
        doomed = self._root / "tmp" / self.names()
        (self._root / disk_name(name)).rename(doomed)
        sync_folder(self._root)
        shutil.rmtree(doomed, ignore_errors=True)

    def rename(self, old: str, new: str) -> None:
        """
        Rename a folder and those below it.

        :raise MailboxException: if that cannot be.
        """
        below = old + DELIMITER
        moving = [name for name in self.folder_names() if name == old or name.startswith(below)]
        if INBOX in (old, new) or new.startswith(below):
            raise MailboxException("it cannot be renamed so")
        if not moving:
            raise NoSuchMailbox(old)
        targets = {name: new + name.removeprefix(old) for name in moving}
        for target in targets.values():
            if self._exists(target):
                raise MailboxCollision(target)
        for name in superiors(new):
            if name != INBOX and not self._exists(name):
                self.create(name)
        for name, target in targets.items():
            (self._root / disk_name(name)).rename(self._root / disk_name(target))
            self._folders.pop(name, None)
        sync_folder(self._root)

    def _exists(self, name: str) -> bool:
        return (self._root / disk_name(name) / "cur").is_dir()

    def _next_validity(self) -> int:
        # RFC 3501 section 2.3.1.1: a folder that is created again has a greater one.
        path = self._root / _VALIDITY
        last = 0
        with contextlib.suppress(FileNotFoundError, ValueError):
            last = int(path.read_bytes())
        validity = max(int(self._clock.seconds()), last + 1)
        replace_durably(path, b"%d\n" % validity)
        return validity

    # Subscriptions, in a thread

    def subscriptions(self) -> list[str]:
        """The names that the account has subscribed to, whether there is such a folder or not."""
        try:
            return (self._root / _SUBSCRIPTIONS).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []

    def subscribe(self, name: str) -> None:
        """Add a name to those."""
        names = self.subscriptions()
        if name not in names:
            self._write_subscriptions([*names, name])

    def unsubscribe(self, name: str) -> None:
        """
        Take a name away from those.

        :raise MailboxException: if it is none of them.
        """
        names = self.subscriptions()
        if name not in names:
            raise MailboxException("not subscribed")
        self._write_subscriptions([each for each in names if each != name])

    def _write_subscriptions(self, names: list[str]) -> None:
        make_maildir(self._root)
        text = "".join(f"{name}\n" for name in names)
        replace_durably(self._root / _SUBSCRIPTIONS, text.encode("utf-8"))


class Mailboxes:
    """
    The stores of all accounts that somebody has a session with.

    :param folder_of: where the Maildir of an account is, by its canonical
        address.
    :param names: makes unique names of messages.
    :param in_thread: where files are worked on.
    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(
        self,
        folder_of: Callable[[Mailbox], Path],
        names: Callable[[], str],
        in_thread: RunInThread,
        clock: IReactorTime,
    ) -> None:
        self._folder_of = folder_of
        self._names = names
        self._in_thread = in_thread
        self._clock = clock
        # As long as a session has one.
        self._stores: WeakValueDictionary[Mailbox, AccountStore] = WeakValueDictionary()

    def of(self, account: Mailbox) -> AccountStore:
        """
        :param account: a canonical address.
        """
        store = self._stores.get(account)
        if store is None:
            store = AccountStore(self._folder_of(account), self._names, self._in_thread, self._clock)
            self._stores[account] = store
        return store

    def arrived(self, account: Mailbox) -> None:
        """A message has come for an account: whoever looks at its mailbox is told."""
        store = self._stores.get(account)
        if store is not None:
            store.changed()
