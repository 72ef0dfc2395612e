"""
Whether TLSA records authenticate the certificates that a host showed.

Theory: it is enough that one record does.

DANE-EE(3) (RFC 7672 sections 3.1.1 and 3.2.1): the host's own certificate
matches. Nothing else is looked at, neither its names nor its dates: the record
itself binds the key to the name, for as long as DNSSEC vouches for it.

DANE-TA(2) (RFC 7672 sections 3.1.2 and 3.2.2): a chain leads from the host's
certificate to a trust anchor that a record stands for. All of the chain must be
valid now, and the host's certificate must be for one of the names that the
host may go by. No authority that is trusted otherwise plays a part. The trust
anchor is

- a certificate that the host sent behind its own, and that a record matches; or
- a certificate that a record holds in full (2 0 0), sent or not; or
- where neither is found, a key that a record holds in full (2 1 0), without a
  certificate, if it signed the last of those that the host sent (RFC 7671
  section 5.2.3).

A digest of a certificate that was not sent leads nowhere (RFC 7671 section
5.2.2): that is the host's mistake.

Chains are built and verified by ``cryptography.x509.verification``. Its
profile for the web is relaxed where private authorities, and RFC 5280, are:
key identifiers, key usage and alternative names may be missing. It keeps what
it asks of algorithms and of the size of keys (RSA from 2048 bits, no SHA-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from mailext.trust.identifiers import UNREADABLE, is_for
from mailext.trust.tlsa import CertificateUsage, MatchingType, Selector, load_certificate, matcher
from mailext.values import TlsaRecord, TlsFailure, TlsResultType

__all__ = ["why_not_authenticated"]


def why_not_authenticated(
    records: Sequence[TlsaRecord], names: Sequence[str], chain: Sequence[bytes], now: datetime
) -> TlsFailure | None:
    """
    :param records: usable ones.
    :param names: the reference identifiers: names that the host may go by.
    :param chain: the certificates that the host sent, its own first; DER.
    :param now: with its time zone.
    :return: what is wrong, None if the host is authenticated.
    """
    own, *others = map(load_certificate, chain or [b""])
    if own is None:
        return _not_trusted("the certificate cannot be read")
    if matcher(_of(records, CertificateUsage.DANE_EE))(own):
        return None
    issuers = [each for each in others if each is not None]
    anchors = _anchors(_of(records, CertificateUsage.DANE_TA), own, issuers)
    if not anchors:
        return _not_trusted("no TLSA record matches")
    failure = _why_not_chained(own, issuers, anchors, now)
    if failure is None and not is_for(own, names):
        reason = f"the certificate is not for {' or '.join(dict.fromkeys(names))}"
        failure = TlsFailure(TlsResultType.CERTIFICATE_HOST_MISMATCH, reason)
    return failure


def _not_trusted(reason: str) -> TlsFailure:
    return TlsFailure(TlsResultType.CERTIFICATE_NOT_TRUSTED, reason)


def _of(records: Sequence[TlsaRecord], usage: CertificateUsage) -> list[TlsaRecord]:
    return [record for record in records if record.usage == usage]


def _anchors(
    records: Sequence[TlsaRecord], own: x509.Certificate, issuers: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    sent = [*filter(matcher(records), issuers)]
    full = [record for record in records if record.matching_type == MatchingType.FULL]
    published = [load_certificate(record.data) for record in full if record.selector == Selector.CERT]
    anchors = sent + [each for each in published if each is not None]
    if anchors:
        return anchors
    # RFC 7671 section 5.2.3: who was signed by the anchor stands for it.
    last = issuers[-1] if issuers else own
    keys = [record.data for record in full if record.selector == Selector.SPKI]
    return [last] if any(_has_signed(key, last) for key in keys) else []


def _has_signed(spki: bytes, certificate: x509.Certificate) -> bool:
    key = load_der_public_key(spki)
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        how, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
        if isinstance(key, RSAPublicKey) and isinstance(how, (PKCS1v15, PSS)) and digest is not None:
            key.verify(signature, signed, how, digest)
        elif isinstance(key, EllipticCurvePublicKey) and isinstance(how, ECDSA):
            key.verify(signature, signed, how)
        elif isinstance(key, (Ed25519PublicKey, Ed448PublicKey)):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _why_not_chained(
    own: x509.Certificate,
    issuers: list[x509.Certificate],
    anchors: list[x509.Certificate],
    now: datetime,
) -> TlsFailure | None:
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        return TlsFailure(
            TlsResultType.CERTIFICATE_EXPIRED, "the certificate has expired, or is not valid yet"
        )
    verifier = (
        PolicyBuilder()
        .store(Store(anchors))
        .time(now)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_HOST)
        # That of a client looks at no name; there is more than one to look for.
        .build_client_verifier()
    )
    try:
        verifier.verify(own, issuers)
    except VerificationError as error:
        # What it says of the certificate is in the host's words.
        return _not_trusted(ascii(str(error).partition(" (encountered")[0])[1:-1])
    except UNREADABLE:
        return _not_trusted("a certificate cannot be read")
    return None


def _may_issue(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the issuer may not issue certificates")


def _is_for_servers(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and _FOR_SERVERS.isdisjoint(usage):
        raise ValueError("the certificate is not for servers")


_FOR_SERVERS = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
# RFC 5280 sections 4.2.1.3, 4.2.1.9 and 4.2.1.12. Critical extensions that are
# not known are refused, path length and name constraints hold.
_HOST = ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_servers
)
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_servers)
)
