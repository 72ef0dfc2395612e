"""The judges of the sessions of SMTP, in the process that has the site."""

from __future__ import annotations

from twisted.cred.portal import IRealm
from twisted.internet.interfaces import IReactorTime

from mailext.config.model import Configuration, Listener
from mailext.interfaces import IDeliveryPolicy
from mailext.plugins import make_policy
from mailext.service.known_support import RecipientSupport, RelayServices
from mailext.service.logging_in import LoggingIn
from mailext.service.logins import LoginKeeping
from mailext.service.site import Site

__all__ = ["OwnJudging"]


class OwnJudging:
    """
    A :class:`~mailext.service.judging.Judging`.

    :param logins: what becomes of logins.
    """

    def __init__(
        self, configuration: Configuration, site: Site, clock: IReactorTime, logins: LoginKeeping
    ) -> None:
        self._configuration = configuration
        self._site = site
        self._clock = clock
        self._logins = logins
        self._services = RelayServices(
            clock,
            site.store.identities,
            site.store.licences,
            site.counters,
            RecipientSupport(site.addresses, site.support),
        )

    def logging_in(self, listener: Listener, realm: IRealm) -> LoggingIn:
        """See :meth:`Judging.logging_in`."""
        return LoggingIn.at(
            listener,
            self._configuration,
            realm,
            self._site.accounts,
            self._services,
            scram=self._site.scram,
            clock=self._clock,
            logins=self._logins,
            reject_at=listener.clientid.reject_at,
        )

    def policies(self, listener: Listener) -> tuple[IDeliveryPolicy, ...]:
        """See :meth:`Judging.policies`."""
        return tuple(make_policy(string, self._services) for string in listener.keys.policies)

    def policy_timeout(self, listener: Listener) -> float:  # noqa: ARG002 - as any judging's
        """See :meth:`Judging.policy_timeout`."""
        return self._configuration.policy_timeout
