"""What a configuration makes of the listeners of SMTP and LMTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Protocol as TypingProtocol

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.internet.interfaces import IReactorTime
from twisted.mail.interfaces import IMessageDeliveryFactory

from mailext.accounts.addresses import AddressBook
from mailext.config.model import Configuration, Limits, Listener, Relay
from mailext.counts import ConnectionCounts
from mailext.delivery.realm import MailRealm, deliveries
from mailext.delivery.reception import Reception, RelayCheck, any_sender, relays_for_nobody
from mailext.net.factory import SMTPFactory
from mailext.net.settings import ListenerSettings
from mailext.net.tls import ServerContextFactory
from mailext.queue.shortcut import ShortcutTarget
from mailext.routing.names import plain_address
from mailext.service.judging import Judging
from mailext.service.room import StateRoom
from mailext.values import Protocol, SessionView
from mailext.wire.limits import SessionLimits

__all__ = ["ReceivingSite", "smtp_factory"]


class ReceivingSite(TypingProtocol):
    """
    What mail is brought to: :class:`mailext.service.site.Site`, or in a worker
    what stands in for it.
    """

    @property
    def addresses(self) -> Callable[[], AddressBook]: ...

    @property
    def intake(self) -> ShortcutTarget: ...

    @property
    def ids(self) -> Callable[[], str]: ...

    @property
    def room(self) -> StateRoom: ...

    @property
    def counts(self) -> Mapping[str, ConnectionCounts]: ...


def smtp_factory(
    configuration: Configuration,
    listener: Listener,
    site: ReceivingSite,
    clock: IReactorTime,
    tls: ServerContextFactory | None,
    *,
    judging: Judging,
) -> SMTPFactory:
    """
    :param tls: makes TLS contexts, None without a certificate.
    :param judging: who judges the sessions.
    :raise ValueError: if a checker or a policy cannot be made after all.
    """
    reception = Reception(
        site.addresses,
        partial(_intake_for, site.intake),
        configuration.hostname,
        clock,
        site.ids,
        AddressBook.owns if configuration.addresses.sender_check else any_sender,
        _relay_check(listener, configuration.relay),
        partial(site.room.refusal, limits=listener.limits),
    )
    realm = MailRealm(site.addresses, {IMessageDeliveryFactory: deliveries(reception)})
    logging_in = judging.logging_in(listener, realm)
    if not listener.keys.require_auth:
        # Whoever does not log in may bring mail for our accounts.
        logging_in.portal.registerChecker(AllowAnonymousAccess())
    limits = listener.limits
    settings = ListenerSettings(
        name=listener.name,
        hostname=configuration.hostname,
        protocol=Protocol.LMTP if listener.name == "lmtp" else Protocol.ESMTP,
        limits=_session_limits(limits),
        header_size=limits.header_size,
        hops=limits.hops,
        command_timeout=limits.command_timeout,
        message_timeout=limits.message_timeout,
        handshake_timeout=limits.handshake_timeout,
        min_rate=limits.min_rate,
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        connections_per_network=limits.connections_per_network,
        require_auth=listener.keys.require_auth,
        plaintext_auth=listener.keys.plaintext_auth,
        dsn=True,
        clientid_enabled=listener.clientid.enabled,
        dispositions=logging_in.dispositions,
        login=logging_in.judge,
        policies=judging.policies(listener),
        policy_timeout=judging.policy_timeout(listener),
        auth_failure_delay=configuration.auth_failure_delay,
        tls=tls,
        challengers=logging_in.challengers,
    )
    return SMTPFactory(logging_in.portal, settings, clock=clock, counts=site.counts[listener.name])


def _relay_check(listener: Listener, relay: Relay) -> RelayCheck:
    # LMTP is final delivery.
    if not relay.networks or listener.name == "lmtp":
        return relays_for_nobody

    def is_in_networks(session: SessionView) -> bool:
        try:
            address = ip_address(plain_address(session.peer))
        except ValueError:
            # A client by a local socket has no address.
            return False
        return any(address in network for network in relay.networks)

    return is_in_networks


def _session_limits(limits: Limits) -> SessionLimits:
    return SessionLimits(
        message_size=limits.message_size,
        recipients=limits.recipients,
        commands=limits.commands,
        errors=limits.errors,
        junk_commands=limits.junk_commands,
        auth_failures=limits.auth_failures,
    )


def _intake_for(intake: ShortcutTarget, session: SessionView) -> ShortcutTarget:
    return intake.submitted_by(session.clientid) if session.clientid else intake
