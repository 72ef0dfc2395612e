"""What our own certificates are worth to those who send to us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, verify_service_identity

__all__ = ["certificate_for", "faults", "remarks"]

# In good time for who has to see to it.
_SOON = timedelta(days=14)


def certificate_for(host: str, files: Sequence[Path]) -> Path | None:
    """
    The certificate that a client sees which asks for a host by SNI, as
    :class:`mailext.net.tls.ServerContextFactory` chooses; None if there is none
    at all.

    :raise ValueError: if a file is none.
    """
    meant = [file for file in files if _is_for(host, _load(file))]
    return next(iter([*meant, *files]), None)


def faults(host: str, file: Path, now: datetime) -> Iterator[str]:
    """
    Why others cannot rely on a certificate, for a host.

    :raise ValueError: if it is none.
    """
    certificate = _load(file)
    if not _is_for(host, certificate):
        yield f"it is not for {host}"
    if certificate.not_valid_before_utc > now:
        yield f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if certificate.not_valid_after_utc < now:
        yield f"it has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.issuer == certificate.subject:
        yield "it is signed by itself: who goes by MTA-STS refuses it"


def remarks(file: Path, now: datetime) -> Iterator[str]:
    """
    What is to be seen to before it is a fault.

    :raise ValueError: if it is no certificate.
    """
    expires = _load(file).not_valid_after_utc
    if now <= expires < now + _SOON:
        yield f"it expires on {expires:%Y-%m-%d}"


def _is_for(host: str, certificate: x509.Certificate) -> bool:
    """Whether a certificate names a host (RFC 9525)."""
    try:
        verify_service_identity(extract_patterns(certificate), [DNS_ID(host)], [])
    except (VerificationError, CertificateError, ValueError):
        return False
    return True


def _load(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file}: not a certificate in PEM") from error
