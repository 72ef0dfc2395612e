"""Debian's Postfix and DANE: as a sender to our server, and as a receiver from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from mailext.testing.dns import DnsFault, DnsRecords
from mailext.values import DnsStatus
from tests.black_box import ADDRESS, RunningServer, answers, eventually
from tests.interop.postfix import Postfix
from tests.name_server import NameServer
from tests.relay.site import PATIENT, RelaySite
from tests.samples import SAMPLE, is_delivered

pytestmark = pytest.mark.interop("postfix", "unshare")

#: A loopback address where nobody else has a name server.
RESOLVER = "127.53.0.1"
MX = "mx.example.org"
WRONG = "3 1 1 " + "00" * 32


def record_of(certificate: Path) -> str:
    """The TLSA record of a certificate's key."""
    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return f"3 1 1 {sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}"


def publish(records: DnsRecords, name: str, rdtype: str, *texts: str) -> None:
    records.add(name, rdtype, *texts, status=DnsStatus.SECURE)


class TestAsSender:
    @pytest.fixture
    def records(self) -> Iterator[DnsRecords]:
        records = DnsRecords()
        # By the root Postfix sees that the resolver validates.
        publish(records, ".", "NS", "ns.test.")
        publish(records, MX, "A", "127.0.0.1")
        publish(records, MX, "AAAA")
        name_server = NameServer(records, address=RESOLVER, port=53)
        name_server.start()
        yield records
        name_server.stop()

    @pytest.fixture
    def postfix(self, server: RunningServer) -> Iterator[Postfix]:
        """A Postfix that sends everything to the server's mx listener, as DANE allows."""
        peer = Postfix(
            f"relayhost = [{MX}]:{server.mx}\n"
            "smtp_dns_support_level = dnssec\n"
            "smtp_tls_security_level = dane\n"
            "smtp_tls_loglevel = 1\n",
            resolver=RESOLVER,
        )
        try:
            peer.start()
            yield peer
        finally:
            peer.stop()

    def test_the_right_record(self, server: RunningServer, postfix: Postfix, records: DnsRecords) -> None:
        publish(records, f"_{server.mx}._tcp.{MX}", "TLSA", record_of(server.folder / "cert.pem"))
        postfix.send(SAMPLE.replace(b"\r\n", b"\n"), "bob@example.net", ADDRESS)
        (stored,) = server.wait_for_messages()
        assert is_delivered(SAMPLE, stored)
        assert f"Verified TLS connection established to {MX}" in postfix.wait_until_sent()

    def test_the_wrong_record(self, server: RunningServer, postfix: Postfix, records: DnsRecords) -> None:
        publish(records, f"_{server.mx}._tcp.{MX}", "TLSA", WRONG)
        postfix.send(SAMPLE.replace(b"\r\n", b"\n"), "bob@example.net", ADDRESS)
        assert "Server certificate not verified" in postfix.wait_until_logged("status=deferred")
        assert server.messages() == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    made = RelaySite(tmp_path_factory.mktemp("dane") / "site", relay=PATIENT)
    made.start()
    yield made
    made.stop()


class TestAsReceiver:
    @contextmanager
    def receiver(self, site: RelaySite, domain: str) -> Iterator[Path]:
        """
        :return: the certificate of a Postfix that takes mail for a domain. It
            signed it itself.
        """
        place = site.place(f"mx.{domain}")
        publish(site.records, domain, "MX", f"10 {place.name}.")
        publish(site.records, place.name, "A", place.address)
        publish(site.records, place.name, "AAAA")
        # What init made for the server serves any host.
        certificate, key = (site.server.folder / f"{name}.pem" for name in ("cert", "key"))
        peer = Postfix(
            f"virtual_mailbox_domains = {domain}\n"
            "smtpd_relay_restrictions = permit_auth_destination, reject\n"
            "virtual_transport = discard:\n"
            "smtpd_tls_security_level = may\n",
            f"{place.address}:{site.port} inet n - n - - smtpd\n",
        )
        chain = peer.folder / "chain.pem"
        chain.write_bytes(key.read_bytes() + certificate.read_bytes())
        with (peer.configuration / "main.cf").open("a") as settings:
            settings.write(f"smtpd_tls_chain_files = {chain}\n")
        try:
            peer.start()
            eventually(lambda: answers(site.port, place.address), "Postfix to listen")
            yield certificate
        finally:
            peer.stop()

    def send(self, site: RelaySite, domain: str) -> dict[str, object]:
        """:return: what the log tells of the attempt."""
        message = SAMPLE.replace(b"Message-ID: <", b"Message-ID: <" + domain.encode())
        sent = site.submit(message, ADDRESS, [], {f"bob@{domain}": []})
        return dict(site.log.wait_for(event="relay", queueId=sent.queue_id))

    def test_the_right_record(self, site: RelaySite) -> None:
        with self.receiver(site, "right.test") as certificate:
            publish(site.records, f"_{site.port}._tcp.mx.right.test", "TLSA", record_of(certificate))
            told = self.send(site, "right.test")
        assert told["reply"].startswith("250 2.0.0 Ok: ")
        assert (told["tlsLevel"], told["mxLevel"]) == ("authenticated", "dnssec")
        assert "certificate verified by DANE" in told["reason"]

    def test_the_wrong_record(self, site: RelaySite) -> None:
        with self.receiver(site, "wrong.test"):
            publish(site.records, f"_{site.port}._tcp.mx.wrong.test", "TLSA", WRONG)
            told = self.send(site, "wrong.test")
        assert told["tlsLevel"] == "encrypted"
        assert told["reply"].startswith("TLS, but not authenticated (not verified by DANE")

    def test_a_look_up_that_fails(self, site: RelaySite) -> None:
        with self.receiver(site, "servfail.test"):
            site.records.fail(f"_{site.port}._tcp.mx.servfail.test", "TLSA", DnsFault.SERVFAIL)
            told = self.send(site, "servfail.test")
        assert told["address"] == ""
        assert told["reply"].startswith("451 4.4.3")
