"""The certificates of scripted hosts, right and wrong."""

from __future__ import annotations

import datetime as dt
import ssl
import warnings
from hashlib import sha256
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from mailext.cli.certificate import self_signed

_PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
#: What a scenario can say of a certificate.
KINDS = frozenset({"good", "wrong-name", "expired", "stranger", "self-signed"})


class HostCertificates:
    """
    Two authorities, one of which is trusted.

    :ivar roots: the file that trusts it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown: dict[str, bytes] = {}
        self._authority = trustme.CA()
        self._stranger = trustme.CA()
        self.roots = folder / "roots.pem"
        self._authority.cert_pem.write_to_path(str(self.roots))

    def context(self, words: frozenset[str], name: str) -> ssl.SSLContext | None:
        """
        :param words: of these one of :data:`KINDS`; and ``old-tls``, or
            ``weak-cipher``.
        :param name: the host's true name.
        :return: what such a host begins TLS with, None where it has no
            certificate.
        """
        kind = next(iter(words & KINDS), None)
        if kind is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "self-signed":
            self._sign_itself(context, name)
        else:
            leaf = self._issue(kind, name)
            leaf.configure_cert(context)
            self._shown[name] = leaf.cert_chain_pems[0].bytes()
        if "old-tls" in words:
            _allow_old_tls_alone(context)
        if "weak-cipher" in words:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            # No authenticated encryption: BCP 195 wants better.
            context.set_ciphers("ECDHE-ECDSA-AES256-SHA")
        return context

    def tlsa(self, name: str) -> str:
        """The TLSA record of the key in the certificate that a host shows."""
        key = load_pem_x509_certificate(self._shown[name]).public_key()
        octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"3 1 1 {sha256(octets).hexdigest()}"

    def certify(self, chain_and_key: Path, *names: str) -> None:
        """Write a good certificate with its key for a server that reads files."""
        leaf = self._authority.issue_cert(*names)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(chain_and_key))

    def _issue(self, kind: str, name: str) -> trustme.LeafCert:
        if kind == "expired":
            return self._authority.issue_cert(name, not_before=_PAST, not_after=_PAST + dt.timedelta(1))
        if kind == "wrong-name":
            return self._authority.issue_cert("somebody-else.test")
        return (self._stranger if kind == "stranger" else self._authority).issue_cert(name)

    def _sign_itself(self, context: ssl.SSLContext, name: str) -> None:
        file = self._folder / "self-signed.pem"
        certificate, key = self_signed(name, dt.datetime.now(dt.UTC))
        file.write_bytes(key + certificate)
        context.load_cert_chain(file)
        self._shown[name] = certificate


def _allow_old_tls_alone(context: ssl.SSLContext) -> None:
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
