"""What an IMAP session is told of its mailbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["MailboxNews"]


@dataclass(frozen=True, slots=True)
class MailboxNews:
    """
    What a session is to be told of the mailbox that it has selected.

    :param vanished: sequence numbers of messages that are gone, the greatest
        first: each is that of the message once those before are gone.
    :param flags: messages whose flags are others now, by sequence number.
    :param exists: how many messages there are; None if there are no more and
        no fewer than the session knows of.
    :param recent: how many of them are recent; None as for ``exists``.
    """

    vanished: tuple[int, ...] = ()
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    exists: int | None = None
    recent: int | None = None
