"""
TLS, as the client: how a connection is made, and what the host showed.

In SMTP a handshake is never broken off over a certificate. Chain and name are
verified by OpenSSL and service-identity, and what they found is recorded: who
asked for the connection decides what it is worth, before anything is said on it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, dump_certificate
from OpenSSL.SSL import X509VerificationCodes
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns, verify_hostname, verify_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from mailext.routing.names import is_address
from mailext.values import NextHop, TlsEvidence, TlsLevel, TlsResultType, TlsUse

__all__ = ["HostVerifier", "StrictVerifier", "TrustRoots", "level"]

# R13, BCP 195: TLS 1.2 and 1.3, forward secrecy.
_STRONG = b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL"
# RFC 7435: where the choice is between this and nothing.
_OPPORTUNISTIC = b"HIGH:!aNULL:!eNULL:!3DES"

#: What OpenSSL's verification errors mean, where it is worth to be told.
_ERRORS = {
    X509VerificationCodes.ERR_CERT_NOT_YET_VALID: "certificate is not yet valid",
    X509VerificationCodes.ERR_CERT_HAS_EXPIRED: "certificate has expired",
    X509VerificationCodes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate",
    X509VerificationCodes.ERR_SELF_SIGNED_CERT_IN_CHAIN: "self-signed certificate in the chain",
    X509VerificationCodes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "issuer is not known here",
    X509VerificationCodes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: "issuer is not known here",
    X509VerificationCodes.ERR_CERT_REVOKED: "certificate was revoked",
    X509VerificationCodes.ERR_INVALID_PURPOSE: "certificate is not for this purpose",
}
_RESULTS = {X509VerificationCodes.ERR_CERT_HAS_EXPIRED: TlsResultType.CERTIFICATE_EXPIRED}


class TrustRoots:
    """
    The authorities that are trusted, and the contexts made of them.

    :param file: their certificates (PEM); None: those of the system.
    :raise ValueError: if the file cannot be used.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._strong = _context(file, _STRONG)
        self._opportunistic = _context(file, _OPPORTUNISTIC)

    def verifier(self, hop: NextHop, use: TlsUse) -> HostVerifier:
        """:return: what begins TLS with a host and remembers what it showed."""
        context = self._opportunistic if use is TlsUse.WHERE_OFFERED else self._strong
        return HostVerifier(context, hop.host, hop.server_name or hop.host)

    def strict_verifier(self, host: str) -> StrictVerifier:
        """
        What begins TLS with a host, or breaks it off.

        :param host: a DNS name in A-labels.
        :raise ValueError: if no certificate can be for it.
        """
        return StrictVerifier(self._strong, host)


def _context(file: Path | None, ciphers: bytes) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_cipher_list(ciphers)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    if file is None:
        context.set_default_verify_paths()
        return context
    try:
        file.read_bytes()
        context.load_verify_locations(str(file))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from error
    except SSL.Error as error:
        raise ValueError(f"{file}: not a PEM file of certificates") from error
    return context


@cache
def _strong_ciphers() -> frozenset[str]:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(_STRONG)
    # With those of TLS 1.3, all of which are.
    return frozenset(SSL.Connection(context, None).get_cipher_list())


@implementer(IOpenSSLClientConnectionCreator)
class HostVerifier:
    """
    Makes one TLS connection.

    :param host: whom the certificate must be for: a DNS name in A-labels, or an
        IP address.
    :param server_name: whom to ask for by SNI; likewise.
    """

    def __init__(self, context: SSL.Context, host: str, server_name: str) -> None:
        self._context = context
        self._host = host
        self._server_name = server_name
        self._is_address = is_address(host)
        self._error: str | None = None
        self._result = TlsResultType.CERTIFICATE_NOT_TRUSTED

    def clientConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_verify(SSL.VERIFY_PEER, self._note)
        if not is_address(self._server_name):
            # RFC 6066 section 3: names alone.
            connection.set_tlsext_host_name(self._server_name.encode("ascii"))
        return connection

    def evidence(self, connection: SSL.Connection) -> TlsEvidence:
        """What the host showed, once the handshake is complete."""
        chain = connection.get_peer_cert_chain() or []
        self._check_name(connection)
        return TlsEvidence(
            connection.get_protocol_version_name(),
            connection.get_cipher_name() or "",
            self._host,
            # What only OpenSSL can read is not for it to judge.
            tuple(dump_certificate(FILETYPE_ASN1, certificate) for certificate in chain),
            self._error,
            self._result,
            strong=connection.get_cipher_name() in _strong_ciphers(),
        )

    def _note(self, _: SSL.Connection, __: X509, error: int, depth: int, ok: int) -> bool:
        if not ok and self._error is None:
            self._error = f"{_ERRORS.get(error, f'OpenSSL error {error}')} (at depth {depth})"
            self._result = _RESULTS.get(error, TlsResultType.CERTIFICATE_NOT_TRUSTED)
        return True

    def _check_name(self, connection: SSL.Connection) -> None:
        if self._error is not None:
            return
        try:
            if self._is_address:
                verify_ip_address(connection, self._host)
            else:
                verify_hostname(connection, self._host)
        except (VerificationError, CertificateError):
            self._error = f"certificate is not for {self._host}"
            self._result = TlsResultType.CERTIFICATE_HOST_MISMATCH


class StrictVerifier(HostVerifier):
    """
    Makes one TLS connection, and breaks the handshake off if the certificate
    does not prove the host's name: for protocols that begin to speak at once.
    """

    def __init__(self, context: SSL.Context, host: str) -> None:
        super().__init__(context, host, host)
        self._wanted = [DNS_ID(host)]

    @property
    def refusal(self) -> str | None:
        """What is wrong with the certificate; None if nothing is, or none was seen."""
        return self._error

    def _note(self, connection: SSL.Connection, certificate: X509, error: int, depth: int, ok: int) -> bool:
        super()._note(connection, certificate, error, depth, ok)
        if depth == 0 and self._error is None:
            try:
                verify_service_identity(extract_patterns(certificate), self._wanted, [])
            except (VerificationError, CertificateError):
                self._error = f"certificate is not for {self._host}"
        return self._error is None


def level(evidence: TlsEvidence | None) -> TlsLevel:
    """How far TLS protects a connection, as far as PKIX knows."""
    if evidence is None:
        return TlsLevel.NONE
    return TlsLevel.ENCRYPTED if evidence.pkix_error else TlsLevel.AUTHENTICATED
