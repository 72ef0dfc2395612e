"""TLSA records: which are usable, and what they match."""

from __future__ import annotations

import hashlib

import dns.rdata
import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from dns.rdataclass import IN
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from mailext.testing.dns import DnsRecords, FakeResolver
from mailext.trust.tlsa import load_certificate, matcher, usable
from mailext.values import DnsAnswer, DnsStatus, TlsaRecord
from tests.support import success_result_of
from tests.trust.authority import Made, make

AUTHORITY = make("authority", ca=True)
HOST = make("mx.example", AUTHORITY, names=("mx.example",))
OTHER = make("mx.example", AUTHORITY, names=("mx.example",))
EVERY_KIND = [(usage, selector, kind) for usage in (2, 3) for selector in (0, 1) for kind in (0, 1, 2)]

octets = st.integers(0, 255)
records = st.builds(TlsaRecord, octets, octets, octets, st.binary(max_size=80))


@pytest.mark.parametrize(("usage", "selector", "kind"), EVERY_KIND)
def test_every_kind_of_record(usage: int, selector: int, kind: int) -> None:
    record = HOST.tlsa(usage, selector, kind)
    assert usable([record]) == (record,)
    assert matcher([record])(HOST.certificate)
    assert not matcher([record])(OTHER.certificate)
    assert not matcher([record])(AUTHORITY.certificate)


@pytest.mark.parametrize(
    "made",
    [
        make("rsa", key=rsa.generate_private_key(65537, 2048)),
        make("x" * 64, names=tuple(f"{n}.{'x' * 60}.example" for n in range(80))),
    ],
)
def test_the_key_as_it_stands_in_any_certificate(made: Made) -> None:
    assert matcher([made.tlsa(3, 1, 1)])(made.certificate)


def test_a_renewed_certificate_of_the_same_key() -> None:
    renewed = make("mx.example", AUTHORITY, key=HOST.key, days=(-1, 60))
    assert matcher([HOST.tlsa(3, 1, 1)])(renewed.certificate)
    assert not matcher([HOST.tlsa(3, 0, 1)])(renewed.certificate)


@pytest.mark.parametrize(
    "record",
    [
        TlsaRecord(0, 0, 1, bytes(32)),  # PKIX-TA
        TlsaRecord(1, 1, 1, bytes(32)),  # PKIX-EE
        TlsaRecord(4, 1, 1, bytes(32)),
        TlsaRecord(255, 1, 1, bytes(32)),  # PrivCert
        TlsaRecord(3, 2, 1, bytes(32)),
        TlsaRecord(3, 1, 3, bytes(32)),
        TlsaRecord(3, 1, 1, bytes(31)),
        TlsaRecord(3, 1, 1, bytes(64)),
        TlsaRecord(3, 1, 2, bytes(32)),
        TlsaRecord(3, 1, 1, b""),
        TlsaRecord(3, 0, 0, b""),
        TlsaRecord(3, 1, 0, b""),
        TlsaRecord(2, 0, 0, HOST.spki),
        TlsaRecord(2, 1, 0, HOST.der),
        TlsaRecord(2, 0, 0, HOST.der[:-1]),
        TlsaRecord(2, 0, 0, HOST.der + b"\0"),
    ],
    # Certificate and key are others each time; the names of tests are not.
    ids=lambda record: str(record)[:12],
)
def test_what_is_not_usable(record: TlsaRecord) -> None:
    # RFC 6698 section 4.1, RFC 7672 section 3.1.3.
    assert usable([record]) == ()
    good = HOST.tlsa(3, 1, 1)
    assert usable([record, good]) == (good,)


class TestDigestAgility:
    """RFC 7671 section 9."""

    def test_the_stronger_digest_and_what_is_in_full_count(self) -> None:
        full, weak, strong = (HOST.tlsa(3, 1, kind) for kind in (0, 1, 2))
        assert usable([weak, strong, full]) == (strong, full)
        assert usable([weak, full]) == (weak, full)

    def test_each_usage_and_selector_by_itself(self) -> None:
        apart = [HOST.tlsa(3, 1, 1), HOST.tlsa(3, 0, 2), HOST.tlsa(2, 1, 1), HOST.tlsa(2, 0, 2)]
        assert usable(apart) == tuple(apart)

    def test_a_strong_one_that_is_not_usable_weakens_nobody(self) -> None:
        weak = HOST.tlsa(3, 1, 1)
        assert usable([TlsaRecord(3, 1, 2, bytes(63)), weak]) == (weak,)

    def test_a_stronger_one_of_another_key_counts(self) -> None:
        left = usable([HOST.tlsa(3, 1, 1), OTHER.tlsa(3, 1, 2)])
        assert not any(matcher([record])(HOST.certificate) for record in left)

    def test_several_of_the_same_strength(self) -> None:
        rolling = (HOST.tlsa(3, 1, 1), OTHER.tlsa(3, 1, 1))
        assert usable(rolling) == rolling


@pytest.mark.parametrize("kind", [ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey])
def test_keys_that_need_no_digest(kind) -> None:
    key = kind.generate()
    held = make("authority", ca=True, key=AUTHORITY.key)
    record = make("x", held, key=key).tlsa(2, 1, 0)
    assert usable([record]) == (record,)


@given(st.lists(records, max_size=6))
def test_no_octets_are_too_strange(published: list[TlsaRecord]) -> None:
    left = usable(published)
    assert set(left) <= set(published)
    assert usable(left) == left
    for record in left:
        assert not matcher([record])(HOST.certificate)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.integers(0, len(HOST.der) - 1), octets, st.sampled_from(EVERY_KIND))
def test_a_certificate_with_an_octet_changed(position: int, octet: int, kind: tuple[int, int, int]) -> None:
    der = HOST.der[:position] + bytes([octet]) + HOST.der[position + 1 :]
    certificate = load_certificate(der)
    if certificate is None:
        assert der != HOST.der
        return
    record = HOST.tlsa(*kind)
    if kind[1] == 0:
        assert matcher([record])(certificate) is (der == HOST.der)
    else:
        assert matcher([record])(certificate) is (HOST.spki in der)


@given(records.filter(lambda record: record.matching_type not in {1, 2}))
def test_rdata(record: TlsaRecord) -> None:
    wire = bytes([record.usage, record.selector, record.matching_type]) + record.data
    rdata = dns.rdata.from_wire(IN, RdataType.TLSA, wire, 0, len(wire))
    assert str(record) == rdata.to_text(chunksize=0) if record.data else True
    known = DnsRecords()
    known.add("_25._tcp.mx.example", "TLSA", f"\\# {len(wire)} {wire.hex()}", status=DnsStatus.SECURE)
    answer = success_result_of(FakeResolver(known).tlsa("mx.example", 25))
    assert answer == DnsAnswer("_25._tcp.mx.example", (record,), DnsStatus.SECURE)


def test_a_look_up_follows_aliases() -> None:
    record = TlsaRecord(2, 0, 1, hashlib.sha256(AUTHORITY.der).digest())
    known = DnsRecords()
    known.add("_2525._tcp.mx.example", "CNAME", "common.example.", status=DnsStatus.SECURE)
    known.add("common.example", "TLSA", str(record), status=DnsStatus.SECURE)
    answer = success_result_of(FakeResolver(known).tlsa("mx.example", 2525))
    assert answer == DnsAnswer("common.example", (record,), DnsStatus.SECURE)


def test_there_are_none() -> None:
    known = DnsRecords(DnsStatus.SECURE)
    assert success_result_of(FakeResolver(known).tlsa("mx.example", 25)).records == ()
