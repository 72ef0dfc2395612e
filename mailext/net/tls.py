"""
Server contexts for one or several certificates, chosen by SNI and read again
when they change. The layer itself is that of :mod:`mailext.tls_layer`, whose
names stand here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from mailext.private_files import refuse_public
from mailext.tls_layer import begin, facts, implicit, is_encrypted

__all__ = ["ServerContextFactory", "begin", "facts", "implicit", "is_encrypted"]

_PrivateKey = EllipticCurvePrivateKey | Ed448PrivateKey | Ed25519PrivateKey | RSAPrivateKey


@implementer(IOpenSSLServerConnectionCreator)
class ServerContextFactory:
    """
    Makes the TLS connections of a server.

    :param pairs: for each certificate chain (PEM) its file and that of its
        private key. The first is used where the client names no host, or one
        that no certificate is for.
    :raise ValueError: which file cannot be used, and why.
    """

    def __init__(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        if not pairs:
            raise ValueError("no certificate")
        self._pairs = tuple(pairs)
        self._stamps: tuple[tuple[int, int], ...] = ()
        self._contexts: list[SSL.Context] = []
        self._by_name: dict[str, SSL.Context] = {}
        self.reload()

    def reload(self) -> None:
        """
        Read the files again. If one of them cannot be used, what was read
        before stays in use.

        :raise ValueError: which file cannot be used, and why.
        """
        stamps = self._stamp()
        contexts = []
        by_name: dict[str, SSL.Context] = {}
        for certificate, key in self._pairs:
            context = _load(certificate, key)
            context.set_tlsext_servername_callback(self._choose)
            contexts.append(context)
            for name in _names(certificate):
                by_name.setdefault(name, context)
        self._stamps, self._contexts, self._by_name = stamps, contexts, by_name

    def reload_if_changed(self) -> bool:
        """
        Read the files again if one of them has changed since.

        :return: whether one had.
        :raise ValueError: which file cannot be used, and why.
        """
        if self._stamp() == self._stamps:
            return False
        self.reload()
        return True

    def serverConnectionForTLS(self, _: object) -> SSL.Connection:
        return SSL.Connection(self._contexts[0], None)

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        try:
            stats = [path.stat() for pair in self._pairs for path in pair]
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from error
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)

    def _choose(self, connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip(".")
        parent = "*." + name.partition(".")[2]
        context = self._by_name.get(name) or self._by_name.get(parent)
        if context is not None:
            connection.set_context(context)


def _load(certificate: Path, key: Path) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    # R13, BCP 195: TLS 1.2 and 1.3, forward secrecy, no compression, no
    # renegotiation.
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!eNULL")
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Without an id, a resumed session of a client that gave a certificate
    # would be an error.
    context.set_session_id(b"mailext")
    try:
        certificate.open("rb").close()
        context.use_certificate_chain_file(str(certificate))
    except OSError as error:
        raise ValueError(f"{certificate}: {error.strerror}") from error
    except SSL.Error as error:
        raise ValueError(f"{certificate}: {_why(error) or 'not a certificate in PEM'}") from error
    private = _private_key(key)
    try:
        context.use_privatekey(private)
        context.check_privatekey()
    except SSL.Error as error:
        raise ValueError(f"{key}: not the key of the certificate {certificate}") from error
    return context


def _private_key(path: Path) -> _PrivateKey:
    # Not by OpenSSL, which asks for a passphrase on the terminal.
    try:
        refuse_public(path)
        pem = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(key, _PrivateKey):
        raise ValueError(f"{path}: not a key that TLS uses")  # noqa: TRY004 - the file is wrong, not the caller
    return key


def _why(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else ()
    return "; ".join(str(reason[-1]) for reason in reasons if reason[-1])


def _names(certificate: Path) -> set[str]:
    leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return {str(attribute.value).lower() for attribute in common}
    return {name.lower() for name in extension.value.get_values_for_type(x509.DNSName)}
