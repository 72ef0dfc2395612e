"""Who is at the other end of a connection to us."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["ClientIdentity", "Protocol", "SessionView", "TlsFacts"]


class Protocol(StrEnum):
    """The protocol of a session."""

    ESMTP = "esmtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """
    What a client said about itself with CLIENTID.

    :param type: the identity type, upper case (types compare without regard
        to case).
    :param token: the token, exact, except that a valid UUID is lower case. It
        never appears in ``repr()``: it must not reach a log or a traceback
        (C24, draft-storey-smtp-client-id-13 section 9).
    """

    type: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """
    What is known of the TLS layer of a session.

    :param version: for example ``TLSv1.3``.
    :param cipher: the name of the cipher suite.
    :param server_name: the name that the client asked for by SNI, if any.
    """

    version: str
    cipher: str
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """
    What checkers and policies may know of a session, whatever its protocol.

    :param id: a random name of the session, the same in every log line of it.
    :param listener: the name of the listener, for example ``submission``.
    :param peer: the client's address without port; ``local`` for a socket of
        this machine.
    :param tls: the facts of the TLS layer, None without one.
    :param identity: the client identity after its type's disposition: None
        where none was given or where it counts as not presented (C23).
    :param avatar_id: who has logged in, None before that.
    :param helo: the name that the client gave in EHLO, HELO or LHLO.
    :param extended: whether the client speaks with service extensions: it said
        EHLO or LHLO, not HELO.
    :param clientid: what logs call the client identity, its keyed hash; empty
        where there is none, or where its type's flags keep it out of them.
    """

    id: str
    protocol: Protocol
    listener: str
    peer: str
    tls: TlsFacts | None = None
    identity: ClientIdentity | None = None
    avatar_id: str | None = None
    helo: str = ""
    extended: bool = True
    clientid: str = ""
