"""What an MTA-STS policy makes of a host: what it proves, what it demands, what is reported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from mailext.interfaces import IBindingAuthenticator, IReportedAuthenticator, IRevisableAuthenticator
from mailext.testing.dns import DnsFault
from mailext.trust.mta_sts.authenticator import StsAuthenticator
from mailext.trust.mta_sts.policies import StsFinding
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator
from mailext.values import (
    AuthenticatedBy,
    DnsStatus,
    MxLevel,
    NextHop,
    PolicyResult,
    Proof,
    PublishedDemand,
    TlsEvidence,
    TlsFailure,
    TlsLevel,
    TlsPolicy,
    TlsPolicyType,
    TlsResultType,
)
from tests.support import success_result_of
from tests.trust.sts_world import DOMAIN, ENFORCE, NONE, TESTING, StsWorld, unreachable

COVERED = NextHop("mx.example.com", 25, ("192.0.2.1",), mx_status=DnsStatus.INSECURE)
OTHER = NextHop("mx.example.net", 25, ("192.0.2.2",), mx_status=DnsStatus.SECURE)
VERIFIED = TlsEvidence("TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.example.com")
EXPIRED = TlsEvidence(
    "TLSv1.3",
    "TLS_AES_256_GCM_SHA384",
    "mx.example.com",
    pkix_error="certificate has expired",
    pkix_result=TlsResultType.CERTIFICATE_EXPIRED,
)
BY_PKIX = PublishedDemand(TlsLevel.AUTHENTICATED, frozenset({AuthenticatedBy.PKIX}))
FAILURE = TlsFailure(TlsResultType.STS_POLICY_FETCH_ERROR, "nobody there")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StsWorld]:
    made = StsWorld(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def authenticator(world: StsWorld) -> StsAuthenticator:
    return StsAuthenticator(world.policies)


def asked(authenticator: StsAuthenticator, hop: NextHop, domain: str = DOMAIN) -> object:
    policy = authenticator.policyFor(domain, hop)
    return None if policy is None else success_result_of(policy)


def test_what_it_provides(authenticator: StsAuthenticator) -> None:
    for interface in (IBindingAuthenticator, IReportedAuthenticator, IRevisableAuthenticator):
        verifyObject(interface, authenticator)


@pytest.mark.requirement("R10")
@pytest.mark.parametrize(
    ("finding", "hop", "mx", "at_best"),
    [
        (None, COVERED, MxLevel.NONE, MxLevel.NONE),
        (StsFinding(DOMAIN, ENFORCE), COVERED, MxLevel.MTA_STS, MxLevel.NONE),
        (StsFinding(DOMAIN, TESTING), COVERED, MxLevel.MTA_STS, MxLevel.NONE),
        (StsFinding(DOMAIN, NONE), COVERED, MxLevel.NONE, MxLevel.NONE),
        (StsFinding(DOMAIN, ENFORCE, FAILURE), COVERED, MxLevel.MTA_STS, MxLevel.NONE),
        (StsFinding(DOMAIN, ENFORCE), OTHER, MxLevel.NONE, MxLevel.NONE),
        (StsFinding(DOMAIN, None, FAILURE), COVERED, MxLevel.NONE, MxLevel.NONE),
        (StsFinding(DOMAIN, None, FAILURE, "nobody there"), COVERED, MxLevel.NONE, MxLevel.MTA_STS),
        (StsFinding(DOMAIN, None, None, "SERVFAIL"), COVERED, MxLevel.NONE, MxLevel.MTA_STS),
    ],
)
@pytest.mark.parametrize("evidence", [None, EXPIRED, VERIFIED])
def test_what_it_proves(
    authenticator: StsAuthenticator,
    finding: StsFinding | None,
    hop: NextHop,
    mx: MxLevel,
    at_best: MxLevel,
    evidence: TlsEvidence | None,
) -> None:
    proof = authenticator.judgeConnection(finding, hop, evidence)
    # The certificate is PKIX's affair.
    assert (proof.tls, proof.by) == (TlsLevel.NONE, frozenset())
    assert (proof.mx, proof.mx_at_best) == (mx, at_best)


@pytest.mark.parametrize(
    ("finding", "hop", "demand"),
    [
        (None, COVERED, PublishedDemand()),
        (StsFinding(DOMAIN, ENFORCE), COVERED, BY_PKIX),
        (StsFinding(DOMAIN, ENFORCE, FAILURE), COVERED, BY_PKIX),
        (
            StsFinding(DOMAIN, ENFORCE),
            OTHER,
            PublishedDemand(excluded="mx.example.net is not covered by the MTA-STS policy of example.com"),
        ),
        (StsFinding(DOMAIN, TESTING), COVERED, PublishedDemand()),
        (StsFinding(DOMAIN, TESTING), OTHER, PublishedDemand()),
        (StsFinding(DOMAIN, NONE), OTHER, PublishedDemand()),
        (StsFinding(DOMAIN, None, FAILURE, "nobody there"), COVERED, PublishedDemand()),
    ],
)
def test_what_it_demands(
    authenticator: StsAuthenticator, finding: StsFinding | None, hop: NextHop, demand: PublishedDemand
) -> None:
    assert authenticator.demandOf(finding, hop) == demand


_ENFORCED = TlsPolicy(
    TlsPolicyType.STS,
    DOMAIN,
    ("version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 604800"),
    ("mx.example.com",),
)
_NOT_COVERED = TlsFailure(
    TlsResultType.VALIDATION_FAILURE, "mx.example.net is not covered by the MTA-STS policy of example.com"
)


@pytest.mark.parametrize(
    ("finding", "hop", "evidence", "results"),
    [
        (None, COVERED, VERIFIED, []),
        (StsFinding(DOMAIN, NONE), OTHER, None, []),
        (StsFinding(DOMAIN, NONE, FAILURE), COVERED, VERIFIED, []),
        (StsFinding(DOMAIN, None, None, "SERVFAIL"), COVERED, VERIFIED, []),
        (StsFinding(DOMAIN, ENFORCE), COVERED, VERIFIED, [PolicyResult(_ENFORCED)]),
        (StsFinding(DOMAIN, ENFORCE), COVERED, None, [PolicyResult(_ENFORCED)]),
        (StsFinding(DOMAIN, ENFORCE, FAILURE), COVERED, VERIFIED, [PolicyResult(_ENFORCED, FAILURE)]),
        (StsFinding(DOMAIN, ENFORCE, FAILURE), OTHER, None, [PolicyResult(_ENFORCED, _NOT_COVERED)]),
        (
            StsFinding(DOMAIN, ENFORCE),
            COVERED,
            EXPIRED,
            [
                PolicyResult(
                    _ENFORCED, TlsFailure(TlsResultType.CERTIFICATE_EXPIRED, "certificate has expired")
                )
            ],
        ),
        (
            StsFinding(DOMAIN, None, FAILURE, "nobody there"),
            COVERED,
            VERIFIED,
            [PolicyResult(TlsPolicy(TlsPolicyType.STS, DOMAIN), FAILURE)],
        ),
    ],
)
def test_what_is_reported(
    authenticator: StsAuthenticator,
    finding: StsFinding | None,
    hop: NextHop,
    evidence: TlsEvidence | None,
    results: list[PolicyResult],
) -> None:
    assert list(authenticator.policyResults(finding, hop, evidence)) == results


class TestPolicyDomain:
    """RFC 8461 section 3.4: whose policy it is."""

    @pytest.fixture(autouse=True)
    def _published(self, world: StsWorld) -> None:
        world.publish(ENFORCE)
        world.publish(TESTING, "smart.example.net")

    def test_the_domain_whose_mx_it_is(self, authenticator: StsAuthenticator) -> None:
        assert asked(authenticator, OTHER) == StsFinding(DOMAIN, ENFORCE)

    def test_the_domain_itself_without_mx_records(self, authenticator: StsAuthenticator) -> None:
        assert asked(authenticator, NextHop(DOMAIN, 25, ("192.0.2.1",))) == StsFinding(DOMAIN, ENFORCE)

    def test_a_host_that_the_operator_named_stands_for_itself(self, authenticator: StsAuthenticator) -> None:
        smarthost = NextHop("smart.example.net", 587, ("192.0.2.1",))
        assert asked(authenticator, smarthost) == StsFinding("smart.example.net", TESTING)
        assert not success_result_of(authenticator.revised(DOMAIN, smarthost))

    def test_an_address_has_none(self, world: StsWorld, authenticator: StsAuthenticator) -> None:
        literal = NextHop("192.0.2.1", 25, ("192.0.2.1",))
        assert asked(authenticator, literal, "[192.0.2.1]") is None
        assert authenticator.revised("[192.0.2.1]", literal) is False
        assert world.resolver.asked == []


def test_it_is_revised_among_others(world: StsWorld, authenticator: StsAuthenticator) -> None:
    together = JointAuthenticator([PkixAuthenticator(), authenticator])
    world.publish(ENFORCE)
    world.found()
    assert not success_result_of(together.revised(DOMAIN, COVERED))
    world.publish(TESTING)
    assert success_result_of(together.revised(DOMAIN, COVERED))


def test_what_is_not_known_is_kept_apart_among_others(
    world: StsWorld, authenticator: StsAuthenticator
) -> None:
    together = JointAuthenticator([PkixAuthenticator(), authenticator])
    world.records.fail("_mta-sts.example.com", "TXT", DnsFault.TIMEOUT)
    policy = success_result_of(together.policyFor(DOMAIN, COVERED))
    assert together.judgeConnection(policy, COVERED, VERIFIED) == Proof(
        TlsLevel.AUTHENTICATED,
        frozenset({AuthenticatedBy.PKIX}),
        MxLevel.NONE,
        reason="certificate verified by PKIX; the TXT record of MTA-STS cannot be looked up: time-out",
        mx_at_best=MxLevel.MTA_STS,
    )


def test_a_policy_that_cannot_be_had_binds_nobody(world: StsWorld, authenticator: StsAuthenticator) -> None:
    world.publish(ENFORCE)
    world.answers[DOMAIN] = unreachable()
    assert authenticator.demandOf(asked(authenticator, COVERED), COVERED) == PublishedDemand()
