"""What TLSA records authenticate: chains of certificates, right and wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from mailext.trust.dane_chain import why_not_authenticated
from mailext.trust.identifiers import is_for
from mailext.trust.tlsa import usable
from mailext.values import TlsaRecord, TlsResultType
from tests.trust.authority import DAY, NOW, Made, make

MX = ("mx.host.example",)
NAMES = ("mx.host.example", "domain.example")

ROOT = make("root", ca=True)
AUTHORITY = make("authority", ROOT, ca=True)
HOST = make("mx.host.example", AUTHORITY, names=MX)
STRANGER = make("authority", make("root", ca=True), ca=True)
SELF = make("mx.host.example", names=MX)

NOT_TRUSTED = TlsResultType.CERTIFICATE_NOT_TRUSTED
MISMATCH = TlsResultType.CERTIFICATE_HOST_MISMATCH
EXPIRED = TlsResultType.CERTIFICATE_EXPIRED


def judged(
    records: Sequence[TlsaRecord], chain: Sequence[Made], names: Sequence[str] = NAMES
) -> TlsResultType | None:
    """What is wrong, None if nothing is."""
    failure = why_not_authenticated(usable(records), names, [made.der for made in chain], NOW)
    assert failure is None or failure.reason
    return failure.type if failure is not None else None


def usage_of(*purposes: ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(purposes), False


def key_usage(*, issues: bool) -> tuple[x509.ExtensionType, bool]:
    nothing = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, key_cert_sign=issues, **nothing), True


class TestEndEntity:
    """DANE-EE, RFC 7672 sections 3.1.1 and 3.2.1."""

    @pytest.mark.requirement("R11")
    @pytest.mark.parametrize("selector", [0, 1])
    @pytest.mark.parametrize("kind", [0, 1, 2])
    @pytest.mark.parametrize(
        "host",
        [
            HOST,
            SELF,
            make("mx.host.example", STRANGER, names=MX),
            make("other.example", names=("other.example",)),
            make(),
            make("mx.host.example", names=MX, days=(-30, -1)),
            make("mx.host.example", names=MX, days=(1, 30)),
            make("mx.host.example", AUTHORITY, extensions=(usage_of(ExtendedKeyUsageOID.CLIENT_AUTH),)),
            make("weak", key=rsa.generate_private_key(65537, 1024)),
        ],
        ids=[
            "issued",
            "self-signed",
            "by a stranger",
            "other name",
            "no name",
            "expired",
            "not yet valid",
            "for clients",
            "weak",
        ],
    )
    def test_what_matches_is_all_that_counts(self, host: Made, selector: int, kind: int) -> None:
        assert judged([host.tlsa(3, selector, kind)], [host]) is None

    def test_another_certificate(self) -> None:
        assert judged([HOST.tlsa(3, 1, 1)], [SELF]) is NOT_TRUSTED

    def test_only_the_first_counts(self) -> None:
        assert judged([HOST.tlsa(3, 1, 1)], [SELF, HOST]) is NOT_TRUSTED
        assert judged([AUTHORITY.tlsa(3, 1, 1)], [HOST, AUTHORITY]) is NOT_TRUSTED

    def test_one_record_is_enough(self) -> None:
        assert judged([SELF.tlsa(3, 1, 1), HOST.tlsa(3, 1, 1)], [HOST]) is None
        assert judged([STRANGER.tlsa(2, 0, 1), HOST.tlsa(3, 1, 1)], [HOST]) is None


class TestTrustAnchor:
    """DANE-TA, RFC 7672 sections 3.1.2, 3.2.2 and 3.2.3, RFC 7671 section 5.2."""

    @pytest.mark.requirement("R11")
    @pytest.mark.parametrize("selector", [0, 1])
    @pytest.mark.parametrize("kind", [0, 1, 2])
    @pytest.mark.parametrize("anchor", [AUTHORITY, ROOT], ids=["intermediate", "root"])
    def test_a_chain_to_an_anchor_that_was_sent(self, anchor: Made, selector: int, kind: int) -> None:
        assert judged([anchor.tlsa(2, selector, kind)], HOST.chain) is None

    def test_in_whatever_order(self) -> None:
        assert judged([ROOT.tlsa(2, 0, 1)], [HOST, ROOT, STRANGER, AUTHORITY]) is None

    @pytest.mark.parametrize(
        ("record", "chain", "expected"),
        [
            # Sections 5.2.2 and 5.2.3: only in full is it known without being sent.
            (AUTHORITY.tlsa(2, 0, 1), [HOST], NOT_TRUSTED),
            (AUTHORITY.tlsa(2, 1, 2), [HOST], NOT_TRUSTED),
            (AUTHORITY.tlsa(2, 0, 0), [HOST], None),
            (AUTHORITY.tlsa(2, 1, 0), [HOST], None),
            (ROOT.tlsa(2, 0, 1), [HOST, AUTHORITY], NOT_TRUSTED),
            (ROOT.tlsa(2, 0, 0), [HOST, AUTHORITY], None),
            (ROOT.tlsa(2, 1, 0), [HOST, AUTHORITY], None),
            (ROOT.tlsa(2, 0, 0), [HOST], NOT_TRUSTED),
            (ROOT.tlsa(2, 1, 0), [HOST], NOT_TRUSTED),
        ],
    )
    def test_an_anchor_that_was_not_sent(
        self, record: TlsaRecord, chain: Sequence[Made], expected: TlsResultType | None
    ) -> None:
        assert judged([record], chain) is expected

    @pytest.mark.parametrize(
        ("anchor", "chain"),
        [
            (STRANGER, HOST.chain),
            (STRANGER, [HOST, STRANGER]),
            (AUTHORITY, [SELF]),
            # Sent, but nobody signed anything with it.
            (AUTHORITY, [SELF, AUTHORITY]),
            (AUTHORITY, [make("mx.host.example", STRANGER, names=MX), AUTHORITY]),
            # The host's own certificate is not its issuer.
            (HOST, [HOST]),
            (SELF, [SELF]),
        ],
    )
    @pytest.mark.parametrize("selector", [0, 1])
    def test_another_anchor(self, anchor: Made, chain: Sequence[Made], selector: int) -> None:
        for kind in 1, 2:
            assert judged([anchor.tlsa(2, selector, kind)], chain) is NOT_TRUSTED

    @pytest.mark.parametrize(
        ("presented", "common", "expected"),
        [
            (MX, "", None),
            (("domain.example",), "", None),
            (("other.example", "MX.Host.Example"), "", None),
            (("*.host.example",), "", None),
            (("m*.host.example", "mx.host.example"), "", None),
            (("other.example",), "", MISMATCH),
            (("other.example",), "mx.host.example", MISMATCH),
            (("*.mx.host.example",), "", MISMATCH),
            (("*",), "", MISMATCH),
            (("m*.host.example",), "", MISMATCH),
            (("a.mx.host.example", "example"), "", MISMATCH),
            ((), "mx.host.example", None),
            ((), "domain.example", None),
            ((), "*.host.example", None),
            ((), "other.example", MISMATCH),
            ((), "", MISMATCH),
        ],
    )
    def test_names(self, presented: tuple[str, ...], common: str, expected: TlsResultType | None) -> None:
        host = make(common, AUTHORITY, names=presented)
        for record in AUTHORITY.tlsa(2, 0, 1), AUTHORITY.tlsa(2, 0, 0), AUTHORITY.tlsa(2, 1, 0):
            assert judged([record], [host, AUTHORITY]) is expected

    @pytest.mark.parametrize("days", [(-30, -1), (1, 30)])
    def test_dates(self, days: tuple[int, int]) -> None:
        host = make("mx.host.example", AUTHORITY, names=MX, days=days)
        issuer = make("late", ROOT, ca=True, days=days)
        under = make("mx.host.example", issuer, names=MX)
        for kind in (0, 1), (0, 0), (1, 0), (1, 1):
            assert judged([AUTHORITY.tlsa(2, *kind)], host.chain) is EXPIRED
            assert judged([ROOT.tlsa(2, *kind)], under.chain) is NOT_TRUSTED
        for kind in (0, 0), (1, 0):
            assert judged([AUTHORITY.tlsa(2, *kind)], [host]) is EXPIRED
        assert judged([issuer.tlsa(2, 0, 0)], [under]) is NOT_TRUSTED
        # A key alone has no dates.
        assert judged([issuer.tlsa(2, 1, 0)], [under]) is None

    def test_an_anchor_that_has_expired(self) -> None:
        anchor = make("late", ca=True, days=(-30, -1))
        host = make("mx.host.example", anchor, names=MX)
        assert judged([anchor.tlsa(2, 0, 1)], host.chain) is NOT_TRUSTED

    @pytest.mark.parametrize(
        "issuer",
        [
            make("no authority", ROOT),
            make("no authority", ROOT, names=MX),
            make("authority", ROOT, ca=True, extensions=(key_usage(issues=False),)),
            make("authority", ROOT, ca=True, extensions=(usage_of(ExtendedKeyUsageOID.CLIENT_AUTH),)),
            make("below", make("path", ROOT, ca=True, path_length=0), ca=True),
            make(
                "constrained",
                ROOT,
                ca=True,
                extensions=((x509.NameConstraints([x509.DNSName("other.example")], None), True),),
            ),
            make(
                "critical",
                ROOT,
                ca=True,
                extensions=((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), True),),
            ),
        ],
        ids=lambda made: made.certificate.subject.rfc4514_string(),
    )
    def test_an_issuer_that_must_not(self, issuer: Made) -> None:
        host = make("mx.host.example", issuer, names=MX)
        assert judged([ROOT.tlsa(2, 0, 1)], host.chain) is NOT_TRUSTED

    @pytest.mark.parametrize(
        ("extensions", "expected"),
        [
            ((), None),
            ((usage_of(ExtendedKeyUsageOID.SERVER_AUTH),), None),
            ((usage_of(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),), None),
            ((usage_of(ExtendedKeyUsageOID.CLIENT_AUTH),), NOT_TRUSTED),
            ((key_usage(issues=False),), None),
            (((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), False),), None),
            (((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), True),), NOT_TRUSTED),
        ],
    )
    def test_what_the_certificate_is_for(
        self, extensions: tuple[tuple[x509.ExtensionType, bool], ...], expected: TlsResultType | None
    ) -> None:
        host = make("mx.host.example", AUTHORITY, names=MX, extensions=extensions)
        assert judged([AUTHORITY.tlsa(2, 0, 1)], host.chain) is expected

    def test_private_authorities_as_people_make_them(self) -> None:
        anchor = make("authority", ca=True, extensions=(key_usage(issues=True),))
        host = make("mx.host.example", anchor)
        assert judged([anchor.tlsa(2, 1, 1)], host.chain) is None

    @pytest.mark.parametrize(
        "key",
        [
            rsa.generate_private_key(65537, 2048),
            ec.generate_private_key(ec.SECP384R1()),
        ],
        ids=["rsa", "p-384"],
    )
    def test_kinds_of_keys(self, key: object) -> None:
        anchor = make("authority", ca=True, key=key)
        host = make("mx.host.example", anchor, names=MX)
        for record in anchor.tlsa(2, 0, 1), anchor.tlsa(2, 0, 0), anchor.tlsa(2, 1, 0):
            assert judged([record], [host, anchor]) is None
        assert judged([anchor.tlsa(2, 1, 0)], [host]) is None

    @pytest.mark.parametrize(
        "key",
        [ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate(), AUTHORITY.key],
        ids=["ed25519", "ed448", "p-256"],
    )
    def test_a_key_that_signed_nothing(self, key: object) -> None:
        record = make("x", ROOT, key=key).tlsa(2, 1, 0)
        assert judged([record], [make("mx.host.example", STRANGER, names=MX)]) is NOT_TRUSTED

    def test_keys_that_are_too_short(self) -> None:
        anchor = make("authority", ca=True, key=rsa.generate_private_key(65537, 1024))
        host = make("mx.host.example", anchor, names=MX)
        assert judged([anchor.tlsa(2, 0, 1)], host.chain) is NOT_TRUSTED

    def test_a_weak_digest_of_the_right_anchor_does_not_count(self) -> None:
        # RFC 7671 section 9.
        chain = HOST.chain
        assert judged([AUTHORITY.tlsa(2, 0, 1), STRANGER.tlsa(2, 0, 2)], chain) is NOT_TRUSTED
        assert judged([AUTHORITY.tlsa(2, 0, 1), STRANGER.tlsa(2, 1, 2)], chain) is None


@pytest.mark.parametrize("chain", [[], [b""], [b"x"], [HOST.der[:-1]], [b"x", HOST.der]])
def test_what_cannot_be_read(chain: list[bytes]) -> None:
    failure = why_not_authenticated([HOST.tlsa(3, 1, 1)], MX, chain, NOW)
    assert failure is not None
    assert failure.reason == "the certificate cannot be read"


def test_what_cannot_be_read_behind_the_first_does_no_harm() -> None:
    chain = [HOST.der, b"x", AUTHORITY.der]
    for record in HOST.tlsa(3, 1, 1), AUTHORITY.tlsa(2, 0, 1):
        assert why_not_authenticated([record], MX, chain, NOW) is None


def test_reasons_are_not_in_the_words_of_the_host() -> None:
    said = make("x\r\n250 sent", AUTHORITY, names=("a\r\nb.example",), days=(-30, 30))
    constrained = make(
        "y\r\n250",
        AUTHORITY,
        names=MX,
        extensions=((x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b""), True),),
    )
    for host in said, constrained:
        failure = why_not_authenticated([AUTHORITY.tlsa(2, 0, 1)], MX, [host.der, AUTHORITY.der], NOW)
        assert failure is not None
        assert failure.reason.isprintable()
        assert "250" not in failure.reason


def test_a_name_that_is_no_text() -> None:
    # A BIT STRING in place of a UTF8String, of the same length.
    strange = AUTHORITY.der.replace(b"\x0c\x09authority", b"\x03\x09\x00uthority")
    assert strange != AUTHORITY.der
    record = TlsaRecord(2, 0, 0, strange)
    for chain in ([strange], [strange, HOST.der], [HOST.der, strange]):
        assert why_not_authenticated(usable([record]), MX, chain, NOW) is not None


def test_many_records_and_a_long_chain_take_no_time() -> None:
    records = [TlsaRecord(2, 1, 1, number.to_bytes(32, "big")) for number in range(1400)]
    chain = [HOST.der, *[AUTHORITY.der] * 300]
    begun = time.process_time()
    assert why_not_authenticated(usable(records), MX, chain, NOW) is not None
    # Seconds, where each certificate was compared with each record.
    assert time.process_time() - begun < 1.0


def test_names_that_no_certificate_is_for() -> None:
    assert not is_for(HOST.certificate, ["", "192.0.2.1", "a b.example", "mx\\032.example"])
    assert is_for(HOST.certificate, ["a b.example", "mx.host.example"])


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=3),
    st.sampled_from([HOST, AUTHORITY]),
    st.sampled_from([AUTHORITY.tlsa(2, 0, 0), AUTHORITY.tlsa(2, 1, 0), AUTHORITY.tlsa(2, 1, 1)]),
)
def test_a_chain_with_some_octets_changed(
    changes: list[tuple[int, int]], made: Made, record: TlsaRecord
) -> None:
    octets = bytearray(made.der)
    for position, octet in changes:
        octets[position % len(octets)] = octet
    changed = bytes(octets)
    chain = [changed, AUTHORITY.der] if made is HOST else [HOST.der, changed]
    failure = why_not_authenticated([record], MX, chain, NOW)
    if made is HOST and changed != HOST.der:
        assert failure is not None


def test_time_is_given() -> None:
    chain = [made.der for made in HOST.chain]
    record = AUTHORITY.tlsa(2, 0, 1)
    assert why_not_authenticated([record], MX, chain, NOW + 29 * DAY) is None
    assert why_not_authenticated([record], MX, chain, NOW + 31 * DAY) is not None
