"""A log file of logins for the holder of each account."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred, succeed

from mailext.accounts.addresses import AddressBook
from mailext.clientid.entries import LoginEntry
from mailext.delivery.names import account_folder
from mailext.threads import RunInThread
from mailext.values import Mailbox
from mailext.wire.grammar import parse_mailbox

__all__ = ["HolderLogFiles"]

# Behind so many octets a file is begun anew, and the one before is kept.
_LARGEST = 1 << 20


class HolderLogFiles:
    """
    A :class:`~mailext.clientid.entries.LoginSink` that appends to
    ``folder/domain/local part.log`` what belongs into the holder's own log
    (C23), a line for each login.

    :param in_thread: where files are written.
    :param addresses: gives the address book: only its accounts have files.
    """

    def __init__(self, folder: Path, in_thread: RunInThread, addresses: Callable[[], AddressBook]) -> None:
        self._folder = folder
        self._in_thread = in_thread
        self._addresses = addresses

    def take(self, entry: LoginEntry) -> Deferred[None]:
        """See :meth:`mailext.clientid.entries.LoginSink.take`."""
        holder = self._holder(entry) if entry.user_log else None
        if holder is None:
            return succeed(None)
        folder = account_folder(self._folder, holder)
        return self._in_thread(_append, folder.with_name(folder.name + ".log"), entry.told() + "\n")

    def _holder(self, entry: LoginEntry) -> Mailbox | None:
        try:
            mailbox = parse_mailbox(entry.account)
        except ValueError:
            return None
        return mailbox if self._addresses().has_account(mailbox) else None


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LARGEST:
        path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(text)
