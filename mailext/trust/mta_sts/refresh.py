"""Policies are fetched again before they expire (RFC 8461 sections 3.3 and 10.2)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.trust.mta_sts.means import KnownPolicy, StsFetchError, StsPolicyStore
from mailext.trust.mta_sts.policies import StsPolicies
from mailext.trust.mta_sts.policy import StsMode

__all__ = ["StsRefresh"]

_log = Logger()

_HOUR = 3600.0
_DAY = 24 * _HOUR

# How often the memory is looked through, in seconds, and how many policies are
# fetched in one go.
_EVERY = 300.0
_AT_ONCE = 50

# A domain that no mail goes to is left to be forgotten.
_UNUSED = 30 * _DAY


class StsRefresh(Service):
    """
    Refreshes the policies that are remembered, as a service.

    :param policies: gives what fetches them now.
    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(
        self, policies: Callable[[], StsPolicies], store: StsPolicyStore, clock: IReactorTime
    ) -> None:
        self._policies = policies
        self._store = store
        self._clock = clock
        self._loop = LoopingCall(self._round)
        self._loop.clock = clock
        self._under_way: Deferred[None] = succeed(None)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._loop.start(_EVERY, now=False)

    def stopService(self) -> Deferred[None]:
        """:return: a Deferred that fires when nothing is fetched any more."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._loop.running:
            self._loop.stop()
        self._under_way.cancel()
        return self._under_way

    def _round(self) -> Deferred[None]:
        self._under_way = Deferred.fromCoroutine(self._refresh_due())
        return self._under_way.addErrback(_ended)

    async def _refresh_due(self) -> None:
        now = self._clock.seconds()
        await self._store.forget_expired(now)
        due = await self._store.due(now, now - _UNUSED, _AT_ONCE)
        refreshed = [Deferred.fromCoroutine(self._refresh(known)) for known in due]
        await gatherResults(refreshed, consumeErrors=True)

    async def _refresh(self, known: KnownPolicy) -> None:
        try:
            await self._policies().refresh(known)
        except StsFetchError as error:
            now = self._clock.seconds()
            await self._store.postpone(known.domain, now + _HOUR)
            # Section 3.3: who wants to be without a policy may take it away.
            if known.policy.mode is not StsMode.NONE:
                _log.warn(
                    "mta-sts domain={domain} mode={mode} id={id} expiresIn={expiresIn:.0f} reason={reason}",
                    event="mta-sts",
                    domain=known.domain,
                    mode=known.policy.mode.value,
                    id=known.id,
                    expiresIn=known.expires - now,
                    reason=str(error),
                )


def _ended(failure: Failure) -> None:
    error = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
    if not error.check(CancelledError):
        _log.failure("MTA-STS policies cannot be refreshed", error)
