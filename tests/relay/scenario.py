"""
A scenario is a line of five columns, and runs end to end through the server.

DNS
    ``insecure`` or ``secure``, and the MX hosts, each worse than the one
    before: ``secure a b``. Preferences can be told: ``secure 10:a 10:b``.
    ``self`` is the server itself; ``a!self`` leads to its address,
    ``a!servfail`` and ``a!nothing`` to none. Or one word: ``no-mx`` (the
    domain has an address, that of the host ``net``), ``literal`` (mail goes to
    the address of the host ``a``), ``null-mx``, ``nothing`` (no such name),
    ``no-data``, ``bogus``, ``servfail``, ``timeout``. ``alias`` behind the
    first word: the domain's name is a CNAME.
Hosts
    Each with what it does (:class:`tests.relay.mx_host.Script`, and
    :data:`tests.relay.host_certificates.KINDS`), parted by ``;``. Who is not
    there takes no connections. With ``tlsa=WORD`` DNSSEC proves its addresses,
    and there are TLSA records: ``right``, ``wrong``, ``unusable``, ``none``;
    ``senseless``, whose octets are no digest, ``beside``, which is one that is
    senseless and one that is right; ``insecure``, which it does not prove; ``alias``, where the host's name
    leads as a CNAME; or a look-up that goes wrong (``servfail``, ``bogus``).
Message
    What it demands (``none``, ``require``, ``optional``); ``null`` for the
    null reverse-path, ``8bit``, ``utf8`` for its header section; ``to=bob,eve``
    for its recipients; parameters of MAIL (``RET=``, ``ENVID=``) and of RCPT
    (``NOTIFY=``, ``ORCPT=``). And what the operator wants of the domain:
    ``security=``, ``mode=``, ``next-hop=``.
Arrives
    ``nowhere``; or host, ``tls`` or ``clear``, every parameter of MAIL and
    RCPT, and ``BDAT`` if it did not come by DATA. Several are parted by ``;``.
Told
    ``done``: all is well, and nobody told of it; ``waits``, with the beginning
    of the reply that the queue has; ``unreported``: it has failed, and nobody
    is told; or what a report tells: action and status, of each recipient
    other than bob its name before it, parted by ``;``.
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from mailext.testing.dns import DnsFault
from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.mx_host import Arrival, MxHost
from tests.relay.site import HOSTNAME, Place, RelaySite, Sent

_FAULTS = {"bogus": DnsFault.BOGUS, "servfail": DnsFault.SERVFAIL, "timeout": DnsFault.TIMEOUT}
_SERVER = "127.0.0.1"
_OPERATOR = {"security": "security", "mode": "requiretls", "next-hop": "next-hop"}
# A TLSA record whose digest has one octet.
_SENSELESS = r"\# 4 03010100"
_numbers = itertools.count(1)

#: The last lines of every message.
BODY = b".\r\n..two\r\n. .\r\nThe body, which no report shows.\r\n"


@dataclass(frozen=True)
class Scenario:
    """A line, taken apart."""

    line: str
    dns: str
    hosts: Mapping[str, str]
    message: tuple[str, ...]
    arrives: tuple[str, ...]
    told: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Scenario:
        dns, hosts, message, arrives, told = (cell.strip() for cell in line.split("|"))
        named = (host.strip().partition(" ") for host in hosts.split(";") if host.strip())
        return cls(
            line,
            dns,
            {name: words for name, _, words in named},
            tuple(message.split()),
            _listed(arrives),
            _listed(told),
        )

    @property
    def domain(self) -> str:
        """The same for the same line, and no other has it."""
        return f"s{zlib.crc32(self.line.encode()):08x}.test"

    @property
    def operator(self) -> str:
        """The lines of the configuration about the domain."""
        said = {word.partition("=")[0]: word.partition("=")[2] for word in self.message}
        lines = [f'{key} = "{said[word]}"\n' for word, key in _OPERATOR.items() if word in said]
        return "".join(lines).replace("DOMAIN", self.domain)

    def setting(self, key: str) -> str:
        """The value of ``key=value``, empty without."""
        return next((word.partition("=")[2] for word in self.message if word.startswith(f"{key}=")), "")


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in cell.split("; "))


def lines_of(table: str) -> list[str]:
    """The lines of a table, without their margins; ``#`` begins a comment."""
    lines = (line.partition("# ")[0] for line in table.splitlines())
    return [" | ".join(cell.strip() for cell in line.split("|")) for line in lines if line.strip()]


def each_of(table: str) -> pytest.MarkDecorator:
    """Run a test with each line of a table."""
    # Named by the line itself, however long it is.
    return pytest.mark.parametrize("line", [pytest.param(line, id=line) for line in lines_of(table)])


def operator_settings(tables: Sequence[str]) -> dict[str, str]:
    """What the operator says, by domain, in all the scenarios of these tables."""
    read = [Scenario.of(line) for table in tables for line in lines_of(table)]
    return {scenario.domain: scenario.operator for scenario in read if scenario.operator}


def check(site: RelaySite, line: str) -> None:
    """Run a scenario, and look at everything that it says."""
    scenario = Scenario.of(line)
    with _world(site, scenario) as hosts:
        sent = send(site, scenario, hosts)
        if any("waits" in told for told in scenario.told):
            site.log.wait_for(event="attempt", queueId=sent.queue_id)
        else:
            site.log.wait_for(event="done", queueId=sent.queue_id)
        arrivals = [arrival for host in hosts.values() for arrival in host.arrivals]
    assert sorted(map(_seen, arrivals)) == sorted(_expected(scenario))
    for arrival in arrivals:
        assert arrival.content.endswith(b"\r\n\r\n" + BODY), "the content is not what was sent"
        assert arrival.content.startswith(b"Received: from "), "there is no trace field on top"
    _check_told(site, scenario, sent)
    _check_log(site, scenario, sent, arrivals)


# The world of a scenario


@contextmanager
def _world(site: RelaySite, scenario: Scenario) -> Iterator[Mapping[str, MxHost]]:
    domain = scenario.domain
    places = {
        name: site.place(domain if name == "net" else f"{name}.{domain}", words)
        for name, words in scenario.hosts.items()
    }
    _tell_dns(site, scenario, places)
    with ExitStack() as stack:
        hosts = {}
        for name, words in scenario.hosts.items():
            place = places[name]
            if scenario.dns == "literal":
                # Who is known by an address alone has a certificate for that.
                place = Place(place.address, place.address)
            hosts[name] = site.host_at(place, words, name)
            stack.callback(hosts[name].stop)
            if "tlsa" in hosts[name].script.answers:
                _tell_tlsa(site, place, hosts[name].script.answers["tlsa"][0])
        yield hosts


def _tell_dns(site: RelaySite, scenario: Scenario, places: Mapping[str, Place]) -> None:
    for name, place in places.items():
        if "tlsa=alias" not in scenario.hosts[name]:
            site.records.add(place.name, place.record, place.address)
    kind, *named = scenario.dns.split()
    domain = scenario.domain
    if kind in _FAULTS:
        site.records.fail(domain, "MX", _FAULTS[kind])
    elif kind == "null-mx":
        site.records.add(domain, "MX", "0 .")
    elif kind == "no-data":
        site.records.add(domain, "TXT", '"no mail here"')
    elif kind in {"insecure", "secure"}:
        status = DnsStatus(kind)
        if "alias" in named:
            named.remove("alias")
            site.records.add(domain, "CNAME", f"real.{domain}.", status=status)
            domain = f"real.{domain}"
        records = [_mx(site, scenario, each, 10 * number) for number, each in enumerate(named, 1)]
        site.records.add(domain, "MX", *records, status=status)
    else:
        assert kind in {"no-mx", "nothing", "literal"}, kind


def _tell_tlsa(site: RelaySite, place: Place, word: str) -> None:
    """:param word: what is known of the host's TLSA records."""
    base = place.name
    if word == "alias":
        base = f"real.{place.name}"
        site.records.add(place.name, "CNAME", f"{base}.", status=DnsStatus.SECURE)
    for rdtype in "A", "AAAA":
        address = [place.address] if rdtype == place.record else []
        # Of the name that is an alias there are no addresses.
        site.records.add(base, rdtype, *address, status=DnsStatus.SECURE)
    owner = f"_{site.port}._tcp.{base}"
    if word in _FAULTS:
        site.records.fail(owner, "TLSA", _FAULTS[word])
        return
    records = {
        "wrong": [f"3 1 1 {'00' * 32}"],
        "unusable": [f"1 1 1 {'00' * 32}"],
        "senseless": [_SENSELESS],
        "none": [],
    }
    status = DnsStatus.INSECURE if word == "insecure" else DnsStatus.SECURE
    texts = records[word] if word in records else [site.certificates.tlsa(place.name)]
    if word == "beside":
        texts = [_SENSELESS, *texts]
    site.records.add(owner, "TLSA", *texts, status=status)


def _mx(site: RelaySite, scenario: Scenario, word: str, preference: int) -> str:
    """The MX record of one word; its host's address records are added."""
    if ":" in word:
        number, _, word = word.partition(":")
        preference = int(number)
    name, _, fate = word.partition("!")
    if name == "self":
        return f"{preference} {HOSTNAME}."
    host = f"{name}.{scenario.domain}"
    if fate == "servfail":
        site.records.fail(host, "A", DnsFault.SERVFAIL)
    elif fate == "self":
        site.records.add(host, "A", _SERVER)
    elif not fate and name not in scenario.hosts:
        # Nobody listens there.
        place = site.place(host)
        site.records.add(host, place.record, place.address)
    return f"{preference} {host}."


# Its message


def send(site: RelaySite, scenario: Scenario, hosts: Mapping[str, MxHost]) -> Sent:
    words = scenario.message
    mail = [word for word in words if word.startswith(("RET=", "ENVID="))]
    mail += ["REQUIRETLS"] * ("require" in words)
    mail += ["BODY=8BITMIME"] * ("8bit" in words or "utf8" in words)
    mail += ["SMTPUTF8"] * ("utf8" in words)
    rcpt = [word for word in words if word.startswith(("NOTIFY=", "ORCPT="))]
    domain = scenario.domain
    if scenario.dns == "literal":
        [address] = (host.address for host in hosts.values())
        domain = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    recipients = {f"{name}@{domain}": rcpt for name in (scenario.setting("to") or "bob").split(",")}
    sender = "" if "null" in words else ADDRESS
    return site.submit(message_of(words), sender, mail, recipients)


def message_of(words: Sequence[str]) -> bytes:
    """A complete message that is like no other."""
    subject = "Grüße" if "utf8" in words else "A scenario"
    tls = "TLS-Required: No\r\n" if "optional" in words else ""
    eight_bit = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    headers = (
        "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
        f"Message-ID: <scenario.{next(_numbers)}@client.example>\r\n"
        f"From: Ann <{ADDRESS}>\r\n"
        f"Subject: {subject}\r\n"
        f"{tls}"
        f"{eight_bit if '8bit' in words else ''}"
    )
    return headers.encode() + b"\r\n" + BODY


# What came of it


def _seen(arrival: Arrival) -> str:
    words = [*arrival.parameters, "BDAT"] if arrival.chunked else arrival.parameters
    how = "tls" if arrival.tls else "clear"
    return " ".join([arrival.host, how, *(word.lower() for word in sorted(words))])


def _expected(scenario: Scenario) -> list[str]:
    found = []
    for cell in scenario.arrives:
        host, *words = cell.split()
        if host != "nowhere":
            found.append(" ".join([host, words[0], *(each.lower() for each in sorted(words[1:]))]))
    return found


def _check_told(site: RelaySite, scenario: Scenario, sent: Sent) -> None:
    waiting = {
        recipient["address"].partition("@")[0]: recipient["lastReply"]
        for recipient in site.queue().get(sent.queue_id, {}).get("recipients", ())
        if recipient["state"] == "queued"
    }
    reported = []
    for told in scenario.told:
        who, what, rest = _cell(told)
        if what == "waits":
            reply = waiting.pop(who)
            assert reply.startswith(rest), reply
        elif what not in {"done", "unreported"}:
            reported.append(f"{who} {what} {rest}")
    assert waiting == {}, "these are not told of in the line"
    assert bool(site.log.all(event="unreported", queueId=sent.queue_id)) == ("unreported" in scenario.told)
    if not reported:
        assert site.log.all(event="report", queueId=sent.queue_id) == []
        return
    report = site.report_about(sent)
    assert sorted(report.told) == sorted(reported)
    # R22, R23: whatever RET said.
    assert b"which no report shows" not in report.raw
    assert (report.message["TLS-Required"] == "No") == ("optional" in scenario.message)


def _cell(told: str) -> tuple[str, str, str]:
    words = told.split()
    if words[0] in {"done", "unreported", "waits", "failed", "relayed", "delayed", "delivered", "expanded"}:
        words.insert(0, "bob")
    return words[0], words[1], " ".join(words[2:])


def _check_log(site: RelaySite, scenario: Scenario, sent: Sent, arrivals: Sequence[Arrival]) -> None:
    lines = site.log.all(event="relay", queueId=sent.queue_id)
    demand = next((word for word in ("require", "optional") if word in scenario.message), "none")
    assert {line["requiretls"] for line in lines} <= {demand}
    replies = [(str(line["tls"]), str(line["reply"])) for line in lines]
    surely = Counter(tls for tls, reply in replies if any(each[:4] == "250 " for each in reply.split("; ")))
    perhaps = Counter(tls for tls, reply in replies if reply.endswith("it may have arrived"))
    arrived = Counter(arrival.tls for arrival in arrivals)
    assert surely <= arrived <= surely + perhaps
