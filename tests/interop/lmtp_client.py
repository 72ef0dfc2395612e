"""
A program that delivers by LMTP over a socket of the file system, on a real
reactor. It reads a JSON object from standard input (``path``, ``recipients``,
``count``) and prints what became of the recipients of each message.
"""

from __future__ import annotations

import json
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from mailext.delivery.lmtp import LmtpTarget
from mailext.message.headers import HeaderSection
from mailext.net.client.connector import Connector, dialler
from mailext.net.client.pool import ConnectionPool
from mailext.net.client.settings import ClientSettings
from mailext.net.client.verification import TrustRoots
from mailext.trust.pkix import PkixAuthenticator
from mailext.values import Envelope, Mailbox, NextHop, Protocol, Recipient
from mailext.wire.grammar import parse_mailbox
from tests.samples import SAMPLE


async def deliver(path: str, recipients: list[str], count: int) -> list[list[str]]:
    settings = ClientSettings("mx.example.org", protocol=Protocol.LMTP)
    pool = ConnectionPool(Connector(dialler(reactor, 10.0), settings, TrustRoots(), reactor), reactor)
    target = LmtpTarget(NextHop("localhost", 0, path=path), pool, PkixAuthenticator())
    envelope = Envelope(
        Mailbox("carol", "example.net"), tuple(Recipient(parse_mailbox(each)) for each in recipients)
    )
    headers, body = HeaderSection.parse(SAMPLE)
    replies = []
    for _ in range(count):
        delivery = await target.startDelivery(envelope, headers)
        delivery.write(body)
        replies.append([str(outcome) for outcome in (await delivery.commit()).values()])
    await pool.close()
    return replies


def main(_: object) -> Deferred[None]:
    delivering = Deferred.fromCoroutine(deliver(**json.load(sys.stdin)))
    return delivering.addCallback(lambda replies: sys.stdout.write(json.dumps(replies)))


if __name__ == "__main__":
    react(main)
