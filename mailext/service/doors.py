"""What a configuration makes of a site: a factory for each listener."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address

from attrs import frozen
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IProtocolFactory, IReactorTime

from mailext.accounts.addresses import AddressBook
from mailext.accounts.portal import ChainedPortal
from mailext.accounts.sasl import mechanisms_for
from mailext.accounts.strings import make_checker as make_credentials_checker
from mailext.clientid.configured import make_checkers
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.login import LoginJudge
from mailext.clientid.services import PluginServices
from mailext.config.model import Configuration, Limits, Listener, Relay
from mailext.config.publishing import own_policies
from mailext.delivery.realm import MailRealm
from mailext.delivery.reception import Reception, RelayCheck, any_sender, relays_for_nobody
from mailext.net.factory import SMTPFactory
from mailext.net.settings import ListenerSettings
from mailext.net.tls import ServerContextFactory, implicit
from mailext.plugins import make_policy
from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.queue.target import QueueTarget
from mailext.routing.names import plain_address
from mailext.service.logins import LoginKeeping
from mailext.service.site import Site
from mailext.values import Protocol, SessionView
from mailext.wire.limits import Limits as SessionLimits

__all__ = ["Doors", "open_doors"]

_IMPLICIT_TLS = frozenset({"submissions"})


@frozen
class Doors:
    """
    What stands behind the listeners.

    :param smtp: the factory of each listener, by its name.
    :param outermost: what stands behind each listener: these, with TLS around
        those that want it; and the web server of our MTA-STS policy.
    :param tls: makes TLS contexts, None without a certificate.
    """

    smtp: Mapping[str, SMTPFactory]
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
    smtp = {
        name: _factory(configuration, listener, site, clock, tls, logins=logins)
        for name, listener in configuration.listeners.items()
    }
    outermost: dict[str, IProtocolFactory] = {
        name: implicit(factory, tls) if tls is not None and name in _IMPLICIT_TLS else factory
        for name, factory in smtp.items()
    }
    if tls is not None and configuration.listen.https:
        web = implicit(policy_site(own_policies(configuration), clock), tls)
        outermost["https"] = within_bounds(web, clock)
    return Doors(smtp, outermost, tls)


def _factory(
    configuration: Configuration,
    listener: Listener,
    site: Site,
    clock: IReactorTime,
    tls: ServerContextFactory | None,
    *,
    logins: LoginKeeping,
) -> SMTPFactory:
    services = PluginServices(clock, site.store.identities, site.store.licences, site.counters)
    dispositions = Dispositions.from_names(listener.clientid.types)
    reception = Reception(
        site.addresses,
        partial(_queue_for, site.queue),
        configuration.hostname,
        clock,
        site.queue.ids,
        AddressBook.owns if configuration.addresses.sender_check else any_sender,
        _relay_check(listener, configuration.relay),
    )
    portal = _portal(listener, MailRealm(reception), site.accounts)
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
        require_auth=listener.keys.require_auth,
        plaintext_auth=listener.keys.plaintext_auth,
        dsn=True,
        clientid_enabled=listener.clientid.enabled,
        dispositions=dispositions,
        login=LoginJudge(
            make_checkers(listener.clientid.checkers, services),
            clock,
            configuration.policy_timeout,
            listener.clientid.reject_at,
            logins.journal(dispositions),
            completed=logins.completed,
        ),
        policies=tuple(make_policy(string, services) for string in listener.keys.policies),
        policy_timeout=configuration.policy_timeout,
        auth_failure_delay=configuration.auth_failure_delay,
        tls=tls,
        challengers=mechanisms_for(
            portal.listCredentialsInterfaces(), configuration.hostname.encode("ascii")
        ),
    )
    return SMTPFactory(portal, settings, clock=clock, counts=site.counts[listener.name])


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


def _portal(listener: Listener, realm: IRealm, accounts: ICredentialsChecker) -> ChainedPortal:
    portal = ChainedPortal(realm)
    for string in listener.keys.auth:
        portal.registerChecker(make_credentials_checker(string, accounts))
    if not listener.keys.require_auth:
        # Whoever does not log in may bring mail for our accounts.
        portal.registerChecker(AllowAnonymousAccess())
    return portal


def _queue_for(queue: QueueTarget, session: SessionView) -> QueueTarget:
    return queue.submitted_by(session.clientid) if session.clientid else queue
