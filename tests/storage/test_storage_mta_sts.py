"""The MTA-STS policies that were fetched, in the database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailext.storage.store import Store, open_store_offline
from mailext.trust.mta_sts.means import KnownPolicy
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from tests.support import ThreadCalls, success_result_of

KNOWN = KnownPolicy(
    "example.com", "a1", StsPolicy(StsMode.ENFORCE, 100, ("mx.example.com", "*.example.net")), 1000.5, 1000.5
)


def keep(store: Store, *policies: KnownPolicy, refresh_at: float = 1050.0) -> None:
    for known in policies:
        success_result_of(store.sts_policies.keep(known, refresh_at))


def found(store: Store, domain: str = "example.com") -> KnownPolicy | None:
    return success_result_of(store.sts_policies.find(domain))


def due(store: Store, now: float, used_since: float = 0.0, limit: int = 10) -> list[str]:
    return [each.domain for each in success_result_of(store.sts_policies.due(now, used_since, limit))]


def test_a_policy_comes_back_as_it_was(offline: Store) -> None:
    assert found(offline) is None
    keep(offline, KNOWN)
    assert found(offline) == KNOWN
    assert found(offline, "example.net") is None


def test_it_outlives_the_process(state: Path) -> None:
    store = open_store_offline(state)
    without = replace(KNOWN, domain="none.example", policy=StsPolicy(StsMode.NONE, 31_557_600))
    keep(store, KNOWN, without)
    success_result_of(store.close())
    store = open_store_offline(state)
    assert (found(store), found(store, "none.example")) == (KNOWN, without)
    success_result_of(store.close())


def test_one_takes_the_place_of_another(offline: Store) -> None:
    other = replace(
        KNOWN, id="b2", policy=StsPolicy(StsMode.TESTING, 50, ("mx.example.org",)), fetched=1010.0
    )
    keep(offline, KNOWN)
    keep(offline, other, refresh_at=1035.0)
    assert found(offline) == other
    assert due(offline, 1034.9) == []
    assert due(offline, 1035.0) == ["example.com"]


def test_which_are_to_be_fetched_again(offline: Store) -> None:
    for number, max_age in enumerate((300, 100, 200)):
        policy = replace(KNOWN.policy, max_age=max_age)
        keep(offline, replace(KNOWN, domain=f"d{number}.example", policy=policy, used=1000.0 + number))
    # The one that expires first comes first.
    assert due(offline, 1050.0) == ["d1.example", "d2.example", "d0.example"]
    assert due(offline, 1050.0, limit=2) == ["d1.example", "d2.example"]
    assert due(offline, 1050.0, used_since=1001.0) == ["d1.example", "d2.example"]
    assert due(offline, 1049.0) == []
    success_result_of(offline.sts_policies.postpone("d1.example", 1060.0))
    assert due(offline, 1059.0) == ["d2.example", "d0.example"]
    success_result_of(offline.sts_policies.note_use("d0.example", 2000.0))
    assert due(offline, 1059.0, used_since=2000.0) == ["d0.example"]


def test_what_has_expired_is_forgotten(offline: Store) -> None:
    keep(offline, KNOWN, replace(KNOWN, domain="later.example", fetched=1001.0))
    success_result_of(offline.sts_policies.forget_expired(1100.4))
    assert found(offline) is not None
    success_result_of(offline.sts_policies.forget_expired(1100.5))
    assert found(offline) is None
    assert found(offline, "later.example") is not None


def test_what_is_not_there_is_not_noted(offline: Store) -> None:
    success_result_of(offline.sts_policies.note_use("example.com", 1.0))
    success_result_of(offline.sts_policies.postpone("example.com", 1.0))
    assert found(offline) is None


def test_in_the_threads_of_a_server(store: Store, reactor: ThreadCalls) -> None:
    reactor.wait_for(store.sts_policies.keep(KNOWN, 1050.0))
    assert reactor.wait_for(store.sts_policies.find("example.com")) == KNOWN
    assert reactor.wait_for(store.sts_policies.due(1050.0, 0.0, 10)) == [KNOWN]
