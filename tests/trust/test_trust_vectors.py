"""The hostile TLSA records and MTA-STS policies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailext.trust.dane_chain import why_not_authenticated
from mailext.trust.mta_sts.policy import read_policy
from mailext.trust.tlsa import usable
from tests.trust.authority import make
from tests.vectors import tlsa
from tests.vectors.policies import POLICIES, PolicyVector
from tests.vectors.tlsa import TlsaVector

HOST = make("mx.example", make("authority", ca=True), names=("mx.example",))


@pytest.mark.parametrize("vector", tlsa.VECTORS, ids=lambda vector: vector.id)
def test_a_tlsa_record_authenticates_nobody(vector: TlsaVector) -> None:
    records = usable([vector.record])
    assert bool(records) == vector.usable
    now = datetime.now(UTC)
    assert why_not_authenticated(records, ["mx.example"], [HOST.der], now) is not None
    # A good one beside it counts all the same.
    beside = usable([vector.record, HOST.tlsa(3, 1, 1)])
    if vector.record.usage != 3 or vector.record.matching_type != 2 or not vector.usable:
        assert why_not_authenticated(beside, ["mx.example"], [HOST.der], now) is None


@pytest.mark.parametrize("vector", POLICIES, ids=lambda vector: vector.id)
def test_a_policy_is_what_it_says_or_none(vector: PolicyVector) -> None:
    reason = why_none(vector.text)
    if reason is None:
        policy = read_policy(vector.text)
        assert " ".join([policy.mode, *policy.mx, str(policy.max_age)]) == vector.comes_of_it
    else:
        assert reason.startswith(vector.comes_of_it)
        assert reason.isprintable()


def why_none(text: bytes) -> str | None:
    """Why this is no policy, None if it is one."""
    try:
        read_policy(text)
    except ValueError as error:
        return str(error)
    return None
