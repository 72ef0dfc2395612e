"""aiosmtpd: a store of somebody else's that takes mail by LMTP (RFC 2033)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiosmtpd.controller import UnixSocketController
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.relay.scenario import BODY, message_of
from tests.relay.site import RelaySite

RECIPIENTS = {f"{name}@example.org": [] for name in ("ann", "full", "later", "nobody")}


class Mailboxes:
    """Has a reply for each recipient, by the local part."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, bytes]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 Nobody here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(0)
        return "\r\n".join(self._put(address, envelope.content) for address in envelope.rcpt_tos)

    def _put(self, address: str, content: bytes) -> str:
        replies: Mapping[str, str] = {
            "full": "552 5.2.2 The mailbox is full",
            "later": "452 4.2.2 Not now",
        }
        reply = replies.get(address.partition("@")[0])
        if reply is None:
            self.stored.append((address, content))
        return reply or "250 2.0.0 Saved"


class _Store(UnixSocketController):
    def factory(self) -> LMTP:
        return LMTP(self.handler, **self.SMTP_kwargs)


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Mailboxes]:
    boxes = Mailboxes()
    store = _Store(boxes, unix_socket=str(tmp_path / "store"))
    store.start()
    yield boxes
    store.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RelaySite]:
    made = RelaySite(tmp_path / "site", more=f'[delivery]\nlmtp = "unix:{tmp_path}/store"\n')
    for address in RECIPIENTS:
        if not address.startswith("ann@"):
            made.server.run("account", "add", address, "--password-stdin", stdin=b"a long password\n")
    made.start()
    yield made
    made.stop()


def test_each_recipient_has_a_reply_of_its_own(site: RelaySite, boxes: Mailboxes) -> None:
    sent = site.submit(message_of(()), "ann@example.org", [], RECIPIENTS)
    site.log.wait_for(event="attempt", queueId=sent.queue_id)
    # The report about the others tells the header section, and takes the same way.
    assert [address for address, content in boxes.stored if content.endswith(b"\r\n\r\n" + BODY)] == [
        "ann@example.org"
    ]
    [waiting] = [each for each in site.queue()[sent.queue_id]["recipients"] if each["state"] == "queued"]
    assert (waiting["address"], waiting["lastReply"]) == ("later@example.org", "452 4.2.2 Not now")
    report = site.log.wait_for(event="report", queueId=sent.queue_id)
    site.log.wait_for(event="done", queueId=str(report["reply"]).rpartition(" ")[2])
    [(_, told)] = [each for each in boxes.stored if b"multipart/report" in each[1]]
    assert b"Status: 5.2.2\r\n" in told
    assert b"Status: 5.1.1\r\n" in told
    site.server.run("queue", "drop", sent.queue_id)


@pytest.mark.requirement("R8")
def test_a_socket_of_the_machine_needs_no_tls(site: RelaySite, boxes: Mailboxes) -> None:
    sent = site.submit(message_of(()), "ann@example.org", ["REQUIRETLS"], {"ann@example.org": []})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    assert [address for address, _ in boxes.stored] == ["ann@example.org"]
