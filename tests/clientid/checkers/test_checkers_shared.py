"""U2: one identity on many accounts."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from mailext.testing import FakeServices, MemoryIdentityRegistry
from mailext.values import ClientIdentity
from tests.clientid.checkers.scenario import Scenario, device


@pytest.mark.requirement("U2")
def test_a_thief_of_many_passwords_is_seen_and_stopped() -> None:
    scenario = Scenario("shared:mode=enforce:alert=3:refuse=4")
    scenario.play("""
        0s  ann  198.51.100.7  thief  right  in
        1s  ben  198.51.100.7  thief  right  in
        2s  ben  198.51.100.7  thief  right  in
        3s  cho  198.51.100.7  thief  wrong  wrong password
        4s  cho  198.51.100.7  thief  right  in
        5s  ann  198.51.100.7  thief  right  in
        6s  dev  198.51.100.7  thief  right  refused
        7s  dev  198.51.100.7  thief  right  refused
        8s  dev  192.0.2.1     phone  right  in
    """)
    assert scenario.decisions("alert") == [("shared", "cho", "this identity is used with 3 accounts")]


@pytest.mark.requirement("U2")
def test_once_it_is_over_the_threshold_it_is_refused_everywhere() -> None:
    scenario = Scenario("shared:alert=2:refuse=2")
    scenario.play("""
        0s  ann  198.51.100.7  thief  right  in
        1s  ben  198.51.100.7  thief  right  in
        2s  ann  198.51.100.7  thief  right  in
    """)
    assert [account for _, account, _ in scenario.decisions("would-refuse")] == ["ben", "ann"]


class _RecordedMeanwhile(MemoryIdentityRegistry):
    """Has the login that is judged in its books before it has answered for the last time."""

    def otherAccountsOf(self, account: str, identity: ClientIdentity, limit: int) -> Deferred[int]:
        self.record(account, identity, 0.0)
        return super().otherAccountsOf(account, identity, limit)


@pytest.mark.requirement("U2")
def test_a_login_that_is_recorded_while_it_is_judged_counts_once() -> None:
    services = FakeServices()
    services.identities = _RecordedMeanwhile()
    scenario = Scenario("shared:alert=1:refuse=2", services=services)
    scenario.play("""
        0s  ann  198.51.100.7  thief  right  in
        1s  ben  198.51.100.7  thief  right  in
    """)
    assert scenario.decisions("alert") == [("shared", "ann", "this identity is used with 1 accounts")]
    assert [account for _, account, _ in scenario.decisions("would-refuse")] == ["ben"]


@pytest.mark.requirement("U2")
@pytest.mark.parametrize(
    "exemption",
    [
        f"exempt-ids={MemoryIdentityRegistry().fingerprint(device('X-MANY:abc')).upper()}",
        "exempt-types=x-*",
        r"exempt-networks=203.0.113.0/25,2001\:db8\:\:/32",
    ],
)
def test_services_that_read_the_mail_of_many_are_exempted(exemption: str) -> None:
    Scenario(f"shared:mode=enforce:alert=1:refuse=1:{exemption}").play("""
        0s  ann  203.0.113.9  X-MANY:abc  right  in
        1s  ben  203.0.113.9  X-MANY:abc  right  in
        2s  ben  192.0.2.1    phone       right  refused
    """)
