"""Domains that publish MTA-STS policies, and one that looks at them."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailext.storage.store import Store, open_store_offline
from mailext.testing.dns import DnsRecords, FakeResolver
from mailext.trust.mta_sts.means import StsFetchError
from mailext.trust.mta_sts.policies import StsFinding, StsPolicies
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.trust.mta_sts.refresh import StsRefresh
from mailext.values import TlsFailure, TlsResultType
from tests.support import success_result_of

DOMAIN = "example.com"
DAY = 86400
ENFORCE = StsPolicy(StsMode.ENFORCE, 7 * DAY, ("mx.example.com",))
TESTING = StsPolicy(StsMode.TESTING, 7 * DAY, ("mx.example.com",))
NONE = StsPolicy(StsMode.NONE, DAY)

Answer = StsPolicy | bytes | Exception | Deferred[bytes]


def unreachable(*, temporary: bool = True) -> StsFetchError:
    """What a fetch fails with."""
    failure = TlsFailure(TlsResultType.STS_POLICY_FETCH_ERROR, "nobody there")
    return StsFetchError(failure, temporary=temporary)


class StsWorld:
    """
    :ivar answers: what is fetched, by domain.
    :ivar fetched: the domains whose policy host was asked.
    """

    def __init__(self, state: Path) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.records = DnsRecords()
        self.resolver = FakeResolver(self.records)
        self.answers: dict[str, Answer] = {}
        self.fetched: list[str] = []
        self._state = state
        self.store: Store = open_store_offline(state)
        self._make()

    def _make(self) -> None:
        store = self.store.sts_policies
        self.policies = StsPolicies(self.resolver, self.fetch, store, self.clock)
        self.refresh = StsRefresh(lambda: self.policies, store, self.clock)

    def restart(self) -> None:
        """Nothing stays but what is in the state directory."""
        self.close()
        self.store = open_store_offline(self._state)
        self._make()

    def close(self) -> None:
        success_result_of(self.store.close())

    def publish(self, policy: StsPolicy | None, domain: str = DOMAIN, record: str | None = None) -> None:
        """
        :param policy: None: there is no TXT record any more.
        :param record: in place of the right one.
        """
        if policy is None:
            self.records.add(f"_mta-sts.{domain}", "TXT")
        else:
            said = record or f"v=STSv1; id={policy.id};"
            self.records.add(f"_mta-sts.{domain}", "TXT", f'"{said}"')
            self.answers[domain] = policy

    def found(self, domain: str = DOMAIN) -> StsFinding | None:
        """What is known at once."""
        return success_result_of(self.policies.find(domain))

    def policy(self, domain: str = DOMAIN) -> StsPolicy | None:
        """The policy that holds."""
        found = self.found(domain)
        return found.policy if found is not None else None

    def fetch(self, domain: str) -> Deferred[bytes]:
        """What the policy host says."""
        self.fetched.append(domain)
        answer = self.answers[domain]
        if isinstance(answer, StsPolicy):
            return succeed(answer.text)
        if isinstance(answer, Exception):
            return fail(answer)
        return succeed(answer) if isinstance(answer, bytes) else answer
