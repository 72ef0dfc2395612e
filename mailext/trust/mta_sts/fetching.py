"""Policies are fetched: each domain's once at a time, and not over and over (RFC 8461 section 3.3)."""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.trust.mta_sts.means import FetchPolicy, KnownPolicy, StsFetchError, StsPolicyStore
from mailext.trust.mta_sts.policy import StsPolicy, read_policy
from mailext.values import TlsFailure, TlsResultType

__all__ = ["PolicyFetcher"]

_log = Logger()

_DAY = 86400.0
_BACKOFF = 300.0
_FAILURES_KEPT = 10_000


class PolicyFetcher:
    """
    Fetches policies and remembers them.

    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(self, fetch: FetchPolicy, store: StsPolicyStore, clock: IReactorTime) -> None:
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._waiting: dict[str, list[Deferred[StsPolicy]]] = {}
        self._failures: OrderedDict[tuple[str, str], tuple[float, StsFetchError]] = OrderedDict()

    def fetch(self, domain: str, policy_id: str, used: float) -> Deferred[StsPolicy]:
        """
        :param policy_id: what the TXT record says.
        :param used: when the policy was last looked at for mail.
        :return: a Deferred of the policy. It fails with :class:`StsFetchError`
            if it cannot be had, or could not a short while ago.
        """
        # A Deferred for each who asks: one may be cancelled before another.
        fetched: Deferred[StsPolicy] = Deferred()
        until, error = self._failures.get((domain, policy_id), (0.0, None))
        if error is not None and self._clock.seconds() < until:
            fetched.errback(error)
        elif domain in self._waiting:
            self._waiting[domain].append(fetched)
        else:
            self._waiting[domain] = [fetched]
            fetching = Deferred.fromCoroutine(self._fetch_and_keep(domain, policy_id, used))
            fetching.addBoth(self._tell, domain)
        return fetched

    async def _fetch_and_keep(self, domain: str, policy_id: str, used: float) -> StsPolicy:
        try:
            policy = _read(await self._fetch(domain))
        except StsFetchError as error:
            self._note_failure((domain, policy_id), error)
            raise
        now = self._clock.seconds()
        # Section 3.3: once a day, and well before it expires.
        refresh_at = now + min(_DAY, policy.max_age / 2)
        await self._store.keep(KnownPolicy(domain, policy_id, policy, now, used), refresh_at)
        _log.info(
            "mta-sts domain={domain} mode={mode} id={id} maxAge={maxAge}",
            event="mta-sts",
            domain=domain,
            mode=policy.mode.value,
            id=policy_id,
            maxAge=policy.max_age,
        )
        return policy

    def _note_failure(self, which: tuple[str, str], error: StsFetchError) -> None:
        self._failures[which] = self._clock.seconds() + _BACKOFF, error
        self._failures.move_to_end(which)
        while len(self._failures) > _FAILURES_KEPT:
            self._failures.popitem(last=False)

    def _tell(self, result: StsPolicy | Failure, domain: str) -> None:
        for waiting in self._waiting.pop(domain):
            # Whoever has cancelled takes this without a word.
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(result)


def _read(text: bytes) -> StsPolicy:
    try:
        return read_policy(text)
    except ValueError as error:
        # Who published it may mend it, but it is what there is.
        failure = TlsFailure(TlsResultType.STS_POLICY_INVALID, f"the MTA-STS policy makes no sense: {error}")
        raise StsFetchError(failure, temporary=False) from error
