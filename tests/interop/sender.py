"""
A program that sends mail with the library, on a real reactor.

It reads a JSON object from standard input: ``host``, ``port``, ``name`` (whom
the certificate is for), ``implicit``, ``use``, ``roots``, ``username``,
``password``, ``identities``, ``discard``, ``recipients``, ``notify``, ``envid``,
``count``, ``size``, ``concurrency`` and ``requiretls``; and it prints one of the outcomes, or
what went wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import react

from mailext import Credentials, FileIdentitySource, MailSender, MailServer
from mailext.net.client.pool import PoolSettings
from mailext.net.client.verification import TrustRoots
from mailext.values import Envelope, HopError, Mailbox, MailOptions, Notify, RcptOptions, Recipient, TlsUse
from mailext.wire.grammar import parse_mailbox


async def send(wishes: dict) -> list[list[str]]:
    credentials = None
    if wishes.get("username"):
        credentials = Credentials(wishes["username"], wishes["password"])
    identities = FileIdentitySource(Path(wishes["identities"])) if wishes.get("identities") else None
    server = MailServer(
        wishes["name"],
        wishes["port"],
        wishes.get("implicit", False),
        TlsUse(wishes.get("use", "verified")),
        credentials,
        identities,
    )
    sender = MailSender(
        server,
        reactor,
        "client.example.org",
        roots=TrustRoots(Path(wishes["roots"])) if wishes.get("roots") else None,
        discard=frozenset(wishes.get("discard", ())),
        dial=lambda _, port: HostnameEndpoint(reactor, wishes["host"], port),
        pool=PoolSettings(concurrency=wishes.get("concurrency", 20)),
    )
    options = MailOptions(requiretls=wishes.get("requiretls", False), envid=wishes.get("envid"))
    reports = RcptOptions(frozenset(map(Notify, wishes.get("notify", ()))))
    recipients = tuple(Recipient(parse_mailbox(address), reports) for address in wishes["recipients"])
    envelope = Envelope(Mailbox("ann", "example.org"), recipients, options)
    body = b".0123456789 dots and digits\r\n" * (wishes.get("size", 100) // 29)
    message = b"Subject: sent by a program\r\nFrom: ann@example.org\r\n\r\n" + body
    found = await DeferredList(
        [sender.send(envelope, message) for _ in range(wishes.get("count", 1))], consumeErrors=True
    )
    await sender.close()
    return [told(success, result) for success, result in found]


def told(success: bool, result: object) -> list[str]:
    if success:
        return [str(outcome) for outcome in result.values()]
    if not result.check(HopError):
        result.raiseException()
    return [str(result.value)]


def main(_: object) -> Deferred[None]:
    sent = Deferred.fromCoroutine(send(json.load(sys.stdin)))
    return sent.addCallback(lambda outcomes: sys.stdout.write(json.dumps(outcomes)))


if __name__ == "__main__":
    react(main)
