"""What a domain of ours is to publish."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mailext.trust.mta_sts.policy import StsPolicy
from mailext.trust.mta_sts.record import record_name, record_text

__all__ = ["Publication", "Subject", "WantedRecord", "key_digest", "wanted_records"]

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PRIVATE_KEY = b"PRIVATE KEY-----"

_PREFERENCE = 10
_MAIL_PORT = 25


class Subject(StrEnum):
    """What a record is about."""

    CERTIFICATE = "certificate"
    MX = "mx"
    TLSA = "tlsa"
    #: The key that takes the place of the present one some day.
    NEXT_TLSA = "next-tlsa"
    STS_RECORD = "mta-sts"
    STS_HOST = "mta-sts-host"
    STS_POLICY = "mta-sts-policy"
    TLSRPT = "tlsrpt"


@dataclass(frozen=True, slots=True)
class Publication:
    """
    What there is to say of a domain.

    :param domain: in A-labels.
    :param host: the name of this server, which takes its mail.
    :param certificate: what it shows to who asks for that name; None: nothing.
    :param next_keys: the digests of keys that it is to show some day, by
        :func:`key_digest`.
    :param policy: of MTA-STS.
    :param report_to: where TLS reports about it are wanted, a URI.
    """

    domain: str
    host: str
    certificate: Path | None
    next_keys: Sequence[str]
    policy: StsPolicy
    report_to: str


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """
    Something to publish.

    :param name: where: a domain name, the URL of the policy, or the file of the
        certificate.
    :param type: of the DNS record; ``HTTPS`` for the policy, ``PEM`` for the
        certificate.
    :param text: as in a zone file; the lines of the policy; the name that the
        certificate must be for.
    """

    subject: Subject
    name: str
    type: str
    text: str


def wanted_records(publication: Publication) -> Iterator[WantedRecord]:
    """
    All that a domain is to publish.

    :raise ValueError: if the certificate is none.
    """
    domain, host = publication.domain, publication.host
    keys = []
    if publication.certificate is not None:
        yield WantedRecord(Subject.CERTIFICATE, str(publication.certificate), "PEM", host)
        keys.append(key_digest(publication.certificate))
    yield WantedRecord(Subject.MX, domain, "MX", f"{_PREFERENCE} {host}.")
    owner = f"_{_MAIL_PORT}._tcp.{host}"
    for subject, digests in (
        (Subject.TLSA, keys),
        (Subject.NEXT_TLSA, publication.next_keys),
    ):
        for digest in digests:
            # RFC 7672 section 3.1: DANE-EE(3) SPKI(1) SHA2-256(1), whatever
            # certificate the key is in.
            yield WantedRecord(subject, owner, "TLSA", f"3 1 1 {digest}")
    sts = publication.policy
    # RFC 8461 section 8.1: the policy before the record that tells of it.
    yield WantedRecord(Subject.STS_HOST, f"mta-sts.{domain}", "CNAME", f"{host}.")
    url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
    yield WantedRecord(Subject.STS_POLICY, url, "HTTPS", "\n".join(sts.lines))
    yield WantedRecord(Subject.STS_RECORD, record_name(domain), "TXT", f'"{record_text(sts.id)}"')
    text = f'"v=TLSRPTv1; rua={publication.report_to}"'
    yield WantedRecord(Subject.TLSRPT, f"_smtp._tls.{domain}", "TXT", text)


def key_digest(file: Path) -> str:
    """
    The digest of a key for TLSA records, SPKI(1) SHA2-256(1) (RFC 6698).

    :param file: a certificate, a private key or a public key (PEM).
    :raise ValueError: if it is none.
    """
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    try:
        info = _public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file}: not a certificate or a key in PEM: {error}") from error
    return hashlib.sha256(info).hexdigest()


def _public_key(pem: bytes) -> PublicKeyTypes:
    if _CERTIFICATE in pem:
        return x509.load_pem_x509_certificate(pem).public_key()
    if _PRIVATE_KEY in pem:
        return load_pem_private_key(pem, password=None).public_key()
    return load_pem_public_key(pem)
