"""
Trace fields: what a server writes on top of a message (RFC 5321 section 4.4).

What the client said of itself is made harmless first, and of a client identity
nothing is written at all (C24, draft-storey-smtp-client-id-13 section 9).
"""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from mailext.values import HeaderField, Mailbox, Protocol, SessionView

__all__ = ["delivered_to", "original_to", "received", "return_path"]

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9.:_\[\]-]")
_MAXIMUM_NAME = 255


def received(
    session: SessionView, *, by: str, recipient: Mailbox | None, smtputf8: bool, date: datetime
) -> bytes:
    """
    The ``Received`` field, folded, without its final CRLF.

    :param session: the session that the message comes in by.
    :param by: the name of this host.
    :param recipient: the only recipient; None where there are several, who
        must not learn of each other (RFC 5321 section 7.6).
    :param smtputf8: whether the message came with SMTPUTF8 (RFC 6531).
    :param date: an aware datetime.
    """
    origin = f"from {_client_name(session)}"
    if address := _address_literal(session.peer):
        origin += f" ({address})"
    host = f"by {by} with {_with_protocol(session, smtputf8=smtputf8)}"
    if session.tls:
        host += f" (using {session.tls.version} with cipher {session.tls.cipher})"
    end = f"; {_in_words(date.replace(microsecond=0))}"
    clauses = [origin, host]
    if recipient:
        clauses.append(f"for <{recipient}>")
    return ("Received: " + "\r\n\t".join(clauses) + end).encode()


def return_path(reverse_path: Mailbox | None) -> HeaderField:
    """The ``Return-Path`` field of a message at its final delivery."""
    return HeaderField("Return-Path", f"<{reverse_path or ''}>")


def delivered_to(account: Mailbox) -> HeaderField:
    """The ``Delivered-To`` field, by which a mail loop is found (RFC 9228)."""
    return HeaderField("Delivered-To", str(account))


def original_to(address: Mailbox) -> HeaderField:
    """The ``X-Original-To`` field: the address before aliases were expanded."""
    return HeaderField("X-Original-To", str(address))


# Many messages come in one second.
@lru_cache(maxsize=1)
def _in_words(date: datetime) -> str:
    return format_datetime(date)


def _client_name(session: SessionView) -> str:
    name = _NOT_A_NAME.sub("?", session.helo[:_MAXIMUM_NAME])
    return name or _address_literal(session.peer) or "unknown"


@lru_cache(maxsize=1024)
def _address_literal(peer: str) -> str | None:
    try:
        # A zone means nothing to anybody else.
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return f"[{address.ipv4_mapped}]" if address.ipv4_mapped else f"[IPv6:{address}]"
    return f"[{address}]"


def _with_protocol(session: SessionView, *, smtputf8: bool) -> str:
    """RFC 3848, and RFC 6531 section 4.3."""
    if not session.extended:
        return "SMTP"
    if smtputf8:
        base = "UTF8LMTP" if session.protocol is Protocol.LMTP else "UTF8SMTP"
    else:
        base = "LMTP" if session.protocol is Protocol.LMTP else "ESMTP"
    return base + ("S" if session.tls else "") + ("A" if session.avatar_id is not None else "")
