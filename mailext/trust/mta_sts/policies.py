"""The policy of a domain, as it holds now (RFC 8461 sections 3.3 and 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mailext.interfaces import IRememberingResolver
from mailext.trust.mta_sts.fetching import PolicyFetcher
from mailext.trust.mta_sts.means import FetchPolicy, KnownPolicy, StsFetchError, StsPolicyStore
from mailext.trust.mta_sts.policy import StsPolicy
from mailext.trust.mta_sts.record import read_record_id, record_name
from mailext.values import DnsError, TlsFailure, TlsResultType

__all__ = ["StsFinding", "StsPolicies"]

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class StsFinding:
    """
    What is known of a domain's policy.

    :param domain: the policy domain.
    :param policy: the one that holds; None: there is none, or it is not known.
    :param failure: what is wrong with finding the policy that is published now,
        for TLS reports.
    :param unknown: why it cannot be said that no policy holds; empty where it
        can.
    """

    domain: str
    policy: StsPolicy | None = None
    failure: TlsFailure | None = None
    unknown: str = ""


class StsPolicies:
    """
    Knows the policies of domains.

    :param resolver: looks the TXT records up.
    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(
        self, resolver: IRememberingResolver, fetch: FetchPolicy, store: StsPolicyStore, clock: IReactorTime
    ) -> None:
        self._resolver = resolver
        self._fetcher = PolicyFetcher(fetch, store, clock)
        self._store = store
        self._clock = clock

    def find(self, domain: str) -> Deferred[StsFinding | None]:
        """
        The policy that holds for a domain now.

        :param domain: in A-labels and lower case.
        :return: a Deferred of a finding; None if no policy is published.
        """
        return Deferred.fromCoroutine(self._find(domain))

    def renew(self, domain: str) -> Deferred[bool]:
        """
        Ask DNS for the policy's id, whatever was answered before, and fetch
        the policy if it is another one (section 5: before mail is returned).

        :return: a Deferred of whether another policy holds now than before; it
            fails with :class:`~mailext.values.DnsError` if DNS does not say
            whether the one that is remembered has been replaced.
        """
        return Deferred.fromCoroutine(self._renew(domain))

    def refresh(self, known: KnownPolicy) -> Deferred[StsPolicy]:
        """
        Fetch a policy that is known again, whatever DNS says of it (section
        10.2).

        :return: a Deferred of the policy; it fails with
            :class:`~mailext.trust.mta_sts.means.StsFetchError`.
        """
        return Deferred.fromCoroutine(self._refresh(known))

    async def _find(self, domain: str) -> StsFinding | None:
        known = await self._remembered(domain)
        try:
            policy_id = await self._record_id(domain)
        except DnsError as error:
            return _without_record(domain, known, f"the TXT record of MTA-STS cannot be looked up: {error}")
        if policy_id is not None:
            return await self._announced(domain, policy_id, known)
        # Section 3.1: that there is no record does not remove a policy.
        return None if known is None else _without_record(domain, known, "no TXT record of MTA-STS")

    async def _announced(self, domain: str, policy_id: str, known: KnownPolicy | None) -> StsFinding:
        if known is not None and known.id == policy_id:
            return StsFinding(domain, known.policy)
        try:
            policy = await self._fetcher.fetch(domain, policy_id, self._clock.seconds())
        except StsFetchError as error:
            if known is not None:
                return StsFinding(domain, known.policy, error.failure)
            # Section 3.3: the domain is as one that has no policy.
            return StsFinding(domain, None, error.failure, str(error) if error.temporary else "")
        return StsFinding(domain, policy)

    async def _renew(self, domain: str) -> bool:
        before = await self._remembered(domain)
        self._resolver.forget(record_name(domain), RdataType.TXT)
        if before is not None:
            await self._record_id(domain)
        found = await self._find(domain)
        return (found and found.policy) != (before and before.policy)

    async def _refresh(self, known: KnownPolicy) -> StsPolicy:
        try:
            policy_id = await self._record_id(known.domain)
        except DnsError:
            policy_id = None
        return await self._fetcher.fetch(known.domain, policy_id or known.id, known.used)

    async def _remembered(self, domain: str) -> KnownPolicy | None:
        known = await self._store.find(domain)
        now = self._clock.seconds()
        if known is None or known.expires <= now:
            return None
        if now - known.used > _DAY:
            await self._store.note_use(domain, now)
        return known

    async def _record_id(self, domain: str) -> str | None:
        answer = await self._resolver.lookup(record_name(domain), RdataType.TXT)
        # Section 3.1: the strings of a record are one, without spaces.
        return read_record_id(
            b"".join(record.strings) for record in answer.records if isinstance(record, TXT)
        )


def _without_record(domain: str, known: KnownPolicy | None, reason: str) -> StsFinding:
    if known is None:
        return StsFinding(domain, unknown=reason)
    return StsFinding(domain, known.policy, TlsFailure(TlsResultType.STS_POLICY_FETCH_ERROR, reason))
