"""What becomes of every attempt to log in, beside its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.accounts.addresses import AddressBook
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.entries import LoginSink
from mailext.clientid.journal import LoginJournal
from mailext.config.model import Configuration, Identities
from mailext.delivery.holder_log import HolderLogFiles
from mailext.geography import Geography, open_geography
from mailext.service.holder_mail import HolderMail
from mailext.service.logging_in import account_named
from mailext.service.login_alerts import LoginAlerts
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.store import Store
from mailext.threads import RunInThread
from mailext.values import LoginAttempt

__all__ = ["LoginKeeping", "PruningTimer", "registry_limits"]

_log = Logger()

_HOUR = 3600.0
_SOON = 60.0


@frozen
class LoginKeeping:
    """
    Under one configuration: completes attempts, and keeps what is to be kept
    of them.

    :param sinks: what takes their entries.
    """

    store: Store
    addresses: Callable[[], AddressBook]
    geography: Geography
    sinks: tuple[LoginSink, ...]

    @classmethod
    def under(
        cls,
        configuration: Configuration,
        store: Store,
        mail: HolderMail,
        in_thread: RunInThread,
        addresses: Callable[[], AddressBook],
    ) -> LoginKeeping:
        """
        :param mail: sends messages to holders.
        :param in_thread: where files are written.
        :raise ValueError: if the database of places cannot be used.
        """
        identities = configuration.identities
        sinks: list[LoginSink] = [store.logins]
        if identities.alert_mail:
            sinks.append(LoginAlerts(store.alerts, mail))
        if identities.user_log is not None:
            sinks.append(HolderLogFiles(identities.user_log, in_thread, addresses))
        return cls(store, addresses, open_geography(identities.places), tuple(sinks))

    def journal(self, dispositions: Dispositions) -> LoginJournal:
        """The journal of a listener with these flags."""
        return LoginJournal(dispositions, self.store.identities, self.sinks)

    def completed(self, attempt: LoginAttempt) -> LoginAttempt:
        """An attempt with the account that its user name means, and where the client is."""
        place = self.geography.locate(attempt.session.peer)
        return replace(attempt, account=self.account_named(attempt.username), place=place)

    def account_named(self, username: str) -> str:
        """The account that a user name means; the name itself where it can be none of ours."""
        return account_named(self.addresses(), username)


def registry_limits(identities: Identities) -> RegistryLimits:
    """What the configuration says of how much is kept."""
    return RegistryLimits(
        per_account=identities.per_account,
        keep=identities.keep,
        logins=identities.logins,
        keep_logins=identities.keep_logins,
    )


class PruningTimer:
    """
    Has what is old forgotten, soon after the start and every hour.

    :param clock: its ``seconds()`` is the wall clock.
    :param prune: called with the time; its Deferred says how many went.
    """

    def __init__(self, clock: IReactorTime, prune: Callable[[float], Deferred[int]]) -> None:
        self._clock = clock
        self._prune = prune
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._next = self._clock.callLater(_SOON, self._run)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends with the store."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _run(self) -> None:
        self._next = self._clock.callLater(_HOUR, self._run)
        self._prune(self._clock.seconds()).addErrback(self._failed)

    @staticmethod
    def _failed(failure: Failure) -> None:
        _log.failure("What is old could not be forgotten; in an hour it is tried again", failure)
