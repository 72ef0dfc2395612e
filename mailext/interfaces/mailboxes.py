"""Mailboxes that are read: what ours can beyond Twisted's interfaces."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IMailboxIMAP, IMailboxIMAPListener, IMailboxPOP3, IMessageIMAP

from mailext.values import MailboxNews

__all__ = ["IMailboxWatcher", "IOpenableMailbox", "IRefreshableMailbox"]


class IRefreshableMailbox(IMailboxIMAP):
    """
    An add-on for a mailbox that each session sees as it was when it was last
    told of a change.
    """

    def refresh() -> Deferred[MailboxNews]:
        """
        See it as it is now.

        :return: a Deferred of the :class:`~mailext.values.MailboxNews` that
            the session is to be told.
        """

    def copyAll(messages: Sequence[IMessageIMAP]) -> Deferred[list[int]]:
        """
        Copy messages into this mailbox: all of them or none.

        :param messages: of another mailbox of the same account.
        :return: a Deferred of the identifiers of the copies.
        """


class IMailboxWatcher(IMailboxIMAPListener):
    """An add-on for a listener that refreshes the mailbox itself when it may tell of it."""

    def mailboxChanged() -> None:
        """The mailbox is not what it was when it was last refreshed, or may not be."""


class IOpenableMailbox(IMailboxPOP3):
    """An add-on for a POP3 mailbox that one session has at one time."""

    def open() -> Deferred[bool]:
        """
        Called once the login has succeeded, before anything else.

        :return: a Deferred of whether the session has it now; another one has
            it if not.
        """

    def commit() -> Deferred[None]:
        """
        Called in place of ``sync``.

        :return: a Deferred that fires once the messages that were marked are
            gone for good.
        """
