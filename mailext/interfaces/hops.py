"""Connections to next hops, and who this program is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IClientAuthentication
from zope.interface import Attribute, Interface

from mailext.values import (
    ClientIdentity,
    Envelope,
    HopSession,
    Mailbox,
    NextHop,
    Outcome,
    TlsEvidence,
    TlsFailedError,
    TlsUse,
)

__all__ = [
    "IClientIdentitySource",
    "IHopConnection",
    "IHopConnector",
    "IMutualAuthentication",
    "IPipeliningConnection",
]


class IHopConnection(Interface):
    """
    A connection to a next hop, opened and ready for messages: TLS, CLIENTID
    and AUTH are behind it.
    """

    hop: NextHop = Attribute("The NextHop that it leads to.")
    address: str = Attribute("str: the IP address at its other end, for the log.")
    session: HopSession = Attribute("A HopSession: the same and more, for TLS reports.")
    reused: bool = Attribute("bool: whether it was given to somebody before.")
    evidence: TlsEvidence | None = Attribute(
        "What the host showed in the TLS handshake, a TlsEvidence; None without TLS."
    )
    keywords: Mapping[str, tuple[str, ...]] = Attribute(
        "The keywords of the last EHLO reply, upper case, with their arguments; after TLS those that "
        "came under TLS."
    )
    usable: bool = Attribute("bool: whether another message could be sent.")
    worn_out: bool = Attribute(
        "bool: whether it was lost or closed by the host, or the host had no message more for it (4xx to "
        "MAIL): a new one may do better."
    )

    def send(
        envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        Send one message. One after the other.

        :param envelope: whom it is for. What is said with MAIL and asked of
            the host is in its ``options``: REQUIRETLS goes out if
            ``options.requiretls`` says so, whatever ``tls_demand`` is.
        :param content: the message in canonical lines, as bytes cut anywhere.
            It is asked for more as the host takes it, and not before the
            host has accepted a recipient; a Deferred in place of octets says
            that there will be more when it fires.
        :return: a Deferred of one outcome for each recipient. Loss, time-out
            and what the host cannot carry are outcomes too; one with
            ``in_doubt`` may have been delivered. Cancelling it cuts the
            connection.
        """

    def release() -> None:
        """The caller has no more for it: it may serve others, or QUIT."""

    def quit() -> Deferred[None]:
        """
        Say QUIT and part.

        :return: a Deferred that fires, never with a failure, when the
            connection is gone.
        """


class IPipeliningConnection(IHopConnection):
    """
    An add-on for a connection that takes the envelope of the next message
    while the end of the last one is not answered yet.
    """

    onContentSent: Callable[[], object] = Attribute(
        "Called without arguments when the end of a message was sent; if the connection is ``usable`` "
        "then, the next one may be sent. What comes of the last one makes no difference to it, but for "
        "the loss of the connection."
    )


class IHopConnector(Interface):
    """Opens connections to next hops."""

    def connect(
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        """
        :param hop: the :class:`~mailext.values.NextHop`; its addresses are
            tried in their order.
        :param use: what is made of TLS, a :class:`~mailext.values.TlsUse`.
        :param satisfies: whether a connection that was opened for another
            message will do for this one. A new one is given without asking:
            the caller judges it, and quits it if it will not do.
        :param failed: called for each address with which all that failed was
            TLS, be it that another one did better.
        :return: a Deferred of an :class:`IHopConnection`. It fails with a
            :class:`~mailext.values.HopError`; with its subclass
            ``TlsFailedError`` where all that failed was TLS. It can be
            cancelled.
        """


class IClientIdentitySource(Interface):
    """
    Knows the identity that this program presents with CLIENTID: a random one
    for each account and server, so that nobody can tell by it that two
    accounts are one person's (draft-storey-smtp-client-id-13 section 9).
    """

    def identityFor(account: str, server: str) -> ClientIdentity:
        """
        :param account: the user name at the server.
        :param server: the server's host name.
        :return: a :class:`~mailext.values.ClientIdentity`, the same each time.
        """


class IMutualAuthentication(IClientAuthentication):
    """
    An add-on for the client's side of a SASL mechanism by which the server
    proves something too. A login that leaves it unproved has failed, whatever
    the server says.
    """

    serverProved: bool = Attribute("bool: whether the server has proved that it knows the password.")
