"""What a configuration makes of a site: a factory for each listener."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address

from attrs import frozen
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.mail.interfaces import IMessageDeliveryFactory

from mailext.access.factory import AccessFactory
from mailext.accounts.addresses import AddressBook
from mailext.config.model import Configuration, Limits, Listener, Relay
from mailext.config.publishing import own_policies
from mailext.delivery.realm import MailRealm, deliveries
from mailext.delivery.reception import Reception, RelayCheck, any_sender, relays_for_nobody
from mailext.net.factory import SMTPFactory
from mailext.net.settings import ListenerSettings
from mailext.net.tls import ServerContextFactory, implicit
from mailext.plugins import make_policy
from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.queue.shortcut import ShortcutTarget
from mailext.routing.names import plain_address
from mailext.service.access import ACCESS_PROTOCOLS, access_factory
from mailext.service.known_support import RecipientSupport, RelayServices
from mailext.service.logging_in import LoggingIn
from mailext.service.logins import LoginKeeping
from mailext.service.site import Site
from mailext.values import Protocol, SessionView
from mailext.wire.limits import SessionLimits

__all__ = ["Doors", "MailFactory", "open_doors"]

#: What knows of the sessions of a listener.
MailFactory = SMTPFactory | AccessFactory

_IMPLICIT_TLS = frozenset({"submissions", "imaps", "pop3s"})


@frozen
class Doors:
    """
    What stands behind the listeners.

    :param mail: the factory of each listener of mail, by its name.
    :param outermost: what stands behind each listener: these, with TLS around
        those that want it; and the web server of our MTA-STS policy.
    :param tls: makes TLS contexts, None without a certificate.
    """

    mail: Mapping[str, MailFactory]
    outermost: Mapping[str, IProtocolFactory]
    tls: ServerContextFactory | None


def open_doors(configuration: Configuration, site: Site, clock: IReactorTime) -> Doors:
    """
    :param site: what mail and logins are brought to.
    :raise ValueError: if a plugin, a certificate or the database of places
        cannot be used after all.
    """
    tls = None
    if configuration.tls.certificate:
        pairs = zip(configuration.tls.certificate, configuration.tls.key, strict=True)
        tls = ServerContextFactory(list(pairs))
    logins = site.login_keeping(configuration)
    mail: dict[str, MailFactory] = {}
    for name, listener in configuration.listeners.items():
        make = access_factory if name in ACCESS_PROTOCOLS else _smtp_factory
        mail[name] = make(configuration, listener, site, clock, tls, logins=logins)
    outermost: dict[str, IProtocolFactory] = {
        name: implicit(factory, tls) if tls is not None and name in _IMPLICIT_TLS else factory
        for name, factory in mail.items()
    }
    if tls is not None and configuration.listen.https:
        web = implicit(policy_site(own_policies(configuration), clock), tls)
        outermost["https"] = within_bounds(web, clock)
    return Doors(mail, outermost, tls)


def _smtp_factory(
    configuration: Configuration,
    listener: Listener,
    site: Site,
    clock: IReactorTime,
    tls: ServerContextFactory | None,
    *,
    logins: LoginKeeping,
) -> SMTPFactory:
    services = RelayServices(
        clock,
        site.store.identities,
        site.store.licences,
        site.counters,
        RecipientSupport(site.addresses, site.support),
    )
    reception = Reception(
        site.addresses,
        partial(_intake_for, site.intake),
        configuration.hostname,
        clock,
        site.queue.ids,
        AddressBook.owns if configuration.addresses.sender_check else any_sender,
        _relay_check(listener, configuration.relay),
        partial(site.room.refusal, limits=listener.limits),
    )
    logging_in = LoggingIn.at(
        listener,
        configuration,
        MailRealm(site.addresses, {IMessageDeliveryFactory: deliveries(reception)}),
        site.accounts,
        services,
        scram=site.scram,
        clock=clock,
        logins=logins,
        reject_at=listener.clientid.reject_at,
    )
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
        policies=tuple(make_policy(string, services) for string in listener.keys.policies),
        policy_timeout=configuration.policy_timeout,
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
