"""Avatars: whose mailboxes somebody has who has logged in."""

from __future__ import annotations

from collections.abc import Callable

from twisted.cred.error import UnauthorizedLogin

from mailext.access.account import MaildirAccount
from mailext.access.maildrop import Maildrop
from mailext.access.store import Mailboxes
from mailext.values import Mailbox

__all__ = ["accounts", "maildrops"]

_Made = tuple[object, Callable[[], None]]


def accounts(mailboxes: Mailboxes) -> Callable[[Mailbox | None], _Made]:
    """Makes the avatars of IMAP, and what is to be called when the session ends."""

    def make(account: Mailbox | None) -> _Made:
        return MaildirAccount(mailboxes.of(_somebodys(account))), _logged_out

    return make


def maildrops(mailboxes: Mailboxes) -> Callable[[Mailbox | None], _Made]:
    """The same for POP3."""

    def make(account: Mailbox | None) -> _Made:
        maildrop = Maildrop(mailboxes.of(_somebodys(account)))
        return maildrop, maildrop.close

    return make


def _somebodys(account: Mailbox | None) -> Mailbox:
    if account is None:
        raise UnauthorizedLogin("nobody has no mailbox")
    return account


def _logged_out() -> None:
    """Nothing is kept for a session."""
