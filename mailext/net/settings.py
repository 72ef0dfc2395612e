"""The settings of one listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

from mailext.clientid.dispositions import Dispositions
from mailext.clientid.login import AnyLoginJudge
from mailext.interfaces import IDeliveryPolicy
from mailext.values import Protocol
from mailext.wire.limits import SessionLimits

__all__ = ["ListenerSettings"]


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """
    How a listener treats its clients. Times are in seconds, sizes in octets.

    :param name: the listener's name, for checkers, policies and the log.
    :param hostname: what the server calls itself, in A-labels.
    :param protocol: ``ESMTP`` or ``LMTP``.
    :param limits: the limits of a session.
    :param header_size: the greatest header section of a message.
    :param hops: the most Received and Delivered-To fields of a message.
    :param command_timeout: from a reply to the next command.
    :param message_timeout: from the beginning of a message to its end.
    :param handshake_timeout: for a TLS handshake.
    :param min_rate: octets a second that a client must give within a message.
    :param connections: at the same time, of all clients.
    :param connections_per_address: at the same time, of one address.
    :param connections_per_network: at the same time, of one /24 of IPv4 or /56 of IPv6.
    :param require_auth: whether MAIL needs a login.
    :param plaintext_auth: whether AUTH is offered outside of TLS too.
    :param clientid_enabled: whether CLIENTID is offered.
    :param dsn: whether DSN is offered (RFC 3461): whoever takes the messages has
        to report on them.
    :param dispositions: how identities are handled, by their type.
    :param login: who judges logins; None: a judge without checkers.
    :param policies: the delivery policies, asked in this order.
    :param policy_timeout: for one answer of a policy.
    :param auth_failure_delay: failed logins are answered on its multiples.
    :param tls: what STARTTLS begins TLS with; None: it is not offered.
    :param challengers: the SASL mechanisms by name, as stock
        :class:`twisted.mail.smtp.ESMTP` takes them.
    """

    name: str = "smtp"
    hostname: str = "localhost"
    protocol: Protocol = Protocol.ESMTP
    limits: SessionLimits = field(default_factory=SessionLimits)
    header_size: int = 256 * 1024
    hops: int = 50
    command_timeout: float = 300.0
    message_timeout: float = 1800.0
    handshake_timeout: float = 30.0
    min_rate: float = 500.0
    connections: int = 5000
    connections_per_address: int = 50
    connections_per_network: int = 500
    require_auth: bool = False
    plaintext_auth: bool = False
    clientid_enabled: bool = True
    dsn: bool = False
    dispositions: Dispositions = field(default_factory=Dispositions)
    login: AnyLoginJudge | None = None
    policies: tuple[IDeliveryPolicy, ...] = ()
    policy_timeout: float = 10.0
    auth_failure_delay: float = 1.0
    tls: IOpenSSLServerConnectionCreator | None = None
    challengers: Mapping[bytes, Callable[[], object]] = field(default_factory=dict)
