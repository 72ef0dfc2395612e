"""Debian's Postfix, and its smtp-sink, as next hops of the relay."""

from __future__ import annotations

import itertools
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS, answers, eventually
from tests.interop.postfix import Postfix
from tests.numbered_sender import NumberedSender
from tests.programs import find
from tests.relay.scenario import BODY, message_of
from tests.relay.site import FRIEND, STEADY, Place, RelaySite, Sent

_HOST = "mx.postfix.test"
_LOAD = 500
_NUMBER = re.compile(rb"^Subject: number ([0-9]+)\r?$", re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    """A server that wants a verified certificate of Postfix."""
    destinations = {"postfix.test": 'security = "verify"\n'}
    made = RelaySite(tmp_path_factory.mktemp("relay") / "site", STEADY, destinations)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def postfix(site: RelaySite) -> Iterator[Postfix]:
    """A Postfix that has mailboxes for postfix.test, and sends its reports to our server."""
    place = site.place(_HOST)
    site.records.add(_HOST, "A", place.address)
    site.records.add("postfix.test", "MX", f"10 {_HOST}.", status=DnsStatus.SECURE)
    chain = site.server.folder / "postfix.pem"
    site.certificates.certify(chain, _HOST)
    # The owner of its folder, who may write there.
    owner = pwd.getpwnam("postfix")
    instance = Postfix(
        f"""\
relayhost = [127.0.0.1]:{site.server.mx}
smtp_tls_security_level = encrypt
smtputf8_enable = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unlisted_recipient
virtual_mailbox_domains = postfix.test
virtual_mailbox_maps = inline:{{ {{bob@postfix.test=bob/}} {{jürgen@postfix.test=bob/}} }}
virtual_mailbox_base = $data_directory
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_chain_files = {chain}
debug_peer_list = 127.0.0.0/8
debug_peer_level = 1
""",
        f"{place.address}:{site.port} inet n - n - - smtpd\nvirtual unix - n n - - virtual\n",
    )
    try:
        instance.start()
        eventually(lambda: answers(site.port, place.address), "Postfix to listen")
        yield instance
    finally:
        instance.stop()


def send(
    site: RelaySite,
    recipient: str,
    *words: str,
    mail: tuple[str, ...] = (),
    rcpt: tuple[str, ...] = (),
) -> Sent:
    parameters = ["SMTPUTF8", "BODY=8BITMIME"] if "utf8" in words else []
    sent = site.submit(message_of(words), ADDRESS, [*parameters, *mail], {recipient: rcpt})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    return sent


def mailbox(postfix: Postfix, sent: Sent) -> bytes:
    """:return: the message as Postfix has delivered it; it keeps lines with LF."""

    def found() -> bytes:
        files = (postfix.folder / "data" / "bob" / "new").glob("*")
        return next((text for text in map(Path.read_bytes, files) if sent.message_id in text), b"")

    return eventually(found, "the message in the mailbox of Postfix")


@pytest.mark.interop("postfix")
def test_over_verified_tls_and_in_chunks(site: RelaySite, postfix: Postfix) -> None:
    sent = send(site, "bob@postfix.test")
    stored = mailbox(postfix, sent)
    assert stored.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n"))
    [line] = site.log.all(event="relay", queueId=sent.queue_id)
    assert (line["tlsLevel"], line["mxLevel"], line["host"]) == ("authenticated", "dnssec", _HOST)
    log = postfix.wait_until_sent()
    assert "TLS connection established from" in log
    assert re.search(r"< \S+\[127\.0\.0\.1\]: BDAT [0-9]+ LAST", log)
    assert "improper command pipelining" not in log


@pytest.mark.interop("postfix")
def test_addresses_and_header_fields_in_utf_8(site: RelaySite, postfix: Postfix) -> None:
    sent = send(site, "jürgen@postfix.test", "utf8")
    assert "Subject: Grüße\n".encode() in mailbox(postfix, sent)


@pytest.mark.interop("postfix")
def test_who_knows_dsn_reports_itself(site: RelaySite, postfix: Postfix) -> None:
    sent = send(
        site,
        "bob@postfix.test",
        mail=("ENVID=to-postfix", "RET=HDRS"),
        rcpt=("NOTIFY=SUCCESS", "ORCPT=rfc822;Bob@old.test"),
    )
    mark = b"Original-Envelope-Id: to-postfix"

    def found() -> bytes:
        return next((text for text in site.server.messages() if mark in text), b"")

    raw = eventually(found, "the report of Postfix")
    assert b"Original-Recipient: rfc822;Bob@old.test" in raw
    assert b"Action: delivered" in raw
    assert b"Reporting-MTA: dns; peer.example.net" in raw
    assert site.log.all(event="report", queueId=sent.queue_id) == []


@pytest.mark.interop("postfix")
def test_a_recipient_that_postfix_does_not_know(site: RelaySite, postfix: Postfix) -> None:
    report = site.report_about(send(site, "nobody@postfix.test"))
    assert report.told == ["nobody failed 5.1.1"]
    assert "User unknown" in report.recipients[0]["Diagnostic-Code"]


@pytest.mark.interop("postfix")
@pytest.mark.requirement("R12", "R15")
def test_postfix_does_not_know_requiretls(site: RelaySite, postfix: Postfix) -> None:
    report = site.report_about(send(site, "bob@postfix.test", mail=("REQUIRETLS",)))
    assert report.told == ["bob failed 5.7.30"]


@contextmanager
def smtp_sink(site: RelaySite, place: Place) -> Iterator[Path]:
    """A running smtp-sink, and the folder that it fills: a file for each message."""
    # It gives up root: no folder above its own may be private.
    folder = Path(tempfile.mkdtemp(prefix="mailext-sink-"))
    shutil.chown(folder, "nobody")
    where = f"{place.address}:{site.port}"
    sink = subprocess.Popen(
        [str(find("smtp-sink")), "-u", "nobody", "-d", "message.", where, "100"], cwd=folder
    )
    try:
        eventually(lambda: answers(site.port, place.address), "smtp-sink to listen")
        yield folder
    finally:
        sink.kill()
        sink.wait()
        shutil.rmtree(folder)


@pytest.mark.interop("smtp-sink")
def test_many_messages_none_lost_and_none_twice(site: RelaySite) -> None:
    place = site.place("sink.test")
    site.records.add(place.name, place.record, place.address)
    numbers = itertools.count()
    with smtp_sink(site, place) as folder:
        crew = [
            NumberedSender(
                site.server.mx, itertools.islice(numbers, _LOAD // 4), "bob@sink.test", FRIEND, (0, 4_000)
            )
            for _ in range(4)
        ]
        for sender in crew:
            sender.start()
        for sender in crew:
            sender.join(60)
        eventually(lambda: site.queue() == {}, "an empty queue", 60)
        arrived = [int(_NUMBER.findall(file.read_bytes())[0]) for file in folder.glob("message.*")]
    acknowledged = sorted(number for sender in crew for number in sender.acknowledged)
    assert len(acknowledged) == _LOAD
    assert sorted(arrived) == acknowledged
