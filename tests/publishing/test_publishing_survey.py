"""What a domain of ours is to publish, and what is said of what it has published."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.defer import Deferred, fail, succeed

from mailext.cli.certificate import self_signed
from mailext.publishing.own_certificates import certificate_for
from mailext.publishing.survey import Finding, State, survey
from mailext.publishing.wanted import Publication, Subject, key_digest, wanted_records
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.trust.mta_sts.means import StsFetchError
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.trust.tlsa import matcher
from mailext.values import DnsStatus, TlsaRecord, TlsFailure, TlsResultType
from tests.support import success_result_of

POLICY = StsPolicy(StsMode.ENFORCE, 604800, ("mx.example.org",))
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOST = "mx.example.org"
SECURE, INSECURE = DnsStatus.SECURE, DnsStatus.INSECURE
NEXT = "cc" * 32


class Domain:
    """A domain of ours with all that it is to publish."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        certificate = self.issue("good", HOST)
        self.publication = Publication(
            "example.org", HOST, certificate, (NEXT,), POLICY, "mailto:postmaster@example.org"
        )
        self.records = DnsRecords()
        self.text: bytes | Exception = POLICY.text
        self.key = key_digest(certificate)
        self.publish("example.org", "MX", "10 mx.example.org.", status=SECURE)
        self.publish(HOST, "A", "192.0.2.1", status=SECURE)
        self.publish("_25._tcp.mx.example.org", "TLSA", f"3 1 1 {self.key}", f"3 1 1 {NEXT}", status=SECURE)
        self.publish("mta-sts.example.org", "CNAME", "mx.example.org.")
        self.publish("_mta-sts.example.org", "TXT", f'"v=STSv1; id={POLICY.id};"')
        self.publish("_smtp._tls.example.org", "TXT", '"v=TLSRPTv1; rua=https://r.example.net/"')

    def issue(self, stem: str, *names: str, **how: object) -> Path:
        file = self._folder / f"{stem}.pem"
        leaf = self._authority.issue_cert(*names, **{"not_before": NOW - dt.timedelta(30), **how})
        file.write_bytes(leaf.cert_chain_pems[0].bytes())
        return file

    def publish(self, name: str, rdtype: str, *texts: str, status: DnsStatus = INSECURE) -> None:
        self.records.add(name, rdtype, *texts, status=status)

    def fetch(self, domain: str) -> Deferred[bytes]:
        assert domain == "example.org"
        return succeed(self.text) if isinstance(self.text, bytes) else fail(self.text)

    def findings(self) -> dict[Subject, Finding]:
        resolver = FakeResolver(self.records)
        coroutine = survey(self.publication, resolver, self.fetch, NOW)
        return {each.record.subject: each for each in success_result_of(Deferred.fromCoroutine(coroutine))}

    def fallen(self) -> dict[Subject, tuple[State, tuple[str, ...]]]:
        """What is not as it should be."""
        return {
            subject: (each.state, each.remarks)
            for subject, each in self.findings().items()
            if each.state is not State.OK
        }


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    return Domain(tmp_path)


def test_what_is_to_be_published(domain: Domain) -> None:
    assert [(each.name, each.type, each.text) for each in wanted_records(domain.publication)][1:] == [
        ("example.org", "MX", "10 mx.example.org."),
        ("_25._tcp.mx.example.org", "TLSA", f"3 1 1 {domain.key}"),
        ("_25._tcp.mx.example.org", "TLSA", f"3 1 1 {NEXT}"),
        ("mta-sts.example.org", "CNAME", "mx.example.org."),
        (
            "https://mta-sts.example.org/.well-known/mta-sts.txt",
            "HTTPS",
            "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800",
        ),
        ("_mta-sts.example.org", "TXT", f'"v=STSv1; id={POLICY.id};"'),
        ("_smtp._tls.example.org", "TXT", '"v=TLSRPTv1; rua=mailto:postmaster@example.org"'),
    ]


def test_all_is_well(domain: Domain) -> None:
    assert domain.fallen() == {}
    assert [each.remarks for each in domain.findings().values()] == [()] * 8


def test_nothing_is_published(domain: Domain) -> None:
    domain.records = DnsRecords()
    domain.text = StsFetchError(
        TlsFailure(TlsResultType.STS_POLICY_FETCH_ERROR, "no address"), temporary=False
    )
    assert {subject: state for subject, (state, _) in domain.fallen().items()} == dict.fromkeys(
        set(Subject) - {Subject.CERTIFICATE}, State.MISSING
    )


def test_dns_does_not_answer(domain: Domain) -> None:
    for name, rdtype in (
        ("example.org", "MX"),
        ("_25._tcp.mx.example.org", "TLSA"),
        ("_mta-sts.example.org", "TXT"),
        ("_smtp._tls.example.org", "TXT"),
    ):
        domain.records.fail(name, rdtype, DnsFault.SERVFAIL)
    found = domain.fallen()
    assert found.keys() == set(Subject) - {Subject.CERTIFICATE, Subject.STS_HOST, Subject.STS_POLICY}
    assert set(found.values()) == {(State.UNKNOWN, ("it cannot be looked up: SERVFAIL",))}


class TestMx:
    @pytest.mark.parametrize(
        ("records", "state", "remarks"),
        [
            ([], State.MISSING, ()),
            (["0 ."], State.WRONG, ("mx.example.org is not among them",)),
            (["10 mx.example.net."], State.WRONG, ("mx.example.org is not among them",)),
            (["20 mx.example.org.", "10 mx.example.net."], State.OK, ()),
        ],
    )
    def test_records(
        self, domain: Domain, records: list[str], state: State, remarks: tuple[str, ...]
    ) -> None:
        domain.publish("example.org", "MX", *records, status=SECURE)
        found = domain.findings()[Subject.MX]
        assert (found.state, found.remarks) == (state, remarks)
        assert found.found == tuple(sorted(records))

    def test_dnssec(self, domain: Domain) -> None:
        domain.publish("example.org", "MX", "10 mx.example.org.")
        found = domain.findings()[Subject.MX]
        assert (found.state, found.remarks) == (State.OK, ("DNSSEC does not prove it",))

    def test_no_address(self, domain: Domain) -> None:
        domain.publish(HOST, "A")
        assert domain.fallen()[Subject.MX] == (State.WRONG, ("mx.example.org has no address",))

    def test_an_alias(self, domain: Domain) -> None:
        domain.records = DnsRecords()
        domain.publish("example.org", "MX", "10 mx.example.org.")
        domain.publish(HOST, "CNAME", "host.example.net.")
        domain.publish("host.example.net", "A", "192.0.2.1")
        remark = "mx.example.org is an alias of host.example.net"
        assert domain.fallen()[Subject.MX] == (State.WRONG, (remark,))


class TestTlsa:
    def test_another_key(self, domain: Domain) -> None:
        domain.publish("_25._tcp.mx.example.org", "TLSA", f"3 1 1 {'00' * 32}", status=SECURE)
        assert domain.fallen() == {
            Subject.TLSA: (State.WRONG, ("the key of the certificate is not among them",)),
            Subject.NEXT_TLSA: (State.MISSING, ()),
        }

    def test_dnssec(self, domain: Domain) -> None:
        records = [f"3 1 1 {domain.key}", f"3 1 1 {NEXT}"]
        domain.publish("_25._tcp.mx.example.org", "TLSA", *records)
        wrong = (State.WRONG, ("DNSSEC does not prove it",))
        assert domain.fallen() == {Subject.TLSA: wrong, Subject.NEXT_TLSA: wrong}

    def test_without_a_certificate(self, domain: Domain) -> None:
        domain.publication = replace(domain.publication, certificate=None, next_keys=())
        assert domain.findings().keys().isdisjoint({Subject.TLSA, Subject.NEXT_TLSA, Subject.CERTIFICATE})

    def test_the_digest_of_a_key_whatever_it_is_in(self, domain: Domain, tmp_path: Path) -> None:
        leaf = trustme.CA().issue_cert(HOST)
        private = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        public = private.public_key()
        forms = {
            "certificate": leaf.cert_chain_pems[0].bytes(),
            "pkcs1": leaf.private_key_pem.bytes(),
            "pkcs8": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "public": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        }
        digests = set()
        for name, pem in forms.items():
            (tmp_path / name).write_bytes(pem)
            digests.add(key_digest(tmp_path / name))
        [digest] = digests
        certificate = load_pem_x509_certificate(forms["certificate"])
        assert matcher([TlsaRecord(3, 1, 1, bytes.fromhex(digest))])(certificate)

    @pytest.mark.parametrize("pem", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
    def test_no_key(self, tmp_path: Path, pem: bytes) -> None:
        (tmp_path / "file").write_bytes(pem)
        with pytest.raises(ValueError, match="not a certificate or a key in PEM"):
            key_digest(tmp_path / "file")
        with pytest.raises(ValueError, match="No such file"):
            key_digest(tmp_path / "missing")


class TestMtaSts:
    @pytest.mark.parametrize(
        ("record", "remark"),
        [
            ("v=STSv1; id=other;", "its id is not that of the policy"),
            ("v=STSv1; id=a-b;", "it makes no sense, or there are several"),
            ("v=spf1 -all", "it makes no sense, or there are several"),
        ],
    )
    def test_the_record(self, domain: Domain, record: str, remark: str) -> None:
        domain.publish("_mta-sts.example.org", "TXT", f'"{record}"')
        assert domain.fallen() == {Subject.STS_RECORD: (State.WRONG, (remark,))}

    @pytest.mark.parametrize(
        ("policy", "remarks"),
        [
            (replace(POLICY, mode=StsMode.TESTING), ("its mode is testing, and not enforce",)),
            (replace(POLICY, mode=StsMode.NONE, mx=()), ("its mode is none, and not enforce",)),
            (replace(POLICY, max_age=86400), ("its max_age is 86400, and not 604800",)),
            (
                replace(POLICY, mx=("mx.example.net",)),
                (
                    "its hosts are mx.example.net, and not mx.example.org",
                    "it does not cover the MX host mx.example.org",
                ),
            ),
        ],
    )
    def test_another_policy(self, domain: Domain, policy: StsPolicy, remarks: tuple[str, ...]) -> None:
        domain.text = policy.text
        [(subject, (state, told))] = domain.fallen().items()
        assert (subject, state) == (Subject.STS_POLICY, State.WRONG)
        assert told == remarks

    def test_a_host_that_it_leaves_out(self, domain: Domain) -> None:
        domain.publish("example.org", "MX", "10 mx.example.org.", "20 backup.example.net.", status=SECURE)
        remark = "it does not cover the MX host backup.example.net"
        assert domain.fallen() == {Subject.STS_POLICY: (State.WRONG, (remark,))}

    def test_no_policy(self, domain: Domain) -> None:
        domain.text = b"<html>"
        assert domain.fallen() == {Subject.STS_POLICY: (State.WRONG, ("not a field: '<html>'",))}


@pytest.mark.parametrize(
    ("records", "state", "remarks"),
    [
        ([], State.MISSING, ()),
        (["v=spf1"], State.MISSING, ()),
        (["v=TLSRPTv1; rua=mailto:a@b.example", "v=spf1"], State.OK, ()),
        (["v=TLSRPTv1;rua=mailto:a@b.example", "v=TLSRPTv1; rua=x"], State.WRONG, ("there are several",)),
        (["v=TLSRPTv1; x=y"], State.WRONG, ("the record has no field rua",)),
    ],
)
def test_tls_reports(domain: Domain, records: list[str], state: State, remarks: tuple[str, ...]) -> None:
    domain.publish("_smtp._tls.example.org", "TXT", *(f'"{record}"' for record in records))
    found = domain.findings()[Subject.TLSRPT]
    assert (found.state, found.remarks) == (state, remarks)


class TestCertificate:
    def judged(self, domain: Domain, certificate: Path) -> tuple[State, tuple[str, ...]]:
        domain.publication = replace(domain.publication, certificate=certificate)
        found = domain.findings()[Subject.CERTIFICATE]
        return found.state, found.remarks

    def test_another_name(self, domain: Domain) -> None:
        certificate = domain.issue("other", "other.example")
        assert self.judged(domain, certificate) == (State.WRONG, ("it is not for mx.example.org",))

    def test_a_wildcard(self, domain: Domain) -> None:
        assert self.judged(domain, domain.issue("wild", "*.example.org")) == (State.OK, ())

    @pytest.mark.parametrize(
        ("days", "state", "remark"),
        [
            (-1, State.WRONG, "it has expired on 2026-02-28"),
            (13, State.OK, "it expires on 2026-03-14"),
        ],
    )
    def test_its_time(self, domain: Domain, days: int, state: State, remark: str) -> None:
        certificate = domain.issue("short", HOST, not_after=NOW + dt.timedelta(days))
        assert self.judged(domain, certificate) == (state, (remark,))

    def test_not_yet(self, domain: Domain) -> None:
        certificate = domain.issue("early", HOST, not_before=NOW + dt.timedelta(1))
        assert self.judged(domain, certificate) == (State.WRONG, ("it is not valid before 2026-03-02",))

    def test_signed_by_itself(self, domain: Domain, tmp_path: Path) -> None:
        (tmp_path / "own.pem").write_bytes(self_signed(HOST, NOW)[0])
        [remark] = self.judged(domain, tmp_path / "own.pem")[1]
        assert remark == "it is signed by itself: who goes by MTA-STS refuses it"

    def test_which_one_it_is(self, domain: Domain, tmp_path: Path) -> None:
        other, mine = domain.issue("other", "other.example"), domain.issue("mine", HOST, "b.example")
        assert certificate_for(HOST, [other, mine]) == mine
        assert certificate_for("c.example", [other, mine]) == other
        assert certificate_for(HOST, []) is None
        (tmp_path / "none.pem").write_text("x")
        for file in (tmp_path / "none.pem", tmp_path / "missing.pem"):
            with pytest.raises(ValueError, match=file.name):
                certificate_for(HOST, [file])
