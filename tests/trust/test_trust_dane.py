"""DANE: where TLSA records are looked for, what they bind to, and what they prove."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailext.interfaces import IBindingAuthenticator, IReportedAuthenticator
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.trust.dane import DaneAuthenticator, DanePolicy
from mailext.trust.dnssec import DnssecAuthenticator
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator
from mailext.values import (
    AuthenticatedBy,
    DnsError,
    DnsStatus,
    MxLevel,
    NextHop,
    PolicyResult,
    Proof,
    PublishedDemand,
    TlsaRecord,
    TlsEvidence,
    TlsFailure,
    TlsLevel,
    TlsPolicy,
    TlsPolicyType,
    TlsResultType,
)
from tests.support import failure_result_of, success_result_of
from tests.trust.authority import NOW, Made, make

SECURE, INSECURE = DnsStatus.SECURE, DnsStatus.INSECURE
DOMAIN, MX, TARGET = "domain.example", "mx.host.example", "real.provider.example"
DANE = frozenset({AuthenticatedBy.DANE})

AUTHORITY = make("authority", ca=True)
HOST = make("mx", AUTHORITY, names=(MX,))
OTHER = make("mx", AUTHORITY, names=(MX,))
EE, TA = HOST.tlsa(3, 1, 1), AUTHORITY.tlsa(2, 0, 1)
UNUSABLE = TlsaRecord(1, 1, 1, bytes(32))

NOTHING = PublishedDemand()


@dataclass
class Zone:
    """
    DNS as a line of words says it: of ``MX`` and its addresses, and of the
    TLSA records of both names.
    """

    records: DnsRecords
    resolver: FakeResolver

    @classmethod
    def of(cls, words: str) -> Zone:
        zone = DnsRecords()
        said = dict(word.partition("=")[::2] for word in words.split())
        status = {"secure": SECURE, "insecure": INSECURE}
        if "alias" in said:
            zone.add(MX, "CNAME", f"{TARGET}.", status=status[said["alias"]])
        where = TARGET if "alias" in said else MX
        zone.add(where, "A", "192.0.2.1", status=status[said["address"]])
        zone.add(where, "AAAA", status=status[said["address"]])
        zone.add(DOMAIN, "MX", f"10 {MX}.", status=status[said.get("mx", "secure")])
        for key, name in (("tlsa", MX), ("target-tlsa", TARGET)):
            published = said.get(key)
            owner = f"_25._tcp.{name}"
            if published in {"SERVFAIL", "TIMEOUT", "BOGUS"}:
                zone.fail(owner, "TLSA", DnsFault[published])
            elif published is not None:
                records, _, how = published.partition("/")
                zone.add(owner, "TLSA", *TEXTS[records], status=status[how or "secure"])
        return cls(zone, FakeResolver(zone))

    def asked(self) -> list[str]:
        """The names of which TLSA records were asked."""
        return [name.removeprefix("_25._tcp.") for name, rdtype in self.resolver.asked if rdtype == "TLSA"]


TEXTS = {
    "ee": [str(EE)],
    "ta": [str(TA)],
    "unusable": [str(UNUSABLE)],
    "mixed": [str(UNUSABLE), str(EE)],
    "none": [],
}


def hop(mx_status: DnsStatus | None = SECURE, host: str = MX) -> NextHop:
    return NextHop(host, 25, ("192.0.2.1",), mx_status=mx_status)


def evidence(*chain: Made) -> TlsEvidence:
    certificates = tuple(made.der for made in chain or HOST.chain)
    return TlsEvidence("TLSv1.3", "TLS_AES_256_GCM_SHA384", MX, certificates, "self-signed certificate")


def dane(zone: Zone) -> DaneAuthenticator:
    return DaneAuthenticator(zone.resolver, NOW.timestamp)


def policy_of(zone: Zone, hop: NextHop, domain: str = DOMAIN) -> DanePolicy | None:
    asked = dane(zone).policyFor(domain, hop)
    return success_result_of(asked) if isinstance(asked, Deferred) else asked


def test_what_it_provides() -> None:
    authenticator = dane(Zone.of("address=insecure"))
    verifyObject(IBindingAuthenticator, authenticator)
    verifyObject(IReportedAuthenticator, authenticator)


@pytest.mark.parametrize(
    ("words", "base", "asked"),
    [
        # RFC 7672 section 2.2.2: addresses first.
        ("address=secure tlsa=ee", MX, [MX]),
        ("address=secure tlsa=none", None, [MX]),
        ("address=secure", None, [MX]),
        ("address=secure tlsa=ee/insecure", None, [MX]),
        ("address=insecure tlsa=ee", None, []),
        ("address=insecure tlsa=SERVFAIL", None, []),
        # Aliases that are proved: where they lead, then themselves.
        ("alias=secure address=secure target-tlsa=ee", TARGET, [TARGET]),
        ("alias=secure address=secure target-tlsa=ee tlsa=ta", TARGET, [TARGET]),
        ("alias=secure address=secure target-tlsa=unusable tlsa=ee", TARGET, [TARGET]),
        ("alias=secure address=secure target-tlsa=ee tlsa=SERVFAIL", TARGET, [TARGET]),
        ("alias=secure address=secure tlsa=ee", MX, [TARGET, MX]),
        ("alias=secure address=secure target-tlsa=ee/insecure tlsa=ee", MX, [TARGET, MX]),
        ("alias=secure address=secure", None, [TARGET, MX]),
        # Aliases that lead out of what is proved.
        ("alias=secure address=insecure tlsa=ee target-tlsa=ee", MX, [MX]),
        ("alias=secure address=insecure target-tlsa=ee", None, [MX]),
        ("alias=insecure address=secure tlsa=ee target-tlsa=ee", None, []),
        ("alias=insecure address=insecure tlsa=SERVFAIL", None, []),
    ],
)
def test_where_records_are_looked_for(words: str, base: str | None, asked: list[str]) -> None:
    zone = Zone.of(words)
    policy = policy_of(zone, hop())
    assert (policy and policy.base) == base
    assert zone.asked() == asked


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("fault", ["SERVFAIL", "TIMEOUT", "BOGUS"])
@pytest.mark.parametrize(
    "words",
    [
        "address=secure tlsa={}",
        "alias=secure address=secure target-tlsa={} tlsa=ee",
        "alias=secure address=secure tlsa={}",
        "alias=secure address=insecure tlsa={}",
    ],
)
def test_a_look_up_that_fails_is_never_an_answer(words: str, fault: str) -> None:
    # RFC 7672 section 2.1.2.
    for mx_status in SECURE, INSECURE, None:
        asked = dane(Zone.of(words.format(fault))).policyFor(DOMAIN, hop(mx_status))
        assert isinstance(asked, Deferred)
        assert failure_result_of(asked).check(DnsError)


@pytest.mark.parametrize("name", [MX, TARGET])
def test_an_alias_of_which_nothing_is_known(name: str) -> None:
    zone = Zone.of("alias=secure address=insecure tlsa=ee")
    for rdtype in "A", "AAAA", "CNAME":
        zone.records.fail(name, rdtype, DnsFault.SERVFAIL)
    asked = dane(zone).policyFor(DOMAIN, hop())
    assert isinstance(asked, Deferred)
    assert failure_result_of(asked).check(DnsError)


def test_an_address_has_no_records() -> None:
    zone = Zone.of("address=secure tlsa=ee")
    literal = NextHop("192.0.2.1", 25, ("192.0.2.1",))
    assert policy_of(zone, literal, "[192.0.2.1]") is None
    assert zone.resolver.asked == []


def test_the_port_of_the_hop() -> None:
    zone = Zone.of("address=secure")
    zone.records.add(f"_587._tcp.{MX}", "TLSA", str(EE), status=SECURE)
    assert policy_of(zone, replace(hop(None), port=587)) == DanePolicy(MX, (EE,), (EE,), (MX,))


class TestNames:
    """RFC 7672 section 3.2.2."""

    def names(self, words: str, hop: NextHop, domain: str = DOMAIN) -> set[str]:
        policy = policy_of(Zone.of(words), hop, domain)
        assert policy is not None
        assert policy.names[0] == policy.base
        return set(policy.names)

    def test_of_hosts_that_proved_records_named(self) -> None:
        assert self.names("address=secure tlsa=ta", hop()) == {MX, DOMAIN}

    def test_where_they_are_aliases(self) -> None:
        assert self.names("alias=secure address=secure target-tlsa=ta", hop()) == {TARGET, DOMAIN}
        assert self.names("alias=secure address=secure tlsa=ta", hop()) == {MX, DOMAIN}
        assert self.names("alias=secure address=insecure tlsa=ta", hop()) == {MX, DOMAIN}

    def test_where_the_domain_is_an_alias(self) -> None:
        zone = Zone.of("address=secure tlsa=ta")
        zone.records.add("exchange.example", "CNAME", f"{DOMAIN}.", status=SECURE)
        policy = policy_of(zone, hop(), "exchange.example")
        assert policy is not None
        assert policy.names == (MX, "exchange.example", DOMAIN)

    def test_of_hosts_that_anybody_may_have_named(self) -> None:
        assert self.names("address=secure tlsa=ta mx=insecure", hop(INSECURE)) == {MX}
        # It was proved a moment ago.
        assert self.names("address=secure tlsa=ta mx=insecure", hop()) == {MX, DOMAIN}

    def test_of_hosts_that_no_record_named(self) -> None:
        assert self.names("address=secure tlsa=ta", hop(None)) == {MX}
        assert self.names("alias=secure address=secure target-tlsa=ta", hop(None)) == {TARGET, MX}

    def test_only_a_trust_anchor_needs_them(self) -> None:
        zone = Zone.of("address=secure tlsa=ee")
        policy = policy_of(zone, hop())
        assert policy == DanePolicy(MX, (EE,), (EE,), (MX,))
        assert (DOMAIN, "MX") not in zone.resolver.asked


@pytest.mark.requirement("R11", "R15")
@pytest.mark.parametrize(
    ("words", "demand"),
    [
        ("address=secure tlsa=ee", PublishedDemand(TlsLevel.AUTHENTICATED, DANE, server_name=MX)),
        ("address=secure tlsa=ta", PublishedDemand(TlsLevel.AUTHENTICATED, DANE, server_name=MX)),
        ("address=secure tlsa=mixed", PublishedDemand(TlsLevel.AUTHENTICATED, DANE, server_name=MX)),
        ("address=secure tlsa=unusable", PublishedDemand(TlsLevel.ENCRYPTED, server_name=MX)),
        ("address=secure tlsa=none", NOTHING),
        ("address=secure tlsa=ee/insecure", NOTHING),
        ("address=insecure tlsa=ee", NOTHING),
        (
            "alias=secure address=secure target-tlsa=ee",
            PublishedDemand(TlsLevel.AUTHENTICATED, DANE, server_name=TARGET),
        ),
    ],
)
def test_what_records_bind_to(words: str, demand: PublishedDemand) -> None:
    zone = Zone.of(words)
    for mx_status in SECURE, INSECURE, None:
        assert dane(zone).demandOf(policy_of(zone, hop(mx_status)), hop(mx_status)) == demand


@pytest.mark.requirement("R11")
@pytest.mark.parametrize(
    ("words", "shown", "proof"),
    [
        ("address=secure tlsa=ee", evidence(), Proof(TlsLevel.AUTHENTICATED, DANE, reason="certificate verified by DANE")),
        ("address=secure tlsa=ta", evidence(), Proof(TlsLevel.AUTHENTICATED, DANE, reason="certificate verified by DANE")),
        ("address=secure tlsa=mixed", evidence(HOST), Proof(TlsLevel.AUTHENTICATED, DANE, reason="certificate verified by DANE")),
        ("address=secure tlsa=ee", evidence(OTHER), Proof(TlsLevel.ENCRYPTED, reason="not verified by DANE: no TLSA record matches")),
        ("address=secure tlsa=ta", evidence(HOST), Proof(TlsLevel.ENCRYPTED, reason="not verified by DANE: no TLSA record matches")),
        ("address=secure tlsa=unusable", evidence(), Proof(TlsLevel.ENCRYPTED, reason="not verified by DANE: no TLSA record is usable")),
        ("address=secure tlsa=ee", None, Proof(reason="TLSA records, but no TLS")),
        ("address=secure tlsa=none", evidence(), Proof(reason="no TLSA record proved by DNSSEC")),
        ("address=insecure tlsa=ee", evidence(), Proof(reason="no TLSA record proved by DNSSEC")),
    ],
)  # fmt: skip
def test_what_a_connection_proves(words: str, shown: TlsEvidence | None, proof: Proof) -> None:
    zone = Zone.of(words)
    assert dane(zone).judgeConnection(policy_of(zone, hop()), hop(), shown) == proof


@pytest.mark.requirement("R10", "R11")
@pytest.mark.parametrize(
    ("mx_status", "level"), [(SECURE, MxLevel.DNSSEC), (INSECURE, MxLevel.NONE), (None, MxLevel.CONFIGURED)]
)
def test_that_it_is_the_host_does_not_make_it_one_of_the_domain(
    mx_status: DnsStatus | None, level: MxLevel
) -> None:
    zone = Zone.of("address=secure tlsa=ee")
    joint = JointAuthenticator([PkixAuthenticator(), dane(zone), DnssecAuthenticator()])
    asked = joint.policyFor(DOMAIN, hop(mx_status))
    assert isinstance(asked, Deferred)
    proof = joint.judgeConnection(success_result_of(asked), hop(mx_status), evidence())
    assert (proof.tls, proof.by, proof.mx) == (TlsLevel.AUTHENTICATED, DANE, level)


def test_what_pkix_knows_does_not_loosen_what_dane_demands() -> None:
    zone = Zone.of("address=secure tlsa=ee")
    joint = JointAuthenticator([PkixAuthenticator(), dane(zone)])
    asked = joint.policyFor(DOMAIN, hop())
    assert isinstance(asked, Deferred)
    policy = success_result_of(asked)
    proof = joint.judgeConnection(policy, hop(), replace(evidence(OTHER), pkix_error=None))
    demand = joint.demandOf(policy, hop())
    assert proof.by == {AuthenticatedBy.PKIX}
    assert not demand.by <= proof.by


POLICY = TlsPolicy(TlsPolicyType.TLSA, MX, (str(EE),))
NOT_TRUSTED = TlsResultType.CERTIFICATE_NOT_TRUSTED


@pytest.mark.parametrize(
    ("words", "shown", "results"),
    [
        ("address=secure tlsa=ee", evidence(), [PolicyResult(POLICY)]),
        ("address=secure tlsa=ee", None, [PolicyResult(POLICY)]),
        (
            "address=secure tlsa=ee",
            evidence(OTHER),
            [PolicyResult(POLICY, TlsFailure(NOT_TRUSTED, "no TLSA record matches"))],
        ),
        (
            "address=secure tlsa=unusable",
            None,
            [
                PolicyResult(
                    TlsPolicy(TlsPolicyType.TLSA, MX, ("1 1 1 " + "00" * 32,)),
                    TlsFailure(TlsResultType.TLSA_INVALID, "no TLSA record is usable"),
                )
            ],
        ),
        ("address=secure tlsa=none", evidence(), []),
        ("address=insecure tlsa=ee", None, []),
    ],
)
def test_what_reports_tell_of_it(words: str, shown: TlsEvidence | None, results: list[PolicyResult]) -> None:
    zone = Zone.of(words)
    assert dane(zone).policyResults(policy_of(zone, hop()), hop(), shown) == results
