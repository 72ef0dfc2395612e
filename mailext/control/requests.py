"""The requests: the vocabulary of the control socket."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from mailext.values import Notify, Ret

__all__ = [
    "AddAccount",
    "DemandTls",
    "DropMessage",
    "HoldMessage",
    "ListAccounts",
    "ListQueue",
    "ReleaseMessage",
    "RemoveAccount",
    "Request",
    "RequestRefusedError",
    "RetryMessages",
    "SendMessage",
    "SetPassword",
    "ShowMessage",
]


class RequestRefusedError(Exception):
    """The request was understood, and cannot be fulfilled; ``str()`` says why."""


@frozen
class Request:
    """
    A request.

    :cvar operation: its name on the socket.
    """

    operation: ClassVar[str]


@frozen
class AddAccount(Request):
    """
    Add an account.

    :param address: its address; without ``@`` of the first domain.
    :param scram: whether it can log in by SCRAM-SHA-256.
    """

    operation = "account add"
    address: str
    password: str = field(repr=False)
    scram: bool = False


@frozen
class SetPassword(Request):
    """
    Give an account a new password.

    :param scram: whether it can log in by SCRAM-SHA-256 from now on.
    """

    operation = "account passwd"
    address: str
    password: str = field(repr=False)
    scram: bool = False


@frozen
class RemoveAccount(Request):
    """Remove an account. Its mailbox stays."""

    operation = "account remove"
    address: str


@frozen
class ListAccounts(Request):
    """List the accounts."""

    operation = "account list"


@frozen
class ListQueue(Request):
    """
    List the messages in the queue.

    :param limit: how many at most, the oldest first; None for all.
    :param held: only those on hold.
    :param domain: only those that some recipient of this domain has not got.
    """

    operation = "queue list"
    limit: int | None = None
    held: bool = False
    domain: str | None = None


@frozen
class ShowMessage(Request):
    """Show one message with its header section."""

    operation = "queue show"
    queue_id: str


@frozen
class HoldMessage(Request):
    """Keep a message until it is released."""

    operation = "queue hold"
    queue_id: str


@frozen
class ReleaseMessage(Request):
    """Let a held message go."""

    operation = "queue release"
    queue_id: str


@frozen
class RetryMessages(Request):
    """
    Try messages at once, and hosts that are left alone for a while.

    :param queue_id: None for all that are not on hold.
    """

    operation = "queue retry"
    queue_id: str | None = None


@frozen
class DropMessage(Request):
    """Remove a message from the queue. Nobody is told."""

    operation = "queue drop"
    queue_id: str


@frozen
class DemandTls(Request):
    """
    Change what a message demands of its path.

    :param requiretls: ``"none"``, ``"require"`` or ``"optional"``.
    """

    operation = "queue requiretls"
    queue_id: str
    requiretls: str


@frozen
class SendMessage(Request):
    """
    Put a message into the queue.

    :param sender: the reverse-path; empty for the null reverse-path; None for
        the address of the From field, or else the postmaster's.
    :param recipients: the addresses; without ``@`` of the first domain.
    :param content: header section and body, octets in base64.
    :param requiretls: ``"none"``, ``"require"`` or ``"optional"``.
    :param full_name: the author's, for a From field that is missing.
    :param notify: which reports are asked for; empty for those that are usual.
    :param ret: how much of the message a report returns, None if it is not said.
    :param envid: what names the message in reports, None for nothing.
    """

    operation = "send"
    recipients: list[str]
    content: str = field(repr=False)
    sender: str | None = None
    requiretls: str = "none"
    full_name: str = ""
    notify: list[Notify] = field(factory=list)
    ret: Ret | None = None
    envid: str | None = None
