"""Certificates for the tests of a session's TLS."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from OpenSSL import SSL
from twisted.logger import eventAsText

from mailext.net.tls import ServerContextFactory
from tests.support import logged


@dataclass(frozen=True)
class Pki:
    """
    An authority, and a folder for what it issues.

    :param server: what a server begins TLS with, as ``mx.example.org``.
    """

    authority: trustme.CA
    folder: Path
    server: ServerContextFactory

    def issue(self, *names: str, stem: str) -> tuple[Path, Path]:
        """:return: the files of a new certificate and of its key."""
        return write(self.authority.issue_cert(*names), self.folder, stem)

    def client(self) -> SSL.Context:
        """What a client that trusts the authority begins TLS with."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self.authority.configure_trust(context)
        context.set_verify(SSL.VERIFY_PEER)
        return context


def write(issued: trustme.LeafCert, folder: Path, stem: str) -> tuple[Path, Path]:
    certificate, key = folder / f"{stem}.pem", folder / f"{stem}-key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    pair = write(authority.issue_cert("mx.example.org"), folder, "mx")
    return Pki(authority, folder, ServerContextFactory([pair]))


@pytest.fixture
def tls_settings(pki: Pki) -> dict[str, object]:
    """What makes ``serve()`` a server with TLS."""
    return {"tls": pki.server, "context": pki.client()}


@pytest.fixture(scope="module", autouse=True)
def _no_error_is_left_in_a_deferred() -> Iterator[None]:
    with logged() as events:
        yield
        gc.collect()
    unhandled = [text for event in events if "Unhandled error" in (text := eventAsText(event))]
    assert unhandled == []
