"""What a configuration makes of the listeners of IMAP and POP3."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.mail import imap4, pop3

from mailext.access.avatars import accounts, maildrops
from mailext.access.factory import AccessFactory, ProtocolMaker
from mailext.access.imap import IMAP4
from mailext.access.pop3 import POP3
from mailext.access.settings import AccessSettings
from mailext.clientid.login import RejectAt
from mailext.clientid.services import PluginServices
from mailext.config.model import Configuration, Listener
from mailext.delivery.realm import MailRealm
from mailext.net.tls import ServerContextFactory
from mailext.service.logging_in import LoggingIn
from mailext.service.logins import LoginKeeping
from mailext.service.site import Site

__all__ = ["ACCESS_PROTOCOLS", "access_factory"]

#: The protocol of each listener that gives access to mailboxes.
ACCESS_PROTOCOLS: Mapping[str, ProtocolMaker] = {"imap": IMAP4, "imaps": IMAP4, "pop3": POP3, "pop3s": POP3}


def access_factory(
    configuration: Configuration,
    listener: Listener,
    site: Site,
    clock: IReactorTime,
    tls: ServerContextFactory | None,
    *,
    logins: LoginKeeping,
) -> AccessFactory:
    """
    :param listener: one of :data:`ACCESS_PROTOCOLS`.
    :param tls: makes TLS contexts, None without a certificate.
    :raise ValueError: if a checker cannot be made after all.
    """
    realm = MailRealm(
        site.addresses,
        {
            imap4.IAccount: accounts(site.mailboxes),
            pop3.IMailbox: maildrops(site.mailboxes),
        },
    )
    logging_in = LoggingIn.at(
        listener,
        configuration,
        realm,
        site.accounts,
        PluginServices(clock, site.store.identities, site.store.licences, site.counters),
        scram=site.scram,
        clock=clock,
        logins=logins,
        # Here nothing comes between the login and the mailbox.
        reject_at=RejectAt.AUTH,
    )
    limits = listener.limits
    settings = AccessSettings(
        name=listener.name,
        hostname=configuration.hostname,
        in_thread=site.access_threads.run,
        login=logging_in.judge,
        message_size=limits.message_size,
        message_timeout=limits.message_timeout,
        min_rate=limits.min_rate,
        has_room=partial(site.room.has_room, limits=limits),
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        connections_per_network=limits.connections_per_network,
        errors=limits.errors,
        commands=limits.junk_commands,
        auth_failures=limits.auth_failures,
        command_timeout=limits.command_timeout,
        handshake_timeout=limits.handshake_timeout,
        plaintext_auth=listener.keys.plaintext_auth,
        auth_failure_delay=configuration.auth_failure_delay,
        clientid_enabled=listener.clientid.enabled,
        dispositions=logging_in.dispositions,
        tls=tls,
        challengers={name.decode("ascii"): make for name, make in logging_in.challengers.items()},
    )
    return AccessFactory(
        ACCESS_PROTOCOLS[listener.name], logging_in.portal, settings, clock, site.counts[listener.name]
    )
