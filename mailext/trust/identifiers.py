"""
Whom a certificate is for, where DANE-TA asks (RFC 7672 section 3.2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from service_identity import CertificateError
from service_identity.hazmat import DNS_ID, DNSPattern

__all__ = ["UNREADABLE", "is_for"]

#: What is raised where parts of a certificate make no sense that are not read
#: before they are wanted.
UNREADABLE = (
    ValueError,
    # A name in a BIT STRING.
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def is_for(certificate: x509.Certificate, names: Iterable[str]) -> bool:
    """
    Whether a certificate is for one of these names. A wildcard stands for one
    label, the first; the common name counts only where there is no DNS-ID.

    :param names: the reference identifiers, in A-labels.
    """
    presented = list(_patterns(certificate))
    return any(identifier.verify(pattern) for identifier in _identifiers(names) for pattern in presented)


def _identifiers(names: Iterable[str]) -> Iterator[DNS_ID]:
    for name in names:
        try:
            yield DNS_ID(name)
        except ValueError:
            # DNS has names that no certificate is for.
            continue


def _patterns(certificate: x509.Certificate) -> Iterator[DNSPattern]:
    for name in _presented(certificate):
        try:
            yield DNSPattern.from_bytes(name.encode())
        except CertificateError:
            # Such as smtp*.example.com: not valid, and the others are.
            continue


def _presented(certificate: x509.Certificate) -> list[str]:
    try:
        return _dns_names(certificate) or _common_names(certificate)
    except UNREADABLE:
        return []


def _dns_names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _common_names(certificate: x509.Certificate) -> list[str]:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [str(attribute.value) for attribute in common]
