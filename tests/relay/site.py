"""
A loopback world with a real server in it: a validating resolver, scripted mail
hosts, and the server that relays to them, seen from outside.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import smtplib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailext.cli import main
from mailext.testing.dns import DnsRecords
from mailext.values import DnsStatus
from tests.black_box import ADDRESS, RunningServer, eventually
from tests.name_server import NameServer
from tests.relay.host_certificates import HostCertificates
from tests.relay.mx_host import MxHost, Script
from tests.relay.reports import Report, read_report

HOSTNAME = "mx.example.org"
#: Whose client may send to other servers without a login.
FRIEND = "127.0.0.2"
#: The user name and password of the smarthost.
LOGIN = ("relay@smart.test", "a secret of the relay")

_MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>]+>)", re.MULTILINE)

#: Waits long enough for a second attempt not to come.
PATIENT = 'retry = ["1h"]\n'
#: Tries again until all is well.
STEADY = 'retry = ["1s"]\n'
#: Tries again at once, and soon gives up.
IMPATIENT = 'retry = ["300ms"]\ngive-up-after = "1500ms"\n'


@dataclass(frozen=True)
class Place:
    """An address that a scripted host may have, and its name."""

    name: str
    address: str

    @property
    def record(self) -> str:
        return "AAAA" if ":" in self.address else "A"


@dataclass(frozen=True)
class Sent:
    """A message that the server has accepted."""

    queue_id: str
    message_id: bytes


class EventLog:
    """The events that a server has logged, as JSON."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._events: list[Mapping[str, object]] = []

    def all(self, **wanted: object) -> list[Mapping[str, object]]:
        """:return: the events that have these values."""
        self._follow()
        return [
            event for event in self._events if all(event.get(key) == value for key, value in wanted.items())
        ]

    def wait_for(self, **wanted: object) -> Mapping[str, object]:
        """:return: the first such event, once there is one."""
        return eventually(lambda: self.all(**wanted), f"the log event {wanted}")[0]

    def _follow(self) -> None:
        with self._file.open("rb") as stream:
            stream.seek(self._read)
            octets = stream.read()
        whole = octets[: octets.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if not line.startswith(b"{"):
                continue
            # A kill may cut a line.
            with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError):
                self._events.append(json.loads(line))


class RelaySite:
    """
    :param folder: its own.
    :param relay: lines of [relay].
    :param destinations: by domain: lines of its table.
    :param more: other tables.
    :param aliases: lines of [aliases].
    :ivar records: what the resolver knows.
    :ivar port: of next hops, and of the server's own listener for other servers.
    """

    def __init__(
        self,
        folder: Path,
        relay: str = PATIENT,
        destinations: Mapping[str, str] | None = None,
        more: str = "",
        aliases: str = "",
    ) -> None:
        folder.mkdir()
        self.records = DnsRecords()
        self.dns = NameServer(self.records)
        self.certificates = HostCertificates(folder)
        self.server = RunningServer.initialised(folder / "server")
        self.port = self.server.mx
        self._addresses = (f"127.1.{n // 250}.{n % 250 + 1}" for n in itertools.count())
        self._client: smtplib.SMTP | None = None
        self.server.reconfigure(
            lambda text: self._configuration(text, relay, destinations or {}, more, aliases)
        )
        self.log = EventLog(self.server.log)

    def _configuration(
        self, text: str, relay: str, destinations: Mapping[str, str], more: str, aliases: str
    ) -> str:
        settings = (
            "\n[relay]\n"
            f'networks = ["{FRIEND}/32"]\n'
            f'resolver = ["{self.dns.place}"]\n'
            f'trust-roots = "{self.certificates.roots}"\n'
            f"port = {self.port}\n"
            f"{relay}"
        )
        tables = "".join(
            f'\n[relay.destinations."{domain}"]\n{lines}'.replace("PORT", str(self.port))
            for domain, lines in destinations.items()
        )
        text = text.replace("\n[tls]", 'log-format = "json"\n\n[tls]', 1)
        text = text.replace("[aliases]\n", f"[aliases]\n{aliases}", 1)
        return text + settings + tables + more

    def start(self) -> None:
        self.dns.start()
        # By the root the server sees that the resolver validates.
        self.records.add(".", "SOA", "ns.test. root.test. 1 1 1 1 1", status=DnsStatus.SECURE)
        self.records.add(HOSTNAME, "A", "127.0.0.1")
        self.server.start()

    def stop(self) -> None:
        self.leave()
        self.server.stop()
        self.dns.stop()
        assert [*self.log.all(level="error"), *self.log.all(level="critical")] == []

    def leave(self) -> None:
        """End the session of submission: a server that stops waits for those that there are."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()

    # Hosts

    def place(self, name: str, words: str = "") -> Place:
        """A new address, of IPv6 where the words say ``six``."""
        return Place(name, "::1" if "six" in words.split() else next(self._addresses))

    @contextmanager
    def host(self, name: str, words: str) -> Iterator[MxHost]:
        """A host with a new address, that the resolver knows."""
        place = self.place(name, words)
        # Nothing to remember: the next of this name has another address.
        self.records.add(name, place.record, place.address, ttl=0)
        made = self.host_at(place, words)
        try:
            yield made
        finally:
            made.stop()

    def host_at(self, place: Place, words: str, label: str = "", port: int | None = None) -> MxHost:
        """:param label: what it is called in a scenario."""
        script = Script.of(words)
        context = self.certificates.context(script.words, place.name)
        return MxHost(label or place.name, place.address, port or self.port, script, context, LOGIN)

    # Messages

    def submit(
        self, message: bytes, sender: str, mail: Iterable[str], recipients: Mapping[str, Iterable[str]]
    ) -> Sent:
        """
        Send a message over the submission listener, as ann.

        :param mail: parameters of MAIL.
        :param recipients: addresses, with parameters of RCPT.
        """
        if self._client is None:
            self._client = self.server.logged_in()
        return hand_over(self._client, message, sender, mail, recipients)

    def bring(
        self, message: bytes, sender: str, mail: Iterable[str], recipients: Mapping[str, Iterable[str]]
    ) -> Sent:
        """Send a message over TLS to the listener for other servers, from :data:`FRIEND`."""
        with self.neighbour(FRIEND) as client:
            client.starttls(context=self.server.trusting())
            client.ehlo()
            return hand_over(client, message, sender, mail, recipients)

    def neighbour(self, address: str) -> smtplib.SMTP:
        """:return: a client of the listener for other servers that has that address."""
        return smtplib.SMTP(
            "127.0.0.1",
            self.server.mx,
            local_hostname="peer.test",
            timeout=30,
            source_address=(address, 0),
        )

    # What came of it

    def queue(self) -> dict[str, dict]:
        """:return: by its id, what ``mailext queue list --json`` tells of each message."""
        # A server takes mail before it takes questions.
        entries = eventually(self._queue_list, "an answer about the queue")
        return {entry["id"]: entry for entry in json.loads(entries)}

    def _queue_list(self) -> str:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = main(["--config", str(self.server.config), "queue", "list", "--json"])
        return output.getvalue() if status == 0 else ""

    def report_about(self, sent: Sent, address: str = ADDRESS) -> Report:
        """:return: the one report about a message, once it is in the mailbox."""
        logged = self.log.wait_for(event="report", queueId=sent.queue_id)
        self.log.wait_for(event="done", queueId=_queued_as(str(logged["reply"])))
        mark = b"\r\nIn-Reply-To: " + sent.message_id
        [report] = [stored for stored in self.server.messages(address) if mark in stored]
        return read_report(report)


def _queued_as(reply: str) -> str:
    """:return: the queue id that a reply tells."""
    return reply.rpartition(" ")[2]


def hand_over(
    client: smtplib.SMTP,
    message: bytes,
    sender: str,
    mail: Iterable[str],
    recipients: Mapping[str, Iterable[str]],
) -> Sent:
    """
    One transaction.

    :raise AssertionError: if a command is refused.
    """
    options = list(mail)
    client.ehlo_or_helo_if_needed()
    replies = [client.mail(sender, options)]
    replies += [client.rcpt(address, list(parameters)) for address, parameters in recipients.items()]
    assert all(code == 250 for code, _ in replies), replies
    code, text = client.data(message)
    assert code == 250, text
    [message_id] = _MESSAGE_ID.findall(message)
    return Sent(_queued_as(text.decode()), message_id)
