"""The settings of one listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

from mailext.clientid.dispositions import Dispositions
from mailext.clientid.login import AnyLoginJudge
from mailext.threads import RunInThread

__all__ = ["AccessSettings"]


def _always_room(octets: int) -> bool:  # noqa: ARG001 - what is asked is of no matter
    return True


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """
    How a listener treats its clients. Times are in seconds, sizes in octets.

    :param name: the listener's name, for checkers and the log.
    :param hostname: what the server calls itself, in A-labels.
    :param in_thread: where messages are read.
    :param login: who judges logins.
    :param message_size: the largest message that a client may append.
    :param message_timeout: for such a message, or another literal.
    :param min_rate: octets a second that it must come with.
    :param has_room: whether the disk has room for so many octets more.
    :param connections: at the same time, of all clients.
    :param connections_per_address: at the same time, of one address.
    :param connections_per_network: at the same time, of one /24 of IPv4 or /56 of IPv6.
    :param errors: malformed commands one after the other that end a session,
        and so do as many refusals of the same login.
    :param commands: commands before the login that end a session.
    :param auth_failures: failed logins that end a session.
    :param command_timeout: from a reply to the next command before the login,
        and for a client to take more of what it has asked for.
    :param handshake_timeout: for a TLS handshake.
    :param plaintext_auth: whether logins are taken outside of TLS too.
    :param auth_failure_delay: failed logins are answered on its multiples.
    :param clientid_enabled: whether CLIENTID is offered.
    :param dispositions: how identities are handled, by their type.
    :param tls: what STARTTLS and STLS begin TLS with; None: not offered.
    :param challengers: the SASL mechanisms by upper-case name.
    """

    name: str
    hostname: str
    in_thread: RunInThread
    login: AnyLoginJudge
    message_size: int = 50 * 1024 * 1024
    message_timeout: float = 1800.0
    min_rate: float = 500.0
    has_room: Callable[[int], bool] = _always_room
    connections: int = 5000
    connections_per_address: int = 50
    connections_per_network: int = 500
    errors: int = 20
    commands: int = 100
    auth_failures: int = 3
    command_timeout: float = 300.0
    handshake_timeout: float = 30.0
    plaintext_auth: bool = False
    auth_failure_delay: float = 1.0
    clientid_enabled: bool = True
    dispositions: Dispositions = field(default_factory=Dispositions)
    tls: IOpenSSLServerConnectionCreator | None = None
    challengers: Mapping[str, Callable[[], object]] = field(default_factory=dict)
