"""
Hostile readers: what a client of IMAP or POP3 sends, and what it must be told.
They are data.

The site: one account, ``ann`` with the password ``secret``, and two messages in
its mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.vectors.model import Threat


class Door(Enum):
    """Where the client stands when it begins."""

    #: In clear; TLS can begin.
    IMAP_CLEAR = "IMAP in clear"
    #: Under TLS, not logged in.
    IMAP = "IMAP"
    #: Logged in, with INBOX selected.
    IMAP_SELECTED = "IMAP, INBOX selected"
    POP3_CLEAR = "POP3 in clear"
    POP3 = "POP3"
    #: Logged in.
    POP3_OPEN = "POP3, logged in"


@dataclass(frozen=True)
class ReaderVector:
    """
    :param said: what the client sends; the connection stays open behind it.
    :param told: how the lines of the server begin, untagged responses of IMAP
        but for ``BYE`` left out, and of POP3 all but those with ``+OK``,
        ``-ERR`` or a challenge.
    :param ended: whether the server has ended the connection then.
    """

    id: str
    threat: Threat
    door: Door
    said: bytes
    told: tuple[str, ...]
    source: str
    ended: bool = False
