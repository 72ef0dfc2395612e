"""Certificates as a test wants them, and the TLSA records of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from mailext.values import TlsaRecord

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(1)


@dataclass(frozen=True)
class Made:
    """A certificate and its private key, and who issued it."""

    certificate: x509.Certificate
    key: object = field(repr=False)
    issuer: Made | None = None

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def spki(self) -> bytes:
        return self.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def chain(self) -> tuple[Made, ...]:
        """Itself, its issuer, and so on."""
        return (self, *(self.issuer.chain if self.issuer is not None else ()))

    def tlsa(self, usage: int, selector: int, matching_type: int) -> TlsaRecord:
        """The record that stands for it."""
        octets = (self.der, self.spki)[selector]
        digests = {0: bytes, 1: hashlib.sha256, 2: hashlib.sha512}
        digest = digests[matching_type](octets)
        return TlsaRecord(usage, selector, matching_type, digest if matching_type == 0 else digest.digest())


def make(
    common_name: str = "",
    issuer: Made | None = None,
    *,
    names: tuple[str, ...] = (),
    ca: bool = False,
    path_length: int | None = None,
    days: tuple[int, int] = (-30, 30),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    key: object = None,
) -> Made:
    """
    :param issuer: None: it is its own.
    :param days: when it is valid, from NOW.
    :param extensions: further ones, and whether they are critical.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(True, path_length), True)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    return Made(builder.sign(signer, hashes.SHA256()), key, issuer)
