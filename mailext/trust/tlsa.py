"""
TLSA records (RFC 6698): which of them can be used, and what they match.

Theory: a TLSA record says three numbers and some octets. The usage says whose
certificate is meant: that of the host itself, DANE-EE(3), or one that a chain
must lead to, DANE-TA(2). The selector says what of the certificate: all of it,
Cert(0), or its SubjectPublicKeyInfo, SPKI(1). The matching type says how the
octets stand for that: as they are, Full(0), or by their digest, SHA2-256(1) or
SHA2-512(2).

A record is *usable* if all three are known here and its octets can be what
they should be (RFC 6698 section 4.1). The usages PKIX-TA(0) and PKIX-EE(1) are
not usable for SMTP (RFC 7672 section 3.1.3): they add nothing to what DNSSEC
says, and want a set of authorities that everybody agrees on.

Of the usable records of the same usage and selector only those of the strongest
digest count, beside those in full (digest agility, RFC 7671 section 9): a
publisher who also serves clients of yesterday is not weakened by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509 import Certificate, InvalidVersion, load_der_x509_certificate

from mailext.values import TlsaRecord

__all__ = ["CertificateUsage", "MatchingType", "Selector", "load_certificate", "matcher", "usable"]


class CertificateUsage(IntEnum):
    """The usages that are known here (RFC 6698 section 2.1.1, RFC 7218)."""

    DANE_TA = 2
    DANE_EE = 3


class Selector(IntEnum):
    """RFC 6698 section 2.1.2."""

    CERT = 0
    SPKI = 1


class MatchingType(IntEnum):
    """RFC 6698 section 2.1.3. Of two digests the greater is the stronger."""

    FULL = 0
    SHA2_256 = 1
    SHA2_512 = 2


_DIGESTS = {MatchingType.SHA2_256: hashlib.sha256, MatchingType.SHA2_512: hashlib.sha512}


def usable(records: Iterable[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """The records by which a host can be authenticated."""
    able = [record for record in records if _is_known(record) and _is_well_formed(record)]
    strongest: dict[tuple[int, int], int] = {}
    for record in able:
        kind = record.usage, record.selector
        strongest[kind] = max(record.matching_type, strongest.get(kind, MatchingType.FULL))
    # RFC 7671 section 9.
    return tuple(
        record
        for record in able
        if record.matching_type in {MatchingType.FULL, strongest[record.usage, record.selector]}
    )


def matcher(records: Iterable[TlsaRecord]) -> Callable[[Certificate], bool]:
    """
    :param records: usable ones.
    :return: says of a certificate whether one of them stands for it, in time
        that does not grow with their number.
    """
    by_kind: dict[tuple[int, int], set[bytes]] = {}
    for record in records:
        by_kind.setdefault((record.selector, record.matching_type), set()).add(record.data)
    return lambda certificate: any(
        _association(certificate, *kind) in octets for kind, octets in by_kind.items()
    )


def _association(certificate: Certificate, selector: int, matching_type: int) -> bytes:
    """The octets by which a record of this kind stands for a certificate (RFC 6698 section 2.1.4)."""
    whole = certificate.public_bytes(Encoding.DER)
    octets = whole if selector == Selector.CERT else _public_key_info(certificate)
    if matching_type == MatchingType.FULL:
        return octets
    return _DIGESTS[MatchingType(matching_type)](octets).digest()


def load_certificate(der: bytes) -> Certificate | None:
    """A certificate from its octets, None if they are none."""
    try:
        return load_der_x509_certificate(der)
    except (ValueError, InvalidVersion):
        return None


def _is_known(record: TlsaRecord) -> bool:
    return (
        record.usage in set(CertificateUsage)
        and record.selector in set(Selector)
        and record.matching_type in set(MatchingType)
    )


def _is_well_formed(record: TlsaRecord) -> bool:
    if record.matching_type != MatchingType.FULL:
        return len(record.data) == _DIGESTS[MatchingType(record.matching_type)]().digest_size
    if record.selector == Selector.CERT:
        return load_certificate(record.data) is not None
    try:
        load_der_public_key(record.data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def _public_key_info(certificate: Certificate) -> bytes:
    """
    The SubjectPublicKeyInfo as it stands in the certificate. What a library
    makes anew of the key may be spelled otherwise, and has another digest.
    """
    # RFC 5280 section 4.1: version [0], serialNumber, signature, issuer,
    # validity, subject, subjectPublicKeyInfo. The certificate was parsed as
    # strict DER, so that this cannot be read in two ways.
    (content,) = (content for _, content in _elements(certificate.tbs_certificate_bytes))
    fields = [element for element, _ in _elements(content) if element[0] != _VERSION_TAG]
    return fields[_PUBLIC_KEY_FIELD]


_VERSION_TAG = 0xA0
_PUBLIC_KEY_FIELD = 5
_LONG_FORM = 0x80


def _elements(der: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The elements of a sequence's content: each with its tag, and without."""
    start = 0
    while start < len(der):
        length, content = der[start + 1], start + 2
        if length >= _LONG_FORM:
            octets = length - _LONG_FORM
            length = int.from_bytes(der[content : content + octets], "big")
            content += octets
        yield der[start : content + length], der[content : content + length]
        start = content + length
