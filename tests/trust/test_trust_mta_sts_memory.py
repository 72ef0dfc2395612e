"""The memory of policies that ends with the process is like the one that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred

from mailext.storage.store import open_store_offline
from mailext.trust.mta_sts.means import KnownPolicy, StsPolicyStore
from mailext.trust.mta_sts.memory import MemoryStsPolicyStore
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from tests.support import success_result_of

DAY = 86400.0


def known(domain: str, fetched: float = 0.0, used: float = 0.0) -> KnownPolicy:
    policy = StsPolicy(StsMode.ENFORCE, 7 * 86400, (f"mx.{domain}",))
    return KnownPolicy(domain, "1", policy, fetched, used)


ONE, OTHER = known("one.example"), known("other.example", fetched=DAY, used=DAY)

#: What is done, one after the other.
STEPS: list[Callable[[StsPolicyStore], Deferred[object]]] = [
    lambda store: store.find("one.example"),
    lambda store: store.keep(ONE, 5.0),
    lambda store: store.keep(OTHER, 3.0),
    lambda store: store.find("one.example"),
    lambda store: store.due(4.0, 0.0, 10),
    lambda store: store.due(5.0, 0.0, 10),
    lambda store: store.due(5.0, 0.0, 1),
    lambda store: store.due(5.0, DAY, 10),
    lambda store: store.note_use("one.example", 2 * DAY),
    lambda store: store.find("one.example"),
    lambda store: store.postpone("other.example", 9.0),
    lambda store: store.due(8.0, 0.0, 10),
    lambda store: store.forget_expired(7 * DAY),
    lambda store: store.find("one.example"),
    lambda store: store.find("other.example"),
    lambda store: store.due(100.0, 0.0, 10),
    lambda store: store.keep(known("other.example", fetched=2 * DAY), 1.0),
    lambda store: store.find("other.example"),
]


def test_it_answers_the_same(tmp_path: Path) -> None:
    durable = open_store_offline(tmp_path / "state")
    passing = MemoryStsPolicyStore()
    try:
        for step in STEPS:
            assert success_result_of(step(passing)) == success_result_of(step(durable.sts_policies))
    finally:
        durable.close()
