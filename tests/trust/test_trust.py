"""How a host proves itself: by PKIX, by DNSSEC, and by all together."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IMXAuthenticator
from mailext.trust.dnssec import DnssecAuthenticator, mx_level
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator, joined
from mailext.values import (
    AuthenticatedBy,
    DnsStatus,
    MxLevel,
    NextHop,
    Proof,
    TlsEvidence,
    TlsLevel,
)
from tests.support import failure_result_of

PKIX = frozenset({AuthenticatedBy.PKIX})
DANE = frozenset({AuthenticatedBy.DANE})
VERIFIED = TlsEvidence("TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.example")
EXPIRED = TlsEvidence("TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.example", pkix_error="certificate has expired")


def hop(status: DnsStatus | None = DnsStatus.SECURE, host: str = "mx.example") -> NextHop:
    return NextHop(host, 25, ("192.0.2.1",), mx_status=status)


def judged(authenticator: IMXAuthenticator, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
    return authenticator.judgeConnection(authenticator.policyFor("a.example", hop), hop, evidence)


@pytest.mark.parametrize(
    "authenticator", [DnssecAuthenticator(), PkixAuthenticator(), JointAuthenticator([])]
)
def test_what_it_provides(authenticator: IMXAuthenticator) -> None:
    verifyObject(IMXAuthenticator, authenticator)


@pytest.mark.requirement("R11")
@pytest.mark.parametrize(
    ("evidence", "proof"),
    [
        (None, Proof(reason="no TLS")),
        (EXPIRED, Proof(TlsLevel.ENCRYPTED, reason="certificate not verified: certificate has expired")),
        (VERIFIED, Proof(TlsLevel.AUTHENTICATED, PKIX, reason="certificate verified by PKIX")),
    ],
)
def test_pkix(evidence: TlsEvidence | None, proof: Proof) -> None:
    assert judged(PkixAuthenticator(), hop(), evidence) == proof


@pytest.mark.requirement("R11")
def test_pkix_wants_the_name_of_the_host() -> None:
    proof = judged(PkixAuthenticator(), hop(host="alias.example"), VERIFIED)
    assert proof == Proof(TlsLevel.ENCRYPTED, reason="certificate verified for mx.example only")


@pytest.mark.requirement("R10")
@pytest.mark.parametrize(
    ("status", "level"),
    [
        (None, MxLevel.CONFIGURED),
        (DnsStatus.SECURE, MxLevel.DNSSEC),
        (DnsStatus.INSECURE, MxLevel.NONE),
        (DnsStatus.BOGUS, MxLevel.NONE),
    ],
)
def test_dnssec(status: DnsStatus | None, level: MxLevel) -> None:
    assert mx_level(status) is level
    for evidence in None, EXPIRED, VERIFIED:
        proof = judged(DnssecAuthenticator(), hop(status), evidence)
        assert (proof.tls, proof.by, proof.mx) == (TlsLevel.NONE, frozenset(), level)
        assert proof.reason


def test_together() -> None:
    both = JointAuthenticator([DnssecAuthenticator(), PkixAuthenticator()])
    assert judged(both, hop(), VERIFIED) == Proof(
        TlsLevel.AUTHENTICATED,
        PKIX,
        MxLevel.DNSSEC,
        reason="MX record proved by DNSSEC; certificate verified by PKIX",
    )
    assert judged(both, hop(DnsStatus.INSECURE), EXPIRED) == Proof(
        TlsLevel.ENCRYPTED,
        reason="MX record not proved by DNSSEC; certificate not verified: certificate has expired",
    )


def test_the_best_of_each_kind() -> None:
    assert joined(
        [
            Proof(TlsLevel.AUTHENTICATED, PKIX, MxLevel.MTA_STS, reason="one"),
            Proof(TlsLevel.AUTHENTICATED, DANE, MxLevel.DNSSEC),
            Proof(TlsLevel.ENCRYPTED, requiretls=True, reason="three"),
        ]
    ) == Proof(TlsLevel.AUTHENTICATED, PKIX | DANE, MxLevel.DNSSEC, requiretls=True, reason="one; three")
    assert joined([]) == Proof()


@implementer(IMXAuthenticator)
class Publishing:
    """An authenticator for which a policy has to be looked up."""

    def __init__(self, policy: object) -> None:
        self._policy = policy

    def policyFor(self, domain: str, hop: NextHop) -> object:
        return self._policy

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        return Proof(reason=str(policy))


class TestPolicies:
    def test_each_authenticator_gets_its_own(self) -> None:
        verifyObject(IMXAuthenticator, Publishing(None))
        later: Deferred[str] = Deferred()
        both = JointAuthenticator([Publishing(later), PkixAuthenticator(), Publishing(succeed("now"))])
        policies: list[object] = []
        asked = both.policyFor("a.example", hop())
        assert isinstance(asked, Deferred)
        asked.addCallback(policies.append)
        assert policies == []
        later.callback("later")
        assert both.judgeConnection(policies[0], hop(), None).reason == "later; no TLS; now"

    def test_at_once_where_nobody_waits(self) -> None:
        both = JointAuthenticator([Publishing("x"), Publishing("y")])
        assert judged(both, hop(), None).reason == "x; y"

    def test_one_that_is_not_known_is_known_by_none(self) -> None:
        both = JointAuthenticator([Publishing(fail(ValueError("x"))), Publishing(fail(ValueError("y")))])
        asked = both.policyFor("a.example", hop())
        assert isinstance(asked, Deferred)
        assert failure_result_of(asked).check(ValueError)
