"""
Other hosts in memory, as words describe them, and a relay that delivers to them.

The octets are real, TLS too; DNS is the resolver for tests, routes are the
router's, connections the client's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.defer import Deferred

from mailext.delivery.relay import RelayMeans, RelayTarget
from mailext.delivery.relay.patience import HostPatience, PatientConnector
from mailext.interfaces import IHopConnector, IMXAuthenticator
from mailext.message.headers import HeaderSection
from mailext.net.client.connector import Connector
from mailext.net.client.settings import ClientSettings
from mailext.net.client.verification import TrustRoots
from mailext.net.tls import ServerContextFactory
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.undelivered import UndeliveredError
from mailext.routing import DestinationSettings, Router, RoutingSettings, configured_host
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.trust.dane import DaneAuthenticator
from mailext.trust.dnssec import DnssecAuthenticator
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator
from mailext.values import (
    BodyType,
    DnsStatus,
    Envelope,
    Mailbox,
    MailOptions,
    Outcome,
    QueuedRecipient,
    QueueEntry,
    Recipient,
    RequireTlsMode,
    Ret,
    Security,
    TlsDemand,
)
from tests.net.world import Script, World

DOMAIN = "example.net"
NAMES = {"a": "a.example.net", "b": "b.example.net", "net": "example.net", "smart": "smart.example.com"}
ADDRESSES = {"a": "192.0.2.1", "b": "192.0.2.2", "net": "192.0.2.3", "smart": "192.0.2.4"}
POLICY_HOSTS = {"mta-sts.example.net": "192.0.2.5", "mta-sts.smart.example.com": "192.0.2.6"}
ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", DOMAIN)
CAROL = Mailbox("carol", DOMAIN)
HEADERS = HeaderSection.parse(b"Subject: x\r\n\r\n")[0]
BODY = b"One.\r\n.Two.\r\n"

Outcomes = Mapping[Mailbox, Outcome]


@dataclass(frozen=True)
class HostPki:
    """
    :param roots: what the relay trusts.
    :param servers: what a server begins TLS with, by what is wrong with it.
    :param tlsa: TLSA records in the words of a table, as in a zone file.
    """

    roots: TrustRoots
    servers: Mapping[str, ServerContextFactory]
    tlsa: Mapping[str, Sequence[str]]


def host_pki(folder: Path) -> HostPki:
    """Make the certificates."""
    authority, stranger = trustme.CA(), trustme.CA()
    names = [*NAMES.values(), *POLICY_HOSTS]
    authority.cert_pem.write_to_path(str(folder / "roots.pem"))
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    issued = {
        "good": authority.issue_cert(*names),
        "wrong-name": authority.issue_cert("other.example"),
        "expired": authority.issue_cert(*names, not_before=past, not_after=past + dt.timedelta(1)),
        "stranger": stranger.issue_cert(*names),
    }
    servers, tlsa = {}, _anchors(authority.cert_pem.bytes())
    for word, leaf in issued.items():
        certificate, key = folder / f"{word}.pem", folder / f"{word}-key.pem"
        key.write_bytes(leaf.private_key_pem.bytes())
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        for name, sent in ((word, chain), (f"{word}-and-authority", chain + authority.cert_pem.bytes())):
            certificate.write_bytes(sent)
            servers[name] = ServerContextFactory([(certificate, key)])
        public = load_pem_x509_certificate(chain).public_key()
        info = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        tlsa[f"is-{word}"] = [f"3 1 1 {sha256(info).hexdigest()}"]
    return HostPki(TrustRoots(folder / "roots.pem"), servers, tlsa)


def _anchors(pem: bytes) -> dict[str, Sequence[str]]:
    der = load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return {
        "none": [],
        "unusable": [f"1 1 1 {'00' * 32}"],
        "authority": [f"2 0 1 {sha256(der).hexdigest()}"],
        "authority-in-full": [f"2 0 0 {der.hex()}"],
    }


class RelaySite:
    """
    :ivar scripts: by the name of the host, a server for each connection.
    """

    def __init__(self, pki: HostPki) -> None:
        self.pki = pki
        self.world = World()
        self.records = DnsRecords()
        self.resolver = FakeResolver(self.records)
        self.routing = RoutingSettings(own_names=frozenset({"mx.example.org"}))
        self.scripts: dict[str, list[Script]] = {}
        self.backoff = DestinationBackoff(self.world.clock.seconds)
        self.patience = HostPatience(DestinationBackoff(self.world.clock.seconds))
        self.known = JointAuthenticator([PkixAuthenticator(), DnssecAuthenticator()])
        self.authenticator: IMXAuthenticator = self.known
        self.dane = DaneAuthenticator(self.resolver, lambda: dt.datetime.now(dt.UTC).timestamp())

    def connector(self) -> IHopConnector:
        return Connector(self.world.dial, ClientSettings("mx.example.org"), self.pki.roots, self.world.clock)

    def means(self) -> RelayMeans:
        return RelayMeans(
            Router(self.resolver, self.routing, Random(1)),
            PatientConnector(self.connector(), self.patience),
            JointAuthenticator([self.authenticator]),
            self.known,
            self.backoff,
            self.patience,
            self.world.clock.seconds,
        )

    # What there is

    def dns(self, word: str) -> None:
        """What DNS says of the domain."""
        for name in ("a", "b", "smart"):
            self.records.add(NAMES[name], "A", ADDRESSES[name])
        faults = {"bogus": DnsFault.BOGUS, "servfail": DnsFault.SERVFAIL, "timeout": DnsFault.TIMEOUT}
        if word in faults:
            self.records.fail(DOMAIN, "MX", faults[word])
        elif word == "no-mx":
            self.records.add(DOMAIN, "A", ADDRESSES["net"])
        elif word == "null-mx":
            self.records.add(DOMAIN, "MX", "0 .")
        elif word == "smarthost":
            self.routing = RoutingSettings(smarthost=configured_host(NAMES["smart"], 587))
        elif word != "nothing":
            status = DnsStatus.INSECURE if word == "insecure" else DnsStatus.SECURE
            self.records.add(DOMAIN, "MX", "10 a.example.net.", "20 b.example.net.", status=status)
        for name in {"no-address": "ab", "no-first-address": "a"}.get(word, ""):
            self.records.fail(NAMES[name], "A", DnsFault.SERVFAIL)

    def host(self, name: str, words: str) -> None:
        """
        A server, in words: ``dead`` takes no connections; ``starttls`` with
        what certificate, ``keyword``, ``keyword-in-clear``, ``dsn``,
        ``smtputf8`` and ``seven-bit`` are what it offers;
        ``VERB=450`` is what it says to a verb, ``VERB=250,450`` one after the
        other, ``VERB=cut`` that it parts instead, ``VERB=250-and-cut`` that it does
        so after 250; with ``no-handshake`` or
        ``mute-handshake`` TLS does not come about.
        """
        self.scripts[name] = []
        said = words.split()
        if "dead" in said:
            return
        context = next((self.pki.servers[word] for word in said if word in self.pki.servers), None)
        answers: dict[str, object] = {"EHLO": _ehlo(said)}
        for verb, answer in (word.split("=") for word in said if "=" in word):
            answers[{"GREET": "", "END": "."}.get(verb, verb)] = [
                _ANSWERS[each] if each in _ANSWERS else _said(each) for each in answer.split(",")
            ]
        kind = next((_HANDSHAKES[word] for word in said if word in _HANDSHAKES), Script)

        def build() -> Script:
            self.scripts[name].append(kind(dict(answers), tls=context))
            return self.scripts[name][-1]

        self.world.servers[ADDRESSES[name]] = build

    def tlsa(self, name: str, word: str) -> None:
        """
        What DNS says of the TLSA records of a host: one of ``HostPki.tlsa``,
        with ``insecure-`` before it if DNSSEC does not prove it; or what goes
        wrong. DNSSEC proves its addresses from now on.
        """
        self.records.add(NAMES[name], "A", ADDRESSES[name], status=DnsStatus.SECURE)
        self.records.add(NAMES[name], "AAAA", status=DnsStatus.SECURE)
        owner = f"_{587 if name == 'smart' else 25}._tcp.{NAMES[name]}"
        if word in {fault.name for fault in DnsFault}:
            self.records.fail(owner, "TLSA", DnsFault[word])
            return
        texts = self.pki.tlsa[word.removeprefix("insecure-")]
        status = DnsStatus.INSECURE if word.startswith("insecure-") else DnsStatus.SECURE
        self.records.add(owner, "TLSA", *texts, status=status)

    def destination(self, security: Security, mode: RequireTlsMode) -> None:
        """What the operator wants for the domain."""
        if (security, mode) != (Security.MAY, RequireTlsMode.ENFORCE):
            settings = {DOMAIN: DestinationSettings(security=security, requiretls=mode)}
            self.routing = RoutingSettings(destinations=settings, smarthost=self.routing.smarthost)

    # What is done

    def target(self, envelope: Envelope, domain: str = DOMAIN) -> RelayTarget:
        queued = tuple(QueuedRecipient(recipient) for recipient in envelope.recipients)
        entry = QueueEntry("Q1", 0.0, envelope, queued, len(bytes(HEADERS) + BODY), 0.0)
        return RelayTarget(self.means(), domain, entry)

    def delivering(self, envelope: Envelope, body: bytes = BODY) -> Deferred[Outcomes]:
        return Deferred.fromCoroutine(self._deliver(envelope, body))

    def deliver(self, envelope: Envelope, body: bytes = BODY) -> Outcomes:
        """What comes of a message without time passing; no connection is left behind."""
        outcomes = self.world.result(self.delivering(envelope, body))
        self.world.pump()
        assert all(link.client.gone for link in self.world.links)
        assert self.world.clock.getDelayedCalls() == []
        return outcomes

    async def _deliver(self, envelope: Envelope, body: bytes) -> Outcomes:
        try:
            delivery = await self.target(envelope).startDelivery(envelope, HEADERS)
        except UndeliveredError as error:
            return error.outcomes
        taken = delivery.write(body)
        if taken is not None:
            await taken
        return await delivery.commit()

    def took(self) -> list[tuple[str, Script]]:
        """The hosts that have the message, with who it was told."""
        return [
            (name, script)
            for name, scripts in self.scripts.items()
            for script in scripts
            # Behind a pipelined DATA there is an end, though nobody is to get the message.
            if any(message.strip() for message in script.messages)
        ]

    def heard(self, name: str) -> list[bytes]:
        """All that a host was told, over all its connections."""
        return [line for script in self.scripts[name] for line in script.heard]


def message(words: str, *recipients: Recipient) -> Envelope:
    """A message, in words: a demand, and ``null`` or ``utf8`` or ``8bit``."""
    said = words.split()
    demand = next((each for each in TlsDemand if each.name.lower() in said), TlsDemand.NONE)
    options = MailOptions(
        body=BodyType.EIGHT_BIT_MIME if "8bit" in said else None,
        smtputf8="utf8" in said,
        ret=Ret.FULL if "full" in said else None,
        requiretls=demand is TlsDemand.REQUIRE,
    )
    return Envelope(None if "null" in said else ANN, recipients or (Recipient(BOB),), options, demand)


class _NoHandshake(Script):
    """Refuses every handshake."""

    alert = b"\x15\x03\x03\x00\x02\x02\x28"

    def dataReceived(self, data: bytes) -> None:
        if not data.startswith(b"\x16"):
            super().dataReceived(data)
        elif self.alert:
            self.transport.write(self.alert)
            self.cut()


class _MuteHandshake(_NoHandshake):
    """Answers no handshake."""

    alert = b""


_HANDSHAKES = {"no-handshake": _NoHandshake, "mute-handshake": _MuteHandshake}


def _ok_and_cut(script: Script) -> None:
    script.transport.write(b"250 2.0.0 OK\r\n")
    script.cut()


_ANSWERS = {
    "cut": lambda script: script.cut(),
    "250-and-cut": _ok_and_cut,
    "silence": None,
    "injection": b"220 Go on\r\n250-mx\r\n250 REQUIRETLS\r\n",
    "endless": b"250-" + b"x" * 100_000,
}


def _said(code: str) -> bytes:
    return f"{code} {code[0]}.9.{code[2]} Said by the host\r\n".encode()


def _ehlo(said: list[str]):
    offered = {"dsn": "DSN", "smtputf8": "SMTPUTF8"}
    always = ["PIPELINING", "SIZE 1000000"] + ["8BITMIME"] * ("seven-bit" not in said)
    always += [keyword for word, keyword in offered.items() if word in said]
    clear = always + ["STARTTLS"] * ("starttls" in said) + ["REQUIRETLS"] * ("keyword-in-clear" in said)
    secure = always + ["REQUIRETLS"] * ("keyword" in said)

    def answer(script: Script) -> bytes:
        lines = ["mx", *(secure if script.secure else clear)]
        separated = [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]
        return "".join(f"{line}\r\n" for line in separated).encode()

    return answer
