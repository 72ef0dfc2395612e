"""How a client treats servers, and what it says to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from twisted.mail._cred import (
    CramMD5ClientAuthenticator,
    LOGINAuthenticator,
    PLAINAuthenticator,
)
from twisted.mail.interfaces import IClientAuthentication

from mailext.net.client.sasl import ScramSha256Authenticator
from mailext.values import ClientIdentity, Protocol, TlsLevel
from mailext.wire.client_states import ClientState

__all__ = ["ClientSettings", "Credentials", "Identification", "OnRefusal", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    How long the client waits, in seconds (RFC 5321 section 4.5.3.2). A reply
    ends a time, its octets do not.

    :param connect: for the TCP connection to one address.
    :param greeting: for the greeting.
    :param handshake: for a TLS handshake.
    :param command: for the reply to any command but these.
    :param block: for a part of the message to be taken.
    :param completion: for the reply to the end of the message.
    :param quit: for the reply to QUIT.
    :param opening: from the connection to the first message, all in all.
    :param transaction: for one message, all in all.
    """

    connect: float = 30.0
    greeting: float = 300.0
    handshake: float = 60.0
    command: float = 300.0
    block: float = 180.0
    completion: float = 600.0
    quit: float = 10.0
    opening: float = 600.0
    transaction: float = 3600.0

    def of(self, state: ClientState) -> float:
        """How long the server may leave the session in a state."""
        match state:
            case ClientState.CONNECTED:
                return self.greeting
            case ClientState.HANDSHAKE:
                return self.handshake
            case ClientState.CONTENT:
                return self.block
            case ClientState.COMPLETION | ClientState.AHEAD:
                return self.completion
            case ClientState.QUITTING:
                return self.quit
            case _:
                return self.command


def standard_authenticators(username: str) -> Sequence[IClientAuthentication]:
    """SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5, in this order."""
    octets = username.encode("utf-8")
    return [
        ScramSha256Authenticator(username),
        PLAINAuthenticator(octets),
        LOGINAuthenticator(octets),
        CramMD5ClientAuthenticator(octets),
    ]


class OnRefusal(Enum):
    """What to do where the server does not take a CLIENTID, or offers none."""

    #: Do not log in: the connection fails.
    STOP = "stop"
    #: Go on without.
    GO_ON = "go-on"


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What to log in with.

    :param password: never shown by ``repr()``.
    :param authenticators: makes the client's side of the SASL mechanisms from
        the user name, those to prefer first: objects of
        :class:`twisted.mail.interfaces.IClientAuthentication`.
    :param needs: how far TLS must protect the connection before the password
        is said.
    """

    username: str
    password: str = field(repr=False)
    authenticators: Callable[[str], Sequence[IClientAuthentication]] = standard_authenticators
    needs: TlsLevel = TlsLevel.AUTHENTICATED


@dataclass(frozen=True, slots=True)
class Identification:
    """
    What to say with CLIENTID. It is only ever said to a host that TLS has
    authenticated.
    """

    identity: ClientIdentity
    on_refusal: OnRefusal = OnRefusal.GO_ON


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """
    :param name: what the client calls itself in EHLO.
    :param discard: keywords of servers, upper case, of which no use is made:
        without ``CHUNKING`` messages go by DATA.
    :param helo_fallback: whether HELO is said to a host that knows no EHLO.
    :param credentials: for hops that are to be logged in at; None for none.
    :param identification: said to these hops before the login; None for none.
    """

    name: str
    protocol: Protocol = Protocol.ESMTP
    timeouts: Timeouts = field(default_factory=Timeouts)
    discard: frozenset[str] = frozenset()
    helo_fallback: bool = True
    credentials: Credentials | None = None
    identification: Identification | None = None
