"""What a configuration makes of a site: a factory for each listener."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from twisted.internet.interfaces import IProtocolFactory, IReactorTime

from mailext.access.factory import AccessFactory
from mailext.config.model import Configuration
from mailext.config.publishing import own_policies
from mailext.net.factory import SMTPFactory
from mailext.net.tls import ServerContextFactory, implicit
from mailext.publishing.policy_web import policy_site, within_bounds
from mailext.service.access import ACCESS_PROTOCOLS, access_factory
from mailext.service.own_judging import OwnJudging
from mailext.service.site import Site
from mailext.service.smtp import smtp_factory
from mailext.service.tls import in_tls, make_tls

__all__ = ["Doors", "MailFactory", "open_doors"]

#: What knows of the sessions of a listener.
MailFactory = SMTPFactory | AccessFactory


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
    tls = make_tls(configuration.tls)
    logins = site.login_keeping(configuration)
    judging = OwnJudging(configuration, site, clock, logins)
    mail: dict[str, MailFactory] = {
        name: access_factory(configuration, listener, site, clock, tls, logins=logins)
        if name in ACCESS_PROTOCOLS
        else smtp_factory(configuration, listener, site, clock, tls, judging=judging)
        for name, listener in configuration.listeners.items()
    }
    outermost = in_tls(mail, tls)
    if tls is not None and configuration.listen.https:
        web = implicit(policy_site(own_policies(configuration), clock), tls)
        outermost["https"] = within_bounds(web, clock)
    return Doors(mail, outermost, tls)
